"""What one joint state of payload and stage would make of the plots of `separation`: not a tracker.

Both objects are one Gaussian of twelve numbers, born at the separation from the first flight's
track: its state twice, and what parting adds to the second. Since they share what the one track
knew, only their difference is new, and it is small. Each look leads to every way in which its plots
may have come about (either plot either object's, both seen as one, one not seen); the likeliest few
go on as hypotheses, those alike are matched by one Gaussian (Salmond, SPIE 1305, 1990), and the
object ahead is the payload. The tracker's couples do the same (tracking/couples.py).

Known here and to no tracker: that one object becomes two, and when. So this is what they could
reach at best, by dense matrices that share no code with them. All is linear about the
payload's true path, which for objects within 1 km of it is off by 2 m at 300 km.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluate import separation
from evaluate.coverage import NS
from evaluate.rows import rows_of
from evaluate.scene import looks_like
from evaluate.separation import Case, Seen
from skypact.kernels import filter as kf
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.motion import coast_path
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar
from skypact.sensing.radar_model import observe
from skypact.sensing.simulator import TruthPath
from skypact.tracking import Picture

Array = NDArray[np.float64]
CASES = tuple(case for case in separation.CASES if case.areas)
PARTING_M, PARTING_M_S = 5.0, 8.0
"""1σ of each component of the second object's place and velocity beside the first."""
BEHIND_M_S = 5.0
"""A stage is left behind: mean of its velocity beside the first, along it."""
BANK, ALIKE, LEAST_LOG_WEIGHT = 8, 4.0, 12.0
"""Most beliefs kept; squared distance below which two are one; how unlikely they may be beside the
best, natural log."""
AIR_M2_S3 = 1e-6
"""What air above burn-out and gravity not known do to a velocity: spectral density."""


class Belief(NamedTuple):
    """Log weight, mean (12,), less the payload's true state twice, and covariance (12, 12)."""

    log_weight: float
    mean: Array
    covariance: Array


class Look(NamedTuple):
    """One look: time, transition (6, 6) from the last, H (m, 6), R (m,) and plots less h (k, m).

    `forward` (3,): along the payload's velocity.
    """

    time_ns: int
    radar: Radar
    forward: Array
    transition: Array
    h: Array
    variance: Array
    plots: Array


def looks_of(
    payload: TruthPath, radars: Sequence[Radar], plots: Plots, seed: int, begin_ns: int
) -> Iterator[Look]:
    """All looks that a run with this seed has from `begin_ns` on, also those that saw nothing."""
    sure = [msgspec.structs.replace(radar, detection_probability=1.0) for radar in radars]
    stop_ns = begin_ns + round(separation.HORIZON_S * NS)
    every = observe((payload,), sure, seed=seed, start_ns=begin_ns, stop_ns=stop_ns).plots
    states = payload.state_at(every.time_ns)
    exact = looks_like(radars, every.radar, states)
    rows, n = radar_array(radars)
    x, s = np.zeros(n), kf.scratch(n)
    seen = np.column_stack(
        [plots.range_m, plots.azimuth_rad, plots.elevation_rad, plots.range_rate_m_s]
    )
    then_ns, then = begin_ns, payload.state_at(np.array([begin_ns]))[0]
    for k, time_ns in enumerate(every.time_ns.tolist()):
        number = int(every.radar[k])
        x[:6] = states[k]
        m = kf.measure(x, number, rows, s)
        own = np.flatnonzero((plots.time_ns == time_ns) & (plots.radar == number))
        off = seen[own, :m] - exact[k, :m]
        off[:, 1] -= 2.0 * np.pi * np.round(off[:, 1] / (2.0 * np.pi))
        yield Look(
            time_ns,
            radars[number],
            states[k, 3:] / np.linalg.norm(states[k, 3:]),
            _transition(then, (time_ns - then_ns) * 1e-9),
            s[kf.H : kf.H + m, :6].copy(),
            rows[number, kf.SIGMA : kf.SIGMA + m] ** 2,
            off,
        )
        then_ns, then = time_ns, states[k]


def _transition(state: Array, seconds: float) -> Array:
    """Derivative (6, 6) of the state after so long in free flight by this one."""
    table, out = field(PATH_DEGREE), np.empty((6, 6))
    for column, step in enumerate((10.0, 10.0, 10.0, 0.1, 0.1, 0.1)):
        off = np.zeros(6)
        off[column] = step
        ahead = np.array(coast_path(*(state + off), seconds, table))
        behind = np.array(coast_path(*(state - off), seconds, table))
        out[:, column] = (ahead - behind) / (2.0 * step)
    return out


