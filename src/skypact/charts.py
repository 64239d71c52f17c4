"""Pictures that explain themselves: flights on a map, and each nation beside all together."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.maps import (
    GRID,
    INK,
    NATION_COLOURS,
    Frame,
    Projection,
    centred,
    draw_coverage,
    draw_map,
    ellipse_places,
    frame_about,
    nation_colours,
)
from skypact.model import Ellipse, Flight, Impact, Launch, Radar
from skypact.offline.compare import TOGETHER, ComparedFlight, Comparison, Moment
from skypact.offline.output import replacing
from skypact.offline.text import clock, iso_utc, kilometres, seconds, span
from skypact.offline.track import TrackedFiles
from skypact.tracking import Updates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_95 = 1.959964
_DPI = 130
_SOFT = "#5d6770"
_MOST_FLIGHTS = 12
_PATH_STEP_NS = 250_000_000
_MOST_POINTS = 2000
_MINUTE_NS = 60e9
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#9aa4ad",
    "axes.labelcolor": INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "text.color": INK,
}

FloatArray = NDArray[np.float64]


class GroundPaths:
    """Where each track went, thinned as it grows: at most 2,000 points of each are kept."""

    def __init__(self) -> None:
        self._points: dict[int, list[tuple[int, float, float, float]]] = {}
        self._step_ns: dict[int, int] = {}

    def take(self, updates: Updates) -> None:
        """Add the estimates of a batch."""
        for track in np.unique(updates.track):
            number = int(track)
            own = np.flatnonzero(updates.track == track)
            points = self._points.setdefault(number, [])
            step_ns = self._step_ns.setdefault(number, _PATH_STEP_NS)
            slot = updates.time_ns[own] // step_ns
            last = points[-1][0] // step_ns if points else -1
            for i in own[np.diff(slot, prepend=last) != 0]:
                place = geodetic_from_ecef(*(float(n) for n in updates.state[i, :3]))
                points.append((int(updates.time_ns[i]), *place))
            if len(points) > _MOST_POINTS:
                self._points[number] = points[::2]
                self._step_ns[number] = 2 * step_ns

    def of(self, track: int) -> tuple[NDArray[np.int64], FloatArray]:
        """UTC ns (k,), and latitude rad, longitude rad, height m (k, 3)."""
        points = self._points.get(track, [])
        times = np.array([point[0] for point in points], np.int64)
        return times, np.array([point[1:] for point in points], float).reshape(-1, 3)


@rc_context(_STYLE)
def draw_flights(path: Path, tracked: TrackedFiles, paths: GroundPaths) -> None:
    """Ground tracks with the 95 % areas of launch and impact, and heights over time."""
    most_seen = sorted(tracked.flights, key=lambda flight: (-flight.plots, flight.id))
    shown = sorted(most_seen[:_MOST_FLIGHTS], key=lambda flight: flight.id)
    figure = _figure(14.5, 7.6)
    grid = figure.add_gridspec(
        1, 2, width_ratios=(1.25, 1), left=0.045, right=0.975, top=0.82, bottom=0.09, wspace=0.1
    )
    over_ground, over_time = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    radars = tracked.picture.radars
    _headline(figure, _tracked_title(tracked), _tracked_line(tracked, len(shown)))
    _draw_ground(over_ground, shown, paths, radars)
    _draw_heights(over_time, shown, paths, tracked.first_plot_ns)
    _save(figure, path)


@rc_context(_STYLE)
def draw_comparison(path: Path, comparison: Comparison) -> None:
    """The flight with the most plots: who sees what of it, and how the impact area shrinks."""
    figure = _figure(15.5, 10.4)
    if not comparison.flights:
        _headline(figure, "No flight was found", "in the plots of all together")
        _save(figure, path)
        return
    flight = comparison.flights[0]
    colours = nation_colours(comparison.radars)
    grid = figure.add_gridspec(
        6,
        2,
        width_ratios=(1.12, 1),
        left=0.045,
        right=0.975,
        top=0.865,
        bottom=0.055,
        wspace=0.17,
        hspace=0.85,
    )
    _headline(figure, _comparison_title(flight), _comparison_line(flight))
    _draw_coverage_map(figure.add_subplot(grid[0:4, 0]), flight, comparison.radars, colours)
    _draw_areas_then(figure.add_subplot(grid[4:6, 0]), flight, colours)
    height = figure.add_subplot(grid[0:2, 1])
    _draw_height(height, flight)
    seen = figure.add_subplot(grid[2:4, 1], sharex=height)
    _draw_who_sees(seen, flight, comparison.radars, colours)
    _draw_shrinking(figure.add_subplot(grid[4:6, 1], sharex=height), flight, colours)
    _save(figure, path)


# The parts of both


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=_DPI)


def _headline(figure: Figure, finding: str, line: str) -> None:
    height = figure.get_figheight()
    figure.text(0.045, 1.0 - 0.42 / height, finding, fontsize=16, fontweight="bold", va="center")
    figure.text(0.045, 1.0 - 0.80 / height, line, fontsize=10.5, color=_SOFT, va="center")


def _title(ax: "Axes", finding: str) -> None:
    ax.set_title(finding, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=7)


def _plain(ax: "Axes") -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(True, color=GRID, lw=0.6)
    ax.set_axisbelow(True)


def _outline(
    ax: "Axes", projection: Projection, at: Launch | Impact, colour: str, **style: Any
) -> None:
    """A 95 % ellipse on a map."""
    e = at.ellipse_95
    places = ellipse_places(
        at.latitude_rad, at.longitude_rad, e.semi_major_m, e.semi_minor_m, e.azimuth_rad
    )
    ax.fill(*projection.xy(*places), facecolor=_faint(colour), edgecolor=colour, **style)


def _faint(colour: str) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgb

    return (*to_rgb(colour), 0.18)


def _axes_text(ellipse: Ellipse) -> str:
    return f"{kilometres(ellipse.semi_major_m)} × {kilometres(ellipse.semi_minor_m)} km"


class _Labels:
    """Puts labels beside points where they cover neither each other nor the points."""

    _SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))

    def __init__(self, ax: "Axes", frame: Frame) -> None:
        figure = ax.get_figure()
        box = ax.get_position()
        width_points = 72.0 * box.width * figure.get_figwidth()  # type: ignore[union-attr]
        self._ax, self._frame = ax, frame
        self._km = (frame.east - frame.west) / width_points
        self._taken: list[tuple[float, float, float, float]] = []

    def keep_free(self, x: float, y: float, radius_points: float = 4.0) -> None:
        """No label is to cover this point."""
        r = radius_points * self._km
        self._taken.append((x - r, x + r, y - r, y + r))

    def put(self, x: float, y: float, text: str, colour: str, size: float = 7.5) -> None:
        """A label at the first side of the point that is free; none if no side is."""
        lines = text.split("\n")
        width = 0.62 * size * max(map(len, lines)) * self._km
        height = 1.3 * size * len(lines) * self._km
        for side_x, side_y in self._SIDES:
            gap = 6.0 * self._km
            cx = x + side_x * (gap + width / 2)
            cy = y + side_y * (gap + height / 2)
            box = (cx - width / 2, cx + width / 2, cy - height / 2, cy + height / 2)
            if self._is_free(box):
                self._taken.append(box)
                self._ax.text(
                    cx, cy, text, ha="center", va="center", fontsize=size, color=colour, zorder=8
                )
                return

    def _is_free(self, box: tuple[float, float, float, float]) -> bool:
        f = self._frame
        inside = box[0] > f.west and box[1] < f.east and box[2] > f.south and box[3] < f.north
        return inside and not any(
            box[0] < b[1] and box[1] > b[0] and box[2] < b[3] and box[3] > b[2] for b in self._taken
        )


# Flights of plot files


def _tracked_title(tracked: TrackedFiles) -> str:
    if not tracked.flights:
        return "No flight was found"
    count = len(tracked.flights)
    first = max(tracked.flights, key=lambda flight: flight.plots)
    kind = str(first.kind).replace("_", "-")
    if count > 1:
        return f"{count:,} flights in {tracked.plots:,} plots"
    if first.impact is None:
        return f"One flight, {kind}: where it comes down cannot be known yet"
    return f"One flight, {kind}: it comes down within {_axes_text(first.impact.ellipse_95)}"


def _tracked_line(tracked: TrackedFiles, shown: int) -> str:
    times = f"{iso_utc(tracked.first_plot_ns, 0)} to {iso_utc(tracked.last_plot_ns, 0)}"
    nations = ", ".join(sorted({radar.nation for radar in tracked.picture.radars}))
    more = "" if shown == len(tracked.flights) else f"; the {shown} with the most plots are shown"
    return f"{tracked.plots:,} plots of {nations}, {times}{more}"


def _draw_ground(
    ax: "Axes", flights: Sequence[Flight], paths: GroundPaths, radars: Sequence[Radar]
) -> None:
    places = [paths.of(flight.id)[1][:, :2] for flight in flights]
    ends = [end for f in flights for end in (f.launch, f.impact) if end is not None]
    places.append(np.array([(e.latitude_rad, e.longitude_rad) for e in ends]).reshape(-1, 2))
    sites = np.array([(r.latitude_rad, r.longitude_rad) for r in radars])
    everything = np.concatenate([sites, *places])
    projection = centred(everything[:, 0], everything[:, 1])
    x, y = projection.xy(everything[:, 0], everything[:, 1])
    frame = frame_about(x, y, 1.18)
    draw_map(ax, projection, frame)
    colours = nation_colours(radars)
    draw_coverage(ax, projection, frame, radars, colours)
    labels = _Labels(ax, frame)
    for px, py in zip(*projection.xy(sites[:, 0], sites[:, 1]), strict=True):
        labels.keep_free(px, py)
    for number, flight in enumerate(flights):
        _draw_one_ground(
            ax, projection, labels, flight, paths, _flight_colour(number), _flight_width(number)
        )
    for radar in radars:
        px, py = projection.xy(radar.latitude_rad, radar.longitude_rad)
        labels.put(float(px), float(py), radar.id, colours[radar.nation], 7)
    _title(ax, "Over ground: paths, and the 95 % areas of launch (○) and impact (×)")


def _draw_one_ground(
    ax: "Axes",
    projection: Projection,
    labels: _Labels,
    flight: Flight,
    paths: GroundPaths,
    colour: str,
    width: float,
) -> None:
    _, path = paths.of(flight.id)
    if len(path):
        x, y = projection.xy(path[:, 0], path[:, 1])
        ax.plot(x, y, color=colour, lw=width, zorder=5, solid_capstyle="round")
        for i in range(0, len(x), max(1, len(x) // 12)):
            labels.keep_free(float(x[i]), float(y[i]))
        for end, begin in ((flight.launch, 0), (flight.impact, -1)):
            if end is not None:
                ex, ey = map(float, projection.xy(end.latitude_rad, end.longitude_rad))
                bx, by = float(x[begin]), float(y[begin])
                ax.plot([bx, ex], [by, ey], color=colour, lw=1.2, ls=(0, (4, 3)), zorder=4)
                for part in np.linspace(0.02, 0.98, 25):
                    labels.keep_free(ex + part * (bx - ex), ey + part * (by - ey), 1.0)
    if flight.launch is not None:
        _outline(ax, projection, flight.launch, colour, lw=1.0, zorder=4)
        x, y = projection.xy(flight.launch.latitude_rad, flight.launch.longitude_rad)
        ax.plot(x, y, "o", ms=6, mfc="white", mec=colour, mew=1.5, zorder=7)
        text = f"launch {clock(flight.launch.time_ns)}\n± {_axes_text(flight.launch.ellipse_95)}"
        labels.put(float(x), float(y), text, colour)
    if flight.impact is not None:
        _outline(ax, projection, flight.impact, colour, lw=1.0, zorder=4)
        x, y = projection.xy(flight.impact.latitude_rad, flight.impact.longitude_rad)
        ax.plot(x, y, "x", ms=8, mec=colour, mew=2.0, zorder=7)
        text = f"impact {clock(flight.impact.time_ns)}\n± {_axes_text(flight.impact.ellipse_95)}"
        labels.put(float(x), float(y), text, colour)


def _flight_colour(number: int) -> str:
    return ("#22262b", *reversed(NATION_COLOURS))[number % (len(NATION_COLOURS) + 1)]


def _flight_width(number: int) -> float:
    """The first lies lowest and is widest, so that those along with it do not hide it."""
    return 4.2 if number == 0 else 1.6


def _draw_heights(
    ax: "Axes", flights: Sequence[Flight], paths: GroundPaths, first_plot_ns: int
) -> None:
    for number, flight in enumerate(flights):
        times, path = paths.of(flight.id)
        colour = _flight_colour(number)
        minutes = (times - first_plot_ns) / _MINUTE_NS
        ax.plot(
            minutes,
            path[:, 2] / 1e3,
            color=colour,
            lw=_flight_width(number),
            label=f"flight {flight.id}",
        )
        if flight.apogee is not None:
            at = (flight.apogee.time_ns - first_plot_ns) / _MINUTE_NS
            half = _95 * flight.apogee.height_sigma_m / 1e3
            ax.errorbar(at, flight.apogee.height_m / 1e3, yerr=half, fmt="D", color=colour, ms=5)
        if flight.impact is not None:
            at = (flight.impact.time_ns - first_plot_ns) / _MINUTE_NS
            half = _95 * flight.impact.time_sigma_s / 60.0
            ax.errorbar(at, 0.0, xerr=half, fmt="x", color=colour, ms=7, mew=2)
    _plain(ax)
    ax.set_xlabel("minutes after the first plot")
    ax.set_ylabel("height above the ellipsoid, km")
    highest_m = max((paths.of(f.id)[1][:, 2].max(initial=0.0) for f in flights), default=0.0)
    ax.set_ylim(0.0, 1.12 * max(highest_m, 1.0) / 1e3)
    if len(flights) > 1:
        ax.legend(frameon=False, fontsize=8)
    _title(ax, f"Height: seen up to {kilometres(highest_m)} km (◆ apogee, × impact, ± 95 %)")


# Each nation beside all together


def _comparison_title(flight: ComparedFlight) -> str:
    alone = ", ".join(f"{view.name} {100 * view.share:.0f} %" for view in flight.views[:-1])
    return f"Alone {alone} of the flight; together {100 * flight.together.share:.0f} %"


def _comparison_line(flight: ComparedFlight) -> str:
    named = f"{flight.truth.id}, " if flight.truth else ""
    first = f"{named}first plot {iso_utc(flight.first_plot_ns, 0)}"
    tracked = [f"{view.name} {_after(flight, view.first_track_ns)}" for view in flight.views]
    return f"{first}. First track: {', '.join(tracked)}"


def _after(flight: ComparedFlight, time_ns: int | None) -> str:
    return "never" if time_ns is None else f"+{seconds((time_ns - flight.first_plot_ns) * 1e-9)}"


def _draw_coverage_map(
    ax: "Axes", flight: ComparedFlight, radars: Sequence[Radar], colours: Mapping[str, str]
) -> None:
    path = flight.path
    sites = np.array([(r.latitude_rad, r.longitude_rad) for r in radars])
    ends = _ends(flight)
    everything = np.concatenate([sites, path[:, 1:3], ends])
    projection = centred(everything[:, 0], everything[:, 1])
    frame = frame_about(*projection.xy(everything[:, 0], everything[:, 1]), 1.3)
    draw_map(ax, projection, frame)
    draw_coverage(ax, projection, frame, radars, colours)
    labels = _Labels(ax, frame)
    x, y = projection.xy(path[:, 1], path[:, 2])
    ax.plot(x, y, color=INK, lw=2.4, zorder=5, solid_capstyle="round")
    for i in range(0, len(x), max(1, len(x) // 25)):
        labels.keep_free(float(x[i]), float(y[i]), 6.0)
    for px, py in zip(*projection.xy(sites[:, 0], sites[:, 1]), strict=True):
        labels.keep_free(float(px), float(py))
    for (lat, lon), near, mark in zip(ends, (0, -1), ("launch", "impact"), strict=True):
        ex, ey = (float(n) for n in projection.xy(lat, lon))
        ax.plot([x[near], ex], [y[near], ey], color=INK, lw=1.2, ls=(0, (4, 3)), zorder=4)
        for part in np.linspace(0.02, 0.98, 25):
            labels.keep_free(ex + part * float(x[near] - ex), ey + part * float(y[near] - ey), 1.0)
        style = {"launch": "o", "impact": "x"}[mark]
        ax.plot(ex, ey, style, ms=8, mec=INK, mfc="white", mew=2.0, zorder=7)
        labels.put(ex, ey, mark, INK, 8.5)
    for minute in _whole_minutes(float(path[-1, 0]) / 60.0):
        at = int(np.argmin(np.abs(path[:, 0] - 60.0 * minute)))
        ax.plot(x[at], y[at], "o", ms=3.5, mfc="white", mec=INK, mew=1.2, zorder=7)
        labels.put(float(x[at]), float(y[at]), f"{minute} min", INK, 7)
    for radar in radars:
        px, py = projection.xy(radar.latitude_rad, radar.longitude_rad)
        labels.put(float(px), float(py), radar.id, colours[radar.nation], 7)
    _title(ax, "Ground track, and how far each nation's radars (▲) reach at most")


def _ends(flight: ComparedFlight) -> FloatArray:
    """(2, 2): launch and impact, latitude and longitude rad: true, else as last estimated."""
    if flight.truth is not None:
        t = flight.truth
        return np.array(
            [
                (t.launch_latitude_rad, t.launch_longitude_rad),
                (t.impact_latitude_rad, t.impact_longitude_rad),
            ]
        )
    known = [m.flight for m in flight.together.moments if m.flight is not None]
    launch = next((f.launch for f in reversed(known) if f.launch), None)
    impact = next((f.impact for f in reversed(known) if f.impact), None)
    path = flight.path
    return np.array(
        [
            (launch.latitude_rad, launch.longitude_rad) if launch else path[0, 1:3],
            (impact.latitude_rad, impact.longitude_rad) if impact else path[-1, 1:3],
        ]
    )


def _whole_minutes(minutes: float) -> list[int]:
    step = next((s for s in (1, 2, 5, 10, 15, 30) if minutes / s <= 6), 60)
    return list(range(step, int(minutes) + 1, step))


def _draw_areas_then(ax: "Axes", flight: ComparedFlight, colours: Mapping[str, str]) -> None:
    """The 95 % areas of impact about the truth at a moment when they differ."""
    time_ns = _telling_moment(flight)
    moments = [(view, view.at(time_ns)) for view in flight.views]
    known = [
        (view, moment.flight.impact)
        for view, moment in moments
        if moment.flight is not None and moment.flight.impact is not None
    ]
    after = span((moments[-1][1].time_ns - flight.first_plot_ns) * 1e-9)
    _title(ax, f"Where it comes down, as estimated {after} after the first plot")
    if not known:
        ax.text(0.5, 0.5, "not known yet", ha="center", transform=ax.transAxes, color=_SOFT)
        ax.set_axis_off()
        return
    centre = _ends(flight)[1] if flight.truth else _middle(known[-1][1])
    projection = Projection(*(float(n) for n in centre))
    outlines = []
    for view, impact in known:
        e = impact.ellipse_95
        places = ellipse_places(
            impact.latitude_rad, impact.longitude_rad, e.semi_major_m, e.semi_minor_m, e.azimuth_rad
        )
        outlines.append((view, impact, projection.xy(*places)))
    for view, impact, (x, y) in sorted(outlines, key=lambda o: -o[1].ellipse_95.semi_major_m):
        colour = colours.get(view.name, INK)
        label = f"{view.name}  ± {_axes_text(impact.ellipse_95)}"
        ax.fill(x, y, facecolor=_faint(colour), edgecolor=colour, lw=1.8, label=label)
    if flight.truth:
        ax.plot(0, 0, "x", ms=9, mec=INK, mew=2.2, ls="", label="where it truly came down")
    _plain(ax)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("km east")
    ax.set_ylabel("km north")
    unknown = [view.name for view, m in moments if not (m.flight and m.flight.impact)]
    title = f"unknown to {', '.join(unknown)}" if unknown else None
    ax.legend(loc="upper left", frameon=True, framealpha=0.9, fontsize=8, title=title)


def _middle(impact: Impact) -> tuple[float, float]:
    return impact.latitude_rad, impact.longitude_rad


def _telling_moment(flight: ComparedFlight) -> int:
    """The first moment at which most pictures that ever know the impact know it."""

    def knowing(moment: Moment) -> bool:
        return moment.flight is not None and moment.flight.impact is not None

    columns = list(zip(*(view.moments for view in flight.views), strict=True))
    most = max(sum(map(knowing, column)) for column in columns)
    return next(c[-1].time_ns for c in columns if sum(map(knowing, c)) == most)


def _draw_height(ax: "Axes", flight: ComparedFlight) -> None:
    minutes, heights = flight.path[:, 0] / 60.0, flight.path[:, 3] / 1e3
    ax.fill_between(minutes, heights, color=INK, alpha=0.07, lw=0)
    ax.plot(minutes, heights, color=INK, lw=2.0)
    _plain(ax)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("height, km")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    _title(ax, f"Height: followed from {heights[0]:,.0f} km up to {heights.max():,.0f} km")


def _draw_who_sees(
    ax: "Axes", flight: ComparedFlight, radars: Sequence[Radar], colours: Mapping[str, str]
) -> None:
    rows: list[tuple[str, str, float, tuple[tuple[int, int], ...], bool]] = []
    for view in flight.views[:-1]:
        rows.append(
            (f"{view.name}  {100 * view.share:.0f} %", colours[view.name], 1.0, view.seen, True)
        )
        for radar in radars:
            if radar.nation == view.name:
                seen = flight.seen_by_radar[radar.id]
                rows.append((radar.id, colours[view.name], 0.45, seen, False))
    together = flight.together
    rows.append((f"together  {100 * together.share:.0f} %", INK, 1.0, together.seen, True))
    for number, (_, colour, alpha, seen, is_nation) in enumerate(rows):
        bars = [
            ((begin - flight.first_plot_ns) / _MINUTE_NS, (end - begin) / _MINUTE_NS)
            for begin, end in seen
        ]
        half = 0.42 if is_nation else 0.22
        ax.broken_barh(bars, (number - half, 2 * half), facecolors=colour, alpha=alpha, lw=0)
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    for label, (_, colour, _, _, is_nation) in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_color(colour)
        label.set_fontsize(8 if is_nation else 6.8)
        label.set_fontweight("bold" if is_nation else "normal")
    _plain(ax)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    _title(ax, _who_finding(flight))


def _who_finding(flight: ComparedFlight) -> str:
    first = min(flight.views[:-1], key=lambda v: v.seen[0][0] if v.seen else math.inf)
    last = max(flight.views[:-1], key=lambda v: v.seen[-1][1] if v.seen else -math.inf)
    if first.name == last.name:
        return f"Who sees when: {first.name} sees it first and longest"
    return f"Who sees when: {first.name} sees it first, {last.name} sees it last"


def _draw_shrinking(ax: "Axes", flight: ComparedFlight, colours: Mapping[str, str]) -> None:
    for view in flight.views:
        known = [(m, m.flight.impact) for m in view.moments if m.flight and m.flight.impact]
        if not known:
            continue
        minutes = np.array([(m.time_ns - flight.first_plot_ns) / _MINUTE_NS for m, _ in known])
        axis_km = np.array([impact.ellipse_95.semi_major_m / 1e3 for _, impact in known])
        seen = np.array([m.is_seen for m, _ in known])
        colour = colours.get(view.name, INK)
        wide = 2.6 if view is flight.together else 1.6
        ax.plot(minutes, axis_km, color=colour, lw=wide, ls=(0, (2, 2)), alpha=0.6)
        ax.plot(minutes, np.where(seen, axis_km, np.nan), color=colour, lw=wide, label=view.name)
        ax.plot(minutes[seen], axis_km[seen], "o", color=colour, ms=3.5)
    _plain(ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(10, (1.0, 3.0), numticks=8))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylabel("semi-major axis of the\n95 % impact area, km")
    ax.set_xlabel("minutes after the first plot (dashed: out of sight)")
    ax.legend(frameon=False, fontsize=8, ncols=4, loc="upper right")
    _title(ax, _shrinking_finding(flight))


def _shrinking_finding(flight: ComparedFlight) -> str:
    time_ns = _telling_moment(flight)
    known = [(view.name, view.at(time_ns).flight) for view in flight.views]
    axes = {
        name: view_flight.impact.ellipse_95.semi_major_m
        for name, view_flight in known
        if view_flight is not None and view_flight.impact is not None
    }
    if TOGETHER not in axes:
        return "The impact area cannot be known yet"
    together, after = axes.pop(TOGETHER), span((time_ns - flight.first_plot_ns) * 1e-9)
    finding = f"Impact after {after}: together ± {kilometres(together)} km"
    if not axes:
        return finding
    best = min(axes, key=lambda name: axes[name])
    return f"{finding}, best alone ({best}) ± {kilometres(axes[best])} km"
