"""Ollama: the shortest line for a part of an answer, for documents written once for all APIs.

Source: ``ChatResponse`` in ``api/types.go``, for the fields that each line has.
"""

from __future__ import annotations

from orharness.dialects.dialect import Part
from orharness.dialects.ollama.words import sent_for
from orharness.dialects.values import Json, dumps
from orharness.sse import Event

HEAD: Json = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}


def event_of(part: Part) -> Event | None:
    """Return the line for the part, ``None`` for a finish reason, which is in the last line."""
    if part.end or part.usage is not None:
        return Event(data=dumps(last(part)))
    if part.text is None and part.role is None:
        return None
    return Event(data=dumps(HEAD | _message(part) | {"done": False}))


def last(part: Part) -> Json:
    """Return the line that ends an answer."""
    counted: Json = {}
    if part.usage is not None:
        counted = {"prompt_eval_count": part.usage.prompt_tokens, "eval_count": part.usage.completion_tokens}
    return HEAD | _message(part) | {"done": True, "done_reason": sent_for(part.finish or "stop"), **counted}


def _message(part: Part) -> Json:
    return {"message": {"role": part.role or "assistant", "content": part.text or ""}}
