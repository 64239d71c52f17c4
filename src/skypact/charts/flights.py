"""The picture of `skypact track`: paths over ground and over time, and each area close up."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from skypact.charts.ground import GroundMap
from skypact.charts.labels import grouped, numbered
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
from skypact.charts.paths import GroundPaths
from skypact.flight.paths import Path, before, foretold, path_of, stretches, unseen
from skypact.maps import INK, Projection
from skypact.model import Flight, Impact, Launch, Radar
from skypact.offline.text import HALF_95, axes, clock, iso_utc, kilometres, seconds
from skypact.offline.track import TrackedFiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_FLIGHTS = 12
_COLOURS = (
    *(INK, "#CC3311", "#1965B0", "#117733", "#E8601C", "#882E72"),
    *("#44AA99", "#AA4477", "#999933", "#4EB3D3", "#332288", "#C9A227"),
)
"""One for each flight shown; after Paul Tol's schemes, told apart by the colour-blind."""
_MARKERS = {"launch": "o", "impact": "x"}
_MAP_IN, _TIME_IN, _HIGH_IN = 7.6, 5.0, 5.3
_CLOSE_COLUMNS, _CLOSE_IN = 6, 1.55


class _Drawn(NamedTuple):
    """One flight as the picture shows it; `name` is its number where there are several."""

    flight: Flight
    name: str
    colour: str
    width: float
    start: Path
    seen: Path
    ahead: Path

    @property
    def parts(self) -> list[tuple[Path, bool]]:
        """What is drawn, and whether it was seen."""
        foretold = [self.start, *unseen(self.seen), self.ahead]
        return [(part, False) for part in foretold] + [
            (part, True) for part in stretches(self.seen)
        ]

    @property
    def ends(self) -> list[tuple[str, Launch | Impact]]:
        """What is known of its launch and impact."""
        both = (("launch", self.flight.launch), ("impact", self.flight.impact))
        return [(word, at) for word, at in both if at is not None]


