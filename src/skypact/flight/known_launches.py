"""Launches that are known of a picture's tracks: `KnownLaunches`."""

from collections.abc import Collection

from skypact.model import Launch, Track

_SETTLED_NS = 60_000_000_000
"""A launch rests on the plots of the first minute."""


class KnownLaunches:
    """The launches of one picture's tracks: sought once each, and the same wherever they are told.

    What parted from another was launched when that was. A track's own launch is kept as first found
    once the track is a minute old: it no longer changes then.
    """

    def __init__(self) -> None:
        self._launches: dict[int, Launch] = {}

    def of(self, track: Track) -> Launch | None:
        """The launch of what `track` parted from, or its own; None while neither is settled."""
        parent = None if track.parted_from is None else self._launches.get(track.parted_from)
        return parent or self._launches.get(track.id)

    def take(self, track: Track, launch: Launch | None) -> None:
        """Keep what was found for `track`, if that no longer changes and none is kept yet."""
        if launch is not None and track.time_ns - track.first_plot_ns > _SETTLED_NS:
            self._launches.setdefault(track.id, launch)

    def keep_only(self, tracks: Collection[int]) -> None:
        """Forget the launches of all tracks but these."""
        for gone in self._launches.keys() - set(tracks):
            del self._launches[gone]
