"""``serve --until-eof`` ends with the program that started it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("written", [b"", b"a line\n"], ids=["nothing", "something"])
def test_serve_ends_when_its_stdin_does(written: bytes) -> None:
    command = [sys.executable, "-m", "orharness", "serve", "--until-eof"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        process.stdin.write(written)
        process.stdin.flush()
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.slow
def test_without_it_the_end_of_stdin_says_nothing() -> None:
    command = [sys.executable, "-m", "orharness", "serve"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.terminate()
