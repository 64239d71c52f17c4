"""A stage that separates: seconds until it is told from the payload, beside an ideal test.

The ideal test knows both true motions, the radars' noise, detection and resolution, and is the
likelihood ratio (Neyman & Pearson, Phil. Trans. R. Soc. A 231, 1933) of all plots up to a time.
Told apart takes two things, and the ideal time is the later of the two at which each is decided
with 99 % detection at 1 % false:

- *Two, not one.* One object that flies on as the payload does, against payload and stage. Plots
  bear no labels: a look's likelihood is summed over all ways in which they may have come about
  (Mahler, Statistical Multisource-Multitarget Information Fusion, 2007, 12.3). Objects closer than
  both of a radar's resolutions give one plot in their middle when both are detected (as in Koch &
  van Keuk, IEEE TAES 33, 1997). The demo's radars declare no false plots, so two plots of one look
  decide; before that only a plot off the payload's path tells, and looks that found nothing. The
  distribution of the ratio is drawn, 1,000 times under each hypothesis.
- *Which is which.* Plots of one object, resolved and known to be of one: the stage's motion
  against the payload's. The log ratio is normal with mean ± d²/2 and variance d², d² = Σ |H δ|²
  over R, so the two are decided at d = 2 · 2.326 (Van Trees, Detection, Estimation, and Modulation
  Theory I, 1968, 2.2). That the plots' labels are known makes it faster than any tracker could be.

The tracker is asked for its confirmed tracks each half second: when there are two; when, for good
(until a minute after the separation), one is nearer to the payload than to the stage and another
the other way round; when each, besides, holds its own object in its gate and not the other. By
squared Mahalanobis distance in position and velocity; the gate is 99.9 % of χ². Which of the two
has the first flight's id is told apart from that, and so is whether the faster one, of the greater
energy, is the payload: a stage is left behind.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluate.coverage import NS, blown_impact, inside_region, wilson
from evaluate.disagreements import flights_of
from evaluate.rows import rows_of
from skypact.flight import assess
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.gravity import GM_M3_S2
from skypact.model import Flight, FlightKind, Followed, Plots, Radar, Track, TrackStatus
from skypact.offline.metrics import nees
from skypact.offline.score import score_plots
from skypact.offline.true_paths import TruePath
from skypact.sensing.flight_programme import FlightProgramme, Part
from skypact.sensing.radar_model import observe, visible_from
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import fly
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.sensing.solve import solve
from skypact.settings import Settings, TrackingSettings
from skypact.tracking import Picture

Array = NDArray[np.float64]
LAUNCH_NS = 1_700_000_000_000_000_000
STEP_NS = NS // 2
HORIZON_S = 60.0
GATE = 22.457744484825323
"""99.9 % of χ² with six degrees of freedom."""
DECIDED_D = 2.0 * 2.3263478740408408
DRAWS = 1000
SURE = 1.0 - 1e-12
"""A detection that never fails, for the test: so that its logarithms exist."""
AREA_MOMENTS_S = (5, 10, 20, 30, 60, 120, 240)
"""After the separation; they end before the shortest flight does."""
MIXED_S = ((0, 10), (10, 20), (20, 40), (40, 60))
NAMED = "2023-04-13_stage-separation"
NAMED_RUNS = 5


class Case(NamedTuple):
    """A separation: speed m/s, time after burn-out s; whether radars have resolution cells.

    `areas`: whether its flights' impact areas are judged, which takes most of the time.
    """

    name: str
    speed_m_s: float
    after_burnout_s: float
    resolution: bool
    areas: bool


CASES = (
    Case("5 m/s, 10 s after burn-out", 5.0, 10.0, True, True),
    Case("5 m/s, 10 s after burn-out, no resolution cells", 5.0, 10.0, False, True),
    Case("5 m/s, at burn-out", 5.0, 0.0, True, True),
    Case("2 m/s, 10 s after burn-out", 2.0, 10.0, True, False),
    Case("20 m/s, 10 s after burn-out", 20.0, 10.0, True, False),
)


ASKED_M_S = 5.0


def separation(case: Case, seed: int) -> tuple[TruthPath, TruthPath]:
    """Payload and stage: bearing, apogee and range drawn; the stage leaves along the path."""
    random = np.random.default_rng([seed, 7])
    programme = FlightProgramme(
        object_id="payload",
        launch_time_ns=LAUNCH_NS,
        latitude_rad=math.radians(39.2),
        longitude_rad=math.radians(127.4),
        bearing_rad=math.radians(random.uniform(70.0, 110.0)),
        apogee_m=random.uniform(300e3, 700e3),
        range_m=random.uniform(600e3, 1000e3),
    )
    solution = solve(programme)
    burnout_s = sum(stage.burn_s for stage in solution.burn.stages)
    stage = Part(
        object_id="stage",
        time_s=burnout_s + case.after_burnout_s,
        beta_kg_m2=600.0,
        backward_m_s=case.speed_m_s,
    )
    payload, parted = fly_programme(msgspec.structs.replace(programme, parts=(stage,)), solution)
    return payload, parted


def radars_of(case: Case) -> tuple[Radar, ...]:
    """The demo's radars, with or without their resolution cells."""
    radars = demo_radars()
    if case.resolution:
        return radars
    return tuple(
        msgspec.structs.replace(radar, range_resolution_m=0.0, angle_resolution_rad=0.0)
        for radar in radars
    )


