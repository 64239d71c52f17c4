"""A node's warnings: journalled before they are published, once, also when it is killed between."""

import asyncio
import json
from types import SimpleNamespace

import httpx
import msgspec
import numpy as np
import pytest
import structlog
from lxml import etree
from msgspec import structs
from starlette.applications import Starlette

from skypact import model
from skypact.errors import InputError, JournalError, SkypactError
from skypact.flight import ways_of
from skypact.model import Entry, EntryKind, Reason
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.serving import alert_channels
from skypact.serving.operating import CANCEL_WARNING, RELEASE_WARNING, Order
from skypact.serving.warner import KeptWarnings, Taken, Warner
from skypact.settings import Settings, WarningSettings
from skypact.sharing.nats_config import warning_subject
from skypact.sharing.users import add_user
from skypact.tracking import Picture
from skypact.warning.cap import faults_of, verified
from tests.warning.test_areas import AOMORI, SQUARE, feature
from tests.warning.test_decide import T0, S, flight


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
    """A server: what was published, each message once as its stream keeps it; it may be down."""

    def __init__(self):
        self.sent, self.down, self._ids = [], False, set()

    def jetstream(self, timeout):
        return self

    async def stream_info(self, name):
        return None

    async def update_stream(self, config):
        pass

    async def publish(self, subject, data, headers):
        if self.down:
            raise TimeoutError
        if headers["Nats-Msg-Id"] not in self._ids:
            self._ids.add(headers["Nats-Msg-Id"])
            self.sent.append((subject, data))


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


def warner(where, **of):
    settings = Settings(warning=WarningSettings(**{"clear_after_s": 10, **of}))
    made = Warner.of(where, (), settings, structlog.get_logger())
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


def a_track(identity):
    """A track as a picture has it; what it means nobody can say."""
    return model.Track(
        id=identity,
        status=model.TrackStatus.CONFIRMED,
        time_ns=T0 + S,
        state=np.zeros(6),
        covariance=np.eye(6),
        phases=(),
        first_plot_ns=T0,
        last_plot_ns=T0 + S,
        plots=40,
        plots_by_radar={},
        first_plots=np.zeros((0, 6)),
        manoeuvre_log_odds=0.0,
        highest_m=0.0,
        highest_ns=T0,
        highest_sigma_m=0.0,
        most_energy_j_kg=0.0,
    )


async def looked(of, second, *flights, taken_s=None):
    taken_s = second if taken_s is None else taken_s
    taken = Taken([Track(f) for f in flights], T0 + round(taken_s * S))
    await of.look(taken, lambda: T0 + round(second * S))


def client_of(of):
    """Somebody who reads its feed."""
    app = Starlette(routes=of.routes(lambda: T0))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node")


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
        async with client_of(of) as client:
            feed = etree.fromstring((await client.get("/alerts")).content)
            links = [e.get("href") for e in feed.iterfind("{*}entry/{*}link")]
            got = [(await client.get(link)).content for link in reversed(links)]
            assert got == [data for _, data in wire.sent]
            assert (await client.get("/alerts/next.xml")).status_code == 404
            # A feed for each language: its own titles, the same messages, and the way to the rest.
            assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
            titles = [e.text for e in feed.iterfind("{*}entry/{*}title")]
            assert titles == ["Withdrawn: aomori", "May fall: aomori"]
            others = {e.get("hreflang"): e.get("href") for e in feed.iterfind("{*}link")}
            assert others == {None: "/alerts", "ja": "/alerts/ja", "ko": "/alerts/ko"}
            korean = etree.fromstring((await client.get(others["ko"])).content)
            assert [e.get("href") for e in korean.iterfind("{*}entry/{*}link")] == links
            assert korean.findtext("{*}entry/{*}title") == "취소: aomori"

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


