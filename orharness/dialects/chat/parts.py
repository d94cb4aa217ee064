"""The chat-completions dialect: the shortest chunks.

Source: https://platform.openai.com/docs/api-reference/chat-streaming, for what each chunk requires.
"""

from __future__ import annotations

from typing import Any

from orharness.dialects.chat.fold import END
from orharness.dialects.dialect import Part
from orharness.dialects.values import Json, dumps
from orharness.sse import Event

HEAD: Json = {"id": "1", "created": 1, "model": "m"}  # required by the API's reference, and checked by typed clients


def event_of(part: Part) -> Event:
    """Return the event for the part, with the fields that the API requires and no others."""
    if part.end:
        return Event(data=END)
    if part.usage is not None:
        counts = {"prompt_tokens": part.usage.prompt_tokens, "completion_tokens": part.usage.completion_tokens}
        return Event(data=chunk(None, usage={**counts, "total_tokens": sum(counts.values())}))
    role = {} if part.role is None else {"role": part.role}
    content = {} if part.text is None else {"content": part.text}
    return Event(data=chunk({**role, **content}, part.finish))


def chunk(delta: Json | None, finish: str | None = None, **fields: Any) -> str:
    """Return the JSON of a chunk with one choice, none if ``delta`` is ``None``; ``fields`` are added or replaced."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return dumps({**HEAD, "object": "chat.completion.chunk", "choices": choices, **fields})
