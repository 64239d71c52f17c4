"""Some arrivals taken out of a live picture: as though they had never come."""

from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import BEGIN_NS, TABLE, S, mixed, received, timely_mixed
from msgspec import structs
from test_leave_out import driven

from skypact.model import Arrival, ClockMark, Outcome
from skypact.settings import LateSettings
from skypact.tracking import LivePicture
from skypact.tracking.judge import content_of

SCENE = mixed(8.0)
END_NS = BEGIN_NS + 9 * S
NATIONS = sorted({a.nation for a in SCENE if isinstance(a, Arrival)})


def of(nation):
    return [a for a in SCENE if isinstance(a, Arrival) and a.nation == nation]


@settings(max_examples=6)
@given(
    order=st.randoms(use_true_random=False),
    nation=st.sampled_from(NATIONS),
    share=st.floats(0.05, 1.0),
    at=st.floats(0.0, 1.0),
    size=st.sampled_from([1, 20, 1000]),
)
def test_taken_out_at_any_moment_it_is_as_though_they_had_never_come(
    order, nation, share, at, size
):
    theirs = of(nation)
    gone = order.sample(theirs, max(1, round(share * len(theirs))))
    contents = {content_of(one) for one in gone}
    rest = [one for one in SCENE if content_of(one) not in contents]
    live = LivePicture(TABLE)
    before = [*gone, *rest]
    order.shuffle(before)
    for number, one in enumerate(before):
        assert live.receive(received(one, END_NS)).outcome == Outcome.ACCEPTED
        if number == round(at * (len(before) - 1)):
            seen = contents & {content_of(each) for each in before[: number + 1]}
            assert live.take_out(nation, seen).exact
        if live.rebuild is not None:
            live.rebuild.step(size)
    live.take_out(nation, contents)
    driven(live)
    assert live.picture.digest() == timely_mixed(rest).digest()
    # What should have come under those numbers finds them free, and nothing else does.
    for one in gone:
        assert live.receive(received(one, END_NS)).outcome == Outcome.ACCEPTED
    assert live.receive(received(rest[-1], END_NS)).outcome != Outcome.ACCEPTED
    assert live.picture.digest() == timely_mixed(SCENE).digest()


def test_what_took_their_place_long_after_is_not_late():
    """The durable path was cut while the live one brought a branch: its own comes 100 s later."""
    live = LivePicture(TABLE, late=LateSettings(window_s=5.0))
    theirs = of("JP")
    for one in SCENE:
        live.receive(received(one, END_NS))
    live.take_out("JP", {content_of(one) for one in theirs})
    for one in theirs:
        late = structs.replace(one, received_ns=END_NS + 100 * S)
        verdict = live.receive(late)
        assert (verdict.outcome, verdict.catching_up) == (Outcome.ACCEPTED, True), verdict
    for after in (200, 300):
        while not live.rebuild.step():
            pass
        live.receive(ClockMark(time_ns=END_NS + after * S, received_ns=END_NS + after * S))
    driven(live)
    assert live.kept["tracklets"] == sum(len(one.tracklets) for one in theirs)


def test_a_copy_goes_its_own_way_and_is_what_it_would_have_been_alone():
    half = len(SCENE) // 2
    live = LivePicture(TABLE)
    for one in SCENE[:half]:
        live.receive(one)
    other = live.copy()
    for one in SCENE[half:]:
        live.receive(one)
    assert other.picture.digest() == timely_mixed(SCENE[:half]).digest()
    for one in SCENE[half:]:
        other.receive(one)
    assert other.picture.digest() == live.picture.digest() == timely_mixed(SCENE).digest()
    assert [track.id for track in other.tracks()] == [track.id for track in live.tracks()]
