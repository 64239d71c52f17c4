"""Speed beside peers on the same plots: `python -m bench`."""
