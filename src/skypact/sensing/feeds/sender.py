"""`skypact feed`: a plot file sent to a node with its own timing.

Each scan of a radar, or a part of one, is an arrival with a number, so that the node tells what
was sent twice: what is not acknowledged is sent again, in order of its number, until it is. By
ASTERIX nothing is acknowledged, and nothing sent again.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import Plots, Radar
from skypact.sensing.feeds.intake import Answer
from skypact.sensing.plot_csv import csv_rows
from skypact.sensing.plot_files import stream_plots
from skypact.sensing.plot_parquet import PARQUET_MAGIC, parquet_rows
from skypact.sensing.plot_rows import NANOSECONDS_PER_SECOND, RawRows
from skypact.settings import Settings

_ROWS_AT_ONCE = 1000
"""Most rows of one message."""
_MOST_REASONS = 5
"""That are told."""
_PAUSE_S = 0.002
"""Rows due within so short a time go together."""
OnProgress = Callable[[int, int], None]


class Sent(NamedTuple):
    """What became of a file: rows of it, messages, those sent again, and what the node said.

    `acknowledged`: rows that the node has in its journal; None by ASTERIX. `refused`: rows that
    the node refused. `verdicts`: arrivals by what the node decided. `left_out`: rows that the
    format does not hold, or of radars that the feed may not send; these by radar in `not_ours`.
    `reasons`: why messages or rows were refused, by how many.
    """

    rows: int
    messages: int
    sent_again: int
    acknowledged: int | None
    refused: int
    left_out: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    not_ours: dict[str, int]

    def but_for(self, radars: Collection[str]) -> "Sent":
        """The same without what was left out as these radars', which went to other nodes."""
        others = sum(count for name, count in self.not_ours.items() if name in radars)
        gone = {_not_ours(name) for name in radars}
        return self._replace(
            rows=self.rows - others,
            left_out=self.left_out - others,
            reasons={why: count for why, count in self.reasons.items() if why not in gone},
            not_ours={name: n for name, n in self.not_ours.items() if name not in radars},
        )

    def lines(self) -> list[str]:
        """The same for people."""
        again = f", {self.sent_again:,} sent again" if self.sent_again else ""
        lines = [f"{self.rows:,} plots sent in {self.messages:,} messages{again}"]
        if self.acknowledged is None:
            lines.append("by ASTERIX, which nobody acknowledges")
        else:
            lines.append(
                f"{self.acknowledged:,} are in the node's journal; {self.refused:,} were refused"
            )
        if self.verdicts:
            said = ", ".join(f"{count:,} {word}" for word, count in sorted(self.verdicts.items()))
            lines.append(f"of their scans: {said}")
        if self.verdicts.get("stray"):
            lines.append(
                "stray scans were too old for the pictures (late.window_s): at a speed above 1 the "
                "first plots of a file are old when they are sent; send it at --speed 1"
            )
        if self.left_out:
            lines.append(f"{self.left_out:,} were left out")
        most = sorted(self.reasons.items(), key=lambda reason: -reason[1])[:_MOST_REASONS]
        return lines + [f"  {count:,} × {reason}" for reason, count in most]


class Whole(NamedTuple):
    """What a file is a part of: the other parts go to other nodes, and all keep step.

    `first_ns`, `last_ns`: times of the whole; `begin_ns`: when, by this machine's clock, its first
    moment is to be sent.
    """

    first_ns: int
    last_ns: int
    begin_ns: int


def _not_ours(radar: str) -> str:
    return f"radar {radar} is not this feed's"


class _File(NamedTuple):
    """What a look through the file tells."""

    radars: tuple[str, ...]
    first_ns: int
    last_ns: int
    rows: int
    has_scans: bool


class Message(NamedTuple):
    """Rows of one radar, by its id: `plots` as the file has them, with the times to be sent.

    `has_scans`: their scans are those of the file; else the node numbers them.
    """

    radar: str
    plots: Plots
    sequence: NDArray[np.int64]
    has_scans: bool


