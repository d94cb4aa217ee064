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
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn
from urllib.parse import urlsplit

from orharness.errors import OrharnessError, UpstreamError
from orharness.processes import PARENT

_STOP_AFTER = 10  # seconds that the recorder has to save and end


class RecordingServer:
    """A recorder in front of ``upstream`` that writes ``path``; the addresses are those of ``SseServer``.

    The key in the environment variable ``key_env`` goes upstream in place of the client's, if it is set. ``filters``
    names vcrpy's filters as ``FILE.py:NAME``; ``keep_headers`` and ``redact_personal`` are those of ``Recorder``.
    Raises ``UpstreamError`` if the recorder does not start.
    """

    def __init__(
        self,
        upstream: str,
        path: Path,
        key_env: str | None = None,
        *,
        filters: str | None = None,
        keep_headers: Iterable[str] = (),
        redact_personal: bool = False,
    ) -> None:
        where = ["--upstream", upstream, "--to", str(path), "--overwrite"]
        key = [] if key_env is None or key_env not in os.environ else ["--key-env", key_env]
        rules = [*(["--filters", filters] if filters else []), *(["--redact-personal"] if redact_personal else [])]
        rules += [part for name in keep_headers for part in ("--keep-header", name)]
        command = [sys.executable, "-m", "orharness", "record", *where, *key, *rules]
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
        return {"base_url": self.base_url, "api_key": "sk-orharness"}

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
