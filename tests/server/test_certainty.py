"""What the journal marks as seen or inferred is right, whatever a client does: held against the clients' own words.

The matrix is ``benchmarks.leavings``: pacing, framing, moment, way to leave, IPv4 and IPv6, in this network namespace
and in another one, which the server cannot look into. A sample runs always, the whole of it where slow tests do.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from itertools import product
from random import Random

import pytest

from benchmarks.leavings import BODY, CHUNKS, DONE, Leavers, Leaving, Seen, every_leaving, leavers, play
from benchmarks.namespaces import Namespace, NoNamespace, second_namespace
from orharness.checks import progress, state
from orharness.contract.judging.judge import not_known
from orharness.errors import ClientFailure
from orharness.journal import Certainties, Certainty, Exchange, How, Outcome, Pacing, Request
from orharness.relay import asking
from orharness.relay.seen import Leaving as BrowserLeft
from orharness.relay.seen import Seen as RelaySeen
from orharness.report.screen import Screen
from orharness.report.text import show_journal
from orharness.server.facade import SseServer
from orharness.server.looks import Looks
from orharness.server.peerqueue import Peer, PeerQueue, SocketCounts
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Framing
from orharness.transforms import hold
from tests.support.raw import Raw, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a client has read")

HERE = ("127.0.0.1", "::1")
SAMPLE = 16  # cells; the slow tests have them all
LAST_CHUNK = b"0\r\n\r\n"
EVENT = b"data: x\n\n"


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    try:
        with second_namespace() as made:
            yield made
    except NoNamespace as why:
        pytest.skip(f"no second network namespace can be made here: {why}")


@pytest.fixture(scope="module")
def neighbours() -> Iterator[Leavers]:
    with leavers() as made:
        yield made


@pytest.fixture(scope="module")
def strangers(namespace: Namespace) -> Iterator[Leavers]:
    with leavers(namespace.command()) as made:
        yield made


def _sample(hosts: tuple[str, str]) -> list[Leaving]:
    return Random(15).sample(every_leaving(hosts), SAMPLE)


def _judge(found: list[Seen]) -> None:
    wrong = [f"{one.truth.leaving}: {said}" for one in found for said in one.contradictions()]
    assert not wrong, "\n".join(wrong)


def _check_neighbours(found: list[Seen]) -> None:
    """Of a client that is seen only an RST can leave something open.

    One that closes with unread bytes some time after its half-close sends one, too: where the loop was so late that it
    found both together, it says so by an unknown way of leaving.
    """
    _judge(found)
    for one in found:
        known = one.exchange.certainty
        if one.truth.leaving.moment != "before the head":  # it may be gone before its connection is accepted
            assert known.bytes_read is not Certainty.UNKNOWN
        both = one.truth.leaving.way == "half-close, bytes unread" and known.how is Certainty.UNKNOWN
        if one.exchange.how is not How.RST and not both:
            assert known.outcome.sure, one.truth.leaving


def _check_strangers(found: list[Seen]) -> None:
    """Nothing of what one has read is known, and an outcome only where the end marker was not delivered to it."""
    _judge(found)
    for one in found:
        known, leaving = one.exchange.certainty, one.truth.leaving
        assert known.bytes_read is known.tokens_read is Certainty.UNKNOWN
        assert known.how is (Certainty.SEEN if one.exchange.how is How.RST else Certainty.UNKNOWN)
        if leaving.moment in ("before the head", "at a hold"):
            assert (one.exchange.outcome, known.outcome) == (Outcome.CANCELLED, Certainty.SEEN), leaving
        if one.exchange.outcome is not Outcome.CANCELLED:
            assert one.exchange.finished is None, leaving


@pytest.mark.slow
def test_a_sample_of_clients_that_are_seen(sse_thread: ServerThread, neighbours: Leavers) -> None:
    _check_neighbours(list(play(sse_thread, neighbours, _sample(HERE), Random(1))))


@pytest.mark.slow
def test_a_sample_of_clients_in_another_namespace(
    sse_thread: ServerThread, namespace: Namespace, strangers: Leavers
) -> None:
    _check_strangers(list(play(sse_thread, strangers, _sample(namespace.here), Random(1))))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("pacing", Pacing)
def test_every_client_that_is_seen(pacing: Pacing, sse_thread: ServerThread, neighbours: Leavers) -> None:
    cells = [cell for cell in every_leaving(HERE) if cell.pacing is pacing]
    found = list(play(sse_thread, neighbours, cells, Random(2)))
    assert len(found) == len(cells)
    _check_neighbours(found)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("pacing", Pacing)
def test_every_client_in_another_namespace(
    pacing: Pacing, sse_thread: ServerThread, namespace: Namespace, strangers: Leavers
) -> None:
    cells = [cell for cell in every_leaving(namespace.here) if cell.pacing is pacing]
    found = list(play(sse_thread, strangers, cells, Random(2)))
    assert len(found) == len(cells)
    _check_strangers(found)


# --- clients that are seen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "pacing"),
    [
        pair
        for pair in product(["by a delay", "by a hold", "by a hang"], Pacing)
        if pair != ("by a delay", Pacing.INSTANT)  # which passes over delays
    ],
)
def test_who_has_read_all_and_waits_may_reset(kept: str, pacing: Pacing, sse_thread: ServerThread) -> None:
    """The kernel is asked a moment after the last write, although nobody waits for it."""
    with SseServer(sse_thread, pacing=pacing) as server:
        route = server.post("/s")
        if kept == "by a delay":
            reply = route.stream(*[EVENT] * 9, Chunk(DONE, 3600.0))
        elif kept == "by a hold":
            reply = route.stream(*[EVENT] * 9, DONE, through=[hold(chunks=9)])
        else:
            reply = route.stream(*[EVENT] * 9, ending="hang")
        with Raw(server) as raw:
            raw.request("POST", "/s")
            while raw.received.count(EVENT) < 9:
                raw.read()
            reply.wait_call()
            [live] = reply.exchanges
            eventually(lambda: live.snapshot().bytes_read == 9 * len(EVENT))  # nobody but the server asks
            raw.reset()
            live.left.result(20)
        seen = live.snapshot()
    assert seen.outcome is (Outcome.FAULTED if kept == "by a hang" else Outcome.CANCELLED)
    assert (seen.how, seen.bytes_read) == (How.RST, 9 * len(EVENT))
    assert seen.certainty.outcome is seen.certainty.how is seen.certainty.bytes_read is Certainty.SEEN


class Unlooked(SseServer):
    """A server whose next look is always later than a test."""

    _looks = Looks(after=(3600.0,), steady=3600.0)


def test_a_reset_between_two_looks_leaves_a_lower_bound(sse_thread: ServerThread) -> None:
    with Unlooked(sse_thread, pacing="instant") as server:
        reply = server.post("/s").stream(*CHUNKS, through=[hold(chunks=len(CHUNKS) - 1)])
        with Raw(server) as raw:
            raw.request("POST", "/s")
            raw.read_until(DONE + b"\r\n")
            raw.reset()
            call = reply.wait_call()
            assert call.wait_ended(20) is Outcome.CANCELLED  # as far as it was seen
        seen = call.exchange
        assert (seen.certainty.outcome, seen.certainty.bytes_read) == (Certainty.AT_LEAST, Certainty.AT_LEAST)
        assert seen.finished is None
        for claim in (lambda: call.finished, call.assert_upstream_stopped):
            with pytest.raises(ClientFailure, match=r"^cannot be known: cancelled \[at least\].*at least 0 read"):
                claim()


@pytest.mark.parametrize("closed", [False, True])
def test_how_a_client_left_that_the_loop_looks_at_too_late(*, closed: bool, sse_thread: ServerThread) -> None:
    """Whether a socket that is closed by now was half-closed before cannot be known; one that is open still is."""
    with SseServer(sse_thread) as server:
        reply = server.post("/s").stream(*CHUNKS, through=[hold(chunks=1)])
        with Raw(server) as raw:
            raw.request("POST", "/s")
            raw.read_until(CHUNKS[0] + b"\r\n")
            eventually(lambda: reply.call.exchange.held_at is not None)
            raw.half_close_while_busy(sse_thread, close=closed)
            call = reply.call
            call.wait_ended(20)
        seen = call.exchange
    assert (seen.how, seen.certainty.how) == (
        (How.FIN, Certainty.UNKNOWN) if closed else (How.HALF_CLOSE, Certainty.SEEN)
    )
    assert "(FIN) [unknown]" in repr(call) if closed else "[" not in repr(call).partition(" after ")[0]


def test_a_listener_at_the_clients_port_is_not_the_client() -> None:
    """Where there is no such connection, the kernel answers with a listener at the client's address."""
    queue = PeerQueue()
    with socket.create_server(("0.0.0.0", 0)) as listener:
        peer = Peer(queue, ("127.0.0.1", listener.getsockname()[1]), ("127.0.0.1", 1))
        assert peer.state() is None
    queue.close()


