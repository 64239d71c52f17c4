"""Areas from GeoJSON, and the probabilities of coming down in them and passing over them."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point
from typer.testing import CliRunner

from skypact import cli
from skypact.errors import InputError
from skypact.model import Area, Descent
from skypact.warning.areas import as_geojson, read_areas, shape_of
from skypact.warning.chances import AreaIndex

AOMORI = [[140, 40], [142, 40], [142, 41], [140, 41], [140, 40]]
SQUARE = [[130, 35], [132, 35], [132, 37], [130, 37], [130, 35]]
HOLE = [[130.5, 35.5], [130.5, 36.5], [131.5, 36.5], [131.5, 35.5], [130.5, 35.5]]
S = 1_000_000_000


def feature(identity, *rings, kind="Polygon", **properties):
    return {
        "type": "Feature",
        "properties": {"id": identity, "name": {"en": identity}} | properties,
        "geometry": {"type": kind, "coordinates": list(rings)},
    }


def written(tmp_path, *features, **top):
    path = tmp_path / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features} | top))
    return path


def index_of(tmp_path, *features):
    return AreaIndex(read_areas(written(tmp_path, *features)).areas)


def at(index, longitude, latitude):
    return index.within(math.radians(latitude), math.radians(longitude))


def test_holes_and_islands_count_as_they_stand(tmp_path):
    island = [[[140, 30], [141, 30], [141, 31], [140, 30]]]
    index = index_of(tmp_path, feature("a", [SQUARE, HOLE], island, kind="MultiPolygon"))
    assert at(index, 130.2, 36) == ("a",) and at(index, 131, 36) == ()
    assert at(index, 140.9, 30.5) == ("a",)


@pytest.mark.parametrize("east", [181.0, -179.0])
def test_an_area_across_the_antimeridian_is_cut_there(tmp_path, east):
    ring = [[179, 50], [east, 50], [east, 52], [179, 52], [179, 50]]
    read = read_areas(written(tmp_path, feature("bering", ring)))
    assert "antimeridian" in read.repairs[0]
    index = AreaIndex(read.areas)
    for longitude in (179.5, -179.5, 180.0, -180.0):
        assert at(index, longitude, 51) == ("bering",)
    assert at(index, 0.0, 51) == () and at(index, -178.9, 51) == ()


def test_what_is_not_closed_or_crosses_itself_is_repaired_and_named(tmp_path):
    bow = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]
    read = read_areas(written(tmp_path, feature("open", SQUARE[:-1]), feature("bow", bow)))
    assert [("open" in r, "closed" in r) for r in read.repairs[:1]] == [(True, True)]
    assert any("bow" in r and "repaired" in r for r in read.repairs)
    assert all(shape_of(area).is_valid for area in read.areas)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ([], "holds no area"),
        ([feature("a", [[35, 130], [37, 130], [37, 132], [35, 130]])], "latitude of 130"),
        ([feature("a", [[0, 0], [1, 1], [0, 0]])], "fewer than three corners"),
        ([feature("a", [[0, 0], [1, 1], [2, 2], [0, 0]])], "encloses nothing"),
        ([feature("a", [[0, 0], [1, float("nan")], [2, 2], [0, 0]])], "place 1"),
        ([feature("a", SQUARE), feature("a", SQUARE)], "area a: is there twice"),
        ([feature("a", SQUARE, population=-1)], "population is -1"),
        ([feature("a", SQUARE, name={"xx": "a"})], "name has 'xx'"),
        ([feature("a", SQUARE, kind="LineString")], "geometry is LineString"),
        ([{"type": "Feature"}], "features[0]"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path, features, said):
    with pytest.raises(InputError, match=said.replace("[", r"\[")) as refused:
        read_areas(written(tmp_path, *features))
    assert "areas.geojson" in str(refused.value)


def test_an_area_for_exercises_is_never_read_for_live_use(tmp_path):
    """2022-10-04: areas of a drill had been left in the system."""
    for path in (
        written(tmp_path, feature("drill", SQUARE, exercise=True)),
        written(tmp_path, feature("drill", SQUARE), exercise=True),
    ):
        with pytest.raises(InputError, match="exercises"):
            read_areas(path)
        assert read_areas(path, exercise=True).areas[0].exercise


def test_areas_that_were_written_are_read_alike(tmp_path):
    (area,) = read_areas(
        written(tmp_path, feature("a", SQUARE, HOLE, population=5, nation="JPN"))
    ).areas
    path = tmp_path / "again.geojson"
    path.write_text(json.dumps(as_geojson([area], ["nobody"])))
    (again,) = read_areas(path).areas
    assert shape_of(again).equals(shape_of(area))
    assert (again.names, again.population, again.nation) == (area.names, 5, "JPN")


def descent(points, weights=None, paths=()):
    """Ways down to (longitude, latitude) in degrees; `paths`: lists of them, 10 s a point."""
    at_ = np.radians(np.array(points, float)).reshape(-1, 2)
    n = len(at_)
    on = np.radians(np.array([p for path in paths for p in path], float)).reshape(-1, 2)
    return Descent(
        weight=np.full(n, 1.0 / n) if weights is None else np.array(weights),
        time_ns=np.arange(n, dtype=np.int64) * S,
        latitude_rad=at_[:, 1],
        longitude_rad=at_[:, 0],
        paths=max(len(paths), 1),
        path=np.array([k for k, path in enumerate(paths) for _ in path], np.int32),
        path_time_ns=np.array([i * 10 * S for path in paths for i in range(len(path))], np.int64),
        path_latitude_rad=on[:, 1],
        path_longitude_rad=on[:, 0],
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(128, 134), st.floats(33, 39), st.floats(0.01, 1)),
        min_size=1,
        max_size=30,
    )
)
def test_probabilities_are_the_weights_within(tmp_path_factory, rows):
    """Against the slow twin: every point asked of every area's shape."""
    other = [[132, 35], [134, 35], [134, 37], [132, 37], [132, 35]]
    path = tmp_path_factory.mktemp("areas")
    areas = read_areas(written(path, feature("a", SQUARE, HOLE), feature("b", other))).areas
    weight = np.array([row[2] for row in rows])
    weight /= weight.sum()
    found = {
        one.area: one
        for one in AreaIndex(areas).chances(descent([row[:2] for row in rows], weight))
    }
    for area in areas:
        inside = [k for k, row in enumerate(rows) if shape_of(area).intersects(Point(*row[:2]))]
        if not inside:
            assert area.id not in found
            continue
        assert found[area.id].falls == pytest.approx(weight[inside].sum(), abs=1e-12)
        assert found[area.id].fall_first_ns == inside[0] * S
        assert found[area.id].fall_last_ns == inside[-1] * S


