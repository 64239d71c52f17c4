"""A hostile partner up to the pictures; the campaign is `python -m evaluate --only hostile`."""

import random

import numpy as np
import pytest

from evaluate import hostile
from evaluate.between import arrivals, digests, receiver, releases_to, sent_of, take_in
from skypact.serving.pictures import NATIONAL
from skypact.sharing.chain import Delivery
from tests.serving.test_originator_control import FLOWN, RADARS, SETTINGS, parsed
from tests.sharing.test_policy import plots_at

SEED = 5


@pytest.fixture(scope="module")
def never():
    return digests(hostile.fold(SEED))


def test_what_can_be_told_has_no_part_in_any_picture(never):
    told = hostile.told(random.Random(SEED), 4)
    impossible = hostile.impossible(random.Random(SEED))

    def both(*what):
        told(*what)
        impossible(*what)

    folded = hostile.fold(SEED, both)
    assert digests(folded) == never
    counts = folded.entry.counts("JPN")
    assert sum(counts.values()) > 4 * counts["accepted"]
    kept = SETTINGS.entry.kept_refusals
    assert all(len(folded.entry.refusals(name)) <= kept for name in ("JPN", "USA"))


def test_plausible_lies_never_touch_the_national_picture_and_can_be_undone(never):
    folded = hostile.fold(SEED, hostile.lies(np.random.default_rng(SEED), 3))
    lied = digests(folded)
    assert lied[NATIONAL] == never[NATIONAL]
    assert lied["shared"] != never["shared"]
    folded.leave_out("USA")
    assert digests(folded) == never


def test_a_branch_that_is_not_in_the_chain_goes_out_by_itself():
    """Japan's link brings a branch live; the durable path brings the true chain. The picture is as
    though the branch had never come, and the true messages have its numbers."""
    policy = parsed('[partner.KOR]\nlevel = "tracklets"\nopenness = "full"')
    moved = [row if k < 20 else (*row[:4], 2.3e5) for k, row in enumerate(FLOWN)]
    chains = []
    for rows in (FLOWN, moved[:-4]):
        releases = releases_to("KOR", policy, RADARS, SETTINGS)
        chains.append(
            [
                (one.received_ns, sent)
                for one in arrivals(plots_at(rows), RADARS, "JPN")
                for sent in sent_of(releases, one)
            ]
        )
    true, branch = chains
    alike = sum(a.digest == b.digest for (_, a), (_, b) in zip(true, branch, strict=False))
    assert 0 < alike < len(branch) < len(true)
    end_ns = true[-1][0]
    wanted = receiver("KOR", ["JPN"], RADARS, SETTINGS)
    korea = receiver("KOR", ["JPN"], RADARS, SETTINGS)
    for at_ns, sent in branch:
        take_in(korea, "JPN", sent.data, Delivery.LIVE, at_ns)
    assert digests(korea)["shared"] != digests(wanted)["shared"]
    for _, sent in true:
        result = take_in(korea, "JPN", sent.data, Delivery.DURABLE, end_ns)
        take_in(wanted, "JPN", sent.data, Delivery.DURABLE, end_ns)
        assert result is not None
    assert digests(korea) == digests(wanted)
    assert korea.shared.kept["tracklets"] == wanted.shared.kept["tracklets"] > 0
