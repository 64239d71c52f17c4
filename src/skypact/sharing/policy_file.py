"""Release policies as people write them: TOML read, checked, written, signed."""

import datetime
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from skypact.errors import InputError, nearest
from skypact.model import FlightKind, Level, Matter, Openness, Use
from skypact.settings import ReleaseSettings
from skypact.sharing import signing
from skypact.sharing.policy import Area, PartnerPolicy, Policy, Rule

LEVELS = {level.name.lower(): level for level in Level}
_DEFAULT = "otherwise"
_GIVES = ("level", "openness", "use", "greatest_per_s")
_CONDITIONS = ("kinds", "area", "radars", "from", "until", "exercise")
_RULE_KEYS = ("name", *_GIVES, *_CONDITIONS)
_PARTNER_KEYS = (*_GIVES, "consultation", "rule")
_COUNTLESS = 1e15


def load_policy(
    path: str | PathLike[str],
    *,
    nation: str,
    partners: Sequence[str],
    radars: Sequence[str],
    settings: ReleaseSettings | None = None,
) -> Policy:
    """Read a release policy. Raises InputError with file, key, reason and remedy."""
    text = load_policy_text(path, settings)
    return parse_policy(text, str(path), nation=nation, partners=partners, radars=radars)


def load_policy_text(path: str | PathLike[str], settings: ReleaseSettings | None = None) -> str:
    """A policy's text as it stands; raises InputError where there is none."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    except OSError as error:
        said = f"cannot be read ({error.strerror})"
        raise InputError(str(path), said, "name a file that can be read") from None
    most = (settings or ReleaseSettings()).greatest_policy_bytes
    if len(data) > most:
        said = f"{len(data):,} bytes are more than {most:,}"
        raise InputError(str(path), said, "write fewer rules, or raise greatest_policy_bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        said = f"is not UTF-8 text (byte {error.start + 1})"
        raise InputError(str(path), said, "save it as UTF-8") from None


def parse_policy(
    text: str, file: str, *, nation: str, partners: Sequence[str], radars: Sequence[str]
) -> Policy:
    """A policy from its text; `partners` and `radars`: those there are. Raises as `load_policy`.

    A partner that the text does not name gets what a partner gets by default.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(file, f"is not TOML: {error}", "correct that line") from None
    _refuse_unknown(file, document, ("nation", "partner"))
    stated = document.get("nation", nation)
    if stated != nation:
        said = f"nation is {stated!r}, and this node is {nation!r}"
        raise InputError(file, said, "use the policy of this nation, or correct the line")
    tables = document.get("partner", {})
    if not isinstance(tables, dict):
        raise InputError(file, "partner is no table", "begin each with a line [partner.NAME]")
    for name in tables:
        if name not in partners:
            said = f'partner "{name}" is not known'
            there = f"there are {_said(partners) or 'none'}; add it to the coalition first"
            raise InputError(file, said, _meant(name, partners, there))
    chosen = {name: _partner(file, name, tables.get(name, {}), radars) for name in partners}
    return Policy(nation=nation, partners=chosen, hash=policy_hash(text))


def _partner(file: str, name: str, table: Any, radars: Sequence[str]) -> PartnerPolicy:
    place = f"{file}, partner.{name}"
    _refuse_no_table(place, table, f"[partner.{name}]")
    _refuse_unknown(place, table, _PARTNER_KEYS)
    otherwise = _rule(place, table, _BUILT_IN, _DEFAULT, radars)
    rows = table.get("rule", [])
    if not isinstance(rows, list):
        remedy = f"begin each rule with a line [[partner.{name}.rule]], in two pairs of brackets"
        raise InputError(place, "rule is no list of tables", remedy)
    rules, seen = [], {_DEFAULT}
    for number, row in enumerate(rows, start=1):
        row_place = f"{place}, rule {number}"
        _refuse_no_table(row_place, row, f"[[partner.{name}.rule]]")
        named = row.get("name", f"rule {number}")
        if not isinstance(named, str) or not named.isprintable() or not named.strip():
            raise InputError(row_place, f"name is {named!r}", "give printable text")
        if named in seen:
            raise InputError(row_place, f'name "{named}" is taken', "give each rule its own")
        seen.add(named)
        row_place += f' ("{named}")'
        _refuse_unknown(row_place, row, _RULE_KEYS)
        if "level" not in row:
            raise InputError(row_place, '"level" is missing', f"add level = one of {_said(LEVELS)}")
        rules.append(_rule(row_place, row, otherwise, named, radars))
    consultation = _some_of(place, table, "consultation", _values(Matter))
    return PartnerPolicy(rules=tuple(rules), otherwise=otherwise, consultation=consultation)