# --- clients that are not seen ----------------------------------------------------------------------------------------


class Blind(PeerQueue):
    """A kernel that knows no client: as if each were in another network namespace."""

    def ask(self, question: bytes) -> SocketCounts | None:
        return None


@pytest.fixture
def blind() -> Iterator[SseServer]:
    thread = ServerThread(Blind).start()
    with SseServer(thread, strict=False) as server:
        yield server
    thread.stop()


def _ask(server: SseServer, raw: Raw, until: bytes = LAST_CHUNK) -> None:
    raw.request("POST", "/s")
    raw.read_until(until)


def test_an_answer_is_completed_as_long_as_nothing_speaks_against_it(blind: SseServer) -> None:
    reply = blind.post("/s").stream(*CHUNKS)
    with Raw(blind) as raw:
        _ask(blind, raw)
        call = reply.wait_call()
        assert call.wait_ended(20) is Outcome.COMPLETED
        assert call.exchange.certainty.outcome is Certainty.UNKNOWN
        with pytest.raises(ClientFailure, match="cannot be known: completed"):
            assert call.finished
        raw.reads.clear()
        _ask(blind, raw)
        eventually(lambda: reply.exchanges[0].machine.final)
        first = reply.calls[0].exchange
        assert (first.outcome, first.certainty.outcome, first.finished) == (
            Outcome.COMPLETED,
            Certainty.INFERRED,
            True,
        )


