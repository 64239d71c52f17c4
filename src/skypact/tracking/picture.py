"""A picture: all tracks built from one set of observations."""

import hashlib
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.errors import SkypactError
from skypact.model import (
    Followed,
    ForeignTrack,
    PartnerRadar,
    Plots,
    Radar,
    Refusal,
    Registration,
    Track,
    Tracklet,
)
from skypact.model.plots import no_plots
from skypact.model.track import Estimate
from skypact.settings import TrackingSettings
from skypact.tracking import tables
from skypact.tracking.context import ROWS_OF_LOG, fold_context, with_room
from skypact.tracking.fold import MOST_STARTS, fold_scans, sweep
from skypact.tracking.foreign_tracks import ForeignTracks
from skypact.tracking.kept import ranked
from skypact.tracking.packed import conditions_of, pack, unpack
from skypact.tracking.registration import (
    Belief,
    BiasedTrack,
    Registered,
    Slots,
    as_registration,
    biased_track,
    declared_biases,
    registered,
    told_slots,
)
from skypact.tracking.rows_read import RowsRead, estimate_of
from skypact.tracking.tracklet_fold import FOLDED, NO_ROWS, fold_tracklets, tracklet_scratch
from skypact.tracking.tracklet_input import (
    Batch,
    arrays_of,
    batches_of,
    placed,
    refusal_of,
    refused,
    widened,
)

_WHAT = "picture"
_FIRST_CAPACITY = 64
_FIRST_WAITING = 1024
_OF_COUPLES = ("couple", "couple_odds", "couple_weight", "couple_x", "couple_p")


class Updates(NamedTuple):
    """Estimates after each plot: `track` and `time_ns` int64 (u,), `state` (u, 6) ECEF m and m/s.

    `covariance` (u, 21): upper triangle row by row.
    """

    track: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Checkpoint(NamedTuple):
    """A picture's tracks at one moment of its fold, to go back to.

    `tracks`: the rows in use, in order of track id, and the waiting plots; `room`: for how many of
    both there was. `partners`: their radars, as they came. `ended`, `ended_biased`, `foreign`: as
    in the picture.
    """

    tracks: tables.TrackArrays
    room: tuple[int, int]
    partners: tuple[PartnerRadar, ...]
    ended: tuple[Track, ...]
    ended_biased: tuple[BiasedTrack, ...]
    foreign: tuple[ForeignTrack, ...]
    time_ns: int | None

    @property
    def size_bytes(self) -> int:
        """Memory it takes; what pictures share counts as references."""
        return sum(column.nbytes for column in self.tracks) + 8 * len(self.ended)

    @property
    def next_id(self) -> int:
        """Id of the next track: those below are older than this moment."""
        return int(self.tracks.counter[tables.NEXT_ID])