def _rule(
    place: str, table: Mapping[str, Any], default: Rule, name: str, radars: Sequence[str]
) -> Rule:
    from_ns, until_ns = (_time(place, table, key) for key in ("from", "until"))
    if from_ns is not None and until_ns is not None and from_ns >= until_ns:
        raise InputError(place, "until is not after from", "correct one of them")
    exercise = table.get("exercise")
    if exercise is not None and not isinstance(exercise, bool):
        raise InputError(place, f"exercise is {exercise!r}", "give true or false")
    return Rule(
        name=name,
        level=_one_of(place, table, "level", LEVELS, default.level),
        openness=_one_of(place, table, "openness", _values(Openness), default.openness),
        use=_use(place, table, default.use),
        per_s=_rate(place, table, default.per_s),
        kinds=_set_of(place, table, "kinds", _values(FlightKind)),
        area=_area(place, table),
        radars=_set_of(place, table, "radars", {name: name for name in radars}),
        from_ns=from_ns,
        until_ns=until_ns,
        exercise=exercise,
    )


def _values(kind: Any) -> dict[str, Any]:
    return {str(one): one for one in kind}


def _one_of(
    place: str, table: Mapping[str, Any], key: str, known: Mapping[str, Any], default: Any
) -> Any:
    if key not in table:
        return default
    value = table[key]
    if not isinstance(value, str) or value not in known:
        remedy = _meant(value, known, f"give one of {_said(known)}")
        raise InputError(place, f"{key} is {value!r}", remedy)
    return known[value]


def _set_of(
    place: str, table: Mapping[str, Any], key: str, known: Mapping[str, Any]
) -> frozenset[Any] | None:
    if key not in table:
        return None
    if not table[key]:
        raise InputError(
            place, f"{key} is {table[key]!r}", f"give a list of some of {_said(known)}"
        )
    return _some_of(place, table, key, known)


def _some_of(
    place: str, table: Mapping[str, Any], key: str, known: Mapping[str, Any]
) -> frozenset[Any]:
    """Of a list of names what they stand for; left out, or an empty list: none."""
    values = table.get(key, [])
    if not isinstance(values, list):
        raise InputError(place, f"{key} is {values!r}", f"give a list of some of {_said(known)}")
    for value in values:
        if not isinstance(value, str) or value not in known:
            remedy = _meant(value, known, f"there are {_said(known) or 'none'}")
            raise InputError(place, f"{key} holds {value!r}", remedy)
    return frozenset(known[value] for value in values)


def _use(place: str, table: Mapping[str, Any], default: tuple[Use, ...]) -> tuple[Use, ...]:
    chosen = _set_of(place, table, "use", _values(Use))
    return default if chosen is None else tuple(one for one in Use if one in chosen)


