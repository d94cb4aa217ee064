"""Bad input, and the life of a server: nothing stops it but its owner, and then it ends at once and in order."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from orharness.cassette import Interaction, RecordedRequest
from orharness.checks import describe, strict_failures
from orharness.errors import OrharnessError, ScenarioError
from orharness.gateways import ONEROUTER
from orharness.journal import Outcome, Pacing
from orharness.scenario.playback import serving_routes
from orharness.server.answering import Answering
from orharness.server.facade import SseServer
from orharness.server.peerqueue import PeerQueue
from orharness.server.thread import ServerThread, _ProxyBypass
from orharness.transforms import hold
from tests.support.places import ROOT
from tests.support.raw import Raw, dechunk, eventually


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


def _answer(raw: Raw) -> Any:
    """The JSON of a response whose connection ends or whose length is known."""
    while True:
        raw.read()
        try:
            return json.loads(raw.body)
        except ValueError:
            continue


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/v1/chat/completions", b"{not json", 400, "the body is not JSON"),
        ("POST", "/v1/chat/completions", b"[1]", 400, "no route answers POST /v1/chat/completions"),
        ("POST", "/v1/nowhere", b"{}", 404, "no route answers POST /v1/nowhere"),
        ("GET", "/v1/chat/completions", b"", 405, "no route answers GET /v1/chat/completions"),
        ("DELETE", "/v1/models", b"", 405, "no route answers DELETE /v1/models"),
    ],
)
def test_what_no_route_answers_gets_the_gateways_error_and_an_entry(
    server: SseServer, method: str, path: str, body: bytes, status: int, said: str
) -> None:
    with Raw(server) as raw:
        raw.request(method, path, body)
        answer = _answer(raw)
    assert raw.head.startswith(f"HTTP/1.1 {status} ")
    assert answer["error"]["code"] == status
    assert set(answer["error"]) == {"code", "message", "type", "param"}  # OneRouter's shape
    assert said in answer["error"]["message"]
    (exchange,) = server.journal
    assert (exchange.outcome, exchange.status) == (Outcome.UNMATCHED, status)
    assert exchange.difference is not None
    assert said in exchange.difference


def test_a_wrong_method_at_a_path_that_was_recorded_elsewhere_is_405(server: SseServer) -> None:
    asked = RecordedRequest("POST", "https://api.groq.com/openai/v1/chat/completions", body=b"{}")
    for route in serving_routes([Interaction(asked)]):
        server.mount(route, strict=False)
    for method, path, status in (
        ("GET", "/openai/v1/chat/completions", 405),
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/elsewhere/v1/chat/completions", 404),
    ):
        with Raw(server) as raw:
            raw.request(method, path)
            assert _answer(raw)["error"]["code"] == status, path


@pytest.mark.parametrize("body", [b"{not json", b"", b"[]", b'"text"'])
def test_a_chat_that_is_no_json_object_is_refused_though_a_route_is_there(server: SseServer, body: bytes) -> None:
    server.chat("x")
    with Raw(server) as raw:
        raw.request("POST", "/v1/chat/completions", body)
        assert "asked for with a JSON object" in _answer(raw)["error"]["message"]
    assert raw.head.startswith("HTTP/1.1 400 ")
    assert server.journal[0].outcome is Outcome.UNMATCHED


def test_the_difference_to_the_nearest_routes_is_told(server: SseServer) -> None:
    server.chat("x", when={"model": "a/b"})
    with Raw(server) as raw:
        raw.post(body={"model": "a/c", "stream": True})
        message = _answer(raw)["error"]["message"]
    assert "model: expected 'a/b', got 'a/c'" in message


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nContent-Length: minus\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n\r\n\0\0\0\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_http_gets_an_error_and_stops_nothing(
    server: SseServer, garbage: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server.post("/s").stream("x")
    with Raw(server) as raw:
        raw.send(garbage)
        raw.socket.settimeout(20)
        with contextlib.suppress(ConnectionResetError):  # more was sent than the server cared to read
            raw.read_all()
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(b"0\r\n\r\n")
    assert "Traceback" not in capfd.readouterr().err
    assert not [record for record in caplog.records if record.exc_info and record.levelname == "ERROR"]
    assert server.journal[-1].outcome is Outcome.COMPLETED or server.calls[-1].wait_ended(20) is Outcome.COMPLETED


def test_malformed_http_is_journaled_in_the_gateways_shape(server: SseServer) -> None:
    with Raw(server) as raw:
        raw.send(b"POST /v1/x HTTP/1.1\r\nContent-Length: minus\r\n\r\n")
        raw.read_all()
    assert raw.head.split(" ")[1] == "400"
    assert "malformed HTTP" in json.loads(raw.body)["error"]["message"]
    (exchange,) = server.journal
    assert exchange.outcome is Outcome.UNMATCHED
    assert exchange.status == 400
    assert (exchange.chunks_written, exchange.bytes_written) == (1, len(raw.body))
    assert describe(exchange).startswith("a request that was not HTTP → 400: unmatched, 1 of 1 chunks written")
    [told] = strict_failures([exchange], [])
    assert told.startswith("a request that is refused\n")


def test_an_error_whose_client_has_gone_is_not_called_written() -> None:
    service: Any = None
    answering = Answering(gateway=ONEROUTER, pacing=Pacing.INSTANT, service=service)
    answering.garbage(400, "no head", lambda response: None)
    [exchange] = answering.journal()
    assert (exchange.outcome, exchange.status, exchange.chunks_written) == (Outcome.UNMATCHED, 400, 0)


def test_a_predicate_that_raises_is_the_scenarios_fault(server: SseServer) -> None:
    def broken(request: object) -> bool:
        raise ZeroDivisionError("oops")

    server.chat("x", when=broken)
    with Raw(server) as raw:
        raw.post()
        assert "ZeroDivisionError" in _answer(raw)["error"]["message"]
    assert raw.head.startswith("HTTP/1.1 500 ")
    with pytest.raises(ScenarioError, match="ZeroDivisionError"):
        server.verify()


def test_models_and_the_journal_are_there_without_a_route(server: SseServer) -> None:
    server.chat("Hi")
    with Raw(server) as raw:
        raw.post(headers="Authorization: Bearer sk-secret\r\n")
        raw.read_until(b"0\r\n\r\n")
    with Raw(server) as raw:
        raw.request("GET", "/api/v1/models")
        assert _answer(raw)["data"][0]["id"] == "openai/gpt-4o-mini"
    with Raw(server) as raw:
        raw.request("GET", "/_orharness/journal")
        journal = _answer(raw)
    assert journal["format"] == 1
    chat, models = journal["exchanges"]
    assert chat["outcome"] == "completed"
    assert chat["request"]["headers"]["Authorization"] == "[hidden]"
    assert models["route"] == "models"


def test_a_chat_without_stream_is_one_document(server: SseServer) -> None:
    server.chat("Grüße")
    with Raw(server) as raw:
        raw.post(body={"model": "my/model", "messages": []})
        answer = _answer(raw)
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "my/model"
    assert answer["choices"][0]["message"]["content"] == "Grüße"
    assert f"X-Generation-Id: {answer['id']}" in raw.head


# --- life -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_500_servers_one_after_the_other(sse_thread: ServerThread) -> None:
    before = threading.active_count()
    for _ in range(500):
        with SseServer(sse_thread) as server:
            server.chat("x")
    assert threading.active_count() == before


@pytest.mark.slow
def test_a_connection_that_comes_as_the_server_closes_is_closed(sse_thread: ServerThread) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(50):
            server = SseServer(sse_thread)
            Raw(server).close()
            server.close()
        gc.collect()
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []


def test_a_client_connects_while_the_server_s_thread_is_busy_and_is_closed_with_it(sse_thread: ServerThread) -> None:
    go = threading.Event()
    sse_thread.post(lambda: go.wait(10))
    server = SseServer(sse_thread, strict=False)  # which does not wait for the thread
    clients = [Raw(server) for _ in range(3)]
    go.set()
    server.close()
    for client in clients:
        with client, contextlib.suppress(ConnectionError):  # waiting to be accepted it is reset, accepted it is closed
            assert client.socket.recv(1) == b""


def test_routes_of_many_threads_are_all_there_and_none_is_mixed_up(server: SseServer) -> None:
    def mount(first: int) -> None:
        for number in range(first, first + 25):
            server.get(f"/{number}").respond(json=number)

    threads = [threading.Thread(target=mount, args=(first,)) for first in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    with Raw(server) as raw:
        while any(thread.is_alive() for thread in threads):
            raw.request("GET", "/nowhere")
            assert _answer(raw)["error"]["code"] == 404
    for thread in threads:
        thread.join()
    for number in range(100):
        with Raw(server) as raw:
            raw.request("GET", f"/{number}")
            assert _answer(raw) == number


def test_closing_waits_for_no_client(sse_thread: ServerThread) -> None:
    server = SseServer(sse_thread)
    reply = server.chat("x", through=[hold(after=0)])
    with Raw(server) as raw:
        raw.post()
        raw.read()
        server.close()
        server.close()
        assert raw.read_all()
    assert reply.call.outcome is Outcome.STILL_OPEN
    assert len(server.journal) == 1  # it can be read afterwards


def test_reset_starts_afresh_on_the_same_address(server: SseServer) -> None:
    server.chat("x", when={"model": "none"})
    with Raw(server) as raw:
        raw.post()
        _answer(raw)
    server.reset()
    assert server.journal == []
    server.chat("Hi")
    with Raw(server) as raw:
        raw.post()
        raw.read_until(b"0\r\n\r\n")
        assert len(dechunk(raw.body)) > 2


def test_reset_ends_the_connections_that_were_used_and_no_other(server: SseServer) -> None:
    """Node's fetch opens another connection when one is cancelled, and sends its next request on that."""
    route = server.chat("Hi")
    with Raw(server) as ahead, Raw(server) as begun, Raw(server) as used:
        begun.send(b"POST /v1/chat")
        used.post()
        used.read_until(b"0\r\n\r\n")
        route.call.wait_ended(20)
        server.reset()
        assert used.read_all()
        assert begun.read_all() == b""
        server.chat("Hi")
        ahead.post()
        ahead.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize("port", ["a", 70_000, -1, 80.0, None])
