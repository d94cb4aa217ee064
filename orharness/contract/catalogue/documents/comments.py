"""comments: keep-alive lines that begin with a colon, and are nothing but that."""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import (
    ANSWER,
    END_IN_A_COMMENT,
    GATEWAY,
    KEEP_ALIVE,
    LAUNCHDARKLY,
    NOT_THE_END,
    PARSER,
    PARSING_RULES,
    PLAIN,
    WHATWG,
    WPT,
    Document,
)

_COMMENT = "a comment line (it begins with a colon) is given to the JSON parser"
_TAKEN = "a comment is taken for text"
_NOTES = f"{WHATWG}#authoring-notes"
_OPENROUTER = "https://openrouter.ai/docs/api-reference/streaming"
_WPT = f"{WPT}/format-comments.any.js"
_LAUNCHDARKLY = f"{LAUNCHDARKLY}/tests_comments.go"
_LLAMA = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
_HELLO: Document = {"text": "Hello"}
_WORLD: Document = {"text": " world"}
_FINISHED: list[Document] = [{"finish": "stop"}, {"end": True}]
_PING: Document = {"comment": " ping"}
_PROCESSING: Document = {"comment": " OPENROUTER PROCESSING"}


def _answer(name: str, title: str, *through: Document, source: str = GATEWAY, **more: Any) -> Document:
    """Return an answer as a gateway sends it, with comments."""
    return {
        "id": f"comments/{name}",
        "title": title,
        "source": source,
        "reply": {"answer": {"text": PLAIN}, "through": list(through)},
        "expect": {"text": PLAIN},
        "broken_json": _COMMENT,
        **more,
    }


def _stream(
    name: str, title: str, *items: Document | str, source: str = PARSING_RULES, text: str = "Hello world", **more: Any
) -> Document:
    """Return these very pieces (a ``str`` is bytes as they are), and the end."""
    raw = any(isinstance(one, str) for one in items)
    pieces = [{"raw": one} if isinstance(one, str) else one for one in items]
    return {
        "id": f"comments/{name}",
        "title": title,
        "source": source,
        **({"frame": "sse"} if raw else {}),
        "reply": {"events": [*pieces, *_FINISHED]},
        "expect": {"text": text},
        "cause": _TAKEN,
        "broken_json": _COMMENT,
        **more,
    }


def _comments_of(text: str) -> str:
    return f": {text}\n\n:{text}\n\n: data: {text}\n\n"


def _keep_alive(text: str = KEEP_ALIVE, **options: int) -> Document:
    return {"comments": {"text": text, **options}}


