"""Where and when it was launched: many boosts, weighted by how like what was seen they are.

The first plots give the state at the first plot. Before it lies a boost that nobody saw; what is
believed of boosts (kernels/powered_flight.py, over a wide family) says how far back and how long
ago the launch lies for such a state. A weighted linear regression over the boosts nearest to the
state carries its uncertainty through (Blum, François, "Non-linear regression models for approximate
Bayesian computation", Statistics and Computing 20, 2010, eq. 4).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight.ground import ellipse_of, geodetic_from_plane
from skypact.flight.samples import normal_points, square_root, uniform_points
from skypact.kernels import filter as kf
from skypact.kernels.boost_family import (
    ABOVE_COLUMNS,
    BACK_M,
    BOOST_COLUMNS,
    BURN_S,
    BURNING,
    GAIN_M_S,
    GAIN_SHARE,
    INVERSE_BETA_M2_KG,
    PATH_ANGLE_RAD,
    PITCH_RAD,
    PROPELLANT,
    RIGHT_M,
    RISES,
    SINCE_LAUNCH_S,
    SPEED_M_S,
    STAGES,
    THRUST_M_S2,
    TIME_SHARE,
    VERTICAL_S,
    fly_family,
)
from skypact.kernels.filter import CORE, scratch
from skypact.kernels.fit import PLOT_TIME_S, StartPriors, fit_path
from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef, local_axes
from skypact.kernels.gravity import TABLE_DEGREE_20
from skypact.kernels.motion import (
    AIR_TOP_M,
    BOOST,
    COAST,
    REENTRY,
    coast_path,
    gravity_remainder,
    step,
)
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.kernels.radar_table import radar_array
from skypact.model import Launch, Radar, Track
from skypact.settings import FlightSettings

_NO_TABLE = np.zeros((0, 8))
_PRIORS = StartPriors(
    speed_sigma_m_s=4000.0,
    thrust_sigma_m_s2=30.0,
    ln_inverse_ballistic=-math.log(5000.0),
    ln_inverse_ballistic_sigma=0.5,
    thrust_density_m2_s5=4.0,
)
# Spans of first plots that are tried for a boost, s: the shortest that knows the velocity is taken.
_BOOST_SPANS_S = (4.0, 7.0, 12.0, 20.0)
_KNOWN_SPEED_SIGMA_M_S = 60.0
# So many boosts at least must be near the state for the regression, by effective number.
_LEAST_NEIGHBOURS = 60.0
# Thrust is seen less what drag takes, which the family's thrust does not know.
_DRAG_SIGMA_M_S2 = 2.0


class FirstSight(NamedTuple):
    """The state at a track's first plot, from its first plots.

    `state` (9,): ECEF position m, velocity m/s, thrust acceleration m/s² (0 in free flight);
    `covariance` (9, 9).
    """

    burning: bool
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


def first_sight(track: Track, radars: Sequence[Radar]) -> FirstSight | None:
    """Fit the first plots: as free flight over all of them, else as a boost over the first few.

    None where neither fits or the velocity stays unknown.
    """
    plots = track.first_plots
    rows, n = radar_array(radars)
    if len(plots) < 4:
        return None
    spans = [(len(plots), False)]
    for span in _BOOST_SPANS_S:
        count = int(np.searchsorted(plots[:, PLOT_TIME_S], span, side="right"))
        if count >= 4:
            spans.append((count, True))
    found = None
    for count, burning in spans:
        sight = _fitted(plots[:count], burning, rows, n)
        if sight is None:
            continue
        found = sight
        if math.sqrt(np.trace(sight.covariance[3:6, 3:6])) < _KNOWN_SPEED_SIGMA_M_S:
            break
    return found


def _fitted(
    plots: NDArray[np.float64], burning: bool, rows: NDArray[np.float64], n: int
) -> FirstSight | None:
    """Fit one motion to `plots` (k, 6), taken back to the first; None where it does not fit."""
    x = np.zeros(n)
    x[:3] = _place_of(plots[-1], rows)
    span = plots[-1, 0] - plots[0, 0]
    if span > 0.0:
        x[3:6] = (x[:3] - _place_of(plots[0], rows)) / span
    p = np.zeros((n, n))
    remainder = gravity_remainder(*x[:3], TABLE_DEGREE_20)
    height = geodetic_from_ecef(*x[:3])[2]
    phase = BOOST if burning else (COAST if height > AIR_TOP_M else REENTRY)
    if phase == REENTRY:
        x[6] = _PRIORS.ln_inverse_ballistic
    ok, chi_squared, _ = fit_path(
        phase, plots, len(plots), x, p, remainder, rows, _PRIORS, scratch(n)
    )
    degrees = 3.0 * len(plots) + n - 3.0
    if not ok or chi_squared > degrees + 5.0 * math.sqrt(2.0 * degrees):
        return None
    mean, covariance = _taken_back(phase, x[:CORE], p[:CORE, :CORE], span, remainder)
    if not burning:
        mean[6:] = 0.0
    elif np.linalg.norm(mean[6:9]) < 3.0 * math.sqrt(np.trace(covariance[6:9, 6:9])):
        return None  # a boost whose thrust is not seen tells nothing of where it began
    return FirstSight(burning, mean, covariance)


def _place_of(plot: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """ECEF m of one kept plot (6,)."""
    radar = rows[int(plot[1])]
    axes = tuple(radar[kf.AXES : kf.AXES + 9])
    return np.asarray(
        radar[kf.SITE : kf.SITE + 3] + turn_to_ecef(*local_from_polar(*plot[2:5]), axes)
    )


def _taken_back(
    phase: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    span_s: float,
    remainder: tuple[float, float, float],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State (9,) and covariance `span_s` earlier, by central differences through the motion."""

    def back(state: NDArray[np.float64]) -> NDArray[np.float64]:
        steps = max(1, math.ceil(span_s / 1.0))
        moved = tuple(state[:6])
        for _ in range(steps):
            moved = step(phase, *moved, *state[6:9], -span_s / steps, remainder)
        return np.concatenate([moved, state[6:9]])

    sigma = np.sqrt(np.maximum(np.diag(p), 0.0))
    jacobian = np.zeros((CORE, CORE))
    for i in np.flatnonzero(sigma):
        shift = np.zeros(CORE)
        shift[i] = sigma[i]
        jacobian[:, i] = (back(x + shift) - back(x - shift)) / (2.0 * sigma[i])
    return back(x), jacobian @ p @ jacobian.T


