"""ASTERIX blocks to plots and back: target reports (CAT048, CAT015) and service messages (CAT034).

A radar is known by its `sac` and `sic`. What cannot be used is refused record by record, with its
place and a reason, and the rest goes on; after a record that breaks off, the rest of its block
cannot be found. What is used, and how wrong it may be:

- Slant range and azimuth as they stand: steps of 1/256 NM (CAT048) or 0.1 m (CAT015), and of
  360°/2¹⁶; the error that a step makes must not exceed what the radar table states.
- Elevation: CAT015 measures it (I015/628). Else it follows from slant range and a height: the
  geometric one of CAT015 (I015/601), that of a 3D radar above the sea (I048/110), or a validated
  flight level (I048/090), each with the error that `[sensing]` of the settings states. A plot whose
  elevation would be less certain by it than the radar table states is refused, and so is one
  without any height.
- Time of day, in 1/128 s: the moment nearest to when it came, so that midnight is no matter.
- No Doppler: neither category says which sign it has for what comes nearer. No range rate of
  CAT015 either: it is made of the ranges, and would count them twice.

North marks (CAT034) number the scans: each begins one, whose number is its time. Where none came
for more than a turn and a half, plots are numbered by `period_s` as those of files are.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import Plots, Radar
from skypact.sensing.asterix_height import elevation_from_height, height_m, site_of
from skypact.sensing.asterix_layout import Fault, Layout, Span, layout_of
from skypact.sensing.plot_rows import (
    NANOSECONDS_PER_SECOND,
    RadarTable,
    RawRows,
    RefusedRows,
    usable_plots,
)
from skypact.sensing.refraction import apparent_elevation, geometric_elevation
from skypact.settings import SensingSettings

CATEGORIES = (15, 34, 48)
HEADER_OCTETS = 3
GREATEST_RECORDS = 4096
"""Of one block; plots of real radars take 16 octets at least, and a block has 65,535 at most."""

_NM_M = 1852.0
_FOOT_M = 0.3048
_TICKS_S = 128
_TICK_NS = NANOSECONDS_PER_SECOND // _TICKS_S
_DAY_S = 86_400
_DAY_NS = _DAY_S * NANOSECONDS_PER_SECOND
_DEG_PER_TURN_STEP = 360.0 / 2**16
_UNIFORM = 1.0 / math.sqrt(12.0)
"""Standard deviation of what rounding to steps of 1 leaves."""
_RANGE_STEP_M = {15: 0.1, 48: _NM_M / 256.0}
_ELEVATION_STEP_DEG = 180.0 / 2**16
_SIGMA_STEP_DEG = 45.0 / 2**16
_HEIGHT_STEP_M = 25.0 * _FOOT_M
_FLIGHT_LEVEL_STEP_M = 25.0 * _FOOT_M
_GREATEST_RANGE_M = {15: 0.1 * (2**23 - 1), 48: _NM_M / 256.0 * (2**16 - 1)}
_GREATEST_3D_STEP = 2**13 - 1

_SOURCE = "set sac and sic of the radar in the radars file"
_FEED = "correct the feed"
_NO_PLOT = "send target reports that are plots"


class Refused(NamedTuple):
    """A record that is not used. `row` counts records from 1; `place` is block, record, item."""

    row: int
    place: str
    reason: str
    remedy: str


class Report(NamedTuple):
    """One target report as the radar's feed gives it; `snr_db` NaN: not given."""

    row: int
    time_ns: int
    radar: int
    range_m: float
    azimuth_deg: float
    elevation_deg: float
    snr_db: float
    scan: int


class Mark(NamedTuple):
    """A north or sector mark: a radar is alive. `azimuth_deg` None: north."""

    radar: int
    time_ns: int
    azimuth_deg: float | None


class Signs(NamedTuple):
    """Signs of life of one radar, UTC ns since 1970; None: not yet.

    `period_s` of its last turn; `released`: it does not say that its plots must be discarded;
    `clock_valid`: it does not say that its time is wrong.
    """

    mark_ns: int | None = None
    north_ns: int | None = None
    report_ns: int | None = None
    period_s: float | None = None
    released: bool = True
    clock_valid: bool = True


