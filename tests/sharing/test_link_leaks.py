"""With all that one partner has, nothing of the others is read and nothing is injected.

Korea's server is played by a leaf connection that obeys nothing, with Korea's own keys, against
Japan's server, while Japan speaks to the United States, to itself, and to Korea. Positive controls
show that the same connection gets what it may, so that the tests can fail.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from link_settings import QUICK
from nats.aio.msg import Msg
from raw_leaf import RawLeaf, signed

from evaluate.link_scene import Coalition, coalition, free_ports, until
from skypact.model import Heartbeat
from skypact.sharing import codec, seal
from skypact.sharing.certificates import make_authority, make_certificate
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.coalition import init_coalition, write_generated
from skypact.sharing.entry import Cause, Entry, Refused
from skypact.sharing.keys import DIRECT
from skypact.sharing.link import Link
from skypact.sharing.nats_config import (
    GATE_USER,
    NATIONAL_USER,
    feed_user,
    inbox_user,
    outbox_user,
)
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.node_folder import host_and_port, load_node
from skypact.sharing.outgoing import Outgoing

SECRET = b"national secret"
EVIL = b'{"evil": true}'
WAIT_S = 0.25
"""Controls get theirs in some milliseconds."""


class Scene:
    """The coalition, a loop to run it in, and watchers of every account of Japan's server."""

    def __init__(self, runner: asyncio.Runner, scene: Coalition) -> None:
        self.runner, self.scene = runner, scene
        self.folder = scene.folder
        self.japan = load_node(scene.folder / "JPN")
        self.korea = load_node(scene.folder / "KOR")
        self.seen: dict[str, list[tuple[str, bytes]]] = {}

    def certificate(self, nation: str = "KOR") -> tuple[Path, Path]:
        folder = self.folder / nation / "certificates"
        return folder / "server.pem", folder / "server.key"

    def leaf_port(self) -> tuple[str, int]:
        return host_and_port(self.japan.file.server.link_listen, "listen")

    async def leaf(self, **other: object) -> RawLeaf:
        seed, public = self.korea.keys.nkey(DIRECT)
        options = {"seed": seed, "public": public, "certificate": self.certificate()} | other
        leaf = RawLeaf()
        await leaf.connect(*self.leaf_port(), **options)  # type: ignore[arg-type]
        return leaf

    async def watch(self) -> None:
        """See whatever arrives in any account of Japan's server."""
        self.national = await connect(self.japan, NATIONAL_USER, wait_s=30.0)
        for user in ("gate", outbox_user("USA"), inbox_user("KOR"), inbox_user("USA")):
            client = await connect(self.japan, user, wait_s=30.0)
            seen = self.seen.setdefault(user, [])

            async def arrived(message, seen=seen):
                seen.append((message.subject, message.data))

            await client.subscribe(">", cb=arrived)
            await client.flush()

    async def japan_speaks(self) -> None:
        """Live and durable to the United States, within the nation, and to Korea."""
        link = self.scene.links["JPN"]
        number = getattr(self, "_number", 0)
        self._number = number + 1
        await link.publish("USA", SECRET, f"usa-{number}")
        for subject in ("feed.JP-Sado", "stage.feeds.plots", "plots.national", "journal.plots"):
            await self.national.publish(subject, SECRET)
        with contextlib.suppress(Exception):
            await self.national.request("$JS.API.STREAM.LIST", b"", timeout=1.0)
        await link.publish("KOR", b"for Korea", f"kor-{number}")

    def run(self, coroutine):
        return self.runner.run(coroutine)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with asyncio.Runner() as runner:
        held = coalition(QUICK, wired=False)
        made = Scene(runner, runner.run(held.__aenter__()))
        runner.run(made.watch())
        yield made
        runner.run(held.__aexit__(None, None, None))


READ = (
    ">",
    "*",
    "*.*",
    "*.>",
    "live.>",
    "live.USA.>",
    "live.USA.message",
    "live.*.message",
    "release.>",
    "release.USA.batch",
    "release.KOR.>",
    "xfer.>",
    "xfer.JPN.USA",
    "xfer.*.*",
    "from.>",
    "from.USA.>",
    "feed.>",
    "feed.JP-Sado",
    "stage.>",
    "stage.feeds.plots",
    "plots.national",
    "journal.plots",
    "$SYS.>",
    "$SYS.REQ.SERVER.PING",
    "$SYS.ACCOUNT.>",
    "$JS.>",
    "$JS.API.>",
    "$JS.JPN.API.>",
    "$JS.EVENT.>",
    "$JS.ACK.>",
    "$JS.FC.>",
    "$JSC.>",
    "_INBOX.>",
    "_R_.>",
    "$KV.>",
    "$O.>",
    "$NRG.>",
    "$SRV.>",
    "$LDS.>",
    "$GR.>",
    "_GR_.>",
    "$G.>",
)


