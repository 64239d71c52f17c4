"""A coalition's folders: made, joined, and changed while the nodes run.

`init_coalition` makes all nations' folders at once, for demos and trials. For real each nation
makes its own (`create_nation`) and is given the others' public cards (`add_partner`): no private
key is ever made or seen elsewhere.
"""

import re
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from skypact.errors import InputError, LinkError, nearest
from skypact.settings import LinkSettings
from skypact.sharing.certificates import (
    authority_fault,
    make_authority,
    make_certificate,
    pin_of,
)
from skypact.sharing.keys import (
    DIRECT,
    Card,
    card_text,
    carried,
    load_card,
    make_keys,
    renew_key,
    same_fingerprint,
    sign_card,
    vouched_for,
    write_private,
)
from skypact.sharing.nats_config import (
    inbox_name,
    inbox_user,
    outbox_name,
    outbox_user,
    server_config,
    stage_user,
)
from skypact.sharing.nats_server import connect, system_connection
from skypact.sharing.node_folder import (
    DESK,
    FEEDS,
    MESH,
    NodeFolder,
    card_name,
    host_and_port,
    hub_of,
    load_node,
    require_nation,
)
from skypact.sharing.policy_file import default_policy_text

ROTATED = ("certificate", "link", "sealing", "signing", "authority")
"""What `rotate` makes anew."""
PORTS_A_NATION = 10
MADE_WITH = "link.settings.json"
"""Beside `nats.conf`; made with it."""

Texts = Callable[[str, Sequence[str]], str]
"""The text of a file for a nation and its partners."""


class Applied(NamedTuple):
    """What a change did to the running server."""

    running: bool
    """Whether there was one."""
    cut: tuple[str, ...]
    """Accounts of the connections that were cut."""


def init_coalition(
    folder: Path,
    nations: Sequence[str],
    topology: str,
    settings: LinkSettings,
    *,
    first_port: int = 14220,
    radars: Texts | None = None,
) -> dict[str, str]:
    """Make the folders of all nations, each with the others' cards.

    All on this machine, with ports from `first_port` on. Returns each nation's fingerprint.
    Raises InputError: a nation's code that is none, a topology, a folder that exists.
    """
    _refuse_nations(nations, topology)
    for nation in nations:
        _refuse_existing(folder / nation)
    cards = {}
    for number, nation in enumerate(nations):
        port = first_port + PORTS_A_NATION * number
        card = create_nation(
            *(folder / nation, nation, settings),
            listen=f"127.0.0.1:{port + 1}",
            port=port,
            http_port=port + 2,
            topology=topology,
            others=[other for other in nations if other != nation],
            radars=radars,
        )
        cards[nation] = card
    for nation in nations:
        for other in nations:
            if other != nation:
                path = folder / other / card_name(other)
                add_partner(folder / nation, path, cards[other].fingerprint)
        write_generated(load_node(folder / nation), settings)
    return {nation: card.fingerprint for nation, card in cards.items()}


def create_nation(
    folder: Path,
    nation: str,
    settings: LinkSettings,
    *,
    listen: str = "127.0.0.1:14221",
    address: str | None = None,
    port: int = 14220,
    http_port: int = 14222,
    topology: str = MESH,
    others: Sequence[str] = (),
    radars: Texts | None = None,
) -> Card:
    """Make one nation's folder, with keys, certificates and its public card.

    `address` is what partners dial, where it is not `listen`. `others` are the nations that it
    will share with; in a hub they must be named, for each pair has a key of its own.
    """
    require_nation(nation, "nation")
    _refuse_nations([nation, *others], topology, alone=True)
    address = address or listen
    host, _ = host_and_port(address, "--address")
    host_and_port(listen, "--listen")
    _refuse_existing(folder)
    for part in ("keys", "certificates", "partners", "store"):
        (folder / part).mkdir(parents=True, mode=0o700)
    (folder / "node.toml").write_text(
        _NODE_TOML.format(
            nation=nation,
            topology=topology,
            port=port,
            listen=listen,
            address=address,
            http_port=http_port,
            desk_port=http_port + 2,
        )
    )
    (folder / "release.toml").write_text(default_policy_text(nation, others))
    (folder / "radars.toml").write_text(radars(nation, others) if radars else RADARS_TOML)
    ids = re.findall(r'(?m)^id = "(.+)"$', (folder / "radars.toml").read_text())
    (folder / FEEDS).write_text(
        FEEDS_TOML.format(feeds_port=http_port + 1, radar=ids[0] if ids else "north")
    )
    make_keys(folder / "keys")
    certificates = folder / "certificates"
    make_authority(certificates, nation, host, settings.authority_days)
    make_certificate(certificates, nation, host, settings.certificate_days)
    card = write_card(folder, others)
    write_generated(load_node(folder), settings)
    return card


