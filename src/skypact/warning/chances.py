"""For every area: the probability that a flight comes down in it, and that it passes over it."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import MultiPolygon

from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import Area, AreaChance, Descent
from skypact.warning.areas import shape_of

_HALF_TURN = 180.0
_COARSE_DEG = 0.02
"""Shapes are as coarse for their distances: 2 km."""


class _Shapes(NamedTuple):
    """The areas' shapes in degrees, prepared, and their bounds (n, 4): west, south, east, north."""

    shapes: tuple[MultiPolygon, ...]
    bounds: NDArray[np.float64]


class AreaIndex:
    """Areas, ready to be asked many times a second."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self.areas = tuple(areas)
        self.by_id = {area.id: area for area in self.areas}
        shapes = tuple(shape_of(area) for area in self.areas)
        for shape in shapes:
            shapely.prepare(shape)
        self._of = _Shapes(shapes, np.array([shape.bounds for shape in shapes]).reshape(-1, 4))

    @cached_property
    def _coarse(self) -> tuple[MultiPolygon, ...]:
        return tuple(shape.simplify(_COARSE_DEG) for shape in self._of.shapes)

    def only(self, area: str) -> "AreaIndex":
        """One of its areas, alone."""
        return AreaIndex([self.by_id[area]])

    def within(self, latitude_rad: float, longitude_rad: float) -> tuple[str, ...]:
        """Ids of the areas that hold a place."""
        x, y = math.degrees(longitude_rad), math.degrees(latitude_rad)
        return tuple(
            area.id
            for area, shape in zip(self.areas, self._of.shapes, strict=True)
            if shapely.intersects_xy(shape, x, y)
        )

    def chances(self, descent: Descent) -> tuple[AreaChance, ...]:
        """What a flight may do to each area that any of its ways down touches, in their order."""
        x, y = np.degrees(descent.longitude_rad), np.degrees(descent.latitude_rad)
        segments = _segments(descent)
        out = []
        for area, shape, (west, south, east, north) in zip(self.areas, *self._of, strict=True):
            near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
            down = near[shapely.intersects_xy(shape, x[near], y[near])]
            over = segments.over(shape, (west, south, east, north))
            if not len(down) and not len(over):
                continue
            paths = len(np.unique(segments.path[over]))
            fell, first, last = (
                descent.time_ns[down],
                segments.first_ns[over],
                segments.last_ns[over],
            )
            out.append(
                AreaChance(
                    area=area.id,
                    falls=float(descent.weight[down].sum()),
                    passes=paths / descent.paths,
                    fall_first_ns=int(fell.min()) if len(down) else None,
                    fall_last_ns=int(fell.max()) if len(down) else None,
                    pass_first_ns=int(first.min()) if len(over) else None,
                    pass_last_ns=int(last.max()) if len(over) else None,
                )
            )
        return tuple(out)

    def neighbours(self, reach_m: float) -> dict[str, frozenset[str]]:
        """Of each area those whose edges are no farther than `reach_m` from its own."""
        coarse = self._coarse
        found: dict[str, set[str]] = {area.id: set() for area in self.areas}
        for i, one in enumerate(self.areas):
            for j in range(i):
                if self._apart_m(i, j, reach_m, coarse) <= reach_m:
                    found[one.id].add(self.areas[j].id)
                    found[self.areas[j].id].add(one.id)
        return {name: frozenset(names) for name, names in found.items()}

    def distance_m(self, latitude_rad: float, longitude_rad: float) -> float:
        """From a place to the nearest area, m; 0 within one. Good to the shapes' 2 km."""
        x, y = math.degrees(longitude_rad), math.degrees(latitude_rad)
        nearest = math.inf
        for shape in self._coarse:
            for turn in (-360.0, 0.0, 360.0):
                flat = _flat(shape, y, turn)
                point = shapely.Point(x * math.cos(math.radians(y)), y)
                on = shapely.shortest_line(flat, point).coords[0]
                to = math.radians(on[1]), math.radians(on[0] / math.cos(math.radians(y)))
                nearest = min(nearest, geodesic_inverse(latitude_rad, longitude_rad, *to)[0])
        return nearest

    def _apart_m(self, i: int, j: int, reach_m: float, coarse: Sequence[MultiPolygon]) -> float:
        """Distance between two areas, or any that is greater than `reach_m`."""
        (w1, s1, e1, n1), (w2, s2, e2, n2) = self._of.bounds[i], self._of.bounds[j]
        degree_m = 111e3
        middle = 0.25 * (s1 + n1 + s2 + n2)
        if max(s1 - n2, s2 - n1) * degree_m > reach_m:
            return math.inf
        nearest = math.inf
        for turn in (-360.0, 0.0, 360.0):
            if max(w1 + turn - e2, w2 - e1 - turn) * degree_m * 0.2 > reach_m:
                continue
            one, other = _flat(coarse[i], middle, turn), _flat(coarse[j], middle, 0.0)
            nearest = min(nearest, one.distance(other) * degree_m)
        return nearest


class _Pieces(NamedTuple):
    """Pieces of paths in degrees: `ends` (k, 4) x0, y0, x1, y1; of which path, when."""

    ends: NDArray[np.float64]
    path: NDArray[np.int32]
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]

    def over(
        self, shape: MultiPolygon, bounds: tuple[float, float, float, float]
    ) -> NDArray[np.int64]:
        """Numbers of the pieces that touch a shape."""
        west, south, east, north = bounds
        x0, y0, x1, y1 = self.ends.T
        near = np.flatnonzero(
            (np.maximum(x0, x1) >= west)
            & (np.minimum(x0, x1) <= east)
            & (np.maximum(y0, y1) >= south)
            & (np.minimum(y0, y1) <= north)
        )
        # Most have their beginning within or are far off; a line is looked at only where it must.
        begins = shapely.intersects_xy(shape, x0[near], y0[near])
        unsure = near[~begins]
        lines = shapely.linestrings(self.ends[unsure].reshape(-1, 2, 2))
        return np.sort(np.append(near[begins], unsure[shapely.intersects(shape, lines)]))


def _segments(descent: Descent) -> _Pieces:
    """The paths' pieces; one that crosses the antimeridian stands on both sides of it."""
    x, y = np.degrees(descent.path_longitude_rad), np.degrees(descent.path_latitude_rad)
    begin = np.flatnonzero(np.diff(descent.path) == 0)
    end = begin + 1
    turn = 360.0 * np.round((x[begin] - x[end]) / 360.0)
    ends = np.column_stack([x[begin], y[begin], x[end] + turn, y[end]])
    crossing = np.flatnonzero(np.abs(ends[:, 2]) > _HALF_TURN)
    again = ends[crossing] - np.column_stack([turn, 0 * turn, turn, 0 * turn])[crossing]
    which = np.concatenate([np.arange(len(begin)), crossing])
    ends = np.vstack([ends, again])
    return _Pieces(
        ends,
        descent.path[begin][which],
        descent.path_time_ns[begin][which],
        descent.path_time_ns[end][which],
    )


def _flat(shape: MultiPolygon, latitude_deg: float, turn: float) -> MultiPolygon:
    """A shape whose degrees of longitude are as long as those of latitude at some latitude."""
    narrow = math.cos(math.radians(latitude_deg))
    return affinity.affine_transform(shape, (narrow, 0.0, 0.0, 1.0, turn * narrow, 0.0))
