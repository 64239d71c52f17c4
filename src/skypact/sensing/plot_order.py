"""Plots of several files put into one order of time, within bounded memory.

The order of the fold: time, nation, radar id, scan, range, azimuth, elevation, file, row; so it
does not hang on how the rows of one look stand. A file's rows may be disordered by
the reorder window; what is out of time by more is refused before (`plot_clock`). So nothing
older than the least newest time over the unfinished files, less the window, can still come: all
that is older is complete, is freed of duplicates and goes out.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.sensing.plot_rows import RadarTable, RefusedRows, SourcedPlots, joined


class Duplicates(NamedTuple):
    """The duplicates found in one file."""

    file: int
    refused: RefusedRows


class TimeOrder:
    """Plots that wait until all that belongs before them has come."""

    def __init__(self, radars: RadarTable, file_names: tuple[str, ...]) -> None:
        self._radars = radars
        self._file_names = file_names
        self._waiting: list[list[SourcedPlots]] = [[] for _ in file_names]

    def add(self, file: int, sourced: SourcedPlots) -> None:
        """Take the next block of a file."""
        if len(sourced.row):
            self._waiting[file].append(_in_fold_order(sourced, self._radars))

    def release(self, before_ns: int | None) -> tuple[SourcedPlots, list[Duplicates]]:
        """All plots before a time (None: all there are) in the order of the fold."""
        ready: list[SourcedPlots] = []
        for file, blocks in enumerate(self._waiting):
            split = [_split(block, before_ns) for block in blocks]
            ready += [older for older, _ in split if len(older.row)]
            self._waiting[file] = [newer for _, newer in split if len(newer.row)]
        ordered = _in_fold_order(joined(ready), self._radars)
        return self._without_duplicates(ordered)

    def _without_duplicates(self, ordered: SourcedPlots) -> tuple[SourcedPlots, list[Duplicates]]:
        original = _first_equal(ordered)
        repeated = original != np.arange(len(original))
        if not repeated.any():
            return ordered, []
        which = np.flatnonzero(repeated)
        found = [
            Duplicates(int(file), self._refusal(ordered, original, which, int(file)))
            for file in np.unique(ordered.file[which])
        ]
        return ordered.take(~repeated), found

    def _refusal(
        self,
        ordered: SourcedPlots,
        original: NDArray[np.intp],
        repeated: NDArray[np.intp],
        file: int,
    ) -> RefusedRows:
        of_file = repeated[ordered.file[repeated] == file]
        of_file = of_file[np.argsort(ordered.row[of_file], kind="stable")]

        def same_as(i: int) -> str:
            first = original[of_file[i]]
            elsewhere = int(ordered.file[first])
            of = "" if elsewhere == file else f" of {self._file_names[elsewhere]}"
            return f"row {ordered.row[first]}{of} says the same"

        reason = "duplicate, equal in every field"
        return RefusedRows(ordered.row[of_file], reason, "leave it out", same_as)


def _split(block: SourcedPlots, before_ns: int | None) -> tuple[SourcedPlots, SourcedPlots]:
    """An ordered block cut in two at a time; views, no copies."""
    end = len(block.row)
    if before_ns is not None:
        end = int(np.searchsorted(block.plots.time_ns, before_ns))
    return block.take(slice(0, end)), block.take(slice(end, None))


def _in_fold_order(sourced: SourcedPlots, radars: RadarTable) -> SourcedPlots:
    """Sorted by time, nation, radar id, scan, range, azimuth, elevation; else as they stood."""
    time_ns = sourced.plots.time_ns
    if (time_ns[1:] > time_ns[:-1]).all():
        return sourced
    plots, rank = sourced.plots, radars.rank[sourced.plots.radar]
    places = (plots.elevation_rad, plots.azimuth_rad, plots.range_m)
    order = np.lexsort((*places, plots.scan, rank, time_ns))
    if (order[1:] > order[:-1]).all():
        return sourced
    return sourced.take(order)


def _first_equal(ordered: SourcedPlots) -> NDArray[np.intp]:
    """(n,) index of the first plot equal in every field: its own, unless it is a duplicate.

    Few plots share their time, radar and scan with another, and of those hardly any their range
    too; so only these last are compared by all fields.
    """
    plots = ordered.plots
    original = np.arange(len(ordered.row))
    same_time = np.zeros(len(original) + 1, dtype=bool)
    same_time[1:-1] = plots.time_ns[1:] == plots.time_ns[:-1]
    among = np.flatnonzero(same_time[1:] | same_time[:-1])
    if not len(among):
        return original
    measured = [
        _comparable(column)
        for column in (plots.azimuth_rad, plots.elevation_rad, plots.range_rate_m_s, plots.snr_db)
    ]
    look, range_m = original.copy(), plots.range_m
    alike, first = _alike(among, [plots.time_ns, plots.radar, plots.scan])
    look[alike] = first
    alike, _ = _alike(alike, [look, range_m])
    alike, first = _alike(alike, [look, range_m, *measured])
    original[alike] = first
    return original


def _alike(
    among: NDArray[np.intp], keys: list[NDArray[Any]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Those of some plots that have all keys in common with another of them.

    Returns their indices, and for each the index of the first that is equal to it.
    """
    if not len(among):
        return among, among
    order = among[np.lexsort([key[among] for key in reversed(keys)])]
    like_previous = np.zeros(len(order), dtype=bool)
    like_previous[1:] = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in keys])
    run_start = np.maximum.accumulate(np.where(like_previous, 0, np.arange(len(order))))
    has_like = like_previous.copy()
    has_like[:-1] |= like_previous[1:]
    return order[has_like], order[run_start[has_like]]


def _comparable(column: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bits that are equal where the numbers are, NaN counting as equal to NaN."""
    return np.where(np.isnan(column), np.nan, column + 0.0).view(np.int64)
