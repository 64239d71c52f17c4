"""What another release policy would change, partner by partner: who gets more, who gets less.

Both policies are asked about everything that any of their rules tells apart: radars and kinds,
live and exercise, within and outside of each area, before and after each time still to come.
"""

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from skypact.model import FlightKind, Openness, Use
from skypact.sharing.policy import Decision, PartnerPolicy, Policy, Rule, Subject, decide

S = 1_000_000_000
_OPEN = (Openness.HIDDEN, Openness.ROUNDED, Openness.FULL)
_LEVELS = {"warning": "warnings", "assessment": "assessments"}
_USES = {
    Use.PICTURE: "their own picture",
    Use.PUBLIC_WARNING: "public warnings",
    Use.EXPORT: "exports",
}


class Change(NamedTuple):
    """What becomes other for one partner: `more`, `less`, or neither more nor less (`other`)."""

    partner: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    other: tuple[str, ...]


class _Case(NamedTuple):
    """A subject that rules tell apart, and how people call it."""

    subject: Subject
    radar: str
    kind: str
    circumstances: str


def changes(old: Policy | None, new: Policy, radars: Sequence[str], now_ns: int) -> list[Change]:
    """By partner of either; those for whom nothing changes are left out. None: nothing went."""
    before = old or Policy(nation=new.nation, partners={}, hash="")
    out = []
    for partner in sorted(set(before.partners) | set(new.partners)):
        found: dict[tuple[str, str, str], list[_Case]] = {}
        for case in _cases(before.partners.get(partner), new.partners.get(partner), radars, now_ns):
            was = decide(before, partner, case.subject)
            becomes = decide(new, partner, case.subject)
            if _weight(was) != _weight(becomes):
                key = _direction(was, becomes), *_said(was, becomes)
                found.setdefault(key, []).append(case)
        lines: dict[str, list[str]] = {"more": [], "less": [], "other": []}
        for way, line in _consultation(before.partners.get(partner), new.partners.get(partner)):
            lines[way].append(line)
        for (way, was_said, becomes_said), cases in found.items():
            lines[way].append(f"of {_of(cases, radars)}, {becomes_said} instead of {was_said}")
        if any(lines.values()):
            out.append(Change(partner, *(tuple(lines[way]) for way in ("more", "less", "other"))))
    return out


def _consultation(
    old: PartnerPolicy | None, new: PartnerPolicy | None
) -> Iterator[tuple[str, str]]:
    """What of consultations goes from now on, or no more."""
    was = old.consultation if old else frozenset()
    becomes = new.consultation if new else frozenset()
    for way, matters, when in (
        ("more", becomes - was, "from now on"),
        ("less", was - becomes, "no more"),
    ):
        if matters:
            yield way, f"of consultations: {' and '.join(sorted(matters))} {when}"


def changes_text(found: Sequence[Change]) -> str:
    """The same for people."""
    if not found:
        return "Nothing changes for any partner."
    lines = []
    for one in found:
        for way, said_of in (("MORE", one.more), ("LESS", one.less), ("other", one.other)):
            lines += [f"{one.partner} gets {way}: {line}" for line in said_of]
    return "\n".join(lines)


def _said(was: Decision, becomes: Decision) -> tuple[str, str]:
    """What a partner got and gets, in a few words; what it is for once where that stays."""
    same_use = bool(was.level and becomes.level) and set(was.use) == set(becomes.use)
    return _what(was, use=not same_use), _what(becomes, use=not same_use)


def _what(decision: Decision, *, use: bool) -> str:
    if not decision.level:
        return "nothing"
    level = decision.level.name.lower()
    how = f"{decision.openness} {level}" if level == "tracklets" else _LEVELS.get(level, level)
    to = f" for {' and '.join(_USES[one] for one in decision.use)}" if use else ""
    rate = "" if math.isinf(decision.per_s) else f" (at most {decision.per_s:g} a second)"
    return f"{how}{to}{rate}"


def _weight(decision: Decision) -> tuple[int, int, frozenset[str], float]:
    """All that counts of a decision; openness where it has a say."""
    if not decision.level:
        return 0, 0, frozenset(), 0.0
    tracklets = decision.level.name == "TRACKLETS"
    openness = _OPEN.index(decision.openness) if tracklets else 0
    return int(decision.level), openness, frozenset(decision.use), decision.per_s


def _direction(was: Decision, becomes: Decision) -> str:
    a, b = _weight(was), _weight(becomes)
    up = (b[:2] >= a[:2], b[2] >= a[2], b[3] >= a[3])
    down = (b[:2] <= a[:2], b[2] <= a[2], b[3] <= a[3])
    return "more" if all(up) else "less" if all(down) else "other"


def _cases(
    old: PartnerPolicy | None, new: PartnerPolicy | None, radars: Sequence[str], now_ns: int
) -> Iterator[_Case]:
    rules: list[Rule] = [rule for one in (old, new) if one for rule in one.rules]
    times = {now_ns: ""}
    for at in sorted({t for rule in rules for t in (rule.from_ns, rule.until_ns) if t}):
        if at > now_ns:
            times[at] = f"from {_day(at)} on"
    places: dict[tuple[float, float] | None, str] = {None: ""}
    for rule in rules:
        if rule.area is not None:
            places[_within(rule)] = f'in the area of "{rule.name}"'
    modes = [False, True] if any(rule.exercise is not None for rule in rules) else [False]
    kinds = list(FlightKind) if any(rule.kinds for rule in rules) else [FlightKind.UNKNOWN]
    for time_ns, when in times.items():
        for place, where in places.items():
            for exercise in modes:
                mode = "in exercises" if exercise else ""
                circumstances = ", ".join(word for word in (mode, where, when) if word)
                for kind in kinds:
                    for radar in radars:
                        subject = Subject(
                            time_ns, (radar,), exercise, kind, *(place or (None, None))
                        )
                        named = str(kind) if len(kinds) > 1 else ""
                        yield _Case(subject, radar, named, circumstances)


def _within(rule: Rule) -> tuple[float, float]:
    """A place, rad, in a rule's area: near the middle of a side, on the inner side of it."""
    assert rule.area is not None
    corners = rule.area.corners
    middle = [sum(c[k] for c in corners) / len(corners) for k in (0, 1)]
    candidates = [tuple(middle)]
    for (a, b), (c, d) in zip(corners, (*corners[1:], corners[0]), strict=True):
        for step in (1e-3, -1e-3):
            candidates.append(((a + c) / 2 + step * (d - b), (b + d) / 2 - step * (c - a)))
    inside = next((one for one in candidates if rule.area.holds_one(*one)), candidates[0])
    return math.radians(inside[0]), math.radians(inside[1])


def _of(cases: Sequence[_Case], radars: Sequence[str]) -> str:
    """Which cases, as few words as will do."""
    seen = sorted({case.radar for case in cases})
    kinds = sorted({case.kind for case in cases if case.kind})
    where = list(dict.fromkeys(case.circumstances for case in cases if case.circumstances))
    parts = [
        "what any radar sees" if len(seen) == len(radars) else f"what {' or '.join(seen)} sees"
    ]
    if kinds and len(kinds) < len(FlightKind):
        parts.append(f"taken for {' or '.join(kinds)}")
    if where and all(case.circumstances for case in cases):
        parts.append("; ".join(where))
    return ", ".join(parts)


def _day(time_ns: int) -> str:
    at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M UTC")
