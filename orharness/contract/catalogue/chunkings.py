"""Ways to cut one body into chunks, each a set of cuts to try: pure functions of the body and a seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from orharness.stream import Stream
from orharness.transforms import per_event, random_chunks

Cuts = tuple[int, ...] | None
"""The body offsets at which it is cut; ``None``: the reply's own chunks."""


@dataclass(frozen=True)
class Chunking:
    """A named way to cut. ``cuts`` gives the partitions to try, one after the other; ``meaning`` says which."""

    name: str
    cuts: Callable[[Stream, int], Iterable[Cuts]]
    meaning: str


def _whole(stream: Stream, seed: int) -> Iterator[Cuts]:
    yield ()


def _as_sent(stream: Stream, seed: int) -> Iterator[Cuts]:
    yield None


def _per_event(stream: Stream, seed: int) -> Iterator[Cuts]:
    yield per_event()(stream).boundaries[:-1]


def _per_byte(stream: Stream, seed: int) -> Iterator[Cuts]:
    yield tuple(range(1, len(stream.body)))


def _at_random(stream: Stream, seed: int) -> Iterator[Cuts]:
    for number in range(3):
        yield random_chunks(f"{seed}/{number}", 1, 24)(stream).boundaries[:-1]


def _every_offset(stream: Stream, seed: int) -> Iterator[Cuts]:
    return ((offset,) for offset in range(1, len(stream.body)))


_TENDER = re.compile(rb"\r\n|\n\n|\r\r|data:|^:[^\r\n]+", re.MULTILINE)


def tender(stream: Stream) -> list[tuple[int, int]]:
    """Return the spans inside which a cut is critical: characters, line ends, field names, the end marker, comments."""
    body = stream.body
    found = [match.span() for match in _TENDER.finditer(body)]
    starts = [at for at, byte in enumerate(body) if byte & 0xC0 != 0x80] + [len(body)]
    characters = [(start, end) for start, end in pairwise(starts) if end - start > 1]
    return sorted({*found, *characters, *_end_marker(stream)})


def _end_marker(stream: Stream) -> Iterator[tuple[int, int]]:
    """The data of the event that ends the answer, where it is known."""
    for block, event in stream.frame.events(stream.body):
        if block.end == stream.end_marker and event.data:
            data = event.data.encode()
            start = stream.body.rfind(data, block.start, block.end)
            if start >= 0:
                yield start, start + len(data)


def _tender(stream: Stream, seed: int) -> Iterator[Cuts]:
    """Cut inside each critical span at once: first in its middle, then after its first byte."""
    places = tender(stream)
    yield tuple(sorted({(start + end) // 2 for start, end in places}))
    yield tuple(sorted({start + 1 for start, _ in places}))


def _after_each(pattern: bytes) -> Callable[[Stream, int], Iterator[Cuts]]:
    def cuts(stream: Stream, seed: int) -> Iterator[Cuts]:
        yield tuple(sorted({match.end() for match in re.finditer(pattern, stream.body)} - {0, len(stream.body)}))

    return cuts


def _middles(stream: Stream, seed: int) -> Iterator[Cuts]:
    yield tuple((block.start + block.end) // 2 for block in stream.frame.blocks(stream.body))


def _two_bytes(stream: Stream, seed: int) -> Iterator[Cuts]:
    """Two bytes a chunk, from the first byte on and from the second."""
    for first in (2, 1):
        yield tuple(range(first, len(stream.body), 2))


def _tender_pairs(stream: Stream, seed: int) -> Iterator[Cuts]:
    """One cut inside each tender place and one inside the next: what is put together twice is often lost once."""
    places = tender(stream)
    for (start, end), (later, later_end) in pairwise(places):
        yield tuple(sorted({(start + end) // 2, (later + later_end) // 2}))


def _inside_end(stream: Stream, seed: int) -> Iterator[Cuts]:
    """Once at each place inside the last event."""
    last = stream.frame.blocks(stream.body)[-1]
    return ((at,) for at in range(last.start + 1, len(stream.body)))


AS_SENT = Chunking("as sent", _as_sent, "the chunks of the reply, as they are")
WHOLE = Chunking("all in one chunk", _whole, "no cut")
PER_EVENT = Chunking("one event a chunk", _per_event, "a cut after each event")
PER_BYTE = Chunking("byte by byte", _per_byte, "a cut after each byte")
MIDDLES = Chunking("in the middle of each event", _middles, "one cut in the middle of each event")
INSIDE_CRLF = Chunking("inside each CRLF", _after_each(rb"\r(?=\n)"), "a cut between CR and LF wherever both are")
BEFORE_BOM = Chunking(
    "before each U+FEFF", _after_each(b"(?=\xef\xbb\xbf)"), "a cut before each U+FEFF, the byte order mark"
)
AT_RANDOM = Chunking("chunks by chance", _at_random, "three runs, each with chunks of 1 to 24 bytes by the seed")
EVERY_OFFSET = Chunking("cut once, at every offset", _every_offset, "one run for each offset, with one cut there")
TWO_BYTES = Chunking(
    "two bytes a chunk", _two_bytes, "one run with chunks of two bytes from the first byte on, and one from the second"
)
TENDER = Chunking(
    "cut where it hurts, all at once",
    _tender,
    "in each character of several bytes, line end, field name, comment and end marker: one run in the middle of each,"
    " one after its first byte",
)
TENDER_PAIRS = Chunking(
    "cut where it hurts, in pairs",
    _tender_pairs,
    "one run for each two of these places that follow each other, with a cut inside both",
)
INSIDE_END = Chunking(
    "cut once, inside the end marker", _inside_end, "one run for each offset inside the last event, with one cut there"
)

CHUNKINGS = {
    "as-sent": AS_SENT,
    "whole": WHOLE,
    "per-event": PER_EVENT,
    "per-byte": PER_BYTE,
    "two-bytes": TWO_BYTES,
    "middles": MIDDLES,
    "inside-crlf": INSIDE_CRLF,
    "inside-end": INSIDE_END,
    "before-bom": BEFORE_BOM,
    "at-random": AT_RANDOM,
    "every-offset": EVERY_OFFSET,
    "tender": TENDER,
    "tender-pairs": TENDER_PAIRS,
}
"""The chunkings by their names in documents."""
