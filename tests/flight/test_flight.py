"""Flights against truth: areas that hold, kinds, classes, and what cannot be known yet."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.spatial import ConvexHull

from skypact.flight import assess
from skypact.flight.ground import (
    CHI_SQUARED_95,
    convex_hull,
    distances_squared,
    ellipse_of,
    geodetic_from_plane,
    plane_from_geodetic,
    region_95,
    weighted_moments,
    weighted_quantile,
)
from skypact.flight.kind import greatest_range_m, kind_probabilities, range_class
from skypact.flight.samples import normal_points, square_root
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.gravity import GM_M3_S2
from skypact.model import FlightKind, Phase, RangeClass
from skypact.offline.reasons import unknown_because
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.settings import FlightSettings
from skypact.tracking import Picture

NS = 1_000_000_000


@pytest.fixture(scope="module")
def lofted():
    """The 2022-01-30 flight past the demo's radars without its spent stage, and its truth."""
    simulation = simulate(load_scenario("2022-01-30_hwasong-12"), seed=3)
    payload = simulation.plots.at(np.flatnonzero(simulation.origin == 0))
    return simulation._replace(plots=payload), simulation.paths[0]


def flight_at(simulation, time_ns):
    end = int(np.searchsorted(simulation.plots.time_ns, time_ns, side="right"))
    picture = Picture(simulation.radars)
    picture.observe(simulation.plots.at(np.arange(end)))
    track = max(picture.tracks(), key=lambda t: t.plots)
    return assess(track, simulation.radars)


def test_no_impact_is_foretold_while_it_burns(lofted):
    simulation, path = lofted
    flight = flight_at(simulation, path.burnout_time_ns - 20 * NS)
    assert flight.impact is None
    assert flight.apogee is None
    assert flight.kind == FlightKind.UNKNOWN


def test_a_lofted_flight_after_burnout(lofted):
    simulation, path = lofted
    flight = flight_at(simulation, path.burnout_time_ns + 60 * NS)
    assert flight.kind == FlightKind.BALLISTIC
    assert flight.range_class == RangeClass.IRBM
    # Within four of its own sigmas: one run, and 1 in 16,000 falls outside.
    assert abs(flight.apogee.height_m - path.apogee.height_m) < 4 * flight.apogee.height_sigma_m
    error, _ = geodesic_inverse(
        flight.impact.latitude_rad,
        flight.impact.longitude_rad,
        path.impact.latitude_rad,
        path.impact.longitude_rad,
    )
    # Half as far again as the 95 % ellipse's longest reach: χ² 13.5, 1 in 850.
    assert error < 1.5 * flight.impact.ellipse_95.semi_major_m
    away, _ = geodesic_inverse(
        flight.launch.latitude_rad,
        flight.launch.longitude_rad,
        path.launch.latitude_rad,
        path.launch.longitude_rad,
    )
    assert away < 1.5 * flight.launch.ellipse_95.semi_major_m
    assert abs(flight.launch.time_ns - path.launch.time_ns) / NS < 4 * flight.launch.time_sigma_s


def test_the_apogee_stays_after_it_came_down(lofted):
    simulation, path = lofted
    flight = flight_at(simulation, path.impact.time_ns)
    assert abs(flight.apogee.height_m - path.apogee.height_m) < max(
        4 * flight.apogee.height_sigma_m, 100.0
    )


@pytest.fixture(scope="module")
def coasting(lofted):
    """The flight, and its track a minute after burn-out."""
    simulation, path = lofted
    picture = Picture(simulation.radars)
    end = np.searchsorted(simulation.plots.time_ns, path.burnout_time_ns + 60 * NS)
    picture.observe(simulation.plots.at(np.arange(end)))
    return simulation, max(picture.tracks(), key=lambda t: t.plots)


def test_a_known_launch_is_kept(coasting):
    simulation, track = coasting
    first = assess(track, simulation.radars)
    assert assess(track, simulation.radars, launch=first.launch).launch is first.launch


def test_one_of_two_that_parted_comes_down_as_either(coasting):
    """Before the air tells, it is as likely the spent stage: the impact holds both ends."""
    simulation, track = coasting
    alone, parted = (
        assess(msgspec.structs.replace(track, company=n), simulation.radars) for n in (1, 2)
    )
    assert alone.bodies == ()
    heavy, light = parted.bodies
    assert (heavy.light, light.light) == (False, True)
    assert (heavy.probability, light.probability) == pytest.approx((0.5, 0.5))
    assert heavy.time_ns < light.time_ns  # the air slows it more
    # A mixture of two halves: the middle of both, and a variance with half their distance squared.
    impact, apart_s = parted.impact, (light.time_ns - heavy.time_ns) / NS
    assert impact.time_ns == pytest.approx((heavy.time_ns + light.time_ns) / 2, abs=0.1 * NS)
    within = (heavy.time_sigma_s**2 + light.time_sigma_s**2) / 2
    assert impact.time_sigma_s**2 == pytest.approx(within + apart_s**2 / 4, rel=0.05)


