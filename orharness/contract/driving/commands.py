"""A client that is a command: a new process for each run, its text on stdout, its end in its exit code."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Mapping

from orharness.contract.driving.processes import ClientProcess, telling
from orharness.contract.driving.subject import ClientError, Trouble
from orharness.loopback import API_KEY, client_environment
from orharness.parts import Part
from orharness.processes import arguments

_LONGEST = 32 * 1024 * 1024  # characters of one answer
_SOON = 2.0  # seconds in which a pipe ends when its processes have


class CommandSubject:
    """A command line, run with the addresses of ``loopback.client_environment`` in its environment.

    ``starting``: seconds until its processes ask, at most. ``longest``: characters of one answer, at most.
    ``process``: the number of the process that was started last.
    ``environment``: further variables. Raises ``ScenarioError`` for what is not a command.
    """

    cannot_cancel: str | None = "a command cannot be told to cancel: its stop button is judged with --driver"
    cannot_time: str | None = (
        "its text came late on its stdout, which many runtimes buffer where it is a pipe: --driver judges that"
    )
    keyless: str | None = None
    cannot_pair: str | None = "each run of a command is a process of its own"

    def __init__(
        self,
        command: str,
        *,
        starting: float = 30.0,
        longest: int = _LONGEST,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        arguments(command)
        self._environment = environment or {}
        self._longest = longest
        self._command = command
        self.starting = starting
        self.process: int | None = None

    def cpu(self) -> float | None:
        """Return ``None``: each run is a process of its own, which has ended before it can be looked at."""
        return None

    def memory(self) -> int | None:
        """Return ``None``, as ``cpu`` does."""
        return None

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> CommandRun:
        """Begin a run in a process of its own."""
        process = ClientProcess(self._command, {**client_environment(base_url, API_KEY), **self._environment})
        self.process = process.group
        return CommandRun(process, self._longest, stop_after)


class CommandRun:
    """One run of a command, until its process has ended and all that it wrote was read."""

    can_cancel_inside_read = False

    def __init__(self, process: ClientProcess, longest: int, stop_after: int | None = None) -> None:
        self.pieces: list[str] = []
        self.parts: list[Part] = []
        self.error: BaseException | None = None
        self.paused = threading.Event()
        self.ended = threading.Event()
        self._process = process
        self._stop_after = stop_after
        self._longest = self._left = longest
        self._closed = False
        self._reader = threading.Thread(target=self._read, name="orharness-command-stdout", daemon=True)
        self._thread = threading.Thread(target=self._main, name="orharness-command", daemon=True)
        self._reader.start()
        self._thread.start()

    def close(self) -> None:
        """End the process, and what it started."""
        self._closed = True
        self._process.kill()

    def join(self, timeout: float) -> bool:
        """Return whether it ended within ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def why_it_stays(self) -> str | None:
        """Return ``None``: another process cannot be looked into."""
        return None

    def _main(self) -> None:
        self._process.wait()
        self._process.kill()  # child processes that it left could hold its stdout open
        self._reader.join(_SOON)
        if self.error is None and self._process.code and not self._closed:
            said = self._process.said()
            self.error = ClientError(f"{self._process.ended()}: {telling(said)}", said)
        self.ended.set()
        self.paused.set()
        if not self._reader.is_alive():
            self._process.close()

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while data := self._process.read():
            self._take(decode(data))
            if self._left < 0:
                self.error = Trouble(
                    f"the command floods its stdout: more than {self._longest:,} characters for one answer",
                    f"{self.pieces[0][:100]!r}…",
                )
                return self._process.kill()
        return self._take(decode(b"", True))

    def _take(self, text: str) -> None:
        self._left -= len(text)
        if text:
            self.pieces.append(text)
        if self._stop_after is not None and len(self.pieces) >= max(1, self._stop_after):
            self.paused.set()
