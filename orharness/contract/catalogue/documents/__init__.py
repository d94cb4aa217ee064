"""The cases that are the same for every API, as documents: bytes, HTTP, boundaries, comments, the end and leaving."""

from __future__ import annotations

from orharness.contract.catalogue.documents import (
    boundaries,
    cancellation,
    comments,
    cost,
    delivery,
    done,
    errors,
    framing,
    request,
    transport,
)
from orharness.contract.catalogue.documents.words import Document

BEFORE: tuple[Document, ...] = (*framing.CASES, *boundaries.CASES, *comments.CASES, *done.CASES)
"""... and then the cases of the dialect's own families, before ``AFTER``."""
AFTER: tuple[Document, ...] = (
    *errors.CASES,
    *cancellation.CASES,
    *delivery.CASES,
    *transport.CASES,
    *request.CASES,
    *cost.CASES,
)
