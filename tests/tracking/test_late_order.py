"""Accepted plots in the order of the fold, against a slow twin; sources and their numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.scene import site
from skypact.model import PartnerRadar, Plots, Tracklet
from skypact.tracking.kept import (
    PLOTS,
    TRACKLETS,
    KeptObservations,
    plot_rows,
    tracklet_rows,
)
from skypact.tracking.sources import Epoch, Source, watermark_ns

SPANS = [4, 7]
CELL = 5
# The second comes before the first by its nation.
RADARS = (site("X", 36.0, 127.0), site("B", 36.0, 127.0))
NAMES = [(radar.nation, radar.id) for radar in RADARS]
PARTNERS = [
    PartnerRadar(nation=nation, label="L", bias_sigma=(), correlation_time_s=0.0)
    for nation in ("X", "B")
]
BATCH_SPAN = 9


def empty():
    return KeptObservations(RADARS, SPANS, CELL, list(PARTNERS), BATCH_SPAN)


def part(radar, scan, times, sequence, epoch=1, value=0.0):
    n = len(times)
    column = np.full(n, value) + np.arange(n) * 0.0
    plots = Plots(
        np.array(times, np.int64), np.full(n, radar, np.int32), column, column, column, column,
        column, np.full(n, scan, np.int64),
    )  # fmt: skip
    return plot_rows(plots, epoch, sequence, sequence.to_bytes(16, "big"))


def batch_part(radar, batch, times, sequence, epoch=1, value=0.0):
    """The same of tracklets."""
    none = np.zeros(0)
    members = [
        Tracklet(
            time_ns=t, nation=PARTNERS[radar].nation, radar="L", batch=batch,
            state=np.full(6, value), information=np.eye(6), vector=np.zeros(6),
            cross_information=np.zeros((6, 0)), bias_information=np.zeros((0, 0)),
            bias_vector=none, bias_sigma=none, correlation_time_s=0.0, first_ns=1, last_ns=99,
            plots=2, rank=6,
        )
        for t in times
    ]  # fmt: skip
    rows = [(place, radar, one) for place, one in enumerate(members)]
    (whole,) = tracklet_rows(rows, epoch, sequence, sequence.to_bytes(16, "big"))
    return whole


MAKERS = [(PLOTS, part), (TRACKLETS, batch_part)]
parts = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 1),
        st.lists(st.integers(0, 60), min_size=1, max_size=4),
        st.integers(1, 2),
        st.sampled_from([0.0, 1.0]),
    ),
    max_size=14,
)


def kept(those):
    store = empty()
    for rows in those:
        store.add(rows)
    return store


def value_of(row):
    return float(row["range_m"] if "range_m" in row.dtype.names else row["state"][0])


def listed(store, kind=PLOTS):
    """Scans in the order of the fold: key, and time, sequence, row and value of each plot."""
    out = []
    for number in store.cells_from(-(10**9)):
        rows, scans = store.cell(number).rows(kind), store.scans(number, kind)
        for k, key in enumerate(scans.keys):
            own = rows[scans.starts[k] : scans.starts[k + 1]]
            assert key[0] // CELL == number
            out.append((key, [plot_of(row) for row in own]))
    return out


def plot_of(row):
    return (*(float(row[name]) for name in ("time_ns", "sequence", "row")), value_of(row))


def twin(those, kind=PLOTS):
    """The same by the sentence: a number's plots in order of time, a scan as far as its span."""
    groups = {}
    for rows in those:
        for row in rows:
            name = int(row["radar"]), int(row["epoch"]), int(row["scan"])
            groups.setdefault(name, []).append(plot_of(row))
    scans = []
    for (radar, epoch, scan), plots in groups.items():
        once, first = {}, None
        for plot in sorted(plots):
            once.setdefault((plot[0], plot[3]), plot)
        for plot in sorted(once.values()):
            span = BATCH_SPAN if kind else SPANS[radar]
            if first is None or plot[0] > first + span:
                first = plot[0]
                name = (PARTNERS[radar].nation, "L") if kind else NAMES[radar]
                scans.append(((int(first), 1, *name, kind, scan, epoch), []))
            scans[-1][1].append(plot)
    return sorted(scans)


