"""The configuration of a nation's NATS server, made from its folder.

One account for the nation's own applications, to which no link is ever bound (`NAT`), and for each
partner one for what goes to it (`TO_KOR`) and one for what comes from it (`FROM_KOR`). The
originator accepts the leaf connection and the addressee dials it: only the accepting side has
lists of what is allowed. No account spans two links, so nothing loops and nothing passes through.
In a hub each pair carried has an account of its own (`CARRY_JPN_KOR`), without any storage.

Numbered traps in the comments are those of docs/coalition.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from skypact.settings import LinkSettings
from skypact.sharing.keys import DIRECT, carried
from skypact.sharing.node_folder import DESK, NodeFolder

SYSTEM_USER = "sys"
GATE_USER = "gate"
"""Releases and receives: the link's own connection."""
NATIONAL_USER = "nat"
"""Any other application of the nation: it may neither release nor speak on the live path."""

_STAGE = "stage_"
_MEMORY_MIB = 16
_MIB = 1 << 20
_PARTNERS_FORESEEN = 8
_SPARE = 1.25
"""The server refuses to start where accounts' quotas reach `max_file` (trap 6)."""


def outbox_user(partner: str) -> str:
    """Keeps the outbox to a partner: creates it and asks how full it is."""
    return f"outbox_{partner}"


def inbox_user(partner: str) -> str:
    """Keeps the inbox from a partner, and reads it."""
    return f"inbox_{partner}"


def feed_user(feed: str) -> str:
    """Publishes plots of its radars and nothing else."""
    return f"feed_{feed}"


def stage_user(stage: str) -> str:
    """A stage that is a process of its own: it may do what that stage needs, and nothing else."""
    return f"{_STAGE}{stage}"


def inbox_of(user: str) -> str:
    """What begins the subjects of the answers to one of the nation's own applications.

    Feeds listen under `_INBOX`: what others of the nation's account are told goes elsewhere.
    """
    beside_feeds = user in (NATIONAL_USER, GATE_USER) or user.startswith(_STAGE)
    return f"_OWN.{user}" if beside_feeds else "_INBOX"


def stage_subject(stage: str, what: str, exercise: bool = False) -> str:
    """Where a stage that is a process of its own asks its node."""
    return f"{'exercise.' if exercise else ''}stage.{stage}.{what}"


def outbox_name(addressee: str, exercise: bool = False) -> str:
    """The stream in which what is for a partner waits."""
    return f"EXERCISE_OUT_{addressee}" if exercise else f"OUT_{addressee}"


def outbox_subject(addressee: str, exercise: bool = False) -> str:
    """Where batches for a partner are published."""
    return f"release.{addressee}.{'exercise' if exercise else 'batch'}"


def inbox_name(originator: str, exercise: bool = False) -> str:
    """The stream that takes what a partner has sent."""
    return f"EXERCISE_IN_{originator}" if exercise else f"IN_{originator}"


def consumer_name(addressee: str, exercise: bool = False) -> str:
    """The one consumer of an outbox."""
    return f"exercise_to_{addressee}" if exercise else f"to_{addressee}"


def delivery_subject(originator: str, addressee: str, exercise: bool = False) -> str:
    """Where an outbox is delivered to, on the link."""
    return f"{'exercise.' if exercise else ''}xfer.{originator}.{addressee}"


def feed_subject(radar: str, exercise: bool = False) -> str:
    """Where a radar's plots come in."""
    return f"{'exercise.' if exercise else ''}feed.{radar}"


def order_subject(exercise: bool = False, stage: str = "") -> str:
    """Where operators order something of a node; `stage`: where it passes that on to one apart."""
    return f"operate.{'exercise' if exercise else 'live'}{'.' if stage else ''}{stage}"


def alert_stream(exercise: bool = False) -> str:
    """The stream that keeps alerts for who was away."""
    return "EXERCISE_ALERTS" if exercise else "ALERTS"


def warning_subject(exercise: bool = False) -> str:
    """Where alerts are published on the nation's own server."""
    return "exercise.warning.public" if exercise else "warning.public"


