"""The flight simulator against published flights, SciPy, an inertial frame and its own files."""

import csv
import json
import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from skypact.errors import ScenarioError
from skypact.kernels.atmosphere import density
from skypact.kernels.geodesic import geodesic_direct, geodesic_inverse
from skypact.kernels.geodesy import EARTH_RATE_RAD_S, geodetic_from_ecef, local_axes
from skypact.kernels.gravity import field, gravity
from skypact.kernels.motion import AIR_TOP_M
from skypact.model import FlightKind
from skypact.sensing.flight_programme import Burn, FlightProgramme, Manoeuvre, Part, Stage
from skypact.sensing.population import KIND_SHARES, random_flight
from skypact.sensing.radar_files import load_radars
from skypact.sensing.scenario import demo_radars, load_scenario, scenario_names
from skypact.sensing.simulation import fly, simulate, write_simulation
from skypact.sensing.simulator import TRUTH_DEGREE, TruthPath, fly_programme
from skypact.sensing.solve import burn_time_s, solve

pyproj = pytest.importorskip("pyproj")

# scenario, apogee km, range km, reported time s, allowed share (design facts)
PUBLISHED = (
    ("2017-07-04_hwasong-14", 2802, 933, 39 * 60, 0.03),
    ("2017-11-29_hwasong-15", 4475, 950, 53 * 60, 0.03),
    ("2022-01-30_hwasong-12", 2000, 800, 30 * 60, 0.03),
    ("2022-10-04_irbm-over-japan", 970, 4500, 22 * 60, 0.06),
    ("2022-11-18_hwasong-17", 6040.9, 999.2, 4135, 0.03),
    ("2023-07-12_hwasong-18", 6648.4, 1001.2, 4491, 0.03),
)


def programme(apogee_km=500.0, range_km=500.0, **changes) -> FlightProgramme:
    values = {
        "object_id": "object",
        "launch_time_ns": 1_700_000_000_000_000_000,
        "latitude_rad": math.radians(39.4),
        "longitude_rad": math.radians(126.0),
        "height_m": 50.0,
        "bearing_rad": math.radians(85.0),
        "apogee_m": apogee_km * 1e3,
        "range_m": range_km * 1e3,
    }
    return FlightProgramme(**(values | changes))


def time_of_flight_s(path: TruthPath) -> float:
    return (path.impact.time_ns - path.launch.time_ns) * 1e-9


def ground(path: TruthPath) -> tuple[float, float]:
    """Ground range km and bearing deg by pyproj, not by our own geodesic."""
    azimuth, _, length = pyproj.Geod(ellps="WGS84").inv(
        math.degrees(path.launch.longitude_rad),
        math.degrees(path.launch.latitude_rad),
        math.degrees(path.impact.longitude_rad),
        math.degrees(path.impact.latitude_rad),
    )
    return length / 1e3, azimuth % 360


@pytest.mark.parametrize(("name", "apogee_km", "range_km", "time_s", "allowed"), PUBLISHED)
def test_published_flights_take_the_reported_time(name, apogee_km, range_km, time_s, allowed):
    scenario = load_scenario(name)
    main = fly(scenario)[0]
    length, bearing = ground(main)
    assert main.apogee.height_m == pytest.approx(apogee_km * 1e3, rel=0.001)
    assert length == pytest.approx(range_km, rel=0.001)
    assert bearing == pytest.approx(math.degrees(scenario.flights[0].bearing_rad), abs=0.02)
    assert time_of_flight_s(main) == pytest.approx(time_s, rel=allowed)


@pytest.mark.parametrize(
    ("apogee_km", "range_km"), [(25, 110), (100, 100), (100, 1000), (1300, 10000), (6500, 900)]
)
def test_apogee_and_range_are_met(apogee_km, range_km):
    (path,) = fly_programme(programme(apogee_km, range_km))
    length, bearing = ground(path)
    assert path.apogee.height_m == pytest.approx(apogee_km * 1e3, rel=0.005)
    assert length == pytest.approx(range_km, rel=0.005)
    assert bearing == pytest.approx(85.0, abs=0.1)
    assert path.impact.height_m == pytest.approx(0.0, abs=0.01)


def test_burn_times_grow_smoothly_with_energy():
    gains = np.linspace(1500.0, 11000.0, 200)
    times = np.array([burn_time_s(g) for g in gains])
    assert (np.diff(times) > 0).all() and (np.diff(times) < 8.0).all()
    for apogee, range_km, least, most in ((100, 400, 58, 80), (600, 1300, 60, 125)):
        ending = solve(programme(apogee, range_km)).ending
        assert least < ending.burnout_s < most


