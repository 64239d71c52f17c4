"""How soon a pull-up or a glide is found, and whether the impact area holds meanwhile.

A lift begins when its true acceleration first exceeds LIFT_M_S2, and is visible from a picture's
first plot after that; offsets count in seconds from then. Beside the tracker stands what an ideal
test could do on the same plots' times and accuracies, which knows both paths: the one with lift and
the one without it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluate.coverage import inside_region, of_kinds, region_area_m2
from evaluate.disagreements import NS, TOGETHER, Sight, sights
from evaluate.rows import rows_of
from evaluate.scene import Array, information_of, looks_like
from skypact.flight import assess
from skypact.kernels import filter as kf
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import field
from skypact.kernels.motion import (
    REENTRY,
    acceleration,
    gravity_remainder,
    linearise,
    step,
    transition,
)
from skypact.kernels.radar_table import radar_array
from skypact.model import Flight, FlightKind, Launch, Phase, Track
from skypact.sensing.population import random_flight
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulator import TRUTH_DEGREE, TruthPath, fly_programme
from skypact.settings import Settings, TrackingSettings
from skypact.tracking import Picture

LIFT_M_S2 = 2.0
"""Less lift than that is not yet called a manoeuvre; free flight does not notice it."""
OFFSETS_S = (-10, 0, 2, 4, 6, 8, 10, 15, 30, 60)
FOUND = 0.5
"""A manoeuvre is found once its phase is that probable."""
LOOK_S = 0.5
"""The tracker is asked so often for its phases."""
LONGEST_S = 90.0
IDEAL_SIGMAS = 3.0
NAMED = ("2019-07-25_kn-23", "2021-03-25_hamju", "2021-09-15_train", "2022-01-11_glide")
NAMED_SHARE = 4
DRAWN = {"quasi-ballistic": FlightKind.QUASI_BALLISTIC, "glide": FlightKind.GLIDE}
FALSE_BELOW_M = 100e3
UNSEEN_S = (2, 5, 10, 20, 30, 60, 90)
CHI_SQUARED_95_PLACE = 7.814727903251179
"""Of three degrees of freedom."""


def lift_began_ns(path: TruthPath) -> int | None:
    """When the true acceleration square to the motion, gravity aside, first exceeds LIFT_M_S2."""
    for k in np.flatnonzero(path.phase == Phase.MANOEUVRE):
        if k + 1 < len(path.time_ns) and _lift_m_s2(path, int(k)) > LIFT_M_S2:
            return int(path.time_ns[k])
    return None


def _lift_m_s2(path: TruthPath, k: int) -> float:
    """Mean lift over the step from node `k`, m/s²."""
    h = (path.time_ns[k + 1] - path.time_ns[k]) * 1e-9
    place = 0.5 * (path.position_ecef_m[k] + path.position_ecef_m[k + 1])
    velocity = 0.5 * (path.velocity_ecef_m_s[k] + path.velocity_ecef_m_s[k + 1])
    gained = (path.velocity_ecef_m_s[k + 1] - path.velocity_ecef_m_s[k]) / h
    free = np.array(
        acceleration(REENTRY, *place.tolist(), *velocity.tolist(), 0.0, 0.0, 0.0, (0.0, 0.0, 0.0))
    )
    along = velocity / np.linalg.norm(velocity)
    air = gained - free
    return float(np.linalg.norm(air - (air @ along) * along))


def without_lift(state: Array, inverse_beta: float, begin_ns: int, times_ns: Array) -> Array:
    """States (n, 6) at `times_ns` of what goes on from `state` (6,) without lift."""
    out = np.empty((len(times_ns), 6))
    y, now, table = tuple(state.tolist()), int(begin_ns), field(TRUTH_DEGREE)
    for k, time_ns in enumerate(times_ns):
        left = (int(time_ns) - now) * 1e-9
        steps = max(1, math.ceil(left / 0.25))
        for _ in range(steps):
            remainder = gravity_remainder(*y[:3], table)
            y = step(REENTRY, *y, inverse_beta, 0.0, 0.0, left / steps, remainder)
        out[k], now = y, int(time_ns)
    return out


def ideal_s(path: TruthPath, sight: Sight, inverse_beta: float, began_ns: int) -> float | None:
    """Seconds from the first visible plot until the lifted path is IDEAL_SIGMAS off the free one.

    Of a matched filter that knows both: D² = dᵀ R⁻¹ d - (Gᵀ R⁻¹ d)ᵀ (P₀⁻¹ + Gᵀ R⁻¹ G)⁻¹ (Gᵀ R⁻¹ d),
    d the difference of the two paths in all plots since the lift began, G what the state then
    (position, velocity, drag) does to them, P₀ what all plots since burn-out tell of it.
    None: not within LONGEST_S.
    """
    plots, radars = sight.plots, sight.radars
    kept = (plots.time_ns > path.burnout_time_ns) & (
        plots.time_ns < began_ns + round(LONGEST_S * NS)
    )
    times, numbers = plots.time_ns[kept], plots.radar[kept]
    after = times >= began_ns
    if not after.any():
        return None
    rows, n = radar_array(radars)
    x, s = np.zeros(n), kf.scratch(n)
    begin = path.state_at(np.array([began_ns]))[0]
    free = np.vstack(
        [
            path.state_at(times[~after]),
            without_lift(begin, inverse_beta, began_ns, times[after]),
        ]
    )
    lifted = path.state_at(times)
    exact = looks_like(radars, numbers, free)
    differences = looks_like(radars, numbers, lifted) - exact
    settings = TrackingSettings()
    information = np.zeros((7, 7))
    information[3:6, 3:6] = np.eye(3) / settings.speed_sigma_m_s**2
    information[6, 6] = (
        settings.ballistic_parameter_kg_m2 / settings.ballistic_parameter_ln_sigma
    ) ** 2
    before = path.state_at(times[:1])[0] if not after[0] else begin
    now, forth = int(times[0]) if not after[0] else began_ns, np.eye(7)
    along, energy, since = np.zeros(7), 0.0, False
    for k, state in enumerate(free):
        if after[k] and not since:  # move what is known to when the lift began
            information = _moved(information, before, begin, inverse_beta, began_ns - now)
            before, now, since = begin, began_ns, True
            known = information.copy()
        move = _transition(before, state, inverse_beta, int(times[k]) - now)
        before, now = state, int(times[k])
        h, weights = information_of(exact[k], int(numbers[k]), state, rows, x, s)
        if not since:
            back = np.linalg.inv(move)
            information = back.T @ information @ back
            information[:6, :6] += h.T @ (weights[:, None] * h)
            continue
        forth = move @ forth
        g = h @ forth[:6]
        d = differences[k, : len(weights)].copy()
        d[1] = math.remainder(d[1], 2.0 * math.pi)
        known += g.T @ (weights[:, None] * g)
        along += g.T @ (weights * d)
        energy += float(d @ (weights * d))
        unit = np.sqrt(np.diag(known))
        solved = np.linalg.solve(known / np.outer(unit, unit), along / unit) / unit
        if energy - float(along @ solved) > IDEAL_SIGMAS**2:
            return float(times[k] - times[after][0]) / NS
    return None


def _transition(before: Array, after: Array, inverse_beta: float, dt_ns: int) -> Array:
    """Transition (7, 7) from one state to another of the free path."""
    partials, f = np.zeros((3, 9)), np.zeros((9, 9))
    linearise(REENTRY, *(0.5 * (before + after)).tolist(), inverse_beta, 0.0, 0.0, partials)
    transition(partials, dt_ns * 1e-9, f)
    return f[:7, :7].copy()


def _moved(
    information: Array, before: Array, after: Array, inverse_beta: float, dt_ns: int
) -> Array:
    back = np.linalg.inv(_transition(before, after, inverse_beta, dt_ns))
    return np.asarray(back.T @ information @ back)


class Subject(NamedTuple):
    """One true flight with lift, who sees what of it, and when the lift begins."""

    path: TruthPath
    sights: list[Sight]
    inverse_beta_m2_kg: float
    began_ns: int


def subject_of(group: str, seed: int, index: int) -> Subject | None:
    """Run `index` of a named scenario's first flight, or flight `index` of the population.

    None where it never has lift.
    """
    if group in NAMED:
        scenario = load_scenario(group)
        programme, radars, seed = scenario.flights[0], scenario.radars, seed + index
    else:
        programme, radars = random_flight(seed, index), demo_radars()
        seed = seed * 100_003 + index
    path = fly_programme(programme)[0]
    began_ns = lift_began_ns(path)
    if began_ns is None:
        return None
    plots = observe((path,), radars, seed=seed).plots
    return Subject(path, sights(radars, plots), 1.0 / programme.beta_kg_m2, began_ns)


class Watch:
    """One picture's first flight as time goes on."""

    def __init__(self, sight: Sight) -> None:
        self.sight, self.settings = sight, Settings()
        self._picture, self._begin = Picture(sight.radars, self.settings.tracking), 0
        self._launch: Launch | None = None

    def track(self, until_ns: int) -> Track | None:
        """Its track after all plots up to a time."""
        plots = self.sight.plots
        end = int(np.searchsorted(plots.time_ns, until_ns, side="right"))
        self._picture.observe(plots.at(np.arange(self._begin, max(end, self._begin))))
        self._begin = max(end, self._begin)
        tracks = [t for t in self._picture.tracks() if t.parted_from is None]
        return min(tracks, key=lambda t: t.first_plot_ns, default=None)

    def flight(self, track: Track) -> Flight:
        """What the track means; its launch stays once it is a minute old."""
        flight = assess(track, self.sight.radars, self.settings.flight, launch=self._launch)
        if track.last_plot_ns - track.first_plot_ns > 60 * NS:
            self._launch = flight.launch
        return flight


