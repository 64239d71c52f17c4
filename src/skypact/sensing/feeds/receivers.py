"""All of a node's feeds, started and stopped together."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from nats.aio.client import Client

from skypact.errors import InputError
from skypact.model import Radar
from skypact.sensing.feeds.asterix_feed import AsterixFeed, asterix_feeds
from skypact.sensing.feeds.http_feed import HttpFeed
from skypact.sensing.feeds.intake import Clock, Intake, Take
from skypact.sensing.feeds.nats_feed import NatsFeed
from skypact.sensing.feeds.table import FeedTable
from skypact.settings import FeedsSettings, SensingSettings


class Feeds:
    """The receivers of a table of feeds; what comes is handed to `take`.

    >>> feeds = Feeds(table, radars, take, epoch=epoch, connection=connection)
    >>> await feeds.start()
    >>> feeds.intake.counts, feeds.intake.refusals
    >>> await feeds.stop()

    `epoch`: of arrivals that bear no number of their own; more than at any start before. Without a
    `connection` nothing comes by NATS.
    """

    def __init__(
        self,
        table: FeedTable,
        radars: Sequence[Radar],
        take: Take,
        *,
        epoch: int,
        connection: Client | None = None,
        settings: FeedsSettings | None = None,
        sensing: SensingSettings | None = None,
        clock: Clock = time.time_ns,
        exercise: bool = False,
    ) -> None:
        self.intake = Intake(
            radars,
            take,
            epoch=epoch,
            settings=settings or FeedsSettings(),
            sensing=sensing or SensingSettings(),
            clock=clock,
        )
        self.http = HttpFeed(table.http, table.feed, self.intake) if table.http else None
        self.asterix: list[AsterixFeed] = asterix_feeds(
            table.asterix, self.intake, exercise=table.exercise
        )
        self.nats = (
            NatsFeed(connection, table.feed, self.intake, exercise=exercise) if connection else None
        )
        self._started: list[HttpFeed | AsterixFeed | NatsFeed] = []

    async def start(self, passed_over: Callable[[InputError], None] | None = None) -> None:
        """Listen on all.

        `passed_over` is told of those that cannot, and the others go on; without it InputError is
        raised and all are stopped.
        """
        receivers = [self.nats, self.http, *self.asterix]
        try:
            for receiver in receivers:
                if receiver is None:
                    continue
                try:
                    await receiver.start()
                    self._started.append(receiver)
                except InputError as error:
                    if passed_over is None:
                        raise
                    passed_over(error)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing more, and end what is being taken."""
        while self._started:
            await self._started.pop().stop()

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """By feed, and what."""
        return self.intake.counts
