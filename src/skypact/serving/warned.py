"""What the public was told of flights, and what became of it: folded from the journal."""

from collections.abc import Collection, Iterable

import msgspec

from skypact.model import Danger, FlightKind, LaunchEntry, Step, Track, Warning, WarningSent
from skypact.serving.warner import KeptWarnings

S = 1_000_000_000
FELL_IN, FELL_OUTSIDE, PASSED_OVER, MISSED = "fell in", "fell outside", "passed over", "missed"
_TAKEN_OUT = "taken out"
"""Of an area: while others stayed under alert."""
_COMES_DOWN = (FlightKind.BALLISTIC, FlightKind.QUASI_BALLISTIC, FlightKind.GLIDE)
_KEPT_NS = 86_400 * S
_PASSED_EVERY_NS = 60 * S


class Said(msgspec.Struct, array_like=True, frozen=True):
    """A message that was sent, and what it said."""

    identifier: str
    warning: Warning


class WarnedState(msgspec.Struct, array_like=True):
    """All that `Warned` is. `ended`: flights of which something was said, as last recorded."""

    said: dict[int, list[Said]] = {}
    ended: dict[str, LaunchEntry] = {}


class Warned:
    """By event of the warnings what was said of it; and the flights that ended meanwhile."""

    def __init__(self, state: WarnedState | None = None) -> None:
        self._state = state or WarnedState()
        self._passed_ns = 0

    def state(self) -> WarnedState:
        """All that it is."""
        said = {event: list(each) for event, each in self._state.said.items()}
        return WarnedState(said, dict(self._state.ended))

    def note(self, kept: KeptWarnings) -> None:
        """What was said at one look."""
        for one in kept.each:
            self._state.said.setdefault(one.said.event, []).append(Said(one.identifier, one.said))

    def ended(self, entry: LaunchEntry) -> None:
        """A flight that ended, or more of what became of its warnings."""
        if any(one.identifier for one in entry.warnings):
            self._state.ended[entry.key] = entry

    def pass_time(self, now_ns: int) -> None:
        """Forget what is a day old."""
        if now_ns - self._passed_ns < _PASSED_EVERY_NS:
            return
        self._passed_ns = now_ns
        oldest_ns = now_ns - _KEPT_NS
        state = self._state
        state.said = {e: s for e, s in state.said.items() if s[-1].warning.time_ns >= oldest_ns}
        state.ended = {k: e for k, e in state.ended.items() if (e.begin_ns or 0) >= oldest_ns}

    def of_track(self, track: Track) -> int | None:
        """The event of a track of the picture for public alerts; None: nothing was said of it."""
        seen = track.id, track.first_plot_ns
        for event, said in self._state.said.items():
            for one in said:
                if seen in ((b.flight, b.first_plot_ns) for b in one.warning.basis):
                    return event
        return None

    def rows(
        self, event: int | None, kind: str, within: Collection[str] | None
    ) -> tuple[WarningSent, ...]:
        """Of each area that was warned of an event what became of it.

        `within`: the areas in which the flight of that kind came down; None: that is not known.
        """
        said = self._state.said.get(event, []) if event is not None else []
        rows = list(_rows(said, within))
        warned = {one.area for one in rows}
        if within is not None and kind in _COMES_DOWN:
            rows += [
                WarningSent(identifier="", sent_ns=0, area=area, status="", outcome=MISSED)
                for area in sorted(set(within) - warned)
            ]
        return tuple(rows)

    def changed(self) -> list[LaunchEntry]:
        """Flights of which more was said since they were recorded, as they are now."""
        out = []
        for entry in self._state.ended.values():
            known = {one.identifier for one in entry.warnings}
            missed = [one.area for one in entry.warnings if one.outcome == MISSED]
            fell = [one.area for one in entry.warnings if one.outcome == FELL_IN]
            is_known = any(one.outcome for one in entry.warnings)
            for event, said in self._state.said.items():
                if known & {one.identifier for one in said}:
                    within = [*fell, *missed] if is_known else None
                    rows = self.rows(event, entry.kind, within)
                    if rows != entry.warnings:
                        out.append(msgspec.structs.replace(entry, warnings=rows))
                    break
        return out


def _rows(said: Iterable[Said], within: Collection[str] | None) -> Iterable[WarningSent]:
    """Of each area the message that first warned it, and what was said of it last."""
    rows: dict[str, WarningSent] = {}
    passes: dict[str, bool] = {}
    for one in said:
        warning = one.warning
        for area in warning.areas:
            name = area.chance.area
            first = rows.get(name) or WarningSent(
                identifier=one.identifier, sent_ns=warning.time_ns, area=name, status=""
            )
            rows[name] = msgspec.structs.replace(first, status=str(warning.step))
            passes[name] = area.danger is Danger.PASS and area.chance.passes >= 0.5
        status = _TAKEN_OUT if warning.step is Step.UPDATE else str(warning.step)
        for name in warning.gone:
            if name in rows:
                rows[name] = msgspec.structs.replace(rows[name], status=status)
    for name in sorted(rows):
        outcome = ""
        if within is not None:
            outcome = PASSED_OVER if passes[name] else FELL_OUTSIDE
            outcome = FELL_IN if name in within else outcome
        yield msgspec.structs.replace(rows[name], outcome=outcome)
