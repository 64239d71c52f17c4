"""What sort of flight it is, from the shape of its path and from what it was seen to do.

The prior is the population of `docs/decisions/prior.md` (and of the simulator's): shares of the
kinds, and for each how high and how far it would fly without lift.
"""

import math

from skypact.flight.ground import EARTH_RADIUS_M
from skypact.kernels.gravity import GM_M3_S2
from skypact.model import FlightKind, RangeClass
from skypact.settings import FlightSettings

_RANGE_CLASSES = (
    (1000e3, RangeClass.SRBM),
    (3000e3, RangeClass.MRBM),
    (5500e3, RangeClass.IRBM),
    (math.inf, RangeClass.ICBM),
)
# Limits of the kinds are soft: half the density is lost at the limit, all within some times this.
_SOFT = 0.07
_LEAST_BALLISTIC_APOGEE_M = 15e3


def _within(ln_value: float, low: float, high: float) -> float:
    """1 between two limits, softly 0 outside, on the logarithm of a quantity."""
    return 1.0 / (
        (1.0 + math.exp(min((math.log(low) - ln_value) / _SOFT, 700.0)))
        * (1.0 + math.exp(min((ln_value - math.log(high)) / _SOFT, 700.0)))
    )


def shape_densities(apogee_m: float, range_m: float) -> dict[FlightKind, float]:
    """How likely each kind has this apogee and this range without lift, per ln apogee, ln ratio."""
    ln_h, ratio = math.log(max(apogee_m, 1.0)), max(range_m / max(apogee_m, 1.0), 1e-3)
    ln_r = math.log(ratio)
    high = _within(ln_h, _LEAST_BALLISTIC_APOGEE_M, 6500e3) / math.log(
        6500e3 / _LEAST_BALLISTIC_APOGEE_M
    )
    shapes = ((0.5, 2.0, 30.0), (0.3, 0.8, 1.4), (0.2, 0.4, 0.7))  # share, tan γ = 4 / ratio
    shape = sum(
        share * _within(ln_r, 4.0 / most, 4.0 / least) / math.log(most / least)
        for share, least, most in shapes
    )
    return {
        FlightKind.BALLISTIC: high * (shape + 0.05 * _within(ln_r, 0.05, 20.0) / math.log(400.0)),
        FlightKind.QUASI_BALLISTIC: _within(ln_h, 30e3, 100e3)
        / math.log(100.0 / 30.0)
        * _within(ln_r, 5.0, 9.0)
        * ratio
        / 4.0,
        FlightKind.GLIDE: _within(ln_h, 50e3, 120e3)
        * apogee_m
        / 70e3
        * _within(ln_r, 6.0, 10.0)
        * ratio
        / 4.0,
    }


def kind_probabilities(
    apogee_m: float, range_m: float, fits: dict[FlightKind, float], settings: FlightSettings
) -> dict[FlightKind, float]:
    """Probabilities of ballistic, quasi-ballistic and glide.

    `apogee_m`, `range_m`: of the path without lift. `fits`: how well what was seen of its motion
    fits each kind (`flight.programmes`).
    """
    share = {
        FlightKind.BALLISTIC: settings.ballistic_share,
        FlightKind.QUASI_BALLISTIC: settings.quasi_ballistic_share,
        FlightKind.GLIDE: settings.glide_share,
    }
    weight = {
        kind: share[kind] * (density + 1e-6) * max(fits[kind], 1e-30)
        for kind, density in shape_densities(apogee_m, range_m).items()
    }
    total = sum(weight.values())
    return {kind: value / total for kind, value in weight.items()}


def greatest_range_m(energy_j_kg: float) -> float:
    """Longest ballistic range on a sphere for an energy per kg: sin(φ/2) = Q / (2 - Q).

    Q is the squared speed at the surface over that of a circular orbit there (Bate, Mueller, White,
    Fundamentals of Astrodynamics, eq. 6.2-19). `energy_j_kg`: kinetic and potential, GM/r below 0.
    """
    q = 2.0 * (energy_j_kg + GM_M3_S2 / EARTH_RADIUS_M) * EARTH_RADIUS_M / GM_M3_S2
    if q <= 0.0:
        return 0.0
    if q >= 1.0:
        return math.pi * EARTH_RADIUS_M
    return 2.0 * math.asin(q / (2.0 - q)) * EARTH_RADIUS_M


def range_class(energy_j_kg: float, energy_sigma_j_kg: float) -> tuple[RangeClass, float]:
    """The likeliest class by greatest range at this energy, and its probability."""
    probabilities: dict[RangeClass, float] = {}
    below = 0.0
    for limit, name in _RANGE_CLASSES:
        upto = _probability_below(limit, energy_j_kg, energy_sigma_j_kg)
        probabilities[name] = upto - below
        below = upto
    best = max(probabilities, key=lambda name: probabilities[name])
    return best, probabilities[best]


def _probability_below(limit_m: float, energy: float, sigma: float) -> float:
    """Probability that the greatest range is below a limit."""
    if limit_m == math.inf:
        return 1.0
    # The energy at which the greatest range is the limit: the formula above turned round.
    s = math.sin(limit_m / (2.0 * EARTH_RADIUS_M))
    q = 2.0 * s / (1.0 + s)
    at_limit = (0.5 * q - 1.0) * GM_M3_S2 / EARTH_RADIUS_M
    return 0.5 * (1.0 + math.erf((at_limit - energy) / (max(sigma, 1.0) * math.sqrt(2.0))))
