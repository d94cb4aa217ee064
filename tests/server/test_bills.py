"""What the client's cancel costs, seen from outside: bills, failures, providers by request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import Interaction, RecordedRequest, save
from orharness.errors import ScenarioError
from orharness.providers import Provider
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.server.thread import ServerThread
from orharness.sse import Comment, Event, Retry, encode
from orharness.stream import Stream
from orharness.transforms import hold
from tests.support.bills import get, header, leave_after
from tests.support.raw import STREAM, Raw

LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


def test_with_a_supported_provider_the_bill_stops(server: SseServer) -> None:
    made, raw = leave_after(server, 4, provider="Anthropic")
    assert (made.tokens_made, made.tokens_written, made.tokens_read, made.tokens_billed) == (3, 3, 3, 3)
    assert made.cancelled
    assert header(raw, "X-Provider-Name") == "Anthropic"
    assert b'"provider":"Anthropic"' in raw.body
    assert b'"usage"' not in raw.body
    server.calls[0].assert_upstream_stopped()


def test_with_any_other_the_whole_answer_is_billed_and_the_test_says_why(server: SseServer) -> None:
    made, _ = leave_after(server, 4, provider="groq", price=0.00001)
    assert (made.tokens_made, made.tokens_read, made.tokens_billed) == (500, 3, 500)
    with pytest.raises(AssertionError) as raised:
        server.calls[0].assert_upstream_stopped()
    said = str(raised.value)
    assert "the client left, and the model went on: 497 tokens ($0.004970) are billed that were never sent" in said
    assert "500 tokens made by Groq, 3 written, 3 read; 500 billed: $0.0050" in said
    assert "Groq does not stop on cancel" in said
    server.calls[0].assert_upstream_stopped(leaked_tokens=497)


def test_a_provider_of_ones_own(server: SseServer) -> None:
    made, _ = leave_after(server, 4, provider=Provider("My GPU", stops_on_cancel=False))
    assert made.tokens_billed == 500


def test_a_model_that_runs_ahead_is_billed_for_what_it_made(server: SseServer) -> None:
    made, _ = leave_after(server, 4, pace=0.0)
    assert (made.tokens_read, made.tokens_billed) == (3, 500)
    server.calls[0].assert_upstream_stopped()  # it stopped when the client left: what it had made is not a leak


def test_an_unknown_provider_fails_where_it_is_written(server: SseServer) -> None:
    with pytest.raises(ScenarioError, match="the nearest is Groq"):
        server.chat("x", provider="Gorq")


def test_a_request_chooses_its_provider(server: SseServer) -> None:
    reply = server.chat("Hi", provider="OpenAI")
    with Raw(server) as raw:
        raw.post(body={**STREAM, "provider": {"order": ["aws-bedrock"]}})
        raw.read_until(LAST_CHUNK)
    assert header(raw, "X-Provider-Name") == "AWS Bedrock"
    assert b'"provider":"AWS Bedrock"' in raw.body
    assert reply.call.exchange.provider == "AWS Bedrock"


def test_a_request_for_a_provider_that_does_not_exist_is_the_clients_mistake(server: SseServer) -> None:
    server.chat("Hi")
    with Raw(server) as raw:
        raw.post(body={**STREAM, "provider": {"only": ["Antropic"]}}, headers="Connection: close\r\n")
        raw.read_all()
    assert raw.head.startswith("HTTP/1.1 404 ")
    assert "the nearest is Anthropic" in json.loads(raw.body)["error"]["message"]
    server.verify()


def test_an_answer_without_stream_is_billed_whole(server: SseServer) -> None:
    reply = server.chat(tokens=50, head=3600.0)
    with Raw(server) as raw:
        raw.post(body={"model": "m", "messages": []})
        reply.wait_call()
    reply.call.wait_ended(20)
    made = reply.call.bill
    assert made is not None
    assert (made.tokens_billed, made.cancelled) == (50, True)


def test_the_whole_answer_costs_what_its_usage_says(server: SseServer) -> None:
    reply = server.chat("Hi there", price=0.5)
    with Raw(server) as raw:
        raw.post(body={**STREAM, "usage": {"include": True}})
        raw.read_until(LAST_CHUNK)
    reply.call.wait_ended(20)
    made = reply.call.bill
    assert made is not None
    assert (made.tokens_made, made.tokens_read, made.tokens_billed, made.cancelled) == (2, 2, 2, False)
    assert made.cost == pytest.approx((made.tokens_prompt + 2) * 0.5)


def test_the_tokens_of_a_cassette_are_those_of_its_usage(server: SseServer, tmp_path: Path) -> None:
    pieces = [b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'] * 4
    usage = b'data: {"id":"gen-7","choices":[],"usage":{"prompt_tokens":30,"completion_tokens":12}}\n\n'
    request = RecordedRequest("POST", "https://host/v1/chat/completions", (), json.dumps(STREAM).encode())
    save(tmp_path / "c.yaml", [Interaction(request, stream=Stream.of(*pieces, usage, b"data: [DONE]\n\n"))])
    reply = server.cassette(tmp_path / "c.yaml", through=[hold(after=2)])
    with Raw(server) as raw:
        raw.post()
        while raw.received.count(b"data: ") < 2 or not raw.received.endswith(b"\n\n\r\n"):
            raw.read()
        with reply.expect_disconnect(within=20):
            raw.close()
    made = reply.call.bill
    assert made is not None
    assert (made.tokens_prompt, made.tokens_read, made.tokens_billed) == (30, 6, 6)


Pieces = tuple[Event | Comment | Retry | bytes, ...]
MESSAGES: Pieces = (
    Event("message_start", '{"type":"message_start","message":{"model":"m"}}'),
    Comment(" OPENROUTER PROCESSING"),
    *(Event("content_block_delta", '{"type":"content_block_delta","delta":{"text":"x"}}') for _ in range(7)),
    Comment(" OPENROUTER PROCESSING"),
    Event("message_stop", '{"type":"message_stop"}'),
)
RESPONSES: Pieces = (
    *(Event("response.output_text.delta", '{"type":"response.output_text.delta","delta":"x"}') for _ in range(7)),
    Event("response.completed", '{"type":"response.completed","response":{}}'),
    Event(data="[DONE]"),  # as OpenRouter ends this dialect
)
RAW: Pieces = (Retry(1000), *(Event(data=f"{number}") for number in range(7)), b"id: 7\n\n")
CHAT: Pieces = (
    *(Event(data='{"choices":[{"index":0,"delta":{"content":"x"}}]}') for _ in range(7)),
    Event(data="[DONE]"),
)


def _in_cassette(folder: Path, stream: Stream) -> Path:
    request = RecordedRequest("POST", "https://host/v1/any", (), json.dumps(STREAM).encode())
    save(folder / "c.yaml", [Interaction(request, stream=stream)])
    return folder / "c.yaml"


Answer = Callable[..., LiveRoute]


@pytest.fixture(params=["stream", "cassette of a route", "cassette of a server"])
def answer(request: pytest.FixtureRequest, server: SseServer, tmp_path: Path) -> Answer:
    """Sets up the pieces of a stream as the answer to ``POST /v1/any``, in each way that takes a model's options."""

    def set_up(pieces: Pieces, **options: Any) -> LiveRoute:
        route = server.post("/v1/any")
        if request.param == "stream":
            return route.stream(*pieces, **options)
        path = _in_cassette(tmp_path, Stream.of(*(one if isinstance(one, bytes) else encode(one) for one in pieces)))
        return (route if request.param == "cassette of a route" else server).cassette(path, **options)

    return set_up


