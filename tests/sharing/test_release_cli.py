"""`skypact release explain` and `test`: what people see, and every fault one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluate.scene import START_NS, Scene, coasting, local_state, look_times, looks_like, site
from evaluate.tracklets import with_offsets
from skypact import cli
from skypact.sensing import save_radars, write_plots

POLICY = """
nation = "KR"
[partner.JP]
level = "tracklets"
openness = "full"
[[partner.JP.rule]]
name = "not ballistic"
kinds = ["aircraft", "orbital"]
level = "nothing"
[partner.US]
[[partner.US.rule]]
name = "exercises"
exercise = true
level = "plots"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Half a minute of an object past a radar of each of two nations."""
    path = tmp_path_factory.mktemp("release")
    radars = (site("KR", 36.6, 127.5, 0.5), site("JP", 38.0, 138.4, 0.5))
    start = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))
    times, radar = look_times(radars, 30.0)
    states = coasting(start, times)
    looks = looks_like(radars, radar, states)
    scene = Scene(radars, times, radar, states, looks, np.zeros(0, int))
    plots = with_offsets(scene, np.random.default_rng(1))
    save_radars(path / "radars.toml", radars)
    write_plots(path / "plots.csv", plots, radars)
    (path / "release.toml").write_text(POLICY)
    (path / "settings.toml").write_text("[release]\nassess_every_s = 29\n")
    assert int(plots.time_ns[0]) >= START_NS
    return path


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in ("release", *arguments)])


def test_explain_says_what_each_partner_gets_and_why(folder):
    files = (folder / "release.toml", "--radars", folder / "radars.toml")
    moment = ("--time", "2026-05-01T00:00:00Z", "--kind", "orbital")
    done = run("explain", *files, *moment)
    assert done.exit_code == 0, done.output
    assert "What KR sees" in done.stdout
    assert "taken for orbital (2026-05-01T00:00:00Z, live):" in done.stdout
    assert 'JP gets nothing (by "not ballistic")' in done.stdout
    assert "US gets assessments: launch, apogee, impact and kind; for its own eyes" in (done.stdout)
    assert 'rule 1, "exercises": no, it is for exercises alone' in done.stdout
    out = folder / "told.json"
    done = run("explain", *files, "--exercise", "--partner", "US", "--json", out)
    assert done.exit_code == 0, done.output
    (subject,) = json.loads(out.read_text())["subjects"]
    assert set(subject["partners"]) == {"US"}
    assert subject["partners"]["US"]["level"] == "plots"


def test_test_counts_what_would_have_gone_by_which_rule(folder):
    out = folder / "tried.json"
    done = run(
        *("test", folder / "release.toml", folder / "plots.csv"),
        *("--radars", folder / "radars.toml", "--settings", folder / "settings.toml"),
        *("--json", out),
    )
    assert done.exit_code == 0, done.output
    tried = json.loads(out.read_text())
    assert (tried["nation"], tried["of_others"]) == ("KR", 60)
    rules = {row["rule"]: row for row in tried["partners"]["JP"]["rules"]}
    assert rules["otherwise"]["seen"] == tried["plots"] == 60
    # In coast the looks of a second go together, once there is a track.
    assert 30 <= rules["otherwise"]["tracklets"] < 60
    assert rules["otherwise"]["assessments"] == rules["otherwise"]["warnings"] > 0
    assert rules["not ballistic"]["seen"] == 0
    us = {row["rule"]: row for row in tried["partners"]["US"]["rules"]}
    assert (us["otherwise"]["tracklets"], us["otherwise"]["plots"]) == (0, 0)
    assert us["otherwise"]["assessments"] > 0
    assert "60 plots of other nations' radars: never sent on" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--kind", "rocket"), "--kind: 'rocket' is no kind; give one of ballistic"),
        (("--place", "here"), "--place: 'here' is no place; give degrees, as in 38.5,127.0"),
        (("--place", "100,1"), "--place: '100,1' is no place"),
        (("--radar", "KRR"), 'KR has no radar KRR; did you mean "KR"?'),
        (("--nation", "XX"), "XX has no radar in the radar table; give one of JP, KR"),
    ],
)
def test_a_fault_of_the_usage_is_one_sentence(folder, arguments, sentence):
    done = run("explain", folder / "release.toml", "--radars", folder / "radars.toml", *arguments)
    assert done.exit_code == 1
    assert sentence in " ".join(done.stderr.split())
    assert done.stderr.count("\n") == 1


def test_in_a_coalition_s_folder_its_cards_say_who_is_a_partner(folder, tmp_path):
    for name in ("release.toml", "radars.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    cards = tmp_path / "partners"
    cards.mkdir()
    (cards / "JP.card.toml").touch()
    done = run("explain", tmp_path / "release.toml", "--radars", tmp_path / "radars.toml")
    assert done.exit_code == 1
    assert 'partner "US" is not known; there are JP; add it' in done.stderr
    (tmp_path / "release.toml").write_text("[partner.JP]\n")
    done = run("explain", tmp_path / "release.toml", "--radars", tmp_path / "radars.toml")
    assert 'release.toml: "nation" is missing; add a line nation' in done.stderr
