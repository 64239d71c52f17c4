"""A desk beside two real nodes: what it shows, whom it lets in, what it does, over real sockets."""

import datetime
import hashlib
import itertools
import json
import math
import re
import time
import xml.etree.ElementTree as ET

import httpx
import msgspec
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from typer.testing import CliRunner

from evaluate.node_scene import until
from skypact import cli
from skypact.desk.accounts import Accounts
from skypact.desk.store import entry_hash
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import EntryKind
from skypact.serving.desk_orders import DeskOrders
from skypact.serving.policy_in_force import KeptAction, load_signed
from skypact.sharing.node_folder import load_node
from skypact.sharing.users import load_users
from tests.desk.desk_scene import PASSWORD, Events, Scene, got, visiting, waited

SESSION = "/session"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLE = {"Mori": "view", "Ito": "act", "Sato": "administer"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    made = Scene(tmp_path_factory.mktemp("desk"))
    try:
        made.do(made.start())
        made.do(made.fly())
        with visiting(made, "Sato") as client:
            # 503 until the node answered the desk, as a busy machine takes its time.
            waited(lambda: client.get("/flights").status_code != 503)
            waited(lambda: got(client, "/flights"))  # somebody looks, so flights are assessed
        yield made
    finally:
        made.close()


@pytest.fixture
def client(scene):
    with visiting(scene, "Sato") as one:
        yield one


def operations(client):
    """Each way into the API: method, path with an id in it, and the method's description."""
    for path, methods in got(client, "/openapi.json")["paths"].items():
        for method, about in methods.items():
            full = re.sub(r"\{\w+\}", "1", path.removeprefix("/api/v1")).replace(
                "picture.1", "picture.kml"
            )
            yield method.upper(), full, about


def test_nothing_is_let_in_without_a_session_a_token_and_the_role(scene, client):
    ways = list(operations(client))
    assert len(ways) > 25
    with visiting(scene) as nobody, visiting(scene, "Mori") as low:
        token = low.headers["X-CSRF-Token"]
        # Who has not logged in is told whose desk it is and how to log in, and nothing more.
        open_to_all = {"nation": "JPN", "password": True, "provider": None}
        assert got(nobody, f"{SESSION}/ways") == open_to_all
        for method, path, _about in ways:
            if (method, path) in (("POST", SESSION), ("GET", f"{SESSION}/ways")):
                continue
            body = {"json": {}} if method == "POST" else {}
            assert nobody.request(method, path, **body).status_code == 401, path
            with visiting(scene) as forged:
                forged.cookies.set(next(iter(client.cookies.keys())), "x" * 43)
                assert forged.request(method, path, **body).status_code == 401, path
            if method == "GET":
                expected = 403 if path == "/audit" else None
            else:  # all that acts
                low.headers.pop("X-CSRF-Token", None)
                assert low.request(method, path, **body).status_code == 403, path
                low.headers["X-CSRF-Token"] = "x" * 43
                assert low.request(method, path, **body).status_code == 403, path
                low.headers["X-CSRF-Token"] = token
                expected = None if path == SESSION else 403
            if expected:
                # What is wrong with the request counts only for who may make it.
                given = {"/flights/1/comments": {"text": "x"}, "/flights/1/texts": {"text": "x"}}
                given |= {f"/consultations/1/{of}": {"text": "x"} for of in ("comments", "texts")}
                given["/releases"] = {"hash": "x", "password": "x"}
                body = {"json": given.get(path, {})} if method == "POST" else {}
                assert low.request(method, path, **body).status_code == expected, path
    refused = [one for one in got(client, "/audit", params={"limit": 1000}) if one["who"] == "Mori"]
    assert any("POST /api/v1/releases" in one["what"] for one in refused)
    assert all(one["outcome"].startswith(("refused", "done")) for one in refused)


def test_other_sites_other_names_and_other_bodies_are_turned_away(scene, client):
    assert (
        client.post(
            "/flights/1/texts", json={"text": "x"}, headers={"Origin": "http://a.example"}
        ).status_code
        == 403
    )
    assert client.get("/status", headers={"Host": "a.example"}).status_code == 421
    assert client.post("/flights/1/texts", content=b"text=x").status_code == 415
    long = {"text": "x" * 300_000}
    assert client.post("/flights/1/texts", json=long).status_code == 413
    assert client.post("/flights/1/texts", json={"text": "x", "more": 1}).status_code == 422
    answer = client.get("/status")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    page = httpx.get(scene.url + "/")
    assert page.status_code == 200 and page.headers["content-security-policy"] == policy
    for path in ("/../pyproject.toml", "/%2e%2e/app.py", "/assets/../../app.py", "/app.py"):
        assert httpx.get(scene.url + path).status_code == 404, path
    with visiting(scene) as nobody:
        answer = nobody.post(SESSION, json={"name": "Abe", "password": PASSWORD})
        assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))