def test_a_path_passes_between_its_points_and_across_the_antimeridian(tmp_path):
    narrow = [[130.4, 30], [130.5, 30], [130.5, 40], [130.4, 40], [130.4, 30]]
    far = [[-179.9, 30], [-179.8, 30], [-179.8, 40], [-179.9, 40], [-179.9, 30]]
    west = [[179.8, 30], [179.9, 30], [179.9, 40], [179.8, 40], [179.8, 30]]
    index = index_of(tmp_path, feature("n", narrow), feature("f", far), feature("w", west))
    over = [[129, 35], [130, 35], [131, 35]]
    beside = [[129, 35], [130, 35], [130.3, 36]]
    (one,) = index.chances(descent([[0, 0]], paths=[over, beside]))
    assert (one.area, one.passes, one.falls) == ("n", 0.5, 0.0)
    assert (one.pass_first_ns, one.pass_last_ns) == (10 * S, 20 * S)
    across = index.chances(descent([[0, 0]], paths=[[[179, 35], [-179, 35]]]))
    assert {(c.area, c.passes) for c in across} == {("f", 1.0), ("w", 1.0)}
    back = index.chances(descent([[0, 0]], paths=[[[-179, 35], [179, 35]]]))
    assert {c.area for c in back} == {"f", "w"}


def test_neighbours_are_those_within_reach_also_across_the_antimeridian(tmp_path):
    east = [[-180, 35], [-179, 35], [-179, 37], [-180, 37], [-180, 35]]
    west = [[179, 35], [179.999, 35], [179.999, 37], [179, 37], [179, 35]]
    index = index_of(tmp_path, feature("e", east), feature("w", west), feature("s", SQUARE))
    near = index.neighbours(1000.0)
    assert near == {"e": {"w"}, "w": {"e"}, "s": set()}


def test_distance_to_the_nearest_area(tmp_path):
    index = index_of(tmp_path, feature("s", SQUARE))
    assert index.distance_m(math.radians(36), math.radians(131)) == 0.0
    # A degree of latitude at 38° is 111.0 km on WGS84; shapes for distances are 2 km coarse.
    assert index.distance_m(math.radians(38), math.radians(131)) == pytest.approx(111e3, abs=2500)


@settings(max_examples=40, deadline=None)
@given(st.floats(-85, 85), st.floats(-180, 180), st.floats(1e3, 1e7))
def test_areas_that_are_not_asked_for_their_distance_are_farther_off(
    tmp_path_factory, latitude, longitude, most
):
    """Against the slow twin: each area's own distance."""
    far = [[179, -40], [181, -40], [181, -38], [179, -38], [179, -40]]
    places = feature("s", SQUARE), feature("a", AOMORI), feature("f", far)
    index = index_of(tmp_path_factory.mktemp("areas"), *places)
    at = math.radians(latitude), math.radians(longitude)
    each = [index.only(area.id).distance_m(*at) for area in index.areas]
    assert index.distance_m(*at) == min(each)
    assert index.distance_m(*at, most_m=most) == min(*each, most)


def test_an_area_keeps_what_its_file_says():
    area = Area(id="x", names={"en": "X"}, polygons=())
    assert area.population is None and not area.exercise


def test_the_commands_check_areas(tmp_path):
    path = written(tmp_path, feature("a", SQUARE[:-1]))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 0 and "not closed" in told.stdout
    assert "has no name" not in told.output
    nameless = feature("a", SQUARE)
    del nameless["properties"]["name"]
    told = CliRunner().invoke(cli.app, ["warning", "check", str(written(tmp_path, nameless))])
    assert told.exit_code == 0 and "area a: has no name" in told.stdout
    refused = CliRunner().invoke(cli.app, ["warning", "areas", "x.geojson", "--packages", "none"])
    assert refused.exit_code == 1
