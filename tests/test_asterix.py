"""ASTERIX: values within their steps there and back, and whatever comes is refused or read."""

import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from asterix_scene import NOON_NS, S, plots, radar
from hypothesis import given, settings
from hypothesis import strategies as st

from skypact.errors import InputError
from skypact.model import Plots
from skypact.sensing import read_plots
from skypact.sensing.asterix import (
    AsterixReader,
    Mark,
    Refused,
    Report,
    encode_north,
    encode_plots,
    near_time_ns,
)
from skypact.sensing.asterix_height import elevation_from_height, height_m, site_of
from skypact.sensing.asterix_layout import Fault, layout_of
from skypact.settings import SensingSettings

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SKYPACT_SHARED", ROOT.parent / "shared"))
RECORDING = SHARED / "data" / "asterix" / "cat_034_048.pcap"
RADARS = (radar(), radar("JP-Aomori", 2, latitude_rad=math.radians(40.8)))
TICK_NS = S // 128
SITE = site_of(RADARS[0])


def reader(radars=RADARS, **options):
    return AsterixReader(radars, SensingSettings(), **options)


def one_plot(range_m, azimuth_rad, elevation_rad, time_ns=NOON_NS, snr_db=math.nan) -> Plots:
    columns = (time_ns, 0, range_m, azimuth_rad, elevation_rad, math.nan, snr_db, 1)
    kinds = (np.int64, np.int32, *(np.float64,) * 5, np.int64)
    return Plots._make(np.array([c], kind) for c, kind in zip(columns, kinds, strict=True))


def said(data: bytes, *, radars=RADARS, **options):
    return list(reader(radars, **options).records(data, NOON_NS))


def apart_rad(a, b):
    return abs((a - b + math.pi) % (2 * math.pi) - math.pi)


directions = st.floats(0.0, 2 * math.pi, exclude_max=True)


@settings(max_examples=40)
@given(
    st.floats(1.0, 838_000.0),
    directions,
    st.floats(-math.pi / 2, math.pi / 2 - 1e-4),
    st.integers(-43_000 * S, 43_000 * S),
    st.one_of(st.just(math.nan), st.floats(-127, 127)),
)
def test_015_there_and_back(range_m, azimuth_rad, elevation_rad, offset_ns, snr_db):
    sent = one_plot(range_m, azimuth_rad, elevation_rad, NOON_NS + offset_ns, snr_db)
    encoded = encode_plots(sent, RADARS)
    got, refused = reader().read(b"".join(encoded.blocks), NOON_NS)
    assert not refused and len(got.time_ns) == 1
    # Half a step of each field, and what a double of that size leaves.
    assert abs(got.time_ns[0] - sent.time_ns[0]) <= TICK_NS // 2
    assert abs(got.range_m[0] - range_m) <= 0.05 + 1e-6
    assert apart_rad(got.azimuth_rad[0], azimuth_rad) <= math.pi / 2**16 + 1e-12
    assert abs(got.elevation_rad[0] - elevation_rad) <= math.pi / 2**17 + 1e-12
    assert math.isnan(snr_db) == math.isnan(got.snr_db[0])
    assert math.isnan(snr_db) or abs(got.snr_db[0] - snr_db) <= 0.5


@given(st.floats(20_000.0, 470_000.0), directions, st.floats(0.0, 0.9), st.booleans())
def test_048_there_and_back(range_m, azimuth_rad, share, refracted):
    # Up to 60 km of height: by the flat-Earth bound on the sine.
    elevation_rad = math.asin(min(0.9, share * 50_000.0 / range_m))
    # A radar poor enough that heights in steps of 25 ft, above a sea that is 30 m off, will do.
    table = (radar(elevation_sigma_rad=math.radians(1.0), refracted=refracted),)
    sent = one_plot(range_m, azimuth_rad, elevation_rad)
    encoded = encode_plots(sent, table, 48)
    if height_m(site_of(table[0]), range_m, azimuth_rad, elevation_rad) > 61_000.0:
        return
    got, refused = reader(table).read(b"".join(encoded.blocks), NOON_NS)
    assert not refused and len(got.time_ns) == 1
    step_m = 1852.0 / 256
    assert abs(got.range_m[0] - range_m) <= step_m / 2 + 1e-6
    assert apart_rad(got.azimuth_rad[0], azimuth_rad) <= math.pi / 2**16 + 1e-12
    # Height within half of 25 ft; the range's step moves the elevation at that height, too, and
    # the azimuth's by what the Earth is out of round: nothing beside them.
    geometric = elevation_rad
    if refracted:
        from skypact.sensing import geometric_elevation

        geometric = float(geometric_elevation(elevation_rad, table[0].height_m))
    slope = range_m * math.cos(geometric + 0.1)
    allowed_rad = (12.5 * 0.3048 + step_m / 2 * (abs(math.sin(geometric)) + 0.1)) / slope
    assert abs(got.elevation_rad[0] - geometric) <= 1.2 * allowed_rad + 1e-9


