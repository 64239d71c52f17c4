"""Tells a desk of pictures: what changed in those that somebody looks at, and what tracks mean."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.model import Flight, Launch, ShownPath, Track
from skypact.serving.shown_picture import Followed, ShownPicture
from skypact.settings import Settings
from skypact.sharing.nats_config import desk_subject
from skypact.tracking import LivePicture

ENCODE = msgspec.msgpack.Encoder().encode
_ASKS_KEPT = 6.0
_IDLE_S = 0.2

Assess = Callable[[Track, Launch | None], Awaitable[tuple[Flight, ShownPath] | None]]
"""What a track means, with its launch if that is known, and where it is thought to go."""


class Listened:
    """Which pictures somebody looks at: those asked for not long ago."""

    def __init__(self, asked_s: float) -> None:
        self._for_s = _ASKS_KEPT * asked_s
        self._until_s: dict[str, float] = {}

    def note(self, pictures: Sequence[str]) -> None:
        """Somebody looks at these."""
        self._until_s |= dict.fromkeys(pictures, time.monotonic() + self._for_s)

    @property
    def now(self) -> set[str]:
        """Those that somebody looks at."""
        now_s = time.monotonic()
        self._until_s = {name: at for name, at in self._until_s.items() if at > now_s}
        return set(self._until_s)


class Teller:
    """Tells of some pictures, and what their tracks mean; `tell` and `assess` go on for ever.

    `lives`: the pictures, by name, asked for whenever they are needed.
    """

    def __init__(
        self,
        connection: Client,
        lives: Callable[[str], LivePicture],
        shown: Mapping[str, ShownPicture],
        assess: Assess,
        settings: Settings,
        clock: Callable[[], int],
        exercise: bool,
        always: Sequence[str] = (),
    ) -> None:
        self._connection, self._lives, self.shown = connection, lives, shown
        self._assess, self._settings, self._clock = assess, settings.desk, clock
        self.subject = desk_subject(exercise)
        self.listened = Listened(settings.desk.asked_s)
        self.news = asyncio.Event()
        self._always, self._looked_s = always, 0.0
        self._seen: dict[str, tuple[int, int, int]] = {}

    async def tell(self) -> None:
        """Look at the pictures when there is news, and tell what changed."""
        while True:
            await self.news.wait()
            self.news.clear()
            began_s = time.monotonic()
            wanted = self._wanted(began_s)
            for name in wanted:
                self._look(name)
                if name in self.listened.now:
                    change = self.shown[name].change(self._clock())
                    if change is not None:
                        await self._connection.publish(f"{self.subject}.change", ENCODE(change))
                await asyncio.sleep(0)
            await asyncio.sleep(max(0.0, began_s + self._settings.changes_s - time.monotonic()))

    def _wanted(self, now_s: float) -> list[str]:
        """Those that somebody looks at, and now and then those that are always looked at."""
        listened = self.listened.now
        wanted = [name for name in self.shown if name in listened]
        if now_s - self._looked_s >= self._settings.path_every_s:
            self._looked_s = now_s
            wanted += [name for name in self._always if name not in listened]
        return wanted

    def _look(self, name: str) -> None:
        """At a picture, if anything came for it since the last time."""
        live = self._lives(name)
        seen = id(live), live.received, live.rebuilds
        if self._seen.get(name) != seen:
            self._seen[name] = seen
            self.shown[name].look(live.tracks(), live.lateness.newest_ns)

    def go_on_from(self, noted: Mapping[str, Mapping[int, Followed]]) -> None:
        """Know what was taken note of before, by picture and track."""
        for name, before in noted.items():
            self._look(name)
            self.shown[name].go_on_from(before)
        self.news.set()

    async def assess(self) -> None:
        """What tracks of the pictures that somebody looks at mean, the most overdue first."""
        while True:
            now_ns, listened = self._clock(), self.listened.now
            due = [
                (one, found)
                for name, one in self.shown.items()
                if name in listened and (found := one.due(now_ns)) is not None
            ]
            if not due:
                await asyncio.sleep(_IDLE_S)
                continue
            picture, (_, track) = max(due, key=lambda pair: pair[1][0])
            made = await self._assess(track, picture.launch_of(track))
            if made is not None:
                picture.assessed(track, *made, self._clock())
                self.news.set()

    async def answer_whole(self, name: str, asked: Msg) -> None:
        """All of a picture to who asked for it."""
        self.listened.note((name,))
        self._look(name)
        for part in self.shown[name].whole(self._clock()):
            await self._connection.publish(asked.reply, ENCODE(part))
