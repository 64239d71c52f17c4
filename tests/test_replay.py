"""A node's journal tells all that its pictures were: after a kill, at its end, and in between."""

import asyncio
import json

import msgspec
import pytest
from typer.testing import CliRunner

from evaluate.node_scene import (
    S,
    Time,
    abandon,
    arrivals,
    come_back,
    give,
    seen,
    settings,
    stage,
    until,
)
from skypact.cli import app
from skypact.errors import JournalError, LinkError
from skypact.model import EntryKind, LaunchEntry, Origin
from skypact.node import Node
from skypact.offline.text import iso_utc
from skypact.record.launch_record import LaunchRecord
from skypact.serving.folded import NATIONAL, SHARED
from skypact.serving.journal_source import export, open_source
from skypact.serving.kept import KeptPlots
from skypact.serving.replay import THEN, replay
from skypact.settings import LateSettings, NodeSettings
from tests.sharing.link_settings import QUICK

SETTINGS = settings(
    link=QUICK,
    node=NodeSettings(checkpoint_every_s=3600, mark_every_s=0.2),
    late=LateSettings(cut_s=3.0, catch_up_idle_s=1.0, window_s=1.0, live_s=2.0),
)
PICTURES = (NATIONAL, SHARED)
SECONDS = 16.0


class Story:
    """Japan's node, with what Korea's sends it, over `SECONDS` of a flight.

    One of Japan's radars is cut off for ten of them and catches up; then Korea is left out. The
    node is killed thrice: with no checkpoint, with one from before, and during the rebuild.
    """

    def __init__(self, root):
        self.root = root
        self.times = Time(1_790_000_000 * S)
        self.shots = []
        self.pairs = []

    def node(self, nation):
        return Node(self.root / nation, SETTINGS, clock=self.times.clock())

    def shot(self, node):
        """What both pictures are, and when; nothing else happens at that time."""
        self.times.now_ns += 1_000
        for picture in (node.national, node.shared):
            picture.tracks()  # somebody looks
        shown = {name: seen(node, name) for name in PICTURES}
        self.shots.append((self.times.now_ns, shown))
        self.times.now_ns += 1_000
        return shown

    async def again(self, node):
        """Killed, and back: what it was and what it is."""

        def look(one):
            pictures = {name: seen(one, name) for name in PICTURES}
            return pictures, one.shared.left_out, dict(one.statements), one.folded.arrivals

        before = await abandon(node, look)
        back = self.node("JPN")
        self.pairs.append((before, await come_back(back, look)))
        return back

    async def run(self):
        stage(
            self.root,
            {"JPN": {"KOR": "tracklets"}, "KOR": {"JPN": "tracklets"}},
            SETTINGS,
        )
        japan, korea = self.node("JPN"), self.node("KOR")
        try:
            await korea.start()
            await japan.start()
            await until(lambda: all(s.up for n in (japan, korea) for s in n.link.states()))
            begin_ns = self.times.now_ns
            sent = []
            for node in (japan, korea):
                of = {"begin_ns": begin_ns, "seconds": SECONDS}
                sent += arrivals(node.nation, node.radars, **of)
            sent.sort(key=lambda one: one.due_ns)
            cut = next(one.arrival.radar for one in sent if one.nation == "JPN")
            held = []
            for number, one in enumerate(sent):
                at_s = (one.due_ns - begin_ns) / S
                if one.arrival.radar == cut and 2.0 < at_s < 12.0:
                    held.append(one)
                else:
                    node = japan if one.nation == "JPN" else korea
                    verdict = await give(node, one, self.times)
                    assert verdict.outcome == "accepted", verdict
                    await asyncio.sleep(0.005)
                if number == len(sent) // 4:
                    await until(lambda node=japan: "KOR" in partners(node.shared))
                    self.shot(japan)
                    japan = await self.again(japan)
                elif number == len(sent) // 2:
                    self.shot(japan)
                    await japan._save()
            japan = await self.again(japan)
            for one in held:
                verdict = await give(japan, one, self.times)
                assert verdict.catching_up, verdict
            assert japan.national.rebuild is not None
            self.shot(japan)  # before the rebuild takes its place
            japan = await self.again(japan)
            assert japan.national.rebuild is not None
            self.times.now_ns += 2 * S
            await until(lambda: japan.national.rebuilds and japan.shared.rebuilds)
            self.shot(japan)
            japan.folded.leave_out("KOR")
            await until(lambda: japan.shared.rebuilds == 2)
            assert "KOR" not in partners(japan.shared)
            self.shot(japan)
            japan = await self.again(japan)
            self.times.now_ns += S
            await asyncio.sleep(0.5)
            await japan.stop()
            self.end = {name: seen(japan, name) for name in PICTURES}
        finally:
            for node in (korea, japan):
                if node.server.state.up:
                    await node.stop()


def partners(picture):
    return {nation for track in picture.tracks() for nation in track.plots_by_partner}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    one = Story(tmp_path_factory.mktemp("story") / "coalition")
    asyncio.run(one.run())
    return one


