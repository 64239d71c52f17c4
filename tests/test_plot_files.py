"""Plot files: every fault by its row and reason, round trips, order, and a slow obvious twin."""

import csv
import functools
import gzip
import math
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypact.errors import EmptyInputError, InputError
from skypact.model import Plots, Radar
from skypact.sensing import (
    apparent_elevation,
    geometric_elevation,
    read_plots,
    stream_plots,
    write_plots,
)
from skypact.settings import SensingSettings


def radar(radar_id: str, nation: str, **more) -> Radar:
    site = {"latitude_rad": 0.6, "longitude_rad": 2.2, "height_m": 100.0}
    sigmas = {"range_sigma_m": 10.0, "azimuth_sigma_rad": 1e-3, "elevation_sigma_rad": 1e-3}
    return Radar(id=radar_id, nation=nation, **site, **sigmas, **more)


RADARS = (radar("us2", "USA", period_s=2.0), radar("kr1", "KOR"), radar("jp3", "JPN"))
HEADER = "time,radar,range_m,azimuth_deg,elevation_deg"
GOOD = "2024-03-01T00:00:0{},kr1,1000.5,10,20"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns(text: str) -> int:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.fromisoformat(whole + "+00:00") - EPOCH) // timedelta(seconds=1)
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def good(second: int) -> str:
    return GOOD.format(second)


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "".join(row + "\n" for row in (header, *rows)).encode()


def save(folder: Path, content: bytes, name: str = "plots.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def read(folder: Path, content: bytes, **options):
    return read_plots(save(folder, content), RADARS, settings=SensingSettings(**options))


def test_si_units_and_missing_options(tmp_path):
    plots, refused = read(tmp_path, lines("2024-03-01T00:00:00.123456789Z,kr1,1000.5,90,-45"))
    assert refused == ()
    assert plots.time_ns.tolist() == [ns("2024-03-01T00:00:00.123456789Z")]
    assert plots.radar.tolist() == [1]
    assert plots.range_m.tolist() == [1000.5]
    np.testing.assert_allclose(plots.azimuth_rad, math.pi / 2)
    np.testing.assert_allclose(plots.elevation_rad, -math.pi / 4)
    assert np.isnan(plots.range_rate_m_s).all() and np.isnan(plots.snr_db).all()
    types = [column.dtype.name for column in plots]
    assert types == ["int64", "int32", *["float64"] * 5, "int64"]


ROW_FAULTS = [
    ("2024-03-01T00:00:01,kr7,1000,10,20", 'unknown radar: "kr7", did you mean "kr1"?'),
    ("2024-03-01T00:00:01,,1000,10,20", "radar is empty"),
    ("2024-03-01T00:00:01,kr1,1O00,10,20", 'range_m is not a number: "1O00"'),
    ("2024-03-01T00:00:01,kr1,,10,20", "range_m is empty"),
    ("2024-03-01T00:00:01,kr1, ,10,20", "range_m is empty"),
    ("2024-03-01T00:00:01,kr1,nan,10,20", 'range_m is not finite: "nan"'),
    ("2024-03-01T00:00:01,kr1,1000,-inf,20", 'azimuth_deg is not finite: "-inf"'),
    ("2024-03-01T00:00:01,kr1,1e999,10,20", "range_m is not finite"),
    ("2024-03-01T00:00:01,kr1,0,10,20", "range_m is not above 0"),
    ("2024-03-01T00:00:01,kr1,-5,10,20", "range_m is not above 0"),
    ("2024-03-01T00:00:01,kr1,50000001,10,20", "range_m is beyond 50,000 km"),
    ("2024-03-01T00:00:01,kr1,1000,360.001,20", "azimuth_deg is outside 0 to 360"),
    ("2024-03-01T00:00:01,kr1,1000,-1,20", "azimuth_deg is outside 0 to 360"),
    ("2024-03-01T00:00:01,kr1,1000,10,90.5", "elevation_deg is outside -90 to 90"),
    (",kr1,1000,10,20", "time is empty"),
    ("yesterday,kr1,1000,10,20", 'time is not an ISO 8601 time: "yesterday"'),
    ("1709251201,kr1,1000,10,20", "time is not an ISO 8601 time"),
    ("2024-02-30T00:00:01,kr1,1000,10,20", "time is not an ISO 8601 time"),
    ("2024-03-01T24:00:01,kr1,1000,10,20", "time is not an ISO 8601 time"),
    ("1969-12-31T23:59:59,kr1,1000,10,20", "time is outside 1970 to 2262"),
    ("2263-01-01T00:00:00,kr1,1000,10,20", "time is outside 1970 to 2262"),
    ("9999-01-01T00:00:00,kr1,1000,10,20", "time is outside 1970 to 2262"),
    ("2024-03-01T00:00:01,kr1,1000,10", "wrong number of fields: 4 where the header has 5"),
    ("2024-03-01T00:00:01,kr1,1000,10,20,", "wrong number of fields: 6 where the header has 5"),
    ('2024-03-01T00:00:01,"kr1,1000,10,20', "a quote is not closed in the line"),
    ("x" * 70_000, "the line is too long"),
]


@pytest.mark.parametrize(("row", "reason"), ROW_FAULTS)
@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
def test_refuses_the_row_and_uses_the_rest(tmp_path, row, reason, block_bytes):
    content = lines(good(0), "", good(1), row, good(2))
    plots, refused = read(tmp_path, content, block_bytes=block_bytes)
    assert [second - plots.time_ns[0] for second in plots.time_ns] == [0, 10**9, 2 * 10**9]
    assert [rejection.row for rejection in refused] == [5]
    assert refused[0].reason.startswith(reason)
    assert refused[0].file.endswith("plots.csv")
    assert refused[0].remedy


def test_invalid_utf8_spoils_its_row_only(tmp_path):
    content = lines(good(0), "BAD", good(2)).replace(b"BAD", b"2024-03-01T00:00:01,k\xff,1,1,1")
    plots, (refused,) = read(tmp_path, content)
    assert len(plots.time_ns) == 2
    assert (refused.row, refused.reason) == (
        3,
        "the line is not UTF-8 text: byte 22 of the line is 0xff",
    )


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("range_rate_m_s", "fast", "range_rate_m_s is not a number"),
        ("range_rate_m_s", "inf", "range_rate_m_s is not finite"),
        ("snr_db", "-", "snr_db is not a number"),
        ("scan", "1.5", "scan is not a whole number"),
        ("scan", "0x10", "scan is not a whole number"),
        ("scan", "9223372036854775808", "scan is not a whole number"),
        ("scan", "", "scan is empty"),
    ],
)
def test_refuses_optional_cells(tmp_path, column, cell, reason):
    content = lines(f"{good(0)},7", f"{good(1)},{cell}", header=f"{HEADER},{column}")
    plots, (refused,) = read(tmp_path, content)
    assert len(plots.time_ns) == 1
    assert refused.row == 3
    assert refused.reason.startswith(reason)


