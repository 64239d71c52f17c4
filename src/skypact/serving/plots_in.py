"""A nation's feeds, as its node has them, or a process of their own."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nats.aio.client import Client

from skypact.errors import InputError
from skypact.model import Radar
from skypact.sensing.feeds import Feeds, FeedTable, Take, load_feeds
from skypact.settings import Settings
from skypact.sharing.node_folder import FEEDS, NodeFolder

S = 1_000_000_000
_EPOCH = "feeds.epoch"


async def begun_feeds(
    folder: NodeFolder,
    radars: Sequence[Radar],
    take: Take,
    passed_over: Callable[[InputError], None],
    *,
    epoch: int,
    clock: Callable[[], int],
    connection: Client,
    settings: Settings,
    here: bool = True,
) -> Feeds:
    """The feeds of `feeds.toml`, listening; where that cannot be used nobody may send.

    `epoch`: as `Feeds` has it. `passed_over`: is told of what cannot be used. `here` False: nothing
    comes in here, another process has them.
    """
    feeds = Feeds(
        _table(folder.folder / FEEDS, radars, passed_over) if here else FeedTable(),
        [radar for radar in radars if radar.nation == folder.nation],
        take,
        epoch=epoch,
        clock=clock,
        exercise=folder.exercise,
        connection=connection if here else None,
        settings=settings.feeds,
        sensing=settings.sensing,
    )
    await feeds.start(passed_over)
    return feeds


def _table(
    path: Path, radars: Sequence[Radar], passed_over: Callable[[InputError], None]
) -> FeedTable:
    try:
        return load_feeds(path, radars) if path.exists() else FeedTable()
    except InputError as error:
        passed_over(error)
        return FeedTable()


def next_epoch(store: Path, now_ns: int | None = None) -> int:
    """Of feeds in a process of their own: more than at any start before, and kept for the next."""
    path = store / _EPOCH
    before = int(path.read_text()) if path.exists() else 0
    # It rises where the clock was put back, too: sources whose epoch falls are refused.
    epoch = max(time.time_ns() if now_ns is None else now_ns, before + S)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(str(epoch))
    part.replace(path)
    return epoch
