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
    """The process, and our end of the socket between us. It ends when that is closed, when it has saved what it has."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            command = [sys.executable, "-m", _MODULE, str(theirs.fileno())]
            nothing = subprocess.DEVNULL
            self.process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=nothing, stdout=nothing, stderr=nothing, **own_group()
            )


@contextmanager
def apart() -> Iterator[ApartProcess | None]:
    """A process for a recorder that is made in this block; ``None`` where there can be none."""
    if not CAN_BE_APART:
        yield None
        return
    started = ApartProcess()
    try:
        yield started
    finally:
        started.socket.close()
        started.process.wait()
