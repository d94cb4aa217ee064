"""The recording proxy, against servers that write exactly the bytes, boundaries and endings that a test asks for."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import re
import shutil
import signal
import socket
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import get_ident
from typing import Any

import httpx
import pytest

from orharness.cassette import CLIENT_DISCONNECTED, Interaction, RecordedRequest, Tape, header, load, save
from orharness.errors import CassetteError, ScenarioError
from orharness.journal import Request
from orharness.recording import Recorder
from orharness.recording.session import Session
from orharness.recording.spool import Spool
from orharness.recording.upstream import upstream_uri
from orharness.redaction import spans_in
from orharness.scenario.playback import interaction_routes, serving_routes
from orharness.server.facade import SseServer
from orharness.sse import Event, decode
from orharness.stream import Chunk, Ending, Framing, Stream

KEY = "sk-a-key-that-is-long-enough"
PATIENCE = 30.0  # seconds; nothing here takes as long, on a machine that is not busy
Script = Callable[["Wire"], Awaitable[None]]


class Wire:
    """The server's end of one connection: writes what it is told to, at once."""

    def __init__(self, request: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.body = body
        self._reader = reader
        self._writer = writer

    def header(self, name: str) -> str | None:
        """One header of the request."""
        found = re.search(rf"^{name}: (.*?)\r$", self.request.decode("latin-1"), re.M | re.I)
        return found and found[1]

    def head(self, *headers: str, status: str = "200 OK", chunked: bool = True) -> None:
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/event-stream", *headers]
        self.raw("\r\n".join([*lines, "Transfer-Encoding: chunked"] if chunked else lines).encode() + b"\r\n\r\n")

    def chunks(self, *chunks: bytes) -> None:
        """Each an HTTP chunk, all in one write."""
        self.raw(b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks))

    def raw(self, data: bytes) -> None:
        self._writer.write(data)

    def last_chunk(self) -> None:
        self.raw(b"0\r\n\r\n")

    def close(self) -> None:
        self._writer.close()

    async def reset(self) -> None:
        await self._writer.drain()
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def left(self) -> None:
        """Comes back when the other end is gone."""
        with suppress(ConnectionError):
            assert await self._reader.read() == b""


@dataclass
class Upstream:
    """A server that plays scripts, one a request."""

    port: int = 0
    requests: list[Wire] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncIterator[Upstream]:
    """An upstream whose n-th request is answered by the n-th script, the last one repeating."""
    upstream = Upstream()
    tasks = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head, re.I)
            wire = Wire(head, await reader.readexactly(int(length[1])) if length else b"", reader, writer)
            upstream.requests.append(wire)
            await scripts[min(len(upstream.requests), len(scripts)) - 1](wire)
        except Exception as error:
            upstream.errors.append(error)
            raise
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**24)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
        await until(lambda: not tasks)
        assert not upstream.errors
    finally:
        for task in tasks:
            assert task is not None
            task.cancel()
        server.close()


@dataclass
class Bench:
    """What a test records with."""

    upstream: Upstream
    recorder: Recorder

    @property
    def base_url(self) -> str:
        return self.recorder.base_url


@asynccontextmanager
async def recording(to: Path, *scripts: Script, **options: Any) -> AsyncIterator[Bench]:
    """An upstream, and a recorder in front of it."""
    async with serving(*scripts) as upstream, Recorder(upstream.url, to, **options) as recorder:
        yield Bench(upstream, recorder)


class Client:
    """One raw HTTP connection to the recorder."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def chunk(self) -> bytes:
        """The next HTTP chunk."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        """All that comes until the connection ends; ``b"RST"`` stands behind it where it was reset."""
        data = bytearray()
        try:
            while piece := await self.reader.read(2**16):
                data += piece
        except ConnectionResetError:
            data += b"RST"
        return bytes(data)

    def close(self) -> None:
        self.writer.close()


def port_of(base_url: str) -> int:
    return int(base_url.split(":")[2].partition("/")[0])


@asynccontextmanager
async def asking(
    base_url: str, path: str = "/chat/completions", *headers: str, body: bytes = b"{}"
) -> AsyncIterator[Client]:
    """A POST to the recorder, on a connection of its own."""
    port = port_of(base_url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"POST /v1{path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    try:
        async with asyncio.timeout(PATIENCE):
            yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    """Comes back when it is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread, or in another process
            await asyncio.sleep(0.001)


def dechunked(data: bytes) -> tuple[list[bytes], bytes]:
    """The HTTP chunks in ``data``, and what is left of it where the last chunk (empty) is missing."""
    chunks: list[bytes] = []
    while match := re.match(rb"([0-9a-f]+)\r\n", data):
        size = int(match[1], 16)
        chunk, data = data[match.end() : match.end() + size], data[match.end() + size + 2 :]
        if not size:
            return [*chunks, b"END"], data
        chunks.append(chunk)
    return chunks, data


def chunks_of(interaction: Interaction) -> list[bytes]:
    return [chunk.data for chunk in interaction.stream.chunks]


