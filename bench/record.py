"""What the record's common questions cost: `python -m bench.record`, on a million entries.

SQLite in a folder of its own, or what `--database` names, which must hold nothing yet. Entries are
drawn at random: 42 years, 60 sites, nine types, impacts over the Sea of Japan and far beyond it.
A twentieth is put in as imports do it; the rest are copies of these that the database makes, each
under a key of its own.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from skypact.model import FlightKind, LaunchEntry, Origin
from skypact.record import tables
from skypact.record.launch_record import LaunchRecord, Query
from skypact.record.lines import falls_near, load_lines
from skypact.settings import RecordSettings

LINE = Path(__file__).parent.parent / "examples" / "northern_limit_line_east.geojson"
_TYPES = ("srbm", "mrbm", "irbm", "icbm", "slbm", "slv", "hgv", "cruise", "unknown")
_OUTCOMES = ("success", "failure", "unknown")
_BLOCK = 50_000
COPIES = 20


def entries(count: int, seed: int = 1) -> Iterator[LaunchEntry]:
    """Random launches, a tenth of them measured."""
    random = np.random.default_rng(seed)
    kinds = [str(kind) for kind in FlightKind]
    for begin in range(0, count, _BLOCK):
        size = min(_BLOCK, count - begin)
        number = {
            name: random.integers(0, most, size).tolist()
            for name, most in (("t", 9), ("k", len(kinds)), ("s", 60), ("o", 3), ("m", 10))
        }
        year = random.integers(1984, 2026, size)
        day = year * 10_000 + random.integers(1, 13, size) * 100 + random.integers(1, 29, size)
        latitude, longitude = random.uniform(20, 60, size), random.uniform(110, 190, size)
        apogee, ground_range = random.lognormal(5, 1, size), random.lognormal(6, 0.7, size)
        for at in range(size):
            yield LaunchEntry(
                origin=Origin.MEASURED if number["m"][at] == 0 else Origin.ELSEWHERE,
                source="bench",
                key=str(begin + at),
                day=int(day[at]),
                begin_ns=(begin + at) * 10**12,
                name=f"Object {number['t'][at]}",
                type=_TYPES[number["t"][at]],
                kind=kinds[number["k"][at]],
                site=f"Site {number['s'][at]}",
                apogee_km=float(apogee[at]),
                range_km=float(ground_range[at]),
                impact_latitude_deg=float(latitude[at]),
                impact_longitude_deg=(float(longitude[at]) + 180.0) % 360.0 - 180.0,
                impact_from="derived",
                outcome=_OUTCOMES[number["o"][at]],
                description="A launch as the bench makes them.",
            )


def copy(record: LaunchRecord, times: int) -> None:
    """Have every entry there so many times, and its tallies with them."""
    names = [column.name for column in tables.entries.columns if column.name != "id"]
    with record._database.writing() as connection:
        for number in range(1, times):
            values = {name: tables.entries.c[name] for name in names}
            values["key"] = tables.entries.c.key + f"-{number}"
            originals = tables.entries.c.key.not_like("%-%")
            chosen = sa.select(*values.values()).where(originals)
            connection.execute(tables.entries.insert().from_select(names, chosen))
        many = tables.tallies.c.count * times
        connection.execute(tables.tallies.update().values(count=many))


def questions(record: LaunchRecord) -> dict[str, Callable[[], Any]]:
    """What people ask most."""
    lines = load_lines(LINE)
    some = next(iter(record.entries(Query(), limit=1)))[0]
    month = Query(from_day=20220100, to_day=20220199)
    return {
        "one entry, whole": lambda: record.entry(some),
        "how many of each origin": record.origins,
        "newest 50": lambda: list(record.entries(Query(), limit=50, newest_first=True)),
        "newest 50 of a type that failed": lambda: list(
            record.entries(Query(type=("icbm",), outcome=("failure",)), limit=50, newest_first=True)
        ),
        "newest 50 of a site in a year": lambda: list(
            record.entries(
                Query(site=("Site 7",), from_day=20220000, to_day=20221299),
                limit=50,
                newest_first=True,
            )
        ),
        "count by month": lambda: record.count(Query(), "month"),
        "count by month, a type, without failures": lambda: record.count(
            Query(type=("srbm",), not_outcome=("failure",)), "month"
        ),
        "count by type": lambda: record.count(Query(), "type"),
        "count by site": lambda: record.count(Query(), "site"),
        "count by outcome": lambda: record.count(Query(), "outcome"),
        "one month by type": lambda: record.count(month, "type"),
        "within 10 km of a line, in a year": lambda: falls_near(
            record, Query(from_day=20220000, to_day=20221299), lines, 10.0
        ),
    }


def milliseconds(ask: Callable[[], Any], runs: int) -> list[float]:
    """Of each run, sorted."""
    took = []
    for _ in range(runs):
        begin = time.perf_counter()
        ask()
        took.append(1e3 * (time.perf_counter() - begin))
    return sorted(took)


def measure(where: str, count: int, runs: int) -> dict[str, Any]:
    """Fill a record and ask it."""
    record = LaunchRecord(where, RecordSettings(rows_at_once=10_000, answer_s=60.0))
    try:
        begin = time.perf_counter()
        put = record.put(entries(count // COPIES))
        filled_s = time.perf_counter() - begin
        copy(record, COPIES)
        record.tidy()
        took = {name: milliseconds(ask, runs) for name, ask in questions(record).items()}
    finally:
        record.close()
    return {"put": put.added, "put_s": filled_s, "questions": took}


def main() -> None:
    """Print the table; --json also writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--database", default="", help="SQLite's file, or postgresql://…")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = asked.database or str(Path(folder) / "record.db")
        measured = measure(where, asked.count, asked.runs)
    put, put_s = measured["put"], measured["put_s"]
    title = f"{COPIES * put:,} entries; {put:,} of them put in at {put / put_s:,.0f} a second; "
    title += f"load average {os.getloadavg()[0]:.1f}"
    table = Table(title=title)
    for heading in ("question", "median ms", "longest ms"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for name, took in measured["questions"].items():
        table.add_row(name, f"{took[len(took) // 2]:.1f}", f"{took[-1]:.1f}")
    Console().print(table)
    if asked.json:
        asked.json.write_text(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
