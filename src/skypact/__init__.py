"""Skypact: several radars' plots to flights, with an honest uncertainty.

>>> import skypact
>>> radars = skypact.load_radars("radars.toml")
>>> plots, rejections = skypact.read_plots("plots.csv", radars)
>>> picture = skypact.Picture(radars)
>>> picture.observe(plots)
>>> skypact.flights(picture)

Everything named here is loaded when it is first used, so that `import skypact` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skypact.errors import (
        EmptyInputError,
        InputError,
        ScenarioError,
        SettingsError,
        SkypactError,
    )
    from skypact.flight.assess import assess
    from skypact.model import (
        Arrival,
        BiasEstimate,
        ClockMark,
        Flight,
        ForeignTrack,
        IdRecord,
        LeaveOutRecord,
        Openness,
        Plots,
        Radar,
        RebuildRecord,
        Refusal,
        Registration,
        Rejection,
        Track,
        Tracklet,
        Verdict,
    )
    from skypact.offline import (
        Comparison,
        Cutoffs,
        RegisteredFiles,
        Score,
        TrackedFiles,
        TruePath,
        compare_nations,
        corrected_radars,
        flights,
        load_true_paths,
        read_states,
        register_files,
        score_files,
        score_plots,
        score_states,
        track_files,
    )
    from skypact.offline.flight_json import flight_as_json
    from skypact.offline.truth import load_truth
    from skypact.sensing import (
        PlotBatch,
        load_radars,
        read_plots,
        save_radars,
        stream_plots,
        write_plots,
    )
    from skypact.sensing.orbits import Orbit, load_orbits
    from skypact.sensing.scenario import demo_radars, load_scenario, scenario_names
    from skypact.sensing.simulation import Simulation, simulate, write_simulation
    from skypact.settings import Settings, load_settings
    from skypact.sharing.tracklets import TrackletMaker
    from skypact.tracking import LivePicture, Picture, Updates

_HOME = {
    "skypact.errors": (
        "EmptyInputError",
        "InputError",
        "ScenarioError",
        "SettingsError",
        "SkypactError",
    ),
    "skypact.flight": ("assess",),
    "skypact.model": (
        "Arrival",
        "BiasEstimate",
        "ClockMark",
        "Flight",
        "ForeignTrack",
        "IdRecord",
        "LeaveOutRecord",
        "Openness",
        "Plots",
        "Radar",
        "RebuildRecord",
        "Refusal",
        "Registration",
        "Rejection",
        "Track",
        "Tracklet",
        "Verdict",
    ),
    "skypact.offline": (
        "Comparison",
        "Cutoffs",
        "RegisteredFiles",
        "Score",
        "TrackedFiles",
        "TruePath",
        "compare_nations",
        "corrected_radars",
        "flights",
        "load_true_paths",
        "read_states",
        "register_files",
        "score_files",
        "score_plots",
        "score_states",
        "track_files",
    ),
    "skypact.offline.flight_json": ("flight_as_json",),
    "skypact.offline.truth": ("load_truth",),
    "skypact.sensing": (
        "PlotBatch",
        "load_radars",
        "read_plots",
        "save_radars",
        "stream_plots",
        "write_plots",
    ),
    "skypact.sensing.orbits": ("Orbit", "load_orbits"),
    "skypact.sensing.scenario": ("demo_radars", "load_scenario", "scenario_names"),
    "skypact.sensing.simulation": ("Simulation", "simulate", "write_simulation"),
    "skypact.settings": ("Settings", "load_settings"),
    "skypact.sharing.tracklets": ("TrackletMaker",),
    "skypact.tracking": ("LivePicture", "Picture", "Updates"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Arrival",
    "BiasEstimate",
    "ClockMark",
    "Comparison",
    "Cutoffs",
    "EmptyInputError",
    "Flight",
    "ForeignTrack",
    "IdRecord",
    "InputError",
    "LeaveOutRecord",
    "LivePicture",
    "Openness",
    "Orbit",
    "Picture",
    "PlotBatch",
    "Plots",
    "Radar",
    "RebuildRecord",
    "Refusal",
    "RegisteredFiles",
    "Registration",
    "Rejection",
    "ScenarioError",
    "Score",
    "Settings",
    "SettingsError",
    "Simulation",
    "SkypactError",
    "Track",
    "TrackedFiles",
    "Tracklet",
    "TrackletMaker",
    "TruePath",
    "Updates",
    "Verdict",
    "assess",
    "compare_nations",
    "corrected_radars",
    "demo_radars",
    "flight_as_json",
    "flights",
    "load_orbits",
    "load_radars",
    "load_scenario",
    "load_settings",
    "load_true_paths",
    "load_truth",
    "read_plots",
    "read_states",
    "register_files",
    "save_radars",
    "scenario_names",
    "score_files",
    "score_plots",
    "score_states",
    "simulate",
    "stream_plots",
    "track_files",
    "write_plots",
    "write_simulation",
]


def __getattr__(name: str) -> Any:
    """Load a name from its home when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skypact' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return sorted({*globals(), *__all__})
