"""The catalogue: what is sent, and what a client must make of it.

Sources: "WHATWG" is https://html.spec.whatwg.org/multipage/server-sent-events.html, "chat" is
https://platform.openai.com/docs/api-reference/chat-streaming, "OneRouter" is https://docs.onerouter.pro and the streams
of gateways like it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orharness.scenario import Piece, Reply, Through
from orharness.sse import Comment, Event
from orharness.stream import Ending
from orharness.transforms import (
    after_text,
    append,
    coalesce,
    comments,
    hold,
    newlines,
    per_byte,
    per_event,
    split_at,
)
from orharness.transforms.layout import Position

PARSING, DONE, CANCELLATION = "parsing", "done", "cancellation"
CLAIMS = (PARSING, DONE, CANCELLATION)

TEXT = "Grüße, 世界 🙂!"
PLAIN = "Hello, world!"  # where parsing is not the claim, a client that only parses badly must not fail
KEEP_ALIVE = ": ONEROUTER PROCESSING"


@dataclass(frozen=True)
class Case:
    """One thing that a client must do. ``reply`` makes what is sent, ``text`` is what it must yield, joined.

    A cancellation case is left after ``leave_after`` pieces of text; ``silent``: when all before a gate has been read,
    so that nothing more comes; ``inside_read``: inside the read that waits for it.
    ``cause``: the likely one, where the text alone does not tell; ``broken_json``: that of an error of a JSON parser.
    """

    id: str
    title: str
    claim: str
    source: str
    reply: Callable[[], Reply]
    text: str = TEXT
    leave_after: int = 0
    silent: bool = False
    inside_read: bool = False
    cause: str | None = None
    broken_json: str | None = None


def _chat(text: str = TEXT, *through: object, **options: object) -> Callable[[], Reply]:
    return lambda: Reply.chat(text, through=through, **options)  # type: ignore[arg-type]


def _stream(*pieces: Piece, through: Through = ()) -> Callable[[], Reply]:
    return lambda: Reply.stream(*pieces, through=through)


def _delta(content: str) -> Event:
    return Event(data=f'{{"id":"1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{content}}}]}}')


def _bytes(*contents: str) -> bytes:
    """Deltas without the space after the colon, which the standard leaves to the sender."""
    return b"".join(f"data:{_delta(one).data}\n\n".encode() for one in contents) + b"data:[DONE]\n\n"


def _inside(text: str, bytes_behind: int) -> Position:
    """So many bytes behind the first place where the text stands."""
    place = after_text(text)
    return lambda stream: place(stream) + bytes_behind


def _parsing(
    name: str, title: str, source: str, reply: Callable[[], Reply], text: str = TEXT, cause: str | None = None
) -> Case:
    return Case(f"parsing/{name}", title, PARSING, source, reply, text, cause=cause, broken_json=_broken_json(name))


def _broken_json(name: str) -> str | None:
    """What a JSON parser was given in a case of that name."""
    if name.startswith("comment"):
        return "a comment line (it begins with a colon) is given to the JSON parser"
    if name.startswith(("cut", "byte", "crlf")):
        return "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"
    if name == "unicode-line-separators":
        return (
            "a line is ended at U+2028, U+2029 or U+0085, as str.splitlines, httpx's iter_lines and aiter_lines do:"
            " only CR, LF and CRLF end a line"
        )
    return None


def _done(name: str, title: str, source: str, reply: Callable[[], Reply], text: str = PLAIN) -> Case:
    return Case(f"done/{name}", title, DONE, source, reply, text)


_ROLE = _delta('{"role":"assistant","content":null}')
_HELLO, _WORLD = _delta('{"content":"Hello"}'), _delta('{"content":" world"}')
_USAGE = Event(data='{"id":"1","object":"chat.completion.chunk","choices":[],"usage":{"completion_tokens":2}}')
_SEPARATORS = "one\u2028two\u0085three\u2029four"

CASES: tuple[Case, ...] = (
    _parsing("one-event-a-chunk", "One event in each chunk.", "chat", _chat(TEXT, per_event())),
    _parsing("all-in-one-chunk", "All events in one chunk.", "WHATWG", _chat(TEXT, coalesce(10_000))),
    _parsing("byte-by-byte", "Each byte in a chunk of its own.", "WHATWG", _chat(TEXT, per_byte())),
    _parsing(
        "cut-inside-a-character",
        "A chunk boundary inside a character of two, three and four bytes.",
        "WHATWG",
        _chat(TEXT, split_at(_inside("Gr", 1), _inside('"content":" 世', -1), _inside("🙂", -2))),
    ),
    _parsing(
        "cut-inside-a-field-name",
        "A chunk boundary inside `data:`.",
        "WHATWG",
        _chat(TEXT, split_at(2, _inside('"content":"Gr', 0))),
    ),
    _parsing(
        "cut-between-newlines",
        "A chunk boundary between the two line ends behind an event.",
        "WHATWG",
        _chat(TEXT, split_at(_inside("null}]}\n", 0))),
    ),
    _parsing("crlf", "Lines that end with CRLF, also cut between CR and LF.", "WHATWG", _chat(TEXT, newlines("\r\n"))),
    _parsing(
        "crlf-byte-by-byte", "CRLF line ends, each byte alone.", "WHATWG", _chat(TEXT, newlines("\r\n"), per_byte())
    ),
    _parsing(
        "comments-before",
        "A run of 30 keep-alive comments before the first event.",
        "OneRouter",
        _chat(TEXT, comments(KEEP_ALIVE, every=10_000, before=30)),
    ),
    _parsing(
        "comments-between", "A keep-alive comment behind each event.", "OneRouter", _chat(TEXT, comments(KEEP_ALIVE))
    ),
    _parsing(
        "comments-cut",
        "Keep-alive comments, each byte alone.",
        "OneRouter",
        _chat(TEXT, comments(KEEP_ALIVE), per_byte()),
    ),
    _parsing(
        "comment-like-data",
        "A comment whose text looks like an event.",
        "WHATWG",
        _stream(_ROLE, _HELLO, Comment(f" data: {_WORLD.data}"), "[DONE]"),
        "Hello",
    ),
    _parsing(
        "no-space-after-colon",
        "`data:` without a space behind the colon.",
        "WHATWG",
        _stream(_bytes('{"content":"Hello"}', '{"content":" world"}')),
        "Hello world",
        "it looks for `data: ` with a space; the standard takes one space away if it is there",
    ),
    _parsing(
        "null-content-and-role",
        "A first chunk with only a role and null as content.",
        "chat",
        _stream(_ROLE, _HELLO, _WORLD, "[DONE]"),
        "Hello world",
    ),
    _parsing(
        "usage-without-choices",
        "A usage chunk with an empty list of choices.",
        "chat",
        _stream(_HELLO, _WORLD, _USAGE, "[DONE]"),
        "Hello world",
    ),
    _parsing(
        "unicode-line-separators",
        "U+2028, U+2029 and U+0085 inside the data: they end no line.",
        "WHATWG",
        _stream(_delta(f'{{"content":"{_SEPARATORS}"}}'), "[DONE]"),
        _SEPARATORS,
    ),
    _done("clean-end", "`[DONE]`, then the end of the response.", "chat", _chat(PLAIN)),
    _done(
        "connection-left-open",
        "`[DONE]`, and the connection stays open: the client must end all the same.",
        "OneRouter",
        _chat(PLAIN, ending=Ending.HANG),
    ),
    _done("event-behind", "An event behind `[DONE]`: it is not read.", "chat", _chat(PLAIN, append(_WORLD))),
    _done(
        "inside-content",
        "`[DONE]` inside the text of an answer does not end it.",
        "chat",
        _stream(_delta('{"content":"say [DONE]"}'), _WORLD, "[DONE]"),
        "say [DONE] world",
    ),
    _done(
        "cut-in-the-middle",
        "A chunk boundary inside `[DONE]`, and the connection stays open.",
        "WHATWG",
        _chat(PLAIN, split_at(-6), ending=Ending.HANG),
    ),
    Case(
        "cancellation/between-events",
        "Closed while events come: the connection ends and the rest is not sent.",
        CANCELLATION,
        "OneRouter",
        _chat(" ".join(["token"] * 300)),
        leave_after=2,
    ),
    Case(
        "cancellation/while-silent",
        "Closed while the stream is silent: nothing more comes that could wake the client.",
        CANCELLATION,
        "OneRouter",
        _chat(" ".join(["token"] * 300), hold(after=2)),
        leave_after=1,
        silent=True,
    ),
    Case(
        "cancellation/inside-a-read",
        "Cancelled inside a read that waits for the next event.",
        CANCELLATION,
        "OneRouter",
        _chat(" ".join(["token"] * 300), hold(after=4)),
        leave_after=3,
        silent=True,
        inside_read=True,
    ),
)
