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
from skypact.tracking import Picture, Updates

GAP_S = 10.0
"""A track of a states file without an estimate for longer is not there meanwhile."""
_NS = 1_000_000_000
_MOST_MOMENTS = 1_000_000
_FORETOLD = "confirmed, foretold from the plots up to the moment"


class Score(NamedTuple):
    """How well a picture followed the objects of a truth; `measures.objects` go by their place.

    `source` says what the tracks are at a moment.
    """

    source: str
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
            "definitions": {"tracks": self.source} | definitions(self.cutoffs),
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
        "moments": f"every {cutoffs.step_s:g} s from the first to the last true state",
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
        "siap": "Votruba et al. 2001: completeness C, share of the objects' time with a track; "
        "ambiguity A, tracks to an object that has any, 1 is best; spuriousness S, share of the "
        "tracks' time on no object; mean position and velocity error PA and VA; rate of track "
        "number changes R; longest segment LS, the longest time on one track's number as a share "
        "of the object's",
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
    measures = measure(_samples(picture, fold, _at_moments(truth, radars, cutoffs.step_s)), cutoffs)
    fold.require_same_time(truth)
    told = tuple(fold.rejections), tuple(fold.notes)
    return Score(_FORETOLD, cutoffs, tuple(truth), measures, fold.plots, *told)


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
    measures = measure(
        _samples(picture, _Folded(plots), _at_moments(truth, radars, cutoffs.step_s)), cutoffs
    )
    return Score(_FORETOLD, cutoffs, tuple(truth), measures, len(plots.time_ns), (), ())


def score_states(
    estimates: Updates,
    truth: Sequence[TruePath],
    *,
    radars: Sequence[Radar] = (),
    cutoffs: Cutoffs | None = None,
    gap_s: float = GAP_S,
) -> Score:
    """Score any tracker's estimates, each track's in order of time (`read_states`).

    Between two estimates of a track, `gap_s` apart or less, its velocity and covariance go over
    evenly, and its position with the velocity; it is not there in longer gaps, before its first and
    after its last. Without `radars` nothing is told of objects in sight. Raises SettingsError for a
    cut-off out of range, InputError where the truth flew at another time.
    """
    cutoffs = _checked(cutoffs or Cutoffs())
    if not (math.isfinite(gap_s) and gap_s > 0.0):
        raise SettingsError(f"gap_s = {gap_s:g} is not a positive number")
    first, last = int(estimates.time_ns.min()), int(estimates.time_ns.max())
    _require_same_time("estimates", first, last, truth)
    source = (
        f"of the states file; between estimates {gap_s:g} s apart or less, even velocity change"
    )
    at_moments = _at_moments(truth, radars, cutoffs.step_s)
    measures = measure(_state_samples(estimates, at_moments, gap_s), cutoffs)
    return Score(source, cutoffs, tuple(truth), measures, 0, (), ())


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


class _Truth(NamedTuple):
    """Moments (k,), and at each the states (k, objects, 6), NaN off their paths, and in sight."""

    time_ns: NDArray[np.int64]
    states: NDArray[np.float64]
    in_sight: NDArray[np.bool_]

    def sample(self, k: int, estimates: Sequence["_Estimate"]) -> Sample:
        """What truly was at a moment, and what was estimated."""
        here = np.flatnonzero(np.isfinite(self.states[k, :, 0]))
        return Sample(
            time_ns=int(self.time_ns[k]),
            objects=tuple(here.tolist()),
            true=self.states[k, here],
            in_sight=self.in_sight[k, here],
            tracks=tuple(one.track for one in estimates),
            states=np.array([one.state for one in estimates]).reshape(-1, 6),
            covariances=np.array([one.covariance for one in estimates]).reshape(-1, 6, 6),
        )


class _Estimate(NamedTuple):
    """A track's state (6,) and covariance (6, 6) at a moment."""

    track: int
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


