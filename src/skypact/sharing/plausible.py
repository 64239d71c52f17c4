"""Whether what a partner says can be: times, places, speeds, and matrices that are information.

Each function gives the first fault, or None. What is plausible may still be untrue; that is for the
tracker, and for leaving a partner out.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.tracklet import OUTSIDE, whiten
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessed,
    Assessment,
    Confirmed,
    Consultation,
    Fault,
    Header,
    Joined,
    Proposed,
    Said,
    Tracklet,
)
from skypact.settings import EntrySettings
from skypact.sharing import codec

S = 1_000_000_000
_CLOCK = "have the partner set its clock, or set this node's"
_OLD = "nothing to do: no picture goes back so far"
_SI = "metres, seconds and radians are meant; docs/wire.md says which"
_ANEW = "have the partner make it anew from its plots"


class Span:
    """When something may have been seen that was sent and received at these times."""

    def __init__(self, sent_ns: int, received_ns: int, settings: EntrySettings) -> None:
        ahead_ns = round(settings.clock_ahead_s * S)
        self._last_ns = min(sent_ns, received_ns) + ahead_ns
        self._first_ns = received_ns - round(settings.oldest_s * S)

    def ahead(self, place: str, time_ns: int) -> Fault | None:
        """Whether a time is later than anything that was sent and received."""
        if time_ns > self._last_ns:
            said = f"{(time_ns - self._last_ns) / S:,.3f} s later than can have been seen yet"
            return Fault(place, said, _CLOCK)
        return None

    def fault(self, place: str, first_ns: int, last_ns: int) -> Fault | None:
        """Whether times from first to last are outside of it."""
        ahead = self.ahead(place, last_ns)
        if ahead is not None:
            return ahead
        if first_ns < self._first_ns:
            return Fault(place, f"{(self._first_ns - first_ns) / S:,.0f} s too old", _OLD)
        return None


def plots_fault(arrival: Arrival, span: Span, settings: EntrySettings) -> Fault | None:
    """Of one scan's plots."""
    plots = arrival.plots
    first_ns, last_ns = int(plots.time_ns.min()), int(plots.time_ns.max())
    fault = span.fault("payload.time_ns", first_ns, last_ns)
    if fault is not None:
        return fault
    if last_ns - first_ns > settings.greatest_span_s * S:
        said = f"plots of one scan {(last_ns - first_ns) / S:,.1f} s apart"
        return Fault("payload.time_ns", said, "have the partner send scan by scan")
    half, most = 0.5 * math.pi, settings.greatest_speed_m_s
    limits = (
        ("range_m", plots.range_m, 0.0, settings.greatest_range_km * 1e3),
        ("azimuth_rad", plots.azimuth_rad, 0.0, 2.0 * math.pi),
        ("elevation_rad", plots.elevation_rad, -half, half),
        ("range_rate_m_s", plots.range_rate_m_s, -most, most),
        ("snr_db", plots.snr_db, -1000.0, 1000.0),
    )
    every = np.array([values for _, values, _, _ in limits])
    least, most_of = np.fmin.reduce(every, axis=1).tolist(), np.fmax.reduce(every, axis=1).tolist()
    for (name, values, low, high), lowest, highest in zip(limits, least, most_of, strict=True):
        # The least and the greatest that are numbers: most often all is well.
        if lowest < low or highest > high:
            wrong = (values < low) | (values > high)
            at = int(np.argmax(wrong))
            said = f"{values[at]:.6g} is not within {low:.6g} and {high:.6g}"
            return Fault(f"payload.{name}[{at}]", said, _SI)
    if least[0] == 0.0:
        return Fault(f"payload.range_m[{int(np.argmin(plots.range_m))}]", "it is 0", _SI)
    return None


