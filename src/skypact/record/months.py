"""Counts by month as people read them: months without launches are there as well."""

from collections.abc import Mapping

from skypact.record.exports import day_text
from skypact.record.launch_record import Query

_YEAR = range(1, 13)


def with_empty_months(
    counts: Mapping[str, int], query: Query, held: tuple[int, int]
) -> list[tuple[str, int]]:
    """Months and their counts in order; several without launches, one after the other, are a line.

    `counts`: by month, 202211; launches of a year whose month is not known, under 202200. `held`:
    the first and the last day of the record's entries: of what lies beyond it does not say none.
    """
    first, last = (day // 100 for day in held)
    if query.from_day is not None:
        first = max(first, query.from_day // 100)
    if query.to_day is not None:
        last = min(last, query.to_day // 100)
    every = (100 * year + month for year in range(first // 100, last // 100 + 1) for month in _YEAR)
    lines: list[tuple[int, int, int]] = []
    """First and last month, and the count."""
    for month in sorted({*map(int, counts), *(one for one in every if first <= one <= last)}):
        n = counts.get(str(month), 0)
        if n == 0 and lines and lines[-1][2] == 0:
            lines[-1] = (lines[-1][0], month, 0)
        else:
            lines.append((month, month, n))
    return [
        (" to ".join(day_text(100 * one) for one in dict.fromkeys((begin, end))), n)
        for begin, end, n in lines
    ]
