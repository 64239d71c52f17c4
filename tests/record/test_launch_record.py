"""The record, on SQLite and on PostgreSQL: each entry once, and counts that are right."""

import threading
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from skypact.errors import RecordError
from skypact.model import (
    Acknowledgement,
    LaunchEntry,
    NationAssessment,
    Note,
    Origin,
    WarningSent,
)
from skypact.record import database
from skypact.record.cells import cell_of, runs_about
from skypact.record.launch_record import COUNTED, LaunchRecord, Put, Query
from skypact.record.tables import metadata
from skypact.settings import RecordSettings


def launch(number: int, random: np.random.Generator) -> LaunchEntry:
    def one(*values: str) -> str:
        return values[int(random.integers(len(values)))]

    day = int(random.integers(1984, 2026)) * 10_000 + int(random.integers(0, 13)) * 100
    if day % 10_000:
        day += int(random.integers(0, 29))
    return LaunchEntry(
        origin=Origin(one("measured", "elsewhere")),
        source=one("a", "b"),
        key=str(number),
        day=day,
        name=one("Scud-B", "Nodong", "100% o_f"),
        type=one("srbm", "icbm"),
        kind=one("ballistic", "glide"),
        site=one("wonsan", "sunan"),
        landing=one("sea-of-japan", "unknown"),
        outcome=one("success", "failure", "unknown"),
        impact_latitude_deg=float(random.uniform(-90, 90)),
        impact_longitude_deg=float(random.uniform(-180, 180)),
        apogee_km=float(random.uniform(20, 6000)),
        description=one("fell near the line", "failed"),
        words={"date": "as the source wrote it"},
        cleaned=("time",),
    )


def launches(count: int, seed: int = 1) -> list[LaunchEntry]:
    random = np.random.default_rng(seed)
    return [launch(number, random) for number in range(count)]


SOME = tuple(launches(150))


def test_migrations_make_what_the_tables_declare(where: str) -> None:
    record = LaunchRecord(where)
    with record._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    record.close()


def test_what_is_put_in_is_found_again_whole(where: str) -> None:
    said = NationAssessment(nation="KOR", as_of_ns=5, stated={"apogee_km": 550.25})
    warned = WarningSent(identifier="w1", sent_ns=7, area="Aomori", status="Actual", outcome="hit")
    entry = msgspec.structs.replace(
        launches(1)[0],
        begin_ns=1_664_835_720_123_456_789,
        journal_first=7,
        journal_last=12_345_678_901,
        assessments=(said,),
        warnings=(warned,),
    )
    record = LaunchRecord(where)
    assert record.put([entry]) == Put(1, 0, 0)
    [(number, listed)] = record.entries(Query(origin=entry.origin))
    note = Note(by="Han", at_ns=9, text="둘이 아니라 하나")
    seen = Acknowledgement(nation="JPN", by="Sato", at_ns=10)
    record.note(number, note)
    record.acknowledge(number, seen)
    record.close()
    again = LaunchRecord(where)
    kept = again.entry(number)
    assert kept.entry == entry
    assert (kept.notes, kept.acknowledgements) == ((note,), (seen,))
    assert listed == msgspec.structs.replace(entry, assessments=(), warnings=())
    with pytest.raises(RecordError, match="has no entry"):
        again.entry(number + 1)
    with pytest.raises(RecordError, match="has no entry"):
        again.note(number + 1, note)
    changed = msgspec.structs.replace(entry, outcome="failure", warnings=())
    assert again.put([changed]) == Put(0, 1, 0)
    assert again.entry(number).entry == changed
    assert again.entry(number).notes == (note,), "what people added stays"
    again.close()


def test_each_once_however_often_it_is_put_in(where: str) -> None:
    record = LaunchRecord(where, RecordSettings(rows_at_once=7))
    some = launches(40)
    assert record.put(some) == Put(40, 0, 0)
    assert record.put(some) == Put(0, 0, 40)
    some[3] = msgspec.structs.replace(some[3], type="slv", day=20250101)
    assert record.put(some) == Put(0, 1, 39)
    assert sum(record.origins().values()) == 40
    record.close()


def value_of(entry: LaunchEntry, by: str) -> str:
    parts = {"month": entry.day // 100, "year": entry.day // 10_000}
    return str(parts.get(by, getattr(entry, by, "")))


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(origin=Origin.MEASURED, type=("icbm",), not_outcome=("failure",)),
        Query(outcome=("failure", "unknown"), kind=("glide",)),
        Query(from_day=19990100, to_day=20121231),
        Query(site=("sunan",), name="scud"),
        Query(name="0% o_"),
        Query(text="NEAR the", least_apogee_km=3000.0),
        Query(landing=("unknown",), source=("a",)),
    ],
)
def test_counts_are_those_of_counting_one_by_one(where: str, query: Query) -> None:
    record = LaunchRecord(where)
    all_of_them, others = list(SOME), launches(150, seed=2)
    record.put(all_of_them)
    for at in range(0, 150, 5):  # tallies follow what is changed
        all_of_them[at] = msgspec.structs.replace(
            others[at],
            origin=all_of_them[at].origin,
            source=all_of_them[at].source,
        )
    record.put(all_of_them)
    wanted = [entry for entry in all_of_them if fits(entry, query)]
    assert wanted
    assert record.count(query) == {"": len(wanted)}
    for by in COUNTED:
        assert record.count(query, by) == Counter(value_of(entry, by) for entry in wanted), by
    listed = [entry for _, entry in record.entries(query)]
    assert Counter(one.key for one in listed) == Counter(one.key for one in wanted)
    assert [one.day for one in listed] == sorted(one.day for one in wanted)
    record.close()


