"""When the kernel is asked what a client has read, while nobody waits for the answer.

A client that reads all, waits, and resets its connection does not say what it has read: it has to be known by then.
So 20 ms, 100 ms and 1 s after the last write on a connection the kernel is asked, until everything is known to be read.
One timer serves all connections that are due; writing only notes the moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

AFTER = (0.02, 0.1, 1.0)  # seconds after the last write
_OFTEN = 0.25  # seconds: the first look is left out so soon after another, so that a steady stream costs few of them
_STEADY = 1.0  # seconds: a stream that never pauses for long enough is looked at once in that time
_BATCH = 0.01  # seconds, at least, from one waking of the timer to the next: what has come due is looked at together


class Looks:
    """The connections that are to be looked at, and the one timer. Everything here runs in the server's loop."""

    def __init__(self) -> None:
        self._waiting: list[Watched] = []
        self._timer: asyncio.TimerHandle | None = None
        self._woke_at = 0.0

    def add(self, watched: Watched) -> None:
        """Have it looked at when that is due."""
        self._waiting.append(watched)
        self._wake_at(monotonic() + AFTER[0])

    def _wake_at(self, moment: float) -> None:
        moment = max(moment, self._woke_at + _BATCH)
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        self._woke_at = now = monotonic()
        waiting, self._waiting = self._waiting, []
        self._waiting += [one for one in waiting if one.look_if_due(now)]
        if self._waiting:
            self._wake_at(min(one.due for one in self._waiting))


class Watched:
    """One exchange under way. ``look`` asks the kernel; it returns whether another look can bring more."""

    def __init__(self, looks: Looks, look: Callable[[], bool]) -> None:
        self._looks = looks
        self._look = look
        self._wrote_at = self._looked_at = monotonic()
        self._next = 0  # which of the moments after the last write
        self._waits = False
        self._over = False

    def wrote(self) -> None:
        """Something was written just now."""
        self._wrote_at = monotonic()
        self._next = 0
        if not self._waits:
            self._waits = True
            self._looks.add(self)

    def looked(self) -> None:
        """The kernel was asked just now, by somebody else."""
        self._looked_at = monotonic()

    def end(self) -> None:
        """There is no look any more."""
        self._over = True

    @property
    def due(self) -> float:
        """The monotonic moment of the next look."""
        return min(self._wrote_at + AFTER[self._next], max(self._wrote_at, self._looked_at + _STEADY))

    def look_if_due(self, now: float) -> bool:
        """Look if it is time; return whether a later look is to come."""
        if not self._over and self.due <= now:
            self._pass(now)
        self._waits = not self._over and self._next < len(AFTER)
        return self._waits

    def _pass(self, now: float) -> None:
        steady = now - self._looked_at >= _STEADY
        while self._next < len(AFTER) and self._wrote_at + AFTER[self._next] <= now:
            self._next += 1
        if self._next == 1 and not steady and now - self._looked_at < _OFTEN:
            return
        self._looked_at = now
        if not self._look():
            self._next = len(AFTER)
