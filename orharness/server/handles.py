"""Handles for tests: a route on the server and each of its calls.

Handles may be used from any thread. They show snapshots and change nothing but by ``release``. The texts of their
failures are made in ``orharness.checks``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from orharness.errors import ClientFailure, OrharnessError
from orharness.journal import Bill, Disconnect, Exchange, Outcome
from orharness.lazy import Deferred
from orharness.options import checked_call
from orharness.scenario.checked import seconds_of, whole_number_of
from orharness.server.answering import Answering
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Mounted, exchanges_of, name_of
from orharness.server.thread import ServerThread
from orharness.server.wire import settle

if TYPE_CHECKING:
    import orharness.checks as checks
else:
    checks = Deferred("orharness.checks")  # the texts of failures: a first request does not wait for their import

T = TypeVar("T")
GRACE = (
    # seconds, or `within` if that is longer: how long a late leaving is awaited, so that the failure can give its time
    0.5
)
_POLL = 0.002  # seconds between two checks whether a stream is held
LOOK = 0.02  # seconds between two checks whether an exchange can still be left


class Call:
    """One request and its answer, as the server saw them."""

    def __init__(self, live: LiveExchange, thread: ServerThread, act: Act | None = None) -> None:
        self._live = live
        self._thread = thread
        self._act = act

    @property
    def id(self) -> str:
        """The id of the journal entry."""
        return self._live.id

    @property
    def exchange(self) -> Exchange:
        """The current journal entry."""
        return _looked_at([self._live], self._thread)[0]

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, ``None`` while undecided. Never blocks."""
        return self._live.outcome

    @property
    def started(self) -> float:
        """When the whole request had been read, in seconds of ``time.monotonic``."""
        return self._live.started

    @property
    def finished(self) -> bool:
        """Whether the client has taken the whole answer by now. Never waits for the client.

        True for the outcomes ``completed`` and ``left_at_end``, and for an undecided exchange that was read to its end
        marker. The server first processes what has reached its sockets, so whatever the client did before counts:
        reading to the end, or leaving. For a client that still reads in another thread see ``wait_finished``. Raises
        ``ClientFailure`` if it cannot be known. A system that never shows what a client has read (any but Linux) counts
        an answer that was delivered whole, unless the client reset its connection.
        """
        self._take_in()
        return self._known()

    def _take_in(self) -> None:
        if not self._live.is_decided:
            _taken_in(self._live, self._thread)

    def _known(self) -> bool:
        finished = self._finished
        if finished is None:
            exchange = self._live.snapshot()
            raise ClientFailure(
                checks.cannot_be_known(exchange) or f"cannot be known: {checks.describe(exchange)}", exchange
            )
        return finished

    @property
    def _finished(self) -> bool | None:
        return finished_by_now(self._live)

    @checked_call()
    def wait_finished(self, timeout: float = 5.0) -> bool:
        """Block until the client has taken the whole answer or another outcome is decided, at most ``timeout`` seconds.

        Returns ``finished`` as it is then, and raises as it does.
        """
        deadline = monotonic() + seconds_of(timeout, "timeout")
        while self._goes_on() and (left := deadline - monotonic()) > 0:
            with suppress(FutureTimeout):
                self._live.decided.result(min(left, LOOK))
        return self._known()

    async def wait_finished_async(self, timeout: float = 5.0) -> bool:
        """As ``wait_finished``, in asyncio and in trio."""
        deadline = monotonic() + seconds_of(timeout, "timeout")
        while self._goes_on() and (left := deadline - monotonic()) > 0:
            await _arrives(self._live.decided, min(left, LOOK))
        return self._known()

    def _goes_on(self) -> bool:
        """Return whether the client may still read."""
        self._take_in()
        return not self._live.is_decided and not self._finished

    @checked_call()
    def wait_ended(self, timeout: float = 5.0) -> Outcome:
        """Block until the outcome is decided and return it.

        Raises ``ClientFailure`` if it is undecided after ``timeout`` seconds. Where the client's reading cannot be
        seen, this first outcome may be revised later; see ``outcome``.
        """
        try:
            seconds = seconds_of(timeout, "timeout")
            return self._live.first or self._live.decided.result(seconds)
        except FutureTimeout:
            raise self._still_open(timeout) from None

    async def wait_ended_async(self, timeout: float = 5.0) -> Outcome:
        """As ``wait_ended``, in asyncio and in trio."""
        if await _arrives(self._live.decided, seconds_of(timeout, "timeout")):
            return self._live.decided.result()
        raise self._still_open(timeout)

    @property
    def bill(self) -> Bill | None:
        """What the model behind the answer made and charges so far; ``None`` if there is no model.

        Where the tokens of a stream cannot be counted, its events are counted instead, and the bill's ``counted`` says
        so.
        """
        return self.exchange.bill

    @checked_call()
    def assert_upstream_stopped(self, leaked_tokens: int = 1) -> None:
        """Assert that the client left before the end and that the model stopped; raises ``ClientFailure`` otherwise.

        ``leaked_tokens``: how many tokens beyond those that were sent a model that does not stop may bill; events where
        the tokens of a stream cannot be counted. What a model that stops made before the client left is not a leak.
        Also fails if it cannot be known whether a model stopped: the reply has none, or its provider is not listed.
        """
        __tracebackhide__ = True
        whole_number_of(leaked_tokens, "leaked_tokens")
        seen = None if self._act is None else _aftermath(self._live, self._thread, self._act)
        failure = checks.upstream_failure(self.exchange if seen is None else seen.after, leaked_tokens, seen)
        if failure is not None:
            raise failure

    def __repr__(self) -> str:
        return f"<Call {checks.describe(self.exchange)}>"

    def _still_open(self, timeout: float) -> ClientFailure:
        exchange = self.exchange
        return ClientFailure(f"after {timeout:g} s the exchange is still open: {checks.describe(exchange)}", exchange)


