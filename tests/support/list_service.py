"""A live service of lists: what a server that forwards asks, without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from orharness.errors import UpstreamError
from orharness.journal import Request
from orharness.server.passing import CutShort
from orharness.stream import Ending


class ListService:
    """Answers with these chunks, then as ``ending`` says; ``HANG`` waits for ever, ``None`` does not answer at all."""

    def __init__(self, *chunks: bytes, ending: Ending | None = Ending.EOF) -> None:
        self.asked: list[tuple[str, Request]] = []
        self.dropped = 0
        self.waits = asyncio.Event()  # set when all chunks have been taken
        self.status = 200
        self.headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/event-stream"),)
        self.length: int | None = None
        self._chunks = chunks
        self._ending = ending

    async def ask(self, to: str, request: Request) -> ListService:
        self.asked.append((to, request))
        if self._ending is None:
            raise UpstreamError("nobody is there")
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        self.waits.set()
        if self._ending is Ending.HANG:
            await asyncio.Event().wait()
        if self._ending in (Ending.ABORT, Ending.RESET):
            raise CutShort(self._ending)

    def drop(self) -> None:
        self.dropped += 1

    async def close(self) -> None:
        """Nothing is open."""
