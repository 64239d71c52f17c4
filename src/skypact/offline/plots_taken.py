"""Which plot each estimate took, and hence which flight of all together each nation's track is."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.radar_geometry import polar_from_local, to_local, wrap_angle
from skypact.model import Plots, Radar, Track
from skypact.tracking import Updates

NOBODY = -1
"""The flight of a plot that none took."""

Rows = NDArray[np.int64]
"""Numbers of plots: their places among all plots read."""


def rows_of_updates(
    updates: Updates, plots: Plots, radars: Sequence[Radar], members: Sequence[int]
) -> Rows:
    """(u,) the plot after which each estimate stands: of its time, of a radar among `members`.

    Where several objects' or radars' plots share one time, each estimate has one of its own, and
    all of them together lie nearest.
    """
    from scipy.optimize import linear_sum_assignment

    own = np.flatnonzero(np.isin(plots.radar, members))
    begin = np.searchsorted(plots.time_ns[own], updates.time_ns, side="left")
    end = np.searchsorted(plots.time_ns[own], updates.time_ns, side="right")
    rows = own[begin]
    crowded = np.flatnonzero(end - begin > 1)
    sites = _sites(radars)
    for group in np.split(crowded, np.flatnonzero(np.diff(begin[crowded])) + 1):
        if len(group):
            among = own[begin[group[0]] : end[group[0]]]
            cost = np.array(
                [
                    [_apart(updates.state[u], plots, row, radars, sites) for row in among]
                    for u in group
                ]
            )
            chosen, taken = linear_sum_assignment(cost)
            rows[group[chosen]] = among[taken]
    return rows


def rows_of_first_plots(track: Track, plots: Plots, members: Sequence[int]) -> Rows:
    """The plots that a track keeps of its beginning."""
    seconds, radar, range_m = track.first_plots[:, :3].T
    time_ns = track.first_plot_ns + np.rint(seconds * 1e9).astype(np.int64)
    begin = np.searchsorted(plots.time_ns, time_ns, side="left")
    end = np.searchsorted(plots.time_ns, time_ns, side="right")
    found = [
        row
        for i in range(len(time_ns))
        for row in range(begin[i], end[i])
        if plots.radar[row] == members[int(radar[i])] and plots.range_m[row] == range_m[i]
    ]
    return np.array(found, np.int64)


def owners(plots: int, rows_by_flight: Mapping[int, tuple[Rows, Rows]]) -> NDArray[np.int64]:
    """(plots,) the flight that took each plot, NOBODY where none did.

    A flight's plots are those of its estimates, and those before them, which count less.
    """
    owner = np.full(plots, NOBODY, np.int64)
    for part in (1, 0):
        for flight, rows in rows_by_flight.items():
            owner[rows[part]] = flight
    return owner


def flight_of(rows: Rows, owner: NDArray[np.int64]) -> int:
    """The flight that took most of a track's plots, the earliest of several; NOBODY if none did."""
    taken = owner[rows]
    flights, shared = np.unique(taken[taken != NOBODY], return_counts=True)
    return int(flights[np.argmax(shared)]) if len(flights) else NOBODY


_Site = tuple[tuple[float, float, float], tuple[float, ...]]


def _sites(radars: Sequence[Radar]) -> list[_Site]:
    return [
        (
            ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m),
            local_axes(radar.latitude_rad, radar.longitude_rad),
        )
        for radar in radars
    ]


def _apart(
    state: NDArray[np.float64],
    plots: Plots,
    row: int,
    radars: Sequence[Radar],
    sites: Sequence[_Site],
) -> float:
    """Squared distance of a plot from an estimate, in standard deviations of the plot."""
    radar = radars[plots.radar[row]]
    local = to_local(*(float(n) for n in state[:3]), *sites[plots.radar[row]])
    range_m, azimuth_rad, elevation_rad = polar_from_local(*local)
    across = wrap_angle(plots.azimuth_rad[row] - azimuth_rad) * np.cos(elevation_rad)
    return float(
        ((plots.range_m[row] - range_m) / np.hypot(radar.range_sigma_m, radar.range_bias_sigma_m))
        ** 2
        + (across / np.hypot(radar.azimuth_sigma_rad, radar.azimuth_bias_sigma_rad)) ** 2
        + (
            (plots.elevation_rad[row] - elevation_rad)
            / np.hypot(radar.elevation_sigma_rad, radar.elevation_bias_sigma_rad)
        )
        ** 2
    )
