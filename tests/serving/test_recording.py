"""Flights that ended, over a real journal: in the record once, whatever was killed or gone."""

import asyncio
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import nats
import pytest
from typer.testing import CliRunner

from evaluate.own_postgresql import MISSING, OwnPostgresql, is_installed
from skypact import cli
from skypact.model import (
    PART,
    AreaChance,
    Assessed,
    Assessment,
    Basis,
    Consultation,
    Danger,
    Ellipse,
    EntryKind,
    Flight,
    FlightKind,
    Impact,
    Joined,
    Launch,
    Origin,
    Proposed,
    Reason,
    Step,
    TrackStatus,
    Use,
    WarnedArea,
    Warning,
)
from skypact.record import Journal
from skypact.record.launch_record import LaunchRecord, Query
from skypact.serving.alert_channels import KeptWarning
from skypact.serving.events import Events, KeptSaid
from skypact.serving.kept import encoded
from skypact.serving.recording import Recording, is_same
from skypact.serving.warned import Warned, WarnedState
from skypact.serving.warner import KeptWarnings
from skypact.settings import JournalSettings, RecordSettings, Settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from own_server import OwnServer

S = 1_000_000_000
BEGIN_NS = 1_664_835_720 * S
SETTINGS = RecordSettings(answer_s=1.0)


def impact(latitude_deg=40.0, seconds=900.0):
    return Impact(
        time_ns=BEGIN_NS + round(seconds * S),
        time_sigma_s=2.0,
        latitude_rad=math.radians(latitude_deg),
        longitude_rad=math.radians(150.0),
        ellipse_95=Ellipse(semi_major_m=4000.0, semi_minor_m=900.0, azimuth_rad=1.0),
        region_95=(),
    )


def flight(number, at=None):
    return Flight(
        id=number,
        kind=FlightKind.BALLISTIC,
        kind_probability=1.0,
        kind_probabilities={},
        range_class=None,
        range_class_probability=None,
        nations=("JPN",),
        radars=("A",),
        first_plot_ns=BEGIN_NS,
        last_plot_ns=BEGIN_NS + 800 * S,
        last_seen_by="A",
        plots=90,
        launch=None,
        apogee=None,
        ground_range_m=4_500_000.0,
        impact=at or impact(),
    )


def launched(latitude_deg):
    return Launch(
        time_ns=BEGIN_NS - round(latitude_deg) * S,
        time_sigma_s=1.0,
        latitude_rad=math.radians(latitude_deg),
        longitude_rad=math.radians(126.0),
        ellipse_95=Ellipse(semi_major_m=4000.0, semi_minor_m=900.0, azimuth_rad=1.0),
    )


def track(number, status=TrackStatus.ENDED, partners=(), parted_from=None):
    return SimpleNamespace(
        id=number,
        status=status,
        time_ns=BEGIN_NS + 900 * S,
        first_plot_ns=BEGIN_NS,
        last_plot_ns=BEGIN_NS + 800 * S,
        plots_by_partner=dict.fromkeys(partners, 5),
        parted_from=parted_from,
    )


class Scene:
    """A journal on a server of its own, and what a node has beside it."""

    def __init__(self, journal, where):
        self.journal, self.where = journal, where
        self.tracks, self.statements, self.assessed = [], {}, 0
        self.warned = Warned()
        self.events = Events("JPN", Settings().consultation, exercise=False)
        self.areas, self.launches = None, {}

    async def flight(self, one, launch):
        self.assessed += 1
        launch = launch or self.launches.get(one.id)
        return msgspec.structs.replace(flight(one.id), parted_from=one.parted_from, launch=launch)

    def write(self, kind, about, time_ns, entry):
        return self.journal.put(kind, about, time_ns, encoded(entry))

    def recording(self):
        """As a node that was just started has it."""
        picture = SimpleNamespace(shown=lambda: tuple(self.tracks))
        folded = SimpleNamespace(
            shared=picture,
            national=picture,
            pictures={"public_warning": picture},
            stated_last=self.statements,
            events=self.events,
            warned=self.warned,
            settings=Settings(),
        )
        settings = SETTINGS.model_copy(update={"database": self.where})
        return Recording(
            "JPN",
            folded,
            self.journal,
            self,
            settings,
            Path("."),
            exercise=False,
            write=self.write,
            clock=lambda: BEGIN_NS + 900 * S,
            areas_at=self.areas,
        )

    def entries(self):
        record = LaunchRecord(self.where, SETTINGS)
        try:
            listed = list(record.entries(Query(origin=Origin.MEASURED)))
            return [record.entry(number).entry for number, _ in listed]
        finally:
            record.close()


def play(tmp_path, where, scene_of):
    """Runs a scene against a journal that is real."""

    async def run():
        server = OwnServer(tmp_path / "nats")
        server.start()
        connection = await nats.connect(
            f"nats://127.0.0.1:{server.port}", user="node", password="node"
        )
        settings = JournalSettings(retention_h=0.5)
        journal = await Journal.open(connection, settings, folder=tmp_path)
        try:
            for second in range(3):  # what it was seen by
                await journal.append(
                    EntryKind.PLOTS_ACCEPTED, "A", BEGIN_NS + (second - 1) * S, b"plots"
                )
            await scene_of(Scene(journal, where))
        finally:
            await journal.close()
            await connection.close()
            server.stop()

    (tmp_path / "nats").mkdir()
    asyncio.run(run())


