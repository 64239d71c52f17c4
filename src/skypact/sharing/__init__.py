"""What leaves a nation: tracklets made from its own plots, as open as was decided."""
