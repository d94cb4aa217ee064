"""The event loop in which async clients are run: one for all of their runs, as an application has it.

What a client keeps between two runs, a session with its connections above all, belongs to a loop and lives as long.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

log = logging.getLogger("orharness.contract")
_AT_THE_END = 2.0  # seconds for what is still under way in a loop when the process ends


class ClientLoop:
    """A daemon thread that runs a loop, which also goes on between two runs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_log)
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="orharness-loop", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """Whether it runs: a process that was forked has only its memory."""
        return self._thread.is_alive()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine to its end, from any other thread."""
        with suppress(CancelledError):  # before it began
            asyncio.run_coroutine_threadsafe(main, self.loop).result()

    def stop(self, within: float = _AT_THE_END) -> None:
        """Ends it, and what goes on in it. One that does not let itself be ended in so many seconds is left alone."""
        self._stopped = True
        with suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(within)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:  # which closes it, with all that is in it
            while not self._stopped:
                try:
                    runner.get_loop().run_forever()
                except BaseException as error:  # SystemExit, of a task of the client's own
                    log.debug("a task of the client ended the event loop, which goes on: %r", error)


class _Idle:
    """The loops in which nothing is run. Mostly one: two runs at once have two, and a run that hangs keeps its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loops: list[ClientLoop] = []

    def take(self) -> ClientLoop:
        with self._lock:
            usable = [one for one in self._loops if one.usable]
            self._loops = usable[:-1]
        return usable[-1] if usable else ClientLoop()

    def give_back(self, loop: ClientLoop) -> None:
        with self._lock:
            spare = bool(self._loops)
            if not spare:
                self._loops.append(loop)
        if spare:
            loop.stop()

    def stop(self) -> None:
        """At the end of the process; a loop that nobody closes is warned of."""
        for loop in self._loops:
            if loop.usable:
                loop.stop()


_idle = _Idle()
atexit.register(_idle.stop)


@contextmanager
def client_loop() -> Iterator[ClientLoop]:
    """The loop of the clients of this process, for one run at a time: where it is taken, another one."""
    loop = _idle.take()
    try:
        yield loop
    finally:
        _idle.give_back(loop)


def _log(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio has to say of a task that a client left behind is no part of a report."""
    log.debug("%s: %r", context["message"], context)
