"""The latest exchange events of a session, numbered: for those who watch from outside, and for those who wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from time import monotonic
from typing import Any

from orharness.journal import Outcome, Request
from orharness.journal.bill import Work
from orharness.journal.events import ExchangeEvent, RequestRead
from orharness.server.exchange import LiveExchange
from orharness.stream import Chunk, Stream


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """One exchange event, and how many bytes of the body were written, and read, when it had happened.

    ``at``: seconds since the request was read. ``decided``: the outcome that it decided, ``None`` where there is none.
    """

    number: int
    session: str
    live: LiveExchange
    event: ExchangeEvent
    decided: Outcome | None
    at: float
    written: int
    read: int | None

    def to_json(self) -> dict[str, Any]:
        """Return its document: what happened, in which exchange, and the values of the event."""
        named = type(self.event).__name__
        name = "".join(f"_{one.lower()}" if one.isupper() else one for one in named).lstrip("_")
        document = {"id": self.number, "session": self.session, "call": self.live.id, "event": name}
        values = {one.name: _plain(getattr(self.event, one.name)) for one in fields(self.event)}
        document |= {key: value for key, value in values.items() if value is not None and key != "meter"}
        document |= {"at": round(self.at, 6), "body_written": self.written, "body_read": self.read}
        return document if self.decided is None else {**document, "outcome": self.decided}


def _plain(value: Any) -> Any:
    """A value of an event as JSON; of what is large, its size."""
    match value:
        case Request():
            return {"method": value.method, "path": value.path}
        case Stream():
            return {"bytes": len(value.body), "chunks": len(value.chunks), "ending": value.ending}
        case Chunk():
            return {"bytes": len(value.data)}
        case Work():
            return {"offset": value.offset, "stopped": value.stopped}
        case float():
            return round(value, 6)
        case _:
            return value


class Changes:
    """Wakes the coroutines that wait for something to happen. The loop's thread only."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """Something has happened."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def next(self, seconds: float) -> bool:
        """Return when the next thing happens, after ``seconds`` at the latest; return whether it has happened."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait({waiting}, timeout=max(0.0, seconds))
            return waiting.done()
        finally:
            self._waiting.discard(waiting)

    async def until(self, deadline: float, look: float) -> bool:
        """Wait for the next thing, ``look`` seconds at most; return whether the monotonic deadline is still to come."""
        now = monotonic()
        if now >= deadline:
            return False
        await self.next(min(look, deadline - now))
        return True


class Numbers:
    """The numbers of events, one sequence for all sessions of a server, and who waits for an event of any session."""

    def __init__(self) -> None:
        self.last = 0
        self.changes = Changes()


class EventLog:
    """The latest events of one session, at most ``kept``.

    ``dropped``: the number of the last event that was forgotten, 0 for none.
    """

    def __init__(self, session: str, numbers: Numbers, kept: int) -> None:
        self.changes = Changes()
        self.dropped = 0
        self._session = session
        self._numbers = numbers
        self._events: deque[NumberedEvent] = deque()
        self._kept = kept
        self._begun: dict[str, int] = {}
        self._over: dict[str, int] = {}

    def heard(self, live: LiveExchange, event: ExchangeEvent) -> None:
        """A listener of the session's exchanges."""
        self._numbers.last += 1
        number = self._numbers.last
        decided = live.outcome if live.decided_by is event else None
        machine = live.machine
        # An event that is made for each chunk has no moment of its own.
        at = event.at or (0.0 if isinstance(event, RequestRead) else live.elapsed())
        self._events.append(
            NumberedEvent(number, self._session, live, event, decided, at, machine.written, machine.read)
        )
        if len(self._events) > self._kept:
            self._drop(self._events.popleft())
        self._begun.setdefault(live.id, number)
        if not live.can_be_left and live.id not in self._over:
            self._over[live.id] = number
        self.changes.tell()
        self._numbers.changes.tell()

    def _drop(self, oldest: NumberedEvent) -> None:
        self.dropped = oldest.number
        if not oldest.live.can_be_left:  # the events of an ended exchange are not looked up by number any more
            self._begun.pop(oldest.live.id, None)
            self._over.pop(oldest.live.id, None)

    def after(self, number: int) -> Iterator[NumberedEvent]:
        """Yield the events after that one, oldest first; of those that were forgotten none."""
        newest_first = []
        for one in reversed(self._events):
            if one.number <= number:
                break
            newest_first.append(one)
        return reversed(newest_first)

    def begun(self, live: LiveExchange) -> int:
        """Return the number of an exchange's first event; 0 if it came before the log began."""
        return self._begun.get(live.id, 0)

    def was_open_after(self, live: LiveExchange, number: int) -> bool:
        """Whether the client could still leave an exchange after that event, or the exchange began later."""
        return live.can_be_left or self.begun(live) > number or self._over.get(live.id, 0) > number

    def clear(self) -> None:
        """Forget all events; the numbers go on."""
        self._events.clear()
        self._begun.clear()
        self._over.clear()
