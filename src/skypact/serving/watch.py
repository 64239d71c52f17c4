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

    Not while its disk is full: on that it could not start again.
    """

    def __init__(
        self,
        server: NatsServer,
        journal: Journal,
        patience_s: float,
        log: structlog.typing.FilteringBoundLogger,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._journal, self._patience_s = server, journal, patience_s
        self._log, self._now_s = log, now_s
        self._since_s: float | None = None

    async def look(self) -> None:
        """To be called each second or so."""
        health = self._journal.health
        silent = health.state in (JournalState.SILENT, JournalState.FULL) and health.waiting
        if not silent or not self._server.state.up or not await self._journal.has_room_on_disk():
            self._since_s = None
        elif self._since_s is None:
            self._since_s = self._now_s()
        elif self._now_s() - self._since_s > self._patience_s:
            self._since_s = None
            self._log.error("server ended, to be started anew", reason=health.reason)
            self._server.end_it()
