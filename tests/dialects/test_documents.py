"""What is not streamed says the same as what is: text, reasoning, refusal, tools, why it ended, and the counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Asked, Dialect
from orharness.dialects.completion import Completion
from orharness.errors import ScenarioError
from orharness.gateways import Gateway
from tests.support.dialect_strategies import completions, gateways


@dataclass
class Said:
    """What an answer says; tools with their id, name and the JSON of their arguments."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tools: list[tuple[str | None, str, Any]] = field(default_factory=list)
    finish: str | None = None
    counts: tuple[int | None, int | None] = (None, None)


def chat(document: Any) -> Said:
    first, usage = document["choices"][0], document["usage"]
    message = first["message"]
    calls = [
        (one["id"], one["function"]["name"], one["function"]["arguments"]) for one in message.get("tool_calls", ())
    ]
    reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
    counts = (usage["prompt_tokens"], usage["completion_tokens"])
    return Said(
        message["content"] or "", reasoning, message["refusal"] or "", calls, first.get("finish_reason"), counts
    )


def messages(document: Any) -> Said:
    usage, details = document["usage"], document["stop_details"] or {}
    said = Said(refusal=details.get("explanation") or "", finish=document["stop_reason"])
    for block in document["content"]:
        said.text += block["text"] if block["type"] == "text" else ""
        said.reasoning += block["thinking"] if block["type"] == "thinking" else ""
        if block["type"] == "tool_use":
            said.tools.append((block["id"], block["name"], block["input"]))
    said.counts = (usage["input_tokens"], usage["output_tokens"])
    return said


def responses(document: Any) -> Said:
    said = Said(finish=(document["incomplete_details"] or {}).get("reason") or document["status"])
    for item in document["output"]:
        said.reasoning += "".join(part["text"] for part in item.get("summary", ()))
        for part in item.get("content", ()):
            said.text += part.get("text", "")
            said.refusal += part.get("refusal", "")
        if item["type"] == "function_call":
            said.tools.append((item["call_id"], item["name"], item["arguments"]))
    said.counts = (document["usage"]["input_tokens"], document["usage"]["output_tokens"])
    return said


def gemini(document: Any) -> Said:
    (candidate,) = document["candidates"]
    said = Said(finish=candidate["finishReason"], refusal=candidate.get("finishMessage", ""))
    for part in candidate.get("content", {}).get("parts", ()):
        if call := part.get("functionCall"):
            said.tools.append((call["id"], call["name"], call.get("args", {})))
        elif part.get("thought"):
            said.reasoning += part["text"]
        else:
            said.text += part["text"]
    usage = document["usageMetadata"]
    said.counts = (usage["promptTokenCount"], usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0))
    return said


def ollama(document: Any) -> Said:
    message = document["message"]
    called = ((call["id"], call["function"]) for call in message.get("tool_calls", ()))
    calls = [(id_, function["name"], function["arguments"]) for id_, function in called]
    counts = (document.get("prompt_eval_count"), document.get("eval_count"))
    return Said(message["content"], message.get("thinking", ""), "", calls, document["done_reason"], counts)


READ: dict[Dialect, Callable[[Any], Said]] = {
    CHAT: chat,
    MESSAGES: messages,
    RESPONSES: responses,
    GEMINI: gemini,
    OLLAMA: ollama,
}


def streamed(dialect: Dialect, completion: Completion, gateway: Gateway) -> Said:
    """What the stream of the same answer says, as the dialect's own fold reads it."""
    answer = dialect.fold(dialect.write(completion, gateway, Asked(wants_usage=True)).events)
    first = answer.first
    finish = first.finish_reason if dialect is CHAT else first.native_finish_reason
    calls = [(one.id, one.name, one.arguments) for one in first.tool_calls]
    counts = (answer.tokens_prompt, answer.tokens_made)
    return Said(first.text, first.reasoning, first.refusal, calls, finish, counts)


def comparable(said: Said) -> Said:
    """With the arguments of each tool as they mean, if they are JSON."""
    return replace(said, tools=[(one, name, _meaning(given)) for one, name, given in said.tools])


def _meaning(given: Any) -> Any:
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return given


@pytest.mark.slow
@pytest.mark.parametrize("dialect", READ, ids=lambda each: each.name)
@given(st.data(), gateways)
def test_the_document_of_an_answer_says_what_its_stream_says(
    dialect: Dialect, data: st.DataObject, gateway: Gateway
) -> None:
    completion = data.draw(completions(dialect).filter(lambda made: made.error is None))
    try:
        document = dialect.document(completion, gateway, Asked(stream=False))
    except ScenarioError:  # arguments that are not an object, for which a message that is not streamed has no form
        assume(False)
    sent = json.loads(json.dumps(document))
    assert comparable(READ[dialect](sent)) == comparable(streamed(dialect, completion, gateway))
