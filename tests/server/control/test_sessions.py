"""Sessions side by side on one server: how a request finds its own, and that none touches another."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from orharness.server.control.options import Limits
from orharness.server.facade import SseServer
from tests.support.control import ASKED, CHAT, HELD, Control, Stream, whole


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Orharness-Session": "{id}"},
        {"Authorization": "Bearer orh-{id}"},
        {"x-api-key": "orh-{id}"},
        {"api-key": "orh-{id}"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_session_is_found_by_header_and_by_key(server: SseServer, control: Control, headers: dict[str, str]) -> None:
    server.chat("the default session's")
    session = control.open(CHAT)
    filled = {name: value.format(**session) for name, value in headers.items()}
    assert "Grüße" in Stream(server.base_url, filled).read().decode()
    assert "default" in Stream(server.base_url, {"Authorization": "Bearer sk-other"}).read().decode()
    assert [
        len(control.ask("GET", f"/sessions/{one}/calls").document["calls"]) for one in (session["id"], "default")
    ] == [1, 1]


def test_the_path_goes_before_the_header_and_the_header_before_the_key(control: Control) -> None:
    first, second, third = (control.open(CHAT) for _ in range(3))
    headers = {"X-Orharness-Session": second["id"], "Authorization": f"Bearer {third['api_key']}"}
    Stream(first["base_url"], headers).read()
    Stream(control.server.base_url, headers).read()
    counts = [control.ask("GET", f"/sessions/{one['id']}").document["calls"] for one in (first, second, third)]
    assert counts == [1, 1, 0]


def test_the_journal_has_the_plain_path(control: Control) -> None:
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    [entry] = control.ask("GET", f"/sessions/{session['id']}/journal").document["exchanges"]
    assert entry["request"]["path"] == "/v1/chat/completions"
    by_path = Control(control.server, checked=False).ask("GET", "/journal", headers=session["headers"]).document
    assert by_path["exchanges"] == [entry]
    assert control.ask("GET", "/journal").document["exchanges"] == []


def test_the_environment_names_the_session_for_each_sdk(control: Control) -> None:
    session = control.open(CHAT)
    env = session["env"]
    assert env["OPENAI_BASE_URL"] == session["base_url"] == f"{session['origin']}/v1"
    assert env["ANTHROPIC_BASE_URL"] == session["origin"]
    assert {env[name] for name in env if name.endswith("_API_KEY")} == {f"orh-{session['id']}"}
    assert (env["ORHARNESS_URL"], env["ORHARNESS_SESSION"]) == (control.server.origin, session["id"])


@pytest.mark.parametrize("named", ["path", "header", "key"])
def test_a_session_that_has_ended_is_told_and_is_in_no_journal(control: Control, named: str) -> None:
    session = control.open()
    control.ask("DELETE", f"/sessions/{session['id']}")
    base_url = session["base_url"] if named == "path" else control.server.base_url
    headers = {"path": {}, "header": session["headers"], "key": {"Authorization": f"Bearer {session['api_key']}"}}
    answer = Stream(base_url, headers[named])
    assert answer.response.status == 410
    assert "a session of orharness that has ended" in json.loads(answer.read())["error"]["message"]
    assert control.server.journal == []
    assert control.ask("GET", f"/sessions/{session['id']}").status == 404


def test_a_path_that_only_looks_like_a_session_is_an_ordinary_one(server: SseServer) -> None:
    server.post("/s/x12/v1/chat/completions").respond(201)
    assert whole(f"{server.origin}/s/x12/v1").status == 201


def test_what_breaks_in_one_session_is_not_anothers(control: Control) -> None:
    good, bad = control.open(CHAT), control.open(CHAT)
    Stream(good["base_url"]).read()
    Stream(bad["base_url"] + "/elsewhere").read()
    assert control.ask("DELETE", f"/sessions/{good['id']}").document["passed"]
    failed = control.ask("DELETE", f"/sessions/{bad['id']}")
    assert failed.status == 409
    assert "a request that no route answers" in failed.document["detail"]
    control.server.verify()  # nor the default session's


def test_a_reset_of_one_session_leaves_the_streams_of_another(control: Control) -> None:
    one, other = control.open(HELD, pacing="recorded"), control.open(HELD, pacing="recorded")
    streams = [Stream(one["base_url"]), Stream(other["base_url"])]
    for session in (one, other):
        assert control.wait(session["id"], "held")["met"]
    assert control.ask("POST", f"/sessions/{one['id']}/reset").document["routes"] == []
    assert control.wait(other["id"], "held")["met"]
    [route] = other["routes"]
    control.ask("POST", f"/sessions/{other['id']}/routes/{route['id']}/release")
    assert streams[1].read().endswith(b"data: [DONE]\n\n")
    assert control.wait(other["id"], "outcome")["call"]["outcome"] == "completed"
    streams[0].close()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_more_sessions_than_the_limit(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(sessions=2))
    first = control.open()
    control.open()
    refused = control.ask("POST", "/sessions")
    assert (refused.status, refused.document["title"]) == (429, "Too many sessions")
    control.ask("DELETE", f"/sessions/{first['id']}")
    control.open()


def test_a_session_that_nobody_uses_ends(make_control: Callable[..., Control]) -> None:
    clock = Clock()
    control = make_control(limits=Limits(sessions=1), clock=clock)
    forgotten = control.open(ttl=100)
    clock.now = 99
    assert control.ask("POST", "/sessions").status == 429
    assert control.ask("GET", f"/sessions/{forgotten['id']}").status == 200  # which uses it
    clock.now = 198
    assert control.ask("POST", "/sessions").status == 429
    clock.now = 200
    control.open()
    assert control.ask("GET", f"/sessions/{forgotten['id']}").status == 404


def test_a_request_uses_its_session(make_control: Callable[..., Control]) -> None:
    clock = Clock()
    control = make_control(limits=Limits(sessions=1), clock=clock)
    session = control.open(CHAT, ttl=100)
    clock.now = 99
    Stream(session["base_url"]).read()
    clock.now = 198
    assert control.ask("POST", "/sessions").status == 429


def test_one_that_a_stream_is_open_in_does_not_end(make_control: Callable[..., Control]) -> None:
    clock = Clock()
    control = make_control(limits=Limits(sessions=1), clock=clock)
    session = control.open(HELD, ttl=1, pacing="recorded")
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    clock.now = 1000
    assert control.ask("POST", "/sessions").status == 429
    stream.close()
    assert control.wait(session["id"], "outcome")["met"]


def test_a_reset_of_the_server_ends_its_sessions(control: Control) -> None:
    session = control.open(CHAT)
    control.server.reset()
    assert control.ask("GET", f"/sessions/{session['id']}").status == 404


def test_a_session_holds_so_many_streams_and_no_more(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(held=1))
    session = control.open(HELD, pacing="recorded")
    held = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    with pytest.raises(Exception, match=r"IncompleteRead|Connection"):
        Stream(session["base_url"]).read()
    held.close()
    told = control.ask("DELETE", f"/sessions/{session['id']}")
    assert told.status == 422
    assert "1 streams are held" in told.document["detail"]


@pytest.mark.slow
def test_fifty_sessions_of_twenty_streams_stay_apart(control: Control) -> None:
    """Each journal has its own requests, each client its own text, however they come in between each other."""
    opened = [control.open({"orharness": 1, "routes": [{"chat": f"text of {n}"}]}, pacing="instant") for n in range(50)]
    ways: list[Callable[[Any], tuple[str, dict[str, str]]]] = [
        lambda one: (one["base_url"], {}),
        lambda one: (control.server.base_url, one["headers"]),
        lambda one: (control.server.base_url, {"Authorization": f"Bearer {one['api_key']}"}),
    ]

    async def ask(client: aiohttp.ClientSession, number: int, stream: int) -> str:
        base_url, headers = ways[(number + stream) % 3](opened[number])
        body = {**ASKED, "user": f"{number}/{stream}"}
        async with client.post(f"{base_url}/chat/completions", json=body, headers=headers) as response:
            return await response.text()

    async def all_of_them() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as client:
            pairs = [(number, stream) for stream in range(20) for number in range(50)]
            return await asyncio.gather(*(ask(client, *pair) for pair in pairs))

    texts = asyncio.run(all_of_them())
    assert all(_text(one) == f"text of {place % 50}" for place, one in enumerate(texts))
    for number, session in enumerate(opened):
        journal = control.ask("GET", f"/sessions/{session['id']}/journal").document["exchanges"]
        assert Counter(json.loads(one["request"]["body"])["user"] for one in journal) == Counter(
            f"{number}/{stream}" for stream in range(20)
        )
        assert {one["outcome"] for one in journal} == {"completed"}
        assert control.ask("DELETE", f"/sessions/{session['id']}").document["passed"]


def _text(stream: str) -> str:
    events: list[Any] = [json.loads(one[6:]) for one in stream.split("\n\n") if one.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for one in events for choice in one["choices"])
