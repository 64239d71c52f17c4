"""The `--states` file: every estimate of every confirmed track, written as they come, and read."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skypact.errors import EmptyInputError, InputError
from skypact.offline.columns import read_columns
from skypact.offline.output import replacing
from skypact.tracking import Updates

if TYPE_CHECKING:
    import pyarrow as pa

STATE_COLUMNS = ("x_m", "y_m", "z_m", "vx_m_s", "vy_m_s", "vz_m_s")
COVARIANCE_COLUMNS = tuple(f"c{i}{j}" for i in range(6) for j in range(i, 6))
"""Upper triangle of the 6×6 covariance of the state, row by row: m², m²/s, m²/s²."""


class StateFile:
    """A CSV or Parquet file, by its suffix, that grows with each call of `write`.

    Columns: `track`, `time` (UTC), the state in ECEF, the covariance. It stands under its own name
    once it is complete. Memory does not grow with it. Raises InputError for any other suffix.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix not in (".csv", ".parquet"):
            reason, remedy = "its name ends in no known format", "use .csv or .parquet"
            raise InputError(str(path), reason, remedy)
        self._path = path
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq
        from pyarrow import csv

        part = self._stack.enter_context(replacing(self._path))
        is_parquet = self._path.suffix == ".parquet"
        schema = _schema(is_parquet)
        if is_parquet:
            writer: Any = pq.ParquetWriter(part, schema)
        else:
            writer = csv.CSVWriter(
                part, schema, write_options=csv.WriteOptions(quoting_style="none")
            )
        self._writer = self._stack.enter_context(writer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, updates: Updates) -> None:
        """Add a row per estimate."""
        self._writer.write_table(_table(updates, _schema(self._path.suffix == ".parquet")))


def read_states(path: Path) -> Updates:
    """All estimates of such a file, whoever wrote it: each track's in order of time.

    Raises InputError where it cannot be used, EmptyInputError where nothing is in it.
    """
    import pyarrow as pa

    place, remedy = str(path), "give a file as skypact track --states writes it"
    numbers = dict.fromkeys((*STATE_COLUMNS, *COVARIANCE_COLUMNS), pa.float64())
    types = {"track": pa.int64(), "time": pa.timestamp("ns", "UTC"), **numbers}
    table = read_columns(path, types, remedy, "holds no estimates")
    if not table.num_rows:
        raise EmptyInputError(place, "holds no estimate", remedy)
    track = table["track"].to_numpy()
    time_ns = table["time"].cast("int64").to_numpy()
    state = np.column_stack([table[name].to_numpy() for name in STATE_COLUMNS])
    covariance = np.column_stack([table[name].to_numpy() for name in COVARIANCE_COLUMNS])
    diagonal = [COVARIANCE_COLUMNS.index(f"c{i}{i}") for i in range(6)]
    fine = np.isfinite(state).all(axis=1) & np.isfinite(covariance).all(axis=1)
    fine &= (covariance[:, diagonal] > 0.0).all(axis=1)
    if not fine.all():
        wrong = int(np.argmin(fine)) + (1 if path.suffix == ".parquet" else 2)
        reason = "has a number that is not finite, or a variance that is not positive"
        raise InputError(f"{place}, row {wrong}", reason, "leave that row out")
    order = np.lexsort((time_ns, track))
    return Updates(track[order], time_ns[order], state[order], covariance[order])


def _schema(is_parquet: bool) -> "pa.Schema":
    import pyarrow as pa

    time = pa.timestamp("ns", "UTC") if is_parquet else pa.string()
    numbers = [(name, pa.float64()) for name in (*STATE_COLUMNS, *COVARIANCE_COLUMNS)]
    return pa.schema([("track", pa.int64()), ("time", time), *numbers])


def _table(updates: Updates, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    time = pa.array(updates.time_ns).cast(pa.timestamp("ns"))
    if pa.types.is_string(schema.field("time").type):
        spaced = time.cast(pa.string())
        time = pc.binary_join_element_wise(pc.replace_substring(spaced, " ", "T"), "Z", "")
    else:
        time = time.cast(schema.field("time").type)
    columns = [pa.array(updates.track), time]
    columns += [pa.array(updates.state[:, i].copy()) for i in range(len(STATE_COLUMNS))]
    columns += [pa.array(updates.covariance[:, i].copy()) for i in range(len(COVARIANCE_COLUMNS))]
    return pa.Table.from_arrays(columns, schema=schema)
