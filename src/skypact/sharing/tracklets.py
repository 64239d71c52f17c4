"""Own plots to tracklets, as the release picture goes on.

Every plot leaves once. One that a confirmed track took is linearised about that track: in coast,
where motion has no noise, together with its radar's other plots of the same second (which leave
with the last look of it that the radar's period allows), in any other phase by itself. One that no
confirmed track took is linearised about itself and tells a place only. Where a radar's errors stay
alike for a time, plots go one by one, as a tracklet has but one of each such error.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import local_axes
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.kernels.radar_table import radar_array
from skypact.kernels.tracklet import JOINT, gather_information
from skypact.model import Followed, Openness, Phase, Plots, Radar, Tracklet
from skypact.model.track import SHARED_PLOT
from skypact.settings import SharingSettings
from skypact.sharing.release import Hiding, rounded


def label_of(radar: Radar, partner: str, secret: bytes) -> str:
    """The name that a partner knows a radar by: it tells nothing, and each partner has another.

    `secret`: up to 64 bytes that no one else has.
    """
    named = "\0".join((partner, radar.nation, radar.id)).encode()
    return hashlib.blake2b(named, key=secret, digest_size=8).hexdigest()


class _Row(NamedTuple):
    """One plot and what was said of it: fields as of `Plots` and `Followed`."""

    time_ns: int
    radar: int
    scan: int
    z: tuple[float, float, float, float]
    track: int
    state: NDArray[np.float64]
    speed_sigma_m_s: float


class TrackletMaker:
    """Makes tracklets for one partner from the plots of a release picture, as they are folded.

    >>> maker = TrackletMaker(picture.radars, partner="US", secret=secret)
    >>> picture.observe(plots, more_to_come=True, on_followed=maker.take)
    >>> maker.ready()

    `withheld` counts what could not be hidden and did not leave: too far away, or of a radar with
    biases and not part of any track yet.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        *,
        partner: str,
        secret: bytes,
        openness: Openness = Openness.HIDDEN,
        settings: SharingSettings | None = None,
    ) -> None:
        self.radars = tuple(radars)
        self.openness = openness
        self.withheld = 0
        self.settings = settings or SharingSettings()
        self._labels = [label_of(radar, partner, secret) for radar in self.radars]
        self._table, _ = radar_array(self.radars)
        self._gravity = field(PATH_DEGREE)
        self._hiding = Hiding(self.radars, self._table, secret, self.settings)
        self._batch_ns = round(self.settings.coast_batch_s * 1e9)
        self._period_ns = [round((radar.period_s or 0.0) * 1e9) for radar in self.radars]
        self._window = -(2**63)  # batches of those before it are closed
        self._open: dict[tuple[int, int], list[_Row]] = {}
        self._ready: list[Tracklet] = []

    def take(self, followed: Followed) -> None:
        """Take plots as they were folded (`Picture.observe(on_followed=…)`)."""
        plots = followed.plots
        for row, phase in zip(_rows(followed), followed.phase, strict=True):
            self._close_before(row.time_ns // self._batch_ns)
            key = (row.radar, row.track)
            alone = phase != Phase.COAST or self.radars[row.radar].correlation_time_s > 0.0
            if phase == SHARED_PLOT:  # it tells of no one object
                self.withheld += 1
            elif row.track <= 0:
                self._release(self._of_itself(row), row)
            elif alone:
                self._close(key, whole=False)
                self._release(self._of_track([row], self._look(row)), row)
            else:
                self._open.setdefault(key, []).append(row)
                self._window = min(self._window, row.time_ns // self._batch_ns)
                if self._is_last(row):
                    self._close(key, whole=False)
        if len(plots.time_ns):
            self._close_before(int(plots.time_ns.max()) // self._batch_ns)

    def ready(self, *, no_more: bool = False) -> list[Tracklet]:
        """The tracklets that are whole, each given once; `no_more`: the others as they stand."""
        if no_more:
            for key in list(self._open):
                self._close(key)
        out, self._ready = self._ready, []
        return sorted(out, key=lambda one: (one.time_ns, one.nation, one.radar, one.batch))

    def _is_last(self, row: _Row) -> bool:
        """Whether its radar looks again only after the time of the batch: no need to wait."""
        next_ns = row.time_ns + self._period_ns[row.radar]
        return next_ns // self._batch_ns > row.time_ns // self._batch_ns

    def _close_before(self, window: int) -> None:
        """Close batches of earlier windows than this."""
        if window <= self._window:
            return
        self._window = window
        for key, rows in list(self._open.items()):
            if rows[0].time_ns // self._batch_ns < window:
                self._close(key)

    def _close(self, key: tuple[int, int], *, whole: bool = True) -> None:
        """Close the batch of this radar and track, if there is one; `whole`: its time is over.

        One closed before its time counts as of its last look: what is left of its time makes
        another, and only different objects' tracklets may have one number.
        """
        rows = self._open.pop(key, None)
        if rows:
            # Odd numbers are windows, even ones looks.
            window = 2 * (rows[0].time_ns // self._batch_ns) + 1
            self._release(self._of_track(rows, window if whole else self._look(rows[-1])), rows[0])

    def _release(self, full: Tracklet, row: _Row) -> None:
        """Put a tracklet among those that are ready, as open as was decided."""
        if self.openness == Openness.FULL:
            self._ready.append(full)
        elif self.openness == Openness.ROUNDED:
            self._ready.append(rounded(full, self.settings))
        else:
            hidden = self._hiding.hide(full, row.radar, abs(row.track))
            if hidden is None:
                self.withheld += 1
            else:
                self._ready.append(hidden)

    def _look(self, row: _Row) -> int:
        """Number of the batch of all tracklets of one look."""
        return 2 * row.scan

    def _of_itself(self, row: _Row) -> Tracklet:
        """A plot that no confirmed track took: about its own place, and telling no velocity.

        Its range is taken short by the mean sag of its own angular errors, r σ²/2: along a line of
        sight that is off by ε, the true place is r cos ε away.
        """
        radar = self.radars[row.radar]
        across = math.cos(row.z[2]) ** 2
        square = across * (radar.azimuth_sigma_rad**2 + radar.azimuth_bias_sigma_rad**2)
        square += radar.elevation_sigma_rad**2 + radar.elevation_bias_sigma_rad**2
        row = row._replace(z=(row.z[0] * (1.0 - 0.5 * square), *row.z[1:]))
        axes = local_axes(radar.latitude_rad, radar.longitude_rad)
        away = turn_to_ecef(*local_from_polar(*row.z[:3]), axes)
        site = self._table[row.radar, kf.SITE : kf.SITE + 3]
        state = np.concatenate((site + np.array(away), np.zeros(3)))
        unknown = self.settings.unknown_speed_m_s
        if row.speed_sigma_m_s < unknown:  # by the tentative track that took it
            state[3:], unknown = row.state[3:], row.speed_sigma_m_s
        return self._gathered([row], state, self._look(row), unknown)

    def _of_track(self, rows: Sequence[_Row], batch: int) -> Tracklet:
        """Plots of one track, about its estimate after the last of them."""
        rows = sorted(rows, key=lambda row: row.time_ns)
        return self._gathered(rows, rows[-1].state, batch, 0.0)

    def _gathered(
        self, rows: Sequence[_Row], state: NDArray[np.float64], batch: int, unknown_speed: float
    ) -> Tracklet:
        """The information of plots of one radar about `state`, at the time of the last of them."""
        number, last_ns = rows[0].radar, rows[-1].time_ns
        z = np.array([row.z for row in rows])
        since_s = np.array([(row.time_ns - last_ns) * 1e-9 for row in rows])
        joint, vector = np.zeros((JOINT, JOINT)), np.zeros(JOINT)
        gather_information(
            z,
            since_s,
            number,
            self._table,
            state,
            unknown_speed,
            self._gravity,
            joint,
            vector,
            kf.scratch(JOINT),
        )
        has_rate = self._table[number, kf.SIGMA + 3] > 0.0 and unknown_speed == 0.0
        components = sum(3 + (has_rate and not math.isnan(row.z[3])) for row in rows)
        biases = slice(6, JOINT if self._table[number, kf.BIAS_AT] > 0 else 6)
        sigma = self._table[number, kf.BIAS_SIGMA : kf.BIAS_SIGMA + kf.BIASES_PER_RADAR]
        return Tracklet(
            time_ns=last_ns,
            nation=self.radars[number].nation,
            radar=self._labels[number],
            batch=batch,
            state=state.copy(),
            information=joint[:6, :6],
            vector=vector[:6],
            cross_information=joint[:6, biases],
            bias_information=joint[biases, biases],
            bias_vector=vector[biases],
            bias_sigma=sigma[: biases.stop - 6].copy(),
            correlation_time_s=float(self._table[number, kf.CORRELATION_TIME_S]),
            first_ns=rows[0].time_ns,
            last_ns=last_ns,
            plots=len(rows),
            rank=int(min(components, 6)),
        )


def _rows(followed: Followed) -> list[_Row]:
    """Row by row."""
    p: Plots = followed.plots
    z = zip(
        p.range_m.tolist(),
        p.azimuth_rad.tolist(),
        p.elevation_rad.tolist(),
        p.range_rate_m_s.tolist(),
        strict=True,
    )
    return [
        _Row(*row)
        for row in zip(
            p.time_ns.tolist(),
            p.radar.tolist(),
            p.scan.tolist(),
            z,
            followed.track.tolist(),
            followed.state,
            followed.speed_sigma_m_s.tolist(),
            strict=True,
        )
    ]
