"""What is said of partners whose messages were refused: for health, the desk, the terminal."""

from skypact.offline.text import iso_utc
from skypact.sharing.entry import Entry


def refusals_told(entry: Entry, now_ns: int) -> list[str]:
    """Of each partner that was refused something of late: how much, why the last, what to do."""
    return [
        f"{partner}: {entry.counts(partner)[str(last.cause)]:,} of its messages refused as "
        f"{last.cause}, the last {iso_utc(last.received_ns, 0)}, {last.place}: {last.reason}; "
        f"{last.remedy}"
        for partner, last in sorted(entry.lately_refused(now_ns).items())
    ]


def put_aside_told(entry: Entry, now_ns: int) -> list[str]:
    """Of each partner that is put aside: until when."""
    until = {partner: entry.aside_until_ns(partner) for partner in sorted(entry.partners)}
    return [
        f"{partner} is put aside until {iso_utc(until_ns, 0)}: too many of its messages were "
        "refused; what it sends by the durable path waits. Find out with it why"
        for partner, until_ns in until.items()
        if until_ns is not None and until_ns > now_ns
    ]
