"""Requests to which no response head comes: they are recorded as that, and replayed as that."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from pathlib import Path
from threading import Event

import httpx
import pytest

from orharness.cassette import load
from orharness.cassette.interaction import CLIENT_DISCONNECTED, RecordedRequest
from orharness.errors import CassetteError
from orharness.recording import Recorder
from orharness.recording.exchange import Head, RecordedExchange
from orharness.recording.reach import Reach
from orharness.recording.store import Store
from orharness.server.facade import SseServer
from orharness.stream import Framing
from tests.support.recording_bench import (
    PATIENCE,
    Script,
    Wire,
    asking,
    awkward,
    chunks_of,
    contents,
    hangs_up,
    recording,
    recording_process,
    serving,
    started,
    until,
)

A_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


async def resets(wire: Wire) -> None:
    await wire.reset()


async def talks_no_http(wire: Wire) -> None:
    wire.raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    wire.close()


async def breaks_off(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 200 OK\r\nContent-Ty")
    wire.close()


async def replayed(to: Path) -> bytes:
    """What a client reads of a server that plays the only interaction: ``b"RST"`` where it is reset."""
    with SseServer() as server:
        server.cassette(to)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(A_REQUEST)
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        except ConnectionResetError:
            return b"RST"
        finally:
            writer.close()


def refused() -> str:
    """The address of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "ending", "read", "why"),
    [
        (None, "reset", b"RST", "cannot connect to 127.0.0.1, port [0-9]+: Connection refused"),
        (resets, "reset", b"RST", ".*Connection reset by peer"),
        (hangs_up, "abort", b"", "it ended the connection before a response"),
        (talks_no_http, "abort", b"", "what it sent is not HTTP: .*'SSH-2.0-OpenSSH_9.2'"),
        (breaks_off, "abort", b"", "it ended the connection before a response"),
    ],
)
async def test_an_upstream_that_does_not_answer(
    to: Path, script: Script | None, ending: str, read: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(script or awkward) as upstream:
        url = upstream.url if script else refused()
        with caplog.at_level(logging.WARNING):
            async with Recorder(url, to) as recorder, httpx.AsyncClient() as client:
                answer = await client.post(recorder.base_url + "/chat/completions", content=b"{}")

    assert answer.status_code == 502
    (found,) = load(to)
    assert (found.status, found.ending_recorded, found.stream.body) == (None, ending, b"")
    assert found.note == answer.json()["error"]["message"]
    assert re.fullmatch(f"{re.escape(url)} did not answer: {why}", str(found.note))
    assert str(found.note) in caplog.text
    assert await replayed(to) == read


@pytest.mark.asyncio
async def test_an_upstream_that_is_not_reached_in_time_hangs(to: Path) -> None:
    at_once = Reach(connect_timeout=0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        # Its queue takes one connection: the kernel leaves the next ones unanswered.
        others = [socket.socket() for _ in range(3)]
        for one in others:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        async with (
            Recorder(f"http://127.0.0.1:{full.getsockname()[1]}/v1", to, reach=at_once) as recorder,
            httpx.AsyncClient(timeout=PATIENCE) as client,
        ):
            answer = await client.post(recorder.base_url + "/chat/completions", content=b"{}")
        for one in others:
            one.close()

    assert answer.status_code == 502
    (found,) = load(to)
    assert (found.status, found.ending_recorded) == (None, "hang")
    with SseServer() as server:
        route = server.cassette(to)
        async with httpx.AsyncClient(timeout=0.2) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(server.base_url + "/chat/completions", content=b"{}")
        assert route.call.exchange.status is None


@pytest.mark.asyncio
async def test_a_client_that_leaves_is_passed_on_and_recorded(to: Path) -> None:
    left: list[float] = []

    async def silent(wire: Wire) -> None:
        await wire.left()
        left.append(1.0)

    async with recording(to, silent) as bench, asking(bench.base_url) as client:
        await until(lambda: bench.upstream.requests)
        client.close()
        await until(lambda: left)

    (found,) = load(to)
    assert (found.status, found.ending_recorded, found.note) == (None, CLIENT_DISCONNECTED, None)
    assert await replayed(to) == b""


@pytest.mark.asyncio
async def test_a_recorder_that_is_stopped_says_so(to: Path) -> None:
    async def silent(wire: Wire) -> None:
        await wire.left()

    async with serving(silent) as upstream:
        async with Recorder(upstream.url, to) as recorder:
            asked = asyncio.create_task(_asked(recorder.base_url))
            await until(lambda: upstream.requests)
        await asked

    (found,) = load(to)
    assert (found.status, found.ending_recorded) == (None, "abort")
    assert found.note == "the recorder was stopped in the middle of it"


async def _asked(base_url: str) -> None:
    async with asking(base_url) as client:
        await client.rest()


@pytest.mark.asyncio
async def test_others_are_recorded_all_the_same(to: Path) -> None:
    async with recording(to, hangs_up, awkward) as bench:
        for _ in range(2):
            async with asking(bench.base_url) as client:
                await client.rest()
    assert [(one.status, bool(chunks_of(one))) for one in load(to)] == [(None, False), (200, True)]


@pytest.mark.asyncio
async def test_the_spool_of_a_killed_recorder_keeps_it_too(to: Path) -> None:
    """It cannot be saved while a folder is in the place of the cassette, so it stays in the spool."""
    with pytest.raises(CassetteError):
        await _recorded_into_a_folder(to)
    os.rmdir(to)  # noqa: PTH106
    await started("http://127.0.0.1:1/v1", to)
    (found,) = load(to)
    assert (found.status, found.ending_recorded) == (None, "reset")


async def _recorded_into_a_folder(to: Path) -> None:
    async with Recorder(refused(), to) as recorder, httpx.AsyncClient() as client:
        os.mkdir(to)  # noqa: PTH102
        await client.post(recorder.base_url + "/chat/completions", content=b"{}")


@pytest.mark.slow
@pytest.mark.asyncio
async def test_it_is_told_on_stderr(to: Path) -> None:
    async with recording_process(refused(), to) as (process, base_url):
        async with httpx.AsyncClient() as client:
            await client.post(base_url + "/chat/completions", content=b"{}")
        await until(to.exists)
        process.terminate()
        _, said = await process.communicate()
    assert b"did not answer: " in said
    assert b"no response, " in said


@pytest.mark.parametrize(("old", "new"), [(b"code: null", b"code: nothing"), (b"ending: reset", b"ending: eof")])
@pytest.mark.asyncio
async def test_a_cassette_in_which_a_status_was_lost_is_refused(to: Path, old: bytes, new: bytes) -> None:
    async with Recorder(refused(), to) as recorder, httpx.AsyncClient() as client:
        await client.post(recorder.base_url + "/chat/completions", content=b"{}")
    await asyncio.to_thread(to.write_bytes, contents(to).replace(old, new))
    with pytest.raises(CassetteError):
        load(to)


@pytest.fixture
def slow_search(monkeypatch: pytest.MonkeyPatch) -> Event:
    """The search of the request for secrets ends when this is set."""
    go, prepare = Event(), RecordedExchange.prepare

    def waiting(exchange: RecordedExchange) -> None:
        assert go.wait(PATIENCE)
        prepare(exchange)

    monkeypatch.setattr(RecordedExchange, "prepare", waiting)
    return go


@pytest.mark.asyncio
async def test_a_client_that_leaves_while_its_request_is_searched_loses_nothing(to: Path, slow_search: Event) -> None:
    async with Recorder(refused(), to) as recorder, asking(recorder.base_url) as client:
        await until(lambda: recorder._handlers)
        await asyncio.sleep(0.05)  # the connection has been refused by now, or the same holds all the more
        client.close()
        await until(lambda: any(task.cancelling() for task in recorder._handlers))
        slow_search.set()

    (found,) = load(to)
    assert (found.status, found.ending_recorded) == (None, "reset")


@pytest.mark.asyncio
async def test_what_the_request_keeps_secret_is_not_in_the_note_either(to: Path, slow_search: Event) -> None:
    """It is looked for while the server answers, here by something that is not HTTP and repeats it."""
    secret = b"correct horse battery staple"

    async def repeats(wire: Wire) -> None:
        wire.raw(secret + b"\r\n\r\n")
        asyncio.get_running_loop().call_later(0.05, slow_search.set)
        wire.close()

    body = b'{"password": "%s"}' % secret
    async with recording(to, repeats) as bench, asking(bench.base_url, body=body) as client:
        said = await client.rest()

    assert b"did not answer" in said
    assert secret not in said
    assert secret not in contents(to)


@pytest.mark.asyncio
async def test_what_never_ended_stays_in_the_spool(to: Path) -> None:
    store = Store(to, overwrite=False)
    exchange = RecordedExchange(0, RecordedRequest("POST", "http://a/v1/chat/completions", (), b"{}"), "")
    exchange.prepare()
    exchange.answered(Head(200, "OK", (), Framing.CHUNKED, None, None), 0.0)
    store.begin(exchange)
    store.after_passing(exchange, b"data: a\n\n", 0.0)
    await asyncio.sleep(0)
    await store.close()
    async with Recorder(refused(), to) as recorder:
        assert [one.stream.body for one in recorder.interactions] == [b"data: a\n\n"]
