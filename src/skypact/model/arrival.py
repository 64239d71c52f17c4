"""What arrives at a live picture, and what was decided about it."""

import enum

import msgspec

from skypact.model.plots import Plots, no_plots
from skypact.model.tracklet import Refusal, Tracklet


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What came from a source at once: plots, or a partner's tracklets.

    `plots` are of one scan, or of a part of one; their source is a radar of the table, by nation
    and id. `tracklets` are of one nation, of any of its radars' labels and batches; their source
    is whatever counts their numbers: one label, or the partner's link, under a name of the
    receiver's choice in `radar`. `epoch` counts the source's starts, `sequence` its arrivals within
    one, from 1 without gaps. `received_ns`: the receiver's clock, UTC since 1970.
    """

    nation: str
    radar: str
    epoch: int
    sequence: int
    received_ns: int
    plots: Plots = msgspec.field(default_factory=no_plots)
    tracklets: tuple[Tracklet, ...] = ()


class ClockMark(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver's clock said `time_ns`: tracks grow older to it. UTC since 1970."""

    time_ns: int
    received_ns: int


class Outcome(enum.StrEnum):
    """What becomes of an arrival."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATE = "late"


class Cause(enum.StrEnum):
    """Why an arrival was not accepted."""

    UNKNOWN_RADAR = "unknown radar"
    UNFIT = "unfit"
    EMPTY = "empty"
    TOO_MANY = "too many plots"
    APART = "plots too far apart"
    AHEAD = "ahead of the clock"
    DUPLICATE = "duplicate"
    OLD_EPOCH = "old epoch"
    REPEATED = "repeated number"
    STRAY = "stray"
    OUT_OF_REACH = "out of reach"
    LEFT_OUT = "left out"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one arrival, for the journal; a replay obeys it.

    `content`: hexadecimal hash of what arrived. `catching_up`: accepted into the rebuild instead of
    the present picture. `reason` and `remedy`: sentences for people, empty where it was accepted.
    `unused`: places in the arrival, from 0, of tracklets that are not used though the others are,
    and why in `refusals`, one for each.
    """

    outcome: Outcome
    content: str
    catching_up: bool = False
    cause: Cause | None = None
    reason: str = ""
    remedy: str = ""
    unused: tuple[int, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class IdLink(msgspec.Struct, frozen=True, kw_only=True):
    """How an id that people see has to do with another: `merged` into it, or `split` from it.

    `withdrawn`: what it stood for is no more, and nothing else is in its place (`other` is None).
    """

    id: int
    how: str
    other: int | None = None


class IdRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that people see, as given at one moment, for the journal; a replay reads them.

    `after`: how many arrivals had come. `given`: (number of the track in the fold, id) where that
    is new or other than before; `dropped`: numbers no more in use. `next_id`: the next to give.
    """

    after: int
    given: tuple[tuple[int, int], ...]
    dropped: tuple[int, ...]
    links: tuple[IdLink, ...]
    next_id: int


class RebuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A rebuild took the present picture's place after so many arrivals; for the journal."""

    after: int


class TakeOutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """After so many arrivals some of a nation's were taken out of the picture; for the journal.

    `contents`: their hashes, 16 bytes each. `exact`: as in `LeaveOutRecord`.
    """

    after: int
    nation: str
    contents: tuple[bytes, ...]
    exact: bool = True


class LeaveOutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """After so many arrivals a nation was left out of the picture, or taken back; for the journal.

    `exact`: the picture becomes the one that it would be had the nation never sent. Otherwise what
    it sent is older than all that is kept, and the picture is begun anew from what is kept.
    """

    after: int
    nation: str
    left_out: bool
    exact: bool = True
