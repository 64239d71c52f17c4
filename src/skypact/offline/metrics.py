"""How well tracks follow true objects: OSPA, GOSPA, the SIAP attributes and NEES. Pure functions.

Everything is told from `Sample`s: at one moment the true states, and the tracks' estimates with
their covariances. Where each comes from is not known here, so any tracker can be scored.

| measure | source |
| --- | --- |
| OSPA | Schuhmacher, Vo, Vo, IEEE Trans. Signal Processing 56 (2008), eq. 3 and 4 |
| GOSPA, α = 2, and its parts | Rahmathullah, García-Fernández, Svensson, FUSION 2017, eq. 1 and 3 |
| C, A, S, PA, VA, R, LS | Votruba et al., SIAP Metrics Implementation (2001), as in Stone Soup |
| NEES | Bar-Shalom, Li, Kirubarajan, Estimation (2001), 5.4.2 |
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATE_SIZE = 6
NEES_95 = 12.591587243743977
"""95 % of χ² with six degrees of freedom."""


class Sample(NamedTuple):
    """One moment: what truly was, and what a picture said. UTC ns since 1970; ECEF m and m/s.

    `objects` are the numbers of the true objects that exist, `true` (m, 6) their states, `in_sight`
    (m,) whether any radar could see them. `tracks` are the ids of the tracks, `states` (n, 6) and
    `covariances` (n, 6, 6) their estimates.
    """

    time_ns: int
    objects: tuple[int, ...]
    true: Floats
    in_sight: NDArray[np.bool_]
    tracks: tuple[int, ...]
    states: Floats
    covariances: Floats


class Cutoffs(NamedTuple):
    """Everything that the measures depend on beside the samples.

    `step_s`: time from moment to moment; each stands for so much time. `cutoff_m`: a track farther
    than this from an object does not follow it. `hold`: from one moment to the next, the distance
    of an object and the track that followed it counts by this factor when tracks are assigned, so
    that two tracks which are equally near do not change places by chance; 1: none. `ospa_c_m` and
    `ospa_p`: cut-off c and order p of OSPA and GOSPA.
    """

    step_s: float = 1.0
    cutoff_m: float = 1000.0
    hold: float = 0.5
    ospa_c_m: float = 1000.0
    ospa_p: float = 2.0


class Gospa(NamedTuple):
    """GOSPA with α = 2 and its parts, in m^p: their sum to the power 1/p is the distance."""

    localisation: float
    missed: float
    false: float
    p: float

    @property
    def distance_m(self) -> float:
        """The metric itself."""
        return (self.localisation + self.missed + self.false) ** (1.0 / self.p)


class ObjectScore(NamedTuple):
    """How one object was followed. Times in s, each moment standing for `step_s`.

    `followed_s`: a track was assigned to it. `first_followed_ns`: since when, None if never.
    `in_sight_s`: any radar could see it, and `followed_in_sight_s`: and a track followed it.
    `changes`: how often another track followed it than before. `fewest_tracks`: the least number
    that covers the time in which any track was on it. `longest_s`: the longest unbroken stretch of
    one track. RMSE in m and m/s, NEES / 6 and the share of NEES below the 95 % of χ² are those of
    the track that followed it; NaN if none did.
    """

    exists_s: float
    followed_s: float
    in_sight_s: float
    followed_in_sight_s: float
    first_followed_ns: int | None
    changes: int
    fewest_tracks: int
    longest_s: float
    position_rmse_m: float
    velocity_rmse_m_s: float
    nees_over_6: float
    nees_within_95: float


class Siap(NamedTuple):
    """The SIAP attributes over all moments; NaN where nothing was there to tell.

    `completeness` C: share of object-time with a track. `ambiguity` A: tracks to an object that
    has any. `spuriousness` S: share of track-time on no object. `position_m` PA and `velocity_m_s`
    VA: mean error of the tracks on objects. `track_changes_per_s` R: tracks beyond the first that
    an object needs, over the time in which objects had any. `longest_segment` LS: the longest
    stretch of one track on each object, over the time that they exist.
    """

    completeness: float
    ambiguity: float
    spuriousness: float
    position_m: float
    velocity_m_s: float
    track_changes_per_s: float
    longest_segment: float


class OverTime(NamedTuple):
    """A row per moment: (k,) each; `gospa` (k, 3) the parts localisation, missed, false in m^p."""

    time_ns: NDArray[np.int64]
    objects: NDArray[np.int64]
    tracks: NDArray[np.int64]
    followed: NDArray[np.int64]
    spurious: NDArray[np.int64]
    ospa_m: Floats
    gospa: Floats


class Measures(NamedTuple):
    """All measures of a run.

    `completeness_in_sight`: share of the time in which any radar could see an object that a track
    follows it. `ospa_m`, `gospa_m` and its parts `localisation_m`, `missed_m`, `false_m`: means of
    order p over the moments with an object or a track, so that the p-th powers of the parts add up
    to GOSPA's. `false_tracks`: those that were on no object for more than half of their moments;
    `false_tracks_per_minute`: over the time scored. `changes_per_object`: how often another track
    follows an object than before, mean over the objects. `nees_over_6` and `nees_within_95`: of the
    tracks that follow objects, over all moments.
    """

    duration_s: float
    objects: Mapping[int, ObjectScore]
    tracks: int
    false_tracks: int
    false_tracks_per_minute: float
    changes_per_object: float
    completeness_in_sight: float
    nees_over_6: float
    nees_within_95: float
    siap: Siap
    ospa_m: float
    gospa_m: float
    localisation_m: float
    missed_m: float
    false_m: float
    over_time: OverTime


class Assigned(NamedTuple):
    """Which tracks are on which objects at one moment, as indices into the sample's rows.

    `follower` (m,): the track that follows each object, -1 where none does; no track follows two.
    `nearest` (n,): the object that each track is on: the one that it follows, else the nearest
    within `cutoff_m`; -1 where it is on none.
    """

    follower: NDArray[np.int64]
    nearest: NDArray[np.int64]


def ospa(estimated: Floats, true: Floats, c_m: float, p: float = 2.0) -> float:
    """OSPA distance in m of two sets of positions, (n, 3) and (m, 3): cut-off c, order p."""
    n, m = len(estimated), len(true)
    if n == 0 and m == 0:
        return 0.0
    cost = np.minimum(distances(estimated, true), c_m) ** p
    rows, columns = _least(cost)
    total = cost[rows, columns].sum() + c_m**p * abs(n - m)
    return float((total / max(n, m)) ** (1.0 / p))


def gospa(estimated: Floats, true: Floats, c_m: float, p: float = 2.0) -> Gospa:
    """GOSPA with α = 2 of two sets of positions, (n, 3) and (m, 3), with cut-off c and order p.

    A pair at c or farther costs as much as one missed and one false, and counts as these.
    """
    apart = distances(estimated, true)
    cost = np.minimum(apart, c_m) ** p
    rows, columns = _least(cost)
    near = apart[rows, columns] < c_m
    pairs = int(near.sum())
    alone = c_m**p / 2.0
    return Gospa(
        localisation=float(cost[rows, columns][near].sum()),
        missed=alone * (len(true) - pairs),
        false=alone * (len(estimated) - pairs),
        p=p,
    )


def nees(error: Floats, covariance: Floats) -> float:
    """Normalised estimation error squared of one estimate: eᵀ P⁻¹ e, (6,) and (6, 6)."""
    # Metres and metres a second on one scale, so that the solution is well conditioned.
    unit = np.sqrt(np.diag(covariance))
    scaled = error / unit
    return float(scaled @ np.linalg.solve(covariance / np.outer(unit, unit), scaled))


def assign_tracks(sample: Sample, held: Mapping[int, int], cutoffs: Cutoffs) -> Assigned:
    """Assign tracks to objects: all at once, each to one, by squared distance within `cutoff_m`.

    `held`: the id of the track that followed each object last. A pair that is held counts as
    `hold` times as near. What is left over is on the nearest object within `cutoff_m`.
    """
    apart = distances(sample.states[:, :3], sample.true[:, :3]).T
    counted = apart.copy()
    number = {track: j for j, track in enumerate(sample.tracks)}
    for i, true_object in enumerate(sample.objects):
        if held.get(true_object) in number:
            counted[i, number[held[true_object]]] *= cutoffs.hold
    follower = np.full(len(sample.objects), -1, np.int64)
    nearest = np.full(len(sample.tracks), -1, np.int64)
    if not apart.size:
        return Assigned(follower, nearest)
    valid = apart <= cutoffs.cutoff_m
    gain = np.where(valid, counted**2 - cutoffs.cutoff_m**2, 0.0)
    rows, columns = _least(gain)
    chosen = valid[rows, columns]
    follower[rows[chosen]] = columns[chosen]
    close = np.argmin(apart, axis=0)
    near = valid[close, np.arange(len(nearest))]
    nearest[near] = close[near]
    nearest[columns[chosen]] = rows[chosen]
    return Assigned(follower, nearest)


def measure(samples: Iterable[Sample], cutoffs: Cutoffs) -> Measures:
    """All measures of a run, from its moments in order of time, `step_s` apart."""
    run = _Run(cutoffs)
    for sample in samples:
        run.take(sample)
    return run.measures()


def distances(estimated: Floats, true: Floats) -> Floats:
    """(n, m): distance of each of n positions from each of m, both (…, 3)."""
    between = np.reshape(estimated, (-1, 1, 3)) - np.reshape(true, (1, -1, 3))
    return np.sqrt(np.sum(between * between, axis=2))


def fewest_covering(stretches: Sequence[tuple[int, int]], moments: Sequence[int]) -> int:
    """The least number of stretches (first, last) that cover all these moments, in order."""
    count, moment = 0, 0
    while moment < len(moments):
        at = moments[moment]
        ends = [last for first, last in stretches if first <= at <= last]
        if not ends:
            raise ValueError("a moment that no stretch covers")
        count += 1
        until = max(ends)
        while moment < len(moments) and moments[moment] <= until:
            moment += 1
    return count


def _least(cost: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The assignment of least cost."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return rows, columns


class _OnObject:
    """What is added up for one object. Stretches are unbroken times of one track on it."""

    def __init__(self) -> None:
        self.exists = 0
        self.first_followed_ns: int | None = None
        self.followed = self.in_sight = self.followed_in_sight = 0
        self.changes = 0
        self.last_track: int | None = None
        self.moments: list[int] = []
        self.stretches: list[tuple[int, int]] = []
        self.open: dict[int, int] = {}
        self.squared_m = self.squared_m_s = 0.0
        self.nees: list[float] = []

    def be_with(self, moment: int, tracks: Sequence[int]) -> None:
        """The tracks that are on it at this moment."""
        if tracks:
            self.moments.append(moment)
        for track in [track for track in self.open if track not in tracks]:
            self.stretches.append((self.open.pop(track), moment - 1))
        for track in tracks:
            self.open.setdefault(track, moment)

    def close(self, moment: int) -> None:
        """No more moments from this one on."""
        self.be_with(moment, ())

    def follow(self, track: int, time_ns: int, error: Floats, covariance: Floats) -> None:
        """The track that follows it."""
        self.followed += 1
        if self.first_followed_ns is None:
            self.first_followed_ns = time_ns
        if self.last_track not in (None, track):
            self.changes += 1
        self.last_track = track
        self.squared_m += float(error[:3] @ error[:3])
        self.squared_m_s += float(error[3:] @ error[3:])
        self.nees.append(nees(error, covariance))

    def score(self, step_s: float) -> ObjectScore:
        """The object's own measures."""
        longest = max((last - first + 1 for first, last in self.stretches), default=0)
        return ObjectScore(
            exists_s=step_s * self.exists,
            followed_s=step_s * self.followed,
            in_sight_s=step_s * self.in_sight,
            followed_in_sight_s=step_s * self.followed_in_sight,
            first_followed_ns=self.first_followed_ns,
            changes=self.changes,
            fewest_tracks=fewest_covering(self.stretches, self.moments),
            longest_s=step_s * longest,
            position_rmse_m=math.sqrt(_over(self.squared_m, self.followed)),
            velocity_rmse_m_s=math.sqrt(_over(self.squared_m_s, self.followed)),
            nees_over_6=_over(sum(self.nees), len(self.nees)) / STATE_SIZE,
            nees_within_95=_over(sum(one <= NEES_95 for one in self.nees), len(self.nees)),
        )


