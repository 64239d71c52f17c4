"""Radar tables: `radars.toml` to and from `model.Radar`.

The file speaks to people, in degrees and kilometres; the model in radians and metres.
"""

import difflib
import json
import math
import tomllib
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from skypact.errors import EmptyInputError, InputError
from skypact.model import Radar

_RADIANS_PER_DEGREE = math.pi / 180.0
_METRES_PER_KM = 1000.0


class _Quantity(NamedTuple):
    """One number of a radar: its key in the file, its field in the model, and its limits."""

    key: str
    field: str
    low: float = 0.0
    high: float = math.inf
    above_low: bool = False
    """Whether `low` itself is refused."""
    required: bool = False
    si_per_unit: float = 1.0

    @property
    def limits(self) -> str:
        if self.high < math.inf:
            return f"{'above ' if self.above_low else ''}{self.low:g} to {self.high:g}"
        return "above 0" if self.above_low else "0 or more"

    def allows(self, value: float) -> bool:
        too_low = value <= self.low if self.above_low else value < self.low
        return math.isfinite(value) and not too_low and value <= self.high


def _angle(key: str, field: str, **limits: Any) -> _Quantity:
    return _Quantity(key, field, si_per_unit=_RADIANS_PER_DEGREE, **limits)


_QUANTITIES = (
    _angle("latitude_deg", "latitude_rad", low=-90.0, high=90.0, required=True),
    _angle("longitude_deg", "longitude_rad", low=-180.0, high=360.0, required=True),
    _Quantity("height_m", "height_m", low=-1000.0, high=100_000.0, required=True),
    _Quantity("range_sigma_m", "range_sigma_m", above_low=True, required=True),
    _angle("azimuth_sigma_deg", "azimuth_sigma_rad", high=180.0, above_low=True, required=True),
    _angle("elevation_sigma_deg", "elevation_sigma_rad", high=180.0, above_low=True, required=True),
    _Quantity("range_rate_sigma_m_s", "range_rate_sigma_m_s", above_low=True),
    _Quantity("max_range_km", "max_range_m", above_low=True, si_per_unit=_METRES_PER_KM),
    _angle("min_elevation_deg", "min_elevation_rad", low=-90.0, high=90.0),
    _Quantity("period_s", "period_s", low=1e-6, high=86_400.0),
    _Quantity("detection_probability", "detection_probability", high=1.0, above_low=True),
    _Quantity("range_bias_sigma_m", "range_bias_sigma_m"),
    _angle("azimuth_bias_sigma_deg", "azimuth_bias_sigma_rad", high=180.0),
    _angle("elevation_bias_sigma_deg", "elevation_bias_sigma_rad", high=180.0),
    _Quantity("range_rate_bias_sigma_m_s", "range_rate_bias_sigma_m_s"),
    _Quantity("time_bias_sigma_s", "time_bias_sigma_s"),
    _Quantity("range_bias_m", "range_bias_m", low=-1e6, high=1e6),
    _angle("azimuth_bias_deg", "azimuth_bias_rad", low=-180.0, high=180.0),
    _angle("elevation_bias_deg", "elevation_bias_rad", low=-90.0, high=90.0),
    _Quantity("range_rate_bias_m_s", "range_rate_bias_m_s", low=-1e5, high=1e5),
    _Quantity("time_bias_s", "time_bias_s", low=-86_400.0, high=86_400.0),
    _Quantity("correlation_time_s", "correlation_time_s"),
    _Quantity("range_resolution_m", "range_resolution_m"),
    _angle("angle_resolution_deg", "angle_resolution_rad", high=180.0),
    _Quantity("clutter_per_scan", "clutter_per_scan"),
)
_NAMES = ("id", "nation")
_SWITCHES = ("refracted",)
_CODES = ("sac", "sic")
"""What a radar is called in ASTERIX: both or neither."""
_RESERVED_NATION = "together"
"""What all nations at once are called where they are compared."""
_KEYS = (*_NAMES, *(quantity.key for quantity in _QUANTITIES), *_SWITCHES, *_CODES)


def load_radars(path: str | PathLike[str]) -> tuple[Radar, ...]:
    """Read a radar table; the radars come in the order of the file.

    Raises InputError (EmptyInputError where there is no radar at all) that names the file, the
    `[[radar]]` by its number from 1 and its id, the key, what is wrong and what to do.
    """
    tables = _radar_tables(str(path), _parsed_toml(Path(path)))
    radars = [
        _radar_from_table(_place(str(path), number, table), table)
        for number, table in enumerate(tables, start=1)
    ]
    _refuse_repeated_ids(str(path), radars)
    return tuple(radars)


def save_radars(path: str | PathLike[str], radars: Iterable[Radar]) -> None:
    """Write a radar table that `load_radars` reads back equal to the last bit or two.

    Keys that have their default are left out.
    """
    Path(path).write_text("\n".join(_table_text(radar) for radar in radars), encoding="utf-8")


def _parsed_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "name a file that can be read"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            str(path), f"is not UTF-8 text (byte {error.start + 1})", "save it as UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"is not TOML: {error}", "correct that line") from None


