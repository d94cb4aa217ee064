"""One request on a socket of its own: what is read, however it is framed and cut, and what is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from orharness.errors import ScenarioError, UpstreamError
from orharness.mcp.wire import Address, McpExchange

EVENTS = b'id: 1\ndata:\n\n: alive\n\nretry: 1500\ndata: {"id": 1}\n\nid: 2\ndata: {"id": 2}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LATER = 20.0  # seconds


def chunks(data: bytes, size: int) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@contextmanager
def answered(*pieces: bytes, reset: bool = False) -> Iterator[tuple[Address, list[bytes]]]:
    """A server that sends these pieces, each in a segment of its own, and closes; what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                asked.append(connection.recv(65536))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    connection.sendall(piece)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address.of(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp?a=b"), asked
        thread.join(LATER)


def read(at: Address) -> McpExchange:
    exchange = McpExchange(at, "POST", {"Accept": "text/event-stream"}, b"{}")
    while not exchange.over:
        exchange.wait(LATER)
    return exchange


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"\r\n" + EVENTS],
        [HEAD + b"Content-Length: %d\r\n\r\n" % len(EVENTS) + EVENTS + b"more"],
        [CHUNKED + chunks(EVENTS, 7)],
        [bytes([one]) for one in CHUNKED + chunks(EVENTS, 30)],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + HEAD + b"\r\n" + EVENTS],
    ],
    ids=["until it closes", "of a length", "chunked", "byte by byte", "after other heads"],
)
def test_the_messages_of_a_stream_are_read_however_it_is_framed(pieces: Sequence[bytes]) -> None:
    with answered(*pieces) as (at, asked):
        found = read(at)
    assert (found.status, found.is_stream, found.messages) == (200, True, [{"id": 1}, {"id": 2}])
    assert (found.last_id, found.retry) == ("2", 1.5)
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /mcp?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nContent-Type: application/json\r\nContent-Length: 2" in head
    assert body == b"{}"


def test_a_document_is_one_message() -> None:
    with answered(b'HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"id": 3}') as (
        at,
        _,
    ):
        found = read(at)
    assert (found.status, found.is_stream, found.messages) == (400, False, [{"id": 3}])


def test_a_response_without_a_body_is_over_with_its_head() -> None:
    with answered(b"HTTP/1.1 204 No Content\r\n\r\n") as (at, _):
        assert read(at).status == 204


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_ends_is_the_end(reset: bool) -> None:
    with answered(HEAD + b"\r\nid: 9\ndata: 1\n\ndata: 2", reset=reset) as (at, _):
        found = read(at)
    assert found.over


@pytest.mark.parametrize("said", [b"hello\r\n\r\n", CHUNKED + b"x\r\n"])
def test_what_is_no_http_is_told(said: bytes) -> None:
    with answered(said) as (at, _), pytest.raises(UpstreamError, match=r"other than an HTTP response|an invalid size"):
        read(at)


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UpstreamError, match=f"POST http://127.0.0.1:{port}/: no connection"):
        McpExchange(Address.of(f"http://127.0.0.1:{port}/"), "POST", {})


@pytest.mark.parametrize("url", ["", "localhost:80", "ftp://a/b", "http://", "http://a:b/"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ScenarioError, match=r"is not (an|the) address"):
        Address.of(url)


def test_the_parts_of_an_address() -> None:
    assert (Address.of("https://a").port, Address.of("http://a").target) == (443, "/")
    assert Address.of("http://[::1]:8/x").authority == "[::1]:8"
