"""One run of a function, in this process: read piece by piece, closed or cancelled when a case says so."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from orharness.contract.driving.kept import KeptCalls
from orharness.contract.driving.loops import client_loop, replace_if_held
from orharness.contract.driving.subject import MOST_PIECES, Client, NotText
from orharness.parts import Part, Text, part_of
from orharness.verdict import spelled

CLIENT_THREAD = "orharness-client"
_ANSWERS = 0.5  # seconds within which a loop that is not blocked answers


class FunctionRun:
    """One run of a function: it reads ``stop_after`` pieces (all if ``None``) and then waits to be closed."""

    def __init__(
        self, client: Client, base_url: str, stop_after: int | None = None, *, inside_read: bool = False
    ) -> None:
        self.pieces: list[str] = []
        self.parts: list[Part] = []
        self.error: BaseException | None = None
        self.can_cancel_inside_read = False
        self.paused = threading.Event()  # it has the pieces that it was to read, or is at its end
        self.ended = threading.Event()
        self._client = client
        self._base_url = base_url
        self._stop_after = stop_after
        self._inside_read = inside_read
        self._close = threading.Event()
        self._over = threading.Event()  # its run is no longer observed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run it in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=CLIENT_THREAD, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel: close the iterator between two reads, an async one inside a read if ``inside_read`` was asked for.

        A run that has not reached its end is given up: it is not waited for any more.
        """
        first = not self._close.is_set()  # a second cancel would disturb what the client does because of this one
        self._close.set()
        if first and self._given_up and self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    @property
    def _given_up(self) -> bool:
        """Whether it is to end, whatever it is doing."""
        return self._close.is_set() and (self._inside_read or self._stop_after is None)

    def join(self, timeout: float) -> bool:
        """Return whether it ended within ``timeout`` seconds. A run that blocks its event loop keeps that loop."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout)
        ended = self._thread is None or not self._thread.is_alive()
        if not ended and self.can_cancel_inside_read:
            replace_if_held(timeout)
        return ended

    def why_it_stays(self) -> str | None:
        """Return what keeps an async run from leaving: its loop is blocked, or it goes on after its cancel."""
        if not self.can_cancel_inside_read or self.ended.is_set():
            return None
        if not client_loop().answers(_ANSWERS):
            return "the event loop is blocked: an async client that reads synchronously cannot be told to leave"
        task = self._task
        if self._inside_read and task is not None and task.cancelling() and not task.done():
            return "the cancel (asyncio.CancelledError) is swallowed inside the read, which goes on"
        return None

    def run(self) -> None:
        """Run it to its end in this thread; if it is async, in the loop of the clients."""
        kept = KeptCalls(self._client)
        try:
            result = self._client(self._base_url)
            if self._given_up:  # before it began: its request would come to the next case
                return _discard(result)
            if hasattr(result, "__aiter__") or inspect.isawaitable(result):
                self.can_cancel_inside_read = True
                client_loop().run(self._run_async(result))
            else:
                self._read(result)
        except BaseException as error:
            self.error = error
        finally:
            self.parts += kept.added()
            self._tell_end()

    async def run_in_loop(self) -> None:
        """Do what ``run`` does for an async client, in the running loop."""
        try:
            await self._run_async(self._client(self._base_url))
        except BaseException as error:
            self.error = error
        finally:
            self._tell_end()

    def _tell_end(self) -> None:
        self.ended.set()  # first: a thread that waits for the pause then sees that the run has ended
        self.paused.set()

    def _take(self, piece: object) -> bool:
        """Take one more piece of text (empty ones are dropped); return whether it is the last that was to be read."""
        if piece is None:
            raise NotText("null as content is taken for text")
        if not isinstance(piece, str):
            part = part_of(piece)
            if part is None:
                raise NotText(f"a client yields text or parts of an answer, and this is {spelled(piece)}")
            if not isinstance(part, Text):
                self.parts.append(part)
                return False
            piece = part.text
        if not piece:
            return False
        self.pieces.append(piece)
        if (self._close.is_set() and self._stop_after is None) or len(self.pieces) > MOST_PIECES:
            raise NotText("it yields text without end")
        if self._stop_after is None or len(self.pieces) != max(1, self._stop_after):
            return False
        self.paused.set()
        return True

    def _read(self, result: object) -> None:
        if result is None:
            raise NotText("a client returns its text, or an iterator of it, and this one returned nothing")
        if not isinstance(result, Iterable):
            made = "a function: where it makes a client, name what it returns" if callable(result) else spelled(result)
            raise NotText(f"a client returns its text, or an iterator of it, and this one returned {made}")
        iterator: Iterator[str] = iter([result] if isinstance(result, str) else result)
        try:
            for piece in iterator:
                if self._take(piece):
                    self._close.wait()
                    break
        finally:
            for one in {id(one): one for one in (iterator, result)}.values():  # what is iterated may not be what closes
                close = getattr(one, "close", None)
                if close is not None:
                    close()

    async def _run_async(self, result: Any) -> None:
        """Run it, and keep the loop after a cancel, as an application does: a task that still reads, reads on."""
        try:
            await self._read_async(result)
        except BaseException as error:
            self.error = error
        if self._stop_after is not None:
            self._tell_end()
            await _until(self._over)

    async def _read_async(self, result: Any) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._given_up:  # before there was a task that could be cancelled
            return _discard(result)
        if not hasattr(result, "__aiter__"):
            result = await result
            if not hasattr(result, "__aiter__"):
                return self._read(result)
        iterator = aiter(result)
        try:
            async for piece in iterator:
                if self._take(piece) and not self._inside_read:
                    await _until(self._close)
                    break
        except asyncio.CancelledError:
            if not self._close.is_set():
                raise
        finally:
            for one in {id(one): one for one in (iterator, result)}.values():
                close = getattr(one, "aclose", None)
                if close is not None:
                    await close()
        return None


def _discard(result: object) -> None:
    if inspect.iscoroutine(result):  # asyncio warns of a coroutine that is never awaited
        result.close()


async def _until(event: threading.Event) -> None:
    while not event.is_set():  # noqa: ASYNC110 - a threading.Event, set from another thread
        await asyncio.sleep(0.001)
