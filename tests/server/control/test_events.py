"""The exchange events as an event stream: numbered, resumable, of one session or of all."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orharness.server.control.options import Limits
from orharness.server.control.watching import watch
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import CHAT, HELD, TIMEOUT, Control, Stream


@contextmanager
def watching(server: SseServer, path: str = "/events", **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Yields the events as they come, each with its fields."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    connection.request(
        "GET", f"/_orharness{path}", headers={name.replace("_", "-"): one for name, one in headers.items()}
    )
    response = connection.getresponse()
    assert response.getheader("Content-Type") == "text/event-stream"

    def events() -> Iterator[dict[str, Any]]:
        fields: dict[str, Any] = {}
        while line := response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n" and fields:
                yield {**fields, "data": json.loads(fields["data"])}
                fields = {}
            elif name in ("event", "id", "data"):
                fields[name] = value

    try:
        yield events()
    finally:
        response.close()
        connection.close()


def until(events: Iterator[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found = []
    for one in events:
        found.append(one)
        if one["event"] == name:
            return found
    raise AssertionError(f"no {name} in {[one['event'] for one in found]}")


def test_events_tell_the_life_of_an_exchange(control: Control) -> None:
    session = control.open(HELD, pacing="recorded")
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    stream.close()
    with watching(control.server, f"/sessions/{session['id']}/events") as events:
        found = until(events, "left")
    names = [one["event"] for one in found]
    assert names[:3] == ["request_read", "begun", "head_written"]
    assert names.count("wrote") == 3
    assert names.index("held") < names.index("left")
    assert found[-1]["data"]["outcome"] == "cancelled"
    assert [int(one["id"]) for one in found] == sorted({int(one["id"]) for one in found})
    assert all(one["data"]["id"] == int(one["id"]) and one["data"]["call"] == "000001" for one in found)


def test_events_come_as_they_happen(control: Control) -> None:
    session = control.open(HELD, pacing="recorded")
    with watching(control.server, f"/sessions/{session['id']}/events") as events:
        stream = Stream(session["base_url"])
        until(events, "held")
        control.ask("POST", f"/sessions/{session['id']}/routes/r1/release")
        stream.read()
        assert until(events, "ended")[-1]["data"]["call"] == "000001"


@pytest.mark.parametrize("how", ["Last-Event-ID", "since"])
def test_a_reader_goes_on_where_it_was(control: Control, how: str) -> None:
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    path = f"/sessions/{session['id']}/events"
    with watching(control.server, path) as events:
        first = until(events, "begun")
    last = first[-1]["id"]
    headers, query = ({"Last_Event_ID": last}, "") if how == "Last-Event-ID" else ({}, f"?since={last}")
    with watching(control.server, path + query, **headers) as events:
        assert next(events)["event"] == "head_written"


def test_all_sessions_are_watched_together_in_order(control: Control) -> None:
    one, other = control.open(CHAT), control.open(CHAT)
    for session in (one, other, one):
        Stream(session["base_url"]).read()
        assert control.wait(session["id"], "outcome", call="000001")["met"]
    with watching(control.server) as events:
        found = [one for _ in range(3) for one in until(events, "ended")]
    assert {event["data"]["session"] for event in found} == {one["id"], other["id"]}
    numbers = [int(event["id"]) for event in found]
    assert numbers == sorted(numbers)
    with watching(control.server, X_Orharness_Session=other["id"]) as events:
        assert {next(events)["data"]["session"] for _ in range(3)} == {other["id"]}


def test_forgotten_events_are_told(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(events=3))
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    assert control.wait(session["id"], "outcome")["met"]
    with watching(control.server, f"/sessions/{session['id']}/events") as events:
        missed, first = next(events), next(events)
    assert missed["event"] == "missed"
    assert missed["data"] == {"after": 0, "up_to": int(first["id"]) - 1}


def test_what_was_forgotten_before_a_reset_is_told_once(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(events=3))
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    assert control.wait(session["id"], "outcome")["met"]
    control.ask("POST", f"/sessions/{session['id']}/reset")
    with watching(control.server, f"/sessions/{session['id']}/events") as events:
        assert next(events)["event"] == "missed"
        control.ask("DELETE", f"/sessions/{session['id']}")
        assert list(events) == []


def test_the_stream_ends_with_its_session(control: Control) -> None:
    session = control.open()
    with watching(control.server, f"/sessions/{session['id']}/events") as events:
        control.ask("DELETE", f"/sessions/{session['id']}")
        assert list(events) == []


def test_a_quiet_stream_is_kept_alive(control: Control, sse_thread: ServerThread) -> None:
    async def blocks() -> list[bytes]:
        stream = watch(control.server._origin.sessions, None, 0, quiet=0.01)
        return [await anext(stream) for _ in range(3)]

    assert sse_thread.run(blocks, TIMEOUT) == [b": the exchange events of orharness\n\n", b":\n\n", b":\n\n"]


def test_a_wrong_last_event_id_is_told(control: Control) -> None:
    assert control.ask("GET", "/events", headers={"Last-Event-ID": "x"}).status == 400


def test_events_of_the_default_session_are_noted_from_the_first_look_on(server: SseServer, control: Control) -> None:
    server.chat("x")
    Stream(server.base_url).read()
    assert server._origin.answering.listeners == []
    event = control.ask("GET", "/sessions/default").document["event"]
    Stream(server.base_url).read()
    with watching(server, f"/sessions/default/events?since={event}") as events:
        assert next(events)["data"]["call"] == "000002"
    assert Limits().events > 1000