def test_free_flight_agrees_with_dop853():
    """The arc above the air against SciPy with the same force model, to 1 m."""
    (path,) = fly_programme(programme(2000.0, 800.0))
    heights = np.array([geodetic_from_ecef(*p)[2] for p in path.position_ecef_m])
    above = np.flatnonzero((heights > AIR_TOP_M) & (path.time_ns > path.burnout_time_ns))
    begin, end = path.time_ns[above[0]], path.time_ns[above[-1]]
    table = field(TRUTH_DEGREE)

    def rates(_, s):
        gx, gy, gz = gravity(s[0], s[1], s[2], table)
        w = EARTH_RATE_RAD_S
        return (
            *s[3:],
            gx + w * w * s[0] + 2 * w * s[4],
            gy + w * w * s[1] - 2 * w * s[3],
            gz,
        )

    asked = np.linspace(0, (end - begin) * 1e-9, 50)
    reference = solve_ivp(
        rates, (0, asked[-1]), path.state_at(begin), "DOP853", asked, rtol=1e-11, atol=1e-6
    ).y.T
    ours = path.state_at(begin + np.rint(asked * 1e9).astype(np.int64))
    assert np.linalg.norm(ours[:, :3] - reference[:, :3], axis=1).max() < 0.5
    assert np.linalg.norm(ours[:, 3:] - reference[:, 3:], axis=1).max() < 5e-3


def naive_flight(programme: FlightProgramme, burn: Burn, beta: float, until_s: float):
    """A slow twin in axes that do not turn: thrust, gravity and drag, by SciPy. Ends at until_s.

    Returns ECEF states (n, 6) at burn-out and at `until_s`.
    """
    table = field(TRUTH_DEGREE)
    axes = np.array(local_axes(programme.latitude_rad, programme.longitude_rad)).reshape(3, 3)
    east, north, up = axes
    (path,) = fly_programme(programme)
    burnout_s = sum(stage.burn_s for stage in burn.stages)
    w = np.array([0.0, 0.0, EARTH_RATE_RAD_S])

    def turn(t):
        c, s = math.cos(EARTH_RATE_RAD_S * t), math.sin(EARTH_RATE_RAD_S * t)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])  # ECEF to inertial

    def rates(t, state, stage, began):
        r, v = state[:3], state[3:]
        fixed = turn(t).T @ r
        a = turn(t) @ np.array(gravity(*fixed, table))
        height = geodetic_from_ecef(*fixed)[2]
        air = v - np.cross(w, r)
        body = beta if stage is None else programme.boost_beta_kg_m2
        if height < AIR_TOP_M:
            a = a - 0.5 * density(height)[0] * np.linalg.norm(air) * air / body
        if stage is not None:
            share = (t - began) / stage.burn_s
            f = stage.propellant_fraction
            flow = f / stage.burn_s
            exhaust = stage.delta_v_m_s / -math.log(1 - f)  # Tsiolkovsky
            gone = (t - burn.vertical_s) / (burnout_s - burn.vertical_s)
            pitch = burn.pitch_rad * math.sin(math.pi / 2 * min(max(gone, 0.0), 1.0))
            side = math.sin(burn.heading_rad) * east + math.cos(burn.heading_rad) * north
            nose = math.cos(pitch) * up + math.sin(pitch) * side
            a = a + exhaust * flow / (1 - f * share) * nose
        return np.concatenate((v, a))

    state = np.concatenate((path.position_ecef_m[0], np.cross(w, path.position_ecef_m[0])))
    began, results = 0.0, []
    for stage in (*burn.stages, None):
        end = until_s if stage is None else began + stage.burn_s
        kinks = [t for t in (burn.vertical_s,) if began < t < end]
        for to in (*kinks, end):
            span = (results[-1][0] if results and kinks and to == end else began, to)
            state = solve_ivp(
                rates, span, state, "DOP853", rtol=1e-10, atol=1e-6, args=(stage, began)
            ).y[:, -1]
            results.append((to, state))
        began = end
    fixed = []
    for t, s in (results[-2], results[-1]):
        fixed.append(np.concatenate((turn(t).T @ s[:3], turn(t).T @ (s[3:] - np.cross(w, s[:3])))))
    return fixed


