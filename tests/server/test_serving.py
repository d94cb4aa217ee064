"""A server of many slow streams: what it asks the kernel, whom it tells of what, and what ``serve`` prints of it.

Nothing here is timed: questions, calls and lines are counted. ``python -m benchmarks.serving`` measures.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from functools import partial
from io import StringIO
from time import sleep
from types import FrameType
from typing import Any

import pytest

from orharness.cli.running import rare_collections, short_turns
from orharness.cli.serve import Decided
from orharness.cli.served import ServeOutput
from orharness.journal import Exchange, How, Outcome
from orharness.report.screen import Screen
from orharness.server.facade import SseServer
from orharness.server.handles import Call
from orharness.server.looks import AFTER, Looks, Watched
from orharness.server.peerqueue import PeerQueue, SocketCounts
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.raw import Raw, eventually

EVENT = b"data: x\n\n"
DONE = b"data: [DONE]\n\n"
AFTER_IT = b": after the end\n\n"
LAST_CHUNK = b"0\r\n\r\n"
MANY = 2000  # events
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a client has read")


class Counting(PeerQueue):
    """Counts the questions to the kernel."""

    asked = 0

    def ask(self, question: bytes) -> SocketCounts | None:
        self.asked += 1
        return super().ask(question)


@pytest.fixture
def peers() -> Counting:
    return Counting()


@pytest.fixture
def server(peers: Counting) -> Iterator[SseServer]:
    thread = ServerThread(lambda: peers).start()
    with SseServer(thread, pacing="recorded") as server:
        yield server
    thread.stop()


# --- what is asked ----------------------------------------------------------------------------------------------------


@on_linux
@pytest.mark.parametrize("events", [20, MANY])
def test_questions_to_the_kernel_do_not_grow_with_the_events(server: SseServer, peers: Counting, events: int) -> None:
    reply = server.post("/s").stream(*[EVENT] * events, DONE, through=[hold(chunks=events)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while raw.received.count(EVENT) < events:
            raw.read()
        (live,) = reply.exchanges
        eventually(lambda: live.snapshot().held_at is not None)  # not Call.exchange, which asks
        assert peers.asked < 20  # a few for the connection and the hold, one for each second that a busy machine takes
        reply.release()
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended(20) is Outcome.COMPLETED
    boundaries = reply.call.exchange.boundaries
    assert boundaries.proven + boundaries.assumed == events + 1
    assert boundaries.assumed > events / 2  # nobody asked about them
    assert boundaries.proven > 0  # the last, since the end was asked about


@on_linux
@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.slow
def test_a_pause_costs_three_looks_at_most_and_none_once_all_is_read(
    *, reads: bool, server: SseServer, peers: Counting
) -> None:
    reply = server.post("/s").stream(*[EVENT] * 9, DONE, through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        reply.wait_call(20)
        (live,) = reply.exchanges
        eventually(lambda: live.snapshot().held_at is not None)
        if reads:
            while raw.received.count(EVENT) < 9:
                raw.read()
        looks = server._answering._looks
        eventually(lambda: server._thread.call(lambda: not looks._waiting))  # in its loop: a look empties it first
        assert peers.asked <= 2 * (1 + 3)  # a look is two questions at most; the first is that of the connection
        assert live.machine.all_read is reads


class Blind(Counting):
    """A kernel that knows no client."""

    def ask(self, question: bytes) -> SocketCounts | None:
        self.asked += 1
        return None


def test_nobody_asks_again_and_again_about_a_client_that_cannot_be_seen() -> None:
    peers = Blind()
    thread = ServerThread(lambda: peers).start()
    with SseServer(thread, pacing="recorded") as server, Raw(server) as raw:
        reply = server.post("/s").stream(*[EVENT] * MANY, DONE)
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended(20) is Outcome.COMPLETED
        assert peers.asked <= 2
    thread.stop()


def test_one_timer_wakes_for_all_that_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(number: int) -> bool:
        looked.append(number)
        return False

    async def wrote_in_one_turn() -> int:
        loop, timers = asyncio.get_running_loop(), 0
        call_at = loop.call_at

        def counted(*args: Any, **kw: Any) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return call_at(*args, **kw)

        monkeypatch.setattr(loop, "call_at", counted)
        looks = Looks(often=0.0)
        for number in range(50):
            Watched(looks, partial(look, number)).wrote()
        made = timers
        while len(looked) < 50:  # noqa: ASYNC110 - it is that which is tested
            await asyncio.sleep(AFTER[0])
        return made

    assert asyncio.run(wrote_in_one_turn()) == 1
    assert sorted(looked) == list(range(50))


@on_linux
def test_who_resets_after_the_end_marker_has_the_answer(server: SseServer) -> None:
    """An RST does not say what was read: it has to be known by the time that anything follows the end marker."""
    reply = server.post("/s").stream(*[EVENT] * 9, DONE, *[AFTER_IT] * 2, through=[hold(chunks=10), hold(chunks=11)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(DONE + b"\r\n")
        reply.release()
        (live,) = reply.exchanges
        eventually(lambda: live.snapshot().chunks_written == 11)
        raw.reset()  # with bytes unread
        assert reply.call.wait_ended(20) is Outcome.LEFT_AT_END
    assert reply.call.exchange.how is How.RST


@on_linux
def test_what_was_read_before_a_hold_is_looked_at_while_it_lasts(server: SseServer) -> None:
    reply = server.post("/s").stream(*[EVENT] * 9, DONE, through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while raw.received.count(EVENT) < 9:
            raw.read()
        (live,) = reply.exchanges
        eventually(lambda: live.snapshot().bytes_read == 9 * len(EVENT))  # nobody but the server asks
        raw.reset()
        assert reply.call.wait_ended(20) is Outcome.CANCELLED
    assert reply.call.exchange.bytes_read == 9 * len(EVENT)


@on_linux
def test_the_journal_shows_what_was_read_of_an_open_stream(server: SseServer) -> None:
    server.post("/s").stream(*[EVENT] * 9, DONE, through=[hold(chunks=9)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while raw.received.count(EVENT) < 9:
            raw.read()
        (exchange,) = server.journal
        assert exchange.bytes_read == 9 * len(EVENT)


# --- who is told ------------------------------------------------------------------------------------------------------


def test_listeners_hear_of_a_beginning_and_an_outcome_and_of_no_event(server: SseServer) -> None:
    heard: list[tuple[str, Outcome | None]] = []
    server.listen(lambda call: heard.append((call.exchange.id, call.outcome)))
    reply = server.post("/s").stream(*[EVENT] * MANY, DONE, through=[hold(chunks=MANY)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while raw.received.count(EVENT) < MANY:
            raw.read()
        assert heard == [("000001", None)]
        reply.release()
        raw.read_until(LAST_CHUNK)
        reply.call.wait_ended(20)
    eventually(lambda: len(heard) == 2)
    assert heard[1] == ("000001", Outcome.COMPLETED)


def test_who_hears_of_an_outcome_finds_the_answer_in_the_exchange(server: SseServer) -> None:
    heard: list[Exchange] = []

    def listen(call: Call) -> None:
        heard.append(call.exchange)

    server.listen(listen)
    with Raw(server) as raw:
        raw.post("/v1/nothing")
        raw.read_until(b"}")
    with Raw(server) as raw:
        raw.send(b"this is not HTTP\r\n\r\n")
        raw.read_all()
    with Raw(server) as raw:
        raw.send(b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
        raw.read_all()
    eventually(lambda: len([one for one in heard if one.outcome is not None]) == 3)
    decided = [one for one in heard if one.outcome is not None]
    assert [(one.outcome, one.status) for one in decided] == [
        (Outcome.UNMATCHED, 404),
        (Outcome.UNMATCHED, 400),
        (Outcome.UNMATCHED, 400),
    ]
    assert all(one.difference and one.chunks_written == one.chunks for one in decided)


def test_the_watch_prints_what_was_decided_and_nothing_else(server: SseServer) -> None:
    printed = StringIO()
    decided = Decided()
    watch = ServeOutput(decided, Screen(printed))
    server.listen(decided.notice)
    reply = server.post("/s").stream(*[EVENT] * 9, DONE, through=[hold(chunks=9)])
    with Raw(server) as raw, Raw(server) as other:
        for one in (raw, other):
            one.request("POST", "/s")
            one.read_until(EVENT + b"\r\n")
        assert not watch.show_next()
        other.close()
        assert watch.show_next(20)
        assert not watch.show_next()
        reply.release()
        raw.read_until(LAST_CHUNK)
        assert watch.show_next(20)
    cancelled, completed = printed.getvalue().splitlines()
    assert cancelled.startswith("2  POST /s → 200: cancelled")
    assert completed.startswith("1  POST /s → 200: completed")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_what_is_printed_is_waited_for_no_longer_where_a_signal_comes_late() -> None:
    # As on a busy machine: when the handler of a signal returns, the time to wait has passed.
    signals: list[int] = []

    def late(number: int, frame: FrameType | None) -> None:
        assert not signals, "it still waits"
        signals.append(number)
        sleep(0.1)

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 30.0)
    try:
        assert Decided().next(0.05) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert signals


def test_what_prints_beside_a_server_takes_short_turns_while_it_runs() -> None:
    before = sys.getswitchinterval()
    with short_turns():
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before


def test_only_the_oldest_objects_are_searched_more_rarely_while_a_server_runs() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] >= 40 > before[2]
    assert gc.get_threshold() == before
