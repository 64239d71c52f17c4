"""The decision: which areas are warned of which flight, and why. A pure fold.

The same flights at the same times give the same decisions, bit for bit; what is kept between two
looks can be saved and taken up again. Objects that parted from one another are one *event*, with
one chain of messages; so is, if nothing was said of it yet, what may come down in one area at one
time with it. Nothing is assumed: an area's alert ends by what was seen, or when the last time at
which anything could come down there is past.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from skypact.model import (
    AlertArea,
    AreaChance,
    Basis,
    Danger,
    Descent,
    Flight,
    FlightKind,
    Launch,
    Reason,
    StandingAlert,
    Step,
    WarnedArea,
    Warning,
)
from skypact.settings import WarningSettings
from skypact.warning.chances import AreaIndex

S = 1_000_000_000
_LONGEST_NS = 7200 * S
"""No flight that comes down takes longer."""
_ENDS_UNSEEN_NS = 120 * S
"""A track that burns ends when it is not seen for so long; by then it was foretold, or is none."""
_HARMLESS = (FlightKind.AIRCRAFT, FlightKind.ORBITAL)
_WORST_FIRST = {danger: place for place, danger in enumerate(Danger)}


class _Member(msgspec.Struct, array_like=True):
    """A flight of an event, as it was when it was last seen well enough to be foretold."""

    chances: dict[str, AreaChance]
    last_plot_ns: int
    until_ns: int
    """The last time at which it may come down; 0: not known."""
    harmless: bool = False
    foretold_ns: int = 0
    """Its newest plot when it was last foretold; 0: it never was."""
    since_ns: int = 0
    """Since which plot it was foretold at each look; 0: at the last one it was not."""
    heard_ns: int = 0
    """When its newest plot was first looked at, by the clock that tracks are lost by."""

    @property
    def burns(self) -> bool:
        """Whether it was seen since without that it could be foretold: a boost may go on."""
        return not self.harmless and self.last_plot_ns > self.foretold_ns


class _Event(msgspec.Struct, array_like=True):
    """What is known of an event, and what was said of it last."""

    event: int
    members: dict[int, _Member]
    warned: dict[str, WarnedArea]
    number: int = 0
    open: bool = False
    said_ns: int = 0
    said_times: tuple[int, int] = (0, 0)
    lost: bool = False
    danger_from_ns: int = 0
    basis: tuple[Basis, ...] = ()
    withheld: bool = False
    """An operator ended it: without a release nothing more is said of it."""
    told: dict[str, Danger] = msgspec.field(default_factory=dict)
    """What each area was told last."""
    passed: set[str] = msgspec.field(default_factory=set)
    """Areas that are to be told that it could pass over them no later than now."""


class Decider:
    """Decides look by look. `save` and `take_up` carry it over a restart."""

    def __init__(self, index: AreaIndex, settings: WarningSettings) -> None:
        self.index, self._settings = index, settings
        self._near = index.neighbours(settings.neighbour_km * 1e3)
        self._events: dict[int, _Event] = {}
        self._event_of: dict[int, int] = {}
        self._worked_out: dict[int, tuple[Descent, dict[str, AreaChance]]] = {}
        self._released: dict[int, dict[str, int]] = {}
        self._watched_ns = self._late_ns = 0
        self._uncarried: frozenset[int] = frozenset()
        self._behind: frozenset[int] = frozenset()

    @property
    def watched_ns(self) -> int:
        """The clock by which tracks are lost, at the last look; 0: there was none."""
        return self._watched_ns

    def save(self) -> bytes:
        """What it keeps."""
        return msgspec.msgpack.encode((self._events, self._event_of, self._watched_ns))

    def take_up(self, saved: bytes) -> None:
        """Go on from what was saved."""
        self._events, self._event_of, self._watched_ns = msgspec.msgpack.decode(
            saved, type=tuple[dict[int, _Event], dict[int, int], int]
        )

    @property
    def under_alert(self) -> dict[int, tuple[WarnedArea, ...]]:
        """By event, what is under alert."""
        return {e.event: _in_order(e.warned) for e in self._events.values() if e.open}

    @property
    def waiting(self) -> dict[int, tuple[WarnedArea, ...]]:
        """By event, what would be under alert if it were released."""
        events = self._events.values()
        return {e.event: _in_order(e.warned) for e in events if e.warned and not e.open}

    def release(self, event: int, who: str, when_ns: int) -> None:
        """A person releases an event's alert; it holds for `expires_s`, once for each person."""
        self._released.setdefault(event, {})[who] = when_ns

    def missing(self, event: int, now_ns: int) -> int:
        """So many persons still have to release an event's alert."""
        found = self._events.get(event)
        return 0 if found is None else self._needed(found) - len(self._releasing(found, now_ns))

    def standing(self, now_ns: int) -> tuple[StandingAlert, ...]:
        """What persons may release, or cancel; which message each began with others know."""
        return tuple(
            StandingAlert(
                event=one.event,
                first="",
                flights=tuple(sorted(one.members)),
                areas=tuple(self._standing(area) for area in _in_order(one.warned)),
                released_by=() if one.open else self._releasing(one, now_ns),
                persons=self._needed(one),
                withheld=one.withheld,
            )
            for one in sorted(self._events.values(), key=lambda each: each.event)
            if one.warned
        )

    def _standing(self, of: WarnedArea) -> AlertArea:
        name, chance = of.chance.area, of.chance
        return AlertArea(
            id=name,
            names=self.index.by_id[name].names,
            danger=of.danger,
            falls=chance.falls,
            passes=chance.passes,
            first_ns=of.first_ns,
            last_ns=of.last_ns,
        )

    def look(
        self,
        now_ns: int,
        flights: Sequence[Flight],
        *,
        watched_ns: int | None = None,
        late_ns: int = 0,
        uncarried: Collection[int] = (),
        behind: Collection[int] = (),
    ) -> tuple[Warning, ...]:
        """What is to be said now, of all flights of the picture as they are now.

        `watched_ns`: a clock, from any beginning, that stands while what radars send is not taken
        in: by it a track is lost, so that a node's own lag loses none. None: `now_ns`. `late_ns`:
        so late comes what radars send: until then it may be on its way that they see a track.
        `uncarried`: flights whose ways down do not yet know of what was seen of them last: nothing
        is past of them, as they may come down later than was thought. `behind`: those of which
        they are too old, or too few as yet: no area is cleared by them.
        """
        self._watched_ns = max(now_ns if watched_ns is None else watched_ns, self._watched_ns)
        self._late_ns = late_ns
        self._uncarried, self._behind = frozenset(uncarried), frozenset(behind)
        self._sort_in(flights)
        for gone in self._worked_out.keys() - {flight.id for flight in flights}:
            del self._worked_out[gone]
        for flight in flights:
            self._take(self._events[self._event_of[flight.id]], flight)
        self._join(flights)
        said = []
        for event in sorted(self._events.values(), key=lambda one: one.event):
            own = [f for f in flights if self._event_of[f.id] == event.event]
            one = self._decide(event, now_ns, own)
            if one is not None:
                said.append(one)
        return tuple(self._beside_others(one) for one in said)

    def cancel(self, event: int, now_ns: int) -> Warning | None:
        """An operator's Cancel of an event; None where nothing of it is under alert."""
        found = self._events.get(event)
        if found is None or not found.open:
            return None
        found.withheld = True
        now_ns = max(now_ns, found.said_ns)
        said = self._end(found, now_ns, Step.CANCEL, Reason.BY_OPERATOR, found.basis)
        return self._beside_others(said)

    def _beside_others(self, said: Warning) -> Warning:
        """Nobody is told to leave shelter where another event has them under alert."""
        others = {
            area for e in self._events.values() if e.open and e.event != said.event
            for area in e.warned
        }  # fmt: skip
        return msgspec.structs.replace(said, still=tuple(sorted(others & set(said.gone))))

    def _sort_in(self, flights: Sequence[Flight]) -> None:
        """Each flight belongs to the event of what it parted from, and stays with it."""
        for flight in sorted(flights, key=lambda one: one.id):
            if flight.id not in self._event_of:
                root = flight.parted_from
                event = flight.id if root is None else self._event_of.get(root, root)
                self._event_of[flight.id] = event
                self._events.setdefault(event, _Event(event, {}, {}))

    def _join(self, flights: Sequence[Flight]) -> None:
        """A flight of which nothing was said joins the event that it turns out to be of.

        What it parted from may be known later than it; and where that was never seen, as of a part
        that comes into sight again or for the first time, what may come down in one area, or pass
        over it, at one time is one danger: one alert, and no all-clear before all of it is over.
        """
        for flight in sorted(flights, key=lambda one: one.id):
            own = self._events[self._event_of[flight.id]]
            if own.number:
                continue
            root = self._event_of.get(flight.parted_from or flight.id, own.event)
            other = self._events[root] if root != own.event else self._same_danger(flight, own)
            if other is not None:
                self._event_of[flight.id] = other.event
                other.members[flight.id] = own.members.pop(flight.id)
                own.warned.clear()
                if own.event not in self._event_of.values():
                    del self._events[own.event]

    def _same_danger(self, flight: Flight, own: _Event) -> _Event | None:
        """An event under alert, or an earlier one, with a part that may do what the flight may."""
        mine = own.members[flight.id].chances.values()
        for event in sorted(self._events.values(), key=lambda one: one.event):
            if not event.open and (event.number or event.event >= own.event):
                continue
            if any(
                self._alike(a, b.chances.get(a.area)) for a in mine for b in event.members.values()
            ):
                return event
        return None

    def _alike(self, one: AreaChance, other: AreaChance | None) -> bool:
        """Whether two may come down in an area, or pass over it, at one time, likely enough."""
        if other is None:
            return False
        falls = (one.fall_first_ns, one.fall_last_ns), (other.fall_first_ns, other.fall_last_ns)
        passes = (one.pass_first_ns, one.pass_last_ns), (other.pass_first_ns, other.pass_last_ns)
        fall, over = min(one.falls, other.falls), min(one.passes, other.passes)
        return (fall >= self._settings.urgent_probability and _overlap(*falls)) or (
            over >= self._settings.pass_probability and _overlap(*passes)
        )

    def _decide(self, event: _Event, now_ns: int, own: Sequence[Flight]) -> Warning | None:
        now_ns = max(now_ns, event.said_ns)  # a clock may go back; messages in order do not
        withdrawn = bool(event.members) and not own
        for vanished in set(event.members) - {flight.id for flight in own}:
            del event.members[vanished]
        basis = event.basis = tuple(_basis(flight) for flight in own)
        launches = [flight.launch for flight in own if flight.launch]
        launch = min(launches, key=lambda one: one.time_ns, default=None)
        chances = _together(self._to_come(event, now_ns), now_ns)
        lost = self._lost(event, now_ns)
        if event.open:
            if withdrawn:
                return self._end(event, now_ns, Step.CANCEL, Reason.WITHDRAWN, basis, launch)
            if event.members and all(m.harmless for m in event.members.values()):
                return self._end(event, now_ns, Step.CANCEL, Reason.NO_DANGER, basis, launch)
            if any(m.until_ns for m in event.members.values()) and not any(
                self._to_come(event, now_ns)
            ):
                return self._end(event, now_ns, Step.ALL_CLEAR, Reason.CAME_DOWN, basis, launch)
        before = set(event.warned)
        self._warn(event, now_ns, chances, lost is not None)
        grows = bool(event.warned.keys() - before) or self._worse(event)
        holds = lost is not None or not self._behind.isdisjoint(event.members)
        gone = () if holds else self._clear(event, now_ns, at_once=grows)
        if not event.open and not event.warned:
            return None
        if event.open and not event.warned:
            early = now_ns < event.danger_from_ns
            step = Step.CANCEL if early else Step.ALL_CLEAR
            return self._end(event, now_ns, step, Reason.ELSEWHERE, basis, launch, gone)
        reason = self._reason(event, now_ns, set(event.warned) - before, gone, lost)
        if reason is None:
            return None
        step = Step.UPDATE if event.open else Step.ALERT
        if step == Step.ALERT and not self._may_go(event, now_ns):
            return None
        event.open, event.withheld, event.lost = True, False, lost is not None
        event.said_times = _times(event.warned.values())
        event.danger_from_ns = event.said_times[0]
        return self._say(event, now_ns, step, reason, basis, launch, gone, lost)

    def _worse(self, event: _Event) -> bool:
        """Whether an area is in a worse danger than it was told last."""
        return any(
            _WORST_FIRST[one.danger] < _WORST_FIRST[event.told.get(name, one.danger)]
            for name, one in event.warned.items()
        )

    def _may_go(self, event: _Event, now_ns: int) -> bool:
        """Whether an alert needs no more persons to release it."""
        if len(self._releasing(event, now_ns)) >= self._needed(event):
            return True
        if event.withheld:
            return False
        of = self._settings
        first_ns, _ = _times(event.warned.values())
        soon = first_ns - now_ns < of.at_once_lead_s * S
        return soon or any(
            one.danger == Danger.FALL and one.chance.falls >= of.at_once_probability
            for one in event.warned.values()
        )

    def _needed(self, event: _Event) -> int:
        least = 1 if event.withheld else 0
        return max(self._settings.release_persons, least)

    def _releasing(self, event: _Event, now_ns: int) -> tuple[str, ...]:
        """Who released what was not said before, not too long ago."""
        after_ns = max(event.said_ns, now_ns - round(self._settings.expires_s * S))
        by = self._released.get(event.event, {})
        return tuple(sorted(who for who, at_ns in by.items() if at_ns > after_ns))

    def _take(self, event: _Event, flight: Flight) -> None:
        """What a flight may do now, if it was seen since, and can be foretold."""
        harmless = flight.kind in _HARMLESS
        known = event.members.get(flight.id)
        is_old = known is not None and known.last_plot_ns >= flight.last_plot_ns
        heard_ns = known.heard_ns if known and is_old else self._watched_ns
        if flight.descent is None and not harmless:
            if known is None:
                new = _Member({}, flight.last_plot_ns, 0, heard_ns=heard_ns)
                event.members[flight.id] = new
            else:
                known.heard_ns = heard_ns
                known.last_plot_ns = flight.last_plot_ns  # it holds until it can be foretold again
                known.since_ns = 0
            return
        chances: dict[str, AreaChance] = {}
        until = 0
        if flight.descent is not None and not harmless:
            chances = self._chances(flight.id, flight.descent)
            until = int(flight.descent.time_ns.max()) if len(flight.descent.time_ns) else 0
        seen_ns = flight.last_plot_ns
        since_ns = (known.since_ns if known else 0) or seen_ns
        event.members[flight.id] = _Member(
            chances, seen_ns, until, harmless, seen_ns, since_ns, heard_ns
        )

    def _chances(self, flight: int, descent: Descent) -> dict[str, AreaChance]:
        """By area; worked out once for each descent."""
        known = self._worked_out.get(flight)
        if known is None or known[0] is not descent:
            known = descent, {one.area: one for one in self.index.chances(descent)}
            self._worked_out[flight] = known
        return known[1]

    def _to_come(self, event: _Event, now_ns: int) -> Iterator[_Member]:
        """Those that may still come down: of what is down already nothing is to be said anew.

        What may burn comes down later than was foretold, nobody knows when; and so may what is
        warned of while its ways down are not known by all that was seen.
        """
        held = self._uncarried if event.warned else ()
        return (
            member
            for flight, member in event.members.items()
            if flight in held or self._is_to_come(member, now_ns)
        )

    def _is_to_come(self, member: _Member, now_ns: int) -> bool:
        if member.burns:
            longest = _LONGEST_NS if member.until_ns else _ENDS_UNSEEN_NS
            return now_ns - member.last_plot_ns <= longest
        return now_ns <= member.until_ns + self._settings.over_after_s * S

    def _seen_ns(self, event: _Event, now_ns: int) -> int:
        """Until when all that may still come down was seen, and foretold."""
        return min([now_ns, *(m.foretold_ns for m in self._to_come(event, now_ns))])

    def _lost(self, event: _Event, now_ns: int) -> int | None:
        """Since when one that is still to come down is lost; None while all are seen."""
        after = self._settings.lost_after_s * S
        lost = [
            m.last_plot_ns
            for m in self._to_come(event, now_ns)
            if m.chances
            and self._watched_ns - m.heard_ns > after
            and now_ns - self._late_ns - m.last_plot_ns > after
        ]
        return min(lost, default=None)

    def _warn(
        self, event: _Event, now_ns: int, chances: Mapping[str, AreaChance], lost: bool
    ) -> None:
        """Put areas under alert, and bring those that are up to date."""
        seen_ns = None if lost else self._seen_ns(event, now_ns)
        goes_on = event.number and not event.withheld
        settled = self._settled(event, now_ns) if goes_on else chances
        wanted: dict[str, Danger] = {}
        for name, chance in chances.items():
            danger = self._danger(chance, now_ns)
            if danger == Danger.PASS and name not in event.warned:
                danger = self._danger(settled[name], now_ns) if name in settled else None
            if danger is not None:
                wanted[name] = danger
        for name in tuple(wanted):
            if wanted[name] != Danger.FALL:
                continue
            for near in self._near[name]:
                reached = chances.get(near)
                if reached and reached.falls >= max(self._settings.neighbour_probability, 1e-12):
                    wanted[near] = min(
                        Danger.NEIGHBOUR,
                        wanted.get(near, Danger.PASS),
                        key=_WORST_FIRST.__getitem__,
                    )
        for name, warned in event.warned.items():
            chance = chances.get(name, AreaChance(area=name, falls=0.0, passes=0.0))
            if max(chance.falls, chance.passes) >= self._settings.clear_probability:
                event.warned[name] = self._brought_up(
                    warned, chance, wanted.get(name), now_ns, seen_ns
                )
            elif warned.below_since_ns is None:
                event.warned[name] = msgspec.structs.replace(warned, below_since_ns=now_ns)
        for name in sorted(set(wanted) - set(event.warned)):
            event.warned[name] = WarnedArea(
                danger=wanted[name], chance=chances[name], since_ns=now_ns
            )

    def _settled(self, event: _Event, now_ns: int) -> dict[str, AreaChance]:
        """The chances by parts that were foretold for a while.

        A part that was just seen to part may for a moment go anywhere: what it passes over adds no
        area that is out again a little later. Where it may fall it does at once.
        """
        after = self._settings.settles_s * S
        return _together(
            (
                m
                for m in self._to_come(event, now_ns)
                if m.since_ns and m.foretold_ns - m.since_ns >= after
            ),
            now_ns,
        )

    def _brought_up(
        self,
        warned: WarnedArea,
        chance: AreaChance,
        wanted: Danger | None,
        now_ns: int,
        seen_ns: int | None,
    ) -> WarnedArea:
        """An area that stays under alert, and what it is told.

        What is worse it is told at once. The danger that it is told of is over, as an area's alert
        is, once it was below `clear_probability` for long enough with the track seen; then it is
        told the other one. `seen_ns`: until when it was; None: it is lost.
        """
        change = msgspec.structs.replace
        warned = change(warned, below_since_ns=None)
        if wanted is not None and _WORST_FIRST[wanted] < _WORST_FIRST[warned.danger]:
            return change(warned, chance=chance, danger=wanted, other_since_ns=None)
        own = chance.falls if warned.danger.falls else chance.passes
        if own >= self._settings.clear_probability:
            return change(warned, chance=chance, other_since_ns=None)
        since_ns = now_ns if warned.other_since_ns is None else warned.other_since_ns
        if seen_ns is None or seen_ns - since_ns < self._clear_after_ns(warned, now_ns):
            return change(warned, other_since_ns=since_ns)
        other = Danger.PASS if warned.danger.falls else Danger.NEIGHBOUR
        return change(warned, chance=chance, danger=other, other_since_ns=None)

    def _danger(self, chance: AreaChance, now_ns: int) -> Danger | None:
        of = self._settings
        soon = (
            chance.fall_first_ns is not None and chance.fall_first_ns - now_ns < of.least_lead_s * S
        )
        if chance.falls >= (of.urgent_probability if soon else of.alert_probability):
            return Danger.FALL
        return Danger.PASS if chance.passes >= of.pass_probability else None

    def _clear(self, event: _Event, now_ns: int, *, at_once: bool) -> tuple[str, ...]:
        """Take out areas that were below the threshold for long enough.

        Where others stay that is an Update, which waits until one may be said; `at_once`: one is.
        """
        seen_ns = self._seen_ns(event, now_ns)
        gone = sorted(
            name
            for name, one in event.warned.items()
            if one.below_since_ns is not None
            and seen_ns - one.below_since_ns >= self._clear_after_ns(one, now_ns)
        )
        if len(gone) < len(event.warned) and not at_once and not self._may_update(event, now_ns):
            return ()
        for name in gone:
            if _has_passed(event.warned.pop(name), now_ns):
                event.passed.add(name)
        return tuple(gone)

    def _clear_after_ns(self, one: WarnedArea, now_ns: int) -> float:
        """For how long an area is to be below the threshold before it is cleared.

        What has passed is over. What now seems to go elsewhere, a plot or a part may bring back.
        """
        of = self._settings
        return (of.passed_after_s if _has_passed(one, now_ns) else of.clear_after_s) * S

    def _reason(
        self, event: _Event, now_ns: int, new: Iterable[str], gone: Sequence[str], lost: int | None
    ) -> Reason | None:
        """Why something is to be said now; None: nothing is.

        At once where danger grows; all else waits until `update_every_s` after the message before.
        """
        of = self._settings
        if not event.open:
            return Reason.THRESHOLD
        if tuple(new):
            return Reason.MORE_AREAS
        if gone:
            return Reason.FEWER_AREAS
        if self._worse(event):
            return Reason.OTHER_DANGER
        if not self._may_update(event, now_ns):
            return None
        if event.lost != (lost is not None):
            return Reason.TRACK_LOST if lost is not None else Reason.TRACK_FOUND
        if any(one.danger != event.told.get(n, one.danger) for n, one in event.warned.items()):
            return Reason.OTHER_DANGER
        # What is past does not change: a danger that has begun goes on, whatever part is ahead.
        ahead = zip(_times(event.warned.values()), event.said_times, strict=True)
        moved = max(abs(max(now, now_ns) - max(was, now_ns)) for now, was in ahead)
        if moved > of.times_change_s * S:
            return Reason.OTHER_TIMES
        return Reason.STILL if now_ns - event.said_ns >= 0.5 * of.expires_s * S else None

    def _may_update(self, event: _Event, now_ns: int) -> bool:
        """Whether the message before was long enough ago for what is no greater danger."""
        return now_ns - event.said_ns >= self._settings.update_every_s * S

    def _end(
        self,
        event: _Event,
        now_ns: int,
        step: Step,
        reason: Reason,
        basis: tuple[Basis, ...],
        launch: Launch | None = None,
        gone: tuple[str, ...] = (),
    ) -> Warning:
        gone = tuple(sorted({*gone, *event.warned}))
        event.passed |= {name for name, one in event.warned.items() if _has_passed(one, now_ns)}
        event.warned.clear()
        lost = self._lost(event, now_ns + 1) if event.lost else None
        seen_ns = min((m.last_plot_ns for m in event.members.values()), default=None)
        # Also where a node that was behind did not say so before: its end was not seen.
        heard_until_ns = now_ns - self._late_ns
        unseen = seen_ns is not None and heard_until_ns - seen_ns > self._settings.lost_after_s * S
        if lost is None and (event.lost or (reason == Reason.CAME_DOWN and unseen)):
            lost = seen_ns
        event.open, event.lost = False, False
        return self._say(event, now_ns, step, reason, basis, launch, gone, lost)

    def _say(
        self,
        event: _Event,
        now_ns: int,
        step: Step,
        reason: Reason,
        basis: tuple[Basis, ...],
        launch: Launch | None,
        gone: tuple[str, ...],
        lost: int | None,
    ) -> Warning:
        event.number += 1
        by = self._releasing(event, now_ns) if step == Step.ALERT else ()
        event.said_ns = now_ns
        told = {name: one.danger for name, one in event.warned.items()}
        was = {n: d for n, d in event.told.items() if told.get(n) != d}
        new = tuple(sorted(set(told) - set(event.told))) if step == Step.UPDATE else ()
        event.told = told
        passed = tuple(sorted(event.passed & set(gone)))
        event.passed.clear()
        return Warning(
            event=event.event,
            number=event.number,
            step=step,
            time_ns=now_ns,
            reason=reason,
            areas=_in_order(event.warned),
            gone=gone,
            basis=basis,
            launched_ns=launch.time_ns if launch else None,
            launched_sigma_s=launch.time_sigma_s if launch else None,
            lost_since_ns=lost,
            released_by=by,
            new=new,
            was={name: was[name] for name in sorted(was)},
            passed=passed,
        )


