"""`skypact desk`: a nation's desk, beside its node: what people see in their browsers.

The desk itself knows neither keys nor stages; here it is given a connection to the nation's own
server, the store of the node's folder, and how orders are signed.
"""

import asyncio
import importlib.metadata
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
import structlog
import uvicorn

from skypact.desk.alerts import reader_of
from skypact.desk.app import Desk, Parts, application, desk_of, following
from skypact.desk.node_client import NodeClient
from skypact.desk.oidc import Provider
from skypact.errors import InputError, LinkError
from skypact.sensing.feeds.http_feed import QuietServer, bound
from skypact.serving.desk_orders import DeskOrders
from skypact.serving.its_node import ItsNode
from skypact.settings import Settings
from skypact.sharing.nats_config import NATIONAL_USER, desk_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import DESK, NodeFolder, OidcPart, load_node
from skypact.sharing.tasks import end

_AGAIN_S = 2.0
_HERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Listening everywhere is listening here."""


class DeskServer:
    """A desk that answers. `start`, then its `port`, until `stop`."""

    def __init__(self, folder: Path, settings: Settings, *, exercise: bool = False) -> None:
        self._node = load_node(folder, exercise=exercise, passed_over=lambda error: None)
        self._settings = settings
        self._place = f"{folder / 'node.toml'}, [desk]"
        self.port = 0

    async def start(self) -> None:
        """Listen, and follow the node. Raises InputError where the port is taken; LinkError."""
        node, of = self._node, self._node.file.desk
        listening = bound(f"{of.host}:{desk_port(node)}", self._place)
        self.port = listening.getsockname()[1]
        try:
            await self._serve(listening)
        except BaseException:
            listening.close()
            raise

    async def _serve(self, listening: socket.socket) -> None:
        node, of = self._node, self._node.file.desk
        wait_s = self._settings.link.answer_s
        self._connection = await connect(node, NATIONAL_USER, wait_s=wait_s)
        self.desk: Desk = desk_of(
            Parts(
                folder=node.folder,
                store=node.store,
                orders=DeskOrders(node.folder, self._settings, exercise=node.exercise),
                settings=self._settings.desk,
                nation=node.nation,
                exercise=node.exercise,
                secure=of.secure,
                port=self.port,
                version=importlib.metadata.version("skypact"),
                clock=time.time_ns,
                read_node=reader_of(of_alerts(node)) if node.file.http.port else _nothing,
                provider=None if of.oidc is None else provider_of(node.folder, of.oidc),
            )
        )
        client = NodeClient(
            self._connection,
            desk_subject(node.exercise),
            self._settings.desk,
            self.desk.live.changed,
        )
        self._here: asyncio.Task[None] | None = None
        if DESK in node.file.stages.apart:
            here = ItsNode(self._connection, DESK, self._settings, "", exercise=node.exercise)
            self._here = asyncio.create_task(here.be_here(), name="here")
        self._following = following(self.desk, client)
        await self._following.__aenter__()
        config = uvicorn.Config(
            application(self.desk, (of.host, *of.names)),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=65_536,
        )
        self._server = QuietServer(config)
        await self._server.begin(listening, self._place)

    async def stop(self) -> None:
        """Answer what is being asked, and end."""
        await self._server.finish()
        await self._following.__aexit__(None, None, None)
        await end(self._here)
        await self._connection.close()


def provider_of(folder: Path, part: OidcPart) -> Provider:
    """A provider with its secret. Raises InputError."""
    given = msgspec.structs.asdict(part)
    secret_file = given.pop("client_secret_file")
    secret = ""
    if secret_file:
        try:
            secret = (folder / secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            place = f"{folder / secret_file}"
            remedy = "put there the secret that the provider gave for this desk"
            raise InputError(place, f"cannot be read ({error})", remedy) from None
    given["ca_file"] = part.ca_file and str(folder / part.ca_file)
    return Provider(**given, client_secret=secret)


async def _nothing(path: str) -> None:
    """Of a node whose port is whatever was free nobody knows where it answers."""


def of_http(node: NodeFolder) -> str:
    """Where the node itself answers, from this machine."""
    return _url(node.file.http.host, node.file.http.port)


def of_alerts(node: NodeFolder) -> str:
    """Where its alerts are: a stage of their own answers itself."""
    apart = "warnings" in node.file.stages.apart
    return _url(*node.stage_address("warnings")) if apart else of_http(node)


def _url(host: str, port: int) -> str:
    return f"http://{_HERE.get(host, host)}:{port}"


def desk_port(node: NodeFolder) -> int:
    """Where a nation's desk answers; 0: anywhere."""
    http = node.file.http.port
    return node.file.desk.port or (http + 2 if http else 0)


def log_as_json() -> None:
    """What this process logs are JSON lines on stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        # A line at once, so that no other gets between, nor a kill.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


def run_desk(folder: Path, settings: Settings, exercise: bool) -> None:
    """Run it until SIGTERM or SIGINT; while no node runs it waits for one."""
    log_as_json()
    asyncio.run(_run(folder, settings, exercise))


async def _run(folder: Path, settings: Settings, exercise: bool) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, told.set)
    log = structlog.get_logger()
    server = DeskServer(folder, settings, exercise=exercise)
    while not told.is_set():
        try:
            await server.start()
            break
        except LinkError as error:
            log.warning("desk waits for its node", reason=str(error))
            await asyncio.sleep(_AGAIN_S)
    if told.is_set():
        return
    log.info("desk", address=f"http://{server._node.file.desk.host}:{server.port}/")
    await told.wait()
    await server.stop()
