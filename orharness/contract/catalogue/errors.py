"""errors: what went wrong is visible, what had come is kept, and the request is not silently sent again.

Before the first token SDKs may ask again, as they document, after 408, 409, 429, 5xx and lost connections; behind it
the answer would be another one, and both are billed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import AS_SENT, PER_BYTE, WHOLE
from orharness.contract.catalogue.making import (
    CHAT,
    GATEWAY,
    HEAD,
    KEEP_ALIVE,
    chat,
    chunk,
    delta,
    either,
    fails,
    finish,
    stream,
    yields,
)
from orharness.dialects.chat.write import error_document
from orharness.dialects.completion import Failure
from orharness.dialects.values import dumps
from orharness.gateways import ONEROUTER, OPENROUTER, ErrorShape, Gateway
from orharness.scenario import Reply
from orharness.scenario.encoding import gzipped
from orharness.sse import Event, encode
from orharness.stream import Ending, Framing, Stream
from orharness.transforms import after_event, inside_event, truncate
from orharness.transforms.layout import Position
from orharness.verdict import Level

ONEROUTER_ERRORS = "https://docs.onerouter.pro/api-reference/errors"
OPENROUTER_ERRORS = "https://openrouter.ai/docs/api-reference/errors"
GROQ_ERRORS = "https://console.groq.com/docs/errors"
CODINGS = "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3"
JSON_TEXT = "https://www.rfc-editor.org/rfc/rfc8259"
MESSAGE_BODY = "https://www.rfc-editor.org/rfc/rfc9112#section-8"

_TEXT = ("Hello", " world", "!")
_BROKE_OFF = "the connection broke off, and the answer looks complete"
_NOT_WHOLE = "the stream ends without [DONE] and without a finish_reason, and the answer looks complete"
_IN_STREAM = "the error event is passed over: the answer looks complete"
_BEFORE = "the error is swallowed: it looks like an empty answer"
_JSON = "an event that is no JSON is passed over: text is missing, and nobody knows"
_SOON = {"retry-after-ms": "20"}  # as Azure and OpenAI tell it; SDKs that ask again then lose no time
_RETRIED = frozenset({408, 409, 429, 500, 502, 503})
_SAID = {
    400: "max_tokens is too large",
    401: "No auth credentials found",
    402: "Insufficient credits",
    403: "Your input was flagged",
    404: "No endpoints found for this model",
    408: "Your request timed out",
    429: "Rate limit exceeded",
    500: "Internal server error",
    502: "Your chosen model is down",
    503: "There is no available provider that meets your routing requirements",
}


def _answers(status: int, headers: dict[str, str] | None = None, **body: Any) -> Callable[[], Reply]:
    return cache(lambda: Reply.respond(status, headers=headers or {}, **body))


def _refuses(gateway: Gateway, status: int) -> Callable[[], Reply]:
    headers = _SOON if status in _RETRIED else {}
    return _answers(status, headers, json=error_document(gateway, status, _SAID[status]))


def _http_error(gateway: Gateway, source: str, status: int) -> Case:
    return Case(
        f"errors/http-{status}-{gateway.name}",
        f"HTTP {status} with {gateway.title}'s error document, and no stream.",
        source,
        _refuses(gateway, status),
        fails(""),
        requests=None if status in _RETRIED else 1,
        patience=5,
        cause=_BEFORE,
    )


def _http(name: str, title: str, reply: Callable[[], Reply], **options: Any) -> Case:
    """A response that is no event stream."""
    options = {"requests": 1, "patience": 5, "cause": _BEFORE, **options}
    expected = options.pop("expected", fails(""))
    return Case(f"errors/{name}", title, options.pop("source", GATEWAY), reply, expected, **options)


def _in_stream(name: str, title: str, source: str, shape: ErrorShape, gateway: str = "onerouter") -> Iterable[Case]:
    """An error event behind two tokens, and before the first one."""
    for behind, text in ((2, "Hello world"), (0, "")):
        failure = Failure("Provider disconnected", 502, after=behind, shape=shape)
        yield Case(
            f"errors/event-{name}{'' if behind else '-first'}",
            f"{title}, {'behind two tokens' if behind else 'before the first token'}.",
            source,
            chat(_TEXT, gateway=gateway, error=failure),
            fails(text),
            requests=1 if behind else None,
            chunkings=(AS_SENT, WHOLE, PER_BYTE),
            cause=_IN_STREAM,
        )


def _event(name: str, title: str, *events: Event | str, level: Level = Level.MUST, **options: Any) -> Case:
    """Some other error event behind two tokens."""
    also = options.pop("also", ())
    return Case(
        f"errors/{name}",
        title,
        options.pop("source", GATEWAY),
        stream(delta("Hello"), delta(" world"), *events, **options),
        fails("Hello world"),
        also=also,
        level=level,
        cause=_IN_STREAM,
    )


def _cut(name: str, title: str, at: Position, text: str, **options: Any) -> Iterable[Case]:
    """A connection that ends before the response does, in both of the ways in which it can."""
    for ending, how in ((Ending.ABORT, "FIN"), (Ending.RESET, "RST")):
        yield Case(
            f"errors/{how.lower()}-{name}",
            f"The connection ends ({how}) {title}.",
            MESSAGE_BODY,
            chat(_TEXT, truncate(at, ending), **options),
            fails(text),
            requests=1 if text else None,
            patience=5,  # before the first token SDKs ask again, after a second or two
            cause=_BROKE_OFF,
            broken_json=_BROKE_OFF,
        )


def _truncated(name: str, title: str, *pieces: Event | str | bytes, text: str = "Hello", **options: Any) -> Case:
    """A body that ends as its framing says, and is no whole answer."""
    profile = options.pop("profile", Profile.GATEWAY)
    return Case(
        f"errors/truncated-{name}",
        title,
        CHAT,
        stream(*pieces, **options),
        fails(text),
        requests=1 if text else None,
        profile=profile,
        cause=_NOT_WHOLE,
    )


def _broken(name: str, title: str, data: str, **options: Any) -> Case:
    """An event that cannot be read, between two that can: an error there, or behind the text that follows."""
    return Case(
        f"errors/{name}",
        title,
        JSON_TEXT,
        stream(delta("Hello"), data, delta(" world"), finish(), "[DONE]"),
        fails("Hello"),
        also=(fails("Hello world"),),
        cause=_JSON,
        **options,
    )


_ANSWER = (delta("Hello"), delta(" world"), finish(), "[DONE]")


_PAGE = "<!doctype html>\n<html><head><title>{0}</title></head>\n<body><h1>{0}</h1></body></html>\n"
_HTML = {"Content-Type": "text/html"}
_WHOLE_ANSWER = {
    **HEAD,
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello world"}, "finish_reason": "stop"},
    ],
}
_UPSTREAM = {"message": "Upstream error", "code": 502}

CASES: tuple[Case, ...] = (
    # -- before the stream
    *(_http_error(ONEROUTER, ONEROUTER_ERRORS, status) for status in _SAID),
    *(_http_error(OPENROUTER, OPENROUTER_ERRORS, status) for status in _SAID),
    _http(
        "http-429-retry-after",
        "HTTP 429 with Retry-After: an error, which an SDK may show after it has asked again as told.",
        _answers(429, {"Retry-After": "1"}, json=error_document(ONEROUTER, 429, _SAID[429])),
        source="https://www.rfc-editor.org/rfc/rfc6585#section-4",
        requests=None,
        patience=8,
    ),
    _http(
        "http-502-html",
        "HTTP 502 with a proxy's HTML page.",
        _answers(502, {**_HTML, **_SOON}, text=_PAGE.format("502 Bad Gateway")),
        requests=None,
    ),
    _http("http-401-text", "HTTP 401 with a line of plain text.", _answers(401, text="Unauthorized\n")),
    _http("http-400-empty", "HTTP 400 without a body.", _answers(400)),
    _http(
        "http-400-event-stream",
        "HTTP 400 whose body is an event stream with an error event.",
        stream(Event("error", '{"error":{"message":"no","code":400}}'), status=400),
    ),
    _http(
        "http-500-with-text",
        "HTTP 500 whose body is an event stream with text: it is no answer.",
        stream(*_ANSWER, status=500, headers=_SOON),
        requests=None,
        source="https://www.rfc-editor.org/rfc/rfc9110#section-15.6",
        profile=Profile.WHATWG,
        cause="the HTTP status is not looked at",
    ),
    _http(
        "json-error-with-200",
        "HTTP 200 with OneRouter's error document as JSON.",
        _answers(200, json=error_document(ONEROUTER, 402, _SAID[402])),
        source=ONEROUTER_ERRORS,
    ),
    _http(
        "json-error-with-200-openrouter",
        "HTTP 200 with OpenRouter's error document as JSON.",
        _answers(200, json=error_document(OPENROUTER, 402, _SAID[402])),
        source=OPENROUTER_ERRORS,
    ),
    _http(
        "json-answer",
        "HTTP 200 with a whole answer as JSON, where a stream was asked for: its text or an error, never nothing.",
        _answers(200, json=_WHOLE_ANSWER),
        source=CHAT,
        also=(yields("Hello world"),),
    ),
    _http(
        "html-with-200",
        "HTTP 200 with an HTML page, as a login or a proxy sends it.",
        _answers(200, _HTML, text=_PAGE.format("Please log in")),
        cause="a page that is no event stream is taken for an empty answer",
    ),
    _http(
        "text-with-200",
        "HTTP 200 with a line of plain text.",
        _answers(200, text="upstream connect error or disconnect/reset before headers\n"),
        cause="a text that is no event stream is taken for an empty answer",
    ),
    _http("empty-with-200", "HTTP 200, an event stream without a byte.", stream(), cause=_NOT_WHOLE, requests=None),
    _http(
        "comments-with-200",
        "HTTP 200, an event stream of nothing but comments, and its end.",
        stream(f"{KEEP_ALIVE}\n\n".encode(), f"{KEEP_ALIVE}\n\n".encode()),
        cause=_NOT_WHOLE,
        requests=None,
    ),
    _http("http-204", "HTTP 204: there is no answer.", _answers(204), level=Level.SHOULD, requests=None),
    # -- in the stream
    *_in_stream(
        "documented",
        "A chunk with `error` and the finish_reason `error`, then the end",
        OPENROUTER_ERRORS,
        ErrorShape.DOCUMENTED,
    ),
    *_in_stream(
        "recorded",
        "A chunk with `error`, finish_reason null and usage, then `[DONE]`",
        OPENROUTER_ERRORS,
        ErrorShape.RECORDED,
        "openrouter",
    ),
    *_in_stream("named", "`event: error`, then the end", GROQ_ERRORS, ErrorShape.NAMED_EVENT),
    *_in_stream("bare", "An event with nothing but `error`, then the end", CHAT, ErrorShape.BARE, "openai"),
    _event(
        "event-and-done",
        "An event with nothing but `error`, then `[DONE]`.",
        Event(data=dumps({"error": _UPSTREAM})),
        "[DONE]",
    ),
    _event(
        "event-and-text",
        "An event with nothing but `error`, then more text and `[DONE]`: the text behind an error is no answer.",
        Event(data=dumps({"error": _UPSTREAM})),
        delta(" again"),
        finish(),
        "[DONE]",
    ),
    _event(
        "event-string",
        "An event whose `error` is a text, then `[DONE]`.",
        Event(data=dumps({"error": "upstream timed out"})),
        "[DONE]",
        level=Level.SHOULD,
    ),
    _event(
        "event-vllm",
        "An error object without an `error` around it, as vLLM sent it, then `[DONE]`.",
        Event(data=dumps({"object": "error", "type": "BadRequestError", "param": None, **_UPSTREAM})),
        "[DONE]",
        level=Level.SHOULD,
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    _event(
        "event-without-json",
        "`event: error` with a plain text, then the end.",
        Event("error", "upstream timed out"),
    ),
    _event(
        "event-in-the-choice",
        "`error` inside the choice, with the finish_reason `error`, then `[DONE]`.",
        Event(data=chunk(None, choices=[{"index": 0, "delta": {}, "finish_reason": "error", "error": _UPSTREAM}])),
        "[DONE]",
        level=Level.SHOULD,
        source=OPENROUTER_ERRORS,
    ),
    _event(
        "finish-reason-error",
        "The finish_reason `error` and nothing else, then `[DONE]`.",
        finish("error"),
        "[DONE]",
        level=Level.SHOULD,
        source=OPENROUTER_ERRORS,
    ),
    _event(
        "event-left-open",
        "An error event, and the connection stays open: the error is shown at once.",
        Event(data=chunk({"content": ""}, "error", error=_UPSTREAM)),
        source=OPENROUTER_ERRORS,
        ending=Ending.HANG,
    ),
    # -- the connection breaks
    *_cut("between-events", "between two events", after_event(3), "Hello world"),
    *_cut("inside-an-event", "inside an event", inside_event(3), "Hello"),
    *_cut("before-the-first-token", "behind the role, before the first token", after_event(1), ""),
    *_cut("before-the-first-event", "behind the head, before the first event", 0, ""),
    *_cut("content-length", "before Content-Length is reached", after_event(3), "Hello world", framing=Framing.LENGTH),
    Case(
        "errors/cut-behind-the-finish",
        "The connection ends (FIN) behind the finish_reason, before `[DONE]`: all of the text is there.",
        MESSAGE_BODY,
        stream(delta("Hello"), delta(" world"), finish(), ending=Ending.ABORT),
        either("Hello world"),
    ),
    # -- the body ends as its framing says, and the answer is not whole
    _truncated("between-events", "The body ends between two events: no finish_reason, no `[DONE]`.", delta("Hello")),
    _truncated(
        "inside-an-event",
        "The body ends inside an event.",
        delta("Hello"),
        encode(delta(" world"))[:-20],
    ),
    _truncated(
        "behind-a-line",
        "The body ends behind an event's line: without its empty line the event is none.",
        delta("Hello"),
        encode(delta(" world"))[:-1],
        profile=Profile.WHATWG,
    ),
    _truncated(
        "behind-a-comment",
        "The body ends behind a keep-alive comment.",
        delta("Hello"),
        f"{KEEP_ALIVE}\n\n".encode(),
    ),
    _truncated(
        "close-delimited", "The connection is the end, and it comes too early.", delta("Hello"), framing="close"
    ),
    _truncated("content-length", "Content-Length is that of half an answer.", delta("Hello"), framing="length"),
    _truncated(
        "behind-the-role",
        "The body ends behind the role.",
        Event(data=chunk({"role": "assistant", "content": ""})),
        text="",
    ),
    # -- what cannot be read
    _broken("json-cut-short", "An event whose JSON is cut short.", chunk({"content": " lost"})[:-15]),
    _broken("not-json", "An event that is no JSON.", "upstream connect error"),
    _broken("json-with-rubbish", "An event with something behind its JSON.", chunk({"content": " lost"}) + "}"),
    # -- compression
    Case(
        "errors/gzip-as-asked",
        "The stream in gzip, each event flushed, for a client whose Accept-Encoding asks for it.",
        CODINGS,
        stream(*_ANSWER, encoding="gzip"),
        yields("Hello world"),
        chunkings=(AS_SENT, WHOLE),
        cause="it asks for gzip and cannot read it",
    ),
    Case(
        "errors/gzip-unasked",
        "The stream in gzip, asked for or not: its text or an error, never rubbish.",
        CODINGS,
        stream(gzipped(Stream.of(*(encode(one) for one in _ANSWER))), headers={"Content-Encoding": "gzip"}),
        yields("Hello world"),
        also=(fails(""),),
        chunkings=(AS_SENT, WHOLE),
        cause="compressed bytes are taken for an empty answer, or for text",
    ),
)
