"""Observations to tracks: gate, associate, initiate, update, phases, retire."""

from skypact.tracking.picture import Picture, Updates

__all__ = ["Picture", "Updates"]