def _rate(place: str, table: Mapping[str, Any], default: float) -> float:
    value = table.get("greatest_per_s", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(place, f"greatest_per_s is {value!r}", "give a number above 0")
    return float(value) if value < _COUNTLESS else math.inf


def _time(place: str, table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        remedy = "write date, time and zone, without quotes, as in 2026-01-31T12:00:00Z"
        raise InputError(place, f"{key} is {value!s}", remedy)
    since = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def _area(place: str, table: Mapping[str, Any]) -> Area | None:
    corners = table.get("area")
    if corners is None:
        return None
    if not isinstance(corners, list) or len(corners) < 3:
        remedy = "give three corners or more, as in [[38, 124], [38, 132], [33, 128]]"
        raise InputError(place, "area is no polygon", remedy)
    out = []
    for number, corner in enumerate(corners, start=1):
        if not isinstance(corner, list) or len(corner) != 2 or not all(map(_is_number, corner)):
            said = f"corner {number} of its area is {corner!r}"
            raise InputError(place, said, "give latitude and longitude, degrees")
        latitude, longitude = map(float, corner)
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
            said = f"corner {number} of its area is {corner!r}"
            raise InputError(place, said, "latitude comes first, -90 to 90; then longitude")
        out.append((latitude, longitude))
    around = [(b - out[0][1] + 180.0) % 360.0 - 180.0 for _, b in out]
    if max(around) - min(around) >= 180.0:
        remedy = "cut it into several rules"
        raise InputError(place, "its area spans 180° of longitude or more", remedy)
    return Area(tuple(out))


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < _COUNTLESS


def _refuse_no_table(place: str, table: Any, line: str) -> None:
    if not isinstance(table, dict):
        raise InputError(place, "it is no table", f"write it below a line {line}")


def _refuse_unknown(place: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            near = nearest(key, known)
            remedy = f'did you mean "{near}"?' if near else "leave it out"
            raise InputError(place, f'unknown key "{key}"', remedy)


def _meant(name: Any, known: Any, otherwise: str) -> str:
    near = nearest(name, known) if isinstance(name, str) else None
    return f'did you mean "{near}"? {otherwise}' if near else otherwise


def _said(known: Any) -> str:
    return ", ".join(known)


_BUILT_IN = Rule(
    name=_DEFAULT,
    level=Level.ASSESSMENT,
    openness=Openness.HIDDEN,
    use=(Use.PICTURE,),
    per_s=math.inf,
)
"""Estimated launch point, path and impact: as the real mechanism is publicly described."""

_HEAD = """\
# What {nation} releases to each partner. `skypact release explain` says what this comes to.
#
# Level, each telling what those before it tell and more:
#   nothing, warning (area and time only), assessment (launch point, apogee, impact, kind),
#   tracklets, plots
# Openness of tracklets: hidden (do not point at the radar), rounded, full.
# Use: picture (the partner's own eyes and decisions), public_warning, export.
# Consultation about an event: which of it the partner gets; left out, nothing of it.
#
# Rules are tried in order, and the first whose conditions all hold decides; else what stands below
# [partner.…] does. What a rule does not say (openness, use, greatest_per_s) is as there.
nation = {quoted}
"""
_PARTNER = """
[partner.{partner}]
level = "assessment"
openness = "hidden"
use = ["picture"]
consultation = ["assessment", "acknowledgement", "comment", "text"]
# greatest_per_s = 50.0        # payloads a second; the rest waits for nobody and is left out
#
# [[partner.{partner}.rule]]
# name = "ballistic flights, one radar"
# level = "tracklets"
# openness = "full"
# use = ["picture", "public_warning"]
# kinds = ["ballistic", "quasi_ballistic", "glide"]
# radars = ["RADAR-1"]         # ids in radars.toml
# area = [[42, 124], [42, 132], [33, 132], [33, 124]]   # latitude, longitude; where the object is
# from = 2026-01-01T00:00:00Z
# until = 2027-01-01T00:00:00Z
# exercise = false             # true: in exercises only; left out: both
"""


def default_policy_text(nation: str, partners: Sequence[str]) -> str:
    """A policy that gives each partner the default, with comments that show what can be said."""
    head = _HEAD.format(nation=nation, quoted=json.dumps(nation))
    return head + "".join(_PARTNER.format(partner=partner) for partner in partners)


def policy_hash(text: str) -> str:
    """SHA-256 of a policy's text, in hexadecimal: its name in journal and audit."""
    return hashlib.sha256(text.encode()).hexdigest()


class SignedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as it was put in force: its text, by whom and when (UTC since 1970), signed.

    `replaces`: hash of the one before, empty for the first: so the past of a policy is a chain.
    `signature`: the nation's. `by_user`: of the one who is named, where users have keys.
    """

    text: str
    who: str
    when_ns: int
    replaces: str
    signature: bytes = b""
    by_user: bytes = b""

    @property
    def hash(self) -> str:
        """Of the text."""
        return policy_hash(self.text)

    def is_signed(self, keys: Sequence[Ed25519PublicKey]) -> bool:
        """Whether the holder of one of the keys put it in force, as it stands here."""
        return signing.is_signed(signing.POLICY, _said_of(self), self.signature, keys)

    def is_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the user with that key put it in force, as it stands here."""
        return signing.is_signed(signing.POLICY, _said_of(self), self.by_user, [key])

    def in_the_name_of(self, key: Ed25519PrivateKey) -> "SignedPolicy":
        """The same with the nation's signature."""
        signature = signing.sign(signing.POLICY, _said_of(self), key)
        return msgspec.structs.replace(self, signature=signature)


def signed_policy(
    text: str,
    who: str,
    when_ns: int,
    key: Ed25519PrivateKey,
    *,
    replaces: str = "",
    user: Ed25519PrivateKey | None = None,
) -> SignedPolicy:
    """Put a policy's text in the nation's name, and in that of a user."""
    policy = SignedPolicy(text=text, who=who, when_ns=when_ns, replaces=replaces)
    if user is not None:
        by_user = signing.sign(signing.POLICY, _said_of(policy), user)
        policy = msgspec.structs.replace(policy, by_user=by_user)
    return policy.in_the_name_of(key)


def _said_of(policy: SignedPolicy) -> bytes:
    """The bytes that are signed: all but the signatures, as a MessagePack array."""
    return msgspec.msgpack.encode([policy.text, policy.who, policy.when_ns, policy.replaces])
