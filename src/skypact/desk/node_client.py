"""The desk's side of what its node tells: a copy of each picture that somebody looks at."""

import asyncio
import contextlib
import math
import time
from array import array
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec
import nats.errors
import numpy as np
from nats.aio.client import Client
from nats.aio.msg import Msg
from numpy.typing import NDArray

from skypact.errors import InputError, LinkError
from skypact.model import (
    Ask,
    DeskState,
    PictureChange,
    ShownFlight,
    ShownPath,
    ShownRadar,
    ShownTrack,
    Statement,
)
from skypact.settings import DeskSettings

S = 1_000_000_000
_ENCODE = msgspec.msgpack.Encoder().encode
_CHANGE = msgspec.msgpack.Decoder(PictureChange).decode
_STATE = msgspec.msgpack.Decoder(DeskState).decode
_ANSWER_S = 3.0
_LOOKED_AT_S = 30.0
"""A picture is followed for so long after the last who looked at it."""
_SILENT_ASKS = 3.5
_AGAIN_S = 0.5
_COLUMNS = ("latitude_rad", "longitude_rad", "height_m", "speed_m_s")
_WIDTH = 1 + len(_COLUMNS)


class Trail:
    """Where a track went: what the node told whole, and what came since; thinned as it grows."""

    def __init__(self, path: ShownPath | None = None) -> None:
        self._rows = array("d")  # time s, latitude, longitude, height, speed
        self._every_s = 0.0
        if path is not None:
            times = np.frombuffer(path.time_ns, np.int64) / S
            columns = [np.frombuffer(getattr(path, name)) for name in _COLUMNS]
            self._rows.frombytes(np.column_stack([times, *columns]).tobytes())

    def note(self, track: ShownTrack, settings: DeskSettings) -> None:
        """A point, if the last is long enough ago."""
        at_s, rows = track.time_ns / S, self._rows
        if rows and at_s - rows[-_WIDTH] < max(self._every_s, settings.path_every_s):
            return
        speed = math.hypot(track.east_m_s, track.north_m_s, track.up_m_s)
        rows.extend((at_s, track.latitude_rad, track.longitude_rad, track.height_m, speed))
        if len(rows) > _WIDTH * settings.path_points:
            self._rows = array("d", self._table()[::2].ravel().tolist())
            self._every_s = 2.0 * max(self._every_s, settings.path_every_s)

    def shown(self) -> ShownPath:
        """Its columns."""
        table = self._table()
        times = np.rint(table[:, 0] * S).astype("<i8").tobytes()
        return ShownPath(times, *(table[:, k].tobytes() for k in range(1, _WIDTH)))

    def _table(self) -> NDArray[np.float64]:
        return np.array(self._rows).reshape(-1, _WIDTH)


class PictureCopy:
    """A picture as last told. `number` 0: not yet whole."""

    def __init__(self, name: str, settings: DeskSettings) -> None:
        self.name, self._settings = name, settings
        self.epoch = self.number = self.time_ns = self.newest_ns = 0
        self.tracks: dict[int, ShownTrack] = {}
        self.flights: dict[int, ShownFlight] = {}
        self._trails: dict[int, Trail] = {}
        self.stated: tuple[Statement, ...] = ()
        """Of a moment of the past: what partners had stated by then."""
        self.consulted: list[dict[str, Any]] = []
        """Of own radars alone then: the shared events."""
        self.whole = asyncio.Event()

    def follows(self, change: PictureChange) -> bool:
        """Whether this is the change that comes next."""
        return change.epoch == self.epoch and change.number == self.number + 1

    def apply(self, change: PictureChange) -> None:
        """Take what changed."""
        self.number, self.time_ns = change.number, change.time_ns
        self.newest_ns = change.newest_ns
        self.tracks |= {one.id: one for one in change.tracks}
        self.flights |= {one.flight.id: one for one in change.flights}
        self._trails |= {number: Trail(path) for number, path in change.flown.items()}
        for one in change.tracks:
            self._trails.setdefault(one.id, Trail()).note(one, self._settings)
        for gone in change.gone:
            self.tracks.pop(gone, None)
            self.flights.pop(gone, None)
            self._trails.pop(gone, None)

    def flown(self, number: int) -> ShownPath | None:
        """Where a track went; None: there is no such."""
        trail = self._trails.get(number)
        return None if trail is None else trail.shown()

    def become(self, parts: Iterable[PictureChange]) -> None:
        """Be what was told whole."""
        self.tracks, self.flights, self._trails = {}, {}, {}
        self.stated, self.consulted = (), []
        for part in parts:
            self.epoch = part.epoch
            self.apply(part)
            self.stated += part.stated
            self.consulted += part.consulted
        self.whole.set()


