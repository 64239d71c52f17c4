"""Late and disordered tracklets beside plots: the picture of timely arrival, bit for bit."""

import random as python_random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import BEGIN_NS, TABLE, S, mixed, raw, received, timely_mixed

from skypact.model import Arrival, Cause, ClockMark, Outcome, Plots, RebuildRecord
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import LivePicture, Picture

SCENE = mixed(13.0)
END_NS = BEGIN_NS + 14 * S


@pytest.fixture(scope="module")
def wanted():
    return timely_mixed(SCENE)


@pytest.fixture(scope="module")
def digest(wanted):
    return wanted.digest()


def of_tracklets(arrivals, nation=None):
    found = [a for a in arrivals if isinstance(a, Arrival) and a.tracklets]
    return [a for a in found if nation in (None, a.nation)]


def test_the_scene_has_what_these_tests_are_about(wanted):
    """Partners' radars that come later and lengthen the states, and tracks of all of them."""
    assert len(wanted.tracks()) == 2
    assert {len(t.plots_by_partner) for t in wanted.tracks()} == {2}
    partners = wanted.checkpoint().partners
    assert [(p.nation, len(p.bias_sigma)) for p in partners] == [("JP", 8), ("JP", 0), ("AU", 8)]
    many = [len({(t.radar, t.batch) for t in a.tracklets}) for a in of_tracklets(SCENE, "JP")]
    assert max(many) > 1
    assert {t.rank for a in of_tracklets(SCENE) for t in a.tracklets} == {3, 6}


@settings(max_examples=10)
@given(order=st.randoms(use_true_random=False), ask=st.sampled_from([0, 3, 11, 1000]))
def test_any_order_of_plots_and_tracklets_gives_the_picture_of_timely_arrival(digest, order, ask):
    arrivals = [received(one, END_NS) for one in SCENE]
    order.shuffle(arrivals)
    live = LivePicture(TABLE)
    for count, one in enumerate(arrivals):
        verdict = live.receive(one)
        assert verdict.outcome == Outcome.ACCEPTED and not verdict.refusals
        if ask and count % ask == 0:
            live.tracks()
    assert live.picture.digest() == digest


