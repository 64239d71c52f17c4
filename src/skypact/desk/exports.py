"""A picture for other programs: GeoJSON, CZML, KML, Cursor on Target.

Made of the `export` picture alone: own plots, and what partners granted to leave in exports. What
people wrote at the desk, and what partners stated, has no part in it.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import msgspec

from skypact.desk import as_json
from skypact.desk import documents as d
from skypact.desk.node_client import PictureCopy

S = 1_000_000_000
_STALE_S = 60
_CHI_95 = 2.4477
"""An ellipse of so many standard deviations holds 95 % in two dimensions."""
_COT_KIND = {"aircraft": "a-u-A", "orbital": "a-u-P"}
_COT_MISSILE = "a-u-A-W-M"
"""MIL-STD-2525: unknown, air, weapon, missile in flight."""
_COT_AREA = "u-d-f"
_KML_COLOUR = {"impact": "7f3030ff", "launch": "7fff9000"}
"""Alpha, blue, green, red."""
_CZML_COLOUR = {"impact": [255, 48, 48, 110], "launch": [0, 144, 255, 110]}


class Exported(NamedTuple):
    """What an export is made of."""

    nation: str
    exercise: bool
    time_ns: int
    tracks: list[d.Track]
    flights: dict[int, d.Flight]


def exported(
    picture: PictureCopy, nation: str, exercise: bool, flight: Callable[[int], Any]
) -> Exported:
    """Tracks that are alive, and what they mean."""
    tracks = [as_json.track(one) for _, one in sorted(picture.tracks.items())]
    alive = [one for one in tracks if one["status"] == "confirmed"]
    flights = {one["id"]: found for one in alive if (found := flight(one["id"])) is not None}
    return Exported(nation, exercise, picture.time_ns, alive, flights)


def geojson(of: Exported) -> bytes:
    """RFC 7946: a point for each track, lines of its path, and its areas."""
    features = []
    for track in of.tracks:
        place = [track["longitude_deg"], track["latitude_deg"], track["height_m"]]
        features.append(_feature("Point", place, {**track, "what": "track"}))
    for number, flight in of.flights.items():
        about = {"flight": number, "kind": flight["kind"]}
        for what in ("path_flown", "path_expected"):
            path = flight[what]
            if path and len(path["time_ms"]) > 1:
                features.append(_feature("LineString", _line(path), {**about, "what": what}))
        for what, place_of in _places(flight):
            properties = {**about, "what": what}
            properties |= {key: place_of[key] for key in ("time_ms", "from_ms", "until_ms")}
            features.append({**_geometry(place_of["area"]), "properties": properties})
    document = {
        "type": "FeatureCollection",
        "features": features,
        "nation": of.nation,
        "exercise": of.exercise,
        "time": as_json.iso(of.time_ns),
    }
    return msgspec.json.encode(document)


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


def _geometry(area: d.Polygon | None) -> dict[str, Any]:
    return {"type": "Feature", "geometry": area}


def _line(path: d.Path) -> list[list[float]]:
    columns = path["longitude_deg"], path["latitude_deg"], path["height_m"]
    return [list(point) for point in zip(*columns, strict=True)]


def _places(flight: d.Flight) -> Iterator[tuple[str, d.Place]]:
    """Launch and impact, where they have an area."""
    for what in ("launch", "impact"):
        found: d.Place | None = flight[what]
        if found is not None and found["area"] is not None:
            yield what, found


def czml(of: Exported) -> bytes:
    """A document for Cesium: each track with where it was and will be, and its areas."""
    packets: list[dict[str, Any]] = [
        {"id": "document", "name": _title(of), "version": "1.0"},
    ]
    for track in of.tracks:
        flight = of.flights.get(track["id"])
        samples = _samples(track, flight)
        packets.append(
            {
                "id": f"track-{track['id']}",
                "name": _name(track, flight),
                "position": {
                    "epoch": as_json.iso(track["time_ms"] * 1_000_000),
                    "cartographicDegrees": samples,
                    "forwardExtrapolationType": "HOLD",
                },
                "point": {"pixelSize": 8},
            }
        )
    for number, flight in of.flights.items():
        for what, place in _places(flight):
            ring = place["area"]["coordinates"][0]  # type: ignore[index]
            flat = [value for x, y in ring for value in (x, y, 0.0)]
            colour = {"solidColor": {"color": {"rgba": _CZML_COLOUR[what]}}}
            packets.append(
                {
                    "id": f"{what}-{number}",
                    "name": f"{what} of {number}, 95 %",
                    "polygon": {
                        "positions": {"cartographicDegrees": flat},
                        "material": colour,
                    },
                }
            )
    return msgspec.json.encode(packets)


def _samples(track: d.Track, flight: d.Flight | None) -> list[float]:
    """Seconds since the track's time, longitude, latitude, height; times ascending."""
    now_ms = track["time_ms"]
    rows = [(0.0, track["longitude_deg"], track["latitude_deg"], track["height_m"])]
    if flight is not None:
        for path in (flight["path_flown"], flight["path_expected"]):
            if path is not None:
                seconds = [(at - now_ms) / 1000.0 for at in path["time_ms"]]
                columns = path["longitude_deg"], path["latitude_deg"], path["height_m"]
                rows += zip(seconds, *columns, strict=True)
    by_time = {row[0]: row for row in rows}
    return [value for _, row in sorted(by_time.items()) for value in row]


