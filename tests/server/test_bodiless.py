"""Answers without a body: to HEAD, and with the statuses that have none (RFC 9112, 6.3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orharness.journal import Outcome
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import encode
from tests.support.raw import Raw

PIECES = ("one", "two", "[DONE]")
bodiless = pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("POST", 304)])


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


@bodiless
def test_nothing_of_it_is_said_to_be_unsent_or_billed(server: SseServer, method: str, status: int) -> None:
    route = server.route(method, "/s").stream(*PIECES, status=status, framing="length")
    with Raw(server) as raw:
        raw.request(method, "/s", headers="Connection: close\r\n")
        raw.read_all()
    assert raw.body == b""
    assert (f"Content-Length: {len(encode(*PIECES))}" in raw.head) is (method == "HEAD")
    assert route.call.wait_ended(20) is Outcome.COMPLETED
    seen = route.call.exchange
    assert (seen.chunks, seen.stream_size, seen.unsent, seen.bill) == (0, 0, b"", None)


@bodiless
def test_who_leaves_before_its_head_has_not_read_its_end(server: SseServer, method: str, status: int) -> None:
    route = server.route(method, "/s").stream(*PIECES, status=status, head=60.0)
    with Raw(server) as raw:
        raw.request(method, "/s")
        route.wait_call(20)
    assert route.call.wait_ended(20) is Outcome.CANCELLED


def test_an_error_to_head_has_no_body_either(server: SseServer) -> None:
    with Raw(server) as raw:
        raw.request("HEAD", "/nothing/here", headers="Connection: close\r\n")
        raw.read_all()
    assert (raw.head.split(" ")[1], raw.body) == ("404", b"")
    [call] = server.calls
    assert (call.outcome, call.exchange.stream_size) == (Outcome.UNMATCHED, 0)
