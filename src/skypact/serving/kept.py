"""What a node writes into its journal, and how it reads it again."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from skypact.errors import SkypactError
from skypact.model import Arrival, Entry, EntryKind, Plots, Radar, Verdict
from skypact.sharing.chain import Alarm, AlarmKind

_KINDS = ("<i8", "<i4", "<f8", "<f8", "<f8", "<f8", "<f8", "<i8")
"""Of the columns of `Plots`."""


RadarNumbers = Mapping[tuple[str, str], int]
"""By nation and id, the numbers of a radar table."""
Verdicts = tuple[Verdict | None, ...]
"""What each picture decided, in the order of `pictures.NAMES`; None: it was not given to it."""


class OpenJournal(Protocol):
    """A journal as a stage after it uses it: its writer's own, or one that another process writes.

    As `record.journal.Journal` has them.
    """

    @property
    def last_number(self) -> int:
        """Of the last entry that counts."""
        ...

    async def append(self, kind: EntryKind, about: str, time_ns: int, payload: bytes) -> int:
        """The entry's number, once it is on disk."""
        ...

    def read(
        self, from_number: int = 1, *, from_time_ns: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries from a number on, or from a time on."""
        ...


def numbers_of(radars: Sequence[Radar]) -> RadarNumbers:
    """The numbers of a radar table: others than when an entry was written, where it was changed."""
    return {(radar.nation, radar.id): at for at, radar in enumerate(radars)}


class KeptVerdicts(msgspec.Struct, array_like=True, frozen=True):
    """What the pictures decided: `which` of `verdicts` is each one's; -1: none."""

    which: tuple[int, ...]
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, each: Verdicts) -> "KeptVerdicts":
        """Most decide alike: what is alike is written once."""
        different = list(dict.fromkeys(verdict for verdict in each if verdict is not None))
        which = tuple(-1 if one is None else different.index(one) for one in each)
        return cls(which, tuple(different))

    @property
    def each(self) -> Verdicts:
        """As they were given."""
        return tuple(None if at < 0 else self.verdicts[at] for at in self.which)


class KeptPlots(msgspec.Struct, array_like=True, frozen=True):
    """An arrival of own plots, and what each picture decided about it."""

    nation: str
    radar: str
    epoch: int
    sequence: int
    received_ns: int
    columns: tuple[bytes, ...]
    decided: KeptVerdicts

    @classmethod
    def of(cls, arrival: Arrival, verdicts: Verdicts) -> "KeptPlots":
        """What is written of it."""
        columns = tuple(
            np.ascontiguousarray(column, kind).tobytes()
            for column, kind in zip(arrival.plots, _KINDS, strict=True)
        )
        return cls(
            arrival.nation,
            arrival.radar,
            arrival.epoch,
            arrival.sequence,
            arrival.received_ns,
            columns,
            KeptVerdicts.of(verdicts),
        )

    def arrival(self, numbers: RadarNumbers) -> Arrival:
        """As it came; its radar has the number that it has in the present radar table.

        Raises SkypactError where that table has no such radar.
        """
        number = numbers.get((self.nation, self.radar))
        if number is None:
            raise SkypactError(
                f"plots of {self.nation}'s radar {self.radar}, which the radar table has no more; "
                "enter it again, or do without them"
            )
        plots = Plots._make(
            np.frombuffer(column, kind).astype(kind[1:])
            for column, kind in zip(self.columns, _KINDS, strict=True)
        )
        return Arrival(
            nation=self.nation,
            radar=self.radar,
            epoch=self.epoch,
            sequence=self.sequence,
            received_ns=self.received_ns,
            plots=plots._replace(radar=np.full_like(plots.radar, number)),
        )


class KeptMark(msgspec.Struct, array_like=True, frozen=True):
    """A clock mark, and what each picture decided about it."""

    time_ns: int
    decided: KeptVerdicts


class KeptMessage(msgspec.Struct, array_like=True, frozen=True):
    """A partner's message that was accepted, and what each picture decided about it.

    `body`: the bytes that were signed.
    """

    delivery: str
    received_ns: int
    body: bytes
    decided: KeptVerdicts


class KeptAlarm(msgspec.Struct, array_like=True, frozen=True):
    """What did not fit in a partner's chain, as `sharing.chain.Alarm` has it."""

    kind: str
    epoch: int
    sequence: int
    without: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, alarm: Alarm) -> "KeptAlarm":
        """What is written of it."""
        return cls(str(alarm.kind), alarm.epoch, alarm.sequence, alarm.without)

    @property
    def alarm(self) -> Alarm:
        """As it was, without the remedy."""
        return Alarm(AlarmKind(self.kind), self.epoch, self.sequence, self.without, "")


class KeptSent(msgspec.Struct, array_like=True, frozen=True):
    """A message to a partner. `after`: arrivals of own plots that it was made after.

    `part`: which it is, from 0, of those that were made from the last of these; −1: it was not made
    from it, and all of these had gone.
    """

    message_id: str
    data: bytes
    after: int
    part: int = -1


class KeptRecord(msgspec.Struct, array_like=True, frozen=True):
    """What a live picture told to be kept: `picture` names all that it is, `record` is encoded."""

    picture: str
    record: bytes


def encoded(entry: msgspec.Struct) -> bytes:
    """An entry's payload."""
    return msgspec.msgpack.encode(entry)
