"""What a partner sends: checked step by step, and accepted or refused with the reason.

Size, rate → unseal → header → addressee, originator, exercise → signature → epoch, number, chain →
payload → clock, speed, place, information. A refused message changes nothing but counts, unless its
signature is good: then its number has come, whatever is in it.

No clock and no network: bytes and times are given. Memory is bounded by settings.
"""

import enum
import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    Consultation,
    Fault,
    Header,
    Heartbeat,
    Payload,
    Radar,
    ScanPlots,
    Tracklet,
    TrackletBatch,
    Use,
)
from skypact.model.budget import Budget
from skypact.settings import EntrySettings
from skypact.sharing import codec, plausible, seal, signing
from skypact.sharing.chain import (
    Alarm,
    Delivery,
    Gap,
    IncomingChain,
    Judgement,
    Standing,
)

S = 1_000_000_000
_MIB = 1 << 20


class Cause(enum.StrEnum):
    """Why a message was refused."""

    UNKNOWN_PARTNER = "unknown partner"
    ASIDE = "put aside"
    RATE = "over its rate"
    TOO_LARGE = "too large"
    MALFORMED = "malformed"
    SEAL = "not sealed for us"
    WRONG_ADDRESSEE = "for another"
    WRONG_ORIGINATOR = "of another"
    WRONG_MODE = "exercise and live mixed"
    SIGNATURE = "signature"
    EPOCH_AHEAD = "epoch ahead of the clock"
    KNOWN = "came before"
    REPEATED = "repeated"
    FORKED = "two with one number"
    OFF_CHAIN = "off the chain"
    OLD_EPOCH = "old epoch"
    TOO_MANY_GAPS = "too many gaps"
    CLOCK = "ahead of the clock"
    UNKNOWN_RADAR = "unknown radar"
    IMPLAUSIBLE = "implausible"


_ONLY_COUNTED = frozenset((Cause.KNOWN, Cause.RATE, Cause.ASIDE))
"""Not kept one by one."""
_NO_FAULT = _ONLY_COUNTED | {
    *(Cause.OLD_EPOCH, Cause.TOO_MANY_GAPS, Cause.CLOCK),
    Cause.UNKNOWN_RADAR,  # our own table lacks it: what else the partner sends is to go on
}
"""Come about without anyone's ill will, or are refused for something else already."""

