"""The population of flights on which impact and launch areas are judged, and that they assume.

Drawn one flight at a time from a stream named by seed and index, so that any one can be flown
again alone. The prior of the flight stage states the same distribution:

- **Kind**: 80 % ballistic, 12 % quasi-ballistic with a pull-up, 8 % glide.
- **Launch site**: uniform over North Korea's land, taken as four boxes of latitude and longitude
  weighed by their area; height uniform 0 to 600 m.
- **Bearing** of the impact: uniform 55° to 125° (to the sea in the east); launch time uniform over
  the year 2024 to the nanosecond.
- **Ballistic**: apogee h log-uniform 100 to 6,500 km. Then the shape: lofted (50 %), near minimum
  energy (30 %) or depressed (20 %), with tan γ log-uniform 2 to 30, 0.8 to 1.4 or 0.4 to 0.7; and
  from it the range R = 4 h / tan γ (γ would be the flight-path angle at burn-out on a flat Earth).
  A range outside 100 to 6,000 km is drawn again, shape and all (so great apogees are lofted).
- **Ballistic parameter** β: log-normal, median 5,000 kg/m², sigma of ln 0.5, held within 1,500 and
  20,000; ln β varies in flight by a slow sine of amplitude uniform 0 to 0.1 and period uniform 30
  to 120 s.
- **Quasi-ballistic**: apogee log-uniform 30 to 100 km, range without pull-up uniform 5 to 9 times
  the apogee, β as above, pull-up from uniform 25 to 40 km at an angle aimed at uniform 0° to 6°,
  most lift C_L A / m log-uniform 0.5e-3 to 2e-3 m²/kg, lift to drag uniform 2 to 3.5, load at most
  uniform 4 to 12 g, for uniform 10 to 120 s.
- **Glide**: apogee uniform 50 to 120 km, range without lift uniform 6 to 10 times the apogee,
  glide from uniform 40 to 50 km at uniform -1.2° to -0.2°, most lift log-uniform 1e-3 to 4e-3,
  lift to drag uniform 2 to 4, load at most 8 g, bank uniform -40° to 40°, until a ground range of
  uniform 1.1 to 1.8 times the range without lift or below uniform 22 to 28 km, then a dive of up to
  60° down.
- **Parts**: half of the ballistic flights leave a spent stage behind at burn-out (β log-uniform
  300 to 1,000, 2 to 10 m/s backward).
"""

import datetime
import math
from collections.abc import Callable

import msgspec
import numpy as np

from skypact.errors import ScenarioError
from skypact.kernels.powered_flight import STANDARD_GRAVITY_M_S2
from skypact.model import FlightKind
from skypact.sensing.flight_programme import FlightProgramme, Manoeuvre, Part
from skypact.sensing.solve import solve

KIND_SHARES = {
    FlightKind.BALLISTIC: 0.80,
    FlightKind.QUASI_BALLISTIC: 0.12,
    FlightKind.GLIDE: 0.08,
}
BETA_MEDIAN_KG_M2 = 5000.0
BETA_SIGMA_LN = 0.5
_BETA_LIMITS_KG_M2 = (1500.0, 20000.0)
APOGEE_LIMITS_M = (100e3, 6500e3)
BEARING_LIMITS_RAD = (math.radians(55.0), math.radians(125.0))
_SHAPES = ((0.5, 2.0, 30.0), (0.3, 0.8, 1.4), (0.2, 0.4, 0.7))
"""Share, least and greatest tan γ: lofted, near minimum energy, depressed."""
RANGE_LIMITS_M = (100e3, 6000e3)
_BOXES_DEG = (
    (38.1, 39.6, 125.5, 127.2),
    (39.6, 40.4, 124.9, 127.6),
    (40.4, 41.3, 126.3, 129.3),
    (41.3, 42.2, 128.2, 129.8),
)
"""North Korea's land: least and greatest latitude, least and greatest longitude."""
_YEAR_BEGIN = int(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).timestamp()) * 10**9
_YEAR_NS = 366 * 86400 * 10**9
_SHARE_WITH_PARTS = 0.5
_TRIES = 20


def random_flight(rng_seed: int, index: int) -> FlightProgramme:
    """Flight number `index` of the population; see the module's docstring for the distribution.

    The same seed and index give the same flight. Every flight given can be flown: what no generic
    burn reaches is drawn again.
    """
    random = np.random.default_rng([rng_seed, index])
    kind = _kind(random)
    for _ in range(_TRIES):
        programme = _DRAWN[kind](random, f"flight-{index}")
        try:
            burnout_s = solve(programme).ending.burnout_s
        except ScenarioError:
            continue
        if kind == FlightKind.BALLISTIC and random.random() < _SHARE_WITH_PARTS:
            return msgspec.structs.replace(
                programme, parts=(_spent_stage(random, index, burnout_s),)
            )
        return programme
    raise ScenarioError(f"flight-{index}: no flight of kind {kind} in {_TRIES} draws")


def _kind(random: np.random.Generator) -> FlightKind:
    kinds = list(KIND_SHARES)
    return kinds[int(random.choice(len(kinds), p=list(KIND_SHARES.values())))]


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


