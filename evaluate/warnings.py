"""Warnings over the population of flights, scored as earthquake early warning states its own.

*Hit in time*: an area where it fell was under alert by the later of 3 min before impact and 10 s
after the first detection. *False*: a nation had an alert for a flight that neither fell in its
areas, nor passed over them at any height, nor came within 100 km of them. *Over-warned*: area
alerted in which it did not fall. Each flight is followed once, from all three nations' plots, as
granted for public warnings; then the fold decides it under each of several settings.

Areas are read from `out/areas.geojson` (`make areas`).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from shapely.geometry import MultiPolygon

from evaluate.coverage import many, wilson
from skypact.errors import InputError
from skypact.flight import Ways, brought_up, burnt_when_last_seen, unforetold, ways_of
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Area, AreaChance, Danger, Descent, Flight, Plots, Radar, Step
from skypact.sensing.population import random_flight
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.settings import FlightSettings, WarningSettings
from skypact.tracking import Picture
from skypact.warning.areas import read_areas, shape_of
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider

NS = 1_000_000_000
AREAS = Path("out/areas.geojson")
NEAR_M = 100e3
LOOK_S, LATER_S, OFTEN_FOR_S = 20.0, 60.0, 240.0
"""It is looked at so often, and later so often; a node does with each plot."""
DEADLINE_S = 180.0
DETECTED_S = 10.0
LEFT = 0.005
"""Probability of coming down in none of the least areas."""
THRESHOLDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
NATIONS = ("JPN", "KOR")
_QUICK = FlightSettings(impact_samples=128, manoeuvre_samples=48, descent_paths=32)
"""Fewer ways down than a node carries: probabilities below 1 % are coarse."""


class Seen(NamedTuple):
    """A flight as it was known look by look, and how it truly went."""

    looks: list[tuple[int, list[Flight]]]
    fell_in: tuple[str, ...]
    passed: tuple[str, ...]
    near: dict[str, bool]
    impact_ns: int
    first_plot_ns: int


@cache
def areas() -> tuple[Area, ...]:
    """The areas. Raises InputError where they were not made."""
    if not AREAS.exists():
        raise InputError(str(AREAS), "there is no such file", "run make areas")
    return read_areas(AREAS).areas


class _Index(AreaIndex):
    """Works out each descent once, for all settings that are tried on it."""

    def chances(self, descent: Descent) -> tuple[AreaChance, ...]:
        """As an index of areas does; `descent` is kept, so that no other has its identity."""
        known = self._known.setdefault(id(descent), (descent, []))
        if not known[1]:
            known[1].append(super().chances(descent))
        return known[1][0]

    def begin(self) -> None:
        """Forget the flight before."""
        self._known: dict[int, tuple[Descent, list[tuple[AreaChance, ...]]]] = {}


@cache
def index() -> _Index:
    """All nations' areas."""
    return _Index(areas())


@cache
def index_of(nation: str) -> _Index:
    """One nation's areas."""
    return _Index([area for area in areas() if area.nation == nation])


@cache
def size_km2(area: str) -> float:
    """How large an area is."""
    shape: MultiPolygon = shape_of(index().by_id[area])
    return float(shape.area) * 111.2**2 * math.cos(math.radians(shape.centroid.y))


def follow(seed: int, index_: int) -> Seen | None:
    """Flight `index_` of the population, looked at until it comes down; None: never seen."""
    radars = demo_radars()
    path = fly_programme(random_flight(seed, index_))[0]
    plots = observe((path,), radars, seed=seed * 100_003 + index_).plots
    if not len(plots.time_ns):
        return None
    first = int(plots.time_ns[0])
    looks = list(looked(radars, plots, _moments(first, path.impact.time_ns)))
    return _with_truth(path, looks, first)


def looked(
    radars: Sequence[Radar], plots: Plots, moments_ns: Iterable[int]
) -> Iterator[tuple[int, list[Flight]]]:
    """What the picture of plots means at each moment, as a node's warner knows it."""
    picture, begin = Picture(radars), 0
    ways: dict[int, Ways] = {}
    for now in moments_ns:
        end = int(np.searchsorted(plots.time_ns, now, side="right"))
        picture.observe(plots.at(np.arange(begin, end)))
        begin = end
        flights = []
        for track in picture.advanced(now).tracks():
            old = ways.get(track.id)
            is_new = old is None or old.flight.last_plot_ns != track.last_plot_ns
            if is_new or burnt_when_last_seen(track, _QUICK):
                old_enough = track.last_plot_ns - track.first_plot_ns > 60 * NS
                launch = old.flight.launch if old and old_enough else None
                ways[track.id] = ways_of(track, radars, _QUICK, launch=launch)
            flight = brought_up(ways[track.id], track, radars, _QUICK)
            flights.append(flight or unforetold(track, radars))
        yield now, flights


def _moments(first_ns: int, impact_ns: int) -> list[int]:
    """When it is looked at: until its impact, and then until nobody can be under alert for it."""
    often = np.arange(NS, round(OFTEN_FOR_S * NS), round(LOOK_S * NS))
    seldom = np.arange(
        round(OFTEN_FOR_S * NS), impact_ns - first_ns + 7200 * NS, round(LATER_S * NS)
    )
    deadline = deadline_ns(first_ns, impact_ns)
    return sorted({*(first_ns + int(after) for after in (*often, *seldom)), deadline})


