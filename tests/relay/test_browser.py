"""The browser of a relay: what it makes of any response, and how it leaves."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orharness import RelayClient, Stream
from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import How, Outcome
from orharness.relay.response import ResponseEnd, ResponseReader
from orharness.server.facade import SseServer
from orharness.sse import Comment, Event
from orharness.transforms import comments, hold, per_byte
from tests.support.raw import eventually

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
BODY = b": hi\n\ndata: Gr\xc3\xbc\xc3\x9fe\n\ndata: [DONE]\n\n"


def chunked(*pieces: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + last


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode()


# -- the response, without IO ----------------------------------------------------------------------------------------

RESPONSES = {
    "chunked": head("Transfer-Encoding: chunked") + chunked(BODY[:9], BODY[9:]),
    "chunked, a chunk a byte": head("transfer-encoding: Chunked")
    + chunked(*(BODY[at : at + 1] for at in range(len(BODY)))),
    "extensions and trailers": head("Transfer-Encoding: chunked")
    + b"%X;name=value\r\n%s\r\n" % (len(BODY), BODY)
    + b"0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
    "Content-Length": head(f"Content-Length: {len(BODY)}") + BODY,
    "after 1xx": head(status="100 Continue")
    + head("Link: </x>", status="103 Early Hints")
    # the answer
    + head(f"Content-Length: {len(BODY)}")
    + BODY,
    "gzip": head("Transfer-Encoding: chunked", "Content-Encoding: gzip") + chunked(gzip.compress(BODY)),
    "deflate": head("Transfer-Encoding: chunked", "Content-Encoding: deflate") + chunked(zlib.compress(BODY)),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_is_read_whole_byte_by_byte_and_cut_anywhere(name: str) -> None:
    wire = RESPONSES[name]
    cuts = [[wire], [wire[at : at + 1] for at in range(len(wire))]]
    cuts += [[wire[:at], wire[at:]] for at in range(1, len(wire))]
    for pieces in cuts:
        response = ResponseReader()
        assert b"".join(map(response.feed, pieces)) == BODY
        assert (response.status, response.ended) == (200, ResponseEnd.CLEAN)


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_that_lacks_its_last_byte_is_cut(name: str) -> None:
    response = ResponseReader()
    response.feed(RESPONSES[name][:-1])
    assert not response.ended
    response.closed()
    assert response.ended is ResponseEnd.CUT


def test_the_end_of_the_connection_ends_a_body_without_framing() -> None:
    response = ResponseReader()
    assert response.feed(head("Content-Type: text/plain") + BODY) == BODY
    assert not response.ended
    response.closed()
    assert response.ended == "clean"
    reset = ResponseReader()
    reset.feed(head() + BODY)
    reset.closed(reset=True)
    assert reset.ended is ResponseEnd.RESET


def test_what_has_no_body_ends_with_its_head() -> None:
    for method, wire in [("HEAD", head("Content-Length: 9")), ("GET", head(status="204 No Content"))]:
        response = ResponseReader(method)
        assert response.feed(wire) == b""
        assert response.ended is ResponseEnd.CLEAN
    empty = ResponseReader()
    empty.feed(head("Content-Length: 0"))
    assert empty.ended is ResponseEnd.CLEAN


def test_headers_are_told_by_name_in_lower_case() -> None:
    response = ResponseReader()
    response.feed(head("X-One:  a ", "x-one: b", "Content-Length: 0"))
    assert response.headers == {"x-one": "a, b", "content-length": "0"}


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (b"SSH-2.0-x\r\n\r\n", "does not answer in HTTP: SSH-2.0"),
        (b"HTTP/1.1 abc\r\n\r\n", "not answer in HTTP"),
        (head("Content-Length: ten"), "Content-Length 'ten'"),
        (head("Content-Length: +4"), r"Content-Length '\+4'"),
        (head("Content-Length: 4", "Content-Length: 5"), "Content-Length '4, 5'"),
        (head("Content-Length: 4", "Transfer-Encoding: chunked"), "a response has one of them"),
        (head("Transfer-Encoding: gzip, chunked"), "which was not asked for"),
        (head("Transfer-Encoding: xchunked"), "which was not asked for"),
        (head("Transfer-Encoding: chunked") + b"0x4\r\nabcd\r\n", "its size is"),
        (head("Transfer-Encoding: chunked") + b"1_0\r\n", "its size is"),
        (head("Transfer-Encoding: chunked") + b"-4\r\n", "its size is"),
        (head("Transfer-Encoding: chunked") + b" 4\r\n", "its size is"),
        (head("Transfer-Encoding: chunked") + b"4 \r\nabcd\r\n", "its size is"),
        (head("Content-Length: 2") + b"abcd", "after the end of it: cd"),
        (head("X One: a"), "an invalid header line"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "does not answer in HTTP"),
        (head("Transfer-Encoding: chunked") + b"data: x\r\n", "an invalid HTTP chunk"),
        (head("Transfer-Encoding: chunked") + b"2\r\nabcd", "longer than its size"),
        (head("Content-Encoding: br", "Content-Length: 4"), "Content-Encoding br"),
        (head("Content-Encoding: gzip", "Content-Length: 4") + b"abcd", "cannot be unpacked"),
    ],
)
def test_what_is_no_http_is_the_relays_failure(wire: bytes, said: str) -> None:
    with pytest.raises(ClientFailure, match=said):
        ResponseReader().feed(wire)


# -- over a socket -----------------------------------------------------------------------------------------------------


@contextmanager
def answering(wire: bytes) -> Iterator[str]:
    """A server that answers one connection with these bytes and closes it; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(wire)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        thread.join(20)
        listener.close()


