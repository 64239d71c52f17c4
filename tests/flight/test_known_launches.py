"""One launch for a track wherever it is told, and for its parts."""

from types import SimpleNamespace

import pytest

from skypact.flight import KnownLaunches

S = 1_000_000_000
FIRST, PARENTS = object(), object()


def track(number, age_s, parted_from=None):
    return SimpleNamespace(
        id=number, first_plot_ns=7 * S, time_ns=(7 + age_s) * S, parted_from=parted_from
    )


@pytest.fixture
def known():
    return KnownLaunches()


def test_a_launch_is_sought_anew_while_its_first_minute_is_not_over(known):
    known.take(track(1, 60), FIRST)
    assert known.of(track(1, 60)) is None
    known.take(track(1, 61), FIRST)
    assert known.of(track(1, 61)) is FIRST


def test_what_was_found_first_stays_and_nothing_found_is_nothing_known(known):
    known.take(track(1, 61), None)
    assert known.of(track(1, 62)) is None
    known.take(track(1, 62), FIRST)
    known.take(track(1, 99), object())
    assert known.of(track(1, 99)) is FIRST


def test_a_part_has_the_launch_of_what_it_parted_from(known):
    part = track(2, 61, parted_from=1)
    known.take(part, FIRST)
    assert known.of(part) is FIRST
    known.take(track(1, 61), PARENTS)
    assert known.of(part) is PARENTS
    assert known.of(track(3, 5, parted_from=1)) is PARENTS
    assert known.of(track(4, 5, parted_from=9)) is None


def test_what_is_gone_is_forgotten(known):
    for number in (1, 2, 3):
        known.take(track(number, 61), FIRST)
    known.keep_only({2: None, 5: None})
    assert [known.of(track(number, 61)) for number in (1, 2, 3)] == [None, FIRST, None]
