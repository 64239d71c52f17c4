"""What a node and its stages that are processes of their own say to each other."""

import hashlib

import msgspec

from skypact.model import Entry, EntryKind, StandingAlert, Verdict
from skypact.serving.kept import KeptPlots

HERE, PLOTS, WRITE = "here", "plots", "write"
"""What a stage may ask."""


class Here(msgspec.Struct, array_like=True, frozen=True):
    """A stage says that it is there. `holder`: its process; `fits`: what its pictures rest on.

    `followed`: the journal's entry up to which it has done all. `faults`: what is wrong with it;
    `notices`: what waits for somebody; `alerts`: those that persons may release or cancel.
    """

    holder: str
    fits: str
    followed: int
    faults: tuple[str, ...]
    notices: tuple[str, ...]
    alerts: tuple[StandingAlert, ...] = ()


class HandedIn(msgspec.Struct, array_like=True, frozen=True):
    """Plots that came in, in order; nothing is decided about them yet."""

    holder: str
    arrivals: tuple[KeptPlots, ...]


class ToWrite(msgspec.Struct, array_like=True, frozen=True):
    """An entry for the journal. `again`: it was asked before, and may be there."""

    holder: str
    kind: EntryKind
    about: str
    time_ns: int
    payload: bytes
    again: bool

    @property
    def key(self) -> tuple[str, str, bytes]:
        """Alike for what is to be written once."""
        return self.kind, self.about, hashlib.blake2b(self.payload).digest()

    def is_entry(self, entry: Entry) -> bool:
        """Whether it is that."""
        return (self.kind, self.about, self.payload) == (entry.kind, entry.about, entry.payload)


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """A node's. `fault`: why nothing was done, else empty; `over`: and asking again is of no use.

    `number`: of the entry; `verdicts`: of the plots, which are in the journal.
    """

    fault: str = ""
    over: bool = False
    number: int = 0
    verdicts: tuple[Verdict, ...] = ()
