"""The radar model: geometry, limits, statistics, independence, resolution, false plots."""

import math

import numpy as np
import pytest

from skypact.kernels.geodesic import geodesic_direct, geodesic_inverse
from skypact.kernels.geodesy import ecef_from_geodetic
from skypact.kernels.radar_geometry import lowest_visible_height
from skypact.model import Radar
from skypact.sensing.flight_programme import FlightProgramme, Part
from skypact.sensing.radar_model import observe, visible_from
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import fly_programme


@pytest.fixture(scope="module")
def paths():
    """A lofted flight of 1,133 s and the stage it leaves behind."""
    return fly_programme(
        FlightProgramme(
            object_id="object",
            launch_time_ns=1_700_000_000_123_456_789,
            latitude_rad=math.radians(39.4),
            longitude_rad=math.radians(127.0),
            bearing_rad=math.radians(85.0),
            apogee_m=1000e3,
            range_m=500e3,
            parts=(Part(object_id="stage", time_s=160.0, beta_kg_m2=600.0, backward_m_s=3.0),),
        )
    )


def radar(name="A", **changes) -> Radar:
    values = {
        "id": name,
        "nation": "KR",
        "latitude_rad": math.radians(37.0),
        "longitude_rad": math.radians(130.0),
        "height_m": 100.0,
        "range_sigma_m": 30.0,
        "azimuth_sigma_rad": 1e-3,
        "elevation_sigma_rad": 2e-3,
        "min_elevation_rad": math.radians(2.0),
        "period_s": 0.1,
    }
    return Radar(**(values | changes))


def errors(path, one, observed):
    """Plots less truth, (n, 4)."""
    plots = observed.plots
    truth, _ = visible_from(one, path.state_at(plots.time_ns))
    difference = np.column_stack(
        (plots.range_m, plots.azimuth_rad, plots.elevation_rad, plots.range_rate_m_s)
    )
    difference -= truth
    difference[:, 1] = (difference[:, 1] + np.pi) % (2 * np.pi) - np.pi
    return difference


def naive_polar(one, position):
    """Range, azimuth and elevation from vectors alone."""
    lat, lon = one.latitude_rad, one.longitude_rad
    site = np.array(ecef_from_geodetic(lat, lon, one.height_m))
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    north = np.cross(up, east)
    d = position - site
    r = np.linalg.norm(d)
    return r, math.atan2(d @ east, d @ north) % (2 * math.pi), math.asin(d @ up / r)


def test_a_look_reads_what_vectors_say(paths):
    one = radar()
    times = paths[0].time_ns[::50]
    states = paths[0].state_at(times)
    measured, _ = visible_from(one, states)
    for state, (distance, azimuth, elevation, rate) in zip(states, measured, strict=True):
        assert naive_polar(one, state[:3]) == pytest.approx((distance, azimuth, elevation))
        ahead = naive_polar(one, state[:3] + 0.01 * state[3:])[0]
        behind = naive_polar(one, state[:3] - 0.01 * state[3:])[0]
        assert rate == pytest.approx((ahead - behind) / 0.02, abs=1e-3)


def test_noise_has_the_stated_sigmas(paths):
    one = radar(range_rate_sigma_m_s=1.5)
    seen = observe(paths[:1], [one], seed=1)
    e = errors(paths[0], one, seen)
    n = len(e)
    assert n > 9000
    sigmas = np.array([30.0, 1e-3, 2e-3, 1.5])
    # mean: sigma / sqrt(n); standard deviation: sigma / sqrt(2 n); four and a half of them
    assert (np.abs(e.mean(axis=0)) < 4.5 * sigmas / math.sqrt(n)).all()
    assert (np.abs(e.std(axis=0) / sigmas - 1) < 4.5 / math.sqrt(2 * n)).all()
    alike = (e[1:] * e[:-1]).mean(axis=0) / sigmas**2
    assert (np.abs(alike) < 4.5 / math.sqrt(n)).all()
    assert (seen.origin == 0).all()


