"""What the frames whose events are JSON values share: NDJSON and the JSON array."""

from __future__ import annotations

import json

from orharness.errors import ScenarioError
from orharness.frames.frame import Frame
from orharness.sse import Event, Item

BLANKS = b" \t\r\n"  # the whitespace of JSON (RFC 8259, section 2)


def event_of(text: bytes) -> Event:
    """Return the event of a JSON text."""
    return Event(data=text.decode("utf-8", "replace"))


def data_of(frame: Frame, item: Item | str) -> str:
    """Return the data of an item. Raises ``Inexpressible`` if the frame has no form for it."""
    if lacking := frame.lacks(item):
        raise frame.cannot(lacking)
    if isinstance(item, str):
        return item
    assert isinstance(item, Event)  # the frame refuses all other items
    return item.data


def utf8_of(text: str) -> bytes:
    """Return the text in UTF-8. Raises ``ScenarioError`` for a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ScenarioError(f"a response body is UTF-8 and cannot hold a lone surrogate: {error}") from error


def is_json(text: bytes) -> bool:
    """Return whether the bytes are one JSON text."""
    try:
        json.loads(text.decode("utf-8", "replace"))  # given bytes, it would guess the encoding
    except (ValueError, RecursionError):
        return False
    return True
