"""Counts by month, with those without launches."""

import pytest

from skypact.record.launch_record import Query
from skypact.record.months import with_empty_months

HELD = (20221103, 20230600)


@pytest.mark.parametrize(
    ("from_day", "to_day", "counts", "lines"),
    [
        (
            None,
            None,
            {"202200": 1, "202211": 2, "202302": 3, "202306": 1},
            [
                *("2022 1", "2022-11 2", "2022-12 to 2023-01 0"),
                *("2023-02 3", "2023-03 to 2023-05 0", "2023-06 1"),
            ],
        ),
        # Before November and after June the record has nothing to say.
        (
            20220000,
            20239999,
            {"202302": 3},
            ["2022-11 to 2023-01 0", "2023-02 3", "2023-03 to 2023-06 0"],
        ),
        (20230100, 20230199, {}, ["2023-01 0"]),
        (20240000, 20249999, {}, []),
    ],
)
def test_months_without_launches_are_there(from_day, to_day, counts, lines) -> None:
    found = with_empty_months(counts, Query(from_day=from_day, to_day=to_day), HELD)
    assert [f"{label} {n}" for label, n in found] == lines
