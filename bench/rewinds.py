"""What it costs a live picture that an arrival comes late."""

import statistics
import time
from typing import Any

import numpy as np
from msgspec import structs

from bench.scenario import several
from evaluate.scene import site
from skypact.model import Arrival, ClockMark, Plots, Radar
from skypact.tracking import LivePicture

LATE_S = (1, 10, 60)
SECONDS = 75.0
REPEATS = 5
S = 1_000_000_000


def arrivals_of(radars: tuple[Radar, ...], plots: Plots) -> list[Arrival]:
    """Each scan as it would come, the moment it is complete."""
    begins = np.flatnonzero((np.diff(plots.scan) != 0) | (np.diff(plots.radar) != 0)) + 1
    sequence = [0] * len(radars)
    arrivals = []
    for rows in np.split(np.arange(len(plots.time_ns)), begins):
        scan = plots.at(rows)
        radar = int(scan.radar[0])
        sequence[radar] += 1
        arrivals.append(
            Arrival(
                nation=radars[radar].nation,
                radar=radars[radar].id,
                epoch=1,
                sequence=sequence[radar],
                received_ns=int(scan.time_ns.max()),
                plots=scan,
            )
        )
    return arrivals


def rewinds(objects: int) -> dict[str, Any]:
    """Milliseconds of the processor until the picture is right again, by how late an arrival is.

    Three radars, each sees every object each second; a clock mark a second; settings as they are.
    Beside it what an arrival costs that comes in time, the fold included, and the memory.
    """
    radars = (
        site("KR", 36.6, 127.5, 1.0),
        site("JP", 38.0, 138.4, 1.0),
        site("US", 35.7, 135.2, 1.0),
    )
    arrivals = arrivals_of(radars, several(objects, SECONDS, seed=7, radars=radars)[1])
    end_ns = arrivals[-1].received_ns
    held = {
        late_s: [a for a in arrivals if a.received_ns <= end_ns - late_s * S][-REPEATS:]
        for late_s in LATE_S
    }
    withheld = {id(a) for those in held.values() for a in those}
    timely = [a for a in arrivals if id(a) not in withheld]
    live = LivePicture(radars)
    took = []
    for second in range(int(SECONDS)):
        moment = arrivals[0].received_ns + second * S
        live.receive(ClockMark(time_ns=moment, received_ns=moment))
        for arrival in (a for a in timely if moment <= a.received_ns < moment + S):
            begin = time.process_time()
            live.receive(arrival)
            live.picture  # noqa: B018
            took.append(time.process_time() - begin)
    result: dict[str, Any] = {"timely_ms": 1e3 * statistics.median(took)}
    for late_s, those in held.items():
        took = []
        for arrival in those:
            late = structs.replace(arrival, received_ns=end_ns)
            begin = time.process_time()
            live.receive(late)
            live.picture  # noqa: B018
            took.append(time.process_time() - begin)
        result[f"late_{late_s}_s_ms"] = 1e3 * statistics.median(took)
    return result | {
        "tracks": len(live.tracks()),
        "checkpoints": live.kept["checkpoints"],
        "checkpoint_mib": live.kept["checkpoint_bytes"] / 2**20,
    }
