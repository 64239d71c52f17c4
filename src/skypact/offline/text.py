"""Times and places as people and files write them."""

import datetime
import math
import re

from skypact.model import Ellipse

HALF_95 = 1.959964
"""Half width of a 95 % interval over its standard deviation."""
_SECOND_NS = 1_000_000_000
_DEGREE_M = 111.2e3
"""Of latitude."""
_ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d\d:?\d\d)?"
)


def iso_utc(time_ns: int, digits: int = 9) -> str:
    """UTC ns since 1970 as ISO 8601 with Z; 0 to 9 digits of a second, cut and not rounded."""
    seconds, rest = divmod(time_ns, _SECOND_NS)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    fraction = f".{rest:09d}"[: digits + 1] if digits else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def utc_ns(text: str) -> int:
    """ISO 8601 to UTC ns since 1970; UTC where no zone stands. Raises ValueError."""
    match = _ISO_8601.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 2022-10-03T22:30:00Z")
    date, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        moment = datetime.datetime.fromisoformat(f"{date}T{clock}{zone}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from None
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND_NS + int((fraction or "0").ljust(9, "0"))


def clock(time_ns: int, digits: int = 0) -> str:
    """Hours, minutes and seconds of the day, UTC."""
    return iso_utc(time_ns, digits)[11:-1]


def place(latitude_rad: float, longitude_rad: float, within_m: float, gap: str = " ") -> str:
    """A place as people read it: 40.61° N 126.43° E.

    As many digits as tell places `within_m` apart (an area's semi-minor axis): 1 to 6, the last
    worth at most that much.
    """
    digits = math.ceil(math.log10(_DEGREE_M / max(within_m, 1e-3)))
    digits = min(max(digits, 1), 6)
    latitude, longitude = math.degrees(latitude_rad), math.degrees(longitude_rad)
    north, east = "N" if latitude >= 0.0 else "S", "E" if longitude >= 0.0 else "W"
    return f"{abs(latitude):.{digits}f}° {north}{gap}{abs(longitude):.{digits}f}° {east}"


def kilometres(metres: float) -> str:
    """A length in km with three digits that count: 0.034, 1.24, 12.4, 1,240."""
    return three_digits(metres / 1000.0)


def three_digits(value: float) -> str:
    """A number with three digits that count, and three decimals at most."""
    return f"{value:,.{_digits(value)}f}"


def square_kilometres(value: float) -> str:
    """An area in km² with three digits that count, two where it is small: 20.7, 0.00049."""
    if not 0.0 < value < 0.01:
        return three_digits(value)
    return f"{value:.{1 - math.floor(math.log10(value))}f}"


def kilometres_within(metres: float, half_m: float) -> tuple[str, str]:
    """A length and half its 95 % interval in km, to two digits of the latter: 550.3 and 0.6."""
    half_km = max(half_m / 1000.0, 1e-3)
    digits = min(3, max(0, 1 - math.floor(math.log10(half_km))))
    return f"{metres / 1000.0:,.{digits}f}", f"{half_km:,.{digits}f}"


def seconds(value_s: float) -> str:
    """A span as people read it: 0.42 s, 12.3 s, 310 s."""
    return f"{value_s:,.{min(2, _digits(value_s))}f} s"


def axes(ellipse: Ellipse) -> str:
    """An ellipse's semi-axes in km: 3.43 × 0.370."""
    return f"{kilometres(ellipse.semi_major_m)} × {kilometres(ellipse.semi_minor_m)}"


def span(value_s: float) -> str:
    """A span as people read it: 42 s, 2 min 53 s, from two hours on 23 h 57 min."""
    minutes, rest = divmod(round(value_s), 60)
    if minutes >= 120:
        return f"{minutes // 60:,} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _digits(value: float) -> int:
    """Decimals that leave three digits that count, three at most."""
    size = abs(value)
    return 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
