"""From an apogee and a range to a burn: how hard, how long, and where the nose points.

Newton's method with differences on three unknowns (ideal velocity gain, and the pitch at burn-out
as a vector towards east and north, so that the Earth's rotation and the steepest flights need no
special case) against three wishes (logarithm of the apogee, impact along and across the bearing).
It starts from the impulsive Kepler arc of that apogee and range. Flights are evaluated with
gravity to J2 and coarse steps, in some 0.2 ms each.
"""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.errors import ScenarioError
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef, local_axes
from skypact.kernels.gravity import GM_M3_S2
from skypact.kernels.powered_flight import (
    LANDED,
    STANDARD_GRAVITY_M_S2,
    Body,
    Boost,
    Ending,
    fly,
    thrust_acceleration,
)
from skypact.sensing.flight_programme import Burn, FlightProgramme, Manoeuvre, Stage

NO_TABLE = np.zeros((0, 8))
"""Gravity to J2 only."""
_NO_ROWS = np.zeros((0, 8))
_MEAN_RADIUS_M = 6371e3
_MOST_PITCH_RAD = math.radians(100.0)
LEAST_LIFT_OFF_M_S2 = 1.02 * STANDARD_GRAVITY_M_S2
_STAGE_SHARES: dict[int, tuple[tuple[float, float, float], ...]] = {
    1: ((1.0, 1.0, 0.72),),
    2: ((0.55, 0.36, 0.65), (0.45, 0.64, 0.80)),
}
"""Per stage: share of the burn time, share of the velocity gain, propellant's share of the mass."""


def burn_time_s(delta_v_m_s: float) -> float:
    """Burn time from the ideal velocity gain: 60 s + 240 s / (1 + (6.3 km/s / Δv)^7).

    One smooth rule through what is public of burn times (60 to 75 s for short-range, 100 to 120 s
    medium, 150 to 220 s intermediate, 300 s intercontinental missiles), chosen so that the
    published times of flight of lofted flights come out of apogee and range alone (tests).
    """
    return 60.0 + 240.0 / (1.0 + (6300.0 / delta_v_m_s) ** 7)


class Solution(NamedTuple):
    """A burn that does as asked, and the flight it gave in the search's coarse steps."""

    burn: Burn
    manoeuvres: tuple[Manoeuvre, ...]
    ending: Ending


def solve(programme: FlightProgramme) -> Solution:
    """The burn (and the first manoeuvre's duration) that gives what the programme asks for.

    Raises ScenarioError where no generic burn reaches the apogee and range.
    """
    burn = programme.burn or _solve_burn(programme)
    _refuse_too_weak(programme, burn)
    manoeuvres = programme.manoeuvres
    if programme.manoeuvred_range_m is not None:
        manoeuvres = _solve_manoeuvre(programme, burn, programme.manoeuvred_range_m)
    ending = _flown(programme, burn, manoeuvres)
    if ending.status != LANDED:
        raise ScenarioError(
            f"{programme.object_id}: does not come down within six hours; lower the burn"
        )
    return Solution(burn, manoeuvres, ending)


def _refuse_too_weak(programme: FlightProgramme, burn: Burn) -> None:
    thrust = thrust_acceleration(boost_of(programme, burn).stages, 0, 0.0)
    if thrust < LEAST_LIFT_OFF_M_S2:
        raise ScenarioError(
            f"{programme.object_id}: the thrust at lift-off ({thrust:.1f} m/s²) does not lift the "
            f"weight; shorten the burn or give at least {LEAST_LIFT_OFF_M_S2:.1f} m/s²"
        )


def generic_stages(delta_v_m_s: float, burn_s: float, count: int) -> tuple[Stage, ...]:
    """One or two generic stages that together gain `delta_v_m_s` in `burn_s`."""
    return tuple(
        Stage(
            burn_s=burn_s * time_share,
            delta_v_m_s=delta_v_m_s * gain_share,
            propellant_fraction=fraction,
        )
        for time_share, gain_share, fraction in _STAGE_SHARES[count]
    )


