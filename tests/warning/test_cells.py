"""The grid that knows most answers beforehand, against its slow twin: each shape asked of each."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon

from skypact.warning import cells
from skypact.warning.cells import Cells

PLACES = st.tuples(st.floats(120, 140), st.floats(30, 45))
"""Degrees, in and about the shapes; whole quarters are edges and corners of cells."""
EDGES = st.tuples(st.integers(4 * 120, 4 * 140), st.integers(4 * 30, 4 * 45)).map(
    lambda at: (at[0] / 4, at[1] / 4)
)


@st.composite
def shapes(draw):
    """A star about a place, some with a hole, some of two parts."""
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        (x, y), n = draw(st.one_of(PLACES, EDGES)), draw(st.integers(3, 12))
        reach = draw(st.lists(st.floats(0.05, 4), min_size=n, max_size=n))
        turn = [2 * math.pi * k / n for k in range(n)]
        ring = [
            (x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(reach, turn, strict=True)
        ]
        least = 0.2 * min(reach)
        hole = [(x + least * math.cos(a), y + least * math.sin(a)) for a in turn]
        parts.append(Polygon(ring, [hole] if n > 4 and draw(st.booleans()) else []))
    whole = shapely.make_valid(shapely.union_all(parts), method="structure", keep_collapsed=False)
    return MultiPolygon([one for one in shapely.get_parts(whole) if isinstance(one, Polygon)])


def by_shape(held):
    """Numbers by shape of a table (shapes, asked)."""
    return {k: np.flatnonzero(row).tolist() for k, row in enumerate(held) if row.any()}


def listed(found):
    return {shape: numbers.tolist() for shape, numbers in found.items()}


@pytest.mark.parametrize("most", [50_000, 40], ids=["quarters of a degree", "few cells"])
@settings(max_examples=100, deadline=None)
@given(
    st.lists(shapes(), min_size=1, max_size=4),
    st.lists(st.one_of(PLACES, EDGES), min_size=1, max_size=30),
    st.lists(st.tuples(st.one_of(PLACES, EDGES), PLACES), min_size=1, max_size=30),
)
def test_the_grid_says_what_the_shapes_say(most, of, places, lines):
    grid = pytest.MonkeyPatch()
    grid.setattr(cells, "_MOST_CELLS", most)
    made = Cells(of, np.array([shape.bounds for shape in of]))
    grid.undo()
    x, y = np.array(places).T
    wanted = [[shape.intersects(shapely.Point(place)) for place in places] for shape in of]
    assert listed(made.holding(x, y)) == by_shape(np.array(wanted))
    ends = np.array(lines).reshape(-1, 4)
    wanted = [[shape.intersects(shapely.LineString(line)) for line in lines] for shape in of]
    assert listed(made.touched(ends)) == by_shape(np.array(wanted))


def test_what_is_nowhere_is_in_no_shape():
    """A way down that could not be carried on ends in no number: it, and a line to it, touch none.
    A line without number would be held against shapes by GEOS, which says that some touch."""
    square = MultiPolygon([shapely.box(130, 35, 132, 37)])
    made = Cells([square], np.array([square.bounds]))
    nan = math.nan
    assert made.holding(np.array([nan, 131.0, nan]), np.array([36.0, nan, nan])) == {}
    ends = np.array([[131, 36, nan, nan], [nan, 36, 131, 36], [nan] * 4, [131, nan, 129, 36]])
    assert made.touched(ends) == {}