class AsterixReader:
    """Reads blocks of known radars; keeps of each when it last passed north.

    `exercise`: simulated and test reports are used as well. `radars_allowed`: indices into the
    table; a report of another is refused. `recorded`: blocks follow one another in time, so each
    report is near the newest; else near the reference that is given.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        settings: SensingSettings,
        *,
        exercise: bool = False,
        recorded: bool = False,
        radars_allowed: Sequence[int] | None = None,
    ) -> None:
        self._radars = tuple(radars)
        self._sites = [site_of(radar) for radar in radars]
        self._table = RadarTable(radars)
        self._settings = settings
        self._exercise, self._recorded = exercise, recorded
        self._reference_ns = 0
        allowed = range(len(radars)) if radars_allowed is None else radars_allowed
        self._by_source = {
            (radars[i].sac, radars[i].sic): i for i in allowed if radars[i].sac is not None
        }
        self._layouts = {category: layout_of(category) for category in CATEGORIES}
        self._blocks = self._rows = 0
        self.signs: dict[int, Signs] = {}
        """By index into the radar table."""

    def records(self, data: bytes, reference_ns: int) -> Iterator[Report | Mark | Refused]:
        """What each record of some blocks says, in order, given the time that it is about."""
        at, self._reference_ns = 0, reference_ns
        while at < len(data):
            self._blocks += 1
            if len(data) - at < HEADER_OCTETS:
                yield self._refused_block("breaks off in its head", "send whole blocks")
                return
            length = int.from_bytes(data[at + 1 : at + 3], "big")
            if length < HEADER_OCTETS:
                yield self._refused_block(f"says that it has {length} octets", _FEED)
                return
            end = at + length
            if end > len(data):
                yield self._refused_block("breaks off", "send whole blocks")
                return
            yield from self._block(data, at, end)
            at = end

    def read(self, data: bytes, reference_ns: int) -> tuple[Plots, list[RefusedRows]]:
        """The plots of some blocks, SI and checked as all plots are, and the records refused."""
        return self.plots_of(list(self.records(data, reference_ns)))

    def plots_of(
        self, records: Sequence[Report | Mark | Refused]
    ) -> tuple[Plots, list[RefusedRows]]:
        """The plots among some records, and what was refused."""
        raw = raw_rows(records, self._table.ids, bytes_read=0)
        sourced, refused = usable_plots(raw, 0, self._table, self._settings)
        return sourced.plots, refused

    def _block(self, data: bytes, begin: int, end: int) -> Iterator[Report | Mark | Refused]:
        category, at, number = data[begin], begin + HEADER_OCTETS, 0
        layout = self._layouts.get(category)
        if layout is None:
            known = ", ".join(f"{known:03}" for known in CATEGORIES)
            yield self._refused_block(f"is of category {category:03}", f"send {known}")
            return
        while at < end:
            number += 1
            self._rows += 1
            place = f"block {self._blocks}, record {number}"
            if number > GREATEST_RECORDS:
                remedy = "send smaller blocks"
                yield Refused(
                    self._rows, place, f"a block has more than {GREATEST_RECORDS:,} records", remedy
                )
                return
            try:
                items, at = layout.record(data, at, end)
            except Fault as fault:
                reason = f"{fault.reason}; the rest of the block is lost"
                yield Refused(self._rows, f"{place}, {fault.item}", reason, _FEED)
                return
            record = _Record(layout, data, items)
            try:
                found = self._record(record)
            except _Unfit as unfit:
                item = f", I{category:03}/{unfit.item}" if unfit.item else ""
                yield Refused(self._rows, place + item, unfit.reason, unfit.remedy)
            except Fault as fault:
                yield Refused(self._rows, f"{place}, {fault.item}", fault.reason, _FEED)
            else:
                if found is not None:
                    yield found

    def _refused_block(self, reason: str, remedy: str) -> Refused:
        self._rows += 1
        return Refused(self._rows, f"block {self._blocks}", f"the block {reason}", remedy)

    def _record(self, record: "_Record") -> Report | Mark | None:
        radar = self._radar(record)
        if record.category == 34:
            return self._service(record, radar)
        self._require_released(radar)
        report = self._report(record, radar)
        signs = self.signs.get(radar, Signs())
        newest_ns = max(report.time_ns, signs.report_ns or 0)
        self.signs[radar] = signs._replace(report_ns=newest_ns)
        return report

    def _radar(self, record: "_Record") -> int:
        sac, sic = record.octets("010")
        radar = self._by_source.get((sac, sic))
        if radar is None:
            reason = f"SAC {sac}, SIC {sic} is of no radar of this feed"
            raise _Unfit("010", reason, _SOURCE)
        return radar

    def _require_released(self, radar: int) -> None:
        signs = self.signs.get(radar, Signs())
        if not signs.clock_valid:
            raise _Unfit("", "the radar says that its clock is not valid", "set the radar's clock")
        if not (signs.released or self._exercise):
            reason = "the radar says that its plots must be discarded"
            raise _Unfit("", reason, "release the radar for operation")

    def _service(self, record: "_Record", radar: int) -> Mark | None:
        """A north or sector mark; of other messages only the status is noted."""
        (kind,) = record.octets("000")
        signs = self.signs.get(radar, Signs())
        if "050" in record.items:
            parts = record.parts("050")
            if "COM" in parts:
                status = record.data[parts["COM"].begin]
                signs = signs._replace(released=not status & 0x80, clock_valid=not status & 0x02)
        if "041" in record.items:
            period_s = record.unsigned("041") / _TICKS_S
            signs = signs._replace(period_s=period_s or None)
        self.signs[radar] = signs
        if kind not in (1, 2):
            return None
        time_ns = record.time_ns("030", self._reference_ns)
        north_ns = time_ns if kind == 1 else signs.north_ns
        self.signs[radar] = signs._replace(mark_ns=time_ns, north_ns=north_ns)
        return Mark(radar, time_ns, None if kind == 1 else record.unsigned("020") * 360.0 / 256)

    def _report(self, record: "_Record", radar: int) -> Report:
        read = self._cat015 if record.category == 15 else self._cat048
        range_m, azimuth_deg, elevation_deg, snr_db = read(record, radar)
        time_ns = record.time_ns("145" if record.category == 15 else "140", self._reference_ns)
        if self._recorded:
            self._reference_ns = max(self._reference_ns, time_ns)
        scan = self._scan(radar, time_ns)
        row = self._rows
        return Report(row, time_ns, radar, range_m, azimuth_deg, elevation_deg, snr_db, scan)

    def _scan(self, radar: int, time_ns: int) -> int:
        signs = self.signs.get(radar, Signs())
        period_s = signs.period_s or self._radars[radar].period_s
        if signs.north_ns is not None and period_s is not None:
            since_s = (time_ns - signs.north_ns) / NANOSECONDS_PER_SECOND
            if 0.0 <= since_s < 1.5 * period_s:
                return signs.north_ns
            if -period_s < since_s < 0.0:
                return signs.north_ns - round(period_s * NANOSECONDS_PER_SECOND)
        return time_ns // int(self._table.slot_ns[radar])

    def _cat048(self, record: "_Record", radar: int) -> tuple[float, float, float, float]:
        self._require_plot_048(record)
        position = record.unsigned("040")
        range_m = (position >> 16) * _RANGE_STEP_M[48]
        azimuth_deg = (position & 0xFFFF) * _DEG_PER_TURN_STEP
        if not range_m:
            raise _Unfit("040", "range is 0", _FEED)
        self._require_fine(48, radar)
        settings = self._settings
        if "110" in record.items:
            step = record.signed("110", 14)
            height, own_m, item = step * _HEIGHT_STEP_M, _HEIGHT_STEP_M * _UNIFORM, "110"
            if step in (_GREATEST_3D_STEP, -_GREATEST_3D_STEP - 1):
                reason = "height is at the end of what its field holds (62 km)"
                raise _Unfit("110", reason, "send objects so high as CAT015")
        elif "090" in record.items:
            level = record.unsigned("090")
            if level & 0xC000:
                reason = "flight level is garbled or not validated, and there is no other height"
                raise _Unfit("090", reason, "send validated levels, or heights of a 3D radar")
            height = record.signed("090", 14) * _FLIGHT_LEVEL_STEP_M
            share_m = settings.flight_level_sigma_share * abs(height)
            own_m, item = math.hypot(settings.flight_level_sigma_m, share_m), "090"
        else:
            reason = "there is neither a height (I048/110) nor a flight level (I048/090)"
            raise _Unfit("", f"{reason}, so no elevation", "send heights, or CAT015")
        sigma_m = math.hypot(own_m, settings.sea_level_sigma_m)
        elevation_deg = self._elevation_deg(item, radar, range_m, azimuth_deg, height, sigma_m)
        return range_m, azimuth_deg, elevation_deg, math.nan

    def _require_plot_048(self, record: "_Record") -> None:
        descriptor = record.bytes("020")
        if not descriptor[0] & 0xE0:
            raise _Unfit("020", "no detection, the position is foretold", _NO_PLOT)
        simulated = descriptor[0] & 0x10 or (len(descriptor) > 1 and descriptor[1] & 0x80)
        self._require_real("020", bool(simulated))
        if descriptor[0] & 0x02:
            raise _Unfit("020", "a fixed transponder, no flying object", "leave such reports out")
        if len(descriptor) > 1 and descriptor[1] & 0x40:
            reason = "range is beyond what I048/040 holds (474 km)"
            raise _Unfit("020", reason, "send objects so far as CAT015")

    def _require_real(self, item: str, simulated: bool) -> None:
        if simulated and not self._exercise:
            reason = "a simulated or test target, and this is no exercise"
            raise _Unfit(item, reason, "send it to a node that runs an exercise")

    def _cat015(self, record: "_Record", radar: int) -> tuple[float, float, float, float]:
        self._require_plot_015(record)
        self._require_fine(15, radar)
        table = self._radars[radar]
        ranges = record.parts("625")
        if "R" not in ranges:
            raise _Unfit("625", "there is no range", _FEED)
        range_m = record.signed_at(ranges["R"]) * _RANGE_STEP_M[15]
        if abs(range_m) >= _GREATEST_RANGE_M[15]:
            reason = "range is at the end of what its field holds (838 km)"
            raise _Unfit("625", reason, "send plots so far as JSON lines or MessagePack")
        self._require_stated(record, "625", ranges.get("SDR"), 0.1, table.range_sigma_m)
        azimuths = record.parts("627")
        if "AZ" not in azimuths:
            raise _Unfit("627", "there is no azimuth", _FEED)
        azimuth_deg = record.unsigned_at(azimuths["AZ"]) * _DEG_PER_TURN_STEP
        step_rad = math.radians(_SIGMA_STEP_DEG)
        sigma_rad = table.azimuth_sigma_rad
        self._require_stated(record, "627", azimuths.get("SDASZ"), step_rad, sigma_rad)
        elevations = record.parts("628") if "628" in record.items else {}
        if "EL" in elevations:
            elevation_deg = record.signed_at(elevations["EL"]) * _ELEVATION_STEP_DEG
            sigma_rad = table.elevation_sigma_rad
            self._require_stated(record, "628", elevations.get("SDEL"), step_rad, sigma_rad)
        else:
            elevation_deg = self._elevation_015(record, radar, range_m, azimuth_deg)
        quality = record.parts("630") if "630" in record.items else {}
        snr_db = float(record.signed_at(quality["DPS"])) if "DPS" in quality else math.nan
        return range_m, azimuth_deg, elevation_deg, snr_db

    def _require_plot_015(self, record: "_Record") -> None:
        kind = record.octets("000")[0] >> 1
        if kind not in (1, 3):
            reason = "a track, whose errors are alike over time" if kind in (2, 4) else "no plot"
            raise _Unfit("000", reason, _NO_PLOT)
        if "020" in record.items:
            descriptor = record.bytes("020")[0]
            if descriptor >> 6:
                reason = "not of one radar alone, so its range is no distance from the radar"
                raise _Unfit("020", reason, "send monostatic plots")
            taxonomy = descriptor >> 4 & 0x03
            if taxonomy == 1:
                raise _Unfit("020", "a reference target", "leave such reports out")
            self._require_real("020", taxonomy > 1)

    def _elevation_015(
        self, record: "_Record", radar: int, range_m: float, azimuth_deg: float
    ) -> float:
        heights = record.parts("601") if "601" in record.items else {}
        if "GH" not in heights:
            reason = "there is neither an elevation (I015/628) nor a height (I015/601)"
            raise _Unfit("", reason, "send one of them with each plot")
        if "SDGH" not in heights:
            raise _Unfit("601", "a height without its precision (SDGH)", "send it as well")
        height = record.signed_at(heights["GH"]) * 0.01
        sigma_m = record.unsigned_at(heights["SDGH"]) * 0.01
        return self._elevation_deg("601", radar, range_m, azimuth_deg, height, sigma_m)

    def _require_stated(
        self, record: "_Record", item: str, span: Span | None, step: float, sigma: float
    ) -> None:
        """Refuse what says of itself that it is worse than its radar."""
        if span is None:
            return
        stated = record.unsigned_at(span) * step
        if stated > self._settings.stated_sigma_ratio * sigma:
            reason = "the report states a greater error than the radar table"
            raise _Unfit(item, reason, "correct the radar's sigma in the radars file")

    def _require_fine(self, category: int, radar: int) -> None:
        """Refuse a format whose steps are coarser than the radar is said to be."""
        table = self._radars[radar]
        coarse_m = _RANGE_STEP_M[category] * _UNIFORM
        coarse_rad = math.radians(_DEG_PER_TURN_STEP) * _UNIFORM
        if table.range_sigma_m < coarse_m or table.azimuth_sigma_rad < coarse_rad:
            reason = f"CAT{category:03} has coarser steps than the radar table states as errors"
            remedy = (
                f"state range_sigma_m of {coarse_m:.2g} and azimuth_sigma_deg of "
                f"{math.degrees(coarse_rad):.2g} at least, or send JSON lines or MessagePack"
            )
            raise _Unfit("", reason, remedy)

    def _elevation_deg(
        self,
        item: str,
        radar: int,
        range_m: float,
        azimuth_deg: float,
        height: float,
        sigma_m: float,
    ) -> float:
        """The elevation from a height, apparent where the radar's are; refused if too uncertain."""
        table = self._radars[radar]
        found = None
        if range_m > 0.0:
            azimuth_rad = math.radians(azimuth_deg)
            found = elevation_from_height(self._sites[radar], range_m, azimuth_rad, height)
        if found is None:
            raise _Unfit(item, "nothing in that range is at that height", _FEED)
        allowed_rad = math.hypot(table.elevation_sigma_rad, table.elevation_bias_sigma_rad)
        if sigma_m * found.rad_per_m > allowed_rad:
            reason = "the elevation that follows from the height is less certain than the radar's"
            remedy = (
                "state a greater elevation_sigma_deg or elevation_bias_sigma_deg in the radars "
                "file, or send elevations (CAT015)"
            )
            raise _Unfit(item, reason, remedy)
        elevation_rad = found.elevation_rad
        if table.refracted:
            elevation_rad = float(apparent_elevation(elevation_rad, table.height_m))
        return math.degrees(elevation_rad)


