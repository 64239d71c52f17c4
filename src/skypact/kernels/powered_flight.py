"""A whole flight, from the launch pad to the ground: boost, free flight, lift.

Generic boost, no vehicle in particular. Each stage has constant thrust and mass flow, so its
acceleration grows as 1/(1 - f τ), f the propellant's share of the stage's mass and τ the share of
its burn time gone (Tsiolkovsky). The nose stays up for some seconds, then turns away from the
vertical as sin(π/2 u), u the share of the remaining burn time gone: fast at first, like a gravity
turn, and to an angle that the search in `sensing.solve` finds. Directions are kept in axes that
stand still while the Earth turns, as a gyroscope's do.

In free flight drag acts wherever there is air. Lift follows one law for pull-up, glide and dive:
the acceleration that carries the weight and turns the flight-path angle towards an asked one with
an asked time constant, within what the air can give and the airframe can bear; it is held over
each step.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.atmosphere import density
from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import EARTH_RATE_RAD_S, height_and_up
from skypact.kernels.gravity import gravity_j2
from skypact.kernels.motion import (
    AIR_TOP_M,
    BOOST,
    COAST,
    MANOEUVRE,
    REENTRY,
    acceleration,
    gravity_remainder,
    longest_step,
    step,
)

STANDARD_GRAVITY_M_S2 = 9.80665
LANDED, TOO_LONG, FULL, LOST = 0, 1, 2, 3
"""How a flight ends: on the ground; still up at the time limit; `out` is full; not finite."""

# Columns of a manoeuvre's row.
(
    START_HEIGHT_M,  # begins on the way down below this height
    LONGEST_S,
    END_HEIGHT_M,  # ends below this height
    END_GROUND_RANGE_M,  # ends beyond this distance from launch, on a sphere
    PATH_ANGLE_RAD,  # flight-path angle that is aimed at, positive up
    TIME_CONSTANT_S,
    MOST_LIFT_M2_KG,  # C_L A / m
    LIFT_TO_DRAG,  # lift over the drag that it adds
    MOST_LOAD_M_S2,
    BANK_RAD,  # of the lift, to the right
) = range(10)
MANOEUVRE_COLUMNS = 10
_MEAN_RADIUS_M = 6371008.8
_LONGEST_FLIGHT_S = 6 * 3600.0
_MANOEUVRE_STEP_S = 0.1
_COARSE_MANOEUVRE_STEP_S = 0.25


class Boost(NamedTuple):
    """Powered flight from a place at rest on the ground.

    `position_ecef_m` (3 numbers), `axes`: east, north, up there (nine, `geodesy.local_axes`).
    `stages` (k, 3): burn time s, ideal velocity gain m/s, propellant's share of the mass.
    `pitch_east_rad`, `pitch_north_rad`: the angle from the vertical at burn-out, as a vector
    pointing where the nose goes over to.
    """

    position_ecef_m: tuple[float, float, float]
    axes: tuple[float, float, float, float, float, float, float, float, float]
    stages: NDArray[np.float64]
    vertical_s: float
    pitch_east_rad: float
    pitch_north_rad: float
    inverse_beta_m2_kg: float


class Body(NamedTuple):
    """An object in free flight: C_D A / m, and a slow sine in its logarithm if wanted."""

    inverse_beta_m2_kg: float
    variation: float = 0.0
    variation_period_s: float = 60.0
    variation_phase_rad: float = 0.0


class Ending(NamedTuple):
    """How and where a flight ended. Times in s since launch, ECEF m and m/s."""

    status: int
    rows: int
    burnout_s: float
    apogee_s: float
    apogee_height_m: float
    impact_s: float
    x: float
    y: float
    z: float
    vx: float
    vy: float
    vz: float


@kernel
def _write(
    out: NDArray[np.float64],
    row: int,
    t: float,
    state: tuple[float, float, float, float, float, float],
    phase: int,
) -> int:
    """Put a node into `out` (modified in place) and return the next row; -1 when it is full."""
    if out.shape[0] == 0 or row < 0:
        return row
    if row >= out.shape[0]:
        return -1
    out[row, 0] = t
    for i in range(6):
        out[row, 1 + i] = state[i]
    out[row, 7] = phase
    return row + 1


@kernel
def _remainder(
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    ahead_s: float,
    table: NDArray[np.float64],
) -> tuple[float, float, float]:
    """What gravity has beyond J2, `ahead_s` further on; none for an empty table."""
    if table.shape[0] == 0:
        return 0.0, 0.0, 0.0
    gx, gy, gz = gravity_j2(x, y, z)
    s = 0.5 * ahead_s * ahead_s
    return gravity_remainder(
        x + ahead_s * vx + s * gx, y + ahead_s * vy + s * gy, z + ahead_s * vz + s * gz, table
    )


@kernel
def thrust_acceleration(stages: NDArray[np.float64], stage: int, share: float) -> float:
    """Thrust over mass in m/s² when `share` of a stage's burn time is gone."""
    burn_s, delta_v, fraction = stages[stage, 0], stages[stage, 1], stages[stage, 2]
    return delta_v / burn_s * fraction / -math.log1p(-fraction) / (1.0 - fraction * share)


