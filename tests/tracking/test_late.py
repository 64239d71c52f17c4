"""Late and disordered arrivals: the picture is the one that timely arrival would have given."""

import math
import random as python_random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import RADARS, S, arrival, arrivals_of, raw, received, starts, timely

from evaluate.scene import START_NS, coasting, site
from skypact.errors import SkypactError
from skypact.model import Cause, ClockMark, Outcome
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import LivePicture

SCENE = arrivals_of(16.0)
END_NS = START_NS + 17 * S


@pytest.fixture(scope="module")
def scene_raw():
    return raw(timely(SCENE))


def fed(live, arrivals):
    return [live.receive(one) for one in arrivals]


@settings(max_examples=25)
@given(order=st.randoms(use_true_random=False), ask=st.sampled_from([0, 3, 11, 1000]))
def test_any_order_of_arrivals_gives_the_picture_of_timely_arrival(scene_raw, order, ask):
    arrivals = [received(one, END_NS) for one in SCENE]
    order.shuffle(arrivals)
    live = LivePicture(RADARS)
    for count, one in enumerate(arrivals):
        assert live.receive(one).outcome == Outcome.ACCEPTED
        if ask and count % ask == 0:
            live.tracks()
    assert raw(live.picture) == scene_raw


def test_arrivals_in_order_give_it_too_and_so_do_other_checkpoints(scene_raw):
    for late in (
        LateSettings(),
        LateSettings(checkpoint_s=7.0),
        LateSettings(checkpoint_s=0.1, checkpoint_share=10.0),
        LateSettings(greatest_checkpoint_mib=0.01),
    ):
        live = LivePicture(RADARS, late=late)
        fed(live, SCENE)
        assert raw(live.picture) == scene_raw
        shuffled = SCENE[:]
        python_random.Random(2).shuffle(shuffled)
        live = LivePicture(RADARS, late=late)
        for one in shuffled:
            assert live.receive(received(one, END_NS)).outcome == Outcome.ACCEPTED
            live.picture  # noqa: B018
        assert raw(live.picture) == scene_raw


def test_the_digest_is_that_of_the_same_bits(scene_raw):
    whole = timely(SCENE)
    assert len(whole.tracks()) == 2
    assert whole.digest() == timely(SCENE[::-1]).digest()
    assert whole.digest() != timely(SCENE[:-1]).digest()
    altered = timely(SCENE)
    row = int(np.flatnonzero(altered._tracks.number[:, 0] == 2)[0])
    state = altered._tracks.x[row, int(np.argmax(altered._tracks.mu[row]))]
    state[0] = np.nextafter(state[0], math.inf)
    assert altered.digest() != whole.digest()
    assert raw(altered) != scene_raw


def test_what_comes_twice_counts_once(scene_raw):
    live = LivePicture(RADARS)
    fed(live, SCENE)
    again = fed(live, [received(one, END_NS) for one in SCENE])
    assert {v.cause for v in again} == {Cause.DUPLICATE}
    # Under new numbers, and in parts: arrivals are new, their plots are not.
    one = next(a for a in SCENE if not isinstance(a, ClockMark) and len(a.plots.time_ns) > 1)
    renumbered = msgspec.structs.replace(one, sequence=9999, received_ns=END_NS)
    assert live.receive(renumbered).cause == Cause.DUPLICATE
    part = arrival(one.plots.at(np.array([1])), 10_000, received_ns=END_NS)
    assert live.receive(part).outcome == Outcome.ACCEPTED
    assert raw(live.picture) == scene_raw


def test_a_stray_beyond_the_window_changes_nothing_and_is_counted():
    """Both radars go on; one arrival of the first is held up for longer than the window."""
    arrivals = arrivals_of(100.0, objects=1, mark_every_s=10.0)
    of_first = [a for a in arrivals if not isinstance(a, ClockMark) and a.plots.radar[0] == 0]
    stray = of_first[5]
    live = LivePicture(RADARS, late=LateSettings(cut_s=10.0))
    fed(live, [a for a in arrivals if a is not stray])
    before = raw(live.picture)
    verdict = live.receive(received(stray, arrivals[-1].received_ns))
    assert (verdict.outcome, verdict.cause) == (Outcome.LATE, Cause.STRAY)
    assert "behind the watermark" in verdict.reason
    assert verdict.remedy
    assert raw(live.picture) == before
    assert live.counts["stray"] == 1
    assert live.counts_by_source["KR", "KR1", "stray"] == 1
    # Within the window it would have been used.
    wide = LivePicture(RADARS, late=LateSettings(window_s=120.0))
    fed(wide, [a for a in arrivals if a is not stray])
    assert wide.receive(received(stray, arrivals[-1].received_ns)).outcome == Outcome.ACCEPTED
    assert raw(wide.picture) == raw(timely(arrivals))