@given(st.floats(1_000.0, 800_000.0), directions, st.floats(-0.05, 1.5))
def test_elevation_from_a_height_is_the_one_that_has_it(range_m, azimuth_rad, elevation_rad):
    at_m = height_m(SITE, range_m, azimuth_rad, elevation_rad)
    found = elevation_from_height(SITE, range_m, azimuth_rad, at_m)
    assert found is not None
    # A millimetre of height, by how much the elevation changes with it.
    assert abs(found.elevation_rad - elevation_rad) <= 2e-3 * found.rad_per_m
    step = 1e-6
    above = height_m(SITE, range_m, azimuth_rad, elevation_rad + step)
    assert (above - at_m) / step == pytest.approx(1.0 / found.rad_per_m, rel=0.01, abs=100.0)


def test_no_elevation_where_nothing_is_at_that_height():
    assert elevation_from_height(SITE, 1_000.0, 0.0, 20_000.0) is None


@pytest.mark.parametrize("category", [15, 48])
def test_written_as_libasterix_writes_it(category):
    from asterix import generated

    sent = one_plot(250_000.0, 1.0, 0.2, NOON_NS + S // 2, 12.0)
    (block,) = encode_plots(sent, RADARS, category).blocks
    layout = layout_of(category)
    items, end = layout.record(block, 3, len(block))
    assert end == len(block)
    specification = {15: generated.Cat_015_1_2, 48: generated.Cat_048_1_32}[category]

    def number(item):
        return int.from_bytes(block[items[item].begin : items[item].end], "big")

    def part(item, name):
        span = layout.compound(block, item, items[item])[name]
        return int.from_bytes(block[span.begin : span.end], "big")

    if category == 15:
        values = {
            "010": 200 << 8 | 1,
            "000": (1, 1),
            "020": (0,),
            "145": (43_200 * 128 + 64),
            "625": {"R": part("625", "R")},
            "627": {"AZ": part("627", "AZ")},
            "628": {"EL": part("628", "EL")},
            "630": {"DPS": part("630", "DPS")},
        }
    else:
        values = {
            "010": 200 << 8 | 1,
            "140": (43_200 * 128 + 64),
            "020": (1 << 4,),
            "040": number("040"),
            "110": number("110"),
        }
    theirs = specification.create([specification.cv_record.create(values)])
    assert block == theirs.unparse().to_bytes()


def test_read_as_libasterix_reads_it():
    """Records of random flags and octets: the same items end where its parser says."""
    from asterix import generated
    from asterix.base import Bits, ParsingMode

    rng = np.random.default_rng(1)
    alike = {True: 0, False: 0}
    for category, theirs in ((15, "Cat_015_1_2"), (34, "Cat_034_1_29"), (48, "Cat_048_1_32")):
        record = getattr(generated, theirs).cv_record
        for _ in range(300):
            text = rng.integers(0, 256, rng.integers(1, 120), dtype=np.uint8).tobytes()
            if rng.random() < 0.8:
                # Few extensions, so that many records are whole.
                text = bytes(octet & 0xFE if rng.random() < 0.8 else octet for octet in text)
            parsed = record.parse(ParsingMode.StrictParsing, Bits.from_bytes(text))
            try:
                items, end = layout_of(category).record(text, 0, len(text))
            except Fault:
                assert isinstance(parsed, ValueError)
                alike[False] += 1
                continue
            assert not isinstance(parsed, ValueError)
            found, rest = parsed
            assert end == len(text) - len(rest) // 8
            for name, item in found.items_regular.items():
                assert text[items[name].begin : items[name].end] == item.unparse().to_bytes()
            alike[True] += 1
    assert min(alike.values()) > 50


@pytest.mark.parametrize(
    ("changes", "category", "reason"),
    [
        ({"range_m": 838_860.8}, 15, "625"),
        ({"range_m": 475_000.0}, 48, "040"),
        ({"range_m": 0.0}, 15, "625"),
        ({"range_m": math.nan}, 48, "040"),
        ({"elevation_rad": 1.58}, 15, "628"),
        ({"elevation_rad": 0.3, "range_m": 400_000.0}, 48, "110"),
        ({"snr_db": 200.0}, 15, "630"),
    ],
)
def test_what_a_format_does_not_hold_is_left_out_and_never_wrapped(changes, category, reason):
    values = {"range_m": 300_000.0, "azimuth_rad": 1.0, "elevation_rad": 0.1} | changes
    encoded = encode_plots(one_plot(**values), RADARS, category)
    assert encoded.blocks == () and encoded.left_out.tolist() == [0]
    assert encoded.reasons[0].startswith(reason)


def test_a_radar_without_a_code_cannot_be_sent():
    with pytest.raises(InputError, match="no sac and sic"):
        encode_plots(plots(1), (radar(sac=None, sic=None),))


@given(st.integers(0, 86_400 * S - 1), st.integers(-20 * 86_400 * S, 20 * 86_400 * S))
def test_the_time_of_day_is_the_nearest(of_day_ns, offset_ns):
    reference_ns = NOON_NS + offset_ns
    time_ns = near_time_ns(of_day_ns, reference_ns)
    assert time_ns % (86_400 * S) == of_day_ns
    assert abs(time_ns - reference_ns) <= 43_200 * S


def test_midnight_between_two_plots():
    sent = plots(4, begin_ns=NOON_NS + 43_199 * S)
    blocks = b"".join(encode_plots(sent, RADARS, block_records=1).blocks)
    got, _ = reader().read(blocks, NOON_NS + 43_200 * S)
    assert got.time_ns.tolist() == sent.time_ns.tolist()


def record_048(**items: bytes) -> bytes:
    """A record of CAT048 with these items beside those that every one has."""
    order = [
        "010",
        "140",
        "020",
        "040",
        "070",
        "090",
        "130",
        "220",
        "240",
        "250",
        "161",
        "042",
        "200",
        "170",
        "210",
        "030",
        "080",
        "100",
        "110",
    ]
    values = {
        "010": b"\xc8\x01",
        "140": b"\x54\x60\x00",
        "020": b"\x20",
        "040": b"\x80\x00\x20\x00",
    }
    values |= {name.removeprefix("i"): value for name, value in items.items()}
    values = {name: value for name, value in values.items() if value}
    flags = [int(name in values) for name in order]
    octets = []
    while flags:
        seven, flags = flags[:7], flags[7:]
        more = int(any(flags))
        octets.append(sum(bit << (7 - i) for i, bit in enumerate(seven)) | more)
        if not more:
            break
    return bytes(octets) + b"".join(values[name] for name in order if name in values)


def block(category: int, *records: bytes) -> bytes:
    body = b"".join(records)
    return bytes((category,)) + (3 + len(body)).to_bytes(2, "big") + body


POOR = (radar(elevation_sigma_rad=math.radians(1.0)),)
HEIGHT = {"i110": (1200).to_bytes(2, "big")}
"""30,000 ft."""


@pytest.mark.parametrize(
    ("items", "item", "reason"),
    [
        ({}, "", "neither a height"),
        ({"i010": b"\xc8\x09"} | HEIGHT, "010", "SAC 200, SIC 9"),
        ({"i010": b""} | HEIGHT, "010", "missing"),
        ({"i040": b""} | HEIGHT, "040", "missing"),
        ({"i140": b""} | HEIGHT, "140", "missing"),
        ({"i140": b"\xff\xff\xff"} | HEIGHT, "140", "beyond a day"),
        ({"i020": b"\x00"} | HEIGHT, "020", "no detection"),
        ({"i020": b"\x30"} | HEIGHT, "020", "simulated"),
        ({"i020": b"\x21\x80"} | HEIGHT, "020", "test target"),
        ({"i020": b"\x22"} | HEIGHT, "020", "fixed transponder"),
        ({"i020": b"\x21\x40"} | HEIGHT, "020", "beyond what I048/040"),
        ({"i040": b"\x00\x00\x20\x00"} | HEIGHT, "040", "range is 0"),
        ({"i110": (2**13 - 1).to_bytes(2, "big")}, "110", "62 km"),
        ({"i090": b"\x80\x30"}, "090", "not validated"),
        ({"i040": b"\x00\x10\x20\x00"} | HEIGHT, "110", "nothing in that range"),
    ],
)
def test_a_report_that_cannot_be_used(items, item, reason):
    (refused,) = said(block(48, record_048(**items)), radars=POOR)
    assert isinstance(refused, Refused)
    assert reason in refused.reason and ": " not in refused.reason and refused.remedy
    assert refused.place == "block 1, record 1" + (f", I048/{item}" if item else "")


def test_a_flight_level_is_less_certain_than_a_measured_height():
    """30,000 ft at 237 km: 315 m of level and sea make 0.08°, 31 m of height 0.007°."""
    level, height = ({"i090": (1200).to_bytes(2, "big")}, HEIGHT)
    for sigma_deg, taken in ((0.2, (True, True)), (0.03, (False, True)), (0.003, (False, False))):
        table = (radar(elevation_sigma_rad=math.radians(sigma_deg)),)
        for items, expected in zip((level, height), taken, strict=True):
            (found,) = said(block(48, record_048(**items)), radars=table)
            assert isinstance(found, Report) is expected, (sigma_deg, items)
            assert expected or "less certain" in found.reason
    both = said(block(48, record_048(**level | HEIGHT)), radars=POOR)[0]
    assert both.elevation_deg == said(block(48, record_048(**HEIGHT)), radars=POOR)[0].elevation_deg


def test_a_format_coarser_than_the_radar_is_refused():
    fine = (radar(range_sigma_m=1.0),)
    (refused,) = said(b"".join(encode_plots(one_plot(2e5, 1, 0.1), fine, 48).blocks), radars=fine)
    assert "coarser steps" in refused.reason and "2.1" in refused.remedy
    assert isinstance(
        said(encode_plots(one_plot(2e5, 1, 0.1), fine).blocks[0], radars=fine)[0], Report
    )


@pytest.mark.parametrize(
    ("at", "octets", "reason"),
    [
        (9, b"\x05", "a track"),
        (9, b"\x0b", "no plot"),
        (10, b"\x40", "not of one radar"),
        (10, b"\x10", "reference"),
        (10, b"\x20", "simulated"),
        (15, b"\x7f\xff\xff", "838 km"),
        (15, b"\x80\x00\x00", "838 km"),
    ],
)
def test_a_report_of_015_that_cannot_be_used(at, octets, reason):
    data = bytearray(encode_plots(one_plot(2e5, 1.0, 0.1), RADARS).blocks[0])
    data[at : at + len(octets)] = octets
    (refused,) = said(bytes(data))
    assert isinstance(refused, Refused) and reason in refused.reason


def test_simulated_targets_are_for_exercises():
    data = bytearray(encode_plots(one_plot(2e5, 1.0, 0.1), RADARS).blocks[0])
    data[10] = 0x30
    assert isinstance(said(bytes(data), exercise=True)[0], Report)


def test_a_report_that_says_that_it_is_worse_than_its_radar():
    # Parts of I015/625: range and its precision; 30 m are the table's, 45 m the most.
    for precision_m, taken in ((40.0, True), (60.0, False)):
        ranges = (
            b"\xa0" + (2_000_000).to_bytes(3, "big") + round(precision_m * 10).to_bytes(3, "big")
        )
        whole = bytearray(encode_plots(one_plot(2e5, 1.0, 0.1), RADARS).blocks[0])
        whole[14:18] = ranges
        whole[1:3] = len(whole).to_bytes(2, "big")
        (found,) = said(bytes(whole))
        assert isinstance(found, Report) is taken


def test_the_rest_goes_on():
    good = record_048(**HEIGHT)
    data = (
        block(48, good, record_048(i020=b"\x00"), good)
        + block(62, b"\x80\x01\x02")
        + block(48, good, b"\xff" * 8, good)
        + block(48, good)
        + b"\x30\x00"
    )
    found = said(data, radars=POOR)
    places = [r.place if isinstance(r, Refused) else r.row for r in found]
    assert places == [
        1,
        "block 1, record 2, I048/020",
        3,
        "block 2",
        5,
        "block 3, record 2, I048/FSPEC",
        7,
        "block 5",
    ]


def test_north_marks_number_the_scans_and_status_is_obeyed():
    table = (radar(period_s=4.0),)
    north = encode_north(table[0], NOON_NS, 4.0)

    def at(seconds):
        sent = one_plot(2e5, 1.0, 0.1, NOON_NS + round(seconds * S))
        return encode_plots(sent, table).blocks[0]

    records = said(at(-1.0) + north + at(-0.5) + at(0.0) + at(3.9) + at(20.0), radars=table)
    mark = records[1]
    assert mark == Mark(0, NOON_NS, None)
    scans = [record.scan for record in records if isinstance(record, Report)]
    slots = [(NOON_NS - S) // (4 * S), (NOON_NS + 20 * S) // (4 * S)]
    assert scans == [slots[0], NOON_NS - 4 * S, NOON_NS, NOON_NS, slots[1]]
    for status, reason in ((0x80, "discarded"), (0x02, "clock is not valid")):
        sign = block(34, b"\xe4" + b"\xc8\x01\x01\x54\x60\x00" + b"\x80" + bytes((status,)))
        mark, refused = said(sign + at(1.0), radars=table)
        assert isinstance(mark, Mark) and reason in refused.reason


def test_a_feed_may_send_its_own_radars_only():
    sent = encode_plots(plots(1), RADARS).blocks[0]
    (refused,) = said(sent, radars_allowed=[1])
    assert "of no radar of this feed" in refused.reason


@pytest.mark.parametrize("name", ["2024-01-31_sado.ast", "sado-20240131.ast"])
def test_a_file_of_blocks(tmp_path, name):
    sent = plots(50, begin_ns=NOON_NS + 43_170 * S)
    path = tmp_path / name
    path.write_bytes(b"".join(encode_plots(sent, RADARS).blocks) + b"\x0f\x00")
    for size in (1 << 21, 100):
        got, refused = read_plots(path, RADARS, settings=SensingSettings(block_bytes=size))
        assert got.time_ns.tolist() == sent.time_ns.tolist()
        assert abs(got.range_m - sent.range_m).max() <= 0.051
        assert [r.row for r in refused] == [51] and "breaks off" in refused[0].reason


def test_a_file_without_a_date(tmp_path):
    path = tmp_path / "sado.ast"
    path.write_bytes(encode_plots(plots(1), RADARS).blocks[0])
    with pytest.raises(InputError, match="name it as in"):
        read_plots(path, RADARS)


@pytest.mark.skipif(not RECORDING.is_file(), reason="the recordings are not here (SKYPACT_SHARED)")
def test_a_real_recording():
    """Each datagram of it was recorded twice; all 64 reports carry a flight level, or none."""
    table = [
        radar(str(code), code & 0xFF, sac=code >> 8, elevation_sigma_rad=math.radians(1.0))
        for code in (6411, 6412, 6413, 6414, 6601, 6604, 6605)
    ]
    got, refused = read_plots(RECORDING, table)
    assert len(got.time_ns) == 63
    assert all("duplicate" in r.reason or "no detection" in r.reason for r in refused)
    assert abs(got.time_ns - 1_462_433_756 * S).max() < 15 * S
    # Aircraft: none above 15 km, none below the ground.
    heights = [
        height_m(site_of(table[i]), *place)
        for i, *place in zip(
            got.radar, got.range_m, got.azimuth_rad, got.elevation_rad, strict=True
        )
    ]
    assert min(heights) > -200.0 and max(heights) < 15_000.0
    whole = list(reader(table).records(_recorded(), 1_462_433_756 * S))
    assert sum(isinstance(record, Mark) for record in whole) == 34


def _recorded() -> bytes:
    from skypact.sensing.asterix_files import _datagrams

    with RECORDING.open("rb") as file:
        return b"".join(chunk.blocks for chunk in _datagrams(RECORDING, file))


def test_a_hundred_thousand_mutated_blocks():
    """None raises, hangs, or makes the reader grow; what is read is finite and has its place."""
    rng = np.random.default_rng(7)
    originals = [
        encode_plots(plots(1, seed=1), RADARS).blocks[0],
        block(48, record_048(**HEIGHT)),
        block(48, record_048(i090=b"\x04\xb0", i030=b"\x03\x04", i170=b"\x41\x00")),
        encode_north(RADARS[0], NOON_NS, 4.0),
    ]
    one = reader((radar(elevation_sigma_rad=math.radians(1.0)), RADARS[1]))
    counts = {Report: 0, Refused: 0, Mark: 0}
    before = 0
    places, octets = rng.integers(1 << 30, size=(100_000, 4)), rng.bytes(300_000)
    for number in range(100_000):
        if number == 98_000:
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
        text = bytearray(originals[number % len(originals)])
        for i in range(1 + number % 3):
            text[places[number, i] % len(text)] = octets[3 * number + i]
        if number % 5 == 0:
            del text[places[number, 3] % (len(text) + 1) :]
        for record in one.records(bytes(text), NOON_NS):
            counts[type(record)] += 1
            if isinstance(record, Report):
                assert all(map(math.isfinite, record[3:6]))
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert min(counts.values()) > 1_000
    assert after - before < 20_000


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_octets(data):
    for record in said(data):
        assert isinstance(record, Report | Mark | Refused)


def test_a_block_of_empty_records_ends_soon():
    found = said(block(48, bytes(65_000)))
    assert len(found) == 4097 and "more than 4,096" in found[-1].reason