def no_secrets_in(folder: Path) -> None:
    """Neither the key, in any form, nor a cookie is in any file, nor in what the spool has packed."""
    for path in folder.iterdir():
        text = path.read_text("utf-8")
        packed = [
            base64.b64decode(one).decode("utf-8", "replace") for one in re.findall(r'"(?:data|body)": "([^"]*)"', text)
        ]
        for one in (text, *packed):
            assert spans_in(one.encode(), [KEY]) == [], path
            assert "cookie" not in one.lower(), path


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the cassette is to be."""
    return tmp_path / "recorded" / "a.yaml"


# Bytes and boundaries

SPLIT = "data: Grüße, 世界\n\n".encode()


async def awkward(wire: Wire) -> None:
    """Chunks cut in characters, lines and fields; several in one segment, one in several segments."""
    wire.head("X-Generation-Id: gen-1", "Set-Cookie: cookie=1")
    wire.chunks(SPLIT[:9], SPLIT[9:18], SPLIT[18:])
    await asyncio.sleep(0.01)
    wire.raw(b"19\r\ndata: in three")
    await asyncio.sleep(0.01)
    wire.raw(b" segments")
    await asyncio.sleep(0.01)
    wire.raw(b"\n\n\r\n")
    wire.raw(b"E\r\ndata: [DONE]\n\n\r\n")
    await asyncio.sleep(0.01)
    wire.last_chunk()


AWKWARD = [SPLIT[:9], SPLIT[9:18], SPLIT[18:], b"data: in three segments\n\n", b"data: [DONE]\n\n"]


@pytest.mark.asyncio
async def test_bytes_and_boundaries_are_kept_on_both_sides(to: Path) -> None:
    async with recording(to, awkward) as bench:
        async with asking(bench.base_url, body=b'{"stream": true}') as client:
            head = await client.head()
            chunks, left = dechunked(await client.rest())
        recorded_from = bench.upstream.url

    (found,) = load(to)
    assert (chunks, left) == ([*AWKWARD, b"END"], b"")
    assert chunks_of(found) == AWKWARD
    assert found.stream.framing is Framing.CHUNKED
    assert found.ending_recorded == "eof"
    assert found.status == 200
    assert found.headers == (("Content-Type", "text/event-stream"), ("X-Generation-Id", "gen-1"))
    assert b"X-Generation-Id: gen-1\r\n" in head
    assert b"Set-Cookie: cookie=1\r\n" in head
    assert found.request.method == "POST"
    assert found.request.uri == f"{recorded_from}/chat/completions"
    assert found.request.body == b'{"stream": true}'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.recorded_at or "")
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.asyncio
async def test_a_chunk_is_passed_on_before_the_next_one_comes(to: Path) -> None:
    passed_on = asyncio.Event()

    async def one_by_one(wire: Wire) -> None:
        wire.head()
        for number in range(50):
            passed_on.clear()
            wire.chunks(b"data: %d\n\n" % number)
            await passed_on.wait()
        wire.last_chunk()

    async with (
        recording(to, one_by_one) as bench,
        asking(bench.base_url) as client,
    ):
        await client.head()
        for number in range(50):
            assert await client.chunk() == b"data: %d\n\n" % number
            passed_on.set()
        assert await client.chunk() == b""

    assert len(chunks_of(load(to)[0])) == 50


@pytest.mark.asyncio
async def test_times_are_those_of_the_server(to: Path) -> None:
    clock = asyncio.get_running_loop().time
    wrote: list[float] = []

    async def slow(wire: Wire) -> None:
        wrote.append(clock())
        for pause, data in [(0.15, None), (0.1, b"a"), (0.3, b"b"), (0.0, b"c"), (0.2, b"d")]:
            await asyncio.sleep(pause)
            wire.chunks(data) if data else wire.head()
            wrote.append(clock())
        wire.last_chunk()

    async with recording(to, slow) as bench, asking(bench.base_url) as client:
        await client.rest()

    (found,) = load(to)
    gaps = [later - earlier for earlier, later in pairwise(wrote)]
    recorded = [found.head, *(chunk.delay for chunk in found.stream.chunks)]
    assert recorded == pytest.approx(gaps, abs=0.05)
    assert sum(recorded) == pytest.approx(sum(gaps), abs=0.05)


@pytest.mark.asyncio
async def test_a_client_that_does_not_read_changes_neither_times_nor_bytes(to: Path) -> None:
    ended = asyncio.Event()
    pieces = [bytes([65 + number]) * 300_000 for number in range(26)]

    async def big(wire: Wire) -> None:
        wire.head()
        wire.chunks(*pieces)
        wire.last_chunk()
        ended.set()

    async with recording(to, big) as bench, asking(bench.base_url) as client:
        await ended.wait()
        await until(lambda: bench.recorder.recorded)
        chunks, left = dechunked((await client.rest()).partition(b"\r\n\r\n")[2])

    (found,) = load(to)
    assert chunks_of(found) == pieces
    assert found.stream.duration < 1.0
    assert (chunks, left) == ([*pieces, b"END"], b"")


@pytest.mark.asyncio
async def test_a_big_request_arrives_whole(to: Path) -> None:
    body = json.dumps({"messages": ["Grüße " * 500_000]}).encode()

    async with recording(to, awkward) as bench:
        async with asking(bench.base_url, body=body) as client:
            await client.rest()
        assert bench.upstream.requests[0].body == body

    assert load(to)[0].request.body == body


@pytest.mark.asyncio
async def test_an_answer_without_a_stream_and_a_list_of_models(to: Path) -> None:
    async def answer(wire: Wire) -> None:
        wire.raw(b'HTTP/1.1 201 Made\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}')

    async with recording(to, answer) as bench, httpx.AsyncClient() as client:
        posted = await client.post(bench.base_url + "/chat/completions", json={"stream": False})
        models = await client.get(bench.base_url + "/models?a=%7eb%2F&c")
        request_lines = [wire.request.partition(b" HTTP")[0] for wire in bench.upstream.requests]

    assert posted.json() == models.json() == {"a": 1}
    assert posted.reason_phrase == "Made"
    assert posted.headers["Content-Length"] == "8"
    assert request_lines == [b"POST /v1/chat/completions", b"GET /v1/models?a=%7eb%2F&c"]
    for found in load(to):
        assert found.stream.framing is Framing.LENGTH
        assert found.stream.announced is None
        assert chunks_of(found) == [b'{"a": 1}']
        assert (found.status, found.reason) == (201, "Made")
    assert load(to)[1].request.uri.endswith("/v1/models?a=%7eb%2F&c")


@pytest.mark.asyncio
async def test_an_error_of_the_server_is_recorded_as_it_came(to: Path) -> None:
    async def refuse(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}")

    async with recording(to, refuse) as bench, httpx.AsyncClient() as client:
        answer = await client.post(bench.base_url + "/chat/completions", json={})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert load(to)[0].status == 429


@pytest.mark.asyncio
async def test_a_redirect_is_the_clients_to_follow(to: Path) -> None:
    async def redirect(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 307 Elsewhere\r\nLocation: /v1/there\r\nContent-Length: 0\r\n\r\n")

    async with recording(to, redirect) as bench, httpx.AsyncClient() as client:
        answer = await client.post(bench.base_url + "/chat/completions", json={})
        assert len(bench.upstream.requests) == 1

    assert (answer.status_code, answer.headers["Location"]) == (307, "/v1/there")
    assert (load(to)[0].status, chunks_of(load(to)[0])) == (307, [])


BODILESS = {
    "GET 200": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "DELETE 204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "GET 304": b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n",
    "HEAD 200": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "POST 307": b"HTTP/1.1 307 Elsewhere\r\nLocation: /v1/there\r\nContent-Length: 0\r\n\r\n",
    "POST 200": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT 200": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


async def bodiless(wire: Wire) -> None:
    """Answers with the head that the path asks for, and closes."""
    method, path = wire.request.decode().split(" ")[:2]
    wire.raw(BODILESS[f"{method} {path.rpartition('/')[2]}"])


@pytest.mark.asyncio
async def test_what_is_compressed_all_the_same_stays_as_it_came(to: Path) -> None:
    packed = gzip.compress(b"data: a\n\n")

    async def compressed(wire: Wire) -> None:
        wire.head("Content-Encoding: gzip")
        wire.chunks(packed[:5], packed[5:])
        wire.last_chunk()

    async with recording(to, compressed) as bench, httpx.AsyncClient() as client:
        answer = await client.post(bench.base_url + "/chat/completions", json={})

    assert answer.text == "data: a\n\n"
    assert chunks_of(load(to)[0]) == [packed[:5], packed[5:]]
    assert header(load(to)[0].headers, "Content-Encoding") == "gzip"
    with SseServer() as server:
        server.serve(to)
        async with httpx.AsyncClient() as client:
            answer = await client.post(server.base_url + "/chat/completions", json={})
    assert (answer.headers["Content-Encoding"], answer.text) == ("gzip", "data: a\n\n")


@pytest.mark.asyncio
async def test_a_session_is_saved_while_others_go_on(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    add = Tape.add

    def noted(*arguments: Any) -> None:
        threads.append(get_ident())
        add(*arguments)

    monkeypatch.setattr(Tape, "add", noted)
    async with recording(to, awkward) as bench, asking(bench.base_url) as client:
        await client.rest()

    assert len(threads) == 1
    assert get_ident() not in threads


@pytest.mark.asyncio
async def test_the_request_is_passed_on_as_the_client_made_it(to: Path) -> None:
    async with recording(to, awkward) as bench:
        headers = ["Accept-Encoding: gzip", "X-Title: my app", "User-Agent: mine", "Te: trailers", "Cookie: a=b"]
        async with asking(bench.base_url, "/chat/completions", *headers) as client:
            await client.rest()
        (wire,) = bench.upstream.requests

        assert wire.header("Accept-Encoding") == "identity"  # so that what comes is the stream itself
        assert wire.header("Host") == f"127.0.0.1:{bench.upstream.port}"
        assert wire.header("X-Title") == "my app"
        assert wire.header("User-Agent") == "mine"
        assert wire.header("Cookie") == "a=b"
        assert wire.header("Te") is None
        assert wire.header("Connection") == "close"  # an idle connection may die as it is used
        assert wire.header("Accept") is None

    assert load(to)[0].request.headers == (("Accept-Encoding", "gzip"), ("X-Title", "my app"), ("User-Agent", "mine"))


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/v1/chat/completions", "https://host/api/v1/chat/completions"),
        ("/chat/completions", "https://host/api/v1/chat/completions"),
        ("/api/v1/models?a=1", "https://host/api/v1/models?a=1"),
        ("/v1", "https://host/api/v1"),
        ("/v1?a", "https://host/api/v1?a"),
        ("/v1beta/models", "https://host/api/v1/v1beta/models"),
        ("/v2/x", "https://host/api/v1/v2/x"),
    ],
)
def test_where_a_request_goes(path: str, uri: str) -> None:
    assert upstream_uri("https://host/api/v1", path) == upstream_uri("https://host/api/v1/", path) == uri


# Endings


async def aborts(wire: Wire) -> None:
    wire.head()
    wire.chunks(b"data: a\n\n")


async def aborts_in_a_chunk(wire: Wire) -> None:
    wire.head()
    wire.chunks(b"data: a\n\n")
    wire.raw(b"50\r\ndata: b")


async def resets(wire: Wire) -> None:
    wire.head()
    wire.chunks(b"data: a\n\n")
    await asyncio.sleep(0.1)
    await wire.reset()


async def falls_short(wire: Wire) -> None:
    wire.head("Content-Length: 100", chunked=False)
    wire.raw(b"data: a\n\n")


async def closes(wire: Wire) -> None:
    wire.head(chunked=False)
    wire.raw(b"data: a\n\n")


async def says_nothing(wire: Wire) -> None:
    wire.head()
    wire.last_chunk()


async def garbles(wire: Wire) -> None:
    wire.head()
    wire.chunks(b"data: a\n\n")
    await asyncio.sleep(0.05)
    wire.raw(b"no size\r\n")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "chunks", "stream", "passed_on"),
    [
        (aborts, [b"data: a\n\n"], Stream(ending=Ending.ABORT), b"9\r\ndata: a\n\n\r\n"),
        (
            aborts_in_a_chunk,
            [b"data: a\n\n", b"data: b"],
            Stream(ending=Ending.ABORT),
            b"9\r\ndata: a\n\n\r\n7\r\ndata: b\r\n",
        ),
        (resets, [b"data: a\n\n"], Stream(ending=Ending.RESET), b"9\r\ndata: a\n\n\r\nRST"),
        (falls_short, [b"data: a\n\n"], Stream((), Ending.ABORT, Framing.LENGTH, announced=100), b"data: a\n\n"),
        (closes, [b"data: a\n\n"], Stream(framing=Framing.CLOSE), b"9\r\ndata: a\n\n\r\n0\r\n\r\n"),
        (says_nothing, [], Stream(), b"0\r\n\r\n"),
        (garbles, [b"data: a\n\n"], Stream(ending=Ending.ABORT), b"9\r\ndata: a\n\n\r\n"),
    ],
)
async def test_endings_are_kept_and_passed_on(
    to: Path, script: Script, chunks: list[bytes], stream: Stream, passed_on: bytes
) -> None:
    async with recording(to, script) as bench, asking(bench.base_url) as client:
        assert (await client.rest()).partition(b"\r\n\r\n")[2] == passed_on

    (found,) = load(to)
    assert chunks_of(found) == chunks
    assert found.ending_recorded == found.stream.ending.value
    assert (found.stream.ending, found.stream.framing) == (stream.ending, stream.framing)
    assert found.stream.announced == stream.announced


# Leaving


def streaming(left: list[float], *chunks: bytes, headers: Sequence[str] = ()) -> Script:
    """Some chunks, then silence; ``left`` gets the moment at which the other end went."""

    async def script(wire: Wire) -> None:
        wire.head(*headers)
        wire.chunks(*chunks)
        await wire.left()
        left.append(asyncio.get_running_loop().time())

    return script


@pytest.mark.asyncio
async def test_a_cancel_is_passed_on_at_once_and_what_came_is_kept(to: Path) -> None:
    left: list[float] = []
    async with (
        recording(to, streaming(left, b"data: a\n\n", b"data: b")) as bench,
        asking(bench.base_url) as client,
    ):
        await client.head()
        assert [await client.chunk(), await client.chunk()] == [b"data: a\n\n", b"data: b"]
        closed = asyncio.get_running_loop().time()
        client.close()
        await until(lambda: left)

    assert left[0] - closed < 0.25
    (found,) = load(to)
    assert chunks_of(found) == [b"data: a\n\n", b"data: b"]
    assert found.ending_recorded == CLIENT_DISCONNECTED
    assert found.stream.ending is Ending.ABORT


@pytest.mark.asyncio
async def test_a_client_that_leaves_before_the_head_is_passed_on_and_nothing_is_kept(to: Path) -> None:
    left: list[float] = []

    async def silent(wire: Wire) -> None:
        await wire.left()
        left.append(1.0)

    async with recording(to, silent) as bench, asking(bench.base_url) as client:
        await until(lambda: bench.upstream.requests)
        client.close()
        await until(lambda: left)

    assert list(to.parent.iterdir()) == []


DONE = b"data: [DONE]\n\n"


COMPLETED = b'data: {"type": "response.completed", "response": {"output": "%b"}}\n\n'


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "last",
    [
        DONE,
        b"event: message_stop\ndata: {}\n\n",
        b'data: {"type": "message_stop"}\n\n',
        b"event: response.completed\n" + COMPLETED % b"a",
        COMPLETED % b"a",
        COMPLETED % (b"a" * 2**17),  # it repeats the whole answer
        b'data: {"error": {"message": "a"}}\n\n',
        b'data: {"type": "error", "message": "a"}\n\n',
    ],
    ids=lambda last: last.decode()[:60],
)
async def test_who_leaves_behind_the_end_marker_cancels_nothing(to: Path, last: bytes) -> None:
    client_left = asyncio.Event()

    async def ends_late(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: a\n\n", last)
        await client_left.wait()
        await asyncio.sleep(0.05)
        wire.chunks(b": late\n\n")
        wire.last_chunk()

    async with recording(to, ends_late) as bench:
        async with asking(bench.base_url) as client:
            await client.head()
            await client.chunk()
            await client.chunk()
        client_left.set()

    (found,) = load(to)
    assert found.ending_recorded == "eof"
    assert chunks_of(found) == [b"data: a\n\n", last, b": late\n\n"]


@pytest.mark.asyncio
async def test_a_server_that_goes_on_behind_its_end_marker_is_left_too(to: Path) -> None:
    left: list[float] = []
    async with recording(to, streaming(left, DONE)) as bench:
        async with asking(bench.base_url) as client:
            await client.head()
            await client.chunk()
        await until(lambda: bench.recorder.recorded)

    assert left
    assert load(to)[0].ending_recorded == CLIENT_DISCONNECTED


@pytest.mark.asyncio
async def test_a_recorder_that_stops_behind_the_end_marker_cuts_nothing_short(to: Path) -> None:
    stopping = asyncio.Event()

    async def ends_late(wire: Wire) -> None:
        wire.head()
        wire.chunks(DONE)
        await stopping.wait()
        await asyncio.sleep(0.05)
        wire.last_chunk()

    async with recording(to, ends_late) as bench, asking(bench.base_url) as client:
        await client.head()
        await client.chunk()
        stopping.set()
        await bench.recorder.__aexit__()

    assert (load(to)[0].ending_recorded, load(to)[0].note) == ("eof", None)


# Several at once


@pytest.mark.asyncio
async def test_sessions_stand_in_the_order_of_their_requests(to: Path) -> None:
    second_ended = asyncio.Event()

    async def first(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: first\n\n")
        await second_ended.wait()
        wire.last_chunk()

    async def second(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: second\n\n")
        wire.last_chunk()

    async with recording(to, first, second) as bench, asking(bench.base_url) as one:
        await one.head()
        async with asking(bench.base_url) as other:
            await other.rest()
        await until(lambda: bench.recorder.recorded)
        assert [found.stream.body for found in load(to)] == [b"data: second\n\n"]
        await until(lambda: b'{"order": 1, "saved": true}' in contents(to.with_name("a.yaml.recording")))
        second_ended.set()
        await one.rest()

    assert [found.stream.body for found in load(to)] == [b"data: first\n\n", b"data: second\n\n"]


@pytest.mark.asyncio
async def test_many_at_once(to: Path) -> None:
    async def numbered(wire: Wire) -> None:
        wire.head()
        for number in range(10):
            wire.chunks(wire.body + b" %d\n\n" % number)
            await asyncio.sleep(0.01)
        wire.last_chunk()

    async with recording(to, numbered) as bench:

        async def ask(number: int) -> None:
            async with asking(bench.base_url, body=b"data: %d" % number) as client:
                await client.rest()

        await asyncio.gather(*map(ask, range(30)))

    found = load(to)
    assert found == bench.recorder.interactions
    assert sorted(one.request.body for one in found) == sorted(b"data: %d" % number for number in range(30))
    for one in found:
        assert chunks_of(one) == [one.request.body + b" %d\n\n" % number for number in range(10)]


@pytest.mark.asyncio
async def test_two_requests_on_one_connection(to: Path) -> None:
    async with recording(to, awkward) as bench, httpx.AsyncClient() as client:
        for _ in range(2):
            answer = await client.post(bench.base_url + "/chat/completions", json={})
            assert answer.content == b"".join(AWKWARD)

    assert [chunks_of(found) for found in load(to)] == [AWKWARD, AWKWARD]


# Replayed under another base path


@pytest.mark.parametrize(
    ("recorded", "asked", "fits"),
    [
        ("/openai/v1/chat/completions", "/v1/chat/completions", True),  # Groq
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions", True),
        ("/v1beta/openai/chat/completions", "/v1/chat/completions", True),  # Google
        ("/inference/v1/chat/completions", "/api/v1/chat/completions", True),  # Fireworks
        ("/openai/deployments/models/chat/completions", "/v1/chat/completions", True),  # Azure
        ("/v1/openai/chat/completions", "/v1/chat/completions", True),  # DeepInfra
        ("/openai/v1/completions", "/v1/completions", True),
        ("/openai/v1/models/meta/llama", "/v1/models/meta/llama", True),
        ("/openai/v1/chat/completions", "/v1/completions", False),
        ("/openai/v1/chat/completions", "/groq/v1/chat/completions", False),
        ("/v1/threads/t/messages", "/v1/messages", False),
        ("/v1/threads/t/messages", "/v1/threads/t/messages", True),
        ("/openai/v1/xmodels", "/v1/models", False),
    ],
)
def test_a_recording_is_found_whatever_base_path_its_gateway_has(recorded: str, asked: str, fits: bool) -> None:
    interaction = Interaction(RecordedRequest("POST", f"https://gateway{recorded}?a=b", body=b"{}"))
    for (route,) in (interaction_routes([interaction]), serving_routes([interaction])):
        found = route.difference(Request("POST", asked, body=b"{}"))
        assert (not found) == fits, found


def test_of_two_gateways_in_one_cassette_the_one_that_is_asked_answers() -> None:
    paths = ("/openai/v1/chat/completions", "/v1/chat/completions")
    both = [Interaction(RecordedRequest("POST", f"https://gateway{path}", body=b"{}")) for path in paths]
    (route,) = serving_routes(both)
    for path, answers in zip(paths, route.replies, strict=True):
        assert [route.reply_to(Request("POST", path, body=b"{}"), turn)[0] for turn in range(2)] == [answers, answers]


# Keys


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "X-Goog-Api-Key"])
async def test_the_clients_key_passes_through_and_is_never_written(to: Path, name: str) -> None:
    async def repeats_it(wire: Wire) -> None:
        wire.head(f"X-You-Said: {KEY}", "Set-Cookie: cookie=1")
        wire.chunks(b"data: you said " + KEY[:9].encode(), KEY[9:].encode() + b"\n\n")
        wire.chunks(b"data: and " + KEY.encode() + b"\n\n")
        await until_written(to.with_name("a.yaml.recording"), chunks=3)
        no_secrets_in(to.parent)
        wire.last_chunk()

    async with recording(to, repeats_it) as bench:
        value = f"Bearer {KEY}" if name == "Authorization" else KEY
        async with asking(bench.base_url, f"/x?key={KEY}&a=1", f"{name}: {value}", "Cookie: cookie=2") as client:
            assert (await client.rest()).count(KEY.encode()) == 2  # the header and the chunk that hold it whole
        assert bench.upstream.requests[0].header(name) == value
        assert bench.upstream.requests[0].request.startswith(f"POST /v1/x?key={KEY}&a=1 ".encode())

    no_secrets_in(to.parent)
    (found,) = load(to)
    assert chunks_of(found) == [b"data: you said REDACTED", b"\n\n", b"data: and REDACTED\n\n"]
    assert header(found.headers, "X-You-Said") == "REDACTED"
    assert found.request.uri.endswith("/v1/x?a=1")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ([], ("Authorization", f"Bearer {KEY}")),
        (["Authorization: Bearer unused"], ("Authorization", f"Bearer {KEY}")),
        (["x-api-key: unused"], ("x-api-key", KEY)),
        (["Authorization: Bearer unused", "api-key: unused"], ("api-key", KEY)),
    ],
)
async def test_a_key_from_the_environment_replaces_the_clients(
    to: Path, monkeypatch: pytest.MonkeyPatch, sent: list[str], arrives: tuple[str, str]
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, awkward, key_env="THE_KEY") as bench:
        async with asking(bench.base_url, "/chat/completions", *sent, "Cookie: a=b") as client:
            await client.rest()
        (wire,) = bench.upstream.requests
        assert wire.header(arrives[0]) == arrives[1]
        assert b"unused" not in wire.request
        assert wire.header("Cookie") == "a=b"

    no_secrets_in(to.parent)


def deltas(*texts: str) -> list[bytes]:
    return [f'data: {{"choices": [{{"delta": {{"content": "{text}"}}}}]}}\n\n'.encode() for text in texts]


def gzipped(*chunks: bytes) -> list[bytes]:
    """Each chunk so that it can be decoded when it has come."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = [packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]
    return [*packed, packer.flush()]


