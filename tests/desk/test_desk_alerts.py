"""The node's messages as the desk reads them: in force or over, live and exercise never mixed."""

import asyncio

import msgspec
import pytest
from lxml import etree
from shapely.geometry import Polygon

from skypact.desk.alerts import AlertFeed
from skypact.model import AreaChance, Basis, Danger, Reason, Step, WarnedArea, Warning
from skypact.warning.areas import area_of
from skypact.warning.cap import Messages, reference_of
from skypact.warning.feed import Feed, FeedEntry

S = 1_000_000_000
NOW = 1_664_835_720 * S
MS = NOW // 1_000_000
EXPIRES_S = 600
AREAS = (
    area_of(
        "JP-02",
        {"en": "Aomori", "ja": "青森県"},
        Polygon([(140, 40), (142, 40), (142, 42), (140, 42)]),
    ),
    area_of("sea", {"en": "Sea"}, Polygon([(143, 40), (144, 40), (144, 42)])),
)


def warned(area, falls, passes=0.0, danger=Danger.FALL):
    chance = AreaChance(
        area=area,
        falls=falls,
        passes=passes,
        pass_first_ns=NOW + 200 * S,
        pass_last_ns=NOW + 260 * S,
    )
    return WarnedArea(danger=danger, chance=chance, since_ns=NOW)


BOTH = (warned("sea", 0.2, 0.1), warned("JP-02", 0.03, 0.91, Danger.PASS))


PASSED = {"JP-02": Danger.PASS}


def said(number, step, areas=BOTH, *, event=7, gone=(), now=NOW, **more):
    basis = Basis(
        flight=event,
        kind="ballistic",
        radars=("JP-Sado", "KOR x"),
        plots=40,
        first_plot_ns=now - 60 * S,
        last_plot_ns=now,
    )
    return Warning(
        event=event,
        number=number,
        step=step,
        time_ns=now + number * 10 * S,
        reason=Reason.THRESHOLD if number == 1 else Reason.STILL,
        areas=areas,
        gone=gone,
        basis=(basis,),
        **more,
    )


