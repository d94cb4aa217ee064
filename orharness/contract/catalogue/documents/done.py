"""done: the end marker ends an answer, there and nowhere else.

All of it is ASCII, and most of it comes as gateways write it: a client that only reads badly does not fail here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orharness.contract.catalogue.documents.words import (
    ANSWER,
    CHAT,
    END_IN_A_COMMENT,
    GATEWAY,
    HELLO_WORLD,
    KEEP_ALIVE,
    NOT_THE_END,
    PARSING_RULES,
    PLAIN,
    PLAIN_ANSWER,
    Document,
    fails,
    may_fail,
)

_PREFIX = "`${end}` is looked for at the start of the data: it is the whole of it"
_IN_TEXT = "`${end}` in the text is not taken for text: only an event whose whole data it is ends the answer"
_IN_COMMENT = (
    "`${end}` in a comment is not passed over: a line that begins with a colon says nothing, whatever is in it"
)
_IN_FIELD = "`${end}` in another field is not passed over: only the data of an event end the answer"
_NOT_SEEN = "`${end}` is not recognised, and taken for a chunk"
_LENGTH = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"


def _case(name: str, title: str, source: str, reply: Document, expect: str | Document, **more: Any) -> Document:
    expected = {"text": expect} if isinstance(expect, str) else expect
    return {"id": f"done/{name}", "title": title, "source": source, "reply": reply, "expect": expected, **more}


def _plain(*through: Any, **sending: Any) -> Document:
    """Return an answer as the dialect's gateway writes it."""
    return {"answer": {"text": PLAIN}, **({"through": list(through)} if through else {}), **sending}


def _ended_by(marker: str, **sending: Any) -> Document:
    """Return an answer whose end marker is these bytes."""
    return {"events": [*HELLO_WORLD, {"raw": marker}], **sending}


def _events(*items: Document, **sending: Any) -> Document:
    return {"events": list(items), **sending}


_HELLO: Document = {"text": "Hello"}
_WORLD: Document = {"text": " world"}
_FINISH: Document = {"finish": "stop"}
_END: Document = {"end": True}


def _like_the_end(
    name: str, title: str, events: Sequence[Document], text: str, *, cause: str, source: str = CHAT, **more: Any
) -> Document:
    """Return a case about what only looks like the end; its control has other characters there."""

    def other(said: str) -> str:
        return said.replace("${end}", NOT_THE_END)

    plain = [{key: other(value) for key, value in one.items()} for one in events]
    control = {"reply": _events(*plain, _FINISH, _END), "expect": {"text": other(text)}, "cause": cause}
    return _case(name, title, source, _events(*events, _FINISH, _END), text, control=control, **more)


