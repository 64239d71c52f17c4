"""How objects move: free flight, thrust, drag and lift over a rotating Earth.

State: ECEF position m, velocity m/s, and three more numbers (`e0, e1, e2`) whose meaning depends on
the phase (`model.Phase`):

- coast: unused;
- boost: thrust acceleration, ECEF, m/s²; it grows as the mass burns away (`thrust_growth`);
- re-entry: e0 = drag C_D A / m in m²/kg, the inverse ballistic parameter; e1, e2 are 0;
- manoeuvre: drag, lift up and lift right, each as C A / m in m²/kg.

Equations: Montenbruck & Gill (2000), eq. 3.1 in rotating axes; drag and lift -½ ρ v² (C A / m).
"Lift up" points up, square to the velocity; "lift right" completes the right-handed set.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.atmosphere import density
from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import EARTH_RATE_RAD_S, height_and_up
from skypact.kernels.gravity import gravity, gravity_gradient, gravity_j2

COAST, BOOST, REENTRY, MANOEUVRE = 0, 1, 2, 3
# Above this height air is left out: drag on a 1,000 kg/m² body at 8 km/s is below 1e-3 m/s².
AIR_TOP_M = 120e3
# Of the gas, by which thrust over mass grows: a specific impulse of 265 s. Solid and storable
# propellants have 230 to 300 s in flight (Sutton & Biblarz, Rocket Propulsion Elements, ch. 5, 13).
EXHAUST_SPEED_M_S = 2600.0
# What structures bear: thrust over mass is not thought to grow beyond.
GREATEST_THRUST_M_S2 = 200.0


def drag_belief(ballistic_parameter_kg_m2: float, ln_sigma: float) -> tuple[float, float]:
    """Mean and standard deviation of the drag 1/β, m²/kg, of a log-normal β with this median."""
    mean = math.exp(0.5 * ln_sigma**2) / ballistic_parameter_kg_m2
    return mean, mean * math.sqrt(math.expm1(ln_sigma**2))


@kernel
def extra_states(phase: int) -> int:
    """How many of e0, e1, e2 a phase uses."""
    if phase == COAST:
        return 0
    return 1 if phase == REENTRY else 3


@kernel
def air_axes(
    vx: float, vy: float, vz: float, up: tuple[float, float, float]
) -> tuple[float, float, float, float, float, float, float, float, float, float]:
    """Speed, then unit vectors along the velocity, lift up and lift right (3 × 3 numbers)."""
    speed = math.sqrt(vx * vx + vy * vy + vz * vz)
    if speed < 1e-3:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    tx, ty, tz = vx / speed, vy / speed, vz / speed
    sine = tx * up[0] + ty * up[1] + tz * up[2]
    lx, ly, lz = up[0] - sine * tx, up[1] - sine * ty, up[2] - sine * tz
    norm = math.sqrt(lx * lx + ly * ly + lz * lz)
    if norm < 1e-9:  # straight up or down: any direction square to it will do, always the same
        lx, ly, lz = (-tz, 0.0, tx) if abs(tx) > 0.9 else (0.0, -tz, ty)
        norm = math.sqrt(lx * lx + ly * ly + lz * lz)
    lx, ly, lz = lx / norm, ly / norm, lz / norm
    return (
        speed,
        tx,
        ty,
        tz,
        lx,
        ly,
        lz,
        ty * lz - tz * ly,
        tz * lx - tx * lz,
        tx * ly - ty * lx,
    )


@kernel
def air_acceleration(
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    drag: float,
    lift_up: float,
    lift_right: float,
) -> tuple[float, float, float]:
    """Acceleration m/s² by drag and lift (C A / m in m²/kg) in the standard atmosphere."""
    height, ux, uy, uz = height_and_up(x, y, z)
    if height > AIR_TOP_M:
        return 0.0, 0.0, 0.0
    rho, _ = density(height)
    if lift_up == 0.0 and lift_right == 0.0:
        k = -0.5 * rho * drag * math.sqrt(vx * vx + vy * vy + vz * vz)
        return k * vx, k * vy, k * vz
    speed, tx, ty, tz, lx, ly, lz, sx, sy, sz = air_axes(vx, vy, vz, (ux, uy, uz))
    q = 0.5 * rho * speed * speed
    return (
        q * (-drag * tx + lift_up * lx + lift_right * sx),
        q * (-drag * ty + lift_up * ly + lift_right * sy),
        q * (-drag * tz + lift_up * lz + lift_right * sz),
    )


@kernel
def inertial_terms(x: float, y: float, vx: float, vy: float) -> tuple[float, float]:
    """Centrifugal and Coriolis acceleration in x and y (none in z), m/s²."""
    w = EARTH_RATE_RAD_S
    return w * w * x + 2.0 * w * vy, w * w * y - 2.0 * w * vx


@kernel
def acceleration(
    phase: int,
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    e0: float,
    e1: float,
    e2: float,
    remainder: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Acceleration m/s² in rotating ECEF axes.

    `remainder` is what gravity has beyond `gravity_j2` at this place (see `gravity_remainder`).
    """
    ax, ay, az = gravity_j2(x, y, z)
    cx, cy = inertial_terms(x, y, vx, vy)
    ax += cx + remainder[0]
    ay += cy + remainder[1]
    az += remainder[2]
    if phase == BOOST:
        return ax + e0, ay + e1, az + e2
    if phase == COAST:
        return ax, ay, az
    dx, dy, dz = air_acceleration(x, y, z, vx, vy, vz, e0, e1, e2)
    return ax + dx, ay + dy, az + dz