def boost_of(programme: FlightProgramme, burn: Burn) -> Boost:
    """The kernel's form of a burn from the programme's launch site."""
    heading = programme.bearing_rad if burn.heading_rad is None else burn.heading_rad
    return Boost(
        ecef_from_geodetic(programme.latitude_rad, programme.longitude_rad, programme.height_m),
        local_axes(programme.latitude_rad, programme.longitude_rad),
        np.array([(s.burn_s, s.delta_v_m_s, s.propellant_fraction) for s in burn.stages]),
        burn.vertical_s,
        burn.pitch_rad * math.sin(heading),
        burn.pitch_rad * math.cos(heading),
        1.0 / programme.boost_beta_kg_m2,
    )


def body_of(programme: FlightProgramme) -> Body:
    """The kernel's form of the programme's object after burn-out."""
    return Body(
        1.0 / default_beta(programme),
        programme.beta_variation,
        programme.beta_variation_period_s,
        0.0,
    )


def default_beta(programme: FlightProgramme) -> float:
    """The programme's ballistic parameter, or a plausible one for its energy, kg/m².

    Short-range missiles that stay whole: 6,000; separated re-entry bodies: 5,000 to 9,000, more
    with more energy. Generic figures, of no missile in particular.
    """
    if programme.beta_kg_m2 is not None:
        return programme.beta_kg_m2
    if programme.apogee_m is None or programme.range_m is None:
        return 6000.0
    return 6000.0 if programme.apogee_m + programme.range_m < 1.2e6 else 8000.0


def rows_of(manoeuvres: tuple[Manoeuvre, ...]) -> NDArray[np.float64]:
    """(k, 10) as the kernel wants them."""
    rows = [
        (
            m.start_height_m,
            m.duration_s,
            m.end_height_m,
            m.end_ground_range_m,
            m.path_angle_rad,
            m.time_constant_s,
            m.most_lift_m2_kg,
            m.lift_to_drag,
            m.most_load_m_s2,
            m.bank_rad,
        )
        for m in manoeuvres
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 10)


def impact_from_launch(programme: FlightProgramme, ending: Ending) -> tuple[float, float]:
    """Ground distance m along the geodesic from launch to impact, and its azimuth there, rad."""
    latitude, longitude, _ = geodetic_from_ecef(ending.x, ending.y, ending.z)
    return geodesic_inverse(programme.latitude_rad, programme.longitude_rad, latitude, longitude)


def _flown(
    programme: FlightProgramme, burn: Burn, manoeuvres: tuple[Manoeuvre, ...] = ()
) -> Ending:
    return fly(
        boost_of(programme, burn), body_of(programme), rows_of(manoeuvres), NO_TABLE, True, _NO_ROWS
    )


class _Unknowns(NamedTuple):
    delta_v: float
    east: float
    north: float


