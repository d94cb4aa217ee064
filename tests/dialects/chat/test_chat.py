"""The chat dialect: an answer to events and back, errors, requests, and what real services sent."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.dialects import DIALECTS
from orharness.dialects.answer import ReportedError
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.errors import ScenarioError
from orharness.gateways import (
    ANTHROPIC,
    AZURE,
    DEEPSEEK,
    GATEWAYS,
    GOOGLE,
    GROQ,
    LLAMA_CPP,
    ONEROUTER,
    OPENAI,
    OPENROUTER,
    VLLM,
    ErrorShape,
    Gateway,
)
from orharness.sse import Comment, Event, decode, encode
from orharness.stream import Ending, Stream
from tests.support import chat_dialect as chat
from tests.support.sdks import openai

texts = st.text(st.characters(codec="utf-8"), max_size=60)
pieces = st.lists(texts, max_size=8).map(tuple)
gateways = st.sampled_from(list(GATEWAYS.values()))
calls = st.builds(ToolCall, st.text("abc_", min_size=1), texts, st.none() | st.just("call_1"))
completions = st.builds(
    Completion,
    tokens=pieces,
    reasoning=texts,
    tool_calls=st.lists(calls, max_size=3).map(tuple),
    refusal=texts,
    finish_reason=st.none() | st.sampled_from(["stop", "length", "content_filter"]),
    native_finish_reason=st.none() | st.just("STOP"),
    usage=st.none() | st.builds(Usage, st.integers(0, 99), st.integers(0, 99)),
    others=st.lists(pieces, max_size=2).map(tuple),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def parsed(events: list[Event]) -> list[Any]:
    """The JSON of all events but the end marker."""
    return [json.loads(event.data) for event in events if event.data != "[DONE]"]


# An answer to events, and back


@pytest.mark.slow
@given(completions, gateways, st.booleans())
def test_what_is_streamed_is_read_back(completion: Completion, gateway: Gateway, include_usage: bool) -> None:
    body = encode(*chat.events(completion, gateway, include_usage))
    answer = chat.fold(decode(body))
    assert answer.problems == ()
    assert answer.complete
    assert answer.error is None
    assert answer.texts == {index: "".join(each) for index, each in enumerate((completion.tokens, *completion.others))}
    assert answer.text == completion.text
    assert (answer.reasoning, answer.refusal) == (completion.reasoning, completion.refusal)
    assert [(each.name, each.arguments) for each in answer.tool_calls] == [
        (each.name, each.arguments) for each in completion.tool_calls
    ]
    assert answer.finish_reason == completion.finish_reason or completion.finish_reason is None
    assert (answer.id, answer.model) == (completion.id_at(gateway), completion.model_sent)
    assert answer.provider == (completion.provider if gateway.names_provider else None)
    assert (answer.usage is not None) == (include_usage or gateway is OPENROUTER)


@given(completions, gateways)
def test_the_document_says_the_same_as_the_stream(completion: Completion, gateway: Gateway) -> None:
    document = json.loads(json.dumps(chat.document(completion, gateway)))
    answer = chat.fold(chat.events(completion, gateway, include_usage=True))
    first = document["choices"][0]
    assert document["object"] == "chat.completion"
    assert [choice["message"]["content"] or "" for choice in document["choices"]] == list(answer.texts.values())
    assert first["finish_reason"] == answer.finish_reason
    assert (first["message"]["refusal"] or "") == answer.refusal
    calls = [(call["id"], call["function"]) for call in first["message"].get("tool_calls", [])]
    assert calls == [(call.id, {"name": call.name, "arguments": call.arguments}) for call in answer.tool_calls]
    assert (document["usage"], document["id"]) == (answer.usage, answer.id)
    field = gateway.reasoning_fields[0]
    assert first["message"].get(field, "") == answer.reasoning


def test_the_role_comes_first_then_the_tokens_the_finish_and_the_end() -> None:
    events = chat.events(Completion(("Gr", "üße")))
    chunks = parsed(events)
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "Gr"},
        {"content": "üße"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert events[-1] == Event(data="[DONE]")


def test_json_is_compact_and_keeps_its_characters() -> None:
    data = chat.events(Completion(("世界\u2028\n\0",)))[1].data
    assert '"delta":{"content":"世界\u2028\\n\\u0000"}' in data


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS.keys())
def test_the_same_answer_has_the_same_id_in_the_gateways_form(gateway: Gateway) -> None:
    first, again, other = (Completion.of(text).id_at(gateway) for text in ("one", "one", "two"))
    assert first == again != other
    of_their_own = {ONEROUTER: "gen-", OPENROUTER: "gen-", ANTHROPIC: "msg_", DEEPSEEK: ""}
    assert first.startswith(of_their_own.get(gateway, "chatcmpl-"))
    assert Completion(id="mine").id_at(gateway) == "mine"


def test_the_usage_stands_where_each_gateway_has_it() -> None:
    answer = Completion(("a", "b"), usage=Usage(7, 2, cost=0.5))
    assert "usage" not in parsed(chat.events(answer, ONEROUTER))[-1]
    one = parsed(chat.events(answer, ONEROUTER, include_usage=True))[-1]
    assert (one["choices"], one["usage"]["total_tokens"], one["usage"]["cost"]) == ([], 9, 0.5)
    open_router = parsed(chat.events(answer, OPENROUTER))[-1]
    assert (len(open_router["choices"]), open_router["usage"]["prompt_tokens"]) == (1, 7)
    *before, last = parsed(chat.events(answer, OPENAI, include_usage=True))
    assert (last["choices"], last["usage"]["completion_tokens"], "cost" in last["usage"]) == ([], 2, False)
    assert all(chunk["usage"] is None for chunk in before)
    *before, last = parsed(chat.events(answer, DEEPSEEK, include_usage=True))
    assert (last["choices"][0]["finish_reason"], last["usage"]["completion_tokens"]) == ("stop", 2)
    assert all(chunk["usage"] is None for chunk in before)


def test_vllm_has_the_reasoning_in_the_field_of_its_source() -> None:
    chunks = parsed(chat.events(Completion.of("a", reasoning="Hm"), VLLM))
    assert [one["choices"][0]["delta"] for one in chunks if "role" not in one["choices"][0]["delta"]] == [
        {"reasoning": "Hm"},
        {"content": "a"},
        {},
    ]


def test_azure_says_first_what_its_filter_said_of_the_prompt() -> None:
    first, *rest = parsed(chat.events(Completion(("a",)), AZURE))
    assert (first["choices"], first["id"], first["model"]) == ([], "", "")
    assert rest == parsed(chat.events(Completion(("a",)), OPENAI))


def test_an_empty_token_is_a_chunk_of_its_own() -> None:
    contents = [
        chunk["choices"][0]["delta"].get("content") for chunk in parsed(chat.events(Completion(("a", "", "b"))))
    ]
    assert contents == ["", "a", "", "b", None]


def test_a_document_without_text_has_null_content_where_something_else_was_said() -> None:
    answers = (Completion(), Completion(refusal="no"), Completion(tool_calls=(ToolCall("f"),)))
    contents = [chat.document(each)["choices"][0]["message"]["content"] for each in answers]
    assert contents == ["", None, None]


def test_without_a_usage_of_its_own_each_piece_is_a_token() -> None:
    counted = Completion(("a", "b"), reasoning="x y", others=(("c",),)).counted
    assert (counted.completion_tokens, counted.reasoning_tokens) == (5, 2)


def test_tool_calls_are_streamed_as_fragments_and_finish_the_answer() -> None:
    completion = Completion(tool_calls=(ToolCall("f", '{"city":"Zürich"}'), ToolCall("g", "{}", id="call_g")))
    fragments = [
        call
        for chunk in parsed(chat.events(completion, OPENAI))
        for call in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    heads = [call for call in fragments if "id" in call]
    assert [(call["index"], call["function"]) for call in heads] == [
        (0, {"name": "f", "arguments": ""}),
        (1, {"name": "g", "arguments": ""}),
    ]
    assert heads[0]["id"].startswith("call_")
    assert heads[1]["id"] == "call_g"
    assert len(fragments) > 5
    assert chat.fold(chat.events(completion)).finish_reason == "tool_calls"


def test_the_native_finish_reason_is_the_providers_own() -> None:
    answer = chat.fold(chat.events(Completion(("a",), finish_reason="length", native_finish_reason="MAX_TOKENS")))
    assert (answer.finish_reason, answer.native_finish_reason) == ("length", "MAX_TOKENS")
    assert chat.fold(chat.events(Completion(("a",)), OPENAI)).native_finish_reason is None


def test_content_may_be_a_text_a_number_of_tokens_or_the_pieces() -> None:
    assert Completion.of("Hallo Welt").tokens == ("Hallo", " Welt")
    assert len(Completion.of(500).tokens) == 500
    assert Completion.of(["a", "", "b"], model="m") == Completion(("a", "", "b"), model="m")


@given(st.text())
def test_tokens_are_the_text_again_and_cut_inside_long_words(text: str) -> None:
    tokens = chat.tokens_of(text)
    assert "".join(tokens) == text
    assert all(0 < len(token.strip("\n")) <= 8 or not token.strip("\n") for token in tokens)


def test_sample_tokens_are_always_the_same_and_never_dull() -> None:
    tokens = chat.sample_tokens(500)
    assert len(tokens) == 500
    assert tokens == chat.sample_tokens(600)[:500]
    text = "".join(tokens)
    assert all(each in text for each in ("世", "🙂", "ü", "\n", '"', "\\", "[DONE]"))
    assert text.count("Zürich") > 1
    assert len(set(text.splitlines())) == len(text.splitlines()), "each sentence has a number of its own"
    assert chat.sample_tokens(0) == []
    with pytest.raises(ScenarioError, match="not -1"):
        chat.sample_tokens(-1)


# Streams and their end marker


def test_a_stream_has_one_chunk_an_event_and_knows_its_end() -> None:
    stream = chat.stream(Completion(("a", "b")), delay=0.25)
    assert [chunk.delay for chunk in stream.chunks] == [0.25] * 5
    assert [encode(event) for event in chat.events(Completion(("a", "b")))] == [chunk.data for chunk in stream.chunks]
    assert stream.end_marker == len(stream.body)


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_the_end_marker_is_behind_the_first_one_wherever_it_stands(newline: str) -> None:
    head = encode(Comment(" hi"), '{"choices":[]}', "[DONE]", newline=newline)
    stream = chat.mark_end(Stream.of(head, encode("[DONE]", Comment(" bye")), ending=Ending.HANG))
    assert stream.end_marker == len(head)
    assert stream.ending is Ending.HANG


@pytest.mark.parametrize(
    "body",
    [
        b"data: [DONE]\n",
        b"data: [DONE]xyz\n\n",
        b": [DONE]\n\n",
        b'data: {"content":"[DONE]"}\n\n',
        b"id: [DONE]\n\n",
        b"",
    ],
)
def test_what_only_looks_like_the_end_marker_is_none(body: bytes) -> None:
    assert chat.mark_end(replace(Stream.of(body), end_marker=3)).end_marker is None


# Errors


def test_an_error_comes_after_so_many_pieces_in_the_gateways_shape() -> None:
    completion = Completion(("a", "b", "c"), error=Failure("Gone", 503, after=2))
    documented = chat.events(completion)
    assert parsed(documented)[-1]["error"] == {"code": 503, "message": "Gone"}
    assert parsed(documented)[-1]["choices"][0]["finish_reason"] == "error"
    answer = chat.fold(documented)
    assert (answer.text, answer.error, answer.complete) == ("ab", ReportedError(503, "Gone"), False)


def test_the_error_openrouter_was_recorded_to_send_is_followed_by_done() -> None:
    completion = Completion(("a", "b", "c"), error=Failure("Gone", after=2))
    *_, last, end = chat.events(completion, OPENROUTER)
    chunk = json.loads(last.data)
    assert chunk["choices"][0]["finish_reason"] is None
    assert (chunk["error"]["code"], chunk["usage"]["completion_tokens"]) == (502, 2)
    assert chat.is_end(end)
    answer = chat.fold([last, end])
    assert (answer.complete, answer.error, answer.finish_reason) == (True, ReportedError(502, "Gone"), None)


def test_the_named_error_event_ends_the_stream() -> None:
    *_, last = chat.events(Completion(("a",), error=Failure("Bad", 400, shape=ErrorShape.NAMED_EVENT)))
    assert last.type == "error"
    assert json.loads(last.data)["error"] | {"type": ""} == {
        "message": "Bad",
        "code": 400,
        "status_code": 400,
        "type": "",
    }


@pytest.mark.parametrize("shape", ErrorShape)
@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS.keys())
def test_an_error_of_any_shape_is_read_back(shape: ErrorShape, gateway: Gateway) -> None:
    failure = Failure("Nöö", "server_error", shape=shape)
    alone = chat.error_events(failure, gateway)
    whole = chat.events(Completion(("a", "b"), error=failure), gateway)
    assert chat.fold(alone).error == chat.fold(whole).error == ReportedError("server_error", "Nöö")
    assert chat.fold(whole).text == "ab"
    assert chat.fold(whole).complete == (shape in (ErrorShape.RECORDED, ErrorShape.BARE_DONE))
    assert chat.is_terminal(alone[0])
    assert not chat.is_end(alone[0])
    assert [event.data for event in whole[len(whole) - len(alone) + 1 :]] == [event.data for event in alone[1:]]


@pytest.mark.parametrize("after", [-1, 3])
def test_an_error_behind_more_pieces_than_there_are_is_impossible(after: int) -> None:
    with pytest.raises(ScenarioError, match=f"after {after} pieces of an answer that has 2"):
        Completion(("a", "b"), error=Failure(after=after))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('{"error":"overloaded"}', ReportedError(None, "overloaded")),
        ('{"object":"error","message":"too long","code":400}', ReportedError(400, "too long")),
        ('{"choices":[{"index":0,"error":{"code":429,"message":"slow"}}]}', ReportedError(429, "slow")),
        ('{"error":{"code":[1]}}', ReportedError(None, '{"error":{"code":[1]}}')),
        ('{"error":null}', None),
        ('{"error":{}}', None),
        ("[]", None),
        ("error", None),
    ],
)
def test_errors_of_other_services(data: str, error: ReportedError | None) -> None:
    assert chat.error_of(Event(data=data)) == error
    assert chat.fold([Event(data=data)]).error == error
    assert chat.is_terminal(Event(data=data)) == (error is not None)


@pytest.mark.parametrize("data", ["down", '"down"', '{"message":"down"}', '{"error":{"message":"down"}}'])
def test_a_named_error_event_tells_of_an_error_whatever_its_data(data: str) -> None:
    assert chat.error_of(Event("error", data)) == ReportedError(None, "down")


def test_the_error_document_of_each_gateway() -> None:
    gateways = (ONEROUTER, OPENROUTER, OPENAI, ANTHROPIC, GOOGLE)
    documents = [chat.error_document(gateway, 429, "slow") for gateway in gateways]
    assert documents == [
        {"error": {"code": 429, "message": "slow", "type": "rate_limit_error", "param": None}},
        {"error": {"code": 429, "message": "slow"}},
        *[{"error": {"message": "slow", "type": "rate_limit_error", "param": None, "code": None}}] * 3,
    ]
    assert [list(each["error"]) for each in documents] == [
        ["code", "message", "type", "param"],
        ["code", "message"],
        *[["message", "type", "param", "code"]] * 3,
    ]
    assert list(chat.error_document(GROQ, 429, "slow")["error"]) == ["message", "type", "code"]
    assert chat.error_document(LLAMA_CPP, 429, "slow")["error"]["code"] == 429
    error = {"message": "slow", "type": "rate_limit_error", "param": None, "code": 429}  # ErrorInfo in vLLM's source
    assert chat.error_document(VLLM, 429, "slow") == {"error": error}
    filled = chat.error_document(OPENROUTER, 403, "no", metadata={"reasons": ["x"]}, code="moderated")
    assert filled == {"error": {"code": "moderated", "message": "no", "metadata": {"reasons": ["x"]}}}


def test_the_document_of_a_failed_answer_is_the_errors() -> None:
    failed = Completion(("a",), error=Failure("Gone", 503))
    assert chat.document(failed, OPENROUTER) == {"error": {"code": 503, "message": "Gone"}}
    worded = replace(failed, error=Failure("Gone", "server_error"))
    assert chat.document(worded, OPENAI)["error"]["code"] == "server_error"


# Whatever a server sends


@given(st.lists(st.builds(Event, st.sampled_from(["message", "error"]), json_values.map(json.dumps) | st.text())))
def test_fold_raises_on_nothing(events: list[Event]) -> None:
    chat.fold(events)


of_chunks = ["choices", "id", "model", "usage", "error", "code", "message", "object", "index", "delta", "finish_reason"]
of_deltas = ["content", "reasoning", "reasoning_details", "text", "tool_calls", "function", "name", "arguments"]
of_others = ["function_call", "x_groq", "id"]
names = st.sampled_from([*of_chunks, *of_deltas, *of_others])
chat_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.lists(st.dictionaries(names, chat_like, max_size=5).map(json.dumps).map(lambda data: Event(data=data))))
def test_fold_raises_on_no_wrong_type_in_a_known_field(events: list[Event]) -> None:
    chat.fold(events)


def test_fold_raises_on_no_json_that_is_too_deep_or_too_long() -> None:
    answer = chat.fold(
        [Event(data="[" * 200_000), Event(data='{"x":' + "9" * 10_000 + "}"), Event("error", "[" * 9999)]
    )
    assert len(answer.problems) == 3
    assert answer.error == ReportedError(None, "[" * 9999)


def test_broken_json_in_one_event_is_noted_and_the_rest_is_read() -> None:
    good = chat.events(Completion(("a", "b")))
    answer = chat.fold([*good[:2], Event(data='{"choices": [{"del'), *good[2:]])
    assert (answer.text, answer.complete) == ("ab", True)
    assert answer.problems == ('event 3 is not a JSON object: \'{"choices": [{"del\'',)


def test_what_has_the_wrong_type_is_noted_and_passed_over() -> None:
    data = '{"choices":[{"index":"x","delta":{"content":7,"refusal":"no"}},3],"usage":[]}'
    answer = chat.fold([Event(data=data)])
    assert answer.refusal == "no"
    assert answer.problems == (
        "event 1 has a list as 'usage', not a dict",
        "event 1 has something in 'choices' that is not an object",
        "event 1 has a str as 'index', not a int",
        "event 1 has a int as 'content', not a str",
    )


def test_what_stands_behind_the_end_marker_is_not_read() -> None:
    answer = chat.fold([*chat.events(Completion(("a",))), *chat.events(Completion(("b",)))[1:2]])
    assert answer.text == "a"
    assert answer.problems == ("event 5 comes after the end marker, where no client reads",)


def test_the_first_names_and_error_count_and_the_last_usage() -> None:
    chunks = [
        {"id": "", "model": "", "choices": []},
        {"id": "a", "model": "m", "usage": {"total_tokens": 1}, "error": {"message": "first"}},
        {"id": "b", "model": "n", "usage": {"total_tokens": 2}, "error": {"message": "second"}},
        {"usage": None},
    ]
    answer = chat.fold([Event(data=json.dumps(chunk)) for chunk in chunks])
    assert (answer.id, answer.model, answer.error) == ("a", "m", ReportedError(None, "first"))
    assert answer.usage == {"total_tokens": 2}


def test_a_stream_without_its_end_marker_is_not_complete() -> None:
    answer = chat.fold(chat.events(Completion(("a",)))[:-1])
    assert (answer.text, answer.finish_reason, answer.complete) == ("a", "stop", False)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
        {"reasoning": "hm", "reasoning_content": "hm", "reasoning_details": [{"text": "h"}, {"text": "m"}]},
        {"reasoning": None, "reasoning_details": [{"text": "h"}, {"text": "m"}]},
    ],
)
def test_reasoning_is_read_once_from_any_of_its_fields(delta: dict[str, object]) -> None:
    assert chat.fold([Event(data=json.dumps({"choices": [{"delta": delta}]}))]).reasoning == "hm"


def test_tool_calls_are_assembled_by_index_or_else_by_position() -> None:
    def event(*calls: object) -> Event:
        return Event(data=json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}))

    by_index = [
        event({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{"}}),
        event({"index": 0, "id": "a", "function": {"name": "f", "arguments": "["}}),
        event({"index": 0, "function": {"arguments": "]"}}, {"index": 1, "function": {"name": "g", "arguments": "}"}}),
    ]
    assert chat.fold(by_index).tool_calls == (ToolCall("f", "[]", "a"), ToolCall("g", "{}", "b"))
    by_position = event({"function": {"name": "f", "arguments": "1"}}, {"function": {"name": "g", "arguments": "2"}})
    assert chat.fold([by_position]).tool_calls == (ToolCall("f", "1"), ToolCall("g", "2"))


# Requests and the list of models


@pytest.mark.parametrize("body", [None, [], "stream", 1, {}, {"stream": None}, {"stream": "true"}, {"stream": 1}])
def test_no_stream_unless_it_is_asked_for(body: object) -> None:
    assert not chat.wants_stream(body)
    assert chat.wants_stream({"stream": True})


def test_usage_is_sent_to_those_who_ask_in_the_gateways_way() -> None:
    include, options = {"usage": {"include": True}}, {"stream_options": {"include_usage": True}}
    asked = [(chat.wants_usage(include, each), chat.wants_usage(options, each)) for each in GATEWAYS.values()]
    assert asked == [(True, False), (True, True), *[(False, True)] * (len(GATEWAYS) - 2)]
    odd: object
    for odd in (None, [], {"usage": True}, {"usage": {"include": 1}}, {"stream_options": [True]}, {"usage": None}):
        assert not chat.wants_usage(odd, ONEROUTER)
        assert not chat.wants_usage(odd, OPENAI)


def test_the_prompt_is_counted_by_its_texts_alone() -> None:
    image = {"type": "image_url", "image_url": {"url": "x"}}
    messages = [
        {"content": "Hello there"},
        {"content": [{"type": "text", "text": " you"}, image]},
        3,
        {"content": None},
    ]
    assert chat.prompt_tokens_of({"messages": messages}) == 3
    assert chat.prompt_tokens_of([]) == chat.prompt_tokens_of({"messages": {}}) == 0


def test_the_list_of_models() -> None:
    document = chat.models_document(["anthropic/claude", "local"], created=5)
    assert document == {
        "object": "list",
        "data": [
            {"id": "anthropic/claude", "object": "model", "created": 5, "owned_by": "anthropic"},
            {"id": "local", "object": "model", "created": 5, "owned_by": "orharness"},
        ],
    }
    assert [model["id"] for model in chat.models_document()["data"]] == [Completion().model_sent]


# The real SDK reads what is made here


def sdk(status: int, content_type: str, body: bytes) -> openai.OpenAI:
    """The SDK on a transport that answers every request so; the SDK itself says which httpx it uses."""
    httpx: Any = sys.modules[openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]]
    answer = httpx.Response(status, headers={"content-type": content_type}, content=body)
    transport = httpx.MockTransport(lambda request: answer)
    client = httpx.Client(transport=transport)
    return openai.OpenAI(base_url="http://test/v1", api_key="none", max_retries=0, http_client=client)


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS.keys())
def test_the_openai_sdk_reads_a_stream(gateway: Gateway) -> None:
    completion = Completion.of("Grüße, 世界!", tool_calls=(ToolCall("f", '{"a":1}'),), usage=Usage(3, 4))
    body = chat.stream(completion, gateway, include_usage=True).body
    with sdk(200, "text/event-stream", body) as client:
        chunks = list(client.chat.completions.create(model="m", messages=[], stream=True))
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    calls = [call.function for delta in deltas for call in delta.tool_calls or [] if call.function]
    assert "".join(delta.content or "" for delta in deltas) == "Grüße, 世界!"
    assert "".join(call.arguments or "" for call in calls) == '{"a":1}'
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 7


@pytest.mark.parametrize("shape", ErrorShape)
def test_the_openai_sdk_sees_an_error_of_any_shape(shape: ErrorShape) -> None:
    body = chat.stream(Completion(("a",), error=Failure("Gone", "server_error", shape=shape))).body
    with sdk(200, "text/event-stream", body) as client:
        chunks = client.chat.completions.create(model="m", messages=[], stream=True)
        with chunks, pytest.raises(openai.APIError, match="Gone"):
            list(chunks)


def test_the_openai_sdk_reads_documents_of_answers_models_and_errors() -> None:
    completion = Completion(("Hi",), reasoning="hm", tool_calls=(ToolCall("f"),))
    with sdk(200, "application/json", chat.dumps(chat.document(completion)).encode()) as client:
        message = client.chat.completions.create(model="m", messages=[]).choices[0].message
    assert (message.content, len(message.tool_calls or [])) == ("Hi", 1)
    with sdk(200, "application/json", chat.dumps(chat.models_document()).encode()) as client:
        assert [model.owned_by for model in client.models.list()] == ["openai"]
    error = chat.dumps(chat.error_document(ONEROUTER, 401, "no key")).encode()
    with sdk(401, "application/json", error) as client, pytest.raises(openai.AuthenticationError, match="no key"):
        client.chat.completions.create(model="m", messages=[])


# No other dialect's end


@given(completions, gateways)
def test_no_chat_event_but_done_is_an_end(completion: Completion, gateway: Gateway) -> None:
    *before, done = chat.events(completion, gateway, include_usage=True)
    assert DIALECTS.is_terminal(done)
    assert not any(map(DIALECTS.is_terminal, before))
