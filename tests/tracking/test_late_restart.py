"""A live picture as bytes: read back, it goes on as though it had never stopped."""

import os
import random as python_random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from late_scene import BEGIN_NS, TABLE, S, mixed, received, timely_mixed
from test_late_tracklets import CUT, cut_off

from evaluate.scene import site
from skypact.errors import InputError, SkypactError
from skypact.model import Arrival, ClockMark, ForeignTrack
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import LivePicture, Picture

SCENE = mixed(12.0)
END_NS = BEGIN_NS + 13 * S


@pytest.fixture(scope="module")
def digest():
    return timely_mixed(SCENE).digest()


def shuffled(seed):
    arrivals = [received(one, END_NS) for one in SCENE]
    python_random.Random(seed).shuffle(arrivals)
    return arrivals


def fed(live, arrivals, *, step=0, ask=5):
    """Everything that is told on the way: verdicts, and tracks as shown."""
    told = []
    for one in arrivals:
        told.append(live.receive(one))
        if step and live.rebuild is not None:
            live.rebuild.step(step)
        if live.received % ask == 0:
            told.append([(t.id, t.state.tobytes()) for t in live.tracks()])
    return told


def facts(live):
    return live.counts, live.counts_by_source, live.tracklets_refused, live.received, live.left_out


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), share=st.floats(0.0, 1.0))
def test_going_on_from_bytes_is_as_though_it_had_never_stopped(digest, seed, share):
    arrivals = shuffled(seed)
    at = round(share * len(arrivals))
    live, records = LivePicture(TABLE), []
    fed(live, arrivals[:at])
    data = live.saved().to_bytes()
    again = LivePicture.from_bytes(data, TABLE, on_record=records.append)
    assert facts(again) == facts(live)
    assert again.saved().to_bytes() == data
    before = len(records)
    live._on_record = lambda record: records.insert(before, record)
    assert fed(again, arrivals[at:]) == fed(live, arrivals[at:])
    assert records == records[::-1]  # the one's records in order, the other's before them in turn
    assert facts(again) == facts(live)
    assert again.kept == live.kept
    assert again.picture.digest() == live.picture.digest() == digest


@settings(max_examples=3)
@given(share=st.floats(0.5, 1.0), size=st.sampled_from([0, 9, 100]))
def test_a_rebuild_under_way_goes_on_too(share, size):
    arrivals = cut_off(CATCHING_UP, 6.0, 24.0)
    at = round(share * len(arrivals))
    live = LivePicture(TABLE, late=CUT)
    fed(live, arrivals[:at], step=size)
    again = LivePicture.from_bytes(live.saved().to_bytes(), TABLE, late=CUT)
    assert (again.rebuild is None) == (live.rebuild is None)
    ends = []
    for one in (live, again):
        told = fed(one, arrivals[at:], step=size)
        for seconds in range(60):
            one.receive(ClockMark(time_ns=1, received_ns=END_NS + (40 + seconds) * S))
            if one.rebuild is not None:
                one.rebuild.step(30)
        ends.append((told, one.rebuilds, one.picture.digest()))
    assert ends[0] == ends[1]
    assert ends[0][2] == timely_mixed(CATCHING_UP).digest()


CATCHING_UP = mixed(30.0, 1, mark_every_s=3.0)


def test_another_process_goes_on(tmp_path, digest):
    arrivals = shuffled(4)
    live = LivePicture(TABLE)
    fed(live, arrivals[:40])
    (tmp_path / "saved").write_bytes(live.saved().to_bytes())
    here = Path(__file__).parent
    script = """
import sys
from pathlib import Path
import conftest
from late_scene import TABLE
from test_late_restart import shuffled
from skypact.tracking import LivePicture
live = LivePicture.from_bytes(Path(sys.argv[1]).read_bytes(), TABLE)
for one in shuffled(4)[live.received:]:
    live.receive(one)
print(live.picture.digest())
"""
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "saved")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == digest, done.stderr


