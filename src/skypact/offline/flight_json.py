"""Flights as the `--json` contract states them: degrees, km, ISO times; null with its reason."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from skypact.model import Apogee, Ellipse, Flight, Impact, Launch, Rejection
from skypact.offline.reasons import unknown_because
from skypact.offline.text import iso_utc

_TIME_DIGITS = 3
"""Estimated times are no better than a millisecond; times of plots are exact to the nanosecond."""


def flight_as_json(flight: Flight) -> dict[str, Any]:
    """One flight, in the order of the contract."""
    return {
        "id": flight.id,
        "kind": str(flight.kind),
        "kind_probability": _number(flight.kind_probability, 6),
        "kind_probabilities": _probabilities(flight.kind_probabilities),
        "range_class": None if flight.range_class is None else str(flight.range_class),
        "range_class_probability": _number(flight.range_class_probability, 6),
        "nations": list(flight.nations),
        "radars": list(flight.radars),
        "first_plot": iso_utc(flight.first_plot_ns),
        "last_plot": iso_utc(flight.last_plot_ns),
        "last_seen_by": flight.last_seen_by,
        "plots": flight.plots,
        "launch": launch_as_json(flight.launch),
        "apogee": apogee_as_json(flight.apogee),
        "ground_range_km": _km(flight.ground_range_m),
        "impact": impact_as_json(flight.impact),
        "parted_from": flight.parted_from,
        "notes": list(unknown_because(flight)),
    }


def launch_as_json(launch: Launch | None) -> dict[str, Any] | None:
    """Where and when it was launched."""
    if launch is None:
        return None
    return _moment(launch.time_ns, launch.time_sigma_s) | _place(launch)


def apogee_as_json(apogee: Apogee | None) -> dict[str, Any] | None:
    """The highest point."""
    if apogee is None:
        return None
    return {
        "time": iso_utc(apogee.time_ns, _TIME_DIGITS),
        "height_km": _km(apogee.height_m),
        "height_sigma_km": _km(apogee.height_sigma_m),
    }


def impact_as_json(impact: Impact | None) -> dict[str, Any] | None:
    """Where and when it comes down, with the area as a GeoJSON polygon."""
    if impact is None:
        return None
    region = polygon_as_json(impact.region_95)
    return _moment(impact.time_ns, impact.time_sigma_s) | _place(impact) | {"region_95": region}


def polygon_as_json(ring: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """A closed ring of (longitude, latitude) in rad as GeoJSON (RFC 7946), counter-clockwise.

    Longitudes go on past ±180 rather than jump where the ring crosses that meridian.
    """
    if len(ring) < 4:
        return None
    first = ring[0][0]
    points = [
        (first + math.remainder(longitude - first, 2.0 * math.pi), latitude)
        for longitude, latitude in ring
    ]
    twice_area = sum(
        (x1 - first) * y2 - (x2 - first) * y1 for (x1, y1), (x2, y2) in pairwise(points)
    )
    if twice_area < 0.0:
        points.reverse()
    return {"type": "Polygon", "coordinates": [[[_degrees(x), _degrees(y)] for x, y in points]]}


def rejections_as_json(rejections: Sequence[Rejection]) -> list[dict[str, Any]]:
    """The rows refused; `row` is null for a whole file or for rows that are only counted."""
    return [
        {"file": r.file, "row": r.row, "reason": r.reason, "remedy": r.remedy} for r in rejections
    ]


def _moment(time_ns: int, sigma_s: float) -> dict[str, Any]:
    return {"time": iso_utc(time_ns, _TIME_DIGITS), "time_sigma_s": _number(sigma_s, 4)}


def _place(at: Launch | Impact) -> dict[str, Any]:
    return {
        "latitude_deg": _degrees(at.latitude_rad),
        "longitude_deg": _degrees(at.longitude_rad),
        "ellipse_95": _ellipse(at.ellipse_95),
    }


def _ellipse(ellipse: Ellipse) -> dict[str, Any]:
    return {
        "semi_major_km": _km(ellipse.semi_major_m),
        "semi_minor_km": _km(ellipse.semi_minor_m),
        "azimuth_deg": _number(math.degrees(ellipse.azimuth_rad) % 180.0, 3),
    }


def _probabilities(by_kind: Mapping[str, float]) -> dict[str, float | None]:
    return {str(kind): _number(probability, 6) for kind, probability in by_kind.items()}


def _degrees(angle_rad: float) -> float | None:
    return _number(math.degrees(angle_rad), 7)


def _km(metres: float | None) -> float | None:
    return None if metres is None else _number(metres / 1000.0, 5)


def _number(value: float | None, digits: int) -> float | None:
    """Rounded to the digits that mean something; null where there is no finite number."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)
