"""Two objects 50 m apart among false plots, beside Stone Soup's GNN and JPDA on the same plots.

After `demoBallisticScenario` of the NRL Tracker Component Library: over the Sea of Japan, plots of
10 m and 0.1°, detected with 0.8, some of them false. Such a plot is a kilometre wide across its
line of sight: only ranges from several sides, carried along, tell the two apart.

Skypact gets the plots alone. Stone Soup, which never ends a track here and is told the density of
the false plots and the probability of detection, is started twice: from the true states with small
errors, and with the two tracks that Skypact has as soon as it has two, with what it says of them.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from evaluate.rows import rows_of
from evaluate.scene import START_NS, coasting, local_state, site
from skypact.model import Phase, Plots, Radar, TrackStatus
from skypact.offline.metrics import Cutoffs, Measures
from skypact.offline.score import score_states
from skypact.offline.true_paths import TruePath
from skypact.sensing.radar_model import observe
from skypact.sensing.simulator import Place, TruthPath
from skypact.tracking import Picture, Updates

SECONDS = 240
SETTLED_S = 60
"""From here on all trackers are compared: they have settled, however they began."""
APART_M = 50.0
CLOSEST_M = 20.0
"""How near two objects come to each other that cross."""
FALSE_PLOTS_A_SCAN = 20.0
HALF_CUBE_M = 50e3
START_SIGMA_M, START_SIGMA_M_S = 10.0, 1.0
"""How well Stone Soup is told where the objects are at first."""
PEERS = ("GNN", "JPDA")
FROM_TRUTH, FROM_SKYPACT = "from the truth", "from Skypact's two"
"""How Stone Soup's tracks begin."""
CASES = ("parallel", "crossing")
_S = 1_000_000_000


def pair_radars() -> tuple[Radar, ...]:
    """Three radars at 1 Hz round the Sea of Japan, with the errors of the NRL scenario."""
    return tuple(
        structs.replace(
            one,
            range_sigma_m=10.0,
            azimuth_sigma_rad=math.radians(0.1),
            elevation_sigma_rad=math.radians(0.1),
            detection_probability=0.8,
            clutter_per_scan=FALSE_PLOTS_A_SCAN,
        )
        for one in (
            site("KR", 36.6, 127.5, 1.0),
            site("JP", 38.0, 138.4, 1.0),
            site("US", 35.7, 135.2, 1.0),
        )
    )


def pair(seed: int, case: str) -> tuple[TruthPath, TruthPath]:
    """Two objects in free flight, beside each other in a direction drawn by lot.

    `parallel`: 50 m apart. `crossing`: 50 m apart at first and at last, and half way 20 m.
    """
    random = np.random.default_rng(seed)
    one = local_state(38.8, 131.0, 130e3, (1000.0, -100.0, 2000.0))
    axes, _ = np.linalg.qr(random.normal(size=(3, 2)))
    other = one.copy()
    if case == "parallel":
        other[:3] += APART_M * axes[:, 0]
    else:
        along = math.sqrt(APART_M**2 - CLOSEST_M**2)
        other[:3] += along * axes[:, 0] + CLOSEST_M * axes[:, 1]
        other[3:] -= 2.0 * along / SECONDS * axes[:, 0]
    return _path("pair-1", one), _path("pair-2", other)


def _path(name: str, start: NDArray[np.float64]) -> TruthPath:
    time_ns = START_NS + _S * np.arange(SECONDS + 1)
    states = coasting(start, time_ns)
    nowhere = Place(START_NS, math.nan, math.nan, math.nan)  # not of the ground, either end
    return TruthPath(
        object_id=name,
        parent=None,
        kind="object",
        time_ns=time_ns,
        position_ecef_m=states[:, :3],
        velocity_ecef_m_s=states[:, 3:],
        phase=np.full(len(time_ns), Phase.COAST, np.int8),
        launch=nowhere,
        impact=nowhere,
        burnout_time_ns=START_NS,
        apogee=nowhere,
    )


class Start(NamedTuple):
    """Where tracks begin: UTC ns, states (m, 6) and covariances (m, 6, 6), ECEF m and m/s."""

    time_ns: int
    states: NDArray[np.float64]
    covariances: NDArray[np.float64]


class Estimate(NamedTuple):
    """What a tracker says of one object at one moment: state (6,), covariance (6, 6)."""

    track: int
    time_ns: int
    state: NDArray[np.float64]
    covariance: NDArray[np.float64]


def as_updates(estimates: list[Estimate]) -> Updates:
    """Track by track, as `score_states` takes them."""
    rows = sorted(estimates, key=lambda one: (one.track, one.time_ns))
    upper = np.triu_indices(6)
    return Updates(
        np.array([one.track for one in rows], np.int64),
        np.array([one.time_ns for one in rows], np.int64),
        np.array([one.state for one in rows]).reshape(-1, 6),
        np.array([one.covariance[upper] for one in rows]).reshape(-1, 21),
    )


