"""The text of a relay's answer, whatever its form. Pure.

A relay may pass on the model's events, wrap the text into events of its own, or send JSON lines or plain text. A text
that the model sent is searched for in all of these readings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from orharness.dialects.values import list_at
from orharness.sse import Event, Item, decode

_PREFIX = re.compile(r"^\w{1,2}:(?=[\"\[{])")  # the Vercel AI SDK's data stream: 0:"text"


class AnswerForm(StrEnum):
    """The form into which a relay puts the model's stream."""

    CHAT = "chat"  # chat completion chunks
    EVENTS = "events"  # any other event stream
    OTHER = "other"  # anything else: text, JSON lines


def events_of(content: bytes) -> list[Event]:
    """Return the events in the content."""
    return [item for item in items_of(content) if isinstance(item, Event)]


def items_of(content: bytes) -> list[Item]:
    """Return the events, comments and retries in the content, by the standard."""
    return decode(content)


def form_of(content: bytes, content_type: str = "") -> AnswerForm:
    """Return the form according to the content: a content type can be wrong."""
    events = events_of(content)
    if any('"choices"' in event.data for event in events):  # also if what was joined or cut is no longer JSON
        return AnswerForm.CHAT
    return AnswerForm.EVENTS if events or content_type.startswith("text/event-stream") else AnswerForm.OTHER


def views(content: bytes) -> list[str]:
    """Return each reading of the content: as it is, the data of its events joined, each field of its JSON joined."""
    text = content.decode("utf-8", "replace")
    events = events_of(content)
    lines = [event.data for event in events] or [_PREFIX.sub("", line) for line in text.split("\n")]
    fields: dict[tuple[str | int, ...], list[str]] = {}
    for line in lines:
        for path, said in _strings(parsed(line), ()):
            fields.setdefault(path, []).append(said)
    return [text, "".join(event.data for event in events), *("".join(said) for said in fields.values())]


def says(content: bytes, text: str) -> bool:
    """Return whether the text is in any reading of the content."""
    return any(text in view for view in views(content))


def best_view(content: bytes, marks: tuple[str, ...]) -> str:
    """Return the reading with most of the marks; among equals the shortest, which has the least other text."""
    return max(views(content), key=lambda view: (sum(mark in view for mark in marks), -len(view)))


def contents(events: list[Event]) -> list[str]:
    """Return the text of each chat completion chunk that has any."""
    deltas = [parsed(event.data) for event in events]
    return [
        str(delta["content"])
        for document in deltas
        for choice in list_at(document, "choices")
        if isinstance(choice, dict) and isinstance(delta := choice.get("delta"), dict) and delta.get("content")
    ]


def finished(events: list[Event]) -> bool:
    """Return whether the events contain an end: ``[DONE]``, or a finish reason other than an error."""
    if any(event.data == "[DONE]" for event in events):
        return True
    choices = [choice for event in events for choice in list_at(parsed(event.data), "choices")]
    return any(isinstance(one, dict) and one.get("finish_reason") not in (None, "error") for one in choices)


def parsed(text: str) -> Any:
    """Return the text parsed as JSON; ``None`` if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def bare(value: Any) -> Any:
    """Return the JSON without the nulls in its objects, which many relays leave out."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items() if inner is not None}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


def canonical(value: Any) -> str:
    """Return the JSON in one spelling: objects are equal whatever the order of their names."""
    return json.dumps(value, sort_keys=True)


def _strings(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text in a JSON value with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*path, index))
