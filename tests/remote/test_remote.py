"""``--sse-server``: the same tests pass, and fail with the same words, against a server that runs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from orharness import (
    CassetteError,
    ClientFailure,
    OrharnessError,
    Outcome,
    Pacing,
    ScenarioError,
    SseServer,
    hold,
    per_byte,
)
from orharness.cassette import Interaction, RecordedRequest, save
from orharness.providers import lookup
from orharness.remote import RemoteServer
from orharness.server.control import ControlOptions
from orharness.server.control.playing import ONCE, Playback, written
from orharness.server.thread import ServerThread
from orharness.stream import Chunk
from orharness.stream import Stream as Body
from tests.support.control import Stream, plain

HELD: dict[str, Any] = {"tokens": 50, "through": [hold(after=3)], "provider": "Anthropic"}


@pytest.fixture
def elsewhere(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def remote(elsewhere: SseServer) -> Iterator[RemoteServer]:
    server = RemoteServer(elsewhere.origin)
    yield server
    server.close()


def said(action: Callable[[], object]) -> str:
    with pytest.raises((ClientFailure, ScenarioError)) as failure:
        action()
    return plain(str(failure.value))


@pytest.fixture(params=["here", "elsewhere"])
def server(request: pytest.FixtureRequest, elsewhere: SseServer, sse_thread: ServerThread) -> Iterator[SseServer]:
    """One in this process, and a session of one elsewhere: what holds of the one holds of the other."""
    with RemoteServer(elsewhere.origin) if request.param == "elsewhere" else SseServer(sse_thread) as made:
        yield made


def test_an_answer_is_read_and_its_call_is_finished(server: SseServer) -> None:
    route = server.chat("Grüße", through=[per_byte()])
    assert "Gr" in Stream(server.base_url).read().decode()
    assert route.wait_call().wait_ended() is Outcome.COMPLETED
    assert route.call.finished
    assert route.call.wait_finished()
    exchange = route.call.exchange
    assert (exchange.status, exchange.request.path, exchange.boundaries.assumed) == (200, "/v1/chat/completions", 0)
    assert [one.id for one in server.journal] == [exchange.id]
    assert len(server.calls) == len(route.calls) == 1
    server.verify()


def test_a_client_that_leaves_stops_the_model(server: SseServer) -> None:
    route = server.chat(**HELD)
    stream = Stream(server.base_url).read_events(3)
    assert route.wait_held().exchange.held_at is not None
    with route.expect_disconnect(within=5) as block:
        stream.close()
    assert block.call.outcome is Outcome.CANCELLED
    block.call.assert_upstream_stopped()
    bill = route.call.bill
    assert bill is not None
    assert bill.cancelled
    assert route.call.finished is False


@pytest.mark.asyncio
async def test_the_async_twins(server: SseServer) -> None:
    route = server.chat(**HELD)
    stream = Stream(server.base_url).read_events(3)
    call = await route.wait_held_async()
    async with route.expect_disconnect(within=5) as block:
        stream.close()
    assert block.calls[0].exchange.id == call.exchange.id
    assert await call.wait_ended_async() is Outcome.CANCELLED
    assert await call.wait_finished_async() is False


def test_a_released_stream_goes_on(server: SseServer) -> None:
    route = server.chat("one two three four", through=[hold(2), hold(4)])
    stream = Stream(server.base_url).read_events(2)
    route.wait_held()
    route.release(gates=2)
    assert stream.read().endswith(b"data: [DONE]\n\n")


def test_other_routes_and_plain_answers(server: SseServer) -> None:
    server.post("/embeddings", when={"json": {"input": "x"}}).respond(418, json={"a": 1})
    server.get("/things").respond(json={"b": 2})
    server.messages("x", when={"model": "m"})
    assert server.openai["base_url"] == server.base_url == f"{server.origin}/v1"
    assert server.url_for("/v1/things") == f"{server.origin}/v1/things"
    assert "never asked for: GET /things" in server.account()
    server.reset()
    assert server.account() == ""
    server.verify()


def texts(server: SseServer) -> Iterator[str]:
    """What is said where something is wrong."""
    route = server.chat(**HELD)
    never = server.post("/never").respond()
    yield said(lambda: route.call)
    yield said(lambda: route.wait_call(timeout=0.01))
    yield said(lambda: never.wait_held(timeout=0.01))
    stream = Stream(server.base_url).read_events(3)
    route.wait_held()
    yield said(lambda: route.call.wait_ended(timeout=0.01))
    with pytest.raises(ClientFailure) as failure, route.expect_disconnect(within=0.05):
        pass
    yield plain(str(failure.value))
    yield said(lambda: route.calls[0].assert_upstream_stopped())
    yield plain("\n".join(server.take_left_open()))
    assert server.take_left_open() == []
    stream.close()
    route.calls[0].wait_ended()
    Stream(f"{server.base_url}/elsewhere").read()
    yield said(server.verify)
    yield plain(server.account())
    server.close()
    yield said(server.verify)
    assert [one.outcome for one in server.journal] == [Outcome.CANCELLED, Outcome.UNMATCHED]


def test_what_is_wrong_is_said_in_the_same_words(remote: RemoteServer, sse_thread: ServerThread) -> None:
    with SseServer(sse_thread) as here:
        for one, other in zip(texts(here), texts(remote), strict=True):
            assert one == other


def test_sessions_of_tests_do_not_meet(elsewhere: SseServer) -> None:
    with RemoteServer(elsewhere.origin) as one, RemoteServer(elsewhere.origin) as other:
        one.chat("one")
        other.chat("other")
        assert "other" in Stream(other.base_url).read().decode()
        assert (len(one.calls), len(other.calls)) == (0, 1)


def recorded(folder: Path, *texts: str) -> Path:
    """A cassette with an answer to each of the questions 1, 2, …"""
    path = folder / "recorded.yaml"
    tape = []
    for number, text in enumerate(texts, 1):
        request = RecordedRequest("POST", "https://llm.example/api/v1/chat/completions", body=question(number))
        headers = (("Content-Type", "text/event-stream"),)
        chunks = (Chunk(f"data: {text}\n\n".encode()), Chunk(b"data: [DONE]\n\n", 0.01))
        tape.append(Interaction(request, headers=headers, stream=Body(chunks)))
    save(path, tape)
    return path


def question(number: int) -> bytes:
    return json.dumps({"stream": True, "messages": [{"role": "user", "content": str(number)}]}).encode()


def asked(server: SseServer, number: int) -> bytes:
    with urlopen(Request(f"{server.base_url}/chat/completions", question(number))) as response:
        found: bytes = response.read()
    return found


def test_a_cassette_plays_each_interaction_once(server: SseServer, tmp_path: Path) -> None:
    server.post("/never").respond()
    route = server.cassette(recorded(tmp_path, "one", "two", "three"))
    assert (route.name, route.unplayed) == ("3 recorded replies", 3)
    assert b"two" in asked(server, 2)
    assert b"one" in asked(server, 1)
    assert (route.unplayed, len(route.calls)) == (1, 2)
    assert route.wait_call(number=2).wait_ended() is Outcome.COMPLETED
    assert [json.loads(call.exchange.request.body)["messages"][0]["content"] for call in route.calls] == ["2", "1"]
    with pytest.raises(HTTPError, match="404"):
        asked(server, 2)
    assert "never asked for" in said(server.verify)


def test_the_options_of_a_cassette_hold(server: SseServer, tmp_path: Path) -> None:
    path = recorded(tmp_path, "one")
    route = server.cassette(
        path,
        allow_playback_repeats=True,
        match_on=["path"],
        filters={"filter_headers": ["x-a", ("x-b", "none")]},
        delays=False,
        strict=False,
        through=[per_byte()],
        pacing="instant",
        provider="Groq",
        pace=100,
    )
    assert [b"one" in asked(server, number) for number in (1, 5)] == [True, True]
    exchange = route.calls[0].exchange
    assert (exchange.pacing, exchange.chunks_written) == (Pacing.INSTANT, len(b"data: one\n\ndata: [DONE]\n\n"))


def test_the_options_that_are_sent_are_those_that_are_read() -> None:
    options = {
        "through": (per_byte(), hold(after=3)),
        "pacing": Pacing.RECORDED,
        "provider": lookup("Groq"),
        "pace": 100.0,
        "price": 0.5,
        "match_on": ("path", "query"),
        "allow_playback_repeats": True,
        "delays": False,
        "filters": {"filter_headers": ["x-a", ("x-b", "none")], "ignore_localhost": False},
        "strict": False,
    }
    sent = json.loads(json.dumps(written(ONCE, options)))
    assert Playback.read(ONCE, sent) == Playback(ONCE, options)


def test_a_cassette_is_served_again_and_again(server: SseServer, tmp_path: Path) -> None:
    [route] = server.serve(recorded(tmp_path, "one", "two"), through=[per_byte()])
    assert [asked(server, number)[6:9] for number in (2, 1, 2)] == [b"two", b"one", b"two"]
    assert len(route.calls) == 3
    server.verify()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"play": "twice"}, "play: 'once' or 'again' is expected here, not 'twice'"),
        ({"options": {}}, "options are for a file that is sent with play"),
        ({"play": "again", "options": {"match_on": []}}, "match_on"),
        ({"play": "once", "options": {"pace": "x"}}, "options.pace"),
        ({"play": "once", "options": {"filters": 1}}, "options.filters"),
        (
            {"play": "once", "options": {"filters": {"filter_body": []}}},
            "options.filters: 'filter_body' is not a known filter",
        ),
        ({"play": "once", "text": "orharness: 1\nroutes: []"}, "play"),
    ],
)
def test_a_wrong_way_to_play_is_told(remote: RemoteServer, tmp_path: Path, document: Any, why: str) -> None:
    sent = {"name": "a.yaml", "text": recorded(tmp_path, "one").read_text("utf-8"), **document}
    with pytest.raises(OrharnessError) as failure:
        remote._session.ask("POST", "/files", sent)
    assert why in str(failure.value)


def test_what_cannot_be_said_over_http_is_refused_by_name(remote: RemoteServer, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="a function of the request works in Python only"):
        remote.chat("x", when=lambda request: True)
    with pytest.raises(CassetteError, match=r"recorded\.yaml: cannot be read"):
        remote.cassette(tmp_path / "recorded.yaml")
    path = recorded(tmp_path, "one")
    with pytest.raises(ScenarioError, match=r"match_on cannot be written to a document: <function .* is a function"):
        remote.cassette(path, match_on=[lambda one, other: True])
    with pytest.raises(ScenarioError, match="filters cannot be written to a document: Object of type function"):
        remote.cassette(path, filters={"before_record_request": said})
    with pytest.raises(ScenarioError, match="match_on knows"):
        remote.cassette(path, match_on=["bodies"])
    with pytest.raises(ScenarioError, match="models= is the server's own"):
        RemoteServer(remote._session.verbs.origin, models=["m"])
    with pytest.raises(OrharnessError, match="in the process of the server only"):
        remote.begin_runs()


def test_the_token_is_sent(sse_thread: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    with SseServer(sse_thread, control=ControlOptions(token="secret")) as server:
        asked: list[str | None] = []
        gate = server._origin.control.gate
        monkeypatch.setattr(gate, "check", lambda request, local: asked.append(request.header("X-Orharness-Token")))
        monkeypatch.setenv("ORHARNESS_TOKEN", "secret")
        RemoteServer(server.origin).close()
        assert set(asked) == {"secret"}


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1:1/v1", ""])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ScenarioError, match="a server's address is such as"):
        RemoteServer(url)


def test_where_nobody_answers_is_told() -> None:
    with pytest.raises(OrharnessError, match="no server of orharness answers at http"):
        RemoteServer("http://127.0.0.1:1")


def test_a_server_of_another_version_is_told(elsewhere: SseServer) -> None:
    elsewhere.get("/other").respond(json={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orharness.server.control.handlers.API", 99)
        with pytest.raises(OrharnessError, match="speaks version 99 of the control API"):
            RemoteServer(elsewhere.origin)


TESTS = """
import http.client, json, pytest
from urllib.parse import urlsplit
from orharness import hold

