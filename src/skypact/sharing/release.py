"""How openly a tracklet leaves: full, rounded, or hidden.

*Full* is what the plots say. *Rounded* is the same to so many digits, claiming as much less as
rounding may have cost. *Hidden* is an outer bound that does not point at the radar, and whose true
errors do not either: noise is added until the error is the same in every direction and of a size
that does not depend on where the radar stands. `docs/tracklets.md` says what each leaks.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.motion import COAST, gravity_remainder, move
from skypact.kernels.tracklet import whiten
from skypact.model import Radar, Tracklet
from skypact.settings import SharingSettings

Matrix = NDArray[np.float64]
# The fastest that a time offset is thought to shift along its path, m/s.
_FASTEST_M_S = 8e3


def joint_of(tracklet: Tracklet) -> tuple[Matrix, Matrix]:
    """Information and vector of core and biases together: (6 + b, 6 + b) and (6 + b,)."""
    joint = np.block(
        [
            [tracklet.information, tracklet.cross_information],
            [tracklet.cross_information.T, tracklet.bias_information],
        ]
    )
    return joint, np.concatenate((tracklet.vector, tracklet.bias_vector))


def with_joint(tracklet: Tracklet, joint: Matrix, vector: Matrix) -> Tracklet:
    """The same tracklet with other information."""
    return structs.replace(
        tracklet,
        information=joint[:6, :6].copy(),
        cross_information=joint[:6, 6:].copy(),
        bias_information=joint[6:, 6:].copy(),
        vector=vector[:6].copy(),
        bias_vector=vector[6:].copy(),
        rank=rank_of(joint[:6, :6]),
    )


def rank_of(information: Matrix) -> int:
    """Rank as whoever receives it will find it."""
    m = len(information)
    rows, order = np.zeros((m, m)), np.zeros((2, m), np.int64)
    return int(whiten(information.copy(), np.zeros(m), rows, np.zeros(m), order))


def rounded(tracklet: Tracklet, settings: SharingSettings) -> Tracklet:
    """The tracklet as measurements whose coefficients and values are rounded.

    With W d = u + noise of unit variance, W and u are rounded so that W d changes by less than
    `rounding_sigma` / 2 for each component of d within its reach: `rounding_reach_m`, a tenth of it
    a second in velocity, five times its prior in a bias. What rounding may have cost at worst, e in
    each of r measurements, is claimed as noise: 1 + r e² in place of 1, as η ηᵀ ⪯ r e² 1.
    """
    joint, vector = joint_of(tracklet)
    m = len(vector)
    rows, values = np.zeros((m, m)), np.zeros(m)
    count = whiten(joint, vector, rows, values, np.zeros((2, m), np.int64))
    reach = np.concatenate(
        (
            np.full(3, settings.rounding_reach_m),
            np.full(3, 0.1 * settings.rounding_reach_m),
            5.0 * tracklet.bias_sigma,
        )
    )
    step = settings.rounding_sigma / np.where(reach > 0.0, reach, 1.0)
    coarse = np.round(rows[:count] / step) * step
    value = np.round(values[:count] / settings.rounding_sigma) * settings.rounding_sigma
    worst = 0.5 * settings.rounding_sigma * (m + 1)
    weight = 1.0 / (1.0 + count * worst * worst)
    return with_joint(tracklet, weight * coarse.T @ coarse, weight * coarse.T @ value)


class _Drift(NamedTuple):
    """The offset that was added to a track's tracklets of one radar last."""

    time_ns: int
    offset_m: Matrix


