"""Ways down carried earlier and brought up to a new plot, against ways carried anew."""

import numpy as np
import pytest

from skypact.flight import brought_up, ways_of
from skypact.model import FlightKind
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.settings import FlightSettings, WarningSettings
from skypact.tracking import Picture

S = 1_000_000_000
EARTH_M = 6.37e6
SETTINGS = WarningSettings().first(FlightSettings())


@pytest.fixture(scope="module")
def over_japan():
    """The IRBM of 2022-10-04 past the demo's radars, its payload alone, and its truth."""
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=3)
    payload = simulation.plots.at(np.flatnonzero(simulation.origin == 0))
    return simulation._replace(plots=payload), simulation.paths[0]


def tracks_at(simulation, *times_ns):
    picture, begin, out = Picture(simulation.radars), 0, []
    for time_ns in times_ns:
        end = int(np.searchsorted(simulation.plots.time_ns, time_ns, side="right"))
        picture.observe(simulation.plots.at(np.arange(begin, end)))
        begin = end
        out.append(max(picture.tracks(), key=lambda track: track.plots))
    return out


def summed(descent):
    """Mean latitude, longitude (rad) and time (s), and their standard deviations."""
    rows = np.column_stack([descent.latitude_rad, descent.longitude_rad, descent.time_ns / S])
    mean = descent.weight @ rows
    return mean, np.sqrt(descent.weight @ (rows - mean) ** 2)


def test_ways_of_a_second_ago_are_where_ways_carried_anew_are(over_japan):
    simulation, path = over_japan
    for after_s in (20, 60, 300):
        at = path.burnout_time_ns + after_s * S
        before, now = tracks_at(simulation, at, at + S)
        old = ways_of(before, simulation.radars, SETTINGS, seek_launch=False)
        anew = ways_of(now, simulation.radars, SETTINGS, seek_launch=False)
        mean, spread = summed(anew.flight.descent)
        moved = brought_up(old, now, simulation.radars, SETTINGS)
        found, _ = summed(moved.descent)
        # What the two differ by is of second order: a tenth of what is not known of it.
        assert (np.abs(found - mean) < 0.1 * spread + [1e-6, 1e-6, 0.01]).all()
        assert moved.plots == now.plots and moved.last_plot_ns == now.last_plot_ns
        assert moved.descent.path_time_ns.min() >= now.time_ns
        lasts = moved.descent.path_time_ns.max() / S
        assert abs(lasts - mean[2]) < 6 * spread[2]


def test_ways_carried_in_the_boost_are_there_when_it_ends_and_not_before(over_japan):
    simulation, path = over_japan
    burning, over = tracks_at(
        simulation, path.burnout_time_ns - 2 * S, path.burnout_time_ns + 15 * S
    )
    ways = ways_of(burning, simulation.radars, SETTINGS, seek_launch=False)
    hidden = brought_up(ways, burning, simulation.radars, SETTINGS)
    assert hidden.kind == FlightKind.UNKNOWN and hidden.descent is None
    flight = brought_up(ways, over, simulation.radars, SETTINGS)
    mean, spread = summed(flight.descent)
    truth = np.array([path.impact.latitude_rad, path.impact.longitude_rad])
    # They are as unsure as they were in the boost; and moved by some 1,500 km.
    assert (np.abs(mean[:2] - truth) < 4 * spread[:2] + 20e3 / EARTH_M).all()


def test_without_a_new_plot_they_stay_as_they_are(over_japan):
    simulation, path = over_japan
    (track,) = tracks_at(simulation, path.burnout_time_ns + 60 * S)
    ways = ways_of(track, simulation.radars, SETTINGS, seek_launch=False)
    flight = brought_up(ways, track, simulation.radars, SETTINGS)
    assert flight.descent is ways.flight.descent
