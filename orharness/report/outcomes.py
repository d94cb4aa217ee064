"""Outcomes in words and colours. Without rich, so that a server that reports its exchanges need not wait for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from orharness.journal import Outcome
from orharness.verdict import count

GOOD, BAD, NOTE = "green", "red", "yellow"
_OUTCOMES = {
    "completed": GOOD,
    "left_at_end": GOOD,
    "cancelled": NOTE,
    "faulted": NOTE,
    "abandoned": BAD,
    "still_open": BAD,
    "unmatched": BAD,
    "left": NOTE,
}


def outcome_style(outcome: Outcome | str | None) -> str:
    """Return the colour of an outcome."""
    return _OUTCOMES.get(str(outcome), "")


def in_words(outcome: object) -> str:
    """Return an outcome in words."""
    return "open" if outcome is None else str(outcome).replace("_", " ")


def outcomes(found: Sequence[Outcome | str | None]) -> str:
    """Return the number of each outcome: ``3 exchanges: 2 completed, 1 cancelled``."""
    if not found:
        return "no exchange"
    numbers = Counter(in_words(outcome) for outcome in found).most_common()
    return f"{count(len(found), 'exchange')}: {', '.join(f'{number:,} {word}' for word, number in numbers)}"
