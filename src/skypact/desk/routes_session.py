"""Logging in, by password or at a provider, and out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from skypact.desk import as_json
from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import VIEW, Account
from skypact.desk.answers import faults, json, not_there
from skypact.desk.oidc import BACK, ProviderLogIn
from skypact.desk.store import Session
from skypact.errors import LogInError

_PREFIX = "/api/v1"

if TYPE_CHECKING:
    from skypact.desk.app import Desk


class LogIn(BaseModel):
    """Who, and the password."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]


def session_routes(desk: "Desk") -> APIRouter:
    """`/session`."""
    router, access = APIRouter(tags=["session"]), desk.access

    def said(account: Account, session: Session) -> d.Session:
        return {
            "who": account.name,
            "roles": list(account.roles),
            "own_key": bool(account.key),
            "csrf_token": session.csrf,
            "expires": as_json.iso(session.ends_ns),
            "nation": desk.nation,
            "exercise": desk.exercise,
            "of_provider": access.is_of_provider(Visitor(account, session)),
        }

    def keep(answer: Response, token: str) -> None:
        """The session's cookie."""
        answer.set_cookie(
            *(access.cookie, token),
            max_age=round(desk.settings.session_h * 3600),
            httponly=True,
            samesite="strict",
            secure=desk.secure,
            path="/",
        )

    @router.post("/session", response_model=d.Session, responses=faults(413, 415))
    async def log_in(given: LogIn) -> Any:
        """Log in: sets the cookie, and gives the token for X-CSRF-Token."""
        account = await access.verified(given.name, given.password, "log in")
        if account is None:
            raise HTTPException(401, "the name or the password is wrong")
        token, session = await access.begin(account)
        answer = json(said(account, session))
        keep(answer, token)
        return answer

    @router.get("/session/ways", response_model=d.LogInWays, responses=faults())
    async def ways() -> Any:
        """Whose desk it is, and how one may log in; nobody has to be logged in to ask."""
        provider = None if desk.provider is None else desk.provider.provider.label
        password = bool(access.accounts.all())
        return json({"nation": desk.nation, "password": password, "provider": provider})

    @router.get("/session", response_model=d.Session, responses=faults())
    async def who(visitor: Annotated[Visitor, Depends(access.needing(VIEW))]) -> Any:
        """Who is logged in."""
        return json(said(visitor.account, visitor.session))

    @router.delete("/session", status_code=204, responses=faults())
    async def log_out(
        request: Request, visitor: Annotated[Visitor, Depends(access.needing(VIEW))]
    ) -> Response:
        """Log out."""
        await access.end(visitor)
        answer = Response(status_code=204)
        answer.delete_cookie(access.cookie, path="/")
        return answer

    _provider_routes(router, desk, keep)
    return router


def _provider_routes(
    router: APIRouter, desk: "Desk", keep: Callable[[Response, str], None]
) -> None:
    """To the provider and back: for browsers, which are sent on and never answered with JSON."""
    access, cookie = desk.access, f"{desk.access.cookie}_provider"

    def provider() -> ProviderLogIn:
        if desk.provider is None:
            raise not_there("provider: [desk.oidc] of node.toml")
        return desk.provider

    async def refused(error: LogInError) -> Response:
        await access.audit(error.who or "?", "log in at provider", "", f"refused: {error}")
        return RedirectResponse(f"{home()}?log_in={error.code}", 303)

    def home() -> str:
        return provider().provider.address.rstrip("/") + "/"

    @router.get("/session/provider", include_in_schema=False)
    async def to_provider() -> Response:
        try:
            address, kept = await provider().begin()
        except LogInError as error:
            return await refused(error)
        answer = RedirectResponse(address, 303)
        answer.set_cookie(
            *(cookie, kept),
            max_age=round(desk.settings.oidc_wait_s),
            httponly=True,
            samesite="lax",  # the provider's page sends people back
            secure=desk.secure,
            path=BACK,
        )
        return answer

    @router.get(BACK.removeprefix(_PREFIX), include_in_schema=False)
    async def back(request: Request) -> Response:
        try:
            account = await provider().finish(request.query_params, request.cookies.get(cookie, ""))
            if account.name in access.accounts.all():
                reason = "an account with a password has this name"
                raise LogInError("name", reason, account.name)
        except LogInError as error:
            return await refused(error)
        token, _session = await access.begin(account, of_provider=True)
        answer = RedirectResponse(home(), 303)
        keep(answer, token)
        answer.delete_cookie(cookie, path=BACK)
        return answer
