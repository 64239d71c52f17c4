"""A nation's warning areas, read from GeoJSON (RFC 7946).

Each feature is an area: a polygon or several, with properties `id`, `name` (a text, or one by
language: `{"en": …, "ja": …, "ko": …}`), and if known `nation`, `kind`, `population`. A feature, or
the whole file, with `"exercise": true` is for exercises alone.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LinearRing, MultiPolygon, box
from shapely.geometry import Polygon as Shape

from skypact.errors import InputError
from skypact.model import Area

LANGUAGES = ("en", "ja", "ko")
_LEAST_CORNERS = 3
_GREATEST_BYTES = 1 << 28
_MOST_KEPT_OF_REPAIR = 1.01
_WORLD = box(-180.0, -90.0, 180.0, 90.0)


class AreaFile(NamedTuple):
    """The areas of a file, and what was repaired or is missing, each with its place."""

    areas: tuple[Area, ...]
    repairs: tuple[str, ...]
    unnamed: tuple[str, ...] = ()
    """Areas without a name: people are told their id."""


def read_areas(path: Path, *, exercise: bool = False) -> AreaFile:
    """The areas of a GeoJSON file, for live use or for an exercise.

    Rings that are not closed, cross themselves or the antimeridian are repaired and named. Raises
    InputError with the place of whatever else cannot be used, and of areas for exercises in a file
    that is to be used live.
    """
    whole = _document(path)
    features = whole.get("features")
    if whole.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise InputError(str(path), "is no FeatureCollection", "give GeoJSON as docs/warning.md")
    if not features:
        raise InputError(str(path), "holds no area", "give one feature for each area")
    areas: dict[str, Area] = {}
    repairs: list[str] = []
    unnamed: list[str] = []
    for number, feature in enumerate(features):
        area = _area(path, number, feature, whole.get("exercise") is True, repairs)
        place = f"{path}: area {area.id}"
        if area.id in areas:
            raise InputError(place, "is there twice", "give each area an id of its own")
        if area.exercise and not exercise:
            raise InputError(place, "is for exercises", "take it out of the file for live use")
        areas[area.id] = area
        if "name" not in feature["properties"]:
            unnamed.append(f"{place}: has no name; people are told its id")
    return AreaFile(tuple(areas.values()), tuple(repairs), tuple(unnamed))


def shape_of(area: Area) -> MultiPolygon:
    """An area in degrees."""
    rings = ([_degrees(ring) for ring in polygon] for polygon in area.polygons)
    return MultiPolygon([Shape(outer, holes) for outer, *holes in rings])


def area_of(
    identity: str,
    names: Mapping[str, str],
    shape: Shape | MultiPolygon,
    **rest: Any,
) -> Area:
    """An area from a valid shape in degrees; `rest`: other fields of `Area`."""
    polygons = tuple(
        tuple(_radians(ring.coords) for ring in (part.exterior, *part.interiors))
        for part in _polygons(shape)
    )
    return Area(id=identity, names=dict(names), polygons=polygons, **rest)


def as_geojson(areas: Sequence[Area], attribution: Sequence[str]) -> dict[str, Any]:
    """Areas as a FeatureCollection that `read_areas` reads."""
    return {
        "type": "FeatureCollection",
        "attribution": list(attribution),
        "features": [
            {
                "type": "Feature",
                "id": area.id,
                "properties": {
                    "id": area.id,
                    "name": area.names,
                    "nation": area.nation,
                    "kind": area.kind,
                    "population": area.population,
                },
                "geometry": shapely.geometry.mapping(shape_of(area)),
            }
            for area in areas
        ],
    }


def _document(path: Path) -> dict[str, Any]:
    remedy = "name a GeoJSON file of areas"
    try:
        if path.stat().st_size > _GREATEST_BYTES:
            raise InputError(str(path), "is larger than 256 MiB", "simplify its polygons")
        read = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", remedy) from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"is no JSON: {error}", remedy) from None
    if not isinstance(read, dict):
        raise InputError(str(path), "is no FeatureCollection", remedy)
    return read


def _area(path: Path, number: int, feature: Any, file_exercise: bool, repairs: list[str]) -> Area:
    place = f"{path}: features[{number}]"
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise InputError(place, "is no feature with properties", "give type, properties, geometry")
    said = feature["properties"]
    identity = said.get("id", feature.get("id"))
    if not isinstance(identity, str | int) or not str(identity).strip():
        raise InputError(place, "has no id", 'give it properties: {"id": …}')
    place = f"{path}: area {identity}"
    population = said.get("population")
    if population is not None and not (isinstance(population, int) and population >= 0):
        raise InputError(place, f"population is {population!r}", "give a whole number, or null")
    polygons = tuple(_read_geometry(place, feature.get("geometry"), repairs))
    return Area(
        id=str(identity),
        names=_names(place, said.get("name", str(identity))),
        polygons=polygons,
        nation=str(said.get("nation") or ""),
        kind=str(said.get("kind") or "land"),
        population=population,
        exercise=file_exercise or said.get("exercise") is True,
    )


def _names(place: str, given: Any) -> dict[str, str]:
    names = {"en": given} if isinstance(given, str) else given
    if not isinstance(names, dict) or not names:
        raise InputError(place, f"name is {given!r}", "give a text, or one by language")
    for language, name in names.items():
        if language not in LANGUAGES or not isinstance(name, str) or not name.strip():
            raise InputError(
                place, f"name has {language!r}: {name!r}", f"give texts by {', '.join(LANGUAGES)}"
            )
    return dict(names)


def _read_geometry(
    place: str, geometry: Any, repairs: list[str]
) -> Iterator[tuple[tuple[tuple[float, float], ...], ...]]:
    """Polygons in radians, valid, each on one side of the antimeridian."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(place, f"geometry is {kind or 'missing'}", "give Polygon or MultiPolygon")
    given = geometry.get("coordinates")
    parts = [given] if kind == "Polygon" else given
    if not isinstance(parts, list) or not parts:
        raise InputError(place, "geometry has no coordinates", "give its rings")
    shapes = []
    for number, rings in enumerate(parts):
        where = place if kind == "Polygon" else f"{place}, polygon {number}"
        shapes.append(_shape(where, rings, repairs))
    whole = shapely.union_all(shapes) if len(shapes) > 1 else shapes[0]
    if len(shapes) > 1 and whole.area * _MOST_KEPT_OF_REPAIR < sum(one.area for one in shapes):
        repairs.append(f"{place}: polygons overlapped and were joined")
    for polygon in _polygons(whole):
        rings = (polygon.exterior, *polygon.interiors)
        yield tuple(_radians(ring.coords) for ring in rings)


