"""Messages that were mutated, forged, replayed or misdirected: what an entry makes of them.

A true originator's messages of every kind, signed and sealed, are accepted first. Then each of them
comes again, altered at random in one of `MUTATIONS`. None may be accepted, each must have a reason,
and where the partner's chain stands must not change.
"""

import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from skypact.kernels.geodesy import ecef_from_geodetic
from skypact.model import (
    Apogee,
    AreaWarning,
    Arrival,
    Assessed,
    Assessment,
    Consultation,
    Ellipse,
    FlightKind,
    Header,
    Impact,
    Launch,
    Message,
    Payload,
    Plots,
    Radar,
    Tracklet,
    Use,
)
from skypact.settings import EntrySettings
from skypact.sharing import codec, seal, signing
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.entry import Accepted, Cause, Entry, Refused
from skypact.sharing.outgoing import Outgoing, Sent

S = 1_000_000_000
NOW_NS = 1_793_000_000 * S
ORIGIN, OWN, OTHER = "JPN", "KOR", "USA"
USE = (Use.PICTURE, Use.PUBLIC_WARNING)
RADAR = Radar(
    id="JPN-1",
    nation=ORIGIN,
    latitude_rad=0.66,
    longitude_rad=2.41,
    height_m=100.0,
    range_sigma_m=20.0,
    azimuth_sigma_rad=1e-3,
    elevation_sigma_rad=1e-3,
)
# Nobody is put aside: each message is to be looked at.
PATIENT = EntrySettings(
    live_1_s=1e12,
    live_burst=1_000_000_000,
    durable_1_s=1e12,
    durable_burst=1_000_000_000,
    mebibytes_1_s=1e9,
    mebibyte_burst=1e9,
    refusals_1_s=1e12,
    refusal_burst=1_000_000_000,
)


class Keys(NamedTuple):
    """Those of the originator, of another, and of the addressee for sealing."""

    signing: Ed25519PrivateKey
    forger: Ed25519PrivateKey
    sealing: X25519PrivateKey


def keys() -> Keys:
    """Keys that are always the same: what is measured can be measured again."""
    return Keys(
        Ed25519PrivateKey.from_private_bytes(b"originator".ljust(32, b".")),
        Ed25519PrivateKey.from_private_bytes(b"somebody else".ljust(32, b".")),
        X25519PrivateKey.from_private_bytes(b"addressee".ljust(32, b".")),
    )


def arrival(n: int = 20, sequence: int = 1, seed: int = 0) -> Arrival:
    """N plots of one scan, as `RADAR` may have them."""
    random_numbers = np.random.default_rng(seed)
    plots = Plots(
        time_ns=NOW_NS - S + np.sort(random_numbers.integers(0, S, n)),
        radar=np.zeros(n, np.int32),
        range_m=random_numbers.uniform(1e5, 1e6, n),
        azimuth_rad=random_numbers.uniform(0.0, 6.0, n),
        elevation_rad=random_numbers.uniform(0.0, 1.0, n),
        range_rate_m_s=np.where(np.arange(n) % 2 == 0, np.nan, 1200.0),
        snr_db=np.full(n, np.nan),
        scan=np.full(n, sequence, np.int64),
    )
    return Arrival(
        nation=ORIGIN,
        radar=RADAR.id,
        epoch=1,
        sequence=sequence,
        received_ns=NOW_NS,
        plots=plots,
    )


def tracklet(seed: int = 0, biases: int = 8) -> Tracklet:
    """A tracklet of rank 6 with information as a radar's plots give it."""
    random_numbers = np.random.default_rng(seed)
    state = np.array([*ecef_from_geodetic(0.65, 2.3, 2e5), 1000.0, -2000.0, 3000.0])
    size = 6 + biases
    rows = random_numbers.normal(size=(size, size)) / np.array([30.0] * 3 + [10.0] * (size - 3))
    joint = rows.T @ rows
    joint = 0.5 * (joint + joint.T)
    vector = joint @ random_numbers.normal(size=size)
    return Tracklet(
        time_ns=NOW_NS - S // 2,
        nation=ORIGIN,
        radar="0123456789abcdef",
        batch=2 * seed,
        state=state,
        information=joint[:6, :6],
        vector=vector[:6],
        cross_information=joint[:6, 6:],
        bias_information=joint[6:, 6:],
        bias_vector=vector[6:],
        bias_sigma=np.full(biases, 5.0),
        correlation_time_s=0.0,
        first_ns=NOW_NS - S,
        last_ns=NOW_NS - S // 2,
        plots=5,
        rank=6,
    )


