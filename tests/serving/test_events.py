"""Events as a fold of what was said: the same in any order, and no partner can join what is not."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.made_consultation import accepted_of
from skypact.model import (
    Acknowledged,
    Assessed,
    Commented,
    Confirmed,
    Consultation,
    Joined,
    Proposed,
)
from skypact.serving.events import Events, KeptSaid, KeptWord
from skypact.settings import ConsultationSettings
from skypact.sharing import codec
from skypact.sharing.chain import Alarm, AlarmKind

OWN, OTHERS = "JPN", ("KOR", "USA")
LITTLE = ConsultationSettings(greatest_statements=100)
HUBS = [f"JPN-{k:012x}" for k in range(2)]
TOLD = {partner: [f"JPN-{k:011x}{at}" for k in range(8, 10)] for at, partner in enumerate(OTHERS)}
THEIRS = {partner: [f"{partner}-{k:012x}" for k in range(2)] for partner in OTHERS}
PEOPLE = st.sampled_from(["Sato", "Han", "Smith"])
TIMES = st.integers(1, 6)
PROPOSALS = [
    Proposed(by=by, text=text, nations=nations)
    for by in ("Sato", "Han")
    for text, nations in (("One fell.", ("JPN", "KOR")), ("Two.", ("JPN", "KOR", "USA")))
]
HASHES = [
    codec.text_hash(nation, False, at_ns, text)
    for nation in (OWN, *OTHERS)
    for at_ns in (1, 2)
    for text in PROPOSALS
]


def events(state=()):
    return Events(OWN, LITTLE, exercise=False, state=state)


def said(names, others):
    """Anything that can be said of one of these names."""
    plain = st.one_of(
        st.builds(Acknowledged, by=PEOPLE),
        st.builds(Commented, by=PEOPLE, text=st.sampled_from(["a", "b"])),
        st.sampled_from(PROPOSALS),
        st.builds(Joined, other=st.sampled_from(others)),
        st.just(Assessed(flights=())),
    )
    confirmed = st.builds(Confirmed, by=PEOPLE, hash=st.sampled_from(HASHES))
    return st.one_of(
        st.builds(Consultation, at_ns=TIMES, said=plain, event=st.sampled_from(names)),
        st.builds(Consultation, at_ns=TIMES, said=confirmed),
    )


@st.composite
def own_word(draw):
    theirs = [name for names in THEIRS.values() for name in names]
    word = draw(said(HUBS, theirs))
    partners = draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=2))
    if isinstance(word.said, Assessed):
        partners = partners[:1]
    of = HUBS.index(word.event) if word.event else 0
    told = tuple((one, TOLD[one][of] if word.event else None) for one in partners)
    return KeptSaid(word, told)


@st.composite
def partners_word(draw):
    partner = draw(st.sampled_from(OTHERS))
    names = THEIRS[partner] + TOLD[partner]
    word = draw(said(names, names))
    return accepted_of(partner, OWN, word, draw(st.integers(1, 3)))


def take(of, word):
    if isinstance(word, KeptSaid):
        of.say(word)
    else:
        of.hear(word, word.content)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(own_word(), partners_word()), max_size=14), st.data())
def test_any_order_and_any_repetition_give_the_same_events(words, data):
    one, other = events(), events()
    for word in words:
        take(one, word)
    for word in data.draw(st.permutations(words)) + data.draw(st.permutations(words)):
        take(other, word)
        if data.draw(st.booleans()):
            other.all()  # that somebody looked changes nothing
    assert one.all() == other.all()
    blob = msgspec.msgpack.encode(one.state())
    kept = events(msgspec.msgpack.decode(blob, type=list[KeptWord]))
    assert kept.all() == one.all()
    alarm = Alarm(AlarmKind.FORKED, 1, 2, ((1, 2),), "")
    for of in (one, other):
        of.take_out("KOR", alarm)
    assert one.all() == other.all()


@settings(max_examples=25, deadline=None)
@given(st.lists(own_word(), max_size=8), st.lists(partners_word(), max_size=12))
def test_partners_make_no_two_of_our_events_one(own, theirs):
    """However partners join names: what we said stays said of the event that we said it of."""
    alone, together = events(), events()
    for word in own:
        alone.say(word)
        together.say(word)
    for word in theirs:
        take(together, word)
    assert {one.name for one in alone.all()} <= {one.name for one in together.all()}
    for event in alone.all():
        among = together.find(event.name)
        assert among.told == event.told
        mine = [one for one in among.comments if one.nation == OWN]
        assert mine == [one for one in event.comments if one.nation == OWN]
        for text in event.texts:
            assert text.hash in [one.hash for one in among.texts]
    names = [name for event in together.all() for name in event.names]
    assert len(names) == len(set(names)), "a name is of one event"


def test_a_text_is_agreed_when_each_nation_has_confirmed_just_that_text():
    of = events()
    text = Proposed(by="Sato", text="One fell.", nations=("JPN", "KOR"))
    of.say(KeptSaid(Consultation(at_ns=1, said=text, event=HUBS[0]), (("KOR", TOLD["KOR"][0]),)))
    digest = codec.text_hash(OWN, False, 1, text)

    def confirmed(who, by=digest):
        return Consultation(at_ns=2, said=Confirmed(by=who, hash=by))

    def agreed():
        (one,) = of.all()
        return one.texts[0].agreed_ns

    of.hear(accepted_of("KOR", OWN, confirmed("Han"), 1), confirmed("Han"))
    of.say(KeptSaid(confirmed("Sato")))  # who proposed it does not confirm it
    assert agreed() is None
    other = codec.text_hash(OWN, True, 1, text)  # the same words of an exercise
    of.say(KeptSaid(confirmed("Abe", other)))
    of.hear(accepted_of("USA", OWN, confirmed("Smith"), 1), confirmed("Smith"))
    assert agreed() is None
    of.say(KeptSaid(confirmed("Abe")))
    assert agreed() == 2
    changed = msgspec.structs.replace(text, text="One fell!")
    assert codec.text_hash(OWN, False, 1, changed) != digest
    assert codec.text_hash("KOR", False, 1, text) != digest


def test_the_newest_are_kept_and_what_is_old_goes():
    of = events()
    for at_ns in range(150):
        word = Consultation(at_ns=at_ns, said=Commented(by="Han", text="x"), event=THEIRS["KOR"][0])
        of.hear(accepted_of("KOR", OWN, word, at_ns + 1), word)
    (event,) = of.all()
    assert [one.at_ns for one in event.comments] == list(range(50, 150))
    hour_ns = 3600 * 10**9
    of.pass_time(round(LITTLE.kept_h * hour_ns) + 100)
    assert of.all()
    of.pass_time(round(LITTLE.kept_h * hour_ns) + hour_ns)
    assert not of.all()