@dataclass(frozen=True, slots=True)
class Act:
    """The end of an ``expect_disconnect`` block, in seconds of the monotonic clock, and the exchange at that moment."""

    at: float
    exchange: Exchange


def finished_by_now(live: LiveExchange) -> bool | None:
    """Return whether the client has taken the whole answer, by what was seen; ``None`` if that cannot be known."""
    if live.is_decided:
        exchange = live.snapshot()
        if exchange.finished is None and exchange.outcome is not None and not _reading_can_be_seen():
            return exchange.outcome.finished  # this system shows no more than what was delivered
        return exchange.finished
    machine = live.machine
    return machine.read_to_end if machine.reading_is_seen or not machine.may_have_read_to_end(None) else None


class LiveRoute:
    """A route on the server: one reply, or those of one cassette."""

    def __init__(self, mounted: Sequence[Mounted], thread: ServerThread, answering: Answering) -> None:
        self._mounted = mounted
        self._thread = thread
        self._answering = answering
        self._acts: dict[str, Act] = {}  # the last act of cancelling, by the id of its exchange
        self._arrived = Condition()

    @property
    def exchanges(self) -> list[LiveExchange]:
        """The exchanges behind the calls, in the order of their requests."""
        return exchanges_of(self._mounted)

    @property
    def calls(self) -> list[Call]:
        """Every request that it answered, in order."""
        return self.calls_from(0)

    def calls_from(self, number: int) -> list[Call]:
        """Return the requests from that number on, counted from 0: for a route that is requested again and again."""
        return [Call(live, self._thread, self._acts.get(live.id)) for live in self.exchanges[number:]]

    @property
    def unplayed(self) -> int:
        """How many interactions of its cassette no request has asked for."""
        return sum(not one.calls for one in self._mounted)

    @property
    def call(self) -> Call:
        """The one request that it answered; raises ``ClientFailure`` if there was none or more than one."""
        calls = self.calls
        if len(calls) == 1:
            return calls[0]
        if not calls:
            raise checks.nobody_asked(self.name, self._others())
        listed = "\n".join(f"  {checks.describe(call.exchange)}" for call in calls)
        raise ClientFailure(f"{self.name} was asked {len(calls)} times, not once (see .calls):\n{listed}")

    @property
    def name(self) -> str:
        """The route's method, path and condition."""
        return name_of(self._mounted)

    @checked_call()
    def wait_call(self, timeout: float = 5.0, number: int = 1) -> Call:
        """Block until the request with that number (from 1) has come; raise ``ClientFailure`` if it does not."""
        seconds_of(timeout, "timeout")
        whole_number_of(number, "number", least=1)
        for one in self._mounted:
            one.on_exchange = self._notify
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.exchanges) >= number, timeout):
                came = len(self.exchanges)
                raise ClientFailure(f"after {timeout:g} s {self.name} had {came} of {number} requests")
        return self.calls[number - 1]

    @checked_call()
    def wait_held(self, timeout: float = 5.0) -> Call:
        """Block until a stream of this route is held at a gate with everything before it written; return its call.

        Raises ``ClientFailure`` if none is after ``timeout`` seconds.
        """
        deadline = monotonic() + seconds_of(timeout, "timeout")
        while (held := self._held()) is None and monotonic() < deadline:
            sleep(_POLL)
        return held or self._none_held(timeout)

    async def wait_held_async(self, timeout: float = 5.0) -> Call:
        """As ``wait_held``, in asyncio and in trio."""
        deadline = monotonic() + seconds_of(timeout, "timeout")
        while (held := self._held()) is None and monotonic() < deadline:
            await _pause(_POLL)
        return held or self._none_held(timeout)

    def _held(self) -> Call | None:
        return next((call for call in self.calls if call.exchange.held_at is not None), None)

    def _none_held(self, timeout: float) -> Call:
        lives = self.exchanges
        seen, gates = [live.snapshot() for live in lives], any(live.has_gates for live in lives)
        raise ClientFailure(checks.none_held(self.name, timeout, seen, self._others(), gates=gates))

    @checked_call()
    def release(self, gates: int = 1) -> None:
        """Open the next gate (``hold``), or that many, for every request that this route answers now or later."""
        whole_number_of(gates, "gates", least=1)

        def release() -> None:
            for one in self._mounted:
                one.gates.release(gates)

        self._thread.call(release)

    @checked_call()
    def expect_disconnect(self, within: float = 0.25) -> ExpectedDisconnect:
        """Begin a block whose body cancels: every open call must be left within ``within`` seconds of its end.

        Works as ``with`` and as ``async with``. Use the latter in async code, since most async clients leave only when
        their loop goes on. Raises ``ClientFailure`` at the end of the block.
        """
        return ExpectedDisconnect(self, seconds_of(within, "within"))

    def __repr__(self) -> str:
        return f"<LiveRoute {self.name}: {len(self.exchanges)} calls>"

    def _open(self) -> list[LiveExchange]:
        return [live for live in self.exchanges if live.can_be_left]

    def _others(self) -> list[Exchange]:
        """Return the exchanges of the server that other routes answered, or none did."""
        ours = self.exchanges
        return [live.snapshot() for live in self._answering.exchanges if live not in ours]

    def _notify(self) -> None:
        with self._arrived:
            self._arrived.notify_all()


