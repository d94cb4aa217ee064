"""How a response ends: the neutral word of a completion, and the API's own; the codes of its errors.

Sources: https://platform.openai.com/docs/api-reference/responses/object; the Python SDK's ``ResponseError`` (openai
3.57.0).
"""

from __future__ import annotations

from orharness.dialects.completion import Completion
from orharness.gateways import ErrorShape

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}  # incomplete_details.reason
_MEANT = {sent: meant for meant, sent in INCOMPLETE.items()}


def code_of(code: int | str) -> str:
    """Return an error's code: the API's word for an HTTP status; a word is returned unchanged."""
    if isinstance(code, str):
        return code
    return "rate_limit_exceeded" if code == 429 else "server_error" if code >= 500 else "invalid_prompt"


def finish_of(status: object, reason: object, *, calls: bool) -> str | None:
    """Return the neutral finish reason of a response, given its status and why it is incomplete."""
    if status == "completed":
        return "tool_calls" if calls else "stop"
    return _MEANT.get(str(reason), str(reason)) if status == "incomplete" and reason else None


def limits(completion: Completion) -> str | None:
    """Return what of a completion the API cannot express, in words; ``None`` if it can express all of it."""
    own = "tool_calls" if completion.tool_calls else "stop"
    if completion.finish not in (own, *INCOMPLETE):
        takes = ", ".join((own, *INCOMPLETE))
        return f"finish_reason={completion.finish!r}: it sends a status, and of this answer it can say {takes}"
    if completion.native_finish_reason:
        return "native_finish_reason=; it sends a status"
    if completion.error and completion.error.shape not in (None, ErrorShape.BARE):
        return f"the error's shape={str(completion.error.shape)!r}: that is one of chat completions"
    return None
