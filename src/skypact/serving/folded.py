"""What a node's journal is folded into: both pictures, the partners' chains, what they stated.

A node that runs, one that comes back, and a replay do the same with each entry: so what a node was
can be told from its journal alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from skypact.errors import SkypactError
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    ClockMark,
    Consultation,
    EntryKind,
    Heartbeat,
    IdRecord,
    LaunchEntry,
    LeaveOutRecord,
    Radar,
    RebuildRecord,
    TakeOutRecord,
)
from skypact.model import Entry as JournalEntry
from skypact.serving.events import Events, KeptSaid, KeptWord
from skypact.serving.heard import Heard, HeardOne
from skypact.serving.kept import (
    KeptAlarm,
    KeptMark,
    KeptMessage,
    KeptPlots,
    KeptRecord,
    Verdicts,
    numbers_of,
)
from skypact.serving.pictures import (
    NATIONAL,
    OF_USE,
    SHARED,
    WITH_PARTNERS,
    Pictures,
    Told,
    names_of,
)
from skypact.serving.stated import Key, Stated, StatedOne, Statement
from skypact.serving.warned import Warned, WarnedState
from skypact.serving.warner import KeptWarnings
from skypact.settings import Settings
from skypact.sharing.chain import Alarm, Delivery
from skypact.sharing.entry import Accepted, Entry
from skypact.tracking import LivePicture
from skypact.tracking.live_picture import Record

LINK_SOURCE = "link"
"""The source, among a partner's, that counts the messages of its link."""

LOOK_EVERY = 10
"""Clock marks of a journal after which the tracks are looked at: a rewind finds them by where they
were less than 30 s before."""

RECORDS: dict[EntryKind, type[Record]] = {
    EntryKind.ID_RECORD: IdRecord,
    EntryKind.REBUILD_RECORD: RebuildRecord,
    EntryKind.LEAVE_OUT_RECORD: LeaveOutRecord,
    EntryKind.TAKE_OUT_RECORD: TakeOutRecord,
}


class _Saved(msgspec.Struct, array_like=True):
    """What a checkpoint holds."""

    pictures: dict[str, bytes]
    entry: bytes
    arrivals: int
    stated: list[tuple[Key, list[StatedOne]]]
    heard: list[tuple[str, list[HeardOne]]]
    words: list[KeptWord] = []
    warned: WarnedState | None = None


