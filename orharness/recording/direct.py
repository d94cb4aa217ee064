"""The short way of a body through the recorder: from the server's connection to the ``Taker`` that passes it on,
without a task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from orharness.recording.whole_chunks import WholeChunks


class Taker(Protocol):
    """Takes the chunks of a body."""

    def take(self, chunks: bytes, now: float) -> bool:
        """Take whole chunks, which came at ``now`` of the loop's clock; return whether more may come now."""

    async def until_free(self) -> None:
        """Wait until more may come. Called only after ``take`` has returned false."""


class DirectBody:
    """The chunks of one response, for as long as they are plain. What comes before ``taken_by`` is held for it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._chunks = WholeChunks()
        self._held: deque[tuple[bytes, float]] = deque()
        self._taker: Taker | None = None
        self._waits = False  # more may not come yet
        self._transport: asyncio.Transport | None = None
        self._changed = asyncio.Event()
        self.begun = False
        """Whether the chunks of the response come this way."""
        self.over = False
        """Whether what follows is for a parser of HTTP."""

    def begin(self, transport: asyncio.Transport | None) -> None:
        """Note that the head has come, and that the chunks follow on this connection."""
        self.begun = True
        self._transport = transport

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the connection; return those for an HTTP parser: none before the end."""
        whole, rest = self._chunks.feed(data)
        if whole:
            self._pass(whole, self._clock())
        if self._chunks.over:
            self._end()
        return rest

    def end(self) -> bytes:
        """Note that the connection has ended; return the bytes of an incomplete chunk."""
        self._end()
        return self._chunks.rest()

    def _end(self) -> None:
        self.over = True
        self._changed.set()

    def _pass(self, whole: bytes, now: float) -> None:
        if self._taker is None or self._waits or self._held:
            self._held.append((whole, now))
        elif not self._taker.take(whole, now):
            self._waits = True
            self._changed.set()
            if self._transport is not None:
                self._transport.pause_reading()

    async def taken_by(self, taker: Taker) -> None:
        """Let the taker have what has come, and what comes, as it comes; return when it is over."""
        self._taker = taker
        try:
            while True:
                await self._caught_up(taker)
                if self.over:
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._taker = None

    async def _caught_up(self, taker: Taker) -> None:
        while self._waits or self._held:
            if self._waits:
                await taker.until_free()
                self._waits = False
            else:
                self._waits = not taker.take(*self._held.popleft())
        if self._transport is not None:
            self._transport.resume_reading()
