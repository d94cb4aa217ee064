"""An exchange in progress: a lock, two futures and the listeners around an exchange machine.

Only the server's loop adds events; any thread may take a snapshot or wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from threading import Lock
from time import monotonic, time

from orharness.journal import Certainty, Disconnect, Exchange, How, Outcome, Request
from orharness.journal.events import (
    Boundary,
    ConnectionEnded,
    Cut,
    ExchangeEvent,
    Held,
    Left,
    Read,
    RequestRead,
    TestEnded,
    Wrote,
)
from orharness.journal.machine import ExchangeMachine
from orharness.server.gates import Brake
from orharness.server.wire import Wire
from orharness.stream import Ending

_OF_ALL_THAT_ENDED = Lock()  # nothing changes in them any more
_PASSED = {proven: Boundary(proven) for proven in (True, False)}
Listener = Callable[["LiveExchange", ExchangeEvent], None]


class Listeners(list[Listener]):
    """Those that are called with each exchange event; ``of_turns`` with each but for what every chunk brings."""

    def __init__(self) -> None:
        super().__init__()
        self.of_turns: list[Listener] = []


_NOBODY = Listeners()


class LiveExchange:
    """One request, from its arrival on.

    ``decided`` and ``left`` resolve once, for threads and loops alike. ``decided`` holds the first outcome, which may
    be revised if the client's reading cannot be seen; ``decided_by`` is the event that decided the current outcome,
    ``None`` once the connection has ended. ``run``: the client run that its path names, see ``Runs``; ``request`` has
    the path without it. ``wire``: its connection, or ``None``; used in the loop's thread only. ``listeners``: called in
    the loop's thread with exchange events after they were applied; they may be more later. ``also_in``: a second list
    that holds it; a journal that drops the exchange removes it from there as well. ``brake``: holds the stream before
    its next chunk, ``None`` while nobody does.
    """

    __slots__ = (  # a journal may hold a hundred thousand; the futures are there once somebody waits
        "_decided", "_first", "_has_left", "_left", "_listeners", "_lock", "_machine", "_wire", "also_in", "brake",
        "decided_by", "id", "run", "started",
    )  # fmt: skip

    def __init__(
        self,
        identifier: str,
        request: Request,
        listeners: Listeners = _NOBODY,
        wire: Wire | None = None,
        run: int | None = None,
    ) -> None:
        self.id = identifier
        self.run = run
        self.also_in: deque[LiveExchange] | None = None
        self.decided_by: ExchangeEvent | None = None
        self.brake: Brake | None = None
        self._first: Outcome | None = None  # the outcome that was decided first
        self._decided: Future[Outcome] | None = None
        self._has_left = False
        self._left: Future[Disconnect] | None = None
        self.started = monotonic()  # the clock of asyncio's loops; set again once the body has been read
        self._machine = ExchangeMachine(identifier, request, time())
        self._listeners = listeners
        self._wire = wire
        self._lock = Lock()

    def feed(self, event: ExchangeEvent) -> None:
        """Apply the next event, and notify those who wait or listen."""
        before = self._machine.outcome
        with self._lock:
            may_decide = self._machine.apply(event)
        if may_decide:
            self._tell(event, before)
        for listener in self._listeners:
            listener(self, event)
        if self._listeners.of_turns and not isinstance(event, Wrote | Boundary):
            for listener in self._listeners.of_turns:
                listener(self, event)

    def wrote(self, at: float) -> None:
        """Record that the next chunk was written, as ``Wrote`` says it."""
        if self._listeners:
            self.feed(Wrote(at))
        else:  # a fast stream has two such moments for each chunk: nobody is there to whom a value would be given
            with self._lock:
                self._machine.wrote(at)

    def passed(self, *, proven: bool) -> None:
        """Record that the next boundary was passed, as ``Boundary`` says it."""
        if self._listeners:
            self.feed(_PASSED[proven])
        else:
            with self._lock:
                self._machine.passed(proven=proven)

    def _tell(self, event: ExchangeEvent, before: Outcome | None) -> None:
        machine = self._machine
        if machine.outcome is not None and machine.outcome is not before:
            self.decided_by = event
            if self._first is None:
                with self._lock:
                    self._first = machine.outcome
                if self._decided is not None:
                    self._decided.set_result(self._first)
        if machine.disconnect is not None and not self._has_left:
            with self._lock:
                self._has_left = True
            if self._left is not None:
                self._left.set_result(machine.disconnect)

    @property
    def first(self) -> Outcome | None:
        """The outcome that was decided first, ``None`` while undecided."""
        return self._first

    @property
    def has_gates(self) -> bool:
        """Whether its answer has a place at which it is held, as far as it has begun."""
        plan = self._machine.plan
        return plan is not None and bool(plan.stream.gates)

    @property
    def is_decided(self) -> bool:
        """Whether an outcome was decided."""
        return self._first is not None

    @property
    def decided(self) -> Future[Outcome]:
        """Return a future that resolves with the first outcome."""
        with self._lock:
            if self._decided is None:
                self._decided = Future()
                if self._first is not None:
                    self._decided.set_result(self._first)
            return self._decided

    @property
    def left(self) -> Future[Disconnect]:
        """Return a future that resolves when the client has left."""
        with self._lock:
            if self._left is None:
                self._left = Future()
                if self._has_left and self._machine.disconnect is not None:
                    self._left.set_result(self._machine.disconnect)
            return self._left

    def request_read(self, request: Request) -> None:
        """Record that the whole request has been read; all times count from here."""
        self.started = monotonic()
        self.feed(RequestRead(request, time()))

    def client_left(
        self, moment: float, how: How, known: Certainty = Certainty.SEEN, *, most: int | None = None, reset: bool
    ) -> None:
        """Record that the client left at the monotonic ``moment``; the other arguments are those of ``Left``."""
        self.feed(Left(how, max(0.0, moment - self.started), known, most, reset))

    def connection_ended(self) -> None:
        """Record that nothing more will be seen of this exchange."""
        self.feed(ConnectionEnded(self.elapsed()))
        self._wire = self.decided_by = None
        self._lock = _OF_ALL_THAT_ENDED

    def look(self) -> bool | None:
        """Ask the kernel what an open exchange's client has read; return whether that is all, ``None`` if unknown.

        Only in the loop's thread.
        """
        if self._wire is None or self._machine.over:
            return None
        all_read = self._wire.has_read_all()  # updates what was read so far
        if all_read is not None or not self._wire.visible:  # otherwise it is leaving now: the transport reports it
            self.feed(Read(self._wire.read_so_far(), all_read, self.elapsed()))
        return all_read

    def end_test(self, event: TestEnded) -> None:
        """Decide the outcome, if it is still open, and end the connection. The loop's thread only."""
        if self.open:
            self.look()
            self.feed(event)
            if self._wire is not None:
                self._wire.abort()

    def braked(self) -> Awaitable[None] | None:
        """Return what the stream waits for before its next chunk, ``None`` for nothing. The loop's thread only."""
        return None if self.brake is None else self._hold(self.brake)

    async def _hold(self, brake: Brake) -> None:
        self.feed(Held(True, self.elapsed()))
        try:
            await brake.wait()
        finally:
            self.brake = None
            self.feed(Held(False, self.elapsed()))

    def cut(self, ending: Ending) -> bool:
        """End the response now, by FIN or by RST; return whether there was one to end. The loop's thread only."""
        if not self._machine.can_be_left or self._wire is None:
            return False
        self.look()
        self.feed(Cut(ending, self.elapsed()))
        if ending is Ending.RESET:
            self._wire.reset()
        else:
            self._wire.finish()
        return True

    def held_here(self) -> bool | None:
        """Return whether this process holds the client's socket, ``None`` if unknown. Only in the loop's thread."""
        return None if self._wire is None or self._machine.over else self._wire.held_here()

    def elapsed(self) -> float:
        """Return the seconds since the request was read."""
        return monotonic() - self.started

    def snapshot(self) -> Exchange:
        """Return the exchange as it is now."""
        with self._lock:
            return self._machine.snapshot(self.elapsed())

    @property
    def request(self) -> Request:
        """Return the request as far as it has been read."""
        return self._machine.request

    @property
    def machine(self) -> ExchangeMachine:
        """Return the machine. Outside the loop's thread read single values only: for more take a ``snapshot``."""
        return self._machine

    @property
    def outcome(self) -> Outcome | None:
        """Return the current outcome, ``None`` while undecided."""
        return self._machine.outcome if self.is_decided else None

    @property
    def open(self) -> bool:
        """Return whether the client is still connected and the outcome undecided."""
        return self._first is None and not self._has_left

    @property
    def leaving(self) -> bool:
        """Return whether the client is gone and how it left is still being determined. Only in the loop's thread."""
        return self.open and self._wire is not None and self._wire.gone.done() and not self._wire.ended

    @property
    def can_be_left(self) -> bool:
        """Return whether the client can still leave; it can while a response hangs, a fault that is decided already."""
        return self._machine.can_be_left