def ask(base_url, path="/chat/completions"):
    at = urlsplit(base_url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    connection.request("POST", at.path + path, json.dumps({"messages": [], "stream": True}))
    data = connection.getresponse().read().decode()
    connection.close()
    return data

def test_good(sse_server):
    sse_server.chat("hello")
    assert "hello" in ask(sse_server.base_url)

def test_unmatched(sse_server):
    ask(sse_server.base_url, "/nowhere")

def test_never_asked(sse_server):
    sse_server.chat("x")

def test_fails(sse_server):
    sse_server.chat("x")
    ask(sse_server.base_url)
    assert False

@pytest.mark.sse_server(strict=False)
def test_lax(sse_server, make_sse_server):
    other = make_sse_server(pacing="instant")
    other.chat("other")
    assert "other" in ask(other.base_url)
    ask(sse_server.base_url, "/nowhere")
"""


@pytest.mark.slow
def test_the_plugin_uses_it(pytester: pytest.Pytester, elsewhere: SseServer) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_it=TESTS)
    remote, here = (pytester.runpytest_inprocess(*more) for more in ([f"--sse-server={elsewhere.origin}"], []))
    for ran in (remote, here):
        ran.assert_outcomes(passed=4, failed=1, errors=2)
        ran.stdout.fnmatch_lines(["*sse_server is strict: a request that no route answers*", "*what sse_server saw*"])
    assert elsewhere.journal == []
    assert len(elsewhere._origin.sessions.all()) == 1
