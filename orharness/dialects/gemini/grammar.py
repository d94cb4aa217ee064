"""The order of events in the Gemini API's generateContent.

Source of each clause: https://ai.google.dev/api/generate-content (page), or recordings of Google.
"""

from __future__ import annotations

from collections.abc import Iterator

from orharness.dialects.gemini.fold import blocked_by, error_of, finish_in, is_own, parts_of, read
from orharness.dialects.grammar import Clause, Demand, Grammar, Key, State, Symbol, Table
from orharness.dialects.kinds import DONE
from orharness.dialects.values import at
from orharness.sse import Event

_PAGE = "https://ai.google.dev/api/generate-content"
_PARTS = "https://ai.google.dev/api/caching#Part"
_USAGE = f"{_PAGE}#UsageMetadata"
_RECORDED = "https://github.com/pydantic/pydantic-ai, a recorded stream of Gemini"

FIRST = Clause("gemini/first", "a stream has one chunk at least: candidates, or why the prompt was blocked", _PAGE)
FINISH = Clause(
    "gemini/finish", "the last chunk has a finishReason; a blocked prompt has a promptFeedback alone", _PAGE
)
LAST = Clause("gemini/last", "nothing comes after the chunk with the finishReason, and there is no [DONE]", _RECORDED)
AFTER_ERROR = Clause("gemini/after-error", "an error ends the stream", _PAGE)
JSON = Clause("gemini/json", "each event is a JSON object: a chunk, or an error", _PAGE)
UNNAMED = Clause("gemini/unnamed", "an event has data alone: no name, no id", _RECORDED)
PART = Clause(
    "gemini/part", "a part has one of text, functionCall and the other kinds of data, and no two of them", _PARTS
)
CALL = Clause("gemini/call", "a functionCall comes whole: a name, and its args as an object", f"{_PARTS}.functionCall")
USAGE = Clause(
    "gemini/usage", "usageMetadata counts all tokens so far: totalTokenCount is not less than its parts", _USAGE
)
_KINDS = {
    *("text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode", "codeExecutionResult"),
}

_WHOLE = {
    "start": State(FIRST, {"chunk": "open", "finish": "finished", "block": "finished", "error": "failed"}),
    "open": State(FINISH, {"chunk": "open", "finish": "finished", "error": "failed"}),
    "finished": State(LAST, {}, may_end=True),
    "failed": State(AFTER_ERROR, {}, may_end=True),
}


def _symbols(event: Event) -> Iterator[Symbol]:
    data = read(event)
    if event.data == DONE:
        yield Key.WHOLE, DONE
    elif error_of(event) is not None:
        yield Key.WHOLE, "error"
    elif blocked_by(data) is not None:
        yield Key.WHOLE, "block"
    elif is_own(event):
        yield Key.WHOLE, "chunk" if finish_in(data) is None else "finish"


def _no_object(event: Event) -> str | None:
    return None if isinstance(read(event), dict) or event.data == DONE else "is not a JSON object"


def _named(event: Event) -> str | None:
    if event.type != "message":
        return f"is named {event.type}"
    return "has an id" if event.last_event_id else None


def _of_two_kinds(event: Event) -> str | None:
    for part in parts_of(read(event)):
        kinds = sorted(_KINDS & part.keys()) if isinstance(part, dict) else []
        if len(kinds) > 1:
            return f"has a part with {' and '.join(kinds)}"
    return None


def _partial_call(event: Event) -> str | None:
    for part in parts_of(read(event)):
        call = at(part, "functionCall")
        if call is not None and not (isinstance(at(call, "name"), str) and at(call, "name")):
            return "has a functionCall without a name"
        if call is not None and not isinstance(at(call, "args") or {}, dict):
            return "has a functionCall whose args are not an object"
    return None


def _miscounted(event: Event) -> str | None:
    usage = at(read(event), "usageMetadata")
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    counts = [count for name in names if isinstance(count := at(usage, name), int)]
    total = at(usage, "totalTokenCount")
    return "has a total that is less than its parts" if isinstance(total, int) and total < sum(counts) else None


GRAMMAR = Grammar(
    (
        Table(_WHOLE, _symbols, follows_whole=True),
        Demand(JSON, _no_object),
        Demand(UNNAMED, _named),
        Demand(PART, _of_two_kinds),
        Demand(CALL, _partial_call),
        Demand(USAGE, _miscounted),
    )
)
