"""Requests of any methods, answers of any statuses, with and without bodies, in any order, all through one recorder.

Few of each run here. ``ORHARNESS_FULL=1 python -m pytest tests/recording/test_any_order.py`` runs 100 of each.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import aiohttp
import httpx
import pytest

from orharness.cassette import load
from orharness.cassette.interaction import header
from orharness.recording import Recorder
from orharness.server.facade import SseServer
from tests.support.recording_bench import PATIENCE, recording_process

TIMES = 100 if os.environ.get("ORHARNESS_FULL") else 2
METHODS: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
if not aiohttp.__version__.startswith("3.11."):  # whose parser does not know it
    METHODS = (*METHODS, "QUERY")
STATUSES = (200, 201, 202, 204, 205, 206, 302, 304, 307, 400, 401, 404, 418, 429, 499, 500, 502, 503, 529)
FRAMINGS = ("length", "chunked", "close")
BODIES = (b"", b"data: [DONE]\n\n", b'{"error": {"message": "a"}}')


class Asked(NamedTuple):
    """One request, and the answer that its path asks for. ``sent``: the request's own body."""

    method: str
    status: int
    framing: str
    body: int
    sent: bytes

    @property
    def path(self) -> str:
        return f"/{self.status}/{self.framing}/{self.body}"

    @property
    def has_body(self) -> bool:
        return self.method != "HEAD" and self.status not in (204, 304)

    @property
    def content(self) -> bytes:
        return BODIES[self.body] if self.has_body else b""


def one_of_each(seed: int) -> list[Asked]:
    """Each method with each status, in an order of its own, with framings and bodies by chance."""
    chance = random.Random(seed)
    asked = [
        Asked(method, status, chance.choice(FRAMINGS), chance.randrange(len(BODIES)), chance.choice((b"", b"{}")))
        for method in METHODS
        for status in STATUSES
    ]
    chance.shuffle(asked)
    return asked


def answer(method: str, path: str) -> tuple[bytes, bool]:
    """The answer that a path asks for, and whether its connection goes on."""
    _, status, framing, number = path.rsplit("/", 3)
    body, bare = BODIES[int(number)], int(status) in (204, 304)
    lines = [f"HTTP/1.1 {status} {_reason(int(status))}", "Content-Type: text/event-stream"]
    data = b"" if bare or method == "HEAD" else body
    if bare:
        pass
    elif framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
        if method != "HEAD":
            data = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data, bare or framing != "close"


def _reason(status: int) -> str:
    with suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Of their own"


@asynccontextmanager
async def answering() -> AsyncIterator[str]:
    """A server that gives the answers that paths ask for; its base URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            goes_on = True
            while goes_on:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                if "content-length: " in head:
                    await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
                method, path = head.split(" ")[:2]
                data, goes_on = answer(method.upper(), path)
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def check(client: httpx.AsyncClient, base_url: str, asked: Asked) -> None:
    given = await client.request(asked.method, base_url + asked.path, content=asked.sent)
    assert (given.status_code, given.content) == (asked.status, asked.content), asked
    if asked.method == "HEAD" and asked.framing == "length" and asked.status not in (204, 304):
        assert given.headers["Content-Length"] == str(len(BODIES[asked.body])), asked


@pytest.mark.slow
@pytest.mark.asyncio
async def test_any_order_of_any_methods_and_statuses_is_served_and_kept(to: Path) -> None:
    """In a process of its own: a recorder that spins would also stop a test in the same event loop."""
    every = [asked for seed in range(TIMES) for asked in one_of_each(seed)]
    # Nobody reads the lines about thousands of answers, for which a pipe has no room.
    limit, stderr = 60.0 + 30 * TIMES, asyncio.subprocess.DEVNULL
    async with answering() as upstream, recording_process(upstream, to, limit, stderr) as (process, base_url):
        async with httpx.AsyncClient(timeout=PATIENCE) as client:  # its connection would show a byte too many
            for asked in every:
                await check(client, base_url, asked)
        process.terminate()
        await process.communicate()
        assert process.returncode == 0

    found = load(to)
    assert [(one.request.method, one.status, one.stream.body) for one in found] == [
        (asked.method, asked.status, asked.content) for asked in every
    ]
    assert {one.ending_recorded for one in found} == {"eof"}
    assert Counter(one.request.method for one in found) == Counter(asked.method for asked in every)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_was_recorded_of_them_is_replayed_as_it_was(to: Path) -> None:
    every = one_of_each(7)[:60]
    async with answering() as upstream, Recorder(upstream, to) as recorder, httpx.AsyncClient() as client:
        for asked in every:
            await check(client, recorder.base_url, asked)

    with SseServer() as server:
        server.cassette(to)
        async with httpx.AsyncClient() as client:
            for asked in every:
                await check(client, server.base_url, asked)


@pytest.mark.asyncio
@pytest.mark.parametrize("length", ["0", "5", "123456789"])
async def test_the_length_that_a_head_request_asks_for_is_kept(to: Path, length: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as upstream, httpx.AsyncClient() as client:
        port = upstream.sockets[0].getsockname()[1]
        async with Recorder(f"http://127.0.0.1:{port}/v1", to) as recorder:
            given = await client.head(recorder.base_url + "/a")
    assert given.headers["Content-Length"] == length
    (found,) = load(to)
    assert header(found.headers, "Content-Length") is None  # a server computes it

    with SseServer() as server:
        server.cassette(to)
        async with httpx.AsyncClient() as client:
            assert (await client.head(server.base_url + "/a")).headers["Content-Length"] == length


@pytest.mark.asyncio
async def test_a_browsers_preflight_goes_through_to_the_upstream(to: Path) -> None:
    """Without a key of its own to protect, the recorder leaves CORS to the upstream."""
    seen: list[str] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(
            b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: http://a.example\r\n"
            b"Access-Control-Allow-Methods: POST\r\nConnection: close\r\n\r\n"
        )
        writer.close()

    asks = {
        "Origin": "http://a.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with await asyncio.start_server(connected, "127.0.0.1", 0) as upstream, httpx.AsyncClient() as client:
        port = upstream.sockets[0].getsockname()[1]
        async with Recorder(f"http://127.0.0.1:{port}/v1", to) as recorder:
            for _ in range(3):
                given = await client.options(recorder.base_url + "/chat/completions", headers=asks)
                assert given.status_code == 204
                assert given.headers["Access-Control-Allow-Methods"] == "POST"
    assert len(seen) == 3
    assert all("Access-Control-Request-Headers: authorization" in one for one in seen)
    assert len(load(to)) == 3
