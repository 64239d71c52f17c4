"""Programmes of manoeuvring flights against flights whose programme is known."""

import math

import numpy as np
import pytest

from skypact.flight.programmes import Sight, fitting, free_fit, glides
from skypact.kernels.powered_flight import (
    BANK_RAD,
    END_GROUND_RANGE_M,
    END_HEIGHT_M,
    LONGEST_S,
    PATH_ANGLE_RAD,
    lift_command,
)
from skypact.model import FlightKind
from skypact.settings import FlightSettings

SETTINGS = FlightSettings()


def gliding(bank_deg=20.0, **changes):
    """A sight of a glide under way, its lift known to 5 % and its course not at all."""
    row = glides(1, 500e3, 0.0)[0, 0].copy()
    row[PATH_ANGLE_RAD], row[BANK_RAD] = math.radians(-0.7), math.radians(bank_deg)
    height, speed, radius, weight = 33e3, 2000.0, 6.4e6, 9.7
    climb = speed * math.sin(math.radians(-0.7))
    command = np.array(lift_command(row, height, climb, speed, radius, weight, 2e-4))
    size = 0.05 * float(np.linalg.norm(command))
    values = {
        "height_m": height,
        "climb_m_s": climb,
        "climb_sigma_m_s": 5.0,
        "speed_m_s": speed,
        "radius_m": radius,
        "weight_m_s2": weight,
        "pressure_pa": 0.5 * 1.3e-2 * speed**2,  # USSA76 at 33 km: 0.012 to 0.013 kg/m³
        "flown_m": 600e3,
        "course_off_rad": 0.0,
        "course_sigma_rad": math.inf,
        "range_m": 500e3,
        "range_ln_sigma": 0.04,
        "apogee_m": 75e3,
        "since_apogee_s": 200.0,
        "lift": (command, np.diag([size**2, size**2, size**2])),
        "free": 1e-6,
        "steered": 2.5,
        "log_odds": 10.0,
    }
    return Sight(**(values | changes))


def likely(programmes, column):
    """Weighted mean and 1σ of one column of the first manoeuvre."""
    weight, values = programmes.weight / programmes.weight.sum(), programmes.rows[:, 0, column]
    mean = float(weight @ values)
    return mean, math.sqrt(float(weight @ (values - mean) ** 2))


def test_a_glide_under_way_ends_beyond_where_it_is():
    glide = fitting(FlightKind.GLIDE, gliding(), SETTINGS)
    going_on = (glide.weight > 0.0) & (glide.rows[:, 0, PATH_ANGLE_RAD] > math.radians(-2.0))
    assert glide.rows[going_on, 0, END_GROUND_RANGE_M].min() >= 600e3
    assert glide.rows[going_on, 0, END_HEIGHT_M].max() <= 33e3


@pytest.mark.parametrize("bank_deg", [-30.0, 0.0, 25.0])
def test_the_bank_shows_in_the_lift(bank_deg):
    mean, sigma = likely(fitting(FlightKind.GLIDE, gliding(bank_deg), SETTINGS), BANK_RAD)
    # 0.40 before. Of 10 m/s² of lift the part to the side is known to 20 % and 1.5 m/s², 0.25, and
    # weights are flattened to count 60: below 0.3, and the mean within 4 sigmas of 60 of them.
    assert sigma < 0.3
    assert mean == pytest.approx(math.radians(bank_deg), abs=0.15)


def test_a_course_bent_to_the_right_is_a_bank_to_the_right():
    bent = gliding(course_off_rad=0.3, course_sigma_rad=0.01, lift=None)
    assert likely(fitting(FlightKind.GLIDE, bent, SETTINGS), BANK_RAD)[0] > 0.1
    straight = gliding(course_off_rad=0.0, course_sigma_rad=0.01, lift=None)
    for sight, better in ((bent, FlightKind.GLIDE), (straight, FlightKind.QUASI_BALLISTIC)):
        fits = {
            kind: fitting(kind, sight, SETTINGS).fit
            for kind in (FlightKind.GLIDE, FlightKind.QUASI_BALLISTIC)
        }
        ratio = fits[FlightKind.GLIDE] / fits[FlightKind.QUASI_BALLISTIC]
        assert ratio > 1.0 or better == FlightKind.QUASI_BALLISTIC
    # Straight on says less for a bank than a bend does.
    assert free_fit(straight) > free_fit(bent)


