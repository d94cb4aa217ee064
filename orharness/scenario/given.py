"""Making a completion of the given arguments: a wrong value fails where it is written, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.errors import ScenarioError
from orharness.scenario.checked import instance_of, optional, pieces_of, text_of, whole_number_of


def completion_of(
    called: str, text: str | Iterable[str] | None, tokens: int | None, fields: Mapping[str, Any]
) -> Completion:
    """Return the completion of a text (or its pieces) or of a number of tokens, and of further fields.

    ``called``: the method's name, for errors. Raises ``ScenarioError`` for impossible values.
    """
    if (text is None) == (tokens is None):
        raise ScenarioError(f"{called} takes a text or tokens=, one of them")
    checked = {name: _CHECKS[name](value, f"{name}=") for name, value in fields.items()}
    return Completion.of(_content(called, text, tokens), **checked)


def _content(called: str, text: str | Iterable[str] | None, tokens: int | None) -> str | int | tuple[str, ...]:
    if tokens is not None:
        return whole_number_of(tokens, "tokens=")
    if isinstance(text, str):
        return text
    try:
        return pieces_of(text or (), "")
    except ScenarioError:
        hint = f"; for a number of tokens write tokens={text!r}" if isinstance(text, int) else ""
        raise ScenarioError(f"{called} takes a text, or a list of its pieces, not {text!r}{hint}") from None


def _calls(value: Iterable[ToolCall], what: str) -> tuple[ToolCall, ...]:
    return _all(partial(instance_of, ToolCall), value, what, "a list of ToolCall")


def _others(value: Iterable[Iterable[str]], what: str) -> tuple[tuple[str, ...], ...]:
    return _all(pieces_of, value, what, "a list of choices, each a list of texts")


def _all(check: Callable[[Any, str], Any], values: Any, what: str, kind: str) -> tuple[Any, ...]:
    try:
        return tuple(check(one, what) for one in values)
    except (TypeError, ScenarioError):  # not iterable, or an item of the wrong type
        raise ScenarioError(f"{what} is {kind}, not {values!r}") from None


_text_or_none = partial(optional, text_of)
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "tokens": pieces_of,
    "reasoning": text_of,
    "tool_calls": _calls,
    "refusal": text_of,
    "finish_reason": _text_or_none,
    "native_finish_reason": _text_or_none,
    "usage": partial(optional, partial(instance_of, Usage)),
    "model": _text_or_none,
    "provider": _text_or_none,
    "id": _text_or_none,
    "created": whole_number_of,
    "others": _others,
    "error": partial(optional, partial(instance_of, Failure)),
}
