"""comments: keep-alive lines that begin with a colon, and are nothing but that."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import GATEWAY, KEEP_ALIVE, PARSING_RULES, TEXT, chat, chunk, delta, stream, yields
from orharness.contract.chunkings import PER_BYTE
from orharness.sse import Comment
from orharness.transforms import comments

_COMMENT = "a comment line (it begins with a colon) is given to the JSON parser"

CASES: tuple[Case, ...] = (
    Case(
        "comments/before",
        "A run of 30 keep-alive comments before the first event.",
        GATEWAY,
        chat(TEXT, comments(KEEP_ALIVE, every=10_000, before=30)),
        yields(TEXT),
        broken_json=_COMMENT,
    ),
    Case(
        "comments/between",
        "A keep-alive comment behind each event.",
        GATEWAY,
        chat(TEXT, comments(KEEP_ALIVE)),
        yields(TEXT),
        broken_json=_COMMENT,
    ),
    Case(
        "comments/cut",
        "Keep-alive comments, each byte alone.",
        GATEWAY,
        chat(TEXT, comments(KEEP_ALIVE)),
        yields(TEXT),
        chunkings=(PER_BYTE,),
        broken_json=_COMMENT,
    ),
    Case(
        "comments/like-data",
        "A comment whose text looks like an event.",
        PARSING_RULES,
        stream(delta("Hello"), Comment(f" data: {chunk({'content': ' world'})}"), "[DONE]"),
        yields("Hello"),
        broken_json=_COMMENT,
    ),
)
