"""What a fold goes by beside its tracks: radars, gravity, settings, beliefs, and scratch arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.assignment import AssignmentScratch, assignment_scratch
from skypact.kernels.fit import StartPriors
from skypact.kernels.gravity import field
from skypact.kernels.motion import drag_belief
from skypact.kernels.radar_table import radar_array
from skypact.model import PartnerRadar, Radar
from skypact.settings import TrackingSettings
from skypact.tracking.tables import SLOTS, VALUE_COLUMNS

# Rows of the scratch array for mixing.
SHARES, CHANGED, ONE, MIXED, MIXED_P = 0, 1, 2, 3, 6


class FoldSettings(NamedTuple):
    """The numbers of `settings.TrackingSettings` that decide about tracks, in SI units."""

    gate: float
    new_object_log_density: float
    plots_to_confirm: int
    fit_plots: int
    fit_seconds: float
    confirm_speed_sigma_m_s: float
    tentative_timeout_s: float
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


class Scratches(NamedTuple):
    """Arrays that the kernels write over: `filter` and `mixing`, states `x`, covariances `p`.

    For one scan: the tracks `near` it (t,), `cost` of each plot (t, k), the plot `chosen` for each
    (t,), which plots are `taken` (k,), and how much room was `wanted` (2,), t and k, where it did
    not fit. One track put aside: `aside_x` (3, n), `aside_p` (3, n, n), `aside` (2, values).
    """

    filter: NDArray[np.float64]
    mixing: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    near: NDArray[np.int64]
    cost: NDArray[np.float64]
    assignment: AssignmentScratch
    chosen: NDArray[np.int64]
    taken: NDArray[np.bool_]
    wanted: NDArray[np.int64]
    aside_x: NDArray[np.float64]
    aside_p: NDArray[np.float64]
    aside: NDArray[np.float64]


class FoldContext(NamedTuple):
    """`radars` (r, 29) and `gravity` as the kernels take them; the rest as named."""

    radars: NDArray[np.float64]
    gravity: NDArray[np.float64]
    settings: FoldSettings
    noise: kf.MotionNoise
    priors: StartPriors
    rates: PhaseRates
    scratch: Scratches


def fold_context(
    radars: Sequence[Radar], s: TrackingSettings, partners: Sequence[PartnerRadar] = ()
) -> tuple[FoldContext, int]:
    """The context of a picture with these radars and settings, and the size of its states."""
    rows, n = radar_array(radars, partners)
    drag, drag_sigma = drag_belief(s.ballistic_parameter_kg_m2, s.ballistic_parameter_ln_sigma)
    context = FoldContext(
        radars=rows,
        gravity=field(s.gravity_degree),
        settings=FoldSettings(
            gate=s.gate_chi_squared,
            new_object_log_density=s.new_object_log_density,
            plots_to_confirm=s.plots_to_confirm,
            fit_plots=s.fit_plots,
            fit_seconds=s.fit_seconds,
            confirm_speed_sigma_m_s=s.confirm_speed_sigma_m_s,
            tentative_timeout_s=s.tentative_timeout_s,
            lost_timeout_s=s.lost_timeout_s,
            first_plots_seconds=s.first_plots_seconds,
            sunk_m=s.sunk_m,
            parting_m=s.parting_m,
            parting_m_s=s.parting_m_s,
            parting_after_s=s.parting_after_s,
        ),
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
        scratch=Scratches(
            filter=kf.scratch(n),
            mixing=np.zeros((MIXED_P + (SLOTS + 1) * n, max(n, SLOTS * SLOTS))),
            x=np.zeros(3 * n),
            p=np.zeros((3 * n, n)),
            near=np.zeros(1, np.int64),
            cost=np.zeros((1, 1)),
            assignment=assignment_scratch(1, 1),
            chosen=np.zeros(1, np.int64),
            taken=np.zeros(1, np.bool_),
            wanted=np.zeros(2, np.int64),
            aside_x=np.zeros((SLOTS, n)),
            aside_p=np.zeros((SLOTS, n, n)),
            aside=np.zeros((2, VALUE_COLUMNS)),
        ),
    )
    return context, n


def with_room(c: FoldContext, tracks: int, near: int, plots: int) -> FoldContext:
    """The same context with scratch for so many tracks, and so many of them near so many plots."""
    scratch = c.scratch
    if len(scratch.near) < tracks:
        scratch = scratch._replace(near=np.zeros(tracks, np.int64))
    rows, columns = scratch.cost.shape
    if rows < near or columns < plots:
        rows, columns = max(2 * near, rows), max(2 * plots, columns)
        scratch = scratch._replace(
            cost=np.zeros((rows, columns)),
            assignment=assignment_scratch(rows, columns),
            chosen=np.zeros(rows, np.int64),
            taken=np.zeros(columns, np.bool_),
        )
    return c._replace(scratch=scratch)
