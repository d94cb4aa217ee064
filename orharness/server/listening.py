"""Listening sockets and the connections accepted on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orharness.server.connections import Manager
from orharness.server.http1 import Connection
from orharness.server.peerqueue import PeerQueue
from orharness.server.thread import BACKLOG, Listener
from orharness.server.wire import Handler, settle

_TURNS = 3  # turns of the loop in which an accepted socket becomes a connection


class Listening:
    """The sockets of one origin. Everything here, except for making it, runs in the server's loop."""

    def __init__(self, handler: Handler, peers: PeerQueue) -> None:
        self._manager = Manager(handler, peers)
        self._sockets: Sequence[Listener] = ()
        self._servers: list[asyncio.Server] = []

    async def listen(self, sockets: Sequence[Listener]) -> None:
        """Accept connections on sockets that are already bound."""
        loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._servers = [await loop.create_server(self._manager, sock=one, backlog=BACKLOG) for one in sockets]

    async def close(self) -> None:
        """Accept no more connections; those that exist stay."""
        await self._accept_no_more()
        for server in self._servers:
            server.close()

    async def _accept_no_more(self) -> None:
        """Stop accepting, and wait for accepted sockets to become connections: otherwise they would never be closed."""
        loop = asyncio.get_running_loop()
        counted = True
        try:
            for one in (one for server in self._servers for one in server.sockets):
                loop.remove_reader(one)
        except NotImplementedError:  # Windows
            counted = False
        for _ in range(_TURNS):
            if counted and self._manager.made >= sum(one.accepted for one in self._sockets):
                return
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Return once all clients that have left by now are seen to have left: that is in our sockets already."""
        await settle(lambda: any(one.settling for one in self._connections()))

    @property
    def is_idle(self) -> bool:
        """Whether there is no connection."""
        return not self._manager.connections

    async def abort(self, *, unused: bool = True) -> None:
        """End every connection now. ``unused``: also those on which nothing has come."""
        while connections := self._connections(unused=unused):  # a few turns in which their answers end
            for connection in connections:  # includes connections accepted meanwhile
                connection.abort()
            await asyncio.sleep(0)

    def _connections(self, *, unused: bool = True) -> list[Connection]:
        return [one for one in self._manager.connections if unused or not one.is_unused]
