"""What a node's journal is folded into: both pictures, the partners' chains, what they stated.

A node that runs, one that comes back, and a replay do the same with each entry: so what a node was
can be told from its journal alone.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from skypact.errors import SkypactError
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    ClockMark,
    EntryKind,
    Heartbeat,
    IdRecord,
    LeaveOutRecord,
    Radar,
    RebuildRecord,
    Verdict,
)
from skypact.model import Entry as JournalEntry
from skypact.serving.kept import KeptMark, KeptMessage, KeptPlots, KeptRecord
from skypact.settings import Settings
from skypact.sharing.chain import Delivery
from skypact.sharing.entry import Accepted, Entry
from skypact.tracking import LivePicture

NATIONAL, SHARED = "national", "shared"
LINK_SOURCE = "link"
"""The source, among a partner's, that counts the messages of its link."""

LOOK_EVERY = 10
"""Clock marks of a journal after which the tracks are looked at: a rewind finds them by where they
were less than 30 s before."""

Record = IdRecord | RebuildRecord | LeaveOutRecord
Told = Callable[[str, Record], None]
"""Is told what a picture decides by itself: which picture, and what."""

RECORDS: dict[EntryKind, type[Record]] = {
    EntryKind.ID_RECORD: IdRecord,
    EntryKind.REBUILD_RECORD: RebuildRecord,
    EntryKind.LEAVE_OUT_RECORD: LeaveOutRecord,
}


class _Saved(msgspec.Struct, array_like=True):
    """What a checkpoint holds."""

    national: bytes
    shared: bytes
    entry: bytes
    arrivals: int
    statements: list[Assessment | AreaWarning]
    stated_by: list[tuple[str, str, int]]


