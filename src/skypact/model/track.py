"""One object's estimated state and covariance over time."""

import enum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.model.plots import Plots


class Phase(enum.IntEnum):
    """What an object is doing; each has its own motion (kernels/motion.py)."""

    COAST = 0
    BOOST = 1
    REENTRY = 2
    MANOEUVRE = 3


class TrackStatus(enum.StrEnum):
    """Where a track stands in its life."""

    CONFIRMED = "confirmed"
    ENDED = "ended"


class PhaseEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """One phase's share of a track: probability, state and covariance.

    `state` (9,): ECEF position m, velocity m/s, then three that depend on the phase: boost: thrust
    acceleration m/s² (ECEF); re-entry: drag 1/β (m²/kg), 0, 0;
    manoeuvre: drag, lift up and lift right per mass (m²/kg); coast: unused. `covariance` (9, 9).
    """

    phase: Phase
    probability: float
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A track's estimate at `time_ns`, right after a plot; fields as of `Track`."""

    time_ns: int
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]
    phases: tuple[PhaseEstimate, ...]


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One track as it stands at `time_ns` (UTC since 1970).

    `state` (6,): ECEF position m and velocity m/s; `covariance` (6, 6): over all phases.
    `first_plots` (k, 6): seconds since `first_plot_ns`, radar's number, range m, azimuth rad,
    elevation rad, range rate m/s (NaN: none) of the earliest plots, for the launch.
    `manoeuvre_log_odds`: the greatest so far, past the highest point. `highest_m`, `highest_ns`,
    `highest_sigma_m`: greatest height of an estimate so far, when, and how well it was known.
    `most_energy_j_kg`: greatest energy in free flight so far, of the motion relative to the Earth,
    per kg (NaN: none yet). `parted_from`: the track beside which it began, as a stage or a part
    does; `company`: how many tracks go back to one in this way, itself among them. `last_seen`: the
    estimate after its last plot, where it is older than `time_ns`; `last_seen_by`: the radar of
    that plot, or a partner's nation and label. `plots_by_partner`: by nation and label of the
    radar, how many plots were in the partners' tracklets; they count as `plots`. `foreign`: sources
    of finished tracks that the estimate was intersected with.
    """

    id: int
    status: TrackStatus
    time_ns: int
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]
    phases: tuple[PhaseEstimate, ...]
    first_plot_ns: int
    last_plot_ns: int
    plots: int
    plots_by_radar: dict[str, int]
    first_plots: NDArray[np.float64]
    manoeuvre_log_odds: float
    highest_m: float
    highest_ns: int
    highest_sigma_m: float
    most_energy_j_kg: float
    ended_because: str | None = None
    parted_from: int | None = None
    company: int = 1
    last_seen: Estimate | None = None
    last_seen_by: str = ""
    plots_by_partner: dict[str, dict[str, int]] = {}
    foreign: tuple[str, ...] = ()


SHARED_PLOT = -2
"""Instead of a phase: the plot is that of several objects, which its radar cannot tell apart."""


class Followed(NamedTuple):
    """Plots as they were folded, and for each the track that took it.

    `plots` (n rows), in the order of the fold. `track` int64 (n,): its id, less than 0 while it is
    tentative, 0 where none took the plot. `state` (n, 6): the track's estimate right after it, ECEF
    m and m/s (NaN: none). `speed_sigma_m_s` (n,): how well each component of its velocity is known.
    `phase` int64 (n,): the `Phase` that it is then surely in, -1 where none is sure,
    SHARED_PLOT where the plot is not this track's alone.
    """

    plots: Plots
    track: NDArray[np.int64]
    state: NDArray[np.float64]
    speed_sigma_m_s: NDArray[np.float64]
    phase: NDArray[np.int64]
