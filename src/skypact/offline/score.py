"""A picture against the truth: what `skypact score` measures and writes.

The picture is folded as `skypact track` folds it. At each moment a copy of it is grown older to
that moment and asked for its tracks: the estimates that would have been on screen then, and a fold
that does not know that it was asked.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import EmptyInputError, InputError, SettingsError
from skypact.model import Plots, Radar, Rejection, TrackStatus
from skypact.offline.flight_json import rejections_as_json
from skypact.offline.metrics import Cutoffs, Measures, ObjectScore, Sample, measure
from skypact.offline.text import iso_utc
from skypact.offline.true_paths import TruePath
from skypact.sensing import PlotBatch, stream_plots
from skypact.sensing.radar_model import visible_from
from skypact.settings import Settings
from skypact.tracking import Picture

_NS = 1_000_000_000
_MOST_MOMENTS = 1_000_000


class Score(NamedTuple):
    """How well a picture followed the objects of a truth; `measures.objects` go by their place."""

    cutoffs: Cutoffs
    paths: tuple[TruePath, ...]
    measures: Measures
    plots: int
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact score --json`."""
        m, over = self.measures, self.measures.over_time
        return {
            "cutoffs": self.cutoffs._asdict(),
            "definitions": definitions(self.cutoffs),
            "begin": iso_utc(int(over.time_ns[0])),
            "end": iso_utc(int(over.time_ns[-1])),
            "duration_s": m.duration_s,
            "plots": self.plots,
            "tracks": m.tracks,
            "share_of_object_time_with_a_track": _number(m.siap.completeness),
            "share_of_time_in_sight_with_a_track": _number(m.completeness_in_sight),
            "false_tracks": m.false_tracks,
            "false_tracks_per_minute": _number(m.false_tracks_per_minute),
            "track_changes_per_object": _number(m.changes_per_object),
            "nees_over_6": _number(m.nees_over_6),
            "nees_within_95": _number(m.nees_within_95),
            "siap": {name: _number(value) for name, value in m.siap._asdict().items()},
            "ospa_m": _number(m.ospa_m),
            "gospa_m": _number(m.gospa_m),
            "gospa_parts_m": {
                "localisation": _number(m.localisation_m),
                "missed": _number(m.missed_m),
                "false": _number(m.false_m),
            },
            "objects": [
                _object_as_json(path, m.objects[number])
                for number, path in enumerate(self.paths)
                if number in m.objects
            ],
            "over_time": {
                "time": [iso_utc(int(time_ns)) for time_ns in over.time_ns],
                "objects": over.objects.tolist(),
                "tracks": over.tracks.tolist(),
                "objects_with_a_track": over.followed.tolist(),
                "tracks_on_no_object": over.spurious.tolist(),
                "ospa_m": [_number(value) for value in over.ospa_m],
                "gospa_m": [
                    _number(value)
                    for value in over.gospa.sum(axis=1) ** (1.0 / self.cutoffs.ospa_p)
                ],
            },
            "rejected": rejections_as_json(self.rejections),
            "notes": list(self.notes),
        }


def definitions(cutoffs: Cutoffs) -> dict[str, str]:
    """What each figure means, with the cut-offs that it rests on."""
    c, cutoff = f"{cutoffs.ospa_c_m:g} m", f"{cutoffs.cutoff_m:g} m"
    return {
        "moments": f"every {cutoffs.step_s:g} s from the first to the last true state; confirmed "
        "tracks, foretold from the plots up to the moment",
        "track on an object": "all at once, each track to one object, least sum of squared "
        f"distances, none beyond {cutoff}; that of an object and the track that followed it last "
        f"counts {cutoffs.hold:g} times; what is left over is on the nearest within {cutoff}",
        "in_sight": "within range and above the least elevation of any radar, whether or not a "
        "look came or detected it",
        "false_tracks": "on no object for more than half of their moments",
        "track_changes": "another track follows the object than last did",
        "fewest_tracks": "the least number that covers the time with any track on it",
        "nees_over_6": "of the tracks that follow objects, position and velocity; 1 is honest; "
        "nees_within_95: share below the 95 % of chi-squared, 0.95 is honest",
        "siap": "Votruba et al. 2001: completeness C, ambiguity A, spuriousness S, mean position "
        "and velocity error PA and VA, rate of track number changes R, longest segment LS",
        "ospa_m": f"positions; c = {c}, p = {cutoffs.ospa_p:g}; mean of order p over the moments "
        "with an object or a track",
        "gospa_m": f"positions; c = {c}, p = {cutoffs.ospa_p:g}, alpha = 2; the same mean, so that "
        "the parts' p-th powers add up to its own",
    }


