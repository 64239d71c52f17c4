"""Compiles the kernels before they are needed, on all cores: `python -m skypact.offline.warm`.

Kernels compile when they are first called and are kept on disk. One command after the other would
compile on one core; here each stage's kernels do in a process of their own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_COMPILED = {
    "tracking": ("tracking", "fold.fold_scans-*.nbi"),
    "flight": ("kernels", "fall.fall-*.nbi"),
    "simulation": ("kernels", "powered_flight.fly-*.nbi"),
}
"""Package, and a file in its part of the cache that tells that a stage's kernels are compiled."""


def cold_stages(stages: Sequence[str] = tuple(_COMPILED)) -> list[str]:
    """The stages whose kernels still have to be compiled."""
    import skypact.kernels.compiled  # noqa: F401  (names the cache folder)

    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return []
    return [stage for stage in stages if next(_compiled_of(stage), None) is None]


def _compiled_of(stage: str) -> Iterator[Path]:
    """Those files of this installation: Numba keeps what it compiles by where its source lies."""
    from numba.core.caching import _CacheLocator

    package, name = _COMPILED[stage]
    source = Path(__file__).parent.parent / package / "__init__.py"
    own = _CacheLocator.get_suitable_cache_subpath(str(source))
    return (Path(os.environ["NUMBA_CACHE_DIR"]) / own).glob(name)


def compile_stages(stages: Sequence[str]) -> None:
    """Compile the kernels of stages, each in a process of its own; nothing fails if one does."""
    command = [sys.executable, "-m", "skypact.offline.warm"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen([*command, stage], **quiet) for stage in stages]  # type: ignore[call-overload]
    try:
        for process in running:
            process.wait()
    finally:
        for process in running:
            process.terminate()


def _tracking() -> None:
    """Fold one plot."""
    import numpy as np

    from skypact.model import Plots
    from skypact.sensing.scenario import demo_radars
    from skypact.tracking import Picture
    from skypact.tracking.registration import nothing_learnt

    one = np.ones(1)
    whole = np.zeros(1, np.int64)
    picture = Picture(demo_radars())
    picture.observe(
        Plots(whole, np.zeros(1, np.int32), 5e5 * one, one, 0.5 * one, np.nan * one, one, whole),
        on_updates=lambda _: None,
    )
    picture.tracks()
    prior = nothing_learnt(1)
    prior.taking(prior.learnt(), np.zeros(1, np.int64))


def _flight() -> None:
    """Assess a track that rises at 200 km."""
    import numpy as np

    from skypact.flight import assess
    from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
    from skypact.model import Phase, Track, TrackStatus
    from skypact.model.track import PhaseEstimate
    from skypact.sensing.scenario import demo_radars

    position = ecef_from_geodetic(0.7, 2.25, 200e3)
    axes = np.array(local_axes(0.7, 2.25)).reshape(3, 3)
    state = np.concatenate((position, np.array([2000.0, 0.0, 2500.0]) @ axes))
    spread = np.diag([100.0**2] * 3 + [1.0] * 3)
    full = np.diag([100.0**2] * 3 + [1.0] * 3 + [1e-6] * 3)
    phase = PhaseEstimate(
        phase=Phase.COAST,
        probability=1.0,
        state=np.concatenate((state, np.zeros(3))),
        covariance=full,
    )
    first = np.array([[s, 0.0, 9e5, 5.9 + 0.001 * s, 0.05 + 0.002 * s, np.nan] for s in range(60)])
    track = Track(
        id=1,
        status=TrackStatus.CONFIRMED,
        time_ns=1_700_000_120_000_000_000,
        state=state,
        covariance=spread,
        phases=(phase,),
        first_plot_ns=1_700_000_000_000_000_000,
        last_plot_ns=1_700_000_120_000_000_000,
        plots=100,
        plots_by_radar={demo_radars()[0].id: 100},
        first_plots=first,
        manoeuvre_log_odds=-5.0,
        highest_m=200e3,
        highest_ns=1_700_000_120_000_000_000,
        highest_sigma_m=100.0,
        most_energy_j_kg=-50e6,
    )
    assess(track, demo_radars())


def _simulation() -> None:
    """Fly a sounding rocket past the demo radars."""
    from skypact.sensing.scenario import load_scenario
    from skypact.sensing.simulation import simulate

    simulate(load_scenario("sounding_rocket"))


_WORK: dict[str, Callable[[], None]] = {
    "tracking": _tracking,
    "flight": _flight,
    "simulation": _simulation,
}


def main() -> None:
    """Compile the stages named, or all that are still cold."""
    named = sys.argv[1:]
    if named:
        for stage in named:
            _WORK[stage]()
    elif cold := cold_stages():
        print("Compiling the kernels for this machine, once: a minute or two", flush=True)
        compile_stages(cold)


if __name__ == "__main__":
    main()
