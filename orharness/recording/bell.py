"""Wakes the process that keeps what passes: not for each event, since that takes the processor from the streams.

A process that is woken competes with the client, which waits for the event: on two cores that adds more to the event
than all that the recorder does. What was handed over is in the kernel, where no kill of the recorder loses it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

SOON = 0.05  # seconds
_AGAIN = 0.002  # seconds between two rings while a socket is full, which has room for some hundred KB
_MUCH = 2**18  # bytes that are read at once; the kernel has room for some 400 KB where nothing else is set
_OVERHEAD = 2**10  # bytes that the kernel needs for each message


class Bell:
    """Rings at the other end of a socket, where ``rung`` waits. Make it in the loop that uses it.

    ``soon``: the seconds for which data may stay unread.
    """

    def __init__(self, connection: socket.socket, soon: float = SOON) -> None:
        self._connection = connection
        self._connection.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._unread = 0  # bytes since it rang
        self._seconds = soon
        self._soon: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Ring now."""
        self._unread = 0
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        with suppress(OSError):  # it rings already, or nobody is there
            self._connection.send(b"\0")

    def ring_soon(self, size: int) -> None:
        """Ring for one more message of that many bytes, soon: at once where much has come."""
        self._unread += size + _OVERHEAD
        if self._unread > _MUCH:
            self.ring()
        elif self._soon is None:
            self._soon = self._loop.call_later(self._seconds, self.ring)

    def ring_while(self, wanted: Callable[[], bool]) -> None:
        """Ring now, and again as long as ``wanted`` says so: for data that becomes readable without notice."""
        self.ring()
        if self._again is None:
            self._again = self._loop.call_later(_AGAIN, self._ring_on, wanted)

    def _ring_on(self, wanted: Callable[[], bool]) -> None:
        self._again = None
        if wanted():
            self.ring_while(wanted)

    def close(self) -> None:
        """Let the other end know that nothing more comes."""
        for timer in (self._soon, self._again):
            if timer is not None:
                timer.cancel()
        self._connection.close()


def rung(connection: socket.socket) -> bool:
    """Wait until it has rung, in a thread of the other process; return whether it may ring again."""
    return bool(connection.recv(2**12))
