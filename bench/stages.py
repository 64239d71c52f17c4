"""What a node pays for stages in processes of their own: `python -m bench.stages`.

Two nodes as `skypact node` runs them, fed by HTTP, one scan after the other and in turns, so that
whatever else the machine does meets both: one with its feeds in its own process, one with them in
another. Of both this process follows the journal as warnings and the record do when they are apart,
and in the end it has the node write entries as they do. Times are of this machine's clock.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from evaluate import stages
from evaluate.node_scene import S, Sent, arrivals, settings
from skypact.model import EntryKind
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.sensing import load_radars
from skypact.serving.apart import fits_of
from skypact.serving.its_node import ItsNode
from skypact.serving.warner import KeptWarnings
from skypact.settings import JournalSettings, Settings
from skypact.sharing.nats_config import stage_user
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

SECONDS = 40.0
"""Of the flight: four scans a second."""
WRITTEN = 100
_WARNINGS = "warnings"


class Fed:
    """A node, perhaps with stages apart, and this process as its warnings."""

    def __init__(self, root: Path, apart: tuple[str, ...]) -> None:
        self._own = settings(journal=JournalSettings(rate_kib_s=50, retention_h=1))
        self._folder = stages.nation(root, self._own, (*apart, _WARNINGS))
        self._children = stages.processes(self._folder, apart)
        self._came_s: dict[str, float] = {}
        self.took_ms: dict[str, list[float]] = {"acknowledged": [], "followed": [], "written": []}

    async def start(self) -> None:
        """All processes, and this one beside them."""
        starting = (asyncio.to_thread(one.start) for one in self._children.values())
        await asyncio.gather(*starting)
        node = load_node(self._folder)
        self._client = await connect(node, stage_user(_WARNINGS), wait_s=10.0)
        names = {"stream": stream_of(False), "subject": subject_of(False)}
        journal = await Journal.reading(self._client, self._own.journal, **names)
        self._following = asyncio.create_task(_follow(journal, self._came_s))
        radars = load_radars(self._folder / "radars.toml")
        fits = fits_of(radars, Settings())
        self._stage = ItsNode(self._client, _WARNINGS, self._own, fits, exercise=False)
        begin_ns = time.time_ns() - round(SECONDS * S)
        self.scans = arrivals("JPN", radars, begin_ns=begin_ns, seconds=SECONDS)

    async def post(self, one: Sent, pause_s: float) -> None:
        """Until it was acknowledged, and until it came here by the journal."""
        began_s = time.monotonic()
        refused = await asyncio.to_thread(self._children["node"].post, one)
        if refused:
            raise RuntimeError(refused)
        self.took_ms["acknowledged"].append(1e3 * (time.monotonic() - began_s))
        key = f"{one.arrival.radar} {one.arrival.sequence}"
        while key not in self._came_s:
            await asyncio.sleep(0.001)
        self.took_ms["followed"].append(1e3 * (self._came_s[key] - began_s))
        await asyncio.sleep(pause_s)

    async def write(self, about: str, pause_s: float) -> None:
        """Until an entry is in the journal."""
        if not await self._stage.say_here():
            raise RuntimeError(self._stage.fault)
        began_s, nothing = time.monotonic(), msgspec.msgpack.encode(KeptWarnings(()))
        await self._stage.append(EntryKind.WARNING, about, time.time_ns(), nothing)
        self.took_ms["written"].append(1e3 * (time.monotonic() - began_s))
        await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """All of it."""
        self._following.cancel()
        await self._client.close()
        for child in reversed(self._children.values()):
            await asyncio.to_thread(child.stop)

    def kill(self) -> None:
        """What is left of it."""
        for child in self._children.values():
            child.kill("node")
        self._children["node"].kill("server")


async def _follow(journal: Journal, came: dict[str, float]) -> None:
    """When each arrival of own plots came here, by radar and number."""
    numbers: dict[str, int] = {}
    async for entry in journal.follow():
        if entry.kind is EntryKind.PLOTS_ACCEPTED:
            numbers[entry.about] = numbers.get(entry.about, 0) + 1
            came[f"{entry.about} {numbers[entry.about]}"] = time.monotonic()


async def measured(root: Path, pause_s: float) -> dict[str, dict[str, list[float]]]:
    """Milliseconds, by what is where."""
    both: dict[str, Fed] = {}
    try:
        for name, apart in (("in one process", ()), ("feeds apart", ("feeds",))):
            both[name] = Fed(root / name, apart)  # the first has its ports by then
            await both[name].start()
        order = list(both.values())
        for number in range(len(order[0].scans)):
            order.reverse()
            for fed in order:
                await fed.post(fed.scans[number], pause_s)
        for number in range(WRITTEN):
            for fed in both.values():
                await fed.write(f"bench {number}", pause_s)
        for fed in both.values():
            await fed.stop()
    finally:
        for fed in both.values():
            fed.kill()
    return {name: fed.took_ms for name, fed in both.items()}


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--pause", type=float, default=0.1, metavar="S", help="after each scan")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        took = asyncio.run(measured(Path(root), arguments.pause))
    for name, whats in took.items():
        for what, each in whats.items():
            low, middle, high = np.percentile(each, [10, 50, 95])
            print(
                f"{name}, {what}: p10 {low:.1f}, median {middle:.1f}, p95 {high:.1f} ms "
                f"of {len(each)}"
            )


if __name__ == "__main__":
    main()