def add_partner(folder: Path, card_file: Path, fingerprint: str | None) -> Card:
    """Take a partner's card into a folder; `fingerprint` as the partner said it by other means.

    Without a fingerprint only a card is taken that the known key of that partner vouches for.
    Raises InputError; nothing has changed then.
    """
    node = load_node(folder)
    card = load_card(card_file)
    place = str(card_file)
    fault = authority_fault(card.authority, card.nation)
    if fault:
        raise InputError(place, fault, "ask the partner for its card anew")
    if card.nation == node.nation:
        raise InputError(place, f"is {card.nation}'s own card", "give a partner's")
    known = node.partners.get(card.nation)
    if known and card.serial < known.serial:
        raise InputError(place, "is older than the card that is here", "ask for the newest")
    if fingerprint is not None and not same_fingerprint(fingerprint, card):
        raise InputError(
            place,
            f"has the fingerprint {card.fingerprint}, not the one given",
            "do not use it: ask the partner by telephone or in person",
        )
    if fingerprint is None and not (known and vouched_for(card, known)):
        raise InputError(
            place,
            "nobody has vouched for it",
            "compare its fingerprint with the partner and give it with --fingerprint",
        )
    (folder / "partners" / card_name(card.nation)).write_text(card_text(card))
    return card


def remove_partner(folder: Path, nation: str) -> None:
    """Take a partner out of a folder; its card is kept in `removed/`."""
    node = load_node(folder)
    require_partner(node, nation)
    (folder / "removed").mkdir(exist_ok=True)
    path = folder / "partners" / card_name(nation)
    path.replace(folder / "removed" / path.name)


def require_partner(node: NodeFolder, nation: str) -> None:
    """Raise InputError unless that nation is a partner."""
    if nation not in node.partners:
        near = nearest(nation, node.partners)
        raise InputError(
            f"{node.folder / 'partners'}",
            f"{nation} is no partner of {node.nation}",
            f"did you mean {near}?" if near else f"known: {', '.join(node.partners) or 'none'}",
        )


def rotate(folder: Path, what: str, settings: LinkSettings, *, stolen: bool = False) -> Card:
    """Make a key or certificate anew; returns the new card, which partners must be given.

    The new card is vouched for by the key before, so that partners need no fingerprint again;
    after a signing key was `stolen` it is not, and they remove the nation and add it with one.
    """
    if what not in ROTATED:
        raise InputError("rotate", f'"{what}" is nothing that rotates', f"one of {ROTATED}")
    node = load_node(folder)
    certificates = folder / "certificates"
    host, _ = host_and_port(node.file.server.link_address, "node.toml: server.link_address")
    if what == "authority":
        make_authority(certificates, node.nation, host, settings.authority_days)
    if what in ("authority", "certificate"):
        make_certificate(certificates, node.nation, host, settings.certificate_days)
    else:
        renew_key(folder / "keys", what, stolen=stolen)
    return write_card(folder, list(node.partners))


def write_card(folder: Path, others: Sequence[str]) -> Card:
    """Write the nation's public card beside its `node.toml`."""
    node = load_node(folder)
    certificates = folder / "certificates"
    names = sorted(set(others) | set(node.partners))
    ways = [DIRECT, *_carried_ways(node.nation, node.hub, names)]
    beside = node.keys.signing_beside
    card = Card(
        nation=node.nation,
        serial=time.time_ns(),
        address=node.file.server.link_address,
        signing=node.keys.signing.public_key().public_bytes_raw().hex(),
        signing_beside="" if beside is None else beside.public_key().public_bytes_raw().hex(),
        sealing=node.keys.sealing.public_key().public_bytes_raw().hex(),
        links={way: node.keys.nkey(way)[1] for way in ways},
        authority=(certificates / "authority.pem").read_text(),
        certificate_pin=pin_of(certificates / "server.pem"),
    )
    card = sign_card(card, node.keys)
    (folder / card_name(node.nation)).write_text(card_text(card))
    return card


