"""What the server needs of a connection: a protocol, so that tests can use one that collects bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from orharness.journal import Certainty, How, Request
from orharness.scenario.response import Response

T = TypeVar("T")
WriteWhole = Callable[[Response], int | None]
"""Writes a response in one piece; returns where its body begins on the wire, ``None`` if nothing was written."""
_TURNS = 3  # turns of the loop: ready data is read, and accepted sockets become connections
_MOMENTS = 500  # milliseconds, at most, for finding out how clients left


@dataclass(frozen=True, slots=True)
class Departure:
    """How a client left, what it had read, and how certain both are. Positions are bytes since the connection began.

    ``read``: ``None`` if the client's reading cannot be seen. ``most``: the upper bound of what it read, ``None`` for
    all that was written. ``reset``: whether an RST has come.
    """

    how: How
    known: Certainty
    read: int | None
    read_known: Certainty
    most: int | None
    reset: bool


class Next(Enum):
    """How a connection goes on after an answer."""

    ASKED_AGAIN = "the next request came"
    RESET = "the client reset it"
    RESET_AFTER_FIN = "the client sent its FIN, and then reset it"
    ENDED = "it ended in another way"


class Wire(Protocol):
    """One connection, from the server's side.

    ``written``: bytes given to the transport since the connection began. ``visible``: whether the client's reading can
    be seen. ``gone`` is done when the client has left, at the monotonic time ``gone_at``. ``ended``: whether the server
    ended the connection.
    """

    written: int
    visible: bool
    gone: asyncio.Future[None]
    gone_at: float
    ended: bool

    def write(self, data: bytes) -> None:
        """Write in one piece. Raises ``ConnectionResetError`` where nothing can be written any more."""

    def is_full(self) -> bool:
        """Return whether ``drain`` would wait: something that was written is still buffered here."""

    async def drain(self) -> None:
        """Wait while too much is buffered."""

    def held_here(self) -> bool | None:
        """Return whether this process holds the client's socket, ``None`` if unknown."""

    def read_so_far(self) -> int | None:
        """Return the bytes that the client had read at the last look, ``None`` if it was never seen."""

    def has_read_all(self, *, exactly: bool = True) -> bool | None:
        """Return whether the client has read everything now, ``None`` if that cannot be seen."""

    def has_just_read_all(self) -> bool:
        """Return whether the client has read everything, by one quick question.

        False also where that is not known, or where other work of the loop is due: then ``wait_read`` is to be awaited.
        """

    async def wait_read(self) -> bool:
        """Wait until the client has read everything; return True if that was seen, False if a pause was used instead.

        Raises ``ConnectionResetError`` if the client was seen to be gone.
        """

    async def has_been_lost(self) -> bool:
        """Return whether the client has ended the connection; waits a moment for the transport after a failed write."""

    async def wait_delivered(self) -> None:
        """Wait until the client's kernel has acknowledged everything; return at once if that cannot be seen.

        Raises ``ConnectionResetError`` if the client was seen to be gone.
        """

    async def departure(self) -> Departure:
        """Return how the client left and what it had read; finding out may take some milliseconds."""

    async def reset_follows(self) -> bool:
        """Return whether an RST follows the client's FIN within 200 ms."""

    def watch(self, told: Callable[[Next], None]) -> None:
        """Call ``told`` once, when it is known how the connection goes on after the answer that has just ended."""

    def finish(self) -> None:
        """End the connection after everything that was written (FIN)."""

    def reset(self) -> None:
        """End the connection at once (RST)."""

    def abort(self) -> None:
        """End the connection now and drop what is still to be written."""


class Incoming(Protocol):
    """An incoming request: its head has come, its body is still to be read.

    ``head`` has an empty body. ``http_1_0``: the HTTP version is below 1.1. ``keep_alive``: whether the client wants to
    keep the connection. ``expects_continue``: whether it waits for ``100 Continue`` before it sends the body.
    """

    head: Request
    http_1_0: bool
    keep_alive: bool
    expects_continue: bool

    @property
    def local(self) -> bool:
        """Whether the client reached us by this machine's loopback."""

    async def body(self, limit: int | None = None) -> bytes:
        """Return the whole body. Raises ``BadBody`` where it is malformed, ``TooLarge`` past ``limit`` bytes."""


class Handler(Protocol):
    """What takes the requests of a connection."""

    async def answer(self, incoming: Incoming, wire: Wire) -> bool:
        """Answer a request; return whether the connection may go on."""

    def garbage(self, status: int, reason: str, write: WriteWhole) -> None:
        """Answer what is not an HTTP request."""


class BadBody(Exception):  # noqa: N818 - a client's mistake, answered with 400
    """The request's body does not match its head."""


class TooLarge(BadBody):
    """The request's body has more bytes than are taken; the rest of it was not read."""


async def settle(leaving: Callable[[], bool]) -> None:
    """Return once clients that have left by now are seen to have left: that is in our sockets already.

    ``leaving``: returns whether a client is gone and how it left is still being determined.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    for _ in range(_MOMENTS):
        if not leaving():
            return
        await asyncio.sleep(0.001)


async def while_there(wire: Wire, answering: Awaitable[T]) -> T | None:
    """Await in this task, and stop as soon as the client has left: then return ``None``."""
    task = asyncio.current_task()
    assert task is not None
    waiting = True
    cancelled = False

    def leave(gone: asyncio.Future[None]) -> None:
        nonlocal cancelled
        if waiting:  # called a turn after the client has left
            cancelled = True
            task.cancel()

    wire.gone.add_done_callback(leave)
    try:
        return await answering
    except asyncio.CancelledError:
        if not cancelled or task.uncancel():
            raise  # the server is ending
        return None
    finally:
        waiting = False
        wire.gone.remove_done_callback(leave)
