"""Tables for people, from 80 columns on."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from skypact.model import BIAS_KINDS, Flight, FlightKind, Impact, Launch, Rejection
from skypact.offline.compare import SEEN_WITHIN_S, ComparedFlight, Comparison, View
from skypact.offline.reasons import unknown_because
from skypact.offline.register import RegisteredFiles
from skypact.offline.release_test import ReleaseTest
from skypact.offline.score import Score
from skypact.offline.text import (
    HALF_95,
    axes,
    clock,
    iso_utc,
    kilometres,
    kilometres_within,
    place,
    seconds,
    span,
    square_kilometres,
    three_digits,
)
from skypact.offline.track import TrackedFiles, rejections_by_reason

_WIDE = 110
"""From so many columns on, the names of radars find room."""
_MOST_FLIGHTS = 20
_MOST_ROWS = 5
_UNKNOWN = "not known"
_UNSEEN_S = 10.0
"""A flight that no radar saw for so long before the end of the data is said not to be seen."""
_LEARNT_SHARE = 0.95
"""A bias is learnt once its sigma is below this share of what was declared."""
_BIAS_UNITS = {
    "range_m": ("range", 1.0, "m"),
    "azimuth_rad": ("azimuth", 180.0 / math.pi, "°"),
    "elevation_rad": ("elevation", 180.0 / math.pi, "°"),
    "range_rate_m_s": ("range rate", 1.0, "m/s"),
    "time_s": ("time", 1e3, "ms"),
}
"""Of each bias: its name, and what to multiply it by for which unit."""


def print_tracked(console: Console, tracked: TrackedFiles) -> None:
    """Flights, and what was not used."""
    times = f"{iso_utc(tracked.first_plot_ns, 0)} to {iso_utc(tracked.last_plot_ns, 0)}"
    found = _count(len(tracked.flights), "flight") if tracked.flights else "No flight"
    console.print(f"[bold]{found}[/] in {_count(tracked.plots, 'plot')}, {times}", highlight=False)
    if tracked.flights:
        now_ns = tracked.last_plot_ns if tracked.until_ns is None else tracked.until_ns
        _print_flights(console, tracked.flights, now_ns)
    _print_rejections(console, tracked.rejections, tracked.notes)


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Each nation alone beside all together."""
    if not comparison.flights:
        console.print("[bold]No flight[/] was found by all together", highlight=False)
    most_seen = sorted(comparison.flights, key=lambda f: (-f.together.plots, f.id))[:_MOST_FLIGHTS]
    for flight in sorted(most_seen, key=lambda flight: flight.id):
        _print_compared(console, flight)
    _say_more(console, len(comparison.flights))
    counts = ", ".join(f"{name} {count}" for name, count in comparison.launched.items())
    console.print(f"[bold]Launches counted[/] by each picture: {counts}\n", highlight=False)
    if comparison.flights:
        _explain(
            console,
            "Launches: tracks that parted from no other. Times are UTC. Seen: part of the time "
            "from the flight's first to its last plot in which this picture had a plot of it in "
            f"the last {SEEN_WITHIN_S:g} s. First track: after the flight's first plot. Impact "
            "and launch: semi-axes of the 95 % ellipse, as estimated then; off: distance from "
            "the truth; unchanged: no plot since the column before; –: not known then (with --json "
            "notes say why).",
        )
    _print_rejections(console, comparison.rejections, comparison.notes)


