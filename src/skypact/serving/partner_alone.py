"""What one partner alone lets see: a picture folded from nothing but what it sent."""

from collections.abc import Sequence

import msgspec
import structlog

from skypact.errors import SkypactError
from skypact.model import Entry, EntryKind, Radar
from skypact.serving.folded import Folded
from skypact.serving.kept import KeptMark, KeptMessage
from skypact.settings import Settings
from skypact.sharing.chain import Delivery
from skypact.sharing.entry import Accepted
from skypact.tracking import LivePicture


class PartnerAlone:
    """A partner's messages and the node's clock marks, entry by entry of the node's journal.

    Decided anew, as if the partner alone had come: what was late beside others need not be.
    """

    def __init__(
        self,
        nation: str,
        partner: str,
        radars: Sequence[Radar],
        settings: Settings,
        *,
        exercise: bool,
    ) -> None:
        """`nation`: whose journal it is; `radars`: of its table."""
        self._partner = partner
        self.folded = Folded(nation, radars, settings, exercise=exercise, partners={partner: ()})

    @property
    def live(self) -> LivePicture:
        """What it gives."""
        return self.folded.shared

    def fold(self, entry: Entry) -> None:
        """An entry, if it is of this partner, or a clock mark; what does not fit is passed over."""
        try:
            if entry.kind is EntryKind.CLOCK_MARK:
                self.folded.mark(msgspec.msgpack.decode(entry.payload, type=KeptMark).time_ns)
            elif entry.kind is EntryKind.PARTNER_MESSAGE and entry.about == self._partner:
                kept = msgspec.msgpack.decode(entry.payload, type=KeptMessage)
                delivery = Delivery(kept.delivery)
                result = self.folded.entry.recorded(
                    kept.body, self._partner, delivery, kept.received_ns
                )
                if isinstance(result, Accepted):
                    self.folded.observe(result)
        except SkypactError as fault:
            log = structlog.get_logger()
            log.warning("entry passed over", number=entry.number, reason=str(fault))
