"""Observations to tracks: gate, associate, initiate, update, phases, late data, retire."""

from skypact.tracking.live_picture import LivePicture, Rebuild
from skypact.tracking.picture import Picture, Updates

__all__ = ["LivePicture", "Picture", "Rebuild", "Updates"]
