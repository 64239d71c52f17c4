"""Late by milliseconds, again and again: the same picture, and little of it folded anew."""

import pytest

from bench.node_load import load
from skypact.model import Arrival, ClockMark
from skypact.settings import LateSettings
from skypact.tracking import LivePicture, Picture

S = 1_000_000_000
BEGIN_NS = 1_700_000_000 * S
SEEN = load(1500, 1.2, 10)
"""50 objects that three radars see ten times a second, in scans of ten plots: 150 a second."""


def arrivals(late_ms):
    """Each nation's scans in order, its all as late: by nation."""
    sequence = dict.fromkeys((radar.id for radar in SEEN.radars), 0)
    out = []
    for begin, end in zip(SEEN.starts[:-1], SEEN.starts[1:], strict=True):
        plots = SEEN.plots._make(column[begin:end] for column in SEEN.plots)
        radar = SEEN.radars[int(plots.radar[0])]
        sequence[radar.id] += 1
        at_ns = BEGIN_NS + int(plots.time_ns[0])
        came_ns = at_ns + round(1e6 * late_ms[radar.nation])
        out.append(
            Arrival(
                nation=radar.nation,
                radar=radar.id,
                epoch=1,
                sequence=sequence[radar.id],
                received_ns=came_ns,
                plots=plots._replace(time_ns=plots.time_ns + BEGIN_NS),
            )
        )
    return sorted(out, key=lambda one: one.received_ns)


def folded(monkeypatch, near, late_ms):
    """Digest and ids of the picture, asked for after each arrival, and plots that were folded."""
    plots = 0
    observe = Picture.observe_checked

    def counted(self, scans, batches):
        nonlocal plots
        plots += len(scans.time_ns)
        return observe(self, scans, batches)

    monkeypatch.setattr(Picture, "observe_checked", counted)
    live = LivePicture(SEEN.radars, late=LateSettings(near_checkpoints=near))
    for number, arrival in enumerate(arrivals(late_ms)):
        live.receive(arrival)
        if number % 50 == 0:
            live.receive(ClockMark(time_ns=arrival.received_ns, received_ns=arrival.received_ns))
            live.give_ids()
        _ = live.picture
    return live.picture.digest(), [track.id for track in live.tracks()], plots


@pytest.mark.parametrize(
    "late_ms", [{"JPN": 0, "KOR": 8, "USA": 21}, {"JPN": 90, "KOR": 0, "USA": 60}]
)
def test_the_same_bits_and_much_less_to_fold(monkeypatch, late_ms):
    digest, ids, every = folded(monkeypatch, 0, late_ms)
    near_digest, near_ids, few = folded(monkeypatch, 12, late_ms)
    assert (near_digest, near_ids) == (digest, ids)
    # Without them half a cell of 0.5 s is folded again for each: 375 plots and more.
    assert few < every / 2


def test_the_same_as_in_order(monkeypatch):
    in_order = Picture(SEEN.radars)
    in_order.observe(SEEN.plots._replace(time_ns=SEEN.plots.time_ns + BEGIN_NS))
    live = LivePicture(SEEN.radars)
    for arrival in arrivals({"JPN": 0, "KOR": 8, "USA": 21}):
        live.receive(arrival)
        _ = live.picture
    assert live.picture.digest() == in_order.digest()


def test_they_take_no_more_memory_than_they_may():
    live = LivePicture(SEEN.radars, late=LateSettings(near_checkpoint_mib=1.0))
    for arrival in arrivals({"JPN": 0, "KOR": 8, "USA": 21}):
        live.receive(arrival)
        _ = live.picture
    near = live._present._near
    assert near._kept
    assert sum(saved.size_bytes for _, saved in near._kept) <= 2**20