def fits(entry: LaunchEntry, query: Query) -> bool:
    """The slow, obvious twin."""
    return (
        entry.origin == query.origin
        and (query.from_day or 0) <= entry.day <= (query.to_day or 99999999)
        and all(
            not getattr(query, name) or getattr(entry, name) in getattr(query, name)
            for name in ("type", "kind", "site", "outcome", "landing", "source")
        )
        and entry.outcome not in query.not_outcome
        and query.name.lower() in entry.name.lower()
        and query.text.lower() in entry.description.lower()
        and (entry.apogee_km or 0) >= (query.least_apogee_km or 0)
    )


def test_cells_find_what_lies_about_a_line(where: str) -> None:
    record = LaunchRecord(where)
    some = [one for one in launches(300) if one.origin == Origin.ELSEWHERE]
    record.put(some)
    line = [(60.0, 170.0), (50.0, 195.0)]  # past the antimeridian
    cells = runs_about([line], 200.0)
    found = {one.key for _, one in record.entries(Query(cells=cells))}
    for one in some:
        latitude, longitude = one.impact_latitude_deg or 0.0, one.impact_longitude_deg or 0.0
        if 50 <= latitude <= 60 and (longitude >= 170 or longitude <= -165):
            assert one.key in found
        if abs(latitude) < 40:
            assert one.key not in found
    assert cell_of(90.0, 180.0) == cell_of(89.9, -180.0)
    record.close()


def test_two_that_write_at_once_lose_nothing(where: str) -> None:
    LaunchRecord(where).close()
    some = launches(300)

    def write() -> None:
        record = LaunchRecord(where, RecordSettings(rows_at_once=10))
        record.put(some)
        record.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = LaunchRecord(where)
    assert sum(record.origins().values()) == 300
    record.close()


def test_live_and_exercise_never_meet_in_one_postgresql(where: str) -> None:
    live = LaunchRecord(where)
    drill = LaunchRecord(where if "://" in where else f"{where}.drill", exercise=True)
    drill.put(launches(5))
    assert live.origins() == {}
    assert sum(drill.origins().values()) == 5
    live.close()
    drill.close()


def test_how_far_a_journal_was_followed_never_goes_back(where: str) -> None:
    record = LaunchRecord(where)
    assert record.followed("JPN") == 0
    record.put(launches(3), journal=("JPN", 40))
    record.put([], journal=("JPN", 30))
    assert record.followed("JPN") == 40
    record.close()


def test_another_clock_for_days_is_refused(where: str) -> None:
    record = LaunchRecord(where)
    assert record.day_of(1_641_337_800_000_000_000) == 20220105  # 2022-01-04 23:10 UTC
    record.put(launches(1))
    record.close()
    other = LaunchRecord(where, RecordSettings(utc_offset_h=0.0))
    with pytest.raises(RecordError, match="9 h ahead of UTC"):
        other.put(launches(1))
    other.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://a:secret@b/c", "another kind"),
        ("http://x", "no address|another kind|is of"),
        ("nowhere/at/all.db", "unable to open"),
        ("postgresql://me:secret@127.0.0.1:9/none", "start PostgreSQL"),
    ],
)
def test_what_cannot_be_opened_is_said_without_the_password(address: str, words: str) -> None:
    with pytest.raises(RecordError, match=words) as told:
        LaunchRecord(address, RecordSettings(answer_s=1.0))
    assert "secret" not in str(told.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database " * 100)
    with pytest.raises(RecordError, match="not a database"):
        LaunchRecord(str(file))
    assert file.read_text().startswith("no database")


def test_records_begun_at_once_each_have_their_own_tables(tmp_path: Path) -> None:
    """Two nodes in one process: Alembic's connection is the process's."""
    faults: list[Exception] = []
    start = threading.Barrier(6)

    def begin(number: int) -> None:
        start.wait()
        try:
            record = LaunchRecord(str(tmp_path / f"{number}.db"))
            record.put(launches(3, seed=number))
            assert sum(record.origins().values()) == 3
            record.close()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_a_record_of_an_older_skypact_is_brought_to_the_newest_form(where: str) -> None:
    """Tallies that it has not are counted from those that it has."""
    record = LaunchRecord(where)
    record.put(SOME)
    counts = {by: record.count(Query(), by) for by in ("month", "year", "site", "landing")}
    with record._database.writing() as connection:
        config = Config()
        folder = Path(database.__file__).parent / "migrations"
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    record.close()
    record = LaunchRecord(where)
    assert {by: record.count(Query(), by) for by in counts} == counts
    assert sum(record.origins().values()) == len(SOME)
    record.close()