@kernel
def thrust_direction(boost: Boost, t: float, burnout_s: float) -> tuple[float, float, float]:
    """Unit vector of the thrust in ECEF, t seconds after launch."""
    full = math.hypot(boost.pitch_east_rad, boost.pitch_north_rad)
    east, north = 0.0, 1.0
    if full > 0.0:
        east, north = boost.pitch_east_rad / full, boost.pitch_north_rad / full
    gone = (t - boost.vertical_s) / max(burnout_s - boost.vertical_s, 1e-3)
    pitch = full * math.sin(0.5 * math.pi * min(max(gone, 0.0), 1.0))
    side, up = math.sin(pitch), math.cos(pitch)
    a = boost.axes
    dx = up * a[6] + side * (east * a[0] + north * a[3])
    dy = up * a[7] + side * (east * a[1] + north * a[4])
    dz = up * a[8] + side * (east * a[2] + north * a[5])
    c, s = math.cos(EARTH_RATE_RAD_S * t), math.sin(EARTH_RATE_RAD_S * t)
    return c * dx + s * dy, -s * dx + c * dy, dz


@kernel
def _boost_acceleration(
    boost: Boost,
    t: float,
    burnout_s: float,
    stage: int,
    share: float,
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    remainder: tuple[float, float, float],
) -> tuple[float, float, float]:
    a = thrust_acceleration(boost.stages, stage, share)
    dx, dy, dz = thrust_direction(boost, t, burnout_s)
    fx, fy, fz = acceleration(
        REENTRY, x, y, z, vx, vy, vz, boost.inverse_beta_m2_kg, 0.0, 0.0, remainder
    )
    return fx + a * dx, fy + a * dy, fz + a * dz


@kernel
def ascend(
    boost: Boost, table: NDArray[np.float64], longest_s: float, out: NDArray[np.float64]
) -> tuple[int, float, float, float, float, float, float, float]:
    """Powered flight by Runge-Kutta 4 in steps of at most `longest_s`.

    Returns the next free row of `out` (n, 8: time, state, phase; modified in place, none written
    when it has no rows; -1 when full), the burn-out time s and the state there. A stage's last
    step ends on its burn-out.
    """
    burnout_s = 0.0
    for i in range(boost.stages.shape[0]):
        burnout_s += boost.stages[i, 0]
    x, y, z = boost.position_ecef_m
    vx, vy, vz = 0.0, 0.0, 0.0
    t0 = 0.0
    row = _write(out, 0, 0.0, (x, y, z, vx, vy, vz), BOOST)
    for i in range(boost.stages.shape[0]):
        burn_s = boost.stages[i, 0]
        steps = max(1, math.ceil(burn_s / longest_s))
        h = burn_s / steps
        k = 0.5 * h
        for j in range(steps):
            t = t0 + j * h
            s0, s1, s2 = j / steps, (j + 0.5) / steps, (j + 1.0) / steps
            rem = _remainder(x, y, z, vx, vy, vz, k, table)
            a1 = _boost_acceleration(boost, t, burnout_s, i, s0, x, y, z, vx, vy, vz, rem)
            ux, uy, uz = vx + k * a1[0], vy + k * a1[1], vz + k * a1[2]
            px, py, pz = x + k * vx, y + k * vy, z + k * vz
            a2 = _boost_acceleration(boost, t + k, burnout_s, i, s1, px, py, pz, ux, uy, uz, rem)
            wx, wy, wz = vx + k * a2[0], vy + k * a2[1], vz + k * a2[2]
            px, py, pz = x + k * ux, y + k * uy, z + k * uz
            a3 = _boost_acceleration(boost, t + k, burnout_s, i, s1, px, py, pz, wx, wy, wz, rem)
            qx, qy, qz = vx + h * a3[0], vy + h * a3[1], vz + h * a3[2]
            px, py, pz = x + h * wx, y + h * wy, z + h * wz
            a4 = _boost_acceleration(boost, t + h, burnout_s, i, s2, px, py, pz, qx, qy, qz, rem)
            s = h / 6.0
            x += s * (vx + 2.0 * (ux + wx) + qx)
            y += s * (vy + 2.0 * (uy + wy) + qy)
            z += s * (vz + 2.0 * (uz + wz) + qz)
            vx += s * (a1[0] + 2.0 * (a2[0] + a3[0]) + a4[0])
            vy += s * (a1[1] + 2.0 * (a2[1] + a3[1]) + a4[1])
            vz += s * (a1[2] + 2.0 * (a2[2] + a3[2]) + a4[2])
            row = _write(out, row, t0 + (j + 1) * h, (x, y, z, vx, vy, vz), BOOST)
        t0 += burn_s
    return row, burnout_s, x, y, z, vx, vy, vz


