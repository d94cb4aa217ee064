"""The order of events in Anthropic Messages.

Source of each clause: https://docs.claude.com/en/api/messages-streaming (page), https://docs.claude.com/en/api/errors,
or recordings of Anthropic.
"""

from __future__ import annotations

from collections.abc import Iterator

from orharness.dialects.grammar import Clause, Demand, Grammar, Key, Numbering, State, Symbol, Table
from orharness.dialects.kinds import DONE, kind_of
from orharness.dialects.messages.fold import ERROR, OWN
from orharness.dialects.values import at, parsed
from orharness.sse import Event

_PAGE = "https://docs.claude.com/en/api/messages-streaming"

FIRST = Clause("messages/first", "the first event is message_start; pings may come before it", _PAGE)
BLOCKS = Clause(
    "messages/blocks",
    "blocks come one after the other, each from content_block_start to content_block_stop; then message_delta",
    _PAGE,
)
ENDING = Clause("messages/ending", "message_delta comes once or more often, and then message_stop", _PAGE)
LAST = Clause("messages/last", "message_stop is the last event, and there is no [DONE]", _PAGE)
AFTER_ERROR = Clause("messages/after-error", "an error ends the stream", _PAGE)
OPENED = Clause("messages/opened", "a delta or a stop names the index of a block that was started", _PAGE)
OF_TEXT = Clause("messages/text", "a text block takes text_delta and citations_delta", _PAGE)
OF_THINKING = Clause("messages/thinking", "a thinking block takes thinking_delta, then one signature_delta", _PAGE)
SIGNED = Clause("messages/signature", "signature_delta comes right before the stop of a thinking block", _PAGE)
OF_TOOL = Clause("messages/tool", "a tool_use block takes input_json_delta", _PAGE)
OF_OTHER = Clause(
    "messages/other", "a block that comes whole (an advisor_tool_result, as recorded) has a start and a stop", _PAGE
)
ONCE = Clause("messages/once", "a block is over after its stop: its index is not used again", _PAGE)
INDEX = Clause("messages/index", "the index of a block is its place in the content: 0, 1, 2, …", _PAGE)
NAMED = Clause("messages/named", "the name of an event equals the type in its data", _PAGE)
CONTENT = Clause("messages/content", "message_start has a message whose content is an empty list", _PAGE)


def _with_life(state: str, **moves: str) -> dict[str, str]:
    return {**moves, "ping": state, ERROR: "failed"}


_WHOLE = {
    "start": State(FIRST, _with_life("start", message_start="between")),
    "between": State(BLOCKS, _with_life("between", content_block_start="block", message_delta="ending")),
    "block": State(BLOCKS, _with_life("block", content_block_delta="block", content_block_stop="between")),
    "ending": State(ENDING, _with_life("ending", message_delta="ending", message_stop="stopped")),
    "stopped": State(LAST, {}, may_end=True),
    "failed": State(AFTER_ERROR, {}, may_end=True),
}
_STOP = {"stop": "closed"}
_BLOCK = {
    "unopened": State(
        OPENED,
        {
            "start of text": "text",
            "start of thinking": "thinking",
            "start of tool_use": "tool",
            "start of server_tool_use": "tool",
            "start of mcp_tool_use": "tool",
            "start of another block": "other",
        },
    ),
    "text": State(OF_TEXT, {"text_delta": "text", "citations_delta": "text", **_STOP}, may_end=True),
    "thinking": State(OF_THINKING, {"thinking_delta": "thinking", "signature_delta": "signed", **_STOP}, may_end=True),
    "signed": State(SIGNED, _STOP, may_end=True),
    "tool": State(OF_TOOL, {"input_json_delta": "tool", **_STOP}, may_end=True),
    "other": State(OF_OTHER, _STOP, may_end=True),
    "closed": State(ONCE, {}, may_end=True),
}
_STARTS = {"text", "thinking", "tool_use", "server_tool_use", "mcp_tool_use"}
_DELTAS = {"text_delta", "citations_delta", "thinking_delta", "signature_delta", "input_json_delta"}


def _whole(event: Event) -> Iterator[Symbol]:
    kind = kind_of(event)
    if kind is not None and (kind in OWN or kind in (ERROR, DONE)):
        yield Key.WHOLE, kind


def _block(event: Event) -> Iterator[Symbol]:
    data = parsed(event.data)
    key = f"block {at(data, 'index')}"
    match kind_of(event):
        case "content_block_start":
            block = at(data, "content_block", "type")
            yield key, f"start of {block}" if block in _STARTS else "start of another block"
        case "content_block_delta":
            delta = at(data, "delta", "type")
            if delta in _DELTAS:  # unknown deltas are skipped
                yield key, str(delta)
        case "content_block_stop":
            yield key, "stop"


def _index(event: Event) -> object:
    return at(parsed(event.data), "index") if kind_of(event) == "content_block_start" else None


def _unnamed(event: Event) -> str | None:
    said = at(parsed(event.data), "type")
    if not isinstance(said, str) or said == event.type:
        return None
    return "has no name" if event.type == "message" else f"is named {event.type}, and its type is {said}"


def _without_content(event: Event) -> str | None:
    if kind_of(event) != "message_start" or at(parsed(event.data), "message", "content") == []:
        return None
    return "has a message without an empty content"


GRAMMAR = Grammar(
    (
        Table(_WHOLE, _whole, follows_whole=True),
        Table(_BLOCK, _block),
        Numbering(INDEX, _index),
        Demand(NAMED, _unnamed),
        Demand(CONTENT, _without_content),
    )
)
