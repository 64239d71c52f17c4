"""The node, as a stage that is a process of its own reaches it (`serving/apart.py`)."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

import msgspec
import nats.errors
from nats.aio.client import Client

from skypact.errors import JournalError, LinkError
from skypact.model import Arrival, EntryKind, StandingAlert, Verdict
from skypact.serving.kept import KeptPlots
from skypact.serving.stage_words import HERE, PLOTS, WRITE, Answer, HandedIn, Here, ToWrite
from skypact.settings import Settings
from skypact.sharing.nats_config import stage_subject

_AGAIN_S = 0.2
_TOLD_IN_TIME = 5
"""Times that a node hears of a stage before it takes it to be gone."""
_PLACE = "node"


class ItsNode:
    """Asks it, and tells it that the stage is there.

    `fault`: empty while the node answers. `over`: set where this process is to end, with `fault`.
    """

    def __init__(
        self, connection: Client, stage: str, settings: Settings, fits: str, *, exercise: bool
    ) -> None:
        self._connection, self._stage, self._settings = connection, stage, settings
        self._fits, self._exercise = fits, exercise
        self._holder = secrets.token_hex(8)
        self.fault = "node: it was not asked yet"
        self.over = asyncio.Event()

    async def be_here(
        self,
        followed: Callable[[], int] = lambda: 0,
        faults: Callable[[], Sequence[str]] = lambda: (),
        notices: Callable[[], Sequence[str]] = lambda: (),
        alerts: Callable[[], Sequence[StandingAlert]] = lambda: (),
    ) -> None:
        """Say so, again and again, for as long as the node lets it."""
        while not self.over.is_set():
            await self.say_here(followed(), faults(), notices(), alerts())
            await asyncio.sleep(self._settings.node.stage_silent_s / _TOLD_IN_TIME)

    async def say_here(
        self,
        followed: int = 0,
        faults: Sequence[str] = (),
        notices: Sequence[str] = (),
        alerts: Sequence[StandingAlert] = (),
    ) -> bool:
        """Say so once; whether the node has heard it. From then on no other process counts."""
        said = tuple(faults), tuple(notices), tuple(alerts)
        here = Here(self._holder, self._fits, followed, *said)
        try:
            return not (await self._ask(HERE, here, self._settings.node.stage_answer_s)).fault
        except LinkError:
            return False

    async def take(self, arrivals: tuple[Arrival, ...]) -> Sequence[Verdict]:
        """Hand in plots; their verdicts, once they are in the journal.

        Raises LinkError where the node is away, or does not take them.
        """
        handed_in = HandedIn(self._holder, tuple(KeptPlots.of(one, ()) for one in arrivals))
        answer = await self._ask(PLOTS, handed_in, self._settings.feeds.take_s)
        if answer.fault:
            raise LinkError(answer.fault)
        return answer.verdicts

    async def append(self, kind: EntryKind, about: str, time_ns: int, payload: bytes) -> int:
        """An entry's number, once the node has it in its journal; asks until it has.

        Raises JournalError where this process is over.
        """
        asked = ToWrite(self._holder, kind, about, time_ns, payload, again=False)
        while not self.over.is_set():
            try:
                answer = await self._ask(WRITE, asked, self._settings.node.stage_answer_s)
                if answer.number:
                    return answer.number
            except LinkError:  # `fault` says so
                pass
            asked = msgspec.structs.replace(asked, again=True)
            await asyncio.sleep(_AGAIN_S)
        raise JournalError(_PLACE, self.fault, "see its log")

    async def _ask(self, what: str, body: msgspec.Struct, wait_s: float) -> Answer:
        """Raises LinkError where nothing is heard; nothing waits here for a server that is away."""
        data = msgspec.msgpack.encode(body)
        try:
            if not self._connection.is_connected:
                raise LinkError("the nation's server is away; see that the node runs")
            if len(data) > self._connection.max_payload:
                raise LinkError(f"{len(data):,} bytes at once; send smaller messages")
            subject = stage_subject(self._stage, what, self._exercise)
            heard = await self._connection.request(subject, data, timeout=wait_s)
            answer = msgspec.msgpack.decode(heard.data, type=Answer)
        except nats.errors.NoRespondersError:
            self.fault = "node: it does not run, or has this stage in itself; start it, or enter "
            self.fault += f'"{self._stage}" in stages.apart of its node.toml'
            raise LinkError(self.fault) from None
        except TimeoutError:
            self.fault = f"node: it does not answer within {wait_s:g} s; see its log"
            raise LinkError(self.fault) from None
        except (nats.errors.Error, LinkError, msgspec.MsgspecError) as error:
            self.fault = f"node: {error}"
            raise LinkError(self.fault) from None
        self.fault = f"node: {answer.fault}" if answer.fault else ""
        if answer.over:
            self.over.set()
        return answer
