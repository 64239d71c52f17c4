"""A real NATS server of a test's own: started, killed and started again on one port."""

import contextlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SERVER = shutil.which("nats-server", path=str(Path(sys.executable).parent))
_CONFIGURATION = """
listen: 127.0.0.1:{port}
max_payload: 8MB
jetstream {{ store_dir: "{store}", max_mem: 64M, max_file: 8G, sync_interval: {sync} }}
accounts {{
  NAT {{
    jetstream {{ max_mem: 64M, max_file: {room} }}
    users = [
      {{ user: "node", password: "node" }}
      {users}
    ]
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class OwnServer:
    def __init__(
        self, folder: Path, *, room: str = "4G", sync: str = "always", users: str = ""
    ) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.store = folder / "store"
        text = _CONFIGURATION.format(
            port=self.port, store=self.store, room=room, sync=sync, users=users
        )
        (folder / "nats.conf").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert SERVER is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [SERVER, "-c", str(self.folder / "nats.conf")],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return
            time.sleep(0.01)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def let_files_grow(self, most: int | None = None) -> None:
        """Up to so many octets each: a write beyond it fails as on a full disk. None: to any."""
        assert self._process is not None
        no_limit = resource.RLIM_INFINITY
        limits = (no_limit if most is None else most, no_limit)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, limits)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None
