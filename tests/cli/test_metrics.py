"""``orharness serve --metrics``: what Prometheus is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest

from orharness.cli.metrics import Metrics, serve_metrics
from orharness.errors import OrharnessError, ScenarioError
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.raw import Raw, eventually

pytest.importorskip("prometheus_client", reason="there is no prometheus_client here")
ASKED = json.dumps({"model": "m", "stream": True, "messages": []}).encode()


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as made:
        yield made


def ask(server: SseServer, path: str = "/v1/chat/completions") -> None:
    connection = HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", path, ASKED, {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    found: float | None = metrics.registry.get_sample_value(f"orharness_{name}", labels)
    return found


def test_an_exchange_is_counted_when_it_is_decided(server: SseServer) -> None:
    metrics = Metrics()
    server.listen(metrics.notice)
    route = server.chat(tokens=5)
    for _ in range(3):
        ask(server)
    eventually(lambda: value(metrics, "exchanges_total", route=route.name, outcome="completed") == 3)
    [call, *_] = route.calls
    assert value(metrics, "chunks_written_total") == 3 * call.exchange.chunks_written
    assert value(metrics, "body_bytes_total", what="written") == 3 * call.exchange.bytes_written
    assert value(metrics, "tokens_total", what="billed") == 15
    assert value(metrics, "first_chunk_seconds_count") == 3
    assert value(metrics, "streams_open") == 0
    ask(server, "/v1/nothing")
    eventually(lambda: value(metrics, "exchanges_total", route="none", outcome="unmatched") == 1)


def test_a_stream_is_open_until_its_client_leaves(server: SseServer) -> None:
    metrics = Metrics()
    server.listen(metrics.notice)
    server.post("/s").stream(*[b"data: x\n\n"] * 3, through=[hold(chunks=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(b"data: x\n\n\r\n")
        assert value(metrics, "streams_open") == 1
    eventually(lambda: value(metrics, "streams_open") == 0)
    assert value(metrics, "left_after_seconds_count") == 1
    assert value(metrics, "body_bytes_total", what="read") == 9


def test_they_are_served_as_text(server: SseServer) -> None:
    metrics = Metrics()
    server.listen(metrics.notice)
    port = serve_metrics(metrics, 0)
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert "# TYPE orharness_streams_open gauge" in text
    for name in ("body_bytes", "tokens"):  # what a client that cannot be seen has read is not among them
        [said] = [line for line in text.splitlines() if line.startswith(f"# HELP orharness_{name}_total")]
        assert said.endswith("as read count those seen to be.")
    with pytest.raises(ScenarioError, match=f"--metrics {port}: cannot listen there"):
        serve_metrics(metrics, port)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(OrharnessError, match=r"pip install prometheus_client \(the extra metrics\)"):
        Metrics()
