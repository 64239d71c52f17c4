"""The commands as people and scripts meet them: files, exit codes, one sentence, no traceback."""

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import contract
import numpy as np
import pytest
from typer.testing import CliRunner

from skypact import cli

RADARS = """\
[[radar]]
id = "West"
nation = "AA"
latitude_deg = 31.5
longitude_deg = 130.3
height_m = 100
range_sigma_m = 20
azimuth_sigma_deg = 0.03
elevation_sigma_deg = 0.03
max_range_km = 1500
min_elevation_deg = 1
period_s = 1

[[radar]]
id = "North"
nation = "BB"
latitude_deg = 33.8
longitude_deg = 132.8
height_m = 50
range_sigma_m = 20
azimuth_sigma_deg = 0.03
elevation_sigma_deg = 0.03
max_range_km = 1500
min_elevation_deg = 1
period_s = 1
"""
HEADER = "time,radar,range_m,azimuth_deg,elevation_deg,scan"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sounding rocket past two radars: plots.csv, radars.toml, truth.json."""
    path = tmp_path_factory.mktemp("rocket")
    (path / "two.toml").write_text(RADARS)
    done = run("simulate", "sounding_rocket", "--out", path, "--radars", path / "two.toml")
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def lines(folder: Path) -> list[str]:
    """The rows of plots.csv, the heading first."""
    return (folder / "plots.csv").read_text().splitlines()


def run(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def track(folder: Path, plots: Path, *more):
    return run("track", plots, "--radars", folder / "radars.toml", *more)


def flights_of(folder: Path, plots: Path, out: Path) -> contract.Document:
    done = track(folder, plots, "--json", out)
    assert done.exit_code == 0, done.output
    return contract.validated(out.read_text())


def assert_one_sentence(done, words: str) -> None:
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    sentences = done.stderr.splitlines()
    assert len(sentences) == 1
    assert sentences[0].startswith("skypact: ")
    assert words in sentences[0]
    assert "Traceback" not in done.output


# Help and usage


def test_help_names_the_commands() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for command in ("track", "simulate", "compare", "score"):
        assert command in done.stdout


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, skypact, skypact.cli; "
        "print([n for n in ('numpy', 'numba', 'pydantic', 'rich', 'pyarrow') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    assert run("--version").stdout.startswith("skypact 0.")


@pytest.mark.parametrize(
    "words",
    [
        ("track",),
        ("track", "plots.csv"),
        ("track", "plots.csv", "--radars", "r.toml", "--until", "soon"),
        ("track", "plots.csv", "--radars", "r.toml", "--picture", "flight.jpg"),
        ("track", "plots.csv", "--radars", "r.toml", "--states", "states.txt"),
        ("track", "plots.csv", "--radars", "r.toml", "--unknown"),
        ("simulate",),
        ("simulate", "sounding_rocket"),
        ("simulate", "sounding_rocket", "--out", "x", "--seed", "-1"),
        ("nothing",),
    ],
)
def test_wrong_usage_is_two(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "Usage" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("option", ["--json", "--states", "--picture"])
@pytest.mark.parametrize("file", ["plots", "radars", "settings"])
def test_no_output_overwrites_an_input(tmp_path: Path, option: str, file: str) -> None:
    suffix = {"--json": ".json", "--states": ".csv", "--picture": ".png"}[option]
    given = {name: tmp_path / f"{name}{suffix}" for name in ("plots", "radars", "settings")}
    for path in given.values():
        path.write_text("as it was")
    same = tmp_path / f"same{suffix}"
    same.symlink_to(given[file])
    for out in (given[file], same, tmp_path / ".." / tmp_path.name / given[file].name):
        words = ["track", given["plots"], "--radars", given["radars"]]
        done = run(*words, "--settings", given["settings"], option, out)
        assert done.exit_code == 2
        assert "overwrite" in done.stderr
        assert given[file].read_text() == "as it was"


def test_no_output_of_compare_overwrites_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text("as it was")
    words = ["compare", "plots.csv", "--radars", "r.toml", "--truth", truth, "--json", truth]
    done = run(*words)
    assert done.exit_code == 2
    assert "--truth" in done.stderr
    assert truth.read_text() == "as it was"


def test_no_output_overwrites_another(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run("track", "plots.csv", "--radars", "r.toml", "--json", out, "--states", out)
    assert done.exit_code == 2
    assert "same file" in done.stderr


def test_simulate_leaves_the_radars_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "radars.toml").write_text(RADARS)
    words = ["--out", tmp_path, "--radars", tmp_path / "radars.toml"]
    done = run("simulate", "sounding_rocket", *words)
    assert done.exit_code == 2
    assert (tmp_path / "radars.toml").read_text() == RADARS
    assert not (tmp_path / "plots.csv").exists()


# What track writes


def test_rejected_goes_by_file_and_row(folder: Path, lines: list[str], tmp_path: Path) -> None:
    twice = tmp_path / "b.csv"
    # A duplicate is found later than a row that cannot be read.
    twice.write_text("\n".join([lines[0], lines[1], lines[1], "never,West,1,2,3,4", *lines[2:]]))
    other = tmp_path / "a.csv"
    other.write_text("\n".join([lines[0], "never,West,1,2,3,4"]))
    out = tmp_path / "flights.json"
    words = ["--radars", folder / "radars.toml", "--json", out]
    done = run("track", twice, other, *words)
    assert done.exit_code == 0, done.output
    found = [(Path(r["file"]).name, r["row"]) for r in json.loads(out.read_text())["rejected"]]
    assert [entry for entry in found if entry[1] is not None][:3] == [
        *(("b.csv", 3), ("b.csv", 4), ("a.csv", 2)),
    ]


def test_json_keeps_the_contract(folder: Path, tmp_path: Path) -> None:
    document = flights_of(folder, folder / "plots.csv", tmp_path / "flights.json")
    main = max(document.flights, key=lambda flight: flight.plots)
    assert main.nations == ["AA", "BB"]
    assert sorted(main.radars) == ["North", "West"]
    assert main.apogee is not None
    assert document.rejected == []
    assert document.until is None


def test_json_to_stdout_leaves_people_stderr(folder: Path) -> None:
    done = track(folder, folder / "plots.csv", "--json", "-")
    assert done.exit_code == 0
    contract.validated(done.stdout)
    assert "flight" in done.stderr


def test_summary_says_what_a_person_needs(folder: Path) -> None:
    done = track(folder, folder / "plots.csv")
    for words in ("Launch", "Apogee", "Impact", "±", "km²", "West", "ballistic"):
        assert words in done.stdout


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_states_have_the_columns_of_the_contract(folder: Path, tmp_path: Path, suffix: str) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    path = tmp_path / f"states{suffix}"
    assert track(folder, folder / "plots.csv", "--states", path).exit_code == 0
    read = pyarrow.csv.read_csv if suffix == ".csv" else pyarrow.parquet.read_table
    table = read(path)
    covariance = [f"c{i}{j}" for i in range(6) for j in range(i, 6)]
    state = ["x_m", "y_m", "z_m", "vx_m_s", "vy_m_s", "vz_m_s"]
    assert table.column_names == ["track", "time", *state, *covariance]
    assert table.num_rows > 100
    last = {name: table.column(name)[-1].as_py() for name in covariance}
    full = np.array([[last[f"c{min(i, j)}{max(i, j)}"] for j in range(6)] for i in range(6)])
    assert (np.linalg.eigvalsh(full) > 0.0).all()
    assert list(tmp_path.iterdir()) == [path]


def test_picture_is_a_png_that_shows_something(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "flight.png"
    assert track(folder, folder / "plots.csv", "--picture", path).exit_code == 0
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 600
        assert len(np.unique(np.asarray(image.convert("L")))) > 50


def test_until_cuts_the_data(folder: Path, lines: list[str], tmp_path: Path) -> None:
    until = lines[len(lines) // 2].split(",")[0]
    done = track(folder, folder / "plots.csv", "--until", until, "--json", tmp_path / "half.json")
    assert done.exit_code == 0
    document = contract.validated((tmp_path / "half.json").read_text())
    assert document.last_plot == until == document.until
    assert document.plots == sum(line.split(",")[0] <= until for line in lines[1:])
    main = max(document.flights, key=lambda flight: flight.plots)
    assert main.apogee is not None
    objects = json.loads((folder / "truth.json").read_text())["objects"]
    off_km = min(abs(main.apogee.height_km - true["apogee"]["height_km"]) for true in objects)
    assert off_km < 0.02 + 4.0 * main.apogee.height_sigma_km


def test_until_before_all_data(folder: Path) -> None:
    done = track(folder, folder / "plots.csv", "--until", "2000-01-01T00:00:00Z")
    assert_one_sentence(done, "later --until")


# Bad input


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (HEADER.encode() + b"\n", "no rows"),
        (b"time,radar,range_m,azimuth_deg\n2024-01-01T00:00:00Z,West,1,2\n", "elevation_deg"),
        (HEADER.encode() + b"\n2024-01-01T00:00:00Z,Nowhere,1000,2,3,4\n", "unknown radar"),
        (HEADER.encode() + b"\n2024-01-01T00:00:00Z,West,nan,2,3,4\n", "not finite"),
        (HEADER.encode() + b"\n2024-01-01T00:00:00Z,West,-5,2,3,4\n", "not above 0"),
        (HEADER.encode() + b"\n2024-01-01T00:00:00Z,West,1000,720,3,4\n", "outside 0 to 360"),
        (bytes(range(256)) * 50, ""),
        (b"\x1f\x8b\x08garbage that is not gzip", ""),
        (b"PAR1 and nothing after", ""),
    ],
)
def test_a_file_of_no_use(folder: Path, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "plots.csv"
    path.write_bytes(content)
    assert_one_sentence(track(folder, path), words)


def test_no_such_file(folder: Path, tmp_path: Path) -> None:
    assert_one_sentence(track(folder, tmp_path / "none.csv"), "no such file")
    assert_one_sentence(track(folder, tmp_path), "directory")


@pytest.mark.parametrize("content", ["", "[[radar]]\nid = 3\n", "not toml = = 1", "[[radr]]\n"])
def test_a_radar_table_of_no_use(folder: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "radars.toml"
    path.write_text(content)
    assert_one_sentence(run("track", folder / "plots.csv", "--radars", path), "radars.toml")


def test_settings_of_no_use(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[tracking]\ngate = 3\n")
    assert_one_sentence(track(folder, folder / "plots.csv", "--settings", path), "no such setting")
    assert_one_sentence(
        track(folder, folder / "plots.csv", "--settings", tmp_path / "none.toml"), "no such"
    )


def test_remedies_that_are_settings_can_be_followed(
    folder: Path, lines: list[str], tmp_path: Path
) -> None:
    path, settings = tmp_path / "plots.csv", tmp_path / "settings.toml"
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    done = track(folder, path)
    assert "late by more than the reorder window of 60 s" in done.stdout
    assert "reorder_window_s under [sensing]" in " ".join(done.stdout.split())
    settings.write_text("[sensing]\nreorder_window_s = 100000\n")
    assert "duplicate" in track(folder, path, "--settings", settings).stdout


def test_a_shuffled_file_is_said_to_be_so(folder: Path, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "plots.csv"
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    done = track(folder, path)
    assert "Note: " in done.stdout
    assert "rows were refused, mostly" in " ".join(done.stdout.split())


def test_rows_refused_are_reported_and_the_rest_is_used(
    folder: Path, lines: list[str], tmp_path: Path
) -> None:
    def spoilt(line: str, column: int, value: str) -> str:
        cells = line.split(",")
        cells[column] = value
        return ",".join(cells)

    rows = lines[:]
    faults = {
        11: (1, "Nowhere", "unknown radar"),
        21: (2, "nan", "not finite"),
        31: (3, "400", "outside 0 to 360"),
        41: (4, "91", "outside -90 to 90"),
        51: (2, "-1", "not above 0"),
        61: (0, "yesterday", "not an ISO 8601 time"),
        71: (2, "", "is empty"),
    }
    for row, (column, value, _) in faults.items():
        rows[row - 1] = spoilt(rows[row - 1], column, value)
    rows.insert(81, rows[80])
    path = tmp_path / "plots.csv"
    path.write_bytes("\r\n".join(rows).encode())
    document = flights_of(folder, path, tmp_path / "flights.json")
    reasons = {rejection.row: rejection.reason for rejection in document.rejected}
    for row, (_, _, words) in faults.items():
        assert words in reasons[row]
    assert "duplicate" in reasons[82]
    assert len(reasons) == len(faults) + 1
    assert document.plots == len(lines) - 1 - len(faults)
    assert document.flights
    done = track(folder, path)
    assert "8 rows not used" in done.stdout
    assert "row 11" in done.stdout


def test_gzip_windows_line_ends_and_disorder_change_nothing(
    folder: Path, lines: list[str], tmp_path: Path
) -> None:
    shuffled = lines[1:]
    chance = random.Random(1)
    for begin in range(0, len(shuffled), 10):
        part = shuffled[begin : begin + 10]
        chance.shuffle(part)
        shuffled[begin : begin + 10] = part
    path = tmp_path / "plots.csv.gz"
    path.write_bytes(gzip.compress("\r\n".join([lines[0], *shuffled]).encode()))
    plain = flights_of(folder, folder / "plots.csv", tmp_path / "plain.json")
    other = flights_of(folder, path, tmp_path / "other.json")
    assert other.flights == plain.flights
    assert other.rejected == []


def test_several_files_are_one(folder: Path, lines: list[str], tmp_path: Path) -> None:
    for name in ("West", "North"):
        own = [lines[0], *(line for line in lines[1:] if f",{name}," in line)]
        (tmp_path / f"{name}.csv").write_text("\n".join(own))
    done = run(
        *("track", tmp_path / "West.csv", tmp_path / "North.csv"),
        *("--radars", folder / "radars.toml", "--json", tmp_path / "both.json"),
    )
    assert done.exit_code == 0
    both = contract.validated((tmp_path / "both.json").read_text())
    one = flights_of(folder, folder / "plots.csv", tmp_path / "one.json")
    assert both.flights == one.flights


def test_no_flight_is_no_failure(folder: Path, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "plots.csv"
    path.write_text("\n".join(lines[:3]))
    done = track(folder, path, "--picture", tmp_path / "none.png")
    assert done.exit_code == 0, done.output
    assert "No flight" in done.stdout
    assert (tmp_path / "none.png").stat().st_size > 1000


def test_output_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = track(folder, folder / "plots.csv", "--json", tmp_path / "file" / "flights.json")
    assert_one_sentence(done, "file")


def test_a_missing_folder_is_said_before_the_work_and_not_made(
    folder: Path, tmp_path: Path
) -> None:
    for option, name in (("--json", "a.json"), ("--states", "a.csv"), ("--picture", "a.png")):
        path = tmp_path / "missing" / name
        assert_one_sentence(track(folder, tmp_path / "none.csv", option, path), "no folder")
    assert not (tmp_path / "missing").exists()
    assert_one_sentence(track(folder, folder / "plots.csv", "--json", tmp_path), "is a folder")


# Simulate


def test_simulate_writes_its_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"radars.toml", "plots.csv", "truth.json", "truth.csv"} <= names
    assert json.loads((folder / "truth.json").read_text())["objects"]


def test_simulate_lists_its_scenarios() -> None:
    done = run("simulate", "--list")
    assert done.exit_code == 0
    assert "2022-10-04_irbm-over-japan" in done.stdout


def test_unknown_scenario(tmp_path: Path) -> None:
    done = run("simulate", "sounding_roket", "--out", tmp_path)
    assert_one_sentence(done, 'did you mean "sounding_rocket"')


def test_a_wrong_scenario_is_said_before_a_missing_folder() -> None:
    assert_one_sentence(run("simulate", "sounding_roket"), 'did you mean "sounding_rocket"')
    assert_one_sentence(run("simulate", "no/such.toml"), "no/such.toml")
    done = run("simulate", "sounding_rocket")
    assert done.exit_code == 2
    assert "skypact simulate sounding_rocket --out" in " ".join(done.stderr.split())


def test_times_are_said_to_be_utc(folder: Path, tmp_path: Path) -> None:
    assert "UTC" in track(folder, folder / "plots.csv").stdout
    said = run("simulate", "2019-07-25_kn-23", "--out", tmp_path).stdout
    assert "2019-07-24T20:34:00Z" in said
    assert "date there was 2019-07-25" in said


# Ways to end


def test_interrupted_is_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("skypact.offline.track.track_files", interrupt)
    done = track(folder, folder / "plots.csv")
    assert done.exit_code == 130
    assert "Traceback" not in done.output


def test_a_fault_of_our_own_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_args, **_more):
        raise RuntimeError("inside out")

    monkeypatch.setattr("skypact.offline.track.track_files", fail)
    words = ["skypact", "track", str(folder / "plots.csv"), "--radars", str(folder / "radars.toml")]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.delenv("SKYPACT_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 70
    said = capsys.readouterr().err
    assert "inside out" in said
    assert "Traceback" not in said


def test_a_closed_pipe_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "skypact", "simulate", "--list"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == ""
