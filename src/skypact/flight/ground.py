"""Weighted points on the ground, and the region that holds 95 % of them."""

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesic import geodesic_direct, geodesic_inverse
from skypact.model import Ellipse

CHI_SQUARED_95 = 5.991464547107979  # two degrees of freedom
_RING_POINTS = 72
EARTH_RADIUS_M = 6371e3
# A group of less weight has no area of its own to be held.
GROUP_OF_WEIGHT = 0.15
# How far an edge of a region may be off its straight line.
_SAG_OF_WIDTH = 0.01
_SAG_M = 10.0


def plane_from_geodetic(
    origin: tuple[float, float],
    latitude_rad: NDArray[np.float64],
    longitude_rad: NDArray[np.float64],
) -> NDArray[np.float64]:
    """East and north m (n, 2) in the azimuthal equidistant map about `origin`.

    `origin`: latitude, longitude. Lengths and directions from it are those of geodesics.
    """
    flat = np.empty((len(latitude_rad), 2))
    for i, (latitude, longitude) in enumerate(zip(latitude_rad, longitude_rad, strict=True)):
        length, azimuth = geodesic_inverse(*origin, latitude, longitude)
        flat[i] = length * np.sin(azimuth), length * np.cos(azimuth)
    return flat


def geodetic_from_plane(
    origin: tuple[float, float], east_m: float, north_m: float
) -> tuple[float, float]:
    """Latitude and longitude rad of a point of `plane_from_geodetic`'s map."""
    return geodesic_direct(
        *origin, float(np.arctan2(east_m, north_m)), float(np.hypot(east_m, north_m))
    )


def weighted_quantile(
    values: NDArray[np.float64], weights: NDArray[np.float64], share: float
) -> float:
    """Least value with `share` of the weight at or below it, linear between neighbours."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(share * weights.sum(), below, values[order]))


def weighted_moments(
    points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,) and covariance (d, d) of `points` (n, d)."""
    share = weights / weights.sum()
    mean = share @ points
    away = points - mean
    return mean, (away * share[:, None]).T @ away


def ellipse_of(covariance: NDArray[np.float64], size: float = CHI_SQUARED_95) -> Ellipse:
    """The ellipse of all points within squared Mahalanobis distance `size` (east, north in m)."""
    values, vectors = np.linalg.eigh(covariance)
    east, north = vectors[:, 1]
    return Ellipse(
        semi_major_m=float(np.sqrt(size * max(values[1], 0.0))),
        semi_minor_m=float(np.sqrt(size * max(values[0], 0.0))),
        azimuth_rad=float(np.arctan2(east, north) % np.pi),
    )