@rc_context(STYLE)
def draw_flights(path: FilePath, tracked: TrackedFiles, paths: GroundPaths) -> None:
    """Ground tracks, heights over time, and the 95 % areas of launch and impact close up."""
    most_seen = sorted(tracked.flights, key=lambda flight: (-flight.plots, flight.id))
    shown = sorted(most_seen[:_MOST_FLIGHTS], key=lambda flight: flight.id)
    drawn = _drawn(shown, paths)
    # Launches close up too where there is room.
    close = [
        (one, word, at)
        for one in drawn
        for word, at in one.ends
        if word == "impact" or 2 * len(drawn) <= _CLOSE_COLUMNS
    ]
    rows = -(-len(close) // _CLOSE_COLUMNS)
    figure = new_figure(14.5, 7.45 + (0.4 + rows * (_CLOSE_IN + 0.8) if rows else 0.0))
    headline(figure, _finding(tracked), _line(tracked, len(shown)))
    over_ground = axes_at(figure, 0.65, 1.45, _MAP_IN, _HIGH_IN)
    _draw_ground(over_ground, drawn, tracked.picture.radars)
    over_time = axes_at(figure, 9.1, 1.45, _TIME_IN, _HIGH_IN)
    _draw_heights(over_time, drawn, tracked.first_plot_ns)
    for number, (one, word, at) in enumerate(close):
        row, column = divmod(number, _CLOSE_COLUMNS)
        top = 8.15 + row * (_CLOSE_IN + 0.8)
        _draw_close(axes_at(figure, 0.65 + 2.3 * column, top, 1.75, _CLOSE_IN), one, word, at)
    if close:
        _say_close(figure, 7.6)
    save(figure, path)


def _drawn(flights: Sequence[Flight], paths: GroundPaths) -> tuple[_Drawn, ...]:
    found = []
    for number, flight in enumerate(flights):
        seen = paths.of(flight.id)
        found.append(
            _Drawn(
                flight=flight,
                name=str(flight.id) if len(flights) > 1 else "",
                colour=_COLOURS[number % len(_COLOURS)],
                # The first lies lowest and is widest: one along with it does not hide it.
                width=3.6 if number == 0 else 1.6,
                start=_start(flight, seen, paths),
                seen=seen,
                ahead=foretold(flight.impact, seen),
            )
        )
    return tuple(found)


def _start(flight: Flight, seen: Path, paths: GroundPaths) -> Path:
    """From the launch to where its path begins: what parted from another was with it till then."""
    whole = paths.of(flight.parted_from) if flight.parted_from is not None else path_of([])
    if not len(seen.time_ns) or not len(whole.time_ns) or whole.time_ns[0] >= seen.time_ns[0]:
        return before(flight.launch, seen)
    with_it = whole.time_ns < seen.time_ns[0]
    parts = (
        before(flight.launch, whole),
        Path._make(column[with_it] for column in whole),
        Path._make(column[:1] for column in seen),
    )
    return Path._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _finding(tracked: TrackedFiles) -> str:
    if not tracked.flights:
        return "No flight was found"
    count = len(tracked.flights)
    if count > 1:
        return f"{count:,} flights in {tracked.plots:,} plots"
    (flight,) = tracked.flights
    kind = str(flight.kind).replace("_", "-")
    if flight.impact is None:
        return f"One flight, {kind}: where it comes down cannot be known yet"
    return f"One flight, {kind}: it comes down within {axes(flight.impact.ellipse_95)} km"


def _line(tracked: TrackedFiles, shown: int) -> str:
    times = f"{iso_utc(tracked.first_plot_ns, 0)} to {iso_utc(tracked.last_plot_ns, 0)}"
    nations = ", ".join(sorted({radar.nation for radar in tracked.picture.radars}))
    more = "" if shown == len(tracked.flights) else f"; the {shown} with the most plots are shown"
    until = " (cut there)" if tracked.until_ns is not None else ""
    return f"{tracked.plots:,} plots of {nations}, {times}{until}; times are UTC{more}"


def _draw_ground(ax: "Axes", drawn: Sequence[_Drawn], radars: Sequence[Radar]) -> None:
    used = {name for one in drawn for name in one.flight.radars}
    sites = sites_of([radar for radar in radars if radar.id in used or not used])
    parts = [part.places[:, :2] for one in drawn for part in (one.start, one.seen, one.ahead)]
    ends = [end for one in drawn for _, end in one.ends]
    ground = GroundMap(ax, np.concatenate([sites, *parts]), radars, ends)
    for one in drawn:
        _draw_one_ground(ground, one)
    _label_ends(ground, drawn)
    ground.finish()
    title(ax, "Over ground")


def _draw_one_ground(ground: GroundMap, one: _Drawn) -> None:
    ax = ground.ax
    for part, is_seen in one.parts:
        x, y = ground.projection.xy(part.places[:, 0], part.places[:, 1])
        ax.plot(x, y, zorder=5 if is_seen else 4, **_line_style(one, is_seen))
        for i in np.unique(np.linspace(0, len(x) - 1, 30).astype(int)) if len(x) else ():
            ground.labels.keep_free(float(x[i]), float(y[i]), 2.0)
    for word, end in one.ends:
        area = outline(ground.projection, end)
        ax.fill(*area, facecolor=faint(one.colour), edgecolor=one.colour, lw=1.0, zorder=4)
        at = ground.at(end.latitude_rad, end.longitude_rad)
        ax.plot(*at, _MARKERS[word], ms=6.5, mfc="white", mec=one.colour, mew=1.6, zorder=7)


def _line_style(one: _Drawn, is_seen: bool) -> dict[str, Any]:
    if is_seen:
        return {"color": one.colour, "lw": one.width, "ls": "-"}
    return {"color": one.colour, "lw": 1.2, "ls": UNSEEN}


def _label_ends(ground: GroundMap, drawn: Sequence[_Drawn]) -> None:
    """Ends that lie together have one label, with all their numbers."""
    for word in ("launch", "impact"):
        ends = [(one, end) for one in drawn for is_word, end in one.ends if is_word == word]
        places = [ground.at(end.latitude_rad, end.longitude_rad) for _, end in ends]
        for group in grouped(places, 9.0 * ground.labels.km_per_point):
            one, end = ends[group[0]]
            text = f"{word} {numbered([ends[i][0].name for i in group])}".rstrip()
            if not one.name:
                text += f" {clock(end.time_ns)}\n± {axes(end.ellipse_95)} km"
            colour = one.colour if len(group) == 1 else INK
            ground.labels.put(*places[group[0]], text, colour, 8.0)


def _draw_heights(ax: "Axes", drawn: Sequence[_Drawn], first_plot_ns: int) -> None:
    def minutes(time_ns: float) -> float:
        return (time_ns - first_plot_ns) / MINUTE_NS

    tops: list[tuple[float, float]] = []
    for one in drawn:
        for part, is_seen in one.parts:
            ax.plot(
                (part.time_ns - first_plot_ns) / MINUTE_NS,
                part.places[:, 2] / 1e3,
                **_line_style(one, is_seen),
            )
        apogee, impact = one.flight.apogee, one.flight.impact
        if apogee is not None:
            half = HALF_95 * apogee.height_sigma_m / 1e3
            at = minutes(apogee.time_ns), apogee.height_m / 1e3
            ax.errorbar(*at, yerr=half, fmt="D", color=one.colour, ms=5)
        else:
            highest = int(np.argmax(one.seen.places[:, 2])) if len(one.seen.time_ns) else 0
            at = minutes(one.seen.time_ns[highest]), one.seen.places[highest, 2] / 1e3
        tops.append(at)
        if impact is not None:
            half = HALF_95 * impact.time_sigma_s / 60.0
            at = minutes(impact.time_ns), 0.0
            ax.errorbar(*at, xerr=half, fmt="x", color=one.colour, ms=7, mew=2, clip_on=False)
    plain(ax)
    ax.set_xlabel(f"minutes after the first plot, {clock(first_plot_ns)} UTC")
    ax.set_ylabel("height above the ellipsoid, km")
    highest_km = max((height for _, height in tops), default=0.0)
    ax.set_ylim(0.0, 1.12 * max(highest_km, 1e-3))
    _label_tops(ax, drawn, tops)
    title(ax, "Height over time (◆ apogee; bars: 95 %)")


def _label_tops(ax: "Axes", drawn: Sequence[_Drawn], tops: Sequence[tuple[float, float]]) -> None:
    """Each flight's number above its apogee; where some lie together, all their numbers."""
    (west, east), (low, high) = ax.get_xlim(), ax.get_ylim()
    wide, tall = 72.0 * _TIME_IN / (east - west), 72.0 * _HIGH_IN / (high - low)
    for group in grouped([(x * wide, y * tall) for x, y in tops], 10.0):
        one = drawn[group[0]]
        kilometres_up = kilometres(1e3 * tops[group[0]][1])
        text = numbered([drawn[i].name for i in group]) or f"{kilometres_up} km"
        ax.annotate(
            text,
            tops[group[0]],
            (0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            fontweight="bold",
            color=one.colour if len(group) == 1 else INK,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=9,
        )


def _say_close(figure: Figure, top: float) -> None:
    wide, high = figure.get_size_inches()
    figure.text(
        0.65 / wide,
        1.0 - top / high,
        "Areas close up, km east and north of the estimate",
        fontsize=10.5,
        fontweight="bold",
        va="center",
    )
    figure.text(
        5.2 / wide,
        1.0 - top / high,
        "filled: the 95 % ellipse; dotted: a 95 % region of any shape; dashed: the way there",
        fontsize=8.5,
        color=SOFT,
        va="center",
    )


def _draw_close(ax: "Axes", one: _Drawn, word: str, at: Launch | Impact) -> None:
    """One area, filling its axes."""
    projection = Projection(at.latitude_rad, at.longitude_rad)
    x, y = outline(projection, at)
    ax.fill(x, y, facecolor=faint(one.colour), edgecolor=one.colour, lw=1.4, zorder=3)
    half = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if isinstance(at, Impact) and at.region_95:
        ring = np.array(at.region_95)
        rx, ry = projection.xy(ring[:, 1], ring[:, 0])
        ax.plot(rx, ry, color=one.colour, lw=1.1, ls=":", zorder=4)
        half = max(half, float(np.abs(rx).max()), float(np.abs(ry).max()))
    part = one.start if word == "launch" else one.ahead
    if len(part.time_ns):
        ax.plot(
            *projection.xy(part.places[:, 0], part.places[:, 1]),
            color=one.colour,
            lw=1.0,
            ls=UNSEEN,
            zorder=2,
        )
    ax.plot(0, 0, _MARKERS[word], ms=6, mfc="white", mec=one.colour, mew=1.6, zorder=5)
    plain(ax)
    half *= 1.15
    ax.set_ylim(-half, half)
    ax.set_xlim(-half * 1.75 / _CLOSE_IN, half * 1.75 / _CLOSE_IN)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, symmetric=True))
    ax.tick_params(labelsize=7, length=2)
    when = f"{clock(at.time_ns)} ± {seconds(HALF_95 * at.time_sigma_s)}"
    ax.set_title(
        f"{word} {one.name}".rstrip() + f" {when}\n± {axes(at.ellipse_95)} km",
        loc="left",
        fontsize=7.5,
        color=one.colour,
        pad=4,
    )
