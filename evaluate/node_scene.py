"""Nations' nodes on this machine over a simulated flight: for studies, and for tests of nodes.

The flight is that of one published launch, past three radars of each nation. A `Stage` holds the
folders; `arrivals` are a nation's scans as a feed would send them; a `Time` is a clock that is told
what to say.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from evaluate.link_scene import free_ports
from skypact.coalition_cli import _demo_radars
from skypact.model import Arrival, Plots, Radar, Verdict
from skypact.node import Node
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.serving.clock import NodeClock
from skypact.settings import JournalSettings, NodeSettings, Settings
from skypact.sharing.coalition import init_coalition
from skypact.sharing.tasks import end

S = 1_000_000_000
NATIONS = {"JP": "JPN", "KR": "KOR", "US": "USA"}
"""Nations as the scenario's radars have them."""
SCENARIO = "2022-10-04_irbm-over-japan"
SEEN_BY_ALL_S = 150
"""So many s after its first plot all three nations see the flight."""


@lru_cache(maxsize=1)
def _flight() -> tuple[tuple[Radar, ...], Plots]:
    simulation = simulate(load_scenario(SCENARIO), seed=1)
    return tuple(simulation.radars), simulation.plots


def settings(**of: Any) -> Settings:
    """Settings that need no room for a day's journal."""
    given: dict[str, Any] = {
        "journal": JournalSettings(rate_kib_s=50, retention_h=1),
        "node": NodeSettings(checkpoint_every_s=3600),
    }
    return Settings(**(given | of))


class Sent(NamedTuple):
    """A scan as a feed sends it; `due_ns`: when its last plot was seen."""

    nation: str
    due_ns: int
    arrival: Arrival


def arrivals(
    nation: str,
    radars: Sequence[Radar],
    *,
    begin_ns: int,
    seconds: float,
    from_s: float = SEEN_BY_ALL_S,
) -> list[Sent]:
    """A nation's scans of so much of the flight, from `from_s` after its first plot, in order.

    Shifted so that this begins at `begin_ns`; `radars`: the node's table.
    """
    table, plots = _flight()
    number = {radar.id: k for k, radar in enumerate(radars)}
    first_ns = int(plots.time_ns[0]) + round(from_s * S)
    own = np.array([NATIONS[radar.nation] == nation for radar in table])[plots.radar]
    within = (plots.time_ns >= first_ns) & (plots.time_ns < first_ns + round(seconds * S))
    mine = plots.at(np.flatnonzero(own & within))
    sequence: dict[str, int] = {}
    sent = []
    for scan in dict.fromkeys(zip(mine.radar.tolist(), mine.scan.tolist(), strict=True)):
        rows = np.flatnonzero((mine.radar == scan[0]) & (mine.scan == scan[1]))
        radar, part = table[scan[0]], mine.at(rows)
        time_ns = part.time_ns + (begin_ns - first_ns)
        sequence[radar.id] = sequence.get(radar.id, 0) + 1
        arrival = Arrival(
            nation=nation,
            radar=radar.id,
            epoch=1,
            sequence=sequence[radar.id],
            received_ns=int(time_ns.max()),
            plots=part._replace(
                time_ns=time_ns, radar=np.full(len(rows), number[radar.id], np.int32)
            ),
        )
        sent.append(Sent(nation, int(time_ns.max()), arrival))
    return sorted(sent, key=lambda one: one.due_ns)


def stage(
    folder: Path, releases: Mapping[str, Mapping[str, str]], of: Settings, topology: str = "mesh"
) -> None:
    """Folders of the nations of `releases`; `releases[a][b]`: at which level a releases to b."""
    nations = list(releases)
    init_coalition(
        *(folder, nations, topology, of.link),
        first_port=free_ports(10 * len(nations)),
        radars=_demo_radars,
    )
    for own, partners in releases.items():
        text = [f'nation = "{own}"']
        for partner, level in partners.items():
            text += [f"[partner.{partner}]", f'level = "{level}"', 'openness = "full"']
            text += ["greatest_per_s = 10000"]
        (folder / own / "release.toml").write_text("\n".join(text))
    tables = {own: (folder / own / "radars.toml").read_text() for own in nations}
    for own in nations:  # plots of a partner count by its radar, which has to be known
        others = [table for other, table in tables.items() if other != own]
        (folder / own / "radars.toml").write_text("\n".join([tables[own], *others]))


class Time:
    """A clock that says what it is told, and steps where `steps_ns` says so."""

    def __init__(self, now_ns: int | None = None) -> None:
        self.now_ns = time.time_ns() if now_ns is None else now_ns
        self.stepped_ns = 0

    def clock(self) -> NodeClock:
        """A node's clock by it."""
        return NodeClock(0.5, lambda: self.now_ns + self.stepped_ns, lambda: self.now_ns)


async def until(done: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Wait for a condition; whether it came."""
    ends_s = time.monotonic() + within_s
    while not done():
        if time.monotonic() > ends_s:
            return False
        await asyncio.sleep(0.02)
    return True


async def give(node: Node, one: Sent, times: Time) -> Verdict:
    """Give a scan to its node, when it is due or later; puts the clock on."""
    times.now_ns = max(times.now_ns, one.due_ns)
    arrival = msgspec.structs.replace(one.arrival, received_ns=times.now_ns)
    (verdict,) = await node.take_plots((arrival,))
    return verdict


class Seen(NamedTuple):
    """A picture as it was: hash of its bits, and the ids that people saw, with where each was."""

    digest: str
    tracks: tuple[tuple[int, bytes], ...]


def seen(node: Node, picture: str) -> Seen:
    """What a node's picture is now, if people look at it; nothing is given or noted for it."""
    live = node.folded.pictures[picture]
    tracks = live.shown()
    return Seen(live.picture.digest(), tuple((one.id, one.state.tobytes()) for one in tracks))


async def abandon(node: Node, look: Callable[[Node], Any] = lambda node: None) -> Any:
    """As much as a killed node leaves behind: nothing is saved or said; its server runs on.

    `look` at it when nothing comes in any more; what it gives is returned.
    """
    await end(*node._tasks)  # one cancellation can get lost, and then this waited for ever
    await node.feeds.stop()
    await node.status.stop()
    await asyncio.to_thread(node.assessor.stop)
    await node.link.stop()
    looked = look(node)
    await until(lambda: node.journal.health.waiting == 0)
    await node.journal.close()
    await node._connection.close()
    if node.server._watch is not None:
        node.server._watch.cancel()
    return looked


async def come_back(node: Node, look: Callable[[Node], Any]) -> Any:
    """Start a node that was killed; what `look` gives before anything more comes in."""
    looked = []
    note = node.clock.note
    node.clock.note = lambda time_ns: (note(time_ns), looked.append(look(node)))[0]  # type: ignore
    await node.start()
    return looked[0]