HIDDEN = deltas(f"a {KEY} b")
SPLIT_KEY = deltas("a ", *KEY, " b")
ECHOES: dict[str, tuple[list[str], list[bytes], list[bytes]]] = {  # headers, what is sent, what is kept
    "escaped": ([], deltas(f"a {KEY}".replace("-", "\\u002d")), deltas("a REDACTED")),
    "split over deltas": ([], SPLIT_KEY, deltas("a ", "REDACTED", *[""] * (len(KEY) - 1), " b")),
    "split over chunks": ([], [HIDDEN[0][:53], HIDDEN[0][53:]], [deltas("a REDACTED")[0][:-7], b' b"}}]}\n\n']),
    "base64": ([], [base64.b64encode(f"{KEY[:3]}{KEY}..".encode())], [b"c2stREDACTEDC4u"]),
    "gzip": (["Content-Encoding: gzip"], gzipped(*HIDDEN), deltas("a REDACTED b")),
    "gzip and split": (
        ["Content-Encoding: gzip"],
        gzipped(*SPLIT_KEY),
        deltas("a ", "REDACTED", *[""] * (len(KEY) - 1), " b"),
    ),
    "deflate": (["Content-Encoding: deflate"], [zlib.compress(HIDDEN[0])], deltas("a REDACTED b")),
    "gzip without it": (["Content-Encoding: gzip"], gzipped(*deltas("a")), gzipped(*deltas("a"))),
}


