"""A recorded launch once more, from the journal: the moments of its flight, as files."""

import json
import math
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from skypact.errors import InputError
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import LaunchEntry
from skypact.offline.text import iso_utc
from skypact.serving.journal_source import Progress, Source
from skypact.serving.replay import THEN, Moment, Replayed, replay
from skypact.settings import Settings

S = 1_000_000_000
_MOST_MOMENTS = 100_000


async def span_of(source: Source, entry: LaunchEntry) -> tuple[int, int]:
    """When the first and the last entry of the journal that tell of a launch were written.

    Raises InputError where the journal has them no more, or never had.
    """
    place, remedy = f"journal of {source.nation}", "name the journal, or an export of then"
    first, last = entry.journal_first, entry.journal_last
    if first is None or last is None or entry.source != source.nation:
        raise InputError(place, f"has nothing of entry {entry.key} of {entry.source}", remedy)
    if first < source.first or last > source.last:
        reason = (
            f"has entries {source.first:,} to {source.last:,}, the launch {first:,} to {last:,}"
        )
        raise InputError(place, reason, remedy)
    times = []
    for number in (first, last):
        async with aclosing(source.read(number)) as entries:  # type: ignore[type-var]
            times.append((await anext(entries)).time_ns)
    return times[0], times[1]


async def replay_entry(
    source: Source,
    settings: Settings,
    entry: LaunchEntry,
    picture: str,
    *,
    every_s: float,
    known: str | None = THEN,
    at_ns: int | None = None,
    on_progress: Progress | None = None,
) -> Replayed:
    """The picture while a launch was followed, every so many seconds, or at one time of it.

    `known`: THEN: as it was live, bit for bit; None: by all that is known now.
    """
    first_ns, last_ns = await span_of(source, entry)
    if at_ns is not None and not first_ns <= at_ns <= last_ns:
        said = f"is not within {iso_utc(first_ns, 0)} and {iso_utc(last_ns, 0)}"
        raise InputError(iso_utc(at_ns), said, "name a time of the launch")
    step_ns = round(every_s * S)
    if (last_ns - first_ns) // step_ns >= _MOST_MOMENTS:
        raise InputError("--every", "gives more than 100,000 moments", "give more seconds")
    times = [at_ns] if at_ns is not None else [*range(first_ns, last_ns, step_ns), last_ns]
    return await replay(source, settings, picture, times, known=known, on_progress=on_progress)


def moment_line(moment: Moment) -> str:
    """One moment as a line of JSON: as `skypact replay --json` gives it, with all bits' digest."""
    return json.dumps(moment.as_json(), ensure_ascii=False)


def write_lines(moments: Sequence[Moment], path: Path) -> None:
    """A line for each moment."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(moment_line(moment) + "\n" for moment in moments)


def write_czml(moments: Sequence[Moment], path: Path, *, name: str, speed: float) -> None:
    """A document for Cesium that plays them, `speed` times as fast as it was."""
    first, last = (iso_utc(moments[k].time_ns, 3) for k in (0, -1))
    clock = {"interval": f"{first}/{last}", "currentTime": first, "multiplier": speed}
    packets: list[dict[str, Any]] = [
        {"id": "document", "name": name, "version": "1.0", "clock": clock}
    ]
    samples: dict[int, list[tuple[float, ...]]] = {}
    for moment in moments:
        for track in moment.tracks:
            if track.ended_because is None:
                latitude, longitude, height_m = geodetic_from_ecef(*track.state[:3])
                at_s = (track.time_ns - moments[0].time_ns) / S
                row = (at_s, math.degrees(longitude), math.degrees(latitude), height_m)
                rows = samples.setdefault(track.id, [])
                if not rows or rows[-1][0] < at_s:
                    rows.append(row)
    for number, rows in sorted(samples.items()):
        position = {"epoch": first, "cartographicDegrees": [value for row in rows for value in row]}
        packets.append(
            {"id": f"track-{number}", "name": f"track {number}", "position": position}
            | {"point": {"pixelSize": 8}}
        )
    path.write_text(json.dumps(packets) + "\n", encoding="utf-8")
