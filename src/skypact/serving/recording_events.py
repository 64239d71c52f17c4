"""Shared events into the record, each whenever something was said of it."""

import asyncio
import hashlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import AreaWarning, Event, RecordedEvent
from skypact.record.launch_record import LaunchRecord
from skypact.serving.event_document import agreed_text, event_document
from skypact.serving.event_fit import Stated, flights_of
from skypact.serving.events import Events
from skypact.settings import ConsultationSettings

S = 1_000_000_000


class RecordingEvents:
    """Keeps the record's events as the node has them, and which launches they are of."""

    def __init__(self, nation: str, settings: ConsultationSettings) -> None:
        self._nation, self._settings = nation, settings
        self._put: dict[str, str] = {}

    async def follow(self, events: Events, record: LaunchRecord, *, launches_came: bool) -> None:
        """Put in what is other than before; all of them where launches came that they may be of."""
        if launches_came:
            self._put.clear()
        for event in events.all():
            document = event_document(event, self._nation)
            digest = hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()
            if self._put.get(event.name) != digest:
                whole = RecordedEvent(
                    source=self._nation,
                    name=event.name,
                    began_ns=event.began_ns,
                    latest_ns=event.latest_ns,
                    agreed=agreed_text(event) or "",
                    document=document,
                )
                await asyncio.to_thread(self._put_one, record, event, whole)
                self._put[event.name] = digest

    def _put_one(self, record: LaunchRecord, event: Event, whole: RecordedEvent) -> None:
        flights, about_ns = flights_of(event), round(self._settings.same_event_s * S)
        launches: list[int] = []
        if flights:
            times = [_begins_ns(one) for one in flights]
            found = record.events.begun_between(
                self._nation, min(times) - about_ns, max(times) + about_ns
            )
            launches = [number for number, at in found if self._is_of(at, flights)]
        record.events.put(whole, launches)

    def _is_of(self, at: dict[str, Any], flights: Sequence[Stated]) -> bool:
        """Whether an entry that began at that time is of one of the flights, by its places."""
        for flight in flights:
            if isinstance(flight, AreaWarning):
                continue
            for name, end in (("launch", flight.launch), ("impact", flight.impact)):
                latitude, longitude = at[f"{name}_latitude_deg"], at[f"{name}_longitude_deg"]
                if end is not None and latitude is not None:
                    place = math.radians(latitude), math.radians(longitude)
                    metres = geodesic_inverse(end.latitude_rad, end.longitude_rad, *place)[0]
                    if metres <= 1e3 * self._settings.same_event_km:
                        return True
        return False


def _begins_ns(flight: Stated) -> int:
    if not isinstance(flight, AreaWarning) and flight.launch is not None:
        return flight.launch.time_ns
    return flight.as_of_ns
