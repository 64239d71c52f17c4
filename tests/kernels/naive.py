"""Slow, obvious twins of the kernels: NumPy matrices, SciPy integration, no cleverness."""

import math

import brahe
import numpy as np
import pyproj
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from skypact.kernels import filter as kf
from skypact.kernels.motion import (
    BOOST,
    COAST,
    EXHAUST_SPEED_M_S,
    GREATEST_THRUST_M_S2,
    MANOEUVRE,
    REENTRY,
)

GM, RADIUS, SPIN = 3.986004415e14, 6378136.3, np.array([0.0, 0.0, 7.292115e-5])
OWN = {COAST: 0, BOOST: 3, REENTRY: 1, MANOEUVRE: 3}
MODEL = brahe.GravityModel.from_model_type(brahe.GravityModelType.EGM2008_120)
TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)

# USSA76: geopotential base height m, temperature K, lapse K/m
LAYERS = [
    (0.0, 288.15, -6.5e-3),
    (11e3, 216.65, 0.0),
    (20e3, 216.65, 1e-3),
    (32e3, 228.65, 2.8e-3),
    (47e3, 270.65, 0.0),
    (51e3, 270.65, -2.8e-3),
    (71e3, 214.65, -2e-3),
]


def gravity(position, degree):
    """Acceleration of EGM2008 to `degree`, by brahe."""
    return MODEL.compute_spherical_harmonics(np.asarray(position, float), degree, degree)


def j2_gravity(position):
    """Central and J2 term, as the gradient of the potential written down by hand."""
    r = np.linalg.norm(position)
    z = position[2]
    j2 = -MODEL.get(2, 0)[0] * math.sqrt(5.0)
    out = -GM * position / r**3
    factor = -1.5 * j2 * GM * RADIUS**2 / r**5
    ratio = 5.0 * z * z / r**2
    return out + factor * position * np.array([1 - ratio, 1 - ratio, 3 - ratio])


def air_density(height):
    """USSA76 below 86 km by pressure carried up from the sea, layer by layer."""
    geopotential = 6356766.0 * height / (6356766.0 + height)
    g0, gas = 9.80665, 8.31432 / 0.0289644
    pressure = 101325.0
    for i, (base, temperature, lapse) in enumerate(LAYERS):
        last = i == len(LAYERS) - 1 or geopotential < LAYERS[i + 1][0]
        rise = (geopotential if last else LAYERS[i + 1][0]) - base
        top = temperature + lapse * rise
        if lapse == 0.0:
            pressure *= math.exp(-g0 * rise / (gas * temperature))
        else:
            pressure *= (temperature / top) ** (g0 / (gas * lapse))
        if last:
            return pressure / (gas * top)
    raise AssertionError


def height_and_up(position):
    """By pyproj."""
    lon, lat, height = TO_GEODETIC.transform(*position)
    lon, lat = math.radians(lon), math.radians(lat)
    up = np.array(
        [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)],
    )
    return height, up


def acceleration(phase, state, remainder=(0.0, 0.0, 0.0), gravity_of=j2_gravity):
    """Acceleration in rotating axes of a state (9,): vectors and cross products."""
    r, v, e = state[:3], state[3:6], state[6:9]
    out = gravity_of(r) - np.cross(SPIN, np.cross(SPIN, r)) - 2 * np.cross(SPIN, v)
    out = out + np.array(remainder)
    if phase == BOOST:
        return out + e
    if phase in (REENTRY, MANOEUVRE):
        height, up = height_and_up(r)
        if height > 120e3:
            return out
        rho = air_density(height)
        speed = np.linalg.norm(v)
        along = v / speed
        lift_up = up - along * (along @ up)
        lift_up /= np.linalg.norm(lift_up)
        right = np.cross(along, lift_up)
        drag, c_up, c_right = e
        out = out + 0.5 * rho * speed**2 * (-drag * along + c_up * lift_up + c_right * right)
    return out


