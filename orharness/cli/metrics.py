"""``orharness serve --metrics PORT``: what was played, in the format of Prometheus, for load tests.

Needs the extra ``metrics`` (prometheus_client). The numbers of an exchange are added when its outcome is decided, so
that a chunk costs no more than without metrics.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orharness.errors import OrharnessError, ScenarioError
from orharness.journal import Exchange
from orharness.server.handles import Call

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Counters of one server. ``notice`` is a listener of ``SseServer.listen``.

    Raises ``OrharnessError`` where prometheus_client is not installed.
    """

    def __init__(self) -> None:
        self.registry = self.registry_or_advice()
        from prometheus_client import Counter, Gauge, Histogram

        made = {"registry": self.registry, "namespace": "orharness"}
        self._begun: set[str] = set()
        self._open = Gauge("streams_open", "Answers that are being played.", multiprocess_mode="livesum", **made)
        self._outcomes = Counter("exchanges", "Exchanges that are decided.", ["route", "outcome"], **made)
        self._chunks = Counter("chunks_written", "Chunks that were written: events, where each is a chunk.", **made)
        self._bytes = Counter("body_bytes", "Bytes of bodies; as read count those seen to be.", ["what"], **made)
        self._tokens = Counter(
            "tokens", "Tokens, or events for them; as read count those seen to be.", ["what"], **made
        )
        self._first = Histogram("first_chunk_seconds", "From the request to the first chunk.", buckets=_SECONDS, **made)
        self._left = Histogram("left_after_seconds", "From the request to the client's leaving.", **made)

    @staticmethod
    def registry_or_advice() -> CollectorRegistry:
        """Return a new registry. Raises ``OrharnessError`` where prometheus_client is not installed."""
        try:
            from prometheus_client import CollectorRegistry
        except ImportError:
            raise OrharnessError(
                "--metrics needs the package prometheus_client: pip install prometheus_client (the extra metrics)"
            ) from None
        return CollectorRegistry()

    def notice(self, call: Call) -> None:
        """Count a call that begins, or whose outcome is decided. Runs in the server's thread."""
        if call.outcome is None:
            self._begun.add(call.id)
        elif call.id in self._begun:  # a revised outcome is not counted again
            self._begun.discard(call.id)
            self._count(call.exchange)
        self._open.set(len(self._begun))

    def _count(self, exchange: Exchange) -> None:
        self._outcomes.labels(exchange.route or "none", str(exchange.outcome)).inc()
        self._chunks.inc(exchange.chunks_written)
        self._bytes.labels("written").inc(exchange.bytes_written)
        self._bytes.labels("read").inc(exchange.bytes_read or 0)
        if exchange.written_at:
            self._first.observe(exchange.written_at[0])
        if exchange.left_after is not None:
            self._left.observe(exchange.left_after)
        if (bill := exchange.bill) is not None:
            for what in ("prompt", "made", "read", "billed"):
                self._tokens.labels(what).inc(getattr(bill, f"tokens_{what}") or 0)


class MergedMetrics:
    """The counters of several processes, by prometheus_client's own way: files in a folder, which one process reads.

    To be made before the others are forked; each of them makes its ``Metrics``. Raises ``OrharnessError`` where
    prometheus_client is not installed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = str(folder)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = self._folder  # read when the package is imported
        self.registry: CollectorRegistry = Metrics.registry_or_advice()
        from prometheus_client.multiprocess import MultiProcessCollector

        MultiProcessCollector(self.registry, path=self._folder)

    def ended(self, process: int) -> None:
        """Leave out the open streams of a process that has ended; what it counted stays."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process, self._folder)


def serve_metrics(metrics: Metrics | MergedMetrics, port: int) -> int:
    """Serve them at ``/metrics`` of a port of loopback; return the port. Raises ``ScenarioError`` where it is taken."""
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(port, "127.0.0.1", metrics.registry)
    except OSError as error:
        raise ScenarioError(f"--metrics {port}: cannot listen there: {error.strerror}") from error
    return int(server.server_port)
