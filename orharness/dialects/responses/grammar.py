"""The order of events in OpenAI Responses.

Source of each clause: https://platform.openai.com/docs/api-reference/responses-streaming (OpenAI), the Open Responses
specification, or recordings of OpenAI and OpenRouter.
"""

from __future__ import annotations

from collections.abc import Iterator

from orharness.dialects.grammar import Clause, Demand, Grammar, Key, Numbering, State, Symbol, Table
from orharness.dialects.kinds import DONE, kind_of
from orharness.dialects.responses.fold import ENDS, ERROR, KEEP_ALIVE
from orharness.dialects.values import at, parsed
from orharness.sse import Event

_OPENAI = "https://platform.openai.com/docs/api-reference/responses-streaming"
_OPEN = "https://github.com/openresponses/openresponses, src/pages/specification.mdx"

FIRST = Clause("responses/first", "the first event is response.created", _OPENAI)
PROGRESS = Clause(
    "responses/progress",
    "after response.created comes response.in_progress, with response.queued between them at most",
    _OPENAI,
)
TERMINAL = Clause(
    "responses/terminal", "after the output comes one of response.completed, .incomplete and .failed", _OPEN
)
FAILED = Clause("responses/failed", "an error is followed by response.failed at most", _OPEN)
LAST = Clause("responses/last", "nothing but [DONE] follows the terminal event", _OPEN)
NOTHING = Clause("responses/done", "nothing follows [DONE]", _OPEN)
ADDED = Clause("responses/added", "an item begins with response.output_item.added", _OPENAI)
OF_MESSAGE = Clause("responses/message", "a message has content parts, and then response.output_item.done", _OPENAI)
OF_REASONING = Clause(
    "responses/reasoning", "reasoning has parts of a summary or of its text, and then is done", _OPENAI
)
OF_CALL = Clause("responses/call", "a function call has arguments in deltas, and then .arguments.done", _OPENAI)
CALL_DONE = Clause("responses/call-done", "the whole arguments are followed by response.output_item.done", _OPENAI)
OF_OTHER = Clause("responses/other", "any other item ends with response.output_item.done", _OPENAI)
DONE_ONCE = Clause("responses/item-done", "an item is over after response.output_item.done", _OPENAI)
PART_ADDED = Clause("responses/part-added", "a part begins with its .added event", _OPENAI)
PART = Clause(
    "responses/part", "a part has deltas of its own type, and then the .done event with all of the text", _OPENAI
)
TEXT_DONE = Clause("responses/text-done", "the whole text of a part is followed by the part's .done event", _OPENAI)
PART_ONCE = Clause("responses/part-done", "a part is over after its .done event", _OPENAI)
SEQUENCE = Clause("responses/sequence", "each event has a sequence_number, which starts at 0 and rises by one", _OPENAI)
NAMED = Clause("responses/named", "the name of an event equals the type in its data", _OPEN)