class Folded:
    """A nation's pictures, and what is known of its partners, after so much of the journal.

    `national`: own plots alone; `shared`: also what partners sent. `entry`: what checks them.
    `statements`: what partners last stated: by partner, what it is, and the partner's number of
    it. `arrivals`: own arrivals since the journal began. `beheaded`: the journal's beginning is
    gone and no checkpoint stands for it: tracks are numbered otherwise, and get other ids.
    """

    def __init__(
        self,
        nation: str,
        radars: Sequence[Radar],
        settings: Settings,
        *,
        exercise: bool = False,
        partners: Mapping[str, Sequence[Ed25519PublicKey]] | None = None,
        unsealing_keys: Sequence[X25519PrivateKey] = (),
        told: Told = lambda picture, record: None,
    ) -> None:
        self.radars, self.settings = tuple(radars), settings
        self._of = nation, dict(partners or {}), exercise, tuple(unsealing_keys)
        self._told = told
        self.national, self.shared = self._picture(NATIONAL), self._picture(SHARED)
        self.entry = self._entry(None)
        self.statements: dict[tuple[str, str, int], Assessment | AreaWarning] = {}
        self.arrivals = 0
        self.beheaded = False
        self._marks = 0

    @property
    def pictures(self) -> dict[str, LivePicture]:
        """Both, by name."""
        return {NATIONAL: self.national, SHARED: self.shared}

    def plots(
        self, arrival: Arrival, recorded: tuple[Verdict | None, Verdict | None] = (None, None)
    ) -> tuple[Verdict, Verdict]:
        """Own plots into both pictures; the verdicts of the national and the shared one."""
        return self.national.receive(arrival, recorded[0]), self.shared.receive(
            arrival, recorded[1]
        )

    def mark(
        self, time_ns: int, recorded: tuple[Verdict | None, Verdict | None] = (None, None)
    ) -> tuple[Verdict, Verdict]:
        """A clock mark into both pictures."""
        mark = ClockMark(time_ns=time_ns, received_ns=time_ns)
        return self.national.receive(mark, recorded[0]), self.shared.receive(mark, recorded[1])

    def observe(self, accepted: Accepted, recorded: Verdict | None = None) -> Verdict | None:
        """Let a partner's message shape the shared picture; its verdict, None: it has none."""
        content, header = accepted.content, accepted.header
        if isinstance(content, Heartbeat):
            return None
        if isinstance(content, Assessment | AreaWarning):
            number = content.flight if isinstance(content, Assessment) else content.warning
            key = accepted.partner, type(content).__name__, number
            if content.withdrawn:
                self.statements.pop(key, None)
            else:
                self.statements[key] = content
            content = ()
        if isinstance(content, Arrival):
            arrival = msgspec.structs.replace(content, received_ns=accepted.received_ns)
            return self.shared.receive(arrival, recorded)
        arrival = Arrival(
            nation=accepted.partner,
            radar=LINK_SOURCE,
            epoch=header.epoch,
            sequence=header.sequence,
            received_ns=accepted.received_ns,
            tracklets=content,
        )
        return self.shared.receive(arrival, recorded)

    def fold(self, entry: JournalEntry) -> None:
        """One entry of the journal, as it was decided then.

        Raises SkypactError where it does not fit what was folded before; it is passed over then.
        """
        kind, payload = entry.kind, entry.payload
        if kind in (EntryKind.PLOTS_ACCEPTED, EntryKind.PLOTS_REFUSED):
            kept = msgspec.msgpack.decode(payload, type=KeptPlots)
            self.plots(kept.arrival, (kept.national, kept.shared))
            self.arrivals += kind is EntryKind.PLOTS_ACCEPTED
        elif kind is EntryKind.CLOCK_MARK:
            mark = msgspec.msgpack.decode(payload, type=KeptMark)
            self.mark(mark.time_ns, (mark.national, mark.shared))
            self._marks += 1
            if self._marks % LOOK_EVERY == 0:  # people looked each second, and ids go by it
                self.national.look()
                self.shared.look()
        elif kind is EntryKind.PARTNER_MESSAGE:
            self._message(entry.about, msgspec.msgpack.decode(payload, type=KeptMessage))
        elif kind in RECORDS:
            self._obey(kind, msgspec.msgpack.decode(payload, type=KeptRecord))

    def _message(self, partner: str, kept: KeptMessage) -> None:
        if partner not in self.entry.partners:  # not any more: what it sent then counts
            self.entry.admit(partner, ())
        result = self.entry.recorded(kept.body, partner, Delivery(kept.delivery), kept.received_ns)
        if not isinstance(result, Accepted):
            raise SkypactError(f"a message of {partner} that was accepted: {result.reason}")
        self.observe(result, kept.shared)

    def _obey(self, kind: EntryKind, kept: KeptRecord) -> None:
        """Ids, rebuilds and who is left out, as they were."""
        record = msgspec.msgpack.decode(kept.record, type=RECORDS[kind])
        picture = self.pictures[kept.picture]
        if self.beheaded:
            picture.received = record.after
            if isinstance(record, IdRecord):
                return
        picture.obey(record)

    def saved(self) -> Callable[[], bytes]:
        """All of it as it is now; the function makes bytes of it, in another thread too."""
        national, shared = self.national.saved(), self.shared.saved()
        entry, arrivals, statements = self.entry.save(), self.arrivals, dict(self.statements)

        def to_bytes() -> bytes:
            saved = _Saved(
                national.to_bytes(),
                shared.to_bytes(),
                entry,
                arrivals,
                list(statements.values()),
                list(statements),
            )
            return msgspec.msgpack.encode(saved)

        return to_bytes

    def take_up(self, blob: bytes, place: str) -> None:
        """Be what was saved.

        Raises InputError where that was with other kernels, radars or settings; nothing is changed.
        """
        saved = msgspec.msgpack.decode(blob, type=_Saved)
        national = self._restored(NATIONAL, saved.national, place)
        shared = self._restored(SHARED, saved.shared, place)
        self.national, self.shared, self.arrivals = national, shared, saved.arrivals
        self.entry = self._entry(saved.entry)
        self.statements = dict(zip(saved.stated_by, saved.statements, strict=True))

    def _picture(self, name: str) -> LivePicture:
        of = self.settings
        return LivePicture(self.radars, of.tracking, of.late, self._telling(name))

    def _restored(self, name: str, data: bytes, place: str) -> LivePicture:
        of = self.settings
        return LivePicture.from_bytes(
            data, self.radars, of.tracking, of.late, self._telling(name), f"{place}, {name}"
        )

    def _telling(self, name: str) -> Callable[[Record], None]:
        return lambda record: self._told(name, record)

    def _entry(self, saved: bytes | None) -> Entry:
        nation, partners, exercise, unsealing_keys = self._of
        return Entry(
            nation,
            partners,
            exercise=exercise,
            radars=self.radars,
            unsealing_keys=unsealing_keys,
            settings=self.settings.entry,
            saved=saved,
        )