def desk_subject(exercise: bool = False) -> str:
    """What begins the subjects on which a nation's desk asks its node and is told."""
    return f"desk.{'exercise' if exercise else 'live'}"


def live_subject(addressee: str, exercise: bool = False) -> str:
    """What begins the subjects of the live path to a partner."""
    return f"live.{addressee}.exercise" if exercise else f"live.{addressee}"


def server_config(node: NodeFolder, settings: LinkSettings) -> str:
    """`nats.conf` of a nation. It holds keys: keep it as private as they are.

    The server is called after the nation, its files are in `store/nats` of the folder.
    """
    return "\n".join([*_head(node, settings), *_accounts(node), *_links(node, settings)]) + "\n"


def file_quota_mib(node: NodeFolder) -> int:
    """All that the server may take of the disk.

    Room for partners that are still to come: a running server refuses another quota.
    """
    store = node.file.store
    partners = max(len(node.partners), _PARTNERS_FORESEEN)
    used = store.journal_mib + partners * (store.outbox_mib + store.inbox_mib)
    return int(used * _SPARE) + 1


def _head(node: NodeFolder, settings: LinkSettings) -> Iterator[str]:
    server = node.file.server
    yield "# Made by skypact from this folder's node.toml, keys and partners: do not edit."
    yield f"server_name: {node.server_name}"
    yield f"listen: {_quoted(f'{server.host}:{server.port}')}"
    yield f"max_payload: {settings.max_payload_bytes}"
    yield "max_pending: 64MB"
    yield 'write_deadline: "5s"'
    # A half-open link is found after three pings; by default it would take four minutes.
    yield f'ping_interval: "{round(settings.ping_s * 1000)}ms"'
    yield "ping_max: 2"
    yield f"pid_file: {_quoted(node.store / 'nats.pid')}"
    yield f"log_file: {_quoted(node.store / 'nats.log')}"
    yield f"logfile_size_limit: {settings.log_mib * _MIB}"
    yield f"logfile_max_num: {settings.log_files}"
    # By default files are synced every two minutes, long after the acknowledgement (traps 2, 10).
    yield (
        f"jetstream {{ domain: {node.nation}, store_dir: {_quoted(node.store / 'nats')}, "
        f"max_mem: 256M, max_file: {file_quota_mib(node) * _MIB}, sync_interval: always }}"
    )
    yield "system_account: SYS"


def _accounts(node: NodeFolder) -> Iterator[str]:
    yield "accounts {"
    yield f"  SYS {{ users = [ {_user(node, SYSTEM_USER)} ] }}"
    yield from _national(node)
    for partner in node.partners:
        yield from _to(node, partner)
        yield from _from(node, partner)
    if node.hub == node.nation:
        for originator in node.partners:
            for addressee in node.partners:
                if originator != addressee:
                    yield from _carry(node, originator, addressee)
    yield "}"


def _national(node: NodeFolder) -> Iterator[str]:
    own = node.nation
    store = node.file.store
    yield "  NAT {"
    yield f"    jetstream {{ max_mem: 64M, max_file: {store.journal_mib * _MIB} }}"
    yield "    exports = ["
    for partner in node.partners:
        yield f"      {{ stream: live.{partner}.>, accounts: [TO_{partner}] }}"
    yield "    ]"
    yield "    imports = ["
    for partner in node.partners:
        release = f"release.{partner}.>"
        yield f"      {{ service: {{ account: TO_{partner}, subject: {release} }} }}"
        live = f"{{ account: FROM_{partner}, subject: live.{own}.> }}"
        yield f"      {{ stream: {live}, prefix: from.{partner} }}"
    yield "    ]"
    yield "    users = ["
    yield f"      {_user(node, NATIONAL_USER, publish_deny=('release.>', 'live.>', 'from.>'))}"
    yield f"      {_user(node, GATE_USER)}"
    for feed, radars in node.feeds.items():
        subjects = tuple(feed_subject(radar, node.exercise) for radar in radars)
        yield f"      {_user(node, feed_user(feed), subjects, ('_INBOX.>',))}"
    for stage in node.file.stages.apart:
        if stage != DESK:  # gives operators' orders: any other application of the nation
            yield f"      {_stage_user(node, stage)}"
    yield "    ]"
    yield "  }"


