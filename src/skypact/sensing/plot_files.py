"""Plot files: CSV, gzipped CSV, Parquet and ASTERIX, read into `model.Plots`; and written.

`stream_plots` reads any number of files of any size as one stream in the order of the fold;
`read_plots` is the same all at once. A row that cannot be used is a `model.Rejection`, and the
rest is used.
"""

import gzip
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import EmptyInputError, InputError
from skypact.model import Plots, Radar, Rejection
from skypact.sensing.asterix_files import ASTERIX_SUFFIX, PCAP_MAGIC, asterix_rows
from skypact.sensing.plot_clock import FileClock
from skypact.sensing.plot_csv import csv_rows
from skypact.sensing.plot_order import TimeOrder
from skypact.sensing.plot_parquet import PARQUET_MAGIC, parquet_rows
from skypact.sensing.plot_rows import (
    NANOSECONDS_PER_SECOND,
    RadarTable,
    RawRows,
    RefusedRows,
    RejectionLedger,
    SourcedPlots,
    usable_plots,
    without_offsets,
)
from skypact.sensing.refraction import apparent_elevation
from skypact.settings import SensingSettings

if TYPE_CHECKING:
    import pyarrow as pa

FilePath = str | PathLike[str]
DEFAULT_SETTINGS = SensingSettings()
_ROWS_PER_WRITE = 1 << 16


class PlotBatch(NamedTuple):
    """The next plots of a stream, maybe none, with what else became known meanwhile.

    `plots` follow on those of the batch before in the order of the fold; elevations are geometric.
    `rejections`: rows refused. `bytes_read` of `bytes_total` tells the progress over all files.
    `notes`: what is worth knowing beside them, such as unknown columns, or that most rows of a
    file were refused; each told once.
    """

    plots: Plots
    rejections: tuple[Rejection, ...]
    bytes_read: int
    bytes_total: int
    notes: tuple[str, ...] = ()


def stream_plots(
    paths: FilePath | Iterable[FilePath],
    radars: Sequence[Radar],
    *,
    settings: SensingSettings = DEFAULT_SETTINGS,
) -> Iterator[PlotBatch]:
    """Read plot files merged into one order: time, nation, radar id, scan, range, azimuth,
    elevation, file, row.

    Memory is bounded by the rows within the reorder window, whatever the files' size. Neither
    plots nor their order depend on how the files are cut into blocks.

    Raises, while iterating: InputError where a file is missing, or the only file cannot be used
    (one of several becomes a rejection without a row); EmptyInputError at the end if there was no
    usable row in any file.
    """
    return _Stream(_listed(paths), radars, settings).batches()


def read_plots(
    paths: FilePath | Iterable[FilePath],
    radars: Sequence[Radar],
    *,
    settings: SensingSettings = DEFAULT_SETTINGS,
) -> tuple[Plots, tuple[Rejection, ...]]:
    """Read plot files at once: n plots in the order of the fold, and the rows refused.

    The rejections go by file and row, those without a row last. Raises as `stream_plots` does.
    """
    return read_plots_with_notes(paths, radars, settings=settings)[:2]


def read_plots_with_notes(
    paths: FilePath | Iterable[FilePath],
    radars: Sequence[Radar],
    *,
    settings: SensingSettings = DEFAULT_SETTINGS,
) -> tuple[Plots, tuple[Rejection, ...], tuple[str, ...]]:
    """As `read_plots`, with what is worth knowing beside them (`PlotBatch.notes`)."""
    paths = _listed(paths)
    batches = list(stream_plots(paths, radars, settings=settings))
    plots = Plots._make(map(np.concatenate, zip(*(batch.plots for batch in batches), strict=True)))
    position = {str(path): index for index, path in reversed(list(enumerate(paths)))}
    rejections = [rejection for batch in batches for rejection in batch.rejections]
    rejections.sort(key=lambda r: (position[r.file], r.row is None, r.row or 0))
    return plots, tuple(rejections), tuple(note for batch in batches for note in batch.notes)


def _listed(paths: FilePath | Iterable[FilePath]) -> tuple[Path, ...]:
    several = (paths,) if isinstance(paths, str | PathLike) else tuple(paths)
    if not several:
        raise EmptyInputError("plots", "no file is given", "name at least one plot file")
    return tuple(Path(path) for path in several)