def flow(phase, state, dt, remainder=(0.0, 0.0, 0.0), rtol=1e-13):
    """State (9,) after `dt`, by DOP853."""
    if dt == 0.0:
        return np.array(state[:9])

    def rhs(_, y):
        own = np.zeros(3)
        if phase == BOOST and np.linalg.norm(y[6:]) < GREATEST_THRUST_M_S2:
            own = np.linalg.norm(y[6:]) * y[6:] / EXHAUST_SPEED_M_S
        return np.concatenate((y[3:6], acceleration(phase, y, remainder), own))

    unit = np.concatenate((np.full(6, 1e5), np.full(3, 1.0 if phase == BOOST else 1e5)))
    end = solve_ivp(rhs, (0, dt), state[:9], method="DOP853", rtol=rtol, atol=unit * rtol)
    return end.y[:, -1]


STEPS = np.array([10.0] * 3 + [0.1] * 3)


def own_steps(phase, state):
    """Steps for differences in the own states: a hundredth of what is usual for them."""
    if phase == BOOST:
        return np.full(3, 0.1)
    return np.full(3, 1e-6)


def transition(phase, state, dt):
    """Transition matrix (9, 9) by central differences of `flow`."""
    out = np.eye(9)
    steps = np.concatenate((STEPS, own_steps(phase, state)))
    for j in range(6 + OWN[phase]):
        d = np.zeros(9)
        d[j] = steps[j]
        ends = flow(phase, state + d, dt), flow(phase, state - d, dt)
        out[:, j] = (ends[0] - ends[1]) / (2 * steps[j])
    return out


def noise_density(phase, state, noise):
    """Spectral densities on velocity and on each own state."""
    height = height_and_up(state[:3])[0]
    sigma = noise.gravity_sigma_m_s2 * math.exp(-max(height, 0.0) / noise.gravity_scale_m)
    velocity = 2.0 * sigma**2 * noise.gravity_time_s
    if phase == MANOEUVRE:
        pressure = 0.5 * air_density(height) * np.linalg.norm(state[3:6]) ** 2
        most = (0.1 * noise.lift_sigma_m2_kg) ** 2
        return velocity, min(noise.manoeuvre_m2_s5 / pressure**2, most)
    own = {COAST: 0.0, BOOST: noise.thrust_m2_s5, REENTRY: noise.drag_1_s * state[6] ** 2}
    return velocity, own[phase]


def process_noise(phase, state, dt, noise):
    """Van Loan's integral of the noise over `dt`, with partials by differences."""
    middle = flow(phase, state, dt / 2)
    a = np.zeros((9, 9))
    a[:3, 3:6] = np.eye(3)
    steps = np.concatenate((STEPS, own_steps(phase, state)))
    for j in range(6 + OWN[phase]):
        d = np.zeros(9)
        d[j] = steps[j]
        ends = acceleration(phase, middle + d), acceleration(phase, middle - d)
        a[3:6, j] = (ends[0] - ends[1]) / (2 * steps[j])
    velocity, own = noise_density(phase, state, noise)
    density = np.zeros((9, 9))
    density[3:6, 3:6] = velocity * np.eye(3)
    for k in range(OWN[phase]):
        density[6 + k, 6 + k] = own
    h = abs(dt)
    # Spread the magnitudes first: own states of 1e-4 beside positions of 1e6 ruin expm.
    unit = np.concatenate((np.full(6, 1.0), steps[6:]))
    scaled_a = a * unit[None, :] / unit[:, None] * math.copysign(1.0, dt)
    scaled_density = density / np.outer(unit, unit)
    block = np.zeros((18, 18))
    block[:9, :9], block[:9, 9:], block[9:, 9:] = -scaled_a, scaled_density, scaled_a.T
    e = expm(block * h)
    return e[9:, 9:].T @ e[:9, 9:] * np.outer(unit, unit)


def predict(phase, x, p, dt, remainder, noise):
    """Mean by integration, covariance F P Fᵀ + Q; biases stay."""
    n = len(x)
    f, q = np.eye(n), np.zeros((n, n))
    f[:9, :9] = transition(phase, x[:9], dt)
    q[:9, :9] = process_noise(phase, x[:9], dt, noise)
    new = x.copy()
    new[:9] = flow(phase, x[:9], dt, remainder)
    return new, f @ p @ f.T + q


