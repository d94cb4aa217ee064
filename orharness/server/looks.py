"""When to ask the kernel what a client has read while nothing waits for the answer.

A client that reads everything, waits and resets its connection does not say what it has read, so it must be known by
then. The kernel is asked 20 ms, 100 ms and 1 s after the last write on a connection, until everything is known to be
read. One timer serves all connections; writing only notes the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

AFTER = (0.02, 0.1, 1.0)  # seconds after the last write
_OFTEN = 0.25  # seconds: so that a steady stream needs few looks
_STEADY = 1.0
_BATCH = 0.01  # seconds, at least, between two wakings of the timer: looks that come due together are made together


class Looks:
    """The connections to look at, and the one timer. Everything here runs in the server's loop.

    All are in seconds. ``often``: the first look is skipped so soon after another. ``after``: after the last write.
    ``steady``: a stream that never pauses is looked at once in this time.
    """

    def __init__(self, often: float = _OFTEN, after: Sequence[float] = AFTER, steady: float = _STEADY) -> None:
        self.often = often
        self.after = after
        self.steady = steady
        self._waiting: list[Watched] = []
        self._timer: asyncio.TimerHandle | None = None
        self._woke_at = 0.0

    def add(self, watched: Watched) -> None:
        """Schedule its next look."""
        self._waiting.append(watched)
        self._wake_at(monotonic() + self.after[0])

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
    """One exchange in progress. ``look`` asks the kernel and returns whether asking again can yield more."""

    __slots__ = (
        "_look",
        "_looked_at",
        "_looks",
        "_next",
        "_waits",
        "_wrote_at",
    )

    def __init__(self, looks: Looks, look: Callable[[], bool]) -> None:
        self._looks = looks
        self._look: Callable[[], bool] | None = look  # ``None`` once it is over
        self._wrote_at = self._looked_at = monotonic()
        self._next = 0  # index into the times of the looks
        self._waits = False

    def wrote(self) -> None:
        """Note that something was written just now."""
        self._wrote_at = monotonic()
        self._next = 0
        if not self._waits:
            self._waits = True
            self._looks.add(self)

    def looked(self) -> None:
        """Note that the kernel was asked just now, by other code."""
        self._looked_at = monotonic()

    def end(self) -> None:
        """End the looks. What looks refers to the owner of this object: kept, both would be garbage in a cycle."""
        self._look = None

    @property
    def due(self) -> float:
        """The monotonic time of the next look."""
        looks, wrote_at = self._looks, self._wrote_at
        return min(wrote_at + looks.after[self._next], max(wrote_at, self._looked_at + looks.steady))

    def look_if_due(self, now: float) -> bool:
        """Look if it is time; return whether a later look is due."""
        if self._look is not None and self.due <= now:
            self._pass(now, self._look)
        self._waits = self._look is not None and self._next < len(self._looks.after)
        return self._waits

    def _pass(self, now: float, look: Callable[[], bool]) -> None:
        steady = now - self._looked_at >= self._looks.steady
        after = self._looks.after
        while self._next < len(after) and self._wrote_at + after[self._next] <= now:
            self._next += 1
        if self._next == 1 and not steady and now - self._looked_at < self._looks.often:
            return
        self._looked_at = now
        if not look():
            self._next = len(after)
