"""Makes the README's pictures of the desk: `python -m tools.desk_pictures` writes `docs/pictures/`.

The launch of 2022-10-04 past the radars of three nations, folded as a node folds it; Japan's areas
(of `make areas`) warned as a node warns them; a real desk shows it to a real browser, as an
exercise, for what is simulated is not live. Drawn in software, so it takes minutes. The node alone
is made up.
"""

import io
import json
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from PIL import Image
from playwright.sync_api import sync_playwright

from evaluate.made_node import PASSWORD, MadeDesk, S, radars
from skypact.desk.routes_reading import LINES
from skypact.desk.sea_lines import sea_lines
from skypact.flight import assess, brought_up, ways_of
from skypact.flight.paths import path_of
from skypact.model import Launch, Radar, Track
from skypact.model.desk import ShownFlight, Source
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.serving.shown import expected_path, shown_path, shown_tracks
from skypact.settings import Settings
from skypact.tracking import Picture
from skypact.warning.areas import read_areas
from skypact.warning.cap import Messages, Reference, reference_of
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider
from skypact.warning.feed import Feed, FeedEntry

SCENARIO = "2022-10-04_irbm-over-japan"
FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
AREAS = FOLDER.parent.parent / "out" / "areas.geojson"
ALONE_S, SETTLED_S, TOGETHER_S = 22.0, 120.0, 300.0
"""After the first plot: Japan has not seen it yet; its launch is settled; past burn-out."""
WARNED_EVERY_S = 4.0
SENDER, LANGUAGES = "demo@jpn.example", ("ja", "en", "ko")
ALERTS = "/exercise/alerts"
SIZE = {"width": 1440, "height": 900}
COLOURS = 256
DRAWN_S = 90.0
"""So long at most the globe is waited for."""
_FLAGS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--disable-renderer-backgrounding",
        "--use-gl=angle",
    ),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]


class Warned:
    """Japan's areas, warned of the flights of the shared picture."""

    def __init__(self, desk: MadeDesk, radars: list[Radar]) -> None:
        self._desk, self._radars, self._settings = desk, radars, Settings()
        read = read_areas(AREAS, exercise=True).areas
        areas = [area for area in read if area.nation == "JPN"]
        self._decider = Decider(AreaIndex(areas), self._settings.warning)
        self._messages = Messages(
            areas,
            sender=SENDER,
            nation="JPN",
            exercise=True,
            languages=LANGUAGES,
            expires_s=self._settings.warning.expires_s,
        )
        self._before: dict[int, list[Reference]] = defaultdict(list)
        self._entries: list[FeedEntry] = []

    def look(self, now_ns: int, tracks: list[Track], launches: dict[int, Launch]) -> None:
        """Decide, and put what is said where the desk reads it."""
        of, flights = self._settings.flight, []
        for track in tracks:
            ways = ways_of(track, self._radars, of, launch=launches.get(track.id))
            flight = brought_up(ways, track, self._radars, of)
            if flight is not None:
                flights.append(flight)
        for said in self._decider.look(now_ns, flights):
            alert = self._messages.made(said, self._before[said.event])
            reference = reference_of(alert)
            self._before[said.event].append(reference)
            title = self._messages.title(said, LANGUAGES[0])
            self._entries.append(FeedEntry(reference.identifier, title, said.time_ns))
            self._desk.alerts[f"{ALERTS}/{reference.identifier}.xml"] = etree.tostring(alert)
        feed = Feed("Exercise alerts", ALERTS, SENDER, LANGUAGES)
        self._desk.alerts[ALERTS] = feed.atom(LANGUAGES[0], self._entries, now_ns)


