"""What pictures are made of: paths foretold, labels, and what a whole picture says."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import skypact
from skypact.charts import GroundPaths, draw_flights, flights, launches, parts
from skypact.charts.labels import Labels, grouped, numbered
from skypact.flight.paths import Path as FlightPath
from skypact.flight.paths import before, foretold, path_of, stretches, unseen
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.gravity import field
from skypact.kernels.motion import coast_path
from skypact.maps import Frame
from skypact.model import Ellipse, Launch

NS = 1_000_000_000


@pytest.fixture(scope="module")
def rising(tmp_path_factory: pytest.TempPathFactory) -> tuple[skypact.TrackedFiles, GroundPaths]:
    """Flights of a sounding rocket's plots up to two minutes before its apogee."""
    folder = tmp_path_factory.mktemp("rocket")
    simulation = skypact.simulate(skypact.load_scenario("sounding_rocket"))
    skypact.write_simulation(folder, simulation)
    paths = GroundPaths()
    tracked = skypact.track_files(
        folder / "plots.csv",
        simulation.radars,
        until_ns=simulation.paths[0].apogee.time_ns - 120 * NS,
        on_updates=paths.take,
    )
    return tracked, paths


def test_a_path_is_foretold_over_its_apogee_to_its_impact(rising) -> None:
    tracked, paths = rising
    flight = max(tracked.flights, key=lambda flight: flight.plots)
    seen = paths.of(flight.id)
    ahead = foretold(flight.impact, seen)
    assert ahead.time_ns[0] == seen.time_ns[-1]
    assert (np.diff(ahead.time_ns) >= 0).all()
    assert ahead.time_ns[-1] == flight.impact.time_ns
    assert ahead.places[-1].tolist() == [
        *(flight.impact.latitude_rad, flight.impact.longitude_rad, 0.0),
    ]
    assert ahead.places[:, 2].max() == pytest.approx(flight.apogee.height_m, abs=1e3)
    start = before(flight.launch, seen)
    assert start.places[0, 2] == 0.0
    assert start.time_ns[-1] == seen.time_ns[0]


def test_a_path_from_the_launch_has_no_kink_where_it_was_first_seen_in_free_flight() -> None:
    """A boost that nobody saw is a curve that comes in as fast as was flown then."""
    burn_out_s, seen_s = 150.0, 250.0
    latitude, longitude = np.radians(40.0), np.radians(129.5)
    east, _, up = np.array(local_axes(latitude, longitude)).reshape(3, 3)
    place = np.array(ecef_from_geodetic(latitude, longitude, 120e3))
    state = coast_path(*place, *(4200.0 * east + 3000.0 * up), seen_s - burn_out_s, field(8))
    seen = path_of([(round(seen_s * 1e9), state)])
    ellipse = Ellipse(semi_major_m=1.0, semi_minor_m=1.0, azimuth_rad=0.0)
    launch = Launch(
        time_ns=0,
        time_sigma_s=1.0,
        latitude_rad=latitude,
        longitude_rad=np.radians(126.4),  # 265 km behind: the mean speed of that boost is 1.9 km/s
        ellipse_95=ellipse,
    )
    start = before(launch, seen)
    seconds = np.diff(start.time_ns) * 1e-9
    velocity = np.diff(start.states[:, :3], axis=0) / seconds[:, None]
    turns = np.linalg.norm(np.diff(velocity, axis=0), axis=1)
    # From rest to 5.2 km/s by the cube of time: at its end 2 · 5.2 km/s / 150 s, 69 m/s².
    assert turns.max() < 100.0 * seconds.max()


def test_nothing_is_foretold_where_the_impact_is_unknown(rising) -> None:
    tracked, paths = rising
    seen = paths.of(tracked.flights[0].id)
    assert len(foretold(None, seen).time_ns) == 0
    assert len(before(None, seen).time_ns) == 0


