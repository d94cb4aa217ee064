"""``Call.finished`` says what is known now, and waits for nobody; ``wait_finished`` waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from orharness import Outcome, Pacing, ScenarioError, hold
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.raw import Raw

DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as one:
        yield one


def _read_past(raw: Raw, mark: bytes) -> None:
    while mark not in raw.received:
        assert raw.read()


def test_finished_waits_for_nobody(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE, through=[hold(after=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        _read_past(raw, b"one")
        began = monotonic()
        assert not any(reply.call.finished for _ in range(40))
        assert monotonic() - began < 20  # a second each, where it waits for the client to leave
        reply.release()
        raw.read_until(LAST_CHUNK)
        assert reply.call.finished


@pytest.mark.parametrize(
    ("pacing", "leave"),
    [
        *(pytest.param(pacing, Raw.close, id=f"{pacing}-fin") for pacing in Pacing),
        *(pytest.param(pacing, lambda raw: None, id=f"{pacing}-stays") for pacing in Pacing),
        pytest.param(Pacing.LOCKSTEP, Raw.reset, id="lockstep-rst"),
    ],
)
def test_who_has_just_read_everything_has_finished(
    server: SseServer, pacing: Pacing, leave: Callable[[Raw], None]
) -> None:
    """Also where the server's thread has not yet come to see it."""
    reply = server.post("/s").stream("one", "two", DONE, pacing=pacing)
    for _ in range(50):
        with Raw(server) as raw:
            raw.request("POST", "/s")
            raw.read_until(LAST_CHUNK)
            leave(raw)
            assert reply.calls[-1].finished, reply.calls[-1]


def test_who_has_just_read_the_end_marker_has_finished(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE)
    for _ in range(50):
        with Raw(server) as raw:
            raw.request("POST", "/s")
            _read_past(raw, DONE)
            assert reply.calls[-1].finished, reply.calls[-1]


def test_who_has_just_left_before_the_end_has_not(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE, through=[hold(after=1)])
    for _ in range(20):
        with Raw(server) as raw:
            raw.request("POST", "/s")
            _read_past(raw, b"one")
            raw.close()
            assert not reply.calls[-1].finished
            assert reply.calls[-1].outcome is Outcome.CANCELLED  # its leaving was taken in


def test_wait_finished_waits_for_a_client_in_another_thread(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE, through=[hold(after=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        call = reply.wait_call(timeout=20)
        assert not call.wait_finished(timeout=0.05)

        def read_on() -> None:
            reply.release()
            raw.read_until(LAST_CHUNK)

        reader = threading.Thread(target=read_on)
        reader.start()
        assert call.wait_finished(timeout=20)
        reader.join()


def test_wait_finished_returns_when_another_outcome_is_decided(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE, through=[hold(after=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        _read_past(raw, b"one")
    assert not reply.call.wait_finished(timeout=3600)


def test_wait_finished_async_lets_the_client_go_on(server: SseServer) -> None:
    reply = server.post("/s").stream("one", "two", DONE, through=[hold(after=1)])

    async def main() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"one")
        assert not await reply.call.wait_finished_async(timeout=0.05)
        reply.release()
        task = asyncio.create_task(reader.readuntil(LAST_CHUNK))
        finished = await reply.call.wait_finished_async(timeout=20)
        await task
        writer.close()
        await writer.wait_closed()
        return finished

    assert asyncio.run(main())


def test_its_timeout_is_a_number_of_seconds(server: SseServer) -> None:
    reply = server.post("/s").stream("x")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        with pytest.raises(ScenarioError, match=r"^timeout is a number of seconds from 0 up, not '1'"):
            reply.wait_call(20).wait_finished("1")  # type: ignore[arg-type]


def test_it_is_known_when_the_server_was_closed(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread) as server:
        reply = server.post("/s").stream("one", DONE)
        with Raw(server) as raw:
            raw.request("POST", "/s")
            raw.read_until(LAST_CHUNK)
    assert reply.call.finished
