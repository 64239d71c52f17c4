"""A live picture: arrivals in any order, and the picture that timely arrival would have given."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import numpy as np

from skypact.errors import SkypactError
from skypact.model import (
    Arrival,
    ClockMark,
    IdRecord,
    LeaveOutRecord,
    Outcome,
    Radar,
    RebuildRecord,
    TakeOutRecord,
    Track,
    Verdict,
)
from skypact.model.newest import of_newest
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking.judge import Judge, JudgeState, Present, content_of, times_of, used
from skypact.tracking.kept import (
    KINDS,
    PLOTS,
    TRACKLETS,
    Rows,
    kind_of,
    of_contents,
    plot_rows,
    tracklet_rows,
)
from skypact.tracking.lateness import Lateness
from skypact.tracking.packed import conditions_of, pack, unpack
from skypact.tracking.partners import Faults
from skypact.tracking.picture import Picture
from skypact.tracking.rewind import RewindablePicture, RewindState
from skypact.tracking.visible_ids import VisibleIds, VisibleIdsState

S = 1_000_000_000
_WHAT = "live picture"
_NAMED_AGAIN_S = 10.0
"""Where no track is new: what is known of those named, should a rewind number them anew."""

Record = IdRecord | RebuildRecord | LeaveOutRecord | TakeOutRecord
"""What a live picture decides by itself or is told to do, for the journal."""


class RebuildState(NamedTuple):
    """All that a `Rebuild` is. `newest_ns`: by source; `inbox`: rows, or a mark."""

    picture: RewindState
    inbox: tuple[tuple[Rows | None, int], ...]
    newest_ns: dict[int, int]
    opened_ns: int
    last_ns: int
    gathering: bool
    content: tuple[bytes, ...]
    rows: tuple[int, int]


class _Waiting(NamedTuple):
    """What came too late for a rebuild under way: whose, its rows, when, and by when it is kept."""

    nation: str
    source: int
    rows: tuple[Rows, ...]
    received_ns: int
    needed_ns: int


class LiveState(NamedTuple):
    """All that a `LivePicture` is."""

    judge: JudgeState
    present: RewindState
    rebuild: RebuildState | None
    waiting: dict[bytes, _Waiting]
    leaving: tuple[str, ...]
    going: tuple[bytes, ...]
    gone: tuple[bytes, ...]
    ids: VisibleIdsState
    next_upkeep_ns: int
    clock_ns: int
    received: int
    rebuilds: int
    counts: dict[str, int]
    counts_by_source: tuple[tuple[str, str, str, int], ...]
    tracklets_refused: tuple[tuple[str, str, int], ...]


class SavedLive(NamedTuple):
    """A live picture at one moment, to be written down; `to_bytes` may run in another thread."""

    conditions: dict[str, bytes]
    state: LiveState

    def to_bytes(self) -> bytes:
        """As `LivePicture.from_bytes` takes it."""
        return pack(_WHAT, self.conditions, self.state)


class Rebuild:
    """A picture folded beside the present one, whose place it takes once it is done.

    Either with what sources sent that catch up after a cut: it gathers while they send, and folds
    behind the one that is furthest back; once they have caught up, or have sent for long enough, it
    folds to the end. Or without nations that are left out. `step` may be called in slices of any
    size and from another thread; the result is the same.
    """

    def __init__(self, picture: RewindablePicture, received_ns: int, gathering: bool) -> None:
        self._picture = picture
        self._inbox: deque[Rows | int] = deque()
        self._lock = threading.Lock()
        self._folded = self._over = False
        self._newest_ns: dict[int, int] = {}
        self._opened_ns = self._last_ns = received_ns
        self.gathering = gathering
        self.content: set[bytes] = set()
        self.rows = [0, 0]
        """How many plots and tracklets of sources that catch up it has."""

    def state(self) -> RebuildState:
        """All that it is; waits for the slice that another thread folds."""
        with self._lock:
            inbox = tuple((None, i) if isinstance(i, int) else (i, 0) for i in self._inbox)
            return RebuildState(
                self._picture.state(),
                inbox,
                dict(self._newest_ns),
                self._opened_ns,
                self._last_ns,
                self.gathering,
                tuple(sorted(self.content)),
                (self.rows[PLOTS], self.rows[TRACKLETS]),
            )

    def restore(self, state: RebuildState) -> None:
        """Be what another was."""
        self._picture.restore(state.picture)
        self._inbox.extend(mark if rows is None else rows for rows, mark in state.inbox)
        self._newest_ns = dict(state.newest_ns)
        self._opened_ns, self._last_ns = state.opened_ns, state.last_ns
        self.content, self.rows = set(state.content), list(state.rows)

    def step(self, observations: int = 10_000) -> bool:
        """Fold on by about so many plots and tracklets; True: nothing to do until more has come."""
        with self._lock:
            if self._over:
                return True
            self._folded = False
            before_ns = min(list(self._newest_ns.values())) if self.gathering else None
            while self._inbox:
                item = self._inbox.popleft()
                if isinstance(item, int):
                    self._picture.add_mark(item)
                else:
                    self._picture.add(item)
            done = self._picture.fold(observations, before_ns)
            self._folded = done and before_ns is None and not self._inbox
            return done

    def caught_up(
        self, source: int, parts: Sequence[Rows], content: bytes, received_ns: int
    ) -> None:
        """Observations of a source that catches up."""
        for rows in parts:
            self.also(rows)
            self.rows[kind_of(rows)] += len(rows)
            newest_ns = int(rows["time_ns"].max())
            self._newest_ns[source] = max(newest_ns, self._newest_ns.get(source, newest_ns))
        self.content.add(content)
        self._last_ns = received_ns

    def of_contents(self, kind: int, contents: Collection[bytes]) -> Iterator[Rows]:
        """What it has, folded or not, of arrivals of these contents."""
        with self._lock:
            yield self._picture.kept.of_contents(kind, contents)
            for rows in self._inbox:
                if not isinstance(rows, int) and kind_of(rows) == kind:
                    yield rows[of_contents(rows, contents)]

    def gathers(self, source: int | None) -> bool:
        """Whether it waits for more of a source that catches up."""
        return self.gathering and source in self._newest_ns

    def also(self, item: Rows | int) -> None:
        """Observations of one scan or batch, or a clock mark, that the present picture has too."""
        self._inbox.append(item)

    def end_gathering(self, judge: Judge, late: LateSettings, clock_ns: int) -> None:
        """Gather no more if all sources have caught up, have fallen silent, or sent too long."""
        self.gathering = (
            self.gathering
            and clock_ns - self._last_ns < late.catch_up_idle_s * S
            and clock_ns - self._opened_ns < late.catch_up_s * S
            and any(judge.catches_up(source, clock_ns) for source in self._newest_ns)
        )

    def overdue(self, late: LateSettings, clock_ns: int) -> bool:
        """Whether nobody has folded it for so long that its memory would grow too much."""
        return not self.gathering and clock_ns - self._opened_ns > 2.0 * late.catch_up_s * S

    def result(self) -> RewindablePicture | None:
        """The picture, once, if all is folded and no other thread is at it."""
        if not self._folded or not self._lock.acquire(blocking=False):
            return None
        try:
            if not self._folded or self._inbox:
                return None
            self._over = True
            return self._picture
        finally:
            self._lock.release()


class LivePicture:
    """Arrivals in any order, and at any moment the picture that timely arrival would have given.

    Each arrival gets a verdict; what is accepted takes its place by time, nation, radar, scan or
    batch, sequence and content hash, and the picture is folded anew from the last checkpoint before
    it, when it is next asked for. The same accepted arrivals and clock marks give the same picture,
    bit for bit, and the one that `Picture.observe` gives of the same plots and tracklets. Time
    comes from the arrivals alone, never from a clock in here. How it decides: docs/late-data.md.

    >>> live = LivePicture(radars)
    >>> verdict = live.receive(
    ...     Arrival(nation="JP", radar="JP1", epoch=1, sequence=1, received_ns=now_ns, plots=plots)
    ... )
    >>> live.receive(ClockMark(time_ns=now_ns, received_ns=now_ns))
    >>> live.tracks()  # under ids that stay
    >>> while live.rebuild and not live.rebuild.step(10_000):  # between arrivals, or in a thread
    ...     pass

    For a replay, with the same settings, `receive` takes the recorded verdict and `obey` the
    records that were given to `on_record`. After a restart `from_bytes` goes on where `saved` was
    taken.

    Memory: `late.greatest_kept_plots` plots of 104 bytes and `late.greatest_kept_tracklets`
    tracklets of 1,440, twice as many where checkpoints lie far apart, and
    `late.greatest_checkpoint_mib`; a rebuild has checkpoints, and what came since, of its own.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        tracking: TrackingSettings | None = None,
        late: LateSettings | None = None,
        on_record: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self._late = late or LateSettings()
        self._judge = Judge(radars, tracking or TrackingSettings(), self._late)
        partners = self._judge.partners.radars
        self._present = RewindablePicture(radars, tracking, self._late, partners)
        self._set_waiting({})
        self._leaving: set[str] = set()
        self._going: set[bytes] = set()
        self._gone: set[bytes] = set()  # until no rebuild is under way: the picture has them yet
        self._ids = VisibleIds()
        self._on_record = on_record
        self._next_upkeep_ns = self._clock_ns = self._named_ns = 0
        self.rebuild: Rebuild | None = None
        self.received = self.rebuilds = 0
        self.lateness = Lateness()
        self.counts: Counter[str] = Counter()
        """Arrivals by cause of refusal or lateness; `accepted` and `catching up` the others."""
        self.counts_by_source: Counter[tuple[str, str, str]] = Counter()
        """The same by nation and radar, of sources that are known."""
        self.tracklets_refused: Counter[tuple[str, str]] = Counter()
        """Tracklets that were not used, of accepted arrivals too, by nation and source."""

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        radars: Sequence[Radar],
        tracking: TrackingSettings | None = None,
        late: LateSettings | None = None,
        on_record: Callable[[Record], None] = lambda record: None,
        place: str = "saved live picture",
    ) -> "LivePicture":
        """The live picture that `saved().to_bytes()` is of, in this process or another.

        Raises InputError where the bytes are damaged, or were written with another radar table,
        other settings, kernels or format; `place` is named in it.
        """
        live = cls(radars, tracking, late, on_record)
        live._restore(unpack(data, _WHAT, live._conditions(), LiveState, place))
        return live

    def copy(self, on_record: Callable[[Record], None] = lambda record: None) -> "LivePicture":
        """Another that is the same now, and goes its own way."""
        picture = self._present.picture
        other = LivePicture(picture.radars, picture.settings, self._late, on_record)
        other._restore(self._state())
        other.lateness = deepcopy(self.lateness)
        return other

    def saved(self) -> SavedLive:
        """What it is now, after `received` arrivals; cheap: copies of references.

        Of the checkpoints, those that `late.saved_checkpoint_mib` has room for. While a rebuild
        goes on that is saved too, and takes as much again.
        """
        return SavedLive(self._conditions(), self._state())

    def _restore(self, state: LiveState) -> None:
        """Be what another of the same radars and settings was."""
        picture, partners = self._present.picture, self._judge.partners.radars
        self._judge.restore(state.judge)
        self._present.restore(state.present)
        if state.rebuild is not None:
            beside = RewindablePicture(picture.radars, picture.settings, self._late, partners)
            self.rebuild = Rebuild(beside, 0, state.rebuild.gathering)
            self.rebuild.restore(state.rebuild)
        self._set_waiting(dict(state.waiting))
        self._leaving, self._going = set(state.leaving), set(state.going)
        self._gone = set(state.gone)
        self._ids.restore(state.ids)
        self._next_upkeep_ns, self._clock_ns = state.next_upkeep_ns, state.clock_ns
        self.received, self.rebuilds = state.received, state.rebuilds
        self.counts.update(state.counts)
        self.counts_by_source.update({(n, r, w): k for n, r, w, k in state.counts_by_source})
        self.tracklets_refused.update({(n, r): k for n, r, k in state.tracklets_refused})

    def _state(self) -> LiveState:
        return LiveState(
            self._judge.state(),
            self._present.state(),
            self.rebuild.state() if self.rebuild else None,
            dict(self._waiting),
            tuple(sorted(self._leaving)),
            tuple(sorted(self._going)),
            tuple(sorted(self._gone)),
            self._ids.state(),
            self._next_upkeep_ns,
            self._clock_ns,
            self.received,
            self.rebuilds,
            dict(self.counts),
            tuple((*name, count) for name, count in self.counts_by_source.items()),
            tuple((*name, count) for name, count in self.tracklets_refused.items()),
        )

    def receive(self, arrival: Arrival | ClockMark, recorded: Verdict | None = None) -> Verdict:
        """Take an arrival; its verdict, or the recorded one of a replay, which is obeyed.

        Raises SkypactError where the recorded verdict is of something else.
        """
        content = content_of(arrival)
        if recorded is not None and recorded.content != content.hex():
            raise SkypactError(
                f"the verdict recorded for arrival {self.received + 1} is of other content "
                f"({recorded.content}); replay arrivals and verdicts in the order of the journal"
            )
        self._clock_ns = arrival.received_ns
        self._take_over()
        if isinstance(arrival, ClockMark):
            verdict = recorded or self._verdict_on_mark(arrival, content)
            if verdict.outcome == Outcome.ACCEPTED:
                self._add_mark(arrival.time_ns)
        else:
            verdict = recorded or self._verdict_on(arrival, content)
            self._judge.note(arrival, verdict)
            self.lateness.note(arrival, verdict)
            if verdict.outcome == Outcome.ACCEPTED:
                self._add(arrival, content, verdict)
        self._count(arrival, verdict)
        self._upkeep(arrival.received_ns)
        return verdict

    @property
    def picture(self) -> Picture:
        """The picture as it is now; to be read, and asked again after the next arrival."""
        self._take_over()
        self._present.fold()
        return self._present.picture

    def tracks(self) -> tuple[Track, ...]:
        """All tracks that are or were confirmed, under ids that stay whatever comes late."""
        tracks = self.picture.tracks()
        record = partial(IdRecord, after=self.received)
        named, made = self._ids.name(tracks, self._present.older_than, record)
        self._present.older_than = None
        if made is not None:
            self._on_record(made)
        return named

    def give_ids(self) -> None:
        """Give ids to tracks that have none, as `tracks` does; at once where there are none."""
        numbers = self.picture.track_numbers()
        older_than = self._present.older_than
        touched = older_than is not None and max(numbers, default=0) >= older_than
        fresh = self._clock_ns - self._named_ns < _NAMED_AGAIN_S * S
        if touched or not fresh or not self._ids.know(numbers):
            self.tracks()
            self._named_ns = self._clock_ns
        self._present.older_than = None

    def shown(self) -> tuple[Track, ...]:
        """What `tracks` would give now, without giving ids for good: for a replay."""
        tracks, ids = self.picture.tracks(), VisibleIds()
        ids.restore(self._ids.state())
        record = partial(IdRecord, after=self.received)
        return ids.name(tracks, self._present.older_than, record)[0]

    @property
    def ids(self) -> dict[int, int]:
        """The ids that people see, by the tracks' numbers in the fold."""
        return self._ids.state().ids

    @property
    def reach_ns(self) -> int:
        """How far back `at` goes."""
        return self._present.reach_ns

    def look(self) -> None:
        """Take note where the tracks that have ids are by now, as `tracks` does: for a replay."""
        tracks = self.picture.tracks()
        if self._present.older_than is None:
            self._ids.look(tracks)

    def at(self, time_ns: int) -> Picture:
        """The picture as of a time, by all that has been accepted since; to be read.

        Raises SkypactError where that is further back than `late.kept_s`, or what was kept.
        """
        self._take_over()
        return self._present.at(time_ns)

    @property
    def left_out(self) -> frozenset[str]:
        """Nations that are left out."""
        return frozenset(self._judge.partners.left_out)

    def leave_out(self, nation: str) -> LeaveOutRecord:
        """From now on refuse what a nation sends, and rebuild the picture as though it never had.

        The rebuild goes on beside the present picture, as one for a source that catches up; one
        under way is done first. Verdicts on what others sent stay as they were given. The record
        says whether the result is exact; it is given to `on_record`, for a replay to `obey`.

        Raises SkypactError where the nation is left out already.
        """
        left_out = self._judge.partners.left_out
        if nation in left_out:
            raise SkypactError(f"{nation} is left out already")
        left_out.add(nation)
        self._leaving.add(nation)
        self._set_waiting({k: one for k, one in self._waiting.items() if one.nation != nation})
        self._hurry()
        exact = self._present.knows_without([nation])
        record = LeaveOutRecord(after=self.received, nation=nation, left_out=True, exact=exact)
        self._on_record(record)
        self._take_over()
        return record

    def take_back(self, nation: str) -> LeaveOutRecord:
        """Take again what a nation sends, from now on.

        Raises SkypactError where it is not left out, a rebuild without it is not done yet, or there
        is no room for its radars any more.
        """
        if nation not in self.left_out:
            raise SkypactError(f"{nation} is not left out")
        if self.leaving:
            raise SkypactError("the rebuild without it is not done; fold it to its end first")
        fault = self._judge.partners.room_for(nation)
        if fault:
            raise SkypactError(f"{nation} cannot be taken back: {fault}; raise that setting")
        self._judge.partners.left_out.discard(nation)
        record = LeaveOutRecord(after=self.received, nation=nation, left_out=False)
        self._on_record(record)
        return record

    @property
    def leaving(self) -> bool:
        """Whether something is to be left out and the rebuild without it is not done."""
        return bool(self._leaving or self._going) or (
            self.rebuild is not None and not self.rebuild.gathering
        )

    def take_out(self, nation: str, contents: Collection[bytes]) -> TakeOutRecord:
        """Rebuild the picture as though these arrivals of a nation had never come.

        `contents`: their verdicts' hashes. As with `leave_out` the rebuild goes on beside, and
        verdicts on others stay. Their numbers are free again for what should have come instead.
        """
        contents = tuple(sorted(set(contents)))
        for kind in KINDS:
            rows = self._present.kept.of_contents(kind, contents)
            if self.rebuild is not None:
                rows = np.concatenate([rows, *self.rebuild.of_contents(kind, contents)])
            waiting = [self._waiting[one].rows for one in contents if one in self._waiting]
            parts = [part for one in waiting for part in one if kind_of(part) == kind]
            rows = np.concatenate([rows, *parts])
            for radar, epoch, number in _numbers_of(rows, of_radars=kind == PLOTS):
                of = (rows["epoch"] == epoch) & (rows["sequence"] == number)
                times_ns = rows["time_ns"][of if radar is None else of & (rows["radar"] == radar)]
                span = int(times_ns.min()), int(times_ns.max())
                self._judge.reopen(nation, radar, epoch, number, span)
        self._set_waiting({k: one for k, one in self._waiting.items() if k not in contents})
        self._going.update(contents)
        self._gone.update(contents)
        self._hurry()
        exact = self._present.knows_without((), contents)
        record = TakeOutRecord(after=self.received, nation=nation, contents=contents, exact=exact)
        self._on_record(record)
        self._take_over()
        return record

    def _hurry(self) -> None:
        """A rebuild that is under way gathers no more: another is to begin."""
        if self.rebuild is not None:
            self.rebuild.gathering = False

    def obey(self, record: Record) -> None:
        """In a replay: do what was recorded, or give the ids that were.

        Raises SkypactError where not just as many arrivals were replayed as had come then, or
        nothing is rebuilt.
        """
        if record.after != self.received:
            raise SkypactError(
                f"recorded after {record.after} arrivals, {self.received} were replayed; "
                "replay arrivals and records in the order of the journal"
            )
        if isinstance(record, TakeOutRecord):
            self.take_out(record.nation, record.contents)
        elif isinstance(record, LeaveOutRecord):
            if record.left_out:
                self.leave_out(record.nation)
            else:
                self.take_back(record.nation)
        elif isinstance(record, IdRecord):
            self._ids.obey(self.picture.tracks(), record)
            self._present.older_than = None
        elif self.rebuild is None:
            raise SkypactError(
                "a rebuild is recorded and nothing catches up; replay with the settings of then"
            )
        else:
            self.rebuild.gathering = False
            while not self.rebuild.step():
                pass
            self._take_over()

    def watermark_ns(self, clock_ns: int) -> int:
        """The least newest accepted time over the sources that are live at a time."""
        return self._judge.watermark_ns(clock_ns)

    @property
    def kept(self) -> dict[str, int]:
        """What is kept, by name: plots, tracklets, checkpoints and their bytes, partners' radars.

        `scans_left_out`: scans and batches with no room among the tracks.
        """
        checkpoints, size = self._present.checkpoints
        kept = self._present.kept
        return {
            "plots": kept.total[PLOTS],
            "tracklets": kept.total[TRACKLETS],
            "partner_radars": len(kept.partners),
            "checkpoints": checkpoints,
            "checkpoint_bytes": size,
            "scans_left_out": self._present.left_out,
        }

    def _conditions(self) -> dict[str, bytes]:
        picture = self._present.picture
        return conditions_of(picture.radars, tracking=picture.settings, late=self._late)

    def _verdict_on(self, arrival: Arrival, content: bytes) -> Verdict:
        judge, told = self._judge, content.hex()
        unfit = judge.unfit(arrival, told)
        if unfit is not None:
            return unfit
        faults = judge.partners.faults_of(arrival)
        unfit = judge.none_usable(arrival, told, faults)
        if unfit is not None:
            return unfit
        return judge.verdict_on(arrival, told, faults, self._present_for(arrival, content, faults))

    def _present_for(self, arrival: Arrival, content: bytes, faults: Faults) -> Present:
        """What is kept already, as far as it matters for the verdict on an arrival."""
        kept, most = self._present.kept, self._late.greatest_rewind
        first_ns, _ = times_of(arrival, faults)
        known = self.rebuild is not None and content in self.rebuild.content
        known |= content in self._waiting
        fullest = 0
        for rows in self._rows_of(arrival, content, faults):
            same, members = kept.same_scan(rows)
            known |= same and content not in self._gone
            fullest = max(fullest, members + len(rows))
        kind = TRACKLETS if arrival.tracklets else PLOTS
        count = kept.count[kind] + (self.rebuild.rows[kind] if self.rebuild else 0)
        count += self._waiting_rows[kind]
        far_ns = kept.far_ns(first_ns, most)
        source = self._judge.source(arrival)
        gathers = self.rebuild is not None and self.rebuild.gathers(source)
        return Present(known, fullest, count, self._present.reach_ns, far_ns, gathers)

    def _verdict_on_mark(self, mark: ClockMark, content: bytes) -> Verdict:
        kept = self._present.kept.has_mark(mark.time_ns)
        reach_ns = self._present.reach_ns
        return self._judge.verdict_on_mark(mark, content.hex(), kept=kept, reach_ns=reach_ns)

    def _add_mark(self, time_ns: int) -> None:
        self._present.add_mark(time_ns)
        if self.rebuild is not None:
            self.rebuild.also(time_ns)

    def _rows_of(
        self, arrival: Arrival, content: bytes, unused: Collection[int]
    ) -> tuple[Rows, ...]:
        """What is used of an arrival, scan by scan or batch by batch, of radars that are known."""
        if not arrival.tracklets:
            return (_rows_of_plots(arrival, content),)
        number_of = self._judge.partners.number_of
        known = [
            (place, number, one)
            for place, one in used(arrival, unused)
            if (number := number_of(one)) is not None
        ]
        return tuple(tracklet_rows(known, arrival.epoch, arrival.sequence, content))

    def _add(self, arrival: Arrival, content: bytes, verdict: Verdict) -> None:
        parts = self._rows_of(arrival, content, verdict.unused)
        if not verdict.catching_up and content not in self._gone:
            for rows in parts:
                self._present.add(rows)
                if self.rebuild is not None:
                    self.rebuild.also(rows)
            return
        source = self._judge.number_of(arrival)
        needed_ns = self._judge.needs_from_ns(arrival, verdict.unused)
        one = _Waiting(arrival.nation, source, parts, arrival.received_ns, needed_ns)
        if self.leaving:
            self._waiting[content] = one
            for rows in parts:
                self._waiting_rows[kind_of(rows)] += len(rows)
        else:
            self._catch_up(one, content)

    def _set_waiting(self, waiting: dict[bytes, _Waiting]) -> None:
        """What comes too late for the rebuild under way, by content."""
        self._waiting, self._waiting_rows = waiting, [0, 0]
        for one in waiting.values():
            for rows in one.rows:
                self._waiting_rows[kind_of(rows)] += len(rows)

    def _catch_up(self, one: _Waiting, content: bytes) -> None:
        """Into the rebuild, which begins at the last checkpoint before these observations."""
        if self.rebuild is None:
            from_ns = min(int(rows["time_ns"].min()) for rows in one.rows)
            self._present.fold()
            self.rebuild = Rebuild(self._present.fork(from_ns), one.received_ns, gathering=True)
        self.rebuild.caught_up(one.source, one.rows, content, one.received_ns)

    def _take_over(self) -> None:
        """Let a rebuild that is done take the present picture's place; begin what waits for it."""
        result = self.rebuild.result() if self.rebuild else None
        if result is not None:
            result.keep_older_than(self._present.older_than)
            self._present, self.rebuild = result, None
            self.rebuilds += 1
            self._on_record(RebuildRecord(after=self.received))
        if self.rebuild is None and (self._leaving or self._going):
            without = self._present.without(self._leaving, self._going)
            self._leaving, self._going = set(), set()
            if without is not None:
                self.rebuild = Rebuild(without, self._clock_ns, gathering=False)
        if self.rebuild is None:
            self._gone.clear()
        if self.rebuild is None and self._waiting:
            waiting = self._waiting
            self._set_waiting({})
            for content, one in waiting.items():
                self._catch_up(one, content)

    def _count(self, arrival: Arrival | ClockMark, verdict: Verdict) -> None:
        self.received += 1
        word = str(verdict.cause or ("catching up" if verdict.catching_up else "accepted"))
        self.counts[word] += 1
        if isinstance(arrival, Arrival) and self._judge.source(arrival) is not None:
            self.counts_by_source[arrival.nation, arrival.radar, word] += 1
            if verdict.refusals:
                self.tracklets_refused[arrival.nation, arrival.radar] += len(verdict.refusals)

    def _upkeep(self, clock_ns: int) -> None:
        """Once a second of the receiver's clock: fold what waits, drop what is too old."""
        most = self._late.greatest_kept_plots, self._late.greatest_kept_tracklets
        full = any(self._present.kept.count[kind] > most[kind] for kind in KINDS)
        if self._next_upkeep_ns - S <= clock_ns < self._next_upkeep_ns and not full:
            return
        self._next_upkeep_ns = clock_ns + S
        self._present.fold()
        self._present.forget(min((w.needed_ns for w in self._waiting.values()), default=None))
        if self.rebuild is not None:
            self.rebuild.end_gathering(self._judge, self._late, clock_ns)
            while self.rebuild.overdue(self._late, clock_ns) and not self.rebuild.step():
                pass


@of_newest
def _rows_of_plots(arrival: Arrival, content: bytes) -> Rows:
    """Plots as records, never written to."""
    return plot_rows(arrival.plots, arrival.epoch, arrival.sequence, content)


def _numbers_of(rows: Rows, *, of_radars: bool) -> list[tuple[int | None, int, int]]:
    """Radar (None where it is not asked for), epoch and number of what arrived, each once."""
    radars = rows["radar"].tolist() if of_radars else [None] * len(rows)
    names = zip(radars, rows["epoch"].tolist(), rows["sequence"].tolist(), strict=True)
    return list(dict.fromkeys(names))
