"""What is worked out once of what several pictures or partners take in turn."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

What = TypeVar("What")
Result = TypeVar("Result")
More = ParamSpec("More")


def of_newest(
    work: Callable[Concatenate[What, More], Result],
) -> Callable[Concatenate[What, More], Result]:
    """The same function, which keeps its last result and gives it again for the same object.

    What it works on is known by identity and so must never be written to; what else it is given, by
    place, is compared.
    """
    newest: tuple[Any, tuple[Any, ...], Any] = (None, (), None)

    def kept(what: What, *more: More.args, **named: More.kwargs) -> Result:
        nonlocal newest
        known, with_more, result = newest
        if known is what and with_more == more:
            return result
        made = work(what, *more, **named)
        newest = what, more, made
        return made

    kept.__doc__, kept.__name__ = work.__doc__, work.__name__
    return kept
