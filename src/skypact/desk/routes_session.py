"""Logging in and out."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from skypact.desk import as_json
from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import VIEW, Account
from skypact.desk.answers import faults, json
from skypact.desk.store import Session

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
        }

    @router.post("/session", response_model=d.Session, responses=faults(413, 415))
    async def log_in(given: LogIn) -> Any:
        """Log in: sets the cookie, and gives the token for X-CSRF-Token."""
        account = await access.verified(given.name, given.password, "log in")
        if account is None:
            raise HTTPException(401, "the name or the password is wrong")
        token, session = await access.begin(account)
        answer = json(said(account, session))
        answer.set_cookie(
            *(access.cookie, token),
            max_age=round(desk.settings.session_h * 3600),
            httponly=True,
            samesite="strict",
            secure=desk.secure,
            path="/",
        )
        return answer

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

    return router
