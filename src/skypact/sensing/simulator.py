"""Flights as they truly were: from a programme to the path of each object, in full detail.

Truth feels gravity to degree and order 60 (EGM2008, from the package `brahe`), which is more than
the tracker knows. Paths are nodes of the integration with cubic Hermite curves between them
(Hairer, Nørsett, Wanner, Solving ODE I (1993), II.6): below 0.01 m and 0.01 m/s off the
integrator, the steps being short (5 s above the air).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skypact.errors import ScenarioError
from skypact.kernels.geodesy import geodetic_from_ecef, height_and_up
from skypact.kernels.gravity import field
from skypact.kernels.motion import air_axes
from skypact.kernels.powered_flight import (
    FULL,
    LANDED,
    Body,
    Ending,
    descend,
    fly,
)
from skypact.sensing.flight_programme import FlightProgramme, Part
from skypact.sensing.solve import Solution, body_of, boost_of, rows_of, solve

TRUTH_DEGREE = 60
_MOST_ROWS = 200_000
_NO_MANOEUVRES = np.zeros((0, 10))


class Place(NamedTuple):
    """An instant and a geodetic WGS84 place: UTC ns since 1970, rad, m."""

    time_ns: int
    latitude_rad: float
    longitude_rad: float
    height_m: float


class TruthPath(NamedTuple):
    """The true path of one object.

    `time_ns` int64 (n,), UTC since 1970, strictly rising; `position_ecef_m`, `velocity_ecef_m_s`
    (n, 3): nodes of the integration, closest where forces change. `phase` int8 (n,): the
    `model.Phase` of the stretch that begins at the node: the force that acts there, so re-entry
    wherever the object falls or coasts in air (below 120 km), up or down.

    `parent` is the id of the object it came off, else None. `launch` is where and when the flight
    began, for parts too (their path starts at their separation). `burnout_time_ns` is that of the
    object's own last thrust: for a part, its separation.
    """

    object_id: str
    parent: str | None
    kind: str
    time_ns: NDArray[np.int64]
    position_ecef_m: NDArray[np.float64]
    velocity_ecef_m_s: NDArray[np.float64]
    phase: NDArray[np.int8]
    launch: Place
    impact: Place
    burnout_time_ns: int
    apogee: Place

    def state_at(self, time_ns: ArrayLike) -> NDArray[np.float64]:
        """Position m and velocity m/s, ECEF (n, 6), at `time_ns` (n,); NaN off the path."""
        return states_between(
            self.time_ns, self.position_ecef_m, self.velocity_ecef_m_s, np.asarray(time_ns)
        )

    def phase_at(self, time_ns: ArrayLike) -> NDArray[np.int8]:
        """`model.Phase` as int8 (n,) at `time_ns` (n,); that of the nearest end off the path."""
        left = np.searchsorted(self.time_ns, np.asarray(time_ns), side="right") - 1
        return self.phase[np.clip(left, 0, len(self.phase) - 1)]


def states_between(
    node_ns: NDArray[np.int64],
    position_m: NDArray[np.float64],
    velocity_m_s: NDArray[np.float64],
    time_ns: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Position and velocity (n, 6) at `time_ns` (n,) from nodes of them; NaN off the path."""
    asked = np.asarray(time_ns, dtype=np.int64)
    left = np.searchsorted(node_ns, asked, side="right") - 1
    left = np.clip(left, 0, len(node_ns) - 2)
    begin = node_ns[left]
    h = ((node_ns[left + 1] - begin) * 1e-9)[..., None]
    s = ((asked - begin) * 1e-9)[..., None] / h
    p0, p1 = position_m[left], position_m[left + 1]
    v0, v1 = velocity_m_s[left] * h, velocity_m_s[left + 1] * h
    step = p1 - p0
    # p0 + s v0 + s² (3 step - 2 v0 - v1) + s³ (v0 + v1 - 2 step): small numbers last
    square, cube = 3.0 * step - 2.0 * v0 - v1, v0 + v1 - 2.0 * step
    position = p0 + s * (v0 + s * (square + s * cube))
    velocity = (v0 + s * (2.0 * square + 3.0 * s * cube)) / h
    state = np.concatenate((position, velocity), axis=-1)
    state[(asked < node_ns[0]) | (asked > node_ns[-1])] = np.nan
    return state


