"""Plots by HTTP: POST /feeds/<radar> with a bearer key, answered once they are journalled."""

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Iterator

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from skypact.errors import InputError
from skypact.sensing.feeds.intake import Answer, Intake
from skypact.sensing.feeds.table import Feed, Http, address_of, digest_of

_JSON = ("application/json", "application/x-ndjson", "application/jsonl", "application/json-lines")
_PACKED = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")
_ENCODE = msgspec.json.Encoder().encode
_START_S = 10.0


def feed_routes(feeds: tuple[Feed, ...], intake: Intake) -> list[Route]:
    """The routes, for an application that has others beside them."""

    async def post(request: Request) -> Response:
        return _response(await _answer(request, feeds, intake))

    return [Route("/feeds/{radar:path}", post, methods=["POST"])]


class HttpFeed:
    """uvicorn in the node's own loop, on a port of its own. `port` is known once it is started."""

    def __init__(self, http: Http, feeds: tuple[Feed, ...], intake: Intake) -> None:
        self._http, self._intake = http, intake
        settings = intake.settings
        config = uvicorn.Config(
            Starlette(routes=feed_routes(feeds, intake)),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            limit_concurrency=settings.greatest_connections,
            timeout_keep_alive=max(1, round(settings.idle_s)),
            timeout_graceful_shutdown=2,
            ssl_certfile=http.certificate or None,
            ssl_keyfile=http.certificate_key or None,
            server_header=False,
        )
        self._server = QuietServer(config)
        self.port = 0

    async def start(self) -> None:
        """Listen from now on. Raises InputError where the port is taken."""
        listening = bound(self._http.listen, "[http]")
        self.port = listening.getsockname()[1]
        await self._server.begin(listening, "[http]")

    async def stop(self) -> None:
        """Answer what is being taken, and end."""
        await self._server.finish()


class QuietServer(uvicorn.Server):
    """In the node's own loop; leaves the process's signals to the node."""

    _serving: asyncio.Task[None] | None = None

    async def begin(self, listening: socket.socket, place: str) -> None:
        """Serve on a bound socket from now on. Raises InputError, naming `place`, if it cannot."""
        self._serving = asyncio.create_task(self.serve([listening]), name=f"HTTP of {place}")
        until = asyncio.get_running_loop().time() + _START_S
        while not self.started and not self._serving.done():
            if asyncio.get_running_loop().time() > until:
                raise InputError(place, "does not start", "see the log")
            await asyncio.sleep(0.005)
        if self._serving.done():
            self._serving.result()

    async def finish(self) -> None:
        """Answer what is being asked, and end."""
        self.should_exit = True
        if self._serving is not None:
            await self._serving

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


def bound(listen: str, place: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A socket bound to an address. Raises InputError that says what is wrong with it."""
    host, port = address_of(listen, place)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))
    except OSError as error:
        one.close()
        reason = f"cannot listen on {listen} ({(error.strerror or str(error)).lower()})"
        raise InputError(place, reason, "give a free port of this machine") from None
    one.setblocking(False)
    return one


async def _answer(request: Request, feeds: tuple[Feed, ...], intake: Intake) -> Answer:
    feed = _sender(request, feeds)
    if feed is None:
        reason = "no key, or one that is not known"
        return intake.not_taken(
            "http", 401, reason, "send Authorization: Bearer and the feed's key"
        )
    radar_id = request.path_params["radar"]
    if radar_id not in feed.radars:
        reason = f'feed "{feed.name}" may not send radar "{radar_id}"'
        return intake.not_taken(feed.name, 403, reason, "send to one of its own radars")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*_JSON, *_PACKED):
        reason = f"content type {kind or 'none'}"
        remedy = f"send {_JSON[1]} or {_PACKED[0]}"
        return intake.not_taken(feed.name, 415, reason, remedy)
    most = intake.settings.greatest_message_bytes
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        return intake.too_long(feed.name)
    body = bytearray()
    try:
        async with asyncio.timeout(intake.settings.idle_s):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    return intake.too_long(feed.name)
    except TimeoutError:
        return intake.not_taken(feed.name, 408, "the request takes too long", "send it faster")
    except ClientDisconnect:
        return intake.not_taken(feed.name, 400, "the request breaks off", "send it again")
    return await intake.message(feed.name, radar_id, bytes(body), packed=kind in _PACKED)


def _sender(request: Request, feeds: tuple[Feed, ...]) -> Feed | None:
    """Whose key it is. All are compared, each in constant time."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        return None
    digest = digest_of(key.strip())
    found = None
    for feed in feeds:
        if feed.key_sha256 and hmac.compare_digest(feed.key_sha256, digest):
            found = feed
    return found


def _response(answer: Answer) -> Response:
    headers = {}
    if answer.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.retry_after_s:
        headers["Retry-After"] = str(max(1, round(answer.retry_after_s)))
    return Response(_ENCODE(answer), answer.status, headers=headers, media_type="application/json")
