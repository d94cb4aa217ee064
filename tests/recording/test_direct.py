"""The short way of chunks through the recorder: the client and the cassette have what they have by the long way."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import Interaction, load
from orharness.recording import Recorder
from orharness.recording.apart import apart
from orharness.recording.direct import DirectBody
from orharness.recording.whole_chunks import WholeChunks, data_of
from orharness.stream import Chunk
from tests.recording.test_endings import aborts, aborts_in_a_chunk, closes, falls_short, garbles, resets, says_nothing
from tests.support.recording_bench import AWKWARD, Script, Wire, awkward, port_of, serving, until

LAST = [b"0\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n", b"4;a=b\r\none\n\r\n", b"04\r\none\n\r\n", b"4 \r\none\n\r\n"]
LAST += [b"no size\r\n", b"x", b"\r\n", b"+4\r\none\n\r\n", b"0x4\r\none\n\r\n", b"4\r\none\nXY", b"1_0\r\n"]
LAST += [b"4\none\n\n", b"f" * 40]


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.booleans()), max_size=6),
    st.sampled_from(LAST),
    st.lists(st.integers(1, 200)),
)
def test_whole_chunks_however_they_are_cut(chunks: list[tuple[bytes, bool]], last: bytes, cuts: list[int]) -> None:
    plain = b"".join(framed(data) for data, _ in chunks)
    wire = b"".join(b"%X\r\n%b\r\n" % (len(data), data) if upper else framed(data) for data, upper in chunks) + last
    places = sorted({0, *(cut for cut in cuts if cut < len(wire)), len(wire)})
    whole, followed, parser = [], b"", WholeChunks()
    for start, end in pairwise(places):
        if parser.over:
            followed += wire[start:end]
            continue
        passed, rest = parser.feed(wire[start:end])
        whole.append(passed)
        followed += rest
    assert parser.over
    assert b"".join(whole) == plain
    assert [data for one in whole for data in data_of(one)] == [data for data, _ in chunks]
    assert followed == last


def test_a_chunk_of_many_reads_is_joined_once() -> None:
    """In time that grows with its size alone."""
    parser, body = WholeChunks(), bytes(2**22)
    wire = framed(body)
    passed = [parser.feed(wire[at : at + 2**9])[0] for at in range(0, len(wire), 2**9)]
    assert passed[:-1] == [b""] * (len(passed) - 1)
    assert [*data_of(passed[-1])] == [body]


@pytest.mark.asyncio
async def test_what_comes_while_one_waits_is_taken_afterwards_and_in_order() -> None:
    free, taken = asyncio.Event(), []

    class Slow:
        def take(self, chunks: bytes, now: float) -> bool:
            taken.append(chunks)
            return len(taken) % 2 == 0

        async def until_free(self) -> None:
            await free.wait()

    body = DirectBody(asyncio.get_running_loop().time)
    body.begin(None)
    ways = [framed(b"%d" % number) for number in range(6)]
    assert body.feed(ways[0]) == b""
    taking = asyncio.create_task(body.taken_by(Slow()))
    await asyncio.sleep(0)
    for one in ways[1:3]:
        body.feed(one)
    await asyncio.sleep(0)
    assert taken == ways[:1]
    free.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for one in ways[3:]:
        body.feed(one)
    assert body.feed(b"0\r\n") == b"0\r\n"
    await taking
    assert taken == ways


async def upper_case(wire: Wire) -> None:
    wire.head()
    wire.raw(b"".join(b"%X\r\n%b\r\n" % (len(one), one) for one in AWKWARD))
    wire.last_chunk()


async def has_it_all(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    wire.head("Trailer: X-Sum")
    wire.chunks(b"data: a\n\n")
    await asyncio.sleep(0.01)
    wire.raw(b"9;tok=1;sig\r\ndata: b\n\n\r\n9\r\ndata: c\n\n\r\n")
    wire.raw(b"0;last\r\nX-Su")
    await asyncio.sleep(0.01)
    wire.raw(b"m: 1\r\n\r\n")


async def byte_by_byte(wire: Wire) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding:  Chunked \r\nX-A: 1\r\n\r\n" + b"".join(map(framed, AWKWARD))
    for byte in data + b"0\r\n\r\n":
        wire.raw(bytes([byte]))
        await asyncio.sleep(0)


async def compressed(wire: Wire) -> None:
    wire.head("Content-Encoding: gzip")
    packed = gzip.compress(b"data: a\n\ndata: [DONE]\n\n", mtime=0)
    wire.chunks(packed[:10], packed[10:])
    wire.last_chunk()


async def large_chunks(wire: Wire) -> None:
    wire.head()
    for number in range(4):
        wire.chunks(b"data: %b\n\n" % (b"%d" % number * 700_000))
    wire.last_chunk()


async def wrong_end_of_a_chunk(wire: Wire) -> None:
    wire.head()
    wire.chunks(b"data: a\n\n")
    await asyncio.sleep(0.01)
    wire.raw(b"9\r\ndata: b\n\nXY9\r\ndata: c\n\n\r\n")


async def two_codings(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
    wire.chunks(gzip.compress(b"data: a\n\n", mtime=0))
    wire.last_chunk()


async def without_a_body(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")


async def old(wire: Wire) -> None:
    wire.raw(b"HTTP/1.0 200 OK\r\n\r\ndata: a\n\n")


async def head_only(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")


SCRIPTS: list[tuple[Script, str, str]] = [
    *((script, "POST", "1.1") for script in (awkward, upper_case, has_it_all, byte_by_byte, compressed, large_chunks)),
    *((script, "POST", "1.1") for script in (aborts, aborts_in_a_chunk, resets, falls_short, closes, says_nothing)),
    *((script, "POST", "1.1") for script in (garbles, wrong_end_of_a_chunk, two_codings, without_a_body, old)),
    (head_only, "HEAD", "1.1"),
    (awkward, "POST", "1.0"),
    (has_it_all, "POST", "1.0"),
]


async def received(base_url: str, number: int, method: str, version: str) -> bytes:
    """All that a client gets; ``RST`` is its end where the connection was reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(base_url))
    head = f"{method} /v1/{number} HTTP/{version}\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    writer.write(head.encode())
    data = bytearray()
    try:
        while piece := await reader.read(2**16):
            data += piece
    except ConnectionResetError:
        data += b"RST"
    writer.close()
    return re.sub(rb"\r\nDate: [^\r]*", b"", data)


