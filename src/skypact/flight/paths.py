"""A flight's path: what was seen of it, what was not, and where it is foretold to go."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.motion import coast_path
from skypact.model import Impact, Launch

_FORETOLD_POINTS = 200
_GAP_NS = 10_000_000_000
"""What was not seen for longer is drawn as foretold."""
_AIR_M = 40e3
"""Below it a fall is drawn as a curve to the impact: drag and lift bend it there."""
_BOOST_NS = 60_000_000_000
"""A launch is joined by a curve to where the path was so long after it, or later in the air."""
_CURVE_POINTS = 24
_RISE_ENDS = 3.0
"""A rise from rest comes in no faster than so many times its mean speed: that is the way by the
cube of time, the swiftest end of a curve that never turns back."""
_FALL_BEGINS, _FALL_ENDS = 2.0, 0.5
"""A fall begins no faster than so many times its mean speed, and ends so fast: the swiftest begin
of a curve that slows down all the way."""

FloatArray = NDArray[np.float64]


class Path(NamedTuple):
    """UTC ns (k,), latitude rad, longitude rad, height m (k, 3), and ECEF m and m/s (k, 6)."""

    time_ns: NDArray[np.int64]
    places: FloatArray
    states: FloatArray

    @property
    def gaps(self) -> NDArray[np.int64]:
        """Numbers of the points after which it was not seen for long."""
        step_ns = np.diff(self.time_ns)
        # A path of a radar that looks seldom, or that was thinned, has no gap at each step.
        usual_ns = 3.0 * float(np.median(step_ns)) if len(step_ns) else 0.0
        return np.flatnonzero(step_ns > max(_GAP_NS, usual_ns))


def path_of(points: Sequence[tuple[int, Sequence[float] | FloatArray]]) -> Path:
    """A path through times (UTC ns) and states (ECEF)."""
    times = np.array([time_ns for time_ns, _ in points], np.int64)
    states = np.array([state for _, state in points], float).reshape(-1, 6)
    places = [geodetic_from_ecef(*map(float, state[:3])) for state in states]
    return Path(times, np.array(places, float).reshape(-1, 3), states)


def stretches(path: Path) -> list[Path]:
    """The parts of a path that were seen."""
    cuts = np.append(path.gaps + 1, len(path.time_ns))
    begins = np.append(0, cuts[:-1])
    return [
        Path._make(column[begin:end] for column in path)
        for begin, end in zip(begins, cuts, strict=True)
        if end > begin
    ]


def unseen(path: Path) -> list[Path]:
    """Where it was between its parts that were seen: free flight, bent to meet the next part."""
    found = []
    for i in path.gaps:
        (begin_ns, start), (end_ns, goal) = (
            (int(path.time_ns[k]), path.states[k]) for k in (i, i + 1)
        )
        times = _times(begin_ns, end_ns, _FORETOLD_POINTS)
        states = [start]
        for step_s in np.diff(times) * 1e-9:
            states.append(np.array(_coasted(states[-1], float(step_s))))
        share = np.linspace(0.0, 1.0, len(times))[:, None]
        bent = np.array(states) + share * (goal - states[-1])
        found.append(path_of(list(zip(map(int, times), bent, strict=True))))
    return found


def before(launch: Launch | None, path: Path) -> Path:
    """From the launch to where the path begins; empty where either is unknown.

    Free flight back into the air or to a minute after the launch, and a curve before that; it
    begins no later than where a curve from rest still comes in with the speed that was flown.
    """
    if launch is None or not len(path.time_ns) or launch.time_ns >= path.time_ns[0]:
        return path_of([])
    points = [(int(path.time_ns[0]), path.states[0])]
    step_ns = max(1_000_000_000, (points[0][0] - launch.time_ns) // _FORETOLD_POINTS)
    on_ground = _on_ground(launch)
    while points[-1][0] - step_ns > launch.time_ns + _BOOST_NS:
        state = np.array(_coasted(points[-1][1], -step_ns * 1e-9))
        time_ns = points[-1][0] - step_ns
        if geodetic_from_ecef(*map(float, state[:3]))[2] < _AIR_M:
            break
        if _is_beyond(on_ground, state, (time_ns - launch.time_ns) * 1e-9):
            break
        points.append((time_ns, state))
    end_ns, end = points[-1]
    lasts_s = (end_ns - launch.time_ns) * 1e-9
    rise = _curve(on_ground, np.zeros(3), end[:3], _not_beyond(on_ground, end, lasts_s, _RISE_ENDS))
    times = _times(launch.time_ns, end_ns, len(rise))[:-1]
    points += [(int(time_ns), at) for time_ns, at in zip(times[::-1], rise[-2::-1], strict=True)]
    return _ending_on_ground(path_of(points[::-1]), launch, 0)


def foretold(impact: Impact | None, path: Path) -> Path:
    """From where the path ends to the impact; empty where that is unknown.

    Free flight above 40 km, then a curve to the impact as estimated.
    """
    if impact is None or not len(path.time_ns):
        return path_of([])
    points = [(int(path.time_ns[-1]), path.states[-1])]
    step_ns = max(1_000_000_000, (impact.time_ns - points[0][0]) // _FORETOLD_POINTS)
    height = path.places[-1, 2]
    while points[-1][0] + step_ns < impact.time_ns:
        state = np.array(_coasted(points[-1][1], step_ns * 1e-9))
        above, height = height, geodetic_from_ecef(*map(float, state[:3]))[2]
        if height < min(above, _AIR_M):
            break
        points.append((points[-1][0] + step_ns, state))
    begin_ns, begin = points[-1]
    on_ground = _on_ground(impact)
    lasts_s = max(0.0, (impact.time_ns - begin_ns) * 1e-9)
    leaving = _not_beyond(on_ground, begin, lasts_s, _FALL_BEGINS)
    fall = _curve(begin[:3], leaving, on_ground, _FALL_ENDS * (on_ground - begin[:3]))
    times = _times(begin_ns, impact.time_ns, len(fall))
    points += [(int(time_ns), at) for time_ns, at in zip(times[1:], fall[1:], strict=True)]
    return _ending_on_ground(path_of(points), impact, -1)


def _times(begin_ns: int, end_ns: int, count: int) -> NDArray[np.int64]:
    """Evenly from one time to another, both exact."""
    return begin_ns + np.rint(np.linspace(0.0, end_ns - begin_ns, count)).astype(np.int64)


def _coasted(state: FloatArray, seconds: float) -> tuple[float, ...]:
    return coast_path(*map(float, state), seconds, field(PATH_DEGREE))


def _on_ground(at: Launch | Impact) -> FloatArray:
    return np.array(ecef_from_geodetic(at.latitude_rad, at.longitude_rad, 0.0))


def _not_beyond(ground: FloatArray, state: FloatArray, seconds: float, times: float) -> FloatArray:
    """How far the velocity reaches in a time, no farther than so many times the way."""
    reach = seconds * state[3:]
    longest = times * float(np.linalg.norm(state[:3] - ground))
    return reach * min(1.0, longest / max(float(np.linalg.norm(reach)), 1.0))


def _is_beyond(ground: FloatArray, state: FloatArray, seconds: float) -> bool:
    """Whether a rise from rest, as long as that, cannot have come in so fast."""
    reach = seconds * float(np.linalg.norm(state[3:]))
    return reach > _RISE_ENDS * float(np.linalg.norm(state[:3] - ground))


def _curve(
    start: FloatArray, leaving: FloatArray, end: FloatArray, coming: FloatArray
) -> FloatArray:
    """(k, 6) places of Hermite's cubic between two points with their tangents; at rest."""
    t = np.linspace(0.0, 1.0, _CURVE_POINTS)[:, None]
    places = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leaving
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * coming
    )
    return np.hstack((places, np.zeros_like(places)))


def _ending_on_ground(path: Path, at: Launch | Impact, end: int) -> Path:
    """A path whose height is nowhere below the ground, and one end of it exactly a known place."""
    path.places[:, 2] = np.maximum(path.places[:, 2], 0.0)
    path.places[end] = at.latitude_rad, at.longitude_rad, 0.0
    return path
