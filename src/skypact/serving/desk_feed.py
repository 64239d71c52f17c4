"""What a node tells its desk: its pictures as they change, and how it is itself.

On the nation's own server, in its own account. A desk asks each second which pictures somebody
looks at, and is answered how the node is; of these pictures it is told what changes, numbered, no
more often than `desk.changes_s`. Who missed a number asks for the picture whole. While nobody asks
nothing is told.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.desk.beside import partner_of, picture_of
from skypact.errors import SkypactError
from skypact.model import Ask, DeskState, Radar
from skypact.serving.assessor import Assessor
from skypact.serving.child import Child
from skypact.serving.moments import Moments
from skypact.serving.partner_picture import show_partner
from skypact.serving.pictures import NATIONAL, SHARED, Pictures
from skypact.serving.shown import shown_radars
from skypact.serving.shown_picture import ShownPicture
from skypact.serving.teller import ENCODE, Teller
from skypact.settings import Settings
from skypact.sharing.tasks import end

S = 1_000_000_000
_ALWAYS = (NATIONAL, SHARED)
"""Of these it is noted, also while nobody looks, where tracks went and who saw them."""
_IDLE_S = 0.2

StateOf = Callable[[], DeskState]
"""How the node is; the feed fills in what it alone knows."""


class DeskFeed:
    """The node's side. `start` when the node is ready; `news` whenever pictures were folded."""

    def __init__(
        self,
        folder: Path,
        pictures: Callable[[], Pictures],
        radars: Sequence[Radar],
        assessor: Assessor,
        settings: Settings,
        clock: Callable[[], int],
        exercise: bool,
        state: StateOf,
    ) -> None:
        self._folder, self._pictures, self._radars = folder, pictures, tuple(radars)
        self._assessor, self._settings, self._clock = assessor, settings, clock
        self._exercise, self._state = exercise, state
        self._tasks: list[asyncio.Task[None]] = []
        self._partners: dict[str, Child] = {}
        self._moments = Moments(folder, settings, exercise)
        self._teller: Teller | None = None
        self._log = structlog.get_logger()
        self._since_ns = 0

    def news(self) -> None:
        """Pictures may have changed."""
        if self._teller is not None:
            self._teller.news.set()

    async def start(self, connection: Client) -> None:
        """Answer desks from now on."""
        self._since_ns = epoch = self._clock()
        nations = {radar.id: radar.nation for radar in self._radars}
        of = self._settings.desk
        shown = {
            name: ShownPicture(name, epoch, nations, of) for name, _ in self._pictures().items()
        }
        self._teller = teller = Teller(
            connection,
            lambda name: self._pictures()[name],
            shown,
            self._assessor.shown,
            self._settings,
            self._clock,
            self._exercise,
            _ALWAYS,
        )
        self._connection, self._radars_told = connection, b""

        async def asked(message: Msg) -> None:
            await self._answer(teller, message)

        await connection.subscribe(f"{teller.subject}.ask", cb=asked)
        await connection.subscribe(f"{teller.subject}.radars", cb=self._tell_radars)
        self._tasks = [
            asyncio.create_task(teller.tell(), name="desk"),
            asyncio.create_task(teller.assess(), name="desk's flights"),
            asyncio.create_task(self._keep_partners(teller), name="partners' pictures"),
            asyncio.create_task(self._recall(teller), name="desk's past"),
        ]

    async def stop(self) -> None:
        """Tell nothing more."""
        await end(*self._tasks)
        for child in self._partners.values():
            await child.stop()
        await asyncio.to_thread(self._moments.stop)

    async def _answer(self, teller: Teller, message: Msg) -> None:
        try:
            ask = msgspec.msgpack.decode(message.data, type=Ask)
        except msgspec.MsgspecError:
            return
        if ask.at_ns is not None:
            await self._answer_moment(teller, ask, message)
        elif ask.whole:
            if ask.whole in teller.shown:
                await teller.answer_whole(ask.whole, message)
            elif partner_of(ask.whole):
                teller.listened.note((ask.whole,))  # its own process answers, once there is one
        else:
            teller.listened.note(ask.pictures)
            teller.news.set()
            numbers = {name: one.number for name, one in teller.shown.items()}
            epoch = next(iter(teller.shown.values())).epoch
            state = msgspec.structs.replace(
                self._state(),
                numbers=numbers,
                epoch=epoch,
                since_ns=self._since_ns,
                pictures=(*teller.shown, *(picture_of(name) for name in self._partner_names())),
            )
            await message.respond(ENCODE(state))

    async def _answer_moment(self, teller: Teller, ask: Ask, message: Msg) -> None:
        """A picture as of another time, which another process works out."""
        shown = teller.shown.get(ask.whole)
        seen = shown.noted(ask.at_ns) if shown is not None and ask.at_ns is not None else {}
        answer = self._moments.answer(self._connection, ask, message, seen)
        task = asyncio.create_task(answer)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def _tell_radars(self, message: Msg) -> None:
        """The table, and what each radar covers: worked out once."""
        if not self._radars_told:
            told = await asyncio.to_thread(shown_radars, self._radars)
            self._radars_told = ENCODE(told)
        await message.respond(self._radars_told)

    def _partner_names(self) -> list[str]:
        return sorted(one.nation for one in self._state().partners)

    async def _recall(self, teller: Teller) -> None:
        """Once somebody looks: what a node that was started anew had noted of tracks that go on."""
        tracks = [track for name in _ALWAYS for track in self._pictures()[name].tracks()]
        oldest_ns = self._since_ns - round(self._settings.desk.recall_s * S)
        from_ns = max(oldest_ns, min((one.first_plot_ns for one in tracks), default=oldest_ns) - S)
        if not tracks or from_ns >= self._since_ns:
            return
        while not teller.listened.now:
            await asyncio.sleep(_IDLE_S)
        moments = Moments(self._folder, self._settings, self._exercise)  # its process ends after it
        try:
            teller.go_on_from(await moments.recalled(self._since_ns, from_ns))
        except SkypactError as error:
            self._log.info("nothing is known of before", reason=str(error))
        finally:
            await asyncio.to_thread(moments.stop)

    async def _keep_partners(self, teller: Teller) -> None:
        """A process for each partner at whose picture somebody looks, as long as that lasts."""
        while True:
            known = set(self._partner_names())
            listened = teller.listened.now
            wanted = {name: partner_of(name) for name in listened if partner_of(name) in known}
            for name in wanted.keys() - self._partners.keys():
                given = (self._folder, wanted[name], self._settings, self._exercise)
                self._partners[name] = child = Child(show_partner, given)
                child.start()
            for name in self._partners.keys() - wanted.keys():
                await self._partners.pop(name).stop()
            await asyncio.sleep(_IDLE_S)
