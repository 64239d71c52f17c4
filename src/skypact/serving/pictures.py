"""A node's pictures: the national one, and for each use the one that may be put to it.

Everything public rests on a picture of its own: what a partner granted for its addressee's eyes
alone has no part in the one that alerts are made from. A picture is a fold of what it was given:
those that were given the same are the same, and one stands for all of them until something comes
that is not for each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from skypact.errors import SkypactError
from skypact.model import Arrival, ClockMark, Radar, Use, Verdict
from skypact.serving.kept import Verdicts
from skypact.settings import Settings
from skypact.tracking import LivePicture
from skypact.tracking.live_picture import Record

NATIONAL = "national"
SHARED = "shared"
"""For the nation's own eyes and decisions: `Use.PICTURE`."""
OF_USE = {
    Use.PICTURE: SHARED,
    Use.PUBLIC_WARNING: str(Use.PUBLIC_WARNING),
    Use.EXPORT: str(Use.EXPORT),
}
"""What the picture of a use is called."""
NAMES = (NATIONAL, *OF_USE.values())
WITH_PARTNERS = NAMES[1:]
_AND = "+"

Told = Callable[[str, Record], None]
"""Is told what a picture decides by itself: which pictures (`names_of`), and what."""


class _One(NamedTuple):
    """A picture, and all names that it stands for."""

    names: list[str]
    live: LivePicture


class _Given(NamedTuple):
    """What a picture is given, under which number, and the recorded verdict."""

    what: Arrival | ClockMark
    recorded: Verdict | None

    @property
    def kind(self) -> tuple[int, int, Verdict | None]:
        """Alike for pictures that may stay one."""
        if isinstance(self.what, ClockMark):
            return 0, 0, self.recorded
        return self.what.epoch, self.what.sequence, self.recorded


class Pictures:
    """All of them, by name: `pictures["national"]`, `["shared"]`, `["public_warning"]`, …"""

    def __init__(self, radars: Sequence[Radar], settings: Settings, told: Told) -> None:
        self._radars, self._settings, self._told = tuple(radars), settings, told
        self._ones: list[_One] = []
        names = list(NAMES)
        self._ones.append(_One(names, self._made(names)))

    def __getitem__(self, name: str) -> LivePicture:
        return self._one(name).live

    def items(self) -> Iterator[tuple[str, LivePicture]]:
        """Each name with its picture; several may have one."""
        return ((name, self[name]) for name in NAMES)

    def each(self) -> list[LivePicture]:
        """Each picture once."""
        return [one.live for one in self._ones]

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Names by picture."""
        return tuple(tuple(one.names) for one in self._ones)

    def receive(
        self, what: Arrival | ClockMark, recorded: Verdicts = (), names: Iterable[str] = NAMES
    ) -> Verdicts:
        """Give the same to pictures; `recorded`: the verdicts of then, which are obeyed."""
        if names is NAMES and not recorded:  # none parts from another
            verdicts: dict[str, Verdict] = {}
            for one in self._ones:
                verdicts |= dict.fromkeys(one.names, one.live.receive(what))
            return tuple(verdicts[name] for name in NAMES)
        given = {name: what for name in names}
        return self.receive_each(given, recorded)

    def receive_each(
        self, given: Mapping[str, Arrival | ClockMark], recorded: Verdicts = ()
    ) -> Verdicts:
        """Give to each picture what is for it, and nothing to one that is not named."""
        then = dict(zip(NAMES, recorded or (None,) * len(NAMES), strict=True))
        to = {name: _Given(what, then[name]) for name, what in given.items()}
        out: dict[str, Verdict] = {}
        for names in self._alike(to):
            first = names[0]
            verdict = self[first].receive(to[first].what, to[first].recorded)
            out |= dict.fromkeys(names, verdict)
        return tuple(out.get(name) for name in NAMES)

    def apply(self, names: Iterable[str], do: Callable[[LivePicture], None]) -> None:
        """Do something to just these pictures, to each once."""
        wanted = set(names)
        for one in list(self._ones):
            chosen = [name for name in one.names if name in wanted]
            self._part(one, [chosen, [name for name in one.names if name not in wanted]])
        for one in self._ones:
            if one.names[0] in wanted:
                do(one.live)

    def obey(self, joined: str, record: Record) -> None:
        """In a replay: what was recorded of the pictures of these names (`names_of`)."""
        self.apply(names_of(joined), lambda live: live.obey(record))

    def saved(self) -> Callable[[], dict[str, bytes]]:
        """All of them as they are now; the function makes bytes of them, in any thread."""
        saved = {_AND.join(one.names): one.live.saved() for one in self._ones}
        return lambda: {joined: live.to_bytes() for joined, live in saved.items()}

    def take_up(self, saved: Mapping[str, bytes], place: str) -> None:
        """Be what was saved. Raises InputError where that does not fit; nothing is changed then."""
        if sorted(name for joined in saved for name in names_of(joined)) != sorted(NAMES):
            raise SkypactError(f"{place}: holds other pictures than {', '.join(NAMES)}")
        ones = []
        for joined, data in saved.items():
            names = names_of(joined)
            of = self._settings.tracking, self._settings.late
            told, where = self._telling(names), f"{place}, {joined}"
            live = LivePicture.from_bytes(data, self._radars, *of, told, where)
            ones.append(_One(names, live))
        self._ones = ones

    def _one(self, name: str) -> _One:
        return next(one for one in self._ones if name in one.names)

    def _alike(self, to: Mapping[str, _Given]) -> Iterator[list[str]]:
        """Names by picture, after those that are given something else were parted."""
        for one in list(self._ones):
            parts: dict[tuple[int, int, Verdict | None] | None, list[str]] = {}
            for name in one.names:
                parts.setdefault(to[name].kind if name in to else None, []).append(name)
            self._part(one, list(parts.values()))
        for one in self._ones:
            if one.names[0] in to:
                yield list(one.names)

    def _part(self, one: _One, parts: Sequence[list[str]]) -> None:
        """From now on a picture for each of these names of one; the first keeps the one there is.

        `names` of a picture is changed in place: what it tells goes by it.
        """
        first, *rest = [part for part in parts if part]
        for names in rest:
            self._ones.append(_One(names, one.live.copy(self._telling(names))))
        one.names[:] = first

    def _made(self, names: list[str]) -> LivePicture:
        of = self._settings
        return LivePicture(self._radars, of.tracking, of.late, self._telling(names))

    def _telling(self, names: list[str]) -> Callable[[Record], None]:
        return lambda record: self._told(_AND.join(names), record)


def names_of(joined: str) -> list[str]:
    """The pictures that a record is of."""
    return joined.split(_AND)
