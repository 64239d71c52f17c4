"""What a manoeuvring flight may still do, given what it has done and is seen to do now.

Programmes are drawn from what is believed of pull-ups and glides before anything is seen (the same
distributions as in `sensing/population.py`). Each is held against what was seen: the lift and drag
that it asks for here and now against those that the tracker estimates, the course against the turn
that its bank would have made by now, the way and time flown against its limits. Those that fit are
kept by how well they fit, and how well a kind's programmes fit on the whole says how likely that
kind is. See docs/decisions/0008-impact-areas.md.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight.arc import ARC_LN_SIGMA, range_of
from skypact.flight.ground import CHI_SQUARED_95
from skypact.flight.samples import normal_quantiles, uniform_points
from skypact.kernels.atmosphere import density
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import geodetic_from_ecef, local_axes
from skypact.kernels.gravity import GM_M3_S2
from skypact.kernels.powered_flight import (
    BANK_RAD,
    END_GROUND_RANGE_M,
    LONGEST_S,
    MANOEUVRE_COLUMNS,
    MOST_LIFT_M2_KG,
    MOST_LOAD_M_S2,
    PATH_ANGLE_RAD,
    STANDARD_GRAVITY_M_S2,
    START_HEIGHT_M,
    TIME_CONSTANT_S,
    lift_command,
)
from skypact.model import FlightKind, Launch, Phase, Track
from skypact.settings import FlightSettings

CANDIDATES = 1536
_MOST_MANOEUVRES = 2
# What the tracker believes of manoeuvres in air on the whole: rates of start and end, settings.
_STEERED_BEFORE = 0.375
# Lift that free flight does not notice, m/s²; and how far the command may be from its law as the
# tracker sees it: a part of itself and an acceleration.
_UNNOTICED_M_S2 = 2.0
_COMMAND_SHARE = 0.2
_COMMAND_SIGMA_M_S2 = 1.5
_LEAST_EFFECTIVE = 60.0
# How well a course is known: the Earth's turn bends it by so much, and a turn is foretold so well.
_COURSE_SIGMA_RAD = 0.02
_TURN_SHARE = 0.3
# Seen in air for so long without a sign of lift, few are manoeuvring.
_SEEN_S = 15.0
_UNSEEN_MANOEUVRE = 0.05
_BELIEVED_ODDS = 12.0
_OUTSIDE = -30.0
# How far from the angle aimed at a pull-up ends.
_PULLED_SIGMA_RAD = math.radians(4.0)
# How near a glide or pull-up is to the angle that it aims at, and how often it is not there yet.
_STEERED_SIGMA_RAD = math.radians(2.0)
_NOT_YET_SHARE = 0.3
_CLIMB_M_S = 100.0  # the unit of likelihoods of a climb
# A glide that got so much farther than it would have without lift may end, and soon is this.
_LEAST_GLIDED = 1.05
_SOON_S = 60.0
# The tracker follows a change of lift late: for so much of the time what it says is of no use.
_LATE_SHARE = 0.2
_SCALE_HEIGHT_M = 7e3  # of the air's density at 20 to 50 km


class Sight(NamedTuple):
    """What of a track tells its programme. Angles rad, else SI.

    `flown_m`: ground range so far; `course_off_rad`: course over the ground to the right of the
    direction from the launch; `course_sigma_rad`. `range_m`: ground range that it would have
    without lift, `range_ln_sigma`. `apogee_m`, `since_apogee_s`. `lift`: mean (3,) and
    covariance (3, 3) of drag, lift up, lift right (m²/kg) as a manoeuvre, or None without air.
    `free`, `steered`: probabilities over those before. `log_odds`: greatest of a manoeuvre so far.
    """

    height_m: float
    climb_m_s: float
    climb_sigma_m_s: float
    speed_m_s: float
    radius_m: float
    weight_m_s2: float
    pressure_pa: float
    flown_m: float
    course_off_rad: float
    course_sigma_rad: float
    range_m: float
    range_ln_sigma: float
    apogee_m: float
    since_apogee_s: float
    lift: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    free: float
    steered: float
    log_odds: float


class Programmes(NamedTuple):
    """Programmes of one kind that fit what was seen.

    `fit`: how well the kind fits, as a mean likelihood. `over`: the share that is done with its
    manoeuvre. The rest: `rows` (n, 2, 10) as in kernels/powered_flight.py from here on,
    `inverse_beta_m2_kg` (n,) of the body without lift, `weight` (n,) summing to 1 - `over`.
    """

    fit: float
    over: float
    rows: NDArray[np.float64]
    inverse_beta_m2_kg: NDArray[np.float64]
    weight: NDArray[np.float64]

    def drawn(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`count` programmes drawn evenly by weight, in an order that has none.

        Rows (count, 2, 10) and inverse ballistic parameters (count,).
        """
        at = (np.arange(count) + 0.5) / count * self.weight.sum()
        picked = np.minimum(np.searchsorted(np.cumsum(self.weight), at), len(self.weight) - 1)
        picked = np.random.default_rng(0).permutation(picked)
        return self.rows[picked], self.inverse_beta_m2_kg[picked]