@pytest.mark.parametrize("zone", ["Z", "+02:00", ""])
def test_a_fault_elsewhere_changes_no_number(tmp_path, zone):
    """Blocks without fault become numbers at once, others by way of text."""
    numbers = np.random.default_rng(5).normal(1.0, 0.3, (200, 5)).clip(0.01)
    rows = [
        f"2024-03-01T00:{k // 60:02}:{k % 60:02}.{k:09}{zone},kr1"
        f",{abs(a) * 1e5!r},{b!r},{c:.3e},{d!r},{k - 100}"
        for k, (a, b, c, d, _) in enumerate(numbers.tolist())
    ]
    header = HEADER + ",snr_db,scan"
    sound, refused = read(tmp_path, lines(*rows, header=header))
    assert refused == ()
    fault = f"2024-03-01T00:03:21{zone},kr1,-005.0,1,1,1,1"
    other, refused = read(tmp_path, lines(*rows, fault, header=header))
    assert [rejection.reason for rejection in refused] == ['range_m is not above 0: "-005.0"']
    assert len(sound.time_ns) == len(rows)
    for one, two in zip(sound, other, strict=True):
        assert one.dtype == two.dtype
        assert one.tobytes() == two.tobytes()


def test_optional_cells_may_be_empty_or_nan(tmp_path):
    content = lines(f"{good(0)},,nan", f"{good(1)},5,6", header=f"{HEADER},range_rate_m_s,snr_db")
    plots, refused = read(tmp_path, content)
    assert refused == ()
    np.testing.assert_array_equal(plots.range_rate_m_s, [math.nan, 5])
    np.testing.assert_array_equal(plots.snr_db, [math.nan, 6])


def test_azimuth_360_is_0(tmp_path):
    plots, refused = read(tmp_path, lines("2024-03-01T00:00:00Z,kr1,1000,360,20"))
    assert refused == ()
    assert plots.azimuth_rad.tolist() == [0.0]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-03-01T09:00:00+09:00", "2024-03-01T00:00:00.0Z"),
        ("2024-03-01T09:00:00.5+0900", "2024-03-01T00:00:00.5Z"),
        ("2024-02-29T19:00-05", "2024-03-01T00:00:00.0Z"),
        ("2024-03-01 00:00:00", "2024-03-01T00:00:00.0Z"),
        ("2024-03-01t00:00:00.25z", "2024-03-01T00:00:00.25Z"),
        ("2024-03-01T00:00:00.1234567899Z", "2024-03-01T00:00:00.123456789Z"),
        (" 2024-03-01T00:00:00Z ", "2024-03-01T00:00:00.0Z"),
        ("2024-03-01", "2024-03-01T00:00:00.0Z"),
    ],
)
def test_times_with_and_without_zone(tmp_path, text, utc, alone):
    rows = [f"{text},kr1,1000,10,20"] + ([] if alone else ["2024-03-01T00:00:59Z,kr1,1,1,1"])
    plots, refused = read(tmp_path, lines(*rows))
    assert refused == ()
    assert plots.time_ns[0] == ns(utc)


@pytest.mark.parametrize("block_bytes", [1, 50, 1 << 20])
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_line_ends_and_byte_order_mark(tmp_path, end, block_bytes):
    content = b"\xef\xbb\xbf" + lines(good(0), "nonsense", good(1)).replace(b"\n", end)
    plots, (refused,) = read(tmp_path, content, block_bytes=block_bytes)
    assert len(plots.time_ns) == 2
    assert refused.row == 3


def test_last_line_without_end(tmp_path):
    plots, _ = read(tmp_path, lines(good(0), good(1)).removesuffix(b"\n"))
    assert len(plots.time_ns) == 2


def test_quotes_and_unknown_columns(tmp_path):
    rows = [f'"{row[:19]}"{row[19:]},"a, ""b"" c"' for row in (good(0), good(1))]
    file = save(tmp_path, lines(*rows, header=f'"time"{HEADER[4:]},note'))
    batches = list(stream_plots(file, RADARS))
    assert sum(len(batch.plots.time_ns) for batch in batches) == 2
    assert [note for batch in batches for note in batch.notes] == [
        f'{file}: unknown columns are ignored: "note"'
    ]
    assert batches[-1].bytes_read == batches[-1].bytes_total == file.stat().st_size


