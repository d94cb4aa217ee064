"""A client run by a driver: one long-lived process that takes orders and reports events, in lines of JSON.

In, on its stdin::

    {"op": "stream", "id": 1, "base_url": "http://…/v1", "api_key": "…", "model": "…", "prompt": "…"}
    {"op": "cancel", "id": 1}
    {"op": "quit"}

Out, on its stdout; the hello first, as soon as it is ready, and one end for each stream::

    {"event": "hello", "protocol": 1, "name": "my client", "version": "1.0", "capabilities": ["cancel", "parallel"],
     "dialect": "chat"}
    {"id": 1, "event": "delta", "text": "Hel"}
    {"id": 1, "event": "end", "finish_reason": "stop", "usage": {…}}
    {"id": 1, "event": "error", "message": "…", "status": 429}
    {"id": 1, "event": "cancelled"}

``docs/driver-protocol.md`` is the whole of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from orharness.contract.driving.driver_process import Driver, DriverRun
from orharness.contract.driving.subject import Trouble
from orharness.contract.driving.usage import cpu_of_group, peak_of_group
from orharness.processes import arguments

_MUTE = 3  # starts without a hello, after which it is not started again
_ENOUGH = 40  # runs in a row that a driver spoiled, after which it is not started again


class DriverSubject:
    """A context manager: the driver is started before the first case, and ended after the last.

    ``greeting``: seconds in which a driver must say hello. ``spoiled``: runs in a row that it may spoil before it is
    given up. ``environment``: variables of its process beside ours. A driver that dies, hangs, floods or says what the
    protocol does not know is killed; the run has its ``Trouble``, and the next run gets a new one.
    """

    def __init__(
        self,
        command: str | list[str],
        *,
        greeting: float = 30.0,
        spoiled: int = _ENOUGH,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(command, str):
            arguments(command)
        self._environment = environment
        self.cannot_cancel: str | None = None
        self.cannot_time: str | None = None
        self.cannot_pair: str | None = None
        self.keyless: str | None = None
        self.starting = 0.0
        self.name = ""  # as its hello says it
        self.dialect: str | None = None  # likewise
        self.mute: Trouble | None = None  # why it said no hello when it was entered
        self._command = command
        self._greeting = greeting
        self._driver: Driver | None = None
        self._last: DriverRun | None = None
        self._number = 0
        self._spoiled = 0
        self._enough = spoiled
        self._mute = 0

    def __enter__(self) -> DriverSubject:
        try:
            self._ready()
        except Trouble as trouble:
            assert self._driver is not None
            self.mute = trouble
            self._driver.told = False  # the first run tells it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell the driver to quit, and end it."""
        if self._driver is not None:
            self._driver.quit()
            self._driver = None

    @property
    def process(self) -> int | None:
        """The number of the driver's process."""
        return None if self._driver is None else self._driver.group

    def cpu(self) -> float | None:
        """Return the CPU time of the driver and of what it has started."""
        return None if self._driver is None else cpu_of_group(self._driver.group)

    def memory(self) -> int | None:
        """Return the most memory that they have had."""
        return None if self._driver is None else peak_of_group(self._driver.group)

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> DriverRun:
        """Begin a run: tell the driver to stream."""
        self._number += 1
        run = DriverRun(self._number, stop_after)
        try:
            self._give_up_on_the_hopeless()
            self._ready().stream(run, base_url)
        except Trouble as trouble:
            run.finish(trouble)
        self._last = run
        return run

    def _give_up_on_the_hopeless(self) -> None:
        last = None if self._last is None else self._last.error
        self._spoiled = self._spoiled + 1 if isinstance(last, Trouble) else 0
        if isinstance(last, Trouble) and (self._spoiled >= self._enough or self._mute >= _MUTE):
            if last.args[0].startswith(_GIVEN_UP):
                raise last
            raise Trouble(f"{_GIVEN_UP}: the last time, {last}", last.got)

    def _ready(self) -> Driver:
        """Return the driver that runs, or a new one. Raises its ``Trouble``."""
        if self._driver is not None and self._driver.trouble is not None:
            told, trouble = self._driver.told, self._driver.trouble
            self._driver.quit()
            self._driver = None
            if not told:  # no run has reported it yet
                raise trouble
        if self._driver is None:
            self._driver = Driver(self._command, self._environment)
        driver = self._driver
        try:
            hello = driver.hello(self._greeting)
        except Trouble:
            self._mute += 1
            driver.told = True
            raise
        self._mute = 0
        self.name = " ".join(str(hello[key]) for key in ("name", "version") if hello.get(key))
        self.dialect = driver.dialect
        self.cannot_cancel = None if driver.cancels else "the driver does not say that it can cancel"
        self.cannot_pair = None if driver.parallel else "the driver does not say that it can run two at once (parallel)"
        return driver


_GIVEN_UP = "the driver was not started again, for it failed every time"
