"""The official SDKs for JavaScript against our server, under Node: they read what was written, streamed and not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.places import SUPPORT
from tests.support.sdk_answers import ANSWERS, FINISHES, expected

pytestmark = pytest.mark.slow
HERE = SUPPORT / "sdks"
Read = Callable[[str, str], list[Any]]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Reads the answer of an API at a base URL in each way that its SDK has."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are needed to run the SDKs for JavaScript")
    folder = tmp_path_factory.mktemp("sdks")
    for name in ("package.json", "read.mjs"):
        shutil.copy(HERE / name, folder)
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300)
    if installed.returncode:
        pytest.skip(f"npm could not install the SDKs: {installed.stderr[-500:]}")

    def run(api: str, base_url: str) -> list[Any]:
        command = [node, "read.mjs", api, base_url]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("api", FINISHES)
def test_an_answer_is_read_as_it_was_written(server: SseServer, read: Read, api: str, name: str) -> None:
    server.answer(**ANSWERS[name])
    meant = asdict(expected(api, name))
    meant["tools"] = [[one, tool, json.loads(arguments)] for one, tool, arguments in meant["tools"]]
    meant["usage"] = list(meant["usage"])
    found = read(api, server.base_url if api in ("chat", "responses") else server.origin)
    for each in found:
        each["tools"] = [[one, tool, json.loads(arguments)] for one, tool, arguments in each["tools"]]
    ways = 2 if api in ("gemini", "ollama") else 3  # whole, as events, by the helper where there is one
    assert found == [meant] * ways
