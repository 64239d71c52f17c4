"""How far what a node shows is behind the clock: plots that come late, and its own work."""

import time
from collections import deque
from collections.abc import Callable, Mapping

from skypact.settings import NodeSettings

S = 1_000_000_000
_LATELY_S = 10.0


class Lag:
    """How far a node itself was behind lately: what had come waited so long to be taken in.

    By the machine's steady clock.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._behind: deque[tuple[float, float]] = deque()

    def note(self, behind_s: float) -> None:
        """It was so far behind just now."""
        while self._behind and self._behind[-1][1] <= behind_s:
            self._behind.pop()
        self._behind.append((self._now_s(), behind_s))

    @property
    def behind_s(self) -> float:
        """The most in the last ten seconds."""
        while self._behind and self._behind[0][0] < self._now_s() - _LATELY_S:
            self._behind.popleft()
        return self._behind[0][1] if self._behind else 0.0


def late_s(late_ns: Mapping[tuple[str, str], int], settings: NodeSettings) -> dict[str, float]:
    """Of nations of which plots come later than `node.greatest_lag_s`, how late, s."""
    out: dict[str, float] = {}
    for (nation, _), late in late_ns.items():
        if late > settings.greatest_lag_s * S:
            out[nation] = max(late / S, out.get(nation, 0.0))
    return dict(sorted(out.items()))


def late_told(late: Mapping[str, float], behind_s: float, settings: NodeSettings) -> list[str]:
    """The same for `/health`, in sentences."""
    told = [
        f"plots of {nation} late: they come up to {seconds:.0f} s after they were made; see to "
        "what sends them, or to its machine"
        for nation, seconds in late.items()
    ]
    if behind_s > settings.greatest_lag_s:
        told.append(
            f"node behind: what came waited up to {behind_s:.0f} s to be taken in; the machine is "
            "too busy: leave the node a processor"
        )
    return told