def test_what_server_or_disk_did_not_take_goes_out_later_in_order_and_once(tmp_path, monkeypatch):
    """The server is gone for an Alert and its Cancel, and the disk full once they were journalled;
    then the node is killed: the next start has both from the journal."""
    off = ((150.0, 30.0, 1.0),)

    async def run(killed):
        where, journal, wire = folder(tmp_path / str(killed)), JournalOfMemory(), Wire()
        of = warner(where)
        await of.begin(wire, journal)
        wire.down = True
        written = alert_channels.write_private
        monkeypatch.setattr(alert_channels, "write_private", _full_for_messages(written))
        await looked(of, 0, flight())
        await looked(of, 1, flight(falls=off, last_s=1))
        await looked(of, 12, flight(falls=off, last_s=12))
        assert wire.sent == [] and {"nats", "feed"} <= of.faults.keys()
        async with client_of(of) as client:  # what counts is in the feed all the same
            feed = etree.fromstring((await client.get("/alerts")).content)
            links = [e.get("href") for e in feed.iterfind("{*}entry/{*}link")]
            got = [(await client.get(link)).content for link in reversed(links)]
        monkeypatch.setattr(alert_channels, "write_private", written)
        wire.down = False
        if killed:
            of = warner(where)
            await of.begin(wire, journal)
        else:
            await of._channels.put_out()
        assert [kind for kind, _ in steps(wire)] == ["Alert", "Cancel"]
        assert got == [data for _, data in wire.sent]
        assert [of._channels._file(name).read_bytes() for _, name in steps(wire)] == got
        assert not {"nats", "feed"} & of.faults.keys()
        await of._channels.put_out()
        assert len(wire.sent) == 2

    for killed in (False, True):
        (tmp_path / str(killed)).mkdir()
        asyncio.run(run(killed))


def _full_for_messages(write):
    def writing(path, content):
        if path.suffix == ".xml":
            raise OSError(28, "No space left on device")
        write(path, content)

    return writing


def test_a_track_that_cannot_be_carried_down_is_not_withdrawn(tmp_path):
    """The process that carries ways down died: what was said holds, and nothing is cancelled."""

    async def run():
        of, wire = warner(folder(tmp_path)), Wire()
        await of.begin(wire, JournalOfMemory())
        await looked(of, 0, flight())
        assert of.decider.under_alert
        del of._flight  # its own, which asks the process

        async def dead(*_, **__):
            return None

        of.first.ways = dead
        track = a_track(identity=1)
        await of.look(Taken([track], T0 + S), lambda: T0 + S)
        await of.look(Taken([track], T0 + 2 * S), lambda: T0 + 2 * S)
        assert [kind for kind, _ in steps(wire)] == ["Alert"] and of.decider.under_alert

    asyncio.run(run())


def test_nothing_is_over_because_it_takes_long_to_work_out_what_tracks_mean(tmp_path):
    """After a start its process begins anew; the clock goes on, and the tracks are of before."""

    async def run():
        of, wire = warner(folder(tmp_path)), Wire()
        await of.begin(wire, JournalOfMemory())
        await looked(of, 0, flight(down_s=100))
        now_s = [10]

        async def late(track):
            now_s[0] = 500
            return track.of

        of._flight = late
        tracks = [Track(flight(down_s=100, last_s=10))]
        await of.look(Taken(tracks, T0 + 10 * S), lambda: T0 + now_s[0] * S)
        assert [kind for kind, _ in steps(wire)] == ["Alert"] and of.decided_ns == T0 + 10 * S

    asyncio.run(run())


def reasons(journal):
    """Why each message was said."""
    entries = [msgspec.msgpack.decode(e.payload, type=KeptWarnings) for e in journal.entries]
    return [str(kept.said.reason) for whole in entries for kept in whole.each]


