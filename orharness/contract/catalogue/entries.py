"""The entries of ``events`` in a case document, checked before they are sent: one sentence for the first wrong one."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from orharness.contract.catalogue.keys import EVENT
from orharness.dialects.completion import Usage
from orharness.errors import ScenarioError
from orharness.verdict import did_you_mean, shorten

_SHOWN = 60  # characters of a wrong value
_KINDS = (  # an entry has keys of one of these, and further ones beside them
    ("text", "finish", "usage", "end", "role", "fill"),
    ("data", "event", "id", "named_as"),
    *((name,) for name in ("comment", "retry", "raw", "base64")),
)
_SAYING = "text, finish, usage, end, data, event, id, comment, retry, raw or base64"
_COUNTS = tuple(one.name for one in fields(Usage))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_usage(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) <= set(_COUNTS)


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and b64decode(value, validate=True) is not None
    except ValueError:
        return False


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("text", "data", "event", "comment", "raw"), (_is_text, "a text")),
    **dict.fromkeys(("finish", "role"), (_is_text_or_null, "a text or null")),
    "usage": (_is_usage, f"a mapping of {', '.join(_COUNTS)}"),
    "end": (lambda value: value is True, "true"),
    "base64": (_is_base64, "bytes in base64"),
    "delay": (_is_seconds, "a number of seconds, 0 or more"),
    "cut": (_is_count, "a number of bytes, 0 or more"),
    "fill": (lambda value: _is_count(value) and value > 0, "a number of bytes from 1 up"),
    "optional": (lambda value: isinstance(value, bool), "true or false"),
    "named_as": (lambda value: isinstance(value, Mapping), "a mapping, such as {text: ''}"),
}


def check_entries(entries: Any) -> None:
    """Raise ``ScenarioError`` for the first key or value of ``events`` that is wrong, with the number of the entry."""
    if not isinstance(entries, list | tuple):
        raise ScenarioError(f"events is a list; not {_shown(entries)}")
    for number, entry in enumerate(entries, 1):
        _check(entry, f"event {number}")


def _check(entry: Any, what: str) -> None:
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"{what} is a mapping, such as {{text: Hello}}; not {_shown(entry)}")
    if unknown := {str(key) for key in entry} - set(EVENT):
        known = f"it takes {', '.join(sorted(EVENT))}"
        raise ScenarioError(f"{what} has no key {', '.join(sorted(unknown))}{did_you_mean(unknown, EVENT)}; {known}")
    given = [one for keys in _KINDS if (one := next((key for key in keys if key in entry), None)) is not None]
    if not given:
        raise ScenarioError(f"{what} says nothing: it has none of {_SAYING}")
    if len(given) > 1:
        raise ScenarioError(f"{what} has {' and '.join(given)}, which are events of their own")
    for name, value in entry.items():
        if name in _VALUES and not _VALUES[name][0](value):
            raise ScenarioError(f"{name} in {what} is {_VALUES[name][1]}; not {_shown(value)}")


def _shown(value: Any) -> str:
    return shorten(repr(value), _SHOWN)
