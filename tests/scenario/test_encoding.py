"""Compressed streams: each chunk can be read as it comes, and a stream that is cut has no end of its coding."""

from __future__ import annotations

import zlib

import pytest

import orharness.transforms as t
from orharness.scenario.encoding import gzipped
from orharness.sse import encode
from orharness.stream import Ending, Stream

STREAM = Stream.of(*map(encode, ("one", "two", "three")))


def test_each_chunk_can_be_read_when_it_has_come() -> None:
    unpacker = zlib.decompressobj(wbits=31)
    pieces = [unpacker.decompress(chunk.data) for chunk in gzipped(STREAM).chunks]
    assert pieces == [*(chunk.data for chunk in STREAM.chunks), b""]
    assert unpacker.eof


@pytest.mark.parametrize("ending", Ending)
def test_the_coding_ends_with_a_stream_that_ends_in_order_alone(ending: Ending) -> None:
    cut = t.truncate(t.after_event(2), ending)(STREAM)
    packed, unpacker = gzipped(cut), zlib.decompressobj(wbits=31)
    assert unpacker.decompress(packed.body) == cut.body
    assert unpacker.eof is (ending is Ending.EOF)
    if ending is not Ending.EOF:
        assert packed.faults[0].at == len(packed.body)  # nothing is sent after it
