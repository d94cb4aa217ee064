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
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_OF_A_SIGNAL = 128  # what shells add to its number


def command_of(given: Sequence[str]) -> list[str]:
    """Return the command with the path of its program: on Windows `npm` is npm.cmd, found only by a search of PATH.

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
    with _passing_on() as signals:  # from before the start: a signal that comes during it is passed on after it
        try:
            process = subprocess.Popen(command, env=environment, **own_group())
        except OSError as error:
            raise ScenarioError(f"{shlex.join(command)}: cannot be run: {error.strerror or error}") from error
        guard = Guard(process)
        try:
            signals.pass_to(process)
            code = process.wait()
            if not signals.came:
                ended()
        finally:
            guard.dismiss()
            end_group(process, _ENDS)
    return code, signals.came[0] if signals.came else None


class _Signals:
    """The signals that came, each passed on to the command's group; a second one ends it."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        self.came.append(number)
        if self._process is not None:
            signal_group(self._process, number if len(self.came) == 1 else _KILL)

    def pass_to(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what came until now, and what comes from now on."""
        self._process = process
        for number in self.came[:1]:
            signal_group(process, number)


@contextmanager
def _passing_on() -> Iterator[_Signals]:
    signals = _Signals()
    before = {number: signal.signal(number, signals.note) for number in _FORWARDED}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(code: int, passed_on: int | None = None) -> int:
    """Return the exit code as a shell gives it: for a signal, 128 and its number. ``passed_on``: a signal that was."""
    if passed_on is not None:
        return _OF_A_SIGNAL + passed_on
    return code if code >= 0 else _OF_A_SIGNAL - code
