"""A real node: its radars' plots become a CAP message on its own server and in its feed."""

import asyncio
import json
import time
from types import SimpleNamespace
from unittest.mock import ANY

import httpx
import msgspec
import numpy as np
import pytest
from lxml import etree
from typer.testing import CliRunner

from skypact import cli
from skypact.model import EntryKind
from skypact.node import Node
from skypact.run_desk import DeskServer
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.serving.policy_in_force import KeptAction
from skypact.settings import WarningSettings
from skypact.sharing.nats_config import NATIONAL_USER, warning_subject
from skypact.sharing.nats_server import connect
from skypact.warning.cap import faults_of
from tests.desk.desk_browser import browser, chromium
from tests.desk.desk_scene import PASSWORD, visiting
from tests.desk.desk_visit import Visit, expects
from tests.test_node import SETTINGS, S, arrivals, coalition, until
from tests.warning.test_areas import feature

# The IRBM over Japan of 2022-10-04 passes over this, and nothing of it falls there.
SEEN_S = 30
JAPAN = [[138.0, 39.0], [143.0, 39.0], [143.0, 43.0], [138.0, 43.0], [138.0, 39.0]]


@pytest.fixture
def flight():
    """Half a minute of the flight's coast: as long as Japan's radars take to tell what it is."""
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=1)
    plots = simulation.plots
    begin = int(plots.time_ns[0]) + 150 * S
    rows = np.flatnonzero((plots.time_ns >= begin) & (plots.time_ns < begin + SEEN_S * S))
    return simulation.radars, plots.at(rows)


def warning(tmp_path):
    """The folder of a node of Japan that warns."""
    coalition(tmp_path, {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}})
    folder = tmp_path / "JPN"
    (folder / "warning.toml").write_text('sender = "alerts@agency.example"\n')
    areas = {"type": "FeatureCollection", "features": [feature("north", JAPAN)]}
    (folder / "areas.geojson").write_text(json.dumps(areas))
    return folder


async def listening(node):
    """Somebody on the nation's server, and what they heard."""
    client, heard = await connect(node.folder, NATIONAL_USER, wait_s=5), []

    async def hear(message):
        heard.append(message.data)

    await client.subscribe(warning_subject(exercise=False), cb=hear)
    await client.flush()
    await client.flush()  # the first PING may go before the subscription
    return client, heard


def test_plots_of_a_node_become_an_alert_on_its_server_and_in_its_feed(tmp_path, flight):
    folder = warning(tmp_path)

    async def run():
        node = Node(folder, SETTINGS)
        try:
            await node.start()
            client, heard = await listening(node)
            for arrival in arrivals(flight, "JPN", node.radars, time.time_ns()):
                await node.take_plots((arrival,))
            # An assessment takes 0.4 s of a processor, and its process starts with the first.
            await until(lambda: heard, seconds=120)
            alert = etree.fromstring(heard[0])
            assert faults_of(alert, exercise=False) == []
            assert alert.findtext("{*}msgType") == "Alert"
            assert {e.text for e in alert.iterfind(".//{*}geocode/{*}value")} == {"north"}
            async with httpx.AsyncClient() as web:
                at = f"http://127.0.0.1:{node.status.port}"
                feed = etree.fromstring((await web.get(f"{at}/alerts")).content)
                links = [link.get("href") for link in feed.iterfind("{*}entry/{*}link")]
                kept = [(await web.get(at + link)).content for link in links]
                assert heard[0] in kept and len(set(kept)) == len(kept)
            assert node.warner.faults == {}
            await client.close()
        finally:
            await node.stop()

    asyncio.run(run())


def test_two_persons_release_an_alert_one_by_the_command_and_one_at_the_desk(tmp_path, flight):
    """Neither twice, and none without the role; then one of them cancels it at the desk."""
    folder, password = warning(tmp_path), tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    keys = {name: tmp_path / f"{name}.key" for name in ("Kato", "Mori", "Abe")}

    def skypact(*words):
        done = CliRunner().invoke(cli.app, [str(word) for word in words])
        return done.exit_code, done.output

    for name, role in (("Kato", "release"), ("Mori", "release"), ("Abe", "act")):
        of = ("--role", role, "--key-file", keys[name])
        assert skypact("coalition", "user", "add", folder, name, *of) == (0, ANY)
    of_desk = ("--role", "release", "--password-file", password, "--key-file", keys["Mori"])
    assert skypact("desk", "user", "add", folder, "Mori", *of_desk) == (0, ANY)
    rule = {"release_persons": 2, "at_once_probability": 1.0, "at_once_lead_s": 0.0}
    settings = SETTINGS.model_copy(update={"warning": WarningSettings(**rule)})

    def at_the_desk(url, path):
        with visiting(SimpleNamespace(url=url), "Mori") as one:
            wrong = one.post(path, json={"password": "another one"})
            right = one.post(path, json={"password": PASSWORD})
        return wrong.status_code, right.status_code, right.json()

    async def run():
        node, desk = Node(folder, settings), DeskServer(folder, settings)
        try:
            await node.start()
            await desk.start()
            client, heard = await listening(node)
            for arrival in arrivals(flight, "JPN", node.radars, time.time_ns()):
                await node.take_plots((arrival,))
            await until(lambda: node.health()["notices"], seconds=120)
            (event,) = node.warner.decider.waiting  # of the stage too, which falls behind it
            assert (
                f"event {event} waits for a release: may pass over north"
                in node.health()["notices"][0]
            )

            async def by_command(name):
                words = ("warning", "release", folder, event, "--by", name, "--key", keys[name])
                return await asyncio.to_thread(skypact, *words)

            code, said = await by_command("Abe")
            assert code == 1 and 'Abe has not the role "release"' in said
            for _ in range(2):
                code, said = await by_command("Kato")
                assert code == 0 and "1 more to release it" in said
            assert heard == []
            url, path = f"http://127.0.0.1:{desk.port}", f"/warnings/{event}"
            found = await asyncio.to_thread(at_the_desk, url, f"{path}/releases")
            assert found[:2] == (403, 201) and "it goes out" in found[2]["said"]
            await until(lambda: heard, seconds=60)
            assert etree.fromstring(heard[0]).findtext("{*}msgType") == "Alert"
            assert not any(f"event {event} " in one for one in node.health()["notices"])
            found = await asyncio.to_thread(at_the_desk, url, f"{path}/cancellations")
            assert found[:2] == (403, 201) and "cancelled" in found[2]["said"]
            await until(lambda: etree.fromstring(heard[-1]).findtext("{*}msgType") == "Cancel")
            again = await asyncio.to_thread(at_the_desk, url, f"{path}/cancellations")
            assert again[1] == 409 and "no alert of it is in force" in again[2]["detail"]
            actions = [
                (one.about, msgspec.msgpack.decode(one.payload, type=KeptAction).what)
                async for one in node.journal.read()
                if one.kind is EntryKind.OPERATOR_ACTION and one.about in keys
            ]
            assert actions == [
                ("Kato", "release warning"),
                ("Kato", "release warning"),
                ("Mori", "release warning"),
                ("Mori", "cancel warning"),
            ]
            await client.close()
        finally:
            await desk.stop()
            await node.stop()

    asyncio.run(run())


