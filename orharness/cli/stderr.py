"""Stderr of a command that runs until it is stopped: it never waits for its reader."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TextIO, cast

_WAIT = 1.0  # seconds without a byte read, after which what is not written at the end is given up


@contextmanager
def background_stderr() -> Iterator[None]:
    """Inside the block, or the decorated function, a thread writes what is printed to stderr, where that is a pipe.

    A program that starts a server often never reads its stderr. Once such a pipe is full, each write waits for ever,
    and with it the signal that is to stop the server. Terminals and files are written to directly, as usual.
    """
    before = sys.stderr
    if not _is_pipe(before):
        yield
        return
    writer = _PipeWriter(before)
    sys.stderr = cast("TextIO", writer)
    try:
        yield
    finally:
        sys.stderr = before
        writer.end()


def _is_pipe(file: TextIO) -> bool:
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, AttributeError):  # not a file of the system: one of a test, or none at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class _PipeWriter(io.TextIOBase):
    """A text file whose ``write`` returns at once. What nobody reads stays in memory, a short line for each exchange.

    The thread writes to the file descriptor: a lock that it held in the file object would end the interpreter's exit
    with a fatal error.
    """

    def __init__(self, file: TextIO) -> None:
        file.flush()
        self._file = file
        self._pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._pass_on, name="orharness-stderr", daemon=True)
        self._thread.start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there
        """That of the file."""
        return self._file.encoding

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def write(self, text: str) -> int:
        """Have the text written; return its length."""
        self._pieces.put(text.replace("\n", os.linesep).encode(self.encoding, "backslashreplace"))
        return len(text)

    def end(self) -> None:
        """Return when all is written, or when nothing was read for a second."""
        self._pieces.put(None)
        waiting = -1
        while self._thread.is_alive() and self._pieces.qsize() != waiting:
            waiting = self._pieces.qsize()
            self._thread.join(_WAIT)

    def _pass_on(self) -> None:
        number = self._file.fileno()
        for piece in iter(self._pieces.get, None):
            rest = piece
            try:
                while rest:
                    rest = rest[_written(number, rest) :]
            except OSError:  # who read it has gone: the next pieces fail as fast
                continue


def _written(number: int, data: bytes) -> int:
    """Write to a file descriptor; return how many bytes it took. Another process may have made it non-blocking."""
    try:
        return os.write(number, data)
    except BlockingIOError:
        select.select([], [number], [])
        return 0