def by_eights(subjects: Sequence[str]) -> list[Sequence[str]]:
    """Each subject has a connection of its own: the server closes one that oversteps."""
    return [subjects[start : start + 8] for start in range(0, len(subjects), 8)]


@pytest.mark.parametrize("subjects", by_eights(READ), ids=" ".join)
def test_nothing_of_others_is_read(scene: Scene, subjects: Sequence[str]) -> None:
    async def attempt() -> tuple[RawLeaf, list[RawLeaf]]:
        control = await scene.leaf()
        leaves = await asyncio.gather(*(scene.leaf() for _ in subjects))
        await control.subscribe("live.KOR.>")
        await control.settled()
        for leaf, subject in zip(leaves, subjects, strict=True):
            await leaf.subscribe(subject)
            await leaf.settled()
        await scene.japan_speaks()
        await until(lambda: any(b"for Korea" in body for _, body in control.got), 30.0, 0.005)
        for leaf in (control, *leaves):
            await leaf.settled()
            await leaf.close()
        return control, leaves

    control, leaves = scene.run(attempt())
    assert b"for Korea" in [body for said, body in control.got if said == "live.KOR.message"]
    for leaf, subject in zip(leaves, subjects, strict=True):
        for said, body in leaf.got:
            assert SECRET not in body, (subject, said)
            assert said.startswith(("live.KOR.", "xfer.JPN.KOR")), (subject, said)


API = (
    "INFO",
    "STREAM.LIST",
    "STREAM.NAMES",
    "STREAM.INFO.OUT_KOR",
    "STREAM.INFO.OUT_USA",
    "STREAM.CREATE.EVIL",
    "STREAM.UPDATE.OUT_KOR",
    "STREAM.DELETE.OUT_KOR",
    "STREAM.PURGE.OUT_KOR",
    "STREAM.MSG.GET.OUT_KOR",
    "STREAM.MSG.GET.OUT_USA",
    "STREAM.MSG.DELETE.OUT_KOR",
    "STREAM.SNAPSHOT.OUT_USA",
    "STREAM.RESTORE.EVIL",
    "DIRECT.GET.OUT_USA",
    "CONSUMER.NAMES.OUT_KOR",
    "CONSUMER.INFO.OUT_KOR.to_KOR",
    "CONSUMER.CREATE.OUT_KOR.evil",
    "CONSUMER.CREATE.OUT_USA.evil",
    "CONSUMER.DURABLE.CREATE.OUT_KOR.evil",
    "CONSUMER.DELETE.OUT_KOR.to_KOR",
    "CONSUMER.PAUSE.OUT_KOR.to_KOR",
    "CONSUMER.RESET.OUT_USA.to_USA",
    "CONSUMER.RESET.IN_KOR.gate",
    "CONSUMER.MSG.NEXT.OUT_KOR.to_KOR",
    "META.LEADER.STEPDOWN",
    "ACCOUNT.PURGE.NAT",
)
INJECTED = (
    "release.KOR.batch",
    "release.USA.batch",
    "live.JPN.message",
    "live.KOR.message",
    "live.USA.message",
    "from.KOR.live.JPN.message",
    "from.USA.live.JPN.message",
    "feed.JP-Sado",
    "stage.feeds.plots",
    "stage.warnings.write",
    "stage.record.here",
    "plots.national",
    "xfer.JPN.KOR",
    "xfer.JPN.USA",
    "xfer.USA.JPN",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.VARZ",
    "$SYS.REQ.SERVER.PING.KICK",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.REQ.USER.INFO",
    "$JS.FC.OUT_USA.to_USA.x",
    "$JS.ACK.OUT_USA.to_USA.1.1.1.1.0",
    "_INBOX.evil",
    "_R_.evil",
    "$KV.evil.key",
    "$O.evil.key",
    "$SRV.PING",
    "$JSC.R.evil",
)


ASKED = [f"{prefix}.{call}" for call in API for prefix in ("$JS.API", "$JS.JPN.API")]


@pytest.mark.parametrize("subjects", by_eights([*INJECTED, *ASKED]), ids=" ".join)
def test_nothing_is_injected_or_answered(scene: Scene, subjects: Sequence[str]) -> None:
    async def attempt() -> list[RawLeaf]:
        leaves = await asyncio.gather(*(scene.leaf() for _ in subjects))
        for seen in scene.seen.values():
            seen.clear()
        for leaf, subject in zip(leaves, subjects, strict=True):
            await leaf.subscribe("$JSC.R.*")
            await leaf.publish(subject, EVIL, f"$JSC.R.{subject.replace('.', '-')}")
            await leaf.settled()
        await asyncio.sleep(0.05)
        for leaf in leaves:
            await leaf.close()
        return leaves

    leaves = scene.run(attempt())
    answers = [said for leaf in leaves for said, _ in leaf.got]
    assert not answers
    for user, seen in scene.seen.items():
        assert not [said for said, body in seen if EVIL in body], user


