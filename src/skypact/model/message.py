"""What goes between nations: a header and one payload, as they stand on the wire.

MessagePack maps by these names. A new field has a default, a type never changes, and what a
receiver does not know it passes over; `WIRE_VERSION` rises only where that cannot hold.

Columns of numbers are bytes, little-endian float64 or int64: a scan of 100 plots takes 4 µs to
write and 7 µs to read, as lists of numbers 43 and 92 µs, and 11 % more room.
"""

import enum
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from skypact.model.flight import Apogee, FlightKind, Impact, Launch, RangeClass

WIRE_VERSION = 1

Nation = Annotated[
    str, Meta(pattern=r"^[A-Z][A-Z0-9]{1,7}$", description="A nation's code, such as JPN.")
]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Time = Annotated[int, Meta(ge=0, le=2**63 - 1, description="UTC since 1970, ns.")]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Digest = Annotated[bytes, Meta(max_length=32, description="SHA-256, or empty: of none.")]
Reals = Annotated[bytes, Meta(description="Little-endian float64 values.")]
Integers = Annotated[bytes, Meta(description="Little-endian int64 values.")]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Use(enum.StrEnum):
    """What an addressee may do with an observation; its originator's signature covers it.

    PICTURE: for its own eyes and decisions. PUBLIC_WARNING: may shape public alerts. EXPORT: may
    leave in feeds and exports.
    """

    PICTURE = "picture"
    PUBLIC_WARNING = "public_warning"
    EXPORT = "export"


Uses = Annotated[
    tuple[Use, ...],
    Meta(
        min_length=1,
        max_length=3,
        description="Each once, in the order picture, public_warning, export.",
    ),
]


Numbers = Annotated[
    tuple[Number, ...], Meta(max_length=3, description="One for each use, or none.")
]


class Level(enum.IntEnum):
    """How much a partner gets; each holds what those before it tell."""

    NOTHING = 0
    WARNING = 1
    ASSESSMENT = 2
    TRACKLETS = 3
    PLOTS = 4


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who says it to whom, and where it stands among all that was said to that partner.

    `epoch`: rises whenever the originator starts anew after an unclean stop. `sequence`: from 1
    within an epoch, without gaps; 0 for a heartbeat, which has no place in the chain. `previous`:
    SHA-256 of the body of the message before to this partner; empty for the first of an epoch.
    `exercise`: it is not live.
    """

    version: int
    originator: Nation
    addressee: Nation
    exercise: bool
    epoch: Number
    sequence: Number
    previous: Digest
    sent_ns: Time


class ScanPlots(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="plots"):
    """The released plots of one scan, or of a part of one; columns as in `Plots`, of one length.

    `radar`: its id in the originator's radar table. `epoch` and `sequence` count what was released
    of this radar to this partner, so they tell nothing of what was not; `numbers`: the same for
    each of `use`, what was released for it alone (empty: as `sequence`). Slant range; azimuth
    clockwise from true north, 0 to 2π; geometric elevation; range rate, positive: away. An empty
    `range_rate_m_s` or `snr_db`: not measured; NaN in one of them: not of this plot.
    """

    radar: Name
    epoch: Number
    sequence: Number
    scan: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    time_ns: Integers
    range_m: Reals
    azimuth_rad: Reals
    elevation_rad: Reals
    use: Uses
    range_rate_m_s: Reals = b""
    snr_db: Reals = b""
    numbers: Numbers = ()


class PackedTracklet(msgspec.Struct, frozen=True, kw_only=True):
    """A `Tracklet` of the originator's; `radar` is its opaque label.

    `numbers`, with b biases (0 or 8): state (6), vector (6), upper triangle of the information by
    rows (21), cross-information by rows (6 b), upper triangle of the bias information
    (b (b + 1) / 2), bias vector (b), bias sigma (b): 33 or 133 values. docs/wire.md says of what.
    """

    radar: Name
    time_ns: Time
    batch: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    first_ns: Time
    last_ns: Time
    plots: Count
    rank: Annotated[int, Meta(ge=0, le=6)]
    numbers: Reals
    correlation_time_s: float = 0.0


class TrackletBatch(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="tracklets"):
    """Tracklets that were ready together, of any radars and batches.

    `epoch`, `numbers`: count such messages, for each of `use` those released for it; empty: as the
    header does.
    """

    tracklets: Annotated[tuple[PackedTracklet, ...], Meta(min_length=1)]
    use: Uses
    epoch: Number = 0
    numbers: Numbers = ()


class FlightPath(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was and is thought to go: columns of one length, geodetic WGS84, times ascending."""

    time_ns: Integers
    latitude_rad: Reals
    longitude_rad: Reals
    height_m: Reals