def _a_token(pieces: Pieces) -> bytes:
    """What a client has read when it has a part of the answer: a message begins with an event that is none."""
    return b'"text":"x"' if pieces is MESSAGES else b"data: "


def _left(server: SseServer, reply: LiveRoute, reads: bytes) -> Call:
    """The call of a client that reads the bytes, and leaves."""
    with Raw(server) as raw:
        raw.post("/v1/any")
        while reads not in raw.received:
            raw.read()
        with reply.expect_disconnect(within=20):
            raw.close()
    return reply.call


@pytest.mark.parametrize("pieces", [MESSAGES, RESPONSES, RAW, CHAT], ids=["messages", "responses", "raw", "chat"])
def test_events_stand_for_tokens_that_cannot_be_counted(server: SseServer, answer: Answer, pieces: Pieces) -> None:
    call = _left(server, answer(pieces, provider="Groq", price=0.5, through=[hold(after=3)]), _a_token(pieces))
    made = call.bill
    assert made is not None
    assert (made.counted, made.tokens_made, made.tokens_billed, made.cost) == ("events", 7, 7, 3.5)
    assert 0 < made.tokens_written <= 3
    with pytest.raises(AssertionError) as raised:
        call.assert_upstream_stopped()
    said = str(raised.value)
    leaked = 7 - made.tokens_written
    price = f"{leaked} events (${leaked * 0.5:.6f}; events stand for tokens)"
    assert said.startswith(f"the client left, and the model went on: {price} are billed that were never sent\n")
    assert "events stand for tokens: the stream's tokens cannot be counted" in said
    assert "Groq does not stop on cancel" in said
    call.assert_upstream_stopped(leaked_tokens=leaked)


