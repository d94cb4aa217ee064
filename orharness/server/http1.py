"""One TCP connection: leaving as the transport sees it, reading as the kernel sees it, and the bytes of a response.

aiohttp parses the requests. The response is written to the transport by ourselves, because ``StreamResponse`` has no
switch for a close-delimited HTTP/1.1 body and joins what should stay apart; and leaving is noticed by ``eof_received``
and ``connection_lost`` of the protocol, never by the next failing write.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from aiohttp import web

from orharness.journal import How, Request
from orharness.server.answering import Answering
from orharness.server.peerqueue import Peer, PeerQueue, PeerState
from orharness.server.wire import BadBody

PAUSE = 0.005  # seconds between two chunks for a peer that cannot be seen: long enough for an idle reader, a guess
# Seconds of asking in every turn of the loop before sleeping between two questions. A sleep is 1 ms at least, and a
# client in a thread of this process needs that long for a head: with 0.5 ms here a contract's trial took twice as long.
_SPIN = 0.0015
_HALF_CLOSE_AFTER = 0.02  # seconds from the first to the last look at a socket whose FIN is called a half-close
_TOLD_WITHIN = 2.0  # seconds from the vanishing of a client's socket to its FIN or RST, at most
_LINGER_RESET = struct.pack("ii", 1, 0)
_TCP_CLOSE = 7
_TURNS = 10  # of the loop, from a request's arrival to its body being read: four, and some to spare
# Where every core is busy the client can only read when we stop asking: the kernel is asked to let it run first.
_give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)


class Connection(web.RequestHandler):
    """aiohttp's protocol, which also tells when, how and after how much the client left."""

    def __init__(self, manager: Manager, peers: PeerQueue, answering: Answering) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's way to have none
            lingering_time=0,
            keepalive_timeout=3600,
        )
        self.answered = 0  # requests whose exchanges are over
        self.bodies_read = 0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone_at = 0.0
        self.ended = False  # it was the server that ended the connection
        self.written = 0  # bytes given to the transport since the connection began
        self.visible = False
        self._peers = peers
        self._answering = answering
        self._reset_by_peer = False
        self._peer: Peer | None = None
        self._last_seen: PeerState | None = None
        self._seen_closed = False  # no process held the client's socket when it left
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wire = cast(asyncio.Transport, transport)
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if ours and theirs:
            self._peer = Peer(self._peers, theirs[:2], ours[:2])
            self.visible = self.peer(exactly=False) is not None

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio takes a truthy answer as "keep open"
        if not self.busy:  # between two exchanges
            return None
        self._leave()
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        # EPIPE says that the reset answered what was written to a client that had sent its FIN before (tcp_reset in
        # Linux, net/ipv4/tcp_input.c): it left by FIN, whichever of the two is told first.
        self._reset_by_peer = isinstance(exc, OSError) and not isinstance(exc, BrokenPipeError)
        self._leave()
        self._lose(exc, _TURNS)

    def _lose(self, exc: BaseException | None, turns: int) -> None:
        """A request that has come whole is still read, in the next turns of the loop: it is no less a request."""
        if turns and self._request_count > self.bodies_read and not self.ended:
            asyncio.get_running_loop().call_soon(self._lose, exc, turns - 1)
        else:
            super().connection_lost(exc)

    @property
    def busy(self) -> bool:
        """A request has come that is not answered: leaving is the business of its exchange."""
        return self._request_count > self.answered

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone_at = monotonic()
            self._last_seen = self._at_leaving()
            self.gone.set_result(None)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Malformed HTTP: answered in the gateway's shape, without a traceback."""
        self.answered += 1
        self.bodies_read += 1
        reason = (message or str(exc) or "unknown").strip().split("\n")[0]
        response = self._answering.garbage(status, reason)
        answer = web.Response(status=status, body=response.stream.body, content_type="application/json")
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Nothing that a client sends prints a traceback."""
        self.logger.debug(*args, **kw)

    # --- what the client's process has read -----------------------------------------------------------------------

    def peer(self, *, exactly: bool = True) -> PeerState | None:
        """The client's socket as the kernel knows it, ``None`` where it cannot be seen."""
        state = None if self._peer is None else self._peer.state(exactly=exactly)
        if state is not None and state.read is not None:
            self._last_seen = state
        return state

    def held_here(self) -> bool | None:
        """Whether the client's socket belongs to this process; ``None`` where that is not known."""
        return None if self._peer is None else self._peer.held_here()

    def read_so_far(self) -> int | None:
        """Bytes of the connection that the client has taken, by the last answer; ``None`` if there was none."""
        return None if self._last_seen is None else self._last_seen.read

    def has_read_all(self, *, exactly: bool = True) -> bool | None:
        """Whether the client has taken everything, ``None`` where that cannot be seen."""
        state = self.peer(exactly=exactly)
        return None if state is None or state.read is None else state.read >= self.written

    async def wait_read(self) -> bool:
        """Returns when the client has taken everything: True if that was seen, False if a pause stands for it.

        Raises ``ConnectionResetError`` where the client was seen to be gone.
        """
        started = monotonic()
        while self.visible:
            await _breathe(monotonic() - started)  # first: nobody has read what was written just now
            read = self.has_read_all(exactly=False)
            if read:
                return True
            if read is None:
                await self._wait_told()
        await asyncio.sleep(PAUSE)
        return False

    async def _wait_told(self) -> None:
        """The client's socket is gone, so it left; the transport tells in a moment.

        Its kernel may be stopped between closing the socket and sending the RST, for long where all cores are busy.
        """
        for _ in range(_TURNS):  # as a rule the next one tells
            if self.gone.done():
                break
            await asyncio.sleep(0)
        else:
            await asyncio.wait({self.gone}, timeout=_TOLD_WITHIN)
        if self.gone.done():
            raise ConnectionResetError("the client has left")
        self.visible = False  # it has not left: it cannot be seen any more

    async def has_been_lost(self) -> bool:
        """Whether the client is gone. Of a write that failed the transport tells in one of the next turns."""
        for _ in range(_TURNS):
            if self.gone.done() or self._wire is None or not self._wire.is_closing():
                break
            await asyncio.sleep(0)
        return self.gone.done()

    def _at_leaving(self) -> PeerState | None:
        """What was read when the client left. A close with unread bytes sends RST; so behind a FIN all was read."""
        state = self.peer()
        self._seen_closed = state is None and self.visible
        if state is None or state.read is not None:
            # Blind, or half-closed, or (RST) the socket is gone: the last answer is what is known.
            return self._last_seen
        if self._last_seen is None or self._reset_by_peer or self._own_state() == _TCP_CLOSE:
            return self._last_seen  # something was written after the close and answered by RST
        return PeerState(self.written - self._buffered(), 0, attached=False)

    def _own_state(self) -> int | None:
        sock = self._wire.get_extra_info("socket") if self._wire is not None else None
        if sock is None or not hasattr(socket, "TCP_INFO"):
            return None
        try:
            state: int = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return None
        return state

    def _buffered(self) -> int:
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    async def how_it_left(self) -> How:
        """FIN, RST or half-close. A socket that no process holds any more was closed, not half-closed."""
        if self._reset_by_peer:
            return How.RST
        if self._seen_closed:
            return How.FIN
        looked = monotonic()  # not since it left: on a busy machine that may be long ago, and one look is none
        while (state := self.peer()) is not None and state.attached:
            if monotonic() - looked > _HALF_CLOSE_AFTER:
                return How.HALF_CLOSE
            await asyncio.sleep(0.001)
        return How.RST if self._reset_by_peer else How.FIN

    # --- what is written ------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """One write, which becomes one send wherever the socket takes it whole.

        Raises ``ConnectionResetError`` where the socket takes nothing: then nothing was written.
        """
        if self._wire is not None and not self._wire.is_closing():
            self._wire.write(data)
        if self._wire is None or self._wire.is_closing():  # a send that fails closes the transport
            raise ConnectionResetError("the connection has ended")
        self.written += len(data)

    async def drain(self) -> None:
        """Waits while too much is buffered."""
        if self._buffered():
            await self._drain_helper()

    async def send(self, data: bytes) -> None:
        """``write`` and ``drain``."""
        self.write(data)
        await self.drain()

    def finish(self) -> None:
        """FIN, behind everything that was written."""
        self.ended = True
        if self._wire is not None:
            self._wire.close()

    def reset(self) -> None:
        """RST: a close with SO_LINGER at zero (socket(7))."""
        self.ended = True
        if self._wire is not None:
            sock = self._wire.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            self._wire.abort()

    def abort(self) -> None:
        """The connection ends now, whatever is still to be written."""
        self.ended = True
        if self._wire is not None:
            self._wire.abort()


class Manager(web.Server):
    """aiohttp's low-level server with our connections."""

    def __init__(self, answering: Answering, peers: PeerQueue) -> None:
        super().__init__(self._handle)
        self._answering = answering
        self._peers = peers

    def __call__(self) -> Connection:
        return Connection(self, self._peers, self._answering)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        try:
            return Sent(keep_alive=await self._answering.answer(ReadRequest(request, connection), connection))
        finally:
            connection.answered += 1


class ReadRequest:
    """aiohttp's request as ``Incoming``."""

    def __init__(self, request: web.BaseRequest, connection: Connection) -> None:
        headers = tuple(
            (name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.raw_headers
        )
        self.head = Request(request.method, request.path, headers, b"", request.rel_url.raw_query_string)
        self.http_1_0 = request.version < (1, 1)
        self.keep_alive = bool(request.keep_alive)
        self.expects_continue = request.headers.get("Expect", "").lower() == "100-continue"
        self._request = request
        self._connection = connection

    async def body(self) -> bytes:
        """Return the whole body. Raises ``BadBody`` where it is malformed."""
        try:
            data = await self._request.content.read()
        except web.RequestPayloadError as error:
            raise BadBody(str(error)) from error
        self._connection.bodies_read += 1
        return data


class Sent(web.StreamResponse):
    """Tell aiohttp that the response has been written, and whether the connection stays."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._keep = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing: the head has been written."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the body has been written."""


async def _breathe(waited: float) -> None:
    """Between two questions: at once at first, then at an eighth of the time waited, so that a stall costs nothing."""
    if waited < _SPIN:
        _give_way()
    await asyncio.sleep(0 if waited < _SPIN else min(0.25, max(0.001, waited / 8)))
