"""Free flight seen by several radars: errors beside the bound, and whether they are as stated."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from evaluate.scene import (
    Array,
    Scene,
    coasting,
    every_second,
    information_of,
    local_state,
    look_times,
    looks_like,
    noisy,
    site,
    tracked,
)
from skypact.kernels import filter as kf
from skypact.kernels.motion import AIR_TOP_M, COAST, linearise, transition
from skypact.kernels.radar_table import radar_array
from skypact.sensing.radar_model import visible_from
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import fly
from skypact.settings import TrackingSettings

TARGETS = {
    "position_over_bound": "at most 1.05",
    "velocity_over_bound": "at most 1.05",
    "nees_over_6": "0.95 to 1.05",
}
SETTLED_S = 30.0


def lofted(duration_s: float = 975.0) -> Scene:
    """1,000 km apogee past three radars of 30 m and 0.5 mrad at 10 Hz, above 120 km."""
    radars = (site("KR", 36.6, 127.5), site("JP", 38.0, 138.4), site("US", 35.7, 135.2))
    times, radar = look_times(radars, duration_s)
    start = local_state(39.3, 128.6, 121e3, (850.0, -150.0, 3830.0))
    states = coasting(start, times)
    exact = looks_like(radars, radar, states)
    return Scene(radars, times, radar, states, exact, every_second(times, SETTLED_S))


def past_demo_radars(name: str = "2022-01-30_hwasong-12", seed: int = 1) -> Scene:
    """A published flight past the demo's radars: what they see between burn-out and re-entry.

    Missed looks are drawn once, the same for all runs, so that the bound is exact.
    """
    radars = demo_radars()
    path = fly(load_scenario(name))[0]
    above = path.time_ns[
        (np.linalg.norm(path.position_ecef_m, axis=1) > 6378137.0 + AIR_TOP_M)
        & (path.time_ns > path.burnout_time_ns + 2_000_000_000)
    ]
    begin, end = int(above[0]), int(above[-1])
    times, radar = look_times(radars, (end - begin) * 1e-9)
    # Not from the path's nodes, between which velocity is only good to 0.01 m/s.
    states = coasting(path.state_at([begin])[0], times)
    seen = np.zeros(len(times), bool)
    random = np.random.default_rng(seed)
    for number, one in enumerate(radars):
        own = np.flatnonzero(radar == number)
        _, visible = visible_from(one, states[own])
        seen[own] = visible & (random.random(len(own)) < one.detection_probability)
    times, radar, states = times[seen], radar[seen], states[seen]
    exact = looks_like(radars, radar, states)
    return Scene(radars, times, radar, states, exact, every_second(times, SETTLED_S))


def bounds(scene: Scene) -> tuple[Array, Array]:
    """Posterior Cramér-Rao bounds of position m and velocity m/s (m,) at the scene's epochs.

    Tichavský, Muravchik, Nehorai, IEEE TSP 46 (1998), without process noise: information at the
    true states, carried along and added up, from the tracker's belief about speed.
    """
    rows, n = radar_array(scene.radars)
    x, s = np.zeros(n), kf.scratch(n)
    partials, f = np.zeros((3, 9)), np.zeros((9, 9))
    information = np.zeros((6, 6))
    information[3:, 3:] = np.eye(3) / TrackingSettings().speed_sigma_m_s ** 2
    wanted = set(scene.epochs.tolist())
    position, velocity = [], []
    before, now = scene.states[0], int(scene.time_ns[0])
    for k, state in enumerate(scene.states):
        dt = (int(scene.time_ns[k]) - now) * 1e-9
        parts = max(1, math.ceil(dt / 5.0))
        for part in range(parts if dt > 0.0 else 0):
            middle = before + (state - before) * (part + 0.5) / parts
            linearise(COAST, *middle.tolist(), 0.0, 0.0, 0.0, partials)
            transition(partials, dt / parts, f)
            back = np.linalg.inv(f[:6, :6])
            information = back.T @ information @ back
        h, weights = information_of(scene.exact[k], int(scene.radar[k]), state, rows, x, s)
        information += h.T @ (weights[:, None] * h)
        before, now = state, int(scene.time_ns[k])
        if k in wanted:
            unit = np.sqrt(np.diag(information))
            least = np.linalg.inv(information / np.outer(unit, unit)) / np.outer(unit, unit)
            position.append(math.sqrt(least[0, 0] + least[1, 1] + least[2, 2]))
            velocity.append(math.sqrt(least[3, 3] + least[4, 4] + least[5, 5]))
    return np.array(position), np.array(velocity)


def study(
    scene: Scene, runs: int, seed: int, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """RMSE over the bound for position and velocity, and NEES / 6, over runs and epochs."""
    bound_p, bound_v = bounds(scene)
    truth = scene.states[scene.epochs]
    squared_p, squared_v = np.zeros(len(truth)), np.zeros(len(truth))
    nees, count = np.zeros(len(truth)), np.zeros(len(truth))
    several = 0
    per_run = []
    for run in range(runs):
        plots = noisy(scene, np.random.default_rng([seed, run]))
        estimates, covariance, tracks = tracked(scene, plots)
        several += tracks > 1
        seen = np.isfinite(estimates[:, 0])
        error = (estimates - truth)[seen]
        squared_p[seen] += np.sum(error[:, :3] ** 2, axis=1)
        squared_v[seen] += np.sum(error[:, 3:] ** 2, axis=1)
        one = np.einsum(
            "ki,ki->k", error, np.linalg.solve(covariance[seen], error[..., None])[..., 0]
        )
        nees[seen] += one
        count[seen] += 1
        per_run.append(float(one.mean() / 6.0))
        if progress:
            progress(run + 1)
    seen = count > 0
    over_p = np.sqrt(squared_p[seen] / count[seen]) / bound_p[seen]
    over_v = np.sqrt(squared_v[seen] / count[seen]) / bound_v[seen]
    moments = (scene.time_ns[scene.epochs] - scene.time_ns[0]) * 1e-9
    at = np.linspace(0, len(truth) - 1, 6).round().astype(int)
    return {
        "runs": runs,
        "plots_per_run": len(scene.time_ns),
        "epochs": int(seen.sum()),
        "missing_share": float(1.0 - count.sum() / (runs * len(truth))),
        "runs_with_several_tracks": int(several),
        "position_over_bound": float(over_p.mean()),
        "velocity_over_bound": float(over_v.mean()),
        "nees_over_6": float(np.mean(nees[seen] / count[seen]) / 6.0),
        "nees_over_6_standard_error": float(np.std(per_run, ddof=1) / math.sqrt(runs)),
        "at": [
            {
                "seconds": round(float(moments[k]), 1),
                "position_bound_m": float(bound_p[k]),
                "position_over_bound": float(
                    math.sqrt(squared_p[k] / max(count[k], 1)) / bound_p[k]
                ),
                "velocity_bound_m_s": float(bound_v[k]),
                "velocity_over_bound": float(
                    math.sqrt(squared_v[k] / max(count[k], 1)) / bound_v[k]
                ),
                "nees_over_6": float(nees[k] / max(count[k], 1) / 6.0),
            }
            for k in at
        ],
    }


def run(
    runs: int = 500, seed: int = 1, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """Both flights; `progress` is called with the number of runs done, up to twice `runs`."""
    first = study(lofted(), runs, seed, progress)
    further = None if progress is None else lambda done: progress(runs + done)
    second = study(past_demo_radars(), runs, seed + 1, further)
    return {"targets": TARGETS, "lofted_three_radars": first, "past_demo_radars": second}