def spooled(spool: Path) -> bytes:
    """The body that the recorder's spool holds of its only session, as it will be recovered."""
    chunks: list[bytes] = []
    for line in map(json.loads, contents(spool).splitlines()):
        if "data" in line:
            chunks.append(base64.b64decode(line["data"]))
        elif "more" in line:
            chunks[line["chunk"]] += base64.b64decode(line["more"])
    return b"".join(chunks)


@pytest.mark.asyncio
@pytest.mark.parametrize("echo", ECHOES)
async def test_a_key_that_is_hidden_in_the_response_is_never_written(to: Path, echo: str) -> None:
    headers, sent, kept = ECHOES[echo]
    spool = to.with_name("a.yaml.recording")
    fragments = [KEY[at : at + 6] for at in range(len(KEY) - 5)]  # its first five characters are nothing

    async def repeats_it(wire: Wire) -> None:
        wire.head(*headers)
        for number, chunk in enumerate(sent, 1):
            wire.chunks(chunk)
            await until_written(spool, chunks=number)
            assert spans_in(spooled(spool), fragments) == []
        wire.last_chunk()

    async with (
        recording(to, repeats_it) as bench,
        asking(bench.base_url, "/x", f"Authorization: Bearer {KEY}") as client,
    ):
        await client.head()
        assert dechunked(await client.rest()) == ([*sent, b"END"], b"")  # the client has it as it came

    (found,) = load(to)  # which also compares the sizes with the body
    assert chunks_of(found) == kept
    compressed = bool(headers) and kept == sent
    assert (header(found.headers, "Content-Encoding") is not None) == compressed
    decoded = "the response's body was compressed, and is kept decoded, without the key that was in it"
    assert found.note == (decoded if headers and not compressed else None)
    for item in decode(found.stream.body):
        assert isinstance(item, Event)
        assert json.loads(item.data)


