"""Scenarios: flights to simulate, as TOML files; the published launches come with the package.

```toml
title = "…"                        # what it is, for people
source = "…"                       # where the figures were published
note = "…"                         # what is assumed beyond them
launch_time = 2017-11-28T18:17:00Z
clutter_box_km = 50                # optional: false plots only about the objects

[[radar]]                          # optional: where a radar of the demo stood on that day …
id = "US-Ship"
latitude_deg = 37.0
longitude_deg = 124.2
[[radar]]
id = "KR-Ship"
away = true                        # … or that it was not there

[[flight]]
id = "payload"
latitude_deg = 39.2                # launch site, WGS84
longitude_deg = 125.7
height_m = 30                      # optional
delay_s = 0                        # optional: after launch_time
bearing_deg = 80                   # from launch to impact; for a burn: where the nose points
apogee_km = 4475                   # either these two (without its manoeuvres) …
range_km = 950
kind = "ballistic"                 # optional: ballistic, quasi_ballistic, glide
burn_s = 290                       # optional, else by the burn rule
beta_kg_m2 = 8000                  # optional: m / (C_D A) after burn-out
beta_variation = 0.1               # optional: slow sine in its logarithm,
beta_variation_period_s = 60       # and its period
boost_beta_kg_m2 = 15000           # optional
manoeuvred_range_km = 600          # optional: found by the first manoeuvre's duration

[flight.burn]                      # … or a burn
vertical_s = 6
pitch_deg = 40                     # from the vertical, at burn-out
[[flight.burn.stage]]
burn_s = 65
thrust_acceleration_m_s2 = 24      # at ignition
propellant_fraction = 0.7

[[flight.manoeuvre]]               # optional, one after the other
start_height_km = 35
path_angle_deg = 5
time_constant_s = 5
most_lift_m2_kg = 1e-3             # C_L A / m
lift_to_drag = 2.5
most_load_g = 10
bank_deg = 0
duration_s = 60
end_height_km = 0
end_ground_range_km = 500

[[flight.part]]                    # optional
id = "booster"
time_s = 70                        # or: at = "burnout", or: at = "stage 1"
beta_kg_m2 = 600
kind = "booster"
backward_m_s = 5
right_m_s = 0
up_m_s = 0
```
"""

import contextlib
import datetime
import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from skypact.errors import ScenarioError, nearest
from skypact.kernels.powered_flight import STANDARD_GRAVITY_M_S2
from skypact.model import FlightKind, Radar
from skypact.sensing.flight_programme import Burn, FlightProgramme, Manoeuvre, Part, Stage
from skypact.sensing.radar_files import load_radars
from skypact.sensing.solve import Solution, solve

_FOLDER = files("skypact.sensing") / "scenarios"
_DEMO_RADARS = "demo_radars.toml"
_DEG, _KM = math.pi / 180.0, 1000.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Flights to fly together, and the words that go with them.

    `radars`: those of the demo as they stood on that day, which look unless others are given.
    """

    name: str
    title: str
    source: str
    note: str
    flights: tuple[FlightProgramme, ...]
    solutions: tuple[Solution, ...]
    radars: tuple[Radar, ...]
    clutter_box_m: float | None = None


def scenario_names() -> tuple[str, ...]:
    """Names of the scenarios that come with the package, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(n[:-5] for n in names if n.endswith(".toml") and n != _DEMO_RADARS))


def load_scenario(name_or_path: str | PathLike[str]) -> Scenario:
    """A scenario by its name, or from a TOML file (a path that ends in .toml or has a folder).

    Raises ScenarioError that names the file, the place in it, the key, the reason and the remedy:
    for what is missing, unknown, out of range, or cannot be flown.
    """
    text = str(name_or_path)
    path = Path(text)
    if text in scenario_names():
        file = f"{text}.toml"
        return _scenario(text, file, (_FOLDER / file).read_bytes())
    if path.suffix != ".toml" and not path.exists():
        near = nearest(text, scenario_names())
        remedy = f'did you mean "{near}"?' if near else "name one of: "
        listed = "" if near else ", ".join(scenario_names())
        raise ScenarioError(f"{text}: there is no such scenario; {remedy}{listed}")
    try:
        return _scenario(path.stem, text, path.read_bytes())
    except OSError as error:
        raise ScenarioError(
            f"{text}: cannot be read ({error.strerror}); correct the path"
        ) from None


