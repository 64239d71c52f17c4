"""What a node tells its nation's desk: its pictures as changes, and how it is itself.

MessagePack on the nation's own server, between programs of one version: nothing of it is on the
wire between nations.
"""

from typing import Any

import msgspec

from skypact.model.flight import Flight
from skypact.model.message import AreaWarning, Assessment, Integers, Reals
from skypact.model.radar import Radar
from skypact.model.track import Phase, TrackStatus
from skypact.model.warning import Danger


class ShownTrack(msgspec.Struct, frozen=True, array_like=True):
    """A track as it stands at `time_ns`. Geodetic WGS84; velocity in local east, north, up.

    `covariance_m2`: of its place in local east, north, up: ee, en, eu, nn, nu, uu. `sources`: how
    many radars have a part in it.
    """

    id: int
    status: TrackStatus
    phase: Phase
    time_ns: int
    latitude_rad: float
    longitude_rad: float
    height_m: float
    east_m_s: float
    north_m_s: float
    up_m_s: float
    covariance_m2: tuple[float, float, float, float, float, float]
    velocity_sigma_m_s: float
    last_plot_ns: int
    plots: int
    sources: int


class ShownPath(msgspec.Struct, frozen=True, array_like=True):
    """Columns of one length, times ascending. Geodetic WGS84; speed over the ground's frame."""

    time_ns: Integers
    latitude_rad: Reals
    longitude_rad: Reals
    height_m: Reals
    speed_m_s: Reals


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A radar that has a part in a track: its id, or a partner's label of it.

    `first_ns`, `last_ns`: when it first and last saw the object, None: before
    `DeskState.since_ns`.
    """

    nation: str
    radar: str
    plots: int
    first_ns: int | None
    last_ns: int | None


class ShownFlight(msgspec.Struct, frozen=True, array_like=True):
    """What a track of a picture means, and who sees it; `expected`: where it is thought to go."""

    flight: Flight
    as_of_ns: int
    status: TrackStatus
    ended_because: str | None
    sources: tuple[Source, ...]
    expected: ShownPath


class Statement(msgspec.Struct, frozen=True, array_like=True):
    """What a partner last stated. `is_over`: it has taken it back, as of a flight that ended."""

    nation: str
    said: Assessment | AreaWarning
    is_over: bool = False


class PictureChange(msgspec.Struct, frozen=True, array_like=True):
    """What changed in a picture, or in an answer (a part of) all of it.

    `epoch`: of the one who tells; `number`: from 1 within it, without gaps; an answer has that of
    the last change that it holds. `time_ns`: the node's clock; `newest_ns`: of the newest plot in
    it, 0: none. `gone`, `flights_gone`: ids that are no more. `flown`: by id, where they went until
    now. `more`: further parts of the answer follow. `fault`: why there is none. `stated`: of a
    moment of the past, what partners had stated by then; `consulted`: of own radars alone then, the
    shared events as their documents.
    """

    picture: str
    epoch: int
    number: int
    time_ns: int
    newest_ns: int
    tracks: tuple[ShownTrack, ...] = ()
    gone: tuple[int, ...] = ()
    flights: tuple[ShownFlight, ...] = ()
    flights_gone: tuple[int, ...] = ()
    flown: dict[int, ShownPath] = {}
    more: bool = False
    fault: str = ""
    stated: tuple[Statement, ...] = ()
    consulted: tuple[dict[str, Any], ...] = ()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk asks of its node.

    `pictures`: those that somebody looks at; they are told for a while. `whole`: the picture that
    is wanted whole. `at_ns`, `known_ns`: it is wanted as of a time, by what was known at another
    (None: by all that is known now; 0: by what was known then).
    """

    pictures: tuple[str, ...] = ()
    whole: str = ""
    at_ns: int | None = None
    known_ns: int | None = None


class RefusedMessage(msgspec.Struct, frozen=True, array_like=True):
    """What came from a partner and was not used."""

    time_ns: int
    cause: str
    place: str
    reason: str
    remedy: str


class PartnerState(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with one partner: its link, what leaves for it, what came from it.

    `level`: the most that goes of any own radar now, by the policy in force. `sent`: messages;
    `received`: by outcome.
    """

    nation: str
    up: bool
    since_ns: int
    delay_s: float | None
    round_trip_s: float | None
    backlog_batches: int
    backlog_bytes: int
    waiting_messages: int
    alarms: tuple[str, ...]
    left_out: bool
    level: str
    openness: str
    use: tuple[str, ...]
    rules: tuple[str, ...]
    sent: int
    shed: int
    received: dict[str, int]
    refused: tuple[RefusedMessage, ...]


class AlertArea(msgspec.Struct, frozen=True, array_like=True):
    """An area that an alert is about.

    `names`: by language. `first_ns`, `last_ns`: between which its danger is.
    """

    id: str
    names: dict[str, str]
    danger: Danger
    falls: float
    passes: float
    first_ns: int | None
    last_ns: int | None = None


class StandingAlert(msgspec.Struct, frozen=True, array_like=True):
    """An alert of this node that persons may release, or cancel.

    `event`: its number, as orders name it. `first`: the identifier of its first message; empty:
    nothing was said, it waits for persons. `flights`: ids in the picture for public alerts.
    `released_by`: whose release holds, of the `persons` that it takes. `withheld`: a person has
    cancelled it.
    """

    event: int
    first: str
    flights: tuple[int, ...]
    areas: tuple[AlertArea, ...]
    released_by: tuple[str, ...]
    persons: int
    withheld: bool


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is, each second while a desk listens.

    `since_ns`: when the node began to take note of who sees what. `numbers`: by picture, of the
    last change. `came_ns`: by nation, when it last told of flights. `pictures`: all that may be
    asked for. `late_s`: of nations whose plots come later than `node.greatest_lag_s`, how late, s;
    `behind_s`: how far the node itself was behind lately, s, 0: no more than that.
    """

    nation: str
    exercise: bool
    epoch: int
    since_ns: int
    time_ns: int
    ready: bool
    faults: tuple[str, ...]
    notices: tuple[str, ...]
    policy_hash: str
    policy_by: str
    policy_since_ns: int
    journal_last: int
    journal_waiting: int
    numbers: dict[str, int]
    came_ns: dict[str, int]
    pictures: tuple[str, ...]
    partners: tuple[PartnerState, ...]
    statements: tuple[Statement, ...]
    alerts: tuple[StandingAlert, ...] = ()
    late_s: dict[str, float] = {}
    behind_s: float = 0.0


class Coverage(msgspec.Struct, frozen=True, array_like=True):
    """Where a radar can see what is `height_m` high: closed ring of (longitude, latitude) rad."""

    height_m: float
    ring: tuple[tuple[float, float], ...]


class ShownRadar(msgspec.Struct, frozen=True, array_like=True):
    """A radar of the node's table, and what it covers at some heights."""

    radar: Radar
    coverage: tuple[Coverage, ...]
