"""Differences between a value and what was expected, as sentences; an empty list is a match.

An expectation is a value to be equal to, or a mapping of ``equals``, ``contains`` or ``matches`` (a regular expression,
searched for).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_MATCHERS: dict[str, tuple[str, Callable[[str, str], bool]]] = {
    "contains": ("a text that contains", lambda expected, got: expected in got),
    "matches": ("a text that matches", lambda expected, got: re.search(expected, got) is not None),
}
MATCHERS = ("equals", *_MATCHERS)


def difference(what: str, expected: Any, got: Any) -> list[str]:
    """Return a sentence if the value named ``what`` is not as expected."""
    if isinstance(expected, Mapping) and expected and set(expected) <= set(MATCHERS):
        return [line for name, wanted in expected.items() for line in _matched(what, name, wanted, got)]
    return [] if expected == got else [f"{what}: expected {expected!r}, got {got!r}"]


def _matched(what: str, name: str, wanted: Any, got: Any) -> list[str]:
    if name == "equals":
        return [] if wanted == got else [f"{what}: expected {wanted!r}, got {got!r}"]
    phrase, holds = _MATCHERS[name]
    if isinstance(got, str) and holds(str(wanted), got):
        return []
    return [f"{what}: expected {phrase} {wanted!r}, got {got!r}"]


def json_difference(expected: Any, got: Any, *, partial: bool = False, at: str = "body") -> list[str]:
    """Return where two JSON values differ, a sentence each. ``partial``: more in ``got`` is ignored."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        found = [f"{at}.{key} is missing" for key in expected if key not in got]
        if not partial:
            found += [f"{at}.{key} was not expected: {short(repr(got[key]), 60)}" for key in got if key not in expected]
        both = [key for key in expected if key in got]
        return found + [
            line for key in both for line in json_difference(expected[key], got[key], partial=partial, at=f"{at}.{key}")
        ]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for i, (a, b) in pairs for line in json_difference(a, b, partial=partial, at=f"{at}[{i}]")]
    if expected == got and isinstance(expected, bool) == isinstance(got, bool):
        return []
    return [f"{at}: expected {short(repr(expected), 60)}, got {short(repr(got), 60)}"]


def short(text: str, length: int = 24) -> str:
    """Return the text, cut to a length in characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