def score_files(
    plots: str | PathLike[str] | Iterable[str | PathLike[str]],
    radars: Sequence[Radar],
    truth: Sequence[TruePath],
    *,
    settings: Settings | None = None,
    cutoffs: Cutoffs | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Score:
    """Fold plot files into a picture within bounded memory, and score it against the truth.

    `on_progress` gets the bytes read and their total. Raises as `stream_plots` does, InputError
    where the truth flew at another time than the plots, SettingsError for a cut-off out of range.
    """
    cutoffs, settings = _checked(cutoffs or Cutoffs()), settings or Settings()
    fold = _FoldedFiles(stream_plots(plots, radars), on_progress)
    picture = Picture(radars, settings.tracking)
    measures = measure(_samples(picture, fold, truth, cutoffs), cutoffs)
    fold.require_same_time(truth)
    return Score(
        cutoffs, tuple(truth), measures, fold.plots, tuple(fold.rejections), tuple(fold.notes)
    )


def score_plots(
    plots: Plots,
    radars: Sequence[Radar],
    truth: Sequence[TruePath],
    *,
    settings: Settings | None = None,
    cutoffs: Cutoffs | None = None,
) -> Score:
    """The same from plots in memory, in the order of the fold."""
    cutoffs, settings = _checked(cutoffs or Cutoffs()), settings or Settings()
    picture = Picture(radars, settings.tracking)
    measures = measure(_samples(picture, _Folded(plots), truth, cutoffs), cutoffs)
    return Score(cutoffs, tuple(truth), measures, len(plots.time_ns), (), ())


def _checked(cutoffs: Cutoffs) -> Cutoffs:
    """Raise SettingsError for a cut-off out of its range."""
    for name, value in cutoffs._asdict().items():
        if not (math.isfinite(value) and value > 0.0):
            raise SettingsError(f"{name} = {value:g} is not a positive number")
    if cutoffs.ospa_p < 1.0:
        raise SettingsError(f"ospa_p = {cutoffs.ospa_p:g} is below 1, where OSPA is no metric")
    if cutoffs.hold > 1.0:
        raise SettingsError(f"hold = {cutoffs.hold:g} is above 1: it would drive pairs apart")
    if cutoffs.step_s < 1e-3:
        raise SettingsError(f"step_s = {cutoffs.step_s:g} is below a millisecond")
    return cutoffs


def _moments(truth: Sequence[TruePath], step_s: float) -> NDArray[np.int64]:
    """Multiples of the step, UTC since 1970, from the first true state to the last."""
    step_ns = round(step_s * 1e9)
    first = -(-min(int(path.time_ns[0]) for path in truth) // step_ns)
    last = max(int(path.time_ns[-1]) for path in truth) // step_ns
    if not 0 <= last - first < _MOST_MOMENTS:
        raise SettingsError(
            f"step_s = {step_s:g} makes {max(0, last - first + 1):,} moments of this truth; "
            f"1 to {_MOST_MOMENTS:,} can be scored"
        )
    return np.arange(first, last + 1) * step_ns


def _samples(
    picture: Picture, fold: "_Folded", truth: Sequence[TruePath], cutoffs: Cutoffs
) -> Iterator[Sample]:
    """Truth and tracks at each moment, while the picture is folded up to it."""
    times = _moments(truth, cutoffs.step_s)
    states = np.stack([path.state_at(times) for path in truth], axis=1)
    in_sight = _in_sight(picture.radars, states)
    for k, time_ns in enumerate(times):
        for plots in fold.up_to(int(time_ns)):
            picture.observe(plots, more_to_come=True)
        tracks = [
            track
            for track in picture.advanced(int(time_ns)).tracks()
            if track.status is TrackStatus.CONFIRMED
        ]
        here = np.flatnonzero(np.isfinite(states[k, :, 0]))
        yield Sample(
            time_ns=int(time_ns),
            objects=tuple(here.tolist()),
            true=states[k, here],
            in_sight=in_sight[k, here],
            tracks=tuple(track.id for track in tracks),
            states=np.array([track.state for track in tracks]).reshape(-1, 6),
            covariances=np.array([track.covariance for track in tracks]).reshape(-1, 6, 6),
        )
    for _ in fold.up_to(None):  # read, and what is wrong with it told; no truth stands beside it
        pass


def _in_sight(radars: Sequence[Radar], states: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(moments, objects): whether the limits of any radar let it see the object."""
    exists = np.isfinite(states[..., 0])
    seen = np.zeros(exists.shape, bool)
    own = np.zeros(int(exists.sum()), bool)
    for radar in radars:
        own |= visible_from(radar, states[exists])[1]
    seen[exists] = own
    return seen


class _Folded:
    """Plots that are handed out up to one moment after the other."""

    def __init__(self, plots: Plots) -> None:
        self.plots = len(plots.time_ns)
        self._rest: Plots | None = plots

    def up_to(self, time_ns: int | None) -> Iterator[Plots]:
        """The plots up to a time (None: all) that were not handed out before."""
        while self._rest is not None:
            end = len(self._rest.time_ns)
            if time_ns is not None:
                end = int(np.searchsorted(self._rest.time_ns, time_ns, side="right"))
            if end:
                yield Plots._make(column[:end] for column in self._rest)
            if end < len(self._rest.time_ns):
                self._rest = Plots._make(column[end:] for column in self._rest)
                return
            self._rest = self._next()

    def _next(self) -> Plots | None:
        """The next plots, None at the end."""
        return None


class _FoldedFiles(_Folded):
    """Plots that are read as they are needed."""

    def __init__(
        self, batches: Iterator[PlotBatch], on_progress: Callable[[int, int], None] | None
    ) -> None:
        self._batches, self._on_progress = batches, on_progress
        self.rejections: list[Rejection] = []
        self.notes: list[str] = []
        self._first_ns: int | None = None
        self._last_ns = 0
        self.plots = 0
        self._rest = self._next()

    def _next(self) -> Plots | None:
        batch = next(self._batches, None)
        if batch is None:
            return None
        self.rejections += batch.rejections
        self.notes += batch.notes
        time_ns = batch.plots.time_ns
        self.plots += len(time_ns)
        if len(time_ns):
            self._first_ns = int(time_ns[0]) if self._first_ns is None else self._first_ns
            self._last_ns = int(time_ns[-1])
        if self._on_progress:
            self._on_progress(batch.bytes_read, batch.bytes_total)
        return batch.plots

    def require_same_time(self, truth: Sequence[TruePath]) -> None:
        """Raise InputError where no plot is from the time of the truth."""
        begin = min(int(path.time_ns[0]) for path in truth)
        end = max(int(path.time_ns[-1]) for path in truth)
        if self._first_ns is None:
            raise EmptyInputError("plots", "there is none", "give a file with plots")
        if self._first_ns > end or self._last_ns < begin:
            raise InputError(
                "truth",
                f"its objects flew from {iso_utc(begin, 0)} to {iso_utc(end, 0)}, and the plots "
                f"are from {iso_utc(self._first_ns, 0)} to {iso_utc(self._last_ns, 0)}",
                "give the truth.csv that was written with these plots",
            )


def _object_as_json(path: TruePath, one: ObjectScore) -> dict[str, Any]:
    first = one.first_followed_ns
    return {
        "id": path.id,
        "exists_s": one.exists_s,
        "in_sight_s": one.in_sight_s,
        "share_with_a_track": _number(one.followed_s / one.exists_s),
        "share_in_sight_with_a_track": _number(
            one.followed_in_sight_s / one.in_sight_s if one.in_sight_s else math.nan
        ),
        "first_track": None if first is None else iso_utc(first),
        "first_track_after_s": None
        if first is None
        else round((first - int(path.time_ns[0])) / _NS, 3),
        "track_changes": one.changes,
        "fewest_tracks": one.fewest_tracks,
        "longest_segment_s": one.longest_s,
        "position_rmse_m": _number(one.position_rmse_m),
        "velocity_rmse_m_s": _number(one.velocity_rmse_m_s),
        "nees_over_6": _number(one.nees_over_6),
        "nees_within_95": _number(one.nees_within_95),
    }


def _number(value: float) -> float | None:
    """Six digits that count; null where there is nothing to tell."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
