"""A node's journal to be read: of its folder, while the node runs or not, or of an exported file.

An export holds the radar table, perhaps a checkpoint, and entries; it is read where there is no
server and no key.
"""

import gzip
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import numpy as np

from skypact.errors import InputError, JournalError, LinkError
from skypact.model import Entry, EntryKind, Plots, Radar
from skypact.model.plots import no_plots
from skypact.record.checkpoints import Checkpoint
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.sensing import load_radars
from skypact.serving.kept import KeptPlots, numbers_of
from skypact.serving.recovery import checkpoints_of
from skypact.settings import Settings
from skypact.sharing.link import is_running
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.node_folder import NodeFolder, load_node
from skypact.tracking.kept import ranked

MAGIC = b"SKYPACT journal 1\n"
_NODE_FILE = "node.toml"
Progress = Callable[[int, int], None]
"""Gets how many entries are done, and of how many."""


class Source(Protocol):
    """A journal that can be read. `first`, `last`: numbers of its entries, 0: there are none.

    `partners`: of the nation; of an export none is known.
    """

    nation: str
    partners: tuple[str, ...]
    exercise: bool
    radars: tuple[Radar, ...]
    radar_table: str
    first: int
    last: int

    def read(self, from_number: int = 1) -> AsyncIterator[Entry]:
        """Entries from a number on, in order."""
        ...

    def checkpoints(self) -> Iterator[tuple[int, int]]:
        """Number of its last entry, and time in ns, of each checkpoint, newest first."""
        ...

    def checkpoint(self, number: int) -> Checkpoint:
        """One of them. Raises JournalError where it is damaged."""
        ...


class _OfFolder:
    """The journal of a nation's folder."""

    def __init__(self, node: NodeFolder, journal: Journal, settings: Settings) -> None:
        self.nation, self.exercise = node.nation, node.exercise
        self.partners = tuple(sorted(node.partners))
        table = node.folder / "radars.toml"
        self.radars, self.radar_table = tuple(load_radars(table)), table.read_text("utf-8")
        self._journal = journal
        self._checkpoints = checkpoints_of(node.store, settings)
        self.first, self.last = 0, journal.last_number

    def read(self, from_number: int = 1) -> AsyncIterator[Entry]:
        return self._journal.read(from_number)

    def checkpoints(self) -> Iterator[tuple[int, int]]:
        for number in reversed(self._checkpoints.numbers()):
            yield number, self._checkpoints.time_ns(number)

    def checkpoint(self, number: int) -> Checkpoint:
        return self._checkpoints.get(number)


class _Head(msgspec.Struct, array_like=True):
    """What an export begins with. `checkpoint`: number, time in ns and content, or None."""

    nation: str
    exercise: bool
    radar_table: str
    first: int
    last: int
    checkpoint: tuple[int, int, bytes] | None


class _OfFile:
    """An export."""

    partners: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            head = msgspec.msgpack.decode(_frame(file, path), type=_Head)
        self.nation, self.exercise = head.nation, head.exercise
        self.radar_table = head.radar_table
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "radars.toml"
            table.write_text(head.radar_table, "utf-8")
            self.radars = tuple(load_radars(table))
        self.first, self.last, self._checkpoint = head.first, head.last, head.checkpoint

    def _open(self) -> BinaryIO:
        file = gzip.open(self._path, "rb")  # noqa: SIM115  (who calls closes it)
        try:
            begin = file.read(len(MAGIC))
        except OSError:
            begin = b""
        if begin != MAGIC:
            file.close()
            remedy = "name a node's folder, or a file that skypact journal export wrote"
            raise InputError(str(self._path), "is no exported journal", remedy)
        return file  # type: ignore[return-value]

    async def read(self, from_number: int = 1) -> AsyncIterator[Entry]:
        decode = msgspec.msgpack.Decoder(Entry).decode
        with self._open() as file:
            _frame(file, self._path)
            for _ in range(self.first, self.last + 1):
                entry = decode(_frame(file, self._path))
                if entry.number >= from_number:
                    yield entry

    def checkpoints(self) -> Iterator[tuple[int, int]]:
        if self._checkpoint is not None:
            yield self._checkpoint[:2]

    def checkpoint(self, number: int) -> Checkpoint:
        if self._checkpoint is None or self._checkpoint[0] != number:
            raise JournalError(str(self._path), f"has no checkpoint {number}", "export it anew")
        return Checkpoint(*self._checkpoint)


