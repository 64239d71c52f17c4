"""Shared events: what nations say to each other, and what is said here. All is audited."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import ACT, VIEW, unlocked
from skypact.desk.answers import faults, json, not_there
from skypact.errors import InputError, SkypactError

if TYPE_CHECKING:
    from skypact.desk.app import Desk

Name = Annotated[str, Path(max_length=32, description="Any nation's name of it, or its beginning.")]
Hash = Annotated[str, Path(max_length=64, description="A text's hash, or its beginning.")]
Number = Annotated[int, Path(ge=0, le=2**53)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class Said(BaseModel):
    """To whom (empty: all that may hear it); one's password, where users have keys of their own."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[list[Annotated[str, Field(max_length=8)]], Field(max_length=32)] = []
    password: Annotated[str | None, Field(max_length=1000)] = None


class SaidInWords(Said):
    """The same with words."""

    text: Words


def consulting_routes(desk: "Desk") -> APIRouter:
    """What is said of events."""
    router = APIRouter(tags=["consulting"])
    access, orders = desk.access, desk.orders
    viewing = Annotated[Visitor, Depends(access.needing(VIEW))]
    may_act = Annotated[Visitor, Depends(access.needing(ACT))]

    async def say(visitor: Visitor, do: str, given: Said, about: str, **of: Any) -> Any:
        """In the visitor's name, with the visitor's own key where there is one."""
        key = None
        if given.password is not None:
            account = await access.confirmed(visitor, given.password, do)
            key = await asyncio.to_thread(unlocked, account, given.password)
        try:
            said = await orders.say(do, visitor.name, key, to=tuple(given.to), **of)
        except SkypactError as error:
            await access.audit(visitor.name, do, about, f"not done: {error}")
            raise
        await access.audit(visitor.name, do, about, "done")
        return json({"said": said}, 201)

    done: dict[str, Any] = {
        "status_code": 201,
        "response_model": d.Done,
        "responses": faults(404, 409, 413, 415),
    }

    @router.get("/consultations", response_model=list[d.EventLine], responses=faults())
    async def consultations(visitor: viewing) -> Any:
        """All shared events in short, that of which something was said last first."""
        return json(await orders.events())

    @router.get("/consultations/{name}", response_model=d.SharedEvent, responses=faults(404))
    async def consultation(visitor: viewing, name: Name) -> Any:
        """One of them, with each nation's assessment beside the others'."""
        try:
            (event,) = await orders.events(name)
        except InputError:
            raise not_there(f"event {name}") from None
        return json(await desk.live.consulted(event))

    @router.post("/consultations/{name}/acknowledgements", **done)
    async def acknowledge_event(visitor: may_act, name: Name, given: Said) -> Any:
        """Tell partners that one has taken note."""
        return await say(visitor, "acknowledge", given, name, event=name)

    @router.post("/consultations/{name}/comments", **done)
    async def comment_event(visitor: may_act, name: Name, given: SaidInWords) -> Any:
        """Say something to partners."""
        return await say(visitor, "comment", given, name, event=name, text=given.text)

    @router.post("/consultations/{name}/texts", **done)
    async def propose(visitor: may_act, name: Name, given: SaidInWords) -> Any:
        """Propose a text that each nation is to confirm, ours by another person."""
        return await say(visitor, "propose", given, name, event=name, text=given.text)

    @router.post("/flights/{number}/texts", **done)
    async def propose_of_flight(visitor: may_act, number: Number, given: SaidInWords) -> Any:
        """The same about the event of a flight of the shared picture."""
        about = f"flight {number}"
        return await say(visitor, "propose", given, about, flight=number, text=given.text)

    @router.post("/texts/{hash_}/confirmation", **done)
    async def confirm(visitor: may_act, hash_: Hash, given: Said) -> Any:
        """Confirm a text for one's nation, by its hash."""
        return await say(visitor, "confirm", given, hash_, text=hash_)

    return router