def test_correlated_errors_keep_their_sigma_and_stay_alike(paths):
    one = radar(correlation_time_s=2.0)
    rounds = [errors(paths[0], one, observe(paths[:1], [one], seed=s)) for s in range(20)]
    e = np.concatenate([r[:, :3] for r in rounds])
    alike = math.exp(-0.1 / 2.0)
    # The variance's estimate is as good as from n (1 - a²) / (1 + a²) independent ones.
    n = len(e) * (1 - alike**2) / (1 + alike**2)
    sigmas = np.array([30.0, 1e-3, 2e-3])
    assert (np.abs(e.std(axis=0) / sigmas - 1) < 4.5 / math.sqrt(2 * n)).all()
    for lag in (1, 20):
        product = np.mean([(r[lag:, 0] * r[:-lag, 0]).mean() for r in rounds]) / 30.0**2
        assert product == pytest.approx(alike**lag, abs=4.5 * math.sqrt(2 / n))


def test_biases_are_common_to_a_run_and_drawn_from_their_sigmas(paths):
    one = radar(
        range_bias_sigma_m=50.0,
        azimuth_bias_sigma_rad=5e-3,
        elevation_bias_sigma_rad=5e-3,
        range_rate_sigma_m_s=1.0,
        range_rate_bias_sigma_m_s=4.0,
    )
    seen = observe(paths[:1], [one], seed=5)
    found = errors(paths[0], one, seen).mean(axis=0)
    b = seen.biases[0]
    assert found == pytest.approx(
        (b.range_m, b.azimuth_rad, b.elevation_rad, b.range_rate_m_s), abs=2.0, rel=0.05
    )
    stop = int(paths[0].time_ns[0]) + 70_000_000_000
    drawn = np.array(
        [observe(paths[:1], [one], seed=s, stop_ns=stop).biases[0][:2] for s in range(200)]
    )
    assert drawn.std(axis=0) / (50.0, 5e-3) == pytest.approx(1, abs=4.5 / math.sqrt(400))


def test_time_bias_moves_the_stated_time(paths):
    plain = observe(paths[:1], [radar()], seed=2)
    late = observe(paths[:1], [radar(time_bias_sigma_s=0.3)], seed=2)
    shift = round(late.biases[0].time_s * 1e9)
    assert shift != 0
    assert (late.plots.time_ns - plain.plots.time_ns == shift).all()
    assert (late.plots.range_m == plain.plots.range_m).all()


def test_detection_probability(paths):
    every = len(observe(paths[:1], [radar()], seed=4).origin)
    some = len(observe(paths[:1], [radar(detection_probability=0.7)], seed=4).origin)
    assert some / every == pytest.approx(0.7, abs=4.5 * math.sqrt(0.7 * 0.3 / every))


def test_limits_of_range_and_elevation(paths):
    one = radar(max_range_m=700e3, min_elevation_rad=0.3, range_sigma_m=1e-3)
    plots = observe(paths[:1], [one], seed=1).plots
    assert len(plots.range_m) > 100
    assert plots.range_m.max() <= 700e3 + 1.0
    truth, _ = visible_from(one, paths[0].state_at(plots.time_ns))
    assert truth[:, 2].min() >= 0.3
    assert (np.abs(plots.elevation_rad) <= np.pi / 2).all()
    assert ((plots.azimuth_rad >= 0) & (plots.azimuth_rad < 2 * np.pi)).all()


def test_angles_stay_in_their_limits_at_the_zenith(paths):
    top = paths[0].apogee
    one = radar(
        latitude_rad=top.latitude_rad, longitude_rad=top.longitude_rad, elevation_sigma_rad=0.05
    )
    plots = observe(paths[:1], [one], seed=1).plots
    assert plots.elevation_rad.max() <= np.pi / 2
    assert plots.elevation_rad.max() > np.pi / 2 - 0.01
    assert ((plots.azimuth_rad >= 0) & (plots.azimuth_rad < 2 * np.pi)).all()


# Lowest altitude (km) seen at a ground distance (km), elevation 0°, 4/3 Earth (design facts).
TABLE = ((300, 5.3), (500, 14.7), (800, 37.8), (1000, 59.2), (1500, 134.0))


def lowest_seen_m(one, distance_m, step_m=50.0):
    lat, lon = geodesic_direct(one.latitude_rad, one.longitude_rad, 1.0, distance_m)
    heights = np.arange(0.0, 200e3, step_m)
    states = np.zeros((len(heights), 6))
    states[:, :3] = [ecef_from_geodetic(lat, lon, h) for h in heights]
    return heights[np.argmax(visible_from(one, states)[1])]