def is_journal(path: Path) -> bool:
    """Whether a path is a node's folder, or an export."""
    if path.is_dir():
        return (path / _NODE_FILE).exists()
    try:
        with gzip.open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, EOFError):
        return False


@asynccontextmanager
async def open_source(
    path: Path, settings: Settings, *, exercise: bool = False
) -> AsyncIterator[Source]:
    """The journal of a nation's folder, or an export.

    Where none runs, the nation's server is started as long as this is read; a node that starts
    meanwhile keeps it. Raises InputError, LinkError or JournalError.
    """
    if not path.is_dir():
        if not path.exists():
            raise InputError(str(path), "there is no such folder or file", "name a node's folder")
        yield _OfFile(path)
        return
    if not (path / _NODE_FILE).exists():
        remedy = "name a nation's folder of skypact coalition init, or an export"
        raise InputError(str(path), f"has no {_NODE_FILE}", remedy)
    node = load_node(path, exercise=exercise)
    if not (node.store / "nats").is_dir():
        what = "an exercise" if exercise else "live"
        remedy = "name one of a node that has run, with --exercise for an exercise"
        raise InputError(str(path), f"holds no journal: its node never ran {what}", remedy)
    server = None
    try:
        try:
            connection = await connect(node, NATIONAL_USER, wait_s=1.0, once=True)
        except LinkError:
            server = NatsServer(node, settings.link)
            await server.start()
            connection = await connect(node, NATIONAL_USER, wait_s=settings.link.answer_s)
        try:
            journal = await Journal.reading(
                connection,
                settings.journal,
                stream=stream_of(exercise),
                subject=subject_of(exercise),
            )
            source = _OfFolder(node, journal, settings)
            source.first = await journal.first_number()
            yield source
        finally:
            await connection.close()
    finally:
        if server is not None and not is_running(node.store):
            await server.stop()


async def export(
    source: Source, path: Path, *, from_ns: int | None = None, on_progress: Progress | None = None
) -> int:
    """Write a journal to a file, from the newest checkpoint by `from_ns` on; how many entries."""
    checkpoint: Checkpoint | None = None
    first = source.first
    if from_ns is not None or source.first > 1:
        for number, time_ns in source.checkpoints():
            if number >= source.first - 1 and (from_ns is None or time_ns <= from_ns):
                checkpoint, first = source.checkpoint(number), number + 1
                if from_ns is not None:
                    break
    head = _Head(
        source.nation,
        source.exercise,
        source.radar_table,
        first,
        source.last,
        None if checkpoint is None else (checkpoint.number, checkpoint.time_ns, checkpoint.blob),
    )
    encode = msgspec.msgpack.Encoder().encode
    count = 0
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as file:
        file.write(MAGIC)
        for body in [encode(head)]:
            file.write(len(body).to_bytes(4, "little") + body)
        async for entry in source.read(first):
            if entry.number > source.last:
                break
            body = encode(entry)
            file.write(len(body).to_bytes(4, "little") + body)
            count += 1
            if on_progress and count % 1000 == 0:
                on_progress(count, source.last - first + 1)
    return count


async def plots_of(source: Source, on_progress: Progress | None = None) -> Plots:
    """All own plots that were accepted, in the order of the fold."""
    parts, numbers = [], numbers_of(source.radars)
    async for entry in source.read(source.first):
        if entry.kind is EntryKind.PLOTS_ACCEPTED:
            kept = msgspec.msgpack.decode(entry.payload, type=KeptPlots)
            parts.append(kept.arrival(numbers).plots)
        if on_progress and entry.number % 1000 == 0:
            on_progress(entry.number - source.first, source.last - source.first + 1)
    if not parts:
        return no_plots()
    plots = Plots._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    rank = ranked([(radar.nation, radar.id) for radar in source.radars])[plots.radar]
    return plots.at(np.lexsort((plots.scan, rank, plots.time_ns)))


def _frame(file: BinaryIO, path: Path) -> bytes:
    """The next piece, by its length."""
    try:
        size = int.from_bytes(file.read(4), "little")
        body = file.read(size)
    except (OSError, EOFError):
        size, body = 1, b""
    if not size or len(body) != size:
        raise InputError(str(path), "is cut short", "export the journal again")
    return body
