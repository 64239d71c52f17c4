"""Which flights are of one event, which are one flight, and how far nations differ about them."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from skypact.desk.beside import differences, misfit
from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import AreaWarning, Assessment, Event, Flight, Impact, Launch
from skypact.settings import ConsultationSettings

S = 1_000_000_000
Stated = Assessment | AreaWarning
Known = Stated | Flight


class _End(NamedTuple):
    """Where and when something begins or ends."""

    time_ns: int
    latitude_rad: float
    longitude_rad: float


def is_of(one: Known, others: Iterable[Known], settings: ConsultationSettings) -> bool:
    """Whether a flight is of the event of some others: launched near one, or coming down near it.

    Launches count where both are known; where neither launch nor impact is, nothing can be told.
    """
    return any(_near(one, other, settings) for other in others)


def is_placed(one: Known) -> bool:
    """Whether it can be told of which event a flight is: launch or impact are known."""
    return any(end is not None for end in _ends(one))


def flights_of(event: Event) -> list[Stated]:
    """All flights that any nation counts to an event."""
    return [flight for said in event.assessments for flight in said.flights]


def _near(one: Known, other: Known, settings: ConsultationSettings) -> bool:
    for a, b in zip(_ends(one), _ends(other), strict=True):
        if a is not None and b is not None:
            if abs(a.time_ns - b.time_ns) > settings.same_event_s * S:
                return False
            metres = float(geodesic_inverse(*a[1:], *b[1:])[0])
            return metres <= 1e3 * settings.same_event_km
    return False


def _ends(one: Known) -> tuple[_End | None, _End | None]:
    """Launch and impact; of a warning the middle of its area and time."""
    if isinstance(one, AreaWarning):
        ring = one.area[:-1]
        if not ring:
            return None, None
        west = ring[0][0]
        east = [math.remainder(longitude - west, 2.0 * math.pi) for longitude, _ in ring]
        middle_ns = (one.from_ns + one.until_ns) // 2
        latitude = sum(latitude for _, latitude in ring) / len(ring)
        return None, _End(middle_ns, latitude, west + sum(east) / len(ring))
    return _end(one.launch), _end(one.impact)


def _end(at: Launch | Impact | None) -> _End | None:
    return None if at is None else _End(at.time_ns, at.latitude_rad, at.longitude_rad)


def counted(before: Iterable[Stated], now: Sequence[Stated]) -> tuple[Stated, ...]:
    """The flights of an event: those stated now, and those before that are over.

    What is stated under a new number takes the place of one that is no more and may have been the
    same flight, each of one at most: a track that was lost and found again is not counted twice.
    """
    numbers = {number_of(one) for one in now}
    over = [one for one in before if number_of(one) not in numbers]
    known = {number_of(one) for one in before}
    for new in (one for one in now if number_of(one) not in known):
        fits = [(_unlike(new, old), k) for k, old in enumerate(over)]
        least, k = min(fits, default=(math.inf, 0))
        if least < math.inf:
            del over[k]
    return tuple(sorted((*over, *now), key=number_of))


def number_of(one: Stated) -> tuple[bool, int]:
    """The originator's number of a flight; those of warnings count for themselves."""
    if isinstance(one, Assessment):
        return True, one.flight
    return False, one.warning


def _unlike(one: Stated, other: Stated) -> float:
    """How ill two statements fit one flight; infinite where they cannot be of one."""
    if isinstance(one, Assessment) and isinstance(other, Assessment):
        return misfit(one, other)
    if isinstance(one, AreaWarning) and isinstance(other, AreaWarning):
        apart_ns = max(one.from_ns, other.from_ns) - min(one.until_ns, other.until_ns)
        return 0.0 if apart_ns <= 0 else math.inf
    return math.inf


def differing(by_nation: Mapping[str, Sequence[Flight | Stated]]) -> list[dict[str, Any]]:
    """How far each two nations differ: in how many flights they count, and in each of them.

    A flight of one is held against the flight of the other that fits it best. `…_differs`: by more
    than the uncertainties of both explain (95 %).
    """
    out = []
    for one, other in itertools.combinations(sorted(by_nation), 2):
        first, second = by_nation[one], by_nation[other]
        pairs = _paired(first, second)
        out.append(
            {
                "between": [one, other],
                "count": [len(first), len(second)],
                "count_differs": len(first) != len(second),
                "flights": [_differing(a, b) for a, b in pairs],
            }
        )
    return out


def _paired(
    first: Sequence[Flight | Stated], second: Sequence[Flight | Stated]
) -> list[tuple[Flight | Assessment, Flight | Assessment]]:
    """Each with the one that fits it best, the best first, each once."""
    some = [one for one in first if not isinstance(one, AreaWarning)]
    others = [one for one in second if not isinstance(one, AreaWarning)]
    fits = sorted(
        (misfit(one, other), j, k) for j, one in enumerate(some) for k, other in enumerate(others)
    )
    placed: tuple[set[int], set[int]] = set(), set()
    out = []
    for unlike, j, k in fits:
        if unlike < math.inf and j not in placed[0] and k not in placed[1]:
            placed[0].add(j)
            placed[1].add(k)
            out.append((some[j], others[k]))
    return out


def _differing(one: Flight | Assessment, other: Flight | Assessment) -> dict[str, Any]:
    said = differences(one, other)
    range_km = range_differs = None
    if one.ground_range_m is not None and other.ground_range_m is not None:
        apart_m = one.ground_range_m - other.ground_range_m
        range_km = round(apart_m / 1e3, 3)
        range_differs = abs(apart_m) > math.hypot(_reach_m(one), _reach_m(other))
    return {
        "flights": [_id(one), _id(other)],
        "kind_differs": said["kind"],
        "range_km": range_km,
        "range_differs": bool(range_differs),
        "apogee_km": _km(said["apogee_m"]),
        "apogee_differs": said["apogee_significant"],
        "launch_km": _km(said["launch_m"]),
        "launch_differs": said["launch_significant"],
        "launch_time_s": said["launch_time_s"],
        "launch_time_differs": said["launch_time_significant"],
        "impact_km": _km(said["impact_m"]),
        "impact_differs": said["impact_significant"],
        "impact_time_s": said["impact_time_s"],
        "impact_time_differs": said["impact_time_significant"],
    }


def _id(one: Flight | Assessment) -> int:
    return one.id if isinstance(one, Flight) else one.flight


def _reach_m(one: Flight | Assessment) -> float:
    """How far off a range may be: both of its ends, each by its semi-major axis."""
    ends = [end.ellipse_95.semi_major_m for end in (one.launch, one.impact) if end is not None]
    return math.hypot(*ends)


def _km(metres: float | None) -> float | None:
    return None if metres is None else round(metres / 1e3, 3)
