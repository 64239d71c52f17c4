"""What truly was, from the `truth.json` of a simulation."""

import json
import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from skypact.errors import InputError
from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import Impact, Launch
from skypact.offline.text import utc_ns

_FARTHEST_M = 300e3
"""A flight and a true object whose impacts differ by more than this are not the same."""


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
        return tuple(_true_flight(entry) for entry in document["objects"])
    except FileNotFoundError:
        raise InputError(place, "there is no such file", "correct the path") from None
    except OSError as error:
        raise InputError(place, f"cannot be read ({error.strerror})", remedy) from None
    except KeyError as error:
        raise InputError(place, f"{error} is missing", remedy) from None
    except (ValueError, TypeError) as error:
        raise InputError(place, f"is no truth file ({error})", remedy) from None


def match_truth(
    impacts: Sequence[Impact | None], truth: Sequence[TrueFlight]
) -> tuple[TrueFlight | None, ...]:
    """The true flight that each estimated impact belongs to, each once: nearest together."""
    from scipy.optimize import linear_sum_assignment

    if not impacts or not truth:
        return (None,) * len(impacts)
    apart_m = np.array(
        [
            [true.impact_error_m(impact) if impact else 10.0 * _FARTHEST_M for true in truth]
            for impact in impacts
        ]
    )
    found: list[TrueFlight | None] = [None] * len(impacts)
    for row, column in zip(*linear_sum_assignment(apart_m), strict=True):
        if apart_m[row, column] < _FARTHEST_M:
            found[row] = truth[column]
    return tuple(found)


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
