"""The chat-completions dialect, from events of any origin to one answer, and which event ends it.

Input of a wrong type or that is not JSON is noted and skipped, never raised. Sources: those of ``write``;
openai-python's ``_streaming.py`` for what its users see (every event type is read, an error ends the stream);
https://github.com/block/goose/pull/8031 for vLLM's errors (``{"object": "error", …}``);
https://docs.mistral.ai/capabilities/reasoning for content as parts; https://github.com/higress-group/higress/pull/1568
for Moonshot's usage in the choice; https://console.groq.com/docs/api-reference for Groq's in ``x_groq``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TypeVar

from orharness.dialects.answer import Answer, ReportedError
from orharness.dialects.chat.calls import Calls
from orharness.dialects.chat.choices import ChoiceParts, Parts
from orharness.dialects.values import Json, at, list_at, parsed
from orharness.sse import Event, Item

END = "[DONE]"
T = TypeVar("T")


def is_end(event: Event) -> bool:
    """Return whether the event is the end marker: its data is ``[DONE]`` and nothing else."""
    return event.data == END


def is_own(event: Event) -> bool:
    """Return whether the event is a chunk of this API, or its end marker."""
    return is_end(event) or isinstance(at(parsed(event.data), "choices"), list)


def brief(event: Event) -> str | None:
    """Return the delta of a chunk without text (a role, an empty text): what differs from chunk to chunk."""
    delta = at(next(iter(list_at(parsed(event.data), "choices")), None), "delta")
    return None if delta is None else f"delta {json.dumps(delta, ensure_ascii=False)}"


def fold(items: Iterable[Item]) -> Answer:
    """Return the items of a stream as one answer.

    Never raises on input from a server: problems are listed in ``Answer.problems``. What comes after the end marker is
    not read. Each event counts whatever its type, as in the OpenAI SDKs.
    """
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


def is_token(event: Event) -> bool:
    """Return whether the event carries a part of an answer: text, reasoning, refusal or a tool call."""
    data = parsed(event.data)
    # A message beside a delta says the same again.
    deltas = [at(choice, "delta") or at(choice, "message") for choice in list_at(data, "choices")]
    return any(at(delta, name) for delta in deltas for name in _PARTS)


_PARTS = ("content", "reasoning", "reasoning_content", "reasoning_details", "refusal", "tool_calls", "function_call")


def error_of(event: Event) -> ReportedError | None:
    """Return the error that an event reports, in any shape of ``ErrorShape`` or in vLLM's, else ``None``."""
    return _error_in(parsed(event.data), event)


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


class _Folder:
    """Builds an answer event by event. Values of a wrong type are noted and skipped."""

    def __init__(self) -> None:
        self._number = 0
        self._names: dict[str, str] = {}
        self._choices: dict[int, ChoiceParts] = {}
        self._usage: Json | None = None
        self._error: ReportedError | None = None
        self._complete = False
        self._problems: list[str] = []

    def take(self, event: Event) -> None:
        self._number += 1
        if self._complete:
            self._note("comes after the end marker, where no client reads")
        elif is_end(event):
            self._complete = True
        else:
            data = parsed(event.data)
            self._error = self._error or _error_in(data, event)
            if isinstance(data, dict):
                self._chunk(data)
            else:
                self._note(f"is not a JSON object: {event.data[:80]!r}")

    def answer(self) -> Answer:
        choices = {index: self._choices[index].joined() for index in sorted(self._choices)}
        unknown = (f"choice {i}: {problem}" for i in choices for problem in self._choices[i].problems())
        return Answer(
            choices,
            self._usage,
            self._error,
            self._names.get("id"),
            self._names.get("model"),
            self._names.get("provider"),
            self._complete,
            (*self._problems, *unknown),
        )

    def _note(self, problem: str) -> None:
        self._problems.append(f"event {self._number} {problem}")

    def _chunk(self, data: Json) -> None:
        for name in ("id", "model", "provider"):
            # Azure's first chunk has empty names: the first name that is not empty counts.
            if text := self._text(data, name):
                self._names.setdefault(name, text)
        groq = self._get(data, "x_groq", dict) or {}
        usage = self._get(data, "usage", dict) or self._get(groq, "usage", dict)
        for choice in self._objects(data, "choices"):
            self._choice(choice)
            usage = usage or self._get(choice, "usage", dict)
        self._usage = usage or self._usage

    def _choice(self, choice: Json) -> None:
        index = self._get(choice, "index", int)
        parts = self._choices.setdefault(index or 0, ChoiceParts())
        parts.finish_reason = self._text(choice, "finish_reason") or parts.finish_reason
        parts.native_finish_reason = self._text(choice, "native_finish_reason") or parts.native_finish_reason
        self._add(parts.deltas, self._get(choice, "delta", dict) or {})
        if message := self._get(choice, "message", dict):
            parts.messages.append(Parts())
            self._add(parts.messages[-1], message)

    def _add(self, parts: Parts, said: Json) -> None:
        """Add what a delta or a message says."""
        parts.text.append(self._content(said))
        parts.refusal.append(self._text(said, "refusal"))
        parts.reasoning.append(self._reasoning(said))
        for position, call in enumerate(self._objects(said, "tool_calls")):
            index, id_ = self._get(call, "index", int), self._text(call, "id") or None
            self._function(parts.calls, self._get(call, "function", dict) or {}, index, id_, position)
        if function := self._get(said, "function_call", dict):
            self._function(parts.function_calls, function)

    def _reasoning(self, delta: Json) -> str:
        # The same text may be in all of these fields: count it once.
        plain = self._text(delta, "reasoning") or self._text(delta, "reasoning_content")
        details = self._objects(delta, "reasoning_details")
        return (
            plain
            or self._thinking(delta)
            or "".join(self._text(each, "text") or self._text(each, "summary") for each in details)
        )

    def _function(
        self, calls: Calls, function: Json, index: int | None = 0, id_: str | None = None, position: int = 0
    ) -> None:
        calls.take(index, id_, self._text(function, "name"), self._text(function, "arguments"), position)

    def _content(self, delta: Json) -> str:
        """Return the text; Mistral sends it as a list of parts where the model thinks or cites."""
        if not isinstance(delta.get("content"), list):
            return self._text(delta, "content")
        return "".join(self._text(one, "text") for one in self._objects(delta, "content") if one.get("type") == "text")

    def _thinking(self, delta: Json) -> str:
        content = self._objects(delta, "content") if isinstance(delta.get("content"), list) else ()
        parts = [part for one in content for part in self._objects(one, "thinking")]
        return "".join(self._text(one, "text") for one in parts)

    def _text(self, data: Json, name: str) -> str:
        return self._get(data, name, str) or ""

    def _objects(self, data: Json, name: str) -> Sequence[Json]:
        found = self._get(data, name, list) or []
        objects = [each for each in found if isinstance(each, dict)]
        if len(objects) < len(found):
            self._note(f"has something in {name!r} that is not an object")
        return objects

    def _get(self, data: Json, name: str, type_: type[T]) -> T | None:
        value = data.get(name)
        if value is None or isinstance(value, type_):
            return value
        self._note(f"has a {type(value).__name__} as {name!r}, not a {type_.__name__}")
        return None