def test_an_impossible_port_is_one_sentence(sse_thread: ServerThread, port: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^port is a number from 0 \(any free one\) to 65535, not "):
        SseServer(sse_thread, port=port)


def test_a_host_that_is_no_text_is_one_sentence(sse_thread: ServerThread) -> None:
    host: Any = 5
    with pytest.raises(ScenarioError, match=r"^host is a text such as '127\.0\.0\.1', not 5$"):
        SseServer(sse_thread, host=host)


def test_a_taken_port_is_one_sentence(server: SseServer) -> None:
    with pytest.raises(
        ScenarioError, match=rf"cannot listen on 127\.0\.0\.1 port {server.port}: .*; choose another port"
    ):
        SseServer(port=server.port)


def test_waiting_for_the_server_inside_itself_is_an_error_and_not_a_deadlock(server: SseServer) -> None:
    server.chat("x", when=lambda request: bool(server.journal))
    with Raw(server) as raw:
        raw.post()
        assert "cannot wait for the server itself" in _answer(raw)["error"]["message"]


def test_a_thread_that_cannot_start_says_why() -> None:
    def broken() -> PeerQueue:
        raise ZeroDivisionError("oops")

    with pytest.raises(OrharnessError, match="could not start: ZeroDivisionError"):
        ServerThread(make_peers=broken).start()


def test_loopback_is_kept_out_of_a_proxys_reach_while_any_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    bypass = _ProxyBypass()
    bypass.add()
    bypass.add()
    assert os.environ["NO_PROXY"] == "example.com,127.0.0.1,localhost,::1"
    bypass.remove()  # the first that began, not the last
    assert "127.0.0.1" in os.environ["no_proxy"]
    bypass.remove()
    assert os.environ["NO_PROXY"] == "example.com"
    assert "no_proxy" not in os.environ


def test_a_stopped_thread_serves_no_more() -> None:
    thread = ServerThread().start()
    thread.stop()
    with pytest.raises(OrharnessError, match="has been stopped"):
        SseServer(thread)


def test_a_forgotten_release_ends_and_says_so(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, hold_limit=0.01) as server:
        server.chat("Hi", through=[hold(after=1)])
        with Raw(server) as raw:
            raw.post()
            raw.read_all()
        with pytest.raises(ScenarioError, match=r"held at gate 1 for 0\.01 s: route\.release\(\) was never called"):
            server.verify()
        assert "release() was never called" in server.account()


@pytest.mark.slow
def test_a_reset_ends_though_clients_come_again_and_again(sse_thread: ServerThread) -> None:
    over = threading.Event()
    with SseServer(sse_thread, strict=False) as server:

        def come_again() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError), Raw(server) as raw:
                    raw.post()
                    raw.read()

        threads = [threading.Thread(target=come_again) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            server.reset()
            server.chat("Hi")
        over.set()
        server.reset()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_has_no_body_has_no_framing_either(server: SseServer, status: int) -> None:
    server.post("/s").stream("x", status=status)
    with Raw(server) as raw:
        for _ in range(3):
            raw.request("POST", "/s")
            raw.reads.clear()
            assert raw.read_until(b"\r\n\r\n").startswith(f"HTTP/1.1 {status} ".encode())
            assert "transfer-encoding" not in raw.head.lower()


def test_headers_of_the_framing_cannot_be_given(server: SseServer) -> None:
    with pytest.raises(ScenarioError, match="content-length is computed from the body and framing="):
        server.post("/s").respond(200, json={}, headers={"Content-Length": "3"})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_a_fork_the_server_says_so(server: SseServer) -> None:
    done, child = os.pipe()
    pid = os.fork()
    if pid == 0:  # the child: no pytest from here on
        try:
            server.chat("x")
        except OrharnessError as error:
            os.write(child, str(error).encode())
        finally:
            os._exit(0)
    os.close(child)
    with os.fdopen(done, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(pid, 0)
    assert "did not survive the fork" in said
    server.chat("y")


def _python(code: str, *options: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )


HELD = """
    import logging, signal, socket, sys, time
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # -X dev warns of a turn that a busy machine made slow
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    from orharness.server.facade import SseServer
    from orharness.transforms import hold
    from tests.support.raw import Raw
    server = SseServer()
    server.chat("x", through=[hold(after=1)])
    raw = Raw(server)
    raw.post()
    raw.read()
    print("ready", flush=True)
"""


@pytest.mark.slow
def test_a_program_that_forgets_to_close_ends_in_order() -> None:
    process = _python(HELD + "    raw.close()\n", "-X", "dev")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "ready\n", "")


@pytest.mark.slow
def test_ctrl_c_ends_in_order() -> None:
    code = (
        HELD.replace('print("ready", flush=True)', "")
        + """
    try:
        print("ready", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        raw.close()
        print("interrupted")
    """
    )
    process = _python(code, "-X", "dev")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "interrupted\n", "")


