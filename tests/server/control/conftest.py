"""What the tests of the control verbs share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from orharness.server.control.options import ControlOptions
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import Control

CHROMIUM = os.environ.get("ORHARNESS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Chromium here: pip install playwright")
    with playwright.sync_playwright() as running:
        made = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--host-resolver-rules=MAP evil.example 127.0.0.1"]
        )
        yield made
        made.close()


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def control(server: SseServer) -> Control:
    return Control(server)


@pytest.fixture
def make_control(sse_thread: ServerThread) -> Iterator[Callable[..., Control]]:
    """Make a server with these ``ControlOptions``, and return a client of its control verbs."""
    with ExitStack() as servers:

        def make(**options: Any) -> Control:
            return Control(servers.enter_context(SseServer(sse_thread, control=ControlOptions(**options))))

        yield make
