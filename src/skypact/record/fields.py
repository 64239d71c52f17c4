"""Numbers, days and times as public sources write them."""

import datetime
import math
import re
from typing import Any

from skypact.record.imported import FieldError

UNKNOWN = frozenset({"", "unknown", "na", "n/a", "none", "null", "-", "?", "nan"})
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?(?: ?(?:\(UTC\)|UTC|Z))?")
_LIMITS = {
    "latitude_deg": (-90.0, 90.0),
    "longitude_deg": (-180.0, 360.0),
    "bearing_deg": (0.0, 360.0),
    "apogee_km": (0.0, 100_000.0),
    "range_km": (0.0, 40_100.0),
}
_NUMBERS_WRITTEN = re.compile(r"[+-]?(\d+(,\d{3})*|\d*)(\.\d*)?([eE][+-]?\d+)?")


def number(field: str, said: Any, as_named: str) -> float | None:
    """A number within the limits of `as_named`; None where the source does not know it."""
    text = "" if said is None else str(said).strip()
    if text.lower() in UNKNOWN:
        return None
    low, high = _LIMITS[next(name for name in _LIMITS if as_named.endswith(name))]
    try:
        if isinstance(said, bool) or not _NUMBERS_WRITTEN.fullmatch(text):
            raise ValueError
        value = float(text.replace(",", ""))
    except ValueError:
        raise FieldError(field, f"{said!r} is no number", "give one, or unknown") from None
    if not (math.isfinite(value) and low <= value <= high):
        reason = f"{text} is not between {low:g} and {high:g}"
        raise FieldError(field, reason, "correct it, or give unknown")
    return value


def day(field: str, said: Any) -> tuple[int, int, int]:
    """Year, month and day, as the source writes them; 0 for what it leaves out."""
    match = _DAY.fullmatch(str(said).strip())
    if match is None:
        raise FieldError(field, f"{said!r} is no date", "write 2022-11-03, 2022-11 or 2022")
    year, month, of_month = (int(part or 0) for part in match.groups())
    try:
        datetime.date(year, month or 1, of_month or 1)
    except ValueError as error:
        raise FieldError(field, f"{said!r}: {error}", "correct the date") from None
    if (match.group(2) and not month) or (match.group(3) and not of_month):
        raise FieldError(field, f"{said!r} has a 00", "leave out what is not known")
    return year, month, of_month


def moment_ns(date: tuple[int, int, int], field: str, said: Any) -> int | None:
    """UTC ns since 1970 of a clock's time on a day; None where it is not known."""
    text = "" if said is None else str(said).strip()
    if text.lower() in UNKNOWN:
        return None
    match = _CLOCK.fullmatch(text)
    if match is None or not date[2]:
        reason = f"{said!r} is no time of day" if match is None else "has a time and no day"
        raise FieldError(field, reason, "write 21:51 (UTC), or unknown")
    try:
        hour, minute, second = (int(part or 0) for part in match.groups())
        clock = datetime.time(hour, minute, second)
    except ValueError as error:
        raise FieldError(field, f"{said!r}: {error}", "correct the time") from None
    moment = datetime.datetime.combine(datetime.date(*date), clock, datetime.UTC)
    return round(moment.timestamp()) * 1_000_000_000


def impact_of(
    latitude_deg: float, longitude_deg: float, bearing_deg: float, range_km: float
) -> tuple[float, float, float]:
    """Where a launch came down by bearing and range: latitude, longitude, deg; how far off, km.

    The last is the rounding of both numbers alone: half a degree, and half of 1, 10, or beyond
    1,000 km of 100 km, as the range is a multiple of. The numbers may be wrong by more.
    """
    from skypact.kernels.geodesic import geodesic_direct  # Numba takes a second to begin

    place = geodesic_direct(
        math.radians(latitude_deg),
        math.radians(longitude_deg),
        math.radians(bearing_deg),
        range_km * 1e3,
    )
    coarse = (100.0, 10.0, 1.0) if range_km >= 1000.0 else (10.0, 1.0)
    step = next((one for one in coarse if range_km % one == 0.0), 0.1)
    across = 2.0 * 6371.0 * math.sin(range_km / 6371.0 / 2.0) * math.radians(0.5)
    off_km = math.hypot(step / 2.0, abs(across))
    longitude = math.remainder(math.degrees(place[1]), 360.0)
    return round(math.degrees(place[0]), 5), round(longitude, 5), round(off_km, 1)
