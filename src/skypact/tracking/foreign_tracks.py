"""Finished tracks of unknown pedigree beside one's own: covariance intersection, never fusion.

What such a track is made of is not known; it may hold the very plots that one's own track holds. So
it is no observation and has no part in the fold: the newest of each foreign track is kept, carried
to the time of one's own, and intersected with it when the picture is asked. A later update takes
the place of the earlier one and is never counted twice.
"""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.intersection import best_omega, intersect
from skypact.kernels.linear import cholesky, solve_cholesky
from skypact.kernels.motion import gravity_remainder
from skypact.model import ForeignTrack, Phase, Refusal, Track, TrackStatus
from skypact.model.track import PhaseEstimate
from skypact.settings import TrackingSettings
from skypact.tracking.phases import FASTEST_M_S, combined
from skypact.tracking.tables import SLOTS
from skypact.tracking.tracklet_fold import gate_of
from skypact.tracking.tracklet_input import DEEPEST_M

_REMEDY = "have the source send it anew, in ECEF metres and seconds"


class ForeignTracks:
    """The newest of each foreign track, and one's own tracks intersected with them."""

    def __init__(self, settings: TrackingSettings, noise: kf.MotionNoise) -> None:
        self._settings, self._noise = settings, noise
        self._newest: dict[tuple[str, str], ForeignTrack] = {}

    def take(self, foreign: ForeignTrack) -> Refusal | None:
        """Keep a foreign track in place of its earlier state; or why it cannot be used."""
        fault = self._fault_of(foreign)
        if fault is not None:
            reason, remedy = fault
            return Refusal(
                source=foreign.source, time_ns=foreign.time_ns, reason=reason, remedy=remedy
            )
        newest = dict(self._newest)
        newest[foreign.source, foreign.track] = foreign
        while len(newest) > self._settings.greatest_foreign_tracks:
            del newest[min(newest, key=lambda key: (newest[key].time_ns, key))]
        self._newest = newest
        return None

    @property
    def newest(self) -> tuple[ForeignTrack, ...]:
        """The newest of each, in order of source and name."""
        return tuple(self._newest[key] for key in sorted(self._newest))

    def restore(self, newest: Sequence[ForeignTrack]) -> None:
        """Keep these in place of all."""
        self._newest = {(one.source, one.track): one for one in newest}

    def _fault_of(self, foreign: ForeignTrack) -> tuple[str, str] | None:
        """Reason and remedy of the first fault found."""
        x, p = foreign.state, foreign.covariance
        if x.shape != (6,) or p.shape != (6, 6):
            return f"its state has the shape {x.shape}, its covariance {p.shape}", _REMEDY
        if not (np.isfinite(x).all() and np.isfinite(p).all()):
            return "it is not finite", _REMEDY
        scale = np.sqrt(np.maximum(np.diag(p), 0.0))
        symmetric = (np.abs(p - p.T) <= 1e-9 * np.outer(scale, scale)).all()
        if not (symmetric and scale.all() and cholesky(p / np.outer(scale, scale), 6)):
            return "its covariance is not positive definite", _REMEDY
        height, speed = geodetic_from_ecef(*x[:3])[2], math.hypot(*x[3:].tolist())
        if not -DEEPEST_M < height < self._settings.greatest_height_m or not speed < FASTEST_M_S:
            return f"its height is {height / 1e3:.0f} km, its speed {speed / 1e3:.1f} km/s", _REMEDY
        held = self._newest.get((foreign.source, foreign.track))
        if held is not None and held.time_ns >= foreign.time_ns:
            return "a state as new as this is held already", "nothing need be done"
        return None

    def with_own(self, tracks: Sequence[Track]) -> tuple[Track, ...]:
        """One's own tracks, each intersected with what each source knows of the same object."""
        out = list(tracks)
        for source in sorted({source for source, _ in self._newest}):
            pairs = []
            for (owner, name), foreign in self._newest.items():
                if owner != source:
                    continue
                for place, own in enumerate(out):
                    there = self._carried(foreign, own)
                    if there is not None:
                        distance = _distance(own, *there)
                        if distance < gate_of(self._settings.gate_chi_squared, 6):
                            pairs.append((distance, own.id, name, place, there))
            used: set[object] = set()
            for _, own_id, name, place, there in sorted(pairs, key=lambda pair: pair[:3]):
                if own_id not in used and name not in used:
                    used |= {own_id, name}
                    out[place] = _intersected(out[place], source, *there)
        return tuple(out)

    def _carried(
        self, foreign: ForeignTrack, own: Track
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """State and covariance of a foreign track at the time of one's own; None: too old.

        It moves as the likeliest phase of one's own does. What that says of thrust or drag may be
        correlated with it in any way: twice both covariances bound that.
        """
        dt = (own.time_ns - foreign.time_ns) * 1e-9
        if own.status == TrackStatus.ENDED or abs(dt) > self._settings.foreign_track_timeout_s:
            return None
        phase = max(own.phases, key=lambda one: one.probability)
        x, p = np.zeros(kf.CORE), np.zeros((kf.CORE, kf.CORE))
        x[:6], p[:6, :6] = foreign.state, foreign.covariance
        if phase.phase != Phase.COAST:
            x[6:], p[6:, 6:] = phase.state[6:], phase.covariance[6:, 6:]
            p *= 2.0
        remainder = gravity_remainder(*foreign.state[:3], field(PATH_DEGREE))
        kf.predict(int(phase.phase), x, p, dt, remainder, self._noise, kf.scratch(kf.CORE))
        return x[:6], p[:6, :6].copy()


def _distance(own: Track, y: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Squared Mahalanobis distance of two estimates as though they were independent."""
    apart = own.state - y
    lower, solved = own.covariance + q, apart.copy()
    if not cholesky(lower, 6):
        return math.inf
    solve_cholesky(lower, solved, 6)
    return sum(float(a) * float(b) for a, b in zip(apart, solved, strict=True))


def _intersected(own: Track, source: str, y: NDArray[np.float64], q: NDArray[np.float64]) -> Track:
    """One's own track, in every phase, intersected with `y`, `q`."""
    omega = best_omega(own.covariance, q, np.zeros((4, 6, 6)))
    if not 0.0 <= omega < 1.0:
        return own
    n = kf.CORE
    x, p, mu = np.zeros((SLOTS, n)), np.zeros((SLOTS, n, n)), np.zeros(SLOTS)
    for slot, phase in enumerate(own.phases):
        x[slot], p[slot], mu[slot] = phase.state, phase.covariance, phase.probability
        intersect(x[slot], p[slot], y, q, omega, np.zeros((3, n, n)))
    mean, covariance = np.zeros(6), np.zeros((6, 6))
    combined(x, p, mu, mean, covariance)
    phases = tuple(
        PhaseEstimate(
            phase=phase.phase, probability=phase.probability, state=x[slot], covariance=p[slot]
        )
        for slot, phase in enumerate(own.phases)
    )
    return structs.replace(
        own,
        state=mean,
        covariance=covariance,
        phases=phases,
        last_seen=None,
        foreign=(*own.foreign, source),
    )
