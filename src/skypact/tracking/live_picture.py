"""A live picture: arrivals in any order, and the picture that timely arrival would have given."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

from skypact.errors import SkypactError
from skypact.model import (
    Arrival,
    ClockMark,
    IdRecord,
    Outcome,
    Radar,
    RebuildRecord,
    Track,
    Verdict,
)
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking.judge import Judge, Present, content_of
from skypact.tracking.kept_plots import Rows, rows_of
from skypact.tracking.picture import Picture
from skypact.tracking.rewind import RewindablePicture
from skypact.tracking.visible_ids import VisibleIds

S = 1_000_000_000


class Rebuild:
    """The picture with what sources sent that catch up after a cut, folded beside the present one.

    It gathers while they send, and folds behind the one that is furthest back; once they have
    caught up, or have sent for long enough, it folds to the end and takes the present picture's
    place. `step` may be called in slices of any size and from another thread; the result is the
    same.
    """

    def __init__(self, present: RewindablePicture, from_ns: int, received_ns: int) -> None:
        self._picture = present.fork(from_ns)
        self._inbox: deque[Rows | int] = deque()
        self._lock = threading.Lock()
        self._folded = self._over = False
        self._newest_ns: dict[int, int] = {}
        self._opened_ns = self._last_ns = received_ns
        self.gathering = True
        self.content: set[bytes] = set()
        self.plots = 0

    def step(self, plots: int = 10_000) -> bool:
        """Fold on by about so many plots; True: nothing to do until more has come."""
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
            done = self._picture.fold(plots, before_ns)
            self._folded = done and before_ns is None and not self._inbox
            return done

    def caught_up(self, rows: Rows, content: bytes, received_ns: int) -> None:
        """Plots of a source that catches up."""
        radar = int(rows["radar"][0])
        self.also(rows)
        self.content.add(content)
        self.plots += len(rows)
        newest_ns = int(rows["time_ns"].max())
        self._newest_ns[radar] = max(newest_ns, self._newest_ns.get(radar, newest_ns))
        self._last_ns = received_ns

    def also(self, item: Rows | int) -> None:
        """Plots, or a clock mark, that go into the present picture too."""
        self._inbox.append(item)

    def end_gathering(self, judge: Judge, late: LateSettings, clock_ns: int) -> None:
        """Gather no more if all sources have caught up, have fallen silent, or sent too long."""
        self.gathering = (
            self.gathering
            and clock_ns - self._last_ns < late.catch_up_idle_s * S
            and clock_ns - self._opened_ns < late.catch_up_s * S
            and any(judge.catches_up(radar, clock_ns) for radar in self._newest_ns)
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

    Each arrival gets a verdict; what is accepted takes its place by time, nation, radar, scan,
    sequence and content hash, and the picture is folded anew from the last checkpoint before it,
    when it is next asked for. The same accepted arrivals and clock marks give the same picture,
    bit for bit. Time comes from the arrivals alone, never from a clock in here. How it decides:
    docs/late-data.md.

    >>> live = LivePicture(radars)
    >>> verdict = live.receive(
    ...     Arrival(nation="JP", radar="JP1", epoch=1, sequence=1, received_ns=now_ns, plots=plots)
    ... )
    >>> live.receive(ClockMark(time_ns=now_ns, received_ns=now_ns))
    >>> live.tracks()  # under ids that stay
    >>> while live.rebuild and not live.rebuild.step(10_000):  # between arrivals, or in a thread
    ...     pass

    For a replay, with the same settings, `receive` takes the recorded verdict and `obey` the
    records that were given to `on_record`.

    Memory: `late.greatest_kept_plots` plots of 104 bytes, twice as many where checkpoints lie far
    apart, and `late.greatest_checkpoint_mib`; a rebuild has checkpoints, and what came since, of
    its own.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        tracking: TrackingSettings | None = None,
        late: LateSettings | None = None,
        on_record: Callable[[IdRecord | RebuildRecord], None] = lambda record: None,
    ) -> None:
        self._late = late or LateSettings()
        self._judge = Judge(radars, self._late)
        self._present = RewindablePicture(radars, tracking, self._late)
        self._waiting: dict[bytes, tuple[Rows, int]] = {}
        self._waiting_plots = 0
        self._waiting_ns: int | None = None  # how far back they need the picture
        self._ids = VisibleIds()
        self._on_record = on_record
        self._next_upkeep_ns = 0
        self.rebuild: Rebuild | None = None
        self.received = self.rebuilds = 0
        self.counts: Counter[str] = Counter()
        """Arrivals by cause of refusal or lateness; `accepted` and `catching up` the others."""
        self.counts_by_source: Counter[tuple[str, str, str]] = Counter()
        """The same by nation and radar, of radars in the table."""

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
        self._take_over()
        if isinstance(arrival, ClockMark):
            verdict = recorded or self._verdict_on_mark(arrival, content)
            if verdict.outcome == Outcome.ACCEPTED:
                self._add_mark(arrival.time_ns)
        else:
            verdict = recorded or self._verdict_on(arrival, content)
            self._judge.note(arrival, verdict)
            if verdict.outcome == Outcome.ACCEPTED:
                self._add(arrival, content, verdict.catching_up)
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

    def obey(self, record: IdRecord | RebuildRecord) -> None:
        """In a replay: give the ids, or let the rebuild take the picture's place, as recorded.

        Raises SkypactError where not just as many arrivals were replayed as had come then, or
        nothing catches up.
        """
        if record.after != self.received:
            raise SkypactError(
                f"recorded after {record.after} arrivals, {self.received} were replayed; "
                "replay arrivals and records in the order of the journal"
            )
        if isinstance(record, IdRecord):
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
        """Plots kept, checkpoints, their bytes, scans left out for lack of room among tracks."""
        checkpoints, size = self._present.checkpoints
        return {
            "plots": self._present.kept.total,
            "checkpoints": checkpoints,
            "checkpoint_bytes": size,
            "scans_left_out": self._present.left_out,
        }

    def _verdict_on(self, arrival: Arrival, content: bytes) -> Verdict:
        unfit = self._judge.unfit(arrival, content.hex())
        if unfit is not None:
            return unfit
        plots, kept = arrival.plots, self._present.kept
        known, scan_plots = kept.same_scan(
            self._judge.radar(arrival),
            arrival.epoch,
            int(plots.scan[0]),
            int(plots.time_ns.min()),
            content,
        )
        known |= self.rebuild is not None and content in self.rebuild.content
        known |= content in self._waiting
        caught_up = self.rebuild.plots if self.rebuild else 0
        present = Present(
            known,
            scan_plots,
            kept.count + caught_up + self._waiting_plots,
            self._present.reach_ns,
        )
        return self._judge.verdict_on(arrival, content.hex(), present)

    def _verdict_on_mark(self, mark: ClockMark, content: bytes) -> Verdict:
        kept = self._present.kept.has_mark(mark.time_ns)
        reach_ns = self._present.reach_ns
        return self._judge.verdict_on_mark(mark, content.hex(), kept=kept, reach_ns=reach_ns)

    def _add_mark(self, time_ns: int) -> None:
        self._present.add_mark(time_ns)
        if self.rebuild is not None:
            self.rebuild.also(time_ns)

    def _add(self, arrival: Arrival, content: bytes, catching_up: bool) -> None:
        rows = rows_of(arrival.plots, arrival.epoch, arrival.sequence, content)
        if not catching_up:
            self._present.add(rows)
            if self.rebuild is not None:
                self.rebuild.also(rows)
        elif self.rebuild is not None and not self.rebuild.gathering:
            self._waiting[content] = rows, arrival.received_ns
            self._waiting_plots += len(rows)
            needed_ns = self._judge.needs_from_ns(arrival)
            self._waiting_ns = min(needed_ns, self._waiting_ns or needed_ns)
        else:
            self._catch_up(rows, content, arrival.received_ns)

    def _catch_up(self, rows: Rows, content: bytes, received_ns: int) -> None:
        """Into the rebuild, which begins at the last checkpoint before these plots."""
        if self.rebuild is None:
            self._present.fold()
            self.rebuild = Rebuild(self._present, int(rows["time_ns"].min()), received_ns)
        self.rebuild.caught_up(rows, content, received_ns)

    def _take_over(self) -> None:
        """Let a rebuild that is done take the present picture's place."""
        result = self.rebuild.result() if self.rebuild else None
        if result is None:
            return
        result.keep_older_than(self._present.older_than)
        self._present, self.rebuild = result, None
        self.rebuilds += 1
        self._on_record(RebuildRecord(after=self.received))
        waiting, self._waiting, self._waiting_plots = self._waiting, {}, 0
        self._waiting_ns = None
        for content, (rows, received_ns) in waiting.items():
            self._catch_up(rows, content, received_ns)

    def _count(self, arrival: Arrival | ClockMark, verdict: Verdict) -> None:
        self.received += 1
        word = str(verdict.cause or ("catching up" if verdict.catching_up else "accepted"))
        self.counts[word] += 1
        if isinstance(arrival, Arrival) and self._judge.knows(arrival):
            self.counts_by_source[arrival.nation, arrival.radar, word] += 1

    def _upkeep(self, clock_ns: int) -> None:
        """Once a second of the receiver's clock: fold what waits, drop what is too old."""
        full = self._present.kept.count > self._late.greatest_kept_plots
        if self._next_upkeep_ns - S <= clock_ns < self._next_upkeep_ns and not full:
            return
        self._next_upkeep_ns = clock_ns + S
        self._present.fold()
        self._present.forget(self._waiting_ns)
        if self.rebuild is not None:
            self.rebuild.end_gathering(self._judge, self._late, clock_ns)
            while self.rebuild.overdue(self._late, clock_ns) and not self.rebuild.step():
                pass
