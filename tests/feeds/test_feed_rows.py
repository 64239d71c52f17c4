"""A feed's message: what is a row, what is not and why, and which rows make an arrival."""

import json
import math

import msgspec
import numpy as np
import pytest
from asterix_scene import NOON_NS, S, radar
from hypothesis import given, settings
from hypothesis import strategies as st

from skypact.errors import InputError
from skypact.sensing.feeds.rows import TooManyRowsError, read_message
from skypact.sensing.plot_rows import RadarTable
from skypact.settings import SensingSettings

RADARS = (radar(), radar("JP-Aomori", 2, period_s=5.0))
TABLE = RadarTable(RADARS)
ROW = {
    "time": "2024-01-31T12:00:00.25Z",
    "range_m": 250000.5,
    "azimuth_deg": 90,
    "elevation_deg": 10.25,
    "scan": 7,
}


def read(payload, *, packed=False, index=0, most=1000):
    return read_message(
        payload,
        packed=packed,
        place="here",
        radar=index,
        table=TABLE,
        settings=SensingSettings(),
        greatest_rows=most,
    )


def lines(*rows):
    return b"\n".join(json.dumps(row).encode() if isinstance(row, dict) else row for row in rows)


def refusals(got):
    return sorted(
        (int(row), group.reason, group.detail(i))
        for group in got.refused
        for i, row in enumerate(group.rows)
    )


@pytest.mark.parametrize(
    ("payload", "packed"),
    [
        (lines(ROW, ROW | {"range_m": 1e5}), False),
        (json.dumps([ROW, ROW | {"range_m": 1e5}]).encode(), False),
        (json.dumps([ROW, ROW | {"range_m": 1e5}], indent=2).encode(), False),
        (b"\n\n" + lines(ROW, b"", ROW | {"range_m": 1e5}) + b"\r\n", False),
        (msgspec.msgpack.encode([ROW, ROW | {"range_m": 1e5}]), True),
        (
            msgspec.msgpack.encode(
                {name: [value] * 2 for name, value in ROW.items()} | {"range_m": [250000.5, 1e5]}
            ),
            True,
        ),
        (
            msgspec.msgpack.encode(
                {name: [value] * 2 for name, value in ROW.items()}
                | {"range_m": [250000.5, 1e5], "time": [NOON_NS + S // 4] * 2}
            ),
            True,
        ),
    ],
)
def test_every_form_says_the_same(payload, packed):
    got = read(payload, packed=packed)
    (arrival,) = got.arrivals
    assert arrival.number is None and not got.refused and got.rows == 2
    assert arrival.plots.time_ns.tolist() == [NOON_NS + S // 4] * 2
    assert arrival.plots.range_m.tolist() == [250000.5, 1e5]
    assert arrival.plots.azimuth_rad[0] == math.pi / 2 and arrival.plots.scan.tolist() == [7, 7]
    assert np.isnan(arrival.plots.snr_db).all()


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"range_m": -1}, "range_m is not above 0", "-1"),
        ({"range_m": "far"}, "range_m is not a number", '"far"'),
        ({"range_m": True}, "range_m is not a number", '"True"'),
        ({"range_m": [1]}, "range_m is not a number", '"[1]"'),
        ({"range_m": None}, "range_m is empty", ""),
        ({"range_m": 1e300}, "range_m is beyond 50,000 km", "1e+300"),
        ({"azimuth_deg": 361}, "azimuth_deg is outside 0 to 360", "361"),
        ({"elevation_deg": -91}, "elevation_deg is outside -90 to 90", "-91"),
        ({"time": "yesterday"}, "time is not an ISO 8601 time", '"yesterday"'),
        ({"time": 1.5}, "time is not an ISO 8601 time", '"1.5"'),
        ({"time": True}, "time is not an ISO 8601 time", '"True"'),
        ({"scan": 1.5}, "scan is not a whole number", '"1.5"'),
        ({"scan": 2**70}, "scan is not a whole number", str(2**70)),
        ({"radar": "JP-Aomori"}, "radar is another than that of the subject or path", "Aomori"),
        ({"epoch": 1}, "epoch or sequence is no whole number in range", "1, None"),
        ({"epoch": 1, "sequence": 0}, "epoch or sequence is no whole number in range", "1, 0"),
        ({"epoch": True, "sequence": 1}, "epoch or sequence is no whole number", "True, 1"),
        (b"nonsense", "the line is no JSON object", "malformed"),
        (b"7", "the line is no JSON object", "7"),
        (b'{"range_m": NaN}', "the line is no JSON object", "malformed"),
        (b"[" * 5000, "the line is no JSON object", ""),
    ],
)
def test_a_bad_row_is_refused_and_the_rest_goes_on(change, reason, detail):
    good = {"epoch": 1, "sequence": 4} if isinstance(change, dict) and "epoch" in change else {}
    bad = ROW | change if isinstance(change, dict) else change
    got = read(lines(ROW | good, bad, ROW | good | {"range_m": 1e5}))
    assert sum(len(arrival.plots.time_ns) for arrival in got.arrivals) == 2
    ((row, why, what),) = refusals(got)
    assert row == 2 and why.startswith(reason) and detail in what, (why, what)
    assert got.rows == 3 and got.refused[0].remedy


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(value):
    columns = {name: [entry] * 2 for name, entry in ROW.items()} | {"range_m": [1e5, value]}
    got = read(msgspec.msgpack.encode(columns), packed=True)
    assert [(row, why) for row, why, _ in refusals(got)] == [(2, "range_m is not finite")]
    assert len(got.arrivals[0].plots.time_ns) == 1


