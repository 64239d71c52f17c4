"""Quarter-degree cells of the Earth, by which impacts are found in the record."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

PER_DEGREE = 4
_KM_PER_DEGREE = 110.0
"""Rather too few."""
ROW = 360 * PER_DEGREE
"""Cells around the Earth; a cell's number is row × ROW + column, both from the south-west."""
_LAST_ROW = 180 * PER_DEGREE - 1


def cell_of(latitude_deg: float, longitude_deg: float) -> int:
    """The cell that holds a place."""
    row = min(max(math.floor((latitude_deg + 90.0) * PER_DEGREE), 0), _LAST_ROW)
    return row * ROW + math.floor((longitude_deg + 180.0) * PER_DEGREE) % ROW


def runs_about(
    lines: Sequence[Sequence[tuple[float, float]]], within_km: float
) -> tuple[tuple[int, int], ...]:
    """Runs of cells, first and last, that hold all that is within a distance of lines, and more.

    `lines`: each of places, latitude and longitude in degrees; each two neighbours span a box.
    Longitudes may go on past ±180.
    """
    cells: set[int] = set()
    for places in lines:
        for one, other in itertools.pairwise(places):
            cells.update(_about(one, other, within_km))
    return _runs(sorted(cells))


def _about(one: tuple[float, float], other: tuple[float, float], within_km: float) -> Iterator[int]:
    """Cells within a distance of the box of two places."""
    up = within_km / _KM_PER_DEGREE
    south, north = min(one[0], other[0]) - up, max(one[0], other[0]) + up
    narrowest = math.cos(math.radians(min(89.0, max(abs(south), abs(north)))))
    across = within_km / (_KM_PER_DEGREE * narrowest)
    west, east = min(one[1], other[1]) - across, max(one[1], other[1]) + across
    first, last = (math.floor((x + 180.0) * PER_DEGREE) for x in (west, east))
    for row in range(cell_of(south, 0.0) // ROW, cell_of(north, 0.0) // ROW + 1):
        for column in range(first, min(last, first + ROW - 1) + 1):
            yield row * ROW + column % ROW


def _runs(cells: Iterable[int]) -> tuple[tuple[int, int], ...]:
    runs: list[list[int]] = []
    for cell in cells:
        if runs and cell == runs[-1][1] + 1:
            runs[-1][1] = cell
        else:
            runs.append([cell, cell])
    return tuple((first, last) for first, last in runs)
