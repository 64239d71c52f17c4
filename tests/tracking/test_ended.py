"""Which ended tracks stay: the ones that ended last, however their plots came."""

import numpy as np
import pytest
from late_scene import S

from evaluate.scene import START_NS, Scene, coasting, local_state, looks_like, noisy, site
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Plots
from skypact.settings import TrackingSettings
from skypact.tracking import Picture

RADARS = (site("JP1", 38.0, 138.4, 0.5),)
# The first to be seen is the last to come down; the fourth stays up.
FALLING = [local_state(38.6, 137.0, height, (0.0, 300.0, -1500.0)) for height in (60e3, 45e3, 25e3)]
STAYS = local_state(38.4, 137.6, 250e3, (500.0, 0.0, 3000.0))


def plots_of(start, seconds, seed):
    times = START_NS + (np.arange(0.25, seconds, 0.5) * S).astype(int)
    states = coasting(start, times)
    up = np.array([geodetic_from_ecef(*x[:3])[2] > 3e3 for x in states])
    times, states = times[up], states[up]
    of = np.zeros(len(times), np.int32)
    seen = looks_like(RADARS, of, states)
    plots = noisy(Scene(RADARS, times, of, states, seen, np.zeros(0, int)),
                  np.random.default_rng(seed))  # fmt: skip
    return plots._replace(scan=(times - START_NS) // (S // 2))


@pytest.fixture(scope="module")
def plots():
    parts = [plots_of(start, 75.0, k) for k, start in enumerate((*FALLING, STAYS))]
    whole = Plots(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return whole.at(np.lexsort((np.arange(len(whole.scan)), whole.scan)))


@pytest.mark.parametrize("kept", [1, 2, 10])
def test_the_newest_ended_stay_in_whatever_blocks_the_plots_came(plots, kept):
    few = TrackingSettings(greatest_ended=kept, registration=False)
    at_once, by_scan = Picture(RADARS, few), Picture(RADARS, few)
    at_once.observe(plots)
    for scan in np.unique(plots.scan):
        by_scan.observe(plots.at(np.flatnonzero(plots.scan == scan)))
    ended = [t for t in at_once.tracks() if t.ended_because]
    assert len(ended) == min(kept, 3)
    all_ended = Picture(RADARS)
    all_ended.observe(plots)
    last = sorted((t.time_ns, t.id) for t in all_ended.tracks() if t.ended_because)[-kept:]
    assert sorted((t.time_ns, t.id) for t in ended) == last
    assert by_scan.digest() == at_once.digest()