def test_what_was_not_seen_for_long_is_foretold_along_the_path(rising) -> None:
    tracked, paths = rising
    flight = max(tracked.flights, key=lambda flight: flight.plots)
    whole = paths.of(flight.id)
    assert len(stretches(whole)) == 1
    assert unseen(whole) == []
    seconds = (whole.time_ns - whole.time_ns[0]) * 1e-9
    middle = seconds[-1] - 40.0
    hidden = (seconds > middle - 30.0) & (seconds < middle + 30.0)
    cut = FlightPath._make(column[~hidden] for column in whole)
    assert len(stretches(cut)) == 2
    (gap,) = unseen(cut)
    at = np.interp(gap.time_ns, whole.time_ns, whole.places[:, 2])
    assert np.abs(gap.places[:, 2] - at).max() < 300.0
    i = int(cut.gaps[0])
    assert gap.time_ns[[0, -1]].tolist() == cut.time_ns[[i, i + 1]].tolist()
    np.testing.assert_allclose(gap.places[-1], cut.places[i + 1], rtol=1e-9)


def test_numbers_in_few_words() -> None:
    assert numbered(["1", "2", "3", "4", "5", "8"]) == "1-5, 8"
    assert numbered(["1", "2", "4"]) == "1, 2, 4"
    assert numbered([str(n) for n in range(1, 30, 2)]) == "1, 3, 5, 7 + 11 more"
    assert numbered([""]) == ""


def test_a_picture_that_was_cut_shows_the_apogee(
    rising, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(flights, "save", lambda figure, path: kept.append(figure))
    draw_flights(tmp_path / "flight.png", *rising)
    over_time = kept[0].axes[1]
    highest_km = max(flight.apogee.height_m for flight in rising[0].flights) / 1e3
    assert over_time.get_ylim()[1] > highest_km
    words = {text.get_text() for text in kept[0].axes[0].get_legend().get_texts()}
    assert {"seen", "not seen, or foretold", "launch", "impact"} <= words
    assert any("reach" in word for word in words)
    titles = [ax.get_title(loc="left") for ax in kept[0].axes[2:]]
    assert len(titles) == 2 * len(rising[0].flights)
    assert all("±" in title for title in titles)


def test_ends_that_lie_together_are_one_group() -> None:
    points = [(0.0, 0.0), (100.0, 0.0), (3.0, 4.0), (101.0, -2.0), (50.0, 0.0)]
    assert grouped(points, 5.0) == [[0, 2], [1, 3], [4]]
    assert grouped([], 5.0) == []


def test_every_flight_of_a_picture_has_a_colour_of_its_own() -> None:
    assert len(set(flights._COLOURS)) == len(flights._COLOURS) >= flights._MOST_FLIGHTS


def test_labels_cover_neither_each_other_nor_what_is_to_be_kept_free() -> None:
    figure = parts.new_figure(8.0, 8.0)
    ax = parts.axes_at(figure, 1.0, 1.0, 6.0, 6.0)
    frame = Frame(-100.0, 100.0, -100.0, 100.0)
    ax.set_xlim(frame.west, frame.east)
    ax.set_ylim(frame.south, frame.north)
    labels = Labels(ax, frame)
    for number in range(6):
        labels.put(0.0, 0.5 * number, f"impact {number}", "black")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 6
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize("values", [(250.0, 800.0), (20.0, 5_600.0), (430.0,), ()])
def test_kilometres_on_an_axis_are_numbers_that_stand_apart(values) -> None:
    figure = parts.new_figure(13.0, 10.6)
    ax = parts.axes_at(figure, 8.5, 4.0, 4.0, 2.6)
    launches._kilometres(ax.xaxis, ax.set_xscale, values)
    ax.scatter(values, values)
    figure.canvas.draw()
    shown = [label for label in ax.get_xticklabels(which="both") if label.get_text()]
    inside = [one for one in shown if ax.get_xlim()[0] <= one.get_position()[0] <= ax.get_xlim()[1]]
    assert all(
        one.get_text().replace(",", "").replace(".", "").isdigit() for one in inside if values
    )
    boxes = sorted((one.get_window_extent() for one in inside), key=lambda box: box.x0)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
