"""A node's warnings: journalled before they are published, once, also when it is killed between."""

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest
import structlog
from lxml import etree
from starlette.applications import Starlette

from skypact.errors import InputError, JournalError
from skypact.model import Entry, EntryKind
from skypact.serving.warner import Warner
from skypact.settings import Settings
from skypact.sharing.nats_config import warning_subject
from skypact.warning.cap import faults_of, verified
from tests.warning.test_areas import SQUARE, feature
from tests.warning.test_decide import T0, S, flight

AOMORI = [[140, 40], [142, 40], [142, 41], [140, 41], [140, 40]]


class Killed(BaseException):
    """As kill -9: nothing after it runs."""


class JournalOfMemory:
    """Keeps entries; may be full, or be killed before or after an entry is on disk."""

    def __init__(self):
        self.entries, self.full, self.kill = [], False, None

    async def append(self, kind, about, time_ns, payload):
        if self.full:
            raise JournalError("journal", "disk full", "make room")
        if self.kill == "before":
            raise Killed
        number = len(self.entries) + 1
        self.entries.append(
            Entry(number=number, kind=kind, about=about, time_ns=time_ns, payload=payload)
        )
        if self.kill == "after":
            raise Killed
        return number

    async def read(self, from_number=1, *, from_time_ns=None):
        for entry in self.entries:
            if entry.time_ns >= (from_time_ns or 0):
                yield entry


class Wire:
    """What was published."""

    def __init__(self):
        self.sent = []

    async def publish(self, subject, data, headers):
        self.sent.append((subject, data))

    async def flush(self, wait_s):
        pass


async def as_told(track):
    """What a track means: the flight that it is made of here."""
    return track.of


def folder(tmp_path, *, exercise=False, **top):
    (tmp_path / "keys").mkdir(exist_ok=True)
    (tmp_path / "warning.toml").write_text('sender = "alerts@agency.example"\n')
    areas = {"type": "FeatureCollection", "features": [feature("aomori", AOMORI)]} | top
    (tmp_path / "areas.geojson").write_text(json.dumps(areas))
    store = tmp_path / "store" / ("exercise" if exercise else "live")
    return SimpleNamespace(folder=tmp_path, nation="JPN", exercise=exercise, store=store)


def warner(where):
    made = Warner.of(where, (), Settings(), structlog.get_logger())
    if made is not None:
        made._flight = as_told
    return made


class Track:
    """A flight that can be asked for as a track."""

    def __init__(self, of):
        self.of = of
        self.time_ns = of.last_plot_ns

    def __getattr__(self, name):
        return getattr(self.of, name)


async def looked(of, second, *flights):
    await of.look([Track(f) for f in flights], lambda: T0 + second * S)


def steps(wire):
    roots = [etree.fromstring(data) for _, data in wire.sent]
    return [(r.findtext("{*}msgType"), r.findtext("{*}identifier")) for r in roots]


