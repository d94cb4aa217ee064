"""MCP's own SDKs as servers: what ``check-mcp`` says of them is what is stored, and nothing else.

They are packages that nothing else here needs; CI runs this file in a step of its own.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.mcp import PYTHON, SERVERS, McpServer, judge, results, stored


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_what_is_said_of_a_server_is_what_is_stored(server: McpServer) -> None:
    if server.missing:
        if os.environ.get(PYTHON):
            pytest.fail(server.missing)
        pytest.skip(f"MCP's own SDKs are judged where {PYTHON} is set")
    assert results(judge(server)) == stored()[server.name]


def test_each_server_has_its_results() -> None:
    assert list(stored()) == [server.name for server in SERVERS]
    assert {len(one) for one in stored().values()} == {4}
