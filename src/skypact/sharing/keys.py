"""A nation's keys, and the public card that its partners get of them.

Private keys are made here, at the nation that owns them, and never leave its folder:

| file in `keys/` | what it is |
| --- | --- |
| `signing.key` | Ed25519, signs every message (PKCS 8, PEM) |
| `signing.next.key` | the next one, while partners are still taking the card that names it |
| `signing.before.key` | the one before, while it still vouches for this nation's cards |
| `sealing.key` | X25519, opens what is sealed for this nation |
| `sealing.before.key` | the one before, with which partners may still seal |
| `link.seed` | the root of the keys with which its server dials partners' servers |
| `server.secret` | the root of its own applications' passwords at its own server |

A server dials with NATS nkeys (https://docs.nats.io: Ed25519, base32 with a CRC-16). One server
knows a key for one account only, so every way that is dialled has its own, derived from
`link.seed` (HKDF, RFC 5869): the direct one, and in a hub one for each pair of nations carried.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from skypact.errors import InputError

DIRECT = "direct"
"""The way by which a nation's own server fetches what the dialled nation has for it."""
PRIVATE_MODE = 0o600
_NKEY_SEED, _NKEY_USER = 18 << 3, 20 << 3
_GREATEST_CARD_BYTES = 65_536
_SIGNED_WITH = ("signature", "endorsement")
NATION = re.compile(r"[A-Z]{3}")


def carried(originator: str, addressee: str) -> str:
    """The name of the way by which one nation's messages to another are carried."""
    return f"{originator}>{addressee}"


class Keys(NamedTuple):
    """A nation's private keys."""

    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey
    link_seed: bytes
    server_secret: bytes
    signing_next: Ed25519PrivateKey | None = None
    signing_before: Ed25519PrivateKey | None = None
    sealing_before: X25519PrivateKey | None = None

    @property
    def signing_beside(self) -> Ed25519PrivateKey | None:
        """The key that partners take besides: the next one, else the one before."""
        return self.signing_next or self.signing_before

    @property
    def unsealing(self) -> list[X25519PrivateKey]:
        """All that open what is sealed for this nation, the present one first."""
        return [key for key in (self.sealing, self.sealing_before) if key is not None]

    def nkey(self, way: str) -> tuple[str, str]:
        """Seed and public key, as NATS writes them, with which the server dials that way."""
        derived = HKDF(hashes.SHA256(), 32, None, b"skypact link " + way.encode())
        seed = derived.derive(self.link_seed)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        prefix = bytes((_NKEY_SEED | _NKEY_USER >> 5, (_NKEY_USER & 31) << 3))
        return _nkey_text(prefix + seed), _nkey_text(bytes((_NKEY_USER,)) + public)

    def password(self, user: str) -> str:
        """The password of one of the nation's own applications at its own server."""
        return hmac.new(self.server_secret, user.encode(), hashlib.sha256).hexdigest()


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What partners get of a nation: public keys only, signed by itself."""

    nation: str
    serial: int
    """Grows with every change (UTC ns of when it was made); an older card is refused."""
    address: str
    """Where partners' servers dial this nation's: host:port."""
    signing: str
    """Ed25519 public key, hex."""
    sealing: str
    """X25519 public key, hex."""
    links: dict[str, str]
    """Public NATS keys with which its server dials, by way: "direct" or "KOR>JPN"."""
    authority: str
    """Certificate of its own authority, PEM."""
    certificate_pin: str
    """SHA-256 of its server's public key (SubjectPublicKeyInfo), hex."""
    signature: str = ""
    """By `signing`, over all the others but the endorsement, hex."""
    signing_beside: str = ""
    """Ed25519 public key that counts besides, hex: the next one before a change, the one before
    after it; empty: none."""
    endorsement: str = ""
    """By the signing key before this one, over the same; empty while it was never changed."""

    @property
    def signing_key(self) -> Ed25519PublicKey:
        """The key that the nation's messages are signed with, and its cards."""
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.signing))

    @property
    def signing_keys(self) -> list[Ed25519PublicKey]:
        """All that its messages may be signed with, the present one first."""
        texts = filter(None, (self.signing, self.signing_beside))
        return [Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)) for text in texts]

    @property
    def sealing_key(self) -> X25519PublicKey:
        """The key that what is for the nation is sealed with."""
        return X25519PublicKey.from_public_bytes(bytes.fromhex(self.sealing))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what is signed, in groups of four digits: for people to compare."""
        digest = hashlib.sha256(_signed_bytes(self)).hexdigest()
        return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))

    def host_and_port(self) -> tuple[str, int]:
        """The address, taken apart."""
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


def same_fingerprint(given: str, card: Card) -> bool:
    """Whether somebody typed this card's fingerprint, with or without spaces."""
    plain = re.sub(r"[\s:]", "", given).lower()
    return hmac.compare_digest(plain.encode(), card.fingerprint.replace(" ", "").encode())


