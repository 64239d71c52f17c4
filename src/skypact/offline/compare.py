"""Each nation alone beside all together: who sees how much of a flight, and how well.

Every picture is folded apart from the same plots: one per nation from its own radars, and one from
all. The flights of the picture of all are the reference. Each estimate of a nation's track belongs
to the one nearest to it at that time, so that what is one object until parts come off counts as
the flight that it then is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from multiprocessing import get_context
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight import assess
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Flight, Impact, Launch, Plots, Radar, Rejection, Track
from skypact.offline.flight_json import impact_as_json, launch_as_json, rejections_as_json
from skypact.offline.reasons import unknown_because
from skypact.offline.text import iso_utc
from skypact.offline.truth import Sighting, TrueFlight, match_truth, require_same_flights
from skypact.sensing import read_plots
from skypact.settings import FlightSettings, Settings
from skypact.tracking import Picture, Updates

TOGETHER = "together"
SEEN_WITHIN_S = 5.0
"""A flight counts as seen for so long after each plot of it."""
MOMENTS = 20
"""How often every picture is asked for its flights, closer together in the beginning."""
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
    first to the last plot in any picture in which this one had a plot within SEEN_WITHIN_S.
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
                "share_of_flight_seen": "part of the time from the first to the last plot in any "
                f"picture with a plot of this one in the last {SEEN_WITHIN_S:g} s",
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
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Fold plot files into a picture per nation and one of all, and compare them.

    The plots are held in memory. With several `workers` the tracks are assessed in processes of
    their own (a script that asks for that needs `if __name__ == "__main__":`). `on_progress` gets
    how many assessments are done, and their number. Raises as `read_plots` does, and InputError
    where the truth is of other flights.
    """
    settings = settings or Settings()
    columns, rejections = read_plots(plots, radars, settings=settings.sensing)
    nations = tuple(sorted({radar.nation for radar in radars}))
    times = _moments(columns.time_ns, moments)
    histories = {
        name: _history(name, columns, radars, times, settings) for name in (*nations, TOGETHER)
    }
    shares = _shares(histories)
    if truth:
        require_same_flights([_sighting(of[TOGETHER], None) for of in shares.values()], truth)
    flights = _assessed(shares, histories, settings, workers, on_progress)
    compared = _compared(shares, histories, flights, columns, radars, truth)
    return Comparison(tuple(radars), nations, compared, len(columns.time_ns), rejections)


def _moments(time_ns: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Times from the first to the last plot; their distances grow, for the beginning tells most."""
    share = np.linspace(0.0, 1.0, count + 1)[1:] ** 1.6
    return time_ns[0] + np.rint(share * float(time_ns[-1] - time_ns[0])).astype(np.int64)


class _History(NamedTuple):
    """One picture over time: its tracks by id at each moment, and all its estimates, in order.

    `before`: times of each track's plots before its first estimate.
    """

    radars: tuple[Radar, ...]
    times: NDArray[np.int64]
    tracks: tuple[dict[int, Track], ...]
    estimates: Updates
    before: dict[int, NDArray[np.int64]]


class _Share(NamedTuple):
    """One picture's part of one flight: its estimates and plots of it, its track at each moment."""

    time_ns: NDArray[np.int64]
    state: NDArray[np.float64]
    plot_ns: NDArray[np.int64]
    tracks: tuple[Track | None, ...]


_Shares = Mapping[int, Mapping[str, _Share]]
"""By the flight's number in the picture of all, then by the picture's name."""
_Flights = Mapping[tuple[str, int, int], Flight]
"""By the picture's name, the track's number and how many plots it had."""


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
) -> _History:
    """Fold one picture's plots up to each moment and keep its tracks as they are then."""
    members = [i for i, radar in enumerate(radars) if name in (TOGETHER, radar.nation)]
    own, table = _own_plots(plots, members), tuple(radars[i] for i in members)
    picture = Picture(table, settings.tracking)
    updates: list[Updates] = []
    tracks = []
    ends = np.searchsorted(own.time_ns, times, side="right")
    for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        part = Plots._make(column[begin:end] for column in own)
        picture.observe(part, more_to_come=bool(end < ends[-1]), on_updates=updates.append)
        tracks.append({track.id: track for track in picture.tracks()})
    estimates = _joined(updates)
    return _History(table, times, tuple(tracks), estimates, _plots_before(picture, estimates))


def _joined(updates: Sequence[Updates]) -> Updates:
    """All estimates in order of time."""
    if not updates:
        none = np.empty(0, np.int64)
        return Updates(none, none, np.empty((0, 6)), np.empty((0, 21)))
    joined = Updates._make(np.concatenate(columns) for columns in zip(*updates, strict=True))
    order = np.argsort(joined.time_ns, kind="stable")
    return Updates._make(column[order] for column in joined)


