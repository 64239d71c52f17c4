"""What all receivers have in common: limits, checks, the callback, the answer, the counts."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from skypact.errors import InputError, SkypactError
from skypact.model import Arrival, Outcome, Plots, Radar, Rejection, Verdict
from skypact.model.budget import Budget
from skypact.sensing.feeds.rows import (
    TooManyRowsError,
    arrival_of,
    read_message,
    single_scans,
)
from skypact.sensing.plot_rows import RadarTable, RefusedRows, RejectionLedger
from skypact.settings import FeedsSettings, SensingSettings

Take = Callable[[tuple[Arrival, ...]], Awaitable[Sequence[Verdict]]]
"""Takes arrivals in order, and returns their verdicts once they are in the journal. It must hand
them on before it first waits: then what came first is first in the journal."""
Clock = Callable[[], int]

S = 1_000_000_000
_LISTED = 100
"""Rows that an answer lists; the others are counted."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sender is told. `status` as of HTTP; below 500 and not 429, it is not to send again.

    `taken`: rows that are in the journal; `verdicts`: arrivals by what was decided about them;
    `refused`: rows that are not used, each with its reason.
    """

    status: int
    taken: int = 0
    verdicts: dict[str, int] = {}
    refused: tuple[Rejection, ...] = ()
    reason: str = ""
    remedy: str = ""
    retry_after_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def to_send_again(self) -> bool:
        """Whether the same message may be taken later."""
        return self.status == 429 or self.status >= 500


class Intake:
    """Checks what comes, numbers it, hands it to `take`, and counts by feed and outcome."""

    def __init__(
        self,
        radars: Sequence[Radar],
        take: Take,
        *,
        epoch: int,
        settings: FeedsSettings,
        sensing: SensingSettings,
        clock: Clock = time.time_ns,
    ) -> None:
        self.radars = tuple(radars)
        self.table = RadarTable(radars)
        self.settings, self.sensing = settings, sensing
        self.clock = clock
        self._take, self._epoch = take, epoch
        self._sequence: Counter[int] = Counter()
        self._rows: dict[str, Budget] = {}
        self._messages: dict[str, Budget] = {}
        self._waiting = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        """By feed, and what: messages, rows, rows refused, and messages not taken by reason."""
        self.refusals: deque[Rejection] = deque(maxlen=settings.greatest_refusals)
        self.last_ns: dict[str, int] = {}
        """By feed, when it last sent something usable, UTC ns since 1970."""

    def index_of(self, radar_id: str) -> int | None:
        """A radar's number in the table; None: it is not in it."""
        return self.table.index.get(radar_id)

    def too_fast_s(self, feed: str, rows: int) -> float:
        """After how long a feed may send so many rows; 0: now, and they are taken off its share."""
        return self._wait_s(self._rows, feed, self.settings.rows_s, rows)

    def too_many_s(self, feed: str) -> float:
        """The same, of messages."""
        return self._wait_s(self._messages, feed, self.settings.messages_s, 1)

    def _wait_s(self, budgets: dict[str, Budget], feed: str, rate: float, amount: int) -> float:
        now_ns = round(asyncio.get_running_loop().time() * S)
        budget = budgets.setdefault(feed, Budget(rate, max(1.0, rate * self.settings.burst_s)))
        if budget.take(now_ns, amount):
            return 0.0
        return max(1, budget.ready_ns(now_ns, amount) - now_ns) / S

    async def message(self, feed: str, radar_id: str, payload: bytes, *, packed: bool) -> Answer:
        """One message by NATS or HTTP. Nothing is awaited before `take` is called."""
        received_ns = self.clock()
        self.counts[feed, "messages"] += 1
        radar = self.index_of(radar_id)
        if radar is None:
            return self.not_taken(
                feed, 404, f'unknown radar "{radar_id}"', "correct the radar's id"
            )
        if len(payload) > self.settings.greatest_message_bytes:
            return self.too_long(feed)
        wait_s = self.too_many_s(feed)
        if wait_s:
            return self._too_fast(feed, wait_s)
        place = f"{feed}, message {self.counts[feed, 'messages']}"
        try:
            read = read_message(
                payload,
                packed=packed,
                place=place,
                radar=radar,
                table=self.table,
                settings=self.sensing,
                greatest_rows=self.settings.greatest_message_rows,
            )
        except TooManyRowsError as error:
            reason = f"{error.rows:,} rows, more than {self.settings.greatest_message_rows:,}"
            return self.not_taken(feed, 413, reason, _SMALLER)
        except InputError as error:
            return self.not_taken(feed, 422, error.reason, error.remedy)
        wait_s = self.too_fast_s(feed, read.rows)
        if wait_s:
            return self._too_fast(feed, wait_s)
        refused = self.refuse(feed, place, read.refused)
        nation = self.radars[radar].nation
        arrivals = tuple(
            arrival_of(nation, radar_id, one.number or self._next(radar), received_ns, one.plots)
            for one in read.arrivals
        )
        if not arrivals:
            reason = "no row can be used"
            return Answer(
                status=422, refused=refused, reason=reason, remedy="see the rows' reasons"
            )
        answer = await self.hand_on(feed, arrivals)
        return msgspec.structs.replace(answer, refused=refused, notes=read.notes)

    async def asterix(self, feed: str, plots: Plots, refused: Sequence[RefusedRows]) -> Answer:
        """Plots of one datagram or block; numbered here, for ASTERIX has no numbers."""
        received_ns = self.clock()
        self.refuse(feed, feed, refused)
        arrivals = []
        for index in np.unique(plots.radar):
            radar = self.radars[index]
            own = plots.at(np.flatnonzero(plots.radar == index))
            arrivals += [
                arrival_of(radar.nation, radar.id, self._next(int(index)), received_ns, scan)
                for scan in single_scans(own)
            ]
        if not arrivals:
            return Answer(status=422)
        return await self.hand_on(feed, tuple(arrivals))

    async def hand_on(self, feed: str, arrivals: tuple[Arrival, ...]) -> Answer:
        """Give arrivals to `take`, and wait for it as long as `take_s`."""
        if self._waiting >= self.settings.greatest_waiting:
            return self.not_taken(feed, 503, "too much waits to be taken", "send it again", 1.0)
        self._waiting += 1
        taking = asyncio.ensure_future(self._take(arrivals))
        taking.add_done_callback(self._taken)
        try:
            # Who is no longer waited for still ends what it began.
            verdicts = await asyncio.wait_for(asyncio.shield(taking), self.settings.take_s)
        except TimeoutError:
            reason = f"not in the journal after {self.settings.take_s:g} s"
            return self.not_taken(feed, 503, reason, "send it again", 1.0)
        except SkypactError as error:
            return self.not_taken(feed, 503, str(error), "send it again", 1.0)
        except Exception as error:  # a fault behind the feeds must not end them
            reason = f"a fault in the node ({type(error).__name__})"
            return self.not_taken(feed, 503, reason, "see the node's log", 1.0)
        rows = sum(len(arrival.plots.time_ns) for arrival in arrivals)
        self.counts[feed, "rows"] += rows
        self.last_ns[feed] = self.clock()
        words = Counter(_word(verdict) for verdict in verdicts)
        for word, count in words.items():
            self.counts[feed, word] += count
        return Answer(status=200, taken=rows, verdicts=dict(words))

    def _taken(self, taking: "asyncio.Future[Sequence[Verdict]]") -> None:
        self._waiting -= 1
        if not taking.cancelled():
            taking.exception()  # told where it was waited for, or to nobody

    def refuse(
        self, feed: str, place: str, refused: Sequence[RefusedRows]
    ) -> tuple[Rejection, ...]:
        """Keep and count rows that are not used; the first of them, and the number of the rest."""
        if not refused:
            return ()
        ledger = RejectionLedger(place, _LISTED)
        listed = [*ledger.enter(refused), *ledger.remainder()]
        self.counts[feed, "rows refused"] += sum(len(group.rows) for group in refused)
        self.refusals.extend(listed)
        return tuple(listed)

    def not_taken(
        self, feed: str, status: int, reason: str, remedy: str, retry_after_s: float = 0.0
    ) -> Answer:
        """A message that is not taken as a whole, counted and kept to be shown."""
        self.counts[feed, f"not taken ({status})"] += 1
        self.refusals.append(Rejection(file=feed, row=None, reason=reason, remedy=remedy))
        return Answer(status=status, reason=reason, remedy=remedy, retry_after_s=retry_after_s)

    def too_long(self, feed: str) -> Answer:
        """Of a message that is too long to be looked at."""
        reason = f"more than {self.settings.greatest_message_bytes:,} bytes"
        return self.not_taken(feed, 413, reason, _SMALLER)

    def _too_fast(self, feed: str, wait_s: float) -> Answer:
        rows_s, messages_s = self.settings.rows_s, self.settings.messages_s
        reason = f"more than {rows_s:,g} rows or {messages_s:,g} messages a second"
        return self.not_taken(feed, 429, reason, "send slower", wait_s)

    def _next(self, radar: int) -> tuple[int, int]:
        self._sequence[radar] += 1
        return self._epoch, self._sequence[radar]


def _word(verdict: Any) -> str:
    return str(verdict.cause or Outcome.ACCEPTED)


_SMALLER = "send smaller messages"
