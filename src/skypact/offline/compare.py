"""Each nation alone beside all together: who sees how much of a flight, and how well.

Every picture is folded apart from the same plots: one per nation from its own radars, and one from
all. The flights of the picture of all are the reference; a nation's track belongs to the one whose
states it follows most closely at the times they have in common.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight import assess
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Flight, Plots, Radar, Rejection
from skypact.offline.flight_json import impact_as_json, launch_as_json, rejections_as_json
from skypact.offline.text import iso_utc
from skypact.offline.truth import TrueFlight, match_truth
from skypact.sensing import read_plots
from skypact.settings import Settings
from skypact.tracking import Picture, Updates

TOGETHER = "together"
SEEN_WITHIN_S = 5.0
"""A flight counts as seen for so long after each plot of it."""
MOMENTS = 60
"""How often, evenly over the time of the plots, every picture is asked for its flights."""
_NOT_THE_SAME_M = 100e3
_PATH_POINTS = 600
_NS = 1e-9

Intervals = tuple[tuple[int, int], ...]
"""Stretches of time, UTC ns since 1970, apart and in order."""


class Moment(NamedTuple):
    """What one picture says of one flight at one time; None where it knows nothing of it yet.

    Errors in m against the truth, where it is given. `is_seen`: had a plot within SEEN_WITHIN_S.
    """

    time_ns: int
    is_seen: bool
    flight: Flight | None
    launch_error_m: float | None
    impact_error_m: float | None


class View(NamedTuple):
    """One picture's view of one flight.

    `name` is a nation or `together`. `share` of the flight seen: the part of the time from the
    first to the last plot of all together in which this picture had a plot within SEEN_WITHIN_S.
    `first_track_ns`: when the picture first had a confirmed track of it; None if never.
    """

    name: str
    radars: tuple[str, ...]
    plots: int
    share: float
    seen: Intervals
    first_track_ns: int | None
    moments: tuple[Moment, ...]

    def at(self, time_ns: int) -> Moment:
        """The latest moment up to a time, or the first."""
        earlier = [moment for moment in self.moments if moment.time_ns <= time_ns]
        return earlier[-1] if earlier else self.moments[0]


class ComparedFlight(NamedTuple):
    """One flight in the eyes of every nation alone, in order of name, and of all together, last.

    `path` (k, 4): UTC s since the first plot, latitude rad, longitude rad, height m, as estimated
    by all together. `seen_by_radar`: when each radar had plots of it.
    """

    id: int
    first_plot_ns: int
    last_plot_ns: int
    views: tuple[View, ...]
    path: NDArray[np.float64]
    seen_by_radar: Mapping[str, Intervals]
    truth: TrueFlight | None

    @property
    def together(self) -> View:
        """The view of all together."""
        return self.views[-1]


class Comparison(NamedTuple):
    """Each nation alone beside all together; the flight with the most plots comes first."""

    radars: tuple[Radar, ...]
    nations: tuple[str, ...]
    flights: tuple[ComparedFlight, ...]
    plots: int
    rejections: tuple[Rejection, ...]

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact compare --json`."""
        return {
            "nations": list(self.nations),
            "definitions": {
                "share_of_flight_seen": "part of the time from the first to the last plot of all "
                f"together with a plot of this picture in the last {SEEN_WITHIN_S:g} s",
                "first_track_after_s": "confirmed track, seconds after the first plot of all",
                "error_km": "distance from the truth, where it is given",
            },
            "flights": [_flight_as_json(flight) for flight in self.flights],
            "plots": self.plots,
            "rejected": rejections_as_json(self.rejections),
        }