@kernel
def lift_command(
    manoeuvre: NDArray[np.float64],
    height: float,
    climb: float,
    speed: float,
    radius: float,
    weight: float,
    inverse_beta: float,
) -> tuple[float, float, float]:
    """Drag, lift up and lift right (C A / m, m²/kg) that a manoeuvre asks for here.

    `manoeuvre` (10,): a row, columns as named above. `climb`: vertical speed m/s; `weight`:
    gravity m/s². Wanted: (g - v²/r) cos γ + v (γ* - γ) / T, square to the velocity.
    """
    rho, _ = density(height)
    q = 0.5 * rho * speed * speed
    if q <= 0.0:
        return inverse_beta, 0.0, 0.0
    sine = min(max(climb / speed, -1.0), 1.0)
    cosine = math.sqrt(1.0 - sine * sine)
    wanted = (weight - speed * speed / radius) * cosine
    wanted += speed * (manoeuvre[PATH_ANGLE_RAD] - math.asin(sine)) / manoeuvre[TIME_CONSTANT_S]
    bank = manoeuvre[BANK_RAD]
    wanted /= max(math.cos(bank), 0.1)
    most = min(manoeuvre[MOST_LOAD_M_S2], q * manoeuvre[MOST_LIFT_M2_KG])
    lift = min(max(wanted, -most), most) / q
    drag = inverse_beta + abs(lift) / manoeuvre[LIFT_TO_DRAG]
    return drag, lift * math.cos(bank), lift * math.sin(bank)


@kernel
def _longest_free_step(height: float, climb: float, speed: float, coarse: bool) -> float:
    if height > AIR_TOP_M:
        until_air = (height - AIR_TOP_M) / max(-climb, 1.0) if climb < 0.0 else 1e9
        return max(0.5, min(20.0 if coarse else 5.0, until_air))
    longest = longest_step(REENTRY, height, speed)
    return longest if coarse else 0.5 * longest


