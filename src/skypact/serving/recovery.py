"""A node that comes back: its pictures as they were, and to partners what they did not get.

The newest sound checkpoint, then the journal after it, entry by entry as it was decided then. What
the outboxes may have missed is offered again under its own ids; own plots that were acknowledged
and not released go now.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from skypact.errors import SkypactError
from skypact.model import Arrival, EntryKind
from skypact.record.checkpoints import Checkpoints
from skypact.record.journal import Journal
from skypact.serving.events import KeptSaid
from skypact.serving.folded import Folded
from skypact.serving.kept import KeptPlots, KeptSent
from skypact.serving.releases import ALL, Releases
from skypact.settings import NodeSettings, Settings
from skypact.sharing.outgoing import Sent

S = 1_000_000_000
Log = structlog.typing.FilteringBoundLogger
Again = Callable[[str, KeptSent], Awaitable[None]]
"""Offers a message to a partner's outbox once more."""
Send = Callable[[str, Iterator[Sent], int, int], Awaitable[None]]
"""Sends messages to a partner: after so many own arrivals, and which of the last one's it is."""
_NAMED = 10
"""Entries that do not fit are named one by one up to so many."""


class Recovery:
    """Brings a node back, in two steps: `pictures`, then `release`.

    `clean`: the node was stopped, not killed: all that was to go had gone.
    """

    def __init__(
        self, folded: Folded, journal: Journal, settings: NodeSettings, log: Log, *, clean: bool
    ) -> None:
        self._folded, self._journal, self._settings = folded, journal, settings
        self._log, self._clean = log, clean
        self._sent_after: dict[str, tuple[int, int]] = {}
        self._unsure: list[tuple[str, KeptSent]] = []
        self._again: list[Arrival] = []
        self.unsure_said: list[KeptSaid] = []
        """Own words about events that may not have gone."""
        self.newest_ns = 0
        """The time of the journal's last entry."""

    async def pictures(self, checkpoints: Checkpoints) -> None:
        """Both pictures, partners' chains and statements, as they were."""
        began = time.monotonic()
        for number in checkpoints.drop_after(self._journal.last_number):
            reason = f"the journal ends before it, at {self._journal.last_number}"
            self._log.error("checkpoint dropped", number=number, reason=reason)
        done = take_up_newest(self._folded, checkpoints, self._log)
        async for entry in self._journal.read(max(1, self._journal.last_number)):
            self.newest_ns = entry.time_ns
        from_ns = self.newest_ns - round(self._settings.release_replay_s * S)
        start = done + 1
        async for entry in self._journal.read(from_time_ns=from_ns):
            start = min(start, entry.number)
            break
        again_ns = self.newest_ns - round(self._settings.send_again_s * S)
        folded = misfits = 0
        async for entry in self._journal.read(start):
            if entry.number > done:
                self._folded.beheaded |= done == 0 and folded == 0 and entry.number > 1
                folded += 1
                try:
                    self._folded.fold(entry)
                except SkypactError as error:
                    misfits += 1
                    if misfits <= _NAMED:
                        self._log.error("entry passed over", number=entry.number, reason=str(error))
            if entry.time_ns >= from_ns:
                self._note(entry.kind, entry.about, entry.payload, entry.time_ns >= again_ns)
        self._folded.entry.resume()
        self._log.info(
            "recovered",
            entry=self._journal.last_number,
            digests={n: p.picture.digest() for n, p in self._folded.pictures.items()},
            ids={n: sorted(p.ids.items()) for n, p in self._folded.pictures.items()},
            checkpoint=done,
            entries=folded,
            passed_over=misfits,
            ids_anew=self._folded.beheaded,
            seconds=round(time.monotonic() - began, 3),
        )

    def _note(self, kind: EntryKind, about: str, payload: bytes, lately: bool) -> None:
        """What an entry says about what left, or what was to leave."""
        if kind is EntryKind.SENT_MESSAGE:
            kept = msgspec.msgpack.decode(payload, type=KeptSent)
            self._sent_after[about] = kept.after, kept.part
            if not self._clean and lately:
                self._unsure.append((about, kept))
        elif kind is EntryKind.CONSULTATION:
            if not self._clean and lately:
                self.unsure_said.append(msgspec.msgpack.decode(payload, type=KeptSaid))
        elif kind is EntryKind.PLOTS_ACCEPTED:
            kept_plots = msgspec.msgpack.decode(payload, type=KeptPlots)
            with suppress(SkypactError):  # of a radar that is none any more: named when folded
                self._again.append(kept_plots.arrival(self._folded.numbers))

    def _gone(self, partner: str, number: int) -> int:
        """How many of the messages that an own arrival makes for a partner had gone."""
        after, part = self._sent_after.get(partner, (0, -1))
        if self._clean or number < after or (number == after and part < 0):
            return ALL
        return part + 1 if number == after else 0

    async def release(self, releases: Releases, again: Again, send: Send) -> None:
        """Release pictures as they were, and what had not been sent.

        They are folded from `release_replay_s` before the journal's end on; what leaves them is
        sent if it was made after the last message that the journal knows of.
        """
        began = time.monotonic()
        for partner, kept in self._unsure:  # the outbox may not have got it; doubles are dropped
            if partner in releases.ways:
                await again(partner, kept)
        left, number = 0, self._folded.arrivals - len(self._again)
        for arrival in self._again:
            number += 1
            gone = {name: self._gone(name, number) for name in releases.ways}
            for partner, part, sent in releases.take(arrival, gone):
                left += 1
                await send(partner, iter((sent,)), number, part)
            releases.catch_up()
        if self._clean:  # what was open went when it stopped
            for way in releases.ways.values():
                way.release.ready(no_more=True)
        self._log.info(
            "released again",
            arrivals=len(self._again),
            to_send=left,
            seconds=round(time.monotonic() - began, 3),
        )


def checkpoints_of(store: Path, settings: Settings) -> Checkpoints:
    """The checkpoints in a node's store."""
    journal = settings.journal
    return Checkpoints(
        store / "checkpoints",
        settings.node.kept_checkpoints,
        every_s=3600 * journal.archive_every_h,
        for_s=0 if journal.compaction else 3600 * journal.retention_h,
    )


def take_up_newest(
    folded: Folded, checkpoints: Checkpoints, log: Log, by_number: int | None = None
) -> int:
    """The number of the newest checkpoint that is sound and fits, once `folded` is that; 0: none.

    `by_number`: none later than this one.
    """
    for number in reversed(checkpoints.numbers()):
        if by_number is not None and number > by_number:
            continue
        try:
            folded.take_up(checkpoints.get(number).blob, f"checkpoint {number}")
            return number
        except (SkypactError, msgspec.MsgspecError) as fault:
            log.error("checkpoint not used", reason=str(fault))
    return 0
