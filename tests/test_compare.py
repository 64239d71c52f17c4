"""Each nation alone beside all together."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import skypact
from skypact import cli
from skypact.charts import comparison as drawn
from skypact.model import Ellipse, Impact, Plots
from skypact.offline.compare import (
    SEEN_WITHIN_S,
    TOGETHER,
    _intervals,
    _own_plots,
    compare_nations,
)
from skypact.offline.plots_taken import NOBODY, flight_of, owners, rows_of_updates
from skypact.offline.summary import _view_cells, print_comparison
from skypact.offline.truth import Sighting, TrueFlight, match_truth, require_same_flights
from skypact.tracking import Updates

NS = 1_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short launch past the demo radars."""
    path = tmp_path_factory.mktemp("launch")
    words = ["simulate", "2021-03-25_hamju", "--out", str(path), "--seed", "1"]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    return path


@pytest.fixture(scope="module")
def comparison(folder: Path) -> skypact.Comparison:
    return compare_nations(
        folder / "plots.csv",
        skypact.load_radars(folder / "radars.toml"),
        truth=skypact.load_truth(folder / "truth.json"),
        moments=4,
    )


def test_every_nation_and_all_together_has_a_view(comparison) -> None:
    assert comparison.nations == ("JP", "KR", "US")
    assert comparison.flights
    for flight in comparison.flights:
        assert [view.name for view in flight.views] == ["JP", "KR", "US", TOGETHER]
        assert all(len(view.moments) == 4 for view in flight.views)


def test_no_nation_sees_more_than_all_together(comparison) -> None:
    flight = comparison.flights[0]
    for view in flight.views[:-1]:
        assert 0.0 <= view.share <= 1.0
        assert view.share <= flight.together.share
        nations = {radar.id: radar.nation for radar in comparison.radars}
        assert {nations[radar] for radar in view.radars} <= {view.name}
    firsts = [v.first_track_ns for v in flight.views[:-1] if v.first_track_ns is not None]
    assert flight.together.first_track_ns <= min(firsts) + 5 * NS


def test_errors_are_stated_where_the_truth_is_known(comparison) -> None:
    flight = comparison.flights[0]
    assert flight.truth is not None
    last = flight.together.moments[-1]
    assert last.flight is not None
    if last.flight.impact is not None:
        assert last.impact_error_m < 50e3


def test_command_writes_table_json_and_picture(folder: Path, tmp_path: Path) -> None:
    words = ["compare", folder / "plots.csv", "--radars", folder / "radars.toml"]
    words += ["--truth", folder / "truth.json", "--json", tmp_path / "c.json"]
    words += ["--picture", tmp_path / "c.png"]
    done = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    for said in ("JP", "KR", "US", "together", "Seen", "First track"):
        assert said in done.stdout
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["nations"] == ["JP", "KR", "US"]
    assert document["launched"] == {"JP": 2, "KR": 2, "US": 2, "together": 2}
    assert "JP 2, KR 2, US 2, together 2" in done.stdout
    views = document["flights"][0]["views"]
    assert [view["name"] for view in views] == ["JP", "KR", "US", "together"]
    for view in views:
        assert 0.0 <= view["share_of_flight_seen"] <= 1.0
        times = [moment["time"] for moment in view["moments"]]
        assert times == sorted(times)
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("width", [80, 120])
def test_table_keeps_each_number_on_one_line(comparison, width: int) -> None:
    console = Console(width=width, file=io.StringIO())
    print_comparison(console, comparison)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    flight = comparison.flights[0]
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"Flight {flight.id}"))
    for view in flight.views:
        at = next(i for i in range(begin, len(lines)) if lines[i].startswith(view.name))
        assert f"{100 * view.share:.0f} %" in lines[at]
        assert lines[at + 1].startswith(f"{len(view.radars)} radar")


def test_an_old_estimate_is_not_repeated(comparison) -> None:
    flight = comparison.flights[0]
    known = next(m for m in flight.together.moments if m.flight and m.flight.impact)
    stale = flight.together._replace(moments=(known._replace(time_ns=flight.first_plot_ns), known))
    cells = _view_cells(stale, flight, [flight.first_plot_ns, known.time_ns])
    assert "×" in cells[3]
    assert cells[4] == "unchanged"


def test_truth_of_no_use_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    for content in ("{}", "[", '{"objects": []}', '{"objects": [{"id": "a"}]}', '{"objects": 3}'):
        (tmp_path / "truth.json").write_text(content)
        with pytest.raises(skypact.InputError, match="truth"):
            skypact.load_truth(tmp_path / "truth.json")


def test_seen_lasts_a_few_seconds_after_each_plot() -> None:
    plot_ns = np.array([0, 1, 2, 20, 21], np.int64) * NS
    hold = int(SEEN_WITHIN_S * NS)
    seen = _intervals(plot_ns, (0, 22 * NS))
    assert seen == ((0, 2 * NS + hold), (20 * NS, 22 * NS))
    assert _intervals(plot_ns[:0], (0, NS)) == ()


