"""Links over real servers and wires that fail: nothing lost, nothing doubled, the order kept."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from link_settings import QUICK
from nats.aio.client import Client

from evaluate.link_scene import NATIONS, Coalition, coalition, until
from skypact.errors import LinkError, OutboxFullError
from skypact.settings import LinkSettings
from skypact.sharing.coalition import add_partner, apply_changes, remove_partner
from skypact.sharing.keys import load_card
from skypact.sharing.link import Link
from skypact.sharing.nats_config import inbox_user, outbox_user
from skypact.sharing.nats_server import connect, system_connection
from skypact.sharing.node_folder import load_node
from skypact.sharing.outbox import Outbox, ask

ALL_WAYS = [(one, other) for one in NATIONS for other in NATIONS if one != other]
BOTH_WAYS = [("JPN", "KOR"), ("KOR", "JPN")]
RATE_HZ = 200
PATIENCE_S = 60.0  # waiting ends when what is awaited holds: a loaded machine takes long
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Scene:
    def __init__(self, runner: asyncio.Runner, scene: Coalition) -> None:
        self.run, self.scene = runner.run, scene


def opened(topology: str) -> Iterator[Scene]:
    with asyncio.Runner() as runner:
        held = coalition(QUICK, topology)
        scene = Scene(runner, runner.run(held.__aenter__()))
        yield scene
        runner.run(held.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def mesh() -> Iterator[Scene]:
    yield from opened("mesh")


@pytest.fixture(scope="module")
def hub() -> Iterator[Scene]:
    yield from opened("hub:USA")


async def through(
    scene: Coalition,
    ways: Sequence[tuple[str, str]],
    seconds: float,
    happens: Callable[[], Coroutine[Any, Any, Any]] | None = None,
) -> None:
    """Publish on all ways while something happens, and check all that came by the durable path."""
    scene.taken.clear()
    first = scene.newest()
    scene.published = dict.fromkeys(ways, first)
    traffic = asyncio.create_task(scene.traffic(ways, RATE_HZ, seconds))
    await asyncio.sleep(0.2)
    if happens:
        await happens()
    await traffic
    for way in ways:
        expected = list(range(first, scene.published[way]))
        await until(partial(scene.has_taken, way, len(expected)), PATIENCE_S)
        assert scene.taken[way].durable == expected, way
        live = scene.taken[way].live
        assert live == sorted(set(live)), way
        if not happens:
            assert live == expected, way


def test_messages_flow_all_ways_by_both_paths(mesh: Scene) -> None:
    mesh.run(through(mesh.scene, ALL_WAYS, 1.0))


def test_a_cut_loses_nothing(mesh: Scene) -> None:
    async def cut() -> None:
        for wire in mesh.scene.between("JPN", "KOR"):
            await wire.cut()
        assert await until(lambda: not state_of(mesh.scene, "JPN", "KOR").up, PATIENCE_S)
        assert "no heartbeat of KOR" in state_of(mesh.scene, "JPN", "KOR").alarms[0]
        assert state_of(mesh.scene, "JPN", "USA").up
        for wire in mesh.scene.between("JPN", "KOR"):
            wire.mend()

    mesh.run(through(mesh.scene, BOTH_WAYS, 2.0, cut))
    assert mesh.run(until(lambda: state_of(mesh.scene, "JPN", "KOR").up, PATIENCE_S))


def test_a_black_hole_loses_nothing(mesh: Scene) -> None:
    async def swallow() -> None:
        for wire in mesh.scene.between("JPN", "KOR"):
            wire.swallow()
        await asyncio.sleep(1.0)
        for wire in mesh.scene.between("JPN", "KOR"):
            wire.mend()

    mesh.run(through(mesh.scene, BOTH_WAYS, 1.5, swallow))


def test_flapping_loses_nothing(mesh: Scene) -> None:
    async def flap() -> None:
        for _ in range(5):
            for wire in mesh.scene.between("JPN", "KOR"):
                await wire.cut()
            await asyncio.sleep(0.1)
            for wire in mesh.scene.between("JPN", "KOR"):
                wire.mend()
            await asyncio.sleep(0.3)

    mesh.run(through(mesh.scene, BOTH_WAYS, 2.0, flap))


def test_a_long_way_keeps_the_order(mesh: Scene) -> None:
    wires = mesh.scene.between("JPN", "KOR")
    for wire in wires:
        wire.delay_s = 0.075
    mesh.run(through(mesh.scene, BOTH_WAYS, 1.0))
    for wire in wires:
        wire.delay_s = 0.0


@pytest.mark.parametrize("nation", ["JPN", "KOR"])
def test_a_killed_server_loses_nothing_and_is_started_anew(mesh: Scene, nation: str) -> None:
    server = mesh.scene.servers[nation]
    restarts = server.state.restarts

    async def kill() -> None:
        os.kill(server.pid or 0, signal.SIGKILL)
        assert await until(lambda: not server.state.up, PATIENCE_S, 0.001)

    mesh.run(through(mesh.scene, BOTH_WAYS, 1.0, kill))
    assert server.state.up
    assert server.state.restarts == restarts + 1


def test_a_server_that_hangs_loses_nothing(mesh: Scene) -> None:
    async def hang() -> None:
        os.kill(mesh.scene.servers["KOR"].pid or 0, signal.SIGSTOP)
        await asyncio.sleep(1.0)
        os.kill(mesh.scene.servers["KOR"].pid or 0, signal.SIGCONT)

    mesh.run(through(mesh.scene, [("JPN", "KOR")], 1.5, hang))


def test_what_is_published_while_the_other_node_is_down_waits(mesh: Scene) -> None:
    async def restart() -> None:
        await mesh.scene.links["KOR"].stop()
        await asyncio.sleep(0.5)
        await mesh.scene.open_link("KOR")

    mesh.run(through(mesh.scene, [("JPN", "KOR")], 1.0, restart))


def test_a_message_that_was_not_taken_in_comes_again(mesh: Scene) -> None:
    """Acknowledged is only what `received` has returned from."""
    scene = mesh.scene

    async def attempt() -> None:
        await scene.links["KOR"].stop()
        begun: list[bytes] = []

        async def never_returns(_: str, by: str, data: bytes) -> None:
            if by == "durable":
                begun.append(data)
                await asyncio.sleep(3600.0)

        link = Link(load_node(scene.folder / "KOR"), QUICK, never_returns)
        await link.start()
        scene.taken.clear()
        first = scene.published["JPN", "KOR"]
        for _ in range(3):
            await scene.publish("JPN", "KOR")
        assert await until(lambda: bool(begun), PATIENCE_S)
        await link.stop()
        await scene.open_link("KOR")
        way = ("JPN", "KOR")
        assert await until(
            lambda: way in scene.taken and len(scene.taken[way].durable) >= 3, PATIENCE_S
        )
        assert scene.taken[way].durable == [first, first + 1, first + 2]

    mesh.run(attempt())


def test_a_folder_has_one_node(mesh: Scene) -> None:
    async def nothing(_: str, by: str, data: bytes) -> None:
        raise AssertionError

    link = Link(load_node(mesh.scene.folder / "KOR"), QUICK, nothing)
    with pytest.raises(LinkError, match="another node runs with this folder"):
        mesh.run(link.start())


@pytest.mark.parametrize("unheard", [None, "DELETE", "CREATE"])
def test_a_store_that_went_back_in_time_is_noticed(
    mesh: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unheard: str | None
) -> None:
    """An older copy of the server's files: without a new outbox the partner would miss messages.

    Also where the server does it and its answer gets lost.
    """
    scene = mesh.scene
    store, copy = scene.folder / "JPN" / "store", tmp_path / "copy"
    shutil.copytree(store, copy)
    mesh.run(through(scene, BOTH_WAYS, 0.5))
    before = state_of(scene, "JPN", "KOR").out.renewed  # a killed server may have gone back too
    left_unheard = [f"$JS.API.STREAM.{unheard}.OUT_KOR"]  # nobody asks for "None"

    async def not_heard(client: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        said = await ask(client, subject, body)
        if subject in left_unheard:
            left_unheard.remove(subject)
            raise LinkError(f"{subject}: no answer")
        return said

    async def go_back() -> None:
        await scene.servers["JPN"].stop()
        shutil.rmtree(store)
        shutil.copytree(copy, store)
        await scene.servers["JPN"].start()

    # Between two messages: what a store forgets before its partner fetched it the link cannot know.
    monkeypatch.setattr("skypact.sharing.outbox.ask", not_heard)
    mesh.run(go_back())
    mesh.run(through(scene, [("JPN", "KOR")], 1.0, partial(asyncio.sleep, 0.0)))
    assert bool(left_unheard) == (unheard is None)
    state = state_of(scene, "JPN", "KOR")
    assert state.out.renewed == before + 1
    assert any("check the disk" in alarm for alarm in state.alarms)


def test_a_durable_path_that_stands_still_is_noticed_and_asked_anew(mesh: Scene) -> None:
    scene = mesh.scene

    async def attempt() -> None:
        keeper = await connect(load_node(scene.folder / "JPN"), outbox_user("KOR"), wait_s=30.0)
        name = "$JS.API.CONSUMER.PAUSE.OUT_KOR.to_KOR"
        await ask(keeper, name, {"pause_until": "2999-01-01T00:00:00Z"})
        scene.taken.clear()
        for _ in range(5):
            await scene.publish("JPN", "KOR")
        assert await until(
            lambda: any("stands still" in alarm for alarm in state_of(scene, "KOR", "JPN").alarms),
            PATIENCE_S,
        )
        assert state_of(scene, "KOR", "JPN").up
        await ask(keeper, name, {})
        await keeper.close()
        way = ("JPN", "KOR")
        assert await until(
            lambda: way in scene.taken and len(scene.taken[way].durable) >= 5, PATIENCE_S
        )
        assert scene.taken[way].durable == sorted(set(scene.taken[way].durable))

    mesh.run(attempt())


def test_a_batch_that_is_none_hurts_nobody(mesh: Scene) -> None:
    """A partner's own gate writes garbage: it is counted, and what follows is taken in."""
    scene = mesh.scene
    before = state_of(scene, "KOR", "JPN").malformed

    async def garbage() -> None:
        await scene.links["JPN"].stop()
        gate = await connect(load_node(scene.folder / "JPN"), "gate", wait_s=30.0, once=True)
        await gate.request("release.KOR.batch", b"\xc1garbage", timeout=30.0)
        await gate.publish("live.KOR.heartbeat", b"\xc1garbage")
        await gate.flush()
        await gate.close()
        await scene.open_link("JPN")

    mesh.run(garbage())
    mesh.run(through(scene, [("JPN", "KOR")], 0.5))
    assert state_of(scene, "KOR", "JPN").malformed >= before + 2