@pytest.mark.asyncio
async def test_a_body_in_which_the_key_cannot_be_looked_for_is_not_kept(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def brotli(wire: Wire) -> None:
        wire.head("Content-Encoding: br")
        wire.chunks(b"\x8b\x03\x80", b"abcdefgh\x03")
        if wire.header("Authorization"):
            await until_written(to.with_name("a.yaml.recording"), chunks=2)
            assert spooled(to.with_name("a.yaml.recording")) == b""
        wire.last_chunk()

    async with recording(to, brotli) as bench:
        async with asking(bench.base_url, "/x", f"Authorization: Bearer {KEY}") as client:
            assert b"abcdefgh" in await client.rest()
        async with asking(bench.base_url, "/x") as client:  # nothing to look for
            await client.rest()

    kept, whole = sorted(load(to), key=lambda one: len(one.stream.body))
    assert (chunks_of(kept), header(kept.headers, "Content-Encoding")) == ([], None)
    assert kept.note is not None
    assert kept.note.startswith("the response's body is not kept: its content coding is unknown here or damaged")
    assert [record.getMessage().endswith(kept.note) for record in caplog.records] == [True]
    assert header(whole.headers, "Content-Encoding") == "br"


@pytest.mark.asyncio
async def test_a_key_that_is_hidden_in_the_request_is_never_written(to: Path) -> None:
    basic = base64.b64encode(f"me:{KEY}".encode()).decode()
    spool = to.with_name("a.yaml.recording")

    async def repeats_all(wire: Wire) -> None:
        wire.head(f"X-Path: {wire.request.split()[1].decode()}")
        wire.chunks(f"data: {KEY}\n\n".encode())
        await until_written(spool, chunks=1)
        no_secrets_in(to.parent)
        wire.last_chunk()

    path = f"/x/{KEY}?a={KEY}&b={KEY.replace('-', '%2D')}&key={KEY}"
    async with recording(to, repeats_all) as bench:
        for sent in ((f"Authorization: Basic {basic}",), (f"Authorization: Bearer {KEY}", f"X-Again: {basic}"), ()):
            async with asking(bench.base_url, path, *sent, body=json.dumps({"a": KEY, "b": [*KEY]}).encode()) as client:
                await client.rest()
        packed = gzip.compress(KEY.encode())
        async with asking(bench.base_url, path, "Content-Encoding: gzip", body=packed) as client:
            await client.rest()
        assert bench.upstream.requests[-1].body == packed

    no_secrets_in(to.parent)
    *plain, compressed = load(to)
    for found in plain:
        assert found.request.uri.endswith("/v1/x/REDACTED?a=REDACTED&b=REDACTED")
        assert json.loads(found.request.body) == {"a": "REDACTED", "b": ["REDACTED", *[""] * (len(KEY) - 1)]}
        assert found.stream.body == b"data: REDACTED\n\n"
    assert (compressed.request.body, header(compressed.request.headers, "Content-Encoding")) == (b"REDACTED", None)
    assert basic not in contents(to).decode()


@pytest.mark.asyncio
async def test_what_is_said_of_an_error_holds_no_key(
    to: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def garbles_it(wire: Wire) -> None:
        wire.raw(f"HTTP/1.1 200 OK\r\nno colon, but {KEY}\r\n\r\n".encode())

    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, garbles_it, key_env="THE_KEY") as bench:
        async with asking(bench.base_url, f"/x?key={KEY}") as client:
            answer = await client.rest()
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(bench.base_url))
        writer.write(f"GET / HTTP/1.1\r\nno colon, but {KEY}\r\n\r\n".encode())
        refused = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert refused.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert len(caplog.records) == 2
    assert spans_in(answer + refused + caplog.text.encode(), [KEY]) == []


@pytest.mark.asyncio
async def test_a_recorder_that_is_killed_leaves_no_key_either(to: Path) -> None:
    sent = gzipped(*deltas("a", *KEY, " b", "c"))[:-1]
    async with (
        serving(streaming([], *sent, headers=["Content-Encoding: gzip"])) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url, "/x", f"Authorization: Bearer {KEY}") as client,
    ):
        await client.head()
        await until_written(to.with_name("a.yaml.recording"), chunks=len(sent))
        process.kill()
        await process.wait()
    no_secrets_in(to.parent)

    await started("http://127.0.0.1:1/v1", to)
    (found,) = load(to.with_name("a.recovered.yaml"))
    texts = [json.loads(item.data) for item in decode(found.stream.body) if isinstance(item, Event)]
    text = "".join(one["choices"][0]["delta"]["content"] for one in texts)
    assert re.fullmatch(rf"a{KEY[:5]}(REDACTED)? bc", text)
    assert header(found.headers, "Content-Encoding") is None


# Web pages, which a recorder that adds a key does not trust

OWN = "http://127.0.0.1:{port}"
DEV_SERVER = "http://localhost:3000"


