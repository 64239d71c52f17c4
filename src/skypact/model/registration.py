"""What is known of radars' biases: mean, covariance, and what was believed before."""

import msgspec
import numpy as np
from numpy.typing import NDArray

BIAS_KINDS = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "time_s")
"""The biases of a radar, in the order of every array of them; each is added to what it measures."""


class BiasEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """One radar's biases: `mean`, `sigma`, `prior_sigma` (5,), in the order of `BIAS_KINDS`.

    Above the known offsets of the radar table, if it states any. What nothing was learnt of keeps
    mean 0 and the sigma of the table; what the table declares none of is 0 throughout.
    """

    radar: str
    mean: NDArray[np.float64]
    sigma: NDArray[np.float64]
    prior_sigma: NDArray[np.float64]


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture has learnt of its radars' biases, as of `time_ns` (UTC since 1970).

    `radars`: one estimate for each radar of the table, in its order. `covariance` (5 r, 5 r): of
    all their biases together, radar by radar. `tracks`: ids of those that told of them;
    `set_aside`: of those that would have, but did not agree with the others or were all there
    was, beside a part of their own flight.
    """

    time_ns: int
    radars: tuple[BiasEstimate, ...]
    covariance: NDArray[np.float64]
    tracks: tuple[int, ...]
    set_aside: tuple[int, ...]
