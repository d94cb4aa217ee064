"""The endpoint that tells a generation's tokens and cost, by the id that came with its answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.bills import get, header, leave_after


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
def test_the_generation_is_found_by_its_id(server: SseServer, prefix: str) -> None:
    made, raw = leave_after(server, 4, provider="Groq", model="a/b")
    status, answer = get(server, f"{prefix}/generation?id={header(raw, 'X-Generation-Id')}")
    data = answer["data"]
    assert status == 200
    assert (data["model"], data["provider_name"], data["streamed"], data["cancelled"]) == ("a/b", "Groq", True, True)
    assert (data["tokens_completion"], data["total_cost"]) == (500, made.cost)


def test_a_generation_that_goes_on_without_its_client_says_so(server: SseServer) -> None:
    _, raw = leave_after(server, 4, provider="Groq", pace=3600.0)
    _, answer = get(server, f"/v1/generation?id={header(raw, 'X-Generation-Id')}")
    assert answer["data"]["in_progress"] is True
    assert answer["data"]["finish_reason"] is None


def test_an_unknown_generation_is_not_found_in_the_gateways_shape(server: SseServer) -> None:
    status, answer = get(server, "/v1/generation?id=gen-nobody")
    assert (status, answer["error"]["code"]) == (404, 404)
    assert "gen-nobody" in answer["error"]["message"]
