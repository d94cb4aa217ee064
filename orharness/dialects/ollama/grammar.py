"""The order of lines in Ollama, and the requirements on each.

Source of each clause: https://docs.ollama.com/api/streaming, https://docs.ollama.com/api/errors (pages), or
``api/types.go`` and ``server/routes.go`` of github.com/ollama/ollama (code).
"""

from __future__ import annotations

from collections.abc import Iterator

from orharness.dialects.grammar import Clause, Demand, Grammar, Key, State, Symbol, Table
from orharness.dialects.ollama.fold import COUNTS, error_of
from orharness.dialects.values import at, list_at, parsed
from orharness.sse import Event

_PAGE = "https://docs.ollama.com/api/streaming"
_TYPES = "https://github.com/ollama/ollama, api/types.go"

FIRST = Clause("ollama/first", "an answer has one line at least", _PAGE)
DONE = Clause("ollama/done", "an answer ends with a line that has done: true, or with an error", _PAGE)
LAST = Clause("ollama/last", "nothing follows the line that has done: true", _PAGE)
AFTER_ERROR = Clause("ollama/after-error", "an error ends the stream", "https://docs.ollama.com/api/errors")
OBJECT = Clause("ollama/object", "each line is a JSON object with done: true or false, or an error in words", _TYPES)
CONTENT = Clause("ollama/content", "each line has a message with a content, or a response: a text, maybe empty", _TYPES)
CALL = Clause("ollama/call", "a tool call comes whole: a name, and arguments that are an object", _TYPES)
REASON = Clause("ollama/reason", "the line with done: true says why, and no other line does", _TYPES)
COUNTED = Clause("ollama/counts", "token counts come with the line that has done: true", _TYPES)

_MOVES = {"line": "open", "done": "ended", "error": "failed"}
_WHOLE = {
    "start": State(FIRST, _MOVES),
    "open": State(DONE, _MOVES),
    "ended": State(LAST, {}, may_end=True),
    "failed": State(AFTER_ERROR, {}, may_end=True),
}


def _line(event: Event) -> Iterator[Symbol]:
    if error_of(event) is not None:
        yield Key.WHOLE, "error"
    else:
        yield Key.WHOLE, "done" if at(parsed(event.data), "done") is True else "line"


def _not_a_line(event: Event) -> str | None:
    data = parsed(event.data)
    if not isinstance(data, dict):
        return "is not a JSON object"
    if "error" in data:
        return None if isinstance(data["error"], str) else "has an error that is not a text"
    return None if isinstance(data.get("done"), bool) else "does not say done: true or false"


def _without_content(event: Event) -> str | None:
    data = parsed(event.data)
    if not isinstance(data, dict) or "error" in data:
        return None
    said = at(data, "message", "content"), data.get("response")
    return None if any(isinstance(each, str) for each in said) else "has neither message.content nor response"


def _broken_call(event: Event) -> str | None:
    for call in list_at(at(parsed(event.data), "message"), "tool_calls"):
        if not isinstance(at(call, "function", "name"), str):
            return "has a tool call without a name"
        if not isinstance(at(call, "function", "arguments"), dict):
            return "has a tool call whose arguments are not an object"
    return None


def _wrong_reason(event: Event) -> str | None:
    data = parsed(event.data)
    done, reason = at(data, "done"), at(data, "done_reason")
    if done is True and not isinstance(reason, str):
        return "is the last line and has no done_reason"
    return "has a done_reason and is not the last line" if done is False and reason else None


def _early_count(event: Event) -> str | None:
    data = parsed(event.data)
    early = at(data, "done") is False and any(at(data, name) for name in COUNTS)
    return "has token counts and is not the last line" if early else None


GRAMMAR = Grammar(
    (
        Table(_WHOLE, _line, follows_whole=True),
        Demand(OBJECT, _not_a_line),
        Demand(CONTENT, _without_content),
        Demand(CALL, _broken_call),
        Demand(REASON, _wrong_reason),
        Demand(COUNTED, _early_count),
    )
)
