"""A desk beside real nodes, all in a thread of its own, for tests that ask it over sockets."""

import asyncio
import threading
import time
from contextlib import contextmanager

import httpx
import msgspec

from evaluate.node_scene import Node, arrivals, settings, stage, until
from skypact.desk.accounts import Accounts
from skypact.run_desk import DeskServer
from skypact.settings import DeskSettings
from tests.sharing.link_settings import QUICK

S = 1_000_000_000
PASSWORD = "correct horse battery"
PEOPLE = {
    "Sato": ("act", "release", "administer"),
    "Ito": ("act",),
    "Mori": (),
    "Abe": (),
}
SECONDS = 30.0
"""Of the flight that is told."""


class Scene:
    """Two nodes that share plots, and the desk of one; `do` runs something in their loop."""

    def __init__(self, folder, **of):
        self.folder, self.nation = folder, "JPN"
        # Tests ask faster than people do.
        given = {"requests_s": 10_000, "requests_burst": 10_000, "actions_min": 1e6}
        given |= {"moment_wait_s": 240.0, "login_wait_s": 3600.0} | of
        self.settings = settings(link=QUICK, desk=DeskSettings(**given))
        self.loop = asyncio.new_event_loop()
        self.nodes, self.desk = {}, None
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work, seconds=600.0):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def start(self):
        use = '["picture"]'
        stage(self.folder, {"JPN": {"KOR": "plots"}, "KOR": {"JPN": "plots"}}, self.settings)
        for name in ("JPN", "KOR"):
            policy = self.folder / name / "release.toml"
            said = 'consultation = ["assessment", "acknowledgement", "comment", "text"]'
            policy.write_text(policy.read_text() + f"\nuse = {use}\n{said}\n")
        accounts = Accounts(self.folder / "JPN")
        for name, roles in PEOPLE.items():
            accounts.add(name, roles, PASSWORD, time.time_ns())
        self.nodes = {name: Node(self.folder / name, self.settings) for name in ("JPN", "KOR")}
        for node in self.nodes.values():
            await node.start()
        assert await until(self._linked, 300.0)
        self.desk = DeskServer(self.folder / "JPN", self.settings)
        await self.desk.start()
        self.url = f"http://127.0.0.1:{self.desk.port}"

    def _linked(self):
        return all(state.up for node in self.nodes.values() for state in node.link.states())

    async def fly(self):
        """Thirty seconds of a flight, all at once, as though the last were seen now."""
        begin_ns = time.time_ns() - round(SECONDS * S)
        sent = []
        for name, node in self.nodes.items():
            sent += arrivals(name, node.radars, begin_ns=begin_ns, seconds=SECONDS)
        for one in sorted(sent, key=lambda one: one.due_ns):
            arrival = msgspec.structs.replace(one.arrival, received_ns=time.time_ns())
            (verdict,) = await self.nodes[one.nation].take_plots((arrival,))
            assert verdict.outcome == "accepted", verdict
        own = self.nodes["JPN"]
        assert await until(
            lambda: any("KR" in str(t.plots_by_radar) for t in own.shared.tracks()), 240.0
        )

    async def begin_anew(self):
        """The desk's node, stopped and started."""
        await self.nodes[self.nation].stop()
        node = self.nodes[self.nation] = Node(self.folder / self.nation, self.settings)
        await node.start()

    async def stop(self):
        if self.desk is not None:
            await self.desk.stop()
        for node in self.nodes.values():
            await node.stop()

    def close(self):
        if self.desk is not None:
            self.do(self.stop())
        self.do(_end_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _end_others():
    """What connections that were closed leave behind."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def visiting(scene, name=None, password=PASSWORD):
    """A client, logged in where a name is given; what it does needs no more than that."""
    with httpx.Client(base_url=f"{scene.url}/api/v1", timeout=240.0) as client:
        if name is not None:
            answer = client.post("/session", json={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


def got(client, path, status=200, **more):
    answer = client.get(path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer


def waited(find, seconds=240.0):
    """What is found, once it is."""
    ends_s = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.1)
    return found


class Events:
    """Server-sent events of one request, read as they come."""

    def __init__(self, client, last_id="", picture="shared"):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self._context = client.stream(
            "GET", "/events", params={"picture": picture}, headers=headers
        )
        self._answer = self._context.__enter__()
        assert self._answer.status_code == 200, self._answer.read()
        self._lines = self._answer.iter_lines()

    def next(self):
        """Id, event and document of the next."""
        found = {}
        for line in self._lines:
            if not line and "data" in found:
                return found["id"], found["event"], msgspec.json.decode(found["data"])
            key, _, value = line.partition(": ")
            if key:
                found[key] = value
        raise AssertionError("the stream ended")

    def until(self, condition, most=500):
        """All events up to the first that fulfils a condition."""
        seen = []
        for _ in range(most):
            seen.append(self.next())
            if condition(*seen[-1]):
                return seen
        raise AssertionError("no such event")

    def close(self):
        self._context.__exit__(None, None, None)
