"""The journal on a real server: what was acknowledged is there, in order, once, whatever dies."""

import asyncio
import contextlib
import random
import shutil
from collections import namedtuple
from pathlib import Path

import nats
import pytest
from own_server import OwnServer

from skypact.errors import JournalError
from skypact.model import Entry, EntryKind, JournalState
from skypact.record import Journal
from skypact.record import journal as journal_module
from skypact.settings import JournalSettings

# So that a test of a few MB does not ask for the room of two days.
SMALL = JournalSettings(retention_h=0.5, answer_s=0.5, retry_s=0.05)
KINDS = list(EntryKind)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = OwnServer(tmp_path_factory.mktemp("nats"))
    one.start()
    yield one
    one.kill()


@pytest.fixture
def own(tmp_path):
    """A server that a test may kill."""
    one = OwnServer(tmp_path, room="1G")
    one.start()
    yield one
    one.kill()


async def quiet(_):
    pass


@contextlib.asynccontextmanager
async def connected(server):
    connection = await nats.connect(
        server.url,
        user="node",
        password="node",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.02,
        error_cb=quiet,
    )
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def opened(server, name, settings=SMALL, **options):
    async with connected(server) as connection:
        journal = await Journal.open(
            connection, settings, stream=name, subject=name.lower(), **options
        )
        try:
            yield journal
        finally:
            await journal.close()


async def all_of(journal, *arguments, **options) -> list[Entry]:
    return [entry async for entry in journal.read(*arguments, **options)]


def given(number, rng):
    return (rng.choice(KINDS), f"from {number}", 1000 * number, rng.randbytes(rng.randrange(300)))


async def put(journal, entry):
    return await journal.append(*entry)


def as_given(entry: Entry):
    return (entry.kind, entry.about, entry.time_ns, entry.payload)


def test_what_nobody_waits_for_goes_with_what_somebody_does(server):
    """It lingers for a second by itself; with an entry that is awaited it goes in one message."""
    settings = SMALL.model_copy(update={"linger_s": 1.0})

    async def scenario():
        async with opened(server, "LINGER", settings) as journal:
            alone = journal.put(EntryKind.CLOCK_MARK, "", 1, b"a", soon=False)
            await journal.append(EntryKind.CLOCK_MARK, "", 2, b"b")
            assert alone.done() and [one.payload for one in await all_of(journal)] == [b"a", b"b"]
            stream = await journal._context.stream_info("LINGER")
            assert stream.state.messages == 1

    asyncio.run(scenario())


def test_what_is_appended_is_read_back_and_goes_on_in_another_process(server):
    async def scenario():
        rng = random.Random(1)
        entries = [given(i, rng) for i in range(1, 301)]
        async with opened(server, "BACK") as journal:
            assert await all_of(journal) == [] and journal.last_number == 0
            assert await put(journal, entries[0]) == 1
            numbers = await asyncio.gather(*(put(journal, entry) for entry in entries[1:200]))
            assert numbers == list(range(2, 201))
            assert [as_given(e) for e in await all_of(journal)] == entries[:200]
        async with opened(server, "BACK") as journal:
            assert journal.last_number == 200
            numbers = await asyncio.gather(*(put(journal, entry) for entry in entries[200:]))
            assert numbers == list(range(201, 301))
            got = await all_of(journal)
            assert [e.number for e in got] == list(range(1, 301))
            assert [as_given(e) for e in got] == entries
            for begin in (1, 2, 57, 200, 201, 300):
                assert (await all_of(journal, begin))[0].number == begin
            assert await all_of(journal, 301) == []
            assert (await all_of(journal, from_time_ns=77_500))[0].number == 78
            assert await all_of(journal, from_time_ns=301_000) == []
            assert await journal.first_number() == 1
            assert journal.health.state is JournalState.WELL and journal.health.waiting == 0

    asyncio.run(scenario())


def test_a_reader_that_takes_its_time_is_not_forgotten(server, monkeypatch):
    """Who folds what it reads may be longer about it than the server keeps an idle reader."""
    monkeypatch.setattr(journal_module, "_IDLE_S", 0.3)
    monkeypatch.setattr(journal_module, "_READ_AT_ONCE", 2)

    async def scenario():
        async with opened(server, "SLOW") as journal:
            for number in range(6):
                await journal.append(EntryKind.CLOCK_MARK, "", number, b"")
            numbers = []
            async for entry in journal.read():
                numbers.append(entry.number)
                await asyncio.sleep(2.0 if entry.number == 2 else 0.0)
            assert numbers == [1, 2, 3, 4, 5, 6]

    asyncio.run(scenario())


