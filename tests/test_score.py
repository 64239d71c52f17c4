"""`skypact score`: a picture against the truth, from files and in memory."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import skypact
from skypact import cli
from skypact.errors import InputError, SettingsError
from skypact.model import TrackStatus
from skypact.offline.metrics import Cutoffs, Measures
from skypact.offline.score import score_files, score_plots, score_states
from skypact.offline.state_file import (
    COVARIANCE_COLUMNS,
    STATE_COLUMNS,
    StateFile,
    read_states,
)
from skypact.offline.track import track_files
from skypact.offline.true_paths import TruePath, load_true_paths
from skypact.sensing import load_radars, read_plots
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import Simulation, simulate, write_simulation
from skypact.tracking import Picture, Updates

SCENARIO = "2022-06-05_eight"
S = 1_000_000_000


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(load_scenario(SCENARIO), seed=1)


@pytest.fixture(scope="module")
def folder(simulation: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("eight")
    write_simulation(path, simulation)
    return path


@pytest.fixture(scope="module")
def document(folder: Path) -> dict:
    """What the command writes, at moments 2 s apart."""
    out = folder / "score.json"
    done = score(folder, "--step", 2, "--json", out)
    assert done.exit_code == 0, done.output
    text = out.read_text()
    assert "NaN" not in text
    return json.loads(text)


def score(folder: Path, *more, truth: str = "truth.json"):
    words = ("score", folder / "plots.csv", "--radars", folder / "radars.toml")
    words += ("--truth", folder / truth, *more)
    return CliRunner().invoke(cli.app, [str(word) for word in words])


# The truth


def test_truth_is_read_as_it_was_flown(simulation: Simulation, folder: Path) -> None:
    paths = load_true_paths(folder / "truth.csv")
    assert [path.id for path in paths] == [path.object_id for path in simulation.paths]
    random = np.random.default_rng(1)
    for read, flown in zip(paths, simulation.paths, strict=True):
        assert read.time_ns[0] == flown.time_ns[0]
        assert read.time_ns[-1] == flown.time_ns[-1]
        times = random.integers(flown.time_ns[0], flown.time_ns[-1], 300)
        error = read.state_at(times) - flown.state_at(times)
        assert np.abs(error[:, :3]).max() < 0.1
        assert np.abs(error[:, 3:]).max() < 0.5
        assert np.isnan(read.state_at(flown.time_ns[[0, -1]] + [-1, 1])).all()
        assert np.abs(TruePath.of(flown).state_at(times) - flown.state_at(times)).max() == 0.0


def test_truth_json_stands_for_the_csv_beside_it(folder: Path, tmp_path: Path) -> None:
    beside = load_true_paths(folder / "truth.json")
    assert [path.id for path in beside] == [p.id for p in load_true_paths(folder / "truth.csv")]
    alone = tmp_path / "truth.json"
    alone.write_text((folder / "truth.json").read_text())
    with pytest.raises(InputError, match=r"truth\.csv: .*missing"):
        load_true_paths(alone)


HEADER = "object,time,x_m,y_m,z_m,vx_m_s,vy_m_s,vz_m_s"
ROW = "a,2022-06-05T00:08:0{}Z,1,2,3,0,0,0"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "holds no object"),
        ([ROW.format(0)], "one row only"),
        ([ROW.format(1), ROW.format(0)], "row 3: object a is not later"),
        ([ROW.format(1), ROW.format(1)], "row 3: object a is not later"),
        ([ROW.format(1), ROW.format(2).replace("1,2,3", "1,nan,3")], "row 3: holds what is no"),
        ([ROW.format(1), ROW.format(2).replace("1,2,3", "1,,3")], "rows without y_m"),
        ([ROW.format(1), "a,yesterday,1,2,3,0,0,0"], "is no truth.csv"),
        ([ROW.format(1), "a,2022"], "is no truth.csv"),
    ],
)
def test_a_truth_of_no_use_is_said(tmp_path: Path, rows: list[str], words: str) -> None:
    file = tmp_path / "truth.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    with pytest.raises(InputError, match=words):
        load_true_paths(file)
    file.write_text("object,time\na,2022-06-05T00:08:00Z\n")
    with pytest.raises(InputError, match="has no column x_m"):
        load_true_paths(file)
    with pytest.raises(InputError, match="no such file"):
        load_true_paths(tmp_path / "none.csv")


# The score


def test_eight_flights_are_followed(document: dict) -> None:
    assert document["tracks"] == len(document["objects"]) == 8
    assert document["false_tracks"] == 0
    assert document["track_changes_per_object"] == 0.0
    assert document["share_of_time_in_sight_with_a_track"] > 0.95
    assert 0.8 < document["share_of_object_time_with_a_track"] < 1.0
    assert document["siap"]["ambiguity"] == 1.0
    assert document["siap"]["position_m"] < 150.0
    assert 0.5 < document["nees_over_6"] < 1.5
    assert document["cutoffs"] == {
        **{"step_s": 2.0, "cutoff_m": 1000.0, "hold": 0.5, "ospa_c_m": 1000.0, "ospa_p": 2.0}
    }
    parts = document["gospa_parts_m"].values()
    assert sum(part**2 for part in parts) == pytest.approx(document["gospa_m"] ** 2, rel=1e-4)
    over = document["over_time"]
    assert len({len(column) for column in over.values()}) == 1
    assert document["duration_s"] == 2.0 * len(over["time"])
    tracked = sum(over["objects_with_a_track"]) / sum(over["objects"])
    assert tracked == pytest.approx(document["siap"]["completeness"], abs=1e-5)
    for one in document["objects"]:
        assert one["share_in_sight_with_a_track"] > 0.9
        assert one["first_track_after_s"] > 0.0
        assert one["longest_segment_s"] <= one["exists_s"]


def test_the_table_names_the_objects_and_the_cutoffs(folder: Path) -> None:
    done = score(folder, "--step", 20, "--cutoff-m", 750, "--ospa-p", 1, truth="truth.csv")
    assert done.exit_code == 0, done.output
    for words in ("hamhung-2", "tongchang-ri-1", "GOSPA", "750 m", "20 s apart", "p = 1"):
        assert words in " ".join(done.stdout.split()), words


def test_in_memory_as_from_files(simulation: Simulation, folder: Path, document: dict) -> None:
    radars = load_radars(folder / "radars.toml")
    plots, _ = read_plots(folder / "plots.csv", radars)
    truth = load_true_paths(folder / "truth.csv")
    again = score_plots(plots, radars, truth, cutoffs=Cutoffs(step_s=2.0)).as_json()
    assert again == document


def test_tracks_are_those_of_a_picture_of_the_plots_so_far(
    simulation: Simulation, folder: Path
) -> None:
    """The slow way: at each moment a new picture of all plots up to it."""
    truth = [TruePath.of(path) for path in simulation.paths[:2]]
    begin = int(truth[0].time_ns[0])
    plots = simulation.plots.at(np.flatnonzero(simulation.plots.time_ns < begin + 400 * S))
    found: Measures = score_plots(
        plots, simulation.radars, truth, cutoffs=Cutoffs(step_s=40.0)
    ).measures
    for time_ns, tracks in zip(found.over_time.time_ns, found.over_time.tracks, strict=True):
        picture = Picture(simulation.radars)
        picture.observe(plots.at(np.flatnonzero(plots.time_ns <= time_ns)))
        picture.advance(int(time_ns))
        living = [t for t in picture.tracks() if t.status is TrackStatus.CONFIRMED]
        assert len(living) == tracks
        errors = [
            np.linalg.norm(track.state[:3] - path.state_at(np.array([time_ns]))[0, :3])
            for track in living
            for path in truth
        ]
        followed = sum(error < 1000.0 for error in errors)
        assert followed == found.over_time.followed[list(found.over_time.time_ns).index(time_ns)]


def test_false_tracks_are_counted(simulation: Simulation) -> None:
    """An object that the truth leaves out makes a track on nothing."""
    truth = [TruePath.of(simulation.paths[0])]
    own = (simulation.origin == 0) | (simulation.origin == 1)
    plots = simulation.plots.at(np.flatnonzero(own))
    found = score_plots(plots, simulation.radars, truth, cutoffs=Cutoffs(step_s=5.0)).measures
    assert (found.tracks, found.false_tracks) == (2, 1)
    minutes = found.duration_s / 60.0
    assert found.false_tracks_per_minute == pytest.approx(1.0 / minutes)
    assert found.siap.spuriousness > 0.3


# Estimates instead of plots


@pytest.fixture(scope="module", params=["csv", "parquet"])
def states(request: pytest.FixtureRequest, folder: Path) -> Path:
    path = folder / f"states.{request.param}"
    with StateFile(path) as file:
        track_files(
            folder / "plots.csv", load_radars(folder / "radars.toml"), on_updates=file.write
        )
    return path


def test_estimates_score_as_the_picture_does_while_it_has_plots(
    folder: Path, states: Path, document: dict
) -> None:
    words = ("--states", states, "--truth", folder / "truth.csv", "--step", 2)
    words += ("--radars", folder / "radars.toml", "--json", "-")
    done = CliRunner().invoke(cli.app, ["score", *map(str, words)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["plots"] == 0
    assert "10 s apart" in found["definitions"]["tracks"]
    assert found.keys() == document.keys()
    for name in ("tracks", "false_tracks", "track_changes_per_object"):
        assert found[name] == document[name]
    same = "share_of_time_in_sight_with_a_track"
    assert found[same] == pytest.approx(document[same], abs=0.01)
    # A fall that nobody sees has no estimates.
    same = "share_of_object_time_with_a_track"
    assert document[same] - 0.1 < found[same] < document[same]
    assert found["nees_over_6"] == pytest.approx(document["nees_over_6"], rel=0.2)
    assert found["siap"]["position_m"] == pytest.approx(document["siap"]["position_m"], rel=0.2)


def estimates_of(time_s, state, track=1) -> Updates:
    time_ns = np.rint(np.asarray(time_s) * 1e9).astype(np.int64)
    unit = np.zeros(21)
    unit[[0, 6, 11, 15, 18, 20]] = 1.0
    return Updates(
        np.full(len(time_ns), track), time_ns, np.asarray(state), np.tile(unit, (len(time_ns), 1))
    )


def test_between_estimates_a_track_moves_evenly_and_in_long_gaps_it_is_gone() -> None:
    def state(t: float) -> list[float]:  # constant acceleration: what is assumed in between
        return [100.0 * t + 5.0 * t * t, 7e6, 0.0, 100.0 + 10.0 * t, 0.0, 0.0]

    times = np.arange(0.0, 61.0)
    nodes = np.array([state(t) for t in times])
    truth = [TruePath("a", np.rint(times * 1e9).astype(np.int64), nodes[:, :3], nodes[:, 3:])]
    seen = [3.2, 3.2, 7.9, 12.0, 12.1, 21.5, 40.0, 45.0]  # 3.2: the later row of equal times
    given = np.array([state(t) for t in seen])
    given[0] += 500.0
    found = score_states(estimates_of(seen, given), truth, gap_s=10.0)
    there = found.measures.over_time.tracks
    assert np.flatnonzero(there).tolist() == [*range(4, 22), *range(40, 46)]
    one = found.measures.objects[0]
    assert one.position_rmse_m < 1e-6
    assert one.velocity_rmse_m_s < 1e-6
    assert found.measures.siap.longest_segment == pytest.approx(18 / 61)
    assert math.isnan(found.measures.completeness_in_sight)
    assert found.as_json()["share_of_time_in_sight_with_a_track"] is None
    alone = score_states(estimates_of([5.0], [state(5.0)]), truth)
    assert alone.measures.over_time.tracks.sum() == 1
    with pytest.raises(InputError, match="the estimates are from"):
        score_states(estimates_of([500.0], [state(5.0)]), truth)
    with pytest.raises(SettingsError, match="gap_s"):
        score_states(estimates_of([5.0], [state(5.0)]), truth, gap_s=0.0)


def test_a_file_of_estimates_of_no_use_is_said(tmp_path: Path) -> None:
    path = tmp_path / "states.csv"
    names = ["track", "time", *STATE_COLUMNS, *COVARIANCE_COLUMNS]
    good = ["1", "2022-06-05T00:08:00Z", *["1"] * 27]

    def said(*rows: list[str], heading: list[str] = names) -> str:
        path.write_text("\n".join(",".join(row) for row in (heading, *rows)) + "\n")
        with pytest.raises(InputError) as error:
            read_states(path)
        return str(error.value)

    assert "holds no estimate" in said()
    assert "has no column c55" in said(good[:-1], heading=names[:-1])
    assert "rows without c55" in said([*good[:-1], ""])
    assert "row 3: has a number that is not finite" in said(good, [*good[:-1], "inf"])
    assert "row 2: has a number" in said([*good[:-1], "-1"])
    assert "holds no estimates" in said([*good[:-1], "x"])
    path.write_text("\n".join(",".join(row) for row in (names, good)) + "\n")
    assert read_states(path).time_ns.tolist() == [1_654_387_680 * S]
    with pytest.raises(InputError, match="no such file"):
        read_states(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("nothing")
    with pytest.raises(InputError, match="holds no estimates"):
        read_states(tmp_path / "bad.parquet")


# What is refused


def test_cutoffs_out_of_range_are_refused(simulation: Simulation) -> None:
    truth = [TruePath.of(simulation.paths[0])]
    for cutoffs in (
        Cutoffs(step_s=0.0),
        Cutoffs(cutoff_m=-1.0),
        Cutoffs(hold=1.5),
        Cutoffs(ospa_p=0.5),
        Cutoffs(ospa_c_m=math.inf),
        Cutoffs(step_s=1e-4),
        Cutoffs(step_s=1e6),
    ):
        with pytest.raises(SettingsError):
            score_plots(simulation.plots, simulation.radars, truth, cutoffs=cutoffs)


def test_wrong_usage_is_two(folder: Path) -> None:
    for words in (("--step", 0), ("--hold", 2), ("--ospa-p", 0.5), ("--cutoff-m", -1)):
        assert score(folder, *words).exit_code == 2
    assert score(folder, "--states", folder / "states.csv").exit_code == 2
    for words in (
        ("score", "plots.csv", "--radars", "r.toml"),
        ("score", "plots.csv", "--truth", "t.csv"),
        ("score", "--truth", "t.csv"),
    ):
        assert CliRunner().invoke(cli.app, words).exit_code == 2


def test_a_truth_of_another_time_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "truth.csv"
    other.write_text((folder / "truth.csv").read_text().replace("2022-06-05", "2022-06-07"))
    radars, truth = load_radars(folder / "radars.toml"), load_true_paths(other)
    with pytest.raises(InputError, match=r"flew from 2022-06-07T\S+ to \S+, and the plots are"):
        score_files(folder / "plots.csv", radars, truth, cutoffs=Cutoffs(step_s=60.0))


def test_from_the_package(folder: Path) -> None:
    assert skypact.load_true_paths(folder / "truth.csv")
    assert skypact.score_files is score_files