def shifted(one, seconds):
    """The same with times, but not its receipt, so much later."""
    plots = one.plots._replace(time_ns=one.plots.time_ns + round(seconds * S))
    return msgspec.structs.replace(one, plots=plots)


@pytest.mark.parametrize(
    ("off_s", "cause"), [(3600.0, Cause.AHEAD), (2.5, Cause.AHEAD), (-3600.0, Cause.STRAY)]
)
def test_one_wrong_clock_makes_no_other_late(off_s, cause):
    live = LivePicture(RADARS)
    verdicts = {"right": set(), "wrong": set()}
    for one in SCENE:
        wrong = not isinstance(one, ClockMark) and one.radar == "KR1"
        verdict = live.receive(shifted(one, off_s) if wrong else one)
        verdicts["wrong" if wrong else "right"].add((verdict.outcome, verdict.cause))
    assert verdicts["right"] == {(Outcome.ACCEPTED, None)}
    outcome = Outcome.REFUSED if cause == Cause.AHEAD else Outcome.LATE
    assert verdicts["wrong"] == {(outcome, cause)}
    good = [a for a in SCENE if isinstance(a, ClockMark) or a.radar != "KR1"]
    assert raw(live.picture) == raw(timely(good))


def test_a_clock_that_jumps_back_within_a_run_is_late_not_catching_up():
    live = LivePicture(RADARS)
    for number, one in enumerate(SCENE):
        own = not isinstance(one, ClockMark) and one.radar == "KR1"
        verdict = live.receive(shifted(one, -3600.0) if own and number > len(SCENE) // 2 else one)
        if own and number > len(SCENE) // 2:
            assert verdict.cause == Cause.STRAY
    assert live.rebuild is None


def test_the_watermark_is_the_least_over_live_sources():
    live = LivePicture(RADARS)
    clock = START_NS + 100 * S
    assert live.watermark_ns(clock) == clock - 30 * S
    newest = {}
    for one in SCENE:
        if not isinstance(one, ClockMark):
            live.receive(one)
            newest[one.radar] = int(one.plots.time_ns.max())
    now = max(newest.values())
    assert live.watermark_ns(now) == min(newest.values())
    # Silent or stuck, it holds the watermark no longer.
    assert live.watermark_ns(now + 60 * S) == now + 30 * S
    # The receiver's clock put back: sources ahead of it do not lift the watermark.
    assert live.watermark_ns(START_NS - 60 * S) == START_NS - 90 * S


def bad(name):
    one = next(a for a in SCENE if not isinstance(a, ClockMark) and len(a.plots.time_ns) > 1)
    plots, n = one.plots, len(one.plots.time_ns)
    replace = msgspec.structs.replace
    if name == "flood":
        many = plots.at(np.zeros(10_000, np.int64))
        return replace(one, plots=many._replace(range_m=np.linspace(3e5, 9e5, 10_000)))
    return {
        "unknown radar": replace(one, radar="KR9"),
        "empty": replace(one, plots=plots.at(np.zeros(0, np.int64))),
        "nan": replace(one, plots=plots._replace(azimuth_rad=np.full(n, np.nan))),
        "negative range": replace(one, plots=plots._replace(range_m=-plots.range_m)),
        "another radar": replace(one, plots=plots._replace(radar=(plots.radar + 1) % 3)),
        "no such index": replace(one, plots=plots._replace(radar=plots.radar * 0 + 77)),
        "several scans": replace(one, plots=plots._replace(scan=np.arange(n))),
        "lengths": replace(one, plots=plots._replace(snr_db=np.zeros(n + 1))),
        "times as floats": replace(one, plots=plots._replace(time_ns=plots.time_ns.astype(float))),
        "before 1970": replace(one, plots=plots._replace(time_ns=plots.time_ns * 0 - 5)),
        "far apart": replace(
            one, plots=plots._replace(time_ns=plots.time_ns - np.arange(n) * 9 * S)
        ),
        "sequence 0": replace(one, sequence=0),
        "sequence huge": replace(one, sequence=2**70),
        "epoch negative": replace(one, epoch=-1),
    }[name]


BAD = {
    "unknown radar": Cause.UNKNOWN_RADAR,
    "empty": Cause.EMPTY,
    "flood": Cause.TOO_MANY,
    "far apart": Cause.APART,
    **dict.fromkeys(
        ["nan", "negative range", "another radar", "no such index", "several scans", "lengths",
         "times as floats", "before 1970", "sequence 0", "sequence huge", "epoch negative"],
        Cause.UNFIT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arrivals_are_refused_with_a_reason_and_the_rest_goes_on(name, scene_raw):
    live = LivePicture(RADARS)
    half = len(SCENE) // 2
    fed(live, SCENE[:half])
    verdict = live.receive(received(bad(name), END_NS))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, BAD[name])
    assert verdict.reason
    assert verdict.remedy
    assert live.counts[str(BAD[name])] == 1
    fed(live, SCENE[half:])
    assert live.counts["accepted"] == len(SCENE)
    assert raw(live.picture) == scene_raw


def test_a_scan_sent_in_many_parts_is_bounded_too():
    live = LivePicture(RADARS, late=LateSettings(greatest_scan_plots=10))
    one = bad("flood")
    causes = [
        live.receive(arrival(one.plots.at(np.arange(4 * k, 4 * k + 4)), k + 1)).cause
        for k in range(4)
    ]
    assert causes == [None, None, Cause.TOO_MANY, Cause.TOO_MANY]


def test_numbers_that_repeat_and_epochs_that_go_back():
    live = LivePicture(RADARS)
    mine = [a for a in SCENE if not isinstance(a, ClockMark) and a.radar == "JP1"]
    fed(live, mine[:4])
    repeated = live.receive(msgspec.structs.replace(mine[4], sequence=2))
    assert repeated.cause == Cause.REPEATED
    assert live.receive(msgspec.structs.replace(mine[4], epoch=2, sequence=1)).cause is None
    old = live.receive(msgspec.structs.replace(mine[6], sequence=100))
    assert old.cause == Cause.OLD_EPOCH
    # What was still under way when the new epoch began is used.
    before = mine[3]
    straggler = shifted(msgspec.structs.replace(before, sequence=5), -0.01)
    assert live.receive(straggler).cause is None
    assert live.receive(msgspec.structs.replace(mine[7], epoch=3, sequence=1)).cause is None
    assert live.receive(msgspec.structs.replace(mine[5], sequence=6)).cause == Cause.OLD_EPOCH


def test_clock_marks_are_judged_as_arrivals_are():
    live = LivePicture(RADARS)
    mark = ClockMark(time_ns=START_NS, received_ns=START_NS)
    assert live.receive(mark).outcome == Outcome.ACCEPTED
    assert live.receive(mark).cause == Cause.DUPLICATE
    assert (
        live.receive(ClockMark(time_ns=START_NS + 9 * S, received_ns=START_NS)).cause == Cause.AHEAD
    )
    assert live.receive(ClockMark(time_ns=-5, received_ns=START_NS)).cause == Cause.AHEAD
    behind = ClockMark(time_ns=START_NS - 200 * S, received_ns=START_NS)
    assert live.receive(behind).cause == Cause.STRAY


def test_a_replay_obeys_the_verdicts_in_the_journal():
    """A node that would decide otherwise, with no window at all, comes to the same picture."""
    arrivals = arrivals_of(30.0, seed=3)
    python_random.Random(5).shuffle(arrivals)
    clock = START_NS + 31 * S
    journal, records, live = [], [], None

    live = LivePicture(
        RADARS,
        late=LateSettings(window_s=8.0, live_s=4.0),
        on_record=records.append,
    )
    for number, one in enumerate(arrivals):
        one = received(one, clock)  # noqa: PLW2901
        journal.append((one, live.receive(one)))
        if number % 7 == 0:
            live.tracks()
    shown = live.tracks()
    assert {v.outcome for _, v in journal} == {Outcome.ACCEPTED, Outcome.LATE}
    wire = msgspec.json.encode([v for _, v in journal])
    verdicts = msgspec.json.decode(wire, type=list[type(journal[0][1])])
    again, told = LivePicture(RADARS, late=LateSettings(window_s=0.0, live_s=0.0)), list(records)
    for (one, _), verdict in zip(journal, verdicts, strict=True):
        assert again.receive(one, verdict) == verdict
        while told and told[0].after == again.received:
            again.obey(told.pop(0))
    assert raw(again.picture) == raw(live.picture)
    assert [(t.id, t.state.tobytes()) for t in again.tracks()] == [
        (t.id, t.state.tobytes()) for t in shown
    ]
    assert not told
    with pytest.raises(SkypactError, match="other content"):
        again.receive(journal[0][0], journal[1][1])
    with pytest.raises(SkypactError, match="were replayed"):
        again.obey(records[0])


def test_memory_stays_within_its_bounds_over_a_long_run():
    """Half an hour that keeps ten minutes; numbers that jump, so that gaps abound."""
    late = LateSettings(
        greatest_kept_plots=300, kept_s=600.0, greatest_checkpoint_mib=1.0, greatest_gaps=20
    )
    radars = (site("KR1", 36.6, 127.5, 2.0),)
    live = LivePicture(radars, late=late)
    arrivals = [a for a in arrivals_of(400.0, 1, radars=radars, mark_every_s=5.0, split=False)]
    most = 0
    for again in range(5):
        for one in arrivals:
            later = 400 * S * again
            if isinstance(one, ClockMark):
                live.receive(
                    ClockMark(time_ns=one.time_ns + later, received_ns=one.received_ns + later)
                )
                continue
            jumped = msgspec.structs.replace(one, sequence=2 * (one.sequence + 1000 * again))
            live.receive(received(shifted(jumped, 400.0 * again), one.received_ns + later))
            most = max(most, live.kept["plots"])
        kept = live.kept
        assert kept["checkpoint_bytes"] <= 2**20
        assert kept["checkpoints"] < 100
        assert len(live._present.kept._order) <= 1.2 * 600 / late.checkpoint_s
    # Those promised, and what the last checkpoint before them needs: a tenth of their age at most.
    assert 300 <= most <= 1.2 * 300
    assert len(live._judge._sources[0].epochs[0].gaps) <= 20
    # What lies before all that is kept cannot be put in, whatever its number says.
    window = LivePicture(radars, late=late.model_copy(update={"window_s": 3000.0, "kept_s": 100.0}))
    fed(window, arrivals)
    old = next(a for a in arrivals if not isinstance(a, ClockMark))
    verdict = window.receive(
        msgspec.structs.replace(
            shifted(old, 50.0), sequence=9999, received_ns=arrivals[-1].received_ns
        )
    )
    assert (verdict.outcome, verdict.cause) == (Outcome.LATE, Cause.OUT_OF_REACH)


def test_a_scan_with_no_room_among_the_tracks_is_left_out_and_told():
    few = TrackingSettings(greatest_tracks=16)
    live = LivePicture(RADARS, few, LateSettings(greatest_scan_plots=100))
    one = bad("flood")
    assert live.receive(arrival(one.plots.at(np.arange(90)), 1)).outcome == Outcome.ACCEPTED
    live.picture  # noqa: B018
    assert live.kept["scans_left_out"] == 1
    fed(live, [msgspec.structs.replace(a, sequence=a.sequence + 5)
               if not isinstance(a, ClockMark) else a for a in SCENE if a is not one])  # fmt: skip
    assert len(live.tracks()) == 2
    assert live.kept["scans_left_out"] == 1


def test_ids_of_objects_never_change_across_rewinds():
    """Clutter that comes late makes the fold number anew; who watches sees nothing of it."""
    arrivals = arrivals_of(40.0, 3, seed=8, clutter=1.0)
    random = np.random.default_rng(4)
    times = {}
    for one in arrivals:
        times[id(one)] = one.received_ns + int(random.exponential(3.0) * S)
    live = LivePicture(RADARS)
    ids, numbers = [set() for _ in range(3)], [set() for _ in range(3)]
    for count, one in enumerate(sorted(arrivals, key=lambda a: times[id(a)])):
        verdict = live.receive(received(one, times[id(one)]))
        assert verdict.outcome == Outcome.ACCEPTED
        if count % 5:
            continue
        for shown, tracks in ((ids, live.tracks()), (numbers, live.picture.tracks())):
            for track in tracks:
                truth = [coasting(s, np.array([track.time_ns]))[0] for s in starts(3)]
                off = [float(np.linalg.norm(track.state[:3] - t[:3])) for t in truth]
                if min(off) < 5e3 and track.plots > 10:
                    shown[int(np.argmin(off))].add(track.id)
    assert [len(one) for one in ids] == [1, 1, 1]
    assert max(len(one) for one in numbers) > 1  # the fold did number anew