def _shape(place: str, rings: Any, repairs: list[str]) -> Shape | MultiPolygon:
    """One polygon in degrees, repaired."""
    if not isinstance(rings, list) or not rings:
        raise InputError(place, "polygon has no ring", "give an outer ring, then its holes")
    read = [_ring(f"{place}, ring {k}", ring, repairs) for k, ring in enumerate(rings)]
    outer = _unrolled(read[0])
    middle = _middle(outer)
    holes = [_near(_unrolled(ring), middle) for ring in read[1:]]
    shape: Any = Shape(np.array(outer), [np.array(hole) for hole in holes])
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        if shape.is_empty or shape.area == 0.0:
            raise InputError(place, f"encloses nothing ({reason})", "draw its ring anew")
        repairs.append(f"{place}: was repaired: {reason}")
    west, _, east, _ = shape.bounds
    if west < -180.0 or east > 180.0:
        repairs.append(f"{place}: was cut at the antimeridian")
        shape = shapely.union_all(
            [
                shapely.intersection(affinity.translate(shape, turn), _WORLD)
                for turn in (-360.0, 0.0, 360.0)
            ]
        )
    return MultiPolygon(list(_polygons(shape)))


def _ring(place: str, ring: Any, repairs: list[str]) -> list[tuple[float, float]]:
    """A closed ring in degrees, checked."""
    if not isinstance(ring, list):
        raise InputError(place, "is no list of places", "give [longitude, latitude], …")
    points = []
    for number, point in enumerate(ring):
        at = f"{place}, place {number}"
        if not isinstance(point, list) or len(point) < 2:
            raise InputError(at, f"is {str(point)[:40]}", "give [longitude, latitude]")
        longitude, latitude = point[:2]
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in (longitude, latitude)):
            raise InputError(at, f"is {str(point)[:40]}", "give numbers, in degrees")
        if abs(latitude) > 90.0:
            raise InputError(
                at, f"has a latitude of {latitude}", "give longitude first, then latitude"
            )
        if abs(longitude) > 540.0:
            raise InputError(at, f"has a longitude of {longitude}", "give it in degrees")
        points.append((float(longitude), float(latitude)))
    if points and points[0] != points[-1]:
        repairs.append(f"{place}: was not closed")
        points.append(points[0])
    if len(set(points)) < _LEAST_CORNERS:
        raise InputError(place, "has fewer than three corners", "draw its ring anew")
    return points


def _unrolled(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without a leap of 360° in longitude; a ring about a pole cannot be had."""
    out = [ring[0]]
    for longitude, latitude in ring[1:]:
        turn = round((out[-1][0] - longitude) / 360.0)
        out.append((longitude + 360.0 * turn, latitude))
    if abs(out[-1][0] - out[0][0]) > 180.0:
        out += [(out[-1][0], math.copysign(90.0, out[0][1]))]
        out += [(out[0][0], math.copysign(90.0, out[0][1])), out[0]]
    return out


def _near(ring: list[tuple[float, float]], middle_deg: float) -> list[tuple[float, float]]:
    """A hole on the same turn of the Earth as its outer ring, whose middle is given."""
    turn = round((middle_deg - _middle(ring)) / 360.0) * 360.0
    return [(longitude + turn, latitude) for longitude, latitude in ring]


def _middle(ring: list[tuple[float, float]]) -> float:
    """The longitude of a ring's centre, degrees."""
    return float(LinearRing(np.array(ring)).centroid.x)


def _polygons(shape: Any) -> list[Shape]:
    """The polygons of a shape; lines and points that a repair left are dropped."""
    parts = getattr(shape, "geoms", (shape,))
    return [
        polygon
        for part in parts
        for polygon in (part.geoms if isinstance(part, MultiPolygon) else (part,))
        if isinstance(polygon, Shape) and polygon.area > 0.0
    ]


def _radians(ring: Any) -> tuple[tuple[float, float], ...]:
    return tuple((math.radians(x), math.radians(y)) for x, y in ring)


def _degrees(ring: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    in_degrees: NDArray[np.float64] = np.degrees(np.array(ring, np.float64))
    return in_degrees.round(9)