class Looks(NamedTuple):
    """All looks at the payload since the separation, in order of time.

    `since_s` (n,), `detection` (n,); `apart` (n, 4): what the stage's plot is off the payload's, in
    standard deviations; `parts` (n,): the radar sees the stage, and apart from the payload; `both`
    (n,): it sees both, as one.
    """

    since_s: Array
    detection: Array
    apart: Array
    parts: NDArray[np.bool_]
    both: NDArray[np.bool_]


def looks_at(
    payload: TruthPath, stage: TruthPath, radars: Sequence[Radar], seed: int, until_s: float
) -> Looks:
    """The looks of a run with this seed, as `observe` times them."""
    begin = int(stage.time_ns[0])
    sure = [msgspec.structs.replace(radar, detection_probability=1.0) for radar in radars]
    stop_ns = begin + round(until_s * 1e9)
    plots = observe((payload,), sure, seed=seed, start_ns=begin, stop_ns=stop_ns).plots
    n = len(plots.time_ns)
    apart, parts, both = np.zeros((n, 4)), np.zeros(n, bool), np.zeros(n, bool)
    detection = np.array([radar.detection_probability for radar in radars])[plots.radar]
    for number, radar in enumerate(radars):
        own = np.flatnonzero(plots.radar == number)
        one, _ = visible_from(radar, payload.state_at(plots.time_ns[own]))
        other, seen = visible_from(radar, stage.state_at(plots.time_ns[own]))
        off = other - one
        off[:, 1] -= 2.0 * np.pi * np.round(off[:, 1] / (2.0 * np.pi))
        sigma = (radar.range_sigma_m, radar.azimuth_sigma_rad, radar.elevation_sigma_rad)
        apart[own] = off / (*sigma, radar.range_rate_sigma_m_s or math.inf)
        angle = np.hypot(off[:, 1] * np.cos(one[:, 2]), off[:, 2])
        merged = np.abs(off[:, 0]) < radar.range_resolution_m
        merged &= angle < radar.angle_resolution_rad
        parts[own], both[own] = seen & ~merged, seen & merged
    return Looks((plots.time_ns - begin) / NS, detection, apart, parts, both)


def ideal_two_s(looks: Looks, random: np.random.Generator, draws: int = DRAWS) -> float:
    """Seconds until two objects are known from one by the exact ratio; infinite: not in `looks`.

    Two plots of one look are a ratio that no single object reaches; in each look with one plot, u
    its whitened distance from the payload's and d the stage's from it, the ratio is that of
    P² φ(u - d/2) [merged] + P (1 - P) (φ(u) + φ(u - d)) to P φ(u), and without any (1 - P)² to
    (1 - P).
    """
    total = np.zeros((2, draws))
    told = np.zeros(draws, bool)
    sees = looks.parts | looks.both
    for k in np.flatnonzero(sees):
        p, d = min(float(looks.detection[k]), SURE), looks.apart[k]
        d2 = float(d @ d)
        for two in (0, 1):
            first = random.random(draws) < p
            second = (random.random(draws) < p) & (two == 1)
            # d · u, of the plot there is.
            along = math.sqrt(d2) * random.standard_normal(draws)
            along += np.where(second, np.where(first, 0.5 * d2, d2), 0.0)
            if looks.parts[k] and two:
                told |= first & second
            one = (1.0 - p) * (1.0 + np.exp(np.minimum(along - 0.5 * d2, 500.0)))
            if looks.both[k]:
                one += p * np.exp(np.minimum(0.5 * along - 0.125 * d2, 500.0))
            total[two] += np.where(first | second, np.log(one), math.log(1.0 - p))
        detected = told | (total[1] > np.quantile(total[0], 0.99))
        if detected.mean() >= 0.99:
            return float(looks.since_s[k])
    return math.inf


