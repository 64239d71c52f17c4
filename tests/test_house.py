"""The house itself: what the README promises is there, and the rules of the repository hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import skypact
from skypact import cli
from skypact.kernels import compiled
from skypact.offline import warm

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_readme_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    pages = "".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", pages, re.M))
    assert {"demo", "test", "check", "evaluate", "bench", "clean"} <= targets
    assert named <= targets, named - targets


def test_readme_commands_exist() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^skypact (.+)$", text, re.M)
    assert commands
    for command in commands:
        words = command.partition(" #")[0].split()
        at, path = typer.main.get_command(cli.app), []
        while words and words[0] in getattr(at, "commands", ()):
            path.append(words.pop(0))
            at = at.commands[path[-1]]
        told = CliRunner().invoke(cli.app, [*path, "--help"])
        assert path and told.exit_code == 0, command
        for option in (word for word in words if word.startswith("--")):
            assert option in told.stdout, f"{command}: {option}"


def test_python_of_the_readme_names_what_is_there() -> None:
    for name in re.findall(r"skypact\.(\w+)\(", (ROOT / "README.md").read_text()):
        assert callable(getattr(skypact, name))


def test_every_name_of_the_api_is_there() -> None:
    for name in skypact.__all__:
        assert getattr(skypact, name) is not None
    assert set(skypact.__all__) <= set(dir(skypact))
    with pytest.raises(AttributeError, match="nothing"):
        skypact.nothing  # noqa: B018


def test_links_of_the_docs_resolve() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_settings_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "settings_doc.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_import_rules_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_index_and_no_path_of_a_machine_is_named() -> None:
    index = re.compile(r"(?i)index-url\s*[=\s]\s*\S*://|://[\w.-]*(pypi|npmjs|pythonhosted|mirror)")
    path = re.compile(r"(?<![\w./~$}-])/(?:work|home|root|Users)/\w")
    for file in tracked_files():
        if file == Path(__file__):
            continue
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        assert not index.search(text), file
        assert not path.search(text), file


def test_ci_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_kernels_start_without_scipy_and_leave_numba_whole() -> None:
    script = """
import sys
import numpy as np
import skypact.kernels.geodesy as geodesy
geodesy.ecef_from_geodetic(0.5, 1.0, 0.0)
assert "scipy.linalg" not in sys.modules
import numba
@numba.njit
def uses_blas(a, b):
    return np.dot(a, b), np.correlate(b[0], b[1])
turned, correlation = uses_blas(2.0 * np.eye(2), np.ones((2, 2)))
assert (turned == 2.0).all() and correlation == 2.0
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("stage", warm.ALL)
def test_kernels_can_be_compiled_beforehand(stage: str) -> None:
    warm._WORK[stage]()
    assert warm.cold_stages([stage]) == []


def test_the_kernels_cache_folder_knows_every_file_with_a_part_in_them() -> None:
    folder = ROOT / "src" / "skypact" / "tracking"
    text = {source.stem: source.read_text() for source in folder.glob("*.py")}
    wanted = {name for name, code in text.items() if "kernels.compiled" in code}
    while (
        more := {
            name
            for known in wanted
            for name in re.findall(r"from skypact\.tracking\.(\w+) import", text[known])
        }
        - wanted
    ):
        wanted |= more
    assert wanted == set(compiled.KERNELS_OF_TRACKING)