class ExpectedDisconnect:
    """The block of ``expect_disconnect``. ``calls`` and ``call`` are set when it ends."""

    def __init__(self, route: LiveRoute, within: float) -> None:
        self._route = route
        self._within = within
        self._before: list[LiveExchange] = []
        self._known = 0
        self.calls: list[Call] = []

    @property
    def call(self) -> Call:
        """The one call that the client left."""
        if len(self.calls) != 1:
            raise ClientFailure(f"the block saw {len(self.calls)} calls, not one")
        return self.calls[0]

    def __enter__(self) -> ExpectedDisconnect:
        self._before = self._route._open()
        self._known = len(self._route.exchanges)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            for leaving in self._judged(in_loop=_loop_is_running()):
                with suppress(FutureTimeout):
                    leaving.result(LOOK)

    async def __aenter__(self) -> ExpectedDisconnect:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            for leaving in self._judged(in_loop=False):
                await _arrives(leaving, LOOK)

    def _judged(self, *, in_loop: bool) -> Iterator[Future[Disconnect]]:
        """Judge the end of the block; yields the futures to wait for, each for at most ``LOOK`` seconds.

        The waits are short because an exchange may end otherwise, so that no client leaves. Raises ``ClientFailure``.
        """
        __tracebackhide__ = True
        ended = monotonic()
        deadline = ended + self._within + max(self._within, GRACE)
        route, thread = self._route, self._route._thread
        concerned = [*self._before, *route.exchanges[self._known :]]
        if not concerned:
            raise checks.nobody_failure(route.name, [live.snapshot() for live in route.exchanges], route._others())
        acts = [Act(ended, exchange) for exchange in _looked_at(concerned, thread)]
        route._acts.update((act.exchange.id, act) for act in acts)
        self.calls = [Call(live, thread, act) for live, act in zip(concerned, acts, strict=True)]
        for live in concerned:
            while live.can_be_left and monotonic() < deadline:
                yield live.left
        watched = [_aftermath(live, thread, act) for live, act in zip(concerned, acts, strict=True)]
        failure = checks.disconnect_failure(watched, self._within, in_loop=in_loop)
        if failure is not None:
            raise failure