def ballistic_parameter(random: np.random.Generator) -> float:
    """Mass over drag area, m / (C_D A), kg/m², of a body that is to come down whole."""
    beta = BETA_MEDIAN_KG_M2 * math.exp(BETA_SIGMA_LN * random.standard_normal())
    return min(max(beta, _BETA_LIMITS_KG_M2[0]), _BETA_LIMITS_KG_M2[1])


def pull_up(random: np.random.Generator) -> Manoeuvre:
    """The pull-up of a quasi-ballistic flight."""
    return Manoeuvre(
        start_height_m=float(random.uniform(25e3, 40e3)),
        path_angle_rad=math.radians(random.uniform(0.0, 6.0)),
        time_constant_s=4.0,
        most_lift_m2_kg=_log_uniform(random, 0.5e-3, 2e-3),
        lift_to_drag=float(random.uniform(2.0, 3.5)),
        most_load_m_s2=float(random.uniform(4.0, 12.0)) * STANDARD_GRAVITY_M_S2,
        duration_s=float(random.uniform(10.0, 120.0)),
    )


def _common(random: np.random.Generator, object_id: str, kind: FlightKind) -> FlightProgramme:
    """Place, time, bearing and ballistic parameter, which all kinds draw alike."""
    boxes = np.radians(np.array(_BOXES_DEG))
    areas = (np.sin(boxes[:, 1]) - np.sin(boxes[:, 0])) * (boxes[:, 3] - boxes[:, 2])
    south, north, west, east = boxes[int(random.choice(len(boxes), p=areas / areas.sum()))]
    beta_kg_m2 = ballistic_parameter(random)
    return FlightProgramme(
        object_id=object_id,
        launch_time_ns=_YEAR_BEGIN + int(random.integers(_YEAR_NS)),
        latitude_rad=math.asin(random.uniform(math.sin(south), math.sin(north))),
        longitude_rad=float(random.uniform(west, east)),
        height_m=float(random.uniform(0.0, 600.0)),
        bearing_rad=float(random.uniform(*BEARING_LIMITS_RAD)),
        kind=kind,
        beta_kg_m2=beta_kg_m2,
        beta_variation=float(random.uniform(0.0, 0.1)),
        beta_variation_period_s=float(random.uniform(30.0, 120.0)),
    )


def _ballistic(random: np.random.Generator, object_id: str) -> FlightProgramme:
    common = _common(random, object_id, FlightKind.BALLISTIC)
    apogee = _log_uniform(random, *APOGEE_LIMITS_M)
    range_m = 0.0
    while not RANGE_LIMITS_M[0] <= range_m <= RANGE_LIMITS_M[1]:
        _, low, high = _SHAPES[int(random.choice(len(_SHAPES), p=[s[0] for s in _SHAPES]))]
        range_m = 4.0 * apogee / _log_uniform(random, low, high)
    return msgspec.structs.replace(common, apogee_m=apogee, range_m=range_m)


def _quasi_ballistic(random: np.random.Generator, object_id: str) -> FlightProgramme:
    common = _common(random, object_id, FlightKind.QUASI_BALLISTIC)
    apogee = _log_uniform(random, 30e3, 100e3)
    manoeuvre = pull_up(random)
    return msgspec.structs.replace(
        common,
        apogee_m=apogee,
        range_m=apogee * float(random.uniform(5.0, 9.0)),
        manoeuvres=(manoeuvre,),
    )


def _glide(random: np.random.Generator, object_id: str) -> FlightProgramme:
    common = _common(random, object_id, FlightKind.GLIDE)
    apogee = float(random.uniform(50e3, 120e3))
    range_m = apogee * float(random.uniform(6.0, 10.0))
    most_lift = _log_uniform(random, 1e-3, 4e-3)
    glide = Manoeuvre(
        start_height_m=float(random.uniform(40e3, 50e3)),
        path_angle_rad=math.radians(random.uniform(-1.2, -0.2)),
        time_constant_s=8.0,
        most_lift_m2_kg=most_lift,
        lift_to_drag=float(random.uniform(2.0, 4.0)),
        most_load_m_s2=8.0 * STANDARD_GRAVITY_M_S2,
        bank_rad=math.radians(random.uniform(-40.0, 40.0)),
        end_ground_range_m=range_m * float(random.uniform(1.1, 1.8)),
        end_height_m=float(random.uniform(22e3, 28e3)),
    )
    dive = Manoeuvre(
        start_height_m=120e3,
        path_angle_rad=math.radians(-60.0),
        time_constant_s=3.0,
        most_lift_m2_kg=most_lift,
        lift_to_drag=3.0,
        most_load_m_s2=8.0 * STANDARD_GRAVITY_M_S2,
    )
    return msgspec.structs.replace(
        common, apogee_m=apogee, range_m=range_m, manoeuvres=(glide, dive)
    )


def _spent_stage(random: np.random.Generator, index: int, burnout_s: float) -> Part:
    return Part(
        object_id=f"flight-{index}-stage",
        time_s=burnout_s,
        beta_kg_m2=_log_uniform(random, 300.0, 1000.0),
        backward_m_s=float(random.uniform(2.0, 10.0)),
    )


_DRAWN: dict[FlightKind, Callable[[np.random.Generator, str], FlightProgramme]] = {
    FlightKind.BALLISTIC: _ballistic,
    FlightKind.QUASI_BALLISTIC: _quasi_ballistic,
    FlightKind.GLIDE: _glide,
}
