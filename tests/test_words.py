"""Times, places, lengths and reasons as people read them."""

import math

import pytest

from skypact.model import Apogee, Ellipse, Flight, FlightKind, Launch
from skypact.offline.reasons import unknown_because
from skypact.offline.text import axes, kilometres_within, place, square_kilometres, three_digits


@pytest.mark.parametrize(
    ("within_m", "said"),
    [
        (60e3, "40.6° N 126.4° E"),
        (1000.0, "40.612° N 126.435° E"),
        (12.0, "40.6123° N 126.4346° E"),
        (0.0, "40.612346° N 126.434568° E"),
        (1e9, "40.6° N 126.4° E"),
    ],
)
def test_a_place_has_the_digits_that_its_area_calls_for(within_m: float, said: str) -> None:
    assert place(math.radians(40.6123456), math.radians(126.4345678), within_m) == said


def test_the_last_digit_is_never_worth_more_than_the_area() -> None:
    for within_m in (2.0, 15.0, 120.0, 980.0, 11e3):
        degrees = place(0.7, 2.2, within_m).split("°")[0]
        assert 111.2e3 * 10.0 ** -len(degrees.split(".")[1]) <= within_m


def test_lengths() -> None:
    assert axes(Ellipse(semi_major_m=1240e3, semi_minor_m=34.0, azimuth_rad=0.0)) == "1,240 × 0.034"
    assert kilometres_within(550_310.0, 640.0) == ("550.31", "0.64")
    assert [three_digits(n) for n in (0.0344, 1.236, 12.44, 123.4)] == [
        *("0.034", "1.24", "12.4", "123"),
    ]


def test_small_areas_are_not_nothing() -> None:
    said = [square_kilometres(n) for n in (0.00049, 0.0123, 20.66, 957.4, 0.0)]
    assert said == ["0.00049", "0.012", "20.7", "957", "0.000"]


def flight(kind: FlightKind, **more) -> Flight:
    fields = dict.fromkeys(Flight.__struct_fields__)
    fields |= {"kind": kind, "kind_probabilities": {str(kind): 1.0}}
    return Flight(**(fields | more))


def test_reasons_stand_for_what_is_unknown_and_for_nothing_else() -> None:
    apogee = Apogee(time_ns=0, height_m=1e5, height_sigma_m=1.0)
    launch = Launch(
        time_ns=0,
        time_sigma_s=1.0,
        latitude_rad=0.7,
        longitude_rad=2.2,
        ellipse_95=Ellipse(semi_major_m=1.0, semi_minor_m=1.0, azimuth_rad=0.0),
    )
    boosting = unknown_because(flight(FlightKind.UNKNOWN, launch=launch))
    assert boosting == (
        "apogee: it may still be boosting",
        "impact: it may still be boosting",
    )
    orbital = unknown_because(flight(FlightKind.ORBITAL, launch=launch, apogee=apogee))
    assert orbital == ("impact: it may not come down at all (orbital: 100 %)",)
    assert "aircraft" in unknown_because(flight(FlightKind.AIRCRAFT, apogee=apogee))[1]
    unsure = unknown_because(flight(FlightKind.UNKNOWN, apogee=apogee))
    assert [reason.split(":")[0] for reason in unsure] == ["launch", "impact"]
    assert unknown_because(None) != ()
