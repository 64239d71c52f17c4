"""Objects with known orbits: two-line elements to states in ECEF, and how wrong they may be."""

import math
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import EmptyInputError, InputError
from skypact.kernels.geodesy import EARTH_RATE_RAD_S
from skypact.settings import OrbitSettings

if TYPE_CHECKING:
    from sgp4.api import Satrec

FloatArray = NDArray[np.float64]
_DAY_NS = 86_400_000_000_000
_UNIX_JD = 2_440_587.5
_J2000_JD = 2_451_545.0
_LINE_CHARACTERS = 69


class Orbit(NamedTuple):
    """One object's two-line elements; `epoch_ns` UTC since 1970."""

    name: str
    elements: "Satrec"
    epoch_ns: int


def load_orbits(path: str | PathLike[str]) -> tuple[Orbit, ...]:
    """Read two-line elements, each with a line of its name before it or without.

    Raises InputError with the number of the line, what is wrong and what to do; EmptyInputError
    where there are none.
    """
    from sgp4.api import Satrec

    place = str(path)
    lines = [(n, line) for n, line in enumerate(_lines(Path(path)), 1) if line.strip()]
    orbits: list[Orbit] = []
    name, k = "", 0
    while k < len(lines):
        number, line = lines[k]
        if not line.startswith("1 "):
            if line.startswith("2 "):
                raise InputError(
                    f"{place}, line {number}", "a second line without its first", "add it before"
                )
            name, k = line.removeprefix("0 ").strip(), k + 1
            continue
        if k + 1 == len(lines) or not lines[k + 1][1].startswith("2 "):
            raise InputError(
                f"{place}, line {number}", "its second line does not follow", "add it after"
            )
        for at, text in lines[k : k + 2]:
            _require_sound(f"{place}, line {at}", text)
        second = lines[k + 1][1]
        if line[2:7] != second[2:7]:
            reason = f"it is of object {second[2:7]}, the line before of {line[2:7]}"
            raise InputError(f"{place}, line {lines[k + 1][0]}", reason, "keep the lines together")
        try:
            elements = Satrec.twoline2rv(line, second)
        except ValueError as error:
            raise InputError(f"{place}, line {number}", str(error), "correct it") from None
        days = elements.jdsatepoch - _UNIX_JD
        epoch_ns = round(days) * _DAY_NS + round(
            (days - round(days) + elements.jdsatepochF) * _DAY_NS
        )
        orbits.append(Orbit(name or line[2:7].strip(), elements, epoch_ns))
        name, k = "", k + 2
    if not orbits:
        raise EmptyInputError(place, "holds no two-line elements", "name a file that does")
    return tuple(orbits)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "name a file that can be read"
        ) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is not text", "name a file of two-line elements") from None


def _require_sound(place: str, line: str) -> None:
    """Raise InputError where a line is too short or its checksum wrong."""
    if len(line) < _LINE_CHARACTERS:
        reason = f"it has {len(line)} characters of {_LINE_CHARACTERS}"
        raise InputError(place, reason, "give the whole line")
    digits = line[: _LINE_CHARACTERS - 1]
    total = sum(int(c) if c.isdecimal() else c == "-" for c in digits) % 10
    if line[_LINE_CHARACTERS - 1] != str(total):
        reason = f"its checksum is {line[_LINE_CHARACTERS - 1]!r}, not {total}"
        raise InputError(place, reason, "take the line anew from where it came")


def orbit_states(orbit: Orbit, time_ns: NDArray[np.int64], settings: OrbitSettings) -> FloatArray:
    """ECEF position m and velocity m/s (n, 6) at UTC times (n,); NaN where SGP4 gives none.

    SGP4 (Vallado et al., AIAA 2006-6753) in TEME, turned into ECEF by `ecef_from_teme`.
    """
    days = time_ns // _DAY_NS
    rest = np.asarray((time_ns - days * _DAY_NS) / _DAY_NS, np.float64)
    whole = np.asarray(_UNIX_JD + days, np.float64)
    errors, position_km, velocity_km_s = orbit.elements.sgp4_array(whole, rest)
    teme = 1e3 * np.column_stack((position_km, velocity_km_s))
    states = ecef_from_teme(teme, whole, rest, settings)
    states[errors != 0] = np.nan
    return states


def ecef_from_teme(
    teme: FloatArray, day_jd: FloatArray, rest_day: FloatArray, settings: OrbitSettings
) -> FloatArray:
    """States (n, 6) in ECEF of states in TEME, m and m/s, at UTC Julian dates in two parts (n,).

    Turned by Greenwich mean sidereal time 1982 and by the pole's motion (Vallado, Fundamentals of
    Astrodynamics, 4th ed., eq. 3-47 and 3.7.3).
    """
    seconds = rest_day * 86_400.0 + settings.ut1_utc_s
    centuries = ((day_jd - _J2000_JD) + seconds / 86_400.0) / 36_525.0
    # 876,600 h a century are whole turns of the days since J2000.0, and half a one.
    days = np.mod(day_jd - _J2000_JD, 1.0)
    sidereal = (
        67_310.54841
        + 8_640_184.812866 * centuries
        + 0.093104 * centuries**2
        - 6.2e-6 * centuries**3
        + 86_400.0 * days
        + seconds
    )
    angle = np.mod(sidereal, 86_400.0) * (2.0 * math.pi / 86_400.0)
    cos, sin = np.cos(angle), np.sin(angle)

    def turned(vector: FloatArray) -> FloatArray:
        x, y, z = vector.T
        return np.column_stack((cos * x + sin * y, cos * y - sin * x, z))

    position, velocity = turned(teme[:, :3]), turned(teme[:, 3:])
    velocity[:, 0] += EARTH_RATE_RAD_S * position[:, 1]
    velocity[:, 1] -= EARTH_RATE_RAD_S * position[:, 0]
    second = math.pi / 648_000.0
    xp, yp = settings.polar_x_arcsec * second, settings.polar_y_arcsec * second

    def from_pole(vector: FloatArray) -> FloatArray:
        x, y, z = vector.T
        return np.column_stack((x + xp * z, y - yp * z, z - xp * x + yp * y))

    return np.column_stack((from_pole(position), from_pole(velocity)))


def orbit_sigma_m(orbit: Orbit, time_ns: NDArray[np.int64], settings: OrbitSettings) -> FloatArray:
    """How wrong the orbit may be, 1σ m (n, 3): up, along, across; grows with the elements' age."""
    age_days = np.abs(time_ns - orbit.epoch_ns)[:, None] / _DAY_NS
    at_epoch = (settings.radial_sigma_m, settings.along_sigma_m, settings.cross_sigma_m)
    growth = (
        settings.radial_growth_m_day,
        settings.along_growth_m_day,
        settings.cross_growth_m_day,
    )
    return np.array(at_epoch) + age_days * np.array(growth)