@kernel
def gravity_remainder(
    x: float, y: float, z: float, table: NDArray[np.float64]
) -> tuple[float, float, float]:
    """What `gravity` has beyond `gravity_j2`, m/s²: below 1e-3, and slow along a path."""
    fx, fy, fz = gravity(x, y, z, table)
    jx, jy, jz = gravity_j2(x, y, z)
    return fx - jx, fy - jy, fz - jz


@kernel
def step(
    phase: int,
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    e0: float,
    e1: float,
    e2: float,
    h: float,
    remainder: tuple[float, float, float],
) -> tuple[float, float, float, float, float, float]:
    """Position and velocity after h seconds by one classical Runge-Kutta step of order 4."""
    a1x, a1y, a1z = acceleration(phase, x, y, z, vx, vy, vz, e0, e1, e2, remainder)
    k = 0.5 * h
    ux, uy, uz = vx + k * a1x, vy + k * a1y, vz + k * a1z
    a2x, a2y, a2z = acceleration(
        phase, x + k * vx, y + k * vy, z + k * vz, ux, uy, uz, e0, e1, e2, remainder
    )
    wx, wy, wz = vx + k * a2x, vy + k * a2y, vz + k * a2z
    a3x, a3y, a3z = acceleration(
        phase, x + k * ux, y + k * uy, z + k * uz, wx, wy, wz, e0, e1, e2, remainder
    )
    qx, qy, qz = vx + h * a3x, vy + h * a3y, vz + h * a3z
    a4x, a4y, a4z = acceleration(
        phase, x + h * wx, y + h * wy, z + h * wz, qx, qy, qz, e0, e1, e2, remainder
    )
    s = h / 6.0
    return (
        x + s * (vx + 2.0 * (ux + wx) + qx),
        y + s * (vy + 2.0 * (uy + wy) + qy),
        z + s * (vz + 2.0 * (uz + wz) + qz),
        vx + s * (a1x + 2.0 * (a2x + a3x) + a4x),
        vy + s * (a1y + 2.0 * (a2y + a3y) + a4y),
        vz + s * (a1z + 2.0 * (a2z + a3z) + a4z),
    )


@kernel
def longest_step(phase: int, height_m: float, speed_m_s: float) -> float:
    """Longest step in s for `step`: 10 s in free flight, a fifth of a scale height in air.

    Tests hold the error of an hour's free flight below 1 m and that of a fall through air below
    1 m against SciPy's DOP853.
    """
    if phase == BOOST:
        return 2.0
    if height_m > AIR_TOP_M + 10.0 * speed_m_s or (phase == COAST and height_m > -1e5):
        return 10.0
    if height_m > AIR_TOP_M:  # not across the top of the air in one step
        return max(0.5, min(10.0, (height_m - AIR_TOP_M) / max(speed_m_s, 1.0)))
    return max(0.02, min(2.0, 1400.0 / max(speed_m_s, 1.0)))


