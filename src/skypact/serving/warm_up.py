"""What a node does before it says that it is ready, so that the first plots wait for nothing.

Compiled kernels are read from the disk when they are first called, which takes a second or two.
"""

import gc
import sys
from collections.abc import Sequence

import numpy as np

from skypact.model import Openness, Plots, Radar
from skypact.model.plots import no_plots
from skypact.settings import Settings
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import Picture

_LOOKS = 3
_SWITCH_S = 0.0005
"""A thread that saves or counts tracks lets the node's loop go on after so long."""
_GARBAGE_AFTER = (10_000, 20, 100)
_ABOUT_NS = 1_700_000_000_000_000_000


def warm_up(radars: Sequence[Radar], settings: Settings) -> None:
    """Fold plots that nobody sees, and tracklets of them, in pictures that nobody keeps."""
    n = _LOOKS
    whole, nan = np.arange(n, dtype=np.int64), np.full(n, np.nan)
    plots = Plots(
        _ABOUT_NS + whole * 1_000_000_000,
        np.zeros(n, np.int32),
        np.linspace(5e5, 5.1e5, n),
        np.ones(n),
        np.full(n, 0.5),
        nan,
        nan,
        whole,
    )
    maker = TrackletMaker(
        radars, partner="", secret=b"", openness=Openness.FULL, settings=settings.sharing
    )
    picture = Picture(radars, settings.tracking)
    picture.observe(plots, on_followed=maker.take)
    picture.restore(picture.checkpoint())
    picture.tracks()
    received = Picture(radars, settings.tracking)
    received.observe(no_plots(), tracklets=maker.ready(no_more=True))
    received.advance(_ABOUT_NS + n * 1_000_000_000)


def settle_process() -> None:
    """Let nothing in the background hold up what partners wait for by more than a moment."""
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()  # what is there by now stays, and need not be looked through again
    gc.set_threshold(*_GARBAGE_AFTER)
