"""Runs of a study, a row each, kept in a file: what was interrupted goes on where it stopped.

A row counts only for the code that made it: the file's name has a hash of all of it, and files of
other code are removed. `out/rows` may be removed at any time.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).parents[1]
FOLDER = Path("out/rows")


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
    path = folder / f"{name}-{_code()}.pickle"
    for other in folder.glob(f"{name}-*.pickle"):
        if other != path:
            other.unlink()
    return path


@cache
def _code() -> str:
    """A hash of all that a row may come from: source, scenarios, versions of libraries."""
    files = [ROOT / "requirements.lock"]
    for folder in ("src/skypact", "evaluate"):
        files += (p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".toml"))
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
