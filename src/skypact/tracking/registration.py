"""Registration: what all tracks together have learnt of the radars' biases, and given back to each.

A track knows its own plots alone, so the fold needs no order among tracks and counts nothing twice.
Given the biases b, tracks are independent: p(b | all) is the prior times what each track learnt,
p(b | track) / p(b). Each track is then told what all *others* have learnt, as a measurement of the
biases among its states: exact where all is linear and Gaussian. Everything here is a function of
tracks as the fold left them; the fold never reads it.

Biases stand here in units of the sigma that their radar declares: mean 0 and covariance 1 before
any plot. Over a time t they keep k = exp(-t/T) of their value and gain 1 - k² of variance, so that
they stay what was declared (first-order Gauss-Markov; Bar-Shalom, Li, Kirubarajan, Estimation with
Applications, 8.2); within one track they are constant.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels import registration as kr
from skypact.model import Radar
from skypact.model.registration import BIAS_KINDS, BiasEstimate, Registration
from skypact.settings import TrackingSettings
from skypact.tracking import tables
from skypact.tracking.phases import LEAST_GIVEN_OUT

FloatArray = NDArray[np.float64]
_KINDS = len(BIAS_KINDS)
# In each round all that are at least half as far out as the worst are set aside; no more rounds.
_MOST_ROUNDS = 8


class Slots(NamedTuple):
    """A track's estimate with its biases: `x` (3, n), `p` (3, n, n), `mu` (3,), by slot."""

    time_ns: int
    x: FloatArray
    p: FloatArray
    mu: FloatArray
    free_phase: int


class BiasedTrack(NamedTuple):
    """What registration needs of a track: its states now and as last seen (None: the same).

    States are 9, then the biases `which` (k,) of `DeclaredBiases`, those of the radars that saw it.
    `parted_from`: the track beside which it began; 0: none.
    """

    track_id: int
    parted_from: int
    which: NDArray[np.int64]
    now: Slots
    seen: Slots | None

    @property
    def last(self) -> Slots:
        """The estimate after its last plot."""
        return self.seen or self.now


class DeclaredBiases(NamedTuple):
    """The m biases that radars declare: `radar` (m,), `kind` (m,), `state` (m,), `sigma` (m,).

    `state`: where each stands in the states of the fold.
    """

    radar: NDArray[np.int64]
    kind: NDArray[np.int64]
    state: NDArray[np.int64]
    sigma: FloatArray


class Learnt(NamedTuple):
    """`kernels.registration.what_was_learnt`: directions (m, m), information, values (m,)."""

    directions: FloatArray
    information: FloatArray
    values: FloatArray
    many: int


class Belief(NamedTuple):
    """Mean (m,) and covariance (m, m) of biases, in units of their declared sigma."""

    mean: FloatArray
    covariance: FloatArray

    def of(self, which: NDArray[np.int64]) -> "Belief":
        """The same of some of them."""
        return Belief(self.mean[which], self.covariance[np.ix_(which, which)])

    def aged(self, seconds: float, time_constant_s: float) -> "Belief":
        """The same after some time, or before it."""
        keep = math.exp(-abs(seconds) / time_constant_s)
        covariance = self.covariance * keep**2
        covariance[np.diag_indices(len(self.mean))] += 1.0 - keep**2
        return Belief(self.mean * keep, covariance)

    def learnt(self) -> Learnt:
        """What makes this of the belief before any plot."""
        m = len(self.mean)
        directions, information, values = np.zeros((m, m)), np.zeros(m), np.zeros(m)
        count = kr.what_was_learnt(
            self.mean, self.covariance, directions, information, values, np.zeros((m, 2 * m))
        )
        return Learnt(directions, information, values, count)

    def taking(self, learnt: Learnt, which: NDArray[np.int64]) -> tuple["Belief", float]:
        """The same with what was learnt of the biases `which`, and how far that was off: χ²."""
        mean, covariance = self.mean.copy(), self.covariance.copy()
        ones = np.ones(len(which))
        distance, _ = kr.take_in(mean, covariance, which, ones, *learnt, np.zeros(len(mean)))
        return Belief(mean, covariance), distance


def nothing_learnt(m: int) -> Belief:
    """The belief before any plot."""
    return Belief(np.zeros(m), np.eye(m))


def declared_biases(radar_rows: FloatArray) -> DeclaredBiases:
    """The biases that the rows of `kernels.radar_table.radar_array` declare, radar by radar."""
    found = [
        (radar, kind, int(row[kf.BIAS_AT]) + kind, row[kf.BIAS_SIGMA + kind])
        for radar, row in enumerate(radar_rows)
        if row[kf.BIAS_AT] > 0
        for kind in range(_KINDS)
        if row[kf.BIAS_SIGMA + kind] > 0.0
    ]
    return DeclaredBiases(
        radar=np.array([one[0] for one in found], np.int64),
        kind=np.array([one[1] for one in found], np.int64),
        state=np.array([one[2] for one in found], np.int64),
        sigma=np.array([one[3] for one in found], np.float64),
    )