@kernel
def descend(
    t: float,
    state: tuple[float, float, float, float, float, float],
    burnout_s: float,
    launch: tuple[float, float, float],
    body: Body,
    manoeuvres: NDArray[np.float64],
    table: NDArray[np.float64],
    coarse: bool,
    row: int,
    out: NDArray[np.float64],
) -> Ending:
    """Free flight and manoeuvres from `state` at t seconds after launch down to height 0.

    `launch`: ECEF m of the launch point, from which manoeuvres measure ground range.
    `manoeuvres` (k, 10) are flown one after the other. `out` (n, 8) as in `ascend`, from `row`.
    A node's phase is that of the step which begins there. Drag acts (phase re-entry) below
    `AIR_TOP_M`, up or down.
    """
    x, y, z, vx, vy, vz = state
    launch_radius = math.sqrt(launch[0] ** 2 + launch[1] ** 2 + launch[2] ** 2)
    next_manoeuvre = 0
    begun = -1.0
    remainder = (0.0, 0.0, 0.0)
    remainder_until = -1.0
    height, ux, uy, uz = height_and_up(x, y, z)
    climb = vx * ux + vy * uy + vz * uz
    apogee_s, apogee_height = t, height
    status = TOO_LONG
    while t < _LONGEST_FLIGHT_S:
        speed = math.sqrt(vx * vx + vy * vy + vz * vz)
        if not math.isfinite(speed):
            status = LOST
            break
        h = _longest_free_step(height, climb, speed, coarse)
        phase = REENTRY if height <= AIR_TOP_M else COAST
        e0, e1, e2 = 0.0, 0.0, 0.0
        if body.inverse_beta_m2_kg > 0.0:
            e0 = body.inverse_beta_m2_kg
            if body.variation != 0.0:
                angle = 2.0 * math.pi * (t + 0.5 * h) / body.variation_period_s
                e0 *= math.exp(body.variation * math.sin(angle + body.variation_phase_rad))
        else:
            phase = COAST
        # Manoeuvres: end one, perhaps begin the next, and hold its command over the step.
        if next_manoeuvre < manoeuvres.shape[0]:
            m = manoeuvres[next_manoeuvre]
            if begun >= 0.0:
                radius = math.sqrt(x * x + y * y + z * z)
                cosine = (x * launch[0] + y * launch[1] + z * launch[2]) / (radius * launch_radius)
                ground = _MEAN_RADIUS_M * math.acos(min(max(cosine, -1.0), 1.0))
                over = t >= begun + m[LONGEST_S] - 1e-6
                if over or height < m[END_HEIGHT_M] or ground > m[END_GROUND_RANGE_M]:
                    next_manoeuvre += 1
                    begun = -1.0
            if begun < 0.0 and next_manoeuvre < manoeuvres.shape[0] and climb < 0.0:
                m = manoeuvres[next_manoeuvre]
                above = height - m[START_HEIGHT_M]
                if above <= 0.0:
                    begun = t
                else:
                    h = min(h, max(0.05, above / -climb))
            if begun >= 0.0 and height <= AIR_TOP_M:
                m = manoeuvres[next_manoeuvre]
                gx, gy, gz = gravity_j2(x, y, z)
                weight = math.sqrt(gx * gx + gy * gy + gz * gz)
                radius = math.sqrt(x * x + y * y + z * z)
                inverse_beta = e0 if phase == REENTRY else 0.0
                e0, e1, e2 = lift_command(m, height, climb, speed, radius, weight, inverse_beta)
                phase = MANOEUVRE
                longest = _COARSE_MANOEUVRE_STEP_S if coarse else _MANOEUVRE_STEP_S
                h = min(h, longest, max(begun + m[LONGEST_S] - t, 1e-6))
        if t >= remainder_until:
            span = max(h, 1.0)
            remainder = _remainder(x, y, z, vx, vy, vz, 0.5 * span, table)
            remainder_until = t + 0.999 * span
        elif t + h > remainder_until + 1.0:
            h = remainder_until + 0.5 - t  # not a long step on a stale remainder
        row = _write(out, row, t, (x, y, z, vx, vy, vz), phase)
        if row < 0:
            status = FULL
            break
        x1, y1, z1, vx1, vy1, vz1 = step(phase, x, y, z, vx, vy, vz, e0, e1, e2, h, remainder)
        height1, ux, uy, uz = height_and_up(x1, y1, z1)
        climb1 = vx1 * ux + vy1 * uy + vz1 * uz
        if climb > 0.0 >= climb1:
            share = climb / (climb - climb1)
            top = height + 0.5 * climb * share * h
            if top > apogee_height:
                apogee_s, apogee_height = t + share * h, top
        if height1 <= 0.0 and climb1 < 0.0:
            # Shorten the last step until it ends on the ground.
            low, high, low_height, high_height = 0.0, h, height, height1
            for _ in range(60):
                trial = high - high_height * (high - low) / (high_height - low_height)
                if not low < trial < high:
                    trial = 0.5 * (low + high)
                x1, y1, z1, vx1, vy1, vz1 = step(
                    phase, x, y, z, vx, vy, vz, e0, e1, e2, trial, remainder
                )
                height1, ux, uy, uz = height_and_up(x1, y1, z1)
                h = trial
                if abs(height1) < 1e-4:
                    break
                if height1 > 0.0:
                    low, low_height = trial, height1
                else:
                    high, high_height = trial, height1
            t += h
            row = _write(out, row, t, (x1, y1, z1, vx1, vy1, vz1), phase)
            status = FULL if row < 0 else LANDED
            x, y, z, vx, vy, vz = x1, y1, z1, vx1, vy1, vz1
            break
        t += h
        x, y, z, vx, vy, vz, height, climb = x1, y1, z1, vx1, vy1, vz1, height1, climb1
    return Ending(status, row, burnout_s, apogee_s, apogee_height, t, x, y, z, vx, vy, vz)


@kernel
def fly(
    boost: Boost,
    body: Body,
    manoeuvres: NDArray[np.float64],
    table: NDArray[np.float64],
    coarse: bool,
    out: NDArray[np.float64],
) -> Ending:
    """From launch to ground: `ascend`, then `descend`. `coarse` steps are for searching.

    The node at burn-out is written once, with the phase that follows.
    """
    row, burnout_s, x, y, z, vx, vy, vz = ascend(boost, table, 2.0 if coarse else 0.5, out)
    if row > 0:
        row -= 1
    return descend(
        burnout_s,
        (x, y, z, vx, vy, vz),
        burnout_s,
        boost.position_ecef_m,
        body,
        manoeuvres,
        table,
        coarse,
        row,
        out,
    )