def demo_radars() -> tuple[Radar, ...]:
    """The three nations' radars of the demo: published towns and ranges, assumed accuracies."""
    return load_radars(str(_FOLDER / _DEMO_RADARS))


class _Key(NamedTuple):
    """One number of a table: its limits, the factor to SI, its default (None: none)."""

    low: float
    high: float
    si: float = 1.0
    default: float | None = None
    required: bool = False


_PI_2 = 90.0
_FLIGHT = {
    "latitude_deg": _Key(-89.9, 89.9, _DEG, required=True),
    "longitude_deg": _Key(-180.0, 360.0, _DEG, required=True),
    "height_m": _Key(0.0, 6000.0, 1.0, 0.0),
    "delay_s": _Key(0.0, 86400.0, 1.0, 0.0),
    "bearing_deg": _Key(-360.0, 360.0, _DEG, required=True),
    "apogee_km": _Key(5.0, 20000.0, _KM),
    "range_km": _Key(1.0, 15000.0, _KM),
    "burn_s": _Key(5.0, 900.0),
    "beta_kg_m2": _Key(10.0, 1e6),
    "beta_variation": _Key(0.0, 1.0, 1.0, 0.0),
    "beta_variation_period_s": _Key(1.0, 1e4, 1.0, 60.0),
    "boost_beta_kg_m2": _Key(10.0, 1e6, 1.0, 15000.0),
    "manoeuvred_range_km": _Key(1.0, 15000.0, _KM),
}
_FLIGHT_OTHERS = ("id", "kind", "burn", "manoeuvre", "part")
_BURN = {
    "vertical_s": _Key(0.0, 120.0, 1.0, 6.0),
    "pitch_deg": _Key(0.0, 135.0, _DEG, required=True),
}
_STAGE = {
    "burn_s": _Key(1.0, 900.0, required=True),
    "thrust_acceleration_m_s2": _Key(1.0, 300.0, required=True),
    "propellant_fraction": _Key(0.05, 0.97, 1.0, 0.75),
}
_MANOEUVRE = {
    "start_height_km": _Key(0.1, 120.0, _KM, 120e3),
    "path_angle_deg": _Key(-_PI_2, _PI_2, _DEG, required=True),
    "time_constant_s": _Key(0.5, 600.0, 1.0, 5.0),
    "most_lift_m2_kg": _Key(1e-6, 1.0, required=True),
    "lift_to_drag": _Key(0.1, 10.0, 1.0, 3.0),
    "most_load_g": _Key(0.1, 100.0, STANDARD_GRAVITY_M_S2, 10.0 * STANDARD_GRAVITY_M_S2),
    "bank_deg": _Key(-80.0, 80.0, _DEG, 0.0),
    "duration_s": _Key(0.1, 7200.0, 1.0, math.inf),
    "end_height_km": _Key(0.0, 120.0, _KM, 0.0),
    "end_ground_range_km": _Key(1.0, 15000.0, _KM, math.inf),
}
_PART = {
    "time_s": _Key(1.0, 20000.0),
    "beta_kg_m2": _Key(1.0, 1e6, required=True),
    "backward_m_s": _Key(-500.0, 500.0, 1.0, 5.0),
    "right_m_s": _Key(-500.0, 500.0, 1.0, 0.0),
    "up_m_s": _Key(-500.0, 500.0, 1.0, 0.0),
}
_RADAR = {
    "latitude_deg": _Key(-89.9, 89.9, _DEG),
    "longitude_deg": _Key(-180.0, 360.0, _DEG),
}
_TOP = ("title", "source", "note", "launch_time", "clutter_box_km", "radar", "flight")
_KINDS = (FlightKind.BALLISTIC, FlightKind.QUASI_BALLISTIC, FlightKind.GLIDE)


