"""The order of events in a chat completion.

Source of each clause: https://platform.openai.com/docs/api-reference/chat-streaming (OpenAI), or recordings of
gateways.
"""

from __future__ import annotations

from collections.abc import Iterator

from orharness.dialects.chat.fold import END, error_of
from orharness.dialects.grammar import Clause, Demand, Grammar, Key, State, Symbol, Table
from orharness.dialects.values import at, list_at, parsed
from orharness.sse import Event

_OPENAI = "https://platform.openai.com/docs/api-reference/chat-streaming"
_TOOLS = "https://github.com/openai/openai-python/issues/2806 and what was recorded from OpenAI"

FIRST = Clause(
    "chat/first", "the stream begins with chunks, the first of which may be without choices (Azure)", _OPENAI
)
DONE = Clause("chat/done", "the chunks are followed by [DONE]", _OPENAI)
AFTER_ERROR = Clause(
    "chat/after-error", "an error ends the stream; [DONE] may follow (recorded from OpenRouter)", _OPENAI
)
LAST = Clause("chat/last", "nothing follows [DONE]", _OPENAI)
FINISH = Clause("chat/finish", "each choice has a finish_reason in its last delta, before [DONE]", _OPENAI)
FINISHED = Clause("chat/finished", "a choice says nothing after its finish_reason", _OPENAI)
CALL = Clause("chat/call", "the first fragment of a tool call has its id and the function's name", _TOOLS)
CALL_INDEX = Clause("chat/call-index", "each fragment of a tool call has its index", _TOOLS)
JSON = Clause("chat/json", "the data of each event but [DONE] is a JSON object", _OPENAI)

_WHOLE = {
    "start": State(FIRST, {"a chunk": "chunks", "a chunk without choices": "start", "an error": "failed"}),
    "chunks": State(
        DONE,
        {"a chunk": "chunks", "a chunk without choices": "chunks", "an error": "failed", END: "over"},
    ),
    "failed": State(AFTER_ERROR, {END: "over"}, may_end=True),
    "over": State(LAST, {}, may_end=True),
}
_CHOICE = {
    "open": State(
        FINISH,
        {
            "a delta": "open",
            "an empty delta": "open",
            "a finish": "finished",
            "a finish without a text": "finished",
            "an error": "cut",
        },
        may_end=True,
    ),
    "finished": State(
        FINISHED,
        {"an empty delta": "finished", "a finish without a text": "finished", "an error": "cut", END: "finished"},
        may_end=True,
    ),
    "cut": State(AFTER_ERROR, {END: "cut"}, may_end=True),
}
_CALL = {
    "unknown": State(CALL, {"a fragment with its id and name": "begun"}),
    "begun": State(CALL, {"a fragment with its id and name": "begun", "a fragment": "begun"}, may_end=True),
}
_SAID = ("content", "reasoning", "reasoning_content", "refusal", "tool_calls")


def _whole(event: Event) -> Iterator[Symbol]:
    if event.data == END:
        yield Key.WHOLE, END
    elif error_of(event) is not None:
        yield Key.WHOLE, "an error"
    elif isinstance(at(parsed(event.data), "choices"), list):
        some = list_at(parsed(event.data), "choices")
        yield Key.WHOLE, "a chunk" if some else "a chunk without choices"


def _choice(event: Event) -> Iterator[Symbol]:
    if event.data == END:
        yield Key.EVERY, END
    elif error_of(event) is not None:
        yield Key.EVERY, "an error"
    else:
        for choice in list_at(parsed(event.data), "choices"):
            said = any(at(choice, "delta", name) for name in _SAID)
            finish = ("a finish" if said else "a finish without a text") if at(choice, "finish_reason") else None
            yield f"choice {at(choice, 'index')}", finish or ("a delta" if said else "an empty delta")


def _call(event: Event) -> Iterator[Symbol]:
    for choice in list_at(parsed(event.data), "choices"):
        for call in list_at(at(choice, "delta"), "tool_calls"):
            named = at(call, "id") and at(call, "function", "name")
            key = f"tool call {at(call, 'index')} of choice {at(choice, 'index')}"
            yield key, "a fragment with its id and name" if named else "a fragment"


def _without_index(event: Event) -> str | None:
    deltas = (at(choice, "delta") for choice in list_at(parsed(event.data), "choices"))
    calls = (call for delta in deltas for call in list_at(delta, "tool_calls"))
    return "has a fragment of a tool call without its index" if any(at(one, "index") is None for one in calls) else None


def _not_json(event: Event) -> str | None:
    return None if event.data == END or isinstance(parsed(event.data), dict) else "is not a JSON object"


GRAMMAR = Grammar(
    (
        Table(_WHOLE, _whole, follows_whole=True),
        Table(_CHOICE, _choice),
        Table(_CALL, _call),
        Demand(CALL_INDEX, _without_index),
        Demand(JSON, _not_json),
    )
)
