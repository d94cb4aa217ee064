"""The event loop in which async clients are run: one for all runs, as in an application.

What a client keeps between two runs, such as a session with its connections, belongs to a loop and lives as long.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

log = logging.getLogger("orharness.contract")
_AT_THE_END = 2.0  # seconds for what is still under way in a loop when the process ends


class _Collections:
    """The runs of the garbage collector, and what has to wait until the present one is over."""

    def __init__(self) -> None:
        self._thread: int | None = None  # in which it runs
        self._waiting: list[Callable[[], object]] = []

    def watch(self) -> None:
        if self._changed not in gc.callbacks:
            gc.callbacks.append(self._changed)

    def afterwards(self, call: Callable[[], object]) -> None:
        """Make a call: at once, unless it is the collector that asks for it."""
        if self._thread == threading.get_ident():
            self._waiting.append(call)
        else:
            call()

    def _changed(self, phase: str, _info: dict[str, int]) -> None:
        self._thread = threading.get_ident() if phase == "start" else None
        while phase == "stop" and self._waiting:
            self._waiting.pop(0)()


_collections = _Collections()


class ClientLoop:
    """A daemon thread that runs a loop, also between two runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log)
        self._stopped = False
        _collections.watch()
        self._thread = threading.Thread(target=self._main, name="orharness-loop", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """Whether it runs: a client may have closed it, and in a forked process its thread is missing."""
        return self._thread.is_alive() and not self._loop.is_closed()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end, from any other thread. Raises ``RuntimeError`` if the loop has been closed."""
        try:
            future = asyncio.run_coroutine_threadsafe(main, self._loop)
        except RuntimeError:
            main.close()
            raise
        with suppress(CancelledError):  # before it began
            future.result()

    def answers(self, within: float) -> bool:
        """Return whether it answers within ``within`` seconds: a loop that a client blocks does not."""
        answered = threading.Event()
        with suppress(RuntimeError):  # it has been closed
            self._loop.call_soon_threadsafe(answered.set)
            return answered.wait(within)
        return False

    def stop(self, within: float) -> None:
        """End it and its tasks; wait at most ``within`` seconds, after which it ends as soon as it can."""
        self._stopped = True
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(within)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # which closes it, with all that is in it
            while not self._stopped and not self._loop.is_closed():
                try:
                    self._loop.call_soon(self._close_generators_later)
                    runner.get_loop().run_forever()
                except BaseException as error:  # SystemExit, of a task of the client's own
                    log.debug("a task of the client ended the event loop, which goes on: %r", error)

    def _close_generators_later(self) -> None:
        """Close an async generator that the garbage collector has found only after the collector is done.

        A client that drops a response leaves generators inside one another. asyncio schedules the closing of each as
        it is found. If the collector runs in another thread, this loop then closes an outer one, and with it an inner
        one, while the collector still has the inner one before it: "ValueError: async generator already executing".
        """
        close = sys.get_asyncgen_hooks().finalizer
        assert close is not None  # run_forever has set it
        sys.set_asyncgen_hooks(finalizer=lambda generator: _collections.afterwards(lambda: close(generator)))


class _Current:
    """The loop of this process; replaced by a new one where a client blocks it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: ClientLoop | None = None
        self._past: list[ClientLoop] = []  # kept: closing one in a forked process disturbs the parent's

    def get(self) -> ClientLoop:
        with self._lock:
            if self._loop is None or not self._loop.usable:
                self._drop()
                self._loop = ClientLoop()
            return self._loop

    def replace_if_held(self, within: float) -> None:
        loop = self._loop
        if loop is None or loop.answers(within):
            return
        with self._lock:
            if self._loop is loop:
                self._drop()
        loop.stop(within=0.0)

    def stop(self) -> None:
        """Stop the loop at the end of the process: an unclosed loop causes a warning."""
        if self._loop is not None and self._loop.usable:
            self._loop.stop(_AT_THE_END)

    def _drop(self) -> None:
        if self._loop is not None:
            self._past.append(self._loop)
        self._loop = None


_current = _Current()
atexit.register(_current.stop)


def client_loop() -> ClientLoop:
    """Return the loop of the async clients of this process."""
    return _current.get()


def replace_if_held(within: float) -> None:
    """Use another loop for the next runs if this one does not answer within ``within`` seconds: a client blocks it."""
    _current.replace_if_held(within)


def _log(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log asyncio's message about a task that a client did not end: it is not part of a report."""
    log.debug("%s: %r", context["message"], context)