def write_generated(node: NodeFolder, settings: LinkSettings) -> None:
    """Write what is made from the folder: `nats.conf` and the authorities to be trusted.

    And the settings that it was made with: a running server refuses others.
    """
    certificates = node.folder / "certificates"
    for nation, card in node.partners.items():
        # A dialled partner is believed by its own authority alone.
        (certificates / f"{nation}.pem").write_text(card.authority)
    # The own authority too: without a partner the server would have none to listen with.
    own = (certificates / "authority.pem").read_text()
    together = own + "".join(card.authority for card in node.partners.values())
    (certificates / "partners.pem").write_text(together)
    for mode in (False, True):
        one = node._replace(exercise=mode)
        write_private(one.server_config, server_config(one, settings).encode())
    (node.folder / MADE_WITH).write_text(settings.model_dump_json(indent=1, exclude_defaults=True))


def made_with(folder: Path) -> LinkSettings:
    """The settings of the links that a folder's `nats.conf` was made with; else the defaults."""
    try:
        return LinkSettings.model_validate_json((folder / MADE_WITH).read_bytes())
    except (OSError, ValueError):
        return LinkSettings()


def lacks_stages(node: NodeFolder) -> bool:
    """Whether there is no `nats.conf`, or one without a user of each stage that is apart."""
    try:
        text = node.server_config.read_text("utf-8")
    except OSError:
        return True
    wanted = [stage_user(one) for one in node.file.stages.apart if one != DESK]
    return any(f"user: {user}," not in text for user in wanted)


def check_folder(
    folder: Path, *, exercise: bool = False, passed_over: Callable[[InputError], None]
) -> NodeFolder:
    """Read a folder for a node that starts; `passed_over`: what it can go on without."""
    node = load_node(folder, exercise=exercise, passed_over=passed_over)
    hub = node.hub
    if hub and hub != node.nation and hub not in node.partners:
        raise InputError(
            f"{folder / 'node.toml'}: topology",
            f'is "{node.file.topology}", but {hub} is no partner',
            f"add the card of {hub}",
        )
    return node


async def apply_changes(
    folder: Path,
    settings: LinkSettings,
    touched: Collection[str] | None = None,
    gone: str | None = None,
) -> Applied:
    """Bring a folder's changes into force, at once where its server runs.

    `touched` are the partners whose connections are made anew (None: all of them). `gone` is one
    that was removed: what waits for it is destroyed first, then the server forgets it, then its
    connections are cut.
    """
    node = load_node(folder)
    if gone:
        require_nation(gone, "--remove")
        await _destroy_streams(node, settings, gone)
    write_generated(node, settings)
    cut = []
    try:
        async with system_connection(node, settings) as system:
            await system.reload()
            for leaf in await system.links():
                # A link that is up keeps what it was allowed until it is cut (trap 1).
                if touched is None or not set(leaf.account.split("_")).isdisjoint(touched):
                    await system.kick(leaf.cid)
                    cut.append(leaf.account)
    except LinkError:
        if await _answers(node, settings):
            raise
        return Applied(False, ())
    return Applied(True, tuple(cut))


async def _answers(node: NodeFolder, settings: LinkSettings) -> bool:
    try:
        async with system_connection(node, settings, wait_s=settings.answer_s) as system:
            await system.about()
    except LinkError:
        return False
    return True


async def _destroy_streams(node: NodeFolder, settings: LinkSettings, partner: str) -> None:
    """Stop the durable path at its source: the outbox and all that waits in it, then the inbox.

    A server that runs keeps the streams of an account that it is told to forget, and finds them
    again, out of step, when the partner is added again: so they go first.
    """
    modes = [node._replace(exercise=mode) for mode in (False, True)]
    for user, streams, account in (
        (outbox_user(partner), [outbox_name(partner, m.exercise) for m in modes], f"TO_{partner}"),
        (inbox_user(partner), [inbox_name(partner, m.exercise) for m in modes], f"FROM_{partner}"),
    ):
        try:
            client = await connect(node, user, wait_s=settings.answer_s, once=True)
        except LinkError:
            for mode in modes:
                shutil.rmtree(mode.store / "nats" / "jetstream" / account, ignore_errors=True)
            continue
        try:
            for stream in streams:
                request = f"$JS.API.STREAM.DELETE.{stream}"
                await client.request(request, b"", timeout=settings.answer_s)
        finally:
            await client.close()


