"""The yardstick: a bare ``asyncio.Protocol`` that knows nothing of HTTP but how to find the end of a GET request.

It runs in the very loop and thread of the server that is measured, writes chunks that were framed beforehand, looks at
nothing and keeps nothing but two moments of each request: when it had been read, and when its client left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from time import monotonic
from typing import cast
from urllib.parse import parse_qs, urlsplit

from orharness.frames import SSE
from orharness.server.head import head
from orharness.server.thread import ServerThread, loopback_sockets
from orharness.stream import Chunk, Framing

HEAD = head(200, (("Content-Type", SSE.content_type),), Framing.CHUNKED, 0, close=False)
LAST_CHUNK = b"0\r\n\r\n"
Plan = Callable[["BareProtocol"], None]


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class BareServer:
    """``read_at`` and ``left_at``: monotonic moments by the number that the request's query names (``?n=17``)."""

    thread: ServerThread
    plans: dict[str, Plan]
    read_at: dict[int, float] = field(default_factory=dict)
    left_at: dict[int, float] = field(default_factory=dict)
    port: int = 0

    def start(self) -> BareServer:
        """Listens on loopback, in the loop of the thread."""
        (listening, *others) = loopback_sockets()
        for one in others:  # ::1 with the same port: nobody asks for it here
            one.close()
        self.port = listening.getsockname()[1]

        async def listen() -> None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: BareProtocol(self), sock=listening, backlog=2048)

        self.thread.run(listen)
        return self

    def close(self) -> None:
        """Listens no more; connections end with their clients."""
        self.thread.call(self._server.close)


class BareProtocol(asyncio.Protocol):
    """One connection, one request."""

    def __init__(self, server: BareServer) -> None:
        self._server = server
        self._request = b""
        self._number = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if not self._request.endswith(b"\r\n\r\n"):
            return
        self.began = monotonic()
        target = urlsplit(self._request.split(b" ", 2)[1].decode())
        self._number = int(parse_qs(target.query)["n"][0])
        self._server.read_at[self._number] = self.began
        self._server.plans[target.path](self)

    def eof_received(self) -> None:
        self._server.left_at.setdefault(self._number, monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left_at.setdefault(self._number, monotonic())


def at_once(chunks: Sequence[Chunk]) -> Plan:
    """Head, chunks and last chunk, a ``transport.write`` each, in one turn of the loop."""
    pieces = [HEAD, *(framed(chunk.data) for chunk in chunks), LAST_CHUNK]

    def plan(connection: BareProtocol) -> None:
        for piece in pieces:
            connection.wire.write(piece)

    return plan


def by_turns(chunks: Sequence[Chunk]) -> Plan:
    """One ``transport.write`` in each turn of the loop, by ``call_soon``."""
    pieces = [HEAD, *(framed(chunk.data) for chunk in chunks), LAST_CHUNK]

    def plan(connection: BareProtocol) -> None:
        rest = iter(pieces)
        loop = asyncio.get_running_loop()

        def write() -> None:
            piece = next(rest, None)
            if piece is not None:
                connection.wire.write(piece)
                loop.call_soon(write)

        write()

    return plan


def by_deadline(chunks: Sequence[Chunk]) -> Plan:
    """The head at once, each chunk by a ``loop.call_at`` of its own, all counted from the request."""
    pieces = [framed(chunk.data) for chunk in chunks]
    moments = list(accumulate(chunk.delay for chunk in chunks))

    def plan(connection: BareProtocol) -> None:
        loop = asyncio.get_running_loop()
        connection.wire.write(HEAD)

        def write(number: int) -> None:
            if connection.wire.is_closing():
                return
            connection.wire.write(pieces[number])
            if number + 1 < len(pieces):
                loop.call_at(connection.began + moments[number + 1], write, number + 1)
            else:
                connection.wire.write(LAST_CHUNK)

        loop.call_at(connection.began + moments[0], write, 0)

    return plan


def held(chunk: Chunk) -> Plan:
    """The head and one chunk, and nothing more."""

    def plan(connection: BareProtocol) -> None:
        connection.wire.write(HEAD)
        connection.wire.write(framed(chunk.data))

    return plan
