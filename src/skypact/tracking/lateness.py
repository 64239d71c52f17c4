"""How late what came was: of each source the newest plot, and how long after it was made it came.

By the arrivals' own times, so that a replay tells the same. No part of the picture: after a restart
it is known anew with what comes.
"""

from collections import deque
from collections.abc import Iterator

from skypact.model import Arrival, Outcome, Verdict

S = 1_000_000_000
_LATELY_NS = 60 * S
"""So long an arrival tells how late its source is: after it the source is silent."""
_NOW_NS = 10 * S

Name = tuple[str, str]
"""A nation, and its radar or the label that it has for it."""


class _Came:
    """What came of one source: `late`: when, and how late, later ones being less so."""

    def __init__(self) -> None:
        self.newest_ns = 0
        self.late: deque[tuple[int, int]] = deque()

    def note(self, newest_ns: int, received_ns: int) -> None:
        late_ns = max(0, received_ns - newest_ns)
        while self.late and self.late[-1][1] <= late_ns:
            self.late.pop()
        self.late.append((received_ns, late_ns))
        self.pass_time(received_ns)

    def pass_time(self, now_ns: int) -> None:
        while self.late and self.late[0][0] < now_ns - _LATELY_NS:
            self.late.popleft()


class Lateness:
    """`note` each arrival; then `newest_ns` and `late_ns`, by source."""

    def __init__(self) -> None:
        self._of: dict[Name, _Came] = {}

    def note(self, arrival: Arrival, verdict: Verdict) -> None:
        """What was accepted; a source that catches up after a cut is not late but was away."""
        if verdict.outcome != Outcome.ACCEPTED:
            return
        newest: dict[Name, int] = {}
        if len(arrival.plots.time_ns):
            newest[arrival.nation, arrival.radar] = int(arrival.plots.time_ns.max())
        for tracklet in arrival.tracklets:
            name = tracklet.nation, tracklet.radar
            newest[name] = max(tracklet.last_ns, newest.get(name, 0))
        for name, newest_ns in newest.items():
            came = self._of.setdefault(name, _Came())
            came.newest_ns = max(newest_ns, came.newest_ns)
            if not verdict.catching_up:
                came.note(newest_ns, arrival.received_ns)

    @property
    def newest_ns(self) -> dict[Name, int]:
        """The time of its newest plot, of each source of which something came."""
        return {name: came.newest_ns for name, came in self._of.items()}

    def late_ns(self, now_ns: int) -> dict[Name, int]:
        """By how much what came in the last minute was late at most, of each source that sent."""
        return {name: late[0][1] for name, late in self._lately(now_ns)}

    def late_now_ns(self, now_ns: int) -> dict[Name, int]:
        """The same of the last ten seconds, or of what came last of a source that pauses since."""
        since_ns = now_ns - _NOW_NS
        return {
            name: next((late_ns for at_ns, late_ns in late if at_ns >= since_ns), late[-1][1])
            for name, late in self._lately(now_ns)
        }

    def _lately(self, now_ns: int) -> Iterator[tuple[Name, deque[tuple[int, int]]]]:
        for name, came in self._of.items():
            came.pass_time(now_ns)
            if came.late:
                yield name, came.late
