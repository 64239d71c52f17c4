"""What it costs a live picture that an arrival comes late, and to be saved and read back.

`python -m bench.rewinds` prints these alone.
"""

import statistics
import time
from typing import Any

import numpy as np
from msgspec import structs

from bench.scenario import several
from evaluate.scene import site
from skypact.model import Arrival, ClockMark, Openness, Plots, Radar
from skypact.settings import LateSettings
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import LivePicture, Picture

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


def tracklets_of(radar: Radar, plots: Plots) -> list[Arrival]:
    """A partner's full tracklets, each batch as it would come, the moment it is complete."""
    maker = TrackletMaker((radar,), partner="KR", secret=b"s", openness=Openness.FULL)
    own = plots._replace(radar=np.zeros_like(plots.radar))
    Picture((radar,)).observe(own, on_followed=maker.take)
    batches: dict[int, list[Any]] = {}
    for one in maker.ready(no_more=True):
        batches.setdefault(one.batch, []).append(one)
    ordered = sorted(batches.values(), key=lambda those: max(t.last_ns for t in those))
    return [
        Arrival(
            nation=radar.nation,
            radar=those[0].radar,
            epoch=1,
            sequence=number,
            received_ns=max(t.last_ns for t in those),
            tracklets=tuple(those),
        )
        for number, those in enumerate(ordered, 1)
    ]


def rewinds(objects: int, tracklets: bool = False) -> dict[str, Any]:
    """Milliseconds of the processor until the picture is right again, by how late an arrival is.

    Three radars, each sees every object each second; a clock mark a second; settings as they are.
    `tracklets`: what the second and the third see comes as such, and these are what is late.
    Beside it what an arrival costs that comes in time, the fold included, the memory, and what it
    takes to save the picture and to read it back.
    """
    radars = (
        site("KR", 36.6, 127.5, 1.0),
        site("JP", 38.0, 138.4, 1.0),
        site("US", 35.7, 135.2, 1.0),
    )
    plots = several(objects, SECONDS, seed=7, radars=radars)[1]
    arrivals = arrivals_of(radars, plots)
    if tracklets:
        arrivals = [a for a in arrivals if a.radar == radars[0].id]
        for number in (1, 2):
            mine = plots.at(np.flatnonzero(plots.radar == number))
            arrivals += tracklets_of(radars[number], mine)
        arrivals.sort(key=lambda a: a.received_ns)
    end_ns = arrivals[-1].received_ns
    may_be_late = [a for a in arrivals if bool(a.tracklets) == tracklets]
    held = {
        late_s: [a for a in may_be_late if a.received_ns <= end_ns - late_s * S][-REPEATS:]
        for late_s in LATE_S
    }
    withheld = {id(a) for those in held.values() for a in those}
    timely = [a for a in arrivals if id(a) not in withheld]
    late = LateSettings(greatest_rewind=1_000_000_000)  # what would go beside is measured too
    live = LivePicture(radars, late=late)
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
            held_up = structs.replace(arrival, received_ns=end_ns)
            begin = time.process_time()
            live.receive(held_up)
            live.picture  # noqa: B018
            took.append(time.process_time() - begin)
        result[f"late_{late_s}_s_ms"] = 1e3 * statistics.median(took)
    begin = time.process_time()
    state = live.saved()
    halted = time.process_time()
    data = state.to_bytes()
    written = time.process_time()
    LivePicture.from_bytes(data, radars, late=late)
    return result | {
        "tracks": len(live.tracks()),
        "checkpoints": live.kept["checkpoints"],
        "checkpoint_mib": live.kept["checkpoint_bytes"] / 2**20,
        "saved_mib": len(data) / 2**20,
        "halted_ms": 1e3 * (halted - begin),
        "written_ms": 1e3 * (written - halted),
        "read_ms": 1e3 * (time.process_time() - written),
    }


def told(objects: int, what: str, row: dict[str, Any]) -> str:
    """One result as a sentence."""
    late = ", ".join(f"{late_s} s: {row[f'late_{late_s}_s_ms']:.1f} ms" for late_s in LATE_S)
    return (
        f"a live picture of {objects} objects, {what}: an arrival in time "
        f"{row['timely_ms']:.1f} ms; late by {late}; {row['checkpoints']} checkpoints of "
        f"{row['checkpoint_mib']:.0f} MiB; saved, {row['saved_mib']:.0f} MiB: halted for "
        f"{row['halted_ms']:.1f} ms, written in {row['written_ms']:.0f} ms, read back in "
        f"{row['read_ms']:.0f} ms"
    )


KINDS = {"3 radars at 1 Hz": False, "one's own at 1 Hz and two partners' tracklets": True}


def main() -> None:
    """Print what late arrivals cost."""
    for objects in (10, 100):
        for what, tracklets in KINDS.items():
            print(told(objects, what, rewinds(objects, tracklets)), flush=True)


if __name__ == "__main__":
    main()
