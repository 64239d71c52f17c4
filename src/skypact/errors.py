"""Everything that Skypact raises.

SkypactError
├── InputError            a file, a row or a field that cannot be used: place, reason, remedy
│   └── EmptyInputError   nothing in it could be used
├── LinkError             the server or the link to a partner does not do what was asked
│   └── OutboxFullError   more waits for a partner than may
├── LogInError            who came back from the provider is not let in: code, reason, who
├── JournalError          the journal cannot take or give entries: place, reason, remedy
├── RecordError           the record cannot take or give entries: place, reason, remedy
├── ScenarioError         a scenario that cannot be flown
└── SettingsError         a setting out of its range

A single bad row is not an exception: it is a `model.Rejection` and the rest goes on.
"""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant.

    One that starts with what was typed goes before one that contains it, and that before one that
    is merely like it.
    """
    names, typed = list(known), name.lower()
    starts = [other for other in names if typed and other.lower().startswith(typed)]
    contains = [other for other in names if typed and typed in other.lower()]
    near = difflib.get_close_matches(name, starts or contains, n=1, cutoff=0.0)
    near = near or difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    return near[0] if near else None


class SkypactError(Exception):
    """Base of all errors that Skypact raises on purpose."""


class InputError(SkypactError):
    """A file that cannot be used.

    Fields: `place` (file, and table or row), `reason` (what is wrong), `remedy` (what to do).
    """

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"{place}: {reason}; {remedy}")


class EmptyInputError(InputError):
    """No row of the input could be used."""


class LinkError(SkypactError):
    """The server or a link does not do what was asked of it, with what and why."""


class OutboxFullError(LinkError):
    """More messages wait for a partner than a setting allows."""


class LogInError(SkypactError):
    """Somebody came back from the provider and is not let in.

    `code`: for the page, one of `provider`, `token`, `expired`, `name`, `roles`; `who`: by the
    provider's word, where that was heard.
    """

    def __init__(self, code: str, reason: str, who: str = "") -> None:
        super().__init__(reason)
        self.code, self.who = code, who


class JournalError(SkypactError):
    """What the journal cannot do: `place`, `reason` (what is wrong), `remedy` (what to do)."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"{place}: {reason}; {remedy}")


class RecordError(SkypactError):
    """What the record cannot do: `place`, `reason` (what is wrong), `remedy` (what to do)."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"{place}: {reason}; {remedy}")


class ScenarioError(SkypactError):
    """A scenario that cannot be flown, with the place in its file and the reason."""


class SettingsError(SkypactError):
    """A setting out of its range, with its name, the value and the range."""