@pytest.mark.parametrize("lag", ["all stands", "nothing is taken in", "each plot comes late"])
def test_a_nodes_own_lag_loses_no_track_and_what_is_then_unseen_is_lost(tmp_path, lag):
    """For 40 s; the clock mark of after a wait is taken in before the plots that waited with it."""

    async def run():
        of, journal = warner(folder(tmp_path), clear_after_s=60), JournalOfMemory()
        await of.begin(Wire(), journal)
        for second in range(20):
            await looked(of, second, flight(last_s=second))
        if lag == "nothing is taken in":
            for second in range(20, 60):
                await looked(of, second, flight(last_s=19), taken_s=19)
        if lag == "each plot comes late":
            for second in range(20, 60):
                await looked(of, second, flight(last_s=19 + (second - 20) // 2))
        await looked(of, 60, flight(last_s=19 if lag == "all stands" else 39))
        assert reasons(journal) == [Reason.THRESHOLD]
        for second in range(61, 90):
            await looked(of, second, flight(last_s=60))
        assert reasons(journal) == [Reason.THRESHOLD, Reason.TRACK_LOST]

    asyncio.run(run())


def test_a_started_node_loses_no_track_by_the_time_that_it_was_down(tmp_path):
    async def run():
        journal = JournalOfMemory()
        of = warner(folder(tmp_path))
        await of.begin(Wire(), journal)
        await looked(of, 0, flight())
        of = warner(folder(tmp_path))
        await of.begin(Wire(), journal)
        for second in range(40, 50):
            await looked(of, second, flight())
        assert reasons(journal) == [Reason.THRESHOLD]
        for second in range(50, 55):
            await looked(of, second, flight())
        assert reasons(journal) == [Reason.THRESHOLD, Reason.TRACK_LOST]

    asyncio.run(run())


@pytest.mark.parametrize("late", ["decisions", "the picture", "ways down"])
def test_health_says_that_warnings_lag_until_they_do_not(tmp_path, late):
    async def run():
        of = warner(folder(tmp_path), greatest_lag_s=8)
        await of.begin(Wire(), JournalOfMemory())

        async def noted(second):
            note = asyncio.create_task(of._note_lag(T0, lambda: T0 + second * S))
            await asyncio.sleep(0)
            note.cancel()
            return of.metrics()["skypact_warnings_lag_seconds"][()], of.faults.get("lag", "")

        assert await noted(7) == (7, "")
        assert "they go by what was seen 9 s ago" in (await noted(9))[1]  # it never decided
        await looked(of, 10, flight(last_s=10))
        assert await noted(11) == (1, "")
        of._ways[1] = SimpleNamespace(time_ns=T0 + (10 if late != "ways down" else 1) * S)
        if late != "decisions":
            taken_s = 11 if late == "the picture" else 20
            await looked(of, 20, flight(last_s=10), taken_s=taken_s)
        lag_s, fault = await noted(20)
        assert lag_s == {"decisions": 10, "the picture": 9, "ways down": 9}[late]
        assert ("flights were expected" if late == "ways down" else "was seen") in fault
        of._ways.clear()
        await looked(of, 21, flight(last_s=21))
        assert await noted(21) == (0, "")

    asyncio.run(run())


def test_what_is_lost_while_it_burns_is_foretold_once_its_boost_is_surely_over(tmp_path):
    """The radars lose the IRBM of 2022-10-04 20 s before its burn-out: it is alerted all the same.

    The tracker takes a boost to end at 1/60 s: after 97 s it goes on with less than 0.2.
    """
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=3)
    end_ns = simulation.paths[0].burnout_time_ns - 20 * S
    rows = np.flatnonzero((simulation.origin == 0) & (simulation.plots.time_ns < end_ns))
    picture = Picture(simulation.radars)
    picture.observe(simulation.plots.at(rows))
    settings = Settings()
    few = settings.warning.first(settings.flight)

    async def carried(track, launch=None, **_):
        return ways_of(track, simulation.radars, few, seek_launch=False)

    async def run():
        north = feature("north", [[138, 39], [144, 39], [144, 43], [138, 43], [138, 39]])
        where = folder(tmp_path, features=[north])
        of = Warner.of(where, simulation.radars, settings, structlog.get_logger())
        of.first.ways = of.anew.ways = carried
        wire, alerted_s = Wire(), []
        await of.begin(wire, JournalOfMemory())
        for after_s in range(1, 120, 3):
            now_ns = end_ns + after_s * S
            taken = Taken(picture.advanced(now_ns).tracks(), now_ns)
            await of.look(taken, lambda now_ns=now_ns: now_ns)
            if of._to_carry:
                await of._carry_anew()
            alerted_s += [after_s] * (len(wire.sent) - len(alerted_s))
        assert steps(wire)[0][0] == "Alert" and 90 < alerted_s[0] < 110

    asyncio.run(run())


def test_an_alert_holds_until_its_ways_down_are_carried_from_what_was_seen_last(tmp_path):
    """On a busy machine: few ways, which end too soon; then the process for all of them dies."""
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=3)
    seen_ns = simulation.paths[0].burnout_time_ns + 30 * S
    rows = np.flatnonzero((simulation.origin == 0) & (simulation.plots.time_ns < seen_ns))
    picture = Picture(simulation.radars)
    picture.observe(simulation.plots.at(rows))
    (track,) = picture.advanced(seen_ns).tracks()
    settings = Settings()
    few = settings.warning.first(settings.flight)
    whole = ways_of(track, simulation.radars, few)
    descent = whole.flight.descent
    soon = descent.time_ns.min() - descent.time_ns.max()
    short = structs.replace(descent, time_ns=descent.time_ns + 2 * soon)
    carried = []

    async def first(*_, **__):
        return whole._replace(flight=structs.replace(whole.flight, descent=short))

    async def anew(*_):
        carried.append(len(carried))
        return whole if len(carried) > 1 else None

    async def run():
        ahead = feature("ahead", [[130, 20], [-150, 20], [-150, 60], [130, 60], [130, 20]])
        where = folder(tmp_path, features=[ahead])
        of = Warner.of(where, simulation.radars, settings, structlog.get_logger())
        of.first.ways, of.anew.ways, wire = first, anew, Wire()
        await of.begin(wire, JournalOfMemory())

        async def looked_at(time_ns):
            await of.look(Taken([track], time_ns), lambda: time_ns)
            return [kind for kind, _ in steps(wire)]

        after_ns = round(settings.warning.over_after_s * S) + S
        assert await looked_at(seen_ns) == ["Alert"]
        sooner_ns, later_ns = (int(one.time_ns.max()) + after_ns for one in (short, descent))
        assert set((await looked_at(sooner_ns))[1:]) <= {"Update"} and of.decider.under_alert
        await of._carry_anew()
        await looked_at(sooner_ns)
        assert of.decider.under_alert
        await of._carry_anew()
        assert not of._to_carry
        await looked_at(sooner_ns)
        assert of.decider.under_alert
        await looked_at(later_ns)
        assert not of.decider.under_alert and carried == [0, 1]

    asyncio.run(run())


