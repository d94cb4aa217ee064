"""Starts the process that keeps what a recorder hands over. Imports little, so that both can load at the same time."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from orharness.processes import own_group

CAN_BE_APART = sys.platform != "win32"  # a socket goes over to the process
_MODULE = "orharness.cli.keeping"
_BUFFER = 2**20  # bytes on their way, as far as the kernel allows


class ApartProcess:
    """The process, and our ends of the sockets between us. It ends when they are closed, and it has saved what it has.

    ``bell`` wakes it for what was written to ``socket``, see ``bell``.
    """

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.bell, their_bell = socket.socketpair()
        with theirs, their_bell:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            passed = [theirs.fileno(), their_bell.fileno()]
            command = [sys.executable, "-m", _MODULE, *map(str, passed)]
            nothing = subprocess.DEVNULL
            self.process = subprocess.Popen(
                command, pass_fds=passed, stdin=nothing, stdout=nothing, stderr=nothing, **own_group()
            )

    def close(self) -> None:
        """Close our ends."""
        self.socket.close()
        self.bell.close()


@contextmanager
def apart() -> Iterator[ApartProcess | None]:
    """A process for a recorder that is made in this block; ``None`` if none can be started."""
    if not CAN_BE_APART:
        yield None
        return
    started = ApartProcess()
    try:
        yield started
    finally:
        started.close()
        started.process.wait()
