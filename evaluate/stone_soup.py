"""Stone Soup on the same plots, as favourably as it can be set up.

Analytic Jacobians (its numerical ones step the wrong way for negative components and lose flights),
scalar mathematics in plain Python, plain floats instead of its angle classes, models and detections
made beforehand. ECEF with J2, one Runge-Kutta step from look to look.
"""

import datetime
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stonesoup.base import Property
from stonesoup.models.measurement.nonlinear import NonLinearGaussianMeasurement
from stonesoup.models.transition.nonlinear import GaussianTransitionModel
from stonesoup.predictor.kalman import ExtendedKalmanPredictor
from stonesoup.types.array import CovarianceMatrix, StateVector
from stonesoup.types.detection import Detection
from stonesoup.types.prediction import GaussianMeasurementPrediction  # noqa: F401  (loaded first)
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track
from stonesoup.updater.kalman import ExtendedKalmanUpdater

from skypact.kernels.filter import AXES, SITE
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar

GM, RADIUS, J2, SPIN = 3.986004415e14, 6378136.3, 1.0826355e-3, 7.292115e-5
_EPOCH = datetime.datetime(2024, 1, 1)


def _pull(x: float, y: float, z: float, vx: float, vy: float) -> tuple[float, float, float]:
    r2 = x * x + y * y + z * z
    central = -GM / (r2 * math.sqrt(r2))
    k = 1.5 * J2 * RADIUS * RADIUS / r2
    q = 5.0 * z * z / r2
    flat = central * (1.0 + k * (1.0 - q))
    return (
        x * flat + SPIN * SPIN * x + 2.0 * SPIN * vy,
        y * flat + SPIN * SPIN * y - 2.0 * SPIN * vx,
        z * central * (1.0 + k * (3.0 - q)),
    )


