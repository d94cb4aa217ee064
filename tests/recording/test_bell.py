"""The process that keeps what passes is woken for what has to be done, not for each event."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from orharness.cassette import load
from orharness.recording.bell import Bell, rung
from tests.recording.test_keeper import children
from tests.support.recording_bench import Client, Wire, asking, chunks_of, recording_process, serving, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such process on Windows")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def rings(theirs: socket.socket) -> int:
    """How often it has rung since this was asked."""
    try:
        return len(theirs.recv(2**12))
    except BlockingIOError:
        return 0


@pytest.mark.asyncio
async def test_many_small_messages_ring_once(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    bell = Bell(ours)
    for _ in range(2):
        for _ in range(100):
            bell.ring_soon(80)
        assert rings(theirs) == 0
        assert len(await asyncio.get_running_loop().sock_recv(theirs, 2**12)) == 1


@pytest.mark.asyncio
async def test_it_rings_on_while_that_is_wanted_and_at_one_pace_however_often(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    bell = Bell(ours)
    wanted = True
    began = monotonic()
    for _ in range(50):
        bell.ring_while(lambda: wanted)
    await asyncio.sleep(0.05)
    assert 50 < rings(theirs) <= 50 + (monotonic() - began) / 0.002 + 1  # no timer is early
    wanted = False
    await asyncio.sleep(0.01)
    rings(theirs)
    await asyncio.sleep(0.01)
    assert rings(theirs) == 0


@pytest.mark.asyncio
async def test_it_rings_at_once_for_much(ends: tuple[socket.socket, socket.socket]) -> None:
    """Bytes or messages: the kernel has room for some hundred of them, and the recorder waits where it has none."""
    ours, theirs = ends
    bell = Bell(ours)
    bell.ring_soon(2**18)
    assert rings(theirs) == 1
    for _ in range(300):
        bell.ring_soon(1)
    assert rings(theirs) == 1


@pytest.mark.asyncio
async def test_a_ring_takes_the_place_of_one_to_come(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    bell = Bell(ours, soon=0.0)
    bell.ring_soon(80)
    bell.ring()
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    assert rings(theirs) == 1


@pytest.mark.asyncio
async def test_nobody_hears_it(ends: tuple[socket.socket, socket.socket]) -> None:
    """A process that has ended, or that is behind with all that the kernel has room for."""
    ours, theirs = ends
    bell = Bell(ours)
    for _ in range(2000):
        bell.ring()
    theirs.setblocking(True)
    assert rung(theirs)
    theirs.close()
    bell.ring()


def test_it_never_rings_again(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setblocking(True)
    ours.send(b"\0")
    ours.close()
    assert [rung(theirs), rung(theirs)] == [True, False]


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("kill", [False, True])
async def test_where_the_kernel_has_no_room_a_client_gets_no_more_and_nothing_is_lost(to: Path, kill: bool) -> None:
    """The process that keeps what passes does not run for a while. ``kill``: meanwhile the recorder is killed."""
    sent = [b"data: %d %b\n\n" % (number, b"a" * 2**15) for number in range(120)]

    stopped = asyncio.Event()

    async def much(wire: Wire) -> None:
        wire.head()
        await stopped.wait()
        for at in range(0, len(sent), 10):
            wire.chunks(*sent[at : at + 10])
            await wire.drained()
        wire.last_chunk()

    received: list[bytes] = []

    async def read(client: Client) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while data := await client.chunk():
                received.append(data)

    async with serving(much) as upstream, recording_process(upstream.url, to) as (process, base_url):
        async with asking(base_url) as client:
            await client.head()
            (keeper,) = children(process.pid)
            os.kill(keeper, signal.SIGSTOP)
            stopped.set()
            reading = asyncio.create_task(read(client))
            try:
                await until(lambda: len(received) > 0)
                before = 0
                while before < len(received):
                    before = len(received)
                    await asyncio.sleep(0.3)
                assert len(received) < len(sent)
                if kill:
                    process.kill()
                    await process.wait()
            finally:
                os.kill(keeper, signal.SIGCONT)
            await reading
        if kill:
            async with recording_process(upstream.url, to) as (other, base_url):
                assert base_url, await other.communicate()
                other.terminate()
                await other.communicate()
        else:
            assert received == sent
            process.terminate()
            await process.communicate()
        upstream.errors.clear()
    (found,) = load(to)
    assert chunks_of(found)[: len(received)] == received
