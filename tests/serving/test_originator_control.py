"""What is not released to a partner, or not granted for a use, shapes nothing of it."""

import msgspec
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluate.between import (
    KEYS,
    arrivals,
    digests,
    flight_of,
    receiver,
    releases_to,
    sent_of,
    take_in,
    tracks_of,
)
from skypact.model import Level, ScanPlots, TrackletBatch, Use
from skypact.serving.pictures import NATIONAL, OF_USE
from skypact.settings import LateSettings, ReleaseSettings, Settings
from skypact.sharing import codec, seal
from skypact.sharing.chain import Delivery
from skypact.sharing.policy import use_bits
from skypact.sharing.policy_rows import granted_uses
from tests.sharing.test_policy import FLOWN, RADARS, ROWS, START_NS, S, parsed, plots_at, policies

SETTINGS = Settings(
    late=LateSettings(window_s=2.0, cut_s=2.0),
    release=ReleaseSettings(state_every_s=2.0, assess_every_s=3.0),
)
ALL = use_bits(Use)
# Its own radar sees the same object.
SEEN_BY_K1 = [(row[0] + S // 2, 2, *row[2:]) for row in FLOWN if row[1] == 0]


def granted(policy, rows):
    """For which uses each plot may go to KOR at all."""
    plots = plots_at(rows)
    of = [
        granted_uses(policy, "KOR", plots, RADARS, exercise=False, least=least)
        for least in (Level.WARNING, Level.TRACKLETS)
    ]
    return of[0] | of[1]


def opened(sent):
    """Body of a message, as its addressee reads it."""
    frame = codec.read_frame(sent.data, 1_000_000)
    info = seal.info_of("JPN", "KOR", frame.epoch, frame.sequence)
    signed = codec.read_signed(seal.unseal(frame.content, info, [KEYS.sealing]))
    return msgspec.msgpack.decode(signed.body)


def between(policy, rows, cut):
    """All that Japan sends Korea of its plots, decrypted, and Korea's pictures after it.

    What is sent within `cut`, seconds, comes after it by the durable path.
    """
    rows = sorted(rows, key=lambda row: (row[0], row[1], row))
    plots = plots_at(rows)
    releases = releases_to("KOR", policy, RADARS, SETTINGS)
    way = releases.ways["KOR"]
    korea = receiver("KOR", ["JPN"], RADARS, SETTINGS)
    own = {one.received_ns: one for one in arrivals(plots, RADARS, "KOR")}
    theirs: dict[int, list] = {}
    for one in arrivals(plots, RADARS, "JPN"):
        theirs.setdefault(one.received_ns, []).append(one)
    bodies, waiting = [], []

    def leave(messages, now_ns):
        for sent in messages:
            bodies.append(opened(sent))
            if cut[0] <= (now_ns - START_NS) / S < cut[1]:
                waiting.append(sent)
            else:
                take_in(korea, "JPN", sent.data, Delivery.LIVE, now_ns)

    for tick in range(28 * 10):
        now_ns = START_NS + tick * S // 10
        for one in theirs.pop(now_ns, ()):
            leave(sent_of(releases, one), now_ns)
        if now_ns in own:
            korea.plots(own[now_ns])
        if tick % 10 == 0:
            tracks = tracks_of(releases, now_ns)
            leave(way.withdraw(tracks, now_ns), now_ns)
            for due in way.due(tracks):
                leave(way.state(due, flight_of(due), now_ns), now_ns)
            korea.mark(now_ns)
            if waiting and (now_ns - START_NS) / S >= cut[1]:
                for sent in waiting:
                    take_in(korea, "JPN", sent.data, Delivery.DURABLE, now_ns)
                waiting.clear()
    leave(way.end(START_NS + 28 * S), START_NS + 28 * S)
    return bodies, digests(korea), korea


MIXED = """
[partner.KOR]
level = "tracklets"
openness = "full"
[[partner.KOR.rule]]
name = "second radar, for alerts too"
radars = ["J2"]
level = "tracklets"
openness = "full"
use = ["picture", "public_warning"]
[[partner.KOR.rule]]
name = "first radar, in the east"
area = [[45, 120], [45, 134.3], [30, 134.3], [30, 120]]
level = "plots"
use = ["picture"]
"""
BY_KIND = """
[partner.KOR]
level = "tracklets"
openness = "full"
use = ["picture", "export"]
[[partner.KOR.rule]]
name = "some kinds"
kinds = ["ballistic", "aircraft", "glide", "unknown"]
radars = ["J2"]
level = "plots"
use = ["export"]
[[partner.KOR.rule]]
name = "for warnings"
radars = ["J1"]
level = "assessment"
use = ["picture", "public_warning"]
"""


@settings(max_examples=12)
@example(parsed(MIXED), [], (9.0, 5.0))
@example(parsed(BY_KIND), [], (20.0, 1.0))
@given(policies(), ROWS, st.tuples(st.floats(0, 20), st.floats(0, 8)))
def test_what_a_partner_may_not_have_or_not_for_that_shapes_nothing(policy, more, cut):
    cut = cut[0], cut[0] + cut[1]
    rows = FLOWN + SEEN_BY_K1 + more
    bodies, pictures, korea = between(policy, rows, cut)
    own = [ALL * (row[1] == 2) for row in rows]  # Korea's own are no one else's to grant
    of = granted(policy, rows) | np.array(own, np.uint8)

    released = [row for row, bits in zip(rows, of, strict=True) if bits]
    same = between(policy, released, cut)
    assert same[0] == bodies  # to the last bit: header, chain and all
    assert same[1] == pictures

    for use in Use:
        bit = use_bits([use])
        granted_for = [row for row, bits in zip(rows, of, strict=True) if bits & bit]
        without = between(policy, granted_for, cut)
        assert of_use(without[0], use) == of_use(bodies, use)
        assert without[1][OF_USE[use]] == pictures[OF_USE[use]]
        assert stated(without[2], use) == stated(korea, use)
        assert without[1][NATIONAL] == pictures[NATIONAL]


def of_use(bodies, use):
    """Payloads granted for a use, without what they are numbered by for others."""
    out = []
    for body in bodies:
        payload = dict(body["payload"])
        uses = payload.get("use", ())
        if use in uses:
            numbers = payload.pop("numbers", None)
            payload.pop("sequence", None)
            own = numbers[uses.index(use)] if numbers else None
            out.append((own, payload))
    return out


def stated(korea, use):
    return {
        key: msgspec.msgpack.encode(one) for key, one in korea.statements.items() if use in one.use
    }


def test_that_test_could_fail():
    """Of this policy each use has another picture, and every kind of message goes."""
    bodies, pictures, korea = between(parsed(MIXED), FLOWN + SEEN_BY_K1, (9.0, 14.0))
    assert len(set(pictures.values())) == 3
    assert pictures["export"] == pictures[NATIONAL]
    whats = {body["payload"]["what"] for body in bodies}
    assert whats == {"plots", "tracklets", "assessment"}
    for kind in (ScanPlots, TrackletBatch):
        assert any(one["payload"]["what"] == kind.__struct_config__.tag for one in bodies)
    assert korea.entry.counts("JPN")["accepted"] == len(bodies)
    plots = korea.shared.kept
    assert plots["plots"] > len(SEEN_BY_K1)
    assert plots["tracklets"] > korea.pictures["public_warning"].kept["tracklets"] > 0


def test_pictures_are_one_while_they_are_given_the_same_and_no_longer():
    everything = '[partner.KOR]\nlevel = "plots"\nuse = ["picture", "public_warning", "export"]'
    _, pictures, korea = between(parsed(everything), FLOWN + SEEN_BY_K1, (0.0, 0.0))
    assert korea.pictures.groups == ((NATIONAL,), tuple(OF_USE.values()))
    _, _, korea = between(parsed('[partner.KOR]\nlevel = "plots"'), FLOWN, (0.0, 0.0))
    assert {frozenset(names) for names in korea.pictures.groups} == {
        frozenset({NATIONAL, "public_warning", "export"}),
        frozenset({"shared"}),
    }
    assert len(set(pictures.values())) == 2


def test_a_checkpoint_holds_all_pictures():
    rows = FLOWN + SEEN_BY_K1
    _, pictures, korea = between(parsed(MIXED), rows, (9.0, 14.0))
    again = receiver("KOR", ["JPN"], RADARS, SETTINGS)
    again.take_up(korea.saved()(), "checkpoint")
    assert again.pictures.groups == korea.pictures.groups
    assert digests(again) == pictures