@pytest.mark.parametrize(
    ("payload", "packed", "reason"),
    [
        (b"", False, "holds no rows"),
        (b"\n \n", False, "holds no rows"),
        (b"nonsense", False, "no JSON object"),
        (b'{"range_m": 1}', False, 'column "time" is missing'),
        (b"[1, 2", False, "is not JSON"),
        (b"[]", False, "holds no rows"),
        (b"\xc1", True, "is not MessagePack"),
        (b"", True, "is not MessagePack"),
        (msgspec.msgpack.encode(7), True, "neither a map"),
        (msgspec.msgpack.encode({}), True, "holds no rows"),
        (msgspec.msgpack.encode({"time": []}), True, "holds no rows"),
        (msgspec.msgpack.encode({"time": 7}), True, 'column "time" is no list'),
        (msgspec.msgpack.encode({"time": [1], "scan": [1, 2]}), True, "different lengths"),
        (b"\x91" * 5000 + b"\x01", True, ""),
    ],
)
def test_a_message_without_rows(payload, packed, reason):
    with pytest.raises(InputError) as caught:
        read(payload, packed=packed)
    assert reason in caught.value.reason and caught.value.place == "here" and caught.value.remedy


def test_too_many_rows():
    with pytest.raises(TooManyRowsError):
        read(lines(*[ROW] * 11), most=10)
    columns = {name: [value] * 11 for name, value in ROW.items()}
    with pytest.raises(TooManyRowsError):
        read(msgspec.msgpack.encode(columns), packed=True, most=10)


def test_rows_make_arrivals_by_number_or_by_scan():
    rows = [ROW | {"scan": scan, "range_m": 1e5 + i} for i, scan in enumerate((9, 4, 9, 4))]
    got = read(lines(*rows))
    assert [(a.number, a.plots.range_m.tolist()) for a in got.arrivals] == [
        (None, [1e5, 1e5 + 2]),
        (None, [1e5 + 1, 1e5 + 3]),
    ]
    numbered = [row | {"epoch": 5, "sequence": row["scan"]} for row in rows]
    got = read(lines(*numbered))
    assert [(a.number, a.plots.range_m.tolist()) for a in got.arrivals] == [
        ((5, 9), [1e5, 1e5 + 2]),
        ((5, 4), [1e5 + 1, 1e5 + 3]),
    ]
    mixed = [row | {"epoch": 5, "sequence": 1} for row in rows[:2]]
    got = read(lines(*mixed, ROW | {"epoch": 5, "sequence": 2}))
    assert [a.number for a in got.arrivals] == [(5, 2)]
    assert {(row, why) for row, why, _ in refusals(got)} == {
        (1, "rows of several scans bear one number"),
        (2, "rows of several scans bear one number"),
    }


def test_without_scans_they_are_those_of_the_radars_period():
    rows = [{**ROW, "time": NOON_NS + i * S} for i in range(12)]
    for row in rows:
        del row["scan"]
    got = read(lines(*rows), index=1)
    assert [len(a.plots.time_ns) for a in got.arrivals] == [5, 5, 2]


@settings(max_examples=300)
@given(st.binary(max_size=200), st.booleans())
def test_any_octets(payload, packed):
    try:
        got = read(payload, packed=packed)
    except (InputError, TooManyRowsError):
        return
    assert all(len(arrival.plots.time_ns) for arrival in got.arrivals)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
names = st.sampled_from([*ROW, "radar", "epoch", "sequence", "snr_db", "range_rate_m_s", "x"])


@settings(max_examples=60)
@given(st.lists(st.dictionaries(names, json_values), min_size=1, max_size=4))
def test_any_values(changes):
    rows = [ROW, *(ROW | change for change in changes)]
    try:
        payload = msgspec.msgpack.encode(rows)
    except (OverflowError, UnicodeEncodeError):
        return
    got = read(payload, packed=True)
    used = sum(len(arrival.plots.time_ns) for arrival in got.arrivals)
    assert used + len(refusals(got)) == len(rows) == got.rows
    for arrival in got.arrivals:
        assert np.isfinite(arrival.plots.range_m).all() and (arrival.plots.range_m > 0).all()
