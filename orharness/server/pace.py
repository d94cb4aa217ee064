"""Resuming many streams in one loop: one timer for all deadlines, one call a turn for all that look again.

In a task of its own, each event of a stream costs a future, a timer and a walk down all that the task awaits. Here a
coroutine runs in its task until it waits for a moment or for the next turn of the loop. From then on ``Pace`` resumes
it directly, until it waits for anything else: that its task awaits for it.

What is due is also resumed between two requests (``catch_up``), since one turn of the loop can have a thousand of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Generator
from heapq import heapify, heappop, heappush
from itertools import count
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
_FEW = 64  # entries of the heap that nobody waits for any more; more than these, and than half of all, are taken out
# Where every core is busy the client can only read when the server stops asking: first ask the kernel to let it run.
give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)


class ResumeAt:
    """Waits until a monotonic time; returns at the next turn of the loop if it has passed. Only where it is driven."""

    __slots__ = ("moment",)

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def __await__(self) -> Generator[ResumeAt, None, None]:
        yield self


class _Turn:
    """Waits for the next turn of the loop, as ``asyncio.sleep(0)``."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


class _InTask:
    """Goes on in the task: what follows may use ``asyncio.current_task()``, as ``asyncio.timeout`` does."""

    __slots__ = ()

    def __await__(self) -> Generator[_InTask, None, None]:
        yield self


class _Now:
    """Waits for nothing."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


TURN = _Turn()
IN_TASK = _InTask()
NOW = _Now()


class Pace:
    """The streams of one loop that wait for a moment or a turn. Everything here runs in the loop's thread."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, _Driven[Any]]] = []  # a heap; see ``number`` there
        self._numbers = count(1)
        self._stale = 0
        self._again: list[tuple[int, _Driven[Any]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._resuming = False

    @staticmethod
    def of_loop() -> Pace:
        """Return the one of the running loop."""
        loop = asyncio.get_running_loop()
        found = _PACES.get(loop)
        if found is None:
            found = _PACES[loop] = Pace()
        return found

    def drive(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Return an awaitable that runs the coroutine and returns its result, for a task to await at once."""
        return _Driven(self, coroutine)

    def catch_up(self) -> None:
        """Resume all that is due by now."""
        if self._due and not self._resuming and self._due[0][0] <= monotonic():
            self._resume_due()

    def takes(self, waits: object, driven: _Driven[Any]) -> bool:
        """Resume a coroutine when it is time, if that is what it waits for; return False for anything else."""
        if waits is None:
            if not self._again:
                asyncio.get_running_loop().call_soon(self._turn)
            driven.number = number = next(self._numbers)
            self._again.append((number, driven))
            return True
        if type(waits) is ResumeAt:
            driven.number = number = next(self._numbers)
            heappush(self._due, (waits.moment, number, driven))
            if not self._resuming:
                self._arm()
            return True
        return False

    def forget(self) -> None:
        """Note that one of the entries counts no more."""
        self._stale += 1
        if self._stale > _FEW and self._stale > len(self._due) // 2:
            self._due = [one for one in self._due if one[2].number == one[1]]
            heapify(self._due)
            self._stale = 0

    def _turn(self) -> None:
        again, self._again = self._again, []
        give_way()
        for number, driven in again:
            if driven.number == number:
                driven.resume()
                self.catch_up()  # where a thousand streams end together, a turn takes long

    def _wake(self) -> None:
        self._timer = None
        self._resume_due()

    def _resume_due(self) -> None:
        self._resuming = True
        now = monotonic()  # and not later, so that a loop that cannot keep up reads and accepts all the same
        try:
            while self._due and self._due[0][0] <= now:
                _, number, driven = heappop(self._due)
                if driven.number == number:
                    driven.resume()
                else:
                    self._stale -= 1
        finally:
            self._resuming = False
            self._arm()

    def _arm(self) -> None:
        if not self._due:
            return
        moment = self._due[0][0]
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self._wake)


_PACES: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


class _Driven(Generic[T]):
    """A coroutine and the task that awaits it. ``number``: that of the entry for which it waits, 0 for none."""

    __slots__ = ("_coroutine", "_error", "_over", "_pace", "_parked", "_value", "number")

    def __init__(self, pace: Pace, coroutine: Coroutine[Any, Any, T]) -> None:
        self.number = 0
        self._pace = pace
        self._coroutine = coroutine
        self._parked: asyncio.Future[Any] | None = None  # what the task awaits while this is resumed by the pace
        self._over = False
        self._value: T | None = None
        self._error: BaseException | None = None

    def __await__(self) -> Generator[Any, None, T]:
        waits = self._advance()
        while not self._over:
            try:
                if waits is IN_TASK:
                    pass
                elif self._pace.takes(waits, self):
                    waits = yield from self._park()
                    continue
                else:
                    yield waits  # a future, which the task awaits
            except BaseException as error:
                if self._over:
                    raise
                waits = self._advance(error)
            else:
                waits = self._advance()
        return self._value  # type: ignore[return-value]

    def _park(self) -> Generator[Any, None, Any]:
        """Wait until the pace has resumed it so far that its task has to go on; return what it waits for then."""
        self._parked = asyncio.get_running_loop().create_future()
        try:
            waits = yield from self._parked
        finally:
            self._parked = None
            if self.number:
                self.number = 0
                self._pace.forget()
            # The traceback leads back here: a connection would be kept until garbage is collected.
            error, self._error = self._error, None
        if error is None:
            return waits
        try:
            raise error
        finally:
            del error

    def _advance(self, error: BaseException | None = None) -> Any:
        try:
            return self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as ended:
            self._over, self._value = True, ended.value
        except BaseException:
            self._over = True
            raise
        finally:
            del error  # as in ``_park``: its traceback leads back to this frame

    def resume(self) -> None:
        """Run the coroutine to its next wait, outside of its task."""
        self.number = 0
        parked = self._parked
        if parked is None or parked.done():  # its task is being cancelled
            return
        waits = None
        try:
            waits = self._advance()
        except (Exception, asyncio.CancelledError) as error:
            self._error = error
        if self._over or not self._pace.takes(waits, self):
            parked.set_result(waits)
