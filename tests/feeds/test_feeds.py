"""Feeds on real sockets: who may send what, what is refused and why, and what is never lost."""

import asyncio
import contextlib
import http.client
import json
import math
import socket
import time

import msgspec
import nats
import numpy as np
import pytest
from asterix_scene import NOON_NS, S, plots, radar
from own_server import OwnServer
from typer.testing import CliRunner

from skypact import cli
from skypact.errors import InputError, JournalError
from skypact.model import Arrival, Cause, Outcome, Verdict
from skypact.model.budget import Budget
from skypact.sensing import write_plots
from skypact.sensing.asterix import encode_north, encode_plots
from skypact.sensing.feeds import (
    AsterixPort,
    Feed,
    Feeds,
    FeedTable,
    Http,
    add_feed,
    load_feeds,
)
from skypact.sensing.feeds.sender import send_file, target_of
from skypact.sensing.feeds.table import digest_of, radar_of, subject_of, token_of
from skypact.settings import FeedsSettings, Settings

RADARS = (radar(), radar("KR.1 süd", 2, nation="KOR"))
KEY = "a-key-for-tests-and-nothing-else"
DIGEST = digest_of(KEY)
OTHER_KEY = "another-key-for-tests"
OTHER_DIGEST = digest_of(OTHER_KEY)
FEEDS = (
    Feed(name="sado", radars=("JP-Sado",), key_sha256=DIGEST),
    Feed(name="kr", radars=("KR.1 süd",), key_sha256=OTHER_DIGEST),
)
ANYWHERE = "127.0.0.1:0"
USERS = """{ user: "sado", password: "pw", permissions {
  publish: ["feed.JP-Sado"], subscribe: ["_INBOX.>"] } }"""
LINE = {"time": "2024-01-31T12:00:00Z", "range_m": 1e5, "azimuth_deg": 9, "elevation_deg": 3}


class Node:
    """What stands behind the feeds: keeps what it took, like a picture with a journal."""

    def __init__(self):
        self.arrivals: list[Arrival] = []
        self.known = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault = None

    async def take(self, arrivals):
        verdicts = []
        if self.fault is not None:
            raise self.fault
        for arrival in arrivals:
            name = (arrival.radar, arrival.epoch, arrival.sequence)
            doubled = name in self.known
            self.known.add(name)
            if not doubled:
                self.arrivals.append(arrival)
            verdicts.append(
                Verdict(
                    outcome=Outcome.REFUSED if doubled else Outcome.ACCEPTED,
                    content="",
                    cause=Cause.DUPLICATE if doubled else None,
                )
            )
        await self.gate.wait()
        return verdicts

    @property
    def rows(self):
        return sum(len(arrival.plots.time_ns) for arrival in self.arrivals)


@contextlib.asynccontextmanager
async def running(table=None, connection=None, **changes):
    node = Node()
    table = table or FeedTable(http=Http(listen=ANYWHERE), feed=FEEDS)
    feeds = Feeds(
        table,
        RADARS,
        node.take,
        epoch=7,
        connection=connection,
        settings=FeedsSettings(**changes),
        clock=lambda: NOON_NS,
    )
    await feeds.start()
    try:
        yield node, feeds
    finally:
        node.gate.set()
        await feeds.stop()


