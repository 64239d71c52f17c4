"""Messages to bytes and back: the same, whatever they hold; and what is no message says why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from msgspec import structs

from evaluate import wire
from skypact.errors import InputError
from skypact.model import Arrival, Fault, Header, Heartbeat, Message, Plots, Use
from skypact.sharing import codec, seal, signing
from skypact.sharing.codec import Body, Frame, Signed

KEYS = wire.keys()
TIMES = st.integers(0, 2**63 - 1)
FINITE = {"allow_nan": False, "allow_infinity": False, "width": 64}
HEADERS = st.builds(
    Header,
    version=st.just(1),
    originator=st.from_regex(r"[A-Z][A-Z0-9]{1,7}", fullmatch=True),
    addressee=st.from_regex(r"[A-Z][A-Z0-9]{1,7}", fullmatch=True),
    exercise=st.booleans(),
    epoch=TIMES,
    sequence=TIMES,
    previous=st.one_of(st.just(b""), st.binary(min_size=32, max_size=32)),
    sent_ns=TIMES,
)
USES = st.lists(st.sampled_from(Use), min_size=1).map(codec.in_order)


@st.composite
def arrivals(draw):
    n = draw(st.integers(1, 12))
    reals = nps.arrays(np.float64, n, elements=st.floats(**FINITE))
    maybe = nps.arrays(np.float64, n, elements=st.floats(allow_infinity=False))
    times = nps.arrays(np.int64, n, elements=TIMES)
    scan = draw(st.integers(-(2**63), 2**63 - 1))
    plots = Plots(
        draw(times),
        np.full(n, 7, np.int32),
        draw(reals),
        draw(reals),
        draw(reals),
        draw(maybe),
        draw(maybe),
        np.full(n, scan, np.int64),
    )
    return Arrival(
        nation="JPN",
        radar=draw(st.text(min_size=1, max_size=64)),
        epoch=draw(TIMES),
        sequence=draw(TIMES),
        received_ns=5,
        plots=plots,
    )


def through(header, payload):
    """A message to its frame and back."""
    body = codec.encode(Message(header=header, payload=payload))
    signature = signing.sign(signing.MESSAGE, body, KEYS.signing)
    frame = codec.read_frame(codec.signed_frame(signature, body), 10**6)
    assert isinstance(frame, Frame)
    signed = codec.read_signed(frame.content)
    assert signed == Signed(signature, body)
    assert signing.is_signed(
        signing.MESSAGE, signed.body, signed.signature, [KEYS.signing.public_key()]
    )
    read = codec.read_body(signed.body)
    assert isinstance(read, Body)
    assert read.header == header
    return codec.read_payload(read.payload)


def same(a, b):
    """Bit for bit."""
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


@given(HEADERS, arrivals(), USES)
def test_plots_come_back_bit_for_bit(header, arrival, use):
    packed = codec.pack_plots(arrival, use)
    read = through(header, packed)
    assert read == packed
    back = codec.unpack_plots(read, "JPN", 7, 5, 100)
    assert isinstance(back, Arrival)
    assert structs.replace(back, plots=arrival.plots) == arrival
    for name, one, other in zip(Plots._fields, arrival.plots, back.plots, strict=True):
        # Which NaN it is where nothing was measured has no meaning.
        assert same(np.nan_to_num(one, nan=-1.5), np.nan_to_num(other, nan=-1.5)), name
        assert (np.isnan(one) == np.isnan(other)).all()


@given(HEADERS, USES, st.sampled_from((0, 8)), st.data())
def test_tracklets_come_back_bit_for_bit(header, use, biases, data):
    numbers = data.draw(
        nps.arrays(np.float64, {0: 33, 8: 133}[biases], elements=st.floats(**FINITE))
    )
    one = codec.pack_tracklets([wire.tracklet(1, biases)], use)
    packed = structs.replace(
        one, tracklets=(structs.replace(one.tracklets[0], numbers=numbers.tobytes()),)
    )
    read = through(header, packed)
    assert read == packed
    (back,) = codec.unpack_tracklets(read, "JPN", 10)
    assert back.nation == "JPN"
    assert (back.information == back.information.T).all()
    assert codec.pack_tracklets([back], use) == packed


def test_assessment_warning_and_heartbeat_come_back():
    header = codec.read_body(wire.corpus(1).sent[0].data[69:]).header
    heartbeat = Heartbeat(beat=1, newest=2, digest=b"d")
    for payload in (wire.assessment(), wire.warning(), wire.consultation(), heartbeat):
        assert through(header, payload) == payload
    path = codec.unpack_path(wire.assessment().path, 10)
    assert len(path.time_ns) == 10
    assert isinstance(codec.unpack_path(wire.assessment().path, 9), Fault)


@given(st.binary(max_size=300))
def test_no_bytes_raise(data):
    for found in (
        codec.read_frame(data, 1000),
        codec.read_frame(codec.MAGIC + data, 1000),
        codec.read_signed(data),
        codec.read_body(data),
        codec.read_payload(data),
    ):
        if isinstance(found, Fault):
            assert found.place
            assert found.reason
            assert found.remedy


def test_a_new_field_is_passed_over_and_an_old_one_must_be_there():
    """So that an older node reads a newer one's messages."""
    import msgspec

    as_map = msgspec.msgpack.decode(codec.encode(Message(**_message())))
    as_map["header"]["mood"] = "good"
    as_map["payload"]["mood"] = ["good"]
    assert isinstance(codec.read_body(msgspec.msgpack.encode(as_map)), Body)
    del as_map["header"]["epoch"]
    fault = codec.read_body(msgspec.msgpack.encode(as_map))
    assert fault.place == "header"
    assert "epoch" in fault.reason
    as_map["header"] |= {"epoch": 1, "version": 2}
    fault = codec.read_body(msgspec.msgpack.encode(as_map))
    assert fault.place == "header.version"
    assert "update" in fault.remedy


