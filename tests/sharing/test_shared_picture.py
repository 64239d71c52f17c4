"""A nation's plots over policy, wire and entry into a partner's picture: nothing is changed."""

import math

import numpy as np
import pytest
from msgspec import structs

from evaluate import wire
from evaluate.scene import START_NS, Scene, coasting, local_state, look_times, looks_like, site
from evaluate.tracklets import with_offsets
from skypact.model import Arrival, Outcome
from skypact.sharing import codec
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.entry import Accepted, Entry
from skypact.sharing.outgoing import Outgoing
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy_file import parse_policy
from skypact.sharing.policy_rows import released_rows
from skypact.tracking import LivePicture, Picture

S = 1_000_000_000
RADARS = tuple(
    structs.replace(site(name, *place, 0.5), nation=nation)
    for name, nation, place in (
        ("K", "KR", (36.6, 127.5)),
        ("J", "JP", (38.0, 138.4)),
        ("U", "US", (35.7, 135.2)),
    )
)
KEYS = wire.keys()


@pytest.fixture(scope="module")
def plots():
    start = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))
    times, radar = look_times(RADARS, 20.0)
    states = coasting(start, times)
    looks = looks_like(RADARS, radar, states)
    scene = Scene(RADARS, times, radar, states, looks, np.zeros(0, int))
    return with_offsets(scene, np.random.default_rng(1))


def over_the_wire(plots, level):
    """What JP's entry accepts of KR's plots at a level: content, in order."""
    text = f'[partner.JP]\nlevel = "{level}"\nopenness = "full"'
    policy = parse_policy(text, "release.toml", nation="KR", partners=["JP"], radars=["K"])
    release = PartnerRelease(policy, "JP", RADARS, secret=b"s", epoch=1, exercise=False)
    picture = Picture(RADARS)
    fed = released_rows(policy, "JP", plots, RADARS, exercise=False)
    picture.observe(plots.at(np.flatnonzero(fed)), on_followed=release.take)
    now_ns = int(plots.time_ns[-1]) + S
    chain = OutgoingChain.begin(None, START_NS - 10 * S, clean=False)
    sealing_key = KEYS.sealing.public_key()
    out = Outgoing("KR", "JP", chain, KEYS.signing, exercise=False, sealing_key=sealing_key)
    sent = [out.message(payload, now_ns).data for payload, _ in release.ready(no_more=True)]
    entry = Entry(
        "JP",
        {"KR": [KEYS.signing.public_key()]},
        exercise=False,
        radars=RADARS,
        unsealing_keys=[KEYS.sealing],
        settings=wire.PATIENT,
    )
    results = entry.receive_many(sent, "KR", Delivery.DURABLE, now_ns)
    assert all(isinstance(result, Accepted) for result in results), results
    return [result.content for result in results], now_ns


def scans(plots, number, now_ns):
    """A radar's plots as its own feed brings them."""
    rows = np.flatnonzero(plots.radar == number)
    radar = RADARS[number]
    return [
        Arrival(
            nation=radar.nation,
            radar=radar.id,
            epoch=1,
            sequence=k,
            received_ns=now_ns,
            plots=plots.at(rows[plots.scan[rows] == scan]),
        )
        for k, scan in enumerate(dict.fromkeys(plots.scan[rows].tolist()), start=1)
    ]


def test_plots_over_the_wire_give_the_picture_of_plots_at_one_place_bit_for_bit(plots):
    arrived, now_ns = over_the_wire(plots, "plots")
    own = scans(plots, 1, now_ns)
    at_one_place, shared = LivePicture(RADARS), LivePicture(RADARS)
    for arrival in (*own, *scans(plots, 0, now_ns)):
        assert at_one_place.receive(arrival).outcome == Outcome.ACCEPTED
    for arrival in (*own, *arrived):
        assert shared.receive(arrival).outcome == Outcome.ACCEPTED
    assert len(shared.tracks()) == 1
    assert shared.picture.digest() == at_one_place.picture.digest()


def test_tracklets_over_the_wire_are_taken_and_say_what_they_said(plots):
    batches, _ = over_the_wire(plots, "tracklets")
    tracklets = [tracklet for batch in batches for tracklet in batch]
    assert sum(tracklet.plots for tracklet in tracklets) == int(np.sum(plots.radar == 0))
    shared = Picture(RADARS)
    assert shared.observe(plots.at(np.flatnonzero(plots.radar == 1)), tracklets=tracklets) == ()
    (track,) = shared.tracks()
    assert list(track.plots_by_partner) == ["KR"]
    alone = Picture(RADARS)
    alone.observe(plots.at(np.flatnonzero(plots.radar == 1)))
    (own,) = alone.tracks()
    sigma, sigma_alone = (math.sqrt(np.trace(one.covariance[:3, :3])) for one in (track, own))
    assert sigma < 0.9 * sigma_alone
    # Once on the wire, nothing changes any more.
    again = codec.unpack_tracklets(codec.pack_tracklets(tracklets, wire.USE), "KR", 700)
    for one, other in zip(tracklets, again, strict=True):
        assert one.information.tobytes() == other.information.tobytes()
        assert one.cross_information.tobytes() == other.cross_information.tobytes()
