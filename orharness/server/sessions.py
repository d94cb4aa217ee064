"""Sessions: the routes and the journal of one test each, side by side on one server.

A request's session is found by its path (``/s/ID/v1``), by the header ``X-Orharness-Session``, or by the API key
``orh-ID``, in that order; any other request belongs to the default session. A session has its own routes, gates and
faults, and cannot affect another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from orharness.gateways import Gateway
from orharness.journal import Pacing, Request
from orharness.journal.events import TestEnded
from orharness.server import addresses
from orharness.server.answering import Answering
from orharness.server.control.options import Limits
from orharness.server.eventlog import EventLog, Numbers
from orharness.server.handles import Act

DEFAULT = "default"
ENDED = "this request names a session of orharness that has ended, or that never was: open one for each test"
SESSION_HEADER = "X-Orharness-Session"
KEY_PREFIX = "orh-"
TTL = 600.0  # seconds without a request or a verb after which a session ends
_SWEEP = 5.0  # seconds between two looks at which sessions are to end
_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


@dataclass(frozen=True)
class SessionOptions:
    """The options of a session. ``ttl``: seconds without any request after which it ends."""

    gateway: Gateway
    pacing: Pacing = Pacing.LOCKSTEP
    strict: bool = True
    ttl: float = TTL
    hold_limit: float | None = 60.0


class Session:
    """One test's routes and journal. Everything here runs in the server's loop."""

    def __init__(
        self,
        identifier: str,
        answering: Answering,
        make_log: Callable[[str], EventLog],
        clock: Callable[[], float],
        *,
        strict: bool,
        ttl: float,
    ) -> None:
        self.id = identifier
        self.answering = answering
        self.strict = strict
        self.ttl = ttl
        self.acts: dict[str, Act] = {}  # of each exchange the last act of cancelling
        self._make_log = make_log
        self._log: EventLog | None = None
        self._clock = clock
        self._used = clock()

    @property
    def log(self) -> EventLog:
        """Its event log. It starts when first asked for, because each event costs time."""
        if self._log is None:
            self._log = self._make_log(self.id)
            self.answering.listeners.append(self._log.heard)
        return self._log

    def touch(self) -> None:
        """Record that the session is in use."""
        self._used = self._clock()

    @property
    def has_expired(self) -> bool:
        """Whether it was unused for longer than its ``ttl``. A session with an open answer is in use."""
        idle = self._clock() - self._used > self.ttl
        return idle and not any(live.open for live in self.answering.exchanges)

    def end_exchanges(self) -> None:
        """Give each open exchange its outcome, and abort its connection."""
        for live in self.answering.exchanges:
            live.end_test(TestEnded(live.elapsed()))
        self.answering.works.close()

    def reset(self) -> None:
        """Remove the routes, empty the journal, end the open exchanges."""
        self.end_exchanges()
        self.answering.reset()
        self.acts.clear()
        if self._log is not None:
            self._log.clear()


class Addressed(NamedTuple):
    """The session of a request (``None`` if it has ended), and the request without the part that names the session."""

    session: Session | None
    head: Request


class Sessions:
    """The sessions of one server. Everything here runs in its loop.

    ``make`` creates the answering part of a session. ``settle`` returns once every client that has left is seen to have
    left. ``clock``: returns the seconds by which unused sessions end.
    """

    def __init__(
        self,
        default: Answering,
        make: Callable[[SessionOptions], Answering],
        settle: Callable[[], Awaitable[None]],
        *,
        strict: bool,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.numbers = Numbers()
        self.limits = limits
        self.settle = settle
        self._make = make
        self._clock = clock
        self.default = Session(DEFAULT, default, self._make_log, clock, strict=strict, ttl=float("inf"))
        self._others: dict[str, Session] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def all(self) -> list[Session]:
        """Return the default session and every other one."""
        return [self.default, *self._others.values()]

    def get(self, identifier: str) -> Session | None:
        """Return a session by its id, or ``None``."""
        return self.default if identifier == DEFAULT else self._others.get(identifier)

    @property
    def is_full(self) -> bool:
        """Whether no more sessions can be opened. Expired ones do not count."""
        if len(self._others) >= self.limits.sessions:
            self._end_expired()
        return len(self._others) >= self.limits.sessions

    def open(self, options: SessionOptions) -> Session:
        """Return a new session."""
        made = self._make(options)
        named = addresses.new_session_id()
        session = Session(named, made, self._make_log, self._clock, strict=options.strict, ttl=options.ttl)
        _ = session.log  # from its first event on
        self._others[session.id] = session
        self._sweep_later()
        return session

    def _make_log(self, session: str) -> EventLog:
        return EventLog(session, self.numbers, self.limits.events)

    def end(self, session: Session) -> None:
        """End a session other than the default one, with its connections and its address."""
        session.end_exchanges()
        self._others.pop(session.id, None)
        session.log.changes.tell()  # who watches it learns that there is nothing more to come
        self.numbers.changes.tell()

    def end_all(self) -> None:
        """End every session but the default one."""
        for session in list(self._others.values()):
            self.end(session)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def find(self, head: Request) -> Addressed:
        """Return the session of a request, by its path, its header or its key."""
        name, path = addresses.split(head.path)
        if name is not None and addresses.is_session_id(name):
            return Addressed(self._used(name), replace(head, path=path))
        named = head.header(SESSION_HEADER)
        if named is not None:
            return Addressed(self._used(named.strip()), head)
        # Most requests have an ordinary key.
        key = _key_of(head)
        return Addressed(self.default if key is None else self._used(key), head)

    def _used(self, identifier: str) -> Session | None:
        session = self.get(identifier)
        if session is not None:
            session.touch()
        return session

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        self._end_expired()
        if self._others:
            self._sweep_later()

    def _end_expired(self) -> None:
        for session in [one for one in self._others.values() if one.has_expired]:
            self.end(session)


def _key_of(head: Request) -> str | None:
    """Return the id of the session that the request's API key names, or ``None``."""
    keys = [value.removeprefix("Bearer ").strip() for name, value in head.headers if name.lower() in _KEY_HEADERS]
    if "key=" in head.query:  # where Google's REST API takes it
        keys.append(head.parameters.get("key", ""))
    named = (key.removeprefix(KEY_PREFIX) for key in keys if key.startswith(KEY_PREFIX))
    return next((one for one in named if addresses.is_session_id(one)), None)
