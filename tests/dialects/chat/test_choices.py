"""What a choice says in a ``message``, beside its deltas or in place of them; and usage in a place of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orharness.dialects import CHAT
from orharness.dialects.answer import Answer
from orharness.dialects.completion import ToolCall
from orharness.sse import Event

COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CALL = {"id": "a", "type": "function", "function": {"name": "read", "arguments": "{}"}}


def read(*choices: dict[str, Any], **fields: Any) -> Answer:
    """The answer of chunks with one choice each."""
    return CHAT.fold([Event(data=json.dumps({"choices": [{"index": 0, **one}], **fields})) for one in choices])


def delta(text: str, **more: Any) -> dict[str, Any]:
    return {"delta": {"content": text}, **more}


def message(text: str | None, **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text, **more}}


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ([message("Hello world")], "Hello world"),
        ([message("Hello"), message("Hello world")], "Hello world"),  # all of it so far
        ([message("Hello"), message(" world")], "Hello world"),  # pieces
        ([delta("Hello"), message("Hello world")], "Hello world"),
        ([delta("Hello"), delta(" world", **message("Hello world"))], "Hello world"),
        ([delta("Hello", **message("Hello")), delta(" world", **message("Hello world"))], "Hello world"),
        ([delta("Hello", **message("")), delta(" world", **message("Hello"))], "Hello world"),  # it lags
        ([delta("Hello"), delta(" world\n", **message("Hello world"))], "Hello world\n"),
        ([delta("Hello world"), message(None)], "Hello world"),
    ],
)
def test_a_message_is_all_of_the_text_or_a_piece_and_never_counts_twice(
    choices: list[dict[str, Any]], text: str
) -> None:
    answer = read(*choices)
    assert (answer.text, answer.problems) == (text, ())


def test_a_message_that_says_something_else_is_a_problem() -> None:
    answer = read(delta("Hello"), message("Goodbye", tool_calls=[CALL]))
    assert (answer.text, answer.tool_calls) == ("Hello", (ToolCall("read", "{}", "a"),))
    assert answer.problems == ("choice 0: a message says another text than the deltas do: 'Goodbye'",)


def test_all_that_a_message_says_is_read() -> None:
    answer = read(message("Hi", reasoning="Hm", refusal="No", tool_calls=[CALL]))
    assert (answer.text, answer.reasoning, answer.refusal) == ("Hi", "Hm", "No")
    assert answer.tool_calls == (ToolCall("read", "{}", "a"),)
    older = read(message(None, function_call={"name": "read", "arguments": "{}"}))
    assert older.tool_calls == (ToolCall("read", "{}"),)


def test_calls_of_a_message_are_those_of_the_deltas() -> None:
    called = {"delta": {"tool_calls": [{"index": 0, **CALL}]}}
    answer = read(called, message(None, tool_calls=[CALL]))
    assert (answer.tool_calls, answer.problems) == ((ToolCall("read", "{}", "a"),), ())
    other = read(called, message(None, tool_calls=[{**CALL, "id": "b"}]))
    assert other.problems == ("choice 0: a message has other tool calls than the deltas",)


def test_a_message_in_place_of_a_delta_is_a_part_of_the_answer() -> None:
    def is_token(choice: dict[str, Any]) -> bool:
        return CHAT.is_token(Event(data=json.dumps({"choices": [choice]})))

    assert is_token(message("Hello"))
    assert is_token({"delta": {"function_call": {"name": "read"}}})
    assert not is_token({"delta": {"role": "assistant"}, **message("Hello")})


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        (delta("a", usage=COUNTS), {}),  # Moonshot
        (delta("a"), {"x_groq": {"id": "r", "usage": COUNTS}}),
        (delta("a", usage={"prompt_tokens": 9}), {"usage": COUNTS, "x_groq": {"usage": {"prompt_tokens": 9}}}),
        (delta("a"), {"usage": COUNTS, "x_groq": None}),
    ],
)
def test_usage_is_read_wherever_it_is_sent(choice: dict[str, Any], fields: dict[str, Any]) -> None:
    answer = read(choice, **fields)
    assert (answer.usage, answer.problems) == (COUNTS, ())
