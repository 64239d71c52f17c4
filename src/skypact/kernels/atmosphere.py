"""Air density with height.

Up to 86 km: U.S. Standard Atmosphere 1976 (NASA-TM-X-74335), eq. 33 with table 4. Above, to
1,000 km: exponential between the densities of its table VIII (part 4), log-linear in height.
"""

import math

import numpy as np

from skypact.kernels.compiled import kernel

GEOPOTENTIAL_RADIUS_M = 6356766.0
_G0_M_R_STAR = 9.80665 * 0.0289644 / 8.31432  # K/m
_R_AIR = 8.31432 / 0.0289644  # J/(kg K)

# Base geopotential height m, temperature K, lapse K/m, pressure Pa (USSA76 table 4, eq. 33).
_BASE_HEIGHT_M = np.array([0.0, 11e3, 20e3, 32e3, 47e3, 51e3, 71e3])
_BASE_TEMPERATURE_K = np.array([288.15, 216.65, 216.65, 228.65, 270.65, 270.65, 214.65])
_LAPSE_K_M = np.array([-6.5e-3, 0.0, 1.0e-3, 2.8e-3, 0.0, -2.8e-3, -2.0e-3])
_BASE_PRESSURE_PA = np.array([101325.0, 22632.06, 5474.889, 868.0187, 110.9063, 66.93887, 3.956420])

# Geometric height m and density kg/m³ (USSA76 table VIII).
_HIGH_HEIGHT_M = np.array(
    [86e3, 90e3, 95e3, 100e3, 105e3, 110e3, 115e3, 120e3, 130e3, 140e3, 150e3, 160e3, 180e3]
    + [200e3, 250e3, 300e3, 350e3, 400e3, 450e3, 500e3, 600e3, 700e3, 800e3, 900e3, 1000e3]
)
_HIGH_LN_DENSITY = np.log(
    np.array(
        [6.958e-6, 3.416e-6, 1.393e-6, 5.604e-7, 2.325e-7, 9.708e-8, 4.289e-8, 2.222e-8]
        + [8.152e-9, 3.831e-9, 2.076e-9, 1.233e-9, 5.194e-10, 2.541e-10, 6.073e-11, 1.916e-11]
        + [7.014e-12, 2.803e-12, 1.184e-12, 5.215e-13, 1.137e-13, 3.070e-14, 1.136e-14]
        + [5.759e-15, 3.561e-15]
    )
)


@kernel
def density(height_m: float) -> tuple[float, float]:
    """Air density kg/m³ and its logarithmic slope d ln ρ / dh in 1/m at a geometric height.

    Below the ellipsoid the lowest layer goes on down; above 1,000 km both are 0.
    """
    if height_m >= 86e3:
        if height_m >= 1000e3:
            return 0.0, 0.0
        i = 0
        while height_m >= _HIGH_HEIGHT_M[i + 1]:
            i += 1
        slope = (_HIGH_LN_DENSITY[i + 1] - _HIGH_LN_DENSITY[i]) / (
            _HIGH_HEIGHT_M[i + 1] - _HIGH_HEIGHT_M[i]
        )
        return math.exp(_HIGH_LN_DENSITY[i] + slope * (height_m - _HIGH_HEIGHT_M[i])), slope
    fraction = GEOPOTENTIAL_RADIUS_M / (GEOPOTENTIAL_RADIUS_M + height_m)
    geopotential = height_m * fraction
    i = 6
    while i > 0 and geopotential < _BASE_HEIGHT_M[i]:
        i -= 1
    temperature = _BASE_TEMPERATURE_K[i] + _LAPSE_K_M[i] * (geopotential - _BASE_HEIGHT_M[i])
    if _LAPSE_K_M[i] == 0.0:
        pressure = _BASE_PRESSURE_PA[i] * math.exp(
            -_G0_M_R_STAR * (geopotential - _BASE_HEIGHT_M[i]) / temperature
        )
    else:
        pressure = _BASE_PRESSURE_PA[i] * math.exp(
            _G0_M_R_STAR / _LAPSE_K_M[i] * math.log(_BASE_TEMPERATURE_K[i] / temperature)
        )
    slope = -(_G0_M_R_STAR + _LAPSE_K_M[i]) / temperature * fraction * fraction
    return pressure / (_R_AIR * temperature), slope
