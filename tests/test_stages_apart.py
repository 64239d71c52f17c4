"""A node whose stages are processes of their own, over real servers: the same bits, none lost.

The processes' insides run in this one, each with a connection and a user of its own;
`python -m evaluate --only stages-killed` kills real processes.
"""

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import nats
import pytest
from lxml import etree

from evaluate import nodes, stages
from evaluate.node_scene import abandon, arrivals
from skypact.errors import InputError, JournalError
from skypact.model import EntryKind
from skypact.node import Node
from skypact.record.journal import Journal
from skypact.run_stage import StageProcess, node_of_stage
from skypact.serving.apart import Apart, fits_of
from skypact.serving.its_node import ItsNode
from skypact.serving.journal_source import open_source, plots_of
from skypact.serving.operating import CANCEL_WARNING, Order, give_order
from skypact.serving.pictures import NAMES
from skypact.settings import FeedsSettings, JournalSettings, NodeSettings, Settings
from skypact.sharing.coalition import write_generated
from skypact.sharing.nats_config import (
    NATIONAL_USER,
    feed_subject,
    feed_user,
    stage_subject,
    stage_user,
    warning_subject,
)
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.node_folder import load_node
from skypact.warning.cap import faults_of
from tests.own_server import OwnServer
from tests.sharing.link_settings import QUICK
from tests.test_node import S
from tests.test_node import until as within

LONG_S = 60.0
"""However busy the machine."""
T0 = 1_664_835_720 * S
SETTINGS = Settings(
    link=QUICK,
    journal=JournalSettings(rate_kib_s=50, retention_h=1),
    node=NodeSettings(
        checkpoint_every_s=3600, stage_silent_s=2.0, stage_answer_s=1.0, mark_every_s=0.5
    ),
    feeds=FeedsSettings(take_s=5.0),
)


class Fed:
    """A nation's node, its stages, and a feed by HTTP."""

    def __init__(self, root: Path, apart, *, exercise: bool = False) -> None:
        self.folder, self.exercise = stages.nation(root, SETTINGS, apart), exercise
        self.feed = nodes.Child(self.folder, {})  # writes feeds.toml, and posts; never started
        self.node = self.made()
        self.alone: dict[str, StageProcess] = {}
        self.running: dict[str, asyncio.Task] = {}
        self.alerts: list[bytes] = []

    def made(self) -> Node:
        return Node(self.folder, SETTINGS, exercise=self.exercise)

    async def start(self, *names: str) -> None:
        await self.node.start()
        for name in names:
            await self.start_alone(name)
        self.client = await connect(self.node.folder, NATIONAL_USER, wait_s=5)

        async def hear(message):
            self.alerts.append(message.data)

        await self.client.subscribe(warning_subject(self.exercise), cb=hear)
        await self.client.flush()
        await self.client.flush()  # the first PING may go before the subscription

    async def start_alone(self, name: str) -> StageProcess:
        folder = node_of_stage(self.folder, name, exercise=self.exercise)
        self.alone[name] = process = StageProcess(folder, SETTINGS, name)
        await process.start()
        self.running[name] = asyncio.create_task(process.run())
        return process

    def scans(self, seconds: float):
        """So much of the flight, as though it had just been seen."""
        begin_ns = time.time_ns() - round(seconds * S)
        return arrivals("JPN", self.node.radars, begin_ns=begin_ns, seconds=seconds)

    async def post(self, one) -> str:
        """Why it was not acknowledged, or nothing."""
        return await asyncio.to_thread(self.feed.post, one)

    async def post_until_taken(self, one) -> None:
        """As a feed does."""
        ends = time.monotonic() + LONG_S
        while why := await self.post(one):
            assert time.monotonic() < ends, why
            await asyncio.sleep(0.05)

    async def post_all(self, scans) -> None:
        """As feeds do: each radar's in order, radars abreast."""

        async def of_radar(radar):
            for one in scans:
                if one.arrival.radar == radar:
                    await self.post_until_taken(one)

        await asyncio.gather(*(of_radar(name) for name in {one.arrival.radar for one in scans}))

    def is_followed(self, name: str) -> bool:
        """Whether a stage has all that the node has, and that is in the journal."""
        journal, following = self.node.journal, self.alone[name].alone.following
        return not journal.health.waiting and following.number == journal.last_number

    async def kill(self, name: str) -> None:
        """What a stage that is killed leaves behind: nothing more is said or done."""
        process = self.alone.pop(name)
        await process._connection.close()
        self.running.pop(name).cancel()
        await process.status.stop()
        if name == "feeds":
            await process.alone._feeds.stop()

    async def stop(self) -> None:
        for name, process in self.alone.items():
            self.running[name].cancel()
            await process.stop()
        await self.client.close()
        await self.node.stop()


