"""What the live page asks for: lanes, bills, and the bytes of an answer."""

from __future__ import annotations

import base64
import http.client
from typing import Any

import pytest

from orharness import comments, per_byte
from orharness.gateways import lookup
from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.server.control.lanes import kinds_of
from orharness.stream import Chunk
from orharness.stream import Stream as Body
from tests.support.control import CHAT, HELD, Control, Stream
from tests.support.raw import eventually

LEAKS = {"orharness": 1, "routes": [{"chat": {"tokens": 60}, "through": [{"hold": 3}], "provider": "Groq", "pace": 9}]}


def lanes(control: Control, **query: object) -> Any:
    return control.ask("GET", "/lanes", query=query).document["lanes"]


def test_each_chunk_has_a_kind() -> None:
    body = Body((Chunk(b"data: a\n\n"), Chunk(b": x\n\n: y\n\n"), Chunk(b"data"), Chunk(b": b\n\n: z\n\n")))
    assert kinds_of(body) == "dcpd"
    assert kinds_of(Body()) == ""


def test_the_end_marker_has_a_kind_of_its_own() -> None:
    plain = Reply.completion("chat", "Hi", through=[comments(": x")])
    asked = Request("POST", "/v1/chat/completions", body=b'{"messages": [], "stream": true}')
    kinds = kinds_of(plain.answer(asked, lookup("onerouter")).stream)
    assert kinds.count("e") == 1
    assert set(kinds) == {"d", "c", "e"}
    torn = kinds_of(Reply.completion("chat", "Hi", through=[per_byte()]).answer(asked, lookup("onerouter")).stream)
    assert torn.count("e") == 1
    assert torn.count("d") < torn.count("p")


def test_a_lane_is_the_call_and_the_plan_of_its_stream(control: Control) -> None:
    session = control.open(HELD, pacing="recorded")
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    [lane] = lanes(control)
    assert (lane["id"], lane["session"], lane["open"], lane["held_at"]) == (
        "000001",
        session["id"],
        True,
        lane["bytes_written"],
    )
    assert lane["request"] == {"method": "POST", "path": "/v1/chat/completions"}
    assert len(lane["stream"]["ends"]) == len(lane["stream"]["kinds"]) == lane["chunks"]
    assert len(lane["stream"]["written_at"]) == lane["chunks_written"] == 3
    assert lane["stream"]["ends"][-1] == lane["stream_size"]
    stream.close()


def test_lanes_are_those_of_all_sessions_the_latest_last(control: Control) -> None:
    sessions = [control.open(CHAT) for _ in range(3)]
    for one in sessions:
        Stream(one["base_url"]).read()
    event = control.ask("GET", "/lanes").document["event"]
    Stream(sessions[0]["base_url"]).read()
    assert [one["session"] for one in lanes(control)] == [*(one["id"] for one in sessions), sessions[0]["id"]]
    assert [one["id"] for one in lanes(control, since=event)] == ["000002"]
    assert [one["id"] for one in lanes(control, session=sessions[0]["id"])] == ["000001", "000002"]
    assert [one["session"] for one in lanes(control, call="000002")] == [sessions[0]["id"]]
    assert [one["session"] for one in lanes(control, last=2)] == [sessions[2]["id"], sessions[0]["id"]]


def test_a_model_that_goes_on_says_how_long(control: Control) -> None:
    session = control.open(LEAKS, pacing="recorded")
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    assert [one["call"] for one in control.ask("GET", "/bills").document["bills"]] == ["000001"]
    stream.close()
    assert control.wait(session["id"], "outcome")["met"]
    [lane] = lanes(control)
    assert lane["outcome"] == "cancelled"
    assert lane["model_until"] == pytest.approx(60 * 9, abs=0.1)
    [bill] = control.ask("GET", "/bills").document["bills"]
    assert bill["tokens_made"] < bill["tokens_billed"] == 60


def test_no_bill_of_what_is_done(control: Control) -> None:
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    assert control.wait(session["id"], "outcome")["met"]
    assert control.ask("GET", "/bills").document["bills"] == []
    assert lanes(control)[0]["model_until"] is None


def test_the_bytes_of_an_answer_chunk_by_chunk(control: Control) -> None:
    session = control.open(CHAT)
    body = Stream(session["base_url"]).read()
    at = f"/sessions/{session['id']}/calls/000001/stream"
    whole = control.ask("GET", at).document
    assert b"".join(base64.b64decode(one["bytes"]) for one in whole["chunks"]) == body
    assert (whole["size"], whole["total"]) == (len(body), len(whole["chunks"]))
    assert {"kind": "text", "text": '"Grüße"'} in [part for one in whole["chunks"] for part in one["parts"]]
    first = control.ask("GET", at, chunks=2).document
    assert (len(first["chunks"]), first["total"]) == (2, whole["total"])


def test_a_lane_that_is_not_answered_yet_has_no_stream(control: Control) -> None:
    session = control.open({"orharness": 1, "routes": [{"chat": "x", "head": 30}]})
    connection = http.client.HTTPConnection("127.0.0.1", control.server.port)
    connection.request("POST", f"/s/{session['id']}/v1/chat/completions", b'{"messages": [], "stream": true}')
    eventually(lambda: lanes(control) != [])
    assert lanes(control)[0]["chunks_written"] == 0
    connection.close()
