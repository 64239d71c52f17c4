"""Each nation alone beside all together: who sees how much of a flight, and how well.

Every picture is folded apart from the same plots: one per nation from its own radars, and one from
all. The flights of the picture of all are the reference, each from its own first plot to its last.
A nation's plots are among those of all: its track is the flight with which it shares most plots,
and it sees of each flight those of the flight's plots that its own tracks took.
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
from skypact.offline.plots_taken import (
    Rows,
    flight_of,
    owners,
    rows_of_first_plots,
    rows_of_updates,
)
from skypact.offline.reasons import unknown_because
from skypact.offline.text import iso_utc
from skypact.offline.truth import Sighting, TrueFlight, match_truth, require_same_flights
from skypact.sensing import read_plots_with_notes
from skypact.settings import FlightSettings, Settings
from skypact.tracking import Picture, Updates

TOGETHER = "together"
SEEN_WITHIN_S = 5.0
"""A flight counts as seen for so long after each plot of it."""
MOMENTS = 20
"""How often every picture is asked for its flights, closer together in the beginning."""
_PATH_POINTS = 600
_NS = 1e-9
_NEVER_NS = int(np.iinfo(np.int64).max)

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
    flight's first to its last plot in which this picture had a plot of it within SEEN_WITHIN_S.
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
    by all together; `states` (k, 6): the same, ECEF m and m/s. `seen_by_radar`: when each radar
    had plots of it. `parted_from`: the flight that it was part of before.
    """

    id: int
    first_plot_ns: int
    last_plot_ns: int
    views: tuple[View, ...]
    path: NDArray[np.float64]
    states: NDArray[np.float64]
    seen_by_radar: Mapping[str, Intervals]
    truth: TrueFlight | None
    parted_from: int | None = None

    @property
    def together(self) -> View:
        """The view of all together."""
        return self.views[-1]


