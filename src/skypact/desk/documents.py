"""What the desk says, as JSON: degrees, metres, m/s and seconds, each with its unit in its name.

Times are ISO 8601 in UTC (`time`), or milliseconds since 1970 where many are sent (`time_ms`).
"""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(description="May go on past ±180 within one area or path.")]
Milliseconds = Annotated[int, Field(description="UTC since 1970, ms.")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Iso = Annotated[str, Field(description="ISO 8601, UTC.")]


class Polygon(TypedDict):
    """GeoJSON: one ring, closed, counter-clockwise."""

    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]


class Ellipse(TypedDict):
    """Holds it with 95 %; azimuth of the semi-major axis from north."""

    semi_major_m: float
    semi_minor_m: float
    azimuth_deg: float


class Track(TypedDict):
    """One track, as of `time_ms`: it flew on since with its velocity.

    `covariance_m2`: of its place in local east, north, up: ee, en, eu, nn, nu, uu.
    """

    id: int
    status: Literal["confirmed", "ended"]
    phase: Literal["coast", "boost", "reentry", "manoeuvre"]
    time_ms: Milliseconds
    latitude_deg: Latitude
    longitude_deg: Longitude
    height_m: float
    east_m_s: float
    north_m_s: float
    up_m_s: float
    covariance_m2: Annotated[list[float], Field(min_length=6, max_length=6)]
    velocity_sigma_m_s: float
    last_plot_ms: Milliseconds
    plots: int
    sources: int


class Place(TypedDict):
    """Where and when, with 95 %: `from_ms` to `until_ms`, within `area`."""

    time_ms: Milliseconds
    from_ms: Milliseconds
    until_ms: Milliseconds
    latitude_deg: Latitude
    longitude_deg: Longitude
    ellipse_95: Ellipse
    area: Polygon | None


class Apogee(TypedDict):
    """The highest point."""

    time_ms: Milliseconds
    height_m: float
    height_sigma_m: float


class Path(TypedDict):
    """Columns of one length."""

    time_ms: list[int]
    latitude_deg: list[float]
    longitude_deg: list[float]
    height_m: list[float]
    speed_m_s: list[float]


class Source(TypedDict):
    """A radar that has a part in it, or a partner's label of one whose name it hides.

    `first_ms`, `last_ms` null: longer ago than the node took note.
    """

    nation: str
    radar: str
    own: bool
    plots: int
    first_ms: Milliseconds | None
    last_ms: Milliseconds | None
    sees_now: bool


class Differences(TypedDict):
    """How far an assessment is from the joint one, null where either does not know it.

    `…_significant`: by more than the uncertainties of both explain (95 %).
    """

    kind: bool
    launch_m: float | None
    launch_significant: bool
    launch_time_s: float | None
    launch_time_significant: bool
    impact_m: float | None
    impact_significant: bool
    impact_time_s: float | None
    impact_time_significant: bool
    apogee_m: float | None
    apogee_significant: bool


class NationAssessment(TypedDict):
    """A flight as one nation alone has it: own, from the national picture, or a partner's."""

    nation: str
    own: bool
    flight: int
    as_of_ms: Milliseconds
    kind: str
    kind_probability: Share
    range_class: str | None
    launch: Place | None
    apogee: Apogee | None
    impact: Place | None
    differences: Differences


class Acknowledgement(TypedDict):
    """Who has taken note of a flight."""

    id: int
    flight: int
    who: str
    time: Iso


class Comment(TypedDict):
    """What somebody wrote about a flight."""

    id: int
    flight: int
    who: str
    time: Iso
    text: str


class BodyFall(TypedDict):
    """When it comes down, with 95 %, if it is heavy, or `light`: a spent stage or a light part."""

    light: bool
    probability: Share
    time_ms: Milliseconds
    from_ms: Milliseconds
    until_ms: Milliseconds


class Flight(TypedDict):
    """What a track means. `id`: of its track. `path_flown` is null in `flights` of a stream.

    Each picture numbers for itself: `shared_id` is the number of the same flight in the shared
    picture, null where none there is the same. What people noted of a flight is by that number.

    In the picture of a partner alone (`from:KOR`) an `id` below zero is of a flight that it states
    and sent no track of: `plots` is 0, `sources` empty, and all of it is what is stated. A track's
    `launch` and `ground_range_m` are there what the partner states, where its plots tell none.

    `bodies`: where it may be either of two sorts, which `impact` holds both; else empty.

    `urgency`: 3: impact soon, or it may still be boosting; 2: impact later; 1: nothing known yet;
    0: it is over, or does not come down.
    """

    id: int
    shared_id: int | None
    as_of_ms: Milliseconds
    status: Literal["confirmed", "ended"]
    ended_because: str | None
    urgency: Annotated[int, Field(ge=0, le=3)]
    kind: Literal["ballistic", "quasi_ballistic", "glide", "orbital", "aircraft", "unknown"]
    kind_probability: Share
    kind_probabilities: dict[str, float]
    range_class: Literal["srbm", "mrbm", "irbm", "icbm"] | None
    range_class_probability: Share | None
    parted_from: int | None
    first_plot_ms: Milliseconds
    last_plot_ms: Milliseconds
    last_seen_by: str
    plots: int
    nations: list[str]
    sources: list[Source]
    seen_now_by: list[str]
    independent_radars: int
    launch: Place | None
    apogee: Apogee | None
    impact: Place | None
    bodies: list[BodyFall]
    ground_range_m: float | None
    path_flown: Path | None
    path_expected: Path
    assessments: list[NationAssessment]
    acknowledged: list[Acknowledgement]
    comments: int


