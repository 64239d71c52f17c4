"""Frozen types in the words of the design; no logic, no I/O. SI units and radians inside."""

from skypact.model.arrival import (
    Arrival,
    Cause,
    ClockMark,
    IdLink,
    IdRecord,
    Outcome,
    RebuildRecord,
    Verdict,
)
from skypact.model.flight import (
    Apogee,
    Ellipse,
    Flight,
    FlightKind,
    Impact,
    Launch,
    RangeClass,
)
from skypact.model.journal import Entry, EntryKind, JournalHealth, JournalState
from skypact.model.plots import Plots, Rejection
from skypact.model.radar import Radar
from skypact.model.registration import BIAS_KINDS, BiasEstimate, Registration
from skypact.model.track import Followed, Phase, Track, TrackStatus
from skypact.model.tracklet import ForeignTrack, Openness, PartnerRadar, Refusal, Tracklet

__all__ = [
    "BIAS_KINDS",
    "Apogee",
    "Arrival",
    "BiasEstimate",
    "Cause",
    "ClockMark",
    "Ellipse",
    "Entry",
    "EntryKind",
    "Flight",
    "FlightKind",
    "Followed",
    "ForeignTrack",
    "IdLink",
    "IdRecord",
    "Impact",
    "JournalHealth",
    "JournalState",
    "Launch",
    "Openness",
    "Outcome",
    "PartnerRadar",
    "Phase",
    "Plots",
    "Radar",
    "RangeClass",
    "RebuildRecord",
    "Refusal",
    "Registration",
    "Rejection",
    "Track",
    "TrackStatus",
    "Tracklet",
    "Verdict",
]
