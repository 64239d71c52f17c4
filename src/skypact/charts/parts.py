"""What both pictures are made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from skypact.maps import GRID, INK, FloatArray, Projection, ellipse_places
from skypact.model import Impact, Launch, Radar
from skypact.offline.output import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 130
SOFT = "#5d6770"
MINUTE_NS = 60e9
UNSEEN = (0, (4, 3))
"""Dashes of a path where it was not seen."""
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#9aa4ad",
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
}


def new_figure(width: float, height: float) -> Figure:
    """A white figure, inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place counted from the upper left corner, inches."""
    wide, high = figure.get_size_inches()
    box = (left / wide, 1.0 - (top + height) / high, width / wide, height / high)
    return figure.add_axes(box)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=DPI)


def headline(figure: Figure, finding: str, line: str) -> None:
    """What the picture says, and of what."""
    width, height = figure.get_size_inches()
    left = 0.65 / width
    figure.text(left, 1.0 - 0.42 / height, finding, fontsize=16, fontweight="bold", va="center")
    figure.text(left, 1.0 - 0.80 / height, line, fontsize=10.5, color=SOFT, va="center")


def title(ax: "Axes", finding: str) -> None:
    """What one part of the picture says."""
    ax.set_title(finding, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=7)


def plain(ax: "Axes") -> None:
    """Axes with a grid and without a frame."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(True, color=GRID, lw=0.6)
    ax.set_axisbelow(True)


def outline(projection: Projection, at: Launch | Impact) -> tuple[FloatArray, FloatArray]:
    """A 95 % ellipse, km east and north."""
    e = at.ellipse_95
    return projection.xy(
        *ellipse_places(
            at.latitude_rad, at.longitude_rad, e.semi_major_m, e.semi_minor_m, e.azimuth_rad
        )
    )


def faint(colour: str) -> tuple[float, float, float, float]:
    """A colour to fill an area with."""
    return (*to_rgb(colour), 0.18)


def sites_of(radars: Sequence[Radar]) -> FloatArray:
    """(n, 2): latitude and longitude, rad."""
    return np.array([(r.latitude_rad, r.longitude_rad) for r in radars]).reshape(-1, 2)
