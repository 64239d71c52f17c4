"""Radars of whose plots many belong to no flight: what they declare does not account for them.

A radar declares so many false plots a look (`clutter_per_scan`). The number of false plots in n
looks is Poisson's; what no flight took beyond twice its mean and 20 more lies 8.9 standard
deviations or more out, whatever the mean is: (λ + 20) / √λ is least at λ = 20. Of all of a radar's
plots that is said where they are a twentieth too, for some plots of every flight are left out by
the tracker's gates; of one look, where they are many in that look alone.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from skypact.model import Plots, Radar
from skypact.offline.text import iso_utc

_TIMES, _MORE = 2.0, 20.0
_SHARE = 0.05


class _Count:
    """One radar's plots so far: how many, in how many looks, and its fullest look."""

    def __init__(self) -> None:
        self.plots = self.looks = self.most = 0
        self.first_ns = self.last_ns = self.most_ns = 0
        self._scan: int | None = None
        self._in_scan = 0

    def take(self, plots: Plots) -> None:
        """The next plots, all of this radar, in the order of the fold."""
        if not self.plots:
            self.first_ns = int(plots.time_ns[0])
        self.plots += len(plots.time_ns)
        self.last_ns = int(plots.time_ns[-1])
        begin = np.flatnonzero(np.diff(plots.scan, prepend=plots.scan[0] - 1))
        in_look = np.diff(begin, append=len(plots.scan))
        goes_on = self._scan == int(plots.scan[0])
        self.looks += len(begin) - goes_on
        if goes_on:
            in_look[0] += self._in_scan
        fullest = int(np.argmax(in_look))
        if in_look[fullest] > self.most:
            self.most = int(in_look[fullest])
            self.most_ns = int(plots.time_ns[begin[fullest]])
        self._scan, self._in_scan = int(plots.scan[-1]), int(in_look[-1])


class NoFlight:
    """Counts each radar's plots while they are read. Memory does not grow with them."""

    def __init__(self, radars: Sequence[Radar]) -> None:
        self._radars = tuple(radars)
        self._counts = [_Count() for _ in radars]

    def take(self, plots: Plots) -> None:
        """The next plots in the order of the fold."""
        for number in np.unique(plots.radar).tolist():
            own = plots.radar == number
            self._counts[number].take(Plots._make(column[own] for column in plots))

    def notes(self, plots_by_radar: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
        """A sentence for each radar that gave many; `plots_by_radar`: what each track took."""
        notes = []
        for radar, count in zip(self._radars, self._counts, strict=True):
            took = [of[radar.id] for of in plots_by_radar if of.get(radar.id)]
            # Both are the least there may be: objects close together share plots.
            in_fullest = max(count.most - len(took), 0)
            left = max(count.plots - sum(took), in_fullest)
            is_burst = in_fullest > _TIMES * radar.clutter_per_scan + _MORE
            if is_burst or left > max(
                _TIMES * _declared(radar, count) + _MORE, _SHARE * count.plots
            ):
                look = f", {in_fullest:,} of them in its look at {iso_utc(count.most_ns, 3)}"
                notes.append(
                    f"radar {radar.id}: at least {left:,} of its {count.plots:,} plots "
                    f"({100.0 * left / count.plots:.0f} %) belong to no flight"
                    f"{look if is_burst else ''}; it declares {radar.clutter_per_scan:g} false "
                    "plots a look: see whether it is disturbed or sees what is no flight; if that "
                    "is how it is, declare it as clutter_per_scan in the radars file"
                )
        return tuple(notes)


def _declared(radar: Radar, count: _Count) -> float:
    """Mean number of false plots in all of a radar's looks, by what it declares.

    Looks without a plot are not in the file: with a period they are counted by time, and without
    one those that gave a plot are counted, each with the mean of such a look.
    """
    mean = radar.clutter_per_scan
    if mean <= 0.0:
        return 0.0
    if radar.period_s is None:
        return count.looks * mean / -math.expm1(-mean)
    elapsed = (count.last_ns - count.first_ns) * 1e-9 / radar.period_s
    return mean * max(count.looks, elapsed + 1.0)
