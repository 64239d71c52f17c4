"""What a simulated flight is asked to be. SI units and radians; frozen; no logic."""

import math

import msgspec

from skypact.model import FlightKind


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Constant thrust and mass flow for `burn_s`; `delta_v_m_s` is what it gains in empty space.

    `propellant_fraction`: the propellant's share of the mass at the stage's ignition.
    """

    burn_s: float
    delta_v_m_s: float
    propellant_fraction: float = 0.75


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """Powered flight as such: straight up for `vertical_s`, then over to `pitch_rad` from up.

    The nose goes over towards `heading_rad` (from true north, in axes that do not turn with the
    Earth). Without `heading_rad` it is the flight's bearing.
    """

    stages: tuple[Stage, ...]
    pitch_rad: float
    heading_rad: float | None = None
    vertical_s: float = 6.0


class Manoeuvre(msgspec.Struct, frozen=True, kw_only=True):
    """Lift in air, from a height on the way down; see `kernels.powered_flight.lift_command`.

    It aims at a flight-path angle (positive up) with a time constant, with at most `most_lift`
    (C_L A / m, m²/kg) and `most_load_m_s2` of lift, and ends at the first of: duration, end
    height, ground range from launch. `lift_to_drag`: lift over the drag that comes with it.
    """

    start_height_m: float
    path_angle_rad: float
    time_constant_s: float
    most_lift_m2_kg: float
    lift_to_drag: float = 3.0
    most_load_m_s2: float = 10 * 9.80665
    bank_rad: float = 0.0
    duration_s: float = math.inf
    end_height_m: float = 0.0
    end_ground_range_m: float = math.inf


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Something that comes off and falls on its own ballistic parameter.

    `time_s` after launch. It leaves backwards along the velocity with `backward_m_s`, to the
    right with `right_m_s` and upwards (square to the velocity) with `up_m_s`.
    """

    object_id: str
    time_s: float
    beta_kg_m2: float
    kind: str = "booster"
    backward_m_s: float = 5.0
    right_m_s: float = 0.0
    up_m_s: float = 0.0


class FlightProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """One flight to fly.

    Either `apogee_m` and `range_m` (ground distance along the geodesic; of the flight as it would
    be without `manoeuvres`), or `burn`. With `manoeuvred_range_m` the duration of the first
    manoeuvre is found so that the flight comes down there. `beta_kg_m2`: ballistic parameter
    m / (C_D A) after burn-out; `beta_variation`: amplitude of a slow sine in its logarithm.
    Launch site: geodetic WGS84.
    """

    object_id: str
    launch_time_ns: int
    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0
    bearing_rad: float
    kind: FlightKind = FlightKind.BALLISTIC
    apogee_m: float | None = None
    range_m: float | None = None
    burn: Burn | None = None
    burn_s: float | None = None
    beta_kg_m2: float | None = None
    beta_variation: float = 0.0
    beta_variation_period_s: float = 60.0
    boost_beta_kg_m2: float = 15000.0
    manoeuvres: tuple[Manoeuvre, ...] = ()
    manoeuvred_range_m: float | None = None
    parts: tuple[Part, ...] = ()