def test_a_pull_up_is_over_after_its_longest_time():
    done = fitting(FlightKind.QUASI_BALLISTIC, gliding(since_apogee_s=350.0), SETTINGS)
    assert done.over == pytest.approx(1.0)  # 250 s after 40 km; the longest is 120 s
    early = fitting(FlightKind.QUASI_BALLISTIC, gliding(since_apogee_s=105.0), SETTINGS)
    assert early.over < 0.5
    left = early.rows[early.weight > 0.0, 0, LONGEST_S]
    assert 0.0 < left.min() <= left.max() < 120.0


def test_fallen_through_the_air_without_lift_it_is_ballistic():
    fallen = gliding(
        height_m=15e3,
        climb_m_s=-1500.0,
        pressure_pa=0.5 * 0.19 * 2000.0**2,
        since_apogee_s=160.0,
        lift=(np.array([2e-4, 0.0, 0.0]), np.diag([1e-5, 5e-5, 5e-5]) ** 2),
        free=1.6,
        steered=0.02,
        log_odds=-2.0,
    )
    for kind in (FlightKind.QUASI_BALLISTIC, FlightKind.GLIDE):
        assert fitting(kind, fallen, SETTINGS).fit < 0.1 * free_fit(fallen)


def test_a_kind_outside_all_that_is_believed_is_unlikely():
    low = gliding(height_m=5e3, climb_m_s=-100.0, speed_m_s=300.0, flown_m=1500e3)
    glide = fitting(FlightKind.GLIDE, low, SETTINGS)
    assert glide.fit < 1e-9
    assert glide.weight.sum() == pytest.approx(1.0)


def test_drawn_programmes_have_the_weights_mean():
    glide = fitting(FlightKind.GLIDE, gliding(), SETTINGS)
    rows, inverse_beta = glide.drawn(400)
    mean, sigma = likely(glide, BANK_RAD)
    # Systematic draws err by less than chance ones: 4 sigmas of those.
    assert rows[:, 0, BANK_RAD].mean() == pytest.approx(mean, abs=4.0 * sigma / 20.0)
    assert len(inverse_beta) == 400


def falling(height_m):
    """A sight of a fall from 55 km in which no lift shows."""
    climb = -math.sqrt(2.0 * 9.4 * (55e3 - height_m))
    return gliding(
        height_m=height_m,
        climb_m_s=climb,
        pressure_pa=0.5 * 1.225 * math.exp(-height_m / 7e3) * 2000.0**2,
        apogee_m=55e3,
        since_apogee_s=-climb / 9.4,
        flown_m=380e3,
        lift=(np.array([2e-4, 0.0, 0.0]), np.diag([1e-8, 1e-10, 1e-10])),
        free=1.55,
        steered=0.08,
        log_odds=-3.0,
    )


def test_a_pull_up_that_only_began_is_not_dismissed():
    """Plots cannot show it in its first seconds; at 27 km most would have begun by then."""
    soon = FlightSettings(manoeuvre_noticed_m=1e-3)
    begun = falling(27e3)
    before, after = (
        fitting(FlightKind.QUASI_BALLISTIC, begun, settings).fit / free_fit(begun)
        for settings in (soon, SETTINGS)
    )
    # Starts are believed alike from 25 to 40 km: 2 of 15 are still to come. At 750 m/s half of
    # the others began less than 9 s ago, and 300 m take 4 to 9 s with what lift there is.
    assert before < 2.0 / 15.0
    assert 0.2 < after < 0.6
    # Of all that begin at 25 km or higher none can be in its first seconds at 15 km.
    late = falling(15e3)
    assert fitting(FlightKind.QUASI_BALLISTIC, late, SETTINGS).fit / free_fit(late) < 0.01
