"""What a scenario plays may be read by web pages where that is switched on, and preflights are never unmatched."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from orharness.scenario import Reply, Route
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import whole

ORIGIN = {"Origin": "https://app.example"}
PREFLIGHT = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
def open_server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, cors=True) as server:
        yield server


def asked(server: SseServer, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/nowhere"])
def test_a_preflight_is_allowed_whatever_it_asks_for_and_is_in_no_journal(open_server: SseServer, path: str) -> None:
    response = asked(open_server, "OPTIONS", path, PREFLIGHT)
    assert response.status == 204
    assert response.getheader("Access-Control-Allow-Origin") == "*"
    assert response.getheader("Access-Control-Allow-Methods") == "POST"
    assert response.getheader("Access-Control-Allow-Headers") == "authorization,content-type"
    assert open_server.journal == []
    open_server.verify()


def test_a_route_of_the_users_own_answers_its_preflights(open_server: SseServer) -> None:
    open_server.route("OPTIONS", "/chat/completions").respond(418)
    assert asked(open_server, "OPTIONS", "/v1/chat/completions", PREFLIGHT).status == 418


def test_an_options_request_that_is_no_preflight_is_an_ordinary_one(open_server: SseServer) -> None:
    assert asked(open_server, "OPTIONS", "/v1/chat/completions", ORIGIN).status == 405
    assert len(open_server.journal) == 1


@pytest.mark.parametrize("path", ["/v1/models", "/v1/nowhere", "/v1/generation?id=none"])
def test_what_is_built_in_and_what_goes_wrong_can_be_read(open_server: SseServer, path: str) -> None:
    assert asked(open_server, "GET", path, ORIGIN).getheader("Access-Control-Allow-Origin") == "*"


def test_recorded_headers_are_replaced(open_server: SseServer) -> None:
    recorded = {
        "access-control-allow-origin": "https://old.example",
        "Access-Control-Allow-Credentials": "true",
        "X-A": "b",
    }
    open_server.mount(Route("POST", "/chat/completions", (Reply.chat("x", headers=recorded),)))
    response = whole(open_server.base_url, ORIGIN)
    found = [pair for pair in response.getheaders() if pair[0].lower().startswith("access-control")]
    assert found == [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "*")]
    assert response.getheader("X-A") == "b"


def test_what_a_live_service_answers_can_be_read(open_server: SseServer, sse_thread: ServerThread) -> None:
    from orharness.scenario.body import Forward

    with SseServer(sse_thread, strict=False) as service:
        service.chat("live", headers={"Access-Control-Allow-Origin": "https://old.example"})
        open_server.mount(Route("POST", "/chat/completions", (Reply(Forward(service.base_url)),)))
        response = whole(open_server.base_url, ORIGIN)
        assert response.headers.get_all("Access-Control-Allow-Origin") == ["*"]


def test_in_the_fixtures_no_page_may_read(sse_server: SseServer) -> None:
    sse_server.chat("x")
    assert whole(sse_server.base_url, ORIGIN).getheader("Access-Control-Allow-Origin") is None
    assert asked(sse_server, "OPTIONS", "/v1/chat/completions", PREFLIGHT).status == 405
    sse_server.reset()
