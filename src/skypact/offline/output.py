"""Files written whole or not at all."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skypact.errors import InputError


def require_writable(*paths: Path | None) -> None:
    """Raise InputError where a file cannot be written: before the work, not after it.

    A folder that is missing is more often a slip than a wish, so none is made for a file. None and
    `-`, stdout, are passed over.
    """
    for path in paths:
        if path is None or str(path) == "-":
            continue
        if path.is_dir():
            raise InputError(str(path), "is a folder", "name a file in it")
        if not path.parent.is_dir():
            reason = f"there is no folder {path.parent}"
            raise InputError(str(path), reason, "make it, or name another file")
        if not os.access(path.parent, os.W_OK):
            reason = f"nothing can be written in the folder {path.parent}"
            raise InputError(str(path), reason, "name another file")


def clash_of(
    outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]
) -> tuple[str, str] | None:
    """The first of named outputs that would overwrite an input or another output, and which one.

    Files are the same whatever paths lead to them; None and `-`, stdout, are passed over.
    """
    written = {name: path for name, path in outputs.items() if path and str(path) != "-"}
    read = {name: path for name, path in inputs.items() if path}
    names = list(written)
    for number, name in enumerate(names):
        others = read | {earlier: written[earlier] for earlier in names[:number]}
        for other, path in others.items():
            if _is_same(written[name], path):
                return name, other
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` if all goes well.

    What is no file, as a pipe or /dev/null, is written to as it stands.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write JSON for machines; `-` is stdout."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
