"""Entries for other programs: CSV, Parquet, GeoJSON, KML and CZML; what is not known stays empty.

Maps get what has a place: the launch site, where it came down, and the straight line between; that
is not the path that was flown.
"""

import csv
import datetime
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from skypact.errors import InputError
from skypact.model import LaunchEntry

Numbered = Iterable[tuple[int, LaunchEntry]]
_PLAIN = (
    *("origin", "source", "key", "day", "time", "name", "type", "kind", "site"),
    *("launch_latitude_deg", "launch_longitude_deg", "apogee_km", "range_km", "bearing_deg"),
    *("landing", "impact_latitude_deg", "impact_longitude_deg", "impact_off_km", "impact_from"),
    *("outcome", "description", "journal_first", "journal_last"),
)
COLUMNS = ("id", *_PLAIN, "words", "cleaned")
_WHOLE = ("id", "journal_first", "journal_last")
_AT_ONCE = 10_000


def export(entries: Numbered, file: Path, written_to: Path) -> int:
    """Write entries in the format that the file's name ends in; how many. Raises InputError.

    `written_to`: where the bytes go meanwhile.
    """
    write = _WRITERS.get(file.suffix.lower())
    if write is None:
        remedy = f"let its name end in one of {', '.join(_WRITERS)}"
        raise InputError(str(file), "is of no format that is known", remedy)
    return write(entries, written_to)


def row_of(number: int, entry: LaunchEntry) -> dict[str, Any]:
    """An entry as one flat row: days and times as ISO 8601, words and cleaned as they are."""
    row: dict[str, Any] = {"id": number}
    for name in _PLAIN:
        row[name] = time_of(entry) if name == "time" else getattr(entry, name)
    row["day"] = day_text(entry.day)
    row["origin"], row["impact_from"] = str(entry.origin), str(entry.impact_from)
    return row | {"words": entry.words, "cleaned": list(entry.cleaned)}


