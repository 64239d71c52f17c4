"""`python -m bench.link`: one-way latency over the link, beside bare NATS in the same run.

Both ends run in one process, so the clocks are one; the servers are two, linked as in a coalition.
Each row alternates a second of bare core NATS (one server, no link) with a second of the link.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from evaluate.link_scene import Coalition, coalition
from skypact.settings import LinkSettings
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

WAY = ("JPN", "KOR")
LOADS = ((200, 1000.0), (20_000, 100.0))
"""Bytes of a message, messages a second."""


async def measure(seconds: int) -> dict[tuple[int, str], list[float]]:
    """Latencies in seconds, by size of message and path."""
    found: dict[tuple[int, str], list[float]] = {}
    async with coalition(LinkSettings(), nations=WAY, wired=False) as scene:
        bare, publish_bare = await _bare(scene)
        for size, rate_hz in LOADS:
            bare.clear()
            await scene.traffic([WAY], rate_hz, 1.0, size)
            await scene.all_durable([WAY], 30.0)
            scene.taken.clear()
            for _second in range(seconds):
                await _steadily(publish_bare, size, rate_hz)
                await scene.traffic([WAY], rate_hz, 1.0, size)
            await scene.all_durable([WAY], 30.0)
            found[size, "core, same server"] = list(bare)
            found[size, "link, live"] = scene.taken[WAY].delays_s["live"]
            found[size, "link, durable"] = scene.taken[WAY].delays_s["durable"]
    return found


async def _bare(scene: Coalition) -> tuple[list[float], Callable[[int], Awaitable[None]]]:
    node = load_node(scene.folder / WAY[0])
    sender = await connect(node, NATIONAL_USER, wait_s=5.0)
    taker = await connect(node, NATIONAL_USER, wait_s=5.0)
    delays: list[float] = []

    async def arrived(message) -> None:
        delays.append((time.time_ns() - int(message.data[:19])) / 1e9)

    await taker.subscribe("bench.bare", cb=arrived)
    await taker.flush()

    async def publish(size: int) -> None:
        await sender.publish("bench.bare", b"%019d" % time.time_ns() + b"x" * (size - 19))

    return delays, publish


async def _steadily(publish: Callable[[int], Awaitable[None]], size: int, rate_hz: float) -> None:
    begun_s = time.monotonic()
    for number in range(int(rate_hz)):
        await publish(size)
        await asyncio.sleep(max(0.0, begun_s + (number + 1) / rate_hz - time.monotonic()))


def show(found: dict[tuple[int, str], list[float]], console: Console) -> None:
    """The table for people."""
    table = Table(title="One way, ms: p50 / p99")
    paths = list(dict.fromkeys(path for _, path in found))
    for column in ("bytes", "messages/s", *paths):
        table.add_column(column, justify="right")
    for size, rate_hz in LOADS:
        cells = []
        for path in paths:
            delays = sorted(found[size, path])
            p50, p99 = (delays[int(len(delays) * share)] * 1e3 for share in (0.5, 0.99))
            cells.append(f"{p50:.2f} / {p99:.2f}")
        table.add_row(f"{size:,}", f"{rate_hz:,.0f}", *cells)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.link", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each path and load")
    options = parser.parse_args()
    show(asyncio.run(measure(options.seconds)), Console(width=120))


if __name__ == "__main__":
    main()
