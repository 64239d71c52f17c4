"""What the commands need to know of scenarios without flying them: the one place that asks.

A scenario's flights are solved when it is loaded, which takes seconds; its title, and whether it is
there at all, are needed at once.
"""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

from skypact.offline.text import iso_utc
from skypact.sensing.scenario import load_scenario, scenario_names

_NAMED_BY_DATE = re.compile(r"\d{4}-\d\d-\d\d(?=_)")


def scenario_titles() -> dict[str, str]:
    """Title of each scenario that comes with the package, by its name."""
    folder = files("skypact.sensing") / "scenarios"
    return {
        name: tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))["title"]
        for name in scenario_names()
    }


def require_scenario(name_or_path: str) -> None:
    """Raise ScenarioError, as loading it would, where there is no such scenario or file."""
    if name_or_path not in scenario_names() and not Path(name_or_path).is_file():
        load_scenario(name_or_path)


def launch_line(name: str, launch_ns: int) -> str:
    """When it was launched, UTC; scenarios are named after the date where it happened."""
    launched = iso_utc(launch_ns, 0)
    local = _NAMED_BY_DATE.match(name)
    if local is None or local[0] == launched[:10]:
        return f"launched {launched} (all times are UTC)"
    return f"launched {launched} (all times are UTC; the date there was {local[0]})"
