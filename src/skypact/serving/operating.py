"""What an operator orders of a running node: asked on the nation's own server, signed, answered.

The command signs with the nation's key, which its operators alone can read; the node checks that,
and that the order is of now. Without a node that runs there is nobody to answer.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import LinkError, SkypactError
from skypact.settings import LinkSettings
from skypact.sharing import signing
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import NodeFolder

S = 1_000_000_000
SUBJECT = "operate"
POLICY, LEAVE_OUT, TAKE_BACK = "release policy", "leave out", "take back"
_FRESH_NS = 300 * S


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, `about` which partner, `body`: more of it; by whom and when."""

    what: str
    about: str
    who: str
    when_ns: int
    body: bytes = b""
    signature: bytes = b""

    def signed(self, folder: NodeFolder) -> "Order":
        """In the nation's name."""
        said = msgspec.msgpack.encode(msgspec.structs.replace(self, signature=b""))
        signature = signing.sign(signing.ORDER, said, folder.keys.signing)
        return msgspec.structs.replace(self, signature=signature)

    def is_signed(self, folder: NodeFolder) -> bool:
        """Whether this nation's key signed it."""
        said = msgspec.msgpack.encode(msgspec.structs.replace(self, signature=b""))
        key = folder.keys.signing.public_key()
        return signing.is_signed(signing.ORDER, said, self.signature, [key])


class Answer(msgspec.Struct, frozen=True):
    """What became of an order: a sentence, and whether it was done."""

    done: bool
    said: str


Obey = Callable[[Order], Awaitable[str]]
"""Does what an order says, and tells in a sentence what was done; raises SkypactError."""


async def take_orders(
    connection: Client, folder: NodeFolder, clock: Callable[[], int], obey: Obey, exercise: bool
) -> None:
    """Answer operators from now on, for as long as the connection lasts."""

    async def asked(message: Msg) -> None:
        answer = await _answered(message.data, folder, clock, obey)
        await message.respond(msgspec.json.encode(answer))

    await connection.subscribe(_subject(exercise), cb=asked)
    await connection.flush()


async def _answered(
    data: bytes, folder: NodeFolder, clock: Callable[[], int], obey: Obey
) -> Answer:
    try:
        order = msgspec.msgpack.decode(data, type=Order)
    except msgspec.MsgspecError as error:
        return Answer(False, f"this is no order ({error})")
    if not order.is_signed(folder):
        return Answer(False, "the order is not signed with this nation's key")
    if abs(clock() - order.when_ns) > _FRESH_NS:
        return Answer(False, "the order is not of now; see the clocks of both machines")
    if not order.who.strip():
        return Answer(False, "the order has no name; give --by NAME")
    try:
        return Answer(True, await obey(order))
    except SkypactError as error:
        return Answer(False, str(error))


async def give_order(
    folder: NodeFolder, settings: LinkSettings, order: Order, *, exercise: bool, wait_s: float
) -> Answer | None:
    """The running node's answer; None: no node runs with this folder.

    Raises LinkError where it does not answer in time.
    """
    answer = await _asked_once(folder, settings, order, exercise, wait_s)
    if answer is None:  # it may be starting, or be slow to answer
        await asyncio.sleep(1.0)
        answer = await _asked_once(folder, settings, order, exercise, wait_s)
    return answer


async def _asked_once(
    folder: NodeFolder, settings: LinkSettings, order: Order, exercise: bool, wait_s: float
) -> Answer | None:
    try:
        client = await connect(folder, NATIONAL_USER, wait_s=settings.answer_s, once=True)
    except LinkError:
        return None
    try:
        data = msgspec.msgpack.encode(order.signed(folder))
        answer = await client.request(_subject(exercise), data, timeout=wait_s)
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


def _subject(exercise: bool) -> str:
    return f"{SUBJECT}.{'exercise' if exercise else 'live'}"
