"""Known orbits: frames against a published example and an independent package; faults of files."""

import datetime

import brahe
import numpy as np
import pytest
from sgp4.api import WGS72, Satrec

from evaluate.satellites import EPOCH_NS, elements, orbit_of
from skypact.errors import EmptyInputError, InputError
from skypact.sensing.orbits import ecef_from_teme, load_orbits, orbit_sigma_m, orbit_states
from skypact.settings import OrbitSettings

# Satellite 00005, the first of the verification set of Vallado et al., AIAA 2006-6753.
FIRST = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753"
SECOND = "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667"


def file_of(folder, *lines):
    path = folder / "some.tle"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_frames_are_those_of_the_published_example():
    # Vallado, Fundamentals of Astrodynamics, 4th ed., example 3-15: 2004-04-06 07:51:28.386009 UTC.
    teme_km = [5094.18016210, 6127.64465950, 6380.34453270, -4.746131487, 0.785818041, 5.531931288]
    itrf_km = [-1033.4793830, 7901.2952754, 6380.3565958, -3.225636520, -2.872451450, 5.531924446]
    pole = OrbitSettings(ut1_utc_s=-0.4399619, polar_x_arcsec=-0.140682, polar_y_arcsec=0.333309)
    rest = (7 * 3600 + 51 * 60 + 28.386009) / 86_400.0
    found = ecef_from_teme(
        1e3 * np.array([teme_km]), np.array([2_453_101.5]), np.array([rest]), pole
    )
    # The example's times are Julian dates in one double, good to 40 µs: 2 cm on the turning Earth.
    assert found[0, :3] == pytest.approx(1e3 * np.array(itrf_km[:3]), abs=0.02)
    assert found[0, 3:] == pytest.approx(1e3 * np.array(itrf_km[3:]), abs=1e-4)


@pytest.mark.parametrize("hours", [0.0, 5.3, 4000.0])
def test_frames_are_those_of_an_independent_package(hours):
    mean = elements(np.random.default_rng(7))
    orbit, _ = orbit_of(mean, 7)
    # Whole milliseconds: their time is handed over by parts of the clock.
    time_ns = EPOCH_NS + round(hours * 3600e3) * 1_000_000
    moment = datetime.datetime.fromtimestamp(time_ns // 10**9, datetime.UTC)
    brahe.set_global_eop_provider_from_static_provider(brahe.StaticEOPProvider.from_zero())
    epoch = brahe.Epoch.from_datetime(
        *moment.timetuple()[:5],
        float(moment.second),
        float(time_ns % 10**9),
        brahe.TimeSystem.UTC,
    )
    day, rest = divmod(time_ns, 86_400_000_000_000)
    jd, rest = 2_440_587.5 + day, rest / 86_400e9
    _, position_km, velocity_km_s = orbit.elements.sgp4(jd, rest)
    teme = 1e3 * np.array([*position_km, *velocity_km_s])
    theirs = brahe.state_teme_to_itrf(epoch, teme)
    ours = orbit_states(orbit, np.array([time_ns]), OrbitSettings())[0]
    # A double holds these angles to 1e-10 rad after reducing the days of a century.
    assert ours[:3] == pytest.approx(theirs[:3], abs=2e-3)
    # Rates of the Earth of 15 digits and of 10: 7 parts in 1e9 of 500 m/s, and less.
    assert ours[3:] == pytest.approx(theirs[3:], abs=2e-5)


def test_names_and_elements_of_a_file(tmp_path):
    lines = orbit_of(elements(np.random.default_rng(1)), 1)[1]
    path = file_of(tmp_path, "VANGUARD 1", FIRST, SECOND, "", "0 OTHER", *lines, FIRST, SECOND)
    orbits = load_orbits(path)
    assert [orbit.name for orbit in orbits] == ["VANGUARD 1", "OTHER", "00005"]
    assert abs(orbits[1].epoch_ns - EPOCH_NS) < 1_000_000
    # 2000, day 179.78495062: 2000-06-27T18:50:19.733568Z
    assert abs(orbits[0].epoch_ns - 962_131_819_733_568_000) < 1_000_000


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "holds no two-line"),
        (("NAME",), "holds no two-line"),
        ((FIRST,), "line 1: its second line does not follow"),
        ((FIRST, "NAME", SECOND), "line 1: its second line does not follow"),
        ((SECOND,), "line 1: a second line without its first"),
        ((FIRST, SECOND[:60]), "line 2: it has 60 characters of 69"),
        ((FIRST, SECOND.replace("34.2682", "34.2683")), "line 2: its checksum is '7', not 8"),
        ((FIRST, SECOND.replace("00005", "00104")), "it is of object 00104"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, lines, said):
    with pytest.raises(InputError, match=said) as raised:
        load_orbits(file_of(tmp_path, *lines))
    assert isinstance(raised.value, EmptyInputError) == (said == "holds no two-line")


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_orbits(tmp_path / "none.tle")


def test_what_cannot_be_told_is_nan_and_age_makes_unsure(tmp_path):
    orbit = load_orbits(file_of(tmp_path, FIRST, SECOND))[0]
    s = OrbitSettings()
    day_ns = 86_400_000_000_000
    sigma = orbit_sigma_m(orbit, orbit.epoch_ns + np.array([0, day_ns, -2 * day_ns]), s)
    assert sigma[0].tolist() == [s.radial_sigma_m, s.along_sigma_m, s.cross_sigma_m]
    assert sigma[:, 1] == pytest.approx(
        s.along_sigma_m + np.array([0, 1, 2]) * s.along_growth_m_day
    )
    low = Satrec()
    days = 18_946.0
    low.sgp4init(WGS72, "i", 1, days, 0.01, 0.0, 0.0, 1e-4, 1.0, 0.9, 1.0, 0.0706, 2.0)
    falling = orbit._replace(elements=low)
    later = round((days + 2_433_281.5 - 2_440_587.5) * day_ns) + np.array([0, 400 * day_ns])
    assert np.isfinite(orbit_states(falling, later[:1], s)).all()
    assert np.isnan(orbit_states(falling, later[1:], s)).all()
