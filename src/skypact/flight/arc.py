"""The free path from ground to ground that a flight is on, where nobody saw its launch."""

import math
from typing import NamedTuple

import numpy as np

from skypact.flight.ground import EARTH_RADIUS_M, geodetic_from_plane
from skypact.kernels.geodesy import (
    EARTH_RATE_RAD_S,
    ecef_from_geodetic,
    geodetic_from_ecef,
    local_axes,
)
from skypact.kernels.gravity import GM_M3_S2
from skypact.model import Apogee, Launch, Track

# The range that a flight would have without lift, from its apogee and its speed there, is so many
# times too long (half of it is a boost, and air shortens the end), and its ln is known to this.
# Medians and 1σ over 75 glides and 62 pull-ups of the population.
_ARC_OVER_RANGE = 1.057
ARC_LN_SIGMA = 0.04
_FALL_M_S2 = 9.4
"""Gravity between the ground and some 100 km."""


class Arc(NamedTuple):
    """Height m of its apogee, ground range m, and ground range m so far; from the launch."""

    apogee_m: float
    range_m: float
    flown_m: float


def _energy_of(track: Track) -> float:
    """J/kg of the estimate in the Earth's axes, 0 at rest far away."""
    x = track.state
    return 0.5 * float(x[3:6] @ x[3:6]) - GM_M3_S2 / float(np.linalg.norm(x[:3]))


def range_of(apogee_m: float, energy_j_kg: float) -> float:
    """Ground range m without lift, from apogee and speed there; NaN where there is none."""
    return 2.0 * _half(apogee_m, energy_j_kg) / _ARC_OVER_RANGE


def arc_of(track: Track, apogee: Apogee | None) -> Arc | None:
    """From the estimate alone, as though it had flown free since its burn-out; None: no such arc.

    Without an apogee, for it was falling when it was first seen, that of the ellipse that it is on
    (Bate, Mueller, White, Fundamentals of Astrodynamics, sec. 1.6). What air took stays taken.
    """
    steered = track.manoeuvre_log_odds > 0.0
    if apogee is None and steered:
        return None
    latitude, longitude, _ = geodetic_from_ecef(*track.state[:3])
    axes = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    velocity = axes @ track.state[3:6]
    if apogee is None:
        top, since_s = apsides_m(track)[1], -float(velocity[2]) / _FALL_M_S2
    else:
        top, since_s = apogee.height_m, (track.time_ns - apogee.time_ns) * 1e-9
    known = steered and not math.isnan(track.most_energy_j_kg)
    energy = track.most_energy_j_kg if known else _energy_of(track)
    half = _half(top, energy)
    if not half > 0.0:
        return None
    range_m = 2.0 * half / _ARC_OVER_RANGE
    at_top = math.sqrt(2.0 * (energy + GM_M3_S2 / (EARTH_RADIUS_M + top)))
    level = 0.5 * (at_top + math.hypot(velocity[0], velocity[1]))
    on_ground = EARTH_RADIUS_M / (EARTH_RADIUS_M + top)
    flown_m = range_m - half + level * on_ground * since_s
    return Arc(top, range_m, flown_m) if flown_m > 0.0 else None


def origin_of(launch: Launch | None, track: Track, arc: Arc | None) -> tuple[float, float, float]:
    """ECEF m from which ground range counts: the launch, or as far back as the arc goes.

    Where neither is known, where it is now.
    """
    if launch is not None:
        return ecef_from_geodetic(launch.latitude_rad, launch.longitude_rad, 0.0)
    latitude, longitude, _ = geodetic_from_ecef(*track.state[:3])
    if arc is None:
        return ecef_from_geodetic(latitude, longitude, 0.0)
    axes = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    east, north, _ = axes @ track.state[3:6]
    back = -arc.flown_m / max(math.hypot(east, north), 1.0)
    return ecef_from_geodetic(
        *geodetic_from_plane((latitude, longitude), back * float(east), back * float(north)), 0.0
    )


def _half(apogee_m: float, energy_j_kg: float) -> float:
    """Ground range m of a fall from the apogee, level there, without air; NaN where there is none.

    A parabola in a gravity less what the ground's curve takes off it.
    """
    if not math.isfinite(energy_j_kg + apogee_m):
        return math.nan
    top, middle = EARTH_RADIUS_M + apogee_m, EARTH_RADIUS_M + 0.5 * apogee_m
    speed_squared = 2.0 * (energy_j_kg + GM_M3_S2 / top)
    gravity = GM_M3_S2 / middle**2 - speed_squared / middle
    if speed_squared <= 0.0 or gravity <= 0.0:
        return math.nan
    fall = math.sqrt(speed_squared * 2.0 * max(apogee_m, 0.0) / gravity)
    return fall * EARTH_RADIUS_M / middle


def apsides_m(track: Track) -> tuple[float, float]:
    """Heights m of perigee and apogee of the ellipse through the estimate; apogee inf if open."""
    place, velocity = track.state[:3], track.state[3:6].copy()
    velocity[0] -= EARTH_RATE_RAD_S * place[1]
    velocity[1] += EARTH_RATE_RAD_S * place[0]
    energy = 0.5 * float(velocity @ velocity) - GM_M3_S2 / float(np.linalg.norm(place))
    momentum = float(np.linalg.norm(np.cross(place, velocity)))
    eccentricity = math.sqrt(max(0.0, 1.0 + 2.0 * energy * momentum**2 / GM_M3_S2**2))
    parameter = momentum**2 / GM_M3_S2
    highest = parameter / (1.0 - eccentricity) if eccentricity < 1.0 else math.inf
    return parameter / (1.0 + eccentricity) - EARTH_RADIUS_M, highest - EARTH_RADIUS_M
