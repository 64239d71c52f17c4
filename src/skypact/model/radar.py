"""One sensor: site, nation, accuracies, limits."""

import math

import msgspec


class Radar(msgspec.Struct, frozen=True, kw_only=True):
    """One radar, in SI units and radians.

    Site: geodetic WGS84, `height_m` above the ellipsoid. The `…_sigma` are standard deviations of
    one plot's errors; the `…_bias_sigma` those of an unknown offset common to all its plots. The
    `…_bias` are offsets that are known: its feed has them, plots as read from a file no longer.
    `correlation_time_s` is the time over which a plot's errors stay alike (0: independent).
    `refracted` says that the feed's elevations are apparent and still bent by the atmosphere.
    `sac`, `sic`: what it is called in ASTERIX, system area and identification code, 0 to 255 each.
    """

    id: str
    nation: str
    latitude_rad: float
    longitude_rad: float
    height_m: float
    range_sigma_m: float
    azimuth_sigma_rad: float
    elevation_sigma_rad: float
    range_rate_sigma_m_s: float | None = None
    max_range_m: float = math.inf
    min_elevation_rad: float = -math.pi / 2
    period_s: float | None = None
    detection_probability: float = 1.0
    range_bias_sigma_m: float = 0.0
    azimuth_bias_sigma_rad: float = 0.0
    elevation_bias_sigma_rad: float = 0.0
    range_rate_bias_sigma_m_s: float = 0.0
    time_bias_sigma_s: float = 0.0
    correlation_time_s: float = 0.0
    range_resolution_m: float = 0.0
    angle_resolution_rad: float = 0.0
    clutter_per_scan: float = 0.0
    refracted: bool = False
    range_bias_m: float = 0.0
    azimuth_bias_rad: float = 0.0
    elevation_bias_rad: float = 0.0
    range_rate_bias_m_s: float = 0.0
    time_bias_s: float = 0.0
    sac: int | None = None
    sic: int | None = None
