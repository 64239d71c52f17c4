"""Where a node's plots come in: NATS, HTTP, ASTERIX by UDP and TCP; and `skypact feed`."""

from skypact.sensing.feeds.intake import Answer, Intake, Take
from skypact.sensing.feeds.receivers import Feeds
from skypact.sensing.feeds.table import (
    AsterixPort,
    Feed,
    FeedTable,
    Http,
    add_feed,
    load_feeds,
    new_key,
    subject_of,
)

__all__ = [
    "Answer",
    "AsterixPort",
    "Feed",
    "FeedTable",
    "Feeds",
    "Http",
    "Intake",
    "Take",
    "add_feed",
    "load_feeds",
    "new_key",
    "subject_of",
]
