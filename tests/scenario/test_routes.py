"""Replies computed from requests, routes that say why they do not match, and the choice between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import Interaction, RecordedRequest
from orharness.dialects import completion
from orharness.dialects.completion import MODEL, Failure, ToolCall, Usage
from orharness.errors import ScenarioError
from orharness.gateways import GATEWAYS, OPENAI, Gateway
from orharness.journal import Pacing, Request
from orharness.scenario import Reply, Response, Route, api_path
from orharness.scenario.checked import one_of
from orharness.scenario.difference import json_difference
from orharness.scenario.playback import interaction_routes, serving_routes
from orharness.scenario.response import error_response, json_response
from orharness.scenario.route import Turns, select, why_none
from orharness.sse import Comment, Event, Retry, decode, encode
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import append, comments, drop, hold, per_byte, repeat, split_at, truncate
from tests.support import chat_dialect as chat

DONE = encode("[DONE]")


def post(body: object = None, path: str = "/v1/chat/completions", **headers: str) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, tuple(headers.items()), data)


STREAMED = post({"model": "m", "stream": True})
WHOLE = post({"model": "m"})


def chunks_of(response: Response) -> list[dict[str, Any]]:
    """The JSON of each event but the end marker."""
    data = [item.data for item in decode(response.stream.body) if isinstance(item, Event)]
    return [json.loads(one) for one in data if one != "[DONE]"]


def document_of(response: Response) -> Any:
    return json.loads(response.stream.body)


def header(response: Response, name: str) -> str | None:
    return Request("", "", response.headers).header(name)


# -- Reply.chat ----------------------------------------------------------------------------------------------------


def test_a_chat_is_streamed_to_a_request_that_asks_for_it() -> None:
    response = Reply.chat("Grüße, 世界").answer(STREAMED)
    assert response.status == 200
    assert header(response, "content-type") == "text/event-stream"
    assert chat.fold(decode(response.stream.body)).text == "Grüße, 世界"
    assert response.stream.framing is Framing.CHUNKED
    assert response.stream.end_marker == len(response.stream.body)
    assert len(response.stream.chunks) == len(decode(response.stream.body))


@pytest.mark.parametrize("body", [{"model": "m"}, {"stream": False}, {"stream": "true"}, {"stream": 1}, [], None, b"{"])
def test_a_chat_is_one_document_to_any_other_request(body: object) -> None:
    response = Reply.chat("Grüße", through=[per_byte()]).answer(post(body))
    assert header(response, "content-type") == "application/json"
    assert document_of(response)["choices"][0]["message"]["content"] == "Grüße"
    assert response.stream.framing is Framing.LENGTH
    assert len(response.stream.chunks) == 1  # transforms are for streams


@pytest.mark.parametrize(
    ("request_", "options", "model"),
    [
        (STREAMED, {}, "m"),
        (WHOLE, {}, "m"),
        (STREAMED, {"model": "given"}, "given"),
        (WHOLE, {"model": "given"}, "given"),
        (post({"stream": True}), {}, MODEL),
        (post({"stream": True, "model": 7}), {}, MODEL),
    ],
)
def test_the_model_is_the_one_that_the_request_names_unless_one_is_given(
    request_: Request, options: dict[str, Any], model: str
) -> None:
    response = Reply.chat("x", **options).answer(request_)
    said = [document_of(response)] if request_ is WHOLE else chunks_of(response)
    assert {one["model"] for one in said} == {model}


@pytest.mark.parametrize(
    ("gateway", "asked", "counted"),
    [
        ("onerouter", {}, False),
        ("onerouter", {"usage": {"include": True}}, True),
        ("onerouter", {"stream_options": {"include_usage": True}}, False),
        ("openrouter", {}, True),
        ("openai", {}, False),
        ("openai", {"stream_options": {"include_usage": True}}, True),
        ("openai", {"usage": {"include": True}}, False),
    ],
)
def test_usage_comes_by_the_gateways_rule(gateway: str, asked: dict[str, Any], counted: bool) -> None:
    reply = Reply.chat("two words", usage=Usage(3, 2), gateway=gateway)
    said = [one["usage"] for one in chunks_of(reply.answer(post({"stream": True, **asked}))) if one.get("usage")]
    assert [one["total_tokens"] for one in said] == [5] * counted


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=str)
@pytest.mark.parametrize("options", [{}, {"id": "gen-given"}])
@pytest.mark.parametrize("request_", [STREAMED, WHOLE], ids=["streamed", "whole"])
def test_the_generation_header_is_the_id_in_the_answer(
    gateway: Gateway, options: dict[str, Any], request_: Request
) -> None:
    response = Reply.chat("x", gateway=gateway, **options).answer(request_)
    sent = chunks_of(response) if request_ is STREAMED else [document_of(response)]
    ids = {one["id"] for one in sent if one["choices"]}  # of no choice is what Azure says of the prompt
    assert len(ids) == 1
    assert header(response, "X-Generation-Id") == (ids.pop() if gateway.generation_header else None)


def test_a_chat_of_so_many_tokens() -> None:
    reply = Reply.chat(tokens=20)
    assert len(chunks_of(reply.answer(STREAMED))) == 1 + 20 + 1  # the role, the tokens, the finish
    assert chunks_of(Reply.chat(tokens=0).answer(STREAMED))


def test_a_chat_of_givenpieces_is_sent_in_these_pieces() -> None:
    said = chunks_of(Reply.chat(["a b", "c d e"]).answer(STREAMED))
    assert [one["choices"][0]["delta"].get("content") for one in said] == ["", "a b", "c d e", None]


def test_a_chat_takes_the_fields_of_a_completion() -> None:
    reply = Reply.chat("x", reasoning="why", tool_calls=(ToolCall("f"),), finish_reason="length")
    answer = chat.fold(decode(reply.answer(STREAMED).stream.body))
    assert (answer.reasoning, answer.finish_reason, answer.tool_calls[0].name) == ("why", "length", "f")


def test_delays_head_and_pacing_are_handed_on() -> None:
    response = Reply.chat("x", delay=0.5, head=2, pacing="recorded").answer(STREAMED)
    assert {chunk.delay for chunk in response.stream.chunks} == {0.5}
    assert (response.head, response.pacing) == (2.0, Pacing.RECORDED)
    whole = Reply.chat("x", delay=0.5, head=2, pacing="recorded").answer(WHOLE)
    assert (whole.head, whole.pacing, whole.stream.duration) == (2.0, Pacing.RECORDED, 0.0)


def test_a_reply_is_told_by_its_text_shortened() -> None:
    assert Reply.chat("short").name == "chat 'short'"
    assert Reply.chat("a long text that goes on and on").name == "chat 'a long text that goes o…'"


def impossible(**options: Any) -> Any:
    return pytest.param(options, id=next(iter(options)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "a text or tokens=, one of them"),
        ({"text": "x", "tokens": 1}, "a text or tokens=, one of them"),
        ({"tokens": -1}, "0 or more, not -1"),
        (
            {"text": "x", "tempo": 1},
            "chat knows no tempo=",
        ),
        ({"text": "x", "gateway": "onerooter"}, "did you mean 'onerouter'"),
        ({"text": "x", "delay": -1}, "delay is a number of seconds from 0 up, not -1"),
        ({"text": "x", "delay": float("nan")}, "delay is a number"),
        ({"text": "x", "delay": "a"}, "delay is a number of seconds from 0 up, not 'a'"),
        ({"text": "x", "pace": -1}, "pace is a number of seconds"),
        ({"text": "x", "head": float("inf")}, "head is a number"),
        ({"text": "x", "pacing": "slow"}, "pacing is one of recorded, lockstep, instant; not 'slow'"),
        ({"text": "x", "ending": "bang"}, "ending is one of eof, abort, reset, hang; not 'bang'"),
        ({"text": "x", "framing": "none"}, "framing is one of chunked, length, close; not 'none'"),
        ({"text": "x", "error": Failure(after=9)}, "an error after 9 pieces of an answer that has 1"),
        ({"text": "x", "through": [drop("no such event")]}, "drop: there is no event with the data 'no such event'"),
        ({"text": "x", "through": [split_at(10_000)]}, "split_at"),
        ({"text": "x", "through": [per_byte]}, "per_byte in through was not called"),
        ({"text": "x", "through": [hold(after=99)]}, "hold"),
    ],
)
def test_an_impossible_chat_fails_where_it_is_written(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        Reply.chat(**options)


# -- the end marker ------------------------------------------------------------------------------------------------


def ends(reply: Reply, request: Request = STREAMED) -> tuple[bytes | None, bytes]:
    """What stands before the end marker, its last bytes, and what stands after it."""
    stream = reply.answer(request).stream
    if stream.end_marker is None:
        return None, b""
    return stream.body[: stream.end_marker][-len(DONE) :], stream.body[stream.end_marker :]


@pytest.mark.parametrize(
    ("through", "found"),
    [
        ([], (DONE, b"")),
        ([per_byte()], (DONE, b"")),
        ([drop("[DONE]")], (None, b"")),
        ([repeat("[DONE]")], (DONE, DONE)),
        ([append("late")], (DONE, encode("late"))),
        ([comments(": x", every=2, before=9)], (DONE, b": x\n\n")),
        ([truncate(-1)], (None, b"")),
        ([truncate(-len(DONE)), append("[DONE]")], (DONE, b"")),
        ([lambda stream: Stream.of(DONE + stream.body)], (DONE, None)),  # moved to the front
    ],
)
def test_the_end_marker_is_where_the_transforms_left_it(through: list[Any], found: tuple[bytes | None, bytes]) -> None:
    marker, behind = ends(Reply.chat("x", through=through))
    assert marker == found[0]
    assert behind == found[1] or found[1] is None


@pytest.mark.parametrize("gateway", ["onerouter", "openrouter", "openai"])
def test_an_error_ends_a_stream_too(gateway: str) -> None:
    reply = Reply.chat("one two three", error=Failure(after=1), gateway=gateway)
    stream = reply.answer(STREAMED).stream
    assert stream.end_marker is not None
    last = decode(stream.body[: stream.end_marker])[-1]
    assert isinstance(last, Event)
    assert "Provider disconnected" in last.data  # also where [DONE] follows
    assert stream.body[stream.end_marker :] == (DONE if gateway == "openrouter" else b"")


def test_an_answer_that_speaks_of_the_marker_is_not_ended_by_it() -> None:
    said = Event(data='{"choices":[{"delta":{"content":"[DONE] response.completed message_stop"}}]}')
    assert Reply.stream(said, "[DONE]").answer(WHOLE).stream.end_marker == len(encode(said)) + len(DONE)


@pytest.mark.parametrize(
    ("end", "ends_it"),
    [
        (Event("response.completed", "{}"), True),
        (Event(data='{"type":"response.failed"}'), True),
        (Event("message_stop", '{"type":"message_stop"}'), True),
        (Event("error", '{"error":{"message":"no"}}'), True),
        (Event(data="[DONE] "), False),
        (Event(data='{"type":"message_delta"}'), False),
        (Comment("[DONE]"), False),
    ],
)
def test_the_end_marker_of_any_dialect(end: Event | Comment, ends_it: bool) -> None:
    before = encode("{}")
    stream = Reply.stream("{}", end).answer(WHOLE).stream
    assert stream.end_marker == (len(before + encode(end)) if ends_it else None)


# -- Reply.stream --------------------------------------------------------------------------------------------------


def test_a_stream_has_one_chunk_a_piece_of_each_kind() -> None:
    pieces = (Event("t", "x"), Comment(" c"), Retry(1.5), "text", b"raw", Chunk(b"own", 0.25))
    response = Reply.stream(*pieces, delay=1.0).answer(WHOLE)
    assert response.stream.chunks == (
        Chunk(b"event: t\ndata: x\n\n", 1.0),
        Chunk(b": c\n\n", 1.0),
        Chunk(b"retry: 1500\n\n", 1.0),
        Chunk(b"data: text\n\n", 1.0),
        Chunk(b"raw", 1.0),
        Chunk(b"own", 0.25),
    )
    assert Reply.stream(*pieces).name == "stream of 6 chunks"


def test_a_whole_stream_keeps_its_ending_and_framing() -> None:
    given = Stream.of(b"a", b"b", delay=1.0, ending=Ending.RESET)
    given = replace(given, framing=Framing.CLOSE)
    assert Reply.stream(given).answer(WHOLE).stream == given
    changed = Reply.stream(given, ending="hang", framing="length").answer(WHOLE).stream
    assert changed == replace(given, ending=Ending.HANG, framing=Framing.LENGTH)


def test_a_stream_of_nothing_is_an_empty_body() -> None:
    assert Reply.stream().answer(WHOLE).stream == Stream()


@pytest.mark.parametrize("piece", [7, None, [b"a"], Stream()])
def test_what_is_no_piece_of_a_stream(piece: Any) -> None:
    with pytest.raises(ScenarioError, match="a stream is made of events, comments, text, bytes and chunks"):
        Reply.stream(b"first", piece)


def test_a_streams_headers() -> None:
    def sent(**options: Any) -> tuple[tuple[str, str], ...]:
        return Reply.stream(b"x", **options).answer(WHOLE).headers

    assert sent() == (("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"))
    assert sent(headers={"content-TYPE": "a/b"}) == (
        ("Cache-Control", "no-cache"),
        ("content-TYPE", "a/b"),
    )
    assert sent(headers=[("a", "1"), ("a", "2")], default_headers=False) == (("a", "1"), ("a", "2"))
    assert Reply.stream(b"x", status=503).answer(WHOLE).status == 503


MAKERS: list[Callable[..., Reply]] = [partial(Reply.chat, "x"), partial(Reply.stream, b"x"), Reply.respond]
each_maker = pytest.mark.parametrize("make", MAKERS, ids=["chat", "stream", "respond"])


@each_maker
@pytest.mark.parametrize("broken", ["\r", "\n", "\0", "x\r\nSet-Cookie: y"])
def test_a_header_that_would_begin_another_is_refused(make: Callable[..., Reply], broken: str) -> None:
    for headers in ({"X": broken}, {broken: "x"}, [("X", broken)]):
        with pytest.raises(ScenarioError, match="has a line end or NUL in it"):
            make(headers=headers)


@each_maker
@pytest.mark.parametrize("wrong", [5, None, "X-A: b", b"X-A: b", True])
def test_what_is_no_collection_of_headers_is_refused_in_one_sentence(make: Callable[..., Reply], wrong: Any) -> None:
    with pytest.raises(ScenarioError) as refused:
        make(headers=wrong)
    takes = "a mapping of names to values, or pairs of a name and a value"
    assert str(refused.value) == f"headers= takes {takes}, not {wrong!r}"


@each_maker
@pytest.mark.parametrize("wrong", [5, "ab", ("a",), ("a", 1), ("a", "b", "c"), None])
def test_what_is_no_header_is_refused_in_one_sentence(make: Callable[..., Reply], wrong: Any) -> None:
    with pytest.raises(ScenarioError) as refused:
        make(headers=[("X-Good", "x"), wrong])
    assert str(refused.value) == f"a header is a name and a value, both text, not {wrong!r}"


@each_maker
def test_headers_that_are_computed_are_refused(make: Callable[..., Reply]) -> None:
    with pytest.raises(ScenarioError, match="content-length is computed from the body"):
        make(headers={"Content-Length": "5"})


@pytest.mark.parametrize("request_", [STREAMED, WHOLE], ids=["streamed", "whole"])
def test_a_chat_sends_headers_of_its_own(request_: Request) -> None:
    usual = Reply.chat("x").answer(request_).headers
    given = {"X-RateLimit-Remaining-Tokens": "9", "x-provider-name": "Mine"}
    sent = Reply.chat("x", headers=given).answer(request_).headers
    assert sent == (*(pair for pair in usual if pair[0] != "X-Provider-Name"), *given.items())


@pytest.mark.parametrize("request_", [STREAMED, WHOLE], ids=["streamed", "whole"])
def test_a_generation_has_the_id_that_a_header_gives_it(request_: Request) -> None:
    answer = Reply.chat("x", headers={"X-Generation-Id": "gen-mine"}).answer(request_)
    assert answer.generation is not None
    assert answer.generation.id == "gen-mine"
    assert [value for name, value in answer.headers if name.lower() == "x-generation-id"] == ["gen-mine"]


# -- Reply.respond and the others ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ({}, b"", "application/json"),
        ({"json": {"ü": [1, None]}}, '{"ü":[1,null]}'.encode(), "application/json"),
        ({"json": False}, b"false", "application/json"),
        ({"text": "ü"}, "ü".encode(), "text/plain; charset=utf-8"),
        ({"text": ""}, b"", "text/plain; charset=utf-8"),
        ({"body": b"\xff"}, b"\xff", "application/octet-stream"),
        ({"body": b"<p>", "headers": {"Content-Type": "text/html"}}, b"<p>", "text/html"),
    ],
)
def test_a_plain_response(options: dict[str, Any], body: bytes, kind: str) -> None:
    response = Reply.respond(418, head=1.5, **options).answer(WHOLE)
    assert (response.status, response.stream.body, response.head) == (418, body, 1.5)
    assert header(response, "Content-Type") == kind
    assert (response.stream.framing, response.pacing) == (Framing.LENGTH, Pacing.INSTANT)


def test_a_plain_response_has_one_body() -> None:
    with pytest.raises(ScenarioError, match="one of json=, text= and body="):
        Reply.respond(json={}, text="")
    assert Reply.respond(204).name == "status 204"


def test_documents_of_the_servers_own() -> None:
    assert document_of(json_response({"a": 1})) == {"a": 1}
    refused = error_response(OPENAI, 404, "no")
    assert refused.status == 404
    assert document_of(refused)["error"]["message"] == "no"


def test_one_of_takes_a_member_or_its_value() -> None:
    assert one_of(Ending, "eof", "ending") is one_of(Ending, Ending.EOF, "ending") is Ending.EOF


# -- routes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "behind"),
    [
        ("/v1/chat/completions", "/chat/completions"),
        ("/api/v1/chat/completions", "/chat/completions"),
        ("/chat/completions", "/chat/completions"),
        ("/v1", "/"),
        ("/v1/", "/"),
        ("/v1beta/models", "/models"),
        ("/v1beta1/projects/p/locations/l/x", "/projects/p/locations/l/x"),
        ("/v1alpha/models", "/v1alpha/models"),
        ("/api/v2/x", "/api/v2/x"),
        ("/v1/v1/x", "/v1/x"),
        ("/", "/"),
    ],
)
def test_what_stands_behind_the_api_prefix(path: str, behind: str) -> None:
    assert api_path(path) == behind


REPLY = Reply.respond()


def route(when: Any = None, method: str = "POST", path: str = "/chat/completions", **more: Any) -> Route:
    return Route(method, path, (REPLY,), when, **more)


ASKED = post(
    {
        "model": "a/b",
        "messages": [
            {"role": "system", "content": "be short"},
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "image_url"}, {"text": "ond"}]},
        ],
        "stream": True,
        "stop": ["a", "b"],
    },
    **{"X-Title": "mine"},
)


@pytest.mark.parametrize(
    ("when", "difference"),
    [
        ({}, []),
        ({"model": "a/b"}, []),
        ({"model": "c"}, ["model: expected 'c', got 'a/b'"]),
        ({"turn": 2}, []),
        ({"turn": 1}, ["turn: expected 1, got 2"]),
        ({"last_user": "second"}, []),
        ({"last_user": "first"}, ["last_user: expected 'first', got 'second'"]),
        ({"headers": {"x-title": "mine"}}, []),
        ({"headers": {"X-Title": "yours"}}, ["header X-Title: expected 'yours', got 'mine'"]),
        ({"headers": {"X-None": "x"}}, ["header X-None: expected 'x', got None"]),
        ({"json": {"stream": True}}, []),
        ({"json": {"messages": [{"role": "system"}, {}, {}, {"role": "user"}]}}, []),
        ({"json": {"stop": ["a"]}}, ["body.stop: expected ['a'], got ['a', 'b']"]),
        ({"json": {"stream": 1, "seed": 7}}, ["body.seed is missing", "body.stream: expected 1, got True"]),
        ({"model": "c", "turn": 1}, ["model: expected 'c', got 'a/b'", "turn: expected 1, got 2"]),
    ],
)
def test_the_difference_to_a_condition(when: dict[str, Any], difference: list[str]) -> None:
    assert route(when).difference(ASKED) == difference


OFFERED = [{"type": "function", "function": {"name": name}} for name in ("weather", "clock")]
CALLED = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather"}}]}
LOOP = {
    "tools": OFFERED,
    "messages": [{"role": "user"}, CALLED, {"role": "tool", "tool_call_id": "1", "content": "rain"}],
}


@pytest.mark.parametrize(
    ("when", "difference"),
    [
        ({"tools": True, "has_tool_result": True, "step": 1, "last_tool": "weather", "tool_result": "rain"}, []),
        ({"tools": "clock"}, []),
        ({"tools": {"contains": "clo"}}, []),
        ({"tools": False}, ["tools: expected False, got True"]),
        ({"tools": "news"}, ["tools: expected one that is 'news', got 'weather', 'clock'"]),
        ({"has_tool_result": False}, ["has_tool_result: expected False, got True"]),
        ({"step": 0}, ["step: expected 0, got 1"]),
        ({"last_tool": {"matches": "^cl"}}, ["last_tool: expected a text that matches '^cl', got 'weather'"]),
        ({"tool_result": {"contains": "sun"}}, ["tool_result: expected a text that contains 'sun', got 'rain'"]),
    ],
)
def test_the_difference_to_a_condition_on_the_conversation(when: dict[str, Any], difference: list[str]) -> None:
    assert route(when).difference(post(LOOP)) == difference


def test_a_conversation_without_tools_has_none_and_no_result() -> None:
    asked = post({"messages": [{"role": "user", "content": "hi"}]})
    assert route({"tools": False, "has_tool_result": False, "step": 0, "last_tool": None}).difference(asked) == []
    assert route({"tools": "a", "last_tool": "a"}).difference(asked) == [
        "tools: expected one that is 'a', got none",
        "last_tool: expected 'a', got None",
    ]


def test_the_turn_is_that_of_the_conversation_where_it_is_asked_for() -> None:
    asked = post(LOOP)
    by = route(by=Turns.CONVERSATION)
    assert (route().turn_of(asked, 7, {}), by.turn_of(asked, 7, {})) == (7, 1)
    goes_on = Request("POST", "/v1/responses", body=b'{"model": "m", "input": "x", "previous_response_id": "resp_1"}')
    assert (by.turn_of(goes_on, 7, {"resp_1": 2}), by.turn_of(goes_on, 7, {})) == (3, 0)


@pytest.mark.parametrize("body", [b"", b"{", None, [], 7, {"messages": 7}, {"messages": [7]}, {"messages": [{}]}])
def test_any_body_differs_from_a_condition_without_raising(body: Any) -> None:
    when = {"model": "m", "turn": 1, "last_user": "x", "json": {"a": 1}}
    assert len(route(when).difference(post(body))) == 4


def test_method_and_path_come_before_any_condition() -> None:
    asked = replace(ASKED, method="GET", path="/models")
    assert route({"model": "c"}).difference(asked) == [
        "method: expected POST, got GET",
        "path: expected /chat/completions, got /models",
    ]
    assert route(path="/api/v1/chat/completions").difference(ASKED) == []


def is_short(request: Request) -> bool:
    return len(request.body) < 10


def test_a_predicate() -> None:
    assert route(is_short).difference(post({})) == []
    assert route(is_short).difference(ASKED) == ["the condition is_short said no"]


def test_a_predicate_that_raises_is_not_a_request_that_does_not_match() -> None:
    with pytest.raises(KeyError):
        route(lambda request: request.json["no"]).difference(ASKED)
    with pytest.raises(KeyError):
        select([(route(lambda request: request.json["no"]), 0), (route(), 0)], ASKED)


def test_a_route_is_told_by_its_condition() -> None:
    assert route().name == "POST /chat/completions"
    assert route({"model": "m", "turn": 2}).name == "POST /chat/completions when model='m', turn=2"
    assert route(is_short).name == "POST /chat/completions when is_short"


def test_what_chat_takes_is_listed_once_each() -> None:
    with pytest.raises(ScenarioError) as raised:
        Reply.chat("x", tempo=1)  # type: ignore[call-arg]
    names = re.findall(r"(\w+)=", str(raised.value).partition("it takes")[2])
    assert "provider" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("status", ["abc", 99_999, 99, None, 200.0])
def test_an_impossible_status_fails_where_it_is_written(status: Any) -> None:
    for make in (Reply.respond, lambda given: Reply.stream("x", status=given)):
        with pytest.raises(ScenarioError, match=r"^status is a number of three digits such as 200 or 429, not "):
            make(status)


@pytest.mark.parametrize(("name", "given"), [("text", b"x"), ("body", "x")])
def test_a_body_of_the_wrong_kind_fails_where_it_is_written(name: str, given: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^respond takes a str as text= and bytes as body=, not b?'x'"):
        Reply.respond(**{name: given})


def test_a_header_that_is_no_text_is_refused() -> None:
    headers: Any = {"Retry-After": 7}
    with pytest.raises(ScenarioError, match=r"a header is a name and a value, both text, not \('Retry-After', 7\)"):
        Reply.respond(429, headers=headers)


@pytest.mark.parametrize("when", [5, "model", ["model"]])
def test_a_condition_that_is_none_says_what_one_is(when: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^when= is a mapping of model, .*, or a function of the request; not "):
        route(when)


def test_an_impossible_route() -> None:
    with pytest.raises(ScenarioError, match="a path is a text that begins with a slash, not 'chat'"):
        route(path="chat")
    with pytest.raises(
        ScenarioError, match=r"when= knows model, turn, last_user, .*, headers, json, not 'modle', 'x';"
    ):
        route({"x": 1, "modle": "m"})


def test_replies_come_in_turn_and_the_last_repeats() -> None:
    replies = tuple(Reply.respond(status) for status in (500, 429, 200))
    given = [Route("GET", "/", replies).reply_to(WHOLE, turn) for turn in range(5)]
    assert given == [(replies[at], None) for at in (0, 1, 2, 2, 2)]


# -- select --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "chosen"),
    [([0, 0, 0], 1), ([0, 1, 0], 2), ([0, 1, 1], 2), ([0, 5, 1], 2), ([5, 0, 3], 1)],
)
def test_a_condition_goes_first_and_among_equals_the_one_not_asked_yet(calls: list[int], chosen: int) -> None:
    routes = [route(), route({"model": "a/b"}), route({"turn": 2})]
    assert select(list(zip(routes, calls, strict=True)), ASKED) == chosen


def test_two_replies_to_the_same_request_come_in_the_order_in_which_they_were_written() -> None:
    assert [select([(route(), one), (route(), two)], ASKED) for one, two in ((0, 0), (1, 0), (1, 1), (1, 7))] == [
        *(0, 1, 1, 1)
    ]


def test_a_condition_that_does_not_fit_leaves_the_request_to_the_others() -> None:
    assert select([(route({"model": "c"}), 0), (route(), 3)], ASKED) == 1


def test_a_route_with_a_number_of_times_is_used_up() -> None:
    once, always = route({"turn": 2}, times=1), route()
    assert select([(once, 0), (always, 0)], ASKED) == 0
    assert select([(once, 1), (always, 0)], ASKED) == 1
    assert select([(once, 1)], ASKED) is None
    assert why_none([(once, 1)], ASKED) == (
        "no route answers POST /v1/chat/completions; the nearest:\n"
        "  POST /chat/completions when turn=2\n"
        "    it has answered 1 of 1 requests already"
    )


def test_the_id_of_an_answer_is_made_once_and_not_once_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    digest = completion.digest

    def counted(*parts: object) -> str:
        made.append(parts)
        return digest(*parts)

    monkeypatch.setattr(completion, "digest", counted)
    Reply.chat(tokens=200).answer(STREAMED)
    assert len(made) <= 3


def test_the_nearest_routes_come_first_three_of_them() -> None:
    routes = [
        route(method="GET", path="/x"),
        route({"model": "c"}),
        route({"model": "c", "turn": 3}),
        route(path="/embeddings"),
    ]
    assert why_none([(one, 0) for one in routes], ASKED) == (
        "no route answers POST /v1/chat/completions; the nearest:\n"
        "  POST /chat/completions when model='c'\n"
        "    model: expected 'c', got 'a/b'\n"
        "  POST /embeddings\n"
        "    path: expected /v1/embeddings, got /v1/chat/completions\n"
        "  GET /x\n"
        "    method: expected GET, got POST\n"
        "    path: expected /v1/x, got /v1/chat/completions"
    )


def test_where_there_are_no_routes_that_is_said() -> None:
    assert why_none([], ASKED) == "no route answers POST /v1/chat/completions: no reply is set up"


# -- json_difference -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        (1, 1, []),
        (1, 1.0, []),
        (1, True, ["body: expected 1, got True"]),
        (False, 0, ["body: expected False, got 0"]),
        (True, True, []),
        (None, None, []),
        (None, 0, ["body: expected None, got 0"]),
        ({}, [], ["body: expected {}, got []"]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["body.a.b: expected 1, got 2"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["body.a[1].b: expected 2, got 3"]),
        ([1, 2], [2, 1], ["body[0]: expected 1, got 2", "body[1]: expected 2, got 1"]),
        ([1], [1, 2], ["body: expected [1], got [1, 2]"]),
        ([[]], [[True]], ["body[0]: expected [], got [True]"]),
        ([1], [True], ["body[0]: expected 1, got True"]),
        ({"a": 1}, {"b": 1}, ["body.a is missing", "body.b was not expected: 1"]),
        ({"a": None}, {}, ["body.a is missing"]),
    ],
)
def test_where_two_json_values_differ(expected: object, got: object, difference: list[str]) -> None:
    assert json_difference(expected, got) == difference


def test_partial_passes_over_what_is_more_at_any_depth() -> None:
    assert json_difference({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3}, partial=True) == []
    assert json_difference({"a": [{"b": 1}]}, {"a": [{"c": 2}]}, partial=True) == ["body.a[0].b is missing"]


def test_long_values_are_shortened() -> None:
    assert json_difference("x" * 100, "y")[0] == f"body: expected '{'x' * 58}…, got 'y'"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_no_difference_means_equal_and_the_other_way_round(one: object, other: object) -> None:
    assert json_difference(one, one) == []
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (json_difference(one, other) == []) is same
    assert (json_difference(other, one) == []) is same


# -- what was recorded ---------------------------------------------------------------------------------------------


CHAT = "https://x/api/v1/chat/completions"


def recorded(body: object, said: str, uri: str = CHAT, method: str = "POST") -> Interaction:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("Content-Type", "text/event-stream"), ("Date", "then"), ("X-Generation-Id", "gen-1"))
    request, stream = RecordedRequest(method, uri, body=data), Stream.of(encode(said))
    return Interaction(request, headers=headers, stream=stream, head=0.5)


TALK = [recorded({"n": 1}, "one"), recorded({"n": 2}, "two"), recorded({"n": 1}, "three")]


def said_by(reply: Reply) -> str:
    [item] = decode(reply.answer(WHOLE).stream.body)
    assert isinstance(item, Event)
    return item.data


def played(routes: list[Route], *requests: Request) -> list[str | None]:
    """What each of the requests is answered, as the server goes about it."""
    calls, answers = [0] * len(routes), []
    for request in requests:
        chosen = select(list(zip(routes, calls, strict=True)), request)
        answers.append(None if chosen is None else said_by(routes[chosen].reply_to(request, calls[chosen])[0]))
        if chosen is not None:
            calls[chosen] += 1
    return answers


def test_an_interaction_plays_once_to_the_request_that_it_was_recorded_with() -> None:
    routes = interaction_routes(TALK)
    one, two = post(b'{ "n": 1 }'), post({"n": 2})
    assert played(routes, two, one, one, one, two) == ["two", "one", "three", None, None]
    assert {one.times for one in routes} == {1}
    assert routes[0].name == "POST /chat/completions when the body is the recorded one"


def test_the_difference_to_a_recorded_body_is_told() -> None:
    [first, *_] = interaction_routes(TALK)
    assert first.difference(post({"n": 3, "seed": 1})) == ["body.seed was not expected: 1", "body.n: expected 1, got 3"]
    assert first.difference(post(b"n=1")) == ["body: expected '{\"n\": 1}', got 'n=1'"]
    [raw] = interaction_routes([recorded(b"n=1", "x")])
    assert raw.difference(post(b"n=1")) == []
    assert raw.difference(post(b"n=2")) == ["body: expected 'n=1', got 'n=2'"]


def serve(*talk: Interaction) -> Route:
    [only] = serving_routes(talk)
    return only


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([9, 9, 9, 9], ["one", "two", "three", "three"]),  # none is equal: in recorded order, the last repeats
        ([2, 2], ["two", "two"]),
        ([1, 1, 1], ["one", "three", "three"]),
    ],
)
def test_serving_takes_an_equal_body_first_and_else_the_recorded_order(asked: list[int], said: list[str]) -> None:
    assert played([serve(*TALK)], *(post({"n": n}) for n in asked)) == said


def test_serving_gives_the_answers_of_one_body_in_order_whatever_is_asked_between() -> None:
    asked = (post({"n": n}) for n in (2, 1, 2, 1))
    assert played([serve(*TALK)], *asked) == ["two", "one", "two", "three"]


def test_serving_replays_the_session_that_was_recorded() -> None:
    talk = [recorded({"n": 1}, "one"), recorded({"n": 2}, "two"), recorded({"n": 2}, "again")]
    assert played([serve(*talk)], *(post({"n": n}) for n in (1, 2, 2))) == ["one", "two", "again"]


def test_serving_gives_an_unknown_request_the_next_answer_that_nobody_got() -> None:
    assert played([serve(*TALK)], *(post({"n": n}) for n in (2, 9, 9))) == ["two", "one", "three"]


def test_serving_tells_how_a_request_differs_from_what_it_is_answered_with() -> None:
    only = serve(*TALK)
    assert only.reply_to(post({"n": 2}), 0)[1] is None
    assert only.reply_to(post({"n": 9, "m": 1}), 1)[1] == "body.m was not expected: 1; body.n: expected 1, got 9"


def test_serving_makes_one_route_of_each_method_and_path() -> None:
    talk = [*TALK, recorded({}, "list", "https://x/v1/models?limit=1", "GET"), recorded({}, "root", "https://x")]
    routes = {(one.method, one.path): len(one.replies) for one in serving_routes(talk)}
    assert routes == {("POST", "/chat/completions"): 3, ("GET", "/models"): 1, ("POST", "/"): 1}


def test_a_recorded_reply_keeps_what_was_recorded_and_leaves_what_belonged_to_the_connection() -> None:
    response = serve(*TALK).replies[0].answer(WHOLE)
    assert response.headers == (("Content-Type", "text/event-stream"), ("X-Generation-Id", "gen-1"))
    assert (response.head, response.pacing) == (0.5, None)
    [changed] = interaction_routes(TALK[:1], through=[per_byte()], pacing="instant")
    response = changed.replies[0].answer(WHOLE)
    assert (len(response.stream.chunks), response.pacing) == (len(encode("one")), Pacing.INSTANT)
