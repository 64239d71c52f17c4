"""Who may send a node plots: `feeds.toml` to frozen types. Layout and keys: docs/feeds.md."""

import hashlib
import ipaddress
import json
import secrets
import tomllib
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from skypact.errors import InputError
from skypact.model import Radar

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SUBJECT = "feed"


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sender by NATS or HTTP, its radars, and the SHA-256 of its key in hexadecimal digits."""

    name: str
    radars: tuple[str, ...]
    key_sha256: str = ""


class AsterixPort(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"allowed": "from"}
):
    """A port for ASTERIX, the radars whose reports it takes, and from which addresses."""

    name: str
    protocol: Literal["udp", "tcp"]
    listen: str
    radars: tuple[str, ...]
    allowed: tuple[str, ...]

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that `allowed` names. ValueError where one is none."""
        return tuple(ipaddress.ip_network(text, strict=False) for text in self.allowed)


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where HTTP is listened to; with a certificate and its key (paths of PEM files) by TLS."""

    listen: str
    certificate: str = ""
    certificate_key: str = ""


class FeedTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that may come in. `exercise`: simulated ASTERIX reports are used."""

    http: Http | None = None
    feed: tuple[Feed, ...] = ()
    asterix: tuple[AsterixPort, ...] = ()
    exercise: bool = False


def load_feeds(path: str | PathLike[str], radars: Sequence[Radar]) -> FeedTable:
    """Read a table of feeds. Raises InputError that names file, place, reason and remedy."""
    file = str(path)
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "correct the path") from None
    except (ValueError, RecursionError) as error:
        raise InputError(file, f"is not TOML: {error}", "correct that line") from None
    try:
        table = msgspec.convert(document, FeedTable)
    except msgspec.ValidationError as error:
        raise InputError(file, str(error), "docs/feeds.md lists the keys") from None
    _check(file, table, {radar.id: radar for radar in radars})
    return table


class MadeFeed(NamedTuple):
    """A feed that was entered: its key, for its sender alone, and where the node listens."""

    key: str
    listen: str


def add_feed(
    path: Path, radars: Sequence[Radar], name: str, ids: Sequence[str], listen: str
) -> MadeFeed:
    """Enter a sender by HTTP into a table; `listen`: where the table does not say so yet.

    What stands in it stays as it is. Raises InputError; nothing is changed then.
    """
    before = path.read_text("utf-8") if path.exists() else ""
    table = load_feeds(path, radars) if before else FeedTable()
    key, digest = new_key()
    lines = [] if table.http else ["", "[http]", f"listen = {_quoted(listen)}"]
    quoted = ", ".join(_quoted(one) for one in ids)
    lines += ["", "[[feed]]", f"name = {_quoted(name)}", f"radars = [{quoted}]"]
    lines += [f'key_sha256 = "{digest}"', ""]
    after = path.with_name(f".{path.name}.new")
    after.write_text(before.rstrip("\n") + "\n" + "\n".join(lines), "utf-8")
    try:
        load_feeds(after, radars)
    except InputError as error:
        after.unlink()
        raise InputError(f"{path}: {name}", error.reason, error.remedy) from None
    after.replace(path)
    return MadeFeed(key, table.http.listen if table.http else listen)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _check(file: str, table: FeedTable, radars: dict[str, Radar]) -> None:
    named: list[Feed | AsterixPort] = [*table.feed, *table.asterix]
    for number, one in enumerate(named):
        place = f'{file}, "{one.name}"'
        if not one.name or any(other.name == one.name for other in named[:number]):
            raise InputError(place, "the name is empty or there twice", "give each its own")
        for radar in one.radars:
            if radar not in radars:
                remedy = "correct the id, or add the radar to the radars file"
                raise InputError(place, f'unknown radar "{radar}"', remedy)
            if isinstance(one, AsterixPort) and radars[radar].sac is None:
                remedy = "add them to the radars file"
                raise InputError(place, f'radar "{radar}" has no sac and sic', remedy)
        if not one.radars:
            raise InputError(place, "radars is empty", "name the radars that it may send")
        if isinstance(one, Feed):
            _check_key(place, one.key_sha256)
        else:
            _check_port(place, one)
    if table.http is not None:
        address_of(table.http.listen, f"{file}, [http]")
        if bool(table.http.certificate) != bool(table.http.certificate_key):
            reason = "of certificate and certificate_key one is missing"
            raise InputError(f"{file}, [http]", reason, "give both, or neither")


def _check_key(place: str, digest: str) -> None:
    digits = set(digest) <= set("0123456789abcdef")
    if digest and (len(digest) != 64 or not digits):
        reason = "key_sha256 is not 64 hexadecimal digits in lower case"
        raise InputError(place, reason, "give the SHA-256 of the feed's key")


def _check_port(place: str, port: AsterixPort) -> None:
    address_of(port.listen, place)
    try:
        networks = port.networks
    except ValueError as error:
        raise InputError(place, f"from: {error}", "write 192.0.2.7 or 192.0.2.0/24") from None
    if not networks:
        remedy = "name the addresses that may send, such as 192.0.2.7"
        raise InputError(place, "from is empty", remedy)


def address_of(listen: str, place: str) -> tuple[str, int]:
    """Host and port of an address as 127.0.0.1:8470. Raises InputError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise InputError(place, f"listen is {listen!r}", 'write it as "127.0.0.1:8470"')
    return host.strip("[]"), int(port)


def new_key() -> tuple[str, str]:
    """A new key of a feed, for its sender alone, and the SHA-256 of it for the table."""
    key = secrets.token_urlsafe(32)
    return key, digest_of(key)


def digest_of(key: str) -> str:
    """What a table holds of a key. It is long and random: no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def token_of(radar_id: str) -> str:
    """A radar's id as one part of a NATS subject or a path."""
    return quote(radar_id, safe="").replace(".", "%2E").replace("~", "%7E")


def radar_of(token: str) -> str:
    """The id that `token_of` made it of."""
    return unquote(token)


def subject_of(radar_id: str, *, exercise: bool = False) -> str:
    """The NATS subject of a radar's plots, live or in an exercise."""
    return f"{'exercise.' if exercise else ''}{SUBJECT}.{token_of(radar_id)}"


def feed_of(feeds: Iterable[Feed], radar_id: str) -> Feed | None:
    """The first feed that may send a radar's plots."""
    return next((feed for feed in feeds if radar_id in feed.radars), None)
