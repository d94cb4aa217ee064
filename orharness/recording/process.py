"""Recording from inside a test run: the recorder as a process of its own.

vcrpy's patches hold for the whole process, so a recording proxy in the test's own process would be caught by the user's
``@pytest.mark.vcr``. This starts ``orharness record`` and takes the place of ``SseServer`` while the test runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit

from orharness.errors import OrharnessError, UpstreamError
from orharness.loopback import API_KEY
from orharness.processes import PARENT
from orharness.recording.filter_settings import packed

_STOP_AFTER = 10  # seconds that the recorder has to save and end


class RecordingServer:
    """A recorder in front of ``upstream`` that writes ``path``; the addresses are those of ``SseServer``.

    ``upstream`` and ``key_env`` are those of ``Recorder``, one or by the name of an API. The key in an environment
    variable goes upstream in place of the client's, if the variable is set. ``filters``: vcrpy's, as a mapping or as
    ``FILE.py:NAME``; ``keep_headers`` and ``redact_personal`` are those of ``Recorder``. Raises ``UpstreamError`` if
    the recorder does not start, ``ScenarioError`` for filters that cannot be handed over to it.
    """

    def __init__(
        self,
        upstream: str | Mapping[str, str],
        path: Path,
        key_env: str | Mapping[str, str] | None = None,
        *,
        filters: str | Mapping[str, Any] | None = None,
        keep_headers: Iterable[str] = (),
        redact_personal: bool = False,
    ) -> None:
        upstreams, keys = _by_name(upstream), _by_name(key_env or {})
        options = [
            *_repeated("--upstream", _named(upstreams)),
            *("--to", str(path), "--overwrite"),
            *_repeated("--key-env", _named({name: one for name, one in keys.items() if os.environ.get(one)})),
            *_repeated("--keep-header", keep_headers),
            *(["--redact-personal"] if redact_personal else []),
        ]
        if filters:
            options += ["--filters", filters if isinstance(filters, str) else packed(filters)]
        command = [sys.executable, "-m", "orharness", "record", *options]
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        environment = {**os.environ, PARENT: str(os.getpid())}
        # The recorder ends when its stdin does: it does not outlive us, however we end.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, env=environment
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().decode().strip()
        if not self.base_url:
            self._process.wait()
            raise UpstreamError(f"the recorder did not start: {self._end()}")
        address = urlsplit(self.base_url)
        self.origin = f"{address.scheme}://{address.netloc}"
        self.port = address.port or 80

    @property
    def openai(self) -> dict[str, str]:
        """The arguments of an OpenAI client; the recorder puts the real key in."""
        return {"base_url": self.base_url, "api_key": API_KEY}

    @property
    def anthropic(self) -> dict[str, str]:
        """The arguments of an Anthropic client, which adds ``/v1`` itself."""
        return {"base_url": self.origin, "api_key": API_KEY}

    @property
    def google(self) -> dict[str, Any]:
        """The arguments of a Google client, which adds the version itself."""
        return {"api_key": API_KEY, "http_options": {"base_url": self.origin}}

    def url_for(self, path: str) -> str:
        """The whole address of a path, counted from the origin."""
        return f"{self.origin}/{path.removeprefix('/')}"

    def close(self) -> None:
        """Ends the recorder, which saves. Raises ``UpstreamError`` if it failed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_AFTER)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        said = self._end()
        if self._process.returncode != 0:
            raise UpstreamError(f"the recorder ended with {self._process.returncode}: {said}")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise OrharnessError(f"sse_server.{name} is there when the cassette is replayed, not while it is recorded")

    def __enter__(self) -> RecordingServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _end(self) -> str:
        if self._complaints.closed:
            return ""
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", "replace").strip()
        self._complaints.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return said


def _by_name(given: str | Mapping[str, str]) -> dict[str, str]:
    return {"": given} if isinstance(given, str) else dict(given)


def _named(given: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" if name else value for name, value in given.items()]


def _repeated(option: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
