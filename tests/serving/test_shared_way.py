"""The way between nations, as nodes go it: into the very picture of all plots at one place."""

from evaluate import shared


def test_at_level_plots_the_shared_picture_is_that_of_all_plots_at_one_place_bit_for_bit():
    by_nation = shared.run_one(3, seconds=12.0)
    assert by_nation["identical"]
