"""Tracks read again and again are those of a picture that is read for the first time."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import BEGIN_NS, RADARS, TABLE, S, arrivals_of, mixed, received

from skypact.model import ClockMark
from skypact.tracking import LivePicture, Picture

SCENE = mixed(9.0)
END_NS = BEGIN_NS + 10 * S


def bits(value):
    """All of a track, to the last bit; NaN is equal to itself."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, msgspec.Struct):
        return tuple(bits(part) for part in msgspec.structs.astuple(value))
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    return repr(value)


def first_read(picture):
    """The same picture's tracks where nothing was read before."""
    return Picture.from_bytes(picture.to_bytes(), picture.radars).tracks()


@settings(max_examples=4, deadline=None)
@given(order=st.randoms(use_true_random=False), ask=st.sampled_from([1, 4, 9]))
def test_whatever_changes_between_reads_they_are_the_whole_truth(order, ask):
    """Late ones rewind, partners' radars come later and lengthen the states, a nation leaves."""
    arrivals = [received(one, END_NS) for one in SCENE]
    order.shuffle(arrivals)
    live = LivePicture(TABLE)
    for count, one in enumerate(arrivals):
        live.receive(one)
        if count == 2 * len(arrivals) // 3:
            live.leave_out("JP")
        if count % ask == 0:
            assert bits(live.picture.tracks()) == bits(first_read(live.picture))
    assert len(live.picture.tracks()) >= 2


def test_a_row_that_did_not_change_is_not_made_again():
    """Of two objects one radar sees but one at a time, in scans of their own."""
    picture = Picture(RADARS)
    before, same, other = (), 0, 0
    for one in arrivals_of(14.0, clutter=0.0):
        if isinstance(one, ClockMark):
            continue
        picture.observe(one.plots)
        tracks = picture.tracks()
        assert bits(tracks) == bits(first_read(picture))
        for track in tracks:
            was = next((one for one in before if one.id == track.id), None)
            if was is not None:
                assert (was is track) == (bits(was) == bits(track))
                same, other = same + (was is track), other + (was is not track)
        before = tracks
    assert same > 5 and other > 5
