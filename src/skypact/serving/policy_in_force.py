"""The release policy in force: the last that was applied under a name, not whatever the file says.

`release.toml` is what people edit. What counts is in `release.signed.json` beside it: the text, who
put it in force and when, the hash of the one before, signed with the nation's key.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from skypact.errors import InputError
from skypact.settings import ReleaseSettings
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.policy import Policy
from skypact.sharing.policy_file import (
    SignedPolicy,
    load_policy_text,
    parse_policy,
    policy_hash,
    signed_policy,
)

EDITED = "release.toml"
SIGNED = "release.signed.json"
FIRST = "first start of the node"
_DAMAGED = "restore the file, or take it away: the node then begins with release.toml"


class KeptAction(msgspec.Struct, array_like=True, frozen=True):
    """An operator's action, for the journal. `before`, `after`: of a policy its hashes.

    `body`: the signed order, MessagePack.
    """

    what: str
    who: str
    when_ns: int
    about: str = ""
    before: str = ""
    after: str = ""
    body: bytes = b""


class InForce(NamedTuple):
    """A policy, and under whose name it is in force; `fault`: why `release.toml` is not."""

    signed: SignedPolicy
    policy: Policy
    fault: str = ""

    @property
    def hash(self) -> str:
        """Of the policy that was applied; empty: none ever was, as the file cannot be read."""
        return self.signed.hash if self.signed.signature else ""


def in_force(
    folder: NodeFolder, radars: Sequence[str], settings: ReleaseSettings, now_ns: int
) -> InForce:
    """The policy that a node begins with: the last applied one; without any, that of the file.

    Where that cannot be read the node releases nothing, and says so. Raises InputError where the
    signed one was altered.
    """
    signed = load_signed(folder)
    if signed is not None:
        signed = under_present_key(folder, signed)
        return InForce(signed, parsed(signed.text, SIGNED, folder, radars))
    path = folder.folder / EDITED
    try:
        text = load_policy_text(path, settings)
        policy = parsed(text, str(path), folder, radars)
    except InputError as error:
        nothing = "".join(f'[partner.{name}]\nlevel = "nothing"\n' for name in folder.partners)
        unsigned = SignedPolicy(text=nothing, who="", when_ns=now_ns, replaces="", signature=b"")
        held = parsed(nothing, EDITED, folder, radars)
        return InForce(unsigned, held, f"{error}; until then nothing is released to anyone")
    signed = signed_policy(text, FIRST, now_ns, folder.keys.signing)
    save_signed(folder, signed)
    return InForce(signed, policy)


def under_present_key(folder: NodeFolder, signed: SignedPolicy) -> SignedPolicy:
    """The same, on disk too with the nation's present signature, where its key has changed."""
    key = folder.keys.signing
    if not signed.signature or signed.is_signed([key.public_key()]):
        return signed
    renewed = signed.in_the_name_of(key)
    save_signed(folder, renewed)
    return renewed


def parsed(text: str, file: str, folder: NodeFolder, radars: Sequence[str]) -> Policy:
    """A policy's text as the policy of this folder's nation; raises InputError.

    What it says of a partner that is none any more is passed over.
    """
    known = sorted({*folder.partners, *folder.removed})
    policy = parse_policy(text, file, nation=folder.nation, partners=known, radars=radars)
    partners = {name: policy.partners[name] for name in folder.partners}
    return msgspec.structs.replace(policy, partners=partners)


def load_signed(folder: NodeFolder) -> SignedPolicy | None:
    """What was applied last; None: nothing yet. Raises InputError where it was altered."""
    path = folder.folder / SIGNED
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=SignedPolicy)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"cannot be read ({error})", _DAMAGED) from None
    require_signed(signed, folder, str(path))
    return signed


def require_signed(signed: SignedPolicy, folder: NodeFolder, place: str) -> None:
    """Raise InputError unless the nation's key put it in force."""
    keys = [folder.keys.signing, folder.keys.signing_before]
    if not signed.is_signed([key.public_key() for key in keys if key is not None]):
        reason = "its signature is not of this nation's key over this text and name"
        raise InputError(place, reason, _DAMAGED)


def save_signed(folder: NodeFolder, signed: SignedPolicy) -> None:
    """Keep it as the one that is in force from now on."""
    path = folder.folder / SIGNED
    part = path.with_suffix(".part")
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(signed)) + b"\n")
        part.replace(path)
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise InputError(str(path), reason, "make room, or run as the user that owns it") from None


def not_applied(folder: Path, signed: SignedPolicy) -> str:
    """What to say where `release.toml` was edited and not applied; empty: it was not."""
    path = folder / EDITED
    try:
        edited = policy_hash(path.read_text("utf-8")) != signed.hash
    except (OSError, UnicodeDecodeError):
        return f"{path} cannot be read; the policy that was applied before stays in force"
    if not edited:
        return ""
    return (
        f"{path} was edited and is not in force; run skypact release apply {folder} --by NAME, "
        "or take the edit back"
    )


def action_of(what: str, signed: SignedPolicy) -> KeptAction:
    """A policy's entry for the journal."""
    body = msgspec.msgpack.encode(signed)
    return KeptAction(what, signed.who, signed.when_ns, EDITED, signed.replaces, signed.hash, body)
