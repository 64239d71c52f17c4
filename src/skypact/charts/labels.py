"""Labels that cover neither each other nor what they name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.patheffects import withStroke

from skypact.maps import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAPS_POINTS = (6.0, 20.0, 36.0, 54.0)
_ACROSS = {1: "left", 0: "center", -1: "right"}
_ALONG = {1: "bottom", 0: "center", -1: "top"}
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


class Labels:
    """Puts labels beside points of a map, farther off with a thin line where it is crowded."""

    def __init__(self, ax: "Axes", frame: Frame) -> None:
        figure = ax.get_figure()
        width_points = 72.0 * ax.get_position().width * figure.get_figwidth()  # type: ignore[union-attr]
        self._ax, self._frame = ax, frame
        self.km_per_point = (frame.east - frame.west) / width_points
        self._taken: list[tuple[float, float, float, float]] = []

    def keep_free(self, x: float, y: float, radius_points: float = 4.0) -> None:
        """No label is to cover this point."""
        r = radius_points * self.km_per_point
        self._taken.append((x - r, x + r, y - r, y + r))

    def put(self, x: float, y: float, text: str, colour: str, size: float = 7.5) -> None:
        """A label where there is room, near the point if possible; none where there is no room."""
        lines = text.split("\n")
        width = 0.6 * size * max(map(len, lines)) * self.km_per_point
        height = 1.3 * size * len(lines) * self.km_per_point
        for gap_points in _GAPS_POINTS:
            gap = gap_points * self.km_per_point
            for side_x, side_y in _SIDES:
                cx = x + side_x * (gap + width / 2)
                cy = y + side_y * (gap + height / 2)
                box = (cx - width / 2, cx + width / 2, cy - height / 2, cy + height / 2)
                if not self._is_free(box):
                    continue
                self._taken.append(box)
                near = x + side_x * gap, y + side_y * gap
                self._ax.text(
                    *near,
                    text,
                    ha=_ACROSS[side_x],
                    va=_ALONG[side_y],
                    fontsize=size,
                    color=colour,
                    zorder=8,
                    path_effects=[withStroke(linewidth=2.0, foreground="white", alpha=0.7)],
                )
                if gap_points > _GAPS_POINTS[0]:
                    self._ax.plot([x, near[0]], [y, near[1]], color=colour, lw=0.6, zorder=6)
                return

    def _is_free(self, box: tuple[float, float, float, float]) -> bool:
        f = self._frame
        inside = box[0] > f.west and box[1] < f.east and box[2] > f.south and box[3] < f.north
        return inside and not any(
            box[0] < b[1] and box[1] > b[0] and box[2] < b[3] and box[3] > b[2] for b in self._taken
        )


def grouped(points: Sequence[tuple[float, float]], within: float) -> list[list[int]]:
    """Numbers of points, those within a distance of a group's first one together, in order."""
    groups: list[list[int]] = []
    for number, (x, y) in enumerate(points):
        for group in groups:
            x0, y0 = points[group[0]]
            if abs(x - x0) <= within and abs(y - y0) <= within:
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def numbered(names: Sequence[str], most: int = 4) -> str:
    """Numbers in few words: 1-5, 8, 12 + 3 more. Those that follow each other are one stretch."""
    if not all(name.isdecimal() for name in names):
        return ", ".join(name for name in names if name)
    numbers = sorted(map(int, names))
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs[:most]
    ]
    more = sum(map(len, runs[most:]))
    return ", ".join(said) + (f" + {more} more" if more else "")
