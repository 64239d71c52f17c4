"""The node's structs as the desk's documents: radians to degrees, nanoseconds to milliseconds."""

import datetime
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skypact.desk import documents as d
from skypact.desk.beside import differences
from skypact.model import (
    Apogee,
    Assessment,
    Flight,
    FlightKind,
    Impact,
    Launch,
    PartnerState,
    Phase,
    ShownFlight,
    ShownPath,
    ShownRadar,
    ShownTrack,
    Source,
    StandingAlert,
    TrackStatus,
)
from skypact.settings import DeskSettings

MS = 1_000_000
S = 1_000_000_000
HALF_95 = 1.959964
"""Half width of a 95 % interval over its standard deviation."""
_PHASES = {phase: phase.name.lower() for phase in Phase}
_FOREVER_M = 1e8


def iso(time_ns: int) -> str:
    """ISO 8601, UTC, to the millisecond."""
    at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ns % S // MS:03d}Z"


def standing_alert(one: StandingAlert, flights: Sequence[int]) -> d.StandingAlert:
    """An alert that waits for persons, or one in force; `flights`: as the shared picture has it."""
    return {
        "event": one.event,
        "warning": one.first or None,
        "flights": list(flights),
        "areas": [
            {
                "id": area.id,
                "names": area.names,
                "danger": area.danger.value,
                "falls": round(area.falls, 2),
                "passes": round(area.passes, 2),
                "first_ms": None if area.first_ns is None else area.first_ns // MS,
                "last_ms": None if area.last_ns is None else area.last_ns // MS,
            }
            for area in one.areas
        ],
        "released_by": list(one.released_by),
        "persons": one.persons,
        "withheld": one.withheld,
    }


def track(one: ShownTrack) -> d.Track:
    """A track."""
    return {
        "id": one.id,
        "status": one.status.value,
        "phase": _PHASES[one.phase],  # type: ignore[typeddict-item]
        "time_ms": one.time_ns // MS,
        "latitude_deg": round(math.degrees(one.latitude_rad), 6),
        "longitude_deg": round(math.degrees(one.longitude_rad), 6),
        "height_m": round(one.height_m, 1),
        "east_m_s": round(one.east_m_s, 2),
        "north_m_s": round(one.north_m_s, 2),
        "up_m_s": round(one.up_m_s, 2),
        "covariance_m2": [float(f"{each:.4g}") for each in one.covariance_m2],
        "velocity_sigma_m_s": round(one.velocity_sigma_m_s, 2),
        "last_plot_ms": one.last_plot_ns // MS,
        "plots": one.plots,
        "sources": one.sources,
    }


def flight(
    shown: ShownFlight,
    own: str,
    now_ns: int,
    settings: DeskSettings,
    *,
    shared_id: int | None = None,
    flown: ShownPath | None = None,
    beside: Sequence[d.NationAssessment] = (),
    acknowledged: Sequence[d.Acknowledgement] = (),
    comments: int = 0,
) -> d.Flight:
    """A flight as known at its `as_of_ns`, and who sees it now."""
    one = shown.flight
    sources = [_source(each, own, now_ns, settings) for each in shown.sources]
    return {
        "id": one.id,
        "shared_id": shared_id,
        "as_of_ms": shown.as_of_ns // MS,
        "status": shown.status.value,
        "ended_because": shown.ended_because,
        "urgency": urgency(shown, now_ns, settings),
        "kind": one.kind.value,
        "kind_probability": round(one.kind_probability, 4),
        "kind_probabilities": {str(k): round(p, 4) for k, p in one.kind_probabilities.items()},
        "range_class": None if one.range_class is None else one.range_class.value,
        "range_class_probability": _rounded(one.range_class_probability, 4),
        "parted_from": one.parted_from,
        "first_plot_ms": one.first_plot_ns // MS,
        "last_plot_ms": one.last_plot_ns // MS,
        "last_seen_by": one.last_seen_by,
        "plots": one.plots,
        # Sources are of now: an assessment that is behind knows fewer nations.
        "nations": sorted({*one.nations, *(each["nation"] for each in sources)}),
        "sources": sources,
        "seen_now_by": sorted({each["nation"] for each in sources if each["sees_now"]}),
        "independent_radars": len(sources),
        "launch": place(one.launch),
        "apogee": apogee(one.apogee),
        "impact": place(one.impact),
        "bodies": [
            {
                "light": body.light,
                "probability": round(body.probability, 4),
                "time_ms": body.time_ns // MS,
                "from_ms": (body.time_ns - round(HALF_95 * body.time_sigma_s * S)) // MS,
                "until_ms": (body.time_ns + round(HALF_95 * body.time_sigma_s * S)) // MS,
            }
            for body in one.bodies
        ],
        "ground_range_m": _rounded(one.ground_range_m, 0),
        "path_flown": None if flown is None else path(flown),
        "path_expected": path(shown.expected),
        "assessments": list(beside),
        "acknowledged": list(acknowledged),
        "comments": comments,
    }


