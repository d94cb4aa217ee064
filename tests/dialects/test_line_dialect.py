"""A second API works without a line changed anywhere else: replies, the way back, bills, cancels, and the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness import ClientFailure, Reply, SseServer, hold, per_byte
from orharness.contract import Client, Profile, cases_of, failure_of, run
from orharness.contract.catalogue.chunkings import EVERY_OFFSET
from orharness.dialects import DIALECTS, Asked
from orharness.dialects.answer import Answer
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER
from orharness.journal import Outcome, Request
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.line_dialect import (
    LINES,
    client_of,
    correct,
    lines_of_each_read,
    texts_of_what_is_cut_short,
    texts_to_the_end_of_the_body,
)

ENOUGH = 60.0
REFUSAL = "an answer is asked for with a JSON object"
ASKED = Request("POST", "/v1/lines", body=b'{"stream": true, "usage": true}')


@pytest.fixture(autouse=True, scope="module")
def known() -> Iterator[None]:
    with DIALECTS.registered(LINES):
        yield


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


# -- replies, and the way back -------------------------------------------------------------------------------------


def test_a_reply_is_written_in_its_frame() -> None:
    response = Reply.completion("lines", ["Grü", "ße"], usage=Usage(3, 2)).answer(ASKED)
    assert dict(response.headers)["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in response.stream.body.splitlines()] == [
        {"text": "Grü"},
        {"text": "ße"},
        {"done": True, "reason": "stop", "usage": {"input_tokens": 3, "output_tokens": 2}},
    ]
    assert response.stream.end_marker == len(response.stream.body)


def test_a_reply_of_events_is_in_the_frame_of_its_dialect() -> None:
    stream = Reply.stream('{"text":"a"}', '{"done":true}', dialect="lines").answer(ASKED).stream
    assert (stream.body, stream.end_marker) == (b'{"text":"a"}\n{"done":true}\n', 27)


def test_what_it_cannot_say_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError, match="the dialect lines cannot express reasoning="):
        Reply.completion("lines", "x", reasoning="because")


texts = st.text(min_size=1, max_size=5)
completions = st.builds(
    Completion,
    tokens=st.lists(texts, max_size=4).map(tuple),
    tool_calls=st.lists(st.builds(ToolCall, texts, texts, st.none() | texts), max_size=3).map(tuple),
    finish_reason=st.none() | st.sampled_from(["stop", "length"]),
    usage=st.none() | st.builds(Usage, st.integers(0, 99), st.integers(0, 99)),
    error=st.none() | st.builds(Failure, texts, st.integers(400, 599) | texts, st.just(0) | st.none()),
)


@given(completions, st.booleans())
def test_what_is_written_says_what_was_meant(completion: Completion, wants_usage: bool) -> None:
    stream = LINES.stream(completion, ONEROUTER, Asked(wants_usage=wants_usage))
    said, meant = LINES.fold(stream.frame.decode(stream.body)), Answer.of(completion)
    assert (said.choices, said.error, said.complete) == (meant.choices, meant.error, meant.complete)
    if completion.error is None:
        assert said.tokens_made == (completion.counted.completion_tokens if wants_usage else None)


@given(completions)
def test_the_writer_s_offsets_are_those_that_are_found_in_its_bytes(completion: Completion) -> None:
    stream = LINES.stream(completion, ONEROUTER, Asked())
    found = LINES.marked(stream)
    assert (found.end_marker, found.tokens) == (stream.end_marker, stream.tokens)


# -- a server, a bill, a cancel ------------------------------------------------------------------------------------


def post(server: SseServer, body: Any) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=ENOUGH)
    connection.request("POST", "/v1/lines", json.dumps(body))
    response = connection.getresponse()
    told = response.status, response.read()
    connection.close()
    return told


def test_an_answer_is_in_the_dialect_that_asks(sse_server: SseServer) -> None:
    route = sse_server.answer("Hello")
    assert post(sse_server, {"stream": True}) == (200, b'{"text":"Hello"}\n{"done":true,"reason":"stop"}\n')
    status, body = post(sse_server, {})
    assert (status, json.loads(body)["text"]) == (200, "Hello")
    assert len(route.calls) == 2


@pytest.mark.sse_server(strict=False)
def test_a_request_that_the_api_refuses_is_refused_in_its_own_shape(sse_server: SseServer) -> None:
    sse_server.answer("not this")
    status, body = post(sse_server, [])
    assert (status, json.loads(body)) == (400, {"error": {"code": 400, "message": REFUSAL}})


def test_it_is_billed_by_its_tokens(sse_server: SseServer) -> None:
    route = sse_server.answer(["a", "b", "c"])
    assert list(correct(sse_server.base_url)) == ["a", "b", "c"]
    assert route.call.finished
    bill = route.call.bill
    assert bill is not None
    assert (bill.tokens_prompt, bill.tokens_made, bill.tokens_billed) == (2, 3, 3)


def test_a_cancel_stops_its_provider(sse_server: SseServer) -> None:
    route = sse_server.answer(tokens=500, through=[hold(after=3)], provider="Anthropic")
    stream = correct(sse_server.base_url)
    next(stream)
    with route.expect_disconnect(within=ENOUGH):
        stream.close()  # type: ignore[attr-defined]
    route.call.assert_upstream_stopped()
    assert route.call.outcome is Outcome.CANCELLED


def test_a_provider_that_does_not_stop_bills_it_all(sse_server: SseServer) -> None:
    route = sse_server.answer(tokens=500, through=[hold(after=3)], provider="Groq")
    stream = correct(sse_server.base_url)
    next(stream)
    with route.expect_disconnect(within=ENOUGH):
        stream.close()  # type: ignore[attr-defined]
    with pytest.raises(ClientFailure, match=r"(?s)not sent  (49\d|500) events, .*Groq"):
        route.call.assert_upstream_stopped()
    bill = route.call.bill
    assert bill is not None
    assert bill.tokens_billed == 500


def test_a_client_reads_it_whatever_the_chunks(sse_server: SseServer) -> None:
    sse_server.answer("Grüße, 世界", through=[per_byte()])
    assert "".join(correct(sse_server.base_url)) == "Grüße, 世界"


# -- the contract --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_correct_client_holds_every_case_that_the_dialect_can_send(thread: ServerThread) -> None:
    verdicts = run(correct, dialect="lines", profile=Profile.WHATWG, thread=thread, patience=10.0)
    assert failure_of(verdicts) is None
    held = {one.family for one in verdicts if one.result is Result.PASS}
    assert held == {
        "framing",
        "boundaries",
        "done",
        "errors",
        "cancellation",
        "transport",
        "request",
        "delivery",
        "cost",
    }
    assert sum(one.result is Result.PASS for one in verdicts) > 70
    swept = {case.id for case in cases_of(LINES) if EVERY_OFFSET in case.chunkings}
    sweeps = [one for one in verdicts if one.case in swept and one.result is Result.PASS]
    assert {one.case for one in sweeps} >= {"boundaries/every-offset", "boundaries/every-offset-of-2k"}
    assert all(one.boundaries_proven == one.boundaries_tried > 100 for one in sweeps)


def test_what_its_frame_has_no_form_for_is_not_applicable_with_that_reason() -> None:
    because = {case.id: case.inapplicable for case in cases_of(LINES)}
    assert because["comments/between"] == "comments: NDJSON has no form for a comment"
    assert because["done/in-a-comment"] == "NDJSON has no form for a comment"
    assert because["framing/cr"] == "it is about an event stream, and lines sends NDJSON"
    assert because["done/clean-end"] is None
    assert not any(case.family == "chat" for case in cases_of(LINES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "only", "reason"),
    [
        (client_of(lines_of_each_read), "boundaries/byte-by-byte", "the JSON parser: it ends at its line end, not"),
        (client_of(texts=texts_to_the_end_of_the_body), "done/connection-left-open", "is not obeyed"),
        (client_of(texts=texts_of_what_is_cut_short), "errors/truncated-between-events", "the answer looks complete"),
    ],
)
def test_a_mutant_is_caught(thread: ServerThread, client: Client, only: str, reason: str) -> None:
    verdicts = run(client, dialect=LINES, only=only, thread=thread, patience=0.3)
    failure = failure_of(verdicts)
    assert failure is not None
    assert reason in str(failure)


@pytest.mark.slow
def test_the_end_is_named_as_the_dialect_writes_it(thread: ServerThread) -> None:
    [verdict] = run(
        client_of(texts=texts_to_the_end_of_the_body), dialect=LINES, only="done/connection-left-open", patience=0.3
    )
    assert verdict.title.startswith('`{"done":true,"reason":"stop"}`, and the connection stays open')
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith('{"done":true,"reason":"stop"} is not obeyed')


@pytest.mark.slow
def test_a_case_of_one_s_own_is_run_in_any_dialect(thread: ServerThread) -> None:
    document = {
        "id": "mine/two",
        "title": "Two answers in one.",
        "source": "https://example.org",
        "reply": {"events": [{"text": "a"}, {"text": "b"}, {"finish": "stop"}, {"end": True}]},
        "expect": {"text": "ab"},
        "chunkings": ["every-offset"],
    }
    [verdict] = run(correct, [document], dialect=LINES, thread=thread)
    assert verdict.result is Result.PASS
    assert verdict.boundaries_proven == verdict.boundaries_tried > 30
