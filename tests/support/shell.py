"""A shell into which the blocks of a page are typed, and a command in it that serves until Ctrl-C."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

END = "the end of a block:"


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user's shell, in which this Python and its commands come first."""
    env = {name: value for name, value in os.environ.items() if not re.match("PYTEST|ORHARNESS|CI$|OPENAI", name)}
    env["ORHARNESS_COMMAND"] = shlex.join([sys.executable, "-m", "orharness"])
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env |= {"NO_COLOR": "1", "COLUMNS": "140", "CGO_ENABLED": "0", "PYTHONUTF8": "1"}
    return {**env, **more}


class Shell:
    """A shell that goes on from block to block."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=env or environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def type(self, block: str) -> tuple[int, str]:
        """The exit code of the last command of a block, and what was printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f'{block}\nCODE=$?; echo; echo "{END} $CODE"\n')
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), printed
            printed += line
        raise AssertionError(f"the shell ended: {printed}")

    def close(self) -> None:
        """End it, and what it has started."""
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()


class Serving:
    """A command line of a shell that serves until Ctrl-C, and has printed its address."""

    def __init__(self, command: str, folder: Path, env: Mapping[str, str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().decode().strip()
        if not self.base_url.startswith("http://127.0.0.1:"):
            raise AssertionError(f"{command}: no address was printed: {self.interrupt()}")

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code, and what was written to stderr."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            self._process.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._errors.seek(0)
        said = self._errors.read().decode()
        self._errors.close()
        return self._process.returncode, said
