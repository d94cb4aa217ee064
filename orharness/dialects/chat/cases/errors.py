"""errors: those that a stream reports in its chunks, in the shapes of gateways and servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orharness.dialects.chat.cases.making import (
    CHAT,
    GATEWAY,
    Document,
    chat,
    delta,
    event,
    fails,
    finish,
    stream,
    yields,
)
from orharness.dialects.chat.parts import HEAD, chunk
from orharness.dialects.values import dumps

OPENROUTER_ERRORS = "https://openrouter.ai/docs/api-reference/errors"
_NAMED_AND_DONE = "https://github.com/8monkey-ai/hebo-gateway/issues/71"
GROQ_ERRORS = "https://console.groq.com/docs/errors"

_TEXT = ["Hello", " world", "!"]
_IN_STREAM = "the error event is passed over: the answer looks complete"
_BEFORE = "the error is swallowed: it looks like an empty answer"
_UPSTREAM = {"message": "Upstream error", "code": 502}
_WHOLE_ANSWER = {
    **HEAD,
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello world"}, "finish_reason": "stop"},
    ],
}


def _case(name: str, title: str, source: str, reply: Document, expect: Document, **more: Any) -> Document:
    return {"id": f"errors/{name}", "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _in_stream(name: str, title: str, source: str, shape: str, gateway: str = "onerouter") -> Iterator[Document]:
    """Yield an error event after two tokens, and before the first one."""
    for tokens, text in ((2, "Hello world"), (0, "")):
        failure = {"message": "Provider disconnected", "code": 502, "after": tokens, "shape": shape}
        yield _case(
            f"event-{name}{'' if tokens else '-first'}",
            f"{title}, {'after two tokens' if tokens else 'before the first token'}.",
            source,
            chat(_TEXT, gateway=gateway, error=failure),
            fails(text),
            requests=1 if tokens else "any",
            chunkings=["as-sent", "whole", "per-byte"],
            cause=_IN_STREAM,
        )


def _event(name: str, title: str, *events: Document | str, ending: str = "eof", **more: Any) -> Document:
    """Return some other error event after two tokens."""
    source = more.pop("source", GATEWAY)
    sending = {} if ending == "eof" else {"ending": ending}
    reply = stream(delta("Hello"), delta(" world"), *events, **sending)
    return _case(name, title, source, reply, fails("Hello world"), **{"cause": _IN_STREAM, **more})


CASES: tuple[Document, ...] = (
    _case(
        "json-answer",
        "HTTP 200 with a whole answer as JSON, where a stream was asked for: its text or an error, never nothing.",
        CHAT,
        {"status": 200, "json": _WHOLE_ANSWER},
        fails(""),
        also=[yields("Hello world")],
        patience=5,
        cause="a whole answer, which comes as JSON and not as an event stream, is taken for an empty one",
    ),
    *_in_stream(
        "documented",
        "A chunk with `error` and the finish_reason `error`, then the end",
        OPENROUTER_ERRORS,
        "documented",
    ),
    *_in_stream(
        "recorded",
        "A chunk with `error`, finish_reason null and usage, then `[DONE]`",
        OPENROUTER_ERRORS,
        "recorded",
        "openrouter",
    ),
    *_in_stream("named", "`event: error`, then the end", GROQ_ERRORS, "named_event"),
    *_in_stream("bare", "An event with nothing but `error`, then the end", CHAT, "bare", "openai"),
    _event(
        "event-and-done",
        "An event with nothing but `error`, then `[DONE]`.",
        event(dumps({"error": _UPSTREAM})),
        "[DONE]",
    ),
    _event(
        "event-named-and-done",
        "`event: error`, then `[DONE]`.",
        {"event": "error", "data": dumps({"error": _UPSTREAM})},
        "[DONE]",
        source=_NAMED_AND_DONE,
    ),
    _event(
        "event-and-text",
        "An event with nothing but `error`, then more text and `[DONE]`: the text after an error is not an answer.",
        event(dumps({"error": _UPSTREAM})),
        delta(" again"),
        finish(),
        "[DONE]",
    ),
    _event(
        "event-without-code",
        "An error event that has a message and no code, then `[DONE]`.",
        event(dumps({"error": {"message": "Upstream error"}})),
        "[DONE]",
    ),
    _event(
        "event-with-null-code",
        "An error event whose code, type and param are null, then the end.",
        event(dumps({"error": {"message": "Upstream error", "type": None, "param": None, "code": None}})),
        source=CHAT,
    ),
    _event(
        "event-with-a-word-as-code",
        "An error event whose code is a word, then `[DONE]`.",
        event(dumps({"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}})),
        "[DONE]",
        source=CHAT,
    ),
    _event(
        "event-string",
        "An event whose `error` is a text, then `[DONE]`.",
        event(dumps({"error": "upstream timed out"})),
        "[DONE]",
        level="SHOULD",
    ),
    _event(
        "event-vllm",
        "An error object without an `error` around it, as vLLM sent it, then `[DONE]`.",
        event(dumps({"object": "error", "type": "BadRequestError", "param": None, **_UPSTREAM})),
        "[DONE]",
        level="SHOULD",
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    _event(
        "event-without-json",
        "`event: error` with a plain text, then the end.",
        {"event": "error", "data": "upstream timed out"},
    ),
    _event(
        "event-in-the-choice",
        "`error` inside the choice, with the finish_reason `error`, then `[DONE]`.",
        event(chunk(None, choices=[{"index": 0, "delta": {}, "finish_reason": "error", "error": _UPSTREAM}])),
        "[DONE]",
        level="SHOULD",
        source=OPENROUTER_ERRORS,
    ),
    _event(
        "finish-reason-error",
        "The finish_reason `error` and nothing else, then `[DONE]`.",
        finish("error"),
        "[DONE]",
        level="SHOULD",
        source=OPENROUTER_ERRORS,
    ),
    _event(
        "event-left-open",
        "An error event, and the connection stays open: the error is shown at once.",
        event(chunk({"content": ""}, "error", error=_UPSTREAM)),
        source=OPENROUTER_ERRORS,
        ending="hang",
        cause="the error event is passed over: the client waits for more",
    ),
)
