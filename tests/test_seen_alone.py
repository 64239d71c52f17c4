"""A radar with a flight of its own beside one of the others is named."""

import math
from types import SimpleNamespace

import pytest

from skypact.model import Ellipse, Flight, FlightKind, Launch
from skypact.offline.seen_alone import seen_alone

S = 1_000_000_000
MANY = {"jp1": 100, "us1": 100}


def flight(number: int, counts: dict[str, int], **more) -> tuple[Flight, SimpleNamespace]:
    """Launched at 40° and `north`, 0.1° being 11 km; known to 10 km and 10 s with 95 %."""
    north, at_s = more.pop("north", 0.0), more.pop("at_s", 0.0)
    launch = Launch(
        time_ns=round(at_s * S),
        time_sigma_s=10.0 / 1.96,
        latitude_rad=math.radians(40.0 + north),
        longitude_rad=math.radians(126.0),
        ellipse_95=Ellipse(semi_major_m=10e3, semi_minor_m=5e3, azimuth_rad=0.0),
    )
    known = {
        "first_plot_ns": 60 * S,
        "last_plot_ns": 200 * S,
        "launch": launch,
        "impact": None,
        "parted_from": None,
    }
    one = Flight(
        id=number,
        kind=FlightKind.BALLISTIC,
        kind_probability=1.0,
        kind_probabilities={},
        range_class=None,
        range_class_probability=None,
        nations=("JPN",),
        radars=tuple(sorted(counts)),
        last_seen_by="jp1",
        plots=sum(counts.values()),
        apogee=None,
        ground_range_m=None,
        **{**known, **more},
    )
    return one, SimpleNamespace(plots_by_radar=counts)


def notes_of(*pairs: tuple[Flight, SimpleNamespace]) -> tuple[str, ...]:
    flights, tracks = zip(*pairs, strict=True)
    return seen_alone(flights, tracks)


def test_a_radar_with_a_flight_of_its_own_is_named_once() -> None:
    own = [flight(n, {"kr1": 98, "jp1": 2}, north=0.1) for n in (2, 3)]
    (note,) = notes_of(flight(1, MANY), *own)
    assert note.startswith(
        "radar kr1: flight 2 is all but its own (98 of 100 plots), and flight 1, launched or "
    )
    assert "has 0 of its plots" in note


@pytest.mark.parametrize(
    ("others", "own"),
    [
        (flight(1, MANY | {"kr1": 90}), flight(2, {"kr1": 98})),  # it sees both
        (flight(1, MANY), flight(2, {"kr1": 90, "jp1": 10})),  # the others see both
        (flight(1, MANY), flight(2, {"kr1": 98}, north=0.2)),  # 22 km apart, known to 20
        (flight(1, MANY), flight(2, {"kr1": 98}, at_s=21.0)),  # later than both intervals allow
        (flight(1, MANY), flight(2, {"kr1": 98}, first_plot_ns=195 * S, last_plot_ns=400 * S)),
        (flight(1, MANY), flight(2, {"kr1": 98}, launch=None)),
        (flight(1, MANY), flight(2, {"kr1": 98}, parted_from=1)),
        (flight(1, MANY), flight(2, {"kr1": 19})),
        (flight(1, {"jp1": 19}), flight(2, {"kr1": 98})),
    ],
)
def test_two_objects_are_not_said_to_be_one(others, own) -> None:
    assert notes_of(others, own) == ()


def test_nothing_is_said_of_no_flight() -> None:
    assert seen_alone((), ()) == ()
