"""Tracklets from outside: checked, brought into order, and turned into what the fold takes."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.tracklet import JOINT, OUTSIDE, new_object, whiten
from skypact.model import PartnerRadar, Refusal, Tracklet
from skypact.settings import TrackingSettings
from skypact.tracking.phases import FASTEST_M_S
from skypact.tracking.tables import COUPLE, TrackArrays, new_tracks
from skypact.tracking.tracklet_fold import TrackletArrays, tracklet_arrays

DEEPEST_M = 100e3
_MALFORMED = "have the partner send it as its version of the wire format says"
_RECOMPUTE = "have the partner make it anew from its plots"


class Batch(NamedTuple):
    """Tracklets of one radar that are associated together, in order; `time_ns`: of the first."""

    time_ns: int
    radar: PartnerRadar
    number: int
    tracklets: tuple[Tracklet, ...]


def batches_of(tracklets: Iterable[Tracklet]) -> list[Batch]:
    """Tracklets in the order of the fold: time, nation, radar, batch, and within it time.

    What ties is told apart by its content, so that the order of arrival has no part in it.
    """
    groups: dict[tuple[PartnerRadar, int], list[Tracklet]] = {}
    for tracklet in tracklets:
        groups.setdefault((partner_of(tracklet), tracklet.batch), []).append(tracklet)
    batches = [batch_of(radar, number, members) for (radar, number), members in groups.items()]
    return sorted(batches, key=order_of)


def batch_of(radar: PartnerRadar, number: int, members: Iterable[Tracklet]) -> Batch:
    """Tracklets of one batch in their order: by time, and what ties by its content."""
    ordered = tuple(sorted(members, key=lambda one: (one.time_ns, *content_of(one))))
    return Batch(ordered[0].time_ns, radar, number, ordered)


def content_of(tracklet: Tracklet) -> tuple[bytes, ...]:
    """The bits of what a tracklet says, without when and whose."""
    arrays = (
        tracklet.state,
        tracklet.vector,
        tracklet.information,
        tracklet.cross_information,
        tracklet.bias_information,
        tracklet.bias_vector,
    )
    whole = tracklet.first_ns, tracklet.last_ns, tracklet.plots, tracklet.rank
    return *(array.tobytes() for array in arrays), repr(whole).encode()


def order_of(batch: Batch) -> tuple[int, str, str, int]:
    """Where a batch stands among others."""
    return batch.time_ns, batch.radar.nation, batch.radar.label, batch.number


def partner_of(tracklet: Tracklet) -> PartnerRadar:
    """The radar that a tracklet is of."""
    return PartnerRadar(
        nation=tracklet.nation,
        label=tracklet.radar,
        bias_sigma=tuple(tracklet.bias_sigma.tolist()),
        correlation_time_s=tracklet.correlation_time_s,
    )


def refusal_of(tracklet: Tracklet, settings: TrackingSettings) -> Refusal | None:
    """Why a tracklet cannot be used; None where it can."""
    fault = _fault_of(tracklet, settings)
    return None if fault is None else refused(tracklet, *fault)


def refused(tracklet: Tracklet, reason: str, remedy: str) -> Refusal:
    """That tracklet with a reason."""
    source = f"{tracklet.nation}/{tracklet.radar}"
    return Refusal(source=source, time_ns=tracklet.time_ns, reason=reason, remedy=remedy)


def _fault_of(tracklet: Tracklet, settings: TrackingSettings) -> tuple[str, str] | None:
    """Reason and remedy of the first fault found."""
    b = len(tracklet.bias_sigma)
    arrays = {
        "state": (tracklet.state, (6,)),
        "information": (tracklet.information, (6, 6)),
        "vector": (tracklet.vector, (6,)),
        "cross_information": (tracklet.cross_information, (6, b)),
        "bias_information": (tracklet.bias_information, (b, b)),
        "bias_vector": (tracklet.bias_vector, (b,)),
        "bias_sigma": (tracklet.bias_sigma, (b,)),
    }
    if b not in (0, kf.BIASES_PER_RADAR):
        return f"it has {b} biases; there are 0 or {kf.BIASES_PER_RADAR}", _MALFORMED
    for name, (values, shape) in arrays.items():
        if values.dtype != np.float64:
            return f"its {name} is not of float64 numbers", _MALFORMED
        if values.shape != shape:
            return f"its {name} has the shape {values.shape}, not {shape}", _MALFORMED
    joint, vector = joint_of(tracklet)
    together = (joint, vector, tracklet.state, tracklet.bias_sigma)
    if not all(np.isfinite(values).all() for values in together):
        name = next(n for n, (values, _) in arrays.items() if not np.isfinite(values).all())
        return f"its {name} is not finite", _RECOMPUTE
    correlated = tracklet.correlation_time_s
    if (tracklet.bias_sigma < 0.0).any() or not (math.isfinite(correlated) and correlated >= 0.0):
        return "a prior of its biases or their correlation time is negative", _RECOMPUTE
    span_s = (tracklet.last_ns - tracklet.first_ns) * 1e-9
    if not 0.0 <= span_s <= settings.greatest_tracklet_s:
        return (
            f"its plots span {span_s:.3f} s; 0 to {settings.greatest_tracklet_s:g} s are allowed",
            "have the partner set its clock, or raise greatest_tracklet_s",
        )
    if not tracklet.first_ns <= tracklet.time_ns <= tracklet.last_ns:
        return "its instant lies outside of its plots", _RECOMPUTE
    if tracklet.plots < 1 or (tracklet.plots > 1 and tracklet.first_ns == tracklet.last_ns):
        return f"it cannot be of {tracklet.plots} plots in {span_s:.3f} s", _RECOMPUTE
    return _implausible(tracklet, settings) or _no_information(tracklet, joint, vector)


def _implausible(tracklet: Tracklet, settings: TrackingSettings) -> tuple[str, str] | None:
    """A place or a speed where nothing can be."""
    height = geodetic_from_ecef(*tracklet.state[:3])[2]
    if not -DEEPEST_M < height < settings.greatest_height_m:
        return (
            f"its height is {height / 1e3:.0f} km",
            "ECEF metres are meant; if it is right, raise greatest_height_m",
        )
    speed = math.hypot(*tracklet.state[3:].tolist())
    if not speed < FASTEST_M_S:
        return f"its speed is {speed / 1e3:.0f} km/s", "ECEF metres per second are meant"
    for what, unit, part, least in (
        ("place", "m", slice(3), settings.least_tracklet_sigma_m),
        ("velocity", "m/s", slice(3, 6), settings.least_tracklet_sigma_m_s),
    ):
        greatest = float(sum(tracklet.information.diagonal()[part].tolist()))
        if greatest > 3.0 / least**2:
            return (
                f"it claims to know a {what} to {math.sqrt(3.0 / greatest):.2g} {unit}",
                "no radar does; have the partner check its accuracies",
            )
    return None


def _no_information(
    tracklet: Tracklet, joint: NDArray[np.float64], vector: NDArray[np.float64]
) -> tuple[str, str] | None:
    """Matrices that are no information, or not of the rank that is claimed."""
    if (joint != joint.T).any():
        scale = np.sqrt(np.maximum(np.diag(joint), 0.0))
        if (np.abs(joint - joint.T) > 1e-9 * np.outer(scale, scale)).any():
            return "its information is not symmetric", _RECOMPUTE
    found, _, values = _whitened(joint, vector)
    if found < 0:
        return (
            "its vector is not within what its information allows"
            if found == OUTSIDE
            else "its information is not positive semidefinite"
        ), _RECOMPUTE
    rank = _whitened(joint[:6, :6], np.zeros(6))[0]
    if rank != tracklet.rank or rank < 3:
        claimed = f"it claims rank {tracklet.rank}, and has rank {rank}"
        return claimed, "rank 3 to 6 of its information is meant"
    if not math.isfinite(_alone(joint, vector, tracklet, found, values, 1.0)[2]):
        return "it does not tell a place", "at least range and two angles are needed"
    return None


def joint_of(tracklet: Tracklet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Information (14, 14) and vector (14,) of core and biases together; 0 where it has none."""
    joint, vector = np.zeros((JOINT, JOINT)), np.zeros(JOINT)
    end = 6 + len(tracklet.bias_sigma)
    joint[:6, :6], vector[:6] = tracklet.information, tracklet.vector
    joint[:6, 6:end], joint[6:end, :6] = tracklet.cross_information, tracklet.cross_information.T
    joint[6:end, 6:end], vector[6:end] = tracklet.bias_information, tracklet.bias_vector
    return joint, vector


