"""Alerts that wait for persons, and those in force: released and cancelled in one's own name."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import RELEASE, unlocked
from skypact.desk.answers import faults, json
from skypact.errors import SkypactError

if TYPE_CHECKING:
    from skypact.desk.app import Desk

Event = Annotated[int, Path(ge=0, le=2**53, description="Its number, as the state's notices say.")]


class Own(BaseModel):
    """One's own password again."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(max_length=1000)]


def warning_routes(desk: "Desk") -> APIRouter:
    """What persons say about alerts."""
    router = APIRouter(tags=["warning"])
    access, orders = desk.access, desk.orders
    may_release = Annotated[Visitor, Depends(access.needing(RELEASE))]

    async def order(
        visitor: Visitor, do: Literal["release", "cancel"], event: int, given: Own
    ) -> Any:
        what, about = f"{do} warning", f"event {event}"
        account = await access.verified(visitor.name, given.password, what)
        if account is None:
            raise HTTPException(403, "the password is wrong")
        try:
            key = await asyncio.to_thread(unlocked, account, given.password)
            said = await orders.of_warning(do, event, visitor.name, key)
        except SkypactError as error:
            await access.audit(visitor.name, what, about, f"not done: {error}")
            raise
        await access.audit(visitor.name, what, about, "done")
        return json({"said": said}, 201)

    done: dict[str, Any] = {
        "status_code": 201,
        "response_model": d.Done,
        "responses": faults(409, 413, 415),
    }

    @router.post("/warnings/{event}/releases", **done)
    async def release(visitor: may_release, event: Event, given: Own) -> Any:
        """Release an alert that waits for persons; it goes out once enough of them did."""
        return await order(visitor, "release", event, given)

    @router.post("/warnings/{event}/cancellations", **done)
    async def cancel(visitor: may_release, event: Event, given: Own) -> Any:
        """Cancel an alert that is in force; without a release nothing more is said of it."""
        return await order(visitor, "cancel", event, given)

    return router
