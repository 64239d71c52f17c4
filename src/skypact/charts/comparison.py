"""The picture of `skypact compare`: who sees what of a flight, and how the impact area shrinks."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from skypact.charts.ground import GroundMap
from skypact.charts.parts import (
    MINUTE_NS,
    SOFT,
    STYLE,
    UNSEEN,
    axes_at,
    faint,
    headline,
    new_figure,
    outline,
    plain,
    save,
    sites_of,
    title,
)
from skypact.flight.paths import Path, before, foretold, stretches, unseen
from skypact.maps import INK, FloatArray, Projection, nation_colours
from skypact.model import Impact, Radar
from skypact.offline.compare import (
    SEEN_WITHIN_S,
    TOGETHER,
    ComparedFlight,
    Comparison,
    Moment,
    View,
)
from skypact.offline.text import axes, iso_utc, kilometres, seconds, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP_IN = (7.0, 5.35)
_MINUTE_MARK: dict[str, Any] = {"ms": 3.5, "mfc": "white", "mec": INK, "mew": 1.2}
_IN_TIME_IN = ((1.4, 2.1), (4.1, 2.65), (7.75, 2.15))
"""Top and height of what is shown over time, inches."""
_INVISIBLE = 0.2
"""Areas smaller than this share of the largest are shown again, close up."""


@rc_context(STYLE)
def draw_comparison(path: FilePath, comparison: Comparison) -> None:
    """The main flight: who sees what of it, and how the impact area shrinks."""
    figure = new_figure(15.5, 10.4)
    if not comparison.flights:
        headline(figure, "No flight was found", "in the plots of all together")
        save(figure, path)
        return
    flight = _main(comparison.flights)
    colours = nation_colours(comparison.radars)
    headline(figure, _comparison_title(flight), _comparison_line(flight, len(comparison.flights)))
    over_ground = axes_at(figure, 0.7, 1.4, *_MAP_IN)
    _draw_coverage_map(over_ground, flight, comparison.radars)
    _draw_areas_then(figure, flight, colours)
    in_time = [axes_at(figure, 9.0, top, 6.2, high) for top, high in _IN_TIME_IN]
    _draw_height(in_time[0], flight)
    _draw_who_sees(in_time[1], flight, comparison.radars, colours)
    _draw_shrinking(in_time[2], flight, colours)
    for ax in in_time:
        ax.set_xlim(*_minutes_shown(flight))
    save(figure, path)


def _main(flights: Sequence[ComparedFlight]) -> ComparedFlight:
    """The flight with the most plots of those that did not part from another."""
    return max(flights, key=lambda f: (f.parted_from is None, f.together.plots, -f.id))


def _comparison_title(flight: ComparedFlight) -> str:
    alone = ", ".join(f"{view.name} {100 * view.share:.0f} %" for view in flight.views[:-1])
    return f"Alone {alone} of the flight; together {100 * flight.together.share:.0f} %"


def _comparison_line(flight: ComparedFlight, flights: int) -> str:
    named = f"{flight.truth.id}, " if flight.truth else ""
    most = f" (flight {flight.id} of {flights}, by its plots the main one)" if flights > 1 else ""
    first = f"{named}first plot {iso_utc(flight.first_plot_ns, 0)}{most}"
    tracked = [f"{view.name} {_after(flight, view.first_track_ns)}" for view in flight.views]
    return f"{first}. First track: {', '.join(tracked)}"


def _minutes_shown(flight: ComparedFlight) -> tuple[float, float]:
    """From its first plot to its last, and the moment at or after that."""
    last_ns = flight.last_plot_ns
    after = [m.time_ns for m in flight.together.moments if m.time_ns >= last_ns]
    end = (min(after, default=last_ns) - flight.first_plot_ns) / MINUTE_NS
    return -0.04 * end, 1.04 * end


def _after(flight: ComparedFlight, time_ns: int | None) -> str:
    return "never" if time_ns is None else f"+{seconds((time_ns - flight.first_plot_ns) * 1e-9)}"


def _draw_coverage_map(ax: "Axes", flight: ComparedFlight, radars: Sequence[Radar]) -> None:
    path, ends = flight.path, _ends(flight)
    ground = GroundMap(ax, np.concatenate([sites_of(radars), path[:, 1:3], ends]), radars)
    labels = ground.labels
    whole = _whole(flight)
    x, y = ground.projection.xy(whole.places[:, 0], whole.places[:, 1])
    for part, is_seen in _parts(flight):
        px, py = ground.projection.xy(part.places[:, 0], part.places[:, 1])
        ax.plot(px, py, zorder=5 if is_seen else 4, **_line(is_seen))
        for i in np.unique(np.linspace(0, len(px) - 1, 25).astype(int)) if len(px) else ():
            labels.keep_free(float(px[i]), float(py[i]), 6.0 if is_seen else 1.0)
    for (lat, lon), mark in zip(ends, ("launch", "impact"), strict=True):
        ex, ey = ground.at(float(lat), float(lon))
        style = {"launch": "o", "impact": "x"}[mark]
        ax.plot(ex, ey, style, ms=8, mec=INK, mfc="white", mew=2.0, zorder=7)
        labels.put(ex, ey, mark, INK, 8.5)
    for minute in _whole_minutes(float(path[-1, 0]) / 60.0):
        at = float(flight.first_plot_ns + minute * MINUTE_NS)
        mx, my = (float(np.interp(at, whole.time_ns, column)) for column in (x, y))
        ax.plot(mx, my, "o", zorder=7, **_MINUTE_MARK)
        labels.put(mx, my, f"{minute} min", INK, 7)
    ground.finish(
        Line2D([], [], marker="o", ls="", label="min after the first plot", **_MINUTE_MARK)
    )
    title(ax, "Ground track, and how far each nation's radars reach")


def _line(is_seen: bool) -> dict[str, Any]:
    if is_seen:
        return {"color": INK, "lw": 2.4, "solid_capstyle": "round"}
    return {"color": INK, "lw": 1.2, "ls": UNSEEN}


def _parts(flight: ComparedFlight) -> list[tuple[Path, bool]]:
    """The path in parts, and whether each was seen; what was not is as all together foretell it."""
    time_ns = flight.first_plot_ns + np.rint(flight.path[:, 0] * 1e9).astype(np.int64)
    path = Path(time_ns, flight.path[:, 1:], flight.states)
    known = [m.flight for m in flight.together.moments if m.flight is not None]
    launch = next((f.launch for f in reversed(known) if f.launch), None)
    impact = next((f.impact for f in reversed(known) if f.impact), None)
    not_seen = [before(launch, path), *unseen(path), foretold(impact, path)]
    return [(part, False) for part in not_seen] + [(part, True) for part in stretches(path)]


def _whole(flight: ComparedFlight) -> Path:
    """The path through all its parts, seen or not, in order of time."""
    parts = [part for part, _ in _parts(flight)]
    joined = Path._make(map(np.concatenate, zip(*parts, strict=True)))
    order = np.argsort(joined.time_ns, kind="stable")
    return Path._make(column[order] for column in joined)


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


def _draw_areas_then(figure: Figure, flight: ComparedFlight, colours: Mapping[str, str]) -> None:
    """The 95 % areas of impact at a moment when they differ, small ones again close up."""
    time_ns = _telling_moment(flight)
    moments = [(view, view.at(time_ns)) for view in flight.views]
    known = [
        (view, moment.flight.impact)
        for view, moment in moments
        if moment.flight is not None and moment.flight.impact is not None
    ]
    known.sort(key=lambda pair: -pair[1].ellipse_95.semi_major_m)
    small = _too_small_to_see(known)
    ax = axes_at(figure, 0.7, 7.75, 4.55 if small else 7.0, 2.15)
    after = span((moments[-1][1].time_ns - flight.first_plot_ns) * 1e-9)
    title(ax, f"Where it comes down, as estimated after {after}")
    if not known:
        ax.text(0.5, 0.5, "not known yet", ha="center", transform=ax.transAxes, color=SOFT)
        ax.set_axis_off()
        return
    together = flight.together.at(time_ns).flight
    own = together.impact if together is not None and together.impact is not None else known[-1][1]
    centre = _ends(flight)[1] if flight.truth else (own.latitude_rad, own.longitude_rad)
    projection = Projection(*(float(n) for n in centre))
    unknown = [view.name for view, m in moments if not (m.flight and m.flight.impact)]
    _draw_areas(ax, projection, known, colours, flight.truth is not None)
    ax.set_ylabel("km north")
    ax.legend(
        loc="best",
        framealpha=0.9,
        fontsize=7.5,
        title=f"unknown to {', '.join(unknown)}" if unknown else None,
        title_fontsize=7.5,
    )
    if small:
        close = axes_at(figure, 5.7, 7.75, 2.0, 2.15)
        _draw_areas(close, projection, small, colours, flight.truth is not None)
        names = ", ".join(view.name for view, _ in reversed(small))
        close.set_title(f"close up: {names}", loc="left", fontsize=8.5, pad=7)


def _too_small_to_see(known: Sequence[tuple[View, Impact]]) -> list[tuple[View, Impact]]:
    """Of areas, the largest first, those about as small as the last beside a far larger one."""
    if not known:
        return []
    axes_m = [impact.ellipse_95.semi_major_m for _, impact in known]
    if axes_m[-1] > _INVISIBLE * axes_m[0]:
        return []
    return [pair for pair, axis_m in zip(known, axes_m, strict=True) if axis_m < 4.0 * axes_m[-1]]


def _draw_areas(
    ax: "Axes",
    projection: Projection,
    areas: Sequence[tuple[View, Impact]],
    colours: Mapping[str, str],
    has_truth: bool,
) -> None:
    for view, impact in areas:
        x, y = outline(projection, impact)
        colour = colours.get(view.name, INK)
        label = f"{view.name}  ± {axes(impact.ellipse_95)} km"
        ax.fill(x, y, facecolor=faint(colour), edgecolor=colour, lw=1.8, label=label)
    if has_truth:
        ax.plot(0, 0, "x", ms=9, mec=INK, mew=2.2, ls="", label="where it truly came down")
    plain(ax)
    ax.margins(0.1)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("km east")


def _telling_moment(flight: ComparedFlight) -> int:
    """The first moment at which most pictures that ever know the impact know it."""

    def knowing(moment: Moment) -> bool:
        return moment.flight is not None and moment.flight.impact is not None

    columns = list(zip(*(view.moments for view in flight.views), strict=True))
    most = max(sum(map(knowing, column)) for column in columns)
    return next(c[-1].time_ns for c in columns if sum(map(knowing, c)) == most)


def _draw_height(ax: "Axes", flight: ComparedFlight) -> None:
    heights = flight.path[:, 3] / 1e3
    for part, is_seen in _parts(flight):
        at = (part.time_ns - flight.first_plot_ns) / MINUTE_NS
        if is_seen:
            ax.fill_between(at, part.places[:, 2] / 1e3, color=INK, alpha=0.07, lw=0)
        ax.plot(at, part.places[:, 2] / 1e3, **_line(is_seen))
    plain(ax)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("height, km")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    title(ax, f"Height: followed from {heights[0]:,.0f} km up to {heights.max():,.0f} km")


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
            ((begin - flight.first_plot_ns) / MINUTE_NS, (end - begin) / MINUTE_NS)
            for begin, end in seen
        ]
        half = 0.42 if is_nation else 0.22
        ax.broken_barh(bars, (number - half, 2 * half), facecolors=colour, alpha=alpha, lw=0)
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    for label, (_, colour, _, _, is_nation) in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_color(colour)
        label.set_fontsize(8 if is_nation else 6.8)
        label.set_fontweight("bold" if is_nation else "normal")
    plain(ax)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    title(ax, _who_finding(flight))


def _who_finding(flight: ComparedFlight) -> str:
    first = min(flight.views[:-1], key=lambda v: v.seen[0][0] if v.seen else math.inf)
    last = max(flight.views[:-1], key=lambda v: v.seen[-1][1] if v.seen else -math.inf)
    when = f"Who sees when (plots within {SEEN_WITHIN_S:g} s)"
    if first.name == last.name:
        return f"{when}: {first.name} sees it first and last"
    return f"{when}: {first.name} sees it first, {last.name} sees it last"


def _draw_shrinking(ax: "Axes", flight: ComparedFlight, colours: Mapping[str, str]) -> None:
    for view in flight.views:
        known = [(m, m.flight.impact) for m in view.moments if m.flight and m.flight.impact]
        if not known:
            continue
        minutes = np.array([(m.time_ns - flight.first_plot_ns) / MINUTE_NS for m, _ in known])
        axis_km = np.array([impact.ellipse_95.semi_major_m / 1e3 for _, impact in known])
        seen = np.array([m.is_seen for m, _ in known])
        colour = colours.get(view.name, INK)
        wide = 2.6 if view is flight.together else 1.6
        ax.plot(minutes, axis_km, color=colour, lw=wide, ls=(0, (2, 2)), alpha=0.6)
        ax.plot(minutes, np.where(seen, axis_km, np.nan), color=colour, lw=wide, label=view.name)
        ax.plot(minutes[seen], axis_km[seen], "o", color=colour, ms=3.5)
    plain(ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(10, (1.0, 3.0), numticks=8))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylabel("semi-major axis of the\n95 % impact area, km")
    ax.set_xlabel("minutes after the first plot (dots: as estimated then; dashed: out of sight)")
    ax.legend(frameon=False, fontsize=8, ncols=2, loc="best")
    title(ax, _shrinking_finding(flight))


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
