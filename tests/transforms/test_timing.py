"""Timing: the same chunks at other moments."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.sse import BOM, encode
from orharness.stream import Chunk, Stream
from tests.support.stream_strategies import streams

STREAM = Stream.of(*(encode(text) for text in "abcd"), delay=0.5)
SECONDS = st.floats(0, 100)
TIMINGS = st.one_of(
    st.builds(t.pace, SECONDS),
    st.builds(t.scale, SECONDS),
    st.builds(t.jitter, st.integers(), SECONDS),
    st.builds(t.first_chunk, SECONDS),
    st.builds(t.hold, st.just(0)),
    st.builds(t.stall, st.just(1), SECONDS),
)


def delays(stream: Stream) -> list[float]:
    return [chunk.delay for chunk in stream.chunks]


@given(streams(), TIMINGS)
def test_timing_keeps_the_chunks(stream: Stream, timing: t.Step) -> None:
    assume(SSE.events(stream.body) or timing.name != "stall")
    timed = timing(stream)
    assert [chunk.data for chunk in timed.chunks] == [chunk.data for chunk in stream.chunks]
    assert (timed.end_marker, timed.faults, timed.ending) == (stream.end_marker, stream.faults, stream.ending)
    assert set(stream.gates) <= set(timed.gates)


@given(streams(), st.data(), SECONDS)
def test_stall_and_hold_where_the_events_are(stream: Stream, data: st.DataObject, seconds: float) -> None:
    found = SSE.events(stream.body)
    number = data.draw(st.integers(0, len(found)))
    held = t.hold(number)(stream)
    assert held.chunks == stream.chunks
    assert (found[number - 1][0].end if number else 0) in held.gates
    assert list(held.gates) == sorted(set(held.gates))
    if number:
        stalled = t.stall(number, seconds)(stream)
        later = [i for i, (a, b) in enumerate(zip(stream.chunks, stalled.chunks, strict=True)) if a != b]
        start = found[number - 1][0].start
        for i in later:  # the one chunk in which the event begins
            assert (0, *stream.boundaries)[i] <= start < stream.boundaries[i]
        assert stalled.duration == pytest.approx(stream.duration + seconds)


def test_pace() -> None:
    assert delays(t.pace(0.2)(STREAM)) == [0.2] * 4


def test_scale() -> None:
    assert delays(t.scale(3)(STREAM)) == [1.5] * 4
    assert t.scale(0)(STREAM).duration == 0


def test_stall() -> None:
    assert delays(t.stall(1, 2)(STREAM)) == [2.5, 0.5, 0.5, 0.5]
    assert delays(t.stall(before=4, seconds=2)(STREAM)) == [0.5, 0.5, 0.5, 2.5]
    two_in_one = Stream.of(encode("a", "b") + b"data", b": c\n\n", delay=1.0)
    assert delays(t.stall(3, 2)(two_in_one)) == [3, 1]


def test_first_chunk() -> None:
    assert delays(t.first_chunk(9)(STREAM)) == [9, 0.5, 0.5, 0.5]
    assert t.first_chunk(9)(Stream()) == Stream()


def test_jitter_comes_from_the_seed_alone() -> None:
    assert t.jitter(1, 0.2)(STREAM) == t.jitter(1, 0.2)(STREAM)
    assert t.jitter(1, 0.2)(STREAM) != t.jitter(2, 0.2)(STREAM)
    assert t.jitter(1, 0)(STREAM) == STREAM


@pytest.mark.slow
@given(streams(), st.integers(), SECONDS)
def test_jitter_keeps_to_its_spread(stream: Stream, seed: int, spread: float) -> None:
    for before, after in zip(delays(stream), delays(t.jitter(seed, spread)(stream)), strict=True):
        assert max(0, before - spread) - 1e-9 <= after <= before + spread + 1e-9


def test_hold_behind_events() -> None:
    stream = Stream.of(BOM + b":c\n\n", encode("a"), b":c\n\n", encode("b", "c"))
    assert [t.hold(n)(stream).gates for n in range(4)] == [(0,), (16,), (29,), (38,)]


def test_hold_behind_chunks() -> None:
    assert [t.hold(chunks=n)(Stream.of(b"ab", b"c")).gates for n in range(3)] == [(0,), (2,), (3,)]


def test_gates_are_sorted_and_each_is_one() -> None:
    assert STREAM.through(t.hold(3), t.hold(1), t.hold(chunks=3), t.hold(0)).gates == (0, 9, 27)


@pytest.mark.parametrize("make", [t.pace, t.scale, t.first_chunk, lambda n: t.stall(1, n), lambda n: t.jitter(1, n)])
@pytest.mark.parametrize("number", [-1, float("nan"), float("inf"), "1"])
def test_seconds_are_finite_and_from_0_up(make: Callable[[object], t.Step], number: object) -> None:
    with pytest.raises(ScenarioError, match="is a finite number from 0 up, not"):
        make(number)


SHOWN = "the stream has 36 bytes and 4 events: 'a', 'b', 'c', 'd'"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: t.stall(0, 1), "stall(before) is a whole number from 1 up, not 0"),
        (lambda: t.stall(5, 1), f"stall: there is no event 5: {SHOWN}"),
        (lambda: t.hold(5), f"hold: there is no event 5: {SHOWN}"),
        (lambda: t.hold(-1), "hold(after) is a whole number from 0 up, not -1"),
        (lambda: t.hold(chunks=-1), "hold(chunks=) is a whole number from 0 up, not -1"),
        (lambda: t.hold(chunks=5), "hold: there is no chunk 5: the stream has 4 chunks"),
        (lambda: t.hold(), "hold takes either after"),
        (lambda: t.hold(1, chunks=1), "hold takes either after"),
    ],
)
def test_impossible_timings(make: Callable[[], t.Step], says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        make()(STREAM)
    assert str(raised.value).startswith(says)


@pytest.mark.slow
def test_ten_thousand_chunks_are_not_looked_through_for_each_event() -> None:
    """Each step goes through the stream once: what it reads of the chunks is counted."""
    reads = 0

    class Counted(Chunk):
        def __getattribute__(self, name: str) -> object:
            nonlocal reads
            reads += 1
            return super().__getattribute__(name)

    number = 10_000
    stream = Stream(tuple(Counted(encode("x"), 2.0) for _ in range(number)))
    steps = [
        *(t.comments("x"), t.heartbeat(1.5), t.newlines("\r\n"), t.blank_lines(), t.extra_fields(), t.bom()),
        *(t.truncate(-1), t.drop("x"), t.repeat("x"), t.append("x"), t.corrupt(9)),
        *(t.per_event(), t.per_byte(), t.rechunk(3), t.coalesce(2), t.random_chunks(1)),
        *(t.pace(1), t.stall(number, 1), t.hold(number), t.jitter(1, 1)),
    ]
    for step in steps:
        reads = 0
        step(stream)
        assert reads <= 12 * number, step
