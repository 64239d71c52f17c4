"""A feed's message to arrivals: JSON lines or MessagePack, the columns of a plot file.

Beside those a row may bear `epoch` and `sequence`, the sender's number of the arrival that it
belongs to; then rows of one number must be of one scan. Without them the receiver numbers scan by
scan. The radar is that of the message's subject or path; a column `radar` must say the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import Arrival, Plots
from skypact.sensing.plot_rows import (
    COLUMNS,
    RadarTable,
    RawRows,
    RefusedRows,
    require_columns,
    shown,
    usable_plots,
)
from skypact.settings import SensingSettings

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS = ("epoch", "sequence")
_REAL = ("range_m", "azimuth_deg", "elevation_deg", "range_rate_m_s", "snr_db")
_GREATEST = 2**63 - 1
_NOTHING = type(None)
_BOTH = "give both epoch and sequence as whole numbers, or neither"


class TooManyRowsError(Exception):
    """A message of more rows than is allowed: `rows`."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        super().__init__(f"{rows:,} rows")


class Numbered(NamedTuple):
    """Plots of one arrival. `number` (epoch, sequence); None: the sender gives none."""

    number: tuple[int, int] | None
    plots: Plots


class Read(NamedTuple):
    """What a message holds: arrivals in order, the rows refused, rows in all, and notes."""

    arrivals: list[Numbered]
    refused: list[RefusedRows]
    rows: int
    notes: tuple[str, ...]


class _Rows(NamedTuple):
    """Columns of n values each, the rows' numbers, and lines that are no rows."""

    columns: dict[str, list[Any]]
    numbers: list[int]
    refused: list[RefusedRows]


def read_message(
    payload: bytes,
    *,
    packed: bool,
    place: str,
    radar: int,
    table: RadarTable,
    settings: SensingSettings,
    greatest_rows: int,
) -> Read:
    """The arrivals of one message about one radar (its index in the table).

    `packed`: MessagePack, a map of columns or a list of rows as maps; else JSON lines, or one JSON
    list of objects. Rows count from 1. Raises InputError where nothing in it is a row,
    TooManyRowsError.
    """
    rows = _packed(payload, place) if packed else _json_lines(payload, place, greatest_rows)
    count = len(rows.numbers)
    if count > greatest_rows:
        raise TooManyRowsError(count)
    columns = rows.columns
    own = table.ids[radar]
    others = _other_radars(columns.pop("radar", None), own, rows)
    numbers, misnumbered = _numbers(columns, rows, {int(row) for o in others for row in o.rows})
    notes = require_columns(place, ["radar", *columns])
    arrays = {name: _column(name, columns[name]) for name in columns if name in COLUMNS}
    arrays["radar"] = _constant(own, count)
    row_numbers = np.array(rows.numbers, np.int64)
    faults = [*rows.refused, *others, *misnumbered]
    sound = np.ones(count, dtype=bool)
    for fault in (*others, *misnumbered):
        sound &= ~np.isin(row_numbers, fault.rows)
    if not sound.all():
        arrays = {name: array.filter(_mask(sound)) for name, array in arrays.items()}
    raw = RawRows(arrays, row_numbers[sound], tuple(faults), 0)
    sourced, refused = usable_plots(raw, 0, table, settings)
    arrivals, more = _arrivals(sourced.plots, sourced.row, numbers)
    return Read(arrivals, refused + more, count + sum(len(r.rows) for r in rows.refused), notes)


def single_scans(plots: Plots) -> list[Plots]:
    """Plots of one radar, split by scan, in the order in which each scan first comes."""
    if not len(plots.scan):
        return []
    scans, first, which = np.unique(plots.scan, return_index=True, return_inverse=True)
    if len(scans) == 1:
        return [plots]
    return [plots.at(np.flatnonzero(which == i)) for i in np.argsort(first, kind="stable")]


def arrival_of(
    nation: str, radar: str, number: tuple[int, int], received_ns: int, plots: Plots
) -> Arrival:
    """One arrival."""
    epoch, sequence = number
    return Arrival(
        nation=nation,
        radar=radar,
        epoch=epoch,
        sequence=sequence,
        received_ns=received_ns,
        plots=plots,
    )


def _json_lines(payload: bytes, place: str, greatest_rows: int) -> _Rows:
    text = payload.strip()
    if text.startswith(b"["):
        try:
            return _of_maps(msgspec.json.decode(text), place)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise InputError(place, f"is not JSON ({_said(error)})", _JSON) from None
    lines = text.splitlines()
    if len(lines) > greatest_rows:
        raise TooManyRowsError(len(lines))
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    decode = msgspec.json.Decoder().decode
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            bad.append((number, _said(error)))
            continue
        if not isinstance(row, dict):
            bad.append((number, shown(str(row))))
            continue
        rows.append(row)
        numbers.append(number)
    refused = _refused("the line is no JSON object", _JSON, bad)
    return _Rows(_as_columns(rows, place, refused), numbers, refused)


