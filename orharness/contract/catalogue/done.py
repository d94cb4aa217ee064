"""done: ``[DONE]`` ends it, there and nowhere else.

All of it is ASCII, and most of it comes as gateways write it: a client that only reads badly does not fail here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import AS_SENT, PER_BYTE, PER_EVENT, WHOLE, Chunking, Cuts
from orharness.contract.catalogue.making import (
    CHAT,
    GATEWAY,
    KEEP_ALIVE,
    PARSING_RULES,
    PLAIN,
    PLAIN_ANSWER,
    chat,
    chunk,
    delta,
    either,
    fails,
    finish,
    stream,
    yields,
)
from orharness.scenario import Reply
from orharness.sse import Comment, Event, encode
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import append, drop, newlines, repeat

_USAGE = Event(data=chunk(None, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}))
_BEATS = (*[Chunk(encode(Comment(KEEP_ALIVE.removeprefix(":"))), 0.02)] * 50,)
_PREFIX = "`[DONE]` is looked for at the start of the data: it is the whole of it"
_WITHIN = "`[DONE]` is looked for inside the data: it is the whole of it, and nothing in an answer's text"
_NOT_SEEN = "`[DONE]` is not recognised, and taken for a chunk"


def _inside_done(body: Stream, seed: int) -> Iterator[Cuts]:
    """Once at each place inside the last event."""
    start = body.body.rindex(b"data:")
    return ((at,) for at in range(start + 1, len(body.body)))


_INSIDE_DONE = Chunking("cut once, inside [DONE]", _inside_done)


def _ended_by(marker: bytes, **options: Any) -> Callable[[], Reply]:
    """An answer whose end marker is these bytes."""
    return stream(delta("Hello"), delta(" world"), finish(), marker, **options)


CASES: tuple[Case, ...] = (
    Case(
        "done/clean-end",
        "`[DONE]`, then the end of the response.",
        CHAT,
        stream(*PLAIN_ANSWER),
        yields(PLAIN),
        plain=True,
    ),
    Case(
        "done/all-in-one-chunk",
        "The whole answer and `[DONE]` in one chunk.",
        PARSING_RULES,
        chat(PLAIN),
        yields(PLAIN),
        chunkings=(WHOLE,),
    ),
    Case(
        "done/empty-answer",
        "`[DONE]` behind an answer without text.",
        CHAT,
        stream(Event(data=chunk({"role": "assistant", "content": ""})), finish(), "[DONE]"),
        yields(""),
    ),
    Case(
        "done/without-finish-reason",
        "`[DONE]`, and no chunk before it says why the model stopped.",
        CHAT,
        stream(delta("Hello"), delta(" world"), "[DONE]"),
        either("Hello world"),  # a client may want to know why, and no gateway leaves it out
    ),
    Case(
        "done/usage-before",
        "A usage chunk between the last text and `[DONE]`.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish(), _USAGE, "[DONE]"),
        yields("Hello world"),
    ),
    # -- how it is written
    Case(
        "done/without-the-space",
        "`data:[DONE]`, without a space behind the colon.",
        PARSING_RULES,
        _ended_by(b"data:[DONE]\n\n"),
        yields("Hello world"),
        cause=_NOT_SEEN,
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/crlf",
        "`[DONE]` with CRLF line ends.",
        PARSING_RULES,
        _ended_by(b"data: [DONE]\r\n\r\n", ending=Ending.HANG),
        yields("Hello world"),
        chunkings=(AS_SENT, _INSIDE_DONE),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/crlf-throughout",
        "Every line ends with CRLF, and the connection stays open behind `[DONE]`.",
        PARSING_RULES,
        chat(PLAIN, newlines("\r\n"), ending=Ending.HANG),
        yields(PLAIN),
        chunkings=(AS_SENT, WHOLE, PER_BYTE),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/cr",
        "`[DONE]` with CR line ends.",
        PARSING_RULES,
        chat(PLAIN, newlines("\r"), ending=Ending.HANG),
        yields(PLAIN),
        profile=Profile.WHATWG,
        chunkings=(AS_SENT, WHOLE, PER_BYTE),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/named-event",
        "`[DONE]` in an event with a type and an id.",
        PARSING_RULES,
        _ended_by(b"event: message\nid: 7\ndata: [DONE]\n\n"),
        yields("Hello world"),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/in-a-comment-block",
        "A comment line in the same block as `[DONE]`.",
        PARSING_RULES,
        _ended_by(f"{KEEP_ALIVE}\ndata: [DONE]\n\n".encode(), ending=Ending.HANG),
        yields("Hello world"),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/two-spaces",
        "`data:  [DONE]`, with two spaces: the end, or an error; the text is kept and nothing hangs.",
        PARSING_RULES,
        _ended_by(b"data:  [DONE]\n\n"),
        either("Hello world"),
        profile=Profile.WHATWG,
    ),
    # -- the connection is left open
    Case(
        "done/connection-left-open",
        "`[DONE]`, and the connection stays open: the client must end all the same.",
        GATEWAY,
        chat(PLAIN, ending=Ending.HANG),
        yields(PLAIN),
    ),
    Case(
        "done/left-open-without-the-space",
        "`data:[DONE]`, and the connection stays open.",
        PARSING_RULES,
        _ended_by(b"data:[DONE]\n\n", ending=Ending.HANG),
        yields("Hello world"),
        broken_json=_NOT_SEEN,
    ),
    Case(
        "done/left-open-byte-by-byte",
        "Each byte in a chunk of its own, and the connection stays open behind `[DONE]`.",
        PARSING_RULES,
        chat(PLAIN, ending=Ending.HANG),
        yields(PLAIN),
        chunkings=(PER_BYTE,),
    ),
    Case(
        "done/left-open-in-one-chunk",
        "The whole answer in one chunk, and the connection stays open behind `[DONE]`.",
        PARSING_RULES,
        chat(PLAIN, ending=Ending.HANG),
        yields(PLAIN),
        chunkings=(WHOLE,),
    ),
    Case(
        "done/left-open-content-length",
        "`[DONE]`, and less than Content-Length promises: the client must end all the same.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-6.3",
        chat(PLAIN, ending=Ending.HANG, framing=Framing.LENGTH),
        yields(PLAIN),
    ),
    Case(
        "done/left-open-close-delimited",
        "`[DONE]` in a body that ends with the connection, which stays open.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-6.3",
        chat(PLAIN, ending=Ending.HANG, framing=Framing.CLOSE),
        yields(PLAIN),
    ),
    Case(
        "done/comments-behind",
        "Keep-alive comments go on behind `[DONE]`: the client must not wait for their end.",
        GATEWAY,
        stream(delta("Hello"), delta(" world"), finish(), "[DONE]", *_BEATS, ending=Ending.HANG),
        yields("Hello world"),
    ),
    Case(
        "done/comment-in-its-chunk",
        "A comment behind `[DONE]` in the same chunk, and the connection stays open.",
        GATEWAY,
        _ended_by(f"data: [DONE]\n\n{KEEP_ALIVE}\n\n".encode(), ending=Ending.HANG),
        yields("Hello world"),
        broken_json=_NOT_SEEN,
    ),
    # -- something behind it
    Case(
        "done/event-behind",
        "An event behind `[DONE]`: it is not read.",
        CHAT,
        chat(PLAIN, append(delta(" world"))),
        yields(PLAIN),
        chunkings=(AS_SENT, WHOLE),
    ),
    Case(
        "done/twice",
        "`[DONE]` comes twice.",
        CHAT,
        chat(PLAIN, repeat("[DONE]")),
        yields(PLAIN),
        chunkings=(AS_SENT, WHOLE),
    ),
    Case(
        "done/rubbish-behind",
        "Something that is no JSON behind `[DONE]`: it is not read.",
        CHAT,
        chat(PLAIN, append(Event(data="upstream connect error"))),
        yields(PLAIN),
        chunkings=(AS_SENT, WHOLE),
        broken_json="it goes on behind [DONE]",
    ),
    Case(
        "done/cut-in-the-middle",
        "A chunk boundary inside `[DONE]`, and the connection stays open.",
        PARSING_RULES,
        chat(PLAIN, ending=Ending.HANG),
        yields(PLAIN),
        chunkings=(_INSIDE_DONE,),
    ),
    # -- not there, or not whole
    Case(
        "done/no-empty-line",
        "`data: [DONE]` and one line end, then the end of the body: all of the text is there.",
        PARSING_RULES,
        _ended_by(b"data: [DONE]\n"),
        either("Hello world"),
    ),
    Case(
        "done/no-line-end",
        "`data: [DONE]` without a line end, then the end of the body: all of the text is there.",
        PARSING_RULES,
        _ended_by(b"data: [DONE]"),
        either("Hello world"),
    ),
    Case(
        "done/missing",
        "A finish_reason, and the body ends without `[DONE]`: all of the text is there.",
        CHAT,
        chat(PLAIN, drop("[DONE]")),
        either(PLAIN),
        chunkings=(AS_SENT, WHOLE, PER_EVENT),
    ),
    # -- what only looks like it
    Case(
        "done/inside-content",
        "`[DONE]` inside the text of an answer does not end it.",
        CHAT,
        stream(delta("say [DONE]"), delta(" world"), finish(), "[DONE]"),
        yields("say [DONE] world"),
        cause=_WITHIN,
    ),
    Case(
        "done/as-content",
        "A token whose whole text is `[DONE]` does not end the answer.",
        CHAT,
        stream(delta("say "), delta("[DONE]"), delta(" world"), finish(), "[DONE]"),
        yields("say [DONE] world"),
        chunkings=(AS_SENT, PER_BYTE),
        cause=_WITHIN,
    ),
    Case(
        "done/a-line-inside-content",
        "A line `data: [DONE]` inside the text, its line ends escaped, does not end the answer.",
        CHAT,
        stream(delta("say\n\ndata: [DONE]\n\n"), delta("world"), finish(), "[DONE]"),
        yields("say\n\ndata: [DONE]\n\nworld"),
        cause=_WITHIN,
    ),
    Case(
        "done/in-a-comment",
        "`[DONE]` in a comment does not end the answer.",
        PARSING_RULES,
        stream(delta("Hello"), Comment(" data: [DONE]"), Comment("[DONE]"), delta(" world"), finish(), "[DONE]"),
        yields("Hello world"),
        cause=_WITHIN,
    ),
    Case(
        "done/in-another-field",
        "`[DONE]` as an event's id does not end the answer.",
        PARSING_RULES,
        stream(delta("Hello"), f"id: [DONE]\ndata: {chunk({'content': ' world'})}\n\n".encode(), finish(), "[DONE]"),
        yields("Hello world"),
        profile=Profile.WHATWG,
        cause=_WITHIN,
    ),
    Case(
        "done/only-its-beginning",
        "`data: [DONE]xyz` is not the end: it is passed over, or an error; the answer must not look complete there.",
        CHAT,
        stream(delta("Hello"), "[DONE]xyz", delta(" world"), finish(), "[DONE]"),
        fails("Hello"),
        also=(either("Hello world"),),
        profile=Profile.WHATWG,
        cause=_PREFIX,
    ),
)
