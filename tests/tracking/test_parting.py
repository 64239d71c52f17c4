"""Which of two that part carries the flight."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from evaluate.separation import NAMED
from skypact.model import TrackStatus
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import fly
from skypact.tracking import Picture, tables
from skypact.tracking.parting import exchange_past, let_burning_carry

NS = 1_000_000_000


def test_what_burns_on_carries_the_flight() -> None:
    """2023-04-13: the first stage drops at T+148 s; fifty seconds on they are 34 km apart.

    With this seed the track goes on with the stage at first, 2 km away at T+160 s.
    """
    scenario = load_scenario(NAMED)
    payload, stage = fly(scenario)[:2]
    now_ns = int(payload.time_ns[0]) + 198 * NS
    assert payload.state_at([now_ns])[0, 0] != stage.state_at([now_ns])[0, 0]
    picture = Picture(scenario.radars)
    picture.observe(observe((payload, stage), scenario.radars, seed=20261121, stop_ns=now_ns).plots)
    tracks = [t for t in picture.advanced(now_ns).tracks() if t.status is TrackStatus.CONFIRMED]
    first = next(t for t in tracks if t.parted_from is None)
    dropped = next(t for t in tracks if t.parted_from == first.id)
    for track, path in ((first, payload), (dropped, stage)):
        # Of radars that know ranges to tens of metres, a kilometre is the other object.
        assert np.linalg.norm(track.state[:3] - path.state_at([now_ns])[0, :3]) < 1e3
    assert first.first_plot_ns < int(stage.time_ns[0]) < dropped.first_plot_ns


def test_exchanging_twice_changes_nothing_but_that_no_fit_is_made() -> None:
    random = np.random.default_rng(3)
    tracks = tables.new_tracks(2, 9, 3, 8, 4, (1, 2))
    tracks.number[:] = random.integers(1, 1000, tracks.number.shape)
    tracks.number[:, tables.FITTED] = tables.NEVER_AGAIN
    for column in (tracks.first, tracks.value):
        column[:] = random.integers(1, 1000, column.shape)
    tracks.by_radar[:] = random.integers(1, 1000, tracks.by_radar.shape)
    before = [column.copy() for column in tracks]
    exchange_past(tracks, 0, 1)
    ids = tracks.number[:, tables.TRACK_ID]
    assert_array_equal(ids, before[0][::-1, tables.TRACK_ID])
    # Since its first plot: what is exchanged is when that was, not when the highest point was.
    then = tracks.number[:, tables.FIRST_NS] / NS + tracks.value[:, tables.HIGHEST_AT_S]
    was = before[0][:, tables.FIRST_NS] / NS + before[1][:, tables.HIGHEST_AT_S]
    np.testing.assert_allclose(then, was, rtol=1e-12)
    exchange_past(tracks, 0, 1)
    for column, old in zip(tracks, before, strict=True):
        np.testing.assert_allclose(column, old, rtol=1e-12)


@pytest.mark.parametrize(("plots", "carries"), [(50, True), (14, False)])
def test_what_is_seldom_seen_began_by_chance_and_carries_nothing(plots: int, carries: bool) -> None:
    """False plots beside a track bend any way: 14 in 5 s, where it had 8 a second of its own."""
    tracks = tables.new_tracks(2, 9, 3, 8, 4, (1, 2))
    for t, (track_id, began_s, count) in enumerate(((7, -150, 1250), (11, 0, plots))):
        tracks.number[t, tables.STATUS] = tables.CONFIRMED
        tracks.number[t, tables.TRACK_ID] = track_id
        tracks.number[t, tables.FIRST_NS] = began_s * NS
        tracks.number[t, tables.TIME_NS] = 5 * NS
        tracks.number[t, tables.PLOTS] = count
    tracks.mu[0, tables.FREE] = tracks.mu[1, tables.THRUST] = 1.0
    tracks.x[1, tables.THRUST, 6] = 30.0  # m/s², known to 1 m/s²
    tracks.p[1, tables.THRUST, 6:9, 6:9] = np.eye(3)
    let_burning_carry(tracks, 1, 0)
    assert (tracks.number[1, tables.TRACK_ID] == 7) == carries
