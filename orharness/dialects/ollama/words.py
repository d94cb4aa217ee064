"""Ollama: its endpoints, why an answer ends, and what of a completion it cannot express.

Sources: https://docs.ollama.com/api/chat; ``server/routes.go`` and ``api/types.go`` of github.com/ollama/ollama.
"""

from __future__ import annotations

from orharness.dialects.completion import Completion
from orharness.dialects.values import parsed

CHAT = "/api/chat"
GENERATE = "/api/generate"
_SENT = {"stop": "stop", "tool_calls": "stop", "length": "length"}


def done_reason(completion: Completion) -> str:
    """Return the reason that is sent: the native one if it is given (``load``, ``unload``)."""
    return completion.native_finish_reason or _SENT[completion.finish]


def sent_for(finish: str) -> str:
    """Return the API's word for a neutral finish reason; any other word is returned unchanged."""
    return _SENT.get(finish, finish)


def finish_of(reason: str, *, calls: bool) -> str:
    """Return the neutral finish reason: an answer with tool calls stops with the same word as any other."""
    return "tool_calls" if calls and reason == "stop" else reason


def limits(completion: Completion) -> str | None:
    """Return what of a completion the API cannot express, in words; ``None`` if it can express all of it."""
    own = "tool_calls" if completion.tool_calls else "stop"
    if completion.finish not in (own, "length"):
        return f"finish_reason={completion.finish!r}: of this answer it can say {own}, length"
    for call in completion.tool_calls:
        if not isinstance(parsed(call.arguments), dict):
            return f"tool arguments that are not a JSON object: {call.name!r} has {call.arguments!r}"
    if completion.error is not None:
        if completion.error.shape is not None:
            return f"the error's shape={str(completion.error.shape)!r}: that is one of chat completions"
        if _cuts_a_call(completion):
            return f"error= after {completion.error.after} pieces: that is within a tool call, which is sent whole"
    return None


def _cuts_a_call(completion: Completion) -> bool:
    made, whole = completion.made, completion.pieces
    cut = whole[len(made) :]
    return bool(made and cut) and made[-1].kind in ("call", "arguments") and cut[0].kind == "arguments"
