"""Which tracks are near a plot, without asking those far away.

Tracks stand in a grid of cells, by where they are at the last count (`SWEPT_NS`); each second of
the data's time they are counted anew. A plot asks the cells about it, as far as a track of the
grid may have come since. What this finds is looked at more closely, so the grid decides nothing:
it only spares the looking.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import inlined, kernel
from skypact.tracking.tables import (
    ENDED,
    FREE_ROW,
    SLOTS,
    STATUS,
    SWEPT_NS,
    TIME_NS,
    TrackArrays,
    likeliest,
)

CELL_M = 32e3
# A track that may be farther than this from its estimate is not of one cell.
REACH_M = 8e3
# So few tracks are all looked at.
FEW = 24


class Grid(NamedTuple):
    """Live tracks by place: rows of `TrackArrays`.

    `head` (b,), `link` (c,): chains of the rows in the cells of one bucket, -1 at their ends;
    `cell` (c,) the cell of each. `everywhere` (c,): rows too uncertain for a cell; `live` (c,): all
    rows. `size` (2,): how many of these. `fastest` (1,): greatest speed among them, m/s.
    """

    head: NDArray[np.int64]
    link: NDArray[np.int64]
    cell: NDArray[np.int64]
    everywhere: NDArray[np.int64]
    live: NDArray[np.int64]
    size: NDArray[np.int64]
    fastest: NDArray[np.float64]


def empty_grid(tracks: int) -> Grid:
    """A grid for so many tracks."""
    buckets = 1 << max(4, (2 * tracks - 1).bit_length())
    return Grid(
        head=np.full(buckets, -1, np.int64),
        link=np.zeros(tracks, np.int64),
        cell=np.zeros(tracks, np.int64),
        everywhere=np.zeros(tracks, np.int64),
        live=np.zeros(tracks, np.int64),
        size=np.zeros(2, np.int64),
        fastest=np.zeros(1),
    )


@inlined
def cell_of(ix: int, iy: int, iz: int) -> int:
    """One number for a cell: 20 bits for each of its three."""
    return ((ix & 0xFFFFF) << 40) | ((iy & 0xFFFFF) << 20) | (iz & 0xFFFFF)


@inlined
def bucket_of(cell: int, buckets: int) -> int:
    """Which chain a cell is in; `buckets` is a power of two."""
    mixed = (cell ^ (cell >> 17)) * 0x9E3779B1
    return (mixed ^ (mixed >> 15)) & (buckets - 1)


@inlined
def spread_of(tracks: TrackArrays, t: int, dt: float) -> float:
    """Greatest variance of a track's place over all phases, m², `dt` s after its estimate."""
    spread = 0.0
    for slot in range(SLOTS):
        if tracks.mu[t, slot] > 0.0:
            q = tracks.p[t, slot]
            spread = max(
                spread,
                q[0, 0] + q[1, 1] + q[2, 2] + dt * dt * (q[3, 3] + q[4, 4] + q[5, 5]),
            )
    return spread


@kernel
def enter(tracks: TrackArrays, t: int, grid: Grid) -> None:
    """Put track `t` into the grid, as it is at the time of the last count."""
    grid.live[grid.size[0]] = t
    grid.size[0] += 1
    x = tracks.x[t, likeliest(tracks.mu[t])]
    dt = (tracks.counter[SWEPT_NS] - tracks.number[t, TIME_NS]) * 1e-9
    speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5])
    grid.fastest[0] = max(grid.fastest[0], speed)
    if not 8.0 * math.sqrt(spread_of(tracks, t, abs(dt) + 1.0)) + 2e3 < REACH_M:
        grid.everywhere[grid.size[1]] = t
        grid.size[1] += 1
        return
    ix = math.floor((x[0] + dt * x[3]) / CELL_M)
    iy = math.floor((x[1] + dt * x[4]) / CELL_M)
    iz = math.floor((x[2] + dt * x[5]) / CELL_M)
    grid.cell[t] = cell_of(ix, iy, iz)
    bucket = bucket_of(grid.cell[t], grid.head.shape[0])
    grid.link[t] = grid.head[bucket]
    grid.head[bucket] = t


@kernel
def count_anew(tracks: TrackArrays, grid: Grid) -> None:
    """Empty the grid and put all live tracks into it."""
    grid.head[:] = -1
    grid.size[0], grid.size[1], grid.fastest[0] = 0, 0, 0.0
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] != FREE_ROW and tracks.number[t, STATUS] != ENDED:
            enter(tracks, t, grid)


@kernel
def tracks_about(
    tracks: TrackArrays,
    place: tuple[float, float, float],
    reach_m: float,
    now_ns: int,
    grid: Grid,
    out: NDArray[np.int64],
) -> int:
    """Rows of all tracks that may be within `reach_m` of an ECEF place, into `out`; how many.

    Some that are not among them too. Each comes once.
    """
    count = 0
    if grid.size[0] <= FEW:
        for k in range(grid.size[0]):
            out[k] = grid.live[k]
        return int(grid.size[0])
    for k in range(grid.size[1]):
        out[k] = grid.everywhere[k]
    count = int(grid.size[1])
    # An estimate moves by its plots, too, by as much as it may be off.
    since = abs(now_ns - tracks.counter[SWEPT_NS]) * 1e-9
    reach = reach_m + 2.0 * REACH_M + (grid.fastest[0] + 100.0) * since
    buckets = grid.head.shape[0]
    for ix in range(
        math.floor((place[0] - reach) / CELL_M),
        math.floor((place[0] + reach) / CELL_M) + 1,
    ):
        for iy in range(
            math.floor((place[1] - reach) / CELL_M),
            math.floor((place[1] + reach) / CELL_M) + 1,
        ):
            for iz in range(
                math.floor((place[2] - reach) / CELL_M),
                math.floor((place[2] + reach) / CELL_M) + 1,
            ):
                cell = cell_of(ix, iy, iz)
                t = grid.head[bucket_of(cell, buckets)]
                while t >= 0:
                    if grid.cell[t] == cell:
                        out[count] = t
                        count += 1
                    t = grid.link[t]
    return count
