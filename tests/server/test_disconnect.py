"""What ``expect_disconnect`` and ``assert_upstream_stopped`` say of clients that leave, leave late, or do not leave.

The clients stand on raw sockets, so that each test knows what its client did; the texts are those that a user reads.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import aiohttp
import pytest
import trio

from orharness import RelayClient, SseProcess
from orharness.errors import ClientFailure
from orharness.journal import Outcome
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.raw import STREAM, Raw, eventually

SOON = 0.05  # seconds, for a client that is not going to leave
LONG = 20.0  # seconds, for one that is: a busy machine may need them
SECONDS = r"\d+\.\d\d s"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Closed at the end, whatever the test says."""
    with ExitStack() as stack:
        yield stack


def _asks(server: SseServer, clients: ExitStack, body: object = STREAM) -> Raw:
    raw = clients.enter_context(Raw(server))
    raw.post(body=body)
    return raw


def _read(raw: Raw, events: int) -> Raw:
    """Reads whole HTTP chunks, until it has so many events."""
    while raw.received.count(b"data: ") < events or not raw.received.endswith(b"\n\n\r\n"):
        raw.read()
    return raw


def _is_held(reply: LiveRoute, calls: int = 1) -> None:
    eventually(lambda: sum(call.exchange.held_at is not None for call in reply.calls) == calls)


def _failure(reply: LiveRoute, act: Callable[[], object] = lambda: None, within: float = SOON) -> str:
    with pytest.raises(ClientFailure) as raised, reply.expect_disconnect(within=within):
        act()
    return str(raised.value)


def _not_stopped(reply: LiveRoute) -> str:
    with pytest.raises(ClientFailure) as raised:
        reply.call.assert_upstream_stopped()
    return str(raised.value)


# --- patterns: what the bytes tell of the cause -----------------------------------------------------------------------


def test_a_silent_stream_that_is_not_left_tells_what_is_at_stake(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=500, price=0.001, through=[hold(after=3)])
    _read(_asks(server, clients), 3)
    _is_held(reply)
    said = _failure(reply)
    assert said.startswith("the client did not leave within 0.05 s of the end of the block\n")
    kept = rf"  since     the connection stayed open for the {SECONDS} that were watched after the block;\n"
    assert re.search(kept + " +nothing was sent, and the model made no more tokens\n", said)
    assert "  held      at a gate after byte" in said
    assert "  not sent  500 events, " in said
    assert "; 498 tokens ($0.498000) still to be made\n" in said
    assert "  cause     no bytes came after the block, so the client either waits in a read" in said


@pytest.mark.slow
def test_a_model_with_a_pace_goes_on_behind_a_silent_stream(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=500, pace=0.0001, price=0.001, through=[hold(after=3)])
    _read(_asks(server, clients), 3)
    eventually(lambda: reply.call.bill and reply.call.bill.tokens_made == 500)
    reply.release()  # what was made is sent, and not read
    assert "and the model made no more tokens" in _failure(reply)
    later = server.chat(tokens=1000, pace=0.01, price=0.001, when={"model": "slow"}, through=[hold(after=3)])
    _read(_asks(server, clients, {**STREAM, "model": "slow"}), 3)
    _is_held(later)
    for said in (_failure(later), _not_stopped(later)):
        made = re.search(r"nothing was sent, and the model made ([\d,]+) more tokens \(\$([\d.]+)\)\n", said)
        assert made is not None, said
        assert float(made[2]) == pytest.approx(int(made[1].replace(",", "")) * 0.001)
        assert int(made[1].replace(",", "")) >= 25  # it was watched for half a second


def test_who_stopped_reading_left_the_loop_without_closing(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=500)
    _read(_asks(server, clients), 3)
    eventually(lambda: reply.call.exchange.chunks_written > 3)
    said = _failure(reply)
    assert "  cause     it stopped reading and kept the connection: as a rule it left the loop" in said
    assert "use `with`, `async with`, or close() in a `finally`" in said
    assert "  cause     it stopped reading and kept the connection" in _not_stopped(reply)


def test_who_goes_on_reading_has_a_reader_that_nobody_stopped(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=1000, delay=0.05, price=0.001)
    raw = _asks(server, clients)
    reply.wait_call(LONG)
    reader = threading.Thread(target=_read_on, args=(raw,))
    reader.start()
    eventually(lambda: reply.call.exchange.chunks_written > 3)
    said = _failure(reply)
    raw.socket.shutdown(socket.SHUT_RDWR)
    reader.join()
    since = re.search(r"([\d,]+) more events? sent, and the model made ([\d,]+) more tokens? \(\$(\d+\.\d+)\)\n", said)
    assert since is not None, said
    assert int(since[1].replace(",", "")) > 0
    assert float(since[3]) > 0
    assert "  cause     it went on reading after the block: a task or thread of its own still reads" in said


