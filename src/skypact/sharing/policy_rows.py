"""The release policy's word on own plots, row by row: by radar, time and the place beneath.

Beside `policy.py`, since places need compiled kernels: who shows or changes a policy, as a desk
does, loads none.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef, local_axes
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.model import FlightKind, Level, Plots, Radar
from skypact.sharing.policy import ALL_USES, Policy, use_bits


def released_rows(
    policy: Policy,
    partner: str,
    plots: Plots,
    radars: Sequence[Radar],
    *,
    exercise: bool,
    least: Level = Level.WARNING,
) -> NDArray[np.bool_]:
    """Which of one's own plots (n,) have a part in a partner's release picture, for any use."""
    granted = granted_uses(policy, partner, plots, radars, exercise=exercise, least=least)
    return np.asarray(granted != 0)


def granted_uses(
    policy: Policy,
    partner: str,
    plots: Plots,
    radars: Sequence[Radar],
    *,
    exercise: bool,
    least: Level = Level.WARNING,
) -> NDArray[np.uint8]:
    """For which uses (`use_bits`) each of one's own plots (n,) may go, at a level or more.

    By each plot alone, its radar, time and place: so it cannot depend on any other. Where that
    depends on the kind, which only a picture can tell: for the uses that every kind would go for
    that goes at all. 0: it has no part in the partner's release pictures. `radars`: the table that
    `plots.radar` counts in; other nations' radars have no part.
    """
    chosen = policy.partners.get(partner)
    own = np.array([radar.nation == policy.nation for radar in radars], dtype=bool)
    n = len(plots.time_ns)
    uses = np.full(n, use_bits(ALL_USES), np.uint8)
    out = np.zeros(n, dtype=bool)
    if chosen is None or not n:
        return uses * out
    undecided = np.tile(own[plots.radar], (len(FlightKind), 1))  # of each kind that it may be of
    latitude_deg, longitude_deg = (
        feet_deg(plots, radars) if chosen.asks_place else (np.zeros(n), np.zeros(n))
    )
    for rule in chosen.rules:
        if rule.exercise is not None and rule.exercise != exercise:
            continue
        kinds = np.array([rule.kinds is None or kind in rule.kinds for kind in FlightKind])
        matched = undecided & kinds[:, None]
        if rule.radars is not None:
            matched &= np.array([radar.id in rule.radars for radar in radars])[plots.radar]
        if rule.from_ns is not None:
            matched &= plots.time_ns >= rule.from_ns
        if rule.until_ns is not None:
            matched &= plots.time_ns < rule.until_ns
        if rule.area is not None:
            matched &= rule.area.holds(latitude_deg, longitude_deg)
        if rule.level >= least:
            some = matched.any(axis=0)
            uses[some] &= use_bits(rule.use)
            out |= some
        undecided &= ~matched
    if chosen.otherwise.level >= least:
        some = undecided.any(axis=0)
        uses[some] &= use_bits(chosen.otherwise.use)
        out |= some
    return uses * out


def feet_deg(
    plots: Plots, radars: Sequence[Radar]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude (n,), degrees, below where each plot says that its object is."""
    sites = [
        (
            ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m),
            local_axes(radar.latitude_rad, radar.longitude_rad),
        )
        for radar in radars
    ]
    out = np.empty((len(plots.time_ns), 2))
    polar = zip(
        plots.range_m.tolist(),
        plots.azimuth_rad.tolist(),
        plots.elevation_rad.tolist(),
        strict=True,
    )
    for k, (number, look) in enumerate(zip(plots.radar.tolist(), polar, strict=True)):
        site, axes = sites[number]
        away = turn_to_ecef(*local_from_polar(*look), axes)
        out[k] = geodetic_from_ecef(*(a + b for a, b in zip(site, away, strict=True)))[:2]
    return np.degrees(out[:, 0]), np.degrees(out[:, 1])
