"""A response body as a value: timed chunks, then an ending.

Everything that is done to a stream is a function ``Stream -> Stream`` (``orharness.transforms``). All positions in a
stream (gates, faults, the end marker) are byte offsets in its body, so that cutting the body into other chunks moves
none of them. Only ``edit`` changes the body, and it moves them all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf
from typing import Protocol

from orharness.errors import ScenarioError
from orharness.frames import SSE, Frame

Transform = Callable[["Stream"], "Stream"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One write of the server."""

    data: bytes
    """Its bytes, without the framing."""
    delay: float = 0.0
    """Seconds since the previous chunk; for the first, since the response head."""


class Ending(StrEnum):
    """How a response ends after its last chunk."""

    EOF = "eof"
    """Clean: the framing's own end."""
    ABORT = "abort"
    """FIN without the last HTTP chunk, or before Content-Length is reached."""
    RESET = "reset"
    """TCP RST."""
    HANG = "hang"
    """Nothing more comes; the connection stays open."""


class Framing(StrEnum):
    """How a response marks the end of its body (RFC 9112, section 6)."""

    CHUNKED = "chunked"
    """Transfer-Encoding: chunked; each Chunk is one HTTP chunk."""
    LENGTH = "length"
    """Content-Length."""
    CLOSE = "close"
    """The end of the connection."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a stream: its name, the body offset where it begins, and whether it ends the response."""

    name: str
    at: int
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement: the bytes from ``start`` to ``end`` become ``data``. An insertion has ``start == end``."""

    start: int
    end: int
    data: bytes = b""


@dataclass(frozen=True)
class Stream:
    """A response body: chunks, an ending, a framing, and the known positions in it.

    ``chunks``: in order, none of them empty. ``ending`` and ``framing``: how the response ends, and how it marks the
    end of its body. ``body``: the data of all chunks. ``faults``: faults put in on purpose, in order. ``end_marker``:
    the body offset after the event at which a client must stop (``[DONE]``), ``None`` if there is none. ``gates``:
    offsets at which the stream is held until the test releases it. ``announced``: the bytes that a Content-Length
    announces if a fault cut the body short, or if it is that of a HEAD request. ``frame``: the division of the body
    into events. ``tokens``: the body offset after each event that carries a part of the answer.
    """

    chunks: tuple[Chunk, ...] = ()
    ending: Ending = Ending.EOF
    framing: Framing = Framing.CHUNKED
    faults: tuple[Fault, ...] = ()
    end_marker: int | None = None
    gates: tuple[int, ...] = ()
    announced: int | None = None
    frame: Frame = SSE
    tokens: tuple[int, ...] = ()
    body: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not all(0 <= delay < inf for delay in {chunk.delay for chunk in self.chunks}):  # so NaN is refused, too
            raise ScenarioError("a chunk's delay is a finite number of seconds from 0 up")
        # An empty chunk would be the terminator of the chunked framing; its delay goes to what follows.
        data = [chunk.data for chunk in self.chunks]
        if not all(data):
            object.__setattr__(self, "chunks", _without_empty(self.chunks))
        object.__setattr__(self, "body", b"".join(data))

    @classmethod
    def of(cls, *pieces: bytes, delay: float = 0.0, ending: Ending = Ending.EOF, frame: Frame = SSE) -> Stream:
        """Return a stream of one chunk for each piece, each ``delay`` seconds after the one before."""
        return cls(tuple(Chunk(piece, delay) for piece in pieces), ending, frame=frame)

    @cached_property
    def boundaries(self) -> tuple[int, ...]:
        """The body offset after each chunk; the last one is the body's length."""
        return tuple(accumulate(len(chunk.data) for chunk in self.chunks))

    def wire_starts(self, framing: Framing) -> Sequence[int]:
        """Return where each chunk's own bytes begin on the wire, counted from the first byte after the head."""
        return self._chunked_starts if framing is Framing.CHUNKED else (0, *self.boundaries[:-1])

    def framed(self, framing: Framing) -> Sequence[bytes]:
        """Return each chunk as it goes over the wire. It is made once, for all who play the stream."""
        return self._chunked if framing is Framing.CHUNKED else [chunk.data for chunk in self.chunks]

    @cached_property
    def _chunked(self) -> list[bytes]:
        return [b"%x\r\n%b\r\n" % (len(chunk.data), chunk.data) for chunk in self.chunks]

    @cached_property
    def _chunked_starts(self) -> array[int]:
        starts = array("q")
        position = 0
        for chunk in self.chunks:
            position += len(f"{len(chunk.data):x}") + 2  # the chunk's size and a line end (RFC 9112, section 7.1)
            starts.append(position)
            position += len(chunk.data) + 2
        return starts

    def with_chunks(self, chunks: tuple[Chunk, ...]) -> Stream:
        """Return the stream with the same body in other chunks, none of them empty, that take as long in all."""
        return self._with(chunks, "boundaries", "_chunked", "_chunked_starts")

    def _with(self, chunks: tuple[Chunk, ...], *made: str) -> Stream:
        """Return a copy with other chunks, without what was ``made`` of the old ones; valid chunks of the same body."""
        changed = object.__new__(type(self))
        vars(changed).update(vars(self), chunks=chunks)
        for name in made:
            vars(changed).pop(name, None)
        return changed

    def with_delays(self, delays: Sequence[float]) -> Stream:
        """Return the stream with these delays of its chunks; it shares all that is made of the bytes."""
        self.framed(self.framing)  # made once, for all copies
        timed = zip(self.chunks, delays, strict=True)
        return self._with(tuple([Chunk(chunk.data, delay) for chunk, delay in timed]), "duration")

    @cached_property
    def duration(self) -> float:
        """Seconds from the head to the last chunk, without gates."""
        return sum(chunk.delay for chunk in self.chunks)

    @property
    def ends_in_fault(self) -> bool:
        """Whether this response ends in a fault: cut short, aborted, reset, or hung."""
        return self.ending is not Ending.EOF or any(fault.ends for fault in self.faults)

    def with_fault(self, name: str, at: int, *, ends: bool = False) -> Stream:
        """Return the stream with one more named fault, which begins at body offset ``at``.

        ``ends``: the fault ends or hangs the response.
        """
        return replace(self, faults=(*self.faults, Fault(name, at, ends)))

    def through(self, *transforms: Transform) -> Stream:
        """Apply the transforms one after the other, in the given order."""
        stream = self
        for transform in transforms:
            stream = transform(stream)
        return stream