def _plots_before(picture: Picture, estimates: Updates) -> dict[int, NDArray[np.int64]]:
    """Times of each track's plots before its first estimate."""
    before = {}
    for track in picture.tracks():
        first_ns = track.first_plot_ns + np.rint(track.first_plots[:, 0] * 1e9).astype(np.int64)
        own = estimates.time_ns[estimates.track == track.id]
        before[track.id] = first_ns[first_ns < own[0]] if len(own) else first_ns
    return before


def _shares(histories: Mapping[str, _History]) -> _Shares:
    """Every picture's part of every flight; the flight with the most plots comes first."""
    together = histories[TOGETHER]
    numbers, plots = np.unique(together.estimates.track, return_counts=True)
    flight_ids = [int(n) for n in numbers[np.lexsort((numbers, -plots))]]
    belongs = {
        name: together.estimates.track
        if name == TOGETHER
        else _nearest(history.estimates, together.estimates, flight_ids)
        for name, history in histories.items()
    }
    return {
        flight_id: {
            name: _share(history, belongs[name] == flight_id) for name, history in histories.items()
        }
        for flight_id in flight_ids
    }


def _nearest(estimates: Updates, together: Updates, flight_ids: Sequence[int]) -> NDArray[np.int64]:
    """(u,) the flight of all together that each estimate is nearest to; -1 where none is near."""
    belongs = np.full(len(estimates.time_ns), -1, np.int64)
    least_m = np.full(len(estimates.time_ns), _NOT_THE_SAME_M)
    for flight_id in flight_ids:
        own = together.track == flight_id
        time_ns, state = together.time_ns[own], together.state[own]
        right = np.clip(np.searchsorted(time_ns, estimates.time_ns), 1, max(1, len(time_ns) - 1))
        right = np.minimum(right, len(time_ns) - 1)
        left = np.maximum(right - 1, 0)
        is_left = estimates.time_ns - time_ns[left] < time_ns[right] - estimates.time_ns
        closest = np.where(is_left, left, right)
        apart_s = (estimates.time_ns - time_ns[closest]) * _NS
        position = state[closest, :3] + apart_s[:, None] * state[closest, 3:]
        apart_m = np.linalg.norm(estimates.state[:, :3] - position, axis=1)
        near = (apart_m < least_m) & (np.abs(apart_s) <= SEEN_WITHIN_S)
        belongs[near], least_m[near] = flight_id, apart_m[near]
    return belongs


def _share(history: _History, own: NDArray[np.bool_]) -> _Share:
    """The part of one flight that the estimates `own` are."""
    number, time_ns = history.estimates.track[own], history.estimates.time_ns[own]
    starts = [
        history.before[int(track)]
        for track in np.unique(number)
        if history.before[int(track)].max(initial=0) < time_ns[0]
    ]
    last = np.searchsorted(time_ns, history.times, side="right") - 1
    tracks = tuple(
        known.get(int(number[i])) if i >= 0 else None
        for i, known in zip(last, history.tracks, strict=True)
    )
    plot_ns = np.unique(np.concatenate([time_ns, *starts]))
    return _Share(time_ns, history.estimates.state[own], plot_ns, tracks)


