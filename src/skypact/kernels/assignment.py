"""Global assignment of plots to tracks: least total cost, leaving out what does not fit."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel


class AssignmentScratch(NamedTuple):
    """Arrays that `assign` writes over: `price` (3, w) and `link` (3, w), w rows and columns."""

    price: NDArray[np.float64]
    link: NDArray[np.int64]


def assignment_scratch(rows: int, columns: int) -> AssignmentScratch:
    """Scratch for costs of up to so many rows and columns."""
    width = rows + columns
    return AssignmentScratch(np.zeros((3, width)), np.zeros((3, width), np.int64))


@kernel
def _nothing_competes(
    cost: NDArray[np.float64], miss_cost: float, chosen: NDArray[np.int64]
) -> bool:
    """Choose at once where for every row one column at most beats a miss, and no two the same."""
    for i in range(cost.shape[0]):
        chosen[i] = -1
        for j in range(cost.shape[1]):
            if cost[i, j] < miss_cost:
                if chosen[i] >= 0:
                    return False
                chosen[i] = j
        for k in range(i):
            if chosen[i] >= 0 and chosen[k] == chosen[i]:
                return False
    return True


@kernel
def assign(
    cost: NDArray[np.float64],
    miss_cost: float,
    chosen: NDArray[np.int64],
    scratch: AssignmentScratch,
) -> None:
    """Give each row of `cost` (rows, columns) a column of its own, or none, at least total cost.

    Infinite cost: not allowed. Leaving a row out costs `miss_cost`. `chosen` (rows,) is written:
    the column, or -1. Shortest augmenting paths (Jonker & Volgenant, Computing 38, 1987), each row
    having a private miss column; ties go to the lower column, so the result is one and the same.
    """
    if _nothing_competes(cost, miss_cost, chosen):
        return
    rows, columns = cost.shape
    width = columns + rows
    price, row_price, distance = scratch.price[0], scratch.price[1], scratch.price[2]
    row_of, came_from, done = scratch.link[0], scratch.link[1], scratch.link[2]
    for j in range(width):
        row_of[j], price[j], row_price[j] = -1, 0.0, 0.0
    for new_row in range(rows):
        for j in range(width):
            distance[j], came_from[j], done[j] = math.inf, -1, 0
        row, base, at = new_row, 0.0, -1
        while True:
            for j in range(columns):
                if done[j] == 0 and cost[row, j] < math.inf:
                    reduced = base + cost[row, j] - row_price[row] - price[j]
                    if reduced < distance[j]:
                        distance[j] = reduced
                        came_from[j] = row
            j = columns + row
            if done[j] == 0:
                reduced = base + miss_cost - row_price[row] - price[j]
                if reduced < distance[j]:
                    distance[j] = reduced
                    came_from[j] = row
            at = -1
            for j in range(width):
                if done[j] == 0 and (at < 0 or distance[j] < distance[at]):
                    at = j
            base = distance[at]
            done[at] = 1
            if row_of[at] < 0:
                break
            row = row_of[at]
        for j in range(width):
            if done[j] == 1 and j != at:
                row_price[row_of[j]] += base - distance[j]
                price[j] -= base - distance[j]
        row_price[new_row] += base
        while True:
            row = came_from[at]
            previous = -1
            for j in range(width):
                if row_of[j] == row and j != at:
                    previous = j
            row_of[at] = row
            if row == new_row:
                break
            row_of[previous] = -1
            at = previous
    for i in range(rows):
        chosen[i] = -1
    for j in range(columns):
        if row_of[j] >= 0:
            chosen[row_of[j]] = j
