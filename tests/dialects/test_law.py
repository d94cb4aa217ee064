"""The law of each dialect: what is written is read back, and the writer knows where the end and the tokens are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Asked, Dialect
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.dialects.dialect import Carried
from orharness.errors import ScenarioError
from orharness.frames import JSON_ARRAY
from orharness.gateways import ANTHROPIC, GOOGLE, ONEROUTER, OPENAI, ErrorShape, Gateway
from orharness.sse import Event
from tests.support.dialect_strategies import DIALECTS, completions, expected, gateways, meaning, texts

anything = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
STREAMED = Asked(wants_usage=True)


@anything
@given(st.data(), gateways)
def test_what_is_written_is_read_back(dialect: Dialect, data: st.DataObject, gateway: Gateway) -> None:
    completion = data.draw(completions(dialect))
    answer = dialect.fold(dialect.frame.decode(dialect.stream(completion, gateway, STREAMED).body))
    assert meaning(answer) == expected(dialect, completion)
    assert answer.complete == (completion.error is None) or dialect is CHAT
    an_error_alone = dialect in (OLLAMA, GEMINI) and completion.error is not None and not completion.made
    assert answer.model == (None if an_error_alone else completion.model_sent)
    has_id = dialect is not OLLAMA and not an_error_alone
    assert answer.id == (completion.id_with(dialect.id_prefix(gateway)) if has_id else None)
    if completion.error is None:
        counted = completion.counted
        assert (answer.tokens_prompt, answer.tokens_made) == (counted.prompt_tokens, counted.completion_tokens)


@given(st.data())
def test_what_gemini_writes_as_an_array_is_read_back(data: st.DataObject) -> None:
    completion = data.draw(completions(GEMINI))
    stream = GEMINI.stream(completion, GOOGLE, replace(STREAMED, frame=JSON_ARRAY))
    assert json.loads(stream.body) == [
        json.loads(one.data) for one in GEMINI.write(completion, GOOGLE, STREAMED).events
    ]
    assert meaning(GEMINI.fold(stream.frame.decode(stream.body))) == expected(GEMINI, completion)
    found = GEMINI.marked(stream)
    assert (found.end_marker, found.tokens) == (stream.end_marker, tuple(dict.fromkeys(stream.tokens)))


@anything
@given(st.data(), gateways)
def test_the_writer_knows_where_the_end_and_the_tokens_are(
    dialect: Dialect, data: st.DataObject, gateway: Gateway
) -> None:
    completion = data.draw(completions(dialect))
    written = dialect.stream(completion, gateway, STREAMED)
    found = dialect.marked(written)
    assert found.end_marker == written.end_marker
    # An explained refusal, and a tool call that comes whole, is one event, whatever the number of its tokens.
    assert found.tokens == tuple(dict.fromkeys(written.tokens))
    assert len(written.tokens) == len(completion.made)


@anything
@given(st.data(), gateways)
def test_what_is_written_obeys_the_grammar(dialect: Dialect, data: st.DataObject, gateway: Gateway) -> None:
    completion = data.draw(completions(dialect))
    assert dialect.grammar is not None
    broken = {found.clause.name for found in dialect.grammar.check(dialect.write(completion, gateway, STREAMED).events)}
    # OpenRouter, as recorded, gives its Responses no names.
    assert broken == (set() if dialect is not RESPONSES or gateway.responses_named else {"responses/named"})


events = st.builds(
    Event,
    st.sampled_from(["message", "error", "ping", "message_start", "content_block_delta", "response.completed", "x"]),
    st.one_of(
        texts,
        st.recursive(
            st.none() | st.booleans() | st.integers() | texts,
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "type",
                            "index",
                            "delta",
                            "content_block",
                            "message",
                            "usage",
                            "error",
                            "response",
                            "item",
                            "output",
                            "done",
                            "response",
                            "tool_calls",
                            "function",
                            "arguments",
                            *("candidates", "content", "parts", "text", "functionCall", "args", "finishReason"),
                            *("promptFeedback", "blockReason", "usageMetadata", "totalTokenCount"),
                        ]
                    ),
                    inner
                    | st.sampled_from(["text_delta", "content_block_start", "content_block_delta", "message_delta"])
                    | st.sampled_from(
                        ["response.output_item.added", "response.output_text.delta", "response.completed", "STOP"]
                    ),
                    max_size=5,
                )
            ),
            max_leaves=8,
        ).map(json.dumps),
    ),
)


@anything
@given(st.lists(events, max_size=6))
def test_nothing_that_a_server_can_send_raises(dialect: Dialect, sent: list[Event]) -> None:
    dialect.fold(sent)
    assert dialect.grammar is not None
    dialect.grammar.check(sent)
    for event in sent:
        dialect.is_terminal(event)
        dialect.is_token(event)
        dialect.brief(event)


# What an API has no form for


def _refused() -> Iterator[tuple[Dialect, Completion, str]]:
    others, call = Completion(("a",), others=(("b",),)), (ToolCall("f"),)
    for dialect in (MESSAGES, RESPONSES, GEMINI, OLLAMA):
        yield dialect, others, "others="
        yield dialect, Completion(finish_reason="abort"), "finish_reason='abort'"
        yield dialect, Completion(error=Failure(shape=ErrorShape.NAMED_EVENT)), "the error's shape='named_event'"
    own = "write finish_reason='length', native_finish_reason="
    yield MESSAGES, Completion(finish_reason="max_tokens"), own
    yield MESSAGES, Completion(refusal="no", finish_reason="length"), "refusal= with"
    yield MESSAGES, Completion(refusal="no", error=Failure()), "refusal= with"
    yield OLLAMA, Completion(refusal="no"), "refusal="
    yield OLLAMA, Completion(finish_reason="content_filter"), "of this answer it can say stop, length"
    yield OLLAMA, Completion(tool_calls=call, finish_reason="stop"), "of this answer it can say tool_calls, length"
    yield OLLAMA, Completion(tool_calls=(ToolCall("f", "[1]"),)), "not a JSON object: 'f' has '[1]'"
    cut = Completion(tool_calls=(ToolCall("f", '{"a": 1}'),), error=Failure(after=2))
    yield OLLAMA, cut, "error= after 2 pieces: that is within a tool call"
    yield GEMINI, Completion(finish_reason="MAX_TOKENS"), own
    yield GEMINI, Completion(tool_calls=call, finish_reason="stop"), "of this answer it can say tool_calls, length"
    yield GEMINI, Completion(finish_reason="tool_calls"), "of this answer it can say stop, length, content_filter"
    yield GEMINI, Completion(refusal="no", finish_reason="length"), "refusal= with"
    yield GEMINI, Completion(tool_calls=(ToolCall("f", '{"a'),)), "they are sent as a JSON object"
    yield GEMINI, Completion(tool_calls=call, error=Failure(after=1)), "inside a tool call: a call is sent whole"
    yield RESPONSES, Completion(native_finish_reason="STOP"), "native_finish_reason="
    yield RESPONSES, Completion(tool_calls=call, finish_reason="stop"), "of this answer it can say tool_calls, length"


@pytest.mark.parametrize(("dialect", "completion", "said"), [*_refused()])
def test_what_an_api_cannot_express_is_refused_by_name(dialect: Dialect, completion: Completion, said: str) -> None:
    with pytest.raises(ScenarioError, match=f"^the dialect {dialect.name} cannot express ") as refused:
        dialect.stream(completion, ONEROUTER, STREAMED)
    assert said in str(refused.value)


def test_a_chat_carries_all_of_a_completion() -> None:
    assert CHAT.carries == frozenset(Carried)


# Answers that are not streamed


CALLED = Completion(
    ("Hel", "lo"), "hm", (ToolCall("f", '{"a": 1}'),), usage=Usage(7, 5, 2), model="m", id="given", created=0
)


def test_a_message_that_is_not_streamed() -> None:
    document = MESSAGES.document(CALLED, ANTHROPIC, Asked(stream=False))
    signature = document["content"][0].pop("signature")
    assert signature.endswith("==")
    assert document == {
        "model": "m",
        "id": "given",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "Hello", "citations": []},
            {
                "type": "tool_use",
                "id": CALLED.tool_calls[0].id_at(0),
                "name": "f",
                "input": {"a": 1},
                "caller": {"type": "direct"},
            },
        ],
        "container": None,
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 2},
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "inference_geo": None,
            "server_tool_use": None,
            "service_tier": "standard",
        },
    }


def test_a_message_that_is_not_streamed_has_no_form_for_arguments_that_are_no_object() -> None:
    broken = Completion(tool_calls=(ToolCall("f", '{"a'),))
    with pytest.raises(ScenarioError, match=r"tool arguments as a JSON object, but 'f' has '\{\"a'"):
        MESSAGES.document(broken, ANTHROPIC, Asked(stream=False))
    assert MESSAGES.fold(MESSAGES.write(broken, ANTHROPIC, Asked()).events).tool_calls[0].arguments == '{"a'


def test_an_answer_of_ollama_that_is_not_streamed_has_the_last_line_s_fields_and_all_of_the_message() -> None:
    last = json.loads(OLLAMA.write(CALLED, ONEROUTER, Asked()).events[-1].data)
    assert (last["prompt_eval_count"], last["eval_count"], last["done_reason"]) == (7, 5, "stop")
    call = {"id": CALLED.tool_calls[0].id_at(0), "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
    message = {"role": "assistant", "content": "Hello", "thinking": "hm", "tool_calls": [call]}
    assert OLLAMA.document(CALLED, ONEROUTER, Asked(stream=False)) == {**last, "message": message}


def test_the_other_endpoint_of_ollama_has_a_form_of_its_own_and_no_tools() -> None:
    asked = Asked(endpoint="/api/generate")
    spoken = replace(CALLED, tool_calls=())
    lines = [json.loads(event.data) for event in OLLAMA.write(spoken, ONEROUTER, asked).events]
    said = [(line["response"], line.get("thinking")) for line in lines]
    assert said == [("", "hm"), ("Hel", None), ("lo", None), ("", None)]
    assert not any("message" in line for line in lines)
    document = OLLAMA.document(spoken, ONEROUTER, replace(asked, stream=False))
    assert document == {**lines[-1], "response": "Hello", "thinking": "hm"}
    for write in (OLLAMA.write, OLLAMA.document):
        with pytest.raises(ScenarioError, match="/api/generate of the dialect ollama cannot express tool_calls="):
            write(CALLED, ONEROUTER, asked)


@given(texts)
def test_a_text_comes_as_ollamas_json_encoder_escapes_it(text: str) -> None:
    body = OLLAMA.stream(Completion((text,)), ONEROUTER, STREAMED).body.decode()
    assert not set("<>&\u2028\u2029") & set(body)
    assert OLLAMA.fold(OLLAMA.frame.decode(body.encode())).text == text


def test_an_error_of_ollama_is_a_line_with_its_message_alone() -> None:
    failed = Completion(("a", "b"), error=Failure("out of memory", 500, after=1))
    assert [json.loads(event.data) for event in OLLAMA.write(failed, ONEROUTER, STREAMED).events][1:] == [
        {"error": "out of memory"}
    ]
    assert OLLAMA.document(failed, ONEROUTER, Asked(stream=False)) == {"error": "out of memory"}


@pytest.mark.parametrize("gateway", [OPENAI, ONEROUTER])
def test_a_response_that_is_not_streamed_is_the_one_that_the_stream_ends_with(gateway: Gateway) -> None:
    written = RESPONSES.write(CALLED, gateway, Asked())
    assert written.end is not None
    last = json.loads(written.events[written.end].data)
    assert RESPONSES.document(CALLED, gateway, Asked(stream=False)) == last["response"]
    assert [item["type"] for item in last["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert last["sequence_number"] == written.end


def test_content_that_is_not_streamed() -> None:
    document = GEMINI.document(CALLED, GOOGLE, Asked(stream=False))
    (candidate,) = document.pop("candidates")
    signature = candidate["content"]["parts"][1].pop("thoughtSignature")
    assert len(signature) % 4 == 0  # base64
    call = {"id": CALLED.tool_calls[0].id_at(0), "name": "f", "args": {"a": 1}}
    parts = [{"text": "hm", "thought": True}, {"text": "Hello"}, {"functionCall": call}]
    assert candidate == {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
    assert document == {
        "usageMetadata": {
            "promptTokenCount": 7,
            "candidatesTokenCount": 3,
            "totalTokenCount": 12,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
            "thoughtsTokenCount": 2,
        },
        "modelVersion": "m",
        "responseId": "given",
    }


def test_each_chunk_of_gemini_has_the_tokens_so_far() -> None:
    events = GEMINI.write(replace(CALLED, usage=None), GOOGLE, STREAMED).events
    counts = [json.loads(event.data)["usageMetadata"] for event in events]
    made = [(each["candidatesTokenCount"], each.get("thoughtsTokenCount", 0)) for each in counts]
    arguments = len(CALLED.pieces) - 4
    assert made == [(0, 1), (1, 1), (2, 1), (3 + arguments, 1), (3 + arguments, 1)]
    assert all(each["totalTokenCount"] == 8 + sum(pair) for each, pair in zip(counts, made, strict=True))


def test_a_stream_of_gemini_that_is_cut_has_the_count_of_what_it_made() -> None:
    events = GEMINI.write(CALLED, GOOGLE, STREAMED).events
    said = GEMINI.fold(events[:2])
    assert (said.complete, said.tokens_prompt, said.tokens_made) == (False, 7, 2)


@pytest.mark.parametrize(
    ("events", "meant"),
    [
        (['{"promptFeedback":{"blockReason":"SAFETY"}}'], ("", "content_filter", "SAFETY", "", True)),
        (['{"candidates":[{"finishReason":"RECITATION"}]}'], ("", "content_filter", "RECITATION", "", True)),
        (['{"candidates":[{"finishReason":"NEWS","finishMessage":"x"}]}'], ("", "NEWS", "NEWS", "", True)),
        (['{"candidates":[{"finishReason":"SAFETY","finishMessage":"x"}]}'], ("", "stop", "SAFETY", "x", True)),
        (['{"candidates":[{"content":{"parts":[{"text":"a"},{"executableCode":{}}]}}]}'], ("a", None, None, "", False)),
    ],
)
def test_what_gemini_ends_with(events: list[str], meant: tuple[object, ...]) -> None:
    said = GEMINI.fold([Event(data=data) for data in events])
    first = said.first
    assert (first.text, first.finish_reason, first.native_finish_reason, first.refusal, said.complete) == meant


@pytest.mark.parametrize(
    ("code", "number", "word"),
    [
        *(
            (503, 503, "UNAVAILABLE"),
            (429, 429, "RESOURCE_EXHAUSTED"),
            (418, 418, "INVALID_ARGUMENT"),
            (502, 502, "UNKNOWN"),
        ),
        *(("NOT_FOUND", 404, "NOT_FOUND"), ("overloaded_error", 500, "overloaded_error")),
    ],
)
def test_an_error_of_gemini_has_a_number_and_a_word(code: int | str, number: int, word: str) -> None:
    (event,) = GEMINI.write(Completion(error=Failure("no", code)), GOOGLE, STREAMED).events
    assert json.loads(event.data) == {"error": {"code": number, "message": "no", "status": word}}
    error = GEMINI.fold([event]).error
    assert error is not None
    assert (error.code, error.message) == (number, "no")


FAILED = {MESSAGES: "rate_limit_error", RESPONSES: "rate_limit_error", GEMINI: "RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize("dialect", FAILED, ids=lambda each: each.name)
def test_a_failed_answer_that_is_not_streamed_is_the_errors_document(dialect: Dialect) -> None:
    failed = Completion(("a",), error=Failure("slow down", 429))
    error = dialect.document(failed, OPENAI, Asked(stream=False))["error"]
    assert error["message"] == "slow down"
    assert error["status" if dialect is GEMINI else "type"] == FAILED[dialect]