def time_of(entry: LaunchEntry) -> str | None:
    """UTC as ISO 8601, to the second; None where it is not known."""
    if entry.begin_ns is None:
        return None
    moment = datetime.datetime.fromtimestamp(entry.begin_ns // 1_000_000_000, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def day_text(day: int) -> str:
    """20221103 as 2022-11-03; 20221100 as 2022-11."""
    year, month, of_month = day // 10_000, day // 100 % 100, day % 100
    parts = [f"{year:04d}", *(f"{part:02d}" for part in (month, of_month) if part)]
    return "-".join(parts)


def _flat(number: int, entry: LaunchEntry) -> dict[str, Any]:
    row = row_of(number, entry)
    row["words"] = json.dumps(entry.words, ensure_ascii=False)
    row["cleaned"] = "; ".join(entry.cleaned)
    return row


def _csv(entries: Numbered, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number, entry in entries:
            writer.writerow(_flat(number, entry))
            count += 1
    return count


def _parquet(entries: Numbered, path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def kind(name: str) -> pa.DataType:
        if name in _WHOLE:
            return pa.int64()
        return pa.float64() if name.endswith(("_deg", "_km")) else pa.string()

    schema = pa.schema([(name, kind(name)) for name in COLUMNS])
    count, remaining = 0, iter(entries)
    with pq.ParquetWriter(path, schema) as writer:
        while some := [_flat(*one) for one in islice(remaining, _AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count


def _geojson(entries: Numbered, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, entry in entries:
            feature = {
                "type": "Feature",
                "id": number,
                "geometry": _geometry(entry),
                "properties": row_of(number, entry),
            }
            file.write((",\n" if count else "\n") + json.dumps(feature, ensure_ascii=False))
            count += 1
        file.write("\n]}\n")
    return count


def _geometry(entry: LaunchEntry) -> dict[str, Any] | None:
    places = [one for one in (_launch(entry), _impact(entry)) if one]
    if not places:
        return None
    points: list[dict[str, Any]] = [
        {"type": "Point", "coordinates": list(place)} for place in places
    ]
    if len(places) == 1:
        return points[0]
    (west, _), (east, _) = places
    if abs(east - west) <= 180.0:
        way = {"type": "LineString", "coordinates": [list(place) for place in places]}
        points.append(way)
    return {"type": "GeometryCollection", "geometries": points}


def _kml(entries: Numbered, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Launches</name>\n'
        )
        for number, entry in entries:
            file.write(_placemark(number, entry))
            count += 1
        file.write("</Document></kml>\n")
    return count


def _placemark(number: int, entry: LaunchEntry) -> str:
    places = [one for one in (_launch(entry), _impact(entry)) if one]
    texts = [f"{longitude},{latitude},0" for longitude, latitude in places]
    shapes = "".join(f"<Point><coordinates>{text}</coordinates></Point>" for text in texts)
    if len(texts) == 2:
        way = " ".join(texts)
        shapes += f"<LineString><tessellate>1</tessellate><coordinates>{way}</coordinates>"
        shapes += "</LineString>"
    when = time_of(entry) or day_text(entry.day)
    name = " ".join(part for part in (day_text(entry.day), entry.name or entry.type) if part)
    data = "".join(
        f'<Data name="{key}"><value>{escape(str(value))}</value></Data>'
        for key, value in _flat(number, entry).items()
        if value is not None and key not in ("description", "words")
    )
    return (
        f'<Placemark id="entry-{number}"><name>{escape(_printable(name))}</name>'
        f"<description>{escape(_printable(entry.description))}</description>"
        f"<TimeStamp><when>{when}</when></TimeStamp>"
        f"<ExtendedData>{_printable(data)}</ExtendedData>"
        f"<MultiGeometry>{shapes}</MultiGeometry></Placemark>\n"
    )


def _czml(entries: Numbered, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        head = {"id": "document", "name": "Launches", "version": "1.0"}
        file.write("[" + json.dumps(head))
        for number, entry in entries:
            for packet in _packets(number, entry):
                file.write(",\n" + json.dumps(packet, ensure_ascii=False))
            count += 1
        file.write("]\n")
    return count


def _packets(number: int, entry: LaunchEntry) -> Iterator[dict[str, Any]]:
    launch, impact = _launch(entry), _impact(entry)
    name = f"{day_text(entry.day)} {entry.name or entry.type}".strip()
    about = {"name": name, "description": escape(entry.description)}
    colour = {"rgba": [204, 51, 17, 255] if entry.outcome == "failure" else [25, 101, 176, 255]}
    for word, place in (("launch", launch), ("impact", impact)):
        if place is not None:
            yield about | {
                "id": f"entry-{number}-{word}",
                "position": {"cartographicDegrees": [*place, 0.0]},
                "point": {"pixelSize": 6, "color": colour},
            }
    if launch is not None and impact is not None:
        yield about | {
            "id": f"entry-{number}-way",
            "polyline": {
                "positions": {"cartographicDegrees": [*launch, 0.0, *impact, 0.0]},
                "width": 1,
                "material": {"solidColor": {"color": colour}},
                "clampToGround": True,
            },
        }


def _launch(entry: LaunchEntry) -> tuple[float, float] | None:
    return _place(entry.launch_longitude_deg, entry.launch_latitude_deg)


def _impact(entry: LaunchEntry) -> tuple[float, float] | None:
    return _place(entry.impact_longitude_deg, entry.impact_latitude_deg)


def _place(longitude: float | None, latitude: float | None) -> tuple[float, float] | None:
    return None if longitude is None or latitude is None else (longitude, latitude)


def _printable(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(one for one in text if one >= " " or one in "\n\t")


_WRITERS: dict[str, Callable[[Numbered, Path], int]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".geojson": _geojson,
    ".kml": _kml,
    ".czml": _czml,
}
