"""Questions to the record: sides of lines, the articles' sentences, exports, the commands."""

import csv
import json
import math
import os
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from skypact import cli
from skypact.errors import InputError
from skypact.model import LaunchEntry, Origin
from skypact.record.exports import COLUMNS, export
from skypact.record.fields import impact_of
from skypact.record.launch_record import LaunchRecord, Query
from skypact.record.lines import fall_of, falls_near, load_lines
from skypact.record.public_database import read_public_database
from skypact.record.sentences import answers

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SKYPACT_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data"
LINE = ROOT / "examples" / "northern_limit_line_east.geojson"
here = pytest.mark.skipif(
    not (DATA / "launches").is_dir(), reason="the public launches are not here (SKYPACT_SHARED)"
)
outlines_here = pytest.mark.skipif(
    not (DATA / "outlines").is_dir(), reason="the outlines are not here (SKYPACT_SHARED)"
)


def fell(latitude: float, longitude: float, key: str = "1", **more: object) -> LaunchEntry:
    return LaunchEntry(
        origin=Origin.ELSEWHERE,
        source="s",
        key=key,
        day=20221102,
        impact_latitude_deg=latitude,
        impact_longitude_deg=longitude,
        impact_from="stated",
        **more,  # type: ignore[arg-type]
    )


def geojson(folder: Path, kind: str, coordinates: object, name: object = "it") -> Path:
    file = folder / "lines.geojson"
    geometry = {"type": kind, "coordinates": coordinates}
    feature = {"type": "Feature", "properties": {"name": name}, "geometry": geometry}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return file


@pytest.mark.parametrize(
    ("latitude", "longitude", "side", "km"),
    [
        (1.0, 5.0, "north", 111.2),
        (-1.0, 5.0, "south", 111.2),
        (0.0, 11.0, "east", 111.2),
        (0.0, -2.0, "west", 222.4),
    ],
)
def test_the_side_of_a_line(
    tmp_path: Path, latitude: float, longitude: float, side: str, km: float
) -> None:
    [line] = load_lines(geojson(tmp_path, "LineString", [[0, 0], [4, 0], [10, 0]]))
    fall = fall_of(1, fell(latitude, longitude), line)
    assert (fall.line, fall.side) == ("it", side)
    assert fall.distance_km == pytest.approx(km, rel=0.003)


@pytest.mark.parametrize(
    ("name", "said"), [("it", "it"), ({"ja": "区", "en": "area"}, "area"), ({"ja": "区"}, "区")]
)
def test_names_of_areas_in_several_languages(tmp_path: Path, name: object, said: str) -> None:
    file = geojson(tmp_path, "LineString", [[0, 0], [1, 1]], name)
    assert load_lines(file)[0].name == said


def test_a_side_that_the_impact_does_not_tell(tmp_path: Path) -> None:
    [line] = load_lines(geojson(tmp_path, "LineString", [[0, 0], [10, 0]]))
    assert fall_of(1, fell(0.1, 5.0, impact_off_km=11.0), line).side == "north"
    assert fall_of(1, fell(0.1, 5.0, impact_off_km=12.0), line).side == "cannot tell"


def test_areas_with_holes_and_across_the_antimeridian(tmp_path: Path) -> None:
    outer = [[170, -10], [190, -10], [190, 10], [170, 10], [170, -10]]
    hole = [[178, -2], [182, -2], [182, 2], [178, 2], [178, -2]]
    [area] = load_lines(geojson(tmp_path, "Polygon", [outer, hole]))
    record = LaunchRecord(str(tmp_path / "r.db"))
    places = {"in": (5.0, -175.0), "hole": (0.0, 180.0), "out": (5.0, -165.0), "far": (60.0, 0.0)}
    record.put(fell(*place, key) for key, place in places.items())
    found = {one.entry.key: one.side for one in falls_near(record, Query(), [area], 600.0)}
    assert found == {"in": "inside", "hole": "outside", "out": "outside"}
    assert [one.entry.key for one in falls_near(record, Query(), [area], 1.0)] == ["in"], (
        "inside counts however far from the border"
    )
    record.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "cannot be read"),
        ('{"type": "Point", "coordinates": [1, 2]}', "holds no line"),
        ('{"type": "LineString", "coordinates": [[1, 2]]}', "no usable coordinates"),
        ('{"type": "Polygon", "coordinates": [[["a", 2], [1, 2]]]}', "no usable coordinates"),
    ],
)
def test_files_without_a_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.geojson"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        load_lines(file)


