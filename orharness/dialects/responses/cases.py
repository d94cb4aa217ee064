"""The Responses dialect's own contract cases: about the JSON of its events.

Plain data, as a user would write it. The text is that of the output_text parts, in their order, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orharness.dialects.values import Json, dumps

STREAMING = "https://platform.openai.com/docs/api-reference/responses-streaming"
OPEN = "https://github.com/openresponses/openresponses, src/pages/specification.mdx"
KEEPALIVE = "https://github.com/openai/openai-node/issues/1964"
CHAT_FORM = "https://github.com/openai/openai-python, _streaming.py: an error in the form of a chat is raised"
OPENROUTER = "https://openrouter.ai/docs/api-reference/responses-api/overview, and a recorded stream"
_ERROR = {"code": "server_error", "message": "gone"}
_HEAD = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "tools": []}
_FURTHER = {"parallel_tool_calls": True, "tool_choice": "auto"}
_PASSED_OVER = "the error is passed over: the answer looks complete"
_REASONING = "reasoning is taken for text: the text is that of response.output_text.delta"
_CALLS = "the arguments of a call are taken for text: the text is that of response.output_text.delta"
_SKIP = "an event or a field that it does not know is stumbled over: it must be passed over"
_REPEATED = "the whole text in a .done event repeats the deltas, and is not added to them"


def documents() -> Sequence[Mapping[str, Any]]:
    """Return all cases."""
    return (*_content(), *_errors())


def _response(kind: str, status: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "response": {**_HEAD, **_FURTHER, "status": status, **fields}}


def _part(kind: str, index: int, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "item_id": f"item_{index}", "output_index": index, **fields}


def _item(index: int, item: Json, *events: Json) -> list[Json]:
    whole = {"id": f"item_{index}", **item}
    added = {"type": "response.output_item.added", "output_index": index, "item": {**whole, "status": "in_progress"}}
    done = {"type": "response.output_item.done", "output_index": index, "item": {**whole, "status": "completed"}}
    return [added, *events, done]


def _message(index: int, *texts: str) -> list[Json]:
    """Return the events of a message with one text."""
    at, whole = {"content_index": 0}, "".join(texts)
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    return _item(
        index,
        {"type": "message", "role": "assistant", "content": []},
        _part("content_part.added", index, **at, part={**part, "text": ""}),
        *(_part("output_text.delta", index, **at, delta=text, logprobs=[]) for text in texts),
        _part("output_text.done", index, **at, text=whole, logprobs=[]),
        _part("content_part.done", index, **at, part={**part, "text": whole}),
    )


_BEGIN = [_response("created", "in_progress"), _response("in_progress", "in_progress")]
_END = _response("completed", "completed")
_HELLO = _message(0, "Hello", " world")


def _reasoning(index: int) -> list[Json]:
    at, part = {"summary_index": 0}, {"type": "summary_text", "text": ""}
    return _item(
        index,
        {"type": "reasoning", "summary": []},
        _part("reasoning_summary_part.added", index, **at, part=part),
        _part("reasoning_summary_text.delta", index, **at, delta="Let me"),
        _part("reasoning_summary_text.done", index, **at, text="Let me"),
        _part("reasoning_summary_part.done", index, **at, part={**part, "text": "Let me"}),
    )


def _reasoning_text(index: int) -> list[Json]:
    """Return the events of reasoning that is not a summary, as open models have it."""
    at, part = {"content_index": 0}, {"type": "reasoning_text", "text": ""}
    return _item(
        index,
        {"type": "reasoning", "summary": []},
        _part("content_part.added", index, **at, part=part),
        _part("reasoning_text.delta", index, **at, delta="Let me"),
        _part("reasoning_text.done", index, **at, text="Let me"),
        _part("content_part.done", index, **at, part={**part, "text": "Let me"}),
    )


def _refused(index: int) -> list[Json]:
    at, part = {"content_index": 0}, {"type": "refusal", "refusal": ""}
    return _item(
        index,
        {"type": "message", "role": "assistant", "content": []},
        _part("content_part.added", index, **at, part=part),
        _part("refusal.delta", index, **at, delta="I would rather"),
        _part("refusal.delta", index, **at, delta=" not."),
        _part("refusal.done", index, **at, refusal="I would rather not."),
        _part("content_part.done", index, **at, part={**part, "refusal": "I would rather not."}),
    )


def _call(index: int) -> list[Json]:
    arguments = '{"text": 1}'
    return _item(
        index,
        {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": ""},
        _part("function_call_arguments.delta", index, delta=arguments),
        _part("function_call_arguments.done", index, arguments=arguments),
    )


def _stream(*events: Json, named: bool = True, done: bool = False) -> Json:
    """Return a reply of these events, each with its number and, except those of OpenRouter, with its name."""
    return {"events": [*_numbered(events, named), *([{"data": "[DONE]"}] if done else [])]}


def _numbered(events: Iterable[Json], named: bool) -> list[Json]:
    return [
        {**({"event": event["type"]} if named and "type" in event else {}), "data": dumps(_with_number(event, number))}
        for number, event in enumerate(events)
    ]


def _with_number(event: Json, number: int) -> Json:
    return {**event, "sequence_number": number} if "type" in event else event


def _case(name: str, title: str, source: str, reply: Json, expect: Json, **more: Any) -> Json:
    return {"id": name, "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _content() -> list[Json]:
    hello = {"text": "Hello world"}
    queued = _response("queued", "queued")
    padded = [
        {**event, "obfuscation": "aR7q", "news": {"delta": "no"}} if event["type"].endswith(".delta") else event
        for event in _HELLO
    ]
    keepalive, news = {"type": "keepalive"}, {"type": "response.news", "delta": "no"}
    incomplete = _response("incomplete", "incomplete", incomplete_details={"reason": "max_output_tokens"})
    return [
        _case(
            "responses/whole",
            "A response as OpenAI sends it.",
            STREAMING,
            _stream(*_BEGIN, *_HELLO, _END),
            hello,
            chunkings=["as-sent", "per-byte"],
            cause=_REPEATED,
        ),
        _case(
            "responses/done", "[DONE] follows the last event.", OPEN, _stream(*_BEGIN, *_HELLO, _END, done=True), hello
        ),
        _case(
            "responses/without-names",
            "No event has a name: the type is in the data.",
            OPENROUTER,
            _stream(*_BEGIN, *_HELLO, _END, named=False, done=True),
            hello,
        ),
        _case(
            "responses/keepalive",
            "Events named keepalive between the others.",
            KEEPALIVE,
            _stream(*_BEGIN, keepalive, *_HELLO[:3], keepalive, *_HELLO[3:], _END),
            hello,
            cause=_SKIP,
        ),
        _case(
            "responses/keepalive-first",
            "The first event is a keepalive.",
            KEEPALIVE,
            _stream(keepalive, *_BEGIN, *_HELLO, _END),
            hello,
            cause=_SKIP,
        ),
        _case(
            "responses/unknown-event",
            "An event that is not known, with a delta.",
            OPEN,
            _stream(*_BEGIN, news, *_HELLO, _END),
            hello,
            cause=_SKIP,
        ),
        _case(
            "responses/reasoning",
            "Reasoning before the text.",
            STREAMING,
            _stream(*_BEGIN, *_reasoning(0), *_message(1, "Hello", " world"), _END),
            hello,
            cause=_REASONING,
        ),
        _case(
            "responses/reasoning-text",
            "Reasoning that is not a summary, before the text.",
            STREAMING,
            _stream(*_BEGIN, *_reasoning_text(0), *_message(1, "Hello", " world"), _END),
            hello,
            cause=_REASONING,
        ),
        _case(
            "responses/refusal",
            "A refusal: it is not text, though a client may show it.",
            STREAMING,
            _stream(*_BEGIN, *_refused(0), _END),
            {"text": "", "error": "allowed"},
            cause="a refusal is taken for text: the text is that of response.output_text.delta",
        ),
        _case(
            "responses/queued",
            "The response is queued before it is in progress.",
            STREAMING,
            _stream(_BEGIN[0], queued, _BEGIN[1], *_HELLO, _END),
            hello,
        ),
        _case(
            "responses/unknown-fields",
            "Each delta has obfuscation (`include_obfuscation`), and a field that is not known.",
            STREAMING,
            _stream(*_BEGIN, *padded, _END),
            hello,
            cause=_SKIP,
        ),
        _case(
            "responses/function-call",
            "A text, then a function call.",
            STREAMING,
            _stream(*_BEGIN, *_HELLO, *_call(1), _END),
            hello,
            cause=_CALLS,
        ),
        _case(
            "responses/two-messages",
            "Two messages: the text is both of them.",
            STREAMING,
            _stream(*_BEGIN, *_message(0, "Hello"), *_message(1, " world"), _END),
            hello,
        ),
        _case(
            "responses/incomplete",
            "A response that is incomplete is the end of the answer.",
            STREAMING,
            _stream(*_BEGIN, *_HELLO, incomplete),
            {"text": "Hello world", "error": "allowed"},
        ),
    ]


def _errors() -> list[Json]:
    fails, begun = {"text": "Hello world", "error": True}, [*_BEGIN, *_HELLO[:4]]
    flat, failed = {"type": "error", **_ERROR, "param": None}, _response("failed", "failed", error=_ERROR)
    return [
        _case(
            "errors/responses-error",
            "An error event, then response.failed.",
            OPEN,
            _stream(*begun, flat, failed),
            fails,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/responses-error-alone",
            "An error event, then the end of the body.",
            STREAMING,
            _stream(*begun, flat),
            fails,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/responses-failed",
            "response.failed and no error event.",
            STREAMING,
            _stream(*begun, failed),
            fails,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/responses-failed-first",
            "The response fails before the first delta.",
            STREAMING,
            _stream(*_BEGIN, failed),
            {"text": "", "error": True},
            requests="any",
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/responses-chat-form",
            "An error in the form of a chat completion.",
            CHAT_FORM,
            _stream(*begun, {"error": {**_ERROR, "type": "server_error", "param": None}}),
            fails,
            cause=_PASSED_OVER,
        ),
    ]
