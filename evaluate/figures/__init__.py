"""What a study's detail says of what was asked for.

Apart from the studies: their rows count for the code that made them, and how a figure is said is
none of it.
"""

from typing import NamedTuple


class Figure(NamedTuple):
    """One figure: what it is, its value, what was asked, and whether that is met (None: stated)."""

    what: str
    value: str
    asked: str
    met: bool | None
