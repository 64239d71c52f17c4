"""Many who send to one partner at once, and a flood from one: what is handed over keeps its order,
and what is dropped is counted."""

import asyncio
import itertools
import random
import time
from types import SimpleNamespace

import pytest

from skypact.settings import LinkSettings
from skypact.sharing.coalition import init_coalition
from skypact.sharing.link import Link, _Partner
from skypact.sharing.node_folder import load_node


class SlowGate:
    """A connection that takes its time with each message, as one does whose buffer is full."""

    is_connected = True

    def __init__(self):
        self.went = []

    async def publish(self, subject, data):
        await asyncio.sleep(random.Random(data).random() / 2000)
        self.went.append((subject.split(".")[1], data))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("order") / "coalition"
    init_coalition(root, ["JPN", "KOR", "USA"], "mesh", LinkSettings(), first_port=31000)
    return root / "JPN"


def link_of(folder, received=None, **settings):
    """A link with its partners, and nothing that runs."""
    link = Link(load_node(folder), LinkSettings(**settings), received)
    for name in ("KOR", "USA"):
        link._partners[name] = _Partner(link, name)
    return link


def test_order_per_partner_on_both_paths_whoever_sends(folder):
    """The numbers of a chain are given before: what overtakes would be refused."""

    async def run():
        link = link_of(folder)
        link._gate = gate = SlowGate()
        keeping = asyncio.create_task(link._keep_sending())
        given = {"KOR": [], "USA": []}

        async def sender(number):
            for _ in range(20):
                await asyncio.sleep(random.Random(number).random() / 1000)
                for name, numbers in given.items():
                    data = len(numbers).to_bytes(4, "big")
                    numbers.append(data)
                    await link.publish(name, data, f"{name}-{len(numbers)}")

        await asyncio.gather(*(sender(number) for number in range(10)))
        for name, numbers in given.items():
            waiting = link._partners[name].outbox._waiting
            assert [one.data for one in waiting] == numbers
        while sum(p.live_sent for p in link._partners.values()) < 400:
            await asyncio.sleep(0.01)
        for name, numbers in given.items():
            assert [data for to, data in gate.went if to == name] == numbers
        keeping.cancel()

    asyncio.run(run())


def test_what_does_not_go_live_is_counted_and_waits_in_the_outbox(folder):
    async def run():
        link = link_of(folder, live_queue_messages=30)
        link._gate = gate = SlowGate()
        for number in range(100):
            await link.publish("KOR", b"%d" % number, f"{number}")
        keeping = asyncio.create_task(link._keep_sending())
        while len(gate.went) < 30:
            await asyncio.sleep(0.01)
        state = link.states()[0]
        assert (state.live_sent, state.live_dropped, state.live_shed) == (30, 70, 0)
        assert state.waiting_messages == 100
        keeping.cancel()

    asyncio.run(run())


def test_under_a_flood_one_s_own_has_its_turn_and_what_is_missing_was_counted(folder):
    async def run():
        taken, own = [], []

        async def received(_, by, data):
            time.sleep(0.0005)  # what taking in costs
            taken.append(data)

        link = link_of(folder, received, live_queue_messages=200, slice_s=0.002)
        partner = link._partners["KOR"]
        for number in range(1000):
            message = SimpleNamespace(subject="from.KOR.live.JPN.message", data=b"%d" % number)
            await link._live_arrived(message)
        taking = asyncio.create_task(link._take_live(partner))
        while partner.live_received < 200:
            own.append(len(taken))  # of the flood, taken in before this turn of one's own
            await asyncio.sleep(0)
        taking.cancel()
        state = link.states()[0]
        assert len(taken) + state.live_shed == 1000 and state.live_shed == 800
        assert taken == [b"%d" % number for number in range(200)]
        # Four messages fill a slice of 2 ms; whatever the machine does, a turn has at most those.
        most = max(after - before for before, after in itertools.pairwise(own))
        assert most <= 5

    asyncio.run(run())