def _solve_burn(programme: FlightProgramme) -> Burn:
    apogee, range_m = programme.apogee_m, programme.range_m
    if apogee is None or range_m is None:
        raise ScenarioError(
            f"{programme.object_id}: neither apogee and range nor a burn; give one of the two"
        )
    start, stage_count = _first_guess(programme, apogee, range_m)

    def burn_for(x: NDArray[np.float64]) -> Burn:
        delta_v = float(x[0])
        return Burn(
            stages=generic_stages(delta_v, programme.burn_s or burn_time_s(delta_v), stage_count),
            pitch_rad=math.hypot(x[1], x[2]),
            heading_rad=math.atan2(x[1], x[2]),
        )

    def misses(x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        if not (200.0 < x[0] < 14000.0 and math.hypot(x[1], x[2]) < _MOST_PITCH_RAD):
            return None
        ending = _flown(programme, burn_for(x))
        if ending.status != LANDED or ending.apogee_height_m <= programme.height_m + 100.0:
            return None
        length, azimuth = impact_from_launch(programme, ending)
        turn = azimuth - programme.bearing_rad
        scale = max(range_m, 0.25 * apogee)
        return np.array(
            [
                math.log(ending.apogee_height_m / apogee),
                (length * math.cos(turn) - range_m) / scale,
                length * math.sin(turn) / scale,
            ]
        )

    x = np.array(start)
    found = _newton(misses, x, np.array([1.0, 1e-4, 1e-4]))
    if found is None:
        raise ScenarioError(
            f"{programme.object_id}: no generic burn reaches an apogee of {apogee / 1e3:.0f} km at "
            f"a range of {range_m / 1e3:.0f} km; raise the apogee or shorten the range"
        )
    return burn_for(found)


def _first_guess(
    programme: FlightProgramme, apogee: float, range_m: float
) -> tuple[_Unknowns, int]:
    """Impulsive Kepler arc, plus what gravity takes during the burn; and how many stages."""
    psi = 0.5 * range_m / _MEAN_RADIUS_M
    top = _MEAN_RADIUS_M + apogee
    eccentricity = (top - _MEAN_RADIUS_M) / (top - _MEAN_RADIUS_M * math.cos(psi))
    axis = top / (1.0 + eccentricity)
    speed = math.sqrt(GM_M3_S2 * (2.0 / _MEAN_RADIUS_M - 1.0 / axis))
    level = math.sqrt(GM_M3_S2 * axis * (1.0 - eccentricity**2)) / _MEAN_RADIUS_M
    rise = math.sqrt(max(speed**2 - level**2, 0.0))
    delta_v = speed
    lost = 0.0
    for _ in range(8):
        lost = 9.0 * (programme.burn_s or burn_time_s(delta_v)) * 0.75
        delta_v = math.hypot(level, rise + lost)
    pitch = 1.3 * math.atan2(level, rise + lost)
    sin_b, cos_b = math.sin(programme.bearing_rad), math.cos(programme.bearing_rad)
    return _Unknowns(delta_v, pitch * sin_b, pitch * cos_b), 1 if speed < 4000.0 else 2


def _newton(misses, x, steps):  # type: ignore[no-untyped-def]
    """Damped Newton with one-sided differences; None where it does not get below 1e-6."""
    at = misses(x)
    tries = 0
    while at is None:  # a first guess too strong or too weak: towards the middle
        tries += 1
        if tries > 20:
            return None
        x = x * np.array([0.95, 0.9, 0.9])
        at = misses(x)
    for _ in range(40):
        size = float(np.abs(at).max())
        if size < 1e-6:
            return x
        slope = np.empty((3, 3))
        for i in range(3):
            moved = x.copy()
            moved[i] += steps[i]
            there = misses(moved)
            if there is None:
                return None
            slope[:, i] = (there - at) / steps[i]
        try:
            change = -np.linalg.solve(slope, at)
        except np.linalg.LinAlgError:
            return None
        limit = min(1.0, 800.0 / abs(change[0]), 0.3 / max(abs(change[1]), abs(change[2]), 1e-9))
        share = limit
        while True:
            trial = x + share * change
            there = misses(trial)
            if there is not None and np.abs(there).sum() < np.abs(at).sum():
                x, at = trial, there
                break
            share *= 0.5
            if share < 1e-3:
                return x if size < 1e-4 else None
    return x if float(np.abs(at).max()) < 1e-4 else None


def _solve_manoeuvre(
    programme: FlightProgramme, burn: Burn, wanted_m: float
) -> tuple[Manoeuvre, ...]:
    """The manoeuvres with the first one's duration such that the impact is `wanted_m` away."""
    from scipy.optimize import brentq

    if not programme.manoeuvres:
        raise ScenarioError(
            f"{programme.object_id}: a manoeuvred range without a manoeuvre; add one"
        )
    first, rest = programme.manoeuvres[0], programme.manoeuvres[1:]

    def lasting(duration_s: float) -> tuple[Manoeuvre, ...]:
        return (msgspec.structs.replace(first, duration_s=duration_s), *rest)

    def over(duration_s: float) -> float:
        ending = _flown(programme, burn, lasting(duration_s))
        return impact_from_launch(programme, ending)[0] - wanted_m

    most = min(first.duration_s, 3600.0)
    durations = np.concatenate(([0.0], np.geomspace(1.0, most, 40)))
    misses = [over(float(d)) for d in durations]
    for i in range(len(durations) - 1):
        if misses[i] <= 0.0 < misses[i + 1]:
            found = brentq(over, durations[i], durations[i + 1], xtol=1e-3)
            return lasting(float(found))
    raise ScenarioError(
        f"{programme.object_id}: its lift carries it to {(max(misses) + wanted_m) / 1e3:.0f} km at "
        f"most and {(min(misses) + wanted_m) / 1e3:.0f} km at least, not {wanted_m / 1e3:.0f} km; "
        "change the range or the lift"
    )