def assessment() -> Assessment:
    """A flight as it is stated."""
    ellipse = Ellipse(semi_major_m=9e3, semi_minor_m=2e3, azimuth_rad=0.4)
    corners = ((2.30, 0.60), (2.31, 0.60), (2.31, 0.61), (2.30, 0.60))
    moments = NOW_NS + np.arange(10) * 10 * S
    line = np.linspace(0.65, 0.60, 10)
    return Assessment(
        flight=3,
        as_of_ns=NOW_NS,
        kind=FlightKind.BALLISTIC,
        kind_probabilities={FlightKind.BALLISTIC: 0.9, FlightKind.GLIDE: 0.1},
        launch=Launch(
            time_ns=NOW_NS - 100 * S,
            time_sigma_s=1.0,
            latitude_rad=0.69,
            longitude_rad=2.2,
            ellipse_95=ellipse,
        ),
        path=codec.pack_path(moments, line, line + 1.65, 1e5 - 1e8 * (line - 0.62) ** 2),
        apogee=Apogee(time_ns=NOW_NS + 40 * S, height_m=2e5, height_sigma_m=100.0),
        impact=Impact(
            time_ns=NOW_NS + 300 * S,
            time_sigma_s=2.0,
            latitude_rad=0.605,
            longitude_rad=2.305,
            ellipse_95=ellipse,
            region_95=corners,
        ),
        use=USE,
    )


def warning() -> AreaWarning:
    """An area and its time."""
    return AreaWarning(
        warning=5,
        as_of_ns=NOW_NS,
        from_ns=NOW_NS + 250 * S,
        until_ns=NOW_NS + 350 * S,
        area=((2.30, 0.60), (2.31, 0.60), (2.31, 0.61), (2.30, 0.60)),
        use=USE,
    )


def consultation() -> Consultation:
    """What a nation counts to an event."""
    said = Assessed(flights=(assessment(), warning()))
    return Consultation(event=f"{ORIGIN}-0123456789ab", at_ns=NOW_NS, said=said)


def payloads(seed: int = 0) -> list[Payload]:
    """One of each kind that has a place in the chain."""
    return [
        codec.pack_plots(arrival(seed=seed, sequence=seed + 1), USE),
        codec.pack_tracklets([tracklet(seed), tracklet(seed + 1, biases=0)], USE),
        assessment(),
        warning(),
        consultation(),
    ]


def outgoing(k: Keys, *, sealed: bool) -> Outgoing:
    """The originator's messages to the addressee."""
    chain = OutgoingChain.begin(None, NOW_NS - 10 * S, clean=False)
    sealing_key = k.sealing.public_key() if sealed else None
    return Outgoing(ORIGIN, OWN, chain, k.signing, exercise=False, sealing_key=sealing_key)


def entry(k: Keys, settings: EntrySettings = PATIENT, saved: bytes | None = None) -> Entry:
    """The addressee's entry."""
    partners = {ORIGIN: [k.signing.public_key()], OTHER: [k.forger.public_key()]}
    return Entry(
        OWN,
        partners,
        exercise=False,
        radars=[RADAR],
        unsealing_keys=[k.sealing],
        settings=settings,
        saved=saved,
    )


class Corpus(NamedTuple):
    """True messages, signed and sealed, and the keys that they were made with."""

    sent: tuple[Sent, ...]
    keys: Keys


