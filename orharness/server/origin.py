"""An origin (scheme, host and port), from its first connection to its end."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.journal.events import TestEnded
from orharness.server.answering import Answering
from orharness.server.builtin import builtin_routes
from orharness.server.forwarding import HttpService
from orharness.server.listening import Listening
from orharness.server.peerqueue import PeerQueue


class Origin:
    """What listens and what answers, as one. Everything here runs in the server's loop."""

    def __init__(
        self,
        peers: PeerQueue,
        *,
        gateway: Gateway,
        pacing: Pacing,
        models: Sequence[str],
        hold_limit: float | None = None,
        journal: int | None = None,
    ) -> None:
        self.answering = Answering(
            gateway=gateway, pacing=pacing, service=HttpService(), hold_limit=hold_limit, journal=journal
        )
        self.answering.builtin = builtin_routes(self.answering, models)
        self._listening = Listening(self.answering, peers)

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Accept connections on sockets that are already bound."""
        await self._listening.listen(sockets)

    async def close(self) -> None:
        """End everything now, without waiting for handlers."""
        await self._listening.close()
        await self.end_exchanges()
        await self.answering.service.close()

    async def settle(self) -> None:
        """Return once all clients that have left by now are seen to have left."""
        await self._listening.settle()

    async def end_exchanges(self) -> None:
        """End the test: each open exchange gets its outcome, and its connection is aborted."""
        await self.settle()
        for exchange in self.answering.exchanges:
            if exchange.open:
                exchange.look()
                exchange.feed(TestEnded(exchange.elapsed()))
        await self._listening.abort()

    async def reset(self) -> None:
        """Start afresh on the same port: no routes, an empty journal, no connections."""
        await self.end_exchanges()
        self.answering.reset()