def replayed(story, picture, *arguments, **options):
    async def run():
        async with open_source(story.root / "JPN", SETTINGS) as source:
            return await replay(source, SETTINGS, picture, *arguments, **options)

    return asyncio.run(run())


def as_seen(moment):
    return moment.digest, tuple((one.id, one.state.tobytes()) for one in moment.tracks)


def test_a_killed_node_comes_back_with_the_same_bits_and_ids(story):
    assert len(story.pairs) == 4
    for before, after in story.pairs:
        assert all(len(shown.tracks) for shown in before[0].values())
        assert before == after


@pytest.mark.parametrize("picture", PICTURES)
def test_a_replay_ends_where_the_node_did(story, picture):
    """From the checkpoint of its stop, and from the first entry on."""
    short = replayed(story, picture)
    assert short.exact and short.began_at and as_seen(short.moments[0]) == story.end[picture]

    async def from_the_first():
        async with open_source(story.root / "JPN", SETTINGS) as source:
            source.checkpoints = lambda: iter(())
            return await replay(source, SETTINGS, picture)

    long = asyncio.run(from_the_first())
    assert long.exact and not long.began_at and long.entries > short.entries
    assert as_seen(long.moments[0]) == story.end[picture]


def test_a_radar_table_in_another_order_is_mapped(story):
    """The journal tells of radars by their ids: they are found where they stand now."""

    async def turned():
        async with open_source(story.root / "JPN", SETTINGS) as source:
            source.checkpoints = lambda: iter(())
            source.radars = tuple(reversed(source.radars))
            return await replay(source, SETTINGS, NATIONAL)

    (moment,) = asyncio.run(turned()).moments
    assert as_seen(moment)[1] == story.end[NATIONAL].tracks


@pytest.mark.parametrize("picture", PICTURES)
def test_as_known_then_is_what_was_seen_then(story, picture):
    times = [time_ns for time_ns, _ in story.shots]
    for moments in (
        replayed(story, picture, times, known=THEN).moments,
        [replayed(story, picture, known=time_ns).moments[0] for time_ns in times],
    ):
        for moment, (time_ns, shown) in zip(moments, story.shots, strict=True):
            assert moment.time_ns == time_ns
            assert as_seen(moment) == shown[picture]


def test_as_now_known_has_what_came_late(story):
    """Before the cut radar caught up, its plots were missing; as now known they are there, and what
    was left out is not."""
    time_ns, shown = story.shots[1]
    now = replayed(story, SHARED, [time_ns]).moments[0]
    then = replayed(story, SHARED, [time_ns], known=THEN).moments[0]
    assert now.digest != then.digest == shown[SHARED].digest
    plots = {name: sum(one.plots for one in m.tracks) for name, m in (("n", now), ("t", then))}
    assert not any(one.plots_by_partner for one in now.tracks) and plots["t"] > 0
    own = replayed(story, NATIONAL, [time_ns])
    known = replayed(story, NATIONAL, [time_ns], known=THEN)
    taken = [sum(one.plots for one in r.moments[0].tracks) for r in (own, known)]
    assert taken[0] > taken[1]
    # As of a time at which all was known, both are one.
    end_ns = story.shots[-1][0]
    assert (
        replayed(story, SHARED, [end_ns]).moments[0].digest
        == replayed(story, SHARED, [end_ns], known=THEN).moments[0].digest
    )


def test_an_export_tells_the_same(story, tmp_path):
    file = tmp_path / "journal.skypact"

    async def run(from_ns):
        async with open_source(story.root / "JPN", SETTINGS) as source:
            entries = await export(source, file, from_ns=from_ns)
        async with open_source(file, SETTINGS) as source:
            return entries, await replay(source, SETTINGS, SHARED)

    whole, replayed_whole = asyncio.run(run(None))
    part, replayed_part = asyncio.run(run(story.shots[3][0]))
    assert part < whole and replayed_part.began_at
    for one in (replayed_whole, replayed_part):
        assert one.exact and as_seen(one.moments[0]) == story.end[SHARED]


def test_the_command_reads_a_node_that_runs_and_one_that_does_not(story, tmp_path):
    own = tmp_path / "settings.toml"
    own.write_text("[late]\ncut_s = 3.0\ncatch_up_idle_s = 1.0\nwindow_s = 1.0\nlive_s = 2.0\n")
    times = [iso_utc(time_ns) for time_ns, _ in story.shots[:2]]
    arguments = ["replay", str(story.root / "JPN"), "--settings", str(own), "--json"]
    runner = CliRunner()
    said = runner.invoke(app, [*arguments, "--at", times[0], "--known-at", "then"])
    assert said.exit_code == 0, said.output
    shown = json.loads(said.stdout)
    assert shown["moments"][0]["digest"] == story.shots[0][1][SHARED].digest and shown["exact"]

    async def while_it_runs():
        node = story.node("JPN")
        await node.start()
        try:
            done = await asyncio.to_thread(
                runner.invoke, app, [*arguments, "--at", times[0], "--known-at", "then"]
            )
            assert node.server.state.restarts == 0 and node.server.state.up
            return json.loads(done.stdout)
        finally:
            await node.stop()

    assert asyncio.run(while_it_runs()) == shown
    table = runner.invoke(app, [*arguments[:-1], "--at", times[1]])
    assert table.exit_code == 0 and "as now known" in table.output