def test_samples_stand_for_the_normal_distribution():
    points = normal_points(512, 7)
    assert points.mean(axis=0) == pytest.approx(np.zeros(7), abs=1e-12)
    assert points.T @ points / 512 == pytest.approx(np.eye(7), abs=1e-9)
    # χ² of 7 degrees: the share below its 95 % point, 14.07; spread of a fair draw 1 %
    assert np.mean((points**2).sum(axis=1) < 14.067) == pytest.approx(0.95, abs=0.03)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_square_root_of_any_covariance(seed):
    random = np.random.default_rng(seed)
    root = random.normal(size=(6, 4)) * 10.0 ** random.uniform(-3, 3, size=(6, 1))
    covariance = root @ root.T  # of rank 4
    factor = square_root(covariance)
    scale = np.sqrt(np.diag(covariance))
    assert factor @ factor.T / np.outer(scale, scale) == pytest.approx(
        covariance / np.outer(scale, scale), abs=1e-9
    )


def test_region_holds_95_percent_of_points_it_has_not_seen():
    random = np.random.default_rng(1)
    shape = np.array([[3e3, 0.0], [1e3, 2e2]])
    held = []
    for _ in range(40):
        known = random.normal(size=(512, 2)) @ shape.T
        ring = region_95(known, np.ones(512))
        fresh = random.normal(size=(500, 2)) @ shape.T
        along = np.diff(ring, axis=0)
        away = fresh[:, None, :] - ring[None, :-1]
        side = along[:, 0] * away[:, :, 1] - along[:, 1] * away[:, :, 0]
        inside = np.all(side >= 0.0, axis=1) | np.all(side <= 0.0, axis=1)
        held.append(np.mean(inside))
    # 256 held-out points fix each quantile to 1.4 %, 40 trials the mean to 0.3 %: 5 sigmas.
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_convex_hull_against_scipy(seed):
    random = np.random.default_rng(seed)
    points = random.normal(size=(random.integers(3, 80), 2))
    expected = {tuple(point) for point in points[ConvexHull(points).vertices]}
    assert {tuple(point) for point in convex_hull(points)} == expected


def test_convex_hull_of_a_line_has_no_area():
    assert len(convex_hull(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))) < 3


def test_ellipse_has_the_size_of_a_gaussian():
    ellipse = ellipse_of(np.array([[4.0, 0.0], [0.0, 1.0]]) * 1e6)
    assert ellipse.semi_major_m == pytest.approx(2e3 * math.sqrt(CHI_SQUARED_95))
    assert ellipse.semi_minor_m == pytest.approx(1e3 * math.sqrt(CHI_SQUARED_95))
    assert ellipse.azimuth_rad == pytest.approx(math.pi / 2)  # the long way is east


def test_plane_and_back():
    origin = (0.7, 2.3)
    where = geodetic_from_plane(origin, 30e3, -40e3)
    flat = plane_from_geodetic(origin, np.array([where[0]]), np.array([where[1]]))
    assert flat[0] == pytest.approx([30e3, -40e3], abs=1e-3)


def test_moments_and_quantiles_of_weighted_points():
    points = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 4.0]])
    mean, covariance = weighted_moments(points, np.array([2.0, 1.0, 1.0]))
    assert mean == pytest.approx([1.0, 1.0])
    assert covariance == pytest.approx(np.array([[1.0, 1.0], [1.0, 3.0]]))
    assert distances_squared(points, mean, covariance)[0] == pytest.approx(1.0)
    values = np.arange(1000.0)
    assert weighted_quantile(values, np.ones(1000), 0.95) == pytest.approx(949.5, abs=0.51)


@pytest.mark.parametrize(
    ("range_m", "name"),
    [(500e3, "srbm"), (1500e3, "mrbm"), (4500e3, "irbm"), (9000e3, "icbm")],
)
def test_range_class_from_the_energy_of_the_least_launch(range_m, name):
    """Minimum-energy speed for a range on a sphere, from the textbook's formula turned round."""
    radius = 6371e3
    sine = math.sin(range_m / (2.0 * radius))
    q = 2.0 * sine / (1.0 + sine)
    energy = (0.5 * q - 1.0) * GM_M3_S2 / radius
    assert greatest_range_m(energy) == pytest.approx(range_m, rel=1e-9)
    found, probability = range_class(energy, 1e3)
    assert (found, probability > 0.99) == (RangeClass(name), True)


