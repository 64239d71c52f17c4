"""Flights whose launch nobody saw: from where their range counts, and what that says of them.

On 2021-09-15 Japan's radars on land first see the train's missile as it begins to fall.
"""

import numpy as np
import pytest
from msgspec import structs

import skypact
from evaluate.coverage import inside_region
from evaluate.disagreements import NS, ZONE, first_flight, over_time
from skypact.flight.arc import apsides_m, arc_of, origin_of
from skypact.flight.assess import apogee_of
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import geodetic_from_ecef

SECONDS = (165, 170, 175, 180, 185, 190, 195, 200)
"""After launch; its pull-up begins at 192 s."""
SEEDS = (1, 20261124)
"""In the second the noise looks like lift for a moment at T+180 s."""
WITHOUT_PULL_UP_M = 560e3
"""Ground range, as the scenario has it."""


@pytest.fixture(scope="module", params=SEEDS)
def train(request):
    path, seen = first_flight(ZONE, request.param)
    return path, next(sight for sight in seen if sight.name == "JP")


def test_a_pull_up_is_not_dismissed_because_no_launch_was_seen(train):
    """Range was once counted from where it was: half as far, as steep as a ballistic flight."""
    path, sight = train
    said = over_time(sight, [path.launch.time_ns + s * NS for s in SECONDS])
    assert all(flight.launch is None for flight in said)
    fell_at = path.impact.latitude_rad, path.impact.longitude_rad
    assert [inside_region(flight.impact, fell_at) for flight in said] == [True] * len(SECONDS)
    assert all(flight.kind_probabilities["ballistic"] < 0.85 for flight in said)


@pytest.mark.parametrize("with_apogee", [True, False])
def test_the_arc_is_that_of_the_flight(train, with_apogee):
    """Range to 15 %, apogee to three sigmas of the track's own.

    Arcs of the population are 4 % off (1 sigma); this flight is flatter than those (11 times
    as far as high, at most 9 there), and air takes more off it. Counted from where it was, half of
    the range was missing.
    """
    path, sight = train
    end = int(np.searchsorted(sight.plots.time_ns, path.launch.time_ns + 170 * NS))
    picture = skypact.Picture(sight.radars)
    picture.observe(sight.plots.at(np.arange(end)))
    (track,) = picture.tracks()
    apogee = apogee_of(track)
    arc = arc_of(track, apogee if with_apogee else None)
    near = 0.15 * WITHOUT_PULL_UP_M
    assert arc.apogee_m == pytest.approx(path.apogee.height_m, abs=3.0 * apogee.height_sigma_m)
    assert arc.range_m == pytest.approx(WITHOUT_PULL_UP_M, abs=near)
    latitude, longitude, height = geodetic_from_ecef(*origin_of(None, track, arc))
    launch = path.launch.latitude_rad, path.launch.longitude_rad
    assert geodesic_inverse(latitude, longitude, *launch)[0] < near
    assert abs(height) < 1.0
    here = geodetic_from_ecef(*track.state[:3])
    flown = geodesic_inverse(latitude, longitude, *here[:2])[0]
    assert flown == pytest.approx(arc.flown_m, rel=1e-6)


def test_a_circle_has_both_apsides_at_its_height(train):
    _, sight = train
    picture = skypact.Picture(sight.radars)
    picture.observe(sight.plots)
    track = picture.tracks()[0]
    up = 6_871e3
    speed = (3.986004418e14 / up) ** 0.5 - 7.292115e-5 * up
    state = track.state.copy()
    state[:6] = up, 0.0, 0.0, 0.0, speed, 0.0
    low, high = apsides_m(structs.replace(track, state=state))
    assert low == pytest.approx(500e3, abs=1.0)
    assert high == pytest.approx(500e3, abs=1.0)
