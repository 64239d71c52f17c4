"""What an import gives: entries, rows refused, and what was made of the source's words."""

from collections import Counter
from typing import Any

import msgspec

from skypact.model import LaunchEntry
from skypact.record.launch_record import Put


class BadRow(msgspec.Struct, frozen=True):
    """A row that could not be used. `row`: its line in a CSV, else its place from 1."""

    file: str
    row: int
    field: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}, {self.field}: {self.reason}; {self.remedy}"


class Imported(msgspec.Struct, frozen=True):
    """Entries of some files. `cleaned`: field and what was done, how often."""

    source: str
    rows: int
    entries: tuple[LaunchEntry, ...]
    refused: tuple[BadRow, ...]

    @property
    def cleaned(self) -> Counter[str]:
        """What was made of the source's words, and how often."""
        return Counter(done for entry in self.entries for done in entry.cleaned)

    def report(self, put: Put) -> dict[str, Any]:
        """The document of `skypact record import --json`."""
        return {
            "source": self.source,
            "rows": self.rows,
            **put._asdict(),
            "refused": [msgspec.structs.asdict(row) for row in self.refused],
            "cleaned": [{"what": what, "rows": n} for what, n in self.cleaned.most_common()],
        }


class FieldError(Exception):
    """A field of a row that cannot be used."""

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        self.field, self.reason, self.remedy = field, reason, remedy
        super().__init__(f"{field}: {reason}; {remedy}")


def refused(file: str, row: int, fault: FieldError) -> BadRow:
    """The row that has this fault."""
    return BadRow(file, row, fault.field, fault.reason, fault.remedy)