def followed(
    case: Case, seed: int
) -> tuple[tuple[TruthPath, TruthPath], list[tuple[float, list[Seen]]]]:
    """The paths of a run, and each half second payload (id 1) and stage (id 2) as estimated."""
    payload, stage = separation.separation(case, seed)
    radars, begin_ns = separation.radars_of(case), int(stage.time_ns[0])
    stop_ns = begin_ns + round(separation.HORIZON_S * NS)
    plots = observe((payload, stage), radars, seed=seed, stop_ns=stop_ns).plots
    bank = [_born(payload, radars, plots, begin_ns)]
    moments: list[tuple[float, list[Seen]]] = []
    last_ns, next_ns = begin_ns, begin_ns
    for look in looks_of(payload, radars, plots, seed, begin_ns):
        both = np.kron(np.eye(2), look.transition)
        moved = np.tile(np.repeat([0.0, AIR_M2_S3], 3), 2) * (look.time_ns - last_ns) / NS
        bank = [
            Belief(one.log_weight, both @ one.mean, both @ one.covariance @ both.T + np.diag(moved))
            for one in bank
        ]
        last_ns = look.time_ns
        bank = _updated(bank, look)
        if look.time_ns >= next_ns:
            next_ns += separation.STEP_NS
            now = np.array([look.time_ns])
            apart = (stage.state_at(now) - payload.state_at(now))[0]
            moments.append(((look.time_ns - begin_ns) / NS, _seen(_as_one(bank), apart)))
    return (payload, stage), moments


def _born(payload: TruthPath, radars: Sequence[Radar], plots: Plots, begin_ns: int) -> Belief:
    """Both objects as the first flight's track has them at that time, which parts then."""
    picture = Picture(radars)
    before = int(np.searchsorted(plots.time_ns, begin_ns))
    picture.observe(plots.at(np.arange(before)))
    track = max(picture.advanced(begin_ns).tracks(), key=lambda one: one.plots)
    off = track.state - payload.state_at(np.array([begin_ns]))[0]
    forward = track.state[3:] / np.linalg.norm(track.state[3:])
    behind = np.concatenate((np.zeros(3), -BEHIND_M_S * forward))
    covariance = np.tile(track.covariance, (2, 2))
    parting = np.repeat([PARTING_M, PARTING_M_S], 3) ** 2
    covariance[6:, 6:] += np.diag(parting)
    return Belief(0.0, np.concatenate((off, off + behind)), covariance)


def _updated(bank: list[Belief], look: Look) -> list[Belief]:
    """The beliefs after a look: each by each way in which its plots may have come about."""
    found = []
    for weight, mean, covariance in bank:
        for log_prior, h, z, variance in _ways(mean, covariance, look):
            innovation = h @ covariance @ h.T + np.diag(variance)
            residual = z - h @ mean
            gain = np.linalg.solve(innovation, h @ covariance).T
            kept = np.eye(12) - gain @ h
            chi = float(residual @ np.linalg.solve(innovation, residual))
            log_size = float(np.linalg.slogdet(innovation)[1]) + len(z) * math.log(2.0 * math.pi)
            p = kept @ covariance @ kept.T + gain @ np.diag(variance) @ gain.T
            log_weight = weight + log_prior - 0.5 * (chi + log_size)
            found.append(Belief(log_weight, mean + gain @ residual, p))
    return _fewer([_ahead_first(one, look.forward) for one in found]) if found else bank


def _ahead_first(one: Belief, forward: Array) -> Belief:
    """The same belief with the object ahead as the first: a stage is left behind."""
    if (one.mean[3:6] - one.mean[9:12]) @ forward >= 0.0:
        return one
    swapped = np.r_[6:12, 0:6]
    return Belief(one.log_weight, one.mean[swapped], one.covariance[np.ix_(swapped, swapped)])


