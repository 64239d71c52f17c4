"""Trackers of objects in pictures, on the places that one radar measures, look by look.

A script of an environment of its own (`make bench` makes it from `bench/peers.lock`), which has
nothing of Skypact: `other_trackers.py FILE`, a `.npz` of `look` (n,), `place_m` (n, 3) and `owner`
(n,; -1: a false plot), looks 1 s apart. Prints JSON: of each tracker µs of the processor a plot,
and the share of the objects' plots that went to the track that had the same object's one before.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Look = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Places and owners."""
Taken = dict[Any, int]
"""By track, whose plot it took."""
NEAR_M = 12e3
"""The objects are 27 km apart and more, and fly 3 km from look to look."""
PLACE_SIGMA_M, SPEED_CHANGE_M_S = 1e3, 1e3
SETTLED_LOOKS = 10


def with_norfair(looks: Sequence[Look]) -> Iterator[Taken]:
    """Norfair: points of constant velocity, to the nearest first."""
    from norfair import Detection, Tracker

    tracker = Tracker("euclidean", NEAR_M, hit_counter_max=5, initialization_delay=2)
    for places, owners in looks:
        found = [
            Detection(place[None], data=int(owner))
            for place, owner in zip(places, owners, strict=True)
        ]
        new = set(map(id, found))
        yield {
            one.id: one.last_detection.data
            for one in tracker.update(found)
            if id(one.last_detection) in new
        }


def with_motpy(looks: Sequence[Look]) -> Iterator[Taken]:
    """Motpy: boxes of constant velocity, all at once by how far they overlap."""
    from motpy import Detection, ModelPreset, MultiObjectTracker

    model = dict(ModelPreset.constant_velocity_and_static_box_size_2d.value)
    model |= {"dim_pos": 3, "dim_size": 3}
    model |= {"q_var_pos": SPEED_CHANGE_M_S**2, "r_var_pos": PLACE_SIGMA_M**2}
    tracker = MultiObjectTracker(dt=1.0, model_spec=model)
    half = np.full(3, NEAR_M)
    for places, owners in looks:
        found = [Detection(np.concatenate([place - half, place + half])) for place in places]
        tracker.step(found)
        # It does not say which plot a track took: the nearest, of those seen in this look.
        taken = {}
        for track in tracker.trackers:
            if track.staleness == 0:
                middle = track.box()[:3] + half
                taken[track.id] = int(owners[np.argmin(np.linalg.norm(places - middle, axis=1))])
        yield taken


def measured(
    way: Callable[[Sequence[Look]], Iterator[Taken]], looks: Sequence[Look]
) -> dict[str, float]:
    """What the tracker takes, and what it keeps once it has settled."""
    begin = time.process_time()
    taken = list(way(looks))
    took = time.process_time() - begin
    last: dict[int, Any] = {}
    kept = objects = 0
    for number, (one, (_, owners)) in enumerate(zip(taken, looks, strict=True)):
        settled = number >= SETTLED_LOOKS
        objects += settled * int(np.count_nonzero(owners >= 0))
        for track, owner in one.items():
            kept += settled and owner >= 0 and last.get(owner) == track
        last |= {owner: track for track, owner in one.items()}
    plots = sum(len(owners) for _, owners in looks)
    return {"us_a_plot": 1e6 * took / plots, "kept": kept / objects}


def main() -> None:
    """Both, after one another."""
    with np.load(sys.argv[1]) as file:
        number, place, owner = file["look"], file["place_m"], file["owner"]
    looks = [(place[number == one], owner[number == one]) for one in np.unique(number)]
    ways = {"Norfair": with_norfair, "motpy": with_motpy}
    print(json.dumps({name: measured(way, looks) for name, way in ways.items()}))


if __name__ == "__main__":
    main()
