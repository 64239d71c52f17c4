"""Flights of several nations side by side: which are one, and how far they differ."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from skypact.desk import documents as d
from skypact.model import (
    AreaWarning,
    Assessment,
    Flight,
    Impact,
    Launch,
    ShownFlight,
    ShownPath,
    Statement,
    TrackStatus,
)
from skypact.model.message import FlightPath

S = 1_000_000_000
_RADIUS_M = 6_371_000.0
_Z_95 = 1.959964
_SAME_S = 60.0
_SAME_M = 150e3
"""Two nations' statements of one flight may lie so far apart beside what they allow for."""
_SIGMAS = 5.0
_FROM = "from:"


def partner_of(picture: str) -> str:
    """The partner whose picture this is; empty: it is of none alone."""
    return picture.removeprefix(_FROM) if picture.startswith(_FROM) else ""


def picture_of(partner: str) -> str:
    """What the picture of a partner alone is called."""
    return f"{_FROM}{partner}"


def differences(one: Flight | Assessment, joint: Flight | Assessment) -> d.Differences:
    """How far an assessment is from the joint one, and whether that is more than chance."""
    launch_m, launch_out = _apart(one.launch, joint.launch)
    impact_m, impact_out = _apart(one.impact, joint.impact)
    launched_s, launched_out = _later(one.launch, joint.launch)
    time_s, time_out = _later(one.impact, joint.impact)
    apogee_m = apogee_out = None
    if one.apogee is not None and joint.apogee is not None:
        apogee_m = one.apogee.height_m - joint.apogee.height_m
        sigma_m = math.hypot(one.apogee.height_sigma_m, joint.apogee.height_sigma_m)
        apogee_out = abs(apogee_m) > _Z_95 * sigma_m
    return {
        "kind": one.kind != joint.kind,
        "launch_m": _whole(launch_m),
        "launch_significant": launch_out,
        "launch_time_s": launched_s,
        "launch_time_significant": launched_out,
        "impact_m": _whole(impact_m),
        "impact_significant": impact_out,
        "impact_time_s": time_s,
        "impact_time_significant": time_out,
        "apogee_m": _whole(apogee_m),
        "apogee_significant": bool(apogee_out),
    }


def _whole(value: float | None) -> float | None:
    return None if value is None else round(value, 0)


def _later(one: Launch | Impact | None, other: Launch | Impact | None) -> tuple[float | None, bool]:
    """Seconds that one is later than the other, and whether that is more than both explain."""
    if one is None or other is None:
        return None, False
    late_s = (one.time_ns - other.time_ns) / S
    return round(late_s, 1), abs(late_s) > _Z_95 * math.hypot(one.time_sigma_s, other.time_sigma_s)


def _apart(one: Launch | Impact | None, other: Launch | Impact | None) -> tuple[float | None, bool]:
    """Metres between two places, and whether their ellipses, added up, do not reach as far."""
    if one is None or other is None:
        return None, False
    far = ground_m(one.latitude_rad, one.longitude_rad, other.latitude_rad, other.longitude_rad)
    toward = _azimuth(one, other)
    return far, far > math.hypot(_reach(one, toward), _reach(other, toward))


def _reach(at: Launch | Impact, azimuth_rad: float) -> float:
    """How far an ellipse's shadow reaches in a direction."""
    of = at.ellipse_95
    turn = azimuth_rad - of.azimuth_rad
    return math.hypot(of.semi_major_m * math.cos(turn), of.semi_minor_m * math.sin(turn))


def _azimuth(one: Launch | Impact, other: Launch | Impact) -> float:
    east = math.remainder(other.longitude_rad - one.longitude_rad, 2.0 * math.pi)
    east *= math.cos(one.latitude_rad)
    return math.atan2(east, other.latitude_rad - one.latitude_rad)


def ground_m(latitude: float, longitude: float, other_lat: float, other_lon: float) -> float:
    """Metres over a spherical Earth between two places, rad."""
    a = math.sin((other_lat - latitude) / 2.0) ** 2
    b = math.sin((other_lon - longitude) / 2.0) ** 2
    return (
        2.0
        * _RADIUS_M
        * math.asin(min(1.0, math.sqrt(a + b * math.cos(latitude) * math.cos(other_lat))))
    )


def stated_of(
    flights: Mapping[int, ShownFlight], statements: Sequence[Statement]
) -> dict[int, list[tuple[str, Assessment]]]:
    """By flight, what partners state of it: of each nation the statement that fits it best.

    A statement names no track of ours: it is told by its launch, apogee and impact, and stands
    beside one flight at most. One that fits none stands beside none. What was taken back stands
    beside what has ended alone.
    """
    stated = [one for one in statements if not isinstance(one.said, AreaWarning)]
    said_by = list(_assessments(stated))
    fits = sorted(
        (found, k, number)
        for k, (_, said) in enumerate(said_by)
        for number, shown in flights.items()
        if (not stated[k].is_over or shown.status is TrackStatus.ENDED)
        and (found := misfit(said, shown.flight)) < math.inf
    )
    out: dict[int, list[tuple[str, Assessment]]] = {}
    placed: set[int] = set()
    for _, k, number in fits:
        nation, said = said_by[k]
        taken = {name for name, _ in out.get(number, ())}
        if k not in placed and nation not in taken:
            placed.add(k)
            out.setdefault(number, []).append((nation, said))
    return {number: sorted(found, key=lambda one: one[0]) for number, found in out.items()}


