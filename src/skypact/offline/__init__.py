"""The offline commands: from files to flights, each nation beside all together, and the
picture against the truth.

With `node.py`, the only place that knows all stages.

| module | what it does |
| --- | --- |
| `track` | plot files to a picture and its flights |
| `compare` | each nation alone beside all together |
| `score` | a picture against the truth |
| `register` | the radars' biases, from common objects and known orbits |
| `metrics` | OSPA, GOSPA, SIAP, NEES: pure, of any tracker |
| `flight_json` | flights as the `--json` contract states them |
| `reasons` | why a launch, apogee or impact is not known |
| `state_file` | the `--states` file, written as the tracks come |
| `truth` | what truly was, from a simulation's `truth.json` |
| `true_paths` | the same at every time, from its `truth.csv` |
| `summary` | tables for people |
| `output` | files written whole or not at all |
| `scenarios` | what the commands ask of scenarios without flying them |
| `warm` | kernels compiled before they are needed |
| `text` | times, places and lengths as people and files write them |
"""

from skypact.offline.compare import Comparison, compare_nations
from skypact.offline.metrics import Cutoffs
from skypact.offline.register import RegisteredFiles, corrected_radars, register_files
from skypact.offline.score import Score, score_files, score_plots, score_states
from skypact.offline.state_file import StateFile, read_states
from skypact.offline.track import TrackedFiles, flights, track_files
from skypact.offline.true_paths import TruePath, load_true_paths

__all__ = [
    "Comparison",
    "Cutoffs",
    "RegisteredFiles",
    "Score",
    "StateFile",
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
]