class _Run:
    """What is added up over a run."""

    def __init__(self, cutoffs: Cutoffs) -> None:
        self.cutoffs = cutoffs
        self.on: dict[int, _OnObject] = {}
        self.lives: dict[int, list[int]] = {}
        self.rows: list[tuple[float, ...]] = []
        self.times: list[int] = []
        self.held: dict[int, int] = {}
        self.on_objects = 0
        self.error_m = self.error_m_s = 0.0

    def take(self, sample: Sample) -> None:
        """Add one moment."""
        moment, cutoffs = len(self.times), self.cutoffs
        assigned = assign_tracks(sample, self.held, cutoffs)
        for i, true_object in enumerate(sample.objects):
            on = self.on.setdefault(true_object, _OnObject())
            on.exists += 1
            on.in_sight += int(sample.in_sight[i])
            on.be_with(moment, [sample.tracks[j] for j in np.flatnonzero(assigned.nearest == i)])
            j = int(assigned.follower[i])
            if j >= 0:
                error = sample.states[j] - sample.true[i]
                on.followed_in_sight += int(sample.in_sight[i])
                on.follow(sample.tracks[j], sample.time_ns, error, sample.covariances[j])
                self.held[true_object] = sample.tracks[j]
        for gone in self.on.keys() - set(sample.objects):
            self.on[gone].close(moment)
        for track, i in zip(sample.tracks, assigned.nearest, strict=True):
            life = self.lives.setdefault(track, [0, 0])
            life[0] += 1
            life[1] += int(i < 0)
        placed = np.flatnonzero(assigned.nearest >= 0)
        error = sample.states[placed] - sample.true[assigned.nearest[placed]]
        self.on_objects += len(placed)
        self.error_m += float(np.linalg.norm(error[:, :3], axis=1).sum())
        self.error_m_s += float(np.linalg.norm(error[:, 3:], axis=1).sum())
        positions = sample.states[:, :3], sample.true[:, :3]
        parts = gospa(*positions, cutoffs.ospa_c_m, cutoffs.ospa_p)
        self.times.append(sample.time_ns)
        self.rows.append(
            (
                len(sample.objects),
                len(sample.tracks),
                int((assigned.follower >= 0).sum()),
                len(sample.tracks) - len(placed),
                ospa(*positions, cutoffs.ospa_c_m, cutoffs.ospa_p),
                *parts[:3],
            )
        )

    def measures(self) -> Measures:
        """Everything together."""
        cutoffs = self.cutoffs
        for on in self.on.values():
            on.close(len(self.times))
        rows = np.array(self.rows).reshape(-1, 8)
        objects = {name: on.score(cutoffs.step_s) for name, on in sorted(self.on.items())}
        busy = rows[(rows[:, 0] > 0) | (rows[:, 1] > 0)]
        p = cutoffs.ospa_p

        def mean(powers: Floats) -> float:
            return float(_over(powers.sum(), len(busy)) ** (1.0 / p))

        false_tracks = sum(2 * spurious > moments for moments, spurious in self.lives.values())
        duration_s = cutoffs.step_s * len(rows)
        all_nees = np.concatenate([np.zeros(0), *(on.nees for on in self.on.values())])
        return Measures(
            duration_s=duration_s,
            objects=objects,
            tracks=len(self.lives),
            false_tracks=false_tracks,
            false_tracks_per_minute=_over(false_tracks, duration_s / 60.0),
            changes_per_object=_over(sum(one.changes for one in objects.values()), len(objects)),
            completeness_in_sight=_over(
                sum(one.followed_in_sight_s for one in objects.values()),
                sum(one.in_sight_s for one in objects.values()),
            ),
            nees_over_6=_over(float(all_nees.sum()), len(all_nees)) / STATE_SIZE,
            nees_within_95=_over(float((all_nees <= NEES_95).sum()), len(all_nees)),
            siap=self._siap(objects, rows),
            ospa_m=mean(busy[:, 4] ** p),
            gospa_m=mean(busy[:, 5:].sum(axis=1)),
            localisation_m=mean(busy[:, 5]),
            missed_m=mean(busy[:, 6]),
            false_m=mean(busy[:, 7]),
            over_time=OverTime(
                time_ns=np.array(self.times, np.int64),
                objects=rows[:, 0].astype(np.int64),
                tracks=rows[:, 1].astype(np.int64),
                followed=rows[:, 2].astype(np.int64),
                spurious=rows[:, 3].astype(np.int64),
                ospa_m=rows[:, 4],
                gospa=rows[:, 5:],
            ),
        )

    def _siap(self, objects: Mapping[int, ObjectScore], rows: Floats) -> Siap:
        """The attributes, from sums over all moments."""
        j, n, jt, spurious = (float(rows[:, k].sum()) for k in range(4))
        step_s = self.cutoffs.step_s
        needed = sum(max(0, one.fewest_tracks - 1) for one in objects.values())
        longest_s = sum(one.longest_s for one in objects.values())
        return Siap(
            completeness=_over(jt, j),
            ambiguity=_over(self.on_objects, jt),
            spuriousness=_over(spurious, n),
            position_m=_over(self.error_m, self.on_objects),
            velocity_m_s=_over(self.error_m_s, self.on_objects),
            track_changes_per_s=_over(needed, step_s * jt),
            longest_segment=_over(longest_s, step_s * j),
        )


def _over(part: float, whole: float) -> float:
    """A ratio; NaN of nothing."""
    return part / whole if whole else math.nan
