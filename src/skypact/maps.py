"""Maps for pictures: a projection, land, graticule, radars and their coverage.

Azimuthal equidistant about the middle of what is shown (Snyder 1987, USGS PP 1395, eq. 5-3, 22-4,
25-2 to 25-14, on a sphere), in km east and north. Land comes from NASA's Blue Marble, which the
package `brahe` brings along: nothing is fetched; where it is missing, the map has no land.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skypact.model import Radar

EARTH_KM = 6371.0
SEA, LAND, COAST, GRID, INK = "#f2f6f9", "#e7e2d6", "#b5ad9b", "#d3dae0", "#22262b"
NATION_COLOURS = ("#D55E00", "#009E73", "#0072B2", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, told apart by the colour-blind."""
_MOST_PIXELS = 700
_STEPS_DEG = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30)

FloatArray = NDArray[np.float64]


class Projection(NamedTuple):
    """Azimuthal equidistant about a centre, rad; x east and y north in km."""

    latitude_rad: float
    longitude_rad: float

    def xy(
        self, latitude_rad: ArrayLike, longitude_rad: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Places to the plane, any shape."""
        lat = np.asarray(latitude_rad, float)
        lon = np.asarray(longitude_rad, float) - self.longitude_rad
        sin0, cos0 = math.sin(self.latitude_rad), math.cos(self.latitude_rad)
        cos_c = sin0 * np.sin(lat) + cos0 * np.cos(lat) * np.cos(lon)
        c = np.arccos(np.clip(cos_c, -1.0, 1.0))
        k = EARTH_KM * np.where(c < 1e-9, 1.0, c / np.maximum(np.sin(c), 1e-12))
        x = k * np.cos(lat) * np.sin(lon)
        return x, k * (cos0 * np.sin(lat) - sin0 * np.cos(lat) * np.cos(lon))

    def places(self, x_km: ArrayLike, y_km: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """The plane to latitude and longitude, rad; longitudes within π of the centre's."""
        x, y = np.asarray(x_km, float), np.asarray(y_km, float)
        rho = np.maximum(np.hypot(x, y), 1e-9)
        c = rho / EARTH_KM
        sin0, cos0 = math.sin(self.latitude_rad), math.cos(self.latitude_rad)
        lat = np.arcsin(np.clip(np.cos(c) * sin0 + y * np.sin(c) * cos0 / rho, -1.0, 1.0))
        east = x * np.sin(c)
        lon = np.arctan2(east, rho * cos0 * np.cos(c) - y * sin0 * np.sin(c))
        return lat, self.longitude_rad + lon


class Frame(NamedTuple):
    """What a map shows: km from its projection's centre."""

    west: float
    east: float
    south: float
    north: float

    @property
    def size(self) -> float:
        """The longer side."""
        return max(self.east - self.west, self.north - self.south)


def centred(latitudes_rad: FloatArray, longitudes_rad: FloatArray) -> Projection:
    """A projection about the middle of some places."""
    lat, lon = latitudes_rad, longitudes_rad
    middle = np.array(
        [
            np.mean(np.cos(lat) * np.cos(lon)),
            np.mean(np.cos(lat) * np.sin(lon)),
            np.mean(np.sin(lat)),
        ]
    )
    x, y, z = (float(number) for number in middle)
    return Projection(math.atan2(z, math.hypot(x, y)), math.atan2(y, x))


def frame_about(x_km: FloatArray, y_km: FloatArray, width_per_height: float) -> Frame:
    """A frame of a given shape with room about some points."""
    margin = 0.08 * max(float(np.ptp(x_km)), float(np.ptp(y_km)), 20.0)
    width = max(float(np.ptp(x_km)) + 2.0 * margin, 40.0)
    height = max(float(np.ptp(y_km)) + 2.0 * margin, 40.0)
    width, height = max(width, height * width_per_height), max(height, width / width_per_height)
    x0, y0 = 0.5 * (x_km.min() + x_km.max()), 0.5 * (y_km.min() + y_km.max())
    return Frame(
        *(float(n) for n in (x0 - width / 2, x0 + width / 2, y0 - height / 2, y0 + height / 2))
    )


def draw_map(ax: Any, projection: Projection, frame: Frame) -> None:
    """Sea, land, graticule with its degrees at the left and lower edge, and a scale."""
    ax.set_facecolor(SEA)
    ax.set_xlim(frame.west, frame.east)
    ax.set_ylim(frame.south, frame.north)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color(GRID)
    _draw_land(ax, projection, frame)
    _draw_graticule(ax, projection, frame)
    _draw_scale(ax, frame)


def draw_coverage(
    ax: Any,
    projection: Projection,
    frame: Frame,
    radars: Sequence[Radar],
    colours: Mapping[str, str],
) -> None:
    """Each nation's reach, the union of its radars' greatest ranges, and their sites."""
    x, y = np.meshgrid(
        np.linspace(frame.west, frame.east, 300), np.linspace(frame.south, frame.north, 300)
    )
    lat, lon = projection.places(x, y)
    for nation, colour in colours.items():
        own = [radar for radar in radars if radar.nation == nation]
        reach = [
            _distance_km(lat, lon, r) * 1e3 / r.max_range_m for r in own if r.max_range_m < 1e8
        ]
        if reach:
            nearest = np.min(reach, axis=0)
            ax.contourf(x, y, nearest, levels=[0.0, 1.0], colors=[colour], alpha=0.06, zorder=2)
            ax.contour(
                x, y, nearest, levels=[1.0], colors=[colour], linewidths=1.0, alpha=0.6, zorder=2
            )
        sites = projection.xy([r.latitude_rad for r in own], [r.longitude_rad for r in own])
        ax.plot(*sites, "^", ms=6, color=colour, mec="white", mew=0.7, ls="", zorder=6)


def nation_colours(radars: Sequence[Radar]) -> dict[str, str]:
    """A colour for each nation, in order of name."""
    nations = sorted({radar.nation for radar in radars})
    return {n: NATION_COLOURS[i % len(NATION_COLOURS)] for i, n in enumerate(nations)}


def ellipse_places(
    latitude_rad: float,
    longitude_rad: float,
    semi_major_m: float,
    semi_minor_m: float,
    azimuth_rad: float,
) -> tuple[FloatArray, FloatArray]:
    """The outline of an ellipse on the ground as places, rad."""
    t = np.linspace(0.0, 2.0 * math.pi, 121)
    along, across = semi_major_m / 1e3 * np.cos(t), semi_minor_m / 1e3 * np.sin(t)
    north = along * math.cos(azimuth_rad) - across * math.sin(azimuth_rad)
    east = along * math.sin(azimuth_rad) + across * math.cos(azimuth_rad)
    return Projection(latitude_rad, longitude_rad).places(east, north)


def _distance_km(latitude_rad: FloatArray, longitude_rad: FloatArray, radar: Radar) -> FloatArray:
    x, y = Projection(radar.latitude_rad, radar.longitude_rad).xy(latitude_rad, longitude_rad)
    return np.hypot(x, y)


def _draw_land(ax: Any, projection: Projection, frame: Frame) -> None:
    mask = _land_mask()
    if mask is None or frame.size > 0.8 * math.pi * EARTH_KM:
        return
    rows, columns = mask.shape
    edge = np.linspace(0.0, 1.0, 60)
    west, east, south, north = frame
    x = np.concatenate([west + edge * (east - west)] * 2 + [np.full(60, west), np.full(60, east)])
    y = np.concatenate(
        [np.full(60, south), np.full(60, north)] + [south + edge * (north - south)] * 2
    )
    lat, lon = np.degrees(projection.places(x, y))
    per_degree = rows / 180.0
    top = max(0, int((90.0 - lat.max()) * per_degree) - 3)
    bottom = min(rows, int((90.0 - lat.min()) * per_degree) + 4)
    left = int((lon.min() + 180.0) * per_degree) - 3
    right = int((lon.max() + 180.0) * per_degree) + 4
    stride = max(1, (bottom - top) // _MOST_PIXELS, (right - left) // _MOST_PIXELS)
    row, column = np.arange(top, bottom, stride), np.arange(left, right, stride)
    part = _without_specks(mask[np.ix_(row, column % columns)])
    if not 0.0 < part.mean() < 1.0:
        return
    lat_grid = np.radians(90.0 - (row + 0.5) / per_degree)
    lon_grid = np.radians((column + 0.5) / per_degree - 180.0)
    gx, gy = projection.xy(*np.meshgrid(lat_grid, lon_grid, indexing="ij"))
    ax.contourf(gx, gy, part, levels=[0.5, 2.0], colors=[LAND], zorder=0)
    ax.contour(gx, gy, part, levels=[0.5], colors=[COAST], linewidths=0.7, zorder=1)


@functools.cache
def _land_mask() -> FloatArray | None:
    """(2700, 5400) from 0, sea, to 1, land; rows from north, columns from 180° west."""
    spec = find_spec("brahe")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(folders[0]) / "plots/data/world.topo.200410.3x5400x2700.png" if folders else None
    if path is None or not path.is_file():
        return None
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    with Image.open(path) as image:
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), np.float32), 2, 0)
    land = (red > 26.0) & (red >= 0.8 * green) & (red >= blue - 8.0)
    return np.asarray(gaussian_filter(land.astype(np.float32), 0.6))