def compare_nations(
    plots: str | PathLike[str] | Iterable[str | PathLike[str]],
    radars: Sequence[Radar],
    *,
    settings: Settings | None = None,
    truth: Sequence[TrueFlight] = (),
    moments: int = MOMENTS,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Fold plot files into a picture per nation and one of all, and compare them.

    The plots are held in memory. `on_progress` gets the picture's name, the moments done and their
    number. Raises as `read_plots` does.
    """
    settings = settings or Settings()
    columns, rejections = read_plots(plots, radars)
    nations = tuple(sorted({radar.nation for radar in radars}))
    times = np.linspace(columns.time_ns[0], columns.time_ns[-1], moments + 1).astype(np.int64)[1:]
    histories = {}
    for name in (*nations, TOGETHER):
        members = [i for i, r in enumerate(radars) if name in (TOGETHER, r.nation)]
        own, table = _own_plots(columns, members), [radars[i] for i in members]

        def report(done: int, name: str = name) -> None:
            if on_progress:
                on_progress(name, done, len(times))

        histories[name] = _history(name, own, table, times, settings, report)
    compared = _compared(histories, columns, radars, truth)
    return Comparison(tuple(radars), nations, compared, len(columns.time_ns), rejections)


class _Track(NamedTuple):
    """What one picture held of one track: its estimates after each plot, and all its plots."""

    id: int
    time_ns: NDArray[np.int64]
    state: NDArray[np.float64]
    plot_ns: NDArray[np.int64]
    plots: int


class _History(NamedTuple):
    """One picture over time: its tracks in the end, and its flights at each moment by id."""

    name: str
    times: NDArray[np.int64]
    tracks: tuple[_Track, ...]
    flights: tuple[dict[int, Flight], ...]


def _own_plots(plots: Plots, members: Sequence[int]) -> Plots:
    """The plots of some radars, numbered anew by their place in `members`."""
    number = np.full(max(members) + 1 if members else 1, -1, np.int32)
    number[list(members)] = np.arange(len(members), dtype=np.int32)
    known = plots.radar < len(number)
    known[known] = number[plots.radar[known]] >= 0
    own = Plots._make(column[known] for column in plots)
    return own._replace(radar=number[own.radar])


def _history(
    name: str,
    plots: Plots,
    radars: Sequence[Radar],
    times: NDArray[np.int64],
    settings: Settings,
    report: Callable[[int], None],
) -> _History:
    """Fold plots up to each moment and ask for the flights then."""
    picture = Picture(radars, settings.tracking)
    updates: list[Updates] = []
    known: dict[int, tuple[int, Flight]] = {}
    flights = []
    ends = np.searchsorted(plots.time_ns, times, side="right")
    for number, (begin, end) in enumerate(zip(np.append(0, ends[:-1]), ends, strict=True)):
        part = Plots._make(column[begin:end] for column in plots)
        picture.observe(part, more_to_come=end < ends[-1], on_updates=updates.append)
        for track in picture.tracks():
            if known.get(track.id, (0, None))[0] != track.plots:
                known[track.id] = (track.plots, assess(track, radars, settings.flight))
        flights.append({track_id: flight for track_id, (_, flight) in known.items()})
        report(number + 1)
    return _History(name, times, _tracks(picture, updates), tuple(flights))


def _tracks(picture: Picture, updates: Sequence[Updates]) -> tuple[_Track, ...]:
    """Each track of a picture with all its estimates, and the times of its plots."""
    if not updates:
        return ()
    number = np.concatenate([u.track for u in updates])
    time_ns = np.concatenate([u.time_ns for u in updates])
    state = np.concatenate([u.state for u in updates])
    tracks = []
    for track in picture.tracks():
        own = number == track.id
        first = track.first_plot_ns + np.rint(track.first_plots[:, 0] * 1e9).astype(np.int64)
        before = first[first < time_ns[own].min(initial=track.last_plot_ns)]
        plot_ns = np.concatenate((before, time_ns[own]))
        tracks.append(_Track(track.id, time_ns[own], state[own], plot_ns, track.plots))
    return tuple(tracks)


def _compared(
    histories: Mapping[str, _History],
    plots: Plots,
    radars: Sequence[Radar],
    truth: Sequence[TrueFlight],
) -> tuple[ComparedFlight, ...]:
    """The flights of the picture of all, most plots first, as every picture sees them."""
    together = histories[TOGETHER]
    references = sorted(together.tracks, key=lambda track: (-track.plots, track.id))
    last = [together.flights[-1].get(reference.id) for reference in references]
    truths = match_truth(last, truth)
    belongs = {
        name: {track.id: _nearest(track, references) for track in history.tracks}
        for name, history in histories.items()
        if name != TOGETHER
    }
    belongs[TOGETHER] = {reference.id: reference.id for reference in references}
    return tuple(
        _one_flight(reference, true, histories, belongs, plots, radars)
        for reference, true in zip(references, truths, strict=True)
    )


def _nearest(track: _Track, references: Sequence[_Track]) -> int | None:
    """The reference that a track follows most closely where they share the times of plots."""
    best, best_m = None, _NOT_THE_SAME_M
    for reference in references:
        _, own, other = np.intersect1d(track.time_ns, reference.time_ns, return_indices=True)
        if len(own):
            apart = np.linalg.norm(track.state[own, :3] - reference.state[other, :3], axis=1)
            middle = float(np.median(apart))
            if middle < best_m:
                best, best_m = reference.id, middle
    return best


def _one_flight(
    reference: _Track,
    truth: TrueFlight | None,
    histories: Mapping[str, _History],
    belongs: Mapping[str, Mapping[int, int | None]],
    plots: Plots,
    radars: Sequence[Radar],
) -> ComparedFlight:
    span = (int(reference.plot_ns.min()), int(reference.plot_ns.max()))
    by_radar = _seen_by_radar(reference, plots, radars, span)
    views = []
    for name, history in histories.items():
        own = [t for t in history.tracks if belongs[name].get(t.id) == reference.id]
        radar_ids = [r.id for r in radars if name in (TOGETHER, r.nation) and by_radar[r.id]]
        views.append(_view(name, own, history, tuple(radar_ids), span, truth))
    return ComparedFlight(
        reference.id, *span, tuple(views), _path(reference, span[0]), by_radar, truth
    )


def _view(
    name: str,
    tracks: Sequence[_Track],
    history: _History,
    radar_ids: tuple[str, ...],
    span: tuple[int, int],
    truth: TrueFlight | None,
) -> View:
    plot_ns = np.sort(np.concatenate([t.plot_ns for t in tracks] or [np.empty(0, np.int64)]))
    seen = _intervals(plot_ns, span)
    first = [int(t.time_ns.min()) for t in tracks if len(t.time_ns)]
    moments = []
    for time_ns, flights in zip(history.times, history.flights, strict=True):
        known = [flights[t.id] for t in tracks if t.id in flights]
        flight = max(known, key=lambda f: f.last_plot_ns, default=None)
        recent = plot_ns[plot_ns <= time_ns]
        is_seen = bool(len(recent) and (time_ns - recent[-1]) * _NS <= SEEN_WITHIN_S)
        moments.append(_moment(int(time_ns), is_seen, flight, truth))
    return View(
        name=name,
        radars=radar_ids,
        plots=sum(track.plots for track in tracks),
        share=_length_ns(seen) / max(1, span[1] - span[0]),
        seen=seen,
        first_track_ns=min(first, default=None),
        moments=tuple(moments),
    )


def _moment(
    time_ns: int, is_seen: bool, flight: Flight | None, truth: TrueFlight | None
) -> Moment:
    launch_error_m = impact_error_m = None
    if flight is not None and truth is not None:
        launch_error_m = truth.launch_error_m(flight.launch) if flight.launch else None
        impact_error_m = truth.impact_error_m(flight.impact) if flight.impact else None
    return Moment(time_ns, is_seen, flight, launch_error_m, impact_error_m)


def _seen_by_radar(
    reference: _Track, plots: Plots, radars: Sequence[Radar], span: tuple[int, int]
) -> dict[str, Intervals]:
    """When each radar had plots of a flight: the plots at the times of its estimates."""
    of_flight = np.isin(plots.time_ns, reference.plot_ns)
    return {
        radar.id: _intervals(plots.time_ns[of_flight & (plots.radar == index)], span)
        for index, radar in enumerate(radars)
    }


def _intervals(plot_ns: NDArray[np.int64], span: tuple[int, int]) -> Intervals:
    """The stretches within SEEN_WITHIN_S after a plot, within a span."""
    plot_ns = plot_ns[(plot_ns >= span[0]) & (plot_ns <= span[1])]
    if not len(plot_ns):
        return ()
    hold_ns = int(SEEN_WITHIN_S * 1e9)
    breaks = np.flatnonzero(np.diff(plot_ns) > hold_ns)
    begins = plot_ns[np.append(0, breaks + 1)]
    ends = np.minimum(plot_ns[np.append(breaks, len(plot_ns) - 1)] + hold_ns, span[1])
    return tuple((int(begin), int(end)) for begin, end in zip(begins, ends, strict=True))


def _length_ns(intervals: Intervals) -> int:
    return sum(end - begin for begin, end in intervals)


def _path(track: _Track, first_ns: int) -> NDArray[np.float64]:
    """(k, 4): s since `first_ns`, latitude rad, longitude rad, height m; thinned."""
    chosen = np.unique(np.linspace(0, len(track.time_ns) - 1, _PATH_POINTS).astype(int))
    seconds = (track.time_ns[chosen] - first_ns) * _NS
    places = [geodetic_from_ecef(*map(float, state[:3])) for state in track.state[chosen]]
    return np.column_stack((seconds, np.array(places).reshape(-1, 3)))


def _flight_as_json(flight: ComparedFlight) -> dict[str, Any]:
    return {
        "id": flight.id,
        "truth": None if flight.truth is None else flight.truth.id,
        "first_plot": iso_utc(flight.first_plot_ns),
        "last_plot": iso_utc(flight.last_plot_ns),
        "views": [_view_as_json(view, flight.first_plot_ns) for view in flight.views],
    }


def _view_as_json(view: View, first_plot_ns: int) -> dict[str, Any]:
    first = view.first_track_ns
    return {
        "name": view.name,
        "radars": list(view.radars),
        "plots": view.plots,
        "share_of_flight_seen": round(view.share, 4),
        "first_track": None if first is None else iso_utc(first),
        "first_track_after_s": None if first is None else round((first - first_plot_ns) * _NS, 3),
        "moments": [_moment_as_json(moment, first_plot_ns) for moment in view.moments],
    }


def _moment_as_json(moment: Moment, first_plot_ns: int) -> dict[str, Any]:
    flight = moment.flight
    launch = launch_as_json(flight.launch) if flight else None
    impact = impact_as_json(flight.impact) if flight else None
    if launch is not None:
        launch["error_km"] = _km(moment.launch_error_m)
    if impact is not None:
        del impact["region_95"]
        impact["error_km"] = _km(moment.impact_error_m)
    return {
        "time": iso_utc(moment.time_ns),
        "after_s": round((moment.time_ns - first_plot_ns) * _NS, 3),
        "seen": moment.is_seen,
        "launch": launch,
        "impact": impact,
    }


def _km(metres: float | None) -> float | None:
    return None if metres is None else round(metres / 1000.0, 5)