async def until(condition):
    await within(condition, LONG_S)


def digests(folded):
    return {name: folded.pictures[name].picture.digest() for name in NAMES}


def of_stages(node):
    """What the node says is wrong with its stages."""
    return [fault for fault in node.health()["faults"] if fault.startswith("stage")]


def test_the_same_bits_and_the_same_alert_as_in_one_process(tmp_path):
    """What one process says of this flight: tests/warning/test_node_warns.py."""

    async def run():
        fed = Fed(tmp_path, ("feeds", "warnings"))
        try:
            await fed.start("feeds", "warnings")
            await fed.post_all(fed.scans(30.0))
            await until(lambda: fed.alerts)
            await until(lambda: fed.is_followed("warnings"))
            # Nothing is awaited in between: both are after one entry.
            following = fed.alone["warnings"].alone.following
            assert digests(following.folded) == digests(fed.node.folded)
            assert following.folded.shared.ids == fed.node.shared.ids != {}
            assert following.passed_over == 0
            said = following.folded.warned.state().said
            assert said.keys() == fed.node.folded.warned.state().said.keys() != set()
            await looked_at(fed, sum(map(len, said.values())))
            await cancelled(fed)
            return fed.alerts[0], fed.folder
        finally:
            await fed.stop()

    async def looked_at(fed, alerts):
        warns, names = fed.alone["warnings"], fed.node.apart.names
        await until(lambda: not warns.health()["faults"])
        await until(lambda: all(map(fed.node.apart.is_up, names)) and not of_stages(fed.node))
        async with httpx.AsyncClient(timeout=LONG_S) as web:
            at = f"http://127.0.0.1:{warns.status.port}"
            feed = etree.fromstring((await web.get(f"{at}/alerts")).content)
            assert (await web.get(f"{at}/health")).json()["stage"] == "warnings"
            metrics = (await web.get(f"http://127.0.0.1:{fed.node.status.port}/metrics")).text
        assert len(feed.findall("{*}entry")) == alerts
        assert all(f'skypact_stage_up{{stage="{name}"}}' in metrics for name in names)

    async def cancelled(fed):
        """The node passes an order on, and its answer back."""
        warner = fed.alone["warnings"].alone._warns
        event, last = min(warner.decider.under_alert), max(warner.decider.under_alert)
        folder = load_node(fed.folder)

        async def ordered(about):
            order = Order(what=CANCEL_WARNING, about=about, who="Sato", when_ns=fed.node.clock())
            order = order.signed(folder.keys.signing)
            return await give_order(folder, QUICK, order, exercise=False, wait_s=LONG_S)

        refused = await ordered(str(last + 1))
        assert not refused.done and f"event {event}: " in refused.said
        before = len(fed.alerts)
        assert (await ordered(str(event))).done
        await until(lambda: len(fed.alerts) > before)
        assert etree.fromstring(fed.alerts[-1]).findtext("{*}msgType") == "Cancel"

    async def twin(folder):
        """One process that decides anew about all, by the plots' and marks' own times."""
        async with open_source(folder, SETTINGS) as source:
            return await nodes.never_killed(source, SETTINGS, [])

    alert, folder = asyncio.run(run())
    of = etree.fromstring(alert)
    assert faults_of(of, exercise=False) == []
    assert of.findtext("{*}msgType") == "Alert"
    assert {e.text for e in of.iterfind(".//{*}geocode/{*}value")} == {"north"}
    assert asyncio.run(twin(folder))["verdicts_other"] == 0


