"""boundaries: the same bytes, however they are cut. Delivered in lockstep, so that each boundary is real."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import PARSING_RULES, TEXT, chat, inside, yields
from orharness.contract.chunkings import PER_BYTE, PER_EVENT, WHOLE
from orharness.transforms import newlines, split_at

_PART = "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"

CASES: tuple[Case, ...] = (
    Case(
        "boundaries/one-event-a-chunk",
        "One event in each chunk.",
        PARSING_RULES,
        chat(TEXT),
        yields(TEXT),
        chunkings=(PER_EVENT,),
        broken_json=_PART,
    ),
    Case(
        "boundaries/all-in-one-chunk",
        "All events in one chunk.",
        PARSING_RULES,
        chat(TEXT),
        yields(TEXT),
        chunkings=(WHOLE,),
        broken_json=_PART,
    ),
    Case(
        "boundaries/byte-by-byte",
        "Each byte in a chunk of its own.",
        PARSING_RULES,
        chat(TEXT),
        yields(TEXT),
        chunkings=(PER_BYTE,),
        broken_json=_PART,
    ),
    Case(
        "boundaries/inside-a-character",
        "A chunk boundary inside a character of two, three and four bytes.",
        PARSING_RULES,
        chat(TEXT, split_at(inside("Gr", 1), inside('"content":" 世', -1), inside("🙂", -2))),
        yields(TEXT),
        broken_json=_PART,
    ),
    Case(
        "boundaries/inside-a-field-name",
        "A chunk boundary inside `data:`.",
        PARSING_RULES,
        chat(TEXT, split_at(2, inside('"content":"Gr', 0))),
        yields(TEXT),
        broken_json=_PART,
    ),
    Case(
        "boundaries/between-newlines",
        "A chunk boundary between the two line ends behind an event.",
        PARSING_RULES,
        chat(TEXT, split_at(inside("null}]}\n", 0))),
        yields(TEXT),
        broken_json=_PART,
    ),
    Case(
        "boundaries/crlf-byte-by-byte",
        "CRLF line ends, each byte alone.",
        PARSING_RULES,
        chat(TEXT, newlines("\r\n")),
        yields(TEXT),
        chunkings=(PER_BYTE,),
        broken_json=_PART,
    ),
)
