"""The answers that each SDK is to read, and what it must make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orharness.dialects.completion import ToolCall, Usage

TEXT = "Grüße, 世界 🙂"
CALLS = (ToolCall("get_weather", '{"city": "Zürich"}', "call_1"), ToolCall("now", "{}", "call_2"))


@dataclass
class Read:
    """What a client made of an answer; ``usage``: prompt and completion tokens."""

    text: str = ""
    reasoning: str = ""
    tools: list[tuple[str, str, str]] = field(default_factory=list)
    finish: str | None = None
    usage: tuple[int, int] | None = None


ANSWERS: dict[str, dict[str, Any]] = {
    "text": {"text": TEXT},
    "all of it": {"text": TEXT, "reasoning": "hm, well", "tool_calls": CALLS, "usage": Usage(7, 19, 3)},
    "too long": {"text": "half an", "finish_reason": "length", "usage": Usage(3, 2)},
}


def expected(answer: dict[str, Any], finish: str, tokens: int) -> Read:
    """What is written, as a client must read it; ``tokens``: those of the text where no usage is given."""
    usage = answer.get("usage") or Usage(8, tokens)
    return Read(
        answer["text"],
        answer.get("reasoning", ""),
        [(str(call.id), call.name, call.arguments) for call in answer.get("tool_calls", ())],
        finish,
        (usage.prompt_tokens, usage.completion_tokens),
    )
