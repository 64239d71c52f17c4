"""Rows of a plot file to plots in SI units: what each cell must be, and why a row is refused.

A reader (`plot_csv`, `plot_parquet`) hands over blocks of rows as Arrow columns. Every check here
works on whole columns; single rows are looked at only where they are refused and listed.
"""

import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import Plots, Radar, Rejection
from skypact.sensing.refraction import geometric_elevation
from skypact.settings import SensingSettings

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED_COLUMNS = ("time", "radar", "range_m", "azimuth_deg", "elevation_deg")
OPTIONAL_COLUMNS = ("range_rate_m_s", "snr_db", "scan")
COLUMNS = REQUIRED_COLUMNS + OPTIONAL_COLUMNS

NANOSECONDS_PER_SECOND = 1_000_000_000
_LAST_SECOND = (2**63 - 1) // NANOSECONDS_PER_SECOND - 1
"""In 2262, the last whole second that int64 nanoseconds hold."""
_GREATEST_INT64 = 2**63 - 1
_SHOWN_CHARACTERS = 60

_ISO_8601 = (
    r"\A(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d))?)?)?\z"
)
_NUMBER = r"\A[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:nan|inf|infinity))\z"
_INTEGER = r"\A(?P<sign>[+-]?)0*(?P<digits>\d{1,19})\z"

_TIME_REMEDY = "write it as 2024-01-31T12:00:00.000000000Z, between 1970 and 2262"


class RefusedRows(NamedTuple):
    """Rows refused for one reason.

    `rows` int64 (n,): their numbers, ascending. `detail(i)` tells what stood in the i-th of them;
    it is asked only for rows that are listed.
    """

    rows: NDArray[np.int64]
    reason: str
    remedy: str
    detail: Callable[[int], str]


class RawRows(NamedTuple):
    """A block of n rows as a reader found them: the known columns, (n,) each, and row numbers.

    `refused` are the rows that are no rows at all; `bytes_read` counts from the file's start.
    `as_text`: the same rows with each cell as it stands in the file, where `columns` are already
    numbers; asked for only if a row is refused.
    """

    columns: dict[str, "pa.Array"]
    rows: NDArray[np.int64]
    refused: tuple[RefusedRows, ...]
    bytes_read: int
    notes: tuple[str, ...] = ()
    as_text: "Callable[[], RawRows] | None" = None


class SourcedPlots(NamedTuple):
    """n plots with the place each came from: `file` int32 (n,), `row` int64 (n,)."""

    plots: Plots
    file: NDArray[np.int32]
    row: NDArray[np.int64]

    def take(self, which: Any) -> "SourcedPlots":
        """The plots that an index, mask or slice selects, in its order."""
        plots = Plots._make(column[which] for column in self.plots)
        return SourcedPlots(plots, self.file[which], self.row[which])


def joined(blocks: Sequence[SourcedPlots]) -> SourcedPlots:
    """Blocks one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return no_plots()
    plots = Plots._make(map(np.concatenate, zip(*(b.plots for b in blocks), strict=True)))
    files = np.concatenate([block.file for block in blocks])
    return SourcedPlots(plots, files, np.concatenate([block.row for block in blocks]))


def no_plots() -> SourcedPlots:
    """Zero plots in the types of all others."""
    whole, real = np.empty(0, np.int64), np.empty(0, np.float64)
    plots = Plots(whole, np.empty(0, np.int32), real, real, real, real, real, whole)
    return SourcedPlots(plots, np.empty(0, np.int32), whole)


class RadarTable:
    """The radars as arrays (r,) by their index, and the ids to find them by.

    `offset` (r, 5): the known ones of range m, azimuth rad, elevation rad, range rate m/s, time s.
    """

    def __init__(self, radars: Sequence[Radar]) -> None:
        self.ids = tuple(radar.id for radar in radars)
        self.index = {radar.id: index for index, radar in enumerate(radars)}
        self.height_m = np.array([radar.height_m for radar in radars], dtype=np.float64)
        self.refracted = np.array([radar.refracted for radar in radars], dtype=bool)
        self.offset = np.array(
            [
                (
                    radar.range_bias_m,
                    radar.azimuth_bias_rad,
                    radar.elevation_bias_rad,
                    radar.range_rate_bias_m_s,
                    radar.time_bias_s,
                )
                for radar in radars
            ]
        ).reshape(-1, 5)
        self.slot_ns = np.array([_slot_ns(radar) for radar in radars], dtype=np.int64)
        by_name = sorted(range(len(radars)), key=lambda i: (radars[i].nation, radars[i].id))
        self.rank = np.empty(len(radars), dtype=np.int32)
        self.rank[by_name] = np.arange(len(radars), dtype=np.int32)

    def scan_of(self, radar: NDArray[np.int32], time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the period that a plot falls into; without a period, its time itself."""
        return time_ns // self.slot_ns[radar]

    def nearest(self, radar_id: str) -> str | None:
        """The known id most like this one."""
        near = difflib.get_close_matches(radar_id, self.ids, n=1)
        return near[0] if near else None


