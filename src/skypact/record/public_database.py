"""The public database of North Korea's launches (CNS/NTI, with bearings by nagix): cleaned.

Its numbers are partly texts, what is not known has several words, a bearing of 90 stands where
none was known, and one time is 12 hours off. What is changed is said in each entry, and the
source's own words stay beside.
"""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from skypact.errors import InputError
from skypact.model import FlightKind, ImpactFrom, LaunchEntry, Origin
from skypact.record import fields
from skypact.record.imported import BadRow, FieldError, Imported, refused
from skypact.record.launch_record import LaunchRecord

SOURCE = "CNS/NTI database"
DEFAULT_BEARING_DEG = 90.0
CORRECTED_TIMES = {("2017-07-04", "hwasong-14", "12:40 (UTC)"): "00:40 (UTC)"}
"""By date, missile and the wrong time: it was launched at 09:40 by Korea's clock."""
_TEST, _MISSILE, _FACILITY = "test.en.json", "missile.en.json", "facility.en.json"
_DICTIONARY = "dict.en.json"
_OTHERS = (_MISSILE, _FACILITY, _DICTIONARY)
_DATA = "data"
"""The folder that it has in its repository."""
_KINDS = {"pullup": FlightKind.QUASI_BALLISTIC, "glide": FlightKind.GLIDE}
_OUTCOMES = ("success", "failure", "unknown")
_Words = dict[str, Any]


def public_database_at(path: Path) -> Path | None:
    """Its folder: what is named, its `data`, or where a file of it lies; None: it is not there."""
    names = [f"{name}{end}" for name in (_TEST, *_OTHERS) for end in ("", ".gz")]
    if path.is_file():
        return path.parent if path.name in names else None
    folders = (path, path / _DATA)
    return next((at for at in folders if any((at / name).is_file() for name in names)), None)


def read_public_database(folder: Path, record: LaunchRecord) -> Imported:
    """Its entries, days as the record counts them. Raises InputError where a file is missing."""
    tests = _load(folder, _TEST)
    missiles = _load(folder, _MISSILE)
    sites = _part(_load(folder, _FACILITY), "facilities", folder / _FACILITY)
    words = _load(folder, _DICTIONARY)
    rows = [
        row for part in _part(tests, "timeBins", folder / _TEST) for row in part.get("data", [])
    ]
    entries: list[LaunchEntry] = []
    bad: list[BadRow] = []
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows, 1):
        try:
            entries.append(_Row(row, missiles, sites, words).entry(seen, record))
        except FieldError as fault:
            bad.append(refused(_TEST, number, fault))
    return Imported(SOURCE, len(rows), tuple(entries), tuple(bad))


