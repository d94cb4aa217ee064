"""What the tests of the control verbs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import Control


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def control(server: SseServer) -> Control:
    return Control(server)
