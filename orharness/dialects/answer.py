"""The way back of the chat dialect: events of any origin to one answer, and which event ends it.

What a server sends is taken as it comes: what has the wrong type or is no JSON is noted and passed over, never raised.

Sources: as in ``chat``; openai-python's ``_streaming.py`` for what its users see (every event type is read, an error
ends the stream); https://github.com/block/goose/pull/8031 for vLLM's errors (``{"object": "error", …}``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from orharness.sse import Event, Item, decode_with_offsets
from orharness.stream import Stream

END = "[DONE]"
Json = dict[str, Any]
T = TypeVar("T")


def is_end(event: Event) -> bool:
    """Whether the event is the end marker: its data is ``[DONE]`` and nothing else."""
    return event.data == END


def is_terminal(event: Event) -> bool:
    """Whether a client may leave behind the event: the end marker, or an error (the OpenAI SDKs leave at both)."""
    return is_end(event) or error_of(event) is not None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool: its name, and its arguments as the JSON text that the model wrote (it need not be valid)."""

    name: str
    arguments: str = "{}"
    id: str | None = None


def mark_end(stream: Stream, is_end: Callable[[Event], bool] = is_end) -> Stream:
    """The stream with its ``end_marker`` where it now stands: behind the first event that ``is_end``, or ``None``.

    To be called after all transforms: a marker that one of them cut, dropped or corrupted marks nothing any more.
    """
    found = (offset for offset, item in decode_with_offsets(stream.body) if isinstance(item, Event) and is_end(item))
    return replace(stream, end_marker=next(found, None))


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error that a stream told of: its code (a status, a word, or ``None``) and message, as sent."""

    code: int | str | None
    message: str


@dataclass(frozen=True)
class Choice:
    """One choice of an answer, put together. ``finish_reason`` is the last one that was not null."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    native_finish_reason: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a stream said. ``complete``: the end marker was seen. ``problems``: what in it was not as it should be.

    ``usage`` is the last one, as sent; ``error`` the first one. The properties are those of the first choice.
    """

    choices: Mapping[int, Choice] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    error: ReportedError | None = None
    id: str | None = None
    model: str | None = None
    provider: str | None = None
    complete: bool = False
    problems: tuple[str, ...] = ()

    @property
    def _first(self) -> Choice:
        return self.choices.get(0, Choice())

    @property
    def text(self) -> str:
        return self._first.text

    @property
    def texts(self) -> dict[int, str]:
        """The text of each choice, by its index."""
        return {index: choice.text for index, choice in self.choices.items()}

    @property
    def reasoning(self) -> str:
        return self._first.reasoning

    @property
    def refusal(self) -> str:
        return self._first.refusal

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self._first.tool_calls

    @property
    def finish_reason(self) -> str | None:
        return self._first.finish_reason

    @property
    def native_finish_reason(self) -> str | None:
        return self._first.native_finish_reason


def fold(items: Iterable[Item]) -> Answer:
    """The items of a stream as one answer. It raises on nothing that a server can send: see ``Answer.problems``.

    What comes behind the end marker is not read. Each event counts whatever its type, as the OpenAI SDKs have it.
    """
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


def token_offsets(body: bytes) -> tuple[int, ...]:
    """The body offset behind each event that carries a part of an answer: text, reasoning, refusal or a tool call."""
    found = decode_with_offsets(body)
    return tuple(offset for offset, item in found if isinstance(item, Event) and _carries(_parsed(item)))


def _carries(data: object) -> bool:
    deltas = [at(choice, "delta") for choice in list_at(data, "choices")]
    return any(at(delta, name) for delta in deltas for name in _PARTS)


_PARTS = ("content", "reasoning", "reasoning_content", "refusal", "tool_calls")


def error_of(event: Event) -> ReportedError | None:
    """The error that an event tells of, in any of the shapes of ``ErrorShape``, or as vLLM has it; else ``None``."""
    return _error_in(_parsed(event), event)


def _error_in(data: object, event: Event) -> ReportedError | None:
    errors = [at(data, "error"), *(at(choice, "error") for choice in list_at(data, "choices"))]
    if at(data, "object") == "error" or event.type == "error":
        errors.append(data or event.data)
    told = next(filter(None, errors), None)
    if told is None:
        return None
    code, message = at(told, "code"), at(told, "message") or told
    return ReportedError(
        code if isinstance(code, int | str) else None, message if isinstance(message, str) else event.data
    )


def _parsed(event: Event) -> object:
    """The event's JSON, or ``None`` where it is none (also where it is nested too deep, or a number too long)."""
    try:
        return json.loads(event.data)
    except (ValueError, RecursionError):
        return None


