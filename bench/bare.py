"""The least that any of this costs: predict and update of one coasting filter, nothing else."""

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.compiled import kernel
from skypact.kernels.motion import COAST, gravity_remainder


@kernel
def filter_plots(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    time_ns: NDArray[np.int64],
    radar: NDArray[np.int32],
    z: NDArray[np.float64],
    rows: NDArray[np.float64],
    table: NDArray[np.float64],
    noise: kf.MotionNoise,
    s: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Filter `z` (k, 4) in order from `x`, `p` at the time of the first; `out` (k, 6) written."""
    now = time_ns[0]
    remainder = gravity_remainder(x[0], x[1], x[2], table)
    for k in range(z.shape[0]):
        if k % 32 == 0:
            remainder = gravity_remainder(x[0], x[1], x[2], table)
        kf.predict(COAST, x, p, (time_ns[k] - now) * 1e-9, remainder, noise, s)
        now = time_ns[k]
        kf.update(x, p, z[k], radar[k], rows, s)
        for i in range(6):
            out[k, i] = x[i]
