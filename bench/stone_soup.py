"""Stone Soup's extended Kalman filter on the same plots, as favourably as it can be set up.

Analytic Jacobians (its numerical ones step the wrong way for negative components and lose this
flight), scalar mathematics in plain Python, plain floats instead of its angle classes, no data
association, models and detections made beforehand. ECEF with J2, one Runge-Kutta step a plot.
"""

import datetime
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
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.prediction import GaussianMeasurementPrediction  # noqa: F401  (loaded first)
from stonesoup.types.state import GaussianState
from stonesoup.updater.kalman import ExtendedKalmanUpdater

from skypact.kernels.filter import AXES, SITE
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar

GM, RADIUS, J2, SPIN = 3.986004415e14, 6378136.3, 1.0826355e-3, 7.292115e-5


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
    """Elevation, azimuth from north and range from a site, with their Jacobian."""

    place: Any = Property(doc="Site, ECEF m (3,).")
    axes: Any = Property(doc="East, north, up as rows (3, 3).")

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

    def function(self, state: Any, noise: Any = False, **kwargs: Any) -> StateVector:
        """What an ideal radar would read; all azimuths here are far from north."""
        east, north, up = self._local(state)
        flat = math.hypot(east, north)
        azimuth = math.atan2(east, north) % (2.0 * math.pi)
        return StateVector([math.atan2(up, flat), azimuth, math.hypot(flat, up)])

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
        out[:, :3] = local @ self.axes
        return out

    def rvs(self, *args: Any, **kwargs: Any) -> Any:
        """Not needed."""
        raise NotImplementedError


class Prepared:
    """Models and detections, made before the clock starts."""

    def __init__(self, radars: Sequence[Radar], plots: Plots, density: float) -> None:
        rows, _ = radar_array(radars)
        looks = [
            Look(
                ndim_state=6,
                mapping=(0, 1, 2),
                noise_covar=CovarianceMatrix(
                    np.diag(
                        [
                            radar.elevation_sigma_rad**2,
                            radar.azimuth_sigma_rad**2,
                            radar.range_sigma_m**2,
                        ]
                    )
                ),
                place=row[SITE : SITE + 3].copy(),
                axes=row[AXES : AXES + 9].reshape(3, 3).copy(),
            )
            for radar, row in zip(radars, rows, strict=True)
        ]
        epoch = datetime.datetime(2024, 1, 1)
        begin = int(plots.time_ns[0])
        self.detections = [
            Detection(
                StateVector([e, a, r]),
                timestamp=epoch + datetime.timedelta(microseconds=(int(t) - begin) / 1e3),
                measurement_model=looks[k],
            )
            for e, a, r, t, k in zip(
                plots.elevation_rad.tolist(),
                plots.azimuth_rad.tolist(),
                plots.range_m.tolist(),
                plots.time_ns,
                plots.radar.tolist(),
                strict=True,
            )
        ]
        self.predictor = ExtendedKalmanPredictor(Coast(density=density))
        self.updater = ExtendedKalmanUpdater(measurement_model=None)

    def run(self, x: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter all detections from `x` (6,), `p` (6, 6) at the first one's time: (k, 6)."""
        track: Any = GaussianState(
            StateVector(x), CovarianceMatrix(p), timestamp=self.detections[0].timestamp
        )
        out = []
        for detection in self.detections:
            prediction = self.predictor.predict(track, timestamp=detection.timestamp)
            track = self.updater.update(SingleHypothesis(prediction, detection))
            out.append(track.state_vector)
        return np.array([np.asarray(v, float)[:, 0] for v in out])
