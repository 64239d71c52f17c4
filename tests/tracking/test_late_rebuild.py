"""Sources that catch up after a cut: the picture ends as though they had never been cut."""

import threading

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from late_scene import S, arrivals_of, raw, received, timely

from evaluate.scene import START_NS, site
from skypact.model import Cause, ClockMark, Outcome, RebuildRecord
from skypact.settings import LateSettings
from skypact.tracking import LivePicture, Picture

RADARS = (site("KR1", 36.6, 127.5, 4.0), site("JP1", 38.0, 138.4, 4.0))
SECONDS, CUT_S, BACK_S = 700.0, 40.0, 640.0


@pytest.fixture(scope="module")
def scene():
    """Ten minutes and more of two objects; the first radar will be cut off."""
    return arrivals_of(SECONDS, 2, radars=RADARS, mark_every_s=5.0, clutter=0.1)


@pytest.fixture(scope="module")
def scene_raw(scene):
    return raw(timely(scene, RADARS))


class Quiet(tuple):
    """Hypothesis prints what a test was given."""

    def __repr__(self):
        return "the scene"


@pytest.fixture(scope="module")
def scene_and_raw(scene, scene_raw):
    return Quiet((scene, scene_raw))


def since_start(one):
    return (one.received_ns - START_NS) / S


def cut_off(scene, *, newest_first):
    """Arrivals of the scene as they come if the first radar is cut off for ten minutes.

    What it could not send comes in the 20 s after, in order, or after what it sees then.
    """
    cut = [a for a in scene if not isinstance(a, ClockMark) and a.radar == "KR1"]
    held = [a for a in cut if CUT_S <= since_start(a) < BACK_S]
    fresh = [a for a in cut if since_start(a) >= BACK_S]
    others = [(a.received_ns, a) for a in scene if a not in cut or since_start(a) < CUT_S]
    begin = START_NS + round((BACK_S + 8.0 * newest_first) * S)
    step = 20 * S // len(held)
    caught_up = [(begin + k * step, a) for k, a in enumerate(held)]
    # In order: what it sees now waits until the rest is through.
    least = 0 if newest_first else begin + len(held) * step
    caught_up += [(max(a.received_ns, least), a) for a in fresh]
    together = sorted([*others, *caught_up], key=lambda item: item[0])
    return [received(a, t) for t, a in together]


@pytest.mark.parametrize("newest_first", [False, True])
def test_after_a_cut_of_ten_minutes_it_is_as_though_there_had_been_none(
    scene, scene_raw, newest_first
):
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0))
    arrivals = cut_off(scene, newest_first=newest_first)
    catching_up, before = 0, None
    for one in arrivals:
        verdict = live.receive(one)
        assert verdict.outcome == Outcome.ACCEPTED, verdict
        catching_up += verdict.catching_up
        if live.rebuild is not None:
            live.rebuild.step(50)
        if verdict.catching_up and before is None:
            before = {t.id for t in live.tracks()}
            assert live.rebuilds == 0  # the present picture goes on meanwhile
    # All but what was within the window when it came.
    assert catching_up > 200
    assert live.rebuilds >= 1
    while live.rebuild is not None and live.rebuilds < 5:
        live.receive(ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + 60 * S))  # refused
        live.rebuild.step()
        live.tracks()
    assert live.rebuild is None
    assert raw(live.picture) == scene_raw
    assert {t.id for t in live.tracks()} >= before  # under the ids they had


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(sizes=st.lists(st.sampled_from([0, 1, 30, 1000]), min_size=1, max_size=7))
def test_slices_of_the_rebuild_do_not_matter(scene_and_raw, sizes):
    scene, scene_raw = scene_and_raw
    arrivals = cut_off(scene, newest_first=False)
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0))
    for count, one in enumerate(arrivals):
        live.receive(one)
        size = sizes[count % len(sizes)]
        if live.rebuild is not None and size:
            live.rebuild.step(size)
    over = ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + 60 * S)
    for _ in range(1000):
        live.receive(over)
        if live.rebuild is None:
            break
        live.rebuild.step(500)
    assert live.rebuild is None
    assert raw(live.picture) == scene_raw