def _message():
    header = codec.read_body(wire.corpus(1).sent[0].data[69:]).header
    return {"header": header, "payload": wire.warning()}


def test_plots_of_two_scans_are_not_one_message():
    arrival = wire.arrival(2)
    mixed = arrival.plots._replace(scan=np.array([1, 2]))
    with pytest.raises(InputError, match="not of one scan"):
        codec.pack_plots(structs.replace(arrival, plots=mixed), [Use.PICTURE])


def test_a_seal_opens_for_its_addressee_its_key_and_its_number_alone():
    info = seal.info_of("JPN", "KOR", 3, 4)
    sealed = seal.seal(b"plain", info, KEYS.sealing.public_key())
    assert b"plain" not in sealed
    other = wire.X25519PrivateKey.from_private_bytes(b"another".ljust(32, b"."))
    assert seal.unseal(sealed, info, [other, KEYS.sealing]) == b"plain"
    assert seal.unseal(sealed, info, [other]) is None
    for names in (("JPN", "USA", 3, 4), ("USA", "KOR", 3, 4), ("JPN", "KOR", 4, 4)):
        assert seal.unseal(sealed, seal.info_of(*names), [KEYS.sealing]) is None
    assert seal.unseal(b"short", info, [KEYS.sealing]) is None
    assert seal.seal(b"plain", info, KEYS.sealing.public_key()) != sealed


def test_a_signature_is_for_one_purpose_and_of_one_of_the_keys():
    signature = signing.sign(signing.MESSAGE, b"words", KEYS.signing)
    mine, other = KEYS.signing.public_key(), KEYS.forger.public_key()
    assert signing.is_signed(signing.MESSAGE, b"words", signature, [other, mine])
    assert not signing.is_signed(signing.POLICY, b"words", signature, [mine])
    assert not signing.is_signed(signing.MESSAGE, b"words", signature, [other])
    assert not signing.is_signed(signing.MESSAGE, b"words", signature[:-1], [mine])