class _Row:
    """One row being cleaned."""

    def __init__(self, row: Any, missiles: _Words, sites: _Words, words: _Words) -> None:
        if not isinstance(row, dict):
            raise FieldError("row", f"{row!r} is no record of fields", "see the source's format")
        self._row: _Words = row
        self._missiles, self._sites, self._words = missiles, sites, words
        self._cleaned: list[str] = []

    def entry(self, seen: Counter[str], record: LaunchRecord) -> LaunchEntry:
        """What it says of a launch."""
        date = fields.day("date", self._required("date"))
        time = self._time()
        begin_ns = fields.moment_ns(date, "time", time)
        year, month, of_month = date
        missile, site = self._known("missile", self._missiles), self._known("facility", self._sites)
        place = self._place(site)
        apogee_km = self._number("apogee", "apogee_km")
        range_km = self._number("distance", "range_km")
        bearing_deg = self._bearing()
        impact = self._impact(place, bearing_deg, range_km)
        landing = str(self._row.get("landing", "unknown"))
        landed = "unknown" if landing in fields.UNKNOWN else self._words.get(landing, landing)
        return LaunchEntry(
            origin=Origin.ELSEWHERE,
            source=SOURCE,
            key=self._key(seen),
            day=record.day_of(begin_ns) if begin_ns else year * 10_000 + month * 100 + of_month,
            begin_ns=begin_ns,
            name=str(missile.get("name", "")),
            type=str(missile.get("type", "unknown")).lower(),
            kind=str(self._kind(missile)),
            site=str(site.get("name", "")),
            launch_latitude_deg=place and place[0],
            launch_longitude_deg=place and place[1],
            apogee_km=apogee_km,
            range_km=range_km,
            bearing_deg=bearing_deg,
            landing=str(landed),
            impact_latitude_deg=impact and impact[0],
            impact_longitude_deg=impact and impact[1],
            impact_off_km=impact and impact[2],
            impact_from=ImpactFrom.DERIVED if impact else "",
            outcome=self._outcome(),
            description=str(self._row.get("description", "")),
            words=self._row,
            cleaned=tuple(self._cleaned),
        )

    def _required(self, field: str) -> Any:
        if field not in self._row:
            raise FieldError(field, "is missing", "add it, or leave the row out")
        return self._row[field]

    def _key(self, seen: Counter[str]) -> str:
        """What stays the same when the source corrects a time or a number."""
        row = self._row
        names = ("date", "series", "missile", "facility")
        key = "/".join(str(row[name]) for name in names if name in row)
        seen[key] += 1
        return key if seen[key] == 1 else f"{key}/{seen[key]}"

    def _known(self, field: str, table: _Words) -> _Words:
        name = self._required(field)
        if name not in table:
            reason = f"{name!r} is not in the source's list of them"
            raise FieldError(field, reason, "take the list of the same version as the launches")
        return dict(table[name])

    def _time(self) -> Any:
        said = self._row.get("time")
        at = (str(self._row["date"]), str(self._row.get("missile")), str(said))
        right = CORRECTED_TIMES.get(at)
        if right is not None:
            self._cleaned.append(f"time: {said} is 12 hours off, taken as {right}")
        return right or said

    def _number(self, field: str, as_named: str) -> float | None:
        said = self._row.get(field)
        value = fields.number(field, said, as_named)
        if isinstance(said, str) and value is not None:
            self._cleaned.append(f"{field}: a number written as text")
        elif value is None:
            self._cleaned.append(f"{field}: not known ({said})")
        return value

    def _bearing(self) -> float | None:
        bearing = self._number("bearing", "bearing_deg")
        if bearing != DEFAULT_BEARING_DEG:
            return bearing
        self._cleaned.append("bearing: 90 stands where none was known, taken as not known")
        return None

    def _place(self, site: _Words) -> tuple[float, float] | None:
        if self._row.get("facility") == "unknown":
            return None
        latitude = fields.number("facility", site.get("lat"), "latitude_deg")
        longitude = fields.number("facility", site.get("lon"), "longitude_deg")
        return None if latitude is None or longitude is None else (latitude, longitude)

    def _kind(self, missile: _Words) -> FlightKind:
        """How such a missile flies; what this one did nobody says."""
        if missile.get("type") == "SLV":
            return FlightKind.ORBITAL
        if "maneuver" in missile:
            return _KINDS.get(str(missile["maneuver"]), FlightKind.UNKNOWN)
        known = str(missile.get("type", "unknown")).lower() != "unknown"
        return FlightKind.BALLISTIC if known else FlightKind.UNKNOWN

    def _impact(
        self,
        place: tuple[float, float] | None,
        bearing_deg: float | None,
        range_km: float | None,
    ) -> tuple[float, float, float] | None:
        if place is None or bearing_deg is None or range_km is None:
            return None
        if self._row.get("glide"):
            self._cleaned.append("impact: not derived, as it turned on its way")
            return None
        return fields.impact_of(*place, bearing_deg, range_km)

    def _outcome(self) -> str:
        said = str(self._row.get("outcome", "unknown"))
        if said not in _OUTCOMES:
            raise FieldError("outcome", f"{said!r} is none", f"one of {', '.join(_OUTCOMES)}")
        return said


def _load(folder: Path, name: str) -> _Words:
    """A JSON file, gzipped or not."""
    plain, packed = folder / name, folder / f"{name}.gz"
    try:
        text = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        loaded = json.loads(text)
    except FileNotFoundError:
        remedy = "fetch it from the same place as the others"
        raise InputError(str(plain), "is missing, gzipped or not", remedy) from None
    except (ValueError, EOFError, OSError) as error:
        raise InputError(str(plain), f"cannot be read ({error})", "fetch it again") from None
    if not isinstance(loaded, dict):
        raise InputError(str(plain), "is no JSON object", "fetch it again")
    return loaded


def _part(loaded: _Words, name: str, file: Path) -> Any:
    if name not in loaded:
        known = ", ".join(map(repr, loaded)) or "nothing"
        raise InputError(str(file), f"has no {name!r} but {known}", "fetch it again")
    return loaded[name]