class _Unfit(Exception):  # noqa: N818 - never leaves the reader: it becomes a refused record
    """Why a whole record is not used."""

    def __init__(self, item: str, reason: str, remedy: str) -> None:
        self.item, self.reason, self.remedy = item, reason, remedy
        super().__init__(reason)


class _Record(NamedTuple):
    """One record: where its items stand in the data."""

    layout: Layout
    data: bytes
    items: dict[str, Span]

    @property
    def category(self) -> int:
        return self.layout.category

    def bytes(self, item: str) -> bytes:
        """The item's octets; refuses the record where it is not there."""
        if item not in self.items:
            raise _Unfit(item, "is missing", "send it with each report")
        span = self.items[item]
        return self.data[span.begin : span.end]

    def octets(self, item: str) -> tuple[int, ...]:
        return tuple(self.bytes(item))

    def parts(self, item: str) -> dict[str, Span]:
        self.bytes(item)
        return self.layout.compound(self.data, item, self.items[item])

    def unsigned(self, item: str) -> int:
        return int.from_bytes(self.bytes(item), "big")

    def signed(self, item: str, bits: int) -> int:
        """The last so many bits, in two's complement."""
        value = self.unsigned(item) & ((1 << bits) - 1)
        return value - (1 << bits) if value >> (bits - 1) else value

    def unsigned_at(self, span: Span) -> int:
        return int.from_bytes(self.data[span.begin : span.end], "big")

    def signed_at(self, span: Span) -> int:
        return int.from_bytes(self.data[span.begin : span.end], "big", signed=True)

    def time_ns(self, item: str, reference_ns: int) -> int:
        """The moment nearest to the reference at which the day's clock stood so."""
        ticks = self.unsigned(item)
        if ticks >= _DAY_S * _TICKS_S:
            raise _Unfit(item, "the time of day is beyond a day", "set the radar's clock")
        return near_time_ns(ticks * _TICK_NS, reference_ns)