def test_what_may_be_asked_is_answered(scene: Scene) -> None:
    """The control of the test before: the same connection can ask, and gets answers."""

    async def attempt() -> dict[str, bytes]:
        leaf = await scene.leaf()
        await leaf.subscribe("$JSC.R.*")
        await leaf.publish("$JS.JPN.API.CONSUMER.RESET.OUT_KOR.to_KOR", b"", "$JSC.R.answer")
        await until(lambda: bool(leaf.got), 30.0)
        await leaf.close()
        return dict(leaf.got)

    answer = json.loads(scene.run(attempt())["$JSC.R.answer"])
    assert answer["name"] == "to_KOR"
    assert "error" not in answer


def test_what_is_injected_at_the_right_place_is_seen(scene: Scene) -> None:
    """The watchers would see it: Japan's own gate speaks on a subject of those above."""

    async def control() -> None:
        gate = await connect(scene.japan, "gate", wait_s=30.0, once=True)
        for seen in scene.seen.values():
            seen.clear()
        await gate.publish("plots.national", EVIL)
        await gate.flush()
        await until(lambda: any(EVIL in body for _, body in scene.seen["gate"]), 30.0)
        await gate.close()

    scene.run(control())
    assert any(EVIL in body for _, body in scene.seen["gate"])


def refused(scene: Scene, **other: object) -> bool:
    """Whether the handshake fails, or nothing comes although Korea is spoken to."""

    async def attempt() -> bool:
        try:
            leaf = await scene.leaf(**other)
        except (OSError, ssl.SSLError, ValueError, TimeoutError):
            return True
        await leaf.subscribe("live.KOR.>")
        await leaf.subscribe(">")
        await asyncio.sleep(0.05)
        await scene.japan_speaks()
        await asyncio.sleep(WAIT_S)
        got, closed = list(leaf.got), leaf.closed
        await leaf.close()
        return closed and not got

    return scene.run(attempt())


def test_the_right_key_and_certificate_are_not_refused(scene: Scene) -> None:
    assert not refused(scene)


def test_a_leaf_needs_a_certificate(scene: Scene) -> None:
    assert refused(scene, certificate=None)


def test_a_leaf_needs_a_certificate_of_a_partner_s_authority(scene: Scene, tmp_path: Path) -> None:
    make_authority(tmp_path, "KOR", "127.0.0.1", 1)
    make_certificate(tmp_path, "KOR", "127.0.0.1", 1)
    assert refused(scene, certificate=(tmp_path / "server.pem", tmp_path / "server.key"))


def test_a_leaf_needs_a_key(scene: Scene) -> None:
    assert refused(scene, seed=None, public=None)


def test_a_leaf_needs_the_key_itself(scene: Scene) -> None:
    other, _ = scene.japan.keys.nkey(DIRECT)
    assert refused(scene, seed=other)


def test_a_key_of_nobody_is_none(scene: Scene) -> None:
    seed, public = scene.korea.keys.nkey("KOR>USA")
    assert refused(scene, seed=seed, public=public)


@pytest.mark.parametrize("user", ["sys", "gate", "nat", "outbox_KOR", "inbox_KOR"])
def test_own_applications_names_are_none_on_a_link(scene: Scene, user: str) -> None:
    password = scene.japan.keys.password(user)  # even the right one
    assert refused(scene, seed=None, public=None, user=user, password=password)


def test_a_partner_s_key_is_no_client_s(scene: Scene) -> None:
    seed, public = scene.korea.keys.nkey(DIRECT)

    async def attempt() -> bytes:
        server = scene.japan.file.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        info = json.loads((await reader.readline()).removeprefix(b"INFO "))
        hello = json.dumps(
            {"nkey": public, "sig": signed(seed, info.get("nonce", "")), "protocol": 1}
        )
        writer.write(f"CONNECT {hello}\r\nPING\r\n".encode())
        answer = await reader.readline()
        writer.close()
        return answer

    assert scene.run(attempt()).startswith(b"-ERR")


def test_an_authority_cannot_sign_for_another_nation(scene: Scene, tmp_path: Path) -> None:
    """Korea's authority makes a certificate in Japan's name: the United States does not dial it."""
    for name in ("authority.key", "authority.pem"):
        (tmp_path / name).write_bytes((scene.folder / "KOR" / "certificates" / name).read_bytes())
    (tmp_path / "authority.key").chmod(0o600)
    make_certificate(tmp_path, "JPN", "127.0.0.1", 1)
    for folder, trusted in ((tmp_path, False), (scene.folder / "KOR" / "certificates", True)):
        assert _accepted_by_tls(folder, scene.folder / "KOR" / "certificates") is trusted