class NodeClient:
    """Follows a node. `changed` is called with each change of a picture; None: it is told whole.

    `state`: how the node was when it last answered, at `heard_s` by the steady clock.
    """

    def __init__(
        self,
        connection: Client,
        subject: str,
        settings: DeskSettings,
        changed: Callable[[PictureCopy, PictureChange | None], None],
    ) -> None:
        self._connection, self._subject, self._settings = connection, subject, settings
        self._changed = changed
        self.pictures: dict[str, PictureCopy] = {}
        self._until_s: dict[str, float] = {}
        self._asking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.state: DeskState | None = None
        self.heard_s = 0.0
        self._radars: list[ShownRadar] | None = None

    async def start(self) -> None:
        """Follow the node from now on."""
        await self._connection.subscribe(f"{self._subject}.change", cb=self._take)
        self._spawn(self._keep_asking())

    async def stop(self) -> None:
        """Follow it no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether the node answers."""
        return time.monotonic() - self.heard_s < _SILENT_ASKS * self._settings.asked_s

    @property
    def names(self) -> tuple[str, ...]:
        """Pictures that may be looked at."""
        return self.state.pictures if self.state is not None else ()

    def look_at(self, name: str) -> PictureCopy:
        """A picture that somebody looks at; it fills soon where nobody did before."""
        if name not in self.pictures:
            self.pictures[name] = PictureCopy(name, self._settings)
            self._ask_whole(name)
        self._until_s[name] = time.monotonic() + _LOOKED_AT_S
        return self.pictures[name]

    async def whole(self, name: str) -> PictureCopy:
        """The same once it is whole. Raises LinkError where the node does not answer in time."""
        picture = self.look_at(name)
        try:
            await asyncio.wait_for(picture.whole.wait(), self._settings.moment_wait_s)
        except TimeoutError:
            raise LinkError(f"the node does not tell of the picture {name}") from None
        return picture

    async def radars(self) -> list[ShownRadar]:
        """The node's radar table. Raises LinkError."""
        if self._radars is None:
            data = await self._asked("radars", b"")
            self._radars = msgspec.msgpack.decode(data, type=list[ShownRadar])
        return self._radars

    async def moment(self, name: str, at_ns: int, known_ns: int | None) -> PictureCopy:
        """A picture of the past. Raises InputError: there is none; LinkError: no answer."""
        wait_s = self._settings.moment_wait_s
        parts = await self._parts(Ask(whole=name, at_ns=at_ns, known_ns=known_ns), wait_s)
        if parts is None:
            raise LinkError("the node does not tell of that moment in time; ask again")
        for part in parts:
            if part.fault:
                raise InputError(f"moment {name}", part.fault, "see the journal's retention")
        picture = PictureCopy(name, self._settings)
        picture.become(parts)
        return picture

    # -- what comes from the node --------------------------------------------------------------

    async def _take(self, message: Msg) -> None:
        change = _CHANGE(message.data)
        picture = self.pictures.get(change.picture)
        if picture is None or (not picture.number and not picture.whole.is_set()):
            return
        if picture.follows(change):
            picture.apply(change)
            self._changed(picture, change)
        elif change.epoch != picture.epoch or change.number > picture.number:
            self._ask_whole(change.picture)

    def _ask_whole(self, name: str) -> None:
        if name not in self._asking:
            self._asking.add(name)
            self._spawn(self._get_whole(name))

    async def _get_whole(self, name: str) -> None:
        try:
            while name in self.pictures:
                parts = await self._parts(Ask(whole=name), _ANSWER_S)
                if parts and name in self.pictures:
                    self.pictures[name].become(parts)
                    self._changed(self.pictures[name], None)
                    return
                await asyncio.sleep(_AGAIN_S)
        finally:
            self._asking.discard(name)

    async def _parts(self, ask: Ask, wait_s: float) -> list[PictureChange] | None:
        """An answer in parts; None: it did not come in time."""
        parts: list[PictureChange] = []
        box = self._connection.new_inbox()
        with contextlib.suppress(nats.errors.Error):
            answers = await self._connection.subscribe(box)
            try:
                await self._connection.publish(f"{self._subject}.ask", _ENCODE(ask), reply=box)
                while not parts or parts[-1].more:
                    message = await answers.next_msg(wait_s)
                    if not message.data:  # nobody listens
                        return None
                    parts.append(_CHANGE(message.data))
                return parts
            except (TimeoutError, nats.errors.Error):
                return None
            finally:
                await answers.unsubscribe()
        return None

    async def _keep_asking(self) -> None:
        """Each second: how is the node; and it hears which pictures somebody looks at."""
        while True:
            now_s = time.monotonic()
            for name in [name for name, until_s in self._until_s.items() if until_s < now_s]:
                del self._until_s[name], self.pictures[name]
            with contextlib.suppress(LinkError):
                data = await self._asked("ask", _ENCODE(Ask(pictures=tuple(self.pictures))))
                self._hear(_STATE(data))
            await asyncio.sleep(max(0.0, now_s + self._settings.asked_s - time.monotonic()))

    def _hear(self, state: DeskState) -> None:
        if self.state is None or state.epoch != self.state.epoch:
            self._radars = None
        self.state, self.heard_s = state, time.monotonic()
        for name, number in state.numbers.items():
            picture = self.pictures.get(name)
            if picture is None or (not picture.number and not picture.whole.is_set()):
                continue
            if picture.epoch != state.epoch or number > picture.number + 1:
                self._ask_whole(name)

    async def _asked(self, what: str, body: bytes) -> bytes:
        try:
            answer = await self._connection.request(
                f"{self._subject}.{what}", body, timeout=_ANSWER_S
            )
        except (nats.errors.Error, TimeoutError):
            raise LinkError("the node does not answer; see whether it runs") from None
        return answer.data

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
