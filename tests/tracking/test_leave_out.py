"""A nation left out of a live picture: as though it had never sent, plots or tracklets."""

import random as python_random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import BEGIN_NS, TABLE, S, mixed, received, timely_mixed
from test_late_tracklets import CUT, cut_off, of_tracklets

from skypact.errors import SkypactError
from skypact.model import Arrival, Cause, ClockMark, LeaveOutRecord, Outcome
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import LivePicture

SCENE = mixed(11.0)
END_NS = BEGIN_NS + 12 * S
NATIONS = ("JP", "AU", "US")  # tracklets of several radars, of one, plots


def without(arrivals, nation):
    return [a for a in arrivals if isinstance(a, ClockMark) or a.nation != nation]


@pytest.fixture(scope="module")
def digests():
    return {nation: timely_mixed(without(SCENE, nation)).digest() for nation in NATIONS}


def driven(live, size=100):
    """Let the rebuild come to its end."""
    while live.rebuild is not None:
        live.rebuild.step(size)
        live.picture  # noqa: B018


def shuffled(order):
    arrivals = [received(one, END_NS) for one in SCENE]
    order.shuffle(arrivals)
    return arrivals


@settings(max_examples=10)
@given(
    order=st.randoms(use_true_random=False),
    nation=st.sampled_from(NATIONS),
    share=st.floats(0.0, 1.0),
    size=st.sampled_from([1, 20, 1000]),
)
def test_left_out_at_any_moment_it_is_as_though_it_had_never_sent(
    digests, order, nation, share, size
):
    arrivals = shuffled(order)
    at = round(share * len(arrivals))
    live = LivePicture(TABLE)
    for one in arrivals[:at]:
        live.receive(one)
        if live.received % 13 == 0:
            live.tracks()
    assert live.leave_out(nation).exact
    assert live.left_out == {nation}
    for one in arrivals[at:]:
        verdict = live.receive(one)
        if isinstance(one, Arrival) and one.nation == nation:
            assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, Cause.LEFT_OUT)
        else:
            assert verdict.outcome == Outcome.ACCEPTED
        if live.rebuild is not None:
            live.rebuild.step(size)
    driven(live)
    assert live.picture.digest() == digests[nation]
    never = LivePicture(TABLE)
    for one in without(arrivals, nation):
        never.receive(one)
    assert live.picture.digest() == never.picture.digest()
    assert live.kept["plots"] == never.kept["plots"]
    assert live.kept["tracklets"] == never.kept["tracklets"]


def test_two_nations_one_after_the_other(digests):
    live = LivePicture(TABLE)
    for one in SCENE:
        live.receive(one)
    live.leave_out("JP")
    live.leave_out("US")  # while the first is being left out
    assert live.rebuild is not None
    driven(live)
    assert live.rebuilds == 2
    rest = without(without(SCENE, "JP"), "US")
    assert live.picture.digest() == timely_mixed(rest).digest()
    with pytest.raises(SkypactError, match="left out already"):
        live.leave_out("US")


def test_one_that_never_sent_changes_nothing():
    live = LivePicture(TABLE)
    for one in SCENE:
        live.receive(one)
    digest = live.picture.digest()
    assert live.leave_out("ZZ").exact
    assert live.rebuild is None
    assert live.picture.digest() == digest


def test_its_sources_hold_the_watermark_no_longer():
    live = LivePicture(TABLE)
    for one in SCENE:
        live.receive(one)
    (slow,) = of_tracklets(SCENE, "AU")[-1:]
    late = msgspec.structs.replace(slow, epoch=2, sequence=1, tracklets=(slow.tracklets[0],))
    live.receive(received(late, END_NS))
    clock = END_NS + 20 * S
    before = live.watermark_ns(clock)
    live.leave_out("AU")
    assert live.watermark_ns(clock) >= before


def test_ids_of_what_it_alone_saw_are_withdrawn_and_others_stay():
    records = []
    live = LivePicture(TABLE, on_record=records.append)
    for one in SCENE:
        live.receive(one)
        live.tracks()
    shown = {t.id for t in live.tracks()}
    live.leave_out("JP")
    driven(live)
    assert {t.id for t in live.tracks()} <= shown
    assert [r.nation for r in records if isinstance(r, LeaveOutRecord)] == ["JP"]


