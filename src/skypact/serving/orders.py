"""Orders to the node from the command line and the desk: `skypact release apply`, `consult`."""

import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skypact.errors import InputError, LinkError
from skypact.sensing import load_radars
from skypact.serving.operating import POLICY, Answer, Order, give_order, key_of
from skypact.serving.policy_in_force import EDITED, load_signed, parsed, save_signed
from skypact.settings import Settings
from skypact.sharing.node_folder import NodeFolder, load_node
from skypact.sharing.policy_change import Change, changes
from skypact.sharing.policy_file import SignedPolicy, load_policy_text, signed_policy


class Proposed(NamedTuple):
    """`release.toml` as it would be put in force, and what that would change.

    `signed` is None where it is in force already. `key`: what the order is signed with.
    """

    folder: NodeFolder
    key: Ed25519PrivateKey
    signed: SignedPolicy | None
    changes: tuple[Change, ...]


def propose(folder: Path, who: str, settings: Settings, key: Path | None = None) -> Proposed:
    """Check the edited policy, hold it against the one in force, and sign it. InputError.

    `key`: the file of the user's own key, where users are entered.
    """
    if not who.strip():
        raise InputError("--by", "is empty", "give the name that the change is to stand under")
    return propose_text(folder, load_policy_text(folder / EDITED, settings.release), who, key)


def propose_text(
    folder: Path, text: str, who: str, key: Path | Ed25519PrivateKey | None = None
) -> Proposed:
    """The same of a policy that is not in the file yet. `key`: the user's own, or its file."""
    node = load_node(folder)
    own_key = key_of(node, who, key)
    before = load_signed(node)
    found = difference(folder, text)
    if found is None:
        return Proposed(node, own_key, None, ())
    replaces = "" if before is None else before.hash
    user = None if own_key is node.keys.signing else own_key
    signed = signed_policy(
        text, who, time.time_ns(), node.keys.signing, replaces=replaces, user=user
    )
    return Proposed(node, own_key, signed, found)


def difference(folder: Path, text: str) -> tuple[Change, ...] | None:
    """What a policy would change of the one in force; None: it is in force. InputError."""
    node = load_node(folder)
    own = [radar.id for radar in load_radars(folder / "radars.toml") if radar.nation == node.nation]
    place = str(folder / EDITED)
    new = parsed(text, place, node, own)
    before = load_signed(node)
    if before is not None and before.text == text:
        return None
    old = None if before is None else parsed(before.text, place, node, own)
    return tuple(changes(old, new, own, time.time_ns()))


async def apply(proposed: Proposed, settings: Settings, *, exercise: bool) -> Answer:
    """Put it in force: in the running node, or for when one starts."""
    signed = proposed.signed
    assert signed is not None
    order = Order(
        what=POLICY,
        about=EDITED,
        who=signed.who,
        when_ns=signed.when_ns,
        body=msgspec.msgpack.encode(signed),
    ).signed(proposed.key)
    wait_s = 2.0 * settings.node.order_s
    answer = await give_order(
        proposed.folder, settings.link, order, exercise=exercise, wait_s=wait_s
    )
    if answer is None:
        save_signed(proposed.folder, signed)
        return Answer(True, "no node runs with this folder: in force when it starts")
    return answer


async def order_about(
    folder: Path,
    what: str,
    about: str,
    who: str,
    settings: Settings,
    *,
    exercise: bool,
    key: Path | Ed25519PrivateKey | None = None,
    body: bytes = b"",
) -> Answer:
    """Have the running node do something about a partner or an event. LinkError: none runs.

    `key`: the user's own, or its file, where users are entered.
    """
    node = load_node(folder)
    order = Order(what=what, about=about, who=who, when_ns=time.time_ns(), body=body)
    order = order.signed(key_of(node, who, key))
    answer = await give_order(
        node, settings.link, order, exercise=exercise, wait_s=settings.node.order_s
    )
    if answer is None:
        raise LinkError(f"{folder}: no node runs with this folder; start it with skypact node")
    return answer
