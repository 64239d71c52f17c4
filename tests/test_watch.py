"""`skypact watch`: what a node makes of it all, asked over its own server."""

import asyncio
import io

import msgspec
import pytest
from rich.console import Console

from skypact.errors import InputError, LinkError
from skypact.offline.picture_json import picture_as_json
from skypact.run_watch import look_once, screen_of
from tests.test_stages_apart import SETTINGS, Fed, until

S = 1_000_000_000


def test_a_node_is_watched_in_the_terminal(tmp_path):
    async def run():
        fed = Fed(tmp_path, ())
        await fed.start()

        async def look(picture, exercise=False):
            return await look_once(fed.folder, SETTINGS, picture, exercise=exercise)

        try:
            with pytest.raises(InputError, match="name one of national, shared"):
                await look("all")
            await fed.post_all(fed.scans(30.0))
            await until(fed.node.national.tracks)

            async def told():
                while not (found := (await look("national"))[1]).flights:
                    await asyncio.sleep(0.1)
                return found

            await asyncio.wait_for(told(), 60.0)
            state, shown = await look("national")
            document = picture_as_json(state, shown)
            out = io.StringIO()
            Console(file=out, width=120).print(screen_of(state, shown, True, 120))
            behind = io.StringIO()
            Console(file=behind, width=200).print(screen_of(state, late(shown), True, 200))
        finally:
            await fed.stop()
        with pytest.raises(LinkError):
            await look("national")
        tracks = {track.id for track in fed.node.national.tracks()}
        return document, out.getvalue(), behind.getvalue(), tracks

    document, text, behind, tracks = asyncio.run(run())
    assert {flight["id"] for flight in document["flights"]} <= tracks
    (first, *_) = document["flights"]
    radars = {source["radar"] for source in first["sources"]}
    assert radars and all(f"{radar} (JPN)" in text for radar in radars)
    assert "JPN LIVE  national picture" in text
    assert [one["nation"] for one in document["partners"]] == ["KOR"]
    assert "KOR: LINK DOWN, nothing came yet; for it nothing" in text
    said = "launch, apogee and impact are by what was seen until"
    assert said not in text and said in behind
    # Who sees it is known from the picture, however far behind its meaning is.
    assert "not seen for" not in behind


def late(shown):
    """The same picture, its first flight assessed a minute before it was seen last."""
    number = min(shown.flights)
    one, track = shown.flights[number], shown.tracks[number]
    shown.time_ns = track.last_plot_ns
    before_ns = track.last_plot_ns - 60 * S
    flight = msgspec.structs.replace(one.flight, last_plot_ns=before_ns)
    of_now = tuple(
        msgspec.structs.replace(source, last_ns=track.last_plot_ns) for source in one.sources
    )
    shown.flights[number] = msgspec.structs.replace(
        one, flight=flight, as_of_ns=before_ns, sources=of_now
    )
    return shown
