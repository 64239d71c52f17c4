"""Studies that measure Skypact against truth: `python -m evaluate`."""
