"""Tracks, flights and radars as a desk shows them: made from those of the stages."""

import math
from collections.abc import Sequence

import numpy as np

from skypact.flight.ground import EARTH_RADIUS_M
from skypact.flight.paths import FloatArray, Path, foretold, path_of
from skypact.kernels.geodesic import geodesic_direct
from skypact.kernels.geodesy import geodetic_from_ecef, local_axes
from skypact.kernels.radar_geometry import lowest_visible_height
from skypact.model import Coverage, Flight, Phase, Radar, ShownPath, ShownRadar, ShownTrack, Track

_UPPER = np.triu_indices(3)
COVERAGE_HEIGHTS_M = (10e3, 50e3, 100e3, 200e3, 500e3, 1000e3)
_RING_POINTS = 72
_NO_BENDING = 1.0
_FARTHEST_M = 15_000e3


def shown_tracks(tracks: Sequence[Track]) -> tuple[ShownTrack, ...]:
    """Tracks in the desk's terms, all at once: a node tells of hundreds several times a second."""
    if not tracks:
        return ()
    states = np.array([track.state for track in tracks])
    covariances = np.array([track.covariance for track in tracks])
    places = [geodetic_from_ecef(*place) for place in states[:, :3].tolist()]
    axes = np.array([local_axes(place[0], place[1]) for place in places]).reshape(-1, 3, 3)
    velocities = (axes @ states[:, 3:, None])[:, :, 0].tolist()
    local = axes @ covariances[:, :3, :3] @ axes.transpose(0, 2, 1)
    upper = local[:, _UPPER[0], _UPPER[1]].tolist()
    of_speed = np.trace(covariances[:, 3:, 3:], axis1=1, axis2=2)
    sigmas = np.sqrt(np.maximum(0.0, of_speed)).tolist()
    return tuple(
        ShownTrack(
            track.id,
            track.status,
            _phase(track),
            track.time_ns,
            *(latitude, longitude, height),
            *(east, north, up),
            tuple(covariance),
            sigma,
            track.last_plot_ns,
            track.plots,
            len(track.plots_by_radar) + sum(map(len, track.plots_by_partner.values())),
        )
        for track, (latitude, longitude, height), (east, north, up), covariance, sigma in zip(
            tracks, places, velocities, upper, sigmas, strict=True
        )
    )


def _phase(track: Track) -> Phase:
    return max(track.phases, key=lambda one: one.probability).phase if track.phases else Phase.COAST


def expected_path(track: Track, flight: Flight) -> ShownPath:
    """Where a flight is thought to go from now to its impact; empty where that is not known."""
    return shown_path(foretold(flight.impact, path_of([(track.time_ns, track.state)])))


def shown_path(path: Path) -> ShownPath:
    """A path's columns; the speed of a curve to the ground is that between its points."""
    speed = np.linalg.norm(path.states[:, 3:], axis=1)
    time_s = (path.time_ns - path.time_ns[:1]) * 1e-9
    for k in np.flatnonzero(speed == 0.0):
        if k:
            step = float(np.linalg.norm(path.states[k, :3] - path.states[k - 1, :3]))
            speed[k] = step / max(1e-3, float(time_s[k] - time_s[k - 1]))
    latitude, longitude, height = (_reals(path.places[:, k]) for k in range(3))
    times = np.ascontiguousarray(path.time_ns, "<i8").tobytes()
    return ShownPath(times, latitude, longitude, height, _reals(speed))


def _reals(values: FloatArray) -> bytes:
    return np.ascontiguousarray(values, "<f8").tobytes()


def shown_radars(
    radars: Sequence[Radar], heights_m: Sequence[float] = COVERAGE_HEIGHTS_M
) -> list[ShownRadar]:
    """Radars, each with what it covers at these heights, where it covers anything."""
    out = []
    for radar in radars:
        reach = [(height, _reach_m(radar, height)) for height in heights_m]
        rings = tuple(Coverage(height, _ring(radar, far)) for height, far in reach if far > 0.0)
        out.append(ShownRadar(radar, rings))
    return out


def _reach_m(radar: Radar, height_m: float) -> float:
    """The greatest ground distance at which a radar sees what is so high."""
    near, far = 0.0, min(radar.max_range_m, _FARTHEST_M)
    if height_m <= radar.height_m:
        return 0.0
    for _ in range(40):
        middle = 0.5 * (near + far)
        seen = (
            lowest_visible_height(middle, radar.min_elevation_rad, radar.height_m, _NO_BENDING)
            <= height_m
            and _slant_m(middle, radar.height_m, height_m) <= radar.max_range_m
        )
        near, far = (middle, far) if seen else (near, middle)
    return near


def _slant_m(ground_m: float, from_m: float, to_m: float) -> float:
    """Straight from one height to another so far away, over a spherical Earth."""
    low, high = EARTH_RADIUS_M + from_m, EARTH_RADIUS_M + to_m
    half = math.sin(0.5 * ground_m / EARTH_RADIUS_M)
    return math.sqrt((high - low) ** 2 + 4.0 * low * high * half * half)


def _ring(radar: Radar, far_m: float) -> tuple[tuple[float, float], ...]:
    points = []
    for azimuth in np.linspace(0.0, 2.0 * math.pi, _RING_POINTS, endpoint=False):
        latitude, longitude = geodesic_direct(
            radar.latitude_rad, radar.longitude_rad, float(azimuth), far_m
        )
        points.append((longitude, latitude))
    return (*points, points[0])