def make_keys(folder: Path) -> Keys:
    """Make all keys anew in an existing folder; each file is readable by its owner only."""
    write_private(folder / "signing.key", pem_of(Ed25519PrivateKey.generate()))
    write_private(folder / "sealing.key", pem_of(X25519PrivateKey.generate()))
    write_private(folder / "link.seed", secrets.token_hex(32).encode())
    write_private(folder / "server.secret", secrets.token_hex(32).encode())
    return load_keys(folder)


def renew_key(folder: Path, name: str, *, stolen: bool = False) -> None:
    """Make one key anew: `signing`, `sealing` or `link`.

    `signing` takes two steps, so that nothing is refused: first the next key is made, which the
    card then names; once partners have that card, the second time, it takes the place of the
    present one. `stolen`: at once, and no key before counts for anything.
    """
    if name == "link":
        write_private(folder / "link.seed", secrets.token_hex(32).encode())
        return
    present, before = folder / f"{name}.key", folder / f"{name}.before.key"
    following = folder / "signing.next.key"
    if name == "sealing":
        write_private(before, read_private(present))  # a copy: at no moment is there none
        write_private(present, pem_of(X25519PrivateKey.generate()))
    elif following.exists() and not stolen:
        write_private(before, read_private(present))
        following.replace(present)
    else:
        made = present if stolen else following
        write_private(made, pem_of(Ed25519PrivateKey.generate()))
    if stolen:
        before.unlink(missing_ok=True)
        if name == "signing":
            following.unlink(missing_ok=True)


