"""What a node keeps of all that came in and went out."""

import enum

import msgspec


class EntryKind(enum.StrEnum):
    """What an entry of the journal tells of."""

    PLOTS_ACCEPTED = "plots accepted"
    PLOTS_REFUSED = "plots refused"
    PARTNER_MESSAGE = "partner message"
    SENT_MESSAGE = "sent message"
    CLOCK_MARK = "clock mark"
    ID_RECORD = "id record"
    REBUILD_RECORD = "rebuild record"
    LEAVE_OUT_RECORD = "leave-out record"
    TAKE_OUT_RECORD = "take-out record"
    CHAIN_ALARM = "chain alarm"
    OPERATOR_ACTION = "operator action"
    FLIGHT_ENDED = "flight ended"
    WARNING = "warning"
    CONSULTATION = "consultation"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `number`: from 1, in the order in which they were given, without gaps.

    `about`: the radar, partner or person that it came from or went to. `time_ns`: the writer's
    clock, UTC since 1970. `payload`: what the kind's writer made of it; opaque here.
    """

    number: int
    kind: EntryKind
    about: str
    time_ns: int
    payload: bytes


class JournalState(enum.StrEnum):
    """How the journal is."""

    WELL = "well"
    FULL = "disk full"
    SILENT = "no answer"
    LOST = "entries lost"
    FOREIGN = "written by another"
    CLOSED = "closed"


class JournalHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The journal's state and what to do about it; empty `reason` where it is well.

    `last_number`: the last entry on disk. `waiting`, `waiting_bytes`: entries given and not yet
    there. `lost`: acknowledged entries that the server no longer has.
    """

    state: JournalState
    reason: str
    remedy: str
    last_number: int
    waiting: int
    waiting_bytes: int
    lost: int