def boost_family(count: int) -> NDArray[np.float64]:
    """`count` boosts (count, 9) as they are believed to be before anything is seen.

    Gain log-uniform 0.9 to 9 km/s; burn time about 60 s + 240 s / (1 + (6.3 km/s / gain)^7), 1σ
    15 %, as is public of burn times; pitch at burn-out uniform 0° to 100°; straight up for 4 to
    8 s; one stage below 3 to 6 km/s of gain, above that two.
    """
    u = uniform_points(count, 8)
    boosts = np.zeros((count, BOOST_COLUMNS))
    gain = 900.0 * 10.0 ** u[:, 0]
    boosts[:, GAIN_M_S] = gain
    spread = np.exp(0.15 * normal_points(count, 8)[:, 1])
    boosts[:, BURN_S] = (60.0 + 240.0 / (1.0 + (6300.0 / gain) ** 7)) * spread
    boosts[:, PITCH_RAD] = np.radians(100.0) * u[:, 2]
    boosts[:, VERTICAL_S] = 4.0 + 4.0 * u[:, 3]
    boosts[:, STAGES] = np.where(gain < 3000.0 + 3000.0 * u[:, 4], 1.0, 2.0)
    boosts[:, TIME_SHARE] = 0.45 + 0.2 * u[:, 5]
    boosts[:, GAIN_SHARE] = 0.28 + 0.16 * u[:, 6]
    boosts[:, PROPELLANT] = np.where(
        boosts[:, STAGES] == 1.0, 0.64 + 0.16 * u[:, 7], 0.72 + 0.16 * u[:, 7]
    )
    boosts[:, INVERSE_BETA_M2_KG] = 1.0 / 15000.0
    return boosts


def launch_of(track: Track, radars: Sequence[Radar], settings: FlightSettings) -> Launch | None:
    """Launch point and time of a track; None where the first plots do not tell."""
    sight = first_sight(track, radars)
    if sight is None:
        return None
    earlier_s = 0.0
    if not sight.burning:
        risen = _back_to_rising(sight)
        if risen is None:
            return None
        sight, earlier_s = risen
    return _matched(track, sight, earlier_s, settings)


