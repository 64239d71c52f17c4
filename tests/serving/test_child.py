"""A process beside the node that cannot do its work says why in its own words."""

import asyncio
from pathlib import Path

from skypact.errors import InputError
from skypact.serving.child import Child

TAKEN = "node.toml, [desk]: cannot listen on 127.0.0.1:14224; give a free port of this machine"


def work(taken: Path) -> None:
    """Ends, for a reason that it knows, once."""
    if taken.exists():
        taken.unlink()
        raise InputError(*TAKEN.replace("; ", ": ").split(": "))
    raise SystemExit(3)


def test_it_says_itself_why_it_cannot_work_and_else_how_it_ended(tmp_path: Path) -> None:
    taken, said = tmp_path / "taken", []
    taken.touch()

    async def attempt() -> None:
        child = Child(work, (taken,), told=said.append)
        child.start()
        for _ in range(600):
            if len(said) == 3:
                break
            await asyncio.sleep(0.1)
        await child.stop()

    asyncio.run(attempt())
    # Begun; ended, for a reason; begun anew, of which nothing is said so early; ended otherwise.
    assert said[:2] == ["", TAKEN]
    assert said[2].startswith("its process ended (exit code 3) and is begun anew after")