def sight_of(
    track: Track,
    launch: Launch | None,
    origin: tuple[float, float, float],
    free_range_m: float,
) -> Sight:
    """What `track` shows of its programme.

    `origin`: ECEF m from which ground range counts; `free_range_m`: that, if it flies free on.
    """
    x = track.state
    latitude, longitude, height = geodetic_from_ecef(*x[:3])
    axes = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    velocity = axes @ x[3:]
    speed = float(np.linalg.norm(velocity))
    level = max(math.hypot(velocity[0], velocity[1]), 1.0)
    radius = float(np.linalg.norm(x[:3]))
    rho, _ = density(height)
    spread = axes @ track.covariance[3:, 3:] @ axes.T
    flown, back = geodesic_inverse(latitude, longitude, *geodetic_from_ecef(*origin)[:2])
    course_off, course_sigma = 0.0, math.inf
    if launch is not None:
        azimuth, course_sigma = back + math.pi, _across_sigma(launch, back) / max(flown, 1.0)
        course = math.atan2(velocity[0], velocity[1])
        course_off = (course - azimuth + math.pi) % (2.0 * math.pi) - math.pi
        course_sigma = math.hypot(course_sigma, math.sqrt(max(spread[0, 0], spread[1, 1])) / level)
    range_m, range_ln_sigma = free_range_m, 0.01
    manoeuvred = track.manoeuvre_log_odds > 0.0
    if manoeuvred:
        range_m = range_of(track.highest_m, track.most_energy_j_kg)
        range_ln_sigma = ARC_LN_SIGMA
        if not range_m > 0.0:
            range_m, range_ln_sigma = free_range_m, 0.3
    shares = {p.phase: p.probability for p in track.phases}
    steered = shares.get(Phase.MANOEUVRE, 0.0)
    free = shares.get(Phase.REENTRY, 0.0) + shares.get(Phase.COAST, 0.0)
    lifts = [
        (p.state[6:9], p.covariance[6:9, 6:9]) for p in track.phases if p.phase == Phase.MANOEUVRE
    ]
    since_apogee = (track.time_ns - track.highest_ns) * 1e-9
    if velocity[2] > 0.0 and not manoeuvred:
        since_apogee = 0.0
    return Sight(
        height_m=height,
        climb_m_s=float(velocity[2]),
        climb_sigma_m_s=math.sqrt(max(spread[2, 2], 0.0)),
        speed_m_s=speed,
        radius_m=radius,
        weight_m_s2=GM_M3_S2 / radius**2,
        pressure_pa=0.5 * rho * speed * speed,
        flown_m=flown,
        course_off_rad=course_off,
        course_sigma_rad=course_sigma,
        range_m=range_m,
        range_ln_sigma=range_ln_sigma,
        apogee_m=track.highest_m,
        since_apogee_s=since_apogee,
        lift=lifts[0] if lifts else None,
        free=free / (1.0 - _STEERED_BEFORE),
        steered=steered / _STEERED_BEFORE,
        log_odds=track.manoeuvre_log_odds,
    )


def _across_sigma(launch: Launch, azimuth_rad: float) -> float:
    """1σ m of a launch across a direction from it."""
    ellipse = launch.ellipse_95
    across = math.hypot(
        ellipse.semi_major_m * math.sin(ellipse.azimuth_rad - azimuth_rad),
        ellipse.semi_minor_m * math.cos(ellipse.azimuth_rad - azimuth_rad),
    )
    return across / math.sqrt(CHI_SQUARED_95)