def manoeuvring(track: Track | None) -> float:
    """Probability of the manoeuvre phase."""
    if track is None:
        return 0.0
    return sum(p.probability for p in track.phases if p.phase == Phase.MANOEUVRE)


def watched(subject: Subject, sight: Sight) -> dict[str, Any] | None:
    """What a picture finds of a lift: None where it has no plot in LONGEST_S after it began."""
    times = sight.plots.time_ns
    visible = int(np.searchsorted(times, subject.began_ns))
    if visible == len(times) or times[visible] > subject.began_ns + round(LONGEST_S * NS):
        return None
    first_ns, last_ns = int(times[visible]), int(times[-1])
    fell_at = subject.path.impact.latitude_rad, subject.path.impact.longitude_rad
    looks = [first_ns + round(s * NS) for s in np.arange(0.0, LONGEST_S, LOOK_S)]
    areas = {first_ns + s * NS: s for s in OFFSETS_S}
    watch, found_s, before = Watch(sight), None, 0.0
    held: dict[int, dict[str, Any]] = {}
    for now_ns in sorted({*looks, *areas}):
        if now_ns not in areas and (found_s is not None or now_ns > last_ns + LOOK_S * NS):
            continue
        track = watch.track(now_ns)
        probability = manoeuvring(track)
        if now_ns < first_ns:
            before = max(before, probability)
        elif found_s is None and probability > FOUND:
            found_s = (now_ns - first_ns) / NS
        if now_ns in areas and track is not None and now_ns < subject.path.impact.time_ns:
            flight = watch.flight(track)
            held[areas[now_ns]] = _judged(flight, fell_at) | {"phase": probability}
    return {
        "visible_s": (first_ns - subject.began_ns) / NS,
        "already_s": (first_ns - int(times[0])) / NS,
        "before": before,
        "found_s": found_s,
        "seen_s": (last_ns - first_ns) / NS,
        "areas": held,
    }