def skypact_estimates(radars: tuple[Radar, ...], plots: Plots) -> Iterator[Estimate]:
    """Confirmed tracks each second, foretold from the plots before: as `score_plots` asks."""
    picture, done = Picture(radars), 0
    for time_ns in (START_NS + _S * np.arange(SECONDS + 1)).tolist():
        until = int(np.searchsorted(plots.time_ns, time_ns, side="right"))
        picture.observe(plots.at(np.arange(done, until)), more_to_come=True)
        done = until
        for track in picture.advanced(time_ns).tracks():
            if track.status is TrackStatus.CONFIRMED:
                yield Estimate(track.id, time_ns, track.state, track.covariance)


def figures_of(estimates: list[Estimate], truth: tuple[TruePath, ...]) -> dict[str, float]:
    """One tracker's figures of one run; all but the first three from `SETTLED_S` on."""
    updates = as_updates(estimates)

    def measures(cutoff_m: float, from_s: int = 0) -> Measures:
        later = tuple(TruePath(one.id, *(column[from_s:] for column in one[1:])) for one in truth)
        return score_states(updates, later, cutoffs=Cutoffs(cutoff_m=cutoff_m)).measures

    whole, settled = measures(1000.0), measures(1000.0, SETTLED_S)
    squared = [one.position_rmse_m**2 for one in settled.objects.values() if one.followed_s > 0.0]
    return {
        "completeness": whole.siap.completeness,
        "changes": whole.changes_per_object,
        "false_tracks": whole.false_tracks,
        "settled_completeness": settled.siap.completeness,
        "told_apart": measures(APART_M / 2.0, SETTLED_S).siap.completeness,
        "settled_changes": settled.changes_per_object,
        "rmse_m": math.sqrt(np.mean(squared)) if squared else math.nan,
        "nees_over_6": settled.nees_over_6,
        "nees_within_95": settled.nees_within_95,
    }


def started_by(estimates: list[Estimate]) -> Start | None:
    """The first moment at which there are two tracks, and what is said of them; None: never."""
    at: dict[int, list[Estimate]] = {}
    for one in estimates:
        at.setdefault(one.time_ns, []).append(one)
    for time_ns, two in sorted(at.items()):
        if len(two) == 2:
            states, covariances = zip(*((one.state, one.covariance) for one in two), strict=True)
            return Start(time_ns, np.array(states), np.array(covariances))
    return None


def near_the_truth(paths: tuple[TruthPath, ...], seed: int) -> Start:
    """The true states at first with errors drawn for this run."""
    sigma = np.array([START_SIGMA_M] * 3 + [START_SIGMA_M_S] * 3)
    states = np.array([path.state_at([START_NS])[0] for path in paths])
    states += sigma * np.random.default_rng([seed, 1]).normal(size=states.shape)
    return Start(START_NS, states, np.array([np.diag(sigma**2)] * len(paths)))


def one_run(seed: int, case: str) -> dict[str, dict[str, float]]:
    """Figures of each tracker on the same plots."""
    from evaluate.stone_soup_tracks import stone_soup_estimates

    radars, paths = pair_radars(), pair(seed, case)
    plots = observe(paths, radars, seed=seed, clutter_box_m=HALF_CUBE_M).plots
    truth = tuple(TruePath.of(path) for path in paths)
    density_m3 = FALSE_PLOTS_A_SCAN / (2.0 * HALF_CUBE_M) ** 3
    end_ns = START_NS + SECONDS * _S
    own = list(skypact_estimates(radars, plots))
    estimates = {"Skypact": own}
    starts = {FROM_TRUTH: near_the_truth(paths, seed), FROM_SKYPACT: started_by(own)}
    for how, start in starts.items():
        for name in PEERS if start else ():
            told = stone_soup_estimates(name, radars, plots, start, density_m3, end_ns)
            estimates[f"Stone Soup {name}, {how}"] = list(told)
    return {name: figures_of(of, truth) for name, of in estimates.items() if of}


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Means over `count` runs of each case, over those runs that have something to tell."""
    detail: dict[str, Any] = {}
    for number, case in enumerate(CASES):
        cases = [(seed + k, case) for k in range(count)]
        rows = rows_of(one_run, cases, progress, before=number * count)
        detail[case] = {"runs": count, "means": _means(rows), "each": rows}
    return detail


def _means(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    names = {name: None for row in rows for name in row}
    out = {}
    for name in names:
        own = [row[name] for row in rows if name in row]
        out[name] = {key: float(np.nanmean([one[key] for one in own])) for key in own[0]}
        out[name]["runs"] = len(own)
    return out
