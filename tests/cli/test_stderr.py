"""Commands whose stderr is a pipe that nobody reads: they go on, and end when they are told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orharness.cassette import load
from orharness.server.facade import SseServer

COMMAND = [sys.executable, "-W", "error", "-m", "orharness"]
PATIENCE = 60.0  # seconds, for a machine that is busy


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end for writing of a pipe that takes no byte more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


def ask(base_url: str) -> bytes:
    body = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
    sent = urllib.request.Request(f"{base_url}/chat/completions", body)
    with urllib.request.urlopen(sent, timeout=PATIENCE) as response:
        return bytes(response.read())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["record", "serve"])
def test_a_server_ends_although_nobody_reads_its_stderr(
    full_pipe: int, tmp_path: Path, make_sse_server: Callable[..., SseServer], command: str
) -> None:
    service, to = make_sse_server(strict=False), tmp_path / "a.yaml"
    service.chat("Hi")
    given = ["--upstream", service.base_url, "--to", str(to)] if command == "record" else []
    with subprocess.Popen([*COMMAND, command, *given], stdout=subprocess.PIPE, stderr=full_pipe) as process:
        assert process.stdout is not None
        try:
            base_url = process.stdout.readline().decode().strip()
            assert all(b"[DONE]" in ask(base_url) for _ in range(2))
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    assert command == "serve" or len(load(to)) == 2


@pytest.mark.slow
def test_an_error_that_nobody_reads_ends_the_command(full_pipe: int) -> None:
    done = subprocess.run([*COMMAND, "show", "missing.yaml"], stderr=full_pipe, timeout=PATIENCE, check=False)
    assert done.returncode == 2


@pytest.mark.slow
def test_what_is_read_late_is_whole(tmp_path: Path) -> None:
    """More than a pipe holds is read only when the command has been told to stop."""
    code = (
        "import sys\nfrom orharness.cli.stderr import background_stderr\n"
        "with background_stderr():\n"
        "    for number in range(20_000):\n        sys.stderr.write(f'{number} ö\\n')\n"
        "    sys.stdout.write('ended')\n    sys.stdout.flush()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        assert process.stdout.read(5) == b"ended"
        late.cancel()
        said = process.stderr.read().decode()
        assert process.wait(PATIENCE) == 0
    assert said == "".join(f"{number} ö\n" for number in range(20_000))
