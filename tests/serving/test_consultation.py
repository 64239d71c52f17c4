"""The shared event over three real nodes: who hears what of it, across a cut and a kill."""

import asyncio
import math
import time

import msgspec
import pytest

from evaluate.link_scene import free_ports
from evaluate.made_consultation import MadeConsultation, MadeTrack
from evaluate.made_node import MadeFlight, made_flight
from evaluate.nodes import _wired
from skypact.coalition_cli import _demo_radars
from skypact.errors import SkypactError
from skypact.model import (
    Apogee,
    Assessment,
    Ellipse,
    FlightKind,
    Impact,
    Launch,
    Use,
)
from skypact.model.desk import Source
from skypact.node import Node
from skypact.serving.consult_orders import consult, events_of
from skypact.serving.consult_words import ACKNOWLEDGE, COMMENT, CONFIRM, OPEN, PROPOSE, Act
from skypact.settings import (
    ConsultationSettings,
    JournalSettings,
    NodeSettings,
    RecordSettings,
    Settings,
)
from skypact.sharing.coalition import init_coalition
from skypact.sharing.codec import pack_flight
from skypact.sharing.node_folder import load_node
from tests.sharing.link_settings import QUICK

S = 1_000_000_000
SEEN = (Source("JPN", "JP-Sado", 210, 0, 0),)
ALL = ["assessment", "acknowledgement", "comment", "text"]
NATIONS = ("JPN", "KOR", "USA")
SETTINGS = Settings(
    link=QUICK,
    journal=JournalSettings(rate_kib_s=50, retention_h=1),
    node=NodeSettings(checkpoint_every_s=3600),
    consultation=ConsultationSettings(look_s=0.05, assess_s=0.05),
    record=RecordSettings(look_s=0.2),
)


def coalition(folder, granted):
    """Folders of three nations; `granted[a][b]`: what of consultations a's policy gives to b."""
    init_coalition(
        *(folder, list(NATIONS), "mesh", QUICK), first_port=free_ports(30), radars=_demo_radars
    )
    for own, partners in granted.items():
        text = [f'nation = "{own}"']
        for partner, matters in partners.items():
            text += [f"[partner.{partner}]", 'level = "assessment"', f"consultation = {matters}"]
        (folder / own / "release.toml").write_text("\n".join(text))


def stated(number, *, apogee_km=900.0, now_ns=None, north_deg=40.0):
    """A flight as a release picture states it."""
    now_ns = now_ns or time.time_ns()
    ellipse = Ellipse(semi_major_m=4000.0, semi_minor_m=900.0, azimuth_rad=1.0)

    def at(latitude_deg, longitude_deg, seconds):
        return {
            "time_ns": now_ns + round(seconds * S),
            "time_sigma_s": 2.0,
            "latitude_rad": math.radians(latitude_deg),
            "longitude_rad": math.radians(longitude_deg),
            "ellipse_95": ellipse,
        }

    return Assessment(
        flight=number,
        as_of_ns=now_ns - S,
        kind=FlightKind.BALLISTIC,
        kind_probabilities={FlightKind.BALLISTIC: 1.0},
        use=(Use.PICTURE,),
        launch=Launch(**at(north_deg, 127.0, -300.0)),
        apogee=Apogee(time_ns=now_ns, height_m=1e3 * apogee_km, height_sigma_m=2e3),
        ground_range_m=1.2e6,
        impact=Impact(**at(north_deg, 141.0, 400.0), region_95=()),
    )


def show(node, partner, *flights):
    """As though the release picture for a partner showed them."""
    way = node.releasing.ways[partner]
    way._stated = {("picture", one.flight): one for one in flights}


def bodies(node):
    """Consultations that came to a node, in the journal: (of whom, what)."""
    return [(word.nation, word.said) for word in node.folded.events.state() if word.places[0][0]]


async def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.05)


def only_event(node):
    (event,) = node.folded.events.all()
    return event


def comes_to(node):
    """What an event comes to, of whatever name here: the same at every nation that hears all."""
    event = only_event(node)
    return (
        [(one.nation, one.by, one.at_ns) for one in event.acknowledged],
        [(one.nation, one.by, one.text) for one in event.comments],
        [(one.hash, one.nations, one.confirmed, one.agreed_ns) for one in event.texts],
    )


async def nothing(_):
    """No statements of the pictures themselves."""