def ideal_which_s(looks: Looks) -> float:
    """Seconds until the stage's resolved plots are off the payload's motion by DECIDED_D."""
    gain = np.where(looks.parts, looks.detection * np.sum(looks.apart**2, axis=1), 0.0)
    decided = np.flatnonzero(np.cumsum(gain) >= DECIDED_D**2)
    return float(looks.since_s[decided[0]]) if len(decided) else math.inf


def ideal_times(looks: Looks, seed: int) -> dict[str, Any]:
    """Both times of the ideal test, and the later of them."""
    two_s, which_s = ideal_two_s(looks, np.random.default_rng([seed, 8])), ideal_which_s(looks)
    return {"ideal_two_s": two_s, "ideal_which_s": which_s, "ideal_s": max(two_s, which_s)}


class Seen(NamedTuple):
    """A confirmed track at a moment: squared distances from payload and stage, energy J/kg."""

    id: int
    parted_from: int | None
    payload: float
    stage: float
    energy: float


def followed(
    payload: TruthPath, stage: TruthPath, picture: Picture, plots: Plots
) -> list[tuple[float, list[Seen]]]:
    """Seconds since the separation and the tracks on screen then, from just before it on."""
    begin_ns, begin = int(stage.time_ns[0]), 0
    moments = []
    for k in range(-1, round(HORIZON_S * NS / STEP_NS) + 1):
        time_ns = begin_ns + k * STEP_NS
        end = int(np.searchsorted(plots.time_ns, time_ns, side="right"))
        picture.observe(plots.at(np.arange(begin, end)), more_to_come=True)
        begin = end
        truth = [path.state_at(np.array([time_ns]))[0] for path in (payload, stage)]
        tracks = picture.advanced(time_ns).tracks()
        here = [
            Seen(
                track.id,
                track.parted_from,
                _distance(track, truth[0]),
                _distance(track, truth[1]),
                energy_j_kg(track),
            )
            for track in tracks
            if track.status is TrackStatus.CONFIRMED
        ]
        moments.append((k * STEP_NS / NS, here))
    return moments


def energy_j_kg(track: Track) -> float:
    """Energy of the motion relative to the Earth, per kg, in a central field."""
    position, velocity = track.state[:3], track.state[3:]
    return 0.5 * float(velocity @ velocity) - GM_M3_S2 / float(np.linalg.norm(position))


def _distance(track: Track, state: Array) -> float:
    return nees(track.state - state, track.covariance) if np.isfinite(state).all() else math.inf


def times_of(moments: Sequence[tuple[float, list[Seen]]]) -> dict[str, Any]:
    """When there were two tracks, when they were told apart, and since when each was valid, s.

    Infinite: not until the horizon, or not to stay. `kept`: in the end the track of before the
    separation is nearer to the payload; `ahead`: the one of the greatest energy is; `named`: the
    first new track names that of before as the one that it parted from.
    """
    before = moments[0][1]
    first = min(before, key=lambda seen: seen.payload).id if before else -1
    two = [s for s, here in moments if s >= 0.0 and len(here) > 1]
    new = next(
        (seen for s, here in moments for seen in here if s >= 0.0 and seen.id != first), None
    )
    end = moments[-1][1]
    fastest = max(end, key=lambda seen: seen.energy, default=None)
    return {
        "two_s": two[0] if two else math.inf,
        "nearer_s": _since(moments, lambda own, other: own < other),
        "valid_s": _since(moments, lambda own, other: own <= GATE < other),
        "kept": any(seen.id == first and seen.payload < seen.stage for seen in end),
        "ahead": fastest is not None and fastest.payload < fastest.stage,
        "named": new is not None and new.parted_from == first,
        "tracks_at_end": len(end),
        "payload_nees": min((seen.payload for seen in end), default=math.nan),
        "stage_nees": min((seen.stage for seen in end), default=math.nan),
    }


