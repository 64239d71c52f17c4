"""The offline commands: from files to flights, and each nation beside all together.

With `node.py`, the only place that knows all stages.

| module | what it does |
| --- | --- |
| `track` | plot files to a picture and its flights |
| `compare` | each nation alone beside all together |
| `flight_json` | flights as the `--json` contract states them |
| `reasons` | why a launch, apogee or impact is not known |
| `state_file` | the `--states` file, written as the tracks come |
| `truth` | what truly was, from a simulation's `truth.json` |
| `summary` | tables for people |
| `output` | files written whole or not at all |
| `scenarios` | what the commands ask of scenarios without flying them |
| `warm` | kernels compiled before they are needed |
| `text` | times, places and lengths as people and files write them |
"""

from skypact.offline.compare import Comparison, compare_nations
from skypact.offline.state_file import StateFile
from skypact.offline.track import TrackedFiles, flights, track_files

__all__ = [
    "Comparison",
    "StateFile",
    "TrackedFiles",
    "compare_nations",
    "flights",
    "track_files",
]
