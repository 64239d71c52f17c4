"""Why a flight's launch, apogee or impact is not known: what stands beside each null.

Told from the flight alone: `assess` leaves these out on a few grounds, and each leaves its mark in
what it does state (flight/assess.py, flight/launch.py).
"""

from skypact.model import Flight, FlightKind

_MAY_ORBIT = 0.05
"""An impact is stated where 95 % of the paths come down."""


def unknown_because(flight: Flight | None) -> tuple[str, ...]:
    """A sentence for each of launch, apogee and impact that is None; `flight` None: no track."""
    if flight is None:
        return ("no track yet: too few plots to tell its speed",)
    found = []
    if flight.launch is None:
        found.append(f"launch: {_no_launch(flight)}")
    if flight.apogee is None:
        found.append(f"apogee: {_no_apogee(flight)}")
    if flight.impact is None:
        found.append(f"impact: {_no_impact(flight)}")
    return tuple(found)


def _no_launch(flight: Flight) -> str:
    if flight.kind is FlightKind.AIRCRAFT:
        return "an aircraft's is not sought"
    return "its first plots are too few or too coarse, or fit no boost from the ground"


def _no_apogee(flight: Flight) -> str:
    if _may_boost(flight):
        return "it may still be boosting"
    if flight.impact is not None:
        return "it was falling when it was first seen, and air has bent its path since"
    return "no highest point within an hour and a half on the path as it is known"


def _no_impact(flight: Flight) -> str:
    if flight.kind is FlightKind.AIRCRAFT:
        return "an aircraft's motion does not tell where it comes down"
    orbital = flight.kind_probabilities.get(str(FlightKind.ORBITAL), 0.0)
    if orbital > _MAY_ORBIT:
        return f"it may not come down at all (orbital: {100.0 * orbital:.0f} %)"
    if _may_boost(flight):
        return "it may still be boosting"
    return "its motion is not known well enough: too many of its possible paths do not come down"


def _may_boost(flight: Flight) -> bool:
    """Neither apogee nor kind are stated while a boost may go on."""
    return flight.kind is FlightKind.UNKNOWN and flight.apogee is None