def test_it_is_the_picture_that_observe_makes_of_all_at_once():
    arrivals = [a for a in SCENE if isinstance(a, Arrival)]
    live = LivePicture(TABLE)
    for one in arrivals:
        assert live.receive(one).outcome == Outcome.ACCEPTED
    parts = [a.plots for a in arrivals if not a.tracklets]
    plots = Plots(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    plots = plots.at(np.lexsort((plots.scan, plots.radar, plots.time_ns)))
    whole = Picture(TABLE)
    tracklets = [t for a in arrivals for t in a.tracklets]
    assert whole.observe(plots, tracklets=tracklets) == ()
    assert raw(live.picture) == raw(whole)
    assert live.picture.digest() == whole.digest()


def test_ties_in_time_go_by_nation_then_name_then_plots_first(wanted):
    """All at the same instants: the order of the fold is that of `Picture.observe`."""
    at_once = []
    for one in SCENE:
        if isinstance(one, ClockMark):
            continue
        whole = {}
        if one.tracklets:
            moved = []
            for t in one.tracklets:
                time_ns = t.last_ns // S * S
                moved.append(
                    msgspec.structs.replace(t, time_ns=time_ns, first_ns=time_ns, last_ns=time_ns,
                                            plots=1)
                )  # fmt: skip
            whole["tracklets"] = tuple(moved)
        else:
            whole["plots"] = one.plots._replace(time_ns=one.plots.time_ns // S * S)
        at_once.append(msgspec.structs.replace(one, received_ns=END_NS, **whole))
    python_random.Random(4).shuffle(at_once)
    live = LivePicture(TABLE)
    for one in at_once:
        live.receive(one)
    assert live.counts["accepted"] == len(at_once)
    assert live.picture.digest() == timely_mixed(at_once).digest() != wanted.digest()


@pytest.mark.parametrize(
    "late",
    [
        LateSettings(checkpoint_s=7.0),
        LateSettings(checkpoint_s=0.1, checkpoint_share=10.0),
        LateSettings(greatest_checkpoint_mib=0.01),
    ],
)
def test_checkpoints_have_no_part_in_it(late, digest):
    arrivals = [received(one, END_NS) for one in SCENE]
    python_random.Random(2).shuffle(arrivals)
    live = LivePicture(TABLE, late=late)
    for one in arrivals:
        assert live.receive(one).outcome == Outcome.ACCEPTED
        live.picture  # noqa: B018
    assert live.picture.digest() == digest


def test_going_back_before_a_partner_was_heard_of_forgets_its_radar_until_then():
    live = LivePicture(TABLE)
    first, *others = of_tracklets(SCENE, "JP")
    rest = [a for a in SCENE if a is not first]
    for one in rest:
        live.receive(one)
    assert [p.nation for p in live.picture.checkpoint().partners] == ["JP", "JP", "AU"]
    # AU's radar before JP's: as the data have it, whoever came first.
    without = [a for a in rest if a not in others]
    late = LivePicture(TABLE)
    for one in without:
        late.receive(one)
    assert [p.nation for p in late.picture.checkpoint().partners] == ["AU"]
    for one in (first, *others):
        late.receive(received(one, END_NS))
    assert [p.nation for p in late.picture.checkpoint().partners] == ["JP", "JP", "AU"]
    live.receive(received(first, END_NS))
    assert late.picture.digest() == live.picture.digest()


def test_what_comes_twice_counts_once(digest):
    live = LivePicture(TABLE)
    for one in SCENE:
        live.receive(one)
    again = [live.receive(received(one, END_NS)) for one in of_tracklets(SCENE)]
    assert {v.cause for v in again} == {Cause.DUPLICATE}
    several = next(a for a in of_tracklets(SCENE, "JP") if len(a.tracklets) > 1)
    # In another message, under another number: the arrival is new, its tracklet is not.
    part = msgspec.structs.replace(
        several, sequence=10_000, tracklets=several.tracklets[1:], received_ns=END_NS
    )
    assert live.receive(part).outcome == Outcome.ACCEPTED
    repeated = msgspec.structs.replace(part, tracklets=several.tracklets[:1])
    assert live.receive(repeated).cause == Cause.REPEATED
    assert live.picture.digest() == digest
    assert live.kept["tracklets"] == sum(len(a.tracklets) for a in of_tracklets(SCENE))


def bad(tracklet, **more):
    return msgspec.structs.replace(tracklet, **more)


FAULTS = {
    "not finite": {"vector": np.full(6, np.nan)},
    "float64": {"vector": np.zeros(6, np.int64)},
    "shape": {"vector": np.zeros(7)},
    "claims rank": {"rank": 2},
    "before 1970": {"first_ns": -5},
    "no int64": {"batch": 2**70},
    "ahead": {"last_ns": END_NS + 5 * S, "time_ns": END_NS + 5 * S, "first_ns": END_NS + 4 * S,
              "plots": 2},
    "priors": {"bias_sigma": np.full(8, 3.0)},
}  # fmt: skip


@pytest.mark.parametrize("reason", FAULTS)
def test_what_is_unfit_is_refused_one_by_one_and_the_rest_used(reason, digest):
    live = LivePicture(TABLE)
    half = len(SCENE) // 2
    for one in SCENE[:half]:
        live.receive(one)
    whole = next(
        a for a in of_tracklets(SCENE[half:], "JP") if any(len(t.bias_sigma) for t in a.tracklets)
    )
    good = next(t for t in whole.tracklets if len(t.bias_sigma))
    wrong = bad(good, **FAULTS[reason])
    # Alone, all of it is refused, and its number is still free.
    alone = live.receive(received(msgspec.structs.replace(whole, tracklets=(wrong,)), END_NS))
    assert alone.outcome == Outcome.REFUSED
    assert alone.cause == (Cause.AHEAD if reason == "ahead" else Cause.UNFIT)
    assert reason in alone.reason and alone.remedy
    verdict = live.receive(
        received(msgspec.structs.replace(whole, tracklets=(wrong, *whole.tracklets)), END_NS)
    )
    assert (verdict.outcome, verdict.unused) == (Outcome.ACCEPTED, (0,))
    (refusal,) = verdict.refusals
    assert reason in refusal.reason and refusal.remedy
    assert refusal.source == f"{good.nation}/{good.radar}"
    assert live.tracklets_refused["JP", "link"] == 2
    for one in SCENE[half:]:
        if one is not whole:
            assert live.receive(one).outcome == Outcome.ACCEPTED
    assert live.picture.digest() == digest


def test_arrivals_that_make_no_sense_are_refused():
    live = LivePicture(TABLE)
    one = received(of_tracklets(SCENE, "JP")[0], END_NS)
    plots = next(a.plots for a in SCENE if isinstance(a, Arrival) and not a.tracklets)
    replace = msgspec.structs.replace
    for wrong, words in (
        (replace(one, nation="AU"), "another nation"),
        (replace(one, plots=plots), "at once"),
        (replace(one, sequence=0), "sequence 0"),
    ):
        verdict = live.receive(wrong)
        assert (verdict.cause, words in verdict.reason) == (Cause.UNFIT, True), verdict
    # Nothing at all: of a source that is known its number is heard, else there is none.
    empty = replace(one, tracklets=())
    assert live.receive(empty).cause == Cause.UNKNOWN_RADAR
    assert live.receive(one).outcome == Outcome.ACCEPTED
    assert live.receive(replace(empty, sequence=one.sequence + 1)).cause == Cause.EMPTY
    plots_of_link = replace(one, tracklets=(), plots=plots, sequence=9)
    assert live.receive(plots_of_link).cause == Cause.UNKNOWN_RADAR


def test_many_labels_and_many_tracklets_are_bounded():
    one = received(of_tracklets(SCENE, "JP")[0], END_NS)
    (tracklet, *_) = one.tracklets

    def labelled(sequence, *labels, nation="JP"):
        made = [bad(tracklet, radar=label, nation=nation) for label in labels]
        return msgspec.structs.replace(one, nation=nation, sequence=sequence, tracklets=tuple(made))

    live = LivePicture(
        TABLE, TrackingSettings(greatest_partner_radars=3), LateSettings(greatest_nation_labels=2)
    )
    verdict = live.receive(labelled(1, "a", "b", "c"))
    assert (verdict.outcome, verdict.unused) == (Outcome.ACCEPTED, (2,))
    assert "greatest_nation_labels = 2" in verdict.refusals[0].reason
    assert live.receive(labelled(2, "d")).cause == Cause.UNKNOWN_RADAR
    assert live.receive(labelled(1, "a", nation="AU")).outcome == Outcome.ACCEPTED
    over = live.receive(labelled(2, "b", nation="AU"))
    assert "greatest_partner_radars = 3" in over.reason
    assert live.kept["partner_radars"] == 3
    live.picture  # noqa: B018
    assert live.kept["scans_left_out"] == 0
    few = LivePicture(TABLE, late=LateSettings(greatest_batch_tracklets=2))
    assert few.receive(labelled(1, "a", "b", "c")).cause == Cause.TOO_MANY
    twice = labelled(1, "a", "a")
    moved = bad(twice.tracklets[1], state=1.0001 * tracklet.state)
    twice = msgspec.structs.replace(twice, tracklets=(twice.tracklets[0], moved))
    assert few.receive(twice).outcome == Outcome.ACCEPTED
    assert few.receive(labelled(2, "a")).cause == Cause.TOO_MANY


def test_of_a_message_what_is_beyond_the_window_is_left_out_and_the_rest_used():
    scene = mixed(80.0, 1, mark_every_s=20.0)
    link = of_tracklets(scene, "JP")
    live = LivePicture(TABLE, late=LateSettings(window_s=30.0))
    old, new = link[3], link[-1]
    together = msgspec.structs.replace(new, tracklets=(*old.tracklets, *new.tracklets))
    for one in scene:
        if one is not old:
            verdict = live.receive(together if one is new else one)
            assert verdict.outcome == Outcome.ACCEPTED
            if one is new:
                assert verdict.unused == tuple(range(len(old.tracklets)))
                assert "behind the watermark" in verdict.refusals[0].reason
    alone = live.receive(received(old, scene[-1].received_ns))
    assert (alone.outcome, alone.cause) == (Outcome.LATE, Cause.STRAY)
    assert live.picture.digest() == timely_mixed([a for a in scene if a is not old]).digest()


def test_partners_sources_hold_the_watermark_as_radars_do():
    live = LivePicture(TABLE)
    newest = {}
    for one in SCENE:
        live.receive(one)
        if isinstance(one, Arrival):
            times = [t.time_ns for t in one.tracklets] or one.plots.time_ns
            newest[one.radar] = max(int(np.max(times)), newest.get(one.radar, 0))
    assert len(newest) == 4  # two radars, a link, a label
    now = max(newest.values())
    assert live.watermark_ns(now) == min(newest.values())


def cut_off(scene, from_s, to_s):
    """JP's link is cut: what it could not send comes after it is back, in order, then the rest."""
    begin, back = BEGIN_NS + int(from_s * S), BEGIN_NS + int(to_s * S)
    jp = of_tracklets(scene, "JP")
    held = [a for a in jp if begin <= a.received_ns < back]
    step = 3 * S // len(held)
    moved = {id(a): back + k * step for k, a in enumerate(held)}
    least = back + len(held) * step
    out = []
    for one in scene:
        late = isinstance(one, Arrival) and one.nation == "JP" and one.received_ns >= back
        out.append(received(one, moved.get(id(one), max(one.received_ns, least * late))))
    return sorted(out, key=lambda a: a.received_ns)


CUT = LateSettings(window_s=5.0, live_s=10.0)


@pytest.mark.parametrize("slice_", [7, 100_000])
def test_a_partner_that_catches_up_after_a_cut(slice_):
    scene = mixed(50.0, 2, mark_every_s=2.0)
    live = LivePicture(TABLE, late=CUT)
    arrivals = cut_off(scene, 12.0, 38.0)
    catching_up = 0
    for one in arrivals:
        verdict = live.receive(one)
        assert verdict.outcome == Outcome.ACCEPTED, verdict
        catching_up += verdict.catching_up
        if live.rebuild is not None:
            live.rebuild.step(slice_)
    assert catching_up > 12
    for seconds in range(100):
        live.receive(ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + seconds * S))
        if live.rebuild is None:
            break
        live.rebuild.step(slice_)
    assert live.rebuild is None and live.rebuilds >= 1
    assert live.picture.digest() == timely_mixed(scene).digest()


def test_a_replay_obeys_verdicts_and_ids():
    scene = mixed(40.0, 2, seed=3)
    arrivals = cut_off(scene, 10.0, 30.0)
    records, journal = [], []
    live = LivePicture(TABLE, late=CUT, on_record=records.append)
    python_random.Random(1).shuffle(arrivals)  # so that much is late
    clock = arrivals[0].received_ns
    for count, one in enumerate(arrivals):
        clock = max(clock, one.received_ns)
        now = received(one, clock)
        if now.received_ns and isinstance(now, Arrival) and now.tracklets and count % 5 == 0:
            wrong = bad(now.tracklets[0], rank=1)
            now = msgspec.structs.replace(now, tracklets=(*now.tracklets, wrong))
        journal.append((now, live.receive(now)))
        if count % 6 == 0:
            live.tracks()
        if live.rebuild is not None:
            live.rebuild.step(50)
    shown = live.tracks()
    assert {v.outcome for _, v in journal} == {Outcome.ACCEPTED, Outcome.LATE}
    assert any(v.unused for _, v in journal if v.outcome == Outcome.ACCEPTED)
    told = list(records)
    again = LivePicture(TABLE, late=CUT)
    wire = msgspec.json.encode([v for _, v in journal])
    verdicts = msgspec.json.decode(wire, type=list[type(journal[0][1])])
    for (one, _), verdict in zip(journal, verdicts, strict=True):
        again.receive(one, verdict)
        while told and told[0].after == again.received:
            again.obey(told.pop(0))
    assert not told
    assert again.picture.digest() == live.picture.digest()
    assert [(t.id, t.state.tobytes()) for t in again.tracks()] == [
        (t.id, t.state.tobytes()) for t in shown
    ]
    assert any(isinstance(r, RebuildRecord) for r in records) == (live.rebuilds > 0)


def test_ids_stay_where_tracklets_come_late():
    live = LivePicture(TABLE)
    held = of_tracklets(SCENE, "JP")[2:5]
    shown = set()
    for one in SCENE:
        if one not in held:
            live.receive(one)
            shown |= {t.id for t in live.tracks()}
    for one in held:
        live.receive(received(one, END_NS))
        assert {t.id for t in live.tracks()} <= shown
    assert {t.id for t in live.tracks()} == {1, 2}


def test_registration_knows_what_tracklets_taught(wanted):
    live = LivePicture(TABLE)
    for one in SCENE:
        live.receive(one)
    mine, twin = live.picture.registration(), wanted.registration()
    assert [b.mean.tobytes() for b in mine.radars] == [b.mean.tobytes() for b in twin.radars]
    alone = LivePicture(TABLE)
    for one in SCENE:
        if not (isinstance(one, Arrival) and one.tracklets):
            alone.receive(one)
    (own, _), (taught, _) = alone.picture.registration().radars, mine.radars
    assert (taught.sigma[:3] < own.sigma[:3]).all()


def test_memory_for_tracklets_is_bounded():
    late = LateSettings(greatest_kept_tracklets=100, kept_s=600.0, greatest_checkpoint_mib=4.0)
    scene = of_tracklets(mixed(110.0, 1, mark_every_s=50.0))
    live = LivePicture((), late=late)
    most = 0
    for one in scene:
        live.receive(one)
        most = max(most, live.kept["tracklets"])
    assert sum(len(a.tracklets) for a in scene) > 220
    # With so little for checkpoints they lie far apart: twice as many, and those of one cell.
    assert 100 <= most <= 210
    assert live.kept["checkpoint_bytes"] <= 4 * 2**20
    reach_s = (live._present.reach_ns - BEGIN_NS) / S
    assert 40.0 < reach_s < 110.0
    old = received(scene[0], scene[-1].received_ns)
    far = LivePicture((), late=late.model_copy(update={"window_s": 3000.0}))
    for one in scene[1:]:
        far.receive(one)
    assert far.receive(old).cause == Cause.OUT_OF_REACH


def test_a_batch_with_no_room_among_the_tracks_is_left_out_and_told():
    one = received(of_tracklets(SCENE, "JP")[0], END_NS)
    (tracklet, *_) = one.tracklets
    ghosts = []
    for k in range(90):
        state = tracklet.state.copy()
        state[:3] *= 1.0 + 1e-4 * (k + 1)
        ghosts.append(bad(tracklet, state=state))
    flood = msgspec.structs.replace(one, tracklets=tuple(ghosts), sequence=500)
    few = LivePicture(TABLE, TrackingSettings(greatest_tracks=16))
    assert few.receive(flood).outcome == Outcome.ACCEPTED
    few.picture  # noqa: B018
    assert few.kept["scans_left_out"] == 1
    # With room, all begin at once: more than there are free rows at first.
    live = LivePicture(TABLE)
    live.receive(flood)
    assert int((live.picture.checkpoint().tracks.number[:, 0] == 1).sum()) == 90