def _slot_ns(radar: Radar) -> int:
    if radar.period_s is None:
        return 1
    return max(1, round(radar.period_s * NANOSECONDS_PER_SECOND))


class RejectionLedger:
    """The refused rows of one file: the first `limit` listed, the others counted by reason."""

    def __init__(self, file: str, limit: int) -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self.remedies: dict[str, str] = {}
        self._room = limit
        self._unlisted: Counter[str] = Counter()

    def enter(self, refused: Iterable[RefusedRows]) -> list[Rejection]:
        """Count the rows and list, in row order, those there is room for."""
        groups = list(refused)
        for group in groups:
            self.counts[group.reason] += len(group.rows)
            self._unlisted[group.reason] += len(group.rows)
            self.remedies[group.reason] = group.remedy
        first = sorted(
            (int(row), which, i)
            for which, group in enumerate(groups)
            for i, row in enumerate(group.rows[: self._room])
        )[: self._room]
        self._room -= len(first)
        return [self._listed(groups[which], row, i) for row, which, i in first]

    def _listed(self, group: RefusedRows, row: int, i: int) -> Rejection:
        self._unlisted[group.reason] -= 1
        detail = group.detail(i)
        reason = f"{group.reason}: {detail}" if detail else group.reason
        return Rejection(file=self.file, row=row, reason=reason, remedy=group.remedy)

    def enter_whole_file(self, error: InputError) -> Rejection:
        """Refuse the file as one."""
        self.counts[error.reason] += 1
        self.remedies[error.reason] = error.remedy
        return Rejection(file=self.file, row=None, reason=error.reason, remedy=error.remedy)

    def remainder(self) -> list[Rejection]:
        """One rejection without a row per reason that has rows which were not listed."""
        return [
            Rejection(
                file=self.file,
                row=None,
                reason=f"{reason} … and {count:,} more",
                remedy=self.remedies[reason],
            )
            for reason, count in self._unlisted.items()
            if count > 0
        ]


class _Cells(NamedTuple):
    """A column's values (n,), and masks (n,) of the cells that gave none and why."""

    values: NDArray[Any]
    empty: NDArray[np.bool_]
    garbled: NDArray[np.bool_]


class _Sieve:
    """Takes rows of one block out, check by check; a row is refused for its first fault only."""

    def __init__(self, raw: RawRows) -> None:
        self.raw = raw
        self.sound = np.ones(len(raw.rows), dtype=bool)
        self.refused = list(raw.refused)

    def refuse(
        self,
        failed: NDArray[np.bool_],
        reason: str,
        remedy: str,
        detail: Callable[[int], str],
    ) -> None:
        """Refuse the rows of a mask; `detail` takes the index within the block."""
        which = np.flatnonzero(failed & self.sound)
        if len(which):
            self.sound[which] = False
            rows = self.raw.rows[which]
            self.refused.append(RefusedRows(rows, reason, remedy, lambda i: detail(int(which[i]))))

    def refuse_cells(self, column: str, failed: NDArray[np.bool_], fault: str, remedy: str) -> None:
        """Refuse the rows of a mask for what stands in one column."""
        self.refuse(failed, f"{column} {fault}", remedy, lambda i: self.shown(column, i))

    def shown(self, column: str, i: int) -> str:
        """The cell as it stands, shortened."""
        import pyarrow as pa

        cell = self.raw.columns[column][i]
        if not cell.is_valid:
            return ""
        if pa.types.is_string(cell.type):
            return shown(f'"{cell.as_py()}"')
        return shown(cell.cast(pa.string()).as_py())


