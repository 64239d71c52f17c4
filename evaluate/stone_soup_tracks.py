"""Stone Soup's GNN and JPDA over scans with false plots, with tracks that are given."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.dataassociator.probability import JPDA
from stonesoup.functions import gm_reduce_single
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.hypothesiser.probability import PDAHypothesiser
from stonesoup.measures import Mahalanobis
from stonesoup.types.array import StateVectors
from stonesoup.types.detection import Detection
from stonesoup.types.track import Track
from stonesoup.types.update import GaussianStateUpdate

from evaluate.pairs import Estimate, Start
from evaluate.stone_soup import Look, detections_of, filters, moment, scans_of, track_from
from skypact.model import Plots, Radar

GATE_PROBABILITY = 0.999
GATE_SIGMA = 4.0
"""The same gate as a distance: χ² of three degrees of freedom is below 16 with 0.9989."""
FAR_SIGMA = 60.0
"""Plots farther from every track, in their own errors, are not shown to it: they cost time only."""


def stone_soup_estimates(
    name: str,
    radars: Sequence[Radar],
    plots: Plots,
    start: Start,
    density_m3: float,
    end_ns: int,
) -> Iterator[Estimate]:
    """Estimates of all tracks each second from `start` to `end_ns`.

    `name`: GNN or JPDA. `density_m3`: false plots of a scan per cubic metre.
    """
    rest = plots.at(np.flatnonzero(plots.time_ns > start.time_ns))
    run = _Run(name, radars, rest, density_m3)
    tracks = [
        track_from(state, covariance, moment(start.time_ns, run.begin_ns))
        for state, covariance in zip(start.states, start.covariances, strict=True)
    ]
    scans = iter(run.scans)
    scan = next(scans, None)
    for time_ns in range(start.time_ns, end_ns + 1, 1_000_000_000):
        now = moment(time_ns, run.begin_ns)
        while scan is not None and next(iter(scan)).timestamp <= now:
            run.take(tracks, scan)
            scan = next(scans, None)
        for number, track in enumerate(tracks):
            here = run.predictor.predict(track[-1], timestamp=now)
            state = np.asarray(here.state_vector, float)[:, 0]
            yield Estimate(number, time_ns, state, np.asarray(here.covar, float))


class _Run:
    """One associator with all that it needs."""

    def __init__(self, name: str, radars: Sequence[Radar], plots: Plots, density_m3: float) -> None:
        self.predictor, self.updater = filters()
        self.begin_ns = int(plots.time_ns[0])
        self.scans = scans_of(plots, detections_of(radars, plots))
        self._density_m3 = density_m3
        self._probable: PDAHypothesiser | None = None
        if name == "GNN":
            near = DistanceHypothesiser(self.predictor, self.updater, Mahalanobis(), GATE_SIGMA)
            self._associator: Any = GNNWith2DAssignment(near)
        else:
            self._probable = PDAHypothesiser(
                self.predictor,
                self.updater,
                clutter_spatial_density=1.0,  # told scan by scan
                prob_detect=radars[0].detection_probability,
                prob_gate=GATE_PROBABILITY,
            )
            self._associator = JPDA(self._probable)

    def take(self, tracks: list[Track], scan: set[Detection]) -> None:
        """One scan: associate, and update every track."""
        one = next(iter(scan))
        look, timestamp = one.measurement_model, one.timestamp
        foretold = np.array(
            [
                look.function(self.predictor.predict(track, timestamp=timestamp))[:, 0]
                for track in tracks
            ],
            float,
        )
        near = {plot for plot in scan if self._is_near(plot, foretold)}
        if self._probable is not None:
            self._probable.clutter_spatial_density = self._density(look, foretold.mean(axis=0))
        found = self._associator.associate(set(tracks), near, timestamp)
        for track in tracks:
            track.append(self._updated(found[track]))

    def _is_near(self, plot: Detection, foretold: NDArray[np.float64]) -> bool:
        apart = foretold - np.asarray(plot.state_vector, float)[:, 0]
        return bool((np.linalg.norm(apart, axis=1) < FAR_SIGMA).any())

    def _density(self, look: Look, at: NDArray[np.float64]) -> float:
        """False plots in the look's own units: a volume of r² cos(elevation) a radian each way."""
        elevation, _, range_m = at * look.sigma
        volume_m3 = range_m**2 * np.cos(elevation) * np.prod(look.sigma)
        return float(self._density_m3 * volume_m3)

    def _updated(self, found: Any) -> Any:
        """What follows from the plot that a track took, or from all that it may have taken."""
        if self._probable is None:
            return self.updater.update(found) if found else found.prediction
        states = [self.updater.update(h) if h else h.prediction for h in found]
        mean, covariance = gm_reduce_single(
            StateVectors([state.state_vector for state in states]),
            np.stack([state.covar for state in states], axis=2),
            np.array([float(h.probability) for h in found]),
        )
        timestamp = found[0].prediction.timestamp
        return GaussianStateUpdate(mean, covariance, found, timestamp)