def test_own_plots_are_numbered_by_own_radars() -> None:
    n = 4
    real = np.arange(n, dtype=float)
    plots = Plots(
        np.arange(n, dtype=np.int64),
        np.array([2, 0, 1, 2], np.int32),
        *(real,) * 5,
        np.arange(n, dtype=np.int64),
    )
    own = _own_plots(plots, [1, 2])
    assert own.radar.tolist() == [1, 0, 1]
    assert own.range_m.tolist() == [0.0, 2.0, 3.0]
    assert len(_own_plots(plots, []).time_ns) == 0


TWO = """\
title = "Two from one place, the second while the first comes down"
source = "none"
launch_time = 2022-06-05T00:41:00Z
"""
ONE = """
[[flight]]
id = "{}"
latitude_deg = 39.81
longitude_deg = 127.66
height_m = 20
delay_s = {}
bearing_deg = 75
apogee_km = {}
range_km = {}
beta_kg_m2 = 6000
"""


def test_what_is_to_know_of_the_files_is_said(folder: Path, tmp_path: Path) -> None:
    heading, *rows = (folder / "plots.csv").read_text().splitlines()
    rows = [f"{row},x" for row in rows[:300]]
    (tmp_path / "plots.csv").write_text("\n".join([f"{heading},colour", *rows]) + "\n")
    radars = skypact.load_radars(folder / "radars.toml")
    compared = compare_nations(tmp_path / "plots.csv", radars, moments=2)
    (note,) = compared.as_json()["notes"]
    assert '"colour"' in note
    console = Console(file=io.StringIO(), width=200)
    print_comparison(console, compared)
    assert f"Note: {note}" in console.file.getvalue()


def test_minutes_that_nobody_saw_are_marked_on_the_way_between(comparison) -> None:
    """They once stood where it was last seen before and first seen after: 30 min beside 20."""
    flight = comparison.flights[0]
    seconds = flight.path[:, 0]
    middle = 0.5 * seconds[-1]
    seen = abs(seconds - middle) > 30.0
    whole = drawn._whole(flight._replace(path=flight.path[seen], states=flight.states[seen]))
    at = flight.first_plot_ns + middle * 1e9
    for column, truly in enumerate(flight.path[:, 1:3].T):
        found = np.interp(at, whole.time_ns, whole.places[:, column])
        then = np.interp(middle, seconds, truly)
        nearest = truly[seen][np.argmin(abs(seconds[seen] - middle))]
        # A minute of free flight at hand of both its ends, against half a minute's way.
        assert abs(found - then) < 0.1 * abs(nearest - then)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> skypact.Comparison:
    folder = tmp_path_factory.mktemp("two")
    (folder / "two.toml").write_text(
        TWO + ONE.format("first", 0, 25, 110) + ONE.format("second", 120, 30, 150)
    )
    words = ["simulate", str(folder / "two.toml"), "--out", str(folder / "out"), "--seed", "2"]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    return compare_nations(
        folder / "out" / "plots.csv",
        skypact.load_radars(folder / "out" / "radars.toml"),
        truth=skypact.load_truth(folder / "out" / "truth.json"),
        moments=3,
    )


def test_no_flight_borrows_the_plots_of_another(two) -> None:
    assert [flight.id for flight in two.flights] == sorted(flight.id for flight in two.flights)
    assert {flight.truth.id for flight in two.flights if flight.truth} == {"first", "second"}
    for flight in two.flights:
        if flight.truth is None:
            continue
        assert flight.first_plot_ns > flight.truth.launch_time_ns
        assert flight.together.share > 0.95
        for view in flight.views:
            assert view.share <= flight.together.share
            assert view.plots <= flight.together.plots
            begun = [m for m in view.moments if m.flight is not None]
            assert all(m.time_ns >= flight.first_plot_ns for m in begun)
        korea = next(view for view in flight.views if view.name == "KR")
        assert korea.share > 0.9


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> skypact.Comparison:
    """The demo's missile and its spent stage, up to ten seconds after they part."""
    folder = tmp_path_factory.mktemp("parted")
    words = ["simulate", "2022-10-04_irbm-over-japan", "--out", str(folder), "--seed", "1"]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    heading, *rows = (folder / "plots.csv").read_text().splitlines()
    kept = [heading, *(row for row in rows if row < "2022-10-03T22:26:30")]
    (folder / "plots.csv").write_text("\n".join(kept) + "\n")
    return compare_nations(
        folder / "plots.csv", skypact.load_radars(folder / "radars.toml"), moments=2
    )


def test_a_part_begins_at_its_parting_and_was_launched_with_its_parent(parted) -> None:
    by_id = {flight.id: flight for flight in parted.flights}
    parts = [flight for flight in parted.flights if flight.parted_from is not None]
    assert parts
    for part in parts:
        parent = by_id[part.parted_from]
        assert part.first_plot_ns > parent.first_plot_ns + 60 * NS
        assert part.path[0, 0] >= 0.0
        own, its = part.together.moments[-1].flight, parent.together.moments[-1].flight
        assert own.launch is not None
        assert own.launch == its.launch
        for view in part.views:
            assert view.share <= part.together.share


