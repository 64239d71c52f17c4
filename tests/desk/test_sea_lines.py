"""Limits at sea made from the page's outlines: where they lie, and what is left out."""

import json
import math

import numpy as np
import pytest

from skypact.desk import sea_lines as made
from skypact.desk.app import STATIC
from skypact.errors import InputError

OFF_M = 4_000.0
"""Coasts are points 5.6 km apart (a place between two is nearer by 2.8² / 2 / 50 km, 0.1 km, at the
50 km of the narrowest strait); limits are straight between grid points 22 km apart (an arc of 50 km
bulges by 22² / 8 / 50, 1.2 km) and thinned by 0.01°, 1.1 km. Distances to two coasts differ by
twice what the line is off."""
MINAMITORISHIMA = (153.98, 24.29)
DRAWN_M = 4_500.0
"""The outlines draw it with a part to the north-west that reaches so far from there."""


@pytest.fixture(scope="module")
def lines():
    if not (STATIC / "index.html").is_file():
        pytest.skip("the desk's page was not built: make page")
    return made.sea_lines()


def distances_m(places, place):
    """Great circles by the haversine, (n,)."""
    longitude, latitude = np.radians(places).T
    lon, lat = map(math.radians, place)
    half = np.sin((latitude - lat) / 2) ** 2
    half += np.cos(latitude) * math.cos(lat) * np.sin((longitude - lon) / 2) ** 2
    return 2 * 6_371_000.0 * np.arcsin(np.sqrt(half))


def corners(feature):
    return np.array([place for part in feature["geometry"]["coordinates"] for place in part])


def test_there_are_both_zones_the_agreed_line_and_the_northern_limit_line(lines):
    told = [
        (one["properties"]["kind"], one["properties"]["name"]["en"]) for one in lines["features"]
    ]
    assert [kind for kind, _ in told] == ["eez", "eez", "eez", "nll"]
    assert all("approximate" in name for kind, name in told if "1974" not in name)
    nll = corners(lines["features"][3])
    assert nll[:, 0].min() < 125.0 and nll[:, 0].max() > 132.0  # both seas
    agreed = corners(lines["features"][2])
    assert len(agreed) == 35
    assert agreed[-1] == pytest.approx((131.265, 36.167), abs=0.001)  # 36°10.0' N, 131°15.9' E


def test_an_island_alone_has_a_circle_of_200_nautical_miles(lines):
    japan = corners(lines["features"][0])
    east = japan[japan[:, 0] > 150.0]
    assert len(east) > 20
    away_m = distances_m(east, MINAMITORISHIMA)
    assert np.all((away_m > 370_400.0 - OFF_M) & (away_m < 370_400.0 + DRAWN_M + OFF_M))


@pytest.mark.parametrize(("number", "own"), [(0, "JPN"), (1, "KOR")])
def test_a_limit_is_200_nautical_miles_off_or_in_the_middle(lines, number, own):
    (file,) = (STATIC / "assets").glob("countries-10m*.json")
    coasts = made._coasts(json.loads(file.read_bytes()))
    others = np.concatenate(
        [points for name, points in coasts.items() if name not in (own, "several")]
    )
    for place in corners(lines["features"][number]):
        ours = distances_m(coasts[own], place).min()
        theirs = distances_m(others, place).min()
        claimed = distances_m(coasts["several"], place).min()
        assert abs(ours - min(370_400.0, theirs)) < 2 * OFF_M, place
        assert claimed > ours - 2 * OFF_M, f"{place}: an island that several claim decides"


def test_without_a_page_it_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="make page"):
        made.sea_lines(tmp_path)
