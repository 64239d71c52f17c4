"""The ids that people see: given once, and kept by a track whatever number the fold gives it."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.kernels.gravity import GM_M3_S2
from skypact.model import IdLink, IdRecord, Track
from skypact.model.track import Estimate

# Two estimates are of one object if they differ by no more than so many standard deviations.
SAME_WITHIN_SIGMA = 4.0
# ... and are of times no further apart than this, s.
SAME_WITHIN_S = 30.0


class VisibleIdsState(NamedTuple):
    """All that `VisibleIds` knows: ids and tracks as last shown, by number; the next id."""

    ids: dict[int, int]
    shown: tuple[tuple[int, Track], ...]
    next_id: int


class VisibleIds:
    """Which id each track of the fold is shown under.

    The fold numbers tracks in the order in which they begin, so a rewind may number them anew. A
    track that is older than the rewind keeps its id. Any other has that of the track shown before
    with which it shares most first plots, or else of the one that is where it is.
    """

    def __init__(self) -> None:
        self._id: dict[int, int] = {}
        self._shown: dict[int, Track] = {}
        self._next = 1

    def state(self) -> VisibleIdsState:
        """All that it knows."""
        return VisibleIdsState(dict(self._id), tuple(self._shown.items()), self._next)

    def restore(self, state: VisibleIdsState) -> None:
        """Know what another knew."""
        self._id, self._shown = dict(state.ids), dict(state.shown)
        self._next = state.next_id

    def know(self, numbers: Collection[int]) -> bool:
        """Whether the tracks of the fold with these numbers, and no others, have ids."""
        return self._id.keys() == set(numbers)

    def name(
        self,
        tracks: Sequence[Track],
        older_than: int | None,
        record: Callable[..., IdRecord],
    ) -> tuple[tuple[Track, ...], IdRecord | None]:
        """Tracks of the fold under the ids that people see, in order of these.

        `older_than`: numbers below it are still what they were when last named; None: all are.
        The record, made by `record`, says what is new; None: nothing is.
        """
        before = dict(self._id)
        links: list[IdLink] = []
        if older_than is None:
            self._forget(tracks)
        else:
            links += self._follow(tracks, older_than)
        for track in tracks:
            if track.id not in self._id:
                self._id[track.id] = self._next
                self._next += 1
        given = tuple((n, i) for n, i in sorted(self._id.items()) if before.get(n) != i)
        dropped = tuple(sorted(before.keys() - self._id.keys()))
        self._shown = {track.id: track for track in tracks}
        made = None
        if given or dropped or links:
            made = record(given=given, dropped=dropped, links=tuple(links), next_id=self._next)
        return self._named(tracks), made

    def obey(self, tracks: Sequence[Track], record: IdRecord) -> tuple[Track, ...]:
        """The same by what was recorded."""
        for number in record.dropped:
            self._id.pop(number, None)
        self._id.update(record.given)
        self._next = record.next_id
        self._shown = {track.id: track for track in tracks}
        return self._named(tracks)

    def look(self, tracks: Sequence[Track]) -> None:
        """Take note where tracks are: by it they are found again after a rewind."""
        self._shown |= {track.id: track for track in tracks if track.id in self._id}

    def _named(self, tracks: Sequence[Track]) -> tuple[Track, ...]:
        named = [
            structs.replace(
                track,
                id=self._id[track.id],
                parted_from=None if track.parted_from is None else self._id.get(track.parted_from),
            )
            for track in tracks
            if track.id in self._id
        ]
        return tuple(sorted(named, key=lambda track: track.id))

    def _forget(self, tracks: Sequence[Track]) -> None:
        """Ids of ended tracks that the picture keeps no longer."""
        there = {track.id for track in tracks}
        self._id = {number: id_ for number, id_ in self._id.items() if number in there}

    def _follow(self, tracks: Sequence[Track], older_than: int) -> list[IdLink]:
        """Ids after a rewind; returns what became of those that had to be linked."""
        there = {track.id for track in tracks}
        was, shown = self._id, self._shown
        self._id = {n: i for n, i in was.items() if n < older_than and n in there}
        gone = [shown[n] for n in sorted(was, key=was.__getitem__) if n not in self._id]
        fresh = [track for track in tracks if track.id not in self._id]
        alike = _alikeness(gone, fresh)
        for old, new in _pairs(alike):
            self._id[fresh[new].id] = was[gone[old].id]
        taken = set(self._id.values())
        links = [self._link_of_gone(t, was[t.id], tracks) for t in gone if was[t.id] not in taken]
        for track in fresh:
            if track.id not in self._id:
                link = self._split(track, [shown[n] for n in sorted(was)], was)
                self._id[track.id] = self._next
                self._next += 1
                links += [link] if link else []
        return links

    def _link_of_gone(self, old: Track, id_: int, tracks: Sequence[Track]) -> IdLink:
        """What an id stands for now that no track has it."""
        others = [track for track in tracks if track.id in self._id]
        best = _most_alike(_alikeness([old], others)[0])
        if best is None:
            return IdLink(id=id_, how="withdrawn")
        return IdLink(id=id_, how="merged", other=self._id[others[best].id])

    def _split(self, new: Track, shown: Sequence[Track], was: dict[int, int]) -> IdLink | None:
        """The link of a track that was part of another before the rewind."""
        best = _most_alike(_alikeness(shown, [new])[:, 0])
        if best is None:
            return None
        return IdLink(id=self._next, how="split", other=was[shown[best].id])


def _pairs(alike: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns that belong together, the most alike first, each once."""
    order = np.argsort(-alike, axis=None, kind="stable")
    rows, columns = np.unravel_index(order, alike.shape)
    pairs: list[tuple[int, int]] = []
    old_taken: set[int] = set()
    new_taken: set[int] = set()
    for old, new in zip(rows.tolist(), columns.tolist(), strict=True):
        if alike[old, new] <= 0.0:
            break
        if old not in old_taken and new not in new_taken:
            pairs.append((old, new))
            old_taken.add(old)
            new_taken.add(new)
    return pairs


