"""Who may order what of a node: named users, each with a key of their own.

`users.toml` in the nation's folder holds names, public keys and roles; a private key is its owner's
file and nobody else's. While nobody is entered there, the nation's own key signs orders, under
whatever name is given. From the first user on only users do.
"""

import re
from collections.abc import Collection
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from skypact.errors import InputError, nearest
from skypact.sharing.keys import pem_of, signing_key, write_private

USERS = "users.toml"
ACT, RELEASE, ADMINISTER = "act", "release", "administer"
ROLES = (ACT, RELEASE, ADMINISTER)
_NAME = re.compile(r"[\w.\-]{1,64}")


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[user.NAME]`: `key`: Ed25519 public key, hex. `roles`: what this user may order."""

    key: str
    roles: tuple[str, ...]

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What the user's orders are verified with."""
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))


class _Users(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: dict[str, User] = {}


def load_users(folder: Path) -> dict[str, User]:
    """Everybody who is entered; nobody where there is no such file. Raises InputError."""
    path = folder / USERS
    try:
        users = msgspec.toml.decode(path.read_bytes(), type=_Users).user
    except FileNotFoundError:
        return {}
    except (msgspec.MsgspecError, ValueError, RecursionError, OSError) as error:
        raise InputError(str(path), f"cannot be read ({error})", _AGAIN) from None
    for name, user in users.items():
        place = f"{path}: user.{name}"
        if not re.fullmatch(r"[0-9a-f]{64}", user.key):
            raise InputError(f"{place}.key", "is not 64 hexadecimal digits", _AGAIN)
        _require_roles(user.roles, f"{place}.roles")
    return users


def add_user(
    folder: Path, name: str, roles: Collection[str], *, public: str | None, private: Path
) -> None:
    """Enter a user, or other roles or another key of one.

    `public`: hex, of a key that the user made. Without it one is made, in the file `private`.
    Raises InputError; nothing is changed then.
    """
    users = load_users(folder)
    if not _NAME.fullmatch(name):
        raise InputError("NAME", f'"{name}" is no name', "give letters, digits, dots and hyphens")
    _require_roles(roles, "--role")
    if public is None:
        if private.exists():
            raise InputError(str(private), "exists", "name another file with --key-file")
        key = Ed25519PrivateKey.generate()
        write_private(private, pem_of(key))
        public = key.public_key().public_bytes_raw().hex()
    elif not re.fullmatch(r"[0-9a-f]{64}", public):
        raise InputError("--public", "is not 64 hexadecimal digits", "give skypact's public key")
    _save(folder, users | {name: User(public, tuple(roles))})


def remove_user(folder: Path, name: str) -> None:
    """Take a user out: no order of that name is obeyed any more. Raises InputError."""
    users = load_users(folder)
    require_user(users, folder, name)
    if len(users) == 1:
        remedy = f"add another first, or delete {folder / USERS}: the nation's key orders then"
        raise InputError(str(folder / USERS), f"{name} is its last user", remedy)
    _save(folder, {other: user for other, user in users.items() if other != name})


def require_user(users: dict[str, User], folder: Path, name: str) -> User:
    """The user of that name; raises InputError where there is none."""
    if name in users:
        return users[name]
    near = nearest(name, users)
    remedy = f"did you mean {near}?" if near else f"skypact coalition user add {folder} {name}"
    raise InputError(str(folder / USERS), f"{name} is no user", remedy)


def load_user_key(path: Path) -> Ed25519PrivateKey:
    """A user's own key. Raises InputError, also where others may read it."""
    return signing_key(path)


def _require_roles(roles: Collection[str], place: str) -> None:
    for role in roles:
        if role not in ROLES:
            raise InputError(place, f'"{role}" is no role', f"one of {', '.join(ROLES)}")
    if not roles:
        raise InputError(place, "names no role", f"one of {', '.join(ROLES)}")


def _save(folder: Path, users: dict[str, User]) -> None:
    lines = ["# Who may order what of this node. Made by skypact coalition user."]
    for name, user in sorted(users.items()):
        roles = ", ".join(f'"{role}"' for role in user.roles)
        lines += ["", f'[user."{name}"]', f'key = "{user.key}"', f"roles = [{roles}]"]
    write_private(folder / USERS, "\n".join([*lines, ""]).encode())


_AGAIN = "correct it, or enter everybody again with skypact coalition user add"
