"""The plots that everything here is timed on: a lofted flight of 1,000 km past three radars."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
from skypact.sensing.simulator import states_between

RADARS = (site("KR", 36.6, 127.5), site("JP", 38.0, 138.4), site("US", 35.7, 135.2))
_NODE_NS = 2_500_000_000
_FALSE_WITHIN_M = 50e3
_MOST_OF_A_LAYER, _LAYER_M = 2500, 100e3


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


class Crowd(NamedTuple):
    """Plots in the order of the fold, and whose each is: `owner` (n,), -1 for a false one.

    `node_ns` (k,), `nodes` (m, k, 6): the objects' true paths, ECEF m and m/s.
    """

    radars: tuple[Radar, ...]
    plots: Plots
    owner: NDArray[np.int64]
    node_ns: NDArray[np.int64]
    nodes: NDArray[np.float64]

    def states_at(self, time_ns: int) -> NDArray[np.float64]:
        """True states (m, 6)."""
        at = np.array([time_ns])
        return np.array(
            [states_between(self.node_ns, one[:, :3], one[:, 3:], at)[0] for one in self.nodes]
        )

    def only(self, rows: NDArray[np.bool_]) -> "Crowd":
        """With these plots alone."""
        chosen = np.flatnonzero(rows)
        return self._replace(plots=self.plots.at(chosen), owner=self.owner[chosen])


def crowd(
    objects: int,
    seconds: float,
    seed: int,
    radars: tuple[Radar, ...] = RADARS,
    false_plots: float = 0.0,
) -> Crowd:
    """Objects 27 km and more apart, each in every scan of every radar.

    In layers 100 km apart, so that the farthest is some 2,500 km from a radar. Beside them so many
    `false_plots` a scan, each within 50 km of an object drawn by lot.
    """
    times, radar = look_times(radars, seconds)
    node_ns = START_NS + _NODE_NS * np.arange(math.ceil(seconds * 1e9 / _NODE_NS) + 1)
    random = np.random.default_rng(seed)
    side = math.ceil(math.sqrt(min(objects, _MOST_OF_A_LAYER)))
    scan = np.empty(len(times), np.int64)
    for number in range(len(radars)):
        scan[radar == number] = np.arange(np.count_nonzero(radar == number))
    nodes, columns, owners = [], [], []
    for number in range(objects):
        layer, place = divmod(number, _MOST_OF_A_LAYER)
        latitude, longitude = 37.5 + 0.3 * (place // side), 128.0 + 0.4 * (place % side)
        height_m = 200e3 + _LAYER_M * layer
        start = local_state(latitude, longitude, height_m, (850.0, -150.0, 3000.0))
        path = coasting(start, node_ns)
        nodes.append(path)
        states = states_between(node_ns, path[:, :3], path[:, 3:], times)
        scene = Scene(
            radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int)
        )
        columns.append(noisy(scene, random))
        owners.append(np.full(len(times), number))
    made = Crowd(radars, together(columns), np.concatenate(owners), node_ns, np.array(nodes))
    if false_plots > 0.0:
        looks = np.repeat(np.arange(len(times)), random.poisson(false_plots, len(times)))
        about = made.nodes[random.integers(objects, size=len(looks))]
        states = np.array(
            [
                states_between(node_ns, path[:, :3], path[:, 3:], times[look : look + 1])[0]
                for look, path in zip(looks, about, strict=True)
            ]
        )
        states[:, :3] += random.uniform(-_FALSE_WITHIN_M, _FALSE_WITHIN_M, (len(looks), 3))
        seen = looks_like(radars, radar[looks], states)
        nan = np.full(len(looks), np.nan)
        false = Plots(
            times[looks], radar[looks], seen[:, 0], seen[:, 1], seen[:, 2], nan, nan, scan[looks]
        )
        owner = np.concatenate([made.owner, np.full(len(looks), -1)])
        made = made._replace(plots=together([made.plots, false]), owner=owner)
    order = np.lexsort((made.plots.scan, made.plots.radar, made.plots.time_ns))
    return made._replace(plots=made.plots.at(order), owner=made.owner[order])


def several(
    objects: int, seconds: float, seed: int, radars: tuple[Radar, ...] = RADARS
) -> tuple[tuple[Radar, ...], Plots]:
    """The radars and the plots of a `crowd` without false plots."""
    return radars, crowd(objects, seconds, seed, radars).plots


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


__all__ = [
    "RADARS",
    "START_NS",
    "Crowd",
    "crowd",
    "first",
    "one_flight",
    "several",
    "write_flights",
]
