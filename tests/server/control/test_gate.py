"""Who may use the verbs: no web page and no other machine without the token, and nobody reads files outside DIR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orharness.server.control import ControlOptions
from orharness.server.control.control import BODY_LIMIT
from orharness.server.control.table import VERBS
from orharness.server.control.verbs import Verb
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import CHAT, Control, Stream, whole
from tests.support.list_wire import Asking, ListWire

HOSTILE = {
    "a page of another origin": {"Origin": "https://evil.example"},
    "a page without a site": {"Origin": "null"},
    "a page of the server's own origin": {"Origin": "http://127.0.0.1:{port}"},
    "a picture": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "the address line": {"Sec-Fetch-Site": "none"},
    "a wrong token": {"Origin": "https://evil.example", "Authorization": "Bearer guessed"},
    "every address": {"Host": "0.0.0.0:{port}"},
    "every address of IPv6": {"Host": "[::]:{port}"},
    "loopback as IPv6 writes IPv4": {"Host": "[::ffff:7f00:1]:{port}"},
    "another name": {"Host": "evil.example:{port}"},
    "another name, and the token": {"Host": "evil.example", "Authorization": "Bearer {token}"},
}


def filled(verb: Verb, session: dict[str, Any], call: str) -> str:
    path = verb.path.removeprefix("/_orharness")
    return path.format(session=session["id"], route=session["routes"][0]["id"], call=call)


@pytest.fixture(scope="module")
def shared(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("sender", HOSTILE)
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_verb_obeys_a_web_page(shared: SseServer, verb: Verb, sender: str) -> None:
    control = Control(shared)
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    before = control.ask("GET", f"/sessions/{session['id']}").document
    there = {one["id"] for one in control.ask("GET", "/sessions").document["sessions"]}
    port, token = shared.port, shared.control_token
    headers = {name: value.format(port=port, token=token) for name, value in HOSTILE[sender].items()}
    query = {"for": "call"} if verb.name == "wait" else {}
    document = CHAT if verb.body is not None else None
    refused = control.ask(verb.method, filled(verb, session, "000001"), document, headers=headers, query=query)
    assert refused.status == (403 if "evil" in headers.get("Host", "") else 401)
    assert "access-control-allow-origin" not in refused.headers
    assert control.ask("GET", f"/sessions/{session['id']}").document == before
    assert {one["id"] for one in control.ask("GET", "/sessions").document["sessions"]} == there
    control.ask("DELETE", f"/sessions/{session['id']}")


@pytest.mark.parametrize("how", [{"Authorization": "Bearer {token}"}, {"X-Orharness-Token": "{token}"}])
def test_a_page_with_the_token_is_obeyed(server: SseServer, control: Control, how: dict[str, str]) -> None:
    headers = {name: value.format(token=server.control_token) for name, value in how.items()}
    answered = control.ask(
        "GET", "/sessions", headers={"Origin": server.origin, "Sec-Fetch-Site": "same-origin", **headers}
    )
    assert answered.status == 200


def test_the_token_can_be_given(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, control=ControlOptions(token="of the user")) as server:
        assert server.control_token == "of the user"
    with SseServer(sse_thread) as one, SseServer(sse_thread) as other:
        assert one.control_token != other.control_token


@pytest.mark.parametrize("host", ["0.0.0.0:8181", "[::]:8181", "[::ffff:127.0.0.1]"])
def test_an_address_that_hides_pages_is_answered_with_the_token(server: SseServer, control: Control, host: str) -> None:
    asked = {"Host": host, "X-Orharness-Token": server.control_token}
    assert control.ask("GET", "", headers=asked).status == 200
    refused = control.ask("GET", "", headers={"Host": host})
    assert refused.document["detail"].startswith(f"a client that asks {host} and not 127.0.0.1 needs the token")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:80", "192.168.1.9:8080", "mock:8080"])
def test_a_host_of_ours_is_taken(sse_thread: ServerThread, host: str) -> None:
    with SseServer(sse_thread, control=ControlOptions(hosts=["Mock"])) as server:
        assert Control(server).ask("GET", "", headers={"Host": host}).status == 200


def test_played_routes_take_any_host(server: SseServer) -> None:
    server.chat("x")
    assert whole(server.base_url, {"Host": "mock.compose:9"}).status == 200


async def answer_to(server: SseServer, headers: tuple[tuple[str, str], ...], *, local: bool) -> bytes:
    asking, wire = Asking(b"", "/_orharness", "GET"), ListWire()
    asking.head = type(asking.head)("GET", "/_orharness", (("Host", "127.0.0.1"), *headers))
    asking.local = local
    control = server._origin.control
    await control.answer(asking, wire, server._origin.sessions.default)
    return wire.sent


@pytest.mark.asyncio
async def test_another_machine_needs_the_token(server: SseServer) -> None:
    token = (("Authorization", f"Bearer {server.control_token}"),)
    assert (await answer_to(server, (), local=True)).startswith(b"HTTP/1.1 200 ")
    assert (await answer_to(server, (), local=False)).startswith(b"HTTP/1.1 401 ")
    assert (await answer_to(server, token, local=False)).startswith(b"HTTP/1.1 200 ")


# -- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_a_body(control: Control, kind: str) -> None:
    refused = control.ask("POST", "/sessions", CHAT, headers={"Content-Type": kind})
    assert refused.status == 415
    assert len(control.ask("GET", "/sessions").document["sessions"]) == 1


def test_a_charset_changes_nothing(control: Control) -> None:
    answered = control.ask("POST", "/sessions", CHAT, headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answered.status == 201


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"orharness": 1} {}'])
def test_a_body_that_is_not_json_is_refused(control: Control, body: bytes) -> None:
    assert control.ask("POST", "/sessions", body=body).status == 400


@pytest.mark.parametrize("document", [[], "text", 7, {}, {"orharness": 2, "routes": []}, {"orharness": 1}])
def test_json_that_is_no_scenario_is_refused(control: Control, document: object) -> None:
    assert control.ask("POST", "/sessions", document).status == 422


def test_a_body_has_a_limit(control: Control) -> None:
    fits = json.dumps({"orharness": 1, "routes": [{"path": "/v1/x", "text": "x" * (BODY_LIMIT - 100)}]}).encode()
    assert control.ask("POST", "/sessions", body=fits).status == 201
    refused = control.ask("POST", "/sessions", body=fits.ljust(BODY_LIMIT + 1))
    assert refused.status == 413
    assert refused.headers["connection"] == "close"


def test_a_verb_without_a_body_takes_none(control: Control) -> None:
    session = control.open()
    refused = control.ask("POST", f"/sessions/{session['id']}/verify", CHAT)
    assert refused.status == 400
    assert "takes no body" in refused.document["detail"]


def test_a_verb_that_needs_a_body_says_so(control: Control) -> None:
    session = control.open()
    assert control.ask("POST", f"/sessions/{session['id']}/routes").status == 400


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("wait", {}, "the parameter for is missing: one of call, held"),
        ("wait", {"for": "godot"}, "the parameter for is one of call, held"),
        ("wait", {"for": "call", "timeout": "31"}, "the parameter timeout is a number from 0 to 30, not '31'"),
        ("wait", {"for": "call", "timeout": "nan"}, "the parameter timeout is a number from 0 to 30"),
        ("wait", {"for": "call", "number": "0"}, "the parameter number is a whole number from 1 up"),
        ("wait", {"for": "call", "witin": "1"}, "knows no parameter 'witin' (did you mean 'within'?)"),
        ("calls", {"since": "-1"}, "the parameter since is a whole number from 0 up"),
    ],
)
def test_a_wrong_parameter_is_named(control: Control, path: str, query: dict[str, str], said: str) -> None:
    refused = control.ask("GET", f"/sessions/default/{path}", query=query)
    assert refused.status == 400
    assert said in refused.document["detail"]


def test_another_method_and_another_path_are_told(server: SseServer) -> None:
    control = Control(server, checked=False)
    wrong = control.ask("PUT", "/sessions")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, POST")
    assert control.ask("GET", "/nothing").status == 404
    assert control.ask("OPTIONS", "/sessions").status == 405
    assert server.journal == []


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    cassette = Path(__file__).parents[3] / "cassettes" / "non-ascii.yaml"
    for place in ("in/a.yaml", "in/sub/a.yaml", "outside.yaml"):
        (tmp_path / place).write_bytes(cassette.read_bytes())
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    return tmp_path


def posted(server: SseServer, file: str) -> Any:
    return Control(server).ask("POST", "/sessions", {"orharness": 1, "routes": [{"cassette": file}]})


@pytest.mark.parametrize("file", ["a.yaml", "sub/a.yaml"])
def test_a_file_inside_the_folder_is_played(sse_thread: ServerThread, folder: Path, file: str) -> None:
    with SseServer(sse_thread, control=ControlOptions(scenarios=folder / "in")) as server:
        answered = posted(server, file)
        assert answered.status == 201
        assert Stream(answered.document["base_url"]).read().endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "file", ["../outside.yaml", "sub/../../outside.yaml", "{folder}/outside.yaml", "link.yaml", "folder/outside.yaml"]
)
def test_a_file_outside_of_it_is_not_read(sse_thread: ServerThread, folder: Path, file: str) -> None:
    with SseServer(sse_thread, control=ControlOptions(scenarios=folder / "in")) as server:
        refused = posted(server, file.format(folder=folder))
        assert refused.status == 422
        assert "is not read: name a file inside" in refused.document["detail"]


@pytest.mark.parametrize("file", ["a\0.yaml", "\ud800"])
def test_what_no_file_is_named_is_refused(sse_thread: ServerThread, folder: Path, file: str) -> None:
    with SseServer(sse_thread, control=ControlOptions(scenarios=folder / "in")) as server:
        refused = posted(server, file)
        assert refused.status == 422
        assert refused.document["detail"].endswith("is not the name of a file")


def test_without_a_folder_no_file_is_read(server: SseServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "in")
    refused = posted(server, "a.yaml")
    assert refused.status == 422
    assert "--scenarios DIR" in refused.document["detail"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_server_without_a_control_api_has_no_verb_for_anybody(without: SseServer, verb: Verb) -> None:
    path = verb.path.removeprefix("/_orharness").format(session="default", route="r1", call="000001")
    query = {"for": "call"} if verb.name == "wait" else {}
    token = {"X-Orharness-Token": without.control_token}
    answered = Control(without, checked=False).ask(verb.method, path, headers=token, query=query)
    assert (answered.status, answered.document["type"]) == (404, "about:blank")
    assert answered.document["detail"].startswith("this server has no control API")


@pytest.fixture(scope="module")
def without(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, control=ControlOptions(on=False)) as server:
        yield server