def test_whole_flight_agrees_with_a_slow_twin_in_inertial_axes():
    """Boost, coast and fall through air, seen from axes that do not turn with the Earth."""
    flight = programme(300.0, 600.0, beta_kg_m2=4000.0)
    (path,) = fly_programme(flight)
    until_s = time_of_flight_s(path) - 5.0
    burnout, late = naive_flight(flight, solve(flight).burn, 4000.0, until_s)
    ours = path.state_at([path.burnout_time_ns, path.launch.time_ns + round(until_s * 1e9)])
    assert np.linalg.norm(ours[0, :3] - burnout[:3]) < 0.5
    assert np.linalg.norm(ours[0, 3:] - burnout[3:]) < 0.01
    assert np.linalg.norm(ours[1, :3] - late[:3]) < 3.0


def test_energy_is_kept_above_the_air():
    """Jacobi's integral with the central and J2 potential: the rest of gravity is 1e-5 of it."""
    (path,) = fly_programme(programme(2000.0, 800.0))
    heights = np.array([geodetic_from_ecef(*p)[2] for p in path.position_ecef_m])
    above = (heights > AIR_TOP_M) & (path.time_ns > path.burnout_time_ns)
    r, v = path.position_ecef_m[above], path.velocity_ecef_m_s[above]
    radius = np.linalg.norm(r, axis=1)
    j2, mu, a = 1.08262668e-3, 3.986004415e14, 6378136.3
    sine = r[:, 2] / radius
    potential = -mu / radius * (1 - j2 * (a / radius) ** 2 * (1.5 * sine**2 - 0.5))
    turning = 0.5 * EARTH_RATE_RAD_S**2 * (r[:, 0] ** 2 + r[:, 1] ** 2)
    jacobi = 0.5 * (v**2).sum(axis=1) + potential - turning
    assert np.ptp(jacobi) < 1e-5 * abs(potential).max()