class Coalition:
    def __init__(self, folder):
        self.folder = folder
        self.nodes, self.wires = {}, {}

    async def wire(self):
        """Have all nations dial each other through wires that can be cut."""
        for name in NATIONS:
            wires = await _wired(self.folder / name, SETTINGS)
            partners = load_node(self.folder / name).partners
            self.wires |= {(name, partner): w for partner, w in zip(partners, wires, strict=True)}

    def of(self, nation):
        return [wire for ends, wire in self.wires.items() if nation in ends]

    async def start(self, name):
        self.nodes[name] = node = Node(self.folder / name, SETTINGS)
        node.releasing.state_flights = nothing  # what `show` shows stands
        await node.start()

    async def say(self, nation, who, do, **of):
        act = Act(do=do, **of)
        return await consult(self.folder / nation, act, who, SETTINGS, exercise=False)

    async def killed(self, name):
        """Ends a node as a kill leaves it: nobody says that it was stopped cleanly."""
        save = self.nodes[name].releasing.save_chains
        self.nodes[name].releasing.save_chains = lambda clean: save(clean=False)
        await self.nodes.pop(name).stop()

    async def stop(self):
        for node in self.nodes.values():
            await node.stop()
        for wire in self.wires.values():
            await wire.stop()


def play(tmp_path, granted, scene):
    coalition(tmp_path, granted)

    async def run():
        three = Coalition(tmp_path)
        try:
            await three.wire()
            for name in NATIONS:
                await three.start(name)
            await until(lambda: all(s.up for n in three.nodes.values() for s in n.link.states()))
            await scene(three, three.nodes)
        finally:
            await three.stop()

    asyncio.run(run())


EVERYTHING = {own: {partner: ALL for partner in NATIONS if partner != own} for own in NATIONS}


def test_three_nations_agree_on_a_text_across_a_cut_and_a_restart(tmp_path):
    async def scene(three, nodes):
        show(nodes["JPN"], "KOR", stated(1), stated(2))
        show(nodes["JPN"], "USA", stated(1), stated(2))
        show(nodes["KOR"], "JPN", stated(7, apogee_km=880.0))
        show(nodes["KOR"], "USA", stated(8, apogee_km=880.0))
        await until(
            lambda: all(
                len(node.folded.events.all()) == 1
                and len({one.nation for one in only_event(node).assessments}) == 2
                for node in nodes.values()
            )
        )
        (document,) = await events_of(
            tmp_path / "USA", SETTINGS, exercise=False, event=only_event(nodes["USA"]).name
        )
        assert document["count"] == {"JPN": 2, "KOR": 1}
        (two,) = document["differences"]
        assert two["between"] == ["JPN", "KOR"] and two["count_differs"]
        assert two["flights"][0]["apogee_km"] == 20.0 and two["flights"][0]["apogee_differs"]
        assert not two["flights"][0]["range_differs"]
        name = {of: only_event(node).name for of, node in nodes.items()}
        await three.say("USA", "Smith", ACKNOWLEDGE, event=name["USA"])
        proposed = await three.say(
            "KOR", "Han", PROPOSE, event=name["KOR"], text="Two were launched."
        )
        await until(lambda: all(only_event(node).texts for node in nodes.values()))
        for wire in three.of("JPN"):
            await wire.cut()
        await three.say("KOR", "Han", ACKNOWLEDGE, event=name["KOR"])
        with pytest.raises(SkypactError, match="another person"):
            await three.say("KOR", "Han", CONFIRM, text=proposed[:12])
        await three.say("KOR", "Kim", CONFIRM, text=proposed[:12])
        await three.say("USA", "Smith", CONFIRM, text=proposed[:12])
        await three.say("JPN", "Sato", CONFIRM, text=proposed[:12])
        await three.say("JPN", "Sato", COMMENT, event=name["JPN"], text="We count two.")
        assert only_event(nodes["JPN"]).texts[0].agreed_ns is None
        was = comes_to(nodes["JPN"])
        await three.killed("JPN")
        await three.start("JPN")  # from its journal alone
        assert comes_to(nodes["JPN"]) == was
        for wire in three.of("JPN"):
            wire.mend()
        await until(lambda: all(only_event(node).texts[0].agreed_ns for node in nodes.values()))
        await until(lambda: len({str(comes_to(node)) for node in nodes.values()}) == 1)
        acknowledged, comments, texts = comes_to(nodes["USA"])
        assert [one[:2] for one in acknowledged] == [("USA", "Smith"), ("KOR", "Han")]
        assert comments == [("JPN", "Sato", "We count two.")]
        assert [one.by for one in texts[0][2]] == ["Sato", "Kim", "Smith"]
        for node in nodes.values():  # each nation's own name is told to nobody
            of = node.nation
            heard = [msgspec.msgpack.encode(said) for _, said in bodies(node)]
            others = [only_event(one).name for one in nodes.values() if one.nation != of]
            assert not any(other.encode() in body for other in others for body in heard)

    play(tmp_path, EVERYTHING, scene)


