"""What an operator changes while a node runs: its release policy, and whom it believes."""

import asyncio
import time

import msgspec
from typer.testing import CliRunner

from skypact import cli
from skypact.model import EntryKind
from skypact.node import Node
from skypact.serving.kept import KeptPlots, KeptSent
from skypact.serving.operating import Order, give_order
from skypact.serving.policy_in_force import KeptAction, load_signed
from skypact.sharing.chain import Delivery
from skypact.sharing.entry import Cause
from skypact.sharing.users import load_users
from tests.sharing.link_settings import QUICK
from tests.test_node import SETTINGS, arrivals, coalition, flight, until  # noqa: F401

OPEN = {"KOR": {"JPN": "tracklets", "USA": "tracklets"}}
CLOSED = """
nation = "KOR"
[partner.JPN]
level = "assessment"
[partner.USA]
level = "tracklets"
openness = "full"
"""


async def skypact(*words):
    """A command in its own thread, while the node runs in this one."""
    return await asyncio.to_thread(CliRunner().invoke, cli.app, [str(word) for word in words])


async def entries(node):
    return [entry async for entry in node.journal.read()]


def actions(found):
    return [
        (entry.number, msgspec.msgpack.decode(entry.payload, type=KeptAction))
        for entry in found
        if entry.kind is EntryKind.OPERATOR_ACTION and entry.about != "checkpoint"
    ]


def tracklets_to(node, found, partner):
    """How many plots went as tracklets in each message to a partner, by entry."""
    reader = Reader(node, partner)
    return [(number, plots) for number, plots in map(reader.plots, found) if plots]


class Reader:
    """Opens what a node sent, as its addressee could."""

    def __init__(self, node, partner):
        folder = node.folder.folder.parent / partner
        self.partner, self.keys = partner, (folder, node.nation)

    def plots(self, entry):
        if entry.kind is not EntryKind.SENT_MESSAGE or entry.about != self.partner:
            return entry.number, 0
        from skypact.sharing import codec, seal
        from skypact.sharing.node_folder import load_node

        folder, origin = self.keys
        kept = msgspec.msgpack.decode(entry.payload, type=KeptSent)
        frame = codec.read_frame(kept.data, 1_000_000)
        info = seal.info_of(origin, self.partner, frame.epoch, frame.sequence)
        body = codec.read_signed(
            seal.unseal(frame.content, info, [load_node(folder).keys.sealing])
        ).body
        payload = msgspec.msgpack.decode(body)["payload"]
        return entry.number, sum(one["plots"] for one in payload.get("tracklets", ()))


