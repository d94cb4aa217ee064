"""Verdicts on when text was handed over: pure functions of what was seen at the gates of one stream."""

from __future__ import annotations

from dataclasses import dataclass

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.judge import NOTHING_EARLY
from orharness.journal import Exchange
from orharness.verdict import Evidence, count, shorten

LATE = 0.2  # seconds: what comes so late at every gate of a stream is not delayed by a busy machine
HELD_BACK = "text is held back: it is handed over only when more has come"
_LONGEST = 200  # characters of a text that are shown


@dataclass(frozen=True)
class Handed:
    """What was seen at the gates of one stream.

    ``after``: for each gate the seconds from when all before it had been read until the text was handed over, up to the
    first gate where that did not happen. ``held_back``: the seconds that were waited for it there, ``None`` if it came
    each time. ``had``: the text that it had handed over at the last gate.
    """

    after: tuple[float, ...]
    held_back: float | None
    had: str


def has(text: str, due: str) -> bool:
    """Return whether as much text was handed over as is due. Blanks do not count: another case is about them."""
    return len("".join(text.split())) >= len("".join(due.split()))


def judge_delivery(case: Case, handed: Handed, exchange: Exchange) -> Evidence | None:
    """Return what is wrong with when the text came, ``None`` if nothing is."""
    if handed.held_back is not None:
        due = case.due[len(handed.after)]
        waited = f"{shorten(repr(handed.had), _LONGEST)}, for {handed.held_back:.1f} s in which nothing more was sent"
        return _evidence(due, waited, HELD_BACK if handed.had else NOTHING_EARLY, exchange)
    if handed.after and min(handed.after) >= LATE:
        times = ", ".join(f"{one:.2f}" for one in handed.after)
        texts = count(len(handed.after), "text")
        reason = f"it hands over its text late: each of {texts} at least {min(handed.after):.1f} s after it was read"
        return _evidence(case.due[-1], f"the same, {times} s after its bytes had been read", reason, exchange)
    return None


def _evidence(due: str, got: str, reason: str, exchange: Exchange) -> Evidence:
    expected = f"{shorten(repr(due), _LONGEST)}, while the stream is held after it"
    return Evidence(expected, got, reason, body=exchange.body, cuts=exchange.boundaries_at[:-1])