class Link(TypedDict):
    """How the link to a partner is."""

    up: bool
    since_ms: Milliseconds
    delay_s: float | None
    round_trip_s: float | None
    backlog_batches: int
    backlog_bytes: int
    waiting_messages: int
    alarms: list[str]


class Released(TypedDict):
    """What leaves for a partner: the most that goes of any own radar at present, and the rules."""

    level: Literal["nothing", "warning", "assessment", "tracklets", "plots"]
    openness: str
    use: list[str]
    rules: list[str]
    sent: int
    shed: int


class Refused(TypedDict):
    """What a partner sent and was not used: why, and what to do about it."""

    time: Iso
    cause: str
    place: str
    reason: str
    remedy: str


class Received(TypedDict):
    """What came from a partner, by outcome, and the last that was refused."""

    counts: dict[str, int]
    refused: list[Refused]
    came_ms: Milliseconds | None


class Partner(TypedDict):
    """How it stands with one partner."""

    nation: str
    link: Link
    left_out: bool
    released: Released
    received: Received


class ReleasePolicy(TypedDict):
    """The policy in force."""

    hash: str
    by: str
    since: Iso


class AlertArea(TypedDict):
    """An area that an alert is about, as `WarnedArea`."""

    id: str
    names: dict[str, str]
    danger: Literal["fall", "pass", "neighbour"]
    falls: float
    passes: float
    first_ms: Milliseconds | None
    last_ms: Milliseconds | None


class StandingAlert(TypedDict):
    """An alert that persons may release (`warning` is null: it waits), or cancel.

    `warning`: what a `Warning` calls its event. `flights`: their numbers in the shared picture.
    `released_by`: whose release holds, of the `persons` that it takes. `withheld`: a person has
    cancelled it.
    """

    event: int
    warning: str | None
    flights: list[int]
    areas: list[AlertArea]
    released_by: list[str]
    persons: int
    withheld: bool


class Status(TypedDict):
    """How the node is. `connected`: it tells the desk; `heard_ms`: when it last did.

    `late_s`: of nations whose plots come later than `node.greatest_lag_s`, how late. `behind_s`:
    how far the node itself is behind with what came; 0: no more than that.
    """

    nation: str
    exercise: bool
    mode: Literal["LIVE", "EXERCISE"]
    ready: bool
    connected: bool
    heard_ms: Milliseconds
    faults: list[str]
    notices: list[str]
    late_s: dict[str, float]
    behind_s: float
    alerts: list[StandingAlert]
    release_policy: ReleasePolicy
    journal_last: int
    journal_waiting: int
    version: str


class Clock(TypedDict):
    """What time it is, and when data last came: `newest_ms` of the newest plot in the picture."""

    time_ms: Milliseconds
    heard_ms: Milliseconds
    connected: bool
    newest_ms: Milliseconds | None
    came_ms: dict[str, int]


class Tracks(TypedDict):
    """`event: tracks`: those that changed, and ids of those that are no more."""

    time_ms: Milliseconds
    changed: list[Track]
    gone: list[int]


class Flights(TypedDict):
    """`event: flights`."""

    time_ms: Milliseconds
    changed: list[Flight]
    gone: list[int]


class Snapshot(TypedDict):
    """All of a picture. `event: snapshot`: what follows changes it.

    `known`: of a moment, by what was known when; null: by all that is known now.
    """

    picture: str
    time_ms: Milliseconds
    known: Iso | None
    tracks: list[Track]
    flights: list[Flight]
    partners: list[Partner]
    status: Status
    clock: Clock
    warnings: "Warnings"


class CoverageArea(TypedDict):
    """Where it can see what is so high."""

    height_m: float
    area: Polygon


class Radar(TypedDict):
    """A radar of the node's table."""

    id: str
    nation: str
    own: bool
    latitude_deg: Latitude
    longitude_deg: Longitude
    height_m: float
    max_range_m: float | None
    min_elevation_deg: float
    period_s: float | None
    coverage: list[CoverageArea]


class PictureName(TypedDict):
    """A picture that may be looked at. `own`, `partner`: whose data it is folded from."""

    name: str
    own: bool
    partners: list[str]


class Session(TypedDict):
    """Who is logged in, what he may do, and the token that each action needs in X-CSRF-Token.

    `of_provider`: at a provider, so without a password here.
    `own_key`: has a key of their own, so that what is said to partners needs the password.
    """

    who: str
    roles: list[str]
    own_key: bool
    csrf_token: str
    expires: Iso
    nation: str
    exercise: bool
    of_provider: bool


