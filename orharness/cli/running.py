"""Shared by ``serve`` and ``record``: they run until a signal, and print one line on stdout."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from orharness.processes import PARENT

TURN = 0.05  # seconds between two checks for a signal


_SWITCH = 0.0005  # seconds; with the interpreter's own 0.005 an event could be that late
_OLDEST = 40  # searches of the middle generation for one of the oldest; the interpreter's own number is 10


class Stop:
    """Whether a signal has come. A plain flag: a handler that took a lock could meet the one that it interrupted."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stopped_by_signal() -> Iterator[Stop]:
    """Note SIGINT and SIGTERM inside the block; they end nothing by themselves, so open files can be saved.

    This also works if the shell that started the process in the background had SIGINT ignored.
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


def stop_at_end_of_input(stop: Stop) -> None:
    """Ask for the stop when stdin ends: so a server does not outlive the program that started it and holds the pipe."""

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        stop.asked = True

    threading.Thread(target=wait, name="orharness-stdin", daemon=True).start()


@contextmanager
def short_turns() -> Iterator[None]:
    """Make a thread that prints return the interpreter's lock to the server's thread within half a millisecond.

    Each write of the server releases the lock, and gets it back only when the other thread's turn has ended.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Search the oldest objects for garbage more rarely while a block runs; younger ones as often as before.

    All streams stand still during such a search, which takes the longer the more of them there are
    (``python -m benchmarks.limit``). What it finds are finished exchanges: without it memory grows
    (``python -m benchmarks.soak``).
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], max(before[2], _OLDEST))
    try:
        yield
    finally:
        gc.set_threshold(*before)


def announce(base_url: str) -> None:
    """Print the one line on stdout."""
    sys.stdout.write(f"{base_url}\n")
    sys.stdout.flush()


def parent_is_gone() -> Callable[[], bool]:
    """Return a function that returns whether the test run that started this process has ended.

    ``ORHARNESS_PARENT`` in the environment is its process id; without it there is none.

    It holds the other end of our stdin, which it never writes to, so the end of that is the end of the parent, on every
    system; a process that it forked may hold that end too, but on POSIX we then have another parent.
    """
    parent = os.environ.get(PARENT)
    if parent is None:
        return lambda: False
    ended = threading.Event()

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1):  # not sys.stdin, whose lock the interpreter would wait for as it ends
                pass
        ended.set()

    threading.Thread(target=watch, name="orharness-parent", daemon=True).start()
    return lambda: ended.is_set() or (sys.platform != "win32" and str(os.getppid()) != parent)