def test_an_alert_is_signed_valid_in_the_journal_on_the_wire_and_in_the_feed(tmp_path):
    async def run():
        where, journal, wire = folder(tmp_path), JournalOfMemory(), Wire()
        of = warner(where)
        await of.begin(wire, journal)
        await looked(of, 0, flight())
        off = ((150.0, 30.0, 1.0),)
        await looked(of, 1, flight(falls=off, last_s=1))
        await looked(of, 12, flight(falls=off, last_s=12))
        assert [kind for kind, _ in steps(wire)] == ["Alert", "Cancel"]
        assert [entry.kind for entry in journal.entries] == [EntryKind.WARNING] * 2
        for subject, data in wire.sent:
            assert subject == warning_subject(exercise=False)
            alert = verified(data, of._key.certificate)
            assert alert is not None and not faults_of(alert, exercise=False)
        app = Starlette(routes=of.routes(lambda: T0))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://node"
        ) as client:
            feed = etree.fromstring((await client.get("/alerts")).content)
            links = [e.get("href") for e in feed.iterfind("{*}entry/{*}link")]
            got = [(await client.get(link)).content for link in reversed(links)]
            assert got == [data for _, data in wire.sent]
            assert (await client.get("/alerts/next.xml")).status_code == 404

    asyncio.run(run())


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("at", [0, 1])
def test_kill_9_loses_nothing_doubles_nothing_and_leaves_no_alert_without_its_end(
    tmp_path, kill, at
):
    """Killed while the Alert, or the Cancel, goes into the journal."""
    off = ((150.0, 30.0, 1.0),)
    looks = [(0, flight()), (1, flight(falls=off, last_s=1)), (12, flight(falls=off, last_s=12))]

    async def run():
        where, journal, wire = folder(tmp_path), JournalOfMemory(), Wire()
        of = warner(where)
        await of.begin(wire, journal)
        for number, (second, one) in enumerate(looks):
            journal.kill = kill if number == 2 * at else None
            try:
                await looked(of, second, one)
            except Killed:
                journal.kill = None
                of = warner(where)
                await of.begin(wire, journal)
                await looked(of, second + 0.5, one)
        # What is not decided at once after the restart is decided within clear_after_s.
        for second in (25, 26):
            await looked(of, second, flight(falls=off, last_s=second))
        assert [kind for kind, _ in steps(wire)] == ["Alert", "Cancel"]
        assert len(set(steps(wire))) == 2 and len(journal.entries) == 2
        assert of.decider.under_alert == {}

    asyncio.run(run())


def test_while_the_disk_is_full_the_alert_waits_and_then_goes_out_once(tmp_path):
    async def run():
        where, journal, wire = folder(tmp_path), JournalOfMemory(), Wire()
        of = warner(where)
        await of.begin(wire, journal)
        journal.full = True
        await looked(of, 0, flight())
        await looked(of, 1, flight(last_s=1))
        assert wire.sent == [] and "journal" in of.faults
        journal.full = False
        await looked(of, 2, flight(last_s=2))
        assert [kind for kind, _ in steps(wire)] == ["Alert"] and of.faults == {}

    asyncio.run(run())


def test_a_drill_never_reaches_a_live_channel(tmp_path):
    """Left-over areas, keys, feed, subject, files and status of an exercise: all are others."""
    with pytest.raises(InputError, match="exercises"):
        warner(folder(tmp_path, features=[feature("left over", SQUARE, exercise=True)]))

    async def run():
        drill, live = warner(folder(tmp_path, exercise=True)), warner(folder(tmp_path))
        told = {}
        for of in (drill, live):
            wire = Wire()
            await of.begin(wire, JournalOfMemory())
            await looked(of, 0, flight())
            ((told[of.exercise, "subject"], told[of.exercise]),) = wire.sent
        assert told[True, "subject"] != told[False, "subject"]
        assert verified(told[True], live._key.certificate) is None
        alert = verified(told[True], drill._key.certificate)
        assert any("channel" in fault for fault in faults_of(alert, exercise=False))
        assert drill.path != live.path and drill._store != live._store
        # Taken up by a live node whose journal knows nothing of it, a drill's file says nothing.
        live._store.joinpath("next").write_bytes(drill._store.joinpath("next").read_bytes())
        again, wire = warner(folder(tmp_path)), Wire()
        await again.begin(wire, JournalOfMemory())
        assert wire.sent == [] and again.decider.under_alert == {}

    asyncio.run(run())


def test_the_hook_gets_each_message(tmp_path):
    async def run():
        where, out = folder(tmp_path), tmp_path / "heard.xml"
        with (tmp_path / "warning.toml").open("a") as file:
            file.write(f'hook = ["sh", "-c", "cat > {out}"]\n')
        wire, of = Wire(), warner(where)
        await of.begin(wire, JournalOfMemory())
        await looked(of, 0, flight())
        await of.stop()
        assert out.read_bytes() == wire.sent[0][1] and of.faults == {}

    asyncio.run(run())


def test_without_an_agency_nobody_is_warned(tmp_path):
    where = folder(tmp_path)
    (tmp_path / "warning.toml").unlink()
    assert warner(where) is None
