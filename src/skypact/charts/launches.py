"""The picture of `skypact record draw`: when, what, whence, how high and far, where they fell."""

import datetime
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from skypact.charts.parts import SOFT, STYLE, axes_at, headline, new_figure, plain, save, title
from skypact.maps import INK, FloatArray, centred, draw_map, frame_about
from skypact.model import PART, LaunchEntry
from skypact.record.exports import day_text
from skypact.record.launch_record import LaunchRecord, Query
from skypact.record.lines import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_MOST = 20_000
"""Points drawn; beyond, the newest."""
_MOST_BARS = 14
_DECADE = 10.0
_COLOUR, _FAILED = "#1965B0", "#CC3311"
_SHOWN = (0.03, 0.97)
"""The map shows what lies between; a few that fell far off are beyond its edge."""
_WIDE, _HIGH = 13.0, 10.6


@rc_context(STYLE)
def draw_launches(
    path: Path, record: LaunchRecord, query: Query, lines: Sequence[Line] = ()
) -> None:
    """Write a PNG of the launches of a query, with lines on the map."""
    months, total = record.count(query, "month"), record.count(query).get("", 0)
    entries = [one for _, one in islice(record.entries(query, newest_first=True), _MOST)]
    figure = new_figure(_WIDE, _HIGH)
    span = f"{_month(min(months))} to {_month(max(months))}" if months else "no launches"
    headline(figure, f"{total:,} entries, {span}", _line(record, query, len(entries), total))
    _draw_months(axes_at(figure, 0.75, 1.4, _WIDE - 1.2, 1.9), months)
    _draw_bars(axes_at(figure, 1.2, 4.0, 2.1, 2.6), record.count(query, "type"), "By type")
    _draw_bars(axes_at(figure, 5.4, 4.0, 2.1, 2.6), record.count(query, "site"), "By site")
    _draw_heights(axes_at(figure, 8.5, 4.0, 4.0, 2.6), entries)
    _draw_falls(axes_at(figure, 0.75, 7.25, _WIDE - 1.2, 2.9), entries, lines)
    save(figure, path)


def _line(record: LaunchRecord, query: Query, drawn: int, total: int) -> str:
    outcomes = record.count(query, "outcome")
    succeeded, failed, unknown = (outcomes.get(one, 0) for one in ("success", "failure", "unknown"))
    types = record.count(query, "type")
    cruise, parts = types.get("cruise", 0), types.get(PART, 0)
    words = f"Origin: {query.origin}. {succeeded:,} succeeded, {failed:,} failed, of {unknown:,} "
    words += f"it is not known; {cruise:,} are cruise missiles"
    words += f", {parts:,} parts of a launch." if parts else "."
    return words if drawn == total else f"{words} Points: the newest {drawn:,}."


def _month(value: str) -> str:
    return day_text(int(value) * 100)


def _draw_months(ax: "Axes", months: dict[str, int]) -> None:
    plain(ax)
    title(ax, "By month")
    at = [datetime.date(int(value[:4]), max(int(value[4:]), 1), 15) for value in months]
    ax.bar(at, list(months.values()), width=25, color=_COLOUR)  # type: ignore[arg-type]
    ax.set_ylabel("launches")


def _draw_bars(ax: "Axes", counts: dict[str, int], words: str) -> None:
    plain(ax)
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown, rest = most[:_MOST_BARS], most[_MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} others", sum(n for _, n in rest)))
    title(ax, words)
    bars = ax.barh(range(len(shown)), [n for _, n in shown], color=_COLOUR)
    ax.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=6.5, color=SOFT)
    ax.margins(x=0.12)
    names = [name if len(name) < 30 else f"{name[:28]}…" for name, _ in shown]
    ax.set_yticks(range(len(shown)), names, fontsize=7)
    ax.invert_yaxis()


def _draw_heights(ax: "Axes", entries: Sequence[LaunchEntry]) -> None:
    plain(ax)
    known = [one for one in entries if one.apogee_km and one.range_km]
    title(ax, f"Apogee against range ({len(known):,} with both)")
    for failed in (False, True):
        some = [one for one in known if (one.outcome == "failure") == failed]
        ax.scatter(
            [one.range_km or 0.0 for one in some],
            [one.apogee_km or 0.0 for one in some],
            s=14,
            color=_FAILED if failed else _COLOUR,
            alpha=0.6,
            lw=0,
            label="failed" if failed else "succeeded, or not known",
        )
    _kilometres(ax.xaxis, ax.set_xscale, [one.range_km or 0.0 for one in known])
    _kilometres(ax.yaxis, ax.set_yscale, [one.apogee_km or 0.0 for one in known])
    ax.set_xlabel("range, km")
    ax.set_ylabel("apogee, km")
    ax.legend(frameon=False, fontsize=7.5)


def _kilometres(axis: "Axis", scale: Callable[[str], None], values: Sequence[float]) -> None:
    """Whole numbers to read: 1, 2 and 5 of each decade, or even steps over less than one."""
    if values and max(values) > _DECADE * min(values):
        scale("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_falls(ax: "Axes", entries: Sequence[LaunchEntry], lines: Sequence[Line]) -> None:
    known = [one for one in entries if one.impact_latitude_deg is not None]
    derived = sum(one.impact_from == "derived" for one in known)
    words = f"Where they came down ({len(known):,} of {len(entries):,} known, {derived:,} derived"
    if not known:
        title(ax, f"{words})")
        ax.set_axis_off()
        return
    falls = _radians([(o.impact_latitude_deg, o.impact_longitude_deg) for o in known])
    sites = _radians([(o.launch_latitude_deg, o.launch_longitude_deg) for o in known])
    sites = sites[np.isfinite(sites).all(axis=1)]
    places = np.vstack([falls, sites])
    projection = centred(places[:, 0], places[:, 1])
    box, (wide, high) = ax.get_position(), ax.figure.get_size_inches()  # type: ignore[union-attr]
    shape = box.width * wide / (box.height * high)
    east, north = (np.quantile(one, _SHOWN) for one in projection.xy(places[:, 0], places[:, 1]))
    frame = frame_about(east, north, shape)
    draw_map(ax, projection, frame)
    x, y = projection.xy(falls[:, 0], falls[:, 1])
    shown = (frame.west <= x) & (x <= frame.east) & (frame.south <= y) & (y <= frame.north)
    beyond = np.count_nonzero(~shown)
    title(ax, f"{words}; {beyond:,} beyond the edge)")
    for line in lines:
        for part in line.parts:
            x, y = projection.xy(np.radians(part[:, 1]), np.radians(part[:, 0]))
            ax.plot(x, y, color=_FAILED, lw=1.0, zorder=4)
        ax.plot([], [], color=_FAILED, lw=1.0, label=line.name)
    for at, style, label in ((falls, "x", "came down"), (sites, "o", "launched")):
        x, y = projection.xy(at[:, 0], at[:, 1])
        colour = INK if style == "x" else SOFT
        ax.plot(x, y, style, ms=4, color=colour, mfc="none", zorder=5, label=label)
    ax.legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(0.0, -0.02), ncols=6)


def _radians(places: Sequence[tuple[float | None, float | None]]) -> FloatArray:
    """(n, 2); NaN where it is not known."""
    return np.radians(np.array(places, np.float64).reshape(-1, 2))
