"""What the live path brought and the durable one has not: it may have to be taken out again.

A message of the live path counts before its place in the chain is known. Where the durable path
brings another chain, what was not in it goes out of the pictures (`sharing.chain.Alarm.without`).
"""

from collections.abc import Iterable

import msgspec

from skypact.model import Cause
from skypact.serving.kept import Verdicts
from skypact.sharing.chain import Alarm, Delivery
from skypact.sharing.entry import Accepted, Entry

_FEW = 2000


class HeardOne(msgspec.Struct, array_like=True, frozen=True):
    """A message of observations: its place, digest, and the content that pictures know it by."""

    epoch: int
    sequence: int
    digest: bytes
    content: bytes


class Heard:
    """By partner, what is not confirmed; no more than the chains know to be so."""

    def __init__(self, state: Iterable[tuple[str, list[HeardOne]]] = ()) -> None:
        self._of = {
            partner: {(one.epoch, one.sequence): one for one in ones} for partner, ones in state
        }
        self._most = {partner: max(_FEW, 2 * len(ones)) for partner, ones in self._of.items()}

    def state(self) -> list[tuple[str, list[HeardOne]]]:
        """All that it is."""
        return [(partner, list(ones.values())) for partner, ones in self._of.items()]

    def note(self, accepted: Accepted, verdicts: Verdicts, entry: Entry) -> None:
        """Observations came, and this was decided about them."""
        decided = [one for one in verdicts if one is not None]
        again = any(one.cause is Cause.DUPLICATE for one in decided)
        if not decided or (accepted.delivery == Delivery.DURABLE and not again):
            return
        header, partner = accepted.header, accepted.partner
        content = bytes.fromhex(decided[0].content)
        one = HeardOne(header.epoch, header.sequence, accepted.digest, content)
        ones = self._of.setdefault(partner, {})
        ones[one.epoch, one.sequence] = one
        if len(ones) > self._most.setdefault(partner, _FEW):
            chain = entry.chain(partner)
            kept = {k: one for k, one in ones.items() if chain.is_known(*k, one.digest)}
            self._of[partner], self._most[partner] = kept, max(_FEW, 2 * len(kept))

    def without(self, partner: str, alarm: Alarm) -> tuple[bytes, ...]:
        """Contents that an alarm wants taken out; what another message brought as well stays."""
        ones = self._of.get(partner, {})
        gone = {k: one for k, one in ones.items() if alarm.takes_out(*k)}
        self._of[partner] = left = {k: one for k, one in ones.items() if k not in gone}
        stays = {one.content for one in left.values()}
        return tuple(sorted({one.content for one in gone.values()} - stays))
