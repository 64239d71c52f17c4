"""The globe as a browser draws it: what is where, what a click finds, when it rests."""

import io
import math
import re

import numpy as np
import pytest

from evaluate.made_node import MadeDesk, MadeFlight, radars
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from tests.desk.desk_browser import browser, chromium
from tests.desk.desk_visit import Story, Visit, expects

NEAR = MadeFlight(apogee_m=200_000.0)
FAR = MadeFlight(id=3, launch_deg=(-44.0, -28.0), impact_deg=(-30.0, -30.0), apogee_m=200_000.0)
"""Behind the Earth, all but straight behind what one looks at first."""
BEYOND = MadeFlight(id=4, impact_deg=(178.0, 30.0), apogee_m=200_000.0)
NEAR_COLOUR = 30
"""Rims of what is drawn are mixed with what is behind; a path flown is 38 away from an impact."""
IMPACT = "#c44900"
"""Of web/src/look/theme.ts, light."""
HOME = 135.5, 30.0, 3_400_000.0, -76.0
"""Where web/src/globe/globe.ts looks from at first: longitude, latitude, height, pitch."""
FIELD_OF_VIEW = math.radians(60.0)
"""Of the longer side, as Cesium has it unless told otherwise."""
HOME_FLAT = (116.0, 20.0, 160.0, 50.0)
SECONDS = 250.0


def ecef(place):
    longitude, latitude, height = place
    return np.array(ecef_from_geodetic(latitude, longitude, height))


def on_globe(place, box):
    """Where on the page a place (rad, rad, m) is in the first view; by hand, not by Cesium."""
    longitude, latitude, height, pitch = HOME
    camera = ecef((math.radians(longitude), math.radians(latitude), height))
    axes = local_axes(math.radians(latitude), math.radians(longitude))
    east, north, up = np.array(axes).reshape(3, 3)
    tilt = math.radians(pitch)
    ahead = math.cos(tilt) * north + math.sin(tilt) * up
    above = -math.sin(tilt) * north + math.cos(tilt) * up
    away = ecef(place) - camera
    scale = max(box["width"], box["height"]) / 2 / math.tan(FIELD_OF_VIEW / 2)
    right, rise = (away @ axis / (away @ ahead) * scale for axis in (east, above))
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 - rise


def on_map(place, box):
    """The same on the map, whose first view holds `HOME_FLAT` whole."""
    west, south, east, north = HOME_FLAT
    scale = min(box["width"] / (east - west), box["height"] / (north - south))
    longitude, latitude = math.degrees(place[0]), math.degrees(place[1])
    right, rise = longitude - (west + east) / 2, latitude - (south + north) / 2
    return box["x"] + box["width"] / 2 + scale * right, box["y"] + box["height"] / 2 - scale * rise


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    chromium()
    made = MadeDesk(tmp_path_factory.mktemp("globe"), radars())
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(desk):
    """One page for all that is tried: in software each globe takes seconds to come."""
    with browser(globe=True) as opened:
        visit = Visit(opened, desk, size=(1100, 810))
        visit.page.locator(".globe canvas").wait_for()
        yield visit.page
        visit.close()


@pytest.fixture
def story(desk, page):
    told = Story(desk)
    yield told
    told.clear()
    page.evaluate("location.hash = ''")


def drawn(page):
    return int(page.locator(".globe canvas").get_attribute("data-drawn"))


def at_rest(page, quiet_ms=1_500):
    """Wait until it draws no more for so long; how many frames it drew."""
    before = -1
    while (now := drawn(page)) != before:
        before = now
        page.wait_for_timeout(quiet_ms)
    return now


def box_of(page):
    return page.locator(".globe canvas").bounding_box()


def pixels(page, place, around=14):
    """The colours around a place on the page, (n, 3)."""
    from PIL import Image

    clip = {
        "x": place[0] - around,
        "y": place[1] - around,
        "width": 2 * around,
        "height": 2 * around,
    }
    image = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return np.array(image).reshape(-1, 3)


def test_a_click_on_a_track_chooses_its_flight_and_one_beside_it_none(page, story):
    expect = expects()
    story.at(SECONDS, flight=NEAR, names=("shared",))
    expect(page.locator('[data-flight="1"]')).to_be_visible()
    at_rest(page)
    place = on_globe(NEAR.place(SECONDS), box_of(page))
    assert len(np.unique(pixels(page, place), axis=0)) > 10, "there is a mark"
    page.mouse.click(*place)
    expect(page.locator(".detail")).to_contain_text("Flight 1")
    assert "flight=1" in page.url
    page.keyboard.press("h")
    at_rest(page)
    page.mouse.click(place[0] - 330, place[1])
    expect(page).not_to_have_url(re.compile("flight="))