@pytest.mark.parametrize(("distance_km", "table_km"), TABLE)
def test_the_earths_curve_hides_what_is_low(distance_km, table_km):
    level = radar(height_m=0.0, min_elevation_rad=0.0)
    straight = lowest_seen_m(level, distance_km * 1e3)
    assert straight == pytest.approx(
        lowest_visible_height(distance_km * 1e3, 0.0, 0.0, 1.0), rel=0.01, abs=60
    )
    four_thirds = lowest_visible_height(distance_km * 1e3, 0.0, 0.0, 4 / 3)
    assert four_thirds == pytest.approx(table_km * 1e3, rel=0.02)
    # ITU-R P.834 bends a ray that leaves the air: less than 4/3 Earth for what is far and high,
    # more for what is still in the air.
    bent = lowest_seen_m(
        radar(height_m=0.0, min_elevation_rad=0.0, refracted=True), distance_km * 1e3
    )
    assert bent < straight
    assert bent == pytest.approx(table_km * 1e3, rel=0.2, abs=2.5e3)


def test_without_a_least_elevation_the_earth_still_hides():
    """From 300 m up one sees below the horizontal, but not through the ground."""
    high = radar(height_m=300.0, min_elevation_rad=-math.pi / 2)
    level = radar(height_m=300.0, min_elevation_rad=0.0)
    below = lowest_seen_m(high, 500e3)
    assert 10e3 < below < lowest_seen_m(level, 500e3)
    near = np.array([(*ecef_from_geodetic(high.latitude_rad, high.longitude_rad, 0.0), 0, 0, 0)])
    assert visible_from(high, near)[1].all()  # at the mountain's foot
    far = np.array([(*ecef_from_geodetic(-high.latitude_rad, 0.0, 5000.0), 0, 0, 0)])
    assert not visible_from(high, far)[1].any()


def test_lowest_altitudes_from_wonsan():
    wonsan = np.radians((39.15, 127.45))
    published = {"KR-Cheongju": 4.7, "US-Kyotango": 36, "JP-Sado": 54, "US-Tsugaru": 73}
    for one in demo_radars():
        if one.id in published:
            distance, _ = geodesic_inverse(*wonsan, one.latitude_rad, one.longitude_rad)
            lowest = lowest_visible_height(distance, 0.0, 0.0, 4 / 3)
            assert lowest == pytest.approx(published[one.id] * 1e3, rel=0.03)


def same(a, b):
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def test_a_seed_gives_the_same_plots_and_another_does_not(paths):
    one = radar(clutter_per_scan=0.5, detection_probability=0.9, range_bias_sigma_m=5.0)
    first = observe(paths, [one], seed=9)
    assert same(first.plots, observe(paths, [one], seed=9).plots)
    assert not np.array_equal(
        first.plots.range_m[:50], observe(paths, [one], seed=10).plots[2][:50]
    )


def test_another_radar_changes_nothing_of_the_first(paths):
    a = radar("A", clutter_per_scan=0.5, detection_probability=0.9, range_bias_sigma_m=5.0)
    b = radar("B", nation="JP", clutter_per_scan=0.5)
    alone = observe(paths, [a], seed=3)
    both = observe(paths, [b, a], seed=3)
    own = both.plots.radar == 1
    for column, before in zip(both.plots, alone.plots, strict=True):
        if column is not both.plots.radar:
            assert np.array_equal(column[own], before, equal_nan=True)
    assert np.array_equal(both.origin[own], alone.origin)
    # and the two do not share their noise
    ea = errors(paths[0], a, observe(paths[:1], [radar("A")], seed=3))
    eb = errors(paths[0], a, observe(paths[:1], [radar("B")], seed=3))
    n = min(len(ea), len(eb))
    assert abs(np.corrcoef(ea[:n, 0], eb[:n, 0])[0, 1]) < 4.5 / math.sqrt(n)


def test_another_object_changes_nothing_of_the_first(paths):
    one = radar(detection_probability=0.9)
    alone, both = observe(paths[:1], [one], seed=3), observe(paths, [one], seed=3)
    assert np.array_equal(both.plots.range_m[both.origin == 0], alone.plots.range_m)


