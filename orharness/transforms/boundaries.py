"""Boundaries: the same bytes in different chunks. The first piece of a chunk keeps its delay; the total delay stays."""

from __future__ import annotations

from itertools import accumulate, repeat, takewhile
from random import Random

from orharness.errors import ScenarioError
from orharness.stream import Stream, Transform, repartition
from orharness.transforms.families import Family, Turn, step, whole_number
from orharness.transforms.layout import Position, resolve


@step(Family.BOUNDARY, Turn.AFRESH)
def rechunk(size: int) -> Transform:
    """Make chunks of ``size`` bytes; the last one may be smaller. Raises ``ScenarioError`` for a size below 1."""
    whole_number("rechunk(size)", size, 1)
    return lambda stream: repartition(stream, range(size, len(stream.body), size))


@step(Family.BOUNDARY)
def split_at(*offsets: Position) -> Transform:
    """Make further cuts at these body offsets; existing boundaries stay.

    Raises ``ScenarioError`` for an offset outside the body.
    """

    def transform(stream: Stream) -> Stream:
        return repartition(stream, (*stream.boundaries, *(resolve("split_at", at, stream) for at in offsets)))

    return transform


@step(Family.BOUNDARY, Turn.LAST)
def cut_at(*offsets: Position) -> Transform:
    """Cut the body at these offsets and nowhere else; without offsets it is one chunk.

    It is applied after all other transforms, ``heartbeat`` included, so that the offsets count what is actually sent.
    Raises ``ScenarioError`` for an offset outside the body.
    """
    return lambda stream: repartition(stream, [resolve("cut_at", at, stream) for at in offsets])


@step(Family.BOUNDARY)
def coalesce(number: int) -> Transform:
    """Join each ``number`` chunks into one. Raises ``ScenarioError`` for a number below 1."""
    whole_number("coalesce(number)", number, 1)
    return lambda stream: repartition(stream, stream.boundaries[number - 1 :: number])


@step(Family.BOUNDARY, Turn.AFRESH)
def per_event() -> Transform:
    """Make one chunk of each event, and of comments alone. Further empty lines belong to the event before them."""
    return lambda stream: repartition(stream, stream.frame.event_cuts(stream.body))


@step(Family.BOUNDARY, Turn.AFRESH)
def per_byte() -> Transform:
    """Make one chunk of each byte."""
    return lambda stream: repartition(stream, range(1, len(stream.body)))


@step(Family.BOUNDARY, Turn.AFRESH)
def random_chunks(seed: int | str, smallest: int = 1, largest: int = 64) -> Transform:
    """Make chunks of random sizes from ``smallest`` to ``largest`` bytes; the same seed gives the same sizes.

    The last one may be smaller. Raises ``ScenarioError`` for sizes below 1 or in the wrong order.
    """
    whole_number("random_chunks(smallest=)", smallest, 1)
    whole_number("random_chunks(largest=)", largest, 1)
    if smallest > largest:
        raise ScenarioError(f"random_chunks: smallest ({smallest}) is above largest ({largest})")

    def transform(stream: Stream) -> Stream:
        chance = Random(seed)
        sizes = (chance.randint(smallest, largest) for _ in repeat(None))
        return repartition(stream, takewhile(lambda cut: cut < len(stream.body), accumulate(sizes)))

    return transform
