"""The desk's page in Firefox: what people do first, and nothing amiss in its console.

What is pressed and read here is what `test_desk_page.py` tries in Chromium, each way to the end.
"""

import json
import time

import pytest

from evaluate.made_node import PASSWORD, MadeDesk, S, radars
from tests.desk.desk_browser import AXE
from tests.desk.desk_firefox import WAIT_S, errors, firefox, opened_firefox
from tests.desk.desk_visit import OTHER, Story


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    firefox()
    made = MadeDesk(tmp_path_factory.mktemp("desk"), radars())
    made.open()
    yield made
    made.close()


@pytest.fixture
def story(desk):
    told = Story(desk)
    yield told
    told.clear()


@pytest.fixture(scope="module")
def client(desk, tmp_path_factory):
    """One Firefox for all, logged in; at its end nothing may have gone wrong in it."""
    with opened_firefox(tmp_path_factory.mktemp("firefox")) as opened:
        opened.navigate(desk.url)
        opened.find_element("css selector", "input[name=name]").send_keys("Sato")
        opened.find_element("css selector", "input[name=password]").send_keys(PASSWORD)
        opened.find_element("css selector", ".login button.act").click()
        opened.find_element("css selector", ".timeline")
        yield opened
        assert not errors(opened, desk.url)


@pytest.fixture
def page(client):
    yield Page(client)
    client.execute_script("location.hash = ''")


class Page:
    """What is on it now; it draws itself anew at will, so nothing that was found is held."""

    def __init__(self, client):
        self.client = client

    def texts(self, selector):
        said = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return self.client.execute_script(said, [selector])

    def text(self, selector):
        return " ".join(self.texts(selector))

    def says(self, selector, words):
        until(lambda: words in self.text(selector), lambda: (words, self.text(selector)))

    def press(self, words, within="body"):
        """At once: a driver's own click waits for frames, which take long in software."""
        wanted = (
            "const one = [...document.querySelectorAll(arguments[1] + ' button')]"
            ".find((one) => one.textContent === arguments[0] && !one.disabled);"
            "one?.click(); return one !== undefined"
        )
        until(lambda: self.client.execute_script(wanted, [words, within]), lambda: words)

    def put(self, selector, value, event="input"):
        """Into a field, as though it were typed."""
        said = (
            "const one = document.querySelector(arguments[0]);"
            "if (one.type === 'radio') one.click(); else {"
            " one.value = arguments[1];"
            " one.dispatchEvent(new Event(arguments[2], { bubbles: true })); }"
        )
        until(lambda: self.texts(selector), lambda: selector)
        self.client.execute_script(said, [selector, value, event])

    def click(self, selector):
        until(lambda: self.texts(selector), lambda: selector)
        self.client.execute_script("document.querySelector(arguments[0]).click()", [selector])

    def choose(self, flight):
        self.click(f'[data-flight="{flight}"]')


def until(find, else_said):
    """What is found, once it is."""
    ends_s = time.monotonic() + WAIT_S
    while not (found := find()):
        assert time.monotonic() < ends_s, f"waited in vain: {else_said()}"
        time.sleep(0.1)
    return found


def test_it_lists_draws_and_switches(page, story):
    story.at(300.0)
    story.at(300.0, flight=OTHER, names=("shared",))
    page.says('[data-flight="1"]', "−05:")
    page.says('[data-flight="1"]', "JPN")
    # The globe is drawn, or the page says that it cannot be; the list is there either way.
    until(
        lambda: page.texts(".globe canvas[data-drawn]") or "cannot" in page.text(".globe .loading"),
        lambda: page.text(".globe .loading"),
    )
    page.press("Own radars alone")
    page.says(".lacking", "1")
    page.says('[data-flight="2"][disabled]', "not seen in this picture")
    page.press("All together")
    until(lambda: not page.texts(".lacking"), lambda: page.text(".lacking"))
    page.says('[data-flight="2"]:not([disabled])', "−")


def test_a_launch_is_followed_to_its_impact_and_acknowledged(page, story):
    story.at(60.0)
    page.choose(1)
    page.says(".detail .facts", "boost")
    page.press("Acknowledge flight 1 (LIVE)")
    page.says('[data-flight="1"]', "✓ Sato")
    story.at(300.0)
    page.says(".detail .facts", "480 km")
    page.says(".detail .sources .stale", "US-Kyotango")
    page.says(".detail .assessments em.much", "≠")
    story.at(620.0, ended=True)
    page.says('[data-flight="1"]', "came down")


def test_going_back_and_to_now(page, story):
    for since_s in (100.0, 300.0):
        story.at(since_s)
    page.choose(1)
    page.says(".detail .facts", "480 km")
    page.put(".timeline input[type=range]", (story.begin_ns + 150 * S) // 1_000_000, "change")
    page.says(".notice.past", "as known then")
    page.says(".detail .facts", "260 km")  # of 100 s: 4 · 480 · s (1 − s) km of s = 100 / 620
    page.press("Back to now")
    page.says(".detail .facts", "480 km")


def test_a_release_is_changed(page, story, desk):
    page.click("#tab-partners")
    page.click('[data-partner="KOR"] button')
    page.says("dialog .band", "LIVE")
    page.put("dialog input[value=warning]", "warning")
    page.press("Show what would change", "dialog")
    page.says("dialog", "tracklets → warning")
    page.put("dialog input[type=password]", PASSWORD)
    page.press("Sign and put in force", "dialog")
    page.says('[data-partner="KOR"] .ladder .here', "warning")
    assert desk.node.levels["KOR"] == "warning"


def test_nothing_serious_stands_in_the_way_of_anyone_in_three_languages(page, story):
    story.at(300.0)
    page.choose(1)
    for language, mode in (("ja", "実運用"), ("ko", "실상황"), ("en", "LIVE")):
        page.put(".top .options select", language, "change")
        page.says(".mode", mode)
        page.client.execute_script(AXE.read_text(), sandbox=None)
        found = page.client.execute_async_script(
            "const [done] = arguments; axe.run({ resultTypes: ['violations'] })"
            ".then(({ violations }) => done(JSON.stringify(violations)))",
            sandbox=None,
        )
        grave = [one for one in json.loads(found) if one["impact"] in ("serious", "critical")]
        assert not grave, f"{language}: {json.dumps(grave, indent=1)}"
