"""What a track means: launch point, path, apogee, kind, impact area and time."""

import enum

import msgspec
import numpy as np
from numpy.typing import NDArray


class FlightKind(enum.StrEnum):
    """What sort of flight it is."""

    BALLISTIC = "ballistic"
    QUASI_BALLISTIC = "quasi_ballistic"
    GLIDE = "glide"
    ORBITAL = "orbital"
    AIRCRAFT = "aircraft"
    UNKNOWN = "unknown"


class RangeClass(enum.StrEnum):
    """By greatest range at burn-out energy: up to 1,000, 3,000, 5,500 km, and beyond."""

    SRBM = "srbm"
    MRBM = "mrbm"
    IRBM = "irbm"
    ICBM = "icbm"


class Ellipse(msgspec.Struct, frozen=True, kw_only=True):
    """A two-dimensional 95 % region on the ground; azimuth of the semi-major axis from north."""

    semi_major_m: float
    semi_minor_m: float
    azimuth_rad: float


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it was launched. Geodetic WGS84 on the ellipsoid."""

    time_ns: int
    time_sigma_s: float
    latitude_rad: float
    longitude_rad: float
    ellipse_95: Ellipse


class Apogee(msgspec.Struct, frozen=True, kw_only=True):
    """The highest point above the ellipsoid."""

    time_ns: int
    height_m: float
    height_sigma_m: float


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it comes down. `region_95`: closed ring of (longitude, latitude) in rad."""

    time_ns: int
    time_sigma_s: float
    latitude_rad: float
    longitude_rad: float
    ellipse_95: Ellipse
    region_95: tuple[tuple[float, float], ...]


class BodyFall(msgspec.Struct, frozen=True, kw_only=True):
    """When it comes down if it is one of two sorts of body, with the probability of that.

    `light`: a spent stage or another light part, which the air slows more than what it carried.
    """

    light: bool
    probability: float
    time_ns: int
    time_sigma_s: float


class Descent(msgspec.Struct, frozen=True, kw_only=True):
    """The weighted ways to the ground that an `Impact` sums up. Geodetic WGS84, UTC since 1970.

    `weight` (n,): of each way down, summing to 1 with those that do not come down, which are left
    out. `time_ns` int64, `latitude_rad`, `longitude_rad` (n,): where and when each comes down.
    A few of equal weight are carried with all that they pass over: `path` int32 (k,): number of the
    path that a point is on, from 0; `path_time_ns` int64, `path_latitude_rad`,
    `path_longitude_rad` (k,): points along the paths, each path's in order of time, the first where
    the object was last seen. `paths`: how many there are.
    """

    weight: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    paths: int
    path: NDArray[np.int32]
    path_time_ns: NDArray[np.int64]
    path_latitude_rad: NDArray[np.float64]
    path_longitude_rad: NDArray[np.float64]


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """One flight as known at one moment; what cannot be known yet is None.

    `last_seen_by`: the radar of the last plot, or a partner's nation and label. `parted_from`: the
    flight that it was part of before, as a stage is. `partner_radars`: partners' radars that
    saw it, each as nation and label. `descent`: only where it was asked for. `bodies`: where it may
    be either of two sorts, which the impact's time and area hold both; else empty.
    """

    id: int
    kind: FlightKind
    kind_probability: float
    kind_probabilities: dict[str, float]
    range_class: RangeClass | None
    range_class_probability: float | None
    nations: tuple[str, ...]
    radars: tuple[str, ...]
    first_plot_ns: int
    last_plot_ns: int
    last_seen_by: str
    plots: int
    launch: Launch | None
    apogee: Apogee | None
    ground_range_m: float | None
    impact: Impact | None
    parted_from: int | None = None
    partner_radars: tuple[str, ...] = ()
    descent: Descent | None = None
    bodies: tuple[BodyFall, ...] = ()
