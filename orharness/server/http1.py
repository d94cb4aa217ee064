"""One TCP connection: leaving as the transport sees it, reading as the kernel sees it, and the bytes of a response.

``parsing`` has the requests. Leaving is noticed by ``eof_received`` and ``connection_lost`` of the protocol, never by
the next failing write.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import NoneType
from typing import TYPE_CHECKING, cast

from orharness.journal import Certainty, How
from orharness.origins import is_loopback
from orharness.scenario.response import Response
from orharness.server.head import head
from orharness.server.incoming import ReadRequest
from orharness.server.ownsocket import OwnSide, acknowledged, own_side
from orharness.server.pace import TURN, Pace, give_way
from orharness.server.parsing import Malformed, Parsing, Received
from orharness.server.peerqueue import Peer, PeerQueue, PeerState
from orharness.server.polls import polls_of_loop
from orharness.server.wire import Departure, Handler, Next
from orharness.stream import Framing

if TYPE_CHECKING:
    from orharness.server.connections import Manager

log = logging.getLogger("orharness.server")

PAUSE = 0.005  # seconds between two chunks for a peer that cannot be seen: a guess, long enough for an idle reader
# Seconds of asking in every turn of the loop before sleeping between two questions. A sleep takes at least 1 ms, and a
# client in a thread of this process needs that long for a head: with 0.5 ms a contract trial took twice as long.
_SPIN = 0.0015
# A client that closes its socket within this many seconds of its FIN has closed it; one that keeps the socket longer
# has half-closed the connection.
_HALF_CLOSE_AFTER = 0.02
_JIFFIES = 0.008  # seconds: two ticks of the slowest kernel clock, which measures how long a peer has been silent
_SHORT_TURN = 0.005  # seconds, at most, of a loop turn that is so short that a FIN in it is noticed soon
_RESET_WITHIN = 0.2  # seconds after the FIN of a client that cannot be seen, in which an RST is awaited
_TOLD_WITHIN = 2.0  # seconds, at most, from the client's socket vanishing to its FIN or RST
_LINGER_RESET = struct.pack("ii", 1, 0)
_TURNS = 10  # turns of the loop from a request's arrival to its body being read: four, and some to spare
_BETWEEN_TURNS = 0.001  # seconds: the longest that other work of the loop waits; its timers are no more exact


class Connection(Parsing):
    """One connection: reports when, how and after how many bytes the client left. One request is answered at a time."""

    __slots__ = (
        "_answer",
        "_early",
        "_ending",
        "_fin_since",
        "_handler",
        "_last_read",
        "_lost_as",
        "_lost_by",
        "_malformed",
        "_manager",
        "_own_at_leaving",
        "_pace",
        "_peer",
        "_peer_at_leaving",
        "_peers",
        "_polls",
        "_request_count",
        "_socket",
        "_told",
        "_waiting",
        "_wire",
        "_wrote_at",
        "answered",
        "bodies_read",
        "ended",
        "gone",
        "gone_at",
        "made_at",
        "visible",
        "written",
    )

    def __init__(self, manager: Manager, peers: PeerQueue, handler: Handler) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self.answered = 0  # requests whose exchanges are over
        self.bodies_read = 0
        self.gone: asyncio.Future[None] = loop.create_future()
        self.gone_at = 0.0
        self.made_at = monotonic()
        self.ended = False  # whether the server ended the connection
        self.written = 0  # bytes given to the transport since the connection began
        self.visible = False
        self._manager = manager
        self._peers = peers
        self._handler = handler
        self._request_count = 0
        self._waiting: deque[Received] | None = None  # requests that came before the last answer had ended
        self._malformed: str | None = None  # why nothing more can be parsed
        self._answer: asyncio.Task[None] | None = None
        self._wrote_at = 0.0
        self._lost_by: type = NoneType  # the class of the error: its traceback would lead back here, a cycle
        self._lost_as: Next | None = None
        self._peer: Peer | None = None
        self._last_read: int | None = None  # bytes that the client had read at the last look
        self._fin_since = 0.0  # the client's FIN did not come before this moment
        self._own_at_leaving: OwnSide | None = None
        self._peer_at_leaving: PeerState | None = None
        self._early: tuple[int, int] | None = None  # bytes written and acknowledged when a request came too early
        self._told: Callable[[Next], None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._wire: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._pace = Pace.of_loop()
        self._polls = polls_of_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self._wire = cast(asyncio.Transport, transport)
        self._socket = transport.get_extra_info("socket")
        if self._socket is not None:
            # asyncio leaves it off where the listening socket was made without a protocol number. With Nagle's
            # algorithm a chunk waits for the acknowledgement of the one before, which a client delays by 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._manager.add(self)
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if ours and theirs:
            self._peer = Peer(self._peers, theirs[:2], ours[:2])
            self.visible = self.peer(exactly=False) is not None

    # --- requests -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._pace.catch_up()
        if self.busy and self._early is None and self.bodies_read == self._request_count:
            own = self._own()
            self._early = (self.written, 0 if own is None else own.acked)
        if self._malformed is not None or self.ended:
            return
        try:
            self.parse(data)
        except Malformed as error:
            self._malformed = str(error)
            if not self.busy:
                self._refuse_garbage()

    def received(self, request: Received) -> None:
        self._request_count += 1
        if self._answer is None:
            self._begin(request)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(request)
        if len(self._waiting) == self._manager.limits.early:
            self._pause_reading(paused=True)

    def _pause_reading(self, *, paused: bool) -> None:
        if self._wire is not None and not self._wire.is_closing():
            (self._wire.pause_reading if paused else self._wire.resume_reading)()

    def close_if_idle(self, since: float) -> None:
        """Close it if it has had no request since that monotonic time."""
        if self._answer is None and max(self.made_at, self._wrote_at) < since:
            self._close()

    def _begin(self, request: Received) -> None:
        self._answer = asyncio.get_running_loop().create_task(self._answered(request))

    async def _answered(self, request: Received) -> None:
        """Have a request answered; then the next one, or the end of the connection."""
        keep_alive = False
        self._next_request()
        try:
            keep_alive = await self._handler.answer(ReadRequest(request, self), self)
        except Exception:
            log.exception("while answering a request")
        finally:
            self.answered += 1
            self._answer = None
        # What is left of a body that nobody has read cannot be told from the next request.
        if not keep_alive or self.is_done_with or not request.is_whole:
            self._close()
        elif self._waiting:
            self._begin(self._waiting.popleft())
            if len(self._waiting) == self._manager.limits.early // 2:
                self._pause_reading(paused=False)
        elif self._malformed is not None:
            self._refuse_garbage()

    def _refuse_garbage(self) -> None:
        """Answer malformed HTTP in the gateway's format."""
        self._handler.garbage(400, self._malformed or "", self._write_whole)
        self._close()

    def _write_whole(self, response: Response) -> int | None:
        """As ``WriteWhole``: the connection ends with this response, whatever its ending is."""
        body = response.stream.body
        headers = (("Content-Type", "application/json"),)
        with suppress(ConnectionResetError):
            self.write(head(response.status or 400, headers, Framing.LENGTH, len(body), close=True) + body)
            return self.written - len(body)
        return None

    def _close(self) -> None:
        if self._wire is not None:
            self._wire.close()

    # --- its end --------------------------------------------------------------------------------------------------

    def eof_received(self) -> bool | None:
        if self.busy:
            self._leave()
            return True
        if self._told is None:  # between two exchanges, with nothing to be learnt
            return None
        self._leave()
        self._end_watch()
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        self._pace.catch_up()
        self._lost_by = type(exc)
        fin_came = self.gone.done()
        if self.busy or self._told is not None:
            self._leave()
        elif not fin_came:  # Between two exchanges the client's kernel need not be asked.
            self.gone_at = monotonic()
            self.gone.set_result(None)
        # An RST that arrives before our side is closed, which happens only after this method, has closed our socket.
        # This is asked last: the questions above take a while.
        own = self._own()
        reset = self._reset_by_peer or (own is not None and own.closed)
        self._lost_as = (Next.RESET_AFTER_FIN if fin_came else Next.RESET) if reset else Next.ENDED
        self._tell(self._lost_as)
        if self._receiving is not None:
            self._receiving.fail(ConnectionResetError("the connection was lost"))
        self._parser = self._receiving = self._waiting = None
        self._manager.discard(self)
        super().connection_lost(exc)

    @property
    def client_is_local(self) -> bool:
        """Whether the client reached us by this machine's loopback."""
        theirs = None if self._wire is None else self._wire.get_extra_info("peername")
        return is_loopback(theirs[0].partition("%")[0]) if theirs else False

    @property
    def _reset_by_peer(self) -> bool:
        """Whether an RST ended the connection.

        EPIPE does not count: there the RST answered a write to a client that had already sent its FIN (``tcp_reset`` in
        Linux, net/ipv4/tcp_input.c). Such a client left by FIN, whichever of the two is reported first.
        """
        return issubclass(self._lost_by, OSError) and not issubclass(self._lost_by, BrokenPipeError)

    @property
    def busy(self) -> bool:
        """Whether a request is unanswered; then its exchange handles the client's leaving."""
        return self._request_count > self.answered

    @property
    def is_unused(self) -> bool:
        """Whether nothing has come on it: a client may open one ahead of its next request."""
        return self._request_count == 0 and self._parser is None and not self.gone.done()

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone_at = monotonic()
            self._own_at_leaving = own = self._own()
            self._fin_since = self._fin_not_before(own)
            self._peer_at_leaving = self.peer()
            self.gone.set_result(None)

    def _fin_not_before(self, own: OwnSide | None) -> float:
        """Return the earliest moment at which the client's FIN, seen now, can have come.

        It had not arrived at the poll before the last one. If nothing was written since, the FIN is the last packet
        from the client, because a FIN acknowledges everything before it. The same holds if something was written in a
        short turn after that poll: an earlier FIN would have been reported by the next poll at once.
        """
        polled = self._polls.returned_before
        if own is None or self._wrote_at >= polled + _SHORT_TURN:
            return polled
        return max(polled, self.gone_at - own.silence - _JIFFIES)

    # --- what the client's process has read -----------------------------------------------------------------------

    def peer(self, *, exactly: bool = True, acked: int | None = None) -> PeerState | None:
        """Return the kernel's state of the client's socket, ``None`` if it cannot be seen.

        ``acked``: the bytes that its kernel has acknowledged, where that has just been asked.
        """
        peer = self._peer
        if peer is None or peer.gone:
            return None
        if acked is None:
            acked = 0 if peer.has_received(self.written) else acknowledged(self._socket)
        state = peer.state(exactly=exactly, acked=acked)
        if state is not None and state.read is not None:
            self._last_read = state.read
        return state

    def held_here(self) -> bool | None:
        """Return whether this process holds the client's socket; ``None`` if unknown."""
        return None if self._peer is None else self._peer.held_here()

    def read_so_far(self) -> int | None:
        """Return the bytes of the connection that the client had read at the last look; ``None`` if there was none."""
        return self._last_read

    def has_read_all(self, *, exactly: bool = True) -> bool | None:
        """Return whether the client has read everything, ``None`` if that cannot be seen."""
        if not self.visible:
            own = self._own()
            return False if own is not None and self._sent(own) < self.written else None
        return self._shows_all_read(self.peer(exactly=exactly))

    def _shows_all_read(self, state: PeerState | None) -> bool | None:
        return None if state is None or state.read is None else state.read >= self.written

    def has_just_read_all(self) -> bool:
        """Return whether the client has read everything, by one quick question.

        It is asked at once, without a turn of the loop, if the last turn was just now: turns took a tenth of a contract
        trial. False also where that is not known, or where a turn is due.
        """
        peer = self._peer
        if not self.visible or peer is None or monotonic() - self._polls.returned_at >= _BETWEEN_TURNS:
            return False
        give_way()  # nothing that was written just now can have been read
        acked = acknowledged(self._socket)
        if acked != self.written:  # an acknowledgement may be delayed
            return self._shows_all_read(self.peer(exactly=False, acked=acked)) is True
        if not peer.has_read(self.written):
            return False
        self._last_read = self.written
        return True

    async def wait_read(self) -> bool:
        """Wait until the client has read everything; return True if that was seen, False if a pause was used instead.

        Raises ``ConnectionResetError`` if the client was seen to be gone.
        """
        started = monotonic()
        if self.visible and self._peer is not None and self._peer.gone:
            await self._wait_told()
        while self.visible:
            if (waited := monotonic() - started) < _SPIN:  # first: ``has_just_read_all`` has been asked
                await TURN
            else:  # an eighth of the time waited, so that a stall costs little
                await asyncio.sleep(min(0.25, max(0.001, waited / 8)))
            read = self.has_read_all(exactly=False)
            if read:
                return True
            if read is None:
                await self._wait_told()
        await asyncio.sleep(PAUSE)
        return False

    async def _wait_told(self) -> None:
        """Wait for the transport to report that the client left: its socket is gone, or its FIN has come.

        On a busy machine the kernel may be stopped for long between closing the socket and sending the RST.
        """
        for _ in range(_TURNS):  # as a rule the next turn reports it
            if self.gone.done():
                break
            await asyncio.sleep(0)
        else:
            await asyncio.wait({self.gone}, timeout=_TOLD_WITHIN)
        if self.gone.done():
            raise ConnectionResetError("the client has left")
        self.visible = False  # it has not left: it can no longer be seen

    async def has_been_lost(self) -> bool:
        """Return whether the client is gone; waits a few turns, in which the transport reports a failed write."""
        for _ in range(_TURNS):
            if self.gone.done() or self.ended or self._wire is None or not self._wire.is_closing():
                break
            await asyncio.sleep(0)
        return self.gone.done() and not self.ended

    async def wait_delivered(self) -> None:
        """Wait until the client's kernel has acknowledged everything; return at once if that cannot be seen.

        Raises ``ConnectionResetError`` if the client has left.
        """
        started = monotonic()
        while (own := self._own()) is not None and own.acked < self.written:  # noqa: ASYNC110 - the kernel has no event
            await asyncio.sleep(min(0.25, max(0.001, (monotonic() - started) / 8)))
        if own is not None and own.left:
            await self._wait_told()

    def _own(self) -> OwnSide | None:
        return own_side(self._socket)

    def _sent(self, own: OwnSide) -> int:
        """Return the bytes that have been sent to the client."""
        return self.written - self._buffered() - own.unsent

    def _buffered(self) -> int:
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    # --- how it left ----------------------------------------------------------------------------------------------

    async def departure(self) -> Departure:
        """Return how the client left (FIN, RST, half-close) and what it read. A socket without a process was closed."""
        if self._reset_by_peer:
            seen = issubclass(self._lost_by, ConnectionResetError)  # and not by a timeout, for example
            return self._departure(How.RST, Certainty.SEEN if seen else Certainty.UNKNOWN, None)
        if self._last_read is None:
            return self._departure(How.FIN, Certainty.UNKNOWN, None)
        # not the time since it left: on a busy machine that may be long, and one look is not enough
        looked = monotonic()
        state = self._peer_at_leaving  # a socket that no process held then is not held now either
        while state is not None and state.attached:
            state = self.peer()
            if state is None or not state.attached:
                break
            if monotonic() - looked > _HALF_CLOSE_AFTER:
                return self._departure(How.HALF_CLOSE, Certainty.SEEN, state)
            await asyncio.sleep(0.001)
        own = self._own()
        gone = state is not None or (own is not None and own.closed)
        closed_soon = gone and monotonic() - self._fin_since <= _HALF_CLOSE_AFTER
        return self._departure(How.FIN, Certainty.SEEN if closed_soon else Certainty.UNKNOWN, state, own)

    def _departure(self, how: How, known: Certainty, state: PeerState | None, own: OwnSide | None = None) -> Departure:
        """Return the departure. ``state``: the client's socket after its FIN, ``None`` if gone; ``own``: ours now."""
        own = self._own_at_leaving if how is How.RST else own or self._own() or self._own_at_leaving
        reset = how is How.RST or issubclass(self._lost_by, OSError) or (own is not None and own.closed)
        read, read_known = self._read_at_leaving(state, own, reset=reset)
        most = None if own is None else self._sent(own) if how is How.RST else own.acked
        whole = most is None or most >= self.written
        return Departure(how, known, read, read_known, None if whole else most, reset)

    def _read_at_leaving(
        self, state: PeerState | None, own: OwnSide | None, *, reset: bool
    ) -> tuple[int | None, Certainty]:
        """Return what was read: exact for a socket closed without an RST, since closing with unread bytes sends one."""
        if self._last_read is None:
            return None, Certainty.UNKNOWN
        if state is not None and not state.attached and not reset and own is not None:
            return own.acked, Certainty.INFERRED
        read = self._last_read
        exact = read >= self.written or (state is not None and state.attached)
        return read, Certainty.SEEN if exact else Certainty.AT_LEAST

    async def reset_follows(self) -> bool:
        """Return whether an RST follows the client's FIN within 200 ms.

        asyncio does not report it, because it stops reading after a FIN.
        """
        deadline = monotonic() + _RESET_WITHIN
        while (own := self._own()) is not None and not own.closed and monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        return own is not None and own.closed

    def watch(self, told: Callable[[Next], None]) -> None:
        """Call ``told`` once, when it is known how the connection goes on after the answer that has just ended."""
        early, self._early = self._early, None
        # A pipelining client asks before it has the answer, so its request says nothing about reading.
        pipelined = early is not None and min(early) < self.written
        if pipelined:
            told(Next.ENDED)
            return
        self._told = told
        if self._lost_as is not None:
            self._tell(self._lost_as)
        elif self.gone.done() and not self.ended:  # else the end of our side tells
            self._end_watch()

    def _next_request(self) -> None:
        """Record that a request begins."""
        self._pace.catch_up()
        self._early = None
        self._tell(Next.ASKED_AGAIN)

    def _tell(self, how: Next) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(how)

    @property
    def settling(self) -> bool:
        """Whether the client has left and how it left is still being determined."""
        if self._told is not None and self._ending is not None:
            return True
        return self.busy and self.gone.done() and not self.ended

    @property
    def is_done_with(self) -> bool:
        """Whether the client's FIN came as its answer ended, so that nothing is left to do but to close our side."""
        return self.gone.done() and self._ending is None

    def _end_watch(self) -> None:
        """Find out whether an RST follows the FIN that a client that cannot be seen sent after an answer."""

        async def watch() -> None:
            self._tell(Next.RESET_AFTER_FIN if await self.reset_follows() else Next.ENDED)
            if self._wire is not None:
                self._wire.close()

        self._ending = asyncio.get_running_loop().create_task(watch())

    # --- what is written ------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write in one piece; it becomes one send if the socket takes it whole.

        Raises ``ConnectionResetError`` if the connection is closing: then nothing was written.
        """
        wire = self._wire
        if wire is not None and not wire.is_closing():
            wire.write(data)
        if wire is None or wire.is_closing():  # a failed send closes the transport
            raise ConnectionResetError("the connection has ended")
        self.written += len(data)
        self._wrote_at = monotonic()

    def is_full(self) -> bool:
        """Return whether something that was written is still buffered here."""
        return self._buffered() > 0

    async def drain(self) -> None:
        """Wait while too much is buffered."""
        if self._buffered():
            await self._drain_helper()

    async def send(self, data: bytes) -> None:
        """Write and drain."""
        self.write(data)
        await self.drain()

    def finish(self) -> None:
        """Send FIN after everything that was written."""
        self.ended = True
        if self._wire is not None:
            self._wire.close()

    def reset(self) -> None:
        """Send RST: close with SO_LINGER at zero (socket(7))."""
        self.ended = True
        if self._wire is not None:
            if self._socket is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            self._wire.abort()

    def abort(self) -> None:
        """End the connection now and drop what is still to be written."""
        self.ended = True
        if self._wire is not None:
            self._wire.abort()