WHOLE_FILE_FAULTS = [
    (lines(good(0), header="time,radar,range,azimuth_deg,elevation_deg"), '"range_m" is missing'),
    (lines(good(0), header=HEADER.replace(",", ";")), "not separated by commas"),
    (lines(f"{good(0)},1", header=HEADER + ",time"), 'column "time" is there twice'),
    (bytes(range(256)) * 40, "neither text nor Parquet"),
    (b"\xff\xfet\0i\0m\0e\0", "UTF-16"),
    (b"PK\x03\x04 zip", "zip archive"),
    (b"PAR1 and no more", "damaged Parquet"),
    (b"caf\xe9,b\n", "header is not UTF-8"),
    (b"", "is empty"),
    (b"\n\r\n\n", "is empty"),
    (b"\x1f\x8b garbage", "the gzip data are damaged before the first row"),
]


@pytest.mark.parametrize(("content", "reason"), WHOLE_FILE_FAULTS)
def test_a_file_of_no_use_is_an_error_alone_and_a_rejection_among_others(tmp_path, content, reason):
    bad = save(tmp_path, content, "bad.csv")
    with pytest.raises(InputError) as caught:
        read_plots(bad, RADARS)
    assert reason in caught.value.reason
    plots, (refused,) = read_plots([bad, save(tmp_path, lines(good(0)))], RADARS)
    assert len(plots.time_ns) == 1
    assert (refused.file, refused.row) == (str(bad), None)
    assert reason in refused.reason


def test_missing_file_and_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_plots([save(tmp_path, lines(good(0))), tmp_path / "none.csv"], RADARS)
    with pytest.raises(InputError, match="is a directory"):
        read_plots(tmp_path, RADARS)
    with pytest.raises(EmptyInputError, match="no file is given"):
        read_plots([], RADARS)


def test_no_usable_row_says_the_commonest_reason(tmp_path):
    rows = ["2024-03-01T00:00:01,xx,1000,10,20"] * 3 + ["2024-03-01T00:00:01,kr1,-1,10,20"]
    with pytest.raises(EmptyInputError) as caught:
        read(tmp_path, lines(*rows))
    assert caught.value.reason == "no plot could be used, mostly (3 of 4): unknown radar"
    assert "\n" not in str(caught.value)
    with pytest.raises(EmptyInputError, match="there are no rows"):
        read(tmp_path, lines())


def test_listed_rejections_are_bounded(tmp_path):
    rows = ["2024-03-01T00:00:01,kr1,-1,10,20", "2024-03-01T00:00:01,xx,1,10,20"] * 5
    content = lines(good(0), *rows)
    for block_bytes in (10, 1 << 20):
        _, refused = read(tmp_path, content, max_listed_rejections=3, block_bytes=block_bytes)
        assert [rejection.row for rejection in refused] == [3, 4, 5, None, None]
        assert {rejection.reason for rejection in refused[3:]} == {
            "range_m is not above 0 … and 3 more",
            "unknown radar … and 4 more",
        }


@pytest.mark.parametrize("cut", [1, 9, 200])
def test_truncated_gzip(tmp_path, cut):
    rows = [f"2024-03-01T00:00:{i % 60:02}.{i:09},kr1,{i + 1},{i % 360},20" for i in range(3000)]
    packed = gzip.compress(lines(*rows), mtime=0)
    plots, (refused,) = read(tmp_path, packed[:-cut], reorder_window_s=1000)
    assert refused.row == len(plots.time_ns) + 2
    assert "breaks off" in refused.reason and "end too early" in refused.reason
    assert plots.range_m.max() == len(plots.time_ns)


def test_gzip_of_several_members(tmp_path):
    whole = lines(good(0), good(1), good(2))
    for block_bytes in (1, 1 << 20):
        packed = gzip.compress(whole[:70]) + gzip.compress(whole[70:]) + b"\0" * 10
        plots, refused = read(tmp_path, packed, block_bytes=block_bytes)
        assert len(plots.time_ns) == 3
        assert refused == ()


def test_scan_from_period_time_or_column(tmp_path):
    rows = ["2024-03-01T00:00:01.5,us2,1,1,1", "2024-03-01T00:00:01.9,us2,1,1,1"]
    rows += ["2024-03-01T00:00:02,us2,1,1,1", "2024-03-01T00:00:02.5,kr1,1,1,1"]
    plots, _ = read(tmp_path, lines(*rows))
    slot = ns("2024-03-01T00:00:00.0") // (2 * 10**9)
    assert plots.scan.tolist() == [slot, slot, slot + 1, ns("2024-03-01T00:00:02.5")]
    plots, _ = read(tmp_path, lines(*(row + ",-7" for row in rows), header=HEADER + ",scan"))
    assert plots.scan.tolist() == [-7] * 4


def test_order_of_the_fold(tmp_path):
    rows = ["2024-03-01T00:00:01,us2,1,1,1,5", "2024-03-01T00:00:01,kr1,2,1,1,6"]
    rows += ["2024-03-01T00:00:01,kr1,3,1,1,5", "2024-03-01T00:00:01,kr1,4,1,1,5"]
    rows += ["2024-03-01T00:00:01,jp3,5,1,1,9", "2024-03-01T00:00:00,us2,6,1,1,9"]
    first = save(tmp_path, lines(*rows, header=HEADER + ",scan"), "1.csv")
    second = save(tmp_path, lines(rows[2].replace(",3,", ",7,"), header=HEADER + ",scan"), "2.csv")
    plots, _ = read_plots([first, second], RADARS)
    assert plots.range_m.tolist() == [6, 5, 3, 4, 7, 2, 1]


