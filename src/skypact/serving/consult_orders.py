"""The shared event from outside of the node: `skypact consult`, and the desk."""

from pathlib import Path
from typing import Any

import msgspec
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skypact.errors import InputError, LinkError, SkypactError
from skypact.serving.consult_words import Act, Asked, Shown, subject_of
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

    Raises InputError: not in that name; LinkError: no node runs; SkypactError: it refused, and why.
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
        raise SkypactError(answer.said)
    return answer.said


async def events_of(
    folder: Path, settings: Settings, *, exercise: bool, event: str = ""
) -> tuple[dict[str, Any], ...]:
    """The document of an event of the running node, or of all of them in short.

    Raises InputError: there is no such event; LinkError: no node runs.
    """
    node = load_node(folder)
    client = await connect(node, NATIONAL_USER, wait_s=settings.link.answer_s, once=True)
    try:
        asked = msgspec.json.encode(Asked(event))
        answer = await client.request(subject_of(exercise), asked, timeout=settings.node.order_s)
    except nats.errors.NoRespondersError:
        raise LinkError(
            f"{folder}: no node runs with this folder; start it with skypact node"
        ) from None
    except (nats.errors.TimeoutError, TimeoutError):
        raise LinkError(f"{folder}: the node does not answer; see its log") from None
    finally:
        await client.close()
    shown = msgspec.json.decode(answer.data, type=Shown)
    if shown.fault:
        raise InputError("event", shown.fault, "skypact consult list has all names")
    return shown.events
