"""What one partner alone lets see: a picture folded from nothing but what it sent.

In a process of its own, as long as somebody looks: it reads the journal from some time ago on, and
follows it. Nothing of it goes anywhere but to the nation's own desk.
"""

import asyncio
import time
from pathlib import Path

import msgspec
from nats.aio.msg import Msg

from skypact.desk.beside import picture_of
from skypact.model import Ask
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.sensing import load_radars
from skypact.serving.assessor import flight_and_path
from skypact.serving.partner_alone import PartnerAlone
from skypact.serving.shown_picture import ShownPicture
from skypact.serving.teller import Teller
from skypact.settings import Settings
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

S = 1_000_000_000
_AGAIN_S = 0.2
_LOOKS_S = 10.0
"""Who saw a track first and last is noted so often of what was before somebody looked."""


def show_partner(folder: Path, partner: str, settings: Settings, exercise: bool) -> None:
    """Fold what a partner sent and tell the desk of it, until this process is ended."""
    asyncio.run(_show(folder, partner, settings, exercise))


async def _show(folder: Path, partner: str, settings: Settings, exercise: bool) -> None:
    node = load_node(folder, exercise=exercise, passed_over=lambda error: None)
    radars = tuple(load_radars(folder / "radars.toml"))
    alone = PartnerAlone(node.nation, partner, radars, settings, exercise=exercise)
    connection = await connect(node, NATIONAL_USER, wait_s=settings.link.answer_s)
    name = picture_of(partner)
    nations = {radar.id: radar.nation for radar in radars}
    shown = ShownPicture(name, time.time_ns(), nations, settings.desk)
    teller = Teller(
        connection,
        lambda _: alone.live,
        {name: shown},
        lambda *of: asyncio.to_thread(flight_and_path, of[0], radars, settings.flight, of[1]),
        settings,
        time.time_ns,
        exercise,
    )
    ready = asyncio.Event()

    async def asked(message: Msg) -> None:
        ask = msgspec.msgpack.decode(message.data, type=Ask)
        if name in ask.pictures:
            teller.listened.note((name,))
        if ask.whole == name and ask.at_ns is None and ready.is_set():
            await teller.answer_whole(name, message)

    await connection.subscribe(f"{teller.subject}.ask", cb=asked)
    where = {"stream": stream_of(exercise), "subject": subject_of(exercise)}
    journal = await Journal.reading(connection, settings.journal, **where)
    last, looked_ns = 0, 0
    telling = [asyncio.create_task(one) for one in (teller.tell(), teller.assess())]
    from_ns = time.time_ns() - round(settings.desk.partner_back_s * S)
    while all(not task.done() for task in telling):
        entries = journal.read(last + 1) if last else journal.read(from_time_ns=from_ns)
        async for entry in entries:
            last = entry.number
            alone.fold(entry)
            # Live it is looked at when it is told; what was before is looked at as a replay is.
            if not ready.is_set() and entry.time_ns - looked_ns >= _LOOKS_S * S:
                looked_ns = entry.time_ns
                shown.look(alone.live.tracks())
            await asyncio.sleep(0)
        ready.set()
        teller.news.set()
        await asyncio.sleep(_AGAIN_S)
