"""Parquet plot files as blocks of rows, numbered from 1; and what types a column may have."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skypact.errors import InputError
from skypact.sensing.plot_rows import (
    COLUMNS,
    RawRows,
    RefusedRows,
    require_columns,
)
from skypact.settings import SensingSettings

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PARQUET_MAGIC = b"PAR1"


def parquet_rows(path: Path, settings: SensingSettings) -> Iterator[RawRows]:
    """The rows of a Parquet file, batch by batch.

    Raises InputError where the file is no Parquet of plots.
    """
    import pyarrow as pa

    file_name, size = str(path), path.stat().st_size
    with _opened(path) as file:
        names = file.schema_arrow.names
        notes = require_columns(file_name, names)
        used = [name for name in names if name in COLUMNS]
        types = {name: _plain_type(file.schema_arrow.field(name).type) for name in used}
        for name, arrow_type in types.items():
            _check_type(file_name, name, arrow_type)
        nothing = {name: pa.array([], arrow_type) for name, arrow_type in types.items()}
        yield RawRows(nothing, np.empty(0, dtype=np.int64), (), 0, notes)
        done, total = 0, file.metadata.num_rows
        batches = file.iter_batches(settings.batch_rows, columns=used, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except (OSError, pa.ArrowException) as error:
                refused = (_broken_off(done + 1, error),)
                yield RawRows(nothing, np.empty(0, dtype=np.int64), refused, size)
                return
            if batch is None:
                return
            first_row = done + 1
            done += batch.num_rows
            columns = {name: _plain(batch.column(name)) for name in used}
            rows = np.arange(first_row, done + 1, dtype=np.int64)
            yield RawRows(columns, rows, (), size * done // total)


def _opened(path: Path) -> "pq.ParquetFile":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        remedy = "write or copy it again; a Parquet file that is cut off cannot be read"
        raise InputError(str(path), "is a damaged Parquet file", remedy) from None


def _check_type(file: str, name: str, arrow_type: "pa.DataType") -> None:
    import pyarrow.types as at

    is_text = at.is_string(arrow_type)
    is_number = at.is_integer(arrow_type) or at.is_floating(arrow_type) or at.is_decimal(arrow_type)
    allowed = {
        "time": is_text or at.is_timestamp(arrow_type) or at.is_int64(arrow_type),
        "radar": is_text or at.is_integer(arrow_type),
    }.get(name, is_text or is_number)
    if not allowed:
        remedy = {
            "time": "make it a timestamp, ISO 8601 text or int64 nanoseconds",
            "radar": "make it text",
        }.get(name, "make it a number")
        raise InputError(file, f'column "{name}" has the type {arrow_type}', remedy)


def _plain_type(arrow_type: "pa.DataType") -> "pa.DataType":
    """The type without dictionary encoding, and one type for all kinds of text."""
    import pyarrow as pa
    import pyarrow.types as at

    if at.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    is_text = at.is_large_string(arrow_type) or at.is_string_view(arrow_type)
    return pa.string() if is_text else arrow_type


def _plain(array: "pa.Array") -> "pa.Array":
    """The array in its plain type; bytes that are no UTF-8 become replacement characters."""
    import pyarrow as pa

    plain = array.cast(_plain_type(array.type))
    if not pa.types.is_string(plain.type):
        return plain
    try:
        plain.validate(full=True)
    except pa.ArrowInvalid:
        cells = plain.cast(pa.binary()).to_pylist()
        return pa.array([cell and cell.decode("utf-8", "replace") for cell in cells], pa.string())
    return plain


def _broken_off(row: int, error: Exception) -> RefusedRows:
    reason = "the file is damaged from about this row on"
    detail = str(error).splitlines()[0][:200]
    rows = np.array([row], dtype=np.int64)
    return RefusedRows(rows, reason, "write or copy it again", lambda _: detail)