class Coast(GaussianTransitionModel):
    """Free flight in ECEF with J2; state x, y, z, vx, vy, vz."""

    density: float = Property(doc="Spectral density of white acceleration, m²/s³.")

    @property
    def ndim_state(self) -> int:
        """Six."""
        return 6

    def function(self, state: Any, noise: Any = False, **kwargs: Any) -> StateVector:
        """One Runge-Kutta step of order 4."""
        h = kwargs["time_interval"].total_seconds()
        x, y, z, vx, vy, vz = state.state_vector[:, 0].tolist()
        k = 0.5 * h
        ax, ay, az = _pull(x, y, z, vx, vy)
        ux, uy, uz = vx + k * ax, vy + k * ay, vz + k * az
        bx, by, bz = _pull(x + k * vx, y + k * vy, z + k * vz, ux, uy)
        wx, wy, wz = vx + k * bx, vy + k * by, vz + k * bz
        cx, cy, cz = _pull(x + k * ux, y + k * uy, z + k * uz, wx, wy)
        qx, qy, qz = vx + h * cx, vy + h * cy, vz + h * cz
        dx, dy, dz = _pull(x + h * wx, y + h * wy, z + h * wz, qx, qy)
        s = h / 6.0
        return StateVector(
            [
                x + s * (vx + 2.0 * (ux + wx) + qx),
                y + s * (vy + 2.0 * (uy + wy) + qy),
                z + s * (vz + 2.0 * (uz + wz) + qz),
                vx + s * (ax + 2.0 * (bx + cx) + dx),
                vy + s * (ay + 2.0 * (by + cy) + dy),
                vz + s * (az + 2.0 * (bz + cz) + dz),
            ]
        )

    def jacobian(self, state: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Analytic, to second order in the step."""
        h = kwargs["time_interval"].total_seconds()
        x, y, z = state.state_vector[:3, 0].tolist()
        r2 = x * x + y * y + z * z
        m = GM / (r2 * math.sqrt(r2))
        xx, yy, zz = 3.0 * m * x * x / r2 - m, 3.0 * m * y * y / r2 - m, 3.0 * m * z * z / r2 - m
        xy, xz, yz = 3.0 * m * x * y / r2, 3.0 * m * x * z / r2, 3.0 * m * y * z / r2
        w, k = SPIN, 0.5 * h * h
        xx, yy = xx + w * w, yy + w * w
        c = 2.0 * w
        return np.array(
            [
                [1.0 + k * xx, k * xy, k * xz, h, k * c, 0.0],
                [k * xy, 1.0 + k * yy, k * yz, -k * c, h, 0.0],
                [k * xz, k * yz, 1.0 + k * zz, 0.0, 0.0, h],
                [h * xx, h * xy, h * xz, 1.0 + k * xx, h * c, 0.0],
                [h * xy, h * yy, h * yz, -h * c, 1.0 + k * yy, 0.0],
                [h * xz, h * yz, h * zz, 0.0, 0.0, 1.0 + k * zz],
            ]
        )

    def covar(self, **kwargs: Any) -> CovarianceMatrix:
        """White acceleration."""
        h = kwargs["time_interval"].total_seconds()
        d = self.density
        out = np.zeros((6, 6))
        for i in range(3):
            out[i, i], out[3 + i, 3 + i] = d * h**3 / 3.0, d * h
            out[i, 3 + i] = out[3 + i, i] = d * h * h / 2.0
        return out.view(CovarianceMatrix)


class Look(NonLinearGaussianMeasurement):
    """Elevation, azimuth from north and range from a site, with their Jacobian.

    In units of their errors: distances in the space of measurements, by which a tree finds
    neighbours, mean something only so.
    """

    place: Any = Property(doc="Site, ECEF m (3,).")
    axes: Any = Property(doc="East, north, up as rows (3, 3).")
    sigma: Any = Property(doc="Errors of elevation rad, azimuth rad, range m (3,): the units.")

    @property
    def ndim_meas(self) -> int:
        """Three."""
        return 3

    def _local(self, state: Any) -> tuple[float, float, float]:
        x, y, z = state.state_vector[:3, 0].tolist()
        dx, dy, dz = x - self._site[0], y - self._site[1], z - self._site[2]
        a = self._rows
        return (
            a[0][0] * dx + a[0][1] * dy + a[0][2] * dz,
            a[1][0] * dx + a[1][1] * dy + a[1][2] * dz,
            a[2][0] * dx + a[2][1] * dy + a[2][2] * dz,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._site, self._rows = self.place.tolist(), self.axes.tolist()
        self._units = self.sigma.tolist()

    def function(self, state: Any, noise: Any = False, **kwargs: Any) -> StateVector:
        """What an ideal radar would read; all azimuths here are far from north."""
        east, north, up = self._local(state)
        flat = math.hypot(east, north)
        azimuth = math.atan2(east, north) % (2.0 * math.pi)
        e, a, r = self._units
        return StateVector([math.atan2(up, flat) / e, azimuth / a, math.hypot(flat, up) / r])

    def jacobian(self, state: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Analytic."""
        east, north, up = self._local(state)
        flat2 = east * east + north * north
        flat, r2 = math.sqrt(flat2), flat2 + up * up
        r = math.sqrt(r2)
        local = np.array(
            [
                [-east * up / (r2 * flat), -north * up / (r2 * flat), flat / r2],
                [north / flat2, -east / flat2, 0.0],
                [east / r, north / r, up / r],
            ]
        )
        out = np.zeros((3, 6))
        out[:, :3] = (local / self.sigma[:, None]) @ self.axes
        return out

    def rvs(self, *args: Any, **kwargs: Any) -> Any:
        """Not needed."""
        raise NotImplementedError


def looks_of(radars: Sequence[Radar]) -> list[Look]:
    """The measurement model of each radar."""
    rows, _ = radar_array(radars)
    return [
        Look(
            ndim_state=6,
            mapping=(0, 1, 2),
            noise_covar=CovarianceMatrix(np.eye(3)),
            place=row[SITE : SITE + 3].copy(),
            axes=row[AXES : AXES + 9].reshape(3, 3).copy(),
            sigma=np.array(
                [radar.elevation_sigma_rad, radar.azimuth_sigma_rad, radar.range_sigma_m]
            ),
        )
        for radar, row in zip(radars, rows, strict=True)
    ]


def moment(time_ns: int, begin_ns: int) -> datetime.datetime:
    """Time as Stone Soup has it, which counts microseconds."""
    return _EPOCH + datetime.timedelta(microseconds=(time_ns - begin_ns) / 1e3)


def detections_of(radars: Sequence[Radar], plots: Plots) -> list[Detection]:
    """Every plot as a detection that knows its radar's model."""
    looks, begin_ns = looks_of(radars), int(plots.time_ns[0])
    measured = np.column_stack([plots.elevation_rad, plots.azimuth_rad, plots.range_m])
    measured /= np.array([look.sigma for look in looks])[plots.radar]
    return [
        Detection(
            StateVector(row), timestamp=moment(time_ns, begin_ns), measurement_model=looks[radar]
        )
        for row, time_ns, radar in zip(
            measured.tolist(), plots.time_ns.tolist(), plots.radar.tolist(), strict=True
        )
    ]


def scans_of(plots: Plots, detections: Sequence[Detection]) -> list[set[Detection]]:
    """The detections of each look; the plots of a look stand together."""
    begins = np.flatnonzero((np.diff(plots.radar) != 0) | (np.diff(plots.scan) != 0)) + 1
    edges = [0, *begins.tolist(), len(detections)]
    return [set(detections[a:b]) for a, b in itertools.pairwise(edges)]


def track_from(
    state: NDArray[np.float64], covariance: NDArray[np.float64], timestamp: datetime.datetime
) -> Track:
    """A track that begins with `state` (6,) and `covariance` (6, 6), ECEF m and m/s."""
    return Track(
        [GaussianState(StateVector(state), CovarianceMatrix(covariance), timestamp=timestamp)]
    )


def filters() -> tuple[ExtendedKalmanPredictor, ExtendedKalmanUpdater]:
    """Predictor and updater; white acceleration for what J2 leaves out: 2e-4 m/s² for 60 s."""
    return (
        ExtendedKalmanPredictor(Coast(density=2.0 * 2e-4**2 * 60.0)),
        ExtendedKalmanUpdater(measurement_model=None),
    )
