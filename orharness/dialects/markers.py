"""Which event tells a client that the answer is over, in each dialect that is replayed.

A client that leaves behind it has read everything; one that leaves before it has cancelled.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming, ``…/responses-streaming``,
https://docs.anthropic.com/en/docs/build-with-claude/streaming; OpenRouter's Responses stream as recorded (its events
are not named, their type stands in the JSON only, and ``[DONE]`` follows).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import orharness.dialects.chat.fold as chat
from orharness.sse import Event, Item

Predicate = Callable[[Event], bool]

RESPONSES_ENDS = ("response.completed", "response.failed", "response.incomplete")
MESSAGES_END = "message_stop"
ERROR = "error"  # the type of an error event of Responses and Messages


def is_end_of_responses(event: Event) -> bool:
    """OpenAI Responses: completed, failed or incomplete; ``[DONE]`` too, which OpenRouter sends behind it."""
    return chat.is_end(event) or _says(event, RESPONSES_ENDS)


def is_end_of_messages(event: Event) -> bool:
    """Anthropic Messages: ``message_stop``."""
    return _says(event, (MESSAGES_END,))


def is_end_of_any(event: Event) -> bool:
    """Any dialect's end marker; no event of a chat completion but its ``[DONE]``, whatever text it carries."""
    return is_end_of_responses(event) or is_end_of_messages(event)


def may_leave_after(event: Event) -> bool:
    """Whether a client of any dialect may leave after the event: an end marker, or an error, named or by its JSON."""
    return is_end_of_any(event) or chat.error_of(event) is not None or _says(event, (ERROR,))


def is_never_the_end(event: Event) -> bool:
    """For a dialect without an end marker, as Gemini's: only the end of the body ends it."""
    return False


_BY_PATH: dict[str, Predicate] = {
    "/completions": chat.is_end,  # /chat/completions too
    "/responses": is_end_of_responses,
    "/messages": is_end_of_messages,
}


def end_of(source: str | Iterable[Item]) -> Predicate:
    """The predicate of the dialect spoken at a path, or in a stream's items; ``is_never_the_end`` for any other.

    Of a path, only its end counts, and no query: ``/api/v1/chat/completions?api-version=1`` is a chat.
    """
    if isinstance(source, str):
        path = source.partition("?")[0].rstrip("/")
        return next((end for suffix, end in _BY_PATH.items() if path.endswith(suffix)), is_never_the_end)
    ends = (event for event in source if isinstance(event, Event) and is_end_of_any(event))
    return next((_dialect(event) for event in ends), is_never_the_end)


def _dialect(end: Event) -> Predicate:
    # The chat's own comes first: [DONE] without anything before it that ends another dialect is a chat's.
    return next(each for each in (chat.is_end, is_end_of_responses, is_end_of_messages) if each(end))


def _says(event: Event, types: tuple[str, ...]) -> bool:
    return event.type in types or (any(each in event.data for each in types) and _type_in(event.data) in types)


def _type_in(data: str) -> object:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return None
    # The type alone decides, and a chat chunk has none; one that an odd server adds must not end the chat.
    return parsed.get("type") if isinstance(parsed, dict) and "choices" not in parsed else None
