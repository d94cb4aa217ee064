"""How a response ends is kept and passed on, and so is a client that leaves."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import CLIENT_DISCONNECTED, load
from orharness.recording.downstream import open_response
from orharness.recording.exchange import EndWatch
from orharness.stream import Ending, Framing, Stream
from tests.support.recording_bench import Script, Wire, asking, chunks_of, recording, streaming, until


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


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "ending"), [("aborts", "abort"), ("resets", "reset"), ("aborts_in_a_chunk", "abort")]
)
async def test_what_came_before_the_end_is_kept_however_late_it_is_read(
    to: Path, script: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of it, with the end, is there before the recorder reads the first chunk."""
    over = asyncio.Event()

    async def late(*arguments: Any) -> Any:
        await over.wait()
        await asyncio.sleep(0.05)
        return await open_response(*arguments)

    async def upstream(wire: Wire) -> None:
        await globals()[script](wire)
        over.set()

    monkeypatch.setattr("orharness.recording.proxy.open_response", late)
    async with recording(to, upstream) as bench, asking(bench.base_url) as client:
        passed_on = (await client.rest()).partition(b"\r\n\r\n")[2]

    (found,) = load(to)
    assert found.ending_recorded == ending
    assert chunks_of(found)[0] == b"data: a\n\n"
    assert passed_on.startswith(b"9\r\ndata: a\n\n\r\n")


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


@pytest.mark.slow
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


@pytest.mark.parametrize("size", [1, 100, 2**17])
def test_the_end_of_a_long_answer_is_seen_in_what_came_last(size: int) -> None:
    watch = EndWatch()
    for _ in range(2**18 // size if size > 1 else 2**17):
        watch.add(b"a" * size)
    watch.add(b"\n\n")
    for one in b"data: [DONE]\n":
        watch.add(bytes([one]))
    assert not watch.seen
    watch.add(b"\n")
    assert watch.seen


@pytest.mark.asyncio
async def test_a_client_that_leaves_as_the_answer_ends_is_no_mistake_of_the_recorder(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = asyncio.Event()

    async def script(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: [DONE]\n\n")
        await ends.wait()

    async with recording(to, script) as bench, asking(bench.base_url) as client:
        await client.head()
        await client.chunk()
        # Both come to the recorder at the same moment, so it writes the end while it is closing the connection.
        bench.upstream.requests[0].last_chunk()
        client.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        ends.set()
        await client.rest()
    (found,) = load(to)
    assert found.ending_recorded == Ending.EOF.value
    assert caplog.text == ""
