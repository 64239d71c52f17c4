"""A node on one machine and its stages on another: network namespaces with a wire between them."""

import contextlib
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from lxml import etree

from evaluate import nodes, stages
from evaluate.node_scene import S, arrivals, settings
from skypact.sensing import load_radars
from skypact.settings import JournalSettings
from skypact.sharing.coalition import write_generated
from skypact.sharing.node_folder import load_node

LONG_S = 60.0
"""However busy the machine."""


class Machines(NamedTuple):
    """Two of them: this one, and one in a namespace."""

    here: str
    there: str
    name: str

    def on_the_other(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def set_wire(self, state: str) -> None:
        _ip("link", "set", f"{self.name}-a", state)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    # 198.18/15 is for tests of networks (RFC 2544); a process has a /30 of its own.
    place = os.getpid() % (1 << 14) * 4
    net = f"198.{18 + place // 65536}.{place // 256 % 256}"
    of = Machines(f"{net}.{place % 256 + 1}", f"{net}.{place % 256 + 2}", f"sky{os.getpid()}")
    with contextlib.ExitStack() as ends:
        try:
            _ip("netns", "add", of.name)
            ends.callback(_ip, "netns", "del", of.name)
            _ip("link", "add", f"{of.name}-a", "type", "veth", "peer", "name", f"{of.name}-b")
            _ip("link", "set", f"{of.name}-b", "netns", of.name)
            _ip("addr", "add", f"{of.here}/30", "dev", f"{of.name}-a")
            _ip("link", "set", f"{of.name}-a", "up")
            inside = ["netns", "exec", of.name, "ip"]
            _ip(*inside, "addr", "add", f"{of.there}/30", "dev", f"{of.name}-b")
            _ip(*inside, "link", "set", f"{of.name}-b", "up")
            _ip(*inside, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield of


def set_in(folder: Path, section: str, key: str, value: str) -> None:
    """A text of `node.toml`, there or not."""
    lines = (folder / "node.toml").read_text().splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith(f"[{section}]"))
    after = next((k for k, line in enumerate(lines[first + 1 :], first + 1) if line[:1] == "["), 0)
    kept = [line for line in lines[first + 1 : after] if not line.startswith(f"{key} ")]
    lines[first + 1 : after] = [f'{key} = "{value}"', *kept]
    (folder / "node.toml").write_text("\n".join(lines) + "\n")


def test_stages_on_another_machine_take_warn_and_record(machines: Machines, tmp_path: Path) -> None:
    """Also over a wire that is cut: nothing acknowledged is lost, and what was not is taken later.

    Of the folder the other machine has all but the store.
    """
    given = settings(journal=JournalSettings(rate_kib_s=50, retention_h=1, answer_s=60.0))
    folder = stages.nation(tmp_path / "here", given, (*stages.AFTER_NODE, "desk"))
    set_in(folder, "server", "host", machines.here)
    write_generated(load_node(folder), given.link)
    far = tmp_path / "there" / "JPN"
    shutil.copytree(folder, far, ignore=shutil.ignore_patterns("store"))
    for section in ("http", "desk"):
        set_in(far, section, "host", machines.there)
    page = f"http://{machines.there}:{load_node(far).file.desk.port}/"
    more = {"journal": {"rate_kib_s": 50, "retention_h": 1}}
    node, other = nodes.Child(folder, more), nodes.Child(far, more, machines.there)
    other.before = machines.on_the_other()
    apart = {name: other.stage(name) for name in stages.AFTER_NODE}
    desk = None
    try:
        node.start()
        desk = subprocess.Popen([*other.command(), "--stage", "desk"])
        for one in apart.values():
            one.start()
        until(lambda: all(one.well() for one in (node, *apart.values())))
        radars = load_radars(folder / "radars.toml")
        scans = arrivals("JPN", radars, begin_ns=time.time_ns() - 30 * S, seconds=30.0)
        half = len(scans) // 2
        for scan in scans[:half]:
            until(lambda scan=scan: not other.post(scan))
        machines.set_wire("down")
        assert other.post(scans[half])
        until(
            lambda: any(
                "feeds" in fault for fault in node.asked("health", {"faults": []})["faults"]
            )
        )
        machines.set_wire("up")
        for scan in scans[half:]:
            until(lambda scan=scan: not other.post(scan))
        until(lambda: all(one.well() for one in (node, *apart.values())))
        address = f"http://{machines.there}:{apart['warnings'].http}/alerts"
        until(lambda: b"<entry" in answer(address))
        assert etree.fromstring(answer(address)).findtext(".//{*}entry/{*}title")
        until(lambda: b"<html" in answer(page))
        for one in (*reversed(apart.values()), node):
            one.stop()
    finally:
        if desk is not None:
            desk.kill()
            desk.wait()
        for one in (*apart.values(), node):
            one.kill("node")
        node.kill("server")


def until(condition):
    ends_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.05)


def answer(address: str) -> bytes:
    """What is there, or nothing."""
    try:
        with urllib.request.urlopen(address, timeout=5) as said:
            return bytes(said.read())
    except OSError:
        return b""
