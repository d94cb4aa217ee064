"""Processes that we start: each leads a process group, so that its children end with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from orharness.errors import ScenarioError

PARENT = "ORHARNESS_PARENT"  # in the environment of a process that is not to outlive the one with this id
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def arguments(command: str) -> list[str]:
    """Return a command line as a list. Raises ``ScenarioError`` if it cannot be parsed."""
    try:
        found = shlex.split(command, posix=sys.platform != "win32")
    except ValueError as error:
        raise ScenarioError(f"{command!r} is not a command line: {error}") from error
    if not found:
        raise ScenarioError("the command line is empty: name a program, as in 'node my.mjs'")
    return found


def own_group() -> dict[str, Any]:
    """Return options of ``Popen`` for a process group of its own: Ctrl-C reaches only us, who end it in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a process and its group: SIGTERM, and SIGKILL after ``seconds``."""
    signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    # Also if the process has ended: its children may not have.
    signal_group(process, KILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to all of a process's group, including children that outlived it."""
    if sys.platform == "win32":
        process.terminate()
        return
    # all are gone; macOS reports PermissionError for those that are ending
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class Guard:
    """Kills a process's group if this process dies without having done so, by SIGKILL for example.

    It is a small process of its own that waits for the end of a pipe which only this process holds. On Windows it does
    nothing.
    """

    _SOURCE = "import os, signal, sys\nsys.stdin.buffer.read()\nos.killpg(int(sys.argv[1]), signal.SIGKILL)"

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._watcher: subprocess.Popen[bytes] | None = None
        if sys.platform != "win32":
            command = [sys.executable, "-I", "-S", "-c", self._SOURCE, str(process.pid)]
            self._watcher = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **own_group()
            )

    def dismiss(self) -> None:
        """End the guard."""
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            assert self._watcher.stdin is not None
            self._watcher.stdin.close()
