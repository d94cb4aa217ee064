"""Ollama, from lines of any origin to one answer, and which line ends it.

Input of a wrong type or that is not JSON is noted and skipped, never raised. The last line may also have a text or a
tool call (``ChatHandler`` in ``server/routes.go`` sends there what its parsers held back).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orharness.dialects.answer import Answer, Choice, ReportedError
from orharness.dialects.completion import ToolCall
from orharness.dialects.ollama.words import finish_of
from orharness.dialects.values import Json, at, dumps, list_at, parsed
from orharness.sse import Event, Item

_MARKS = ("model", "created_at", "message", "response", "done_reason")  # each line has one of them besides done
COUNTS = ("prompt_eval_count", "eval_count")


def is_own(event: Event) -> bool:
    """Return whether the event is a line of this API, except an error, which looks like that of another."""
    data = _read(event)
    return isinstance(at(data, "done"), bool) and any(at(data, name) is not None for name in _MARKS)


def is_end(event: Event) -> bool:
    """Return whether the event is the line with ``done: true``."""
    return is_own(event) and at(_read(event), "done") is True


def is_token(event: Event) -> bool:
    """Return whether the line carries a part of an answer: text, thinking or a tool call."""
    return is_own(event) and bool(_parts(_read(event)))


def _read(event: Event) -> object:
    """Return the line as JSON; ``None``, the most common case, if it cannot be one of this API."""
    possible = event.type == "message" and '"done"' in event.data
    return parsed(event.data) if possible else None


def _parts(data: object) -> list[object]:
    said = [at(data, "message", "content"), at(data, "message", "thinking"), at(data, "response"), at(data, "thinking")]
    return [part for part in (*said, list_at(at(data, "message"), "tool_calls")) if part]


def error_of(event: Event) -> ReportedError | None:
    """Return the error that a line reports, which has no code, else ``None``."""
    if event.type != "message" or '"error"' not in event.data:
        return None
    return _error_in(parsed(event.data))


def _error_in(data: object) -> ReportedError | None:
    error = at(data, "error")
    if not error:
        return None
    message = at(error, "message") if isinstance(error, dict) else error
    return ReportedError(None, message if isinstance(message, str) else dumps(error))


def brief(event: Event) -> str | None:
    """Return what tells a line without text from others: whether it is the last, and why."""
    if not is_own(event):
        return None
    data = _read(event)
    said = [f"done: {str(at(data, 'done')).lower()}", at(data, "done_reason"), at(data, "model")]
    return " ".join(str(each) for each in said if each is not None)


def fold(items: Iterable[Item]) -> Answer:
    """Return the items of a stream as one answer; what comes after the end is not read."""
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


@dataclass
class _Folder:
    """Builds an answer line by line."""

    number: int = 0
    begun: bool = False
    complete: bool = False
    model: str | None = None
    usage: Json = field(default_factory=dict)
    error: ReportedError | None = None
    reason: str | None = None
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.number += 1
        data = parsed(event.data)
        if self.complete:
            self._note("comes after the line with done: true, where no client reads")
        elif not isinstance(data, dict):
            self._note(f"is not a JSON object: {event.data[:80]!r}")
        elif (error := _error_in(data)) is not None:
            self.begun, self.error = True, self.error or error
        elif is_own(event):
            self._line(data)

    def _line(self, data: Json) -> None:
        self.begun = True
        self.model = self._text(data, "model") or self.model
        self.text.append(self._text(data, "response"))
        self.thinking.append(self._text(data, "thinking"))
        if "message" in data:
            self._message(data["message"])
        if data["done"] is True:
            self.complete = True
            self.reason = self._text(data, "done_reason") or None
            self.usage = {name: data[name] for name in COUNTS if isinstance(data.get(name), int)}

    def _message(self, message: object) -> None:
        if not isinstance(message, dict):
            self._note(f"has a {type(message).__name__} as 'message', not an object")
            return
        self.text.append(self._text(message, "content"))
        self.thinking.append(self._text(message, "thinking"))
        for call in list_at(message, "tool_calls"):
            self._call(call)

    def _call(self, call: object) -> None:
        name, arguments, said = at(call, "function", "name"), at(call, "function", "arguments"), at(call, "id")
        if not isinstance(name, str):
            self._note("has a tool call without a name")
        if not isinstance(arguments, dict):
            self._note(f"has a {type(arguments).__name__} as the arguments of a tool call, not an object")
        text = arguments if isinstance(arguments, str) else "" if arguments is None else dumps(arguments)
        self.calls.append(
            ToolCall(name if isinstance(name, str) else "", text, said if isinstance(said, str) else None)
        )

    def answer(self) -> Answer:
        calls = tuple(self.calls)
        finish = None if self.reason is None else finish_of(self.reason, calls=bool(calls))
        choice = Choice("".join(self.text), "".join(self.thinking), "", calls, finish, self.reason)
        return Answer(
            {0: choice} if self.begun else {},
            self.usage or None,
            self.error,
            model=self.model,
            complete=self.complete and self.error is None,
            problems=tuple(self.problems),
        )

    def _note(self, problem: str) -> None:
        self.problems.append(f"event {self.number} {problem}")

    def _text(self, data: Json, name: str) -> str:
        value = data.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self._note(f"has a {type(value).__name__} as {name!r}, not a str")
        return ""
