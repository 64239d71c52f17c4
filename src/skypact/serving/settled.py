"""How a node's process runs once it is ready: what is in the background holds up nothing."""

import gc
import sys

_SWITCH_S = 0.0005
"""A thread that saves or counts tracks lets the node's loop go on after so long."""
_GARBAGE_AFTER = (10_000, 20, 100)


def settle_process() -> None:
    """Let nothing in the background hold up what partners wait for by more than a moment."""
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()  # what is there by now stays, and need not be looked through again
    gc.set_threshold(*_GARBAGE_AFTER)