def kml(of: Exported) -> bytes:
    """OGC KML 2.2."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>{escape(_title(of))}</name>',
    ]
    for what, colour in _KML_COLOUR.items():
        out.append(f'<Style id="{what}"><PolyStyle><color>{colour}</color></PolyStyle></Style>')
    for track in of.tracks:
        flight = of.flights.get(track["id"])
        place = f"{track['longitude_deg']},{track['latitude_deg']},{track['height_m']}"
        when = as_json.iso(track["time_ms"] * 1_000_000)
        out.append(
            f"<Placemark><name>{escape(_name(track, flight))}</name>"
            f"<TimeStamp><when>{when}</when></TimeStamp><Point>"
            f"<altitudeMode>absolute</altitudeMode><coordinates>{place}</coordinates></Point>"
            "</Placemark>"
        )
    for number, flight in of.flights.items():
        for what in ("path_flown", "path_expected"):
            path = flight[what]  # type: ignore[literal-required]
            if path and len(path["time_ms"]) > 1:
                points = " ".join(",".join(map(str, point)) for point in _line(path))
                name = what.replace("_", " ")
                out.append(
                    f"<Placemark><name>{name} of {number}</name><LineString>"
                    f"<altitudeMode>absolute</altitudeMode><coordinates>{points}</coordinates>"
                    "</LineString></Placemark>"
                )
        for what, at in _places(flight):
            ring = at["area"]["coordinates"][0]  # type: ignore[index]
            points = " ".join(f"{x},{y},0" for x, y in ring)
            span = (as_json.iso(at[key] * 1_000_000) for key in ("from_ms", "until_ms"))
            begin, end = span
            out.append(
                f"<Placemark><name>{what} of {number}, 95 %</name><styleUrl>#{what}</styleUrl>"
                f"<TimeSpan><begin>{begin}</begin><end>{end}</end></TimeSpan>"
                "<Polygon><outerBoundaryIs><LinearRing>"
                f"<coordinates>{points}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
                "</Placemark>"
            )
    out.append("</Document></kml>")
    return "\n".join(out).encode()


def cot(of: Exported) -> bytes:
    """Cursor on Target 2.0 events, in one document: what a TAK client takes event by event."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', "<events>"]
    how = "m-s" if of.exercise else "m-r"
    for track in of.tracks:
        flight = of.flights.get(track["id"])
        kind = _COT_KIND.get(flight["kind"], _COT_MISSILE) if flight else _COT_MISSILE
        ee, _, _, nn, _, uu = track["covariance_m2"]
        speed = math.hypot(track["east_m_s"], track["north_m_s"])
        course = math.degrees(math.atan2(track["east_m_s"], track["north_m_s"])) % 360.0
        out.append(
            _event(of, f"track-{track['id']}", kind, how, track["time_ms"] * 1_000_000)
            + _point(
                *(track["latitude_deg"], track["longitude_deg"], track["height_m"]),
                ce=_CHI_95 * math.sqrt(max(0.0, ee + nn)),
                le=1.96 * math.sqrt(max(0.0, uu)),
            )
            + f'<detail><track course="{course:.2f}" speed="{speed:.2f}"/>'
            f"<contact callsign={quoteattr(_name(track, flight))}/>"
            f"<remarks>{escape(_title(of))}</remarks></detail></event>"
        )
    for number, flight in of.flights.items():
        for what, at in _places(flight):
            ring = at["area"]["coordinates"][0]  # type: ignore[index]
            links = "".join(f'<link point="{y},{x}"/>' for x, y in ring)
            name = f"{what} of {number}, 95 %"
            out.append(
                _event(of, f"{what}-{number}", _COT_AREA, how, flight["as_of_ms"] * 1_000_000)
                + _point(at["latitude_deg"], at["longitude_deg"], 0.0, ce=9999999.0, le=9999999.0)
                + f"<detail>{links}<contact callsign={quoteattr(name)}/>"
                f"<remarks>{escape(_title(of))}</remarks></detail></event>"
            )
    out.append("</events>")
    return "\n".join(out).encode()


def _event(of: Exported, name: str, kind: str, how: str, start_ns: int) -> str:
    mode = "exercise" if of.exercise else "live"
    time, start = as_json.iso(of.time_ns), as_json.iso(start_ns)
    stale = as_json.iso(of.time_ns + _STALE_S * S)
    return (
        f'<event version="2.0" uid="skypact-{escape(of.nation)}-{mode}-{name}" type="{kind}" '
        f'how="{how}" time="{time}" start="{start}" stale="{stale}">'
    )


def _point(latitude: float, longitude: float, height: float, *, ce: float, le: float) -> str:
    longitude = math.remainder(longitude, 360.0)
    return f'<point lat="{latitude}" lon="{longitude}" hae="{height}" ce="{ce:.1f}" le="{le:.1f}"/>'


def _title(of: Exported) -> str:
    mode = "EXERCISE " if of.exercise else ""
    return f"{mode}Skypact {of.nation}, {as_json.iso(of.time_ns)}"


def _name(track: d.Track, flight: d.Flight | None) -> str:
    return f"{track['id']} {flight['kind'].replace('_', ' ')}" if flight else str(track["id"])


FORMATS: dict[str, tuple[str, Callable[[Exported], bytes]]] = {
    "geojson": ("application/geo+json", geojson),
    "czml": ("application/json", czml),
    "kml": ("application/vnd.google-earth.kml+xml", kml),
    "cot": ("application/xml", cot),
}
"""By the file's ending: media type, and what makes it."""