def test_events_come_one_by_one_and_each_is_given_once(sse_server: SseServer) -> None:
    reply = sse_server.post("/relay").stream("one", "two", Comment(" alive"), "three", through=[hold(after=2)])
    with RelayClient(sse_server.url_for("/relay"), json={"q": "ü"}) as browser:
        assert [event.data for event in browser.read_events(1)] == ["one"]
        assert [event.data for event in browser.read_events(1)] == ["two"]
        assert (browser.status, browser.headers["content-type"]) == (200, "text/event-stream")
        assert not browser.ended
        reply.release()
        assert browser.read_all() == [Event(data="three")]
        assert browser.comments == [Comment(" alive")]
        assert [type(item) for item in browser.items] == [Event, Event, Comment, Event]
        assert browser.ended is ResponseEnd.CLEAN
    assert reply.call.exchange.request.json == {"q": "ü"}
    assert reply.call.finished


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize(("ending", "ended"), [("eof", "clean"), ("abort", "cut"), ("reset", "reset")])
def test_every_ending_is_told(sse_server: SseServer, framing: str, ending: str, ended: str) -> None:
    if (framing, ending) == ("close", "abort"):
        ended = "clean"  # a close-delimited body cannot be cut: that is why nobody should send one
    stream = Stream.of(b"data: one\n\n", b"data: two\n\n")
    sse_server.post("/relay").stream(stream, framing=framing, ending=ending)
    with RelayClient(sse_server.url_for("/relay")) as browser:
        browser.read_all()
        assert browser.ended == ended
        assert [event.data for event in browser.events] == ["one", "two"]


def test_byte_by_byte(sse_server: SseServer) -> None:
    sse_server.chat("Grüße", through=[per_byte(), comments(": keep")])
    with RelayClient(sse_server.url_for("/v1/chat/completions"), json=CHAT) as browser:
        *_, last = browser.read_all()
    assert last.data == "[DONE]"
    assert "Grü" in browser.text
    assert len(browser.comments) == len(browser.events)


def test_a_failure_says_how_many_came_and_what_came_last(sse_server: SseServer) -> None:
    sse_server.post("/relay").stream("one", "two", through=[hold(after=1)])
    with RelayClient(sse_server.url_for("/relay")) as browser:
        with pytest.raises(ClientFailure) as caught:
            browser.read_events(2, timeout=0.1)
        said = str(caught.value)
        assert said.startswith("1 of 2 events came within 0.1 s from http://")
        assert said.endswith(r"status 200, 11 bytes, 1 events; the response is open; last: data: one\n\n")
        # What came is not lost.
        assert [event.data for event in browser.read_events(1)] == ["one"]
        with pytest.raises(ClientFailure, match=r"'two' did not come within 0\.05 s"):
            browser.read_until("two", timeout=0.05)
        with pytest.raises(ClientFailure, match=r"the response does not end within 0\.05 s"):
            browser.read_all(timeout=0.05)
        browser.leave()


def test_a_response_that_ends_too_early_says_how() -> None:
    with answering(head("Transfer-Encoding: chunked") + chunked(b"data: one\n\n", last=b"")) as url:
        with RelayClient(url) as browser, pytest.raises(ClientFailure) as caught:
            browser.read_events(2)
        assert str(caught.value).startswith("1 of 2 events came before the response ended (cut)")


def test_a_head_that_never_comes_is_told() -> None:
    with answering(b"") as url, RelayClient(url) as browser, pytest.raises(ClientFailure, match="not even a response"):
        browser.read_head()


