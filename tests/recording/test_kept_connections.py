"""The connection to a server is kept for a moment for the next request; each is recorded as on one of its own."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from orharness.cassette import load
from orharness.recording import Recorder
from orharness.recording.noted_connections import _Handler, _is_usable
from tests.support.recording_bench import asking, chunks_of, dechunked

Answer = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]
"""Answers the request with that number; returns whether the connection goes on."""

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"


@dataclass
class Server:
    """A server that answers several requests on a connection."""

    url: str
    requests: list[tuple[int, bytes]] = field(default_factory=list)  # the connection, and the bytes


@asynccontextmanager
async def keeping(answer: Answer) -> AsyncIterator[Server]:
    found, connections, tasks = Server(""), 0, set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        mine = connections
        tasks.add(asyncio.current_task())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"Content-Length: (\d+)", head, re.I)
                    body = await reader.readexactly(int(length[1])) if length else b""
                    found.requests.append((mine, head + body))
                    if not await answer(len(found.requests), writer):
                        break
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()  # a writer that outlives its loop warns
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield found
    finally:
        server.close()
        left = [task for task in tasks if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def asked(recorder: Recorder, times: int) -> list[httpx.Response]:
    async with httpx.AsyncClient() as client:
        return [await client.post(f"{recorder.base_url}/chat/completions", content=b"{}") for _ in range(times)]


@pytest.mark.asyncio
async def test_each_request_has_its_own_notes_and_chunks(to: Path) -> None:
    """Also where what came before this response, and after the one before, was something else."""

    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 1:
            head = b"HTTP/1.1 103 Early Hints\r\n\r\n" + STREAM + b"Trailer: X-Sum\r\n\r\n"
            writer.write(head + b"4;a=b\r\none\n\r\n2\r\n1\n\r\n0\r\nX-Sum: 1\r\n\r\n")
        elif number == 2:
            writer.write(STREAM + b"Set-Cookie: a=1\r\nX-A: 1\r\nX-A: 2\r\n\r\n3\r\ntwo\r\n")
            await asyncio.sleep(0.01)
            writer.write(b"3\r\n!\n\n\r\n0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree")
        return True

    async with keeping(answers) as server, Recorder(server.url, to) as recorder:
        given = await asked(recorder, 3)
    assert [one.content for one in given] == [b"one\n1\n", b"two!\n\n", b"three"]
    assert given[1].headers.get_list("X-A") == ["1", "2"]
    assert [connection for connection, _ in server.requests] == [1, 1, 1]
    first, second, third = load(to)
    assert [chunks_of(one) for one in (first, second, third)] == [[b"one\n", b"1\n"], [b"two", b"!\n\n"], [b"three"]]
    assert first.note == "not recorded: a 103 response came before this one; chunk extensions: a; trailers: X-Sum"
    assert second.note is None
    assert third.note == "not recorded: a 100 response came before this one"


@pytest.mark.parametrize("ends", ["FIN", "too much", "Connection: close"])
@pytest.mark.asyncio
async def test_a_connection_on_which_something_came_is_not_used_again(to: Path, ends: str) -> None:
    """Not even if the loop has not seen it yet."""

    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        header = b"Connection: close\r\n" if ends == "Connection: close" else b""
        writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: 1\r\n\r\n%d" % (header, number))
        if ends == "too much":
            await asyncio.sleep(0.01)
            writer.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        return ends != "FIN"

    async with keeping(answers) as server, Recorder(server.url, to) as recorder:
        for number in (b"1", b"2", b"3"):
            (given,) = await asked(recorder, 1)
            assert (given.status_code, given.content) == (200, number)
            await asyncio.sleep(0.02)
    assert [connection for connection, _ in server.requests] == [1, 2, 3]
    assert [one.ending_recorded for one in load(to)] == ["eof"] * 3


@pytest.mark.asyncio
async def test_a_request_is_not_sent_twice(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the server took it, and ended the connection in place of an answer: it may have been paid for."""

    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        return number == 1

    with caplog.at_level(logging.WARNING):
        async with keeping(answers) as server, Recorder(server.url, to) as recorder:
            given = await asked(recorder, 2)
    assert [one.status_code for one in given] == [200, 502]
    assert [connection for connection, _ in server.requests] == [1, 1]
    assert [(one.status, one.ending_recorded) for one in load(to)] == [(200, "eof"), (None, "abort")]


@pytest.mark.asyncio
async def test_a_response_that_is_cut_short_takes_its_connection_along(to: Path) -> None:
    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAM + b"\r\n3\r\n%d\n\n\r\n" % number)
        if number == 1:
            return False
        writer.write(b"0\r\n\r\n")
        return True

    async with keeping(answers) as server, Recorder(server.url, to) as recorder:
        for number, end in ((1, []), (2, [b"END"])):
            async with asking(recorder.base_url) as client:
                await client.head()
                assert dechunked(await client.rest())[0] == [b"%d\n\n" % number, *end]
    assert [connection for connection, _ in server.requests] == [1, 2]
    assert [one.ending_recorded for one in load(to)] == ["abort", "eof"]


@pytest.mark.asyncio
async def test_a_client_that_leaves_ends_the_connection(to: Path) -> None:
    left = asyncio.Event()

    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAM + b"\r\n3\r\n%d\n\n\r\n" % number)
        if number == 2:
            writer.write(b"0\r\n\r\n")
            return True
        with suppress(ConnectionError):
            while not writer.transport.is_closing():
                writer.write(b"3\r\na\n\n\r\n")
                await asyncio.sleep(0.001)
        left.set()
        return False

    async with keeping(answers) as server, Recorder(server.url, to) as recorder:
        async with asking(recorder.base_url) as client:
            await client.head()
            await client.chunk()
        async with asyncio.timeout(10):
            await left.wait()
        async with asking(recorder.base_url) as client:
            await client.head()
            assert dechunked(await client.rest())[0] == [b"2\n\n", b"END"]
    assert [connection for connection, _ in server.requests] == [1, 2]
    assert [one.ending_recorded for one in load(to)] == ["client_disconnected", "eof"]


@pytest.mark.asyncio
async def test_what_has_come_but_was_not_read_yet_ends_the_use_of_a_connection() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    _, handler = await loop.create_connection(lambda: _Handler(loop), *listening.getsockname())
    peer, _ = listening.accept()
    with listening, peer:
        assert _is_usable(handler)
        peer.close()  # and the loop has no turn
        assert _is_usable(handler) is False
    handler.close()


@pytest.mark.asyncio
async def test_credentials_of_a_netrc_are_not_added(to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with keeping(answers) as server, Recorder(server.url, to) as recorder, asking(recorder.base_url) as client:
        await client.rest()
    assert b"authorization" not in server.requests[0][1].lower()
