"""An event as people and programs read it: JSON, degrees, km, ISO times."""

from collections.abc import Mapping, Sequence
from typing import Any

from skypact.model import AreaWarning, Assessment, Event, EventText, Flight, SaidBy
from skypact.offline.flight_json import (
    apogee_as_json,
    impact_as_json,
    launch_as_json,
    polygon_as_json,
)
from skypact.offline.text import iso_utc
from skypact.serving.event_fit import Stated, differing


def event_line(event: Event) -> dict[str, Any]:
    """In short."""
    flights = _by_nation(event)
    return {
        "event": event.name,
        "names": list(event.names),
        "began": iso_utc(event.began_ns, 0),
        "latest": iso_utc(event.latest_ns, 0),
        "told": dict(sorted(event.told.items())),
        "count": {nation: len(some) for nation, some in flights.items()},
        "acknowledged": [_said(one) for one in event.acknowledged],
        "comments": len(event.comments),
        "texts": len(event.texts),
        "agreed": agreed_text(event),
        "waiting": [
            {"hash": one.hash, "proposed": _said(one.proposed), "nations": list(waits)}
            for one in event.texts
            if (waits := _waiting(one))
        ],
    }


def event_document(event: Event, own: str, seen: Sequence[Flight] = ()) -> dict[str, Any]:
    """All of it. `seen`: what own plots alone say of the event's flights now; else as told.

    `alone`: which of the two; numbers of flights are those of the national picture, or as told.
    """
    by_nation: dict[str, Sequence[Flight | Stated]] = dict(_by_nation(event))
    if seen:
        by_nation[own] = seen
    return event_line(event) | {
        "alone": bool(seen),
        "assessments": {
            nation: [flight_statement(one) for one in some] for nation, some in by_nation.items()
        },
        "differences": differing(by_nation),
        "comments": [_said(one) | {"text": one.text} for one in event.comments],
        "texts": [_text(one) for one in event.texts],
    }


def agreed_text(event: Event) -> str | None:
    """The newest text that every nation it names has confirmed."""
    agreed = [one for one in event.texts if one.agreed_ns is not None]
    newest = max(agreed, key=lambda one: one.proposed.at_ns, default=None)
    return None if newest is None else newest.proposed.text


def flight_statement(one: Flight | Stated) -> dict[str, Any]:
    """A stated flight, or of a warning its area and time alone."""
    if isinstance(one, AreaWarning):
        return {
            "warning": one.warning,
            "as_of": iso_utc(one.as_of_ns, 3),
            "from": iso_utc(one.from_ns, 0),
            "until": iso_utc(one.until_ns, 0),
            "area": polygon_as_json(one.area),
        }
    return {
        "flight": one.flight if isinstance(one, Assessment) else one.id,
        "as_of": iso_utc(one.as_of_ns if isinstance(one, Assessment) else one.last_plot_ns, 3),
        "kind": str(one.kind),
        "range_class": None if one.range_class is None else str(one.range_class),
        "launch": launch_as_json(one.launch),
        "apogee": apogee_as_json(one.apogee),
        "ground_range_km": None if one.ground_range_m is None else one.ground_range_m / 1e3,
        "impact": impact_as_json(one.impact),
    }


def _by_nation(event: Event) -> Mapping[str, tuple[Stated, ...]]:
    """What each nation counts to the event: of its several names of it, together.

    Of one's own what the partner was told that was told the most.
    """
    out: dict[tuple[str, str], tuple[Stated, ...]] = {}
    for one in event.assessments:
        key = one.nation, one.to
        out[key] = (*out.get(key, ()), *one.flights)
    told: dict[str, tuple[Stated, ...]] = {}
    for (nation, _), flights in sorted(out.items()):
        told[nation] = max(told.get(nation, ()), flights, key=len)
    return told


def _said(one: SaidBy) -> dict[str, Any]:
    return {"nation": one.nation, "by": one.by, "at": iso_utc(one.at_ns, 3)}


def _waiting(text: EventText) -> tuple[str, ...]:
    """Nations that have not confirmed it yet."""
    done = {by.nation for by in text.confirmed}
    return tuple(nation for nation in text.nations if nation not in done)


def _text(one: EventText) -> dict[str, Any]:
    return {
        "hash": one.hash,
        "text": one.proposed.text,
        "proposed": _said(one.proposed),
        "nations": list(one.nations),
        "confirmed": [_said(by) for by in one.confirmed],
        "agreed": None if one.agreed_ns is None else iso_utc(one.agreed_ns, 3),
    }


def event_text(one: dict[str, Any]) -> list[str]:
    """An event's document, line by line; what differs is marked ≠."""
    lines = [f"{one['event']}, since {one['began']}; called {', '.join(one['names'])}"]
    for nation, flights in one["assessments"].items():
        lines.append(f"{nation}: {len(flights)} flight{'s' * (len(flights) != 1)}")
        lines += [f"  {_flight_text(flight)}" for flight in flights]
    for two in one["differences"]:
        lines += [f"  {said}" for said in _difference_text(two)]
    lines += [
        f"{said['at']}  {said['nation']}: {said['by']} took note" for said in one["acknowledged"]
    ]
    lines += [
        f"{said['at']}  {said['nation']}, {said['by']}: {said['text']}" for said in one["comments"]
    ]
    for text in one["texts"]:
        done = ", ".join(f"{said['nation']} ({said['by']})" for said in text["confirmed"])
        state = f"AGREED {text['agreed']}" if text["agreed"] else "not agreed yet"
        lines.append(f"Text {text['hash'][:12]} of {text['proposed']['nation']}, {state}")
        lines.append(f"  for {', '.join(text['nations'])}; confirmed by {done or 'nobody'}")
        lines += [f"  | {line}" for line in text["text"].splitlines()]
    return lines


def _flight_text(flight: dict[str, Any]) -> str:
    if "warning" in flight:
        return f"an area, {flight['from']} to {flight['until']}"
    said = [flight["range_class"] or flight["kind"]]
    if flight["ground_range_km"] is not None:
        said.append(f"range {flight['ground_range_km']:.0f} km")
    if flight["apogee"]:
        said.append(f"apogee {flight['apogee']['height_km']:.0f} km")
    if flight["impact"]:
        at = flight["impact"]
        place = f"{at['latitude_deg']:.2f}, {at['longitude_deg']:.2f}"
        said.append(f"impact {place} at {at['time']}")
    return ", ".join(said)


def _difference_text(two: dict[str, Any]) -> list[str]:
    between = " and ".join(two["between"])
    out = [f"≠ {between}: {two['count'][0]} and {two['count'][1]} flights"]
    out = out if two["count_differs"] else []
    for one in two["flights"]:
        apart = [
            f"{name} {one[f'{key}_{unit}']:+g} {unit}"
            for name, key, unit in (
                ("range", "range", "km"),
                ("apogee", "apogee", "km"),
                ("launch", "launch", "km"),
                ("launch time", "launch_time", "s"),
                ("impact", "impact", "km"),
                ("impact time", "impact_time", "s"),
            )
            if one[f"{key}_differs"]
        ]
        apart += ["kind"] if one["kind_differs"] else []
        if apart:
            out.append(f"≠ {between}: {', '.join(apart)}")
    return out
