"""Errors in a request's JSON, in words that name the field: for each dialect's ``asked``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from orharness.dialects.values import Json

_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def shown(value: object) -> str:
    """Return a value as short JSON, for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def wrong_type(body: Json, name: str, *types: type, required: bool = False, within: str = "") -> Iterator[str]:
    """Yield what is wrong with a field: missing although required, or of another type; null counts as missing.

    ``within``: where the object is, for the message: ``messages[0].``. True is not an integer.
    """
    value = body.get(name)
    if value is None:
        if required:
            yield f"{within}{name} is required"
    elif not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield f"{within}{name} must be {' or '.join(_WORDS[each] for each in types)}, not {shown(value)}"


def wrong_choice(body: Json, name: str, known: tuple[str, ...], within: str = "") -> Iterator[str]:
    """Yield what is wrong with a required field that must be one of the words."""
    if body.get(name) not in known:
        yield f"{within}{name} must be one of {', '.join(known)}, not {shown(body.get(name))}"


def below(body: Json, name: str, least: int) -> Iterator[str]:
    """Yield a sentence if an integer is less than allowed."""
    value = body.get(name)
    if isinstance(value, int) and value < least:
        yield f"{name} must be {least} or more, not {value}"


def objects(body: Json, name: str) -> Iterator[tuple[str, Json | str]]:
    """Yield each entry of a list with its place (``tools[0]``): the object, or in words why it is not one."""
    value = body.get(name)
    for index, each in enumerate(value if isinstance(value, list) else ()):
        place = f"{name}[{index}]"
        yield place, each if isinstance(each, dict) else f"{place} must be an object, not {shown(each)}"