def _basis(flight: Flight) -> Basis:
    return Basis(
        flight=flight.id,
        kind=str(flight.kind),
        radars=(*flight.radars, *flight.partner_radars),
        plots=flight.plots,
        first_plot_ns=flight.first_plot_ns,
        last_plot_ns=flight.last_plot_ns,
    )


def _together(members: Iterable[_Member], now_ns: int) -> dict[str, AreaChance]:
    """The chances of an area over all flights of an event: that any of them does it.

    A path's part that is past is left out: what was passed over cannot be passed over again.
    """
    out: dict[str, AreaChance] = {}
    for member in members:
        for name, chance in member.chances.items():
            past = chance.pass_last_ns is not None and chance.pass_last_ns < now_ns
            one = msgspec.structs.replace(chance, passes=0.0) if past else chance
            other = out.get(name)
            out[name] = one if other is None else _either(one, other)
    return {name: out[name] for name in sorted(out)}


def _either(one: AreaChance, other: AreaChance) -> AreaChance:
    return AreaChance(
        area=one.area,
        falls=1.0 - (1.0 - one.falls) * (1.0 - other.falls),
        passes=1.0 - (1.0 - one.passes) * (1.0 - other.passes),
        fall_first_ns=_least(one.fall_first_ns, other.fall_first_ns),
        fall_last_ns=_most(one.fall_last_ns, other.fall_last_ns),
        pass_first_ns=_least(one.pass_first_ns, other.pass_first_ns),
        pass_last_ns=_most(one.pass_last_ns, other.pass_last_ns),
    )


def _has_passed(one: WarnedArea, now_ns: int) -> bool:
    """Whether it was to pass over an area, and the last time at which it could is past."""
    return one.danger == Danger.PASS and one.last_ns is not None and one.last_ns < now_ns


def _overlap(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> bool:
    """Whether two times, each from its first to its last, have one in common."""
    first, last = _most(one[0], other[0]), _least(one[1], other[1])
    return first is not None and last is not None and first <= last


def _least(*times: int | None) -> int | None:
    return min((one for one in times if one is not None), default=None)


def _most(*times: int | None) -> int | None:
    return max((one for one in times if one is not None), default=None)


def _times(warned: Iterable[WarnedArea]) -> tuple[int, int]:
    """The first and the last time of danger over all areas."""
    known = [(one.first_ns, one.last_ns) for one in warned]
    first = _least(*(begin for begin, _ in known))
    last = _most(*(end for _, end in known))
    return (0, 0) if first is None or last is None else (first, last)


def _in_order(warned: Mapping[str, WarnedArea]) -> tuple[WarnedArea, ...]:
    return tuple(warned[name] for name in sorted(warned))
