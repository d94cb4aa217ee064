"""What Hypothesis makes of bytes and streams, for the tests of everything that works on them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from orharness.sse import BOM, Comment, Event, Item, Retry, decode
from orharness.stream import Chunk, Ending, Stream, repartition

# The bytes that mean something in the format, whole lines and blocks, so that there are events, and anything else.
_ENDS = [b"\n", b"\r", b"\r\n"]
_LINES = [b"data: x", b"data:y", b"data", b"event: t", b"id: 1", b"id: 1\0", b"retry: 10", b": c", b"foo: 1", b"", b""]
_PIECES = [
    *(b"\r", b"\n", b":", b" ", b"data", b"event", b"id", b"retry: ", b"7", b"x", b"\0", BOM, BOM[:1], BOM[1:]),
    *("ü".encode(), "界".encode()[:2], b"\xff", b"\xe2\x80\xa8", b"\x0b\x0c\x1c"),
]
_ends = st.sampled_from(_ENDS)
_lines = st.builds(bytes.__add__, st.sampled_from(_LINES), _ends)
_blocks = st.builds(
    lambda lines, end: b"".join(line + end for line in (*lines, b"")),
    st.lists(st.sampled_from(_LINES), min_size=1, max_size=3),
    _ends,
)
_pieces = st.sampled_from(_PIECES) | st.binary(max_size=3)
sse_bytes = st.lists(st.one_of(_blocks, _lines, _pieces), max_size=16).map(b"".join)

delays = st.floats(0, 100)


@st.composite
def streams(draw: st.DrawFn, body: st.SearchStrategy[bytes] = sse_bytes, *, least: int = 0) -> Stream:
    """Any body in any chunks, with gates and perhaps an end marker at any places."""
    data = draw(body.filter(lambda data: len(data) >= least))
    anywhere = st.integers(0, len(data))
    cuts = draw(st.lists(anywhere, max_size=8))
    pieces = repartition(Stream.of(data), cuts).chunks
    return Stream(
        tuple(Chunk(piece.data, draw(delays)) for piece in pieces),
        ending=draw(st.sampled_from(Ending)),
        end_marker=draw(st.none() | anywhere),
        gates=tuple(sorted(draw(st.sets(anywhere, max_size=3)))),
    )


def events_in(body: bytes) -> list[Item]:
    """What a client acts on."""
    return [item for item in decode(body) if not isinstance(item, Comment)]


_one_line = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
items = st.one_of(
    st.builds(Comment, _one_line),
    st.builds(Retry, st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000)),
    st.builds(
        Event,
        _one_line.filter(bool),
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12),
        st.just(""),
    ),
)

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
json_texts = _values.map(json.dumps)
