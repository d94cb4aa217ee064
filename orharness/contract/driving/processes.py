"""A client under test as a process: a command line that is run, read in pieces, and ended with all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from orharness.errors import ScenarioError
from orharness.loopback import proxy_bypass
from orharness.processes import KILL, arguments, own_group, signal_group

_READ = 65536  # bytes
_STDERR = 4000  # bytes of its end that are kept
_LINES = 12  # of it that are shown
_SOON = 2.0  # seconds for what comes at once: the end of a process that closed its stdout, the end of a pipe
_ERROR = re.compile(r"^\s*(?:Uncaught )?[\w.]*(?:Error|Exception|Interrupt)\b.*$", re.MULTILINE)


class ClientProcess:
    """A process that runs until ``close``. The caller reads its stdout; the end of its stderr is kept.

    ``command`` is a command line or its words. Raises ``ScenarioError`` for one that cannot be run.
    """

    def __init__(
        self, command: str | list[str], environment: Mapping[str, str] | None = None, *, hears: bool = False
    ) -> None:
        stdin = subprocess.PIPE if hears else subprocess.DEVNULL
        # A Python on Windows would write what its locale says; what is read here is UTF-8.
        env = {"PYTHONIOENCODING": "utf-8", **os.environ, **proxy_bypass(), **(environment or {})}
        try:
            self._process = subprocess.Popen(
                arguments(command) if isinstance(command, str) else command,
                bufsize=0,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                **own_group(),
            )
        except OSError as error:
            raise ScenarioError(f"{command}: cannot be run: {error.filename}: {error.strerror}") from error
        if self._process.stdin is not None and sys.platform != "win32":
            os.set_blocking(self._process.stdin.fileno(), False)  # one who reads nothing must not hold us
        self._killed = False
        self._stderr = b""
        self._listener = threading.Thread(target=self._listen, name="orharness-stderr", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := self._process.stderr.read(_READ):
            self._stderr = (self._stderr + data)[-_STDERR:]

    def read(self) -> bytes:
        """Return the next bytes of its stdout; none at the end."""
        assert self._process.stdout is not None
        data: bytes | None = self._process.stdout.read(_READ)
        return data or b""

    def write(self, data: bytes) -> bool:
        """Write to its stdin; return whether it took all at once."""
        assert self._process.stdin is not None
        try:
            return self._process.stdin.write(data) == len(data)
        except (OSError, ValueError):  # it has closed it, or we have
            return False

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; return whether it came within ``seconds``, ``None``: without a limit."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it at once, and all that it started."""
        self._killed = True
        signal_group(self._process, KILL)

    def close(self) -> None:
        """End it and close its pipes. Call it when its stdout is no longer read."""
        self.kill()
        self._process.wait()
        self._listener.join(_SOON)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            # A process that left the group may hold its end of a pipe open; who reads ours then keeps it.
            if pipe is not None and not (pipe is self._process.stderr and self._listener.is_alive()):
                with suppress(OSError):
                    pipe.close()

    @property
    def group(self) -> int:
        """The number of its group of processes."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; ``None`` while it runs."""
        return self._process.poll()

    def ended(self) -> str:
        """Return how it ended: ``exit code 1``, ``signal SIGSEGV``; empty if it still runs."""
        self.wait(_SOON)
        code = self.code
        if code is None:
            return ""
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"

    def said(self) -> str:
        """Return the end of its stderr, as a report shows it."""
        if self._killed or self.code is not None:
            self._listener.join(_SOON)  # to its end, which comes at once
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-_LINES:])


def telling(stderr: str) -> str:
    """Return the line that says what went wrong: the last one that names an error, else the last."""
    named = _ERROR.findall(stderr)
    return (named or stderr.splitlines() or ["nothing on its stderr"])[-1].strip()
