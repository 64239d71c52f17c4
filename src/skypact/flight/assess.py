"""From a track at any moment to the flight it means. `assess` is the stage's main path."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.flight.arc import apsides_m, arc_of, origin_of
from skypact.flight.impact import (
    LEAST_SAMPLES,
    Falls,
    bodies_of,
    free_falls,
    impact_of,
    manoeuvred_falls,
    together,
    worth_carrying,
)
from skypact.flight.kind import kind_probabilities, range_class
from skypact.flight.launch import launch_of
from skypact.flight.programmes import Programmes, fitting, free_fit, sight_of
from skypact.flight.samples import normal_points, square_root
from skypact.kernels.fall import highest_points
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import GM_M3_S2, PATH_DEGREE, field
from skypact.model import (
    Apogee,
    BodyFall,
    Flight,
    FlightKind,
    Impact,
    Launch,
    Phase,
    Radar,
    RangeClass,
    Track,
)
from skypact.model.track import Estimate
from skypact.settings import FlightSettings

_APOGEE_SAMPLES = 64
_ORBIT_PERIGEE_M = 90e3
# Seen to rise for so long, an object's highest estimate is its apogee's.
_RISING_NS = 5_000_000_000
_SURELY = 3.0
"""It sinks where its rate is below zero by so many standard deviations."""


def assess(
    track: Track,
    radars: Sequence[Radar],
    settings: FlightSettings | None = None,
    *,
    launch: Launch | None = None,
) -> Flight:
    """The flight that `track` means at its time, each part with its uncertainty.

    `radars`: the table that the track's plots refer to. `launch`: of this track, if it was worked
    out before (it no longer changes once the track is a minute old), or of the track that it parted
    from. What cannot be known yet is None: the impact while a boost may go on, the launch before
    the velocity is known.
    """
    settings = settings or FlightSettings()
    launch = launch or launch_of(track, radars, settings)
    track = as_last_seen(track, settings)
    apogee = apogee_of(track)
    impact: Impact | None = None
    bodies: tuple[BodyFall, ...] = ()
    kinds: dict[FlightKind, float] = {FlightKind.UNKNOWN: 1.0}
    boosting = boost_probability(track)
    if is_aircraft(track, settings):
        kinds = {FlightKind.AIRCRAFT: 1.0}
    elif boosting <= settings.greatest_boost_probability:
        ahead = foretold(track, launch, apogee, settings)
        kinds, impact = ahead.kinds, impact_of(ahead.falls, track.time_ns)
        bodies = () if impact is None else bodies_of(ahead.free, track.time_ns)
    size, size_probability = _range_class(track)
    kind = max(kinds, key=lambda name: kinds[name])
    return Flight(
        id=track.id,
        kind=kind,
        kind_probability=kinds[kind] if kind != FlightKind.UNKNOWN else max(boosting, 0.5),
        kind_probabilities={str(name): share for name, share in kinds.items()},
        range_class=size,
        range_class_probability=size_probability,
        launch=launch,
        apogee=apogee if boosting <= settings.greatest_boost_probability else None,
        ground_range_m=_ground_range(launch, impact),
        impact=impact,
        parted_from=track.parted_from,
        bodies=bodies,
        **seen_by(track, radars),
    )


class Foretold(NamedTuple):
    """Probabilities of its kinds, its weighted falls, and ECEF m from where its range counts.

    `free`: of the falls those without lift.
    """

    kinds: dict[FlightKind, float]
    falls: Falls
    free: Falls
    origin: tuple[float, float, float]


def foretold(
    track: Track, launch: Launch | None, apogee: Apogee | None, settings: FlightSettings
) -> Foretold:
    """What it may be and where it may fall, where no boost goes on."""
    arc = arc_of(track, apogee) if launch is None else None
    origin = origin_of(launch, track, arc)
    free = free_falls(track, settings, origin)
    orbiting = _orbiting_share(track, free)
    sight = sight_of(track, launch, origin, _median_range(free, origin))
    manoeuvring = {
        kind: fitting(kind, sight, settings)
        for kind in (FlightKind.QUASI_BALLISTIC, FlightKind.GLIDE)
    }
    fits = {kind: programmes.fit for kind, programmes in manoeuvring.items()}
    fits[FlightKind.BALLISTIC] = free_fit(sight)
    kinds: dict[FlightKind, float] = {FlightKind.UNKNOWN: 1.0}
    if free.landed.any():
        top = arc.apogee_m if arc else apogee.height_m if apogee else sight.height_m
        kinds = kind_probabilities(max(top, track.highest_m), sight.range_m, fits, settings)
    kinds = {kind: share * (1.0 - orbiting) for kind, share in kinds.items()}
    if orbiting > 0.0:
        kinds[FlightKind.ORBITAL] = orbiting
    falls = _falls(track, origin, free, kinds, manoeuvring, settings)
    return Foretold(kinds, falls, free, origin)


def seen_by(track: Track, radars: Sequence[Radar]) -> dict[str, Any]:
    """What of a `Flight` says which plots of whom it rests on."""
    nations = {radar.id: radar.nation for radar in radars}
    return {
        "nations": tuple(
            sorted({*track.plots_by_partner, *(nations[name] for name in track.plots_by_radar)})
        ),
        "radars": tuple(sorted(track.plots_by_radar)),
        "first_plot_ns": track.first_plot_ns,
        "last_plot_ns": track.last_plot_ns,
        "last_seen_by": track.last_seen_by,
        "plots": track.plots,
        "partner_radars": tuple(
            f"{nation} {label}"
            for nation, labels in sorted(track.plots_by_partner.items())
            for label in sorted(labels)
        ),
    }


def as_last_seen(track: Track, settings: FlightSettings) -> Track:
    """The track as after its last plot: time alone tells nothing new of where it comes down.

    Carried on unseen, it would spread by whatever any lift might do; programmes of manoeuvres say
    more. A boost that no one sees end is left to the tracker.
    """
    seen = track.last_seen
    if seen is None or burnt_when_last_seen(track, settings):
        return track
    return structs.replace(
        track,
        time_ns=seen.time_ns,
        state=seen.state,
        covariance=seen.covariance,
        phases=seen.phases,
    )


def burnt_when_last_seen(track: Track, settings: FlightSettings) -> bool:
    """Whether a boost may have gone on at the last plot of a track that is not seen."""
    if track.last_seen is None:
        return False
    return boost_probability(track.last_seen) > settings.greatest_boost_probability


def boost_probability(at: Track | Estimate) -> float:
    """How likely it is that it boosts. What surely sinks does not, whatever thrust would fit it.

    The air that holds up a light piece on its way down is as a weak thrust to the tracker.
    """
    _, climb, sigma = _height_and_climb(at)
    return 0.0 if climb < -_SURELY * sigma else _probability_of(at, Phase.BOOST)


def _probability_of(at: Track | Estimate, phase: Phase) -> float:
    return sum(p.probability for p in at.phases if p.phase == phase)


def _height_and_climb(at: Track | Estimate) -> tuple[float, float, float]:
    """Height m, and how fast it rises, m/s, with its standard deviation."""
    latitude, longitude, height = geodetic_from_ecef(*at.state[:3])
    up = np.array(
        [
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        ]
    )
    sigma = math.sqrt(max(float(up @ at.covariance[3:6, 3:6] @ up), 0.0))
    return height, float(up @ at.state[3:6]), sigma


def apogee_of(track: Track) -> Apogee | None:
    """Highest point of the path; None where there is none to tell.

    In free flight above the air, and before the highest point, the path is carried there. Once air
    has bent it on its way down it cannot be carried back, and the greatest height of an estimate
    stands, though it may rise again; such estimates are up to 20 m apart in height about the
    highest point.
    """
    height, climb, _ = _height_and_climb(track)
    is_bent = _probability_of(track, Phase.COAST) <= 0.5 and track.highest_m > height
    if is_bent and climb < 0.0:
        return _highest_estimate(track)
    points = normal_points(_APOGEE_SAMPLES, 6) @ square_root(track.covariance).T
    found = np.empty((_APOGEE_SAMPLES, 2))
    highest_points(track.state + points, field(PATH_DEGREE), found)
    found = found[~np.isnan(found[:, 0])]
    if len(found) < _APOGEE_SAMPLES // 2:
        return None
    time_s, height = found.mean(axis=0)
    if is_bent and height < track.highest_m:
        return _highest_estimate(track)
    return Apogee(
        time_ns=track.time_ns + round(time_s * 1e9),
        height_m=float(height),
        height_sigma_m=float(found[:, 1].std()),
    )


def _highest_estimate(track: Track) -> Apogee | None:
    if track.highest_ns < track.first_plot_ns + _RISING_NS:
        return None  # it was falling when it was first seen
    return Apogee(
        time_ns=track.highest_ns,
        height_m=track.highest_m,
        height_sigma_m=math.hypot(track.highest_sigma_m, 20.0),
    )


def is_aircraft(track: Track, settings: FlightSettings) -> bool:
    """Slow, low, and kept up by something for a while; no part of a missile."""
    if track.parted_from is not None:
        return False
    lived_s = (track.last_plot_ns - track.first_plot_ns) * 1e-9
    free = _probability_of(track, Phase.COAST) + _probability_of(track, Phase.REENTRY)
    return (
        float(np.linalg.norm(track.state[3:])) < settings.aircraft_speed_m_s
        and track.highest_m < settings.aircraft_height_m
        and lived_s > 60.0
        and free < 0.5
    )


def _orbiting_share(track: Track, free: Falls) -> float:
    """Share of the free paths that do not come down and whose perigee clears the air."""
    if free.landed.all():
        return 0.0
    perigee, _ = apsides_m(track)
    return float(free.weight[~free.landed].sum()) if perigee > _ORBIT_PERIGEE_M else 0.0


def _falls(
    track: Track,
    origin: tuple[float, float, float],
    free: Falls,
    kinds: dict[FlightKind, float],
    manoeuvring: dict[FlightKind, Programmes],
    settings: FlightSettings,
) -> Falls:
    """Falls of all kinds that it may be, each before, in or after its manoeuvre."""
    parts = []
    falling = max(kinds.get(FlightKind.BALLISTIC, 0.0), 1e-6)
    for kind, programmes in manoeuvring.items():
        probability = kinds.get(kind, 0.0)
        going_on = probability * (1.0 - programmes.over)
        falling += probability * programmes.over
        if worth_carrying(going_on):
            count = max(LEAST_SAMPLES, round(settings.manoeuvre_samples * going_on))
            falls = manoeuvred_falls(track, programmes, count, origin, settings)
            parts.append((going_on, falls))
    return together([(falling, free), *parts])


def _median_range(free: Falls, origin: tuple[float, float, float]) -> float:
    """Ground range m of the middle free path."""
    landed = np.flatnonzero(free.landed)
    if len(landed) == 0:
        return 0.0
    middle = landed[len(landed) // 2]
    latitude, longitude, _ = geodetic_from_ecef(*origin)
    return geodesic_inverse(
        latitude, longitude, free.latitude_rad[middle], free.longitude_rad[middle]
    )[0]


def _range_class(track: Track) -> tuple[RangeClass | None, float | None]:
    """Range class by the greatest energy in free flight; None before there was any."""
    if math.isnan(track.most_energy_j_kg):
        return None, None
    gradient: NDArray[np.float64] = np.concatenate(
        [GM_M3_S2 / np.linalg.norm(track.state[:3]) ** 3 * track.state[:3], track.state[3:]]
    )
    sigma = math.sqrt(max(float(gradient @ track.covariance @ gradient), 0.0))
    return range_class(track.most_energy_j_kg, sigma)


def _ground_range(launch: Launch | None, impact: Impact | None) -> float | None:
    if launch is None or impact is None:
        return None
    return geodesic_inverse(
        launch.latitude_rad, launch.longitude_rad, impact.latitude_rad, impact.longitude_rad
    )[0]
