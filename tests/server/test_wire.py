"""What is on the wire: framings, endings, chunk boundaries, proof of reading. Judged from a raw socket."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from orharness.cassette import load
from orharness.journal import Outcome
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import drop, hold, per_byte, rechunk, scale, truncate
from tests.support.places import ROOT
from tests.support.raw import Raw, dechunk, eventually

PIECES = [f"data: {number}\n\n".encode() for number in range(20)] + [b"data: [DONE]\n\n"]
BODY = b"".join(PIECES)
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


def test_each_chunk_of_the_stream_is_one_http_chunk(server: SseServer) -> None:
    server.post("/s").stream(*PIECES)
    with Raw(server) as raw:
        raw.request("POST", "/v1/s")
        raw.read_until(LAST_CHUNK)
    assert dechunk(raw.body) == [*PIECES, b""]
    assert "transfer-encoding: chunked" in raw.head.lower()
    assert "content-length" not in raw.head.lower()


def test_lockstep_makes_each_chunk_a_read_of_its_own_for_a_slow_reader(server: SseServer) -> None:
    reply = server.post("/s").stream(*(b"x" * 10 for _ in range(200)))
    with Raw(server) as raw:
        raw.request("POST", "/v1/s")
        while not raw.received.endswith(LAST_CHUNK):
            raw.read()
            time.sleep(0.002)
    # Head and terminator are reads of their own too; the terminator only if the client had time to take the last chunk.
    assert raw.reads[1:201] == [b"a\r\nxxxxxxxxxx\r\n"] * 200
    assert reply.call.exchange.boundaries.proven == 200
    assert reply.call.exchange.boundaries.assumed == 0


@pytest.mark.slow
def test_lockstep_keeps_10_000_chunks_apart_for_a_fast_reader(server: SseServer) -> None:
    reply = server.post("/s").stream(*(b"y" for _ in range(10_000)))
    with Raw(server) as raw:
        raw.request("POST", "/v1/s")
        raw.read_until(LAST_CHUNK)
    assert raw.reads[1:10_001] == [b"1\r\ny\r\n"] * 10_000
    assert reply.call.exchange.boundaries.proven == 10_000


def test_a_character_cut_by_a_boundary_reaches_the_client_cut(server: SseServer) -> None:
    server.post("/s").stream("ü", through=[per_byte()], framing=Framing.CLOSE)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_all()
    assert raw.reads[1:-1] == [bytes([byte]) for byte in "data: ü\n\n".encode()]


def test_instant_says_that_its_boundaries_are_assumed(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, pacing="instant")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended() is Outcome.COMPLETED
    assert reply.call.exchange.boundaries.assumed == len(PIECES)
    assert reply.call.exchange.boundaries.proven == 0


@pytest.mark.parametrize("framing", Framing)
def test_instant_joins_what_may_come_together(server: SseServer, framing: Framing) -> None:
    """Chunks of HTTP in one segment; and what comes before a gate is not kept back."""
    pieces = [b"1", b"22", b": three\n\n", *PIECES]
    reply = server.post("/s").stream(*pieces, pacing="instant", framing=framing, through=[hold(chunks=2)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(b"22\r\n" if framing is Framing.CHUNKED else b"22")
        assert reply.call.exchange.bytes_written == 3
        first = b"".join(raw.reads).partition(b"\r\n\r\n")[2]
        raw.reads.clear()
        reply.release()
        raw.read_until(LAST_CHUNK if framing is Framing.CHUNKED else pieces[-1])
        if framing is Framing.CLOSE:
            raw.read_all()
        assert reply.call.wait_ended() is Outcome.COMPLETED
    rest = [b"%x\r\n%b\r\n" % (len(piece), piece) if framing is Framing.CHUNKED else piece for piece in pieces]
    assert first == b"".join(rest[:2])
    assert raw.reads[0] == b"".join(rest[2:])
    assert reply.call.exchange.chunks_written == len(pieces)
    assert reply.call.exchange.bytes_read == len(b"".join(pieces))


def test_no_chunk_waits_for_the_acknowledgement_of_the_one_before(server: SseServer, sse_thread: ServerThread) -> None:
    """Nagle's algorithm is off: beside a client that delays its acknowledgements each answer took 40 ms."""
    server.post("/s").stream(*PIECES, through=[hold(after=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[0] + b"\r\n")

        def no_delay() -> int:
            (connection,) = server._origin._listening._connections()
            assert connection.transport is not None
            own: socket.socket = connection.transport.get_extra_info("socket")
            return own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

        assert sse_thread.call(no_delay)


def test_what_is_not_acknowledged_yet_is_not_taken_for_read(server: SseServer, sse_thread: ServerThread) -> None:
    server.post("/s").stream(*PIECES, through=[hold(after=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[0] + b"\r\n")

        def asked(buffered: int) -> bool:
            (connection,) = server._origin._listening._connections()
            connection.written += buffered
            try:
                return connection.has_just_read_all()
            finally:
                connection.written -= buffered

        eventually(lambda: sse_thread.call(lambda: asked(0)))  # false where the loop's turn took long
        assert not any(sse_thread.call(lambda: asked(10)) for _ in range(20))


def test_a_peer_that_cannot_be_seen_makes_boundaries_assumed_and_still_gets_all(
    server: SseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orharness.server.peerqueue.PeerQueue.ask", lambda self, question: None)
    reply = server.post("/s").stream(*PIECES)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended() is Outcome.COMPLETED
    exchange = reply.call.exchange
    assert (exchange.boundaries.proven, exchange.boundaries.assumed) == (0, len(PIECES))
    assert exchange.bytes_read is None


def test_content_length(server: SseServer) -> None:
    server.post("/s").stream(*PIECES, framing="length")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(BODY)
    assert f"content-length: {len(BODY)}" in raw.head.lower()
    assert "transfer-encoding" not in raw.head.lower()
    assert raw.body == BODY


def test_close_delimited(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, framing="close")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_all()
    assert raw.body == BODY
    assert "connection: close" in raw.head.lower()
    assert "content-length" not in raw.head.lower()
    assert reply.call.wait_ended() is Outcome.COMPLETED


def test_http_1_0_gets_no_chunked_framing(server: SseServer) -> None:
    server.post("/s").stream(*PIECES)
    with Raw(server) as raw:
        raw.send(b"POST /s HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        raw.read_all()
    assert raw.body == BODY
    assert "transfer-encoding" not in raw.head.lower()


@pytest.mark.parametrize("framing", list(Framing))
def test_a_connection_stays_after_a_clean_end_unless_its_end_is_the_framing(
    server: SseServer, framing: Framing
) -> None:
    reply = server.post("/s").stream(*PIECES, framing=framing)
    with Raw(server) as raw:
        for _ in range(3):
            raw.request("POST", "/s")
            raw.reads.clear()
            if framing is Framing.CLOSE:
                raw.read_all()
                break
            raw.read_until(LAST_CHUNK if framing is Framing.CHUNKED else BODY)
    assert {call.wait_ended() for call in reply.calls} == {Outcome.COMPLETED}
    assert len(reply.calls) == (1 if framing is Framing.CLOSE else 3)


def test_connection_close_is_honoured(server: SseServer) -> None:
    server.post("/s").stream(*PIECES)
    with Raw(server) as raw:
        raw.request("POST", "/s", headers="Connection: close\r\n")
        assert raw.read_all().endswith(LAST_CHUNK)


# --- endings ----------------------------------------------------------------------------------------------------------


def test_abort_is_a_fin_without_the_last_chunk(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, ending="abort")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_all()  # ends by FIN: a reset would raise
    assert dechunk(raw.body) == PIECES
    assert "connection:" not in raw.head.lower()  # a fault that is announced is none: some clients take it for the end
    assert reply.call.wait_ended() is Outcome.FAULTED
    assert reply.call.exchange.faults == ("abort",)


@pytest.mark.parametrize("ending", [Ending.ABORT, Ending.RESET, Ending.HANG])
def test_content_length_promises_more_than_a_broken_response_sends(server: SseServer, ending: Ending) -> None:
    server.post("/s").stream(*PIECES, framing="length", through=[truncate(30, ending)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        while len(raw.body) < 30:
            raw.read()
    assert f"content-length: {len(BODY)}" in raw.head.lower()
    assert raw.body == BODY[:30]


@pytest.mark.parametrize("pacing", ["lockstep", "recorded", "instant"])
def test_reset_is_an_rst_behind_everything_that_was_sent(server: SseServer, pacing: str) -> None:
    reply = server.post("/s").stream(*PIECES, ending="reset", pacing=pacing)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        with pytest.raises(ConnectionResetError) as raised:
            raw.read_all()
        assert raised.value.errno == errno.ECONNRESET
    assert dechunk(raw.body) == PIECES
    assert reply.call.wait_ended() is Outcome.FAULTED


def test_hang_sends_nothing_more_and_keeps_the_connection(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, ending="hang")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(PIECES[-1] + b"\r\n")
        assert reply.call.wait_ended() is Outcome.FAULTED
        raw.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            raw.read()
    exchange = reply.call.exchange
    eventually(lambda: reply.call.exchange.how is not None)
    assert exchange.outcome is reply.call.outcome is Outcome.FAULTED  # the fault came first


def test_a_truncated_stream_ends_cleanly_and_is_a_fault(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES, through=[truncate(25)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
    assert b"".join(dechunk(raw.body)) == BODY[:25]
    assert reply.call.wait_ended() is Outcome.FAULTED
    assert reply.call.exchange.faults == ("truncate",)


# --- timing -----------------------------------------------------------------------------------------------------------


def test_delays_are_kept_in_recorded_and_never_early(server: SseServer) -> None:
    stream = Stream(tuple(Chunk(piece, 0.01) for piece in PIECES))
    reply = server.post("/s").stream(stream, pacing="recorded", head=0.02)
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
    moments = reply.call.exchange.written_at
    assert moments[0] >= 0.03
    # Each at its own deadline: late writes do not move the ones after them.
    assert all(moment >= 0.02 + 0.01 * (number + 1) - 1e-6 for number, moment in enumerate(moments))


def test_delays_are_passed_over_in_instant(server: SseServer) -> None:
    stream = Stream(tuple(Chunk(piece, 3600.0) for piece in PIECES))
    server.post("/s").stream(stream, pacing="instant")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        assert b"".join(dechunk(raw.read_until(LAST_CHUNK).partition(b"\r\n\r\n")[2])) == BODY


# --- addresses and heads ----------------------------------------------------------------------------------------------


def test_it_listens_on_ipv6_too_and_proves_boundaries_there(server: SseServer) -> None:
    reply = server.post("/s").stream(*PIECES)
    with Raw(server, "::1") as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
    assert reply.call.exchange.boundaries.proven == len(PIECES)


def test_a_large_chunk_arrives_whole(server: SseServer) -> None:
    big = b"data: " + b"x" * (1 << 20) + b"\n\n"
    reply = server.post("/s").stream(big, b"data: [DONE]\n\n")
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert reply.call.wait_ended() is Outcome.COMPLETED
    assert dechunk(raw.body)[0] == big


def test_headers_and_status_are_sent_as_written(server: SseServer) -> None:
    server.post("/s").stream("x", status=299, headers=[("X-Two", "1"), ("X-Two", "2"), ("content-type", "text/x")])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
    assert raw.head.splitlines()[0] == "HTTP/1.1 299 Unknown"
    assert raw.head.lower().count("content-type") == 1
    assert "X-Two: 1\r\nX-Two: 2" in raw.head


def test_expect_100_continue_is_answered_before_the_body_is_sent(server: SseServer) -> None:
    server.post("/s").stream("x")
    with Raw(server) as raw:
        raw.send(b"POST /s HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert raw.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(b"{}")
        raw.read_until(LAST_CHUNK)


def test_a_head_request_gets_no_body(server: SseServer) -> None:
    server.route("HEAD", "/s").stream(*PIECES, framing="length")
    with Raw(server) as raw:
        raw.request("HEAD", "/s", headers="Connection: close\r\n")
        raw.read_all()
    assert raw.body == b""


RECORDED = ROOT / "cassettes" / "non-ascii.yaml"
STREAMS: dict[str, Callable[[SseServer], object]] = {
    "chat": lambda server: server.chat("Hello"),
    "answer": lambda server: server.answer("Hello"),
    "post().chat": lambda server: server.post("/v1/chat/completions").chat("Hello"),
    "stream": lambda server: server.post("/v1/chat/completions").stream("Hello", "and a longer one"),
    "replies": lambda server: server.post("/v1/chat/completions").replies(Reply.chat("Hello")),
    "post().cassette": lambda server: server.post("/v1/chat/completions").cassette(RECORDED),
    "cassette": lambda server: server.cassette(RECORDED),
    "serve": lambda server: server.serve(RECORDED),
}


@pytest.mark.parametrize("set_up", STREAMS)
def test_the_transforms_of_the_server_apply_to_every_stream(sse_thread: ServerThread, set_up: str) -> None:
    asked = load(RECORDED)[0].request
    with SseServer(sse_thread, pacing="instant", through=[rechunk(7), scale(0.0)]) as server:
        STREAMS[set_up](server)
        with Raw(server) as raw:
            raw.request("POST", "/v1/chat/completions", asked.body)
            raw.read_until(LAST_CHUNK)
    assert {len(chunk) for chunk in dechunk(raw.body)[:-2]} == {7}


def test_the_transforms_of_the_server_leave_plain_answers_alone(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, through=[drop("[DONE]")]) as server:
        server.post("/s").respond(json={"a": 1})
        with Raw(server) as raw:
            raw.request("POST", "/s", headers="Connection: close\r\n")
            raw.read_all()
    assert raw.body == b'{"a":1}'


def test_the_gateway_of_the_server_is_that_of_replies_that_name_none(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, gateway="openai", through=[drop("[DONE]")]) as server:
        server.post("/v1/chat/completions").replies(Reply.chat("a"), Reply.chat("a", gateway="openrouter"))
        for turn in range(2):
            with Raw(server) as raw:
                raw.post(headers="Connection: close\r\n")
                raw.read_all()
            assert (b'"provider"' in raw.body) is bool(turn)
            assert b"[DONE]" not in raw.body


def test_a_client_that_stops_reading_does_not_hold_up_another(server: SseServer) -> None:
    huge = server.post("/huge").stream(*(b"x" * 65536 for _ in range(200)), pacing="instant")
    server.post("/s").stream(*PIECES)
    with Raw(server) as stuck, Raw(server) as raw:
        stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.request("POST", "/huge")
        huge.wait_call()
        raw.request("POST", "/s")
        raw.read_until(LAST_CHUNK)
        assert huge.call.outcome is None


@pytest.mark.parametrize("streamed", [True, False])
def test_a_chats_own_headers_are_sent(server: SseServer, streamed: bool) -> None:
    server.chat("Hi", headers={"X-RateLimit-Remaining": "9"}, when={"json": {"stream": streamed}})
    server.post("/chat/completions").chat("Hi", headers=[("X-Other", "1")])
    for body, sent in ({"stream": streamed}, "X-RateLimit-Remaining: 9"), ({"stream": not streamed}, "X-Other: 1"):
        with Raw(server) as raw:
            raw.post(body=body, headers="Connection: close\r\n")
            raw.read_all()
            assert sent in raw.head.splitlines()