def load_keys(folder: Path) -> Keys:
    """Read a nation's keys.

    Raises InputError with file, reason and remedy, also where others may read a key.
    """
    signing = signing_key(folder / "signing.key")
    sealing = _sealing_key(folder / "sealing.key")
    following, before = folder / "signing.next.key", folder / "signing.before.key"
    sealing_before = folder / "sealing.before.key"
    return Keys(
        signing,
        sealing,
        _hex_32(folder / "link.seed"),
        _hex_32(folder / "server.secret"),
        signing_key(following) if following.exists() else None,
        signing_key(before) if before.exists() else None,
        _sealing_key(sealing_before) if sealing_before.exists() else None,
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def sign_card(card: Card, keys: Keys) -> Card:
    """The card with its signature, and the endorsement of the key before."""
    body = _signed_bytes(card)
    before = keys.signing_before
    return msgspec.structs.replace(
        card,
        signature=keys.signing.sign(body).hex(),
        endorsement=before.sign(body).hex() if before else "",
    )


def card_text(card: Card) -> str:
    """A card as the file that partners are given: TOML."""
    lines = [
        f"# Public card of {card.nation}: nothing in it is secret. Partners: skypact coalition add",
        f"# Fingerprint: {card.fingerprint}",
    ]
    fields = msgspec.to_builtins(card)
    links = fields.pop("links")
    for key, value in fields.items():
        if key == "authority":
            lines += ['authority = """', value.rstrip("\n"), '"""']
        else:
            lines.append(f"{key} = {msgspec.json.encode(value).decode()}")
    lines += ["", "[links]"]
    lines += [f'"{way}" = "{public}"' for way, public in links.items()]
    return "\n".join(lines) + "\n"


def load_card(path: Path) -> Card:
    """Read a partner's card and check all that can be checked of it alone.

    Raises InputError: not a card, a field that is none, or a signature that does not fit.
    """
    remedy = "ask the partner for its card anew"
    try:
        if path.stat().st_size > _GREATEST_CARD_BYTES:
            raise InputError(str(path), "is too large for a card", remedy)
        card = msgspec.toml.decode(path.read_bytes(), type=Card)
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(str(path), f"is not a public card: {error}", remedy) from None
    fault = _fault_of(card)
    if fault:
        raise InputError(str(path), fault, remedy)
    return card


def vouched_for(card: Card, known: Card) -> bool:
    """Whether a newer card is signed by the key of the one that is known already."""
    if card.nation != known.nation:
        return False
    body = _signed_bytes(card)
    return any(_verifies(known.signing_key, getattr(card, name), body) for name in _SIGNED_WITH)


def _fault_of(card: Card) -> str:
    if not NATION.fullmatch(card.nation):
        return f'nation is "{card.nation}", not three capital letters'
    host, _, port = card.address.rpartition(":")
    # Both end up in a configuration file of the server, where quotes and braces have a meaning.
    if not re.fullmatch(r"[\w.\-]{1,253}|\[[0-9a-fA-F:]+\]", host) or not port.isascii():
        return f'address is "{card.address[:60]}", not host:port'
    if not port.isdigit() or not 0 < int(port) < 65_536:
        return f'address is "{card.address[:60]}", whose port is none'
    for key in ("signing", "sealing", "certificate_pin"):
        if not re.fullmatch(r"[0-9a-f]{64}", getattr(card, key)):
            return f"{key} is not 64 hexadecimal digits"
    if card.signing_beside and not re.fullmatch(r"[0-9a-f]{64}", card.signing_beside):
        return "signing_beside is not 64 hexadecimal digits"
    for way, public in card.links.items():
        if way != DIRECT and not re.fullmatch(r"[A-Z]{3}>[A-Z]{3}", way):
            return f'links: "{way[:60]}" is no way'
        if not is_nkey(public):
            return f'links: the key of "{way}" is no public NATS key'
    if DIRECT not in card.links:
        return f"links: {DIRECT} is missing"
    if not _verifies(card.signing_key, card.signature, _signed_bytes(card)):
        return "its signature does not fit: it was changed on the way"
    return ""


def is_nkey(text: str) -> bool:
    """Whether this is a public key of a user, as NATS writes it."""
    if not re.fullmatch(r"U[A-Z2-7]{55}", text):
        return False
    raw = base64.b32decode(text)
    return raw[0] == _NKEY_USER and binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") == raw[-2:]


def _nkey_text(raw: bytes) -> str:
    checked = raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _signed_bytes(card: Card) -> bytes:
    bare = msgspec.structs.replace(card, signature="", endorsement="")
    return b"skypact card 1\n" + msgspec.json.encode(bare, order="deterministic")


def _verifies(key: Ed25519PublicKey, signature: str, body: bytes) -> bool:
    try:
        key.verify(bytes.fromhex(signature), body)
    except (InvalidSignature, ValueError):
        return False
    return True


def pem_of(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """As it stands in its file: PKCS 8, PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_private(path: Path) -> bytes:
    """Content of a file of keys; refused where others may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise InputError(str(path), "others may read this key", f"run chmod 600 {path}")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            str(path), "this key is missing", "restore it, or make the folder anew"
        ) from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "run as the user that owns it"
        ) from None


def signing_key(path: Path) -> Ed25519PrivateKey:
    """An Ed25519 key of a file that its owner alone may read. Raises InputError."""
    key = _private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(str(path), "is no Ed25519 key", "restore the right one")
    return key


def _sealing_key(path: Path) -> X25519PrivateKey:
    key = _private_key(path)
    if not isinstance(key, X25519PrivateKey):
        raise InputError(str(path), "is no X25519 key", "restore the right one")
    return key


def _private_key(path: Path) -> object:
    try:
        return serialization.load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError) as error:
        raise InputError(str(path), f"is no private key ({error})", "restore it") from None


def _hex_32(path: Path) -> bytes:
    text = read_private(path).strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise InputError(str(path), "is not 64 hexadecimal digits", "restore it")
    return bytes.fromhex(text.decode())