def print_score(console: Console, score: Score) -> None:
    """How well the objects were followed, and the figures of all together."""
    m, over, cutoffs = score.measures, score.measures.over_time, score.cutoffs
    times = f"{iso_utc(int(over.time_ns[0]), 0)} to {iso_utc(int(over.time_ns[-1]), 0)}"
    console.print(
        f"[bold]{_count(len(m.objects), 'object')}[/], {_count(m.tracks, 'track')}, "
        f"{_count(score.plots, 'plot') + ', ' if score.plots else ''}{times}",
        highlight=False,
    )
    _print_objects(console, score)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column()
    for name, text in _score_lines(score):
        table.add_row(name, text)
    console.print(table)
    console.print()
    _explain(
        console,
        f"At moments {cutoffs.step_s:g} s apart; tracks: {score.source}. "
        f"A track is on an object within {cutoffs.cutoff_m:g} m; where several are, all are "
        "assigned at once by squared distance, that to the track of the moment before counting "
        f"{cutoffs.hold:g} times. In sight: within the limits of any radar. False: on no object "
        "for more than half of its time. SIAP: ambiguity, tracks to an object that has any, 1 is "
        "best; spuriousness, share of the tracks' time on no object; longest segment, the longest "
        "time on one track as a share of the object's. OSPA and GOSPA: c = {cutoffs.ospa_c_m:g} m, "
        f"p = {cutoffs.ospa_p:g}, means of order p over the moments with an object or a track.",
    )
    _print_rejections(console, score.rejections, score.notes)


class BiasLine(NamedTuple):
    """One declared bias for people: `name` and what is `said` of it.

    `mean_sigmas` and `left`: mean and sigma as multiples of the declared sigma.
    """

    name: str
    said: str
    declared: str
    mean_sigmas: float
    left: float

    @property
    def learnt(self) -> bool:
        """Whether it is known better than it was declared."""
        return self.left < _LEARNT_SHARE


def bias_lines(registered: RegisteredFiles) -> list[BiasLine]:
    """Every declared bias, radar by radar."""
    lines = []
    for radar in registered.registration.radars:
        for k, kind in enumerate(BIAS_KINDS):
            if radar.prior_sigma[k] > 0.0:
                name, factor, unit = _BIAS_UNITS[kind]
                half = HALF_95 * factor * float(radar.sigma[k])
                digits = min(6, max(0, 1 - math.floor(math.log10(half))))
                gap = "" if unit == "°" else " "
                lines.append(
                    BiasLine(
                        f"{radar.radar} {name}",
                        f"{factor * radar.mean[k]:+.{digits}f} ± {half:.{digits}f}{gap}{unit}",
                        f"± {three_digits(HALF_95 * factor * radar.prior_sigma[k])}{gap}{unit}",
                        float(radar.mean[k] / radar.prior_sigma[k]),
                        float(radar.sigma[k] / radar.prior_sigma[k]),
                    )
                )
    return lines


