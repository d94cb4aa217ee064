"""Connections of a client that keep notes on their bytes, beside the parser of the client."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from orharness.recording.wire_notes import WireNotes

current: ContextVar[WireNotes | None] = ContextVar("orharness_wire_notes", default=None)
"""The notes for the request that is being sent in this context."""


class _Handler(ResponseHandler):
    """aiohttp's protocol of a client's connection, with notes on its bytes."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop=loop)
        self._notes = current.get()
        if self._notes is not None:
            self._notes.restart()

    def data_received(self, data: bytes) -> None:
        if self._notes is not None:
            self._notes.feed(data)
        super().data_received(data)


def note_wires(client: aiohttp.ClientSession) -> None:
    """Have the connections of a client keep notes. Call it in the client's loop."""
    connector = client.connector
    assert connector is not None
    loop = connector._loop
    connector._factory = lambda: _Handler(loop)  # type: ignore[assignment] # aiohttp has no public name for it