_RUNNING = {KEEP_ALIVE: "running", ERROR: "failed", **dict.fromkeys(ENDS, "ended")}
_WHOLE = {
    "start": State(FIRST, {"response.created": "created", ERROR: "failed", "response.failed": "ended"}),
    "created": State(
        PROGRESS,
        {
            "response.queued": "created",
            "response.in_progress": "running",
            KEEP_ALIVE: "created",
            ERROR: "failed",
            "response.failed": "ended",
        },
    ),
    "running": State(TERMINAL, {"an event of the output": "running", **_RUNNING}),
    "failed": State(FAILED, {"response.failed": "ended", DONE: "over"}, may_end=True),
    "ended": State(LAST, {DONE: "over"}, may_end=True),
    "over": State(NOTHING, {}, may_end=True),
}
_CUT = {"the response's failure": "cut"}
_OF_CONTENT = ("content_part.added", "content_part.done")
_IN_MESSAGE = (
    *_OF_CONTENT,
    *("output_text.delta", "output_text.done", "output_text.annotation.added", "refusal.delta", "refusal.done"),
)
_IN_REASONING = (
    *_OF_CONTENT,
    *("reasoning_summary_part.added", "reasoning_summary_part.done"),
    *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_text.delta", "reasoning_text.done"),
)
_ARGUMENTS = "function_call_arguments"
_ITEM = {
    "unknown": State(
        ADDED,
        {
            "a message that is added": "message",
            "reasoning that is added": "reasoning",
            "a function_call that is added": "call",
            "another item that is added": "other",
        },
    ),
    "message": State(OF_MESSAGE, {**dict.fromkeys(_IN_MESSAGE, "message"), "done": "done", **_CUT}, may_end=True),
    "reasoning": State(
        OF_REASONING, {**dict.fromkeys(_IN_REASONING, "reasoning"), "done": "done", **_CUT}, may_end=True
    ),
    "call": State(OF_CALL, {f"{_ARGUMENTS}.delta": "call", f"{_ARGUMENTS}.done": "whole", **_CUT}, may_end=True),
    "whole": State(CALL_DONE, {"done": "done", **_CUT}, may_end=True),
    "other": State(OF_OTHER, {"another event": "other", "done": "done", **_CUT}, may_end=True),
    "done": State(DONE_ONCE, {"the response's end": "done", "the response's failure": "done"}, may_end=True),
    "cut": State(FAILED, _CUT, may_end=True),
}
_ADDED = {
    "message": "a message that is added",
    "reasoning": "reasoning that is added",
    "function_call": "a function_call that is added",
}
_IN_ITEMS = {*_IN_MESSAGE, *_IN_REASONING, f"{_ARGUMENTS}.delta", f"{_ARGUMENTS}.done"}
# Each type of part, with the events that carry its text.
_PARTS = {
    "output_text": "output_text",
    "refusal": "refusal",
    "reasoning_text": "reasoning_text",
    "summary_text": "reasoning_summary_text",
}
_PART = {
    "unknown": State(PART_ADDED, {f"{part} that is added": part for part in _PARTS}),
    **{
        part: State(
            PART,
            {f"{text}.delta": part, f"{text}.annotation.added": part, f"{text}.done": f"whole {part}", **_CUT},
            may_end=True,
        )
        for part, text in _PARTS.items()
    },
    **{f"whole {part}": State(TEXT_DONE, {f"{part} that is done": "done", **_CUT}, may_end=True) for part in _PARTS},
    "done": State(PART_ONCE, {"the response's end": "done", "the response's failure": "done"}, may_end=True),
    "cut": State(FAILED, _CUT, may_end=True),
}


def _whole(event: Event) -> Iterator[Symbol]:
    kind = kind_of(event)
    known = (DONE, ERROR, KEEP_ALIVE, "response.created", "response.queued", "response.in_progress", *ENDS)
    if kind in known:
        yield Key.WHOLE, str(kind)
    elif kind is not None and at(parsed(event.data), "output_index") is not None:
        yield Key.WHOLE, "an event of the output"


def _end(event: Event) -> Iterator[Symbol]:
    """Yield the symbols that the end of the response is for its parts."""
    kind = kind_of(event)
    if kind in (ERROR, "response.failed"):
        yield Key.EVERY, "the response's failure"
    elif kind in ENDS:
        yield Key.EVERY, "the response's end"


def _item(event: Event) -> Iterator[Symbol]:
    yield from _end(event)
    kind, data = (kind_of(event) or "").removeprefix("response."), parsed(event.data)
    index = at(data, "output_index")
    if index is None:
        return
    key = f"item {index}"
    if kind == "output_item.added":
        yield key, _ADDED.get(str(at(data, "item", "type")), "another item that is added")
    elif kind == "output_item.done":
        yield key, "done"
    else:
        yield key, kind if kind in _IN_ITEMS else "another event"


def _part(event: Event) -> Iterator[Symbol]:
    yield from _end(event)
    kind, data = (kind_of(event) or "").removeprefix("response."), parsed(event.data)
    for name in ("content_index", "summary_index"):
        if (index := at(data, name)) is None:
            continue
        key = f"part {name} {index} of item {at(data, 'output_index')}"
        if kind.endswith(("_part.added", "_part.done")):
            yield key, f"{at(data, 'part', 'type')} that is {kind.rpartition('.')[2]}"
        else:
            yield key, kind


def _sequence(event: Event) -> object:
    data = parsed(event.data)
    if not isinstance(data, dict):
        return None
    return data.get("sequence_number")


def _unnumbered(event: Event) -> str | None:
    data = parsed(event.data)
    return "has no sequence_number" if isinstance(data, dict) and "sequence_number" not in data else None


def _unnamed(event: Event) -> str | None:
    said = at(parsed(event.data), "type")
    if not isinstance(said, str) or said == event.type:
        return None
    return "has no name" if event.type == "message" else f"is named {event.type}, and its type is {said}"


GRAMMAR = Grammar(
    (
        Table(_WHOLE, _whole, follows_whole=True),
        Table(_ITEM, _item),
        Table(_PART, _part),
        Numbering(SEQUENCE, _sequence),
        Demand(SEQUENCE, _unnumbered),
        Demand(NAMED, _unnamed),
    )
)
