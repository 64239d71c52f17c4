"""`skypact demo`: three nodes, their desks and a launch, begun and ended as a user does."""

import fcntl
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request

import pytest
from shapely.geometry import box

from evaluate.link_scene import free_ports
from skypact.errors import InputError
from skypact.run_demo import running
from skypact.sharing.node_folder import load_node
from skypact.warning.areas import area_of, as_geojson, read_areas

DEMO = (sys.executable, "-m", "skypact", "demo")
AREAS = (
    area_of("JP-02", {"en": "Aomori"}, box(140.0, 40.0, 141.7, 41.5), nation="JPN"),
    area_of("KR-11", {"en": "Seoul"}, box(126.8, 37.4, 127.2, 37.7), nation="KOR"),
)


@pytest.fixture
def begun(tmp_path):
    """A demo in the background, with areas to be warned: its folder, and what it said."""
    folder = tmp_path / "demo"
    areas = tmp_path / "areas.geojson"
    areas.write_text(json.dumps(as_geojson(AREAS, ())))
    first = str(free_ports(30))
    begin = (*DEMO, folder, "--background", "--first-port", first, "--areas", areas)
    try:
        yield folder, _run(begin)
    finally:
        nodes = _of_the_demo(folder)
        assert _run((*DEMO, folder, "--stop")).stdout == "stopped\n"
        assert nodes and not _of_the_demo(folder)  # said once they have ended, not before
        store = load_node(folder / "coalition" / "KOR", exercise=True).store
        with (store / "link.lock").open() as its_lock:
            fcntl.flock(its_lock, fcntl.LOCK_EX)  # as a node that was begun again holds it
            again = _run((*DEMO, folder, "--stop")).stdout
            assert again.startswith("nothing was running\nThe node of KOR, begun again by hand")


def _of_the_demo(folder):
    """What runs of it: the demo itself, its nodes, their desks and servers."""
    said = _run(("ps", "-ewwo", "stat=,pid=,args=")).stdout.splitlines()
    return [one for one in said if f"{folder}" in one and not one.startswith("Z")]


def _run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_launch_is_on_every_desk(begun):
    folder, said = begun
    assert said.returncode == 0, said.stderr
    assert running(folder) is not None
    other = _run((*DEMO, folder, "--scenario", "sounding_rocket", "--background"))
    assert other.returncode == 1
    assert "was prepared with scenario 2022-10-04_irbm-over-japan" in other.stderr
    addresses = dict(re.findall(r"^  (\w+)  (http://\S+/)$", said.stdout, re.MULTILINE))
    assert list(addresses) == ["JPN", "KOR", "USA"]
    who, password = re.search(r"Log in as (\w+), password (\S+)", said.stdout).groups()
    login = tomllib.loads((folder / "login.txt").read_text())
    assert login == {"user": who, "password": password, "desks": addresses}
    assert (folder / "login.txt").stat().st_mode & 0o077 == 0  # for nobody else
    for address in addresses.values():
        desk = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        body = json.dumps({"name": who, "password": password}).encode()
        login = urllib.request.Request(
            f"{address}api/v1/session", body, {"Content-Type": "application/json"}
        )
        assert desk.open(login, timeout=30).status == 200
        status = json.load(desk.open(f"{address}api/v1/status", timeout=30))
        assert status["mode"] == "EXERCISE"  # what is simulated is never live
        lines = json.load(desk.open(f"{address}api/v1/lines", timeout=30))["features"]
        assert {one["properties"]["kind"] for one in lines} == {"eez", "nll"}
        until_s = time.monotonic() + 120.0
        warnings = json.load(desk.open(f"{address}api/v1/warnings", timeout=30))
        assert warnings["warns"] and not warnings["fault"]
        while not (tracks := json.load(desk.open(f"{address}api/v1/tracks?picture=shared"))):
            assert time.monotonic() < until_s, "no track on the desk"
            time.sleep(0.2)
        # Where the launch was: 600 km about 40.6 N 126.5 E hold the first minutes of its path.
        assert abs(tracks[0]["latitude_deg"] - 40.6) < 6.0
        assert abs(tracks[0]["longitude_deg"] - 126.5) < 8.0
    _a_killed_node_is_told_of_and_leaves_no_server(folder)
    # Each nation its own; where it has none, all. Live none of them can be used.
    for nation, own in {"JPN": ["JP-02"], "KOR": ["KR-11"], "USA": ["JP-02", "KR-11"]}.items():
        file = folder / "coalition" / nation / "areas.exercise.geojson"
        assert [area.id for area in read_areas(file, exercise=True).areas] == own
        with pytest.raises(InputError, match="for exercises"):
            read_areas(file)


def _a_killed_node_is_told_of_and_leaves_no_server(folder):
    """That its server goes with the demo is what `begun` asks for at its end."""
    own = folder / "coalition" / "KOR"
    (node,) = [one for one in _of_the_demo(folder) if re.search(rf"skypact node {own} ", one)]
    os.kill(int(node.split()[1]), signal.SIGKILL)
    until_s = time.monotonic() + 60.0
    while "has ended" not in (said := _run((*DEMO, folder, "--background")).stdout):
        assert time.monotonic() < until_s, said
        time.sleep(0.2)
    assert "The node of KOR has ended (killed by signal 9)" in said
    assert f"skypact node {own} --exercise --settings {folder / 'settings.toml'}" in said
    assert any("nats-server" in one and "/KOR/" in one for one in _of_the_demo(folder))