def test_a_part_was_launched_when_what_it_parted_from_was(tmp_path):
    """By a booster's own plots, which begin at its parting, its launch is some 40 s late."""
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=3)
    launch_ns = simulation.paths[0].launch.time_ns
    now_ns = launch_ns + 400 * S
    picture = Picture(simulation.radars)
    picture.observe(simulation.plots.at(np.flatnonzero(simulation.plots.time_ns < now_ns)))
    tracks = picture.advanced(now_ns).tracks()
    whole, part = sorted(tracks, key=lambda one: one.parted_from is not None)
    assert part.parted_from == whole.id
    settings = Settings()
    few = settings.warning.first(settings.flight)

    async def carried(track, launch=None, *, seek_launch=True):
        return ways_of(track, simulation.radars, few, launch=launch, seek_launch=seek_launch)

    async def run():
        of = Warner.of(folder(tmp_path), simulation.radars, settings, structlog.get_logger())
        of.first.ways = of.anew.ways = carried
        await of.begin(Wire(), JournalOfMemory())
        await of.look(Taken(tracks, now_ns), lambda: now_ns)
        while of._to_carry:
            await of._carry_anew()
        launches = [of._ways[track.id].flight.launch for track in (whole, part)]
        assert launches[0] == launches[1]
        off_s = (launches[1].time_ns - launch_ns) / S
        assert abs(off_s) < 2.6 * launches[1].time_sigma_s  # 99 %

    asyncio.run(run())