def tracklets_fault(
    tracklets: Iterable[Tracklet], span: Span, settings: EntrySettings
) -> Fault | None:
    """Of the first tracklet that cannot be."""
    for k, tracklet in enumerate(tracklets):
        fault = _tracklet_fault(tracklet, span, settings)
        if fault is not None:
            return fault._replace(place=f"payload.tracklets[{k}].{fault.place}")
    return None


def _tracklet_fault(tracklet: Tracklet, span: Span, settings: EntrySettings) -> Fault | None:
    fault = span.fault("time_ns", tracklet.first_ns, max(tracklet.time_ns, tracklet.last_ns))
    if fault is not None:
        return fault
    lasted_s = (tracklet.last_ns - tracklet.first_ns) / S
    if not tracklet.first_ns <= tracklet.time_ns <= tracklet.last_ns:
        return Fault("time_ns", "its instant lies outside of its plots", _ANEW)
    if lasted_s > settings.greatest_span_s:
        return Fault("first_ns", f"its plots span {lasted_s:,.1f} s", _ANEW)
    return (
        _place_fault(tracklet, settings)
        or _prior_fault(tracklet)
        or _information_fault(tracklet, settings)
    )


def _place_fault(tracklet: Tracklet, settings: EntrySettings) -> Fault | None:
    x, y, z, *velocity = tracklet.state.tolist()
    speed = math.hypot(*velocity)
    if not speed <= settings.greatest_speed_m_s:
        return Fault("numbers[3:6]", f"its speed is {speed:.6g} m/s", _SI)
    # Far out the height is the distance less the Earth's radius; the kernel is for nearer places.
    height_m = math.hypot(x, y, z) - 6.371e6
    if height_m < 1e9:
        height_m = geodetic_from_ecef(x, y, z)[2]
    if not -settings.deepest_km * 1e3 <= height_m <= settings.greatest_height_km * 1e3:
        return Fault("numbers[0:3]", f"its height is {height_m / 1e3:.6g} km", _SI)
    return None


def _prior_fault(tracklet: Tracklet) -> Fault | None:
    if tracklet.correlation_time_s < 0.0:
        return Fault("correlation_time_s", f"it is {tracklet.correlation_time_s:g}", _ANEW)
    if (tracklet.bias_sigma < 0.0).any():
        return Fault("numbers", "a prior of its biases is negative", _ANEW)
    return None


def _information_fault(tracklet: Tracklet, settings: EntrySettings) -> Fault | None:
    size = 6 + len(tracklet.bias_sigma)
    joint = np.empty((size, size))
    joint[:6, :6], joint[6:, 6:] = tracklet.information, tracklet.bias_information
    joint[:6, 6:], joint[6:, :6] = tracklet.cross_information, tracklet.cross_information.T
    vector = np.concatenate((tracklet.vector, tracklet.bias_vector))
    greatest = float(joint[0, 0] + joint[1, 1] + joint[2, 2])
    if greatest > 3.0 / settings.least_sigma_m**2:
        said = f"it claims to know a place to {math.sqrt(3.0 / greatest):.2g} m"
        return Fault("numbers", said, "no radar does; have the partner check its accuracies")
    found = _rank(joint, vector)
    if found < 0:
        said = "its vector is not within what its information allows"
        if found != OUTSIDE:
            said = "its information is not positive semidefinite"
        return Fault("numbers", said, _ANEW)
    rank = _rank(tracklet.information.copy(), np.zeros(6))
    if rank != tracklet.rank or rank < 3:
        return Fault("rank", f"it claims rank {tracklet.rank} and has rank {rank}", _ANEW)
    return None


def _rank(matrix: NDArray[np.float64], vector: NDArray[np.float64]) -> int:
    """Rank of a symmetric matrix, which is spoilt; below 0: it is no information."""
    m = len(vector)
    return int(whiten(matrix, vector, np.zeros((m, m)), np.zeros(m), np.zeros((2, m), np.int64)))


