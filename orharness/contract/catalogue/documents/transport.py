"""transport: heads, framings and connections."""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import (
    ANSWER,
    GATEWAY,
    PARSING_RULES,
    PLAIN,
    TEXT,
    WHATWG,
    WPT,
    Document,
)

_FRAMING = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"
_REUSE = "https://www.rfc-editor.org/rfc/rfc9112#section-9.3"
_MEDIA_TYPE = "https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1"
_FIELDS = "https://www.rfc-editor.org/rfc/rfc9110#section-5.1"
_CHARSET = "the charset of the content type is obeyed: an event stream is always UTF-8"
_TYPE = "the content type is compared as a whole: its parameters and the case of its letters don't count"


def _case(name: str, title: str, source: str, text: str, reply: Document | None = None, **more: Any) -> Document:
    return {
        "id": f"transport/{name}",
        "title": title,
        "source": source,
        "reply": reply if reply and "events" in reply else {"answer": {"text": text}, **(reply or {})},
        "expect": {"text": text},
        **more,
    }


def _typed(name: str, title: str, content_type: str, source: str, **more: Any) -> Document:
    """Return a stream whose head has this content type."""
    events: list[Document] = [{"text": "Grüße, "}, {"text": "世界 🙂"}, {"finish": "stop"}, {"end": True}]
    is_other = "charset" in content_type.lower() and "utf-8" not in content_type.lower()
    causes = {"cause": _CHARSET if is_other else _TYPE, "raises": _TYPE}
    reply: Document = {"events": events, "headers": {"Content-Type": content_type}}
    return _case(name, title, source, "Grüße, 世界 🙂", reply, frame="sse", **causes, **more)


_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "x-generation-id": "gen-1",
    "server-timing": 'model;desc="a, b; c";dur=12.5',
    "x-ratelimit-remaining-requests": "59",
    "x-empty": "",
    "alt-svc": 'h3=":443"; ma=86400',
    "vary": "Origin, Accept-Encoding",
    "x-long": "x" * 4_000,
}

CASES: tuple[Document, ...] = (
    _case(
        "chunked",
        "A chunked body: its boundaries are those of HTTP chunks and of segments.",
        _FRAMING,
        PLAIN,
        chunkings=["as-sent", "per-byte"],
    ),
    _case(
        "close-delimited",
        "A body that ends with the connection.",
        _FRAMING,
        PLAIN,
        {"framing": "close"},
        chunkings=["as-sent", "per-byte"],
    ),
    _case(
        "content-length",
        "A body whose length is announced: the boundaries are those of segments, not of HTTP chunks.",
        _FRAMING,
        PLAIN,
        {"framing": "length"},
        chunkings=["as-sent", "per-byte"],
    ),
    _case("no-charset", "A content type without a charset: an event stream is always UTF-8.", PARSING_RULES, TEXT),
    _typed("charset-utf-8", "A content type with the charset UTF-8.", "text/event-stream; charset=utf-8", _MEDIA_TYPE),
    _typed(
        "charset-latin-1",
        "A content type with the charset Latin-1: the bytes are UTF-8 all the same.",
        "text/event-stream; charset=latin-1",
        f"{WPT}/format-utf-8.any.js",
        profile="whatwg",
    ),
    _typed(
        "charset-windows-1252",
        "A content type with the charset windows-1252: the bytes are UTF-8 all the same.",
        "text/event-stream;charset=windows-1252",
        f"{WPT}/format-utf-8.any.js",
        profile="whatwg",
    ),
    _typed(
        "content-type-in-capitals",
        "A content type in capitals: the case of its letters does not count.",
        'Text/Event-Stream; Charset="UTF-8"',
        _MEDIA_TYPE,
        profile="whatwg",
    ),
    _typed(
        "content-type-with-a-blank",
        "A content type with a blank before its parameter.",
        "text/event-stream ; charset=utf-8",
        _MEDIA_TYPE,
        profile="whatwg",
    ),
    _typed(
        "content-type-with-a-semicolon",
        "A content type with nothing after its semicolon.",
        "text/event-stream;",
        f"{WPT}/format-mime-trailing-semicolon.any.js",
        profile="whatwg",
    ),
    _typed(
        "content-type-with-a-bogus-parameter",
        "A content type with a parameter that is none.",
        "text/event-stream;bogus",
        f"{WPT}/format-mime-valid-bogus.any.js",
        profile="whatwg",
    ),
    _case(
        "extra-headers",
        "Headers as gateways and proxies add them, in lower case, one of them long.",
        _FIELDS,
        "Hello world",
        {"events": ANSWER, "headers": _HEADERS},
        frame="sse",
    ),
    _case("slow-head", "A head that comes 0.7 s after the request.", GATEWAY, PLAIN, {"head": 0.7}),
    _case(
        "slow-first-byte",
        "A head at once, and the first byte of the body 0.7 s after it.",
        GATEWAY,
        PLAIN,
        {"through": [{"first_chunk": 0.7}]},
    ),
    _case(
        "all-at-once",
        "Everything as fast as it can be written: what comes together is not separated.",
        GATEWAY,
        TEXT,
        {"pacing": "instant"},
        chunkings=["whole"],
    ),
    _case(
        "reuse",
        "Two answers, one after the other: what is left of the first one's connection does not get into the second.",
        _REUSE,
        PLAIN,
        runs=2,
    ),
    _case(
        "accept",
        "The request says that it takes an event stream.",
        f"{WHATWG}#the-eventsource-interface",
        PLAIN,
        frame="sse",
        level="SHOULD",
        request={"accept": "text/event-stream"},
    ),
)
