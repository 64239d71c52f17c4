"""The scenarios that come with Skypact, for people to choose from."""

import tomllib
from importlib.resources import files

from skypact.sensing.scenario import scenario_names


def scenario_titles() -> dict[str, str]:
    """Title of each scenario by its name, without solving their flights."""
    folder = files("skypact.sensing") / "scenarios"
    return {
        name: tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))["title"]
        for name in scenario_names()
    }
