"""A release policy explained: what each partner would get of something, and by which rule."""

import math
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from skypact.errors import InputError, nearest
from skypact.model import FlightKind, Radar
from skypact.offline.text import iso_utc
from skypact.sensing import load_radars
from skypact.sharing.policy import Explanation, Policy, Subject, explain, explanation_text
from skypact.sharing.policy_file import load_policy


class Told(NamedTuple):
    """For each subject what each partner would get, and why."""

    policy: Policy
    subjects: tuple[tuple[Subject, tuple[Explanation, ...]], ...]

    def text(self) -> str:
        """For people."""
        parts = []
        for subject, explained in self.subjects:
            seen = " and ".join(subject.radars)
            mode = "exercise" if subject.exercise else "live"
            kind = "" if subject.kind == FlightKind.UNKNOWN else f", taken for {subject.kind}"
            where = "" if subject.latitude_rad is None else " at that place"
            head = f"What {seen} sees{where}{kind} ({iso_utc(subject.time_ns, 0)}, {mode}):"
            parts.append(f"{head}\n{_indented(explanation_text(explained))}")
        for name, of in sorted(self.policy.partners.items()):
            matters = " and ".join(sorted(of.consultation)) or "nothing"
            parts.append(f"Of consultations {name} gets {matters}.")
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact release explain --json`."""
        return {
            "nation": self.policy.nation,
            "policy": self.policy.hash,
            "consultation": {
                name: sorted(of.consultation) for name, of in self.policy.partners.items()
            },
            "subjects": [
                {
                    "time": iso_utc(subject.time_ns),
                    "radars": list(subject.radars),
                    "kind": str(subject.kind),
                    "exercise": subject.exercise,
                    "partners": {
                        one.partner: {
                            "level": one.decision.level.name.lower(),
                            "openness": str(one.decision.openness),
                            "use": list(map(str, one.decision.use)),
                            "greatest_per_s": (
                                None if math.isinf(one.decision.per_s) else one.decision.per_s
                            ),
                            "rule": one.decision.rule,
                            "steps": list(one.steps),
                        }
                        for one in explained
                    },
                }
                for subject, explained in self.subjects
            ],
        }


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def read_policy(
    path: Path, radars: Sequence[Radar], *, nation: str | None, partners: Sequence[str]
) -> Policy:
    """A policy by itself, for `partners` or all that it names; raises InputError.

    In a coalition's folder `partners/` beside it says who is one; elsewhere who it names is one.
    """
    named = _named_in(path)
    own = nation or named[0]
    if own is None:
        raise InputError(str(path), '"nation" is missing', 'add a line nation = "…"')
    ids = [radar.id for radar in radars if radar.nation == own]
    if not ids:
        known = sorted({radar.nation for radar in radars})
        said = f"{own} has no radar in the radar table"
        raise InputError(str(path), said, f"give one of {', '.join(known)}, or another table")
    cards = path.parent / "partners"
    there = {card.name.split(".")[0] for card in cards.iterdir()} if cards.is_dir() else named[1]
    there |= set(partners)
    policy = load_policy(path, nation=own, partners=sorted(there - {own}), radars=ids)
    if not partners:
        return policy
    return structs.replace(policy, partners={name: policy.partners[name] for name in partners})


def _named_in(path: Path) -> tuple[str | None, set[str]]:
    """Nation and partners as the text has them; what is wrong with it is said where it is read."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return "?", set()
    nation, tables = document.get("nation"), document.get("partner")
    return (
        nation if isinstance(nation, str) else None,
        set(tables) if isinstance(tables, dict) else set(),
    )


def explain_policy(
    policy: Path,
    radars: Path,
    *,
    radar_ids: Sequence[str],
    kind: str,
    place: str | None,
    time_ns: int | None,
    nation: str | None,
    partners: Sequence[str],
    exercise: bool,
) -> Told:
    """What each partner would get of something; `place`: "LAT,LON" in degrees.

    Without `radar_ids` each of one's own radars is taken alone. Raises InputError.
    """
    table = load_radars(radars)
    read = read_policy(policy, table, nation=nation, partners=partners)
    own = [radar.id for radar in table if radar.nation == read.nation]
    for name in radar_ids:
        if name not in own:
            near = nearest(name, own)
            remedy = f'did you mean "{near}"?' if near else f"there are {', '.join(own)}"
            raise InputError(str(radars), f"{read.nation} has no radar {name}", remedy)
    if kind not in set(FlightKind):
        remedy = f"give one of {', '.join(FlightKind)}"
        raise InputError("--kind", f"{kind!r} is no kind", remedy)
    latitude, longitude = (None, None) if place is None else _place(place)
    at_ns = time.time_ns() if time_ns is None else time_ns
    seen = [tuple(radar_ids)] if radar_ids else [(name,) for name in own]
    subjects = [
        Subject(at_ns, names, exercise, FlightKind(kind), latitude, longitude) for names in seen
    ]
    return Told(read, tuple((subject, tuple(explain(read, subject))) for subject in subjects))


def _place(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
        raise InputError("--place", f"{text!r} is no place", "give degrees, as in 38.5,127.0")
    return math.radians(latitude), math.radians(longitude)
