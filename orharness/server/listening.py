"""Listening sockets and the connections accepted on them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from orharness.server.http1 import Connection, Manager
from orharness.server.peerqueue import PeerQueue
from orharness.server.wire import Handler, settle

_TURNS = 3  # turns of the loop in which an accepted socket becomes a connection


class Listening:
    """The sockets of one origin. Everything here runs in the server's loop."""

    def __init__(self, handler: Handler, peers: PeerQueue) -> None:
        self._manager = Manager(handler, peers)
        self._servers: list[asyncio.Server] = []

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Accept connections on sockets that are already bound."""
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(self._manager, sock=one, backlog=2048) for one in sockets]

    async def close(self) -> None:
        """Accept no more connections; those that exist stay."""
        await self._accept_no_more()
        for server in self._servers:
            server.close()

    async def _accept_no_more(self) -> None:
        """Stop accepting, and wait for accepted sockets to become connections: otherwise they would never be closed."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows
            for one in (one for server in self._servers for one in server.sockets):
                loop.remove_reader(one)
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Return once all clients that have left by now are seen to have left: that is in our sockets already."""
        await settle(lambda: any(one.settling for one in self._connections()))

    async def abort(self) -> None:
        """End every connection now."""
        while connections := self._connections():  # a few turns in which aiohttp's handlers end
            for connection in connections:  # includes connections accepted meanwhile
                connection.abort()
            await asyncio.sleep(0)

    def _connections(self) -> list[Connection]:
        return [one for one in self._manager.connections if isinstance(one, Connection)]
