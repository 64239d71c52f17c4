"""Published disagreements about launches: each nation alone says what it said, all together settle.

What each nation cannot see follows from the scenario's geometry alone (horizon, range, resolution).
"""

import math
from pathlib import Path

import numpy as np
import pytest

import skypact
from evaluate.disagreements import (
    CASES,
    TOGETHER,
    is_inside_zone,
    judge,
    one_run,
    sights,
    zone_table,
)
from skypact.sensing.scenario import load_scenario, scenario_names
from skypact.sensing.simulation import simulate, write_simulation

SEED = 11


def counted(name: str) -> tuple[dict[str, int], int]:
    """How many launches each picture counts, and how many there were."""
    simulation = simulate(load_scenario(name), seed=SEED)
    counts = {}
    for sight in sights(simulation.radars, simulation.plots):
        picture = skypact.Picture(sight.radars)
        picture.observe(sight.plots)
        counts[sight.name] = sum(track.parted_from is None for track in picture.tracks())
    return counts, sum(path.parent is None for path in simulation.paths)


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("2016-08-03_two-at-once", {"JP": 1, "KR": 1, "US": 2}),
        ("2019-08-02_low", {"JP": 0, "KR": 2, "US": 2}),
        ("2019-10-02_pukguksong-3", {"JP": 2, "KR": 1, "US": 1}),
        ("2022-06-05_eight", {"JP": 6, "KR": 8}),
    ],
)
def test_nations_alone_count_as_published_and_together_as_it_was(name: str, alone: dict) -> None:
    counts, launched = counted(name)
    assert {nation: counts[nation] for nation in alone} == alone
    assert counts[TOGETHER] == launched


def test_korea_alone_cannot_tell_how_far_and_all_together_can() -> None:
    """The pull-up lies below the horizon of Korea's radars on land."""
    case = next(case for case in CASES if case.scenario == "2019-07-25_kn-23")
    row = one_run(case.scenario, SEED)
    assert judge(case, row) == {"reproduced": True, "settled": True}
    for best, low, high in row["pictures"]["KR"]["ranges_m"]:
        assert low < 430e3 < best < 600e3 < high
    for best, low, high in row["pictures"][TOGETHER]["ranges_m"]:
        assert low < 600e3 < high
        assert abs(best - 600e3) < 5e3  # as issue 3 asks


def test_compare_counts_launches_and_not_what_parted(tmp_path: Path) -> None:
    write_simulation(tmp_path, simulate(load_scenario("2019-10-02_pukguksong-3"), seed=SEED))
    radars = skypact.load_radars(tmp_path / "radars.toml")
    comparison = skypact.compare_nations(tmp_path / "plots.csv", radars, moments=1)
    assert comparison.launched == {"JP": 2, "KR": 1, "US": 1, TOGETHER: 1}
    assert len(comparison.flights) == 2
    assert comparison.as_json()["launched"] == comparison.launched


def test_each_nation_has_its_own_plots_and_all_have_all() -> None:
    simulation = simulate(load_scenario("2019-08-02_low"), seed=SEED)
    seen = {sight.name: sight for sight in sights(simulation.radars, simulation.plots)}
    assert list(seen) == ["JP", "KR", "US", TOGETHER]
    assert sum(len(seen[n].plots.time_ns) for n in ("JP", "KR", "US")) == len(
        simulation.plots.time_ns
    )
    for name in ("KR", "US"):
        radars, plots = seen[name].radars, seen[name].plots
        ids = [radars[i].id for i in plots.radar]
        rows = np.flatnonzero([simulation.radars[i].nation == name for i in simulation.plots.radar])
        assert ids == [simulation.radars[i].id for i in simulation.plots.radar[rows]]
        assert np.array_equal(plots.range_m, simulation.plots.range_m[rows])


def test_every_case_is_a_named_scenario() -> None:
    assert len(CASES) == 7
    assert {case.scenario for case in CASES} <= set(scenario_names())


def test_zone_of_japan() -> None:
    # Nippon.com of 2021-09-15: 300 km north of Hegurajima, inside; off Wonsan's coast, outside.
    assert is_inside_zone(math.radians(37.85 + 300 / 111.2), math.radians(136.92))
    assert not is_inside_zone(math.radians(39.5), math.radians(128.5))


def test_a_zone_is_settled_only_from_when_the_whole_area_stays_inside() -> None:
    unsure, sure = {"inside": True, "sure": False}, {"inside": True, "sure": True}
    outside = {"inside": False, "sure": True}
    begin = [None, outside, sure]
    rows = [{"JP": [*begin, unsure, *[sure] * 16], "KR": [*begin, *[unsure] * 17]}]
    table = zone_table(rows)
    assert table["JP"] == {
        "open_at_first": 1,
        "outside": 1,
        "inside_at_last": 1,
        "sure_but_wrong": 1,
        "settled_s": 75 + 4 * 15,
    }
    assert table["KR"]["settled_s"] is None