@kernel
def coast_path(
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    dt: float,
    table: NDArray[np.float64],
) -> tuple[float, float, float, float, float, float]:
    """Free flight for `dt` seconds (either sign) in the full field of `table`.

    The remainder of gravity is taken at each step's middle, where a slow force belongs; steps of
    10 s at most.
    """
    steps = max(1, math.ceil(abs(dt) / 10.0))
    h = dt / steps
    for _ in range(steps):
        k = 0.5 * h
        gx, gy, gz = gravity_j2(x, y, z)
        s = 0.5 * k * k * 2.0
        middle = gravity_remainder(
            x + k * vx + 0.5 * s * gx, y + k * vy + 0.5 * s * gy, z + k * vz + 0.5 * s * gz, table
        )
        x, y, z, vx, vy, vz = step(COAST, x, y, z, vx, vy, vz, 0.0, 0.0, 0.0, h, middle)
    return x, y, z, vx, vy, vz


@kernel
def linearise(
    phase: int,
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    e0: float,
    e1: float,
    e2: float,
    out: NDArray[np.float64],
) -> None:
    """Partial derivatives of `acceleration`: by position, by velocity and by e, into `out`.

    `out` (3, 9), modified in place. Lift's turn with the local vertical is left out (1e-3 of it).
    """
    w = EARTH_RATE_RAD_S
    gxx, gxy, gxz, gyy, gyz, gzz = gravity_gradient(x, y, z)
    out[0, 0], out[0, 1], out[0, 2] = gxx + w * w, gxy, gxz
    out[1, 0], out[1, 1], out[1, 2] = gxy, gyy + w * w, gyz
    out[2, 0], out[2, 1], out[2, 2] = gxz, gyz, gzz
    for i in range(3):
        for j in range(3, 9):
            out[i, j] = 0.0
    out[0, 4], out[1, 3] = 2.0 * w, -2.0 * w
    if phase == COAST:
        return
    if phase == BOOST:
        out[0, 6], out[1, 7], out[2, 8] = 1.0, 1.0, 1.0
        return
    height, ux, uy, uz = height_and_up(x, y, z)
    if height > AIR_TOP_M:
        return
    rho, slope = density(height)
    speed, tx, ty, tz, lx, ly, lz, sx, sy, sz = air_axes(vx, vy, vz, (ux, uy, uz))
    if speed == 0.0:
        return
    q = 0.5 * rho * speed * speed
    along = (tx, ty, tz)
    lift = (lx, ly, lz)
    side = (sx, sy, sz)
    up = (ux, uy, uz)
    for i in range(3):
        a_i = q * (-e0 * along[i] + e1 * lift[i] + e2 * side[i])
        for j in range(3):
            out[i, j] += a_i * slope * up[j]
            turn = -e0 * ((1.0 if i == j else 0.0) - along[i] * along[j])
            turn -= along[i] * (e1 * lift[j] + e2 * side[j])
            out[i, 3 + j] += 2.0 * a_i * along[j] / speed + q / speed * turn
        out[i, 6] = -q * along[i]
        if phase == MANOEUVRE:
            out[i, 7], out[i, 8] = q * lift[i], q * side[i]


@kernel
def thrust_growth(size: float, t: float) -> tuple[float, float, float, float]:
    """By how much a thrust acceleration of `size` m/s² grows within t s, of either sign.

    At the end and on the average, and how each of these factors changes with `size`, s²/m. Steady
    burning: m' = -T / c, so that a = T / m has a' = a² / c with the exhaust speed c. The average
    by its series, good to 2e-5 where the factor at the end is below 1.18.
    """
    if size < 1e-6 or size >= GREATEST_THRUST_M_S2:
        return 1.0, 1.0, 0.0, 0.0
    u, slope = size * t / EXHAUST_SPEED_M_S, t / EXHAUST_SPEED_M_S
    if (1.0 - u) * GREATEST_THRUST_M_S2 <= size:
        end = GREATEST_THRUST_M_S2 / size
        return end, 0.5 * (1.0 + end), 0.0, 0.0
    end = 1.0 / (1.0 - u)
    mean = 1.0 + u * (0.5 + u * (1.0 / 3.0 + u * (0.25 + 0.2 * u)))
    mean_slope = slope * (0.5 + u * (2.0 / 3.0 + u * (0.75 + 0.8 * u)))
    return end, mean, slope * end * end, mean_slope


