"""One row: what was measured, and whether it reaches its goal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import process_time


@dataclass(frozen=True)
class Row:
    """One number beside its goal.

    ``what``: what is measured, ``measured`` and ``baseline`` as people read them. ``value``: what is held against
    ``goal``, a ratio where there is a baseline, ``None`` where it was not run; ``most``: whether the goal is the
    largest good value (else the smallest). ``noisy``: a busy machine changes it, since it is wall time. ``why``: what
    is in the way of the goal.
    """

    what: str
    measured: str
    baseline: str
    value: float | None
    goal: float
    most: bool = True
    noisy: bool = False
    why: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached, ``None`` where it was not run."""
        if self.value is None:
            return None
        return self.value <= self.goal if self.most else self.value >= self.goal

    @property
    def value_shown(self) -> str:
        """The value as people read it."""
        return "not run" if self.value is None else f"{self.value:.3g}"

    @property
    def goal_shown(self) -> str:
        """The goal with its direction."""
        return f"{'≤' if self.most else '≥'} {self.goal:g}"


@dataclass(frozen=True)
class Sizes:
    """How much of everything. ``times``: readings, of which the best counts: other processes only add."""

    times: int = 3
    tokens: int = 5000
    requests: int = 300
    exchanges: int = 2000
    journal: int = 20_000
    streams: tuple[tuple[int, int], ...] = ((1, 5000), (100, 200), (1000, 30))
    interactions: tuple[int, ...] = (10, 160)
    starts: int = 3
    tests: tuple[int, int] = (50, 250)
    idle: int = 2000
    timed: tuple[tuple[int, float], ...] = ((100, 0.02), (1000, 0.2))
    events: int = 50
    closes: int = 300
    crowd: int = 1000
    turns: int = 5000
    carried: int = 5000
    carried_events: int = 30
    installs: bool = True  # what npm has to fetch


QUICK = Sizes(
    times=1,
    tokens=200,
    requests=20,
    exchanges=100,
    journal=200,
    streams=((1, 200), (10, 20)),
    interactions=(2,),
    starts=1,
    tests=(2, 12),
    idle=20,
    timed=((5, 0.02),),
    events=5,
    closes=5,
    crowd=10,
    turns=50,
    carried=20,
    carried_events=3,
    installs=False,
)


def least(measure: Callable[[], float], times: int) -> float:
    """The smallest of so many readings."""
    return min(measure() for _ in range(times))


def cpu_of(pid: int) -> float:
    """CPU seconds of all threads of a process so far (``schedstat`` of proc(5) has nanoseconds)."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            total += int((thread / "schedstat").read_text("ascii").split()[0])
    return total / 1e9


def cpu(action: Callable[[], object]) -> float:
    """Seconds of CPU time that this process takes for it."""
    before = process_time()
    action()
    return process_time() - before
