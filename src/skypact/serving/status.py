"""How a node is, over HTTP: health, readiness, and Prometheus metrics."""

from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skypact.sensing.feeds.http_feed import QuietServer, bound

Counts = Callable[[], dict[str, dict[tuple[str, ...], float]]]
"""By metric (its name; a counter ends with `_total`), then by labels, as in `LABELS`."""
LABELS: dict[str, tuple[str, ...]] = {
    "skypact_arrivals_total": ("picture", "verdict"),
    "skypact_feed_total": ("feed", "what"),
    "skypact_partner_messages_total": ("partner", "outcome"),
    "skypact_sent_total": ("partner",),
    "skypact_shed_total": ("what",),
    "skypact_link_up": ("partner",),
    "skypact_link_backlog_bytes": ("partner",),
    "skypact_link_delay_seconds": ("partner",),
    "skypact_late_seconds": ("nation", "radar"),
    "skypact_behind_seconds": (),
    "skypact_tracks": ("picture",),
    "skypact_journal_waiting_bytes": (),
    "skypact_journal_last": (),
    "skypact_warnings_lag_seconds": (),
    "skypact_stage_up": ("stage",),
    "skypact_stage_silent_seconds": ("stage",),
    "skypact_stage_behind_entries": ("stage",),
}
Health = Callable[[], dict[str, Any]]
"""What the node says of itself; `faults` empty while all is well, `ready` once it is."""


class StatusServer:
    """`/health` (200, or 503 with the faults), `/ready`, `/metrics`, on a port of its own.

    `place`: where its port is set. `more`: what else is answered there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        place: str,
        health: Health,
        counts: Counts,
        more: Sequence[Route] = (),
    ) -> None:
        self._listen, self._place, self._health = f"{host}:{port}", place, health
        registry = CollectorRegistry()
        registry.register(_Collector(counts))
        self._registry = registry
        routes = [
            Route("/health", self._answer_health),
            Route("/ready", self._answer_ready),
            Route("/metrics", self._answer_metrics),
            *more,
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off")
        self._server = QuietServer(config)
        self.port = 0

    async def start(self) -> None:
        """Listen from now on. Raises InputError where the port is taken."""
        listening = bound(self._listen, self._place)
        self.port = listening.getsockname()[1]
        await self._server.begin(listening, self._place)

    async def stop(self) -> None:
        """End."""
        await self._server.finish()

    async def _answer_health(self, request: Request) -> Response:
        health = self._health()
        return JSONResponse(health, 503 if health["faults"] else 200)

    async def _answer_ready(self, request: Request) -> Response:
        ready = bool(self._health()["ready"])
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def _answer_metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class _Collector(Collector):
    """Asks for the numbers when they are asked for."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> list[Metric]:
        out: list[Metric] = []
        for name, values in self._counts().items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(
                name, name.removeprefix("skypact_").replace("_", " "), labels=LABELS[name]
            )
            for labels, value in values.items():
                family.add_metric(labels, value)
            out.append(family)
        return out
