"""errors: what went wrong is visible, what had come is kept, and the request is not silently sent again.

Before the first token SDKs may ask again, as they document, after 408, 409, 429, 5xx and lost connections; after it
the answer would be another one, and both are billed. Errors that a stream reports are the dialects' own cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orharness.contract.catalogue.documents.words import (
    ANSWER,
    CHAT,
    GATEWAY,
    GZIP_UNREAD,
    HELLO_WORLD,
    KEEP_ALIVE,
    Document,
    fails,
    may_fail,
)

_ERRORS_OF = {
    ("onerouter", "OneRouter"): "https://docs.onerouter.pro/api-reference/errors",
    ("openrouter", "OpenRouter"): "https://openrouter.ai/docs/api-reference/errors",
}
_CODINGS = "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3"
_JSON_TEXT = "https://www.rfc-editor.org/rfc/rfc8259"
_MESSAGE_BODY = "https://www.rfc-editor.org/rfc/rfc9112#section-8"

_TEXT = ["Hello", " world", "!"]
_BROKE_OFF = "the connection broke off, and the answer looks complete"
_NOT_WHOLE = "the stream ends without ${end}, before the model has said why it stops, and the answer looks complete"
_BEFORE = "the error is swallowed: it looks like an empty answer"
_JSON = "an event that is not JSON is passed over: text is missing, and nobody knows"
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
_CLOUDFLARE = "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors"
_OF_PROXIES = (
    (504, "the gateway waited too long", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.5"),
    (520, "the server's answer was none", f"{_CLOUDFLARE}/error-520"),
    (524, "the server took too long", f"{_CLOUDFLARE}/error-524"),
)
_OVERLOADED = {"type": "overloaded_error", "message": "Overloaded"}
_HELLO: Document = {"text": "Hello"}
_COMMENT: Document = {"comment": KEEP_ALIVE.removeprefix(":")}


def _case(name: str, title: str, source: str, reply: Document, expect: Document, **more: Any) -> Document:
    return {"id": f"errors/{name}", "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _refusals() -> Iterator[Document]:
    for (gateway, named), source in _ERRORS_OF.items():
        for status, message in _SAID.items():
            headers = {"headers": _SOON} if status in _RETRIED else {}
            yield _http(
                f"http-{status}-{gateway}",
                f"HTTP {status} with {named}'s error document, and no stream.",
                {"status": status, "error": message, "gateway": gateway, **headers},
                source=source,
                requests="any" if status in _RETRIED else 1,
            )


def _others() -> Iterator[Document]:
    """Yield further statuses, in the forms of those who send them."""
    yield _http(
        "http-413-html",
        "HTTP 413 with a proxy's HTML page: the request is too large.",
        {"status": 413, "headers": _HTML, "text": _PAGE.format("413 Request Entity Too Large")},
    )
    yield _http(
        "http-422-detail",
        "HTTP 422 whose document has a list `detail` and no `error`, as services made with FastAPI send it.",
        {"status": 422, "json": {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}},
        source="https://fastapi.tiangolo.com/tutorial/handling-errors",
    )
    for status, title, source in _OF_PROXIES:
        yield _http(
            f"http-{status}-html",
            f"HTTP {status} with a proxy's HTML page: {title}.",
            {"status": status, "headers": {**_HTML, **_SOON}, "text": _PAGE.format(f"{status}")},
            source=source,
            requests="any",
        )
    yield _http(
        "http-529-overloaded",
        "HTTP 529, as Anthropic sends it when it is overloaded.",
        {"status": 529, "headers": _SOON, "json": {"type": "error", "error": _OVERLOADED}},
        source="https://docs.claude.com/en/api/errors",
        requests="any",
    )


def _http(name: str, title: str, reply: Document, source: str = GATEWAY, **more: Any) -> Document:
    """Return a response that is not an event stream."""
    return _case(name, title, source, reply, fails(""), **{"patience": 5, "cause": _BEFORE, **more})


def _cut(name: str, title: str, at: Any, text: str, **sending: Any) -> Iterator[Document]:
    """Yield a connection that ends before the response does, in both of the ways in which it can."""
    for ending, how in (("abort", "FIN"), ("reset", "RST")):
        yield _case(
            f"{how.lower()}-{name}",
            f"The connection ends ({how}) {title}.",
            _MESSAGE_BODY,
            {"answer": {"text": _TEXT}, "through": [{"truncate": {"at": at, "ending": ending}}], **sending},
            fails(text),
            requests=1 if text else "any",
            patience=5,  # before the first token SDKs ask again, after a second or two
            cause=_BROKE_OFF,
            broken_json=_BROKE_OFF,
        )


def _truncated(
    name: str, title: str, *items: Document, text: str = "Hello", sending: Document | None = None, **more: Any
) -> Document:
    """Return a body that ends as its framing says, and is not a whole answer."""
    reply = {"events": list(items), **(sending or {})}
    requests = 1 if text else "any"
    return _case(f"truncated-{name}", title, CHAT, reply, fails(text), requests=requests, cause=_NOT_WHOLE, **more)


def _broken(name: str, title: str, data: str) -> Document:
    """Return an event that cannot be read, between two that can: an error there, or after the text that follows."""
    events = [_HELLO, {"data": data, "named_as": {"text": ""}}, {"text": " world"}, {"finish": "stop"}, {"end": True}]
    return _case(name, title, _JSON_TEXT, {"events": events}, fails("Hello"), also=[fails("Hello world")], cause=_JSON)


_PAGE = "<!doctype html>\n<html><head><title>{0}</title></head>\n<body><h1>{0}</h1></body></html>\n"
_HTML = {"Content-Type": "text/html"}

CASES: tuple[Document, ...] = (
    # -- before the stream
    *_refusals(),
    _http(
        "http-429-retry-after",
        "HTTP 429 with Retry-After: an error, which an SDK may show after it has asked again as told.",
        {"status": 429, "headers": {"Retry-After": "1"}, "error": _SAID[429]},
        source="https://www.rfc-editor.org/rfc/rfc6585#section-4",
        requests="any",
        patience=8,
    ),
    *(
        _case(
            f"retry-after-{status}",
            f"HTTP {status} with Retry-After, and then the answer: who asks again waits as long as it was told.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3",
            {"status": status, "headers": {"Retry-After": "1"}, "error": _SAID[status]},
            fails(""),
            again={"events": ANSWER},
            also=[{"text": "Hello world"}],
            requests="any",
            pauses={"each": 1.0},
            patience=8,
            cause=_BEFORE,
        )
        for status in (429, 503)
    ),
    *(
        _http(
            f"no-hammering-{status}",
            f"HTTP {status} again and again: who asks more than three times makes pauses.",
            {"status": status, "error": _SAID[status]},
            source="https://platform.openai.com/docs/guides/rate-limits",
            requests="any",
            pauses={"longest": 0.1},
            patience=8,
        )
        for status in (429, 503)
    ),
    *_others(),
    _http(
        "http-502-html",
        "HTTP 502 with a proxy's HTML page.",
        {"status": 502, "headers": {**_HTML, **_SOON}, "text": _PAGE.format("502 Bad Gateway")},
        requests="any",
    ),
    _http("http-401-text", "HTTP 401 with a line of plain text.", {"status": 401, "text": "Unauthorized\n"}),
    _http("http-400-empty", "HTTP 400 without a body.", {"status": 400}),
    _http(
        "http-400-event-stream",
        "HTTP 400 whose body is an event stream with an error event.",
        {"status": 400, "events": [{"event": "error", "data": '{"error":{"message":"no","code":400}}'}]},
    ),
    _http(
        "http-500-with-text",
        "HTTP 500 whose body is an event stream with text: it is not an answer.",
        {"status": 500, "headers": _SOON, "events": ANSWER},
        requests="any",
        source="https://www.rfc-editor.org/rfc/rfc9110#section-15.6",
        profile="whatwg",
        cause="the HTTP status is not looked at",
    ),
    _http(
        "json-error-with-200",
        "HTTP 200 with OneRouter's error document as JSON.",
        {"status": 200, "error": {"status": 402, "message": _SAID[402]}, "gateway": "onerouter"},
        source=_ERRORS_OF["onerouter", "OneRouter"],
    ),
    _http(
        "json-error-with-200-openrouter",
        "HTTP 200 with OpenRouter's error document as JSON.",
        {"status": 200, "error": {"status": 402, "message": _SAID[402]}, "gateway": "openrouter"},
        source=_ERRORS_OF["openrouter", "OpenRouter"],
    ),
    _http(
        "html-with-200",
        "HTTP 200 with an HTML page, as a login or a proxy sends it.",
        {"status": 200, "headers": _HTML, "text": _PAGE.format("Please log in")},
        cause="a page that is not an event stream is taken for an empty answer",
    ),
    _http(
        "text-with-200",
        "HTTP 200 with a line of plain text.",
        {"status": 200, "text": "upstream connect error or disconnect/reset before headers\n"},
        cause="a text that is not an event stream is taken for an empty answer",
    ),
    _http(
        "empty-with-200",
        "HTTP 200, an event stream without a byte.",
        {"events": []},
        cause=_NOT_WHOLE,
        requests="any",
    ),
    _http(
        "comments-with-200",
        "HTTP 200, an event stream of nothing but comments, and its end.",
        {"events": [_COMMENT, _COMMENT]},
        cause=_NOT_WHOLE,
        requests="any",
    ),
    _http(
        "http-204",
        "HTTP 204: there is no answer.",
        {"status": 204},
        level="SHOULD",
        requests="any",
        cause="a response without a body (HTTP 204) is taken for an empty answer",
    ),
    # -- the connection breaks
    *_cut("between-events", "between two events", {"after_tokens": 2}, "Hello world"),
    *_cut("inside-an-event", "inside an event", {"inside_token": 2}, "Hello"),
    *_cut("before-the-first-token", "after the role, before the first token", {"after_tokens": 0}, ""),
    *_cut("before-the-first-event", "after the head, before the first event", 0, ""),
    *_cut("content-length", "before Content-Length is reached", {"after_tokens": 2}, "Hello world", framing="length"),
    _case(
        "cut-after-the-finish",
        "The connection ends (FIN) after the finish_reason, before `${end}`: all of the text is there.",
        _MESSAGE_BODY,
        {"events": HELLO_WORLD, "ending": "abort"},
        may_fail("Hello world"),
    ),
    # -- the body ends as its framing says, and the answer is not whole
    _truncated("between-events", "The body ends between two events: no finish_reason, no `${end}`.", _HELLO),
    _truncated("inside-an-event", "The body ends inside an event.", _HELLO, {"text": " world", "cut": 20}),
    _truncated(
        "after-a-line",
        "The body ends after an event's line: without its empty line the event is none.",
        _HELLO,
        {"text": " world", "cut": 1},
        frame="sse",
        profile="whatwg",
    ),
    _truncated("after-a-comment", "The body ends after a keep-alive comment.", _HELLO, _COMMENT),
    _truncated(
        "close-delimited",
        "The connection is the end, and it comes too early.",
        _HELLO,
        sending={"framing": "close"},
    ),
    _truncated("content-length", "Content-Length is that of half an answer.", _HELLO, sending={"framing": "length"}),
    _truncated("after-the-role", "The body ends after the role.", {"text": "", "role": "assistant"}, text=""),
    # -- what cannot be read
    _broken("json-cut-short", "An event whose JSON is cut short.", "${text: lost|cut:15}"),
    _broken("not-json", "An event that is not JSON.", "upstream connect error"),
    _broken("json-with-rubbish", "An event with something after its JSON.", "${text: lost}}"),
    # -- compression
    _case(
        "gzip-as-asked",
        "The stream in gzip, each event flushed, for a client whose Accept-Encoding asks for it.",
        _CODINGS,
        {"events": ANSWER, "encoding": "gzip"},
        {"text": "Hello world"},
        chunkings=["as-sent", "whole"],
        cause=GZIP_UNREAD,
    ),
    _case(
        "gzip-unasked",
        "The stream in gzip, asked for or not: its text or an error, never rubbish.",
        _CODINGS,
        {"events": ANSWER, "gzipped": True},
        {"text": "Hello world"},
        also=[fails("")],
        chunkings=["as-sent", "whole"],
        cause="compressed bytes are taken for an empty answer, or for text",
    ),
)