def test_late_rows(tmp_path):
    rows = ["2024-03-01T00:01:00,kr1,1,1,1", "2024-03-01T00:00:00,kr1,2,1,1"]
    rows += ["2024-02-29T23:59:59.5,kr1,3,1,1"]
    for block_bytes in (1, 1 << 20):
        plots, (refused,) = read(tmp_path, lines(*rows), block_bytes=block_bytes)
        assert plots.range_m.tolist() == [2, 1]
        assert refused.row == 4
        assert refused.reason == (
            "late by more than the reorder window of 60 s: 60.500 s behind row 2, radar kr1"
        )


def at(seconds: float, radar_id: str = "kr1") -> str:
    moment = datetime(2024, 3, 1) + timedelta(seconds=seconds)
    return f"{moment.isoformat()},{radar_id},{seconds + 1e6:.1f},1,1"


DAY = 86_400.0
AHEAD = "time ahead of the rows around it by more than the reorder window of 60 s: "


@pytest.mark.parametrize("first", [0, 1, 997, 2500])
@pytest.mark.parametrize("wrong", [1, 3, 40])
@pytest.mark.parametrize("block_bytes", [9000, 1 << 20])
def test_a_clock_ahead_for_some_rows_costs_those_rows(tmp_path, first, wrong, block_bytes):
    times = [0.1 * i for i in range(4000)]
    rows = [at(t + DAY * (first <= i < first + wrong)) for i, t in enumerate(times)]
    plots, refused = read(tmp_path, lines(*rows), block_bytes=block_bytes)
    assert len(plots.time_ns) == 4000 - wrong
    assert [r.row for r in refused] == list(range(first + 2, first + 2 + wrong))
    after = first + 2 + wrong
    assert refused[0].reason == f"{AHEAD}{DAY - 0.1 * wrong:.3f} s ahead of row {after}, radar kr1"
    assert "correct the clock" in refused[0].remedy


def test_a_gap_is_no_wrong_clock(tmp_path):
    gap = [at(0.1 * i) for i in range(3000)] + [at(3600 + 0.1 * i) for i in range(30)]
    sparse = [at(100 * i) for i in range(3000)]
    last = [*gap[:3000], at(DAY)]
    for rows in (gap, sparse, last):
        plots, refused = read(tmp_path, lines(*rows), block_bytes=4000)
        assert refused == ()
        assert len(plots.time_ns) == len(rows)


def test_a_wrong_clock_beside_a_gap(tmp_path):
    """In the gap, before it, between flights, and where rows are sparse."""
    rows = [at(0.1 * i) for i in range(500)] + [at(DAY)]
    rows += [at(3600 + 0.1 * i) for i in range(500)]
    plots, refused = read(tmp_path, lines(*rows))
    assert [r.row for r in refused] == [502]
    assert len(plots.time_ns) == 1000
    rows = [at(100 * i + DAY * (i in (40, 1500, 2998))) for i in range(3000)]
    plots, refused = read(tmp_path, lines(*rows))
    assert [r.row for r in refused] == [42, 1502, 3000]


def test_a_late_row_after_a_gap_is_what_is_refused(tmp_path):
    rows = [at(i) for i in range(100)] + [at(3600 + i) for i in range(5)] + [at(99.5)]
    _, (refused,) = read(tmp_path, lines(*rows, *(at(3606 + i) for i in range(20))))
    assert refused.row == 107
    assert refused.reason.startswith("late by more than the reorder window of 60 s: ")


@pytest.mark.parametrize("blocks", [200, 1 << 20])
def test_a_radar_whose_clock_is_ahead_throughout(tmp_path, blocks):
    rows = [at(i + DAY * (i % 2), "kr1" if i % 2 else "jp3") for i in range(2501)]
    plots, refused = read(tmp_path, lines(*rows), block_bytes=blocks, max_listed_rejections=5000)
    assert len(refused) == 1250
    assert all(r.reason.startswith(AHEAD) for r in refused)
    assert set(plots.radar.tolist()) == {2}
    (note,) = notes_of(tmp_path / "plots.csv", block_bytes=blocks)
    assert "radar kr1: 1,250 of its 1,250 rows were refused, about +86,399 s off" in note


@pytest.mark.parametrize("block_bytes", [5000, 1 << 20])
@pytest.mark.parametrize(
    ("behind", "named", "seconds"), [("kr1", "kr1", "-3,599"), ("kr1 jp3", "us2", "+3,599")]
)
def test_a_radar_an_hour_off_is_named(tmp_path, block_bytes, behind, named, seconds):
    """Of three that look in turn, ten rows a look: one is off; or two are, and are believed.

    The row beside which one stands is of the look before or after, a second from its own.
    """
    looks = [("us2", "kr1", "jp3")[i % 3] for i in range(300)]
    rows = [
        at(i + j / 100 - 3600 * (radar in behind.split()), radar)
        for i, radar in enumerate(looks)
        for j in range(10)
    ]
    (note,) = notes_of(save(tmp_path, lines(*rows)), block_bytes=block_bytes)
    assert f"radar {named}: 1,000 of its 1,000 rows were refused, about {seconds} s off" in note
    assert "time_bias_s" in note


