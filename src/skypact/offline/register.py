"""Radars' biases from plot files: from objects that several radars saw, and from known orbits."""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import BIAS_KINDS, Radar, Registration, Rejection
from skypact.offline.flight_json import rejections_as_json
from skypact.offline.text import iso_utc
from skypact.sensing import read_plots_with_notes, save_radars
from skypact.sensing.orbits import Orbit, orbit_sigma_m, orbit_states
from skypact.settings import Settings
from skypact.tracking import Picture
from skypact.tracking.known_orbits import (
    KnownObject,
    LearntFromOrbits,
    Pass,
    learn_from_orbits,
)

FilePath = str | PathLike[str]
_FIELDS = {
    "range_m": ("range_bias_m", "range_bias_sigma_m"),
    "azimuth_rad": ("azimuth_bias_rad", "azimuth_bias_sigma_rad"),
    "elevation_rad": ("elevation_bias_rad", "elevation_bias_sigma_rad"),
    "range_rate_m_s": ("range_rate_bias_m_s", "range_rate_bias_sigma_m_s"),
    "time_s": ("time_bias_s", "time_bias_sigma_s"),
}
"""Of each bias: the radar's known offset, and how unsure it is."""


class RegisteredFiles(NamedTuple):
    """What plot files tell of the radars' biases.

    `radars` as given, `corrected` with what was learnt as known offsets and what is left as sigmas.
    `plots` were read, `orbit_plots` of them are of known orbits, in `passes`.
    """

    registration: Registration
    radars: tuple[Radar, ...]
    corrected: tuple[Radar, ...]
    plots: int
    orbit_plots: int
    passes: tuple[Pass, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact register --json`."""
        return {
            "time": iso_utc(self.registration.time_ns),
            "plots": self.plots,
            "orbit_plots": self.orbit_plots,
            "radars": [
                {"id": radar.radar}
                | {
                    kind.replace("_rad", "_deg"): {
                        "bias": _in_degrees(kind, radar.mean[k]),
                        "sigma": _in_degrees(kind, radar.sigma[k]),
                        "declared_sigma": _in_degrees(kind, radar.prior_sigma[k]),
                    }
                    for k, kind in enumerate(BIAS_KINDS)
                    if radar.prior_sigma[k] > 0.0
                }
                for radar in self.registration.radars
            ],
            "tracks": list(self.registration.tracks),
            "tracks_set_aside": list(self.registration.set_aside),
            "passes": [
                {
                    "object": one.name,
                    "begin": iso_utc(one.begin_ns),
                    "end": iso_utc(one.end_ns),
                    "plots": {self.radars[n].id: count for n, count in one.plots.items()},
                }
                for one in self.passes
            ],
            "rejected": rejections_as_json(self.rejections),
            "notes": list(self.notes),
        }


def register_files(
    plots: FilePath | Iterable[FilePath],
    radars: Sequence[Radar],
    *,
    orbits: Sequence[Orbit] = (),
    settings: Settings | None = None,
) -> RegisteredFiles:
    """Learn the radars' biases from plot files, read whole.

    Plots of objects whose orbit is known tell by how far they are off it; what is left is folded
    into a picture, and its tracks tell by how the radars disagree. No plot counts twice.

    Raises InputError where no radar declares a bias, or a file cannot be used; EmptyInputError
    where no plot is left.
    """
    settings = settings or Settings()
    radars = tuple(radars)
    if not any(getattr(radar, sigma) > 0.0 for radar in radars for _, sigma in _FIELDS.values()):
        remedy = "state range_bias_sigma_m and its like: how great they may be"
        raise InputError("radars", "none declares a bias that could be learnt", remedy)
    seen, rejections, notes = read_plots_with_notes(plots, radars, settings=settings.sensing)
    learnt = learn_from_orbits(seen, radars, _objects(orbits, settings), settings.orbits)
    picture = Picture(radars, settings.tracking)
    picture.observe(seen.at(np.flatnonzero(~learnt.used)))
    picture.advance(int(seen.time_ns.max()))
    registration = picture.registration(learnt.belief if learnt.passes else None)
    return RegisteredFiles(
        registration=registration,
        radars=radars,
        corrected=corrected_radars(radars, registration),
        plots=len(seen.time_ns),
        orbit_plots=int(learnt.used.sum()),
        passes=learnt.passes,
        rejections=rejections,
        notes=(*notes, *_notes(radars, orbits, learnt, registration)),
    )


def _objects(orbits: Sequence[Orbit], settings: Settings) -> list[KnownObject]:
    """The orbits as tracking takes them, not known where their elements are too old."""

    def states_at(orbit: Orbit, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        states = orbit_states(orbit, time_ns, settings.orbits)
        old = np.abs(time_ns - orbit.epoch_ns) > settings.orbits.oldest_days * 86_400e9
        states[old] = math.nan
        return states

    return [
        KnownObject(
            name=orbit.name,
            states_at=partial(states_at, orbit),
            sigma_at=partial(orbit_sigma_m, orbit, settings=settings.orbits),
        )
        for orbit in orbits
    ]


def _notes(
    radars: Sequence[Radar],
    orbits: Sequence[Orbit],
    learnt: LearntFromOrbits,
    registration: Registration,
) -> tuple[str, ...]:
    """What is worth knowing of how it went."""
    notes = []
    if orbits and not learnt.passes:
        notes.append(
            "no pass of an object with a known orbit was found: see that the elements are of the "
            "plots' days and that orbits.oldest_days lets them be used"
        )
    if registration.set_aside:
        count = len(registration.set_aside)
        notes.append(
            f"{count} track{'s' if count > 1 else ''} set aside, for contradicting the others "
            "or having none to agree with beside parts of the same flight"
        )
    undeclared = [
        radar.id
        for radar in radars
        if not any(getattr(radar, sigma) > 0.0 for _, sigma in _FIELDS.values())
    ]
    if undeclared:
        notes.append(f"taken as without bias, as they declare none: {', '.join(undeclared)}")
    notes += [
        f"{one.radar}: {BIAS_KINDS[k].rsplit('_', 1)[0]} is "
        f"{abs(one.mean[k]) / one.prior_sigma[k]:.1f} σ from what is declared: state a greater "
        "sigma, or look what is the matter"
        for one in registration.radars
        for k in np.flatnonzero(np.abs(one.mean) > 3.0 * one.prior_sigma)
    ]
    return tuple(notes)


def corrected_radars(radars: Sequence[Radar], registration: Registration) -> tuple[Radar, ...]:
    """The radars with what was learnt as known offsets, and what is left of it as sigmas.

    How the biases of several go together is not in a radar table: it is left out.
    """
    return tuple(
        structs.replace(
            radar,
            **{
                field: value
                for k, kind in enumerate(BIAS_KINDS)
                if one.sigma[k] < one.prior_sigma[k]
                for field, value in zip(
                    _FIELDS[kind],
                    (getattr(radar, _FIELDS[kind][0]) + float(one.mean[k]), float(one.sigma[k])),
                    strict=True,
                )
            },
        )
        for radar, one in zip(radars, registration.radars, strict=True)
    )


def write_registered(folder: Path, registered: RegisteredFiles) -> None:
    """Write `radars.toml` with the learnt biases as known offsets; make the folder if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    save_radars(folder / "radars.toml", registered.corrected)


def _in_degrees(kind: str, value: float) -> float:
    return math.degrees(value) if kind.endswith("_rad") else float(value)