def test_wrong_passwords_are_slowed_down_and_a_session_ends(scene):
    with visiting(scene) as nobody:
        said = [
            nobody.post(SESSION, json={"name": "Nakamura", "password": "x"}).status_code
            for _ in range(7)
        ]
        assert said == [401] * 5 + [429] * 2
    with visiting(scene, "Abe") as other:
        cookies = dict(other.cookies)
        got(other, "/status")
        assert other.delete(SESSION).status_code == 204
        other.cookies.update(cookies)
        assert other.get("/status").status_code == 401


def test_pictures_are_the_nodes_and_each_shows_only_whose_it_is(scene, client):
    node = scene.nodes["JPN"]
    shown = {one["id"]: one for one in got(client, "/tracks")}
    for track in scene.do(_of(node.shared.tracks)):
        one = shown[track.id]
        latitude, longitude, height = geodetic_from_ecef(*track.state[:3])
        if one["time_ms"] != track.time_ns // 1_000_000:
            continue  # it went on between the two looks
        # JSON has 1e-6 of a degree, 0.11 m, and 0.1 m of height.
        assert math.isclose(one["latitude_deg"], math.degrees(latitude), abs_tol=1e-6)
        assert math.isclose(one["longitude_deg"], math.degrees(longitude), abs_tol=1e-6)
        assert math.isclose(one["height_m"], height, abs_tol=0.06)
        velocity = [one[name] for name in ("east_m_s", "north_m_s", "up_m_s")]
        assert math.isclose(np.linalg.norm(velocity), np.linalg.norm(track.state[3:]), abs_tol=0.02)
        variance = sum(one["covariance_m2"][k] for k in (0, 3, 5))
        assert math.isclose(variance, np.trace(track.covariance[:3, :3]), rel_tol=1e-3)
    names = {one["name"] for one in got(client, "/pictures")}
    assert names == {"national", "shared", "public_warning", "export", "from:KOR"}

    def nations(picture):
        found = waited(lambda: got(client, "/flights", params={"picture": picture}))
        assert all(one["path_flown"] is None for one in found)
        return {source["nation"] for one in found for source in one["sources"]}

    assert nations("shared") == {"JPN", "KOR"}
    assert nations("national") == {"JPN"}
    assert nations("from:KOR") == {"KOR"}
    # What it sent before anybody looked is noted as it was seen, and is of the same objects.
    of_korea = got(client, "/flights", params={"picture": "from:KOR"})
    sources = [source for one in of_korea for source in one["sources"]]
    assert all(one["first_ms"] <= one["last_ms"] for one in sources)
    together = {one["id"] for one in got(client, "/flights")}
    assert {one["shared_id"] for one in of_korea} <= together
    assert nations("export") == {"JPN"}  # Korea granted nothing for it
    assert got(client, "/tracks", 404, params={"picture": "from:USA"})


def test_a_flight_says_who_saw_it_when_and_what_each_nation_thinks(scene, client):
    node = scene.nodes["JPN"]

    def first():
        found = [one for one in got(client, "/flights") if one["launch"] or one["impact"]]
        alone = [
            one for one in found if {a["nation"] for a in one["assessments"]} == {"JPN", "KOR"}
        ]
        return alone[0] if alone else None

    flight = waited(first)
    track = next(t for t in scene.do(_of(node.shared.tracks)) if t.id == flight["id"])
    plots = {one["radar"]: one["plots"] for one in flight["sources"]}
    assert set(plots) <= set(track.plots_by_radar)
    assert flight["independent_radars"] == len(plots) >= 4
    last = max(one["last_ms"] for one in flight["sources"] if one["last_ms"])
    assert last <= track.last_plot_ns // 1_000_000
    own, other = flight["assessments"]  # one of each nation
    assert own["own"] and own["nation"] == "JPN" and not other["own"]
    detail = got(client, f"/flights/{flight['id']}")
    flown, expected = detail["path_flown"], detail["path_expected"]
    assert flown["time_ms"] == sorted(flown["time_ms"]) and len(flown["time_ms"]) >= 1
    if flight["impact"]:
        assert expected["time_ms"][-1] == flight["impact"]["time_ms"]
        assert expected["height_m"][-1] == 0.0
        assert (
            flight["impact"]["from_ms"] < flight["impact"]["time_ms"] < flight["impact"]["until_ms"]
        )
    for place in (flight["launch"], flight["impact"]):
        if place and place["area"]:
            (ring,) = place["area"]["coordinates"]
            assert ring[0] == ring[-1]
            doubled = sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in itertools.pairwise(ring))
            assert doubled < 0.0  # counter-clockwise


