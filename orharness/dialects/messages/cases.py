"""The Messages dialect's own contract cases: about the JSON of its events.

Plain data, as a user would write it. The text is that of the text blocks, in their order, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orharness.dialects.dialect import Part
from orharness.dialects.messages.parts import event_of
from orharness.dialects.values import Json, dumps

STREAMING = "https://docs.claude.com/en/api/messages-streaming"
VERSIONING = "https://docs.claude.com/en/api/versioning"
RECORDED = "https://github.com/pydantic/pydantic-ai, a recorded stream of Anthropic"
_ERROR = {"type": "overloaded_error", "message": "Overloaded"}
_TOOLS = "what a tool is called with is taken for text: the text is that of text_delta"
_THINKING = "thinking is taken for text: the text is that of text_delta"
_SKIP = "an event or a field that it does not know is stumbled over: it must be passed over"
_LOST_COUNT = "the input tokens of message_start are lost: a message_delta without them leaves them as they are"
_PASSED_OVER = "the error event is passed over: the answer looks complete"


def documents() -> Sequence[Mapping[str, Any]]:
    """Return all cases."""
    return (*_content(), *_parts(), *_errors())


def _event(name: str, **fields: Any) -> Json:
    return {"event": name, "data": dumps({"type": name, **fields})}


def _of(part: Part) -> Json:
    event = event_of(part)
    return {"event": event.type, "data": event.data}


def _delta(index: int, kind: str, **fields: Any) -> Json:
    return _event("content_block_delta", index=index, delta={"type": kind, **fields})


def _block(index: int, block: Json, *deltas: Json) -> list[Json]:
    started = _event("content_block_start", index=index, content_block=block)
    return [started, *deltas, _event("content_block_stop", index=index)]


def _text(index: int, *texts: str) -> list[Json]:
    deltas = (_delta(index, "text_delta", text=text) for text in texts)
    return _block(index, {"type": "text", "text": ""}, *deltas)


_START, _STOP = _of(Part(role="assistant")), _of(Part(end=True))
_PING = _event("ping")
_THOUGHT = _block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    _delta(0, "thinking_delta", thinking="Let me"),
    _delta(0, "signature_delta", signature="c2ln"),
)
_REASONING = {"type": "reasoning", "text": "Let me"}
_CALL = {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}}


def _said(*events: Json, finish: str = "stop") -> Json:
    """Return a whole message of these events."""
    return {"events": [_START, *events, _of(Part(finish=finish)), _STOP]}


def _case(name: str, title: str, source: str, reply: Json, expect: Json, **more: Any) -> Json:
    return {"id": name, "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _content() -> list[Json]:
    hello = {"text": "Hello world"}
    whole = _said(*_text(0, "Hello", " world"))
    asked, more = _delta(1, "input_json_delta", partial_json='{"zone": '), '"text"}'
    call = _block(
        1,
        _CALL,
        _delta(1, "input_json_delta", partial_json=""),
        asked,
        _delta(1, "input_json_delta", partial_json=more),
    )
    result = {"type": "advisor_tool_result", "tool_use_id": "1", "content": {"type": "advisor_result", "text": "no"}}
    news = _event("news", delta={"type": "text_delta", "text": "no"})
    every = [one for event in whole["events"] for one in (_PING, event)]
    first, *rest = _text(0, "Hello", " world")
    cited = {"type": "char_location", "cited_text": "no text", "document_index": 0, "document_title": "no"}
    cited |= {"start_char_index": 0, "end_char_index": 7}
    counted = _event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1})
    window = _event("message_delta", delta={"stop_reason": "model_context_window_exceeded"}, usage={"output_tokens": 2})
    return [
        _case(
            "messages/whole",
            "A message as Anthropic sends it.",
            STREAMING,
            whole,
            hello,
            chunkings=["as-sent", "per-byte"],
        ),
        _case("messages/pings", "A ping before each event, the first one too.", STREAMING, {"events": every}, hello),
        _case(
            "messages/unknown-event",
            "An event that is not known.",
            VERSIONING,
            _said(first, news, *rest),
            hello,
            cause=_SKIP,
        ),
        _case(
            "messages/unknown-delta",
            "A delta of a type that is not known.",
            VERSIONING,
            _said(first, _delta(0, "news_delta", text="no"), *rest),
            hello,
            cause=_SKIP,
        ),
        _case(
            "messages/thinking",
            "Thinking before the text.",
            STREAMING,
            _said(*_THOUGHT, *_text(1, "Hello", " world")),
            hello,
            cause=_THINKING,
        ),
        _case(
            "messages/tool-use",
            "A text, then a tool.",
            STREAMING,
            _said(*_text(0, "Hello world"), *call, finish="tool_calls"),
            hello,
            cause=_TOOLS,
        ),
        _case(
            "messages/tool-use-alone",
            "A tool and no text.",
            STREAMING,
            _said(*_block(0, _CALL, _delta(0, "input_json_delta", partial_json='{"a": "text"}')), finish="tool_calls"),
            {"text": ""},
            cause=_TOOLS,
        ),
        _case(
            "messages/citations",
            "What a text cites is a delta of its own between two of the text.",
            STREAMING,
            _said(*_text(0, "Hello")[:-1], _delta(0, "citations_delta", citation=cited), *_text(0, " world")[1:]),
            hello,
            cause="what a text cites is taken for text, or stumbled over: the text is that of text_delta",
        ),
        _case(
            "messages/two-message-deltas",
            "One message_delta or more: the first has the usage so far, and no stop reason.",
            STREAMING,
            _said(*_text(0, "Hello", " world"), counted),
            hello,
        ),
        _case(
            "messages/unknown-stop-reason",
            "A stop reason that came later than the others ends an answer like any other.",
            VERSIONING,
            {"events": [_START, *_text(0, "Hello", " world"), window, _STOP]},
            hello,
            level="SHOULD",
            cause="a stop reason that it does not know is stumbled over",
        ),
        _case(
            "messages/two-texts",
            "Two text blocks: the text is both of them.",
            RECORDED,
            _said(*_text(0, "Hello"), *_text(1, " world")),
            hello,
        ),
        _case(
            "messages/result-of-a-tool",
            "A block that comes whole between two texts is not text.",
            RECORDED,
            _said(*_text(0, "Hello"), *_block(1, result), *_text(2, " world")),
            hello,
            cause=_TOOLS,
        ),
        _case(
            "messages/empty-delta", "A delta without a text.", RECORDED, _said(*_text(0, "Hello", "", " world")), hello
        ),
        _case(
            "messages/too-long",
            "The stop reason max_tokens ends an answer like any other.",
            STREAMING,
            _said(*_text(0, "Hello world"), finish="length"),
            {"text": "Hello world", "error": "allowed"},
        ),
    ]


def _parts() -> list[Json]:
    """Return the cases about what is said besides text, for clients that hand that over. The first of each is plain."""
    clock = {"type": "tool_call", "name": "clock", "arguments": '{"zone":"text"}', "id": "toolu_1"}
    weather = {"type": "tool_call", "name": "weather", "arguments": "", "id": "toolu_2"}
    asked = [_delta(1, "input_json_delta", partial_json=piece) for piece in ("", '{"zone": ', '"text"}')]
    tool = _block(1, _CALL, *asked)
    without_input = _block(2, {**_CALL, "id": "toolu_2", "name": "weather"})
    counts = {"type": "usage", "prompt_tokens": 1, "completion_tokens": 3}
    hello = _text(0, "Hello", " world")
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}

    def counted(*usages: Json) -> Json:
        *before, last = usages
        first = [_event("message_delta", delta=dict.fromkeys(stopped), usage=one) for one in before]
        return {"events": [_START, *hello, *first, _event("message_delta", delta=stopped, usage=last), _STOP]}

    def case(name: str, title: str, reply: Json, text: str, *parts: Json, **more: Any) -> Json:
        expect = {"text": text, "parts": list(parts), "error": more.pop("error", False)}
        return _case(f"parts/messages-{name}", title, STREAMING, reply, expect, **more)

    return [
        case(
            "tool-use",
            "A text, then a tool: its input in fragments, the first of them empty.",
            _said(*_text(0, "Hello"), *tool, finish="tool_calls"),
            "Hello",
            clock,
        ),
        case(
            "tools",
            "Two tools, the second one without input.",
            _said(*_text(0, "Hello"), *tool, *without_input, finish="tool_calls"),
            "Hello",
            clock,
            weather,
            cause="a tool without input is thrown away: it is called all the same",
            mistaken=[[clock]],
        ),
        case("thinking", "Thinking before the text.", _said(*_THOUGHT, *_text(1, "Hello")), "Hello", _REASONING),
        case(
            "stop",
            "The stop reason `end_turn`.",
            _said(*hello),
            "Hello world",
            {"type": "finish", "reason": "end_turn"},
        ),
        case(
            "max-tokens",
            "The stop reason `max_tokens`.",
            _said(*hello, finish="length"),
            "Hello world",
            {"type": "finish", "reason": "max_tokens"},
            error="allowed",
            cause="every answer is said to have stopped by itself",
            mistaken=[[{"type": "finish", "reason": "end_turn"}]],
        ),
        case(
            "usage",
            "The first of the output tokens in message_start, and all of them in message_delta.",
            counted({"input_tokens": 1, "output_tokens": 3}),
            "Hello world",
            counts,
        ),
        case(
            "usage-as-it-grows",
            "Two times message_delta: the tokens of each are all until then.",
            counted({"input_tokens": 1, "output_tokens": 2}, {"input_tokens": 1, "output_tokens": 3}),
            "Hello world",
            counts,
        ),
        case(
            "usage-of-the-start",
            "The input tokens in message_start alone, as the examples of the manual have it.",
            counted({"output_tokens": 3}),
            "Hello world",
            counts,
            cause=_LOST_COUNT,
            mistaken=[[{**counts, "prompt_tokens": 0}]],
            level="SHOULD",  # the API sends both, and its reference lets it leave out the input tokens
        ),
    ]


def _errors() -> list[Json]:
    error = _event("error", error=_ERROR)
    hello = _text(0, "Hello", " world")[:-1]
    after_text = {"events": [_START, *hello, error]}
    return [
        _case(
            "errors/messages-event",
            "An error event after two deltas.",
            STREAMING,
            after_text,
            {"text": "Hello world", "error": True},
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/messages-event-first",
            "An error event before the first delta.",
            STREAMING,
            {"events": [_START, error]},
            {"text": "", "error": True},
            requests="any",
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/messages-without-stop",
            "The response ends after message_delta.",
            STREAMING,
            {"events": [_START, *_text(0, "Hello world"), _of(Part(finish="stop"))]},
            {"text": "Hello world", "error": "allowed"},
        ),
    ]
