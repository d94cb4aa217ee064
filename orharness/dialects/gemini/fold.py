"""The Gemini API, from events of any origin to one answer, and which event ends it.

Input of a wrong type or that is not JSON is noted and skipped, never raised; so are unknown parts of a content.

No event asks a client to leave: the stream ends with the body. The answer is whole with the chunk that has a finish
reason, or that says why the prompt was blocked; that chunk is the end here.

Sources: those of ``write``; the Python SDK's types (google-genai 3.6.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from orharness.dialects.answer import Answer, Choice, ReportedError
from orharness.dialects.completion import ToolCall
from orharness.dialects.gemini.words import SAFETY, UNSPECIFIED, finish_of
from orharness.dialects.values import Json, at, dumps, list_at, parsed
from orharness.sse import Event, Item

T = TypeVar("T")
OWN = ("candidates", "promptFeedback", "usageMetadata")  # an object with any of them is a chunk


def is_end(event: Event) -> bool:
    """Return whether the event completes the answer: it has a finish reason, or says why the prompt was blocked."""
    data = read(event)
    return finish_in(data) is not None or blocked_by(data) is not None


def is_own(event: Event) -> bool:
    """Return whether the event is a chunk of this API; an error looks like that of another."""
    data = read(event)
    return isinstance(data, dict) and any(name in data for name in OWN) and "choices" not in data


def is_token(event: Event) -> bool:
    """Return whether the event carries a part of an answer: text, thoughts, a tool call, an explanation of its end."""
    data = read(event)
    said = any(at(part, "text") or isinstance(at(part, "functionCall"), dict) for part in parts_of(data))
    return said or bool(at(_first(data), "finishMessage"))


def error_of(event: Event) -> ReportedError | None:
    """Return the error that an event reports, its number as the code, else ``None``."""
    error = at(read(event), "error")
    if error is None:
        return None
    code = at(error, "code")
    known = code if isinstance(code, int | str) and not isinstance(code, bool) else at(error, "status")
    said = at(error, "message") if isinstance(error, dict) else error
    message = said if isinstance(said, str) else event.data
    return ReportedError(known if isinstance(known, int | str) else None, message)


def brief(event: Event) -> str | None:
    """Return what tells an event without text from others of its kind: the types of its parts, or what blocked it."""
    data = read(event)
    if not is_own(event):
        return None
    named = [name for part in parts_of(data) if isinstance(part, dict) for name in part if name != "text"]
    reasons = [each for each in (finish_in(data), blocked_by(data)) if each is not None]
    return " ".join([*named, *reasons]) or None


def read(event: Event) -> object:
    """Return the JSON of an event; ``None`` for what is not a JSON object."""
    return parsed(event.data) if event.data.lstrip().startswith("{") else None


def finish_in(data: object) -> str | None:
    """Return why the first candidate of a chunk ends, ``None`` if it goes on."""
    reason = at(_first(data), "finishReason")
    return reason if isinstance(reason, str) and reason not in ("", UNSPECIFIED) else None


def blocked_by(data: object) -> str | None:
    """Return why the prompt was blocked, so that there are no candidates; ``None`` if it was not."""
    reason = at(data, "promptFeedback", "blockReason")
    return reason if isinstance(reason, str) and reason and not list_at(data, "candidates") else None


def parts_of(data: object) -> list[object]:
    """Return the parts of the first candidate of a chunk."""
    return list_at(at(_first(data), "content"), "parts")


def _first(data: object) -> object:
    return next(iter(list_at(data, "candidates")), None)


def fold(items: Iterable[Item]) -> Answer:
    """Return the items of a stream as one answer; what comes after the end is not read.

    ``usage`` is that of the last chunk, since each has the counts so far.
    """
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


@dataclass
class _Folder:
    """Builds an answer event by event."""

    number: int = 0
    begun: bool = False
    complete: bool = False
    id: str | None = None
    model: str | None = None
    provider: str | None = None
    usage: Json = field(default_factory=dict)
    error: ReportedError | None = None
    finish: str | None = None
    blocked: str | None = None
    text: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusal: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.number += 1
        data = read(event)
        if self.complete:
            self._note("comes after the finish reason, where nothing is to come")
        elif not isinstance(data, dict):
            self._note(f"is not a JSON object: {event.data[:80]!r}")
        elif (error := error_of(event)) is not None:
            self.begun, self.error = True, self.error or error
        else:
            self._chunk(data)

    def _chunk(self, data: Json) -> None:
        self.begun = self.begun or any(name in data for name in OWN)
        self.id = self._text(data, "responseId") or self.id
        self.model = self._text(data, "modelVersion") or self.model
        self.provider = self._text(data, "provider") or self.provider
        self.usage |= {name: count for name, count in self._object(data, "usageMetadata").items() if count is not None}
        for part in self._parts(data):
            self._part(part)
        self.refusal = self._text(self._candidate(data), "finishMessage") or self.refusal
        self.finish, self.blocked = finish_in(data), blocked_by(data)
        self.complete = self.finish is not None or self.blocked is not None

    def _parts(self, data: Json) -> Iterator[Json]:
        content = self._object(self._candidate(data), "content")
        for part in self._list(content, "parts"):
            if isinstance(part, dict):
                yield part
            else:
                self._note(f"has a part that is a {type(part).__name__}, not an object")

    def _candidate(self, data: Json) -> Json:
        found = next(iter(self._list(data, "candidates")), {})
        return found if isinstance(found, dict) else {}

    def _part(self, part: Json) -> None:
        said = self.thoughts if part.get("thought") is True else self.text
        said.append(self._text(part, "text"))
        if "functionCall" in part:
            call = self._object(part, "functionCall")
            args = self._object(call, "args")
            self.calls.append(ToolCall(self._text(call, "name"), dumps(args), self._text(call, "id") or None))

    def answer(self) -> Answer:
        return Answer(
            {0: self._choice()} if self.begun else {},
            self.usage or None,
            self.error,
            self.id,
            self.model,
            self.provider,
            self.complete and self.error is None,
            tuple(self.problems),
        )

    def _choice(self) -> Choice:
        finish = "content_filter" if self.blocked else None
        refusal = self.refusal if self.finish == SAFETY else ""
        if self.finish is not None:
            finish = finish_of(self.finish, calls=bool(self.calls), explained=bool(refusal))
        text, thoughts = "".join(self.text), "".join(self.thoughts)
        return Choice(text, thoughts, refusal, tuple(self.calls), finish, self.finish or self.blocked)

    def _note(self, problem: str) -> None:
        self.problems.append(f"event {self.number} {problem}")

    def _object(self, data: Json, name: str) -> Json:
        return self._of(data, name, dict, {})

    def _list(self, data: Json, name: str) -> list[object]:
        return self._of(data, name, list, [])

    def _text(self, data: Json, name: str) -> str:
        return self._of(data, name, str, "")

    def _of(self, data: Json, name: str, wanted: type[T], missing: T) -> T:
        """Return the value under a name; a value of another type is noted and skipped."""
        value = data.get(name)
        if isinstance(value, wanted):
            return value
        if value is not None:
            self._note(f"has a {type(value).__name__} as {name!r}, not a {wanted.__name__}")
        return missing
