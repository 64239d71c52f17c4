"""How often an area that was cleared of a flight is alerted of it again, looked at each second.

A flight is followed once as a node's warner knows it: few ways down at once, all of them carried
anew some time later, moved to each new plot between. Then the fold decides it, under any settings.
What is kept of a flight is what the decision takes of it: the chances of each area.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from evaluate.disagreements import TOGETHER, Sight, sights
from evaluate.rows import rows_of
from evaluate.warnings import NATIONS, NS, areas, deadline_ns
from evaluate.warnings import index as all_areas
from skypact.flight import Ways, brought_up, unforetold, ways_of
from skypact.model import Area, AreaChance, Descent, Flight, Plots, Radar, Step, Warning
from skypact.sensing.population import random_flight
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import fly
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.settings import FlightSettings, WarningSettings
from skypact.tracking import Picture
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider

SCENARIOS = (
    "2017-08-29_overflight",
    "2017-11-29_hwasong-15",
    "2019-07-25_kn-23",
    "2019-10-02_pukguksong-3",
    "2021-03-25_hamju",
    "2022-01-11_glide",
    "2022-01-30_hwasong-12",
    "2022-10-04_irbm-over-japan",
    "2022-11-18_hwasong-17",
    "2023-04-13_stage-separation",
    "2023-07-12_hwasong-18",
)
ALONE = "JP"
OFTEN_FOR_S, LATER_S = 420, 10
"""So long after its first plot it is looked at each second; later so often."""
CARRIED_S = 6
"""Ways down are carried anew so often, as by a node with a few tracks."""
WHOLE = FlightSettings(impact_samples=256, manoeuvre_samples=48)
"""Half the ways down that a node carries, and as many paths."""
_NO_FLOATS, _NO_NS = np.zeros(0), np.zeros(0, np.int64)


class Look(NamedTuple):
    """A flight at one look: without its ways down, but with what they may do, and until when."""

    flight: Flight
    chances: tuple[AreaChance, ...] | None
    until_ns: int


class Followed(NamedTuple):
    """A flight, looked at until it is over."""

    looks: list[tuple[int, list[Look]]]
    fell_in: tuple[str, ...]
    impact_ns: int
    first_plot_ns: int


class Known(AreaIndex):
    """Areas whose chances were worked out before, by the descent that stands for them."""

    def __init__(self, of: Sequence[Area]) -> None:
        super().__init__(of)
        self.by_descent: dict[int, tuple[Descent, tuple[AreaChance, ...]]] = {}

    def chances(self, descent: Descent) -> tuple[AreaChance, ...]:
        """As they were found."""
        return self.by_descent[id(descent)][1]


def known_ways(
    radars: Sequence[Radar], plots: Plots, moments_ns: Iterable[int]
) -> Iterator[tuple[int, list[Flight]]]:
    """What the picture of plots means at each moment, by ways down as a node has them."""
    picture, begin = Picture(radars), 0
    first = WarningSettings().first(FlightSettings())
    ways: dict[int, Ways] = {}
    carried_ns: dict[int, int] = {}
    known: dict[int, tuple[int, Flight]] = {}
    for now in moments_ns:
        end = int(np.searchsorted(plots.time_ns, now, side="right"))
        picture.observe(plots.at(np.arange(begin, end)))
        begin = end
        flights = []
        for track in picture.tracks():
            if track.id in known and known[track.id][0] == track.last_plot_ns:
                flights.append(known[track.id][1])
                continue
            old = ways.get(track.id)
            launch = old.flight.launch if old else None
            if launch and track.time_ns - track.first_plot_ns < 60 * NS:
                launch = None
            flight = old and brought_up(old, track, radars, WHOLE)
            if flight is None:
                ways[track.id] = ways_of(track, radars, first, launch=launch, seek_launch=False)
                flight = brought_up(ways[track.id], track, radars, WHOLE)
                carried_ns.setdefault(track.id, now)
            flights.append(flight or unforetold(track, radars))
            known[track.id] = track.last_plot_ns, flights[-1]
            if now - carried_ns[track.id] >= CARRIED_S * NS:
                ways[track.id] = ways_of(track, radars, WHOLE, launch=launch)
                carried_ns[track.id] = now
        yield now, flights


def _followed(paths: Sequence[TruthPath], sight: Sight) -> Followed | None:
    times = sight.plots.time_ns
    if not len(times):
        return None
    first, down = int(times[0]), max(path.impact.time_ns for path in paths)
    often = range(first + NS, min(first + OFTEN_FOR_S * NS, down), NS)
    later = range(often.stop, down + 900 * NS, LATER_S * NS)
    looks = []
    for now, flights in known_ways(sight.radars, sight.plots, [*often, *later]):
        each = []
        for one in flights:
            found = None if one.descent is None else all_areas().chances(one.descent)
            until = 0
            if one.descent is not None and len(one.descent.time_ns):
                until = int(one.descent.time_ns.max())
            each.append(Look(structs.replace(one, descent=None), found, until))
        looks.append((now, each))
        all_areas().begin()
    fell = {
        n for p in paths for n in all_areas().within(p.impact.latitude_rad, p.impact.longitude_rad)
    }
    return Followed(looks, tuple(sorted(fell)), down, first)


def one(what: str, number: int, seed: int) -> Followed | None:
    """A scenario or a flight of the population, seen by one nation alone or by all together."""
    all_areas().begin()
    radars = demo_radars()
    if what == "population":
        paths: Sequence[TruthPath] = fly_programme(random_flight(seed, number))[:1]
        name = TOGETHER if number % 2 else ALONE
        plots = observe(tuple(paths), radars, seed=seed * 100_003 + number).plots
    else:
        scenario, name = SCENARIOS[number // 2], (ALONE, TOGETHER)[number % 2]
        paths = fly(load_scenario(scenario))
        plots = observe(paths, radars, seed=seed).plots
    return _followed(paths, next(s for s in sights(radars, plots) if s.name == name))


def decided(
    followed: Followed, of: Known, settings: WarningSettings
) -> Iterator[tuple[int, Warning]]:
    """What is said of a flight, and when."""
    decider = Decider(of, settings)
    for now, flights in followed.looks:
        given = []
        for look in flights:
            descent = None
            if look.chances is not None:
                until = np.array([look.until_ns] if look.until_ns else [], np.int64)
                descent = Descent(
                    weight=np.ones(len(until)), time_ns=until, latitude_rad=_NO_FLOATS,
                    longitude_rad=_NO_FLOATS, paths=1, path=np.zeros(0, np.int32),
                    path_time_ns=_NO_NS, path_latitude_rad=_NO_FLOATS,
                    path_longitude_rad=_NO_FLOATS,
                )  # fmt: skip
                own = tuple(c for c in look.chances if c.area in of.by_id)
                of.by_descent[id(descent)] = descent, own
            given.append(structs.replace(look.flight, descent=descent))
        for said in decider.look(now, given):
            yield now, said
    of.by_descent.clear()


def judged(followed: Followed, of: Known, settings: WarningSettings) -> dict[str, Any]:
    """Of one flight: areas alerted, those alerted again after their end, how long, and messages.

    `again`: area, when it was over and when it was alerted again, s after the first plot. Of one
    event: of two flights each has its own alerts.
    """
    since: dict[tuple[int, str], int] = {}
    ended: dict[tuple[int, str], int] = {}
    again: list[tuple[str, float, float]] = []
    said_ns: dict[int, int] = {}
    alerted: set[str] = set()
    hit: set[str] = set()
    area_s, messages, soon = 0.0, 0, 0
    deadline = deadline_ns(followed.first_plot_ns, followed.impact_ns)
    for now, said in decided(followed, of, settings):
        messages += 1
        if said.step == Step.UPDATE and now - said_ns[said.event] < settings.update_every_s * NS:
            soon += 1
        said_ns[said.event] = now
        under = {(said.event, one.chance.area) for one in said.areas}
        for key in under - since.keys():
            since[key] = now
            alerted.add(key[1])
            if key in ended:
                at = (ended.pop(key) - followed.first_plot_ns) / NS
                again.append((key[1], at, (now - followed.first_plot_ns) / NS))
        for key in {key for key in since if key[0] == said.event} - under:
            area_s += (now - since.pop(key)) / NS
            ended[key] = now
        if now <= deadline:
            hit = {area for _, area in since}
    area_s += sum((followed.looks[-1][0] - at) / NS for at in since.values())
    fell = set(followed.fell_in) & of.by_id.keys()
    return {
        "alerted": len(alerted),
        "again": again,
        "area_s": area_s,
        "messages": messages,
        "soon": soon,
        "fell": len(fell),
        "hit": len(fell & hit),
    }


def row(what: str, number: int, seed: int) -> dict[str, Any]:
    """Of one flight, by nation at the defaults; empty where it was never seen."""
    followed = one(what, number, seed)
    if followed is None:
        return {}
    return {
        nation: judged(
            followed, Known([a for a in areas() if a.nation == nation]), WarningSettings()
        )
        for nation in NATIONS
    }


def run(flights: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """The study: the named cases, seen by Japan alone and by all; then the population's."""
    named = [("scenario", number, seed) for number in range(2 * len(SCENARIOS))]
    cases = [*named, *(("population", number, seed) for number in range(flights - len(named)))]
    rows = rows_of(row, cases[:flights], progress, processors=os.cpu_count() or 1)
    each = [cell for of in rows for cell in of.values() if cell["alerted"]]
    total = {
        what: sum(cell[what] for cell in each)
        for what in ("alerted", "messages", "soon", "fell", "hit")
    }
    return {
        "flights": flights,
        "alerts": len(each),
        "again": sum(bool(cell["again"]) for cell in each),
        "areas_again": sum(len(cell["again"]) for cell in each),
        **total,
        "rows": dict(zip(map(repr, cases), rows, strict=False)),
    }