CASES: tuple[Document, ...] = (
    _case("clean-end", "`${end}`, then the end of the response.", CHAT, _events(*PLAIN_ANSWER), PLAIN, plain=True),
    _case(
        "all-in-one-chunk",
        "The whole answer and `${end}` in one chunk.",
        PARSING_RULES,
        _plain(),
        PLAIN,
        chunkings=["whole"],
    ),
    _case(
        "empty-answer",
        "`${end}` after an answer without text.",
        CHAT,
        _events({"text": "", "role": "assistant"}, _FINISH, _END),
        "",
    ),
    _case(
        "without-finish-reason",
        "`${end}`, and no chunk before it says why the model stopped.",
        CHAT,
        _events(_HELLO, _WORLD, _END),
        may_fail("Hello world"),  # a client may want to know why, and no gateway leaves it out
    ),
    _case(
        "usage-before",
        "A usage chunk between the last text and `${end}`.",
        CHAT,
        _events(*HELLO_WORLD, {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, _END),
        "Hello world",
    ),
    # -- how it is written
    _case(
        "without-the-space",
        "`data:${end}`, without a space after the colon.",
        PARSING_RULES,
        _ended_by("data:${end}\n\n"),
        "Hello world",
        frame="sse",
        cause=_NOT_SEEN,
        broken_json=_NOT_SEEN,
    ),
    _case(
        "crlf",
        "`${end}` with CRLF line ends.",
        PARSING_RULES,
        _ended_by("data: ${end}\r\n\r\n", ending="hang"),
        "Hello world",
        frame="sse",
        chunkings=["as-sent", "inside-end"],
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    _case(
        "crlf-throughout",
        "Every line ends with CRLF, and the connection stays open after `${end}`.",
        PARSING_RULES,
        _plain({"newlines": "\r\n"}, ending="hang"),
        PLAIN,
        chunkings=["as-sent", "whole", "per-byte"],
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    _case(
        "cr",
        "`${end}` with CR line ends.",
        PARSING_RULES,
        _plain({"newlines": "\r"}, ending="hang"),
        PLAIN,
        profile="whatwg",
        chunkings=["as-sent", "whole", "per-byte"],
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    _case(
        "named-event",
        "`${end}` in an event with a type and an id.",
        PARSING_RULES,
        _ended_by("event: message\nid: 7\ndata: ${end}\n\n"),
        "Hello world",
        frame="sse",
        broken_json=_NOT_SEEN,
    ),
    _case(
        "in-a-comment-block",
        "A comment line in the same block as `${end}`.",
        PARSING_RULES,
        _ended_by(f"{KEEP_ALIVE}\ndata: ${{end}}\n\n", ending="hang"),
        "Hello world",
        frame="sse",
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    _case(
        "two-spaces",
        "`data:  ${end}`, with two spaces: the end, or an error; the text is kept and nothing hangs.",
        PARSING_RULES,
        _ended_by("data:  ${end}\n\n"),
        may_fail("Hello world"),
        frame="sse",
        profile="whatwg",
    ),
    # -- the connection is left open
    _case(
        "connection-left-open",
        "`${end}`, and the connection stays open: the client must end all the same.",
        GATEWAY,
        _plain(ending="hang"),
        PLAIN,
        end_event=True,
    ),
    _case(
        "left-open-without-the-space",
        "`data:${end}`, and the connection stays open.",
        PARSING_RULES,
        _ended_by("data:${end}\n\n", ending="hang"),
        "Hello world",
        frame="sse",
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    _case(
        "left-open-byte-by-byte",
        "Each byte in a chunk of its own, and the connection stays open after `${end}`.",
        PARSING_RULES,
        _plain(ending="hang"),
        PLAIN,
        chunkings=["per-byte"],
        end_event=True,
    ),
    _case(
        "left-open-in-one-chunk",
        "The whole answer in one chunk, and the connection stays open after `${end}`.",
        PARSING_RULES,
        _plain(ending="hang"),
        PLAIN,
        chunkings=["whole"],
        end_event=True,
    ),
    _case(
        "left-open-content-length",
        "`${end}`, and less than Content-Length promises: the client must end all the same.",
        _LENGTH,
        _plain(ending="hang", framing="length"),
        PLAIN,
        end_event=True,
    ),
    _case(
        "left-open-close-delimited",
        "`${end}` in a body that ends with the connection, which stays open.",
        _LENGTH,
        _plain(ending="hang", framing="close"),
        PLAIN,
        end_event=True,
    ),
    _case(
        "comments-after",
        "Keep-alive comments go on after `${end}`: the client must not wait for their end.",
        GATEWAY,
        _events(*ANSWER, *[{"comment": KEEP_ALIVE.removeprefix(":"), "delay": 0.02}] * 50, ending="hang"),
        "Hello world",
        end_event=True,
    ),
    _case(
        "comment-in-its-chunk",
        "A comment after `${end}` in the same chunk, and the connection stays open.",
        GATEWAY,
        _ended_by(f"data: ${{end}}\n\n{KEEP_ALIVE}\n\n", ending="hang"),
        "Hello world",
        frame="sse",
        broken_json=_NOT_SEEN,
        end_event=True,
    ),
    # -- something after it
    _case(
        "event-after",
        "An event after `${end}`: it is not read.",
        CHAT,
        _plain({"append": _WORLD}),
        PLAIN,
        chunkings=["as-sent", "whole"],
        end_event=True,
    ),
    _case("twice", "`${end}` comes twice.", CHAT, _plain({"repeat": _END}), PLAIN, chunkings=["as-sent", "whole"]),
    _case(
        "rubbish-after",
        "Something that is not JSON after `${end}`: it is not read.",
        CHAT,
        _plain({"append": {"data": "upstream connect error"}}),
        PLAIN,
        chunkings=["as-sent", "whole"],
        broken_json="it goes on after ${end}",
        end_event=True,
    ),
    _case(
        "cut-in-the-middle",
        "A chunk boundary inside `${end}`, and the connection stays open.",
        PARSING_RULES,
        _plain(ending="hang"),
        PLAIN,
        chunkings=["inside-end"],
        end_event=True,
    ),
    # -- not there, or not whole
    _case(
        "no-empty-line",
        "`data: ${end}` and one line end, then the end of the body: all of the text is there.",
        PARSING_RULES,
        _ended_by("data: ${end}\n"),
        may_fail("Hello world"),
        frame="sse",
    ),
    _case(
        "no-line-end",
        "`data: ${end}` without a line end, then the end of the body: all of the text is there.",
        PARSING_RULES,
        _ended_by("data: ${end}"),
        may_fail("Hello world"),
        frame="sse",
    ),
    _case(
        "missing",
        "A finish_reason, and the body ends without `${end}`: all of the text is there.",
        CHAT,
        _plain({"drop": _END}),
        may_fail(PLAIN),
        chunkings=["as-sent", "whole", "per-event"],
    ),
    # -- what only looks like it
    _like_the_end(
        "inside-content",
        "`${end}` inside the text of an answer does not end it.",
        [{"text": "say ${end}"}, _WORLD],
        "say ${end} world",
        cause=_IN_TEXT,
    ),
    _like_the_end(
        "as-content",
        "A token whose whole text is `${end}` does not end the answer.",
        [{"text": "say "}, {"text": "${end}"}, _WORLD],
        "say ${end} world",
        cause=_IN_TEXT,
        chunkings=["as-sent", "per-byte"],
    ),
    _like_the_end(
        "a-line-inside-content",
        "A line `data: ${end}` inside the text, its line ends escaped, does not end the answer.",
        [{"text": "say\n\ndata: ${end}\n\n"}, {"text": "world"}],
        "say\n\ndata: ${end}\n\nworld",
        cause=_IN_TEXT,
    ),
    _like_the_end(
        "in-a-comment",
        "`${end}` in a comment does not end the answer.",
        [_HELLO, {"comment": " data: ${end}"}, {"comment": "${end}"}, _WORLD],
        "Hello world",
        cause=END_IN_A_COMMENT,
        source=PARSING_RULES,
    ),
    _like_the_end(
        "in-another-field",
        "`${end}` as an event's id does not end the answer.",
        [_HELLO, {"raw": "id: ${end}\ndata: ${text: world}\n\n"}],
        "Hello world",
        cause=_IN_FIELD,
        source=PARSING_RULES,
        frame="sse",
        profile="whatwg",
    ),
    _case(
        "only-its-beginning",
        "`data: ${end}xyz` is not the end: it is passed over, or an error; the answer must not look complete there.",
        CHAT,
        _events(_HELLO, {"data": "${end}xyz"}, _WORLD, _FINISH, _END),
        fails("Hello"),
        also=[may_fail("Hello world")],
        profile="whatwg",
        cause=_PREFIX,
    ),
)
