"""What lasts: the journal of all that came in and went out, and checkpoints of pictures."""

from skypact.record.checkpoints import Checkpoint, Checkpoints
from skypact.record.journal import Journal

__all__ = ["Checkpoint", "Checkpoints", "Journal"]