def test_start_and_stop_cut_and_change_nothing(paths):
    one = radar(clutter_per_scan=0.2)
    begin = int(paths[0].time_ns[0])
    start, stop = begin + 100_000_000_000, begin + 300_000_000_000
    whole, part = (
        observe(paths, [one], seed=3),
        observe(paths, [one], seed=3, start_ns=start, stop_ns=stop),
    )
    inside = (whole.plots.time_ns >= start) & (whole.plots.time_ns < stop)
    assert 0 < len(part.origin) < len(whole.origin)
    for column, cut in zip(whole.plots, part.plots, strict=True):
        assert np.array_equal(column[inside], cut, equal_nan=True)


def test_plots_come_in_the_order_of_the_fold(paths):
    radars = [radar("B"), radar("A"), radar("Z", nation="JP")]
    seen = observe(paths, radars, seed=0)
    keys = [
        (int(t), radars[r].nation, radars[r].id, int(s))
        for t, r, s in zip(seen.plots.time_ns, seen.plots.radar, seen.plots.scan, strict=True)
    ]
    assert keys == sorted(keys)
    one = seen.plots.radar == 0
    looks = seen.plots.scan[one]
    assert np.array_equal(np.diff(seen.plots.time_ns[one]), np.diff(looks) * 100_000_000)


def test_objects_too_close_become_one(paths):
    fine = observe(paths, [radar()], seed=1)
    coarse = observe(paths, [radar(range_resolution_m=500.0, angle_resolution_rad=0.02)], seed=1)

    def plots_of(seen, number):
        return int((seen.origin == number).sum())

    merged = plots_of(fine, 1) - plots_of(coarse, 1)
    assert plots_of(coarse, 0) == plots_of(fine, 0)
    assert 100 < merged < plots_of(fine, 1)
    # Where truth lies farther apart than the resolution there are two.
    both = np.intersect1d(
        fine.plots.time_ns[fine.origin == 1], fine.plots.time_ns[fine.origin == 0]
    )
    a = visible_from(radar(), paths[0].state_at(both))[0]
    b = visible_from(radar(), paths[1].state_at(both))[0]
    close = np.abs(a[:, 0] - b[:, 0]) < 500.0
    cosine = np.sin(a[:, 2]) * np.sin(b[:, 2])
    cosine += np.cos(a[:, 2]) * np.cos(b[:, 2]) * np.cos(a[:, 1] - b[:, 1])
    close &= np.arccos(np.minimum(cosine, 1.0)) < 0.02
    assert merged == int(close.sum())


def test_false_plots_fill_the_volume(paths):
    one = radar(clutter_per_scan=2.0, max_range_m=1000e3, range_rate_sigma_m_s=1.0)
    seen = observe(paths[:1], [one], seed=1)
    false = seen.origin == -1
    looks = (paths[0].time_ns[-1] - paths[0].time_ns[0]) * 1e-9 / 0.1
    n = false.sum()
    assert n == pytest.approx(2.0 * looks, abs=4.5 * math.sqrt(2.0 * looks) + 2)
    # uniform in volume: (r / R)³ and sin(elevation) are uniform
    for share in (
        (seen.plots.range_m[false] / 1000e3) ** 3,
        (np.sin(seen.plots.elevation_rad[false]) - math.sin(math.radians(2)))
        / (1 - math.sin(math.radians(2))),
        seen.plots.azimuth_rad[false] / (2 * np.pi),
    ):
        assert share.mean() == pytest.approx(0.5, abs=4.5 / math.sqrt(12 * n))
    assert np.isfinite(seen.plots.range_rate_m_s).all()


def test_false_plots_about_the_objects(paths):
    one = radar(clutter_per_scan=1.0)
    seen = observe(paths[:1], [one], seed=1, clutter_box_m=20e3)
    false = seen.origin == -1
    assert false.sum() > 1000
    plots = seen.plots
    truth, visible = visible_from(one, paths[0].state_at(plots.time_ns[false]))
    assert visible.all()
    assert np.abs(plots.range_m[false] - truth[:, 0]).max() < math.sqrt(3) * 20e3
    assert np.isnan(plots.range_rate_m_s).all()


def test_no_radar_and_no_path(paths):
    assert len(observe(paths, [], seed=0).origin) == 0
    with pytest.raises(ValueError, match="at least one path"):
        observe([], [radar()], seed=0)
    blind = observe(paths, [radar(max_range_m=1.0)], seed=0)
    assert len(blind.origin) == 0
