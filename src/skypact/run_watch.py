"""`skypact watch DIR`: what a nation's node makes of it all, in a terminal.

Asks the node as its desk does, over the nation's own server; the node need not serve a desk.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from skypact.desk.node_client import NodeClient, PictureCopy
from skypact.errors import InputError, LinkError
from skypact.model import DeskState, Flight, PartnerState, ShownFlight
from skypact.offline.summary import flights_table
from skypact.offline.text import clock, iso_utc, span
from skypact.settings import Settings
from skypact.sharing.nats_config import NATIONAL_USER, desk_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

_S = 1_000_000_000
_POLL_S = 0.05
_BEHIND_NS = 5 * _S
"""An assessment that far behind what is seen is said to be."""


async def look_once(
    folder: Path, settings: Settings, picture: str, *, exercise: bool
) -> tuple[DeskState, PictureCopy]:
    """How the node is, and a picture of it, whole. Raises InputError, LinkError."""
    async with _following(folder, settings, exercise=exercise) as client:
        return await _looked(client, settings, picture)


async def watch(
    folder: Path, settings: Settings, picture: str, console: Console, *, exercise: bool
) -> None:
    """Show a picture each second until cancelled. Raises InputError, LinkError at the start."""
    async with _following(folder, settings, exercise=exercise) as client:
        await _looked(client, settings, picture)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                shown, state = client.look_at(picture), client.state
                assert state is not None
                live.update(screen_of(state, shown, client.connected, console.width), refresh=True)
                await asyncio.sleep(settings.desk.asked_s)


@asynccontextmanager
async def _following(
    folder: Path, settings: Settings, *, exercise: bool
) -> AsyncIterator[NodeClient]:
    node = load_node(folder, exercise=exercise)
    connection = await connect(node, NATIONAL_USER, wait_s=settings.link.answer_s, once=True)
    subject = desk_subject(exercise)
    client = NodeClient(connection, subject, settings.desk, lambda picture, change: None)
    try:
        await client.start()
        yield client
    finally:
        await client.stop()
        await connection.close()


async def _looked(
    client: NodeClient, settings: Settings, picture: str
) -> tuple[DeskState, PictureCopy]:
    async def heard() -> DeskState:
        while client.state is None:
            await asyncio.sleep(_POLL_S)
        return client.state

    try:
        state = await asyncio.wait_for(heard(), settings.link.answer_s)
    except TimeoutError:
        raise LinkError(
            "the node does not answer; see whether it runs, and whether for an exercise"
        ) from None
    if picture not in state.pictures:
        there = ", ".join(state.pictures)
        raise InputError("--picture", f'there is no "{picture}"', f"name one of {there}")
    return state, await client.whole(picture)


def screen_of(state: DeskState, shown: PictureCopy, connected: bool, width: int) -> Group:
    """All of it, for people: how the node is, its partners, and the picture's flights."""
    mode = "EXERCISE" if state.exercise else "LIVE"
    ready = "ready" if state.ready else "not ready"
    if not connected:
        ready = "[bold red]does not answer[/]"
    now_ns = shown.time_ns
    title = f"[bold]{state.nation} {mode}[/]  {shown.name} picture, {iso_utc(now_ns, 0)}, {ready}"
    lines = [Text.from_markup(title)]
    lines += [Text(f"! {fault}", style="red") for fault in state.faults]
    lines += [Text(f"· {notice}", style="yellow") for notice in state.notices]
    lines += [Text(_partner_line(one, state)) for one in state.partners]
    each = [shown.flights[number] for number in sorted(shown.flights)]
    flights = [_seen(one, shown, state.nation) for one in each]
    if not flights:
        waiting = f"; tracks that wait to be assessed: {len(shown.tracks)}" if shown.tracks else ""
        return Group(*lines, Text(f"No flight in this picture{waiting}.", style="dim"))
    sources = [Text(f"Flight {one.flight.id}: {_sources(one, now_ns)}") for one in each]
    behind = [
        Text(
            f"Flight {one.flight.id}: launch, apogee and impact are by what was seen until "
            f"{clock(one.as_of_ns)}, {span((now_ns - one.as_of_ns) / _S)} ago; the next are being "
            "worked out",
            style="yellow",
        )
        for one in each
        if _is_behind(one, shown)
    ]
    return Group(*lines, *flights_table(flights, now_ns, width), *behind, *sources)


def _seen(one: ShownFlight, shown: PictureCopy, own: str) -> Flight:
    """The flight as last assessed, seen as its track is by now."""
    track = shown.tracks.get(one.flight.id)
    if track is None or track.last_plot_ns <= one.flight.last_plot_ns:
        return one.flight
    last = max(
        (source for source in one.sources if source.last_ns is not None),
        key=lambda source: source.last_ns or 0,
        default=None,
    )
    by = one.flight.last_seen_by
    if last is not None:
        by = last.radar if last.nation == own else f"{last.nation} {last.radar}"
    return msgspec.structs.replace(
        one.flight, last_plot_ns=track.last_plot_ns, plots=track.plots, last_seen_by=by
    )


def _is_behind(one: ShownFlight, shown: PictureCopy) -> bool:
    """Whether plots came of it that its assessment has long not taken in."""
    track = shown.tracks.get(one.flight.id)
    return track is not None and track.last_plot_ns - one.flight.last_plot_ns >= _BEHIND_NS


def _sources(one: ShownFlight, now_ns: int) -> str:
    """Who has a part in it, and how long ago each last saw it."""
    said = []
    for source in one.sources:
        ago = "before the start" if source.last_ns is None else "now"
        if source.last_ns is not None and now_ns - source.last_ns >= _S:
            ago = f"{span((now_ns - source.last_ns) / _S)} ago"
        said.append(f"{source.radar} ({source.nation}) {ago}")
    return ", ".join(said) or "no radar"


def _partner_line(one: PartnerState, state: DeskState) -> str:
    came_ns = state.came_ns.get(one.nation)
    came = "nothing came yet"
    if came_ns is not None:
        came = f"data {span(max(0, state.time_ns - came_ns) / _S)} ago"
    delay = "" if one.delay_s is None else f", {1e3 * one.delay_s:.0f} ms on the way"
    link = "link up" if one.up else "LINK DOWN"
    return (
        f"{one.nation}: {link}, {came}{delay}; for it {one.level}, {one.sent:,} sent, "
        f"{one.backlog_batches:,} batches wait"
    )
