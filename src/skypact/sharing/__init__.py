"""What leaves a nation: tracklets made from its own plots, as open as was decided."""

from skypact.sharing.tracklets import TrackletMaker, label_of

__all__ = ["TrackletMaker", "label_of"]