@dataclass
class _CallParts:
    name: str = ""
    id: str | None = None
    arguments: list[str] = field(default_factory=list)

    def joined(self) -> ToolCall:
        return ToolCall(self.name, "".join(self.arguments), self.id)


@dataclass
class _ChoiceParts:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, _CallParts] = field(default_factory=dict)
    finish_reason: str | None = None
    native_finish_reason: str | None = None

    def joined(self) -> Choice:
        texts = ("".join(self.text), "".join(self.reasoning), "".join(self.refusal))
        calls = tuple(self.calls[index].joined() for index in sorted(self.calls))
        return Choice(*texts, calls, self.finish_reason, self.native_finish_reason)


class _Folder:
    """Grows an answer event by event. Whatever has the wrong type is noted and passed over."""

    def __init__(self) -> None:
        self._number = 0
        self._names: dict[str, str] = {}
        self._choices: dict[int, _ChoiceParts] = {}
        self._usage: Json | None = None
        self._error: ReportedError | None = None
        self._complete = False
        self._problems: list[str] = []

    def take(self, event: Event) -> None:
        self._number += 1
        if self._complete:
            self._note("stands behind the end marker, where nobody reads it")
        elif is_end(event):
            self._complete = True
        else:
            data = _parsed(event)
            self._error = self._error or _error_in(data, event)
            if isinstance(data, dict):
                self._chunk(data)
            else:
                self._note(f"is not a JSON object: {event.data[:80]!r}")

    def answer(self) -> Answer:
        choices = {index: self._choices[index].joined() for index in sorted(self._choices)}
        return Answer(
            choices,
            self._usage,
            self._error,
            self._names.get("id"),
            self._names.get("model"),
            self._names.get("provider"),
            self._complete,
            tuple(self._problems),
        )

    def _note(self, problem: str) -> None:
        self._problems.append(f"event {self._number} {problem}")

    def _chunk(self, data: Json) -> None:
        for name in ("id", "model", "provider"):
            # Azure's first chunk has empty names: the first one that says something counts.
            if text := self._text(data, name):
                self._names.setdefault(name, text)
        self._usage = self._get(data, "usage", dict) or self._usage
        for choice in self._objects(data, "choices"):
            self._choice(choice)

    def _choice(self, choice: Json) -> None:
        index = self._get(choice, "index", int)
        parts = self._choices.setdefault(index or 0, _ChoiceParts())
        parts.finish_reason = self._text(choice, "finish_reason") or parts.finish_reason
        parts.native_finish_reason = self._text(choice, "native_finish_reason") or parts.native_finish_reason
        delta = self._get(choice, "delta", dict) or {}
        parts.text.append(self._text(delta, "content"))
        parts.refusal.append(self._text(delta, "refusal"))
        parts.reasoning.append(self._reasoning(delta))
        for position, call in enumerate(self._objects(delta, "tool_calls")):
            self._call(parts, position, call)

    def _reasoning(self, delta: Json) -> str:
        # The same text may stand in all of them: it counts once.
        plain = self._text(delta, "reasoning") or self._text(delta, "reasoning_content")
        details = self._objects(delta, "reasoning_details")
        return plain or "".join(self._text(each, "text") or self._text(each, "summary") for each in details)

    def _call(self, parts: _ChoiceParts, position: int, call: Json) -> None:
        index = self._get(call, "index", int)
        grown = parts.calls.setdefault(position if index is None else index, _CallParts())
        function = self._get(call, "function", dict) or {}
        # The name and the id come whole; services that repeat them in each fragment mean the same ones.
        grown.id = grown.id or self._text(call, "id") or None
        grown.name = grown.name or self._text(function, "name")
        grown.arguments.append(self._text(function, "arguments"))

    def _text(self, data: Json, name: str) -> str:
        return self._get(data, name, str) or ""

    def _objects(self, data: Json, name: str) -> Sequence[Json]:
        found = self._get(data, name, list) or []
        objects = [each for each in found if isinstance(each, dict)]
        if len(objects) < len(found):
            self._note(f"has something in {name!r} that is no object")
        return objects

    def _get(self, data: Json, name: str, type_: type[T]) -> T | None:
        value = data.get(name)
        if value is None or isinstance(value, type_):
            return value
        self._note(f"has a {type(value).__name__} as {name!r}, not a {type_.__name__}")
        return None


def at(value: object, *names: str) -> object:
    """What stands under the names in nested JSON objects; ``None`` where anything on the way is no object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def list_at(value: object, name: str) -> list[object]:
    """The list under the name; an empty one where there is none."""
    found = at(value, name)
    return found if isinstance(found, list) else []