class Picture:
    """All tracks built from one set of observations: a deterministic fold, in order of time.

    >>> picture = Picture(load_radars("radars.toml"))
    >>> picture.observe(read_plots(["plots.csv"], picture.radars)[0])
    >>> picture.tracks()
    """

    def __init__(self, radars: Sequence[Radar], settings: TrackingSettings | None = None) -> None:
        self.radars = tuple(radars)
        self.settings = settings or TrackingSettings()
        self._context, n = fold_context(self.radars, self.settings)
        capacity = min(_FIRST_CAPACITY, self.settings.greatest_tracks)
        self._tracks = tables.new_tracks(
            capacity,
            n,
            len(self.radars),
            self.settings.first_plots,
            min(_FIRST_WAITING, self.settings.greatest_waiting_plots),
            (self.settings.greatest_couples, self.settings.couple_beliefs),
        )
        self._held: Plots | None = None
        self._held_tracklets: tuple[Tracklet, ...] = ()
        self._partners: tuple[PartnerRadar, ...] = ()
        self._foreign = ForeignTracks(self.settings, self._context.phases.noise)
        self._tracklet_scratch = tracklet_scratch(self._tracks)
        self._ended: list[Track] = []
        self._read = RowsRead(self.radars)
        self._declared = declared_biases(self._context.radars)
        self._registers = self.settings.registration and len(self._declared.sigma) > 0
        self._ended_biased: list[BiasedTrack] = []
        self.time_ns: int | None = None

    def observe(
        self,
        plots: Plots,
        *,
        tracklets: Iterable[Tracklet] = (),
        more_to_come: bool = False,
        on_updates: Callable[[Updates], None] | None = None,
        on_followed: Callable[[Followed], None] | None = None,
    ) -> tuple[Refusal, ...]:
        """Fold plots and partners' tracklets, in order of time, into the picture.

        `more_to_come`: scans and batches that may go on in the next call are held back for it.
        `on_updates` gets the estimates after each observation of a confirmed track; `on_followed`
        the plots as they were folded, with the tracks that took them. Returns the tracklets that
        could not be used; the rest goes on.
        """
        usable, refusals = [], []
        for tracklet in tracklets:
            refusal = refusal_of(tracklet, self.settings)
            if refusal is None:
                usable.append(tracklet)
            else:
                refusals.append(refusal)
        batches = batches_of((*self._held_tracklets, *usable))
        return (*refusals, *self._observe(plots, batches, more_to_come, on_updates, on_followed))

    def observe_checked(
        self, scans: tables.ScanArrays, batches: Sequence[Batch]
    ) -> tuple[Refusal, ...]:
        """`observe` plots and tracklets that were checked before, in the order of the fold.

        Nothing may be held back for more.
        """
        if not len(scans.time_ns) and not batches:
            return ()
        return tuple(self._fold(scans, batches, _Telling()))

    def _observe(
        self,
        plots: Plots,
        batches: list[Batch],
        more_to_come: bool,
        on_updates: Callable[[Updates], None] | None,
        on_followed: Callable[[Followed], None] | None,
    ) -> tuple[Refusal, ...]:
        self._held_tracklets = ()
        if self._held is not None:
            plots = self._held.followed_by(plots)
            self._held = None
        if len(plots.time_ns) == 0 and not batches:
            return ()
        order, starts = self._scans(plots)
        if more_to_come:
            order, starts, held = self._hold_back(plots, order, starts)
            if batches:
                order, starts, held, batches = self._hold_back_batches(
                    plots, order, starts, held, batches
                )
            if len(held):
                self._held = plots.at(held)
        if not len(order) and not batches:
            return ()
        plots = plots.at(order)
        tell = _Telling()
        if on_updates or on_followed:
            rows = len(order) + sum(len(batch.tracklets) for batch in batches)
            tell = _Telling(plots, rows, on_updates, on_followed)
        return tuple(self._fold(_scan_arrays(plots, starts), batches, tell))

    def observe_tracklets(
        self, tracklets: Iterable[Tracklet], *, more_to_come: bool = False
    ) -> tuple[Refusal, ...]:
        """Fold partners' tracklets alone: `observe` without plots."""
        return self.observe(no_plots(), tracklets=tracklets, more_to_come=more_to_come)

    def observe_track(self, foreign: ForeignTrack) -> Refusal | None:
        """Take a finished track of unknown pedigree; or why it cannot be used.

        It has no part in the fold: `tracks` intersects the covariances of one's own and of it.
        """
        return self._foreign.take(foreign)

    def advance(self, time_ns: int) -> None:
        """A clock mark: no more plots before `time_ns` (UTC since 1970); tracks grow older to it.

        Scans held back for more plots are folded first.
        """
        if self._held is not None or self._held_tracklets:
            self.observe(no_plots())
        sweep(self._tracks, time_ns, 0, self._context)
        self._collect_ended()
        self.time_ns = max(self.time_ns or 0, time_ns)

    def advanced(self, time_ns: int) -> "Picture":
        """A picture of its own, with the same plots, at the clock mark `time_ns`; this one stays.

        What `advance` would make of it. So a picture can be asked at moments between its plots
        without them having any part in the fold.
        """
        ahead = copy(self)
        ahead._tracks = tables.TrackArrays._make(column.copy() for column in self._tracks)
        ahead._ended, ahead._ended_biased = list(self._ended), list(self._ended_biased)
        ahead._foreign, ahead._read = copy(self._foreign), RowsRead(self.radars)
        ahead.advance(time_ns)
        return ahead

    def near_checkpoint(self) -> Checkpoint:
        """The same for a short time: copied as it lies, in a third of the time of `checkpoint`."""
        self._require_nothing_held()
        rows = _in_use(self._tracks.number[:, tables.STATUS])
        couples = _in_use(self._tracks.couple[:, tables.COUPLE_ID])
        short = {"waiting": self.waiting, "waiting_plot": self.waiting, "counter": None}
        short |= dict.fromkeys(_OF_COUPLES, couples)
        return self._checkpoint(
            tables.TrackArrays(
                **{
                    name: getattr(self._tracks, name)[: short.get(name, rows)].copy()
                    for name in self._tracks._fields
                }
            )
        )

    def _require_nothing_held(self) -> None:
        if self._held is not None or self._held_tracklets:
            raise SkypactError(
                "observations are held back for more; observe without more_to_come first"
            )

    def checkpoint(self) -> Checkpoint:
        """What `restore` needs to go on from here; no plots may be held back for more."""
        self._require_nothing_held()
        every = self._tracks
        used = np.flatnonzero(every.number[:, tables.STATUS] != tables.FREE_ROW)
        used = used[np.argsort(every.number[used, tables.TRACK_ID])]
        beside: dict[str, NDArray[Any]] = {
            "waiting": every.waiting[: self.waiting].copy(),
            "waiting_plot": every.waiting_plot[: self.waiting].copy(),
            "counter": every.counter.copy(),
        }
        couples = np.flatnonzero(every.couple[:, tables.COUPLE_ID])
        couples = couples[np.argsort(every.couple[couples, tables.COUPLE_ID])]
        for name in _OF_COUPLES:
            beside[name] = getattr(every, name)[couples]
        rows = {name: getattr(every, name)[used] for name in every._fields if name not in beside}
        return self._checkpoint(tables.TrackArrays(**rows, **beside))

    def _checkpoint(self, tracks: tables.TrackArrays) -> Checkpoint:
        return Checkpoint(
            tracks,
            (len(self._tracks.number), len(self._tracks.waiting)),
            self._partners,
            tuple(self._ended),
            tuple(self._ended_biased),
            self._foreign.newest,
            self.time_ns,
        )

    def restore(self, then: Checkpoint) -> None:
        """Make this picture, of the same radars and settings, what it was at a checkpoint."""
        if not self._put_back(then):
            self._tracks = tables.grown(then.tracks, *then.room, self.settings.greatest_couples)
        if then.partners != self._partners:
            self._partners = then.partners
            self._context, _ = fold_context(self.radars, self.settings, then.partners)
            self._tracklet_scratch = tracklet_scratch(self._tracks)
        # A clock mark may come next, which takes the room for granted.
        self._context = with_room(self._context, *then.room)
        self._held, self._held_tracklets = None, ()
        self._ended, self._ended_biased = list(then.ended), list(then.ended_biased)
        self._foreign.restore(then.foreign)
        self.time_ns = then.time_ns

    def _put_back(self, then: Checkpoint) -> bool:
        """Write the rows of a checkpoint over those there are; False: there is other room.

        New memory would take longer than what is written to it.
        """
        now = self._tracks
        room = len(now.number), len(now.waiting)
        if room != then.room or then.partners != self._partners:
            return False
        now.number[len(then.tracks.number) :] = 0  # rows that are free
        now.couple[len(then.tracks.couple) :] = 0
        for column, rows in zip(now, then.tracks, strict=True):
            column[: len(rows)] = rows
        return True

    def to_bytes(self) -> bytes:
        """All that it knows, to go on from elsewhere; nothing may be held back for more."""
        return pack(_WHAT, self._conditions(), self.checkpoint())

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        radars: Sequence[Radar],
        settings: TrackingSettings | None = None,
        place: str = "saved picture",
    ) -> "Picture":
        """The picture that `to_bytes` is of.

        Raises InputError where the bytes are damaged, or were written with another radar table,
        other settings, kernels or format; `place` is named in it.
        """
        picture = cls(radars, settings)
        picture.restore(unpack(data, _WHAT, picture._conditions(), Checkpoint, place))
        return picture

    def _conditions(self) -> dict[str, bytes]:
        return conditions_of(self.radars, tracking=self.settings)

    def digest(self) -> str:
        """blake2b of all that the picture knows: alike for pictures that are so bit for bit.

        However they came about: what is left over in rows and phases not in use has no part in it.
        """
        now = self.checkpoint()
        tracks, number = now.tracks, now.tracks.number
        for x, p, mu in (
            (tracks.x, tracks.p, tracks.mu),
            (tracks.seen_x, tracks.seen_p, tracks.seen_mu),
        ):
            mu[~(mu > 0.0)] = 0.0
            if mu is tracks.seen_mu:
                mu[number[:, tables.SEEN_NS] == 0] = 0.0
            x[mu == 0.0], p[mu == 0.0] = 0.0, 0.0
        for k in range(2):
            never = number[:, tables.PAST_NS + k] == 0
            tracks.past_x[never, k], tracks.past_p[never, k] = 0.0, 0.0
        for q, beliefs in enumerate(tracks.couple[:, tables.BELIEFS].tolist()):
            for beyond in (tracks.couple_weight, tracks.couple_x, tracks.couple_p):
                beyond[q, beliefs:] = 0.0
        for first, kept in zip(tracks.first, number[:, tables.KEPT], strict=True):
            first[kept:] = 0.0
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.time_ns} {number.shape}".encode())
        for column in tracks:
            digest.update(column.tobytes())
        for beside in (*now.ended, *now.partners, *now.foreign):
            _digest(beside, digest)
        return digest.hexdigest()

    def _scans(self, plots: Plots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Order that puts the plots of each scan together, and where each scan begins.

        Scans come in the order of their first plots; within a scan plots stay as they are.
        """
        n = len(plots.time_ns)
        if n == 0:
            return np.zeros(0, np.int64), np.zeros(1, np.int64)
        if self._each_a_scan(plots):
            return np.arange(n), np.arange(n + 1)
        nation = self.rank()[plots.radar]
        key = np.lexsort((plots.scan, plots.radar))
        new = np.ones(n, bool)
        new[1:] = (np.diff(plots.radar[key]) != 0) | (np.diff(plots.scan[key]) != 0)
        first_ns = plots.time_ns[key[new]]
        number = np.cumsum(new) - 1
        scan_ns = np.empty(n, np.int64)
        scan_ns[key] = first_ns[number]
        order = np.lexsort((plots.time_ns, plots.scan, nation, scan_ns))
        radar, scan = plots.radar[order], plots.scan[order]
        begins = np.ones(n, bool)
        begins[1:] = (np.diff(radar) != 0) | (np.diff(scan) != 0)
        return order, np.append(np.flatnonzero(begins), n)

    def _each_a_scan(self, plots: Plots) -> bool:
        """Whether all times differ and each radar counts on with each plot: no scan has two."""
        if not (plots.time_ns[1:] > plots.time_ns[:-1]).all():
            return False
        # Few bits sort by counting, three times as fast.
        few_bits = plots.radar.astype(np.min_scalar_type(len(self.radars)))
        by_radar = np.argsort(few_bits, kind="stable")
        radar, scan = few_bits[by_radar], plots.scan[by_radar]
        return bool(((scan[1:] > scan[:-1]) | (radar[1:] != radar[:-1])).all())

    def rank(self) -> NDArray[np.int64]:
        """Place of each radar when sorted by nation and id: ties in time go by it."""
        return ranked([(radar.nation, radar.id) for radar in self.radars])

    def _hold_back(
        self, plots: Plots, order: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Split off the scans that may go on: the first that is still open, and all after it."""
        if len(order) == 0:
            return order, starts, order
        newest = plots.time_ns[order].max()
        first = order[starts[:-1]]
        period_ns = np.array([int((r.period_s or 0.0) * 1e9) for r in self.radars], np.int64)
        still_open = plots.time_ns[first] + period_ns[plots.radar[first]] >= newest
        if not still_open.any():
            return order, starts, order[:0]
        cut = int(np.argmax(still_open))
        return order[: starts[cut]], starts[: cut + 1], np.sort(order[starts[cut] :])

    def _hold_back_batches(
        self,
        plots: Plots,
        order: NDArray[np.int64],
        starts: NDArray[np.int64],
        held: NDArray[np.int64],
        batches: list[Batch],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], list[Batch]]:
        """Hold back batches that may go on, and all, scans or batches, from the first held on."""
        last_ns = [max(t.time_ns for t in batch.tracklets) for batch in batches]
        newest = max([*last_ns, *plots.time_ns.max(initial=0, keepdims=True).tolist()])
        goes_on_ns = round(self.settings.greatest_tracklet_s * 1e9)
        cut_ns = [b.time_ns for b in batches if b.time_ns + goes_on_ns >= newest]
        if len(held):
            cut_ns.append(int(plots.time_ns[held].min()))
        if cut_ns:
            first_ns = plots.time_ns[order[starts[:-1]]]
            cut = int(np.searchsorted(first_ns, min(cut_ns)))
            held = np.sort(np.concatenate((order[starts[cut] :], held)))
            order, starts = order[: starts[cut]], starts[: cut + 1]
            waiting = [b for b in batches if b.time_ns >= min(cut_ns)]
            self._held_tracklets = tuple(t for batch in waiting for t in batch.tracklets)
            batches = batches[: len(batches) - len(waiting)]
        return order, starts, held, batches

    def _fold(
        self, scans: tables.ScanArrays, batches: Sequence[Batch], tell: "_Telling"
    ) -> list[Refusal]:
        """Run the kernels over whole scans and batches, making room as they ask for it."""
        scan, refusals = 0, []
        for batch, before in zip(batches, self._places(scans, batches), strict=True):
            scan = self._fold_scans(scans, scan, before, tell)
            refusals += self._fold_batch(batch, tell)
        self._fold_scans(scans, scan, len(scans.starts) - 1, tell)
        newest = max([*scans.time_ns[-1:].tolist(), *(b.time_ns for b in batches)])
        self.time_ns = max(self.time_ns or 0, int(scans.time_ns.max(initial=newest)))
        tell.told()
        return refusals

    def _places(self, scans: tables.ScanArrays, batches: Sequence[Batch]) -> list[int]:
        """How many scans come before each batch."""
        if not batches:
            return []
        first = scans.starts[:-1]
        names = [(self.radars[i].nation, self.radars[i].id) for i in scans.radar[first]]
        return placed(batches, scans.time_ns[first], names)

    def _fold_scans(self, scans: tables.ScanArrays, scan: int, end: int, tell: "_Telling") -> int:
        """Fold the scans from number `scan` up to number `end`; returns that."""
        while scan < end:
            self._room_in_scratch()
            until_end = scans._replace(starts=scans.starts[: end + 1])
            scan = fold_scans(self._tracks, until_end, scan, self._context, tell.log)
            self._collect_ended()
            if scan < end:
                tell.make_room(int(self._context.pairs.wanted[ROWS_OF_LOG]))
                plots = int(scans.starts[scan + 1] - scans.starts[scan])
                self._make_room(plots, min(plots, MOST_STARTS))
        return scan

    def _room_in_scratch(self) -> None:
        """Scratch for all tracks and waiting plots, and for what was wanted last."""
        tracks, waiting = len(self._tracks.number), len(self._tracks.waiting)
        pairs, grid, starts = self._context.pairs, self._context.grid, self._context.starts
        enough = len(pairs.near) >= tracks and len(grid.link) >= tracks
        if not enough or len(starts.scratch.about) < waiting or any(pairs.wanted.tolist()):
            self._context = with_room(self._context, tracks, waiting)

    def _fold_batch(self, batch: Batch, tell: "_Telling") -> list[Refusal]:
        """Fold one batch of tracklets; refuse it where its radar cannot be taken in."""
        row, fault = self._row_of(batch.radar)
        if fault is not None:
            return [refused(tracklet, *fault) for tracklet in batch.tracklets]
        arrays = arrays_of(batch, row, self.settings)
        while True:
            self._room_in_scratch()
            tell.make_room(len(batch.tracklets))
            done = fold_tracklets(
                self._tracks, arrays, self._context, self._tracklet_scratch, tell.log
            )
            self._collect_ended()
            if done == FOLDED:
                return []
            if done == NO_ROWS:
                self._make_room(0, len(batch.tracklets))

    def _row_of(self, partner: PartnerRadar) -> tuple[int, tuple[str, str] | None]:
        """Row of a partner's radar in the table, taken in when it is new; or reason and remedy."""
        if partner in self._partners:
            return len(self.radars) + self._partners.index(partner), None
        if any((p.nation, p.label) == (partner.nation, partner.label) for p in self._partners):
            return 0, (
                "the priors of its biases are not those of its earlier tracklets",
                "have the partner give a radar that changed a new label",
            )
        if len(self._partners) == self.settings.greatest_partner_radars:
            return 0, (
                f"it is of one more than greatest_partner_radars = {len(self._partners)} radars",
                "raise that setting",
            )
        self._partners = (*self._partners, partner)
        self._context, n = fold_context(self.radars, self.settings, self._partners)
        self._tracks = widened(self._tracks, self._context.radars, n, partner)
        self._tracklet_scratch = tracklet_scratch(self._tracks)
        return len(self.radars) + len(self._partners) - 1, None

    def _collect_ended(self) -> None:
        """Take ended tracks out of the arrays, and drop the oldest of them beyond the settings.

        In order of when they ended: which are kept depends on the observations alone, not on when
        they were collected.
        """
        number = self._tracks.number
        ended_rows = np.flatnonzero(number[:, tables.STATUS] == tables.ENDED)
        if not len(ended_rows):
            return
        for t in ended_rows:
            if number[t, tables.REASON] != tables.NEVER_CONFIRMED:
                ended = self._read.made(self._tracks, int(t), self._partners)
                insort(self._ended, ended, key=_when_ended)
                if self._registers and number[t, tables.WAS_SECOND] == 0:
                    biased = biased_track(self._tracks, int(t), self._declared)
                    insort(self._ended_biased, biased, key=_when_last)
            number[t, tables.STATUS] = tables.FREE_ROW
        del self._ended[: max(0, len(self._ended) - self.settings.greatest_ended)]
        most = self.settings.registered_ended
        del self._ended_biased[: max(0, len(self._ended_biased) - most)]

    def _make_room(self, plots: int, needed: int) -> None:
        """Grow the arrays for so many plots, and tracks that they may start, up to the settings."""
        most_tracks = self.settings.greatest_tracks
        capacity, number = len(self._tracks.number), self._tracks.number
        if int(np.sum(number[:, tables.STATUS] == tables.FREE_ROW)) < needed:
            if capacity + needed > most_tracks:
                raise SkypactError(
                    f"more than greatest_tracks = {most_tracks} tracks; raise that setting"
                )
            capacity = min(max(2 * capacity, capacity + needed), most_tracks)
        waiting = len(self._tracks.waiting)
        if self.waiting + plots > waiting:
            waiting = max(2 * waiting, self.waiting + plots)
            waiting = min(waiting, self.settings.greatest_waiting_plots)
        if capacity > len(number) or waiting > len(self._tracks.waiting):
            couples = self.settings.greatest_couples
            self._tracks = tables.grown(self._tracks, capacity, waiting, couples)

    @property
    def size(self) -> int:
        """For how many tracks there is room: what copying it costs goes by that."""
        return len(self._tracks.number)

    @property
    def waiting(self) -> int:
        """How many plots are no track's and wait for others of their object."""
        return int(self._tracks.counter[tables.WAITING])

    def tracks(self) -> tuple[Track, ...]:
        """All tracks, oldest first, those that have ended among them.

        Each knows what all together have learnt of the radars' biases (`registration`), unless the
        setting of that name is off or no radar declares any.
        """
        living = np.flatnonzero(self._tracks.number[:, tables.STATUS] == tables.CONFIRMED)
        present = self._read.read(self._tracks, living, self._partners)
        tracks = sorted(self._ended + present, key=lambda track: track.id)
        own = _in_company(self._told(tracks) if self._registers else tracks)
        return self._foreign.with_own(own)

    def track_numbers(self) -> list[int]:
        """Ids of those that `tracks` gives, without making them."""
        number = self._tracks.number
        living = number[number[:, tables.STATUS] == tables.CONFIRMED, tables.TRACK_ID]
        return [*(track.id for track in self._ended), *living.tolist()]

    def registration(self, known: Belief | None = None) -> Registration:
        """What is known of the radars' biases as of now, from all tracks together.

        `known`: what was learnt elsewhere, from other plots, as `known_orbits.learn_from_orbits`
        does. What nothing was learnt of keeps the mean 0 and the sigma that its radar declares.
        """
        biased = self._biased_tracks() if self._registers else []
        found = self._registered(biased, known)
        return as_registration(found, self._declared, self.radars)

    def _biased_tracks(self) -> list[BiasedTrack]:
        """All confirmed tracks that take part in the registration."""
        number = self._tracks.number
        living = (number[:, tables.STATUS] == tables.CONFIRMED) & (
            number[:, tables.WAS_SECOND] == 0
        )
        return self._ended_biased + [
            biased_track(self._tracks, int(t), self._declared) for t in np.flatnonzero(living)
        ]

    def _registered(self, biased: Sequence[BiasedTrack], known: Belief | None = None) -> Registered:
        return registered(biased, self._declared, self.time_ns or 0, self.settings, known)

    def _told(self, tracks: Sequence[Track]) -> list[Track]:
        """The same tracks, each told what the others have learnt of the biases of its radars."""
        biased = {one.track_id: one for one in self._biased_tracks()}
        told = self._registered(list(biased.values())).told

        def estimate(slots: Slots, track_id: int) -> Estimate:
            sigma = self._declared.sigma[biased[track_id].which]
            return estimate_of(*told_slots(slots, sigma, told[track_id]))

        def registered_track(track: Track) -> Track:
            if track.id not in told:
                return track
            now, seen = biased[track.id].now, biased[track.id].seen
            fresh = estimate(now, track.id)
            return structs.replace(
                track,
                state=fresh.state,
                covariance=fresh.covariance,
                phases=fresh.phases,
                last_seen=None if seen is None else estimate(seen, track.id),
            )

        return [registered_track(track) for track in tracks]


