"""Which of many shapes hold places or touch lines, by a grid that knows most answers beforehand.

Of each cell of the grid it is known which shapes reach into it, and which of these hold it whole.
Only where a shape's edge runs through a cell is the shape itself asked: the answers are its own.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

_SIDE_DEG = 0.25
"""Pieces of paths, of up to 60 km, lie in few cells of this side; finer ones cost as much."""
_MOST_CELLS = 50_000
_SLACK_DEG = 1e-9
"""Cells are as much larger where shapes are held against them: a place on an edge is in both."""


class _Pairs(NamedTuple):
    """Of what was asked and of shapes those that may meet: numbers, and whether they surely do."""

    asked: NDArray[np.int64]
    shape: NDArray[np.int64]
    sure: NDArray[np.bool_]


class Cells:
    """The grid of some shapes (n) in degrees, `bounds` (n, 4): west, south, east, north."""

    def __init__(self, shapes: Sequence[MultiPolygon], bounds: NDArray[np.float64]) -> None:
        self._shapes = np.array(shapes, dtype=object)
        shapely.prepare(self._shapes)
        self._west, self._south = bounds[:, :2].min(axis=0)
        wide, high = bounds[:, 2:].max(axis=0) - (self._west, self._south)
        self._side = max(_SIDE_DEG, math.sqrt(wide * high / _MOST_CELLS))
        self._columns = int(wide / self._side) + 1
        self._rows = int(high / self._side) + 1
        cell, shape, whole = self._sorted_in(bounds)
        order = np.argsort(cell, kind="stable")
        self._shape, self._whole = shape[order], whole[order]
        self._begin = np.searchsorted(cell[order], np.arange(self._columns * self._rows + 1))

    def holding(
        self, x_deg: NDArray[np.float64], y_deg: NDArray[np.float64]
    ) -> dict[int, NDArray[np.int64]]:
        """By shape the numbers, ascending, of the places (k,) that lie in it or on its edge."""
        column, row = self._at(x_deg, y_deg)
        on = np.flatnonzero(
            (column >= 0) & (column < self._columns) & (row >= 0) & (row < self._rows)
        )
        known = self._known(on, (row * self._columns + column)[on])
        held = known.sure.copy()
        open_ = np.flatnonzero(~held)
        at = known.asked[open_]
        held[open_] = shapely.intersects_xy(self._shapes[known.shape[open_]], x_deg[at], y_deg[at])
        return _by_shape(known.asked[held], known.shape[held])

    def touched(self, ends_deg: NDArray[np.float64]) -> dict[int, NDArray[np.int64]]:
        """By shape the numbers, ascending, of the lines (k, 4) x0, y0, x1, y1 that touch it."""
        x0, y0, x1, y1 = ends_deg.T
        (column0, row0), (column1, row1) = self._at(x0, y0), self._at(x1, y1)
        first, last = np.minimum(column0, column1), np.maximum(column0, column1)
        low, high = np.minimum(row0, row1), np.maximum(row0, row1)
        on = np.flatnonzero(
            (last >= 0)
            & (first < self._columns)
            & (high >= 0)
            & (low < self._rows)
            & np.isfinite(ends_deg).all(axis=1)
        )
        first, last = first[on].clip(0), last[on].clip(max=self._columns - 1)
        low, high = low[on].clip(0), high[on].clip(max=self._rows - 1)
        wide, high = last - first + 1, high - low + 1
        line, nth = _counted(wide * high)
        column, row = first[line] + nth % wide[line], low[line] + nth // wide[line]
        line = on[line]
        at_end = ((column == column0[line]) & (row == row0[line])) | (
            (column == column1[line]) & (row == row1[line])
        )
        known = self._known(line, row * self._columns + column, at_end)
        return self._asked(ends_deg, known)

    def _asked(self, ends_deg: NDArray[np.float64], known: _Pairs) -> dict[int, NDArray[np.int64]]:
        """Lines that may touch shapes are held against these, each once."""
        shapes, column = np.unique(known.shape, return_inverse=True)
        maybe = np.zeros((len(ends_deg), len(shapes)), bool)
        surely = maybe.copy()
        maybe[known.asked, column] = True
        surely[known.asked[known.sure], column[known.sure]] = True
        line, which = np.nonzero(maybe & ~surely)
        lines = shapely.linestrings(ends_deg[line].reshape(-1, 2, 2))
        surely[line, which] = shapely.intersects(self._shapes[shapes[which]], lines)
        return {
            int(shape): found
            for shape, found in zip(shapes, map(np.flatnonzero, surely.T), strict=True)
            if len(found)
        }

    def _at(
        self, x_deg: NDArray[np.float64], y_deg: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of places; those off the grid, or nowhere, have one that it has not."""
        column = np.floor((x_deg - self._west) / self._side)
        row = np.floor((y_deg - self._south) / self._side)
        nowhere = ~(np.isfinite(column) & np.isfinite(row))
        column[nowhere] = row[nowhere] = -1.0
        return column.astype(np.int64), row.astype(np.int64)

    def _known(
        self,
        asked: NDArray[np.int64],
        cell: NDArray[np.int64],
        within: NDArray[np.bool_] | None = None,
    ) -> _Pairs:
        """What is known of those in cells; `within`: not all of them surely have a part there."""
        which, nth = _counted(self._begin[cell + 1] - self._begin[cell])
        entry = self._begin[cell][which] + nth
        sure = self._whole[entry] if within is None else self._whole[entry] & within[which]
        return _Pairs(asked[which], self._shape[entry], sure)

    def _sorted_in(
        self, bounds: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Cells, the shapes that reach into them, and whether these hold them whole."""
        cells, numbers, wholes = [], [], []
        for number, (west, south, east, north) in enumerate(bounds):
            corners = np.array([[west, south], [east, north]])
            (first, last), (low, high) = self._at(corners[:, 0], corners[:, 1])
            columns = np.arange(max(first - 1, 0), min(last + 2, self._columns))
            rows = np.arange(max(low - 1, 0), min(high + 2, self._rows))
            column, row = (one.ravel() for one in np.meshgrid(columns, rows))
            x, y = self._west + column * self._side, self._south + row * self._side
            boxes = shapely.box(
                x - _SLACK_DEG,
                y - _SLACK_DEG,
                x + self._side + _SLACK_DEG,
                y + self._side + _SLACK_DEG,
            )
            shape = self._shapes[number]
            reached = np.flatnonzero(shapely.intersects(shape, boxes))
            cells.append((row * self._columns + column)[reached])
            numbers.append(np.full(len(reached), number))
            wholes.append(shapely.contains_properly(shape, boxes[reached]))
        return np.concatenate(cells), np.concatenate(numbers), np.concatenate(wholes)


def _counted(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each index as often as it is counted, and the how manieth of its own each is."""
    which = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - before[which]


def _by_shape(asked: NDArray[np.int64], shape: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """What was asked, ascending, by shape."""
    return {int(one): asked[shape == one] for one in np.unique(shape)}
