"""Launches of any public CSV: columns by the record's names, or by names that are mapped to them.

`date` (2022-11-03, 2022-11 or 2022, by UTC where `time` stands) is needed; all others may be
absent or empty: `key`, `time` (21:51 or 21:51:30, UTC), `name`, `type`, `kind`, `site`,
`launch_latitude_deg`, `launch_longitude_deg`, `apogee_km`, `range_km`, `bearing_deg`, `landing`,
`impact_latitude_deg`, `impact_longitude_deg`, `outcome`, `description`. Others are kept as words.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skypact.errors import InputError
from skypact.model import FlightKind, ImpactFrom, LaunchEntry, Origin
from skypact.record import fields
from skypact.record.imported import BadRow, FieldError, Imported, refused
from skypact.record.launch_record import LaunchRecord

TEXTS = ("name", "type", "kind", "site", "landing", "outcome", "description")
NUMBERS = (
    "launch_latitude_deg",
    "launch_longitude_deg",
    "apogee_km",
    "range_km",
    "bearing_deg",
    "impact_latitude_deg",
    "impact_longitude_deg",
)
_WANTED = "name a CSV file, or the folder of the public database"
COLUMNS = ("key", "date", "time", *TEXTS, *NUMBERS)
_WITH_UNKNOWN = ("type", "kind", "landing", "outcome")
_ONE_OF = {
    "kind": tuple(str(kind) for kind in FlightKind),
    "outcome": ("success", "failure", "unknown"),
}


def read_csv(
    file: Path, source: str, record: LaunchRecord, columns: Mapping[str, str] | None = None
) -> Imported:
    """Entries of a CSV file, gzipped or not. `columns`: what the file calls them, to COLUMNS.

    Raises InputError where it has no such columns.
    """
    rows = _rows(_text(file))
    try:
        _, theirs = next(rows, (1, []))
    except csv.Error as error:
        raise InputError(str(file), f"its headings cannot be read ({error})", _WANTED) from None
    names = _names(file, theirs, columns or {})
    entries: list[LaunchEntry] = []
    bad: list[BadRow] = []
    seen: Counter[str] = Counter()
    count, line = 0, 1
    try:
        for line, cells in rows:
            count += 1
            try:
                if len(cells) != len(theirs):
                    reason = "has more or fewer fields than headings"
                    raise FieldError("row", reason, "quote commas in texts")
                words = dict(zip(theirs, cells, strict=True))
                entries.append(_entry(words, names, source, seen, record))
            except FieldError as fault:
                bad.append(refused(str(file), line, fault))
    except csv.Error as error:
        bad.append(BadRow(str(file), line, "row", f"after it: {error}", "correct the quotes"))
    return Imported(source, count, tuple(entries), tuple(bad))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(str(file), "there is no such file", _WANTED) from None
    except IsADirectoryError:
        raise InputError(str(file), "is a folder without test.en.json", _WANTED) from None
    except (OSError, EOFError) as error:
        raise InputError(str(file), f"cannot be read ({error})", _WANTED) from None
    except UnicodeDecodeError as error:
        where = f"is not UTF-8 at byte {error.start}"
        raise InputError(str(file), where, "save it as UTF-8") from None


def _names(file: Path, theirs: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Which of the file's columns each of ours is."""
    for name, own in columns.items():
        if name not in theirs:
            known = ", ".join(theirs) or "none"
            raise InputError(str(file), f"has no column {name!r} but {known}", "see --columns")
        if own not in COLUMNS:
            remedy = f"one of {', '.join(COLUMNS)}"
            raise InputError(str(file), f"{own!r} is no column of the record", remedy)
    names = {name: name for name in theirs if name in COLUMNS}
    names |= {own: name for name, own in columns.items()}
    if "date" not in names:
        known = ", ".join(theirs) or "none"
        remedy = "say which it is: --columns THEIRS=date"
        raise InputError(str(file), f"has no column 'date' but {known}", remedy)
    return names


def _entry(
    words: dict[str, str],
    names: Mapping[str, str],
    source: str,
    seen: Counter[str],
    record: LaunchRecord,
) -> LaunchEntry:
    said = {own: words[name].strip() for own, name in names.items()}
    date = fields.day(names["date"], said["date"])
    begin_ns = fields.moment_ns(date, names.get("time", "time"), said.get("time"))
    texts = {name: _known(name, names.get(name, name), said.get(name, "")) for name in TEXTS}
    numbers = {
        name: fields.number(names[name], said[name], name) for name in NUMBERS if name in names
    }
    cleaned: tuple[str, ...] = ()
    impact: dict[str, Any] = {}
    site = [numbers.get(name) for name in NUMBERS[:2]]
    way = [numbers.get("bearing_deg"), numbers.get("range_km")]
    if numbers.get("impact_latitude_deg") is not None:
        impact = {"impact_from": ImpactFrom.STATED}
    elif None not in (*site, *way):
        latitude, longitude, off_km = fields.impact_of(*site, *way)  # type: ignore[arg-type]
        impact = {
            "impact_latitude_deg": latitude,
            "impact_longitude_deg": longitude,
            "impact_off_km": off_km,
            "impact_from": ImpactFrom.DERIVED,
        }
        cleaned = ("impact: derived from site, bearing and range",)
    if (numbers.get("impact_latitude_deg") is None) != (
        numbers.get("impact_longitude_deg") is None
    ):
        raise FieldError("impact_longitude_deg", "only one of both is known", "give both or none")
    year, month, of_month = date
    return LaunchEntry(
        origin=Origin.ELSEWHERE,
        source=source,
        key=_key(said, seen),
        day=record.day_of(begin_ns) if begin_ns else year * 10_000 + month * 100 + of_month,
        begin_ns=begin_ns,
        words=dict(words),
        cleaned=cleaned,
        **(texts | numbers | impact),
    )


def _known(name: str, field: str, said: str) -> str:
    if said.lower() in fields.UNKNOWN:
        return "unknown" if name in _WITH_UNKNOWN else ""
    value = said.lower() if name in ("type", *_ONE_OF) else said
    if name in _ONE_OF and value not in _ONE_OF[name]:
        raise FieldError(field, f"{said!r} is none", f"one of {', '.join(_ONE_OF[name])}")
    return value


def _key(said: Mapping[str, str], seen: Counter[str]) -> str:
    """The source's own key; without one what stays when it corrects a number."""
    if said.get("key"):
        key = said["key"]
        if seen[key]:
            raise FieldError("key", f"{key!r} was there before", "give each row its own")
    else:
        key = "/".join(said.get(name, "") for name in ("date", "time", "name", "site"))
    seen[key] += 1
    return key if seen[key] == 1 else f"{key}/{seen[key]}"
