"""Who may use the desk: names, roles and hashed passwords, in a file of the node's folder."""

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from skypact.errors import InputError

FILE = "desk.accounts.json"
VIEW, ACT, RELEASE, ADMINISTER = ROLES = ("view", "act", "release", "administer")
LEAST_LENGTH = 10
_GREATEST_LENGTH = 1000
_NAME = re.compile(r"[^\W_][\w .'\-]{0,63}")
_AT_ONCE = 2
"""Each check takes 64 MiB and 50 ms on purpose."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One person. `roles`: all may view; `made_ns`: when the password was set.

    `key`: the person's own key for orders (`skypact coalition user`), PEM, locked with the
    password; empty: none.
    """

    name: str
    roles: tuple[str, ...]
    password_hash: str
    made_ns: int
    key: str = ""


class Accounts:
    """The file, read anew whenever it was changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._read_ns, self._held = -1, dict[str, Account]()
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("no one's password")
        self._checking = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")

    def all(self) -> dict[str, Account]:
        """By name. Raises InputError where the file cannot be used."""
        try:
            written_ns = self._path.stat().st_mtime_ns
            if written_ns != self._read_ns:
                found = msgspec.json.decode(self._path.read_bytes(), type=list[Account])
                self._held, self._read_ns = {one.name: one for one in found}, written_ns
        except FileNotFoundError:
            self._held, self._read_ns = {}, -1
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            remedy = "restore it, or make the accounts anew: skypact desk user add"
            raise InputError(str(self._path), f"cannot be read ({error})", remedy) from None
        return self._held

    async def verified(self, name: str, password: str) -> Account | None:
        """The account, if this is its password; as slow for a name that there is not."""
        account = self.all().get(name)
        of = account.password_hash if account else self._nobody
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._checking, self._is_of, of, password)
        return account if right else None

    def _is_of(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def add(
        self,
        name: str,
        roles: tuple[str, ...],
        password: str,
        now_ns: int,
        key: Ed25519PrivateKey | None = None,
    ) -> Account:
        """A new account, or another password and other roles of one. Raises InputError.

        `key`: the person's own for orders, to be kept locked with the password.
        """
        if not is_name(name):
            raise InputError("name", f'is "{name}"', "give letters, digits, spaces and . ' -")
        for role in roles:
            if role not in ROLES:
                raise InputError("role", f'is "{role}"', f"give one of {', '.join(ROLES)}")
        if not LEAST_LENGTH <= len(password) <= _GREATEST_LENGTH:
            reason = f"has {len(password)} characters"
            raise InputError("password", reason, f"give {LEAST_LENGTH} or more")
        chosen = tuple(role for role in ROLES if role in roles or role == VIEW)
        made = Account(
            name=name,
            roles=chosen,
            password_hash=self._hasher.hash(password),
            made_ns=now_ns,
            key="" if key is None else _locked(key, password),
        )
        self._save(self.all() | {name: made})
        return made

    def remove(self, name: str) -> None:
        """Raises InputError where there is none of that name."""
        held = dict(self.all())
        if held.pop(name, None) is None:
            raise InputError("name", f'nobody is called "{name}"', "see skypact desk user list")
        self._save(held)

    def _save(self, accounts: dict[str, Account]) -> None:
        part = self._path.with_suffix(".part")
        body = msgspec.json.format(msgspec.json.encode(sorted(accounts.values(), key=_name)))
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body + b"\n")
            os.fsync(file.fileno())
        part.replace(self._path)
        self._read_ns = -1


def is_name(name: str) -> bool:
    """Whether somebody may be called so."""
    return _NAME.fullmatch(name) is not None


def unlocked(account: Account, password: str) -> Ed25519PrivateKey | None:
    """The account's own key; None: it has none. Raises InputError."""
    if not account.key:
        return None
    try:
        key = load_pem_private_key(account.key.encode(), password.encode())
    except ValueError as error:
        remedy = "enter it anew: skypact desk user add --key-file"
        raise InputError(
            f"key of {account.name}", f"cannot be unlocked ({error})", remedy
        ) from None
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _locked(key: Ed25519PrivateKey, password: str) -> str:
    lock = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


def _name(account: Account) -> str:
    return account.name