def test_a_radar_whose_rows_stand_in_the_wrong_place_has_no_wrong_clock(tmp_path):
    """Files one after the other: its rows are off by nearly the same, in one place of the file."""
    rows = [at(i) for i in range(4000)] + [at(i, "jp3") for i in range(50)]
    _, refused = read(tmp_path, lines(*rows))
    assert len(refused) == 50
    assert refused[0].remedy.startswith("sort the file by time if that row's time is right")
    assert notes_of(tmp_path / "plots.csv") == []


def test_a_radar_late_now_and_then_has_no_wrong_clock(tmp_path):
    rows = [at(i - 3600 * (i % 3 == 1)) for i in range(3000)]
    assert len(read(tmp_path, lines(*rows))[1]) == 1000
    assert notes_of(tmp_path / "plots.csv") == []


def test_wrong_clocks_of_one_of_several_files(tmp_path):
    first = save(tmp_path, lines(*(at(i + DAY * (i == 70)) for i in range(3000))), "1.csv")
    second = save(tmp_path, lines(*(at(i + 0.5, "jp3") for i in range(3000))), "2.csv")
    settings = SensingSettings(block_bytes=5000)
    seen = np.array([], dtype=np.int64)
    rejections = []
    for batch in stream_plots([first, second], RADARS, settings=settings):
        seen = np.append(seen, batch.plots.time_ns)
        rejections += batch.rejections
    assert (np.diff(seen) >= 0).all()
    assert [(r.file, r.row) for r in rejections] == [(str(first), 72)]
    assert len(seen) == 5999


def notes_of(paths: Path | list[Path], **options) -> list[str]:
    batches = stream_plots(paths, RADARS, settings=SensingSettings(**options))
    return [note for batch in batches for note in batch.notes]


@pytest.mark.parametrize("block_bytes", [5000, 1 << 20])
def test_a_note_where_most_rows_are_refused(tmp_path, block_bytes):
    rows = [at(t) for t in np.random.default_rng(1).permutation(3000).tolist()]
    shuffled = save(tmp_path, lines(*rows), "shuffled.csv")
    (note,) = notes_of(shuffled, block_bytes=block_bytes)
    assert re.match(
        rf"{shuffled}: 2,\d\d\d of 3,000 rows were refused, mostly \([12],\d\d\d\): late by more "
        r"than the reorder window of 60 s; sort the file by time",
        note,
    )
    assert notes_of(shuffled, reorder_window_s=3000) == []
    half = save(tmp_path, lines(good(0), good(1), "x", "y"), "half.csv")
    most = save(tmp_path, lines(good(0), "x", "2024-03-01T00:00:01,xx,1,1,1", "z"), "most.csv")
    none = save(tmp_path, lines(good(0).replace("kr1", "xx")), "none.csv")
    unknown = "unknown radar; correct the id, or add the radar to the radars file"
    assert sorted(notes_of([half, most, none])) == [
        f"{most}: 3 of 4 rows were refused, mostly (2): wrong number of fields; "
        "write one field per column",
        f"{none}: 1 of 1 rows were refused, mostly (1): {unknown}",
    ]


def test_the_remedies_are_settings(tmp_path):
    late = lines(at(100), at(0), at(1e-3).replace(",1000000.0,", ",60000000,"))
    assert len(read(tmp_path, late)[1]) == 2
    assert read(tmp_path, late, reorder_window_s=100, max_range_km=60_000)[1] == ()
    for refused in read(tmp_path, late)[1]:
        name = re.search(r"raise (\w+) under \[sensing\]", refused.remedy)
        assert name and name[1] in SensingSettings.model_fields


def test_duplicates_name_the_row_they_repeat(tmp_path):
    rows = [good(0), good(1), "2024-03-01T00:00:00,kr1,1000.5,11,20", good(0), good(0)]
    first = save(tmp_path, lines(*rows), "1.csv")
    second = save(tmp_path, lines(good(1)), "2.csv")
    plots, refused = read_plots([first, second], RADARS)
    assert len(plots.time_ns) == 3
    reason = "duplicate, equal in every field: "
    assert [(r.file, r.row, r.reason) for r in refused] == [
        (str(first), 5, reason + "row 2 says the same"),
        (str(first), 6, reason + "row 2 says the same"),
        (str(second), 2, reason + f"row 3 of {first} says the same"),
    ]


OFFSETS = {
    "range_bias_m": 250.0,
    "azimuth_bias_rad": math.radians(0.5),
    "elevation_bias_rad": math.radians(-0.25),
    "range_rate_bias_m_s": 3.0,
    "time_bias_s": -0.02,
}


def test_known_offsets_are_taken_off_and_written_back(tmp_path):
    known = (radar("kr1", "KOR", **OFFSETS), radar("jp3", "JPN"))
    path = tmp_path / "plots.csv"
    path.write_text(
        "time,radar,range_m,azimuth_deg,elevation_deg,range_rate_m_s\n"
        "2024-01-31T12:00:00Z,kr1,1000250,0.25,10,-997\n"
        "2024-01-31T12:00:01Z,jp3,1000250,0.25,10,-997\n"
        "2024-01-31T12:00:02Z,kr1,200,0.25,10,-997\n"
    )
    plots, rejected = read_plots(path, known)
    assert [rejection.row for rejection in rejected] == [4]
    assert "range_bias_m" in rejected[0].reason
    assert (plots.time_ns % 10**9).tolist() == [20_000_000, 0]
    assert plots.range_m.tolist() == [1e6, 1000250.0]
    assert np.degrees(plots.azimuth_rad) == pytest.approx([359.75, 0.25])
    assert np.degrees(plots.elevation_rad) == pytest.approx([10.25, 10.0])
    assert plots.range_rate_m_s.tolist() == [-1000.0, -997.0]
    again = tmp_path / "again.csv"
    write_plots(again, plots, known)
    back, _ = read_plots(again, known)
    for one, other in zip(plots, back, strict=True):
        assert np.allclose(one, other, rtol=0, atol=1e-9, equal_nan=True)
    raw, _ = read_plots(again, (radar("kr1", "KOR"), radar("jp3", "JPN")))
    assert raw.range_m.tolist() == [1000250.0, 1000250.0]


