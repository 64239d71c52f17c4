"""What a batch of one radar's plots says of one object, ready to be shared."""

import enum

import msgspec
import numpy as np
from numpy.typing import NDArray


class Openness(enum.StrEnum):
    """How much of its radar a tracklet shows."""

    FULL = "full"
    ROUNDED = "rounded"
    HIDDEN = "hidden"


class Tracklet(msgspec.Struct, frozen=True, kw_only=True):
    """The information that a batch of plots carries about one object's state at `time_ns`.

    It is what the plots say and nothing more: no prior, so nothing is counted twice.
    `state` (6,): ECEF position m and velocity m/s about which the plots were linearised, at
    `time_ns` (UTC since 1970). With δ the true state less `state` and b the radar's biases, the
    plots' log likelihood is -½ dᵀ [Y B; Bᵀ C] d + dᵀ [y; c] for d = [δ; b], up to a constant:

    - `information` Y (6, 6) and `vector` y (6,);
    - `cross_information` B (6, b), `bias_information` C (b, b), `bias_vector` c (b,);
    - `bias_sigma` (b,): the biases' priors, 1σ. b is 0 or 8: constant offsets of range m, azimuth
      rad, elevation rad, range rate m/s, time s; then three that stay alike for
      `correlation_time_s` (0: there are none), of range, azimuth and elevation; a hidden tracklet
      uses these three for an offset of its place, ECEF m.

    `radar`: opaque label, the same for all tracklets of one radar to one partner. Tracklets of one
    radar with equal `batch` are associated together. `first_ns`, `last_ns`: of its `plots` plots.
    `rank` of Y: 3 says nothing of the velocity.
    """

    time_ns: int
    nation: str
    radar: str
    batch: int
    state: NDArray[np.float64]
    information: NDArray[np.float64]
    vector: NDArray[np.float64]
    cross_information: NDArray[np.float64]
    bias_information: NDArray[np.float64]
    bias_vector: NDArray[np.float64]
    bias_sigma: NDArray[np.float64]
    correlation_time_s: float
    first_ns: int
    last_ns: int
    plots: int
    rank: int


class PartnerRadar(msgspec.Struct, frozen=True, kw_only=True):
    """A radar as its tracklets name it: nation, opaque label, and its biases' priors.

    `bias_sigma`: 8 standard deviations as in `Tracklet`, or none.
    """

    nation: str
    label: str
    bias_sigma: tuple[float, ...]
    correlation_time_s: float


class ForeignTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A finished track of unknown pedigree, as it stands at `time_ns` (UTC since 1970).

    `state` (6,): ECEF position m, velocity m/s; `covariance` (6, 6). `track`: the source's name for
    it, the same for each update.
    """

    time_ns: int
    source: str
    track: str
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner sent and was not used: whose, of when, why, and what to do about it."""

    source: str
    time_ns: int
    reason: str
    remedy: str
