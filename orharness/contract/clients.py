"""Driving a client under test: in a thread of its own, read piece by piece, closed or cancelled when a case says so."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from orharness.contract.loops import client_loop, replace_if_held

MOST_PIECES = 1_000_000  # of text in one run: the largest case has 10,000
CLIENT_THREAD = "orharness-client"
IMPORTING = 30.0  # seconds until the first request of a client
_GIVEN_UP = 1.0  # seconds for a run to end that nobody waits for any more

Client = Callable[[str], Iterable[str] | AsyncIterator[str] | Any]
"""``client(base_url)``: an iterator, an iterable or an async iterator of text; or the whole text, also awaitable."""


class NotText(TypeError):  # noqa: N818 - a finding about the client, as it is told
    """What the client yields or returns is no text; its message is the reason that is told."""


class Trouble(Exception):  # noqa: N818 - a finding about the client, as it is told
    """A client under test does not keep the protocol by which it is driven; ``got`` is what it did instead.

    ``certain``: it was seen, and not only waited for in vain; so no second run can make it undone.
    """

    def __init__(self, reason: str, got: str = "", *, certain: bool = True) -> None:
        super().__init__(reason)
        self.got = got
        self.certain = certain


class ClientError(Exception):
    """The error that a client in another process showed; ``said`` is the end of what it wrote to its stderr."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said

    def __repr__(self) -> str:
        return str(self)


class Session(Protocol):
    """One run of a client, from its request to its end. Its state may be read from any thread.

    ``pieces``: the texts that came, none of them empty. ``error``: the error that the client showed, or ``Trouble``.
    ``paused`` is set when the pieces after which it is to be cancelled are there, and at the end; ``ended`` at the end.
    ``can_cancel_inside_read``: whether it can be cancelled while it waits for bytes; known once it has paused.
    """

    pieces: list[str]
    error: BaseException | None
    paused: threading.Event
    ended: threading.Event

    @property
    def can_cancel_inside_read(self) -> bool: ...

    def close(self) -> None:
        """The cancel; once the run has ended, nothing."""

    def join(self, timeout: float) -> bool:
        """Whether the run ended, and its threads with it, within so many seconds."""


@runtime_checkable
class Subject(Protocol):
    """A client under test, in whatever form it comes. ``cannot_cancel``: why its cancels are not judged, if so.

    ``starting``: seconds that the run which was started last may take, at least, until it sends its request.
    """

    cannot_cancel: str | None
    starting: float

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> Session:
        """Begins a run. With ``stop_after``, it is to be cancelled behind so many pieces."""


class FunctionSubject:
    """A function of the base URL, in this process. Its first run may take long: its packages are imported in it."""

    cannot_cancel: str | None = None

    def __init__(self, client: Client) -> None:
        self.starting = IMPORTING
        self._client = client
        self._runs = 0

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> Session:
        """Begins a run in a thread of its own."""
        self._runs += 1
        self.starting = IMPORTING if self._runs == 1 else 0.0
        session = FunctionSession(self._client, base_url, stop_after, inside_read=inside_read)
        session.start()
        return session

    def start_many(self, base_url: str, times: int) -> FunctionBatch:
        """Begins the first of so many runs, all in one thread and with one base URL."""
        return self.start_runs([base_url] * times)

    def start_runs(self, base_urls: Sequence[str]) -> FunctionBatch:
        """Begins the first of several runs, all in one thread: one run for each base URL."""
        self._runs += 1
        self.starting = IMPORTING if self._runs == 1 else 0.0
        return FunctionBatch([FunctionSession(self._client, base_url) for base_url in base_urls], self.starting)


