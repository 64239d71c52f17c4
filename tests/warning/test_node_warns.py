"""A real node: its radars' plots become a CAP message on its own server and in its feed."""

import asyncio
import json
import time

import httpx
import numpy as np
import pytest
from lxml import etree

from skypact.node import Node
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.sharing.nats_config import NATIONAL_USER, warning_subject
from skypact.sharing.nats_server import connect
from skypact.warning.cap import faults_of
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


def test_plots_of_a_node_become_an_alert_on_its_server_and_in_its_feed(tmp_path, flight):
    coalition(tmp_path, {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}})
    folder = tmp_path / "JPN"
    (folder / "warning.toml").write_text('sender = "alerts@agency.example"\n')
    areas = {"type": "FeatureCollection", "features": [feature("north", JAPAN)]}
    (folder / "areas.geojson").write_text(json.dumps(areas))

    async def run():
        node = Node(folder, SETTINGS)
        heard = []
        try:
            await node.start()
            client = await connect(node.folder, NATIONAL_USER, wait_s=5)

            async def hear(message):
                heard.append(message.data)

            await client.subscribe(warning_subject(exercise=False), cb=hear)
            await client.flush()
            await client.flush()  # the first PING may go before the subscription
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
