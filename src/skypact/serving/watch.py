"""What a node looks after each second: its faults are logged, and a server that hangs is ended.

A nats-server whose disk was full stays silent when there is room again, and one that hangs never
answers: ended, it is started anew by who watches it.
"""

import time
from collections.abc import Callable, Sequence

import structlog

from skypact.model import JournalState
from skypact.record.journal import Journal
from skypact.sharing.nats_server import NatsServer

_MOST_PATIENT, _WELL_AGAIN = 16, 10
"""Times the patience with which it begins: the most, and for how long all is to be well again."""


class FaultLog:
    """Logs each fault once when it begins, and when it is over."""

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self._log = log
        self._present: set[str] = set()

    def note(self, faults: Sequence[str]) -> None:
        """The faults of now; what is before the first colon tells one from another."""
        by_name = {fault.partition(":")[0]: fault for fault in faults}
        for name in by_name.keys() - self._present:
            self._log.warning("fault", fault=by_name[name])
        for name in self._present - by_name.keys():
            self._log.info("fault over", of=name)
        self._present = set(by_name)


class SilentServer:
    """Ends the nation's server where the journal gets no answer of it for `patience_s`.

    Not while its disk is full: on that it could not start again. Each time it waits twice as long
    until all has been well for a while: a server that is merely slow, as the machine is, only
    becomes slower by starting over.
    """

    def __init__(
        self,
        server: NatsServer,
        journal: Journal,
        patience_s: float,
        log: structlog.typing.FilteringBoundLogger,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._journal, self._first_s = server, journal, patience_s
        self._log, self._now_s = log, now_s
        self._patience_s = patience_s
        self._since_s: float | None = None
        self._well_since_s: float | None = None

    async def look(self) -> None:
        """To be called each second or so."""
        health = self._journal.health
        self._calm_down(health.state is JournalState.WELL)
        silent = health.state in (JournalState.SILENT, JournalState.FULL) and health.waiting
        if not silent or not self._server.state.up or not await self._journal.has_room_on_disk():
            self._since_s = None
        elif self._since_s is None:
            self._since_s = self._now_s()
        elif self._now_s() - self._since_s > self._patience_s:
            self._since_s = None
            self._patience_s = min(2 * self._patience_s, _MOST_PATIENT * self._first_s)
            self._log.error("server ended, to be started anew", reason=health.reason)
            self._server.end_it()

    def _calm_down(self, well: bool) -> None:
        """Be as impatient as at first once all has been well for long."""
        if not well:
            self._well_since_s = None
        elif self._well_since_s is None:
            self._well_since_s = self._now_s()
        elif self._now_s() - self._well_since_s > _WELL_AGAIN * self._first_s:
            self._patience_s = self._first_s
