"""The connections of the recorder: kept for a moment for the next request, with notes on the bytes of each response."""

from __future__ import annotations

import selectors
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from orharness.recording.reach import Reach
from orharness.recording.wire_notes import WireNotes

_KEPT = 1.0  # seconds; servers keep an idle connection for longer: gunicorn for 2, uvicorn and Node for 5

current: ContextVar[WireNotes | None] = ContextVar("orharness_wire_notes", default=None)
"""The notes for the request that is being sent in this context."""


class NotedConnector(aiohttp.TCPConnector):
    """Makes connections that keep notes. Make it in the loop that uses it.

    A connection is used again only within a second, and only if nothing has come on it since, not even its end: a
    request that meets the end of its connection could not be repeated, since it may have been taken.
    """

    def __init__(self, reach: Reach) -> None:
        super().__init__(limit=0, keepalive_timeout=_KEPT, ssl=reach.tls() or True, resolver=reach.resolver())
        loop = self._loop
        self._factory = lambda: _Handler(loop)  # type: ignore[assignment] # aiohttp has no public name for it

    async def _get(self, key: Any, *rest: Any) -> Any:  # nor for this
        kept = self._conns.get(key, ())
        for one in [one for one in kept if not _is_usable(one[0])]:
            kept.remove(one)  # type: ignore[union-attr]
            one[0].close()
        return await super()._get(key, *rest)


def _is_usable(handler: ResponseHandler) -> bool:
    """Whether nothing has come on an idle connection, also nothing that the loop has not seen yet."""
    transport = handler.transport
    if transport is None or transport.is_closing() or handler.should_close:
        return False
    with selectors.DefaultSelector() as looking:
        looking.register(transport.get_extra_info("socket"), selectors.EVENT_READ)
        return not looking.select(0)


class _Handler(ResponseHandler):
    """aiohttp's protocol of a client's connection, with notes on its bytes."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop=loop)
        self._notes: WireNotes | None = None
        self._take_notes()

    def _take_notes(self) -> None:
        if (notes := current.get()) is not self._notes:
            self._notes = notes
            if notes is not None:
                notes.restart()

    def set_response_params(self, **options: Any) -> None:
        """Take that a request is about to be sent: what comes from now on is for its notes."""
        self._take_notes()
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        if self._notes is not None:
            self._notes.feed(data)
        super().data_received(data)
