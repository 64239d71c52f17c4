"""The plots that nodes are timed on: objects in free flight that radars of all nations see."""

from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from bench.scenario import together
from evaluate.scene import START_NS, Scene, coasting, local_state, looks_like, noisy, site
from skypact.model import Plots, Radar
from skypact.sensing.simulator import states_between

NATIONS = ("JPN", "KOR", "USA")
PERIOD_S = 0.1
"""Each radar sees each object so often."""
_NODE_NS = 2_500_000_000
_SITES = (("JPN", 38.0, 138.4), ("KOR", 36.6, 127.5), ("USA", 35.7, 135.2))


class Load(NamedTuple):
    """`plots`: in order of time, times from 0 on. `starts` (s + 1,): where each scan begins."""

    radars: tuple[Radar, ...]
    plots: Plots
    starts: NDArray[np.int64]

    @property
    def due_ns(self) -> NDArray[np.int64]:
        """When each scan comes, from 0 on."""
        return self.plots.time_ns[self.starts[:-1]]

    @property
    def nation(self) -> list[str]:
        """Whose each scan is."""
        numbers = self.plots.radar[self.starts[:-1]]
        return [self.radars[number].nation for number in numbers.tolist()]


def radars() -> tuple[Radar, ...]:
    """One of each nation."""
    return tuple(
        structs.replace(site(name, latitude, longitude, PERIOD_S), id=f"{name}-1", nation=name)
        for name, latitude, longitude in _SITES
    )


def load(plots_s: float, seconds: float, scan_plots: int, seed: int = 5) -> Load:
    """About so many plots a second of all radars together, in scans of at most `scan_plots`.

    All plots of a scan are of one instant. Scans are spread evenly, so that no two coincide.
    """
    table = radars()
    objects = max(1, round(plots_s * PERIOD_S / len(table)))
    groups = -(-objects // scan_plots)
    node_ns = START_NS + _NODE_NS * np.arange(int(seconds * 1e9) // _NODE_NS + 2)
    period_ns = round(PERIOD_S * 1e9)
    slots = len(table) * groups
    random = np.random.default_rng(seed)
    parts = []
    for number in range(objects):
        group = number % groups
        side = max(1, int(np.ceil(np.sqrt(objects))))
        place = 37.0 + 0.3 * (number // side), 129.0 + 0.4 * (number % side)
        path = coasting(local_state(*place, 200e3, (850.0, -150.0, 3000.0)), node_ns)
        times, owner = [], []
        for radar in range(len(table)):
            first_ns = period_ns * (group * len(table) + radar) // slots
            looks = np.arange(first_ns, round(seconds * 1e9), period_ns, dtype=np.int64)
            times.append(START_NS + looks)
            owner.append(np.full(len(looks), radar, np.int32))
        at_ns, by = np.concatenate(times), np.concatenate(owner)
        order = np.argsort(at_ns, kind="stable")
        at_ns, by = at_ns[order], by[order]
        states = states_between(node_ns, path[:, :3], path[:, 3:], at_ns)
        exact = looks_like(table, by, states)
        made = noisy(Scene(table, at_ns, by, states, exact, np.zeros(0, int)), random)
        look = (made.time_ns - START_NS) // period_ns
        parts.append(made._replace(scan=look * groups + group))
    every = together(parts)
    every = every.at(np.lexsort((every.radar, every.time_ns)))
    begins = np.ones(len(every.time_ns), bool)
    begins[1:] = (np.diff(every.radar) != 0) | (np.diff(every.scan) != 0)
    starts = np.append(np.flatnonzero(begins), len(every.time_ns))
    return Load(table, every._replace(time_ns=every.time_ns - START_NS), starts)
