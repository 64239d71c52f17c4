"""The picture of `skypact register`: each bias beside what was declared of it."""

from pathlib import Path

from skypact.charts.parts import SOFT, STYLE, axes_at, headline, new_figure, plain, save
from skypact.maps import GRID, INK
from skypact.offline.register import RegisteredFiles
from skypact.offline.summary import bias_lines
from skypact.offline.text import HALF_95

_COLOUR = "#1f6fb4"
_ROW_INCHES = 0.27


def draw_biases(path: Path, registered: RegisteredFiles) -> None:
    """Write a PNG: learnt biases with their 95 % intervals, in declared sigmas."""
    from matplotlib import rc_context

    lines = bias_lines(registered)
    with rc_context(STYLE):
        figure = new_figure(9.5, 2.2 + _ROW_INCHES * len(lines))
        learnt = sum(line.learnt for line in lines)
        headline(
            figure,
            f"{learnt} of {len(lines)} biases are known better than declared",
            "Dots: learnt, with 95 % intervals. Grey: what was declared. In declared standard "
            "deviations.",
        )
        axes = axes_at(figure, 3.6, 1.15, 5.5, _ROW_INCHES * len(lines) + 0.1)
        plain(axes)
        axes.axvspan(-HALF_95, HALF_95, color=GRID, zorder=0)
        axes.axvline(0.0, color=SOFT, lw=0.8)
        for row, line in enumerate(lines):
            axes.errorbar(
                line.mean_sigmas,
                row,
                xerr=HALF_95 * line.left,
                fmt="o" if line.learnt else ".",
                ms=4,
                color=_COLOUR if line.learnt else SOFT,
                capsize=2,
                lw=1.4,
            )
        axes.set_yticks(range(len(lines)), [f"{n.name}   {n.said}" for n in lines], color=INK)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_xlabel("declared standard deviations")
        save(figure, path)
