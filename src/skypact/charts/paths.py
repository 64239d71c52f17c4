"""Where each track went, and where it is foretold to go."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.motion import coast_path
from skypact.model import Flight, Launch, Track
from skypact.tracking import Updates

_STEP_NS = 250_000_000
_MOST_POINTS = 2000
_FORETOLD_POINTS = 200
_AIR_M = 40e3
"""Below it a fall is drawn straight to the impact: drag and lift bend it there."""

FloatArray = NDArray[np.float64]


class Path(NamedTuple):
    """UTC ns (k,), and latitude rad, longitude rad, height m (k, 3)."""

    time_ns: NDArray[np.int64]
    places: FloatArray


class GroundPaths:
    """Where each track went, thinned as it grows: at most 2,000 points of each are kept."""

    def __init__(self) -> None:
        self._points: dict[int, list[tuple[int, float, float, float]]] = {}
        self._step_ns: dict[int, int] = {}

    def take(self, updates: Updates) -> None:
        """Add the estimates of a batch."""
        for track in np.unique(updates.track):
            number = int(track)
            own = np.flatnonzero(updates.track == track)
            points = self._points.setdefault(number, [])
            step_ns = self._step_ns.setdefault(number, _STEP_NS)
            slot = updates.time_ns[own] // step_ns
            last = points[-1][0] // step_ns if points else -1
            for i in own[np.diff(slot, prepend=last) != 0]:
                place = geodetic_from_ecef(*(float(n) for n in updates.state[i, :3]))
                points.append((int(updates.time_ns[i]), *place))
            if len(points) > _MOST_POINTS:
                self._points[number] = points[::2]
                self._step_ns[number] = 2 * step_ns

    def of(self, track: int) -> Path:
        """The path of a track."""
        return _path(self._points.get(track, []))


def before(launch: Launch | None, path: Path) -> Path:
    """Straight from the launch to where the path begins; empty where either is unknown."""
    if launch is None or not len(path.time_ns):
        return _path([])
    start = (launch.time_ns, launch.latitude_rad, launch.longitude_rad, 0.0)
    return _path([start, (int(path.time_ns[0]), *path.places[0])])


def foretold(track: Track, flight: Flight, path: Path) -> Path:
    """From where the path ends to the impact; empty where that is unknown.

    Free flight as long as the track's state is above 40 km, then straight to the impact as
    estimated.
    """
    impact = flight.impact
    if impact is None or not len(path.time_ns):
        return _path([])
    points = [(int(path.time_ns[-1]), *path.places[-1])]
    state = tuple(float(n) for n in track.state)
    time_ns, place = track.time_ns, geodetic_from_ecef(*state[:3])
    step_ns = max(1_000_000_000, (impact.time_ns - time_ns) // _FORETOLD_POINTS)
    while time_ns + step_ns < impact.time_ns:
        state = coast_path(*state, step_ns * 1e-9, field(PATH_DEGREE))
        time_ns, above, place = time_ns + step_ns, place[2], geodetic_from_ecef(*state[:3])
        if place[2] < min(above, _AIR_M):
            break
        points.append((time_ns, *place))
    points.append((impact.time_ns, impact.latitude_rad, impact.longitude_rad, 0.0))
    return _path(points)


def _path(points: list[tuple[int, float, float, float]]) -> Path:
    times = np.array([point[0] for point in points], np.int64)
    return Path(times, np.array([point[1:] for point in points], float).reshape(-1, 3))