def test_reading_by_time_when_the_clock_was_put_back(server):
    async def scenario():
        times_ns = [10, 20, 30, 5, 6, 25, 40, 7]
        async with opened(server, "CLOCK") as journal:
            for time_ns in times_ns:
                await journal.append(EntryKind.CLOCK_MARK, "", time_ns, b"")
            for from_ns in (0, 10, 11, 21, 31, 40, 41):
                first = next((i for i, t in enumerate(times_ns) if t >= from_ns), len(times_ns))
                got = await all_of(journal, from_time_ns=from_ns)
                assert [e.time_ns for e in got] == times_ns[first:]

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments(own, seed):
    """Writers go on while the server is killed; in the end all that was given is there, once."""

    async def scenario():
        rng = random.Random(seed)
        entries = [given(i, rng) for i in range(1, 3001)]
        acknowledged: dict[int, int] = {}

        async def write(journal, i):
            acknowledged[await put(journal, entries[i])] = i

        async with opened(own, "KILLED") as journal:
            tasks = []
            moments = sorted(rng.sample(range(len(entries)), 5))
            for i in range(len(entries)):
                tasks.append(asyncio.create_task(write(journal, i)))
                if rng.random() < 0.05:
                    await asyncio.sleep(rng.random() * 0.02)
                if moments and i == moments[0]:
                    moments.pop(0)
                    own.kill()
                    before = dict(acknowledged)
                    await asyncio.sleep(rng.random() * 0.1)
                    own.start()
                    async with connected(own) as other:
                        # A reader of its own, at once: what was acknowledged survived the kill.
                        reader = Journal(other, SMALL, "KILLED", "killed")
                        found = {e.number: as_given(e) for e in await all_of(reader)}
                    assert all(found[n] == entries[k] for n, k in before.items())
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
            got = await all_of(journal)
            assert [as_given(e) for e in got] == entries
            assert [e.number for e in got] == list(range(1, len(entries) + 1))
            assert acknowledged == {e.number: i for i, e in enumerate(got)}
            assert journal.health.lost == 0

    asyncio.run(scenario())


def test_a_server_that_does_not_answer_is_named_and_nothing_is_doubled(own):
    async def scenario():
        async with opened(own, "SILENT") as journal:
            await journal.append(EntryKind.CLOCK_MARK, "", 1, b"before")
            own.freeze()
            waits = [
                asyncio.create_task(put(journal, given(i, random.Random(i)))) for i in range(9)
            ]
            await asyncio.sleep(1.2)
            assert journal.health.state is JournalState.SILENT
            assert "server runs" in journal.health.remedy and journal.health.waiting == 9
            assert not any(task.done() for task in waits)
            own.thaw()
            numbers = await asyncio.wait_for(asyncio.gather(*waits), 10)
            assert numbers == list(range(2, 11))
            assert len(await all_of(journal)) == 10
            assert journal.health.state is JournalState.WELL

    asyncio.run(scenario())


def test_a_full_disk_is_named_and_what_waits_is_written_when_there_is_room(tmp_path, monkeypatch):
    own = OwnServer(tmp_path, room="1G")
    own.start()
    own.let_files_grow(1_000_000)
    usage = namedtuple("usage", "total used free")
    free = 1 << 40

    async def scenario():
        nonlocal free
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, free))
        async with opened(own, "FULL", folder=tmp_path) as journal:
            free = 1000
            payload = bytes(20_000)
            waits = [
                asyncio.ensure_future(journal.put(EntryKind.CLOCK_MARK, "", i, payload))
                for i in range(100)
            ]
            for _ in range(100):
                await asyncio.sleep(0.05)
                if journal.health.state is JournalState.FULL:
                    break
            health = journal.health
            assert health.state is JournalState.FULL and "disk is full" in health.reason
            assert "make room" in health.remedy
            written = sum(wait.done() for wait in waits)
            assert 0 < written < 100 and health.waiting == 100 - written
            free = 1 << 40
            own.let_files_grow()
            # As the remedy says: a server that failed to write stays silent until it starts anew.
            own.kill()
            own.start()
            await asyncio.wait_for(asyncio.gather(*waits), 10)
            assert [e.time_ns for e in await all_of(journal)] == list(range(100))
            assert journal.health.state is JournalState.WELL

    try:
        asyncio.run(scenario())
    finally:
        own.kill()


def test_what_waits_is_bounded(server):
    async def scenario():
        settings = SMALL.model_copy(update={"greatest_waiting_mib": 0.01})
        async with opened(server, "BOUND", settings) as journal:
            with pytest.raises(JournalError, match="wait for the disk"):
                for _ in range(20):
                    journal.put(EntryKind.CLOCK_MARK, "", 1, bytes(1000))
            with pytest.raises(JournalError, match="greatest_entry_bytes"):
                journal.put(EntryKind.CLOCK_MARK, "", 1, bytes(1 << 20))

    asyncio.run(scenario())


