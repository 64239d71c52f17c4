"""Assignment against SciPy's, with a private miss column for each row."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from skypact.kernels.assignment import assign, assignment_scratch


def assigned(cost, miss):
    chosen = np.zeros(len(cost), np.int64)
    assign(np.ascontiguousarray(cost, float), float(miss), chosen, assignment_scratch(*cost.shape))
    return chosen


def value(cost, miss, chosen):
    return sum(miss if j < 0 else cost[i, j] for i, j in enumerate(chosen))


def best_by_scipy(cost, miss):
    rows, columns = cost.shape
    big = np.full((rows, columns + rows), 1e12)
    big[:, :columns] = np.where(np.isinf(cost), 1e12, cost)
    big[np.arange(rows), columns + np.arange(rows)] = miss
    i, j = linear_sum_assignment(big)
    return big[i, j].sum()


costs = st.one_of(st.integers(-20, 20).map(float), st.floats(-100, 100), st.just(math.inf))


@settings(max_examples=300)
@given(st.data())
def test_least_total_cost(data):
    rows, columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    cost = np.array(
        data.draw(st.lists(costs, min_size=rows * columns, max_size=rows * columns))
    ).reshape(rows, columns)
    miss = data.draw(st.floats(-50, 150))
    chosen = assigned(cost, miss)
    used = chosen[chosen >= 0]
    assert len(set(used)) == len(used)
    total = value(cost, miss, chosen)
    assert math.isfinite(total)  # what is not allowed is never chosen
    assert total == pytest.approx(best_by_scipy(cost, miss), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_least_total_cost_large(seed):
    random = np.random.default_rng(seed)
    cost = random.normal(0, 50, (120, 140))
    cost[random.random(cost.shape) < 0.7] = math.inf
    assert value(cost, 30.0, assigned(cost, 30.0)) == pytest.approx(best_by_scipy(cost, 30.0))


def test_ties_go_to_the_lower_column_and_nothing_fits():
    assert assigned(np.zeros((1, 3)), 5.0).tolist() == [0]
    assert assigned(np.full((3, 2), math.inf), 1.0).tolist() == [-1, -1, -1]
    assert assigned(np.full((2, 2), 9.0), 1.0).tolist() == [-1, -1]
    assert assigned(np.zeros((2, 0)), 1.0).tolist() == [-1, -1]
    crossed = np.array([[1.0, 2.0], [1.5, 10.0]])
    assert assigned(crossed, 50.0).tolist() == [1, 0]  # greedy would pay 11
