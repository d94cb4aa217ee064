"""Content codings of a response: compressed chunk by chunk, so that a client can read each as it comes."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from dataclasses import replace

from orharness.journal import Request
from orharness.stream import Chunk, Ending, Stream

CODINGS = ("gzip",)


def accepts(request: Request, coding: str) -> bool:
    """Return whether the request's Accept-Encoding names the coding (RFC 9110, 12.5.3); weights are ignored."""
    names = (request.header("Accept-Encoding") or "").split(",")
    return coding in (name.partition(";")[0].strip().lower() for name in names)


def gzipped(stream: Stream) -> Stream:
    """Return the stream in gzip, flushed after each chunk (RFC 1952).

    Positions inside a chunk move to its end: a client cannot read a part of it. A stream that does not end in order has
    no end of the coding either.
    """
    packer = zlib.compressobj(wbits=31)
    chunks = [Chunk(packer.compress(one.data) + packer.flush(zlib.Z_SYNC_FLUSH), one.delay) for one in stream.chunks]
    if stream.ending is Ending.EOF:
        chunks.append(Chunk(packer.flush()))
    packed = Stream(tuple(chunks), stream.ending, stream.framing)
    before = (0, *stream.boundaries)
    after = (0, *packed.boundaries)

    def moved(offset: int) -> int:
        return after[bisect_left(before, offset)]

    return replace(
        packed,
        faults=tuple(replace(fault, at=moved(fault.at)) for fault in stream.faults),
        end_marker=None if stream.end_marker is None else moved(stream.end_marker),
        gates=tuple(map(moved, stream.gates)),
        tokens=tuple(map(moved, stream.tokens)),
    )