def test_kinds_by_shape_and_by_what_was_seen():
    known = FlightSettings()
    alike = dict.fromkeys((FlightKind.BALLISTIC, FlightKind.QUASI_BALLISTIC, FlightKind.GLIDE), 1.0)
    lofted = kind_probabilities(2000e3, 800e3, alike, known)
    assert lofted[FlightKind.BALLISTIC] > 0.99
    flat = kind_probabilities(55e3, 400e3, alike, known)
    assert flat[FlightKind.BALLISTIC] < 0.5
    seen = kind_probabilities(55e3, 400e3, alike | {FlightKind.BALLISTIC: 1e-4}, known)
    assert seen[FlightKind.BALLISTIC] < 0.01
    for probabilities in (lofted, flat, seen):
        assert sum(probabilities.values()) == pytest.approx(1.0)


def test_time_alone_changes_no_impact():
    """Carried on unseen by the tracker, a pull-up's area once grew from 0.3 to 13,000 km²."""
    simulation = simulate(load_scenario("2019-07-25_kn-23"), seed=3)
    plots, radars = simulation.plots, simulation.radars
    picture = Picture(radars)
    picture.observe(plots.at(np.flatnonzero(plots.time_ns < plots.time_ns[0] + 600 * NS)))
    (then,) = picture.tracks()
    picture.advance(then.time_ns + 900 * NS)
    (later,) = picture.tracks()
    assert (then.ended_because, later.ended_because) == (None, "not seen")  # it may be up still
    assert later.last_seen is not None
    before, after = assess(then, radars), assess(later, radars)
    assert before.impact == after.impact
    assert before.kind == after.kind == FlightKind.QUASI_BALLISTIC


def test_what_was_never_seen_to_rise_has_no_apogee(lofted):
    simulation, _ = lofted
    last = simulation.plots.time_ns[-1]
    picture = Picture(simulation.radars)
    picture.observe(simulation.plots.at(np.flatnonzero(simulation.plots.time_ns > last - 40 * NS)))
    (track,) = picture.tracks()
    assert track.highest_ns < track.first_plot_ns + 5 * NS
    assert assess(track, simulation.radars).apogee is None


@pytest.fixture(scope="module")
def falling(lofted):
    """A track that was seen to rise, bent by air on its way down, and its radars."""
    simulation, path = lofted
    picture = Picture(simulation.radars)
    until = np.flatnonzero(simulation.plots.time_ns < path.impact.time_ns - 5 * NS)
    picture.observe(simulation.plots.at(until))
    track = max(picture.tracks(), key=lambda t: t.plots)
    return structs.replace(track, last_seen=None), simulation.radars


def up_of(track):
    return track.state[:3] / np.linalg.norm(track.state[:3])


def in_phase(track, phase, climb_m_s):
    """The same track in one phase alone, going straight up or down, known to 10 m/s each way."""
    state = np.append(track.state[:3], climb_m_s * up_of(track))
    covariance = np.diag([100.0] * 6)
    estimate = structs.replace(
        track.phases[0],
        phase=phase,
        probability=1.0,
        state=np.append(state, np.zeros(3)),
        covariance=np.diag([100.0] * 6 + [1e-8, 1.0, 1.0]),
    )
    return structs.replace(track, state=state, covariance=covariance, phases=(estimate,))


def test_what_surely_sinks_is_not_boosting(falling):
    """Air that holds up a light piece fits a thrust: its impact was not known to its end."""
    track, radars = falling
    sinks = assess(in_phase(track, Phase.BOOST, -40.0), radars)
    assert sinks.impact is not None
    assert sinks.kind != FlightKind.UNKNOWN
    for climb_m_s in (-20.0, 40.0):  # two sigma of noise, and a boost
        assert assess(in_phase(track, Phase.BOOST, climb_m_s), radars).impact is None


def test_what_rises_again_on_its_way_down_keeps_its_apogee(falling):
    """Rising at 200 m/s it comes 2 km higher, which was said to be its highest point."""
    track, radars = falling
    apogee = assess(in_phase(track, Phase.MANOEUVRE, 200.0), radars).apogee
    assert (apogee.time_ns, apogee.height_m) == (track.highest_ns, track.highest_m)


def test_without_an_apogee_the_reason_is_that_of_a_fall(falling):
    track, radars = falling
    first_seen_falling = structs.replace(track, highest_ns=track.first_plot_ns)
    flight = assess(in_phase(first_seen_falling, Phase.REENTRY, -40.0), radars)
    assert unknown_because(flight) == (
        "apogee: it was falling when it was first seen, and air has bent its path since",
    )
