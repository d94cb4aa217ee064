"""JSON as the services send it, and ways to read values of any type."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

Json = dict[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(value: object) -> str:
    """Return compact JSON that is not escaped to ASCII, as the services send it."""
    return _encode(value)


def template(make: Callable[[str], object]) -> Callable[[str], str]:
    """Return ``dumps(make(text))`` as a function of the text, wherever and however often the text is in the value.

    The value is encoded once. ``make`` puts the text in as it is, and makes the rest the same for every text.
    """
    blank = "\ue000"  # of the private use area; longer until nothing else in the value equals it
    while encode_basestring(blank) in _encode(make("")):
        blank += blank
    parts = _encode(make(blank)).split(encode_basestring(blank))
    return lambda text: encode_basestring(text).join(parts)


def parsed(text: str) -> object:
    """Return the text parsed as JSON, or ``None`` if it is not JSON.

    ``None`` also for JSON that is nested too deeply, or that has a number with too many digits.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def at(value: object, *names: str) -> object:
    """Return the value under these names in nested JSON objects; ``None`` if anything on the way is not an object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def list_at(value: object, name: str) -> list[object]:
    """Return the list under the name, or an empty list if there is none."""
    found = at(value, name)
    return found if isinstance(found, list) else []