def shown(text: str) -> str:
    """Text of a file as a person is shown it: printable and not too long."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: 2 * _SHOWN_CHARACTERS])
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def require_columns(file: str, names: Sequence[str]) -> tuple[str, ...]:
    """Check a file's column names; returns a note for the unknown ones, which are ignored.

    Raises InputError where a required column is missing or a known one is there twice.
    """
    for name in COLUMNS:
        if names.count(name) > 1:
            raise InputError(file, f'column "{name}" is there twice', "keep one of them")
    unknown = [name for name in names if name not in COLUMNS]
    for name in REQUIRED_COLUMNS:
        if name not in names:
            near = difflib.get_close_matches(name, unknown, n=1, cutoff=0.5)
            found = f'it has "{near[0]}"' if near else f"it has {shown(', '.join(names))}"
            remedy = f"name the columns {', '.join(REQUIRED_COLUMNS)}"
            raise InputError(file, f'column "{name}" is missing ({found})', remedy)
    if not unknown:
        return ()
    listed = ", ".join(shown(f'"{name}"') for name in unknown[:10])
    more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
    return (f"{file}: unknown columns are ignored: {listed}{more}",)


def usable_plots(
    raw: RawRows, file: int, radars: RadarTable, settings: SensingSettings
) -> tuple[SourcedPlots, list[RefusedRows]]:
    """The plots of a block in row order, SI units, elevations geometric; and the rows refused.

    Known offsets of the radars are taken off.
    """
    sourced, refused = _sifted(raw, file, radars, settings)
    if refused and raw.as_text is not None:
        sourced, refused = _sifted(raw.as_text(), file, radars, settings)
    plots = without_offsets(sourced.plots, radars)
    return _unrefracted(sourced._replace(plots=plots), radars), refused


def _sifted(
    raw: RawRows, file: int, radars: RadarTable, settings: SensingSettings
) -> tuple[SourcedPlots, list[RefusedRows]]:
    sieve = _Sieve(raw)
    time_ns = _times(sieve)
    radar = _radars(sieve, radars)
    range_m = _ranges(sieve, settings.max_range_km)
    sieve.refuse_cells(
        "range_m",
        range_m <= radars.offset[radar, 0],
        "is not above its radar's range_bias_m",
        "correct range_bias_m in the radars file",
    )
    azimuth_deg = _angles(sieve, "azimuth_deg", 0.0, 360.0)
    elevation_deg = _angles(sieve, "elevation_deg", -90.0, 90.0)
    range_rate_m_s = _optional(sieve, "range_rate_m_s")
    snr_db = _optional(sieve, "snr_db")
    scan = _scans(sieve)
    if scan is None:
        scan = radars.scan_of(radar, time_ns)
    plots = Plots(
        time_ns,
        radar,
        range_m,
        np.radians(np.where(azimuth_deg == 360.0, 0.0, azimuth_deg)),
        np.radians(elevation_deg),
        range_rate_m_s,
        snr_db,
        scan,
    )
    files = np.full(len(raw.rows), file, dtype=np.int32)
    everything = SourcedPlots(plots, files, raw.rows)
    return everything if sieve.sound.all() else everything.take(sieve.sound), sieve.refused


def without_offsets(plots: Plots, radars: RadarTable, sign: float = -1.0) -> Plots:
    """The plots less their radars' known offsets; with `sign` 1 as their feeds would give them."""
    if not radars.offset.any():
        return plots
    range_m, azimuth_rad, elevation_rad, rate_m_s, time_s = sign * radars.offset[plots.radar].T
    return plots._replace(
        time_ns=plots.time_ns + np.rint(time_s * NANOSECONDS_PER_SECOND).astype(np.int64),
        range_m=plots.range_m + range_m,
        azimuth_rad=np.mod(plots.azimuth_rad + azimuth_rad, 2.0 * math.pi),
        elevation_rad=plots.elevation_rad + elevation_rad,
        range_rate_m_s=plots.range_rate_m_s + rate_m_s,
    )


