"""delivery: text is handed over as it comes, and of two streams at once each client's user gets their own.

The stream is held at a gate after each text: what has been read is to be handed over before anything more is sent. So
no clock decides whether a client waits for more; only how late it is, is measured.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from orharness.contract.catalogue.documents.words import GZIP_UNREAD, PARSING_RULES, Document

_CODINGS = "https://www.rfc-editor.org/rfc/rfc9110#section-8.4"
_CONCURRENT = "https://www.rfc-editor.org/rfc/rfc9112#section-9.4"
# Each ends with its blank: a client that hands over whole words has to wait for nothing.
_WORDS = ["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight."]
_HELD = [{"hold": {"after_text": word}} for word in _WORDS[:-1]]
_PIECES = 37  # bytes of a chunk: one that crosses a gate is sent whole, and ends inside the next event
_DUE = list(accumulate(_WORDS[:-1]))


def _case(name: str, title: str, source: str = PARSING_RULES, **more: Any) -> Document:
    reply = more.pop("reply", {"answer": {"text": _WORDS}})
    return {
        "id": f"delivery/{name}",
        "title": title,
        "source": source,
        "reply": {**reply, "through": _HELD},
        "expect": {"text": "".join(_WORDS), "due": _DUE},
        **more,
    }


def _two(name: str, title: str, side_by_side: bool, *through: Document, **more: Any) -> Document:
    """Return two answers at the same time; each is held after two of its words until the other has come as far."""
    red, blue = (_in_colour(colour) for colour in ("red", "blue"))
    beside = {"reply": _held_twice(blue, *through), "expect": {"text": "".join(blue)}, "side_by_side": side_by_side}
    return {
        "id": f"delivery/{name}",
        "title": title,
        "source": _CONCURRENT,
        "reply": _held_twice(red, *through),
        "expect": {"text": "".join(red)},
        "beside": beside,
        **more,
    }


def _in_colour(colour: str) -> list[str]:
    return [f"{colour}{number} " for number in range(1, 6)]


def _held_twice(words: list[str], *through: Document) -> Document:
    return {"answer": {"text": words}, "through": [*({"hold": {"after_text": word}} for word in words[1:3]), *through]}


CASES: tuple[Document, ...] = (
    _case("as-it-comes", "The stream is held after each word, which is handed over before more is sent."),
    _case(
        "before-half-an-event",
        "The stream is held in the middle of each event: the word before it is handed over all the same.",
        chunkings=["middles"],
    ),
    _case(
        "gzip-as-it-comes",
        "A stream in gzip, flushed after each event, for a client that asks for gzip: each word is handed over before"
        " more is sent.",
        _CODINGS,
        reply={"events": [*({"text": word} for word in _WORDS), {"finish": "stop"}, {"end": True}], "encoding": "gzip"},
        cause=GZIP_UNREAD,
    ),
    _two(
        "two-at-once",
        "Two answers at the same time: each request gets its own text, and no word of the other's.",
        False,
    ),
    _two(
        "two-at-once-inside-events",
        "Two answers at the same time, each held in the middle of an event while half of one of the other comes.",
        False,
        {"rechunk": _PIECES},
    ),
    _two(
        "side-by-side",
        "Two answers at the same time: the second request is sent while the first answer still comes.",
        True,
        level="SHOULD",
    ),
)
