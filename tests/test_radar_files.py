import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypact.errors import EmptyInputError, InputError
from skypact.model import Radar
from skypact.sensing import apparent_elevation, geometric_elevation, load_radars, save_radars

GOOD = {
    "id": '"kr1"',
    "nation": '"KOR"',
    "latitude_deg": "37.5",
    "longitude_deg": "127",
    "height_m": "250.0",
    "range_sigma_m": "15.0",
    "azimuth_sigma_deg": "0.1",
    "elevation_sigma_deg": "0.1",
}


def written(path: Path, *tables: dict[str, str]) -> Path:
    file = path / "radars.toml"
    texts = ["[[radar]]\n" + "".join(f"{k} = {v}\n" for k, v in table.items()) for table in tables]
    file.write_text("\n".join(texts), encoding="utf-8")
    return file


def test_converts_to_si_and_radians(tmp_path):
    extra = {"max_range_km": "2000", "min_elevation_deg": "2", "period_s": "5", "refracted": "true"}
    (radar,) = load_radars(written(tmp_path, GOOD | extra))
    assert radar == Radar(
        id="kr1",
        nation="KOR",
        latitude_rad=math.radians(37.5),
        longitude_rad=math.radians(127.0),
        height_m=250.0,
        range_sigma_m=15.0,
        azimuth_sigma_rad=math.radians(0.1),
        elevation_sigma_rad=math.radians(0.1),
        max_range_m=2e6,
        min_elevation_rad=math.radians(2.0),
        period_s=5.0,
        refracted=True,
    )


def test_longitude_east_of_180_wraps(tmp_path):
    (radar,) = load_radars(written(tmp_path, GOOD | {"longitude_deg": "200"}))
    assert radar.longitude_rad == pytest.approx(math.radians(-160))


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        ({"latitude_deg": None}, '"latitude_deg" is missing', "add a line"),
        ({"id": None}, '"id" is missing', "add a line"),
        ({"latitude_deg": "90.1"}, "latitude_deg is 90.1", "-90 to 90"),
        ({"longitude_deg": "-181"}, "longitude_deg is -181", "-180 to 360"),
        ({"longitude_deg": "361"}, "longitude_deg is 361", "-180 to 360"),
        ({"range_sigma_m": "0"}, "range_sigma_m is 0", "above 0"),
        ({"azimuth_sigma_deg": "-1"}, "azimuth_sigma_deg is -1", "above 0"),
        ({"detection_probability": "0"}, "detection_probability is 0", "above 0 to 1"),
        ({"detection_probability": "1.01"}, "detection_probability is 1.01", "above 0 to 1"),
        ({"range_bias_sigma_m": "-0.1"}, "range_bias_sigma_m is -0.1", "0 or more"),
        ({"height_m": "nan"}, "height_m is nan", "-1000 to 100000"),
        ({"clutter_per_scan": "inf"}, "clutter_per_scan is inf", "0 or more"),
        ({"max_range_km": "1" + "0" * 400}, "max_range_km is inf", "above 0"),
        ({"height_m": '"10"'}, "height_m is '10', not a number", "give a number"),
        ({"height_m": "true"}, "height_m is True, not a number", "give a number"),
        ({"refracted": "1"}, "refracted is 1", "true or false"),
        ({"nation": "7"}, "nation is 7, not text", "double quotes"),
        ({"nation": '""'}, "nation is ''", "printable"),
        ({"nation": '"KOR "'}, "nation is 'KOR '", "no space"),
        ({"nation": '"together"'}, "nation is 'together'", "another name"),
        ({"sac": "1"}, '"sic" is missing', "add a line"),
        ({"sac": "1", "sic": "256"}, "sic is 256", "from 0 to 255"),
        ({"sac": "true", "sic": "1"}, "sac is True", "from 0 to 255"),
        ({"nation": '"Together"'}, "nation is 'Together'", "another name"),
        ({"latitude": "1"}, 'unknown key "latitude"', 'did you mean "latitude_deg"?'),
        ({"colour": "1"}, 'unknown key "colour"', "leave it out"),
    ],
)
def test_refuses_with_place_reason_remedy(tmp_path, change, reason, remedy):
    table = {k: v for k, v in (GOOD | change).items() if v is not None}
    file = written(tmp_path, GOOD | {"id": '"jp1"'}, table)
    with pytest.raises(InputError) as caught:
        load_radars(file)
    identity = "" if change.get("id", 0) is None else ' (id "kr1")'
    assert caught.value.place == f"{file}, [[radar]] 2{identity}"
    assert reason in caught.value.reason
    assert remedy in caught.value.remedy


