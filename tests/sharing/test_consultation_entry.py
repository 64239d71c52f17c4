"""What is said about events, at the entry and in the release policy."""

import math

import msgspec
import pytest

from skypact.errors import InputError
from skypact.model import (
    Acknowledged,
    Assessed,
    Assessment,
    Commented,
    Confirmed,
    Consultation,
    FlightKind,
    Header,
    Joined,
    Matter,
    Message,
    Proposed,
    Use,
)
from skypact.settings import EntrySettings
from skypact.sharing import codec, plausible
from skypact.sharing.policy_change import changes, changes_text
from skypact.sharing.policy_file import default_policy_text, parse_policy

S = 1_000_000_000
NOW_NS = 1_790_000_000 * S
HEADER = Header(
    version=1,
    originator="KOR",
    addressee="JPN",
    exercise=False,
    epoch=1,
    sequence=1,
    previous=b"",
    sent_ns=NOW_NS,
)
KOR, JPN, USA = (f"{nation}-{7:012x}" for nation in ("KOR", "JPN", "USA"))
FLIGHT = Assessment(
    flight=1,
    as_of_ns=NOW_NS - 300 * 86_400 * S,
    kind=FlightKind.BALLISTIC,
    kind_probabilities={FlightKind.BALLISTIC: 1.0},
    use=(Use.PICTURE,),
)


def fault(said, event=KOR, at_ns=NOW_NS):
    word = Consultation(event=event, at_ns=at_ns, said=said)
    span = plausible.Span(HEADER.sent_ns, NOW_NS, EntrySettings())
    return plausible.consultation_fault(word, HEADER, span, EntrySettings())


def test_what_may_be_said():
    for said in (
        Acknowledged(by="Han"),
        Commented(by="Han", text="Two lines,\nand 한글"),
        Proposed(by="Han", text="x", nations=("JPN", "KOR", "USA")),
        Assessed(flights=(FLIGHT,)),  # however old: a cut link brings it late
        Joined(other=JPN),
    ):
        assert fault(said) is None
        word = Consultation(event=KOR, at_ns=NOW_NS, said=said)
        read = codec.read_body(codec.encode(Message(header=HEADER, payload=word)))
        assert codec.read_payload(read.payload) == word
    assert fault(Confirmed(by="Han", hash=bytes(32)), None) is None
    assert fault(Acknowledged(by="Han"), JPN) is None, "by our own name of it"
    assert fault(Joined(other=KOR), JPN) is None


@pytest.mark.parametrize(
    ("said", "event", "place"),
    [
        (Acknowledged(by="Han"), USA, "payload.event"),
        (Acknowledged(by="Han"), None, "payload.event"),
        (Confirmed(by="Han", hash=bytes(32)), KOR, "payload.event"),
        (Joined(other=USA), KOR, "payload.said.other"),
        (Joined(other=KOR), KOR, "payload.said.other"),
        (Acknowledged(by="Han\x1b[2J"), KOR, "payload.said.by"),
        (Commented(by="Han", text="a\x07"), KOR, "payload.said.text"),
        (Proposed(by="Han", text="x", nations=("KOR", "USA")), KOR, "payload.said.nations"),
        (Proposed(by="Han", text="x", nations=("KOR", "JPN")), KOR, "payload.said.nations"),
        (
            Assessed(flights=(FLIGHT, msgspec.structs.replace(FLIGHT, ground_range_m=math.inf))),
            KOR,
            "payload.said.flights[1].ground_range_m",
        ),
        (
            Assessed(flights=(msgspec.structs.replace(FLIGHT, as_of_ns=NOW_NS + 60 * S),)),
            KOR,
            "payload.said.flights[0].as_of_ns",
        ),
    ],
)
def test_what_may_not(said, event, place):
    assert fault(said, event).place == place


def test_what_is_said_later_than_now_is_refused():
    assert fault(Acknowledged(by="Han"), at_ns=NOW_NS + 60 * S).place == "payload.at_ns"


def policy(line):
    text = f'[partner.KOR]\nlevel = "assessment"\n{line}\n'
    return parse_policy(text, "release.toml", nation="JPN", partners=["KOR"], radars=["A"])


def test_the_policy_says_what_of_consultations_goes():
    assert policy("").partners["KOR"].consultation == frozenset()
    some = policy('consultation = ["text", "acknowledgement"]')
    assert some.partners["KOR"].consultation == {Matter.TEXT, Matter.ACKNOWLEDGEMENT}
    with pytest.raises(InputError, match='did you mean "comment"'):
        policy('consultation = ["coment"]')
    with pytest.raises(InputError, match="give a list of some of assessment"):
        policy("consultation = true")
    said = changes_text(changes(policy(""), some, ["A"], NOW_NS))
    assert said == "KOR gets MORE: of consultations: acknowledgement and text from now on"
    said = changes_text(changes(some, policy('consultation = ["comment"]'), ["A"], NOW_NS))
    assert "LESS: of consultations: acknowledgement and text no more" in said
    text = default_policy_text("JPN", ["KOR"])
    made = parse_policy(text, "release.toml", nation="JPN", partners=["KOR"], radars=["A"])
    assert made.partners["KOR"].consultation == set(Matter)
