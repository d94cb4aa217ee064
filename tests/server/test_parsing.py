"""The requests of a connection: parsed the same whole, byte by byte, and cut at every offset."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from orharness.server.facade import SseServer
from orharness.server.parsing import Malformed, Parsing, Received
from orharness.server.thread import ServerThread
from orharness.server.wire import BadBody
from tests.support.raw import Raw


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    version: tuple[int, int]
    keep_alive: bool
    body: bytes


class Collecting(Parsing):
    """Has the requests in a list."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        self.transport = asyncio.Transport()
        self.requests: list[Received] = []

    def received(self, request: Received) -> None:
        self.requests.append(request)

    def data_received(self, data: bytes) -> None:
        self.parse(data)

    def parse_all(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.parse(piece)


GET = Seen("GET", "/v1/models?a=1", ((b"Host", b"h"),), (1, 1), True, b"")
LENGTH = Seen("POST", "/v1", ((b"Host", b"h"), (b"Content-Length", b"5"), (b"X-A", b"")), (1, 1), True, b"hello")
CHUNKED = Seen("PUT", "/c", ((b"Host", b"h"), (b"transfer-encoding", b"chunked")), (1, 1), True, b"hello, you!")
OLD = Seen("GET", "/", (), (1, 0), False, b"")
OLD_KEPT = Seen("GET", "/", ((b"Connection", b"keep-alive"),), (1, 0), True, b"")
CLOSED = Seen("DELETE", "/x", ((b"Host", b"h"), (b"Connection", b"close")), (1, 1), False, b"")
UPGRADE = ((b"Host", b"h"), (b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"))

REQUESTS = {
    "get": (b"GET /v1/models?a=1 HTTP/1.1\r\nHost: h\r\n\r\n", [GET]),
    "empty lines first": (b"\r\n\r\nGET /v1/models?a=1 HTTP/1.1\r\nHost: h\r\n\r\n", [GET]),
    "a length": (b"POST /v1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A:\r\n\r\nhello", [LENGTH]),
    "chunks": (
        b"PUT /c HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5;x=1\r\nhello\r\n6\r\n, you!\r\n0\r\nX-Last: 1\r\n\r\n",
        [CHUNKED],
    ),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", [OLD]),
    "HTTP/1.0, kept": (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [OLD_KEPT]),
    "an end": (b"DELETE /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", [CLOSED]),
    "three in a row": (
        b"POST /v1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A:\r\n\r\nhello"
        b"GET /v1/models?a=1 HTTP/1.1\r\nHost: h\r\n\r\n"
        b"PUT /c HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello, you!\r\n0\r\n\r\n",
        [LENGTH, GET, CHUNKED],
    ),
    "an upgrade that is offered": (
        b"GET /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        [Seen("GET", "/u", UPGRADE, (1, 1), True, b"")],
    ),
    "an upgrade that is offered, with a body": (
        b"POST /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"Content-Length: 2\r\n\r\nhi",
        [Seen("POST", "/u", (*UPGRADE, (b"Content-Length", b"2")), (1, 1), True, b"hi")],
    ),
}


def _parsed(pieces: Iterable[bytes], *, kept: bool = False) -> list[Seen]:
    """Parse and read the requests. ``kept``: whether a parser may be there at the end."""

    async def parsed() -> list[Seen]:
        protocol = Collecting()
        protocol.parse_all(pieces)
        found = [await _seen(one) for one in protocol.requests]
        assert kept or protocol._parser is None
        return found

    return asyncio.run(parsed())


async def _seen(request: Received) -> Seen:
    assert request.is_whole
    assert request.message is not None
    assert request.body is not None
    of = request.message
    version = (of.version.major, of.version.minor)
    return Seen(of.method, of.path, tuple(of.raw_headers), version, not of.should_close, await request.body.read())


@pytest.mark.parametrize("name", REQUESTS)
def test_however_it_is_cut_it_is_the_same(name: str) -> None:
    data, expected = REQUESTS[name]
    alone = len(expected) == 1 and not data.startswith(b"\r\n")
    assert _parsed([data], kept=not alone) == expected
    assert _parsed((bytes([byte]) for byte in data), kept=True) == expected
    for cut in range(1, len(data)):
        assert _parsed([data[:cut], data[cut:]], kept=True) == expected, cut
    assert _parsed([data] * 3, kept=not alone) == expected * 3


def test_no_parser_is_kept_after_a_request_that_comes_head_first() -> None:
    data, expected = REQUESTS["a length"]
    head = data.index(b"\r\n\r\n") + 4
    assert _parsed([data[:head], data[head : head + 2], data[head + 2 :]]) == expected
    data, expected = REQUESTS["chunks"]
    assert _parsed([data[:-20], data[-20:]]) == expected


def test_a_part_of_a_next_request_is_not_lost_with_the_parser() -> None:
    """The end of the first one's body looks as if a head ended there."""
    body = b"a\r\n\r\n"
    first = b"POST /v1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    second, [get] = REQUESTS["get"]
    for cut in range(1, len(second)):
        assert _parsed([first + second[:cut], second[cut:]], kept=True)[1] == get, cut


@pytest.mark.parametrize("size", [1000, 200_000, 1_000_000, 3_000_000])
def test_a_large_body_is_no_head(server: SseServer, size: int) -> None:
    """Also where its last part comes in one piece, or while the buffer is full."""
    server.post("/body").respond(json="read")
    for piece in (size, 150_000, 65_536):
        with Raw(server) as raw:
            for answers in (1, 2):
                raw.send(b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
                for start in range(0, size, piece):
                    raw.send(b"x" * min(piece, size - start))
                while raw.received.count(b'"read"') < answers:
                    assert raw.read()
            assert [one._parser for one in server._origin._listening._connections() if one.bodies_read == 2] == [None]
    found = server.journal
    assert [len(one.request.body) for one in found] == [size] * 6
    assert {one.status for one in found} == {200}


def test_a_body_that_is_compressed_is_decoded() -> None:
    body = gzip.compress(b"hello" * 100)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    [seen] = _parsed([head + body], kept=True)
    assert seen.body == b"hello" * 100


def test_after_a_switch_to_websocket_nothing_is_parsed() -> None:
    head = (
        b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    [seen] = _parsed([head, b"\x81\x85GET / HTTP/1.1\r\n\r\n"], kept=True)
    assert seen.target == "/ws"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: minus\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"x" * 140_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 140_000,
    ],
)
@pytest.mark.parametrize("size", [1 << 20, 1000])
def test_what_is_no_request_is_malformed(data: bytes, size: int) -> None:
    async def parse() -> None:
        protocol = Collecting()
        try:
            protocol.parse_all(data[start : start + size] for start in range(0, len(data), size))
        finally:
            assert protocol.requests == []

    with pytest.raises(Malformed):
        asyncio.run(parse())


@pytest.mark.parametrize("act", ["end", "garbage", "loss"])
def test_a_body_that_breaks_off_fails_where_it_is_read(act: str) -> None:
    async def read() -> bytes:
        protocol = Collecting()
        protocol.parse(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        [request] = protocol.requests
        assert request.body is not None
        reading = asyncio.ensure_future(request.body.read())
        await asyncio.sleep(0)
        if act == "garbage":
            with suppress(Malformed):
                protocol.parse(b"lo\r\nzz\r\n")
        elif act == "loss":
            request.fail(ConnectionResetError("lost"))
        else:
            protocol.parse(b"lo\r\n0\r\n\r\n")
        data: bytes = await reading
        return data

    if act == "end":
        assert asyncio.run(read()) == b"hello"
    else:
        with pytest.raises(BadBody if act == "garbage" else ConnectionResetError):
            asyncio.run(read())


# --- a connection -----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        server.get("/a").respond(json="a")
        server.get("/b").respond(json="b")
        yield server


def test_requests_that_come_together_are_answered_in_their_order(server: SseServer) -> None:
    with Raw(server) as raw:
        raw.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n" * 20)
        raw.read_until(b'"b"')
        while raw.received.count(b'"b"') < 20:
            raw.read()
    answers = [part[:3] for part in raw.received.split(b"\r\n\r\n")[1:]]
    assert answers == [b'"a"', b'"b"'] * 20


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://name.example:81/a?b=c", "/a", "b=c"),
        ("https://me:pw@name.example:81/a", "/a", ""),
        ("http://name.example:81?b=c", "/", "b=c"),
    ],
)
def test_a_target_with_a_host_counts_instead_of_the_header(
    server: SseServer, target: str, path: str, query: str
) -> None:
    """RFC 9112, section 3.2.2."""
    server.get("/").respond(json="root")
    with Raw(server) as raw:
        raw.send(f"GET {target} HTTP/1.1\r\nX-A: 1\r\nHost: other.example\r\nConnection: close\r\n\r\n".encode())
        assert raw.read_all().startswith(b"HTTP/1.1 200 ")
    (exchange,) = server.journal
    request = exchange.request
    assert (request.path, request.query, request.header("Host")) == (path, query, "name.example:81")
    assert [name for name, _ in request.headers] == ["Host", "X-A", "Connection"]


def test_garbage_after_a_request_is_refused_after_its_answer(server: SseServer) -> None:
    with Raw(server) as raw:
        server.get("/late").stream(b"late", delay=0.2)
        raw.request("GET", "/late")
        raw.read()
        raw.send(b"\x16\x03\x01")
        raw.read_all()
    first, second, refusal = raw.received.split(b"\r\n0\r\n\r\n")[0], *raw.received.split(b"\r\n\r\n")[-2:]
    assert first.startswith(b"HTTP/1.1 200")
    assert first.endswith(b"late")
    assert b"HTTP/1.1 400" in second
    assert "malformed HTTP" in json.loads(refusal)["error"]["message"]


def test_a_body_that_nobody_has_read_ends_the_connection(server: SseServer) -> None:
    """The control API takes 4 MiB: what is left of a larger body cannot be told from a next request."""
    with Raw(server) as raw:
        raw.send(b"POST /_orharness/routes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(900):
                raw.send(b"x" * 10_000)
        with suppress(ConnectionError):
            raw.read_all()