def _packed(payload: bytes, place: str) -> _Rows:
    try:
        content = msgspec.msgpack.decode(payload)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise InputError(place, f"is not MessagePack ({_said(error)})", _PACKED) from None
    if isinstance(content, list):
        return _of_maps(content, place)
    if not isinstance(content, dict):
        raise InputError(place, "is neither a map of columns nor a list of rows", _PACKED)
    columns = {str(name): column for name, column in content.items()}
    if not all(isinstance(column, list) for column in columns.values()):
        wrong = next(name for name, column in columns.items() if not isinstance(column, list))
        raise InputError(place, f'column "{shown(wrong)}" is no list', _PACKED)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise InputError(place, "its columns have different lengths", _PACKED)
    count = lengths.pop() if lengths else 0
    if not count:
        raise InputError(place, "holds no rows", "send messages with rows only")
    return _Rows(columns, list(range(1, count + 1)), [])


def _of_maps(content: Any, place: str) -> _Rows:
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    for number, row in enumerate(content, start=1):
        if isinstance(row, dict):
            rows.append(row)
            numbers.append(number)
        else:
            bad.append((number, shown(str(row))))
    refused = _refused("the row is no map", _JSON, bad)
    return _Rows(_as_columns(rows, place, refused), numbers, refused)


def _as_columns(
    rows: list[dict[Any, Any]], place: str, refused: list[RefusedRows]
) -> dict[str, list[Any]]:
    if not rows:
        if refused:
            reason = f"{refused[0].reason}: {refused[0].detail(0)}"
            raise InputError(place, reason, refused[0].remedy)
        raise InputError(place, "holds no rows", "send messages with rows only")
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): [row.get(name) for row in rows] for name in names}


def _other_radars(named: list[Any] | None, own: str, rows: _Rows) -> list[RefusedRows]:
    if named is None:
        return []
    wrong = [
        (number, shown(f'"{value}"'))
        for number, value in zip(rows.numbers, named, strict=True)
        if value is not None and value != own
    ]
    reason = "radar is another than that of the subject or path"
    return _refused(reason, "send each radar's plots under its own name", wrong)


def _numbers(
    columns: dict[str, list[Any]], rows: _Rows, refused: set[int]
) -> tuple[dict[int, tuple[int, int]], list[RefusedRows]]:
    """The sender's numbers by row, taken out of the columns; and the rows where they are wrong."""
    epochs, sequences = (columns.pop(name, None) for name in NUMBERS)
    if epochs is None and sequences is None:
        return {}, []
    nothing = [None] * len(rows.numbers)
    wrong, by_row = [], {}
    for number, epoch, sequence in zip(
        rows.numbers, epochs or nothing, sequences or nothing, strict=True
    ):
        if _is_whole(epoch, 0) and _is_whole(sequence, 1):
            by_row[number] = (epoch, sequence)
        elif number not in refused and (epoch is not None or sequence is not None):
            wrong.append((number, shown(f"{epoch}, {sequence}")))
    return by_row, _refused("epoch or sequence is no whole number in range", _BOTH, wrong)


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= _GREATEST


def _arrivals(
    plots: Plots, row: NDArray[np.int64], by_row: dict[int, tuple[int, int]]
) -> tuple[list[Numbered], list[RefusedRows]]:
    """Rows of one number together; those without, scan by scan."""
    if not by_row:
        return [Numbered(None, scan) for scan in single_scans(plots)], []
    groups: dict[tuple[int, int] | None, list[int]] = {}
    for i, number in enumerate(row.tolist()):
        groups.setdefault(by_row.get(number), []).append(i)
    arrivals, wrong = [], []
    for bears, members in groups.items():
        scans = single_scans(plots.at(np.array(members)))
        if bears is not None and len(scans) > 1:
            wrong += [(int(row[i]), f"epoch {bears[0]}, sequence {bears[1]}") for i in members]
        else:
            arrivals += [Numbered(bears, scan) for scan in scans]
    remedy = "number each scan's rows on their own"
    return arrivals, _refused("rows of several scans bear one number", remedy, wrong)


def _refused(reason: str, remedy: str, where: Sequence[tuple[int, str]]) -> list[RefusedRows]:
    if not where:
        return []
    rows = np.array([row for row, _ in where], np.int64)
    return [RefusedRows(rows, reason, remedy, lambda i: where[i][1])]


def _column(name: str, values: list[Any]) -> "pa.Array":
    """Numbers where all values are such, else text in which the checks find what is wrong."""
    import pyarrow as pa

    kinds = set(map(type, values))
    try:
        if name in _REAL and kinds <= {int, float, _NOTHING}:
            return pa.array(values, pa.float64())
        if name in ("time", "scan") and kinds <= {int, _NOTHING}:
            return pa.array(values, pa.int64())
    except (pa.ArrowException, OverflowError):
        pass
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "replace").decode()


def _constant(value: str, count: int) -> "pa.Array":
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value]))


def _mask(sound: NDArray[np.bool_]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(sound)


def _said(error: BaseException) -> str:
    return shown(str(error)) or type(error).__name__


_JSON = 'send one JSON object a line, such as {"time": "2024-01-31T12:00:00Z", "range_m": 1000}'
_PACKED = "send a map of columns, each a list, or a list of rows as maps"