def _in_use(column: NDArray[np.int64]) -> int:
    """So many rows, from the first on, hold all whose column is not 0: free."""
    used = np.flatnonzero(column)
    return int(used[-1]) + 1 if len(used) else 0


def _when_ended(one: Track) -> tuple[int, int]:
    return one.time_ns, one.id


def _when_last(one: BiasedTrack) -> tuple[int, int]:
    return one.last.time_ns, one.track_id


def _digest(value: Any, into: "hashlib.blake2b") -> None:
    """The bits of a track, or of a part of one."""
    if isinstance(value, np.ndarray):
        into.update(value.tobytes())
    elif isinstance(value, msgspec.Struct):
        for part in structs.astuple(value):
            _digest(part, into)
    elif isinstance(value, tuple):
        for part in value:
            _digest(part, into)
    else:
        into.update(repr(value).encode())


_NO_LOG = tables.update_log(0)
"""Where nobody is told: there is no room in it, so nothing is ever written."""


def _scan_arrays(plots: Plots, starts: NDArray[np.int64]) -> tables.ScanArrays:
    """Plots in the order of the fold, for the kernels; `starts` (scans + 1,)."""
    z = np.column_stack(
        [plots.range_m, plots.azimuth_rad, plots.elevation_rad, plots.range_rate_m_s]
    )
    return tables.ScanArrays(plots.time_ns, plots.radar, z, starts)