def test_a_second_writer_is_found_out(server):
    async def scenario():
        async with opened(server, "TWICE") as first, opened(server, "TWICE") as second:
            await first.append(EntryKind.CLOCK_MARK, "", 1, b"first")
            with pytest.raises(JournalError, match="another process"):
                await second.append(EntryKind.CLOCK_MARK, "", 1, b"second")
            assert second.health.state is JournalState.FOREIGN
            with pytest.raises(JournalError, match="one node"):
                second.put(EntryKind.CLOCK_MARK, "", 1, b"again")
            assert await first.append(EntryKind.CLOCK_MARK, "", 2, b"") == 2
            assert [e.payload for e in await all_of(first)] == [b"first", b""]

    asyncio.run(scenario())


def test_who_stops_waiting_takes_nothing_back(server):
    async def scenario():
        async with opened(server, "CANCEL") as journal:
            task = asyncio.create_task(journal.append(EntryKind.CLOCK_MARK, "", 1, b"kept"))
            await asyncio.sleep(0)
            task.cancel()
            assert await journal.append(EntryKind.CLOCK_MARK, "", 2, b"") == 2
            assert len(await all_of(journal)) == 2

    asyncio.run(scenario())


def test_the_quota_is_rate_times_retention_and_is_checked_first(own):
    async def scenario():
        settings = JournalSettings(rate_kib_s=100, retention_h=24)
        with pytest.raises(JournalError) as caught:
            async with opened(own, "ROOM", settings):
                pass
        said = str(caught.value)
        assert "100 KiB/s for 24 h need 8.24 GiB" in said and "may have 954 MiB" in said
        assert "lower journal.rate_kib_s or journal.retention_h" in said
        async with opened(own, "ROOM") as journal:
            rate_kib_s = JournalSettings().rate_kib_s
            assert journal.quota_bytes == rate_kib_s * 1024 * 1800  # half an hour, of `opened`
        with pytest.raises(JournalError, match="are free in"):
            async with opened(own, "ROOM", SMALL, folder=Path("/proc")):
                pass

    asyncio.run(scenario())


def test_old_entries_go_and_compaction_drops_what_a_checkpoint_covers(server):
    async def scenario():
        settings = SMALL.model_copy(update={"compaction": True})
        async with opened(server, "COMPACT", settings) as journal:
            for i in range(1, 21):
                await journal.append(EntryKind.CLOCK_MARK, "", i, b"")
            await journal.compact(before_number=13)
            got = await all_of(journal)
            assert [e.number for e in got] == list(range(13, 21))
            assert await all_of(journal, 5) == got and await journal.first_number() == 13
        async with opened(server, "COMPACT") as journal:
            await journal.compact(before_number=20)
            assert await journal.first_number() == 13
            assert await journal.append(EntryKind.CLOCK_MARK, "", 21, b"") == 21
            await journal._context.purge_stream("COMPACT")
        async with opened(server, "COMPACT") as journal:
            # All is gone, as after a long rest: numbers go on beyond those that were given.
            assert await journal.append(EntryKind.CLOCK_MARK, "", 22, b"") > 21
            assert len(await all_of(journal)) == 1

    asyncio.run(scenario())


def test_a_store_that_went_back_in_time_is_named(own, tmp_path):
    async def scenario():
        async with opened(own, "LOST") as journal:
            await journal.append(EntryKind.CLOCK_MARK, "", 1, b"kept")
            own.kill()
            shutil.copytree(own.store, tmp_path / "copy")
            own.start()
            for i in range(2, 6):
                await journal.append(EntryKind.CLOCK_MARK, "", i, b"lost")
            own.kill()
            shutil.rmtree(own.store)
            shutil.copytree(tmp_path / "copy", own.store)
            own.start()
            assert await journal.append(EntryKind.CLOCK_MARK, "", 6, b"new") == 6
            assert journal.health.state is JournalState.LOST and journal.health.lost == 4
            assert "sync_interval" in journal.health.remedy
            assert [e.number for e in await all_of(journal)] == [1, 6]

    asyncio.run(scenario())


def test_a_stream_of_something_else_is_refused(server):
    async def scenario():
        async with connected(server) as connection:
            context = connection.jetstream()
            await context.add_stream(name="OTHER", subjects=["other"])
            await context.publish("other", b"hello")
            with pytest.raises(JournalError, match="none of its own"):
                await Journal.open(connection, SMALL, stream="OTHER", subject="other")

    asyncio.run(scenario())


def test_no_server_and_no_jetstream(server):
    async def scenario():
        async with connected(server) as connection:
            journal = Journal(connection, SMALL, "NOWHERE", "nowhere")
            with pytest.raises(JournalError, match="cannot be read"):
                await all_of(journal)

    asyncio.run(scenario())
    assert journal_module.STREAM == "JOURNAL"
