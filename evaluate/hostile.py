"""A hostile partner, up to the pictures: what can be told has no part in them, lies can be undone.

Japan's true messages come to Korea by both paths. Between them comes everything of
`wire.MUTATIONS` on Japan's link and on that of the United States, and what their owner signed but
cannot be true. Then the United States lie plausibly: ghosts, in swarms, that any radar could see.
"""

import random
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec import structs

from evaluate import wire
from evaluate.between import (
    KEYS,
    arrivals,
    digests,
    policy_of,
    receiver,
    releases_to,
    sent_of,
    take_in,
)
from evaluate.scene import START_NS
from evaluate.shared import flown
from evaluate.wire import MUTATIONS, NOW_NS, ORIGIN, OTHER, OWN, Corpus
from skypact.model import Arrival, Tracklet
from skypact.serving.folded import Folded
from skypact.serving.pictures import NATIONAL
from skypact.settings import Settings
from skypact.sharing import codec, seal
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.entry import Accepted
from skypact.sharing.outgoing import Outgoing, Sent

S = 1_000_000_000
SECONDS = 20.0
SETTINGS = Settings(entry=wire.PATIENT)
TEXT = f'[partner.{OWN}]\nlevel = "tracklets"\nopenness = "full"'
Event = tuple[int, Arrival | Sent]
Between = Callable[[Folded, list[Sent], int], None]
"""What comes after each true message: the pictures, what truly came so far, and the time."""


def true_traffic(seed: int) -> tuple[list[Arrival], list[tuple[int, Sent]], tuple[Any, ...]]:
    """Korea's own plots, Japan's messages with when each was sent, and the radar table."""
    from evaluate.shared import RADARS

    plots, _ = flown(seed, SECONDS)
    plots = plots._replace(time_ns=plots.time_ns + (NOW_NS - START_NS - round(SECONDS * S)))
    releases = releases_to(OWN, policy_of(TEXT, ORIGIN, OWN, RADARS), RADARS, SETTINGS)
    sent = []
    for arrival in arrivals(plots, RADARS, ORIGIN):
        sent += [(arrival.received_ns, one) for one in sent_of(releases, arrival)]
    sent += [(NOW_NS + S, one) for one in releases.ways[OWN].ready(NOW_NS + S, no_more=True)]
    # Some go without a seal, as `wire.MUTATIONS` alter what is signed too.
    return (
        arrivals(plots, RADARS, OWN),
        [(at, _unsealed(one) if n % 2 == 0 else one) for n, (at, one) in enumerate(sent)],
        RADARS,
    )


def _unsealed(sent: Sent) -> Sent:
    frame = codec.read_frame(sent.data, 1_000_000)
    assert isinstance(frame, codec.Frame)
    info = seal.info_of(ORIGIN, OWN, frame.epoch, frame.sequence)
    signed = seal.unseal(frame.content, info, [KEYS.sealing])
    assert signed is not None
    return sent._replace(data=codec.MAGIC + bytes((codec.SIGNED,)) + signed)


def nothing(folded: Folded, came: list[Sent], now_ns: int) -> None:
    """No foe."""


def fold(seed: int, between: Between = nothing) -> Folded:
    """Korea's pictures after all true traffic; `between` is called after each true message."""
    own, messages, radars = true_traffic(seed)
    folded = receiver(OWN, [ORIGIN, OTHER], radars, SETTINGS)
    folded.entry.admit(OTHER, [KEYS.forger.public_key()])
    came: list[Sent] = []
    events: list[Event] = [(one.received_ns, one) for one in own]
    events += messages
    for now_ns, one in sorted(events, key=lambda event: event[0]):
        if isinstance(one, Arrival):
            folded.plots(one)
            continue
        live = take_in(folded, ORIGIN, one.data, Delivery.LIVE, now_ns)
        assert isinstance(live, Accepted), live
        came.append(one)
        between(folded, came, now_ns)
        if len(came) % 5 == 0:
            folded.mark(now_ns)
            for late in came[-5:]:
                take_in(folded, ORIGIN, late.data, Delivery.DURABLE, now_ns)
    folded.mark(NOW_NS + 2 * S)
    return folded


