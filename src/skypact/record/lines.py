"""Lines and areas of GeoJSON files: how far from them a launch came down, and on which side.

Whose line it is and where it runs is the file's word, not Skypact's. Between two points a line
runs straight in longitude and latitude, as GeoJSON says.
"""

import gzip
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import LaunchEntry
from skypact.record.cells import runs_about
from skypact.record.launch_record import LaunchRecord, Query

_KM_PER_DEGREE = 111.2
_AREAS = ("Polygon", "MultiPolygon")
_LINES = ("LineString", "MultiLineString")
_SIDES = ("north", "east", "south", "west")


class Line(NamedTuple):
    """A line, or an area's borders. `parts`: each (n, 2), longitude and latitude in degrees."""

    name: str
    is_area: bool
    parts: tuple[NDArray[np.float64], ...]


class Fall(NamedTuple):
    """Where an entry came down beside a line.

    `side`: north, east, south or west of the line, inside or outside of an area; "cannot tell"
    where the impact may be off by more than the distance.
    """

    number: int
    entry: LaunchEntry
    line: str
    distance_km: float
    side: str


def load_lines(file: Path) -> tuple[Line, ...]:
    """The lines and areas of a GeoJSON file, gzipped or not. Raises InputError."""
    try:
        content = file.read_bytes()
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        loaded = json.loads(text)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(str(file), f"cannot be read ({error})", "name a GeoJSON file") from None
    lines = []
    for number, (properties, geometry) in enumerate(_geometries(loaded), 1):
        kind = geometry.get("type")
        if kind not in (*_AREAS, *_LINES):
            continue
        names = (properties.get(key) for key in ("name", "NAME", "A3", "id"))
        name = next((_worded(one) for one in names if one), f"{file.name} {number}")
        try:
            parts = tuple(_parts(kind, geometry["coordinates"]))
        except (KeyError, TypeError, ValueError, IndexError):
            reason = f"feature {number} ({name}) has no usable coordinates"
            raise InputError(str(file), reason, "correct them: [longitude, latitude]") from None
        lines.append(Line(name, kind in _AREAS, parts))
    if not lines:
        raise InputError(str(file), "holds no line and no area", "name one that does")
    return tuple(lines)


def falls_near(
    record: LaunchRecord, query: Query, lines: Iterable[Line], within_km: float
) -> list[Fall]:
    """Entries of a query that came down within a distance of lines, nearest first by line.

    Of an area also those that came down in it, however far from its border.
    """
    out: list[Fall] = []
    for line in lines:
        places = [_corners(part) if line.is_area else _places(part) for part in line.parts]
        near = msgspec.structs.replace(query, cells=runs_about(places, within_km))
        found = [fall_of(number, entry, line) for number, entry in record.entries(near)]
        out += sorted(
            (one for one in found if one.distance_km <= within_km or one.side == "inside"),
            key=_by_distance,
        )
    return out


def fall_of(number: int, entry: LaunchEntry, line: Line) -> Fall:
    """Where one entry, whose impact is known, came down beside a line."""
    latitude, longitude = entry.impact_latitude_deg, entry.impact_longitude_deg
    if latitude is None or longitude is None:
        raise ValueError("it is not known where it came down")
    distance_km, towards = min(_nearest(part, latitude, longitude) for part in line.parts)
    if distance_km < (entry.impact_off_km or 0.0):
        side = "cannot tell"
    elif line.is_area:
        side = "inside" if _is_inside(line.parts, latitude, longitude) else "outside"
    else:
        side = _SIDES[round(towards / 90.0) % 4]
    return Fall(number, entry, line.name, round(distance_km, 1), side)


def _nearest(part: NDArray[np.float64], latitude: float, longitude: float) -> tuple[float, float]:
    """Distance km to the nearest point of a part, and the azimuth deg from there to the place."""
    scale = math.cos(math.radians(latitude))
    x = (np.remainder(part[:, 0] - longitude + 180.0, 360.0) - 180.0) * scale
    x = np.rad2deg(np.unwrap(np.deg2rad(x / scale))) * scale  # a part that crosses ±180
    y = part[:, 1] - latitude
    x1, y1, x2, y2 = x[:-1], y[:-1], x[1:], y[1:]
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = -(x1 * (x2 - x1) + y1 * (y2 - y1)) / np.where(length > 0.0, length, 1.0)
    along = np.clip(along, 0.0, 1.0)
    nearest_x, nearest_y = x1 + along * (x2 - x1), y1 + along * (y2 - y1)
    squared = nearest_x**2 + nearest_y**2
    at = int(np.argmin(squared))
    azimuth = math.degrees(math.atan2(-nearest_x[at], -nearest_y[at]))
    return math.sqrt(squared[at]) * _KM_PER_DEGREE, azimuth


def _is_inside(parts: Sequence[NDArray[np.float64]], latitude: float, longitude: float) -> bool:
    """Even-odd over all rings, holes as well."""
    inside = False
    for ring in parts:
        x = np.remainder(ring[:, 0] - longitude + 180.0, 360.0) - 180.0
        x = np.rad2deg(np.unwrap(np.deg2rad(x)))
        y = ring[:, 1] - latitude
        crosses = (y[:-1] > 0.0) != (y[1:] > 0.0)
        x1, y1 = x[:-1][crosses], y[:-1][crosses]
        x2, y2 = x[1:][crosses], y[1:][crosses]
        inside ^= bool(np.count_nonzero(x1 - y1 * (x2 - x1) / (y2 - y1) > 0.0) % 2)
    return inside


def _by_distance(fall: Fall) -> tuple[float, int]:
    return fall.distance_km, fall.number


def _places(part: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(float(latitude), float(longitude)) for longitude, latitude in part]


def _corners(part: NDArray[np.float64]) -> list[tuple[float, float]]:
    (west, south), (east, north) = part.min(axis=0), part.max(axis=0)
    return [(float(south), float(west)), (float(north), float(east))]


def _geometries(loaded: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    if not isinstance(loaded, dict):
        return
    for feature in loaded.get("features", [loaded]):
        geometry = feature.get("geometry", feature) if isinstance(feature, dict) else None
        if isinstance(geometry, dict):
            properties = feature.get("properties")
            yield properties if isinstance(properties, dict) else {}, geometry


def _worded(name: Any) -> str:
    """A name, of several by language the English one or else the first, as areas have them."""
    return str(name.get("en") or next(iter(name.values()))) if isinstance(name, dict) else str(name)


def _parts(kind: str, coordinates: Any) -> Iterator[NDArray[np.float64]]:
    deeper = {"LineString": [[coordinates]], "Polygon": [coordinates]}.get(kind, coordinates)
    for polygon in [coordinates] if kind == "MultiLineString" else deeper:
        for part in polygon:
            points = np.array([point[:2] for point in part], np.float64)
            if points.shape[0] < 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ValueError
            yield points
