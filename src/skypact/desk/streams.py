"""Server-sent events: each is encoded once and goes to all who look at the same picture."""

import asyncio
from collections import deque
from typing import Any

import msgspec

from skypact.settings import DeskSettings

_ENCODE = msgspec.json.Encoder().encode
_MIB = 1 << 20


def encoded(event: str, number: str, document: Any) -> bytes:
    """One event as it goes over the wire."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        number.encode(),
        event.encode(),
        _ENCODE(document),
    )


class Viewer:
    """One who follows a stream. `lost`: too far behind, to begin with a snapshot again."""

    def __init__(self, most: int) -> None:
        self._waiting: deque[bytes] = deque()
        self._most, self._some = most, asyncio.Event()
        self.lost = False

    def give(self, event: bytes) -> None:
        """An event that comes next."""
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            self.lost = True
        if not self.lost:
            self._waiting.append(event)
        self._some.set()

    def forget(self) -> None:
        """Begin anew: all until now is told otherwise."""
        self._waiting.clear()
        self._some.clear()
        self.lost = False

    async def next(self, wait_s: float) -> bytes:
        """All that waits; empty: nothing came in time."""
        if not self._waiting and not self.lost:
            try:
                await asyncio.wait_for(self._some.wait(), wait_s)
            except TimeoutError:
                return b""
        self._some.clear()
        body = b"".join(self._waiting)
        self._waiting.clear()
        return body


class Stream:
    """The events of one picture since the desk began, as far as they are kept."""

    def __init__(self, name: str, begun: str, settings: DeskSettings) -> None:
        self._head, self._settings = f"{begun}.{name}.", settings
        self._kept: deque[tuple[int, bytes]] = deque()
        self._octets = self._number = 0
        self.viewers: set[Viewer] = set()

    @property
    def last_id(self) -> str:
        """Of the newest event."""
        return f"{self._head}{self._number}"

    def tell(self, event: str, document: Any) -> None:
        """To all viewers, now."""
        self._number += 1
        body = encoded(event, self.last_id, document)
        self._kept.append((self._number, body))
        self._octets += len(body)
        most = round(self._settings.kept_events_mib * _MIB)
        while len(self._kept) > self._settings.kept_events or self._octets > most:
            self._octets -= len(self._kept.popleft()[1])
        for viewer in self.viewers:
            viewer.give(body)

    def since(self, last_id: str) -> list[bytes] | None:
        """What came after an event; None: that cannot be told."""
        number = last_id.removeprefix(self._head)
        if number == last_id or not number.isascii() or not number.isdecimal():
            return None
        after = int(number)
        if after == self._number:
            return []
        if after > self._number or not self._kept or self._kept[0][0] > after + 1:
            return None
        return [body for n, body in self._kept if n > after]

    def join(self) -> Viewer:
        """Somebody who follows from now on."""
        viewer = Viewer(self._settings.waiting_events)
        self.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Who does no more."""
        self.viewers.discard(viewer)
