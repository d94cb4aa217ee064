"""The chat dialect's own cases of the contract: what is about the JSON of its chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def documents() -> Sequence[Mapping[str, Any]]:
    """Return them all. They are read when they are asked for: most users of the dialect never do."""
    from orharness.dialects.chat.cases import content, errors, text

    return (*content.CASES, *text.CASES, *errors.CASES)