def assessment_fault(stated: Assessment, span: Span, settings: EntrySettings) -> Fault | None:
    """Of a stated flight; what it foretells may lie ahead of every clock, but not a day."""
    when = span.fault("payload.as_of_ns", stated.as_of_ns, stated.as_of_ns)
    return when or _flight_fault(stated, settings)


def _flight_fault(stated: Assessment, settings: EntrySettings) -> Fault | None:
    """Of a stated flight, whenever it was stated."""
    faults = (
        codec.infinite_in(stated),
        *_end_faults(stated),
        *_path_faults(stated, settings),
    )
    total = sum(stated.kind_probabilities.values())
    if not 0.99 <= total <= 1.01:
        said = f"they sum to {total:.3g}"
        faults += (Fault("payload.kind_probabilities", said, "have them sum to 1"),)
    return next((fault for fault in faults if fault is not None), None)


_FORETOLD_NS = 86_400 * S
"""No flight that comes down takes a day."""


def _end_faults(stated: Assessment) -> Iterator[Fault | None]:
    for name, end in (("launch", stated.launch), ("impact", stated.impact)):
        if end is not None:
            yield _when(f"payload.{name}.time_ns", end.time_ns, stated.as_of_ns)
            yield _where(f"payload.{name}", end.latitude_rad, end.longitude_rad)
            sizes = (end.time_sigma_s, end.ellipse_95.semi_minor_m, end.ellipse_95.semi_major_m)
            if min(sizes) < 0.0 or sizes[1] > sizes[2]:
                yield Fault(f"payload.{name}", "its uncertainty is no time and no ellipse", _SI)
    if stated.apogee is not None:
        yield _when("payload.apogee.time_ns", stated.apogee.time_ns, stated.as_of_ns)
        if stated.apogee.height_sigma_m < 0.0:
            yield Fault("payload.apogee.height_sigma_m", "it is negative", _SI)
    if stated.impact is not None and stated.impact.region_95:
        yield _ring_fault("payload.impact.region_95", stated.impact.region_95)


def _path_faults(stated: Assessment, settings: EntrySettings) -> Iterator[Fault | None]:
    corners = () if stated.impact is None else stated.impact.region_95
    if len(corners) > settings.greatest_area_points:
        yield _many("payload.impact.region_95", len(corners), settings.greatest_area_points)
    if stated.path is None:
        return
    path = codec.unpack_path(stated.path, settings.greatest_path_points)
    if isinstance(path, Fault):
        yield path
        return
    if (np.diff(path.time_ns) <= 0).any():
        yield Fault("payload.path.time_ns", "its times do not ascend", _ANEW)
    for time_ns in (path.time_ns[:1].tolist(), path.time_ns[-1:].tolist()):
        for one in time_ns:
            yield _when("payload.path.time_ns", one, stated.as_of_ns)
    outside = (np.abs(path.latitude_rad) > 0.5 * math.pi) | (np.abs(path.longitude_rad) > math.pi)
    height_km = path.height_m / 1e3
    outside |= (height_km < -settings.deepest_km) | (height_km > settings.greatest_height_km)
    if outside.any():
        yield Fault(f"payload.path[{int(np.argmax(outside))}]", "it is no place", _SI)


def warning_fault(warning: AreaWarning, span: Span, settings: EntrySettings) -> Fault | None:
    """Of an area and its time."""
    when = span.fault("payload.as_of_ns", warning.as_of_ns, warning.as_of_ns)
    return when or _area_fault(warning, settings)


def _area_fault(warning: AreaWarning, settings: EntrySettings) -> Fault | None:
    """Of an area and its time, whenever it was stated."""
    if len(warning.area) > settings.greatest_area_points:
        return _many("payload.area", len(warning.area), settings.greatest_area_points)
    if warning.from_ns > warning.until_ns:
        return Fault("payload.until_ns", "it ends before it begins", _ANEW)
    return (
        codec.infinite_in(warning)
        or _when("payload.from_ns", warning.from_ns, warning.as_of_ns)
        or _when("payload.until_ns", warning.until_ns, warning.as_of_ns)
        or (None if warning.withdrawn else _ring_fault("payload.area", warning.area))
    )