class FunctionSession:
    """One run of a function: it reads ``stop_after`` pieces (all if ``None``) and then waits to be closed."""

    def __init__(
        self, client: Client, base_url: str, stop_after: int | None = None, *, inside_read: bool = False
    ) -> None:
        self.pieces: list[str] = []
        self.error: BaseException | None = None
        self.can_cancel_inside_read = False
        self.paused = threading.Event()  # it has the pieces that it was to read, or is at its end
        self.ended = threading.Event()
        self._client = client
        self._base_url = base_url
        self._stop_after = stop_after
        self._inside_read = inside_read
        self._close = threading.Event()
        self._over = threading.Event()  # nobody looks at it any more
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Runs it in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=CLIENT_THREAD, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The cancel: the iterator is closed, between two reads; an async one inside a read if asked for.

        A run that was to come to its end, and has not, is given up: nobody waits for it any more.
        """
        first = not self._close.is_set()  # a second cancel would disturb what the client does because of this one
        self._close.set()
        if first and self._given_up and self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    @property
    def _given_up(self) -> bool:
        """Whether it is to end wherever it is."""
        return self._close.is_set() and (self._inside_read or self._stop_after is None)

    def join(self, timeout: float) -> bool:
        """Whether it ended within so many seconds. One that holds its event loop is left alone with it."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout)
        ended = self._thread is None or not self._thread.is_alive()
        if not ended and self.can_cancel_inside_read:
            replace_if_held(timeout)
        return ended

    def run(self) -> None:
        """Runs it here, to its end; if it is async, in the loop of the clients."""
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
            self._tell_end()

    async def run_in_loop(self) -> None:
        """As ``run``, where it is known to be async, in the loop that runs here."""
        try:
            await self._run_async(self._client(self._base_url))
        except BaseException as error:
            self.error = error
        finally:
            self._tell_end()

    def _tell_end(self) -> None:
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
        if (self._close.is_set() and self._stop_after is None) or len(self.pieces) > MOST_PIECES:
            raise NotText("it yields text without end")
        if self._stop_after is None or len(self.pieces) != max(1, self._stop_after):
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
            for one in {id(one): one for one in (iterator, result)}.values():  # what is iterated may not be what closes
                close = getattr(one, "close", None)
                if close is not None:
                    close()

    async def _run_async(self, result: Any) -> None:
        """The loop goes on behind a cancel, as that of an application does: a task that still reads, reads on."""
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
    if inspect.iscoroutine(result):  # one that nobody awaits is warned of
        result.close()


async def _until(event: threading.Event) -> None:
    while not event.is_set():  # noqa: ASYNC110 - a threading.Event, set from another thread
        await asyncio.sleep(0.001)


class FunctionBatch:
    """Several runs of a function in one thread: the next begins where the last one ended. ``ended``: the last one did.

    ``texts``: of each run the text, once all have ended; ``None`` if one of them showed an error or stopped short.
    ``starting``: seconds that the first run may take, at least, until it sends its request. ``begun``: how many of the
    runs have begun.
    """

    def __init__(self, sessions: Sequence[FunctionSession], starting: float) -> None:
        self.starting = starting
        self.begun = 0
        self.texts: list[str] | None = None
        self.ended = threading.Event()
        self._sessions = sessions
        self._closed = False
        self._thread = threading.Thread(target=self._main, name=CLIENT_THREAD, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begins no further run, and gives up the one that is under way."""
        self._closed = True
        for session in self._sessions:
            session.close()
        self._thread.join(_GIVEN_UP)
        if self._thread.is_alive() and any(session.can_cancel_inside_read for session in self._sessions):
            replace_if_held(_GIVEN_UP)

    def _main(self) -> None:
        waiting = iter(self._sessions)
        for session in waiting:
            self.begun += 1
            session.run()
            if not self._goes_on_behind(session):
                break
            if session.can_cancel_inside_read:  # from thread to thread, each time, was a quarter of a sweep
                client_loop().run(self._run_in_loop(waiting))
        self.ended.set()

    async def _run_in_loop(self, waiting: Iterator[FunctionSession]) -> None:
        for session in waiting:
            self.begun += 1
            await session.run_in_loop()
            if not self._goes_on_behind(session):
                break

    def _goes_on_behind(self, session: FunctionSession) -> bool:
        """Whether the next one is to be run; behind the last one, what they read is told."""
        if self._closed or session.error is not None:
            return False
        if session is self._sessions[-1]:
            self.texts = ["".join(one.pieces) for one in self._sessions]
        return True
