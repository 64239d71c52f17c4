"""Frozen types in the words of the design; no logic, no I/O. SI units and radians inside."""

from skypact.model.flight import (
    Apogee,
    Ellipse,
    Flight,
    FlightKind,
    Impact,
    Launch,
    RangeClass,
)
from skypact.model.plots import Plots, Rejection
from skypact.model.radar import Radar
from skypact.model.track import Followed, Phase, Track, TrackStatus
from skypact.model.tracklet import ForeignTrack, Openness, PartnerRadar, Refusal, Tracklet

__all__ = [
    "Apogee",
    "Ellipse",
    "Flight",
    "FlightKind",
    "Followed",
    "ForeignTrack",
    "Impact",
    "Launch",
    "Openness",
    "PartnerRadar",
    "Phase",
    "Plots",
    "Radar",
    "RangeClass",
    "Refusal",
    "Rejection",
    "Track",
    "TrackStatus",
    "Tracklet",
]