class _Telling:
    """The log of a fold, given out as it fills and at its end."""

    def __init__(
        self,
        plots: Plots | None = None,
        rows: int = 0,
        on_updates: Callable[[Updates], None] | None = None,
        on_followed: Callable[[Followed], None] | None = None,
    ) -> None:
        self._plots, self._on_updates, self._on_followed = plots, on_updates, on_followed
        self.log = tables.update_log(rows) if rows else _NO_LOG
        self._full: list[tables.UpdateLog] = []

    def make_room(self, rows: int) -> None:
        """Go on in a new log where the present one has no room for so many rows."""
        room = len(self.log.row)
        if room and room - int(self.log.filled[0]) < rows:
            self._full.append(self.log)
            self.log = tables.update_log(max(room, rows))

    def told(self) -> None:
        """Give out what there is."""
        if not (self._on_updates or self._on_followed):
            return
        logs = [*self._full, self.log]
        key = np.concatenate([log.key[: int(log.filled[0])] for log in logs])
        row = np.concatenate([log.row[: int(log.filled[0])] for log in logs])
        confirmed = key[:, 0] > 0
        if self._on_updates and confirmed.any():
            of_confirmed = key[confirmed], row[confirmed]
            self._on_updates(
                Updates(
                    of_confirmed[0][:, 0],
                    of_confirmed[0][:, 1],
                    of_confirmed[1][:, :6],
                    of_confirmed[1][:, 6:],
                )
            )
        if self._on_followed and self._plots is not None:
            self._on_followed(_followed(self._plots, key, row))


def _followed(plots: Plots, key: NDArray[np.int64], row: NDArray[np.float64]) -> Followed:
    """Plots as they were folded, and the tracks that took them by the log."""
    n, of_plots = len(plots.time_ns), key[:, 2] >= 0
    key, row = key[of_plots], row[of_plots]
    track, phase = np.zeros(n, np.int64), np.full(n, -1)
    state, speed_sigma = np.full((n, 6), np.nan), np.full(n, np.nan)
    at = key[:, 2]
    track[at], phase[at], state[at] = key[:, 0], key[:, 3], row[:, :6]
    # Variances of the velocity in the upper triangle, row by row.
    speed_sigma[at] = np.sqrt(row[:, [6 + 15, 6 + 18, 6 + 20]].mean(axis=1))
    return Followed(plots, track, state, speed_sigma, phase)


def _in_company(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """The same tracks, by id, each with the number of those that go back to one track with it."""
    first: dict[int, int] = {}
    for track in tracks:  # what another parted from has the lower id
        parent = track.parted_from
        first[track.id] = track.id if parent is None else first.get(parent, parent)
    size = Counter(first.values())
    return tuple(
        structs.replace(track, company=size[first[track.id]])
        if size[first[track.id]] > 1
        else track
        for track in tracks
    )