def _log_between(u: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(low * (high / low) ** u)


def _between(u: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(low + (high - low) * u)


@functools.cache
def _normal(count: int, dimensions: int, column: int) -> NDArray[np.float64]:
    return normal_quantiles(uniform_points(count, dimensions)[:, column])


def pull_ups(count: int) -> NDArray[np.float64]:
    """Pull-ups (count, 2, 10) as quasi-ballistic flights are believed to do; the second unused."""
    u = uniform_points(count, 7)
    rows = np.zeros((count, _MOST_MANOEUVRES, MANOEUVRE_COLUMNS))
    one = rows[:, 0]
    one[:, 0] = _between(u[:, 0], 25e3, 40e3)
    one[:, 1] = _between(u[:, 1], 10.0, 120.0)
    one[:, 3] = math.inf
    one[:, 4] = np.radians(_between(u[:, 2], 0.0, 6.0))
    one[:, 5] = 4.0
    one[:, 6] = _log_between(u[:, 3], 0.5e-3, 2e-3)
    one[:, 7] = _between(u[:, 4], 2.0, 3.5)
    one[:, 8] = _between(u[:, 5], 4.0, 12.0) * STANDARD_GRAVITY_M_S2
    return rows


def glides(count: int, range_m: float, range_ln_sigma: float) -> NDArray[np.float64]:
    """Glides and the dives that end them (count, 2, 10). `range_m`: ground range without lift."""
    u = uniform_points(count, 9)
    rows = np.zeros((count, _MOST_MANOEUVRES, MANOEUVRE_COLUMNS))
    glide, dive = rows[:, 0], rows[:, 1]
    glide[:, 0] = _between(u[:, 0], 40e3, 50e3)
    glide[:, 1] = math.inf
    glide[:, 2] = _between(u[:, 1], 22e3, 28e3)
    without = range_m * np.exp(range_ln_sigma * _normal(count, 9, 7))
    glide[:, 3] = without * _between(u[:, 2], 1.1, 1.8)
    glide[:, 4] = np.radians(_between(u[:, 3], -1.2, -0.2))
    glide[:, 5] = 8.0
    glide[:, 6] = _log_between(u[:, 4], 1e-3, 4e-3)
    glide[:, 7] = _between(u[:, 5], 2.0, 4.0)
    glide[:, 8] = 8.0 * STANDARD_GRAVITY_M_S2
    glide[:, 9] = np.radians(_between(u[:, 6], -40.0, 40.0))
    dive[:, 0], dive[:, 1], dive[:, 3] = 1e9, math.inf, math.inf
    dive[:, 4], dive[:, 5], dive[:, 7] = math.radians(-60.0), 3.0, 3.0
    dive[:, 6], dive[:, 8] = glide[:, 6], glide[:, 8]
    return rows


def free_fit(sight: Sight) -> float:
    """How well it fits that there never was any lift, on the scale of `Programmes.fit`."""
    fit = _no_lift_fit(sight) + _course_fit(sight, np.zeros(1))
    fit += _falling_climb_fit(sight, np.zeros(1), np.full(1, sight.since_apogee_s))
    return math.exp(fit[0] - min(max(sight.log_odds, 0.0), _BELIEVED_ODDS))


def fitting(kind: FlightKind, sight: Sight, settings: FlightSettings) -> Programmes:
    """Programmes of a kind that fit what was seen, and how well they fit on the whole."""
    beta = np.exp(settings.ballistic_parameter_ln_sigma * _normal(CANDIDATES, 9, 8))
    inverse_beta = beta / settings.ballistic_parameter_kg_m2
    glide = kind == FlightKind.GLIDE
    rows = (
        glides(CANDIDATES, sight.range_m, sight.range_ln_sigma) if glide else pull_ups(CANDIDATES)
    ).copy()
    if glide:
        _end_soon(sight, rows, settings)
    since = _since_start(sight, rows[:, 0, START_HEIGHT_M])
    unnoticed = _unnoticed(sight, rows[:, 0], settings.manoeuvre_noticed_m)
    begun = since > 0.0
    turned = np.where(begun, np.tan(rows[:, 0, BANK_RAD]) * _turn_by_bank(sight), 0.0)
    if glide:
        over, dead = np.zeros(CANDIDATES, bool), _end_glides(sight, rows, begun)
        since_end = np.zeros(CANDIDATES)
    else:
        over, dead = begun & (since >= rows[:, 0, LONGEST_S]), np.zeros(CANDIDATES, bool)
        since_end = since - rows[:, 0, LONGEST_S]
        rows[:, 0, LONGEST_S] -= np.where(begun, np.minimum(since, rows[:, 0, LONGEST_S]), 0.0)
    steering = begun & ~over
    command = _commands(sight, rows[:, 0], inverse_beta, steering)
    slowness_s = np.where(steering, rows[:, 0, TIME_CONSTANT_S], math.inf)
    falling_s = np.where(over, since_end, sight.since_apogee_s)
    from_angle = np.where(over, rows[:, 0, PATH_ANGLE_RAD], 0.0)
    falling = _falling_climb_fit(sight, from_angle, falling_s)
    noticed = _lift_fit(sight, command, slowness_s) + np.where(
        steering, _steered_climb_fit(sight, rows[:, 0, PATH_ANGLE_RAD]), falling
    )
    as_free = falling + _no_lift_fit(sight)
    share = np.where(steering, unnoticed, 0.0)
    with np.errstate(divide="ignore"):
        fit = np.logaddexp(np.log1p(-share) + noticed, np.log(share) + as_free)
    fit += _course_fit(sight, turned)
    # What had begun would have been seen, and what was seen had begun.
    fit -= np.where(begun, 0.0, min(max(sight.log_odds, 0.0), _BELIEVED_ODDS))
    if -math.inf < sight.log_odds < 0.0:
        fit += np.where(since > _SEEN_S, math.log(_UNSEEN_MANOEUVRE), 0.0)
    fit = np.where(dead, -math.inf, fit)
    best = float(fit.max())
    if best == -math.inf:  # outside all that is believed: fly on as any of them
        fit, best = np.full(CANDIDATES, _OUTSIDE), _OUTSIDE
    weight = np.exp(fit - best)
    mean = math.exp(best) * float(weight.mean())
    weight = _tempered(weight)
    done = float(weight[over].sum())
    kept = weight * ~over
    # The next to be flown of those that have begun has no height to wait for.
    rows[begun, 0, START_HEIGHT_M] = 1e9
    return Programmes(mean, done, rows, inverse_beta, kept)


def _since_start(sight: Sight, start_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time s since a manoeuvre that starts at a height began; 0: it has not.

    From the apogee it falls free until then.
    """
    fallen = np.sqrt(2.0 * np.maximum(sight.apogee_m - start_m, 0.0) / 9.4)
    since = sight.since_apogee_s - fallen
    below = (sight.height_m < start_m) & (sight.since_apogee_s > 0.0)
    # Below it, it has begun whatever the time; above, only if it fell there long ago.
    return np.where(below, np.maximum(since, 0.1), np.where(since > 20.0, since, 0.0))


def _unnoticed(
    sight: Sight, manoeuvres: NDArray[np.float64], noticed_m: float
) -> NDArray[np.float64]:
    """Probability (n,) that a manoeuvre (n, 10) began and nothing shows it yet.

    Lift must first bend the path, ½ a t², by more than the plots' errors. Meanwhile it falls on as
    it did, so the height tells for how long. Without this each kind would be dismissed just while
    its manoeuvre begins, for none is seen.
    """
    fallen = manoeuvres[:, START_HEIGHT_M] - sight.height_m
    if sight.climb_m_s >= 0.0:
        return np.zeros(len(fallen))
    since = np.maximum(fallen, 0.0) / -sight.climb_m_s
    between = sight.pressure_pa * np.exp(-0.5 * np.maximum(fallen, 0.0) / _SCALE_HEIGHT_M)
    lift = np.minimum(between * manoeuvres[:, MOST_LIFT_M2_KG], manoeuvres[:, MOST_LOAD_M_S2])
    bent = 0.5 * lift * since**2
    return np.where(fallen > 0.0, np.exp(-0.5 * (bent / noticed_m) ** 2), 0.0)


def _end_soon(sight: Sight, rows: NDArray[np.float64], settings: FlightSettings) -> None:
    """Let a share of the glides end within the next minute, in place, if they may end by now."""
    if sight.log_odds <= 0.0 or sight.flown_m < _LEAST_GLIDED * sight.range_m:
        return
    some = np.arange(len(rows)) % max(round(1.0 / settings.glide_ends_soon_share), 1) == 0
    ahead = np.linspace(0.0, _SOON_S * sight.speed_m_s, int(some.sum()))
    rows[some, 0, END_GROUND_RANGE_M] = sight.flown_m + ahead


def _end_glides(
    sight: Sight, rows: NDArray[np.float64], begun: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Turn glides whose end has come into their dives, in place; returns which cannot be.

    A dive lasts a minute: one that should have begun farther back or higher up did not.
    """
    glide, dive = rows[:, 0], rows[:, 1]
    sine = min(max(-sight.climb_m_s / max(sight.speed_m_s, 1.0), 0.0), 1.0)
    # A dive turns the path down with the lift that there is: how far and how deep it can have got.
    most = np.minimum(glide[:, 8], sight.pressure_pa * glide[:, MOST_LIFT_M2_KG])
    turn_m = sight.speed_m_s**2 / (0.5 * most + sight.weight_m_s2)
    steep = sine > math.sin(math.radians(45.0))
    along = 3e3 + 2.0 * turn_m * sine + (15e3 if steep else 0.0)
    down = 1e3 + 2.0 * turn_m * (1.0 - math.sqrt(1.0 - sine * sine)) + (20e3 if steep else 0.0)
    beyond = begun & (sight.flown_m > glide[:, END_GROUND_RANGE_M])
    beneath = begun & (sight.height_m < glide[:, 2])
    recent = (beyond & (sight.flown_m - glide[:, END_GROUND_RANGE_M] < along)) | (
        beneath & (glide[:, 2] - sight.height_m < down)
    )
    ended = beyond | beneath
    dead = ended & ~recent
    glide[ended] = dive[ended]
    dive[ended] = 0.0
    return dead


def _commands(
    sight: Sight,
    manoeuvres: NDArray[np.float64],
    inverse_beta: NDArray[np.float64],
    under_way: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Drag, lift up and right (n, 3) m²/kg that each programme asks for here."""
    asked = np.zeros((len(manoeuvres), 3))
    asked[:, 0] = inverse_beta
    for i in np.flatnonzero(under_way):
        asked[i] = lift_command(
            manoeuvres[i],
            sight.height_m,
            sight.climb_m_s,
            sight.speed_m_s,
            sight.radius_m,
            sight.weight_m_s2,
            inverse_beta[i],
        )
    return asked


def _lift_fit(
    sight: Sight, command: NDArray[np.float64], slowness_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ln likelihood (n,) of the tracker's phases and lift for commands (n, 3); drag NaN: any.

    `slowness_s` (n,): time constants, by which an error of the path's angle is one of the command.

    What the tracker says is a belief about lift after its own before; that one is taken out:
    p(lift) / p(lift before), free flight being all lift too small to be noticed.
    """
    pressure = max(sight.pressure_pa, 1e-3)
    lift = command[:, 1:]
    unnoticed = _UNNOTICED_M_S2 / pressure
    size = (lift**2).sum(axis=1)
    likelihood = _LATE_SHARE + sight.free * np.exp(-0.5 * size / unnoticed**2)
    if sight.lift is not None and sight.steered > 0.0:
        mean, covariance = sight.lift
        before = min(1.5e-3, 40.0 / pressure)
        n = len(command)
        own = (_COMMAND_SHARE**2) * size + (_COMMAND_SIGMA_M_S2 / pressure) ** 2
        pull = (sight.climb_sigma_m_s / slowness_s / pressure) ** 2
        known = ~np.isnan(command[:, 0])
        away = command - mean
        away[~known, 0] = 0.0
        spread = np.tile(covariance, (n, 1, 1))
        spread[:, 0, 0] += 0.1 * own
        spread[:, 1, 1] += own + pull
        spread[:, 2, 2] += own
        distance = np.einsum("ni,nij,nj->n", away, np.linalg.inv(spread), away)
        height = before**2 / np.sqrt(np.linalg.det(spread[:, 1:, 1:]))
        ratio = height * np.exp(-0.5 * distance + 0.5 * np.minimum(size / before**2, 4.0))
        likelihood = likelihood + sight.steered * np.minimum(ratio, 1e6)
    return np.asarray(np.log(likelihood))


def _no_lift_fit(sight: Sight) -> NDArray[np.float64]:
    """Ln likelihood (1,) of the phases and lift seen if there is no lift, whatever the drag."""
    nothing = np.zeros((1, 3))
    nothing[:, 0] = math.nan
    return _lift_fit(sight, nothing, np.full(1, math.inf))


def _falling_climb_fit(
    sight: Sight, path_angle_rad: NDArray[np.float64], since_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ln likelihood (n,) of the climb now, if it has fallen free since it flew at such an angle."""
    falling = sight.weight_m_s2 - sight.speed_m_s**2 / sight.radius_m
    fallen = np.maximum(falling * np.maximum(since_s, 0.0), 0.0)
    climb = np.maximum(sight.speed_m_s * np.sin(path_angle_rad) - fallen, -0.95 * sight.speed_m_s)
    sigma = 20.0 + _PULLED_SIGMA_RAD * sight.speed_m_s + 0.2 * fallen
    away = (sight.climb_m_s - climb) / sigma
    known = sight.since_apogee_s > 0.0
    return np.asarray(np.log(_CLIMB_M_S / sigma) - (0.5 * away**2 if known else 0.0))


def _steered_climb_fit(sight: Sight, path_angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ln likelihood (n,) of the climb now, if it is steered to an angle, which takes its time."""
    sigma = 20.0 + _STEERED_SIGMA_RAD * sight.speed_m_s
    away = (sight.climb_m_s - sight.speed_m_s * np.sin(path_angle_rad)) / sigma
    reached = (1.0 - _NOT_YET_SHARE) * np.exp(-0.5 * away**2) / sigma
    return np.asarray(np.log(_CLIMB_M_S * (reached + _NOT_YET_SHARE / max(sight.speed_m_s, 1.0))))


def _turn_by_bank(sight: Sight) -> float:
    """Course off the direction from launch that a glide has made by now, per tangent of its bank.

    Lift that carries the weight for a way s turns the course by tan(bank) ∫ (g - v²/r) / v² ds, and
    pulling out of the descent by tan(bank) times the angle pulled.
    """
    pulled_in_m = 0.93 * sight.range_m
    way = max(sight.flown_m - pulled_in_m, 0.0)
    energy_speed = math.sqrt(2.0 * sight.weight_m_s2 * max(sight.apogee_m - 40e3, 0.0))
    fast = max(sight.speed_m_s, 1.0) + 0.5 * energy_speed
    carried = max(sight.weight_m_s2 - sight.speed_m_s**2 / sight.radius_m, 0.0)
    glided = carried * way / (fast * max(sight.speed_m_s, 1.0))
    steepest = math.atan2(energy_speed, fast)
    falling = math.asin(min(max(-sight.climb_m_s / max(sight.speed_m_s, 1.0), -1.0), 1.0))
    pulled = max(steepest - falling, 0.0)
    share = way / max(sight.flown_m, 1.0)
    return pulled * (1.0 - share) + glided * (1.0 - 0.5 * share)


def _course_fit(sight: Sight, turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ln likelihood (n,) of the course for turns (n,)."""
    if not math.isfinite(sight.course_sigma_rad):
        return np.zeros(len(turned))
    sigma = np.sqrt(_COURSE_SIGMA_RAD**2 + sight.course_sigma_rad**2 + (_TURN_SHARE * turned) ** 2)
    away = (sight.course_off_rad - turned) / sigma
    return np.asarray(-np.log(sigma / _COURSE_SIGMA_RAD) - np.log1p(away**2 / 5.0) * 3.0)


def _tempered(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights summing to 1, flattened until enough programmes count."""
    power = 1.0
    while True:
        share = weight**power
        share = share / share.sum()
        if power < 0.05 or 1.0 / float((share**2).sum()) >= _LEAST_EFFECTIVE:
            return np.asarray(share)
        power *= 0.7