def _since(
    moments: Sequence[tuple[float, list[Seen]]], holds: Callable[[float, float], bool]
) -> float:
    """From when on, for good, one track is on the payload and one on the stage by that."""
    since = math.inf
    for second, here in reversed(moments):
        on_payload = any(holds(seen.payload, seen.stage) for seen in here)
        on_stage = any(holds(seen.stage, seen.payload) for seen in here)
        if second < 0.0 or not (on_payload and on_stage):
            break
        since = second
    return since


def areas(
    paths: tuple[TruthPath, TruthPath],
    radars: Sequence[Radar],
    plots: Plots,
    seed: int,
    settings: TrackingSettings | None,
) -> dict[str, list[dict[str, Any] | None]]:
    """At AREA_MOMENTS_S whether impact areas hold the falls of payload and stage, in wind.

    `first`: the first flight's and the payload; `ahead`: that of the flight with the greatest
    energy and the payload; `behind`: that of the other and the stage.
    """
    payload, stage = paths
    picture, begin, launch = Picture(radars, settings), 0, None
    fell = blown_impact(payload, seed, 0)
    stage_fell = blown_impact(stage._replace(kind=str(FlightKind.BALLISTIC)), seed, 1)
    found: dict[str, list[dict[str, Any] | None]] = {"first": [], "ahead": [], "behind": []}
    for moment_s in AREA_MOMENTS_S:
        time_ns = int(stage.time_ns[0]) + moment_s * NS
        end = int(np.searchsorted(plots.time_ns, time_ns, side="right"))
        picture.observe(plots.at(np.arange(begin, end)))
        begin = end
        tracks = picture.tracks()
        parted = [track for track in tracks if track.parted_from is not None]
        first = next(track for track in tracks if track.parted_from is None)
        flight = assess(first, radars, launch=launch)
        if first.last_plot_ns - first.first_plot_ns > 60 * NS:
            launch = flight.launch
        flights = {energy_j_kg(first): flight}
        if parted:
            other = max(parted, key=lambda track: track.plots)
            flights[energy_j_kg(other)] = assess(other, radars, launch=flight.launch)
        found["first"].append(_area(flight, fell))
        found["ahead"].append(_area(flights[max(flights)], fell))
        found["behind"].append(_area(flights[min(flights)], stage_fell) if parted else None)
    return found


def _area(flight: Flight, fell: tuple[float, float]) -> dict[str, Any] | None:
    if flight.impact is None:
        return None
    impact = flight.impact
    error_m = geodesic_inverse(impact.latitude_rad, impact.longitude_rad, *fell)[0]
    return {"held": inside_region(impact, fell), "error_m": error_m}


def one_run(case: Case, seed: int, settings: Settings | None = None) -> dict[str, Any]:
    """One separation: the ideal test's times, the tracker's, and the areas."""
    payload, stage = separation(case, seed)
    radars, tracking = radars_of(case), settings.tracking if settings else None
    begin_ns = int(stage.time_ns[0])
    stop_ns = begin_ns + (AREA_MOMENTS_S[-1] + 1) * NS
    plots = observe((payload, stage), radars, seed=seed, stop_ns=stop_ns).plots
    looks = looks_at(payload, stage, radars, seed, HORIZON_S)
    row: dict[str, Any] = ideal_times(looks, seed)
    row |= times_of(followed(payload, stage, Picture(radars, tracking), plots))
    if case.areas:
        row["areas"] = areas((payload, stage), radars, plots, seed, tracking)
    return row