def test_kills_lose_nothing_that_was_acknowledged(tmp_path):
    """Of the node, and of each stage, in an exercise; its server lives on, as with kill -9."""

    async def by_nats(fed, radar):
        client = await connect(fed.node.folder, feed_user("all"), wait_s=5)
        answer = await client.request(feed_subject(radar, exercise=True), b"{}", timeout=30)
        await client.close()
        return json.loads(answer.data)["status"]

    async def run():
        fed = Fed(tmp_path, ("feeds", "record"), exercise=True)
        try:
            await fed.start("feeds", "record")
            scans = fed.scans(6.0)
            first, second, third, *rest = scans
            await fed.post_until_taken(first)
            assert await by_nats(fed, first.arrival.radar) == 422  # and answered by that stage
            await abandon(fed.node)
            why = ""
            async with asyncio.timeout(60):  # its server may take a moment to miss it
                while "stages.apart" not in why:
                    why = await fed.post(second)
                    assert "503" in why, why
            fed.node = fed.made()
            await fed.node.start()
            await fed.post_until_taken(second)
            following = fed.alone["record"].alone.following  # over the node's end
            await until(lambda: fed.is_followed("record"))
            assert digests(following.folded) == digests(fed.node.folded)
            await fed.kill("feeds")
            await fed.kill("record")
            assert await fed.post(third)
            await until(lambda: len(of_stages(fed.node)) == 2)
            assert "--stage feeds" in of_stages(fed.node)[0]
            assert not fed.node.apart.is_up("record")
            await fed.start_alone("feeds")
            for one in (third, *rest, first):  # the first again: its answer was lost, say
                await fed.post_until_taken(one)
            await fed.start_alone("record")
            await until(lambda: fed.is_followed("record"))
            following = fed.alone["record"].alone.following
            assert digests(following.folded) == digests(fed.node.folded)
            await until(lambda: not of_stages(fed.node))
            return scans
        finally:
            await fed.stop()

    scans = asyncio.run(run())

    async def kept():
        async with open_source(tmp_path / "JPN", SETTINGS, exercise=True) as source:
            return await plots_of(source)

    given = sorted(time_ns for one in scans for time_ns in one.arrival.plots.time_ns.tolist())
    assert sorted(asyncio.run(kept()).time_ns.tolist()) == given


class Journalled:
    """As much of a node as writes what a stage asks it to, over a server of the test's own."""

    async def begin(self, url: str) -> None:
        self.told: list[str] = []
        folded = SimpleNamespace(
            radars=(), settings=SETTINGS, fold=lambda entry: self.told.append(entry.about)
        )
        self.connection = await nats.connect(url, user="node", password="node")
        self.journal = await Journal.open(self.connection, SETTINGS.journal)
        self.apart = Apart(("warnings",), SETTINGS.node, time.time_ns, exercise=False)
        await self.apart.begin(self.connection, folded, self.journal, None)

    async def end(self) -> None:
        await until(lambda: not self.journal.health.waiting)
        await self.connection.close()
        await self.journal.close()


