"""Where and when it was launched: many boosts, weighted by how like what was seen they are.

The first plots give the state at the first plot. Before it lies a boost that nobody saw; what is
believed of boosts (kernels/powered_flight.py, over a wide family) says how far back and how long
ago the launch lies for such a state: approximate Bayesian computation with a linear correction
(after Beaumont, Zhang, Balding, Genetics 162, 2002), the correction for noise made Gaussian.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight.ground import ellipse_of, geodetic_from_plane, weighted_moments
from skypact.flight.samples import normal_points, uniform_points
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
from skypact.kernels.gravity import GM_M3_S2, PATH_DEGREE, field
from skypact.kernels.motion import (
    AIR_TOP_M,
    BOOST,
    COAST,
    REENTRY,
    coast_path,
    gravity_remainder,
)
from skypact.kernels.powered_flight import STANDARD_GRAVITY_M_S2
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.kernels.radar_table import radar_array
from skypact.model import Launch, Radar, Track
from skypact.settings import FlightSettings

_NO_TABLE = np.zeros((0, 8))
_PRIORS = StartPriors(
    speed_sigma_m_s=4000.0,
    thrust_sigma_m_s2=30.0,
    drag_m2_kg=2.3e-4,
    drag_sigma_m2_kg=1.2e-4,
    thrust_density_m2_s5=6.0,  # a pitch-over of 1.5 °/s at 30 m/s² for 10 s
)
# Spans of first plots that are tried for a boost, s: the shortest that knows the velocity is taken.
# Over 10 s what thrust may do (173 m) is below most radars' error; over longer spans it would have
# to be filtered. Where plots are too few the span grows all the same.
_BOOST_SPANS_S = (6.0, 10.0)
_SPARSE_SPANS_S = (16.0, 25.0)
_LEAST_PLOTS = 5
_KNOWN_SPEED_SIGMA_M_S = 60.0
_GOOD_FIT_SIGMAS = 2.5
# So many boosts at least must be near the state for the regression, by effective number.
_LEAST_NEIGHBOURS = 40.0
# Drag in boost is only roughly known, and thrust need not point along the velocity.
_THRUST_SIGMA_M_S2 = 2.0
_HEADINGS = 24
# So slow under thrust it has only just left the ground; less acceleration than this is no lift-off.
_JUST_LAUNCHED_M_S = 60.0
_LEAST_LIFT_OFF_M_S2 = 2.0
# Speed that a boost loses to air, at most, by how short it is: of the whole family.
_MOST_DRAG_LOSS_M_S = 600.0
_MOST_DRAG_LOSS_M = 35e3


class FirstSight(NamedTuple):
    """The state at a track's first plot, from its first plots.

    `state` (9,): ECEF position m, velocity m/s, thrust acceleration m/s² (0 in free flight);
    `covariance` (9, 9). `after_s`: how long after the track's first observation that plot came; a
    partner's tracklets may have begun the track.
    """

    burning: bool
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]
    after_s: float = 0.0


def first_sight(track: Track, radars: Sequence[Radar]) -> FirstSight | None:
    """Fit the first plots: as free flight over all of them, else as a boost over the first few.

    None where neither fits or the velocity stays unknown.
    """
    plots = track.first_plots
    rows, n = radar_array(radars)
    if len(plots) < 4:
        return None
    after_s, spans = float(plots[0, PLOT_TIME_S]), [(len(plots), False)]
    for span in _BOOST_SPANS_S + _SPARSE_SPANS_S:
        count = int(np.searchsorted(plots[:, PLOT_TIME_S], after_s + span, side="right"))
        if count >= _LEAST_PLOTS and not (span in _SPARSE_SPANS_S and len(spans) > 1):
            spans.append((count, True))
    found = None
    for count, burning in spans:
        sight = _fitted(plots[:count], burning, rows, n)
        if sight is None:
            continue
        found = sight._replace(after_s=after_s)
        if math.sqrt(np.trace(sight.covariance[3:6, 3:6])) < _KNOWN_SPEED_SIGMA_M_S:
            break
    return found


def _fitted(
    plots: NDArray[np.float64], burning: bool, rows: NDArray[np.float64], n: int
) -> FirstSight | None:
    """Fit one motion to `plots` (k, 6), for the time of the first; None where it does not fit."""
    plots = np.ascontiguousarray(plots[::-1])
    x, p = np.zeros(n), np.zeros((n, n))
    x[:3] = _place_of(plots[-1], rows)
    span = plots[0, PLOT_TIME_S] - plots[-1, PLOT_TIME_S]
    if span > 0.0:
        x[3:6] = (_place_of(plots[0], rows) - x[:3]) / span
    remainder = gravity_remainder(*x[:3], field(PATH_DEGREE))
    height = geodetic_from_ecef(*x[:3])[2]
    phase = BOOST if burning else (COAST if height > AIR_TOP_M else REENTRY)
    if phase == REENTRY:
        x[6] = _PRIORS.drag_m2_kg
    ok, chi_squared, _ = fit_path(
        phase, plots, len(plots), x, p, remainder, rows, _PRIORS, scratch(n)
    )
    degrees = 3.0 * len(plots) + n - 3.0
    if not ok or chi_squared > degrees + _GOOD_FIT_SIGMAS * math.sqrt(2.0 * degrees):
        return None
    if not burning:
        x[6:] = 0.0
    return FirstSight(burning, x[:CORE], p[:CORE, :CORE])


def _place_of(plot: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """ECEF m of one kept plot (6,)."""
    radar = rows[int(plot[1])]
    axes = tuple(radar[kf.AXES : kf.AXES + 9])
    return np.asarray(
        radar[kf.SITE : kf.SITE + 3] + turn_to_ecef(*local_from_polar(*plot[2:5]), axes)
    )


def boost_family(count: int) -> NDArray[np.float64]:
    """`count` boosts (count, 9) as they are believed to be before anything is seen.

    Gain log-uniform 0.9 to 9 km/s; burn time about 60 s + 240 s / (1 + (6.3 km/s / gain)^7), 1σ
    15 %, as is public of burn times, or for one in eight log-uniform 8 to 60 s, as of sounding
    rockets; pitch at burn-out uniform 0° to 100°; straight up for 4 to
    8 s; one stage below 3 to 6 km/s of gain, above that two.
    """
    u = uniform_points(count, 8)
    boosts = np.zeros((count, BOOST_COLUMNS))
    gain = 900.0 * 10.0 ** u[:, 0]
    boosts[:, GAIN_M_S] = gain
    spread = np.exp(0.15 * normal_points(count, 8)[:, 1])
    boosts[:, BURN_S] = (60.0 + 240.0 / (1.0 + (6300.0 / gain) ** 7)) * spread
    short = np.arange(count) % 8 == 0
    boosts[short, BURN_S] = 8.0 * 7.5 ** u[short, 1]
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
    seen_ns = track.first_plot_ns + round(sight.after_s * 1e9)
    if sight.burning and (just := _just_launched(seen_ns, sight)) is not None:
        return just
    earlier_s = 0.0
    if not sight.burning:
        risen = _back_to_rising(sight)
        if risen is None:
            return None
        sight, earlier_s = risen
    return _matched(seen_ns, sight, earlier_s, settings)


def _just_launched(seen_ns: int, sight: FirstSight) -> Launch | None:
    """The launch of what was seen so early that it still stands where it began, or nearly.

    At v under constant acceleration a it began v / a before, v² / 2a behind; at whatever height the
    ground has there. None where it is faster than `_JUST_LAUNCHED_M_S`.
    """
    axes, latitude, longitude, _ = _local(sight.state)
    velocity = axes @ sight.state[3:6]
    speed = float(np.linalg.norm(velocity))
    acceleration = axes @ sight.state[6:9] - np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2])
    a = float(np.linalg.norm(acceleration))
    if speed > _JUST_LAUNCHED_M_S or a < _LEAST_LIFT_OFF_M_S2:
        return None
    seconds = speed / a
    moved = -0.5 * seconds * velocity[:2]
    turned = axes @ sight.covariance[:3, :3] @ axes.T
    speed_sigma = math.sqrt(float(np.trace(sight.covariance[3:6, 3:6])))
    spread = turned[:2, :2] + np.eye(2) * (0.5 * seconds * speed_sigma) ** 2
    where = geodetic_from_plane((latitude, longitude), *moved)
    return Launch(
        time_ns=seen_ns - round(seconds * 1e9),
        # Thrust may have begun gently: half the time is not known.
        time_sigma_s=math.hypot(speed_sigma / a, 0.5 * seconds),
        latitude_rad=where[0],
        longitude_rad=where[1],
        ellipse_95=ellipse_of(spread + np.outer(moved, moved) / 4.0 + np.eye(2)),
    )


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
        state = np.array(coast_path(*state, -5.0, field(PATH_DEGREE)))
        earlier += 5.0
        climb, height = climb_and_height(state)
        highest = max(highest, height)
        if climb > 0.0 and height < 0.6 * highest:
            break
    else:
        return None

    def back(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(coast_path(*x, -earlier, field(PATH_DEGREE)))

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


def _local(state: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float, float]:
    """Axes east, north, up (3, 3) at a state, and its latitude rad, longitude rad, height m."""
    latitude, longitude, height = geodetic_from_ecef(*state[:3])
    axes = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    return axes, latitude, longitude, height


class _Seen(NamedTuple):
    """What a sight is compared by: velocity east, north, up m/s and, while it burns, thrust m/s².

    `values` (d,), `noise` (d, d); `place` (3, 3) the covariance of the place east, north, up m, and
    `with_place` (3, d) that of both together. Thrust is along the velocity, less drag.
    """

    values: NDArray[np.float64]
    noise: NDArray[np.float64]
    place: NDArray[np.float64]
    with_place: NDArray[np.float64]


def _seen(sight: FirstSight) -> _Seen:
    """A sight in local axes."""
    axes = _local(sight.state)[0]
    speed = float(np.linalg.norm(sight.state[3:6]))
    ahead = sight.state[3:6] / max(speed, 1.0)
    reading = np.zeros((4 if sight.burning else 3, CORE))
    reading[:3, 3:6] = axes
    values = axes @ sight.state[3:6]
    if sight.burning:
        reading[3, 6:9] = ahead
        values = np.append(values, ahead @ sight.state[6:9])
    noise = reading @ sight.covariance @ reading.T
    if sight.burning:
        noise[3, 3] += _THRUST_SIGMA_M_S2**2
    to_place = axes @ sight.covariance[:3]
    return _Seen(values, noise, to_place[:, :3] @ axes.T, to_place @ reading.T)


def _matched(
    seen_ns: int, sight: FirstSight, earlier_s: float, settings: FlightSettings
) -> Launch | None:
    """Weigh a family of boosts by how like the sighted state they are at its height."""
    _, latitude, longitude, height = _local(sight.state)
    seen, noise, place, with_place = _seen(sight)
    if seen[2] <= 0.0:
        return None
    heading = math.atan2(seen[0], seen[1])
    boosts = boost_family(settings.launch_samples)
    boosts = boosts[_within_reach(boosts, sight, height)]
    above = np.zeros((len(boosts), ABOVE_COLUMNS))
    ground = ecef_from_geodetic(latitude, longitude, 0.0)
    fly_family(boosts, ground, heading, max(height, 100.0), _NO_TABLE, above)
    fits = (above[:, RISES] > 0.0) & (above[:, BURNING] == (1.0 if sight.burning else 0.0))
    if fits.sum() < 10:
        return None
    values, outcome = _turned(above[fits], heading, seen, noise)
    away = values[:, : len(seen)] - seen
    spread = _neighbour_spread(away, noise, int(fits.sum()))
    if spread is None:
        return None
    # Where it was seen is uncertain together with how fast: a boost of another velocity began from
    # another place too. A height error moves the launch along the path, in place and time.
    climb = max(seen[2], 0.05 * float(np.linalg.norm(seen[:3])))
    moves = np.array(
        [[1.0, 0.0, -seen[0] / climb], [0.0, 1.0, -seen[1] / climb], [0.0, 0.0, 1.0 / climb]]
    )
    place_by_seen = with_place @ np.linalg.inv(noise)
    outcome += away @ place_by_seen.T @ moves.T
    mean, covariance = _conditioned(away, outcome, noise, spread, int(fits.sum()))
    if mean[2] < 0.0:
        return None
    covariance += moves @ (place - place_by_seen @ with_place.T) @ moves.T
    where = geodetic_from_plane((latitude, longitude), *mean[:2])
    return Launch(
        time_ns=seen_ns - round((earlier_s + mean[2]) * 1e9),
        time_sigma_s=float(math.sqrt(covariance[2, 2])),
        latitude_rad=where[0],
        longitude_rad=where[1],
        ellipse_95=ellipse_of(covariance[:2, :2] + np.eye(2)),
    )


def _within_reach(
    boosts: NDArray[np.float64], sight: FirstSight, height_m: float
) -> NDArray[np.bool_]:
    """Which boosts may have led to a sight, by their gain of speed alone.

    A thrust all at once on the ground would take √(v² + 2 g h) of it; a boost takes that and what
    gravity takes meanwhile, at most g times its duration, and drag.
    """
    speed = float(np.linalg.norm(sight.state[3:6]))
    unsure = 5.0 * math.sqrt(float(np.trace(sight.covariance[3:6, 3:6])))
    radius = float(np.linalg.norm(sight.state[:3]))
    lifted = 2.0 * GM_M3_S2 / radius * max(height_m, 0.0) / (radius - height_m)
    gain = boosts[:, GAIN_M_S]
    enough = gain > math.sqrt(max(speed - unsure, 0.0) ** 2 + lifted)
    if sight.burning:
        return np.asarray(enough)
    burn_s = boosts[:, BURN_S]
    lost = STANDARD_GRAVITY_M_S2 * burn_s + _MOST_DRAG_LOSS_M_S + _MOST_DRAG_LOSS_M / burn_s
    return np.asarray(enough & (gain < math.hypot(speed + unsure, math.sqrt(lifted)) + lost))


def _turned(
    above: NDArray[np.float64],
    heading: float,
    seen: NDArray[np.float64],
    noise: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each boost in several headings about the one seen, as many as its uncertainty takes.

    Returns velocity east, north, up and thrust (n, 4), and the launch's place east, north m from
    the sight and s before it (n, 3). A steep path has hardly a heading, hence vectors.
    """
    level = max(math.hypot(seen[0], seen[1]), 1.0)
    half = min(math.pi, 5.0 * math.sqrt(noise[0, 0] + noise[1, 1]) / level + 0.02)
    turn = heading + half * np.linspace(-1.0, 1.0, _HEADINGS, endpoint=False)[:, None]
    sine, cosine = np.sin(turn), np.cos(turn)
    along = above[:, SPEED_M_S] * np.cos(above[:, PATH_ANGLE_RAD])
    up = above[:, SPEED_M_S] * np.sin(above[:, PATH_ANGLE_RAD])
    back, right = above[:, BACK_M], above[:, RIGHT_M]
    shape = (len(turn), len(above))

    def flat(value: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(value, shape).ravel()

    values = (along * sine, along * cosine, up, above[:, THRUST_M_S2])
    outcome = (
        -back * sine + right * cosine,
        -back * cosine - right * sine,
        above[:, SINCE_LAUNCH_S],
    )
    return (
        np.column_stack([flat(value) for value in values]),
        np.column_stack([flat(value) for value in outcome]),
    )


def _effective_number(weight: NDArray[np.float64], boosts: int) -> float:
    """Effective number of different boosts among weights over headings times boosts."""
    per_boost = weight.reshape(-1, boosts).sum(axis=0)
    return float(1.0 / (per_boost**2).sum())


def _neighbour_spread(
    away: NDArray[np.float64], noise: NDArray[np.float64], boosts: int
) -> NDArray[np.float64] | None:
    """Noise and a window no wider than it takes to have enough boosts near; None: none are."""
    scale = np.maximum(away.std(axis=0), 1e-9)
    width = 0.02
    while width < 1.0:
        spread = noise + np.diag((width * scale) ** 2)
        weight, nearest = _weights(away, spread)
        if nearest < 16.0 and _effective_number(weight, boosts) >= _LEAST_NEIGHBOURS:
            return np.asarray(spread)
        width *= 1.3
    return None


def _weights(
    away: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Gaussian weights (n,) summing to 1, and the least squared distance."""
    distance = np.sum(away @ np.linalg.inv(spread) * away, axis=1)
    weight = np.exp(-0.5 * (distance - distance.min()))
    return weight / weight.sum(), float(distance.min())


def _conditioned(
    away: NDArray[np.float64],
    outcome: NDArray[np.float64],
    noise: NDArray[np.float64],
    spread: NDArray[np.float64],
    boosts: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (3,) and covariance (3, 3) of `outcome` (n, 3) given that `away` (n, d) is 0 ± `noise`.

    The weights stand for a measurement with the wider `spread`; as a joint Gaussian, that
    measurement is taken out again and the true one put in.
    """
    weight, _ = _weights(away, spread)
    effective = _effective_number(weight, boosts)
    mean, covariance = weighted_moments(np.column_stack([away, outcome]), weight)
    covariance *= effective / (effective - 1.0)
    d = away.shape[1]
    # In units of its own spread, for velocities and thrust differ in size.
    unit = np.sqrt(np.diag(covariance)[:d] + 1e-9 * np.diag(spread))
    scaled = np.outer(unit, unit)
    near = covariance[:d, :d] / scaled + 1e-9 * np.eye(d)
    change = np.linalg.inv(noise / scaled) - np.linalg.inv(spread / scaled)
    values, vectors = np.linalg.eigh(np.linalg.inv(near) + change)
    after = vectors @ np.diag(1.0 / np.maximum(values, 1e-3)) @ vectors.T * scaled
    information = np.linalg.inv(near) / scaled
    slope = covariance[d:, :d] @ information
    shifted = after @ information @ mean[:d]
    left = covariance[d:, d:] - slope @ covariance[:d, d:]
    return (
        mean[d:] + slope @ (shifted - mean[:d]),
        left * (1.0 + 1.0 / effective) + slope @ after @ slope.T,
    )
