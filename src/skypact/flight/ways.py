"""For warnings: the ways down of a flight, carried now and then, and brought up to each plot.

To carry hundreds of ways down takes longer than a warning may. Between two plots they all but move
together, so it is enough to carry one way from each of both estimates, and to move all ways as that
one moved. While a boost may go on ways are carried as though it had ended, so that they are there
when it has.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.flight.arc import origin_of
from skypact.flight.assess import (
    apogee_of,
    as_last_seen,
    boost_probability,
    foretold,
    is_aircraft,
    seen_by,
)
from skypact.flight.descent import descent_of, wrapped
from skypact.flight.impact import carry_down
from skypact.flight.launch import launch_of
from skypact.model import Descent, Flight, FlightKind, Launch, Radar, Track
from skypact.settings import FlightSettings

S = 1_000_000_000
_LEAST_COSINE = 0.05
"""Of a latitude: nearer to a pole a shift in longitude is no longer scaled."""


class Ways(NamedTuple):
    """Ways down from an estimate: UTC ns, state (6,) ECEF; `flight` as though no boost went on."""

    time_ns: int
    state: NDArray[np.float64]
    flight: Flight


def ways_of(
    track: Track,
    radars: Sequence[Radar],
    settings: FlightSettings,
    *,
    launch: Launch | None = None,
    seek_launch: bool = True,
) -> Ways:
    """Carry a track's ways down. `seek_launch` False: do without a launch that is not given."""
    if launch is None and seek_launch:
        launch = launch_of(track, radars, settings)
    track = as_last_seen(track, settings)
    kinds: dict[FlightKind, float] = {FlightKind.AIRCRAFT: 1.0}
    descent: Descent | None = None
    if not is_aircraft(track, settings):
        ahead = foretold(track, launch, apogee_of(track), settings)
        kinds = ahead.kinds
        descent = descent_of(ahead.falls, track.time_ns, ahead.origin, settings)
    flight = _flight(track, radars, kinds, launch, descent)
    return Ways(track.time_ns, track.state[:6], flight)


def unforetold(track: Track, radars: Sequence[Radar]) -> Flight:
    """A track whose ways down could not be carried: it is there, and what was said of it holds."""
    return _flight(track, radars, {FlightKind.UNKNOWN: 1.0}, None, None)


def _flight(
    track: Track,
    radars: Sequence[Radar],
    kinds: Mapping[FlightKind, float],
    launch: Launch | None,
    descent: Descent | None,
) -> Flight:
    kind = max(kinds, key=lambda name: kinds[name])
    return Flight(
        id=track.id,
        kind=kind,
        kind_probability=kinds[kind],
        kind_probabilities={str(name): share for name, share in kinds.items()},
        range_class=None,
        range_class_probability=None,
        launch=launch,
        apogee=None,
        ground_range_m=None,
        impact=None,
        parted_from=track.parted_from,
        descent=descent,
        **seen_by(track, radars),
    )


def brought_up(
    ways: Ways, track: Track, radars: Sequence[Radar], settings: FlightSettings
) -> Flight | None:
    """What a track means by ways that were carried earlier; None: they are to be carried anew.

    While a boost may go on nothing is foretold: its kind is unknown, and there is no descent.
    """
    now = as_last_seen(track, settings)
    seen = seen_by(track, radars)
    if ways.flight.descent is None:
        return structs.replace(ways.flight, **seen)
    if boost_probability(now) > settings.greatest_boost_probability:
        return structs.replace(ways.flight, kind=FlightKind.UNKNOWN, descent=None, **seen)
    moved = _moved(ways, now, settings)
    return None if moved is None else structs.replace(ways.flight, descent=moved, **seen)


def _moved(ways: Ways, track: Track, settings: FlightSettings) -> Descent | None:
    """The descent as the fall of the estimate itself moved since; None where one does not fall."""
    descent = ways.flight.descent
    if descent is None or (
        track.time_ns == ways.time_ns and np.array_equal(track.state[:6], ways.state)
    ):
        return descent
    drag = 1.0 / settings.ballistic_parameter_kg_m2
    states = np.array([[*ways.state, drag], [*track.state[:6], drag]])
    one = carry_down(states, np.ones(2), None, origin_of(ways.flight.launch, track, None))
    if not one.landed.all():
        return None
    north = float(one.latitude_rad[1] - one.latitude_rad[0])
    east = math.remainder(float(one.longitude_rad[1] - one.longitude_rad[0]), 2.0 * math.pi)
    east *= math.cos(one.latitude_rad[0])
    later_ns = track.time_ns - ways.time_ns
    later_ns += round(float(one.time_s[1] - one.time_s[0]) * S)
    latitude, longitude = _beside(descent.latitude_rad, descent.longitude_rad, north, east)
    share = _shares(descent)
    path_latitude, path_longitude = _beside(
        descent.path_latitude_rad, descent.path_longitude_rad, north * share, east * share
    )
    when = descent.path_time_ns + np.round(later_ns * share).astype(np.int64)
    ahead = when >= track.time_ns
    return structs.replace(
        descent,
        time_ns=descent.time_ns + later_ns,
        latitude_rad=latitude,
        longitude_rad=longitude,
        path=descent.path[ahead],
        path_time_ns=when[ahead],
        path_latitude_rad=path_latitude[ahead],
        path_longitude_rad=path_longitude[ahead],
    )


def _shares(descent: Descent) -> NDArray[np.float64]:
    """How far along its path each point is, from 0 where it was last seen to 1 on the ground."""
    _, begin, count = np.unique(descent.path, return_index=True, return_counts=True)
    first = np.repeat(descent.path_time_ns[begin], count)
    last = np.repeat(descent.path_time_ns[begin + count - 1], count)
    return np.asarray((descent.path_time_ns - first) / np.maximum(last - first, 1))


def _beside(
    latitude_rad: NDArray[np.float64],
    longitude_rad: NDArray[np.float64],
    north_rad: float | NDArray[np.float64],
    east_rad: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places so far north and east of places, as angles at the Earth's centre."""
    narrow = np.maximum(np.cos(latitude_rad), _LEAST_COSINE)
    return latitude_rad + north_rad, wrapped(longitude_rad + east_rad / narrow)
