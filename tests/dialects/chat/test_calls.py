"""Which call a fragment belongs to, however a service numbers its tool calls; and content that comes as parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orharness.dialects import DIALECTS
from orharness.dialects.completion import ToolCall
from orharness.sse import Event

CHAT = DIALECTS["chat"]
TWICE = ToolCall("read", '{"p":1}'), ToolCall("read", '{"p":2}')
A, B = ToolCall("read", '{"p":"a"}', "a"), ToolCall("write", '{"p":"b"}', "b")


def said(*deltas: dict[str, Any]) -> Any:
    chunks = ({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas)
    return CHAT.fold([Event(data=json.dumps(chunk)) for chunk in chunks])


def fragment(call: ToolCall | None, arguments: str, **index: Any) -> dict[str, Any]:
    named = {} if call is None else {"id": call.id, "type": "function"}
    function = {"arguments": arguments} if call is None else {"name": call.name, "arguments": arguments}
    return {**index, **named, "function": function}


def nameless(name: str | None, arguments: str, **index: Any) -> dict[str, Any]:
    """A fragment without an id."""
    return {**index, "function": {**({"name": name} if name else {}), "arguments": arguments}}


def whole(call: ToolCall, **index: Any) -> dict[str, Any]:
    return fragment(call, call.arguments, **index)


@pytest.mark.parametrize(
    "fragments",
    [
        [[whole(A, index=0)], [whole(B, index=1)]],
        [[whole(A, index=0), whole(B, index=1)]],
        [[whole(A, index=0)], [whole(B, index=0)]],  # Ollama
        [[whole(A)], [whole(B)]],  # Gemini
        [[whole(A), whole(B)]],
        [
            [fragment(A, "", index=0)],
            [fragment(None, '{"p":', index=0)],
            [fragment(None, '"a"}', index=0)],
            [fragment(B, "", index=1)],
            [fragment(None, B.arguments, index=1)],
        ],
        [
            [fragment(A, '{"p"', index=0), fragment(B, '{"p"', index=1)],
            [fragment(None, ':"b"}', index=1), fragment(None, ':"a"}', index=0)],
        ],
        [[fragment(A, '{"p"')], [fragment(None, ':"a"}')], [fragment(B, '{"p"')], [fragment(None, ':"b"}')]],
        [[fragment(A, '{"p"', index=0)], [fragment(A, ':"a"}', index=0)], [whole(B, index=1)]],  # id and name each time
        [[whole(B, index=1)], [whole(A, index=0)]],
        [
            [{"index": 0, "id": "a", "function": {}}],
            [{"index": 0, "function": {"arguments": '{"p":"a"}'}}],
            [{"index": 0, "function": {"name": "read"}}],
            [whole(B, index=1)],
        ],
        # a head and its tails, each with an index of its own
        [
            [fragment(A, "", index=0)],
            *([fragment(None, one, index=1 + i)] for i, one in enumerate(A.arguments)),
            [whole(B)],
        ],
        [
            [fragment(A, '{"p"', index=0)],
            [fragment(None, ':"a"}', index=1)],
            [fragment(B, '{"p"', index=1)],
            [fragment(None, ':"b"}', index=2)],
        ],
        [[whole(A, index=0)], [fragment(B, '{"p"', index=0)], [fragment(None, ':"b"}', index=1)]],
        [
            [fragment(A, '{"p"', index=0)],
            [{"index": 1, "id": "a", "function": {"arguments": ':"a"}'}}],
            [whole(B, index=2)],
        ],
        [[whole(A, index=0)], [fragment(None, B.arguments, index=1)], [fragment(B, "", index=1)]],  # the name last
    ],
)
def test_each_fragment_finds_its_call(fragments: list[list[dict[str, Any]]]) -> None:
    answer = said(*({"tool_calls": one} for one in fragments))
    assert answer.tool_calls == (A, B)
    assert answer.problems == ()


@pytest.mark.parametrize(
    "fragments",
    [
        [[nameless("read", '{"p":1}', index=0)], [nameless("read", '{"p":2}', index=0)]],
        [[nameless("read", '{"p":1}', index=0), nameless("read", '{"p":2}', index=0)]],
        [[nameless("read", '{"p":1}')], [nameless("read", '{"p":2}')]],
        [[nameless("read", one, index=0)] for one in ("", '{"p"', ":1}", " ", '{"p":2', "}")],  # the name each time
        [
            [nameless("read", '{"p":1}', index=0)],
            [nameless("read", "", index=1)],
            [nameless(None, '{"p"', index=1)],
            [nameless(None, ":2}", index=2)],
        ],
    ],
)
def test_calls_without_an_id_are_told_apart_by_their_arguments(fragments: list[list[dict[str, Any]]]) -> None:
    """What comes after a whole JSON object, with a name, is another call."""
    answer = said(*({"tool_calls": one} for one in fragments))
    assert [(one.name, one.arguments.strip()) for one in answer.tool_calls] == [
        (one.name, one.arguments) for one in TWICE
    ]
    assert answer.problems == ()


def test_two_names_at_one_index_are_two_calls() -> None:
    answer = said(*({"tool_calls": [nameless(name, "{}", index=0)]} for name in ("read", "write")))
    assert answer.tool_calls == (ToolCall("read", "{}"), ToolCall("write", "{}"))


def test_arguments_that_may_be_of_either_call_are_a_problem() -> None:
    answer = said({"tool_calls": [whole(A, index=0)]}, {"tool_calls": [fragment(None, '{"p":3}', index=1)]})
    assert answer.tool_calls == (A, ToolCall("", '{"p":3}'))
    assert answer.problems == (
        "choice 0: the arguments '{\"p\":3}' have neither a name nor an id: the call before them is whole",
    )


def test_the_older_form_of_a_call_is_read() -> None:
    older = [{"function_call": {"name": "read", "arguments": ""}}, {"function_call": {"arguments": '{"p":1}'}}]
    assert said(*older).tool_calls == TWICE[:1]
    both = said({"tool_calls": [whole(A, index=0)], **older[0]}, older[1])
    assert both.tool_calls == (A,)  # a service that sends both means the same call


def test_content_as_parts_is_text_and_reasoning() -> None:
    answer = said(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
        {"content": [{"type": "text", "text": "Hel"}, {"type": "reference"}, {"type": "text", "text": "lo"}]},
        {"content": " world"},
    )
    assert (answer.text, answer.reasoning, answer.problems) == ("Hello world", "Hm", ())