class Told:
    """The launch as it goes on, in the shared picture and in Japan's own."""

    def __init__(self, desk: MadeDesk) -> None:
        self.desk, self.radars = desk, radars()
        self.plots = simulate(load_scenario(SCENARIO), seed=1).plots
        self.begin_ns = int(self.plots.time_ns[0])
        self.own = np.array([radar.nation == "JPN" for radar in self.radars])[self.plots.radar]
        self.pictures = {name: Picture(self.radars) for name in ("shared", "national")}
        self.flown: dict[tuple[str, int], list[Any]] = defaultdict(list)
        self.seen: dict[tuple[str, int, str], tuple[int, int, int]] = {}
        self.launches: dict[tuple[str, int], Launch] = {}
        self.warned = Warned(desk, self.radars)
        self.until_s = 0.0

    def until(self, until_s: float) -> None:
        """Fold on, and tell the desk."""
        while self.until_s < until_s:
            after_ns = self.begin_ns + round(self.until_s * S)
            self.until_s += 1.0
            times = self.plots.time_ns
            now = (times >= after_ns) & (times < self.begin_ns + round(self.until_s * S))
            for name, picture in self.pictures.items():
                picture.observe(
                    self.plots.at(np.flatnonzero(now & (self.own | (name == "shared"))))
                )
                for track in picture.tracks():
                    self._note(name, track)
            if self.until_s >= SETTLED_S and self.until_s % WARNED_EVERY_S == 0.0:
                launches = {n: one for (of, n), one in self.launches.items() if of == "shared"}
                now_ns = self.begin_ns + round(self.until_s * S)
                self.warned.look(now_ns, list(self.pictures["shared"].tracks()), launches)
        self.desk.run(self._tell)

    def _note(self, name: str, track: Track) -> None:
        self.flown[name, track.id].append((track.time_ns, track.state))
        for radar, plots in track.plots_by_radar.items():
            newest_ns = track.last_plot_ns
            before = self.seen.get((name, track.id, radar), (0, newest_ns, newest_ns))
            if before[0] != plots:
                self.seen[name, track.id, radar] = plots, before[1], newest_ns

    def _tell(self) -> None:
        node = self.desk.node
        node.time_ns = self.begin_ns + round(self.until_s * S)
        node.came_ns = {
            nation: node.time_ns - 200_000_000 * k for k, nation in enumerate(node.came_ns, 1)
        }
        for name, picture in self.pictures.items():
            tracks = picture.tracks()
            flown = {t.id: shown_path(path_of(self.flown[name, t.id])) for t in tracks}
            flights = [self._flight(name, track) for track in tracks]
            node.tell(name, shown_tracks(tracks), flights, flown=flown)
            node.remember(name)

    def _flight(self, name: str, track: Track) -> ShownFlight:
        """What a track means; what parted from another has its launch, as in the node."""
        known = self.launches.get((name, track.parted_from or track.id))
        flight = assess(track, self.radars, Settings().flight, launch=known)
        if flight.launch is not None and self.until_s >= SETTLED_S:
            self.launches.setdefault((name, track.id), flight.launch)
        nations = {radar.id: radar.nation for radar in self.radars}
        sources = tuple(
            Source(nations[radar], radar, plots, *self.seen[name, track.id, radar][1:])
            for radar, plots in track.plots_by_radar.items()
        )
        return ShownFlight(
            flight,
            track.time_ns,
            track.status,
            track.ended_because,
            sources,
            expected_path(track, flight),
        )


def main() -> None:
    """Make all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not AREAS.exists():
        raise SystemExit(f"{AREAS}: there is no such file; run make areas")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        desk = MadeDesk(Path(folder), radars(), exercise=True)
        (Path(folder) / LINES).write_text(json.dumps(sea_lines(), ensure_ascii=False), "utf-8")
        told = Told(desk)
        told.until(ALONE_S)
        desk.open()
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        try:
            _draw(desk, told, opened)
        finally:
            opened.close()
            desk.close()


def _draw(desk: MadeDesk, told: Told, opened: Any) -> None:
    context = opened.new_context(viewport=SIZE, color_scheme="dark", locale="en-GB")
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.goto(desk.url + "#picture=national")
    page.get_by_label("Name").fill("Sato")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    _save(page, "desk-alone")
    told.until(SETTLED_S)
    told.until(TOGETHER_S)
    page.get_by_role("button", name="All together").click()
    page.locator('[data-flight="1"]').click()
    _save(page, "desk")
    page.get_by_role("tab", name="Warnings").click()
    page.locator("[data-warning]").wait_for()
    page.locator('[data-flight="1"]').click()  # no longer chosen: the whole of Japan
    page.get_by_role("button", name="Home").click()
    page.get_by_label("Radar coverage").select_option("")
    _save(page, "desk-warning")
    page.get_by_role("tab", name="Partners").click()
    page.get_by_role("button", name="Look").click()
    page.locator('[data-partner="KOR"] button').click()
    page.locator("dialog input[value=plots]").check()
    page.get_by_role("button", name="Show what would change").click()
    _save(page, "desk-release")


def _save(page: Any, name: str) -> None:
    """Once the globe drew all it has, or nothing new for long enough."""
    canvas = page.locator(".globe canvas")
    canvas.wait_for()
    ends_s, last, since_s = time.monotonic() + DRAWN_S, None, time.monotonic()
    while time.monotonic() < ends_s and time.monotonic() - since_s < DRAWN_S / 6:
        drawn = canvas.get_attribute("data-drawn")
        if drawn != last:
            last, since_s = drawn, time.monotonic()
        page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot(timeout=300_000))).convert("RGB")
    path = FOLDER / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
