"""What the journal costs: entries a second and how long one takes, beside bare JetStream.

`python -m bench.journal`: one server of its own with `sync_interval: always`, all on this machine;
the bare publishes and the journal's entries are of the same size and go to the same server.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import numpy as np
from nats.aio.client import Client
from nats.js.api import StorageType
from rich.console import Console
from rich.table import Table

from skypact.model import EntryKind
from skypact.record import Journal
from skypact.settings import JournalSettings

SIZES = (200, 20_000)
"""Bytes of an entry: a message about one object, and a batch of 100 plots."""
Publish = Callable[[bytes], Awaitable[Any]]


async def one_by_one(publish: Publish, payload: bytes, count: int) -> list[float]:
    """Seconds of each, the next begun when the one before is on disk."""
    took = []
    for _ in range(count):
        begin = time.perf_counter()
        await publish(payload)
        took.append(time.perf_counter() - begin)
    return took


async def at_a_rate(publish: Publish, payload: bytes, count: int, rate: float) -> list[float]:
    """Seconds of each from the moment at which it was due, so many a second."""
    took: list[float] = []

    async def one(due: float) -> None:
        await publish(payload)
        took.append(time.perf_counter() - due)

    begin = time.perf_counter()
    tasks = []
    for i in range(count):
        due = begin + i / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    return took


async def all_at_once(publish: Publish, payload: bytes, count: int, ahead: int) -> float:
    """How many a second, with so many under way."""
    room = asyncio.Semaphore(ahead)

    async def one() -> None:
        async with room:
            await publish(payload)

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - begin)


async def measured(publish: Publish, size: int, count: int) -> dict[str, float]:
    """The figures of one way to write."""
    payload = os.urandom(size)
    await one_by_one(publish, payload, 20)  # warms up
    alone = np.array(await one_by_one(publish, payload, min(count, 300))) * 1e3
    rate = 1000.0 if size < 1000 else 100.0
    paced = np.array(await at_a_rate(publish, payload, min(count, 3 * int(rate)), rate)) * 1e3
    return {
        "alone_p50_ms": float(np.percentile(alone, 50)),
        "alone_p99_ms": float(np.percentile(alone, 99)),
        "rate": rate,
        "paced_p50_ms": float(np.percentile(paced, 50)),
        "paced_p99_ms": float(np.percentile(paced, 99)),
        "most_a_second": await all_at_once(publish, payload, count, 1024),
    }


async def compare(connection: Client, quick: bool) -> dict[str, dict[str, float]]:
    """Bare JetStream and the journal, by size."""
    context = connection.jetstream(timeout=30)
    await context.add_stream(name="BARE", subjects=["bare"], storage=StorageType.FILE)
    journal = await Journal.open(connection, JournalSettings(retention_h=1, answer_s=30))
    figures = {}
    for size in SIZES:
        count = (1000 if quick else 4000) if size < 1000 else (300 if quick else 1000)
        bare = await measured(lambda payload: context.publish("bare", payload), size, count)
        many = count * (5 if size < 1000 else 1)
        own = await measured(
            lambda payload: journal.append(EntryKind.PLOTS_ACCEPTED, "JP-Sado", 0, payload),
            size,
            many,
        )
        figures[f"bare JetStream, {size:,} B"] = bare
        figures[f"journal, {size:,} B"] = own
    begin, entries = time.perf_counter(), 0
    async for _ in journal.read():
        entries += 1
    read_s = time.perf_counter() - begin
    figures["reading"] = {"entries": entries, "entries_a_second": entries / read_s}
    await journal.close()
    return figures


async def run(quick: bool) -> dict[str, Any]:
    """Start a server, measure, stop it."""
    server = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if server is None:
        raise SystemExit("nats-server is not installed beside Python; make setup")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "nats.conf"
        conf.write_text(
            f'listen: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{folder}/store", max_file: 8G, sync_interval: always }}\n'
        )
        process = subprocess.Popen(
            [server, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(200):
                try:
                    with socket.create_connection(("127.0.0.1", port), 1):
                        break
                except OSError:
                    await asyncio.sleep(0.05)
            connection = await nats.connect(f"nats://127.0.0.1:{port}")
            try:
                return await compare(connection, quick)
            finally:
                await connection.close()
        finally:
            process.terminate()
            process.wait(10)


def show(figures: dict[str, Any], console: Console) -> None:
    """The table for people."""
    table = Table(title="Until it is on disk, sync_interval: always")
    for column in ("", "alone p50", "p99 ms", "paced", "p50", "p99 ms", "most a second"):
        table.add_column(column, justify="left" if not column else "right")
    for name, row in figures.items():
        if name != "reading":
            table.add_row(
                name,
                f"{row['alone_p50_ms']:.1f}",
                f"{row['alone_p99_ms']:.1f}",
                f"{row['rate']:,.0f}/s",
                f"{row['paced_p50_ms']:.1f}",
                f"{row['paced_p99_ms']:.1f}",
                f"{row['most_a_second']:,.0f}",
            )
    console.print(table)
    reading = figures["reading"]
    console.print(
        f"read back: {reading['entries']:,} entries, {reading['entries_a_second']:,.0f} a second; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer entries")
    parser.add_argument("--json", type=Path, default=Path("out/journal.json"), metavar="FILE")
    options = parser.parse_args()
    figures = asyncio.run(run(options.quick))
    show(figures, Console(width=None if sys.stdout.isatty() else 120))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
