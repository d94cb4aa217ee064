"""A wire of lists: what the server needs of a connection, without a socket, and what answers on one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import monotonic
from typing import Any

from orharness.gateways import ONEROUTER
from orharness.journal import Certainty, How, Pacing, Request
from orharness.scenario import Reply, Route
from orharness.server.answering import Answering
from orharness.server.builtin import builtin_routes
from orharness.server.mounts import Mounted
from orharness.server.wire import BadBody, Departure, Next
from tests.support.list_service import ListService


class ListWire:
    """Keeps each write; its client reads everything at once, nothing, or is blind (``visible`` False)."""

    def __init__(self, *, reads: bool = True, visible: bool = True) -> None:
        self.writes: list[bytes] = []
        self.written = 0
        self.visible = visible
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone_at = 0.0
        self.ended = False
        self.how = How.FIN
        self.closed = ""  # how the server ended it
        self._reads = reads

    @property
    def sent(self) -> bytes:
        """All that was written."""
        return b"".join(self.writes)

    def leave(self, how: How = How.FIN) -> None:
        """The client leaves."""
        self.how, self.gone_at = how, monotonic()
        self.gone.set_result(None)

    def write(self, data: bytes) -> None:
        if self.gone.done() or self.ended:
            raise ConnectionResetError("the client has left")
        self.writes.append(data)
        self.written += len(data)

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def held_here(self) -> bool | None:
        return None

    def read_so_far(self) -> int | None:
        return (self.written if self._reads else 0) if self.visible else None

    def has_read_all(self, *, exactly: bool = True) -> bool | None:
        return self._reads if self.visible else None

    def has_just_read_all(self) -> bool:
        return False

    async def wait_read(self) -> bool:
        await asyncio.sleep(0)
        if self.visible and not self._reads:
            await self.gone
            raise ConnectionResetError("the client has left")
        return self.visible

    async def has_been_lost(self) -> bool:
        return self.gone.done()

    async def wait_delivered(self) -> None:
        await asyncio.sleep(0)

    async def departure(self) -> Departure:
        read = self.read_so_far()
        known = Certainty.UNKNOWN if read is None else Certainty.SEEN
        return Departure(self.how, Certainty.SEEN, read, known, None, self.how is How.RST)

    async def reset_follows(self) -> bool:
        return False

    def watch(self, told: Callable[[Next], None]) -> None:
        self.told = told

    def finish(self) -> None:
        self.ended, self.closed = True, "finish"

    def reset(self) -> None:
        self.ended, self.closed = True, "reset"

    def abort(self) -> None:
        self.ended, self.closed = True, self.closed or "abort"


class Asking:
    """A request as it comes in, whose body is there at once, or is malformed (``None``)."""

    def __init__(
        self, body: bytes | None = b"{}", path: str = "/v1/chat/completions", method: str = "POST", query: str = ""
    ) -> None:
        self.head = Request(method, path, (("Host", "test"),), b"", query)
        self.http_1_0 = False
        self.keep_alive = True
        self.expects_continue = False
        self.local = True
        self._body = body

    async def body(self, limit: int | None = None) -> bytes:
        if self._body is None:
            raise BadBody("it ends early")
        return self._body


def answering(*replies: Reply, pacing: Pacing = Pacing.LOCKSTEP, service: ListService | None = None) -> Answering:
    """What answers, with a list of one model, and with the replies to requests of the chat API."""
    made = Answering(gateway=ONEROUTER, pacing=pacing, service=service or ListService())
    made.builtin = builtin_routes(made, ["a/model"])
    if replies:
        made.mounted.append(Mounted(Route("POST", "/chat/completions", replies)))
    return made


def document(wire: ListWire) -> Any:
    """The JSON of an answer that is not streamed."""
    return json.loads(wire.sent.partition(b"\r\n\r\n")[2])