def _most_alike(alike: NDArray[np.float64]) -> int | None:
    return int(np.argmax(alike)) if len(alike) and alike.max() > 0.0 else None


def _alikeness(old: Sequence[Track], new: Sequence[Track]) -> NDArray[np.float64]:
    """(old, new): how many first plots they share; less than 1 if none, but both are in one place.

    0: neither. A plot is of one track only, so that sharing is proof.
    """
    alike = np.zeros((len(old), len(new)))
    if not alike.size:
        return alike
    owner = {plot: at for at, track in enumerate(new) for plot in _first_plots(track)}
    for at, track in enumerate(old):
        for plot in _first_plots(track):
            if plot in owner:
                alike[at, owner[plot]] += 1.0
    apart = _apart(old, new)
    near = (alike == 0.0) & (apart <= SAME_WITHIN_SIGMA)
    alike[near] = 0.9 - 0.8 * apart[near] / SAME_WITHIN_SIGMA
    return alike


def _first_plots(track: Track) -> list[tuple[int, bytes]]:
    """Time and bytes of radar's number and measured values of each kept plot."""
    time_ns = track.first_plot_ns + np.rint(track.first_plots[:, 0] * 1e9).astype(np.int64)
    return [
        (int(t), row.tobytes()) for t, row in zip(time_ns, track.first_plots[:, 1:], strict=True)
    ]


class _Estimates(NamedTuple):
    """`time_s` (n,) since a common moment, `x` (n, 6), `variance` (n, 2) of place and velocity."""

    time_s: NDArray[np.float64]
    x: NDArray[np.float64]
    variance: NDArray[np.float64]


def _apart(old: Sequence[Track], new: Sequence[Track]) -> NDArray[np.float64]:
    """(old, new): how far apart in place and velocity, the greater, in standard deviations.

    Each pair at the later of both times, to which the other moves on under gravity; ∞ where these
    are too far apart. Standard deviations along the worst direction, so that it errs to the near
    side.
    """
    zero_ns = old[0].time_ns
    a, b = _estimates(old, zero_ns), _estimates(new, zero_ns)
    later = np.maximum(a.time_s[:, None], b.time_s[None, :])
    xa, va = _moved(a, later - a.time_s[:, None], np.s_[:, None])
    xb, vb = _moved(b, later - b.time_s[None, :], np.s_[None, :])
    off = (xa - xb) ** 2
    place = off[..., 0] + off[..., 1] + off[..., 2]
    speed = off[..., 3] + off[..., 4] + off[..., 5]
    variance = va + vb
    apart = np.sqrt(np.maximum(place / variance[..., 0], speed / variance[..., 1]))
    too_far = abs(a.time_s[:, None] - b.time_s[None, :]) > SAME_WITHIN_S
    return np.where(too_far | np.isnan(apart), np.inf, apart)


def _estimates(tracks: Sequence[Track], zero_ns: int) -> _Estimates:
    seen: list[Track | Estimate] = [track.last_seen or track for track in tracks]
    variances = np.array([np.diag(one.covariance) for one in seen])
    return _Estimates(
        np.array([(one.time_ns - zero_ns) * 1e-9 for one in seen]),
        np.array([one.state for one in seen]),
        np.column_stack((variances[:, :3].sum(axis=1), variances[:, 3:].sum(axis=1))),
    )


def _moved(
    of: _Estimates, seconds: NDArray[np.float64], broadcast: tuple[slice | None, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """States (old, new, 6) and variances (old, new, 2) so much later, in gravity of a point."""
    x, variance, dt = of.x[broadcast], of.variance[broadcast], seconds[..., None]
    radius = np.sqrt(x[..., 0] ** 2 + x[..., 1] ** 2 + x[..., 2] ** 2)[..., None]
    gravity = -GM_M3_S2 * x[..., :3] / radius**3
    place = x[..., :3] + dt * x[..., 3:] + 0.5 * dt * dt * gravity
    grown = variance[..., :1] + dt * dt * variance[..., 1:]
    speed = np.broadcast_to(variance[..., 1:], grown.shape)
    moved = np.concatenate((place, x[..., 3:] + dt * gravity), axis=-1)
    return moved, np.concatenate((grown, speed), axis=-1)
