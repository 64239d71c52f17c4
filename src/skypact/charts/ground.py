"""A map with radars and their reach, that paths are drawn on."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from skypact.charts.labels import Labels
from skypact.charts.parts import UNSEEN, faint, outline
from skypact.maps import (
    INK,
    FloatArray,
    centred,
    draw_coverage,
    draw_map,
    frame_about,
    nation_colours,
)
from skypact.model import Impact, Launch, Radar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BOUNDLESS_M = 1e8
"""A radar whose greatest range is beyond this states none."""
_LEGEND_COLUMNS = 4


class GroundMap:
    """Land, radars and their reach; paths are drawn on it, and `finish` names the rest.

    `places` (n, 2), latitude and longitude in rad, and the ellipses of `ends` are what it shows.
    """

    def __init__(
        self,
        ax: "Axes",
        places: FloatArray,
        radars: Sequence[Radar],
        ends: Iterable[Launch | Impact] = (),
    ) -> None:
        self.ax, self._radars = ax, radars
        self.projection = centred(places[:, 0], places[:, 1])
        shown = [self.projection.xy(places[:, 0], places[:, 1])]
        shown += [outline(self.projection, end) for end in ends]
        x, y = (np.concatenate(column) for column in zip(*shown, strict=True))
        box, figure = ax.get_position(), ax.figure
        wide, high = figure.get_size_inches()  # type: ignore[union-attr]
        frame = frame_about(x, y, box.width * wide / (box.height * high))
        draw_map(ax, self.projection, frame)
        self._colours = nation_colours(radars)
        draw_coverage(ax, self.projection, frame, radars, self._colours)
        self.labels = Labels(ax, frame)
        for radar in radars:
            self.labels.keep_free(*self.at(radar.latitude_rad, radar.longitude_rad))

    def at(self, latitude_rad: float, longitude_rad: float) -> tuple[float, float]:
        """A place in km east and north of the map's middle."""
        x, y = self.projection.xy(latitude_rad, longitude_rad)
        return float(x), float(y)

    def finish(self, *signs: Line2D) -> None:
        """Names the radars, which give way to all other labels, and explains the signs below.

        `signs`: those that stand on this map beside the usual ones.
        """
        for radar in self._radars:
            site = self.at(radar.latitude_rad, radar.longitude_rad)
            self.labels.put(*site, radar.id, self._colours[radar.nation], 7)
        handles: list[Any] = [
            Line2D([], [], color=INK, lw=2.4, label="seen"),
            Line2D([], [], color=INK, lw=1.2, ls=UNSEEN, label="not seen, or foretold"),
            Line2D([], [], color=INK, marker="o", mfc="white", mew=1.5, ls="", label="launch"),
            Line2D([], [], color=INK, marker="x", mew=2.0, ls="", label="impact"),
            *signs,
            *(self._nation(nation, colour) for nation, colour in self._colours.items()),
        ]
        self.ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.0, -0.045),
            borderaxespad=0.0,
            # Columns are filled downwards.
            ncols=min(-(-len(handles) // 2), _LEGEND_COLUMNS),
            frameon=False,
            fontsize=7.5,
            columnspacing=1.4,
            handlelength=2.2,
        )

    def _nation(self, nation: str, colour: str) -> Any:
        own = [radar for radar in self._radars if radar.nation == nation]
        if any(radar.max_range_m < _BOUNDLESS_M for radar in own):
            label = f"{nation}: greatest reach of its radars ▲"
            return Patch(facecolor=faint(colour), edgecolor=colour, label=label)
        return Line2D([], [], color=colour, marker="^", ls="", label=f"{nation}: its radars")
