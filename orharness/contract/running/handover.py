"""Settings of the interpreter while a client is judged: the switch interval of threads, and garbage collection."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_HANDOVER = 50e-6  # seconds for which a thread keeps the interpreter while a client is judged


@contextmanager
def quick_handover() -> Iterator[None]:
    """Shorten the switch interval for the block: server, client and runner are threads that wait for each other.

    By default a thread keeps the interpreter for 5 ms (sys.setswitchinterval), which is longer than a trial takes.
    """
    with _handover.lock:
        if not _handover.runs:
            _handover.usual = sys.getswitchinterval()
            sys.setswitchinterval(min(_handover.usual, _HANDOVER))
        _handover.runs += 1
    try:
        yield
    finally:
        with _handover.lock:
            _handover.runs -= 1
            if not _handover.runs:
                sys.setswitchinterval(_handover.usual)


@contextmanager
def no_garbage_collected() -> Iterator[None]:
    """Disable garbage collection for the block, so that a connection which only the collector closes stays open."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Handover:
    """The number of runs in this process: the last one to end restores what the first one found."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.runs = 0
        self.usual = 0.0


_handover = _Handover()
