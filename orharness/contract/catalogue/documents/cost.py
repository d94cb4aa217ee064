"""cost: what a long answer costs its client grows as the answer does, and not faster."""

from __future__ import annotations

from orharness.contract.catalogue.documents.words import Document

_SIZES = [1_000, 10_000, 100_000]

CASES: tuple[Document, ...] = (
    {
        "id": "cost/many-events",
        "title": "Answers of 1,000, 10,000 and 100,000 events: time and memory grow as they do, and not faster.",
        "source": "https://github.com/encode/httpx/issues/2422",
        "reply": {"many": {"events": _SIZES[0]}},
        "expect": {"sent": True},
        "grows": _SIZES,
        "profile": "whatwg",
        "patience": 10,
    },
)