def _read_on(raw: Raw) -> None:
    with suppress(OSError):
        while raw.read():
            pass


def test_a_request_without_stream_cannot_be_cancelled(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, head=3600)
    raw = _asks(server, clients, {**STREAM, "stream": False})
    reply.wait_call(LONG)
    assert "  cause     the request does not ask for a stream (`stream: true` is missing)" in _failure(reply)
    with reply.expect_disconnect(within=LONG):
        raw.close()
    said = _not_stopped(reply)
    assert said.startswith("the client left, and the model went on: 50 tokens ($0.000750) are billed that were never ")
    assert "  cause     the request does not ask for a stream (`stream: true` is missing)" in said


def test_who_leaves_when_the_next_bytes_come_is_told_so(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    raw = _read(_asks(server, clients), 3)
    _is_held(reply)
    leaver = threading.Thread(target=lambda: _read(raw, 4).close())
    leaver.start()
    opener = threading.Timer(0.3, reply.release)
    said = _failure(reply, opener.start)
    leaver.join()
    assert re.match(r"the client left \d\.\d{3} s after the block, 0.05 s were allowed\n", said)
    assert re.search(
        r"  since     the connection stayed open for \d\.\d{3} s after the block;\n +\d more events?", said
    )
    assert "  cause     it left when the next bytes came" in said


def test_who_leaves_late_while_nothing_comes_is_not_told_a_cause(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    raw = _read(_asks(server, clients), 3)
    _is_held(reply)
    closer = threading.Timer(0.3, raw.close)
    said = _failure(reply, closer.start)
    assert "nothing was sent" in said
    assert "cause" not in said


def test_a_provider_that_goes_on_has_one_that_stops_named_beside_it(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=1000, price=0.001, provider="Groq", pace=0.02, through=[hold(after=3)])
    raw = _read(_asks(server, clients), 3)
    _is_held(reply)
    with reply.expect_disconnect(within=LONG):
        raw.close()
    assert reply.call.bill is not None
    at_the_leaving = reply.call.bill.tokens_made
    eventually(lambda: reply.call.bill and reply.call.bill.tokens_made > at_the_leaving + 10)
    said = _not_stopped(reply)
    assert said.startswith("the client left, and the model went on: 998 tokens ($0.998000) are billed that were never ")
    made = re.search(r"nothing was sent, and the model made (\d+) more tokens", said)
    assert made is not None
    assert int(made[1]) >= 10
    assert "  cause     Groq does not stop on cancel" in said
    assert re.search(
        r"  cure      ask for one that stops \(as of \d{4}-\d\d-\d\d\):\n +OpenAI, Azure, Anthropic, ", said
    )


def test_a_hanging_stream_can_be_left_and_must_be(server: SseServer, clients: ExitStack) -> None:
    reply = server.post("/v1/chat/completions").stream("one", ending="hang")
    raw = _read(_asks(server, clients), 1)
    eventually(lambda: reply.call.outcome is Outcome.FAULTED)
    assert _failure(reply).startswith("the client did not leave within 0.05 s of the end of the block\n")
    with reply.expect_disconnect(within=LONG):
        raw.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known what was read")
def test_what_was_read_is_known_as_it_is_when_asked(server: SseServer, clients: ExitStack) -> None:
    """And not as it was when asked the last time: else the last read before the act would be taken for one after it."""
    reply = server.post("/v1/chat/completions").stream("one", "two", "three", pacing="instant", through=[hold(after=2)])
    raw = _asks(server, clients)
    reply.wait_call(LONG)
    eventually(lambda: reply.call.exchange.chunks_written == 2)
    assert reply.call.exchange.bytes_read == 0
    raw.read_until(b"data: two\n\n\r\n")
    assert reply.call.exchange.bytes_read == reply.call.exchange.bytes_written


# --- several calls, or none -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_two_calls_the_one_that_stayed_is_named(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    first, second = (_read(_asks(server, clients), 3) for _ in range(2))
    _is_held(reply, calls=2)
    with pytest.raises(ClientFailure) as raised, reply.expect_disconnect(within=1.0) as block:
        second.close()
    listed, report = str(raised.value).split("\n\n")
    assert re.fullmatch(
        r"1 of 2 calls did not leave as expected\n"
        r"  000001  the client did not leave within 1 s of the end of the block\n"
        r"  000002  the client left \d\.\d{3} s (after|before the end of) the block",
        listed,
    )
    assert report.startswith("the client did not leave within 1 s of the end of the block\n  exchange  000001  POST ")
    assert [call.outcome for call in block.calls] == [None, Outcome.CANCELLED]
    with reply.expect_disconnect(within=LONG) as rest:
        first.close()
    assert rest.call.outcome is Outcome.CANCELLED


def test_each_of_two_calls_that_stayed_is_reported(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    for _ in range(2):
        _read(_asks(server, clients), 3)
    _is_held(reply, calls=2)
    listed, *reports = _failure(reply).split("\n\n")
    assert listed.startswith("2 of 2 calls did not leave as expected\n")
    assert [re.findall(r"^  exchange  (\d+)", report, re.M) for report in reports] == [["000001"], ["000002"]]


def test_all_of_several_calls_left(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    raws = [_read(_asks(server, clients), 3) for _ in range(3)]
    with reply.expect_disconnect(within=LONG) as block:
        for raw in raws:
            raw.close()
    assert [call.outcome for call in block.calls] == [Outcome.CANCELLED] * 3
    for call in block.calls:
        call.assert_upstream_stopped()


def test_a_client_that_never_sent_a_request(server: SseServer) -> None:
    reply = server.chat("x")
    assert _failure(reply) == (
        "the client never sent a request to POST /chat/completions: there was nothing to cancel;"
        " nothing at all came to the server (was the client given its base_url?)"
    )


def test_a_client_that_sent_its_request_elsewhere(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat("x", when={"model": "mine"})
    _asks(server, clients).read()
    head, elsewhere = _failure(reply).split("\n")
    assert head.endswith("when model='mine': there was nothing to cancel; what came to the server:")
    assert elsewhere.startswith("  POST /v1/chat/completions → 404: unmatched")


def test_a_call_that_was_over_before_the_block(server: SseServer, clients: ExitStack) -> None:
    reply = server.chat("x")
    _asks(server, clients).read_until(b"0\r\n\r\n")
    reply.call.wait_ended(LONG)
    said, listed = _failure(reply).split("\n")
    assert said == "no call was open when the block began; hold(…) keeps an answer open"
    assert listed.startswith("  POST /v1/chat/completions → 200: completed")


# --- async, and from other threads ------------------------------------------------------------------------------------


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[..., None]:
    return asyncio.run if request.param == "asyncio" else lambda main: trio.run(lambda: main)


async def _reads_and_leaves(server: SseServer, *, leaves: bool) -> None:
    reply = server.chat(tokens=50, through=[hold(after=3)])
    with Raw(server) as raw:
        raw.post()
        _read(raw, 3)
        async with reply.expect_disconnect(within=LONG if leaves else SOON):
            if leaves:
                raw.close()
    assert reply.call.outcome is Outcome.CANCELLED
    reply.call.assert_upstream_stopped()


def test_an_async_block_is_met(server: SseServer, run: Callable[..., None]) -> None:
    run(_reads_and_leaves(server, leaves=True))


def test_an_async_block_is_not_met(server: SseServer, run: Callable[..., None]) -> None:
    with pytest.raises(ClientFailure) as raised:
        run(_reads_and_leaves(server, leaves=False))
    said = str(raised.value)
    assert said.startswith("the client did not leave within 0.05 s of the end of the block\n")
    assert "event loop" not in said


def test_an_async_block_lets_its_loop_go_on(server: SseServer, run: Callable[..., None]) -> None:
    async def main() -> None:
        reply = server.chat(tokens=50, through=[hold(after=3)])
        with Raw(server) as raw:
            raw.post()
            _read(raw, 3)
            async with reply.expect_disconnect(within=LONG):
                _in_the_next_turn(raw.close)

    run(main())


def _in_the_next_turn(act: Callable[[], None]) -> None:
    if asyncio._get_running_loop() is not None:
        asyncio.get_running_loop().call_soon(act)
        return

    async def soon() -> None:
        act()

    trio.lowlevel.spawn_system_task(soon)


def test_a_sync_block_inside_a_running_loop_is_the_cause(server: SseServer, run: Callable[..., None]) -> None:
    async def main() -> str:
        reply = server.chat(tokens=50, through=[hold(after=3)])
        with Raw(server) as raw:
            raw.post()
            _read(raw, 3)
            return _failure(reply)

    seen: list[str] = []

    async def noted() -> None:
        seen.append(await main())

    run(noted())
    assert "  cause     an event loop is running in this thread, and a sync `with` keeps it from going on" in seen[0]
    assert "use `async with route.expect_disconnect()`" in seen[0]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known whose socket it is")
def test_an_app_in_another_process_is_the_cause_and_not_a_loop_in_this_one(
    server: SseServer, clients: ExitStack, run: Callable[..., None]
) -> None:
    """As under Playwright's sync API, which keeps an event loop running in the thread of the test."""
    reply = server.chat(tokens=50, through=[hold(after=3)])
    app = clients.enter_context(SseProcess([sys.executable, "-c", KEEPS_ITS_UPSTREAM, "{port}"], server=server))
    seen: list[str] = []

    async def main() -> None:
        with RelayClient(app.url, method="GET") as browser:
            browser.read_events(3)
            _is_held(reply)
            seen.append(_failure(reply, browser.leave))

    run(main())
    seen.append(_not_stopped(reply))
    for said in seen:
        assert "  cause     another process keeps the connection (an app under test that does not leave its" in said
        assert "no bytes came after the block, so the client either waits in a read" in said
        assert "event loop is running" not in said


# A relay that reads its upstream to the end in a thread, whatever its browser does.
KEEPS_ITS_UPSTREAM = """
import http.client, http.server, os, queue, sys, threading, urllib.parse

def ask(lines):
    model = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
    upstream = http.client.HTTPConnection(model.hostname, model.port)
    upstream.request("POST", model.path + "/chat/completions", '{"model": "m", "messages": [], "stream": true}')
    for line in upstream.getresponse():
        lines.put(line)

class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        lines = queue.Queue()
        threading.Thread(target=ask, args=(lines,), daemon=True).start()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        while True:
            self.wfile.write(lines.get())
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""


def test_where_nothing_holds_a_stream_that_is_told(server: SseServer) -> None:
    route = server.chat("Hello")
    with Raw(server) as raw:
        raw.post()
        raw.read()
        with pytest.raises(ClientFailure, match=r"none has one: through=\[hold\(after=3\)\] holds a stream"):
            route.wait_held(timeout=0.01)


def test_a_test_waits_until_a_stream_is_held(server: SseServer) -> None:
    route = server.chat(tokens=50, through=[hold(after=3)])
    said = r"after 0\.01 s no stream of POST /chat/completions is held at a gate; nothing at all came to the server"
    with pytest.raises(ClientFailure, match=said):
        route.wait_held(timeout=0.01)
    with pytest.raises(ClientFailure, match="never sent a request to POST /chat/completions; nothing at all came"):
        assert route.call
    with Raw(server) as raw:
        raw.request("POST", "/v1/v1/chat/completions")
        raw.read()
    said = r"is held at a gate; what came to the server:\n  POST /v1/v1/chat/completions .*unmatched"
    with pytest.raises(ClientFailure, match=said):
        route.wait_held(timeout=0.01)
    with Raw(server) as raw:
        raw.post()
        _read(raw, 3)
        call = route.wait_held()
        assert call.exchange.chunks_written == 3
        assert asyncio.run(route.wait_held_async()).exchange.held_at == call.exchange.held_at


def test_a_loop_that_runs_without_a_task_is_not_the_cause(server: SseServer) -> None:
    """As under Playwright's synchronous API: a loop runs in this thread, and the test is in none of its tasks."""
    seen: list[str] = []

    def block() -> None:
        reply = server.chat(tokens=50, through=[hold(after=3)])
        with Raw(server) as raw:
            raw.post()
            _read(raw, 3)
            seen.append(_failure(reply))
        loop.stop()

    loop = asyncio.new_event_loop()
    loop.call_soon(block)
    loop.run_forever()
    loop.close()
    assert "event loop is running" not in seen[0]
    assert "  cause     no bytes came after the block" in seen[0]


def test_a_client_in_the_loop_that_a_sync_block_holds_up_cannot_leave(server: SseServer) -> None:
    async def reads() -> None:
        async with aiohttp.ClientSession() as session, session.post(server.url_for("/v1/x"), json=STREAM) as response:
            await response.read()

    async def main() -> str:
        task = asyncio.create_task(reads())
        await asyncio.to_thread(_is_held, reply)
        said = _failure(reply, task.cancel)
        with suppress(asyncio.CancelledError):
            await task
        return said

    reply = server.post("/v1/x").stream("one", "two", "three", through=[hold(after=2)])
    said = asyncio.run(main())
    assert "  cause     an event loop is running in this thread, and a sync `with` keeps it from going on" in said
    assert "another process" not in said
    assert reply.call.wait_ended(LONG) is Outcome.CANCELLED


def test_blocks_in_several_threads_at_once(server: SseServer) -> None:
    wrong: list[str] = []

    def one(number: int) -> None:
        try:
            reply = server.chat(tokens=50, when={"model": str(number)}, through=[hold(after=3)])
            with Raw(server) as raw:
                raw.post(body={**STREAM, "model": str(number)})
                _read(raw, 3)
                with reply.expect_disconnect(within=LONG):
                    raw.close()
            reply.call.assert_upstream_stopped()
        except BaseException as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