def test_refuses_a_repeated_id(tmp_path):
    with pytest.raises(InputError, match=r"\[\[radar\]\] 2 .*\[\[radar\]\] 1 already"):
        load_radars(written(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b"", EmptyInputError, "holds no radar"),
        (b"radar = []", EmptyInputError, "holds no radar"),
        (b"[radar]\nid = 1", InputError, "not a list of tables"),
        (b"radar = [1]", InputError, "not a list of tables"),
        (b"[[radars]]\nid = 1", InputError, 'unknown key "radars"'),
        (b'[[radar]]\nid = "a\n', InputError, "line 2"),
        (b"x = " + b"[" * 5000, InputError, "is not TOML"),
        (b"x = " + b"1" * 5000, InputError, "is not TOML"),
        (b"\xff\xfe", InputError, "not UTF-8"),
    ],
)
def test_refuses_what_is_no_radar_table(tmp_path, content, error, reason):
    file = tmp_path / "radars.toml"
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        load_radars(file)
    assert caught.value.place == str(file)
    assert reason in caught.value.reason


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_radars(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        load_radars(tmp_path)


positive = st.floats(1e-9, 1e9)
angles = st.floats(1e-9, 3.0)
biases = st.floats(0, 1e6)
radars = st.builds(
    Radar,
    id=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20),
    nation=st.sampled_from(["KOR", "USA", "JPN", 'a"b\\']),
    latitude_rad=st.floats(-1.57, 1.57),
    longitude_rad=st.floats(-3.14, 3.14),
    height_m=st.floats(-1000, 10_000),
    range_sigma_m=positive,
    azimuth_sigma_rad=angles,
    elevation_sigma_rad=angles,
    range_rate_sigma_m_s=st.none() | positive,
    max_range_m=st.just(math.inf) | positive,
    min_elevation_rad=st.floats(-1.57, 1.57),
    period_s=st.none() | st.floats(1e-6, 86_400),
    detection_probability=st.floats(0.01, 1),
    range_bias_sigma_m=biases,
    azimuth_bias_sigma_rad=st.floats(0, 1),
    elevation_bias_sigma_rad=st.floats(0, 1),
    range_rate_bias_sigma_m_s=biases,
    time_bias_sigma_s=biases,
    correlation_time_s=biases,
    range_resolution_m=biases,
    angle_resolution_rad=st.floats(0, 1),
    clutter_per_scan=biases,
    refracted=st.booleans(),
    range_bias_m=st.floats(-1e6, 1e6),
    azimuth_bias_rad=st.floats(-3, 3),
    elevation_bias_rad=st.floats(-1.5, 1.5),
    range_rate_bias_m_s=st.floats(-1e5, 1e5),
    time_bias_s=st.floats(-86_400, 86_400),
)


@settings(max_examples=50, deadline=None)
@given(table=st.lists(radars, min_size=1, max_size=4, unique_by=lambda radar: radar.id))
def test_round_trip(tmp_path_factory, table):
    file = tmp_path_factory.mktemp("radars") / "radars.toml"
    save_radars(file, table)
    for was, now in zip(table, load_radars(file), strict=True):
        for field in Radar.__struct_fields__:
            value = getattr(was, field)
            if isinstance(value, float):
                assert getattr(now, field) == pytest.approx(value, rel=1e-15, abs=0)
            else:
                assert getattr(now, field) == value


def test_writes_numbers_a_person_would(tmp_path):
    file = written(tmp_path, GOOD | {"max_range_km": "2000.1"})
    save_radars(file, load_radars(file))
    text = file.read_text(encoding="utf-8")
    assert "azimuth_sigma_deg = 0.1\n" in text
    assert "max_range_km = 2000.1\n" in text
    assert "period_s" not in text


class TestRefraction:
    def test_recommendation_s_values(self):
        # P.834 equation 9 by hand: at sea level 1/1.314°, and at 5° 1/(1.314+3.2185+0.71725)°.
        seen = np.radians([0.0, 5.0])
        bent = np.degrees(seen - geometric_elevation(seen, 0.0))
        np.testing.assert_allclose(bent, [1 / 1.314, 1 / 5.24975], rtol=1e-12)

    @pytest.mark.parametrize("height_m", [-50.0, 0.0, 800.0, 3000.0, 8000.0])
    def test_one_to_one_and_back(self, height_m):
        seen = np.radians(np.linspace(-90, 90, 3601))
        straight = geometric_elevation(seen, height_m)
        assert (np.diff(straight) > 0).all()
        assert (straight <= seen).all()
        np.testing.assert_allclose(apparent_elevation(straight, height_m), seen, atol=1e-13)


def test_codes_of_asterix_there_and_back_and_no_two_alike(tmp_path):
    codes = {"sac": "200", "sic": "0"}
    file = written(tmp_path, GOOD | codes, GOOD | {"id": '"kr2"', "sac": "200", "sic": "1"})
    radars = load_radars(file)
    assert [(radar.sac, radar.sic) for radar in radars] == [(200, 0), (200, 1)]
    save_radars(tmp_path / "again.toml", radars)
    assert load_radars(tmp_path / "again.toml") == radars
    with pytest.raises(InputError, match=r"\[\[radar\]\] 2 .*sac and sic are those of"):
        load_radars(written(tmp_path, GOOD | codes, GOOD | {"id": '"kr2"'} | codes))
