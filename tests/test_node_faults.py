"""The fault campaign of nodes, shortened; whole in `python -m evaluate --only nodes-killed` etc."""

from evaluate import nodes
from skypact.settings import LateSettings

NO_FAULT = {"lost": 0, "doubled": 0, "reordered": 0}


def test_kills_lose_nothing_and_give_the_same_pictures():
    """kill -9 of a node, its server, and both: the partner has each plot once, and a twin that was
    never killed comes to the same verdicts, bits and ids."""
    found = nodes.kills(3, 1, level="tracklets", latest_s=1.5)
    assert [row["how"] for row in found["kills"]] == ["node", "server", "both"]
    assert found["recovered"] == 3 and found["plots"] > 10  # the first start is one
    assert found["acknowledged_lost"] == found["acknowledged_doubled"] == 0
    assert found["verdicts_other"] == found["pictures_other"] == 0
    assert found["partner_path"] == NO_FAULT
    assert found["partner_lost"] == found["partner_doubled"] == 0


def test_a_cut_link_changes_nothing_in_the_end():
    """Beyond the window, so that a rebuild in the background puts in what had waited."""
    late = LateSettings(window_s=3.0, live_s=5.0, cut_s=5.0, catch_up_idle_s=2.0)
    (row,) = nodes.cuts([nodes.Case("cut", 12.0)], late=late)["cuts"]
    assert row["caught_up"] and row["waited"] > 30 and row["path"] == NO_FAULT
    assert row["rebuilds"] >= 1 and row["identical"] and row["as_known_then"]


def test_a_full_disk_is_named_and_nothing_is_lost():
    row = nodes.disk_full()
    assert row["named"] and not row["acknowledged_meanwhile"] and row["picture_goes_on"]
    assert row["acknowledged_after"] and row["well"]
    assert row["replay_identical"] and not row["verdicts_other"]


def test_a_clock_that_steps_is_named_and_not_followed():
    for row in nodes.clock_steps():
        assert row["named"] and row["over"]
        assert set(row["outcomes"]) == {"JPN accepted", "KOR accepted"}
        assert row["of_korea"][0] == row["of_korea"][1] > 0
        assert row["confirmed"] and abs(row["ahead_s"]) < 1.0
