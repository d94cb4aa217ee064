"""framing: the rules of the event-stream format, each in bytes whose data are the events of a dialect.

Most of these streams are made by no gateway: they belong to the profile WHATWG. Where the data reach a JSON parser, a
rule shows only where JSON is not indifferent to it: a space or a line feed between two tokens is not seen. One event
comes in each chunk: how a client joins chunks is another family's business.
"""

from __future__ import annotations

from orharness.contract.catalogue.documents.framing import characters, fields, gateways, lines
from orharness.contract.catalogue.documents.words import Document

CASES: tuple[Document, ...] = (
    *({**case, "profile": "gateway"} for case in gateways.CASES),
    *lines.CASES,
    *fields.CASES,
    *characters.CASES,
)
