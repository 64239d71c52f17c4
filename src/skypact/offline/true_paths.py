"""What truly was at every time: the paths of a simulation's `truth.csv`."""

from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.offline.columns import read_columns
from skypact.sensing.simulator import TruthPath, states_between

_NUMBERS = ("x_m", "y_m", "z_m", "vx_m_s", "vy_m_s", "vz_m_s")
_REMEDY = "give the truth.csv that skypact simulate wrote"


class TruePath(NamedTuple):
    """One object's path: `time_ns` (n,) UTC since 1970, rising; ECEF m and m/s (n, 3)."""

    id: str
    time_ns: NDArray[np.int64]
    position_ecef_m: NDArray[np.float64]
    velocity_ecef_m_s: NDArray[np.float64]

    @classmethod
    def of(cls, path: TruthPath) -> Self:
        """The path of a simulation."""
        return cls(path.object_id, path.time_ns, path.position_ecef_m, path.velocity_ecef_m_s)

    def state_at(self, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Position m and velocity m/s, ECEF (k, 6), at `time_ns` (k,); NaN off the path."""
        return states_between(
            self.time_ns, self.position_ecef_m, self.velocity_ecef_m_s, np.asarray(time_ns)
        )


def load_true_paths(path: str | PathLike[str]) -> tuple[TruePath, ...]:
    """Read `truth.csv`; for a `truth.json`, the truth.csv beside it. Raises InputError."""
    import pyarrow as pa

    file = Path(path)
    if file.suffix == ".json":
        if not file.exists():
            raise InputError(str(file), "there is no such file", "correct the path")
        file = file.with_suffix(".csv")
        if not file.exists():
            reason = f"{path} holds no path, and this file beside it, which would, is missing"
            raise InputError(str(file), reason, _REMEDY)
    types = {"object": pa.string(), "time": pa.timestamp("ns", "UTC")}
    types |= dict.fromkeys(_NUMBERS, pa.float64())
    table = read_columns(file, types, _REMEDY, "is no truth.csv")
    names = table["object"].to_pylist()
    time_ns = table["time"].cast("int64").to_numpy()
    states = np.column_stack([table[name].to_numpy() for name in _NUMBERS])
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    if not rows:
        raise InputError(str(file), "holds no object", _REMEDY)
    return tuple(
        _path(file, name, np.array(own), time_ns[own], states[own]) for name, own in rows.items()
    )


def _path(
    file: Path,
    name: str,
    row: NDArray[np.int64],
    time_ns: NDArray[np.int64],
    states: NDArray[np.float64],
) -> TruePath:
    """One object's path; `row` (n,) are the numbers of its rows, from 0 below the heading."""
    if len(row) < 2:
        raise InputError(str(file), f"object {name} has one row only", "a path takes two or more")
    if not np.isfinite(states).all():
        wrong = int(row[np.flatnonzero(~np.isfinite(states).all(axis=1))[0]]) + 2
        raise InputError(f"{file}, row {wrong}", "holds what is no finite number", _REMEDY)
    falling = np.flatnonzero(np.diff(time_ns) <= 0)
    if len(falling):
        wrong = int(row[falling[0] + 1]) + 2
        reason = f"object {name} is not later here than in its row before"
        raise InputError(f"{file}, row {wrong}", reason, "sort each object's rows by time")
    return TruePath(
        name, time_ns, np.ascontiguousarray(states[:, :3]), np.ascontiguousarray(states[:, 3:])
    )
