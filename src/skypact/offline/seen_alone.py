"""Radars that see a flight of their own where the others see one: their bias may be too great.

A radar that is off by more than it declares (a site a few km wrong, a range offset) gives its plots
to no flight of the others. They make a flight beside it, launched or coming down where the other
was as far as either is known, which no other radar sees; and the other gets nothing of that radar.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.model import Flight, Impact, Launch, Track
from skypact.offline.text import HALF_95

_ALL_BUT = 0.05
"""Of its plots or of a radar's: a few go astray where flights are close."""
_LEAST_PLOTS = 20
_TOGETHER_NS = 10_000_000_000
_EARTH_RADIUS_M = 6_371e3


def seen_alone(flights: Sequence[Flight], tracks: Sequence[Track]) -> tuple[str, ...]:
    """A sentence for each radar with a flight of its own beside one of the others.

    `tracks`: those that the flights are of, in the same order. Only flights that parted from no
    other are asked about, for what parted goes with them.
    """
    whole = [i for i, flight in enumerate(flights) if flight.parted_from is None]
    flights, counts = [flights[i] for i in whole], [tracks[i].plots_by_radar for i in whole]
    first, last = (
        np.array([getattr(flight, name) for flight in flights], np.int64)
        for name in ("first_plot_ns", "last_plot_ns")
    )
    ends = [_Ends([flight.launch for flight in flights]), _Ends([f.impact for f in flights])]
    notes: dict[str, str] = {}
    for i, (flight, own) in enumerate(zip(flights, counts, strict=True)):
        radar = max(own, key=lambda name: own[name], default="")
        if own.get(radar, 0) < max(_LEAST_PLOTS, (1.0 - _ALL_BUT) * flight.plots):
            continue
        together = np.minimum(last, last[i]) - np.maximum(first, first[i]) >= _TOGETHER_NS
        for k in np.flatnonzero(together & (ends[0].agree(i) | ends[1].agree(i))).tolist():
            given = counts[k].get(radar, 0)
            others = sum(counts[k].values()) - given
            if k != i and given <= _ALL_BUT * own[radar] and others >= _LEAST_PLOTS:
                notes.setdefault(
                    radar,
                    f"radar {radar}: flight {flight.id} is all but its own ({own[radar]:,} of "
                    f"{flight.plots:,} plots), and flight {flights[k].id}, launched or coming down "
                    f"at the same place and time as far as both are known, has {given:,} of its "
                    "plots: they are two, or this radar is off by more than it declares; see its "
                    "site in the radars file, or state there how far it may be off "
                    "(range_bias_sigma_m and its like), and skypact register tells how far it is",
                )
    return tuple(notes.values())


class _Ends:
    """Launches or impacts: unit vectors (n, 3), semi-major axes m, times and half intervals s."""

    def __init__(self, ends: Sequence[Launch | Impact | None]) -> None:
        rows = [(math.nan,) * 6 if end is None else _row(end) for end in ends]
        self._rows = np.array(rows, np.float64).reshape(-1, 6)

    def agree(self, i: int) -> NDArray[np.bool_]:
        """(n,) whether the i-th and another may be one, by their 95 % areas and intervals."""
        one, of = self._rows[i], self._rows
        apart_m = _EARTH_RADIUS_M * np.linalg.norm(of[:, :3] - one[:3], axis=1)
        near = apart_m <= of[:, 3] + one[3]
        agree: NDArray[np.bool_] = near & (np.abs(of[:, 4] - one[4]) <= of[:, 5] + one[5])
        return agree


def _row(end: Launch | Impact) -> tuple[float, ...]:
    across = math.cos(end.latitude_rad)
    return (
        across * math.cos(end.longitude_rad),
        across * math.sin(end.longitude_rad),
        math.sin(end.latitude_rad),
        end.ellipse_95.semi_major_m,
        end.time_ns * 1e-9,
        HALF_95 * end.time_sigma_s,
    )