def distances_squared(
    points: NDArray[np.float64], mean: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared Mahalanobis distance of each point (n, 2)."""
    away = points - mean
    return np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away)


def region_95(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    group: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """A closed ring (k, 2), convex, that holds 95 % of the weight of points (n, 2).

    The hull of the densest 95 % (Gaussian kernel) of every other point, grown about its centre
    until it holds 95 % of the other half: a hull holds more of the points that made it than of
    those to come. `group` (n,): what each point stands for; of every group of some weight it holds
    95 %, whichever it is (docs/decisions/0008-impact-areas.md).
    """
    share = weights / weights.sum()
    groups = _groups(share, np.zeros(len(points), np.int64) if group is None else group)
    mean, covariance = weighted_moments(points, share)
    covariance = covariance + np.eye(2) * max(1e-9 * np.trace(covariance), 1e-2)
    factor = np.linalg.cholesky(covariance)
    white = np.asarray(np.linalg.solve(factor, (points - mean).T).T, np.float64)
    hull = convex_hull(white[np.concatenate([_densest(white, share, of[::2]) for of in groups])])
    if len(hull) < 3:  # all but on a line
        turn = np.linspace(0.0, 2.0 * np.pi, _RING_POINTS, endpoint=False)
        hull = np.sqrt(CHI_SQUARED_95) * np.column_stack([np.cos(turn), np.sin(turn)])
    centre = hull.mean(axis=0)
    reach = _growth(white - centre, hull - centre)
    growth = max(_reach_95(reach[of[1::2]], share[of[1::2]]) for of in groups)
    flat = mean + (centre + (hull - centre) * growth) @ factor.T
    return np.vstack([flat, flat[:1]])


def split_edges(ring: NDArray[np.float64], width_m: float) -> NDArray[np.float64]:
    """A closed ring (k, 2) in m with points put in, so that its edges are as straight on a map.

    Files and maps draw an edge straight in longitude and latitude (RFC 7946), which departs from
    the straight line here by s²/(8R) tan φ: 0.6 km in the middle of 200 km at 39° N, more than the
    area of a pull-up to come is wide. Kept below a hundredth of `width_m`, or 10 m if that
    is less, where tan φ is 1.
    """
    longest_m = np.sqrt(8.0 * EARTH_RADIUS_M * max(_SAG_OF_WIDTH * width_m, _SAG_M))
    edge = np.diff(ring, axis=0)
    pieces = np.maximum(np.ceil(np.hypot(edge[:, 0], edge[:, 1]) / longest_m), 1.0).astype(int)
    split = [
        begin + along * (np.arange(n) / n)[:, None]
        for begin, along, n in zip(ring[:-1], edge, pieces, strict=True)
    ]
    return np.vstack([*split, ring[-1:]])


def _reach_95(reach: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    """What holds 95 % of values yet to be drawn, on average over draws.

    The k-th of n holds k / (n + 1) of them, and stands at (k - 1/2) / n of those that there are.
    """
    effective = float(share.sum() ** 2 / np.sum(share**2))
    return weighted_quantile(reach, share, min(0.95 + 0.45 / effective, 1.0))


def _groups(share: NDArray[np.float64], group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Indices of each group of some weight; the others are taken together with the greatest."""
    weight_of = {int(name): share[group == name].sum() for name in np.unique(group)}
    greatest = max(weight_of, key=lambda name: weight_of[name])
    small = [name for name, weight in weight_of.items() if weight < GROUP_OF_WEIGHT]
    own = np.where(np.isin(group, small), greatest, group)
    return [np.flatnonzero(own == name) for name in np.unique(own)]


def _densest(
    white: NDArray[np.float64], share: NDArray[np.float64], of: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Those of the points `of` that are the densest 95 % among them."""
    part = share[of] / share[of].sum()
    mean, covariance = weighted_moments(white[of], part)
    covariance = covariance + np.eye(2) * max(1e-9 * np.trace(covariance), 1e-12)
    z = np.linalg.solve(np.linalg.cholesky(covariance), (white[of] - mean).T).T
    width = float(1.0 / np.sum(part**2)) ** (-1.0 / 6.0)  # Scott's rule in two dimensions
    apart = ((z[:, None, :] - z[None, :, :]) ** 2).sum(axis=2)
    density = np.exp(-0.5 * apart / width**2) @ part
    order = np.argsort(-density, kind="stable")
    return of[order[: int(np.searchsorted(np.cumsum(part[order]), 0.95)) + 1]]


def convex_hull(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Corners (k, 2) of the convex hull of points (n, 2), anticlockwise; fewer than 3: on a line.

    Andrew's monotone chain (Information Processing Letters 9, 1979). Of our own because importing
    SciPy's takes a third of the time that a thousand plots may.
    """
    order = points[np.lexsort((points[:, 1], points[:, 0]))].tolist()
    chains = []
    for run in (order, order[::-1]):
        chain: list[list[float]] = []
        for x, y in run:
            while len(chain) > 1:
                (x1, y1), (x2, y2) = chain[-2], chain[-1]
                if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0.0:
                    break
                chain.pop()
            chain.append([x, y])
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1])


def _growth(points: NDArray[np.float64], ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much a convex ring about 0 must grow to reach each point (n,): 1 is on it."""
    ahead = np.roll(ring, -1, axis=0)
    normal = np.column_stack([ahead[:, 1] - ring[:, 1], ring[:, 0] - ahead[:, 0]])
    reach = np.einsum("ki,ki->k", normal, ring)
    sign = np.sign(reach)
    return ((points @ (normal * sign[:, None]).T) / np.maximum(np.abs(reach), 1e-300)).max(axis=1)
