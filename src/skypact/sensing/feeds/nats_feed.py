"""Plots by NATS: `feed.<radar>` in the nation's own account, each answered once it is journalled.

The server lets each feed publish on its own radars' subjects only. MessagePack unless the header
`Content-Type` says JSON or the payload begins as JSON does.
"""

import asyncio
import contextlib

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from skypact.sensing.feeds.intake import Answer, Intake
from skypact.sensing.feeds.table import SUBJECT, Feed, feed_of, radar_of

_ENCODE = msgspec.json.Encoder().encode


class NatsFeed:
    """Listens on `feed.*` of a connection, which stays open when this stops.

    In an exercise on `exercise.feed.*`.
    """

    def __init__(
        self,
        connection: Client,
        feeds: tuple[Feed, ...],
        intake: Intake,
        *,
        exercise: bool = False,
    ) -> None:
        self._subject = f"exercise.{SUBJECT}" if exercise else SUBJECT
        self._connection, self._feeds, self._intake = connection, feeds, intake
        self._subscription: Subscription | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen from now on."""
        settings = self._intake.settings
        self._subscription = await self._connection.subscribe(
            f"{self._subject}.*",
            cb=self._came,
            pending_msgs_limit=4 * settings.greatest_waiting,
            pending_bytes_limit=64 * settings.greatest_message_bytes,
        )
        # Until the server knows, senders would be told that nobody listens. The library's PING may
        # go before what it was to confirm, so the second is sure to come after it.
        await self._connection.flush()
        await self._connection.flush()

    async def stop(self) -> None:
        """Take nothing more, and end what is being taken."""
        if self._subscription is not None:
            with contextlib.suppress(Exception):
                await self._subscription.unsubscribe()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _came(self, message: Msg) -> None:
        """Begin with each message in the order in which they came; do not wait for the journal."""
        if len(self._tasks) >= self._intake.settings.greatest_waiting:
            reason = "too much waits to be taken"
            answer = self._intake.not_taken("nats", 503, reason, "send it again", 1.0)
            await _tell(message, answer)
            return
        task = asyncio.create_task(self._take(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Lets the task begin, so that the next message begins after it.
        await asyncio.sleep(0)

    async def _take(self, message: Msg) -> None:
        radar_id = radar_of(message.subject.removeprefix(f"{self._subject}."))
        feed = feed_of(self._feeds, radar_id)
        if feed is None:
            reason = f'no feed may send radar "{radar_id}"'
            answer = self._intake.not_taken("nats", 403, reason, "add it to a feed in feeds.toml")
        else:
            packed = not _is_json(message)
            answer = await self._intake.message(feed.name, radar_id, message.data, packed=packed)
        await _tell(message, answer)


async def _tell(message: Msg, answer: Answer) -> None:
    """Answer, if an answer was asked for; who no longer listens is not told."""
    if message.reply:
        with contextlib.suppress(Exception):
            await message.respond(_ENCODE(answer))


def _is_json(message: Msg) -> bool:
    kind = (message.headers or {}).get("Content-Type", "")
    # No MessagePack message that holds rows begins with these: they would be whole numbers.
    return "json" in kind or message.data[:1] in (b"{", b"[", b" ", b"\n", b"\r", b"\t")