def age_biases(x, p, dt, radars):
    """First-order Gauss-Markov step of each radar's correlated errors."""
    n = len(x)
    f, q = np.eye(n), np.zeros((n, n))
    for row in radars:
        at, tau = int(row[kf.BIAS_AT]), row[kf.CORRELATION_TIME_S]
        if at and tau > 0:
            keep = math.exp(-abs(dt) / tau)
            for k in range(5, 8):
                f[at + k, at + k] = keep
                q[at + k, at + k] = (1 - keep**2) * row[kf.BIAS_SIGMA + k] ** 2
    return f @ x, f @ p @ f.T + q


def measured(x, row, biased=True, rate=None):
    """Range, azimuth, elevation, range rate of state `x`, with the radar's offsets.

    `rate`: how fast these change, where it is not that of `x` itself.
    """
    at = int(row[kf.BIAS_AT]) if biased else 0
    bias = x[at : at + 8] if at else np.zeros(8)

    def ideal(r, v):
        axes = row[kf.AXES : kf.AXES + 9].reshape(3, 3)
        east, north, up = axes @ (r - row[kf.SITE : kf.SITE + 3])
        distance = math.sqrt(east**2 + north**2 + up**2)
        line = (r - row[kf.SITE : kf.SITE + 3]) / distance
        azimuth = math.atan2(east, north) % (2 * math.pi)
        return np.array([distance, azimuth, math.atan2(up, math.hypot(east, north)), line @ v])

    r, v = x[:3], x[3:6]
    z = ideal(r, v)
    # A plot's time is the true one plus the bias: at the stated time the object was seen earlier.
    # To first order, which is what the kernel does; range rate is not shifted.
    tick = 1e-3
    if rate is None:
        rate = wrapped(ideal(r + tick * v, v) - ideal(r - tick * v, v)) / (2 * tick)
        rate[3] = 0.0
    z = z + bias[:4] - rate * bias[4]
    z[:3] += bias[5:8]
    return z


def wrapped(difference):
    out = np.array(difference)
    out[1] = (out[1] + math.pi) % (2 * math.pi) - math.pi
    return out


def jacobian(x, row, components):
    """By central differences over every state; the rates held, as the kernel holds them."""
    out = np.zeros((components, len(x)))
    steps = np.full(len(x), 1.0)
    steps[:3], steps[3:6] = 20.0, 1.0
    at = int(row[kf.BIAS_AT])
    v, tick = np.concatenate((x[3:6], np.zeros(len(x) - 3))), 1e-3
    ahead, behind = measured(x + tick * v, row, False), measured(x - tick * v, row, False)
    rate = wrapped(ahead - behind) / (2 * tick)
    rate[3] = 0.0
    wanted = [*range(6)]
    if at:
        steps[at : at + 8] = (1.0, 1e-4, 1e-4, 1.0, 1e-3, 1.0, 1e-4, 1e-4)
        wanted += [*range(at, at + 8)]
    for j in wanted:
        d = np.zeros(len(x))
        d[j] = steps[j]
        ends = measured(x + d, row, rate=rate), measured(x - d, row, rate=rate)
        out[:, j] = (wrapped(ends[0] - ends[1]) / (2 * steps[j]))[:components]
    return out


def parts(x, p, z, row):
    """Residual, H, R, S for the components that there are."""
    has_rate = row[kf.SIGMA + 3] > 0 and not math.isnan(z[3])
    components = 4 if has_rate else 3
    h = jacobian(x, row, components)
    r = np.diag(row[kf.SIGMA : kf.SIGMA + components] ** 2)
    residual = wrapped(np.nan_to_num(z) - measured(x, row))[:components]
    return residual, h, r, h @ p @ h.T + r


def update(x, p, z, row):
    """One Kalman update, Joseph form with matrices."""
    residual, h, r, s = parts(x, p, z, row)
    k = p @ h.T @ np.linalg.inv(s)
    rest = np.eye(len(x)) - k @ h
    return x + k @ residual, rest @ p @ rest.T + k @ r @ k.T