def test_who_pipelines_says_nothing_of_what_it_read(blind: SseServer) -> None:
    reply = blind.post("/s").stream(*CHUNKS, through=[hold(chunks=1)])
    with Raw(blind) as raw:
        raw.request("POST", "/s")
        raw.read_until(CHUNKS[0] + b"\r\n")
        raw.request("POST", "/s")
        reply.release()
        while raw.received.count(LAST_CHUNK) < 2:
            raw.read()
        eventually(lambda: len(reply.exchanges) == 2 and reply.exchanges[0].machine.final)
        assert reply.calls[0].exchange.certainty.outcome is Certainty.UNKNOWN


def test_a_reset_after_a_complete_answer_revises_its_outcome(blind: SseServer) -> None:
    heard: list[tuple[str, Outcome | None]] = []
    blind.listen(lambda call: heard.append((call.exchange.id, call.outcome)))
    reply = blind.post("/s").stream(*CHUNKS)
    with Raw(blind) as raw:
        raw.request("POST", "/s")
        raw.read(150)  # 1 of 26 events, or none
        call = reply.wait_call()
        assert call.wait_ended(20) is Outcome.COMPLETED
        raw.close()
    eventually(lambda: call.outcome is Outcome.LEFT)
    seen = call.exchange
    assert (seen.how, seen.certainty.how, seen.certainty.outcome) == (How.RST, Certainty.SEEN, Certainty.UNKNOWN)
    assert seen.finished is None
    assert [outcome for _, outcome in heard] == [None, Outcome.COMPLETED, Outcome.LEFT]
    assert call.wait_ended(0) is Outcome.COMPLETED  # the first


@pytest.mark.parametrize("leave", [Raw.close, Raw.half_close, Raw.reset])
def test_who_leaves_before_the_end_was_sent_has_cancelled(blind: SseServer, leave: Callable[[Raw], None]) -> None:
    reply = blind.post("/s").stream(*CHUNKS, through=[hold(chunks=5)])
    with Raw(blind) as raw:
        _ask(blind, raw, CHUNKS[4] + b"\r\n")
        with reply.expect_disconnect(within=5):
            leave(raw)
    reply.call.assert_upstream_stopped()
    assert reply.call.finished is False
    assert reply.call.exchange.certainty.outcome is Certainty.SEEN