@outlines_here
def test_published_outlines_can_be_used(tmp_path: Path) -> None:
    [claimed] = load_lines(DATA / "outlines" / "dprk_claimed_eez_gfw.geojson")
    seas = load_lines(DATA / "outlines" / "osm_maritime_JPN_KOR_PRK.geojson.gz")
    assert {one.name for one in seas} == {"KOR", "PRK", "JPN"}
    assert fall_of(1, fell(40.0, 130.0), claimed).side == "inside"
    tokyo_bay = fell(35.5, 139.9)
    sides = {one.name: fall_of(1, tokyo_bay, one).side for one in seas}
    assert sides == {"JPN": "inside", "KOR": "outside", "PRK": "outside"}


def test_derived_impacts_agree_with_a_sphere() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        latitude, longitude = random.uniform(-60, 60), random.uniform(-180, 180)
        bearing, km = random.uniform(0, 360), random.uniform(10, 5000)
        at = impact_of(latitude, longitude, bearing, km)
        arc, turn, from_rad = km / 6371.0, math.radians(bearing), math.radians(latitude)
        sine = math.sin(from_rad) * math.cos(arc)
        sine += math.cos(from_rad) * math.sin(arc) * math.cos(turn)
        # The flattening, 1/298, moves an end by half a percent of the way at most.
        assert abs(at[0] - math.degrees(math.asin(sine))) <= 0.006 * km / 111.0 + 1e-3
    assert impact_of(0.0, 179.0, 90.0, 500.0)[1] == pytest.approx(-176.51, abs=0.02)


@here
def test_the_articles_sentences(where: str) -> None:
    record = LaunchRecord(where)
    record.put(read_public_database(DATA / "launches", record).entries)
    january, since_may, near = answers(record, Query(), load_lines(LINE), 50.0)
    counts = {one.definition: one.number for one in january.counts}
    assert (counts["missiles"], counts["days with launches"]) == (9, 6)
    assert counts["called hypersonic, gliding or manoeuvring in the source"] == 2
    counts = {one.definition: one.number for one in since_may.counts}
    assert counts["missiles"] == 45
    assert "without failures" not in counts  # what is not known has not succeeded
    outcomes = ("said to have succeeded", "said to have failed", "whose outcome is not known")
    assert [counts[one] for one in outcomes] == [22, 4, 19]
    assert "45 of CNS/NTI database" in since_may.because and "lists 7" in since_may.because
    assert "6 days" in january.because
    assert counts["days with launches"] != counts["days with launches, by UTC"]
    assert near.counts[0].number == 3
    # The one that Korea's forces put 26 km south of the line.
    assert any("south of it" in one.definition for one in near.counts)
    assert 3 <= len(near.entries) <= 5
    record.close()


@here
def test_of_ones_own_launches_nothing_is_said_that_is_known_of_the_public_database(
    where: str,
) -> None:
    record = LaunchRecord(where)
    own = [fell(38.0, 130.0, str(number)) for number in range(2)]
    theirs = {"source": "A ministry", "day": 20220105}
    record.put([msgspec.structs.replace(one, **theirs) for one in own])
    january, since_may, near = answers(record, Query(), load_lines(LINE), 50.0)
    goes = "the record's entries of this origin are of 2022-01-05 to 2022-01-05"
    assert january.because == (
        f"Counted: 2 of A ministry, 2022-01-01 to 2022-01-31; {goes}, "
        "and say nothing of what came after."
    )
    assert since_may.because.startswith("Counted: none of 2022-05-01 to 2022-11-13")
    assert near.because == since_may.because
    assert "CNS" not in f"{january} {since_may} {near}"
    record.close()


def some(count: int = 3) -> list[tuple[int, LaunchEntry]]:
    strange = 'a "quoted", <b>, \x02 名\nline'
    entries = [
        fell(38.0 + number, 130.0, str(number), launch_latitude_deg=39.0, description=strange)
        for number in range(count)
    ]
    with_site = fell(
        *(38.0, 130.0),
        "way",
        begin_ns=1_667_340_660_000_000_000,
        launch_latitude_deg=39.0,
        launch_longitude_deg=127.5,
        name="A & B",
        words={"date": "x"},
    )
    nothing = LaunchEntry(origin=Origin.ELSEWHERE, source="s", key="none", day=20220000)
    return list(enumerate([*entries, with_site, nothing], 1))