@pytest.mark.parametrize("pieces", [MESSAGES, RESPONSES, RAW, CHAT], ids=["messages", "responses", "raw", "chat"])
def test_with_a_supported_provider_no_more_events_are_billed(server: SseServer, answer: Answer, pieces: Pieces) -> None:
    call = _left(server, answer(pieces, provider="Anthropic", through=[hold(after=3)]), _a_token(pieces))
    made = call.bill
    assert made is not None
    assert (made.tokens_billed, made.counted, call.exchange.provider) == (made.tokens_written, "events", "Anthropic")
    call.assert_upstream_stopped()


def test_a_stream_that_was_read_whole_bills_each_event_but_the_end_marker(server: SseServer, answer: Answer) -> None:
    reply = answer(MESSAGES, pace=0.0)
    with Raw(server) as raw:
        raw.post("/v1/any")
        raw.read_until(LAST_CHUNK)
    reply.call.wait_ended(20)
    made = reply.call.bill
    assert made is not None
    assert (made.tokens_made, made.tokens_read, made.tokens_billed, made.cancelled) == (7, 7, 7, False)


def test_a_stream_of_comments_alone_cannot_prove_a_stop(server: SseServer, answer: Answer) -> None:
    call = _left(server, answer((Comment(" PROCESSING"),) * 2, through=[hold(after=0)]), b"\r\n\r\n")
    with pytest.raises(AssertionError, match=r"^cannot be known: the client left, but this reply has no model"):
        call.assert_upstream_stopped()


def test_a_plain_response_cannot_prove_a_stop(server: SseServer) -> None:
    reply = server.post("/v1/any").respond(200, json={"data": "x"}, head=3600.0)
    with Raw(server) as raw:
        raw.post("/v1/any")
        reply.wait_call()
        with reply.expect_disconnect(within=20):
            raw.close()
    with pytest.raises(AssertionError, match=r"^cannot be known: the client left, but this reply has no model"):
        reply.call.assert_upstream_stopped()


def test_an_unlisted_provider_of_a_stream_cannot_prove_a_stop(server: SseServer, answer: Answer) -> None:
    named = Event(data='{"provider":"google-vertex","choices":[{"index":0,"delta":{"content":"x"}}]}')
    call = _left(server, answer((named,) * 7, through=[hold(after=3)]), b"data: ")
    with pytest.raises(AssertionError, match=r"^cannot be known: .* whether google-vertex stops on cancel"):
        call.assert_upstream_stopped()


def test_the_provider_of_a_stream_can_be_ones_own(server: SseServer, answer: Answer) -> None:
    named = Event(data='{"provider":"google-vertex","choices":[{"index":0,"delta":{"content":"x"}}]}')
    mine = Provider("google-vertex", stops_on_cancel=True)
    call = _left(server, answer((named,) * 7, provider=mine, through=[hold(after=3)]), b"data: ")
    call.assert_upstream_stopped()


def test_an_unknown_provider_of_a_stream_fails_where_it_is_written(answer: Answer) -> None:
    for pieces in (RAW, (Comment("nothing"),)):
        with pytest.raises(ScenarioError, match="the nearest is Groq"):
            answer(pieces, provider="Gorq")


def test_the_generation_of_a_stream_says_that_events_were_counted(server: SseServer) -> None:
    reply = server.post("/v1/any").stream(*RAW, headers={"X-Generation-Id": "gen-raw"}, through=[hold(after=3)])
    _left(server, reply, b"data: ")
    _, document = get(server, "/v1/generation?id=gen-raw")
    assert document["data"]["counted"] == "events"


def test_the_journal_tells_the_bill(server: SseServer) -> None:
    leave_after(server, 4, provider="Groq")
    _, journal = get(server, "/_orharness/journal")
    assert set(journal["exchanges"][0]["bill"]) == {
        "tokens_prompt", "tokens_made", "tokens_written", "tokens_read", "tokens_billed", "cancelled", "cost",
        "counted",
    }  # fmt: skip
    assert journal["exchanges"][0]["bill"]["tokens_billed"] == 500
    assert journal["exchanges"][0]["bill"]["counted"] == "tokens"
