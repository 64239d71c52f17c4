"""Lines at sea for a desk's map, from what the package holds: approximate, and no legal limits.

- Economic zones of Japan and of Korea: 200 nautical miles from the coasts of the page's own
  outlines (Natural Earth, public domain), or the middle line to another's nearest coast, worked out
  here. Where Japan and Korea agreed on a line in 1974 it stands in its place.
- Where an island that several nations claim would decide, no line is drawn: it belongs to nobody
  here. Nor is one between the two Koreas, where there is the Northern Limit Line.

An agency's own file takes its place: `lines.geojson` of the node's folder.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry import LineString, MultiLineString

from skypact.desk.app import STATIC
from skypact.errors import InputError
from skypact.model.limits import NORTHERN_LIMIT_LINE_EAST, NORTHERN_LIMIT_LINE_WEST

ATTRIBUTION = (
    "Coasts: Natural Earth 1:10,000,000 (public domain), by way of world-atlas",
    "Line of 1974: agreement of Japan and the Republic of Korea on the northern part of the "
    "continental shelf adjacent to the two countries, 30 January 1974, points 1 to 35",
    "Approximate: no legal limits, and no statement on whose an island is",
)
AGREED_1974 = (
    (32, 57.0, 127, 41.1), (32, 57.5, 127, 41.9), (33, 1.3, 127, 44.0), (33, 8.7, 127, 48.3),
    (33, 13.7, 127, 51.6), (33, 16.2, 127, 52.3), (33, 45.1, 128, 21.7), (33, 47.4, 128, 25.5),
    (33, 50.4, 128, 26.1), (34, 8.2, 128, 41.3), (34, 13.0, 128, 47.6), (34, 18.0, 128, 52.8),
    (34, 18.5, 128, 53.3), (34, 24.5, 128, 57.3), (34, 27.6, 128, 59.4), (34, 29.2, 129, 0.2),
    (34, 32.1, 129, 0.8), (34, 32.6, 129, 0.8), (34, 40.3, 129, 3.1), (34, 49.7, 129, 12.1),
    (34, 50.6, 129, 13.0), (34, 52.4, 129, 15.8), (34, 54.3, 129, 18.4), (34, 57.0, 129, 21.7),
    (34, 57.6, 129, 22.6), (34, 58.6, 129, 25.3), (35, 1.2, 129, 32.9), (35, 4.1, 129, 40.7),
    (35, 6.8, 130, 7.5), (35, 7.0, 130, 16.4), (35, 18.2, 130, 23.3), (35, 33.7, 130, 34.1),
    (35, 42.3, 130, 42.7), (36, 3.8, 131, 8.3), (36, 10.0, 131, 15.9),
)  # fmt: skip
"""Latitude and longitude, each in degrees and minutes."""
_EEZ_M = 370_400.0
_EARTH_M = 6_371_000.0
_WEST, _SOUTH, _EAST, _NORTH = 117.0, 17.0, 160.0, 51.0
_STEP_DEG = 0.2
_COAST_STEP_DEG = 0.05
"""Of the grid, between whose points limits are taken to be straight, and of points along coasts."""
_BESIDE_DEG = 0.6
"""So near to the line of 1974 a middle line between Japan and Korea is the same limit."""
_THINNED_DEG = 0.01
_LEAST_DEG = 0.3
_OWN = {"JPN": "392", "KOR": "410"}
_OTHERS = {
    **{"PRK": "408", "CHN": "156", "TWN": "158", "RUS": "643", "PHL": "608"},
    **{"MNP": "580", "GUM": "316", "PLW": "585"},
}
_NOBODY = "several"
_CLAIMED = ((145.3, 43.2, 148.95, 45.6), (131.8, 37.2, 131.95, 37.3), (123.4, 25.7, 124.65, 25.95))
"""Boxes around islands that several claim: the southern Kurils, Liancourt Rocks, Senkaku."""

Points = NDArray[np.float64]


def sea_lines(static: Path = STATIC) -> dict[str, Any]:
    """The zones' outer lines and the Northern Limit Line as a FeatureCollection, in degrees.

    `properties` have `kind` (`eez`, `nll`), `label` to be drawn, `name` by language, and `note`.
    Raises InputError where the page, whose outlines these are made of, was not built.
    """
    found = sorted((static / "assets").glob("countries-10m*.json"))
    if not found:
        reason = "holds no outlines: the desk's page was not built"
        raise InputError(str(static), reason, "run make page")
    atlas = json.loads(found[-1].read_bytes())
    coasts = _coasts(atlas)
    agreed = LineString([(e + f / 60, n + m / 60) for n, m, e, f in AGREED_1974])
    features = [
        _feature("eez", "EEZ", _EEZ_NAMES[own], _EEZ_NOTE, zone)
        for own, zone in zip(_OWN, _zones(coasts, agreed), strict=True)
    ]
    as_published = MultiLineString([agreed])
    features.append(_feature("eez", "", _AGREED_NAMES, "As published", as_published))
    both = [NORTHERN_LIMIT_LINE_WEST, NORTHERN_LIMIT_LINE_EAST]
    features.append(_feature("nll", "NLL", _NLL_NAMES, "Good to a few km", MultiLineString(both)))
    return {
        "type": "FeatureCollection",
        "attribution": list(ATTRIBUTION),
        "features": features,
    }


_EEZ_NAMES = {
    "JPN": {
        "en": "Economic zone of Japan, approximate",
        "ja": "日本の排他的経済水域(概略)",
        "ko": "일본 배타적 경제수역(개략)",
    },
    "KOR": {
        "en": "Economic zone of Korea, approximate",
        "ja": "韓国の排他的経済水域(概略)",
        "ko": "대한민국 배타적 경제수역(개략)",
    },
}
_EEZ_NOTE = "200 nautical miles or the middle line, worked out from coasts; no legal limit"
_AGREED_NAMES = {
    "en": "Continental shelf, Japan and Korea, 1974",
    "ja": "日韓大陸棚北部協定の境界線(1974年)",
    "ko": "한일 대륙붕 북부 경계선(1974년)",
}
_NLL_NAMES = {
    "en": "Northern Limit Line, approximate",
    "ja": "北方限界線(概略)",
    "ko": "북방한계선(개략)",
}


def _feature(
    kind: str, label: str, names: Mapping[str, str], note: str, lines: MultiLineString
) -> dict[str, Any]:
    rounded = shapely.set_precision(lines, 0.001, mode="pointwise")
    return {
        "type": "Feature",
        "properties": {"kind": kind, "label": label, "name": dict(names), "note": note},
        "geometry": shapely.geometry.mapping(rounded),
    }


def _zones(coasts: Mapping[str, Points], agreed: LineString) -> Iterator[MultiLineString]:
    """What bounds each zone at sea and is drawn with it, in the order of `_OWN`."""
    from matplotlib.figure import Figure  # takes a second, and the demo alone needs it

    longitudes = np.arange(_WEST, _EAST + _STEP_DEG / 2, _STEP_DEG)
    latitudes = np.arange(_SOUTH, _NORTH + _STEP_DEG / 2, _STEP_DEG)
    grid = np.stack(np.meshgrid(longitudes, latitudes), axis=-1)
    trees = {name: cKDTree(_on_sphere(points)) for name, points in coasts.items()}
    away = {name: _distance_m(tree, grid) for name, tree in trees.items()}
    for own in _OWN:
        others = [name for name in trees if name != own]
        nearest = np.min([away[name] for name in others], axis=0)
        inside = np.minimum(_EEZ_M, nearest) - away[own]
        (lines,) = Figure().subplots().contour(longitudes, latitudes, inside, [0.0]).allsegs
        drawn = [
            one.simplify(_THINNED_DEG)
            for line in lines
            for one in _drawn(own, np.asarray(line), trees, others, agreed)
        ]
        yield MultiLineString(drawn)


def _drawn(
    own: str,
    line: Points,
    trees: Mapping[str, cKDTree],
    others: Sequence[str],
    agreed: LineString,
) -> Iterator[LineString]:
    """The pieces of a line that bound nothing but sea, and that stand nowhere else."""
    away = np.stack([_distance_m(trees[name], line) for name in others], axis=-1)
    by = np.argmin(away, axis=-1)
    open_sea = away[np.arange(len(line)), by] > _EEZ_M + 2_000.0
    decides = np.array(others)[by]
    on_coast = _distance_m(trees[own], line) < 3_000.0
    beside = shapely.distance(shapely.points(line), agreed) < _BESIDE_DEG
    koreas = (own == "KOR") & (decides == "PRK")
    with_japan = (own == "KOR") & (decides == "JPN")
    with_korea = (own == "JPN") & (decides == "KOR") & beside
    edge = (
        (line[:, 0] < _WEST + _STEP_DEG)
        | (line[:, 0] > _EAST - _STEP_DEG)
        | (line[:, 1] < _SOUTH + _STEP_DEG)
        | (line[:, 1] > _NORTH - _STEP_DEG)
    )
    left_out = (decides == _NOBODY) | koreas | with_japan | with_korea
    shown = ~on_coast & ~edge & (open_sea | ~left_out)
    begin = None
    for i, wanted in enumerate([*shown, False]):
        if wanted and begin is None:
            begin = i
        elif not wanted and begin is not None:
            piece = LineString(line[begin:i]) if i - begin > 1 else None
            if piece is not None and piece.length > _LEAST_DEG:
                yield piece
            begin = None


def _distance_m(tree: cKDTree, places: Points) -> Points:
    """From each place (..., 2: longitude, latitude in degrees) to the nearest of a coast's."""
    chord = tree.query(_on_sphere(places))[0]
    return 2.0 * _EARTH_M * np.arcsin(np.clip(chord / 2.0, 0.0, 1.0))


