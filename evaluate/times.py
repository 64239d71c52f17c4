"""Times of flight: published lofted flights, flown from their apogee and range alone."""

from collections.abc import Callable
from typing import Any

from skypact.sensing.scenario import load_scenario

REPORTED_S = {
    "2017-07-04_hwasong-14": 39 * 60,
    "2017-11-29_hwasong-15": 53 * 60,
    "2022-01-30_hwasong-12": 30 * 60,
    "2022-10-04_irbm-over-japan": 22 * 60,
    "2022-11-18_hwasong-17": 4135,
    "2023-07-12_hwasong-18": 4491,
}


def run(_: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Seconds from launch to impact of each scenario, beside those reported."""
    detail = {}
    for done, (name, reported) in enumerate(REPORTED_S.items(), 1):
        ending = load_scenario(name).solutions[0].ending
        detail[name] = {"flown_s": ending.impact_s, "reported_s": reported}
        progress(done)
    return detail
