"""OpenAI Responses, from events of any origin to one answer, and which event ends it.

Input of a wrong type or that is not JSON is noted and skipped, never raised; so are unknown events. The deltas count:
the whole texts at the end repeat them. Sources: those of ``write``. An event is identified by the type in its data,
because OpenRouter sends no names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orharness.dialects.answer import Answer, Choice, ReportedError
from orharness.dialects.completion import ToolCall
from orharness.dialects.kinds import DONE, kind_of
from orharness.dialects.responses.words import finish_of
from orharness.dialects.values import Json, at, list_at, parsed
from orharness.sse import Event, Item

ENDS = ("response.completed", "response.incomplete", "response.failed")
ERROR = "error"
KEEP_ALIVE = "keepalive"
_TEXTS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
}
_ARGUMENTS = "response.function_call_arguments.delta"
_DONE_TEXTS = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.function_call_arguments.done": "arguments",
}


def is_end(event: Event) -> bool:
    """Return whether the event is a terminal one, by its type or its name, or ``[DONE]``."""
    return kind_of(event) in (*ENDS, DONE)


def is_own(event: Event) -> bool:
    """Return whether the event is one of this API."""
    kind = kind_of(event)
    return kind is not None and (kind == KEEP_ALIVE or kind.startswith("response."))


def is_token(event: Event) -> bool:
    """Return whether the event carries a part of an answer: text, reasoning, a refusal or a tool call."""
    kind, data = kind_of(event), parsed(event.data)
    if kind == "response.output_item.added":
        return at(data, "item", "type") == "function_call"
    return (kind in _TEXTS or kind == _ARGUMENTS) and bool(at(data, "delta"))


def error_of(event: Event) -> ReportedError | None:
    """Return the error that an event reports (flat, in a failed response, or in the form of a chat), else ``None``."""
    kind = kind_of(event)
    if kind not in ("response.failed", ERROR) and not (kind is None and '"error"' in event.data):
        return None
    data = parsed(event.data)
    said = at(data, "response", "error") if kind == "response.failed" else at(data, "error")
    if kind == ERROR:
        said = said or data
    elif kind is None and (not said or at(data, "choices") is not None):
        return None
    code, message = at(said, "code"), at(said, "message")
    return ReportedError(
        code if isinstance(code, int | str) else None, message if isinstance(message, str) else event.data
    )


def brief(event: Event) -> str | None:
    """Return what distinguishes an event without text from others of its kind: its place, the type of item or part."""
    kind, data = kind_of(event), parsed(event.data)
    if kind is None or not is_own(event):
        return None
    item = at(data, "item", "type") or at(data, "part", "type")
    said = (at(data, "output_index"), at(data, "content_index"), item, at(data, "response", "status"))
    named = [kind] if event.type == "message" else []
    return " ".join(str(each) for each in (*named, *said) if each is not None) or None


def fold(items: Iterable[Item]) -> Answer:
    """Return the items of a stream as one answer; what comes after the terminal event is not read."""
    folder = _Folder()
    for item in items:
        if isinstance(item, Event):
            folder.take(item)
    return folder.answer()


@dataclass
class _Call:
    name: str = ""
    id: str | None = None
    arguments: list[str] = field(default_factory=list)


@dataclass
class _Folder:
    """Builds an answer event by event."""

    number: int = 0
    begun: bool = False
    complete: bool = False
    over: bool = False
    id: str | None = None
    model: str | None = None
    usage: Json | None = None
    error: ReportedError | None = None
    status: object = None
    reason: object = None
    texts: dict[str, list[str]] = field(default_factory=lambda: {"text": [], "refusal": [], "reasoning": []})
    parts: dict[object, list[str]] = field(default_factory=dict)  # the deltas of each part or item
    calls: dict[object, _Call] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.number += 1
        kind, data = kind_of(event), parsed(event.data)
        if kind == DONE:
            self.over = True  # after the terminal event it adds nothing; alone it does not say how the answer ended
        elif self.over:
            self._note("comes after the terminal event, where no client reads")
        else:
            self.error = self.error or error_of(event)
            if not isinstance(data, dict):
                self._note(f"is not a JSON object: {event.data[:80]!r}")
            elif kind is not None:
                self._event(kind, data)

    def _event(self, kind: str, data: Json) -> None:
        if kind in _TEXTS:
            self._said(_TEXTS[kind], data)
        elif kind == _ARGUMENTS:
            self._call(data).arguments.append(self._heard(data))
        elif kind in _DONE_TEXTS:
            self._compare(_DONE_TEXTS[kind], data)
        elif kind == "response.output_item.added":
            self._item(data)
        elif kind.startswith("response.") and isinstance(data.get("response"), dict):
            self._response(kind, data["response"])

    def _said(self, name: str, data: Json) -> None:
        self.begun = True
        self.texts[name].append(self._heard(data))

    def _heard(self, data: Json) -> str:
        delta = self._text(data, "delta")
        self.parts.setdefault(_place(data), []).append(delta)
        return delta

    def _compare(self, name: str, data: Json) -> None:
        said = self.parts.get(_place(data))
        if said is not None and "".join(said) != self._text(data, name):
            self._note(f"repeats as {name!r} what its deltas did not say")

    def _item(self, data: Json) -> None:
        self.begun = True
        item = data.get("item")
        if at(item, "type") != "function_call" or not isinstance(item, dict):
            return
        call = self._call(data)
        call.name, call.id = self._text(item, "name"), self._text(item, "call_id") or None
        call.arguments.append(self._text(item, "arguments"))

    def _call(self, data: Json) -> _Call:
        self.begun = True
        index = data.get("output_index")
        return self.calls.setdefault(index if isinstance(index, int) else repr(index), _Call())

    def _response(self, kind: str, response: Json) -> None:
        self.begun = True
        self.id = self.id or self._text(response, "id") or None
        self.model = self.model or self._text(response, "model") or None
        usage = response.get("usage")
        self.usage = usage if isinstance(usage, dict) else self.usage
        if kind in ENDS:
            self.over = True
            self.complete = kind != "response.failed"
            self.status = kind.removeprefix("response.")
            self.reason = at(response, "incomplete_details", "reason")
            self._ended(response)

    def _ended(self, response: Json) -> None:
        """Note a function call in the completed response that was not streamed: some clients read the calls there."""
        named = {at(item, "call_id") for item in list_at(response, "output") if at(item, "type") == "function_call"}
        if self.number > 1 and named - {call.id for call in self.calls.values()}:
            self._note("has a function call in its output that was not streamed")

    def answer(self) -> Answer:
        choices = {0: self._choice()} if self.begun else {}
        complete = self.complete and self.error is None
        return Answer(choices, self.usage, self.error, self.id, self.model, None, complete, tuple(self.problems))

    def _choice(self) -> Choice:
        calls = tuple(ToolCall(call.name, "".join(call.arguments), call.id) for call in self.calls.values())
        finish = finish_of(self.status, self.reason, calls=bool(calls))
        joined = {name: "".join(parts) for name, parts in self.texts.items()}
        native = None if self.status is None else str(self.reason or self.status)
        return Choice(**joined, tool_calls=calls, finish_reason=finish, native_finish_reason=native)

    def _note(self, problem: str) -> None:
        self.problems.append(f"event {self.number} {problem}")

    def _text(self, data: Json, name: str) -> str:
        value = data.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self._note(f"has a {type(value).__name__} as {name!r}, not a str")
        return ""


def _place(data: Json) -> object:
    return repr((data.get("output_index"), data.get("content_index")))
