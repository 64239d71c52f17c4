"""Release pictures that are shared: bit for bit what each would be folded by itself."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.node_load import load
from skypact.model import Arrival, Level, Openness, Use
from skypact.serving.release_pictures import ReleasePictures, Who
from skypact.serving.releases import Releases
from skypact.settings import Settings, SharingSettings
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import Picture

SEEN = load(900, 1.2, 10)
"""30 objects, ten looks a second of each of three radars, in scans of ten plots."""
WHO = tuple(Who(partner, Level.TRACKLETS, (Use.PICTURE,)) for partner in ("KOR", "USA", "PHL"))


def scans():
    plots = SEEN.plots._replace(time_ns=SEEN.plots.time_ns + 1_700_000_000_000_000_000)
    for begin, end in zip(SEEN.starts[:-1], SEEN.starts[1:], strict=True):
        yield plots._make(column[begin:end] for column in plots)


def maker(partner):
    return TrackletMaker(
        SEEN.radars,
        partner=partner,
        secret=b"s",
        openness=Openness.FULL,
        settings=SharingSettings(),
    )


def bits(tracklets):
    return [
        msgspec.msgpack.encode(msgspec.structs.astuple(one), enc_hook=bytes) for one in tracklets
    ]


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_shared_folds_give_each_partner_what_its_own_would(data):
    """Which radars a partner is given changes now and then, as by a rule's time or a new policy."""
    radars = len(SEEN.radars)
    subsets = st.frozensets(st.integers(0, radars - 1))
    changes = data.draw(
        st.lists(st.tuples(st.integers(0, 90), st.sampled_from(WHO), subsets), max_size=6)
    )
    given_now = dict.fromkeys(WHO, frozenset(range(radars)))
    shared = ReleasePictures(SEEN.radars, Settings())
    alone = {who: Picture(SEEN.radars) for who in WHO}
    makers = {who: (maker(who.partner), maker(who.partner)) for who in WHO}
    for who in WHO:
        shared.join(who)
    folds = 0
    for number, plots in enumerate(scans()):
        for at, who, subset in changes:
            if at == number:
                given_now[who] = subset
        rows = {
            who: np.flatnonzero(np.isin(plots.radar, list(subset)))
            for who, subset in given_now.items()
        }
        shared.fold(plots, rows, {who: makers[who][0].take for who in WHO})
        for who in WHO:
            if len(rows[who]):
                folds += 1
                alone[who].observe(plots.at(rows[who]), on_followed=makers[who][1].take)
    for who in WHO:
        assert shared.of(who).digest() == alone[who].digest()
        one, other = (bits(of.ready(no_more=True)) for of in makers[who])
        assert one == other
    assert shared.folds <= folds
    if not changes:
        assert 3 * shared.folds == folds and len(shared.pictures) == 1


def test_what_one_partner_alone_was_given_never_reaches_the_other():
    """With one row of difference pictures part for ever, though all that follows is alike."""
    kor, usa = WHO[:2]
    shared = ReleasePictures(SEEN.radars, Settings())
    shared.join(kor)
    shared.join(usa)
    all_scans = list(scans())
    every = [np.arange(len(plots.time_ns)) for plots in all_scans]
    shared.fold(all_scans[0], {kor: every[0], usa: every[0]}, {})
    assert shared.of(kor) is shared.of(usa)
    shared.fold(all_scans[1], {kor: every[1], usa: every[1][:-1]}, {})
    for plots, rows in zip(all_scans[2:], every[2:], strict=True):
        shared.fold(plots, {kor: rows, usa: rows}, {})
    twin = Picture(SEEN.radars)
    for number, (plots, rows) in enumerate(zip(all_scans, every, strict=True)):
        twin.observe(plots.at(rows[:-1] if number == 1 else rows))
    assert shared.of(kor) is not shared.of(usa)
    assert shared.of(usa).digest() == twin.digest() != shared.of(kor).digest()
    shared.leave("KOR")
    assert len(shared.pictures) == 1


def test_a_partner_that_comes_later_gets_nothing_of_before():
    shared = ReleasePictures(SEEN.radars, Settings())
    shared.join(WHO[0])
    first, second, *_ = scans()
    shared.fold(first, {WHO[0]: np.arange(len(first.time_ns))}, {})
    shared.join(WHO[1])
    shared.fold(second, dict.fromkeys(WHO[:2], np.arange(len(second.time_ns))), {})
    twin = Picture(SEEN.radars)
    twin.observe(second)
    assert shared.of(WHO[1]).digest() == twin.digest()


def test_plots_far_behind_are_counted_and_not_folded():
    shared = ReleasePictures(SEEN.radars, Settings())
    shared.join(WHO[0])
    *_, last = all_scans = list(scans())
    rows = {WHO[0]: np.arange(len(last.time_ns))}
    shared.fold(last, rows, {})
    before = shared.of(WHO[0]).digest()
    shared.fold(all_scans[0], {WHO[0]: np.arange(len(all_scans[0].time_ns))}, {})
    assert shared.of(WHO[0]).digest() == before
    assert shared.behind == {WHO[0]: len(all_scans[0].time_ns)}


class Assessing:
    """A way to a partner to whom nothing goes but assessments, of some radars."""

    follows, observed = False, ()

    def __init__(self, who, radars):
        self.assessed, self._radars = (who,), radars

    def rows(self, plots):
        rows = np.flatnonzero(np.isin(plots.radar, list(self._radars)))
        return {who: rows for who in self.assessed if len(rows)}


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_scans_that_waited_are_folded_as_one_by_one(data):
    """Whenever that is, in whatever order they came, and where partners part meanwhile."""
    radars = len(SEEN.radars)
    order = list(range(len(SEEN.starts) - 1))
    for at in data.draw(st.lists(st.integers(0, len(order) - 2), max_size=4)):
        order[at], order[at + 1] = order[at + 1], order[at]
    subset = data.draw(st.frozensets(st.integers(0, radars - 1), min_size=1))
    catches_up = data.draw(st.frozensets(st.integers(0, len(order) - 1), max_size=5))
    waiting, one_by_one = (ReleasePictures(SEEN.radars, Settings()) for _ in range(2))
    ways = {
        who.partner: Assessing(who, given)
        for who, given in zip(WHO[:2], (range(radars), subset), strict=True)
    }
    for who in WHO[:2]:
        waiting.join(who)
        one_by_one.join(who)
    releases, all_scans = Releases(waiting, ways), list(scans())
    for number, at in enumerate(order):
        plots = all_scans[at]
        of = {"nation": "JPN", "radar": "", "epoch": 1, "sequence": at + 1, "received_ns": 1}
        assert not list(releases.take(Arrival(**of, plots=plots)))
        rows = [way.rows(plots) for way in ways.values()]
        one_by_one.fold(plots, rows[0] | rows[1], {})
        if number in catches_up:
            releases.catch_up()
    releases.catch_up()
    for who in WHO[:2]:
        assert waiting.of(who).digest() == one_by_one.of(who).digest()
    assert waiting.folds < one_by_one.folds
