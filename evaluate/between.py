"""One nation's own plots by release, wire and entry into another's pictures, without servers.

Just what two nodes do with them, in one process and by a clock that is given: `evaluate.shared`,
`evaluate.hostile` and tests go this way.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluate import wire
from skypact.model import Arrival, Flight, FlightKind, Plots, Radar, Track
from skypact.serving.folded import Folded
from skypact.serving.pictures import NAMES
from skypact.serving.release_pictures import ReleasePictures, Who
from skypact.serving.release_way import Due, ReleaseWay
from skypact.serving.releases import Releases
from skypact.settings import Settings
from skypact.sharing.chain import Alarm, Delivery, OutgoingChain
from skypact.sharing.entry import Accepted, Refused
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.policy import Policy
from skypact.sharing.policy_file import parse_policy

S = 1_000_000_000
KEYS = wire.keys()


class Message(NamedTuple):
    """What left, and for whom it was made when."""

    sent: Sent
    sent_ns: int


def policy_of(text: str, origin: str, partner: str, radars: Sequence[Radar]) -> Policy:
    """A release policy."""
    own = [radar.id for radar in radars if radar.nation == origin]
    return parse_policy(text, "release.toml", nation=origin, partners=[partner], radars=own)


def releases_to(
    partner: str, policy: Policy, radars: Sequence[Radar], settings: Settings, *, epoch: int = 7
) -> Releases:
    """A nation's way to one partner, both with the keys of `evaluate.wire`."""
    outgoing = Outgoing(
        policy.nation,
        partner,
        OutgoingChain(epoch, 0, b""),
        KEYS.signing,
        exercise=False,
        sealing_key=KEYS.sealing.public_key(),
    )
    pictures = ReleasePictures(radars, settings)
    way = ReleaseWay(
        *(policy, tuple(radars), outgoing, pictures),
        secret=b"secret",
        epoch=epoch,
        settings=settings,
    )
    return Releases(pictures, {partner: way})


def sent_of(releases: Releases, arrival: Arrival) -> Iterator[Sent]:
    """What is to be sent at once of own plots."""
    return (sent for _, _, sent in releases.take(arrival))


def tracks_of(releases: Releases, now_ns: int) -> dict[Who, tuple[Track, ...]]:
    """The tracks of all release pictures as they are now."""
    releases.catch_up()
    return releases.pictures.snapshot(now_ns)()


def receiver(
    own: str, partners: Sequence[str], radars: Sequence[Radar], settings: Settings
) -> Folded:
    """A nation's pictures, with nothing in them; every partner signs with the same key."""
    return Folded(
        own,
        radars,
        settings,
        partners={name: [KEYS.signing.public_key()] for name in partners},
        unsealing_keys=[KEYS.sealing],
    )


def take_in(
    folded: Folded, partner: str, data: bytes, delivery: Delivery, received_ns: int
) -> Accepted | Refused:
    """A message as a node takes it in, alarms included."""
    result = folded.entry.receive(data, partner, delivery, received_ns)
    for alarm in result.alarms:
        if isinstance(alarm, Alarm) and alarm.without:
            folded.take_out(partner, alarm)
    if isinstance(result, Accepted):
        folded.observe(result)
    return result


def arrivals(
    plots: Plots, radars: Sequence[Radar], nation: str, *, after_ns: int = S // 5
) -> list[Arrival]:
    """A nation's plots scan by scan, as its own feed brings them, in order of time."""
    out, sequence = [], dict.fromkeys(range(len(radars)), 0)
    scans = dict.fromkeys(zip(plots.radar.tolist(), plots.scan.tolist(), strict=True))
    for number, scan in scans:
        if radars[number].nation != nation:
            continue
        part = plots.at(np.flatnonzero((plots.radar == number) & (plots.scan == scan)))
        sequence[number] += 1
        out.append(
            Arrival(
                nation=nation,
                radar=radars[number].id,
                epoch=1,
                sequence=sequence[number],
                received_ns=int(part.time_ns.max()) + after_ns,
                plots=part,
            )
        )
    return sorted(out, key=lambda one: one.received_ns)


def finish(folded: Folded) -> None:
    """Fold all that is to be folded, rebuilds too."""
    for live in folded.pictures.each():
        while live.rebuild is not None:
            live.rebuild.gathering = False
            live.rebuild.step()
            _ = live.picture
        _ = live.picture


def digests(folded: Folded) -> dict[str, str]:
    """All bits of each picture, by name."""
    finish(folded)
    return {name: folded.pictures[name].picture.digest() for name in NAMES}


def flight_of(due: Due) -> Flight:
    """What a track means, at no cost: its kind hangs on the last bits of its state."""
    track: Track = due.track
    kinds = list(FlightKind)
    bits: Any = np.frombuffer(track.state.tobytes(), np.uint8)
    kind = kinds[int(bits.sum()) % len(kinds)]
    return Flight(
        id=track.id,
        kind=kind,
        kind_probability=1.0,
        kind_probabilities={str(kind): 1.0},
        range_class=None,
        range_class_probability=None,
        nations=(),
        radars=tuple(track.plots_by_radar),
        first_plot_ns=track.first_plot_ns,
        last_plot_ns=track.last_plot_ns,
        last_seen_by="",
        plots=track.plots,
        launch=None,
        apogee=None,
        ground_range_m=float(np.abs(track.state[0])),
        impact=None,
    )
