"""What partners state, and how long it holds.

Of two statements about one flight the later in the partner's chain counts, whichever came first. A
statement is kept beside those before it until it is old, so that what is taken out again (a branch
of the live path that is in no chain) leaves what was stated before.
"""

from collections.abc import Iterable, Iterator

import msgspec

from skypact.model import AreaWarning, Assessment
from skypact.settings import EntrySettings
from skypact.sharing.chain import Alarm
from skypact.sharing.entry import Accepted

S = 1_000_000_000
Key = tuple[str, str, int]
"""Partner, what it is, and the partner's number of it."""
Statement = Assessment | AreaWarning
_BEFORE = 8
"""So many of one flight are kept."""


class StatedOne(msgspec.Struct, array_like=True, frozen=True):
    """A statement, and its place in the partner's chain."""

    epoch: int
    sequence: int
    content: Statement

    @property
    def place(self) -> tuple[int, int]:
        """In the partner's chain."""
        return self.epoch, self.sequence


class Stated:
    """By partner and number what was stated of it, by place."""

    def __init__(
        self, settings: EntrySettings, state: Iterable[tuple[Key, list[StatedOne]]] = ()
    ) -> None:
        self._kept_ns = round(settings.statement_s * S)
        self._most = settings.greatest_statements
        self._of: dict[Key, list[StatedOne]] = dict(state)

    def state(self) -> list[tuple[Key, list[StatedOne]]]:
        """All that it is."""
        return [(key, list(ones)) for key, ones in self._of.items()]

    def now(self) -> dict[Key, Statement]:
        """What holds."""
        last = {key: ones[-1].content for key, ones in self._of.items()}
        return {key: content for key, content in last.items() if not content.withdrawn}

    def last(self) -> dict[Key, Statement]:
        """What was said last before it was taken back: of flights that ended, too."""
        out = {}
        for key, ones in self._of.items():
            held = [one.content for one in ones if not one.content.withdrawn]
            if held:
                out[key] = held[-1]
        return out

    def note(self, accepted: Accepted, content: Statement) -> None:
        """A partner states something, or takes it back."""
        number = content.flight if isinstance(content, Assessment) else content.warning
        key = accepted.partner, type(content).__name__, number
        one = StatedOne(accepted.header.epoch, accepted.header.sequence, content)
        others = [other for other in self._of.pop(key, ()) if other.place != one.place]
        self._of[key] = sorted([*others, one], key=lambda each: each.place)[-_BEFORE:]
        own = [other for other in self._of if other[0] == accepted.partner]
        for oldest in own[: max(0, len(own) - self._most)]:
            del self._of[oldest]

    def take_out(self, partner: str, alarm: Alarm) -> None:
        """As though messages had never come that are in no chain."""
        self._keep(
            (key, [one for one in ones if key[0] != partner or not alarm.takes_out(*one.place)])
            for key, ones in self._of.items()
        )

    def forget(self, partner: str) -> None:
        """Whatever a partner stated."""
        self._keep((key, ones) for key, ones in self._of.items() if key[0] != partner)

    def pass_time(self, now_ns: int) -> None:
        """Forget what was over long ago, though nobody took it back: its partner may be gone."""
        if any(self._is_over(ones[-1].content, now_ns) for ones in self._of.values()):
            self._keep(
                (key, ones)
                for key, ones in self._of.items()
                if not self._is_over(ones[-1].content, now_ns)
            )

    def _is_over(self, content: Statement, now_ns: int) -> bool:
        over_ns = content.as_of_ns
        if isinstance(content, AreaWarning):
            over_ns = max(over_ns, content.until_ns)
        elif content.impact is not None:
            over_ns = max(over_ns, content.impact.time_ns)
        return now_ns > over_ns + self._kept_ns

    def _keep(self, kept: Iterable[tuple[Key, list[StatedOne]]]) -> None:
        self._of = dict(_not_empty(kept))


def _not_empty(
    kept: Iterable[tuple[Key, list[StatedOne]]],
) -> Iterator[tuple[Key, list[StatedOne]]]:
    return ((key, ones) for key, ones in kept if ones)