def _on_sphere(places: Points) -> Points:
    longitude, latitude = np.radians(places[..., 0]), np.radians(places[..., 1])
    across = np.cos(latitude)
    return np.stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=-1
    )


def _coasts(atlas: Mapping[str, Any]) -> dict[str, Points]:
    """Points along each nation's outlines, (n, 2) in degrees; those that several claim apart."""
    wide = shapely.box(_WEST - 5.0, _SOUTH - 5.0, _EAST + 5.0, _NORTH + 5.0)
    claimed = shapely.union_all([shapely.box(*corners) for corners in _CLAIMED])
    arcs = list(_arcs(atlas))
    found: dict[str, Points] = {}
    several: list[Points] = []
    for name, number in (_OWN | _OTHERS).items():
        (of,) = (
            one for one in atlas["objects"]["countries"]["geometries"] if one.get("id") == number
        )
        parts = of["arcs"] if of["type"] == "MultiPolygon" else [of["arcs"]]
        rings = [_ring(ring, arcs) for part in parts for ring in part]
        near = shapely.intersection(MultiLineString([r for r in rings if len(r) > 1]), wide)
        dense = shapely.get_coordinates(shapely.segmentize(near, _COAST_STEP_DEG))
        disputed = shapely.contains_xy(claimed, dense[:, 0], dense[:, 1])
        several.append(dense[disputed])
        found[name] = dense[~disputed]
    boxes = [shapely.get_coordinates(shapely.box(*c).centroid) for c in _CLAIMED]
    found[_NOBODY] = np.concatenate([*several, *boxes])
    return found


def _arcs(atlas: Mapping[str, Any]) -> Iterator[Points]:
    """TopoJSON's arcs: differences of whole numbers, to be scaled."""
    of = atlas["transform"]
    for arc in atlas["arcs"]:
        yield np.cumsum(np.asarray(arc, float), axis=0) * of["scale"] + of["translate"]


def _ring(numbers: Sequence[int], arcs: Sequence[Points]) -> Points:
    """Arcs end to end; one whose number is below zero runs backwards (TopoJSON 2.1.4)."""
    return np.concatenate([arcs[i] if i >= 0 else arcs[~i][::-1] for i in numbers])