def consultation_fault(
    consultation: Consultation, header: Header, span: Span, settings: EntrySettings
) -> Fault | None:
    """Of what is said about an event. It may be old: a cut link brings it days later."""
    said = consultation.said
    ends = (header.originator, header.addressee)
    if (consultation.event is None) != isinstance(said, Confirmed):
        return Fault("payload.event", "only a confirmation has none", codec.MALFORMED)
    names = [("event", consultation.event)]
    if isinstance(said, Joined):
        names.append(("said.other", said.other))
        if {str(name).partition("-")[0] for _, name in names} != set(ends):
            return Fault("payload.said.other", "it joins no two nations' names", _NAMES)
    for place, name in names:
        if name is not None and name.partition("-")[0] not in ends:
            reason = f"{name} is neither {ends[0]}'s nor {ends[1]}'s name of an event"
            return Fault(f"payload.{place}", reason, _NAMES)
    return (
        span.ahead("payload.at_ns", consultation.at_ns)
        or _words_fault(said)
        or _said_fault(said, ends, span, settings)
    )


def _said_fault(
    said: Said, ends: tuple[str, str], span: Span, settings: EntrySettings
) -> Fault | None:
    if isinstance(said, Proposed):
        named = said.nations
        if list(named) != sorted(set(named)) or not set(ends) <= set(named):
            reason = "not each once, in order, with its originator and us among them"
            return Fault("payload.said.nations", reason, "name everyone who is to confirm it")
    if isinstance(said, Assessed):
        for k, flight in enumerate(said.flights):
            fault = span.ahead("as_of_ns", flight.as_of_ns) or (
                _flight_fault(flight, settings)
                if isinstance(flight, Assessment)
                else _area_fault(flight, settings)
            )
            if fault is not None:
                inner = fault.place.removeprefix("payload.")
                return fault._replace(place=f"payload.said.flights[{k}].{inner}")
    return None


def _words_fault(said: Said) -> Fault | None:
    """Letters that a terminal obeys instead of showing have no place in what people write."""
    for place in ("by", "text"):
        words = str(getattr(said, place, ""))
        allowed = words.replace("\n", "") if place == "text" else words
        if not allowed.isprintable():
            return Fault(f"payload.said.{place}", "it holds letters that cannot be shown", _PRINT)
    return None


_NAMES = "have the partner call it by a name of its own, or by ours"
_PRINT = "have the partner send plain text"


def _when(place: str, time_ns: int, as_of_ns: int) -> Fault | None:
    if abs(time_ns - as_of_ns) > _FORETOLD_NS:
        return Fault(place, f"{(time_ns - as_of_ns) / S:,.0f} s from when it was known", _CLOCK)
    return None


def _where(place: str, latitude_rad: float, longitude_rad: float) -> Fault | None:
    if abs(latitude_rad) > 0.5 * math.pi or abs(longitude_rad) > math.pi:
        return Fault(place, f"({latitude_rad:.6g}, {longitude_rad:.6g}) rad is no place", _SI)
    return None


def _ring_fault(place: str, ring: Sequence[tuple[float, float]]) -> Fault | None:
    if len(ring) < 4 or ring[0] != ring[-1]:
        return Fault(place, "it is no closed ring of three corners or more", _ANEW)
    for k, (longitude, latitude) in enumerate(ring):
        # Rings may cross the antimeridian.
        if abs(latitude) > 0.5 * math.pi or abs(longitude) > 2.0 * math.pi:
            return Fault(f"{place}[{k}]", "it is no place", _SI)
    return None


def _many(place: str, count: int, most: int) -> Fault:
    return Fault(place, f"{count:,} corners are more than {most:,}", "have it made simpler")