def timeless(one: Interaction) -> Interaction:
    """What does not depend on the time and the server."""
    request = replace(one.request, uri=one.request.path)
    stream = replace(one.stream, chunks=tuple(Chunk(chunk.data) for chunk in one.stream.chunks))
    return replace(one, request=request, head=0.0, recorded_at=None, stream=stream)


async def recorded(to: Path, **options: Any) -> tuple[list[bytes], list[Interaction]]:
    """What the clients get of all scripts, and what the cassette has of them."""
    async with serving(*(script for script, _, _ in SCRIPTS)) as upstream, Recorder(upstream.url, to, **options) as one:
        given = [
            await received(one.base_url, number, method, version) for number, (_, method, version) in enumerate(SCRIPTS)
        ]
        await until(lambda: one.recorded == len(SCRIPTS))
        upstream.errors.clear()  # of connections that were closed before the end
    return given, [timeless(one) for one in load(to)]


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such process on Windows")
async def test_the_client_and_the_cassette_have_the_same_by_either_way(
    to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = await recorded(to)
    directly: list[bytes] = []
    feed = DirectBody.feed

    def noted(self: DirectBody, data: bytes) -> bytes:
        directly.append(data)
        return feed(self, data)

    monkeypatch.setattr(DirectBody, "feed", noted)
    with apart() as process:
        short = await recorded(to.with_name("b.yaml"), apart=process)
    for (script, method, version), *by_either in zip(SCRIPTS, *long, *short, strict=True):
        given, kept, given_directly, kept_directly = by_either
        assert (given_directly, kept_directly) == (given, kept), (script.__name__, method, version)
    assert len(b"".join(directly)) > 2_800_000, "they came by the long way"
