"""What people do: take note, write, propose, confirm, change what is released. All is audited."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from skypact.desk import as_json
from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import ACT, RELEASE, VIEW, unlocked
from skypact.desk.answers import faults, json, not_there
from skypact.desk.live import SHARED, acknowledgement, comment
from skypact.desk.orders import PolicyProposal
from skypact.errors import SkypactError
from skypact.model import ShownFlight

if TYPE_CHECKING:
    from skypact.desk.app import Desk

_PROPOSALS_KEPT = 100
Number = Annotated[int, Path(ge=0, le=2**53)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Nothing(_Body):
    """No more is to be said."""


class Written(_Body):
    """A comment."""

    text: Words


class PolicyGiven(_Body):
    """A whole policy (`text`, TOML), or another level for one partner."""

    text: Annotated[str | None, Field(max_length=200_000)] = None
    partner: Annotated[str | None, Field(max_length=16)] = None
    level: Literal["nothing", "warning", "assessment", "tracklets", "plots"] | None = None
    openness: Literal["hidden", "rounded", "full"] | None = None
    use: list[Literal["picture", "public_warning", "export"]] = []


class Confirmed(_Body):
    """A proposal by its hash, and one's own password again.

    Empty for who logged in at a provider: that log-in has to be new.
    """

    hash: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]


def _about(made: PolicyProposal) -> str:
    """A policy as the audit names it: what it changes for whom, and its hash."""
    told = [
        f"{one.partner} {way}: {'; '.join(lines)}"
        for one in made.changes
        for way, lines in (("more", one.more), ("less", one.less), ("otherwise", one.other))
        if lines
    ]
    return f"{'. '.join(told) or 'no change'} ({made.hash})"


def acting_routes(desk: "Desk") -> APIRouter:
    """All that is done."""
    router = APIRouter(tags=["acting"])
    live, store, access = desk.live, desk.store, desk.access
    viewing = Annotated[Visitor, Depends(access.needing(VIEW))]
    may_act = Annotated[Visitor, Depends(access.needing(ACT))]
    may_release = Annotated[Visitor, Depends(access.needing(RELEASE))]
    proposals: OrderedDict[tuple[str, str], PolicyProposal] = OrderedDict()

    async def shown(number: int) -> ShownFlight:
        found = (await live.picture(SHARED)).flights.get(number)
        if found is None:
            raise not_there(f"flight {number} in the shared picture")
        return found

    def words(text: str) -> str:
        if len(text) > desk.settings.greatest_text:
            raise HTTPException(422, f"text: write at most {desk.settings.greatest_text:,} letters")
        return text

    where = "/flights/{number}/acknowledgements"

    @router.get(where, response_model=list[d.Acknowledgement], responses=faults(404))
    async def acknowledged(visitor: viewing, number: Number) -> Any:
        """Who took note of a flight."""
        of = (await shown(number)).flight
        return json([acknowledgement(one) for one in store.acknowledged(of.id, of.first_plot_ns)])

    @router.post(
        where, status_code=201, response_model=d.Acknowledgement, responses=faults(404, 413, 415)
    )
    async def acknowledge(visitor: may_act, number: Number, given: Nothing) -> Any:
        """Take note of a flight, by name; once."""
        flight = await shown(number)
        of = flight.flight
        made = await asyncio.to_thread(store.acknowledge, of.id, of.first_plot_ns, visitor.name)
        await access.audit(visitor.name, "acknowledge", f"flight {number}", "done")
        live.noted(flight)
        return json(acknowledgement(made), 201)

    @router.get("/flights/{number}/comments", response_model=list[d.Comment], responses=faults(404))
    async def comments(visitor: viewing, number: Number) -> Any:
        """What was written about a flight."""
        of = (await shown(number)).flight
        return json([comment(one) for one in store.comments(of.id, of.first_plot_ns)])

    @router.post(
        "/flights/{number}/comments",
        status_code=201,
        response_model=d.Comment,
        responses=faults(404, 413, 415),
    )
    async def write(visitor: may_act, number: Number, given: Written) -> Any:
        """Write something about a flight."""
        flight = await shown(number)
        of = flight.flight
        made = await asyncio.to_thread(
            store.comment, of.id, of.first_plot_ns, visitor.name, words(given.text)
        )
        await access.audit(visitor.name, "comment", f"flight {number}", "done")
        live.noted(flight)
        return json(comment(made), 201)

    @router.get("/releases", response_model=d.Releases, responses=faults())
    async def releases(visitor: viewing) -> Any:
        """The release policy in force."""
        state = live.state
        return json(
            {
                "text": await asyncio.to_thread(desk.orders.text),
                "hash": state.policy_hash,
                "by": state.policy_by,
                "since": as_json.iso(state.policy_since_ns),
                "partners": live.partners(),
            }
        )

    @router.post("/releases/proposals", response_model=d.Proposal, responses=faults(413, 415))
    async def propose_release(visitor: may_release, given: PolicyGiven) -> Any:
        """Check another policy, and say what it would change for whom; nothing is changed yet."""
        if (given.text is None) == (given.partner is None):
            raise HTTPException(422, "give either text, or partner and level")
        text = given.text
        if text is None:
            of = given.partner or "", given.level or "", given.openness or "", tuple(given.use)
            text = await asyncio.to_thread(desk.orders.with_level, *of)
        made = await asyncio.to_thread(desk.orders.propose, text)
        proposals[visitor.name, made.hash] = made
        while len(proposals) > _PROPOSALS_KEPT:
            proposals.popitem(last=False)
        await access.audit(visitor.name, "propose release", _about(made), "done")
        return json(made)

    @router.post("/releases", response_model=d.Done, responses=faults(404, 409, 413, 415))
    async def release(visitor: may_release, given: Confirmed) -> Any:
        """Put a proposed policy in force: signed, in one's own name, with one's password again."""
        made = proposals.get((visitor.name, given.hash))
        if made is None:
            raise not_there("proposal of yours with this hash")
        account = await access.confirmed(visitor, given.password, "release")
        try:
            key = await asyncio.to_thread(unlocked, account, given.password)
            said = await desk.orders.apply(made, visitor.name, key)
        except SkypactError as error:
            await access.audit(visitor.name, "release", _about(made), f"not done: {error}")
            raise HTTPException(409, str(error)) from None
        del proposals[visitor.name, given.hash]
        await access.audit(visitor.name, "release", _about(made), "done")
        return json({"said": said})

    return router
