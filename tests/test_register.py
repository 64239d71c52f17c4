"""`skypact register`: from files to biases, and a radar file without them."""

import json

import numpy as np
import pytest
from msgspec import structs
from typer.testing import CliRunner

from evaluate import registration as study
from evaluate.registration import RADARS
from evaluate.satellites import ERRORS, elements, orbit_of, passes, plots_of
from skypact import cli
from skypact.errors import InputError
from skypact.offline.register import register_files
from skypact.sensing import load_radars, read_plots, save_radars, write_plots

BIASES = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [350.0, -1.2e-3, 0.7e-3, 0.0, 12e-3],
        [-200.0, 0.5e-3, -1.5e-3, 0.0, -18e-3],
    ]
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Radars, plots of two satellites, and their elements."""
    folder = tmp_path_factory.mktemp("register")
    random = np.random.default_rng(12)
    looks, text = [], ""
    for k in range(2):
        mean = elements(random)
        text += f"SAT {k}\n" + "\n".join(orbit_of(mean, k)[1]) + "\n"
        true = orbit_of(mean + ERRORS * random.normal(size=6), k)[0]
        looks += passes(true, RADARS, BIASES, 5.0, random)
    save_radars(folder / "radars.toml", RADARS)
    write_plots(folder / "plots.csv", plots_of(looks), RADARS)
    (folder / "sats.tle").write_text(text)
    return folder


def run(*words):
    return CliRunner().invoke(cli.app, ["register", *map(str, words)])


def test_biases_are_printed_and_written_as_known_offsets(files):
    out = files / "out"
    done = run(
        files / "plots.csv",
        "--radars",
        files / "radars.toml",
        "--tle",
        files / "sats.tle",
        "--json",
        files / "biases.json",
        "-o",
        out,
    )
    assert done.exit_code == 0, done.output
    assert "8 of 8 biases are known better than declared" in " ".join(done.stdout.split())
    assert (out / "biases.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((files / "biases.json").read_text())
    assert document["orbit_plots"] > 0.99 * document["plots"]
    assert {one["object"] for one in document["passes"]} <= {"SAT 0", "SAT 1"}
    corrected = load_radars(out / "radars.toml")
    for number, radar in enumerate(corrected):
        one = document["radars"][number]
        assert one["id"] == radar.id
        if number == 0:
            assert one == {"id": radar.id}
            assert radar == load_radars(files / "radars.toml")[0]
            continue
        found = np.array(
            [
                radar.range_bias_m,
                radar.azimuth_bias_rad,
                radar.elevation_bias_rad,
                radar.time_bias_s,
            ]
        )
        left = np.array(
            [
                radar.range_bias_sigma_m,
                radar.azimuth_bias_sigma_rad,
                radar.elevation_bias_sigma_rad,
                radar.time_bias_sigma_s,
            ]
        )
        assert (np.abs(found - BIASES[number, [0, 1, 2, 4]]) < 4.5 * left).all()
        assert found[0] == pytest.approx(one["range_m"]["bias"])
        assert np.degrees(left[1]) == pytest.approx(one["azimuth_deg"]["sigma"])
    # Read with the new table the plots have no biases left but what it says.
    plots, _ = read_plots(files / "plots.csv", corrected)
    before, _ = read_plots(files / "plots.csv", RADARS)
    own, was = plots.radar == 1, before.radar == 1
    assert np.median(before.range_m[was] - plots.range_m[own]) == pytest.approx(350.0, abs=50.0)


def test_objects_that_several_radars_saw_tell_without_orbits(tmp_path):
    scene = study.salvo(2)
    random = np.random.default_rng(2)
    declared = study.declared_biases(study.radar_array(RADARS)[0])
    plots = study.plots_of(scene, BIASES[declared.radar, declared.kind], random)
    plots = plots.at(np.flatnonzero(plots.time_ns < scene.time_ns[0] + 90_000_000_000))
    write_plots(tmp_path / "plots.csv", plots, RADARS)
    found = register_files(tmp_path / "plots.csv", RADARS)
    assert found.registration.tracks == (1, 2)
    assert (found.passes, found.orbit_plots) == ((), 0)
    one = found.registration.radars[1]
    assert one.sigma[0] < 0.2 * one.prior_sigma[0]
    assert abs(one.mean[0] - 350.0) < 4.5 * one.sigma[0]
    assert one.sigma[3] == 0.0


def test_faults_are_one_sentence(files, tmp_path):
    bare = [
        structs.replace(
            radar,
            range_bias_sigma_m=0.0,
            azimuth_bias_sigma_rad=0.0,
            elevation_bias_sigma_rad=0.0,
            time_bias_sigma_s=0.0,
        )
        for radar in RADARS
    ]
    with pytest.raises(InputError, match="none declares a bias"):
        register_files(files / "plots.csv", bare)
    done = run(files / "plots.csv", "--radars", files / "radars.toml", "--tle", files / "plots.csv")
    assert done.exit_code == 1
    assert "holds no two-line elements" in done.stderr
    done = run(files / "plots.csv", "--radars", files / "radars.toml", "-o", files)
    assert done.exit_code == 2
    assert "same file" in " ".join(done.stderr.split())
