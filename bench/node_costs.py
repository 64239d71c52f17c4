"""What a scan costs a node and its partner, of the processor, part by part; no server, no disk.

Where other work shares the machine the wall clock tells little of a node: this does. It says how
many plots a second a processor can bear at most, and what is left for latency on one that is free.
`python -m bench.node_costs --help`.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from bench.node_load import NATIONS, Load, load
from skypact.model import Arrival, Level, Openness, Use
from skypact.serving.kept import KeptPlots, encoded
from skypact.serving.release_pictures import ReleasePictures
from skypact.serving.release_way import ReleaseWay
from skypact.serving.releases import Releases
from skypact.settings import LateSettings, Settings
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.entry import Accepted, Entry
from skypact.sharing.outgoing import Outgoing
from skypact.sharing.policy import PartnerPolicy, Policy, Rule
from skypact.tracking import LivePicture

SETTLE_S, COUNTED_S = 5.0, 3.0
_S = 1_000_000_000
_OWN, _PARTNERS = NATIONS[0], NATIONS[1:]


class Spent:
    """Seconds of the processor by part, one for each scan."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {}
        self.counts = False

    def on(self, part: str, work: Callable[..., Any], *of: Any) -> Any:
        """Do it, and take down what it took."""
        begin = time.thread_time()
        result = work(*of)
        if self.counts:
            self.of.setdefault(part, []).append(time.thread_time() - begin)
        return result


def arrivals(made: Load, begin_ns: int, late_ms: dict[str, float]) -> Iterator[Arrival]:
    """All scans as one node gets them, each nation's so late."""
    sequence = dict.fromkeys((radar.id for radar in made.radars), 0)
    out = []
    for begin, end in zip(made.starts[:-1], made.starts[1:], strict=True):
        plots = made.plots._make(column[begin:end] for column in made.plots)
        radar = made.radars[int(plots.radar[0])]
        sequence[radar.id] += 1
        time_ns = plots.time_ns + begin_ns
        out.append(
            Arrival(
                nation=radar.nation,
                radar=radar.id,
                epoch=1,
                sequence=sequence[radar.id],
                received_ns=int(time_ns[0]) + round(1e6 * late_ms.get(radar.nation, 0.0)),
                plots=plots._replace(time_ns=time_ns),
            )
        )
    return iter(sorted(out, key=lambda one: one.received_ns))


def picture_costs(made: Load, late_ms: float, near: int) -> dict[str, float]:
    """Milliseconds a scan of a shared picture whose partners' scans come so late; mean, 99 %."""
    begin_ns = 1_700_000_000 * _S
    live = LivePicture(made.radars, late=LateSettings(near_checkpoints=near))
    spent = Spent()
    for arrival in arrivals(made, begin_ns, dict.fromkeys(_PARTNERS, late_ms)):
        spent.counts = arrival.received_ns > begin_ns + SETTLE_S * _S

        spent.on("all", _both_steps, live, arrival)
    took = np.array(spent.of["all"])
    return {"mean_ms": 1e3 * float(took.mean()), "p99_ms": 1e3 * float(np.percentile(took, 99))}


