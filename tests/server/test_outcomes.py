"""Leaving, as the server sees it: when, how and after how much, for each way to leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from orharness.journal import How, Outcome
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.server.thread import ServerThread
from orharness.sse import Comment
from orharness.transforms import after_event, hang, hold
from tests.support.raw import Raw, eventually

PIECES = [f"data: {number}\n\n".encode() for number in range(8)]
DONE = b"data: [DONE]\n\n"
MARKER = b"e\r\ndata: [DONE]\n\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


LEAVING: list[tuple[How, Callable[[Raw], None]]] = [
    (How.FIN, Raw.close),
    (How.RST, Raw.reset),
    (How.HALF_CLOSE, Raw.half_close),
]
each_way = pytest.mark.parametrize(("how", "leave"), LEAVING, ids=[how.value for how, _ in LEAVING])


def _wait_held(reply: LiveRoute) -> None:
    """Until the server knows that all before the gate was read: of an RST, TCP tells nobody what was read before it."""
    eventually(lambda: reply.call.exchange.held_at is not None)


def _ended(call: Call) -> Call:
    call.wait_ended(20)
    return call


def test_completed_when_all_was_read(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended(20) is Outcome.COMPLETED
    exchange = reply.call.exchange
    assert exchange.bytes_read == exchange.bytes_written == len(b"".join(PIECES) + DONE)
    assert exchange.how is None
    assert reply.call.finished


@each_way
def test_leaving_on_a_silent_stream_is_seen_at_once(server: SseServer, how: How, leave: Callable[[Raw], None]) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=3)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[2] + b"\r\n")
        _wait_held(reply)
        leave(raw)
        call = _ended(reply.call)
    exchange = call.exchange
    assert (exchange.outcome, exchange.how) == (Outcome.CANCELLED, how)
    assert (exchange.chunks_written, exchange.bytes_written) == (3, 27)
    assert exchange.bytes_read == 27
    assert exchange.unsent == b"".join(PIECES[3:]) + DONE


@pytest.mark.slow
@each_way
def test_leaving_while_chunks_come(server: SseServer, how: How, leave: Callable[[Raw], None]) -> None:
    reply = server.post("/s").stream(*(b"data: x\n\n" for _ in range(5000)), DONE, delay=0.001)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        for _ in range(5):
            raw.read()
        leave(raw)
        call = _ended(reply.call)
    exchange = call.exchange
    assert exchange.outcome is Outcome.CANCELLED
    # A plain close() with unread bytes in its queue is an RST: which one it was depends on the moment.
    assert exchange.how is how or (how is How.FIN and exchange.how is How.RST)
    assert exchange.chunks_written < 5000
    assert exchange.bytes_read is not None
    assert exchange.bytes_read <= exchange.bytes_written


@each_way
def test_leaving_before_the_head(server: SseServer, how: How, leave: Callable[[Raw], None]) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, head=3600)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        reply.wait_call()
        leave(raw)
        exchange = _ended(reply.call).exchange
    assert (exchange.outcome, exchange.how) == (Outcome.CANCELLED, how)
    assert (exchange.chunks_written, exchange.bytes_written) == (0, 0)


@each_way
def test_leaving_during_comments_only(server: SseServer, how: How, leave: Callable[[Raw], None]) -> None:
    reply = server.post("/s").stream(*(Comment(" PROCESSING"),) * 5, *PIECES, DONE, through=[hold(chunks=5)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while raw.received.count(b"PROCESSING") < 5:
            raw.read()
        leave(raw)
        exchange = _ended(reply.call).exchange
    assert (exchange.outcome, exchange.how, exchange.chunks_written) == (Outcome.CANCELLED, how, 5)


@each_way
def test_leaving_behind_the_end_marker_is_no_cancel(server: SseServer, how: How, leave: Callable[[Raw], None]) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, b": the end\n\n", through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(MARKER)
        _wait_held(reply)
        leave(raw)
        exchange = _ended(reply.call).exchange
    assert (exchange.outcome, exchange.how) == (Outcome.LEFT_AT_END, how)


def test_leaving_between_the_marker_and_the_last_chunk_is_no_cancel_in_any_pacing(sse_thread: ServerThread) -> None:
    for pacing in ("lockstep", "recorded", "instant"):
        with SseServer(sse_thread, pacing=pacing) as server:
            reply = server.post("/s").stream(*PIECES, DONE)
            for _ in range(20):
                with Raw(server) as raw:
                    raw.request("POST", "/s")
                    while MARKER not in raw.received:
                        raw.read()
            assert all(_ended(call).finished for call in reply.calls), pacing


def test_leaving_one_byte_before_the_end_of_the_marker_is_a_cancel(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE[:-1], DONE[-1:], through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(DONE[:-1] + b"\r\n")
    assert _ended(reply.call).outcome is Outcome.CANCELLED


def test_without_an_end_marker_the_body_s_end_counts(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while PIECES[-1] + b"\r\n" not in raw.received:
            raw.read()
    assert _ended(reply.call).finished


def test_a_killed_reader_with_unread_bytes_is_a_reset(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, pacing="instant", through=[hold(after=8)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read(8)
        eventually(lambda: reply.calls and reply.call.exchange.chunks_written == 8)
    exchange = _ended(reply.call).exchange
    assert (exchange.outcome, exchange.how) == (Outcome.CANCELLED, How.RST)


def test_abandoned_and_still_open_are_told_apart_when_the_test_ends(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=3)])
    unread = server.post("/u").stream(*PIECES, DONE, pacing="instant", through=[hold(after=3)])
    with Raw(server) as raw, Raw(server) as lazy:
        raw.request("POST", "/s")
        raw.read_until(PIECES[2] + b"\r\n")
        lazy.request("POST", "/u")
        eventually(lambda: unread.calls and unread.call.exchange.chunks_written == 3)
        server.close()
    assert reply.call.outcome is Outcome.STILL_OPEN
    assert unread.call.outcome is Outcome.ABANDONED


def test_an_idle_pooled_connection_is_nothing_to_complain_of(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        reply.call.wait_ended(20)
        server.close()
    assert reply.call.outcome is Outcome.COMPLETED


def test_the_second_request_of_a_connection_has_an_outcome_of_its_own(server: SseServer) -> None:
    first = server.post("/a").stream(*PIECES, DONE)
    second = server.post("/b").stream(*PIECES, DONE, through=[hold(after=2)])
    with Raw(server) as raw:
        raw.request("POST", "/a")
        raw.read_until(LAST_CHUNK)
        raw.reads.clear()
        raw.request("POST", "/b")
        raw.read_until(PIECES[1] + b"\r\n")
    assert _ended(first.call).outcome is Outcome.COMPLETED
    exchange = _ended(second.call).exchange
    assert (exchange.outcome, exchange.bytes_read) == (Outcome.CANCELLED, 18)


def test_a_large_request_body_is_read_before_anything_else(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=0)])
    with Raw(server) as raw:
        raw.request("POST", "/s", b"x" * 2_000_000)
        raw.read_until(b"\r\n\r\n")
    exchange = _ended(reply.call).exchange
    assert exchange.outcome is Outcome.CANCELLED
    assert len(exchange.request.body) == 2_000_000


def test_leaving_inside_the_request_body_is_journaled(server: SseServer) -> None:
    with Raw(server) as raw:
        raw.send(b"POST /s HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nhalf")
        eventually(lambda: server.journal)
    eventually(lambda: server.journal[0].outcome is not None)
    assert server.journal[0].outcome is Outcome.CANCELLED
    assert server.journal[0].status is None


def test_the_call_tells_from_any_thread(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=3)])
    outcomes: list[Outcome] = []
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[2] + b"\r\n")
        call = reply.call
        threads = [threading.Thread(target=lambda: outcomes.append(call.wait_ended(20))) for _ in range(4)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [Outcome.CANCELLED] * 4


def test_release_opens_one_gate_after_the_other(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=2), hold(after=4)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[1] + b"\r\n")
        eventually(lambda: reply.call.exchange.held_at == 18)
        reply.release()
        raw.read_until(PIECES[3] + b"\r\n")
        eventually(lambda: reply.call.exchange.held_at == 36)
        reply.release()
        raw.read_until(LAST_CHUNK)
    assert _ended(reply.call).outcome is Outcome.COMPLETED


def test_a_release_before_the_gate_is_kept(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=2)])
    reply.release()
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)


@each_way
def test_leaving_while_a_response_hangs_is_a_disconnect_though_the_fault_came_first(
    server: SseServer, how: How, leave: Callable[[Raw], None]
) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hang(after_event(2))])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[1] + b"\r\n")
        assert reply.call.wait_ended(20) is Outcome.FAULTED
        with reply.expect_disconnect(within=20) as block:
            leave(raw)
    assert (block.call.outcome, block.call.exchange.how) == (Outcome.FAULTED, how)


def test_expecting_a_disconnect_of_a_complete_answer_fails_at_once(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=2)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[1] + b"\r\n")
        before = time.monotonic()

        def read_the_rest() -> None:
            reply.release()
            raw.read_until(LAST_CHUNK)

        with pytest.raises(AssertionError, match="nothing left to cancel"), reply.expect_disconnect(within=3600):
            read_the_rest()
    assert time.monotonic() - before < 1800  # not the hour that was allowed


@pytest.mark.slow
@pytest.mark.parametrize("pacing", ["lockstep", "recorded", "instant"])
@each_way
def test_leaving_while_the_server_is_blocked_in_a_write(
    server: SseServer, how: How, leave: Callable[[Raw], None], pacing: str
) -> None:
    reply = server.post("/s").stream(*[b"data: " + b"x" * 100_000 + b"\n\n"] * 200, DONE, pacing=pacing)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read(1000)
        if pacing != "lockstep":
            eventually(lambda: reply.calls and reply.call.exchange.bytes_written > 1_000_000)
        leave(raw)
        exchange = _ended(reply.call).exchange
    assert exchange.outcome is Outcome.CANCELLED
    assert exchange.how in ({How.FIN, How.RST} if how is How.FIN else {how})


@pytest.mark.slow
@each_way
def test_leaving_in_the_turn_in_which_the_request_comes(
    server: SseServer, how: How, leave: Callable[[Raw], None]
) -> None:
    reply = server.chat("Hi", through=[hold(after=1)])
    for number in range(50):
        with Raw(server) as raw:
            raw.post()
            leave(raw)
            call = reply.wait_call(20, number + 1)
            assert _ended(call).outcome is Outcome.CANCELLED


def test_leaving_behind_the_end_marker_is_nothing_to_expect(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, b": the end\n\n", through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(MARKER)
        _wait_held(reply)
        with pytest.raises(AssertionError, match="nothing left to cancel"), reply.expect_disconnect(within=20):
            raw.close()


def test_wait_ended_says_what_is_open_when_its_time_is_over(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, DONE, through=[hold(after=2)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[1] + b"\r\n")
        with pytest.raises(
            AssertionError, match=r"after 0\.01 s the exchange is still open: POST /s → 200: open, 2 of 9"
        ):
            reply.call.wait_ended(0.01)
