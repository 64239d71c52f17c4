"""Import of the public database and of CSVs: cleaned, reported, each once, on both databases."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from skypact.errors import InputError
from skypact.model import LaunchEntry
from skypact.record.launch_csv import read_csv
from skypact.record.launch_record import LaunchRecord, Put, Query
from skypact.record.public_database import SOURCE, public_database_at, read_public_database

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SKYPACT_SHARED", ROOT.parent / "shared"))
LAUNCHES = SHARED / "data" / "launches"
here = pytest.mark.skipif(
    not LAUNCHES.is_dir(), reason="the public launches are not here (SKYPACT_SHARED)"
)
GOOD = {
    "date": "2017-07-04",
    "time": "12:40 (UTC)",
    "missile": "hwasong-14",
    "facility": "panghyon",
    "landing": "sea-of-japan",
    "apogee": "2802",
    "distance": 933,
    "bearing": 86,
    "outcome": "success",
    "description": "First ICBM.",
}


def database(folder: Path, *rows: Any) -> Path:
    folder.mkdir(exist_ok=True)
    packed = gzip.compress(json.dumps({"timeBins": [{"year": 2017, "data": rows}]}).encode())
    (folder / "test.en.json.gz").write_bytes(packed)
    missiles = {
        "hwasong-14": {"name": "Hwasong-14", "type": "ICBM"},
        "unknown": {"name": "Unknown", "type": "Unknown"},
        "hwasong-11a": {"name": "KN-23", "type": "SRBM", "maneuver": "pullup"},
    }
    (folder / "missile.en.json").write_text(json.dumps(missiles))
    sites = {"panghyon": {"name": "Panghyon", "lat": 39.872153, "lon": 125.269192}}
    (folder / "facility.en.json").write_text(json.dumps({"facilities": sites}))
    (folder / "dict.en.json").write_text(json.dumps({"sea-of-japan": "Sea of Japan or East Sea"}))
    return folder


def test_one_row_is_cleaned_and_its_words_stay(tmp_path: Path, where: str) -> None:
    record = LaunchRecord(where)
    imported = read_public_database(database(tmp_path / "d", GOOD), record)
    record.put(imported.entries)
    [(_, entry)] = record.entries(Query())
    assert entry.begin_ns == 1_499_128_800_000_000_000, "00:40 UTC"
    assert (entry.day, entry.type, entry.kind) == (20170704, "icbm", "ballistic")
    assert (entry.apogee_km, entry.range_km, entry.bearing_deg) == (2802.0, 933.0, 86.0)
    assert entry.landing == "Sea of Japan or East Sea"
    assert entry.words == GOOD
    assert set(entry.cleaned) == {
        "time: 12:40 (UTC) is 12 hours off, taken as 00:40 (UTC)",
        "apogee: a number written as text",
    }
    # 933 km from Panghyon on a bearing of 86: a sphere gives 39.95 N, 136.21 E.
    # The Earth's flattening is worth a third of a percent of the way, 0.03 degrees.
    assert entry.impact_latitude_deg == pytest.approx(39.95, abs=0.03)
    assert entry.impact_longitude_deg == pytest.approx(136.21, abs=0.04)
    assert entry.impact_from == "derived"
    assert entry.impact_off_km == pytest.approx(933 * 3.1416 / 360, rel=0.05)
    record.close()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"date": "2017-02-30"}, "date", "day is out of range"),
        ({"date": "July"}, "date", "is no date"),
        ({"time": "25:00"}, "time", "hour must be"),
        ({"apogee": "high"}, "apogee", "is no number"),
        ({"apogee": "nan km"}, "apogee", "is no number"),
        ({"distance": -3}, "distance", "not between 0"),
        ({"bearing": 400}, "bearing", "not between 0"),
        ({"missile": "hwasong-99"}, "missile", "not in the source's list"),
        ({"outcome": "perhaps"}, "outcome", "is none"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, change: dict[str, Any], field: str, words: str
) -> None:
    record = LaunchRecord(str(tmp_path / "r.db"))
    folder = database(tmp_path / "d", GOOD, GOOD | change, GOOD | {"series": 2}, "no row")
    imported = read_public_database(folder, record)
    assert len(imported.entries) == 2
    bad, none = imported.refused
    assert (bad.file, bad.row, bad.field) == ("test.en.json", 2, field)
    assert words in bad.reason
    assert bad.remedy
    assert none.row == 4
    record.close()


def test_an_import_again_changes_only_what_the_source_changed(tmp_path: Path, where: str) -> None:
    record = LaunchRecord(where)
    twin = GOOD | {"missile": "hwasong-11a"}
    first = read_public_database(database(tmp_path / "d", GOOD, GOOD, twin), record)
    assert record.put(first.entries) == Put(3, 0, 0)
    assert record.put(first.entries) == Put(0, 0, 3)
    later = database(tmp_path / "d", GOOD, GOOD, twin | {"time": "13:00 (UTC)"})
    assert record.put(read_public_database(later, record).entries) == Put(0, 1, 2)
    record.close()


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    record = LaunchRecord(str(tmp_path / "r.db"))
    folder = database(tmp_path / "d", GOOD)
    assert public_database_at(folder) == folder
    (folder / "facility.en.json").write_text("{")
    with pytest.raises(InputError, match=r"facility\.en\.json.*cannot be read"):
        read_public_database(folder, record)
    (folder / "facility.en.json").unlink()
    with pytest.raises(InputError, match=r"facility\.en\.json.*is missing"):
        read_public_database(folder, record)
    record.close()


def test_the_public_database_is_found_in_its_repository_and_by_any_of_its_files(
    tmp_path: Path,
) -> None:
    folder = database(tmp_path / "data", GOOD)
    named = (tmp_path, folder, folder / "test.en.json.gz", folder / "dict.en.json")
    assert [public_database_at(path) for path in named] == [folder] * 4
    (tmp_path / "mine.csv").write_text("date\n")
    assert public_database_at(tmp_path / "mine.csv") is None
    assert public_database_at(tmp_path / "none") is None
    (tmp_path / "empty").mkdir()
    record = LaunchRecord(str(tmp_path / "r.db"))
    with pytest.raises(
        InputError, match=r"is a folder without test\.en\.json; name a CSV file, or"
    ):
        read_csv(tmp_path / "empty", "x", record)
    record.close()


@here
def test_the_whole_public_database(where: str) -> None:
    record = LaunchRecord(where)
    imported = read_public_database(LAUNCHES, record)
    assert (imported.rows, imported.refused) == (339, ())
    assert record.put(imported.entries) == Put(339, 0, 0)
    assert record.put(imported.entries) == Put(0, 0, 339)
    cleaned = imported.cleaned
    assert cleaned["bearing: 90 stands where none was known, taken as not known"] == 86
    assert sum(n for what, n in cleaned.items() if what.startswith("time: 12:40")) == 1
    assert cleaned["distance: not known (unknown)"] == 68
    assert all(one.words["date"] for one in imported.entries)
    assert record.count(Query(source=(SOURCE,))) == {"": 339}
    assert record.count(Query(), "outcome") == {"failure": 38, "success": 229, "unknown": 72}
    record.close()


CSV = """date,time,name,site,apogee_km,range_km,outcome,note
2022-11-03,23:30,A,Sunan,"1,920",760,failure,x
2022-11,,B,,unknown,,,y
2022-13-01,,C,,,,,z
2022-01-01,,D,,12x,,,z
2022-01-01,,E
"""


def test_a_csv_with_the_columns_of_the_record(tmp_path: Path, where: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    record = LaunchRecord(where)
    imported = read_csv(file, "mine", record)
    assert record.put(imported.entries) == Put(2, 0, 0)
    assert record.put(read_csv(file, "mine", record).entries) == Put(0, 0, 2)
    assert [(bad.row, bad.field) for bad in imported.refused] == [
        (4, "date"),
        (5, "apogee_km"),
        (6, "row"),
    ]
    second, first = (entry for _, entry in record.entries(Query()))
    assert (first.day, first.apogee_km, first.outcome) == (20221104, 1920.0, "failure")
    assert (second.day, second.begin_ns, second.apogee_km) == (20221100, None, None)
    assert first.words["note"] == "x"
    assert isinstance(first, LaunchEntry)
    record.close()


def test_a_csv_with_columns_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("When,Top\n2022-11-03,77\n")
    record = LaunchRecord(str(tmp_path / "r.db"))
    columns = {"When": "date", "Top": "apogee_km"}
    [entry] = read_csv(file, "mine", record, columns).entries
    assert (entry.day, entry.apogee_km) == (20221103, 77.0)
    with pytest.raises(InputError, match="has no column 'date' but When, Top"):
        read_csv(file, "mine", record)
    with pytest.raises(InputError, match="no column 'Where'"):
        read_csv(file, "mine", record, {"Where": "site"})
    with pytest.raises(InputError, match="'height' is no column"):
        read_csv(file, "mine", record, {"Top": "height"})
    record.close()
