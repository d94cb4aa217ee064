"""cancellation: closing the client closes its connection, whatever the stream is doing, so that the model stops."""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import GATEWAY, KEEP_ALIVE, PLAIN, Document

_LONG = " ".join(["token"] * 300)
_STEP = 0.01  # seconds between two events: a client that takes them as they come is not at the end before it is told


def _case(name: str, title: str, reply: Document, **cancel: Any) -> Document:
    return {
        "id": f"cancellation/{name}",
        "title": title,
        "source": GATEWAY,
        "reply": {"answer": {"text": _LONG}, **reply},
        "expect": {"error": "allowed", "cancel": cancel},
    }


def _commenting(tokens: int) -> Document:
    """Return a number of tokens, and then only comments, for longer than anybody waits."""
    silence = {"stall": {"before_token": tokens + 1, "seconds": 20.005}}
    return {"through": [silence, {"heartbeat": {"seconds": _STEP, "text": KEEP_ALIVE}}]}


def _followed(name: str, title: str, cancels: int) -> Document:
    """Return cancels while events come, and then an answer that is read to its end."""
    then = {"reply": {"answer": {"text": PLAIN}}, "expect": {"text": PLAIN}, "cancels": cancels}
    return {**_case(name, title, {"delay": _STEP}, after=2), "then": then}


CASES: tuple[Document, ...] = (
    _case(
        "between-events",
        "Closed while events come: the connection ends and the rest is not made.",
        {"delay": _STEP},
        after=2,
    ),
    _followed("next-request", "A request after a cancel is answered as any other.", cancels=1),
    _followed(
        "next-after-many",
        "A request after a dozen cancels, one after the other: more than a usual pool has connections.",
        cancels=12,
    ),
    _case(
        "while-silent",
        "Closed while the stream is silent: nothing more comes that could wake the client.",
        {"through": [{"hold": {"after_tokens": 2}}]},
        after=2,
        silent=True,
    ),
    _case("during-comments", "Closed while only keep-alive comments come.", _commenting(2), after=2),
    _case(
        "inside-a-read",
        "Cancelled inside a read that waits for the next event.",
        {"through": [{"hold": {"after_tokens": 3}}]},
        after=3,
        silent=True,
        inside_read=True,
    ),
    _case(
        "inside-a-read-during-comments",
        "Cancelled inside a read while only keep-alive comments come.",
        _commenting(3),
        after=3,
        inside_read=True,
    ),
    _case(
        "before-the-first-token",
        "Cancelled when the response has begun and no token has come.",
        {"through": [{"hold": 0}]},
        after=0,
        silent=True,
        inside_read=True,
    ),
    _case(
        "unsupported-provider",
        "Closed, with a provider that does not stop: the client leaves all the same, and the whole answer is billed.",
        {"delay": _STEP, "provider": "Groq"},
        after=2,
        stops=False,
    ),
)
