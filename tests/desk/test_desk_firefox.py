"""The desk's page in Firefox: what most people do first, and nothing amiss in its console."""

import time

import pytest

from evaluate.made_node import PASSWORD, MadeDesk, radars
from tests.desk.desk_firefox import WAIT_S, errors, firefox, opened_firefox
from tests.desk.desk_visit import OTHER, Story


@pytest.fixture
def desk(tmp_path):
    firefox()
    made = MadeDesk(tmp_path, radars())
    made.open()
    yield made
    made.close()


def until(find):
    """What is found, once it is."""
    ends_s = time.monotonic() + WAIT_S
    while not (found := find()):
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.1)
    return found


def test_it_loads_lets_in_lists_draws_and_switches(desk, tmp_path):
    story = Story(desk)
    story.at(300.0)
    story.at(300.0, flight=OTHER, names=("shared",))
    with opened_firefox(tmp_path) as client:

        def texts(selector):
            """Of what is there now, without waiting for one; the page draws itself anew at will."""
            said = (
                "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
            )
            return client.execute_script(said, [selector])

        def press(words):
            """At once: a driver's own click waits for frames, which take long in software."""
            buttons = "[...document.querySelectorAll('button')]"
            wanted = f"{buttons}.find((one) => one.textContent === arguments[0])"
            client.execute_script(f"{wanted}.click()", [words])

        client.navigate(desk.url)
        client.find_element("css selector", "input[name=name]").send_keys("Sato")
        client.find_element("css selector", "input[name=password]").send_keys(PASSWORD)
        client.find_element("css selector", ".login button.act").click()
        client.find_element("css selector", '[data-flight="2"]')
        row = client.find_element("css selector", '[data-flight="1"]')
        assert "−05:" in row.text and "JPN" in row.text
        # The globe is drawn, or the page says that it cannot be; the list is there either way.
        until(
            lambda: texts(".globe canvas[data-drawn]") or "cannot" in str(texts(".globe .loading"))
        )
        press("Own radars alone")
        lacking = client.find_element("css selector", ".lacking")
        assert "1" in lacking.text
        assert not client.find_element("css selector", '[data-flight="2"]').is_enabled()
        press("All together")
        until(lambda: not texts(".lacking"))
        assert client.find_element("css selector", '[data-flight="2"]').is_enabled()
        assert not errors(client, desk.url)