def test_an_assertion_on_what_cannot_be_known_fails(blind: SseServer) -> None:
    reply = blind.post("/s").stream(*CHUNKS, through=[hold(chunks=len(CHUNKS) - 1)])
    with Raw(blind) as raw:
        _ask(blind, raw, DONE + b"\r\n")
        unknown = pytest.raises(ClientFailure, match=r"^cannot be known: left \[unknown\] .*read \[unknown\]")
        with unknown, reply.expect_disconnect(within=5):
            raw.reset()
    call = reply.call
    assert call.outcome is Outcome.LEFT
    for claim in (lambda: call.finished, call.assert_upstream_stopped):
        with pytest.raises(ClientFailure, match=r"^cannot be known: left \[unknown\]"):
            claim()


@pytest.mark.slow
def test_bytes_that_were_not_even_sent_are_unread(blind: SseServer) -> None:
    reply = blind.post("/s").stream(b"data: " + b"x" * 20_000_000 + b"\n\n", framing=Framing.LENGTH, pacing="instant")
    with Raw(blind) as raw:
        raw.request("POST", "/s")
        raw.read(10)
        call = reply.wait_call()
        eventually(lambda: call.exchange.bytes_written > len(BODY))
        blind.close()
        assert call.outcome is not Outcome.COMPLETED


# --- the texts and the judges -----------------------------------------------------------------------------------------

UNKNOWN = Certainties(Certainty.UNKNOWN, Certainty.UNKNOWN, Certainty.UNKNOWN, Certainty.UNKNOWN)
LEFT = Exchange(
    "000001",
    "2026-11-22T06:00:00Z",
    Request("POST", "/v1/chat/completions"),
    status=200,
    outcome=Outcome.LEFT,
    how=How.FIN,
    left_after=0.5,
    chunks_written=26,
    chunks=26,
    bytes_written=len(BODY),
    stream_size=len(BODY),
    certainty=UNKNOWN,
)


def test_a_text_says_what_is_not_seen_and_nothing_of_what_is() -> None:
    seen = replace(LEFT, outcome=Outcome.CANCELLED, bytes_read=7, certainty=Certainties())
    assert state(seen) == "cancelled (the client closed the connection (FIN) after 0.500 s)"
    assert state(LEFT) == "left [unknown] (the client closed the connection (FIN) [unknown] after 0.500 s)"
    assert progress(seen).endswith(", 7 read)")
    assert progress(LEFT).endswith(", read [unknown])")
    for known, said in [(Certainty.AT_LEAST, ", at least 7 read)"), (Certainty.INFERRED, ", 7 read [inferred])")]:
        assert progress(replace(seen, certainty=Certainties(bytes_read=known))).endswith(said)


def test_a_journal_on_a_terminal_marks_what_is_not_seen() -> None:
    printed = StringIO()
    least = Certainties(Certainty.AT_LEAST, Certainty.SEEN, Certainty.AT_LEAST)
    show_journal(Screen(printed), [LEFT, replace(LEFT, how=How.RST, bytes_read=7, certainty=least)])
    assert "left [unknown] FIN [unknown]" in printed.getvalue()
    assert "left [at least] RST  " in printed.getvalue()
    assert "≥7" in printed.getvalue()


@pytest.mark.parametrize("judge", ["relay-check", "the contract"])
def test_a_judge_says_nothing_of_what_cannot_be_known(judge: str) -> None:
    if judge == "relay-check":
        leaving = BrowserLeft(None, 3)
        assert str(asking.left(RelaySeen("http://x/v1", (LEFT,), leaving=leaving))).startswith("cannot be known: left")
        cancelled = replace(LEFT, outcome=Outcome.CANCELLED, certainty=Certainties())
        assert not isinstance(asking.left(RelaySeen("http://x/v1", (cancelled,), leaving=leaving)), str)
    else:
        assert not_known(LEFT).startswith("cannot be known: left")
        assert not not_known(replace(LEFT, outcome=Outcome.CANCELLED, certainty=Certainties()))
        assert not not_known(replace(LEFT, outcome=Outcome.STILL_OPEN))
