"""Bytes, boundaries and times are kept on both sides."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import get_ident
from typing import Any

import httpx
import pytest

from orharness.cassette import Tape, load
from orharness.recording.downstream import writer
from orharness.recording.upstream import upstream_uri
from orharness.stream import Framing
from tests.support.recording_bench import (
    AWKWARD,
    Wire,
    asking,
    awkward,
    chunks_of,
    contents,
    dechunked,
    recording,
    until,
)


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.asyncio
async def test_all_but_the_last_chunk_is_in_the_spool_when_the_next_one_goes_on(
    to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_spool: list[int] = []

    def counting(*arguments: Any) -> Callable[[bytes], None]:
        write = writer(*arguments)

        def counted(data: bytes) -> None:
            in_spool.append(contents(to.with_name("a.yaml.recording")).count(b'"data"'))
            write(data)

        return counted

    monkeypatch.setattr("orharness.recording.proxy.writer", counting)
    async with recording(to, awkward) as bench, asking(bench.base_url) as client:
        await client.rest()
    assert all(number <= found <= number + 1 for number, found in enumerate(in_spool))
    assert len(in_spool) == len(AWKWARD)


@pytest.mark.asyncio
async def test_an_exchange_is_saved_while_others_go_on(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    add = Tape.add_all

    def noted(*arguments: Any) -> None:
        threads.append(get_ident())
        add(*arguments)

    monkeypatch.setattr(Tape, "add_all", noted)
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
        assert wire.header("Connection") is None  # it may be used again
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


@pytest.mark.parametrize("version", ["/v1", "/v1beta", ""])
def test_where_a_request_to_google_goes_whatever_version_its_client_has(version: str) -> None:
    uri = "https://google/v1beta/models/m:streamGenerateContent?alt=sse"
    assert upstream_uri("https://google/v1beta", f"{version}/models/m:streamGenerateContent?alt=sse") == uri
    assert upstream_uri("https://google", "/v1beta/models/m:streamGenerateContent?alt=sse") == uri