def test_what_ended_is_recorded_once_with_its_journal_range(tmp_path):
    async def scene(of):
        of.tracks = [track(1), track(2, TrackStatus.CONFIRMED)]
        said = Assessment(
            flight=77,
            as_of_ns=BEGIN_NS + 700 * S,
            kind=FlightKind.BALLISTIC,
            kind_probabilities={},
            use=(Use.PICTURE,),
            impact=impact(40.3, 905.0),
        )
        of.statements["KOR", "assessment", 77] = said
        elsewhere = msgspec.structs.replace(said, impact=impact(20.0))
        of.statements["USA", "assessment", 78] = elsewhere
        recording = of.recording()
        await recording.look()
        await recording.look()
        [entry] = of.entries()
        assert (entry.origin, entry.source, entry.day) == (Origin.MEASURED, "JPN", 20221004)
        assert entry.impact_latitude_deg == pytest.approx(40.0)
        assert entry.exportable
        assert (entry.journal_first, entry.journal_last) == (2, 3)
        assert [one.nation for one in entry.assessments] == ["", "JPN", "KOR"]
        assert entry.assessments[2].stated["impact"]["latitude_deg"] == pytest.approx(40.3)
        of.tracks = [track(1), track(2, partners=("KOR/x",))]
        await recording.look()
        assert [one.exportable for one in of.entries()] == [True, False]
        assert recording.fault == ""
        await recording.stop()

    play(tmp_path, str(tmp_path / "record.db"), scene)


def test_what_parted_says_from_which_and_is_no_launch(tmp_path):
    async def scene(of):
        of.launches = {1: launched(40.0), 2: launched(50.0), 4: launched(60.0)}
        of.tracks = [track(1), track(2, TrackStatus.CONFIRMED, parted_from=1)]
        recording = of.recording()
        await recording.look()
        # The picture has forgotten the first, and never had 3.
        of.tracks = [track(2, parted_from=1), track(4, parted_from=3)]
        await recording.look()
        launch, part, orphan = of.entries()
        # A part's own plots begin at its parting: it has the launch of what it parted from.
        degrees = [round(one.launch_latitude_deg) for one in (launch, part, orphan)]
        assert degrees == [40, 40, 60] and part.begin_ns == launch.begin_ns
        assert (launch.type, launch.words, launch.description) == ("unknown", {}, "")
        assert part.type == orphan.type == PART
        assert part.words == {"parted_from": launch.key}
        assert launch.key in part.description
        assert orphan.words == {"parted_from": "?-3"}
        await recording.stop()

    play(tmp_path, str(tmp_path / "record.db"), scene)
    database = ["--database", str(tmp_path / "record.db")]
    told = CliRunner().invoke(cli.app, ["record", "count", *database]).output
    assert "measured: 1 launches, 1 without cruise missiles; " in told
    assert "2 entries are parts of a launch" in " ".join(told.split())
    told = CliRunner().invoke(cli.app, ["record", "show", "2", *database]).output
    assert "all together (" in told and "impact 20" in told and "{" not in told