def urgency(shown: ShownFlight, now_ns: int, settings: DeskSettings) -> int:
    """How urgent a flight is; what the numbers mean stands in `documents.Flight`."""
    one = shown.flight
    never = one.kind in (FlightKind.AIRCRAFT, FlightKind.ORBITAL)
    if shown.status is TrackStatus.ENDED or (never and one.impact is None):
        return 0
    if one.impact is None:
        return 3 if one.kind is FlightKind.UNKNOWN and one.apogee is None else 1
    until_s = (one.impact.time_ns - now_ns) / S
    margin_s = HALF_95 * one.impact.time_sigma_s
    if until_s + margin_s < 0.0:
        return 0
    return 3 if until_s - margin_s < settings.urgent_s else 2


def _source(one: Source, own: str, now_ns: int, settings: DeskSettings) -> d.Source:
    return {
        "nation": one.nation,
        "radar": one.radar,
        "own": one.nation == own,
        "plots": one.plots,
        "first_ms": None if one.first_ns is None else one.first_ns // MS,
        "last_ms": None if one.last_ns is None else one.last_ns // MS,
        "sees_now": one.last_ns is not None and now_ns - one.last_ns < settings.sees_now_s * S,
    }


def place(at: Launch | Impact | None) -> d.Place | None:
    """Where and when it was launched, or comes down; a launch's area is its ellipse."""
    if at is None:
        return None
    about_ns = round(HALF_95 * at.time_sigma_s * S)
    ring = at.region_95 if isinstance(at, Impact) else _ellipse_ring(at)
    return {
        "time_ms": at.time_ns // MS,
        "from_ms": (at.time_ns - about_ns) // MS,
        "until_ms": (at.time_ns + about_ns) // MS,
        "latitude_deg": round(math.degrees(at.latitude_rad), 5),
        "longitude_deg": round(math.degrees(at.longitude_rad), 5),
        "ellipse_95": {
            "semi_major_m": round(at.ellipse_95.semi_major_m, 1),
            "semi_minor_m": round(at.ellipse_95.semi_minor_m, 1),
            "azimuth_deg": round(math.degrees(at.ellipse_95.azimuth_rad) % 180.0, 2),
        },
        "area": polygon(ring),
    }


def apogee(one: Apogee | None) -> d.Apogee | None:
    """The highest point."""
    if one is None:
        return None
    return {
        "time_ms": one.time_ns // MS,
        "height_m": round(one.height_m, 0),
        "height_sigma_m": round(one.height_sigma_m, 0),
    }