def _without_specks(part: FloatArray) -> FloatArray:
    """Lakes and dark woods below a size taken for land, and tiny islands for sea."""
    from scipy.ndimage import label

    part = part.copy()
    for is_land, least, instead in ((False, 80, 1.0), (True, 3, 0.0)):
        pieces, _ = label((part > 0.5) == is_land)
        small = np.bincount(pieces.ravel()) < least
        small[0] = False
        part[small[pieces]] = instead
    return part


def _draw_graticule(ax: Any, projection: Projection, frame: Frame) -> None:
    """Meridians and parallels; their degrees stand outside the frame."""
    corners = projection.places(
        np.linspace(frame.west, frame.east, 9)[None, :] + np.zeros((9, 1)),
        np.linspace(frame.south, frame.north, 9)[:, None] + np.zeros((1, 9)),
    )
    lat_span, lon_span = (np.degrees([part.min(), part.max()]) for part in corners)
    step = next((s for s in _STEPS_DEG if frame.size / (111.2 * s) <= 7.0), 30)
    step_lon = next((s for s in _STEPS_DEG if np.ptp(lon_span) / s <= 7.0), 30)
    for degrees in np.arange(math.floor(lat_span[0] / step) * step, lat_span[1] + step, step):
        lon = np.radians(np.linspace(lon_span[0] - 2.0, lon_span[1] + 2.0, 400))
        x, y = projection.xy(np.full(400, math.radians(degrees)), lon)
        ax.plot(x, y, color=GRID, lw=0.7, zorder=1)
        at = float(np.interp(frame.west, x, y)) if abs(degrees) < 89 else math.nan
        if frame.south < at < frame.north:
            _edge_label(
                ax, (frame.west, at), (-3, 0), f"{abs(degrees):g}°{'N' if degrees >= 0 else 'S'}"
            )
    for degrees in np.arange(
        math.floor(lon_span[0] / step_lon) * step_lon, lon_span[1] + step_lon, step_lon
    ):
        lat = np.radians(np.linspace(max(-89.0, lat_span[0] - 2), min(89.0, lat_span[1] + 2), 400))
        x, y = projection.xy(lat, np.full(400, math.radians(degrees)))
        ax.plot(x, y, color=GRID, lw=0.7, zorder=1)
        at = float(np.interp(frame.south, y, x))
        if frame.west < at < frame.east:
            shown = math.remainder(degrees, 360.0)
            _edge_label(
                ax, (at, frame.south), (0, -3), f"{abs(shown):g}°{'E' if shown >= 0 else 'W'}"
            )


def _edge_label(ax: Any, at: tuple[float, float], offset: tuple[int, int], text: str) -> None:
    ax.annotate(
        text,
        at,
        offset,
        textcoords="offset points",
        ha="right" if offset[0] else "center",
        va="center" if offset[0] else "top",
        fontsize=7.5,
        color="#5d6770",
        annotation_clip=False,
    )


def _draw_scale(ax: Any, frame: Frame) -> None:
    """A bar of a round length in the lower right corner."""
    target = 0.2 * (frame.east - frame.west)
    power = 10.0 ** math.floor(math.log10(target))
    length = max(n * power for n in (1, 2, 5) if n * power <= target)
    x1 = frame.east - 0.04 * (frame.east - frame.west)
    y = frame.south + 0.04 * (frame.north - frame.south)
    ax.plot([x1 - length, x1], [y, y], color=INK, lw=1.6, solid_capstyle="butt", zorder=7)
    ax.annotate(
        f"{length:g} km",
        (x1 - length / 2, y),
        (0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color=INK,
        zorder=7,
    )
