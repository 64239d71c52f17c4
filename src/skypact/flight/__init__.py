"""Track to flight: launch point, apogee, kind, impact area."""