def post(port, path, body, kind="application/x-ndjson", key=KEY, **headers):
    """Status and answer of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    connection.request("POST", path, body, {"Content-Type": kind} | headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text else {}, response.headers


async def posted(feeds, *arguments, **options):
    return await asyncio.to_thread(post, feeds.http.port, *arguments, **options)


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


async def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def test_a_message_by_http():
    async def scenario():
        async with running() as (node, feeds):
            status, answer, _ = await posted(feeds, "/feeds/JP-Sado", lines(LINE, LINE | {"x": 1}))
            assert status == 200 and answer["taken"] == 2 and answer["verdicts"] == {"accepted": 1}
            assert "unknown columns are ignored" in answer["notes"][0]
            (arrival,) = node.arrivals
            assert (arrival.nation, arrival.radar) == ("JPN", "JP-Sado")
            assert (arrival.epoch, arrival.sequence, arrival.received_ns) == (7, 1, NOON_NS)
            packed = msgspec.msgpack.encode([LINE | {"epoch": 3, "sequence": 9}])
            kind, path = "application/msgpack", "/feeds/" + token_of("KR.1 süd")
            status, answer, _ = await posted(feeds, path, packed, kind, OTHER_KEY)
            assert status == 200
            assert (node.arrivals[1].radar, node.arrivals[1].epoch, node.arrivals[1].sequence) == (
                "KR.1 süd",
                3,
                9,
            )
            status, answer, _ = await posted(feeds, path, packed, kind, OTHER_KEY)
            assert status == 200 and answer["verdicts"] == {"duplicate": 1}
            assert feeds.counts["sado", "rows"] == 2 and feeds.counts["kr", "duplicate"] == 1

    asyncio.run(scenario())


def test_what_http_refuses():
    async def scenario():
        async with running(greatest_message_bytes=2000, greatest_message_rows=8) as (node, feeds):
            cases = [
                (401, "/feeds/JP-Sado", lines(LINE), {"key": None}, "no key"),
                (401, "/feeds/JP-Sado", lines(LINE), {"key": "wrong"}, "not known"),
                (401, "/feeds/JP-Sado", lines(LINE), {"key": DIGEST}, "not known"),
                (403, "/feeds/JP-Sado", lines(LINE), {"key": OTHER_KEY}, "may not send"),
                (403, "/feeds/nobody", lines(LINE), {}, "may not send"),
                (415, "/feeds/JP-Sado", lines(LINE), {"kind": "text/plain"}, "content type"),
                (413, "/feeds/JP-Sado", b" " * 2001, {}, "more than 2,000 bytes"),
                (413, "/feeds/JP-Sado", iter([b" " * 1500] * 2), {}, "more than 2,000 bytes"),
                (413, "/feeds/JP-Sado", b"{}\n" * 9, {}, "9 rows, more than 8"),
                (422, "/feeds/JP-Sado", b"", {}, "no rows"),
                (422, "/feeds/JP-Sado", b"{}", {}, 'column "time" is missing'),
                (422, "/feeds/JP-Sado", b"\xc1", {"kind": "application/msgpack"}, "MessagePack"),
            ]
            for status, path, body, options, reason in cases:
                got, answer, headers = await posted(feeds, path, body, **options)
                assert got == status and reason in answer["reason"], (status, answer)
                assert answer["remedy"]
                assert (status == 401) == ("WWW-Authenticate" in headers)
            bad = lines(LINE | {"range_m": -1}, LINE | {"time": "?"})
            got, answer, _ = await posted(feeds, "/feeds/JP-Sado", bad)
            assert got == 422 and [r["row"] for r in answer["refused"]] == [1, 2]
            assert "range_m is not above 0: -1" in answer["refused"][0]["reason"]
            assert "message" in answer["refused"][0]["file"]
            got, answer, _ = await posted(feeds, "/feeds/JP-Sado", bad + b"\n" + lines(LINE))
            assert got == 200 and answer["taken"] == 1 and len(answer["refused"]) == 2
            assert node.rows == 1 and feeds.counts["sado", "rows refused"] == 4
            assert len(feeds.intake.refusals) == 16
            connection = http.client.HTTPConnection("127.0.0.1", feeds.http.port)
            await asyncio.to_thread(connection.request, "GET", "/feeds/JP-Sado")
            assert (await asyncio.to_thread(connection.getresponse)).status == 405
            connection.close()

    asyncio.run(scenario())


def test_it_is_answered_once_it_is_in_the_journal_and_not_before():
    async def scenario():
        async with running(take_s=0.5) as (node, feeds):
            node.gate.clear()
            waits = asyncio.create_task(posted(feeds, "/feeds/JP-Sado", lines(LINE)))
            await until(lambda: node.arrivals)
            await asyncio.sleep(0.1)
            assert not waits.done()
            node.gate.set()
            assert (await waits)[0] == 200
            node.gate.clear()
            status, answer, headers = await posted(feeds, "/feeds/JP-Sado", lines(LINE))
            assert status == 503 and "not in the journal" in answer["reason"]
            assert headers["Retry-After"] == "1"
            node.gate.set()
            for fault in (JournalError("journal", "the disk is full", "wait"), ValueError("oh")):
                node.fault = fault
                status, answer, _ = await posted(feeds, "/feeds/JP-Sado", lines(LINE))
                assert status == 503 and ("disk is full" in answer["reason"]) == (
                    isinstance(fault, JournalError)
                )

    asyncio.run(scenario())


def test_rates_and_what_waits_are_bounded():
    async def scenario():
        async with running(rows_s=10, burst_s=1, greatest_waiting=2, take_s=5) as (node, feeds):
            got = [await posted(feeds, "/feeds/JP-Sado", lines(*[LINE] * 6)) for _ in range(3)]
            assert [status for status, _, _ in got] == [200, 429, 429]
            assert int(got[1][2]["Retry-After"]) >= 1
        async with running(greatest_waiting=2, take_s=5) as (node, feeds):
            node.gate.clear()
            waits = [
                asyncio.create_task(posted(feeds, "/feeds/JP-Sado", lines(LINE))) for _ in range(4)
            ]
            await until(lambda: sum(task.done() for task in waits) == 2)
            assert {task.result()[0] for task in waits if task.done()} == {503}
            node.gate.set()
            assert sorted([(await task)[0] for task in waits]) == [200, 200, 503, 503]

    asyncio.run(scenario())


def test_a_feed_is_entered_beside_what_stands_there(tmp_path):
    radars, path = RADARS, tmp_path / "feeds.toml"
    path.write_text("# mine\n# [http]\n")
    first = add_feed(path, radars, "sado", ["JP-Sado"], "127.0.0.1:8470")
    second = add_feed(path, radars, "kr", ["KR.1 süd"], "127.0.0.1:9")
    assert first.listen == second.listen == "127.0.0.1:8470"
    table = load_feeds(path, radars)
    assert [one.name for one in table.feed] == ["sado", "kr"]
    assert table.feed[1].key_sha256 == digest_of(second.key)
    text = path.read_text()
    assert text.startswith("# mine\n")
    for name, one in (("sado", "JP-Sado"), ("other", "JP-Sada")):
        with pytest.raises(InputError, match=r"there twice|unknown radar"):
            add_feed(path, radars, name, [one], "127.0.0.1:9")
    assert path.read_text() == text and len(list(tmp_path.iterdir())) == 1


def test_a_budget():
    budget, at = Budget(10.0, 20.0), lambda s: round(s * 1e9)
    assert budget.take(at(100.0), 20)
    assert not budget.take(at(100.0), 5)
    assert budget.ready_ns(at(100.0), 5) == at(100.5)
    assert budget.take(at(100.5), 5)
    assert budget.take(at(1000.0), 20)
    # More than the burst: once it is full, and the debt is paid off after.
    assert budget.take(at(1002.0), 40)
    assert budget.ready_ns(at(1002.0), 1) == at(1004.1)
    # A clock that was put back gives nothing.
    assert not budget.take(at(0.0), 1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = OwnServer(tmp_path_factory.mktemp("nats"), users=USERS)
    one.start()
    yield one
    one.kill()


@contextlib.asynccontextmanager
async def connected(server, user="node", password="node"):
    heard = []

    async def error(fault):
        heard.append(str(fault))

    connection = await nats.connect(
        server.url,
        user=user,
        password=password,
        error_cb=error,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
    )
    connection.heard = heard
    try:
        yield connection
    finally:
        await connection.close()


def test_a_message_by_nats_and_a_feed_that_may_send_its_own_radar_only(server):
    async def scenario():
        async with (
            connected(server) as own,
            connected(server, "sado", "pw") as sado,
            running(FeedTable(feed=FEEDS), own) as (node, _),
        ):
            answer = await sado.request(subject_of("JP-Sado"), lines(LINE, LINE), timeout=30)
            assert json.loads(answer.data)["taken"] == 2 and node.rows == 2
            packed = msgspec.msgpack.encode({name: [value] for name, value in LINE.items()})
            answer = await sado.request(subject_of("JP-Sado"), packed, timeout=30)
            assert json.loads(answer.data)["status"] == 200
            answer = await sado.request(subject_of("JP-Sado"), lines({"time": 1}), timeout=30)
            answer = json.loads(answer.data)
            assert answer["status"] == 422 and "range_m" in answer["reason"]
            with pytest.raises(TimeoutError):
                await sado.request(subject_of("KR.1 süd"), lines(LINE), timeout=0.3)
            assert any("permissions violation" in said.lower() for said in sado.heard)
            answer = await own.request(subject_of("nobody"), lines(LINE), timeout=30)
            assert json.loads(answer.data)["status"] == 403
            # Without a reply subject it is taken as well.
            await sado.publish(subject_of("JP-Sado"), lines(LINE))
            await until(lambda: node.rows == 4)
            # In order, though none waits for the one before.
            node.gate.clear()
            for i in range(100):
                row = LINE | {"epoch": 9, "sequence": i + 1}
                await sado.publish(subject_of("JP-Sado"), lines(row))
            await until(lambda: node.rows == 104)
            assert [a.sequence for a in node.arrivals[-100:]] == list(range(1, 101))

    asyncio.run(scenario())


def asterix_table(protocol, allowed=("127.0.0.0/8",), radars=("JP-Sado",)):
    port = AsterixPort(
        name="air", protocol=protocol, listen=ANYWHERE, radars=radars, allowed=allowed
    )
    return FeedTable(asterix=(port,))


def test_asterix_by_udp():
    async def scenario():
        sent = plots(20, step_s=0.5)
        blocks = encode_plots(sent, RADARS, block_records=4).blocks
        foreign = encode_plots(plots(1, index=1), RADARS).blocks
        async with running(asterix_table("udp")) as (node, feeds):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.connect(("127.0.0.1", feeds.asterix[0].port))
                for datagram in (encode_north(RADARS[0], NOON_NS), *blocks, *foreign, b"\x30\x00"):
                    one.send(datagram)
                refused = feeds.intake.refusals
                await until(lambda: node.rows == 20 and len(refused) == 2)
                assert feeds.counts["air", "messages"] == 8
            assert np.allclose(
                np.concatenate([a.plots.range_m for a in node.arrivals]), sent.range_m, atol=0.051
            )
            assert [a.sequence for a in node.arrivals] == list(range(1, 21))
            assert {a.radar for a in node.arrivals} == {"JP-Sado"}
            reasons = [r.reason for r in feeds.intake.refusals]
            assert len(reasons) == 2 and "SIC 2 is of no radar of this feed" in reasons[0]
            assert feeds.asterix[0].decoder.reader.signs[0].north_ns == NOON_NS

    asyncio.run(scenario())


def test_udp_from_elsewhere_and_too_much():
    async def scenario():
        datagram = encode_plots(plots(1), RADARS).blocks[0]
        async with running(asterix_table("udp", ("192.0.2.0/24",))) as (node, feeds):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.sendto(datagram, ("127.0.0.1", feeds.asterix[0].port))
                await until(lambda: feeds.counts["air", "from elsewhere"] == 1)
            assert node.rows == 0
        async with running(asterix_table("udp"), messages_s=5, burst_s=1) as (node, feeds):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                for _ in range(20):
                    one.sendto(datagram, ("127.0.0.1", feeds.asterix[0].port))
                counts = feeds.counts
                await until(lambda: counts["air", "messages"] + counts["air", "dropped"] == 20)
            assert 5 <= counts["air", "messages"] <= 7

    asyncio.run(scenario())


def test_asterix_by_tcp():
    async def scenario():
        sent = plots(30)
        stream = b"".join(encode_plots(sent, RADARS, block_records=7).blocks)
        async with running(asterix_table("tcp"), idle_s=0.5, greatest_connections=2) as (
            node,
            feeds,
        ):
            port = feeds.asterix[0].port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for at in range(0, len(stream), 11):
                writer.write(stream[at : at + 11])
                await writer.drain()
            await until(lambda: node.rows == 30)
            # A block that says that it has no length: the stream cannot be followed.
            writer.write(b"\x30\x00\x01")
            assert await reader.read() == b""
            assert feeds.counts["air", "not taken (422)"] == 1
            # One that stops within a block, and one too many.
            first = await asyncio.open_connection("127.0.0.1", port)
            second = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.1)
            third = await asyncio.open_connection("127.0.0.1", port)
            assert await third[0].read() == b""
            assert feeds.counts["air", "too many connections"] == 1
            first[1].write(stream[:10])
            second[1].write(stream[:5])
            second[1].close()
            assert await asyncio.wait_for(first[0].read(), 5) == b""
            await until(lambda: feeds.counts["air", "broken off"] == 2)
            for _, one in (first, third):
                one.close()
            assert node.rows == 30

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_named():
    async def scenario():
        async with running() as (_, feeds):
            taken = Http(listen=f"127.0.0.1:{feeds.http.port}")
            with pytest.raises(InputError, match="already in use"):
                async with running(FeedTable(http=taken, feed=FEEDS)):
                    pass

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["JP-Sado", "KR.1 süd", "a/b", "*", ">", "a b", "%2E", "~"])
def test_a_radars_name_as_a_subject(name):
    token = token_of(name)
    assert radar_of(token) == name
    assert token.isascii() and not set(token) & set(".*> \t/")


TABLE = f"""
[http]
listen = "127.0.0.1:8470"
[[feed]]
name = "sado"
radars = ["JP-Sado"]
key_sha256 = "{DIGEST}"
[[asterix]]
name = "air"
protocol = "udp"
listen = "127.0.0.1:8600"
radars = ["JP-Sado"]
from = ["192.0.2.7"]
"""


def test_a_table_of_feeds(tmp_path):
    path = tmp_path / "feeds.toml"
    path.write_text(TABLE)
    table = load_feeds(path, RADARS)
    assert table.http == Http(listen="127.0.0.1:8470") and table.feed == FEEDS[:1]
    assert table.asterix[0].allowed == ("192.0.2.7",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[http]", "[htp]", "unknown field `htp`"),
        ('"udp"', '"sctp"', "$.asterix[0].protocol"),
        ('["JP-Sado"]', '["JP-Sad"]', 'unknown radar "JP-Sad"'),
        ('["JP-Sado"]', "[]", "radars is empty"),
        ("8470", "84700", 'write it as "127.0.0.1:8470"'),
        ("192.0.2.7", "192.0.2.777", "write 192.0.2.7"),
        ('["192.0.2.7"]', "[]", "from is empty"),
        (DIGEST, DIGEST[:-1], "64 hexadecimal digits"),
        ('"air"', '"sado"', "there twice"),
        ("[[feed]]", "[[feed]", "not TOML"),
        ("[http]", '[http]\ncertificate = "a.pem"', "certificate_key"),
    ],
)
def test_a_fault_of_the_table(tmp_path, old, new, said):
    path = tmp_path / "feeds.toml"
    path.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_feeds(path, RADARS)
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def two_radars(count=300, scans=True):
    """Plots of both radars at 10 Hz, two to a scan, in order of time."""
    columns = [plots(count, index, NOON_NS + index * S // 20, 0.1, seed=index) for index in (0, 1)]
    both = columns[0].followed_by(columns[1])
    both = both.at(np.argsort(both.time_ns, kind="stable"))
    return both._replace(scan=both.scan // 2)


def as_sent(node):
    """All that came, in the order of the file."""
    got = [(a.radar, a.plots) for a in node.arrivals]
    rows = [
        (int(p.time_ns[i]), name, float(p.range_m[i]), float(p.azimuth_rad[i]), int(p.scan[i]))
        for name, p in got
        for i in range(len(p.time_ns))
    ]
    return sorted(rows)


def as_file(both):
    return sorted(
        (int(t), RADARS[r].id, float(m), float(a), int(s))
        for t, r, m, a, s in zip(
            both.time_ns, both.radar, both.range_m, both.azimuth_rad, both.scan, strict=True
        )
    )


def same(got, wanted):
    assert [(row[0], row[1], row[2], row[4]) for row in got] == [
        (row[0], row[1], row[2], row[4]) for row in wanted
    ]
    # Degrees in the file and on the wire: within the last bits.
    assert np.allclose([row[3] for row in got], [row[3] for row in wanted], atol=1e-12, rtol=0)


ONE_KEY = (Feed(name="both", radars=("JP-Sado", "KR.1 süd"), key_sha256=DIGEST),)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("how", ["http", "nats"])
def test_a_file_is_sent_whole(server, tmp_path, how, suffix):
    both = two_radars()
    path = tmp_path / f"plots{suffix}"
    write_plots(path, both, RADARS)

    async def scenario():
        async with connected(server) as own:
            table = FeedTable(http=Http(listen=ANYWHERE), feed=ONE_KEY)
            async with running(table, own) as (node, feeds):
                node_url = f"http://127.0.0.1:{feeds.http.port}"
                if how == "nats":
                    node_url = server.url.replace("//", "//node:node@")
                key = KEY if how == "http" else None
                target = target_of(node_url, key=key, radars=(), settings=Settings())
                [sent] = await send_file(path, [target], speed=math.inf, keep_times=True)
                same(as_sent(node), as_file(both))
                assert sent.rows == sent.acknowledged == 600 and sent.refused == 0
                assert sent.verdicts == {"accepted": len(node.arrivals)}
                numbers = [(a.radar, a.sequence) for a in node.arrivals]
                for one in RADARS:
                    of_one = [number for name, number in numbers if name == one.id]
                    assert sorted(of_one) == list(range(1, len(of_one) + 1))

    asyncio.run(scenario())


def test_a_file_sent_through_faults_is_there_once(server, tmp_path):
    """Answers get lost, the node is busy, its server dies: in the end each plot is there once."""
    both = two_radars(200)
    path = tmp_path / "plots.csv"
    write_plots(path, both, RADARS)
    folder = tmp_path / "nats"
    folder.mkdir()
    own_server = OwnServer(folder)
    own_server.start()

    async def faults(node):
        for _ in range(3):
            await asyncio.sleep(0.05)
            node.gate.clear()
            await asyncio.sleep(0.15)
            node.gate.set()
            node.fault = JournalError("journal", "the disk is full", "wait")
            await asyncio.sleep(0.05)
            node.fault = None
            own_server.kill()
            own_server.start()

    async def scenario():
        quick = FeedsSettings(resend_s=0.3, sent_ahead=4)
        settings = Settings(feeds=quick)
        async with (
            connected(own_server) as own,
            running(FeedTable(feed=ONE_KEY), own, take_s=0.1) as (node, _),
        ):
            url = own_server.url.replace("//", "//node:node@")
            target = target_of(url, key=None, radars=(), settings=settings)
            trouble = asyncio.create_task(faults(node))
            [sent] = await send_file(path, [target], speed=40.0, keep_times=True, settings=settings)
            await trouble
            same(as_sent(node), as_file(both))
            assert sent.sent_again > 0 and sent.acknowledged == 400

    try:
        asyncio.run(scenario())
    finally:
        own_server.kill()


def test_the_files_own_timing(tmp_path):
    """Shifted to now; none is stamped later than it is sent; at twice the speed, half the time."""
    path = tmp_path / "plots.csv"
    write_plots(path, two_radars(10), RADARS)

    async def scenario(speed):
        arrived = []

        async def take(arrivals):
            now_ns = time.time_ns()
            arrived.extend((now_ns, t) for a in arrivals for t in a.plots.time_ns.tolist())
            return [Verdict(outcome=Outcome.ACCEPTED, content="") for _ in arrivals]

        table = FeedTable(http=Http(listen=ANYWHERE), feed=ONE_KEY)
        feeds = Feeds(table, RADARS, take, epoch=1)
        await feeds.start()
        url = f"http://127.0.0.1:{feeds.http.port}"
        target = target_of(url, key=KEY, radars=(), settings=Settings())
        await send_file(path, [target], speed=speed)
        await feeds.stop()
        return arrived

    for speed in (1.0, 2.0, math.inf):
        arrived = asyncio.run(scenario(speed))
        assert len(arrived) == 20
        assert all(stamp <= now for now, stamp in arrived)
        spread_s = (arrived[-1][0] - arrived[0][0]) / S
        # The file lasts 0.95 s. Never faster than it asks for; how much slower is the machine's.
        assert spread_s >= (0.95 / speed - 0.05 if speed < 100 else 0.0)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_file_by_asterix(tmp_path, protocol):
    both = two_radars(50)
    path = tmp_path / "plots.parquet"
    write_plots(path, both, RADARS)
    shifted = both._replace(time_ns=both.time_ns)

    async def scenario():
        table = asterix_table(protocol, radars=("JP-Sado", "KR.1 süd"))
        async with running(table) as (node, feeds):
            url = f"{protocol}://127.0.0.1:{feeds.asterix[0].port}"
            target = target_of(url, key=None, radars=RADARS, settings=Settings())
            [sent] = await send_file(path, [target], speed=math.inf, keep_times=True)
            assert sent.rows == 100 and sent.acknowledged is None
            await until(lambda: node.rows == 100)
            ranges = sorted(r for a in node.arrivals for r in a.plots.range_m.tolist())
            assert np.allclose(ranges, np.sort(shifted.range_m), atol=0.051)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("node", "options", "said"),
    [
        ("ftp://here", {}, "no address of a node"),
        ("http://127.0.0.1:99999", {"key": "k"}, "no address of a node"),
        ("http://127.0.0.1:8470", {}, "needs its key"),
        ("udp://127.0.0.1", {}, "names no port"),
        ("tcp://127.0.0.1:8600", {}, "--radars"),
    ],
)
def test_a_node_that_cannot_be_meant(node, options, said):
    with pytest.raises(InputError, match=said):
        target_of(node, key=options.get("key"), radars=(), settings=Settings())


def test_nobody_there_or_the_wrong_key(server, tmp_path):
    path = tmp_path / "plots.csv"
    write_plots(path, two_radars(5), RADARS)

    async def scenario():
        for url in ("http://127.0.0.1:1", "nats://127.0.0.1:1", "tcp://127.0.0.1:1"):
            target = target_of(
                url, key=KEY if "http" in url else None, radars=RADARS, settings=Settings()
            )
            with pytest.raises(InputError, match="cannot be reached"):
                await send_file(path, [target], speed=math.inf)
        async with running() as (_, feeds):
            url = f"http://127.0.0.1:{feeds.http.port}"
            target = target_of(url, key="wrong", radars=(), settings=Settings())
            with pytest.raises(InputError, match="not known"):
                await send_file(path, [target], speed=math.inf)
        url = server.url.replace("//", "//sado:wrong@")
        target = target_of(url, key=None, radars=(), settings=Settings())
        with pytest.raises(InputError, match=r"(?i)authorization|reset by peer") as caught:
            await send_file(path, [target], speed=math.inf)
        assert "wrong" not in str(caught.value)

    asyncio.run(scenario())


def test_the_command(tmp_path):
    """As a person types it, against feeds in the same process."""
    path, key_file = tmp_path / "plots.csv", tmp_path / "key"
    write_plots(path, two_radars(20), RADARS)
    key_file.write_text(KEY + "\n")

    async def run(*arguments):
        words = ["feed", str(path), "--speed", "max", *arguments]
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, words)
        return done.exit_code, done.stdout, done.stderr

    async def scenario():
        table = FeedTable(http=Http(listen=ANYWHERE), feed=ONE_KEY)
        async with running(table) as (node, feeds):
            url = f"http://127.0.0.1:{feeds.http.port}"
            code, out, err = await run("--node", url, "--key-file", str(key_file), "--keep-times")
            assert code == 0, err
            assert "40 plots sent" in out and "40 are in the node's journal; 0 were refused" in out
            same(as_sent(node), as_file(two_radars(20)))
        apart = [(Feed(name="a", radars=(one.id,), key_sha256=DIGEST),) for one in RADARS]
        async with (
            running(FeedTable(http=Http(listen=ANYWHERE), feed=apart[0])) as (one, at_one),
            running(FeedTable(http=Http(listen=ANYWHERE), feed=apart[1])) as (two, at_two),
        ):
            both = [
                word
                for feeds in (at_one, at_two)
                for word in (f"--node=http://127.0.0.1:{feeds.http.port}", f"--key-file={key_file}")
            ]
            code, out, err = await run(*both)
            assert code == 0, err
            assert out.count("20 plots sent") == 2 and "not this feed's" not in out
            # Each its own radar's alone, and both shifted by the same time, to the nanosecond.
            sent = {a.radar: a.plots.time_ns for n in (one, two) for a in n.arrivals}
            file = two_radars(20)
            starts = [file.time_ns[file.radar == k].min() for k in (0, 1)]
            begun = [min(a.plots.time_ns.min() for a in n.arrivals) for n in (one, two)]
            assert begun[1] - begun[0] == starts[1] - starts[0]
            assert set(sent) == {radar.id for radar in RADARS}
            assert {a.radar for a in one.arrivals} == {RADARS[0].id}
            code, out, err = await run(*both[:2], both[0], "--json", "-")
            assert code == 2 and "one each" in err
        for arguments, code, said in (
            (("--node", url), 1, "needs its key"),
            (("--node", url, "--key-file", str(tmp_path / "none")), 1, "no such file"),
            (("--node", url, "--key-file", str(key_file)), 1, "cannot be reached"),
            (("--node", url, "--speed", "0"), 2, "or max"),
        ):
            got, _, err = await run(*arguments)
            assert got == code and said in err, err

    asyncio.run(scenario())
