"""A node's picture as `skypact watch --json` states it, in the words of flights' own contract."""

from typing import TYPE_CHECKING, Any

from skypact.model import DeskState
from skypact.offline.flight_json import flight_as_json
from skypact.offline.text import iso_utc

if TYPE_CHECKING:
    from skypact.desk.node_client import PictureCopy


def picture_as_json(state: DeskState, shown: "PictureCopy") -> dict[str, Any]:
    """How the node is, and a picture of it; flights as `skypact track --json` has them."""
    return {
        "nation": state.nation,
        "exercise": state.exercise,
        "ready": state.ready,
        "faults": list(state.faults),
        "notices": list(state.notices),
        "picture": shown.name,
        "time": iso_utc(shown.time_ns),
        "partners": [
            {
                "nation": one.nation,
                "up": one.up,
                "delay_s": one.delay_s,
                "round_trip_s": one.round_trip_s,
                "level": one.level,
                "sent": one.sent,
                "backlog_batches": one.backlog_batches,
                "received": one.received,
                "last_came": (
                    iso_utc(state.came_ns[one.nation]) if one.nation in state.came_ns else None
                ),
            }
            for one in state.partners
        ],
        "flights": [
            flight_as_json(one.flight)
            | {
                "sources": [
                    {
                        "nation": source.nation,
                        "radar": source.radar,
                        "plots": source.plots,
                        "last": None if source.last_ns is None else iso_utc(source.last_ns),
                    }
                    for source in one.sources
                ]
            }
            for _, one in sorted(shown.flights.items())
        ],
    }
