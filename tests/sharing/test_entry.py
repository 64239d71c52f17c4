"""What comes in: true messages by both paths, and everything that is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from evaluate import wire
from evaluate.wire import NOW_NS, ORIGIN, OWN, USE, Delivery, Outgoing, OutgoingChain, S
from skypact.model import Arrival, Ellipse, Plots
from skypact.serving.refusals import put_aside_told, refusals_told
from skypact.settings import EntrySettings
from skypact.sharing import codec
from skypact.sharing.entry import Accepted, Cause, Refused

LIVE, DURABLE = Delivery.LIVE, Delivery.DURABLE
KEYS = wire.keys()
NAN, INF = math.nan, math.inf


def sent(count, *, sealed=False):
    out = wire.outgoing(KEYS, sealed=sealed)
    many = [payload for seed in range(count // 4 + 1) for payload in wire.payloads(seed)]
    return [out.message(payload, NOW_NS) for payload in many[:count]]


def alone(payload, delivery=LIVE, now_ns=NOW_NS, settings=wire.PATIENT):
    """What becomes of one payload that its originator signed, and the entry."""
    entry = wire.entry(KEYS, settings)
    message = wire.outgoing(KEYS, sealed=False).message(payload, NOW_NS)
    return entry.receive(message.data, ORIGIN, delivery, now_ns), entry


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("delivery", [LIVE, DURABLE])
def test_true_messages_are_accepted_with_what_they_say(sealed, delivery):
    entry = wire.entry(KEYS)
    messages = sent(4, sealed=sealed)
    plots, tracklets, assessment, warning = (
        entry.receive(message.data, ORIGIN, delivery, NOW_NS) for message in messages
    )
    for message, result in zip(messages, (plots, tracklets, assessment, warning), strict=True):
        assert isinstance(result, Accepted)
        assert (result.header, result.digest) == (message.header, message.digest)
        assert (result.use, result.alarms, result.gaps) == (USE, (), ())
    for name in Plots._fields:
        assert (
            getattr(plots.content.plots, name).tobytes()
            == getattr(wire.arrival().plots, name).tobytes()
        )
    assert isinstance(plots.content, Arrival)
    for one, other in zip(tracklets.content, (wire.tracklet(0), wire.tracklet(1, 0)), strict=True):
        assert one.nation == ORIGIN
        # One triangle of each matrix goes; the other differs in its last bit at most.
        assert np.allclose(one.information, other.information, rtol=1e-15, atol=0.0)
    assert assessment.content == wire.assessment()
    assert warning.content == wire.warning()
    assert entry.counts(ORIGIN) == {"accepted": 4}
    if sealed:
        assert not any(b"header" in message.data for message in messages)


def test_both_paths_count_once_and_a_run_needs_one_signature(monkeypatch):
    messages = [message.data for message in sent(40)]
    entry, verified = wire.entry(KEYS), []
    from skypact.sharing import signing

    true = signing.is_signed
    monkeypatch.setattr(signing, "is_signed", lambda *a: verified.append(1) or true(*a))
    live = [entry.receive(data, ORIGIN, LIVE, NOW_NS) for data in messages[:20]]
    assert len(verified) == 20
    durable = entry.receive_many(messages, ORIGIN, DURABLE, NOW_NS)
    assert len(verified) == 21
    assert all(isinstance(result, Accepted) for result in live + durable[20:])
    assert {result.cause for result in durable[:20]} == {Cause.KNOWN}
    assert entry.counts(ORIGIN) == {"accepted": 40, "came before": 20}
    assert entry.refusals(ORIGIN) == ()


def test_what_came_live_is_not_opened_again_when_the_durable_path_brings_it(monkeypatch):
    """Its very bytes, once; anything else is opened, and judged as if nothing had come."""
    entry, sealed = wire.entry(KEYS, wire.PATIENT), sent(6, sealed=True)
    for one in sealed[:4]:
        assert isinstance(entry.receive(one.data, ORIGIN, LIVE, NOW_NS), Accepted)
    opened = []
    unseal = wire.seal.unseal

    def counted(*arguments):
        opened.append(arguments)
        return unseal(*arguments)

    monkeypatch.setattr("skypact.sharing.seal.unseal", counted)
    came = [entry.receive(one.data, ORIGIN, DURABLE, NOW_NS) for one in sealed]
    assert [isinstance(one, Accepted) for one in came] == [False] * 4 + [True] * 2
    assert {one.cause for one in came[:4]} == {Cause.KNOWN}
    assert len(opened) == 2
    assert not any(one.gaps or one.alarms for one in came)
    altered = bytearray(sealed[0].data)
    altered[-1] ^= 1
    assert entry.receive(bytes(altered), ORIGIN, DURABLE, NOW_NS).cause == Cause.SEAL


@pytest.mark.parametrize("at", [0, 5, 9])
def test_one_altered_message_in_a_run_is_refused_alone(at):
    """Those before it are vouched for no more by it, and those after it are as they were."""
    messages = [bytearray(message.data) for message in sent(10)]
    messages[at][80] ^= 1  # within the header
    entry = wire.entry(KEYS)
    results = entry.receive_many(map(bytes, messages), ORIGIN, DURABLE, NOW_NS)
    assert [isinstance(result, Accepted) for result in results] == [k != at for k in range(10)]
    lost = [gap for result in results for gap in result.gaps]
    assert [(gap.first, gap.last) for gap in lost] == ([] if at == 9 else [(at + 1, at + 1)])


def test_a_forger_who_names_true_messages_vouches_for_nothing():
    """A run that ends in a forged message: its own signature is what counts for each."""
    true = sent(3)
    forger = Outgoing(ORIGIN, OWN, OutgoingChain(7, 0, b""), wire.keys().forger, exercise=False)
    fakes = [forger.message(wire.warning(), NOW_NS).data for _ in range(3)]
    entry = wire.entry(KEYS)
    for data in (*fakes, fakes[0]):
        assert entry.receive(data, ORIGIN, DURABLE, NOW_NS).cause == Cause.SIGNATURE
    results = entry.receive_many(fakes, ORIGIN, DURABLE, NOW_NS)
    assert {result.cause for result in results} == {Cause.SIGNATURE}
    assert isinstance(entry.receive(true[0].data, ORIGIN, DURABLE, NOW_NS), Accepted)


def test_a_hundred_thousand_mutated_messages_change_nothing():
    detail = wire.run(100, seed=5, memory=False)
    assert detail["accepted"] == []
    assert detail["changed"] == detail["unexplained"] == 0
    # Each mutation is refused for what it is.
    causes = {name: set(found) for name, found in detail["causes"].items()}
    assert causes["replayed"] == {Cause.REPEATED}
    # The first number under another's signature is the true first message.
    assert causes["forged"] <= {Cause.SIGNATURE, Cause.REPEATED}
    assert causes["for or of another"] == {
        *(Cause.WRONG_ADDRESSEE, Cause.WRONG_ORIGINATOR, Cause.WRONG_MODE, Cause.MALFORMED),
    }
    assert causes["in another seal"] == {Cause.SEAL, Cause.MALFORMED}
    assert causes["another epoch or time"] == {Cause.EPOCH_AHEAD, Cause.OLD_EPOCH, Cause.CLOCK}
    assert set(causes) == set(wire.MUTATIONS)


def test_every_byte_of_a_frame_counts():
    for message in (*sent(4)[1:], *sent(4, sealed=True)[3:]):
        entry = wire.entry(KEYS)
        before = entry.save()
        for at in range(0, len(message.data), 1 if len(message.data) < 900 else 7):
            data = bytearray(message.data)
            data[at] ^= 1 << at % 8
            assert isinstance(entry.receive(bytes(data), ORIGIN, LIVE, NOW_NS), Refused), at
        for end in range(0, len(message.data), 5):
            result = entry.receive(message.data[:end], ORIGIN, DURABLE, NOW_NS)
            assert isinstance(result, Refused), end
        assert entry.save() == before
        assert isinstance(entry.receive(message.data, ORIGIN, DURABLE, NOW_NS), Accepted)


PLOTS, TRACKLETS, ASSESSMENT, WARNING, SAID = wire.payloads()


def column(values, dtype="<f8"):
    return np.asarray(values, dtype).tobytes()


def columns(**changed):
    return structs.replace(PLOTS, **changed)


def numbers(change):
    """The first tracklet with other numbers."""
    first = TRACKLETS.tracklets[0]
    values = np.frombuffer(first.numbers).copy()
    change(values)
    return with_tracklet(numbers=values.tobytes())


def with_tracklet(**changed):
    first = structs.replace(TRACKLETS.tracklets[0], **changed)
    return structs.replace(TRACKLETS, tracklets=(first,))


def put(at, value):
    def change(values):
        values[at] = value

    return change


def stated(part, **changed):
    return structs.replace(
        ASSESSMENT, **{part: structs.replace(getattr(ASSESSMENT, part), **changed)}
    )


N = 20
HUGE = EntrySettings().greatest_plots + 1
HOSTILE = {
    "NaN range": (columns(range_m=column([NAN] * N)), "payload.range_m[0]"),
    "infinite range": (columns(range_m=column([5e5] * 19 + [INF])), "payload.range_m[19]"),
    "infinite SNR": (columns(snr_db=column([-INF] * N)), "payload.snr_db[0]"),
    "negative range": (columns(range_m=column([-1.0] * N)), "payload.range_m[0]"),
    "no range": (columns(range_m=column([5e5] * 3 + [0.0] * 17)), "payload.range_m[3]"),
    "far range": (columns(range_m=column([1e300] * N)), "payload.range_m[0]"),
    "degrees": (columns(azimuth_rad=column([270.0] * N)), "payload.azimuth_rad[0]"),
    "elevation": (columns(elevation_rad=column([-2.0] * N)), "payload.elevation_rad[0]"),
    "fast": (columns(range_rate_m_s=column([1e9] * N)), "payload.range_rate_m_s[0]"),
    "empty": (columns(time_ns=b""), "payload.time_ns"),
    "half a number": (columns(time_ns=b"1234"), "payload.time_ns"),
    "short column": (columns(azimuth_rad=column([1.0])), "payload.azimuth_rad"),
    "too many plots": (columns(time_ns=bytes(8 * HUGE)), "payload.time_ns"),
    "seen tomorrow": (columns(time_ns=column([NOW_NS + 86_400 * S] * N, "<i8")), "payload.time_ns"),
    "seen last year": (
        columns(time_ns=column([NOW_NS - 365 * 86_400 * S] * N, "<i8")),
        "payload.time_ns",
    ),
    "seen before Christ": (columns(time_ns=column([-(2**63)] * N, "<i8")), "payload.time_ns"),
    "an hour's scan": (
        columns(time_ns=column(NOW_NS - np.arange(N) * 180 * S, "<i8")),
        "payload.time_ns",
    ),
    "unknown radar": (columns(radar="KOR-1"), "payload.radar"),
    "a third nation's event": (structs.replace(SAID, event="USA-0123456789ab"), "payload.event"),
    "no event": (structs.replace(SAID, event="JPN-0"), "payload.event"),
    "no use": (columns(use=()), "payload.use"),
    "NaN state": (numbers(put(0, NAN)), "payload.tracklets[0].numbers"),
    "infinite information": (numbers(put(12, INF)), "payload.tracklets[0].numbers"),
    "no information": (
        numbers(put(slice(12, 33), 0.0)),
        "payload.tracklets[0].numbers",
    ),
    "not semidefinite": (numbers(put(13, 1e3)), "payload.tracklets[0].numbers"),
    "negative information": (numbers(put(12, -1.0)), "payload.tracklets[0].numbers"),
    "sure to a hair": (numbers(put(12, 1e12)), "payload.tracklets[0].numbers"),
    "the Earth's middle": (
        numbers(put(slice(0, 3), 1.0)),
        "payload.tracklets[0].numbers[0:3]",
    ),
    "another galaxy": (numbers(put(0, 1e22)), "payload.tracklets[0].numbers[0:3]"),
    "near light": (numbers(put(3, 3e8)), "payload.tracklets[0].numbers[3:6]"),
    "overflow": (numbers(put(3, 1.7e308)), "payload.tracklets[0].numbers[3:6]"),
    "negative prior": (numbers(put(130, -1.0)), "payload.tracklets[0].numbers"),
    "two numbers": (with_tracklet(numbers=column([1.0, 2.0])), "payload.tracklets[0].numbers"),
    "correlation": (with_tracklet(correlation_time_s=NAN), "payload.tracklets[0].correlation"),
    "correlated before": (with_tracklet(correlation_time_s=-1.0), "payload.tracklets[0].correl"),
    "another rank": (with_tracklet(rank=5), "payload.tracklets[0].rank"),
    "outside of its plots": (with_tracklet(time_ns=NOW_NS), "payload.tracklets[0].time_ns"),
    "long": (with_tracklet(first_ns=NOW_NS - 60 * S), "payload.tracklets[0].first_ns"),
    "ahead": (
        with_tracklet(time_ns=NOW_NS + 9 * S, last_ns=NOW_NS + 9 * S),
        "payload.tracklets[0].time_ns",
    ),
    "no plots": (with_tracklet(plots=0), "payload.tracklets[0].plots"),
    "no label": (with_tracklet(radar=""), "payload.tracklets[0].radar"),
    "long label": (with_tracklet(radar="x" * 65), "payload.tracklets[0].radar"),
    "no tracklets": (structs.replace(TRACKLETS, tracklets=()), "payload.tracklets"),
    "too many tracklets": (
        structs.replace(TRACKLETS, tracklets=TRACKLETS.tracklets[1:] * 701),
        "payload.tracklets",
    ),
    "sure of two kinds": (
        structs.replace(ASSESSMENT, kind_probabilities={"ballistic": 1.0, "glide": 1.0}),
        "payload.kind_probabilities",
    ),
    "more than sure": (
        structs.replace(ASSESSMENT, kind_probabilities={"ballistic": 7.0}),
        "payload.kind_probabilities",
    ),
    "launched at no latitude": (stated("launch", latitude_rad=38.0), "payload.launch"),
    "launched at NaN": (stated("launch", longitude_rad=NAN), "payload.launch.longitude_rad"),
    "infinite apogee": (stated("apogee", height_m=INF), "payload.apogee.height_m"),
    "impact next week": (stated("impact", time_ns=NOW_NS + 7 * 86_400 * S), "payload.impact"),
    "inverted ellipse": (
        stated("impact", ellipse_95=Ellipse(semi_major_m=1.0, semi_minor_m=2.0, azimuth_rad=0.0)),
        "payload.impact",
    ),
    "open region": (
        stated("impact", region_95=((2.3, 0.6), (2.4, 0.6), (2.4, 0.7), (2.3, 0.61))),
        "payload.impact.region_95",
    ),
    "many corners": (
        stated("impact", region_95=((2.3, 0.6),) * 2001),
        "payload.impact.region_95",
    ),
    "path backwards": (
        stated("path", time_ns=column(NOW_NS - np.arange(10) * S, "<i8")),
        "payload.path.time_ns",
    ),
    "path to space": (stated("path", height_m=column([1e30] * 10)), "payload.path[0]"),
    "path of NaN": (stated("path", height_m=column([NAN] * 10)), "payload.path.height_m[0]"),
    "line for an area": (structs.replace(WARNING, area=WARNING.area[:2]), "payload.area"),
    "area of NaN": (
        structs.replace(WARNING, area=((NAN, 0.6), *WARNING.area[1:])),
        "payload.area[0][0]",
    ),
    "many-cornered area": (structs.replace(WARNING, area=((2.3, 0.6),) * 2001), "payload.area"),
    "ends before": (structs.replace(WARNING, until_ns=NOW_NS), "payload.until_ns"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_partner_that_signs_what_cannot_be_is_refused_with_the_place(name):
    """Its number has come all the same: nothing else of the entry knows of it."""
    payload, place = HOSTILE[name]
    result, entry = alone(payload)
    assert isinstance(result, Refused)
    assert result.cause in (Cause.MALFORMED, Cause.IMPLAUSIBLE, Cause.UNKNOWN_RADAR)
    assert result.place.startswith(place), result
    assert result.reason
    assert result.remedy
    assert entry.refusals(ORIGIN) == (result,)
    assert entry.chain(ORIGIN).newest[1] == 1
    assert entry.chain(ORIGIN).gaps() == ()


def test_the_hostile_payloads_are_true_ones_but_for_one_thing():
    for payload in wire.payloads():
        assert isinstance(alone(payload)[0], Accepted)


def test_a_huge_message_is_not_looked_at():
    entry = wire.entry(KEYS, EntrySettings())
    result = entry.receive(b"SKP\x01\x00" + bytes(2_000_000), ORIGIN, LIVE, NOW_NS)
    assert result.cause == Cause.TOO_LARGE
    assert "2,000,005 bytes are more than 1,000,000" in result.reason
    assert len(result.begins) == EntrySettings().kept_refused_bytes


def test_a_stranger_and_a_partner_that_was_dismissed():
    (message,) = sent(1)
    entry = wire.entry(KEYS)
    assert entry.receive(message.data, "RUS", LIVE, NOW_NS).cause == Cause.UNKNOWN_PARTNER
    assert entry.strangers == 1
    entry.dismiss(ORIGIN)
    assert entry.receive(message.data, ORIGIN, LIVE, NOW_NS).cause == Cause.UNKNOWN_PARTNER
    # A key that was changed: the old one is good as long as it is named.
    entry.admit(ORIGIN, [KEYS.forger.public_key()])
    assert entry.receive(message.data, ORIGIN, LIVE, NOW_NS).cause == Cause.SIGNATURE
    entry.admit(ORIGIN, [KEYS.forger.public_key(), KEYS.signing.public_key()])
    assert isinstance(entry.receive(message.data, ORIGIN, LIVE, NOW_NS), Accepted)


def test_a_message_of_another_partner_s_link_is_not_taken():
    (message,) = sent(1)
    entry = wire.entry(KEYS)
    assert entry.receive(message.data, wire.OTHER, LIVE, NOW_NS).cause == Cause.WRONG_ORIGINATOR
    (sealed,) = sent(1, sealed=True)
    assert entry.receive(sealed.data, wire.OTHER, LIVE, NOW_NS).cause == Cause.SEAL


def test_a_heartbeat_shows_the_gap_at_the_end_and_cannot_be_replayed():
    entry, out = wire.entry(KEYS), wire.outgoing(KEYS, sealed=True)
    first, second = (out.message(wire.warning(), NOW_NS) for _ in range(2))
    beat = out.heartbeat(NOW_NS)
    assert beat.header.sequence == 0
    entry.receive(first.data, ORIGIN, LIVE, NOW_NS)
    result = entry.receive(beat.data, ORIGIN, LIVE, NOW_NS)
    assert [(gap.first, gap.last) for gap in result.gaps] == [(2, 2)]
    assert result.use == ()
    assert entry.receive(beat.data, ORIGIN, LIVE, NOW_NS).cause == Cause.REPEATED
    assert isinstance(entry.receive(second.data, ORIGIN, DURABLE, NOW_NS), Accepted)
    assert entry.chain(ORIGIN).gaps() == ()
    assert out.message(wire.warning(), NOW_NS).header.sequence == 3


def test_a_clock_ahead_waits_on_the_durable_path_and_is_lost_on_neither():
    """Our clock an hour behind: the live path refuses, the durable one holds, nothing is lost."""
    first, second = sent(2)
    entry, behind_ns = wire.entry(KEYS), NOW_NS - 3600 * S
    live = entry.receive(first.data, ORIGIN, LIVE, behind_ns)
    assert (live.cause, live.retry_ns) == (Cause.CLOCK, None)
    held = entry.receive_many([first.data, second.data], ORIGIN, DURABLE, behind_ns)
    assert [result.cause for result in held] == [Cause.CLOCK] * 2
    assert all(result.retry_ns == NOW_NS - S for result in held)
    good = entry.receive_many([first.data, second.data], ORIGIN, DURABLE, NOW_NS)
    assert all(isinstance(result, Accepted) for result in good)
    far = entry.receive(first.data, ORIGIN, DURABLE, NOW_NS - 3 * 86_400 * S)
    assert far.retry_ns is None


def test_a_flood_is_bounded_and_the_durable_path_loses_nothing():
    rates = {"live_1_s": 10.0, "live_burst": 20, "durable_1_s": 10.0, "durable_burst": 20}
    settings = EntrySettings(**rates, kept_refusals=5)
    entry, messages = wire.entry(KEYS, settings), [one.data for one in sent(60)]
    live = [entry.receive(data, ORIGIN, LIVE, NOW_NS) for data in messages]
    assert [isinstance(result, Accepted) for result in live] == [True] * 20 + [False] * 40
    assert {result.cause for result in live[20:]} == {Cause.RATE}
    assert entry.aside_until_ns(ORIGIN) is None
    now_ns, left, accepted = NOW_NS, messages[20:], 0
    while left:
        results = entry.receive_many(left, ORIGIN, DURABLE, now_ns)
        taken = sum(isinstance(result, Accepted) for result in results)
        accepted += taken
        left = left[taken:]
        if left:
            assert results[taken].retry_ns > now_ns
            now_ns = results[taken].retry_ns
    assert accepted == 40
    # Those that the live path brought are known; the burst of 20, then twenty at ten a second.
    assert now_ns - NOW_NS == pytest.approx(2 * S, rel=0.05)


def test_too_many_refusals_put_a_partner_aside_and_nobody_else_and_it_comes_back():
    settings = EntrySettings(refusal_burst=10, refusals_1_s=0.1, aside_s=60.0, kept_refusals=7)
    entry = wire.entry(KEYS, settings)
    (message,) = sent(1)
    for _ in range(11):
        assert entry.receive(b"rubbish", ORIGIN, LIVE, NOW_NS).cause == Cause.MALFORMED
    assert entry.aside_until_ns(ORIGIN) == NOW_NS + 60 * S
    held = entry.receive(message.data, ORIGIN, DURABLE, NOW_NS + 59 * S)
    assert (held.cause, held.retry_ns) == (Cause.ASIDE, NOW_NS + 60 * S)
    other = Outgoing(wire.OTHER, OWN, OutgoingChain(1), KEYS.forger, exercise=False)
    kept = other.message(wire.warning(), NOW_NS)
    assert isinstance(entry.receive(kept.data, wire.OTHER, LIVE, NOW_NS), Accepted)
    back = entry.receive(message.data, ORIGIN, DURABLE, NOW_NS + 60 * S)
    assert isinstance(back, Accepted)
    assert entry.aside_until_ns(ORIGIN) is None
    assert len(entry.refusals(ORIGIN)) == 7
    # Half its burst is left: five more and the next is one too many.
    for _ in range(6):
        entry.receive(b"rubbish", ORIGIN, LIVE, NOW_NS + 60 * S)
    assert entry.aside_until_ns(ORIGIN) == NOW_NS + 120 * S
    # A clock that is put back by an hour does not put it aside for an hour.
    result = entry.receive(b"rubbish", ORIGIN, LIVE, NOW_NS - 3600 * S)
    assert result.retry_ns == NOW_NS - 3540 * S


def test_radars_that_our_table_lacks_are_told_and_hold_up_nothing_else():
    """Found with two nodes begun by hand: the partner was put aside, and health said nothing."""
    settings = EntrySettings(refusal_burst=10, refusals_1_s=0.1, aside_s=60.0)
    entry, chain = wire.entry(KEYS, settings), wire.outgoing(KEYS, sealed=False)
    for _ in range(30):
        message = chain.message(columns(radar="KOR-1"), NOW_NS)
        assert entry.receive(message.data, ORIGIN, LIVE, NOW_NS).cause == Cause.UNKNOWN_RADAR
    (said,) = refusals_told(entry, NOW_NS + 500 * S)
    assert said.startswith(f"{ORIGIN}: 30 of its messages refused as unknown radar")
    assert "KOR-1" in said and "radars.toml" in said
    assert refusals_told(entry, NOW_NS + 700 * S) == []
    assert put_aside_told(entry, NOW_NS) == []
    true = chain.message(wire.warning(), NOW_NS)
    assert isinstance(entry.receive(true.data, ORIGIN, LIVE, NOW_NS), Accepted)
    for _ in range(11):
        entry.receive(b"rubbish", ORIGIN, LIVE, NOW_NS)
    (aside,) = put_aside_told(entry, NOW_NS)
    assert aside.startswith(f"{ORIGIN} is put aside until 20")
    assert put_aside_told(entry, NOW_NS + 61 * S) == []


def test_a_restart_knows_where_the_chains_stood():
    messages = sent(4)
    entry = wire.entry(KEYS)
    for message in messages[:2]:
        entry.receive(message.data, ORIGIN, DURABLE, NOW_NS)
    again = wire.entry(KEYS, saved=entry.save())
    assert again.save() == entry.save()
    assert again.receive(messages[0].data, ORIGIN, DURABLE, NOW_NS).cause == Cause.KNOWN
    assert isinstance(again.receive(messages[2].data, ORIGIN, DURABLE, NOW_NS), Accepted)


def bits(content):
    """All that is in it, arrays by their bytes."""
    if isinstance(content, np.ndarray):
        return content.tobytes()
    if isinstance(content, tuple):
        return tuple(map(bits, content))
    return bits(structs.astuple(content)) if hasattr(content, "__struct_fields__") else content


def test_what_the_journal_kept_is_what_was_accepted():
    entry, again = wire.entry(KEYS), wire.entry(KEYS)
    for k, message in enumerate(sent(8, sealed=True)):
        delivery = (LIVE, DURABLE)[k // 4]
        accepted = entry.receive(message.data, ORIGIN, delivery, NOW_NS)
        assert isinstance(accepted, Accepted)
        back = again.recorded(accepted.body, ORIGIN, delivery, NOW_NS)
        assert isinstance(back, Accepted)
        assert (back.header, back.use, back.digest, back.gaps) == (
            *(accepted.header, accepted.use, accepted.digest, accepted.gaps),
        )
        assert bits(back.content) == bits(accepted.content)
    assert again.save() == entry.save()
    assert again.recorded(b"rubbish", ORIGIN, LIVE, NOW_NS).cause == Cause.MALFORMED
    assert again.recorded(accepted.body, "RUS", LIVE, NOW_NS).cause == Cause.UNKNOWN_PARTNER


@given(st.integers(0, 10**6), st.integers(0, 3))
def test_any_number_in_any_column_is_accepted_or_refused_with_its_place(seed, which):
    """Random bytes for a column: nothing raises, and what is accepted is finite and in bounds."""
    rng = np.random.default_rng(seed)
    name = ("range_m", "azimuth_rad", "elevation_rad", "snr_db")[which]
    values = rng.integers(0, 256, 8 * N, dtype=np.uint8).view(np.float64)
    result, _ = alone(columns(**{name: values.tobytes()}))
    if isinstance(result, Accepted):
        column_now = getattr(result.content.plots, name)
        assert not np.isinf(column_now).any()
    else:
        assert result.place.startswith(f"payload.{name}")


def test_uses_stand_in_one_order():
    assert codec.in_order([*reversed(USE), *USE]) == USE
