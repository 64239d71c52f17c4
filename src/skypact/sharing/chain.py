"""The numbers of what goes to a partner and comes from one, and the chain that each is part of.

Each message names the one before by its SHA-256. Outgoing: one chain per partner, with a new epoch
after an unclean stop. Incoming: the live path needs a new number; the durable path, which brings
everything in order, checks the chain too, and its word counts. What both bring counts once. What is
missing is a gap; what does not fit is an alarm. Both are values.

Everything here follows from what was given and can be saved and restored.
"""

import enum
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from skypact.model import Heartbeat
from skypact.settings import EntrySettings

S = 1_000_000_000


class Delivery(enum.StrEnum):
    """The way that a message came."""

    LIVE = "live"
    DURABLE = "durable"


class OutgoingChain(msgspec.Struct):
    """What was sent to one partner: epoch, newest number, and the digest of that message.

    `beat` counts heartbeats. `save` after `begin` and before each message is sent; what is restored
    then names every number that may have left.
    """

    epoch: int
    sequence: int = 0
    digest: bytes = b""
    beat: int = 0

    @classmethod
    def begin(cls, saved: bytes | None, now_ns: int, *, clean: bool) -> "OutgoingChain":
        """Go on where a clean stop was; else in a new epoch.

        That is the next one or the time in seconds, whichever is greater: it rises even where all
        that was saved is lost, and where the clock was put back.
        """
        before = None if saved is None else msgspec.msgpack.decode(saved, type=cls)
        if before is not None and clean:
            return before
        return cls(epoch=max(now_ns // S, 1, 0 if before is None else before.epoch + 1))

    def took(self, digest: bytes) -> None:
        """The next number is that of a message with this digest."""
        self.sequence += 1
        self.digest = digest

    def save(self) -> bytes:
        """To be given to `begin`."""
        return msgspec.msgpack.encode(self)


class Gap(NamedTuple):
    """Numbers that have not come, `first` to `last` of an epoch.

    `lost`: the durable path has gone past them, so they will not come by themselves.
    """

    epoch: int
    first: int
    last: int
    lost: bool

    def __str__(self) -> str:
        """What is missing, for people."""
        numbers = f"number {self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{numbers} of epoch {self.epoch} {'lost' if self.lost else 'not here yet'}"


class AlarmKind(enum.StrEnum):
    """What does not fit."""

    BROKEN = "broken chain"
    FORKED = "two messages with one number"
    WENT_BACK = "went back"
    UNCONFIRMED = "never came by the durable path"


class Alarm(NamedTuple):
    """Something that a true originator and a whole link do not bring about.

    `without`: numbers of that epoch, first to last, that were accepted by the live path and are not
    in the chain: a picture is to be rebuilt without them.
    """

    kind: AlarmKind
    epoch: int
    sequence: int
    without: tuple[tuple[int, int], ...]
    remedy: str

    @property
    def is_kept(self) -> bool:
        """Whether the journal has to tell of it: something goes out, or waits for the chain."""
        return bool(self.without) or self.kind is AlarmKind.BROKEN

    def takes_out(self, epoch: int, sequence: int) -> bool:
        """Whether the message of that number is to be taken out."""
        return epoch == self.epoch and _holds(self.without, sequence)

    def __str__(self) -> str:
        """What does not fit, for people."""
        accepted = sum(last - first + 1 for first, last in self.without)
        rebuilt = f"; {accepted} accepted by the live path to be taken out" if accepted else ""
        return f"{self.kind} at number {self.sequence} of epoch {self.epoch}{rebuilt}"


class Standing(enum.StrEnum):
    """What a message is by its number and the chain."""

    NEW = "new"
    KNOWN = "known"
    """The other path brought it, or the durable one once more: nothing is wrong."""
    REPEATED = "repeated"
    FORKED = "forked"
    OFF_CHAIN = "off the chain"
    OLD_EPOCH = "old epoch"
    TOO_MANY_GAPS = "too many gaps"


class Judgement(NamedTuple):
    """What a message is, which gaps it showed, and what does not fit."""

    standing: Standing
    gaps: tuple[Gap, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class _Epoch(msgspec.Struct):
    """What came of one epoch.

    `runs`: numbers that counted, as [first, last], ascending and apart. `live`: digests of those
    that only the live path brought. `wanted`: digests of missing ones, as the next one named them.
    `durable`, `digest`: the last on the durable path; `recent`: digests of the last ones there.
    `newest`: the greatest number known to be.
    """

    runs: list[list[int]] = []
    live: dict[int, bytes] = {}
    wanted: dict[int, bytes] = {}
    durable: int = 0
    digest: bytes = b""
    recent: dict[int, bytes] = {}
    newest: int = 0
    beat: int = 0
    broken: bool = False

    def has(self, number: int) -> bool:
        at = bisect_right(self.runs, number, key=_first) - 1
        return at >= 0 and self.runs[at][1] >= number

    def joins(self, number: int) -> bool:
        """Whether it stands beside a number that came, so that there are no more runs with it."""
        return number == 1 or self.has(number - 1) or self.has(number + 1)

    def add(self, number: int) -> None:
        at = bisect_right(self.runs, number, key=_first)
        before = at > 0 and self.runs[at - 1][1] == number - 1
        after = at < len(self.runs) and self.runs[at][0] == number + 1
        if before and after:
            self.runs[at - 1][1] = self.runs.pop(at)[1]
        elif before:
            self.runs[at - 1][1] = number
        elif after:
            self.runs[at][0] = number
        else:
            self.runs.insert(at, [number, number])
        self.newest = max(self.newest, number)

    def take_out_live(self) -> tuple[tuple[int, int], ...]:
        """Count no longer what only the live path brought: the runs of those numbers."""
        out = _runs_of(self.live)
        self.take_out(out)
        return out

    def take_out(self, out: Sequence[tuple[int, int]]) -> None:
        """Count no longer what only the live path brought of these numbers, ascending runs."""
        self.live = {n: one for n, one in self.live.items() if not _holds(out, n)}
        kept = []
        for first, last in self.runs:
            stays = first
            for gone_first, gone_last in out[max(bisect_right(out, first, key=_first) - 1, 0) :]:
                if gone_first > last:
                    break
                if gone_first > stays:
                    kept.append([stays, gone_first - 1])
                stays = max(stays, gone_last + 1)
            if stays <= last:
                kept.append([stays, last])
        self.runs = kept

    def missing(self, epoch: int, first: int, last: int) -> tuple[Gap, ...]:
        """Gaps among the numbers from first to last."""
        gaps, next_one = [], first
        at = max(bisect_right(self.runs, first, key=_first) - 1, 0)
        for run_first, run_last in self.runs[at:]:
            if run_first > last:
                break
            if run_first > next_one:
                gaps.append((next_one, run_first - 1))
            next_one = max(next_one, run_last + 1)
        if next_one <= last:
            gaps.append((next_one, last))
        return tuple(
            Gap(epoch, a, b, lost)
            for start, end in gaps
            for a, b, lost in (
                (start, min(end, self.durable), True),
                (max(start, self.durable + 1), end, False),
            )
            if a <= b
        )


def _first(run: Sequence[int]) -> int:
    return run[0]


def _holds(runs: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether a number is in one of these ascending runs."""
    at = bisect_right(runs, number, key=_first) - 1
    return at >= 0 and runs[at][1] >= number


class _Saved(msgspec.Struct):
    durable_epoch: int
    newest_epoch: int
    epochs: dict[int, _Epoch]


class IncomingChain:
    """What came from one partner, by both paths.

    Bounded: `entry.greatest_gaps` runs of numbers, beyond which the live path opens no new gap (the
    durable path still brings everything), `entry.greatest_unconfirmed` digests of live messages and
    `entry.kept_digests` of durable ones, the oldest forgotten first, and the epochs from that of
    the durable path on, at most 4.
    """

    def __init__(self, settings: EntrySettings, saved: bytes | None = None) -> None:
        self._settings, self._resumed = settings, False
        self._state = (
            _Saved(0, 0, {}) if saved is None else msgspec.msgpack.decode(saved, type=_Saved)
        )

    def resume(self) -> None:
        """It was brought back from what was accepted; go on at whatever the durable path brings.

        What that confirmed of live messages is in no journal. All before the message that it brings
        next had been taken in, or it would bring that.
        """
        self._resumed = True

    def save(self) -> bytes:
        """All there is to know, to be given to a new one; the same bytes for the same past."""
        return msgspec.msgpack.encode(self._state)

    def obey(self, alarm: Alarm) -> None:
        """In a replay: what was found then not to fit, though nothing was accepted with it."""
        state = self._state.epochs.get(alarm.epoch)
        if state is not None:
            state.take_out(alarm.without)
            state.broken |= alarm.kind is AlarmKind.BROKEN

    def is_known(self, epoch: int, sequence: int, digest: bytes) -> bool:
        """Whether the live path brought these very bytes under that number: they were verified."""
        state = self._state.epochs.get(epoch)
        return state is not None and state.live.get(sequence) == digest

    def gaps(self) -> tuple[Gap, ...]:
        """All numbers missing now."""
        return tuple(
            gap
            for epoch, state in self._state.epochs.items()
            for gap in state.missing(epoch, 1, state.newest)
        )

    @property
    def newest(self) -> tuple[int, int]:
        """Newest epoch, and the newest number known to be in it."""
        epoch = self._state.newest_epoch
        return epoch, self._state.epochs[epoch].newest if epoch in self._state.epochs else 0

    @property
    def durable(self) -> tuple[int, int]:
        """Epoch and number of the last message on the durable path."""
        epoch = self._state.durable_epoch
        return epoch, self._state.epochs[epoch].durable if epoch in self._state.epochs else 0

    def receive(
        self, epoch: int, sequence: int, previous: bytes, digest: bytes, delivery: Delivery
    ) -> Judgement:
        """Take note of a message whose signature is good; sequences count from 1."""
        if delivery == Delivery.LIVE:
            return self._live(epoch, sequence, digest)
        return self._durable(epoch, sequence, previous, digest)

    def beat(self, epoch: int, heartbeat: Heartbeat) -> Judgement:
        """Take note of a heartbeat: is it new, and what of the numbers that it names is missing.

        Where its newest message is here, with other content, two have that number.
        """
        state = self._of_live(epoch)
        if state is None:
            return Judgement(Standing.OLD_EPOCH)
        if heartbeat.beat <= state.beat:
            return Judgement(Standing.REPEATED)
        newest = heartbeat.newest
        state.beat, before = heartbeat.beat, state.newest
        state.newest = max(before, newest)
        here = state.digest if newest == state.durable else state.live.get(newest)
        alarms: tuple[Alarm, ...] = ()
        if here is not None and here != heartbeat.digest:
            alarms = (Alarm(AlarmKind.FORKED, epoch, newest, (), _ASK),)
        return Judgement(Standing.NEW, state.missing(epoch, before + 1, newest), alarms)

    def _of_live(self, epoch: int) -> _Epoch | None:
        """The epoch of something live; None where a later one began."""
        if epoch < self._state.newest_epoch:
            return None
        return self._begun(epoch)

    def _begun(self, epoch: int) -> _Epoch:
        epochs = self._state.epochs
        if epoch not in epochs:
            epochs[epoch] = _Epoch()
            while len(epochs) > 4:  # of those that only the live path knows the oldest goes
                del epochs[min(k for k in epochs if k != self._state.durable_epoch)]
        self._state.newest_epoch = max(self._state.newest_epoch, epoch)
        return epochs[epoch]

    def _live(self, epoch: int, sequence: int, digest: bytes) -> Judgement:
        state = self._of_live(epoch)
        if state is None:
            return Judgement(Standing.OLD_EPOCH)
        if state.has(sequence):
            return self._live_again(epoch, state, sequence, digest)
        if state.broken:
            return Judgement(Standing.OFF_CHAIN)
        if not state.joins(sequence) and len(state.runs) >= self._settings.greatest_gaps:
            return Judgement(Standing.TOO_MANY_GAPS)
        before = state.newest
        state.add(sequence)
        state.live[sequence] = digest
        if len(state.live) > self._settings.greatest_unconfirmed:
            del state.live[next(iter(state.live))]
        return Judgement(Standing.NEW, state.missing(epoch, before + 1, sequence))

    def _live_again(self, epoch: int, state: _Epoch, sequence: int, digest: bytes) -> Judgement:
        live, durable = state.live.get(sequence), state.recent.get(sequence)
        if live == digest:
            return Judgement(Standing.REPEATED)
        if live is None and durable in (None, digest):
            return Judgement(Standing.KNOWN)
        alarm = Alarm(AlarmKind.FORKED, epoch, sequence, (), _ASK)
        return Judgement(Standing.FORKED, alarms=(alarm,))

    def _durable(self, epoch: int, sequence: int, previous: bytes, digest: bytes) -> Judgement:
        if epoch < self._state.durable_epoch:
            alarm = Alarm(AlarmKind.WENT_BACK, epoch, sequence, (), _NEW_EPOCH)
            return Judgement(Standing.OLD_EPOCH, alarms=(alarm,))
        gaps, alarms = self._turn_to(epoch)
        state = self._begun(epoch)
        if sequence <= state.durable:
            return self._behind(epoch, state, sequence, digest, gaps, alarms)
        follows = sequence == state.durable + 1
        fits = previous == (state.digest if follows else state.live.get(sequence - 1, previous))
        # After a restart the journal has of the message before perhaps the live copy alone.
        if state.broken and not (fits and (follows or sequence - 1 in state.live)):
            return Judgement(Standing.OFF_CHAIN, gaps, alarms)
        if not fits:
            state.broken = True
            alarm = Alarm(AlarmKind.BROKEN, epoch, sequence, state.take_out_live(), _NEW_EPOCH)
            return Judgement(Standing.OFF_CHAIN, gaps, (*alarms, alarm))
        state.broken = False
        if self._resumed:
            self._resumed = False
            state.live = {n: known for n, known in state.live.items() if n >= sequence}
        first_missing = state.durable + 1
        if not follows and not state.has(sequence - 1):
            state.wanted[sequence - 1] = previous
            if len(state.wanted) > self._settings.greatest_gaps:
                del state.wanted[next(iter(state.wanted))]
        standing, forked = self._placed(epoch, state, sequence, digest)
        state.durable, state.digest = sequence, digest
        self._remember(state, sequence, digest)
        gaps += state.missing(epoch, first_missing, sequence - 1)
        return Judgement(standing, gaps, alarms + forked)

    def _turn_to(self, epoch: int) -> tuple[tuple[Gap, ...], tuple[Alarm, ...]]:
        """The durable path begins an epoch: what it left behind of those before, and forget them.

        What the live path brought of them and the durable path did not is in no chain.
        """
        if epoch == self._state.durable_epoch:
            return (), ()
        gaps: tuple[Gap, ...] = ()
        alarms = []
        for old in sorted(k for k in self._state.epochs if k < epoch):
            state = self._state.epochs.pop(old)
            missing = state.missing(old, state.durable + 1, state.newest)
            gaps += tuple(gap._replace(lost=True) for gap in missing)
            if state.live and not self._resumed:
                alarms.append(
                    Alarm(
                        AlarmKind.UNCONFIRMED, old, state.newest, _runs_of(state.live), _NEW_EPOCH
                    )
                )
        self._state.durable_epoch = epoch
        return gaps, tuple(alarms)

    def _behind(
        self,
        epoch: int,
        state: _Epoch,
        sequence: int,
        digest: bytes,
        gaps: tuple[Gap, ...],
        alarms: tuple[Alarm, ...],
    ) -> Judgement:
        """The durable path brings a number that it has gone past: again, or out of order.

        With other content the originator's store went back in time and counts again from there:
        to pass that over would be to miss what it says without a sign.
        """
        known = state.recent.get(sequence)
        if known == digest:
            return Judgement(Standing.KNOWN, gaps, alarms)
        if known is not None or (sequence <= state.durable - self._settings.kept_digests):
            kind = AlarmKind.WENT_BACK if known is None else AlarmKind.FORKED
            standing = Standing.REPEATED if known is None else Standing.FORKED
            alarm = Alarm(kind, epoch, sequence, (), _NEW_EPOCH)
            return Judgement(standing, gaps, (*alarms, alarm))
        if state.wanted.get(sequence, digest) != digest:
            alarm = Alarm(AlarmKind.BROKEN, epoch, sequence, (), _ASK)
            return Judgement(Standing.OFF_CHAIN, gaps, (*alarms, alarm))
        standing, forked = self._placed(epoch, state, sequence, digest)
        self._remember(state, sequence, digest)
        return Judgement(standing, gaps, alarms + forked)

    def _remember(self, state: _Epoch, sequence: int, digest: bytes) -> None:
        state.recent[sequence] = digest
        if len(state.recent) > self._settings.kept_digests:
            del state.recent[next(iter(state.recent))]

    def _placed(
        self, epoch: int, state: _Epoch, sequence: int, digest: bytes
    ) -> tuple[Standing, tuple[Alarm, ...]]:
        """Count a number of the durable path, unless the live path has; the durable one's counts.

        Where the live path brought another message of that number, that one is to be taken out.
        """
        state.wanted.pop(sequence, None)
        known = state.live.pop(sequence, None)
        if state.has(sequence):
            if known is None or known == digest:
                return Standing.KNOWN, ()
            own = ((sequence, sequence),)
            return Standing.NEW, (Alarm(AlarmKind.FORKED, epoch, sequence, own, _ASK),)
        state.add(sequence)
        return Standing.NEW, ()


def _runs_of(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Numbers as runs, first to last."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return tuple((first, last) for first, last in runs)


_ASK = "ask the partner which is its own, and whether its key is still its own alone"
_NEW_EPOCH = "have the partner begin a new epoch: its store may have gone back in time"
