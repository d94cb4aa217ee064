"""The stream as a value, and its two primitives: cutting elsewhere, and changing bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.errors import ScenarioError
from orharness.stream import Chunk, Edit, Ending, Fault, Framing, Stream, edit, repartition
from tests.support.stream_strategies import streams


def pieces(stream: Stream) -> list[tuple[bytes, float]]:
    return [(chunk.data, chunk.delay) for chunk in stream.chunks]


def arrivals(stream: Stream) -> list[float]:
    """The moment at which each byte of the body is sent."""
    moments: list[float] = []
    now = 0.0
    for chunk in stream.chunks:
        now += chunk.delay
        moments += [now] * len(chunk.data)
    return moments


def test_of_makes_one_chunk_a_piece() -> None:
    stream = Stream.of(b"ab", b"c", delay=0.5, ending=Ending.RESET)
    assert stream == Stream((Chunk(b"ab", 0.5), Chunk(b"c", 0.5)), Ending.RESET)
    assert (stream.body, stream.boundaries, stream.duration) == (b"abc", (2, 3), 1.0)
    assert stream.framing is Framing.CHUNKED


def test_an_empty_chunk_gives_its_delay_to_what_follows() -> None:
    stream = Stream((Chunk(b"", 1.0), Chunk(b"a", 0.5), Chunk(b"", 2.0), Chunk(b"", 1.0), Chunk(b"b"), Chunk(b"", 9.0)))
    assert pieces(stream) == [(b"a", 1.5), (b"b", 3.0)]


@pytest.mark.parametrize("delay", [-0.1, float("nan"), float("inf")])
def test_a_delay_is_a_finite_number_from_0_up(delay: float) -> None:
    with pytest.raises(ScenarioError, match="finite number of seconds"):
        Stream((Chunk(b"a", delay),))


def test_ends_in_fault() -> None:
    assert not Stream.of(b"a").ends_in_fault
    assert Stream.of(b"a", ending=Ending.HANG).ends_in_fault
    assert not Stream.of(b"a").with_fault("odd", 0).ends_in_fault
    assert Stream.of(b"a").with_fault("odd", 0).with_fault("cut", 1, ends=True).ends_in_fault


def test_through_applies_in_the_order_given() -> None:
    stream = Stream.of(b"a")
    seen = stream.through(lambda s: s.with_fault("one", 0), lambda s: s.with_fault("two", 0))
    assert [fault.name for fault in seen.faults] == ["one", "two"]


# -- repartition ---------------------------------------------------------------------------------------------------


def test_a_cut_chunk_gives_its_delay_to_the_first_piece() -> None:
    assert pieces(repartition(Stream.of(b"abcd", delay=2.0), [1, 3])) == [(b"a", 2.0), (b"bc", 0.0), (b"d", 0.0)]


def test_joined_chunks_wait_as_long_as_all_that_begin_in_them() -> None:
    stream = Stream.of(b"ab", b"cd", b"ef", delay=1.0)
    assert pieces(repartition(stream, [3])) == [(b"abc", 2.0), (b"def", 1.0)]
    assert pieces(repartition(stream, [])) == [(b"abcdef", 3.0)]


def test_offsets_in_any_order_twice_and_outside_are_no_matter() -> None:
    assert repartition(Stream.of(b"abc"), [2, -5, 2, 0, 3, 99, 1]).boundaries == (1, 2, 3)


def test_an_empty_body_has_no_chunk() -> None:
    assert repartition(Stream(), [0, 1]).chunks == ()


@given(streams(), st.lists(st.integers(-2, 80)))
def test_repartition(stream: Stream, offsets: list[int]) -> None:
    cut = repartition(stream, offsets)
    inside = {offset for offset in offsets if 0 < offset < len(stream.body)}
    assert cut.body == stream.body
    assert set(cut.boundaries) == (inside | {len(stream.body)} if stream.body else set())
    assert cut.duration == pytest.approx(stream.duration)
    for before, after in zip(arrivals(stream), arrivals(cut), strict=True):
        assert after >= before - 1e-6  # nothing comes earlier
    assert (cut.gates, cut.faults, cut.end_marker) == (stream.gates, stream.faults, stream.end_marker)


@given(streams())
def test_repartition_where_it_is_cut_already_changes_nothing(stream: Stream) -> None:
    assert repartition(stream, stream.boundaries) == stream


# -- edit ----------------------------------------------------------------------------------------------------------


def test_an_insertion_between_two_chunks_is_a_chunk_of_its_own() -> None:
    stream = Stream.of(b"ab", b"cd", delay=1.0)
    assert pieces(edit(stream, [Edit(2, 2, b"X")])) == [(b"ab", 1.0), (b"X", 0.0), (b"cd", 1.0)]
    assert pieces(edit(stream, [Edit(0, 0, b"X")])) == [(b"X", 0.0), (b"ab", 1.0), (b"cd", 1.0)]
    assert pieces(edit(stream, [Edit(4, 4, b"X")])) == [(b"ab", 1.0), (b"cd", 1.0), (b"X", 0.0)]
    assert pieces(edit(Stream(), [Edit(0, 0, b"X")])) == [(b"X", 0.0)]


def test_an_insertion_inside_a_chunk_stays_in_it() -> None:
    assert pieces(edit(Stream.of(b"ab", b"cd"), [Edit(1, 1, b"X"), Edit(3, 3, b"Y")])) == [(b"aXb", 0), (b"cYd", 0)]


def test_a_replacement_stands_where_it_begins() -> None:
    stream = Stream.of(b"ab", b"cd", b"ef", delay=1.0)
    assert pieces(edit(stream, [Edit(1, 5, b"X")])) == [(b"aX", 1.0), (b"f", 2.0)]
    assert pieces(edit(stream, [Edit(2, 4)])) == [(b"ab", 1.0), (b"ef", 2.0)]
    assert pieces(edit(stream, [Edit(0, 2), Edit(2, 2, b"X")])) == [(b"X", 1.0), (b"cd", 1.0), (b"ef", 1.0)]
    assert pieces(edit(stream, [Edit(2, 6, b"X")])) == [(b"ab", 1.0), (b"X", 1.0)]


def test_positions_move_with_the_bytes_they_stand_behind() -> None:
    stream = Stream.of(b"abcdef")
    stream = Stream(stream.chunks, faults=(Fault("odd", 3),), end_marker=6, gates=(0, 2, 4), announced=6)
    moved = edit(stream, [Edit(2, 2, b"XX"), Edit(3, 5, b"Y")])
    assert moved.body == b"abXXcYf"
    assert moved.gates == (0, 2, 6)  # before what is inserted there; in what is gone: after what came for it
    assert moved.faults == (Fault("odd", 5),)
    assert (moved.end_marker, moved.announced) == (7, 7)


@st.composite
def edits(draw: st.DrawFn, stream: Stream) -> list[Edit]:
    places = sorted(draw(st.lists(st.integers(0, len(stream.body)), max_size=10)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    return [Edit(start, end, draw(st.binary(max_size=3))) for start, end in pairs]


@given(streams(), st.data())
def test_edit(stream: Stream, data: st.DataObject) -> None:
    some = data.draw(edits(stream))
    edited = edit(stream, some)

    expected, position = b"", 0
    for one in some:
        expected += stream.body[position : one.start] + one.data
        position = one.end
    assert edited.body == expected + stream.body[position:]
    assert list(edited.gates) == sorted(edited.gates)
    assert all(0 <= gate <= len(edited.body) for gate in edited.gates)
    for gate, moved in zip(stream.gates, edited.gates, strict=True):
        if not any(one.start < gate < one.end for one in some):
            assert edited.body[moved:].endswith(stream.body[max([gate, *(one.end for one in some)]) :])
            whole = edit(Stream.of(stream.body[:gate]), [one for one in some if one.end <= gate and one.start < gate])
            assert edited.body[:moved] == whole.body


@given(streams(), st.data())
def test_kept_bytes_are_sent_when_they_were(stream: Stream, data: st.DataObject) -> None:
    some = data.draw(edits(stream))
    kept, before = [], arrivals(stream)
    for start, end in pairwise([0, *(place for one in some for place in (one.start, one.end)), len(stream.body)]):
        kept.append((start, end))
    after, position = arrivals(edit(stream, some)), 0
    for number, (start, end) in enumerate(kept):
        if number % 2:  # what an edit takes away; what it puts there comes in its place
            position += len(some[number // 2].data)
        else:
            assert after[position : position + end - start] == pytest.approx(before[start:end])
            position += end - start


def test_no_edit_changes_nothing() -> None:
    stream = Stream((Chunk(b"ab", 1.0), Chunk(b"c", 2.0)), gates=(1,), end_marker=3)
    assert edit(stream, []) == stream


def test_a_stream_is_framed_once_for_all_who_play_it() -> None:
    stream = Stream.of(b"a" * 16, b"bc")
    assert stream.framed(Framing.CHUNKED) == [b"10\r\n" + b"a" * 16 + b"\r\n", b"2\r\nbc\r\n"]
    assert stream.framed(Framing.CHUNKED) is stream.framed(Framing.CHUNKED)
    assert stream.framed(Framing.CLOSE) == stream.framed(Framing.LENGTH) == [b"a" * 16, b"bc"]