def test_a_replay_leaves_out_where_it_was_left_out_and_takes_back():
    arrivals = cut_off(mixed(36.0, 1, mark_every_s=3.0), 8.0, 26.0)
    records, journal = [], []
    live = LivePicture(TABLE, late=CUT, on_record=records.append)
    # While JP catches up.
    half = next(k for k, a in enumerate(arrivals) if a.received_ns > BEGIN_NS + 27 * S)
    for count, one in enumerate(arrivals):
        journal.append(live.receive(one))
        if live.rebuild is not None:
            live.rebuild.step(3)
        if count == half:
            assert live.rebuild is not None
            live.leave_out("JP")
            with pytest.raises(SkypactError, match="not done"):
                live.take_back("JP")
        if count == half + 30:
            driven(live)
            live.take_back("JP")
        if count % 10 == 0:
            live.tracks()
    shown = live.tracks()
    assert {v.cause for v in journal} >= {Cause.LEFT_OUT, None}
    assert any(t.plots_by_partner.get("JP") for t in live.picture.tracks())
    told = list(records)
    again = LivePicture(TABLE, late=CUT)
    for one, verdict in zip(arrivals, journal, strict=True):
        again.receive(one, verdict)
        while told and told[0].after == again.received:
            again.obey(told.pop(0))
    assert not told
    assert again.picture.digest() == live.picture.digest()
    assert [t.id for t in again.tracks()] == [t.id for t in shown]


def test_taken_back_it_is_heard_from_then_on():
    live = LivePicture(TABLE)
    half = len(SCENE) // 2
    for one in SCENE[:half]:
        live.receive(one)
    live.leave_out("JP")
    driven(live)
    for one in SCENE[half : half + 12]:
        live.receive(one)
    live.take_back("JP")
    for one in SCENE[half + 12 :]:
        assert live.receive(one).outcome == Outcome.ACCEPTED
    used = without(SCENE[: half + 12], "JP") + SCENE[half + 12 :]
    assert live.picture.digest() == timely_mixed(used).digest()
    with pytest.raises(SkypactError, match="is not left out"):
        live.take_back("JP")


def test_it_goes_on_over_a_restart(digests):
    arrivals = shuffled(python_random.Random(3))
    live = LivePicture(TABLE)
    for one in arrivals[:60]:
        live.receive(one)
    live.leave_out("JP")
    live.leave_out("ZZ")
    live.rebuild.step(10)
    again = LivePicture.from_bytes(live.saved().to_bytes(), TABLE)
    for one in arrivals[60:]:
        assert live.receive(one) == again.receive(one)
    for one in (live, again):
        driven(one)
        assert one.picture.digest() == digests["JP"]
        assert one.left_out == {"JP", "ZZ"}


def test_room_for_its_radars_is_given_to_others_and_missed_when_it_comes_back():
    live = LivePicture(TABLE, TrackingSettings(greatest_partner_radars=2))
    for one in of_tracklets(SCENE, "JP"):
        live.receive(one)
    (au,) = of_tracklets(SCENE, "AU")[:1]
    assert live.receive(received(au, END_NS)).cause == Cause.UNKNOWN_RADAR
    live.leave_out("JP")
    driven(live)
    assert live.receive(received(au, END_NS)).outcome == Outcome.ACCEPTED
    live.picture  # noqa: B018
    assert live.kept["scans_left_out"] == 0
    with pytest.raises(SkypactError, match="greatest_partner_radars"):
        live.take_back("JP")


def test_what_is_older_than_all_that_is_kept_takes_the_rest_of_its_time_with_it():
    """Nothing of the nation is left; what others saw before that is not known any more."""
    scene = mixed(40.0, 1, mark_every_s=2.0)
    live = LivePicture(TABLE, late=LateSettings(kept_s=24.0, window_s=2.0, live_s=2.0))
    for one in scene:
        assert live.receive(one).outcome == Outcome.ACCEPTED
    record = live.leave_out("JP")
    assert not record.exact
    begin_ns = live._present._saved[0].key[0]
    assert begin_ns > BEGIN_NS + 10 * S
    driven(live)
    (track,) = live.picture.tracks()
    assert track.first_plot_ns >= begin_ns
    assert "JP" not in track.plots_by_partner
    # Exactly the picture of what is kept of the others.
    kept = []
    for one in without(scene, "JP"):
        if isinstance(one, ClockMark):
            kept += [one] if one.time_ns >= begin_ns else []
        else:
            times = [t.time_ns for t in one.tracklets] or one.plots.time_ns.tolist()
            kept += [one] if min(times) >= begin_ns else []
    assert live.picture.digest() == timely_mixed(kept).digest()
