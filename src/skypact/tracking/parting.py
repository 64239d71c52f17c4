"""What parts from what, and which of the two carries the flight."""

import math

from skypact.kernels.compiled import kernel
from skypact.kernels.gravity import gravity_j2
from skypact.tracking.context import FoldSettings
from skypact.tracking.noting import SURE_OF_FREE_FLIGHT
from skypact.tracking.tables import (
    CONFIRMED,
    COUPLE,
    FIRST_NS,
    FITTED,
    FREE,
    HIGHEST_AT_S,
    KEPT,
    NEVER_AGAIN,
    PARTED_FROM,
    PLOTS,
    SKIPPED,
    STATUS,
    STRIDE,
    THRUST,
    TIME_NS,
    TRACK_ID,
    TRACKLETS,
    TrackArrays,
    likeliest,
)

# What burns on pushes at least so hard, m/s², and by so many sigmas more than not at all.
LEAST_THRUST_M_S2 = 5.0
THRUST_SIGMAS = 4.0
SURE_OF_THRUST = 0.95
# So long after it began a track is no longer taken for what went on burning, s.
BURNS_ON_S = 60.0
# ... nor one that is seen this much less often than what it parted from: it began by chance, from
# false plots, which bend any way.
AS_OFTEN = 0.5


@kernel
def let_burning_carry(tracks: TrackArrays, t: int, parent: int) -> None:
    """Let track `t` carry the flight of the one that it parted from, row `parent`, if it burns on.

    A stage that is dropped stops burning, and for some seconds the plots of both look like the
    track's own: where that went on with the stage, the two exchange their past. Ids stay as they
    are; each is then of the other object.
    """
    mine, x, p = tracks.number[t], tracks.x[t, THRUST], tracks.p[t, THRUST]
    if parent < 0 or mine[STATUS] != CONFIRMED or tracks.mu[t, THRUST] < SURE_OF_THRUST:
        return
    if tracks.mu[parent, FREE] < SURE_OF_FREE_FLIGHT or mine[COUPLE] != 0:
        return
    if tracks.number[parent, COUPLE] != 0 or (mine[TIME_NS] - mine[FIRST_NS]) * 1e-9 > BURNS_ON_S:
        return
    ours = tracks.number[parent]
    mine_ns, ours_ns = mine[TIME_NS] - mine[FIRST_NS], ours[TIME_NS] - ours[FIRST_NS]
    if mine[PLOTS] * ours_ns < AS_OFTEN * ours[PLOTS] * mine_ns:
        return
    thrust = math.sqrt(x[6] * x[6] + x[7] * x[7] + x[8] * x[8])
    sigma = math.sqrt(p[6, 6] + p[7, 7] + p[8, 8])
    if thrust > LEAST_THRUST_M_S2 and thrust > THRUST_SIGMAS * sigma:
        exchange_past(tracks, t, parent)


@kernel
def exchange_past(tracks: TrackArrays, one: int, other: int) -> None:
    """Let two tracks go on as each other: ids, first plots and counts change places."""
    a, b = tracks.number[one], tracks.number[other]
    later_s = (a[FIRST_NS] - b[FIRST_NS]) * 1e-9
    tracks.value[one, HIGHEST_AT_S] += later_s
    tracks.value[other, HIGHEST_AT_S] -= later_s
    for k in (
        TRACK_ID,
        FIRST_NS,
        PARTED_FROM,
        PLOTS,
        KEPT,
        STRIDE,
        SKIPPED,
        TRACKLETS,
    ):
        a[k], b[k] = b[k], a[k]
    a[FITTED], b[FITTED] = NEVER_AGAIN, NEVER_AGAIN
    for i in range(tracks.first.shape[1]):
        for j in range(tracks.first.shape[2]):
            kept = tracks.first[one, i, j]
            tracks.first[one, i, j] = tracks.first[other, i, j]
            tracks.first[other, i, j] = kept
    for radar in range(tracks.by_radar.shape[1]):
        count = tracks.by_radar[one, radar]
        tracks.by_radar[one, radar] = tracks.by_radar[other, radar]
        tracks.by_radar[other, radar] = count


@kernel
def parent_of(tracks: TrackArrays, t: int, settings: FoldSettings) -> int:
    """Id of the track that track `t` parted from: the nearest that it began beside; 0: none."""
    mine = tracks.number[t]
    slot = likeliest(tracks.mu[t])
    x, p = tracks.x[t, slot], tracks.p[t, slot]
    parent, nearest = 0, math.inf
    for other in range(tracks.number.shape[0]):
        number = tracks.number[other]
        older_s = (mine[FIRST_NS] - number[FIRST_NS]) * 1e-9
        if other == t or number[STATUS] != CONFIRMED or older_s < settings.parting_after_s:
            continue
        slot = likeliest(tracks.mu[other])
        y, q = tracks.x[other, slot], tracks.p[other, slot]
        dt = (mine[TIME_NS] - number[TIME_NS]) * 1e-9
        gravity = gravity_j2(y[0], y[1], y[2])
        apart, faster, place, speed = 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            apart += (x[k] - y[k] - dt * y[3 + k] - 0.5 * dt * dt * gravity[k]) ** 2
            faster += (x[3 + k] - y[3 + k] - dt * gravity[k]) ** 2
            place += p[k, k] + q[k, k] + dt * dt * q[3 + k, 3 + k]
            speed += p[3 + k, 3 + k] + q[3 + k, 3 + k]
        near = apart < (settings.parting_m + 5.0 * math.sqrt(place)) ** 2
        if (
            near
            and faster < (settings.parting_m_s + 5.0 * math.sqrt(speed)) ** 2
            and (apart < nearest or (apart == nearest and number[TRACK_ID] < parent))
        ):
            parent, nearest = number[TRACK_ID], apart
    return parent