@kernel
def _burn(x: NDArray[np.float64], f: NDArray[np.float64], h: float) -> None:
    """Let the thrust of a boost grow over h s, in `x`; its transition `f` is to know of it.

    `x` (n,) and `f` (9, 9) were moved by the average thrust, and are modified in place.
    """
    e0, e1, e2 = x[6], x[7], x[8]
    size = math.sqrt(e0 * e0 + e1 * e1 + e2 * e2)
    end, mean, end_slope, mean_slope = thrust_growth(size, h)
    # More of it comes late, when it has less time to lead far: the series' first two terms.
    u = size * h / EXHAUST_SPEED_M_S
    late = -h * h * u * (1.0 + u) / 12.0
    late_slope = -h * h * h * (1.0 + 2.0 * u) / (12.0 * EXHAUST_SPEED_M_S)
    over = 1.0 / max(size, 1e-6)
    for i in range(6):
        along = (f[i, 6] * e0 + f[i, 7] * e1 + f[i, 8] * e2) * mean_slope * over
        for k in range(3):
            f[i, 6 + k] = mean * f[i, 6 + k] + along * x[6 + k]
    for i in range(3):
        x[i] += late * x[6 + i]
        for k in range(3):
            same, both = 1.0 if i == k else 0.0, over * x[6 + i] * x[6 + k]
            f[i, 6 + k] += late * same + late_slope * both
            f[6 + i, 6 + k] = end * same + end_slope * both
    x[6], x[7], x[8] = end * e0, end * e1, end * e2


@kernel
def transition(partials: NDArray[np.float64], h: float, out: NDArray[np.float64]) -> None:
    """Transition matrix over h seconds from `linearise` at the step's middle.

    Series to h³ in position, h² in velocity: for |h| of 10 s the parts left out are below 1e-6 of
    what they change. `out` (9, 9), modified in place; the last three rows are the identity.
    """
    h2, h3 = 0.5 * h * h, h * h * h / 6.0
    for i in range(3):
        for j in range(3):
            velocity_position = 0.0
            velocity_velocity = 0.0
            velocity_extra = 0.0
            for k in range(3):
                c_ik = partials[i, 3 + k]
                velocity_position += c_ik * partials[k, j]
                velocity_velocity += c_ik * partials[k, 3 + j]
                velocity_extra += c_ik * partials[k, 6 + j]
            same = 1.0 if i == j else 0.0
            second = partials[i, j] + velocity_velocity
            out[i, j] = same + h2 * partials[i, j] + h3 * velocity_position
            out[i, 3 + j] = h * same + h2 * partials[i, 3 + j] + h3 * second
            out[i, 6 + j] = h2 * partials[i, 6 + j] + h3 * velocity_extra
            out[3 + i, j] = h * partials[i, j] + h2 * velocity_position
            out[3 + i, 3 + j] = same + h * partials[i, 3 + j] + h2 * second
            out[3 + i, 6 + j] = h * partials[i, 6 + j] + h2 * velocity_extra
            out[6 + i, j] = 0.0
            out[6 + i, 3 + j] = 0.0
            out[6 + i, 6 + j] = same


@kernel
def move(
    phase: int,
    x: NDArray[np.float64],
    left: float,
    remainder: tuple[float, float, float],
    partials: NDArray[np.float64],
    f: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Move `x` (n,) one step, at most `left` seconds (either sign), in place; `f` its transition.

    `partials` (3, 9) and `f` (9, 9) are written. Returns the seconds moved, and height m and speed
    m/s before it.
    """
    height, _, _, _ = height_and_up(x[0], x[1], x[2])
    speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5])
    longest = longest_step(phase, height, speed)
    h = left if abs(left) <= longest * 1.0001 else math.copysign(longest, left)
    e0, e1, e2 = x[6], x[7], x[8]
    if phase == BOOST:
        _, mean, _, _ = thrust_growth(math.sqrt(e0 * e0 + e1 * e1 + e2 * e2), h)
        e0, e1, e2 = mean * e0, mean * e1, mean * e2
    nx, ny, nz, nvx, nvy, nvz = step(
        phase, x[0], x[1], x[2], x[3], x[4], x[5], e0, e1, e2, h, remainder
    )
    linearise(
        phase,
        0.5 * (x[0] + nx),
        0.5 * (x[1] + ny),
        0.5 * (x[2] + nz),
        0.5 * (x[3] + nvx),
        0.5 * (x[4] + nvy),
        0.5 * (x[5] + nvz),
        e0,
        e1,
        e2,
        partials,
    )
    transition(partials, h, f)
    x[0], x[1], x[2], x[3], x[4], x[5] = nx, ny, nz, nvx, nvy, nvz
    if phase == BOOST:
        _burn(x, f, h)
    return h, height, speed