def corpus(count: int = 24) -> Corpus:
    """So many messages of all kinds in one chain, each other one sealed."""
    k = keys()
    chain = outgoing(k, sealed=False)
    sealing = Outgoing(
        ORIGIN, OWN, chain.chain, k.signing, exercise=False, sealing_key=k.sealing.public_key()
    )
    many = [payload for seed in range(count // 4 + 1) for payload in payloads(seed)][:count]
    return Corpus(
        tuple((chain, sealing)[n % 2].message(one, NOW_NS) for n, one in enumerate(many)), k
    )


Mutation = Callable[[random.Random, Corpus], bytes]


def _any(rng: random.Random, c: Corpus) -> bytes:
    return rng.choice(c.sent).data


def _plain(rng: random.Random, c: Corpus) -> bytes:
    """A frame that is signed and not sealed."""
    return rng.choice(c.sent[::2]).data


def flip(rng: random.Random, c: Corpus) -> bytes:
    """One bit."""
    data = bytearray(_any(rng, c))
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def alter(rng: random.Random, c: Corpus) -> bytes:
    """Up to eight bytes."""
    data = bytearray(_any(rng, c))
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data) if bytes(data) != _any(rng, c) else flip(rng, c)


def truncate(rng: random.Random, c: Corpus) -> bytes:
    """Its beginning."""
    data = _any(rng, c)
    return data[: rng.randrange(len(data))]


def extend(rng: random.Random, c: Corpus) -> bytes:
    """More than there was."""
    return _any(rng, c) + rng.randbytes(rng.randint(1, 40))


def cut_out(rng: random.Random, c: Corpus) -> bytes:
    """Some bytes missing from within."""
    data = _any(rng, c)
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 30) :] if at + 1 < len(data) else data[:-1]


def splice(rng: random.Random, c: Corpus) -> bytes:
    """The beginning of one and the end of another."""
    one, other = rng.sample(c.sent, 2)
    cut = rng.randint(6, min(len(one.data), len(other.data)) - 1)
    return one.data[:cut] + other.data[cut:]


def garbage(rng: random.Random, c: Corpus) -> bytes:
    """Anything, with or without the beginning of a message."""
    begins = rng.choice((b"", codec.MAGIC, codec.MAGIC + b"\0" + bytes(64), codec.MAGIC + b"\1"))
    return begins + rng.randbytes(rng.randint(0, 300))


