"""transport: heads, framings and connections."""

from __future__ import annotations

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import AS_SENT, PER_BYTE, WHOLE
from orharness.contract.catalogue.making import (
    GATEWAY,
    PARSING_RULES,
    PLAIN,
    TEXT,
    WHATWG,
    chat,
    delta,
    finish,
    stream,
    yields,
)
from orharness.journal import Request
from orharness.stream import Framing
from orharness.transforms import first_chunk
from orharness.verdict import Level

_FRAMING = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"
_REUSE = "https://www.rfc-editor.org/rfc/rfc9112#section-9.3"
_MEDIA_TYPE = "https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1"
_FIELDS = "https://www.rfc-editor.org/rfc/rfc9110#section-5.1"
_WPT = "https://github.com/web-platform-tests/wpt/blob/master/eventsource"
_CHARSET = "the charset of the content type is obeyed: an event stream is always UTF-8"
_TYPE = "the content type is compared as a whole: its parameters and the case of its letters don't count"


def _typed(name: str, title: str, content_type: str, source: str, profile: Profile = Profile.GATEWAY) -> Case:
    """A stream whose head has this content type."""
    return Case(
        f"transport/{name}",
        title,
        source,
        stream(delta("Grüße, "), delta("世界 🙂"), finish(), "[DONE]", headers={"Content-Type": content_type}),
        yields("Grüße, 世界 🙂"),
        profile=profile,
        cause=_CHARSET if "charset" in content_type.lower() else _TYPE,
    )


def _no_event_stream_accepted(request: Request) -> str | None:
    """What is wrong with the ``Accept`` header of a request for an event stream."""
    accepted = [value for name, value in request.headers if name.lower() == "accept"]
    if any("text/event-stream" in value.lower() for value in accepted):
        return None
    sent = f"Accept: {', '.join(accepted)}" if accepted else "no Accept header"
    return f"{sent} is sent, and an event stream is what comes: `Accept: text/event-stream` says so"


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

CASES: tuple[Case, ...] = (
    Case(
        "transport/chunked",
        "A chunked body: its boundaries are those of HTTP chunks and of segments.",
        _FRAMING,
        chat(PLAIN),
        yields(PLAIN),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    Case(
        "transport/close-delimited",
        "A body that ends with the connection.",
        _FRAMING,
        chat(PLAIN, framing=Framing.CLOSE),
        yields(PLAIN),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    Case(
        "transport/content-length",
        "A body whose length is announced: the boundaries are those of segments, not of HTTP chunks.",
        _FRAMING,
        chat(PLAIN, framing=Framing.LENGTH),
        yields(PLAIN),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    Case(
        "transport/no-charset",
        "A content type without a charset: an event stream is always UTF-8.",
        PARSING_RULES,
        chat(TEXT),
        yields(TEXT),
    ),
    _typed("charset-utf-8", "A content type with the charset UTF-8.", "text/event-stream; charset=utf-8", _MEDIA_TYPE),
    _typed(
        "charset-latin-1",
        "A content type with the charset Latin-1: the bytes are UTF-8 all the same.",
        "text/event-stream; charset=latin-1",
        f"{_WPT}/format-utf-8.any.js",
        Profile.WHATWG,
    ),
    _typed(
        "charset-windows-1252",
        "A content type with the charset windows-1252: the bytes are UTF-8 all the same.",
        "text/event-stream;charset=windows-1252",
        f"{_WPT}/format-utf-8.any.js",
        Profile.WHATWG,
    ),
    _typed(
        "content-type-in-capitals",
        "A content type in capitals: the case of its letters does not count.",
        'Text/Event-Stream; Charset="UTF-8"',
        _MEDIA_TYPE,
        Profile.WHATWG,
    ),
    _typed(
        "content-type-with-a-blank",
        "A content type with a blank before its parameter.",
        "text/event-stream ; charset=utf-8",
        _MEDIA_TYPE,
        Profile.WHATWG,
    ),
    _typed(
        "content-type-with-a-semicolon",
        "A content type with nothing behind its semicolon.",
        "text/event-stream;",
        f"{_WPT}/format-mime-trailing-semicolon.any.js",
        Profile.WHATWG,
    ),
    _typed(
        "content-type-with-a-bogus-parameter",
        "A content type with a parameter that is none.",
        "text/event-stream;bogus",
        f"{_WPT}/format-mime-valid-bogus.any.js",
        Profile.WHATWG,
    ),
    Case(
        "transport/extra-headers",
        "Headers as gateways and proxies add them, in lower case, one of them long.",
        _FIELDS,
        stream(delta("Hello"), delta(" world"), finish(), "[DONE]", headers=_HEADERS),
        yields("Hello world"),
    ),
    Case(
        "transport/slow-head",
        "A head that comes 0.7 s behind the request.",
        GATEWAY,
        chat(PLAIN, head=0.7),
        yields(PLAIN),
    ),
    Case(
        "transport/slow-first-byte",
        "A head at once, and the first byte of the body 0.7 s behind it.",
        GATEWAY,
        chat(PLAIN, first_chunk(0.7)),
        yields(PLAIN),
    ),
    Case(
        "transport/all-at-once",
        "Everything as fast as it can be written: what comes together is not separated.",
        GATEWAY,
        chat(TEXT, pacing="instant"),
        yields(TEXT),
        chunkings=(WHOLE,),
    ),
    Case(
        "transport/reuse",
        "Two answers, one behind the other: what is left of the first one's connection does not get into the second.",
        _REUSE,
        chat(PLAIN),
        yields(PLAIN),
        runs=2,
    ),
    Case(
        "transport/accept",
        "The request says that it takes an event stream.",
        f"{WHATWG}#the-eventsource-interface",
        chat(PLAIN),
        yields(PLAIN),
        level=Level.SHOULD,
        wrong_request=_no_event_stream_accepted,
    ),
)