class Node:
    """A node's public address: what was said, in its feed, as `serving/warner.py` puts it."""

    def __init__(self, exercise=False):
        self.exercise = exercise
        self.path = "/exercise/alerts" if exercise else "/alerts"
        self.bodies, self.entries, self.before, self.asked = {}, [], {}, []
        self.messages = Messages(
            AREAS,
            sender="alerts@agency.example",
            nation="JPN",
            exercise=exercise,
            languages=("ja", "en"),
            expires_s=EXPIRES_S,
        )
        self.feed = AlertFeed(self.fetch, exercise=exercise)

    def say(self, one):
        before = self.before.setdefault(one.event, [])
        alert = self.messages.made(one, before)
        reference = reference_of(alert)
        before.append(reference)
        self.bodies[f"{self.path}/{reference.identifier}.xml"] = etree.tostring(alert)
        self.entries.append(FeedEntry(reference.identifier, "", one.time_ns))

    def atom(self, now_ns):
        of = Feed("Alerts", self.path, "alerts@agency.example", ("ja", "en"))
        return of.atom("ja", self.entries, now_ns)

    async def fetch(self, path):
        self.asked.append(path)
        if path == self.path:
            return self.atom(NOW)
        return self.bodies.get(path)

    def seen(self, after_s=15):
        asyncio.run(self.feed.look())
        return self.feed.warnings((NOW + after_s * S) // 1_000_000)


def test_an_alert_is_in_force_with_its_areas_the_worst_first():
    node = Node()
    assert node.seen() == [] and node.feed.warns and node.feed.fault == ""
    node.say(said(1, Step.ALERT))
    (one,) = node.seen()
    assert (one["in_force"], one["kind"], one["exercise"]) == (True, "alert", False)
    assert [area["id"] for area in one["areas"]] == ["sea", "JP-02"]
    aomori = one["areas"][1]
    assert aomori["names"] == {"ja": "青森県", "en": "Aomori"}
    assert (aomori["danger"], aomori["falls"], aomori["passes"]) == ("pass", 0.03, 0.91)
    (ring,) = aomori["area"]["coordinates"][0]
    assert ring[0] == ring[-1]
    # Longitude comes first, and the grown area holds the one that was given.
    assert Polygon(ring).contains(Polygon([(140, 40), (142, 40), (142, 42), (140, 42)]))
    assert (aomori["first_ms"], aomori["last_ms"]) == (MS + 200_000, MS + 260_000)
    assert [(part["told"], part["areas"]) for part in one["parts"]] == [
        ("fall", ["sea"]),
        ("pass", ["JP-02"]),
    ]
    for part in one["parts"]:
        assert part["in_force"] and set(part["texts"]) == {"ja", "en"}
        for text in part["texts"].values():
            assert text["headline"] and text["instruction"] and text["reason"]
    assert one["parts"][1]["names"]["ja"] == ["青森県"]
    assert one["radars"] == 2
    assert one["parts"][0]["texts"]["ja"]["reason"] == "観測により、警報の基準に達しました。"


def test_of_an_event_its_newest_message_counts_and_it_ends():
    node = Node()
    node.say(said(1, Step.ALERT))
    node.say(said(1, Step.ALERT, event=9))
    node.say(said(2, Step.UPDATE, areas=BOTH[:1], gone=("JP-02",), was=PASSED))
    first = {one["event"]: one for one in node.seen(25)}
    going_on = next(one for one in first.values() if one["messages"] == 2)
    assert [area["id"] for area in going_on["areas"]] == ["sea"] and going_on["in_force"]
    assert [(part["told"], part["in_force"], part["areas"]) for part in going_on["parts"]] == [
        ("fall", True, ["sea"]),
        ("pass-ended", False, ["JP-02"]),
    ]
    node.say(said(3, Step.CANCEL, areas=(), gone=("sea",)))
    node.say(said(3, Step.ALL_CLEAR, areas=(), gone=("JP-02", "sea"), event=9))
    over = node.seen(35)
    assert {(one["kind"], one["in_force"], one["messages"]) for one in over} == {
        ("cancel", False, 3),
        ("all_clear", False, 2),
    }
    assert all(one["areas"] == [] for one in over)
    # As it was then: of a moment before the update both are in force, of all areas.
    then = node.feed.warnings((NOW + 12 * S) // 1_000_000)
    assert [one["in_force"] for one in then] == [True, True]
    assert all(len(one["areas"]) == 2 for one in then)
    assert node.seen(5) == []


def test_what_was_said_can_be_read_again_the_newest_first():
    node = Node()
    node.say(said(1, Step.ALERT))
    node.say(said(1, Step.ALERT, event=9))
    node.say(said(2, Step.UPDATE, areas=BOTH[:1], gone=("JP-02",), was=PASSED))
    node.say(said(3, Step.ALL_CLEAR, areas=(), gone=("sea",)))
    (other, over) = sorted(node.seen(35), key=lambda one: one["messages"])

    def messages(event, after_s=35, most=9):
        return node.feed.messages(event, (NOW + after_s * S) // 1_000_000, most)

    told = messages(over["event"])
    assert [one["kind"] for one in told] == ["all_clear", "update", "alert"]
    assert [one["sent_ms"] for one in told] == [MS + 30_000, MS + 20_000, MS + 10_000]
    assert [part["areas"] for part in told[-1]["parts"]] == [["sea"], ["JP-02"]]
    assert told[-1]["parts"][0]["texts"]["ja"]["headline"]
    assert {one["event"] for one in told} == {over["event"]} != {other["event"]}
    assert messages(over["event"], after_s=25) == told[1:]  # as of then
    assert messages(over["event"], most=2) == told[:2]
    assert len(messages("")) == 4 and messages("skypact.none") == []


def test_what_nobody_said_more_of_is_no_longer_in_force_once_it_expired():
    node = Node()
    node.say(said(1, Step.ALERT))
    (one,) = node.seen(10 + EXPIRES_S + 1)
    assert (one["in_force"], one["expired"]) == (False, True)


@pytest.mark.parametrize("exercise", [False, True])
def test_a_message_of_the_other_channel_is_refused_and_said(exercise):
    node, other = Node(exercise), Node(not exercise)
    other.say(said(1, Step.ALERT))
    ((path, body),) = other.bodies.items()
    node.entries = other.entries
    node.bodies[path.replace(other.path, node.path)] = body
    assert node.seen() == []
    assert "status" in node.feed.fault
    node.entries = []
    node.say(said(1, Step.ALERT))
    (one,) = node.seen()
    assert one["exercise"] is exercise and node.feed.fault == ""


def test_a_node_that_does_not_answer_leaves_what_was_known_and_says_so():
    node = Node()
    node.say(said(1, Step.ALERT))
    before = node.seen()
    asked = len(node.asked)
    assert node.seen() == before and len(node.asked) == asked + 1  # a message is read once

    async def nothing(path):
        raise OSError("refused")

    node.feed._fetch = nothing
    assert node.seen() == before and "refused" in node.feed.fault
    assert msgspec.json.encode(before)