def told(rng: random.Random, count: int) -> Between:
    """So many messages after each true one that can be told from true ones, by either path."""

    def send(folded: Folded, came: list[Sent], now_ns: int) -> None:
        if len(came) < 4:
            return
        corpus = Corpus(tuple(came[: len(came) // 2 * 2]), KEYS)
        for _ in range(count):
            name = rng.choice(list(MUTATIONS))
            data = MUTATIONS[name](rng, corpus)
            link = ORIGIN if rng.random() < 0.8 else OTHER
            result = take_in(folded, link, data, Delivery.LIVE, now_ns)
            assert not isinstance(result, Accepted), name

    return send


def impossible(rng: random.Random) -> Between:
    """What the United States sign that cannot be: no numbers, endless ones, other times."""
    out = Outgoing(OTHER, OWN, OutgoingChain(7, 0, b""), KEYS.forger, exercise=False)

    def send(folded: Folded, came: list[Sent], now_ns: int) -> None:
        tracklets = codec.pack_tracklets([wire.tracklet(rng.randrange(1000))], wire.USE)
        (first,) = tracklets.tracklets
        values = np.frombuffer(first.numbers).copy()
        how = rng.randrange(6)
        changed: dict[str, Any] = {}
        if how == 0:
            values[rng.randrange(33)] = np.nan
        elif how == 1:
            values[rng.randrange(6)] = np.inf
        elif how == 2:
            values[:3] *= 1e3
        elif how == 3:
            changed = {"time_ns": now_ns + 3600 * S, "last_ns": now_ns + 3600 * S}
        elif how == 4:
            changed = {"time_ns": 1, "first_ns": 1, "last_ns": 1}
        else:
            values = np.zeros(0)
        packed = structs.replace(first, numbers=values.tobytes(), **changed)
        payload = structs.replace(tracklets, tracklets=(packed,))
        for data in (out.message(payload, now_ns).data, b"", bytes(2_000_000)):
            result = take_in(folded, OTHER, data, Delivery.LIVE, now_ns)
            assert not isinstance(result, Accepted), how

    return send


def lies(rng: np.random.Generator, ghosts: int) -> Between:
    """So many plausible ghosts of the United States after each true message."""
    out = Outgoing(OTHER, OWN, OutgoingChain(7, 0, b""), KEYS.forger, exercise=False)

    def send(folded: Folded, came: list[Sent], now_ns: int) -> None:
        for part in np.array_split(np.arange(ghosts), max(1, ghosts // 500)):
            many = list(_ghosts(rng, len(part), now_ns, len(came)))
            message = out.message(codec.pack_tracklets(many, wire.USE), now_ns)
            result = take_in(folded, OTHER, message.data, Delivery.LIVE, now_ns)
            assert isinstance(result, Accepted), result

    return send


def _ghosts(rng: np.random.Generator, count: int, now_ns: int, batch: int) -> Iterator[Tracklet]:
    """Places that move as nothing does, each told as well as a radar tells it."""
    place = wire.tracklet(0, 0)
    for _ in range(count):
        state = np.concatenate((place.state[:3] + rng.normal(0.0, 3e4, 3), np.zeros(3)))
        information = np.zeros((6, 6))
        information[:3, :3] = np.eye(3) / 100.0**2
        yield structs.replace(
            place,
            nation=OTHER,
            radar="ghost",
            batch=2 * batch,
            time_ns=now_ns - S // 10,
            first_ns=now_ns - S // 10,
            last_ns=now_ns - S // 10,
            state=state,
            information=information,
            vector=np.zeros(6),
            plots=1,
            rank=3,
        )


def run(count: int, seed: int, progress: Callable[[int], Any] | None = None) -> dict[str, Any]:
    """`count` messages that can be told after each true one; then lies, and a swarm of ghosts."""
    rng = random.Random(seed)
    never = digests(fold(seed))
    cases: dict[str, dict[str, Any]] = {}

    def against(name: str, pictures: dict[str, str], which: str, wanted: dict[str, str]) -> None:
        cases[name] = {"identical": pictures == wanted, "against": which}

    tried = digests(fold(seed, told(rng, count)))
    against("altered, forged, replayed, misdirected", tried, "as though it never came", never)
    against(
        "no numbers, other times, huge", digests(fold(seed, impossible(rng))), "the same", never
    )
    lied = fold(seed, lies(np.random.default_rng(seed), 5))
    pictures = digests(lied)
    assert pictures["shared"] != never["shared"]
    national = {NATIONAL: never[NATIONAL]}
    against("plausible lies", {NATIONAL: pictures[NATIONAL]}, "of own plots alone", national)
    lied.leave_out(OTHER)
    against("plausible lies, once left out", digests(lied), "as though it never sent", never)
    if progress:
        progress(count // 2)
    swarm = _swarm(seed, 20 * count)
    if progress:
        progress(count)
    return {"cases": cases, "swarm": swarm}


def _swarm(seed: int, ghosts: int) -> dict[str, Any]:
    tracemalloc.start()
    folded = fold(seed, lies(np.random.default_rng(seed), ghosts))
    digests(folded)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    own = [track for track in folded.national.tracks() if track.status == "confirmed"]
    seen = [
        track
        for track in folded.shared.tracks()
        if any(radar in track.plots_by_radar for radar in own[0].plots_by_radar)
        and track.plots_by_radar[next(iter(own[0].plots_by_radar))] > 0.9 * own[0].plots
    ]
    return {
        "ghosts": ghosts,
        "seconds": round(SECONDS),
        "grown_mib": grown / 2**20,
        "own_track_kept": len(own) == len(seen) == 1,
    }