def _without_empty(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    kept: list[Chunk] = []
    waited = 0.0
    for chunk in chunks:
        waited += chunk.delay
        if chunk.data:
            kept.append(Chunk(chunk.data, waited))
            waited = 0.0
    return tuple(kept)


def repartition(stream: Stream, offsets: Iterable[int]) -> Stream:
    """Cut the same body at ``offsets`` and nowhere else; offsets outside the body are ignored.

    The first piece of a cut chunk keeps its delay, and the delays of joined chunks add up: nothing arrives earlier, and
    the total stays.
    """
    size = len(stream.body)
    cuts = sorted({0, size, *(offset for offset in offsets if 0 < offset < size)})
    delays = [0.0] * len(cuts)
    if stream.duration:
        for start, chunk in zip((0, *stream.boundaries), stream.chunks, strict=False):
            delays[bisect_left(cuts, start + 1) - 1] += chunk.delay
    pieces = zip(cuts, cuts[1:], delays, strict=False)
    return stream.with_chunks(tuple([Chunk(stream.body[start:end], delay) for start, end, delay in pieces]))


def edit(stream: Stream, edits: Iterable[Edit]) -> Stream:
    """Make all of the ``edits`` at once. They are in the order of the body and do not overlap.

    Chunks keep their places and delays. An insertion exactly between two chunks becomes a chunk of its own without a
    delay, as a gateway writes a comment; everything else joins the chunk in which it begins. Gates, the end marker
    and a fault that ends the response move with the bytes before them, any other fault with those that it begins with.
    The announced length changes with the body. Raises ``ScenarioError`` for edits that overlap, are out of order, or
    are outside the body.
    """
    edits = list(edits)
    places = [0, *(place for one in edits for place in (one.start, one.end)), len(stream.body)]
    if any(later < earlier for earlier, later in pairwise(places)):
        raise ScenarioError("edits are in the order of the body, inside it, and do not overlap")
    weave = _Weave(stream)
    position = 0
    for one in edits:
        weave.keep(position, one.start)
        weave.insert(one)
        position = one.end
    weave.keep(position, len(stream.body))
    moved = _mover(edits)
    growth = sum(len(one.data) - (one.end - one.start) for one in edits)
    return replace(
        stream,
        chunks=weave.chunks(),
        gates=tuple(moved(gate) for gate in stream.gates),
        faults=tuple(replace(fault, at=moved(fault.at, begins=not fault.ends)) for fault in stream.faults),
        end_marker=None if stream.end_marker is None else moved(stream.end_marker),
        announced=None if stream.announced is None else stream.announced + growth,
        tokens=tuple(moved(offset) for offset in stream.tokens),
    )


class _Weave:
    """The chunks of an edited stream, built from left to right."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ends = stream.boundaries
        self._grown: list[tuple[list[bytes], float]] = []
        self._begun = 0  # how many of the stream's own chunks are in _grown

    def keep(self, start: int, end: int) -> None:
        """Keep the bytes from ``start`` to ``end``, each in its chunk."""
        while start < end:
            chunk = bisect_right(self._ends, start)
            stop = min(end, self._ends[chunk])
            self._begin(chunk)
            self._grown[-1][0].append(self._stream.body[start:stop])
            start = stop

    def insert(self, one: Edit) -> None:
        """Insert the new bytes of an edit: into the chunk where it begins, or between two chunks."""
        chunk = bisect_right(self._ends, one.start)
        between = chunk == len(self._ends) or one.start == (self._ends[chunk - 1] if chunk else 0)
        if between and one.start == one.end:
            self._begin(chunk - 1)
            self._grown.append(([one.data], 0.0))
        elif one.data:
            self._begin(min(chunk, len(self._ends) - 1))
            self._grown[-1][0].append(one.data)

    def chunks(self) -> tuple[Chunk, ...]:
        """Return all chunks, including empty ones: they keep their delay for the next chunk."""
        self._begin(len(self._ends) - 1)
        return tuple(Chunk(b"".join(parts), delay) for parts, delay in self._grown)

    def _begin(self, chunk: int) -> None:
        while self._begun <= chunk:
            self._grown.append(([], self._stream.chunks[self._begun].delay))
            self._begun += 1


class _Mover(Protocol):
    """Maps an old position to the new one. An insertion exactly there comes after it, or before what begins there."""

    def __call__(self, offset: int, *, begins: bool = False) -> int: ...


def _mover(edits: Sequence[Edit]) -> _Mover:
    starts = [one.start for one in edits]
    shifts = [0, *accumulate(len(one.data) - (one.end - one.start) for one in edits)]

    def moved(offset: int, *, begins: bool = False) -> int:
        before = bisect_left(starts, offset)
        if begins:
            while before < len(edits) and edits[before].start == edits[before].end == offset:
                before += 1
        if before and edits[before - 1].end > offset:  # it was in deleted bytes
            return edits[before - 1].start + shifts[before - 1] + len(edits[before - 1].data)
        return offset + shifts[before]

    return moved