def _assessed(
    shares: _Shares,
    histories: Mapping[str, _History],
    settings: Settings,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> _Flights:
    """What each of these tracks means at each moment, each asked once."""
    lives: dict[tuple[str, int], dict[int, Track]] = {}
    for by_name in shares.values():
        for name, share in by_name.items():
            for track in share.tracks:
                if track is not None:
                    lives.setdefault((name, track.id), {})[track.plots] = track
    # The longest first, so that no process is left with one at the end.
    order = sorted(lives, key=lambda key: -len(lives[key]))
    tracks = [[lives[key][plots] for plots in sorted(lives[key])] for key in order]
    tables = [histories[name].radars for name, _ in order]
    settled_s, total = settings.tracking.first_plots_seconds, sum(map(len, tracks))
    flights: dict[tuple[str, int, int], Flight] = {}
    with _mapping(workers) as mapping:
        found = mapping(_assessed_life, tracks, tables, repeat(settings.flight), repeat(settled_s))
        for (name, _), life in zip(order, found, strict=True):
            flights |= {(name, flight.id, flight.plots): flight for flight in life}
            if on_progress:
                on_progress(len(flights), total)
    return flights


def _assessed_life(
    tracks: Sequence[Track], radars: Sequence[Radar], settings: FlightSettings, settled_s: float
) -> list[Flight]:
    """One track at several moments, in order; its launch is sought no more after `settled_s`.

    The launch rests on the first plots alone, of which no more are kept from then on, and takes
    most of an assessment.
    """
    flights: list[Flight] = []
    launch: Launch | None = None
    for track in tracks:
        flight = assess(track, radars, settings, launch=launch)
        flights.append(flight)
        lived_s = (track.last_plot_ns - track.first_plot_ns) * _NS
        if lived_s > settled_s:
            launch = flight.launch
    return flights


@contextmanager
def _mapping(workers: int) -> Iterator[Callable[..., Iterable[list[Flight]]]]:
    """`map`, in this process or in several."""
    if workers <= 1:
        yield map
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool.map


def _compared(
    shares: _Shares,
    histories: Mapping[str, _History],
    flights: _Flights,
    plots: Plots,
    radars: Sequence[Radar],
    truth: Sequence[TrueFlight],
) -> tuple[ComparedFlight, ...]:
    """The flights of the picture of all, as every picture sees them."""
    together = [by_name[TOGETHER] for by_name in shares.values()]
    truths = match_truth([_sighting(s, _last_impact(s, flights)) for s in together], truth)
    return tuple(
        _one_flight(flight_id, true, by_name, histories, flights, plots, radars)
        for (flight_id, by_name), true in zip(shares.items(), truths, strict=True)
    )


def _sighting(share: _Share, impact: Impact | None) -> Sighting:
    ends = [geodetic_from_ecef(*map(float, share.state[i, :3]))[:2] for i in (0, -1)]
    return Sighting(int(share.plot_ns[0]), int(share.plot_ns[-1]), tuple(ends), impact)


def _last_impact(share: _Share, flights: _Flights) -> Impact | None:
    """The latest estimate by all together of where a flight comes down."""
    known = (flights[TOGETHER, t.id, t.plots].impact for t in reversed(share.tracks) if t)
    return next((impact for impact in known if impact), None)


def _one_flight(
    flight_id: int,
    truth: TrueFlight | None,
    by_name: Mapping[str, _Share],
    histories: Mapping[str, _History],
    flights: _Flights,
    plots: Plots,
    radars: Sequence[Radar],
) -> ComparedFlight:
    plot_ns = np.unique(np.concatenate([share.plot_ns for share in by_name.values()]))
    span = int(plot_ns[0]), int(plot_ns[-1])
    by_radar = _seen_by_radar(plot_ns, plots, radars, span)
    views = []
    for name, share in by_name.items():
        radar_ids = tuple(r.id for r in radars if name in (TOGETHER, r.nation) and by_radar[r.id])
        known = [flights[name, t.id, t.plots] if t else None for t in share.tracks]
        views.append(_view(name, share, known, histories[name].times, radar_ids, span, truth))
    path = _thinned_path(by_name[TOGETHER], span[0])
    return ComparedFlight(flight_id, *span, tuple(views), path, by_radar, truth)


def _view(
    name: str,
    share: _Share,
    flights: Sequence[Flight | None],
    times: NDArray[np.int64],
    radar_ids: tuple[str, ...],
    span: tuple[int, int],
    truth: TrueFlight | None,
) -> View:
    plot_ns = share.plot_ns
    seen = _intervals(plot_ns, span)
    moments = []
    for time_ns, flight in zip(times, flights, strict=True):
        recent = plot_ns[plot_ns <= time_ns]
        is_seen = bool(len(recent) and (time_ns - recent[-1]) * _NS <= SEEN_WITHIN_S)
        moments.append(_moment(int(time_ns), is_seen, flight, truth))
    return View(
        name=name,
        radars=radar_ids,
        plots=len(plot_ns),
        share=_length_ns(seen) / max(1, span[1] - span[0]),
        seen=seen,
        first_track_ns=int(share.time_ns[0]) if len(share.time_ns) else None,
        moments=tuple(moments),
    )


def _moment(time_ns: int, is_seen: bool, flight: Flight | None, truth: TrueFlight | None) -> Moment:
    launch_error_m = impact_error_m = None
    if flight is not None and truth is not None:
        launch_error_m = truth.launch_error_m(flight.launch) if flight.launch else None
        impact_error_m = truth.impact_error_m(flight.impact) if flight.impact else None
    return Moment(time_ns, is_seen, flight, launch_error_m, impact_error_m)


def _seen_by_radar(
    plot_ns: NDArray[np.int64], plots: Plots, radars: Sequence[Radar], span: tuple[int, int]
) -> dict[str, Intervals]:
    """When each radar had plots of a flight: the plots at the times of its estimates."""
    of_flight = np.isin(plots.time_ns, plot_ns)
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


def _thinned_path(share: _Share, first_ns: int) -> NDArray[np.float64]:
    """(k, 4): s since `first_ns`, latitude rad, longitude rad, height m."""
    chosen = np.unique(np.linspace(0, len(share.time_ns) - 1, _PATH_POINTS).astype(int))
    seconds = (share.time_ns[chosen] - first_ns) * _NS
    places = [geodetic_from_ecef(*map(float, state[:3])) for state in share.state[chosen]]
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
        "notes": list(unknown_because(flight)),
    }


def _km(metres: float | None) -> float | None:
    return None if metres is None else round(metres / 1000.0, 5)
