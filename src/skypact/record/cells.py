"""Quarter-degree cells of the Earth, by which impacts are found in the record."""

import math
from collections.abc import Iterable, Sequence

PER_DEGREE = 4
ROW = 360 * PER_DEGREE
"""Cells around the Earth; a cell's number is row × ROW + column, both from the south-west."""
_LAST_ROW = 180 * PER_DEGREE - 1


def cell_of(latitude_deg: float, longitude_deg: float) -> int:
    """The cell that holds a place."""
    row = min(max(math.floor((latitude_deg + 90.0) * PER_DEGREE), 0), _LAST_ROW)
    return row * ROW + math.floor((longitude_deg + 180.0) * PER_DEGREE) % ROW


def runs_about(
    places: Sequence[tuple[float, float]], within_km: float
) -> tuple[tuple[int, int], ...]:
    """Runs of cells, first and last, that hold all within a distance of boxes around places.

    `places`: (south, west, north, east) would be two of them: each pair of neighbours among the
    (latitude, longitude) in degrees spans a box. Longitudes may go on past ±180.
    """
    cells: set[int] = set()
    pairs = zip(places, places[1:], strict=False) if len(places) > 1 else [(places[0],) * 2]
    for (lat1, lon1), (lat2, lon2) in pairs:
        up = within_km / 110.0
        south, north = min(lat1, lat2) - up, max(lat1, lat2) + up
        widest = math.cos(math.radians(min(89.0, max(abs(south), abs(north)))))
        across = within_km / (110.0 * widest)
        west, east = min(lon1, lon2) - across, max(lon1, lon2) + across
        columns = range(
            math.floor((west + 180.0) * PER_DEGREE), math.floor((east + 180.0) * PER_DEGREE) + 1
        )
        low, high = cell_of(south, 0.0) // ROW, cell_of(north, 0.0) // ROW
        for row in range(low, high + 1):
            cells.update(row * ROW + column % ROW for column in columns[:ROW])
    return _runs(sorted(cells))


def _runs(cells: Iterable[int]) -> tuple[tuple[int, int], ...]:
    runs: list[list[int]] = []
    for cell in cells:
        if runs and cell == runs[-1][1] + 1:
            runs[-1][1] = cell
        else:
            runs.append([cell, cell])
    return tuple((first, last) for first, last in runs)
