"""Verdicts on what an answer costs its client, by its number of events: pure functions of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_TIMES_MORE = 3.0  # than in proportion: what a client costs may vary by half, and what it costs in square by ten
_LEAST_CPU = 0.1  # seconds; less cannot be distinguished from what a client does anyway
_LEAST_BYTES = 16 * 1024 * 1024
_ENOUGH_CPU = 1.0  # seconds: a cheaper answer is not worth reporting
_ENOUGH_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """What one answer cost: seconds of CPU time, and the most bytes that its processes have had beyond the start."""

    events: int
    cpu: float
    memory: int

    def __str__(self) -> str:
        return f"{self.events:,} events: {self.cpu:.2f} s of CPU time, {self.memory / 1e6:,.0f} MB more than before"


def grows(costs: Sequence[Cost]) -> str | None:
    """Return what is wrong with the costs of answers of more and more events; ``None`` if they grow in proportion."""
    for one, more in pairwise(costs):
        times = more.events / one.events
        if more.cpu > limit_of(one, more.events):
            factor = f"more than {more.cpu / max(one.cpu, _LEAST_CPU / times):.0f} times"  # it was stopped there
            return f"its time grows faster than the answer: {times:g} times the events take {factor} the CPU time"
        allowed = max(_ENOUGH_BYTES, _TIMES_MORE * times * max(one.memory, _LEAST_BYTES / times))
        if more.memory > allowed:
            return f"its memory grows faster than the answer: {more.memory / 1e6:,.0f} MB for {more.events:,} events"
    return None


def limit_of(one: Cost, events: int) -> float:
    """Return the seconds of CPU time that an answer of more events may cost."""
    times = events / one.events
    return max(_ENOUGH_CPU, _TIMES_MORE * times * max(one.cpu, _LEAST_CPU / times))
