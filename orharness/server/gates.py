"""The gates of a reply: its streams wait there until the test releases them."""

from __future__ import annotations

import asyncio


class Brake:
    """Holds one stream before its next chunk until it is released. Only in the loop's thread."""

    def __init__(self) -> None:
        self._released = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        """Let the stream go on."""
        if not self._released.done():
            self._released.set_result(None)

    async def wait(self) -> None:
        """Return when it is released."""
        await asyncio.wait({self._released})  # never awaited directly: a cancel would cancel it


class Gates:
    """Gate n opens with release n + 1, for every request that the reply answers. Only in the loop's thread."""

    def __init__(self) -> None:
        self._released = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def release(self, gates: int = 1) -> None:
        """Open that many gates; a stream that reaches an open gate later does not wait."""
        self._released += gates
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def is_open(self, number: int) -> bool:
        """Return whether the gate is open."""
        return number < self._released

    async def wait(self, number: int, limit: float | None = None) -> None:
        """Wait until the gate is open. Raises ``TimeoutError`` after ``limit`` seconds, ``None`` for no limit."""
        loop = asyncio.get_running_loop()
        deadline = None if limit is None else loop.time() + limit
        while not self.is_open(number):
            waiting = loop.create_future()
            timer = None if deadline is None else loop.call_at(deadline, _time_out, waiting)
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)
                if timer is not None:
                    timer.cancel()


def _time_out(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())