def _fewer(found: list[Belief]) -> list[Belief]:
    """At most BANK beliefs: those alike matched by one Gaussian, the least likely left out."""
    found = sorted(found, key=lambda one: -one.log_weight)
    rest = [one for one in found if one.log_weight > found[0].log_weight - LEAST_LOG_WEIGHT]
    kept: list[Belief] = []
    while rest and len(kept) < BANK:
        best = rest[0]
        inverse = np.linalg.inv(best.covariance)
        off = [one.mean - best.mean for one in rest]
        alike = [float(d @ inverse @ d) < ALIKE for d in off]
        kept.append(_as_one([one for one, like in zip(rest, alike, strict=True) if like]))
        rest = [one for one, like in zip(rest, alike, strict=True) if not like]
    greatest = max(one.log_weight for one in kept)
    return [one._replace(log_weight=one.log_weight - greatest) for one in kept]


def _as_one(found: Sequence[Belief]) -> Belief:
    """The Gaussian with the mean and the covariance of a mixture."""
    greatest = max(one.log_weight for one in found)
    share = np.exp(np.array([one.log_weight for one in found]) - greatest)
    total = float(share.sum())
    share /= total
    means = np.array([one.mean for one in found])
    middle = share @ means
    spread = means - middle
    covariance = np.einsum("w,wij->ij", share, np.array([one.covariance for one in found]))
    covariance += np.einsum("w,wi,wj->ij", share, spread, spread)
    return Belief(greatest + math.log(total), middle, covariance)


def _ways(
    mean: Array, covariance: Array, look: Look
) -> Iterator[tuple[float, Array, Array, Array]]:
    """Log probability, H (…, 12), plots and variances of each way; none without plots."""
    none, p = np.zeros_like(look.h), look.radar.detection_probability
    first, second = np.hstack((look.h, none)), np.hstack((none, look.h))
    merged = _merged_share(mean, covariance, first[0] - second[0], look.radar)
    if len(look.plots) == 2:
        variance = np.tile(look.variance, 2)
        for order in ((0, 1), (1, 0)):
            z = np.concatenate(look.plots[list(order)])
            yield math.log(0.5 * p * p * (1.0 - merged)), np.vstack((first, second)), z, variance
    elif len(look.plots) == 1:
        z = look.plots[0]
        alone = math.log(p * (1.0 - p))
        yield alone, first, z, look.variance
        yield alone, second, z, look.variance
        if merged > 0.0:
            yield math.log(p * p * merged), 0.5 * (first + second), z, look.variance


def _merged_share(mean: Array, covariance: Array, apart: Array, radar: Radar) -> float:
    """Probability that the radar sees the two as one: by range, angles are wide enough here."""
    cell = radar.range_resolution_m
    if cell <= 0.0:
        return 0.0
    scale = math.sqrt(2.0 * float(apart @ covariance @ apart)) + 1e-9
    off = float(apart @ mean)
    share = 0.5 * (math.erf((cell - off) / scale) - math.erf((-cell - off) / scale))
    return min(max(share, 1e-6), 1.0 - 1e-6)


def _seen(belief: Belief, apart: Array) -> list[Seen]:
    """Both estimates against both truths, `apart` (6,) the stage's state beside the payload's."""
    found = []
    for number, at in ((1, slice(0, 6)), (2, slice(6, 12))):
        p, off = belief.covariance[at, at], belief.mean[at]
        payload = float(off @ np.linalg.solve(p, off))
        stage = float((off - apart) @ np.linalg.solve(p, off - apart))
        found.append(Seen(number, None, payload, stage, -float(number)))
    return found


def one_run(case: Case, seed: int) -> dict[str, Any]:
    """The ideal test's times and the joint state's; `in_gate`: share of moments with both valid."""
    (payload, stage), moments = followed(case, seed)
    looks = separation.looks_at(
        payload, stage, separation.radars_of(case), seed, separation.HORIZON_S
    )
    ideal = separation.ideal_times(looks, seed)
    own = [max(here[0].payload, here[1].stage) <= separation.GATE for _, here in moments]
    return ideal | separation.times_of(moments) | {"in_gate": float(np.mean(own))}


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Each case at 5 m/s `count` times."""
    detail: dict[str, Any] = {"runs": count}
    done = 0
    for case in CASES:
        cases = [(case, seed + number) for number in range(count)]
        rows = rows_of(one_run, cases, progress, before=done)
        done += count
        detail[case.name] = separation.table_of(rows) | {
            "in_gate": float(np.mean([row["in_gate"] for row in rows])),
            "each": rows,
        }
    return detail
