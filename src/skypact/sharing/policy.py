"""What each partner gets: the release policy, and its word on one subject.

Rules are tried in order and the first that matches decides; where none does, the partner's default.
A subject is judged by itself and by what the partner's own release picture says of it, never by
what was not released to that partner: so a decision tells nothing of that.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.model import (
    AreaWarning,
    Assessment,
    Consultation,
    FlightKind,
    Heartbeat,
    Level,
    Matter,
    Openness,
    Payload,
    ScanPlots,
    Use,
)

S = 1_000_000_000
ALL_USES = tuple(Use)
_BIT = {use: 1 << at for at, use in enumerate(Use)}
_CLOSED_FIRST = (Openness.HIDDEN, Openness.ROUNDED, Openness.FULL)


class Area(msgspec.Struct, frozen=True):
    """A polygon of (latitude, longitude) in degrees; its sides are straight on a plain chart.

    Spans less than 180° of longitude, and may lie across the antimeridian.
    """

    corners: tuple[tuple[float, float], ...]

    def holds(
        self, latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which of the places (n,) lie within: those whose line to the north crosses odd sides."""
        ring = np.array(self.corners)
        origin = ring[0, 1]
        x = _within_half_turn(ring[:, 1] - origin)
        at = _within_half_turn(np.asarray(longitude_deg) - origin)[:, None]
        y0, y1, x0, x1 = ring[:, 0], np.roll(ring[:, 0], -1), x, np.roll(x, -1)
        crosses = (x0 <= at) != (x1 <= at)
        across = np.where(x1 == x0, 1.0, x1 - x0)
        north = np.asarray(latitude_deg)[:, None] < y0 + (at - x0) / across * (y1 - y0)
        return np.sum(crosses & north, axis=1) % 2 == 1

    def holds_one(self, latitude_deg: float, longitude_deg: float) -> bool:
        """Whether one place lies within: as `holds`, without its overhead of some 50 µs."""
        origin = self.corners[0][1]
        at = _half_turn(longitude_deg - origin)
        inside = False
        y0, x0 = self.corners[-1][0], _half_turn(self.corners[-1][1] - origin)
        for latitude, longitude in self.corners:
            y1, x1 = latitude, _half_turn(longitude - origin)
            if (x0 <= at) != (x1 <= at) and latitude_deg < y0 + (at - x0) / (x1 - x0) * (y1 - y0):
                inside = not inside
            y0, x0 = y1, x1
        return inside


