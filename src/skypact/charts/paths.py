"""Where each track went."""

import numpy as np
from numpy.typing import NDArray

from skypact.flight.paths import Path, path_of
from skypact.tracking import Updates

_STEP_NS = 250_000_000
_MOST_POINTS = 2000


class GroundPaths:
    """Where each track went, thinned as it grows: at most 2,000 points of each are kept."""

    def __init__(self) -> None:
        self._points: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
        self._step_ns: dict[int, int] = {}

    def take(self, updates: Updates) -> None:
        """Add the estimates of a batch."""
        for track in np.unique(updates.track):
            number = int(track)
            own = np.flatnonzero(updates.track == track)
            points = self._points.setdefault(number, [])
            step_ns = self._step_ns.setdefault(number, _STEP_NS)
            slot = updates.time_ns[own] // step_ns
            last = points[-1][0] // step_ns if points else -1
            for i in own[np.diff(slot, prepend=last) != 0]:
                points.append((int(updates.time_ns[i]), updates.state[i].copy()))
            if len(points) > _MOST_POINTS:
                self._points[number] = points[::2]
                self._step_ns[number] = 2 * step_ns

    def of(self, track: int) -> Path:
        """The path of a track."""
        return path_of(self._points.get(track, []))