def biased_track(arrays: tables.TrackArrays, t: int, declared: DeclaredBiases) -> BiasedTrack:
    """Row `t` of the fold's tracks as registration takes it: copies of what it needs."""
    number = arrays.number[t]
    which = np.flatnonzero(arrays.by_radar[t, declared.radar] > 0)
    states = np.concatenate((np.arange(kf.CORE), declared.state[which]))

    def slots(time_ns: int, x: FloatArray, p: FloatArray, mu: FloatArray, phase: int) -> Slots:
        return Slots(
            time_ns,
            np.ascontiguousarray(x[:, states]),
            np.ascontiguousarray(p[:, states[:, None], states]),
            mu.copy(),
            phase,
        )

    time_ns, seen_ns = int(number[tables.TIME_NS]), int(number[tables.SEEN_NS])
    seen = None
    if 0 < seen_ns < time_ns:
        phase = int(number[tables.SEEN_PHASE])
        seen = slots(seen_ns, arrays.seen_x[t], arrays.seen_p[t], arrays.seen_mu[t], phase)
    now = slots(time_ns, arrays.x[t], arrays.p[t], arrays.mu[t], int(number[tables.FREE_PHASE]))
    track_id, parted_from = int(number[tables.TRACK_ID]), int(number[tables.PARTED_FROM])
    return BiasedTrack(track_id, parted_from, which, now, seen)


class Registered(NamedTuple):
    """What came of it: the `belief` at `time_ns`, who told, who was set aside, who is told what.

    `told`: by track id, what all others have learnt of the biases among its states.
    """

    time_ns: int
    belief: Belief
    tracks: tuple[int, ...]
    set_aside: tuple[int, ...]
    told: dict[int, Learnt]


def registered(
    tracks: Sequence[BiasedTrack],
    declared: DeclaredBiases,
    time_ns: int,
    settings: TrackingSettings,
    known: Belief | None = None,
) -> Registered:
    """What all tracks have learnt of the biases as of `time_ns`, and what each is to be told.

    `known`: what was learnt elsewhere, as from objects with known orbits, as of `time_ns`: it goes
    into the belief alone.
    """
    constant_s = settings.bias_time_constant_h * 3600.0
    order = sorted(tracks, key=lambda track: (track.last.time_ns, track.track_id))
    learnt = [_told_by(track, declared) for track in order]
    set_aside: list[int] = []
    for _ in range(_MOST_ROUNDS):
        others = _others(order, learnt, len(declared.sigma), constant_s)
        doubted = _contradicting(order, learnt, others, settings.registration_gate_sigma)
        doubted = doubted or _without_witness(order, learnt)
        for k in doubted:
            set_aside.append(order[k].track_id)
            learnt[k] = None
        if not doubted:
            break
    belief = nothing_learnt(len(declared.sigma)) if known is None else known
    every = np.arange(len(declared.sigma))
    if order:
        # All of them at the last one's time, then as they are believed now.
        last = _with(others[-1], order[-1], learnt[-1])
        away_s = (time_ns - order[-1].last.time_ns) * 1e-9
        belief, _ = belief.taking(last.aged(away_s, constant_s).learnt(), every)
    told = {}
    for track, other in zip(order, others if order else (), strict=True):
        if track.track_id in set_aside:
            continue
        told[track.track_id] = other.of(track.which).learnt()
    return Registered(
        time_ns,
        belief,
        tuple(sorted(t.track_id for t, own in zip(order, learnt, strict=True) if own is not None)),
        tuple(sorted(set_aside)),
        {track_id: one for track_id, one in told.items() if one.many},
    )


def _told_by(track: BiasedTrack, declared: DeclaredBiases) -> Learnt | None:
    """What a track tells of the biases of the radars that saw it; None: nothing.

    In whatever phase it is: measured on flights through all of them, what tracks say of biases is
    as honest in boost, manoeuvre and re-entry as in coast (docs/registration.md). Of several
    phases, the moments of all together, as the estimate that is given out is.
    """
    if not len(track.which):
        return None
    last, sigma = track.last, declared.sigma[track.which]
    shares = np.where(last.mu >= LEAST_GIVEN_OUT, last.mu, 0.0)
    shares /= shares[0] + shares[1] + shares[2]
    mean, covariance = np.zeros(len(sigma)), np.zeros((len(sigma), len(sigma)))
    for slot in np.flatnonzero(shares):
        mean += shares[slot] * last.x[slot, kf.CORE :]
    for slot in np.flatnonzero(shares):
        off = last.x[slot, kf.CORE :] - mean
        spread = last.p[slot, kf.CORE :, kf.CORE :] + np.multiply.outer(off, off)
        covariance += shares[slot] * spread
    found = Belief(mean / sigma, covariance / np.multiply.outer(sigma, sigma)).learnt()
    return found if found.many else None


