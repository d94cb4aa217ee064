"""framing: the rules of the event-stream format."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import PARSING_RULES, TEXT, chat, chunk, stream, yields
from orharness.transforms import newlines

CASES: tuple[Case, ...] = (
    Case(
        "framing/crlf",
        "Lines that end with CRLF.",
        PARSING_RULES,
        chat(TEXT, newlines("\r\n")),
        yields(TEXT),
    ),
    Case(
        "framing/no-space-after-colon",
        "`data:` without a space behind the colon.",
        PARSING_RULES,
        stream(
            *(f"data:{one}\n\n".encode() for one in (chunk({"content": "Hello"}), chunk({"content": " world"}))),
            b"data:[DONE]\n\n",
        ),
        yields("Hello world"),
        cause="it looks for `data: ` with a space; the standard takes one space away if it is there",
    ),
)