def _at_moments(truth: Sequence[TruePath], radars: Sequence[Radar], step_s: float) -> _Truth:
    """The truth at the multiples of the step, UTC, from the first true state to the last."""
    if not truth:
        raise InputError("truth", "holds no object", "give the truth.csv of these plots")
    step_ns = round(step_s * 1e9)
    first = -(-min(int(path.time_ns[0]) for path in truth) // step_ns)
    last = max(int(path.time_ns[-1]) for path in truth) // step_ns
    if not 0 <= last - first < _MOST_MOMENTS:
        raise SettingsError(
            f"step_s = {step_s:g} makes {max(0, last - first + 1):,} moments of this truth; "
            f"1 to {_MOST_MOMENTS:,} can be scored"
        )
    times = np.arange(first, last + 1) * step_ns
    states = np.stack([path.state_at(times) for path in truth], axis=1)
    return _Truth(times, states, _in_sight(radars, states))


def _in_sight(radars: Sequence[Radar], states: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(moments, objects): whether the limits of any radar let it see the object."""
    exists = np.isfinite(states[..., 0])
    seen = np.zeros(exists.shape, bool)
    own = np.zeros(int(exists.sum()), bool)
    for radar in radars:
        own |= visible_from(radar, states[exists])[1]
    seen[exists] = own
    return seen


def _samples(picture: Picture, fold: "_Folded", truth: _Truth) -> Iterator[Sample]:
    """Truth and tracks at each moment, while the picture is folded up to it."""
    for k, time_ns in enumerate(truth.time_ns.tolist()):
        for plots in fold.up_to(time_ns):
            picture.observe(plots, more_to_come=True)
        tracks = picture.advanced(time_ns).tracks()
        living = [track for track in tracks if track.status is TrackStatus.CONFIRMED]
        yield truth.sample(k, [_Estimate(t.id, t.state, t.covariance) for t in living])
    for _ in fold.up_to(None):  # read, and what is wrong with it told; no truth stands beside it
        pass


def _state_samples(estimates: Updates, truth: _Truth, gap_s: float) -> Iterator[Sample]:
    """Truth and the estimates of all tracks at each moment."""
    at: list[list[_Estimate]] = [[] for _ in truth.time_ns]
    numbers, begins = np.unique(estimates.track, return_index=True)
    ends = [*begins[1:], len(estimates.track)]
    for number, begin, end in zip(numbers.tolist(), begins, ends, strict=True):
        own = Updates._make(column[begin:end] for column in estimates)
        for k, state, covariance in _between(own, truth.time_ns, gap_s):
            at[k].append(_Estimate(number, state, covariance))
    for k, here in enumerate(at):
        yield truth.sample(k, here)


def _between(
    own: Updates, times: NDArray[np.int64], gap_s: float
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """One track at those moments at which it is there: number of the moment, state, covariance."""
    last_of_time = np.append(np.diff(own.time_ns) > 0, True)
    own = Updates._make(column[last_of_time] for column in own)
    within = np.flatnonzero((times >= own.time_ns[0]) & (times <= own.time_ns[-1]))
    right = np.searchsorted(own.time_ns, times[within])
    left = np.where(own.time_ns[right] == times[within], right, right - 1)
    near = own.time_ns[right] - own.time_ns[left] <= round(gap_s * 1e9)
    within, left, right = within[near], left[near], right[near]
    apart_ns = own.time_ns[right] - own.time_ns[left]
    share = ((times[within] - own.time_ns[left]) / np.maximum(apart_ns, 1))[:, None]
    # Not the slope of a curve through the positions: what plots a tenth of a second apart move them
    # by is no speed. Velocity goes over evenly, and position with it.
    before, after = own.state[left], own.state[right]
    state = (1.0 - share) * before + share * after
    bow_s = 0.5e-9 * apart_ns[:, None] * share * (1.0 - share)
    state[:, :3] -= bow_s * (after[:, 3:] - before[:, 3:])
    upper = (1.0 - share) * own.covariance[left] + share * own.covariance[right]
    rows, columns = np.triu_indices(6)
    whole = np.empty((len(within), 6, 6))
    whole[:, rows, columns] = whole[:, columns, rows] = upper
    yield from zip(within.tolist(), state, whole, strict=True)


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
        if self._first_ns is None:
            raise EmptyInputError("plots", "there is none", "give a file with plots")
        _require_same_time("plots", self._first_ns, self._last_ns, truth)


def _require_same_time(what: str, first_ns: int, last_ns: int, truth: Sequence[TruePath]) -> None:
    """Raise InputError where nothing is from the time of the truth."""
    begin = min(int(path.time_ns[0]) for path in truth)
    end = max(int(path.time_ns[-1]) for path in truth)
    if first_ns > end or last_ns < begin:
        raise InputError(
            "truth",
            f"its objects flew from {iso_utc(begin, 0)} to {iso_utc(end, 0)}, and the {what} "
            f"are from {iso_utc(first_ns, 0)} to {iso_utc(last_ns, 0)}",
            f"give the truth.csv that belongs to these {what}",
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
