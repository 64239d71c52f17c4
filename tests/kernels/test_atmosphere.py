"""Air density against the printed tables of the U.S. Standard Atmosphere 1976.

Figures: NASA-TM-X-74335, table I (to 86 km) and part 4 table VIII (above), column density.
"""

import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.kernels.atmosphere import density

# geometric height m, density kg/m³ as printed, five figures to 80 km and four above
PRINTED = [
    (0, 1.2250),
    (1000, 1.1117),
    (5000, 7.3643e-1),
    (10_000, 4.1351e-1),
    (15_000, 1.9476e-1),
    (20_000, 8.8910e-2),
    (25_000, 4.0084e-2),
    (30_000, 1.8410e-2),
    (40_000, 3.9957e-3),
    (50_000, 1.0269e-3),
    (60_000, 3.0968e-4),
    (70_000, 8.2829e-5),
    (80_000, 1.8458e-5),
]
PRINTED_HIGH = [
    (90_000, 3.416e-6),
    (100_000, 5.604e-7),
    (120_000, 2.222e-8),
    (150_000, 2.076e-9),
    (200_000, 2.541e-10),
    (300_000, 1.916e-11),
    (500_000, 5.215e-13),
]


@pytest.mark.parametrize(("height", "printed"), PRINTED)
def test_printed_table_to_80_km(height, printed):
    # five printed figures: half a unit of the last is at most 5e-5; above 80 km the standard also
    # lets the molecular weight fall (table 8: 4e-6 at 80 km)
    assert density(float(height))[0] == pytest.approx(printed, rel=1e-4)


@pytest.mark.parametrize(("height", "printed"), PRINTED_HIGH)
def test_printed_table_above(height, printed):
    assert density(float(height))[0] == pytest.approx(printed, rel=5e-4)


@given(st.floats(-5e3, 85.9e3))
def test_twin(height):
    # base pressures in the kernel are printed to seven figures
    assert density(height)[0] == pytest.approx(naive.air_density(height), rel=2e-6)


BORDERS = [6356766.0 * h / (6356766.0 - h) for h in (11e3, 20e3, 32e3, 47e3, 51e3, 71e3)]


@given(st.floats(-5e3, 999e3))
def test_slope_against_differences(height):
    borders = [*BORDERS, 86e3, 90e3, 95e3, *np.arange(100e3, 121e3, 5e3)]
    borders += [*np.arange(130e3, 161e3, 10e3), 180e3, 200e3, *np.arange(250e3, 501e3, 50e3)]
    borders += [*np.arange(600e3, 1000e3, 100e3)]
    step = 0.5
    if min(abs(height - b) for b in borders) <= step:
        return
    above, below = density(height + step)[0], density(height - step)[0]
    expected = (math.log(above) - math.log(below)) / (2 * step)
    assert density(height)[1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("border", BORDERS)
def test_continuous_at_layer_borders(border):
    """Within the rounding of the table's base pressures, seven figures."""
    above, below = density(border + 1e-6)[0], density(border - 1e-6)[0]
    assert above == pytest.approx(below, rel=1e-6)


def test_continuous_at_86_km():
    # Printed to four figures, and molecular weight falls by 4e-4 between 80 and 86 km.
    above, below = density(86e3)[0], density(86e3 - 1e-3)[0]
    assert above == pytest.approx(below, rel=1.5e-3)


def test_never_rises_with_height_and_ends():
    heights = np.concatenate((np.arange(-5e3, 200e3, 250.0), np.arange(200e3, 1000e3, 5e3)))
    values = [density(float(h))[0] for h in heights]
    assert all(np.diff(values) < 0)
    assert density(1000e3) == (0.0, 0.0)
    assert density(5000e3) == (0.0, 0.0)
