"""Verdicts on when text was handed over: pure functions of what was seen at the gates of one stream."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.judge import NOTHING_EARLY
from orharness.journal import Exchange
from orharness.verdict import Evidence, shorten

LATE = 0.2  # seconds: what comes so late at every gate of a stream is not delayed by a busy machine
_SLOWER = 5.0  # times longer than it takes to wake the server, which a busy machine delays as well
HELD_BACK = "text is held back: it is handed over only when more has come"
_LONGEST = 200  # characters of a text that are shown


@dataclass(frozen=True)
class Handed:
    """What was seen at the gates of one stream.

    ``after``: for each gate the seconds from when the text was sent until it was handed over, without those in which
    the machine kept the client or the server from running, up to the first gate where that did not happen.
    ``held_back``: the seconds that were waited for it there, ``None`` if it came each time. ``had``: the text that it
    had handed over at the last gate. ``usual``: for each gate the seconds that it took to wake the server, which a busy
    machine delays. ``by_clock``: for each gate all of the seconds, the upper bound of what the client took.
    """

    after: tuple[float, ...]
    held_back: float | None
    had: str
    usual: tuple[float, ...] = ()
    by_clock: tuple[float, ...] = ()

    @property
    def late(self) -> float:
        """The seconds that each text after the first came late; 0 where everything takes as long on this machine.

        The first one is not counted: it has no other before it, and waits for the connection.
        """
        usual = sorted(self.usual)[len(self.usual) // 2] if self.usual else 0.0
        least = min(self.after[1:], default=0.0)
        return least if least >= max(LATE, _SLOWER * usual) else 0.0

    @property
    def perhaps_late(self) -> float:
        """The seconds that each text after the first came late by the clock, where the machine may be the cause.

        0 where one of them came in time for certain, and where the client is late for certain.
        """
        least = min(self.by_clock[1:], default=0.0)
        return 0.0 if self.held_back is not None or self.late or least < LATE else least


def has(text: str, due: str) -> bool:
    """Return whether as much text was handed over as is due. Blanks do not count: another case is about them."""
    return len("".join(text.split())) >= len("".join(due.split()))


def judge_delivery(case: Case, handed: Handed, exchange: Exchange) -> Evidence | None:
    """Return why the text came late, or may only seem late because of the machine; ``None`` if it came in time."""
    if handed.held_back is not None:
        due = case.due[len(handed.after)]
        waited = f"{shorten(repr(handed.had), _LONGEST)}, for {handed.held_back:.1f} s in which nothing more was sent"
        return _evidence(due, waited, HELD_BACK if handed.had else NOTHING_EARLY, exchange)
    if late := handed.late or handed.perhaps_late:
        times = ", ".join(f"{one:.2f}" for one in (handed.after if handed.late else handed.by_clock))
        least = floor(late * 10) / 10
        reason = f"it hands over its text late: each one after the first at least {least:.1f} s after it was sent"
        return _evidence(case.due[-1], f"the same, {times} s after it was sent", reason, exchange)
    return None


def _evidence(due: str, got: str, reason: str, exchange: Exchange) -> Evidence:
    expected = f"{shorten(repr(due), _LONGEST)}, while the stream is held after it"
    return Evidence(expected, got, reason, body=exchange.body, cuts=exchange.boundaries_at[:-1])
