"""The exchange events as an event stream: ``GET /_orharness/events``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from heapq import merge

from orharness.server.control.documents import dumped
from orharness.server.eventlog import NumberedEvent
from orharness.server.sessions import Session, Sessions
from orharness.sse import Comment, Event, encode

_QUIET = 15.0  # seconds without an event after which a comment keeps the connection alive


async def watch(sessions: Sessions, session: Session | None, last: int, quiet: float = _QUIET) -> AsyncIterator[bytes]:
    """Yield the events after ``last`` and then each new one, of one session or (``None``) of all.

    Events that are no longer kept are replaced by one named ``missed``. The stream ends with its session.
    ``quiet``: the seconds without an event after which a comment is sent.
    """
    yield encode(Comment(" the exchange events of orharness"))
    while True:
        watched = sessions.all() if session is None else [session]
        dropped = max(one.log.dropped for one in watched)
        if dropped > last:
            yield encode(Event("missed", dumped({"after": last, "up_to": dropped}).decode()))
            last = dropped
        found = list(merge(*(one.log.after(last) for one in watched), key=lambda heard: heard.number))
        if found:
            yield b"".join(map(_encoded, found))
            last = found[-1].number
            continue
        if session is not None and sessions.get(session.id) is not session:
            return
        changes = sessions.numbers.changes if session is None else session.log.changes
        if not await changes.next(quiet):
            yield encode(Comment(""))


def _encoded(heard: NumberedEvent) -> bytes:
    document = heard.to_json()
    return encode(Event(document["event"], dumped(document).decode(), str(heard.number)))
