"""What the upstream says where whole chunks are compared."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.dialects.values import Json, dumps
from orharness.scenario import Reply

_HEAD: Json = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "provider": "Groq"}
_REASONS = ("Let me", " think.")
_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 20,
    "total_tokens": 23,
    "completion_tokens_details": {"reasoning_tokens": 4},
}
# Two calls whose arguments come in turns: the index alone says which is meant.
_FRAGMENTS: tuple[tuple[int, str | None, str], ...] = (
    (0, "call_a", ""),
    (1, "call_b", ""),
    (0, None, '{"city":'),
    (1, None, '{"zone":'),
    (0, None, '"Zürich"}'),
    (1, None, '"CET"}'),
)
_NAMES = {"call_a": "weather", "call_b": "clock"}


def _chunk(delta: Json, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, "native_finish_reason": finish}
    return {**_HEAD, "choices": [choice]}


def _call(index: int, id_: str | None, arguments: str) -> Json:
    if id_ is None:
        return {"index": index, "function": {"arguments": arguments}}
    return {"index": index, "id": id_, "type": "function", "function": {"name": _NAMES[id_], "arguments": arguments}}


def whole_answer(tokens: Sequence[str]) -> Reply:
    """Return an answer with all that a chunk may say: role, reasoning, text, tool calls, finish, usage, own fields.

    Source: https://openrouter.ai/docs/api-reference/streaming, and recordings of such gateways.
    """
    chunks = [
        _chunk({"role": "assistant", "content": ""}),
        *(_chunk({"content": "", "reasoning": one}) for one in _REASONS),
        *(_chunk({"content": one}) for one in tokens),
        *(_chunk({"tool_calls": [_call(*one)]}) for one in _FRAGMENTS),
        _chunk({}, "tool_calls"),
        {**_HEAD, "choices": [], "usage": _USAGE},
    ]
    return Reply.stream(*map(dumps, chunks), "[DONE]")
