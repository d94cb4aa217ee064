"""All connections of an origin: they are made here, and closed where they have been idle for long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from orharness.server.http1 import Connection
from orharness.server.peerqueue import PeerQueue
from orharness.server.wire import Handler


@dataclass(frozen=True)
class ConnectionLimits:
    """What a connection may take up.

    ``early``: how many of its requests may wait for the answers to those before them; then nothing more is received.
    ``idle``: the seconds for which it may stay open without a request; ``each``: seconds between two looks at that.
    """

    early: int = 32
    idle: float = 3600.0
    each: float = 60.0


class Manager:
    """Makes the connections of an origin, and keeps those that are open."""

    def __init__(self, handler: Handler, peers: PeerQueue, limits: ConnectionLimits = ConnectionLimits()) -> None:
        self.limits = limits
        self.made = 0  # connections so far
        self.connections: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None  # while there are any
        self._handler = handler
        self._peers = peers

    def __call__(self) -> Connection:
        return Connection(self, self._peers, self._handler)

    def add(self, connection: Connection) -> None:
        """Note a connection that was made."""
        self.made += 1
        self.connections.add(connection)
        if self._sweeper is None:
            self._sweep_later()

    def discard(self, connection: Connection) -> None:
        """Forget a connection that was lost."""
        self.connections.discard(connection)
        if not self.connections and self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _sweep_later(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self.limits.each, self._sweep)

    def _sweep(self) -> None:
        """Close connections without a request; one timer for all, as there may be thousands."""
        for connection in list(self.connections):
            connection.close_if_idle(monotonic() - self.limits.idle)
        self._sweep_later()