def _stage_user(node: NodeFolder, stage: str) -> str:
    """What a stage that is a process of its own may do.

    It asks its node. Before the journal it gets feeds' plots and answers them; after it, it reads
    the journal (named as `record/journal.py` does), which the node alone writes.
    """
    publish = [stage_subject(stage, what, node.exercise) for what in ("here", "plots", "write")]
    subscribe = [f"{inbox_of(stage_user(stage))}.>"]
    if stage == "feeds":
        subscribe += [feed_subject("*", node.exercise)]
        return _user(node, stage_user(stage), tuple(publish), tuple(subscribe), answers=True)
    journal = "EXERCISE_JOURNAL" if node.exercise else "JOURNAL"
    calls = ("STREAM.INFO", "STREAM.MSG.GET", "CONSUMER.CREATE", "CONSUMER.MSG.NEXT")
    for call in calls:
        deeper = ".>" if call.startswith("CONSUMER") else ""
        publish += [f"$JS.API.{call}.{journal}{deeper}"]
    obeys = stage == "warnings"
    if obeys:
        alerts = alert_stream(node.exercise)
        publish += [warning_subject(node.exercise)]
        publish += [f"$JS.API.STREAM.{call}.{alerts}" for call in ("INFO", "CREATE", "UPDATE")]
        subscribe += [order_subject(node.exercise, stage)]
    return _user(node, stage_user(stage), tuple(publish), tuple(subscribe), answers=obeys)


def _to(node: NodeFolder, partner: str) -> Iterator[str]:
    """What waits for a partner, and the one server that may fetch it."""
    by = node.hub if node.hub not in (None, node.nation, partner) else partner
    carrier = node.partners.get(by or partner)
    way = DIRECT if by == partner else carried(node.nation, partner)
    yield f"  TO_{partner} {{"
    yield (
        f"    jetstream {{ max_mem: {_MEMORY_MIB}M, max_file: {node.file.store.outbox_mib * _MIB}, "
        "max_streams: 2, max_consumers: 4 }"
    )
    yield f"    exports = [ {{ service: release.{partner}.>, accounts: [NAT] }} ]"
    live = f"{{ account: NAT, subject: live.{partner}.> }}"
    yield f"    imports = [ {{ stream: {live} }} ]"
    yield "    users = ["
    yield f"      {_user(node, outbox_user(partner))}"
    if carrier and way in carrier.links:
        yield f"      {_link_user(carrier.links[way], node.nation, partner, node.exercise)}"
    yield "    ]"
    yield "  }"


def _from(node: NodeFolder, partner: str) -> Iterator[str]:
    yield f"  FROM_{partner} {{"
    yield (
        f"    jetstream {{ max_mem: {_MEMORY_MIB}M, max_file: {node.file.store.inbox_mib * _MIB}, "
        "max_streams: 2, max_consumers: 4 }"
    )
    yield f"    exports = [ {{ stream: live.{node.nation}.>, accounts: [NAT] }} ]"
    yield f"    users = [ {_user(node, inbox_user(partner))} ]"
    yield "  }"


def _carry(node: NodeFolder, originator: str, addressee: str) -> Iterator[str]:
    """What a hub carries from one nation to another: it stores nothing of it."""
    public = node.partners[addressee].links.get(carried(originator, addressee))
    yield f"  CARRY_{originator}_{addressee} {{"
    if public:
        yield f"    users = [ {_link_user(public, originator, addressee, node.exercise)} ]"
    yield "  }"


def _link_user(public: str, originator: str, addressee: str, exercise: bool) -> str:
    """The server that dials for an addressee: what it may send here, and what it gets.

    It may send requests about the one consumer and nothing else: to start it over (that is all
    sourcing through a named durable consumer needs) and the answers of flow control.
    """
    stream, consumer = outbox_name(addressee, exercise), consumer_name(addressee, exercise)
    publish = (
        f"$JS.{originator}.API.CONSUMER.RESET.{stream}.{consumer}",
        f"$JS.FC.{originator}.*.{stream}.{consumer}.*",
        f"$JS.FC.{stream}.{consumer}.*",
    )
    live = f"{live_subject(addressee, exercise)}.>"
    subscribe = (delivery_subject(originator, addressee, exercise), live, "$JSC.R.*")
    return (
        f'{{ nkey: {public}, allowed_connection_types: ["LEAFNODE"], '
        f"permissions {{ publish {{ allow: {_list(publish)} }}, "
        f"subscribe {{ allow: {_list(subscribe)} }} }} }}"
    )