def _judged(flight: Flight, fell_at: tuple[float, float]) -> dict[str, Any]:
    impact = flight.impact
    kinds = flight.kind_probabilities
    return {
        "held": None if impact is None else bool(inside_region(impact, fell_at)),
        "km2": None if impact is None else region_area_m2(impact) / 1e6,
        "kinds": {kind: round(share, 4) for kind, share in kinds.items()},
    }


def one_lift(group: str, seed: int, index: int) -> dict[str, Any] | None:
    """What every picture finds of one lift, and the ideal beside it; None: there was none."""
    subject = subject_of(group, seed, index)
    if subject is None:
        return None
    pictures = {}
    for sight in subject.sights:
        found = watched(subject, sight)
        if found is not None:
            path, began_ns = subject.path, subject.began_ns
            found["ideal_s"] = ideal_s(path, sight, subject.inverse_beta_m2_kg, began_ns)
        pictures[sight.name] = found
    return {"index": index, "pictures": pictures}


def one_false_alarm(seed: int, index: int) -> dict[str, Any]:
    """Seconds for which all together take a ballistic flight, or its stage, to manoeuvre.

    On the way down below FALSE_BELOW_M; drag of the population's flights changes as they fall.
    """
    paths = fly_programme(random_flight(seed, index))
    radars = demo_radars()
    row: dict[str, Any] = {"index": index}
    for name, path in zip(("payload", "stage"), paths, strict=False):
        plots = observe((path,), radars, seed=seed * 100_003 + index).plots
        watch = Watch(Sight(TOGETHER, radars, plots))
        below = [
            int(t)
            for t in np.arange(path.apogee.time_ns, path.impact.time_ns, round(LOOK_S * NS))
            if geodetic_from_ecef(*path.state_at(np.array([t]))[0][:3])[2] < FALSE_BELOW_M
        ]
        seen = [t for t in below if len(plots.time_ns) and t <= plots.time_ns[-1]]
        alarms = sum(manoeuvring(watch.track(t)) > FOUND for t in seen)
        row[name] = {"seen_s": LOOK_S * len(seen), "alarm_s": LOOK_S * alarms}
    return row


