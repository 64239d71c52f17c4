"""What a fold goes by beside its tracks: radars, gravity, settings, beliefs, and scratch arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.fit import StartPriors
from skypact.kernels.gravity import field
from skypact.kernels.motion import drag_belief
from skypact.kernels.radar_table import radar_array
from skypact.model import PartnerRadar, Radar
from skypact.settings import TrackingSettings
from skypact.tracking.association import Pairs, room_for_pairs
from skypact.tracking.couples import CoupleContext, CoupleSettings, couple_context
from skypact.tracking.nearby import Grid, empty_grid
from skypact.tracking.resolution import Resolution, room_for_resolution
from skypact.tracking.tables import SLOTS, VALUE_COLUMNS
from skypact.tracking.waiting import StartContext, StartSettings, start_scratch

# Rows of the scratch array for mixing.
SHARES, CHANGED, ONE, MIXED, MIXED_P = 0, 1, 2, 3, 6
# What may be `wanted` of `Pairs` beside a crowd: for a scan's pairs, its plots, in the update log.
PAIRS_OF_SCAN, PLOTS_OF_SCAN, ROWS_OF_LOG = 2, 3, 4


class FoldSettings(NamedTuple):
    """The numbers of `settings.TrackingSettings` that decide about tracks, in SI units."""

    gate: float
    new_object_log_density: float
    plots_to_confirm: int
    fit_plots: int
    fit_seconds: float
    confirm_speed_sigma_m_s: float
    start_window_s: float
    lost_timeout_s: float
    first_plots_seconds: float
    sunk_m: float
    parting_m: float
    parting_m_s: float
    parting_after_s: float


class PhaseRates(NamedTuple):
    """How often a phase gives way to another, per second; air matters above `least_lift_m_s2`."""

    boost_ends: float
    boost_starts: float
    manoeuvre_starts: float
    manoeuvre_ends: float
    lift_sigma_m2_kg: float
    lift_acceleration_sigma_m_s2: float
    least_lift_m_s2: float


class PhaseContext(NamedTuple):
    """What moving a track in its phases goes by: a small part, as every call is handed a copy.

    `radars` (r, 32) and `gravity` as the kernels take them; `filter` and `mixing` are scratch.
    """

    radars: NDArray[np.float64]
    gravity: NDArray[np.float64]
    noise: kf.MotionNoise
    priors: StartPriors
    rates: PhaseRates
    filter: NDArray[np.float64]
    mixing: NDArray[np.float64]


class Scratches(NamedTuple):
    """Arrays that the kernels write over: states `x`, covariances `p`.

    One track put aside: `aside_x` (3, n), `aside_p` (3, n, n), `aside` (2, values).
    """

    x: NDArray[np.float64]
    p: NDArray[np.float64]
    aside_x: NDArray[np.float64]
    aside_p: NDArray[np.float64]
    aside: NDArray[np.float64]


class FoldContext(NamedTuple):
    """`radars` (r, 32) as the kernels take them; the rest as named."""

    radars: NDArray[np.float64]
    phases: PhaseContext
    settings: FoldSettings
    scratch: Scratches
    couples: CoupleContext
    starts: StartContext
    pairs: Pairs
    resolution: Resolution
    grid: Grid


def fold_context(
    radars: Sequence[Radar], s: TrackingSettings, partners: Sequence[PartnerRadar] = ()
) -> tuple[FoldContext, int]:
    """The context of a picture with these radars and settings, and the size of its states."""
    rows, n = radar_array(radars, partners)
    drag, drag_sigma = drag_belief(s.ballistic_parameter_kg_m2, s.ballistic_parameter_ln_sigma)
    phases = PhaseContext(
        radars=rows,
        gravity=field(s.gravity_degree),
        noise=kf.MotionNoise(
            gravity_sigma_m_s2=s.gravity_sigma_m_s2,
            gravity_scale_m=s.gravity_scale_m,
            gravity_time_s=s.gravity_time_s,
            thrust_m2_s5=s.thrust_density_m2_s5,
            drag_1_s=s.inverse_ballistic_density_1_s,
            manoeuvre_m2_s5=s.manoeuvre_density_m2_s5,
            lift_sigma_m2_kg=s.lift_sigma_m2_kg,
        ),
        priors=StartPriors(
            speed_sigma_m_s=s.speed_sigma_m_s,
            thrust_sigma_m_s2=s.thrust_sigma_m_s2,
            drag_m2_kg=drag,
            drag_sigma_m2_kg=drag_sigma,
            thrust_density_m2_s5=s.thrust_density_m2_s5,
        ),
        rates=PhaseRates(
            boost_ends=s.boost_ends_1_s,
            boost_starts=s.boost_starts_1_s,
            manoeuvre_starts=s.manoeuvre_starts_1_s,
            manoeuvre_ends=s.manoeuvre_ends_1_s,
            lift_sigma_m2_kg=s.lift_sigma_m2_kg,
            lift_acceleration_sigma_m_s2=s.lift_acceleration_sigma_m_s2,
            least_lift_m_s2=s.least_lift_m_s2,
        ),
        filter=kf.scratch(n),
        mixing=np.zeros((MIXED_P + (SLOTS + 1) * n, max(n, SLOTS * SLOTS))),
    )
    context = FoldContext(
        radars=rows,
        phases=phases,
        settings=FoldSettings(
            gate=s.gate_chi_squared,
            new_object_log_density=s.new_object_log_density,
            plots_to_confirm=s.plots_to_confirm,
            fit_plots=s.fit_plots,
            fit_seconds=s.fit_seconds,
            confirm_speed_sigma_m_s=s.confirm_speed_sigma_m_s,
            start_window_s=s.start_window_s,
            lost_timeout_s=s.lost_timeout_s,
            first_plots_seconds=s.first_plots_seconds,
            sunk_m=s.sunk_m,
            parting_m=s.parting_m,
            parting_m_s=s.parting_m_s,
            parting_after_s=s.parting_after_s,
        ),
        scratch=Scratches(
            x=np.zeros(3 * n),
            p=np.zeros((3 * n, n)),
            aside_x=np.zeros((SLOTS, n)),
            aside_p=np.zeros((SLOTS, n, n)),
            aside=np.zeros((2, VALUE_COLUMNS)),
        ),
        couples=couple_context(
            rows,
            phases.filter,
            phases.noise,
            CoupleSettings(
                gate=s.gate_chi_squared,
                new_object_log_density=s.new_object_log_density,
                first_plots_seconds=s.first_plots_seconds,
                contested_log_ratio=s.contested_log_ratio,
                sure_s=s.couple_sure_s,
                unseen_s=s.couple_unseen_s,
                past_s=s.past_s,
                parted_before_s=s.parted_before_s,
                parting_sigma_m=s.parting_sigma_m,
                parting_sigma_m_s=s.parting_sigma_m_s,
                payload_sigma_m_s=s.payload_sigma_m_s,
                behind_m_s=s.behind_m_s,
                young_sigma_m=s.young_sigma_m,
                young_sigma_m_s=s.young_sigma_m_s,
            ),
            n,
            s.couple_beliefs,
        ),
        starts=StartContext(
            radars=rows,
            settings=StartSettings(
                plots_to_confirm=s.plots_to_confirm,
                start_window_s=s.start_window_s,
                greatest_speed_m_s=s.greatest_speed_m_s,
                speed_sigma_m_s=s.speed_sigma_m_s,
                thrust_sigma_m_s2=s.thrust_sigma_m_s2,
                thrust_density_m2_s5=s.thrust_density_m2_s5,
                confirm_speed_sigma_m_s=s.confirm_speed_sigma_m_s,
                false_tracks_1_s=s.false_tracks_1_hour / 3600.0,
                doubt_log_ratio=s.start_doubt_log_ratio,
                doubt_chi_squared=s.start_doubt_chi_squared,
                greatest_waiting_plots=s.greatest_waiting_plots,
            ),
            scratch=start_scratch(1, len(rows)),
        ),
        pairs=room_for_pairs(1, 1, 1, 2, 2),
        resolution=room_for_resolution(1, rows),
        grid=empty_grid(1),
    )
    return context, n


def with_room(c: FoldContext, tracks: int, waiting: int) -> FoldContext:
    """The same context with scratch for so many tracks and waiting plots, and what was wanted.

    That is in `c.pairs.wanted`.
    """
    pairs, wanted = c.pairs, c.pairs.wanted
    resolution = c.resolution
    if len(pairs.near) < tracks or wanted.any():
        crowd, plots_of_crowd, of, plots, _ = (int(number) for number in wanted)
        pairs = room_for_pairs(
            tracks,
            _enough(len(pairs.taken), plots),
            _enough(len(pairs.of), of),
            _enough(len(pairs.members), crowd),
            _enough(len(pairs.columns), plots_of_crowd),
        )
        resolution = room_for_resolution(tracks, c.radars)
    grid = c.grid if len(c.grid.link) >= tracks else empty_grid(tracks)
    starts = c.starts
    if len(starts.scratch.about) < waiting:
        starts = starts._replace(scratch=start_scratch(waiting, len(c.radars)))
    return c._replace(pairs=pairs, resolution=resolution, grid=grid, starts=starts)


def _enough(room: int, wanted: int) -> int:
    """As much room as there is, or more than is wanted."""
    return room if wanted <= room else 2 * wanted