def _unrefracted(sourced: SourcedPlots, radars: RadarTable) -> SourcedPlots:
    plots = sourced.plots
    apparent = radars.refracted[plots.radar]
    if not apparent.any():
        return sourced
    elevation_rad = plots.elevation_rad.copy()
    height_m = radars.height_m[plots.radar[apparent]]
    elevation_rad[apparent] = geometric_elevation(elevation_rad[apparent], height_m)
    return sourced._replace(plots=plots._replace(elevation_rad=elevation_rad))


def _times(sieve: _Sieve) -> NDArray[np.int64]:
    cells, outside = _time_cells(sieve.raw.columns["time"])
    sieve.refuse_cells("time", cells.empty, "is empty", _TIME_REMEDY)
    sieve.refuse_cells("time", cells.garbled, "is not an ISO 8601 time", _TIME_REMEDY)
    sieve.refuse_cells("time", outside, "is outside 1970 to 2262", _TIME_REMEDY)
    return cells.values


def _radars(sieve: _Sieve, radars: RadarTable) -> NDArray[np.int32]:
    import pyarrow as pa

    column = sieve.raw.columns["radar"]
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    names = [name.strip() for name in column.dictionary.to_pylist()]
    known = np.array([radars.index.get(name, -1) for name in names] or [-1], dtype=np.int32)
    named = np.array([bool(name) for name in names] or [False])
    codes = _filled(column.indices)
    empty = _nulls(column.indices) | ~named[codes]
    radar = np.where(empty, np.int32(-1), known[codes])

    def unknown(i: int) -> str:
        near = radars.nearest(names[codes[i]])
        return shown(f'"{names[codes[i]]}"') + (f', did you mean "{near}"?' if near else "")

    sieve.refuse_cells("radar", empty, "is empty", "name the radar of each plot")
    remedy = "correct the id, or add the radar to the radars file"
    sieve.refuse(radar < 0, "unknown radar", remedy, unknown)
    return radar


def _ranges(sieve: _Sieve, max_range_km: float) -> NDArray[np.float64]:
    range_m = _finite(sieve, "range_m")
    remedy = "give the range from the radar in metres"
    sieve.refuse_cells("range_m", range_m <= 0.0, "is not above 0", remedy)
    beyond = f"is beyond {max_range_km:,g} km"
    remedy = "give the range in metres, or raise max_range_km under [sensing] in the settings"
    sieve.refuse_cells("range_m", range_m > max_range_km * 1000.0, beyond, remedy)
    return range_m


def _angles(sieve: _Sieve, column: str, low: float, high: float) -> NDArray[np.float64]:
    angle_deg = _finite(sieve, column)
    outside = (angle_deg < low) | (angle_deg > high)
    sieve.refuse_cells(column, outside, f"is outside {low:g} to {high:g}", "give it in degrees")
    return angle_deg


def _finite(sieve: _Sieve, column: str) -> NDArray[np.float64]:
    """A required column of finite numbers."""
    cells = _number_cells(sieve.raw.columns[column])
    sieve.refuse_cells(column, cells.empty, "is empty", "give a number")
    sieve.refuse_cells(column, cells.garbled, "is not a number", "give a number")
    sieve.refuse_cells(column, ~np.isfinite(cells.values), "is not finite", "give a finite number")
    return cells.values


def _optional(sieve: _Sieve, column: str) -> NDArray[np.float64]:
    """A column of finite numbers in which a cell may be empty or NaN: not measured."""
    if column not in sieve.raw.columns:
        return np.full(len(sieve.raw.rows), math.nan)
    cells = _number_cells(sieve.raw.columns[column])
    remedy = "give a number, or leave the cell empty"
    sieve.refuse_cells(column, cells.garbled, "is not a number", remedy)
    sieve.refuse_cells(column, np.isinf(cells.values), "is not finite", remedy)
    return cells.values


