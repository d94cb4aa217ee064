"""The Gemini API: the shortest event for a part of an answer, for documents written once for all APIs.

Source: https://ai.google.dev/api/generate-content, for what each chunk has.
"""

from __future__ import annotations

from orharness.dialects.completion import Usage
from orharness.dialects.dialect import Part
from orharness.dialects.gemini.words import sent_for
from orharness.dialects.values import Json, dumps
from orharness.sse import Event


def event_of(part: Part) -> Event | None:
    """Return the event for the part, with the fields that the API has and no others.

    A finish reason is only in the chunk that ends an answer: ``None`` for a finish reason alone.
    """
    if part.end:
        return _event("", part.finish or "stop", part.usage)
    if part.text is not None or part.role is not None:
        return _event(part.text or "", None, part.usage)
    return None if part.usage is None else Event(data=dumps({"usageMetadata": _counted(part.usage)}))


def _event(text: str, finish: str | None, usage: Usage | None) -> Event:
    candidate: Json = {"content": {"parts": [{"text": text}], "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = sent_for(finish)
    counted = {} if usage is None else {"usageMetadata": _counted(usage)}
    return Event(data=dumps({"candidates": [{**candidate, "index": 0}], **counted}))


def _counted(usage: Usage) -> Json:
    counts = {"promptTokenCount": usage.prompt_tokens, "candidatesTokenCount": usage.completion_tokens}
    return {**counts, "totalTokenCount": sum(counts.values())}
