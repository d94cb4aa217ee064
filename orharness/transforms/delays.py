"""Timing: the same chunks at other times. Delays are in seconds, as floats; random ones come from a seed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from random import Random

from orharness.errors import ScenarioError
from orharness.stream import Chunk, Stream, Transform
from orharness.transforms.families import Family, Turn, finite, step, whole_number
from orharness.transforms.layout import count, numbered


@step(Family.TIMING, Turn.AFRESH)
def pace(delay: float) -> Transform:
    """Send each chunk ``delay`` seconds after the one before, the first one after the head."""
    finite("pace(delay)", delay)
    return lambda stream: _delayed(stream, (delay for _ in stream.chunks))


@step(Family.TIMING)
def scale(factor: float) -> Transform:
    """Multiply all delays by ``factor``: 0.5 is twice as fast, 0 removes the delays."""
    finite("scale(factor)", factor)
    return lambda stream: _delayed(stream, (chunk.delay * factor for chunk in stream.chunks))


@step(Family.TIMING)
def stall(before: int, seconds: float) -> Transform:
    """Wait ``seconds`` longer before event number ``before``, counted from 1.

    The pause is before the chunk in which that event begins. Raises ``ScenarioError`` if there is no such event.
    """
    whole_number("stall(before)", before, 1)
    finite("stall(seconds)", seconds)

    def transform(stream: Stream) -> Stream:
        start = numbered("stall", before, stream).start
        stalled = bisect_right(stream.boundaries, start)
        return _delayed(stream, (chunk.delay + seconds * (i == stalled) for i, chunk in enumerate(stream.chunks)))

    return transform


@step(Family.TIMING)
def jitter(seed: int | str, spread: float) -> Transform:
    """Make each delay up to ``spread`` seconds longer or shorter at random, never below 0. Same seed, same delays."""
    finite("jitter(spread)", spread)

    def transform(stream: Stream) -> Stream:
        chance = Random(seed)
        return _delayed(stream, (max(0.0, chunk.delay + chance.uniform(-spread, spread)) for chunk in stream.chunks))

    return transform


@step(Family.TIMING)
def first_chunk(delay: float) -> Transform:
    """Send the first chunk ``delay`` seconds after the head: the time to the first token."""
    finite("first_chunk(delay)", delay)
    return lambda stream: _delayed(stream, (chunk.delay if i else delay for i, chunk in enumerate(stream.chunks)))


@step(Family.TIMING)
def hold(after: int | None = None, *, chunks: int | None = None) -> Transform:
    """Stop the stream after ``after`` events, or ``chunks`` chunks, until the test releases it: a gate.

    0 is right after the head. A chunk that begins at the gate or after it waits; a chunk that crosses the gate is sent
    whole, so cut the stream (``per_event``) if that matters. Raises ``ScenarioError`` if there are fewer events or
    chunks, or unless exactly one of the two is given.
    """
    match after, chunks:
        case int(), None:
            whole_number("hold(after)", after, 0)
        case None, int():
            whole_number("hold(chunks=)", chunks, 0)
        case _:
            raise ScenarioError("hold takes either after (a number of events) or chunks (a number of chunks)")

    def transform(stream: Stream) -> Stream:
        gate = _after_events(after, stream) if after is not None else _after_chunks(chunks or 0, stream)
        return replace(stream, gates=tuple(sorted({*stream.gates, gate})))

    return transform


def _after_events(number: int, stream: Stream) -> int:
    return numbered("hold", number, stream).end if number else 0


def _after_chunks(number: int, stream: Stream) -> int:
    if number > len(stream.chunks):
        raise ScenarioError(f"hold: there is no chunk {number}: the stream has {count(len(stream.chunks), 'chunk')}")
    return (0, *stream.boundaries)[number]


def _delayed(stream: Stream, delays: Iterable[float]) -> Stream:
    pairs = zip(stream.chunks, delays, strict=True)
    return replace(stream, chunks=tuple(Chunk(chunk.data, delay) for chunk, delay in pairs))
