"""What the interpreter does between threads and with garbage while a client is judged."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_HANDOVER = 50e-6  # seconds for which a thread keeps the interpreter while a client is judged


@contextmanager
def quick_handover() -> Iterator[None]:
    """Server, client and runner are threads that wait for each other several times a trial.

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
    """A connection that only the garbage collector closes is closed by chance: here, by what this server allocates."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Handover:
    """How many runs there are in this process: the last one to end puts back what the first one found."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.runs = 0
        self.usual = 0.0


_handover = _Handover()