Content = Arrival | tuple[Tracklet, ...] | Assessment | AreaWarning | Consultation | Heartbeat


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may be used, for what its `use` says (a heartbeat and a consultation
    have none).

    `content`: plots as an `Arrival` of the radar table's numbers, tracklets, or the payload itself.
    `counted`: of observations epoch and number among those granted for each of `use`.
    `body`, `digest`: the exact bytes that were signed, and their SHA-256, for the journal. `gaps`:
    those that showed just now.
    """

    partner: str
    delivery: Delivery
    received_ns: int
    header: Header
    content: Content
    use: tuple[Use, ...]
    body: bytes
    digest: bytes
    counted: tuple[tuple[int, int], ...] = ()
    gaps: tuple[Gap, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may not be used: where it is wrong, why, and what to do about it.

    `retry_ns`: it was refused for now alone. On the durable path it is to be held back, with all
    that follows, and offered again by then; on the live path the durable one will bring it.
    `begins`: the first of its `size` bytes.
    """

    partner: str
    delivery: Delivery
    received_ns: int
    cause: Cause
    place: str
    reason: str
    remedy: str
    size: int
    begins: bytes = b""
    retry_ns: int | None = None
    gaps: tuple[Gap, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class _Problem(msgspec.Struct, frozen=True):
    cause: Cause
    place: str
    reason: str
    remedy: str
    retry_ns: int | None = None
    found: Judgement = Judgement(Standing.NEW)


class _Opened(msgspec.Struct, frozen=True):
    """A message that is from whom and for whom it should be, if its signature is good."""

    header: Header
    payload: msgspec.Raw
    signed: codec.Signed
    digest: bytes


class _Partner:
    """One partner's keys, chain, budgets and refusals."""

    def __init__(
        self, keys: Sequence[Ed25519PublicKey], settings: EntrySettings, saved: bytes | None
    ) -> None:
        self.keys = tuple(keys)
        self.chain = IncomingChain(settings, saved)
        self.messages = {
            Delivery.LIVE: Budget(settings.live_1_s, settings.live_burst),
            Delivery.DURABLE: Budget(settings.durable_1_s, settings.durable_burst),
        }
        self.bytes = Budget(settings.mebibytes_1_s * _MIB, settings.mebibyte_burst * _MIB)
        self.refusals = Budget(settings.refusals_1_s, settings.refusal_burst)
        self.aside_from_ns: int | None = None
        self.kept: deque[Refused] = deque(maxlen=settings.kept_refusals)
        self.counts: Counter[str] = Counter()
        self._opened: dict[bytes, _Opened] = {}

    def keep_opened(self, data: bytes, opened: _Opened, most: int) -> None:
        """Keep what the live path brought and was accepted: the durable one brings it too."""
        self._opened[_hash_of(data)] = opened
        if len(self._opened) > most:
            del self._opened[next(iter(self._opened))]

    def opened_before(self, data: bytes, delivery: Delivery) -> _Opened | None:
        """What is in the very bytes of a message that the live path brought, once."""
        if delivery == Delivery.LIVE or not self._opened:
            return None
        return self._opened.pop(_hash_of(data), None)


class Entry:
    """What all partners send, in one mode: live, or exercise.

    `partners`: the keys of each that sign, the present one first (several while keys change).
    `unsealing_keys`: one's own. `radars`: the radar table, partners' radars among it. `saved`: what
    `save` gave.
    """

    def __init__(
        self,
        own: str,
        partners: Mapping[str, Sequence[Ed25519PublicKey]],
        *,
        exercise: bool,
        radars: Sequence[Radar] = (),
        unsealing_keys: Sequence[X25519PrivateKey] = (),
        settings: EntrySettings | None = None,
        saved: bytes | None = None,
    ) -> None:
        self.own, self.exercise = own, exercise
        self._settings = settings or EntrySettings()
        self._unsealing_keys = tuple(unsealing_keys)
        self._radars = {(radar.nation, radar.id): at for at, radar in enumerate(radars)}
        self._saved: dict[str, bytes] = {} if saved is None else msgspec.msgpack.decode(saved)
        self._partners: dict[str, _Partner] = {}
        for name, keys in partners.items():
            self.admit(name, keys)
        self.strangers = 0
        """Messages on links of nobody that is known."""

    def admit(self, partner: str, keys: Sequence[Ed25519PublicKey]) -> None:
        """A partner, or other keys of one."""
        known = self._partners.get(partner)
        if known is not None:
            known.keys = tuple(keys)
        else:
            saved = self._saved.pop(partner, None)
            self._partners[partner] = _Partner(keys, self._settings, saved)

    @property
    def partners(self) -> frozenset[str]:
        """Who is one."""
        return frozenset(self._partners)

    def unseal_with(self, keys: Sequence[X25519PrivateKey]) -> None:
        """Other keys of one's own from now on."""
        self._unsealing_keys = tuple(keys)

    def dismiss(self, partner: str) -> None:
        """Refuse whatever comes from it from now on; where its chain stands is kept."""
        left = self._partners.pop(partner, None)
        if left is not None:
            self._saved[partner] = left.chain.save()

    def save(self) -> bytes:
        """Where the chains stand; budgets and counts begin anew."""
        chains = {name: known.chain.save() for name, known in self._partners.items()}
        return msgspec.msgpack.encode(self._saved | chains, order="sorted")

    def resume(self) -> None:
        """It was brought back from a journal: see `IncomingChain.resume`."""
        for known in self._partners.values():
            known.chain.resume()

    def chain(self, partner: str) -> IncomingChain:
        """Where a partner's chain stands; KeyError where there is no such partner."""
        return self._partners[partner].chain

    def counts(self, partner: str) -> dict[str, int]:
        """Messages of a partner by cause of refusal; `accepted` the others."""
        return dict(self._partners[partner].counts)

    def refusals(self, partner: str) -> tuple[Refused, ...]:
        """The last that were refused, oldest first."""
        return tuple(self._partners[partner].kept)

    def lately_refused(self, now_ns: int) -> dict[str, Refused]:
        """The last message of each partner that was refused within `refusal_told_s`."""
        since_ns = now_ns - round(self._settings.refusal_told_s * S)
        last = {name: known.kept[-1] for name, known in self._partners.items() if known.kept}
        return {name: one for name, one in last.items() if one.received_ns >= since_ns}

    def aside_until_ns(self, partner: str) -> int | None:
        """When a partner that was put aside comes back."""
        from_ns = self._partners[partner].aside_from_ns
        return None if from_ns is None else from_ns + round(self._settings.aside_s * S)

    def receive(
        self, data: bytes, partner: str, delivery: Delivery, received_ns: int
    ) -> Accepted | Refused:
        """One message from a partner's link."""
        (result,) = self.receive_many((data,), partner, delivery, received_ns)
        return result

    def recorded(
        self, body: bytes, partner: str, delivery: Delivery, received_ns: int
    ) -> Accepted | Refused:
        """A message of the journal that was accepted once: as then, and the chain goes on with it.

        `body` as `Accepted` has it, with the path and the time of then. Neither signature nor rate
        is asked again.
        """
        known = self._partners.get(partner)
        read = codec.read_body(body)
        result: Accepted | _Problem
        if known is None:
            result = _stranger(partner)
        elif isinstance(read, Fault):
            result = _Problem(Cause.MALFORMED, *read)
        else:
            signed = codec.Signed(b"", body)
            opened = _Opened(read.header, read.payload, signed, codec.digest_of(body))
            result = self._judged(known, partner, opened, delivery, received_ns)
        if isinstance(result, Accepted):
            return result
        return _refused(body, partner, delivery, received_ns, result)

    def receive_many(
        self, messages: Iterable[bytes], partner: str, delivery: Delivery, received_ns: int
    ) -> list[Accepted | Refused]:
        """Messages in the order in which they came.

        Where one names the one before, which came with it, its signature is good for both: in a
        long run of the durable path few signatures are to be verified.
        """
        known, messages = self._partners.get(partner), tuple(messages)
        if known is None:
            self.strangers += len(messages)
            return [
                _refused(m, partner, delivery, received_ns, _stranger(partner)) for m in messages
            ]
        opened: list[_Opened | _Problem] = []
        for data in messages:
            held = opened[-1] if opened else None
            if isinstance(held, _Problem) and held.retry_ns is not None:
                opened.append(held)  # what follows must not overtake it
            else:
                over = self._over(known, delivery, len(data), received_ns)
                opened.append(
                    over
                    or known.opened_before(data, delivery)
                    or self._opened(partner, data, received_ns)
                )
        authentic = _authentic(opened, known)
        out: list[Accepted | Refused] = []
        held = None
        for data, one, good in zip(messages, opened, authentic, strict=True):
            result: Accepted | _Problem
            if held is not None:
                result = held
            elif isinstance(one, _Problem):
                result = one
            elif not good:
                result = _FORGED
            else:
                result = self._judged(known, partner, one, delivery, received_ns)
            if isinstance(result, Accepted):
                assert isinstance(one, _Opened)
                known.counts["accepted"] += 1
                if delivery == Delivery.LIVE:
                    known.keep_opened(data, one, self._settings.kept_opened)
                out.append(result)
                continue
            if delivery == Delivery.DURABLE and result.retry_ns is not None:
                held = result
            out.append(self._refuse(known, data, partner, delivery, received_ns, result))
        return out

    def _over(
        self, known: _Partner, delivery: Delivery, size: int, received_ns: int
    ) -> _Problem | None:
        """Whether the partner is put aside, or this is more than it may send."""
        aside_ns = round(self._settings.aside_s * S)
        if known.aside_from_ns is not None:
            # A clock that was put back must not prolong it.
            known.aside_from_ns = min(known.aside_from_ns, received_ns)
            until_ns = known.aside_from_ns + aside_ns
            if received_ns < until_ns:
                return _Problem(Cause.ASIDE, "link", "too many refusals before", _WAIT, until_ns)
            known.aside_from_ns = None
            known.refusals.begin(received_ns, 0.5 * known.refusals.burst)
        size = min(size, self._settings.greatest_message_bytes)  # what is longer is refused anyway
        for budget, amount in ((known.messages[delivery], 1.0), (known.bytes, float(size))):
            if not budget.take(received_ns, amount):
                ready_ns = budget.ready_ns(received_ns, amount)
                return _Problem(Cause.RATE, "link", "faster than is allowed", _SLOWER, ready_ns)
        return None

    def _opened(self, partner: str, data: bytes, received_ns: int) -> _Opened | _Problem:
        """Frame, seal and header."""
        frame = codec.read_frame(data, self._settings.greatest_message_bytes)
        if isinstance(frame, Fault):
            large = len(data) > self._settings.greatest_message_bytes
            return _Problem(Cause.TOO_LARGE if large else Cause.MALFORMED, *frame)
        content: bytes | None = frame.content
        if frame.sealed:
            info = seal.info_of(partner, self.own, frame.epoch, frame.sequence)
            content = seal.unseal(frame.content, info, self._unsealing_keys)
            if content is None:
                reason = f"its seal is not {partner}'s for {self.own} with its epoch and number"
                return _Problem(Cause.SEAL, "frame", reason, _CARDS)
        signed = codec.read_signed(content or b"")
        if isinstance(signed, Fault):
            return _Problem(Cause.MALFORMED, *signed)
        body = codec.read_body(signed.body)
        if isinstance(body, Fault):
            return _Problem(Cause.MALFORMED, *body)
        opened = _Opened(body.header, body.payload, signed, codec.digest_of(signed.body))
        return self._mismatch(partner, opened.header, frame, received_ns) or opened

    def _mismatch(
        self, partner: str, header: Header, frame: codec.Frame, received_ns: int
    ) -> _Problem | None:
        """A message that is for another, of another, or of the other mode."""
        if header.addressee != self.own:
            said = f"it is for {header.addressee}, and we are {self.own}"
            return _Problem(Cause.WRONG_ADDRESSEE, "header.addressee", said, _CARRIED)
        if header.originator != partner:
            said = f"it says {header.originator}, and the link is {partner}'s"
            return _Problem(Cause.WRONG_ORIGINATOR, "header.originator", said, _CARRIED)
        if header.exercise != self.exercise:
            said = f"it is {_mode(header.exercise)}, and this is {_mode(self.exercise)}"
            return _Problem(Cause.WRONG_MODE, "header.exercise", said, _MIXED)
        if frame.sealed and (frame.epoch, frame.sequence) != (header.epoch, header.sequence):
            said = "epoch and number outside and inside of its seal differ"
            return _Problem(Cause.MALFORMED, "header.sequence", said, codec.MALFORMED)
        if header.epoch > received_ns // S + self._settings.epoch_ahead_s:
            said = f"epoch {header.epoch} is no second that was"
            return _Problem(Cause.EPOCH_AHEAD, "header.epoch", said, _EPOCH)
        return None

    def _judged(
        self,
        known: _Partner,
        partner: str,
        opened: _Opened,
        delivery: Delivery,
        received_ns: int,
    ) -> Accepted | _Problem:
        """An authentic message: its place in the chain, then what is in it."""
        header = opened.header
        early = self._early(header, delivery, received_ns)
        if early is not None and (delivery == Delivery.LIVE or early.retry_ns is not None):
            return early  # its number has not come: the durable path will bring it in time
        found = Judgement(Standing.NEW)
        if header.sequence:
            found = known.chain.receive(
                header.epoch, header.sequence, header.previous, opened.digest, delivery
            )
        problem = _standing_problem(header, found, delivery) or early
        if problem is None:
            content = self._content(known, partner, opened, received_ns)
            if not isinstance(content, _Problem):
                payload, usable, beat = content
                return Accepted(
                    partner=partner,
                    delivery=delivery,
                    received_ns=received_ns,
                    header=header,
                    content=usable,
                    use=codec.use_of(payload),
                    counted=(
                        codec.counted(payload, header)
                        if isinstance(payload, ScanPlots | TrackletBatch)
                        else ()
                    ),
                    body=opened.signed.body,
                    digest=opened.digest,
                    gaps=found.gaps + beat.gaps,
                    alarms=found.alarms + beat.alarms,
                )
            problem = content
        return msgspec.structs.replace(problem, found=found)

    def _early(self, header: Header, delivery: Delivery, received_ns: int) -> _Problem | None:
        """A message sent ahead of the clock; on the durable path it waits, if not for too long."""
        ahead_ns = header.sent_ns - received_ns - round(self._settings.clock_ahead_s * S)
        if ahead_ns <= 0:
            return None
        waits = delivery == Delivery.DURABLE and ahead_ns <= self._settings.clock_wait_s * S
        said = f"sent {ahead_ns / S + self._settings.clock_ahead_s:,.3f} s ahead of our clock"
        until_ns = received_ns + ahead_ns if waits else None
        return _Problem(Cause.CLOCK, "header.sent_ns", said, _CLOCKS, until_ns)

    def _content(
        self, known: _Partner, partner: str, opened: _Opened, received_ns: int
    ) -> "tuple[Payload, Content, Judgement] | _Problem":
        """The payload, what it is for the node, and what a heartbeat showed."""
        header, settings = opened.header, self._settings
        payload = codec.read_payload(opened.payload)
        if isinstance(payload, Fault):
            return _Problem(Cause.MALFORMED, *payload)
        if isinstance(payload, Heartbeat) != (header.sequence == 0):
            said = "only a heartbeat has the number 0"
            return _Problem(Cause.MALFORMED, "header.sequence", said, codec.MALFORMED)
        if isinstance(payload, ScanPlots | TrackletBatch) and not codec.is_counted(payload):
            said = f"{len(payload.numbers)} numbers, from 1, are not one for each of its uses"
            return _Problem(Cause.MALFORMED, "payload.numbers", said, codec.MALFORMED)
        span = plausible.Span(header.sent_ns, received_ns, settings)
        usable: Content | Fault
        fault: Fault | None = None
        beat = Judgement(Standing.NEW)
        if isinstance(payload, Heartbeat):
            usable = payload
            beat = known.chain.beat(header.epoch, payload)
            problem = _standing_problem(header, beat, Delivery.LIVE)
            if problem is not None:
                return problem
        elif isinstance(payload, ScanPlots):
            radar = self._radars.get((partner, payload.radar))
            if radar is None:
                said = f"{partner} has no radar {payload.radar} in our table"
                return _Problem(Cause.UNKNOWN_RADAR, "payload.radar", said, _RADARS)
            most = settings.greatest_plots
            usable = codec.unpack_plots(payload, partner, radar, received_ns, most)
            if isinstance(usable, Arrival):
                fault = plausible.plots_fault(usable, span, settings)
        elif isinstance(payload, TrackletBatch):
            usable = codec.unpack_tracklets(payload, partner, settings.greatest_tracklets)
            if not isinstance(usable, Fault):
                fault = plausible.tracklets_fault(usable, span, settings)
        elif isinstance(payload, Assessment):
            usable, fault = payload, plausible.assessment_fault(payload, span, settings)
        elif isinstance(payload, Consultation):
            usable = payload
            fault = plausible.consultation_fault(payload, header, span, settings)
        else:
            usable, fault = payload, plausible.warning_fault(payload, span, settings)
        if isinstance(usable, Fault):
            return _Problem(Cause.MALFORMED, *usable)
        if fault is not None:
            return _Problem(Cause.IMPLAUSIBLE, *fault)
        return payload, usable, beat

    def _refuse(
        self,
        known: _Partner,
        data: bytes,
        partner: str,
        delivery: Delivery,
        received_ns: int,
        problem: _Problem,
    ) -> Refused:
        """Count it, keep it, and put the partner aside where it was one too many."""
        refused = _refused(data, partner, delivery, received_ns, problem)
        known.counts[str(problem.cause)] += 1
        if problem.cause not in _ONLY_COUNTED and problem.retry_ns is None:
            begins = bytes(data[: self._settings.kept_refused_bytes])
            refused = msgspec.structs.replace(refused, begins=begins)
            known.kept.append(refused)
        if problem.cause not in _NO_FAULT and not known.refusals.take(received_ns):
            known.aside_from_ns = received_ns
        return refused


def _hash_of(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _authentic(opened: Sequence[_Opened | _Problem], known: _Partner) -> list[bool]:
    """Which messages are the partner's own: by signature, by the next one's, or verified before."""
    good = [False] * len(opened)
    for at in range(len(opened) - 1, -1, -1):
        one = opened[at]
        if isinstance(one, _Problem):
            continue
        after = opened[at + 1] if at + 1 < len(opened) and good[at + 1] else None
        good[at] = (
            (isinstance(after, _Opened) and _names(after.header, one))
            or known.chain.is_known(one.header.epoch, one.header.sequence, one.digest)
            or signing.is_signed(signing.MESSAGE, one.signed.body, one.signed.signature, known.keys)
        )
    return good


def _names(after: Header, before: _Opened) -> bool:
    """Whether a message names another as the one before it."""
    header = before.header
    follows = after.epoch == header.epoch and after.sequence == header.sequence + 1
    return follows and header.sequence > 0 and after.previous == before.digest


def _standing_problem(header: Header, found: Judgement, delivery: Delivery) -> _Problem | None:
    if found.standing == Standing.NEW:
        return None
    cause, said, remedy = _STANDINGS[found.standing]
    where = f"number {header.sequence} of epoch {header.epoch}"
    return _Problem(cause, "header.sequence", f"{where}, {delivery} path: {said}", remedy)


def _stranger(partner: str) -> _Problem:
    return _Problem(Cause.UNKNOWN_PARTNER, "link", f"{partner} is no partner", _JOIN)


def _refused(
    data: bytes, partner: str, delivery: Delivery, received_ns: int, problem: _Problem
) -> Refused:
    return Refused(
        partner=partner,
        delivery=delivery,
        received_ns=received_ns,
        cause=problem.cause,
        place=problem.place,
        reason=problem.reason,
        remedy=problem.remedy,
        size=len(data),
        retry_ns=problem.retry_ns,
        gaps=problem.found.gaps,
        alarms=problem.found.alarms,
    )


def _mode(exercise: bool) -> str:
    return "exercise" if exercise else "live"


_WAIT = "see what was refused before; it comes back by itself"
_SLOWER = "none needed for a moment; else have the partner send more in each message"
_CARDS = "compare the public cards of both nations; seal for the addressee that it is sent to"
_CARRIED = "see who carries it, and whether the partners' names agree"
_MIXED = "keep exercise and live on links of their own"
_EPOCH = "have the partner set its clock and begin a new epoch, or set this node's clock"
_CLOCKS = "have the partner set its clock, or set this node's"
_RADARS = "add the partner's radar, as its radars.toml has it, to radars.toml and start anew"
_JOIN = "add it to the coalition, or close its link"
_NONE = "none needed"
_FORGED = _Problem(
    Cause.SIGNATURE,
    "signature",
    "it is not that of the partner over these bytes",
    "compare the public cards; if they agree, somebody altered or forged it",
)
_STANDINGS = {
    Standing.KNOWN: (Cause.KNOWN, "it came before", _NONE),
    Standing.REPEATED: (Cause.REPEATED, "this path brought it before", "see who replays it"),
    Standing.FORKED: (
        Cause.FORKED,
        "another message with this number came before",
        "ask the partner which is its own, and whether its key is still its own alone",
    ),
    Standing.OFF_CHAIN: (
        Cause.OFF_CHAIN,
        "it does not name the message before it",
        "have the partner begin a new epoch: its store may have gone back in time",
    ),
    Standing.OLD_EPOCH: (Cause.OLD_EPOCH, "a later epoch has begun", _NONE),
    Standing.TOO_MANY_GAPS: (
        Cause.TOO_MANY_GAPS,
        "too much is missing before it",
        "none needed: the durable path brings it",
    ),
}