class Comparison(NamedTuple):
    """Each nation alone beside all together; flights in order of their ids.

    `launched`: by the picture's name, how many launches it counts by its last plot: its tracks,
    without those that parted from another. `notes` are worth knowing and no faults.
    """

    radars: tuple[Radar, ...]
    nations: tuple[str, ...]
    flights: tuple[ComparedFlight, ...]
    plots: int
    rejections: tuple[Rejection, ...]
    launched: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact compare --json`."""
        return {
            "nations": list(self.nations),
            "definitions": {
                "share_of_flight_seen": "part of the time from the flight's first to its last plot "
                f"with a plot of it in this picture in the last {SEEN_WITHIN_S:g} s",
                "first_track_after_s": "confirmed track, seconds after the flight's first plot",
                "error_km": "distance from the truth, where it is given",
                "launched": "tracks of each picture, without those that parted from another",
            },
            "launched": dict(self.launched),
            "flights": [_flight_as_json(flight) for flight in self.flights],
            "plots": self.plots,
            "rejected": rejections_as_json(self.rejections),
            "notes": list(self.notes),
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
    columns, rejections, notes = read_plots_with_notes(plots, radars, settings=settings.sensing)
    nations = tuple(sorted({radar.nation for radar in radars}))
    times = _moments(columns.time_ns, moments)
    histories = {
        name: _history(name, columns, radars, times, settings) for name in (*nations, TOGETHER)
    }
    shares = _shares(histories, columns)
    if truth:
        require_same_flights(
            [_sighting(of[TOGETHER], None, columns) for of in shares.values()], truth
        )
    flights = _assessed(shares, histories, settings, workers, on_progress)
    compared = _compared(shares, histories, flights, columns, radars, truth)
    launched = {name: _launched(history) for name, history in histories.items()}
    count = len(columns.time_ns)
    return Comparison(tuple(radars), nations, compared, count, rejections, launched, notes)


def _moments(time_ns: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Times from the first to the last plot; their distances grow, for the beginning tells most."""
    share = np.linspace(0.0, 1.0, count + 1)[1:] ** 1.6
    return time_ns[0] + np.rint(share * float(time_ns[-1] - time_ns[0])).astype(np.int64)


class _History(NamedTuple):
    """One picture over time: its tracks by id at each moment, and all its estimates, in order.

    `rows`: the plot of each estimate; `rows_before`: each track's plots before its first estimate.
    """

    radars: tuple[Radar, ...]
    times: NDArray[np.int64]
    tracks: tuple[dict[int, Track], ...]
    estimates: Updates
    rows: Rows
    rows_before: dict[int, Rows]


class _Share(NamedTuple):
    """One picture's part of one flight.

    `rows`: the flight's plots that it took; `first_track_ns`: its first estimate after one of them.
    `time_ns` and `state`: all estimates of its tracks that are this flight; `tracks`: the one of
    these that was updated last, at each moment from the flight's first plot on.
    """

    rows: Rows
    first_track_ns: int | None
    time_ns: NDArray[np.int64]
    state: NDArray[np.float64]
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


def _members(name: str, radars: Sequence[Radar]) -> list[int]:
    """Numbers of the radars whose plots a picture is made of."""
    return [i for i, radar in enumerate(radars) if name in (TOGETHER, radar.nation)]


def _history(
    name: str,
    plots: Plots,
    radars: Sequence[Radar],
    times: NDArray[np.int64],
    settings: Settings,
) -> _History:
    """Fold one picture's plots up to each moment and keep its tracks as they are then."""
    members = _members(name, radars)
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
    rows = rows_of_updates(estimates, plots, radars, members)
    before = {}
    for track in picture.tracks():
        first = rows_of_first_plots(track, plots, members)
        since_ns = estimates.time_ns[estimates.track == track.id].min(initial=_NEVER_NS)
        before[track.id] = first[plots.time_ns[first] < since_ns]
    return _History(table, times, tuple(tracks), estimates, rows, before)


def _joined(updates: Sequence[Updates]) -> Updates:
    """All estimates in order of time."""
    if not updates:
        none = np.empty(0, np.int64)
        return Updates(none, none, np.empty((0, 6)), np.empty((0, 21)))
    joined = Updates._make(np.concatenate(columns) for columns in zip(*updates, strict=True))
    order = np.argsort(joined.time_ns, kind="stable")
    return Updates._make(column[order] for column in joined)


def _launched(history: _History) -> int:
    """How many launches a picture counts at its end: what parted was not launched by itself."""
    return sum(track.parted_from is None for track in history.tracks[-1].values())


def _rows_by_track(history: _History) -> dict[int, tuple[Rows, Rows]]:
    """The plots of each track's estimates, and those before them."""
    return {
        track: (history.rows[history.estimates.track == track], before)
        for track, before in sorted(history.rows_before.items())
    }


def _shares(histories: Mapping[str, _History], plots: Plots) -> _Shares:
    """Every picture's part of every flight, in order of their ids."""
    together = _rows_by_track(histories[TOGETHER])
    owner = owners(len(plots.time_ns), together)
    belongs: dict[str, dict[int, int]] = {}
    for name, history in histories.items():
        belongs[name] = {
            track: track if name == TOGETHER else flight_of(np.concatenate(rows), owner)
            for track, rows in _rows_by_track(history).items()
        }
    return {
        flight_id: {
            name: _share(history, belongs[name], owner, flight_id, plots.time_ns)
            for name, history in histories.items()
        }
        for flight_id in together
        if len(together[flight_id][0])
    }


def _share(
    history: _History,
    belongs: Mapping[int, int],
    owner: NDArray[np.int64],
    flight_id: int,
    plot_ns: NDArray[np.int64],
) -> _Share:
    """One picture's part of one flight; `belongs`: the flight that each of its tracks is."""
    first_ns = plot_ns[np.argmax(owner == flight_id)]
    taken = np.unique(np.concatenate([history.rows, *history.rows_before.values()]))
    after_its_plots = owner[history.rows] == flight_id
    tracks = [track for track, flight in belongs.items() if flight == flight_id]
    own = np.isin(history.estimates.track, tracks)
    number, time_ns = history.estimates.track[own], history.estimates.time_ns[own]
    last = np.searchsorted(time_ns, history.times, side="right") - 1
    return _Share(
        rows=taken[owner[taken] == flight_id],
        first_track_ns=int(history.estimates.time_ns[np.argmax(after_its_plots)])
        if after_its_plots.any()
        else None,
        time_ns=time_ns,
        state=history.estimates.state[own],
        tracks=tuple(
            known.get(int(number[i])) if i >= 0 and moment >= first_ns else None
            for i, moment, known in zip(last, history.times, history.tracks, strict=True)
        ),
    )


def _assessed(
    shares: _Shares,
    histories: Mapping[str, _History],
    settings: Settings,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> _Flights:
    """What each of these tracks means at each moment, each asked once."""
    lives: dict[tuple[str, int], list[dict[int, Track]]] = {}
    for by_name in shares.values():
        for name, share in by_name.items():
            for i, track in enumerate(share.tracks):
                known = histories[name].tracks[i]
                line = _line_of(track, known) if track is not None else []
                if line:
                    life = lives.setdefault((name, line[-1].id), [{} for _ in share.tracks])
                    life[i] |= {one.id: one for one in line}
    # The longest first, so that no process is left with one at the end.
    order = sorted(lives, key=lambda key: -sum(map(len, lives[key])))
    families = [[[m[n] for n in sorted(m)] for m in lives[key]] for key in order]
    tables = [histories[name].radars for name, _ in order]
    total = sum(len({(t.id, t.plots) for m in family for t in m}) for family in families)
    settled_s = settings.tracking.first_plots_seconds
    flights: dict[tuple[str, int, int], Flight] = {}
    with _mapping(workers) as mapping:
        found = mapping(
            _assessed_family, families, tables, repeat(settings.flight), repeat(settled_s)
        )
        for (name, _), family in zip(order, found, strict=True):
            flights |= {(name, flight.id, flight.plots): flight for flight in family}
            if on_progress:
                on_progress(len(flights), total)
    return flights


def _line_of(track: Track, known: Mapping[int, Track]) -> list[Track]:
    """A track, the one that it parted from, and so on, as far as they are known."""
    line = [track]
    while (parent := line[-1].parted_from) is not None and parent in known:
        line.append(known[parent])
    return line


def _assessed_family(
    moments: Sequence[Sequence[Track]],
    radars: Sequence[Radar],
    settings: FlightSettings,
    settled_s: float,
) -> list[Flight]:
    """Tracks that parted from each other, in order of id, at several moments: each asked once.

    What parted has the launch of what it parted from. A launch is sought no more after `settled_s`:
    it rests on the first plots alone, of which no more are kept from then on, and takes most of an
    assessment.
    """
    flights: dict[tuple[int, int], Flight] = {}
    settled: dict[int, Launch | None] = {}
    for tracks in moments:
        now: dict[int, Flight] = {}
        for track in tracks:
            key = track.id, track.plots
            if key not in flights:
                parent = None if track.parted_from is None else now.get(track.parted_from)
                launch = parent.launch if parent else None
                launch = launch or settled.get(track.id)
                flights[key] = assess(track, radars, settings, launch=launch)
            now[track.id] = flights[key]
            if (track.last_plot_ns - track.first_plot_ns) * _NS > settled_s:
                settled[track.id] = flights[key].launch
    return list(flights.values())


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
    truths = match_truth([_sighting(s, _last_impact(s, flights), plots) for s in together], truth)
    return tuple(
        _one_flight(flight_id, true, by_name, histories, flights, plots, radars)
        for (flight_id, by_name), true in zip(shares.items(), truths, strict=True)
    )


def _sighting(share: _Share, impact: Impact | None, plots: Plots) -> Sighting:
    ends = [geodetic_from_ecef(*map(float, share.state[i, :3]))[:2] for i in (0, -1)]
    first_ns, last_ns = (int(plots.time_ns[share.rows[i]]) for i in (0, -1))
    return Sighting(first_ns, last_ns, tuple(ends), impact)


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
    rows = by_name[TOGETHER].rows
    span = int(plots.time_ns[rows[0]]), int(plots.time_ns[rows[-1]])
    by_radar = {
        radar.id: _intervals(plots.time_ns[rows[plots.radar[rows] == index]], span)
        for index, radar in enumerate(radars)
    }
    views = []
    for name, share in by_name.items():
        radar_ids = tuple(radars[index].id for index in np.unique(plots.radar[share.rows]))
        known = [flights[name, t.id, t.plots] if t else None for t in share.tracks]
        plot_ns = plots.time_ns[share.rows]
        times = histories[name].times
        views.append(_view(name, share, plot_ns, known, times, radar_ids, span, truth))
    path, states = _thinned_path(by_name[TOGETHER], span[0])
    parted_from = histories[TOGETHER].tracks[-1][flight_id].parted_from
    return ComparedFlight(
        flight_id, *span, tuple(views), path, states, by_radar, truth, parted_from
    )


def _view(
    name: str,
    share: _Share,
    plot_ns: NDArray[np.int64],
    flights: Sequence[Flight | None],
    times: NDArray[np.int64],
    radar_ids: tuple[str, ...],
    span: tuple[int, int],
    truth: TrueFlight | None,
) -> View:
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
        first_track_ns=share.first_track_ns,
        moments=tuple(moments),
    )


def _moment(time_ns: int, is_seen: bool, flight: Flight | None, truth: TrueFlight | None) -> Moment:
    launch_error_m = impact_error_m = None
    if flight is not None and truth is not None:
        launch_error_m = truth.launch_error_m(flight.launch) if flight.launch else None
        impact_error_m = truth.impact_error_m(flight.impact) if flight.impact else None
    return Moment(time_ns, is_seen, flight, launch_error_m, impact_error_m)


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


def _thinned_path(share: _Share, first_ns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, 4): s since `first_ns`, latitude rad, longitude rad, height m; and (k, 6): the states."""
    chosen = np.unique(np.linspace(0, len(share.time_ns) - 1, _PATH_POINTS).astype(int))
    seconds = (share.time_ns[chosen] - first_ns) * _NS
    places = [geodetic_from_ecef(*map(float, state[:3])) for state in share.state[chosen]]
    path = np.column_stack((seconds, np.array(places).reshape(-1, 3)))
    return path, share.state[chosen]


def _flight_as_json(flight: ComparedFlight) -> dict[str, Any]:
    return {
        "id": flight.id,
        "parted_from": flight.parted_from,
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
