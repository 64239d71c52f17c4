"""Numbers and chains: each message counts once, gaps are named, what does not fit is an alarm."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.model import Heartbeat
from skypact.settings import EntrySettings
from skypact.sharing.chain import (
    Alarm,
    AlarmKind,
    Delivery,
    Gap,
    IncomingChain,
    OutgoingChain,
    Standing,
)

LIVE, DURABLE = Delivery.LIVE, Delivery.DURABLE
SETTINGS = EntrySettings()
NEW, KNOWN = Standing.NEW, Standing.KNOWN


def digest(number, branch=b"a"):
    return (branch + number.to_bytes(8, "big")).ljust(32, b".") if number else b""


def take(chain, number, delivery, epoch=7, branch=b"a", previous=None):
    named = digest(number - 1, branch) if previous is None else previous
    return chain.receive(epoch, number, named, digest(number, branch), delivery)


def fresh(**settings):
    return IncomingChain(EntrySettings(**settings))


def test_outgoing_goes_on_after_a_clean_stop_and_begins_anew_after_another():
    chain = OutgoingChain.begin(None, 1_000 * 10**9, clean=False)
    assert (chain.epoch, chain.sequence, chain.digest) == (1000, 0, b"")
    chain.took(b"x")
    again = OutgoingChain.begin(chain.save(), 2_000 * 10**9, clean=True)
    assert again == chain
    assert OutgoingChain.begin(chain.save(), 2_000 * 10**9, clean=False).epoch == 2000
    # A clock that was put back.
    anew = OutgoingChain.begin(chain.save(), 500 * 10**9, clean=False)
    assert (anew.epoch, anew.sequence) == (1001, 0)
    assert OutgoingChain.begin(None, -5, clean=False).epoch == 1


def test_both_paths_bring_each_message_and_it_counts_once():
    chain = fresh()
    for number in range(1, 50):
        assert take(chain, number, LIVE).standing == NEW
        assert take(chain, number, DURABLE).standing == KNOWN
    assert chain.gaps() == ()
    assert chain.newest == chain.durable == (7, 49)


def test_a_gap_on_the_live_path_is_named_and_closed_by_the_durable_one():
    chain = fresh()
    take(chain, 1, LIVE)
    assert take(chain, 5, LIVE).gaps == (Gap(7, 2, 4, lost=False),)
    assert chain.gaps() == (Gap(7, 2, 4, lost=False),)
    assert take(chain, 3, LIVE) == (NEW, (), ())
    assert [str(gap) for gap in chain.gaps()] == [
        "number 2 of epoch 7 not here yet",
        "number 4 of epoch 7 not here yet",
    ]
    assert [take(chain, n, DURABLE).standing for n in range(1, 6)] == [
        KNOWN,
        NEW,
        KNOWN,
        NEW,
        KNOWN,
    ]
    assert chain.gaps() == ()


def test_a_gap_at_the_end_shows_by_the_heartbeat():
    chain = fresh()
    take(chain, 1, LIVE)
    beat = Heartbeat(beat=3, newest=4, digest=digest(4))
    assert chain.beat(7, beat) == (NEW, (Gap(7, 2, 4, lost=False),), ())
    assert chain.beat(7, beat).standing == Standing.REPEATED
    assert chain.beat(6, beat).standing == Standing.OLD_EPOCH
    take(chain, 4, LIVE, branch=b"b")
    other = Heartbeat(beat=4, newest=4, digest=digest(4))
    assert [alarm.kind for alarm in chain.beat(7, other).alarms] == [AlarmKind.FORKED]


def test_what_the_durable_path_leaves_out_is_lost_and_may_still_come_out_of_order():
    chain = fresh()
    take(chain, 1, DURABLE)
    assert take(chain, 4, DURABLE) == (NEW, (Gap(7, 2, 3, lost=True),), ())
    assert chain.gaps() == (Gap(7, 2, 3, lost=True),)
    # Number 4 named number 3: another one is not it.
    wrong = take(chain, 3, DURABLE, branch=b"b")
    assert (wrong.standing, wrong.alarms[0].kind) == (Standing.OFF_CHAIN, AlarmKind.BROKEN)
    assert take(chain, 3, DURABLE).standing == NEW
    assert take(chain, 3, DURABLE).standing == KNOWN
    assert chain.gaps() == (Gap(7, 2, 2, lost=True),)


def test_a_broken_chain_is_an_alarm_that_names_what_to_take_out_and_heals():
    chain = fresh()
    for number in (1, 2):
        take(chain, number, DURABLE)
    for number in (3, 4, 6):
        assert take(chain, number, LIVE, branch=b"b").standing == NEW
    broken = take(chain, 3, DURABLE, branch=b"b", previous=b"?" * 32)
    assert broken.standing == Standing.OFF_CHAIN
    (alarm,) = broken.alarms
    assert (alarm.kind, alarm.sequence) == (AlarmKind.BROKEN, 3)
    assert alarm.without == ((3, 4), (6, 6))
    assert "3 accepted by the live path" in str(alarm)
    # Once said, it is not said again, and neither path brings anything of that branch.
    assert take(chain, 4, DURABLE, branch=b"b") == (Standing.OFF_CHAIN, (), ())
    assert take(chain, 7, LIVE, branch=b"b").standing == Standing.OFF_CHAIN
    # The true one goes on where the chain stood, and counts.
    assert [take(chain, n, DURABLE) for n in (3, 4)] == [(NEW, (), ())] * 2
    assert take(chain, 5, LIVE).standing == NEW


def test_a_broken_chain_is_no_alarm_again_after_a_restart():
    """The journal has the alarm and what was accepted, though nothing was accepted with the alarm.

    Numbers 1 to 4 came by both paths: of the durable one the journal tells nothing."""
    before = fresh()
    for number in range(1, 5):
        take(before, number, LIVE)
        take(before, number, DURABLE)
    for number in (5, 6):
        take(before, number, LIVE, branch=b"b")
    (alarm,) = take(before, 5, DURABLE, branch=b"b", previous=b"?" * 32).alarms
    back = fresh()
    for number, branch in [*((n, b"a") for n in range(1, 5)), (5, b"b"), (6, b"b")]:
        take(back, number, LIVE, branch=branch)  # as recorded
    back.obey(alarm)
    back.resume()
    for chain in (before, back):
        assert take(chain, 6, DURABLE, branch=b"b") == (Standing.OFF_CHAIN, (), ())
        assert [take(chain, n, DURABLE) for n in (5, 6, 7)] == [(NEW, (), ())] * 3
        assert chain.gaps() == ()


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_what_goes_out_of_what_came_is_the_difference(came, goes):
    chain = fresh()
    for number in sorted(came):
        take(chain, number, LIVE)
    runs = [(n, n) for n in sorted(goes & came)]
    chain.obey(Alarm(AlarmKind.FORKED, 7, 1, tuple(runs), ""))
    newest = max(came, default=0)
    missing = [n for gap in chain.gaps() for n in range(gap.first, gap.last + 1)]
    assert missing == [n for n in range(1, newest + 1) if n not in came - goes]


def test_another_message_under_a_known_number_is_an_alarm():
    chain = fresh()
    take(chain, 1, LIVE)
    assert take(chain, 1, LIVE).standing == Standing.REPEATED
    forked = take(chain, 1, LIVE, branch=b"b")
    assert (forked.standing, forked.alarms[0].kind) == (Standing.FORKED, AlarmKind.FORKED)
    # The durable path's word counts: its message is new, and the live one is to be taken out.
    judged = take(chain, 1, DURABLE, branch=b"b", previous=b"")
    assert judged.standing == NEW
    assert judged.alarms[0].without == ((1, 1),)


def test_a_store_that_went_back_in_time_is_noticed():
    """The originator forgot its last messages and gives their numbers to others, unawares."""
    chain = fresh(kept_digests=6)
    for number in range(1, 11):
        take(chain, number, DURABLE)
    assert take(chain, 8, DURABLE).standing == KNOWN
    back = take(chain, 8, DURABLE, branch=b"b", previous=digest(7))
    assert (back.standing, back.alarms[0].kind) == (Standing.FORKED, AlarmKind.FORKED)
    assert take(chain, 9, LIVE, branch=b"b").standing == Standing.FORKED
    assert take(chain, 10, LIVE).standing == KNOWN
    # So far back that it is not known by its content any more.
    far = take(chain, 4, DURABLE, branch=b"b")
    assert (far.standing, far.alarms[0].kind) == (Standing.REPEATED, AlarmKind.WENT_BACK)


def test_a_new_epoch_ends_the_old_one_when_the_durable_path_is_there():
    chain = fresh()
    for number in (1, 2):
        take(chain, number, DURABLE)
    take(chain, 4, LIVE)
    assert take(chain, 1, LIVE, epoch=8).standing == NEW
    assert take(chain, 5, LIVE).standing == Standing.OLD_EPOCH
    assert take(chain, 3, DURABLE).standing == NEW  # what is left of it still comes
    judged = take(chain, 1, DURABLE, epoch=8)
    assert judged.standing == KNOWN
    assert [(a.kind, a.without) for a in judged.alarms] == [(AlarmKind.UNCONFIRMED, ((4, 4),))]
    back = take(chain, 4, DURABLE)
    assert (back.standing, back.alarms[0].kind) == (Standing.OLD_EPOCH, AlarmKind.WENT_BACK)


def test_numbers_missing_when_an_epoch_ends_are_lost():
    chain = fresh()
    take(chain, 1, DURABLE)
    chain.beat(7, Heartbeat(beat=1, newest=3, digest=digest(3)))
    assert take(chain, 1, DURABLE, epoch=9).gaps == (Gap(7, 2, 3, lost=True),)


def test_memory_is_bounded():
    chain = fresh(greatest_gaps=10, greatest_unconfirmed=20, kept_digests=30)
    standings = [take(chain, 2 * k, LIVE).standing for k in range(1, 1000)]
    assert standings.count(NEW) == 10
    assert set(standings[10:]) == {Standing.TOO_MANY_GAPS}
    # Numbers beside what came open no gap, and the durable path brings everything.
    assert take(chain, 3, LIVE).standing == NEW
    assert [take(chain, n, DURABLE).standing for n in (1, 2)] == [NEW, KNOWN]
    for number in range(100, 10_000):
        take(chain, number, DURABLE)
    for epoch in range(100, 200):
        take(chain, 1, LIVE, epoch=epoch)
    assert len(chain.save()) < 5000


@given(st.integers(0, 2**32), st.floats(0, 0.9), st.integers(1, 60))
def test_whatever_the_live_path_does_each_counts_once_and_nothing_is_missing(seed, lossy, count):
    """Live: lossy, out of order, doubled. Durable: whole, in order, at any time. The twin: sets.

    The chain is saved and restored at random, which must change nothing.
    """
    rng = random.Random(seed)
    live = [
        n for n in range(1, count + 1) for _ in range(rng.choice((1, 1, 2))) if rng.random() > lossy
    ]
    for at in range(len(live) - 1):
        if rng.random() < 0.3:
            live[at], live[at + 1] = live[at + 1], live[at]
    durable = list(range(1, count + 1))
    chain, twin, counted = fresh(), fresh(), []
    came: set[int] = set()
    while live or durable:
        from_live = bool(live) and (not durable or rng.random() < 0.5)
        number = (live if from_live else durable).pop(0)
        judged = take(chain, number, LIVE if from_live else DURABLE)
        assert judged == take(twin, number, LIVE if from_live else DURABLE)
        assert judged.alarms == ()
        if judged.standing == NEW:
            counted.append(number)
        came.add(number)
        missing = {n for gap in chain.gaps() for n in range(gap.first, gap.last + 1)}
        assert missing == set(range(1, max(came) + 1)) - came
        if rng.random() < 0.1:
            chain = IncomingChain(SETTINGS, chain.save())
            assert chain.save() == twin.save()
    assert sorted(counted) == list(range(1, count + 1))


@pytest.mark.parametrize("delivery", [LIVE, DURABLE])
def test_a_number_out_of_all_bounds_is_a_gap_and_no_more(delivery):
    chain = fresh()
    judged = take(chain, 2**62, delivery)
    assert judged.gaps == (Gap(7, 1, 2**62 - 1, lost=delivery == DURABLE),)


def test_what_the_durable_path_had_confirmed_before_a_restart_is_no_alarm():
    """A journal has what was accepted, not what the durable path said of it afterwards."""
    before, back = fresh(), fresh()
    for number in range(1, 7):
        take(before, number, LIVE)
        take(back, number, LIVE)  # as recorded
        if number < 5:
            take(before, number, DURABLE)
    back.resume()
    for chain in (before, back):
        assert [take(chain, n, DURABLE).standing for n in (5, 6)] == [KNOWN, KNOWN]
        assert take(chain, 1, DURABLE, epoch=9) == (NEW, (), ())
    lonely = fresh()
    take(lonely, 1, LIVE)
    lonely.resume()
    assert take(lonely, 1, DURABLE, epoch=9) == (NEW, (), ())
    take(lonely, 2, LIVE, epoch=9)
    (alarm,) = take(lonely, 1, DURABLE, epoch=10).alarms  # after that as ever
    assert alarm.kind == AlarmKind.UNCONFIRMED and alarm.without == ((2, 2),)
