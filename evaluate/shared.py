"""The shared picture over the real way between nations, against one fed all plots at one place.

Two nations' plots go by release picture, policy, wire and entry into the third's picture; its own
come as they are. Beside it a picture of all plots, as though all radars were its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import structs

from evaluate import wire
from evaluate.between import arrivals, digests, policy_of, receiver, releases_to, sent_of, take_in
from evaluate.scene import START_NS, Scene, coasting, local_state, look_times, looks_like, site
from evaluate.tracklets import with_offsets
from skypact.model import Arrival, Plots
from skypact.serving.folded import Folded
from skypact.settings import Settings
from skypact.sharing.chain import Delivery

S = 1_000_000_000
OWN, OTHERS = "JPN", ("KOR", "USA")
RADARS = tuple(
    structs.replace(site(name, *place, 1.0), nation=nation)
    for name, nation, place in (
        ("K", "KOR", (36.6, 127.5)),
        ("J", "JPN", (38.0, 138.4)),
        ("U", "USA", (35.7, 135.2)),
    )
)
SECONDS = 120.0
LEVELS = {
    "plots": 'level = "plots"',
    "full tracklets": 'level = "tracklets"\nopenness = "full"',
    "rounded tracklets": 'level = "tracklets"\nopenness = "rounded"',
    "hidden tracklets": 'level = "tracklets"\nopenness = "hidden"',
}
SETTINGS = Settings(entry=wire.PATIENT)
_FIRST_S, _EVERY_S = 30, 10
"""Errors count from so many seconds on, each so many."""


def flown(seed: int, seconds: float) -> tuple[Plots, np.ndarray]:
    """One flight's plots, noise and offsets of their own, and where it began."""
    random = np.random.default_rng(seed)
    start = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))
    times, radar = look_times(RADARS, seconds)
    states = coasting(start, times)
    scene = Scene(RADARS, times, radar, states, looks_like(RADARS, radar, states), np.zeros(0, int))
    return with_offsets(scene, random), start


def one_place(folded: Folded, arrival: Arrival) -> None:
    """All radars are one's own."""
    folded.plots(arrival)


def run_one(seed: int, seconds: float = SECONDS) -> dict[str, Any]:
    """Errors at each moment, m, by way; and whether `plots` gave the very bits."""
    plots, start = flown(seed, seconds)
    by_nation = {nation: arrivals(plots, RADARS, nation) for nation in (OWN, *OTHERS)}
    alone = {nation: one for nation, one in by_nation.items() if nation == OWN}
    errors = {
        "one place": _run(by_nation, None, start, seconds),
        "alone": _run(alone, None, start, seconds),
    }
    for level, text in LEVELS.items():
        errors[level] = _run(by_nation, text, start, seconds)
    identical = errors["plots"][1] == errors["one place"][1]
    return {"errors_m": {name: one[0] for name, one in errors.items()}, "identical": identical}


def _run(
    by_nation: dict[str, list[Arrival]], text: str | None, start: np.ndarray, seconds: float
) -> tuple[list[float], str]:
    """Errors of one picture, and its bits at the end; `text`: at which level others release."""
    folded = receiver(OWN, OTHERS, RADARS, SETTINGS)
    leaving = {
        nation: releases_to(
            OWN, policy_of(f"[partner.{OWN}]\n{text}", nation, OWN, RADARS), RADARS, SETTINGS
        )
        for nation in by_nation
        if text is not None and nation != OWN
    }
    coming = sorted(
        (one for arrived in by_nation.values() for one in arrived), key=lambda a: a.received_ns
    )
    errors = []
    for second in range(1, int(seconds) + 2):
        now_ns = START_NS + second * S
        while coming and coming[0].received_ns <= now_ns:
            arrival = coming.pop(0)
            releases = leaving.get(arrival.nation)
            if releases is None:
                one_place(folded, arrival)
                continue
            for sent in sent_of(releases, arrival):
                take_in(folded, arrival.nation, sent.data, Delivery.LIVE, arrival.received_ns)
        for nation, releases in leaving.items():
            for sent in releases.ways[OWN].ready(now_ns, no_more=second > seconds):
                take_in(folded, nation, sent.data, Delivery.LIVE, now_ns)
        folded.mark(now_ns)
        if second >= _FIRST_S and second % _EVERY_S == 0:
            errors.append(_error_m(folded, start))
    return errors, digests(folded)["shared"]


def _error_m(folded: Folded, start: np.ndarray) -> float:
    """How far the flight's track is from where the flight is, at the track's time."""
    track = max(folded.shared.tracks(), key=lambda one: one.plots, default=None)
    if track is None:
        return float("nan")
    (truth,) = coasting(start, np.array([track.time_ns]))
    return float(np.linalg.norm(track.state[:3] - truth[:3]))


def run(count: int, progress: Callable[[int], Any] | None = None) -> dict[str, Any]:
    """`count` runs: root mean square errors by way, and their ratios to all plots at one place."""
    runs = []
    for seed in range(count):
        runs.append(run_one(seed))
        if progress:
            progress(seed + 1)
    rmse = {
        name: float(np.sqrt(np.nanmean(np.square([one["errors_m"][name] for one in runs]))))
        for name in runs[0]["errors_m"]
    }
    return {
        "runs": count,
        "identical": all(one["identical"] for one in runs),
        "rmse_m": rmse,
        "ratio": {name: value / rmse["one place"] for name, value in rmse.items()},
    }