class Folded:
    """A nation's pictures, and what is known of its partners, after so much of the journal.

    `pictures`: the national one, and one for each use that partners grant. `entry`: what checks
    what they send. `events`: what all nations say about events. `warned`: what the public was told.
    `arrivals`: own arrivals since the journal began. `beheaded`: the journal's beginning is
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
        self.numbers = numbers_of(self.radars)
        self._of = nation, dict(partners or {}), exercise, tuple(unsealing_keys)
        self.pictures = Pictures(self.radars, settings, told)
        self._heard = Heard()
        self.entry = self._entry(None)
        self._stated = Stated(settings.entry)
        self.events = self._events()
        self.warned = Warned()
        self.arrivals = 0
        self.beheaded = False
        self._marks = 0

    @property
    def nation(self) -> str:
        """Whose pictures they are."""
        return self._of[0]

    @property
    def national(self) -> LivePicture:
        """Own plots alone."""
        return self.pictures[NATIONAL]

    @property
    def shared(self) -> LivePicture:
        """Own plots, and what partners granted for the nation's own eyes."""
        return self.pictures[SHARED]

    @property
    def statements(self) -> dict[Key, Statement]:
        """What partners last stated and holds."""
        return self._stated.now()

    @property
    def stated_last(self) -> dict[Key, Statement]:
        """What partners said last of each flight, though they took it back when it ended."""
        return self._stated.last()

    def plots(self, arrival: Arrival, recorded: Verdicts = ()) -> Verdicts:
        """Own plots into all pictures."""
        return self.pictures.receive(arrival, recorded)

    def mark(self, time_ns: int, recorded: Verdicts = ()) -> Verdicts:
        """A clock mark into all pictures."""
        self._stated.pass_time(time_ns)
        self.events.pass_time(time_ns)
        self.warned.pass_time(time_ns)
        return self.pictures.receive(ClockMark(time_ns=time_ns, received_ns=time_ns), recorded)

    def observe(self, accepted: Accepted, recorded: Verdicts = ()) -> Verdicts:
        """Let a partner's message shape the pictures of the uses that it is granted for."""
        content, partner = accepted.content, accepted.partner
        if isinstance(content, Heartbeat):
            return ()
        if isinstance(content, Assessment | AreaWarning):
            if partner not in self.left_out:
                self._stated.note(accepted, content)
            return ()
        if isinstance(content, Consultation):
            if partner not in self.left_out:
                self.events.hear(accepted, content)
            return ()
        arrival = (
            content
            if isinstance(content, Arrival)
            else Arrival(
                nation=partner,
                radar=LINK_SOURCE,
                epoch=0,
                sequence=1,
                received_ns=accepted.received_ns,
                tracklets=content,
            )
        )
        given = {
            OF_USE[use]: msgspec.structs.replace(
                arrival, epoch=epoch, sequence=number, received_ns=accepted.received_ns
            )
            for use, (epoch, number) in zip(accepted.use, accepted.counted, strict=True)
        }
        verdicts = self.pictures.receive_each(given, recorded)
        self._heard.note(accepted, verdicts, self.entry)
        return verdicts

    @property
    def left_out(self) -> frozenset[str]:
        """Partners that are left out."""
        return self.shared.left_out

    def leave_out(self, partner: str) -> None:
        """From now on the pictures are as though a partner had never sent.

        Raises SkypactError where it is left out already.
        """
        self.pictures.apply(WITH_PARTNERS, lambda live: _ignored(live.leave_out(partner)))
        self._stated.forget(partner)
        self.events.forget(partner)

    def take_back(self, partner: str) -> None:
        """Take again what a partner sends, from now on.

        Raises SkypactError where it is not left out, or the rebuild without it is not done.
        """
        self.pictures.apply(WITH_PARTNERS, lambda live: _ignored(live.take_back(partner)))

    def take_out(self, partner: str, alarm: Alarm) -> int:
        """Take out what the live path brought and is in no chain; how many arrivals that were."""
        self._stated.take_out(partner, alarm)
        self.events.take_out(partner, alarm)
        contents = self._heard.without(partner, alarm)
        if contents:
            self.pictures.apply(
                WITH_PARTNERS, lambda live: _ignored(live.take_out(partner, contents))
            )
        return len(contents)

    def fold(self, entry: JournalEntry) -> None:
        """One entry of the journal, as it was decided then.

        Raises SkypactError where it does not fit what was folded before; it is passed over then.
        """
        kind, payload = entry.kind, entry.payload
        if kind in (EntryKind.PLOTS_ACCEPTED, EntryKind.PLOTS_REFUSED):
            kept = msgspec.msgpack.decode(payload, type=KeptPlots)
            self.plots(kept.arrival(self.numbers), kept.decided.each)
            self.arrivals += kind is EntryKind.PLOTS_ACCEPTED
        elif kind is EntryKind.CLOCK_MARK:
            mark = msgspec.msgpack.decode(payload, type=KeptMark)
            self.mark(mark.time_ns, mark.decided.each)
            self._marks += 1
            if self._marks % LOOK_EVERY == 0:  # people looked each second, and ids go by it
                for live in self.pictures.each():
                    live.look()
        elif kind is EntryKind.PARTNER_MESSAGE:
            self._message(entry.about, msgspec.msgpack.decode(payload, type=KeptMessage))
        elif kind is EntryKind.CHAIN_ALARM:
            self._alarmed(entry.about, msgspec.msgpack.decode(payload, type=KeptAlarm).alarm)
        elif kind is EntryKind.CONSULTATION:
            self.events.say(msgspec.msgpack.decode(payload, type=KeptSaid))
        elif kind is EntryKind.WARNING:
            self.warned.note(msgspec.msgpack.decode(payload, type=KeptWarnings))
        elif kind is EntryKind.FLIGHT_ENDED:
            self.warned.ended(msgspec.msgpack.decode(payload, type=LaunchEntry))
        elif kind in RECORDS:
            self._obey(kind, msgspec.msgpack.decode(payload, type=KeptRecord))

    def _message(self, partner: str, kept: KeptMessage) -> None:
        if partner not in self.entry.partners:  # not any more: what it sent then counts
            self.entry.admit(partner, ())
        result = self.entry.recorded(kept.body, partner, Delivery(kept.delivery), kept.received_ns)
        if not isinstance(result, Accepted):
            raise SkypactError(f"a message of {partner} that was accepted: {result.reason}")
        self.observe(result, kept.decided.each)

    def _alarmed(self, partner: str, alarm: Alarm) -> None:
        """What did not fit then; what went out of the pictures for it has records of its own."""
        if partner in self.entry.partners:
            self.entry.chain(partner).obey(alarm)
            self._stated.take_out(partner, alarm)
            self.events.take_out(partner, alarm)
            self._heard.without(partner, alarm)

    def _obey(self, kind: EntryKind, kept: KeptRecord) -> None:
        """Ids, rebuilds and who is left out, as they were."""
        record = msgspec.msgpack.decode(kept.record, type=RECORDS[kind])

        def obey(live: LivePicture) -> None:
            if self.beheaded:
                live.received = record.after
                if isinstance(record, IdRecord):
                    return
            live.obey(record)

        self.pictures.apply(names_of(kept.picture), obey)
        if isinstance(record, LeaveOutRecord) and record.left_out:
            self._stated.forget(record.nation)
            self.events.forget(record.nation)

    def saved(self) -> Callable[[], bytes]:
        """All of it as it is now; the function makes bytes of it, in another thread too."""
        pictures, heard = self.pictures.saved(), self._heard.state()
        entry, arrivals, stated = self.entry.save(), self.arrivals, self._stated.state()
        words, warned = self.events.state(), self.warned.state()

        def to_bytes() -> bytes:
            saved = _Saved(pictures(), entry, arrivals, stated, heard, words, warned)
            return msgspec.msgpack.encode(saved)

        return to_bytes

    def take_up(self, blob: bytes, place: str) -> None:
        """Be what was saved.

        Raises InputError where that was with other kernels, radars or settings; nothing is changed.
        """
        saved = msgspec.msgpack.decode(blob, type=_Saved)
        self.pictures.take_up(saved.pictures, place)
        self.arrivals = saved.arrivals
        self.entry = self._entry(saved.entry)
        self._stated = Stated(self.settings.entry, saved.stated)
        self._heard = Heard(saved.heard)
        self.events = self._events(saved.words)
        self.warned = Warned(saved.warned)

    def _events(self, words: Iterable[KeptWord] = ()) -> Events:
        return Events(self.nation, self.settings.consultation, exercise=self._of[2], state=words)

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


def _ignored(record: object) -> None:
    """The record is told as well, and kept there."""