def test_a_track_is_the_flight_with_which_it_shares_most_plots() -> None:
    owner = owners(9, {1: (np.array([2, 3, 4]), np.array([0, 1, 5])), 2: (np.array([5, 6]),) * 2})
    assert owner.tolist() == [1, 1, 1, 1, 1, 2, 2, NOBODY, NOBODY]
    assert flight_of(np.array([4, 5, 6, 7, 8]), owner) == 2
    assert flight_of(np.array([4, 5]), owner) == 1
    assert flight_of(np.array([7, 8]), owner) == NOBODY
    assert flight_of(np.array([], np.int64), owner) == NOBODY


def test_each_estimate_of_one_time_has_a_plot_of_its_own() -> None:
    radar = skypact.Radar(
        id="A",
        nation="AA",
        latitude_rad=0.0,
        longitude_rad=0.0,
        height_m=0.0,
        range_sigma_m=30.0,
        azimuth_sigma_rad=1e-3,
        elevation_sigma_rad=1e-3,
    )
    # Straight up, 100, 101 and 102 km; the third is another radar's.
    heights = np.array([100e3, 101e3, 102e3, 100e3])
    nothing = np.zeros(4)
    plots = Plots(
        np.array([0, 0, 0, NS]),
        np.array([0, 0, 1, 0], np.int32),
        heights,
        nothing,
        nothing + math.pi / 2,
        nothing,
        nothing,
        np.zeros(4, np.int64),
    )
    state = np.zeros((3, 6))
    state[:, 0] = 6378137.0 + np.array([101.4e3, 101.1e3, 99e3])
    updates = Updates(np.array([5, 6, 5]), np.array([0, 0, NS]), state, np.zeros((3, 21)))
    assert rows_of_updates(updates, plots, [radar, radar], [0]).tolist() == [1, 0, 3]


def true_flight(
    name: str, longitude_deg: float, launch_s: int = 0, latitude_rad: float = 0.7
) -> TrueFlight:
    """Eastward from 126° E, ten minutes long."""
    return TrueFlight(
        id=name,
        launch_time_ns=launch_s * NS,
        launch_latitude_rad=latitude_rad,
        launch_longitude_rad=math.radians(126.0),
        apogee_m=1e5,
        impact_time_ns=(launch_s + 600) * NS,
        impact_latitude_rad=latitude_rad,
        impact_longitude_rad=math.radians(longitude_deg),
    )


def sighting(longitude_deg: float | None, begin_s: int = 30) -> Sighting:
    """Seen for nine minutes from 127° to 130° E, with an estimate of its impact or none."""
    impact = None
    if longitude_deg is not None:
        impact = Impact(
            time_ns=(begin_s + 570) * NS,
            time_sigma_s=1.0,
            latitude_rad=0.7,
            longitude_rad=math.radians(longitude_deg),
            ellipse_95=Ellipse(semi_major_m=1.0, semi_minor_m=1.0, azimuth_rad=0.0),
            region_95=(),
        )
    places = ((0.7, math.radians(127.0)), (0.7, math.radians(130.0)))
    return Sighting(begin_s * NS, (begin_s + 540) * NS, places, impact)


def test_each_truth_is_given_once() -> None:
    truth = (true_flight("payload", 140.0), true_flight("booster", 139.9))
    found = match_truth([sighting(139.99), sighting(139.96), sighting(None), sighting(10.0)], truth)
    assert [f.id if f else None for f in found] == ["payload", "booster", None, None]
    assert match_truth([], truth) == ()
    assert match_truth([sighting(None)], ()) == (None,)


def test_two_flights_of_one_path_are_told_apart_by_time() -> None:
    truth = (true_flight("second", 133.0, 1380), true_flight("first", 133.0))
    found = match_truth([sighting(133.0), sighting(133.0, 1410)], truth)
    assert [f.id if f else None for f in found] == ["first", "second"]
    near = (true_flight("second", 133.0, 60), true_flight("first", 133.0))
    found = match_truth([sighting(133.001, 90), sighting(132.999)], near)
    assert [f.id if f else None for f in found] == ["second", "first"]


def test_the_truth_of_other_flights_is_refused() -> None:
    require_same_flights([sighting(None)], [true_flight("this", 133.0)])
    require_same_flights([], [true_flight("this", 133.0)])
    with pytest.raises(skypact.InputError, match="1970-01-02"):
        require_same_flights([sighting(None)], [true_flight("next day", 133.0, 86400)])
    with pytest.raises(skypact.InputError, match="elsewhere"):
        require_same_flights([sighting(None)], [true_flight("far south", 133.0, latitude_rad=-0.7)])


def test_command_refuses_the_truth_of_another_flight(folder: Path, tmp_path: Path) -> None:
    words = ["simulate", "sounding_rocket", "--out", str(tmp_path)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    words = ["compare", folder / "plots.csv", "--radars", folder / "radars.toml"]
    words += ["--truth", tmp_path / "truth.json"]
    done = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "others than those of the plots" in done.stderr
