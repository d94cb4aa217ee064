"""liveness: streams that live and must not be ended, and streams that are dead and must be.

Every time is a multiple of the longest silence that the client allows: its read or idle timeout, declared or measured.
So each case asks the same of a client that waits for a second as of one that waits for ten minutes.
"""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import KEEP_ALIVE, PARSING_RULES, Document, fails

_GITHUB = "https://github.com"
_OFTEN, _TIMES = 0.4, 6  # of the limit between two signs of life, and how many there are: 2.4 times the limit
_SHORTER = 0.5  # of the limit: a silence that is to be borne
_HELLO: Document = {"text": "Hello", "role": "assistant"}
_NO_LIMIT = "it waits for ever: it sets no limit on the silence of a stream"


def _case(name: str, title: str, source: str, reply: Document, expect: Document | str, **more: Any) -> Document:
    expected = {"text": expect} if isinstance(expect, str) else expect
    head = {"id": f"liveness/{name}", "title": title, "source": source, "unit": "limit"}
    return {**head, "reply": reply, "expect": expected, **more}


def _answer(*between: Document) -> Document:
    """Return an answer of two words with these events between them."""
    return {"events": [_HELLO, *between, {"text": " world"}, {"finish": "stop"}, {"end": True}]}


def _alive(sign: Document) -> Document:
    """Return an answer that is kept alive between its two words, for longer than the client bears silence."""
    return _answer(*[{**sign, "delay": _OFTEN}] * _TIMES)


def _dead(*events: Document) -> Document:
    return {"events": list(events), "ending": "hang"}


_LONG = [{"text": f" {number}", "delay": _OFTEN} for number in range(_TIMES)]

CASES: tuple[Document, ...] = (
    _case(
        "dead-stream",
        "After some text no byte comes any more, and the connection stays open: the client shows an error and leaves.",
        f"{_GITHUB}/aaif-goose/goose/issues/8134",
        _dead(_HELLO),
        {"error": True},  # what a client that asks again makes of it is another case
        requests="any",
        cause=_NO_LIMIT,
    ),
    _case(
        "dead-before-the-text",
        "The response begins, and no event comes: the client shows an error and leaves.",
        f"{_GITHUB}/aaif-goose/goose/issues/8134",
        _dead(),
        fails(""),
        requests="any",
        cause=_NO_LIMIT,
    ),
    _case(
        "asked-again",
        "The stream falls silent after some text; asked again, the server answers whole, which is billed twice: the"
        " client does not ask again by itself, and yields nothing twice.",
        f"{_GITHUB}/ltmoerdani/opencode-copilot-chat/pull/180",
        _dead(_HELLO),
        fails("Hello"),
        again=_answer(),
        cause="it asks again after a silence, and appends the second answer to the first",
    ),
    _case(
        "silence-in-the-middle",
        "A silence between two words, half as long as the client allows: the answer is whole.",
        f"{_GITHUB}/ayunis-core/ayunis-core/pull/1245",
        _answer({"text": " big", "delay": _SHORTER}),
        "Hello big world",
        cause="it gives up sooner than after the silence that it declares to allow",
    ),
    _case(
        "slow-first-word",
        "The response begins, and the first word comes after half of the silence that the client allows.",
        f"{_GITHUB}/1024XEngineer/neo-code/issues/461",
        {"events": [{**_HELLO, "delay": _SHORTER}, {"text": " world"}, {"finish": "stop"}, {"end": True}]},
        "Hello world",
        cause="its limit on the time to the first word is shorter than that on a silence",
    ),
    _case(
        "comments",
        "Keep-alive comments all through a long thought: each is a sign of life.",
        f"{_GITHUB}/NousResearch/hermes-agent/pull/78818",
        _alive({"comment": KEEP_ALIVE.removeprefix(":")}),
        "Hello world",
        cause="a comment does not count as a sign of life: its time limit is on the silence between two events",
    ),
    _case(
        "empty-comments",
        "Comments of a colon alone all through a long thought: each is a sign of life.",
        PARSING_RULES,
        _alive({"comment": ""}),
        "Hello world",
        cause="a comment does not count as a sign of life: its time limit is on the silence between two events",
    ),
    _case(
        "events-without-text",
        "Events with an empty text all through a long thought: each is a sign of life.",
        f"{_GITHUB}/gethnet/litellm-connector-copilot/issues/151",
        _alive({"text": ""}),
        "Hello world",
        cause="an event without text does not count as a sign of life: its time limit is on the time between two texts",
    ),
    _case(
        "empty-data",
        "Events whose data are empty all through a long thought, as some proxies keep a connection alive.",
        f"{_GITHUB}/openai-php/client/issues/734",
        {"events": [_HELLO, *[{"raw": "data:\n\n", "delay": _OFTEN}] * _TIMES, *_answer()["events"][1:]]},
        "Hello world",
        level="SHOULD",
        frame="sse",
        cause="empty data do not count as a sign of life",
    ),
    _case(
        "long-answer",
        "An answer whose words come one by one, and that takes 2.4 times as long as the client bears silence.",
        f"{_GITHUB}/Digital-Threads/aimux/pull/18",
        _answer(*_LONG),
        "".join(["Hello", *(str(one["text"]) for one in _LONG), " world"]),
        cause="a time limit on the whole answer ends a stream that is alive",
    ),
)
