"""Which call a fragment belongs to, however a service numbers its tool calls; and content that comes as parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orharness.dialects import DIALECTS
from orharness.dialects.completion import ToolCall
from orharness.sse import Event

CHAT = DIALECTS["chat"]
A, B = ToolCall("read", '{"p":"a"}', "a"), ToolCall("write", '{"p":"b"}', "b")


def said(*deltas: dict[str, Any]) -> Any:
    chunks = ({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas)
    return CHAT.fold([Event(data=json.dumps(chunk)) for chunk in chunks])


def fragment(call: ToolCall | None, arguments: str, **index: Any) -> dict[str, Any]:
    named = {} if call is None else {"id": call.id, "type": "function"}
    function = {"arguments": arguments} if call is None else {"name": call.name, "arguments": arguments}
    return {**index, **named, "function": function}


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
    ],
)
def test_each_fragment_finds_its_call(fragments: list[list[dict[str, Any]]]) -> None:
    answer = said(*({"tool_calls": one} for one in fragments))
    assert answer.tool_calls == (A, B)
    assert answer.problems == ()


def test_content_as_parts_is_text_and_reasoning() -> None:
    answer = said(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
        {"content": [{"type": "text", "text": "Hel"}, {"type": "reference"}, {"type": "text", "text": "lo"}]},
        {"content": " world"},
    )
    assert (answer.text, answer.reasoning, answer.problems) == ("Hello world", "Hm", ())
