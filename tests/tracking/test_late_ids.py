"""Ids that people see: kept through rewinds, linked where tracks turn out to be one or two."""

from functools import partial

import msgspec
import numpy as np

from skypact.model import IdRecord, Track, TrackStatus
from skypact.tracking.visible_ids import VisibleIds

S = 1_000_000_000


def track(number, plots=(), at=0.0, **more):
    """A track with first plots of these numbers, `at` m from a common place; 10 m and 1 m/s."""
    first = np.array([[n, 0.0, 1e5 + n, 0.1, 0.2, np.nan] for n in plots]).reshape(-1, 6)
    return Track(
        id=number,
        status=TrackStatus.CONFIRMED,
        time_ns=1000 * S,
        state=np.array([6.6e6 + at, 0.0, 0.0, 100.0, 2000.0, 0.0]),
        covariance=np.diag([100.0] * 3 + [1.0] * 3),
        phases=(),
        first_plot_ns=900 * S,
        last_plot_ns=1000 * S,
        plots=len(plots),
        plots_by_radar={},
        first_plots=first,
        manoeuvre_log_odds=0.0,
        highest_m=0.0,
        highest_ns=0,
        highest_sigma_m=0.0,
        most_energy_j_kg=0.0,
        **more,
    )


class Shown:
    """Ids as shown one time after the other, with the links of the last."""

    def __init__(self):
        self.ids, self.records = VisibleIds(), []

    def __call__(self, tracks, older_than=None):
        make = partial(IdRecord, after=0)
        named, made = self.ids.name(tracks, older_than, make)
        self.links = made.links if made else ()
        self.records.append((tracks, made))
        by_number = dict(zip([t.id for t in tracks], [None] * len(tracks), strict=True))
        for one in named:
            number = next(t.id for t in tracks if t.state is one.state)
            by_number[number] = one.id
        return by_number


def test_ids_are_given_in_order_and_kept():
    shown = Shown()
    assert shown([track(3, [1, 2]), track(8, [5], 9e5)]) == {3: 1, 8: 2}
    assert shown([track(3, [1, 2]), track(8, [5], 9e5), track(11, [7], 5e5)]) == {3: 1, 8: 2, 11: 3}
    # The oldest is forgotten by the picture; nothing else changes.
    assert shown([track(8, [5], 9e5), track(11, [7], 5e5)]) == {8: 2, 11: 3}
    assert shown.links == ()


def test_a_rewind_renumbers_nothing():
    shown = Shown()
    shown([track(3, [1, 2]), track(8, [5, 6], 9e5), track(9, [8, 9], -9e5)])
    # Numbers from 5 on are anew: what was 8 and 9 is 10 and 8 now.
    again = shown([track(3, [1, 2]), track(8, [8, 9], -9e5), track(10, [4, 5, 6], 9e5)], 5)
    assert again == {3: 1, 10: 2, 8: 3}
    assert shown.links == ()


def test_plots_in_common_go_before_place_and_place_before_nothing():
    shown = Shown()
    shown([track(1, [1, 2, 3], 0.0), track(2, [7, 8, 9], 50.0)])
    # They have changed places, but kept their plots.
    assert shown([track(5, [1, 2, 3], 50.0), track(6, [7, 8, 9], 0.0)], 1) == {5: 1, 6: 2}
    # No plots in common, since other ones were kept: who is where it was.
    assert shown([track(7, [20], 1.0), track(8, [21], 49.0)], 1) == {7: 2, 8: 1}


def test_place_counts_at_a_common_time_only():
    shown = Shown()
    shown([track(1, [1])])
    # Two seconds later, and where it has to be by then.
    later = track(4, [9])
    state = later.state + np.array([200.0 - 2 * 9.15, 4000.0, 0.0, -18.3, 0.0, 0.0])
    later = msgspec.structs.replace(later, time_ns=1002 * S, state=state)
    assert shown([later], 1) == {4: 1}
    much_later = msgspec.structs.replace(track(6, [17]), time_ns=1100 * S)
    assert shown([much_later], 1) == {6: 2}
    assert [(link.id, link.how) for link in shown.links] == [(1, "withdrawn")]


def test_one_that_turns_out_to_be_two_and_two_that_are_one():
    shown = Shown()
    shown([track(1, [1, 2, 3, 4, 5])])
    split = shown([track(1, [1, 2, 3]), track(2, [4, 5], 20.0)], 1)
    assert split == {1: 1, 2: 2}
    assert [(link.id, link.how, link.other) for link in shown.links] == [(2, "split", 1)]
    merged = shown([track(1, [1, 2, 3, 4, 5])], 1)
    assert merged == {1: 1}
    assert [(link.id, link.how, link.other) for link in shown.links] == [(2, "merged", 1)]
    # An id that is gone is never given again.
    assert shown([track(1, [1, 2, 3, 4, 5]), track(2, [9], 9e5)], 2) == {1: 1, 2: 3}


def test_what_it_parted_from_is_named_by_its_id_too():
    shown = Shown()
    shown([track(4, [1])])
    named, _ = shown.ids.name(
        [track(4, [1]), track(9, [2], 9e5, parted_from=4)],
        None,
        partial(IdRecord, after=0),
    )
    assert [(t.id, t.parted_from) for t in named] == [(1, None), (2, 1)]


def test_records_read_back_give_the_same_ids():
    shown = Shown()
    shown([track(1, [1, 2]), track(2, [5, 6], 9e5)])
    shown([track(1, [5, 6], 9e5), track(2, [1, 2])], 1)
    shown([track(1, [5, 6], 9e5)], 2)
    read = VisibleIds()
    for tracks, made in shown.records:
        record = msgspec.json.decode(msgspec.json.encode(made), type=IdRecord)
        named = read.obey(tracks, record)
    assert [t.id for t in named] == [2]
    assert read._id == shown.ids._id
    assert read._next == shown.ids._next == 3
