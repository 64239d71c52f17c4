"""Plots as columns, and the rows that could not be used."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.model.newest import of_newest


class Plots(NamedTuple):
    """n plots as columns, in the order of the fold: time, nation, radar, scan, sequence.

    `time_ns` int64 (n,): UTC since 1970. `radar` int32 (n,): index into the radar table.
    `range_m`, `azimuth_rad` (clockwise from true north, 0 to 2π), `elevation_rad` (geometric),
    `range_rate_m_s` (NaN: not measured), `snr_db` (NaN: not given): float64 (n,).
    `scan` int64 (n,): number of the look within its radar; plots of one radar with equal `scan`
    are associated together.
    """

    time_ns: NDArray[np.int64]
    radar: NDArray[np.int32]
    range_m: NDArray[np.float64]
    azimuth_rad: NDArray[np.float64]
    elevation_rad: NDArray[np.float64]
    range_rate_m_s: NDArray[np.float64]
    snr_db: NDArray[np.float64]
    scan: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64]) -> "Plots":
        """The plots at these rows."""
        return Plots._make(column[rows] for column in self)

    def followed_by(self, later: "Plots") -> "Plots":
        """These plots and then `later`."""
        return Plots._make(
            np.concatenate([getattr(self, name), getattr(later, name)]) for name in self._fields
        )


@of_newest
def radar_of_scan(plots: Plots) -> int | None:
    """The radar's number, where all plots are of one scan and there are any; else None."""
    if not len(plots.scan):
        return None
    number = int(plots.radar[0])
    one = (plots.radar == number).all() and (plots.scan == plots.scan[0]).all()
    return number if one else None


def no_plots() -> Plots:
    """No plots at all."""
    whole, real = np.zeros(0, np.int64), np.zeros(0)
    return Plots(whole, np.zeros(0, np.int32), real, real, real, real, real, whole)


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not used: where it stood, why, and what to do about it.

    `row` counts from 1 with the header as row 1 in CSV (so it is the line an editor shows), and
    from 1 over the data in Parquet; None for a whole file.
    """

    file: str
    row: int | None
    reason: str
    remedy: str