class Assessment(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="assessment"):
    """A flight as its originator states it; fields as in `Flight`, with none of its sensors'.

    `flight`: the originator's number of it for this partner. `as_of_ns`: as known then.
    `withdrawn`: there is no such flight.
    """

    flight: Number
    as_of_ns: Time
    kind: FlightKind
    kind_probabilities: dict[FlightKind, Share]
    use: Uses
    range_class: RangeClass | None = None
    range_class_probability: Share | None = None
    launch: Launch | None = None
    path: FlightPath | None = None
    apogee: Apogee | None = None
    ground_range_m: float | None = None
    impact: Impact | None = None
    parted_from: Number | None = None
    withdrawn: bool = False


class AreaWarning(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="warning"):
    """An area and when something may come down in it, and nothing else.

    `area`: closed ring of (longitude, latitude) in rad. `warning`: the originator's number of it;
    a later one of that number takes its place.
    """

    warning: Number
    as_of_ns: Time
    from_ns: Time
    until_ns: Time
    area: tuple[tuple[float, float], ...]
    use: Uses
    withdrawn: bool = False


EventName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9]{1,7}-[0-9a-f]{12}$",
        description="An event: the nation whose name for it this is, and 12 random digits.",
    ),
]
Person = Annotated[str, Meta(min_length=1, max_length=64, description="A person's name.")]
Words = Annotated[str, Meta(min_length=1, max_length=20_000, description="What a person wrote.")]


class Matter(enum.StrEnum):
    """What of a consultation may go to a partner; its release policy says which."""

    ASSESSMENT = "assessment"
    ACKNOWLEDGEMENT = "acknowledgement"
    COMMENT = "comment"
    TEXT = "text"


class Assessed(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="assessed"):
    """The flights that the originator counts to the event, each as it stated it to the addressee.

    A later one of the originator takes its place.
    """

    flights: Annotated[tuple[Assessment | AreaWarning, ...], Meta(max_length=64)]


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="acknowledged"):
    """A person of the originator's has taken note of the event."""

    by: Person


class Commented(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="commented"):
    """What a person wrote; the first word about an event may be such a one."""

    by: Person
    text: Words


class Proposed(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="proposed"):
    """A text that every one of `nations` is to confirm, the originator too. Sorted, each once."""

    by: Person
    text: Words
    nations: Annotated[tuple[Nation, ...], Meta(min_length=2, max_length=32)]


class Confirmed(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="confirmed"):
    """A person confirms a text for the originator by the text's hash, and quotes nothing."""

    by: Person
    hash: Annotated[bytes, Meta(min_length=32, max_length=32, description="SHA-256.")]


class Joined(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="joined"):
    """What the addressee calls `other` is the event that the originator calls `event`."""

    other: EventName


Said = Assessed | Acknowledged | Commented | Proposed | Confirmed | Joined


class Consultation(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="consultation"):
    """One thing that a nation says about an event; nothing said is ever changed.

    `event`: by the originator's name of it or by the addressee's, never by another nation's. None
    where a text is confirmed: its hash names it.
    """

    at_ns: Time
    said: Said
    event: EventName | None = None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="heartbeat"):
    """The originator is there. `beat`: rises with each, within an epoch.

    `newest`, `digest`: number and SHA-256 of the newest message sent to this partner in the
    header's epoch, so that a gap at the end shows too.
    """

    beat: Number
    newest: Number
    digest: Digest = b""


Payload = ScanPlots | TrackletBatch | Assessment | AreaWarning | Consultation | Heartbeat


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: this, as MessagePack, is the body that is signed."""

    header: Header
    payload: Payload


class Fault(NamedTuple):
    """Why a message cannot be used: the place in it, what is wrong, and what to do."""

    place: str
    reason: str
    remedy: str