def named_run(seed: int) -> dict[str, Any]:
    """The launch of 2023-04-13: tracks, how honest they are, and whose fall each flight foretells.

    `first_holds`: the first flight's last area holds the payload's fall; `carried`: so does that of
    a flight that carries the launch. `nees_over_6`: of the tracks that follow each object.
    """
    scenario = load_scenario(NAMED)
    paths = fly(scenario)
    plots = observe(paths, scenario.radars, seed=seed).plots
    measures = score_plots(plots, scenario.radars, tuple(TruePath.of(p) for p in paths)).measures
    picture = Picture(scenario.radars)
    picture.observe(plots)
    flights = flights_of(picture.tracks(), scenario.radars)
    fell = paths[0].impact.latitude_rad, paths[0].impact.longitude_rad
    holds = {f.id: f.impact is not None and inside_region(f.impact, fell) for f in flights}
    return {
        "objects": len(paths),
        "tracks": measures.tracks,
        "false_tracks": measures.false_tracks,
        "nees_over_6": {
            paths[number].object_id: score.nees_over_6 for number, score in measures.objects.items()
        },
        "changes": {
            paths[number].object_id: score.changes for number, score in measures.objects.items()
        },
        "first_holds": any(holds[f.id] for f in flights if f.parted_from is None),
        "carried": any(holds[f.id] and f.launch is not None for f in flights),
    }


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Every case `count` times, and the named launch at most NAMED_RUNS times."""
    detail: dict[str, Any] = {"runs": count}
    done = 0
    for case in CASES:
        cases = [(case, seed + number) for number in range(count)]
        rows = rows_of(one_run, cases, progress, before=done)
        detail[case.name] = table_of(rows) | {"each": rows}
        done += count
    named = [(seed + number,) for number in range(min(count, NAMED_RUNS))]
    detail["named"] = rows_of(named_run, named, progress, before=done)
    return detail


def table_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians and shares over runs; the areas per moment, and over all of a run's moments."""
    table: dict[str, Any] = {
        f"{name}_median": float(np.median([row[name] for row in rows]))
        for name in ("ideal_s", "ideal_two_s", "ideal_which_s", "two_s", "nearer_s", "valid_s")
    }
    for name, ideal in (("two", "ideal_two_s"), ("nearer", "ideal_s"), ("valid", "ideal_s")):
        within = sum(row[f"{name}_s"] <= 2.0 * row[ideal] for row in rows)
        table[f"{name}_within_twice"] = within
        table[f"{name}_at_all"] = sum(math.isfinite(row[f"{name}_s"]) for row in rows)
    for name in ("kept", "ahead", "named"):
        table[name] = sum(row[name] for row in rows)
    for name in ("payload_nees", "stage_nees"):
        table[f"{name}_over_6_median"] = float(np.nanmedian([row[name] for row in rows])) / 6.0
    if "areas" in rows[0]:
        every = {of: [row["areas"][of] for row in rows] for of in rows[0]["areas"]}
        table["areas"] = {
            of: [_held(moment) for moment in zip(*areas_of, strict=True)]
            for of, areas_of in every.items()
        }
        table["areas_always"] = {
            of: _held([_always(moments) for moments in areas_of]) for of, areas_of in every.items()
        }
    return table


