"""Which flight of a picture is which of the shared one: each picture numbers its tracks for itself.

Live tracks are told by where they are, ended ones by what they meant.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.desk.beside import misfit
from skypact.desk.node_client import PictureCopy
from skypact.model import ShownFlight, ShownTrack, TrackStatus

S = 1_000_000_000
_RADIUS_M = 6_371_000.0
_SAME_SPACE_M = 5e3
_SIGMAS = 5.0
_FARTHEST_M = 60e3
"""Two tracks this far apart are not taken for one object, however uncertain they are."""
_WITHIN_NS = 30 * S
_NONE = -1  # no track has it
_HELD = 0.5
"""What was one before counts as so much nearer: numbers do not change places for a waver."""


class Counterparts:
    """Of one picture's tracks, by id, the ids of the same objects in the shared picture.

    A live track is the counterpart of one live track at most. What was known stays known once
    either of the two has ended, so an object that was lost and found again has two of one number.
    """

    def __init__(self, known: Mapping[int, int] | None = None) -> None:
        """`known`: what is one now, where pictures of the past are told apart by it."""
        self._of: dict[int, int] = dict(known or {})
        self._as_of: tuple[int, int, int, int] | None = None
        self._tried: tuple[object, ...] = ()

    def of(self, one: PictureCopy, shared: PictureCopy) -> Mapping[int, int]:
        """As of the picture and the shared one as they are now."""
        as_of = one.epoch, one.number, shared.epoch, shared.number
        if as_of != self._as_of:
            if self._as_of is not None and as_of[::2] != self._as_of[::2]:
                self._of = {}  # tracks are numbered anew
            self._as_of = as_of
            self._take(one, shared)
        return self._of

    def _take(self, one: PictureCopy, shared: PictureCopy) -> None:
        live, others = _live(one), _live(shared)
        before = {
            number: other
            for number, other in self._of.items()
            if number in one.tracks and other in shared.tracks
        }
        kept = {
            number: other
            for number, other in before.items()
            if number not in live
            or other not in others
            or abs(live[number].time_ns - others[other].time_ns) > _WITHIN_NS
        }
        self._of = kept | pairs(live.values(), others.values(), before)
        self._fit_ended(one, shared)

    def _fit_ended(self, one: PictureCopy, shared: PictureCopy) -> None:
        """Where either has ended, and was not known before, it is told by what it meant."""
        taken = set(self._of.values())
        left = [item for item in one.flights.items() if item[0] not in self._of]
        free = [item for item in shared.flights.items() if item[0] not in taken]
        over = _ended(left), _ended(free)
        tried = dict(left).keys(), dict(free).keys(), *over
        if tried == self._tried:
            return
        self._tried = tried
        fits = sorted(
            (unlike, number, other)
            for number, shown in left
            for other, joint in free
            if (number in over[0] or other in over[1])
            and (unlike := misfit(shown.flight, joint.flight)) < math.inf
        )
        self._of |= _greedily(fits)


def _ended(flights: Iterable[tuple[int, ShownFlight]]) -> set[int]:
    return {number for number, shown in flights if shown.status is TrackStatus.ENDED}


def _live(picture: PictureCopy) -> dict[int, ShownTrack]:
    of = picture.tracks.items()
    return {number: track for number, track in of if track.status is not TrackStatus.ENDED}


def pairs(
    tracks: Iterable[ShownTrack], others: Iterable[ShownTrack], before: Mapping[int, int]
) -> dict[int, int]:
    """Tracks of two pictures that are of one object, by id: nearest first, each once.

    `before`: what was one until now.
    """
    tracks, others = list(tracks), list(others)
    if not tracks or not others:
        return {}
    at, columns = _Columns(tracks), _Columns(others)
    fits = []
    for j, track in enumerate(tracks):
        late_s = (track.time_ns - columns.time_ns) / S
        apart = columns.place_m + late_s[:, None] * columns.velocity_m_s - at.place_m[j]
        apart_m = np.sqrt(np.einsum("nx,nx->n", apart, apart))
        gate_m = _SAME_SPACE_M + _SIGMAS * np.hypot(columns.spread_m, at.spread_m[j])
        held = columns.id == before.get(track.id, _NONE)
        able = (apart_m < gate_m) & (held | (apart_m < _FARTHEST_M))
        able &= np.abs(late_s) * S <= _WITHIN_NS
        unlike = np.where(held, _HELD, 1.0) * apart_m / gate_m
        fits += [(float(unlike[k]), track.id, others[k].id) for k in np.flatnonzero(able)]
    return _greedily(sorted(fits))


def _greedily(fits: Iterable[tuple[float, int, int]]) -> dict[int, int]:
    """By number the other's, each once, in the order in which they are given."""
    out: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, other in fits:
        if number not in out and other not in taken:
            out[number] = other
            taken.add(other)
    return out


class _Columns:
    """Tracks as arrays; places and velocities Earth-centred, on a sphere."""

    def __init__(self, tracks: Sequence[ShownTrack]) -> None:
        self.id = np.array([one.id for one in tracks])
        self.time_ns = np.array([one.time_ns for one in tracks])
        latitude = np.array([one.latitude_rad for one in tracks])
        longitude = np.array([one.longitude_rad for one in tracks])
        radius_m = _RADIUS_M + np.array([one.height_m for one in tracks])
        up = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)]
            + [np.sin(latitude)],
            axis=1,
        )
        east = np.stack([-np.sin(longitude), np.cos(longitude), 0.0 * longitude], axis=1)
        axes = np.stack([east, np.cross(up, east), up], axis=1)
        speeds = np.array([(one.east_m_s, one.north_m_s, one.up_m_s) for one in tracks])
        variances = np.array([one.covariance_m2 for one in tracks])[:, (0, 3, 5)]
        self.place_m: NDArray[np.float64] = radius_m[:, None] * up
        self.velocity_m_s: NDArray[np.float64] = np.einsum("nk,nkx->nx", speeds, axes)
        self.spread_m: NDArray[np.float64] = np.sqrt(np.maximum(0.0, variances.sum(axis=1)))
