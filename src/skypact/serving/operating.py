"""What an operator orders of a running node: asked on the nation's own server, signed, answered.

A user's own key signs (`sharing/users.py`), or the nation's while no users are entered; the node
checks that, the user's role, and that the order is of now. Without a node that runs there is nobody
to answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import InputError, LinkError, SkypactError
from skypact.settings import LinkSettings
from skypact.sharing import signing
from skypact.sharing.keys import load_keys
from skypact.sharing.nats_config import NATIONAL_USER, order_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.policy_file import SignedPolicy
from skypact.sharing.users import ACT, ADMINISTER, RELEASE, load_user_key, load_users, require_user

S = 1_000_000_000
POLICY, LEAVE_OUT, TAKE_BACK = "release policy", "leave out", "take back"
CONSULT = "consult"
RELEASE_WARNING, CANCEL_WARNING = "release warning", "cancel warning"
_FRESH_NS = 300 * S
ROLE_FOR = {
    POLICY: RELEASE,
    LEAVE_OUT: ACT,
    TAKE_BACK: ACT,
    CONSULT: ACT,
    RELEASE_WARNING: RELEASE,
    CANCEL_WARNING: RELEASE,
}
"""What a user must be to order it."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, `about` which partner or event, `body`: more of it; by whom and when."""

    what: str
    about: str
    who: str
    when_ns: int
    body: bytes = b""
    signature: bytes = b""

    def signed(self, key: Ed25519PrivateKey) -> "Order":
        """By a user's key, or the nation's."""
        said = msgspec.msgpack.encode(msgspec.structs.replace(self, signature=b""))
        signature = signing.sign(signing.ORDER, said, key)
        return msgspec.structs.replace(self, signature=signature)

    def is_signed(self, key: Ed25519PublicKey) -> bool:
        """Whether the holder of a key signed it."""
        said = msgspec.msgpack.encode(msgspec.structs.replace(self, signature=b""))
        return signing.is_signed(signing.ORDER, said, self.signature, [key])


class Answer(msgspec.Struct, frozen=True):
    """What became of an order: a sentence, and whether it was done."""

    done: bool
    said: str


Obey = Callable[[Order], Awaitable[str]]
"""Does what an order says, and tells in a sentence what was done; raises SkypactError."""


async def take_orders(
    connection: Client,
    folder: NodeFolder,
    clock: Callable[[], int],
    obey: Obey,
    exercise: bool,
    stage: str = "",
) -> None:
    """Answer operators from now on, for as long as the connection lasts.

    `stage`: this is one apart, to which its node passes orders on.
    """

    async def asked(message: Msg) -> None:
        answer = await _answered(message.data, folder, clock, obey)
        await message.respond(msgspec.json.encode(answer))

    await connection.subscribe(order_subject(exercise, stage), cb=asked)
    # The library's PING may go before what it was to confirm: the second is sure to come after.
    await connection.flush()
    await connection.flush()


async def _answered(
    data: bytes, folder: NodeFolder, clock: Callable[[], int], obey: Obey
) -> Answer:
    try:
        order = msgspec.msgpack.decode(data, type=Order)
    except msgspec.MsgspecError as error:
        return Answer(False, f"this is no order ({error})")
    try:
        _require_authority(order, folder)
    except InputError as error:
        return Answer(False, str(error))
    if abs(clock() - order.when_ns) > _FRESH_NS:
        return Answer(False, "the order is not of now; see the clocks of both machines")
    if not order.who.strip():
        return Answer(False, "the order has no name; give --by NAME")
    try:
        return Answer(True, await obey(order))
    except SkypactError as error:
        return Answer(False, str(error))


