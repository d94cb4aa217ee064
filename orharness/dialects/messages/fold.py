"""Anthropic Messages, from events of any origin to one answer, and which event ends it.

Input of a wrong type or that is not JSON is noted and skipped, never raised; so are unknown events and deltas, as
Anthropic's versioning policy requires. Sources: those of ``write``; the Python SDK's ``accumulate_event`` (anthropic
2.14.0) for usage, where the values of ``message_delta`` replace those of ``message_start``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orharness.dialects.answer import Answer, Choice, ReportedError
from orharness.dialects.completion import ToolCall
from orharness.dialects.kinds import DONE, kind_of
from orharness.dialects.messages.words import finish_of
from orharness.dialects.values import Json, at, dumps, parsed
from orharness.sse import Event, Item

END = "message_stop"
ERROR = "error"
OWN = {
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", END, "ping"),
}
_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "signature_delta": "signature",
}
_BLOCKS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "tool_use"}


def is_end(event: Event) -> bool:
    """Return whether the event is ``message_stop``, by its type or its name."""
    return kind_of(event) == END


def is_own(event: Event) -> bool:
    """Return whether the event is one of this API, except an error, which looks like that of another."""
    return kind_of(event) in OWN


def is_token(event: Event) -> bool:
    """Return whether the event carries a part of an answer: text, thinking, a refusal or a tool call."""
    kind = kind_of(event)
    data = parsed(event.data)
    if kind == "content_block_start":
        return at(data, "content_block", "type") in ("tool_use", "server_tool_use")
    if kind == "message_delta":
        return bool(at(data, "delta", "stop_details", "explanation"))
    parts = (at(data, "delta", name) for name in ("text", "thinking", "partial_json"))
    return kind == "content_block_delta" and any(parts)


def error_of(event: Event) -> ReportedError | None:
    """Return the error that an event reports, its type as the code, else ``None``."""
    if kind_of(event) != ERROR:
        return None
    data = parsed(event.data)
    code, message = at(data, "error", "type"), at(data, "error", "message")
    return ReportedError(code if isinstance(code, str) else None, message if isinstance(message, str) else event.data)


def brief(event: Event) -> str | None:
    """Return what tells an event without text from others of its kind: the index, the type of block or delta."""
    kind, data = kind_of(event), parsed(event.data)
    if kind not in OWN:
        return None
    within = (("content_block", "type"), ("delta", "type"), ("message", "model"))
    said = [at(data, "index"), *(at(data, *names) for names in within)]
    named = [kind] if event.type == "message" else []
    return " ".join(str(each) for each in (*named, *said) if each is not None) or None


def fold(items: Iterable[Item]) -> Answer:
    """Return the items of a stream as one answer; what comes after the end is not read.

    The output tokens of ``message_start`` are a placeholder and are not in ``usage``: a stream that was cut has no
    count.
    """
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


@dataclass
class _Block:
    """One block of the content, as far as it has come."""

    kind: str
    parts: list[str] = field(default_factory=list)
    name: str = ""
    id: str | None = None
    input: object = None

    @property
    def value(self) -> str:
        return "".join(self.parts)

    def call(self) -> ToolCall:
        return ToolCall(self.name, self.value or (dumps(self.input) if self.input else ""), self.id)


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
    stop: str | None = None
    refusal: str = ""
    blocks: dict[object, _Block] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.number += 1
        kind, data = kind_of(event), parsed(event.data)
        if self.complete:
            self._note("comes after message_stop, where no client reads")
        elif kind == ERROR:
            self.error = self.error or error_of(event)
        elif isinstance(data, dict):
            self._event(kind, data)
        elif kind not in (DONE, "ping"):
            self._note(f"is not a JSON object: {event.data[:80]!r}")

    def _event(self, kind: str | None, data: Json) -> None:
        match kind:
            case "message_start":
                self._start(self._object(data, "message"))
            case "content_block_start":
                self._open(data.get("index"), self._object(data, "content_block"))
            case "content_block_delta":
                self._delta(data.get("index"), self._object(data, "delta"))
            case "message_delta":
                self._ending(self._object(data, "delta"), data)
            case "message_stop":
                self.begun = self.complete = True

    def _start(self, message: Json) -> None:
        self.begun = True
        self.id, self.model = self._text(message, "id") or None, self._text(message, "model") or None
        self.provider = self._text(message, "provider") or None
        self._counts(message, but="output_tokens")

    def _open(self, index: object, block: Json) -> None:
        self.begun = True
        kind = self._text(block, "type")
        opened = _Block(kind, name=self._text(block, "name"), id=self._text(block, "id") or None)
        opened.parts.append(self._text(block, kind) if kind in ("text", "thinking") else "")
        opened.input = block.get("input")
        self.blocks[_hashable(index)] = opened

    def _delta(self, index: object, delta: Json) -> None:
        self.begun = True
        kind = self._text(delta, "type")
        if kind not in _DELTAS:
            return
        value = self._text(delta, _DELTAS[kind])
        if kind == "signature_delta":
            return
        if _hashable(index) not in self.blocks:
            self._note(f"has a {kind} for block {index!r}, which was not started")
        self.blocks.setdefault(_hashable(index), _Block(_BLOCKS[kind])).parts.append(value)

    def _ending(self, delta: Json, data: Json) -> None:
        self.begun = True
        self.stop = self._text(delta, "stop_reason") or self.stop
        explained = at(delta, "stop_details", "explanation")
        self.refusal = explained if isinstance(explained, str) else self.refusal
        self._counts(data)

    def _counts(self, data: Json, but: str = "") -> None:
        usage = self._object(data, "usage") if "usage" in data else {}
        self.usage |= {name: count for name, count in usage.items() if count is not None and name != but}

    def answer(self) -> Answer:
        choices = {0: self._choice()} if self.begun else {}
        return Answer(
            choices,
            self.usage or None,
            self.error,
            self.id,
            self.model,
            self.provider,
            self.complete and self.error is None,
            tuple(self.problems),
        )

    def _choice(self) -> Choice:
        finish = None if self.stop is None else finish_of(self.stop, explained=bool(self.refusal))
        calls = tuple(block.call() for block in self.blocks.values() if block.kind == "tool_use")
        return Choice(self._joined("text"), self._joined("thinking"), self.refusal, calls, finish, self.stop)

    def _joined(self, kind: str) -> str:
        return "".join(block.value for block in self.blocks.values() if block.kind == kind)

    def _note(self, problem: str) -> None:
        self.problems.append(f"event {self.number} {problem}")

    def _object(self, data: Json, name: str) -> Json:
        value = data.get(name)
        if isinstance(value, dict):
            return value
        self._note(f"has a {type(value).__name__} as {name!r}, not an object")
        return {}

    def _text(self, data: Json, name: str) -> str:
        value = data.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self._note(f"has a {type(value).__name__} as {name!r}, not a str")
        return ""


def _hashable(index: object) -> object:
    """Return an index of any JSON type as a key."""
    return index if isinstance(index, int | str) else repr(index)
