"""Compiles the kernels before they are needed, on all cores: `python -m skypact.offline.warm`.

Kernels compile when they are first called and are kept on disk. One command after the other would
compile on one core; here each stage's kernels do in a process of their own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skypact.model import Radar
    from skypact.settings import Settings

_COMPILED = {
    "tracking": ("tracking", "fold.fold_scans-*.nbi"),
    "flight": ("kernels", "fall.fall-*.nbi"),
    "simulation": ("kernels", "powered_flight.fly-*.nbi"),
    "tracklets": ("tracking", "tracklet_fold.fold_tracklets-*.nbi"),
}
"""Package, and a file in its part of the cache that tells that a stage's kernels are compiled."""


_TOLD_S = 10.0
_POLL_S = 0.1
_AFTER = {"tracklets": "tracking"}
"""What calls the kernels of another stage, and would compile them as well beside it."""
ALL = tuple(_COMPILED)
FILES = tuple(stage for stage in ALL if stage not in _AFTER)
"""What the commands on files call; nodes call the rest too."""


def cold_stages(stages: Sequence[str] = FILES) -> list[str]:
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


def compile_stages(stages: Sequence[str], told: Callable[[str], None]) -> None:
    """Compile the kernels of stages, each in a process of its own; nothing fails if one does.

    `told` hears every `_TOLD_S` how far it is: whoever waits sees that it goes on.
    """
    command = [sys.executable, "-m", "skypact.offline.warm"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # One after another in one process where one calls what another does: parts are kept in it.
    first = [stage for stage in stages if _AFTER.get(stage) not in stages]
    chains = [[one, *(stage for stage in stages if _AFTER.get(stage) == one)] for one in first]
    running = [subprocess.Popen([*command, *chain], **quiet) for chain in chains]  # type: ignore[call-overload]
    said_s = begun_s = time.monotonic()
    try:
        while any(process.poll() is None for process in running):
            time.sleep(_POLL_S)
            if time.monotonic() - said_s < _TOLD_S:
                continue
            said_s = time.monotonic()
            still = [
                stage
                for chain, process in zip(chains, running, strict=True)
                if process.poll() is None
                for stage in chain
            ]
            told(f"  {said_s - begun_s:.0f} s: still at {', '.join(still)}")
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


def warm_up(radars: Sequence["Radar"], settings: "Settings") -> None:
    """Fold plots that nobody sees, and tracklets of them, in pictures that nobody keeps.

    What a node does before it says that it is ready, so that the first plots wait for nothing:
    compiled kernels are read from the disk when they are first called.
    """
    import numpy as np

    from skypact.model import Openness, Plots
    from skypact.model.plots import no_plots
    from skypact.sharing.tracklets import TrackletMaker
    from skypact.tracking import Picture

    n, about_ns = 3, 1_700_000_000_000_000_000
    whole, nan = np.arange(n, dtype=np.int64), np.full(n, np.nan)
    plots = Plots(
        about_ns + whole * 1_000_000_000,
        np.zeros(n, np.int32),
        np.linspace(5e5, 5.1e5, n),
        np.ones(n),
        np.full(n, 0.5),
        nan,
        nan,
        whole,
    )
    maker = TrackletMaker(
        radars, partner="", secret=b"", openness=Openness.FULL, settings=settings.sharing
    )
    picture = Picture(radars, settings.tracking)
    picture.observe(plots, on_followed=maker.take)
    picture.restore(picture.checkpoint())
    picture.tracks()
    received = Picture(radars, settings.tracking)
    received.observe(no_plots(), tracklets=maker.ready(no_more=True))
    received.advance(about_ns + n * 1_000_000_000)


def _tracklets() -> None:
    """What a node folds before it is ready."""
    from skypact.sensing.scenario import demo_radars
    from skypact.settings import Settings

    warm_up(demo_radars(), Settings())


def warm_flight() -> None:
    """Assess a track that rises at 200 km, and carry its ways down."""
    import numpy as np
    from msgspec import structs

    from skypact.flight import assess, brought_up, ways_of
    from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
    from skypact.model import Phase, Track, TrackStatus
    from skypact.model.track import PhaseEstimate
    from skypact.sensing.scenario import demo_radars
    from skypact.settings import FlightSettings

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
    radars, settings = demo_radars(), FlightSettings()
    launch = assess(track, radars, settings).launch
    ways = ways_of(track, radars, settings, launch=launch)
    brought_up(ways, structs.replace(track, state=1.0001 * state), radars, settings)


def _simulation() -> None:
    """Fly a sounding rocket past the demo radars."""
    from skypact.sensing.scenario import load_scenario
    from skypact.sensing.simulation import simulate

    simulate(load_scenario("sounding_rocket"))


_WORK: dict[str, Callable[[], None]] = {
    "tracking": _tracking,
    "flight": warm_flight,
    "simulation": _simulation,
    "tracklets": _tracklets,
}


def main() -> None:
    """Compile the stages named; or all that are still cold."""
    if named := sys.argv[1:]:
        for stage in named:
            _WORK[stage]()
    elif cold := cold_stages(ALL):
        print("Compiling the kernels for this machine, once: a minute or two", flush=True)
        compile_stages(cold, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
