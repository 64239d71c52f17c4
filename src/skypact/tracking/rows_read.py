"""Rows of the fold's arrays as frozen tracks; one that is as when last read is not made again."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.filter import CORE
from skypact.model import PartnerRadar, Phase, Radar, Track, TrackStatus
from skypact.model.track import Estimate, PhaseEstimate
from skypact.tracking import tables
from skypact.tracking.phases import combined, phase_of

_STATUS = {
    tables.CONFIRMED: TrackStatus.CONFIRMED,
    tables.ENDED: TrackStatus.ENDED,
}
_REASON = {
    tables.NOT_ENDED: None,
    tables.CAME_DOWN: "came down",
    tables.NOT_SEEN: "not seen",
    tables.NO_OBJECT: "no object there",
}
_PHASE = {int(phase): phase for phase in Phase}
_WHOLE = ("number", "value", "mu", "by_radar", "seen_mu")
"""Not the first plots, which are large: other plots would have made another estimate."""
_STATES, _COVARIANCES = ("x", "seen_x"), ("p", "seen_p")


class RowsRead:
    """Tracks as last read, by row, with the bits that they were made of.

    Memory: of each row some 5 kB beside the track itself.
    """

    def __init__(self, radars: Sequence[Radar]) -> None:
        self._radars = tuple(radars)
        self._partners: tuple[PartnerRadar, ...] = ()
        self._bits = np.zeros((0, 0), np.int64)
        self._tracks: list[Track | None] = []

    def read(
        self,
        arrays: tables.TrackArrays,
        rows: NDArray[np.int64],
        partners: tuple[PartnerRadar, ...],
    ) -> list[Track]:
        """The tracks of these rows: the very ones given before wherever no bit is another.

        `partners`: the radars whose plots the columns after the own ones count.
        """
        bits = _bits(arrays, rows)
        self._make_room(len(arrays.number), bits.shape[1], partners)
        changed = (self._bits[rows] != bits).any(axis=1)
        self._bits[rows] = bits
        out = []
        for row, is_new in zip(rows.tolist(), changed.tolist(), strict=True):
            track = self._tracks[row]
            if track is None or is_new:
                track = self._tracks[row] = self.made(arrays, row, partners)
            out.append(track)
        return out

    def _make_room(self, rows: int, columns: int, partners: tuple[PartnerRadar, ...]) -> None:
        """Forget all where rows mean something else than before; room for more where needed."""
        if partners != self._partners or columns != self._bits.shape[1]:
            self._partners, self._tracks = partners, []
            self._bits = np.zeros((0, columns), np.int64)
        more = rows - len(self._tracks)
        if more > 0:
            self._tracks += [None] * more
            self._bits = np.concatenate((self._bits, np.zeros((more, columns), np.int64)))

    def made(
        self, arrays: tables.TrackArrays, row: int, partners: tuple[PartnerRadar, ...]
    ) -> Track:
        """One row as a frozen track."""
        number, value = arrays.number[row].tolist(), arrays.value[row].tolist()
        now = estimate_of(
            number[tables.TIME_NS],
            *(arrays.x[row], arrays.p[row], arrays.mu[row]),
            number[tables.FREE_PHASE],
        )
        seen_ns, last_seen = number[tables.SEEN_NS], None
        if 0 < seen_ns < now.time_ns:
            seen = arrays.seen_x[row], arrays.seen_p[row], arrays.seen_mu[row]
            last_seen = estimate_of(seen_ns, *seen, number[tables.SEEN_PHASE])
        first_ns, counts = number[tables.FIRST_NS], arrays.by_radar[row].tolist()
        own = len(self._radars)
        by_radar = zip(self._radars, counts[:own], strict=True)
        return Track(
            id=number[tables.TRACK_ID],
            status=_STATUS[number[tables.STATUS]],
            time_ns=now.time_ns,
            state=now.state,
            covariance=now.covariance,
            phases=now.phases,
            first_plot_ns=first_ns,
            last_plot_ns=number[tables.LAST_NS],
            plots=number[tables.PLOTS],
            plots_by_radar={radar.id: count for radar, count in by_radar if count},
            plots_by_partner=_by_partner(partners, counts[own:]),
            first_plots=arrays.first[row, : number[tables.KEPT]].copy(),
            manoeuvre_log_odds=value[tables.STEER_LOG_ODDS],
            highest_m=value[tables.HIGHEST_M],
            highest_ns=first_ns + round(value[tables.HIGHEST_AT_S] * 1e9),
            highest_sigma_m=value[tables.HIGHEST_SIGMA_M],
            most_energy_j_kg=value[tables.MOST_ENERGY],
            ended_because=_REASON[number[tables.REASON]],
            parted_from=number[tables.PARTED_FROM] or None,
            last_seen=last_seen,
            last_seen_by=self._seen_by(number[tables.LAST_RADAR], partners),
        )

    def _seen_by(self, row: int, partners: Sequence[PartnerRadar]) -> str:
        """The radar of a row of the table: its id, or a partner's nation and label."""
        if row < len(self._radars):
            return self._radars[row].id
        partner = partners[row - len(self._radars)]
        return f"{partner.nation} {partner.label}"


def _by_partner(partners: Sequence[PartnerRadar], counts: list[int]) -> dict[str, dict[str, int]]:
    """Plots in tracklets, by nation and label."""
    found: dict[str, dict[str, int]] = {}
    for partner, count in zip(partners, counts, strict=True):
        if count:
            found.setdefault(partner.nation, {})[partner.label] = count
    return found


def _bits(arrays: tables.TrackArrays, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """All that tracks of these rows are made of, (k, columns): as bits, for NaN equals nothing."""
    parts = [getattr(arrays, name)[rows] for name in _WHOLE]
    parts += [getattr(arrays, name)[rows, :, :CORE] for name in _STATES]
    parts += [getattr(arrays, name)[rows, :, :CORE, :CORE] for name in _COVARIANCES]
    flat = (np.ascontiguousarray(part).reshape(len(rows), prod(part.shape[1:])) for part in parts)
    return np.concatenate([part.view(np.int64) for part in flat], axis=1)


def estimate_of(
    time_ns: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    free_phase: int,
) -> Estimate:
    """Slots `x` (3, n), `p` (3, n, n), `mu` (3,) as a frozen estimate."""
    mean, covariance = np.empty(6), np.empty((6, 6))
    combined(x, p, mu, mean, covariance)
    phases = tuple(
        [
            PhaseEstimate(
                phase=_PHASE[phase_of(slot, free_phase)],
                probability=probability,
                state=x[slot, :CORE].copy(),
                covariance=p[slot, :CORE, :CORE].copy(),
            )
            for slot, probability in enumerate(mu.tolist())
            if probability > 0.0
        ]
    )
    return Estimate(time_ns=time_ns, state=mean, covariance=covariance, phases=phases)