def test_refracted_elevations_become_geometric(tmp_path):
    bent = (radar("kr1", "KOR", refracted=True), radar("jp3", "JPN"))
    rows = ["2024-03-01T00:00:00,kr1,1000,10,1", "2024-03-01T00:00:01,jp3,1000,10,1"]
    plots, _ = read_plots(save(tmp_path, lines(*rows)), bent)
    seen = math.radians(1)
    np.testing.assert_allclose(plots.elevation_rad, [geometric_elevation(seen, 100.0), seen])
    np.testing.assert_allclose(apparent_elevation(plots.elevation_rad[0], 100.0), seen)
    again = tmp_path / "again.parquet"
    write_plots(again, plots, bent)
    np.testing.assert_allclose(read_plots(again, bent)[0].elevation_rad, plots.elevation_rad)


@pytest.mark.parametrize(
    "times",
    [
        pa.array([0, 10**9], pa.int64()),
        pa.array([0, 1], pa.timestamp("s")),
        pa.array([0, 1000], pa.timestamp("ms", "Asia/Tokyo")),
        pa.array([0, 10**6], pa.timestamp("us")),
        pa.array([0, 10**9], pa.timestamp("ns", "UTC")),
        pa.array(["1970-01-01T00:00:00Z", "1970-01-01T00:00:01"]),
        pa.array(["1970-01-01T00:00:00Z", "1970-01-01T00:00:01"], pa.large_string()),
    ],
)
def test_parquet_types(tmp_path, times):
    file = tmp_path / "plots.parquet"
    table = {"time": times, "radar": pa.array(["kr1", "jp3"]).dictionary_encode()}
    table |= {"range_m": pa.array([1, 2]), "azimuth_deg": pa.array([1.0, 2.0], pa.float32())}
    table |= {"elevation_deg": pa.array(["1", "2"]), "scan": pa.array([3.0, 4.0])}
    pq.write_table(pa.table(table), file)
    plots, refused = read_plots(file, RADARS)
    assert refused == ()
    assert plots.time_ns.tolist() == [0, 10**9]
    assert plots.radar.tolist() == [1, 2]
    assert plots.scan.tolist() == [3, 4]


@pytest.mark.parametrize(
    "scans",
    [
        pa.array([2**63 - 1, 5], pa.uint64()),
        pa.array(["9223372036854775807", "+005"]),
        pa.array(["9223372036854775807", "5"]),
        pa.array([2**63 - 1, 5], pa.int64()),
    ],
)
def test_great_scans_are_exact(tmp_path, scans):
    file = tmp_path / "plots.parquet"
    table = {"time": [0, 1], "radar": ["kr1", "kr1"], "range_m": [1.0, 1.0]}
    pq.write_table(
        pa.table(table | {"azimuth_deg": [1, 1], "elevation_deg": [1, 1], "scan": scans}), file
    )
    plots, refused = read_plots(file, RADARS)
    assert refused == ()
    assert plots.scan.tolist() == [2**63 - 1, 5]


@pytest.mark.parametrize("batch_rows", [1, 1000])
def test_parquet_faults_by_row_from_1(tmp_path, batch_rows):
    file = tmp_path / "plots.parquet"
    table = {
        "time": pa.array([0, 1, 2, 10**13, -1, None], pa.timestamp("s")),
        "radar": ["kr1", None, "kr1", "kr1", "kr1", "kr1"],
        "range_m": [1.0, 1.0, math.nan, 1.0, 1.0, 1.0],
        "azimuth_deg": [1.0] * 6,
        "elevation_deg": [1.0] * 6,
        "extra": [[1]] * 6,
    }
    pq.write_table(pa.table(table), file)
    plots, refused = read_plots(file, RADARS, settings=SensingSettings(batch_rows=batch_rows))
    assert len(plots.time_ns) == 1
    assert [(r.row, r.reason.partition(":")[0]) for r in refused] == [
        (2, "radar is empty"),
        (3, "range_m is not finite"),
        (4, "time is outside 1970 to 2262"),
        (5, "time is outside 1970 to 2262"),
        (6, "time is empty"),
    ]


def test_parquet_column_of_a_wrong_type(tmp_path):
    file = tmp_path / "plots.parquet"
    table = {name: [True] for name in HEADER.split(",")}
    pq.write_table(pa.table(table), file)
    with pytest.raises(InputError, match='column "time" has the type bool'):
        read_plots(file, RADARS)


def test_writing_an_unknown_format(tmp_path):
    plots, _ = read(tmp_path, lines(good(0)))
    with pytest.raises(InputError, match=r"use \.csv"):
        write_plots(tmp_path / "plots.xlsx", plots, RADARS)


# ---- properties ----------------------------------------------------------------------------