def test_events_bring_what_rest_says_and_go_on_where_they_broke_off(scene, client):
    stream = Events(client)
    _, event, whole = stream.next()
    assert event == "snapshot" and whole["picture"] == "shared"
    assert {one["id"] for one in whole["tracks"]} == {one["id"] for one in got(client, "/tracks")}
    assert whole["flights"][0]["path_flown"]["time_ms"]
    seen = stream.until(lambda number, event, _: event == "clock" and number.endswith("0"))
    stream.close()
    cut = seen[len(seen) // 2][0]
    again = Events(client, last_id=cut)
    resumed = again.until(lambda number, event, _: number == seen[-1][0])
    assert [one[0] for one in resumed] == [one[0] for one in seen[len(seen) // 2 + 1 :]]
    assert resumed == seen[len(seen) // 2 + 1 :]
    again.close()
    for lost in (
        "nonsense",
        cut.replace("shared", "national"),
        cut.rsplit(".", 1)[0] + ".99999999",
    ):
        other = Events(client, last_id=lost)
        assert other.next()[1] == "snapshot"
        other.close()
    clock = next(document for _, event, document in seen if event == "clock")
    assert clock["connected"] and abs(clock["time_ms"] / 1e3 - time.time()) < 60.0
    assert set(clock["came_ms"]) == {"JPN", "KOR"}


def test_what_people_note_is_told_kept_and_audited(scene, client):
    number = got(client, "/flights")[0]["id"]
    stream = Events(client)
    with visiting(scene, "Ito") as other:
        made = other.post(f"/flights/{number}/acknowledgements", json={})
        again = other.post(f"/flights/{number}/acknowledgements", json={})
        assert made.status_code == again.status_code == 201 and made.json() == again.json()
        said = other.post(f"/flights/{number}/comments", json={"text": " seen from Sado \n"}).json()
        assert (said["who"], said["text"]) == ("Ito", "seen from Sado")
        assert other.post("/flights/987654/comments", json={"text": "x"}).status_code == 404
    told = stream.until(lambda _, event, what: event == "notes" and what["comments"])
    stream.close()
    assert told[-1][2]["acknowledged"][0]["who"] == "Ito"
    flight = got(client, f"/flights/{number}")
    assert flight["comments"] == 1 and flight["acknowledged"] == [made.json()]
    audit = got(client, "/audit", params={"limit": 10_000})[::-1]
    before = ""
    for one in audit:
        at = datetime.datetime.fromisoformat(one["time"].replace("Z", "+00:00"))
        assert abs(at.timestamp() - time.time()) < 3600
        assert len(one["hash"]) == 64
    rows = scene.desk.desk.store.audited(10_000)[::-1]
    for row in rows:
        assert row.hash == entry_hash(before, *row[1:6])
        before = row.hash
    done = {(one["who"], one["what"]) for one in audit if one["outcome"] == "done"}
    assert {("Ito", "acknowledge"), ("Ito", "comment")} <= done


def test_texts_are_those_of_the_partners(scene, client):
    """A text about a flight is agreed once another person here, and the partner, confirmed it."""
    number = got(client, "/flights")[0]["id"]
    in_korea = {"do": "confirm", "who": "Han"}

    def events(count=1, seconds=120.0):
        end = time.monotonic() + seconds
        while True:
            found = [one for one in got(client, "/consultations") if [*one["told"]] == ["KOR"]]
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(0.2)

    assert events(), "the node begins the event when the flight is stated to Korea"
    with visiting(scene, "Ito") as other:
        said = other.post(f"/flights/{number}/texts", json={"text": "Take shelter"})
        assert said.status_code == 201, said.text
        digest = said.json()["said"].split()[0]
        confirm = f"/texts/{digest[:16]}/confirmation"
        refused = other.post(confirm, json={})
        assert refused.status_code == 409 and "another person" in refused.json()["detail"]
        assert client.post(confirm, json={}).status_code == 201
        assert client.post(confirm, json={}).status_code == 409
        (event,) = events()
        name = f"/consultations/{event['event']}"
        assert other.post(f"{name}/acknowledgements", json={"to": ["KOR"]}).status_code == 201
        assert other.post(f"{name}/acknowledgements", json={"to": ["USA"]}).status_code == 409
        assert other.post(f"{name}/comments", json={"text": "Two stages"}).status_code == 201
        wrong = other.post(f"{name}/comments", json={"text": "x", "password": "wrong"})
        assert wrong.status_code == 403
        assert got(client, "/consultations/KOR-ffffffffffff", 404)
    assert got(client, name)["texts"][0]["agreed"] is None

    async def confirmed():
        orders = DeskOrders(scene.folder / "KOR", scene.settings, exercise=False)
        assert await until(lambda: any(e.texts for e in korea.folded.events.all()), 60.0)
        await orders.say(**in_korea, key=None, text=digest)

    before_ns = time.time_ns()
    time.sleep(1.0)
    korea = scene.nodes["KOR"]
    # By telephone: the name that Korea was told stands on both desks.
    assert any(event["told"]["KOR"] in one.names for one in korea.folded.events.all())
    scene.do(confirmed())
    end = time.monotonic() + 60.0
    while got(client, name)["agreed"] is None:
        assert time.monotonic() < end
        time.sleep(0.2)
    document = got(client, name)
    assert document["agreed"] == "Take shelter"
    assert [one["by"] for one in document["texts"][0]["confirmed"]] == ["Sato", "Han"]
    assert document["comments"][0]["text"] == "Two stages"
    assert {"JPN", "KOR"} <= set(document["assessments"])
    # As it was known before Korea confirmed: what had been said, and no more.
    params = {"at": _iso(before_ns), "known": "then"}
    (then,) = [
        one
        for one in got(client, "/moments", params=params)["consultations"]
        if one["event"] == event["event"]
    ]
    assert then["agreed"] is None
    assert [one["by"] for one in then["texts"][0]["confirmed"]] == ["Sato"]
    assert [one["text"] for one in then["comments"]] == ["Two stages"]
    assert {"JPN", "KOR"} <= set(then["assessments"])
    audit = {(one["who"], one["what"], one["outcome"]) for one in got(client, "/audit")}
    assert {("Ito", "propose", "done"), ("Sato", "confirm", "done")} <= audit


def test_a_release_is_changed_by_a_named_person_who_confirms_it(scene, client):
    node = scene.nodes["JPN"]
    before = got(client, "/releases")
    assert before["hash"] == node.policy.hash
    wrong = client.post("/releases/proposals", json={"text": '[partner.KOR]\nlevel = "all"'})
    assert wrong.status_code == 422
    assert "all" in wrong.json()["detail"]
    asked = {"partner": "KOR", "level": "assessment"}
    made = client.post("/releases/proposals", json=asked).json()
    (change,) = made["changes"]
    assert change["partner"] == "KOR" and change["less"] and not change["more"]
    assert node.policy.hash == before["hash"]  # nothing is in force before it is confirmed
    confirm = {"hash": made["hash"], "password": "another one"}
    assert client.post("/releases", json=confirm).status_code == 403
    confirm["password"] = PASSWORD
    with visiting(scene, "Ito") as other:
        assert other.post("/releases", json=confirm).status_code == 403
    done = client.post("/releases", json=confirm)
    assert done.status_code == 200 and "by Sato" in done.json()["said"]
    assert node.policy.hash == made["hash"] == hashlib.sha256(made["text"].encode()).hexdigest()
    assert (scene.folder / "JPN" / "release.toml").read_text() == made["text"]
    assert client.post("/releases", json=confirm).status_code == 404

    async def actions():
        found = []
        async for entry in node.journal.read():
            if entry.kind is EntryKind.OPERATOR_ACTION and entry.about == "Sato":
                found.append(msgspec.msgpack.decode(entry.payload, type=KeptAction))
        return found

    assert [one.what for one in scene.do(actions())][-1] == "release policy in force"
    level = waited(lambda: got(client, "/partners")[0]["released"]["level"] == "assessment")
    assert level
    # Somebody edits the file meanwhile: that is not written over.
    later = client.post("/releases/proposals", json={"partner": "KOR", "level": "warning"}).json()
    (scene.folder / "JPN" / "release.toml").write_text(made["text"] + "\n# edited\n")
    refused = client.post("/releases", json={"hash": later["hash"], "password": PASSWORD})
    assert refused.status_code == 409 and "edited" in refused.json()["detail"]
    (scene.folder / "JPN" / "release.toml").write_text(made["text"])


def test_where_users_have_keys_a_release_is_signed_with_ones_own(scene, client, tmp_path):
    """As the commands enter them; nobody else's order counts any more, the nation's neither."""
    node, folder, key = scene.nodes["JPN"], scene.folder / "JPN", tmp_path / "Kato.key"
    (tmp_path / "password").write_text(PASSWORD + "\n")

    def run(*words):
        done = CliRunner().invoke(cli.app, [str(word) for word in words])
        assert done.exit_code == 0, done.output

    level = {"partner": "KOR", "level": "warning"}
    try:
        run("coalition", "user", "add", folder, "Kato", "--role", "release", "--key-file", key)
        of_desk = ("--role", "release", "--password-file", tmp_path / "password")
        run("desk", "user", "add", folder, "Kato", *of_desk, "--key-file", key)
        key.unlink()  # the desk keeps it, locked with the password
        before = node.policy.hash
        made = client.post("/releases/proposals", json=level).json()
        confirm = {"hash": made["hash"], "password": PASSWORD}
        refused = client.post("/releases", json=confirm)  # Sato is no user with a key
        assert refused.status_code == 409 and "Sato" in refused.json()["detail"]
        assert node.policy.hash == before
        with visiting(scene, "Kato") as kato:
            made = kato.post("/releases/proposals", json=level).json()
            done = kato.post("/releases", json={"hash": made["hash"], "password": PASSWORD})
            assert done.status_code == 200, done.text
            assert "by Kato" in done.json()["said"]
        assert node.policy.hash == made["hash"]
        signed = load_signed(load_node(folder))
        assert signed.who == "Kato" and signed.is_by(load_users(folder)["Kato"].public_key)
        audit = got(client, "/audit")
        assert ("Kato", "release", "done") in {
            (one["who"], one["what"], one["outcome"]) for one in audit
        }
        assert any(one["who"] == "Sato" and "not done" in one["outcome"] for one in audit)
    finally:
        (folder / "users.toml").unlink(missing_ok=True)
        Accounts(folder).remove("Kato")


def test_exports_are_of_the_export_picture_alone(scene, client):
    tracks = waited(lambda: got(client, "/tracks", params={"picture": "export"}))
    document = json.loads(client.get("/exports/picture.geojson").text)
    points = [one for one in document["features"] if one["geometry"]["type"] == "Point"]
    assert {one["properties"]["id"] for one in points} == {
        one["id"] for one in tracks if one["status"] == "confirmed"
    }
    kinds = {"kml": "{http://www.opengis.net/kml/2.2}kml", "cot": "events"}
    for ending, root in kinds.items():
        answer = client.get(f"/exports/picture.{ending}")
        assert ET.fromstring(answer.content).tag == root
    for event in ET.fromstring(client.get("/exports/picture.cot").content):
        assert event.get("version") == "2.0" and event.find("point") is not None
        assert -90 <= float(event.find("point").get("lat")) <= 90
    packets = client.get("/exports/picture.czml").json()
    assert packets[0] == {"id": "document", "name": packets[0]["name"], "version": "1.0"}
    everything = "".join(
        client.get(f"/exports/picture.{ending}").text for ending in ("geojson", "czml", *kinds)
    )
    assert "KR-" not in everything and "KOR" not in everything and "seen from" not in everything
    assert client.get("/exports/picture.exe").status_code == 422


def test_a_moment_of_the_past_is_what_people_saw_then(scene, client):
    node = scene.nodes["JPN"]
    at_ns = time.time_ns()
    time.sleep(1.5)
    now = {track.id: track for track in scene.do(_of(node.shared.tracks))}
    at = datetime.datetime.fromtimestamp(at_ns / 1e9, datetime.UTC).isoformat()
    found = got(client, "/moments", params={"at": at, "known": "then"})
    assert found["picture"] == "shared" and found["known"] is not None
    assert {one["id"] for one in found["tracks"]} == set(now)
    for one in found["tracks"]:
        assert one["plots"] == now[one["id"]].plots
    assert found["flights"] and found["flights"][0]["sources"]
    # The journal is whole from its first entry on, so it tells that nothing was there.
    old = got(client, "/moments", params={"at": "2001-01-01T00:00:00Z"})
    assert not old["tracks"] and not old["flights"]
    for wrong in ("yesterday", "2026-11-22", "9999-99-99T00:00:00Z", "2026-11-22T00:00:00"):
        assert client.get("/moments", params={"at": wrong}).status_code == 422


def test_a_moment_of_the_past_has_what_nations_said_and_people_noted_by_then(scene, client):
    live = waited(lambda: [one for one in got(client, "/flights") if one["assessments"]])
    number = live[0]["id"]
    waited(lambda: "KOR" in _nations(_flight_of(got(client, "/flights"), number)))
    said = _nations(_flight_of(got(client, "/flights"), number))
    before = _iso(time.time_ns())
    time.sleep(1.5)
    answer = client.post(f"/flights/{number}/acknowledgements", json={})
    assert answer.status_code in (200, 201), answer.text
    after = _iso(time.time_ns() + 1_000_000)
    time.sleep(1.5)

    def then(at):
        found = got(client, "/moments", params={"at": at, "known": "then"})
        return _flight_of(found["flights"], number)

    assert _nations(then(before)) == said
    # Others may have acknowledged it earlier.
    assert "Sato" not in {one["who"] for one in then(before)["acknowledged"]}
    assert "Sato" in {one["who"] for one in then(after)["acknowledged"]}
    # Of before the first plot came, nobody had stated anything.
    first_ns = min(one["first_plot_ms"] for one in live) * 1_000_000
    past = got(client, "/moments", params={"at": _iso(first_ns - 10**9), "known": "then"})
    assert past["flights"] == []


@pytest.mark.parametrize("known", ["then", None])
def test_a_partner_alone_can_be_seen_as_of_the_past(scene, client, known):
    """What it sent alone: no plot of own radars, and each of its radars that is seen together."""
    at = _iso(time.time_ns())
    time.sleep(1.5)
    params = {"at": at, "picture": "from:KOR"} | ({"known": known} if known else {})
    found = got(client, "/moments", params=params)
    assert found["picture"] == "from:KOR" and found["tracks"]
    seen = [source for one in found["flights"] for source in one["sources"]]
    assert seen and {source["nation"] for source in seen} == {"KOR"}
    together = got(client, "/moments", params=params | {"picture": "shared"})
    shared = [s for one in together["flights"] for s in one["sources"] if s["nation"] == "KOR"]
    assert {s["radar"] for s in shared} <= {s["radar"] for s in seen}
    assert client.get("/moments", params=params | {"picture": "from:USA"}).status_code == 404


def _iso(time_ns):
    return datetime.datetime.fromtimestamp(time_ns / 1e9, datetime.UTC).isoformat()


def _flight_of(flights, number):
    return next(one for one in flights if one["id"] == number)


def _nations(flight):
    return {one["nation"] for one in flight["assessments"]}


def test_a_node_started_anew_still_knows_who_saw_a_flight_first(scene, client):
    """Its journal tells what it had noted."""

    def seen():
        answer = client.get("/flights")
        found = answer.json() if answer.status_code == 200 else []  # 503 while it is away
        return {
            one["id"]: {s["radar"]: s["first_ms"] for s in one["sources"]}
            for one in found
            if one["sources"]
        }

    before = waited(seen)
    scene.do(scene.begin_anew())
    for number, radars in before.items():
        known = {name for name, first_ms in radars.items() if first_ms is not None}
        assert known
        waited(lambda n=number, of=known: all(seen().get(n, {}).get(name) for name in of))


def test_whatever_is_asked_the_answer_is_as_the_schema_says(scene, client):
    """Without what goes on for ever, what logs out, and what takes seconds each time."""
    schema = schemathesis.openapi.from_url(f"{scene.url}/api/v1/openapi.json")
    schema = schema.exclude(path_regex="/(events|session|moments)$")
    sent = {"headers": {"X-CSRF-Token": client.headers["X-CSRF-Token"]}}
    sent["cookies"] = dict(client.cookies)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def holds(case):
            case.call_and_validate(**sent, checks=CHECKS)

        holds()
        asked += 1
    assert asked > 20


async def _of(make):
    return make()