def _require_authority(order: Order, folder: NodeFolder) -> None:
    """Raise InputError unless who signed it may order this."""
    users = load_users(folder.folder)
    if not users:
        # Read anew each time, as the users are: it may have been changed since the start.
        if not order.is_signed(load_keys(folder.folder / "keys").signing.public_key()):
            remedy = "sign it with that, or enter who ordered it as a user"
            raise InputError("order", "is not signed with this nation's key", remedy)
        return
    user = require_user(users, folder.folder, order.who)
    if not order.is_signed(user.public_key):
        raise InputError("order", f"is not signed with {order.who}'s key", _KEY)
    role = ROLE_FOR.get(order.what, ADMINISTER)
    if role not in user.roles:
        known = [name for name, one in users.items() if role in one.roles]
        remedy = f"{' or '.join(known) or 'nobody'} may; skypact coalition user add gives roles"
        raise InputError("order", f'{order.who} has not the role "{role}"', remedy)


def policy_ordered(order: Order, folder: NodeFolder) -> SignedPolicy:
    """The release policy that an order puts in force, with the nation's signature.

    Raises InputError: it is none, or not in the name of who ordered it.
    """
    try:
        signed = msgspec.msgpack.decode(order.body, type=SignedPolicy)
    except msgspec.MsgspecError as error:
        raise InputError("order", f"holds no policy ({error})", "order it anew") from None
    user = load_users(folder.folder).get(order.who)
    if signed.who != order.who or (user is not None and not signed.is_by(user.public_key)):
        raise InputError("order", f"its policy is not in the name of {order.who}", _KEY)
    return signed.in_the_name_of(folder.keys.signing)


def key_of(folder: NodeFolder, who: str, key: Path | Ed25519PrivateKey | None) -> Ed25519PrivateKey:
    """What an order of this name is to be signed with. Raises InputError: a user without a key.

    `key`: the user's own, or its file.
    """
    users = load_users(folder.folder)
    if not users and key is None:
        return folder.keys.signing
    require_user(users, folder.folder, who)
    if key is None:
        raise InputError("--key", f"{who} orders with a key of their own", "name its file")
    private = load_user_key(key) if isinstance(key, Path) else key
    if private.public_key().public_bytes_raw().hex() != users[who].key:
        raise InputError(f"key of {who}", f"is not {who}'s key", _KEY)
    return private


async def give_order(
    folder: NodeFolder, settings: LinkSettings, order: Order, *, exercise: bool, wait_s: float
) -> Answer | None:
    """The running node's answer to a signed order; None: no node runs with this folder.

    Raises LinkError where it does not answer in time.
    """
    answer = await _asked_once(folder, settings, order, exercise, wait_s)
    if answer is None:  # it may be starting, or be slow to answer
        await asyncio.sleep(1.0)
        answer = await _asked_once(folder, settings, order, exercise, wait_s)
    return answer


async def pass_on(
    connection: Client, stage: str, order: Order, *, exercise: bool, wait_s: float
) -> str:
    """Have a stage that is a process of its own obey; what was done. Raises SkypactError."""
    subject = order_subject(exercise, stage)
    try:
        heard = await connection.request(subject, msgspec.msgpack.encode(order), timeout=wait_s)
    except (nats.errors.Error, TimeoutError):
        raise LinkError(
            f"the stage {stage} does not answer; see /health of the node, and its own log whether "
            "the order was carried out"
        ) from None
    answer = msgspec.json.decode(heard.data, type=Answer)
    if not answer.done:
        raise SkypactError(answer.said)
    return answer.said


async def _asked_once(
    folder: NodeFolder, settings: LinkSettings, order: Order, exercise: bool, wait_s: float
) -> Answer | None:
    try:
        client = await connect(folder, NATIONAL_USER, wait_s=settings.answer_s, once=True)
    except LinkError:
        return None
    try:
        data = msgspec.msgpack.encode(order)
        answer = await client.request(order_subject(exercise), data, timeout=wait_s)
        return msgspec.json.decode(answer.data, type=Answer)
    except nats.errors.NoRespondersError:
        return None
    except (nats.errors.Error, TimeoutError):
        raise LinkError(
            f"{folder.nation}: the node does not answer within {wait_s:g} s; see its log whether "
            "the order was carried out"
        ) from None
    finally:
        await client.close()


_KEY = "sign with the key that was made for that name, or enter it anew"