def some_plots(times: list[int], rng: np.random.Generator, measured: bool) -> Plots:
    """Plots in the order of the fold."""
    n = len(times)
    time_ns = np.sort(np.array(times, dtype=np.int64))
    which = rng.integers(0, 3, n).astype(np.int32)
    nothing = np.full(n, math.nan)
    plots = Plots(
        time_ns,
        which,
        rng.uniform(1, 4e7, n),
        rng.uniform(0, 2 * math.pi, n),
        rng.uniform(-math.pi / 2, math.pi / 2, n),
        np.where(rng.random(n) < 0.5, rng.normal(0, 3000, n), math.nan) if measured else nothing,
        rng.normal(10, 5, n) if measured else nothing,
        rng.integers(-(10**17), 10**17, n),
    )
    rank = np.array([2, 1, 0])[which]
    order = np.lexsort((plots.scan, rank, time_ns))
    return Plots(*(column[order] for column in plots))


@settings(max_examples=40, deadline=None)
@given(
    times=st.lists(st.integers(0, 9 * 10**18), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
    suffix=st.sampled_from([".csv", ".csv.gz", ".parquet"]),
    measured=st.booleans(),
    comma=st.booleans(),
)
def test_round_trip(tmp_path_factory, times, seed, suffix, measured, comma):
    ids = ("us2", "kr,1" if comma else "kr1", "jp3")
    table = [radar(i, r.nation) for i, r in zip(ids, RADARS, strict=True)]
    plots = some_plots(times, np.random.default_rng(seed), measured)
    file = tmp_path_factory.mktemp("plots") / ("plots" + suffix)
    write_plots(file, plots, table)
    again, refused = read_plots(file, table)
    assert refused == ()
    for name, was, now in zip(Plots._fields, plots, again, strict=True):
        if name.endswith("_rad"):
            turn = (now - was + math.pi) % (2 * math.pi) - math.pi
            np.testing.assert_allclose(turn, 0, atol=1e-12)
        else:
            np.testing.assert_array_equal(now, was)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 120),
    files=st.integers(1, 4),
    block_bytes=st.integers(1, 3000),
)
def test_order_depends_neither_on_blocks_nor_files_nor_disorder(
    tmp_path_factory, seed, count, files, block_bytes
):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("order")
    times = np.unique(rng.integers(0, 300 * 10**9, count)).tolist()
    plots = some_plots(times, rng, measured=True)
    write_plots(folder / "all.csv", plots, RADARS)
    header, *rows = (folder / "all.csv").read_text().splitlines()
    disordered = np.argsort(plots.time_ns + rng.integers(0, 60 * 10**9, len(times)))
    of_file = rng.integers(0, files, len(times))
    paths = []
    for file in range(files):
        mine = [rows[i] for i in disordered if of_file[i] == file]
        paths.append(save(folder, lines(*mine, header=header), f"{file}.csv"))
    expected, _ = read_plots(folder / "all.csv", RADARS)
    batches = list(stream_plots(paths, RADARS, settings=SensingSettings(block_bytes=block_bytes)))
    assert not any(batch.rejections for batch in batches)
    for column, parts in zip(expected, zip(*(b.plots for b in batches), strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), column)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    block_bytes=st.integers(100, 3000),
    look_ahead=st.integers(1, 50),
)
def test_what_is_out_of_time_depends_not_on_blocks(tmp_path_factory, seed, block_bytes, look_ahead):
    rng = np.random.default_rng(seed)
    leaps = rng.choice([0, 0, 0, 0, -DAY, 70, 3600, DAY], 200) * (rng.random(200) < 0.5)
    times = np.cumsum(rng.choice([0, 1, 5, 100], 200)) + 1e5 + leaps
    rows = [at(t, rng.choice(["kr1", "jp3"])) for t in times.tolist()]
    folder = tmp_path_factory.mktemp("blocks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skypact.sensing.plot_clock._LOOK_AHEAD", look_ahead)
        whole, refused = read(folder, lines(*rows))
        parts, also_refused = read(folder, lines(*rows), block_bytes=block_bytes)
    assert also_refused == refused
    assert len(whole.time_ns) + len(refused) == 200
    for one, two in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, two)


# ---- the slow, obvious twin ----------------------------------------------------------------


def twin_time(cell: str) -> int | str:
    form = r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?"
    match = re.fullmatch(form, cell.strip(), re.ASCII)
    if match is None:
        return "time is not an ISO 8601 time"
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(zone or 'Z').replace('Z', '+00:00')}")
    except ValueError:
        return "time is not an ISO 8601 time"
    seconds = (moment - EPOCH) // timedelta(seconds=1)
    if not 0 <= seconds < 9_223_372_035:
        return "time is outside 1970 to 2262"
    return seconds * 10**9 + int((fraction or "").ljust(9, "0")[:9])


def twin_number(column: str, cell: str, low: float, high: float, outside: str) -> float | str:
    cell = cell.strip()
    if not cell:
        return f"{column} is empty"
    try:
        value = float(cell) if cell.isascii() and "_" not in cell else None
    except ValueError:
        value = None
    if value is None:
        return f"{column} is not a number"
    if not math.isfinite(value):
        return f"{column} is not finite"
    return value if low <= value <= high else f"{column} {outside}"


def twin_row(cells: list[str], width: int) -> tuple | str:
    if len(cells) != width:
        return "wrong number of fields"
    time = twin_time(cells[0]) if cells[0].strip() else "time is empty"
    index = {r.id: i for i, r in enumerate(RADARS)}
    name = cells[1].strip()
    found = index.get(name, "unknown radar") if name else "radar is empty"
    values = (
        time,
        found,
        twin_number("range_m", cells[2], 5e-324, math.inf, "is not above 0"),
        twin_number("azimuth_deg", cells[3], 0, 360, "is outside 0 to 360"),
        twin_number("elevation_deg", cells[4], -90, 90, "is outside -90 to 90"),
    )
    if isinstance(values[2], float) and values[2] > 5e7:
        values = (*values[:2], "range_m is beyond 50,000 km", *values[3:])
    fault = next((value for value in values if isinstance(value, str)), None)
    return fault or (*values[:3], values[3] % 360, values[4])