def _half_turn(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def _within_half_turn(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return (degrees + 180.0) % 360.0 - 180.0


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What goes where all its conditions hold; an absent one (None) always does.

    `kinds`: what the partner's release picture takes it for. `area`: where the object is, its foot
    on the Earth. `radars`: that saw it. `from_ns` to before `until_ns`: of the subject's time.
    `exercise`: only then, or only live.
    """

    name: str
    level: Level
    openness: Openness
    use: tuple[Use, ...]
    per_s: float
    kinds: frozenset[FlightKind] | None = None
    area: Area | None = None
    radars: frozenset[str] | None = None
    from_ns: int | None = None
    until_ns: int | None = None
    exercise: bool | None = None


class PartnerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One partner's rules, and the rule `otherwise` without conditions, for all else.

    `consultation`: what of it may go to the partner.
    """

    rules: tuple[Rule, ...]
    otherwise: Rule
    consultation: frozenset[Matter] = frozenset()

    @property
    def asks_place(self) -> bool:
        """Whether any rule has an area."""
        return any(rule.area is not None for rule in self.rules)

    @property
    def asks_no_more(self) -> bool:
        """Whether radar, kind and exercise are all that any rule asks for: no time, no place."""
        return all(
            rule.area is None and rule.from_ns is None and rule.until_ns is None
            for rule in self.rules
        )

    @property
    def asks_kind(self) -> bool:
        """Whether any rule has kinds."""
        return any(rule.kinds is not None for rule in self.rules)

    def use_sets(self, least: Level) -> tuple[tuple[Use, ...], ...]:
        """All sets of uses that something may be granted for, at a level or more.

        Those of the rules, and what is common to some of them.
        """
        found: set[int] = set()
        for rule in (*self.rules, self.otherwise):
            if rule.level >= least:
                bits = use_bits(rule.use)
                found |= {bits & other for other in found} | {bits}
        return tuple(uses_of(bits) for bits in sorted(found, reverse=True) if bits)


def use_bits(use: Sequence[Use]) -> int:
    """A set of uses as one number."""
    return sum(_BIT[one] for one in set(use))


def uses_of(bits: int) -> tuple[Use, ...]:
    """The set that a number is."""
    return tuple(one for one in Use if bits & _BIT[one])


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A nation's release policy; `hash` is the SHA-256 of its text, in hexadecimal."""

    nation: str
    partners: Mapping[str, PartnerPolicy]
    hash: str


class Subject(NamedTuple):
    """What is to be released: a plot, a tracklet, or a flight, at one time.

    `radars`: those that saw it, of the ones in the partner's release picture; at least one.
    `kind`: by that picture. The place is the foot of the object on the Earth; None: not known.
    """

    time_ns: int
    radars: tuple[str, ...]
    exercise: bool
    kind: FlightKind = FlightKind.UNKNOWN
    latitude_rad: float | None = None
    longitude_rad: float | None = None


class Decision(NamedTuple):
    """What a partner gets of a subject.

    `level` NOTHING: nothing at all. `per_s`: most payloads a second to that partner under this
    rule. `rule`: its name.
    """

    level: Level
    openness: Openness
    use: tuple[Use, ...]
    rule: str
    reason: str
    per_s: float

    def sends(self, payload: Payload) -> bool:
        """Whether a payload of this kind goes; what people say is not decided by subjects.

        Plots, or tracklets, go at just their level; an assessment and a warning at each level that
        tells as much.
        """
        if isinstance(payload, Heartbeat | Consultation):
            return isinstance(payload, Heartbeat)
        if isinstance(payload, AreaWarning):
            return self.level >= Level.WARNING
        if isinstance(payload, Assessment):
            return self.level >= Level.ASSESSMENT
        return self.level == (Level.PLOTS if isinstance(payload, ScanPlots) else Level.TRACKLETS)


def decide(policy: Policy, partner: str, subject: Subject) -> Decision:
    """What a partner gets of a subject, and why.

    A flight that several radars saw goes as openly as the least open of them allows, for the uses
    that all allow.
    """
    if not subject.radars:
        return _nothing("no radar is named that saw it")
    chosen = policy.partners.get(partner)
    if chosen is None:
        return _nothing(f"{partner} is no partner of {policy.nation} in this policy")
    rules = [_matching(chosen, subject, radar) for radar in sorted(subject.radars)]
    least = min(rules, key=lambda rule: rule.level)
    use = tuple(one for one in Use if all(one in rule.use for rule in rules))
    if not use:
        return _nothing("the radars that saw it are released for different uses")
    openness = min((rule.openness for rule in rules), key=_CLOSED_FIRST.index)
    per_s = min(rule.per_s for rule in rules)
    return Decision(least.level, openness, use, least.name, _why(least), per_s)


def _matching(chosen: PartnerPolicy, subject: Subject, radar: str) -> Rule:
    for rule in chosen.rules:
        if not _misses(rule, subject, radar):
            return rule
    return chosen.otherwise


def _misses(rule: Rule, subject: Subject, radar: str) -> str:
    """The first condition of a rule that does not hold; empty where all do."""
    if rule.exercise is not None and rule.exercise != subject.exercise:
        return "it is for exercises alone" if rule.exercise else "it is for what is live alone"
    if rule.radars is not None and radar not in rule.radars:
        return f"radar {radar} is not among {_listed(rule.radars)}"
    if rule.from_ns is not None and subject.time_ns < rule.from_ns:
        return f"it begins at {_utc(rule.from_ns)}"
    if rule.until_ns is not None and subject.time_ns >= rule.until_ns:
        return f"it ended at {_utc(rule.until_ns)}"
    if rule.kinds is not None and subject.kind not in rule.kinds:
        return f"kind {subject.kind} is not among {_listed(rule.kinds)}"
    if rule.area is not None:
        if subject.latitude_rad is None or subject.longitude_rad is None:
            return "it has an area, and the place is not known"
        latitude, longitude = (
            math.degrees(subject.latitude_rad),
            math.degrees(subject.longitude_rad),
        )
        if not rule.area.holds_one(latitude, longitude):
            return f"{latitude:.3f}, {longitude:.3f} is outside of its area"
    return ""


def _nothing(reason: str) -> Decision:
    return Decision(Level.NOTHING, Openness.HIDDEN, (), "", reason, 0.0)


def _why(rule: Rule) -> str:
    """What made a rule the one."""
    said = []
    if rule.exercise is not None:
        said.append("exercise" if rule.exercise else "live")
    if rule.radars is not None:
        said.append(f"radar among {_listed(rule.radars)}")
    if rule.from_ns is not None or rule.until_ns is not None:
        start = "" if rule.from_ns is None else f"from {_utc(rule.from_ns)}"
        end = "" if rule.until_ns is None else f"until {_utc(rule.until_ns)}"
        said.append(f"{start} {end}".strip())
    if rule.kinds is not None:
        said.append(f"kind among {_listed(rule.kinds)}")
    if rule.area is not None:
        said.append("within its area")
    return ", ".join(said) or "no conditions"


def _listed(names: frozenset[str] | frozenset[FlightKind]) -> str:
    return ", ".join(sorted(map(str, names)))


def _utc(time_ns: int) -> str:
    at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def level_of_radar(
    policy: Policy,
    partner: str,
    radar: str,
    time_ns: int,
    *,
    exercise: bool,
) -> Level:
    """The most that can go of what this radar sees at a time, of any kind and anywhere."""
    chosen = policy.partners.get(partner)
    if chosen is None:
        return Level.NOTHING
    subject = Subject(time_ns, (radar,), exercise)
    most = Level.NOTHING
    for rule in chosen.rules:
        if not _misses(msgspec.structs.replace(rule, kinds=None, area=None), subject, radar):
            most = max(most, rule.level)
            if rule.kinds is None and rule.area is None:
                return most
    return max(most, chosen.otherwise.level)


def released_radars(
    policy: Policy,
    partner: str,
    time_ns: int,
    radars: Sequence[str],
    *,
    exercise: bool,
    least: Level = Level.WARNING,
) -> tuple[str, ...]:
    """Which of one's own radars have a part in a partner's release picture at a time.

    What goes at a level is made from a picture of the radars that may go at that level or more
    (`least`): in one that also held others, what those saw would shape it.
    """
    return tuple(
        radar
        for radar in radars
        if level_of_radar(policy, partner, radar, time_ns, exercise=exercise) >= least
    )


def granted_for(policy: Policy, partner: str, subject: Subject, least: Level) -> tuple[Use, ...]:
    """The same for a flight: the uses that each radar that saw it, and each kind, would go for."""
    chosen = policy.partners.get(partner)
    if chosen is None or not subject.radars:
        return ()
    bits = use_bits(ALL_USES)
    for radar in subject.radars:
        goes = False
        for kind in FlightKind:
            rule = _matching(chosen, subject._replace(kind=kind), radar)
            if rule.level >= least:
                bits &= use_bits(rule.use)
                goes = True
        bits *= goes
    return uses_of(bits)


class Explanation(NamedTuple):
    """What a partner gets of a subject, and for each radar how each rule stood."""

    partner: str
    decision: Decision
    steps: tuple[str, ...]


def explain(policy: Policy, subject: Subject, partners: Sequence[str] = ()) -> list[Explanation]:
    """What each partner (default: all of the policy) gets, and why."""
    out = []
    for partner in partners or sorted(policy.partners):
        chosen = policy.partners.get(partner)
        steps = [] if chosen is None else list(_steps(chosen, subject))
        out.append(Explanation(partner, decide(policy, partner, subject), tuple(steps)))
    return out


def _steps(chosen: PartnerPolicy, subject: Subject) -> Sequence[str]:
    steps = []
    several = len(subject.radars) > 1
    for radar in sorted(subject.radars):
        of = f"radar {radar}: " if several else ""
        for number, rule in enumerate(chosen.rules, start=1):
            missed = _misses(rule, subject, radar)
            named = f'{of}rule {number}, "{rule.name}"'
            if missed:
                steps.append(f"{named}: no, {missed}")
            else:
                steps.append(f"{named}: yes ({_why(rule)}), so {rule.level.name.lower()}")
                break
        else:
            level = chosen.otherwise.level.name.lower()
            steps.append(f"{of}no rule applies, so what the partner's own table says: {level}")
    return steps


def explanation_text(explained: Sequence[Explanation]) -> str:
    """The same for people."""
    lines = []
    for one in explained:
        decision = one.decision
        by = f' (by "{decision.rule}")' if decision.rule else f" ({decision.reason})"
        lines.append(f"{one.partner} gets {_gets(decision)}{by}")
        lines += [f"  {step}" for step in one.steps]
    return "\n".join(lines)


_TELLS = {
    Level.NOTHING: "nothing",
    Level.WARNING: "warnings: the area and the time alone",
    Level.ASSESSMENT: "assessments: launch, apogee, impact and kind",
    Level.TRACKLETS: "{openness} tracklets, and assessments",
    Level.PLOTS: "the plots themselves, and assessments",
}
_FOR = {
    Use.PICTURE: "for its own eyes",
    Use.PUBLIC_WARNING: "for public alerts",
    Use.EXPORT: "for exports",
}


def _gets(decision: Decision) -> str:
    """What a partner gets, for people."""
    if decision.level == Level.NOTHING:
        return "nothing"
    told = _TELLS[decision.level].format(openness=decision.openness)
    uses = " and ".join(_FOR[use] for use in decision.use)
    rate = "" if math.isinf(decision.per_s) else f", at most {decision.per_s:g} messages a second"
    return f"{told}; {uses}{rate}"