def test_what_is_behind_the_earth_is_not_found_by_a_click(page, story):
    expect = expects()
    story.at(SECONDS, flight=FAR, names=("shared",))
    expect(page.locator('[data-flight="3"]')).to_be_visible()
    page.keyboard.press("h")
    at_rest(page)
    box = box_of(page)
    place = on_globe(FAR.place(SECONDS), box)
    assert box["x"] < place[0] < box["x"] + box["width"]
    assert box["y"] < place[1] < box["y"] + box["height"]
    page.mouse.click(*place)
    page.wait_for_timeout(500)
    assert "flight=" not in page.url


def test_the_map_shows_the_same_and_a_click_finds_it_there(page, story):
    expect = expects()
    story.at(SECONDS, flight=NEAR, names=("shared",))
    page.get_by_role("button", name="Map").click()
    expect(page.get_by_role("button", name="Globe")).to_be_visible()
    at_rest(page)
    page.mouse.click(*on_map(NEAR.place(SECONDS), box_of(page)))
    expect(page.locator(".detail")).to_contain_text("Flight 1")
    # Back on the globe one looks from where one looks at first, and no farther.
    page.locator('[data-flight="1"]').click()
    expect(page).not_to_have_url(re.compile("flight="))
    page.keyboard.press("h")
    page.get_by_role("button", name="Globe").click()
    at_rest(page)
    page.mouse.click(*on_globe(NEAR.place(SECONDS), box_of(page)))
    expect(page).to_have_url(re.compile("flight=1"))


def test_the_land_comes_whole_and_before_the_globe_rests(page, story):
    story.at(SECONDS, flight=NEAR, names=("shared",))
    page.keyboard.press("h")
    at_rest(page, 4_000)
    assert page.locator(".globe canvas").get_attribute("data-land") == "whole"


def coloured(page, css):
    """How many pixels of the globe have a colour."""
    from PIL import Image

    image = Image.open(io.BytesIO(page.screenshot(clip=box_of(page)))).convert("RGB")
    wanted = [int(css[k : k + 2], 16) for k in (1, 3, 5)]
    return int((np.abs(np.array(image).astype(int) - wanted).max(axis=2) < NEAR_COLOUR).sum())


def test_the_first_view_holds_all_flights_until_one_looks_elsewhere(page, story):
    """One that came down far beyond what one looks at first: nothing of it is expected any more."""
    expect = expects()
    page.keyboard.press("h")
    at_rest(page)
    assert coloured(page, IMPACT) == 0
    story.at(BEYOND.lasts_s, flight=BEYOND, names=("shared",), ended=True)
    expect(page.locator('[data-flight="4"]')).to_be_visible()
    at_rest(page)
    assert coloured(page, IMPACT) > 0
    for _ in range(3):
        page.keyboard.press("+")
    story.at(BEYOND.lasts_s + 1.0, flight=BEYOND, names=("shared",), ended=True)
    at_rest(page)
    assert coloured(page, IMPACT) == 0, "the view is one's own"
    page.keyboard.press("h")
    at_rest(page)
    assert coloured(page, IMPACT) > 0


def test_a_flight_that_a_link_names_is_looked_at_once_it_is_there(page, story):
    """From nearer: its impact lies at the canvas' side, and not where home has it."""
    expect = expects()
    story.at(NEAR.lasts_s, flight=NEAR, names=("shared",), ended=True)
    expect(page.locator('[data-flight="1"]')).to_be_visible()
    page.goto(f"{page.url.split('#')[0]}#flight=1")
    page.reload()
    expect(page.locator(".detail")).to_contain_text("Flight 1")
    page.locator(".globe canvas").wait_for()
    at_rest(page, 4_000)
    impact = on_globe(NEAR.place(NEAR.lasts_s), box_of(page))
    rim = [int(IMPACT[k : k + 2], 16) for k in (1, 3, 5)]

    def pins(place):
        return int((np.abs(pixels(page, place).astype(int) - rim).max(axis=1) < NEAR_COLOUR).sum())

    assert coloured(page, IMPACT) > 0
    assert pins(impact) == 0, "one looks from home"
    page.keyboard.press("h")
    at_rest(page)
    assert pins(impact) > 0


def test_it_draws_when_something_changes_and_rests_otherwise(page, story):
    expect = expects()
    story.at(SECONDS, flight=NEAR, names=("shared",))
    before = at_rest(page, 4_000)  # a frame in software, and what the desk tells each second
    page.wait_for_timeout(3_000)  # the clock goes on meanwhile, and lists with it
    assert drawn(page) == before
    story.at(SECONDS + 5.0, flight=NEAR, names=("shared",))
    expect(page.locator(".globe canvas")).not_to_have_attribute("data-drawn", str(before))
