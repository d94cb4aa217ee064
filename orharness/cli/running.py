"""What ``serve`` and ``record`` share: they run until a signal, and say one thing on stdout."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TURN = 0.05  # seconds between two looks at whether a signal has come


_SWITCH = 0.0005  # seconds; the interpreter's own 0.005 is what an event would come late by


class Stop:
    """Whether a signal has come. A plain flag: a handler that took a lock could meet the one it interrupted."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stopped_by_signal() -> Iterator[Stop]:
    """SIGINT and SIGTERM are noted inside, and end nothing by themselves: what is open can be saved and closed.

    Also where the shell that started the process in the background had SIGINT ignored.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.asked = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def short_turns() -> Iterator[None]:
    """Inside, a thread that prints gives the interpreter's lock back to the server's thread within half a millisecond.

    Each write of the server gives the lock away, and gets it back only when the other thread's turn has ended.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def announce(base_url: str) -> None:
    """The one line on stdout."""
    sys.stdout.write(f"{base_url}\n")
    sys.stdout.flush()
