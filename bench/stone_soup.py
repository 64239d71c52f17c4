"""What Stone Soup takes for the same plots: one object, and many with its tree of detections."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from stonesoup.dataassociator.tree import DetectionKDTreeGNN2D, DetectionKDTreeNN
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.measures import Mahalanobis
from stonesoup.types.detection import Detection
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.track import Track

from evaluate.stone_soup import detections_of, filters, scans_of, track_from
from skypact.model import Plots, Radar

ASSOCIATORS = {"KD-tree GNN": DetectionKDTreeGNN2D, "KD-tree nearest neighbour": DetectionKDTreeNN}
GATE_SIGMA = 5.0
"""A track's plot is no farther than this from where it is foretold, in errors of both."""
REACH_SIGMA = 8.0
"""How far a track asks the tree for plots, in errors of a plot."""


class Prepared:
    """One object's detections, made before the clock starts."""

    def __init__(self, radars: Sequence[Radar], plots: Plots) -> None:
        self.detections = detections_of(radars, plots)
        self.predictor, self.updater = filters()

    def run(self, x: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter all detections from `x` (6,), `p` (6, 6) at the first one's time: (k, 6)."""
        track = track_from(x, p, self.detections[0].timestamp)[-1]
        out = []
        for detection in self.detections:
            prediction = self.predictor.predict(track, timestamp=detection.timestamp)
            track = self.updater.update(SingleHypothesis(prediction, detection))
            out.append(track.state_vector)
        return np.array([np.asarray(v, float)[:, 0] for v in out])


class PreparedCrowd:
    """Many objects' detections scan by scan, and a track of each, made before the clock starts.

    `states` (m, 6) at the first plot's time, ECEF m and m/s, known to 10 m and 1 m/s; `owner` (n,):
    whose plot each is, by which `kept` is told.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        plots: Plots,
        owner: NDArray[np.int64],
        states: NDArray[np.float64],
        associator: str,
    ) -> None:
        detections = detections_of(radars, plots)
        self._owner = {id(one): int(own) for one, own in zip(detections, owner, strict=True)}
        self._scans = scans_of(plots, detections)
        covariance = np.diag([10.0**2] * 3 + [1.0] * 3)
        self._tracks = [track_from(state, covariance, detections[0].timestamp) for state in states]
        predictor, self._updater = filters()
        self._associator = ASSOCIATORS[associator](
            DistanceHypothesiser(predictor, self._updater, Mahalanobis(), GATE_SIGMA),
            predictor,
            self._updater,
            max_distance=REACH_SIGMA,
        )
        self._taken: list[tuple[Track, Detection]] = []

    def run(self) -> None:
        """Associate and update, scan by scan."""
        tracks = set(self._tracks)
        for detections in self._scans:
            timestamp = next(iter(detections)).timestamp
            found = self._associator.associate(tracks, detections, timestamp)
            for track, hypothesis in found.items():
                if hypothesis:
                    track.append(self._updater.update(hypothesis))
                    self._taken.append((track, hypothesis.measurement))
                else:
                    track.append(hypothesis.prediction)

    def kept(self) -> float:
        """Share of the objects' plots that their own tracks took."""
        number = {id(track): n for n, track in enumerate(self._tracks)}
        own = sum(number[id(track)] == self._owner[id(one)] for track, one in self._taken)
        return own / sum(owner >= 0 for owner in self._owner.values())
