"""For every area: the probability that a flight comes down in it, and that it passes over it."""

import math
from collections.abc import Mapping, Sequence
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
from skypact.warning.cells import Cells

_HALF_TURN = 180.0
_COARSE_DEG = 0.02
"""Shapes are as coarse for their distances: 2 km."""
_TURNS = (-360.0, 0.0, 360.0)
_LEAST_RADIUS_M = 6.3e6
"""Less than any by which the ellipsoid is curved."""
_NONE = np.zeros(0, np.int64)


class _Shapes(NamedTuple):
    """The areas' shapes in degrees, and their bounds (n, 4): west, south, east, north."""

    shapes: tuple[MultiPolygon, ...]
    bounds: NDArray[np.float64]


class AreaIndex:
    """Areas, ready to be asked many times a second."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self.areas = tuple(areas)
        self.by_id = {area.id: area for area in self.areas}
        shapes = tuple(shape_of(area) for area in self.areas)
        self._neighbours: dict[float, Mapping[str, frozenset[str]]] = {}
        self._of = _Shapes(shapes, np.array([shape.bounds for shape in shapes]).reshape(-1, 4))
        self._cells = Cells(*self._of)

    @cached_property
    def _coarse(self) -> tuple[MultiPolygon, ...]:
        return tuple(shape.simplify(_COARSE_DEG) for shape in self._of.shapes)

    def only(self, area: str) -> "AreaIndex":
        """One of its areas, alone."""
        return AreaIndex([self.by_id[area]])

    def within(self, latitude_rad: float, longitude_rad: float) -> tuple[str, ...]:
        """Ids of the areas that hold a place."""
        at = np.degrees([longitude_rad]), np.degrees([latitude_rad])
        return tuple(self.areas[number].id for number in self._cells.holding(*at))

    def chances(self, descent: Descent) -> tuple[AreaChance, ...]:
        """What a flight may do to each area that any of its ways down touches, in their order."""
        x, y = np.degrees(descent.longitude_rad), np.degrees(descent.latitude_rad)
        segments = _segments(descent)
        falls, passes = self._cells.holding(x, y), self._cells.touched(segments.ends)
        out = []
        for number in sorted(falls.keys() | passes.keys()):
            down, over = falls.get(number, _NONE), passes.get(number, _NONE)
            paths = len(np.unique(segments.path[over]))
            fell, first, last = (
                descent.time_ns[down],
                segments.first_ns[over],
                segments.last_ns[over],
            )
            out.append(
                AreaChance(
                    area=self.areas[number].id,
                    falls=float(descent.weight[down].sum()),
                    passes=paths / descent.paths,
                    fall_first_ns=int(fell.min()) if len(down) else None,
                    fall_last_ns=int(fell.max()) if len(down) else None,
                    pass_first_ns=int(first.min()) if len(over) else None,
                    pass_last_ns=int(last.max()) if len(over) else None,
                )
            )
        return tuple(out)

    def neighbours(self, reach_m: float) -> Mapping[str, frozenset[str]]:
        """Of each area those whose edges are no farther than `reach_m` from its own."""
        if reach_m not in self._neighbours:
            self._neighbours[reach_m] = self._near_each_other(reach_m)
        return self._neighbours[reach_m]

    def _near_each_other(self, reach_m: float) -> dict[str, frozenset[str]]:
        coarse = self._coarse
        found: dict[str, set[str]] = {area.id: set() for area in self.areas}
        for i, one in enumerate(self.areas):
            for j in range(i):
                if self._apart_m(i, j, reach_m, coarse) <= reach_m:
                    found[one.id].add(self.areas[j].id)
                    found[self.areas[j].id].add(one.id)
        return {name: frozenset(names) for name, names in found.items()}

    def distance_m(
        self, latitude_rad: float, longitude_rad: float, *, most_m: float = math.inf
    ) -> float:
        """From a place to the nearest area, m; 0 within one. Good to the shapes' 2 km.

        `most_m`: what is farther off is told as so far.
        """
        x, y = math.degrees(longitude_rad), math.degrees(latitude_rad)
        narrow = math.cos(math.radians(y))
        point, nearest = shapely.Point(x * narrow, y), most_m
        least = self._least_m(x, y)
        for k in np.argsort(least, axis=None):
            number, turn = divmod(int(k), len(_TURNS))
            if least[number, turn] >= nearest:
                break
            flat = _flat(self._coarse[number], y, _TURNS[turn])
            on = shapely.shortest_line(flat, point).coords[0]
            to = math.radians(on[1]), math.radians(on[0] / narrow)
            nearest = min(nearest, geodesic_inverse(latitude_rad, longitude_rad, *to)[0])
        return nearest

    def _least_m(self, x: float, y: float) -> NDArray[np.float64]:
        """No more than the distance of a place to each area (n, turns), from their bounds alone."""
        west, south, east, north = self._of.bounds.T[:, :, None]
        turns = np.array(_TURNS)
        beside = np.maximum(west + turns - x, x - east - turns).clip(0.0, 90.0)
        over = np.maximum(south - y, y - north).clip(0.0)
        meridian = np.arcsin(math.cos(math.radians(y)) * np.sin(np.radians(beside)))
        return np.asarray(_LEAST_RADIUS_M * np.maximum(meridian, np.radians(over)))

    def _apart_m(self, i: int, j: int, reach_m: float, coarse: Sequence[MultiPolygon]) -> float:
        """Distance between two areas, or any that is greater than `reach_m`."""
        (w1, s1, e1, n1), (w2, s2, e2, n2) = self._of.bounds[i], self._of.bounds[j]
        degree_m = 111e3
        middle = 0.25 * (s1 + n1 + s2 + n2)
        if max(s1 - n2, s2 - n1) * degree_m > reach_m:
            return math.inf
        nearest = math.inf
        for turn in _TURNS:
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