def _carried_ways(own: str, hub: str | None, names: Sequence[str]) -> list[str]:
    """The ways that a nation's server dials beside the direct ones."""
    if hub is None:
        return []
    if hub == own:
        return [carried(a, b) for a in names for b in names if a != b]
    return [carried(other, own) for other in names if other not in (own, hub)]


def _refuse_nations(nations: Sequence[str], topology: str, alone: bool = False) -> None:
    for nation in nations:
        require_nation(nation, "--nations")
    if len(set(nations)) != len(nations):
        raise InputError("--nations", "names a nation twice", "name each once")
    if len(nations) < 2 and not alone:
        raise InputError("--nations", "names fewer than two", "give two or more, as JPN,KOR,USA")
    hub = hub_of(topology)
    if hub is not None and (not topology.startswith("hub:") or hub not in nations):
        raise InputError(
            "--topology", f'is "{topology}"', "give mesh, or hub: and one of the nations"
        )


def _refuse_existing(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(str(folder), "exists and is not empty", "give a new folder")


_NODE_TOML = """\
# The node of {nation}. Made by skypact coalition; yours to edit.
# After an edit: skypact coalition apply FOLDER, or start the node anew.

nation = "{nation}"

# "mesh": every nation's server dials every other. "hub:USA": that nation's server carries what the
# others send each other, and reads what is not sealed.
topology = "{topology}"

[server]                            # the nation's NATS server
host = "127.0.0.1"                  # where its own applications connect: keep it on this machine
port = {port}
link_listen = "{listen}"     # where partners' servers are accepted
link_address = "{address}"    # what partners dial to get there; it stands in the card
binary = ""                        # a nats-server (2.15 or later); empty: the one installed

[store]                             # the most of the disk that each part takes, MiB
folder = "store"
journal_mib = 8192
outbox_mib = 1024                   # for each partner: what waits while its link is cut
inbox_mib = 256                     # for each partner: what is not in the journal yet

[http]                              # where the node says how it is: /health, /ready, /metrics
host = "127.0.0.1"
port = {http_port}

[desk]                              # what people see in their browsers
port = {desk_port}

[stages]                            # what of the node other processes do: docs/node.md
apart = []                          # "feeds", "warnings", "record", "desk"
# addresses = {{ warnings = "192.0.2.8:14226" }}  # where one answers, if not beside the node

# Where a partner is dialled, if not where its card says.
[addresses]
# KOR = "192.0.2.7:14221"
"""

FEEDS_TOML = """\
# Who may send this node plots: docs/feeds.md. Yours to edit; in force when the node starts anew.
# (For a feed that publishes on the nation's NATS server also: skypact coalition apply FOLDER.)
#
# Plots by HTTP, POST /feeds/RADAR with the feed's key:
#
# [http]
# listen = "127.0.0.1:{feeds_port}"          # certificate, certificate_key (PEM files): TLS
#
# One sender, by NATS or HTTP; it may send these radars' plots and no others. With a key, made by
#   skypact coalition feed FOLDER NAME --radar ID
#
# [[feed]]
# name = "north"
# radars = ["{radar}"]
# key_sha256 = "…"                     # of its key, for HTTP; the key itself is the sender's alone
#
# ASTERIX (CAT048, CAT015, CAT034) by UDP or TCP; the radars by their sac and sic in radars.toml:
#
# [[asterix]]
# name = "north-asterix"
# protocol = "udp"                     # or "tcp"
# listen = "127.0.0.1:8600"
# radars = ["{radar}"]
# from = ["192.0.2.7", "198.51.100.0/24"]
"""

RADARS_TOML = """\
# The nation's own radars, one table each; docs/files.md lists the keys.
#
# [[radar]]
# id = "north"
# nation = "JPN"
# latitude_deg = 38.0
# longitude_deg = 138.4
# height_m = 300
# range_sigma_m = 30
# azimuth_sigma_deg = 0.05
# elevation_sigma_deg = 0.05
"""