class _Feed:
    """One file being read: its rows to come, and what has been seen of it so far."""

    def __init__(
        self, path: Path, index: int, radars: Sequence[Radar], settings: SensingSettings
    ) -> None:
        self.path, self.index = path, index
        self.clock = FileClock(settings.reorder_window_s, [radar.id for radar in radars])
        self.ledger = RejectionLedger(str(path), settings.max_listed_rejections)
        self.bytes_total = _size(path)
        self.bytes_read = 0
        self.plots_read = self.rows_refused = 0
        self.rows = _rows_of(path, radars, settings)

    def next_rows(self) -> RawRows | None:
        """The next block, or None at the end. Raises InputError if the file is of no use."""
        try:
            raw = next(self.rows, None)
        except OSError as error:
            remedy = "name a file that can be read"
            reason = f"cannot be read ({error.strerror or error})"
            raise InputError(str(self.path), reason, remedy) from None
        self.bytes_read = self.bytes_total if raw is None else raw.bytes_read
        return raw

    def last_notes(self) -> tuple[str, ...]:
        """What to know of the file as a whole: why most of its rows were refused; wrong clocks."""
        rows = self.plots_read + self.rows_refused
        notes = []
        if 2 * self.rows_refused > rows:
            reason, count = self.ledger.counts.most_common(1)[0]
            refused = f"{self.rows_refused:,} of {rows:,} rows were refused, mostly ({count:,})"
            notes = [f"{refused}: {reason}; {self.ledger.remedies[reason]}"]
        return tuple(f"{self.path}: {note}" for note in (*notes, *self.clock.notes()))


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    if path.is_dir():
        raise InputError(str(path), "is a directory", "name the files in it")
    return size


def _rows_of(
    path: Path, radars: Sequence[Radar], settings: SensingSettings
) -> Generator[RawRows, None, None]:
    """The reader that the file's first bytes ask for; ASTERIX blocks have none of their own."""
    with path.open("rb") as file:
        first = file.read(len(PARQUET_MAGIC))
    if path.suffix == ASTERIX_SUFFIX or first in PCAP_MAGIC:
        yield from asterix_rows(path, radars, settings)
    else:
        yield from (parquet_rows if first == PARQUET_MAGIC else csv_rows)(path, settings)


class _Stream:
    """All files being read together."""

    def __init__(
        self, paths: tuple[Path, ...], radars: Sequence[Radar], settings: SensingSettings
    ) -> None:
        self._settings = settings
        self._radars = RadarTable(radars)
        self._feeds = [_Feed(path, index, radars, settings) for index, path in enumerate(paths)]
        self._order = TimeOrder(self._radars, tuple(str(path) for path in paths))
        self._window_ns = round(settings.reorder_window_s * NANOSECONDS_PER_SECOND)

    def batches(self) -> Iterator[PlotBatch]:
        """Always read on in the file that is furthest behind; let out what is complete."""
        with ExitStack() as stack:
            for feed in self._feeds:
                stack.callback(feed.rows.close)
            unfinished = list(self._feeds)
            while unfinished:
                feed = min(unfinished, key=lambda feed: feed.clock.time_ns)
                rejections, notes, goes_on = self._read_on(feed)
                if not goes_on:
                    unfinished.remove(feed)
                plots, duplicates = self._let_out(unfinished)
                rejections += duplicates
                if not unfinished:
                    rejections += [r for feed in self._feeds for r in feed.ledger.remainder()]
                yield PlotBatch(plots, tuple(rejections), *self._progress(), notes)
        self._refuse_if_empty()

    def _read_on(self, feed: _Feed) -> tuple[list[Rejection], tuple[str, ...], bool]:
        """Read a file's next block; returns rejections, notes and whether the file goes on."""
        try:
            raw = feed.next_rows()
        except InputError as error:
            if len(self._feeds) == 1:
                raise
            rejections = self._take_in(feed, *feed.clock.finish())
            return [*rejections, feed.ledger.enter_whole_file(error)], feed.last_notes(), False
        if raw is None:
            return self._take_in(feed, *feed.clock.finish()), feed.last_notes(), False
        sourced, refused = usable_plots(raw, feed.index, self._radars, self._settings)
        in_time, out_of_time = feed.clock.take(sourced)
        return self._take_in(feed, in_time, [*refused, *out_of_time]), raw.notes, True

    def _take_in(
        self, feed: _Feed, in_time: SourcedPlots, refused: list[RefusedRows]
    ) -> list[Rejection]:
        self._order.add(feed.index, in_time)
        feed.plots_read += len(in_time.row)
        feed.rows_refused += sum(len(group.rows) for group in refused)
        return feed.ledger.enter(refused)

    def _let_out(self, unfinished: list[_Feed]) -> tuple[Plots, list[Rejection]]:
        before_ns = None
        if unfinished:
            before_ns = min(feed.clock.time_ns for feed in unfinished) - self._window_ns
        ordered, duplicates = self._order.release(before_ns)
        rejections = [
            rejection
            for file, refused in duplicates
            for rejection in self._feeds[file].ledger.enter([refused])
        ]
        return ordered.plots, rejections

    def _progress(self) -> tuple[int, int]:
        read = sum(feed.bytes_read for feed in self._feeds)
        return read, sum(feed.bytes_total for feed in self._feeds)

    def _refuse_if_empty(self) -> None:
        if any(feed.plots_read for feed in self._feeds):
            return
        place = str(self._feeds[0].path) if len(self._feeds) == 1 else f"{len(self._feeds)} files"
        counts: Counter[str] = sum((feed.ledger.counts for feed in self._feeds), Counter())
        if not counts:
            raise EmptyInputError(place, "there are no rows", "give a file with rows of plots")
        reason, count = counts.most_common(1)[0]
        remedies = {k: v for feed in self._feeds for k, v in feed.ledger.remedies.items()}
        what = f"no plot could be used, mostly ({count:,} of {counts.total():,}): {reason}"
        raise EmptyInputError(place, what, remedies[reason])