def near_time_ns(of_day_ns: int, reference_ns: int) -> int:
    """UTC since 1970 at which it is so long after midnight, within 12 h of the reference."""
    midnight_ns = (reference_ns - of_day_ns + _DAY_NS // 2) // _DAY_NS * _DAY_NS
    return midnight_ns + of_day_ns


def raw_rows(
    records: Sequence[Report | Mark | Refused],
    ids: Sequence[str],
    bytes_read: int,
    notes: tuple[str, ...] = (),
) -> RawRows:
    """Records as rows of a plot file: the reports as columns, the refused by their reasons."""
    import pyarrow as pa

    reports = [record for record in records if isinstance(record, Report)]
    columns = list(zip(*reports, strict=True)) or [()] * len(Report._fields)
    rows, time_ns, radar, range_m, azimuth_deg, elevation_deg, snr_db, scan = columns
    numbers = {
        "range_m": range_m,
        "azimuth_deg": azimuth_deg,
        "elevation_deg": elevation_deg,
        "snr_db": snr_db,
    }
    arrays = {name: pa.array(column, pa.float64()) for name, column in numbers.items()}
    arrays["time"] = pa.array(time_ns, pa.int64())
    arrays["radar"] = pa.array([ids[index] for index in radar], pa.string())
    arrays["scan"] = pa.array(scan, pa.int64())
    return RawRows(arrays, np.array(rows, np.int64), _by_reason(records), bytes_read, notes)


def _by_reason(records: Sequence[Report | Mark | Refused]) -> tuple[RefusedRows, ...]:
    groups: dict[tuple[str, str], list[Refused]] = {}
    for record in records:
        if isinstance(record, Refused):
            groups.setdefault((record.reason, record.remedy), []).append(record)
    return tuple(_group(reason, remedy, those) for (reason, remedy), those in groups.items())


def _group(reason: str, remedy: str, those: list[Refused]) -> RefusedRows:
    rows = np.array([record.row for record in those], np.int64)
    return RefusedRows(rows, reason, remedy, lambda i: those[i].place)


class Encoded(NamedTuple):
    """Blocks, and which plots (m,) a format cannot hold, with the reason of each."""

    blocks: tuple[bytes, ...]
    left_out: NDArray[np.int64]
    reasons: tuple[str, ...]


# Which items are written; the tests hold them against libasterix.
_FLAGS_015 = {False: b"\xd5\x01\x05\xc0", True: b"\xd5\x01\x05\xe0"}
"""010, 000, 020, 145, 625, 627, 628; and 630."""
_FLAGS_034 = {False: b"\xe0", True: b"\xe8"}
"""010, 000, 030; and 041."""
_FLAGS_048 = b"\xf1\x01\x08"
"""010, 140, 020, 040, 110."""
_FIRST_PART = b"\x80"
"""Of the parts of a compound item, the first."""
_SECOND_PART = b"\x40"
_EVENT_DRIVEN_PLOT = 1 << 1 | 1
_PRIMARY_PLOT = 1 << 5


def encode_plots(
    plots: Plots, radars: Sequence[Radar], category: int = 15, *, block_records: int = 40
) -> Encoded:
    """Plots, as their radars' feeds give them, to blocks of CAT015 or CAT048.

    Elevations are those of the feed: apparent where the radar is `refracted`. CAT048 carries the
    height in place of them. What lies outside of a format's limits is left out, never wrapped.
    Range rate and the scan's number are not carried; of CAT048, neither is the SNR.
    Raises InputError where a radar has no `sac` and `sic`.
    """
    for index in np.unique(plots.radar):
        if radars[index].sac is None:
            raise InputError(f"radar {radars[index].id}", "has no sac and sic", _SOURCE)
    records: list[bytes] = []
    left_out: list[int] = []
    reasons: list[str] = []
    encode = _encode_015 if category == 15 else _encode_048
    for i in range(len(plots.time_ns)):
        try:
            records.append(encode(plots, i, radars[plots.radar[i]]))
        except _Unfit as unfit:
            left_out.append(i)
            reasons.append(unfit.reason)
    blocks = tuple(
        _block_of(category, records[first : first + block_records])
        for first in range(0, len(records), block_records)
    )
    return Encoded(blocks, np.array(left_out, np.int64), tuple(reasons))


def encode_north(radar: Radar, time_ns: int, period_s: float | None = None) -> bytes:
    """A north mark (CAT034) as a block; its time is rounded to 1/128 s."""
    if radar.sac is None or radar.sic is None:
        raise InputError(f"radar {radar.id}", "has no sac and sic", _SOURCE)
    turn = b""
    if period_s is not None:
        turn = _step("041", period_s, 1 / _TICKS_S, 0, 2**16 - 1).to_bytes(2, "big")
    head = _FLAGS_034[bool(turn)] + bytes((radar.sac, radar.sic, 1))
    return _block_of(34, [head + _day_ticks(time_ns) + turn])


def _block_of(category: int, records: Sequence[bytes]) -> bytes:
    body = b"".join(records)
    return bytes((category,)) + (HEADER_OCTETS + len(body)).to_bytes(2, "big") + body


def _encode_015(plots: Plots, i: int, radar: Radar) -> bytes:
    range_step = _step("625", float(plots.range_m[i]), _RANGE_STEP_M[15], 1, 2**23 - 2)
    elevation_deg = math.degrees(float(plots.elevation_rad[i]))
    elevation = _step("628", elevation_deg, _ELEVATION_STEP_DEG, -(2**15), 2**15 - 1)
    snr_db, quality = float(plots.snr_db[i]), b""
    if not math.isnan(snr_db):
        step = _step("630", snr_db, 1.0, -(2**7), 2**7 - 1)
        quality = _SECOND_PART + step.to_bytes(1, "big", signed=True)
    return b"".join(
        (
            _FLAGS_015[bool(quality)],
            bytes((radar.sac or 0, radar.sic or 0, _EVENT_DRIVEN_PLOT, 0)),
            _day_ticks(int(plots.time_ns[i])),
            _FIRST_PART + range_step.to_bytes(3, "big"),
            _FIRST_PART + _azimuth(plots, i),
            _FIRST_PART + elevation.to_bytes(2, "big", signed=True),
            quality,
        )
    )


def _encode_048(plots: Plots, i: int, radar: Radar) -> bytes:
    range_m, elevation_rad = float(plots.range_m[i]), float(plots.elevation_rad[i])
    range_step = _step("040", range_m, _RANGE_STEP_M[48], 1, 2**16 - 1)
    if radar.refracted:
        elevation_rad = float(geometric_elevation(elevation_rad, radar.height_m))
    height = height_m(site_of(radar), range_m, float(plots.azimuth_rad[i]), elevation_rad)
    height_step = _step("110", height, _HEIGHT_STEP_M, -_GREATEST_3D_STEP, _GREATEST_3D_STEP - 1)
    return b"".join(
        (
            _FLAGS_048,
            bytes((radar.sac or 0, radar.sic or 0)),
            _day_ticks(int(plots.time_ns[i])),
            bytes((_PRIMARY_PLOT,)),
            range_step.to_bytes(2, "big"),
            _azimuth(plots, i),
            (height_step & 0x3FFF).to_bytes(2, "big"),
        )
    )


def _step(item: str, value: float, step: float, low: int, high: int) -> int:
    """The whole number of steps; refused where the field does not hold it."""
    if not math.isfinite(value) or not low <= (steps := round(value / step)) <= high:
        reason = f"{value:.6g} is outside {low * step:.6g} to {high * step:.6g}"
        raise _Unfit(item, f"{item} of {reason}", "send it in another format")
    return steps


def _azimuth(plots: Plots, i: int) -> bytes:
    steps = round(math.degrees(float(plots.azimuth_rad[i])) / _DEG_PER_TURN_STEP)
    return (steps % 2**16).to_bytes(2, "big")


def _day_ticks(time_ns: int) -> bytes:
    ticks = (time_ns + _TICK_NS // 2) // _TICK_NS % (_DAY_S * _TICKS_S)
    return ticks.to_bytes(3, "big")
