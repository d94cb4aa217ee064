"""The law of each dialect: what is written is read back, and the writer knows where the end and the tokens are."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.dialects import CHAT, MESSAGES, RESPONSES, Asked, Dialect
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.dialects.dialect import Carried
from orharness.errors import ScenarioError
from orharness.gateways import ANTHROPIC, ONEROUTER, OPENAI, ErrorShape, Gateway
from orharness.sse import Event, decode
from tests.support.dialect_strategies import DIALECTS, completions, expected, gateways, meaning, texts

anything = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
STREAMED = Asked(wants_usage=True)


@anything
@given(st.data(), gateways)
def test_what_is_written_is_read_back(dialect: Dialect, data: st.DataObject, gateway: Gateway) -> None:
    completion = data.draw(completions(dialect))
    answer = dialect.fold(decode(dialect.stream(completion, gateway, STREAMED).body))
    assert meaning(answer) == expected(dialect, completion)
    assert answer.model == completion.model_sent
    assert answer.id == completion.id_with(dialect.id_prefix(gateway))
    if completion.error is None:
        counted = completion.counted
        assert (answer.tokens_prompt, answer.tokens_made) == (counted.prompt_tokens, counted.completion_tokens)


@anything
@given(st.data(), gateways)
def test_the_writer_knows_where_the_end_and_the_tokens_are(
    dialect: Dialect, data: st.DataObject, gateway: Gateway
) -> None:
    completion = data.draw(completions(dialect))
    written = dialect.stream(completion, gateway, STREAMED)
    found = dialect.marked(written)
    assert found.end_marker == written.end_marker
    # An explained refusal is one event, whatever the number of its tokens.
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
                        ]
                    ),
                    inner
                    | st.sampled_from(["text_delta", "content_block_start", "content_block_delta", "message_delta"])
                    | st.sampled_from(
                        ["response.output_item.added", "response.output_text.delta", "response.completed"]
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
    for dialect in (MESSAGES, RESPONSES):
        yield dialect, others, "others="
        yield dialect, Completion(finish_reason="abort"), "finish_reason='abort'"
        yield dialect, Completion(error=Failure(shape=ErrorShape.NAMED_EVENT)), "the error's shape='named_event'"
    own = "write finish_reason='length', native_finish_reason="
    yield MESSAGES, Completion(finish_reason="max_tokens"), own
    yield MESSAGES, Completion(refusal="no", finish_reason="length"), "refusal= with"
    yield MESSAGES, Completion(refusal="no", error=Failure()), "refusal= with"
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
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": CALLED.tool_calls[0].id_at(0), "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    }


def test_a_message_that_is_not_streamed_has_no_form_for_arguments_that_are_no_object() -> None:
    broken = Completion(tool_calls=(ToolCall("f", '{"a'),))
    with pytest.raises(ScenarioError, match=r"tool arguments as a JSON object, but 'f' has '\{\"a'"):
        MESSAGES.document(broken, ANTHROPIC, Asked(stream=False))
    assert MESSAGES.fold(MESSAGES.write(broken, ANTHROPIC, Asked()).events).tool_calls[0].arguments == '{"a'


@pytest.mark.parametrize("gateway", [OPENAI, ONEROUTER])
def test_a_response_that_is_not_streamed_is_the_one_that_the_stream_ends_with(gateway: Gateway) -> None:
    written = RESPONSES.write(CALLED, gateway, Asked())
    assert written.end is not None
    last = json.loads(written.events[written.end].data)
    assert RESPONSES.document(CALLED, gateway, Asked(stream=False)) == last["response"]
    assert [item["type"] for item in last["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert last["sequence_number"] == written.end


@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES], ids=lambda each: each.name)
def test_a_failed_answer_that_is_not_streamed_is_the_errors_document(dialect: Dialect) -> None:
    failed = Completion(("a",), error=Failure("slow down", 429))
    document = dialect.document(failed, OPENAI, Asked(stream=False))
    assert document["error"]["message"] == "slow down"
    assert document["error"]["type"] == "rate_limit_error"
