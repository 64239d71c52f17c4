"""Many paths to the ground: where, when, and how high on the way."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import geodetic_from_ecef, height_and_up
from skypact.kernels.motion import coast_path
from skypact.kernels.powered_flight import LANDED, Body, descend

# Columns of what `fall` writes.
FALL_TIME_S, FALL_LATITUDE_RAD, FALL_LONGITUDE_RAD, FALL_LANDED = 0, 1, 2, 3
FALL_COLUMNS = 4


@kernel
def fall(
    states: NDArray[np.float64],
    manoeuvres: NDArray[np.float64],
    manoeuvre_count: NDArray[np.int64],
    launch: tuple[float, float, float],
    table: NDArray[np.float64],
    no_path: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Carry each of `states` (n, 7) to the ellipsoid.

    `states`: ECEF position m, velocity m/s, inverse ballistic parameter m²/kg. `manoeuvres`
    (n, k, 10) of which sample i flies the first `manoeuvre_count[i]`. `launch`: ECEF m, from which
    a manoeuvre measures its ground range. `no_path` (0, 8). `out` (n, 4) is written: time s,
    latitude rad, longitude rad, 1 where it came down. A state below the ground is taken back along
    its velocity.
    """
    for i in range(states.shape[0]):
        x, y, z = states[i, 0], states[i, 1], states[i, 2]
        vx, vy, vz = states[i, 3], states[i, 4], states[i, 5]
        start = 0.0
        height, ux, uy, uz = height_and_up(x, y, z)
        climb = ux * vx + uy * vy + uz * vz
        if height < 0.5:
            if climb > -1.0:  # lies there already
                latitude, longitude, _ = geodetic_from_ecef(x, y, z)
                out[i, FALL_TIME_S] = 0.0
                out[i, FALL_LATITUDE_RAD] = latitude
                out[i, FALL_LONGITUDE_RAD] = longitude
                out[i, FALL_LANDED] = 1.0
                continue
            start = (height - 1.0) / -climb
            x, y, z = x + start * vx, y + start * vy, z + start * vz
        ending = descend(
            start,
            (x, y, z, vx, vy, vz),
            0.0,
            launch,
            Body(states[i, 6], 0.0, 60.0, 0.0),
            manoeuvres[i, : manoeuvre_count[i]],
            table,
            True,
            0,
            no_path,
        )
        latitude, longitude, _ = geodetic_from_ecef(ending.x, ending.y, ending.z)
        out[i, FALL_TIME_S] = ending.impact_s
        out[i, FALL_LATITUDE_RAD] = latitude
        out[i, FALL_LONGITUDE_RAD] = longitude
        out[i, FALL_LANDED] = 1.0 if ending.status == LANDED else 0.0


@kernel
def highest_points(
    states: NDArray[np.float64], table: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Time s (negative: it is past) and height m of the highest point of free flights.

    `states` (n, ≥6) ECEF; `out` (n, 2), written; NaN where there is none within an hour and a half.
    """
    for i in range(states.shape[0]):
        x, y, z = states[i, 0], states[i, 1], states[i, 2]
        vx, vy, vz = states[i, 3], states[i, 4], states[i, 5]
        t = 0.0
        out[i, 0], out[i, 1] = math.nan, math.nan
        height, ux, uy, uz = height_and_up(x, y, z)
        climb = ux * vx + uy * vy + uz * vz
        h = 10.0 if climb > 0.0 else -10.0
        for _ in range(540):
            x, y, z, vx, vy, vz = coast_path(x, y, z, vx, vy, vz, h, table)
            t += h
            height, ux, uy, uz = height_and_up(x, y, z)
            before, climb = climb, ux * vx + uy * vy + uz * vz
            if before * climb <= 0.0 and before != climb:
                # Back by the share of the step past it; the climb is all but linear there.
                back = h * climb / (climb - before)
                out[i, 0] = t - back
                out[i, 1] = height - 0.5 * climb * back
                break
