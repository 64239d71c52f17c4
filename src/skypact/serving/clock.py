"""The node's clock: the machine's, but not its steps.

A step of the machine's clock would age every track, refuse every radar and every partner at once,
or let nothing grow older for an hour. So a node keeps the time that it had, by the machine's steady
clock, and says so, until the machine's clock is right again or the node is started anew.
"""

import time
from collections.abc import Callable

S = 1_000_000_000
_REMEDY = "set it right; or start the node again, if the new time is the right one"


def steady_ns() -> int:
    """The machine's clock that nobody sets; it goes on while the machine sleeps, where it can."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock)


class NodeClock:
    """UTC since 1970, in ns, whenever it is called.

    `greatest_step_s`: by so much the machine's clock may be ahead or behind from one look to the
    next and is still followed; so it has to be asked at least every few seconds.
    """

    def __init__(
        self,
        greatest_step_s: float,
        wall: Callable[[], int] | None = None,
        steady: Callable[[], int] = steady_ns,
    ) -> None:
        self._wall, self._steady = wall or time.time_ns, steady
        self._step_ns = round(greatest_step_s * S)
        self._now_ns, self._at_ns = self._wall(), steady()
        self._ahead_ns = self._newest_ns = 0

    def __call__(self) -> int:
        """The time."""
        wall_ns, at_ns = self._wall(), self._steady()
        kept_ns = self._now_ns + at_ns - self._at_ns
        self._at_ns = at_ns
        self._ahead_ns = wall_ns - kept_ns
        if abs(self._ahead_ns) <= self._step_ns:
            self._now_ns, self._ahead_ns = wall_ns, 0
        else:
            self._now_ns = kept_ns
        return self._now_ns

    def note(self, time_ns: int) -> None:
        """Take note that an entry of this time was in the journal when the node started."""
        self._newest_ns = time_ns

    @property
    def fault(self) -> str:
        """What is wrong with the machine's clock, and what to do; empty while nothing is."""
        now_ns = self()
        if self._ahead_ns:
            which = "ahead" if self._ahead_ns > 0 else "back"
            step_s = abs(self._ahead_ns) / S
            return (
                f"clock: the machine's clock was put {which} by {step_s:,.1f} s, and the node "
                f"keeps the time it had; {_REMEDY}"
            )
        behind_s = (self._newest_ns - now_ns) / S
        if behind_s > self._step_ns / S:
            return (
                f"clock: the machine's clock is {behind_s:,.1f} s behind the newest entry of the "
                "journal, and what radars and partners send is refused as ahead of it; set it right"
            )
        return ""
