"""The connections of the recorder: kept for a moment for the next request, with notes on the bytes of each response."""

from __future__ import annotations

import selectors
from contextvars import ContextVar
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler

from orharness.recording.direct import DirectBody
from orharness.recording.reach import Reach
from orharness.recording.wire_notes import WireNotes

_KEPT = 1.0  # seconds; servers keep an idle connection for longer: gunicorn for 2, uvicorn and Node for 5

current: ContextVar[ResponseWire | None] = ContextVar("orharness_wire", default=None)
"""What is to be known of the response to the request that is being sent in this context."""


class ResponseWire(NamedTuple):
    """What takes the bytes of one response: ``notes``, and ``body`` where chunks may pass without being parsed."""

    notes: WireNotes
    body: DirectBody | None = None


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
    """aiohttp's protocol of a client's connection, with notes on its bytes.

    Where the chunks of a response pass directly, aiohttp gets the head, and then what follows them: the last chunk, or
    the first one that is not plain. Its parser takes that as a body that begins there.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__(loop=loop)
        self._wire: ResponseWire | None = None
        self._direct: DirectBody | None = None  # to which the bytes go now
        self._take_wire()

    def _take_wire(self) -> None:
        if (wire := current.get()) is not self._wire:
            self._wire = wire
            self._direct = None
            if wire is not None:
                wire.notes.restart()

    def set_response_params(self, **options: Any) -> None:
        """Note that a request is about to be sent: what comes from now on is for its notes."""
        self._take_wire()
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        direct = self._direct
        if direct is None:
            self._parse(data)
            return
        rest = direct.feed(data)
        if direct.over:
            self._direct = None
            self._parse(rest)

    def _parse(self, data: bytes) -> None:
        wire = self._wire
        if wire is None:
            super().data_received(data)
            return
        taken = wire.notes.feed(data)
        super().data_received(data[:taken])
        if wire.body is not None and wire.notes.at_chunks and not wire.body.begun:
            self._direct = wire.body
            wire.body.begin(self.transport)
            self.data_received(data[taken:])

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._direct is not None:
            rest, self._direct = self._direct.end(), None
            self._parse(rest)
        super().connection_lost(exc)
