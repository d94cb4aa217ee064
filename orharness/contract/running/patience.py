"""Patience with a client, which is spent only while nothing keeps it from running. So no busy machine fails a client.

A thread that is ready to run and has no core is starved, and Linux counts for how long. The server, the runner and a
client that is a function are threads of this process; another client has processes of its own. A client that hangs is
asleep, and starved of nothing: a busy machine does not make its verdict late.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic, sleep

from orharness.contract.driving.subject import InProcess, Subject
from orharness.contract.driving.usage import starved

_EACH = 0.1  # seconds between two looks at who was starved
_LATE = 0.06  # seconds that a look may be late: what it is later is not spent
_MOST = 10.0  # times the patience: after that no wait goes on
_LOOK = 0.002  # seconds

NOT_KNOWN = (
    "not known: this machine is too busy. For all of the time that was waited for it, the client, or the server that"
    " it asks, was ready to run and had no core"
)


class Watch:
    """The patience of one trial. ``unsure``: it ended because of a wait in which the client could hardly run."""

    def __init__(self, subject: Subject) -> None:
        self.unsure = False
        self.starved = 0.0  # seconds of its waits that were not spent, as far as they were looked at
        self._subject = subject

    def patience(self, seconds: float, *, exactly: bool = False) -> Patience:
        """Return that many seconds of patience, which begin now. ``exactly``: the first tenth of a second counts."""
        starvation = Starvation(self._subject)
        if exactly:
            starvation.since()
        return Patience(seconds, self, starvation.since)


class Starvation:
    """How long the threads on which a trial depends were starved."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._known: list[dict[int, float]] | None = None

    def since(self) -> float:
        """Return the seconds since this was asked before; 0 for the first time.

        Of the threads of each side, the one that was starved the most counts: they wait for each other. The thread that
        asks is left out: it sees by itself that it is late.
        """
        ours = starved(os.getpid(), children=False)
        ours.pop(threading.get_native_id(), None)
        process = self._subject.process if isinstance(self._subject, InProcess) else None
        sides = [ours, {} if process is None else starved(process)]
        before, self._known = self._known, sides
        if before is None:
            return 0.0
        return sum(_most(now, then) for now, then in zip(sides, before, strict=True))


def _most(now: Mapping[int, float], before: Mapping[int, float]) -> float:
    """Return the largest growth of a thread's count."""
    return max((seconds - before.get(thread, 0.0) for thread, seconds in now.items()), default=0.0)


class Patience:
    """Seconds that are spent only while nothing happens, and nothing keeps a client from running.

    ``seconds``: how many there are; ``spent``: how many are spent. ``starved``: returns for how many seconds, since the
    previous call, the threads on which the client depends were starved.
    """

    def __init__(
        self, seconds: float, watch: Watch, starved: Callable[[], float], clock: Callable[[], float] = monotonic
    ) -> None:
        self.seconds = seconds
        self._watch = watch
        self._starved = starved
        self._clock = clock
        self.renew()

    def renew(self, seconds: float | None = None) -> None:
        """Begin anew: something has happened. ``seconds``: how many there are from now on."""
        self.seconds = self.seconds if seconds is None else seconds
        self._began = self._looked = self._clock()
        self._spent = 0.0

    @property
    def spent(self) -> float:
        """The seconds that are spent by now."""
        self._look()
        return self._spent

    @property
    def over(self) -> bool:
        """Whether all is spent. It must be asked often: only a part of the time between two looks is spent."""
        if self.seconds and self._clock() - self._looked < min(_EACH, self.seconds / 4):
            return False
        self._look()
        if self._spent >= self.seconds:
            return True
        if self._looked - self._began < _MOST * max(self.seconds, _EACH):
            return False
        self._watch.unsure = True
        return True

    def _look(self) -> None:
        """Spend the time since the last look, but for that in which a thread was starved."""
        now = self._clock()
        elapsed = now - self._looked
        spent = max(0.0, min(elapsed, _EACH + _LATE) - (self._starved() if elapsed else 0.0))
        self._looked, self._spent = now, self._spent + spent
        self._watch.starved += elapsed - spent

    def until(self, there: Callable[[], bool], look: float = _LOOK) -> bool:
        """Wait until it is there, and return whether it is; ``False`` when all is spent. ``look``: seconds."""
        while not there():
            if self.over:
                return there()
            sleep(look)
        return True
