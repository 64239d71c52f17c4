"""A wide family of boosts from one place, each looked at as it rises through a height."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import allocating_kernel
from skypact.kernels.geodesy import geodetic_from_ecef, height_and_up, local_axes
from skypact.kernels.gravity import GM_M3_S2
from skypact.kernels.motion import AIR_TOP_M, BOOST, REENTRY, longest_step, step
from skypact.kernels.powered_flight import Boost, ascend, thrust_acceleration

# Columns of a boost's parameters.
GAIN_M_S = 0  # ideal velocity gain of all stages
BURN_S = 1
PITCH_RAD = 2  # from the vertical at burn-out
VERTICAL_S = 3
STAGES = 4  # 1 or 2
TIME_SHARE = 5  # of the first of two stages, in the burn time
GAIN_SHARE = 6  # ... and in the gain
PROPELLANT = 7  # share of the mass: the last stage's
INVERSE_BETA_M2_KG = 8
BOOST_COLUMNS = 9

# Columns of what is seen of a boost as it rises through the height.
RISES = 0  # 1 where it does
BURNING = 1  # 1 where the motor still burns
SPEED_M_S = 2
PATH_ANGLE_RAD = 3
THRUST_M_S2 = 4  # along the velocity, less drag
BACK_M = 5  # launch point seen from there: against the heading
RIGHT_M = 6  # ... and to the right of it
SINCE_LAUNCH_S = 7
ABOVE_COLUMNS = 8

_NODES = 1024


@allocating_kernel
def fly_family(
    boosts: NDArray[np.float64],
    position_ecef_m: tuple[float, float, float],
    heading_rad: float,
    height_m: float,
    no_table: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fly each of `boosts` (n, 9) from a place on the ground and see it rise through `height_m`.

    Speed and path angle are relative to the Earth. `out` (n, 8) is written. Gravity to J2; nodes at
    most 4 s apart, above the air 10 s; between them the motion is taken as evenly accelerated. That
    is good to h³ / 12 of what acceleration changes by in a second: some metres in thrust (0.5
    m/s³), 1 m above the air (0.01 m/s³).
    """
    latitude, longitude, _ = geodetic_from_ecef(*position_ecef_m)
    axes = local_axes(latitude, longitude)
    nodes = np.zeros((_NODES, 8))
    for i in range(boosts.shape[0]):
        row = boosts[i]
        stages = np.zeros((int(row[STAGES]), 3))
        if stages.shape[0] == 1:
            stages[0] = row[BURN_S], row[GAIN_M_S], row[PROPELLANT]
        else:
            stages[0] = row[BURN_S] * row[TIME_SHARE], row[GAIN_M_S] * row[GAIN_SHARE], 0.65
            stages[1, 0] = row[BURN_S] - stages[0, 0]
            stages[1, 1] = row[GAIN_M_S] - stages[0, 1]
            stages[1, 2] = row[PROPELLANT]
        boost = Boost(
            position_ecef_m,
            axes,
            stages,
            row[VERTICAL_S],
            row[PITCH_RAD] * math.sin(heading_rad),
            row[PITCH_RAD] * math.cos(heading_rad),
            row[INVERSE_BETA_M2_KG],
        )
        out[i, RISES] = 0.0
        if thrust_acceleration(stages, 0, 0.0) < 10.0:
            continue
        count, burnout_s, x, y, z, vx, vy, vz = ascend(boost, no_table, 4.0, nodes)
        t = burnout_s
        # On upward without thrust, as far as needed.
        while 0 < count < _NODES:
            height, ux, uy, uz = height_and_up(x, y, z)
            climb = ux * vx + uy * vy + uz * vz
            if height > height_m or climb <= 0.0:
                break
            speed = math.sqrt(vx * vx + vy * vy + vz * vz)
            h = 2.0 * longest_step(REENTRY, height, speed) if height < AIR_TOP_M else 10.0
            x, y, z, vx, vy, vz = step(
                REENTRY,
                x,
                y,
                z,
                vx,
                vy,
                vz,
                row[INVERSE_BETA_M2_KG],
                0.0,
                0.0,
                h,
                (0.0, 0.0, 0.0),
            )
            t += h
            nodes[count, 0], nodes[count, 7] = t, REENTRY
            nodes[count, 1], nodes[count, 2], nodes[count, 3] = x, y, z
            nodes[count, 4], nodes[count, 5], nodes[count, 6] = vx, vy, vz
            count += 1
        _see_rising(nodes, count, height_m, burnout_s, position_ecef_m, out[i])


