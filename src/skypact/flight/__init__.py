"""Track to flight: launch point, apogee, kind, impact area."""

from skypact.flight.assess import assess

__all__ = ["assess"]
