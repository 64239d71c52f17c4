"""Radars and plots for the tests of ASTERIX and of the feeds."""

import math

import numpy as np

from skypact.model import Plots, Radar

S = 1_000_000_000
NOON_NS = 1_706_702_400 * S
"""2024-01-31 12:00 UTC."""


def radar(name: str = "JP-Sado", sic: int = 1, **changes: object) -> Radar:
    fields = {
        "id": name,
        "nation": "JPN",
        "latitude_rad": math.radians(38.02),
        "longitude_rad": math.radians(138.37),
        "height_m": 300.0,
        "range_sigma_m": 30.0,
        "azimuth_sigma_rad": math.radians(0.1),
        "elevation_sigma_rad": math.radians(0.1),
        "sac": 200,
        "sic": sic,
    }
    return Radar(**fields | changes)


def plots(
    count: int = 5, index: int = 0, begin_ns: int = NOON_NS, step_s: float = 1.0, seed: int = 0
) -> Plots:
    """Plots of one radar, one a scan."""
    rng = np.random.default_rng(seed)
    time_ns = begin_ns + (np.arange(count) * step_s * S).astype(np.int64)
    return Plots(
        time_ns,
        np.full(count, index, np.int32),
        rng.uniform(2e5, 7e5, count),
        rng.uniform(0.0, 2 * math.pi, count),
        rng.uniform(0.02, 1.2, count),
        rng.uniform(-3000.0, 3000.0, count),
        rng.uniform(10.0, 30.0, count),
        np.arange(count, dtype=np.int64) + 1,
    )