@allocating_kernel
def _see_rising(
    nodes: NDArray[np.float64],
    count: int,
    height_m: float,
    burnout_s: float,
    position_ecef_m: tuple[float, float, float],
    out: NDArray[np.float64],
) -> None:
    """Where a path, given as `nodes`, first rises through a height, into `out` (8,)."""
    below = -1e9
    for k in range(count):
        height, _, _, _ = height_and_up(nodes[k, 1], nodes[k, 2], nodes[k, 3])
        if not (k > 0 and below <= height_m < height):
            below = height
            continue
        a, b = nodes[k - 1], nodes[k]
        share = (height_m - below) / (height - below)
        _, ux, uy, uz = height_and_up(a[1], a[2], a[3])
        h = b[0] - a[0]
        climb = ux * a[4] + uy * a[5] + uz * a[6]
        bend = (height - below) - climb * h  # height = below + climb τ + bend (τ/h)²
        for _ in range(4):
            value = below + climb * share * h + bend * share * share - height_m
            slope = climb * h + 2.0 * bend * share
            if slope <= 0.0:
                break
            share = min(max(share - value / slope, 0.0), 1.0)
        t = a[0] + share * h
        px = a[1] + share * h * a[4] + 0.5 * share * share * h * (b[4] - a[4])
        py = a[2] + share * h * a[5] + 0.5 * share * share * h * (b[5] - a[5])
        pz = a[3] + share * h * a[6] + 0.5 * share * share * h * (b[6] - a[6])
        vx, vy, vz = (
            a[4] + share * (b[4] - a[4]),
            a[5] + share * (b[5] - a[5]),
            a[6] + share * (b[6] - a[6]),
        )
        latitude, longitude, _ = geodetic_from_ecef(px, py, pz)
        axes = local_axes(latitude, longitude)
        east = axes[0] * vx + axes[1] * vy + axes[2] * vz
        north = axes[3] * vx + axes[4] * vy + axes[5] * vz
        up = axes[6] * vx + axes[7] * vy + axes[8] * vz
        level = math.sqrt(east * east + north * north)
        dx, dy, dz = position_ecef_m[0] - px, position_ecef_m[1] - py, position_ecef_m[2] - pz
        to_east = axes[0] * dx + axes[1] * dy + axes[2] * dz
        to_north = axes[3] * dx + axes[4] * dy + axes[5] * dz
        ahead_east, ahead_north = (east / level, north / level) if level > 1.0 else (0.0, 1.0)
        # Chord in the point's level plane to arc on the ground: ratio of the radii, good to 1e-3.
        radius = math.sqrt(px * px + py * py + pz * pz)
        level_away = math.sqrt(to_east * to_east + to_north * to_north)
        ground = math.sqrt(
            position_ecef_m[0] ** 2 + position_ecef_m[1] ** 2 + position_ecef_m[2] ** 2
        )
        arc = ground * math.asin(min(level_away / ground, 1.0))
        stretch = arc / level_away if level_away > 1.0 else ground / radius
        out[RISES] = 1.0
        burning = a[7] == BOOST and t < burnout_s
        out[BURNING] = 1.0 if burning else 0.0
        out[SPEED_M_S] = math.sqrt(level * level + up * up)
        out[PATH_ANGLE_RAD] = math.atan2(up, level)
        out[THRUST_M_S2] = 0.0
        if burning:
            before = math.sqrt(a[4] * a[4] + a[5] * a[5] + a[6] * a[6])
            after = math.sqrt(b[4] * b[4] + b[5] * b[5] + b[6] * b[6])
            gravity = GM_M3_S2 / (radius * radius)
            out[THRUST_M_S2] = (after - before) / h + gravity * up / out[SPEED_M_S]
        out[BACK_M] = -(to_east * ahead_east + to_north * ahead_north) * stretch
        out[RIGHT_M] = (to_east * ahead_north - to_north * ahead_east) * stretch
        out[SINCE_LAUNCH_S] = t
        return
