"""The plots that everything here is timed on: a lofted flight of 1,000 km past three radars."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluate.free_flight import lofted
from evaluate.scene import (
    START_NS,
    Scene,
    coasting,
    local_state,
    look_times,
    looks_like,
    noisy,
    site,
)
from skypact.model import Plots, Radar
from skypact.sensing import save_radars, write_plots

RADARS = (site("KR", 36.6, 127.5), site("JP", 38.0, 138.4), site("US", 35.7, 135.2))


def first(plots: Plots, count: int) -> Plots:
    """The first `count` plots."""
    return plots.at(np.arange(count))


def together(parts: Sequence[Plots]) -> Plots:
    """One after the other."""
    return Plots._make(np.concatenate(column) for column in zip(*parts, strict=True))


def one_flight(seed: int) -> tuple[Scene, Plots]:
    """29,250 plots of one object, 10 Hz a radar."""
    scene = lofted()
    return scene, noisy(scene, np.random.default_rng(seed))


def several(
    objects: int, seconds: float, seed: int, radars: tuple[Radar, ...] = RADARS
) -> tuple[tuple[Radar, ...], Plots]:
    """Objects 30 km and more apart, each in every scan of every radar."""
    times, radar = look_times(radars, seconds)
    random = np.random.default_rng(seed)
    side = math.ceil(math.sqrt(objects))
    columns = []
    for number in range(objects):
        latitude, longitude = 37.5 + 0.3 * (number // side), 128.0 + 0.4 * (number % side)
        start = local_state(latitude, longitude, 200e3, (850.0, -150.0, 3000.0))
        states = coasting(start, times)
        scene = Scene(
            radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int)
        )
        columns.append(noisy(scene, random))
    joined = together(columns)
    order = np.lexsort((joined.scan, joined.radar, joined.time_ns))
    return radars, joined.at(order)


def write_flights(folder: Path, plots: int, seed: int) -> tuple[Path, Path]:
    """One flight after another, an hour apart, until there are so many plots: CSV and radars."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = lofted()
    flights = -(-plots // len(scene.time_ns))
    parts = []
    for number in range(flights):
        one = noisy(scene, np.random.default_rng([seed, number]))
        later = number * 3_600_000_000_000
        parts.append(one._replace(time_ns=one.time_ns + later, scan=one.scan + number * 100_000))
    joined = together(parts)
    write_plots(folder / "plots.csv", first(joined, plots), scene.radars)
    save_radars(folder / "radars.toml", scene.radars)
    return folder / "plots.csv", folder / "radars.toml"


__all__ = ["RADARS", "START_NS", "first", "one_flight", "several", "write_flights"]
