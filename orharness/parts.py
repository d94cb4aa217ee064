"""The parts of an answer that a client hands over, whatever the API: text, reasoning, whole tool calls and the rest.

A client under test may yield them in place of plain text, as these classes or as their dicts: ``{"type": "text",
"text": …}``, ``reasoning`` and ``refusal`` likewise, ``{"type": "tool_call", "name": …, "arguments": …, "id": …}``,
``{"type": "usage", "prompt_tokens": …, "completion_tokens": …}``, ``{"type": "finish", "reason": …}``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by the model."""

    name: str
    """The tool's name."""
    arguments: str = "{}"
    """The arguments as the JSON text that the model wrote (possibly invalid)."""
    id: str | None = None
    """``None`` for one that is made from the call and its place in the answer."""

    def id_at(self, index: int) -> str:
        """Return the id that is sent: the given one, or one made from the call and its place in the answer."""
        return "call_" + digest(index, self.name, self.arguments) if self.id is None else self.id


@dataclass(frozen=True, slots=True)
class Usage:
    """The token counts that an answer reports."""

    prompt_tokens: int
    """Those of the request."""
    completion_tokens: int
    """Those of the answer, reasoning included."""
    reasoning_tokens: int = 0
    """How many of the answer's tokens are reasoning."""
    cost: float = 0.0
    """In credits (US dollars)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the answer, as a plain ``str`` is."""

    text: str
    """One piece of it, or all."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning of the model, which is not part of the answer's text."""

    text: str
    """One piece of it, or all."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal, which some APIs keep apart from the text."""

    text: str
    """One piece of it, or all."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped, in the API's own word."""

    reason: str
    """Such as ``stop``, ``length`` or ``tool_calls``."""


Part = Text | Reasoning | Refusal | ToolCall | Usage | Finish
KINDS: dict[str, type[Any]] = {
    "text": Text,
    "reasoning": Reasoning,
    "refusal": Refusal,
    "tool_call": ToolCall,
    "usage": Usage,
    "finish": Finish,
}
"""The class of each part, by its ``type`` in a dict."""
TITLES = {"tool_call": "tool calls", "finish": "why the model stopped", "refusal": "refusals"}


def part_of(value: Any) -> Part | None:
    """Return the part that a client has yielded, as an object or as a dict; ``None`` if it is not one."""
    if isinstance(value, Part):
        return value
    made = KINDS.get(str(value.get("type"))) if isinstance(value, Mapping) else None
    if made is None:
        return None
    known = {field.name for field in fields(made)}
    try:
        part: Part = made(**{name: one for name, one in value.items() if name in known})
    except TypeError:  # a field that it needs is missing
        return None
    texts = ("text", "name", "arguments", "reason")
    return part if all(isinstance(getattr(part, one, ""), str) for one in texts) else None


def kind_of(part: Part) -> str:
    """Return the ``type`` of a part."""
    return next(name for name, made in KINDS.items() if isinstance(part, made))


def folded(parts: Iterable[Part]) -> dict[str, Any]:
    """Return what parts say together, by kind: texts joined, the tool calls as a list, the last usage and finish."""
    said: dict[str, Any] = {}
    for part in parts:
        kind = kind_of(part)
        match part:
            case Text(text) | Reasoning(text) | Refusal(text):
                said[kind] = said.get(kind, "") + text
            case ToolCall():
                said[kind] = [*said.get(kind, ()), part]
            case Usage():
                said[kind] = part
            case Finish(reason):
                said[kind] = reason
    return said


def differs(kind: str, expected: Any, got: Any) -> bool:
    """Return whether what a client said of a kind is not what was sent. An id counts only where both sides name one."""
    if kind == "tool_call":
        return len(expected) != len(got) or not _are_the_same_calls(expected, got)
    if kind == "usage":
        return (expected.prompt_tokens, expected.completion_tokens) != (got.prompt_tokens, got.completion_tokens)
    return bool(expected != got)


def _are_the_same_calls(expected: Iterable[ToolCall], got: Iterable[ToolCall]) -> bool:
    """Return whether each call is there, in any order: some SDKs hand over each as soon as it is whole."""
    left = list(got)
    for call in expected:
        found = next((at for at, one in enumerate(left) if not _call_differs(call, one)), None)
        if found is None:
            return False
        del left[found]
    return True


def _call_differs(expected: ToolCall, got: ToolCall) -> bool:
    ids = None not in (expected.id, got.id) and expected.id != got.id
    empty = {expected.arguments, got.arguments} <= {"", "{}"}  # a call without arguments, in either form
    return ids or expected.name != got.name or not (empty or _mean_the_same(expected.arguments, got.arguments))


def _mean_the_same(text: str, other: str) -> bool:
    """Return whether two texts are the same JSON: SDKs that hand over parsed arguments lose the blanks of the text."""
    if text == other:
        return True
    try:
        one, two = (json.dumps(json.loads(each), sort_keys=True) for each in (text, other))
    except (ValueError, RecursionError):
        return False
    return one == two


def digest(*parts: object) -> str:
    """Return 24 hexadecimal digits that depend on the parts alone: for ids that are the same in every run."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
