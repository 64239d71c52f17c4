"""Track to flight: launch point, apogee, kind, impact area."""

from skypact.flight.assess import assess, burnt_when_last_seen
from skypact.flight.known_launches import KnownLaunches
from skypact.flight.ways import Ways, brought_up, unforetold, ways_of

__all__ = [
    "KnownLaunches",
    "Ways",
    "assess",
    "brought_up",
    "burnt_when_last_seen",
    "unforetold",
    "ways_of",
]
