"""Plot files to a picture and its flights."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skypact.errors import EmptyInputError
from skypact.flight import assess
from skypact.model import Flight, Plots, Radar, Rejection
from skypact.offline.flight_json import flight_as_json, rejections_as_json
from skypact.offline.no_flight import NoFlight
from skypact.offline.seen_alone import seen_alone
from skypact.offline.text import iso_utc, span
from skypact.sensing import PlotBatch, stream_plots
from skypact.settings import Settings
from skypact.tracking import Picture, Updates

FilePath = str | PathLike[str]
OnUpdates = Callable[[Updates], None]
OnProgress = Callable[[int, int], None]
_BEYOND_DATA_S = 60.0
"""An `--until` so long after the last plot is no moment of the data."""


class TrackedFiles(NamedTuple):
    """What came of plot files: the picture, its flights, and the rows that were not used.

    `plots` were folded, from `first_plot_ns` to `last_plot_ns`. `notes` are worth knowing and no
    faults. `until_ns`: where the data were cut, if they were.
    """

    picture: Picture
    flights: tuple[Flight, ...]
    plots: int
    first_plot_ns: int
    last_plot_ns: int
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    until_ns: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact track --json`."""
        status = {track.id: track for track in self.picture.tracks()}
        now_ns = self.last_plot_ns if self.until_ns is None else self.until_ns
        return {
            "flights": [
                flight_as_json(flight)
                | {
                    "status": str(status[flight.id].status),
                    "ended_because": status[flight.id].ended_because,
                    "unseen_s": round((now_ns - flight.last_plot_ns) * 1e-9, 3),
                }
                for flight in self.flights
            ],
            "rejected": rejections_as_json(self.rejections),
            "plots": self.plots,
            "first_plot": iso_utc(self.first_plot_ns),
            "last_plot": iso_utc(self.last_plot_ns),
            "until": None if self.until_ns is None else iso_utc(self.until_ns),
            "notes": list(self.notes),
        }


def flights(picture: Picture, settings: Settings | None = None) -> tuple[Flight, ...]:
    """What each track of a picture means, as of now: launch, apogee, kind, impact; oldest first."""
    settings = settings or Settings()
    found: dict[int, Flight] = {}
    for track in picture.tracks():
        # What parted from another was launched with it.
        parent = None if track.parted_from is None else found.get(track.parted_from)
        launch = None if parent is None else parent.launch
        found[track.id] = assess(track, picture.radars, settings.flight, launch=launch)
    return tuple(found.values())


def track_files(
    plots: FilePath | Iterable[FilePath],
    radars: Sequence[Radar],
    *,
    settings: Settings | None = None,
    until_ns: int | None = None,
    on_updates: OnUpdates | None = None,
    on_progress: OnProgress | None = None,
) -> TrackedFiles:
    """Fold plot files into a picture, in the order of time, within bounded memory.

    `until_ns`: data after this time (UTC since 1970) are not used. `on_updates` gets each
    estimate of each confirmed track; `on_progress` the bytes read and their total.

    Raises InputError for a file that cannot be used, EmptyInputError where no plot is left.
    """
    settings = settings or Settings()
    plots = (plots,) if isinstance(plots, str | PathLike) else tuple(plots)
    picture = Picture(radars, settings.tracking)
    seen = _Seen(radars)
    for batch in stream_plots(plots, radars, settings=settings.sensing):
        within = seen.take(batch, until_ns)
        picture.observe(within, more_to_come=True, on_updates=on_updates)
        if on_progress:
            on_progress(batch.bytes_read, batch.bytes_total)
        if seen.is_cut:
            break
    seen.require_plots(until_ns)
    picture.observe(seen.no_more, on_updates=on_updates)
    tracks, found = picture.tracks(), flights(picture, settings)
    taken = [track.plots_by_radar for track in tracks]
    return TrackedFiles(
        picture=picture,
        flights=found,
        plots=seen.plots,
        first_plot_ns=seen.first_ns,
        last_plot_ns=seen.last_ns,
        rejections=_by_file_and_row(seen.rejections, plots),
        notes=(
            *seen.notes,
            *seen.by_radar.notes(taken),
            *seen_alone(found, tracks),
            *_beyond(seen.last_ns, until_ns),
        ),
        until_ns=until_ns,
    )


def _beyond(last_ns: int, until_ns: int | None) -> tuple[str, ...]:
    """A sentence where the data were to be cut long after the last plot before."""
    after_s = 0.0 if until_ns is None else (until_ns - last_ns) * 1e-9
    if until_ns is None or after_s < _BEYOND_DATA_S:
        return ()
    return (
        f"{iso_utc(until_ns, 0)} (--until) is {span(after_s)} after the last plot before it, "
        f"{iso_utc(last_ns, 0)}: flights count as not seen up to it",
    )


def _by_file_and_row(
    rejections: Iterable[Rejection], files: Sequence[FilePath]
) -> tuple[Rejection, ...]:
    """As the files were given and their rows stand; those without a row last."""
    position = {str(Path(file)): number for number, file in reversed(list(enumerate(files)))}
    return tuple(sorted(rejections, key=lambda r: (position[r.file], r.row is None, r.row or 0)))


class _Seen:
    """What has been read of the files so far."""

    def __init__(self, radars: Sequence[Radar]) -> None:
        self.by_radar = NoFlight(radars)
        self.plots = 0
        self.first_ns = self.last_ns = 0
        self.next_ns: int | None = None
        self.is_cut = False
        self.rejections: list[Rejection] = []
        self.notes: list[str] = []
        self.no_more: Any = None

    def take(self, batch: PlotBatch, until_ns: int | None) -> Plots:
        """The plots of a batch up to `until_ns`."""
        plots = batch.plots
        self.rejections += batch.rejections
        self.notes += batch.notes
        self.no_more = Plots._make(column[:0] for column in plots)
        end = len(plots.time_ns)
        if until_ns is not None:
            end = int(np.searchsorted(plots.time_ns, until_ns, side="right"))
        if end < len(plots.time_ns):
            self.is_cut, self.next_ns = True, int(plots.time_ns[end])
        if end:
            if not self.plots:
                self.first_ns = int(plots.time_ns[0])
            self.last_ns = int(plots.time_ns[end - 1])
            self.plots += end
        within = Plots._make(column[:end] for column in plots)
        self.by_radar.take(within)
        return within

    def require_plots(self, until_ns: int | None) -> None:
        """Raise EmptyInputError where nothing stands before `until_ns`."""
        if self.plots == 0 and until_ns is not None and self.next_ns is not None:
            raise EmptyInputError(
                "plots",
                f"none is before {iso_utc(until_ns)}",
                f"the first is at {iso_utc(self.next_ns)}: give a later --until",
            )


def rejections_by_reason(rejections: Iterable[Rejection]) -> Counter[str]:
    """How many rows were refused for each reason, those that are only counted among them."""
    counts: Counter[str] = Counter()
    for rejection in rejections:
        only_counted = re.fullmatch(r"(.*) … and ([\d,]+) more", rejection.reason)
        if rejection.row is None and only_counted:
            counts[only_counted[1]] += int(only_counted[2].replace(",", ""))
        else:
            counts[rejection.reason.split(": ", 1)[0]] += 1
    return counts