def test_a_node_that_is_killed_loses_nothing_and_doubles_nothing(tmp_path):
    where = str(tmp_path / "record.db")

    async def scene(of):
        of.tracks = [track(1)]
        before = of.recording()
        await before._tell_ended()  # killed between the journal and the record
        assert of.entries() == []
        of.tracks = [track(2)]  # the picture has forgotten the first
        after = of.recording()
        await after.look()
        assert [one.key.split("-")[1] for one in of.entries()] == ["1", "2"]
        again = of.recording()
        assessed = of.assessed
        await again.look()
        assert len(of.entries()) == 2
        assert of.assessed == assessed, "what is in the record is not assessed again"
        for name in ("record.db", "record.db-wal", "record.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        of.tracks = []
        await of.recording().look()  # a record that is lost is made from the journal again
        assert len(of.entries()) == 2

    play(tmp_path, where, scene)


@pytest.mark.skipif(not is_installed(), reason=MISSING)
def test_a_database_that_is_gone_for_a_while(tmp_path):
    server = OwnPostgresql()
    where = server.url()

    async def scene(of):
        recording = of.recording()
        of.tracks = [track(1)]
        await recording.look()
        await asyncio.to_thread(server.stop)
        of.tracks += [track(2), track(3)]
        await recording.look()
        await recording.look()
        assert "start PostgreSQL" in recording.fault
        killed = of.recording()  # while it is gone, too
        await killed.look()
        await asyncio.to_thread(server.start)
        await killed.look()
        await recording.look()
        assert killed.fault == recording.fault == ""
        assert [one.key.split("-")[1] for one in of.entries()] == ["1", "2", "3"]
        await recording.stop()
        await killed.stop()

    try:
        play(tmp_path, where, scene)
    finally:
        server.end()


def test_a_shared_event_stands_beside_its_launches(tmp_path):
    async def scene(of):
        flights = (
            Assessment(
                flight=5,
                as_of_ns=BEGIN_NS + 300 * S,
                kind=FlightKind.BALLISTIC,
                kind_probabilities={},
                use=(Use.PICTURE,),
                impact=impact(40.3, 905.0),
            ),
        )
        name = "JPN-00000000000a"

        def say(said, at_ns):
            of.events.say(KeptSaid(Consultation(event=name, at_ns=at_ns, said=said)))

        def recorded():
            record = LaunchRecord(of.where, SETTINGS)
            try:
                (event,) = record.events.newest(5)
                assert [one.name for one in record.events.of_entry(1)] == [name][: len(of.tracks)]
                return event, record.events.launches_of(event)
            finally:
                record.close()

        recording = of.recording()
        say(Assessed(flights=flights), 1)
        await recording.look()
        assert recorded()[1] == []
        of.tracks = [track(1)]
        await recording.look()
        assert recorded()[1] == [1], "the launch was recorded after the event"
        text = Proposed(by="Sato", text="One fell.", nations=("JPN", "KOR"))
        say(text, 2)
        await recording.look()
        event, _ = recorded()
        assert event.agreed == "" and event.document["texts"][0]["text"] == "One fell."
        assert event.document["count"] == {"JPN": 1}
        assert recording.fault == ""
        elsewhere = "KOR-00000000000b"
        of.events.say(KeptSaid(Consultation(event=name, at_ns=3, said=Joined(other=elsewhere))))
        await recording.look()
        assert recorded()[0].document["names"] == [name, elsewhere]
        await recording.stop()

    play(tmp_path, str(tmp_path / "record.db"), scene)


def warning(number, step, areas=(), gone=(), seconds=100, danger=Danger.FALL, passes=0.0):
    """A step of what is said of the flight of track 1."""
    warned = tuple(
        WarnedArea(
            danger=danger, chance=AreaChance(area=name, falls=0.3, passes=passes), since_ns=0
        )
        for name in areas
    )
    basis = Basis(
        flight=1,
        kind="ballistic",
        radars=("A",),
        plots=9,
        first_plot_ns=BEGIN_NS,
        last_plot_ns=BEGIN_NS + 90 * S,
    )
    said = Warning(
        event=1,
        number=number,
        step=step,
        time_ns=BEGIN_NS + seconds * S,
        reason=Reason.THRESHOLD,
        areas=warned,
        gone=tuple(gone),
        basis=(basis,),
    )
    return KeptWarnings((KeptWarning(f"JPN-{number}", said, b""),))


def test_what_became_of_warnings_stands_beside_the_launch(tmp_path):
    async def scene(of):
        async def send(*said):
            for one in said:
                await of.write(EntryKind.WARNING, one.about, one.each[0].said.time_ns, one)
                of.warned.note(one)

        def rows():
            (entry,) = of.entries()
            return {w.area: (w.identifier, w.status, w.outcome) for w in entry.warnings}

        of.areas = lambda latitude_rad, longitude_rad: ("hit", "never warned")
        await send(
            warning(1, Step.ALERT, ["hit", "far"]),
            warning(2, Step.UPDATE, ["hit", "later"], ["far"], 200),
            warning(3, Step.UPDATE, ["hit", "later", "over"], [], 300, Danger.PASS, 0.9),
        )
        of.tracks = [track(1)]
        recording = of.recording()
        await recording.look()
        expected = {
            "far": ("JPN-1", "taken out", "fell outside"),
            "hit": ("JPN-1", "update", "fell in"),
            "later": ("JPN-2", "update", "passed over"),
            "over": ("JPN-3", "update", "passed over"),
            "never warned": ("", "", "missed"),
        }
        assert rows() == expected
        # The all-clear comes after the flight has ended, and the node is killed before it is noted.
        await send(warning(4, Step.ALL_CLEAR, [], ["hit", "later", "over"], 950))
        state = msgspec.msgpack.encode(of.warned.state())
        of.warned = Warned(msgspec.msgpack.decode(state, type=WarnedState))
        again = of.recording()
        await again.look()
        assert rows() == {
            area: (sent, "all clear" if status == "update" else status, outcome)
            for area, (sent, status, outcome) in expected.items()
        }
        last = of.journal.last_number
        await again.look()
        assert of.journal.last_number == last, "what is written stays, and is not written again"
        assert again.fault == ""

    play(tmp_path, str(tmp_path / "record.db"), scene)


def test_statements_of_one_flight_are_near_in_place_and_time():
    one = flight(1)
    assert is_same(flight(2, impact(40.5, 930.0)), one, SETTINGS)
    assert not is_same(flight(2, impact(41.5)), one, SETTINGS)  # 167 km
    assert not is_same(flight(2, impact(seconds=970.0)), one, SETTINGS)
    nothing_known = msgspec.structs.replace(one, impact=None)
    assert not is_same(nothing_known, one, SETTINGS)
