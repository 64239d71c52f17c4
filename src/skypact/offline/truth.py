"""What truly was, from the `truth.json` of a simulation."""

import json
import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from skypact.errors import InputError
from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import Impact, Launch
from skypact.offline.text import iso_utc, utc_ns

_FARTHEST_M = 300e3
"""A flight and a true object whose impacts differ by more than this are not the same."""
_NOT_THE_SAME_M = 1e9
_LATE_M_S = 1000.0
"""What a second between their impacts counts for beside a distance."""
_DETOUR = 0.5
"""A flight may be this share of the true range longer than the straight way, and _FARTHEST_M."""
_AROUND_NS = 120_000_000_000
"""Plots may stand so long before a launch or after an impact: clocks err, parts fall slower."""


class Sighting(NamedTuple):
    """What is known of a flight to tell which true one it is.

    Its first and last plot (UTC ns), where it was first and last (latitude, longitude, rad), and
    the latest estimate of its impact.
    """

    first_ns: int
    last_ns: int
    places: tuple[tuple[float, float], ...]
    impact: Impact | None


class TrueFlight(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when one object was launched and came down, and how high it rose."""

    id: str
    launch_time_ns: int
    launch_latitude_rad: float
    launch_longitude_rad: float
    apogee_m: float
    impact_time_ns: int
    impact_latitude_rad: float
    impact_longitude_rad: float

    def launch_error_m(self, launch: Launch) -> float:
        """Distance of an estimated launch point from the true one."""
        return distance_m(
            self.launch_latitude_rad,
            self.launch_longitude_rad,
            launch.latitude_rad,
            launch.longitude_rad,
        )

    def impact_error_m(self, impact: Impact) -> float:
        """Distance of an estimated impact point from the true one."""
        return distance_m(
            self.impact_latitude_rad,
            self.impact_longitude_rad,
            impact.latitude_rad,
            impact.longitude_rad,
        )


def distance_m(
    latitude1_rad: float, longitude1_rad: float, latitude2_rad: float, longitude2_rad: float
) -> float:
    """Length of the geodesic between two places."""
    return float(geodesic_inverse(latitude1_rad, longitude1_rad, latitude2_rad, longitude2_rad)[0])


def load_truth(path: str | PathLike[str]) -> tuple[TrueFlight, ...]:
    """Read `truth.json`. Raises InputError."""
    place, remedy = str(path), "give the truth.json that skypact simulate wrote"
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        found = tuple(_true_flight(entry) for entry in document["objects"])
    except FileNotFoundError:
        raise InputError(place, "there is no such file", "correct the path") from None
    except OSError as error:
        raise InputError(place, f"cannot be read ({error.strerror})", remedy) from None
    except KeyError as error:
        raise InputError(place, f"{error} is missing", remedy) from None
    except (ValueError, TypeError) as error:
        raise InputError(place, f"is no truth file ({error})", remedy) from None
    if not found:
        raise InputError(place, "holds no object", remedy)
    return found


def could_be(seen: Sighting, true: TrueFlight) -> bool:
    """Whether a flight was seen when and where a true one flew."""
    if seen.first_ns < true.launch_time_ns - _AROUND_NS:
        return False
    if seen.last_ns > true.impact_time_ns + _AROUND_NS:
        return False
    start = true.launch_latitude_rad, true.launch_longitude_rad
    end = true.impact_latitude_rad, true.impact_longitude_rad
    longest_m = (1.0 + _DETOUR) * distance_m(*start, *end) + _FARTHEST_M
    return all(distance_m(*start, *at) + distance_m(*at, *end) < longest_m for at in seen.places)


def require_same_flights(sightings: Sequence[Sighting], truth: Sequence[TrueFlight]) -> None:
    """Raise InputError where none of the flights seen is one of the truth."""
    if not sightings or any(could_be(seen, true) for seen in sightings for true in truth):
        return
    flown = min(true.launch_time_ns for true in truth), max(true.impact_time_ns for true in truth)
    when = min(seen.first_ns for seen in sightings), max(seen.last_ns for seen in sightings)
    elsewhere = " elsewhere" if flown[0] <= when[1] and when[0] <= flown[1] else ""
    raise InputError(
        "truth",
        f"its flights are others than those of the plots: they flew{elsewhere} from "
        f"{iso_utc(flown[0], 0)} to {iso_utc(flown[1], 0)}, and the plots' were seen from "
        f"{iso_utc(when[0], 0)} to {iso_utc(when[1], 0)}",
        "give the truth.json that was written with these plots, or none",
    )


def match_truth(
    sightings: Sequence[Sighting], truth: Sequence[TrueFlight]
) -> tuple[TrueFlight | None, ...]:
    """The true flight that each sighted one is, each once: those whose impacts agree best."""
    from scipy.optimize import linear_sum_assignment

    if not sightings or not truth:
        return (None,) * len(sightings)
    apart_m = np.array([[_apart_m(seen, true) for true in truth] for seen in sightings])
    found: list[TrueFlight | None] = [None] * len(sightings)
    for row, column in zip(*linear_sum_assignment(apart_m), strict=True):
        if apart_m[row, column] < _NOT_THE_SAME_M:
            found[row] = truth[column]
    return tuple(found)


def _apart_m(seen: Sighting, true: TrueFlight) -> float:
    """How far two impacts are apart in place and time; _NOT_THE_SAME_M for different flights."""
    if seen.impact is None or not could_be(seen, true):
        return _NOT_THE_SAME_M
    off_m = true.impact_error_m(seen.impact)
    late_s = abs(seen.impact.time_ns - true.impact_time_ns) * 1e-9
    return off_m + _LATE_M_S * late_s if off_m < _FARTHEST_M else _NOT_THE_SAME_M


def _true_flight(entry: dict[str, Any]) -> TrueFlight:
    launch, impact = entry["launch"], entry["impact"]
    return TrueFlight(
        id=str(entry["id"]),
        launch_time_ns=utc_ns(launch["time"]),
        launch_latitude_rad=math.radians(launch["latitude_deg"]),
        launch_longitude_rad=math.radians(launch["longitude_deg"]),
        apogee_m=1000.0 * entry["apogee"]["height_km"],
        impact_time_ns=utc_ns(impact["time"]),
        impact_latitude_rad=math.radians(impact["latitude_deg"]),
        impact_longitude_rad=math.radians(impact["longitude_deg"]),
    )