def path(one: ShownPath) -> d.Path:
    """A path; longitudes go on past ±180 rather than jump."""
    longitude = np.degrees(np.unwrap(np.frombuffer(one.longitude_rad)))
    return {
        "time_ms": (np.frombuffer(one.time_ns, np.int64) // MS).tolist(),
        "latitude_deg": np.round(np.degrees(np.frombuffer(one.latitude_rad)), 5).tolist(),
        "longitude_deg": np.round(longitude, 5).tolist(),
        "height_m": np.round(np.frombuffer(one.height_m)).tolist(),
        "speed_m_s": np.round(np.frombuffer(one.speed_m_s), 1).tolist(),
    }


def assessment(nation: str, said: Assessment, joint: Flight) -> d.NationAssessment:
    """A partner's statement, beside the joint flight."""
    kind = max(said.kind_probabilities.values(), default=0.0)
    return _beside(nation, False, said.flight, said.as_of_ns, said, kind, joint)


def own_assessment(nation: str, shown: ShownFlight, joint: Flight) -> d.NationAssessment:
    """The national picture's flight, beside the joint one."""
    one = shown.flight
    return _beside(nation, True, one.id, shown.as_of_ns, one, one.kind_probability, joint)


def _beside(
    nation: str,
    own: bool,
    number: int,
    as_of_ns: int,
    one: Flight | Assessment,
    kind_probability: float,
    joint: Flight,
) -> d.NationAssessment:
    return {
        "nation": nation,
        "own": own,
        "flight": number,
        "as_of_ms": as_of_ns // MS,
        "kind": str(one.kind),
        "kind_probability": round(kind_probability, 4),
        "range_class": None if one.range_class is None else str(one.range_class),
        "launch": place(one.launch),
        "apogee": apogee(one.apogee),
        "impact": place(one.impact),
        "differences": differences(one, joint),
    }


def partner(one: PartnerState, came_ns: int | None) -> d.Partner:
    """How it stands with a partner."""
    return {
        "nation": one.nation,
        "link": {
            "up": one.up,
            "since_ms": one.since_ns // MS,
            "delay_s": _rounded(one.delay_s, 4),
            "round_trip_s": _rounded(one.round_trip_s, 4),
            "backlog_batches": one.backlog_batches,
            "backlog_bytes": one.backlog_bytes,
            "waiting_messages": one.waiting_messages,
            "alarms": list(one.alarms),
        },
        "left_out": one.left_out,
        "released": {
            "level": one.level,  # type: ignore[typeddict-item]
            "openness": one.openness,
            "use": list(one.use),
            "rules": list(one.rules),
            "sent": one.sent,
            "shed": one.shed,
        },
        "received": {
            "counts": one.received,
            "refused": [
                {
                    "time": iso(refused.time_ns),
                    "cause": refused.cause,
                    "place": refused.place,
                    "reason": refused.reason,
                    "remedy": refused.remedy,
                }
                for refused in one.refused
            ],
            "came_ms": None if came_ns is None else came_ns // MS,
        },
    }


def radar(one: ShownRadar, own: str) -> d.Radar:
    """A radar and what it covers."""
    of = one.radar
    areas: list[d.CoverageArea] = []
    for coverage in one.coverage:
        area = polygon(coverage.ring)
        if area is not None:
            areas.append({"height_m": coverage.height_m, "area": area})
    return {
        "id": of.id,
        "nation": of.nation,
        "own": of.nation == own,
        "latitude_deg": round(math.degrees(of.latitude_rad), 5),
        "longitude_deg": round(math.degrees(of.longitude_rad), 5),
        "height_m": of.height_m,
        "max_range_m": of.max_range_m if of.max_range_m < _FOREVER_M else None,
        "min_elevation_deg": round(math.degrees(of.min_elevation_rad), 3),
        "period_s": of.period_s,
        "coverage": areas,
    }


def polygon(ring: Iterable[tuple[float, float]]) -> d.Polygon | None:
    """A closed ring of (longitude, latitude) rad as GeoJSON (RFC 7946), counter-clockwise."""
    points = [(math.degrees(x), math.degrees(y)) for x, y in ring]
    if len(points) < 4:
        return None
    first = points[0][0]
    points = [(first + math.remainder(x - first, 360.0), y) for x, y in points]
    twice = sum((x1 - first) * y2 - (x2 - first) * y1 for (x1, y1), (x2, y2) in pairwise(points))
    if twice < 0.0:
        points.reverse()
    return {"type": "Polygon", "coordinates": [[[round(x, 5), round(y, 5)] for x, y in points]]}


def _ellipse_ring(at: Launch) -> list[tuple[float, float]]:
    """The ellipse's outline; small, so that a plane will do."""
    axes, out = at.ellipse_95, []
    metres = 6_371_000.0
    for k in range(49):
        turn = 2.0 * math.pi * (k % 48) / 48.0
        along, across = axes.semi_major_m * math.cos(turn), axes.semi_minor_m * math.sin(turn)
        sin, cos = math.sin(axes.azimuth_rad), math.cos(axes.azimuth_rad)
        north, east = along * cos - across * sin, along * sin + across * cos
        longitude = at.longitude_rad + east / (metres * max(0.01, math.cos(at.latitude_rad)))
        latitude = at.latitude_rad + north / metres
        out.append((longitude, max(-math.pi / 2, min(math.pi / 2, latitude))))
    return out


def _rounded(value: float | None, digits: int) -> Any:
    return None if value is None or not math.isfinite(value) else round(value, digits)