class Target(Protocol):
    """Where messages go. `send` returns an answer, None where there is none to be had.

    `left_out`: rows that its format does not hold, by reason.
    """

    left_out: Counter[str]

    async def open(self) -> None:
        """Connect. Raises InputError where nobody is there."""

    async def send(self, message: Message, epoch: int) -> Answer | None:
        """Send it once; TimeoutError or ConnectionError: it is to be sent again."""

    async def close(self) -> None:
        """Let go of the connection."""


async def send_file(
    path: Path,
    targets: Sequence[Target],
    *,
    speed: float = 1.0,
    keep_times: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    whole: Whole | None = None,
) -> list[Sent]:
    """Send a plot file to nodes in step, each what of it is its own; one answer each.

    `speed`: so many times as fast as it was recorded, math.inf: as fast as it goes. Times are
    shifted to now, so that no plot is sent before its own time, unless `keep_times`; with others
    that are parts of one `whole` by as much as theirs. Sent one by one, each with times of its own
    begin, what several saw together would come apart. Radars that no node takes are left out in
    each answer; the others in none.

    Raises InputError for a file that cannot be read or a node that is not there, once what was
    under way has been stopped.
    """
    settings = settings or Settings()
    file = await asyncio.to_thread(_look_through, path, settings)
    opened: list[Target] = []
    rows_of = [0] * len(targets)

    def progress_of(which: int) -> OnProgress:
        def progress(done: int, rows: int) -> None:
            rows_of[which] = done
            if on_progress is not None:
                on_progress(sum(rows_of), rows * len(targets))

        return progress

    try:
        for target in targets:
            await target.open()
            opened.append(target)
    except BaseException:
        for target in opened:
            await target.close()
        raise
    whole = whole or Whole(file.first_ns, file.last_ns, time.time_ns())
    pace = _Pace(speed, keep_times, whole)
    try:
        async with asyncio.TaskGroup() as sending:
            tasks = [
                sending.create_task(_send(path, file, target, pace, settings, progress_of(which)))
                for which, target in enumerate(targets)
            ]
    except* InputError as errors:
        raise errors.exceptions[0] from None
    sent = [task.result() for task in tasks]
    nobodys = set.intersection(*(set(one.not_ours) for one in sent))
    return [one.but_for(set(one.not_ours) - nobodys) for one in sent]


class _Pace(NamedTuple):
    """How a file is sent, as `send_file` is told."""

    speed: float
    keep_times: bool
    whole: Whole


