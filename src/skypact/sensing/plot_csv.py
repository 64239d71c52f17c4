"""CSV plot files as blocks of rows, with the line number of each.

A row is one line: a quoted cell may hold commas but no line break, so that a stray quote spoils
its own line and no other, and a row's number is always the line that an editor shows. Arrow
splits each block at once, straight into numbers; only where a row of a block is at fault are its
cells taken as text, so as to say what stands there, and only a block that does not come out as one
row per line is gone through line by line. How the file is cut into blocks changes nothing in what
is read.
"""

import csv
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import EmptyInputError, InputError
from skypact.sensing.plot_rows import (
    COLUMNS,
    RawRows,
    RefusedRows,
    require_columns,
    shown,
)
from skypact.settings import SensingSettings

if TYPE_CHECKING:
    import pyarrow as pa

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_LINE = 1 << 16
"""Bytes; a plot takes some hundred."""
_GZIP_WINDOW = 31
"""zlib's number for: gzip, with the greatest window."""
_TABULAR = "plots are CSV, gzipped CSV or Parquet"
_OTHER_MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


# What a column's cells are, as Arrow is told; all times of a block bear a zone, or none does.
_ID, _UTC, _NO_ZONE, _REAL, _WHOLE = "id", "utc", "no zone", "real", "whole"
_MEASURED = ("range_m", "azimuth_deg", "elevation_deg", "range_rate_m_s", "snr_db")
_OTHERS = dict.fromkeys(_MEASURED, _REAL) | {"radar": _ID, "scan": _WHOLE}
_NUMBERS = tuple({"time": zone} | _OTHERS for zone in (_UTC, _NO_ZONE))


class _Chunk(NamedTuple):
    """Bytes of the text, and how much of the file has been read for it."""

    text: bytes
    bytes_read: int
    broken: str | None = None
    """Why nothing comes after this chunk, where the file breaks off."""


class _Lines(NamedTuple):
    """Whole lines, each ended by a line feed; `first_row` is the first one's number."""

    text: bytes
    first_row: int
    lines: int
    bytes_read: int
    broken: str | None = None

    def after(self, lines: int) -> "_Lines":
        """Without the first so many lines."""
        start = 0
        for _ in range(lines):
            start = self.text.index(b"\n", start) + 1
        return self._replace(
            text=self.text[start:], first_row=self.first_row + lines, lines=self.lines - lines
        )


class _Table(NamedTuple):
    """The columns of a file, by the names in its header."""

    names: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def used(self) -> list[str]:
        return [name for name in self.names if name in COLUMNS]

    @property
    def arrow_names(self) -> list[str]:
        """The used names, and for the others names that cannot collide."""
        return [n if n in COLUMNS else f"unused {i}" for i, n in enumerate(self.names)]


def csv_rows(path: Path, settings: SensingSettings) -> Iterator[RawRows]:
    """The rows of a CSV file, gzipped or not, block by block.

    Raises InputError where the file is no CSV of plots.
    """
    with path.open("rb") as file:
        blocks = _line_blocks(_chunks(file, settings.block_bytes))
        table, rest = _header(str(path), blocks)
        notes = require_columns(str(path), table.names)
        yield _rows(rest, table)._replace(notes=notes)
        for block in blocks:
            yield _rows(block, table)


def _chunks(file: BinaryIO, size: int) -> Iterator[_Chunk]:
    is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    if is_gzip:
        yield from _inflated(file, size)
        return
    while text := file.read(size):
        yield _Chunk(text, file.tell())


def _inflated(file: BinaryIO, size: int) -> Iterator[_Chunk]:
    """Every member of a gzip file in turn; what can be read of a broken one comes first.

    Zeros between and after members are padding.
    """
    inflater = zlib.decompressobj(wbits=_GZIP_WINDOW)
    compressed, inside = b"", False
    try:
        while compressed := compressed or file.read(size):
            if not inside and not (compressed := compressed.lstrip(b"\0")):
                continue
            inside = True
            yield _Chunk(inflater.decompress(compressed, size), file.tell())
            compressed = inflater.unconsumed_tail
            if inflater.eof:
                compressed = inflater.unused_data
                inflater, inside = zlib.decompressobj(wbits=_GZIP_WINDOW), False
        while inside and (text := inflater.decompress(b"", size)):
            yield _Chunk(text, file.tell())
    except zlib.error:
        yield _Chunk(b"", file.tell(), "the gzip data are damaged")
        return
    if inside and not inflater.eof:
        yield _Chunk(b"", file.tell(), "the gzip data end too early")


