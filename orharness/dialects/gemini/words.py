"""Why a Gemini answer ends: the neutral word of a completion, and the API's own; what the API cannot express.

Sources: https://ai.google.dev/api/generate-content#FinishReason; the Python SDK's ``FinishReason`` (google-genai
3.6.1).
"""

from __future__ import annotations

from orharness.dialects.completion import Completion, PieceKind
from orharness.dialects.values import parsed

SAFETY = "SAFETY"
_SENT = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": SAFETY}
_MEANT = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys([SAFETY, "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"], "content_filter"),
}
UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"  # the default value of the field, without meaning


def finish_reason(completion: Completion) -> str:
    """Return the finish reason that is sent: the native one if it is given."""
    return completion.native_finish_reason or (SAFETY if completion.refusal else _SENT[completion.finish])


def sent_for(finish: str) -> str:
    """Return the API's word for a neutral finish reason; any other word is returned unchanged."""
    return _SENT.get(finish, finish)


def finish_of(reason: str, *, calls: bool, explained: bool) -> str:
    """Return the neutral finish reason; an unknown word is kept.

    An answer with tool calls stops with STOP. A block that is explained in words is what other APIs call an answer that
    stops with a refusal.
    """
    meant = "stop" if explained and reason == SAFETY else _MEANT.get(reason, reason)
    return "tool_calls" if meant == "stop" and calls else meant


def limits(completion: Completion) -> str | None:
    """Return what of a completion the API cannot express, in words; ``None`` if it can express all of it."""
    return _finish(completion) or _refusal(completion) or _calls(completion) or _error(completion)


def _finish(completion: Completion) -> str | None:
    own = "tool_calls" if completion.tool_calls else "stop"
    takes = (own, "length", "content_filter")
    if completion.finish in takes:
        return None
    hint = _MEANT.get(completion.finish)
    said = f": for the API's own word, write finish_reason={hint!r}, native_finish_reason=" if hint else ""
    return f"finish_reason={completion.finish!r}; of this answer it can say {', '.join(takes)}{said}"


def _refusal(completion: Completion) -> str | None:
    if completion.refusal and (completion.tool_calls or completion.error or completion.finish != "stop"):
        return "refusal= with tool_calls=, error= or finish_reason=: a refusal is explained in the chunk that ends it"
    return None


def _calls(completion: Completion) -> str | None:
    for call in completion.tool_calls:
        if not isinstance(parsed(call.arguments), dict):
            return f"tool_calls= with the arguments {call.arguments!r}: they are sent as a JSON object"
    return None


def _error(completion: Completion) -> str | None:
    if completion.error is None:
        return None
    if completion.error.shape is not None:
        return f"the error's shape={str(completion.error.shape)!r}: that is one of chat completions"
    after = len(completion.made)
    if after < len(completion.pieces) and completion.pieces[after].kind is PieceKind.ARGUMENTS:
        return f"an error after {after} pieces, inside a tool call: a call is sent whole"
    return None
