"""How a ``Connection`` ended, for an answer that asks before or after it was lost: by an RST or in another way."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from time import monotonic, sleep

import pytest

from orharness.gateways import ONEROUTER
from orharness.scenario.response import error_response
from orharness.server.connections import ConnectionLimits, Manager
from orharness.server.http1 import Connection
from orharness.server.ownsocket import own_side
from orharness.server.peerqueue import PeerQueue, SocketCounts
from orharness.server.wire import Incoming, Next, Wire, WriteWhole

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a client has read")

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Blind(PeerQueue):
    """A kernel that knows no client. ``asked`` is called at each question."""

    asked: Callable[[], None] | None = None

    def ask(self, question: bytes) -> SocketCounts | None:
        if self.asked is not None:
            self.asked()
        return None


class Answering:
    """Answers one request, and calls ``then`` with its connection as the answer ends. ``keeps``: the connection."""

    def __init__(self, then: Callable[[Connection], None], *, keeps: bool) -> None:
        self.wire: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._then = then
        self._keeps = keeps

    async def answer(self, incoming: Incoming, wire: Wire) -> bool:
        await incoming.body()
        wire.write(ANSWER)
        assert isinstance(wire, Connection)
        self._then(wire)
        self.wire.set_result(wire)
        return self._keeps

    def garbage(self, status: int, reason: str, write: WriteWhole) -> None:
        write(error_response(ONEROUTER, status, reason))


@asynccontextmanager
async def _answered(client: socket.socket, peers: PeerQueue, handler: Answering) -> AsyncIterator[Connection]:
    """Yield the connection of a client that has asked once."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(Manager(handler, peers), "127.0.0.1", 0) as server:
        client.setblocking(False)
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await loop.sock_sendall(client, REQUEST)
        client.settimeout(20)
        yield await asyncio.wait_for(handler.wire, 20)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _read_and_close(client: socket.socket) -> None:
    assert client.recv(len(ANSWER), socket.MSG_WAITALL) == ANSWER
    client.close()


@pytest.mark.parametrize(("leave", "how"), [(_reset, Next.RESET), (_read_and_close, Next.ENDED)])
def test_who_asks_after_the_connection_was_lost_is_told_how(leave: Callable[[socket.socket], None], how: Next) -> None:
    told: list[Next] = []

    async def asked_afterwards() -> None:
        with socket.socket() as client, closing(Blind()) as peers:
            async with _answered(client, peers, Answering(lambda wire: None, keeps=True)) as wire:
                assert not wire.busy
                leave(client)
                await asyncio.wait({wire.gone}, timeout=20)
                wire.watch(told.append)

    asyncio.run(asked_afterwards())
    assert told == [how]


def test_an_rst_that_comes_while_the_kernel_is_asked_about_the_client_is_an_rst() -> None:
    told: list[Next] = []

    async def reset_meanwhile() -> None:
        with socket.socket() as client, closing(Blind()) as peers:

            def reset(ours: socket.socket) -> None:
                peers.asked = None
                _reset(client)
                deadline = monotonic() + 20
                while (own := own_side(ours)) is not None and not own.closed and monotonic() < deadline:
                    sleep(0.001)

            def then(wire: Connection) -> None:
                wire.watch(told.append)
                assert wire.transport is not None
                peers.asked = partial(reset, wire.transport.get_extra_info("socket"))

            # The server ends the connection after its answer: it asks for the last time, and then closes its side.
            async with _answered(client, peers, Answering(then, keeps=False)) as wire:
                await asyncio.wait({wire.gone}, timeout=20)

    asyncio.run(reset_meanwhile())
    assert told == [Next.RESET]


# -- limits ----------------------------------------------------------------------------------------------------------

HELD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Holding:
    """Answers each request; the answer to one for ``/held`` has no end before ``go_on``."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def answer(self, incoming: Incoming, wire: Wire) -> bool:
        await incoming.body()
        if incoming.head.path == "/held":
            wire.write(HELD)
            await self.go_on.wait()
            wire.write(b"y")
        else:
            wire.write(ANSWER)
        return True

    def garbage(self, status: int, reason: str, write: WriteWhole) -> None:
        raise AssertionError(reason)


@asynccontextmanager
async def _connected(handler: Holding, limits: ConnectionLimits, number: int) -> AsyncIterator[list[Streams]]:
    """Yield clients that are connected."""
    loop = asyncio.get_running_loop()
    with closing(Blind()) as peers:
        async with await loop.create_server(Manager(handler, peers, limits), "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            clients = [await asyncio.open_connection(host, port) for _ in range(number)]
            try:
                yield clients
            finally:
                for _, writer in clients:
                    writer.close()
                    with suppress(ConnectionError):
                        await writer.wait_closed()


@pytest.mark.asyncio
async def test_a_connection_without_requests_is_closed_and_one_with_an_open_answer_is_not() -> None:
    handler = Holding()
    async with asyncio.timeout(20), _connected(handler, ConnectionLimits(idle=0.05, each=0.02), 3) as clients:
        silent, asked, held = clients
        asked[1].write(REQUEST)
        held[1].write(REQUEST.replace(b"/", b"/held", 1))
        assert await asked[0].read() == ANSWER
        assert await silent[0].read() == b""
        assert await held[0].readexactly(len(HELD)) == HELD
        handler.go_on.set()
        assert await held[0].read() == b"y"


@pytest.mark.asyncio
async def test_a_client_that_asks_far_ahead_gets_all_its_answers() -> None:
    """Nothing more is received while two requests wait for the answer before theirs."""
    many, handler = 200, Holding()
    async with asyncio.timeout(20), _connected(handler, ConnectionLimits(early=2), 1) as [(reader, writer)]:
        writer.write(REQUEST.replace(b"/", b"/held", 1))
        assert await reader.readexactly(len(HELD)) == HELD
        for _ in range(many):
            writer.write(REQUEST)
            await asyncio.sleep(0)
        handler.go_on.set()
        assert await reader.readexactly(1 + many * len(ANSWER)) == b"y" + many * ANSWER
