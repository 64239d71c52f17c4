"""The radar table as the kernels want it: one row of numbers a radar."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.model import PartnerRadar, Radar


def radar_array(
    radars: Sequence[Radar], partners: Sequence[PartnerRadar] = ()
) -> tuple[NDArray[np.float64], int]:
    """The radar table as the kernels want it, and the size of a track's state.

    Radars of partners come last, without a site: their tracklets say nothing of one, and only their
    biases are states.
    """
    rows = np.zeros((len(radars) + len(partners), kf.RADAR_COLUMNS))
    size = kf.CORE
    for row, radar in zip(rows, radars, strict=False):
        row[kf.SITE : kf.SITE + 3] = ecef_from_geodetic(
            radar.latitude_rad, radar.longitude_rad, radar.height_m
        )
        row[kf.AXES : kf.AXES + 9] = local_axes(radar.latitude_rad, radar.longitude_rad)
        sigma = np.array(
            [
                radar.range_sigma_m,
                radar.azimuth_sigma_rad,
                radar.elevation_sigma_rad,
                radar.range_rate_sigma_m_s or 0.0,
            ]
        )
        biases = np.zeros(kf.BIASES_PER_RADAR)
        biases[:5] = (
            radar.range_bias_sigma_m,
            radar.azimuth_bias_sigma_rad,
            radar.elevation_bias_sigma_rad,
            radar.range_rate_bias_sigma_m_s,
            radar.time_bias_sigma_s,
        )
        if radar.correlation_time_s > 0.0:
            # The stated error is what stays alike; a tenth of it is left as each plot's own, so
            # that equal plots do not pretend to be exact.
            biases[5:] = sigma[:3]
            sigma[:3] *= 0.1
            row[kf.CORRELATION_TIME_S] = radar.correlation_time_s
        row[kf.SIGMA : kf.SIGMA + 4] = sigma
        if biases.any():
            row[kf.BIAS_AT] = size
            row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + kf.BIASES_PER_RADAR] = biases
            size += kf.BIASES_PER_RADAR
        row[kf.MAX_RANGE_M] = radar.max_range_m
        row[kf.MIN_ELEVATION_RAD] = radar.min_elevation_rad
        row[kf.DETECTION] = radar.detection_probability
        row[kf.PERIOD_S] = radar.period_s or 0.0
        row[kf.RANGE_RESOLUTION_M] = radar.range_resolution_m
        row[kf.ANGLE_RESOLUTION_RAD] = radar.angle_resolution_rad
    for row, partner in zip(rows[len(radars) :], partners, strict=True):
        if partner.bias_sigma:
            row[kf.BIAS_AT] = size
            row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + kf.BIASES_PER_RADAR] = partner.bias_sigma
            row[kf.CORRELATION_TIME_S] = partner.correlation_time_s
            size += kf.BIASES_PER_RADAR
    return rows, size
