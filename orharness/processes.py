"""Processes that we start: each the leader of a group of its own, so that all that it started ends with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from orharness.errors import ScenarioError

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def arguments(command: str) -> list[str]:
    """A command line as a list. Raises ``ScenarioError`` where it is none."""
    try:
        found = shlex.split(command, posix=sys.platform != "win32")
    except ValueError as error:
        raise ScenarioError(f"{command!r} is no command line: {error}") from error
    if not found:
        raise ScenarioError("the command line is empty: name a program, as in 'node my.mjs'")
    return found


def own_group() -> dict[str, Any]:
    """Options of ``Popen``. Apart from the terminal's group: Ctrl-C is for us, who then end the process in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ends a process and its group: SIGTERM, and SIGKILL after so many seconds."""
    signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    # Also where it has ended by now: what it started may not have.
    signal_group(process, KILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Sends a signal to all of a process's group, also to those who outlived it."""
    if sys.platform == "win32":
        process.terminate()
        return
    with suppress(ProcessLookupError, PermissionError):  # all are gone; macOS says it so of those that are ending
        os.killpg(process.pid, number)