def test_an_id_that_was_used_before_loses_nothing(mesh: Scene) -> None:
    """The server takes a batch that begins with it for one it has, and drops it (trap 5)."""
    scene = mesh.scene

    async def attempt() -> None:
        scene.taken.clear()
        first = scene.newest()
        scene.published = {("JPN", "KOR"): first}
        for number in (first, first + 1):
            scene.published["JPN", "KOR"] = number
            await scene.publish("JPN", "KOR", message_id="the same")
            assert await until(
                partial(scene.has_taken, ("JPN", "KOR"), number - first + 1), PATIENCE_S
            )

    mesh.run(attempt())


def test_what_each_start_offers_again_hides_nothing_new(mesh: Scene) -> None:
    """A node that was killed offers what it had sent anew, each time from the same message on.

    Were batches known by their first message, the server would take the third start's for that of
    the second, and what came behind it in the outbox for stored.
    """
    scene = mesh.scene

    async def starts() -> None:
        way = ("JPN", "KOR")
        scene.taken.clear()
        first = scene.newest()
        scene.published = {way: first}
        await scene.publish("JPN", "KOR", message_id="again")
        again = msgspec.msgpack.encode((first, time.time(), b"x"))
        for start in range(4):
            await scene.links["JPN"].stop()
            link = await scene.open_link("JPN")
            await link.publish("KOR", again, "again", live=False)
            assert await link.settled()
            for _ in range(3):
                await scene.publish("JPN", "KOR")
            new = list(range(first + 1, first + 1 + 3 * (start + 1)))
            await until(partial(scene.has_taken, way, len(new) + 1), PATIENCE_S)
            assert [number for number in scene.taken[way].durable if number != first] == new

    mesh.run(starts())