def _whitened(
    joint: NDArray[np.float64], vector: NDArray[np.float64]
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """How many measurements (below 0: a fault), their rows and their values."""
    m = len(vector)
    rows, values = np.zeros((m, m)), np.zeros(m)
    count = whiten(joint.copy(), vector, rows, values, np.zeros((2, m), np.int64))
    return int(count), rows, values


def _alone(
    joint: NDArray[np.float64],
    vector: NDArray[np.float64],
    tracklet: Tracklet,
    count: int,
    values: NDArray[np.float64],
    speed_sigma_m_s: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """What a tracklet says of a new object: departure, covariance, log likelihood per m³.

    `count`, `values`: as `_whitened` gives them.
    """
    sigma = np.ones(kf.BIASES_PER_RADAR)
    sigma[: len(tracklet.bias_sigma)] = tracklet.bias_sigma
    x, p, work = np.zeros(JOINT), np.zeros((JOINT, JOINT)), np.zeros((JOINT, JOINT))
    velocity = tuple(tracklet.state[3:].tolist())
    new = new_object(joint, vector, values, count, velocity, speed_sigma_m_s, sigma, x, p, work)
    return x, p, float(new)


def arrays_of(batch: Batch, row: int, settings: TrackingSettings) -> TrackletArrays:
    """A batch as the fold takes it; `row`: its radar's in the table."""
    k = len(batch.tracklets)
    arrays = tracklet_arrays(k)
    for j, tracklet in enumerate(batch.tracklets):
        joint, vector = joint_of(tracklet)
        count, arrays.rows[j], arrays.values[j] = _whitened(joint, vector)
        arrays.x[j], arrays.p[j], new = _alone(
            joint, vector, tracklet, count, arrays.values[j], settings.speed_sigma_m_s
        )
        arrays.new[j] = new + settings.new_object_log_density_m3
        arrays.number[j] = tracklet.time_ns, row, count, tracklet.plots
        arrays.state[j] = tracklet.state
    return arrays


def widened(
    tracks: TrackArrays, radars: NDArray[np.float64], size: int, partner: PartnerRadar
) -> TrackArrays:
    """The same tracks in a picture of one more radar, with states of `size` numbers.

    Its biases are as believed before and independent of all else. `radars`: the new table. Couples
    end: their tracks go on as they are.
    """
    capacity, n = len(tracks.x), tracks.x.shape[2]
    wider = new_tracks(
        *(capacity, size, len(radars), tracks.first.shape[1], len(tracks.waiting)),
        tracks.couple_weight.shape,
    )
    for name, column in tracks._asdict().items():
        if not name.startswith("couple"):
            getattr(wider, name)[tuple(slice(length) for length in column.shape)] = column
    for p in (wider.p, wider.seen_p, wider.past_p):
        for k, sigma in enumerate(partner.bias_sigma):
            p[..., n + k, n + k] = sigma**2
    wider.number[:, COUPLE] = 0
    return wider


def placed(
    batches: Sequence[Batch], scan_ns: NDArray[np.int64], names: Sequence[tuple[str, str]]
) -> list[int]:
    """For each batch, in order, how many scans come before it.

    `scan_ns` (k,): times of the scans, in order; `names`: nation and radar of each.
    """
    out, at = [], 0
    for batch in batches:
        mine = (batch.time_ns, batch.radar.nation, batch.radar.label)
        at = max(at, int(np.searchsorted(scan_ns, batch.time_ns)))
        while at < len(scan_ns) and (int(scan_ns[at]), *names[at]) <= mine:
            at += 1
        out.append(at)
    return out
