"""Answers that are made whether or not their client stays, as some APIs have them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from orharness.dialects import Asked, Dialect
from orharness.dialects.completion import Completion
from orharness.dialects.dialect import Background, Progress
from orharness.dialects.values import Json
from orharness.gateways import Gateway
from orharness.sse import Event
from orharness.stream import Chunk, Stream


@dataclass(frozen=True)
class InBackground:
    """Such an answer: what it says, and the stream in which its events come.

    ``pace``: seconds that the model takes for a token, ``None`` for as fast as the stream.
    """

    dialect: Dialect
    said: Completion
    gateway: Gateway
    asked: Asked
    stream: Stream
    pace: float | None = None

    @property
    def calls(self) -> Background:
        """The API's calls for it."""
        assert self.dialect.background is not None
        return self.dialect.background

    @cached_property
    def work(self) -> Stream:
        """The stream as the model makes it: each token takes at least its pace."""
        if not self.pace:
            return self.stream
        return replace(self.stream, chunks=tuple(self._paced(self.pace)))

    def _paced(self, pace: float) -> Iterator[Chunk]:
        made = 0
        for chunk, end in zip(self.stream.chunks, self.stream.boundaries, strict=True):
            before, made = made, bisect_right(self.stream.tokens, end)
            yield replace(chunk, delay=max(chunk.delay, (made - before) * pace))

    def document(self, progress: Progress) -> Json:
        """Return the body by which the API shows how far it has come."""
        return self.calls.document(self.said, self.gateway, self.asked, progress)

    def offset_after(self, number: int) -> int:
        """Return the body offset after the event of that number; the body's end if there is none so late."""
        for offset, item in self.stream.frame.decode_with_offsets(self.stream.body):
            found = self.calls.number_of(item) if isinstance(item, Event) else None
            if found is not None and found >= number:
                return offset if found == number else 0
        return len(self.stream.body)

    def rest(self, offset: int) -> Stream:
        """Return the stream from a body offset on."""
        chunks, begin = [], 0
        for chunk, end in zip(self.stream.chunks, self.stream.boundaries, strict=True):
            if end > offset:
                chunks.append(Chunk(chunk.data[max(0, offset - begin) :]))
            begin = end
        marker = self.stream.end_marker
        later = None if marker is None else max(0, marker - offset)
        return Stream(tuple(chunks), ending=self.stream.ending, frame=self.stream.frame, end_marker=later)
