"""``GET /`` of ``serve`` is the live page: it holds nothing of anybody's, and is in no journal."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from orharness.server.control import ControlOptions
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import CHAT, Control, Stream


@pytest.fixture
def serving(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, cors=True, control=ControlOptions(page=True)) as server:
        yield server


def get(server: SseServer, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers.get("Content-Type", ""), body


def test_the_page_is_at_the_root_for_any_browser(serving: SseServer) -> None:
    status, kind, body = get(serving, Origin="https://evil.example", **{"Sec-Fetch-Mode": "navigate"})
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"<title>orharness</title>" in body
    assert serving.control_token.encode() not in body
    assert get(serving, "/?x=1")[0] == 200
    assert get(serving, method="HEAD")[2] == b""
    assert serving.journal == []
    serving.verify()


def test_a_route_of_the_user_goes_first(serving: SseServer) -> None:
    serving.get("/").respond(text="mine")
    assert get(serving)[2] == b"mine"


def test_only_a_server_that_is_to_have_it_has_it(server: SseServer) -> None:
    assert get(server)[0] == 404
    assert len(server.journal) == 1


def test_other_places_are_as_they_were(serving: SseServer) -> None:
    assert get(serving, method="POST")[0] == 404
    assert get(serving, "/index.html")[0] == 404
    session = Control(serving).open(CHAT)
    assert get(serving, f"/s/{session['id']}/")[0] == 404


def test_a_session_is_kept_as_one_file(control: Control) -> None:
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    assert control.wait(session["id"], "outcome")["met"]
    page = control.ask("GET", f"/sessions/{session['id']}/page").document
    assert page["name"].startswith(f"orharness-{session['id']}-")
    assert page["name"].endswith(".html")
    assert '"outcome":"completed"' in page["html"]
    assert '"event":"head_written"' in page["html"]
    assert "Gr\\u00fc\\u00dfe" in page["html"]