@pytest.mark.slow
def test_asyncios_debug_mode_has_nothing_to_say() -> None:
    code = (
        HELD
        + """
    raw.close()
    server.calls[0].wait_ended(20)
    server.close()
    """
    )
    process = _python(code, "-X", "dev", environment={"PYTHONASYNCIODEBUG": "1"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "ready\n", "")


@pytest.mark.slow
def test_loggers_are_silent_by_default() -> None:
    code = """
    from orharness.server.facade import SseServer
    from tests.support.raw import Raw

    def broken(request):
        raise ZeroDivisionError("a scenario that fails is told by verify(), not on stderr")

    with SseServer(strict=False) as server:
        for when in (None, broken):
            server.reset()
            if when:
                server.chat("x", when=when)
            with Raw(server) as raw:
                raw.post()
                raw.read()
    """
    process = _python(code)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_many_clients_at_once(server: SseServer) -> None:
    reply = server.chat("Grüße, 世界", delay=0.001)
    texts: list[bytes] = []

    def client() -> None:
        with Raw(server) as raw:
            raw.post()
            raw.read_until(b"0\r\n\r\n")
            texts.append(raw.body)

    threads = [threading.Thread(target=client) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(texts)) == 1
    assert {call.wait_ended(20) for call in reply.calls} == {Outcome.COMPLETED}
    assert len({call.exchange.id for call in reply.calls}) == 50


def test_the_moment_of_leaving_is_on_the_servers_clock(server: SseServer) -> None:
    reply = server.chat("x", through=[hold(after=1)])
    with Raw(server) as raw:
        raw.post()
        raw.read_until(b"\n\n\r\n")
        before = time.monotonic()
        with reply.expect_disconnect(within=20) as block:
            raw.close()
        after = time.monotonic()
    left = block.call.exchange.left_after
    assert left is not None
    assert before <= block.call._live.started + left <= after


def test_the_end_tells_once_what_its_clients_left_open(sse_thread: ServerThread) -> None:
    server = SseServer(sse_thread)
    server.post("/s").stream("held", "here", through=[hold(chunks=1)])
    with Raw(server) as raw:
        raw.request("POST", "/s")
        raw.read_until(b"held\n\n\r\n")
        [line] = server.end()
        assert "POST /s" in line
        assert server.end() == []
        with pytest.raises(OSError, match="refused"):
            Raw(server)


def test_what_is_posted_to_the_thread_is_done_before_what_comes_later(sse_thread: ServerThread) -> None:
    done: list[int] = []
    for number in range(100):
        sse_thread.post(lambda number=number: done.append(number))  # type: ignore[misc]
    assert sse_thread.call(lambda: list(done)) == list(range(100))


@pytest.mark.parametrize("pacing", ["recorded", "lockstep", "instant"])
def test_a_client_that_closes_as_its_answer_ends_leaves_no_connection(server: SseServer, pacing: str) -> None:
    """Its FIN may come between the last look at what it has read and the end of the answer."""
    server.post("/s").stream("one", "two", "[DONE]", pacing=pacing)
    for _ in range(40):
        with Raw(server) as raw:
            raw.request("POST", "/s")
            raw.read_until(b"\r\n0\r\n\r\n")
    eventually(lambda: server._origin._listening._connections() == [])