def fly_programme(
    programme: FlightProgramme, solution: Solution | None = None
) -> tuple[TruthPath, ...]:
    """Fly one programme: the path of its object first, then those of its parts.

    `solution` spares the search where it is known. Raises ScenarioError for what cannot be flown:
    an apogee and range out of reach, a thrust below the weight, a part that comes off too late.
    """
    solution = solution or solve(programme)
    boost = boost_of(programme, solution.burn)
    out = np.empty((_rows_needed(solution), 8))
    ending = fly(
        boost, body_of(programme), rows_of(solution.manoeuvres), field(TRUTH_DEGREE), False, out
    )
    main = _path(programme, programme.object_id, None, str(programme.kind), ending, out)
    return (main, *(_fly_part(programme, part, main) for part in programme.parts))


def _rows_needed(solution: Solution) -> int:
    """Enough for the finest steps in air, one in 0.05 s for at most an hour."""
    air_s = 600.0 if not solution.manoeuvres else 3600.0
    return min(_MOST_ROWS, int(solution.ending.impact_s + air_s / 0.05) + 2000)


def _fly_part(programme: FlightProgramme, part: Part, main: TruthPath) -> TruthPath:
    begin_ns = programme.launch_time_ns + round(part.time_s * 1e9)
    state = main.state_at(np.array([begin_ns]))[0]
    if not np.isfinite(state).all():
        raise ScenarioError(
            f"{programme.object_id}: part {part.object_id} comes off at {part.time_s:g} s, but the "
            f"flight lasts {(main.impact.time_ns - main.launch.time_ns) / 1e9:.0f} s; "
            "let it come off earlier"
        )
    x, y, z, vx, vy, vz = (float(number) for number in state)
    _, ux, uy, uz = height_and_up(x, y, z)
    axes = np.array(air_axes(vx, vy, vz, (ux, uy, uz))[1:]).reshape(3, 3)
    velocity = state[3:] + np.array([-part.backward_m_s, part.up_m_s, part.right_m_s]) @ axes
    out = np.empty((_MOST_ROWS, 8))
    ending = descend(
        part.time_s,
        (x, y, z, float(velocity[0]), float(velocity[1]), float(velocity[2])),
        part.time_s,
        (x, y, z),
        Body(1.0 / part.beta_kg_m2),
        _NO_MANOEUVRES,
        field(TRUTH_DEGREE),
        False,
        0,
        out,
    )
    return _path(programme, part.object_id, programme.object_id, part.kind, ending, out)


def _path(
    programme: FlightProgramme,
    object_id: str,
    parent: str | None,
    kind: str,
    ending: Ending,
    out: NDArray[np.float64],
) -> TruthPath:
    if ending.status != LANDED:
        why = "is too long to keep" if ending.status == FULL else "does not come down"
        raise ScenarioError(f"{programme.object_id}: {object_id} {why}; lower the burn")
    nodes = out[: ending.rows]
    time_ns = programme.launch_time_ns + np.rint(nodes[:, 0] * 1e9).astype(np.int64)
    rising = np.concatenate(([True], np.diff(time_ns) > 0))
    nodes, time_ns = nodes[rising].copy(), time_ns[rising]
    launch = Place(
        programme.launch_time_ns,
        programme.latitude_rad,
        programme.longitude_rad,
        programme.height_m,
    )
    path = TruthPath(
        object_id=object_id,
        parent=parent,
        kind=kind,
        time_ns=time_ns,
        position_ecef_m=np.ascontiguousarray(nodes[:, 1:4]),
        velocity_ecef_m_s=np.ascontiguousarray(nodes[:, 4:7]),
        phase=nodes[:, 7].astype(np.int8),
        launch=launch,
        impact=_place(int(time_ns[-1]), nodes[-1, 1:4]),
        burnout_time_ns=programme.launch_time_ns + round(ending.burnout_s * 1e9),
        apogee=launch,
    )
    return path._replace(apogee=_apogee(path, programme.launch_time_ns, ending.apogee_s))


def _place(time_ns: int, position: NDArray[np.float64]) -> Place:
    return Place(time_ns, *geodetic_from_ecef(*(float(number) for number in position)))


def _apogee(path: TruthPath, launch_ns: int, about_s: float) -> Place:
    """The highest place near the integration's guess, to the nearest 10 ms."""
    middle = launch_ns + round(about_s * 1e9)
    times = middle + np.arange(-300, 301, dtype=np.int64) * 10_000_000
    times = times[(times >= path.time_ns[0]) & (times <= path.time_ns[-1])]
    positions = path.state_at(times)[:, :3]
    heights = [height_and_up(*(float(number) for number in p))[0] for p in positions]
    best = int(np.argmax(heights))
    return _place(int(times[best]), positions[best])
