"""The answers that each SDK is to read, and what it must make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from orharness.dialects.completion import ToolCall, Usage
from orharness.server.handles import LiveRoute

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
FINISHES = {
    "chat": {"text": "stop", "all of it": "tool_calls", "too long": "length"},
    "gemini": {"text": "STOP", "all of it": "STOP", "too long": "MAX_TOKENS"},
    "messages": {"text": "end_turn", "all of it": "tool_use", "too long": "max_tokens"},
    "ollama": {"text": "stop", "all of it": "stop", "too long": "length"},
    "responses": {"text": "completed", "all of it": "completed", "too long": "incomplete"},
}
answers = pytest.mark.parametrize("name", ANSWERS)


def expected(api: str, name: str) -> Read:
    """What a client must read in the answer of that name, in the words of that API."""
    answer = ANSWERS[name]
    usage = answer.get("usage") or Usage(8, 5)  # the tokens of TEXT, where no usage is given
    return Read(
        answer["text"],
        answer.get("reasoning", ""),
        [(str(call.id), call.name, call.arguments) for call in answer.get("tool_calls", ())],
        FINISHES[api][name],
        (usage.prompt_tokens, usage.completion_tokens),
    )


def check_the_bill_of_a_cancel(route: LiveRoute) -> None:
    """The model was stopped at once: four tokens were made, and those alone are billed."""
    route.call.assert_upstream_stopped()
    bill = route.call.bill
    assert bill is not None
    assert (bill.tokens_made, bill.tokens_billed, bill.cancelled, bill.counted) == (4, 4, True, "tokens")