def test_what_is_known_of_the_head_is_given_without_waiting(sse_server: SseServer) -> None:
    reply = sse_server.post("/relay").stream("one", status=201, through=[hold(after=0)])
    with RelayClient(sse_server.url_for("/relay"), timeout=3600) as browser:
        assert (browser.status, dict(browser.headers), browser.begun) == (None, {}, False)
        assert browser.read_head() == 201
        assert (browser.status, browser.headers["content-type"]) == (201, "text/event-stream")
        reply.release()
        assert browser.read_all() == [Event(data="one")]


@pytest.mark.parametrize("how", list(How))
def test_leaving_is_seen_upstream_as_what_it_is(sse_server: SseServer, how: How) -> None:
    reply = sse_server.chat(tokens=50, through=[hold(after=3)])
    with RelayClient(sse_server.url_for("/v1/chat/completions"), json=CHAT) as browser:
        browser.read_events(3)
        with reply.expect_disconnect(within=20):
            browser.leave(how)
    assert reply.call.exchange.how in (how, *([How.FIN] if how is How.HALF_CLOSE else []))
    assert reply.call.wait_ended(20) is Outcome.CANCELLED


def test_a_browser_that_leaves_with_unread_bytes_still_sends_fin(sse_server: SseServer) -> None:
    reply = sse_server.chat(tokens=50, pacing="instant", through=[hold(after=20)])
    with RelayClient(sse_server.url_for("/v1/chat/completions"), json=CHAT) as browser:
        browser.read_events(1)
        eventually(lambda: reply.call.exchange.held_at is not None)  # all 20 lie in the browser's socket
        with reply.expect_disconnect(within=20):
            browser.leave()
    assert reply.call.exchange.how is How.FIN


def test_who_has_left_reads_nothing_more(sse_server: SseServer) -> None:
    sse_server.chat(tokens=50, through=[hold(after=3)])
    with RelayClient(sse_server.url_for("/v1/chat/completions"), json=CHAT) as browser:
        browser.read_events(1)
        browser.leave("rst")
        with pytest.raises(ScenarioError, match="the browser has left http://"):
            browser.read_events(9)
    with pytest.raises(ScenarioError, match="is used as `with"):
        RelayClient("http://127.0.0.1:1/").read_events()
    with pytest.raises(ScenarioError, match="how is one of fin, rst, half_close; not 'soon'"):
        browser.leave("soon")


def test_the_end_of_the_block_leaves(sse_server: SseServer) -> None:
    reply = sse_server.chat(tokens=50, through=[hold(after=3)])
    with reply.expect_disconnect(within=20), RelayClient(sse_server.url_for("/v1/chat/completions"), json=CHAT) as one:
        one.read_events(2)


def test_the_request_is_a_browser_s_and_can_be_changed(sse_server: SseServer) -> None:
    reply = sse_server.route("PUT", "/a b").respond(204)
    url = sse_server.url_for("/a b?q=1")
    headers = {"accept-encoding": "identity", "X-Mine": "1"}
    with RelayClient(url, method="put", body=b"raw", headers=headers) as browser:
        assert browser.read_head() == 204
        assert browser.ended is ResponseEnd.CLEAN
    request = reply.call.exchange.request
    assert (request.method, request.query, request.body) == ("PUT", "q=1", b"raw")
    assert [value for name, value in request.headers if name.lower() == "accept-encoding"] == ["identity"]
    assert request.header("x-mine") == "1"
    assert request.header("host") == f"127.0.0.1:{sse_server.port}"
    assert "event-stream" in str(request.header("accept"))


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("https://localhost/chat", {}, "plain HTTP"),
        ("localhost:8000/chat", {}, "plain HTTP"),
        ("http://localhost:99999/", {}, "99999"),
        ("http://localhost/", {"json": {}, "body": b""}, "one of them"),
        ("http://localhost/", {"headers": {"X": "a\r\nY: b"}}, "line end"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(url: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        RelayClient(url, **options)  # type: ignore[arg-type]


def test_where_nobody_listens_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(ScenarioError, match=r"cannot be reached: .*refused"), RelayClient(url):
            pass


# -- the fixture -------------------------------------------------------------------------------------------------------


def test_the_fixture_tells_what_the_browser_saw(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(
        """
        from orharness import hold

        def test_it(sse_server, sse_relay_client):
            reply = sse_server.chat("one two three", through=[hold(after=2)])
            url = sse_server.url_for("/v1/chat/completions")
            with sse_relay_client(url, json={"stream": True}) as browser:
                browser.read_events(2)
                with reply.expect_disconnect(within=20):
                    browser.leave()
            assert False, "the reason"
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*what sse_relay_client saw*", "http://127.0.0.1:*/v1/chat/completions: status 200, *, 2 events;*"]
    )