def test_two_persons_release_an_alert_each_with_a_key_of_their_own(tmp_path):
    """Nobody twice; killed after the first it still counts; then it goes out at once."""
    rule = {"release_persons": 2, "at_once_probability": 1.0, "at_once_lead_s": 60.0}

    def order(who, what=RELEASE_WARNING, about="1"):
        return Order(what=what, about=about, who=who, when_ns=T0)

    async def run():
        where, journal, wire = folder(tmp_path), JournalOfMemory(), Wire()
        of = warner(where, **rule)
        await of.begin(wire, journal, lambda: T0)
        unsure = ((141.0, 40.5, 0.9), (150.0, 30.0, 0.1))
        with pytest.raises(SkypactError, match=r"no alert of it waits.*none is"):
            await of.obey(order("Sato"), T0)
        await looked(of, 0, flight(falls=unsure))
        assert wire.sent == [] and "event 1 waits for a release: may fall aomori" in of.notices[0]
        with pytest.raises(SkypactError, match="coalition user add"):
            await of.obey(order("Sato"), T0)
        for name in ("Sato", "Mori"):
            add_user(tmp_path, name, ["release"], public=None, private=tmp_path / f"{name}.key")
        for said in ("1 more to release it", "1 more to release it"):
            assert said in await of.obey(order("Sato"), T0 + S)
        await looked(of, 1, flight(falls=unsure, last_s=1))
        assert wire.sent == []
        of = warner(where, **rule)  # killed
        await of.begin(wire, journal, lambda: T0 + 2 * S)
        await looked(of, 2, flight(falls=unsure, last_s=2))
        assert wire.sent == []
        assert "it goes out" in await of.obey(order("Mori"), T0 + 3 * S)
        await looked(of, 3, flight(falls=unsure, last_s=3))
        assert [kind for kind, _ in steps(wire)] == ["Alert"] and of.notices == []
        values = {e.text for e in etree.fromstring(wire.sent[0][1]).iterfind(".//{*}value")}
        assert "2 persons" in values
        with pytest.raises(SkypactError, match="no alert of it waits"):
            await of.obey(order("Mori"), T0 + 4 * S)
        # Cancelled by an operator it stays so, whatever the probability, until one releases it.
        assert "cancelled" in await of.obey(order("Sato", CANCEL_WARNING), T0 + 5 * S)
        await looked(of, 6, flight(last_s=6, down_s=30))
        assert [kind for kind, _ in steps(wire)] == ["Alert", "Cancel"]
        for who in ("Sato", "Mori"):
            await of.obey(order(who), T0 + 7 * S)
        await looked(of, 8, flight(last_s=8, down_s=30))
        assert [kind for kind, _ in steps(wire)] == ["Alert", "Cancel", "Alert"]
        for _, data in wire.sent:
            assert faults_of(etree.fromstring(data), exercise=False) == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("falls", "down_s", "goes"),
    [(0.9, 400, False), (1.0, 400, True), (0.9, 50, True)],
    ids=["neither", "likely", "soon"],
)
def test_by_rule_an_alert_goes_without_the_persons(tmp_path, falls, down_s, goes):
    async def run():
        wire = Wire()
        rule = {"release_persons": 2, "at_once_probability": 0.95, "at_once_lead_s": 60.0}
        of = warner(folder(tmp_path), **rule)
        await of.begin(wire, JournalOfMemory())
        at = ((141.0, 40.5, falls), (150.0, 30.0, 1.0 - falls))
        await looked(of, 0, flight(falls=at, down_s=down_s))
        assert bool(wire.sent) == goes == (not of.notices)

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


def test_the_hook_gets_each_message_and_none_again_because_the_node_is_started(tmp_path):
    async def run():
        where, out = folder(tmp_path), tmp_path / "heard.xml"
        with (tmp_path / "warning.toml").open("a") as file:
            file.write(f'hook = ["sh", "-c", "cat >> {out}"]\n')
        wire, journal, of = Wire(), JournalOfMemory(), warner(where)
        await of.begin(wire, journal)
        await looked(of, 0, flight())
        await of.stop()
        assert out.read_bytes() == wire.sent[0][1] and of.faults == {}
        for told in (1, 2):  # killed once all had it; then before it was noted that they have it
            of = warner(where)
            await of.begin(wire, journal)
            await of.stop()
            assert out.read_bytes() == told * wire.sent[0][1] and len(wire.sent) == 1
            of._channels._noted.unlink()

    asyncio.run(run())


def test_without_an_agency_nobody_is_warned(tmp_path):
    where = folder(tmp_path)
    (tmp_path / "warning.toml").unlink()
    assert warner(where) is None
