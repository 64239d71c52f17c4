"""What flights mean for areas: where it may come down, what it passes over, what is said of it."""

import enum

import msgspec

Ring = tuple[tuple[float, float], ...]
"""Closed ring of (longitude, latitude) in rad, -π to π and -π/2 to π/2."""
Polygon = tuple[Ring, ...]
"""An outer ring, then its holes."""


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """An area that can be warned: a prefecture, a province, a part of the sea.

    `names`: by language (`en`, `ja`, `ko`). `polygons`: none crosses the antimeridian.
    `kind`: `land`, `sea`, or what its file calls it. `exercise`: it is for exercises alone.
    """

    id: str
    names: dict[str, str]
    polygons: tuple[Polygon, ...]
    nation: str = ""
    kind: str = "land"
    population: int | None = None
    exercise: bool = False


class AreaChance(msgspec.Struct, frozen=True, kw_only=True):
    """What one flight may do to one area.

    `falls`: probability that it comes down in the area, between `fall_first_ns` and `fall_last_ns`
    (UTC since 1970, of all ways down that end there). `passes`: that its path passes over it, at
    any height, from `pass_first_ns` to `pass_last_ns`. None where it never does.
    """

    area: str
    falls: float
    passes: float
    fall_first_ns: int | None = None
    fall_last_ns: int | None = None
    pass_first_ns: int | None = None
    pass_last_ns: int | None = None


class Danger(enum.StrEnum):
    """What an area is told: it may come down here; pass over; or, as a precaution, come down near.

    In this order, the worst first.
    """

    FALL = "fall"
    NEIGHBOUR = "neighbour"
    PASS = "pass"

    @property
    def falls(self) -> bool:
        """Whether it is of coming down."""
        return self is not Danger.PASS


class WarnedArea(msgspec.Struct, frozen=True, kw_only=True):
    """An area under alert; `chance` as last looked at while its track was seen.

    `below_since_ns`: since when it may be cleared. `other_since_ns`: since when its danger is no
    longer what it is told.
    """

    danger: Danger
    chance: AreaChance
    since_ns: int
    below_since_ns: int | None = None
    other_since_ns: int | None = None

    @property
    def first_ns(self) -> int | None:
        """The first time of its danger."""
        of = self.chance
        return of.fall_first_ns if self.danger.falls else of.pass_first_ns

    @property
    def last_ns(self) -> int | None:
        """The last time of its danger."""
        of = self.chance
        return of.fall_last_ns if self.danger.falls else of.pass_last_ns


class Step(enum.StrEnum):
    """What is said: what begins, goes on, ends as false, or ends as over."""

    ALERT = "alert"
    UPDATE = "update"
    CANCEL = "cancel"
    ALL_CLEAR = "all clear"


class Reason(enum.StrEnum):
    """Why it is said."""

    THRESHOLD = "probability reached the threshold"
    MORE_AREAS = "areas added"
    OTHER_DANGER = "what areas are told changed: it may come down there, or pass over"
    FEWER_AREAS = "areas in which it no longer may come down"
    OTHER_TIMES = "times changed"
    STILL = "still holds"
    TRACK_LOST = "track lost: what was said holds, nothing is assumed"
    TRACK_FOUND = "track seen again"
    CAME_DOWN = "came down, or the last time at which it could is past"
    ELSEWHERE = "probability fell below that of all-clear in all areas"
    NO_DANGER = "it is nothing that comes down here"
    WITHDRAWN = "the observations behind it were withdrawn"
    BY_OPERATOR = "ordered by an operator"


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision rests on: of each flight of it what was observed, and by whom.

    `radars`: independent radars that have seen it, each counted once, own by id and partners' by
    nation and label. `plots`: how many. `last_plot_ns`: the newest.
    """

    flight: int
    kind: str
    radars: tuple[str, ...]
    plots: int
    first_plot_ns: int
    last_plot_ns: int


class Warning(msgspec.Struct, frozen=True, kw_only=True):
    """One step of what is said of an event: a flight and what parted from it.

    `event`: number of its first flight; `number`: of the step within the event, from 1. `areas`:
    all under alert after this step; none once it is over. `gone`: those that no longer are.
    `launched_ns`, `launched_sigma_s`: when it was launched, as far as known. `lost_since_ns`: the
    last plot of a track that is lost. `released_by`: persons who released an Alert; none: it went
    by rule. `new`: areas that an Update adds. `was`: what areas that are gone, or are told
    something else now, were told before. `still`: those gone that another event has under alert.
    `passed`: those gone at which the last time that it could pass over is past.
    """

    event: int
    number: int
    step: Step
    time_ns: int
    reason: Reason
    areas: tuple[WarnedArea, ...]
    gone: tuple[str, ...]
    basis: tuple[Basis, ...]
    launched_ns: int | None = None
    lost_since_ns: int | None = None
    released_by: tuple[str, ...] = ()
    launched_sigma_s: float | None = None
    new: tuple[str, ...] = ()
    was: dict[str, Danger] = {}
    still: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