def test_who_may_not_hear_of_an_event_hears_nothing_of_it(tmp_path):
    """Japan's flight is stated to Korea alone; Korea grants Japan no comments."""
    granted = {own: dict(partners) for own, partners in EVERYTHING.items()}
    granted["KOR"]["JPN"] = ["assessment", "acknowledgement"]

    async def scene(three, nodes):
        show(nodes["JPN"], "KOR", stated(1))
        await until(nodes["KOR"].folded.events.all)
        await until(lambda: only_event(nodes["KOR"]).name.startswith("KOR"))
        name = {of: only_event(nodes[of]).name for of in ("JPN", "KOR")}
        said = await three.say("JPN", "Sato", COMMENT, event=name["JPN"], text="One flight.")
        assert said.endswith("told to KOR; not to USA")
        with pytest.raises(SkypactError, match="not to USA"):
            await three.say("JPN", "Sato", COMMENT, event=name["JPN"], text="x", to=("USA",))
        await three.say("KOR", "Han", ACKNOWLEDGE, event=name["KOR"])
        said = await three.say("KOR", "Han", COMMENT, event=name["KOR"], text="For us alone.")
        assert "told to nobody" in said
        with pytest.raises(SkypactError, match="no partner may get a text"):
            await three.say("KOR", "Han", PROPOSE, event=name["KOR"], text="Words")
        await until(lambda: only_event(nodes["JPN"]).acknowledged)
        # Later it is stated to the United States too: what was said before stays untold to them.
        show(nodes["JPN"], "USA", stated(5))
        await until(nodes["USA"].folded.events.all)
        await three.say("JPN", "Sato", ACKNOWLEDGE, event=name["JPN"])
        again = await three.say("JPN", "Sato", ACKNOWLEDGE, event=name["JPN"])
        assert "told to nobody" in again
        await until(lambda: only_event(nodes["USA"]).acknowledged)
        assert {nation for nation, _ in bodies(nodes["USA"])} == {"JPN"}
        assert not only_event(nodes["USA"]).comments
        assert [one.by for one in only_event(nodes["JPN"]).acknowledged] == ["Han", "Sato"]
        assert [one.text for one in only_event(nodes["JPN"]).comments] == ["One flight."]
        # Words that are addressed begin an event where there is no flight.
        await three.say("USA", "Smith", OPEN, text="Drill at noon?", to=("KOR",))
        await until(lambda: len(nodes["KOR"].folded.events.all()) == 2)
        assert len(nodes["JPN"].folded.events.all()) == 1

    play(tmp_path, granted, scene)


def test_of_own_flights_what_parted_is_shown_with_the_launch_of_what_it_parted_from():
    """The same as in the picture; of its own plots another would be sought, or none found."""
    whole = made_flight(MadeFlight(id=1), 0, 300.0, SEEN).flight
    part = made_flight(MadeFlight(id=2, impact_deg=(147.0, 38.6)), 0, 300.0, SEEN).flight
    part = msgspec.structs.replace(part, launch=None, parted_from=1)
    tracks = [MadeTrack(1, 0, 0, whole), MadeTrack(2, 0, 0, part, parted_from=1)]
    made = MadeConsultation("JPN", ("KOR",), False, lambda: 300 * S)
    made.show(tracks, tracks, [pack_flight(whole, 0, (Use.PICTURE,))], {})

    async def shown():
        ((event,),) = [await made.documents("")]
        (document,) = await made.documents(event["event"])
        return [one["launch"] for one in document["assessments"]["JPN"]]

    launches = asyncio.run(shown())
    assert len(launches) == 2 and launches[0] == launches[1] and launches[0] is not None