def test_the_rebuild_may_be_driven_by_a_thread(scene, scene_raw):
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0))
    stop = threading.Event()

    def work():
        while not stop.is_set():
            rebuild = live.rebuild
            if rebuild is None or rebuild.step(100):
                stop.wait(0.001)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        arrivals = cut_off(scene, newest_first=False)
        for one in arrivals:
            live.receive(one)
        over = ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + 60 * S)
        for _ in range(10_000):
            live.receive(over)
            if live.rebuild is None:
                break
            stop.wait(0.001)
    finally:
        stop.set()
        worker.join()
    assert live.rebuild is None
    assert raw(live.picture) == scene_raw


def test_a_rebuild_that_nobody_drives_is_done_when_it_is_overdue(scene, scene_raw):
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0, catch_up_s=30.0))
    arrivals = cut_off(scene, newest_first=False)
    for one in arrivals:
        live.receive(one)
    for seconds in (10, 61, 62):
        live.receive(ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + seconds * S))
    assert live.rebuild is None
    assert raw(live.picture) == scene_raw


def test_numbers_missing_for_a_moment_are_no_cut(scene):
    """A gap of one arrival; what was in it comes a hundred seconds later, alone."""
    live = LivePicture(RADARS)
    mine = [a for a in scene if not isinstance(a, ClockMark) and a.radar == "KR1"]
    for one in [a for a in scene if since_start(a) < 150.0 and a is not mine[5]]:
        live.receive(one)
    verdict = live.receive(received(mine[5], START_NS + 150 * S))
    assert verdict.cause == Cause.STRAY


def test_what_claims_a_number_of_the_cut_at_a_time_outside_of_it_is_late(scene):
    live = LivePicture(RADARS)
    arrivals = cut_off(scene, newest_first=True)
    for one in arrivals:
        if since_start(one) > BACK_S + 6.0:
            break
        live.receive(one)
    held = [a for a in scene if not isinstance(a, ClockMark) and a.radar == "KR1"]
    held = [a for a in held if CUT_S <= since_start(a) < BACK_S]
    plots = held[10].plots
    early = msgspec.structs.replace(
        held[10],
        received_ns=START_NS + round(BACK_S + 7.0) * S,
        plots=plots._replace(time_ns=plots.time_ns - 100 * S),
    )
    assert live.receive(early).cause == Cause.STRAY
    assert live.rebuild is None
    verdict = live.receive(received(held[10], early.received_ns))
    assert verdict.catching_up
    assert live.receive(received(held[10], early.received_ns)).cause == Cause.DUPLICATE


def test_a_replay_comes_to_the_same_through_a_rebuild(scene, scene_raw):
    records, journal = [], []
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0), on_record=records.append)
    arrivals = cut_off(scene, newest_first=True)
    arrivals.append(ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + 60 * S))
    for count, one in enumerate(arrivals):
        journal.append(live.receive(one))
        if live.rebuild is not None:
            live.rebuild.step(40)
        if count % 9 == 0:
            live.tracks()
    while live.rebuild is not None:
        live.rebuild.step()
        live.tracks()
    shown = live.tracks()
    assert raw(live.picture) == scene_raw
    assert any(isinstance(record, RebuildRecord) for record in records)
    again = LivePicture(RADARS, late=LateSettings(live_s=10.0))
    told = list(records)
    for one, verdict in zip(arrivals, journal, strict=True):
        again.receive(one, verdict)
        while told and told[0].after == again.received:
            again.obey(told.pop(0))
    assert not told
    assert raw(again.picture) == scene_raw
    assert [t.id for t in again.tracks()] == [t.id for t in shown]


def test_what_comes_after_gathering_waits_for_the_next_rebuild(scene, scene_raw):
    """A link so slow that what was cut takes longer than a rebuild gathers."""
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0, catch_up_s=5.0))
    for one in cut_off(scene, newest_first=True):
        live.receive(one)
        if live.rebuild is not None and since_start(one) % 3.0 < 1.0:
            live.rebuild.step()
    clock = START_NS + 800 * S
    while live.rebuild is not None:
        live.receive(ClockMark(time_ns=1, received_ns=clock))
        clock += 10 * S
        if live.rebuild is not None:
            live.rebuild.step()
    assert live.rebuilds > 2
    assert raw(live.picture) == scene_raw


