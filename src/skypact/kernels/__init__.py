"""Compiled pure functions on floats and arrays: SI units, radians, Earth-fixed frame (ECEF)."""

import skypact.kernels.compiled  # noqa: F401  (before any other module can import Numba)
from skypact.kernels.without_blas import start_numba

start_numba()
