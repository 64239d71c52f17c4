"""The ways down of a flight, each with its weight, and what the likeliest of them pass over."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.flight.impact import FALL_DEGREE, Falls
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import field
from skypact.kernels.powered_flight import LANDED, Body, descend
from skypact.model import Descent
from skypact.settings import FlightSettings

_MOST_STEPS = 4096
"""Of one path, steps of up to 20 s; what circles longer is cut there."""
_COLUMNS = 8
_APART_S = 8.0
"""Of a path a point so often: 60 km, over which a straight line on a map is off by under 100 m."""
S = 1_000_000_000


def descent_of(
    falls: Falls,
    time_ns: int,
    launch_ecef_m: tuple[float, float, float],
    settings: FlightSettings,
) -> Descent:
    """The ways down of weighted falls from `time_ns`; `launch_ecef_m` as they were carried with.

    Paths are drawn evenly through the weights (systematic resampling, Kitagawa, J. Comput. Graph.
    Stat. 5, 1996), so each stands for the same share, also those that never come down.
    """
    landed = falls.landed
    total = float(falls.weight.sum())
    number, when_ns, latitude, longitude = _paths(
        falls, _drawn(falls.weight, settings.descent_paths), time_ns, launch_ecef_m
    )
    return Descent(
        weight=falls.weight[landed] / total,
        time_ns=time_ns + np.round(falls.time_s[landed] * S).astype(np.int64),
        latitude_rad=falls.latitude_rad[landed],
        longitude_rad=wrapped(falls.longitude_rad[landed]),
        paths=settings.descent_paths,
        path=number,
        path_time_ns=when_ns,
        path_latitude_rad=latitude,
        path_longitude_rad=longitude,
    )


def _drawn(weight: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices (count,) that stand for `weight` (n,), evenly and without chance."""
    upto = np.cumsum(weight)
    wanted = (np.arange(count) + 0.5) / count * upto[-1]
    return np.minimum(np.searchsorted(upto, wanted), len(weight) - 1)


def _paths(
    falls: Falls,
    chosen: NDArray[np.int64],
    time_ns: int,
    launch_ecef_m: tuple[float, float, float],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Number of the path, UTC ns, latitude and longitude rad of the points of chosen falls."""
    table, out = field(FALL_DEGREE), np.empty((_MOST_STEPS, _COLUMNS))
    number, seconds, places = [], [], []
    for k, i in enumerate(chosen):
        x, y, z, vx, vy, vz, inverse_beta = (float(v) for v in falls.states[i])
        ending = descend(
            0.0,
            (x, y, z, vx, vy, vz),
            0.0,
            launch_ecef_m,
            Body(inverse_beta, 0.0, 60.0, 0.0),
            falls.manoeuvres[i, : falls.manoeuvre_count[i]],
            table,
            True,
            0,
            out,
        )
        written = ending.rows if ending.status == LANDED else _whole(out, ending.rows)
        rows = _apart(out[:written, 0])
        number.append(np.full(len(rows), k, np.int32))
        seconds.append(out[rows, 0])
        places += [geodetic_from_ecef(*at)[:2] for at in out[rows, 1:4].tolist()]
    places_rad = np.array(places).reshape(-1, 2)
    when = time_ns + np.round(np.concatenate(seconds) * S).astype(np.int64)
    return np.concatenate(number), when, places_rad[:, 0], wrapped(places_rad[:, 1])


def _apart(time_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of one path that are at least `_APART_S` apart, the first and the last among them."""
    slot = (time_s - time_s[0]) // _APART_S
    chosen = np.flatnonzero(np.diff(slot, prepend=-1.0, append=math.inf)[:-1] > 0.0)
    return chosen if chosen[-1] == len(time_s) - 1 else np.append(chosen, len(time_s) - 1)


def _whole(out: NDArray[np.float64], rows: int) -> int:
    """Rows that were written of a path that did not come down; less than 0: all of them."""
    written = len(out) if rows < 0 else rows
    finite = np.isfinite(out[:written]).all(axis=1)
    return int(written if finite.all() else np.argmin(finite))


def wrapped(longitude_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes from -π to π."""
    return np.asarray((longitude_rad + math.pi) % (2.0 * math.pi) - math.pi)