class Hiding:
    """Makes hidden tracklets of full ones: position only, with one error in all directions.

    A hidden tracklet's error is the sum of

    - its own: normal and isotropic. To what the plots' noise did, P, noise of covariance σ² 1 - P
      is added: the sum is σ² 1 exactly, in truth and not only as a claim, so that neither axes nor
      residuals point at the radar. σ is one of few rungs, or always the same;
    - that of the radar's biases, which stays alike. It is claimed as an offset of the place, ECEF,
      Gauss-Markov with prior S² 1 and correlation time T. A smooth error f of a track of length D
      is bounded by it where |f(0)|²/2 + |f(D)|²/2 + T/2 ∫|f'|² + 1/(2 T) ∫|f|² is at most S²
      (the norm of the process's reproducing kernel; Parzen, Ann. Math. Stat. 32, 1961). With
      `hidden_cover` times the greatest square of f that holds for passes of 1,000 s, which a test
      shows. An offset of the same law is added for each track, so that the biases' pattern drowns.

    Noise comes from `secret` and the plots' time and track alone: to make a tracklet again gives
    the same one, and nothing can be averaged away by asking twice.
    """

    def __init__(
        self, radars: Sequence[Radar], table: Matrix, secret: bytes, settings: SharingSettings
    ) -> None:
        self.settings, self._secret = settings, secret
        self._table = table
        self._gravity = field(PATH_DEGREE)
        self._drift: dict[tuple[int, int], _Drift] = {}
        reach = settings.hidden_range_km * 1e3
        self._own = [
            max(r.range_sigma_m, reach * max(r.azimuth_sigma_rad, r.elevation_sigma_rad))
            for r in radars
        ]
        self._share = [
            math.sqrt(max(1.0, settings.coast_batch_s / (r.period_s or math.inf))) for r in radars
        ]
        self._covered = [self._greatest_offset(row, reach) for row in table]

    def _greatest_offset(self, row: Matrix, reach_m: float) -> float:
        """Greatest standard deviation m of what a radar's biases do within the hidden range."""
        sigma = row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + kf.BIASES_PER_RADAR]
        alike = 1.0
        if row[kf.CORRELATION_TIME_S] > 0.0:
            ratio = self.settings.hidden_correlation_s / row[kf.CORRELATION_TIME_S]
            alike = max(ratio, 1.0 / ratio)
        along = max(sigma[0] ** 2, (reach_m * max(sigma[1], sigma[2])) ** 2)
        along += alike * max(sigma[5] ** 2, (reach_m * max(sigma[6], sigma[7])) ** 2)
        return math.sqrt(along + (_FASTEST_M_S * sigma[4]) ** 2)

    def hide(self, tracklet: Tracklet, radar: int, track: int) -> Tracklet | None:
        """The hidden form of a full tracklet of that radar's row and track (0: of none).

        None where its error is beyond what `hidden_range_km` covers; and where it has biases but no
        track, even a tentative one, as its offset would then leap to that of the track to come.
        """
        joint, vector, state, time_ns = self._at_middle(tracklet)
        p, place, offset = _place_of(joint, vector, state)
        sigma = self._rung(radar, math.sqrt(float(np.linalg.eigvalsh(p)[-1])))
        prior = np.diag(tracklet.bias_sigma**2)
        biased = bool(len(tracklet.bias_sigma))
        far = biased and (
            np.linalg.eigvalsh(offset @ prior @ offset.T)[-1] > self._covered[radar] ** 2
        )
        if sigma is None or far or (biased and not track):
            return None
        random = self._random(radar, track, time_ns, b"" if track else tracklet.state.tobytes())
        values, axes = np.linalg.eigh(sigma**2 * np.eye(3) - p)
        place = place + axes @ (np.sqrt(np.maximum(values, 0.0)) * random.normal(size=3))
        if biased:
            place = place + self._drifted(radar, track, time_ns, random)
        return self._isotropic(
            tracklet, time_ns, place, sigma, self._prior(radar) if biased else None
        )

    def _prior(self, radar: int) -> float:
        """Prior of the offset, 1σ m: what covers the biases and what is added."""
        s = self.settings
        return self._covered[radar] * math.sqrt(s.hidden_cover * (1.0 + s.hidden_added))

    def _at_middle(self, tracklet: Tracklet) -> tuple[Matrix, Matrix, Matrix, int]:
        """Joint information, vector and state in the middle of the plots, best for a place."""
        joint, vector = joint_of(tracklet)
        middle_ns = (tracklet.first_ns + tracklet.last_ns) // 2
        state = np.zeros(kf.CORE)
        state[:6] = tracklet.state
        dt = (middle_ns - tracklet.time_ns) * 1e-9
        if dt == 0.0:
            return joint, vector, state[:6], middle_ns
        f = np.zeros((9, 9))
        remainder = gravity_remainder(*tracklet.state[:3], self._gravity)
        move(COAST, state, dt, remainder, np.zeros((3, 9)), f)
        back = np.eye(len(vector))
        back[:6, :6] = np.linalg.inv(f[:6, :6])
        return back.T @ joint @ back, back.T @ vector, state[:6], middle_ns

    def _rung(self, radar: int, least_m: float) -> float | None:
        """The size of error that is claimed: at least `least_m`; None beyond the greatest.

        With one step there are two sizes: that of a batch with all its looks, and of one look.
        """
        greatest, step = self._own[radar], self.settings.hidden_step
        if least_m > greatest:
            return None
        if step <= 1.0:
            batch = greatest / self._share[radar]
            return batch if least_m <= batch else greatest
        return float(greatest / step ** math.floor(math.log(greatest / least_m) / math.log(step)))

    def _random(self, radar: int, track: int, time_ns: int, content: bytes) -> np.random.Generator:
        """Random numbers that are this tracklet's own; `content` tells apart plots of one look."""
        named = f"{radar} {track} {time_ns} ".encode() + content
        digest = hashlib.blake2b(named, key=self._secret, digest_size=32).digest()
        return np.random.default_rng(np.frombuffer(digest, np.uint32))

    def _drifted(self, radar: int, track: int, time_ns: int, random: np.random.Generator) -> Matrix:
        """The offset that is added now, m: Gauss-Markov along the track."""
        s = self.settings
        sigma = self._covered[radar] * math.sqrt(s.hidden_cover * s.hidden_added)
        fresh = sigma * random.normal(size=3)
        last = self._drift.get((radar, track))
        if last is not None:
            keep = math.exp(-abs(time_ns - last.time_ns) * 1e-9 / s.hidden_correlation_s)
            fresh = keep * last.offset_m + math.sqrt(1.0 - keep * keep) * fresh
        self._drift[radar, track] = _Drift(time_ns, fresh)
        if len(self._drift) > s.hidden_tracks:
            del self._drift[next(iter(self._drift))]
        return fresh

    def _isotropic(
        self,
        tracklet: Tracklet,
        time_ns: int,
        place: Matrix,
        sigma_m: float,
        offset_sigma_m: float | None,
    ) -> Tracklet:
        """A tracklet of a place with that error in every direction, and an offset as a bias."""
        weight = np.eye(3) / sigma_m**2
        b = kf.BIASES_PER_RADAR if offset_sigma_m is not None else 0
        information, cross, bias = np.zeros((6, 6)), np.zeros((6, b)), np.zeros((b, b))
        information[:3, :3] = weight
        prior = np.zeros(b)
        if offset_sigma_m is not None:
            cross[:3, 5:], bias[5:, 5:], prior[5:] = weight, weight, offset_sigma_m
        return Tracklet(
            time_ns=time_ns,
            nation=tracklet.nation,
            radar=tracklet.radar,
            batch=tracklet.batch,
            state=np.concatenate((place, np.zeros(3))),
            information=information,
            vector=np.zeros(6),
            cross_information=cross,
            bias_information=bias,
            bias_vector=np.zeros(b),
            bias_sigma=prior,
            correlation_time_s=self.settings.hidden_correlation_s if b else 0.0,
            first_ns=time_ns,
            last_ns=time_ns,
            plots=1,
            rank=3,
        )


def _place_of(joint: Matrix, vector: Matrix, state: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Covariance (3, 3), place (3,) and what the biases do to it (3, b), whatever the velocity."""
    scale = np.sqrt(np.maximum(np.diag(joint)[3:6], 1e-300))
    inner = joint[3:6, 3:6] / np.outer(scale, scale)
    through = (joint[:3, 3:6] / scale) @ np.linalg.pinv(inner, rcond=1e-9, hermitian=True) / scale
    information = joint[:3, :3] - through @ joint[3:6, :3]
    p = np.linalg.inv(information)
    p = 0.5 * (p + p.T)
    place = state[:3] + p @ (vector[:3] - through @ vector[3:6])
    return p, place, p @ (joint[:3, 6:] - through @ joint[3:6, 6:])
