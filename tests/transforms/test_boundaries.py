"""Boundaries: the same bytes in other chunks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import SSE, Block
from orharness.sse import BOM, decode, encode
from orharness.stream import Chunk, Stream
from tests.support.examples import examples
from tests.support.stream_strategies import sse_bytes, streams

BOUNDARIES = st.one_of(
    st.builds(t.rechunk, st.integers(1, 50)),
    st.builds(t.coalesce, st.integers(1, 5)),
    st.builds(t.per_event),
    st.builds(t.per_byte),
    st.builds(t.random_chunks, st.integers(), st.integers(1, 5), st.integers(5, 20)),
    st.builds(t.split_at, st.just(0)),
    st.builds(t.cut_at, st.just(0)) | st.builds(t.cut_at),
)
LETTERS = Stream.of(b"abcde", b"fg", b"hij", delay=1.0)


def pieces(stream: Stream) -> list[tuple[bytes, float]]:
    return [(chunk.data, chunk.delay) for chunk in stream.chunks]


def bodies(stream: Stream) -> list[bytes]:
    return [chunk.data for chunk in stream.chunks]


@pytest.mark.slow
@examples(300)
@given(streams(), BOUNDARIES)
def test_boundaries_keep_the_bytes_the_time_and_all_places(stream: Stream, boundary: t.Step) -> None:
    cut = boundary(stream)
    assert cut.body == stream.body
    assert cut.duration == pytest.approx(stream.duration)
    assert (cut.gates, cut.end_marker, cut.faults) == (stream.gates, stream.end_marker, stream.faults)
    assert (cut.ending, cut.framing, cut.announced) == (stream.ending, stream.framing, stream.announced)
    if stream.chunks:
        assert cut.chunks[0].delay >= stream.chunks[0].delay


@given(streams(), st.integers(1, 50))
def test_rechunk_makes_equal_chunks(stream: Stream, size: int) -> None:
    sizes = [len(data) for data in bodies(t.rechunk(size)(stream))]
    assert all(one == size for one in sizes[:-1])
    assert all(0 < one <= size for one in sizes)


@given(streams(), st.integers(), st.integers(1, 5), st.integers(5, 20))
def test_random_chunks_keep_to_their_sizes(stream: Stream, seed: int, smallest: int, largest: int) -> None:
    sizes = [len(data) for data in bodies(t.random_chunks(seed, smallest, largest)(stream))]
    assert all(smallest <= one <= largest for one in sizes[:-1])
    assert all(0 < one <= largest for one in sizes)


@pytest.mark.slow
@given(streams(), st.integers(1, 5))
def test_coalesce_joins_so_many(stream: Stream, number: int) -> None:
    joined = t.coalesce(number)(stream)
    groups = [stream.chunks[i : i + number] for i in range(0, len(stream.chunks), number)]
    assert bodies(joined) == [b"".join(chunk.data for chunk in group) for group in groups]
    assert [chunk.delay for chunk in joined.chunks] == pytest.approx([sum(c.delay for c in group) for group in groups])


@given(streams())
def test_per_event_is_one_block_a_chunk(stream: Stream) -> None:
    for data in bodies(t.per_event()(stream)):
        assert len(SSE.blocks(data)) <= 1


def test_rechunk() -> None:
    assert pieces(t.rechunk(4)(LETTERS)) == [(b"abcd", 1.0), (b"efgh", 2.0), (b"ij", 0.0)]
    assert bodies(t.rechunk(99)(LETTERS)) == [b"abcdefghij"]


def test_split_at_adds_to_what_is_there() -> None:
    assert pieces(t.split_at(2, -1, 5)(LETTERS)) == [
        *((b"ab", 1.0), (b"cde", 0.0), (b"fg", 1.0), (b"hi", 1.0), (b"j", 0.0)),
    ]
    assert t.split_at(0, 10)(LETTERS) == LETTERS
    assert bodies(t.split_at(t.after_text("c"))(LETTERS))[:2] == [b"abc", b"de"]


def test_split_inside_a_character() -> None:
    stream = Stream.of(encode("Grüße"))
    assert bodies(t.split_at(t.after_text("Gr"), 9)(stream)) == [
        b"data: Gr",
        b"\xc3",
        "\xbc".encode("latin-1") + "ße\n\n".encode(),
    ]


def test_inside_a_text_is_its_middle_and_its_own_name_is_told() -> None:
    stream = Stream.of(encode("Grüße"))
    assert bodies(t.split_at(t.inside_text("ü"))(stream))[0] == b"data: Gr\xc3"
    with pytest.raises(ScenarioError, match=r"^inside_text: 'zz' is not in the body: the stream has"):
        t.split_at(t.inside_text("zz"))(stream)
    with pytest.raises(ScenarioError, match=r"^inside_text: 'G' is 1 byte, and has no inside$"):
        t.inside_text("G")


def test_coalesce() -> None:
    assert pieces(t.coalesce(2)(LETTERS)) == [(b"abcdefg", 2.0), (b"hij", 1.0)]
    assert t.coalesce(1)(LETTERS) == LETTERS


def test_per_event() -> None:
    first, comment, second = BOM + b":in it\nevent: t\ndata: a\n\n\n\n", b": alone\r\r", b"id: 7\r\n\r\n"
    last, rest = encode("b"), b"data: unfinished\n"
    stream = Stream.of(first + comment + second + last + rest, delay=1.0)
    assert pieces(t.per_event()(stream)) == [(first, 1.0), *((data, 0.0) for data in (comment, second, last, rest))]
    assert bodies(t.per_event()(Stream.of(b"\n\n", encode("a")))) == [b"\n\n" + encode("a")]
    assert bodies(t.per_event()(Stream.of(b'{"a":', b"1}"))) == [b'{"a":1}']


def test_per_byte() -> None:
    assert pieces(t.per_byte()(Stream.of(b"abc", b"d", delay=1.0))) == [(b"a", 1), (b"b", 0), (b"c", 0), (b"d", 1)]
    assert t.per_byte()(Stream()) == Stream()


def test_random_chunks_come_from_the_seed_alone() -> None:
    stream = Stream((Chunk(encode("x" * 500)),))
    assert t.random_chunks(1)(stream) == t.random_chunks(1)(stream)
    assert t.random_chunks(1)(stream) != t.random_chunks(2)(stream)
    assert [len(data) for data in bodies(t.random_chunks("seed", 100, 200)(stream))] == [117, 107, 130, 144, 10]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: t.rechunk(0), "rechunk(size) is a whole number from 1 up, not 0"),
        (lambda: t.rechunk(-1), "rechunk(size) is a whole number from 1 up, not -1"),
        (lambda: t.rechunk(2.5), "rechunk(size) is a whole number from 1 up, not 2.5"),  # type: ignore[arg-type]
        (lambda: t.coalesce(0), "coalesce(number) is a whole number from 1 up, not 0"),
        (lambda: t.random_chunks(1, 0), "random_chunks(smallest=) is a whole number from 1 up, not 0"),
        (lambda: t.random_chunks(1, 1, 0), "random_chunks(largest=) is a whole number from 1 up, not 0"),
        (lambda: t.random_chunks(1, 9, 8), "random_chunks: smallest (9) is above largest (8)"),
        (lambda: t.split_at(11), "split_at: offset 11 is outside the body: the stream has 10 bytes and no event"),
        (lambda: t.split_at(-11), "split_at: offset -11 is outside the body"),
    ],
)
def test_impossible_boundaries(make: Callable[[], t.Step], says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        make()(LETTERS)
    assert str(raised.value).startswith(says)


# -- where blocks stand --------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(sse_bytes)
def test_blocks_hold_all_that_is_not_an_empty_line(body: bytes) -> None:
    found = SSE.blocks(body)
    ends = [0, *(place for block in found for place in (block.start, block.end)), len(body)]
    assert ends == sorted(ends)
    between = b"".join(body[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True))
    assert between.removeprefix(BOM).strip(b"\r\n") == b""
    dispatched = [block.event for block in found if block.event is not None]
    assert dispatched == [item for item in decode(body) if hasattr(item, "data")]
    for block in found:
        assert body[block.start : block.start + 1] not in (b"\r", b"\n")


def test_blocks_by_example() -> None:
    a, b = (item for item in decode(encode("a", "b")))
    assert SSE.blocks(b"\ndata: a\n\n\n:c\n\ndata: b\r\r") == [Block(1, 10, a), Block(11, 15), Block(15, 24, b)]  # type: ignore[arg-type]


@given(sse_bytes, st.data())
def test_the_line_end_for_a_place_never_joins_its_neighbours(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([0, *(block.end for block in SSE.blocks(body))]))
    assert not (SSE.newline_at(body, at) == "\r" and body[at : at + 1] == b"\n")
