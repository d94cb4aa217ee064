"""Why a message ends: the neutral word of a completion, and the API's own.

Sources: https://docs.claude.com/en/api/handling-stop-reasons; the Python SDK's ``StopReason`` (anthropic 2.14.0).
"""

from __future__ import annotations

from orharness.dialects.completion import Completion

REFUSAL = "refusal"
_SENT = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": REFUSAL,
    "pause_turn": "pause_turn",
}
_MEANT = {sent: meant for meant, sent in _SENT.items()} | {
    "stop_sequence": "stop",
    "model_context_window_exceeded": "length",
}


def stop_reason(completion: Completion) -> str:
    """Return the stop reason that is sent: the native one if it is given."""
    return completion.native_finish_reason or (REFUSAL if completion.refusal else _SENT[completion.finish])


def sent_for(finish: str) -> str:
    """Return the API's word for a neutral finish reason; any other word is returned unchanged."""
    return _SENT.get(finish, finish)


def finish_of(stop_reason: str, *, explained: bool) -> str:
    """Return the neutral finish reason; an unknown word is kept.

    A refusal that is explained in words is what other APIs call an answer that stops with a refusal.
    """
    return "stop" if explained and stop_reason == REFUSAL else _MEANT.get(stop_reason, stop_reason)


def limits(completion: Completion) -> str | None:
    """Return what of a completion the API cannot express, in words; ``None`` if it can express all of it."""
    if completion.finish not in _SENT:
        hint = _MEANT.get(completion.finish)
        said = f": for the API's own word, write finish_reason={hint!r}, native_finish_reason=" if hint else ""
        return f"finish_reason={completion.finish!r}; it takes {', '.join(_SENT)}{said}"
    if completion.refusal and (completion.tool_calls or completion.error or completion.finish != "stop"):
        return "refusal= with tool_calls=, error= or finish_reason=: a refusal is explained in the event that ends it"
    if completion.error and completion.error.shape is not None:
        return f"the error's shape={str(completion.error.shape)!r}: that is one of chat completions"
    return None
