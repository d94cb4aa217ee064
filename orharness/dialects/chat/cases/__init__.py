"""The chat dialect's own contract cases: about the JSON of its chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def documents() -> Sequence[Mapping[str, Any]]:
    """Return all cases. They are imported only here, since most users of the dialect never need them."""
    from orharness.dialects.chat.cases import content, errors, parts, reported, text

    return (*content.CASES, *text.CASES, *reported.CASES, *parts.CASES, *errors.CASES)