def test_a_policy_changes_between_two_messages_of_a_running_node(tmp_path, flight):  # noqa: F811
    """Plots come all the while; Korea withdraws tracklets from Japan, and nobody else notices."""
    coalition(tmp_path, OPEN)
    folder = tmp_path / "KOR"

    async def run():
        node = Node(folder, SETTINGS)
        await node.start()
        try:
            sent = list(arrivals(flight, "KOR", node.radars, time.time_ns()))
            half = len(sent) // 2

            async def feed(part):
                for arrival in part:
                    await node.take_plots((arrival,))
                    await asyncio.sleep(0.01)

            await feed(sent[:half])
            (folder / "release.toml").write_text(CLOSED)
            await until(lambda: node.health()["notices"])
            assert "skypact release apply" in node.health()["notices"][0]
            changing = asyncio.create_task(
                skypact("release", "apply", folder, "--by", "Kim", "--yes")
            )
            await feed(sent[half:-2])
            done = await changing
            assert done.exit_code == 0, done.output
            assert (
                "JPN gets LESS: of what any radar sees, assessments instead of full tracklets"
                in done.output
            )
            assert "USA" not in done.output
            await feed(sent[-2:])
            await until(lambda: not node.health()["notices"])
            found = await entries(node)
            (first, asked, now) = actions(found)
            assert [one.what for _, one in (first, asked, now)] == [
                "release policy at start",
                "release policy asked for",
                "release policy in force",
            ]
            assert (now[1].who, now[1].before, now[1].after) == (
                *("Kim", first[1].after, node.policy.hash),
            )
            plots = [
                (
                    entry.number,
                    len(msgspec.msgpack.decode(entry.payload, type=KeptPlots).columns[0]),
                )
                for entry in found
                if entry.kind is EntryKind.PLOTS_ACCEPTED
            ]
            before = sum(size // 8 for number, size in plots if number < now[0])
            after = sum(size // 8 for number, size in plots if number > now[0])
            assert before > 0 < after
            to_japan = tracklets_to(node, found, "JPN")
            assert all(number < now[0] for number, _ in to_japan)  # nothing forbidden after
            assert sum(count for _, count in to_japan) == before  # and nothing lost before
            to_usa = sum(count for _, count in tracklets_to(node, found, "USA"))
            for way in node.ways.values():
                to_usa += sum(
                    one.plots
                    for payload, _ in way.release.ready(no_more=True)
                    for one in payload.tracklets
                    if way.partner == "USA"
                )
            assert to_usa == before + after
        finally:
            await node.stop()
        # The last applied is in force after a restart, whatever the file says now.
        (folder / "release.toml").write_text(CLOSED.replace("assessment", "plots"))
        again = Node(folder, SETTINGS)
        await again.start()
        try:
            assert again.policy.hash == now[1].after
            await until(lambda: again.health()["notices"])
        finally:
            await again.stop()

    asyncio.run(run())


async def orders_of_users(tmp_path, node):
    """From the first user on orders need a user's key, of the right role; the audit has it."""
    folder, keys = node.folder.folder, {name: tmp_path / f"{name}.key" for name in ("Kim", "Lee")}
    for name, role in (("Kim", "release"), ("Lee", "act")):
        words = ("--role", role, "--key-file", keys[name])
        done = await skypact("coalition", "user", "add", folder, name, *words)
        assert done.exit_code == 0, done.output
    leave = ("coalition", "leave-out", folder, "JPN", "--by")
    for words, why in (
        (("Lee",), "Lee orders with a key of their own"),
        (("Lea", "--key", keys["Lee"]), "Lea is no user"),
        (("Lee", "--key", keys["Kim"]), "is not Lee's key"),
        (("Kim", "--key", keys["Kim"]), 'Kim has not the role "act"'),
    ):
        refused = await skypact(*leave, *words)
        assert refused.exit_code == 1 and why in refused.output, refused.output
    assert not node.shared.left_out
    forged = Order(what="leave out", about="JPN", who="Lee", when_ns=time.time_ns())
    forged = forged.signed(node.folder.keys.signing)  # the nation's key orders no more
    answer = await give_order(node.folder, QUICK, forged, exercise=False, wait_s=5.0)
    assert not answer.done and "is not signed with Lee's key" in answer.said
    done = await skypact(*leave, "Lee", "--key", keys["Lee"])
    assert done.exit_code == 0 and node.shared.left_out == {"JPN"}, done.output
    policy = folder / "release.toml"
    policy.write_text(policy.read_text() + "# edited\n")
    apply = ("release", "apply", folder, "--yes", "--by")
    refused = await skypact(*apply, "Lee", "--key", keys["Lee"])
    assert refused.exit_code == 1 and 'Lee has not the role "release"' in refused.output
    done = await skypact(*apply, "Kim", "--key", keys["Kim"])
    assert done.exit_code == 0, done.output
    signed = load_signed(node.folder)
    assert signed.is_by(load_users(folder)["Kim"].public_key)
    last = actions(await entries(node))[-1][1]
    assert (last.what, last.who) == ("release policy in force", "Kim")


def test_a_partner_is_left_out_and_taken_back_by_order(tmp_path, flight):  # noqa: F811
    coalition(tmp_path, {"KOR": {"JPN": "plots"}})
    folder = tmp_path / "KOR"

    async def run():
        node = Node(folder, SETTINGS)
        await node.start()
        try:
            done = await skypact("coalition", "leave-out", folder, "JPN", "--by", "Kim")
            assert done.exit_code == 0, done.output
            assert node.pictures["shared"].left_out == {"JPN"}
            assert node.national.left_out == frozenset()
            assert node.health()["left_out"] == ["JPN"]
            again = await skypact("coalition", "leave-out", folder, "JPN", "--by", "Kim")
            assert again.exit_code == 1
            assert "left out already" in again.output
            done = await skypact("coalition", "take-back", folder, "JPN", "--by", "Lee")
            assert done.exit_code == 0, done.output
            assert node.shared.left_out == frozenset()
            said = [(one.what, one.who, one.about) for _, one in actions(await entries(node))[1:]]
            assert said == [("leave out", "Kim", "JPN"), ("take back", "Lee", "JPN")]
            last = msgspec.msgpack.decode(actions(await entries(node))[-1][1].body, type=Order)
            assert last.is_signed(node.folder.keys.signing.public_key())
            none = await skypact("coalition", "take-back", folder, "RUS", "--by", "Lee")
            assert none.exit_code == 1
            await orders_of_users(tmp_path, node)
            # And one that is removed: no way to it, and nothing of it is looked at any more.
            gone = await skypact("coalition", "remove", folder, "USA")
            assert gone.exit_code == 0, gone.output
            await until(lambda: list(node.ways) == ["JPN"])
            assert node.entry.partners == {"JPN"}
            result = node.entry.receive(b"anything", "USA", Delivery.LIVE, node.clock())
            assert result.cause == Cause.UNKNOWN_PARTNER
            assert list(node.policy.partners) == ["JPN"]
        finally:
            await node.stop()

    asyncio.run(run())


def test_a_policy_that_could_not_be_read_at_the_start_is_applied_once_mended(tmp_path):
    """A newcomer's slip, found with a table that stood there twice: it was refused for ever."""
    coalition(tmp_path, OPEN)
    folder = tmp_path / "KOR"
    sound = (folder / "release.toml").read_text()
    (folder / "release.toml").write_text(sound + sound)

    async def run():
        node = Node(folder, SETTINGS)
        await node.start()
        try:
            assert any("until then nothing is released" in one for one in node.health()["faults"])
            (folder / "release.toml").write_text(CLOSED)
            done = await skypact("release", "apply", folder, "--by", "Kim", "--yes")
            assert done.exit_code == 0, done.output
            assert node.policy.hash == load_signed(node.folder).hash
            assert not any("release" in one for one in node.health()["faults"])
            await until(lambda: not node.health()["notices"])
        finally:
            await node.stop()

    asyncio.run(run())