def _radar_tables(file: str, document: dict[str, Any]) -> list[dict[str, Any]]:
    for key in document:
        if key != "radar":
            remedy = "write each radar as a table that begins with the line [[radar]]"
            raise InputError(file, f'unknown key "{key}" at the top', remedy)
    tables = document.get("radar", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        remedy = "begin each radar with the line [[radar]], in two pairs of brackets"
        raise InputError(file, '"radar" is not a list of tables', remedy)
    if not tables:
        raise EmptyInputError(file, "holds no radar", "add at least one [[radar]] table")
    return tables


def _place(file: str, number: int, table: dict[str, Any]) -> str:
    identity = table.get("id")
    named = f' (id "{identity}")' if isinstance(identity, str) else ""
    return f"{file}, [[radar]] {number}{named}"


def _radar_from_table(place: str, table: dict[str, Any]) -> Radar:
    _refuse_unknown_keys(place, table)
    fields: dict[str, Any] = {name: _name(place, table, name) for name in _NAMES}
    if fields["nation"].lower() == _RESERVED_NATION:
        reason = f"nation is {fields['nation']!r}, which is what all nations at once are called"
        raise InputError(place, reason, "give the nation another name")
    for quantity in _QUANTITIES:
        if quantity.key in table or quantity.required:
            fields[quantity.field] = _number(place, table, quantity) * quantity.si_per_unit
    for switch in _SWITCHES:
        if switch in table:
            fields[switch] = _switch(place, table, switch)
    if any(code in table for code in _CODES):
        fields |= {code: _code(place, table, code) for code in _CODES}
    if fields["longitude_rad"] > math.pi:
        fields["longitude_rad"] -= 2 * math.pi
    return Radar(**fields)


def _refuse_unknown_keys(place: str, table: dict[str, Any]) -> None:
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            remedy = f'did you mean "{near[0]}"?' if near else "leave it out"
            raise InputError(place, f'unknown key "{key}"', remedy)


def _required(place: str, table: dict[str, Any], key: str) -> Any:
    if key not in table:
        raise InputError(place, f'"{key}" is missing', f"add a line {key} = …")
    return table[key]


def _name(place: str, table: dict[str, Any], key: str) -> str:
    value = _required(place, table, key)
    if not isinstance(value, str):
        raise InputError(place, f"{key} is {value!r}, not text", "put it in double quotes")
    if not value or value != value.strip() or not value.isprintable():
        remedy = "give printable characters, with no space at either end"
        raise InputError(place, f"{key} is {value!r}", remedy)
    return value


def _number(place: str, table: dict[str, Any], quantity: _Quantity) -> float:
    value = _required(place, table, quantity.key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        reason = f"{quantity.key} is {value!r}, not a number"
        raise InputError(place, reason, f"give a number {quantity.limits}")
    number = _as_float(value)
    if not quantity.allows(number):
        reason = f"{quantity.key} is {number!r}, outside its limits"
        raise InputError(place, reason, f"give a number {quantity.limits}")
    return number


def _as_float(value: float) -> float:
    """A whole number too great for a float counts as infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _switch(place: str, table: dict[str, Any], key: str) -> bool:
    value = table[key]
    if not isinstance(value, bool):
        raise InputError(place, f"{key} is {value!r}", "give true or false")
    return value


def _code(place: str, table: dict[str, Any], key: str) -> int:
    value = _required(place, table, key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise InputError(place, f"{key} is {value!r}", "give a whole number from 0 to 255")
    return value


def _refuse_repeated_ids(file: str, radars: list[Radar]) -> None:
    first_number: dict[str, int] = {}
    first_codes: dict[tuple[int, int], int] = {}
    for number, radar in enumerate(radars, start=1):
        place = f'{file}, [[radar]] {number} (id "{radar.id}")'
        if radar.id in first_number:
            reason = f"the id is that of [[radar]] {first_number[radar.id]} already"
            raise InputError(place, reason, "give each radar its own")
        first_number[radar.id] = number
        if radar.sac is None or radar.sic is None:
            continue
        first = first_codes.setdefault((radar.sac, radar.sic), number)
        if first != number:
            reason = f"sac and sic are those of [[radar]] {first} already"
            raise InputError(place, reason, "give each radar its own")


def _table_text(radar: Radar) -> str:
    lines = ["[[radar]]"]
    lines += [f"{name} = {_quoted(getattr(radar, name))}" for name in _NAMES]
    for quantity in _QUANTITIES:
        value = getattr(radar, quantity.field)
        if quantity.required or value != _DEFAULTS[quantity.field]:
            lines.append(f"{quantity.key} = {_in_unit(value, quantity.si_per_unit)}")
    lines += [f"{switch} = true" for switch in _SWITCHES if getattr(radar, switch)]
    if radar.sac is not None and radar.sic is not None:
        lines += [f"sac = {radar.sac}", f"sic = {radar.sic}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string; for printable text its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _in_unit(value: float, si_per_unit: float) -> str:
    """The shortest number whose conversion gives the value back exactly, else all 17 digits."""
    exact = value / si_per_unit
    short = float(f"{exact:.15g}")
    return repr(short if short * si_per_unit == value else exact)


_DEFAULTS: dict[str, Any] = dict(
    zip(reversed(Radar.__struct_fields__), reversed(Radar.__struct_defaults__), strict=False)
)