def test_a_partner_removed_gets_nothing_from_that_moment(mesh: Scene) -> None:
    """The link is up, and its server would go on by itself; others do not notice."""
    scene = mesh.scene
    folder = scene.folder / "JPN"

    async def attempt() -> None:
        await scene.all_up()
        traffic = asyncio.create_task(scene.traffic([("JPN", "USA")], RATE_HZ, 1.5))
        await until(lambda: bool(scene.taken), PATIENCE_S)
        remove_partner(folder, "KOR")
        done = await apply_changes(folder, QUICK, ["KOR"], gone="KOR")
        assert done.running
        taken_live = len(scene.taken.get(("JPN", "KOR"), scene.none).live)
        gate = await connect(load_node(folder), "gate", wait_s=30.0, once=True)
        for _ in range(20):
            await gate.publish("live.KOR.message", b"too late")
            await gate.publish("release.KOR.batch", b"too late")
        await gate.flush()
        await gate.close()
        async with system_connection(load_node(folder), QUICK) as system:
            links = await system.links()
        assert {link.account for link in links} == {"TO_USA", "FROM_USA"}
        for user in (outbox_user("KOR"), inbox_user("KOR")):
            with pytest.raises(LinkError, match="answers"):
                await connect(load_node(folder), user, wait_s=1.0, once=True)
        assert await until(lambda: len(scene.links["JPN"].states()) == 1, PATIENCE_S)
        with pytest.raises(LinkError, match="KOR is no partner of JPN"):
            await scene.links["JPN"].publish("KOR", b"too late", "late")
        await traffic
        assert len(scene.taken.get(("JPN", "KOR"), scene.none).live) == taken_live
        assert await until(lambda: not state_of(scene, "KOR", "JPN").up, PATIENCE_S)
        usa = scene.taken["JPN", "USA"].live
        assert usa == list(range(usa[0], usa[-1] + 1))  # not one was lost on the way

    scene.taken.clear()
    mesh.run(attempt())