def _looked_at(lives: Sequence[LiveExchange], thread: ServerThread) -> list[Exchange]:
    """Return current snapshots, after the kernel was asked what has been read of those that are open."""

    def refresh() -> None:
        for live in lives:
            if live.open:
                live.look()

    if any(live.open for live in lives):
        # The server is stopped or stopping: its last state is used.
        with suppress(OrharnessError, RuntimeError, CancelledError):
            thread.call(refresh)
    return [live.snapshot() for live in lives]


def _taken_in(live: LiveExchange, thread: ServerThread) -> None:
    """Let the server process what has reached its sockets, and ask the kernel what was read."""

    async def take_in() -> None:
        await settle(lambda: live.leaving)
        if live.open:
            live.look()

    with suppress(OrharnessError, RuntimeError, CancelledError):  # as in _looked_at
        thread.run(take_in)


def _aftermath(live: LiveExchange, thread: ServerThread, act: Act) -> checks.Aftermath:
    now = live.elapsed()
    [after] = _looked_at([live], thread)
    there = live.can_be_left
    return checks.Aftermath(
        act.at - live.started, act.exchange, now, after, there, _held_here(live, thread) if there else None
    )


def _held_here(live: LiveExchange, thread: ServerThread) -> bool | None:
    """Return whether this process holds the client's end of the connection; ``None`` if unknown."""
    with suppress(OrharnessError, RuntimeError, CancelledError):  # the server is stopped or stopping
        return thread.call(live.held_here)
    return None


def _reading_can_be_seen() -> bool:
    """Return whether this system shows what a client's process has read, at least in the same namespace."""
    return hasattr(socket, "AF_NETLINK")


def _loop_is_running() -> bool:
    """Return whether this thread is inside a task of an event loop; blocking there keeps an async client from leaving.

    A loop that runs without a task belongs to a tool, such as Playwright's synchronous API.
    """
    with suppress(RuntimeError):
        return asyncio.current_task() is not None
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def _pause(seconds: float) -> None:
    """Sleep in asyncio or in trio."""
    in_asyncio = asyncio._get_running_loop() is not None
    await (asyncio.sleep(seconds) if in_asyncio else sys.modules["trio"].sleep(seconds))


async def _arrives(future: Future[T], timeout: float) -> bool:
    """Return whether the future is done within that many seconds. Polls, which is the same in asyncio and trio."""
    deadline = monotonic() + timeout
    while not future.done():
        if monotonic() >= deadline:
            return False
        await _pause(0.001)
    return True
