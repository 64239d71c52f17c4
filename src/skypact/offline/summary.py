"""Tables for people."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from skypact.model import Ellipse, Flight, FlightKind, Rejection
from skypact.offline.compare import SEEN_WITHIN_S, ComparedFlight, Comparison, Moment, View
from skypact.offline.text import clock, iso_utc, kilometres, kilometres_within, place, seconds, span
from skypact.offline.track import TrackedFiles, rejections_by_reason

_95 = 1.959964
"""Half width of a 95 % interval over its standard deviation."""
_MOST_FLIGHTS = 20
_MOST_ROWS = 5
_PI = 3.141592653589793
_UNKNOWN = "not known"


def print_tracked(console: Console, tracked: TrackedFiles) -> None:
    """Flights, and what was not used."""
    times = f"{iso_utc(tracked.first_plot_ns, 0)} to {iso_utc(tracked.last_plot_ns, 0)}"
    found = _count(len(tracked.flights), "flight") if tracked.flights else "No flight"
    console.print(f"[bold]{found}[/] in {_count(tracked.plots, 'plot')}, {times}", highlight=False)
    if tracked.flights:
        console.print(_flights(tracked.flights))
    _print_rejections(console, tracked.rejections, tracked.notes)


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Each nation alone beside all together."""
    if not comparison.flights:
        console.print("[bold]No flight[/] was found by all together", highlight=False)
    for flight in comparison.flights[:_MOST_FLIGHTS]:
        console.print(_compared(flight))
    _say_more(console, len(comparison.flights))
    if comparison.flights:
        console.print(
            "Seen: part of the time from the first to the last plot in any picture in which this "
            f"one had a plot in the last {SEEN_WITHIN_S:g} s. First track: after the first "
            "plot in any. Areas: 95 % ellipses, semi-major × semi-minor axis, as estimated then; "
            "off: distance from the truth.",
            style="dim",
            highlight=False,
        )
    _print_rejections(console, comparison.rejections, ())


def _flights(flights: Sequence[Flight]) -> Group | Table:
    shown = sorted(flights, key=lambda flight: (-flight.plots, flight.id))[:_MOST_FLIGHTS]
    table = Table(box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False, expand=False)
    for heading in ("Flight", "Seen by", "Launch", "Apogee", "Impact"):
        table.add_column(heading, overflow="fold")
    for flight in sorted(shown, key=lambda flight: flight.id):
        table.add_row(*_cells(flight))
    if len(flights) == len(shown):
        return table
    return Group(table, Text(f"and {len(flights) - len(shown):,} more with fewer plots: --json"))


def _cells(flight: Flight) -> tuple[str, ...]:
    kind = str(flight.kind).replace("_", "-")
    if flight.kind is not FlightKind.UNKNOWN:
        kind += f" {_percent(flight.kind_probability)}"
    range_class = "range class unknown"
    if flight.range_class is not None:
        probability = flight.range_class_probability
        range_class = str(flight.range_class).upper()
        range_class += "" if probability is None else f" {_percent(probability)}"
    return (
        f"[bold]{flight.id}[/]\n{kind}\n{range_class}",
        f"{', '.join(flight.nations)}\n{', '.join(flight.radars)}\n{flight.plots:,} plots\n"
        f"{clock(flight.first_plot_ns)} to {clock(flight.last_plot_ns)}",
        _launch(flight),
        _apogee(flight),
        _impact(flight),
    )


def _launch(flight: Flight) -> str:
    launch = flight.launch
    if launch is None:
        return _UNKNOWN
    return (
        f"{clock(launch.time_ns)} ± {seconds(_95 * launch.time_sigma_s)}\n"
        f"{place(launch.latitude_rad, launch.longitude_rad)}\n{_area(launch.ellipse_95)}"
    )


def _apogee(flight: Flight) -> str:
    apogee = flight.apogee
    if apogee is None:
        return _UNKNOWN
    height = kilometres_within(apogee.height_m, _95 * apogee.height_sigma_m)
    text = f"{height} km\nat {clock(apogee.time_ns)}"
    if flight.ground_range_m is not None:
        text += f"\nrange {kilometres(flight.ground_range_m)} km"
    return text


def _impact(flight: Flight) -> str:
    impact = flight.impact
    if impact is None:
        return _UNKNOWN
    return (
        f"{clock(impact.time_ns)} ± {seconds(_95 * impact.time_sigma_s)}\n"
        f"{place(impact.latitude_rad, impact.longitude_rad)}\n{_area(impact.ellipse_95)}"
    )


def _area(ellipse: Ellipse) -> str:
    """The 95 % ellipse: semi-axes and area."""
    square_km = _PI * ellipse.semi_major_m * ellipse.semi_minor_m / 1e6
    digits = 0 if square_km >= 99.5 else 1 if square_km >= 9.95 else 2
    return f"± {_axes(ellipse)} ({square_km:,.{digits}f} km²)"


def _axes(ellipse: Ellipse) -> str:
    return f"{kilometres(ellipse.semi_major_m)} × {kilometres(ellipse.semi_minor_m)} km"


def _compared(flight: ComparedFlight) -> Table:
    span_ns = flight.last_plot_ns - flight.first_plot_ns
    named = f"Flight {flight.id}" + (f" ({flight.truth.id})" if flight.truth else "")
    title = f"[bold]{named}[/]: {iso_utc(flight.first_plot_ns, 0)}, seen for {span(span_ns * 1e-9)}"
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    for heading in ("Picture", "Radars", "Seen", "First track"):
        table.add_column(heading, justify="left" if heading == "Picture" else "right")
    moments = [flight.first_plot_ns + round(share * span_ns) for share in (0.25, 0.5, 1.0)]
    for time_ns in moments:
        table.add_column(
            f"Impact at {span((time_ns - flight.first_plot_ns) * 1e-9)}", justify="right"
        )
    table.add_column("Launch, last", justify="right")
    for view in flight.views:
        is_last = view is flight.together
        if is_last:
            table.add_section()
        table.add_row(*_view_cells(view, flight, moments), style="bold" if is_last else None)
    return table


def _view_cells(view: View, flight: ComparedFlight, moments: Sequence[int]) -> tuple[str, ...]:
    first = "never"
    if view.first_track_ns is not None:
        first = f"+{seconds((view.first_track_ns - flight.first_plot_ns) * 1e-9)}"
    return (
        view.name,
        str(len(view.radars)),
        _percent(view.share),
        first,
        *(_impact_then(view.at(time_ns)) for time_ns in moments),
        _launch_then(view.moments[-1]),
    )


def _impact_then(moment: Moment) -> str:
    if moment.flight is None or moment.flight.impact is None:
        return "–"
    return _with_error(moment.flight.impact.ellipse_95, moment.impact_error_m)


def _launch_then(moment: Moment) -> str:
    if moment.flight is None or moment.flight.launch is None:
        return "–"
    return _with_error(moment.flight.launch.ellipse_95, moment.launch_error_m)


def _with_error(ellipse: Ellipse, error_m: float | None) -> str:
    return _axes(ellipse) + ("" if error_m is None else f"\noff {kilometres(error_m)} km")


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
        console.print(f"and {flights - _MOST_FLIGHTS:,} more with fewer plots: --json")


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
