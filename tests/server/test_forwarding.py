"""Replies that forward: a live service's answer comes through as it comes, or through transforms once it is whole."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from orharness.checks import describe
from orharness.checks.rows import rows_of
from orharness.journal import Counted, Exchange, Outcome
from orharness.scenario import Reply, Route
from orharness.scenario.document import read_reply
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.sse import Comment
from orharness.transforms import hold, pace
from tests.support.raw import STREAM, Raw, eventually

EVENTS = [b"data: %d\n\n" % number for number in range(5)]
DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def service(sse_thread: ServerThread) -> Iterator[SseServer]:
    """The live service: another server of this kind."""
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


def forward(server: SseServer, to: str, **options: Any) -> LiveRoute:
    reply = read_reply({"forward": {"to": to}, **options})
    return server.mount(Route("POST", None, (reply,)))


def dechunked(body: bytes) -> list[bytes]:
    found = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return [one for one in found if one]


def test_each_chunk_comes_through_when_it_comes(server: SseServer, service: SseServer) -> None:
    live = service.post("/chat/completions").stream(*EVENTS, DONE, through=[hold(2)])
    route = forward(server, service.base_url)
    with Raw(server) as raw:
        raw.post()
        raw.read_until(EVENTS[1] + b"\r\n")  # the service has stopped, and what it sent is here
        assert route.call.outcome is None
        eventually(lambda: route.call.exchange.bytes_read == len(b"".join(EVENTS[:2])))
        assert route.call.exchange.bytes_written == len(b"".join(EVENTS[:2]))
        live.release()
        raw.read_until(LAST_CHUNK)
        assert route.call.wait_ended(20) is Outcome.COMPLETED
    assert dechunked(raw.body) == [*EVENTS, DONE]
    exchange = route.call.exchange
    assert (exchange.chunks_written, exchange.body, exchange.end) == (6, b"".join([*EVENTS, DONE]), 6 * 9 + 5)


def test_the_request_goes_on_without_what_belongs_to_the_connection(server: SseServer, service: SseServer) -> None:
    live = service.route("PUT", "/files/1 é").respond(201, json={"ok": True}, headers={"X-Mine": "ü"})
    server.mount(Route("PUT", "/v1/files/1 é", (read_reply({"forward": {"to": service.base_url}}),)))
    with Raw(server) as raw:
        head = "Authorization: Bearer k\r\nAccept-Encoding: gzip\r\nKeep-Alive: 5\r\nContent-Type: a/b\r\n"
        raw.request("PUT", "/v1/files/1%20%C3%A9?a=1&b=%20", b"the body", head)
        raw.read_until(b'{"ok":true}')
    request = live.call.exchange.request
    assert (request.method, request.path, request.query, request.body) == (
        "PUT",
        "/v1/files/1 é",
        "a=1&b=%20",
        b"the body",
    )
    sent = {name.lower(): value for name, value in request.headers}
    host = service.origin.removeprefix("http://")
    assert sent == {
        "host": host,
        "authorization": "Bearer k",
        "accept-encoding": "identity",
        "content-type": "a/b",
        "content-length": "8",
        "connection": "close",
    }
    assert raw.head.startswith("HTTP/1.1 201 Created\r\n")
    assert "X-Mine: ü" in raw.head.encode("utf-8", "surrogateescape").decode()
    assert "Content-Length: 11" in raw.head


def test_a_client_that_leaves_stops_the_service(server: SseServer, service: SseServer) -> None:
    live = service.chat(tokens=50, through=[hold(3)])
    route = forward(server, service.base_url)
    with Raw(server) as raw:
        raw.post()
        while raw.received.count(b"data: ") < 3:
            raw.read()
        eventually(lambda: route.call.exchange.bytes_read == route.call.exchange.bytes_written)
    assert route.call.wait_ended(20) is Outcome.CANCELLED
    assert live.call.wait_ended(20) is Outcome.CANCELLED
    route.call.assert_upstream_stopped()
    bill = route.call.bill
    assert bill is not None
    assert (bill.cancelled, bill.counted, bill.tokens_made) == (True, Counted.EVENTS, 2)
    seen = route.call.exchange
    assert (seen.chunks, seen.stream_size) == (None, None)  # its end has not been seen
    assert f"{seen.chunks_written} chunks written ({seen.bytes_written} bytes, " in describe(seen)
    assert describe(seen).endswith(" of an answer whose length is not known")
    assert ("not sent", "not known: the end of the answer was not awaited") in rows_of(seen)


def test_a_client_that_leaves_before_the_head_stops_the_service(server: SseServer, service: SseServer) -> None:
    live = service.chat("late", head=60.0)
    route = forward(server, service.base_url)
    with Raw(server) as raw:
        raw.post()
        live.wait_call(20)
    assert route.call.wait_ended(20) is Outcome.CANCELLED
    assert live.call.wait_ended(20) is Outcome.CANCELLED


def test_a_client_that_leaves_at_the_end_marker_has_not_cancelled(server: SseServer, service: SseServer) -> None:
    service.post("/chat/completions").stream(*EVENTS, DONE, Comment("lingers"), through=[hold(6)])
    route = forward(server, service.base_url)
    with Raw(server) as raw:
        raw.post()
        raw.read_until(DONE + b"\r\n")
        eventually(lambda: route.call.exchange.bytes_read == route.call.exchange.bytes_written)
    assert route.call.wait_ended(20) is Outcome.LEFT_AT_END


def test_usage_in_the_stream_is_the_bill(server: SseServer, service: SseServer) -> None:
    service.chat("one two three")
    route = forward(server, service.base_url)
    with Raw(server) as raw:
        raw.post(body={**STREAM, "usage": {"include": True}})
        raw.read_until(LAST_CHUNK)
        route.call.wait_ended(20)
    bill = route.call.bill
    assert bill is not None
    assert (bill.counted, bill.tokens_billed, bill.cancelled) == (Counted.TOKENS, 3, False)


def test_transforms_work_on_the_whole_answer(server: SseServer, service: SseServer) -> None:
    service.post("/chat/completions").stream(*EVENTS, DONE)
    route = forward(server, service.base_url, through=["per_byte", {"hold": 2}, {"comments": ": X"}], pacing="recorded")
    with Raw(server) as raw:
        raw.post()
        eventually(lambda: route.exchanges and route.call.exchange.held_at is not None)
        route.release()
        raw.read_until(LAST_CHUNK)
        assert route.call.wait_ended(20) is Outcome.COMPLETED
    chunks = dechunked(raw.body)
    assert {len(chunk) for chunk in chunks} == {1}
    assert b"".join(chunks).count(b": X") == 6
    assert route.call.exchange.end is not None


def test_a_whole_answer_keeps_its_timing(server: SseServer, service: SseServer) -> None:
    service.post("/chat/completions").stream(*EVENTS, through=[pace(0.05)])
    route = forward(server, service.base_url, through=[{"hold": 5}], pacing="recorded")
    with Raw(server) as raw:
        raw.post()
        route_call = route.wait_call(20)
        eventually(lambda: route_call.exchange.held_at is not None)
        written = route_call.exchange.written_at
        assert written[-1] - written[0] >= 4 * 0.05 - 0.02
        route.release()
        raw.read_until(LAST_CHUNK)


@pytest.mark.parametrize("ending", ["abort", "reset"])
@pytest.mark.parametrize("options", [{}, {"through": ["bom"]}], ids=["live", "whole"])
def test_an_answer_that_breaks_off_breaks_off(
    server: SseServer, service: SseServer, ending: str, options: dict[str, object]
) -> None:
    service.post("/chat/completions").stream(*EVENTS, ending=ending)
    route = forward(server, service.base_url, **options)
    with Raw(server) as raw:
        raw.post()
        try:
            raw.read_all()
        except ConnectionResetError:
            assert ending == "reset"
        assert route.call.wait_ended(20) is Outcome.FAULTED
    assert EVENTS[-1] in raw.received
    assert not raw.received.endswith(LAST_CHUNK)
    assert route.call.exchange.faults == (ending,)


def test_an_ending_of_ones_own(server: SseServer, service: SseServer) -> None:
    service.post("/chat/completions").stream(*EVENTS)
    route = forward(server, service.base_url, ending="abort", framing="close")
    with Raw(server) as raw:
        raw.post()
        raw.read_all()
    assert raw.body == b"".join(EVENTS)
    assert route.call.wait_ended(20) is Outcome.FAULTED


def test_a_head_request_is_answered_without_a_body(server: SseServer, service: SseServer) -> None:
    service.route("HEAD", "/files/1").respond(text="never sent")
    server.mount(Route("HEAD", "/files/1", (read_reply({"forward": {"to": service.base_url}}),)))
    with Raw(server) as raw:
        raw.request("HEAD", "/v1/files/1", headers="Connection: close\r\n")
        raw.read_all()
    assert raw.head.startswith("HTTP/1.1 200 OK")
    assert "Content-Length: 10" in raw.head
    assert raw.body == b""


def answering(data: bytes) -> Callable[[], str]:
    """A service that answers the next connection with these bytes; its base URL."""

    def start() -> str:
        listening = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with closing(listening):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    return start


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "start", [nobody, answering(b""), answering(b"SSH-2.0-OpenSSH_9.6\r\n")], ids=["refused", "gone", "no HTTP"]
)
def test_a_service_that_does_not_answer_is_a_502_that_says_so(server: SseServer, start: Callable[[], str]) -> None:
    to = start()
    route = forward(server, to)
    with Raw(server) as raw:
        raw.post(headers="Connection: close\r\n")
        raw.read_all()
    assert raw.head.startswith("HTTP/1.1 502 Bad Gateway")
    error = json.loads(raw.body)["error"]
    assert error["code"] == 502
    assert error["message"].startswith(f"POST {to}/chat/completions got no answer: ")
    seen: Exchange = route.call.exchange
    assert (seen.status, seen.outcome, seen.difference) == (502, Outcome.COMPLETED, error["message"])


def test_the_next_reply_in_turn_may_forward(server: SseServer, service: SseServer) -> None:
    service.chat("from the service")
    replies = (Reply.respond(429, json={}), read_reply({"forward": {"to": service.base_url}}))
    route = server.mount(Route("POST", None, replies))
    for status in (429, 200):
        with Raw(server) as raw:
            raw.post(body={"messages": [], "model": "m"}, headers="Connection: close\r\n")
            raw.read_all()
        assert f"HTTP/1.1 {status}" in raw.head
    assert "from the service" in raw.body.decode()
    assert len(route.calls) == 2