def test_exports_are_read_by_others(tmp_path: Path) -> None:
    entries = some()
    for ending in ("csv", "parquet", "geojson", "kml", "czml"):
        file = tmp_path / f"out.{ending}"
        assert export(entries, file, file) == 5
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["description"] == entries[0][1].description
    assert (rows[3]["time"], rows[4]["day"]) == ("2022-11-01T22:11:00Z", "2022")
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert table[3]["impact_latitude_deg"] == 38.0
    assert json.loads(table[3]["words"]) == {"date": "x"}
    assert table[4]["apogee_km"] is None
    features = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert [one["geometry"] and one["geometry"]["type"] for one in features] == [
        *["Point"] * 3,
        "GeometryCollection",
        None,
    ]
    marks = ElementTree.parse(tmp_path / "out.kml").iter("{http://www.opengis.net/kml/2.2}name")
    assert [one.text for one in marks][4] == "2022-11-02 A & B"
    packets = json.loads((tmp_path / "out.czml").read_text())
    assert packets[0]["id"] == "document"
    assert sum("polyline" in one for one in packets) == 1
    with pytest.raises(InputError, match="no format that is known"):
        export(entries, tmp_path / "out.xls", tmp_path / "out.xls")


def run(*words: object, code: int = 0) -> str:
    told = CliRunner().invoke(cli.app, ["record", *map(str, words)])
    assert told.exit_code == code, told.output
    return told.output


def test_commands_from_import_to_picture(tmp_path: Path) -> None:
    database = ("--database", tmp_path / "record.db")
    file = tmp_path / "mine.csv"
    file.write_text(
        "date,time,name,type,site,launch_latitude_deg,launch_longitude_deg,bearing_deg,range_km,"
        "apogee_km,outcome\n"
        "2022-11-01,23:51,A,srbm,Wonsan,39.1677,127.4817,118,200,100,unknown\n"
        "2022-11-02,22:39,B,icbm,Sunan,39.203,125.709,72,760,1920,failure\n"
        "\n"
        '2023-09,,"C\nin two lines",cruise,Sunan,,,,,,\n'
        "2023-02-30,,C,cruise,Sunan,,,,,,\n"
    )
    told = run("import", file, *database, "--json", tmp_path / "import.json", code=1)
    assert "mine.csv, row 7, date" in told  # as an editor counts, with the empty line and the two
    assert "3 launches, 2022-11-02 to 2023-09" in told
    assert json.loads((tmp_path / "import.json").read_text())["imports"][0]["added"] == 3
    out = tmp_path / "out.json"
    run("list", *database, "--from", "2022-11", "--to", "2022-11", "--json", out)
    assert [one["name"] for one in json.loads(out.read_text())["elsewhere"]["entries"]] == [
        "B",
        "A",
    ]
    assert (
        "3 launches, 2 without cruise missiles; 0 succeeded, 1 failed, of 2 it is not known"
    ) in run("count", *database).replace("\n", " ")
    months = [line.split("█")[0].split() for line in run("count", *database).splitlines()[-3:]]
    assert [" ".join(words) for words in months] == [
        *("2022-11 2", "2022-12 to 2023-08 0", "2023-09 1")
    ]
    run("count", "--by", "type", "--site", "sun", *database, "--json", out)
    assert json.loads(out.read_text())["elsewhere"]["counts"] == {"cruise": 1, "icbm": 1}
    run("falls", "--line", LINE, *database, "--json", out)
    [fall] = json.loads(out.read_text())["elsewhere"]
    assert (fall["name"], fall["side"]) == ("A", "south")
    assert fall["distance_km"] == pytest.approx(34, abs=3)
    run("note", 1, "seen by two", "--by", "Han", *database)
    run("acknowledge", 1, "--nation", "KOR", "--by", "Han", *database)
    assert "seen by two" in run("show", 1, *database)
    assert "Seven in January" in run("answer", "--line", LINE, *database)
    run("export", tmp_path / "all.kml", *database)
    run("draw", tmp_path / "all.png", "--line", LINE, *database)
    assert (tmp_path / "all.png").read_bytes()[:4] == b"\x89PNG"
    for words in (["count", "--by", "colour"], ["list", "--from", "May"], ["list", "--site", "x"]):
        run(*words, *database, code=2)
    assert "has no entry 99" in run("show", 99, *database, code=1)
    said = run("list", "--database", tmp_path / "new.db", code=1)
    assert "is not there" in said and "skypact record import" in said
    assert not (tmp_path / "new.db").exists()  # a question begins no record
    LaunchRecord(str(tmp_path / "new.db")).close()
    assert "import some" in run("list", "--database", tmp_path / "new.db", code=1)