class LogInWays(TypedDict):
    """Whose desk it is, and how one may log in: by a password, at a provider.

    The provider as it is called; null: there is none.
    """

    nation: str
    password: bool
    provider: str | None


class Change(TypedDict):
    """What a proposed policy would change for one partner, in sentences."""

    partner: str
    more: list[str]
    less: list[str]
    other: list[str]


class Proposal(TypedDict):
    """A policy that was checked and not yet put in force: confirm it by its hash."""

    hash: str
    replaces: str
    changes: list[Change]


class Releases(TypedDict):
    """The release policy in force, as its text."""

    text: str
    hash: str
    by: str
    since: Iso
    partners: list[Partner]


class Done(TypedDict):
    """What was done, in a sentence."""

    said: str


class SaidBy(TypedDict):
    """Who said it, for which nation, and when by that nation's clock."""

    nation: str
    by: str
    at: Iso


class SaidWords(SaidBy):
    """What somebody wrote."""

    text: str


class EventText(TypedDict):
    """A proposed text. `agreed`: since when all of `nations` have confirmed it."""

    hash: str
    text: str
    proposed: SaidBy
    nations: list[str]
    confirmed: list[SaidBy]
    agreed: Iso | None


class WaitingText(TypedDict):
    """A text that `nations` have not confirmed yet."""

    hash: str
    proposed: SaidBy
    nations: list[str]


class EventLine(TypedDict):
    """A shared event in short. `names`: ours, and partners'; `told`: by partner that knows of
    it, the name that it was told.
    """

    event: str
    names: list[str]
    began: Iso
    latest: Iso
    told: dict[str, str]
    count: dict[str, int]
    acknowledged: list[SaidBy]
    comments: int
    texts: int
    agreed: str | None
    waiting: list[WaitingText]


class SharedEvent(TypedDict):
    """A shared event: by nation its flights (as `skypact consult show --json`), and what was said.

    `alone`: own assessments are what own plots alone say now; else as they were told to a partner.
    `shared_id` of a flight: the number of the same one in the shared picture; null: none there is.
    `differences`: of each two nations; what differs by more than both are unsure of is marked.
    """

    event: str
    names: list[str]
    began: Iso
    latest: Iso
    told: dict[str, str]
    count: dict[str, int]
    acknowledged: list[SaidBy]
    comments: list[SaidWords]
    texts: list[EventText]
    agreed: str | None
    waiting: list[WaitingText]
    alone: bool
    assessments: dict[str, list[dict[str, Any]]]
    differences: list[dict[str, Any]]


class Areas(TypedDict):
    """GeoJSON: rings, closed, of longitude and latitude in degrees."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[list[list[float]]]]


class WarnedArea(TypedDict):
    """An area under alert: probabilities that it comes down there, and passes over it.

    `danger`: what it is told; `first_ms`, `last_ms`: between which that may happen.
    """

    id: str
    names: dict[str, str]
    danger: Literal["fall", "pass", "neighbour"]
    falls: float | None
    passes: float | None
    first_ms: Milliseconds | None
    last_ms: Milliseconds | None
    area: Areas


class WarningText(TypedDict):
    """What people are told, in one language; `reason`: why these areas, and no others."""

    headline: str
    description: str
    instruction: str
    reason: str


class WarningPart(TypedDict):
    """What some of the areas are told: it falls there, passes over, is over; by CAP's event code.

    `names`, `texts`: by language.
    """

    told: str
    in_force: bool
    areas: list[str]
    names: dict[str, list[str]]
    texts: dict[str, WarningText]


class Warning(TypedDict):
    """A warning as last said: the newest message of its event.

    `flights`: their numbers in the shared picture, as far as this desk saw which they are.
    """

    id: str
    event: str
    flights: list[int]
    exercise: bool
    kind: Literal["alert", "update", "cancel", "all_clear"]
    in_force: bool
    expired: bool
    sent_ms: int
    expires_ms: int
    first_ms: int
    messages: int
    sender: str
    radars: int
    parts: list[WarningPart]
    areas: list[WarnedArea]


class WarningMessage(TypedDict):
    """One message of a warning, as it was said; `event`: the first message of what it is about."""

    id: str
    event: str
    kind: Literal["alert", "update", "cancel", "all_clear"]
    sent_ms: int
    parts: list[WarningPart]


class Warnings(TypedDict):
    """All of them; `warns`: whether the node warns; `fault`: why they may be old."""

    warns: bool
    fault: str
    warnings: list[Warning]


class AuditEntry(TypedDict):
    """Who did what, when, and whether it was let."""

    id: int
    time: Iso
    who: str
    what: str
    about: str
    outcome: str
    hash: str


class Fault(TypedDict):
    """Why it was not done, and what to do."""

    detail: str


Document = dict[str, Any]


class Moment(Snapshot):
    """A picture of the past. `consultations`: the shared events as they were known then."""

    consultations: list[SharedEvent]
