"""Objects that a radar cannot tell apart give one plot: whose it is, and what it says of each.

A radar that declares its resolution sees objects closer than that, in range and in angle, as one,
in their middle. Such a plot is z = mean of h(x_i) + noise over the m objects, so for each of them
m z - Σ h(x_others) measures h(x) with m² times the noise and what is not known of the others. Taken
for one object's own it would pull that track towards the others, and start new ones in the middle.
(Blair & Brandt-Pearce, IEEE TAES 37, 2001, treat the same for monopulse.)
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import (
    ANGLE_RESOLUTION_RAD,
    PREDICTED,
    RANGE_RESOLUTION_M,
    SIGMA,
    measure,
    predicted_bias,
    predicted_variance,
)
from skypact.kernels.radar_geometry import wrap_angle
from skypact.tracking.association import Pairs
from skypact.tracking.tables import TrackArrays, likeliest

# Beyond this χ² of three a plot is not the middle of a group.
IN_THE_MIDDLE = 20.0


class Resolution(NamedTuple):
    """What a radar would see of the tracks near a scan: `predicted` (t, 3), `variance` (t, 3).

    `order` (t,): by range; `group` (t,): first track of the group that it cannot tell apart;
    `shares` (t,): how many share the track's plot, 0: it has one of its own. `z` (t, 4), `sigma`
    (t, 4): what a shared plot says of the track. `radars` (r, 30): a radar table to change.
    """

    predicted: NDArray[np.float64]
    variance: NDArray[np.float64]
    order: NDArray[np.int64]
    group: NDArray[np.int64]
    shares: NDArray[np.int64]
    z: NDArray[np.float64]
    sigma: NDArray[np.float64]
    radars: NDArray[np.float64]


def room_for_resolution(tracks: int, radars: NDArray[np.float64]) -> Resolution:
    """Arrays for so many tracks near a scan."""
    return Resolution(
        predicted=np.zeros((tracks, 3)),
        variance=np.zeros((tracks, 3)),
        order=np.zeros(tracks, np.int64),
        group=np.zeros(tracks, np.int64),
        shares=np.zeros(tracks, np.int64),
        z=np.zeros((tracks, 4)),
        sigma=np.zeros((tracks, 4)),
        radars=radars.copy(),
    )


@kernel
def share_plots(
    tracks: TrackArrays,
    near: int,
    plots: NDArray[np.float64],
    radar: int,
    w: Pairs,
    r: Resolution,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
) -> None:
    """Give the plots of objects that the radar cannot tell apart to all of them, after `choose`.

    Where at most one plot was given to a group, and one lies in its middle. Changes `w.chosen` and
    `w.taken`; writes `r.shares`, and for those that share `r.z` and `r.sigma`.
    """
    for i in range(near):
        r.shares[i] = 0
    range_m, angle_rad = radars[radar, RANGE_RESOLUTION_M], radars[radar, ANGLE_RESOLUTION_RAD]
    if near < 2 or range_m <= 0.0 or angle_rad <= 0.0:
        return
    for i in range(near):
        slot = likeliest(tracks.mu[w.near[i]])
        x, p = tracks.x[w.near[i], slot], tracks.p[w.near[i], slot]
        measure(x, radar, radars, s)
        for k in range(3):
            r.predicted[i, k] = s[PREDICTED, k] + predicted_bias(x, radar, radars, s, k)
            r.variance[i, k] = predicted_variance(p, radar, radars, s, k)
    _group(near, range_m, angle_rad, r)
    for first in range(near):
        if r.group[first] == first:
            _share_in_group(first, near, plots, radar, w, r, radars)


@kernel
def _group(near: int, range_m: float, angle_rad: float, r: Resolution) -> None:
    """Which tracks the radar cannot tell apart, directly or through others: `r.group`."""
    for i in range(near):
        r.order[i], r.group[i] = i, i
    gap = 1
    while gap < near // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, near):
            i, at = r.order[k], k
            while at >= gap and r.predicted[r.order[at - gap], 0] > r.predicted[i, 0]:
                r.order[at] = r.order[at - gap]
                at -= gap
            r.order[at] = i
        gap //= 3
    for a in range(near):
        i = r.order[a]
        for b in range(a + 1, near):
            k = r.order[b]
            if r.predicted[k, 0] - r.predicted[i, 0] >= range_m:
                break
            across = wrap_angle(r.predicted[k, 1] - r.predicted[i, 1])
            across *= math.cos(r.predicted[i, 2])
            up = r.predicted[k, 2] - r.predicted[i, 2]
            if across * across + up * up < angle_rad * angle_rad:
                one, other = r.group[i], r.group[k]
                if one != other:
                    for m in range(near):
                        if r.group[m] == max(one, other):
                            r.group[m] = min(one, other)


@kernel
def _share_in_group(
    first: int,
    near: int,
    plots: NDArray[np.float64],
    radar: int,
    w: Pairs,
    r: Resolution,
    radars: NDArray[np.float64],
) -> None:
    """`share_plots` for the group whose first track is `first`."""
    size, given, plot = 0, 0, -1
    east, elevation, distance = 0.0, 0.0, 0.0
    variance = (0.0, 0.0, 0.0)
    for i in range(first, near):
        if r.group[i] != first:
            continue
        size += 1
        if w.chosen[i] >= 0:
            given += 1
            plot = w.chosen[i]
        distance += r.predicted[i, 0]
        east += wrap_angle(r.predicted[i, 1] - r.predicted[first, 1])
        elevation += r.predicted[i, 2]
        variance = (
            variance[0] + r.variance[i, 0],
            variance[1] + r.variance[i, 1],
            variance[2] + r.variance[i, 2],
        )
    if size < 2 or given > 1:
        return
    azimuth = r.predicted[first, 1] + east / size
    distance, elevation = distance / size, elevation / size
    noise = radars[radar, SIGMA : SIGMA + 3]
    best = IN_THE_MIDDLE
    middle = -1
    for j in range(plots.shape[0]):
        if w.taken[j] and j != plot:
            continue
        chi = (plots[j, 0] - distance) ** 2 / (noise[0] ** 2 + variance[0] / size**2)
        chi += wrap_angle(plots[j, 1] - azimuth) ** 2 / (noise[1] ** 2 + variance[1] / size**2)
        chi += (plots[j, 2] - elevation) ** 2 / (noise[2] ** 2 + variance[2] / size**2)
        if chi < best:
            best, middle = chi, j
    if middle < 0 or (plot >= 0 and middle != plot):
        return
    w.taken[middle] = True
    for i in range(first, near):
        if r.group[i] != first:
            continue
        w.chosen[i], r.shares[i] = middle, size
        r.z[i, 0] = r.predicted[i, 0] + size * (plots[middle, 0] - distance)
        r.z[i, 1] = r.predicted[i, 1] + size * wrap_angle(plots[middle, 1] - azimuth)
        r.z[i, 2] = r.predicted[i, 2] + size * (plots[middle, 2] - elevation)
        r.z[i, 3] = np.nan
        for k in range(3):
            others = variance[k] - r.variance[i, k]
            r.sigma[i, k] = math.sqrt(size * size * noise[k] ** 2 + others)
        r.sigma[i, 3] = radars[radar, SIGMA + 3]