async def says_a(wire: Wire) -> None:
    wire.head("Access-Control-Allow-Origin: https://upstream.example", "Vary: Accept")
    wire.chunks(b"data: a\n\n")
    wire.last_chunk()


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, "--allow-origin https://evil.example"),
        ({"Origin": DEV_SERVER, "Sec-Fetch-Site": "same-site"}, "--allow-origin http://localhost:3000 allows it"),
        ({"Origin": "http://127.0.0.1:1"}, "--allow-origin http://127.0.0.1:1 allows it"),
        ({"Origin": "https://127.0.0.1:{port}"}, "--allow-origin https://127.0.0.1:{port} allows it"),
        ({"Origin": "null"}, "--allow-origin null allows it"),
        ({"Origin": ""}, "it cannot be allowed"),
        ({"Sec-Fetch-Site": "cross-site"}, "a cross-site request"),
        ({"Sec-Fetch-Site": "same-site"}, "a same-site request"),
        ({"Host": "evil.example"}, "for the host evil.example"),
        (
            {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
            "for the host evil.example:",
        ),  # rebound
        ({"Host": "127.0.0.1.evil.example:{port}"}, "for the host 127.0.0.1.evil.example:"),
        ({"Host": "127.0.0.1:1"}, "for the host 127.0.0.1:1"),
        ({"Host": "127.0.0.1"}, "for the host 127.0.0.1"),
        ({"Host": ""}, "for the host"),
    ],
)
async def test_a_web_page_cannot_spend_the_key(
    to: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    headers: dict[str, str],
    why: str,
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, says_a, key_env="THE_KEY", allow_origins=["http://friend.example"]) as bench:
        port = str(port_of(bench.base_url))
        sent = {name: value.replace("{port}", port) for name, value in headers.items()}
        sent |= {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.request(
                method, bench.base_url + "/chat/completions", headers=sent, content=b"a" * 2**20
            )

        assert bench.upstream.requests == []

    assert answer.status_code == 403
    assert why.replace("{port}", port) in answer.json()["error"]["message"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert [record.getMessage() for record in caplog.records] == [answer.json()["error"]["message"]]
    assert list(to.parent.iterdir()) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Host": "LOCALHOST:{port}"},
        {"Host": "127.1.2.3:{port}"},
        {"Host": "[::1]:{port}"},
        {"Host": "friend.example:{port}"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://friend.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_any_other_client_may_spend_it(
    to: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, says_a, key_env="THE_KEY", allow_origins=["http://friend.example:80/"]) as bench:
        port = str(port_of(bench.base_url))
        sent = {name: value.replace("{port}", port) for name, value in headers.items()}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.post(bench.base_url + "/chat/completions", headers=sent, json={})
        assert bench.upstream.requests[0].header("Authorization") == f"Bearer {KEY}"

    assert answer.text == "data: a\n\n"


@pytest.mark.asyncio
async def test_a_recorder_without_a_key_forwards_what_any_page_asks(to: Path) -> None:
    page = {"Origin": "https://any.example", "Host": "any.example", "Sec-Fetch-Site": "cross-site"}
    async with recording(to, says_a) as bench, httpx.AsyncClient() as client:
        answer = await client.post(bench.base_url + "/chat/completions", headers=page, json={})

    assert answer.headers["Access-Control-Allow-Origin"] == "https://upstream.example"


@pytest.mark.asyncio
async def test_an_allowed_page_can_ask_and_read_the_answer(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    page = {"Origin": DEV_SERVER, "Sec-Fetch-Site": "same-site"}
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    async with (
        recording(to, says_a, hangs_up, key_env="THE_KEY", allow_origins=[DEV_SERVER]) as bench,
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        preflight = await client.options(bench.base_url + "/chat/completions", headers=page | asks)
        assert bench.upstream.requests == []
        answer = await client.post(bench.base_url + "/chat/completions", headers=page, json={})
        failed = await client.post(bench.base_url + "/chat/completions", headers=page, json={})

    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == DEV_SERVER
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert preflight.headers["Access-Control-Allow-Private-Network"] == "true"
    assert answer.text == "data: a\n\n"
    for one in (answer, failed):
        assert one.headers.get_list("Access-Control-Allow-Origin") == [DEV_SERVER]
    assert answer.headers.get_list("Vary") == ["Accept", "Origin"]
    (found,) = load(to)  # as the server sent it
    assert header(found.headers, "Access-Control-Allow-Origin") == "https://upstream.example"


@pytest.mark.parametrize("origin", ["localhost:3000", "http://a/b", "http://", "*", "http://*.a", "http://a:x", ""])
def test_what_is_not_an_origin(to: Path, origin: str) -> None:
    with pytest.raises(ScenarioError, match=r"an origin is such as http://localhost:3000"):
        Recorder("http://127.0.0.1:1/v1", to, allow_origins=[origin])


@pytest.mark.asyncio
async def test_a_short_key_is_no_secret(to: Path) -> None:
    async def says_test(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: this is a test\n\n")
        wire.last_chunk()

    async with (
        recording(to, says_test) as bench,
        asking(bench.base_url, "/x", "Authorization: Bearer test") as client,
    ):
        await client.rest()

    assert load(to)[0].stream.body == b"data: this is a test\n\n"


# What is refused


def test_what_cannot_be_recorded_from(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THE_KEY", raising=False)
    for upstream in ("host/v1", "ftp://host/v1", "", "http://", "http://["):
        with pytest.raises(ScenarioError, match="upstream"):
            Recorder(upstream, to)
    with pytest.raises(ScenarioError, match="the environment variable THE_KEY is to hold the upstream's key, but"):
        Recorder("http://127.0.0.1:1/v1", to, key_env="THE_KEY")


async def started(*arguments: Any, **options: Any) -> None:
    async with Recorder(*arguments, **options):
        pass


@pytest.mark.asyncio
async def test_a_cassette_that_exists_is_not_recorded_over(to: Path) -> None:
    save(to, [])

    with pytest.raises(CassetteError, match=r"a\.yaml: this cassette exists; --overwrite replaces it"):
        await started("http://127.0.0.1:1/v1", to)
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.asyncio
async def test_overwrite_replaces_it_with_the_first_session_and_not_before(to: Path) -> None:
    put_a_file(to, b"not a cassette")
    await started("http://127.0.0.1:1/v1", to, overwrite=True)
    assert contents(to) == b"not a cassette"

    async with recording(to, awkward, overwrite=True) as bench, asking(bench.base_url) as client:
        await client.rest()
    assert len(load(to)) == 1


def put_a_file(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)


def contents(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.asyncio
async def test_two_recorders_do_not_share_a_cassette(to: Path) -> None:
    async with Recorder("http://127.0.0.1:1/v1", to):
        with pytest.raises(CassetteError, match="another recorder is writing to this cassette"):
            await started("http://127.0.0.1:1/v1", to)


@pytest.mark.asyncio
async def test_a_port_that_is_taken(to: Path) -> None:
    async with serving(awkward) as upstream:
        with pytest.raises(ScenarioError, match=rf"cannot listen on 127\.0\.0\.1, port {upstream.port}: "):
            await started(upstream.url, to, port=upstream.port)
    assert list(to.parent.iterdir()) == []


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="the file cannot be written"):
        await started("http://127.0.0.1:1/v1", tmp_path / "file" / "a.yaml")


async def hangs_up(wire: Wire) -> None:
    wire.close()


@pytest.mark.asyncio
async def test_an_upstream_that_is_not_there(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(hangs_up) as upstream:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            closed = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        for url in (closed, upstream.url):
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                async with Recorder(url, to) as recorder, httpx.AsyncClient() as client:
                    answer = await client.post(recorder.base_url + "/chat/completions", json={})

            assert answer.status_code == 502
            error = answer.json()["error"]
            assert list(error) == ["code", "message", "type", "param"]
            assert error["code"] == 502
            assert error["message"].startswith(f"{url} did not answer: ")
            assert [record.getMessage() for record in caplog.records] == [error["message"]]
    assert list(to.parent.iterdir()) == []


@pytest.mark.asyncio
async def test_a_password_in_the_upstream_is_not_told(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    upstream = "http://me:password@127.0.0.1:1/v1"
    async with Recorder(upstream, to) as recorder, httpx.AsyncClient() as client:
        answer = await client.post(recorder.base_url + "/chat/completions", json={})

    assert answer.status_code == 502
    assert "password" not in answer.text + caplog.text


@pytest.mark.asyncio
async def test_what_is_no_http(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    assert b" 400 " in head.partition(b"\r\n")[0]
    assert list(json.loads(body)["error"]) == ["code", "message", "type", "param"]
    assert [record.exc_info for record in caplog.records] == [None]
    assert caplog.records[0].getMessage().startswith("a client sent what is not HTTP: ")
    assert list(to.parent.iterdir()) == []


# The recorder's own end


@pytest.mark.asyncio
async def test_what_goes_on_when_the_recorder_stops_is_kept(to: Path) -> None:
    left: list[float] = []
    async with (
        recording(to, streaming(left, b"data: a\n\n")) as bench,
        asyncio.timeout(PATIENCE),
        asking(bench.base_url) as client,
    ):
        await client.head()
        await client.chunk()
        await bench.recorder.__aexit__()
        assert await client.rest() == b""

    assert left
    (found,) = load(to)
    assert chunks_of(found) == [b"data: a\n\n"]
    assert found.ending_recorded == "abort"
    assert found.note == "the recorder was stopped in the middle of it"


@asynccontextmanager
async def recording_process(upstream: str, to: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``orharness record`` in a process of its own, and the base URL that it tells."""
    command = [sys.executable, "-W", "error", "-m", "orharness", "record", "--upstream", upstream, "--to", str(to)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(2 * PATIENCE):
            yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_well(to: Path, number: signal.Signals) -> None:
    left: list[float] = []
    async with (
        serving(streaming(left, b"data: a\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url) as client,
    ):
        await client.head()
        await client.chunk()
        process.send_signal(number)
        said, complained = await process.communicate()
        assert (process.returncode, said) == (0, b"")
        assert b"Traceback" not in complained

    assert [found.ending_recorded for found in load(to)] == ["abort"]
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_responses_without_a_body_are_kept_however_many_and_a_signal_still_ends_it(
    to: Path, number: signal.Signals
) -> None:
    """In a process of its own: a recorder that spins would also stop a test in the same event loop."""
    asked = [name.split() for name in BODILESS for _ in range(3)]
    async with serving(bodiless) as upstream, recording_process(upstream.url, to) as (process, base_url):
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            for method, status in asked:
                answer = await client.request(method, f"{base_url}/{status}")
                assert (answer.status_code, answer.content) == (int(status), b"")
        process.send_signal(number)
        await process.communicate()
        assert process.returncode == 0

    found = load(to)
    assert [(one.request.method, str(one.status)) for one in found] == [tuple(one) for one in asked]
    assert {(one.stream.body, one.ending_recorded) for one in found} == {(b"", "eof")}


@pytest.mark.asyncio
async def test_a_kill_loses_nothing(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving(awkward, streaming([], b"data: a", b"\n\ndata: b\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
    ):
        spool = to.with_name("a.yaml.recording")
        async with asking(base_url) as client:
            await client.rest()
        await until(lambda: to.exists() and not contents(spool))
        async with asking(base_url, "/y", f"Authorization: Bearer {KEY}", body=b"\xff") as client:
            await client.head()
            await client.chunk()
            await client.chunk()
            await until_written(spool, chunks=2)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    no_secrets_in(to.parent)
    assert [chunks_of(found) for found in load(to)] == [AWKWARD]

    with caplog.at_level(logging.WARNING):
        async with Recorder("http://127.0.0.1:1/v1", to, overwrite=True):
            assert contents(spool) == b""

    (found,) = load(to.with_name("a.recovered.yaml"))
    assert chunks_of(found) == [b"data: a", b"\n\ndata: b\n\n"]
    assert found.request.uri.endswith("/v1/y")
    assert found.request.body == b"\xff"
    assert found.ending_recorded == "abort"
    assert found.note == "the recorder was killed in the middle of it"
    assert "a.recovered.yaml: holds now what a recorder that was killed had of 1 responses" in caplog.text
    assert sorted(path.name for path in to.parent.iterdir()) == ["a.recovered.yaml", "a.yaml"]
    assert [chunks_of(found) for found in load(to)] == [AWKWARD]


def a_session(order: int) -> Session:
    return Session(order, RecordedRequest("GET", f"http://a/{order}"), "2026-11-22T06:00:00Z", status=200)


def test_the_spool_forgets_what_is_saved_and_knows_the_order_of_the_requests(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for order in (2, 1, 0):
        spool.begin(a_session(order))
    spool.chunk(a_session(2), Chunk(b"data: a\n\n", 0.5))
    ended = a_session(2)
    ended.ending = "reset"
    spool.end(ended)
    spool.saved(a_session(1))

    first, last = spool.recover()
    assert (first.request.uri, first.ending_recorded) == ("http://a/0", "abort")
    assert (last.request.uri, last.ending_recorded, last.note) == ("http://a/2", "reset", None)
    assert last.stream.chunks == (Chunk(b"data: a\n\n", 0.5),)
    spool.clear()
    assert spool.recover() == []
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1, 5, 9, 40])
def test_a_secret_that_is_cut_is_neither_in_the_spool_nor_recovered(tmp_path: Path, size: int) -> None:
    body = f"data: s {KEY}{KEY} and {KEY[:-1]} sk\n\ndata: {KEY}\n\n".encode()
    spool = Spool(tmp_path / "spool")
    session = a_session(0)
    session.secrets = (KEY, KEY + "-and-longer")
    spool.begin(session)
    chunks = [Chunk(body[at : at + size], 0.5) for at in range(0, len(body), size)]
    for chunk in chunks:
        spool.chunk(session, chunk)
        (found,) = spool.recover()
        written = b"".join(
            base64.b64decode(one) for one in re.findall(rb'"(?:data|more)": "([^"]*)"', contents(spool.path))
        )
        assert KEY.encode() not in found.stream.body + written
        assert all(one.data for one in found.stream.chunks)
    spool.end(session)

    (found,) = spool.recover()
    assert found.stream.body == body.replace(KEY.encode(), b"REDACTED")
    assert sum(one.delay for one in found.stream.chunks) == pytest.approx(0.5 * len(chunks))
    if size == 40:
        assert len(found.stream.chunks) == len(chunks)
    spool.close()


async def until_written(spool: Path, chunks: int) -> None:
    """The recorder writes a chunk down just after it has passed it on."""
    await until(lambda: contents(spool).count(b'"data"') >= chunks)


@pytest.mark.asyncio
async def test_a_line_that_was_half_written_is_no_loss_of_the_others(to: Path) -> None:
    async with (
        serving(streaming([], b"data: a\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url) as client,
    ):
        await client.head()
        await client.chunk()
        await until_written(to.parent / "a.yaml.recording", chunks=1)
        process.kill()
        await process.wait()
    with to.with_name("a.yaml.recording").open("ab") as spool:
        spool.write(b'{"order": 0, "delay": 0.1, "da')

    for _ in range(2):  # the second time there is nothing left to recover
        await started("http://127.0.0.1:1/v1", to)
    assert [found.stream.body for found in load(to.with_name("a.recovered.yaml"))] == [b"data: a\n\n"]


BOTH = b"data: a\n\ndata: c\n\n"
TWO_RESTS = "the rest of GET http://a/0, the rest of GET http://a/1 is lost"


def a_spool(path: Path) -> Spool:
    """Two sessions that take turns, and a third that is in the cassette. Lines 1 to 9."""
    spool, (first, second, third) = Spool(path), map(a_session, range(3))
    spool.begin(first)
    spool.begin(second)
    spool.chunk(first, Chunk(b"data: a\n\n", 0.5))
    spool.chunk(second, Chunk(b"data: b\n\n", 0.5))
    spool.begin(third)
    spool.chunk(first, Chunk(b"data: c\n\n", 0.5))
    spool.saved(third)
    first.ending = second.ending = "eof"
    spool.end(first)
    spool.end(second)
    return spool


@pytest.mark.parametrize(
    ("number", "damaged", "found", "said"),
    [
        (3, lambda line: line[:20], {0: b"", 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (6, lambda line: line[:20], {0: b"data: a\n\n", 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (8, lambda line: line[:-9], {0: BOTH, 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (1, lambda line: line[:-9], {1: b"data: b\n\n"}, "a whole response is lost"),
        (1, lambda line: b"\0", {1: b"data: b\n\n"}, "nothing is known to be lost; line 3 .* a whole response is lost"),
        (4, lambda line: line[5:], {0: b"data: a\n\n", 1: b""}, TWO_RESTS),
        (4, lambda line: b"", {0: b"data: a\n\n", 1: b""}, TWO_RESTS),
        (5, lambda line: line[:20], {0: BOTH, 1: b"data: b\n\n"}, "nothing is known to be lost"),
        (7, lambda line: line[:12], {0: BOTH, 1: b"data: b\n\n", 2: b""}, "the rest of GET http://a/2 is lost"),
    ],
)
def test_a_damaged_line_of_the_spool_ends_its_response_and_is_reported(
    tmp_path: Path, number: int, damaged: Callable[[bytes], bytes], found: dict[int, bytes], said: str
) -> None:
    """What is recovered is always the beginning of what came: no response with a hole in its middle."""
    spool = a_spool(tmp_path / "spool")
    lines = contents(spool.path).split(b"\n")
    lines[number - 1] = damaged(lines[number - 1])
    spool.path.write_bytes(b"\n".join(lines))

    recovered = spool.recover()
    assert {int(one.request.uri[-1]): one.stream.body for one in recovered} == found
    assert re.fullmatch(f"line {number} is damaged: {said}", spool.damage or "")
    cut = {int(one.request.uri[-1]) for one in recovered if one.ending_recorded == "abort"}
    assert cut == {int(order) for order in re.findall(r"the rest of GET http://a/(\d)", said)}
    for one in recovered:
        expected = f"line {number} of the recorder's spool is damaged: what followed is lost"
        assert one.note == (expected if one.ending_recorded == "abort" else None)
    spool.close()


def test_a_spool_that_ends_within_a_line_is_not_damaged(tmp_path: Path) -> None:
    spool = a_spool(tmp_path / "spool")
    whole = contents(spool.path)
    for size in range(len(whole)):
        spool.path.write_bytes(whole[:size])
        spool.recover()
        assert spool.damage is None
    assert [one.ending_recorded for one in spool.recover()] == ["eof", "eof"]  # only the last line end is missing
    spool.close()


@pytest.mark.asyncio
async def test_a_damaged_spool_is_reported_and_kept(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    to.parent.mkdir(exist_ok=True)
    spool = a_spool(to.with_name("a.yaml.recording"))
    spool.close(keep=True)
    lines = contents(spool.path).split(b"\n")
    lines[2] = lines[2][:-9]
    spool.path.write_bytes(b"\n".join(lines))

    await started("http://127.0.0.1:1/v1", to)
    unsaved = to.with_name("a.yaml.recording.unsaved")
    assert contents(unsaved) == b"\n".join(lines)
    assert f"{unsaved}: keeps what a recorder that was killed had: line 3 is damaged: the rest of" in caplog.text
    assert len(load(to.with_name("a.recovered.yaml"))) == 2


@pytest.mark.asyncio
async def test_a_reason_that_is_no_utf8_is_kept_as_latin1(to: Path) -> None:
    async def oddly(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 200 Tr\xe8s bien\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.chunks(b"data: a\n\n")
        wire.last_chunk()

    async with recording(to, oddly) as bench, asking(bench.base_url) as client:
        await client.rest()
    assert [found.reason for found in load(to)] == ["Très bien"]


@pytest.mark.asyncio
async def test_a_session_that_cannot_be_saved_stops_neither_the_others_nor_the_recorder(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.yaml.recording.unsaved", "a.yaml.recording.unsaved-2"):
        to.parent.mkdir(exist_ok=True)
        spool = Spool(to.with_name("a.yaml.recording"))
        for order, uri in enumerate(("http://a/\udcff", "http://a/b")):
            session = a_session(order)
            session.request = RecordedRequest("GET", uri)
            spool.begin(session)
        damaged = b'{"order": 7, "request": 3, "response": 4}\n{"order": 1, "ending": "odd", "note": null}\n'
        spool.close(keep=True)
        with spool.path.open("ab") as file:
            file.write(damaged if name[-1] == "2" else b"[]\n")
        held = contents(spool.path)

        caplog.clear()
        await started("http://127.0.0.1:1/v1", to, overwrite=True)
        assert contents(to.with_name(name)) == held
        assert f"{name}: keeps what a recorder that was killed had: " in caplog.text
        assert caplog.text.encode()  # the address is no UTF-8, but what is said of it is
        assert "Traceback" not in caplog.text

    assert [found.request.uri for found in load(to.with_name("a.recovered.yaml"))] == ["http://a/b"]


async def recorded_into_a_folder(to: Path) -> None:
    async with recording(to, awkward) as bench, asking(bench.base_url) as client:
        in_place_of_the_file(to)
        await client.rest()


def in_place_of_the_file(to: Path) -> None:
    to.mkdir()


@pytest.mark.asyncio
async def test_what_cannot_be_saved_stays_in_the_spool(to: Path) -> None:
    with pytest.raises(CassetteError, match=r"the file cannot be written: .*a\.yaml\.recording keeps what is not"):
        await recorded_into_a_folder(to)

    other = Path(shutil.move(to.with_name("a.yaml.recording"), to.with_name("b.yaml.recording"))).with_suffix("")
    await started("http://127.0.0.1:1/v1", other)
    (found,) = load(to.with_name("b.recovered.yaml"))
    assert chunks_of(found) == AWKWARD
    assert (found.ending_recorded, found.note) == ("eof", None)


@pytest.mark.asyncio
async def test_an_old_client(to: Path) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/models HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.partition(b"\r\n\r\n")[2] == b"".join(AWKWARD)
    assert chunks_of(load(to)[0]) == AWKWARD


@pytest.mark.asyncio
async def test_a_client_that_waits_to_be_asked_for_the_body(to: Path) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
            writer.write(b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        assert bench.upstream.requests[0].header("Expect") is None

    assert load(to)[0].request.body == b"{}"
