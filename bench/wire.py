"""What a message costs: made, received by each path, per message and per plot.

Part of `make bench`; by itself: `python -m bench.wire`.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from evaluate import wire
from skypact.model import Payload
from skypact.sharing import codec
from skypact.sharing.chain import Delivery
from skypact.sharing.entry import Accepted, Refused

MESSAGES = 400


class Case(NamedTuple):
    """A payload that is sent again and again; `observations`: plots or tracklets in it."""

    said: str
    payload: Payload
    observations: int
    sealed: bool = False


def cases() -> list[Case]:
    """Messages as they go: small ones, batches, and the same sealed."""
    plots = {n: codec.pack_plots(wire.arrival(n), wire.USE) for n in (1, 20, 100)}
    tracklets = {
        n: codec.pack_tracklets([wire.tracklet(k) for k in range(n)], wire.USE) for n in (1, 20)
    }
    return [
        *(Case(f"{n} plots", payload, n) for n, payload in plots.items()),
        Case("100 plots, sealed", plots[100], 100, True),
        *(Case(f"{n} tracklets", payload, n) for n, payload in tracklets.items()),
        Case("20 tracklets, sealed", tracklets[20], 20, True),
        Case("assessment", wire.assessment(), 1),
        Case("warning", wire.warning(), 1),
    ]


def _us_each(work: Callable[[], Any], count: int) -> tuple[float, Any]:
    begin = time.process_time()
    result = work()
    return (time.process_time() - begin) / count * 1e6, result


def _measured(case: Case) -> dict[str, float]:
    """Microseconds of the processor for one message, each way."""
    keys = wire.keys()
    out = wire.outgoing(keys, sealed=case.sealed)
    entry, whole = wire.entry(keys), wire.entry(keys)
    making, sent = _us_each(
        lambda: [out.message(case.payload, wire.NOW_NS) for _ in range(MESSAGES)], MESSAGES
    )
    data: Sequence[bytes] = [one.data for one in sent]

    def received(delivery: Delivery) -> list[Accepted | Refused]:
        return [entry.receive(one, wire.ORIGIN, delivery, wire.NOW_NS) for one in data]

    live, results = _us_each(lambda: received(Delivery.LIVE), MESSAGES)
    assert all(isinstance(one, Accepted) for one in results)
    again, _ = _us_each(lambda: received(Delivery.DURABLE), MESSAGES)
    run, results = _us_each(
        lambda: whole.receive_many(data, wire.ORIGIN, Delivery.DURABLE, wire.NOW_NS), MESSAGES
    )
    assert all(isinstance(one, Accepted) for one in results)
    return {
        "bytes": len(data[0]),
        "make_us": making,
        "live_us": live,
        "known_us": again,
        "run_us": run,
    }


def wire_costs(repeats: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """The median of so many runs of each case."""
    rows = []
    for case in cases():
        tell(f"messages: {case.said}")
        done = [_measured(case) for _ in range(repeats)]
        row = {name: statistics.median(one[name] for one in done) for name in done[0]}
        rows.append({"case": case.said, "observations": case.observations} | row)
    return rows


def wire_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table for people."""
    lines = [
        "Messages between nations, µs of one core each (made: encoded, signed, sealed; live: a "
        "signature verified; known: the durable copy; run: 400 at once, one signature)",
        f"{'':>22} {'bytes':>7} {'made':>7} {'live':>7} {'known':>7} {'run':>7}   a plot or "
        "tracklet: made, live, run",
    ]
    for row in rows:
        each = [row[name] / row["observations"] for name in ("make_us", "live_us", "run_us")]
        costs = " ".join(f"{row[n]:7.0f}" for n in ("make_us", "live_us", "known_us", "run_us"))
        shares = ", ".join(f"{one:.1f}" for one in each)
        lines.append(f"{row['case']:>22} {row['bytes']:7.0f} {costs}   {shares}")
    return lines


if __name__ == "__main__":
    print("\n".join(wire_lines(wire_costs(5, lambda _: None))))
