"""The Gemini dialect's own contract cases: about the JSON of its events, and their framing.

Plain data, as a user would write it. The text is that of the parts that are not thoughts, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orharness.dialects.dialect import Part
from orharness.dialects.gemini.parts import event_of
from orharness.dialects.values import Json, dumps

GENERATE = "https://ai.google.dev/api/generate-content"
THINKING = "https://ai.google.dev/gemini-api/docs/thinking"
TOOLS = "https://ai.google.dev/gemini-api/docs/function-calling"
ERRORS = "https://ai.google.dev/gemini-api/docs/troubleshooting"
SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"
RECORDED = "https://github.com/pydantic/pydantic-ai, a recorded stream of Gemini"
COMMENTS = "https://github.com/googleapis/python-genai/issues/1364"
_THOUGHT = "thoughts are taken for text: the text is that of the parts without thought: true"
_CALL = "what a function is called with is taken for text: the text is that of the parts with text"
_SKIP = "an event or a field that it does not know is stumbled over: it must be passed over"
_FIELDS = "a line of an event that is not its data is taken for data, or ends the event"
_PASSED_OVER = "the error is passed over: the answer looks complete"
_CUT = "the stream ends without a finishReason, and the answer looks complete"
_BLOCKED = "why there is no text is not shown: it looks like an empty answer"
_UNAVAILABLE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def documents() -> Sequence[Mapping[str, Any]]:
    """Return them all."""
    return (*_content(), *_framing(), *_errors())


def _event(data: Json, **more: Any) -> Json:
    return {"data": dumps(data), **more}


def _chunk(*parts: Json, finish: str | None = None, **more: Any) -> Json:
    candidate: Json = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    ended = {} if finish is None else {"finishReason": finish}
    return _event({"candidates": [{**candidate, **ended}], **more})


def _of(part: Part) -> Json:
    event = event_of(part)
    return {} if event is None else {"data": event.data}


_HELLO, _WORLD = _of(Part(text="Hello")), _of(Part(text=" world"))
_END = _of(Part(end=True))
_CALLED = {"functionCall": {"name": "clock", "args": {"zone": "text", "text": "no"}}}


def _said(*events: Json, **sending: Any) -> Json:
    return {"events": list(events), **sending}


def _case(name: str, title: str, source: str, reply: Json, expect: Json, **more: Any) -> Json:
    return {"id": name, "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _content() -> list[Json]:
    hello = {"text": "Hello world"}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    return [
        _case(
            "gemini/whole",
            "An answer as Google sends it: CRLF line ends, the usage so far in each chunk.",
            RECORDED,
            {"answer": {"text": ["Hello", " world"]}},
            hello,
            chunkings=["as-sent", "per-byte"],
        ),
        _case(
            "gemini/finish-with-text",
            "The last text is in the chunk with the finishReason.",
            RECORDED,
            _said(_HELLO, _chunk({"text": " world"}, finish="STOP", usageMetadata=usage)),
            hello,
        ),
        _case(
            "gemini/two-parts",
            "A chunk with two texts: the text is both of them.",
            GENERATE,
            _said(_chunk({"text": "Hello"}, {"text": " world"}), _END),
            hello,
        ),
        _case(
            "gemini/thoughts",
            "Thoughts before the text.",
            THINKING,
            _said(_chunk({"text": "Let me", "thought": True}), _HELLO, _WORLD, _END),
            hello,
            cause=_THOUGHT,
        ),
        _case(
            "gemini/thoughts-beside-text",
            "A thought and a text in one chunk.",
            THINKING,
            _said(_chunk({"text": "Let me", "thought": True}, {"text": "Hello"}), _WORLD, _END),
            hello,
            cause=_THOUGHT,
        ),
        _case(
            "gemini/thought-signature",
            "A signature in a part with an empty text, last.",
            THINKING,
            _said(_HELLO, _WORLD, _chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")),
            hello,
        ),
        _case(
            "gemini/function-call",
            "A text, then a function call.",
            TOOLS,
            _said(_HELLO, _WORLD, _chunk(_CALLED), _END),
            hello,
            cause=_CALL,
        ),
        _case(
            "gemini/function-call-alone",
            "A function call and no text, the finishReason in its chunk.",
            TOOLS,
            _said(_chunk(_CALLED, finish="STOP")),
            {"text": ""},
            cause=_CALL,
        ),
        _case(
            "gemini/usage-alone",
            "A chunk with nothing but the usage, between two texts and before the end.",
            GENERATE,
            _said(_HELLO, _event({"usageMetadata": usage}), _WORLD, _event({"usageMetadata": usage}), _END),
            hello,
        ),
        _case(
            "gemini/without-content",
            "A candidate without a content, and one without parts.",
            GENERATE,
            _said(
                _HELLO,
                _event({"candidates": [{"index": 0}]}),
                _event({"candidates": [{"content": {"role": "model"}, "index": 0}]}),
                _WORLD,
                _END,
            ),
            hello,
        ),
        _case(
            "gemini/unknown-fields",
            "Fields and a part that are not known.",
            GENERATE,
            _said(_chunk({"text": "Hello"}, news={"text": "no"}), _chunk({"news": {"text": "no"}}), _WORLD, _END),
            hello,
            cause=_SKIP,
        ),
        _case(
            "gemini/unknown-finish",
            "A finishReason that is not known ends an answer like any other.",
            GENERATE,
            _said(_HELLO, _chunk({"text": " world"}, finish="NEWS")),
            {"text": "Hello world", "error": "allowed"},
        ),
        _case(
            "gemini/too-long",
            "The finishReason MAX_TOKENS ends an answer like any other.",
            GENERATE,
            _said(_HELLO, _chunk({"text": " world"}, finish="MAX_TOKENS")),
            {"text": "Hello world", "error": "allowed"},
        ),
        _case(
            "gemini/safety",
            "The finishReason SAFETY and no content: the text before it is kept.",
            GENERATE,
            _said(_HELLO, _WORLD, _event({"candidates": [{"finishReason": "SAFETY", "index": 0}]})),
            {"text": "Hello world", "error": "allowed"},
        ),
        _case(
            "gemini/blocked-prompt",
            "A prompt that was blocked: no candidates, and a promptFeedback.",
            GENERATE,
            _said(_event({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage})),
            {"text": "", "error": "allowed"},
            cause=_BLOCKED,
        ),
    ]


def _framing() -> list[Json]:
    """How a gateway may send the events: what the format allows, and Google itself does not do."""
    hello = {"text": "Hello world"}
    comment = {"comment": " keep-alive"}
    return [
        _case(
            "gemini/comments",
            "A keep-alive comment before each event, as gateways send it.",
            COMMENTS,
            _said(comment, _HELLO, comment, _WORLD, comment, _END),
            hello,
            cause="a comment is taken for data",
        ),
        _case(
            "gemini/without-the-space",
            "`data:` without a space after the colon.",
            SSE,
            _said(*({"raw": f"data:{each['data']}\r\n\r\n"} for each in (_HELLO, _WORLD, _END))),
            hello,
            cause=_FIELDS,
        ),
        _case(
            "gemini/named-events",
            "Each event has a name.",
            SSE,
            _said(*({"raw": f"event: message\r\ndata: {each['data']}\r\n\r\n"} for each in (_HELLO, _WORLD, _END))),
            hello,
            cause=_FIELDS,
        ),
        _case(
            "gemini/ids",
            "Each event has an id.",
            SSE,
            _said(*({"raw": f"id: 7\r\ndata: {each['data']}\r\n\r\n"} for each in (_HELLO, _WORLD, _END))),
            hello,
            cause=_FIELDS,
        ),
        _case(
            "gemini/retry",
            "A reconnection time before the first event.",
            SSE,
            _said({"retry": 3.0}, _HELLO, _WORLD, _END),
            hello,
            cause=_FIELDS,
        ),
        _case(
            "gemini/byte-order-mark",
            "A byte order mark before the first event.",
            SSE,
            _said({"raw": f"\ufeffdata: {_HELLO['data']}\r\n\r\n"}, _WORLD, _END),
            hello,
            cause="the byte order mark is taken for a part of the first line",
        ),
        _case(
            "gemini/done",
            "`[DONE]` after the answer, as gateways add it: the answer is whole before it.",
            RECORDED,
            _said(_HELLO, _WORLD, _END, {"data": "[DONE]"}),
            hello,
            level="SHOULD",
            cause="[DONE] is given to the JSON parser, though the answer is whole with its finishReason",
            broken_json="[DONE] is given to the JSON parser, though the answer is whole with its finishReason",
        ),
        _case(
            "gemini/left-open",
            "The connection stays open after the finishReason: the client ends all the same.",
            GENERATE,
            _said(_HELLO, _WORLD, _END, ending="hang"),
            {"text": "Hello world"},
            level="SHOULD",
            cause="it waits for the end of the body, though the answer is whole with its finishReason",
        ),
    ]


def _errors() -> list[Json]:
    hello = {"text": "Hello world", "error": True}
    bare = dumps(_UNAVAILABLE)
    lines = '{\r\n  "error": {\r\n    "code": 503,\r\n    "message": "The model is overloaded.",\r\n'
    lines += '    "status": "UNAVAILABLE"\r\n  }\r\n}\r\n'
    return [
        _case(
            "errors/gemini-event",
            "An error as an event after two texts.",
            ERRORS,
            _said(_HELLO, _WORLD, _event(_UNAVAILABLE)),
            hello,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/gemini-event-first",
            "An error as the first event.",
            ERRORS,
            _said(_event(_UNAVAILABLE)),
            {"text": "", "error": True},
            requests="any",
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/gemini-bare",
            "An error after two texts as JSON without `data:`, on one line.",
            ERRORS,
            _said(_HELLO, _WORLD, {"raw": f"{bare}\r\n"}),
            hello,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/gemini-bare-lines",
            "An error after two texts as JSON without `data:`, on several lines.",
            ERRORS,
            _said(_HELLO, _WORLD, {"raw": lines}),
            hello,
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/gemini-cut",
            "The response ends between two chunks, and none has a finishReason.",
            GENERATE,
            _said(_HELLO, _WORLD),
            {"text": "Hello world", "error": True},
            cause=_CUT,
        ),
    ]
