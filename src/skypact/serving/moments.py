"""Pictures of the past for the desk: replayed from the journal, in a process of their own.

One pass over the journal gives all pictures of a moment, and what partners had stated by then. The
last is kept: who looks at own radars alone is asked about together next, and who plays asks for a
moment a little later.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.desk.beside import partner_of
from skypact.errors import InputError, SkypactError
from skypact.flight import assess
from skypact.model import Ask, Event, PictureChange, Statement, Track
from skypact.offline.warm import warm_up
from skypact.sensing import load_radars
from skypact.serving.child import end_with_parent
from skypact.serving.consulting import LISTED
from skypact.serving.desk_state import statements_of
from skypact.serving.event_document import event_document
from skypact.serving.event_fit import flights_of, is_of
from skypact.serving.journal_source import Source, open_source
from skypact.serving.partner_alone import PartnerAlone
from skypact.serving.pictures import NAMES, NATIONAL, SHARED
from skypact.serving.replay import Replaying, tracks_at
from skypact.serving.shown import expected_path
from skypact.serving.shown_picture import Eyes, Followed, Noted, ShownPicture, cut
from skypact.settings import Settings

S = 1_000_000_000
Seen = Mapping[int, Noted]
Recalled = Mapping[str, Mapping[int, Followed]]
_BEHIND = 5
_SAMPLES, _RECALLED = 30, 300
"""Moments before the one that is asked for, or before a start, from which paths are told."""
_STILL_NOW_S = 30.0
"""What was known so long ago passes for what is known now."""


class Span(NamedTuple):
    """How long before a moment is looked at pictures, s, and how often."""

    length_s: float
    samples: int


class Moments:
    """Answers desks; the process is begun with the first question."""

    def __init__(self, folder: Path, settings: Settings, exercise: bool) -> None:
        self._of = folder, settings, exercise
        self._pool: ProcessPoolExecutor | None = None

    async def answer(self, connection: Client, ask: Ask, asked: Msg, seen: Seen) -> None:
        """In parts, as a whole picture is; or why the journal does not tell.

        `seen`: who had seen which track when and where it went, as far as the node noted it then.
        """
        loop = asyncio.get_running_loop()
        try:
            parts = await loop.run_in_executor(self._begun(), _parts, *self._of, ask, seen)
        except BrokenProcessPool:
            self._pool = None
            parts = [_fault("moment", "its process died", "ask again")]
        for part in parts:
            await connection.publish(asked.reply, part)

    async def recalled(self, at_ns: int, from_ns: int) -> Recalled:
        """Of own and all radars' pictures, what a node noted of each track between two times.

        By what was known then. Raises SkypactError where the journal does not tell.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._begun(), _recalled, *self._of, at_ns, from_ns)
        except BrokenProcessPool:
            self._pool = None
            raise SkypactError("what was noted before: its process died") from None

    def _begun(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_begin_behind_the_node
            )
        return self._pool

    def stop(self) -> None:
        """End the process; what it was asked is not answered."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)


def _begin_behind_the_node() -> None:
    os.nice(_BEHIND)
    end_with_parent()


def _parts(folder: Path, settings: Settings, exercise: bool, ask: Ask, seen: Seen) -> list[bytes]:
    _warm(folder, settings)
    for again in (True, False):
        try:
            past = asyncio.run(_past_of(folder, settings, exercise, ask))
            return [msgspec.msgpack.encode(part) for part in past.told(ask.whole, seen)]
        except InputError as error:
            return [_fault(error.place, error.reason, error.remedy)]
        except SkypactError as error:  # the journal's server was busy, or died
            if not again:
                return [_fault("journal", str(error), "ask again")]
    raise AssertionError


def _recalled(
    folder: Path, settings: Settings, exercise: bool, at_ns: int, from_ns: int
) -> Recalled:
    _warm(folder, settings)

    async def recall() -> Recalled:
        ask = Ask(whole=SHARED, at_ns=at_ns, known_ns=0)
        async with open_source(folder, settings, exercise=exercise) as source:
            past = Past(source, settings, ask, Span((at_ns - from_ns) / S, _RECALLED))
            await past.go_on(source, ask)
        return past.followed

    return asyncio.run(recall())


_warmed: set[Path] = set()


def _warm(folder: Path, settings: Settings) -> None:
    """Read the kernels before the server waits for an answer to its pings."""
    if folder not in _warmed:
        _warmed.add(folder)
        with contextlib.suppress(SkypactError):
            warm_up(load_radars(folder / "radars.toml"), settings)


def _fault(place: str, reason: str, remedy: str) -> bytes:
    said = f"{place}: {reason}; {remedy}"
    return msgspec.msgpack.encode(PictureChange("", 0, 0, 0, 0, fault=said))


_kept: "list[Past]" = []
"""The last one, or none."""


async def _past_of(folder: Path, settings: Settings, exercise: bool, ask: Ask) -> "Past":
    """The one that is kept, where it answers or can go on to what is asked, or another."""
    past = _kept.pop() if _kept else None  # not kept where reading fails halfway
    async with open_source(folder, settings, exercise=exercise) as source:
        if past is None or not past.answers(ask):
            if past is None or not past.leads_to(ask):
                past = Past(source, settings, ask)
            await past.go_on(source, ask)
    _kept.append(past)
    return past


class Past:
    """All pictures as of a moment; `told` gives one, with the paths until then and what it meant.

    `go_on` first. Raises InputError where the journal does not go back so far.
    """

    def __init__(
        self, source: Source, settings: Settings, ask: Ask, span: Span | None = None
    ) -> None:
        """`span`: over which its paths are; None: as for a moment that is asked for."""
        partner = partner_of(ask.whole)
        if ask.whole not in NAMES and partner not in source.partners:
            raise InputError(ask.whole, "is not kept", f"ask for one of {', '.join(NAMES)}")
        self._settings, self._known_ns = settings, ask.known_ns
        self._span = span or Span(settings.desk.moment_path_s, _SAMPLES)
        self._nation, self._radars = source.nation, source.radars
        self._names = (NATIONAL, SHARED, *({ask.whole} & set(NAMES) - {NATIONAL, SHARED}))
        self._alone: PartnerAlone | None = None
        if partner:
            of = source.nation, partner, source.radars, settings
            self._alone = PartnerAlone(*of, exercise=source.exercise)
        nations = {radar.id: radar.nation for radar in source.radars}
        assert ask.at_ns is not None
        self._shown = {
            name: ShownPicture(name, ask.at_ns, nations, settings.desk)
            for name in (*self._names, *([ask.whole] if partner else []))
        }
        self._folding: Replaying | None = None
        self._at_ns, self._folded_s = 0, 0.0
        self._stated: dict[str, tuple[Statement, ...]] = {}
        self._events: tuple[Event, ...] = ()
        self._looked: set[str] = set()
        self._assessed: set[str] = set()

    @property
    def _as_then(self) -> bool:
        return self._known_ns == 0

    def answers(self, ask: Ask) -> bool:
        """Whether it is of the moment that is asked for, and nothing more is known by now."""
        same = (ask.at_ns, ask.known_ns) == (self._at_ns, self._known_ns)
        holds = self._known_ns is not None or time.monotonic() - self._folded_s < _STILL_NOW_S
        return same and holds and ask.whole in self._shown

    def leads_to(self, ask: Ask) -> bool:
        """Whether it need but go on: to a moment soon after, by what was known then."""
        assert ask.at_ns is not None
        step_ns = round(self._settings.desk.moment_path_s * S)
        soon = self._at_ns <= ask.at_ns <= self._at_ns + step_ns
        return self._as_then and ask.known_ns == 0 and soon and ask.whole in self._shown

    async def go_on(self, source: Source, ask: Ask) -> None:
        """Fold the journal up to what is asked for."""
        assert ask.at_ns is not None
        folding = self._folding
        if folding is None:
            folding = self._folding = Replaying(source, self._settings, self._names)
            if self._alone is not None:
                back_ns = round(self._settings.desk.partner_back_s * S)
                folding.fold_beside(self._alone.fold, ask.at_ns - back_ns)
            first_ns = self._times_ns(0, ask.at_ns)[0]
            await folding.begin(min(first_ns, self._known_ns or first_ns), first_ns)
            folding.require(ask.at_ns)
        else:
            folding.resume(source)
        times_ns = self._times_ns(self._at_ns, ask.at_ns)
        self._at_ns = ask.at_ns
        self._looked.clear()
        self._assessed.clear()
        if self._as_then:
            for time_ns in times_ns:
                await folding.fold_until(time_ns)
                for name in self._shown:
                    tracks, newest_ns = self._now(name)
                    self._shown[name].look(_until(tracks, time_ns), newest_ns)
            self._note_said()
            self._looked |= self._shown.keys()
        else:
            known_ns = self._known_ns
            await folding.fold_until(ask.at_ns if known_ns is None else min(known_ns, ask.at_ns))
            self._note_said()
            await folding.fold_until(known_ns)
            if self._alone is not None:
                self._alone.live.tracks()  # gives them ids
        await folding.close()
        self._folded_s = time.monotonic()

    def _times_ns(self, after_ns: int, until_ns: int) -> list[int]:
        """Moments at which to look, from one that was looked at on: for paths."""
        length_s, samples = self._span
        step_ns = round(length_s / samples * S)
        before = [until_ns - k * step_ns for k in range(samples, 0, -1)] if step_ns else []
        return [*(one for one in before if one > after_ns), until_ns]

    def _now(self, name: str) -> tuple[tuple[Track, ...], Mapping[Eyes, int]]:
        """Its tracks after what is folded, and of each source the newest plot."""
        assert self._folding is not None
        if name in self._names:
            live = self._folding.folded.pictures[name]
            return self._folding.tracks_now(name), live.lateness.newest_ns
        assert self._alone is not None
        return self._alone.live.tracks(), self._alone.live.lateness.newest_ns

    def _note_said(self) -> None:
        """What nations had said by then, after what is folded."""
        assert self._folding is not None
        self._events = self._folding.folded.events.all()[:LISTED]
        for name in self._shown:
            alone = self._alone is not None and name not in self._names
            folded = self._alone.folded if alone and self._alone else self._folding.folded
            self._stated[name] = tuple(statements_of(folded))

    def _look_back(self, name: str) -> None:
        """By what became known later: at the moments before, as far as the picture goes back."""
        folding, shown = self._folding, self._shown[name]
        assert folding is not None
        for time_ns in self._times_ns(0, self._at_ns):
            try:
                if name in self._names:
                    tracks = folding.tracks_at(name, time_ns)
                else:
                    assert self._alone is not None
                    tracks = tracks_at(self._alone.live, self._nation, time_ns)
            except InputError:
                if time_ns == self._at_ns:
                    raise
                continue
            shown.look(_until(tracks, time_ns))
        self._looked.add(name)

    def told(self, name: str, seen: Seen) -> list[PictureChange]:
        """A picture in parts, as a live one is told.

        Who saw it when is `seen`, which is finer than the replay's looks, and so is where it went
        before them; where it tells nothing, it is by these.
        """
        shown, at_ns = self._shown[name], self._at_ns
        if name not in self._looked:
            self._look_back(name)
        shown.take(seen)
        if name not in self._assessed:
            self._assess(shown)
            self._assessed.add(name)
        first, *rest = shown.whole(at_ns)
        before = [
            PictureChange(name, at_ns, 0, at_ns, 0, consulted=part, more=True)
            for part in (cut(self._consulted()) if name == NATIONAL else ())
        ]
        return [*before, msgspec.structs.replace(first, stated=self._stated[name]), *rest]

    @property
    def followed(self) -> Recalled:
        """By picture and track, what was noted until then."""
        return {name: dict(self._shown[name].followed) for name in (NATIONAL, SHARED)}

    def _consulted(self) -> Iterator[dict[str, Any]]:
        """The shared events, with what own radars alone had of them."""
        own = self._shown[NATIONAL].flights
        for event in self._events:
            told = flights_of(event)
            seen = [one for one in own if is_of(one, told, self._settings.consultation)]
            yield event_document(event, self._nation, seen)

    def _assess(self, shown: ShownPicture) -> None:
        """What its newest tracks meant."""
        of, at_ns = self._settings, self._at_ns
        newest = sorted(shown.tracks, key=lambda track: track.last_plot_ns)
        newest = newest[-of.desk.moment_flights :] if of.desk.moment_flights else []
        for track in sorted(newest, key=lambda one: one.id):
            flight = assess(track, self._radars, of.flight, launch=shown.launch_of(track))
            shown.assessed(track, flight, expected_path(track, flight), at_ns)


def _until(tracks: tuple[Track, ...], at_ns: int) -> tuple[Track, ...]:
    return tuple(track for track in tracks if track.first_plot_ns <= at_ns)
