"""Runs of a study, a row each, kept in a file: what was interrupted goes on where it stopped.

A row counts only for the code that made it: the file's name has a hash of all that is imported,
and files of other code are removed. `out/rows` may be removed at any time.
"""

import ast
import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).parents[1]
FOLDER = Path("out/rows")
STUDIES = "evaluate"
"""Their package."""


def rows_of(
    one: Callable[..., Any],
    cases: Iterable[Sequence[Any]],
    progress: Callable[[int], Any] | None = None,
    *,
    before: int = 0,
    processors: int = 1,
    folder: Path = FOLDER,
) -> list[Any]:
    """`one(*case)` of each case, in order; `progress` is told how many are done, and `before`.

    `one` is a function of a module and each case is known by its `repr`, so that the same case has
    the same row. With several `processors` cases are worked on side by side, each in a process.
    """
    cases = list(cases)
    folder.mkdir(parents=True, exist_ok=True)
    with _file_of(one, folder).open("a+b") as file:
        found = dict(_read(file))
        missing = [case for case in cases if repr(case) not in found]
        done = before + len(cases) - len(missing)
        for case, row in _worked(one, missing, processors):
            pickle.dump((repr(case), row), file)
            file.flush()
            found[repr(case)] = row
            done += 1
            if progress:
                progress(done)
    return [found[repr(case)] for case in cases]


def _worked(
    one: Callable[..., Any], cases: Sequence[Sequence[Any]], processors: int
) -> Iterator[tuple[Sequence[Any], Any]]:
    if processors == 1 or len(cases) < 2:
        for case in cases:
            yield case, one(*case)
        return
    with ProcessPoolExecutor(max_workers=processors) as pool:
        yield from zip(cases, pool.map(one, *zip(*cases, strict=True)), strict=True)


def _read(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """All whole rows; what an interrupted writer left behind them is cut off."""
    file.seek(0)
    end = 0
    while True:
        try:
            yield pickle.load(file)
        except (EOFError, pickle.UnpicklingError):
            break
        end = file.tell()
    file.truncate(end)


def _file_of(one: Callable[..., Any], folder: Path) -> Path:
    name = f"{one.__module__}.{one.__qualname__}"
    path = folder / f"{name}-{_code(one.__module__)}.pickle"
    for other in folder.glob(f"{name}-*.pickle"):
        if other != path:
            other.unlink()
    return path


@cache
def _code(module: str) -> str:
    """A hash of all that a row may come from: modules, scenarios, versions of libraries."""
    files = {ROOT / "requirements.lock", *(ROOT / "src/skypact").rglob("*.toml")}
    found, left = set[str](), [module]
    while left:
        name = left.pop()
        path = _file_of_module(name)
        if name in found or path is None:
            continue
        found.add(name)
        files.add(path)
        left.append(name.rpartition(".")[0])
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                left += (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                left.append(node.module)
                left += (f"{node.module}.{alias.name}" for alias in node.names)
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


def _file_of_module(name: str) -> Path | None:
    """The file of a module of ours; None: of others, or no module."""
    package, *_ = name.split(".")
    if package not in ("skypact", STUDIES):
        return None
    base = (ROOT / "src" if package == "skypact" else ROOT).joinpath(*name.split("."))
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in files if path.is_file()), None)
