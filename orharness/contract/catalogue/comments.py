"""comments: keep-alive lines that begin with a colon, and are nothing but that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import PER_BYTE, TENDER
from orharness.contract.catalogue.making import (
    GATEWAY,
    KEEP_ALIVE,
    PARSING_RULES,
    PLAIN,
    WHATWG,
    chat,
    chunk,
    delta,
    finish,
    stream,
    yields,
)
from orharness.scenario import Piece, Through
from orharness.sse import Comment
from orharness.transforms import comments, heartbeat, newlines, stall

_COMMENT = "a comment line (it begins with a colon) is given to the JSON parser"
_TAKEN = "a comment is taken for text"
_NOTES = f"{WHATWG}#authoring-notes"
_OPENROUTER = "https://openrouter.ai/docs/api-reference/streaming"
_WPT = "https://github.com/web-platform-tests/wpt/blob/master/eventsource/format-comments.any.js"
_LAUNCHDARKLY = "https://github.com/launchdarkly/sse-contract-tests/blob/main/ssetests/tests_comments.go"
_PARSER = "https://github.com/rexxars/eventsource-parser/blob/main/test/parse.test.ts"
_LLAMA = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
_HELLO, _WORLD = delta("Hello"), delta(" world")
_A, _B, _X = (chunk({"content": text}).encode() for text in ("Hello", " world", " (not this)"))
_HALF = _A.index(b'"choices"')


def _chat(name: str, title: str, *through: object, source: str = GATEWAY, **options: Any) -> Case:
    """An answer as a gateway sends it, with comments."""
    reply = chat(PLAIN, *through)
    return Case(f"comments/{name}", title, source, reply, yields(PLAIN), broken_json=_COMMENT, **options)


def _stream(name: str, title: str, *pieces: Piece, through: Through = (), source: str = PARSING_RULES) -> Case:
    """ "Hello world" in these very pieces, and ``[DONE]``."""
    reply = stream(*pieces, finish(), "[DONE]", through=through)
    return Case(f"comments/{name}", title, source, reply, yields("Hello world"), cause=_TAKEN, broken_json=_COMMENT)


def _runs(*lengths: int) -> list[Piece]:
    """An event in front of each run of so many comments."""
    first, *others = lengths
    pieces: list[Piece] = [Comment(" OPENROUTER PROCESSING")] * first
    for piece, length in zip((_HELLO, _WORLD, delta("!")), others, strict=True):
        pieces += [piece, *[Comment(" OPENROUTER PROCESSING")] * length]
    return pieces


_SENT_BY_GATEWAYS = (
    _chat(
        "before",
        "A run of 30 keep-alive comments before the first event.",
        comments(KEEP_ALIVE, every=10_000, before=30),
    ),
    _chat("between", "A keep-alive comment behind each event.", comments(KEEP_ALIVE)),
    _chat(
        "cut",
        "Keep-alive comments, each byte alone.",
        comments(KEEP_ALIVE),
        chunkings=(PER_BYTE,),
    ),
    _chat(
        "cut-where-it-hurts",
        "One cut in each keep-alive comment, in each field name and between line ends.",
        comments(KEEP_ALIVE, every=2),
        chunkings=(TENDER,),
    ),
    _chat("crlf", "Comments whose lines end with CRLF.", comments(KEEP_ALIVE), newlines("\r\n")),
    _chat(
        "openrouter",
        "`: OPENROUTER PROCESSING` before and between the events.",
        comments(": OPENROUTER PROCESSING", before=3),
        source=_OPENROUTER,
    ),
    _chat("empty", "A colon alone, as servers ping.", comments(":", before=2), source=_LLAMA),
    _chat("empty-with-space", "A colon and a space.", comments(": ", before=1)),
    _chat(
        "ping", "`: ping` with a time, before and between the events.", comments(": ping - 2026-11-22 06:00:00+00:00")
    ),
    _chat("no-space", "A comment without a space behind its colon.", comments(":keep-alive", before=1), source=_NOTES),
    _chat(
        "not-ascii", "Comments of characters outside ASCII.", comments(": ♥ ждите 第二 🙂", before=1), source=_PARSER
    ),
    Case(
        "comments/runs-between",
        "Runs of 11, 5, 5 and 1 comments before and between the events.",
        _OPENROUTER,
        stream(*_runs(11, 5, 5, 1), finish(), "[DONE]"),
        yields("Hello world!"),
        cause=_TAKEN,
        broken_json=_COMMENT,
    ),
    _stream("run-of-30-between", "A run of 30 comments between two events.", _HELLO, *[Comment(" ping")] * 30, _WORLD),
    _stream(
        "in-front-of-data",
        "A comment line right in front of the data of an event, without an empty line.",
        b": keep-alive\ndata: %b\n\n: keep-alive\n: keep-alive\ndata: %b\n\n" % (_A, _B),
    ),
    _stream(
        "behind-data",
        "A comment line right behind the data of an event, before its empty line.",
        b"data: %b\n: keep-alive\n\ndata: %b\n:\n\n" % (_A, _B),
    ),
    _stream(
        "before-the-end",
        "Comments between the last text and `[DONE]`.",
        _HELLO,
        _WORLD,
        Comment(" ping"),
        Comment(),
    ),
    Case(
        "comments/behind-the-end",
        "Comments behind `[DONE]`.",
        GATEWAY,
        stream(_HELLO, _WORLD, finish(), "[DONE]", Comment(" ping"), Comment(" ping")),
        yields("Hello world"),
        broken_json=_COMMENT,
    ),
    _stream("like-data", "A comment whose text looks like an event.", _HELLO, b": data: %b\n\n" % _X, _WORLD),
    _stream(
        "like-data-no-space",
        "A comment `:data:` whose text looks like an event.",
        _HELLO,
        b":data: %b\n\n" % _X,
        _WORLD,
    ),
    _stream("json", "A comment whose text is a chunk.", _HELLO, b": %b\n\n:%b\n\n" % (_X, _X), _WORLD),
    Case(
        "comments/like-done",
        "A comment whose text looks like the end marker ends nothing.",
        PARSING_RULES,
        stream(_HELLO, b": [DONE]\n\n:[DONE]\n\n: data: [DONE]\n\n", _WORLD, finish(), "[DONE]"),
        yields("Hello world"),
        cause="[DONE] is looked for in comments: it is the data of an event, all of them",
        broken_json=_COMMENT,
    ),
    _stream("long", "A comment of 20,000 characters.", _HELLO, Comment(" " + "." * 20_000), _WORLD),
    _stream("of-colons", "A comment of 300 colons.", _HELLO, b":" * 300 + b"\n\n", _WORLD, source=_PARSER),
    Case(
        "comments/no-text",
        "An answer without text: comments, and `[DONE]`.",
        GATEWAY,
        stream(*[Comment(" ONEROUTER PROCESSING")] * 5, finish(), "[DONE]"),
        yields(""),
        cause=_TAKEN,
        broken_json=_COMMENT,
    ),
    _chat(
        "heartbeat",
        "Comments through a silence of 1.5 s: the client does not time out while they come.",
        stall(3, 1.5),
        heartbeat(0.2, KEEP_ALIVE),
        cause="it gives up while comments come: each of them says that the answer is still being made",
    ),
)

_EXOTIC = (
    _stream(
        "inside-an-event",
        "Comment lines between two data lines of one event.",
        b"data: %b\n: keep-alive\n:\n: data: %b\ndata: %b\n\n" % (_A[:_HALF], _X, _A[_HALF:]),
        _WORLD,
        source=_WPT,
    ),
    _stream(
        "inside-an-event-crlf",
        "Comment lines between two data lines of one event, with CRLF.",
        b"data: %b\r\n: keep-alive\r\n:\r\ndata: %b\r\n\r\n" % (_A[:_HALF], _A[_HALF:]),
        _WORLD,
        source=_PARSER,
    ),
    _stream(
        "cr",
        "Comments whose lines end with CR alone.",
        b": keep-alive\r\rdata: %b\r\r:\rdata: %b\r\r" % (_A, _B),
        source=_WPT,
    ),
    _stream(
        "mixed-line-ends",
        "Comments with line ends of each kind, long ones and one with a NUL, between the lines of one event.",
        b"data: %b\r:\0\n:\r\ndata: \n:%b\rdata:\n:data: %b\r:%b\ndata: %b\n\n"
        % (_A[:_HALF], b"x" * 2049, _X, b"x" * 2049, _A[_HALF:]),
        _WORLD,
        source=_WPT,
    ),
    _stream(
        "only-line",
        "A comment without an empty line behind it ends no event and begins none.",
        b": one\n: two\nid: 1\n: three\ndata: %b\n: four\nevent: message\n\n" % _A,
        _WORLD,
        source=_LAUNCHDARKLY,
    ),
)

CASES: tuple[Case, ...] = (*_SENT_BY_GATEWAYS, *(replace(case, profile=Profile.WHATWG) for case in _EXOTIC))