def _scans(sieve: _Sieve) -> NDArray[np.int64] | None:
    if "scan" not in sieve.raw.columns:
        return None
    cells = _integer_cells(sieve.raw.columns["scan"])
    remedy = "number the scan of every plot, or leave the column out"
    sieve.refuse_cells("scan", cells.empty, "is empty", remedy)
    sieve.refuse_cells("scan", cells.garbled, "is not a whole number", remedy)
    return cells.values


def _number_cells(array: "pa.Array") -> _Cells:
    """Numbers from text or any numeric type; NaN where there is none."""
    import pyarrow as pa

    if pa.types.is_float64(array.type):
        empty = _nulls(array)
        return _Cells(array.to_numpy(zero_copy_only=False), empty, np.zeros_like(empty))
    import pyarrow.compute as pc

    try:
        numbers = pc.cast(array, pa.float64(), safe=False)
        empty = _nulls(array)
    except pa.ArrowInvalid:
        text, empty = _trimmed(array)
        numbers = pc.cast(_only_matching(text, _NUMBER), pa.float64())
    garbled = _nulls(numbers) & ~empty
    return _Cells(numbers.to_numpy(zero_copy_only=False), empty, garbled)


def _integer_cells(array: "pa.Array") -> _Cells:
    """Whole numbers within ±(2⁶³ − 1) from text or any numeric type; 0 where there is none."""
    import pyarrow as pa

    if pa.types.is_string(array.type):
        return _integer_cells_from_text(array)
    empty = _nulls(array)
    if pa.types.is_int64(array.type):
        values = _filled(array)
        return _Cells(values, empty, values < -_GREATEST_INT64)
    import pyarrow.compute as pc

    if pa.types.is_integer(array.type):
        if pa.types.is_uint64(array.type):
            array = pc.if_else(pc.less_equal(array, _GREATEST_INT64), array, None)
        integers = pc.cast(array, pa.int64())
        return _Cells(_filled(integers), empty, _nulls(integers) & ~empty)
    numbers = _number_cells(array).values
    garbled = ~((numbers == np.floor(numbers)) & (np.abs(numbers) < _GREATEST_INT64))
    return _Cells(np.where(garbled, 0.0, numbers).astype(np.int64), empty, garbled & ~empty)


def _integer_cells_from_text(array: "pa.Array") -> _Cells:
    """Arrow takes hexadecimal numbers for integers too, but not for floats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.cast(array, pa.float64())
        values, empty = _filled(pc.cast(array, pa.int64())), _nulls(array)
        return _Cells(values, empty, values < -_GREATEST_INT64)
    except pa.ArrowInvalid:
        text, empty = _trimmed(array)
    parts = pc.extract_regex(text, _INTEGER)
    digits = pc.struct_field(parts, "digits")
    within = pc.less_equal(pc.utf8_lpad(digits, 19, "0"), str(_GREATEST_INT64))
    sizes = pc.cast(pc.if_else(within, digits, pa.scalar(None, pa.string())), pa.int64())
    negative = pc.fill_null(pc.equal(pc.struct_field(parts, "sign"), "-"), False)
    sign = np.where(negative.to_numpy(zero_copy_only=False), -1, 1)
    return _Cells(sign * _filled(sizes), empty, _nulls(sizes) & ~empty)


def _time_cells(array: "pa.Array") -> tuple[_Cells, NDArray[np.bool_]]:
    """UTC in ns since 1970, from text, a timestamp or int64 ns; and which lie outside int64."""
    import pyarrow as pa

    if pa.types.is_string(array.type):
        return _time_cells_from_text(array)
    ticks = _filled(array.view(pa.int64()))
    empty = _nulls(array)
    ns_per_tick = _ns_per_tick(array.type)
    outside = (ticks < 0) | (ticks >= _LAST_SECOND * (NANOSECONDS_PER_SECOND // ns_per_tick))
    time_ns = np.where(outside, 0, ticks) * ns_per_tick
    return _Cells(time_ns, empty, np.zeros_like(empty)), outside


def _ns_per_tick(arrow_type: "pa.DataType") -> int:
    """An integer column counts nanoseconds."""
    return {"s": 10**9, "ms": 10**6, "us": 10**3}.get(getattr(arrow_type, "unit", "ns"), 1)


def _time_cells_from_text(array: "pa.Array") -> tuple[_Cells, NDArray[np.bool_]]:
    """Arrow's own parser where all cells bear a zone or none does, else the grammar above."""
    import pyarrow as pa
    import pyarrow.compute as pc

    empty = _nulls(array)
    for zone in ("UTC", None):
        try:
            time_ns = _filled(pc.cast(pc.cast(array, pa.timestamp("ns", zone)), pa.int64()))
        except pa.ArrowInvalid:
            continue
        last_ns = _LAST_SECOND * NANOSECONDS_PER_SECOND
        outside = (time_ns < 0) | (time_ns >= last_ns)
        return _Cells(np.where(outside, 0, time_ns), empty, np.zeros_like(empty)), outside
    return _time_cells_by_grammar(array)