def one_unseen(seed: int, index: int) -> dict[str, float | None]:
    """Squared distance of the truth from Korea's region of 2019-07-25, by seconds since last seen.

    Of the place alone, so the 95 % point is that of χ² of three. None: its track has ended.
    """
    subject = subject_of(NAMED[0], seed, index)
    if subject is None:
        raise RuntimeError(f"{NAMED[0]} has no lift; its scenario was changed")
    sight = next(sight for sight in subject.sights if sight.name == "KR")
    picture = Picture(sight.radars, Settings().tracking)
    picture.observe(sight.plots)
    last_ns, row = int(sight.plots.time_ns[-1]), {}
    for after_s in UNSEEN_S:
        now_ns = last_ns + after_s * NS
        track = min(picture.advanced(now_ns).tracks(), key=lambda t: t.id)
        off = track.state[:3] - subject.path.state_at(np.array([now_ns]))[0][:3]
        up = track.ended_because is None
        distance = float(off @ np.linalg.solve(track.covariance[:3, :3], off))
        row[str(after_s)] = distance if up else None
    return row


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Every kind `count` times; a named flight, which is the same each time, less often."""
    detail: dict[str, Any] = {"runs": count}
    groups = {name: list(range(max(count // NAMED_SHARE, 1))) for name in NAMED}
    groups |= {name: list(of_kinds([kind], count, seed)) for name, kind in DRAWN.items()}
    done = 0
    for group, indices in groups.items():
        found = rows_of(
            one_lift, [(group, seed, index) for index in indices], progress, before=done
        )
        rows = [row for row in found if row]
        detail[group] = {"table": lift_table(rows), "each": rows}
        done += len(indices)
    for name, study, indices in (
        ("ballistic", one_false_alarm, list(of_kinds([FlightKind.BALLISTIC], count, seed))),
        ("unseen", one_unseen, groups[NAMED[0]]),
    ):
        cases = [(seed, index) for index in indices]
        detail[name] = rows_of(study, cases, progress, before=done)
        done += len(indices)
    return detail


def lift_table(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Per picture: how soon lifts were found, the ideal, and how many areas held by offset."""
    table = {}
    for name in rows[0]["pictures"] if rows else ():
        seen = [row["pictures"][name] for row in rows if row["pictures"][name]]
        found = [one for one in seen if one["ideal_s"] is not None]
        late = [
            math.inf if one["found_s"] is None else one["found_s"] - one["ideal_s"] for one in found
        ]
        areas = {
            str(s): [one["areas"][s]["held"] for one in seen if s in one["areas"]]
            for s in OFFSETS_S
        }
        table[name] = {
            "seen": len(seen),
            "told_by_ideal": len(found),
            "found": sum(one["found_s"] is not None for one in found),
            "found_s": _quantiles([one["found_s"] or math.inf for one in found]),
            "ideal_s": _quantiles([one["ideal_s"] for one in found]),
            "late_s": _quantiles(late),
            "held": {
                s: [sum(h is True for h in held), sum(h is not None for h in held)]
                for s, held in areas.items()
            },
        }
    return table


def _quantiles(values: Sequence[float]) -> list[float | None]:
    """Median and 90 % point, of values as they are; None where not finite or there are none."""
    if not values:
        return [None, None]
    ordered = sorted(values)
    picked = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.9)]
    return [value if math.isfinite(value) else None for value in picked]