def test_a_recorded_launch_is_played_again_as_it_was_live(story, tmp_path):
    """From the record's entry: the bits that the node had, and files that play at any speed."""
    own = tmp_path / "settings.toml"
    own.write_text("[late]\ncut_s = 3.0\ncatch_up_idle_s = 1.0\nwindow_s = 1.0\nlive_s = 2.0\n")
    numbers = [number for number, _, _ in entries_of(story)]
    entry = LaunchEntry(
        origin=Origin.MEASURED,
        source="JPN",
        key="1790000000-1",
        day=20260922,
        journal_first=numbers[0],
        journal_last=numbers[-1],
    )
    elsewhere = msgspec.structs.replace(entry, source="KOR", key="2")
    record = LaunchRecord(str(tmp_path / "record.db"))
    record.put([entry, elsewhere])
    record.close()
    command = ["--database", str(tmp_path / "record.db"), "--settings", str(own)]
    runner = CliRunner()

    def play(*arguments):
        return runner.invoke(
            app, ["record", "replay", *arguments, *command], catch_exceptions=False
        )

    folder = str(story.root / "JPN")
    for time_ns, shown in story.shots[:3]:
        done = play("1", folder, "--at", iso_utc(time_ns))
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["digest"] == shown[SHARED].digest
    lines = tmp_path / "launch.jsonl"
    done = play("1", folder, "--every", "4", "--out", str(lines), "--picture", NATIONAL)
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(told) > SECONDS / 4 and told[-1]["digest"] == story.end[NATIONAL].digest
    assert all(one["known_at"] == one["time"] for one in told)
    czml = tmp_path / "launch.czml"
    done = play("1", folder, "--every", "4", "--out", str(czml), "--speed", "10")
    assert done.exit_code == 0, done.output
    head, *packets = json.loads(czml.read_text())
    assert head["clock"]["multiplier"] == 10 and packets
    assert all(len(one["position"]["cartographicDegrees"]) % 4 == 0 for one in packets)
    refused = play("2", folder)
    assert refused.exit_code == 1 and "has nothing of entry 2 of KOR" in refused.output


def test_a_policy_is_tried_on_a_journal(story, tmp_path):
    folder = story.root / "JPN"
    told = tmp_path / "tried.json"
    quick = tmp_path / "settings.toml"
    quick.write_text("[release]\nassess_every_s = 29\n")
    command = ["release", "test", str(folder / "release.toml"), str(folder)]
    done = CliRunner().invoke(app, [*command, "--settings", str(quick), "--json", str(told)])
    assert done.exit_code == 0, done.output
    plots = sum(
        len(msgspec.msgpack.decode(payload, type=KeptPlots).columns[0]) // 8
        for _, kind, payload in entries_of(story)
        if kind is EntryKind.PLOTS_ACCEPTED
    )
    tried = json.loads(told.read_text())
    assert tried["plots"] == plots > 0 and tried["of_others"] == 0
    refused = CliRunner().invoke(app, [*command, "--radars", str(folder / "radars.toml")])
    assert refused.exit_code == 2 and "radars of its own" in refused.output


def test_exercise_and_live_share_nothing(story, tmp_path):
    """An exercise on the same folder: other store, streams and subjects; and one at a time."""

    async def run():
        node = Node(story.root / "JPN", SETTINGS, exercise=True)
        live = await asyncio.to_thread(entries_of, story)
        await node.start()
        try:
            assert not node.national.tracks() and node.folder.store != live_store(story)
            with pytest.raises(LinkError, match="nats-server"):
                await asyncio.wait_for(mixed(story), 10.0)
            (sent,) = arrivals("JPN", node.radars, begin_ns=node.clock() - S, seconds=0.5)[:1]
            await give(node, sent, story.times)
            streams = await node._connection.jetstream().streams_info()
            assert {one.config.name for one in streams} == {"EXERCISE_JOURNAL"}
            assert {s for one in streams for s in one.config.subjects} == {"exercise.journal"}
        finally:
            await node.stop()
        assert await asyncio.to_thread(entries_of, story) == live
        async with open_source(story.root / "JPN", SETTINGS, exercise=True) as source:
            kinds = [entry.kind async for entry in source.read()]
        assert kinds.count(EntryKind.PLOTS_ACCEPTED) == 1

    asyncio.run(run())


async def mixed(story):
    """A live node beside the exercise's."""
    node = story.node("JPN")
    try:
        await node.start()
    except (JournalError, LinkError):
        raise
    except Exception as error:
        raise LinkError(f"nats-server: {error}") from None


def live_store(story):
    return (story.root / "JPN" / "store").resolve()


def entries_of(story):
    async def run():
        async with open_source(story.root / "JPN", SETTINGS) as source:
            return [(e.number, e.kind, e.payload) async for e in source.read()]

    return asyncio.run(run())