def _accepted_by_tls(folder: Path, trusted: Path) -> bool:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    client = ssl.create_default_context(cafile=str(trusted / "authority.pem"))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


def test_a_stolen_link_key_with_another_s_certificate_reads_and_says_nothing(scene: Scene) -> None:
    """NATS trap 9: the server binds a key and a certificate to each other by nothing.

    So the United States with Korea's key are taken for Korea's server. What comes is sealed for
    Korea, and what they say is not signed by it: the node binds what the server does not.
    """
    usa = load_node(scene.folder / "USA")
    chain, say = OutgoingChain(1, 0, b""), Heartbeat(beat=1, newest=0)
    sealed = Outgoing(
        *("JPN", "KOR", chain, scene.japan.keys.signing),
        exercise=False,
        sealing_key=scene.japan.partners["KOR"].sealing_key,
    ).message(say, 0)

    async def listen() -> list[bytes]:
        leaf = await scene.leaf(certificate=scene.certificate("USA"))
        await leaf.subscribe("live.KOR.>")
        await leaf.settled()
        assert not leaf.closed  # it is taken for Korea's
        await scene.scene.links["JPN"].publish("KOR", sealed.data, "trap-9")
        await asyncio.sleep(WAIT_S)
        await leaf.close()
        return [data for subject, data in leaf.got if subject == "live.KOR.message"]

    assert sealed.data in scene.run(listen())
    frame = codec.read_frame(sealed.data, 1_000_000)
    info = seal.info_of("JPN", "KOR", 1, 1)
    assert seal.unseal(frame.content, info, [usa.keys.sealing]) is None
    assert seal.unseal(frame.content, info, [scene.korea.keys.sealing]) is not None
    # And at Japan's node nothing that the United States sign is Korea's.
    japan = Entry(
        "JPN",
        {name: [card.signing_key] for name, card in scene.japan.partners.items()},
        exercise=False,
        unsealing_keys=[scene.japan.keys.sealing],
    )
    for sealing_key in (None, usa.partners["JPN"].sealing_key):
        forged = Outgoing(
            *("KOR", "JPN", OutgoingChain(1, 0, b""), usa.keys.signing),
            exercise=False,
            sealing_key=sealing_key,
        ).message(say, 0)
        result = japan.receive(forged.data, "KOR", Delivery.LIVE, 2_000_000_000)
        assert isinstance(result, Refused)
        assert result.cause == Cause.SIGNATURE


def test_a_feed_hears_nothing_of_what_the_gate_is_told(tmp_path: Path) -> None:
    """What an outbox answers tells how much is released, and when: no feed may listen there."""

    async def taken_in(*_: object) -> None:
        raise AssertionError("nobody sends")

    async def run() -> tuple[list[str], list[str], list[str]]:
        folder = tmp_path / "coalition"
        init_coalition(folder, ["JPN", "KOR"], "mesh", QUICK, first_port=free_ports(20))
        (folder / "JPN" / "feeds.toml").write_text('[[feed]]\nname = "north"\nradars = ["north"]\n')
        node = load_node(folder / "JPN")
        write_generated(node, QUICK)
        server, link = NatsServer(node, QUICK), Link(node, QUICK, taken_in)
        heard: list[str] = []
        refused: list[str] = []

        async def hears(message: Msg) -> None:
            heard.append(message.subject)

        async def refuse(error: Exception) -> None:
            refused.append(str(error).lower())

        await server.start()
        try:
            feed = await connect(node, feed_user("north"), wait_s=30.0, error_cb=refuse)
            await feed.subscribe("_INBOX.>", cb=hears)
            for subject in (">", "_OWN.>", "_OWN.gate.>"):
                await feed.subscribe(subject, cb=hears)
            await feed.flush()
            await link.start()
            await (await link.publish("KOR", SECRET, "first"))  # the outbox has told the gate
            await feed.flush()
            of_the_gate = list(heard)
            control = await connect(node, GATE_USER, wait_s=30.0, inbox_prefix="_INBOX")
            await control.request("$JS.API.INFO", b"", timeout=30.0)
            await until(lambda: len(heard) > len(of_the_gate), 30.0)
            for client in (control, feed):
                await client.close()
            return of_the_gate, heard, refused
        finally:
            await link.stop()
            await server.stop()

    of_the_gate, heard, refused = asyncio.run(run())
    assert not of_the_gate
    assert heard and all(subject.startswith("_INBOX.") for subject in heard)
    assert len(refused) == 3 and all("permissions violation" in one for one in refused)
