"""A payload to what goes on the link: numbered, chained, signed, sealed."""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from skypact.model import Header, Heartbeat, Message, Payload
from skypact.model.message import WIRE_VERSION
from skypact.sharing import codec, seal, signing
from skypact.sharing.chain import OutgoingChain


class Sent(NamedTuple):
    """A message ready to go. `message_id` is never used again (for `Nats-Msg-Id`)."""

    header: Header
    data: bytes
    digest: bytes
    message_id: str


class Outgoing:
    """Everything that goes to one partner.

    `sealing`: the partner's key where others carry its messages; None: mutual TLS alone. `chain` is
    to be saved before what `message` gave is sent.
    """

    def __init__(
        self,
        own: str,
        partner: str,
        chain: OutgoingChain,
        signing_key: Ed25519PrivateKey,
        *,
        exercise: bool,
        sealing_key: X25519PublicKey | None = None,
    ) -> None:
        self.own, self.partner, self.chain, self.exercise = own, partner, chain, exercise
        self._signing_key, self._sealing_key = signing_key, sealing_key

    def seal_for(self, sealing_key: X25519PublicKey) -> None:
        """Seal with another key from now on: the partner has changed its own."""
        self._sealing_key = sealing_key

    def sign_with(self, signing_key: Ed25519PrivateKey) -> None:
        """Sign with another key from now on: it is one's own that has changed."""
        self._signing_key = signing_key

    def message(self, payload: Payload, sent_ns: int) -> Sent:
        """The next message to the partner; for both paths alike."""
        sent = self._made(payload, sent_ns, self.chain.sequence + 1, self.chain.digest)
        self.chain.took(sent.digest)
        return sent

    def heartbeat(self, sent_ns: int) -> Sent:
        """That it is there, and what the newest message is; for the live path."""
        chain = self.chain
        chain.beat += 1
        beat = Heartbeat(beat=chain.beat, newest=chain.sequence, digest=chain.digest)
        return self._made(beat, sent_ns, 0, b"")

    def _made(self, payload: Payload, sent_ns: int, sequence: int, previous: bytes) -> Sent:
        epoch = self.chain.epoch
        header = Header(
            version=WIRE_VERSION,
            originator=self.own,
            addressee=self.partner,
            exercise=self.exercise,
            epoch=epoch,
            sequence=sequence,
            previous=previous,
            sent_ns=sent_ns,
        )
        body = codec.encode(Message(header=header, payload=payload))
        signature = signing.sign(signing.MESSAGE, body, self._signing_key)
        if self._sealing_key is None:
            data = codec.signed_frame(signature, body)
        else:
            info = seal.info_of(self.own, self.partner, epoch, sequence)
            sealed = seal.seal(signature + body, info, self._sealing_key)
            data = codec.sealed_frame(epoch, sequence, sealed)
        number = f"{sequence}" if sequence else f"beat-{self.chain.beat}"
        mode = "exercise" if self.exercise else "live"
        message_id = f"{self.own}-{self.partner}-{mode}-{epoch}-{number}"
        return Sent(header, data, codec.digest_of(body), message_id)
