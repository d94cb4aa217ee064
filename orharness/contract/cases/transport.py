"""transport: heads, framings and connections."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import PARSING_RULES, TEXT, chat, yields
from orharness.stream import Framing

CASES: tuple[Case, ...] = (
    Case(
        "transport/close-delimited",
        "A body that ends with the connection.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-6.3",
        chat(TEXT, framing=Framing.CLOSE),
        yields(TEXT),
    ),
    Case(
        "transport/content-length",
        "A body whose length is announced: the boundaries are those of segments, not of HTTP chunks.",
        PARSING_RULES,
        chat(TEXT, framing=Framing.LENGTH),
        yields(TEXT),
    ),
)
