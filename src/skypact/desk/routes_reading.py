"""What may be looked at: pictures, partners, radars, moments, exports, events, the audit."""

import datetime
import re
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from skypact.desk import as_json
from skypact.desk import documents as d
from skypact.desk.access import Visitor
from skypact.desk.accounts import ADMINISTER, VIEW
from skypact.desk.answers import JSON, faults, json, not_there
from skypact.desk.exports import FORMATS, exported
from skypact.desk.live import NATIONAL, SHARED
from skypact.desk.node_client import PictureCopy
from skypact.desk.streams import encoded

if TYPE_CHECKING:
    from skypact.desk.app import Desk

EXPORT = "export"
LINES = "lines.geojson"
_THEN = "then"
_BEAT_S = 10.0
_MOST_MESSAGES = 200
"""Of warnings: so many are told at once."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)")
_S = 1_000_000_000

Name = Annotated[str, Query(alias="picture", max_length=64, description="See /pictures.")]
Number = Annotated[int, Path(ge=0, le=2**53)]


def reading_routes(desk: "Desk") -> APIRouter:
    """All that is read."""
    router, live = APIRouter(tags=["reading"]), desk.live
    viewing = Annotated[Visitor, Depends(desk.access.needing(VIEW))]

    async def picture_of(name: str) -> PictureCopy:
        try:
            return await live.picture(name)
        except KeyError:
            raise not_there(f"picture {name}") from None

    @router.get("/status", response_model=d.Status, responses=faults())
    async def status(visitor: viewing) -> Any:
        """How the node is."""
        return json(live.status())

    @router.get("/pictures", response_model=list[d.PictureName], responses=faults())
    async def pictures(visitor: viewing) -> Any:
        """Pictures that may be looked at."""
        return json(live.pictures())

    @router.get("/tracks", response_model=list[d.Track], responses=faults(404))
    async def tracks(visitor: viewing, name: Name = "shared") -> Any:
        """All tracks of a picture."""
        return json(live.tracks(await picture_of(name)))

    @router.get("/flights", response_model=list[d.Flight], responses=faults(404))
    async def flights(visitor: viewing, name: Name = "shared") -> Any:
        """All flights of a picture, the most urgent first; without the paths flown."""
        return json(live.flights(await picture_of(name)))

    @router.get("/flights/{number}", response_model=d.Flight, responses=faults(404))
    async def flight(visitor: viewing, number: Number, name: Name = "shared") -> Any:
        """One flight, with the path that it flew."""
        found = live.flight(await picture_of(name), number)
        if found is None:
            raise not_there(f"flight {number} in the picture {name}")
        return json(found)

    @router.get("/radars", response_model=list[d.Radar], responses=faults())
    async def radars(visitor: viewing) -> Any:
        """Radars of the node's table, and what they cover."""
        own = live.state.nation
        return json([as_json.radar(one, own) for one in await live.node.radars()])

    @router.get("/partners", response_model=list[d.Partner], responses=faults())
    async def partners(visitor: viewing) -> Any:
        """How it stands with each partner."""
        return json(live.partners())

    @router.get("/lines", response_model=dict[str, Any], responses=faults(404))
    async def lines(visitor: viewing) -> Any:
        """Lines to draw, GeoJSON: `lines.geojson` of the node's folder."""
        return Response(_lines(desk.folder / LINES), media_type=JSON)

    @router.get("/warnings", response_model=d.Warnings, responses=faults())
    async def warnings(visitor: viewing) -> Any:
        """The node's warnings, live or of exercises as the desk is: those in force first."""
        return json(live.warnings())

    @router.get("/warnings/messages", response_model=list[d.WarningMessage], responses=faults())
    async def warning_messages(
        visitor: viewing,
        event: Annotated[
            str, Query(max_length=200, description="Of one warning; else of all.")
        ] = "",
        until: Annotated[
            str | None, Query(max_length=40, description="ISO 8601, with its zone; else now.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_MESSAGES)] = _MOST_MESSAGES,
    ) -> Any:
        """Each message that was said, as the node's public feed keeps it; the newest first."""
        until_ns = None if until is None else time_of(until, "until")
        return json(live.warning_messages(event, limit, until_ns))

    @router.get("/moments", response_model=d.Moment, responses=faults(404))
    async def moments(
        visitor: viewing,
        at: Annotated[str, Query(max_length=40, description="ISO 8601, with its zone.")],
        known: Annotated[
            str | None,
            Query(max_length=40, description='By what was known then: a time, or "then".'),
        ] = None,
        name: Name = "shared",
    ) -> Any:
        """A picture of the past, from the journal; takes seconds."""
        if name not in live.state.pictures:
            raise not_there(f"past of a picture {name}")
        at_ns = time_of(at, "at")
        known_ns = None if known is None else 0 if known == _THEN else time_of(known, "known")
        picture = await live.node.moment(name, at_ns, known_ns)
        # From the same pass over the journal: which flight is which, and what own radars had of it.
        own, shared = [
            picture if one == name else await live.node.moment(one, at_ns, known_ns)
            for one in (NATIONAL, SHARED)
        ]
        shown_known = None if known_ns is None else as_json.iso(known_ns or at_ns)
        return json(live.past(picture, own, shared, at_ns, shown_known))

    @router.get(
        "/exports/picture.{ending}",
        responses=faults(404) | {200: {"content": {kind: {} for kind, _ in FORMATS.values()}}},
        response_class=Response,
    )
    async def export(
        visitor: viewing,
        ending: Annotated[str, Path(max_length=10, pattern=f"^({'|'.join(FORMATS)})$")],
    ) -> Response:
        """The picture for other programs; of own plots and what partners granted to be exported."""
        picture = await picture_of(EXPORT)
        state = live.state
        made = exported(
            picture, state.nation, state.exercise, lambda number: live.flight(picture, number)
        )
        kind, write = FORMATS[ending]
        return Response(write(made), media_type=kind)

    @router.get(
        "/audit",
        response_model=list[d.AuditEntry],
        responses=faults(),
    )
    async def audit(
        visitor: Annotated[Visitor, Depends(desk.access.needing(ADMINISTER))],
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> Any:
        """Who did what; the newest first."""
        return json(
            [
                {
                    "id": one.id,
                    "time": as_json.iso(one.time_ns),
                    "who": one.who,
                    "what": one.what,
                    "about": one.about,
                    "outcome": one.outcome,
                    "hash": one.hash,
                }
                for one in desk.store.audited(limit)
            ]
        )

    @router.get(
        "/events",
        responses=faults(404) | {200: {"content": {"text/event-stream": {}}}},
        response_class=StreamingResponse,
    )
    async def events(
        visitor: viewing,
        name: Name = "shared",
        last_event_id: Annotated[str, Header(max_length=200)] = "",
    ) -> StreamingResponse:
        """Events of a picture as they come (text/event-stream); docs/desk.md names them."""
        if name not in live.state.pictures:
            raise not_there(f"picture {name}")
        token, streams = visitor.session.token_hash, desk.access.streams
        of = desk.settings
        if streams.total() >= of.greatest_streams or streams[token] >= of.session_streams:
            raise HTTPException(429, "too many event streams; close some", {"Retry-After": "5"})
        told = _told(desk, token, name, last_event_id)
        return StreamingResponse(told, media_type="text/event-stream")

    return router


async def _told(desk: "Desk", token: str, name: str, last_id: str) -> AsyncIterator[bytes]:
    """What was missed, or all, and then whatever comes, as long as the session lasts."""
    live, streams = desk.live, desk.access.streams
    streams[token] += 1
    stream, viewer = live.stream(name), None
    try:
        yield b"retry: 2000\n\n"
        viewer = stream.join()
        missed = stream.since(last_id)
        if missed is None:
            picture = await live.picture(name)
            viewer.forget()
            yield encoded("snapshot", stream.last_id, live.snapshot(picture))
        else:
            for event in missed:
                yield event
        while desk.access.known(token) is not None:
            body = await viewer.next(_BEAT_S)
            if viewer.lost:
                viewer.forget()
                picture = await live.picture(name)
                yield encoded("snapshot", stream.last_id, live.snapshot(picture))
            else:
                yield body or b": beat\n\n"
    finally:
        if viewer is not None:
            stream.leave(viewer)
        streams[token] -= 1
        if not streams[token]:
            del streams[token]


def time_of(text: str, place: str) -> int:
    """ISO 8601 with its zone to ns. Raises HTTPException 422."""
    try:
        if not _ISO.fullmatch(text.strip()):
            raise ValueError
        at = datetime.datetime.fromisoformat(text.strip().upper().replace("Z", "+00:00"))
        since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        found = (since.days * 86_400 + since.seconds) * _S + since.microseconds * 1000
    except (ValueError, OverflowError):
        raise HTTPException(422, f"{place}: give a time such as 2022-10-03T22:30:00Z") from None
    if not 0 < found < 2**62:
        raise HTTPException(422, f"{place}: give a time since 1970")
    return found


def _lines(path: FilePath) -> bytes:
    """A file of GeoJSON, if it is one."""
    try:
        body = path.read_bytes()
        msgspec.json.decode(body, type=dict)
    except FileNotFoundError:
        raise not_there(f"{LINES} in the node's folder") from None
    except (OSError, msgspec.MsgspecError):
        raise HTTPException(404, f"{LINES} cannot be read as GeoJSON") from None
    return body
