"""`skypact watch`: what a node makes of it all, asked over its own server."""

import asyncio
import io

import pytest
from rich.console import Console

from skypact.errors import InputError, LinkError
from skypact.run_watch import as_json, look_once, screen_of
from tests.test_stages_apart import SETTINGS, Fed, until


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
            document = as_json(state, shown)
            out = io.StringIO()
            Console(file=out, width=120).print(screen_of(state, shown, True, 120))
        finally:
            await fed.stop()
        with pytest.raises(LinkError):
            await look("national")
        return document, out.getvalue(), {track.id for track in fed.node.national.tracks()}

    document, text, tracks = asyncio.run(run())
    assert {flight["id"] for flight in document["flights"]} <= tracks
    (first, *_) = document["flights"]
    radars = {source["radar"] for source in first["sources"]}
    assert radars and all(f"{radar} (JPN)" in text for radar in radars)
    assert "JPN LIVE  national picture" in text
    assert [one["nation"] for one in document["partners"]] == ["KOR"]
    assert "KOR: LINK DOWN, nothing came yet; for it nothing" in text
