"""A PostgreSQL server of a study's or a test's own, on a socket, where its programs are there."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

MISSING = "PostgreSQL is not installed here: apt-get install postgresql"
ROOT_CANNOT = "postgres"
"""The server refuses to run as root: then it runs as this user, whom Debian's packages make."""


def is_installed() -> bool:
    """Whether a server can be started here."""
    return _programs() is not None


class OwnPostgresql:
    """Starts it with the first `url`; `stop` and `start` as a fault needs them."""

    def __init__(self) -> None:
        """Raises RuntimeError where it is not installed."""
        programs = _programs()
        if programs is None:
            raise RuntimeError(MISSING)
        self._programs = programs
        self._user: dict[str, Any] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="skypact-pg-"))
        if os.geteuid() == 0:
            self._user = {"user": ROOT_CANNOT, "group": ROOT_CANNOT, "extra_groups": []}
            shutil.chown(self.folder, ROOT_CANNOT, ROOT_CANNOT)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "skypact", "--no-sync")
        self._databases = 0
        self.start()

    @property
    def data(self) -> Path:
        """Where its databases are."""
        return self.folder / "data"

    def start(self) -> None:
        """Returns once it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}'"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """At once, as though it had been killed."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def url(self) -> str:
        """Of a new database."""
        self._databases += 1
        name = f"record{self._databases}_{time.monotonic_ns()}"
        self._run("createdb", "-h", str(self.folder), "-U", "skypact", name)
        return f"postgresql://skypact@/{name}?host={self.folder}"

    def end(self) -> None:
        """Stop it, and leave nothing of it."""
        subprocess.run(
            [self._programs / "pg_ctl", "-D", self.data, "-m", "immediate", "stop"],
            check=False,
            capture_output=True,
            cwd=self.folder,
            **self._user,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            **self._user,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")


def _programs() -> Path | None:
    """The folder of the newest server."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parts[-2]))
    found = [one for one in folders if (one / "initdb").exists()]
    if found:
        return found[-1]
    beside = shutil.which("initdb")
    return Path(beside).resolve().parent if beside else None
