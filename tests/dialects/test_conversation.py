"""The state of a conversation in each API: how often the model has spoken, and which results it is to go on from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Dialect
from orharness.dialects.conversation import Conversation, ToolResult
from orharness.gateways import ONEROUTER
from orharness.journal import Request

Json = dict[str, Any]


def conversation(dialect: Dialect, *messages: Any, **more: Any) -> Conversation:
    """The state of the conversation that a request with these messages carries."""
    name = {"responses": "input", "gemini": "contents"}.get(dialect.name, "messages")
    body = {**dialect.example(), name: list(messages), **more}
    path = dialect.example_path
    return dialect.asked(Request("POST", path, body=json.dumps(body).encode()), ONEROUTER).conversation


def user(dialect: Dialect, text: str) -> Json:
    return {"role": "user", "parts": [{"text": text}]} if dialect is GEMINI else {"role": "user", "content": text}


def model(dialect: Dialect, text: str) -> Json:
    if dialect is GEMINI:
        return {"role": "model", "parts": [{"text": text}]}
    return {"role": "assistant", "content": text}


def call(dialect: Dialect, name: str) -> Json:
    """The model calls a tool."""
    match dialect.name:
        case "messages":
            return {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": f"id-{name}", "name": name, "input": {}}],
            }
        case "responses":
            return {"type": "function_call", "call_id": f"id-{name}", "name": name, "arguments": "{}"}
        case "gemini":
            return {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]}
        case "ollama":
            return {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": name, "arguments": {}}}]}
    function = {"name": name, "arguments": "{}"}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": f"id-{name}", "function": function}]}


def result(dialect: Dialect, name: str, text: str) -> Json:
    """What the tool returns."""
    match dialect.name:
        case "messages":
            return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"id-{name}", "content": text}]}
        case "responses":
            return {"type": "function_call_output", "call_id": f"id-{name}", "output": text}
        case "gemini":
            return {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"output": text}}}]}
        case "ollama":
            return {"role": "tool", "tool_name": name, "content": text}
    return {"role": "tool", "tool_call_id": f"id-{name}", "content": text}


def said(dialect: Dialect, text: str) -> str:
    """A result as text; Gemini's are objects."""
    return json.dumps({"output": text}, separators=(",", ":")) if dialect is GEMINI else text


apis = pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES, GEMINI, OLLAMA], ids=lambda each: each.name)


@apis
def test_each_turn_of_a_loop_is_told_from_the_others(dialect: Dialect) -> None:
    turns = [user(dialect, "hi")]
    assert conversation(dialect, *turns) == Conversation()
    turns += [call(dialect, "weather"), result(dialect, "weather", "rain")]
    assert conversation(dialect, *turns) == Conversation(1, (ToolResult("weather", said(dialect, "rain")),))
    turns += [call(dialect, "clock"), result(dialect, "clock", "noon")]
    found = conversation(dialect, *turns)
    assert found == Conversation(2, (ToolResult("clock", said(dialect, "noon")),))
    assert (found.last_tool, found.tool_result) == ("clock", said(dialect, "noon"))
    turns += [model(dialect, "It rains at noon.")]
    found = conversation(dialect, *turns, user(dialect, "And tomorrow?"))
    assert (found, found.last_tool, found.tool_result) == (Conversation(3), None, None)


@apis
def test_calls_side_by_side_are_one_turn(dialect: Dialect) -> None:
    calls = [call(dialect, name) for name in ("a", "b")]
    results = [result(dialect, name, name) for name in ("a", "b")]
    found = conversation(dialect, user(dialect, "hi"), *calls, *results)
    assert (found.steps, [one.tool for one in found.results]) == (1, ["a", "b"])


@apis
def test_a_word_of_the_user_beside_a_result_takes_it_not_away(dialect: Dialect) -> None:
    turns = [user(dialect, "hi"), call(dialect, "a"), result(dialect, "a", "1")]
    assert conversation(dialect, *turns, user(dialect, "hurry")).last_tool == "a"


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES], ids=lambda each: each.name)
def test_a_result_of_a_call_that_the_conversation_has_not_has_no_name(dialect: Dialect) -> None:
    found = conversation(dialect, user(dialect, "hi"), result(dialect, "a", "1"))
    assert found.results == (ToolResult(None, "1"),)


def test_a_result_may_have_parts_and_a_message_a_result_beside_a_text() -> None:
    parts = [{"type": "text", "text": "ra"}, {"type": "image"}, {"type": "text", "text": "in"}]
    content = [{"type": "tool_result", "tool_use_id": "id-a", "content": parts}, {"type": "text", "text": "hurry"}]
    found = conversation(MESSAGES, call(MESSAGES, "a"), {"role": "user", "content": content})
    assert found.results == (ToolResult("a", "rain"),)
    assert conversation(RESPONSES, {"type": "computer_call_output", "call_id": "x", "output": {"a": 1}}).results == (
        ToolResult(None, '{"a":1}'),
    )


def test_a_response_may_go_on_from_one_that_the_service_keeps() -> None:
    found = conversation(RESPONSES, result(RESPONSES, "a", "1"), previous_response_id="resp_1")
    assert found == Conversation(0, (ToolResult(None, "1"),), "resp_1")
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    whole = conversation(RESPONSES, user(RESPONSES, "hi"), thought, call(RESPONSES, "a"), result(RESPONSES, "a", "1"))
    assert whole == Conversation(1, (ToolResult("a", "1"),))


def test_a_tool_of_ollama_may_be_named_by_the_id_of_its_call() -> None:
    calls = [{"id": "call_1", "function": {"name": "a", "arguments": {}}}]
    messages = [{"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "call_1", "content": "1"}]
    assert conversation(OLLAMA, *messages).last_tool == "a"
