"""The table of routes: it leaves out only what cannot fit, and leaves out nearly all of a thousand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import Interaction, RecordedRequest
from orharness.frames import SSE
from orharness.journal import Request
from orharness.scenario import Reply, Route
from orharness.scenario.playback import interaction_routes, serving_routes
from orharness.scenario.route import select
from orharness.scenario.table import RouteTable
from orharness.server.mounts import Mounted, Mounts
from orharness.sse import Item
from orharness.stream import Stream

REPLY = Reply.respond(200)


def post(body: object, path: str = "/v1/chat/completions", **headers: str) -> Request:
    return Request("POST", path, tuple(headers.items()), json.dumps(body).encode())


def is_short(request: Request) -> bool:
    return len(request.body) < 40


scalars = st.sampled_from([None, True, False, 0, 1, 1.0, "1", "", "a", "ab"])
expected = scalars | st.sampled_from(
    [[1], {"equals": "a"}, {"equals": 1}, {"contains": "a"}, {"contains": "a", "equals": "ab"}]
)
conditions = (
    st.none()
    | st.just(is_short)
    | st.fixed_dictionaries(
        {},
        optional={
            "model": expected,
            "turn": st.sampled_from([0, 1, {"equals": 1}]),
            "last_user": expected,
            "step": st.sampled_from([0, 1, {"equals": 1}]),
            "tools": expected,
            "has_tool_result": st.booleans(),
            "last_tool": expected,
            "tool_result": expected,
            "headers": st.dictionaries(st.sampled_from(["X-A", "x-a", "X-B"]), expected, max_size=2),
            "json": st.dictionaries(st.sampled_from("abc"), scalars | st.sampled_from([[], {}, {"d": 1}]), max_size=2),
        },
    )
)
routes = st.builds(
    Route,
    st.sampled_from(["POST", "GET"]),
    st.sampled_from([None, "/chat/completions", "/v1/chat/completions", "/messages", "/x"]),
    st.just((REPLY,)),
    conditions,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]), "content": scalars},
    optional={"name": scalars, "tool_call_id": st.just("1")},
)
bodies = (
    st.none()
    | scalars
    | st.fixed_dictionaries(
        {},
        optional={
            "model": scalars,
            "messages": st.lists(messages, max_size=2),
            "tools": st.lists(st.just({"type": "function", "function": {"name": "a"}}), max_size=1),
            **{key: scalars | st.sampled_from([[], {}, {"d": True}]) for key in "abc"},
        },
    )
)
requests = st.builds(
    lambda method, path, body, headers: Request(method, path, tuple(headers.items()), json.dumps(body).encode()),
    st.sampled_from(["POST", "GET"]),
    st.sampled_from(["/v1/chat/completions", "/api/v1/messages", "/x", "/v1/x", "/y"]),
    bodies,
    st.dictionaries(st.sampled_from(["X-A", "x-A", "X-B"]), st.sampled_from(["a", "ab", "1"]), max_size=2),
)


@given(st.lists(routes, max_size=8), requests)
def test_what_it_leaves_out_does_not_fit(given_routes: list[Route], request: Request) -> None:
    candidates = RouteTable(given_routes).candidates(request)
    assert candidates == sorted(set(candidates))
    fits = [number for number, one in enumerate(given_routes) if not one.difference(request)]
    assert set(fits) <= set(candidates)


@given(st.lists(st.tuples(routes, st.integers(0, 2)), max_size=6), requests)
def test_the_choice_is_that_of_looking_at_each(given_routes: list[tuple[Route, int]], request: Request) -> None:
    mounts = Mounts()
    mounts.extend(Mounted(route, calls=calls) for route, calls in given_routes)
    chosen = mounts.chosen(request)
    found = select(given_routes, request)
    assert (None if chosen is None else list(mounts).index(chosen)) == found


@pytest.mark.parametrize(
    "condition",
    [
        lambda number: {"model": f"m/{number}"},
        lambda number: {"last_user": {"equals": f"{number}"}},
        lambda number: {"json": {"n": number}},
        lambda number: {"headers": {"X-Number": f"{number}"}, "turn": 1},
    ],
)
def test_of_a_thousand_routes_one_is_looked_at(condition: Any) -> None:
    table = RouteTable(Route("POST", "/chat/completions", (REPLY,), condition(number)) for number in range(1000))
    body = {"model": "m/700", "n": 700, "messages": [{"role": "user", "content": "700"}]}
    asked = post(body, **{"x-number": "700"})
    assert table.candidates(asked) == [700]


def test_each_path_has_its_own() -> None:
    table = RouteTable(Route("POST", f"/events/{number}", (REPLY,)) for number in range(1000))
    assert table.candidates(post({}, "/v1/events/3")) == [3]
    assert table.candidates(post({}, "/events/1000")) == []


def recorded(number: int) -> Interaction:
    body = json.dumps({"n": number, "t": 1.0}).encode()
    asked = RecordedRequest("POST", "https://h/v1/chat/completions", body=body)
    return Interaction(
        asked, headers=(("Content-Type", "text/event-stream"),), stream=Stream.of(b"data: %d\n\n" % number)
    )


def test_a_recorded_body_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cassette = [recorded(number) for number in range(200)]
    table = RouteTable(interaction_routes(cassette))
    asked = post({"t": 1, "n": 150})  # written otherwise, and the same
    assert table.candidates(asked) == [150]
    [serving] = serving_routes(cassette)
    compared: list[object] = []

    def compare(*values: object) -> list[str]:
        compared.append(values)
        return []

    monkeypatch.setattr("orharness.scenario.matching.json_difference", compare)
    reply, difference = serving.reply_to(asked, 0)
    assert (reply.answer(asked).stream.body, difference) == (b"data: 150\n\n", None)
    assert len(compared) == 1


@pytest.mark.parametrize(
    ("when", "body"),
    [
        ({"model": {"contains": "a"}}, {"model": "ab"}),
        ({"model": {"contains": "a", "equals": "ab"}}, {"model": "ab"}),
        ({"json": {"n": 1}}, {"n": 1.0}),
        ({"json": {"n": [1]}}, {"n": [1]}),
        ({"json": {"n": {"equals": "a"}}}, {"n": {"equals": "a"}}),
        ({"model": None}, {}),
        ({"headers": {"X-Not": None}}, {}),
    ],
)
def test_a_condition_that_is_no_plain_value_is_looked_at(when: dict[str, Any], body: dict[str, Any]) -> None:
    route = Route("POST", "/chat/completions", (REPLY,), when)
    assert route.difference(post(body)) == []
    assert RouteTable([route]).candidates(post(body)) == [0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_recorded_body_that_held_a_secret_is_found_among_others(encoding: str) -> None:
    """It cannot be looked up: what was sent is not what is in the cassette."""
    key = "sk-or-v1-" + "0f" * 32
    kept = Interaction(
        RecordedRequest(
            "POST", "https://h/v1/chat/completions", body='{"n": 5, "password": "REDACTED"}'.encode(encoding)
        ),
        headers=(("Content-Type", "text/event-stream"),),
        stream=Stream.of(b"data: secret\n\n"),
    )
    cassette = [*map(recorded, range(5)), kept, *map(recorded, range(6, 9))]
    asked = replace(post({}), body=json.dumps({"n": 5, "password": key}).encode(encoding))
    assert RouteTable(interaction_routes(cassette)).candidates(asked) == [5]
    [serving] = serving_routes(cassette)
    reply, difference = serving.reply_to(asked, 0)
    assert (reply.answer(asked).stream.body, difference) == (b"data: secret\n\n", None)


def test_a_cassette_is_mounted_without_reading_its_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of thousands is not read through for the one that is asked for."""
    read: list[bytes] = []
    decode = SSE.decode

    def counted(body: bytes) -> list[Item]:
        read.append(body)
        return decode(body)

    monkeypatch.setattr(type(SSE), "decode", lambda self, body: counted(body))
    [serving] = serving_routes([recorded(number) for number in range(50)])
    assert read == []
    asked = post({"n": 7, "t": 1.0})
    assert serving.reply_to(asked, 0)[0].answer(asked).stream.body == b"data: 7\n\n"
    assert set(read) == {b"data: 7\n\n"}