def _time_cells_by_grammar(array: "pa.Array") -> tuple[_Cells, NDArray[np.bool_]]:
    import pyarrow.compute as pc

    text, empty = _trimmed(array)
    parts = pc.extract_regex(text, _ISO_8601)
    matched = ~_nulls(parts)

    def part(name: str) -> NDArray[np.int64]:
        return _digits(pc.struct_field(parts, name))

    year, month, day = part("year"), part("month"), part("day")
    hour, minute, second = part("hour"), part("minute"), part("second")
    zone_hour, zone_minute = part("zone_hour"), part("zone_minute")
    fraction = pc.utf8_slice_codeunits(
        pc.utf8_rpad(pc.struct_field(parts, "fraction"), 9, "0"), 0, 9
    )
    negative = pc.fill_null(pc.equal(pc.struct_field(parts, "sign"), "-"), False)
    sign = np.where(negative.to_numpy(zero_copy_only=False), -1, 1)

    months = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + (day - 1)
    real_date = (month >= 1) & (month <= 12) & (dates.astype("datetime64[M]") == months)
    real_clock = (hour < 24) & (minute < 60) & (second < 60) & (zone_hour < 24) & (zone_minute < 60)
    garbled = ~empty & ~(matched & real_date & real_clock & (day >= 1))

    since_midnight = (
        3600 * hour + 60 * minute + second - sign * (3600 * zone_hour + 60 * zone_minute)
    )
    seconds = 86_400 * dates.astype(np.int64) + since_midnight
    outside = (seconds < 0) | (seconds >= _LAST_SECOND)
    usable = np.where(outside | garbled | empty, 0, seconds)
    return _Cells(usable * NANOSECONDS_PER_SECOND + _digits(fraction), empty, garbled), outside


def _digits(text: "pa.Array") -> NDArray[np.int64]:
    """Digits as a whole number; 0 where there are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pc.equal(text, "")
    return _filled(pc.cast(pc.if_else(none, pa.scalar("0"), text), pa.int64()))


def _trimmed(text: "pa.Array") -> tuple["pa.Array", NDArray[np.bool_]]:
    """Text without white space at its ends, and a mask of the cells in which nothing is left."""
    import pyarrow.compute as pc

    trimmed = pc.ascii_trim_whitespace(text)
    blank = pc.fill_null(pc.equal(trimmed, ""), True)
    return trimmed, blank.to_numpy(zero_copy_only=False)


def _only_matching(text: "pa.Array", pattern: str) -> "pa.Array":
    """Text with null in place of what does not match."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, pa.string()))


def _nulls(array: "pa.Array") -> NDArray[np.bool_]:
    if array.null_count == 0:
        return np.zeros(len(array), dtype=bool)
    return array.is_null().to_numpy(zero_copy_only=False)


def _filled(integers: "pa.Array") -> NDArray[Any]:
    """Whole numbers of the array's own type; 0 where there are none."""
    filled = integers.fill_null(0) if integers.null_count else integers
    return filled.to_numpy(zero_copy_only=False)
