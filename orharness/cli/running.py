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
_OLDEST = 40  # searches of the middle generation for one of the oldest, instead of 10; with 1000 memory grew on and on


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
    """Keep what is beside the server's thread from holding it up while a block runs.

    A thread that prints returns the interpreter's lock within half a millisecond: each write of the server releases the
    lock, and gets it back only when the other thread's turn has ended. And the oldest objects are searched for garbage
    more rarely: with 1,500 streams that takes 100 ms, in which no event is written. What the server drops is freed at
    once, nearly all of it, without a search.
    """
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*thresholds[:2], max(thresholds[2], _OLDEST))
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


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
