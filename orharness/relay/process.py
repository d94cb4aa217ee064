"""``SseProcess``: an app under test as a process, with our server as its upstream."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import TypedDict

from orharness.errors import OrharnessError, ScenarioError
from orharness.loopback import API_KEY, client_environment, proxy_bypass
from orharness.options import checked_call
from orharness.processes import end_group, own_group
from orharness.scenario.checked import instance_of, seconds_of, text_of
from orharness.server.facade import SseServer

HOST = "127.0.0.1"
_STARTS = 60.0  # seconds in which an app must listen: imports can be slow on a busy machine
_STOPS = 3.0  # seconds from SIGTERM to SIGKILL
_LOOK = 0.02  # seconds between two looks
# below the ports that systems assign by themselves, so that no connection takes one meanwhile
_PORTS = range(20000, 32000)
_ATTEMPTS = 100
_SHOWN = 8000  # characters of the output that a failure shows


class ProcessOptions(TypedDict, total=False):
    """The options of ``SseProcess``."""

    server: SseServer | None
    base_url: str | None
    api_key: str
    env: Mapping[str, str] | None
    port: int | None
    cwd: str | os.PathLike[str] | None
    timeout: float
    stop_timeout: float


class SseProcess:
    """A process that is started when the ``with`` block begins; when it ends, the process and its children are gone.

    ``argv``: its command, in which ``{port}`` and ``{base_url}`` stand for the port that it must listen on (also in the
    environment, as ``PORT``) and for its upstream. ``server``: the server that is its upstream. ``base_url``,
    ``api_key``: the address and the key of another upstream. They are in the environment: ``OPENAI_BASE_URL`` and
    ``OPENAI_API_KEY``, ``ANTHROPIC_BASE_URL``, ``GOOGLE_GEMINI_BASE_URL`` and ``OLLAMA_HOST`` (without ``/v1``, since
    those clients add the whole path), ``ANTHROPIC_API_KEY`` and ``GEMINI_API_KEY``. ``env``: added to the environment.
    ``port``: the port that it must listen on, by default a free one. ``cwd``: the folder in which it runs. ``timeout``:
    seconds in which it must listen on 127.0.0.1. ``stop_timeout``: seconds from SIGTERM to SIGKILL. Raises
    ``ScenarioError`` for a command that cannot be run, and ``OrharnessError`` with its output if it ends or does not
    listen.
    """

    @checked_call()
    def __init__(
        self,
        argv: Sequence[str],
        *,
        server: SseServer | None = None,
        base_url: str | None = None,
        api_key: str = API_KEY,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout: float = _STARTS,
        stop_timeout: float = _STOPS,
    ) -> None:
        if isinstance(argv, str) or not isinstance(argv, Sequence) or not argv:
            raise ScenarioError("the command of a process is a list: [sys.executable, '-m', 'uvicorn', 'app:app', …]")
        if (server is None) == (base_url is None):
            raise ScenarioError("a process has one upstream: server= or base_url=")
        if server is not None:
            upstream = instance_of(SseServer, server, "server").base_url
        else:
            upstream = text_of(base_url or "", "base_url")
        self.port = _free_port() if port is None else _port(port)
        """The port on which it must listen."""
        self.url = f"http://{HOST}:{self.port}"
        """Its address, without a path."""
        self.argv = [_filled(str(part), self.port, upstream) for part in argv]
        self._timeout = seconds_of(timeout, "timeout")
        self._stop_timeout = seconds_of(stop_timeout, "stop_timeout")
        self._cwd = cwd
        self._env = _environment(upstream, api_key, self.port)
        self._env |= {
            text_of(name, "a name in env"): _filled(text_of(value, f"env[{name!r}]"), self.port, upstream)
            for name, value in (env or {}).items()
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._kept = b""

    @property
    def name(self) -> str:
        """The command that was run."""
        return " ".join(self.argv)

    @property
    def output(self) -> str:
        """What it has written so far to stdout and stderr, in order; readable after the process has ended."""
        if self._folder is not None:
            self._kept = (self._folder / "output").read_bytes()
        return self._kept.decode("utf-8", "replace")

    def tail(self, start: int = 0) -> str:
        """Return the end of the output after its first ``start`` characters, as much as a failure shows."""
        output = self.output[start:].rstrip()
        return output if len(output) <= _SHOWN else f"…{output[-_SHOWN:]}"

    @property
    def running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> SseProcess:
        """Start it and return once it listens; a ``with`` block begins with this."""
        if _accepts(self.port):
            raise ScenarioError(f"port {self.port} is taken by another program: choose another one")
        self._folder = Path(tempfile.mkdtemp(prefix="orharness-"))
        try:
            self._spawn(self._folder / "output")
            self._wait_listening()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End it and all its children: SIGTERM, after ``stop_timeout`` SIGKILL. A second call does nothing."""
        if self._process is not None:
            end_group(self._process, self._stop_timeout)
            self._process = None
        if self._folder is not None:
            _ = self.output  # reads the last of it
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> SseProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SseProcess {self.name} at {self.url}>"

    def _spawn(self, output: Path) -> None:
        # A file and not a pipe: the process goes on without a reader, and grandchildren may keep it open.
        with output.open("ab") as file:
            try:
                self._process = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    cwd=self._cwd,
                    **own_group(),
                )
            except OSError as error:
                raise ScenarioError(f"{self.name}: cannot be run: {error.strerror or error}") from error

    def _wait_listening(self) -> None:
        deadline = monotonic() + self._timeout
        while not _accepts(self.port):
            assert self._process is not None
            if (code := self._process.poll()) is not None:
                raise OrharnessError(f"{self.name}: ended with code {code} before it listened{self._said()}")
            if monotonic() > deadline:
                raise OrharnessError(
                    f"{self.name}: does not listen on {HOST}:{self.port} after {self._timeout:g} s: is it told the"
                    f" port, by {{port}} in its command or PORT in its environment?{self._said()}"
                )
            sleep(_LOOK)

    def _said(self) -> str:
        return f"\n{said}" if (said := self.tail()) else "; it wrote nothing"


def _port(given: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 65535:
        raise ScenarioError(f"port is a number from 1 to 65535, not {given!r}")
    return given


def _filled(text: str, port: int, base_url: str) -> str:
    """Fill in port and base URL. Not with ``str.format``: braces are common in commands (JSON, shell)."""
    return text.replace("{port}", str(port)).replace("{base_url}", base_url)


def _environment(base_url: str, api_key: str, port: int) -> dict[str, str]:
    ours = {**client_environment(base_url, api_key), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **proxy_bypass(), **ours}


def _free_port() -> int:
    for _ in range(_ATTEMPTS):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OrharnessError(f"no port from {_PORTS.start} to {_PORTS.stop} is free on {HOST}")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True
