"""Somebody at a desk, and a flight told to it: what tests of the page have in common."""

import time

from evaluate.made_node import PASSWORD, MadeFlight, S, made_flight, made_statement, made_track
from skypact.model.desk import Source

FLIGHT = MadeFlight()
OTHER = MadeFlight(id=2, launch_deg=(125.4, 39.0), impact_deg=(133.0, 39.5), apogee_m=60_000.0)
PART = MadeFlight(id=3, impact_deg=(147.0, 38.6))
LABEL = "da1a0123456789ab"
WAIT_MS = 60_000
"""Far more than a page needs: the machine may be busy with others."""


class Story:
    """A flight, told as it goes on; the node's clock stands where the flight is."""

    def __init__(self, desk):
        self.desk, self.node = desk, desk.node
        self.begin_ns = time.time_ns() - 700 * S
        self.ids = set()

    def sources(self, now_ns):
        """Japan's own sees it from 60 s after the launch on; Korea hides its radar's name."""
        first_ns = self.begin_ns + 60 * S
        return [
            Source("USA", "US-Kyotango", 190, first_ns - 20 * S, now_ns - 30 * S),
            Source("KOR", LABEL, 150, None, now_ns),
            Source("JPN", "JP-Sado", 210, first_ns, now_ns),
        ]

    def at(self, since_s, *, names=("shared", "national"), flight=FLIGHT, ended=False):
        """The flight is so old now."""
        self.desk.run(lambda: self._at(since_s, names, flight, ended))

    def _at(self, since_s, names, flight, ended):
        now_ns = self.begin_ns + round(since_s * S)
        self.node.time_ns = now_ns
        self.node.came_ns = dict.fromkeys(self.node.came_ns, now_ns)
        for name in names:
            sources = self.sources(now_ns)[2 if name == "national" else 0 :]
            track = made_track(flight, now_ns, since_s, ended=ended)
            shown = made_flight(flight, self.begin_ns, since_s, sources, ended=ended)
            if name == "shared" and not ended:
                self.node.statements = (made_statement("KOR", shown, 0.9),)
            flown = {flight.id: flight.path(self.begin_ns, 20.0, since_s)}
            self.node.tell(name, (track,), (shown,), flown=flown)
            self.node.remember(name)
        self.ids.add(flight.id)

    def has_come_to(self, slider):
        """The timeline reaches to where the flight is: the page's clock ticks apart from it."""
        until_s = time.monotonic() + WAIT_MS / 1000.0
        while int(slider.get_attribute("max")) < self.node.time_ns // 1_000_000:
            assert time.monotonic() < until_s
            time.sleep(0.05)

    def clear(self):
        def gone():
            for name in self.node.pictures:
                self.node.tell(name, gone=tuple(self.ids))
            self.node.past.clear()
            self.node.levels = dict.fromkeys(self.node.levels, "tracklets")
            self.node.silent = False
            self.node.late_s, self.node.behind_s = {}, 0.0
            self.node.statements = ()
            self.node.forget_said()

        self.desk.run(gone)
        self.ids.clear()


class Visit:
    """Pages of one person; it notes every request."""

    def __init__(self, opened, desk, who="Sato", size=(1280, 800), **more):
        self.desk = desk
        self.context = opened.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="en-GB", **more
        )
        self.context.set_default_timeout(WAIT_MS)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.asked, self.faults = [], []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.missing = []
        self.context.on("response", self._note_answer)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))
        self.page = self.context.new_page()
        self.page.goto(desk.url)
        self.page.get_by_label("Name").fill(who)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.locator(".timeline").wait_for()

    def _note_answer(self, response):
        if response.status == 404 and "/api/" not in response.url:
            self.missing.append(response.url)

    def close(self):
        strange = [url for url in self.asked if not url.startswith((self.desk.url, "data:"))]
        self.context.close()
        assert not strange
        assert not self.missing
        # Where no globe can be drawn the page says so; that is no fault of its own.
        assert not self.faults

    def go_back_to(self, story, since_s):
        """Set the timeline to when the flight was so old."""
        slider = self.page.get_by_label("Moment")
        story.has_come_to(slider)
        slider.evaluate(
            "(one, at) => { one.value = at; one.dispatchEvent(new Event('change')); }",
            (story.begin_ns + round(since_s * S)) // 1_000_000,
        )

    def row(self, flight):
        return self.page.locator(f'[data-flight="{flight}"]')


def expects():
    from playwright.sync_api import expect

    expect.set_options(timeout=WAIT_MS)
    return expect
