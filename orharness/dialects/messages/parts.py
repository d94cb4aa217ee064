"""Anthropic Messages: the shortest event for a part of an answer, for documents written once for all APIs.

Source: https://docs.claude.com/en/api/messages-streaming, for what each event requires.
"""

from __future__ import annotations

from typing import Any

from orharness.dialects.dialect import Part
from orharness.dialects.messages.words import sent_for
from orharness.dialects.values import dumps
from orharness.sse import Event


def event_of(part: Part) -> Event:
    """Return the event for the part, with the fields that the API requires and no others.

    No event has both a text and a stop reason: beside a text, a finish reason or a usage is left out.
    """
    if part.end:
        return _event("message_stop")
    if part.text:
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": part.text})
    if part.usage is not None or part.finish is not None:
        tokens = 0 if part.usage is None else part.usage.completion_tokens
        counted = {} if part.usage is None else {"input_tokens": part.usage.prompt_tokens}
        reason = None if part.finish is None else sent_for(part.finish)
        delta = {"stop_reason": reason, "stop_sequence": None}
        return _event("message_delta", delta=delta, usage={**counted, "output_tokens": tokens})
    if part.text is None:
        usage = {"input_tokens": 1, "output_tokens": 1}
        head = {"id": "1", "type": "message", "role": part.role or "assistant", "content": [], "model": "m"}
        return _event("message_start", message={**head, "stop_reason": None, "stop_sequence": None, "usage": usage})
    return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": part.text})


def closing(text: str) -> tuple[Event, ...]:
    """Return the event that closes the block of the text."""
    return (_event("content_block_stop", index=0),)


def _event(name: str, **fields: Any) -> Event:
    return Event(name, dumps({"type": name, **fields}))


OPENING = (
    event_of(Part(role="assistant")),
    _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
)
