"""Nations' folders: made, joined, changed; what is wrong is one sentence with place and remedy."""

import asyncio
import datetime
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest
from link_settings import QUICK
from typer.testing import CliRunner

from evaluate.link_scene import free_ports
from skypact import cli
from skypact.errors import InputError, LinkError
from skypact.settings import LinkSettings
from skypact.sharing import coalition
from skypact.sharing.certificates import authority_fault, expiry_fault
from skypact.sharing.keys import (
    DIRECT,
    carried,
    is_nkey,
    load_card,
    load_keys,
    make_keys,
    vouched_for,
)
from skypact.sharing.nats_config import file_quota_mib, server_config
from skypact.sharing.nats_server import NatsServer, connect, find_binary
from skypact.sharing.node_folder import load_node

NATIONS = ("JPN", "KOR", "USA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    coalition.init_coalition(tmp_path / "c", NATIONS, "mesh", QUICK, first_port=45_000)
    return tmp_path / "c"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Folders whose servers are started: on ports that nobody has."""
    ports = free_ports(30)
    coalition.init_coalition(tmp_path / "s", NATIONS, "mesh", QUICK, first_port=ports)
    return tmp_path / "s"


def test_init_makes_everything_and_keys_are_private(folder: Path) -> None:
    for nation in NATIONS:
        node = load_node(folder / nation)
        assert sorted(node.partners) == sorted(set(NATIONS) - {nation})
        for name in ("release.toml", "radars.toml", "nats.conf", "store"):
            assert (folder / nation / name).exists()
        private = [
            *(folder / nation / "keys").iterdir(),
            *(folder / nation / "certificates").glob("*.key"),
            folder / nation / "nats.conf",
        ]
        assert len(private) == 7
        assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}


def test_no_private_key_of_one_is_in_the_folder_of_another(folder: Path) -> None:
    secrets = {
        nation: [file.read_bytes() for file in (folder / nation / "keys").iterdir()]
        + [load_keys(folder / nation / "keys").nkey(DIRECT)[0].encode()]
        for nation in NATIONS
    }
    for nation in NATIONS:
        for file in (path for path in (folder / nation).rglob("*") if path.is_file()):
            content = file.read_bytes()
            for other in set(NATIONS) - {nation}:
                assert not any(secret.strip() in content for secret in secrets[other]), file


def test_the_example_of_nats_for_an_nkey_is_met() -> None:
    """The public key in NATS's own documentation of nkeys, and one with a digit changed."""
    assert is_nkey("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4")
    assert not is_nkey("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF3")
    assert not is_nkey("ADXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4")


def test_each_way_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    ways = [DIRECT, carried("JPN", "KOR"), carried("KOR", "JPN")]
    public = [keys.nkey(way)[1] for way in ways]
    assert len(set(public)) == 3
    assert all(is_nkey(key) for key in public)
    assert keys.nkey(DIRECT) == load_keys(tmp_path).nkey(DIRECT)


def test_real_nations_exchange_cards_and_fingerprints_only(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    card = coalition.create_nation(one, "JPN", QUICK, listen="127.0.0.1:45101")
    coalition.create_nation(other, "KOR", QUICK, listen="127.0.0.1:45111")
    file = one / "JPN.card.toml"
    with pytest.raises(InputError, match="nobody has vouched for it"):
        coalition.add_partner(other, file, None)
    with pytest.raises(InputError, match="has the fingerprint"):
        coalition.add_partner(other, file, "00" * 32)
    coalition.add_partner(other, file, card.fingerprint.upper())
    assert load_node(other).partners["JPN"] == card == load_card(file)


@pytest.mark.parametrize("field", ["address", "signing", "certificate_pin", "serial", "nation"])
def test_a_card_that_was_changed_is_refused(folder: Path, field: str) -> None:
    file = folder / "KOR" / "KOR.card.toml"
    card = load_card(file)
    other = {
        "address": "127.0.0.1:1",
        "signing": load_card(folder / "USA" / "USA.card.toml").signing,
        "certificate_pin": "0" * 64,
        "serial": card.serial + 1,
        "nation": "PRK",
    }[field]
    changed = msgspec.structs.replace(card, **{field: other})
    file.write_text(coalition.card_text(changed))
    with pytest.raises(InputError, match="does not fit"):
        load_card(file)


@pytest.mark.parametrize(
    "address", ['127.0.0.1:1"], account: NAT }', "host", "host:", ":1", "host:99999", "a b:1"]
)
def test_a_card_cannot_write_into_the_server_s_configuration(folder: Path, address: str) -> None:
    keys = load_keys(folder / "KOR" / "keys")
    card = load_card(folder / "KOR" / "KOR.card.toml")
    hostile = coalition.sign_card(msgspec.structs.replace(card, address=address), keys)
    file = folder / "hostile.card.toml"
    file.write_text(coalition.card_text(hostile))
    with pytest.raises(InputError, match=r"address|card"):
        coalition.add_partner(folder / "JPN", file, hostile.fingerprint)


def test_a_card_of_an_authority_for_everybody_is_refused(folder: Path) -> None:
    card = load_card(folder / "KOR" / "KOR.card.toml")
    assert authority_fault(card.authority, "KOR") == ""
    assert "others than jpn" in authority_fault(card.authority, "JPN")
    assert "no certificate" in authority_fault("nothing", "KOR")


def test_an_older_card_is_refused(folder: Path, tmp_path: Path) -> None:
    file = folder / "KOR" / "KOR.card.toml"
    old = tmp_path / "old.card.toml"
    old.write_text(file.read_text())
    coalition.rotate(folder / "KOR", "certificate", QUICK)
    coalition.add_partner(folder / "JPN", file, None)
    with pytest.raises(InputError, match="older than the card that is here"):
        coalition.add_partner(folder / "JPN", old, load_card(old).fingerprint)


@pytest.mark.parametrize("what", coalition.ROTATED)
def test_what_rotates_is_new_and_partners_need_no_fingerprint(folder: Path, what: str) -> None:
    before = load_card(folder / "KOR" / "KOR.card.toml")
    after = coalition.rotate(folder / "KOR", what, QUICK)
    changed = {
        "certificate": {"certificate_pin"},
        "link": {"links"},
        "sealing": {"sealing"},
        "signing": {"signing_beside"},
        "authority": {"authority", "certificate_pin"},
    }[what]
    fields = ("certificate_pin", "links", "sealing", "signing", "signing_beside", "authority")
    assert {name for name in fields if getattr(before, name) != getattr(after, name)} == changed
    assert vouched_for(after, before)
    if what == "signing":
        # The second step: what was announced signs, and the one before counts besides.
        taken = coalition.rotate(folder / "KOR", what, QUICK)
        assert (taken.signing, taken.signing_beside) == (after.signing_beside, before.signing)
        assert vouched_for(taken, after) and vouched_for(taken, before)
    # A second change before partners took the first: the key they know still vouches.
    coalition.rotate(folder / "KOR", "certificate", QUICK)
    coalition.add_partner(folder / "JPN", folder / "KOR" / "KOR.card.toml", None)


@pytest.mark.parametrize("begun", [False, True])
def test_after_a_signing_key_was_stolen_nothing_before_counts(folder: Path, begun: bool) -> None:
    before = load_card(folder / "KOR" / "KOR.card.toml")
    if begun:
        coalition.rotate(folder / "KOR", "signing", QUICK)
    after = coalition.rotate(folder / "KOR", "signing", QUICK, stolen=True)
    assert after.signing not in (before.signing, before.signing_beside)
    assert after.signing_beside == "" and not vouched_for(after, before)
    file = folder / "KOR" / "KOR.card.toml"
    with pytest.raises(InputError, match="nobody has vouched"):
        coalition.add_partner(folder / "JPN", file, None)
    coalition.add_partner(folder / "JPN", file, after.fingerprint)
    keys = load_keys(folder / "KOR" / "keys")
    assert keys.signing_before is None and keys.signing_next is None


def test_a_card_that_another_nation_signed_is_not_vouched_for(folder: Path) -> None:
    card = load_card(folder / "KOR" / "KOR.card.toml")
    stolen = coalition.sign_card(
        msgspec.structs.replace(card, serial=card.serial + 1), load_keys(folder / "USA" / "keys")
    )
    assert not vouched_for(stolen, card)


def test_a_removed_partner_is_in_no_configuration(folder: Path) -> None:
    coalition.remove_partner(folder / "JPN", "KOR")
    done = asyncio.run(coalition.apply_changes(folder / "JPN", QUICK, ["KOR"], gone="KOR"))
    assert not done.running
    text = (folder / "JPN" / "nats.conf").read_text()
    assert "KOR" not in text
    assert "TO_USA" in text
    with pytest.raises(InputError, match="KOR is no partner of JPN"):
        coalition.remove_partner(folder / "JPN", "KOR")


def test_a_hub_s_spokes_dial_the_hub_alone(tmp_path: Path) -> None:
    coalition.init_coalition(tmp_path, NATIONS, "hub:USA", QUICK, first_port=45_200)
    usa = load_card(tmp_path / "USA" / "USA.card.toml").address
    kor = load_card(tmp_path / "KOR" / "KOR.card.toml").address
    text = (tmp_path / "JPN" / "nats.conf").read_text()
    assert text.count(f"tls://{usa}") == 2
    assert f"tls://{kor}" not in text
    carrying = (tmp_path / "USA" / "nats.conf").read_text()
    assert "CARRY_JPN_KOR" in carrying
    # What is carried is stored nowhere: only accounts with a quota have JetStream.
    assert "jetstream" not in carrying.split("CARRY_JPN_KOR {")[1].split("\n  }")[0]


def test_quotas_stay_below_what_the_server_has(folder: Path) -> None:
    """Trap 6: the server does not say so beforehand, it does not start."""
    node = load_node(folder / "JPN")
    text = server_config(node, QUICK)
    quotas = [int(word.split()[0].rstrip(",")) for word in text.split("max_file: ")[1:]]
    assert sum(quotas[1:]) < quotas[0] == file_quota_mib(node) << 20


SENTENCES = [
    ('nation = "JPN"', "nation = 3", r"node\.toml: nation: Expected `str`"),
    ('nation = "JPN"', 'nation = "Japan"', "no nation's code; give three capital letters"),
    ("port = 45000", "prot = 45000", r'server\.prot: no such key; did you mean "port"\?'),
    ("port = 45000", "port = 700000", "port 700000 is none"),
    ("port = 45000", "", r"server\.port: is missing"),
    ('topology = "mesh"', 'topology = "ring"', r'topology: is "ring"; give "mesh" or'),
    ("[addresses]", '[addresses]\nKRO = "a:1"', r"addresses\.KRO: no such partner; add its card"),
    ("[addresses]", '[addresses]\nKOR = "a"', r'addresses\.KOR: is "a"; give host:port'),
    ("[addresses]", "[feeds]\n[addresses]", r"feeds: no such key; feeds stand in feeds\.toml"),
    ("[store]", "[store", "is not TOML"),
    ("inbox_mib = 256", "inbox_mib = 0", r"store\.inbox_mib: is no size"),
]


@pytest.mark.parametrize(("text", "instead", "sentence"), SENTENCES)
def test_what_is_wrong_in_a_folder_is_said(
    folder: Path, text: str, instead: str, sentence: str
) -> None:
    file = folder / "JPN" / "node.toml"
    assert text in file.read_text()
    file.write_text(file.read_text().replace(text, instead, 1))
    with pytest.raises(InputError, match=sentence):
        load_node(folder / "JPN")


def test_an_expired_certificate_is_said(folder: Path) -> None:
    certificate = folder / "JPN" / "certificates" / "server.pem"
    now = datetime.datetime.now(datetime.UTC)
    assert expiry_fault(certificate, now) is None
    late = now + datetime.timedelta(days=QUICK.certificate_days + 1)
    fault = str(expiry_fault(certificate, late))
    assert "expired on" in fault
    assert "; run skypact coalition rotate" in fault
    early = now - datetime.timedelta(days=2)
    assert "correct this machine's clock" in str(expiry_fault(certificate, early))


def test_a_key_that_others_may_read_is_said(folder: Path) -> None:
    (folder / "JPN" / "keys" / "signing.key").chmod(0o644)
    with pytest.raises(InputError, match="others may read this key; run chmod 600"):
        load_node(folder / "JPN")


def test_a_port_that_is_taken_is_said(served: Path) -> None:
    node = load_node(served / "JPN")
    port = node.file.server.port + 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(InputError, match=rf"link_listen: port {port} .* cannot be used"):
            asyncio.run(NatsServer(node, QUICK).start())


def test_a_server_without_its_key_is_said(served: Path) -> None:
    (served / "JPN" / "certificates" / "server.key").unlink()
    with pytest.raises(InputError, match=r"server\.key: this key is missing; restore it"):
        asyncio.run(NatsServer(load_node(served / "JPN"), QUICK).start())


def test_a_binary_that_is_none_is_said(folder: Path) -> None:
    file = folder / "JPN" / "node.toml"
    file.write_text(file.read_text().replace('binary = ""', 'binary = "no-such-server"'))
    with pytest.raises(InputError, match=r'server\.binary: "no-such-server" is no program'):
        find_binary(load_node(folder / "JPN"))


def test_a_server_that_is_not_ready_in_time_does_not_keep_the_ports(served: Path) -> None:
    """It was left behind, and the one started in its place found its ports taken for ever."""
    slow = served / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o700)
    file = served / "JPN" / "node.toml"
    file.write_text(file.read_text().replace('binary = ""', f'binary = "{slow}"'))
    settings = QUICK.model_copy(update={"ready_s": 0.3})
    server = NatsServer(load_node(served / "JPN"), settings)
    with pytest.raises(LinkError, match=r"not ready after 0\.3 s"):
        asyncio.run(server.start())
    assert server.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_no_server_is_said(served: Path) -> None:
    with pytest.raises(LinkError, match="start it with skypact node"):
        asyncio.run(connect(load_node(served / "JPN"), "gate", wait_s=1.0, once=True))


def test_a_server_is_started_taken_over_and_stopped(served: Path) -> None:
    """A node that was killed leaves its server: the next one takes it over."""
    node = load_node(served / "JPN")

    async def attempt() -> None:
        first = NatsServer(node, LinkSettings())
        await first.start()
        second = NatsServer(node, LinkSettings())
        await second.start()
        assert second.pid == first.pid
        assert second.state.up
        await second.stop()
        assert not second.state.up
        await first.stop()

    asyncio.run(attempt())


def test_a_removal_goes_by_the_settings_that_the_server_runs_with(served: Path) -> None:
    """A server refuses to take up another `reconnect_s` while it runs: nobody has to name it."""

    async def attempt() -> tuple[int, str]:
        server = NatsServer(load_node(served / "JPN"), QUICK)
        await server.start()
        try:
            return await asyncio.to_thread(said, "remove", str(served / "JPN"), "KOR")
        finally:
            await server.stop()

    code, text = asyncio.run(attempt())
    assert code == 0 and "in force on the running server" in text, text


def said(*words: str, answer: str = "") -> tuple[int, str]:
    told = CliRunner().invoke(cli.app, ["coalition", *words], input=answer)
    return told.exit_code, told.output


def test_the_commands(tmp_path: Path) -> None:
    code, text = said("init", str(tmp_path / "c"), "--nations", "JPN,KOR", "--first-port", "45300")
    assert code == 0
    assert "not for anything live" in text
    assert 'nation = "JPN"' in (tmp_path / "c" / "JPN" / "radars.toml").read_text()
    code, text = said("init", str(tmp_path / "c"), "--nations", "JPN,KOR")
    assert code == 1
    assert "exists and is not empty; give a new folder" in text
    usa = str(tmp_path / "usa")
    code, text = said("create", "USA", usa, "--listen", "127.0.0.1:45321")
    assert code == 0
    card = str(tmp_path / "usa" / "USA.card.toml")
    # Two steps: the next signing key is announced, then it signs.
    for told in ("signed as before", "the new key signs"):
        code, text = said("rotate", usa, "signing")
        assert code == 0 and told in text
    assert said("rotate", usa, "link", "--stolen")[0] == 2
    code, text = said("rotate", usa, "signing", "--stolen")
    assert code == 0 and "Nothing vouches for the new key" in text
    japan = str(tmp_path / "c" / "JPN")
    assert said("add", japan, card, answer="n\n")[0] == 1
    korea = str(tmp_path / "kor")
    code, text = said("join", "KOR", korea, card, "--listen", "127.0.0.1:45331", answer="n\n")
    assert code == 1 and f"once fingerprints agree: skypact coalition add {korea}" in " ".join(
        text.split()
    )
    assert "USA" not in load_node(Path(japan)).partners
    code, text = said("add", japan, card, answer="y\n")
    assert code == 0 and "Nothing goes to USA yet" in text
    code, text = said("show", japan)
    assert code == 0
    assert "certificate until" in text
    assert "USA" in text
    assert said("rotate", japan)[0] == 0
    code, text = said("remove", japan, "USA")
    assert code == 0
    assert "USA is no partner any more" in text
    code, text = said("remove", japan, "CHN")
    assert code == 1
    assert "CHN is no partner of JPN" in text
    fingerprint = load_card(Path(card)).fingerprint
    aus = str(tmp_path / "aus")
    listen = ("--listen", "127.0.0.1:45331")
    assert said("join", "AUS", aus, card, "--fingerprint", fingerprint, *listen)[0] == 0
    assert list(load_node(Path(aus)).partners) == ["USA"]
    assert said("init", str(tmp_path / "d"), "--nations", "JPN,kor,JPN")[0] == 1
    assert said("create", "USA", str(tmp_path / "e"))[0] == 2