@pytest.mark.parametrize(("kind", "make"), MAKERS)
@given(drawn=parts, order=st.randoms(use_true_random=False))
def test_scans_are_the_same_in_whatever_order_their_parts_came(kind, make, drawn, order):
    those = [
        make(radar, scan, times, number + 1, epoch, value)
        for number, (radar, scan, times, epoch, value) in enumerate(drawn)
    ]
    wanted = twin(those, kind)
    assert listed(kept(those), kind) == wanted
    order.shuffle(those)
    store = kept(those)
    assert listed(store, kind) == wanted
    assert store.count[kind] == sum(len(plots) for _, plots in wanted)


@given(parts)
def test_the_first_change_is_told_and_a_fork_goes_its_own_way(drawn):
    store = empty()
    for number, (radar, scan, times, epoch, value) in enumerate(drawn):
        before, fork = listed(store), store.fork()
        changed = store.add(part(radar, scan, times, number + 1, epoch, value))
        after = listed(store)
        differ = [item[0] for item in before if item not in after]
        differ += [item[0] for item in after if item not in before]
        assert changed == min(differ, default=None)
        assert listed(fork) == before


def test_marks_and_what_is_forgotten():
    store = kept([part(0, 1, [3, 4], 1), part(0, 2, [12], 2), part(1, 9, [23], 3)])
    assert store.add_mark(12) == (12, 0)
    assert store.add_mark(12) is None
    assert store.add_mark(11) == (11, 0)
    assert store.cell(2).marks == (11, 12)
    assert store.has_mark(11)
    assert not store.has_mark(13)
    store.forget_before(10)
    assert store.count == [2, 0]
    assert list(store.cells_from(0)) == [2, 4]


def test_order_of_radars_goes_by_nation_and_id():
    store = kept([part(0, 1, [3], 1), part(1, 1, [3], 2)])
    assert [key[2:4] for key, _ in listed(store)] == [("B", "B"), ("X", "X")]


def come(epoch, sequence, t, clock=None):
    epoch.note(sequence, (t, t), clock or t, 10, 3)


def test_which_numbers_are_missing_and_whether_the_source_was_cut_off():
    epoch = Epoch(1, None)
    come(epoch, 4, 100)  # the first that is heard of it: nothing is known of what was before
    assert [(g.first, g.last, g.cut) for g in epoch.gaps] == [(1, 3, False)]
    come(epoch, 6, 105)
    come(epoch, 20, 200)
    assert [(g.first, g.last, g.after_ns, g.before_ns, g.cut) for g in epoch.gaps[1:]] == [
        (5, 5, 100, 105, False),
        (7, 19, 105, 200, True),
    ]
    assert [epoch.has_come(n) for n in (3, 4, 5, 6, 7, 20, 21)] == [
        False, True, False, True, False, True, False,
    ]  # fmt: skip
    come(epoch, 10, 150)
    assert [(g.first, g.last, g.after_ns, g.before_ns, g.cut) for g in epoch.gaps] == [
        (5, 5, 100, 105, False),  # at most three are remembered
        (7, 9, 105, 150, True),
        (11, 19, 150, 200, True),
    ]
    gap = epoch.gap_of(21, 215, 10)
    assert (gap.first, gap.last, gap.cut) == (21, 21, True)
    assert not epoch.gap_of(21, 205, 10).cut


def test_two_epochs_of_a_source_are_remembered():
    source = Source()
    assert source.newest_ns is None
    for number in (5, 7):
        come(source.begun(number), 1, 100 * number)
    assert source.newest_ns == 700
    assert source.ended_ns(5) == 700
    assert source.ended_ns(7) is None
    assert source.begun(9).newest_ns == 700
    assert source.is_too_old(5)
    assert not source.is_too_old(7)


def test_watermark():
    assert watermark_ns([], 1000, 100, 5) == 900
    assert watermark_ns([None, 990, 950], 1000, 100, 5) == 950
    assert watermark_ns([990, 10, 1500], 1000, 100, 5) == 990  # lagging, or ahead of the clock