def _links(node: NodeFolder, settings: LinkSettings) -> Iterator[str]:
    """Leaf users stand in `accounts`: `leafnodes.authorization` takes no permissions (trap 6)."""
    certificates = node.folder.resolve() / "certificates"
    own = (
        f"cert_file: {_quoted(certificates / 'server.pem')}, "
        f"key_file: {_quoted(certificates / 'server.key')}"
    )
    yield "leafnodes {"
    yield "  no_advertise: true"
    yield f'  reconnect: "{round(settings.reconnect_s * 1000)}ms"'
    yield "  compression: off"
    yield f"  listen: {_quoted(node.file.server.link_listen)}"
    yield (
        f"  tls {{ {own}, ca_file: {_quoted(certificates / 'partners.pem')}, verify: true, "
        'handshake_first: true, min_version: "1.3", timeout: 5 }'
    )
    yield "  remotes = ["
    for account, dialled, way in _ways(node):
        seed, _ = node.keys.nkey(way)
        authority = _quoted(certificates / f"{dialled}.pem")
        yield f"    {{ urls: [{_quoted(f'tls://{node.dialled(dialled)}')}], account: {account},"
        # `nkey` is the seed itself, not a path (trap 6).
        yield f"      nkey: {seed},"
        yield f"      tls {{ {own}, ca_file: {authority}, handshake_first: true, timeout: 5 }},"
        # Nothing of the partner may drive this nation's JetStream, or come but as asked for.
        deny_in = (f"$JS.{node.nation}.API.>", "$JS.API.>", "$KV.>", "$OBJ.>", "release.>")
        yield f"      deny_imports: {_list((*deny_in, '_INBOX.>', '$SYS.>'))},"
        deny_out = ("release.>", "_INBOX.>", "$SYS.>")
        # A carrier hands on what the originator says live; an addressee says nothing here.
        live = ("live.>",)
        yield f"      deny_exports: {_list((*deny_out, *live))},"
        yield "      compression: off, ignore_discovered_servers: true, no_randomize: true },"
    yield "  ]"
    yield "}"


def _ways(node: NodeFolder) -> Iterator[tuple[str, str, str]]:
    """What this server dials: account it is bound to, nation dialled, way."""
    own, hub = node.nation, node.hub
    for partner in node.partners:
        if hub in (None, own, partner):
            yield f"FROM_{partner}", partner, DIRECT
        elif hub in node.partners:
            yield f"FROM_{partner}", str(hub), carried(partner, own)
    if hub == own:
        for originator in node.partners:
            for addressee in node.partners:
                if originator != addressee:
                    way = carried(originator, addressee)
                    yield f"CARRY_{originator}_{addressee}", originator, way


def _user(
    node: NodeFolder,
    name: str,
    publish: tuple[str, ...] = (),
    subscribe: tuple[str, ...] = (),
    publish_deny: tuple[str, ...] = (),
    answers: bool = False,
) -> str:
    """`answers`: it may answer whoever asks it, once."""
    limits = ""
    if publish:
        answering = ", allow_responses: true" if answers else ""
        limits = (
            f", permissions {{ publish {{ allow: {_list(publish)} }}, "
            f"subscribe {{ allow: {_list(subscribe)} }}{answering} }}"
        )
    if publish_deny:
        limits = f", permissions {{ publish {{ deny: {_list(publish_deny)} }} }}"
    password = node.keys.password(name)
    # Own applications never come over a link.
    kinds = 'allowed_connection_types: ["STANDARD"]'
    return f"{{ user: {name}, password: {_quoted(password)}, {kinds}{limits} }}"


def _quoted(text: str | Path) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _list(items: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(_quoted(item) for item in items) + "]"
