"""The desk's application: who is let in, what is answered, what is done and written down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.responses import Response

from skypact.desk.access import LOOPBACK, Access, Guard
from skypact.desk.accounts import Accounts
from skypact.desk.alerts import AlertFeed, Fetch
from skypact.desk.live import Live
from skypact.desk.node_client import NodeClient
from skypact.desk.oidc import Provider, ProviderLogIn
from skypact.desk.orders import Orders
from skypact.desk.routes_acting import acting_routes
from skypact.desk.routes_consulting import consulting_routes
from skypact.desk.routes_reading import reading_routes
from skypact.desk.routes_session import session_routes
from skypact.desk.routes_warning import warning_routes
from skypact.desk.static_files import static_routes
from skypact.desk.store import Store
from skypact.errors import InputError, LinkError, SkypactError
from skypact.settings import DeskSettings

STATIC = Path(__file__).parent / "static"


class Desk(NamedTuple):
    """What the application is made of."""

    folder: Path
    access: Access
    live: Live
    store: Store
    orders: Orders
    settings: DeskSettings
    nation: str
    exercise: bool
    secure: bool
    """Whether browsers get here by TLS alone, so that the cookie may be kept to it."""
    provider: ProviderLogIn | None


class Parts(NamedTuple):
    """What whoever starts a desk gives it."""

    folder: Path
    store: Path
    orders: Orders
    settings: DeskSettings
    nation: str
    exercise: bool
    secure: bool
    port: int
    version: str
    clock: Callable[[], int]
    read_node: Fetch
    """What stands at a path of the node's own address: its public feed of alerts."""
    provider: Provider | None = None
    """Where people may log in beside those who have a password here."""


def desk_of(parts: Parts) -> Desk:
    """A desk that follows no node yet. Raises InputError: nobody could log in at the provider."""
    provider = parts.provider and ProviderLogIn(parts.provider, parts.settings, parts.clock)
    store = Store(parts.store, parts.clock)
    cookie = f"skypact_desk_{parts.port}"  # cookies know no ports: each desk of a machine its own
    access = Access(Accounts(parts.folder), store, parts.settings, parts.clock, cookie)
    alerts = AlertFeed(parts.read_node, exercise=parts.exercise)
    live = Live(store, parts.settings, parts.version, alerts)
    return Desk(
        *(parts.folder, access, live, store, parts.orders, parts.settings),
        *(parts.nation, parts.exercise, parts.secure, provider),
    )


@contextlib.asynccontextmanager
async def following(desk: Desk, node: NodeClient) -> AsyncIterator[None]:
    """While it follows a node."""
    await node.start()
    await desk.live.start(node)
    try:
        yield
    finally:
        await desk.live.stop()
        await node.stop()
        await asyncio.to_thread(desk.store.close)


def application(desk: Desk, names: tuple[str, ...], static: Path = STATIC) -> Guard:
    """The whole application."""
    app = FastAPI(
        title="Skypact desk",
        description="One nation's picture, as its watch officers see it. Angles in degrees, "
        "lengths in metres, times in UTC.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    made = (session_routes, reading_routes, acting_routes, consulting_routes, warning_routes)
    for router in (routes(desk) for routes in made):
        app.include_router(router, prefix="/api/v1")
    app.include_router(static_routes(static))

    @app.exception_handler(SkypactError)
    async def said(request: Request, error: Exception) -> Response:
        status = (
            503 if isinstance(error, LinkError) else 422 if isinstance(error, InputError) else 409
        )
        return JSONResponse({"detail": str(error)}, status)

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = (
            error.errors()[0] if error.errors() else {"loc": (), "msg": "is not as it should be"}
        )
        where = ".".join(map(str, first["loc"]))
        return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)

    return Guard(app, (*LOOPBACK, *names), desk.settings.greatest_body_bytes)
