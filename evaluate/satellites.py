"""Satellites past radars: elements of made-up low orbits, and plots of where they truly are.

The truth is SGP4 too, with mean elements that are off those published by errors of a stated size:
what the elements say is then wrong by that, in every pass of an object alike and moving as orbits
do.
"""

import math
from collections.abc import Sequence

import numpy as np
from sgp4.api import WGS72, Satrec
from sgp4.exporter import export_tle

from evaluate.scene import Array, looks_like
from skypact.kernels import filter as kf
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar
from skypact.sensing.orbits import Orbit, orbit_states
from skypact.settings import OrbitSettings

EPOCH_NS = 1_700_006_400_000_000_000  # 2023-11-15T00:00:00Z
_EPOCH_DAYS = EPOCH_NS / 86_400e9 + 2_440_587.5 - 2_433_281.5
# Mean elements' errors per unit: eccentricity, angles rad, mean motion rad/min. Of about 0.1 km up,
# 0.6 km along and 0.15 km across.
ERRORS = np.array([1.5e-5, 0.0, 2e-5, 8.5e-5, 2e-9, 2e-5])


def elements(random: np.random.Generator) -> Array:
    """Mean elements: eccentricity, perigee's argument, inclination, anomaly, mean motion, node."""
    height_m = random.uniform(600e3, 1_100e3)
    mean_motion = 60.0 * math.sqrt(398_600.8e9 / (6_378_135.0 + height_m) ** 3)
    turns = random.uniform(0.0, 2.0 * math.pi, 3)
    inclination = random.uniform(math.radians(50.0), math.radians(98.0))
    return np.array([1e-3, turns[0], inclination, turns[1], mean_motion, turns[2]])


def orbit_of(mean: Array, number: int) -> tuple[Orbit, tuple[str, str]]:
    """SGP4 of mean elements, and the two lines that say so, rounded as they are."""
    made = Satrec()
    made.sgp4init(WGS72, "i", 90_000 + number, _EPOCH_DAYS, 1e-5, 0.0, 0.0, *mean.tolist())
    return Orbit(f"SAT {number}", made, EPOCH_NS), export_tle(made)


def passes(
    orbit: Orbit, radars: Sequence[Radar], biases: Array, hours: float, random: np.random.Generator
) -> list[tuple[int, int, Array]]:
    """Time stamp ns, radar and z (4,) of each look above 5° within 2,500 km, each 2 s.

    `biases` (r, 5): of range m, azimuth rad, elevation rad, range rate m/s, time s. Errors are as
    the radars declare them, `correlation_time_s` too.
    """
    rows, _ = radar_array(radars)
    out = []
    for number, radar in enumerate(radars):
        true_ns = EPOCH_NS + np.arange(round(hours * 1800.0)) * 2_000_000_000 + number * 1_000_000
        states = orbit_states(orbit, true_ns, OrbitSettings())
        away = states[:, :3] - rows[number, kf.SITE : kf.SITE + 3]
        range_m = np.linalg.norm(away, axis=1)
        up = rows[number, kf.AXES + 6 : kf.AXES + 9]
        seen = (away @ up > math.sin(math.radians(5.0)) * range_m) & (range_m < 2_500e3)
        which = np.full(int(seen.sum()), number, np.int32)
        z = looks_like(radars, which, states[seen])
        sigma = [radar.range_sigma_m, radar.azimuth_sigma_rad, radar.elevation_sigma_rad]
        noise = random.normal(size=(len(z), 3))
        if radar.correlation_time_s > 0.0:
            keep = np.exp(-np.diff(true_ns[seen]) * 1e-9 / radar.correlation_time_s)
            for k, one in enumerate(keep, 1):
                noise[k] = one * noise[k - 1] + math.sqrt(1.0 - one * one) * noise[k]
        z[:, :3] += np.array(sigma) * noise + biases[number, :3]
        stamps = true_ns[seen] + round(biases[number, 4] * 1e9)
        out += [(int(ns), number, row) for ns, row in zip(stamps, z, strict=True)]
    return out


def plots_of(looks: Sequence[tuple[int, int, Array]]) -> Plots:
    """Looks of all objects as plots, each a scan of its own."""
    looks = sorted(looks, key=lambda look: (look[0], look[1]))
    z = np.array([look[2] for look in looks]).reshape(-1, 4)
    return Plots(
        np.array([look[0] for look in looks], np.int64),
        np.array([look[1] for look in looks], np.int32),
        z[:, 0].copy(),
        z[:, 1] % (2.0 * math.pi),
        z[:, 2].copy(),
        z[:, 3].copy(),
        np.full(len(z), np.nan),
        np.arange(len(z)),
    )