def twin_out_of_time(rows: list[tuple[int, int]], window_ns: int = 60 * 10**9) -> list[str]:
    """By row (time, radar) why it is refused, or nothing: the fewest of a short file are."""

    @functools.cache
    def most(i: int, newest: int) -> int:
        """Rows that can be kept from the i-th on."""
        if i == len(rows):
            return 0
        kept = 1 + most(i + 1, max(newest, rows[i][0]))
        return max(kept * (rows[i][0] >= newest - window_ns), most(i + 1, newest))

    faults, newest, ahead = [], -1, {}
    for i, (time, of) in enumerate(rows):
        by = time - newest
        leaps = newest >= 0 and by > window_ns
        kept, without = 1 + most(i + 1, max(newest, time)), most(i + 1, newest)
        again = leaps and of in ahead and abs(by - ahead[of]) <= window_ns
        if by < -window_ns:
            faults.append("late by more than the reorder window of 60 s")
        elif again or kept < without + leaps:
            faults.append(
                "time ahead of the rows around it by more than the reorder window of 60 s"
            )
            if leaps:
                ahead[of] = by
        else:
            faults.append("")
            newest = max(newest, time)
            ahead.pop(of, None)
    return faults


def twin_read(content: bytes) -> tuple[list[tuple], dict[int, str]]:
    """One file: plots by time, nation, radar, row, and the reasons by row."""
    sound: list[tuple[int, tuple]] = []
    refused: dict[int, str] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if number == 1 or not line.rstrip(b"\r"):
            continue
        try:
            text = line.decode().rstrip("\r")
        except UnicodeDecodeError:
            refused[number] = "the line is not UTF-8 text"
            continue
        row = twin_row(next(csv.reader([text])), 5)
        if isinstance(row, str):
            refused[number] = row
        else:
            sound.append((number, row))
    out_of_time = twin_out_of_time([row[:2] for _, row in sound])
    kept: list[tuple] = []
    for (number, row), fault in zip(sound, out_of_time, strict=True):
        if fault or row in kept:
            refused[number] = fault or "duplicate, equal in every field"
        else:
            kept.append(row)
    # Python's sort keeps the order of the rows among equals.
    order = sorted(
        kept, key=lambda r: (r[0], RADARS[r[1]].nation, RADARS[r[1]].id, r[2], r[3], r[4])
    )
    return order, refused


CELL_FAULTS = [
    "",
    " ",
    "nan",
    "inf",
    "-1",
    "1e3",
    "+5",
    "12,3",
    "1_0",
    "abc",
    "é",
    "٣",
    '"7"',
    "361",
]
TIME_FAULTS = [
    "2024-03-01",
    "x",
    "2024-13-01T00:00:00",
    "1960-01-01T00:00:00Z",
    "2024-03-01T00:00:61",
]


def faulty_file(rng: random.Random) -> bytes:
    rows: list[bytes] = []
    second = 0.0
    wrong_clocks = rng.choice([0, 0.03, 0.2])
    for _ in range(rng.randrange(1, 60)):
        second += rng.choice([0, 1, 7, 7 if rng.random() < 0.9 else 3600])
        at = datetime(2024, 3, 1) + timedelta(seconds=second - rng.choice([0, 0, 0, 20, 65]))
        if rng.random() < wrong_clocks:
            at += timedelta(seconds=rng.choice([-86_400, 3600, 86_400]))
        zone = rng.choice(["Z", "Z", "Z", "", "+00:00"])
        cells = [at.isoformat() + zone, rng.choice(["us2", "kr1", "jp3"])]
        cells += [str(rng.choice([1, 2.5, 1e6])), str(rng.choice([0, 90, 360])), "45"]
        if rng.random() < 0.15:
            cells[rng.randrange(1, 5)] = rng.choice(CELL_FAULTS)
        if rng.random() < 0.05:
            cells[0] = rng.choice(TIME_FAULTS[1:])
        row = ",".join(cells).encode()
        if rng.random() < 0.05:
            row = rng.choice([b"", b"\xff\xfe", b"a,b", row + b",", b"\0\1\2"])
        rows.append(row)
        if rng.random() < 0.1:
            rows.append(rng.choice(rows))
    end = rng.choice([b"\n", b"\r\n"])
    return end.join([HEADER.encode(), *rows]) + rng.choice([b"", end])


@pytest.mark.parametrize("seed", range(150))
def test_agrees_with_the_slow_twin(tmp_path, seed):
    rng = random.Random(seed)
    content = faulty_file(rng)
    expected, reasons = twin_read(content)
    block_bytes = rng.choice([1, 60, 500, 1 << 20])
    if not expected:
        with pytest.raises(EmptyInputError):
            read(tmp_path, content, block_bytes=block_bytes)
        return
    plots, refused = read(tmp_path, content, block_bytes=block_bytes)
    assert {r.row: r.reason.partition(":")[0] for r in refused} == reasons
    assert plots.time_ns.tolist() == [row[0] for row in expected]
    assert plots.radar.tolist() == [row[1] for row in expected]
    assert plots.range_m.tolist() == [row[2] for row in expected]
    azimuth_rad = np.radians([row[3] for row in expected])
    np.testing.assert_allclose(plots.azimuth_rad, azimuth_rad, atol=1e-15)
    np.testing.assert_allclose(plots.elevation_rad, np.radians([row[4] for row in expected]))
