"""What is shed under more load than a node can bear, and that it says so.

One's own plots come first: a partner's messages are taken in by slices, and between these come own
plots, the pictures and the other partners. What a partner sends live beyond that waits in a queue
of `link.live_queue_messages` and is dropped where that is full, each counted; nothing is lost by
it, for the durable path brings the same in its order. Own plots beyond `feeds.greatest_waiting` are
refused, and their feed sends them again.
"""

from collections.abc import Iterable
from typing import Any

from skypact.sharing.link import LinkState


class Shedding:
    """What was shed so far, and a word on it while it goes on."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._seen: dict[tuple[str, str], int] = {}
        self.faults: list[str] = []
        """What was shed since the look before the last."""

    def look(self, states: Iterable[LinkState]) -> None:
        """See what was shed since the last look, and log it; now and then."""
        self.faults = []
        for state in states:
            for what, count in _counts(state):
                more = count - self._seen.get((what, state.partner), 0)
                self._seen[what, state.partner] = count
                if more > 0:
                    self._log.warning("shed", what=what, partner=state.partner, messages=more)
                    self.faults.append(
                        f"{more} messages were shed, {what} {state.partner}; the durable path "
                        "brings them: see what floods, or give the node more processors"
                    )


def shed_counts(states: Iterable[LinkState]) -> dict[tuple[str, ...], float]:
    """Messages that did not go or come by the live path, by way and partner."""
    return {
        (f"{what} {state.partner}",): float(count)
        for state in states
        for what, count in _counts(state)
    }


def _counts(state: LinkState) -> list[tuple[str, int]]:
    unsent = state.live_dropped - state.live_shed
    return [("live from", state.live_shed), ("live to", unsent)]