def deadline_ns(first_plot_ns: int, impact_ns: int) -> int:
    """By when an area must be under alert."""
    return max(impact_ns - round(DEADLINE_S * NS), first_plot_ns + round(DETECTED_S * NS))


def _with_truth(path: TruthPath, looks: list[tuple[int, list[Flight]]], first: int) -> Seen:
    times = np.arange(path.launch.time_ns, path.impact.time_ns, 5 * NS)
    places = [geodetic_from_ecef(*state[:3])[:2] for state in path.state_at(times)]
    places.append((path.impact.latitude_rad, path.impact.longitude_rad))
    passed = {name for place in places for name in index().within(*place)}
    near = {
        nation: any(
            index_of(nation).distance_m(*place, most_m=NEAR_M) < NEAR_M for place in places[::6]
        )
        for nation in NATIONS
    }
    return Seen(
        looks, index().within(*places[-1]), tuple(sorted(passed)), near, path.impact.time_ns, first
    )


def judged(seen: Seen, nation: str, settings: WarningSettings) -> dict[str, Any]:
    """How a nation would have warned of one flight under some settings."""
    of = index_of(nation)
    decider = Decider(of, settings)
    alerted: dict[str, int] = {}
    by_deadline: frozenset[str] = frozenset()
    for_fall: set[str] = set()
    begun = 0
    least: tuple[str, ...] = ()
    deadline = deadline_ns(seen.first_plot_ns, seen.impact_ns)
    for now, flights in seen.looks:
        for said in decider.look(now, flights):
            begun += said.step == Step.ALERT
            for one in said.areas:
                alerted.setdefault(one.chance.area, now)
                if one.danger != Danger.PASS:
                    for_fall.add(one.chance.area)
        if now <= deadline:
            under = [one.chance.area for e in decider.under_alert.values() for one in e]
            by_deadline = frozenset(under)
            least = _least(of, flights)
    fell = [name for name in seen.fell_in if name in of.by_id]
    passed = [name for name in seen.passed if name in of.by_id]
    wrong = [name for name in alerted if name not in fell]
    leads = [(seen.impact_ns - alerted[name]) / NS for name in fell if name in alerted]
    return {
        "fell": bool(fell),
        "hit": bool(set(fell) & by_deadline),
        "alerted": bool(alerted),
        "false": bool(alerted) and not (fell or passed or seen.near[nation]),
        "over_km2": sum(map(size_km2, wrong)),
        "over_fall_km2": sum(map(size_km2, for_fall.difference(fell))),
        "least_km2": sum(map(size_km2, set(least).difference(fell))),
        "areas": len(alerted),
        "lead_s": max(leads, default=None),
        "begun": begun,
        "ended": not decider.under_alert,
    }


def _least(of: AreaIndex, flights: Sequence[Flight]) -> tuple[str, ...]:
    """The likeliest areas that it takes for a hit in time as often as is asked, as is known then.

    Taken from the likeliest on until no more than `LEFT` of all probability is outside.
    """
    outside: dict[str, float] = {}
    for flight in flights:
        for one in of.chances(flight.descent) if flight.descent else ():
            outside[one.area] = outside.get(one.area, 1.0) * (1.0 - one.falls)
    chances = sorted(((1.0 - share, name) for name, share in outside.items()), reverse=True)
    left = sum(chance for chance, _ in chances)
    taken = []
    for chance, name in chances:
        if left <= LEFT:
            break
        taken.append(name)
        left -= chance
    return tuple(taken)


def one(seed: int, index_: int) -> dict[str, Any]:
    """Flight `index_` under every threshold, and at the defaults."""
    seen = follow(seed, index_)
    if seen is None:
        return {"index": index_, "seen": False, "rows": {}}
    rows = {}
    for nation in NATIONS:
        index_of(nation).begin()
    for threshold in (None, *THRESHOLDS):
        settings = WarningSettings()
        if threshold is not None:
            least = min(settings.clear_probability, threshold / 4)
            settings = settings.model_copy(
                update={
                    "alert_probability": threshold,
                    "urgent_probability": min(settings.urgent_probability, threshold),
                    "clear_probability": least,
                }
            )
        rows[str(threshold or "default")] = {
            nation: judged(seen, nation, settings) for nation in NATIONS
        }
    return {"index": index_, "seen": True, "rows": rows}


def run(flights: int, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """The study: curves over the threshold, and the defaults."""
    areas()
    rows = many(one, flights, seed, progress)
    return {"flights": flights, "curves": dict(curves(rows)), "rows": rows}


def curves(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """By threshold: shares and medians over flights and nations."""
    for threshold in ("default", *map(str, THRESHOLDS)):
        each = [cell for row in rows if row["seen"] for cell in row["rows"][threshold].values()]
        fell = [cell for cell in each if cell["fell"]]
        alerts = [cell for cell in each if cell["alerted"]]
        hits, false = sum(c["hit"] for c in fell), sum(c["false"] for c in alerts)
        leads = [c["lead_s"] for c in fell if c["lead_s"] is not None]
        yield (
            threshold,
            {
                "fell": len(fell),
                "hits": hits,
                "hit_interval": wilson(hits, len(fell)) if fell else None,
                "alerts": len(alerts),
                "false": false,
                **{
                    what: float(np.mean([c[what] for c in alerts])) if alerts else None
                    for what in ("over_km2", "over_fall_km2", "least_km2")
                },
                "lead_s": float(np.median(leads)) if leads else None,
                "again": sum(c["begun"] > 1 for c in alerts),
                "not_ended": sum(not c["ended"] for c in each),
            },
        )
