"""A node that fails amid alerts, shortened; whole in `evaluate --only warnings-killed` etc."""

import zlib
from collections import Counter

import pytest

from evaluate import warned_nodes
from evaluate.own_postgresql import MISSING, is_installed
from skypact.model import Reason, Step, Warning
from skypact.serving.alert_channels import KeptWarning

FAULTS = (
    *("not_in_the_stream", "doubled_in_the_stream", "other_order", "never_journalled"),
    *("not_in_the_feed", "hook_not_called", "flights_never_warned", "flights_of_two_chains"),
    *("broken_chains", "alerted_again", "not_valid"),
)


def test_kills_amid_alerts_lose_none_double_none_and_leave_none_without_its_end():
    """The node, then its server, each while it says something."""
    found = warned_nodes.kills_of_a_node(2, 1, every_s=100.0)
    assert found["kills"] == {"node": 1, "server": 1}
    assert {what: found[what] for what in FAULTS} == dict.fromkeys(FAULTS, 0)
    each = found["flights"]
    assert (found["kinds"]["Alert"], found["kinds"]["All clear"]) == (each, each), found
    assert found["health"] == []


@pytest.mark.skipif(not is_installed(), reason=MISSING)
def test_a_flight_that_ends_while_the_records_server_is_stopped_is_recorded_once_afterwards():
    """PostgreSQL, stopped before the impact and started after the all-clear was said."""
    row = warned_nodes.one_fault(warned_nodes.STOPPED, 1, 1, gone_s=2.0)
    assert {what: row[what] for what in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert row["named"] == row["recorded"] == row["flights"] == 1
    assert row["health"] == []


def test_what_several_nodes_had_is_counted_together():
    one = {"flights": 1, "kinds": {"Alert": 1}, "other_order": True, "health": []}
    two = {"flights": 2, "kinds": {"Alert": 2, "Update": 3}, "other_order": False, "health": ["a"]}
    assert warned_nodes.summed([one, two]) == {
        "flights": 3,
        "kinds": {"Alert": 3, "Update": 3},
        "other_order": True,
        "health": ["a"],
    }


def message(number, kind, before=(), area="fall", response="Shelter"):
    """What is looked at of a message."""
    references = "".join(f"a,n{k},t " for k in before)
    text = (
        f"<alert><identifier>n{number}</identifier><msgType>{kind}</msgType>"
        f"<references>{references}</references><info><responseType>{response}</responseType>"
        f"<area><geocode><value>{area}</value></geocode></area></info></alert>"
    )
    said = Warning(
        event=1,
        number=number,
        step=Step.ALERT,
        time_ns=warned_nodes.BEGIN_NS + number,
        reason=Reason.THRESHOLD,
        areas=(),
        gone=(),
        basis=(),
    )
    return KeptWarning(f"n{number}", said, zlib.compress(text.encode()))


def judged(*kept, stream=None, hooked=None):
    texts = [one.message for one in kept]
    names = Counter(one.identifier for one in kept)
    stream = texts if stream is None else stream
    return warned_nodes.judged(
        *(kept, stream, texts, names, names if hooked is None else hooked),
        (warned_nodes.BEGIN_NS,),
    )


ALERT, UPDATE = message(1, "Alert"), message(2, "Update", [1])
ELSEWHERE = message(2, "Update", [1], area="way", response="AllClear")
AGAIN = message(4, "Update", [3], response="AllClear")
END = message(3, "Update", [1, 2], response="AllClear")


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (judged(ALERT, UPDATE), "broken_chains"),
        (judged(ALERT, message(2, "Alert"), END), "broken_chains"),
        (judged(ALERT, UPDATE, message(3, "Cancel", [2])), "broken_chains"),
        (judged(ALERT, message(2, "Cancel", [1]), message(3, "Update", [1, 2])), "broken_chains"),
        (
            judged(
                ALERT, message(2, "Update", [1], response="AllClear"), message(3, "Alert"), AGAIN
            ),
            "alerted_again",
        ),
        (judged(message(1, "Alert", area="way"), ELSEWHERE), "flights_never_warned"),
        (judged(ALERT, UPDATE, END, stream=[ALERT.message, END.message]), "not_in_the_stream"),
        (judged(ALERT, END, stream=[ALERT.message] * 2), "doubled_in_the_stream"),
        (judged(ALERT, UPDATE, END, hooked=Counter(["n1", "n3"])), "hook_not_called"),
    ],
)
def test_the_study_sees_what_it_looks_for(found, fault):
    assert found[fault]
    assert not judged(ALERT, UPDATE, END)[fault]
