"""cancellation: closing the client closes its connection, whatever the stream is doing, so that the model stops."""

from __future__ import annotations

from collections.abc import Callable

from orharness.contract.catalogue.case import Cancel, Case
from orharness.contract.catalogue.making import GATEWAY, KEEP_ALIVE, MODEL, chat
from orharness.scenario import Reply
from orharness.sse import Comment, encode
from orharness.stream import Chunk, Stream
from orharness.transforms import hold
from orharness.verdict import Expected

_LONG = " ".join(["token"] * 300)
_STEP = 0.01  # seconds between two events: a client that takes them as they come is not at the end before it is told
_ANY = Expected(text=None, error=None)


def _commenting(behind: int) -> Callable[[], Reply]:
    """So many events, and then only comments, for longer than anybody waits."""

    def keep_commenting(stream: Stream) -> Stream:
        comment = Chunk(encode(Comment(KEEP_ALIVE.removeprefix(":"))), _STEP)
        return Stream((*stream.chunks[:behind], *[comment] * 2_000, *stream.chunks[behind:]))

    return chat(_LONG, keep_commenting, model=MODEL)


CASES: tuple[Case, ...] = (
    Case(
        "cancellation/between-events",
        "Closed while events come: the connection ends and the rest is not made.",
        GATEWAY,
        chat(_LONG, delay=_STEP),
        _ANY,
        cancel=Cancel(after=2),
    ),
    Case(
        "cancellation/while-silent",
        "Closed while the stream is silent: nothing more comes that could wake the client.",
        GATEWAY,
        chat(_LONG, hold(after=3)),
        _ANY,
        cancel=Cancel(after=2, silent=True),
    ),
    Case(
        "cancellation/during-comments",
        "Closed while only keep-alive comments come.",
        GATEWAY,
        _commenting(3),
        _ANY,
        cancel=Cancel(after=2),
    ),
    Case(
        "cancellation/inside-a-read",
        "Cancelled inside a read that waits for the next event.",
        GATEWAY,
        chat(_LONG, hold(after=4)),
        _ANY,
        cancel=Cancel(after=3, silent=True, inside_read=True),
    ),
    Case(
        "cancellation/inside-a-read-during-comments",
        "Cancelled inside a read while only keep-alive comments come.",
        GATEWAY,
        _commenting(4),
        _ANY,
        cancel=Cancel(after=3, inside_read=True),
    ),
    Case(
        "cancellation/before-the-first-token",
        "Cancelled when the response has begun and no token has come.",
        GATEWAY,
        chat(_LONG, hold(after=0)),
        _ANY,
        cancel=Cancel(after=0, silent=True, inside_read=True),
    ),
    Case(
        "cancellation/unsupported-provider",
        "Closed, with a provider that does not stop: the client leaves all the same, and the whole answer is billed.",
        GATEWAY,
        chat(_LONG, delay=_STEP, provider="Groq"),
        _ANY,
        cancel=Cancel(after=2, stops=False),
    ),
)
