"""A nation's pictures in another process than its node's: the journal, folded as it is written.

Pictures are folds of the journal. So a process that begins at a checkpoint, folds what came after
it and goes on with each entry as the node writes it has the node's pictures, bit for bit, and a
stage that comes after the journal runs on them as it does in the node.
"""

from collections.abc import AsyncIterator, Callable

import structlog

from skypact.errors import JournalError, SkypactError
from skypact.model import Entry, EntryKind
from skypact.record.checkpoints import Checkpoints
from skypact.record.journal import Journal
from skypact.serving.folded import Folded
from skypact.serving.its_node import ItsNode
from skypact.serving.recovery import take_up_newest
from skypact.serving.warner import Taken, taken_of
from skypact.sharing.tasks import Turns

_SLICE_S = 0.05
"""After which others in the process have a turn."""


class Following:
    """`begin`, which brings `folded` to the journal's present end; then `run`, for ever.

    `number`: of the entry that it was folded up to.
    """

    def __init__(self, folded: Folded, journal: Journal) -> None:
        self.folded, self._journal = folded, journal
        self._log = structlog.get_logger().bind(node=folded.nation)
        self._turns = Turns(_SLICE_S)
        self.number = self.passed_over = 0

    async def begin(self, checkpoints: Checkpoints) -> None:
        """Be where the node is. Raises JournalError, as `run`: entries that it needs are gone."""
        self.number = take_up_newest(self.folded, checkpoints, self._log)
        self._turns.begin()
        async for entry in self._journal.read(self.number + 1):
            await self._fold(entry)
        self._log.info(
            "following",
            entry=self.number,
            digests={n: p.picture.digest() for n, p in self.folded.pictures.items()},
            ids={n: sorted(p.ids.items()) for n, p in self.folded.pictures.items()},
            passed_over=self.passed_over,
        )

    async def run(self, told: Callable[[], None] = lambda: None) -> None:
        """Fold each entry as it comes; `told` after each."""
        async for entry in self._journal.follow(self.number + 1):
            await self._fold(entry)
            told()

    async def _fold(self, entry: Entry) -> None:
        if entry.number != self.number + 1:
            raise JournalError(
                "journal",
                f"after entry {self.number:,} comes {entry.number:,}",
                "start this process anew where it sees the checkpoints in the node's store",
            )
        try:
            self.folded.fold(entry)
        except SkypactError as error:
            self.passed_over += 1
            self._log.error("entry passed over", number=entry.number, reason=str(error))
        self.number = entry.number
        await self._turns.pass_on()

    def taken(self, picture: str) -> Taken:
        """A picture's tracks, under the ids that the node gave; none that it gave none yet."""
        live = self.folded.pictures[picture]
        given = set(live.ids.values())
        tracks = tuple(track for track in live.shown() if track.id in given)
        return taken_of(live, tracks, live.picture.time_ns or 0)


class FollowedJournal:
    """A node's journal as a stage in another process has it: read there, written by the node."""

    def __init__(self, journal: Journal, following: Following, node: ItsNode) -> None:
        self._journal, self._following, self._node = journal, following, node

    @property
    def last_number(self) -> int:
        """Of the last entry that was folded."""
        return self._following.number

    async def append(self, kind: EntryKind, about: str, time_ns: int, payload: bytes) -> int:
        """The entry's number, once the node has it on disk. Raises JournalError."""
        return await self._node.append(kind, about, time_ns, payload)

    def read(
        self, from_number: int = 1, *, from_time_ns: int | None = None
    ) -> AsyncIterator[Entry]:
        """As `Journal.read`."""
        return self._journal.read(from_number, from_time_ns=from_time_ns)