def _always(moments: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    judged = [area for area in moments if area]
    if not judged:
        return None
    return {
        "held": all(area["held"] for area in judged),
        "error_m": max(area["error_m"] for area in judged),
    }


def _held(areas_of: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    judged = [area for area in areas_of if area]
    if not judged:
        return {"judged": 0}
    held = sum(area["held"] for area in judged)
    return {
        "judged": len(judged),
        "held": held,
        "share": held / len(judged),
        "interval_95": list(wilson(held, len(judged))),
        "median_error_km": float(np.median([area["error_m"] for area in judged])) / 1e3,
    }


def alone_nees(case: Case, seed: int) -> dict[str, float]:
    """NEES / 6 of payload and stage at the horizon, each tracked from its own plots alone."""
    radars, found = radars_of(case), {}
    paths = separation(case, seed)
    end_ns = int(paths[1].time_ns[0]) + round(HORIZON_S * NS)
    for path in paths:
        picture = Picture(radars)
        picture.observe(observe((path,), radars, seed=seed, stop_ns=end_ns).plots)
        tracks = picture.advanced(end_ns).tracks()
        track = max(tracks, key=lambda one: one.plots)
        found[path.object_id] = _distance(track, path.state_at(np.array([end_ns]))[0]) / 6.0
    return found


def areas_alone(case: Case, seed: int) -> list[dict[str, Any] | None]:
    """The first flight's areas as of `areas`, had nothing separated from it."""
    paths, radars = separation(case, seed), radars_of(case)
    stop_ns = int(paths[1].time_ns[0]) + (AREA_MOMENTS_S[-1] + 1) * NS
    plots = observe(paths[:1], radars, seed=seed, stop_ns=stop_ns).plots
    return areas(paths, radars, plots, seed, None)["first"]


def mixed_share(case: Case, seed: int, settings: TrackingSettings | None) -> list[float]:
    """Of the plots that are one object's alone, the share that the other's track took, over time.

    In each of MIXED_S. A track is that of the object of which it took most plots in the last of
    them; plots that no track took do not count.
    """
    paths = separation(case, seed)
    radars, begin_ns = radars_of(case), int(paths[1].time_ns[0])
    stop_ns = begin_ns + round(HORIZON_S * NS)
    seen = observe(paths, radars, seed=seed, stop_ns=stop_ns)
    followed_plots: list[Followed] = []
    Picture(radars, settings).observe(seen.plots, on_followed=followed_plots.append)
    own = followed_plots[0]
    looks = looks_at(*paths, radars, seed, HORIZON_S)
    merged = set(looks.since_s[looks.both].tolist())
    since_s = (own.plots.time_ns - begin_ns) / NS
    # The fold keeps the order of the plots but for those of one scan, which differ in range.
    origin_of = {
        (time_ns, range_m): origin
        for time_ns, range_m, origin in zip(
            seen.plots.time_ns.tolist(),
            seen.plots.range_m.tolist(),
            seen.origin.tolist(),
            strict=True,
        )
    }
    places = zip(own.plots.time_ns.tolist(), own.plots.range_m.tolist(), strict=True)
    origin = np.array([origin_of[place] for place in places])
    counted = (own.track > 0) & ~np.isin(since_s, list(merged))
    late = counted & (since_s >= MIXED_S[-1][0])
    tracks = np.unique(own.track[late])
    of = {track: int(np.mean(origin[late & (own.track == track)]) > 0.5) for track in tracks}
    wrong = np.array([of.get(t, o) != o for t, o in zip(own.track, origin, strict=True)])
    shares = []
    for first, last in MIXED_S:
        here = counted & (since_s >= first) & (since_s < last)
        shares.append(float(np.mean(wrong[here])) if here.any() else math.nan)
    return shares


def main() -> None:
    """Why a case falls short: each object alone, plots that change sides, and other settings."""
    parser = argparse.ArgumentParser(prog="python -m evaluate.separation", description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--case", type=int, action="append", help="0 to 4; may repeat")
    parser.add_argument("--areas", action="store_true", help="those of the payload alone")
    parser.add_argument("--tracking", action="append", default=[], metavar="SETTING=VALUE")
    arguments = parser.parse_args()
    given = dict(one.split("=", 1) for one in arguments.tracking)
    settings = Settings(tracking=TrackingSettings.model_validate(given))
    seeds = range(arguments.seed, arguments.seed + arguments.runs)
    for number in arguments.case or range(len(CASES)):
        case = CASES[number]._replace(areas=False)
        d = table_of([one_run(case, seed, settings) for seed in seeds])
        print(f"{case.name}, {len(seeds)} runs {given or ''}")
        for name in ("two", "nearer", "valid"):
            print(
                f"  {name}: median {d[f'{name}_s_median']:.1f} s, within twice the ideal in"
                f" {d[f'{name}_within_twice']}, at all in {d[f'{name}_at_all']}"
            )
        nees_of = [f"{d[f'{name}_nees_over_6_median']:.1f}" for name in ("payload", "stage")]
        print(f"  NEES / 6 after {HORIZON_S:.0f} s, medians: {', '.join(nees_of)}")
        alone = [alone_nees(case, seed) for seed in seeds]
        means = [f"{np.mean([row[name] for row in alone]):.2f}" for name in ("payload", "stage")]
        print(f"  each from its own plots alone, means: {', '.join(means)}")
        if arguments.areas:
            moments = zip(*(areas_alone(case, seed) for seed in seeds), strict=True)
            held = [f"{_held(moment)['share']:.0%}" for moment in moments]
            print(f"  areas of the payload alone, {AREA_MOMENTS_S} s after: {', '.join(held)}")
        mixed = np.array([mixed_share(case, seed, settings.tracking) for seed in seeds])
        for (first, last), share in zip(MIXED_S, np.nanmean(mixed, axis=0), strict=True):
            print(f"  {first} to {last} s: {share:.0%} of plots taken by the other's track")


if __name__ == "__main__":
    main()