def _back_to_rising(sight: FirstSight) -> tuple[FirstSight, float] | None:
    """A free flight first seen falling, taken back to where it rose to six tenths of its height.

    Returns the state there and how many seconds earlier. None where it never rose within an hour.
    """

    def climb_and_height(state: NDArray[np.float64]) -> tuple[float, float]:
        latitude, longitude, height = geodetic_from_ecef(*state[:3])
        up = np.array(local_axes(latitude, longitude)[6:])
        return float(up @ state[3:6]), height

    climb, height = climb_and_height(sight.state)
    if climb > 0.0:
        return sight, 0.0
    state, earlier, highest = sight.state[:6], 0.0, height
    while earlier < 3600.0:
        state = np.array(coast_path(*state, -5.0, TABLE_DEGREE_20))
        earlier += 5.0
        climb, height = climb_and_height(state)
        highest = max(highest, height)
        if climb > 0.0 and height < 0.6 * highest:
            break
    else:
        return None

    def back(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(coast_path(*x, -earlier, TABLE_DEGREE_20))

    sigma = np.sqrt(np.diag(sight.covariance)[:6])
    jacobian = np.column_stack(
        [
            (back(sight.state[:6] + d) - back(sight.state[:6] - d)) / (2.0 * s)
            for s, d in zip(sigma, np.diag(sigma), strict=True)
        ]
    )
    covariance = np.zeros((CORE, CORE))
    covariance[:6, :6] = jacobian @ sight.covariance[:6, :6] @ jacobian.T
    return FirstSight(False, np.concatenate([state, np.zeros(3)]), covariance), earlier


def _features(state: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height m, speed m/s, path angle rad, heading rad, thrust along the velocity m/s²."""
    latitude, longitude, height = geodetic_from_ecef(*state[:3])
    east, north, up = np.array(local_axes(latitude, longitude)).reshape(3, 3) @ state[3:6]
    speed = np.linalg.norm(state[3:6])
    thrust = np.linalg.norm(state[6:9])
    return np.array(
        [height, speed, math.atan2(up, math.hypot(east, north)), math.atan2(east, north), thrust]
    )


def _matched(
    track: Track, sight: FirstSight, earlier_s: float, settings: FlightSettings
) -> Launch | None:
    """Weigh a family of boosts by how like the sighted state they are at its height."""
    latitude, longitude, height = geodetic_from_ecef(*sight.state[:3])
    _, speed, angle, heading, thrust = _features(sight.state)
    # The state's own uncertainty in what the boosts are compared by.
    points = normal_points(256, CORE) @ square_root(sight.covariance).T
    spread = np.array([_features(sight.state + point) for point in points])
    spread[:, 3] = (spread[:, 3] - heading + math.pi) % (2.0 * math.pi) - math.pi + heading
    seen = np.cov(spread.T)
    compared = [1, 2, 4] if sight.burning else [1, 2]
    # How far the height is off counts as the speed that was gained over it: small, left out.
    noise = seen[np.ix_(compared, compared)].copy()
    if sight.burning:
        noise[2, 2] += _DRAG_SIGMA_M_S2**2
    boosts = boost_family(settings.launch_samples)
    above = np.zeros((len(boosts), ABOVE_COLUMNS))
    ground = ecef_from_geodetic(latitude, longitude, 0.0)
    fly_family(boosts, ground, heading, max(height, 100.0), _NO_TABLE, above)
    fits = (above[:, RISES] > 0.0) & (above[:, BURNING] == (1.0 if sight.burning else 0.0))
    if fits.sum() < 10:
        return None
    above = above[fits]
    columns = [SPEED_M_S, PATH_ANGLE_RAD, THRUST_M_S2][: len(compared)]
    target = np.array([speed, angle, thrust])[: len(compared)]
    weight = _neighbour_weights(above[:, columns] - target, noise)
    if weight is None:
        return None
    outcome = above[:, [BACK_M, RIGHT_M, SINCE_LAUNCH_S]]
    mean, covariance = _regressed(above[:, columns] - target, outcome, weight, noise)
    back, right, since = mean
    if since < 0.0:
        return None
    # The place itself and the heading are uncertain too.
    axes = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    place = (axes @ sight.covariance[:3, :3] @ axes.T)[:2, :2]
    ahead = np.array([math.sin(heading), math.cos(heading)])
    rightward = np.array([math.cos(heading), -math.sin(heading)])
    turn = np.column_stack([-ahead, rightward])
    offset = turn @ np.array([back, right])
    flat = turn @ covariance[:2, :2] @ turn.T + place
    flat += np.outer(rightward, rightward) * back * back * seen[3, 3]
    where = geodetic_from_plane((latitude, longitude), *offset)
    return Launch(
        time_ns=track.first_plot_ns - round((earlier_s + since) * 1e9),
        time_sigma_s=float(math.sqrt(covariance[2, 2])),
        latitude_rad=where[0],
        longitude_rad=where[1],
        ellipse_95=ellipse_of(flat + np.eye(2)),
    )


def _neighbour_weights(
    away: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Weights (n,) of boosts by how far `away` (n, d) they are, the window no wider than needed."""
    scale = np.maximum(away.std(axis=0), 1e-9)
    width = 0.02
    while width < 1.0:
        spread = noise + np.diag((width * scale) ** 2)
        distance = np.einsum("ni,ij,nj->n", away, np.linalg.inv(spread), away)
        weight = np.exp(-0.5 * (distance - distance.min()))
        inside = distance.min() < 16.0
        if inside and weight.sum() ** 2 / (weight**2).sum() >= _LEAST_NEIGHBOURS:
            return np.asarray(weight / weight.sum())
        width *= 1.3
    return None


def _regressed(
    away: NDArray[np.float64],
    outcome: NDArray[np.float64],
    weight: NDArray[np.float64],
    noise: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (3,) and covariance (3, 3) of `outcome` (n, 3) where `away` (n, d) is 0 ± noise."""
    design = np.column_stack([np.ones(len(away)), away])
    scale = np.maximum(np.sqrt(weight @ design**2), 1e-12)
    scaled = design / scale
    normal = (scaled * weight[:, None]).T @ scaled + 1e-6 * np.eye(design.shape[1])
    slopes = np.linalg.solve(normal, (scaled * weight[:, None]).T @ outcome) / scale[:, None]
    left = outcome - design @ slopes
    effective = 1.0 / np.sum(weight**2)
    lost = effective / max(effective - design.shape[1], 1.0)
    covariance = (left * weight[:, None]).T @ left * lost * (1.0 + 1.0 / effective)
    return slopes[0], covariance + slopes[1:].T @ noise @ slopes[1:]
