"""Driving a client under test: in a thread of its own, read piece by piece, closed or cancelled when a case says so."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

Client = Callable[[str], Iterable[str] | AsyncIterator[str] | Any]
"""``client(base_url)``: an iterator, an iterable or an async iterator of text; or the whole text, also awaitable."""


class NotText(TypeError):  # noqa: N818 - a finding about the client, as it is told
    """What the client yields or returns is no text; its message is the reason that is told."""


class Session:
    """One run of a client: it reads ``stop_after`` pieces (all if ``None``) and then waits to be closed."""

    def __init__(
        self, client: Client, base_url: str, stop_after: int | None = None, *, inside_read: bool = False
    ) -> None:
        self.pieces: list[str] = []
        self.error: BaseException | None = None
        self.is_async = False
        self.paused = threading.Event()  # it has the pieces that it was to read, or is at its end
        self.ended = threading.Event()
        self._client = client
        self._base_url = base_url
        self._stop_after = stop_after
        self._inside_read = inside_read
        self._close = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._main, name="orharness-client", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """What the client has yielded, joined."""
        return "".join(self.pieces)

    def close(self) -> None:
        """The cancel: the iterator is closed, between two reads; an async one inside a read if asked for."""
        self._close.set()
        if self._loop is not None and self._task is not None and self._inside_read:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    def join(self, timeout: float) -> bool:
        """Whether it ended within so many seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            result = self._client(self._base_url)
            if hasattr(result, "__aiter__") or inspect.isawaitable(result):
                self.is_async = True
                asyncio.run(self._read_async(result))
            else:
                self._read(result)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()  # first: whoever waits for the pause finds out that it is none
            self.paused.set()

    def _take(self, piece: object) -> bool:
        """One more piece of text, of which an empty one is none; whether it is the last that was to be read."""
        if piece is None:
            raise NotText("null as content is taken for text")
        if not isinstance(piece, str):
            raise NotText(f"a client yields text, and this is {piece!r}")
        if not piece:
            return False
        self.pieces.append(piece)
        if len(self.pieces) != self._stop_after:
            return False
        self.paused.set()
        return True

    def _read(self, result: Iterable[str] | None) -> None:
        if result is None:
            raise NotText("a client returns its text, or an iterator of it, and this one returned nothing")
        iterator: Iterator[str] = iter([result] if isinstance(result, str) else result)
        try:
            for piece in iterator:
                if self._take(piece):
                    self._close.wait()
                    break
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    async def _read_async(self, result: Any) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if not hasattr(result, "__aiter__"):
            result = await result
            if not hasattr(result, "__aiter__"):
                return self._read(result)
        iterator = aiter(result)
        try:
            async for piece in iterator:
                if self._take(piece) and not self._inside_read:
                    while not self._close.is_set():  # noqa: ASYNC110 - a threading.Event, set from another thread
                        await asyncio.sleep(0.001)
                    break
        except asyncio.CancelledError:
            if not self._close.is_set():
                raise
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        return None