def nested(rng: random.Random, c: Corpus) -> bytes:
    """Arrays within arrays, and lengths that are not there."""
    inner = rng.choice(
        (b"\x91" * 20_000, b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x81")
    )
    return codec.signed_frame(bytes(64), rng.choice((b"", b"\x82\xa6header")) + inner)


def replay(rng: random.Random, c: Corpus) -> bytes:
    """Just as it was."""
    return _any(rng, c)


def _resigned(
    rng: random.Random, c: Corpus, key: Ed25519PrivateKey, **header: Any
) -> tuple[bytes, Header]:
    """A message's body with another header, signed."""
    body = codec.read_signed(_plain(rng, c)[5:])
    assert isinstance(body, codec.Signed)
    read = codec.read_body(body.body)
    assert isinstance(read, codec.Body)
    payload = codec.read_payload(read.payload)
    changed = structs.replace(read.header, **header)
    new = codec.encode(Message(header=changed, payload=payload))
    return signing.sign(signing.MESSAGE, new, key) + new, changed


def forged(rng: random.Random, c: Corpus) -> bytes:
    """A new number, signed by somebody else."""
    number = rng.choice((1, 25, 26, 1000, 2**62))
    signed, _ = _resigned(rng, c, c.keys.forger, sequence=number)
    return codec.MAGIC + b"\0" + signed


def misdirected(rng: random.Random, c: Corpus) -> bytes:
    """What the originator said to another, or of another mode, or one of another said to us."""
    header = rng.choice(
        ({"addressee": OTHER}, {"originator": OTHER}, {"exercise": True}, {"version": 2})
    )
    signed, _ = _resigned(rng, c, c.keys.signing, sequence=rng.choice((25, 26)), **header)
    return codec.MAGIC + b"\0" + signed


def resealed(rng: random.Random, c: Corpus) -> bytes:
    """A true message in a seal that is not its own."""
    signed, header = _resigned(rng, c, c.keys.signing, sequence=25)
    names = rng.choice(
        ((ORIGIN, OTHER, 25), (OTHER, OWN, 25), (ORIGIN, OWN, 26), (OWN, ORIGIN, 25))
    )
    info = seal.info_of(names[0], names[1], header.epoch, names[2])
    sealed = seal.seal(signed, info, c.keys.sealing.public_key())
    return codec.sealed_frame(header.epoch, rng.choice((25, 26)), sealed)


def other_time(rng: random.Random, c: Corpus) -> bytes:
    """An epoch, or a time of sending, that cannot be."""
    header = rng.choice(
        (
            {"epoch": 2**62, "sequence": 1, "previous": b""},
            {"epoch": 1, "sequence": 1, "previous": b""},
            {"sent_ns": NOW_NS + 3600 * S, "sequence": 25},
            {"sent_ns": 2**63 - 1, "sequence": 25},
        )
    )
    signed, _ = _resigned(rng, c, c.keys.signing, **header)
    return codec.MAGIC + b"\0" + signed


MUTATIONS: dict[str, Mutation] = {
    "one bit": flip,
    "some bytes": alter,
    "its beginning": truncate,
    "bytes added": extend,
    "bytes cut out": cut_out,
    "two spliced": splice,
    "garbage": garbage,
    "nested and endless": nested,
    "replayed": replay,
    "forged": forged,
    "for or of another": misdirected,
    "in another seal": resealed,
    "another epoch or time": other_time,
}
"""On the live path, after all were accepted: none may be."""


_SIGNED_ANEW = (forged, misdirected, resealed, other_time)
"""Made once, so many of each, and used again: to make one takes longer than to refuse it."""
_POOL = 300


def run(
    count: int, seed: int, progress: Callable[[int], Any] | None = None, *, memory: bool = True
) -> dict[str, Any]:
    """`count` thousand messages on the live path; `memory`: measure what is kept of them.

    That is done over the first few thousand, as it makes everything three times as slow.
    """
    c, rng = corpus(), random.Random(seed)
    own = entry(c.keys)
    for sent in c.sent:
        result = own.receive(sent.data, ORIGIN, Delivery.LIVE, NOW_NS)
        assert isinstance(result, Accepted), result
    before, names = own.save(), list(MUTATIONS)
    pools = {
        name: [how(rng, c) for _ in range(_POOL)]
        for name, how in MUTATIONS.items()
        if how in _SIGNED_ANEW
    }
    causes: Counter[tuple[str, str]] = Counter()
    accepted: list[str] = []
    unexplained = changed = kept_bytes = 0
    took_s = 0.0
    if memory:
        tracemalloc.start()
    for done in range(count):
        chosen = rng.choices(names, k=1000)
        batch = [
            rng.choice(pools[name]) if name in pools else MUTATIONS[name](rng, c) for name in chosen
        ]
        begin = time.process_time()
        results = [own.receive(data, ORIGIN, Delivery.LIVE, NOW_NS) for data in batch]
        took_s += time.process_time() - begin
        for name, result in zip(chosen, results, strict=True):
            if not isinstance(result, Refused):
                accepted.append(name)
                continue
            causes[name, str(result.cause)] += 1
            said = result.place and result.reason and result.remedy
            unexplained += not said or result.cause in (Cause.RATE, Cause.ASIDE)
        changed += own.save() != before
        if memory and done == _WARM:
            kept_bytes = -tracemalloc.get_traced_memory()[0]
        if memory and done == min(_MEASURED, count - 1):
            kept_bytes += tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
        if progress:
            progress(done + 1)
    by_cause: dict[str, dict[str, int]] = {}
    for (name, cause), number in sorted(causes.items()):
        by_cause.setdefault(name, {})[cause] = number
    return {
        "messages": 1000 * count,
        "accepted": accepted,
        "unexplained": unexplained,
        "changed": changed,
        "causes": by_cause,
        "kept_bytes": kept_bytes,
        "us_each": took_s / (1000 * count) * 1e6,
    }


_WARM, _MEASURED = 2, 20
"""After so many thousand the ring of refusals is full, and up to so many its memory is measured."""
