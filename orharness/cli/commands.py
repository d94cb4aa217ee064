"""A user's command as a child process: its program, its signals, its exit code, and the end of all that it started."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from orharness.errors import ScenarioError
from orharness.processes import Guard, end_group, own_group, signal_group

_ENDS = 3.0  # seconds from SIGTERM to SIGKILL for what the command leaves running
_FORWARDED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_OF_A_SIGNAL = 128  # what shells add to its number


def command_of(given: Sequence[str]) -> list[str]:
    """Return the command with the path of its program: on Windows `npm` is npm.cmd, which only a search of PATH tells.

    Raises ``ScenarioError`` if there is no such program.
    """
    program = shutil.which(given[0])
    if program is None:
        raise ScenarioError(f"{given[0]}: there is no such program on PATH; write it after --, as in -- npm test")
    return [program, *given[1:]]


def run_command(
    command: list[str], environment: dict[str, str], ended: Callable[[], object] = lambda: None
) -> tuple[int, int | None]:
    """Run a command to its end; return its exit code, and the signal that was passed on to it, if any.

    ``ended`` is called when it has ended, unless a signal was passed on. The processes that it leaves running are ended
    after that call, since they may hold connections open.
    """
    try:
        process = subprocess.Popen(command, env=environment, **own_group())
    except OSError as error:
        raise ScenarioError(f"{shlex.join(command)}: cannot be run: {error.strerror or error}") from error
    guard = Guard(process)
    try:
        with _passing_on(process) as passed_on:
            code = process.wait()
        if not passed_on:
            ended()
    finally:
        guard.dismiss()
        end_group(process, _ENDS)
    return code, passed_on[0] if passed_on else None


@contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Pass signals on to the command's group; a second one ends it. Yields those that came."""
    came: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal_group(process, number if len(came) == 1 else getattr(signal, "SIGKILL", signal.SIGTERM))

    before = {number: signal.signal(number, pass_on) for number in _FORWARDED}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(code: int, passed_on: int | None = None) -> int:
    """Return the exit code as a shell gives it: for a signal, 128 and its number. ``passed_on``: a signal that was."""
    if passed_on is not None:
        return _OF_A_SIGNAL + passed_on
    return code if code >= 0 else _OF_A_SIGNAL - code