def write_plots(path: FilePath, plots: Plots, radars: Sequence[Radar]) -> None:
    """Write plots as `.csv`, `.csv.gz` or `.parquet`, by the path's suffix.

    Reading them back gives the same numbers to the last bit, angles within 1e-12 rad. Elevations
    of a `refracted` radar are written as apparent and known offsets are added, for the reader
    corrects them. Columns in which nothing is measured are left out. Raises InputError for any
    other suffix.
    """
    import pyarrow.parquet as pq

    target = Path(path)
    slices = (_table(part, plots, radars) for part in _parts(plots))
    if target.name.endswith(".parquet"):
        first = next(slices)
        with pq.ParquetWriter(target, first.schema) as writer:
            writer.write_table(first)
            for table in slices:
                writer.write_table(table)
    elif target.name.endswith(".csv.gz"):
        with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            packed.writelines(_csv_parts(slices))
    elif target.name.endswith(".csv"):
        with target.open("wb") as file:
            file.writelines(_csv_parts(slices))
    else:
        reason, remedy = "its name ends in no known format", "use .csv, .csv.gz or .parquet"
        raise InputError(str(target), reason, remedy)


def _parts(plots: Plots) -> Iterator[Plots]:
    """The plots in slices, at least one, that are written one after the other."""
    for start in range(0, max(1, len(plots.time_ns)), _ROWS_PER_WRITE):
        yield Plots._make(column[start : start + _ROWS_PER_WRITE] for column in plots)


def _csv_parts(tables: "Iterable[pa.Table]") -> Iterator[bytes]:
    """The header and the rows, with quotes only where an id needs them."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    for number, table in enumerate(tables):
        if number == 0:
            yield ",".join(table.column_names).encode() + b"\n"
        ids = table.column("radar").unique().to_pylist()
        style = "needed" if any(set(radar_id) & set('",') for radar_id in ids) else "none"
        sink = pa.BufferOutputStream()
        options = arrow_csv.WriteOptions(include_header=False, quoting_style=style)
        arrow_csv.write_csv(table, sink, options)
        yield sink.getvalue().to_pybytes()


def _table(plots: Plots, all_plots: Plots, radars: Sequence[Radar]) -> "pa.Table":
    """A slice of plots as the columns of a file."""
    import pyarrow as pa

    plots = _as_fed(plots, RadarTable(radars))
    ids = pa.array([radar.id for radar in radars], pa.string())
    columns = {
        "time": _iso_8601(plots.time_ns),
        "radar": ids.take(pa.array(plots.radar)),
        "range_m": pa.array(plots.range_m),
        "azimuth_deg": pa.array(np.degrees(plots.azimuth_rad)),
        "elevation_deg": pa.array(np.degrees(plots.elevation_rad)),
    }
    for name in ("range_rate_m_s", "snr_db"):
        if not np.isnan(getattr(all_plots, name)).all():
            columns[name] = pa.array(getattr(plots, name), from_pandas=True)
    return pa.table(columns | {"scan": pa.array(plots.scan)})


def _iso_8601(time_ns: NDArray[np.int64]) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    spaced = pa.array(time_ns).cast(pa.timestamp("ns")).cast(pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(spaced, " ", "T"), "Z", "")


def _as_fed(plots: Plots, table: RadarTable) -> Plots:
    """The plots as each radar's feed would give them."""
    bent = table.refracted[plots.radar]
    if bent.any():
        elevation_rad = plots.elevation_rad.copy()
        height_m = table.height_m[plots.radar[bent]]
        elevation_rad[bent] = apparent_elevation(elevation_rad[bent], height_m)
        plots = plots._replace(elevation_rad=elevation_rad)
    return without_offsets(plots, table, sign=1.0)
