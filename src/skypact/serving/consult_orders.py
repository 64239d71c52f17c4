"""The shared event from outside of the node: `skypact consult`, and the desk."""

from pathlib import Path
from typing import Any

import msgspec
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from skypact.errors import InputError, LinkError
from skypact.serving.consulting import Act, Asked, Shown, subject_of
from skypact.serving.operating import CONSULT
from skypact.serving.orders import order_about
from skypact.settings import Settings
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node


async def consult(
    folder: Path,
    act: Act,
    who: str,
    settings: Settings,
    *,
    exercise: bool,
    key: Path | Ed25519PrivateKey | None = None,
) -> str:
    """Have the running node say something in a person's name; what was done.

    Raises InputError: not in that name; LinkError: no node runs, or it did not do it, and why.
    """
    if not who.strip() or len(who) > 64 or not who.isprintable():
        raise InputError("--by", "is no name", "give the name that it is to stand under")
    answer = await order_about(
        *(folder, CONSULT, act.event, who, settings),
        exercise=exercise,
        key=key,
        body=msgspec.msgpack.encode(act),
    )
    if not answer.done:
        raise LinkError(answer.said)
    return answer.said


async def events_of(
    folder: Path, settings: Settings, *, exercise: bool, event: str = ""
) -> tuple[dict[str, Any], ...]:
    """The document of an event of the running node, or of all of them in short. LinkError."""
    node = load_node(folder)
    client = await connect(node, NATIONAL_USER, wait_s=settings.link.answer_s, once=True)
    try:
        return await ask_events(client, settings, exercise=exercise, event=event)
    except nats.errors.NoRespondersError:
        raise LinkError(
            f"{folder}: no node runs with this folder; start it with skypact node"
        ) from None
    finally:
        await client.close()


async def ask_events(
    client: Client, settings: Settings, *, exercise: bool, event: str = ""
) -> tuple[dict[str, Any], ...]:
    """The same by a connection that there is. Raises LinkError; NoRespondersError: no node."""
    data = msgspec.json.encode(Asked(event))
    try:
        answer = await client.request(subject_of(exercise), data, timeout=settings.node.order_s)
    except (nats.errors.TimeoutError, TimeoutError):
        raise LinkError("the node does not answer; see its log") from None
    shown = msgspec.json.decode(answer.data, type=Shown)
    if shown.fault:
        raise LinkError(shown.fault)
    return shown.events
