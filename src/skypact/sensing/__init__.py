"""Where plots come from: radar tables, plot files, refraction and the flight simulator."""

from skypact.sensing.plot_files import (
    PlotBatch,
    read_plots,
    read_plots_with_notes,
    stream_plots,
    write_plots,
)
from skypact.sensing.radar_files import load_radars, save_radars
from skypact.sensing.refraction import apparent_elevation, geometric_elevation

__all__ = [
    "PlotBatch",
    "apparent_elevation",
    "geometric_elevation",
    "load_radars",
    "read_plots",
    "read_plots_with_notes",
    "save_radars",
    "stream_plots",
    "write_plots",
]