def test_an_alert_is_released_by_two_persons_and_cancelled_on_the_page(tmp_path, flight):
    """A real node, its desk and a real browser: one in Japanese, one in Korean, a third looks."""
    chromium()
    folder, password = warning(tmp_path), tmp_path / "password"
    password.write_text(PASSWORD + "\n")

    def skypact(*words):
        assert CliRunner().invoke(cli.app, [str(word) for word in words]).exit_code == 0

    for name in ("Kato", "Mori"):
        key = tmp_path / f"{name}.key"
        skypact(*("coalition", "user", "add", folder, name, "--role", "release", "--key-file", key))
        of_desk = ("--role", "release", "--password-file", password, "--key-file", key)
        skypact("desk", "user", "add", folder, name, *of_desk)
    skypact("desk", "user", "add", folder, "Abe", "--password-file", password)
    rule = {"release_persons": 2, "at_once_probability": 1.0, "at_once_lead_s": 0.0}
    settings = SETTINGS.model_copy(update={"warning": WarningSettings(**rule)})

    def officers(url, event):
        expect = expects()
        waits, given = f'[data-waits="{event}"]', ".warning.in-force"
        with browser() as opened:
            mori, kato, abe = (Visit(opened, SimpleNamespace(url=url), name) for name in OFFICERS)
            mori.page.get_by_label("Language").select_option("ja")
            mori.page.locator(".waits-notice").click()
            expect(mori.page.locator(waits).locator("tbody")).to_contain_text("north")
            mori.page.locator(waits).get_by_role("button", name="発令を承認(実運用)").click()
            _sign(mori.page, "あなたのパスワード", "署名して送信")
            expect(mori.page.locator(waits)).to_contain_text("承認: Mori(1/2 名)")
            kato.page.get_by_label("Language").select_option("ko")
            kato.page.locator(".waits-notice").click()
            expect(kato.page.locator(waits)).to_contain_text("승인: Mori(1/2명)")
            kato.page.locator(waits).get_by_role("button", name="발령 승인(실상황)").click()
            _sign(kato.page, "본인 비밀번호", "서명하고 보내기")
            expect(mori.page.locator(given)).to_contain_text("north")
            expect(mori.page.locator(waits)).to_have_count(0)
            abe.page.locator(".in-force-notice").click()
            cancel = abe.page.locator(given).get_by_role("button", name="Cancel the warning (LIVE)")
            expect(cancel).to_be_disabled()
            kato.page.get_by_label("언어").select_option("en")
            cancel = kato.page.locator(given).get_by_role("button", name="Cancel the warning")
            cancel.click()
            expect(kato.page.get_by_role("dialog")).to_contain_text("is told that there is no dang")
            _sign(kato.page, "Your password", "Sign and send")
            cancelled = abe.page.locator(".warning.over")
            expect(cancelled).to_contain_text("LIVE · cancelled")
            expect(abe.page.locator(waits)).to_contain_text("A person has cancelled it")
            for visit in (mori, kato, abe):
                visit.close()

    async def run():
        node, desk = Node(folder, settings), DeskServer(folder, settings)
        try:
            await node.start()
            await desk.start()
            client, heard = await listening(node)
            for arrival in arrivals(flight, "JPN", node.radars, time.time_ns()):
                await node.take_plots((arrival,))
            await until(lambda: node.alerts, seconds=120)
            event = min(one.event for one in node.alerts)
            await asyncio.to_thread(officers, f"http://127.0.0.1:{desk.port}/", event)
            types = [etree.fromstring(one).findtext("{*}msgType") for one in heard]
            assert types[0] == "Alert" and types[-1] == "Cancel"
            await client.close()
        finally:
            await desk.stop()
            await node.stop()

    asyncio.run(run())


OFFICERS = ("Mori", "Kato", "Abe")


def _sign(page, password, send):
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(password).fill(PASSWORD)
    dialog.get_by_role("button", name=send).click()
    dialog.wait_for(state="detached")
