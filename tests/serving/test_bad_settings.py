"""Bad settings: a node goes on with what still works, and says each in one sentence."""

import asyncio
import datetime
import socket
import time

from skypact import node as node_module
from skypact.node import Node
from skypact.sharing.certificates import expiry_fault
from tests.test_node import SETTINGS, arrivals, coalition, flight  # noqa: F401


def test_a_node_goes_on_with_what_still_works(tmp_path, flight, monkeypatch):  # noqa: F811
    coalition(tmp_path, {"KOR": {"JPN": "tracklets", "KOS": "plots"}})
    folder = tmp_path / "KOR"
    text = (folder / "feeds.toml").read_text()
    assert text.startswith("# Who may send this node plots")
    (folder / "feeds.toml").write_text('[[feed]]\nname = "a"\nradar = ["b"]\n')
    card = folder / "partners" / "USA.card.toml"
    card.write_text(card.read_text().replace("serial = 1", "serial = 2"))
    years = datetime.timedelta(days=3650)
    monkeypatch.setattr(
        node_module, "expiry_fault", lambda file, now: expiry_fault(file, now + years)
    )

    async def run():
        node = Node(folder, SETTINGS)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", node.folder.file.http.port))
            taken.listen()
            await node.start()
        try:
            faults = node.health()["faults"]
            for wanted in (
                ("release.toml", 'partner "KOS" is not known', "add it to the coalition first"),
                ("feeds.toml", "docs/feeds.md lists the keys"),
                ("USA.card.toml", "signature does not fit", "ask the partner for its card anew"),
                ("server.pem", "expired on", "run skypact coalition rotate"),
                ("node.toml", "[http]", "in use"),
            ):
                found = [one for one in faults if all(part in one for part in wanted)]
                assert len(found) == 1, (wanted, faults)
                assert "\n" not in found[0]
            for arrival in arrivals(flight, "KOR", node.radars, time.time_ns()):
                (verdict,) = await node.take_plots((arrival,))
                assert verdict.outcome == "accepted"
            assert node.national.tracks()
            # Nothing leaves under a policy that cannot be read.
            assert list(node.ways) == ["JPN"]
            assert node.ways["JPN"].outgoing.chain.sequence == 0
        finally:
            await node.stop()

    asyncio.run(run())
