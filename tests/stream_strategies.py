"""What Hypothesis makes of bytes and streams, for the tests of everything that works on them."""

from __future__ import annotations

from hypothesis import strategies as st

from orharness.sse import BOM, Comment, Event, Item, Retry, decode
from orharness.stream import Chunk, Ending, Stream, repartition

# The bytes that mean something in the format, often, and others now and then.
_PIECES = [
    *(b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"),
    *(
        b":",
        b" ",
        b"data",
        b"data: ",
        b"data:x\n\n",
        b"event",
        b"event: e\n",
        b"id",
        b"id:1\n",
        b"retry",
        b"retry: 10\n",
    ),
    *(
        BOM,
        BOM[:1],
        BOM[1:],
        b"\0",
        b"7",
        b"x",
        "ü".encode(),
        "界".encode()[:2],
        b"\xff",
        b"\xe2\x80\xa8",
        b"\x0b\x0c\x1c",
    ),
]
sse_bytes = st.lists(st.sampled_from(_PIECES) | st.binary(max_size=3), max_size=24).map(b"".join)

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
