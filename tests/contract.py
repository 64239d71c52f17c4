"""The `--json` contract of `skypact track`, field by field: msgspec refuses what differs."""

import re
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
Latitude = Annotated[float, Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Meta(ge=-180.0, le=180.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Size = Annotated[float, Meta(ge=0.0)]


class Contract(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Ellipse(Contract):
    semi_major_km: Size
    semi_minor_km: Size
    azimuth_deg: Annotated[float, Meta(ge=0.0, le=180.0)]


class Launch(Contract):
    time: Time
    time_sigma_s: Size
    latitude_deg: Latitude
    longitude_deg: Longitude
    ellipse_95: Ellipse


class Apogee(Contract):
    time: Time
    height_km: float
    height_sigma_km: Size


class Polygon(Contract):
    type: Literal["Polygon"]
    coordinates: Annotated[
        list[Annotated[list[tuple[float, float]], Meta(min_length=4)]], Meta(min_length=1)
    ]


class Impact(Contract):
    time: Time
    time_sigma_s: Size
    latitude_deg: Latitude
    longitude_deg: Longitude
    ellipse_95: Ellipse
    region_95: Polygon | None


class Flight(Contract):
    id: int
    kind: Literal["ballistic", "quasi_ballistic", "glide", "orbital", "aircraft", "unknown"]
    kind_probability: Share
    kind_probabilities: dict[str, Share]
    range_class: Literal["srbm", "mrbm", "irbm", "icbm"] | None
    range_class_probability: Share | None
    nations: list[str]
    radars: list[str]
    first_plot: Time
    last_plot: Time
    last_seen_by: str
    plots: Annotated[int, Meta(gt=0)]
    launch: Launch | None
    apogee: Apogee | None
    ground_range_km: Size | None
    impact: Impact | None
    parted_from: int | None
    notes: list[str]
    status: Literal["confirmed", "ended"]
    ended_because: str | None
    unseen_s: Size


class Rejection(Contract):
    file: str
    row: int | None
    reason: str
    remedy: str


class Document(Contract):
    flights: list[Flight]
    rejected: list[Rejection]
    plots: int
    first_plot: Time
    last_plot: Time
    until: Time | None
    notes: list[str]


def validated(text: str) -> Document:
    """The document, if it keeps the contract: also rings closed and counter-clockwise."""
    assert not re.search(r"\b(NaN|Infinity)\b", text)
    document = msgspec.json.decode(text, type=Document)
    for flight in document.flights:
        assert flight.first_plot <= flight.last_plot
        assert abs(sum(flight.kind_probabilities.values()) - 1.0) < 1e-3
        unknown = {name for name in ("launch", "apogee", "impact") if not getattr(flight, name)}
        assert {note.split(":")[0] for note in flight.notes} == unknown
        for end in (flight.launch, flight.impact):
            if end is not None:
                assert end.ellipse_95.semi_major_km >= end.ellipse_95.semi_minor_km
        if flight.impact is not None and flight.impact.region_95 is not None:
            for ring in flight.impact.region_95.coordinates:
                assert ring[0] == ring[-1]
                x0, y0 = ring[0]
                doubled = sum(
                    (xa - x0) * (yb - y0) - (xb - x0) * (ya - y0)
                    for (xa, ya), (xb, yb) in pairwise(ring)
                )
                assert doubled > 0.0
    return document