_SENT_BY_GATEWAYS = (
    _answer(
        "before",
        "A run of 30 keep-alive comments before the first event.",
        _keep_alive(every=10_000, before=30),
    ),
    _answer("between", "A keep-alive comment after each event.", _keep_alive()),
    _answer("cut", "Keep-alive comments, each byte alone.", _keep_alive(), chunkings=["per-byte"]),
    _answer(
        "cut-where-it-hurts",
        "One cut in each keep-alive comment, in each field name and between line ends.",
        _keep_alive(every=2),
        chunkings=["tender"],
    ),
    _answer("crlf", "Comments whose lines end with CRLF.", _keep_alive(), {"newlines": "\r\n"}),
    _answer(
        "openrouter",
        "`: OPENROUTER PROCESSING` before and between the events.",
        _keep_alive(": OPENROUTER PROCESSING", before=3),
        source=_OPENROUTER,
    ),
    _answer("empty", "A colon alone, as servers ping.", _keep_alive(":", before=2), source=_LLAMA),
    _answer("empty-with-space", "A colon and a space.", _keep_alive(": ", before=1)),
    _answer(
        "ping",
        "`: ping` with a time, before and between the events.",
        _keep_alive(": ping - 2026-11-22 06:00:00+00:00"),
    ),
    _answer(
        "no-space", "A comment without a space after its colon.", _keep_alive(":keep-alive", before=1), source=_NOTES
    ),
    _answer(
        "not-ascii", "Comments of characters outside ASCII.", _keep_alive(": ♥ ждите 第二 🙂", before=1), source=PARSER
    ),
    _stream(
        "runs-between",
        "Runs of 11, 5, 5 and 1 comments before and between the events.",
        *[_PROCESSING] * 11,
        _HELLO,
        *[_PROCESSING] * 5,
        _WORLD,
        *[_PROCESSING] * 5,
        {"text": "!"},
        _PROCESSING,
        source=_OPENROUTER,
        text="Hello world!",
    ),
    _stream("run-of-30-between", "A run of 30 comments between two events.", _HELLO, *[_PING] * 30, _WORLD),
    _stream(
        "in-front-of-data",
        "A comment line right in front of the data of an event, without an empty line.",
        ": keep-alive\ndata: ${text:Hello}\n\n: keep-alive\n: keep-alive\ndata: ${text: world}\n\n",
    ),
    _stream(
        "after-data",
        "A comment line right after the data of an event, before its empty line.",
        "data: ${text:Hello}\n: keep-alive\n\ndata: ${text: world}\n:\n\n",
    ),
    _stream("before-the-end", "Comments between the last text and `${end}`.", _HELLO, _WORLD, _PING, {"comment": ""}),
    {
        "id": "comments/after-the-end",
        "title": "Comments after `${end}`.",
        "source": GATEWAY,
        "reply": {"events": [*ANSWER, _PING, _PING]},
        "expect": {"text": "Hello world"},
        "broken_json": _COMMENT,
    },
    _stream(
        "like-data", "A comment whose text looks like an event.", _HELLO, ": data: ${text: (not this)}\n\n", _WORLD
    ),
    _stream(
        "like-data-no-space",
        "A comment `:data:` whose text looks like an event.",
        _HELLO,
        ":data: ${text: (not this)}\n\n",
        _WORLD,
    ),
    _stream(
        "json",
        "A comment whose text is a chunk.",
        _HELLO,
        ": ${text: (not this)}\n\n:${text: (not this)}\n\n",
        _WORLD,
    ),
    _stream(
        "like-done",
        "A comment whose text looks like the end marker ends nothing.",
        _HELLO,
        _comments_of("${end}"),
        _WORLD,
        control={
            "reply": {"events": [_HELLO, {"raw": _comments_of(NOT_THE_END)}, _WORLD, *_FINISHED]},
            "expect": {"text": "Hello world"},
            "cause": END_IN_A_COMMENT,
        },
    ),
    _stream("long", "A comment of 20,000 characters.", _HELLO, {"comment": " " + "." * 20_000}, _WORLD),
    _stream("of-colons", "A comment of 300 colons.", _HELLO, ":" * 300 + "\n\n", _WORLD, source=PARSER),
    _stream(
        "no-text",
        "An answer without text: comments, and `${end}`.",
        *[{"comment": " ONEROUTER PROCESSING"}] * 5,
        {"text": "", "role": "assistant"},
        source=GATEWAY,
        text="",
    ),
    _answer(
        "heartbeat",
        "Comments through a silence of 1.5 s: the client does not time out while they come.",
        {"stall": {"before": 3, "seconds": 1.5}},
        {"heartbeat": {"seconds": 0.2, "text": KEEP_ALIVE}},
        cause="it gives up while comments come: each of them says that the answer is still being made",
    ),
)

_EXOTIC = (
    _stream(
        "inside-an-event",
        "Comment lines between two data lines of one event.",
        "data: ${text:Hello|first}\n: keep-alive\n:\n: data: ${text: (not this)}\ndata: ${text:Hello|rest}\n\n",
        _WORLD,
        source=_WPT,
    ),
    _stream(
        "inside-an-event-crlf",
        "Comment lines between two data lines of one event, with CRLF.",
        "data: ${text:Hello|first}\r\n: keep-alive\r\n:\r\ndata: ${text:Hello|rest}\r\n\r\n",
        _WORLD,
        source=PARSER,
    ),
    _stream(
        "cr",
        "Comments whose lines end with CR alone.",
        ": keep-alive\r\rdata: ${text:Hello}\r\r:\rdata: ${text: world}\r\r",
        source=_WPT,
    ),
    _stream(
        "mixed-line-ends",
        "Comments with line ends of each kind, long ones and one with a NUL, between the lines of one event.",
        "data: ${text:Hello|first}\r:\0\n:\r\ndata: \n:"
        + "x" * 2049
        + "\rdata:\n:data: ${text: (not this)}\r:"
        + "x" * 2049
        + "\ndata: ${text:Hello|rest}\n\n",
        _WORLD,
        source=_WPT,
    ),
    _stream(
        "only-line",
        "A comment without an empty line after it ends no event and begins none.",
        ": one\n: two\nid: 1\n: three\ndata: ${text:Hello}\n: four\nevent: message\n\n",
        _WORLD,
        source=_LAUNCHDARKLY,
    ),
)

CASES: tuple[Document, ...] = (*_SENT_BY_GATEWAYS, *({**case, "profile": "whatwg"} for case in _EXOTIC))