def way_costs(made: Load, level: Level, partners: Sequence[str]) -> dict[str, float]:
    """Milliseconds a scan of one's own, by part: A has the radar, B is its first partner."""
    settings = Settings()
    begin_ns = time.time_ns() - round((SETTLE_S + COUNTED_S + 5.0) * _S)
    signing, sealing = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    pictures = ReleasePictures(made.radars, settings)
    ways: dict[str, ReleaseWay] = {}
    releases = Releases(pictures, ways)
    for partner in partners:
        chain = OutgoingChain.begin(None, begin_ns, clean=False)
        outgoing = Outgoing(
            *(_OWN, partner, chain, signing), exercise=False, sealing_key=sealing.public_key()
        )
        ways[partner] = ReleaseWay(
            *(_policy(level, partners), made.radars, outgoing, pictures),
            secret=b"secret",
            epoch=1,
            settings=settings,
        )
    national, shared, theirs = (LivePicture(made.radars) for _ in range(3))
    keys = {_OWN: [signing.public_key()]}
    entry = Entry(
        *(partners[0], keys),
        exercise=False,
        radars=made.radars,
        unsealing_keys=[sealing],
        settings=settings.entry,
    )
    spent, scans, due_ns = Spent(), 0, 0
    for arrival in arrivals(made, begin_ns, {}):
        if arrival.nation != _OWN:
            continue
        now_ns = arrival.received_ns
        spent.counts = now_ns > begin_ns + SETTLE_S * _S
        scans += spent.counts
        decided = spent.on("A: verdicts, keeping", _both, national, shared, arrival)
        spent.on("A: to the journal", _journalled, arrival, decided)
        out = spent.on("A: release, all partners", _released, releases, arrival)
        spent.on("A: shared picture", _folded, shared)
        if now_ns >= due_ns:
            spent.on("A: release pictures that only assess", releases.catch_up)
            due_ns = now_ns + round(settings.node.national_every_s * _S)
        for partner, _, sent in out:
            if partner != partners[0]:
                continue
            come = spent.on("B: entry", entry.receive, sent.data, _OWN, Delivery.LIVE, now_ns)
            assert isinstance(come, Accepted)
            spent.on("B: verdicts, keeping", theirs.receive, _observed(come, now_ns))
            spent.on("B: shared picture", _folded, theirs)
            again = sent.data, _OWN, Delivery.DURABLE, now_ns
            spent.on("B: the durable copy", entry.receive, *again)
    return {part: 1e3 * sum(of) / scans for part, of in spent.of.items()}


def _both(one: LivePicture, other: LivePicture, arrival: Arrival) -> tuple[Any, Any]:
    return one.receive(arrival), other.receive(arrival)


def _journalled(arrival: Arrival, decided: tuple[Any, Any]) -> bytes:
    return encoded(KeptPlots.of(arrival, (decided[0], *[decided[1]] * 3)))


def _released(releases: Releases, arrival: Arrival) -> list[Any]:
    return list(releases.take(arrival))


def _both_steps(live: LivePicture, arrival: Arrival) -> None:
    live.receive(arrival)
    _ = live.picture


def _folded(live: LivePicture) -> None:
    _ = live.picture


def _policy(level: Level, partners: Sequence[str]) -> Policy:
    every = Rule(name="all", level=level, openness=Openness.FULL, use=tuple(Use), per_s=math.inf)
    each = {name: PartnerPolicy(rules=(), otherwise=every) for name in partners}
    return Policy(nation=_OWN, partners=each, hash="")


def _observed(come: Accepted, now_ns: int) -> Arrival:
    if isinstance(come.content, Arrival):
        return structs.replace(come.content, received_ns=now_ns)
    assert isinstance(come.content, tuple)
    return Arrival(
        nation=_OWN,
        radar="link",
        epoch=1,
        sequence=come.header.sequence,
        received_ns=now_ns,
        tracklets=come.content,
    )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[3000, 10_000])
    parser.add_argument("--scan-plots", type=int, default=20)
    parser.add_argument("--partners", type=int, nargs="+", default=[len(_PARTNERS)])
    asked = parser.parse_args()
    for rate in asked.rates:
        made = load(rate, SETTLE_S + COUNTED_S, asked.scan_plots)
        scans_s = len(made.nation) / (SETTLE_S + COUNTED_S)
        print(f"{rate:,.0f} plots/s of three nations, {scans_s:.0f} scans/s; ms of the processor")
        for late_ms in (0.0, 5.0, 30.0):
            for near in (0, LateSettings().near_checkpoints):
                cost = picture_costs(made, late_ms, near)
                print(
                    f"  shared picture, a scan; partners' {late_ms:g} ms late, {near} near "
                    f"checkpoints: {cost['mean_ms']:.2f}, p99 {cost['p99_ms']:.2f}"
                )
        for level, count in product((Level.PLOTS, Level.TRACKLETS), asked.partners):
            more = [f"P{number:02d}" for number in range(count)]
            parts = way_costs(made, level, [*_PARTNERS, *more][:count])
            a, b = (sum(v for k, v in parts.items() if k.startswith(of)) for of in "AB")
            told = f"{level.name.lower()}, {count} partners"
            print(f"  {told}: a scan of one's own costs A {a:.2f}, each of them {b:.2f}:")
            print("".join(f"    {v:6.2f}  {part}\n" for part, v in parts.items()), end="")


if __name__ == "__main__":
    main()