def _with(belief: Belief, track: BiasedTrack, learnt: Learnt | None) -> Belief:
    return belief if learnt is None else belief.taking(learnt, track.which)[0]


def _others(
    order: Sequence[BiasedTrack], learnt: Sequence[Learnt | None], m: int, constant_s: float
) -> list[Belief]:
    """At each track's time, what all others tell: those before it and those after it, aged to it.

    Two filters that run to meet (Fraser & Potter, IEEE TAC 14, 1969), each with the prior, which is
    taken out of one of them.
    """
    before = _running(order, learnt, m, constant_s)
    after = _running(order[::-1], learnt[::-1], m, constant_s)[::-1]
    every = np.arange(m)
    return [one.taking(other.learnt(), every)[0] for one, other in zip(before, after, strict=True)]


def _running(
    order: Sequence[BiasedTrack], learnt: Sequence[Learnt | None], m: int, constant_s: float
) -> list[Belief]:
    """At each track's time, what those before it in `order` tell."""
    beliefs: list[Belief] = []
    now = nothing_learnt(m)
    for k, track in enumerate(order):
        if k:
            previous = order[k - 1]
            now = _with(now, previous, learnt[k - 1])
            now = now.aged((track.last.time_ns - previous.last.time_ns) * 1e-9, constant_s)
        beliefs.append(now)
    return beliefs


def _contradicting(
    order: Sequence[BiasedTrack],
    learnt: Sequence[Learnt | None],
    others: Sequence[Belief],
    gate_sigma: float,
) -> list[int]:
    """Which tracks contradict the others, and at least half as much as the worst of them.

    √(2 χ²) is nearly normal about √(2 k - 1) with variance 1 (Fisher; Abramowitz & Stegun 26.4.13).
    With no other to tell anything there is no contradiction: then the prior may be what is wrong.
    """
    off = {}
    alone = sum(one is not None for one in learnt) < 2
    for k, own in enumerate(learnt):
        if own is None or alone:
            continue
        _, distance = others[k].taking(own, order[k].which)
        off[k] = math.sqrt(2.0 * distance) - math.sqrt(2.0 * own.many - 1.0)
    worst = max(off.values(), default=0.0)
    return [k for k, sigmas in off.items() if sigmas > max(gate_sigma, 0.5 * worst)]


def _without_witness(order: Sequence[BiasedTrack], learnt: Sequence[Learnt | None]) -> list[int]:
    """The only track that tells anything, if it parted from another or another from it.

    What flies side by side is easily taken one for the other, the more so by radars that are off;
    a track of both agrees with itself about biases that are not there.
    """
    telling = [k for k, own in enumerate(learnt) if own is not None]
    parents = {track.parted_from for track in order}
    if len(telling) != 1:
        return []
    only = order[telling[0]]
    return telling if only.parted_from or only.track_id in parents else []


def told_slots(slots: Slots, which_sigma: FloatArray, told: Learnt) -> Slots:
    """An estimate once it is told what others know of its biases, in each phase."""
    x, p, mu = slots.x.copy(), slots.p.copy(), slots.mu.copy()
    n = x.shape[1]
    at = np.arange(kf.CORE, n)
    log_mu = np.full(tables.SLOTS, -math.inf)
    for slot in np.flatnonzero(mu > 0.0):
        _, log_likelihood = kr.take_in(x[slot], p[slot], at, which_sigma, *told, np.zeros(n))
        log_mu[slot] = math.log(mu[slot]) + log_likelihood
    greatest = log_mu.max()
    mu = np.array([math.exp(one - greatest) if one > -math.inf else 0.0 for one in log_mu])
    return slots._replace(x=x, p=p, mu=mu / (mu[0] + mu[1] + mu[2]))


def as_registration(
    found: Registered, declared: DeclaredBiases, radars: Sequence[Radar]
) -> Registration:
    """The result in SI units, for all radars of the table."""
    count = _KINDS * len(radars)
    mean, prior, covariance = np.zeros(count), np.zeros(count), np.zeros((count, count))
    at = _KINDS * declared.radar + declared.kind
    mean[at], prior[at] = found.belief.mean * declared.sigma, declared.sigma
    spread = np.multiply.outer(declared.sigma, declared.sigma)
    covariance[np.ix_(at, at)] = found.belief.covariance * spread
    sigma = np.sqrt(np.diag(covariance))
    return Registration(
        time_ns=found.time_ns,
        radars=tuple(
            BiasEstimate(radar=radar.id, mean=mean[own], sigma=sigma[own], prior_sigma=prior[own])
            for k, radar in enumerate(radars)
            for own in (slice(_KINDS * k, _KINDS * (k + 1)),)
        ),
        covariance=covariance,
        tracks=found.tracks,
        set_aside=found.set_aside,
    )