def test_state_between_nodes_is_smooth_to_a_centimetre():
    (path,) = fly_programme(programme(300.0, 600.0))
    every_other = path._replace(
        time_ns=path.time_ns[::2],
        position_ecef_m=path.position_ecef_m[::2],
        velocity_ecef_m_s=path.velocity_ecef_m_s[::2],
        phase=path.phase[::2],
    )
    # Twice the step gives 16 times the error: the nodes left out show it.
    inside = slice(1, 2 * ((len(path.time_ns) - 1) // 2), 2)
    error = every_other.state_at(path.time_ns[inside])[:, :3] - path.position_ecef_m[inside]
    changes = np.flatnonzero(np.diff(path.phase))  # the forces have a kink there
    odd = np.arange(len(path.time_ns))[inside]
    smooth = np.abs(odd[:, None] - changes[None, :]).min(axis=1) > 3
    assert np.linalg.norm(error[smooth], axis=1).max() < 16 * 0.01


def test_state_off_the_path_is_nan():
    (path,) = fly_programme(programme())
    assert np.isnan(path.state_at(path.time_ns[0] - 1)).all()
    assert np.isnan(path.state_at([path.time_ns[-1] + 1])).all()
    assert np.allclose(path.state_at(path.time_ns)[:, :3], path.position_ecef_m, atol=1e-6)


def test_phases_follow_the_forces():
    (path,) = fly_programme(programme())
    heights = np.array([geodetic_from_ecef(*p)[2] for p in path.position_ecef_m])
    assert (path.phase[path.time_ns < path.burnout_time_ns] == 1).all()
    after = path.time_ns >= path.burnout_time_ns
    assert (path.phase[after & (heights > AIR_TOP_M)] == 0).all()
    assert (path.phase[after & (heights < AIR_TOP_M)] == 2).all()
    assert (path.phase_at([path.launch.time_ns, path.apogee.time_ns]) == [1, 0]).all()


def test_lighter_bodies_fall_short():
    heavy = fly_programme(programme())[0]
    burn = solve(programme()).burn
    light = fly_programme(programme(apogee_m=None, range_m=None, burn=burn, beta_kg_m2=500.0))[0]
    assert ground(light)[0] < ground(heavy)[0] - 2.0
    assert time_of_flight_s(light) > time_of_flight_s(heavy) + 20.0


def test_pull_up_carries_430_km_to_600_km():
    scenario = load_scenario("2019-07-25_kn-23")
    flown = scenario.flights[0]
    ballistic = fly_programme(
        programme(
            apogee_m=flown.apogee_m,
            range_m=flown.range_m,
            latitude_rad=flown.latitude_rad,
            longitude_rad=flown.longitude_rad,
            height_m=flown.height_m,
            bearing_rad=flown.bearing_rad,
            beta_kg_m2=flown.beta_kg_m2,
        )
    )[0]
    pulled = fly(scenario)[0]
    assert ground(ballistic)[0] == pytest.approx(430.0, rel=0.005)
    assert ground(pulled)[0] == pytest.approx(600.0, rel=0.005)
    assert pulled.apogee.height_m == pytest.approx(50e3, rel=0.005)
    assert pulled.kind == "quasi_ballistic" and 3 in pulled.phase and 3 not in ballistic.phase


def test_lift_stays_within_its_limits():
    pull_up = Manoeuvre(
        start_height_m=35e3,
        path_angle_rad=0.1,
        time_constant_s=2.0,
        most_lift_m2_kg=2e-3,
        most_load_m_s2=30.0,
        lift_to_drag=3.0,
    )
    (path,) = fly_programme(programme(60.0, 400.0, manoeuvres=(pull_up,)))
    node = np.flatnonzero(path.phase[:-1] == 3)
    h = np.diff(path.time_ns)[node, None] * 1e-9
    v0, v1 = path.velocity_ecef_m_s[node], path.velocity_ecef_m_s[node + 1]
    along = v0 / np.linalg.norm(v0, axis=1)[:, None]
    square = (v1 - v0) / h
    square -= (square * along).sum(axis=1)[:, None] * along
    # Weight and Coriolis add at most some 10 m/s² to 30 m/s² of lift.
    load = np.linalg.norm(square, axis=1)
    assert 15.0 < load.max() < 30.0 + 10.5


def test_glide_holds_on_and_banks_to_the_right():
    main = next(p for p in fly(load_scenario("2022-01-11_glide")) if p.parent is None)
    length, bearing = ground(main)
    assert main.kind == "glide" and 700.0 < length < 800.0
    assert bearing > 84.0 + 2.0


def test_parts_leave_and_fall_on_their_own():
    part = Part(object_id="stage", time_s=150.0, beta_kg_m2=500.0, backward_m_s=6.0, right_m_s=2.0)
    main, stage = fly_programme(programme(parts=(part,)))
    begin = main.launch.time_ns + 150_000_000_000
    assert (stage.parent, stage.kind, int(stage.time_ns[0])) == ("object", "booster", begin)
    there, here = main.state_at([begin])[0], stage.state_at([begin])[0]
    assert np.allclose(there[:3], here[:3], atol=1e-6)
    change = here[3:] - there[3:]
    assert np.linalg.norm(change) == pytest.approx(math.hypot(6.0, 2.0), rel=1e-6)
    assert change @ there[3:] / np.linalg.norm(there[3:]) == pytest.approx(-6.0, rel=1e-6)
    assert stage.impact.time_ns > main.impact.time_ns  # lighter, so slower through air
    assert stage.launch == main.launch
    with pytest.raises(ScenarioError, match="comes off at 9999 s"):
        fly_programme(programme(parts=(Part(object_id="x", time_s=9999.0, beta_kg_m2=500.0),)))


def test_a_burn_given_is_flown_and_a_weak_one_refused():
    def burn(gain):
        stages = (Stage(burn_s=60.0, delta_v_m_s=gain, propellant_fraction=0.7),)
        return Burn(stages=stages, pitch_rad=0.6)

    given = programme(apogee_m=None, range_m=None, burn=burn(2500.0))
    (path,) = fly_programme(given)
    assert path.burnout_time_ns - path.launch.time_ns == 60_000_000_000
    assert path.apogee.height_m > 50e3
    with pytest.raises(ScenarioError, match="does not lift the weight"):
        fly_programme(programme(apogee_m=None, range_m=None, burn=burn(800.0)))


def test_out_of_reach_is_said():
    with pytest.raises(ScenarioError, match="no generic burn reaches an apogee of 20 km"):
        solve(programme(20.0, 400.0))
    lift = Manoeuvre(
        start_height_m=30e3, path_angle_rad=0.0, time_constant_s=4.0, most_lift_m2_kg=1e-4
    )
    with pytest.raises(ScenarioError, match="km at most"):
        solve(programme(50.0, 430.0, manoeuvres=(lift,), manoeuvred_range_m=900e3))


def test_geodesics_agree_with_pyproj():
    geod = pyproj.Geod(ellps="WGS84")
    random = np.random.default_rng(1)
    for _ in range(300):
        lat, lon, azimuth = random.uniform((-80, -180, -180), (80, 180, 180))
        length = random.uniform(1.0, 18e6)
        lon2, lat2, _ = geod.fwd(lon, lat, azimuth, length)
        there = geodesic_direct(*np.radians((lat, lon, azimuth)), length)
        assert np.degrees(there[0]) == pytest.approx(lat2, abs=1e-8)
        assert (np.degrees(there[1]) - lon2 + 180) % 360 - 180 == pytest.approx(0, abs=1e-7)
        back = geodesic_inverse(*np.radians((lat, lon, lat2, lon2)))
        assert back[0] == pytest.approx(length, abs=1e-3)
        assert (np.degrees(back[1]) - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=1e-5)
    assert geodesic_inverse(0.5, 1.0, 0.5, 1.0) == (0.0, 0.0)


# Scenarios and their files


def test_every_scenario_flies_to_the_ground():
    assert len(scenario_names()) == 17
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.title and scenario.source and scenario.note
        for path in fly(scenario):
            assert path.impact.height_m == pytest.approx(0.0, abs=0.01)
            assert (np.diff(path.time_ns) > 0).all()
            assert np.isfinite(path.position_ecef_m).all()


def test_eight_from_four_places_within_half_an_hour():
    paths = fly(load_scenario("2022-06-05_eight"))
    assert len(paths) == 8
    assert len({path.launch.latitude_rad for path in paths}) == 4
    launches = [path.launch.time_ns for path in paths]
    assert (max(launches) - min(launches)) * 1e-9 == 35 * 60
    assert min(ground(path)[0] for path in paths) == pytest.approx(110, rel=0.005)
    assert max(ground(path)[0] for path in paths) == pytest.approx(670, rel=0.005)


def test_simulation_writes_its_files(tmp_path):
    simulation = simulate(load_scenario("2017-08-29_overflight"), seed=3)
    write_simulation(tmp_path, simulation)
    assert {f.name for f in tmp_path.iterdir()} == {
        "radars.toml",
        "plots.csv",
        "truth.csv",
        "truth.json",
    }
    assert [r.id for r in load_radars(tmp_path / "radars.toml")] == [r.id for r in demo_radars()]
    with open(tmp_path / "truth.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    header = "object,parent,kind,time,x_m,y_m,z_m,vx_m_s,vy_m_s,vz_m_s,phase"
    assert ",".join(rows[0]) == header
    booster = [row for row in rows if row["object"] == "booster"]
    assert {row["parent"] for row in booster} == {"hwasong-12"}
    seconds = [row["time"] for row in rows if row["time"].endswith(".000000000Z")]
    assert len(seconds) > 919
    truth = json.loads((tmp_path / "truth.json").read_text())["objects"]
    assert [entry["id"] for entry in truth] == ["hwasong-12", "booster", "debris"]
    assert truth[0]["apogee"]["height_km"] == pytest.approx(550, rel=0.001)
    assert truth[0]["ground_range_km"] == pytest.approx(2700, rel=0.001)
    with open(tmp_path / "plots.csv") as file:
        assert sum(1 for _ in file) == len(simulation.origin) + 1


GOOD = """
title = "t"
launch_time = 2024-01-01T00:00:00Z
[[flight]]
id = "a"
latitude_deg = 39.0
longitude_deg = 126.0
bearing_deg = 80
apogee_km = 500
range_km = 500
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("apogee_km", "apogee_kn", 'unknown key "apogee_kn"; did you mean "apogee_km"'),
        ("apogee_km = 500", "", "apogee_km and range_km are needed together"),
        ("apogee_km = 500", "apogee_km = 1", "apogee_km is 1; give a number 5 to 20000"),
        ("apogee_km = 500", 'apogee_km = "x"', "apogee_km is 'x'; give a number"),
        ("apogee_km = 500", "apogee_km = nan", "apogee_km is nan; give a number"),
        ("apogee_km = 500", "apogee_km = true", "apogee_km is True; give a number"),
        ("apogee_km = 500", "apogee_km = 12", "no generic burn reaches an apogee of 12 km"),
        ("latitude_deg = 39.0", "", "latitude_deg is missing"),
        ("apogee_km = 500", "apogee_km = 1" + 400 * "0", "give a number 5 to 20000"),
        ('id = "a"', "", "id is missing"),
        ('id = "a"', 'id = "a,b"', "id is 'a,b'; give letters, digits"),
        ("2024-01-01T00", "2924-01-01T00", "give a year 1970 to 2200"),
        ("2024-01-01T00:00:00Z", '"soon"', "launch_time is 'soon'; give a time such as"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "no time zone; add Z"),
        ("launch_time", "lanch_time", 'unknown key "lanch_time"; did you mean "launch_time"'),
        ("[[flight]]", "[[fligt]]", 'unknown key "fligt"; did you mean "flight"'),
        ("[[flight]]", "[flight]", "flight is not a list of tables"),
        ("range_km = 500", 'range_km = 500\nkind = "rocket"', "kind is 'rocket'; give one of"),
        ("range_km = 500", "range_km = 500\n[flight.burn]\npitch_deg = 3", "no stage; add"),
        (
            "range_km = 500",
            'range_km = 500\n[[flight.part]]\nid = "b"\nbeta_kg_m2 = 9\nat = "stage 7"',
            "at is 'stage 7'; give one of stage 1, burnout, or time_s",
        ),
        (
            "range_km = 500",
            'range_km = 500\n[[flight.part]]\nid = "a"\nbeta_kg_m2 = 9\nat = "burnout"',
            'id "a" is taken',
        ),
        ('title = "t"', 'title = "t', "is not TOML"),
        ("[[flight]]", '[[radar]]\nid = "KR-Shop"\naway = true\n[[flight]]', "no such radar"),
        ("[[flight]]", '[[radar]]\nid = "KR-Ship"\n[[flight]]', "give either away = true, or"),
        (
            "[[flight]]",
            '[[radar]]\nid = "KR-Ship"\naway = true\nlatitude_deg = 3\n[[flight]]',
            "give either away = true, or",
        ),
        (
            "[[flight]]",
            2 * '[[radar]]\nid = "KR-Ship"\naway = true\n' + "[[flight]]",
            "is away already",
        ),
    ],
)
def test_bad_scenarios_say_where_what_and_the_remedy(tmp_path, old, new, said):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert said in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_scenario_says_where_the_radars_stood(tmp_path):
    path = tmp_path / "mine.toml"
    ships = '[[radar]]\nid = "KR-Ship"\naway = true\n'
    ships += '[[radar]]\nid = "US-Ship"\nlatitude_deg = 37.5\nlongitude_deg = 124.0\n'
    path.write_text(GOOD.replace("[[flight]]", ships + "[[flight]]"))
    standing = {radar.id: radar for radar in load_scenario(path).radars}
    demo = {radar.id: radar for radar in demo_radars()}
    assert set(demo) - set(standing) == {"KR-Ship"}
    moved = standing.pop("US-Ship")
    assert (moved.latitude_rad, moved.longitude_rad) == (math.radians(37.5), math.radians(124.0))
    assert moved.range_sigma_m == demo["US-Ship"].range_sigma_m
    assert all(standing[name] == demo[name] for name in standing)
    assert {r.id for r in simulate(load_scenario(path), seed=1).radars} == {*standing, "US-Ship"}


def test_a_scenario_that_is_not_there():
    with pytest.raises(ScenarioError, match='did you mean "2017-11-29_hwasong-15"'):
        load_scenario("2017-11-29_hwasong15")
    for typed in ("2022-10-04", "irbm-over", "2022-10-04_irbm_over_japan"):
        with pytest.raises(ScenarioError, match='did you mean "2022-10-04_irbm-over-japan"'):
            load_scenario(typed)
    with pytest.raises(ScenarioError, match=r"name one of: .*sounding_rocket"):
        load_scenario("nothing at all")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario("nowhere/x.toml")


# Population


def test_population_is_drawn_as_documented():
    flights = [random_flight(7, index) for index in range(400)]
    shares = {kind: sum(f.kind == kind for f in flights) / 400 for kind in KIND_SHARES}
    for kind, share in KIND_SHARES.items():
        assert shares[kind] == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 400))
    ballistic = [f for f in flights if f.kind == FlightKind.BALLISTIC]
    assert all(100e3 <= f.apogee_m <= 6500e3 for f in ballistic)
    assert all(100e3 <= f.range_m <= 6000e3 for f in ballistic)
    ln_beta = np.log([f.beta_kg_m2 for f in flights])
    assert ln_beta.mean() == pytest.approx(math.log(5000), abs=4 * 0.5 / 20)
    assert ln_beta.std() == pytest.approx(0.5, abs=0.08)
    assert random_flight(7, 3) == flights[3] and random_flight(8, 3) != flights[3]


def test_population_flies():
    for index in range(40):
        main = fly_programme(random_flight(11, index))[0]
        assert main.impact.time_ns > main.apogee.time_ns > main.burnout_time_ns
