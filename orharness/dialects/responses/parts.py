"""OpenAI Responses: the shortest event for a part of an answer, for documents written once for all APIs.

Source: https://platform.openai.com/docs/api-reference/responses-streaming, for what each event requires.
"""

from __future__ import annotations

from typing import Any

from orharness.dialects.dialect import Part
from orharness.dialects.values import Json, dumps
from orharness.sse import Event

_AT: Json = {"item_id": "1", "output_index": 0}


def event_of(part: Part) -> Event | None:
    """Return the event for the part, ``None`` for a finish reason, which is in the last event."""
    if part.end or part.usage is not None:
        return _event("response.completed", response=_response(part))
    if part.text is not None:
        return _event("response.output_text.delta", **_AT, content_index=0, delta=part.text, logprobs=[])
    if part.role is not None:
        item = {"id": "1", "type": "message", "status": "in_progress", "role": part.role, "content": []}
        return _event("response.output_item.added", output_index=0, item=item)
    return None


def closing(text: str) -> tuple[Event, ...]:
    """Return the events that close the part and the message of the text."""
    done = {"id": "1", "type": "message", "status": "completed", "role": "assistant", "content": [_part(text)]}
    return (
        _event("response.output_text.done", **_AT, content_index=0, text=text, logprobs=[]),
        _event("response.content_part.done", **_AT, content_index=0, part=_part(text)),
        _event("response.output_item.done", output_index=0, item=done),
    )


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _begun(name: str) -> Event:
    return _event(name, response={**_response(Part()), "status": "in_progress"})


def _response(part: Part) -> Json:
    head = {"id": "1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": []}
    needed = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    if part.usage is None:
        return {**head, **needed}
    counted = {"input_tokens": part.usage.prompt_tokens, "output_tokens": part.usage.completion_tokens}
    return {**head, **needed, "usage": {**counted, "total_tokens": sum(counted.values())}}


def _event(name: str, **fields: Any) -> Event:
    return Event(name, dumps({"type": name, **fields, "sequence_number": 0}))


OPENING = (
    _begun("response.created"),
    _begun("response.in_progress"),
    _event(
        "response.output_item.added",
        output_index=0,
        item={"id": "1", "type": "message", "status": "in_progress", "role": "assistant", "content": []},
    ),
    _event("response.content_part.added", **_AT, content_index=0, part=_part("")),
)