def _scenario(name: str, file: str, content: bytes) -> Scenario:
    try:
        table = tomllib.loads(content.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{file}: is not TOML ({error}); correct it there") from None
    _refuse_unknown(file, table, _TOP)
    launch_ns = _time_ns(file, table)
    entries = _tables(file, table, "flight")
    if not entries:
        raise ScenarioError(f"{file}: holds no flight; add at least one [[flight]] table")
    flights, solutions = [], []
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        place = f"{file}, [[flight]] {number}"
        programme, solution = _flight(place, entry, launch_ns)
        for object_id in (programme.object_id, *(part.object_id for part in programme.parts)):
            if object_id in seen:
                raise ScenarioError(f'{place}: id "{object_id}" is taken; give each its own')
            seen.add(object_id)
        flights.append(programme)
        solutions.append(solution)
    box = {"clutter_box_km": _Key(0.1, 5000.0, _KM)}
    return Scenario(
        name=name,
        title=_text(file, table, "title", name),
        source=_text(file, table, "source", ""),
        note=_text(file, table, "note", ""),
        flights=tuple(flights),
        solutions=tuple(solutions),
        radars=_radars(file, table),
        clutter_box_m=_numbers(file, table, box)["clutter_box_km"],
    )


def _radars(file: str, table: Mapping[str, Any]) -> tuple[Radar, ...]:
    """The demo's radars, without those that were away, and moved where the file says."""
    standing = {radar.id: radar for radar in demo_radars()}
    known = tuple(standing)
    for number, entry in enumerate(_tables(file, table, "radar"), start=1):
        radar_id = _name(f"{file}, [[radar]] {number}", entry, "id", None)
        place = f'{file}, [[radar]] {number} (id "{radar_id}")'
        _refuse_unknown(place, entry, (*_RADAR, "id", "away"))
        if radar_id not in known:
            raise ScenarioError(
                f"{place}: the demo has no such radar; name one of {', '.join(known)}"
            )
        if radar_id not in standing:
            raise ScenarioError(f"{place}: is away already; keep one of the two tables")
        numbers = _numbers(place, entry, _RADAR)
        latitude, longitude = numbers["latitude_deg"], numbers["longitude_deg"]
        away = entry.get("away", False)
        if away is True and latitude is None and longitude is None:
            del standing[radar_id]
        elif away is False and latitude is not None and longitude is not None:
            standing[radar_id] = msgspec.structs.replace(
                standing[radar_id], latitude_rad=latitude, longitude_rad=longitude
            )
        else:
            raise ScenarioError(
                f"{place}: give either away = true, or latitude_deg and longitude_deg"
            )
    return tuple(standing.values())


def _flight(
    place: str, table: Mapping[str, Any], launch_ns: int
) -> tuple[FlightProgramme, Solution]:
    object_id = _name(place, table, "id", None)
    place = f'{place} (id "{object_id}")'
    _refuse_unknown(place, table, (*_FLIGHT, *_FLIGHT_OTHERS))
    numbers = _numbers(place, table, _FLIGHT)
    burn = _burn(f"{place}, [flight.burn]", table["burn"]) if "burn" in table else None
    solved = numbers["apogee_km"] is not None, numbers["range_km"] is not None
    if burn is None and solved != (True, True):
        raise ScenarioError(
            f"{place}: apogee_km and range_km are needed together; give both, or a [flight.burn]"
        )
    if burn is not None and any(solved):
        raise ScenarioError(f"{place}: a burn and an apogee or range; keep the one or the other")
    manoeuvres = tuple(
        _manoeuvre(f"{place}, [[flight.manoeuvre]] {i}", entry)
        for i, entry in enumerate(_tables(place, table, "manoeuvre"), start=1)
    )
    kind = _kind(place, table, manoeuvres)
    programme = FlightProgramme(
        object_id=object_id,
        launch_time_ns=launch_ns + round((numbers["delay_s"] or 0.0) * 1e9),
        latitude_rad=_given(numbers, "latitude_deg"),
        longitude_rad=_given(numbers, "longitude_deg"),
        height_m=_given(numbers, "height_m"),
        bearing_rad=_given(numbers, "bearing_deg"),
        kind=kind,
        apogee_m=numbers["apogee_km"],
        range_m=numbers["range_km"],
        burn=burn,
        burn_s=numbers["burn_s"],
        beta_kg_m2=numbers["beta_kg_m2"],
        beta_variation=_given(numbers, "beta_variation"),
        beta_variation_period_s=_given(numbers, "beta_variation_period_s"),
        boost_beta_kg_m2=_given(numbers, "boost_beta_kg_m2"),
        manoeuvres=manoeuvres,
        manoeuvred_range_m=numbers["manoeuvred_range_km"],
    )
    try:
        solution = solve(programme)
    except ScenarioError as error:
        raise ScenarioError(f"{place}: {error}") from None
    parts = tuple(
        _part(f"{place}, [[flight.part]] {i}", entry, solution)
        for i, entry in enumerate(_tables(place, table, "part"), start=1)
    )
    return msgspec.structs.replace(programme, parts=parts), solution


def _kind(place: str, table: Mapping[str, Any], manoeuvres: tuple[Manoeuvre, ...]) -> FlightKind:
    default = FlightKind.QUASI_BALLISTIC if manoeuvres else FlightKind.BALLISTIC
    kind = table.get("kind", str(default))
    if kind not in [str(k) for k in _KINDS]:
        raise ScenarioError(f"{place}: kind is {kind!r}; give one of {', '.join(_KINDS)}")
    return FlightKind(kind)


def _burn(place: str, table: Any) -> Burn:
    if not isinstance(table, dict):
        raise ScenarioError(f"{place}: is not a table; begin it with the line [flight.burn]")
    _refuse_unknown(place, table, (*_BURN, "stage"))
    numbers = _numbers(place, table, _BURN)
    stages = tuple(
        _stage(f"{place}, [[flight.burn.stage]] {i}", entry)
        for i, entry in enumerate(_tables(place, table, "stage"), start=1)
    )
    if not stages:
        raise ScenarioError(f"{place}: no stage; add a [[flight.burn.stage]] table")
    return Burn(
        stages=stages,
        pitch_rad=_given(numbers, "pitch_deg"),
        vertical_s=_given(numbers, "vertical_s"),
    )


def _stage(place: str, table: Mapping[str, Any]) -> Stage:
    _refuse_unknown(place, table, _STAGE)
    numbers = _numbers(place, table, _STAGE)
    fraction, burn_s = _given(numbers, "propellant_fraction"), _given(numbers, "burn_s")
    thrust = _given(numbers, "thrust_acceleration_m_s2")
    gain = thrust * burn_s * -math.log1p(-fraction) / fraction
    return Stage(burn_s=burn_s, delta_v_m_s=gain, propellant_fraction=fraction)


def _manoeuvre(place: str, table: Mapping[str, Any]) -> Manoeuvre:
    _refuse_unknown(place, table, _MANOEUVRE)
    numbers = _numbers(place, table, _MANOEUVRE)
    return Manoeuvre(
        start_height_m=_given(numbers, "start_height_km"),
        path_angle_rad=_given(numbers, "path_angle_deg"),
        time_constant_s=_given(numbers, "time_constant_s"),
        most_lift_m2_kg=_given(numbers, "most_lift_m2_kg"),
        lift_to_drag=_given(numbers, "lift_to_drag"),
        most_load_m_s2=_given(numbers, "most_load_g"),
        bank_rad=_given(numbers, "bank_deg"),
        duration_s=_given(numbers, "duration_s"),
        end_height_m=_given(numbers, "end_height_km"),
        end_ground_range_m=_given(numbers, "end_ground_range_km"),
    )


def _part(place: str, table: Mapping[str, Any], solution: Solution) -> Part:
    _refuse_unknown(place, table, (*_PART, "id", "kind", "at"))
    numbers = _numbers(place, table, _PART)
    if (numbers["time_s"] is None) == ("at" not in table):
        raise ScenarioError(f'{place}: give either time_s or at = "burnout" or "stage 1"')
    time_s = numbers["time_s"]
    if time_s is None:
        ends = [0.0]
        for stage in solution.burn.stages:
            ends.append(ends[-1] + stage.burn_s)
        moments = {f"stage {i}": ends[i] for i in range(1, len(ends))} | {"burnout": ends[-1]}
        if table["at"] not in moments:
            raise ScenarioError(
                f"{place}: at is {table['at']!r}; give one of {', '.join(moments)}, or time_s"
            )
        time_s = moments[table["at"]]
    if time_s >= solution.ending.impact_s:
        raise ScenarioError(
            f"{place}: comes off at {time_s:g} s, but the flight lasts "
            f"{solution.ending.impact_s:.0f} s; let it come off earlier"
        )
    return Part(
        object_id=_name(place, table, "id", None),
        time_s=time_s,
        beta_kg_m2=_given(numbers, "beta_kg_m2"),
        kind=_name(place, table, "kind", "booster"),
        backward_m_s=_given(numbers, "backward_m_s"),
        right_m_s=_given(numbers, "right_m_s"),
        up_m_s=_given(numbers, "up_m_s"),
    )


def _given(numbers: Mapping[str, float | None], key: str) -> float:
    value = numbers[key]
    if value is None:
        raise KeyError(key)
    return value


def _refuse_unknown(place: str, table: Mapping[str, Any], known: Any) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, list(known), n=1)
            remedy = f'did you mean "{near[0]}"?' if near else "leave it out"
            raise ScenarioError(f'{place}: unknown key "{key}"; {remedy}')


