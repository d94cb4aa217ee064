"""Content codings that nobody asked for, and what HTTP has beside the body: decoded or noted in the cassette."""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import brotli
import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import header, load
from orharness.codings import ContentDecoder
from orharness.recording.wire_notes import WireNotes
from orharness.server.facade import SseServer
from tests.support.recording_bench import Wire, asking, awkward, chunks_of, dechunked, recording


def inflatable(window: int) -> Callable[[list[bytes]], list[bytes]]:
    def pack(events: list[bytes]) -> list[bytes]:
        packer = zlib.compressobj(wbits=window)
        pieces = [packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH) for event in events]
        return [*pieces[:-1], pieces[-1] + packer.flush()]

    return pack


def by_brotli(events: list[bytes]) -> list[bytes]:
    packer = brotli.Compressor()
    pieces = [packer.process(event) + packer.flush() for event in events]
    return [*pieces[:-1], pieces[-1] + packer.finish()]


def by_zstandard(events: Iterable[bytes]) -> list[bytes]:
    return [zstandard.compress(event) for event in events]  # a frame each


PACKED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "gzip": inflatable(zlib.MAX_WBITS | 16),
    "deflate": inflatable(zlib.MAX_WBITS),
    "br": by_brotli,
    "zstd": by_zstandard,
    "gzip, br": lambda events: by_brotli([gzip.compress(b"".join(events))]),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
async def test_what_is_compressed_all_the_same_is_kept_decoded_and_passed_on_as_it_came(to: Path, coding: str) -> None:
    events = [b"data: a\n\n", b"data: b\n\n"]
    packed = PACKED[coding](events)

    async def compressed(wire: Wire) -> None:
        wire.head(f"Content-Encoding: {coding}")
        wire.chunks(*packed)
        wire.last_chunk()

    async with recording(to, compressed) as bench, asking(bench.base_url) as client:
        assert f"Content-Encoding: {coding}".encode() in await client.head()
        assert dechunked(await client.rest())[0] == [*packed, b"END"]

    (found,) = load(to)
    assert found.stream.body == b"".join(events)
    assert coding == "gzip, br" or chunks_of(found) == events
    assert header(found.headers, "Content-Encoding") is None
    assert found.note == f"the response's body came with the content coding {coding}, and is kept decoded"
    with SseServer() as server:
        server.serve(to)
        async with httpx.AsyncClient() as sdk:
            answer = await sdk.post(server.base_url + "/chat/completions", json={})
    assert ("Content-Encoding" in answer.headers, answer.content) == (False, b"".join(events))


@pytest.mark.asyncio
async def test_the_client_gets_no_header_that_the_server_did_not_send(to: Path) -> None:
    async def sends_none(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 200 OK\r\nX-Own: 1\r\nX-Own: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab")

    async with recording(to, sends_none) as bench, asking(bench.base_url) as client:
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")

    assert body == b"ab"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"X-Own: 1",
        b"X-Own: 2",
        b"Content-Length: 2",
        b"Connection: close",
    ]


@pytest.mark.asyncio
async def test_what_http_has_beside_the_body_is_noted(to: Path) -> None:
    async def has_it_all(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        wire.head("Trailer: X-Sum")
        wire.raw(b"9;tok=1;sig\r\ndata: a\n\n\r\n")
        await asyncio.sleep(0.01)
        wire.raw(b"0;last\r\nX-Su")
        await asyncio.sleep(0.01)
        wire.raw(b"m: 1\r\n\r\n")

    async with recording(to, has_it_all, awkward) as bench:
        for _ in range(2):
            async with asking(bench.base_url) as client:
                await client.rest()

    noted, plain = load(to)
    assert chunks_of(noted) == [b"data: a\n\n"]
    assert noted.note == (
        "not recorded: a 103 response came before this one; chunk extensions: tok, sig, last; trailers: X-Sum"
    )
    assert plain.note is None


@given(st.lists(st.integers(1, 200), max_size=20))
def test_notes_on_the_wire_do_not_depend_on_how_it_is_cut(cuts: list[int]) -> None:
    wire = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n\r\n\r\n5;a=b\r\n0\r\n;x\r\n0\r\nT: 1\r\nU: 2\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    )
    notes, places = WireNotes(), sorted({0, *(cut for cut in cuts if cut < len(wire)), len(wire)})
    for start, end in pairwise(places):
        notes.feed(wire[start:end])
    assert notes.note == ("not recorded: a 100 response came before this one; chunk extensions: a; trailers: T, U")


@pytest.mark.parametrize(("coding", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, coding: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    decoder = ContentDecoder(coding)
    assert (decoder.readable, decoder.feed(b"a")) == (False, b"")
    assert decoder.missing == f" ({coding} needs the package {package})"