def test_a_partner_added_again_gets_what_is_new(mesh: Scene) -> None:
    scene = mesh.scene
    card = scene.folder / "KOR" / "KOR.card.toml"

    async def attempt() -> None:
        add_partner(scene.folder / "JPN", card, load_card(card).fingerprint)
        await apply_changes(scene.folder / "JPN", QUICK, ["KOR"])
        assert await until(lambda: len(scene.links["JPN"].states()) == 2, PATIENCE_S)
        await scene.all_up()

    mesh.run(attempt())
    mesh.run(through(scene, [("JPN", "KOR")], 0.5))


def test_through_a_hub_messages_flow_all_ways(hub: Scene) -> None:
    mesh_wires = [way for way in hub.scene.wires if "USA" not in way]
    assert mesh_wires  # the spokes could dial each other, and do not
    hub.run(through(hub.scene, ALL_WAYS, 1.0))


def test_a_hub_cut_off_loses_nothing(hub: Scene) -> None:
    async def cut() -> None:
        for wire in hub.scene.between("JPN", "USA"):
            await wire.cut()
        await asyncio.sleep(1.0)
        for wire in hub.scene.between("JPN", "USA"):
            wire.mend()

    hub.run(through(hub.scene, BOTH_WAYS, 1.5, cut))


def test_a_hub_killed_loses_nothing(hub: Scene) -> None:
    async def kill() -> None:
        os.kill(hub.scene.servers["USA"].pid or 0, signal.SIGKILL)

    hub.run(through(hub.scene, ALL_WAYS, 1.0, kill))


def test_more_than_may_wait_is_refused() -> None:
    settings = LinkSettings(waiting_messages=3, waiting_mib=1, max_message_bytes=600_000)

    async def attempt() -> None:
        outbox = Outbox("JPN", "KOR", settings, 1 << 20, lambda: True)
        with pytest.raises(LinkError, match="max_message_bytes"):
            outbox.put("0", b"x" * 600_001, 0)
        outbox.put("1", b"x" * 600_000, 0)
        with pytest.raises(OutboxFullError, match="1 messages wait for the outbox to KOR"):
            outbox.put("2", b"x" * 600_000, 0)
        for number in (3, 4):
            outbox.put(str(number), b"", 0)
        with pytest.raises(OutboxFullError, match="3 messages"):
            outbox.put("5", b"", 0)
        outbox.drop()
        assert outbox.waiting_messages == 0

    asyncio.run(attempt())


def state_of(scene: Coalition, nation: str, partner: str):
    [state] = [one for one in scene.links[nation].states() if one.partner == partner]
    return state