async def _send(
    path: Path,
    file: _File,
    target: Target,
    pace: _Pace,
    settings: Settings,
    on_progress: OnProgress,
) -> Sent:
    """Send a file that was looked through to a target that is open, and close it."""
    speed, keep_times, (first_ns, last_ns, at_ns) = pace
    file = file._replace(first_ns=first_ns, last_ns=last_ns)
    now_ns = time.time_ns()
    sending = _Sending(target, settings, now_ns // NANOSECONDS_PER_SECOND, file.rows)
    sending.on_progress = on_progress
    begin_s = asyncio.get_running_loop().time() + (at_ns - now_ns) / NANOSECONDS_PER_SECOND
    # At k times the speed the last plot is sent after 1/k of the file's time, and must be past.
    late = 0.0 if math.isinf(speed) else 1.0 / speed
    lasts_ns = round((file.last_ns - file.first_ns) * min(1.0, late))
    shift_ns = 0 if keep_times else at_ns + lasts_ns - file.last_ns
    if not keep_times and speed < 1.0:
        shift_ns = at_ns - file.first_ns
    try:
        async for plots in _due(path, file, settings, speed, begin_s):
            shifted = plots._replace(time_ns=plots.time_ns + shift_ns)
            for message in sending.messages(shifted, file):
                await sending.begin(message)
        await sending.finish()
    finally:
        await sending.stop()
        await target.close()
    return sending.sent()


def target_of(
    node: str,
    *,
    key: str | None,
    radars: Sequence[Radar],
    settings: Settings,
    exercise: bool = False,
) -> Target:
    """Where a `--node` leads: http(s)://, nats://, udp:// or tcp://. Raises InputError.

    `exercise`: by NATS, the subjects of an exercise.
    """
    from skypact.sensing.feeds.targets import AsterixTarget, HttpTarget, NatsTarget

    parts = urlsplit(node)
    try:
        known = parts.scheme in ("http", "https", "nats", "tls", "udp", "tcp") and parts.hostname
        port = parts.port
    except ValueError:
        known, port = None, None
    if not known:
        remedy = "write http://HOST:PORT, nats://HOST:PORT, udp://HOST:PORT or tcp://HOST:PORT"
        raise InputError(node, "is no address of a node", remedy)
    if parts.scheme in ("http", "https"):
        return HttpTarget(node, key, settings.feeds)
    if parts.scheme in ("nats", "tls"):
        return NatsTarget(node, key, settings.feeds, exercise=exercise)
    if port is None:
        raise InputError(node, "names no port", f"write {parts.scheme}://HOST:PORT")
    if not radars:
        reason = "ASTERIX needs the radars' sac and sic"
        raise InputError(node, reason, "name the radars file with --radars")
    return AsterixTarget(parts.scheme, str(parts.hostname), port, radars)


def _look_through(path: Path, settings: Settings) -> _File:
    """The radars of a file and its times, read once before it is sent."""
    try:
        with path.open("rb") as one:
            is_parquet = one.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise InputError(str(path), reason, "name a plot file") from None
    names: dict[str, None] = {}
    has_scans = False
    blocks: Iterator[RawRows] = (parquet_rows if is_parquet else csv_rows)(path, settings.sensing)
    for raw in blocks:
        has_scans = has_scans or "scan" in raw.columns
        for name in raw.columns["radar"].unique().to_pylist():
            if name is not None and str(name).strip():
                names[str(name).strip()] = None
    first_ns, last_ns, rows = 2**63 - 1, 0, 0
    for batch in stream_plots(path, _stand_ins(names), settings=settings.sensing):
        if len(batch.plots.time_ns):
            first_ns = min(first_ns, int(batch.plots.time_ns[0]))
            last_ns = max(last_ns, int(batch.plots.time_ns[-1]))
            rows += len(batch.plots.time_ns)
    return _File(tuple(names), first_ns, last_ns, rows, has_scans)


def _stand_ins(names: Sequence[str] | dict[str, None]) -> list[Radar]:
    """Radars that change nothing of what is read: the node knows the real ones."""
    return [
        Radar(
            id=name,
            nation="-",
            latitude_rad=0.0,
            longitude_rad=0.0,
            height_m=0.0,
            range_sigma_m=1.0,
            azimuth_sigma_rad=1.0,
            elevation_sigma_rad=1.0,
        )
        for name in names
    ]


async def _due(
    path: Path, file: _File, settings: Settings, speed: float, begin_s: float
) -> AsyncIterator[Plots]:
    """The file's rows in the order of time, each not before its moment."""
    loop = asyncio.get_running_loop()
    batches = stream_plots(path, _stand_ins(file.radars), settings=settings.sensing)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        plots, at = batch.plots, 0
        after_s = (plots.time_ns - file.first_ns) / (NANOSECONDS_PER_SECOND * speed)
        while at < len(after_s):
            wait_s = begin_s + float(after_s[at]) - loop.time()
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            now_s = loop.time() - begin_s + _PAUSE_S / 2
            end = int(np.searchsorted(after_s, now_s, side="right"))
            end = min(max(end, at + 1), at + _ROWS_AT_ONCE)
            yield plots.at(np.arange(at, end))
            at = end


class _Sending:
    """Messages under way, at most `sent_ahead`, each until it is acknowledged."""

    def __init__(self, target: Target, settings: Settings, epoch: int, rows: int) -> None:
        self._target, self._settings, self._epoch = target, settings.feeds, epoch
        self._sequence: Counter[str] = Counter()
        self._room = asyncio.Semaphore(settings.feeds.sent_ahead)
        self._tasks: set[asyncio.Task[None]] = set()
        self._rows_in_all = rows
        self._rows = self._messages = self._again = self._refused = 0
        self._acknowledged: int | None = None
        self._verdicts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._fault: BaseException | None = None
        self._not_ours: Counter[str] = Counter()
        self.on_progress: OnProgress | None = None

    def messages(self, plots: Plots, file: _File) -> Iterator[Message]:
        """Rows by radar; those of one scan, or of one time without scans, share a number."""
        for index in np.unique(plots.radar):
            own = plots.at(np.flatnonzero(plots.radar == index))
            name = file.radars[index]
            key = own.scan if file.has_scans else own.time_ns
            if name in self._not_ours:
                self._rows += len(own.time_ns)
                self._not_ours[name] += len(own.time_ns)
                continue
            _, first, which = np.unique(key, return_index=True, return_inverse=True)
            place = np.empty(len(first), np.int64)
            place[np.argsort(first)] = np.arange(1, len(first) + 1)
            sequence = self._sequence[name] + place[which]
            self._sequence[name] += len(first)
            yield Message(name, own, sequence, file.has_scans)

    async def begin(self, message: Message) -> None:
        """Send it as soon as there is room. Raises what made an earlier one fail for good."""
        await self._room.acquire()
        if self._fault is not None:
            raise self._fault
        self._messages += 1
        task = asyncio.create_task(self._until_acknowledged(message))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()

    async def _until_acknowledged(self, message: Message) -> None:
        count = len(message.plots.time_ns)
        while True:
            try:
                answer = await self._target.send(message, self._epoch)
            except (TimeoutError, ConnectionError, OSError):
                self._again += 1
                await asyncio.sleep(min(0.2, self._settings.resend_s))
                continue
            if answer is not None and answer.to_send_again:
                self._again += 1
                self._reasons[answer.reason] += 1
                await asyncio.sleep(max(0.05, answer.retry_after_s))
                continue
            break
        self._rows += count
        if answer is not None and answer.status == 403:
            self._not_ours[message.radar] += count
        elif answer is not None:
            self._note(answer, count)
        if self.on_progress is not None:
            self.on_progress(self._rows, self._rows_in_all)

    def _note(self, answer: Answer, count: int) -> None:
        if answer.status in (401, 404, 415):
            raise InputError("the node", answer.reason, answer.remedy)
        self._acknowledged = (self._acknowledged or 0) + answer.taken
        self._refused += count - answer.taken
        self._verdicts.update(answer.verdicts)
        if answer.reason and not answer.refused:
            self._reasons[answer.reason] += 1
        self._reasons.update(rejection.reason for rejection in answer.refused)

    async def finish(self) -> None:
        """Wait until all is acknowledged."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._fault is not None:
            raise self._fault

    async def stop(self) -> None:
        """Send nothing more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def sent(self) -> Sent:
        """What became of it."""
        of_others = Counter({_not_ours(name): n for name, n in self._not_ours.items()})
        left_out = self._target.left_out + of_others
        return Sent(
            rows=self._rows,
            messages=self._messages,
            sent_again=self._again,
            acknowledged=self._acknowledged,
            refused=self._refused,
            left_out=left_out.total(),
            verdicts=dict(self._verdicts),
            reasons=dict(self._reasons + left_out),
            not_ours=dict(self._not_ours),
        )


def as_columns(message: Message, epoch: int) -> dict[str, list[Any]]:
    """A message as its MessagePack has it."""
    plots = message.plots
    columns: dict[str, list[Any]] = {
        "time": plots.time_ns.tolist(),
        "range_m": plots.range_m.tolist(),
        "azimuth_deg": np.degrees(plots.azimuth_rad).tolist(),
        "elevation_deg": np.degrees(plots.elevation_rad).tolist(),
        "epoch": [epoch] * len(plots.time_ns),
        "sequence": message.sequence.tolist(),
    }
    for name in ("range_rate_m_s", "snr_db"):
        values = getattr(plots, name)
        if not np.isnan(values).all():
            columns[name] = [None if math.isnan(value) else value for value in values.tolist()]
    if message.has_scans:
        columns["scan"] = plots.scan.tolist()
    return columns
