"""Biases from known orbits: as honest as stated, whatever the orbits are off within their sigma."""

import math
from functools import partial

import numpy as np
import pytest
from msgspec import structs
from scipy.integrate import solve_ivp

from evaluate.registration import RADARS
from evaluate.satellites import EPOCH_NS, ERRORS, elements, orbit_of, passes, plots_of
from skypact.kernels.radar_table import radar_array
from skypact.sensing.orbits import orbit_sigma_m, orbit_states
from skypact.settings import OrbitSettings
from skypact.tracking.known_orbits import KnownObject, hill, learn_from_orbits
from skypact.tracking.registration import declared_biases

S = OrbitSettings()
DECLARED = declared_biases(radar_array(RADARS)[0])


def known(orbit):
    return KnownObject(
        orbit.name,
        partial(orbit_states, orbit, settings=S),
        partial(orbit_sigma_m, orbit, settings=S),
    )


def world(seed, radars=RADARS, satellites=3, hours=6.0):
    """Plots of satellites off their published orbits, the orbits, and biases drawn (r, 5)."""
    random = np.random.default_rng(seed)
    biases = np.zeros((len(radars), 5))
    biases[DECLARED.radar, DECLARED.kind] = DECLARED.sigma * random.normal(size=len(DECLARED.sigma))
    looks, objects = [], []
    for k in range(satellites):
        mean = elements(random)
        objects.append(known(orbit_of(mean, k)[0]))
        true = orbit_of(mean + ERRORS * random.normal(size=6), k)[0]
        looks += passes(true, radars, biases, hours, random)
    return looks, objects, biases


def off(learnt, biases):
    """NEES / m, and errors in what is left of sigma."""
    error = learnt.belief.mean - biases[DECLARED.radar, DECLARED.kind] / DECLARED.sigma
    nees = error @ np.linalg.solve(learnt.belief.covariance, error)
    return nees / len(error), np.abs(error) / np.sqrt(np.diag(learnt.belief.covariance))


def test_hill_s_equations_are_solved():
    n = 1.1e-3

    def rate(_, y):
        x, _, z, vx, vy, vz = y
        return [vx, vy, vz, 3 * n * n * x + 2 * n * vy, -2 * n * vx, -n * n * z]

    begin = np.array([100.0, -600.0, 150.0, 0.1, -0.2, 0.3])
    end = solve_ivp(rate, (0.0, 500.0), begin, rtol=1e-10, atol=1e-9).y[:, -1]
    assert hill(n * 500.0, n) @ begin == pytest.approx(end, rel=1e-6, abs=1e-6)


def test_biases_are_learnt_as_well_as_is_said():
    found = []
    for seed in range(3):
        looks, objects, biases = world(seed)
        plots = plots_of(looks)
        learnt = learn_from_orbits(plots, RADARS, objects, S)
        assert learnt.used.mean() > 0.99
        assert sum(sum(one.plots.values()) for one in learnt.passes) == learnt.used.sum()
        left = np.sqrt(np.diag(learnt.belief.covariance))
        assert (left < 0.1).all()
        found.append(off(learnt, biases)[0])
    # The mean of 3 χ² of 8 each, over 8: below 2.19 with 99.95 %.
    assert 0.2 < np.mean(found) < 2.2


def test_orbits_that_are_off_are_not_averaged_away():
    """One radar alone: its range bias is known no better than the orbits allow."""
    looks, objects, biases = world(5, satellites=2)
    plots = plots_of([look for look in looks if look[1] == 1])
    learnt = learn_from_orbits(plots, RADARS, objects, S)
    nees, sigmas = off(learnt, biases)
    at = int(np.flatnonzero((DECLARED.radar == 1) & (DECLARED.kind == 4))[0])
    # 20 ms at 7.5 km/s are 150 m, and the objects are unsure by 600 m along their way.
    assert learnt.belief.covariance[at, at] > 0.5
    assert nees < 3.3  # χ² of 8 over 8: 99.9 %
    assert (sigmas < 4.5).all()
    other = DECLARED.radar == 2
    assert np.diag(learnt.belief.covariance)[other] == pytest.approx(1.0)
    assert learnt.belief.mean[other] == pytest.approx(0.0, abs=1e-12)


def test_what_is_no_known_object_tells_nothing():
    looks, objects, _ = world(6, satellites=2)
    random = np.random.default_rng(1)
    clutter = []
    for time_ns, radar, z in looks[::3]:
        wrong = z.copy()
        wrong[:3] += random.normal(size=3) * (3e3, 3e-3, 3e-3)
        clutter.append((time_ns + 1, radar, wrong))
    alone = learn_from_orbits(plots_of(looks), RADARS, objects, S)
    learnt = learn_from_orbits(plots_of(looks + clutter), RADARS, objects, S)
    # 5.5 σ of 3 km and 3 mrad, cubed: one in a hundred of them may be taken for plots.
    assert abs(int(learnt.used.sum()) - int(alone.used.sum())) < 0.03 * len(clutter)
    moved = np.abs(learnt.belief.mean - alone.belief.mean)
    assert (moved < np.sqrt(np.diag(alone.belief.covariance))).all()
    stranger = learn_from_orbits(plots_of(looks), RADARS, [], S)
    assert not stranger.used.any()
    assert (stranger.belief.covariance == np.eye(len(DECLARED.sigma))).all()
    twins = learn_from_orbits(plots_of(looks), RADARS, [objects[0], objects[0]], S)
    assert not twins.used.any()


def test_lasting_errors_tell_less_and_are_honoured():
    """Errors that stay alike for 20 s; taken for independent they would be averaged away."""
    radars = tuple(structs.replace(radar, correlation_time_s=20.0) for radar in RADARS)
    found, ignored = [], []
    for seed in (9, 10):
        looks, objects, biases = world(seed, radars, satellites=2)
        plots = plots_of(looks)
        lasting = learn_from_orbits(plots, radars, objects, S)
        assert lasting.passes
        once = learn_from_orbits(plots, RADARS, objects, S)
        found.append(off(lasting, biases)[0])
        ignored.append(off(once, biases)[0])
        more = np.sqrt(np.diag(lasting.belief.covariance) / np.diag(once.belief.covariance))
        # A Gauss-Markov error of time T averages as one look in 2 T does: of looks each 2 s that
        # is √20, less where the orbit is what is unsure.
        assert (more > 1.2).all()
        assert (more < 1.3 * math.sqrt(20.0)).all()
    assert np.mean(found) < 2.5
    assert np.mean(ignored) > 2.0 * np.mean(found)


def test_elements_of_another_time_find_nothing():
    looks, objects, _ = world(8, satellites=1, hours=3.0)
    late = [(time_ns + 3_600_000_000_000, radar, z) for time_ns, radar, z in looks]
    assert late
    assert late[0][0] > EPOCH_NS
    assert not learn_from_orbits(plots_of(late), RADARS, objects, S).passes