def test_a_picture_as_bytes_has_its_partners_and_foreign_tracks():
    whole, first = Picture(TABLE), Picture(TABLE)
    parts = [a for a in SCENE if isinstance(a, Arrival)]
    half = len(parts) // 2
    for picture, some in ((whole, parts), (first, parts[:half])):
        for one in some:
            picture.observe(one.plots, tracklets=one.tracklets)
    (track, *_) = first.tracks()
    for picture in (whole, first):
        assert picture.observe_track(
            ForeignTrack(
                time_ns=track.time_ns,
                source="feed",
                track="7",
                state=track.state,
                covariance=track.covariance,
            )
        ) is None  # fmt: skip
    again = Picture.from_bytes(first.to_bytes(), TABLE)
    assert again.digest() == first.digest()
    assert [t.foreign for t in again.tracks()] == [t.foreign for t in first.tracks()]
    for one in parts[half:]:
        again.observe(one.plots, tracklets=one.tracklets)
    assert again.digest() == whole.digest()
    without = Picture(TABLE)
    for one in parts:
        without.observe(one.plots, tracklets=one.tracklets)
    assert without.digest() != whole.digest()
    first.observe(parts[half].plots, tracklets=parts[-1].tracklets, more_to_come=True)
    with pytest.raises(SkypactError, match="held back"):
        first.to_bytes()


@pytest.fixture(scope="module")
def saved():
    live = LivePicture(TABLE)
    fed(live, SCENE[:20])
    return live.saved().to_bytes()


MOVED = msgspec.structs.replace(TABLE[1], height_m=7.0)


@pytest.mark.parametrize(
    ("words", "radars", "more"),
    [
        ("another entry of radar US US1", (TABLE[0], MOVED), {}),
        ("radar US US1 is in only one", TABLE[:1], {}),
        ("radar KR KR9 is in only one", (*TABLE, site("KR9", 36.0, 127.0)), {}),
        ("in another order", TABLE[::-1], {}),
        ("tracking.gate_chi_squared", TABLE,
         {"tracking": TrackingSettings(gate_chi_squared=25.0)}),
        ("late.window_s = 60.0, not 50.0", TABLE, {"late": LateSettings(window_s=50.0)}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(words, radars, more, saved):
    with pytest.raises(InputError, match="from the journal") as told:
        LivePicture.from_bytes(saved, radars, place="store/7", **more)
    assert words in str(told.value)
    assert told.value.place == "store/7"


def test_other_kernels_are_told(saved, monkeypatch):
    monkeypatch.setattr(
        "skypact.tracking.packed.compiled._cache_folder", lambda: Path("cache/abcdef")
    )
    with pytest.raises(InputError, match="these are abcdef"):
        LivePicture.from_bytes(saved, TABLE)


@settings(max_examples=40)
@given(at=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damaged_bytes_are_told(saved, at, bit, cut):
    place = int(at * len(saved))
    altered = bytearray(saved[:place] if cut else saved)
    if not cut:
        altered[place] ^= 1 << bit
    with pytest.raises(InputError, match=r"damaged|no saved state"):
        LivePicture.from_bytes(bytes(altered), TABLE)


def test_of_another_thing_it_is_refused(saved):
    with pytest.raises(InputError, match="of a live picture, not of a picture"):
        Picture.from_bytes(saved, TABLE)


def test_saved_checkpoints_are_bounded_and_have_no_part_in_the_picture(digest):
    late = LateSettings(saved_checkpoint_mib=0.2)
    arrivals = shuffled(9)
    live = LivePicture(TABLE, late=late)
    fed(live, [received(a, END_NS) for a in SCENE[:60]])
    whole = LivePicture(TABLE)
    fed(whole, [received(a, END_NS) for a in SCENE[:60]])
    data = live.saved().to_bytes()
    assert len(data) < len(whole.saved().to_bytes())
    again = LivePicture.from_bytes(data, TABLE, late=late)
    assert again.kept["checkpoints"] < live.kept["checkpoints"]
    fed(again, arrivals)
    assert again.picture.digest() == digest