def _line_blocks(chunks: Iterator[_Chunk]) -> Iterator[_Lines]:
    """Chunks cut at line ends; CR LF and CR become LF. A mark for the byte order is dropped."""
    row, carry, bytes_read = 1, b"", 0
    at_start = True
    for chunk in chunks:
        bytes_read = chunk.bytes_read
        if chunk.broken is not None:
            yield _Lines(b"", row, 0, bytes_read, chunk.broken)
            return
        text = carry + chunk.text
        if at_start and len(text) < len(_BYTE_ORDER_MARK):
            carry = text
            continue
        if at_start:
            text, at_start = text.removeprefix(_BYTE_ORDER_MARK), False
        whole, carry = _cut_at_line_end(text)
        if whole:
            lines = _line_feeds(whole)
            yield _Lines(whole, row, lines, bytes_read)
            row += lines
    if carry:
        last = _with_line_feeds(carry) + b"\n"
        yield _Lines(last, row, _line_feeds(last), bytes_read)


def _cut_at_line_end(text: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and the beginning of the next, no more of it than shows that it is too long.

    A carriage return at the very end stays with the beginning: a line feed may follow.
    """
    end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1
    rest = text[end:]
    if len(rest) > _LONGEST_LINE + 2:
        rest = rest[: _LONGEST_LINE + 1] + (b"\r" if rest.endswith(b"\r") else b"")
    return _with_line_feeds(text[:end]), rest


def _line_feeds(text: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")))


def _with_line_feeds(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _header(file: str, blocks: Iterator[_Lines]) -> tuple[_Table, _Lines]:
    """The column names from the first line that is not blank, and what follows in its block."""
    for block in blocks:
        if block.broken is not None:
            raise InputError(file, f"{block.broken} before the first row", "copy the file again")
        lines = block.text.split(b"\n", 1 + _blank_lines(block.text))
        if lines[-2]:
            return _Table(_column_names(file, lines[-2])), block.after(len(lines) - 1)
    raise EmptyInputError(file, "is empty", "give a file with a header and rows")


def _blank_lines(text: bytes) -> int:
    """How many blank lines stand at the beginning, not counting the last line of the text."""
    return min(len(text) - len(text.lstrip(b"\n")), text.count(b"\n") - 1)


def _column_names(file: str, line: bytes) -> tuple[str, ...]:
    for magic, kind in _OTHER_MAGIC.items():
        if line.startswith(magic):
            raise InputError(file, f"is {kind}", f"unpack it or save it anew: {_TABULAR}")
    if len(line) > _LONGEST_LINE or any(byte < 32 for byte in line.replace(b"\t", b"")):
        raise InputError(file, "is neither text nor Parquet", _TABULAR)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(file, "its header is not UTF-8 text", "save it as UTF-8") from None
    names = tuple(name.strip() for name in next(csv.reader([text])))
    if len(names) == 1 and (";" in text or "\t" in text):
        raise InputError(file, "its columns are not separated by commas", "separate them by commas")
    return names


def _rows(block: _Lines, table: _Table) -> RawRows:
    """A block as numbers; as text where a line is no row, or a cell none of what belongs there."""
    for types in _NUMBERS if block.lines else ():
        arrays = _arrow_columns(block.text, table, block.lines, types)
        if arrays is not None:
            rows = np.arange(block.first_row, block.first_row + block.lines, dtype=np.int64)
            as_text = partial(_rows_as_text, block, table)
            return RawRows(arrays, rows, (), block.bytes_read, as_text=as_text)
    return _rows_as_text(block, table)


def _rows_as_text(block: _Lines, table: _Table) -> RawRows:
    refused: list[RefusedRows] = []
    if block.broken is not None:
        refused.append(_broken_off(block))
    arrays = _arrow_columns(block.text, table, block.lines, {})
    rows = np.arange(block.first_row, block.first_row + block.lines, dtype=np.int64)
    if arrays is None:
        text, rows, faults = _sound_lines(block, table.width)
        refused += faults
        arrays = _arrow_columns(text, table, len(rows), {})
    if arrays is None:
        raise AssertionError("lines that were found sound do not come out as rows")
    return RawRows(arrays, rows, tuple(refused), block.bytes_read)


def _broken_off(block: _Lines) -> RefusedRows:
    reason = "the file breaks off in this row, and all after it is lost"
    detail = block.broken or ""
    rows = np.array([block.first_row], dtype=np.int64)
    return RefusedRows(rows, reason, "copy the file again", lambda _: detail)


def _arrow_columns(
    text: bytes, table: _Table, expected: int, types: Mapping[str, str]
) -> "dict[str, pa.Array] | None":
    """The used columns in some types, else as text.

    None unless every line of the text is one sound row with cells of those types.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not expected:
        return {name: pa.array([], pa.string()) for name in table.used}
    if _has_overlong_line(text) or not _is_utf8(text):
        return None
    if types and _may_hold_hexadecimals(text):
        return None
    try:
        rows = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=table.arrow_names, block_size=len(text) + 1
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types={name: _arrow_type(types.get(name)) for name in table.used},
                include_columns=table.used,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if rows.num_rows != expected:
        return None
    return {name: rows.column(name).chunk(0) for name in table.used}


def _arrow_type(kind: str | None) -> "pa.DataType":
    import pyarrow as pa

    if kind == _ID:
        return pa.dictionary(pa.int32(), pa.string())
    if kind in (_UTC, _NO_ZONE):
        return pa.timestamp("ns", "UTC" if kind == _UTC else None)
    return {_REAL: pa.float64(), _WHOLE: pa.int64()}.get(kind or "", pa.string())


def _may_hold_hexadecimals(text: bytes) -> bool:
    """Arrow takes them for integers; looks for the rarer character first, which is quick."""
    return (b"x" in text and b"0x" in text) or (b"X" in text and b"0X" in text)


def _has_overlong_line(text: bytes) -> bool:
    start = 0
    while len(text) - start > _LONGEST_LINE + 1:
        end = text.rfind(b"\n", start, start + _LONGEST_LINE + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _LineFault(NamedTuple):
    reason: str
    remedy: str
    detail: str


def _sound_lines(block: _Lines, width: int) -> tuple[bytes, NDArray[np.int64], list[RefusedRows]]:
    """The lines of a block that are sound rows, their numbers, and the others but blank ones."""
    sound: list[bytes] = []
    rows: list[int] = []
    faults: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row, line in enumerate(block.text.split(b"\n")[:-1], start=block.first_row):
        if not line:
            continue
        fault = _line_fault(line, width)
        if fault is None:
            sound.append(line)
            rows.append(row)
        else:
            faults.setdefault((fault.reason, fault.remedy), []).append((row, fault.detail))
    refused = [_refused(*what, where) for what, where in faults.items()]
    return b"".join(line + b"\n" for line in sound), np.array(rows, dtype=np.int64), refused


def _refused(reason: str, remedy: str, where: list[tuple[int, str]]) -> RefusedRows:
    rows = np.array([row for row, _ in where], dtype=np.int64)
    return RefusedRows(rows, reason, remedy, lambda i: where[i][1])


def _line_fault(line: bytes, width: int) -> _LineFault | None:
    if len(line) > _LONGEST_LINE:
        detail = f"over {_LONGEST_LINE:,} bytes"
        return _LineFault("the line is too long", "one plot is one line", detail)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
        return _LineFault("the line is not UTF-8 text", "save the file as UTF-8", detail)
    fields, closed = _fields(text)
    if not closed:
        remedy = 'close it, or write "" for a quote within quotes'
        return _LineFault("a quote is not closed in the line", remedy, shown(text))
    if fields != width:
        detail = f"{fields} where the header has {width}"
        return _LineFault("wrong number of fields", "write one field per column", detail)
    return None


def _fields(text: str) -> tuple[int, bool]:
    """How many fields a line has, and whether its quotes are closed."""
    if '"' not in text:
        return text.count(",") + 1, True
    reader = csv.reader([text + "\n", "next"])
    return len(next(reader)), next(reader, None) == ["next"]