def test_the_cut_is_seen_in_the_arrays():
    """The tests above can fail: without what was cut the picture is another."""
    scene = arrivals_of(30.0, 1, radars=RADARS)
    without = [
        a for a in scene if isinstance(a, ClockMark) or a.radar != "KR1" or since_start(a) < 5
    ]
    assert np.any([raw(timely(scene, RADARS))["x"] != raw(timely(without, RADARS))["x"]])


def test_a_rewind_that_nobody_saw_before_the_swap_is_not_forgotten(scene):
    """Numbers that it changed are still to be followed when the tracks are next asked for."""
    live = LivePicture(RADARS, late=LateSettings(live_s=10.0, checkpoint_share=0.01))
    arrivals = cut_off(scene, newest_first=True)
    late = next(a for a in arrivals if not isinstance(a, ClockMark) and a.radar == "JP1")
    on_time = [a for a in arrivals if a is not late]
    before = [a for a in on_time if since_start(a) < CUT_S - 2.0]
    for one in before:
        live.receive(one)
    live.tracks()
    assert live.receive(received(late, before[-1].received_ns)).outcome == Outcome.ACCEPTED
    for one in on_time[len(before) :]:
        live.receive(one)
        if live.rebuild is not None:
            live.rebuild.step()
    while live.rebuild is not None:
        live.receive(ClockMark(time_ns=1, received_ns=arrivals[-1].received_ns + 60 * S))
        if live.rebuild is not None:
            live.rebuild.step()
    assert live.rebuilds >= 1
    assert live._present.older_than == 1


def test_a_fresh_picture_goes_on_from_a_checkpoint_with_a_clock_mark(scene):
    """Its arrays have no room of their own yet; kernels would write beyond them."""
    picture = timely(scene[:60], RADARS)
    then = picture.checkpoint()
    assert picture.waiting > 0
    other = Picture(RADARS)
    other.restore(then)
    starts = other._context.starts.scratch
    assert len(starts.about) >= len(other._tracks.waiting)
    moment = picture.time_ns + 7 * S
    for one in (picture, other):
        one.advance(moment)
    assert raw(other) == raw(picture)
    assert other.digest() == picture.digest()


def held_up(scene, until_s):
    """Arrivals of the scene as they come if the first radar's of 30 s come in the 5 s after it."""
    held = [
        a
        for a in scene
        if not isinstance(a, ClockMark)
        and a.radar == "KR1"
        and until_s - 30.0 <= since_start(a) < until_s
    ]
    came = {id(a): START_NS + round((until_s + 4.1) * S) + k for k, a in enumerate(held)}
    together = sorted(scene, key=lambda a: came.get(id(a), a.received_ns))
    return [received(a, came.get(id(a), a.received_ns)) for a in together], held


@pytest.mark.parametrize("most", [4, 1000])
def test_what_much_would_be_folded_anew_for_goes_beside_though_it_is_within_the_window(
    scene, scene_raw, most
):
    """Else each few messages of a link that was cut for less than the window are folded anew with
    all that came since, while more of them wait."""
    live = LivePicture(RADARS, late=LateSettings(greatest_rewind=most))
    arrivals, held = held_up(scene, 300.0)
    beside = []
    for one in arrivals:
        verdict = live.receive(one)
        assert verdict.outcome == Outcome.ACCEPTED
        beside += [one] if verdict.catching_up else []
        while live.rebuild is not None and not live.rebuild.step():
            pass
    # From the first on all that was missing, up to the present: it is gathered, not folded anew.
    assert [(a.radar, a.sequence) for a in beside] == [
        (a.radar, a.sequence) for a in (held if most == 4 else [])
    ]
    assert live.rebuilds == (most == 4)
    assert raw(live.picture) == scene_raw


def test_how_much_would_be_folded_anew_is_told_alike_after_a_restart(scene):
    late = LateSettings(greatest_rewind=4)
    arrivals, _ = held_up(scene, 300.0)
    live, verdicts, again = LivePicture(RADARS, late=late), [], []
    for count, one in enumerate(arrivals):
        if count and count % 40 == 0:
            live = LivePicture.from_bytes(live.saved().to_bytes(), RADARS, late=late)
        verdicts.append(live.receive(one))
        while live.rebuild is not None and not live.rebuild.step():
            pass
    live = LivePicture(RADARS, late=late)
    for one in arrivals:
        again.append(live.receive(one))
        while live.rebuild is not None and not live.rebuild.step():
            pass
    assert verdicts == again and any(one.catching_up for one in verdicts)