def _tables(place: str, table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ScenarioError(f"{place}: {key} is not a list of tables; write [[…{key}]] before each")
    return value


def _text(place: str, table: Mapping[str, Any], key: str, default: str | None) -> str:
    value = table.get(key, default)
    if value is None:
        raise ScenarioError(f'{place}: {key} is missing; add a line {key} = "…"')
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ScenarioError(f"{place}: {key} is {value!r}; give text in double quotes")
    return value


def _name(place: str, table: Mapping[str, Any], key: str, default: str | None) -> str:
    value = _text(place, table, key, default)
    if not re.fullmatch(r"[\w.-]+", value):
        raise ScenarioError(f"{place}: {key} is {value!r}; give letters, digits, and any of - _ .")
    return value


def _numbers(
    place: str, table: Mapping[str, Any], keys: Mapping[str, _Key]
) -> dict[str, float | None]:
    """Every key of `keys` in SI; the default (in SI) or None where it is not given."""
    values: dict[str, float | None] = {}
    for name, key in keys.items():
        if name not in table:
            if key.required:
                raise ScenarioError(
                    f"{place}: {name} is missing; give a number {key.low:g} to {key.high:g}"
                )
            values[name] = key.default
            continue
        value = table[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ScenarioError(
                f"{place}: {name} is {value!r}; give a number {key.low:g} to {key.high:g}"
            )
        if not key.low <= value <= key.high:
            raise ScenarioError(
                f"{place}: {name} is {value}; give a number {key.low:g} to {key.high:g}"
            )
        values[name] = value * key.si
    return values


def _time_ns(file: str, table: Mapping[str, Any]) -> int:
    value = table.get("launch_time")
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.datetime.fromisoformat(value)
    if not isinstance(value, datetime.datetime):
        said = "is missing" if value is None else f"is {value!r}"
        raise ScenarioError(f"{file}: launch_time {said}; give a time such as 2017-11-28T18:17:00Z")
    if value.tzinfo is None:
        raise ScenarioError(f"{file}: launch_time has no time zone; add Z for UTC")
    if not 1970 <= value.year <= 2200:
        raise ScenarioError(f"{file}: launch_time is {value}; give a year 1970 to 2200")
    since = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