class OfPartner:
    """The flights of what one partner alone sent: its tracks', with what it states of them.

    Tracklets tell no launch, so a flight has the one that is stated of it. What is stated of no
    track is a flight too, under a number below zero: nothing was sent that a track could be made
    of, and who sees it is not known. What did not change stays the same object.
    """

    def __init__(self, nation: str, ids: dict[int, int] | None = None) -> None:
        """`ids`: of what is stated of no track, by its nation's number; it grows."""
        self._nation = nation
        self._of: tuple[object, ...] = ()
        self.flights: Mapping[int, ShownFlight] = {}
        """By id, what is told of all of them."""
        self.stated: dict[int, list[tuple[str, Assessment]]] = {}
        """By id, what is stated of it."""
        self.ids: dict[int, int] = {} if ids is None else ids

    def take(
        self,
        tracked: Mapping[int, ShownFlight],
        statements: Sequence[Statement],
        *,
        is_whole: bool = True,
        known: Mapping[int, int] | None = None,
    ) -> None:
        """The picture's flights as they are now, and what all partners state.

        `is_whole`: each track is assessed; until then what is stated may be of one that is not.
        `known`: by its number of what is stated, the track that is known to be of the same object.
        """
        own = [one for one in statements if one.nation == self._nation and not one.is_over]
        known = known or {}
        of = is_whole, *tracked.values(), *own, *known.items()
        if of == self._of:
            return
        self._of = of
        self.stated = stated_of(tracked, own)
        placed = {one.flight for found in self.stated.values() for _, one in found}
        for name, one in _assessments(own):
            number = known.get(one.flight, 0)
            if one.flight not in placed and number in tracked and number not in self.stated:
                self.stated[number] = [(name, one)]
        said = {number: one for number, ((_, one),) in self.stated.items()}
        made = {number: _launched(shown, said.get(number)) for number, shown in tracked.items()}
        placed = {one.flight for one in said.values()}
        for _, one in _assessments(own):
            if is_whole and one.flight not in placed:
                number = self.ids.setdefault(one.flight, -1 - len(self.ids))
                made[number] = _of_statement(self._nation, number, one)
                self.stated[number] = [(self._nation, one)]
        before = self.flights
        self.flights = {
            number: before[number] if before.get(number) == one else one
            for number, one in made.items()
        }


def _launched(shown: ShownFlight, said: Assessment | None) -> ShownFlight:
    """A track's flight, with launch and range that are stated of it if it tells no launch."""
    if said is None or said.launch is None or shown.flight.launch is not None:
        return shown
    stated = {"launch": said.launch, "ground_range_m": said.ground_range_m}
    return replace(shown, flight=replace(shown.flight, **stated))


def _of_statement(nation: str, number: int, said: Assessment) -> ShownFlight:
    """A flight of which nothing is known but what its nation states."""
    began_ns = said.launch.time_ns if said.launch is not None else said.as_of_ns
    kinds = {str(kind): share for kind, share in said.kind_probabilities.items()}
    flight = Flight(
        id=number,
        kind=said.kind,
        kind_probability=max(kinds.values(), default=0.0),
        kind_probabilities=kinds,
        range_class=said.range_class,
        range_class_probability=said.range_class_probability,
        nations=(nation,),
        radars=(),
        first_plot_ns=began_ns,
        last_plot_ns=said.as_of_ns,
        last_seen_by="",
        plots=0,
        launch=said.launch,
        apogee=said.apogee,
        ground_range_m=said.ground_range_m,
        impact=said.impact,
    )
    expected = _path(said.path)
    return ShownFlight(flight, said.as_of_ns, TrackStatus.CONFIRMED, None, (), expected)


def _path(stated: FlightPath | None) -> ShownPath:
    """A stated path; its speeds are those between its points."""
    if stated is None or len(stated.time_ns) < 2 * 8:
        return ShownPath(b"", b"", b"", b"", b"")
    times = np.frombuffer(stated.time_ns, np.int64) / S
    latitude, longitude, height = (
        np.frombuffer(one) for one in (stated.latitude_rad, stated.longitude_rad, stated.height_m)
    )
    east = np.gradient(np.unwrap(longitude), times) * np.cos(latitude)
    north = np.gradient(latitude, times)
    over_ground = np.hypot(east, north) * (_RADIUS_M + height)
    speed = np.hypot(over_ground, np.gradient(height, times))
    return ShownPath(
        stated.time_ns, stated.latitude_rad, stated.longitude_rad, stated.height_m, speed.tobytes()
    )


def _assessments(statements: Iterable[Statement]) -> Iterator[tuple[str, Assessment]]:
    for one in statements:
        if not isinstance(one.said, AreaWarning):
            yield one.nation, one.said


def misfit(said: Flight | Assessment, flight: Flight | Assessment) -> float:
    """How ill a statement fits a flight: infinite where they cannot be of one object."""
    parts = []
    for one, other in ((said.launch, flight.launch), (said.impact, flight.impact)):
        if one is not None and other is not None:
            far, _ = _apart(one, other)
            reach = one.ellipse_95.semi_major_m + other.ellipse_95.semi_major_m
            late_s = abs(one.time_ns - other.time_ns) / S
            spread_s = one.time_sigma_s + other.time_sigma_s
            parts.append((far or 0.0) / (_SAME_M + 2.0 * reach))
            parts.append(late_s / (_SAME_S + _SIGMAS * spread_s))
    if said.apogee is not None and flight.apogee is not None:
        late_s = abs(said.apogee.time_ns - flight.apogee.time_ns) / S
        parts.append(late_s / _SAME_S)
    if not parts or max(parts) > 1.0:
        return math.inf
    return sum(parts) / len(parts)