def test_an_entry_is_written_once_though_answers_are_lost_and_by_one_process_alone(tmp_path):
    server = OwnServer(tmp_path)
    server.start()

    async def run():
        client = await nats.connect(server.url, user="node", password="node")

        def process(fits=""):
            fits = fits or fits_of((), SETTINGS)
            return ItsNode(client, "warnings", SETTINGS, fits, exercise=False)

        async def append(one, about):
            return await one.append(EntryKind.WARNING, about, T0, about.encode())

        node, after, one, other = Journalled(), Journalled(), process(), process()
        await node.begin(server.url)
        assert await one.say_here() and await append(one, "1.1") == 1
        done = node.apart._done

        async def unanswered(*asked):
            await done(*asked)
            raise asyncio.CancelledError

        node.apart._done = unanswered
        appending = asyncio.create_task(append(one, "1.2"))
        await until(lambda: node.told == ["1.1", "1.2"])
        await node.end()
        await until(lambda: "start it" in one.fault)
        assert not appending.done()
        await after.begin(server.url)
        assert await appending == 2 and await append(one, "1.3") == 3
        assert after.told == ["1.3"]  # the second is in its journal, and it has it from there
        assert await other.say_here()
        with pytest.raises(JournalError, match="another process"):
            await append(one, "of the one before")
        assert one.over.is_set() and not await one.say_here()
        with pytest.raises(JournalError, match="nothing that"):
            await other.append(EntryKind.PLOTS_ACCEPTED, "forged", T0, b"")
        unfit = process("other radars")
        assert not await unfit.say_here() and unfit.over.is_set() and "radars" in unfit.fault
        assert [entry.about async for entry in after.journal.read()] == ["1.1", "1.2", "1.3"]
        await client.close()
        await after.end()

    try:
        asyncio.run(run())
    finally:
        server.stop()


def test_a_stage_may_do_on_the_server_what_it_needs_and_nothing_else(tmp_path):
    """As the nation's server has it: its user, whatever it asks, gets nothing that is others'."""
    folder = stages.nation(tmp_path, SETTINGS, stages.AFTER_NODE)

    async def oversteps(node, name):
        refused: list[str] = []

        async def refuse(error):
            refused.append(str(error).lower())

        client = await connect(node, stage_user(name), wait_s=5, error_cb=refuse)
        others = [one for one in stages.AFTER_NODE if one != name]
        publish = [stage_subject(one, "write") for one in others]
        publish += ["journal", "operate.live", "release.KOR.batch", "live.KOR.message"]
        publish += ["$JS.API.STREAM.DELETE.JOURNAL", "$JS.API.STREAM.PURGE.JOURNAL"]
        publish += ["$JS.API.STREAM.LIST", "_INBOX.x", "desk.live.ask"]
        publish += ["warning.public"] * (name != "warnings")
        publish += ["$JS.API.STREAM.INFO.JOURNAL"] * (name == "feeds")
        subscribe = [
            ">",
            "_INBOX.>",
            "_OWN.>",
            "_OWN.nat.>",
            "journal",
            "stage.>",
            stage_subject(others[0], "*"),
        ]
        subscribe += ["feed.*"] * (name != "feeds")
        for subject in publish:
            await client.publish(subject, b"evil")
        for subject in subscribe:
            await client.subscribe(subject)
        await client.publish(stage_subject(name, "here"), b"may")
        await client.flush()
        await until(lambda: len(refused) >= len(publish) + len(subscribe))
        assert len(refused) == len(publish) + len(subscribe), (name, refused)
        assert all("permissions violation" in one for one in refused)
        await client.close()

    async def run():
        node = load_node(folder)
        write_generated(node, SETTINGS.link)
        server = NatsServer(node, SETTINGS.link)
        await server.start()
        try:
            nation = await connect(node, NATIONAL_USER, wait_s=5)
            seen: list[str] = []

            async def see(message):
                seen.append(message.subject)

            await nation.subscribe(">", cb=see)
            for name in stages.AFTER_NODE:
                await oversteps(node, name)
            await until(lambda: len(seen) >= 3)
            assert seen == [stage_subject(name, "here") for name in stages.AFTER_NODE]
            await nation.close()
        finally:
            await server.stop()

    asyncio.run(run())


def test_what_is_wrong_in_node_toml_is_named(tmp_path):
    folder = stages.nation(tmp_path, SETTINGS, ("feeds",))
    with pytest.raises(InputError, match=r'node\.toml: stages\.apart: has no "record"; enter'):
        node_of_stage(folder, "record", exercise=False)
    stages.set_apart(folder, ("warning",))
    with pytest.raises(InputError, match=r'stages\.apart: "warning" is no.*mean "warnings"\?'):
        Node(folder, SETTINGS)
