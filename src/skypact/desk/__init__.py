"""The desk: what a nation's node tells, over HTTP, to those who may see it and act on it."""