def print_registered(console: Console, registered: RegisteredFiles) -> None:
    """The biases, what they rest on, and what was not used."""
    found = registered.registration
    lines = bias_lines(registered)
    learnt = sum(line.learnt for line in lines)
    console.print(
        f"[bold]{learnt} of {len(lines)} biases[/] are known better than declared, from "
        f"{_count(registered.plots, 'plot')}: {_count(len(found.tracks), 'track')} and "
        f"{len(registered.passes)} {'pass' if len(registered.passes) == 1 else 'passes'} of known "
        f"orbits ({_count(registered.orbit_plots, 'plot')})",
        highlight=False,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("Bias", "Learnt", "Declared", "Off by", "What is left"):
        table.add_column(heading)
    for line in lines:
        off = f"{abs(line.mean_sigmas):.1f} σ"
        left = _percent(line.left) if line.learnt else "all: nothing learnt"
        said = (
            (line.said, line.declared, off, left) if line.learnt else ("", line.declared, "", left)
        )
        table.add_row(escape(line.name), *said)
    console.print(table)
    _explain(
        console,
        "A bias is what a radar measures too much; ± holds it with 95 %. Off by: in the sigma that "
        "is declared; above 3 it is more than that lets expect. What is left: sigma, of what was "
        "declared.",
    )
    _print_rejections(console, registered.rejections, registered.notes)


def print_release_test(console: Console, tried: ReleaseTest) -> None:
    """What a policy would have released, by partner and rule."""
    times = f"{iso_utc(tried.first_ns, 0)} to {iso_utc(tried.last_ns, 0)}"
    console.print(
        f"[bold]{_count(tried.plots, 'plot')}[/] of {tried.policy.nation}, {times}; policy "
        f"{tried.policy.hash[:12]}",
        highlight=False,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("Partner", "Rule", "Level"):
        table.add_column(heading)
    for heading in ("Decided", "Plots", "Tracklets", "Assessments", "Warnings", "Left out"):
        table.add_column(heading, justify="right")
    for row in tried.counts:
        sent = (row.seen, row.plots, row.tracklets, row.assessments, row.warnings, row.left_out)
        level = row.level.name.lower()
        table.add_row(row.partner, escape(row.rule), level, *(f"{n:,}" if n else "" for n in sent))
    console.print(table)
    for partner, count in tried.not_fed.items():
        if count:
            said = f"{_count(count, 'plot')} had no part in what {partner} gets"
            console.print(f"{said}: not released to it at any level", highlight=False)
    for partner, count in tried.not_hidden.items():
        if count:
            said = f"{_count(count, 'plot')} could not be hidden from {partner} and did not leave"
            console.print(said, highlight=False)
    if tried.of_others:
        said = f"{_count(tried.of_others, 'plot')} of other nations' radars: never sent on"
        console.print(said, highlight=False)
    _explain(
        console,
        "Decided: plots whose tracklet or plot the rule was asked about. An assessment, and a "
        "warning, is counted for each flight each time that flights are assessed. Left out: over "
        "the rule's rate.",
    )


def _print_objects(console: Console, score: Score) -> None:
    """A row per object, in the order of the truth."""
    objects = score.measures.objects
    shown = sorted(objects)[:_MOST_FLIGHTS]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Object")
    for heading in (
        "With a\ntrack",
        "In sight\nwith one",
        "First\ntrack",
        "Track\nchanges",
        "Position\nRMSE m",
        "Velocity\nRMSE m/s",
        "NEES/6",
    ):
        table.add_column(heading, justify="right")
    for number in shown:
        one, path = objects[number], score.paths[number]
        first = "never"
        if one.first_followed_ns is not None:
            first = f"+{seconds((one.first_followed_ns - int(path.time_ns[0])) * 1e-9)}"
        table.add_row(
            escape(path.id),
            _tenths(one.followed_s / one.exists_s),
            _tenths(one.followed_in_sight_s / one.in_sight_s) if one.in_sight_s else "–",
            first,
            f"{one.changes}",
            _known(one.position_rmse_m),
            _known(one.velocity_rmse_m_s),
            _known(one.nees_over_6),
        )
    console.print(table)
    if len(objects) > len(shown):
        console.print(f"and {len(objects) - len(shown):,} more: --json")


def _score_lines(score: Score) -> list[tuple[str, str]]:
    """Names and figures of all objects together."""
    m, siap = score.measures, score.measures.siap
    return [
        (
            "Object-time with a track",
            f"{_tenths(siap.completeness)}; of that in sight {_tenths(m.completeness_in_sight)}",
        ),
        ("False tracks a minute", f"{_known(m.false_tracks_per_minute)} ({m.false_tracks} in all)"),
        ("Changes of track per object", _known(m.changes_per_object)),
        (
            "NEES/6 of the tracks that follow",
            f"{_known(m.nees_over_6)}; {_tenths(m.nees_within_95)} of NEES below its 95 %",
        ),
        (
            "SIAP",
            f"completeness {_known(siap.completeness)}, ambiguity {_known(siap.ambiguity)}, "
            f"spuriousness {_known(siap.spuriousness)}, "
            f"longest segment {_known(siap.longest_segment)},\n"
            f"position {_known(siap.position_m)} m, velocity {_known(siap.velocity_m_s)} m/s, "
            f"track changes {_known(60.0 * siap.track_changes_per_s)} a minute",
        ),
        ("OSPA", f"{_known(m.ospa_m)} m"),
        (
            "GOSPA",
            f"{_known(m.gospa_m)} m: localisation {_known(m.localisation_m)}, "
            f"missed {_known(m.missed_m)}, false {_known(m.false_m)}",
        ),
    ]


def _known(value: float) -> str:
    """A number with three digits that count, or a dash."""
    return three_digits(value) if math.isfinite(value) else "–"


def _tenths(share: float) -> str:
    return f"{100.0 * share:.1f} %" if math.isfinite(share) else "–"


def _explain(console: Console, text: str) -> None:
    console.print(text, style="dim", highlight=False, markup=False)


def _print_flights(console: Console, flights: Sequence[Flight], now_ns: int) -> None:
    for part in flights_table(flights, now_ns, console.width):
        console.print(part, highlight=False)


def flights_table(flights: Sequence[Flight], now_ns: int, width: int) -> Iterator[Table | Text]:
    """Flights as people read them, and below the table what is to be known about it."""
    most_seen = sorted(flights, key=lambda flight: (-flight.plots, flight.id))[:_MOST_FLIGHTS]
    shown = sorted(most_seen, key=lambda flight: flight.id)
    table = Table(box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("Flight", "Seen by", "Launch", "Apogee", "Impact"):
        table.add_column(heading)
    for flight in shown:
        table.add_row(*_cells(flight, width >= _WIDE, now_ns))
    yield table
    if len(flights) > _MOST_FLIGHTS:
        yield Text(_more(len(flights)))
    for flight in shown:
        for reason in unknown_because(flight):
            yield Text(f"Flight {flight.id}, {reason}")
    yield Text(
        "Times are UTC. ± holds the truth with 95 %: half an interval of a time or height "
        "(1.96 σ; JSON has σ), the semi-axes of an ellipse on the ground, and its area.",
        style="dim",
    )
    if any(flight.parted_from is not None for flight in shown):
        yield Text(
            "Of flights that parted each area holds both ends, the payload's and the spent "
            "stage's, until the air tells which is which.",
            style="dim",
        )


def _cells(flight: Flight, wide: bool, now_ns: int) -> tuple[str, ...]:
    gap = " " if wide else "\n"
    kind = str(flight.kind).replace("_", "-")
    if flight.kind is not FlightKind.UNKNOWN:
        kind += f"{gap}{_percent(flight.kind_probability)}"
    range_class = "range class unknown"
    if flight.range_class is not None:
        probability = flight.range_class_probability
        range_class = str(flight.range_class).upper()
        range_class += "" if probability is None else f" {_percent(probability)}"
    parted = "" if flight.parted_from is None else f"\nparted from {flight.parted_from}"
    radars = ", ".join(flight.radars) if wide else _count(len(flight.radars), "radar")
    unseen_s = (now_ns - flight.last_plot_ns) * 1e-9
    unseen = (
        f"\nnot seen for{gap}{span(unseen_s)}, last by {flight.last_seen_by}"
        if unseen_s >= _UNSEEN_S
        else ""
    )
    return (
        f"[bold]{flight.id}[/]\n{kind}\n{range_class}{parted}",
        f"{', '.join(flight.nations)}\n{radars}\n{_count(flight.plots, 'plot')}\n"
        f"{clock(flight.first_plot_ns)} to{gap}{clock(flight.last_plot_ns)}{unseen}",
        _end(flight.launch, wide),
        _apogee(flight),
        _end(flight.impact, wide),
    )


def _end(at: Launch | Impact | None, wide: bool) -> str:
    """When and where a flight began or ends."""
    if at is None:
        return _UNKNOWN
    e = at.ellipse_95
    where = place(at.latitude_rad, at.longitude_rad, e.semi_minor_m, " " if wide else "\n")
    square_km = math.pi * e.semi_major_m * e.semi_minor_m / 1e6
    return (
        f"{clock(at.time_ns)} ± {seconds(HALF_95 * at.time_sigma_s)}\n"
        f"{where}\n± {axes(e)} km\n{square_kilometres(square_km)} km²"
    )


def _apogee(flight: Flight) -> str:
    apogee = flight.apogee
    if apogee is None:
        return _UNKNOWN
    height, half = kilometres_within(apogee.height_m, HALF_95 * apogee.height_sigma_m)
    text = f"{height} km\n± {half} km\nat {clock(apogee.time_ns)}"
    if flight.ground_range_m is not None:
        text += f"\nrange {kilometres(flight.ground_range_m)} km"
    return text


def _print_compared(console: Console, flight: ComparedFlight) -> None:
    """A row per picture. What a row says of areas stands in km, and below it how far it is off."""
    seen_for = span((flight.last_plot_ns - flight.first_plot_ns) * 1e-9)
    named = f"Flight {flight.id}" + (f" ({flight.truth.id})" if flight.truth else "")
    line = f"[bold]{escape(named)}[/]: {iso_utc(flight.first_plot_ns, 0)}, seen for {seen_for}"
    line += "" if flight.parted_from is None else f", parted from flight {flight.parted_from}"
    console.print(line, highlight=False)
    gap = 2 if console.width >= _WIDE else 0
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column("Picture", no_wrap=True)
    for heading in ("Seen", "First\ntrack"):
        table.add_column(heading, justify="right")
    moments = _moments_shown(flight)
    for time_ns in moments:
        after = span((time_ns - flight.first_plot_ns) * 1e-9)
        table.add_column(f"Impact after\n{after}\nkm", justify="right", no_wrap=True)
    table.add_column("Launch,\nlast\nkm", justify="right", no_wrap=True)
    for view in flight.views:
        is_last = view is flight.together
        if is_last:
            table.add_section()
        table.add_row(*_view_cells(view, flight, moments), style="bold" if is_last else None)
    console.print(table)
    console.print()


def _moments_shown(flight: ComparedFlight) -> list[int]:
    """Up to three moments: nearest to when a quarter, half and all of its time in sight is over."""
    span_ns = flight.last_plot_ns - flight.first_plot_ns
    times = [m.time_ns for m in flight.together.moments if m.time_ns >= flight.first_plot_ns]
    wanted = [flight.first_plot_ns + round(share * span_ns) for share in (0.25, 0.5, 1.0)]
    return sorted({min(times, key=lambda at: abs(at - time_ns)) for time_ns in wanted})


def _view_cells(view: View, flight: ComparedFlight, moments: Sequence[int]) -> tuple[str, ...]:
    first = "never"
    if view.first_track_ns is not None:
        first = f"+{seconds((view.first_track_ns - flight.first_plot_ns) * 1e-9)}"
    impacts, before = [], None
    for time_ns in moments:
        moment = view.at(time_ns)
        known = moment.flight.impact if moment.flight else None
        is_old = moment.flight is not None and moment.flight is before
        impacts.append("unchanged" if known and is_old else _area(known, moment.impact_error_m))
        before = moment.flight
    last = view.moments[-1]
    launch = last.flight.launch if last.flight else None
    return (
        f"{view.name}\n{_count(len(view.radars), 'radar')}",
        _percent(view.share),
        first,
        *impacts,
        _area(launch, last.launch_error_m),
    )


def _area(at: Launch | Impact | None, error_m: float | None) -> str:
    """Semi-axes of the 95 % ellipse in km, and how far it is off."""
    if at is None:
        return "–"
    return axes(at.ellipse_95) + ("" if error_m is None else f"\noff {kilometres(error_m)}")


def _print_rejections(
    console: Console, rejections: Sequence[Rejection], notes: Sequence[str]
) -> None:
    for note in notes:
        console.print(f"Note: {note}", highlight=False, markup=False)
    if not rejections:
        return
    counts = rejections_by_reason(rejections)
    console.print(f"[bold]{_count(counts.total(), 'row')} not used[/]", highlight=False)
    for reason, count in counts.most_common():
        console.print(f"  {count:,} × {reason}", highlight=False, markup=False)
    listed = [rejection for rejection in rejections if rejection.row is not None]
    for rejection in listed[:_MOST_ROWS]:
        text = f"  {rejection.file}, row {rejection.row}: {rejection.reason}; {rejection.remedy}"
        console.print(text, highlight=False, markup=False, style="dim")
    if len(listed) > _MOST_ROWS:
        console.print("  … all under rejected with --json", style="dim", highlight=False)


def _say_more(console: Console, flights: int) -> None:
    if flights > _MOST_FLIGHTS:
        console.print(_more(flights))


def _more(flights: int) -> str:
    return f"and {flights - _MOST_FLIGHTS:,} more with fewer plots: --json"


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
